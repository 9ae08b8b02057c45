"""The way to the network: the pure rules as tables, everything else over real sockets on loopback."""

import asyncio
import gzip
import threading
import time
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from aggregator import __version__
from aggregator.errors import FetchError
from aggregator.fetching import rules
from aggregator.fetching.client import Client, open_client
from aggregator.model import Document, Fetch, Limits, Validators
from tests.server import PACKERS, Request, Response, Server

LOOPBACK = ("127.0.0.0/8",)
NOTHING = Validators()
LIMITS = Limits()
NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
BODY = b"<rss version='2.0'><channel><title>One</title></channel></rss>"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


T = TypeVar("T")


def using(work: Callable[[Client], Awaitable[T]], allow: tuple[str, ...] = LOOPBACK, concurrency: int = 50) -> T:
    async def run() -> T:
        contact = "https://example.org/about"
        async with open_client(contact, allow, concurrency, hosts={}, now=NOON, spacing=timedelta()) as client:
            return await work(client)

    return asyncio.run(run())


def get(url: str, known: Validators = NOTHING, allow: tuple[str, ...] = LOOPBACK, limits: Limits = LIMITS) -> Document:
    return using(lambda fetch: fetch(url, known, limits), allow)


def trouble(url: str, allow: tuple[str, ...] = LOOPBACK) -> FetchError:
    with pytest.raises(FetchError) as caught:
        get(url, allow=allow)
    assert "\n" not in str(caught.value)
    return caught.value


async def gather(fetch: Fetch, urls: list[str], seconds: float = 30) -> list[Document | BaseException]:
    limits = Limits(timeout=timedelta(seconds=seconds))
    return await asyncio.gather(*(fetch(url, NOTHING, limits) for url in urls), return_exceptions=True)


# --- What we send ---------------------------------------------------------------------------------------------------


def test_a_request_says_who_we_are_and_nothing_else(server: Server) -> None:
    server.put("/feed?a=b|c", BODY)
    document = get(server.url("/feed?a=b|c#top"))
    assert (document.body, document.url) == (BODY, server.url("/feed?a=b|c"))
    assert document.name == server.url("/feed?a=b|c#top")
    assert document.headers["content-type"] == "application/xml"
    [request] = server.log
    assert request.method == "GET"
    assert request.headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept": rules.ACCEPT,
        "accept-encoding": "gzip, deflate",
        "connection": "keep-alive",
        "user-agent": f"aggregator/{__version__} (+https://example.org/about)",
    }


@pytest.mark.parametrize("etag", ['W/"x"', "unquoted", '"a--gzip"', '"\xe9"'])
@pytest.mark.parametrize("last_modified", ["", "Sun, 22 Nov 2026 08:00:00 GMT", "last tuesday"])
def test_a_document_is_asked_for_again_with_its_own_validators(server: Server, etag: str, last_modified: str) -> None:
    server.put("/feed", BODY, etag=etag, last_modified=last_modified)
    first = get(server.url("/feed"))
    again = get(server.url("/feed"), first.validators)
    assert replace(first.validators, print="") == Validators(etag, last_modified, url=server.url("/feed"))
    assert (again.not_modified, again.body, again.validators) == (True, b"", first.validators)
    assert [request.status for request in server.log] == [200, 304]
    assert "if-none-match" not in server.log[0].headers
    assert "if-modified-since" not in server.log[0].headers
    assert server.log[1].headers["if-none-match"] == etag
    assert server.log[1].headers.get("if-modified-since", "") == last_modified


def test_validators_follow_the_server(server: Server) -> None:
    known = Validators('"old"', "then", "9-9")
    server.put("/none", BODY)
    assert replace(get(server.url("/none"), known).validators, print="") == Validators(url=server.url("/none"))
    server.script("/new", lambda request: Response(b"", 304, {"ETag": '"new"'}))
    assert get(server.url("/new"), known).validators == Validators('"new"', "then", "9-9", server.url("/new"))
    server.script("/silent", lambda request: Response(b"", 304))
    assert get(server.url("/silent"), known).validators == replace(known, url=server.url("/silent"))


