"""`aggregator daemon`: the engine of `once`, and time. It decides nothing: the store says what is due.

    tick      every second: has the config changed? begin the visits that are due (visiting.Visits)
    publish   looked at every second: settle and write the feeds, soon after something new was kept
    replan    every ten minutes: what is due though its plan says later (a shorter interval, a clock that was wrong)
    prune     every hour: what is beyond its limits goes
    beat      twice a minute: a sign of life for `status`; posts whose day has come

These are jobs of APScheduler, in memory; a job that ran late or overlapped itself is counted. A *session* is the time
for which one config and one client hold: it ends when the config changes, when the clock was set, and once a day, so
that nothing grows over months. One thread alone writes to the store, and the event loop never waits for a disk.
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Engine

from aggregator import sources
from aggregator.config import Config, again, stamp
from aggregator.errors import AggregatorError, ConfigError
from aggregator.fetching import loop_factory
from aggregator.following import follow
from aggregator.logs import say
from aggregator.network import network
from aggregator.notify import notify, reloading, watchdog_seconds
from aggregator.pipeline import READERS
from aggregator.planning import align, prepare
from aggregator.publishing import AGAIN, Publishing, tell
from aggregator.steps import Every
from aggregator.store import history
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, writing
from aggregator.store.lock import awaited
from aggregator.store.pulse import Pulse, beat
from aggregator.subscribing import attend
from aggregator.target import sweep
from aggregator.visiting import InThread, Visits

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

Job = Callable[[Engine, Config, datetime, InThread], Awaitable[bool]]
"""Something to do, with what runs a function in the one thread that writes; it says whether there is anything to be
published by now."""

Deliver = Callable[[Job], bool]
"""Hands a job over, from any thread; False when it was not taken: too many wait, or the daemon ends."""

Serve = Callable[[Config, Deliver], AbstractContextManager[None]]
"""What goes on beside the daemon for as long as a config holds: the web server. Entered and left in a thread."""

_TICK = 1.0
_PATIENCE = 60.0  # seconds for which the end of another run is waited for
_DRAIN = 4.0  # seconds for visits under way, when a session ends
_LAST = 9  # seconds after a signal to end: then nothing is waited for any more
_LAST_WORD = 2.0  # seconds for what hubs have delivered, and for hubs to take what was published last
_INBOX = 1000
_JUMP = 10.0  # seconds by which the clock may be off before it was set
_SESSION = timedelta(days=1)


def run(config: Config, clock: Callable[[], datetime], serve: Serve = lambda *_: nullcontext()) -> None:
    """Keep everything current until SIGTERM or SIGINT. `clock` gives the time (UTC).

    Raises LockedError when another daemon is at work, or another run that does not end; AggregatorError when the store
    or the output cannot be used, or `serve` cannot begin.
    """

    def wait(why: str) -> None:
        say(_log, "wait", f"{why} (waiting for up to {_PATIENCE:.0f} s)")

    read = stamp(config.file, config.watched)  # what it says by then may be another thing after a wait
    with awaited(config.store, clock, "daemon", _PATIENCE, wait) as lock:
        engine = open_store(config.store, lock.writer)
        try:
            if lock.is_broken_off:
                sweep(config)
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(Daemon(engine, config, clock, serve, read).live())
        finally:
            engine.dispose()


class Daemon:
    """What the daemon knows while it lives. An object, because signals, jobs and visits all meet in it."""

    def __init__(self, engine: Engine, config: Config, clock: Callable[[], datetime], serve: Serve, read: Any) -> None:
        self.engine = engine
        self.config = config
        self.clock = clock
        self._serve = serve
        self._since = clock()
        self._writer = ThreadPoolExecutor(1, "writer")
        self._looker = ThreadPoolExecutor(1, "looker")
        self._inbox = threading.BoundedSemaphore(_INBOX)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._jobs: set[asyncio.Task[None]] = set()  # of the inbox
        self._turns = asyncio.Lock()  # of these jobs
        self._turn = asyncio.Event()  # the session is to end
        self._stops = self._began = self._saved = False
        self._visits: Visits | None = None
        self._rests: dict[str, float] = {}
        self._unsaved: dict[str, float] = {}
        self._publishing = Publishing(engine, clock, self._write)
        self._publishes: asyncio.Task[asyncio.Task[None]] | None = None
        self._stamp = self._seen = read
        self._reloading = asyncio.Lock()
        self._web = ExitStack()
        self._served: Config | None = None
        self._last_tick, self._ticked = self._since, 0.0  # by the clock, by the loop
        self._ticks = self._missed = self._overlapped = 0
        self._complained, self._refused = -AGAIN, ""

    # --- Its life ---------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """From the first session to the end. Raises AggregatorError when the first one cannot begin."""
        loop = self._loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(READERS, "reader"))
        for each in (signal.SIGTERM, signal.SIGINT):  # the loop's own way loses one while its pipe is full of jobs
            signal.signal(each, lambda sign, _: loop.is_closed() or loop.call_soon_threadsafe(self._stop, sign))
        loop.add_signal_handler(signal.SIGHUP, lambda: self._begin(self._reload("SIGHUP")))
        signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)  # a full one wakes the loop as well
        say(_log, "start", f"process {os.getpid()}: {len(self.config.sources)} sources", pid=os.getpid())
        scheduler = self._scheduler()
        watching = self._begin(self._watch(scheduler))
        self._tending = self._begin(attend(self.engine, lambda: self.config, self.clock, self._write))
        try:
            while not self._stops:
                try:
                    await self._session()
                    self._saved = self._stops  # what is not published yet will be by the next daemon
                except Exception as error:  # a border: a full disk, say; the first time it is told by who began us
                    if not self._began:
                        raise
                    say(_log, "session", f"{type(error).__name__}: {error}; begun again", logging.ERROR)
                    _log.info("this is where", exc_info=True)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._turn.wait(), AGAIN)
            scheduler.pause()  # jobs under way come to their end before the threads that `_end` waits for
            try:
                await self._end()
            except Exception as error:  # a border: a full disk, say
                raise AggregatorError(f"not all could be saved and published: {error}") from error
        finally:
            self._stops = True
            watching.cancel()
            self._tending.cancel()
            scheduler.shutdown(wait=False)
            self._web.close()
            self._writer.shutdown(wait=False)
            self._looker.shutdown(wait=False)

    def deliver(self, job: Job) -> bool:
        """See `Deliver`."""
        if self._stops or not self._inbox.acquire(blocking=False):
            return False
        self._loop.call_soon_threadsafe(self._accept, job)
        return True

    def _accept(self, job: Job) -> None:
        task = self._begin(self._take(job))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def _session(self) -> None:
        """Visit and publish with one config and one client, until it is time for another."""
        self._turn.clear()
        if self._stops:
            return
        config, exact = self.config, self.clock()
        now = exact.replace(microsecond=0)
        for note in await self._write(align, self.engine, config, now):
            say(_log, "note", note)
        plan = await self._look(prepare, self.engine, config, now)
        await self._open_web(config)
        remote = any(sources.find(each.kind).REMOTE for each in config.sources)
        async with network(config, plan.hosts, exact, remote=remote) as (fetch, learned, hush):
            shared = (self.engine, config, self.clock, fetch, learned, hush, self._write, self._look)
            resting = (self._rests, self._unsaved)
            self._visits = Visits(*shared, self._publishing.visited, plan.remote, *resting, plan.stretch)
            self._publishing.news()
            self._began = True
            notify("READY=1", f"STATUS={len(config.sources)} sources")
            await self._pulse()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._turn.wait(), _SESSION.total_seconds())
            visits, self._visits = self._visits, None
            await visits.drain(_DRAIN)

    async def _end(self) -> None:
        """Save and publish what there is, and say so."""
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=_LAST_WORD)  # the next daemon asks those feeds themselves
        for job in self._jobs:
            job.cancel()
        if self._publishes:
            await self._publishes
        hubs = await self._publish()
        await self._write(beat, self.engine, None)
        await asyncio.wait((hubs,), timeout=_LAST_WORD)
        await self._look(self._web.close)
        say(_log, "stopped", "all is saved and published")

    def _stop(self, sign: int) -> None:
        """End within seconds; at the second signal at once, which harms nothing either."""
        if self._stops:
            os._exit(128 + sign)
        self._stops = True
        signal.signal(signal.SIGALRM, lambda *_: os._exit(0 if self._saved else 1))
        signal.alarm(_LAST)
        notify("STOPPING=1")
        say(_log, "stop", f"{signal.Signals(sign).name}: ending", signal=signal.Signals(sign).name)
        if self._visits:
            self._visits.end()
        self._tending.cancel()
        self._turn.set()

    # --- Jobs -------------------------------------------------------------------------------------------------------

    def _scheduler(self) -> AsyncIOScheduler:
        defaults = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
        scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=defaults)
        often = ((self._tick, _TICK), (self._may_publish, _TICK), (self._pulse, 30))
        for job, seconds in (*often, (self._follow, 10), (self._replan, 600), (self._prune, 3600)):
            scheduler.add_job(job, Every(seconds=seconds, timezone=UTC), id=job.__name__)
        executor = logging.getLogger("apscheduler.executors.default")  # of a store that is away, `_heard` tells enough
        executor.addFilter(lambda told: not (told.exc_info and isinstance(told.exc_info[1], AggregatorError)))
        scheduler.add_listener(self._heard, EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES | EVENT_JOB_MISSED)
        scheduler.start()
        return scheduler

    def _heard(self, event: JobEvent) -> None:
        if event.code == EVENT_JOB_ERROR:
            self._complain("job", f"{event.job_id}: {type(event.exception).__name__}: {event.exception}")
            return
        self._overlapped += event.code == EVENT_JOB_MAX_INSTANCES
        self._missed += event.code == EVENT_JOB_MISSED
        self._complain("late", f"{event.job_id} takes longer than the time to its next run")

    async def _tick(self) -> None:
        """Begin what is due. Ticks that the loop came too late for are counted as missed."""
        now = self._loop.time()
        if self._ticked:
            self._missed += max(0, round((now - self._ticked) / _TICK) - 1)
        await self._look_at_config()
        if self._visits and not self._turn.is_set():
            await self._visits.start()
        self._ticked = self._loop.time()
        self._last_tick = self.clock()
        self._ticks += 1

    async def _may_publish(self) -> None:
        """Begin publishing when it is time; one after another."""
        is_free = self._publishes is None or self._publishes.done()
        if self._visits and is_free and self._publishing.is_time:
            self._publishes = self._begin(self._publish())

    async def _publish(self) -> asyncio.Task[None]:
        """Publish, and begin to tell the hubs: one that is silent must not hold up what comes next."""
        config = self.config
        return self._begin(tell(config, await self._publishing.publish(config)))

    async def _pulse(self) -> None:
        """A sign of life; and posts whose day has come are news."""
        count = len(self._visits.under_way) if self._visits else 0
        now = Pulse(os.getpid(), self._since, self._last_tick, self._missed, self._overlapped, count, self._refused)
        if await self._write(beat, self.engine, now, self.clock()):
            self._publishing.news()
        notify(f"STATUS={len(self.config.sources)} sources, {count} being visited")

    async def _replan(self) -> None:
        """Look at all sources: the index knows only when they were planned for."""
        if visits := self._visits:
            plan = await self._look(prepare, self.engine, self.config, self.clock().replace(microsecond=0))
            visits.overdue |= plan.remote
            visits.stretch = plan.stretch

    async def _follow(self) -> None:
        """Bring what is kept of lists up to date; the next tick notices what that changes."""
        await asyncio.to_thread(follow, self.config, self.clock())

    async def _prune(self) -> None:
        await self._write(_in_store, history.trim, self.engine, self.clock())
        self._publishing.news()

    async def _watch(self, scheduler: AsyncIOScheduler) -> None:
        """What must not depend on a calendar: the watchdog, and jobs that a clock set back would keep waiting."""
        every, told, ticks = watchdog_seconds(), 0.0, -1
        offset = self.clock().timestamp() - self._loop.time()
        while True:
            await asyncio.sleep(min(every or _TICK, _TICK))
            by = self.clock().timestamp() - self._loop.time() - offset
            if abs(by) > _JUMP:
                offset += by
                say(_log, "clock", f"the clock was set by {by:+.0f} s", logging.WARNING, seconds=round(by))
                for job in scheduler.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))  # the scheduler has a clock of its own
                self._ticked = 0.0
                if by < 0:
                    self._begin(self._write(_in_store, stored.set_back, self.engine, self.clock(), by))
                self._turn.set()
            if every and self._loop.time() - told >= every and self._ticks != ticks:
                told, ticks = self._loop.time(), self._ticks
                notify("WATCHDOG=1")

    # --- The config -------------------------------------------------------------------------------------------------

    async def _look_at_config(self) -> None:
        """Reload the config when it has changed, and is the same at two ticks: somebody may still be writing."""
        seen, before = await self._look(stamp, self.config.file, self.config.watched), self._seen
        self._seen = seen
        if seen not in (self._stamp, ()) and seen == before:
            self._begin(self._reload("its file has changed"))
            self._stamp = seen

    async def _reload(self, why: str) -> None:
        """Go on with the config as it stands now; an invalid one is reported, and the old one stays."""
        async with self._reloading:
            notify("RELOADING=1", reloading())
            try:
                config, self._stamp = await asyncio.to_thread(again, self.config, self._stamp)  # maybe for seconds
            except ConfigError as error:
                for problem in error.problems:
                    say(_log, "config", problem, logging.ERROR)
                say(_log, "reload", "the config cannot be used; the old one stays", logging.ERROR, valid=False)
                self._refused = error.problems[0]
                notify("READY=1")
                return
            say(_log, "reload", f"{why}: {len(config.sources)} sources", valid=True)
            self.config, self._refused = config, ""
            self._rests.clear()
            self._turn.set()

    async def _open_web(self, config: Config) -> None:
        """Have the web server serve this config. What keeps it from that ends the first session, no later one."""
        if config == self._served:
            return
        await asyncio.to_thread(self._web.close)
        self._served = None
        try:
            await asyncio.to_thread(lambda: self._web.enter_context(self._serve(config, self.deliver)))
            self._served = config
        except AggregatorError as error:
            if not self._began:
                raise
            say(_log, "web", f"{error}; SIGHUP has it tried again", logging.ERROR)

    async def _take(self, job: Job) -> None:
        """A job from the inbox, one after another. One that fails harms no other."""
        try:
            async with self._turns:
                if await job(self.engine, self.config, self.clock(), self._write):
                    self._publishing.news()
        except Exception as error:
            say(_log, "job", f"{type(error).__name__}: {error}", logging.ERROR)
            _log.info("this is where", exc_info=True)
        finally:
            self._inbox.release()

    # --- Threads and tasks ------------------------------------------------------------------------------------------

    async def _write(self, do: Callable[..., _T], *values: Any) -> _T:
        """Run in the one thread that writes to the store."""
        return await self._loop.run_in_executor(self._writer, partial(do, *values))

    async def _look(self, do: Callable[..., _T], *values: Any) -> _T:
        """Run in the thread that looks into the store, and at the config."""
        return await self._loop.run_in_executor(self._looker, partial(do, *values))

    def _begin(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Have it done beside all else. Until it ends somebody has to hold the task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _complain(self, event: str, what: str) -> None:
        """Log what may come again each second, at most once a minute."""
        if self._loop.time() >= self._complained + AGAIN:
            self._complained = self._loop.time()
            counted = {"missed": self._missed, "overlapped": self._overlapped}
            say(_log, event, what, logging.WARNING, **counted)


def _in_store(do: Callable[..., None], engine: Engine, *values: Any) -> None:
    with writing(engine) as db:
        do(db, *values)
