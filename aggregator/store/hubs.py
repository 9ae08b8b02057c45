"""Subscriptions to WebSub hubs: one for each source at most, under a token that nobody can guess."""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from aggregator.hubs import State, Subscription
from aggregator.store.tables import hub, source
from aggregator.store.values import moment, seconds

_EVERY = select(hub, source.c.key).join(source)


def subscriptions(db: Connection) -> tuple[Subscription, ...]:
    """All of them, those of sources that left the config included."""
    return tuple(map(_subscription, db.execute(_EVERY.order_by(hub.c.source_id))))


def candidates(db: Connection) -> tuple[str, ...]:
    """The keys of the sources of the config that have a subscription, or may have one: their feeds name a hub."""
    named = source.c.active & source.c.remote & source.c.hints.contains('"topic":')
    wanted = select(source.c.key).outerjoin(hub).where(named | (source.c.active & hub.c.source_id.is_not(None)))
    return tuple(db.scalars(wanted.order_by(source.c.key)))


def of(db: Connection, source_id: int) -> Subscription | None:
    """That of a source."""
    row = db.execute(_EVERY.where(hub.c.source_id == source_id)).one_or_none()
    return _subscription(row) if row else None


def by_token(db: Connection, token: str) -> Subscription | None:
    """The one that a callback is for."""
    row = db.execute(_EVERY.where(hub.c.token == token)).one_or_none()
    return _subscription(row) if row else None


def ask(db: Connection, source_id: int, address: str, topic: str, now: datetime) -> Subscription:
    """Note that a hub is asked for a subscription, or to renew one. A new one gets a token and a secret (which has to
    be shorter than 200 bytes, W3C WebSub §5.1) of its own."""
    held = of(db, source_id)
    if held:
        state = held.state if held.state in ("active", "silent") else "asked"
        return _change(db, held, state=state, asked=seconds(now), failures=held.failures + 1)
    token = secrets.token_urlsafe(32)
    fresh: dict[str, Any] = {"source_id": source_id, "hub": address, "topic": topic, "token": token}
    fresh |= {"secret": secrets.token_urlsafe(32), "state": "asked", "asked": seconds(now), "failures": 1}
    fresh |= {"error": "", "ignored": 0}
    db.execute(insert(hub).values(fresh))
    return _subscription(db.execute(_EVERY.where(hub.c.token == token)).one())


def leave(db: Connection, held: Subscription, now: datetime) -> Subscription:
    """Note that a hub is asked to end a subscription."""
    return _change(db, held, state="leaving", asked=seconds(now))


def confirm(db: Connection, held: Subscription, now: datetime, until: datetime) -> Subscription:
    """A subscription was verified, or renewed."""
    state: State = "silent" if held.state == "silent" else "active"
    since = seconds(held.since or now)
    return _change(db, held, state=state, asked=seconds(now), since=since, until=seconds(until), failures=0, error="")


def end(db: Connection, held: Subscription, state: State, now: datetime, why: str) -> Subscription:
    """A subscription is no more, as it was denied or its lease has ended: `state` is `denied` or `asked`."""
    asked = seconds(now if state == "denied" else held.asked)
    return _change(db, held, state=state, asked=asked, since=None, until=None, error=why)


def deliver(db: Connection, held: Subscription, now: datetime) -> Subscription:
    """A delivery came, so that its hub can be relied on (again)."""
    state = "active" if held.state == "silent" else held.state
    return _change(db, held, state=state, delivered=seconds(now), error="" if held.state == "silent" else held.error)


def silence(db: Connection, held: Subscription) -> None:
    """Its hub did not deliver what it should have."""
    _change(db, held, state="silent", error="it did not deliver what was found in the feed")


def ignore(db: Connection, held: Subscription) -> None:
    """A delivery was not signed as it should be."""
    _change(db, held, ignored=hub.c.ignored + 1)


def fail(db: Connection, held: Subscription, why: str) -> None:
    """A request or a delivery came to nothing."""
    _change(db, held, error=why)


def forget(db: Connection, held: Subscription) -> None:
    """Its token is never valid again."""
    db.execute(delete(hub).where(hub.c.source_id == held.source_id))


def _change(db: Connection, held: Subscription, **values: Any) -> Subscription:
    """Change the row as long as it is that subscription: a later one of the source has another token."""
    db.execute(update(hub).where(hub.c.token == held.token).values(values))
    return by_token(db, held.token) or held


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        source_id=row.source_id,
        key=row.key,
        hub=row.hub,
        topic=row.topic,
        token=row.token,
        secret=row.secret,
        state=row.state,
        asked=moment(row.asked),
        since=moment(row.since),
        until=moment(row.until),
        delivered=moment(row.delivered),
        failures=row.failures,
        error=row.error,
        ignored=row.ignored,
    )
