"""Whether the whole still works: sources wait, and none has answered for much longer than is usual here. Pure.

What is usual differs between a daemon, a cron job of each night, and one of office hours; so the answers of the last
two weeks say it themselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

LOOK_BACK = timedelta(days=14)
_LEAST = timedelta(hours=3)
_UNKNOWN = timedelta(hours=36)  # a run each night, and half of the next day
_SLACK = timedelta(minutes=10)
_TICKS = timedelta(minutes=2)  # the daemon says twice a minute that it lives


@dataclass(frozen=True, slots=True)
class Vitals:
    """The remote sources of the config that are not gone, in sum: how many, how many were never visited, how many
    failed the last time; the newest success of them all, the earliest plan, and the newest visit."""

    sources: int = 0
    new: int = 0
    failing: int = 0
    last_success: datetime | None = None
    next_visit: datetime | None = None
    last_visit: datetime | None = None


def lag(vitals: Vitals, now: datetime) -> timedelta:
    """For how long the visit that has waited longest is overdue."""
    return max(timedelta(), now - vitals.next_visit) if vitals.next_visit else timedelta()


def trouble(vitals: Vitals, answered: Iterable[int], now: datetime) -> str:
    """What is wrong with the whole, in a few words, "" for nothing.

    `answered` are the numbers of the hours since 1970 (UTC) in the last two weeks in which a source answered.
    """
    if not vitals.sources or not (vitals.failing or lag(vitals, now) > _SLACK):
        return ""
    if vitals.last_success is None:  # judged when all had their turn, so that the first run is no trouble
        return "" if vitals.new else "no source has ever answered"
    if now - vitals.last_success <= patience(answered):
        return ""
    return f"no source has answered since {vitals.last_success:%Y-%m-%d %H:%M} UTC"


def ticks(last_tick: datetime, now: datetime) -> bool:
    """Whether a daemon that gave its last sign of life then is at work."""
    return now - last_tick <= _TICKS


def patience(answered: Iterable[int]) -> timedelta:
    """How long nothing may succeed: one and a half times the longest pause in the hours given, three hours at least."""
    pauses = [later - earlier for earlier, later in pairwise(sorted(set(answered)))]
    return max(_LEAST, timedelta(hours=1.5 * max(pauses))) if pauses else _UNKNOWN
