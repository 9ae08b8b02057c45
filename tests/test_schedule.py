"""When a source is visited again, as a table."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.schedule import next_visit

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("interval", "failures", "wait", "reason"),
    [
        (HOUR, 0, HOUR, "every 1 h"),
        (DAY, 0, DAY, "every 1 d"),
        (36 * HOUR, 0, 36 * HOUR, "every 36 h"),
        (timedelta(minutes=90), 0, timedelta(minutes=90), "every 90 min"),
        (timedelta(seconds=100), 0, timedelta(seconds=100), "every 100 s"),
        (30 * DAY, 0, 30 * DAY, "every 30 d"),
        (HOUR, 1, HOUR, "failed last time"),
        (HOUR, 2, 2 * HOUR, "failed 2 times in a row"),
        (HOUR, 8, 128 * HOUR, "failed 8 times in a row"),
        (HOUR, 9, WEEK, "failed 9 times in a row"),
        (HOUR, 1000, WEEK, "failed 1000 times in a row"),
        (DAY, 4, WEEK, "failed 4 times in a row"),
        (30 * DAY, 1, 30 * DAY, "failed last time"),
        (30 * DAY, 9, 30 * DAY, "failed 9 times in a row"),
    ],
)
def test_next_visit(interval: timedelta, failures: int, wait: timedelta, reason: str) -> None:
    assert next_visit(NOW, interval, failures) == (NOW + wait, reason)


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=400)), st.integers(0, 10**6))
def test_trouble_never_brings_a_visit_forward_and_never_ends_them(interval: timedelta, failures: int) -> None:
    due, reason = next_visit(NOW, interval, failures)
    assert NOW + interval <= due <= NOW + max(interval, WEEK)
    assert next_visit(NOW, interval, failures + 1)[0] >= due
    assert reason
