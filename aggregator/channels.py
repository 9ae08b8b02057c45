"""Channels: which categories have to be published, what each of them holds, and what it is called."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from sqlalchemy import Engine

from aggregator import __version__, views
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.formats import find
from aggregator.model import Category, CategoryPath, Channel, Entry, Item
from aggregator.publish import is_complete, page, publish, retire, urls
from aggregator.store import channels, meta
from aggregator.store.categories import fold
from aggregator.store.channels import Place, Shown
from aggregator.store.engine import reading, writing
from aggregator.store.view import View
from aggregator.text import http_url

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing came to: files written, channels looked at, and a line for each that could not be written."""

    written: tuple[Path, ...]
    channels: int
    problems: tuple[str, ...]


def slugs(config: Config) -> Mapping[CategoryPath, str]:
    """The folder names that the config gives to categories."""
    return {path: settings.slug for path, settings in config.categories.items() if settings.slug}


def publish_all(
    engine: Engine,
    config: Config,
    progress: Callable[[int, int, str], None],
    rehearse: Callable[[Channel, tuple[Path, ...]], None] | None = None,
) -> Published:
    """Render every channel that has changed since its documents were written, and write what differs.

    A channel that fails keeps its old documents, is reported, and is tried again by the next run. With `rehearse`
    nothing is written or removed: it is told each channel and the files of it that would be.
    """
    names = config.site.formats
    with reading(engine) as db:
        authority = meta.authority(db)
        places = channels.places(db)
    known = categories(config, places)
    settings = _fingerprint(config, authority)
    nowhere = unused(config, places)
    retired = [place for place in places if place.id in nowhere]
    stale = [
        place
        for place in places
        if place not in retired
        if place.rendered != f"{settings}:{place.revision}" or not is_complete(config.output, place.folder, names)
    ]
    written: list[Path] = []
    problems: list[str] = []
    for number, place in enumerate(stale):
        progress(number, len(stale), known[place.folder].title)
        try:
            with reading(engine) as db:
                shown = channels.recent(db, place.id, config.site.items, per_source(config, place.path))
            channel = _channel(config, place, known, shown, authority)
            files = publish(channel, config.output, names, ours=bool(place.rendered), dry=rehearse is not None)
            written += files
            if rehearse and files:
                rehearse(channel, files)
        except AggregatorError as error:
            problems.append(str(error))
            continue
        except Exception as error:  # a border: one channel that cannot be rendered must not keep the others from being
            _log.exception("%s: a mistake in aggregator itself", place.folder)
            problems.append(f"{place.folder or '.'}: internal error: {type(error).__name__}: {error}; please report it")
            continue
        with writing(engine) as db:
            channels.mark_rendered(db, place.id, f"{settings}:{place.revision}")
    for place in (place for place in retired if place.rendered):
        if rehearse:
            files = tuple(config.output / place.folder / find(name).FILENAME for name in names)
            rehearse(_channel(config, place, known, (), authority), files)
            continue
        retire(config.output, place.folder, names)
        with writing(engine) as db:
            channels.mark_rendered(db, place.id, "")
    return Published(tuple(written), len(places) - len(retired), tuple(problems))


def shows(engine: Engine, config: Config, folder: str) -> tuple[Entry, ...]:
    """What the category with this folder shows now; nothing where there is none. What is still shown, though the rules
    of the config exclude it by now, is as it came."""
    with reading(engine) as db:
        places = {place.folder: place for place in channels.places(db)}
        if folder not in places:
            return ()
        place = places[folder]
        shown = channels.recent(db, place.id, config.site.items, per_source(config, place.path))
        known, rules = categories(config, places.values()), views.view(config)
        items = ((each, as_shown(rules, place.path, each) or each.item) for each in shown)
        return tuple(_entry(config, replace(each, item=item), known, meta.authority(db)) for each, item in items)


def configured(config: Config) -> frozenset[CategoryPath]:
    """The categories that are published even while they are empty: those that the config names, and all above them.

    Of a name that is another's alias it is that one."""
    meant = views.view(config).meant
    named = {meant(path) for source in config.sources for path in source.categories} | set(config.categories)
    return frozenset(path[:depth] for path in named for depth in range(len(path) + 1)) | {()}


