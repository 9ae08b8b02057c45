"""When the whole counts as broken: sources wait, and none has answered for longer than is usual here."""

from datetime import timedelta

import pytest

from aggregator.alive import Vitals, lag, patience, trouble
from tests.planet import NOON

HOUR = timedelta(hours=1)
THIS = int(NOON.timestamp() // 3600)
DAEMON = range(THIS - 300, THIS)
NIGHTLY = range(THIS - 24 * 13, THIS, 24)
OFFICE = [hour for hour in DAEMON if 8 <= hour % 24 < 18]


@pytest.mark.parametrize(
    ("hours", "longest"),
    [
        ([], 36),
        ([THIS], 36),
        (DAEMON, 3),
        (NIGHTLY, 36),
        (OFFICE, 22.5),
        ([THIS - 1, THIS - 3, THIS - 3, THIS - 13], 15),
    ],
)
def test_patience_is_that_of_the_last_weeks(hours: list[int], longest: float) -> None:
    assert patience(hours) == HOUR * longest


def beat(success: float | None, due: float, failing: int = 0, new: int = 0) -> Vitals:
    """Three sources; the newest success so many hours ago, the earliest plan so many hours ahead."""
    return Vitals(3, new, failing, NOON - HOUR * success if success is not None else None, NOON + HOUR * due)


@pytest.mark.parametrize(
    ("pulse", "hours", "broken"),
    {
        "no sources": (Vitals(), [], False),
        "before the first visit": (beat(None, -1, new=3), [], False),
        "in the middle of the first run": (beat(None, -1, failing=1, new=2), [], False),
        "nothing ever worked": (beat(None, 1, failing=3), [], True),
        "all is well": (beat(0.2, 0.5), DAEMON, False),
        "the daemon died an hour ago": (beat(1.5, -0.5), DAEMON, False),
        "the daemon died": (beat(4, -3), DAEMON, True),
        "the network is down": (beat(4, 1, failing=3), DAEMON, True),
        "one fails, others answer": (beat(0.5, 0.5, failing=1), DAEMON, False),
        "each has asked to be left alone": (beat(20, 4), DAEMON, False),
        "between two nights": (beat(23, -22), NIGHTLY, False),
        "a night was left out": (beat(37, -36), NIGHTLY, True),
        "the office is closed": (beat(14, -13), OFFICE, False),
        "due this minute": (beat(5, -0.1), DAEMON, False),
    }.values(),
)
def test_trouble(pulse: Vitals, hours: list[int], broken: bool) -> None:
    assert bool(trouble(pulse, hours, NOON)) == broken


def test_lag_is_that_of_the_oldest_plan() -> None:
    assert lag(beat(1, -2), NOON) == 2 * HOUR
    assert lag(beat(1, 2), NOON) == lag(Vitals(), NOON) == timedelta()
