"""What `aggregator list` shows, as rows for people and values for programs. It only looks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from gettext import gettext as _
from gettext import ngettext, pgettext
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection

from aggregator import dates, formats, phrases, text
from aggregator.composing import as_shown, day_zone
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.fetching import manners
from aggregator.matching import fold_path
from aggregator.model import HostState, Move, Source
from aggregator.placing import categories as titled
from aggregator.placing import published
from aggregator.previewing import named
from aggregator.publish import page, urls
from aggregator.sources import find
from aggregator.store import channels as stored_channels
from aggregator.store import sources as stored_sources
from aggregator.store.channels import Place
from aggregator.store.engine import open_store, reading
from aggregator.store.retention import Pruned
from aggregator.store.sources import Standing
from aggregator.views import view


@dataclass(frozen=True, slots=True)
class Listing:
    """The same list twice: `names` and `rows` of texts and numbers for a table, `values` for JSON."""

    names: Sequence[str]
    rows: Sequence[Sequence[str | int]]
    values: Sequence[dict[str, Any]]


def sources(config: Config, now: datetime) -> Listing:
    """Every source of the config, in the config's order, with how it stands; for people as seen from `now`."""
    with _store(config) as db:
        standings, hosts = stored_sources.standings(db), stored_sources.hosts(db)
    values: list[dict[str, Any]] = []
    rows: list[tuple[str, ...]] = []
    say = phrases.of_terminal()
    for source in config.sources:
        standing = standings.get(source.key)
        title = source.title or (standing.feed.title if standing else "")
        key = text.masked(source.key)
        rows.append((title or key, last(standing, now), due(source, standing, now), _trouble(source, standing, say)))
        values.append(
            {
                "key": key,
                "kind": source.kind,
                "title": title,
                "enabled": source.enabled,
                "categories": [list(path) for path in source.categories],
                "last_visit": _time(standing.last_visit if standing else None),
                "last_success": _time(standing.last_success if standing else None),
                "next_visit": _time(planned(source, standing)),
                "reason": standing.reason if standing else "never visited",
                "failures": standing.failures if standing else 0,
                "error": text.masked(standing.error) if standing else "",
                "warnings": [text.masked(warning) for warning in standing.warnings] if standing else [],
                "gone": bool(standing and standing.gone),
                "moved_to": _move(standing.move) if standing and standing.move else None,
                "same_as": text.masked(standing.same_as) or None if standing else None,
                "paused_until": _time(_paused(config, source, standing, hosts, now)),
                "hub": standing.hints.hub if standing else "",
                "identity": _identity(source, standing),
            }
        )
    return Listing((_("source"), _("last success"), _("next visit"), _("trouble")), rows, values)


def _identity(source: Source, standing: Standing | None) -> dict[str, str]:
    """What a source's entries are recognised by, and why: the owner's word, what visits taught, or all signs."""
    if source.policy.identity != "auto":
        return {"mode": source.policy.identity, "why": "set in the config"}
    mode = standing.habits.mode if standing else "auto"
    return {"mode": mode, "why": standing.habits.why if standing and mode != "auto" else "no reason to do otherwise"}


def last(standing: Standing | None, now: datetime) -> str:
    """When a source succeeded last, as seen from `now`."""
    if not (standing and standing.last_success):
        return _("never")
    return _("{} ago").format(phrases.length(now - standing.last_success))


def planned(source: Source, standing: Standing | None) -> datetime | None:
    """When a source is visited next; None for never, or not known yet."""
    is_over = not source.enabled or (standing and (standing.gone or standing.same_as))
    return standing.next_visit if standing and not is_over else None


def due(source: Source, standing: Standing | None, now: datetime) -> str:
    """When a source is visited next, as seen from `now`."""
    if not source.enabled:
        return _("never")
    if not find(source.kind).REMOTE:
        return _("every run")
    if standing and (standing.gone or standing.same_as):
        return _("never")
    if not (standing and standing.next_visit > now):
        return _("now")
    return _("in {}").format(phrases.length(standing.next_visit - now))


def _trouble(source: Source, standing: Standing | None, say: Callable[[str], str]) -> str:
    """What the owner of a source should know, in a few words: its error, else how many warnings, and where it went.
    `say` puts what the store says into the owner's language."""
    if not source.enabled:
        return pgettext("state", "disabled")
    if standing is None:
        return ""
    if standing.gone:
        return _("gone (410)")
    number = len(standing.warnings)
    warnings = ngettext("{} warning", "{} warnings", number).format(number) if number else ""
    if standing.same_as:
        return _("{}, where it has moved: remove one of the two").format(say(standing.reason))
    move = standing.move
    moved = _("has moved to {}: write it into the config").format(move.url) if move and move.believed else ""
    return _("; ").join(filter(None, (say(text.masked(standing.error)) or warnings, moved)))


def _move(move: Move) -> dict[str, Any]:
    return {"url": move.url, "visits": move.visits, "since": _time(move.since), "believed": move.believed}


def _paused(
    config: Config, source: Source, standing: Standing | None, hosts: Mapping[str, HostState], now: datetime
) -> datetime | None:
    """Until when the host of a source wants silence; None for a route of RSSHub, which has several."""
    move = standing.move if standing else None
    url = move.url if move and move.believed else source.key
    host = (urlsplit(text.http_url(url)).hostname or "").rstrip(".")
    rule = manners.rule(config.hosts, host)
    state = hosts.get(rule.name)
    return manners.silent_until(state, now, manners.pace(config.pace, rule).pause_cap) if state else None


