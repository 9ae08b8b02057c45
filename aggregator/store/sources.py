"""The sources of the config as the store keeps them, and which of them are due."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from aggregator.identity import Habits
from aggregator.model import CategoryPath, Feed, Hints, HostState, Move, Source
from aggregator.moves import twins
from aggregator.rhythm import Rhythm
from aggregator.store import visits
from aggregator.store.engine import insert_or, many, portions
from aggregator.store.tables import document, host, source
from aggregator.store.values import dump, dump_said, load, load_said, moment, seconds
from aggregator.store.view import View, plain
from aggregator.text import masked


@dataclass(frozen=True, slots=True)
class Standing:
    """How a source stands: its number in the store, its last visits, and when the next one is due and why.

    `seconds` is what the last visit took on hosts. `same_as` is the key of the source that is asked instead, as this
    one has moved to its address; "" for none. `state` is the one of `health` that the last visit found, since
    `state_since`, `newest` the day of its newest entry, `patience` how long after that it is quiet (None: nobody
    knows). The rest are totals of all visits; `size` is that of the last full document. One that is not `enabled` is
    not visited.
    """

    id: int
    key: str = field(repr=False)
    kind: str
    title: str
    feed: Feed
    last_visit: datetime | None
    last_success: datetime | None
    next_visit: datetime
    reason: str
    failures: int
    error: str
    warnings: tuple[str, ...]
    hints: Hints
    gone_since: datetime | None
    gone: bool
    move: Move | None
    seconds: float
    habits: Habits = field(default_factory=Habits)
    same_as: str = field(default="", repr=False)
    rhythm: Rhythm = field(default_factory=Rhythm)
    state: str = ""
    state_since: datetime | None = None
    newest: datetime | None = None
    patience: timedelta | None = None
    visits: int = 0
    requests: int = 0
    unchanged: int = 0
    received: int = 0
    saved: int = 0
    size: int = 0
    enabled: bool = True


_SAID = ("kind", "remote", "active", "title", "categories", "settings", "rules", "priority", "enabled")
_REGISTERED = select(source.c.id, source.c.key, *(source.c[name] for name in _SAID))
"""Of a source what the config says."""


def register(
    db: Connection, sources: Iterable[tuple[Source, bool]], now: datetime, view: View = plain, *, whole: bool = True
) -> tuple[str, ...]:
    """Make the store's sources those of the config; with each goes whether it is remote.

    Returns a line for each that left; none does where these are not the `whole` config's, as nobody knows what is in a
    list. Where the `view` on a source or its priority changed, its stories are looked at again.

    What left the config keeps its items, unpublished, and comes back with the same ids. What was renamed or moved to
    other categories takes its items along; posts are simply read again. A feed whose owner wrote the address into the
    config that we had found or been sent to is the same source.
    """
    sources = list(sources)
    _follow_owner(db, {each.key for each, _ in sources})
    rows = {row.key: row for row in db.execute(_REGISTERED).all()}
    for each, remote in sorted(sources, key=lambda pair: pair[0].key):
        row = rows.pop(each.key, None)
        said: dict[str, Any] = {"kind": each.kind, "remote": remote, "active": True, "title": each.title}
        said["categories"] = json.dumps(each.categories, ensure_ascii=False)
        said["settings"] = json.dumps([each.language, each.zone, each.base_url])
        shows = {"rules": view.source_print(each.key), "priority": each.policy.priority, "enabled": each.enabled}
        if row is None:
            fresh: dict[str, Any] = {"key": each.key, "feed": dump(Feed()), "next_visit": seconds(now), "failures": 0}
            fresh |= {"reason": "never visited", "error": "", "warnings": dump_said({})}
            db.execute(insert(source).values(said | shows | fresh))
        elif row[2:] != tuple((said | shows).values()):
            db.execute(update(source).where(source.c.id == row.id).values(said | shows))
            changed = any(getattr(row, name) != value for name, value in said.items())
            if not remote and changed:
                visits.forget_documents(db, row.id)
            elif row.categories != said["categories"]:
                visits.move(db, row.id, _paths(row.categories), each.categories)
            visits.touch(db, row.id)
    left = [row for row in rows.values() if row.active and whole]
    for row in left:
        db.execute(update(source).where(source.c.id == row.id).values(active=False))
        visits.touch(db, row.id)
    return tuple(f"{row.key} has left the config; its items are no longer published" for row in left)


def heed(db: Connection, configured: Collection[str], view: View) -> None:
    """Have the stories of the sources of the config whose rules have changed since the last run looked at again."""
    for row in db.execute(select(source.c.id, source.c.key, source.c.rules).where(source.c.active)).all():
        if row.key in configured and row.rules != (rules := view.source_print(row.key)):
            db.execute(update(source).where(source.c.id == row.id).values(rules=rules))
            visits.touch(db, row.id)


def _follow_owner(db: Connection, configured: Collection[str]) -> None:
    """Give a source its new address as key, where the config has that now and the old one no longer."""
    rows = {row.key: row for row in db.execute(select(source.c.id, source.c.key, source.c.move)).all()}
    for key in rows.keys() - configured:
        names = select(document.c.name).where(document.c.source_id == rows[key].id)
        move = load(Move, rows[key].move) if rows[key].move else None
        learned = {move.url} if move and move.believed else set(db.scalars(names)) - {key}
        if new := next(iter(sorted((learned & set(configured)) - rows.keys())), None):
            db.execute(update(source).where(source.c.id == rows[key].id).values(key=new, move=""))
            visits.follow(db, rows[key].id, key, new)


def due(db: Connection, now: datetime) -> tuple[str, ...]:
    """The keys of the remote sources whose visit is planned for `now` or earlier, best first: those that do not fail,
    then the one that waits longest. An index answers that, however many others there are."""
    planned = source.c.remote & ~source.c.gone & (source.c.next_visit <= seconds(now))
    wanted = source.c.active & source.c.enabled & planned
    return tuple(db.scalars(select(source.c.key).where(wanted).order_by(source.c.failures, source.c.next_visit)))


def same(db: Connection) -> Mapping[str, str]:
    """The sources that are another one by now, as they have moved to its address: their keys, each with that one's.
    One that is not enabled is asked in nobody's place."""
    mine = source.c.active & source.c.enabled
    moved = db.execute(select(source.c.key, source.c.move).where(mine, source.c.move != "")).all()
    if not moved:
        return {}
    rows = db.execute(select(source.c.key, source.c.failures).where(mine)).all()
    moves: dict[str, Move | None] = {row.key: None for row in rows}
    moves |= {row.key: load(Move, row.move) for row in moved}
    return twins(moves, [row.key for row in rows if row.failures])


