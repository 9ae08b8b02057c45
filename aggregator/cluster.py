"""`aggregator worker`: the work of `once`, shared by any number of processes on any number of machines.

Procrastinate hands it out, as jobs in the database of the store:

    tick      every 15 seconds, on whichever worker: jobs of workers that died are given back; a job for what is due
    visit     one shard of the sources: what is due in it
    settle    what was kept, into stories; then a job for each category that this changed
    publish   one category

A job that fails is gone: what is due, pending or not yet published stands in the store, and the next tick makes a job
of it. A *session* is the time for which one config, one connection that writes and one set of jobs hold. It ends when
the config changes, once a day, and when the database cannot be reached; then it is begun again, as soon as can be.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from functools import partial
from gettext import gettext as _
from typing import Any, TypeVar

from sqlalchemy import Engine

from aggregator import languages
from aggregator.config import Config, again, stamp
from aggregator.errors import AggregatorError, ConfigError, LockedError
from aggregator.fetching import loop_factory
from aggregator.following import follow
from aggregator.jobs import Jobs
from aggregator.jobs import Times as Times
from aggregator.logs import say
from aggregator.notify import notify
from aggregator.pipeline import READERS
from aggregator.planning import align, prepare
from aggregator.store import postgresql, team
from aggregator.store.engine import open_store, reading
from aggregator.store.lock import shared
from aggregator.target import sweep
from aggregator.text import one_line
from aggregator.working import Desk, doubt

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_LEFT = 3600.0  # seconds after which what is half written was left by one that was killed
_SESSION = timedelta(days=1)
_LAST = 9  # seconds after a signal to end: then nothing is waited for any more
_SKEW = 5.0  # seconds that clocks may differ by before it is told
_FOLLOW = 10.0  # seconds between two looks at what is kept of lists
_AGAIN = 2.0  # seconds between two attempts to begin a session
_TIMES = Times()


def run(config: Config, clock: Callable[[], datetime], times: Times = _TIMES) -> None:
    """Share the work until SIGTERM or SIGINT. `clock` gives the time (UTC).

    Raises ConfigError when the store is not on PostgreSQL; AggregatorError when the first session cannot begin.
    """
    if not postgresql.is_meant(config.store):
        raise ConfigError(
            _(
                "{file}: site.store: workers share a store on PostgreSQL: write "
                '"postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"; on one machine, `aggregator daemon` does '
                "without"
            ).format(file=config.file)
        )
    languages.speak_english()  # from here on it logs
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(Worker(config, clock, times).live())


class Worker:
    """What a worker knows while it lives. An object, because signals, jobs and the config meet in it."""

    def __init__(self, config: Config, clock: Callable[[], datetime], times: Times) -> None:
        self.config = config
        self.clock = clock
        self.times = times
        self._writer = ThreadPoolExecutor(1, "writer")
        self._looker = ThreadPoolExecutor(1, "looker")
        self._turn = asyncio.Event()  # the session is to end
        self._stops = self._began = False
        self._complaint = ""
        self._doubtful: set[int] = set()
        self._stamp = self._seen = stamp(config.file, config.watched)
        self._tasks: set[asyncio.Task[None]] = set()

    # --- Its life ---------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """From the first session to the end. Raises AggregatorError when the first one cannot begin."""
        loop = self._loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(READERS, "reader"))
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._stop, each)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._begin(self._reload("SIGHUP")))
        signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)  # a full one wakes the loop as well
        loop.set_exception_handler(_tell_mistake)
        say(_log, "start", f"process {os.getpid()}: {len(self.config.sources)} sources", pid=os.getpid())
        beside = [asyncio.create_task(self._watch()), asyncio.create_task(self._follow())]
        try:
            while not self._stops:
                try:
                    await self._session()
                except Exception as error:  # a border: a database that went away, a full disk
                    if not self._began:
                        raise
                    self._complain(error)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._stopping(), _AGAIN)
        finally:
            for task in beside:
                task.cancel()
            self._writer.shutdown(wait=False)
            self._looker.shutdown(wait=False)
        say(_log, "stopped", "all that was fetched is saved")

    async def _session(self) -> None:
        """Do jobs with one config and one connection that writes, until it is time for another."""
        self._turn.clear()
        async with AsyncExitStack() as stack:
            config = self.config
            writer = await self._locked(stack)
            if writer is None:
                return
            engine = await self._write(open_store, config.store, writer)
            stack.callback(engine.dispose)
            desk = Desk(engine, config, self.clock, self._write, self._look, asyncio.Event(), self._doubtful)
            desk.rest = timedelta(seconds=self.times.patience)
            await doubt(desk)
            await self._look(sweep, config, self.clock().timestamp() - _LEFT)
            if abs(ahead := await self._look(_ahead, engine, self.clock())) > _SKEW:
                where = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the database's"
                why = "hosts would be asked too early, or too late"
                say(_log, "clock", f"this machine's clock is {where}; mend that: {why}", logging.WARNING)
            for note in await self._write(align, engine, config, desk.now):
                say(_log, "note", note)
            desk.stretch = (await self._look(prepare, engine, config, desk.now)).stretch
            jobs = Jobs(desk, self.times, self._turn.set)
            await stack.enter_async_context(jobs.opened())
            self._began, self._complaint = True, ""
            notify("READY=1", f"STATUS={len(config.sources)} sources")
            say(_log, "session", "at work")
            at_work = asyncio.create_task(jobs.work())
            turn = asyncio.create_task(self._turn.wait())
            await asyncio.wait({at_work, turn}, timeout=_SESSION.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
            turn.cancel()
            desk.ends.set()
            at_work.cancel()
            with suppress(asyncio.CancelledError):
                await at_work
            if jobs.trouble:
                raise jobs.trouble

    async def _locked(self, stack: AsyncExitStack) -> Engine | None:
        """The engine that writes, of a session that has the lock of the store together with other workers; it waits for
        a run that has it alone. None when the worker is to end."""
        is_told = False
        while not self._turn.is_set():
            try:
                held = shared(self.config.store, self.clock(), "worker")
                engine = await self._write(held.__enter__)
                stack.callback(held.__exit__, None, None, None)
                return engine
            except LockedError as error:
                if not is_told:
                    say(_log, "wait", f"{error} (waiting)")
                is_told = True
            with suppress(TimeoutError):
                await asyncio.wait_for(self._turn.wait(), 1.0)
        return None

    def _complain(self, error: Exception) -> None:
        """Log why a session ended, or cannot begin; the same trouble once. A trace is for a mistake of ours."""
        is_ours = not isinstance(error, AggregatorError)
        if (told := f"{type(error).__name__}: {error}" if is_ours else one_line(str(error))) != self._complaint:
            self._complaint = told
            say(_log, "session", f"{told}; begun again as soon as that can be", logging.ERROR)
            if is_ours:
                _log.info("this is where", exc_info=True)

    async def _stopping(self) -> None:
        while not self._stops:
            await self._turn.wait()
            await asyncio.sleep(0.05)

    def _stop(self, sign: signal.Signals) -> None:
        """End within seconds; at the second signal at once, which harms nothing either."""
        if self._stops:
            os._exit(128 + sign)
        self._stops = True
        signal.signal(signal.SIGALRM, lambda *_: os._exit(1))
        signal.alarm(_LAST)
        notify("STOPPING=1")
        say(_log, "stop", f"{sign.name}: ending", signal=sign.name)
        self._turn.set()

    # --- The config -------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Reload the config when it has changed, and is the same at two looks: somebody may still be writing."""
        while True:
            await asyncio.sleep(1.0)
            seen, before = await self._look(stamp, self.config.file, self.config.watched), self._seen
            self._seen = seen
            if seen not in (self._stamp, ()) and seen == before:
                self._stamp = seen
                await self._reload("its file has changed")

    async def _follow(self) -> None:
        """Bring what is kept of lists up to date; `_watch` notices what that changes."""
        while True:
            try:
                await asyncio.to_thread(follow, self.config, self.clock())
            except AggregatorError as error:
                say(_log, "lists", str(error), logging.ERROR)
            await asyncio.sleep(_FOLLOW)

    async def _reload(self, why: str) -> None:
        """Go on with the config as it stands now; an invalid one is reported, and the old one stays."""
        try:
            config, self._stamp = await asyncio.to_thread(again, self.config, self._stamp)  # maybe for seconds
        except ConfigError as error:
            for problem in error.problems:
                say(_log, "config", problem, logging.ERROR)
            say(_log, "reload", "the config cannot be used; the old one stays", logging.ERROR, valid=False)
            return
        say(_log, "reload", f"{why}: {len(config.sources)} sources", valid=True)
        self.config = config
        self._turn.set()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- Threads ----------------------------------------------------------------------------------------------------

    async def _write(self, do: Callable[..., _T], *values: Any) -> _T:
        """Run in the one thread that writes to the store."""
        return await self._loop.run_in_executor(self._writer, partial(do, *values))

    async def _look(self, do: Callable[..., _T], *values: Any) -> _T:
        """Run in the thread that looks into the store, and at the config."""
        return await self._loop.run_in_executor(self._looker, partial(do, *values))


def _ahead(engine: Engine, now: datetime) -> float:
    with reading(engine) as db:
        return team.ahead(db, now)


def _tell_mistake(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waited for and failed: the end of a job that the queue, while away, could not be told, mostly."""
    error = context.get("exception")
    say(_log, "job", f"{context['message']}: {type(error).__name__}: {error}" if error else context["message"])
