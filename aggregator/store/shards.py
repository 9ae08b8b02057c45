"""The sources in parts, each of which is one worker's business at a time. All sources of a host are in one part, so no
host is ever asked by two workers at once."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from sqlalchemy import ColumnElement, Connection, bindparam, or_, select, update

from aggregator.model import HostState, Move
from aggregator.store import stories
from aggregator.store.engine import portions
from aggregator.store.tables import host, pending, source
from aggregator.store.values import load, moment, seconds

SHARDS = 64
_LOOK = timedelta(seconds=60)  # between two looks at local posts, and at what was not due after all


def number(name: str) -> int:
    """The shard of a host, by its name. That never changes, as a worker of another version may be at work as well."""
    return crc32(name.encode("utf-8", "surrogatepass")) % SHARDS


def place(db: Connection, shard_of: Callable[[str], int]) -> None:
    """Give each source the shard of the address where it is asked: that of its key, or where it has moved to."""
    moved: list[dict[str, Any]] = []
    for row in db.execute(select(source.c.id, source.c.key, source.c.move, source.c.shard).where(source.c.active)):
        move = load(Move, row.move) if row.move else None
        wanted = shard_of(move.url if move and move.believed else row.key)
        if row.shard != wanted:
            moved.append({"of": row.id, "wanted": wanted})
    if moved:
        db.execute(update(source).where(source.c.id == bindparam("of")).values(shard=bindparam("wanted")), moved)


def due(db: Connection, shard: int, now: datetime) -> list[str]:
    """The keys of the sources of a shard that are to be visited, best first: those that do not fail, then the one that
    waits longest."""
    wanted = select(source.c.key).where(source.c.shard == shard, _is_due(now))
    return list(db.scalars(wanted.order_by(source.c.failures, source.c.next_visit, source.c.key)))


def with_due(db: Connection, now: datetime) -> list[int]:
    """The shards in which something is to be visited, the one that waits longest first."""
    found = []
    for shard in range(SHARDS):
        first = select(source.c.next_visit).where(source.c.shard == shard, _is_due(now)).order_by(source.c.next_visit)
        if (planned := db.scalar(first.limit(1))) is not None:
            found.append((planned, shard))
    return [shard for _, shard in sorted(found)]


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Local posts, which plan their next visit for the last one, are looked at once a minute."""
    local = ~source.c.remote & or_(source.c.last_visit.is_(None), source.c.last_visit <= seconds(now - _LOOK))
    planned = source.c.next_visit <= seconds(now)
    return source.c.active & source.c.enabled & planned & or_(source.c.remote & ~source.c.gone, local)


def rest(db: Connection, ids: Collection[int], now: datetime) -> None:
    """What was planned for now and is not due after all, as its hour is to be skipped or another is asked in its place,
    is looked at again in a minute."""
    for some in portions(sorted(ids)):
        db.execute(update(source).where(source.c.id.in_(some)).values(next_visit=seconds(now + _LOOK)))


def is_pending(db: Connection, now: datetime) -> bool:
    """Whether anything that was kept is still to be settled, or a post's day has come."""
    return db.scalar(select(pending.c.item_id).limit(1)) is not None or stories.wakes(db, now)


def hosts(db: Connection, names: Collection[str]) -> dict[str, HostState]:
    """What is remembered of these hosts, by name."""
    found: dict[str, HostState] = {}
    for some in portions(sorted(names)):
        for row in db.execute(select(host).where(host.c.name.in_(some))):
            found[row.name] = HostState(moment(row.last_request), moment(row.not_before), row.reason, row.pauses)
    return found
