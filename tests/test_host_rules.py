"""`[[host]]`: what the config says of one host is what its server sees."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.errors import FetchError
from aggregator.fetching import manners
from aggregator.fetching.client import open_client
from aggregator.model import HostRule, HostState, Limits, Pace, Validators
from tests.planet import Planet
from tests.server import Request, Response, Server

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("a.example", "a.example"),
        ("blog.a.example", "a.example"),
        ("www.deep.a.example", "deep.a.example"),
        ("deep.a.example", "deep.a.example"),
        ("banana.example", "banana.example"),
        ("example", "example"),
        ("", ""),
    ],
)
def test_the_longest_name_that_fits_wins(host: str, name: str) -> None:
    rules = (HostRule("a.example", concurrency=2), HostRule("deep.a.example", concurrency=3))
    found = manners.rule(rules, host)
    assert found == next((rule for rule in rules if rule.name == name), HostRule(name))


def ask(
    urls: list[str],
    *rules: HostRule,
    spacing: float = 0.0,
    now: datetime = NOON,
    known: dict[str, HostState] | None = None,
    concurrency: int = 50,
) -> tuple[list[str], dict[str, HostState]]:
    """Ask for all URLs at once: what each came to, by class, and what is known of hosts then."""

    async def run() -> tuple[list[str], dict[str, HostState]]:
        distance = timedelta(seconds=spacing)
        async with open_client(
            "",
            ("127.0.0.0/8",),
            concurrency,
            hosts=known or {},
            now=now,
            spacing=distance,
            pace=Pace(),
            host_rules=rules,
        ) as client:
            jobs = (client(url, Validators(), Limits(timedelta(seconds=5))) for url in urls)
            results = await asyncio.gather(*jobs, return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException) and not isinstance(result, FetchError):
                    raise result
            return [result.kind if isinstance(result, FetchError) else "ok" for result in results], dict(client.hosts)

    return asyncio.run(run())


@pytest.mark.parametrize("concurrency", [1, 2, 3])
def test_so_many_connections_and_requests_at_a_time(concurrency: int) -> None:
    busy, most, lock = 0, 0, threading.Lock()

    def answer(request: Request) -> Response:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.02)
        with lock:
            busy -= 1
        return Response(b"x")

    with Server() as server:
        server.script("/feed", answer)
        results, _ = ask([server.url("/feed")] * 9, HostRule("127.0.0.1", concurrency=concurrency))
    assert results == ["ok"] * 9
    assert (most, server.connections) == (concurrency, concurrency)


def test_more_at_a_time_keep_their_distance_all_the_same() -> None:
    spacing = 0.2
    with Server() as server:
        server.put("/feed", b"x")
        rule = HostRule("127.0.0.1", spacing=timedelta(seconds=spacing), concurrency=4)
        begun = time.monotonic()
        assert ask([server.url("/feed")] * 4, rule)[0] == ["ok"] * 4
    # A busy machine may show two of them close together, as both arrive late; but none of them can arrive early.
    early = [at for at, each in enumerate(server.log) if each.time - begun < at * (spacing - 0.001)]
    assert (len(server.log), early) == (4, [])


def test_they_keep_their_distance_when_all_have_waited_for_room() -> None:
    spacing = 0.3

    def slow(_: Request) -> Response:
        time.sleep(1.2)  # all of the others would be ready by then
        return Response(b"x")

    with Server("0.0.0.0") as server:
        server.script("/slow", slow)
        server.put("/feed", b"x")
        rule = HostRule("127.0.0.1", spacing=timedelta(seconds=spacing), concurrency=4)
        urls = [server.url("/slow", "127.0.0.2")] + [server.url("/feed", "127.0.0.1")] * 4
        assert ask(urls, rule, concurrency=1)[0] == ["ok"] * 5
    times = [each.time for each in server.log]
    early = [at for at, when in enumerate(times[1:]) if when - times[1] < at * (spacing - 0.05)]
    assert (server.log[0].path, early) == ("/slow", [])


def test_a_host_of_ones_own_may_be_asked_faster() -> None:
    with Server("0.0.0.0") as server:
        server.put("/feed", b"x")
        urls = [server.url("/feed", host) for host in ("127.0.0.1", "127.0.0.2") for _ in range(2)]
        ask(urls, HostRule("127.0.0.2", spacing=timedelta()), spacing=0.3)
    by_host: dict[str, list[float]] = {}
    for request in server.log:
        by_host.setdefault(request.headers["host"].split(":")[0], []).append(request.time)
    assert by_host["127.0.0.1"][1] - by_host["127.0.0.1"][0] > 0.25
    assert by_host["127.0.0.2"][1] - by_host["127.0.0.2"][0] < 0.25


@pytest.mark.parametrize(("pause", "silence"), [(None, 3600), (timedelta(minutes=5), 300), (timedelta(0), 0)])
def test_a_pause_of_its_own(pause: timedelta | None, silence: int) -> None:
    with Server() as server:
        server.script("/busy", lambda request: Response(b"", 429))
        _, hosts = ask([server.url("/busy")], HostRule("127.0.0.1", pause=pause))
        until = hosts["127.0.0.1"].not_before
        assert until is not None
        assert abs((until - NOON).total_seconds() - silence) < 2
        again, _ = ask([server.url("/busy")], known=hosts, now=NOON + timedelta(seconds=max(silence - 5, 2)))
    assert again == ["paused" if silence else "http 429"]


@pytest.mark.parametrize(
    ("said", "rule", "wait"),
    [
        ("", {}, 3600),
        ("", {"pause": timedelta(minutes=5)}, 300),
        ("", {"pause_cap": timedelta(minutes=2)}, 120),
        ("", {"pause": timedelta(0)}, 0),
        ("600", {"pause": timedelta(minutes=5)}, 600),
        ("600", {"pause_cap": timedelta(minutes=2)}, 120),
        ("0", {"pause": timedelta(minutes=5)}, 300),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_source_is_told_to_wait_as_long_as_its_host_does(
    status: int, said: str, rule: dict[str, timedelta], wait: int
) -> None:
    async def run(url: str) -> tuple[FetchError, HostState]:
        rules = (HostRule("127.0.0.1", **rule),)  # type: ignore[arg-type]
        async with open_client("", ("127.0.0.0/8",), hosts={}, now=NOON, host_rules=rules) as client:
            with pytest.raises(FetchError) as caught:
                await client(url, Validators(), Limits(timedelta(seconds=5)))
            return caught.value, client.hosts["127.0.0.1"]

    with Server() as server:
        server.script("/busy", lambda request: Response(b"", status, {"Retry-After": said} if said else {}))
        error, state = asyncio.run(run(server.url("/busy")))
    assert (error.retry_after, error.host) == (timedelta(seconds=wait), "127.0.0.1")
    assert state.not_before is not None
    assert abs((state.not_before - NOON).total_seconds() - wait) < 2


def test_a_long_pause_of_a_host_is_believed_up_to_its_own_cap() -> None:
    until = {"127.0.0.1": HostState(not_before=NOON + timedelta(days=50))}
    with Server() as server:
        server.put("/feed", b"x")
        rule = HostRule("127.0.0.1", pause_cap=timedelta(days=60))
        assert ask([server.url("/feed")], rule, known=until)[0] == ["paused"]


def test_a_source_comes_again_when_the_pause_of_its_host_ends(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    with Server() as server:
        server.script("/busy", lambda request: Response(b"", 503))
        planet.hosts = [{"name": "127.0.0.1", "pause": "5m"}]
        planet.feed(server.url("/busy"), interval="1m")
        visits = []
        for minutes in (0, 4, 6, 14, 17):  # 5 minutes, then 10
            before = len(server.log)
            planet.now = NOON + timedelta(minutes=minutes)
            planet.run()
            visits += [minutes] if len(server.log) > before else []
    assert visits == [0, 6, 17]


def test_all_names_below_a_host_share_its_turns_and_its_silence() -> None:
    rule = HostRule("0.1")  # loopback has addresses only; to the rule they are names like a.0.1 and b.0.1
    with Server("0.0.0.0") as server:
        server.put("/feed", b"x")
        server.script("/busy", lambda request: Response(b"", 429))
        urls = [server.url(path, host) for path, host in (("/busy", "127.1.0.1"), ("/feed", "127.2.0.1"))]
        results, hosts = ask(urls, rule)
        assert results == ["http 429", "paused"]
        assert set(hosts) == {"0.1"}
        assert ask(urls[1:], known=hosts)[0] == ["ok"], "without the rule it is another host"
    assert [request.path for request in server.log] == ["/busy", "/feed"]
