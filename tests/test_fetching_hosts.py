"""What a host is owed, over real sockets: a second between requests, silence when it asks for that, across runs."""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.errors import FetchError
from aggregator.fetching import manners
from aggregator.fetching.client import open_client
from aggregator.model import Document, HostState, Limits, Pace, Validators
from tests.server import Response, Server

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
PACE = Pace()
HOST = "127.0.0.1"
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
Result = Document | FetchError


def visit(
    urls: list[str],
    hosts: Mapping[str, HostState] | None = None,
    *,
    now: datetime = NOON,
    spacing: timedelta = timedelta(),
    pace: Pace = PACE,
    allow: tuple[str, ...] = ("127.0.0.0/8",),
) -> tuple[list[Result], dict[str, HostState]]:
    """One run that asks for each URL in turn: what each came to, and what is known of the hosts after it."""

    async def run() -> tuple[list[Result], dict[str, HostState]]:
        known = hosts or {}
        async with open_client("", allow, hosts=known, now=now, spacing=spacing, pace=pace) as client:
            results: list[Result] = []
            for url in urls:
                try:
                    results.append(await client(url, Validators(), Limits(timedelta(seconds=5))))
                except FetchError as error:
                    results.append(error)
            return results, {**known, **client.hosts}

    return asyncio.run(run())


def kinds(results: list[Result]) -> list[str]:
    return [result.kind if isinstance(result, FetchError) else "ok" for result in results]


def busy(server: Server, path: str, status: int = 429, **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    server.script(path, lambda request: Response(b"busy", status, named))
    return server.url(path)


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"Retry_After": "120"}, 2 * timedelta(minutes=1)),
        (503, {"Retry_After": "7200"}, 2 * HOUR),
        (503, {"Retry_After": "Sat, 14 Mar 2026 15:00:00 GMT", "Date": "Sat, 14 Mar 2026 12:00:00 GMT"}, 3 * HOUR),
        (429, {"Retry_After": "999999999"}, 30 * DAY),
        (429, {"Retry_After": "9" * 40}, 30 * DAY),
        (429, {"Retry_After": "soon"}, HOUR),
        (429, {"Retry_After": "0"}, HOUR),
        (429, {}, HOUR),
        (503, {}, HOUR),
    ],
)
def test_a_host_that_asks_for_silence_gets_it(status: int, headers: dict[str, str], wait: timedelta) -> None:
    with Server() as server:
        server.put("/other", b"x")
        urls = [busy(server, "/busy", status, **headers), server.url("/other")]
        first, hosts = visit(urls)
        assert kinds(first) == [f"http {status}", "paused"]
        assert abs((hosts[HOST].not_before or NOON) - NOON - wait) < 2 * SECOND
        again, _ = visit([urls[1]], hosts, now=NOON + wait - 2 * SECOND)
        assert kinds(again) == ["paused"]
        assert [request.path for request in server.log] == ["/busy"]
        later, hosts = visit([urls[1]], hosts, now=NOON + wait + 2 * SECOND)
        assert kinds(later) == ["ok"]
    assert (hosts[HOST].not_before, hosts[HOST].reason, hosts[HOST].pauses) == (None, "", 0)


def test_a_pause_says_who_wants_it_how_long_and_why() -> None:
    with Server() as server:
        url = busy(server, "/busy", Retry_After="7500")
        [first, error], hosts = visit([url, url])
    assert isinstance(first, FetchError)
    assert isinstance(error, FetchError)
    assert (first.retry_after, first.host) == (timedelta(seconds=7500), HOST)
    assert f"{HOST} asked for silence until 14:05 UTC (HTTP 429 with Retry-After)" in str(error)
    assert (error.retry_after or DAY) <= timedelta(seconds=7500)
    assert error.host == HOST
    assert hosts[HOST].reason == "HTTP 429 with Retry-After"
    assert "until 2026-03-15 02:00 UTC" in manners.words("a", HostState(), NOON + 14 * HOUR, NOON)


def test_without_a_time_the_pause_doubles_up_to_its_cap_and_a_success_resets_it() -> None:
    pace = Pace(pause=timedelta(minutes=10), pause_cap=timedelta(minutes=30))
    with Server() as server:
        url, now, hosts = busy(server, "/busy"), NOON, dict[str, HostState]()
        waits = []
        for _ in range(4):
            _, hosts = visit([url], hosts, now=now, pace=pace)
            waits.append(round(((hosts[HOST].not_before or now) - now) / timedelta(minutes=1)))
            now += timedelta(hours=1)
        server.put("/fine", b"x")
        _, hosts = visit([server.url("/fine"), url], hosts, now=now, pace=pace)
    assert waits == [10, 20, 30, 30]
    assert hosts[HOST].pauses == 1


def test_a_paused_host_silences_no_other() -> None:
    with Server("0.0.0.0") as server:
        busy(server, "/busy")
        server.put("/fine", b"x")
        urls = [server.url("/busy", "127.0.0.2"), server.url("/fine", "127.0.0.3"), server.url("/fine", "127.0.0.2")]
        results, hosts = visit(urls)
    assert kinds(results) == ["http 429", "ok", "paused"]
    assert hosts["127.0.0.3"].not_before is None


def test_a_redirect_to_a_paused_host_is_not_followed() -> None:
    with Server("0.0.0.0") as server:
        server.redirect("/hop", server.url("/fine", "127.0.0.2"))
        server.put("/fine", b"x")
        asked = {"127.0.0.2": HostState(not_before=NOON + HOUR)}
        results, _ = visit([server.url("/hop", "127.0.0.1")], asked)
        assert [request.path for request in server.log] == ["/hop"]
    assert kinds(results) == ["paused"]


