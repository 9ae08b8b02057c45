"""What a worker is handed out, as jobs of Procrastinate in the database of the store, to which this is the one door.

See `cluster` for what they are.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status
from sqlalchemy import Engine

from aggregator.errors import AggregatorError
from aggregator.logs import say
from aggregator.publishing import tell
from aggregator.store import fences, postgresql, shards
from aggregator.store.engine import reading
from aggregator.text import one_line
from aggregator.working import JOBS, SETTLE, Desk, category_work, publish, settle, visit_shard

_log = logging.getLogger(__name__)
_SCHEMA, _RESCUE = 0x61677173, 0x61677265  # numbers that no other program is likely to lock
_QUEUE = "aggregator"  # where another program uses Procrastinate in this database, its jobs are none of ours
_GRACE = 6.0  # seconds for jobs, when a session ends: visits have four, and what they gave is to be saved


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


class Jobs:
    """The jobs of a session. Names and arguments of tasks are what workers of other versions know as well."""

    def __init__(self, desk: Desk, times: Times, end: Callable[[], None]) -> None:
        self._connector = _connector(desk.config.store)
        self.app = app = App(connector=self._connector)
        self.desk = desk
        self.times = times
        self.trouble: Exception | None = None
        self._end = end
        self._telling: set[asyncio.Task[None]] = set()
        self._visit = app.task(name="visit", queue=_QUEUE)(self._do_visit)
        self._settle = app.task(name="settle", queue=_QUEUE, pass_context=True)(self._do_settle)
        self._publish = app.task(name="publish", queue=_QUEUE)(self._do_publish)
        # without a lock, as a dead one must not bar the next
        tick = app.task(name="tick", queue=_QUEUE, queueing_lock="tick")(self._do_tick)
        app.periodic(cron=f"* * * * * */{times.period}")(tick)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """The queue, while it is open; made where it is missing. Raises AggregatorError when it cannot be used."""
        try:
            await self.app.open_async()
            await _make_queue(self.app, self._connector)
        except Exception as error:  # a border: what a database may say has many classes
            await self.app.close_async()
            raise self._cannot("be used", error) from error
        try:
            yield
        finally:
            await self.app.close_async()

    def _cannot(self, what: str, error: Exception) -> AggregatorError:
        name, why = postgresql.shown(self.desk.config.store), one_line(str(error.__cause__ or error))
        return AggregatorError(f"{name}: the queue cannot {what}: {why}")

    async def work(self) -> None:
        """Do what is handed out, until it is cancelled, or the queue cannot be reached."""
        try:
            await self.app.run_worker_async(
                queues=[_QUEUE],
                concurrency=JOBS,
                delete_jobs="always",
                install_signal_handlers=False,
                shutdown_graceful_timeout=_GRACE,
                fetch_job_polling_interval=max(1.0, self.times.period / 3),
                update_heartbeat_interval=self.times.heartbeat,
                stalled_worker_timeout=self.times.stalled,
            )
        except ConnectorException as error:
            self.trouble = self.trouble or self._cannot("be reached", error)
        if not self.desk.ends.is_set():
            self.trouble = self.trouble or AggregatorError("the queue cannot be reached")

    async def _do_tick(self, timestamp: int) -> None:
        """Make jobs of what is to be done. `timestamp` is when it was due."""
        async with self._minding():
            await self._rescue()
        async with self._minding():
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
        async with self._minding("publish", logging.WARNING):
            number = context.job.id or 0
            for category in await settle(self.desk, number):
                await self._defer(self._publish, f"category-{category}", category=category, settled=number)

    async def _do_publish(self, category: int, settled: int) -> None:
        async with self._minding("publish", logging.WARNING):
            done = await publish(self.desk, category, settled)
            if done is None:
                return
            for problem in done.problems:
                say(_log, "publish", problem, logging.WARNING)
            if done.written:
                names = ", ".join(done.written[:5])
                more = f" and {len(done.written) - 5} more" if len(done.written) > 5 else ""
                say(_log, "publish", f"{names}{more}", files=len(done.written))
            if done.topics and self.desk.config.site.hubs:  # one that is silent must not hold up what comes next
                task = asyncio.create_task(tell(self.desk.config, done.topics))
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)

    @asynccontextmanager
    async def _minding(self, event: str = "job", level: int = logging.ERROR) -> AsyncIterator[None]:
        """A job that fails is told. What it was about is still in the store, so the queue need not know; but when that
        cannot be written any more, the session ends. What is no mistake of ours (an output that cannot be reached) is
        told as this event, without a trace."""
        try:
            yield
        except Exception as error:  # a border: a job must not end the others
            try:
                await self.desk.write(fences.probe, self.desk.engine)
            except AggregatorError as lost:
                self.trouble = self.trouble or lost
                self._end()
                return
            if isinstance(error, AggregatorError):
                say(_log, event, str(error), level)
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
        jobs = await self.app.job_manager.list_jobs_async(queue=_QUEUE, task="visit")
        return {str(job.lock) for job in jobs if job.status in (Status.TODO.value, Status.DOING.value)}

    async def _rescue(self) -> None:
        """Give back the jobs of workers that do not say any more that they live. One may live all the same, cut off or
        stopped: it loses the session by which it saves, so that nobody does the same work at the same time."""
        manager = self.app.job_manager
        async with self._connector.pool.connection() as db, db.transaction():
            taken = await (await db.execute("SELECT pg_try_advisory_xact_lock(%s)", (_RESCUE,))).fetchone()
            if taken is None or not taken[0]:
                return  # another is at it; what it has given back must not be taken from who has it then
            for job in await manager.get_stalled_jobs(queue=_QUEUE, seconds_since_heartbeat=self.times.stalled):
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
    session = postgresql.address(store, "-c idle_in_transaction_session_timeout=60s")
    session |= {"application_name": "aggregator queue"}
    return PsycopgConnector(kwargs=session, min_size=2, max_size=6, timeout=5.0)


async def _make_queue(app: App, connector: PsycopgConnector) -> None:
    """Make Procrastinate's tables where they are missing; of several workers that begin at once, one does it."""
    async with connector.pool.connection() as db, db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA,))
        found = await (await db.execute("SELECT to_regclass('procrastinate_jobs')")).fetchone()
        if found is None or found[0] is None:
            await db.execute(app.schema_manager.get_schema())
