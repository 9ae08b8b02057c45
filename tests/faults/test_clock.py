"""The clock of the machine is set: by an hour, a day, to 1970 and 2040, and over both ends of summer time."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from aggregator import pruning
from aggregator.planning import checked
from aggregator.steps import Every
from aggregator.store.clocks import Clock, judged, settled, trusted
from aggregator.store.engine import open_store, writing
from tests.faults.amounts import much, told
from tests.planet import NOON, Planet, rss
from tests.running import Running, running, until
from tests.server import Server

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime.now(UTC)
PATIENCE = 60.0  # seconds for what takes two on an idle machine
EPOCH, FAR = datetime(1970, 1, 2, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
JUMPS = {"an hour ahead": HOUR, "an hour back": -HOUR, "a day ahead": DAY, "a day back": -DAY}
JUMPS |= {"far ahead": FAR - NOW, "long ago": EPOCH - NOW}
WRONG = re.compile(rb">[^<]*\b(?:2040|1970)\b|(?:2040|1970)-\d\d-\d\d")


def entries(*titles: str) -> bytes:
    """A feed of entries that were posted in the last days, except for those whose name begins with `undated`."""
    every = [{"guid": each, "title": each} for each in titles]
    return rss(each if each["title"].startswith("undated") else each | {"date": NOON - DAY} for each in every)


def dates(planet: Planet) -> dict[str, tuple[str, str]]:
    """The dates of all that is published, by title."""
    return {each.title: (each.published, each.updated) for each in planet.published().entries}


# --- once -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [each if abs(each) < 365 * DAY else NOW + each - NOON for each in JUMPS.values()])
def test_a_run_by_a_wrong_clock_does_no_harm(planet: Planet, server: Server, there: timedelta) -> None:
    """Nothing is dated by it, nothing removed, nobody asked too often, and after it all goes on within an interval."""
    url = server.url("/feed", host="127.0.0.2")
    planet.feed(url, keep_for="30d", interval="1h", unvalidated="1h")
    planet.seeds()
    planet.post("later.md", title="Later", date="2035-01-01")
    server.put("/feed", entries("old", "undated old"), etag=True)
    planet.run()
    before = dates(planet)
    assert before.keys() == {"old", "undated old"}

    server.put("/feed", entries("new", "undated new", "old", "undated old"), etag=True)
    planet.run(later=there)
    planet.run(later=timedelta(minutes=1))
    assert len(server.log) <= 2, "a burst"
    planet.run(later=2 * HOUR)  # whatever was planned: it goes by this clock as well
    assert len(server.log) in (2, 3)
    wrong = dates(planet)
    assert wrong.items() > before.items() and wrong.keys() == {"new", "undated new", "old", "undated old"}
    if abs(there) > 365 * DAY:
        assert not any(WRONG.search(each) for each in planet.files().values())
        assert wrong["undated new"] == wrong["undated old"]

    asked = len(server.log)
    planet.now = NOON + HOUR
    for _ in range(7):
        planet.run(later=timedelta(minutes=10, seconds=10))
    assert len(server.log) in (asked + 1, asked + 2), "in one interval and a bit"
    assert dates(planet) == wrong
    assert planet.run(later=31 * DAY).published.failed == 0
    assert dates(planet).keys() & {"old", "new"} == set(), "what is old goes in its time"


def test_what_was_removed_for_good_stays_away(planet: Planet, server: Server) -> None:
    planet.feed(server.url("/feed", host="127.0.0.2"), keep_for="30d", interval="1h", unvalidated="1h")
    server.put("/feed", rss([{"guid": "1", "title": "Old", "date": NOON - 40 * DAY}]), etag=True)
    assert planet.run().published.failed == 0
    assert dates(planet) == {}
    server.put("/feed", entries("new"), etag=True)
    planet.run(later=FAR - NOON)
    assert not pruning.prune(planet.load(), planet.now)
    server.put("/feed", rss([{"guid": "1", "title": "Old again"}, {"guid": "new", "title": "new"}]), etag=True)
    planet.now = NOON + 2 * HOUR
    planet.run()
    assert dates(planet).keys() == {"new"}


@pytest.mark.parametrize(
    ("before", "now", "believed", "doubted"),
    [
        (None, FAR, FAR, None),  # nobody knows better
        (Clock(NOON), NOON - 365 * DAY, NOON - 365 * DAY, None),
        (Clock(NOON), FAR, NOON, FAR),
        (Clock(NOON), EPOCH, NOON, EPOCH),
        (Clock(NOON, FAR), FAR + 6 * DAY, NOON, FAR),
        (Clock(NOON, FAR), FAR + 7 * DAY, FAR + 7 * DAY, None),  # it has gone on so
        (Clock(NOON, FAR), FAR + 700 * DAY, NOON, FAR + 700 * DAY),  # it has jumped again
        (Clock(NOON, FAR), EPOCH, NOON, EPOCH),
        (Clock(NOON, FAR), NOON + DAY, NOON + DAY, None),  # it is right again
    ],
)
def test_when_a_clock_is_believed(
    before: Clock | None, now: datetime, believed: datetime, doubted: datetime | None
) -> None:
    assert judged(before, now) == Clock(believed, doubted)


def test_a_certificate_proves_the_clock(planet: Planet, server: Server) -> None:
    """A planet that has rested for years does not wait, when it has visited a site whose certificate was checked."""
    server.put("/feed", entries("old"))
    planet.feed(key := server.url("/feed", host="127.0.0.2"), interval="1h", unvalidated="1h")
    planet.feed("https://127.0.0.3:9/sound")
    planet.feed("https://127.0.0.3:9/own", verify=False)
    planet.run()
    late = NOON + 800 * DAY
    assert any("the clock says 2028-05-22" in note for note in planet.run(later=800 * DAY).notes)
    engine = open_store(planet.load().store)
    with writing(engine) as db:
        assert checked(planet.load()) == ["https://127.0.0.3:9/sound"]
        assert settled(db, late, ["https://127.0.0.3:9/sound"]).doubted, "it did not answer"
        assert trusted(db, late + HOUR) == NOON
        assert settled(db, late + HOUR, [key]) == Clock(late + HOUR)
        assert trusted(db, late + 2 * HOUR) == late + 2 * HOUR
    engine.dispose()


# --- The daemon, on a machine whose clock is set ----------------------------------------------------------------------


@pytest.fixture
def fake() -> Path:
    """The library that gives a process a clock of its own."""
    found = next(Path("/usr").glob("lib*/**/faketime/libfaketime.so.1"), None)
    if found is None and not os.environ.get("CI"):
        pytest.skip("libfaketime is not installed")
    assert found, "libfaketime is not installed"
    return found


def environment(fake: Path, **how: str) -> dict[str, str]:
    """What gives a process a clock of its own, all but the monotonic one, which nobody can set."""
    return {"LD_PRELOAD": str(fake), "TZ": "Europe/Berlin", "FAKETIME_DONT_FAKE_MONOTONIC": "1", **how}


def set_off(clock: Path, by: timedelta) -> None:
    """Set a clock, which a process reads once a second."""
    beside = clock.with_name("clock.new")
    beside.write_text(f"{by.total_seconds():+.0f}")
    beside.replace(clock)


def quick(planet: Planet, server: Server, hosts: int = 3) -> Callable[[str], None]:
    """Feeds on so many hosts, each asked every two seconds. Returns what posts an entry, without a date, to all."""
    planet.fetch |= {"interval": "2s", "interval_cap": "2s", "unvalidated": "2s", "backoff_cap": "2s"}
    planet.site |= {"items": 100}
    titles = ["undated"]

    def post(title: str) -> None:
        titles.append(title)
        for host in range(hosts):
            server.put(f"/{host}", entries(*(f"{each} of {host}" for each in titles)), etag=True)

    for host in range(hosts):
        planet.feed(server.url(f"/{host}", host=f"127.0.0.{host + 2}"), keep_for="30d")
    return post


def gaps(server: Server) -> list[float]:
    """The seconds between any two requests to one host that follow each other."""
    hosts = {each.headers["host"] for each in server.log}
    times = [[each.time for each in server.log if each.headers["host"] == host] for host in sorted(hosts)]
    return [later - earlier for own in times for earlier, later in pairwise(own)]


def test_a_clock_that_is_set_under_the_daemon(planet: Planet, server: Server, fake: Path) -> None:
    clock, post = planet.root / "clock", quick(planet, server)
    set_off(clock, timedelta())
    names = [*reversed(JUMPS)][: much(1, len(JUMPS))]
    reads = environment(fake, FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_CACHE_DURATION="1")
    with running(planet, environment=reads) as daemon:
        post("undated at first")
        until(lambda: len(daemon.titles()) == 6, daemon.said, PATIENCE)
        known = dates(planet)
        for name in names:
            for where, by in ((name, JUMPS[name]), (f"after {name}", timedelta())):
                _set(daemon, server, clock, by, by or -JUMPS[name])
                post(f"undated {where}")
                until(partial(_is_out, daemon, where), daemon.said, PATIENCE)
                met = dates(planet)
                assert met.items() >= known.items(), "a date has changed"
                assert not any(WRONG.search(each) for each in planet.files().values())
                known = met
        assert daemon.end()[0] == 0
        assert [each for each in daemon.events() if each["level"] == "error"] == []
    assert min(gaps(server)) > 0.9, "a burst"
    told("clock set under the daemon", jumps=2 * len(names), visits=len(server.log), longest_gap=max(gaps(server)))


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=2.5), 50 * 365 * DAY])
def test_what_was_missed_is_made_up_for_once(late: timedelta) -> None:
    """However far the clock has jumped, the next time is one step from it, in the same steps as before."""
    trigger = Every(seconds=1, start_date=NOON, timezone=UTC)
    following = trigger.get_next_fire_time(NOON, NOON + late)
    assert following and timedelta(0) < following - (NOON + late) <= timedelta(seconds=1)
    assert following.microsecond == 0


def _is_out(daemon: Running, where: str) -> bool:
    return any(where in each for each in daemon.titles())


def _set(daemon: Running, server: Server, clock: Path, off: timedelta, by: timedelta) -> None:
    """Set the clock, so far off: the daemon notices by how much, and asks everybody within an interval."""
    before = len(daemon.events("clock"))
    set_off(clock, off)

    def is_noticed() -> bool:
        return any(abs(each["seconds"] - by.total_seconds()) < 60 for each in daemon.events("clock")[before:])

    until(is_noticed, daemon.said, PATIENCE)
    asked = len(server.log)
    until(lambda: len({each.path for each in server.log[asked:]}) == 3, daemon.said, PATIENCE)


@pytest.mark.parametrize("change", ["spring", "autumn"][: much(1, 2)])
def test_summer_time_begins_and_ends(planet: Planet, server: Server, fake: Path, change: str) -> None:
    """Nothing is noticed of it: the visits go on in their steps."""
    post, off = quick(planet, server), _change(change) - timedelta(seconds=6) - datetime.now(UTC)
    with running(planet, environment=environment(fake, FAKETIME=f"{off.total_seconds():+.0f}")) as daemon:
        post("undated at first")
        until(
            lambda: daemon.events() and daemon.events()[-1]["time"] >= _change(change).isoformat(),
            daemon.said,
            PATIENCE,
        )
        asked = len(server.log)
        until(lambda: len(server.log) >= asked + 6, daemon.said, PATIENCE)
        assert daemon.events("clock") == []
        assert daemon.end()[0] == 0
    assert min(gaps(server)) > 0.9, "a burst"


def _change(change: str) -> datetime:
    """When summer time begins or ends next, in Berlin (UTC)."""
    zone, day = ZoneInfo("Europe/Berlin"), NOW.replace(hour=1, minute=0, second=0, microsecond=0) + DAY
    while True:
        before, after = (each.astimezone(zone).utcoffset() for each in (day - HOUR, day))
        if before != after and (day.month < 6) == (change == "spring"):
            return day
        day += DAY