def test_a_server_of_the_operators_own_is_silent_for_one_url_only() -> None:
    with Server() as server:
        urls = [busy(server, "/route", 503, Retry_After="60"), server.url("/fine")]
        server.put("/fine", b"x")
        results, hosts = visit(urls, allow=(f"{HOST}:{server.port}",))
    assert kinds(results) == ["http 503", "ok"]
    assert isinstance(results[0], FetchError)
    assert results[0].retry_after == timedelta(seconds=60)
    assert hosts[HOST].not_before is None


@pytest.mark.parametrize(("status", "header"), [(403, "60"), (404, "60"), (500, "60"), (500, "")])
def test_other_errors_pass_on_what_they_ask_for_and_pause_no_host(status: int, header: str) -> None:
    with Server() as server:
        url = busy(server, "/busy", status, **({"Retry_After": header} if header else {}))
        [first, second], hosts = visit([url, url])
    assert kinds([first, second]) == [f"http {status}"] * 2
    assert isinstance(first, FetchError)
    assert (first.retry_after, first.host) == ((timedelta(seconds=60), HOST) if header else (None, ""))
    assert hosts[HOST].not_before is None


def test_a_pause_from_a_wrong_clock_is_forgotten() -> None:
    with Server() as server:
        server.put("/fine", b"x")
        hosts = {HOST: HostState(last_request=NOON + 900 * DAY, not_before=NOON + 900 * DAY)}
        results, _ = visit([server.url("/fine")], hosts, spacing=SECOND / 20)
    assert kinds(results) == ["ok"]


def test_requests_to_a_host_keep_their_distance_and_others_do_not_wait() -> None:
    spacing = 0.15
    with Server("0.0.0.0") as server:
        server.put("/fine", b"x")
        server.redirect("/hop", "/fine")
        urls = [server.url(path, "127.0.0.2") for path in ("/fine", "/hop", "/fine")]
        urls += [server.url("/fine", f"127.0.0.{number}") for number in range(3, 9)]

        async def run() -> Mapping[str, HostState]:
            distance = timedelta(seconds=spacing)
            # Two places: who waits for a host's distance must not keep a place from another host.
            async with open_client("", ("127.0.0.0/8",), 2, hosts={}, now=NOON, spacing=distance) as client:
                await asyncio.gather(*(client(url, Validators(), Limits()) for url in urls))
                return client.hosts

        hosts = asyncio.run(run())
        times = [request.time for request in server.log if request.headers["host"].startswith("127.0.0.2:")]
        others = [request.time for request in server.log if not request.headers["host"].startswith("127.0.0.2:")]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert len(gaps) == 3
    assert min(gaps) > spacing - 0.03  # the server notes the time a little after we began
    assert max(others) < times[-1]
    assert set(hosts) == {f"127.0.0.{number}" for number in range(2, 9)}
    assert timedelta(seconds=3 * spacing) <= (hosts["127.0.0.2"].last_request or NOON) - NOON < 5 * SECOND


def test_the_distance_is_kept_from_one_run_to_the_next() -> None:
    with Server() as server:
        server.put("/fine", b"x")
        url, spacing = server.url("/fine"), timedelta(seconds=0.3)
        _, hosts = visit([url], spacing=spacing)
        last = hosts[HOST].last_request
        assert last is not None
        _, again = visit([url], hosts, now=last + spacing / 3, spacing=spacing)
    assert (again[HOST].last_request or NOON) - last >= spacing


def test_states_are_pure() -> None:
    fresh = HostState()
    assert manners.spacing_left(fresh, NOON, SECOND) == timedelta()
    future = replace(fresh, last_request=NOON + DAY)  # the clock was set back
    assert manners.spacing_left(future, NOON, SECOND) == SECOND
    assert manners.after(fresh, 404, HOUR, NOON, Pace()) == fresh
    worst = HostState(pauses=10_000)
    assert manners.after(worst, 429, None, NOON, Pace()).not_before == NOON + 30 * DAY


@pytest.mark.parametrize(
    ("ahead", "left"),
    [
        (timedelta(0), None),
        (-HOUR, None),
        (HOUR, HOUR),
        (DAY, DAY),
        (DAY + 30 * SECOND, DAY),  # the clock was put back a little, or pause_cap lowered
        (2 * DAY, DAY),
        (2 * DAY + SECOND, None),  # a wrong clock
    ],
)
def test_a_clock_put_back_a_little_ends_no_pause(ahead: timedelta, left: timedelta | None) -> None:
    until = manners.silent_until(HostState(not_before=NOON + ahead), NOON, DAY)
    assert until == (None if left is None else NOON + left)


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        ((), "http 410"),
        ((301,), "http 410"),
        ((301, 308), "http 410"),
        ((302,), "http 410 elsewhere"),
        ((301, 302), "http 410 elsewhere"),
        ((307, 301), "http 410 elsewhere"),
    ],
)
def test_a_410_behind_anything_temporary_is_not_the_feeds_own(statuses: tuple[int, ...], kind: str) -> None:
    with Server() as server:
        for number, status in enumerate(statuses):
            server.redirect(f"/{number}", f"/{number + 1}", status)
        server.put(f"/{len(statuses)}", b"", status=410)
        results, _ = visit([server.url("/0") + "#part"])
    assert kinds(results) == [kind]
