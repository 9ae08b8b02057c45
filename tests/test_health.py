"""How a source stands: the rules as tables, and what a series of visits leaves in the store."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import health
from aggregator.health import Health, State
from aggregator.model import Feed, Hints, Move
from aggregator.store import history
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, reading
from aggregator.store.history import Incident
from aggregator.store.sources import Standing
from tests.planet import NOON, Planet, rss
from tests.server import Server

pytestmark = pytest.mark.both_stores

HOST = "127.0.0.1"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HALF_A_MINUTE = timedelta(seconds=30)
FINE = Standing(
    id=1,
    key="https://news.example/feed",
    kind="feed",
    title="Example News",
    feed=Feed(),
    last_visit=NOON,
    last_success=NOON,
    next_visit=NOON + HOUR,
    reason="every 60 min",
    failures=0,
    error="",
    warnings=(),
    hints=Hints(),
    gone_since=None,
    gone=False,
    move=None,
    seconds=0.1,
)
MOVED = Move("https://user:secret@new.example/feed", 3, NOON, believed=True)


@pytest.mark.parametrize(
    ("fields", "state", "why"),
    [
        ({}, "ok", ""),
        ({"last_visit": None, "last_success": None}, "new", ""),
        ({"failures": 1, "error": "http 500: x"}, "degraded", "http 500"),
        ({"failures": 2, "error": "http 403: x"}, "degraded", "http 403"),
        ({"failures": 3, "error": "http 500: x"}, "failing", "http 500"),
        ({"failures": 1, "error": "dns: x", "last_success": None}, "failing", "dns"),
        ({"failures": 3, "error": "http 403: x"}, "blocked", "http 403"),
        ({"failures": 3, "error": "http 429: x"}, "blocked", "http 429"),
        ({"failures": 1, "error": "blocked: x", "last_success": None}, "blocked", "blocked"),
        ({"failures": 2, "error": "http 410: x", "gone": True}, "gone", "http 410"),
        ({"move": MOVED}, "moved", "to https://***@new.example/feed"),
        ({"move": replace(MOVED, believed=False)}, "ok", ""),
        ({"move": MOVED, "failures": 3, "error": "http 404: x"}, "failing", "http 404"),
        (
            {"move": MOVED, "same_as": "https://u:p@b.example/"},
            "moved",
            "to https://***@b.example/, which is a source already",
        ),
        ({"newest": NOON - 8 * DAY, "patience": 7 * DAY}, "quiet", "nothing new since 2026-03-06"),
        ({"newest": NOON - 7 * DAY, "patience": 7 * DAY}, "ok", ""),
        ({"newest": NOON - 800 * DAY, "patience": None}, "ok", ""),
        (
            {"newest": NOON - 8 * DAY, "patience": 7 * DAY, "failures": 1, "error": "dns: x"},
            "quiet",
            "nothing new since 2026-03-06",
        ),
        ({"warnings": ("it is cut short",)}, "degraded", "it is cut short"),
        ({"warnings": ("a", "b")}, "degraded", "2 warnings"),
        ({"seconds": 16.0}, "degraded", "takes 16 s of 30 s"),
        ({"seconds": 15.0}, "ok", ""),
    ],
)
def test_a_source_is_judged_by_its_last_visit(fields: dict[str, Any], state: State, why: str) -> None:
    found = health.judge(replace(FINE, **fields), HALF_A_MINUTE)
    assert (found.state, found.why) == (state, why)
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("http 404: https://x.example/: Not Found", "gone or moved: look at the site for the feed's new address"),
        ("http 418: https://x.example/: no", "the server does not like the request: look at the URL"),
        ("entities: https://x.example/: too many", "tell the publisher"),
        (
            'private address: x: 10.0.0.1 is none; if it is meant, add "10.0.0.1:80" to allow_networks in [fetch]',
            'if it is meant, add "HOST:PORT" to allow_networks in [fetch]',
        ),
        (
            "secret: the environment has no variable TOKEN; set it where aggregator runs",
            "set the variable, or write the file, that the config names, for cron or the service as well",
        ),
    ],
)
def test_advice_is_that_of_the_class(error: str, advice: str) -> None:
    assert health.judge(replace(FINE, failures=3, error=error), HALF_A_MINUTE).advice == advice


@pytest.mark.parametrize(
    ("days", "patience"),
    [
        (range(365), 7),  # daily
        ([day for day in range(365) if day % 7 < 5], 9),  # rests at weekends
        (range(0, 365, 7), 21),  # weekly
        (range(0, 365, 30), 90),
        ([*range(100), *range(113, 200)], 21),  # daily, with a fortnight's holiday
        ([*range(100), *range(300, 400)], 30),  # ... and half a year, which is no habit
        ([1, 2, 3, 4, 5], None),
        ([], None),
    ],
)
def test_patience_is_made_of_the_habit(days: Sequence[int], patience: int | None) -> None:
    assert health.patience(days) == patience


@given(st.lists(st.integers(0, 400), unique=True, max_size=100).map(sorted))
@settings(max_examples=100)
def test_patience_is_a_week_at_least_and_more_than_the_usual_gap(days: list[int]) -> None:
    found = health.patience(days)
    assert (found is None) == (len(days) < 6)
    if found is not None:
        gaps = [later - earlier for earlier, later in pairwise(days)]
        assert found >= 7
        assert sum(gap >= found for gap in gaps) <= len(gaps) / 10


BROKE = "News is failing: http 404\nlook"


@pytest.mark.parametrize(
    ("before", "state", "told"),
    [
        ("", "ok", ""),
        ("new", "ok", ""),
        ("new", "failing", BROKE),
        ("ok", "degraded", ""),
        ("degraded", "ok", ""),
        ("degraded", "failing", BROKE),
        ("failing", "failing", ""),
        ("failing", "blocked", ""),
        ("blocked", "failing", ""),
        ("failing", "gone", "News is gone for good: http 404\nlook"),
        ("gone", "failing", ""),
        ("failing", "ok", "News works again"),
        ("gone", "degraded", "News works again"),
        ("failing", "quiet", "News works again"),
        ("failing", "moved", "News works again, and has moved http 404\nlook"),
        ("ok", "moved", "News has moved http 404\nlook"),
        ("moved", "ok", ""),
        ("ok", "quiet", "News has gone quiet: http 404\nlook"),
        ("quiet", "degraded", "News is no longer quiet"),
        ("quiet", "failing", BROKE),
        ("quiet", "quiet", ""),
    ],
)
def test_what_an_owner_hears_of(before: str, state: State, told: str) -> None:
    assert health.news(before, Health(state, "http 404", "look"), "News") == told


# --- What visits leave in the store -----------------------------------------------------------------------------------


def looked(planet: Planet, number: int = 0) -> tuple[Standing, tuple[Incident, ...]]:
    """How a source stands, and what has happened to it, oldest first."""
    config = planet.load()
    engine = open_store(config.store)
    try:
        with reading(engine) as db:
            standing = stored.standings(db)[config.sources[number].key]
            return standing, history.incidents(db, source_id=standing.id)[::-1]
    finally:
        engine.dispose()


def told(planet: Planet) -> list[tuple[str, str]]:
    return [(each.before, each.state) for each in looked(planet)[1]]


def test_a_visit_is_logged_with_what_it_cost(planet: Planet, server: Server) -> None:
    body = rss([{"guid": "1", "title": "One", "date": NOON}])
    server.put("/feed", body, etag=True)
    server.redirect("/old", "/feed", status=302)
    planet.feed(server.url("/old", HOST))
    planet.run()
    planet.run(later=DAY)
    server.put("/feed", b"gone", status=404)
    planet.run(later=DAY)
    standing, _ = looked(planet)
    engine = open_store(planet.load().store)
    with reading(engine) as db:
        log = history.visits(db, standing.id)[::-1]
        traffic = [(each.status, each.requests, each.received, each.saved) for each in history.hours(db, NOON)]
        runs = history.runs(db)
        days = history.days(db, NOON)[standing.id]
    engine.dispose()
    size = len(body)
    assert [(each.status, each.outcome, each.new, each.received) for each in log] == [
        (200, "ok", 1, size),
        (304, "same", 0, 0),
        (404, "http 404", 0, 0),
    ]
    assert log[2].error.startswith("http 404: ")
    assert traffic == [(200, 2, size, 0), (304, 2, 0, size), (404, 2, 0, 0)]
    totals = (standing.visits, standing.requests, standing.unchanged, standing.received, standing.saved, standing.size)
    assert totals == (3, 6, 1, size, size, size)
    assert [(each.visits, each.failed, each.new) for each in days] == [(1, 0, 1), (1, 0, 0), (1, 1, 0)]
    assert [(run.by, run.visits, run.failed, run.new) for run in runs] == [
        ("once", 1, 1, 0),
        ("once", 1, 0, 0),
        ("once", 1, 0, 1),
    ]


def test_what_is_sent_once_more_saves_nothing(planet: Planet, server: Server) -> None:
    server.put("/feed", rss([{"guid": "1", "title": "One"}]))
    planet.feed(server.url("/feed", HOST))
    planet.run()
    planet.run(later=2 * DAY)
    standing, _ = looked(planet)
    assert (standing.visits, standing.unchanged, standing.saved) == (2, 1, 0)
    assert standing.received == 2 * standing.size > 0


def test_one_failure_is_none_and_lasting_trouble_is_told_once(planet: Planet, server: Server) -> None:
    def answer(status: int, times: int) -> None:
        server.put("/feed", rss([{"guid": "1", "title": "One"}]), status=status)
        for _ in range(times):
            planet.run(force=True, later=DAY)

    planet.feed(server.url("/feed", HOST), title="Example News")
    answer(200, 1)
    answer(404, 2)
    assert looked(planet)[0].state == "degraded"
    answer(200, 1)
    assert (looked(planet)[0].state, told(planet)) == ("ok", [])
    answer(404, 3)
    since = planet.now
    answer(403, 2)
    standing, _ = looked(planet)
    assert (standing.state, standing.state_since) == ("blocked", since)
    answer(200, 2)
    _, incidents = looked(planet)
    assert [(each.before, each.state) for each in incidents] == [("degraded", "failing"), ("blocked", "ok")]
    assert [each.text for each in incidents] == [
        "Example News is failing: http 404\ngone or moved: look at the site for the feed's new address",
        "Example News works again",
    ]


def test_what_has_never_worked_is_told_at_once(planet: Planet, server: Server) -> None:
    planet.feed(server.url("/nothing", HOST))
    planet.run()
    assert told(planet) == [("new", "failing")]


def test_gone_and_moved_are_told_once(planet: Planet, server: Server) -> None:
    server.put("/feed", rss([{"guid": "1", "title": "One"}]))
    planet.feed(server.url("/feed", HOST))
    planet.run()
    server.put("/new", rss([{"guid": "1", "title": "One"}]))
    server.redirect("/feed", "/new", status=301)
    for _ in range(5):
        planet.run(force=True, later=DAY)
    assert told(planet) == [("ok", "moved")]
    server.put("/new", b"", status=410)
    for _ in range(5):
        planet.run(force=True, later=DAY)
    assert told(planet)[:1] == [("ok", "moved")]
    assert looked(planet)[0].state in ("failing", "gone")


def test_a_daily_feed_that_stops_is_quiet_within_about_a_week_and_until_it_posts(
    planet: Planet, server: Server
) -> None:
    posts = [{"guid": str(day), "title": f"T{day}", "date": NOON - day * DAY} for day in range(20)]
    server.put("/feed", rss(posts), etag=True)
    planet.feed(server.url("/feed", HOST))
    states = []
    for _ in range(11):
        planet.run(force=True, later=DAY)
        states.append(looked(planet)[0].state)
    assert (states[:6], states[-4:]) == (["ok"] * 6, ["quiet"] * 4)
    server.put("/feed", rss([{"guid": "new", "title": "New", "date": planet.now}]), etag=True)
    planet.run(force=True, later=DAY)
    assert told(planet) == [("ok", "quiet"), ("quiet", "ok")]
    assert looked(planet)[1][0].text.startswith("A feed has gone quiet: nothing new since 2026-03-14\n")


def test_local_posts_are_logged_when_something_happens_to_them(planet: Planet) -> None:
    planet.post("a.md", title="A", date="2026-03-01T00:00:00Z")
    planet.seeds()
    for _ in range(3):
        planet.run(later=HOUR)
    assert looked(planet)[0].visits == 1
    planet.post("b.md", title="B", date="2026-03-02T00:00:00Z")
    planet.run(later=HOUR)
    assert looked(planet)[0].visits == 2
    (planet.root / "seeds" / "b.md").unlink()
    before = planet.files()
    planet.run(later=HOUR)
    assert looked(planet)[0].visits == 3
    assert planet.files() != before
    standing, _ = looked(planet)
    assert (standing.state, standing.patience) == ("ok", None)


def test_what_asks_nobody_is_logged_once(planet: Planet) -> None:
    planet.feed("http://10.0.0.1/")
    for _ in range(4):
        planet.run(later=HOUR)
    standing, incidents = looked(planet)
    assert (standing.state, standing.failures, standing.visits, standing.requests) == ("failing", 4, 1, 0)
    assert len(incidents) == 1


def test_new_entries_count_on_their_own_day(planet: Planet, server: Server) -> None:
    def days() -> dict[int, int]:
        engine = open_store(planet.load().store)
        with reading(engine) as db:
            found = history.days(db, NOON - 30 * DAY)[1]
        engine.dispose()
        return {each.number - history.day_number(NOON): each.new for each in found if each.new}

    def post(**dates: datetime | None) -> None:
        posts = [{"guid": guid, "title": guid} | ({"date": when} if when else {}) for guid, when in dates.items()]
        server.put("/feed", rss(posts))

    planet.feed(server.url("/feed", HOST))
    post(a=NOON - 20 * DAY, b=NOON - 10 * DAY, c=None, d=NOON + DAY)
    planet.run()
    assert days() == {-20: 1, -10: 1, 0: 2}
    post(a=NOON - 20 * DAY, e=NOON + DAY, f=NOON - 9 * DAY)
    planet.run(force=True, later=2 * DAY)
    assert days() == {-20: 1, -10: 1, 0: 2, 1: 1, 2: 1}


def test_a_run_without_anything_to_do_changes_no_byte(planet: Planet, server: Server) -> None:
    server.put("/feed", rss([{"guid": "1", "title": "One"}]), etag=True)
    planet.feed(server.url("/feed", HOST))
    planet.seeds()
    planet.run()
    before, times = planet.files(), planet.times()
    for _ in range(3):
        planet.run(later=timedelta(minutes=1))
    assert (planet.files(), planet.times()) == (before, times)


def test_a_source_that_left_takes_its_log_along(planet: Planet, server: Server) -> None:
    from aggregator import pruning

    planet.feed(server.url("/nothing", HOST))
    planet.run()
    planet.sources.clear()
    planet.run(later=HOUR)
    found = pruning.prune(planet.load(), planet.now, left=True, dry_run=False)
    assert len(found.left) == 1
    engine = open_store(planet.load().store)
    with reading(engine) as db:
        assert history.days(db, datetime(2020, 1, 1, tzinfo=UTC)) == {}
    engine.dispose()
