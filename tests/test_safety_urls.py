"""Hostile URLs and DNS answers: no private address is ever connected to, as the sockets themselves tell.

Python reports every connect to its audit hooks before it happens (PEP 578), whoever calls it; ours writes the address
down and lets only loopback pass, so that a test of "public" addresses leaves the machine no more than one of private
ones. What cannot be had on loopback is the answer of a name server: `socket.getaddrinfo` is given one there.
"""

import asyncio
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aggregator.errors import FetchError
from aggregator.fetching.client import open_client
from aggregator.model import Access, Limits, Validators
from tests.server import Response, Server

PLAIN = Access()
NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
_watched: list[list[tuple[str, int]]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _watched and arguments[0].family in (socket.AF_INET, socket.AF_INET6):
        address = arguments[1]
        _watched[-1].append((str(address[0]), int(address[1])))
        if address[0] not in ("::1",) and not str(address[0]).startswith("127."):
            raise ConnectionRefusedError(111, "not in a test")


sys.addaudithook(_hook)


@pytest.fixture
def connects() -> Iterator[list[tuple[str, int]]]:
    """Every address that this process connects to, or tries to, in their order."""
    seen: list[tuple[str, int]] = []
    _watched.append(seen)
    yield seen
    _watched.remove(seen)


@pytest.fixture(scope="module")
def canary() -> Iterator[Server]:
    """Whoever comes to any loopback address on its port finds a secret."""
    with Server("0.0.0.0") as server:
        server.put("/secret", b"<rss version='2.0'/>")
        yield server


def kind(url: str, allow: tuple[str, ...] = (), access: Access = PLAIN) -> str:
    async def run() -> str:
        async with open_client("", allow, hosts={}, now=NOON, spacing=timedelta()) as client:
            try:
                return repr(await client(url, Validators(), Limits(timedelta(seconds=5), access=access)))
            except FetchError as error:
                return error.kind

    return asyncio.run(run())


_HOSTS = """127.0.0.1 127.0.0.2 127.255.255.254 localhost LOCALHOST localhost. 2130706433 0x7f000001 0x7f.0.0.1 0x7f.1 127.1
127.0.1 017700000001 0177.0.0.1 0 0.0.0.0 00000177.1 [::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1]
[::127.0.0.1] [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::1] [::ffff:0:127.0.0.1] 169.254.169.254 169.254.1.1
2852039166 0xA9FEA9FE [::ffff:169.254.169.254] [64:ff9b::a9fe:a9fe] [64:ff9b:1::a9fe:a9fe] [fd00:ec2::254] 10.0.0.1 10.1
172.16.0.1 192.168.1.1 192.168.257 100.64.0.1 100.100.100.200 198.18.0.1 192.0.0.170 192.0.2.1 203.0.113.1 192.88.99.1
224.0.0.251 239.255.255.250 240.0.0.1 255.255.255.255 [fe80::1] [fe80::1%25lo] [fec0::1] [fc00::1] [ff02::1] [2001:db8::1]
[2001::1] [3fff::1] [5f00::1] [100::1] me@127.0.0.1 example.org@127.0.0.1 127.0.0.1%2f@127.0.0.1 example.org%40127.0.0.1
①②⑦.0.0.1 127。0。0。1 １２７.0.0.1 ⓛocalhost"""
ODD = [
    "http://127.0.0.1:{port}\\@example.org/",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "file:///etc/passwd",
]
ODD += [
    "gopher://127.0.0.1:{port}/_x",
    "ftp://127.0.0.1:{port}/",
    "//127.0.0.1:{port}/secret",
    "dict://127.0.0.1:{port}/",
]
ODD += ["http://127.0.0.1:{port}#@example.org/", "http://127.0.0.1\t:{port}/secret", "ws://127.0.0.1:{port}/secret"]
URLS = [f"http://{host}:{{port}}/secret" for host in _HOSTS.split()] + ODD
REFUSED = {"private address", "bad url", "bad redirect", "dns"}


def test_the_table_is_long_and_the_socket_is_watched(canary: Server, connects: list[tuple[str, int]]) -> None:
    assert len(URLS) >= 40
    assert kind(canary.url("/secret", "127.0.0.1"), ("127.0.0.0/8",)).startswith("Document")
    assert connects == [("127.0.0.1", canary.port)]
    assert kind("http://10.9.8.7/", ("10.0.0.0/8",)) == "refused"
    assert connects[1:] == [("10.9.8.7", 80)]


@pytest.mark.parametrize("url", URLS)
def test_a_hostile_url_reaches_no_private_address(url: str, canary: Server, connects: list[tuple[str, int]]) -> None:
    before = canary.connections
    found = kind(url.format(port=canary.port))
    assert (connects, canary.connections - before) == ([], 0)
    assert found in REFUSED


@pytest.mark.parametrize("url", [url for url in URLS if "\t" not in url])
def test_neither_does_a_redirect(url: str, canary: Server, connects: list[tuple[str, int]]) -> None:
    before = canary.connections
    with Server() as server:
        server.script("/feed", lambda _: _redirect(url.format(port=canary.port)))
        found = kind(server.url("/feed"), (f"127.0.0.1:{server.port}",))
        first = ("127.0.0.1", server.port)
        # A reference such as `//host` or `http:path` may lead back to the server it came from, which is allowed.
        assert set(connects) == {first}
    assert canary.connections == before
    assert found in REFUSED | {"http 404", "redirect loop"}


def _redirect(to: str) -> Any:
    return Response(b"", 302, {"Location": to.encode().decode("latin-1")})


# --- Name servers -------------------------------------------------------------------------------------------------

ANSWERS = [
    ["127.0.0.1"],
    ["127.0.0.53"],
    ["10.0.0.1"],
    ["192.168.0.10"],
    ["172.31.255.255"],
    ["169.254.169.254"],
    ["100.64.0.1"],
    ["0.0.0.0"],
    ["224.0.0.1"],
    ["255.255.255.255"],
    ["::1"],
    ["::"],
    ["::ffff:10.0.0.1"],
    ["64:ff9b::a00:1"],
    ["2002:a00:1::"],
    ["fe80::1%lo"],
    ["fd12:3456::1"],
    ["ff05::1"],
    ["8.8.8.8", "10.0.0.1"],
    ["10.0.0.1", "8.8.8.8"],
    ["8.8.8.8", "2606:4700::1111", "::1"],
    ["2606:4700::1111", "::ffff:127.0.0.1"],
    ["8.8.8.8"] * 50 + ["192.168.1.1"],
]


def answer(monkeypatch: pytest.MonkeyPatch, *rounds: list[str]) -> list[str]:
    """Let the name server give these answers, one round after another; the names that were asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        addresses = rounds[min(len(asked), len(rounds) - 1)]
        asked.append(host)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    monkeypatch.setattr("aggregator.fetching.transport.socket.getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("addresses", ANSWERS, ids=" ".join)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_hostile_answer_is_refused_as_a_whole(
    scheme: str, addresses: list[str], connects: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer(monkeypatch, addresses)
    assert kind(f"{scheme}://rebind.example/feed") == "private address"
    assert connects == []
    assert asked == ["rebind.example"]


def test_the_address_that_was_checked_is_the_one_that_is_dialled(
    connects: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second answer would be private, but nobody asks for one."""
    asked = answer(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    assert kind("http://rebind.example/feed") == "refused"
    assert (asked, connects) == (["rebind.example"], [("8.8.8.8", 80)])


def test_each_hop_asks_and_checks_anew(
    canary: Server, connects: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server() as server:
        allow = (f"127.0.0.1:{server.port}",)
        server.redirect("/feed", f"http://two.example:{canary.port}/secret")
        asked = answer(monkeypatch, ["127.0.0.1"], ["127.0.0.1"])
        assert kind(f"http://one.example:{server.port}/feed", allow) == "private address"
        assert (asked, connects) == (["one.example", "two.example"], [("127.0.0.1", server.port)])


def test_proxies_of_the_environment_are_not_asked(
    canary: Server, connects: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    answer(monkeypatch, ["8.8.8.8"])
    assert kind("http://news.example/feed") == "refused"
    assert kind("https://news.example/feed") == "refused"
    assert {host for host, _ in connects} == {"8.8.8.8"}


def test_a_proxy_of_the_config_is_checked_itself(canary: Server, connects: list[tuple[str, int]]) -> None:
    access = Access(proxy=f"http://localhost:{canary.port}")
    assert kind("http://news.example/feed", access=access) == "private address"
    assert kind("https://news.example/feed", access=access) == "private address"
    assert connects == []
