"""What `aggregator list` shows, as rows for people and values for programs. It only looks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from aggregator import channels, dates
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.model import CategoryPath
from aggregator.publish import page, urls
from aggregator.store import channels as stored_channels
from aggregator.store import sources as stored_sources
from aggregator.store.engine import open_store, reading


@dataclass(frozen=True, slots=True)
class Listing:
    """The same list twice: `names` and `rows` of text for a table, `values` for JSON."""

    names: Sequence[str]
    rows: Sequence[Sequence[str]]
    values: Sequence[dict[str, Any]]


def sources(config: Config) -> Listing:
    """Every source of the config, in the config's order, with how it stands."""
    with _store(config) as db:
        standings = stored_sources.standings(db)
    values: list[dict[str, Any]] = []
    for source in config.sources:
        standing = standings.get(source.key)
        values.append(
            {
                "key": source.key,
                "kind": source.kind,
                "title": source.title or (standing.feed.title if standing else ""),
                "categories": [list(path) for path in source.categories],
                "last_visit": _time(standing.last_visit if standing else None),
                "last_success": _time(standing.last_success if standing else None),
                "next_visit": _time(standing.next_visit if standing else None),
                "reason": standing.reason if standing else "never visited",
                "failures": standing.failures if standing else 0,
                "error": standing.error if standing else "",
            }
        )
    rows = [
        (
            each["title"] or each["key"],
            each["last_success"] or "never",
            each["next_visit"] or "now",
            each["reason"],
            each["error"],
        )
        for each in values
    ]
    return Listing(("source", "last success", "next visit", "why then", "trouble"), rows, values)


def categories(config: Config) -> Listing:
    """Every category with its folder and the public address of its feed in each format, in the config's order."""
    with _store(config) as db:
        places = stored_channels.places(db)
    values: list[dict[str, Any]] = [
        {
            "path": list(place.path),
            "title": channels.category(config, place).title,
            "folder": place.folder,
            "entries": place.entries,
            "url": page(config.site.base_url, place.folder),
            "urls": dict(urls(config.site.base_url, place.folder, config.site.formats)),
        }
        for place in sorted(places, key=lambda place: _order(config, place.path))
    ]
    rows = [
        (" / ".join(each["path"]) or "(everything)", str(each["entries"]), f"{each['folder']}/".lstrip("/") or ".")
        for each in values
    ]
    return Listing(("category", "entries", "folder"), rows, values)


def items(config: Config, category: str | None, source: str | None, limit: int | None) -> Listing:
    """Every published item of a category (`A/B`, "" or None for all) or source, newest first, with all its copies."""
    path = tuple(name.strip() for name in category.split("/")) if category else ()
    with _store(config) as db:
        place = next((place for place in stored_channels.places(db) if place.path == path), None)
        if place is None and category:
            raise AggregatorError(f"there is no category {category!r}; see `aggregator list categories`")
        shown = stored_channels.recent(db, place.id, None) if place else ()
        copies = stored_channels.copies(db)
    values: list[dict[str, Any]] = [
        {
            "id": entry.id,
            "title": entry.item.title,
            "url": entry.item.url,
            "published": _time(entry.published),
            "updated": _time(entry.updated),
            "first_seen": _time(entry.first_seen),
            "source": entry.source,
            "folders": list(entry.folders),
            "copies": copies[entry.id],
        }
        for entry in shown
        if not source or any(copy["source"] == source for copy in copies[entry.id])
    ][:limit]
    rows = [(each["published"][:10], each["title"] or each["url"] or each["id"], each["source"]) for each in values]
    return Listing(("published", "title", "source"), rows, values)


@contextmanager
def _store(config: Config) -> Iterator[Connection]:
    engine = open_store(config.store)
    try:
        with reading(engine) as db:
            yield db
    finally:
        engine.dispose()


def _order(config: Config, path: CategoryPath) -> tuple[tuple[int, str], ...]:
    """Where a category stands: at each level by the config's `order`, then by name."""
    levels = [path[: depth + 1] for depth in range(len(path))]
    settings = [config.categories.get(level) for level in levels]
    return tuple((each.order if each else 0, level[-1]) for level, each in zip(levels, settings, strict=True))


def _time(moment: datetime | None) -> str | None:
    return dates.rfc3339(moment) if moment else None
