"""The checklist of polite fetching, points 10 to 13, 16, 17 and 20 to 24: what hosts find in the request log, in trouble above
all.

Whole runs at moments of our choosing; each test is named after its point and looks at nothing but the server's log.
"""

import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from aggregator import pipeline
from tests.planet import NOON, Planet, once, places, rss, started
from tests.server import Raw, Request, Response, Server

HOST, OTHER, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STORY = {"guid": "g1", "title": "A story", "link": "https://news.example/1", "description": "What happened."}
FEED = rss([STORY])
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def busy(server: Server, *paths: str, status: int = 429, **headers: str) -> None:
    """Answer with a status that asks for silence, or another one."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    for path in paths:
        server.script(path, lambda request: Response(b"", status, named))


def asked(planet: Planet, server: Server, hours: Iterable[float], where: str = "") -> list[float]:
    """Run at each of these hours after noon: at which of them a request came to `where`, never more than one."""
    found = []
    for hour in hours:
        server.log.clear()
        planet.now = NOON + hour * HOUR
        planet.run()
        requests = [place for place in places(server) if place.startswith(where)]
        assert len(requests) <= 1
        found += [hour] if requests else []
    return found


def quarters(hours: float) -> list[float]:
    return [number / 4 for number in range(int(hours * 4) + 1)]


# --- Hosts that want silence ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "said", "until"),
    [
        (429, "7200", 2),
        (503, "7200", 2),
        (503, "date", 2),
        (429, "date", 2),
        (429, "", 1),
        (503, "", 1),
        (429, "soon", 1),
        (429, "9" * 30, 30 * 24),
    ],
)
def test_10_11_a_host_that_asks_for_silence_hears_nothing_about_any_feed(
    planet: Planet, server: Server, status: int, said: str, until: int
) -> None:
    if said == "date":  # by the server's clock, which is months from ours
        said = format_datetime(datetime.now(UTC) + 2 * HOUR, usegmt=True)
    busy(server, "/a", "/b", "/c", status=status, **({"Retry_After": said} if said else {}))
    server.put("/fine", FEED, etag=True)
    for path in ("/a", "/b", "/c"):
        planet.feed(server.url(path, HOST))
    planet.feed(server.url("/fine", OTHER), interval="30s", interval_cap="30s")
    hours = [0, 0.5, until - 0.01, until + 0.01]
    assert asked(planet, server, hours, HOST) == [0, until + 0.01]
    assert places(server).count(f"{OTHER}/fine") == 1, "other hosts are not concerned"


def test_10_without_retry_after_the_silence_doubles_up_to_its_cap(planet: Planet, server: Server) -> None:
    busy(server, "/a", "/b")
    planet.fetch |= {"interval": "10m", "interval_cap": "10m", "pause_cap": "4h", "backoff_cap": "10m"}
    planet.feed(server.url("/a", HOST))
    planet.feed(server.url("/b", HOST))
    assert asked(planet, server, quarters(13)) == [0, 1.25, 3.5, 7.75, 12]


def test_10_a_success_ends_the_doubling(planet: Planet, server: Server) -> None:
    planet.fetch |= {"interval": "10m", "interval_cap": "10m", "backoff_cap": "10m"}
    planet.feed(server.url("/a", HOST))
    busy(server, "/a")
    assert asked(planet, server, [0, 0.9, 1.1]) == [0, 1.1]
    server.put("/a", FEED, etag=True)
    assert asked(planet, server, [3.0, 3.2]) == [3.2]
    busy(server, "/a")
    assert asked(planet, server, [4, 4.9, 5.1]) == [4, 5.1]


def test_10_a_server_of_ones_own_is_silent_about_the_one_feed_only(planet: Planet, server: Server) -> None:
    planet.fetch["allow_networks"] = [f"{HOST}:{server.port}"]
    busy(server, "/a", Retry_After="7200")
    for path in ("/a", "/b"):
        planet.feed(server.url(path, HOST))
    server.put("/b", FEED, etag=True)
    assert asked(planet, server, [1.1, 1.2], f"{HOST}/b") == [1.1]
    assert asked(planet, server, [2.9, 3.2], f"{HOST}/a") == [3.2]


def test_10_force_and_other_processes_keep_the_silence_too(planet: Planet, server: Server) -> None:
    busy(server, "/a", "/b", Retry_After="3600")
    planet.feed(server.url("/a", HOST))
    planet.feed(server.url("/b", HOST))
    once(planet)
    assert len(server.log) == 1
    once(planet, "--force")
    planet.now = datetime.now(UTC)
    planet.run(force=True)
    assert len(server.log) == 1
    planet.run(
        force=True, later=HOUR + timedelta(seconds=3)
    )  # the store rounds up, and two runs may take less than that
    assert len(server.log) == 2


def test_10_a_redirect_into_a_silent_host_is_not_followed(planet: Planet, server: Server) -> None:
    busy(server, "/a", Retry_After="7200")
    planet.feed(server.url("/a", HOST))
    planet.run()
    server.redirect("/b", server.url("/feed", HOST))
    planet.feed(server.url("/b", OTHER))
    planet.run(later=HOUR)
    assert places(server) == [f"{HOST}/a", f"{OTHER}/b"]


# --- Sources in trouble ---------------------------------------------------------------------------------------------


def test_12_a_410_is_believed_the_second_time_a_day_later(planet: Planet, server: Server) -> None:
    busy(server, "/a", status=410)
    planet.feed(server.url("/a", HOST))
    hours = [0, 1.1, 12, 23.9, 24.1, 26, 49, 24 * 9, 24 * 60]
    assert asked(planet, server, hours) == [0, 24.1]


def test_12_one_410_is_forgotten_when_the_feed_is_back(planet: Planet, server: Server) -> None:
    planet.feed(server.url("/a", HOST))
    busy(server, "/a", status=410)
    assert asked(planet, server, [0, 23.9]) == [0]
    server.put("/a", FEED, etag=True)
    assert asked(planet, server, [24.1, 25.2]) == [24.1, 25.2]
    busy(server, "/a", status=410)
    assert asked(planet, server, [27, 50, 51.1, 90]) == [27, 51.1]


@pytest.mark.parametrize(
    ("trouble", "hours", "expected"),
    [
        ("404", [0, 0.9, 1.1, 3, 3.2, 7.1, 7.3, 11.2, 11.4, 15.3, 15.5], [0, 1.1, 3.2, 7.3, 11.4, 15.5]),
        ("500", quarters(8), [0, 1.25, 3.5, 7.75]),
        ("reset", quarters(4), [0, 1.25, 3.5]),
        ("garbage", [0, 0.9, 1.1, 3, 3.2], [0, 1.1, 3.2]),
        ("page", [0, 0.9, 1.1, 3, 3.2], [0, 1.1, 3.2]),
        ("hang", [0, 0.9, 1.1], [0, 1.1]),
    ],
)
def test_13_a_source_in_trouble_is_asked_less_and_less_but_never_given_up(
    planet: Planet, server: Server, trouble: str, hours: list[float], expected: list[float]
) -> None:
    planet.fetch |= {"backoff_cap": "4h", "timeout": "1s"}
    planet.feed(server.url("/a", HOST))
    if trouble.isdigit():
        busy(server, "/a", status=int(trouble))
    elif trouble == "page":
        server.put("/a", b"{}", etag=True, headers={"Content-Type": "application/json"})
    else:
        {"reset": server.reset, "garbage": server.garbage, "hang": server.hang}[trouble]("/a")
    assert asked(planet, server, hours) == expected


@pytest.mark.parametrize("status", [401, 403])
def test_13_who_refuses_us_is_left_alone_for_four_hours(planet: Planet, server: Server, status: int) -> None:
    busy(server, "/a", status=status)
    planet.feed(server.url("/a", HOST))
    assert asked(planet, server, [0, 1.1, 3.9, 4.1, 12, 12.2, 28, 28.3]) == [0, 4.1, 12.2, 28.3]


def test_13_the_wait_is_a_week_at_most_and_success_resets_it(planet: Planet, server: Server) -> None:
    busy(server, "/a", status=500)
    planet.feed(server.url("/a", HOST))
    hours = [0.0]
    for failure in range(9):  # 1, 2, 4 ... 128 hours, then a week
        hours.append(hours[-1] + min(2**failure, 168) + 0.01)
    early = [hour - 0.02 for hour in hours[1:]]
    assert asked(planet, server, sorted(hours + early)) == hours
    server.put("/a", FEED, etag=True)
    back = hours[-1] + 168.01
    assert asked(planet, server, [back, back + 0.9, back + 1.1]) == [back, back + 1.1]


# --- One at a time --------------------------------------------------------------------------------------------------


def test_16_one_request_at_a_time_to_a_host_while_others_are_asked(planet: Planet, server: Server) -> None:
    together = threading.Barrier(3)  # no host is answered before all three are asked
    open_now: list[str] = []
    most = 0

    def slow(request: Request) -> Response:
        nonlocal most
        host = request.headers["host"]
        open_now.append(host)
        most = max(most, open_now.count(host))
        together.wait(30)
        time.sleep(0.05)
        open_now.remove(host)
        return Response(FEED)

    for host in (HOST, OTHER, THIRD):
        for number in range(3):
            server.script(f"/{number}", slow)
            planet.feed(server.url(f"/{number}", host))
    planet.fetch["timeout"] = "60s"
    assert not planet.run().failed
    assert len(server.log) == 9
    assert (most, server.connections) == (1, 3)


def test_16_all_names_below_a_host_of_the_config_are_one_host(planet: Planet, server: Server) -> None:
    planet.hosts = [{"name": "0.1", "spacing": "0.4s"}]  # for loopback: 127.1.0.1 and 127.2.0.1 are below it
    server.put("/a", FEED)
    for host in ("127.1.0.1", "127.2.0.1", "127.3.0.1"):
        planet.feed(server.url("/a", host))
    planet.run()
    times = [request.time for request in server.log]
    assert len(times) == 3
    assert times[2] - times[0] >= 0.7


def test_13_a_received_answer_is_not_asked_for_again_in_a_run(planet: Planet, server: Server) -> None:
    for status in (400, 404, 408, 425, 500, 502, 504):
        busy(server, f"/{status}", status=status)
        planet.feed(server.url(f"/{status}", f"127.0.1.{status % 250}"))
    server.cut("/cut", b"<rss>", 999)
    planet.feed(server.url("/cut", THIRD))
    assert len(planet.run().failed) == 8
    assert len(server.log) == 8


def test_16_a_second_between_two_starts_also_of_redirects(planet: Planet, server: Server) -> None:
    del planet.fetch["spacing"]
    server.redirect("/a", "/b")
    server.put("/b", FEED)
    planet.feed(server.url("/a", HOST))
    planet.run()
    first, second = (request.time for request in server.log)
    assert 1 <= second - first < 2


def test_16_and_between_two_processes(planet: Planet, server: Server) -> None:
    planet.fetch["spacing"] = "2s"
    server.put("/a", FEED, etag=True)
    planet.feed(server.url("/a", HOST))
    once(planet)
    once(planet, "--force")
    first, second = (request.time for request in server.log)
    assert 1.75 <= second - first < 5  # the server may have been late to notice the first


HEADERS = {"host", "connection", "user-agent", "accept", "accept-encoding", "if-none-match", "if-modified-since"}


def test_17_requests_are_plain(planet: Planet, server: Server) -> None:
    planet.site["contact"] = "https://planet.example/about"
    cookie = {"Set-Cookie": "id=7; Path=/"}
    server.put("/feed?format=rss&n=5", FEED, etag=True, headers=cookie)
    server.script("/old", lambda request: Response(b"", 302, {"Location": "/new?x=%20y", **cookie}))
    server.put("/new?x=%20y", FEED, last_modified="yesterday", headers=cookie)
    server.put("/bad", status=403, headers=cookie)
    for path in ("/feed?format=rss&n=5#top", "/old", "/bad"):
        planet.feed(server.url(path, HOST))
    for _ in range(3):
        planet.run(later=DAY)
    assert set(places(server)) == {HOST + path for path in ("/feed?format=rss&n=5", "/old", "/new?x=%20y", "/bad")}
    for request in server.log:
        assert request.method == "GET"
        assert request.body == b""
        assert request.headers.keys() <= HEADERS
        agent = r"aggregator/[0-9]+\.[0-9]+\S* \(\+https://planet\.example/about\)"
        assert re.fullmatch(agent, request.headers["user-agent"])
        assert all(f"application/{kind}" in request.headers["accept"] for kind in ("rss+xml", "atom+xml", "feed+json"))
        assert set(request.headers["accept-encoding"].split(", ")) == {"gzip", "deflate"}


def test_20_a_feed_in_several_categories_is_asked_once(planet: Planet, server: Server) -> None:
    server.put("/a", FEED)
    planet.feed(server.url("/a", HOST), category=[["x"], ["y", "z"]])
    planet.feed(server.url("/a", HOST), category="w")
    planet.run()
    assert places(server) == [f"{HOST}/a"]


# --- Limits ---------------------------------------------------------------------------------------------------------


def test_21_a_body_that_has_no_end_is_cut_off_at_its_limit(planet: Planet, server: Server) -> None:
    sent = Counter[str]()

    def endless() -> Iterator[bytes]:
        yield HEAD
        while sent["bytes"] < 100_000_000:
            sent["bytes"] += 65536
            yield b"x" * 65536

    server.script("/a", lambda request: Raw(endless()))
    planet.feed(server.url("/a", HOST), max_bytes="100KB")
    planet.run()
    assert len(server.log) == 1
    assert 100_000 < sent["bytes"] < 20_000_000  # what lies in the sockets' buffers is the system's


def test_21_a_body_that_drips_is_cut_off_in_time(planet: Planet, server: Server) -> None:
    sent: list[float] = []

    def drops() -> Iterator[bytes]:
        yield HEAD
        for _ in range(200):
            sent.append(time.monotonic())
            yield b"<"

    server.script("/a", lambda request: Raw(drops(), pause=0.05))
    planet.feed(server.url("/a", HOST), timeout="1s")
    planet.run()
    assert len(server.log) == 1
    assert 0.5 < sent[-1] - server.log[0].time < 2.5


# --- The end of a run, and the next one -----------------------------------------------------------------------------


def test_23_sigterm_ends_the_requests_and_keeps_what_was_learned(planet: Planet, server: Server) -> None:
    planet.fetch["spacing"] = "0.4s"
    for number in range(5):
        server.put(f"/{number}", rss([{"guid": f"{number}", "title": "T"}]), etag=True)
        planet.feed(server.url(f"/{number}", HOST))
    server.hang("/slow")
    planet.feed(server.url("/slow", OTHER), timeout="60s")
    with started(planet) as process:
        while len(server.log) < 3:
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(0.2)  # for the last answer, which is to be saved
        process.send_signal(signal.SIGTERM)
        begun, before = time.monotonic(), places(server)
        assert process.wait(10) == 143
        assert time.monotonic() - begun < 10
    assert places(server) == before
    assert set(before) >= {f"{HOST}/0", f"{HOST}/1", f"{OTHER}/slow"}
    server.put("/slow", FEED)
    assert once(planet).returncode == 0
    assert len(before) == 3
    assert Counter(places(server)) == Counter([*(f"{HOST}/{number}" for number in range(5)), *[f"{OTHER}/slow"] * 2])


@pytest.mark.parametrize("answer", ["fine", "missing", "busy", "gone", "moved", "page"])
def test_24_a_second_run_straight_after_the_first_asks_nobody(planet: Planet, server: Server, answer: str) -> None:
    statuses: dict[str, Any] = {"missing": 404, "busy": 429, "gone": 410}
    server.put("/a", FEED, status=statuses.get(answer, 200))
    if answer == "moved":
        server.redirect("/a", "/b", 301)
        server.put("/b", FEED)
    elif answer == "page":
        link = b'<html><head><link rel="alternate" type="application/rss+xml" href="/b"></head></html>'
        server.put("/a", link, headers={"Content-Type": "text/html"})
        server.put("/b", FEED)
    planet.feed(server.url("/a", HOST))
    planet.run()
    first = len(server.log)
    assert first
    report = planet.run(later=timedelta(seconds=1))
    assert isinstance(report, pipeline.Report)
    assert len(server.log) == first
    assert [standing.next_visit > planet.now for standing in report.skipped] == [True]


def test_24_nor_does_another_process(planet: Planet, server: Server) -> None:
    server.put("/a", FEED)
    planet.feed(server.url("/a", HOST))
    planet.feed(server.url("/b", OTHER))
    for _ in range(2):
        assert once(planet).returncode == 0
    assert sorted(places(server)) == [f"{HOST}/a", f"{OTHER}/b"]
