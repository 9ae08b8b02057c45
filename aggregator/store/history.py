"""What has happened: the log of visits, their sums by day and hour, runs, and incidents. All of it is bounded."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Delete, Row, Select, Table, bindparam, delete, func, insert, or_, select, update

from aggregator.store import clocks
from aggregator.store.engine import insert_or, many, portions
from aggregator.store.tables import day, incident, run, source, traffic, visit
from aggregator.store.values import moment, seconds

_VISITS = 50  # of each source
_RUNS = 500
_TRIED = timedelta(seconds=90)  # in which workers try again what could not be published
_INCIDENTS = 500
_DAYS = 400  # more than a year, so that a habit of a year can be seen to end
_HOURS = 31 * 24


@dataclass(frozen=True, slots=True)
class Visited:
    """One visit in the log: `outcome` is `ok`, `same` or the class of its trouble, `status` that of HTTP (0: none).

    `seconds` is what hosts took, `received` the bytes of the document, `requests` how many were made. `saved` are the
    bytes that were not sent again, and `size` is that of the full document where there was one; neither is in the log.
    """

    at: datetime
    status: int
    outcome: str
    next_visit: datetime
    reason: str
    new: int = 0
    edited: int = 0
    seconds: float = 0.0
    received: int = 0
    error: str = ""
    requests: int = 0
    saved: int = 0
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """The sums of one source's day; `number` counts days since 1970-01-01, UTC. New entries are of their own day."""

    number: int
    visits: int
    failed: int
    new: int


@dataclass(frozen=True, slots=True)
class Hour:
    """The requests of one hour that ended with a status (0: no answer); `number` counts hours since 1970, UTC."""

    number: int
    status: int
    requests: int
    received: int
    saved: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run, a round of the daemon, or a category that a worker published: `by` is `once`, `daemon` or `worker`.
    `problems` are what could not be published, in lines."""

    at: datetime
    seconds: float
    by: str
    visits: int
    failed: int
    new: int
    written: int
    problems: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """A source's change of state, for its owner: `before` and `state` are those of `health`.

    `text` is one line that says what happened and, where there is something to be done, a second one that says what.
    """

    at: datetime
    before: str
    state: str
    text: str
    key: str = field(default="", repr=False)
    id: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A visit that is to be logged; `news` counts its new entries by the number of their day. `incident` is what its
    owner should hear, in lines; it is kept already."""

    source_id: int
    made: Visited
    news: Mapping[int, int]
    incident: str = ""


def log_visits(db: Connection, entries: Sequence[Entry]) -> None:
    """Keep visits in the log, and in the sums."""
    if not entries:
        return
    logged, sums, days, hours = [], [], [], []
    for each in entries:
        made, mine = each.made, {"source_id": each.source_id}
        values = {name: getattr(made, name) for name in _LOGGED}
        logged.append(values | {"at": seconds(made.at), "next_visit": seconds(made.next_visit)} | mine)
        today, failed = day_number(made.at), int(made.outcome not in ("ok", "same"))
        days.append({"number": today, "visits": 1, "failed": failed, "new": 0} | mine)
        for number, new in sorted(each.news.items()):
            if is_kept(number, made.at):
                days.append({"number": number, "visits": 0, "failed": 0, "new": new} | mine)
        added = {"requests": made.requests, "received": made.received, "saved": made.saved}
        if made.requests:
            hours.append({"hour": _number(made.at, 3_600), "status": made.status} | added)
        more: dict[str, int | None] = {f"more_{name}": value for name, value in added.items()}
        more["more_unchanged"] = int(made.outcome == "same")
        sums.append(more | {"of": each.source_id, "last_size": made.size})
    many(db, _LOG, logged)
    many(db, _FORGET, [{"of": each.source_id} for each in entries])
    many(db, insert_or(db, day, "add"), days)
    many(db, _TOTAL, sums)
    if hours:  # all who save add to these rows: so last, and in an order in which nobody waits for each other
        hours.sort(key=itemgetter("hour", "status"))
        many(db, insert_or(db, traffic, "add"), hours)


def is_kept(number: int, now: datetime) -> bool:
    """Whether the sums of a day, by its number, are kept at this moment."""
    return number >= day_number(now) - _DAYS


def log_run(db: Connection, made: Run) -> None:
    """Keep a run in the log."""
    db.execute(insert(run).values(asdict(made) | {"at": seconds(made.at)}))
    db.execute(_beyond(run, _RUNS))


def log_incidents(db: Connection, every: Sequence[tuple[int, Incident]]) -> None:
    """Keep what happened to sources, each with its number, for the feed of failures."""
    rows = [
        {"source_id": number, "at": seconds(met.at), "before": met.before, "state": met.state, "text": met.text}
        for number, met in every
    ]
    if rows:
        many(db, _HAPPENED, rows)
        db.execute(_beyond(incident, _INCIDENTS))


def trim(db: Connection, now: datetime) -> None:
    """Forget the sums of days and hours that are long past."""
    now = clocks.trusted(db, now)
    db.execute(delete(day).where(day.c.number < day_number(now) - _DAYS))
    db.execute(delete(traffic).where(traffic.c.hour < _number(now, 3_600) - _HOURS))


# --- Looking ---------------------------------------------------------------------------------------------------------


def visits(db: Connection, source_id: int) -> tuple[Visited, ...]:
    """The last visits to a source, newest first."""
    rows = db.execute(select(visit).where(visit.c.source_id == source_id).order_by(visit.c.id.desc()))
    return tuple(_visited(row) for row in rows)


