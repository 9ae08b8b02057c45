"""What the dashboard, the metrics and the check of health ask, each in one query whatever the number of sources."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, or_, select

from aggregator import alive
from aggregator.alive import Vitals
from aggregator.model import Move
from aggregator.store import history
from aggregator.store.tables import category, item, run, source, story, story_category
from aggregator.store.values import dump_path, load, load_said, moment

STATES = ("failing", "blocked", "gone", "moved", "quiet", "degraded", "new", "ok", "disabled")
"""How a source can stand, the worst first."""

_FAILING = 3  # visits in a row

_STATE: ColumnElement[str] = case(
    (~source.c.enabled, literal("disabled")),
    (source.c.state != "", source.c.state),
    (source.c.gone, literal("gone")),
    (
        or_(source.c.failures >= _FAILING, and_(source.c.failures > 0, source.c.last_success.is_(None))),
        literal("failing"),
    ),
    (source.c.last_visit.is_(None), literal("new")),
    else_=literal("ok"),
)
_ASKED = and_(source.c.active, source.c.enabled, source.c.remote, source.c.gone.is_(False))
"""How a source stands: as the last visit settled it, or, in a store that has not seen one since, by what is there."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A source as its owner looks at it. `url` is the web page of what it is, as the feed says; `title` may be ""."""

    id: int
    key: str = field(repr=False)
    remote: bool
    title: str
    url: str
    state: str
    since: datetime | None
    last_visit: datetime | None
    last_success: datetime | None
    next_visit: datetime
    reason: str
    failures: int
    error: str
    warnings: tuple[str, ...]
    moved_to: str
    visits: int
    requests: int
    unchanged: int
    received: int
    saved: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over all sources that ever were, so that they never sink; bytes, and counts of visits and requests."""

    visits: int = 0
    requests: int = 0
    unchanged: int = 0
    received: int = 0
    saved: int = 0
    runs: int = 0


@dataclass(frozen=True, slots=True)
class Headline:
    """An entry of a source, in few words; `published` says whether it is in the feeds."""

    title: str
    url: str
    date: datetime
    published: bool


def states(db: Connection) -> Mapping[str, int]:
    """How many sources of the config stand how, in the order of `STATES`; those of none are left out."""
    counted = select(_STATE, func.count()).where(source.c.active).group_by(_STATE)
    found: dict[str, int] = {row[0]: row[1] for row in db.execute(counted)}
    return {state: found[state] for state in sorted(found, key=rank)}


def rank(state: str) -> int:
    """Its place among the states, the worst first."""
    return STATES.index(state) if state in STATES else len(STATES)


def subjects(db: Connection, start: int, limit: int) -> tuple[Subject, ...]:
    """Some sources of the config, from number `start` on: the worst first, then by title."""
    wanted = select(source.c.id, _STATE.label("stands"), source.c.title, source.c.feed, source.c.key)
    rows = db.execute(wanted.where(source.c.active)).all()
    ranked = sorted(rows, key=lambda row: (rank(row.stands), _title(row).casefold(), row.key))
    ids = [row.id for row in ranked[start : start + limit]]
    some = db.execute(select(source, _STATE.label("stands")).where(source.c.id.in_(ids)))
    found = {row.id: _subject(row) for row in some}
    return tuple(found[each] for each in ids)


def coming(db: Connection, limit: int) -> tuple[Subject, ...]:
    """The remote sources whose turn is next; local posts are looked at by every run."""
    wanted = select(source, _STATE.label("stands")).where(_ASKED)
    return tuple(map(_subject, db.execute(wanted.order_by(source.c.next_visit, source.c.id).limit(limit))))


def subject(db: Connection, source_id: int) -> Subject | None:
    """One source of the config."""
    row = db.execute(select(source, _STATE.label("stands")).where(source.c.active, source.c.id == source_id)).first()
    return _subject(row) if row else None


def vitals(db: Connection) -> Vitals:
    """The remote sources of the config, in sum."""
    wanted = select(
        func.count(),
        func.count().filter(source.c.last_visit.is_(None)),
        func.count().filter(source.c.failures > 0),
        func.max(source.c.last_success),
        func.min(source.c.next_visit),
        func.max(source.c.last_visit),
    ).where(_ASKED)
    number, new, failing, success, coming, visited = db.execute(wanted).one()
    return Vitals(number, new, failing, moment(success), moment(coming), moment(visited))


def trouble(db: Connection, now: datetime) -> str:
    """What is wrong with the whole, "" for nothing; see `alive`."""
    return alive.trouble(vitals(db), history.answered(db, now - alive.LOOK_BACK), now)


def totals(db: Connection) -> Totals:
    """What all visits came to so far. Runs are counted by their numbers, as only the last of them are kept."""
    names = ("visits", "requests", "unchanged", "received", "saved")
    sums = db.execute(select(*(func.coalesce(func.sum(source.c[name]), 0) for name in names))).one()
    known = {name: int(value) for name, value in zip(names, sums, strict=True)}
    return Totals(**known, runs=db.scalar(select(func.max(run.c.id))) or 0)


def stored(db: Connection) -> tuple[int, int]:
    """How many items are kept, and how many entries are in the feeds and archives of everything."""
    everything = select(category.c.id).where(category.c.path == dump_path(())).scalar_subquery()
    kept = db.scalar(select(func.count()).select_from(item).where(item.c.removed.is_(None)))
    entries = select(func.count()).select_from(story_category).where(story_category.c.category_id == everything)
    return kept or 0, db.scalar(entries) or 0


def newest(db: Connection, source_id: int, limit: int) -> tuple[Headline, ...]:
    """The newest entries of a source."""
    date = func.coalesce(item.c.published, item.c.first_seen)
    wanted = select(item.c.title, item.c.data, item.c.id, date.label("date"), story.c.item_id)
    wanted = wanted.outerjoin(story, story.c.id == item.c.story_id)
    mine = and_(item.c.source_id == source_id, item.c.removed.is_(None))
    rows = db.execute(wanted.where(mine).order_by(item.c.published.desc(), item.c.first_seen.desc()).limit(limit))
    return tuple(_headline(row) for row in rows)


def _headline(row: Any) -> Headline:
    said = json.loads(row.data)
    title = row.title or said.get("title") or said.get("summary", "")[:100]
    return Headline(title, said.get("url", ""), moment(row.date), row.item_id is not None)


def _title(row: Any) -> str:
    return str(row.title or json.loads(row.feed).get("title", ""))


def _subject(row: Any) -> Subject:
    move = load(Move, row.move) if row.move else None
    return Subject(
        id=row.id,
        key=row.key,
        remote=row.remote,
        title=_title(row),
        url=json.loads(row.feed).get("url", ""),
        state=row.stands,
        since=moment(
            None if not row.enabled else row.state_since if row.state else row.gone_since if row.gone else None
        ),
        last_visit=moment(row.last_visit),
        last_success=moment(row.last_success),
        next_visit=moment(row.next_visit),
        reason=row.reason if row.enabled else "disabled in the config",
        failures=row.failures,
        error=row.error,
        warnings=tuple(each for said in load_said(row.warnings).values() for each in said),
        moved_to=move.url if move and move.believed else "",
        visits=row.visits,
        requests=row.requests,
        unchanged=row.unchanged,
        received=row.received,
        saved=row.saved,
    )
