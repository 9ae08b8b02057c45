"""A busy source and a quiet one, a budget and a schedule, from the config to the requests."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator import listing
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, reading
from aggregator.store.sources import Standing
from tests.planet import NOON, Planet, rss
from tests.server import Server

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HOST = "127.0.0.2"


@pytest.fixture
def planet(tmp_path: Path) -> Planet:
    planet = Planet(tmp_path)
    del planet.fetch["interval_cap"]
    return planet


@pytest.fixture
def server() -> Iterator[Server]:
    with Server("0.0.0.0") as server:
        entries = {"/busy": HOUR, "/quiet": 60 * DAY}
        for path, apart in entries.items():
            items = [{"guid": f"{path}{n}", "title": f"Entry {n}", "date": NOON - n * apart} for n in range(1, 30)]
            server.put(path, rss(items), etag=True)
        yield server


def standings(planet: Planet) -> dict[str, Standing]:
    """How each source stands, by the path of its URL."""
    store = open_store(planet.load().store)
    with reading(store) as db:
        found = {key.rpartition("/")[2]: each for key, each in stored.standings(db).items()}
    store.dispose()
    return found


def asked(planet: Planet, server: Server, path: str, hours: int, step: timedelta = HOUR / 4) -> list[float]:
    """When a feed was asked while runs came at every `step`, in hours since noon."""
    seen = []
    while planet.now < NOON + hours * HOUR:
        before = len(server.log)
        planet.run()
        seen += [(planet.now - NOON) / HOUR for request in server.log[before:] if request.path == path]
        planet.now += step
    return seen


def test_a_busy_source_is_visited_more_often_than_a_quiet_one(planet: Planet, server: Server) -> None:
    planet.feed(server.url("/busy", HOST))
    planet.feed(server.url("/quiet", HOST))
    planet.run()
    busy, quiet = standings(planet)["busy"], standings(planet)["quiet"]
    assert HOUR <= busy.next_visit - NOON < HOUR + timedelta(minutes=1)
    assert 12 * HOUR < quiet.next_visit - NOON <= DAY + timedelta(minutes=1)
    assert (busy.reason, quiet.reason) == ("posts about 23 a day", "posts less than once a month")
    assert [each["reason"] for each in listing.sources(planet.load(), planet.now).values] == [busy.reason, quiet.reason]
    assert (quiet.rhythm.gap, quiet.rhythm.newest) == (60, NOON - 60 * DAY)


def test_what_comes_later_is_learned_and_failures_teach_nothing(planet: Planet, server: Server) -> None:
    planet.feed(server.url("/quiet", HOST))
    planet.run()
    before = standings(planet)["quiet"]
    server.put("/quiet", rss([{"guid": f"new{n}", "title": f"New {n}"} for n in range(9)]))
    planet.run(later=DAY + HOUR)
    after = standings(planet)["quiet"]
    assert after.rhythm.count > before.rhythm.count + 8
    assert after.rhythm.newest == planet.now
    server.put("/quiet", b"<html>no feed</html>")
    planet.run(later=3 * DAY)
    failed = standings(planet)["quiet"]
    assert (failed.failures, failed.rhythm) == (1, after.rhythm)


def test_a_shorter_cap_holds_within_the_hour(planet: Planet, server: Server) -> None:
    planet.feed(server.url("/quiet", HOST))
    planet.run()
    planet.run(later=4 * HOUR)
    assert len(server.log) == 1
    planet.sources[0]["interval_cap"] = "3h"
    planet.run()
    assert timedelta() < standings(planet)["quiet"].next_visit - planet.now <= HOUR  # at a moment of its own
    planet.run(later=HOUR)
    assert len(server.log) == 2
    assert standings(planet)["quiet"].next_visit - planet.now <= 3 * HOUR + timedelta(minutes=1)


def test_a_budget_of_requests(planet: Planet, server: Server) -> None:
    for host in range(2, 8):
        planet.feed(server.url("/busy", f"127.0.0.{host}"))
    planet.fetch["max_requests_per_hour"] = 2
    planet.run()
    planet.run(later=HOUR * 2)  # the first visits were planned before anything was known
    number = len(server.log)
    for _ in range(24):
        planet.run(later=HOUR)
    assert number < len(server.log) <= number + 2 * 24


@pytest.mark.parametrize(
    ("schedule", "zone", "hours"),
    [
        ("0 7 * * *", "Asia/Shanghai", [0, 11, 35]),
        ("6h", "UTC", [0, 6, 12, 18, 24, 30, 36]),
        ("30 13 15 * *", "UTC", [0, 25.5]),
    ],
)
def test_a_schedule_of_the_config_holds(
    planet: Planet, server: Server, schedule: str, zone: str, hours: list[float]
) -> None:
    planet.feed(server.url("/busy", HOST), schedule=schedule, timezone=zone)
    found = asked(planet, server, "/busy", 40)
    assert len(found) == len(hours)
    assert all(0 <= one - other <= 0.5 * place for place, (one, other) in enumerate(zip(found, hours, strict=True)))


def test_a_schedule_that_is_set_later_holds_at_once(planet: Planet, server: Server) -> None:
    planet.feed(server.url("/busy", HOST))
    planet.run()
    planet.sources[0]["schedule"] = "0 7 * * *"
    planet.now += HOUR / 4
    assert asked(planet, server, "/busy", 20) == [19]
    assert standings(planet)["busy"].reason == "scheduled at 0 7 * * * (UTC)"