def standings(db: Connection, among: Collection[str] | None = None) -> Mapping[str, Standing]:
    """How every source of the config stands, or only those `among` it with these keys, by key."""
    wanted = select(source).where(source.c.active).order_by(source.c.key)
    if among is None:
        rows = list(db.execute(wanted))
    else:
        rows = [row for some in portions(sorted(among)) for row in db.execute(wanted.where(source.c.key.in_(some)))]
    others = same(db)
    return {row.key: _standing(row, _move(row), others.get(row.key, "")) for row in rows}


_ONE = select(source).where(source.c.id == bindparam("of"))
_SAVE = update(source).where(source.c.id == bindparam("of"))


def standing(db: Connection, source_id: int) -> Standing:
    """How one source stands by itself: whether it is the same as another, only a look at all of them tells."""
    row = db.execute(_ONE, {"of": source_id}).one()
    return _standing(row, _move(row), "")


def save_habits(db: Connection, every: Sequence[Standing]) -> None:
    """Keep the day of each source's newest entry, and how many days it may be silent."""
    rows = [
        {"of": each.id, "newest": seconds(each.newest), "patience": each.patience and each.patience.days}
        for each in every
    ]
    many(db, _SAVE, rows)


def save_states(db: Connection, every: Sequence[Standing]) -> None:
    """Keep in which state each source is, and since when."""
    rows = [{"of": each.id, "state": each.state, "state_since": seconds(each.state_since)} for each in every]
    many(db, _SAVE, rows)


def _move(row: Row[Any]) -> Move | None:
    return load(Move, row.move) if row.move else None


def _standing(row: Row[Any], move: Move | None, same_as: str) -> Standing:
    return Standing(
        id=row.id,
        key=row.key,
        kind=row.kind,
        title=row.title,
        feed=load(Feed, row.feed),
        last_visit=moment(row.last_visit),
        last_success=moment(row.last_success),
        next_visit=moment(row.next_visit),
        reason=_reason(row, same_as),
        failures=row.failures,
        error=row.error,
        warnings=tuple(each for said in load_said(row.warnings).values() for each in said),
        hints=load(Hints, row.hints),
        gone_since=moment(row.gone_since),
        gone=row.gone,
        move=move,
        seconds=row.seconds or 0.0,
        same_as=same_as,
        habits=load(Habits, row.identity or "{}"),
        rhythm=load(Rhythm, row.rhythm or "{}"),
        state=row.state,
        state_since=moment(row.state_since),
        newest=moment(row.newest),
        patience=None if row.patience is None else timedelta(days=row.patience),
        visits=row.visits,
        requests=row.requests,
        unchanged=row.unchanged,
        received=row.received,
        saved=row.saved,
        size=row.size,
        enabled=row.enabled,
    )


def _reason(row: Row[Any], same_as: str) -> str:
    """Why the next visit is when it is, or why there is none."""
    if not row.enabled:
        return "disabled in the config"
    return f"the same feed as {masked(same_as)}" if same_as else str(row.reason)


def set_back(db: Connection, now: datetime, by: float) -> None:
    """The clock was set back by so many seconds (less than none), to `now`: visits that were made in what is the future
    by now, and the plans that they led to, go with it. Else these sources would not be visited until it has come."""
    ahead = source.c.last_visit > seconds(now)
    moved = {name: source.c[name] + round(by) for name in ("last_visit", "next_visit")}
    db.execute(update(source).where(ahead).values(moved))


def set_right(db: Connection, now: datetime) -> None:
    """The same, where nobody knows by how much: the last of these visits counts as one that was made now."""
    last = moment(db.scalar(select(func.max(source.c.last_visit))))
    if last and last > now:
        set_back(db, now, (now - last).total_seconds())


def _paths(data: str) -> tuple[CategoryPath, ...]:
    return tuple(tuple(path) for path in json.loads(data))


def hosts(db: Connection) -> Mapping[str, HostState]:
    """What is remembered of hosts, by name."""
    return {
        row.name: HostState(moment(row.last_request), moment(row.not_before), row.reason, row.pauses)
        for row in db.execute(select(host))
    }


def save_hosts(db: Connection, states: Mapping[str, HostState]) -> None:
    """Remember what was learned of hosts; times are rounded up, as a cut one would have them asked too early."""
    rows = [
        {
            "name": name,
            "last_request": seconds(_up(state.last_request)),
            "not_before": seconds(_up(state.not_before)),
            "reason": state.reason,
            "pauses": state.pauses,
        }
        for name, state in sorted(states.items())
    ]
    many(db, insert_or(db, host, "replace"), rows)


def _up(when: datetime | None) -> datetime | None:
    return when + timedelta(seconds=1) if when and when.microsecond else when
