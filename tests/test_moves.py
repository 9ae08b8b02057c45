"""When a permanent redirect is believed: a story per case, visit by visit."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.model import Move, Pace
from aggregator.moves import is_own_turn, moved, twins

OLD, NEW, OTHER = "https://old.example/feed", "https://new.example/feed", "https://other.example/feed"
START = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)

Step = tuple[int, str, bool | None]
"""A visit: hours after START, where permanent redirects led, whether that was the same feed, None for no entries."""


def follow(*steps: Step, url: str = OLD, pace: Pace | None = None) -> Move | None:
    known: Move | None = None
    for hours, seen, overlap in steps:
        now = START + timedelta(hours=hours)
        known = moved(known, url, seen, pace or Pace(), now, overlap=overlap)
    return known


BELIEVED = ((0, NEW, True), (1, NEW, True), (24, NEW, True))


@pytest.mark.parametrize(
    ("steps", "url", "visits", "believed"),
    [
        (((0, "", True),), "", 0, False),
        (((0, NEW, True),), NEW, 1, False),
        (BELIEVED, NEW, 3, True),
        (((0, NEW, True), (24, NEW, True)), NEW, 2, False),  # too few
        (tuple((hour, NEW, True) for hour in range(24)), NEW, 24, False),  # too soon
        (((0, NEW, True), (1, "", True), (24, NEW, True), (25, NEW, True)), NEW, 2, False),  # it came back
        (((0, NEW, True), (1, OTHER, True), (24, NEW, True), (25, NEW, True)), NEW, 2, False),
        (((0, NEW, True), (1, OTHER, False)), OTHER, 0, False),  # a maintenance page elsewhere
        (((0, NEW, False),), NEW, 0, False),  # a maintenance page
        # Its own items are known from the second visit on.
        (((0, NEW, False), (24, NEW, True), (48, NEW, True), (72, NEW, True)), NEW, 0, False),
        (((0, NEW, False), (24, "", True), (48, NEW, True)), NEW, 1, False),
        (((0, NEW, None), (1, NEW, None)), "", 0, False),
        (((0, NEW, None), (1, NEW, True), (2, NEW, None), (24, NEW, True), (25, NEW, True)), NEW, 3, True),
        (((0, NEW, True), (1, OTHER, None)), "", 0, False),
        (((0, NEW, True), (1, NEW, False), (24, NEW, True)), NEW, 2, False),
        (((0, NEW, True), (1, NEW, False), (24, NEW, True), (25, NEW, True)), NEW, 3, True),
        (((0, OLD, True), (1, OLD, True), (24, OLD, True)), "", 0, False),  # to itself
        ((*BELIEVED, (25, "", True), (26, "", False)), NEW, 3, True),  # asked at its new address from now on
        ((*BELIEVED, (25, NEW, True)), NEW, 3, True),
        ((*BELIEVED, (25, OTHER, False)), NEW, 3, True),
        ((*BELIEVED, (25, OTHER, True)), OTHER, 1, False),  # moved on
        ((*BELIEVED, (25, OTHER, True), (26, OTHER, True), (49, OTHER, True)), OTHER, 3, True),
        ((*BELIEVED, (25, "http://new.example/feed", True)), NEW, 3, True),
        (tuple((hour, f"{NEW}/{'x' * 2000}", True) for hour in (0, 1, 24)), "", 0, False),  # no index could hold it
    ],
)
def test_a_story(steps: tuple[Step, ...], url: str, visits: int, believed: bool) -> None:
    known = follow(*steps)
    assert (known.url, known.visits, known.believed) == (url, visits, believed) if known else not url


@pytest.mark.parametrize(
    ("url", "seen", "believed"),
    [
        ("https://a.example/", "http://a.example/", False),
        ("HTTPS://a.example/", "http://a.example/", False),
        ("https://a.example/", "http://b.example/", False),
        ("http://a.example/", "https://a.example/", True),
        ("http://a.example/", "http://b.example/", True),
        ("https://a.example/", "HTTPS://b.example/", True),
    ],
)
def test_never_from_https_to_http(url: str, seen: str, believed: bool) -> None:
    known = follow((0, seen, True), (12, seen, True), (24, seen, True), url=url)
    assert bool(known and known.believed) is believed


def test_the_owner_decides_how_many_and_how_long() -> None:
    pace = Pace(move_visits=2, move_after=timedelta(seconds=0))
    assert follow((0, NEW, True), (0, NEW, True), pace=pace) == Move(NEW, 2, START, True)


def test_a_clock_that_was_wrong_does_not_hold_a_move_up() -> None:
    future = START + timedelta(days=3650)
    known = moved(Move(NEW, 1, future), OLD, NEW, Pace(), START, overlap=True)
    assert known == Move(NEW, 2, START)
    later = START + timedelta(days=1)
    assert moved(known, OLD, NEW, Pace(), later, overlap=True) == Move(NEW, 3, START, True)


@pytest.mark.parametrize(("visits", "turns"), [(3, [3, 5, 7, 9]), (1, [1, 3, 5, 7, 9]), (0, [1, 3, 5, 7, 9]), (9, [9])])
def test_the_own_address_has_its_turn_when_the_other_keeps_failing(visits: int, turns: list[int]) -> None:
    assert [failures for failures in range(10) if is_own_turn(failures, Pace(move_visits=visits))] == turns


def to(url: str, believed: bool = True) -> Move:
    return Move(url, 3, START, believed)


@pytest.mark.parametrize(
    ("moves", "failing", "expected"),
    [
        ({}, [], {}),
        ({OLD: to(NEW), NEW: None}, [], {OLD: NEW}),
        ({OLD: to(NEW), OTHER: None}, [], {}),
        ({OLD: to(NEW, believed=False), NEW: None}, [], {}),
        ({OLD: to(NEW), NEW: to(OTHER, believed=False)}, [], {OLD: NEW}),
        ({OLD: to(NEW), "HTTPS://me:pw@NEW.example/feed": None}, [], {OLD: "HTTPS://me:pw@NEW.example/feed"}),
        ({OLD: to(NEW), OTHER: to(NEW), NEW: None}, [], {OLD: NEW, OTHER: NEW}),
        ({OLD: to(NEW), NEW: None}, [NEW], {}),
        ({OLD: to(NEW), NEW: None}, [OLD], {OLD: NEW}),
        ({OLD: to(NEW), NEW: to(OLD)}, [], {}),  # there and back: one of them has to be asked
        ({OLD: to(NEW), NEW: to(OTHER), OTHER: None}, [], {NEW: OTHER}),
        ({"seeds": None, "rsshub://a/b": None, OLD: to(NEW)}, [], {}),
    ],
)
def test_who_has_moved_to_where_another_is_need_not_be_asked(
    moves: dict[str, Move | None], failing: list[str], expected: dict[str, str]
) -> None:
    assert twins(moves, failing) == expected
