"""The whole flow, in one direction:

    store.due(now)
    | collect          visit each due source: fetch or read, parse, clean      (many at once)
    | identity.decide  which of these are new, changed, the same, gone         (pure)
    | store.save       one transaction a source: items, keys, next visit       (one writer)
    then, for every category that a change touched:
    store.recent | formats.render | publish.write                              (only when the bytes differ)

Only two things flow back: what the store already knew (validators, keys) goes in with the question.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from aggregator import channels, identity, schedule, sources
from aggregator.collect import collect
from aggregator.config import Config
from aggregator.fetching import freshness, loop_factory
from aggregator.model import CategoryPath, Channel, HostState, Retention, Source, Validators, Visit
from aggregator.moves import is_own_turn, moved
from aggregator.network import network
from aggregator.publish import sweep
from aggregator.store import categories, meta, retention, stories, vanished, visits
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, reading, writing
from aggregator.store.lock import locked
from aggregator.store.retention import Pruned
from aggregator.store.sources import Standing
from aggregator.text import http_url, masked
from aggregator.views import view

_Key = TypeVar("_Key", str, CategoryPath)

_AT_ONCE = 1000  # visits under way; the client says how many of them talk at once, the others wait for their host
_READERS = 2  # threads: more are not faster (the GIL), and each keeps memory for itself
_FORBIDDEN = ("private address", "bad url", "no instance", "secret")  # by our own config


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one visit came to: how many items were `new`, `edited`, `removed`, `same` or `waiting` for their day.

    `told` are those of its warnings that the visit before gave as well; `moved_to` is set when this visit was the one
    after which a permanent redirect is believed.
    """

    source: Source
    title: str
    counts: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    told: frozenset[str] = frozenset()
    error: str = ""
    seconds: float = 0.0
    next_visit: datetime | None = None
    moved_to: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to. `skipped` are the sources that were not due yet; `notes` are what the owner should know."""

    outcomes: tuple[Outcome, ...]
    skipped: tuple[Standing, ...]
    published: channels.Published
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The visits that failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.error)

    @property
    def nothing_done(self) -> bool:
        """Whether there was something to do and none of it could be done."""
        none_visited = bool(self.outcomes) and len(self.failed) == len(self.outcomes) and not self.skipped
        return none_visited or len(self.published.problems) == self.published.channels


def run(
    config: Config, now: datetime, *, force: bool = False, progress: Callable[[int, int, str], None] = lambda *_: None
) -> Report:
    """One run, from visits to files. `force` visits every source, due or not. `progress` hears (done, of, what).

    Raises LockedError when another run is at work, AggregatorError when the store or the output cannot be used.
    """
    with locked(config.store, now):
        engine = open_store(config.store)
        try:
            sweep(config.output)
            return carry_out(engine, config, now, force=force, progress=progress)
        finally:
            engine.dispose()


def carry_out(
    engine: Engine,
    config: Config,
    now: datetime,
    *,
    force: bool,
    progress: Callable[[int, int, str], None],
    rehearse: Callable[[Channel, tuple[Path, ...]], None] | None = None,
) -> Report:
    """A run on an open store, whose lock is held. With `rehearse` it is told what would be written, and nothing is."""
    exact, now = now, now.replace(microsecond=0)  # the store keeps whole seconds; the spacing of requests is finer
    plan = _prepare(engine, config, now, force)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        outcomes = runner.run(_visit_all(engine, config, plan, now, exact, progress))
    with writing(engine) as db:
        settle(db, config, now)
    published = channels.publish_all(engine, config, progress, rehearse)
    visited = {outcome.source.key for outcome in outcomes}
    with reading(engine) as db:
        standings = stored.standings(db)
    outcomes = sorted(outcomes, key=lambda each: each.source.key)
    notes = (*plan.notes, *(_moved(each, standings[each.source.key]) for each in outcomes if each.moved_to))
    skipped = tuple(each for key, each in standings.items() if key not in visited)
    return Report(tuple(outcomes), skipped, published, tuple(map(masked, notes)))


def settle(db: Connection, config: Config, now: datetime) -> Pruned:
    """Group what is pending into stories, and remove what is beyond its limits; both as the config wants it."""
    authority = meta.set_authority(db, config.site.base_url, now)
    slugs, rules = channels.slugs(config), view(config)
    of_sources = {source.key: source.policy.retention for source in config.sources}
    of_shelves = {path: shelf.retention for path, shelf in config.shelves.items()}
    gone: list[Pruned] = []
    while not gone or gone[-1]:
        stories.settle(db, now, authority, slugs, rules, similar=config.site.near_duplicates)
        gone.append(retention.apply(db, now, _limited(of_sources), _limited(of_shelves)))
    return Pruned(
        sum((Counter(each.sources) for each in gone), Counter[str]()),
        sum((Counter(each.categories) for each in gone), Counter[CategoryPath]()),
    )


def _limited(kept: Mapping[_Key, Retention]) -> Mapping[_Key, Retention]:
    """Those that have limits."""
    return {key: limits for key, limits in kept.items() if limits != Retention()}


def _moved(outcome: Outcome, standing: Standing) -> str:
    old, new = outcome.source.key, outcome.moved_to
    if standing.same_as:
        return f"{old} has moved to {new}, which is a source already: remove one of the two"
    return f'{old} has moved to {new}; write url = "{new}" into the config'


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a run is going to do: `due` goes with what is known of each source's documents."""

    due: Sequence[tuple[Source, Mapping[str, Validators]]]
    standings: Mapping[str, Standing]
    hosts: Mapping[str, HostState]
    notes: tuple[str, ...]


