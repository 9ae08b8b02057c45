"""Which sources a run visits, in which order, and when it comes again where nobody could be asked."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from aggregator import config, planning, schedule
from aggregator.errors import ConfigError
from aggregator.listing import sources
from aggregator.model import Pace
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, reading, writing
from tests.planet import NOON, Planet, places, rss
from tests.server import Request, Response, Server

HOST, OTHER = "127.0.0.2", "127.0.0.3"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PRIVATE = "http://10.0.0.1"


def story(name: str) -> bytes:
    return rss([{"guid": name, "title": name, "link": f"https://news.example/{name}", "description": f"Of {name}."}])


def busy(server: Server, path: str, status: int = 503, **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    server.script(path, lambda request: Response(b"", status, named))


def planned(planet: Planet) -> dict[str, timedelta]:
    """In which time each source is visited, by its path."""
    found = sources(planet.load(), planet.now).values
    return {each["key"].rpartition("/")[2]: datetime.fromisoformat(each["next_visit"]) - planet.now for each in found}


# --- What is tried by every run -------------------------------------------------------------------------------------


def redirected(planet: Planet, server: Server) -> None:
    server.redirect("/feed", f"{PRIVATE}/feed", 302)
    planet.feed(server.url("/feed", HOST))


def linked(planet: Planet, server: Server) -> None:
    page = f'<html><head><link rel="alternate" type="application/rss+xml" href="{PRIVATE}/feed"></head></html>'
    server.put("/feed", page.encode(), headers={"Content-Type": "text/html"})
    planet.feed(server.url("/feed", HOST))


def mirrored(planet: Planet, server: Server) -> None:
    server.put("/a/b", b"", status=500)
    planet.fetch["rsshub"] = [PRIVATE, server.url("", HOST)]
    planet.feed("rsshub://a/b")


def to_silence(planet: Planet, server: Server) -> None:
    busy(server, "/silent", retry_after="864000")
    server.redirect("/feed", server.url("/silent", OTHER), 302)
    planet.feed(server.url("/silent", OTHER))
    planet.feed(server.url("/feed", HOST))


def mirrors_in_silence(planet: Planet, server: Server) -> None:
    server.script("/a/b", lambda r: _answer(r.headers["host"]))
    planet.fetch["rsshub"] = [server.url("", HOST), server.url("", OTHER)]
    planet.feed("rsshub://a/b")


def _answer(host: str) -> Response:
    return Response(b"", 404) if host.startswith(OTHER) else Response(b"", 429, {"Retry-After": "864000"})


@pytest.mark.parametrize("build", [redirected, linked, mirrored, to_silence, mirrors_in_silence])
def test_a_visit_that_asked_somebody_is_no_visit_that_asked_nobody(
    planet: Planet, server: Server, build: Callable[[Planet, Server], None]
) -> None:
    planet.fetch["allow_networks"] = ["127.0.0.0/24"]
    build(planet, server)
    planet.run()
    first = len(server.log)
    for _ in range(10):
        planet.run(later=5 * MINUTE)
    assert len(server.log) == first > 0
    for _ in range(24):
        planet.run(later=HOUR)
    assert len(server.log) - first <= 5 * first, "it backs off like any other failure"
    assert min(each["failures"] for each in sources(planet.load(), planet.now).values) > 0


@pytest.mark.parametrize(
    ("url", "mirrors"), [(f"{PRIVATE}/feed", []), ("rsshub://a/b", []), ("rsshub://a/b", [PRIVATE])]
)
def test_what_the_config_forbids_is_tried_by_every_run(planet: Planet, url: str, mirrors: list[str]) -> None:
    planet.fetch["rsshub"] = mirrors
    planet.feed(url)
    for _ in range(3):
        assert len(planet.run(later=MINUTE).failed) == 1


# --- Hosts that want silence ----------------------------------------------------------------------------------------


def test_a_shorter_interval_counts_from_the_change_on_and_is_no_stampede(planet: Planet, server: Server) -> None:
    planet.fetch |= {"interval": "24h", "interval_cap": "24h"}
    for number in range(30):
        server.put(f"/{number}", story(str(number)), etag=True)
        planet.feed(server.url(f"/{number}", HOST))
    planet.run()
    assert min(planned(planet).values()) >= DAY
    server.log.clear()
    planet.fetch |= {"interval": "2h", "interval_cap": "2h"}
    planet.run(later=HOUR)  # within the new interval
    assert {round(wait / HOUR) for wait in planned(planet).values()} == {1}
    assert not server.log
    planet.fetch |= {"interval": "30m", "interval_cap": "30m"}
    planet.run()  # all would be over by now
    waits = planned(planet).values()
    assert not server.log
    assert timedelta(0) < min(waits) <= max(waits) <= 31 * MINUTE
    assert max(Counter(wait // (3 * MINUTE) for wait in waits).values()) <= 10, "they are spread"
    planet.run()  # and stay where they are, as nothing has changed
    assert sorted(planned(planet).values()) == sorted(waits)
    planet.run(later=31 * MINUTE)
    assert len(server.log) == 30
    planet.fetch |= {"interval": "24h", "interval_cap": "24h"}
    planet.run(later=MINUTE)
    assert max(planned(planet).values()) < HOUR, "a plan that was made is kept where the new one is later"


def test_force_does_not_pull_plans_forward(planet: Planet, server: Server) -> None:
    server.put("/week", story("a"), etag=True, headers={"Cache-Control": "max-age=604800"})
    busy(server, "/busy", 429, retry_after="7200")
    for path in ("/week", "/busy"):
        planet.feed(server.url(path, HOST))
    planet.run()
    before = planned(planet)["week"]
    assert before >= 7 * DAY
    planet.run(later=HOUR, force=True)
    assert planned(planet)["week"] == before - HOUR
    server.log.clear()
    planet.run(later=2 * HOUR)
    assert places(server) == [f"{HOST}/busy"]


def test_the_sources_of_a_silent_host_come_again_at_different_moments(planet: Planet, server: Server) -> None:
    planet.fetch["jitter"] = 0.1
    busy(server, "/busy", retry_after="7200")
    planet.feed(server.url("/busy", HOST))
    for number in range(20):
        planet.feed(server.url(f"/{number}", HOST))
    planet.run()
    waits = [wait for path, wait in planned(planet).items() if path != "busy"]
    assert len(set(waits)) > 5
    assert 2 * HOUR - 2 * timedelta(seconds=1) <= min(waits) <= max(waits) <= 2 * HOUR + 2 * MINUTE


@pytest.mark.parametrize("wait", [timedelta(0), timedelta(seconds=5), HOUR, 30 * DAY, timedelta.max])
def test_a_pause_is_never_cut_short(wait: timedelta) -> None:
    until = schedule.after_pause(NOON, "key", Pace(), wait)
    least = min(wait, timedelta(days=36500))
    assert least <= until - NOON <= least + MINUTE


# --- Whose turn it is -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("every", "runs"), [(HOUR, 5 * 24), (DAY, 30)])
def test_a_feed_that_always_fails_does_not_starve_the_others_of_its_host(
    planet: Planet, server: Server, every: timedelta, runs: int
) -> None:
    busy(server, "/busy")
    planet.feed(server.url("/busy", HOST))
    for name in ("a", "b", "c"):
        server.put(f"/{name}", story(name), etag=True)
        planet.feed(server.url(f"/{name}", HOST))
    for _ in range(runs):
        planet.run(later=every)
    counts = Counter(place[-1] for place in places(server))
    assert min(counts[name] for name in "abc") >= runs * 0.4
    assert counts["y"] >= 3, "it is not given up"


def test_those_that_wait_longest_come_first_and_those_that_fail_last(planet: Planet, server: Server) -> None:
    def visited() -> str:
        server.log.clear()
        planet.run(later=DAY, force=True)
        return "".join(place[-1] for place in places(server))

    for name in "abcd":
        server.put(f"/{name}", story(name), etag=True)
    for name in "ab":
        planet.feed(server.url(f"/{name}", HOST))
    server.put("/a", b"", status=404)
    assert visited() == "ab"
    planet.feed(server.url("/c", HOST))
    server.put("/b", b"", status=404)
    assert visited() == "cba", "a new one first, the one that failed last"
    planet.feed(server.url("/d", HOST))
    assert visited() == "dcba", "the fewer failures, the earlier"
    for name in "ab":
        server.put(f"/{name}", story(name), etag=True)
    assert visited() == "cdba", "as the config has them, where they are equal"
    assert visited() == "abcd"


def test_the_slowest_of_last_time_comes_first(planet: Planet, server: Server) -> None:
    def visited() -> str:
        server.log.clear()
        planet.run(later=DAY, force=True)
        return "".join(place[-1] for place in places(server))

    def slow(path: str, seconds: float) -> None:
        def answer(request: Request) -> Response:
            time.sleep(seconds)
            return Response(story(path[1:]))

        server.script(path, answer)

    # One at a time: who waits for the others, for its turn at their host or for its spacing, is not slow for that.
    planet.fetch |= {"concurrency": 1, "spacing": "0.6s"}
    for name, seconds, host in (("a", 0, HOST), ("b", 0.8, "127.0.0.4"), ("c", 1.7, OTHER), ("d", 0, OTHER)):
        slow(f"/{name}", seconds)
        planet.feed(server.url(f"/{name}", host))
    assert visited() == "abcd"
    for name in "bc":
        server.put(f"/{name}", story(name), etag=True)
    assert visited() == "cbad"
    assert visited() == "abcd", "it is the last visit that counts"


# --- Secrets that are not there -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"basic": "env:MISSING"}, "secret: the environment has no variable MISSING; set it where aggregator runs"),
        ({"proxy": "env:MISSING"}, "secret: the environment has no variable MISSING; set it where aggregator runs"),
        ({"headers": {"X": "env:MISSING"}, "bearer": "env:MISSING"}, "secret: the environment has no variable MISSING"),
        ({"bearer": "file:nowhere"}, "nowhere cannot be read; write the secret into it"),
    ],
)
def test_a_secret_that_is_not_there_stops_its_source_only(
    planet: Planet, server: Server, monkeypatch: pytest.MonkeyPatch, keys: dict[str, object], said: str
) -> None:
    monkeypatch.delenv("MISSING", raising=False)
    server.put("/ours", story("ours"), etag=True)
    server.put("/theirs", story("theirs"), etag=True)
    planet.feed(server.url("/theirs", OTHER), **keys)
    planet.feed(server.url("/ours", HOST))
    report = planet.run()
    assert [said in outcome.error for outcome in report.failed] == [True]
    assert report.failed[0].error.count("MISSING") <= 1
    assert places(server) == [f"{HOST}/ours"]
    assert planet.titles() == ["ours"]

    command = [sys.executable, "-m", "aggregator"]
    env = {"PYTHONPATH": str(Path(__file__).parents[1])}

    def cli(*words: str) -> "subprocess.CompletedProcess[str]":
        whole = [*command, *words]
        return subprocess.run(whole, cwd=planet.root, env=env, capture_output=True, text=True, check=False)

    listed = cli("list", "sources")
    assert (listed.returncode, listed.stderr) == (0, "")
    checked = cli("check")
    assert checked.returncode == 2
    first = next(iter(keys))
    line = next(n for n, text in enumerate(planet.write().read_text().splitlines(), 1) if text.startswith(first))
    assert f"aggregator.toml:{line}: source[1].{first}" in checked.stderr

    monkeypatch.setenv("MISSING", "me:word" if "proxy" not in keys else server.url("/", OTHER))
    (planet.root / "nowhere").write_text("t0ken")
    assert planet.run(later=MINUTE).failed == () or "proxy" in keys, "by the next run, as that asked nobody"


def test_a_secret_in_the_config_itself_is_still_a_mistake(planet: Planet) -> None:
    planet.feed("https://news.example/", basic="me:hunter2")
    with pytest.raises(ConfigError):
        config.load(planet.write())


# --- What the daemon asks -------------------------------------------------------------------------------------------


@pytest.fixture
def twins(planet: Planet, server: Server) -> Iterator[tuple[Planet, Engine, list[str]]]:
    """A planet with a feed that has moved to where another one is, its store, and the keys: old, new, and another."""
    keys = [server.url(path, host=HOST) for path in ("/old", "/new", "/other")]
    server.redirect("/old", keys[1], 301)
    for path in ("/new", "/other"):
        server.put(path, story(path), etag=True)
    for key in keys:
        planet.feed(key, category=key.rpartition("/")[2], move_visits=1, move_after="0s")
    for _ in range(2):
        planet.run(later=2 * DAY)
    engine = open_store(planet.load().store)
    yield planet, engine, keys
    engine.dispose()


def test_some_sources_are_planned_as_all_are(twins: tuple[Planet, Engine, list[str]]) -> None:
    planet, engine, keys = twins
    config, later = planet.load(), planet.now + 2 * DAY
    due = planning.prepare(engine, config, later).due
    assert {source.key: source.categories for source, _ in due} == {
        keys[1]: (("new",), ("old",)),
        keys[2]: (("other",),),
    }
    for some in (keys[:1], keys[:2], keys[1:], keys, []):
        plan = planning.prepare(engine, config, later, among=some)
        assert plan.due == [each for each in due if each[0].key in some]
        assert plan.standings.keys() == set(some)
    assert planning.prepare(engine, config, planet.now, among=keys).due == []


def test_the_store_says_what_is_due(twins: tuple[Planet, Engine, list[str]]) -> None:
    planet, engine, keys = twins
    with reading(engine) as db:
        assert set(stored.due(db, planet.now + 2 * DAY)) == set(keys)
        assert set(stored.due(db, planet.now)) <= {keys[0]}
    planet.sources = planet.sources[:2]
    planning.align(engine, planet.load(), planet.now)
    with reading(engine) as db:
        assert set(stored.due(db, planet.now + 2 * DAY)) == set(keys[:2]), "what has left the config never is"


def test_plans_go_back_with_the_clock(twins: tuple[Planet, Engine, list[str]]) -> None:
    _, engine, keys = twins
    with reading(engine) as db:
        before = stored.standings(db)
    last = before[keys[2]].last_visit
    assert last
    for now, by in ((last, timedelta()), (last - HOUR, HOUR)):
        with writing(engine) as db:
            stored.set_back(db, now, -HOUR.total_seconds())
            after = stored.standings(db)
        assert after[keys[2]].next_visit == before[keys[2]].next_visit - by
        assert after[keys[2]].last_visit == last - by