def categories(config: Config) -> Listing:
    """Every category with its folder and the public address of its feed in each format, in the config's order."""
    with _store(config) as db:
        places, counts = stored_channels.places(db), stored_channels.counts(db)
    known, base = titled(config, places), config.site.base_url
    values: list[dict[str, Any]] = [
        {
            "path": list(place.path),
            "title": known[place.folder].title,
            "folder": place.folder,
            "entries": counts.get(place.id, 0),
            "url": page(base, place.folder),
            "urls": dict(urls(base, place.folder, formats.chosen(config.site.formats, place.path))),
        }
        for place in published(config, places)
    ]
    first = next((name for name in config.site.formats if all(name in each["urls"] for each in values)), "")
    rows = [
        # Readers and browsers take an address with its letters (RFC 3987), and a folder has only letters and hyphens.
        (
            _name(each["path"], _("(everything)")),
            each["entries"],
            base + unquote(each["urls"].get(first, each["url"]).removeprefix(base)),
        )
        for each in values
    ]
    last_name = pgettext("column", "{} feed").format(first) if first else _("folder")
    return Listing((_("category"), _("entries"), last_name), rows, values)


def _name(path: Sequence[str], everything: str = "(everything)") -> str:
    return " / ".join(path) or everything


def items(config: Config, category: str | None, source: str | None, limit: int | None) -> Listing:
    """Every published item of a category (`A/B`; None: all) or source (as `status` takes it), newest first, with all
    its copies.

    Raises AggregatorError when there is no such category or source.
    """
    with _store(config) as db:
        keys = _keys(config, db, source) if source else set()
        place = _place(stored_channels.places(db), category or "")
        shown = stored_channels.recent(db, place.id, None) if place else ()
        copies = stored_channels.copies(db)
    rules = view(config)
    viewed = ((entry, as_shown(rules, place.path, entry)) for entry in shown) if place else ()
    values: list[dict[str, Any]] = [
        {
            "id": entry.id,
            "title": item.title,
            "url": item.url,
            "published": _time(entry.published),
            "updated": _time(entry.updated),
            "first_seen": _time(entry.first_seen),
            "source": text.masked(entry.source),
            "folders": list(entry.folders),
            "copies": [copy | {"source": text.masked(copy["source"])} for copy in copies[entry.id]],
            "also_in": [{"url": link.href, "title": link.title or config.site.title} for link in entry.also_in],
        }
        for entry, item in viewed
        if item and (not source or any(copy["source"] in keys for copy in copies[entry.id]))
    ][:limit]
    days = {entry.id: dates.day(entry.published, day_zone(rules, entry)).isoformat() for entry in shown}
    titles = {text.masked(entry.source): entry.feed.title for entry in shown}
    rows = [
        (days[each["id"]], titles[each["source"]] or each["source"], each["title"] or each["url"] or each["id"])
        for each in values
    ]
    return Listing((_("published"), _("source"), _("title")), rows, values)


def _keys(config: Config, db: Connection, wanted: str) -> set[str]:
    """The sources that somebody means: one, or all whose keys look like that without their passwords."""
    keys = {each.key for each in config.sources}
    if same := {key for key in keys if wanted in (key, text.masked(key))}:
        return same
    titles = {key: each.feed.title for key, each in stored_sources.standings(db).items()}
    found = {named(config, wanted, titles).key} & keys
    if not found:
        advice = "see `aggregator list sources --json` for their keys"
        raise AggregatorError(f'there is no source "{text.masked(wanted)}"; {advice}')
    return found


def pruned(found: Pruned) -> Listing:
    """What `prune` has removed, or would: how many entries of which source, category, and source that left."""
    every = [("source", text.masked(key), count) for key, count in sorted(found.sources.items())]
    every += [("category", _name(path), count) for path, count in sorted(found.categories.items())]
    every += [("left", text.masked(key), count) for key, count in sorted(found.left.items())]
    values = [{"why": why, "name": name, "entries": count} for why, name, count in every]
    whys = {"source": _("source"), "category": _("category"), "left": _("left")}
    rows = [(whys[why], count, name) for why, name, count in every]
    return Listing((_("why"), _("entries"), _("name")), rows, values)


def _place(places: Iterable[Place], category: str) -> Place | None:
    """The category that someone typed; for "" it is everything, which is not there before the first run."""
    typed = tuple(text.one_line(name) for name in category.split("/")) if category else ()
    alike = [place for place in places if "/".join(fold_path(place.path)) == "/".join(fold_path(typed))]
    place = min(alike, key=lambda place: (place.path != typed, place.id), default=None)
    if category and place is None:
        said = _('there is no category "{category}"; see `aggregator list categories`')
        raise AggregatorError(said.format(category=category))
    return place


@contextmanager
def _store(config: Config) -> Iterator[Connection]:
    engine = open_store(config.store)
    try:
        with reading(engine) as db:
            yield db
    finally:
        engine.dispose()


def _time(moment: datetime | None) -> str | None:
    return dates.rfc3339(moment) if moment else None
