"""Whether the clock can be believed. A machine whose battery is empty begins in 1970, a mistyped year is 2040.

Visits go by the clock whatever it says. But what lasts does not: by a clock that has jumped by more than a year since
the last run nothing is dated, and nothing goes because of its age. For that the time stands still until the clock is
right again, or has proved that it is: by the certificate of a site, which is valid for about a year, or by going on
like that for a week. (A planet that rested for years has such a proof as soon as it has visited.)
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from aggregator.store import meta
from aggregator.store.engine import portions
from aggregator.store.tables import source
from aggregator.store.values import moment, seconds

_KEY = "clock"
_JUMP = timedelta(days=365)
_GOES_ON = timedelta(days=7)
_OFTEN = timedelta(hours=1)  # so often what is trusted is written down


@dataclass(frozen=True, slots=True)
class Clock:
    """`trusted` is when the clock was right, as far as anybody knows; `doubted` since when it has not been trusted, by
    itself, None where it is."""

    trusted: datetime
    doubted: datetime | None = None


def judged(before: Clock | None, now: datetime) -> Clock:
    """What is to be thought of a clock that says `now`."""
    if before is None or abs(now - before.trusted) <= _JUMP:
        return Clock(now)
    since = before.doubted
    if since is None or not timedelta(0) <= now - since <= _JUMP:
        return Clock(before.trusted, now)
    return Clock(now) if now - since >= _GOES_ON else before


def trusted(db: Connection, now: datetime) -> datetime:
    """The time by which things are dated, and age, where the clock says `now`."""
    return judged(_kept(db), now).trusted


def settled(db: Connection, now: datetime, proofs: Collection[str] = ()) -> Clock:
    """The same, and it is kept. A visit to one of the sources `proofs` (by key), whose certificates are checked,
    proves the clock."""
    before = _kept(db)
    clock = judged(before, now)
    if clock.doubted and _is_proven(db, clock.doubted, now, proofs):
        clock = Clock(now)
    if before is None or clock.doubted != before.doubted or abs(clock.trusted - before.trusted) >= _OFTEN:
        doubted = "" if clock.doubted is None else seconds(clock.doubted)
        meta.has_changed(db, _KEY, f"{seconds(clock.trusted)} {doubted}")
    return clock


_SUCCESS = select(source.c.last_success).where(
    source.c.key.in_(bindparam("these", expanding=True)),
    source.c.last_success.between(bindparam("of"), bindparam("to")),
)


def _is_proven(db: Connection, since: datetime, now: datetime, proofs: Collection[str]) -> bool:
    within = {"of": seconds(since), "to": seconds(now)}
    return any(db.scalar(_SUCCESS.limit(1), within | {"these": some}) for some in portions(sorted(proofs)))


def _kept(db: Connection) -> Clock | None:
    then, _, since = meta.value(db, _KEY).partition(" ")
    return Clock(moment(int(then)), moment(int(since)) if since else None) if then else None