def _prepare(engine: Engine, config: Config, now: datetime, force: bool) -> _Plan:
    """Bring the store in line with the config, and ask it what is due. Local posts always are: looking costs nobody."""
    with writing(engine) as db:
        listed = [(source, sources.find(source.kind).REMOTE) for source in config.sources]
        notes = stored.register(db, listed, now, view(config))
        categories.place(db, channels.configured(config), channels.slugs(config), now)
        notes += categories.rename(db, channels.slugs(config))
        standings = stored.standings(db)
        hosts = stored.hosts(db)
        once = _asked_once(config.sources, standings)
        due = [source for source in once if force or _is_due(source, standings[source.key], now)]
        due.sort(key=lambda source: _rank(standings[source.key], now))
        known = [(source, _known(db, source, standings[source.key])) for source in due]
    return _Plan(known, standings, hosts, notes)


def _asked_once(configured: Sequence[Source], standings: Mapping[str, Standing]) -> Iterator[Source]:
    """The sources, without those that are the same as another by now: its entries are in the categories of both."""
    more: dict[str, tuple[CategoryPath, ...]] = {}
    for source in configured:
        if same_as := standings[source.key].same_as:
            more[same_as] = more.get(same_as, ()) + source.categories
    for source in configured:
        if not standings[source.key].same_as:
            paths = source.categories + more.get(source.key, ())
            yield replace(source, categories=tuple(dict.fromkeys(paths)))


def _rank(standing: Standing, now: datetime) -> tuple[int, bool, int, datetime]:
    """The order of visits: a host may want silence after one that failed before, so it comes after those that do well.

    Of these new ones are first, then those that took longest last time, as the run is as long as what begins last. That
    counts in whole seconds: among those that are quick it is the turn of the one that was visited least recently.
    """
    slow = 0 if standing.failures else round(standing.seconds)
    return standing.failures, standing.last_visit is not None, -slow, standing.last_visit or now


def _known(db: Connection, source: Source, standing: Standing) -> Mapping[str, Validators]:
    """What is known of a source's documents; when its own address has its turn, nothing of the feed's other one."""
    known = visits.validators(db, standing.id)
    if http_url(source.key) and is_own_turn(standing.failures, source.pace):  # a folder or an RSSHub route has no other
        known = {name: kept for name, kept in known.items() if name == source.key}
    return known


