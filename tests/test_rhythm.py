"""What entries teach of when a source posts, and how long to wait for the next one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.rhythm import Rhythm, learn, rate, visits_a_day, wait, waits, words
from aggregator.store.values import dump, load

NOW = datetime(2026, 3, 14, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FLAT = (1.0,) * 24
SPANS = st.timedeltas(timedelta(0), timedelta(days=400))
DATES = st.lists(st.none() | SPANS.map(lambda ago: NOW - ago) | SPANS.map(lambda ahead: NOW + ahead), max_size=40)


def daily(hour: int, days: int, end: datetime = NOW) -> Sequence[datetime]:
    """An entry a day at twenty past an hour, of the days before `end`, the newest first."""
    return [end.replace(hour=hour, minute=20) - n * DAY for n in range(1, days + 1)]


@pytest.mark.parametrize(
    ("dates", "a_day", "gap"),
    [
        ([], 0.25, 0.0),
        ([None, None], 0.25, 0.0),
        ([NOW + DAY, NOW + 2 * DAY], 0.25, 0.0),  # ahead: no dates to go by
        ([NOW - DAY] * 9, 0.25, 0.0),  # all the same, as when a feed is made anew
        ([NOW - 300 * DAY], 0.012, 0.0),  # one entry, and nothing for long
        (daily(9, 60), 0.97, 1.0),
        ([*daily(9, 60), NOW + DAY, None], 0.97, 1.0),
        ([date for n in range(10) for date in daily(n, 30)], 8.6, 1.0),
        (daily(9, 200)[::7], 0.16, 7.0),
        (daily(9, 30, NOW - 100 * DAY), 0.017, 1.0),  # it was daily once
    ],
)
def test_the_first_visit_goes_by_what_the_document_lists(
    dates: list[datetime | None], a_day: float, gap: float
) -> None:
    rhythm = learn(Rhythm(), dates, NOW)
    assert rate(rhythm) == pytest.approx(a_day, rel=0.2)
    assert (rhythm.gap, rhythm.until) == (gap, NOW)


@pytest.mark.parametrize(
    ("date", "hour"),
    [
        (None, 12),
        (NOW + DAY, 12),
        (NOW - timedelta(minutes=50), 11),
        (NOW.astimezone(timezone(9 * HOUR)) - 50 * timedelta(minutes=1), 11),
        (NOW - 5 * HOUR, 12),  # it was not there two hours ago, so it came since
    ],
)
def test_a_new_entry_counts_when_it_came(date: datetime | None, hour: int) -> None:
    before = learn(Rhythm(), [], NOW - 2 * HOUR)
    after = learn(before, [date], NOW)
    assert [number for number, weight in enumerate(after.hours) if weight] == [hour]
    assert after.count == pytest.approx(1, abs=0.02)
    assert after.newest is not None and after.newest <= NOW


def test_years_of_old_entries_make_no_source_busy() -> None:
    before = learn(Rhythm(), daily(9, 30), NOW)
    after = learn(before, [NOW - n * DAY for n in range(200, 1200)], NOW + HOUR)
    assert rate(after) == pytest.approx(rate(before), rel=0.05)
    assert after.newest == before.newest


def test_a_source_that_falls_silent_is_seen_to_do_so() -> None:
    rhythm = learn(Rhythm(), daily(9, 100), NOW)
    least, most = HOUR, DAY
    seen = []
    for days in (0, 14, 28, 56):
        rhythm = learn(rhythm, [], NOW + days * DAY)
        seen.append(24 / visits_a_day(rhythm, least, most))
    assert seen == sorted(seen)
    assert seen[-1] > 2.5 * seen[0]
    assert (rhythm.gap, rhythm.longest, rhythm.gaps) == (1.0, 1.0, 99)
    assert rhythm.newest == daily(9, 1)[0]


def test_gaps() -> None:
    dates = [NOW - n * DAY for n in (50, 48, 46, 44, 14, 12, 10, 8)]
    rhythm = learn(Rhythm(), dates, NOW)
    assert rhythm.gaps == 7
    assert 20 < rhythm.longest < 30
    assert 2 < rhythm.gap < 8


def test_days_without_a_clock_tell_no_hour() -> None:
    midnights = [NOW.replace(hour=0, minute=0) - n * DAY for n in range(40)]
    assert words(learn(Rhythm(), midnights, NOW)) == "posts about 1 a day"
    assert words(learn(Rhythm(), daily(0, 40), NOW)) == "posts about 1 a day, mostly 00-01 UTC"


@pytest.mark.parametrize(
    ("rhythm", "said"),
    [
        (Rhythm(), "not known yet how often it posts"),
        (Rhythm(60, 20, FLAT), "posts about 3 a day"),
        (Rhythm(9, 20), "posts about 3 a week"),
        (Rhythm(2, 20), "posts about 3 a month"),
        (Rhythm(0, 20), "posts less than once a month"),
        (Rhythm(60, 20, (0.0,) * 9 + (6.0,) * 9 + (1.0,) * 6), "posts about 3 a day, mostly 09-17 UTC"),
        (Rhythm(60, 20, (30.0,) + (0.0,) * 21 + (30.0,) * 2), "posts about 3 a day, mostly 22-01 UTC"),
        (Rhythm(3, 20, (0.0,) * 23 + (3.0,)), "posts about 1 a week"),  # too few to tell
    ],
)
def test_words(rhythm: Rhythm, said: str) -> None:
    assert words(rhythm) == said


def test_visits_come_when_entries_do() -> None:
    rhythm = learn(Rhythm(), daily(9, 90), NOW)
    apart = waits(rhythm, timedelta(minutes=5), 10 * DAY)
    assert min(apart) == apart[9]
    assert max(apart) > 3 * apart[9]
    night, morning = (wait(rhythm, NOW.replace(hour=hour, minute=0), HOUR, DAY) for hour in (15, 9))
    assert morning < night


@given(
    st.lists(st.floats(0, 1000), min_size=24, max_size=24),
    st.floats(0.01, 30),
    st.integers(0, 1439),
    SPANS,
    SPANS,
    st.floats(1, 50),
)
def test_waits_are_within_their_limits(
    hours: list[float], days: float, minute: int, least: timedelta, most: timedelta, stretch: float
) -> None:
    rhythm, start = Rhythm(sum(hours), days, tuple(hours), NOW), NOW + minute * HOUR / 60
    found = wait(rhythm, start, least, most, stretch)
    second = timedelta(seconds=1)
    assert least - second <= found <= max(least, most) * stretch + second


@given(st.floats(0, 1000), st.floats(0, 1000), st.floats(0, 30), st.integers(0, 23))
def test_a_busier_source_is_visited_no_later(one: float, other: float, days: float, hour: int) -> None:
    start = NOW.replace(hour=hour)
    slow, fast = (
        wait(Rhythm(count, days, (count / 24,) * 24), start, timedelta(minutes=1), 9 * DAY)
        for count in sorted((one, other))
    )
    assert fast <= slow + timedelta(milliseconds=1)


@given(DATES, DATES, SPANS)
def test_whatever_entries_say(first: list[datetime | None], then: list[datetime | None], later: timedelta) -> None:
    rhythm = learn(learn(Rhythm(), first, NOW), then, NOW + later)
    assert 0 <= rhythm.count <= len(first) + len(then) + 0.01
    assert 0 <= rhythm.days < 20.3
    assert sum(rhythm.hours) == pytest.approx(rhythm.count, abs=0.01)
    assert rhythm.newest is None or rhythm.newest <= NOW + later
    assert load(Rhythm, dump(rhythm)) == rhythm
    assert words(rhythm)


def test_visits_a_day_is_what_waits_come_to() -> None:
    rhythm = learn(Rhythm(), daily(9, 90), NOW)
    at, number = NOW, 0
    while at < NOW + 100 * DAY:
        at += wait(rhythm, at, timedelta(minutes=5), DAY, 1.5)
        number += 1
    assert number / 100 == pytest.approx(visits_a_day(rhythm, timedelta(minutes=5), DAY, 1.5), rel=0.03)
