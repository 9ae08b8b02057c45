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
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status
from sqlalchemy import Engine

from aggregator.config import Config, load, stamp
from aggregator.errors import AggregatorError, ConfigError, LockedError
from aggregator.fetching import loop_factory
from aggregator.logs import say
from aggregator.notify import notify
from aggregator.pipeline import READERS
from aggregator.planning import align, prepare
from aggregator.publishing import tell
from aggregator.store import fences, postgresql, shards
from aggregator.store.engine import open_store, reading
from aggregator.store.lock import shared
from aggregator.text import one_line
from aggregator.working import JOBS, SETTLE, Desk, category_work, publish, settle, visit_shard

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_SCHEMA, _RESCUE = 0x61677173, 0x61677265  # numbers that no other program is likely to lock
_SESSION = timedelta(days=1)
_LAST = 9  # seconds after a signal to end: then nothing is waited for any more
_GRACE = 6.0  # seconds for jobs, when a session ends: visits have four, and what they gave is to be saved
_AGAIN = 2.0  # seconds between two attempts to begin a session


@dataclass(frozen=True, slots=True)
class Times:
    """All in seconds. `period` (it divides a minute) is between two looks at what is due, `turn` what a job on a shard
    may take; what was kept is published after `patience` at the latest. A worker says each `heartbeat` that it lives;
    one that has not said it for `stalled` is given up."""

    period: int = 15
    turn: float = 60.0
    patience: int = 60
    heartbeat: float = 10.0
    stalled: float = 30.0


def run(config: Config, clock: Callable[[], datetime], times: Times = Times()) -> None:
    """Share the work until SIGTERM or SIGINT. `clock` gives the time (UTC).

    Raises ConfigError when the store is not on PostgreSQL; AggregatorError when the first session cannot begin.
    """
    if not postgresql.is_meant(config.store):
        raise ConfigError(
            f"{config.file}: site.store: workers share a store on PostgreSQL: write"
            ' "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"; on one machine, `aggregator daemon` does without'
        )
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
        self._stamp = self._seen = stamp(config.file)
        self._tasks: set[asyncio.Task[None]] = set()

    # --- Its life ---------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """From the first session to the end. Raises AggregatorError when the first one cannot begin."""
        loop = self._loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(READERS, "reader"))
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._stop, each)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._begin(self._reload("SIGHUP")))
        loop.set_exception_handler(_tell_mistake)
        say(_log, "start", f"process {os.getpid()}: {len(self.config.sources)} sources", pid=os.getpid())
        watching = asyncio.create_task(self._watch())
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
            watching.cancel()
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
            desk = Desk(engine, config, self.clock, self._write, self._look, asyncio.Event())
            for note in await self._write(align, engine, config, desk.now):
                say(_log, "note", note)
            desk.stretch = (await self._look(prepare, engine, config, desk.now)).stretch
            connector = _connector(config.store)
            jobs = Jobs(connector, desk, self.times, self._turn.set)
            try:
                await stack.enter_async_context(jobs.app.open_async())
                await _make_queue(jobs.app, connector)
            except Exception as error:  # a border: what a database may say has many classes
                why = one_line(str(error.__cause__ or error))
                raise AggregatorError(f"{postgresql.shown(config.store)}: the queue cannot be used: {why}") from error
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
        """Log why a session ended, or cannot begin; the same trouble once."""
        if (told := f"{type(error).__name__}: {error}") != self._complaint:
            self._complaint = told
            say(_log, "session", f"{told}; begun again as soon as that can be", logging.ERROR)
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
            seen, before = await self._look(stamp, self.config.file), self._seen
            self._seen = seen
            if seen not in (self._stamp, ()) and seen == before:
                self._stamp = seen
                await self._reload("its file has changed")

    async def _reload(self, why: str) -> None:
        """Go on with the config as it stands now; an invalid one is reported, and the old one stays."""
        try:
            config = await asyncio.to_thread(load, self.config.file)  # seconds, for thousands of sources
            if config.store != self.config.store:
                raise ConfigError(f"{config.file}: site.store: has changed; that needs a restart")
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