def _is_due(source: Source, standing: Standing, now: datetime) -> bool:
    """Local posts always are; what a publisher removed for good never is."""
    last, reason = standing.last_visit, standing.reason
    is_time = schedule.is_due(now, standing.next_visit, standing.hints, source.pace, last_visit=last, reason=reason)
    return not sources.find(source.kind).REMOTE or (is_time and not standing.gone)


async def _visit_all(
    engine: Engine,
    config: Config,
    plan: _Plan,
    now: datetime,
    exact: datetime,
    progress: Callable[[int, int, str], None],
) -> list[Outcome]:
    """Visit what is due and save each visit as it ends; a source whose host wants silence has no outcome.

    `exact` is `now` with its microseconds.
    """
    outcomes: list[Outcome] = []
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_READERS, "reader"))
    remote = any(sources.find(source.kind).REMOTE for source, _ in plan.due)
    async with network(config, plan.hosts, exact, remote=remote) as (fetch, learned):
        progress(0, len(plan.due), "")
        done = 0
        try:
            async for visit in collect(plan.due, fetch, _AT_ONCE):
                outcome = _keep(engine, visit, plan.standings[visit.source.key], now, learned())
                outcomes += [outcome] if outcome else []
                done += 1
                progress(done, len(plan.due), visit.source.title or masked(visit.source.key))
        finally:  # whose visit is cut, by SIGTERM, was asked all the same
            with writing(engine) as db:
                stored.save_hosts(db, learned())
    return outcomes


def _keep(
    engine: Engine, visit: Visit, standing: Standing, now: datetime, hosts: Mapping[str, HostState] | None = None
) -> Outcome | None:
    """Decide what a visit means, and save it, with what was learned of `hosts`."""
    remote = sources.find(visit.source.kind).REMOTE
    with writing(engine) as db:
        stored.save_hosts(db, hosts or {})
        if visit.trouble and visit.trouble.kind == "paused" and not visit.trouble.asked:
            pace = visit.source.pace
            until = schedule.after_pause(now, visit.source.key, pace, visit.trouble.retry_after or pace.pause)
            visits.postpone(db, standing.id, until, visit.error.removeprefix("paused: "))
            return None
        decision = identity.Decision((), (), standing.habits)
        if not visit.error:
            keys = {key for item in visit.items for key in identity.keys(item)}
            gone = visits.validators(db, standing.id).keys() - visit.held.keys() - visit.broken
            origins = set() if remote else {*gone, *visit.documents}
            known = visits.known(db, standing.id, keys, origins)
            held = visit.held.keys() | visit.broken
            policy, habits = visit.source.policy, standing.habits
            decision = identity.decide(visit.items, known, now, remote=remote, policy=policy, habits=habits, held=held)
            visit = _told(visit, decision)
        changes = decision.changes
        learned = _learned(visit, standing, changes, visits.validators(db, standing.id), now)
        learned = replace(learned, habits=decision.habits)
        due = _due(visit, standing, learned, now) if remote else schedule.Due(now, "looked at by every run")
        surplus = frozenset[identity.Change]() if standing.last_success else _surplus(visit, changes, now)
        visits.save(db, standing.id, visit, changes, now, due, learned, surplus)
        taken_back = 0
        if visit.documents and not visit.error:
            if remote and visit.source.policy.on_vanish == "drop":
                taken_back = vanished.note(db, standing.id, visit.items, changes, now)
            retention.forget(db, standing.id, now)
        moved_to = learned.move.url if learned.move and learned.move.believed else ""
        if standing.move and standing.move.believed:
            moved_to = ""  # it was followed, and told, before
        for name in (*visit.documents, *visit.held) if moved_to else ():
            visits.follow(db, standing.id, name, moved_to)
    counts = Counter[str](change.what for change in changes if change not in surplus and not change.waits)
    if taken_back:
        counts["removed"] += taken_back
    counts["same"] += 0 if remote else len(visit.held)
    title = visit.source.title or (visit.feed.title if visit.feed else "") or standing.feed.title
    return Outcome(
        source=visit.source,
        title=title or masked(visit.source.key),
        counts={**counts, "waiting": sum(change.waits for change in changes)},
        warnings=visit.warnings,
        told=frozenset(standing.warnings),
        error=visit.error,
        seconds=visit.seconds,
        next_visit=due.when,
        moved_to=moved_to,
    )