def test_a_304_that_nobody_asked_for_is_no_document(server: Server) -> None:
    server.script("/feed", lambda request: Response(b"", 304))
    assert trouble(server.url("/feed")).kind == "http 304"


def test_cookies_are_never_sent_back(server: Server) -> None:
    server.put("/feed", BODY, headers={"Set-Cookie": "id=1; Path=/"})
    server.script("/hop", lambda request: Response(b"", 302, {"Location": "/feed", "Set-Cookie": "id=2; Path=/"}))
    using(lambda fetch: gather(fetch, [server.url(path) for path in ("/hop", "/feed", "/hop")]))
    assert len(server.log) == 5
    assert not any("cookie" in request.headers or "referer" in request.headers for request in server.log)


def test_a_login_is_for_its_own_origin_and_never_shown(server: Server) -> None:
    with Server() as other:
        server.redirect("/feed", "/same")
        server.redirect("/same", other.url("/other").replace("//", "//evil:word@"))
        other.put("/other", status=500)
        error = trouble(server.url("/feed").replace("//", "//me:s%40cret@"))
    assert [r.headers.get("authorization") for r in server.log] == ["Basic bWU6c0BjcmV0"] * 2
    assert [r.headers.get("authorization") for r in other.log] == [None]
    assert "cret" not in str(error)
    assert "word" not in str(error)


# --- What comes back ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(PACKERS))
def test_bodies_are_decoded(server: Server, name: str) -> None:
    coding, pack = PACKERS[name]
    server.put("/feed", pack(BODY), headers={"Content-Encoding": coding} if coding else {})
    assert get(server.url("/feed")).body == BODY