def _tell_mistake(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waited for and failed: the end of a job that the queue, while away, could not be told, mostly."""
    error = context.get("exception")
    say(_log, "job", f"{context['message']}: {type(error).__name__}: {error}" if error else context["message"])


class Jobs:
    """The jobs of a session. Names and arguments of tasks are what workers of other versions know as well."""

    def __init__(self, connector: PsycopgConnector, desk: Desk, times: Times, end: Callable[[], None]) -> None:
        self.app = app = App(connector=connector)
        self.desk = desk
        self.times = times
        self.trouble: Exception | None = None
        self._connector = connector
        self._end = end
        self._telling: set[asyncio.Task[None]] = set()
        self._visit = app.task(name="visit")(self._do_visit)
        self._settle = app.task(name="settle", pass_context=True)(self._do_settle)
        self._publish = app.task(name="publish")(self._do_publish)
        tick = app.task(name="tick", queueing_lock="tick")(self._do_tick)  # no lock: a dead one must not bar the next
        app.periodic(cron=f"* * * * * */{times.period}")(tick)

    async def work(self) -> None:
        """Do what is handed out, until it is cancelled, or the queue cannot be reached."""
        try:
            await self.app.run_worker_async(
                concurrency=JOBS,
                delete_jobs="always",
                install_signal_handlers=False,
                shutdown_graceful_timeout=_GRACE,
                fetch_job_polling_interval=max(1.0, self.times.period / 3),
                update_heartbeat_interval=self.times.heartbeat,
                stalled_worker_timeout=self.times.stalled,
            )
        except ConnectorException as error:
            self.trouble = self.trouble or error
        if not self.desk.ends.is_set():
            self.trouble = self.trouble or AggregatorError("the queue cannot be reached")

    async def _do_tick(self, timestamp: int) -> None:
        """Make jobs of what is to be done. `timestamp` is when it was due."""
        async with self._minding():
            await self._rescue()
            due, is_pending = await self.desk.look(_waiting, self.desk)
            busy = await self._busy()
            for shard in due:
                if f"shard-{shard}" not in busy:
                    await self._defer(self._visit, f"shard-{shard}", shard=shard)
            if is_pending and not due and not busy:
                await self._defer(self._settle, "settle", at="settle now")
            await self._defer(self._settle, "settle", at="settle", after=self.times.patience)

    async def _do_visit(self, shard: int) -> None:
        async with self._minding():
            began = time.monotonic()
            done = await visit_shard(self.desk, shard, self.times.turn)
            took = time.monotonic() - began
            if done.visits:
                counts = {"visits": done.visits, "failed": done.failed, **done.counts}
                say(_log, "shard", f"shard {shard}: {done.visits} visits ({took:.1f} s)", shard=shard, **counts)

    async def _do_settle(self, context: JobContext) -> None:
        async with self._minding():
            number = context.job.id or 0
            for category in await settle(self.desk, number):
                await self._defer(self._publish, f"category-{category}", category=category, settled=number)

    async def _do_publish(self, category: int, settled: int) -> None:
        async with self._minding():
            done = await publish(self.desk, category, settled)
            if done is None:
                return
            for problem in done.problems:
                say(_log, "publish", problem, logging.WARNING)
            if done.written:
                names = ", ".join(path.relative_to(self.desk.config.output).as_posix() for path in done.written[:5])
                more = f" and {len(done.written) - 5} more" if len(done.written) > 5 else ""
                say(_log, "publish", f"{names}{more}", files=len(done.written))
            if done.topics and self.desk.config.site.hubs:  # one that is silent must not hold up what comes next
                task = asyncio.create_task(tell(self.desk.config, done.topics))
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)

    @asynccontextmanager
    async def _minding(self) -> AsyncIterator[None]:
        """A job that fails is told. What it was about is still in the store, so the queue need not know; but when that
        cannot be written any more, the session ends."""
        try:
            yield
        except Exception as error:  # a border: a job must not end the others
            try:
                await self.desk.write(fences.probe, self.desk.engine)
            except AggregatorError as lost:
                self.trouble = self.trouble or lost
                self._end()
                return
            say(_log, "job", f"{type(error).__name__}: {error}", logging.ERROR)
            _log.info("this is where", exc_info=True)

    async def _defer(self, task: Any, lock: str, *, at: str = "", after: int = 0, **values: Any) -> None:
        """Have something done by whoever has time, never twice at the same time, and waiting for it only once."""
        wait = {"schedule_in": {"seconds": after}} if after else {}
        # What is to be visited may bring more to be settled; and who waits for a time bars those of its lock behind it.
        priority = (-2 if after else -1) if lock == "settle" else 0
        with suppress(AlreadyEnqueued):
            await task.configure(lock=lock, queueing_lock=at or lock, priority=priority, **wait).defer_async(**values)

    async def _busy(self) -> set[str]:
        """The shards that wait for a worker or have one."""
        jobs = await self.app.job_manager.list_jobs_async(task="visit")
        return {str(job.lock) for job in jobs if job.status in (Status.TODO.value, Status.DOING.value)}

    async def _rescue(self) -> None:
        """Give back the jobs of workers that do not say any more that they live. One may live all the same, cut off or
        stopped: it loses the session by which it saves, so that nobody does the same work at the same time."""
        manager = self.app.job_manager
        async with self._connector.pool.connection() as db, db.transaction():
            taken = await (await db.execute("SELECT pg_try_advisory_xact_lock(%s)", (_RESCUE,))).fetchone()
            if taken is None or not taken[0]:
                return  # another is at it; what it has given back must not be taken from who has it then
            for job in await manager.get_stalled_jobs(seconds_since_heartbeat=self.times.stalled):
                if (work := _work(job.task_name, job.task_kwargs)) is not None:
                    await self.desk.look(_cut, self.desk.engine, work)
                say(_log, "rescue", f"{job.lock or job.task_name}: its worker is gone; given back", logging.WARNING)
                try:
                    await manager.retry_job(job)
                except ConnectorException:  # the same waits already, and of these there can be but one
                    await manager.finish_job(job, Status.FAILED, delete_job=True)


def _work(task: str, values: Mapping[str, Any]) -> int | None:
    """The number by which the store knows the work of a job."""
    if task == "visit":
        return int(values["shard"])
    if task == "publish":
        return category_work(int(values["category"]))
    return SETTLE if task == "settle" else None


def _waiting(desk: Desk) -> tuple[list[int], bool]:
    """The shards in which something is due, and whether there is anything to be settled."""
    with reading(desk.engine) as db:
        return shards.with_due(db, desk.now), shards.is_pending(db, desk.now)


def _cut(engine: Engine, work: int) -> bool:
    with reading(engine) as db:
        return fences.cut(db, work)


def _connector(store: str) -> PsycopgConnector:
    """The way to the queue, in the database of the store."""
    session = {"application_name": "aggregator queue", "options": "-c idle_in_transaction_session_timeout=60s"}
    return PsycopgConnector(conninfo=postgresql.address(store), kwargs=session, min_size=2, max_size=6, timeout=5.0)


async def _make_queue(app: App, connector: PsycopgConnector) -> None:
    """Make Procrastinate's tables where they are missing; of several workers that begin at once, one does it."""
    async with connector.pool.connection() as db, db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA,))
        found = await (await db.execute("SELECT to_regclass('procrastinate_jobs')")).fetchone()
        if found is None or found[0] is None:
            await db.execute(app.schema_manager.get_schema())
