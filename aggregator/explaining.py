"""`aggregator explain`: where an entry came from, what it is known by, why it is dated so, and in which feeds it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from gettext import gettext as _
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from aggregator import composing, dates, identity, phrases, text
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.matching import fold_path
from aggregator.model import CategoryPath, Item
from aggregator.placing import shelf, spellings
from aggregator.sources import find
from aggregator.store import archives, channels, telling
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, reading
from aggregator.store.retention import FINAL
from aggregator.store.telling import Copy, Told
from aggregator.views import View
from aggregator.views import view as made

_MANY = 5


@dataclass(frozen=True, slots=True)
class Explanation:
    """One story: `lines` are label and words for people, `values` the same for programs."""

    title: str
    lines: Sequence[tuple[str, str]]
    values: dict[str, Any]


def explain(config: Config, wanted: str) -> tuple[tuple[Explanation, ...], int]:
    """What is known of the entries that `wanted` names: a URL, an id, a post's path, or words of the title; and
    how many more there are than are told.

    Raises AggregatorError when there is none, with what is known of the sources at that host.
    """
    engine = open_store(config.store)
    try:
        with reading(engine) as db:
            found = telling.by_name(db, [wanted], _keys(config, wanted))
            number = len(found)
            if not found:
                found, number = telling.by_title(db, wanted.split(), _MANY), telling.titled(db, wanted.split())
            if not found:
                raise AggregatorError(_nothing(config, db, wanted))
            view = made(config)
            explained = tuple(_explanation(config, db, view, told) for told in found[:_MANY])
            return explained, number - len(explained)
    finally:
        engine.dispose()


def _keys(config: Config, wanted: str) -> set[str]:
    """Every key that somebody may mean by `wanted`."""
    origins = {wanted}
    for source in config.sources:
        folder = config.root / source.key.partition(":")[2]
        if not find(source.kind).REMOTE and Path(wanted).absolute().is_relative_to(folder):
            origins.add(Path(wanted).absolute().relative_to(folder).as_posix())
    met = [Item(guid=wanted, url=text.http_url(wanted))] + [Item(origin=origin) for origin in sorted(origins)]
    vague = ("tail:", "body:", "text:")  # another host may have a page of that path; the others are of an empty entry
    return {key for item in met for key in identity.keys(item) if not key.startswith(vague)}


def _nothing(config: Config, db: Connection, wanted: str) -> str:
    """Why there may be nothing of that name."""
    host = urlsplit(text.http_url(wanted)).hostname
    near = [source.key for source in config.sources if host and urlsplit(text.http_url(source.key)).hostname == host]
    standings = stored.standings(db)
    told = [f"{text.masked(key)} {_state(standings.get(key))}" for key in near]
    advice = _("; ").join(told) or _("write its URL, its id, the path of its file, or words of its title")
    said = _("nothing is known of {entry}; {advice}")
    return said.format(entry=text.one_line(text.masked(wanted), 200), advice=advice)


def _state(standing: stored.Standing | None) -> str:
    if not standing or not standing.last_visit:
        return _("was never visited")
    if standing.error:
        return _("failed at the last visit ({error})").format(error=_say(text.masked(standing.error)))
    return _("was read last {moment} and did not list it").format(moment=_when(standing.last_success))


def _explanation(config: Config, db: Connection, view: View, told: Told) -> Explanation:
    shown = told.copies[0]
    lines = [(_("id"), told.id or _("none yet"))]
    for copy in told.copies:
        lines += [(_("copy"), line) for line in _copy(view, copy, told)]
    lines += [(_("dates"), line) for line in _dates(told)]
    lines += [(_("known by"), key) for key in shown.keys]
    item = view.item(shown.source, _dated(shown), shown.first_seen, shown.feed_title) if _is_live(shown) else None
    rules = view.explain_item(shown.source, _dated(shown), shown.first_seen, shown.feed_title)
    lines += [(_("rules"), _say(line)) for line in rules]
    places = [_place(config, db, told, path, number) for path, number in told.places.items()]
    lines += [(_("feed"), line) for line in places]
    if item:
        known = spellings(config, channels.places(db))
        ours = (known.get(fold_path(path), path) for path in item.categories)
        item = replace(item, categories=tuple(dict.fromkeys(ours)))
        why = view.explain_places(item, frozenset(item.categories), shown.first_seen)
        lines += [(_("category"), _say(line)) for line in why]
    title = shown.title or shown.item.url or told.id
    values = {
        "id": told.id,
        "title": shown.title,
        "published": _time(told.published),
        "updated": _time(told.updated),
        "copies": [_values(view, copy) for copy in told.copies],
        "feeds": [list(path) for path in told.places],
        "lines": [{"about": about, "text": line} for about, line in lines],
    }
    return Explanation(title, lines, values)


def _copy(view: View, copy: Copy, told: Told) -> Iterator[str]:
    """Where a copy is from, and whether it is the one that is shown."""
    where = _("its text is kept no longer") if _is_bare(copy) else copy.item.url or copy.item.origin or _("no link")
    who = copy.feed_title or text.masked(copy.source)
    line = _("{source}: {where}; first seen {moment}; {role}")
    yield line.format(source=who, where=where, moment=_when(copy.first_seen), role=_role(view, copy, told))


def _dated(copy: Copy) -> Item:
    """A copy as rules see it: with the date that it has, whatever upstream says now."""
    return replace(copy.item, published=copy.published)


def _is_bare(copy: Copy) -> bool:
    """Whether it was removed for good, so that nothing is kept but what it is recognised by."""
    return copy.removed is not None and copy.why in FINAL


def _is_live(copy: Copy) -> bool:
    return copy.active and copy.removed is None


def _role(view: View, copy: Copy, told: Told) -> str:
    if copy.removed is not None:
        line = _("removed {moment}: {why}") if copy.why else _("removed {moment}")
        return line.format(moment=_when(copy.removed), why=_say(copy.why))
    if not copy.active:
        return _("its source has left the config")
    if copy.until:
        return _("waits for {moment}").format(moment=_when(copy.until))
    if view.item(copy.source, _dated(copy), copy.first_seen, copy.feed_title) is None:
        return _("a rule excludes it")
    if copy.shown:
        return _("shown") if len(told.copies) == 1 else _("the copy that is shown")
    return _("merged into the copy that is shown")


def _dates(told: Told) -> Iterator[str]:
    """Why a story is dated so: its date is that of the copy that came first, and stays."""
    shown = told.copies[0]
    copy = next((each for each in told.copies if (each.published or each.first_seen) == told.published), shown)
    if copy is not shown:
        who = copy.feed_title or text.masked(copy.source)
        line = _("published {moment}: the date of the copy that came first, in {source}")
        yield line.format(moment=_when(told.published), source=who)
    else:
        yield _published(shown)
    if shown.edits:
        times = _("once") if shown.edits == 1 else _("{number} times").format(number=shown.edits)
        last = _(", last {moment}").format(moment=_when(shown.edited)) if shown.edited else ""
        line = _("updated {moment}: its words changed {times}{last}")
        yield line.format(moment=_when(told.updated or shown.updated), times=times, last=last)
    else:
        yield _("updated {moment}: its words never changed").format(moment=_when(told.updated or shown.updated))
    if shown.missing:
        yield _("not listed by its feed since {moment}").format(moment=_when(shown.missing))


def _published(copy: Copy) -> str:
    """Why a copy is dated so."""
    said, kept = copy.item.published, copy.published
    if kept is None:
        why = _("upstream gave no date, so when it was first seen")
    elif _is_bare(copy):
        why = _("as it was when it was removed")
    elif said == kept:
        why = _("as upstream says")
    elif said is None and copy.item.updated:
        why = _("fixed when it was first seen; upstream says only when it was updated")
    elif said is None:
        why = _("fixed when it was first seen; upstream says no date any more")
    elif copy.item.day_only and timedelta() <= kept - said < timedelta(days=1):
        why = _("upstream says the day alone; the clock is that of the first sight")
    elif said > copy.first_seen >= kept:
        why = _("upstream says {moment}, which lay ahead, so when it was first seen").format(moment=_when(said))
    else:
        why = _("fixed when it was first seen; upstream now says {moment}").format(moment=_when(said))
    return _("published {moment}: {why}").format(moment=_when(kept or copy.first_seen), why=why)


def _place(config: Config, db: Connection, told: Told, path: CategoryPath, number: int) -> str:
    """Where a category's feeds, whose current document holds its newest entries, show the story."""
    name = " / ".join(path) or _("(everything)")
    newest = [each.id for each in composing.shown(db, config, number, path)]
    if told.id in newest:
        line = _("{category}: entry {number} of {all}")
        return line.format(category=name, number=newest.index(told.id) + 1, all=len(newest))
    if composing.archive_size(config) and (archive := archives.holder(db, number, told.id)):
        return _("{category}: in archive {archive}").format(category=name, archive=archive)
    own = shelf(config, path)
    if own.max_per_source and told.id in (each.id for each in channels.recent(db, number, own.items)):
        line = _("{category}: not among the newest {number} of its source")
        return line.format(category=name, number=own.max_per_source)
    return _("{category}: no longer among its newest {number} entries").format(category=name, number=own.items)


def _values(view: View, copy: Copy) -> dict[str, Any]:
    return {
        "source": text.masked(copy.source),
        "active": copy.active,
        "shown": copy.shown,
        "url": copy.item.url,
        "guid": copy.item.guid,
        "file": copy.item.origin,
        "keys": list(copy.keys),
        "upstream_published": _time(copy.item.published),
        "published": _time(copy.published),
        "first_seen": _time(copy.first_seen),
        "updated": _time(copy.updated),
        "edits": copy.edits,
        "edited": _time(copy.edited),
        "removed": _time(copy.removed),
        "why": copy.why,
        "waits_until": _time(copy.until),
        "rules": list(view.explain_item(copy.source, _dated(copy), copy.first_seen, copy.feed_title)),
    }


def _when(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else _("never")


def _say(line: str) -> str:
    return phrases.of_terminal()(line)


def _time(moment: datetime | None) -> str | None:
    return dates.rfc3339(moment) if moment else None