def _surplus(visit: Visit, changes: Sequence[identity.Change], now: datetime) -> frozenset[identity.Change]:
    """What a first visit gave beyond the newest that are wanted of it: by date, then by their order in the feed."""
    wanted = visit.source.policy.first_import
    if wanted is None or not sources.find(visit.source.kind).REMOTE:
        return frozenset()
    place = {item: number for number, item in reversed(list(enumerate(visit.items)))}
    new = [change for change in changes if change.what == "new" and change.item]
    new.sort(key=lambda change: place.get(change.item, len(place)) if change.item else 0)
    new.sort(key=lambda change: change.published or now, reverse=True)
    return frozenset(new[wanted:])


def _told(visit: Visit, decision: identity.Decision) -> Visit:
    """A visit with what deciding has to say of it; a post that was not taken is read again by the next run."""
    dropped = {name: Validators() for name in decision.dropped & visit.documents.keys()}
    warnings = (*visit.warnings, *decision.warnings)
    return replace(visit, documents={**visit.documents, **dropped}, warnings=warnings)


def _learned(
    visit: Visit,
    standing: Standing,
    changes: Sequence[identity.Change],
    before: Mapping[str, Validators],
    now: datetime,
) -> visits.Learned:
    """What a visit teaches about its source; `before` are the validators that it was made with.

    What was not said this time stays as it was, freshness only where a 304 was silent on it (RFC 9111 §4.3.4).
    """
    hints, move, answer = visit.hints or standing.hints, standing.move, visit.answer
    if visit.error or not answer:
        hints = replace(hints, fresh_for=None)
    elif not answer.not_modified or answer.repeated or {"cache-control", "expires"} & answer.headers.keys():
        hints = replace(hints, fresh_for=freshness.fresh_for(answer.headers, visit.source.pace.freshness_cap))
    else:
        hints = replace(hints, fresh_for=standing.hints.fresh_for)
    if given := [*visit.documents.values(), *visit.held.values()]:
        is_repeated = answer is not None and answer.repeated
        hints = replace(hints, validated=not is_repeated and any(each.etag or each.last_modified for each in given))
    else:
        hints = replace(hints, validated=standing.hints.validated)
    if move and move.believed and visit.source.key in (*visit.documents, *visit.held):
        move = None  # the new address was lost again, so the old one was asked
    if answer and not visit.error and standing.last_success:
        unchanged = any(name in before and before[name].url == answer.url for name in visit.held)
        overlap = unchanged or any(change.known for change in changes)
        move = moved(move, visit.source.key, answer.moved_to, visit.source.pace, now, overlap=overlap)
    is_gone = visit.trouble and visit.trouble.kind == "http 410"
    return visits.Learned(hints, min(standing.gone_since or now, now) if is_gone else None, move)


def _due(visit: Visit, standing: Standing, learned: visits.Learned, now: datetime) -> schedule.Due:
    """When to come again. What our own config forbids is tried by every run, as long as that asks nobody."""
    if visit.trouble and visit.trouble.kind in _FORBIDDEN and not visit.trouble.asked:
        return schedule.Due(now, "when the config allows it")
    return schedule.next_visit(
        now,
        visit.source.key,
        visit.source.pace,
        learned.hints,
        validated=learned.hints.validated,
        failures=standing.failures + 1 if visit.error else 0,
        trouble=visit.trouble,
        gone_since=standing.gone_since,
        last_full=now if visit.answer else standing.last_success,  # a document that could not be read was one as well
    )
