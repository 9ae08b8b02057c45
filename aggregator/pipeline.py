"""The whole flow, in one direction:

    store.due(now)
    | collect          visit each due source: fetch or read, parse, clean      (many at once)
    | identity.decide  which of these are new, changed, the same, gone         (pure)
    | store.save       items, keys, next visit: of a source all or nothing     (one writer)
    then, for every category that a change touched:
    store.recent | formats.render | publish.write                              (only when the bytes differ)

Only two things flow back: what the store already knew (validators, keys) goes in with the question.
"""

import time
from collections import Counter
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine

from aggregator import channels, sources
from aggregator.config import Config, look_at_output
from aggregator.fetching import loop_factory
from aggregator.model import CategoryPath, Progress, Retention, Visit
from aggregator.placing import slugs
from aggregator.planning import Plan, align, checked, prepare
from aggregator.store import clocks, history, meta, retention, stories
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, reading, writing
from aggregator.store.fences import alone
from aggregator.store.history import Run
from aggregator.store.lock import locked
from aggregator.store.retention import Pruned
from aggregator.store.sources import Standing
from aggregator.target import sweep
from aggregator.text import masked
from aggregator.views import view

if TYPE_CHECKING:
    from aggregator.keeping import Outcome

_Key = TypeVar("_Key", str, CategoryPath)
_Value = TypeVar("_Value")

_AT_ONCE = 1000  # visits under way; the client says how many of them talk at once, the others wait for their host
_TOGETHER = 50  # visits are saved in one transaction; what a crash loses is as many requests, which are made again
_ITEMS = 500  # entries that wait for that, at most but for those of the last visit
_WAIT = 1.0  # seconds, from one transaction to the next visit that does not wait for others
READERS = 2  # threads: more are not faster (the GIL), and each keeps memory for itself


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to. `skipped` are the sources that were not due yet; `notes` are what the owner should know."""

    outcomes: "tuple[Outcome, ...]"
    skipped: tuple[Standing, ...]
    published: channels.Published
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> "tuple[Outcome, ...]":
        """The visits that failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.error)

    @property
    def is_well(self) -> bool:
        """Whether there is nothing that its owner should look at."""
        said = any(outcome.error or outcome.warnings for outcome in self.outcomes)
        return not (said or self.published.problems or self.notes or self.nothing_done)

    @property
    def nothing_done(self) -> bool:
        """Whether there was something to do and none of it could be done."""
        none_visited = bool(self.outcomes) and len(self.failed) == len(self.outcomes) and not self.skipped
        return none_visited or self.published.failed == self.published.channels


def run(config: Config, now: datetime, *, force: bool = False, progress: Progress = lambda *_: None) -> Report:
    """One run, from visits to files. `force` visits every source, due or not.

    Raises LockedError when another run is at work, AggregatorError when the store or the output cannot be used.
    """
    look_at_output(config)
    with locked(config.store, now, "once") as lock:
        engine = open_store(config.store, lock.writer, progress)
        try:
            if lock.is_broken_off:
                sweep(config)
            return carry_out(engine, config, now, force=force, progress=progress)
        finally:
            engine.dispose()


def carry_out(
    engine: Engine,
    config: Config,
    now: datetime,
    *,
    force: bool,
    progress: Progress,
    rehearse: channels.Rehearse | None = None,
) -> Report:
    """A run on an open store, whose lock is held. With `rehearse` it is told what would be written, and nothing is."""
    began, outcomes = time.monotonic(), list["Outcome"]()
    try:
        return _carried_out(engine, config, now, began, outcomes, force=force, progress=progress, rehearse=rehearse)
    except (SystemExit, KeyboardInterrupt):  # a signal; what was saved is published by the next run
        ended = channels.Published((), 0, ("it was ended by a signal",))
        with suppress(Exception):
            _log_run(engine, Report(tuple(outcomes), (), ended), now.replace(microsecond=0), began)
        raise


def _carried_out(
    engine: Engine,
    config: Config,
    now: datetime,
    began: float,
    outcomes: "list[Outcome]",
    *,
    force: bool,
    progress: Progress,
    rehearse: channels.Rehearse | None,
) -> Report:
    exact, now = now, now.replace(microsecond=0)  # the store keeps whole seconds; the spacing of requests is finer
    notes = align(engine, config, now, progress)
    plan = prepare(engine, config, now, force=force)
    trouble: list[Exception] = []
    published = channels.Published((), 0, ())
    try:
        if plan.due:
            _awaited(_visit_all(engine, config, plan, now, exact, progress, outcomes))
    except Exception as error:  # a border: a full disk, say; what was saved before is published all the same
        trouble.append(error)
    try:
        published = publish(engine, config, now, progress, rehearse)
    except Exception as error:  # an output that cannot be reached, say: what was visited is saved
        trouble.append(error)
    is_told = published.topics and config.site.hubs and not rehearse
    hubs = _awaited(tell_hubs(config, published.topics)) if is_told else ()
    if trouble:
        problems = (*published.problems, *dict.fromkeys(map(str, trouble)))
        with suppress(Exception):  # the store, where that is the trouble
            _log_run(engine, Report(tuple(outcomes), (), replace(published, problems=problems)), now, began)
        raise trouble[0]
    visited = {outcome.source.key for outcome in outcomes}
    outcomes = sorted(outcomes, key=lambda each: each.source.key)
    standings = plan.standings
    if plan.due:
        has_moved = {each.source.key for each in outcomes if each.moved_to}
        with reading(engine) as db:  # of all others the outcome says how they stand
            standings = stored.standings(db, (standings.keys() - visited) | has_moved)
    notes = (*notes, *(moved(each, standings[each.source.key]) for each in outcomes if each.moved_to), *hubs)
    skipped = tuple(each for key, each in standings.items() if key not in visited)
    report = Report(tuple(outcomes), skipped, published, tuple(map(masked, notes)))
    _log_run(engine, report, now, began)
    return report


