"""Publishing: which categories have changed since they were written, and writing these, with archives and overview.

What makes documents is loaded where there is one to be made: most runs of cron have nothing new.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Engine

from aggregator import __version__, composing, overview
from aggregator.composing import Planet
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.formats import FEEDS, chosen, find
from aggregator.model import Channel, Entry, Overview, Progress
from aggregator.output import Output, Written, discard, opened, put
from aggregator.overview import Scene
from aggregator.placing import published, shelf
from aggregator.store import archives as stored_archives
from aggregator.store import channels, clocks, files, meta
from aggregator.store import sources as stored
from aggregator.store.channels import Place
from aggregator.store.engine import reading, writing

_log = logging.getLogger(__name__)

Rehearse = Callable[[Channel, tuple[str, ...]], None]


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing came to: files written, by their paths below the output, channels looked at, and a line for each
    document that was not written.

    `failed` is the number of channels that have such documents, `topics` are the URLs of feeds that changed.
    """

    written: tuple[str, ...]
    channels: int
    problems: tuple[str, ...]
    failed: int = 0
    topics: tuple[str, ...] = ()

    def __add__(self, other: "Published") -> "Published":
        return Published(
            self.written + other.written,
            self.channels + other.channels,
            tuple(dict.fromkeys(self.problems + other.problems)),  # of an object store, there may be one for all
            self.failed + other.failed,
            self.topics + other.topics,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be published: `stale` are the categories whose documents are to be rendered anew, `past` those that
    are no more and still have some. `states` are what is kept of a category that was rendered, by its number; `all` is
    how many there are."""

    output: Output
    planet: Planet
    scene: Scene
    trouble: bytes
    states: Mapping[int, str]
    stale: tuple[Place, ...]
    past: tuple[Place, ...]
    all: int


def publish_all(
    engine: Engine,
    config: Config,
    now: datetime,
    progress: Progress,
    rehearse: Rehearse | None = None,
) -> Published:
    """Render every channel that has changed since its documents were written, and write what differs.

    A channel with a document that fails keeps the old one, is reported, and is tried again by the next run. With
    `rehearse` nothing is written or removed: it is told each channel and the files of it that would be.
    """
    due = plan(engine, config, dry=rehearse is not None)
    done = Published((), due.all, ())
    if due.stale:
        done += _publish_stale(due, now, progress, rehearse)
    for place in due.past:
        done += publish_one(due, place, now, rehearse)
    return done


def _publish_stale(due: Plan, now: datetime, progress: Progress, rehearse: Rehearse | None) -> Published:
    from aggregator import archives
    from aggregator.formats import checks, pieces

    done = Published((), 0, ())
    archived = archives.expected(due.output, due.planet, due.stale)
    total, before = len(due.stale) + sum(archived.values()), 0
    for place in due.stale:
        heard = _within(progress, before, total, due.planet.categories[place.folder].title)
        heard(0)
        done += publish_one(due, place, now, rehearse, heard)
        before += archived.get(place.id, 0) + 1
    pieces.forget()
    checks.forget()
    return done


def plan(engine: Engine, config: Config, *, dry: bool = False) -> Plan:
    """What is to be published now; with `dry` nothing will be written."""
    trouble = b""
    with reading(engine) as db:
        places = channels.places(db)
        planet = composing.planet(config, meta.authority(db), places)
        standings = stored.standings(db) if overview.is_shown(config) else {}
        if config.site.failures:
            from aggregator.failures import failures

            trouble = failures(db, config, config.site.base_url + config.site.failures)
    output = opened(engine, config, places, dry=dry)
    current = published(config, places)
    scene = overview.scene(planet, current, standings)
    settings = _fingerprint(config, planet.authority)
    states = {place.id: f"{settings}:{overview.print_of(scene, place.path)}:{place.revision}" for place in current}
    states |= {place.id: f"{states[place.id]}:{_print(trouble)}" for place in current if trouble and not place.path}
    stale = [place for place in current if place.rendered != states[place.id] or place.id in output.lacking]
    past = [place for place in places if place.id not in states and (place.rendered or place.id in output.ours)]
    return Plan(output, planet, scene, trouble, states, tuple(stale), tuple(past), len(current))


def _within(progress: Progress, before: int, total: int, title: str) -> Callable[[int], None]:
    """Hears how many archives of a category are done, `before` which other documents were."""
    return lambda done: progress(min(before + done, total), total, "writing", title)


def publish_one(
    due: Plan,
    place: Place,
    now: datetime,
    rehearse: Rehearse | None = None,
    heard: Callable[[int], None] = lambda _: None,
) -> Published:
    """Write the documents of one category of a plan, or remove them where it is no more. `heard` is told how many
    archives are done."""
    if place.id not in due.states:
        left = _retire(due.output, due.planet, place, rehearse)
        return Published(left.paths, 0, left.problems)
    trouble = b"" if place.path else due.trouble
    channel, done, gone = _publish(due, place, now, trouble, heard)
    touched = (*done.paths, *gone)
    if rehearse and touched and channel:
        rehearse(channel, touched)
    if not done.problems:
        with writing(due.output.engine) as db:
            channels.mark_rendered(db, place.id, due.states[place.id])
    topics = tuple(_topics(channel, done)) if channel else ()
    return Published(done.paths, 0, done.problems, int(bool(done.problems)), topics)


def shows(engine: Engine, config: Config, folder: str) -> tuple[Entry, ...]:
    """What the category with this folder shows now; nothing where there is none. What is still shown, though the rules
    of the config exclude it by now, is as it came."""
    with reading(engine) as db:
        places = {place.folder: place for place in channels.places(db)}
        if folder not in places:
            return ()
        planet, place = composing.planet(config, meta.authority(db), places.values()), places[folder]
        return composing.entries(planet, place.path, composing.shown(db, config, place.id, place.path), excluded=True)


def _publish(
    due: Plan, place: Place, now: datetime, trouble: bytes, heard: Callable[[int], None]
) -> tuple[Channel | None, Written, tuple[str, ...]]:
    """Write a category with its archives: the channel, what was written, what was removed as it is no longer wanted.

    `trouble` is the feed of failures, which stands beside everything, b"" for none. Archives come first, so that what
    the current document leads to is there.
    """
    from aggregator import archives
    from aggregator.documents import Terms, beside, render

    output, planet, scene = due.output, due.planet, due.scene
    config = planet.config
    summary = shelf(config, place.path).content == "summary"
    terms = Terms(config.site.max_feed_bytes, config.site.gzip, summary)
    try:
        chain = archives.publish(output, planet, scene, place, terms, heard)
        with reading(output.engine) as db:
            shown = composing.shown(db, config, place.id, place.path)
        told = overview.of(scene, place.path) if place.path else _whole(output.engine, scene, now)
        channel = replace(composing.channel(planet, place, shown), previous=chain.newest, overview=told)
        rendered = render(channel, place.folder, chosen(config.site.formats, place.path), terms)
        if trouble:
            from aggregator.failures import MEDIA_TYPE

            rendered = beside(rendered, config.site.failures, MEDIA_TYPE, trouble, copy=config.site.gzip)
        written = chain.written + put(output, place.id, {0: rendered})[0]
    except Exception as error:  # a border: one channel that cannot be made must not keep the others from being
        if isinstance(error, AggregatorError):
            return None, Written(problems=(str(error),)), ()
        _log.exception("%s: a mistake in aggregator itself", place.folder)
        why = f"internal error: {type(error).__name__}: {error}; please report it"
        return None, Written(problems=(f"{place.folder or '.'}: {why}",)), ()
    if not rendered.whole:
        return channel, written, ()
    gone, left = discard(output, chain.unwanted | output.ours.get(place.id, frozenset()) - rendered.paths)
    written += left
    if not written.problems:
        archives.done(output, place, chain)
    return channel, written, gone


def _whole(engine: Engine, scene: Scene, now: datetime) -> Overview:
    """The overview of everything; where no format shows it, without what costs a look at all entries."""
    if not scene.all:
        return scene.overview
    with writing(engine) as db:
        return overview.whole(scene, channels.tally(db), meta.since(db, "overview", scene.all, clocks.trusted(db, now)))


def _topics(channel: Channel, written: Written) -> list[str]:
    """The URLs of the channel's feeds that were written."""
    kinds = {name: find(name) for name in channel.urls}
    folder = f"{channel.category.folder}/" if channel.category.folder else ""
    return [
        url
        for name, url in channel.urls.items()
        if kinds[name].MEDIA_TYPE in FEEDS and folder + kinds[name].FILENAME in written.paths
    ]


def _retire(output: Output, planet: Planet, place: Place, rehearse: Rehearse | None) -> Written:
    """Remove the documents of a category that is no more; what cannot be removed is tried again by the next run."""
    with reading(output.engine) as db:
        unwanted = files.archived(db, place.id).values()
    gone, left = discard(output, output.ours.get(place.id, frozenset()).union(*unwanted))
    if rehearse and gone:
        rehearse(composing.channel(planet, place, ()), gone)
    if not left.problems:
        with writing(output.engine) as db:
            channels.mark_rendered(db, place.id, "")
            stored_archives.done(db, place.id, (), "")
    return left


def _fingerprint(config: Config, authority: str) -> str:
    """What all documents depend on besides the store: when it changes, all are rendered anew."""
    categories, shelves = sorted(config.categories.items()), sorted(config.shelves.items())
    templates = sorted(config.templates.items())
    seen = (
        __version__,
        authority,
        config.site,
        config.pace.interval,
        categories,
        shelves,
        templates,
        composing.zones(config),
    )
    return _print(repr(seen).encode())


def _print(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
