"""Channels: which categories have to be published, what each of them holds, and what it is called."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from sqlalchemy import Engine

from aggregator import __version__
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.formats import find
from aggregator.model import Category, CategoryPath, Channel, Entry
from aggregator.publish import is_complete, page, publish, retire, urls
from aggregator.store import channels, meta
from aggregator.store.channels import Place, Shown
from aggregator.store.engine import reading, writing
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
    known = {place.folder: category(config, place) for place in places}
    settings = _fingerprint(config, authority)
    wanted = configured(config)
    retired = [place for place in places if not place.entries and place.path not in wanted]
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
                shown = channels.recent(db, place.id, config.site.items)
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


def entries(engine: Engine, config: Config, folder: str) -> tuple[Entry, ...]:
    """What the category with this folder shows now; nothing where there is none."""
    with reading(engine) as db:
        places = {place.folder: place for place in channels.places(db)}
        if folder not in places:
            return ()
        shown = channels.recent(db, places[folder].id, config.site.items)
        known = {name: category(config, place) for name, place in places.items()}
        authority = meta.authority(db)
    return tuple(_entry(config, each, known, authority) for each in shown)


def configured(config: Config) -> frozenset[CategoryPath]:
    """The categories that are published even while they are empty: those that the config names, and all above them."""
    named = {path for source in config.sources for path in source.categories} | set(config.categories)
    return frozenset(path[:depth] for path in named for depth in range(len(path) + 1)) | {()}


def category(config: Config, place: Place) -> Category:
    """A category with the title and description that the config gives it."""
    settings = config.categories.get(place.path)
    name = place.path[-1] if place.path else config.site.title
    return Category(
        path=place.path,
        folder=place.folder,
        title=(settings.title if settings else "") or name,
        description=settings.description if settings else "",
    )


def _channel(
    config: Config, place: Place, known: Mapping[str, Category], shown: tuple[Shown, ...], authority: str
) -> Channel:
    site = config.site
    titles = {each.path: each.title for each in known.values()}
    above = " / ".join(titles[place.path[: depth + 1]] for depth in range(len(place.path)))
    title = f"{above} · {site.title}" if place.path else site.title
    own = known[place.folder]
    entries = tuple(_entry(config, each, known, authority) for each in shown)
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
    return Entry(shown.id, item, feed, shown.published, shown.updated, categories)


def _fingerprint(config: Config, authority: str) -> str:
    """What all documents depend on besides the store: when it changes, all are rendered anew."""
    seen = (__version__, authority, config.site, config.pace.interval, sorted(config.categories.items()))
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
