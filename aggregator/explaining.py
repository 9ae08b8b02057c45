"""`aggregator explain`: where an entry came from, what it is known by, why it is dated so, and in which feeds it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from aggregator import composing, dates, identity, text
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
    advice = "; ".join(told) or "write its URL, its id, the path of its file, or words of its title"
    return f"nothing is known of {text.one_line(text.masked(wanted), 200)}; {advice}"


def _state(standing: stored.Standing | None) -> str:
    if not standing or not standing.last_visit:
        return "was never visited"
    if standing.error:
        return f"failed at the last visit ({standing.error})"
    return f"was read last {_when(standing.last_success)} and did not list it"


def _explanation(config: Config, db: Connection, view: View, told: Told) -> Explanation:
    shown = told.copies[0]
    lines = [("id", told.id or "none yet")]
    for copy in told.copies:
        lines += [("copy", line) for line in _copy(view, copy, told)]
    lines += [("dates", line) for line in _dates(told)]
    lines += [("known by", key) for key in shown.keys]
    item = view.item(shown.source, _dated(shown), shown.first_seen, shown.feed_title) if _is_live(shown) else None
    rules = view.explain_item(shown.source, _dated(shown), shown.first_seen, shown.feed_title)
    lines += [("rules", line) for line in rules]
    places = [_place(config, db, told, path, number) for path, number in told.places.items()]
    lines += [("feed", line) for line in places]
    if item:
        known = spellings(config, channels.places(db))
        ours = (known.get(fold_path(path), path) for path in item.categories)
        item = replace(item, categories=tuple(dict.fromkeys(ours)))
        why = view.explain_places(item, frozenset(item.categories), shown.first_seen)
        lines += [("category", line) for line in why]
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
    where = "its text is kept no longer" if _is_bare(copy) else copy.item.url or copy.item.origin or "no link"
    who = copy.feed_title or text.masked(copy.source)
    yield f"{who}: {where}; first seen {_when(copy.first_seen)}; {_role(view, copy, told)}"


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
        return f"removed {_when(copy.removed)}" + (f": {copy.why}" if copy.why else "")
    if not copy.active:
        return "its source has left the config"
    if copy.until:
        return f"waits for {_when(copy.until)}"
    if view.item(copy.source, _dated(copy), copy.first_seen, copy.feed_title) is None:
        return "a rule excludes it"
    if copy.shown:
        return "shown" if len(told.copies) == 1 else "the copy that is shown"
    return "merged into the copy that is shown"


def _dates(told: Told) -> Iterator[str]:
    """Why a story is dated so: its date is that of the copy that came first, and stays."""
    shown = told.copies[0]
    copy = next((each for each in told.copies if (each.published or each.first_seen) == told.published), shown)
    if copy is not shown:
        who = copy.feed_title or text.masked(copy.source)
        yield f"published {_when(told.published)}: the date of the copy that came first, in {who}"
    else:
        yield _published(shown)
    if shown.edits:
        times = "once" if shown.edits == 1 else f"{shown.edits} times"
        last = f", last {_when(shown.edited)}" if shown.edited else ""
        yield f"updated {_when(told.updated or shown.updated)}: its words changed {times}{last}"
    else:
        yield f"updated {_when(told.updated or shown.updated)}: its words never changed"
    if shown.missing:
        yield f"not listed by its feed since {_when(shown.missing)}"


def _published(copy: Copy) -> str:
    """Why a copy is dated so."""
    said, kept = copy.item.published, copy.published
    if kept is None:
        return f"published {_when(copy.first_seen)}: upstream gave no date, so when it was first seen"
    if _is_bare(copy):
        return f"published {_when(kept)}: as it was when it was removed"
    if said == kept:
        return f"published {_when(kept)}: as upstream says"
    if said is None:
        only = "upstream says only when it was updated" if copy.item.updated else "upstream says no date any more"
        return f"published {_when(kept)}: fixed when it was first seen; {only}"
    if copy.item.day_only and timedelta() <= kept - said < timedelta(days=1):
        return f"published {_when(kept)}: upstream says the day alone; the clock is that of the first sight"
    if said > copy.first_seen >= kept:
        return f"published {_when(kept)}: upstream says {_when(said)}, which lay ahead, so when it was first seen"
    return f"published {_when(kept)}: fixed when it was first seen; upstream now says {_when(said)}"


def _place(config: Config, db: Connection, told: Told, path: CategoryPath, number: int) -> str:
    """Where a category's feeds, whose current document holds its newest entries, show the story."""
    name = " / ".join(path) or "(everything)"
    newest = [each.id for each in composing.shown(db, config, number, path)]
    if told.id in newest:
        return f"{name}: entry {newest.index(told.id) + 1} of {len(newest)}"
    if composing.archive_size(config) and (archive := archives.holder(db, number, told.id)):
        return f"{name}: in archive {archive}"
    own = shelf(config, path)
    if own.max_per_source and told.id in (each.id for each in channels.recent(db, number, own.items)):
        return f"{name}: not among the newest {own.max_per_source} of its source"
    return f"{name}: no longer among its newest {own.items} entries"


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
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"


def _time(moment: datetime | None) -> str | None:
    return dates.rfc3339(moment) if moment else None
