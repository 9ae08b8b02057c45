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
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from aggregator import channels, identity, schedule, sources
from aggregator.collect import collect
from aggregator.config import Config
from aggregator.model import Document, Fetch, Limits, Source, Validators, Visit
from aggregator.publish import sweep
from aggregator.store import categories, meta, stories, visits
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, writing
from aggregator.store.lock import locked
from aggregator.store.sources import Standing


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one visit came to: how many items were `new`, `edited`, `removed`, `same` or `waiting` for their day.

    `told` are those of its warnings that the visit before gave as well.
    """

    source: Source
    title: str
    counts: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    told: frozenset[str] = frozenset()
    error: str = ""
    seconds: float = 0.0
    next_visit: datetime | None = None


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
            plan = _prepare(engine, config, now, force)
            outcomes = asyncio.run(_visit_all(engine, config, plan, now, progress))
            with writing(engine) as db:
                stories.settle(db, now, meta.set_authority(db, config.site.base_url, now), channels.slugs(config))
            published = channels.publish_all(engine, config, progress)
        finally:
            engine.dispose()
    skipped = tuple(plan.standings[source.key] for source in plan.skipped)
    return Report(tuple(sorted(outcomes, key=lambda each: each.source.key)), skipped, published, plan.notes)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a run is going to do: `due` goes with what is known of each source's documents."""

    due: Sequence[tuple[Source, Mapping[str, Validators]]]
    skipped: Sequence[Source]
    standings: Mapping[str, Standing]
    notes: tuple[str, ...]


def _prepare(engine: Engine, config: Config, now: datetime, force: bool) -> _Plan:
    """Bring the store in line with the config, and ask it what is due. Local posts always are: looking costs nobody."""
    with writing(engine) as db:
        notes = stored.register(db, [(source, sources.find(source.kind).REMOTE) for source in config.sources], now)
        categories.place(db, channels.configured(config), channels.slugs(config), now)
        notes += categories.rename(db, channels.slugs(config))
        standings = stored.standings(db)
        due = [
            source
            for source in config.sources
            if force or standings[source.key].next_visit <= now or not sources.find(source.kind).REMOTE
        ]
        known = [(source, visits.validators(db, standings[source.key].id)) for source in due]
    keys = {source.key for source in due}
    return _Plan(known, [source for source in config.sources if source.key not in keys], standings, notes)


async def _visit_all(
    engine: Engine, config: Config, plan: _Plan, now: datetime, progress: Callable[[int, int, str], None]
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    async with _network(config, [source for source, _ in plan.due]) as fetch:
        progress(0, len(plan.due), "")
        async for visit in collect(plan.due, fetch):
            outcomes.append(_keep(engine, visit, plan.standings[visit.source.key], now))
            progress(len(outcomes), len(plan.due), visit.source.title or visit.source.key)
    return outcomes


def _keep(engine: Engine, visit: Visit, standing: Standing, now: datetime) -> Outcome:
    """Decide what a visit means, and save it."""
    remote = sources.find(visit.source.kind).REMOTE
    with writing(engine) as db:
        changes: tuple[identity.Change, ...] = ()
        if not visit.error:
            keys = {key for item in visit.items for key in identity.keys(item)}
            gone = visits.validators(db, standing.id).keys() - visit.held.keys() - visit.broken
            origins = set() if remote else {*gone, *visit.documents}
            known = visits.known(db, standing.id, keys, origins)
            held = visit.held.keys() | visit.broken
            changes = identity.decide(visit.items, known, now, remote=remote, held=held)
        failures = standing.failures + 1 if visit.error else 0
        interval = visit.source.limits.interval
        due, reason = schedule.next_visit(now, interval, failures) if remote else (now, "looked at by every run")
        visits.save(db, standing.id, visit, changes, now, due, reason)
    waits = [change for change in changes if change.what != "removed" and change.published and change.published > now]
    counts = Counter[str](change.what for change in changes if change not in waits)
    counts["same"] += 0 if remote else len(visit.held)
    title = visit.source.title or (visit.feed.title if visit.feed else "") or standing.feed.title or visit.source.key
    return Outcome(
        source=visit.source,
        title=title,
        counts={**counts, "waiting": len(waits)},
        warnings=visit.warnings,
        told=frozenset(standing.warnings),
        error=visit.error,
        seconds=visit.seconds,
        next_visit=due,
    )


@asynccontextmanager
async def _network(config: Config, due: Sequence[Source]) -> AsyncIterator[Fetch]:
    """The client, where a source needs one: a run over local posts neither loads nor opens it."""
    if any(sources.find(source.kind).REMOTE for source in due):
        from aggregator.fetching.client import open_client

        async with open_client(config.site.contact, config.fetch.allow_networks) as fetch:
            yield fetch
    else:
        yield _no_network


async def _no_network(url: str, known: Validators, limits: Limits) -> Document:
    raise AssertionError(f"{url}: a source of a kind that is not REMOTE asked the network")