def world(server: Server) -> dict[str, str]:
    """Paths that go wrong, each with the kind of trouble it is."""
    server.put("/gone", status=410)
    server.put("/busy", status=503)
    server.put("/part", BODY, status=206)
    server.put("/odd", status=599)
    server.put("/many", status=300, headers={"Location": "/gone"})
    server.hang("/hang")
    server.drip("/drip", BODY)
    server.raw("/slow-header", *(bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\n" * 9), pause=0.05)
    server.endless("/endless")
    server.put("/large", b"x" * 2001)
    server.put("/zipped", gzip.compress(b"x" * 2001), headers={"Content-Encoding": "gzip"})
    server.raw("/liar", b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n", end="hang")
    server.cut("/cut", BODY, 1000)
    server.raw("/silent")
    server.reset("/reset")
    server.reset("/reset-later", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
    server.garbage("/garbage")
    server.raw("/chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    server.raw("/lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
    server.raw("/headers", b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 60000)
    server.put("/brotli", BODY, headers={"Content-Encoding": "br"})
    server.put("/damaged", b"no gzip", headers={"Content-Encoding": "gzip"})
    server.put("/half", gzip.compress(BODY)[:-9], headers={"Content-Encoding": "gzip"})
    server.put("/nowhere", status=301)
    server.redirect("/self", "/self")
    server.redirect("/ping", "/pong")
    server.redirect("/pong", "/ping", 307)
    for number in range(9):
        server.redirect(f"/{number}", f"/{number + 1}")
    targets = ["javascript:alert(1)", "data:text/xml,x", "file:///etc/passwd", "gopher://127.0.0.1/", "http://[::g]/"]
    targets += ["http://127.0.0.1:99999/", "http://xn--a/", "mailto:a@b", "/a\x01b", "http://a:b/"]
    for number, target in enumerate(targets):
        server.redirect(f"/to{number}", target)
    kinds = {f"/to{number}": "bad redirect" for number in range(len(targets))} | {
        "/missing": "http 404",
        "/gone": "http 410",
        "/busy": "http 503",
        "/part": "http 206",
        "/odd": "http 599",
        "/many": "http 300",
        "/nowhere": "bad redirect",
        "/0": "redirect loop",
    }
    groups = {
        "timeout": "/hang /drip /slow-header",
        "too large": "/endless /large /zipped /liar",
        "bad response": "/cut /silent /garbage /chunks /lengths /headers",
        "reset": "/reset /reset-later",
        "bad encoding": "/brotli /damaged /half",
        "redirect loop": "/self /ping",
    }
    return kinds | {path: kind for kind, paths in groups.items() for path in paths.split()}


def test_every_trouble_is_a_fetch_error_of_its_kind() -> None:
    async def visit(fetch: Fetch, url: str, seconds: float) -> str:
        limits = Limits(timeout=timedelta(seconds=seconds), max_bytes=2000)
        try:
            return repr(await fetch(url, NOTHING, limits))
        except FetchError as error:
            assert url in error.message
            assert "\n" not in error.message
            return error.kind

    async def all_of_them(fetch: Fetch) -> dict[str, str]:
        urls = {path: server.url(path, f"127.0.1.{number}") for number, path in enumerate(expected, 1)}
        seconds = {path: 0.4 if kind == "timeout" else 60 for path, kind in expected.items()}
        return {path: await visit(fetch, url, seconds[path]) for path, url in urls.items()}

    with Server("0.0.0.0") as server:
        expected = world(server)
        started = time.perf_counter()
        found = using(all_of_them)
        assert found == expected
        assert [r.path for r in server.log if r.path in ("/5", "/6")] == ["/5"]  # five redirects are followed
    assert time.perf_counter() - started < 30


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("ftp://example.org/", "bad url"),
        ("example.org/feed", "bad url"),
        ("http://", "bad url"),
        ("http://me:pass/word@example.org/\n", "bad url"),
        ("http://example.org:0/", "bad url"),
        ("http://example.org:70000/", "bad url"),
        ("http://快 快/", "bad url"),
        ("", "bad url"),
        ("http://no-such-host.invalid/", "dns"),
        ("http://a..b/", "dns"),
        (f"http://{'a' * 64}.example/", "dns"),
        ("http://127.0.0.1:1/", "refused"),
    ],
)
def test_urls_that_lead_nowhere(url: str, kind: str) -> None:
    error = trouble(url)
    assert error.kind == kind
    assert "word" not in error.message


def test_redirects_are_followed_to_the_final_url(server: Server) -> None:
    server.redirect("/a", "/b?x=1", 301)
    server.redirect("/b?x=1", "c#part", 308)
    server.put("/c", BODY, etag=True)
    first = get(server.url("/a"))
    assert (first.name, first.url, first.body) == (server.url("/a"), server.url("/c"), BODY)
    again = get(server.url("/a"), first.validators)
    assert (again.not_modified, again.url) == (True, server.url("/c"))
    assert [r.headers.get("if-none-match") for r in server.log[3:]] == [None, None, first.validators.etag]


def test_validators_go_to_nobody_but_who_gave_them(server: Server) -> None:
    server.put("/feed", BODY, etag=True)
    known = get(server.url("/feed")).validators
    server.redirect("/feed", "/parked")
    server.script("/parked", lambda request: Response(BODY, 304 if "if-none-match" in request.headers else 200))
    assert not get(server.url("/feed"), known).not_modified
    server.redirect("/feed", "/feed?session=1")
    server.put("/feed?session=1", BODY, etag=known.etag)
    assert get(server.url("/feed"), known).not_modified


def test_a_bomb_is_refused_without_unpacking_it(server: Server) -> None:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(100)) + packer.flush()
    server.put("/feed", bomb, headers={"Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        assert trouble(server.url("/feed")).kind == "too large"
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_a_large_header_of_cookies_costs_little(server: Server) -> None:
    server.put("/feed", BODY, headers={"Set-Cookie": "a=1; expires=" + " " * 60_000 + "x"})
    started = time.perf_counter()
    assert get(server.url("/feed")).body == BODY
    assert time.perf_counter() - started < 1


# --- Private addresses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "017700000001", "[::ffff:127.0.0.1]", "me@127.0.0.1"],
)
def test_a_private_address_is_not_contacted(server: Server, host: str) -> None:
    error = trouble(server.url("/feed", host=host), allow=("10.0.0.0/8", f"127.0.0.1:{server.port + 1}"))
    assert error.kind == "private address"
    assert f':{server.port}" to allow_networks in [fetch]' in error.message
    assert server.connections == 0


def test_a_redirect_does_not_lead_to_a_private_address(server: Server) -> None:
    with Server() as canary:
        server.redirect("/feed", canary.url("/secret"))
        error = trouble(server.url("/feed"), allow=(f"127.0.0.1:{server.port}",))
        assert error.kind == "private address"
        assert f'add "127.0.0.1:{canary.port}"' in error.message
        assert server.url("/feed") in error.message
        assert (len(server.log), canary.connections) == (1, 0)


def test_a_host_name_can_be_allowed(server: Server) -> None:
    server.put("/feed", BODY)
    allow = (f"localhost:{server.port}",)
    assert get(server.url("/feed", host="localhost"), allow=allow).body == BODY
    assert trouble(server.url("/feed"), allow=allow).kind == "private address"


def test_an_allowed_network_that_cannot_be_read_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="is no network"):
        get("http://example.org/", allow=("everything!",))


# --- TLS ------------------------------------------------------------------------------------------------------------


def test_a_certificate_nobody_knows_is_refused(https: Server) -> None:
    error = trouble(https.url("/feed", host="localhost"), allow=("localhost",))
    assert error.kind == "tls"
    assert "self-signed" in error.message
    assert https.log == []


def test_tls_verifies_the_name_though_the_address_is_dialled(
    https: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    https.put("/feed", BODY)
    assert get(https.url("/feed", host="localhost"), allow=("localhost",)).body == BODY
    assert trouble(https.url("/feed")).kind == "tls"


def test_a_server_that_speaks_no_tls(server: Server) -> None:
    assert trouble(server.url("/feed").replace("http:", "https:")).kind == "tls"


# --- Side by side ---------------------------------------------------------------------------------------------------


def test_a_host_gets_one_request_at_a_time_on_one_connection(server: Server) -> None:
    busy: list[int] = []
    most: list[int] = []

    def answer(request: Request) -> Response:
        busy.append(1)
        most.append(len(busy))
        time.sleep(0.005)
        busy.pop()
        return Response(BODY)

    paths = [f"/{number}" for number in range(12)]
    for path in paths:
        server.script(path, answer)
    documents = using(lambda fetch: gather(fetch, [server.url(path) for path in paths]))
    assert [document.body for document in documents if isinstance(document, Document)] == [BODY] * 12
    assert (max(most), server.connections) == (1, 1)


def test_a_connection_that_was_closed_meanwhile_is_opened_again(server: Server) -> None:
    paths = [f"/{number}" for number in range(4)]
    for path in paths:
        server.raw(path, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")  # closes without having said so
    documents = using(lambda fetch: gather(fetch, [server.url(path) for path in paths]))
    assert [document.body for document in documents if isinstance(document, Document)] == [b"ok"] * 4
    assert len(server.log) == 4


def test_hosts_that_hang_do_not_hold_others_and_waiting_is_not_slowness() -> None:
    async def ask(fetch: Fetch) -> list[list[Document | BaseException]]:
        return [*await asyncio.gather(gather(fetch, slow, seconds=1), gather(fetch, quick))]

    with Server("0.0.0.0") as server:
        server.hang("/hang")
        server.put("/feed", BODY)
        slow = [server.url("/hang", host="127.0.0.2")] * 3  # one after the other, each with its own deadline
        quick = [server.url("/feed", host=f"127.0.1.{number}") for number in range(1, 31)]
        started = time.perf_counter()
        found = using(ask, concurrency=2)
        took = time.perf_counter() - started
    assert [[type(one) for one in each] for each in found] == [[FetchError] * 3, [Document] * 30]
    assert 3 <= took < 15  # each may be silent for its whole deadline, as that is short
    assert server.log[-1].path == "/hang"
    assert len([r for r in server.log if r.path == "/hang"]) == 3


def test_as_many_hosts_at_once_as_the_concurrency_and_no_more() -> None:
    together, lock, busy, most = threading.Barrier(3), threading.Lock(), 0, 0

    def answer(request: Request) -> Response:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        together.wait(30)  # until three are here
        time.sleep(0.1)  # for a fourth, which must not come
        with lock:
            busy -= 1
        return Response(BODY)

    with Server("0.0.0.0") as server:
        server.script("/feed", answer)
        urls = [server.url("/feed", host=f"127.0.0.{number}") for number in range(1, 7)]
        found = using(lambda fetch: gather(fetch, urls), concurrency=3)
    assert [type(document) for document in found] == [Document] * 6
    assert most == 3


def test_two_hosts_that_redirect_to_each_other_do_not_wait_for_each_other_for_ever() -> None:
    with Server("0.0.0.0") as server:
        one, two = (server.url("/end", host=host) for host in ("127.0.0.1", "127.0.0.2"))
        server.script("/one", lambda request: Response(b"", 302, {"Location": two}))
        server.script("/two", lambda request: Response(b"", 302, {"Location": one}))
        server.put("/end", BODY)
        starts = [one.replace("/end", "/one"), two.replace("/end", "/two")] * 5
        found = using(lambda fetch: gather(fetch, starts, seconds=5), concurrency=1)
    assert [type(document) for document in found] == [Document] * 10


def test_a_visit_can_be_called_off(server: Server) -> None:
    server.hang("/hang")
    server.put("/feed", BODY)

    async def call_off(fetch: Fetch) -> bytes:
        task = asyncio.create_task(fetch(server.url("/hang"), NOTHING, LIMITS))
        while not server.log:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return (await fetch(server.url("/feed"), NOTHING, LIMITS)).body

    assert using(call_off) == BODY


def test_the_time_on_hosts_is_told_without_that_of_waiting_for_them(server: Server) -> None:
    def slow(request: Request) -> Response:
        time.sleep(0.3)
        return Response(BODY)

    server.script("/feed", slow)
    server.redirect("/old", "/feed")
    server.hang("/hang")
    urls = [server.url(path) for path in ("/old", "/feed", "/hang", "/nothing")]
    found = using(lambda fetch: gather(fetch, urls, seconds=2))  # one after another, as it is one host
    times = [each.seconds for each in found if isinstance(each, Document | FetchError)]
    assert [least <= took < least + 0.7 for least, took in zip((0.3, 0.3, 2, 0), times, strict=True)] == [True] * 4, (
        times
    )


def test_large_documents_have_their_turns_in_memory_and_a_visit_may_need_two(server: Server) -> None:
    body = b"x" * 300_000
    server.put("/large", body)
    server.put("/small", BODY)
    most = 0

    async def work(fetch: Client) -> list[int]:
        now: set[object] = set()

        async def visit(number: int) -> int:
            nonlocal most
            for _ in range(2):
                document = await fetch(server.url("/large"), NOTHING, LIMITS)
                now.add(number)
                most = max(most, len(now))
                await fetch(server.url("/small"), NOTHING, LIMITS)
            now.discard(number)
            return len(document.body)

        return await asyncio.gather(*(visit(number) for number in range(5)))

    assert using(work) == [len(body)] * 5
    assert most == 1


def test_few_documents_are_in_memory_at_a_time_and_who_asks_again_keeps_none(server: Server) -> None:
    server.put("/first", BODY)
    server.put("/second", BODY)
    most = 0

    async def work(fetch: Client) -> list[bytes]:
        now: set[object] = set()

        async def visit(number: int) -> bytes:
            nonlocal most
            await fetch(server.url("/first"), NOTHING, LIMITS)  # no longer than until the next one is wanted
            document = await fetch(server.url("/second"), NOTHING, LIMITS)
            now.add(number)
            most = max(most, len(now))
            await asyncio.sleep(0.05)  # as if it were read
            now.discard(number)
            return document.body

        return await asyncio.gather(*(visit(number) for number in range(8)))

    assert using(work, concurrency=1) == [BODY] * 8
    assert most == 2
