"""The workers that share a store, and what is handed out to them, as others may look at it: what the sessions of the
server tell, and the tables of Procrastinate. Absent where there are none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from aggregator.store.lock import Holder, on_server
from aggregator.store.shards import SHARDS

_IS_THERE = text("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")
_JOBS = text(
    "SELECT count(*) FILTER (WHERE status = 'doing' AND task_name = 'visit') AS doing,"
    " count(*) FILTER (WHERE status = 'todo' AND task_name = 'visit') AS waiting,"
    " count(*) FILTER (WHERE status = 'todo' AND task_name = 'publish') AS unpublished FROM procrastinate_jobs"
    " WHERE queue_name = 'aggregator'"
)
_SILENT = text(  # without a job it was rescued, and has nothing that anybody waits for
    "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat < now() - interval '30 seconds'"
    " AND EXISTS (SELECT 1 FROM procrastinate_jobs WHERE worker_id = procrastinate_workers.id AND status = 'doing'"
    " AND queue_name = 'aggregator')"
)


@dataclass(frozen=True, slots=True)
class Team:
    """The `workers` at work. Of all `shards`, `doing` are being visited, and `waiting` have something due and wait for
    a worker; `unpublished` categories wait to be written. `silent` workers have jobs, and have not said for half a
    minute that they live: what they have is about to be given to others. One that was killed is not at work any more,
    but silent until then."""

    workers: Sequence[Holder]
    doing: int
    waiting: int
    unpublished: int
    silent: int
    shards: int = SHARDS


def ahead(db: Connection, now: datetime) -> float:
    """The seconds that a clock which says `now` is ahead of the server's; behind it, less than none."""
    at_server: datetime = db.scalars(text("SELECT clock_timestamp()")).one()
    return (now - at_server).total_seconds()


def team(db: Connection) -> Team | None:
    """Who shares the store; None where no worker was ever at work."""
    if db.dialect.name != "postgresql" or not db.scalar(_IS_THERE):
        return None
    jobs = db.execute(_JOBS).one()
    workers = [each for each in on_server(db) if each.what == "worker"]
    return Team(workers, jobs.doing, jobs.waiting, jobs.unpublished, db.scalar(_SILENT) or 0)
