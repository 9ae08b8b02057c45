"""The visits of the daemon: each is a task of its own, saved when it ends, so that none waits for another.

Who is due is what the store says. On top of that no source is asked twice within its `interval`, by a clock that cannot
be set, and no host has more than a few visits waiting for it, so that one of hundreds of feeds leaves room for others.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import Engine

from aggregator import sources
from aggregator.collect import visit
from aggregator.config import Config
from aggregator.errors import AggregatorError, StoreError
from aggregator.keeping import Outcome, keep
from aggregator.logs import say
from aggregator.model import Fetch, HostRule, HostState, Source, Validators, Visit
from aggregator.pipeline import moved
from aggregator.planning import host, prepare
from aggregator.reading import pool
from aggregator.store import sources as stored
from aggregator.store.engine import reading, writing
from aggregator.store.sources import Standing

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

AT_ONCE = 1000  # visits under way, most of them waiting for their host
PER_HOST = 10  # of these, at one host
LOOK = 60.0  # seconds between two looks at local posts, and until one that was not due after all is considered again
AWAY = 1.0  # until a store that is away is tried again


class InThread(Protocol):
    """What runs a function in a thread: the one that writes to the store, or the one that looks into it."""

    async def __call__(self, do: Callable[..., _T], *values: Any) -> _T: ...


@dataclass(slots=True)
class Visits:
    """The visits under way, from when the network is opened until it is closed.

    `kept` hears each outcome. `overdue` are keys that are due although the store plans them for later; `rests` say
    until when (time of the loop) sources are left alone, whatever any calendar says; `unsaved` says it of those that
    were asked though the store does not know, whatever a new config says; `stretch` is what the budget of requests
    makes of all waits.
    """

    engine: Engine
    config: Config
    clock: Callable[[], datetime]
    fetch: Fetch
    learned: Callable[[], Mapping[str, HostState]]
    hush: Callable[[], None]
    write: InThread
    look: InThread
    kept: Callable[[Outcome], None]
    overdue: set[str]
    rests: dict[str, float]
    unsaved: dict[str, float]
    stretch: float
    under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _saving: set[str] = field(default_factory=set)
    _hosts: dict[str, HostState] = field(default_factory=dict)  # learned, and not saved yet
    _next_look: float = 0.0
    _ends: bool = False

    async def start(self) -> None:
        """Begin the visits that are due and have room."""
        now, time = self.clock().replace(microsecond=0), asyncio.get_running_loop().time()
        planned = await self.look(_due, self.engine, now)
        resting = {key for each in (self.rests, self.unsaved) for key, until in each.items() if until > time}
        chosen = choose((*self.overdue, *planned), self.under_way, resting, self.config.hosts)
        if time >= self._next_look:
            self._next_look = time + LOOK
            local = [each.key for each in self.config.sources if each.enabled and _is_local(each)]
            chosen += [key for key in local if key not in self.under_way]
        if not chosen:
            return
        plan = await self.look(partial(prepare, among=chosen, stretch=self.stretch), self.engine, self.config, now)
        if self._ends:
            return
        self.rests |= dict.fromkeys(chosen, time + LOOK)
        for source, known in plan.due:
            task = asyncio.create_task(self._visit(source, known, plan.standings[source.key], now))
            self.under_way[source.key] = task
            self.overdue.discard(source.key)
            task.add_done_callback(partial(self._over, source.key))

    def _over(self, key: str, task: asyncio.Task[None]) -> None:
        del self.under_way[key]
        if task.cancelled():
            self.rests.pop(key, None)  # it is as due as it was

    def end(self) -> None:
        """Begin nothing any more: who is being asked may answer, visits that wait for their turn are cancelled."""
        self._ends = True
        self.hush()

    async def drain(self, seconds: float) -> None:
        """End; give visits so long, then cut those that still wait for an answer. What was fetched is saved."""
        self.end()
        if self.under_way:
            await asyncio.wait(self.under_way.values(), timeout=seconds)
        cut = self.under_way.keys() - self._saving
        for key in cut:
            self.under_way[key].cancel()
        if cut:
            pool.end()  # what is read for them is read for nobody
        if self.under_way:
            await asyncio.wait(self.under_way.values())
        time = asyncio.get_running_loop().time()  # they were asked all the same
        self.unsaved |= {
            each.key: time + each.pace.interval.total_seconds() for each in self.config.sources if each.key in cut
        }
        self._hosts |= self.learned()
        await self.write(_save_hosts, self.engine, self._hosts)

    async def _visit(self, source: Source, known: Mapping[str, Validators], standing: Standing, now: datetime) -> None:
        """One visit, from asking to its transaction. What goes wrong with the store is logged; the source rests then,
        as one that could not be saved is still due, and would be asked at once again."""
        began, interval = asyncio.get_running_loop().time(), source.pace.interval.total_seconds()
        if not _is_local(source):
            self.rests[source.key] = began + interval
        made = await visit(source, known, self.fetch)
        if _is_local(source) and _says_nothing(made, known, standing):
            return
        self._saving.add(source.key)
        hosts = {**self._hosts, **self.learned()}
        try:
            listening = bool(self.config.web.public_url)
            outcome = await self._saved(made, now, hosts, self.stretch, listening)
            self._hosts.clear()
        except Exception as error:  # a border: a full disk, a bug: the next source may do better
            self._hosts = hosts
            self.unsaved[source.key] = began + interval
            why = f"{made.source.title or source.key}: cannot be saved: {type(error).__name__}: {error}"
            say(_log, "visit", why, logging.ERROR, source=source.key, outcome="not saved")
            _log.info("this is where", exc_info=True)
            return
        finally:
            self._saving.discard(source.key)
        if outcome is None:  # its host wants silence, so it was not asked, and the store knows until when
            self.rests.pop(source.key, None)
            return
        if outcome.next_visit and (planned := (outcome.next_visit - now).total_seconds()) > 0:
            self.rests[source.key] = began + min(interval, planned) - 1  # the store has whole seconds
        tell(outcome, made, standing)
        self.kept(outcome)

    async def _saved(self, *values: Any) -> Outcome | None:
        """Save a visit. A server of the store that is away is waited for as long as this session lasts: its publisher
        need not be asked again."""
        while True:
            try:
                return await self.write(_keep, self.engine, *values)
            except AggregatorError as error:
                if self._ends or isinstance(error, StoreError):
                    raise
                await asyncio.sleep(AWAY)


def choose(
    wanted: Iterable[str], under_way: Collection[str], resting: Collection[str], rules: tuple[HostRule, ...]
) -> list[str]:
    """Which of these sources, by their keys and best first, are visited now."""
    busy = Counter(host(key, rules) for key in under_way)
    chosen: list[str] = []
    for key in dict.fromkeys(wanted):
        if len(under_way) + len(chosen) >= AT_ONCE:
            break
        place = host(key, rules)
        if key not in under_way and key not in resting and busy[place] < PER_HOST:
            busy[place] += 1
            chosen.append(key)
    return chosen


def tell(outcome: Outcome, made: Visit, before: Standing) -> None:
    """The line of the log for one visit, and what its owner should do about it."""
    new, edited = outcome.counts.get("new", 0), outcome.counts.get("edited", 0)
    removed = outcome.counts.get("removed", 0)
    counted = [f"{count} {what}" for count, what in ((new, "new"), (edited, "edited"), (removed, "removed")) if count]
    what = outcome.error or ", ".join(counted) or "nothing new"
    when = f"; next {outcome.next_visit:%Y-%m-%d %H:%M:%S} UTC: {outcome.reason}" if outcome.next_visit else ""
    say(
        _log,
        "visit",
        f"{outcome.title}: {what} ({outcome.seconds:.1f} s){'' if _is_local(outcome.source) else when}",
        logging.WARNING if outcome.error else logging.INFO,
        source=outcome.source.key,
        title=outcome.title,
        outcome=made.trouble.kind if made.trouble else "error" if outcome.error else "ok" if made.documents else "same",
        error=outcome.error or None,
        new=new,
        edited=edited,
        removed=removed,
        seconds=round(outcome.seconds, 3),
        next_visit=outcome.next_visit,
        reason=outcome.reason,
    )
    for warning in outcome.warnings:
        if warning not in outcome.told:
            say(_log, "warning", f"{outcome.title}: {warning}", logging.WARNING, source=outcome.source.key)
    if outcome.moved_to:
        say(_log, "moved", moved(outcome, before), logging.WARNING, source=outcome.source.key, to=outcome.moved_to)
    if outcome.incident:
        say(_log, "incident", outcome.incident, logging.WARNING, source=outcome.source.key)


def _says_nothing(made: Visit, known: Mapping[str, Validators], standing: Standing) -> bool:
    """Whether a look at local posts found all as it was, so that there is nothing to keep."""
    if made.error or standing.error or not standing.last_success:
        return made.error == standing.error and standing.last_visit is not None
    is_whole = not made.documents and made.held.keys() | made.broken == known.keys()
    return is_whole and set(made.warnings) <= set(standing.warnings)


def _is_local(source: Source) -> bool:
    return not sources.find(source.kind).REMOTE


def _due(engine: Engine, now: datetime) -> tuple[str, ...]:
    with reading(engine) as db:
        return stored.due(db, now)


def _keep(
    engine: Engine, made: Visit, now: datetime, hosts: Mapping[str, HostState], stretch: float, listening: bool
) -> Outcome | None:
    """Save a visit on top of how its source stands by now."""
    with reading(engine) as db:
        standing = stored.standings(db, (made.source.key,))[made.source.key]
    return keep(engine, made, standing, now, hosts, stretch, listening=listening)


def _save_hosts(engine: Engine, hosts: Mapping[str, HostState]) -> None:
    with writing(engine) as db:
        stored.save_hosts(db, hosts)
