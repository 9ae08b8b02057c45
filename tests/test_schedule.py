"""When a source is visited again and why, as tables; and what holds for whatever publishers and owners write."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import Cron, Hints, Pace, Trouble
from aggregator.rhythm import Rhythm, learn, wait
from aggregator.schedule import Due, is_due, next_visit, sooner, stretched

NOW = datetime(2026, 3, 14, 12, 0, 7, tzinfo=UTC)  # a Saturday
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
KEY = "https://a.example/feed"
STRICT = Pace(jitter=0, interval_cap=timedelta(0))
FIXED = Pace(interval_cap=timedelta(0))
"""Without a rhythm; STRICT is without drift as well, so that waits are exact."""

HINTS: list[tuple[str, Hints, bool, timedelta, str]] = [
    ("nothing said", Hints(), True, HOUR, "every 1 h"),
    ("no validators", Hints(), False, DAY, "always sent in full: once a day"),
    ("fresh", Hints(fresh_for=3 * HOUR), True, 3 * HOUR, "publisher says max-age 3 h"),
    ("fresh for less", Hints(fresh_for=MINUTE), True, HOUR, "every 1 h"),
    ("fresh for the same", Hints(fresh_for=HOUR), True, HOUR, "every 1 h"),
    ("absurd", Hints(fresh_for=365 * DAY), True, 7 * DAY, "publisher says max-age 365 d, capped at 7 d"),
    ("fresh, but no validators", Hints(fresh_for=3 * HOUR), False, DAY, "always sent in full: once a day"),
    ("no validators, and fresh", Hints(fresh_for=2 * DAY), False, 2 * DAY, "publisher says max-age 2 d"),
    ("odd", Hints(fresh_for=3 * HOUR - timedelta(seconds=7)), True, 3 * HOUR, "publisher says max-age 3 h"),
    ("ttl", Hints(ttl=2 * HOUR), True, 2 * HOUR, "ttl 2 h"),
    ("ttl capped", Hints(ttl=60 * HOUR), True, DAY, "ttl 60 h, capped at 1 d"),
    ("daily", Hints(period=DAY), True, DAY, "updates daily"),
    ("hourly, as WordPress says", Hints(period=HOUR), True, HOUR, "every 1 h"),
    ("twice a day", Hints(period=12 * HOUR), True, 12 * HOUR, "updates every 12 h"),
    ("yearly", Hints(period=365 * DAY), True, DAY, "updates every 365 d, capped at 1 d"),
    ("the longest", Hints(3 * HOUR, 5 * HOUR, 4 * HOUR), True, 5 * HOUR, "ttl 5 h"),
    ("nonsense", Hints(-HOUR, timedelta(0), timedelta(-1)), True, HOUR, "every 1 h"),
    ("a hub changes nothing", Hints(hub="https://hub.example/"), True, HOUR, "every 1 h"),
]


@pytest.mark.parametrize(
    ("hints", "validated", "wait", "reason"), [row[1:] for row in HINTS], ids=[r[0] for r in HINTS]
)
def test_publishers_set_floors(hints: Hints, validated: bool, wait: timedelta, reason: str) -> None:
    due = next_visit(NOW, KEY, STRICT, hints, validated=validated)
    assert abs(due.when - NOW - wait) < MINUTE
    assert (due.reason, due.gone) == (reason, False)


@pytest.mark.parametrize(
    ("pace", "hints", "more", "wait", "reason"),
    [
        (STRICT, Hints(), {}, DAY, "hub pushes; backup once a day"),
        (STRICT, Hints(fresh_for=3 * HOUR), {}, DAY, "hub pushes; backup once a day"),
        (STRICT, Hints(fresh_for=3 * DAY), {}, 3 * DAY, "publisher says max-age 3 d"),
        (STRICT, Hints(), {"validated": False}, DAY, "always sent in full: once a day"),
        (replace(STRICT, interval=2 * DAY), Hints(), {}, 2 * DAY, "every 2 d"),
        (STRICT, Hints(), {"failures": 1, "trouble": Trouble("http 500")}, HOUR, "failed last time (http 500)"),
    ],
)
def test_what_a_hub_pushes_is_asked_for_once_a_day(
    pace: Pace, hints: Hints, more: dict[str, Any], wait: timedelta, reason: str
) -> None:
    due = next_visit(NOW, KEY, pace, hints, pushed=True, **{"validated": True} | more)
    assert abs(due.when - NOW - wait) < MINUTE
    assert due.reason == reason


def test_a_backup_counts_as_a_plan_whatever_the_caps_are() -> None:
    little = replace(STRICT, jitter=1, unvalidated=HOUR, freshness_cap=HOUR, ttl_cap=HOUR, backoff_cap=HOUR)
    little = replace(little, pause_cap=HOUR)
    due = next_visit(NOW, KEY, little, Hints(), validated=True, pushed=True)
    assert not is_due(NOW + HOUR, due.when, Hints(), little, last_visit=NOW, reason=due.reason)
    assert is_due(due.when, due.when, Hints(), little, last_visit=NOW, reason=due.reason)


@pytest.mark.parametrize(
    ("interval", "reason"),
    [
        (DAY, "every 1 d"),
        (36 * HOUR, "every 36 h"),
        (90 * MINUTE, "every 90 min"),
        (timedelta(seconds=100), "every 100 s"),
        (timedelta(seconds=2), "every 2 s"),
        (timedelta(0), "every 0 s"),
        (30 * DAY, "every 30 d"),
    ],
)
def test_the_owners_interval(interval: timedelta, reason: str) -> None:
    pace = replace(STRICT, interval=interval, unvalidated=interval)
    assert next_visit(NOW, KEY, pace, Hints(), validated=False) == Due(NOW + interval, reason)


NIGHT = frozenset(range(7))
WEEKEND = frozenset({5, 6})


@pytest.mark.parametrize(
    ("interval", "cap", "skip_hours", "skip_days", "when", "reason"),
    [
        (HOUR, DAY, NIGHT, (), "14 13:00", "every 1 h"),
        (13 * HOUR, DAY, NIGHT, (), "15 07:00", "every 13 h; skips hours 0-6 UTC"),
        (18 * HOUR, DAY, NIGHT, (), "15 07:00", "every 18 h; skips hours 0-6 UTC"),
        (19 * HOUR, DAY, NIGHT, (), "15 07:00", "every 19 h"),
        (HOUR, DAY, {13, 14, 22}, (), "14 15:00", "every 1 h; skips hours 13-14, 22 UTC"),
        (10 * HOUR, DAY, {22, 23, 0}, (), "15 01:00", "every 10 h; skips hours 0, 22-23 UTC"),
        (13 * HOUR, 2 * HOUR, NIGHT, (), "15 03:00", "every 13 h; skips hours 0-6 UTC"),
        (13 * HOUR, timedelta(seconds=5), NIGHT, (), "15 01:00", "every 13 h"),
        (HOUR, 7 * DAY, (), WEEKEND, "16 00:00", "every 1 h; skips Saturday, Sunday"),
        (HOUR, DAY, (), WEEKEND, "15 13:00", "every 1 h; skips Saturday, Sunday"),
        (2 * DAY, DAY, NIGHT, WEEKEND, "16 12:00", "every 2 d"),
        (HOUR, 7 * DAY, NIGHT, WEEKEND, "16 07:00", "every 1 h; skips hours 0-6 UTC and Saturday, Sunday"),
        (HOUR, DAY, range(24), (), "15 13:00", "every 1 h; skips hours 0-23 UTC"),
        (HOUR, 400 * DAY, range(24), range(7), "21 13:00", None),
    ],
)
def test_skipped_hours_and_days(
    interval: timedelta, cap: timedelta, skip_hours: set[int], skip_days: set[int], when: str, reason: str | None
) -> None:
    pace = replace(STRICT, interval=interval, skip_cap=cap)
    hints = Hints(skip_hours=frozenset(skip_hours), skip_days=frozenset(skip_days))
    due = next_visit(NOW, KEY, pace, hints, validated=True)
    hour = datetime.strptime(f"2026 03 {when} +0000", "%Y %m %d %H:%M %z")
    assert hour <= due.when < hour + HOUR
    assert reason is None or due.reason == reason


FAILURES: list[tuple[int, str, timedelta | None, timedelta, str]] = [
    (1, "dns", None, HOUR, "failed last time (dns)"),
    (2, "dns", None, 2 * HOUR, "failed 2 times in a row (dns)"),
    (3, "http 404", None, 4 * HOUR, "failed 3 times in a row (http 404)"),
    (8, "http 500", None, 128 * HOUR, "failed 8 times in a row (http 500)"),
    (9, "http 500", None, 7 * DAY, "failed 9 times in a row (http 500)"),
    (10**6, "timeout", None, 7 * DAY, "failed 1000000 times in a row (timeout)"),
    (0, "dns", None, HOUR, "failed last time (dns)"),
    (1, "http 401", None, 4 * HOUR, "failed last time (http 401)"),
    (1, "http 403", None, 4 * HOUR, "failed last time (http 403)"),
    (2, "blocked", None, 8 * HOUR, "failed 2 times in a row (blocked)"),
    (50, "blocked", None, 7 * DAY, "failed 50 times in a row (blocked)"),
    (1, "http 429", None, HOUR, "failed last time (http 429)"),
    (3, "http 503", None, 4 * HOUR, "failed 3 times in a row (http 503)"),
    (1, "http 429", 2 * HOUR, 2 * HOUR, "failed last time (http 429); told to wait 2 h"),
    (5, "http 503", 2 * HOUR, 2 * HOUR, "failed 5 times in a row (http 503); told to wait 2 h"),
    (1, "http 503", 10 * DAY, 10 * DAY, "failed last time (http 503); told to wait 10 d"),
    (1, "http 429", 400 * DAY, 30 * DAY, "failed last time (http 429); told to wait 30 d"),
    (4, "http 429", timedelta(0), HOUR, "failed 4 times in a row (http 429); told to wait 0 s"),
    (3, "paused", 2 * HOUR, 2 * HOUR, "failed 3 times in a row (paused); told to wait 2 h"),
    (1, "http 500", 3 * HOUR, 3 * HOUR, "failed last time (http 500); told to wait 3 h"),
    (3, "http 500", 3 * HOUR, 4 * HOUR, "failed 3 times in a row (http 500)"),
]


@pytest.mark.parametrize(("failures", "kind", "asked", "wait", "reason"), FAILURES)
def test_failures_back_off(failures: int, kind: str, asked: timedelta | None, wait: timedelta, reason: str) -> None:
    due = next_visit(
        NOW, KEY, STRICT, Hints(), validated=False, failures=failures, trouble=Trouble(kind, asked), gone_since=None
    )
    assert abs(due.when - NOW - wait) < MINUTE
    assert (due.reason, due.gone) == (reason, False)


def test_a_failure_of_no_class() -> None:
    assert next_visit(NOW, KEY, STRICT, Hints(), validated=True, failures=2).reason == "failed 2 times in a row"


@pytest.mark.parametrize("kind", ["dns", "http 403", "http 429", "http 410"])
def test_no_cap_is_below_the_interval(kind: str) -> None:
    pace = replace(STRICT, interval=30 * DAY)
    for failures in (1, 9):
        due = next_visit(NOW, KEY, pace, Hints(), validated=True, failures=failures, trouble=Trouble(kind))
        assert timedelta(0) <= due.when - NOW - 30 * DAY < MINUTE


def test_a_failed_visit_keeps_to_the_publishers_wishes() -> None:
    hints = Hints(ttl=6 * HOUR, skip_hours=frozenset({18}))
    due = next_visit(NOW, KEY, STRICT, hints, validated=True, failures=1, trouble=Trouble("dns"))
    assert due.when.hour == 19
    assert due.reason == "failed last time (dns); ttl 6 h; skips hours 18 UTC"
    due = next_visit(NOW, KEY, STRICT, hints, validated=True, failures=4, trouble=Trouble("dns"))
    assert (due.when.hour, due.reason) == (20, "failed 4 times in a row (dns)")


@pytest.mark.parametrize(
    ("since", "wait", "gone"),
    [
        (None, DAY, False),
        (timedelta(0), DAY, False),
        (6 * HOUR, 18 * HOUR, False),  # somebody forced a visit in between
        (DAY - MINUTE, HOUR, False),
        (DAY, 7 * DAY, True),
        (300 * DAY, 7 * DAY, True),
        (-DAY, DAY, False),  # the clock was put back
    ],
)
def test_a_410_is_believed_the_second_time(since: timedelta | None, wait: timedelta, gone: bool) -> None:
    met = None if since is None else NOW - since
    due = next_visit(NOW, KEY, STRICT, Hints(), validated=True, failures=2, trouble=Trouble("http 410"), gone_since=met)
    assert timedelta(0) <= due.when - NOW - wait < MINUTE
    assert due.gone is gone
    assert (due.reason == "gone for good (http 410)") is gone


def test_the_second_410_comes_late_enough_to_be_believed() -> None:
    pace, trouble = Pace(), Trouble("http 410")
    first = next_visit(NOW, KEY, pace, Hints(), validated=True, failures=1, trouble=trouble)
    again = next_visit(first.when, KEY, pace, Hints(), validated=True, failures=2, trouble=trouble, gone_since=NOW)
    assert (first.gone, again.gone) == (False, True)


def test_sources_added_together_drift_apart() -> None:
    dues = [next_visit(NOW, f"{KEY}/{n}", FIXED, Hints(), validated=True).when - NOW for n in range(200)]
    assert min(dues) >= HOUR
    assert HOUR + 5 * MINUTE < max(dues) <= HOUR + 7 * MINUTE
    assert len(set(dues)) > 100
    later = [next_visit(NOW + n * DAY, KEY, FIXED, Hints(), validated=True).when - n * DAY for n in range(20)]
    assert len(set(later)) > 10


@pytest.mark.parametrize("jitter", [0, 0.1])
def test_no_visit_on_the_minute(jitter: float) -> None:
    """As cron starts a run: at second 0."""
    pace, cron = replace(FIXED, jitter=jitter), NOW.replace(second=0)
    for hints in (Hints(), Hints(fresh_for=3 * HOUR), Hints(skip_hours=frozenset({13, 14}))):
        dues = [next_visit(cron, f"{KEY}/{n}", pace, hints, validated=True).when for n in range(200)]
        assert all(due.second for due in dues)


@pytest.mark.parametrize("seconds", [1, 2, 5, 59])
def test_accelerated_time_is_exact(seconds: int) -> None:
    pace = replace(STRICT, interval=timedelta(seconds=seconds))
    for start in range(60):
        now = NOW.replace(second=start)
        assert next_visit(now, KEY, pace, Hints(), validated=True).when == now + pace.interval


# --- Whatever is written --------------------------------------------------------------------------------------------

SPANS = st.timedeltas(timedelta(0), timedelta(days=1000)) | st.sampled_from([timedelta(0), HOUR, DAY])
LENGTHS = st.timedeltas(timedelta(0)) | st.sampled_from([timedelta(0), timedelta.max])
ASKED = st.none() | st.timedeltas() | SPANS
PACES = st.builds(
    Pace,
    interval=SPANS,
    interval_cap=SPANS,
    jitter=st.floats(0, 1),
    unvalidated=SPANS,
    freshness_cap=SPANS,
    ttl_cap=SPANS,
    skip_cap=SPANS,
    backoff_cap=SPANS,
    refused_wait=SPANS,
    pause=SPANS,
    pause_cap=SPANS,
    gone_after=SPANS,
)
CRONS = st.sampled_from([Cron("0 7 * * *", "Europe/Berlin"), Cron("*/20 8-18 * * 1-5"), Cron("30 2 29 2 *")])
RHYTHMS = st.builds(
    lambda agos, gap: learn(learn(Rhythm(), [NOW - ago for ago in agos], NOW - gap), [], NOW),
    st.lists(st.timedeltas(timedelta(0), 300 * DAY) | st.timedeltas(timedelta(0), DAY), max_size=60),
    st.timedeltas(timedelta(0), 90 * DAY),
)
STRETCHES = st.just(1.0) | st.floats(1, 1000)
ALWAYS = st.builds(Hints, ASKED, ASKED, ASKED)
WISHES = st.builds(
    Hints, ASKED, ASKED, ASKED, st.frozensets(st.integers(0, 23)), st.frozensets(st.integers(0, 6)), st.text()
)
KINDS = st.sampled_from(["", "dns", "http 401", "http 410", "http 429", "http 503", "http 500", "blocked"])
TROUBLES = st.builds(Trouble, KINDS, ASKED)
MOMENTS = st.timedeltas(timedelta(0), 27000 * DAY).map(NOW.__add__)


def latest(now: datetime, pace: Pace, stretch: float = 1.0) -> datetime:
    """What no visit is put off beyond."""
    most = min(max(pace.interval, pace.interval_cap, MINUTE / 60) / DAY * stretch, 36500) * DAY
    caps = (most, pace.unvalidated, pace.freshness_cap, pace.ttl_cap, pace.backoff_cap, pace.pause_cap)
    return now + max(caps) * (1 + pace.jitter) + min(pace.skip_cap, 7 * DAY) + MINUTE


@given(MOMENTS, st.text(), PACES, WISHES, st.booleans(), RHYTHMS, STRETCHES)
def test_success(
    now: datetime, key: str, pace: Pace, hints: Hints, validated: bool, rhythm: Rhythm, stretch: float
) -> None:
    due = next_visit(now, key, pace, hints, validated=validated, rhythm=rhythm, stretch=stretch)
    assert now + pace.interval <= due.when <= latest(now, pace, stretch)
    asked = zip(
        (hints.fresh_for, hints.ttl, hints.period), (pace.freshness_cap, pace.ttl_cap, pace.ttl_cap), strict=True
    )
    assert all(due.when - now >= min(wish, cap) for wish, cap in asked if wish)
    assert validated or due.when >= now + pace.unvalidated
    assert due.when.microsecond == 0
    assert due.when.second or pace.interval < MINUTE
    assert due.reason
    assert not due.gone
    assert due == next_visit(now, key, pace, hints, validated=validated, rhythm=rhythm, stretch=stretch)
    skipped = due.when.hour in hints.skip_hours or due.when.weekday() in hints.skip_days
    assert not skipped or due.when - now >= pace.interval + min(pace.skip_cap // HOUR * HOUR, 7 * DAY)


@given(MOMENTS, st.text(), PACES, WISHES, st.integers(0, 10**6), TROUBLES, st.none() | MOMENTS)
def test_failure(
    now: datetime, key: str, pace: Pace, hints: Hints, failures: int, trouble: Trouble, since: datetime | None
) -> None:
    due = next_visit(now, key, pace, hints, validated=True, failures=failures, trouble=trouble, gone_since=since)
    assert now + pace.interval <= due.when <= latest(now, pace)
    assert due.gone <= (trouble.kind == "http 410" and since is not None)
    assert due.reason.startswith(("failed", "gone"))


@given(MOMENTS, PACES, ALWAYS, st.integers(1, 60), TROUBLES)
def test_more_failures_never_bring_a_visit_forward(
    now: datetime, pace: Pace, hints: Hints, failures: int, trouble: Trouble
) -> None:
    one, more = (
        next_visit(now, KEY, pace, hints, validated=True, failures=count, trouble=trouble).when
        for count in (failures, failures + 1)
    )
    assert one <= more


@given(
    st.builds(Pace, LENGTHS, LENGTHS, st.none() | LENGTHS, st.floats(), *[LENGTHS] * 10),
    WISHES,
    st.integers(-5, 5),
    st.none() | TROUBLES,
)
def test_nothing_written_breaks_it(pace: Pace, hints: Hints, failures: int, trouble: Trouble | None) -> None:
    assert next_visit(NOW, KEY, pace, hints, validated=False, failures=failures, trouble=trouble).reason


@pytest.mark.parametrize(
    ("planned", "now", "hints", "due"),
    [
        (12, 11.9, Hints(), False),
        (12, 12, Hints(), True),
        (12, 15.5, Hints(skip_hours=frozenset({15})), False),  # the run came late
        (12, 16, Hints(skip_hours=frozenset({15})), True),
        (12, 30, Hints(skip_days=frozenset({6})), False),  # noon on Saturday; now it is Sunday
        (12, 36, Hints(skip_days=frozenset({6})), True),
        (12, 48, Hints(skip_days=frozenset(range(7))), True),  # planned for a skipped day: it has waited already
        (4, 27.9, Hints(skip_hours=frozenset({3})), False),  # runs once a day, always in the skipped hour
        (4, 28, Hints(skip_hours=frozenset({3, 4})), True),
    ],
)
def test_a_late_run_keeps_skipped_hours_for_a_day_at_most(planned: float, now: float, hints: Hints, due: bool) -> None:
    saturday = datetime(2026, 3, 14, tzinfo=UTC)
    moments = [saturday + timedelta(hours=hours) for hours in (now, planned)]
    assert is_due(moments[0], moments[1], hints, Pace()) is due


@pytest.mark.parametrize(
    ("ahead", "visited", "reason", "pace", "due"),
    [
        (34 * DAY + 4 * HOUR, HOUR, "every 1 h", FIXED, True),  # planned while the clock was years ahead
        (3650 * DAY, None, "failed last time (dns)", FIXED, True),
        (33 * DAY, HOUR, "failed last time (http 429); told to wait 30 d", FIXED, False),
        (340 * DAY, HOUR, "failed last time (dns)", replace(FIXED, interval=310 * DAY), False),
        (20 * DAY, 2 * HOUR, "every 20 d", FIXED, True),  # the owner has lowered the interval
        (20 * DAY, 2 * HOUR, "every 20 d; skips hours 3 UTC", FIXED, True),
        (20 * DAY, HOUR, "every 20 d", FIXED, False),
        (20 * DAY, 2 * HOUR, "every 20 d", replace(FIXED, interval=2 * HOUR), False),
        (20 * DAY, 2 * HOUR, "always sent in full: every 20 d", FIXED, False),
        (20 * DAY, 27 * HOUR, "always sent in full: every 20 d", FIXED, True),
        (20 * DAY, 2 * HOUR, "publisher says max-age 20 d", FIXED, False),
        (20 * DAY, 2 * HOUR, "failed 9 times in a row (dns)", FIXED, False),
        (20 * DAY, -9000 * DAY, "every 20 d", FIXED, False),
        (MINUTE, 64 * MINUTE, "every 1 h", FIXED, False),
    ],
)
def test_a_plan_of_a_wrong_clock_or_an_older_interval_does_not_hold(
    ahead: timedelta, visited: timedelta | None, reason: str, pace: Pace, due: bool
) -> None:
    last = None if visited is None else NOW - visited
    assert is_due(NOW, NOW + ahead, Hints(), pace, last_visit=last, reason=reason) is due


@given(
    MOMENTS,
    PACES | st.builds(replace, PACES, schedule=CRONS),
    WISHES,
    st.booleans(),
    st.integers(0, 20),
    st.none() | TROUBLES,
    st.floats(0, 0.99),
    RHYTHMS,
    STRETCHES,
)
def test_no_plan_is_ended_before_its_time(
    now: datetime,
    pace: Pace,
    hints: Hints,
    validated: bool,
    failures: int,
    trouble: Trouble | None,
    part: float,
    rhythm: Rhythm,
    stretch: float,
) -> None:
    due = next_visit(
        *(now, KEY, pace, hints),
        validated=validated,
        failures=failures,
        trouble=trouble,
        rhythm=rhythm,
        stretch=stretch,
    )
    early = now + (due.when - now) * part
    if early < due.when:
        assert not is_due(
            early, due.when, hints, pace, last_visit=now, reason=due.reason, rhythm=rhythm, stretch=stretch
        )


@pytest.mark.parametrize(
    ("validated", "ago", "failures", "wait", "reason"),
    [
        (False, 2 * HOUR, 1, 22 * HOUR, "failed last time (dns); always sent in full: once a day"),
        (False, timedelta(0), 1, DAY, "failed last time (dns); always sent in full: once a day"),
        (False, -DAY, 1, DAY, "failed last time (dns); always sent in full: once a day"),  # the clock was put back
        (False, 30 * HOUR, 1, HOUR, "failed last time (dns)"),
        (False, 2 * HOUR, 7, 64 * HOUR, "failed 7 times in a row (dns)"),
        (False, None, 1, HOUR, "failed last time (dns)"),
        (True, 2 * HOUR, 1, HOUR, "failed last time (dns)"),
    ],
)
def test_after_a_failure_too_a_document_without_validators_is_transferred_once_a_day(
    validated: bool, ago: timedelta | None, failures: int, wait: timedelta, reason: str
) -> None:
    last, trouble = None if ago is None else NOW - ago, Trouble("dns")
    due = next_visit(NOW, KEY, STRICT, Hints(), validated=validated, failures=failures, trouble=trouble, last_full=last)
    assert abs(due.when - NOW - wait) < MINUTE
    assert due.reason == reason


# --- The rhythm, the budget and the clock of the owner ---------------------------------------------------------------

DAILY = learn(Rhythm(), [NOW - n * DAY for n in range(1, 40)], NOW)
BUSY = learn(Rhythm(), [NOW - n * HOUR / 2 for n in range(1, 600)], NOW)
SILENT = learn(Rhythm(), [NOW - 700 * DAY, NOW - 400 * DAY], NOW)
EXACT = Pace(jitter=0)
BERLIN = Cron("0 7 * * *", "Europe/Berlin")


@pytest.mark.parametrize(
    ("rhythm", "hints", "stretch", "hours", "reason"),
    [
        (Rhythm(), Hints(), 1, (4.8, 4.8), "not known yet how often it posts"),
        (BUSY, Hints(), 1, (1, 1), "posts about 48 a day"),
        (DAILY, Hints(), 1, (0.9, 5), "posts about 1 a day, mostly 12-13 UTC"),
        (SILENT, Hints(), 1, (21, 23), "posts less than once a month"),
        (BUSY, Hints(fresh_for=6 * HOUR), 1, (6, 6), "posts about 48 a day; publisher says max-age 6 h"),
        (SILENT, Hints(fresh_for=6 * HOUR), 1, (21, 23), "posts less than once a month"),
        (
            *(SILENT, Hints(), 4, (84, 92)),
            "posts less than once a month; waits are 4.0 times as long to keep to max_requests_per_hour",
        ),
    ],
)
def test_rhythm_decides(rhythm: Rhythm, hints: Hints, stretch: float, hours: tuple[float, float], reason: str) -> None:
    due = next_visit(NOW, KEY, EXACT, hints, validated=True, rhythm=rhythm, stretch=stretch)
    assert hours[0] * HOUR <= due.when - NOW <= hours[1] * HOUR + MINUTE
    assert due.reason == reason


@given(
    st.lists(st.tuples(PACES.filter(lambda pace: pace.interval < 9 * DAY), WISHES, RHYTHMS), max_size=6),
    st.integers(1, 100),
)
@settings(max_examples=50)
def test_a_budget_is_kept(paced: list[tuple[Pace, Hints, Rhythm]], an_hour: int) -> None:
    factor = stretched(paced, an_hour)
    waits = [
        (next_visit(NOW + n * HOUR, KEY, pace, hints, validated=True, rhythm=rhythm, stretch=factor).when - NOW) / HOUR
        - n
        for pace, hints, rhythm in paced
        for n in range(24)
    ]
    assert factor >= 1
    assert (
        sum(1 / max(wait, 1e-9) for wait in waits) / 24 <= an_hour * 1.5
    )  # each hour as a start; visits weigh more where waits are short


def test_a_budget_scales_what_it_may() -> None:
    daily = (Pace(), Hints(), Rhythm(20, 20, (1.0,) * 24))
    assert stretched([daily] * 24, 24) == 1
    assert stretched([daily] * 24, 5) == pytest.approx(1.96, rel=0.01)  # 24 sources, each visited every 2.4 h
    often = (replace(Pace(), schedule=HOUR, interval=HOUR), Hints(), BUSY)
    assert stretched([often] * 24, 1) == 1
    asked = (Pace(), Hints(ttl=DAY), Rhythm(20, 20, (1.0,) * 24))
    assert stretched([asked] * 24, 1) == 1
    assert stretched([asked] * 24, 0.5) == pytest.approx(19.64, rel=0.01)


@pytest.mark.parametrize(
    ("hints", "failures", "kind", "when", "reason"),
    [
        (Hints(), 0, "", "15 06:00", ""),
        (Hints(ttl=2 * HOUR), 0, "", "15 06:00", ""),
        (Hints(fresh_for=2 * DAY), 0, "", "16 12:00", "; publisher says max-age 2 d"),
        (Hints(skip_hours=frozenset({6})), 0, "", "15 07:00", "; skips hours 6 UTC"),
        (Hints(), 1, "dns", "15 06:00", None),
        (Hints(), 6, "dns", "15 20:00", None),
    ],
)
def test_a_schedule_is_kept_to_the_minute(
    hints: Hints, failures: int, kind: str, when: str, reason: str | None
) -> None:
    pace = replace(Pace(), schedule=BERLIN)
    trouble = Trouble(kind) if kind else None
    due = next_visit(NOW, KEY, pace, hints, validated=False, failures=failures, trouble=trouble, rhythm=BUSY)
    planned = datetime.strptime(f"2026 03 {when} +0000", "%Y %m %d %H:%M %z")
    assert timedelta(0) <= due.when - planned < MINUTE
    if reason is not None:
        assert due.reason == f"scheduled at 0 7 * * * (Europe/Berlin){reason}"


def test_a_schedule_follows_summer_time() -> None:
    pace = replace(Pace(), schedule=BERLIN)
    due = next_visit(NOW + 14 * DAY, KEY, pace, Hints(), validated=True)
    assert (due.when.day, due.when.hour, due.when.minute) == (29, 5, 0)


@pytest.mark.parametrize(
    ("expression", "zone", "visited"),
    [
        ("30 2 * * *", "Europe/Berlin", datetime(2026, 10, 25, 1, 5, tzinfo=UTC)),  # the second 02:05
        ("30 2 * * *", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # the first 02:30
        ("30 1 * * *", "America/New_York", datetime(2026, 11, 1, 6, 2, tzinfo=UTC)),
    ],
)
def test_a_time_that_the_end_of_summer_repeats_is_not_planned_for_the_past(
    expression: str, zone: str, visited: datetime
) -> None:
    pace = replace(Pace(), schedule=Cron(expression, zone))
    due = next_visit(visited, KEY, pace, Hints(), validated=True)
    assert 23 * HOUR < due.when - visited < 26 * HOUR


@pytest.mark.parametrize(
    ("reason", "ahead", "pace", "visited", "due"),
    [
        ("posts about 1 a day", 20 * HOUR, Pace(), 12 * HOUR, True),  # it was less once: interval_cap is shorter by now
        ("posts about 1 a day", 20 * HOUR, Pace(), 2 * HOUR, False),
        ("posts about 1 a day; publisher says max-age 20 h", 3 * HOUR, Pace(), 2 * HOUR, False),
        ("posts about 1 a day", -HOUR, Pace(schedule=BERLIN), 5 * HOUR, False),  # there is a schedule by now
        ("posts about 1 a day", 30 * HOUR, Pace(schedule=BERLIN), 7 * HOUR, True),
        ("publisher says max-age 20 d", 20 * DAY, Pace(schedule=BERLIN), 7 * HOUR, True),
        ("failed last time (dns)", -HOUR, Pace(schedule=BERLIN), HOUR, True),
        ("scheduled at 0 7 * * * (Europe/Berlin)", 18 * HOUR, Pace(schedule=BERLIN), 6 * HOUR, False),
        ("scheduled at 0 7 1 * * (Europe/Berlin)", 18 * DAY, Pace(schedule=BERLIN), 7 * HOUR, True),
        ("scheduled at 0 7 1 * * (Europe/Berlin)", 18 * DAY, Pace(), 7 * HOUR, True),
        ("failed last time (dns); scheduled at 0 7 1 * * (UTC)", 18 * DAY, Pace(), 7 * HOUR, True),
        ("every 6 h", 5 * HOUR, Pace(interval=HOUR, schedule=HOUR), 2 * HOUR, True),
    ],
)
def test_a_plan_does_not_outlive_what_it_was_made_for(
    reason: str, ahead: timedelta, pace: Pace, visited: timedelta, due: bool
) -> None:
    said = is_due(NOW, NOW + ahead, Hints(), pace, last_visit=NOW - visited, reason=reason, rhythm=DAILY)
    assert said is due


@pytest.mark.parametrize(
    ("reason", "hints", "pace", "visited", "when", "said"),
    [
        ("every 24 h", Hints(), STRICT, HOUR / 2, HOUR / 2, "every 1 h"),
        ("sooner by the config: every 12 h", Hints(), STRICT, HOUR / 2, HOUR / 2, "every 1 h"),
        ("always sent in full: once a day", Hints(), replace(STRICT, unvalidated=3 * HOUR), HOUR, 2 * HOUR,
         "always sent in full: every 3 h"),
        ("ttl 23 h, capped at 20 h", Hints(ttl=23 * HOUR), replace(STRICT, ttl_cap=6 * HOUR), HOUR, 5 * HOUR,
         "ttl 23 h, capped at 6 h"),
        ("ttl 20 h", Hints(ttl=20 * HOUR), STRICT, HOUR, None, ""),
        ("failed last time (dns)", Hints(), STRICT, HOUR / 2, None, ""),
        ("hub pushes; backup once a day", Hints(), STRICT, HOUR / 2, None, ""),
        ("every 24 h", Hints(), Pace(schedule=BERLIN), HOUR / 2, None, ""),
        ("every 24 h", Hints(), replace(STRICT, interval=DAY), HOUR / 2, None, ""),
        ("every 24 h", Hints(skip_hours=frozenset({12})), STRICT, HOUR / 2, HOUR / 2 + HOUR, "every 1 h"),
    ],
)  # fmt: skip
def test_a_shorter_wait_brings_a_plan_forward(
    reason: str, hints: Hints, pace: Pace, visited: timedelta, when: timedelta | None, said: str
) -> None:
    due = sooner(NOW, KEY, NOW - visited + 20 * HOUR, hints, pace, last_visit=NOW - visited, reason=reason)
    assert (due is None) is (when is None)
    if due and when:
        assert abs(due.when - NOW - when) < MINUTE
        assert due.reason == f"sooner by the config: {said}"
        assert not is_due(NOW, due.when, hints, pace, last_visit=NOW - visited, reason=due.reason)
        assert is_due(due.when, due.when, hints, pace, last_visit=NOW - visited, reason=due.reason)


@pytest.mark.parametrize("reason", ["every 2 d", "sooner by the config: every 2 d"])
def test_a_schedule_counts_whatever_was_planned_before(reason: str) -> None:
    """The visit was planned for the day after tomorrow, and from now on one is wanted every day at 7."""
    last, pace = NOW.replace(hour=5), Pace(schedule=Cron("0 7 * * *", "UTC"))
    for hour, is_time in ((6, False), (8, True)):
        now = NOW.replace(hour=hour)
        assert is_due(now, last + 2 * DAY, Hints(), pace, last_visit=last, reason=reason) is is_time


@given(MOMENTS, RHYTHMS, st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**6), STRETCHES)
def test_what_is_brought_forward_is_never_late_nor_in_the_past(
    now: datetime, rhythm: Rhythm, interval: int, visited: int, ahead: int, stretch: float
) -> None:
    pace, last = Pace(interval=timedelta(seconds=interval)), now - timedelta(seconds=visited)
    planned = now + timedelta(seconds=ahead)
    by_now = partial(sooner, now, KEY, hints=Hints(), pace=pace, last_visit=last, rhythm=rhythm, stretch=stretch)
    due = by_now(planned=planned, reason="every 1 h")
    if due:
        assert now < due.when < planned
        assert due.when - last >= pace.interval
        again = by_now(planned=due.when, reason=due.reason)
        assert again is None or again.when < due.when


@given(MOMENTS, RHYTHMS, st.integers(1, 10**7), st.integers(0, 10**7), STRETCHES)
def test_no_wait_of_a_rhythm_is_below_the_interval(
    now: datetime, rhythm: Rhythm, least: int, more: int, stretch: float
) -> None:
    """So that a plan younger than it is not reckoned anew."""
    interval, cap = timedelta(seconds=least), timedelta(seconds=least + more)
    assert wait(rhythm, now, interval, cap, stretch) >= interval
