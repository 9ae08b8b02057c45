"""What a worker's jobs do: visit what is due in a shard, settle what was kept, publish a category.

A job claims its work in the store first, by the session that saves what comes of it (see `store.fences`).
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Engine

from aggregator import channels, pipeline
from aggregator.channels import Published
from aggregator.collect import visit
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.formats import checks, pieces
from aggregator.keeping import Outcome, keep_together
from aggregator.logs import say
from aggregator.model import HostState, Source, Validators, Visit
from aggregator.network import network
from aggregator.planning import Plan, host, prepare
from aggregator.reading import pool
from aggregator.store import channels as stored
from aggregator.store import fences, history, meta, shards, visits
from aggregator.store.engine import reading, writing
from aggregator.store.sources import Standing
from aggregator.text import masked
from aggregator.visiting import InThread, choose, tell

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

SETTLE = shards.SHARDS  # the number of this work; those below are shards, those above categories
BATCH = 200  # visits that a job has under way at a time, at most
JOBS = 8  # at a time in one worker
_TOGETHER = 50  # visits that are saved in one transaction
_FAILED = "output failed"  # the moment at which the output could not be reached, in the store
_DRAIN = 4.0  # seconds for visits under way, when a worker ends
_TRIES = 3  # of a transaction that another one stood in the way of


@dataclass(slots=True)
class Desk:
    """What a worker's jobs share for as long as one config holds. `write` runs in the one thread that writes, `look` in
    the one that looks into the store; `ends` is set when all is to come to its end. `doubtful` categories were being
    written when a session was lost: another may have written them meanwhile, and what we wrote then is old."""

    engine: Engine
    config: Config
    clock: Callable[[], datetime]
    write: InThread
    look: InThread
    ends: asyncio.Event
    doubtful: set[int] = field(default_factory=set)
    stretch: float = 1.0
    at_work: set[int] = field(default_factory=set)  # shards: what the session has claimed, it could claim once more
    plan: tuple[int, channels.Plan] | None = None  # of the last settling, which has this number
    rest: timedelta = timedelta(minutes=1)  # until an output that could not be reached is looked at again

    @property
    def now(self) -> datetime:
        """This moment, in whole seconds, as the store has them."""
        return self.clock().replace(microsecond=0)


@dataclass(slots=True)
class Tally:
    """What a job came to."""

    visits: int = 0
    failed: int = 0
    counts: Counter[str] = field(default_factory=Counter)


async def visit_shard(desk: Desk, number: int, seconds: float) -> Tally:
    """Visit what is due in a shard, each source once, for about so many seconds at most.

    Raises AggregatorError when the store cannot be used, or another took the work over.
    """
    tally = Tally()
    if number in desk.at_work:
        return tally
    desk.at_work.add(number)
    try:
        if not await desk.write(fences.claim, desk.engine, number):
            say(_log, "shard", f"shard {number}: another worker is still at it", logging.WARNING, shard=number)
            return tally
        try:
            await _visit_all(desk, number, asyncio.get_running_loop().time() + seconds, tally)
        finally:
            await desk.write(fences.let_go, desk.engine, number)
    finally:
        desk.at_work.discard(number)
    return tally


async def _visit_all(desk: Desk, number: int, until: float, tally: Tally) -> None:
    config, hosts = desk.config, dict[str, HostState]()
    share = config.fetch.model_copy(update={"concurrency": max(1, config.fetch.concurrency // JOBS)})
    waiting = await desk.look(_due, desk.engine, number, desk.now)
    async with network(replace(config, fetch=share), hosts, desk.clock(), remote=True) as (fetch, learned, hush):
        while waiting and not desk.ends.is_set() and asyncio.get_running_loop().time() < until:
            chosen = choose(waiting, (), (), config.hosts)[:BATCH]
            taken = set(chosen)
            waiting = [key for key in waiting if key not in taken]
            now = desk.now
            plan, known = await desk.look(_plan, desk, chosen, now)
            hosts.update(known)
            due = {source.key for source, _ in plan.due}
            if idle := [each.id for key, each in plan.standings.items() if key not in due]:
                await desk.write(_in_store, desk.engine, shards.rest, idle, now)
            await _visit_some(desk, number, plan, now, fetch, learned, hush, tally)


async def _visit_some(
    desk: Desk,
    number: int,
    plan: Plan,
    now: datetime,
    fetch: Any,
    learned: Callable[[], Mapping[str, HostState]],
    hush: Callable[[], None],
    tally: Tally,
) -> None:
    """Visit side by side, and save each visit as it ends, together with those that end meanwhile.

    What was learned of other shards' hosts, by redirects, is not saved: who has these knows better.
    """
    ended: asyncio.Queue[asyncio.Task[Visit] | None] = asyncio.Queue()

    def begun(source: Source, known: Mapping[str, Validators]) -> asyncio.Task[Visit]:
        task = asyncio.create_task(visit(source, known, fetch))
        task.add_done_callback(ended.put_nowait)
        return task

    tasks = {begun(source, known) for source, known in plan.due}
    stopping = asyncio.create_task(_stopped(desk, tasks, hush))
    try:
        left = len(tasks)
        while left:
            done = [await ended.get()]
            while len(done) < _TOGETHER and not ended.empty():
                done.append(ended.get_nowait())
            left -= len(done)
            tasks.difference_update(done)  # what they found is not kept once it is saved
            ready = [task.result() for task in done if task and not task.cancelled()]
            made = [(each, plan.standings[each.source.key]) for each in ready]
            own = {name: state for name, state in learned().items() if shards.number(name) == number}
            for outcome, each in await _save(desk, made, now, own):
                _count(tally, outcome, each, plan.standings[each.source.key])
    finally:
        stopping.cancel()
        for task in tasks:
            task.cancel()


async def _stopped(desk: Desk, tasks: set[asyncio.Task[Visit]], hush: Callable[[], None]) -> None:
    """When all is to end: begin no request any more, give those under way a few seconds, and cut the rest."""
    await desk.ends.wait()
    hush()
    cut = (await asyncio.wait(tasks, timeout=_DRAIN))[1] if tasks else set()
    for task in cut:
        task.cancel()
    if cut:
        pool.end()  # what is read for them is read for nobody


async def _save(
    desk: Desk, made: Sequence[tuple[Visit, Standing]], now: datetime, hosts: Mapping[str, HostState]
) -> list[tuple[Outcome, Visit]]:
    """Save visits in one transaction; where that fails each in its own, so that nobody's trouble is another's. One that
    cannot be saved is not asked again before its interval is over."""
    if not made:
        return []
    try:
        kept = await desk.write(again, partial(keep_together, desk.engine, made, now, hosts, desk.stretch))
    except Exception as error:  # a border: what one source brought must not cost the others their visit
        await desk.write(fences.probe, desk.engine)  # a session that is lost saves nothing: let it end
        if len(made) > 1:
            return [pair for each in made for pair in await _save(desk, [each], now, hosts)]
        source, standing = made[0][0].source, made[0][1]
        said = getattr(error, "orig", error)  # without the statement and all that was to be saved
        why = f"{source.title or source.key}: cannot be saved: {type(error).__name__}: {said}"
        say(_log, "visit", why, logging.ERROR, source=source.key, outcome="not saved")
        _log.info("this is where", exc_info=True)
        until = now + source.pace.interval
        await desk.write(_in_store, desk.engine, visits.postpone, standing.id, until, "could not be saved")
        return []
    return [(outcome, each) for outcome, (each, _) in zip(kept, made, strict=True) if outcome]


def again(do: Callable[[], _T]) -> _T:
    """Do a transaction, and once more as a whole where another one stood in its way."""
    for _ in range(_TRIES - 1):
        try:
            return do()
        except AggregatorError as error:
            if not fences.is_conflict(error):
                raise
    return do()


def _count(tally: Tally, outcome: Outcome, made: Visit, before: Standing) -> None:
    tally.visits += 1
    tally.failed += bool(outcome.error)
    news = {name: outcome.counts.get(name, 0) for name in ("new", "edited", "removed")}
    tally.counts.update(news)
    if any(news.values()) or outcome.error or outcome.warnings or outcome.moved_to or outcome.incident:
        tell(outcome, made, before)


def _due(engine: Engine, number: int, now: datetime) -> list[str]:
    with reading(engine) as db:
        return shards.due(db, number, now)


def _plan(desk: Desk, chosen: Sequence[str], now: datetime) -> tuple[Plan, Mapping[str, HostState]]:
    """What is to be done for these sources, and what is remembered of their hosts."""
    plan = prepare(desk.engine, desk.config, now, among=chosen, stretch=desk.stretch)
    names = {host(url, desk.config.hosts) for source, known in plan.due for url in (source.key, *known)}
    with reading(desk.engine) as db:
        return plan, shards.hosts(db, names)


def _in_store(engine: Engine, do: Callable[..., object], *values: Any) -> None:
    again(partial(_done, engine, do, *values))


def _done(engine: Engine, do: Callable[..., object], *values: Any) -> None:
    with writing(engine) as db:
        fences.together(db)
        do(db, *values)


# --- Settling and publishing -----------------------------------------------------------------------------------------


async def settle(desk: Desk, number: int) -> tuple[int, ...]:
    """Settle what was kept. Returns the categories that are to be published then, by their numbers; what was found out
    about them is remembered as that of this settling, by its `number`.

    Raises AggregatorError when the output cannot be reached: all is settled then, and the output left alone for a while
    by all workers.
    """
    plan = await desk.write(_settle, desk.engine, desk.config, desk.now, desk.rest)
    if plan is None:
        return ()
    desk.plan = number, plan
    return tuple(place.id for place in (*plan.stale, *plan.past))


def _settle(engine: Engine, config: Config, now: datetime, rest: timedelta) -> channels.Plan | None:
    if not fences.claim(engine, SETTLE):
        return None
    try:
        pieces.forget()
        checks.forget()
        again(partial(_in_order, engine, config, now))
        return _planned(engine, config, now, rest)
    finally:
        fences.let_go(engine, SETTLE)


def _planned(engine: Engine, config: Config, now: datetime, rest: timedelta) -> channels.Plan | None:
    """What is to be published; None while the output, which could not be reached, is left alone."""
    with reading(engine) as db:
        failed = int(meta.value(db, _FAILED) or 0)
        last = history.last_run(db)
    if abs(now.timestamp() - failed) < rest.total_seconds():  # from later on: somebody's clock was wrong
        return None
    try:
        plan = channels.plan(engine, config)
    except AggregatorError as error:
        _in_store(engine, meta.has_changed, _FAILED, str(int(now.timestamp())))
        _in_store(engine, history.log_run, _run(now, 0.0, 0, (str(error),)))
        raise
    if failed:
        _in_store(engine, meta.has_changed, _FAILED, "")
    if last and last.by == "worker" and last.problems and not (plan.stale or plan.past):
        _in_store(engine, history.log_run, _run(now, 0.0, 0, ()))  # all is well again
    return plan


def _run(at: datetime, seconds: float, written: int, problems: Sequence[str]) -> history.Run:
    return history.Run(at, seconds, "worker", 0, 0, 0, written, masked("\n".join(problems)))


def _in_order(engine: Engine, config: Config, now: datetime) -> None:
    with writing(engine) as db:
        pipeline.settle(db, config, now)
        history.trim(db, now)


async def publish(desk: Desk, category: int, number: int) -> Published | None:
    """Publish a category; what is to be published was found out by the settling of this `number`, here or elsewhere.
    None where that is done already, or somebody is at it."""
    plan = desk.plan[1] if desk.plan and desk.plan[0] == number else None
    desk.doubtful.add(category)
    done = await desk.write(_publish, desk.engine, desk.config, category, desk.now, plan)
    desk.doubtful.discard(category)
    return done


async def doubt(desk: Desk) -> None:
    """Have what is doubtful written again by whoever comes first."""
    await desk.write(_in_store, desk.engine, stored.unrendered, tuple(desk.doubtful))
    desk.doubtful.clear()


def category_work(category: int) -> int:
    """The number of the work on a category."""
    return SETTLE + 1 + category


def _publish(
    engine: Engine, config: Config, category: int, now: datetime, plan: channels.Plan | None
) -> Published | None:
    if not fences.claim(engine, category_work(category)):
        return None
    try:
        with fences.still(engine):
            due = plan or channels.plan(engine, config)
            places = [place for place in (*due.stale, *due.past) if place.id == category]
            began = time.monotonic()
            done = channels.publish_one(due, places[0], now) if places else None
    finally:
        fences.let_go(engine, category_work(category))
    fences.probe(engine)  # without its session it was not alone with the files
    if done and (done.written or done.problems):
        made = _run(now, time.monotonic() - began, len(done.written), done.problems)
        _in_store(engine, history.log_run, made)
    return done
