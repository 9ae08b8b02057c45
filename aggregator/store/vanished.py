"""Entries that a feed takes back: it should list them, as it lists older ones, and it does not."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from aggregator.identity import Change
from aggregator.model import Item
from aggregator.store.engine import portions
from aggregator.store.retention import remove
from aggregator.store.tables import item
from aggregator.store.values import seconds


def note(db: Connection, source_id: int, listed: Collection[Item], changes: Sequence[Change], now: datetime) -> int:
    """After a full read of a feed, once it is saved: remember what is missing, and remove what was missing before.

    Returns how many were removed. Of a document that is empty, or lacks more than half of what it should list, nothing
    is believed: such feeds are broken more often than cleared out.
    """
    oldest = _oldest(listed)
    if oldest is None:
        return 0
    should = select(item.c.id, item.c.missing).where(item.c.source_id == source_id, item.c.removed.is_(None))
    should = should.where(item.c.published > seconds(oldest), item.c.first_seen < seconds(now))
    expected = {row.id: row.missing for row in db.execute(should.order_by(item.c.id))}
    met = {change.known.id for change in changes if change.known}
    _mark(db, [number for number in expected if number in met and expected[number] is not None], None)
    absent = [number for number in expected if number not in met]
    if 2 * len(absent) > len(expected):
        return 0
    _mark(db, [number for number in absent if expected[number] is None], seconds(now))
    gone = [number for number in absent if expected[number] is not None and expected[number] < seconds(now)]
    remove(db, gone, now, "taken back")
    return len(gone)


def confirm(db: Connection, source_id: int, now: datetime) -> int:
    """After a visit that found the feed as it was: what was missing in it is missing still, so it is removed.

    Returns how many were.
    """
    missing = select(item.c.id).where(item.c.source_id == source_id, item.c.removed.is_(None))
    gone = db.scalars(missing.where(item.c.missing < seconds(now)).order_by(item.c.id)).all()
    remove(db, gone, now, "taken back")
    return len(gone)


def _oldest(listed: Collection[Item]) -> datetime | None:
    """The date from which on a document lists everything; None when it has no dates.

    Where a date is but a day, others of that day may have been cut off with it.
    """
    dates = [each.published + timedelta(days=each.day_only) for each in listed if each.published]
    return min(dates, default=None)


def _mark(db: Connection, numbers: Sequence[int], since: int | None) -> None:
    for some in portions(numbers):
        db.execute(update(item).where(item.c.id.in_(some)).values(missing=since))