def days(db: Connection, since: datetime, ids: Collection[int] | None = None) -> Mapping[int, tuple[Day, ...]]:
    """The days from `since` on of all sources, or of some `ids`, in order, by the source's number.

    Days without a visit are not there.
    """
    found: dict[int, list[Day]] = {}
    wanted = select(day).where(day.c.number >= day_number(since)).order_by(day.c.number)
    if ids is not None:
        wanted = wanted.where(day.c.source_id.in_(ids))
    for row in db.execute(wanted):
        found.setdefault(row.source_id, []).append(Day(row.number, row.visits, row.failed, row.new))
    return {key: tuple(value) for key, value in found.items()}


def posting_days(db: Connection, ids: Sequence[int]) -> Mapping[int, Sequence[int]]:
    """The numbers of the days that have entries of some sources, in order, by the source's number."""
    found: dict[int, list[int]] = {number: [] for number in ids}
    for some in portions(ids):
        for source_id, number in db.execute(_POSTING, {"these": some}):
            found[source_id].append(number)
    return found


def entries(db: Connection, since: datetime) -> Mapping[int, int]:
    """How many entries each source had from the day of `since` on, by the source's number; 0 is left out."""
    wanted = select(day.c.source_id, day.c.new).where(day.c.number >= day_number(since), day.c.new > 0)
    found: Counter[int] = Counter()
    for row in db.execute(wanted):  # summed up here: asked to group them, SQLite reads the whole table instead
        found[row.source_id] += row.new
    return found


def hours(db: Connection, since: datetime) -> tuple[Hour, ...]:
    """The requests of each hour from `since` on, in order."""
    wanted = select(traffic).where(traffic.c.hour >= _number(since, 3_600)).order_by(traffic.c.hour, traffic.c.status)
    return tuple(Hour(row.hour, row.status, row.requests, row.received, row.saved) for row in db.execute(wanted))


def pace(db: Connection, now: datetime) -> float:
    """Requests a minute, in this hour and the last one."""
    made = sum(each.requests for each in hours(db, now - timedelta(hours=1)))
    return made * 60 / (3_600 + now.timestamp() % 3_600)


def answered(db: Connection, since: datetime) -> tuple[int, ...]:
    """The hours from `since` on in which a source answered with what was wanted (2xx, 304), in order."""
    good = or_(traffic.c.status.between(200, 299), traffic.c.status == 304)
    wanted = select(traffic.c.hour).where(traffic.c.hour >= _number(since, 3_600), good)
    return tuple(db.scalars(wanted.distinct().order_by(traffic.c.hour)))


def runs(db: Connection, limit: int = 50) -> tuple[Run, ...]:
    """The last runs, newest first."""
    rows = db.execute(select(run).order_by(run.c.id.desc()).limit(limit))
    return tuple(
        Run(moment(row.at), row.seconds, row.by, row.visits, row.failed, row.new, row.written, row.problems)
        for row in rows
    )


def last_run(db: Connection) -> Run | None:
    """The last run. Workers log each category by itself, and try again in a minute what failed: theirs has the problems
    of the last minute or so, since all was well (no problem, and nothing written)."""
    found = runs(db, _RUNS)
    if not found or found[0].by != "worker":
        return found[0] if found else None
    problems: dict[str, None] = {}
    for each in found:
        is_well = not (each.problems or each.written)
        if is_well or each.by != "worker" or each.at < found[0].at - _TRIED:
            break
        problems |= dict.fromkeys(each.problems.splitlines())
    return replace(found[0], problems="\n".join(problems))


def incidents(db: Connection, limit: int = 100, source_id: int | None = None) -> tuple[Incident, ...]:
    """The last incidents, newest first: of one source, or of all that are in the config."""
    wanted: Select[Any] = select(incident, source.c.key).join(source, source.c.id == incident.c.source_id)
    wanted = wanted.where(source.c.active if source_id is None else source.c.id == source_id)
    rows = db.execute(wanted.order_by(incident.c.id.desc()).limit(limit))
    return tuple(Incident(moment(row.at), row.before, row.state, row.text, row.key, row.id) for row in rows)


# --- Bookkeeping -----------------------------------------------------------------------------------------------------


# A visit is logged by statements that are made once, as making them takes longer than what they do.

_LOGGED = tuple({each.name for each in visit.c} - {"id", "source_id"})
_LOG = insert(visit)
_HAPPENED = insert(incident)
_POSTING = (
    select(day.c.source_id, day.c.number)
    .where(day.c.source_id.in_(bindparam("these", expanding=True)), day.c.new > 0)
    .order_by(day.c.source_id, day.c.number)
)
_TOTAL = (
    update(source)
    .where(source.c.id == bindparam("of"))
    .values(
        {name: source.c[name] + bindparam(f"more_{name}") for name in ("requests", "unchanged", "received", "saved")}
    )
    .values(visits=source.c.visits + 1, size=func.coalesce(bindparam("last_size"), source.c.size))
)


def _beyond(table: Table, number: int, *mine: Any) -> Delete:
    """A DELETE of all but the newest."""
    oldest = select(table.c.id).where(*mine).order_by(table.c.id.desc()).offset(number).limit(1).scalar_subquery()
    return delete(table).where(*mine, table.c.id <= oldest)


_FORGET = _beyond(visit, _VISITS, visit.c.source_id == bindparam("of"))


def _visited(row: Row[Any]) -> Visited:
    return Visited(
        at=moment(row.at),
        status=row.status,
        outcome=row.outcome,
        next_visit=moment(row.next_visit),
        reason=row.reason,
        new=row.new,
        edited=row.edited,
        seconds=row.seconds,
        received=row.received,
        error=row.error,
    )


def day_number(when: datetime) -> int:
    """The number of a moment's day since 1970-01-01, UTC."""
    return _number(when, 86_400)


def _number(when: datetime, length: int) -> int:
    return int(when.timestamp() // length)