def unused(config: Config, places: Iterable[Place]) -> frozenset[int]:
    """The categories that are not published: empty, and not named by the config, or by that of an older twin."""
    wanted = set(map(fold, configured(config)))
    named: dict[CategoryPath, int] = {}
    for place in sorted(places, key=lambda place: place.id):
        named.setdefault(fold(place.path), place.id)
    return frozenset(
        place.id
        for place in places
        if not place.entries and not (fold(place.path) in wanted and named[fold(place.path)] == place.id)
    )


def categories(config: Config, places: Iterable[Place]) -> Mapping[str, Category]:
    """Categories by their folders, with the titles and descriptions that the config gives them."""
    named = {fold(path): settings for path, settings in sorted(config.categories.items(), reverse=True)}
    found: dict[str, Category] = {}
    for place in places:
        settings = config.categories.get(place.path) or named.get(fold(place.path))
        found[place.folder] = Category(
            path=place.path,
            folder=place.folder,
            title=(settings.title if settings else "") or (place.path[-1] if place.path else config.site.title),
            description=settings.description if settings else "",
        )
    return found


def _channel(
    config: Config, place: Place, known: Mapping[str, Category], shown: tuple[Shown, ...], authority: str
) -> Channel:
    site = config.site
    titles = {each.path: each.title for each in known.values()}
    above = " / ".join(titles[place.path[: depth + 1]] for depth in range(len(place.path)))
    title = f"{above} · {site.title}" if place.path else site.title
    own = known[place.folder]
    entries = _entries(config, place.path, known, shown, authority)
    return Channel(
        id=f"{authority}feed/" + "/".join(quote(name, safe="") for name in place.path),
        category=replace(own, title=title, description=own.description or title),
        site=site.title,
        site_url=site.base_url,
        page=page(site.base_url, place.folder),
        urls=urls(site.base_url, place.folder, site.formats),
        scheme=f"{authority}categories",
        language=site.language,
        updated=max((entry.updated for entry in entries), default=place.created),
        ttl=max(1, round(config.pace.interval.total_seconds() / 60)),
        entries=entries,
    )


def _entries(
    config: Config, path: CategoryPath, known: Mapping[str, Category], shown: Iterable[Shown], authority: str
) -> tuple[Entry, ...]:
    rules = views.view(config)
    return tuple(
        _entry(config, replace(each, item=item), known, authority)
        for each in shown
        if (item := as_shown(rules, path, each)) is not None
    )


def as_shown(rules: View, path: CategoryPath, shown: Shown) -> Item | None:
    """An entry's item after the rules of its source and of a category; settling saw to it that none is excluded."""
    item = rules.item(shown.source, shown.item, shown.seen, shown.feed.title)
    return rules.entry(path, item, shown.seen) if item else None


def per_source(config: Config, path: CategoryPath) -> int | None:
    """How many entries of one source a category's feeds show: its own limit, else that of all."""
    own = [shelf.max_per_source for each, shelf in sorted(config.shelves.items()) if fold(each) == fold(path)]
    return next((limit for limit in own if limit is not None), config.site.max_per_source)


def _entry(config: Config, shown: Shown, known: Mapping[str, Category], authority: str) -> Entry:
    """An entry with what its source says of itself, filled up so that every entry has an author and an origin.

    The source's key may be a URL with a password, which http_url leaves out.
    """
    feed = shown.feed
    remote = shown.source.startswith(("http://", "https://"))
    title = feed.title or (urlsplit(shown.source).hostname if remote else "") or config.site.title
    feed = replace(
        feed,
        id=feed.id if remote else f"{authority}source/{quote(shown.source)}",
        title=title,
        self_url=(feed.self_url or http_url(shown.source)) if remote else "",
    )
    item = replace(shown.item, language=shown.item.language or feed.language)
    categories = tuple(known[folder] for folder in shown.folders)
    also_in = tuple(link if link.title else replace(link, title=config.site.title) for link in shown.also_in)
    return Entry(shown.id, item, feed, shown.published, shown.updated, categories, also_in)


def _fingerprint(config: Config, authority: str) -> str:
    """What all documents depend on besides the store: when it changes, all are rendered anew."""
    categories, shelves = sorted(config.categories.items()), sorted(config.shelves.items())
    seen = (__version__, authority, config.site, config.pace.interval, categories, shelves)
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