def publish(
    engine: Engine,
    config: Config,
    now: datetime,
    progress: Progress = lambda *_: None,
    rehearse: channels.Rehearse | None = None,
) -> channels.Published:
    """Bring what was kept into its stories and feeds, and write the feeds that this changes."""
    with writing(engine) as db:
        settle(db, config, now, progress)
    return channels.publish_all(engine, config, now, progress, rehearse)


def settle(db: Connection, config: Config, now: datetime, progress: Progress = lambda *_: None) -> Pruned:
    """Group what is pending into stories, and remove what is beyond its limits; both as the config wants it."""
    alone(db)
    now = clocks.settled(db, now, checked(config)).trusted
    authority = meta.set_authority(db, config.site.base_url, now)
    folders, rules = slugs(config), view(config)
    of_sources = {source.key: source.policy.retention for source in config.sources}
    of_shelves = {path: shelf.retention for path, shelf in config.shelves.items()}
    gone: list[Pruned] = []
    while not gone or gone[-1]:
        stories.settle(db, now, authority, folders, rules, progress, similar=config.site.near_duplicates)
        gone.append(retention.apply(db, now, _limited(of_sources), _limited(of_shelves), progress))
    return Pruned(
        sum((Counter(each.sources) for each in gone), Counter[str]()),
        sum((Counter(each.categories) for each in gone), Counter[CategoryPath]()),
    )


def _log_run(engine: Engine, report: Report, now: datetime, began: float) -> None:
    """Keep a run in the log that `began` at this moment of the monotonic clock."""
    made = Run(
        at=now,
        seconds=time.monotonic() - began,
        by="once",
        visits=len(report.outcomes),
        failed=len(report.failed),
        new=sum(outcome.counts.get("new", 0) for outcome in report.outcomes),
        written=len(report.published.written),
        problems=masked("\n".join(report.published.problems)),
    )
    with writing(engine) as db:
        history.log_run(db, made)
        history.trim(db, now)


def _awaited(what: Coroutine[Any, Any, _Value]) -> _Value:
    """The result of something that waits. asyncio is only loaded here, as a run with nothing due does without."""
    import asyncio

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(what)


async def tell_hubs(config: Config, topics: tuple[str, ...]) -> tuple[str, ...]:
    """Tell the hubs which feeds have changed; a line for each that did not take it, which harms nobody."""
    if not topics or not config.site.hubs:
        return ()
    from aggregator.fetching.websub import ping

    return await ping(config.site.hubs, topics, config.site.contact, config.fetch.allow_networks)


def _limited(kept: Mapping[_Key, Retention]) -> Mapping[_Key, Retention]:
    """Those that have limits."""
    return {key: limits for key, limits in kept.items() if limits != Retention()}


def moved(outcome: "Outcome", standing: Standing) -> str:
    """What the owner should do about a source that has moved by now."""
    old, new = outcome.source.key, outcome.moved_to
    if standing.same_as:
        return f"{old} has moved to {new}, which is a source already: remove one of the two"
    return f'{old} has moved to {new}; write url = "{new}" into the config'


async def _visit_all(
    engine: Engine,
    config: Config,
    plan: Plan,
    now: datetime,
    exact: datetime,
    progress: Progress,
    outcomes: "list[Outcome]",
) -> None:
    """Visit what is due, and save visits as they end, some at a time; each that is saved has its outcome.

    A source whose host wants silence has none. `exact` is `now` with its microseconds. Raises AggregatorError when the
    store takes nothing; then nobody is asked any more.
    """
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from aggregator.collect import collect
    from aggregator.network import network
    from aggregator.saving import keep_all

    made: list[tuple[Visit, Standing]] = []
    saved = time.monotonic()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(READERS, "reader"))
    remote = any(sources.find(source.kind).REMOTE for source, _ in plan.due)
    async with network(config, plan.hosts, exact, remote=remote) as (fetch, learned, _):
        done, posts = 0, dict[str, tuple[int, int]]()

        def tell(name: str) -> None:
            read = list(posts.values())  # at once, as others may come meanwhile
            of = len(plan.due) + sum(number for _, number in read)
            progress(done + sum(number for number, _ in read), of, "visiting", name)

        def heard(key: str, read: int, of: int) -> None:
            posts[key] = (read, of)
            tell(key)

        def save() -> None:
            nonlocal saved
            saved, some = time.monotonic(), tuple(made)
            made.clear()  # a visit that cannot be saved is not tried again
            outcomes.extend(filter(None, keep_all(engine, some, now, learned(), plan.stretch)))

        tell("")
        try:
            async for visit in collect(plan.due, fetch, _AT_ONCE, heard):
                made.append((visit, plan.standings[visit.source.key]))
                many = len(made) >= _TOGETHER or sum(len(each.items) for each, _ in made) >= _ITEMS
                if many or time.monotonic() - saved > _WAIT:
                    save()
                done += 1
                tell(visit.source.title or (visit.feed and visit.feed.title) or visit.source.key)
        finally:  # whose visit is cut, by SIGTERM, was asked all the same
            save()
