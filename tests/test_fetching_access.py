"""How one source is asked: private headers, user agent, proxy, certificates; and what redirects and challenges teach."""

import asyncio
import base64
import http.server
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from aggregator import fetching
from aggregator.errors import FetchError
from aggregator.fetching import challenges, rules
from aggregator.fetching.client import open_client
from aggregator.model import Access, Document, Limits, Validators
from tests.server import Server

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
PLAIN = Access()
NOTHING = Validators()
BODY = b"<rss version='2.0'/>"
TOKEN = "s3cret-t0ken"
SECRET = Access(headers=(("Authorization", f"Bearer {TOKEN}"), ("Cookie", f"id={TOKEN}"), ("X-Key", "ключ")))


def get(
    url: str, access: Access = PLAIN, known: Validators = NOTHING, allow: tuple[str, ...] = ("127.0.0.0/8",)
) -> Document:
    async def run() -> Document:
        async with open_client("me@example.org", allow, hosts={}, now=NOON, spacing=timedelta()) as client:
            return await client(url, known, Limits(timedelta(seconds=5), access=access))

    return asyncio.run(run())


def trouble(url: str, access: Access = PLAIN, allow: tuple[str, ...] = ("127.0.0.0/8",)) -> FetchError:
    with pytest.raises(FetchError) as caught:
        get(url, access, allow=allow)
    return caught.value


# --- Headers of a source ------------------------------------------------------------------------------------------


def test_private_headers_go_to_the_sources_own_origin_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Server("0.0.0.0") as server:
        server.redirect("/feed", "/same")
        server.redirect("/same", server.url("/away", "127.0.0.2"))
        server.redirect("/away", server.url("/back", "127.0.0.1"))
        server.put("/back", BODY)
        document = get(server.url("/feed", "127.0.0.1"), SECRET)
        server.put("/wrong", status=500)
        error = trouble(server.url("/wrong", "127.0.0.1"), SECRET)
    assert document.body == BODY
    assert [r.path for r in server.log] == ["/feed", "/same", "/away", "/back", "/wrong"]
    seen = [(r.headers.get("authorization"), r.headers.get("cookie"), "x-key" in r.headers) for r in server.log]
    every, none = (f"Bearer {TOKEN}", f"id={TOKEN}", True), (None, None, False)
    assert seen == [every, every, none, none, every]
    assert TOKEN not in caplog.text + repr(SECRET) + str(error) + repr(document)


@pytest.mark.parametrize("pair", [("X-Key", f"{TOKEN}\r\nX: y"), ("X-Key", f"{TOKEN}\x00"), ("no name", TOKEN)])
def test_a_header_that_cannot_be_sent_is_not_shown(pair: tuple[str, str]) -> None:
    with Server() as server:
        error = trouble(server.url("/feed"), Access(headers=(pair,)))
    assert error.kind == "bad header"
    assert TOKEN not in str(error)
    assert server.log == []


def test_a_source_can_have_a_user_agent_of_its_own() -> None:
    with Server() as server:
        server.redirect("/hop", "/feed")
        server.put("/feed", BODY)
        get(server.url("/hop"), Access(user_agent="Mine/1 (快)"))
    assert [r.headers["user-agent"] for r in server.log] == ["Mine/1 (快)".encode().decode("latin-1")] * 2


def test_an_origin_that_a_redirect_leads_to_has_to_have_a_valid_certificate(https: Server) -> None:
    with Server() as server:
        https.redirect("/feed", "/same")
        https.redirect("/away", server.url("/hop"))
        server.redirect("/hop", https.url("/same", "localhost"))
        https.put("/same", BODY)
        same, away = (https.url(path, "localhost") for path in ("/feed", "/away"))
        trusting, allow = Access(verify=False), ("localhost", "127.0.0.1")
        assert get(same, trusting, allow=allow).body == BODY
        assert trouble(server.url("/hop"), trusting, allow=allow).kind == "tls"
        assert trouble(away, trusting, allow=allow).kind == "tls", "nor when it comes back"


# --- Permanent redirects ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "moved"),
    [
        ([301], "/1"),
        ([308], "/1"),
        ([301, 308], "/2"),
        ([301, 302, 301], "/1"),
        ([302, 301], ""),
        ([303], ""),
        ([307], ""),
        ([], ""),
    ],
)
@pytest.mark.parametrize("etag", ["", '"known"'])
def test_the_permanent_beginning_of_a_chain(statuses: list[int], moved: str, etag: str) -> None:
    with Server() as server:
        for number, status in enumerate(statuses):
            server.redirect(f"/{number}", f"/{number + 1}", status)
        server.put(f"/{len(statuses)}", BODY, etag=etag)
        document = get(server.url("/0"), known=Validators(etag))
        assert document.not_modified is (etag != "")
        assert document.moved_to == (server.url(moved) if moved else "")


def test_an_address_that_would_lose_the_login_is_not_learned() -> None:
    with Server("0.0.0.0") as server:
        server.redirect("/near", "/feed", 301)
        server.redirect("/far", server.url("/feed", "127.0.0.2"), 301)
        server.put("/feed", BODY)
        near, far = (server.url(path, "127.0.0.1") for path in ("/near", "/far"))
        assert get(near.replace("//", "//me:word@")).moved_to == ""
        assert get(near, SECRET).moved_to == server.url("/feed", "127.0.0.1")
        assert get(far, SECRET).moved_to == ""
        assert get(far).moved_to == server.url("/feed", "127.0.0.2")


@pytest.mark.parametrize(
    ("status", "answer", "kind", "withheld"),
    [
        (301, 200, "", True),
        (302, 200, "", False),
        (302, 401, "http 401 elsewhere", False),
        (308, 403, "http 403 elsewhere", False),
        (301, 404, "http 404", False),
    ],
)
@pytest.mark.parametrize(("login", "access"), [("", SECRET), ("me:word@", PLAIN)])
def test_what_was_not_sent_on_is_said(
    status: int, answer: int, kind: str, withheld: bool, login: str, access: Access
) -> None:
    with Server("0.0.0.0") as server:
        server.redirect("/near", "/far", 301)
        server.redirect("/far", server.url("/feed", "127.0.0.2"), status)
        server.put("/feed", BODY, status=answer)
        url = server.url("/near", "127.0.0.1").replace("//", f"//{login}")
        here = server.url("/", "127.0.0.1")
        if kind:
            error = trouble(url, access)
            assert error.kind == kind
            assert (f"was sent to {here} alone; if its login is meant for that host too, write" in str(error)) is (
                "elsew" in kind
            )
            assert TOKEN not in str(error)
            assert "word" not in str(error)
        else:
            assert get(url, access).withheld == (here if withheld else "")
        server.put("/far", BODY)
        assert get(url, access).withheld == ""
        assert "authorization" in server.log[-1].headers


@pytest.mark.parametrize(
    ("written", "meant"), [("p%40w", "p@w"), ("p%2540w", "p%40w"), ("p%C3%A4", "pä"), ("p%", "p%"), ("a:b", "a:b")]
)
def test_a_password_in_a_url_is_decoded_once(written: str, meant: str) -> None:
    """RFC 3986 §3.2.1, RFC 7617 §2: of user and password only the user has no colon."""
    with Server() as server:
        server.put("/feed", BODY)
        get(server.url("/feed").replace("//", f"//me:{written}@"))
    sent = server.log[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == f"me:{meant}"


def test_a_move_from_https_to_http_is_followed_and_not_learned(https: Server) -> None:
    with Server() as server:
        https.redirect("/feed", "/same", 301)
        https.redirect("/same", server.url("/plain"), 301)
        server.redirect("/plain", "/end", 301)
        server.put("/end", BODY)
        document = get(https.url("/feed", "localhost"), Access(verify=False), allow=("localhost", "127.0.0.1"))
        assert (document.url, document.moved_to) == (server.url("/end"), https.url("/same", "localhost"))


# --- Challenges ---------------------------------------------------------------------------------------------------

CLOUDFLARE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>" + b"x" * 200_000
PAGES: list[tuple[int, dict[str, str], bytes, str]] = [
    (403, {"CF-Mitigated": "challenge"}, b"", "Cloudflare"),
    (200, {"CF-Mitigated": "challenge"}, b"<p>hello", "Cloudflare"),
    (403, {}, CLOUDFLARE, "Cloudflare"),
    (503, {}, CLOUDFLARE, "Cloudflare"),
    (200, {}, b"\xef\xbb\xbf\n" + CLOUDFLARE, "Cloudflare"),
    (403, {}, b"<html><script src=/cdn-cgi/challenge-platform/h/b/x.js>", "Cloudflare"),
    (200, {}, b"<html><script>window._cf_chl_opt={}", "Cloudflare"),
    (403, {}, b"<!doctype html><html><head><title>DDoS-Guard</title>", "DDoS-Guard"),
    (403, {}, b"<html><title>Sucuri WebSite Firewall - Access Denied</title>", "Sucuri"),
    (200, {}, b'<!doctype html><script id="anubis_challenge" type="application/json">', "Anubis"),
    (202, {"x-amzn-waf-action": "challenge"}, b"", "AWS WAF"),
    (405, {"x-amzn-waf-action": "captcha"}, b"", "AWS WAF"),
    (200, {}, b'<html><script src="https://a.b.token.awswaf.com/a/b/challenge.js">', "AWS WAF"),
    (429, {"x-vercel-mitigated": "challenge"}, b"", "Vercel"),
    (403, {}, b"<html>Request unsuccessful. Incapsula incident ID: 1-2", "Imperva"),
    (403, {}, b"<html><script src=https://ct.captcha-delivery.com/c.js>", "DataDome"),
]


@pytest.mark.parametrize(("status", "headers", "page", "who"), PAGES)
def test_a_challenge_is_its_own_class(status: int, headers: dict[str, str], page: bytes, who: str) -> None:
    with Server() as server:
        server.put("/feed", page, status=status, headers=headers)
        error = trouble(server.url("/feed"))
    assert error.kind == "blocked"
    assert f"a page of {who} " in error.message
    assert "ask the publisher" in error.message


QUOTE = b"<rss><title>Just a moment...</title>/cdn-cgi/challenge-platform/ _cf_chl_opt</rss>"


@pytest.mark.parametrize(
    ("status", "headers", "page"),
    [
        (200, {}, QUOTE),
        (200, {}, b"<html><body>A page<script src=/cdn-cgi/challenge-platform/scripts/jsd/main.js>"),
        (200, {"server": "cloudflare", "cf-ray": "1"}, BODY),
        (404, {}, CLOUDFLARE),
        (403, {}, b"<html>Forbidden"),
        (403, {}, QUOTE),
    ],
)
def test_what_is_no_challenge(status: int, headers: dict[str, str], page: bytes) -> None:
    with Server() as server:
        server.put("/feed", page, status=status, headers=headers)
        kind = "ok" if status == 200 and get(server.url("/feed")) else trouble(server.url("/feed")).kind
    assert kind == ("ok" if status == 200 else f"http {status}")


def test_an_error_page_that_does_not_come_leaves_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.fetching.client.ERROR_PAGE_SECONDS", 0.1)
    head = b"HTTP/1.1 503 Busy\r\nRetry-After: 60\r\n"
    with Server() as server:
        server.raw("/hang", head + b"Content-Length: 9\r\n\r\n", end="hang")
        server.raw("/reset", head + b"Content-Length: 9\r\n\r\nab", end="reset")
        server.raw("/chunks", head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
        server.put("/zip", b"no gzip", status=503, headers={"Content-Encoding": "gzip", "Retry-After": "60"})
        for path in ("/hang", "/reset", "/chunks", "/zip"):
            error = trouble(server.url(path))
            assert (error.kind, error.retry_after) == ("http 503", timedelta(seconds=60)), path


def test_looking_for_a_challenge_takes_no_time_on_hostile_pages() -> None:
    import time

    for piece in (
        b"/cdn-cgi/challenge-platform/",
        b"<title>",
        b"<title> ",
        b"awswaf.com/",
        b"<html>",
        b"<!----->",
        b" ",
    ):
        started = time.perf_counter()
        challenges.found(403, {}, b"<html>" + piece * (70_000 // len(piece)))
        challenges.found(403, {}, piece * (70_000 // len(piece)))
        assert time.perf_counter() - started < 0.5, piece


# --- Advice -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("http 401", "login"),
        ("http 404", "look at the site"),
        ("http 410", "removed"),
        ("http 418", "look at the URL"),
        ("http 502", "asked again later"),
        ("dns", "is the name right"),
        ("timeout", "raise timeout"),
        ("too large", "raise max_bytes"),
    ],
)
def test_advice(kind: str, advice: str) -> None:
    error = rules.trouble(kind, "what")
    assert str(error).startswith(f"{kind}: what; ")
    assert advice in error.message


# --- Proxies ------------------------------------------------------------------------------------------------------


class _Proxy(http.server.BaseHTTPRequestHandler):
    """Forwards nothing: answers http itself, and leads every CONNECT to one port on loopback."""

    target = 0
    seen: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.seen.append((self.requestline, self.headers.get("Proxy-Authorization", "")))
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def do_CONNECT(self) -> None:
        self.seen.append((self.requestline, self.headers.get("Proxy-Authorization", "")))
        if not self.target:
            self.send_error(403, "Not For You")
            return
        self.send_response(200)
        self.end_headers()
        with socket.create_connection(("127.0.0.1", self.target)) as upstream:
            back = threading.Thread(target=self._pump, args=(upstream, self.connection), daemon=True)
            back.start()
            self._pump(self.connection, upstream)
        self.close_connection = True

    @staticmethod
    def _pump(come: socket.socket, go: socket.socket) -> None:
        try:
            while data := come.recv(65536):
                go.sendall(data)
        except OSError:
            pass

    def log_message(self, *args: object) -> None:
        """Quiet."""


@contextmanager
def proxy(target: int = 0) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    seen: list[tuple[str, str]] = []
    handler = type("Handler", (_Proxy,), {"target": target, "seen": seen})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://me:{TOKEN}@127.0.0.1:{server.server_address[1]}", seen
        server.shutdown()


LOGIN = "Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode()


def test_http_through_a_proxy_which_finds_the_name() -> None:
    with proxy() as (url, seen):
        assert get("http://no-such-host.invalid/feed?a=1", Access(proxy=url)).body == BODY
    assert seen == [("GET http://no-such-host.invalid/feed?a=1 HTTP/1.1", LOGIN)]


def test_https_through_a_proxy_is_a_tunnel_and_verify_can_be_off(https: Server) -> None:
    https.put("/feed", BODY)
    with proxy(https.port) as (url, seen):
        assert get("https://no-such-host.invalid/feed", Access(proxy=url, verify=False)).body == BODY
        assert trouble("https://no-such-host.invalid/feed", Access(proxy=url)).kind == "tls"
    assert seen == [("CONNECT no-such-host.invalid:443 HTTP/1.1", LOGIN)] * 2
    assert "proxy-authorization" not in https.log[0].headers


def test_proxies_that_do_not_work() -> None:
    with proxy() as (url, seen):
        denied = trouble("https://example.org/", Access(proxy=url))
        assert (denied.kind, "403 Not For You" in denied.message) == ("proxy", True)
        private = trouble("http://example.org/", Access(proxy=url), allow=())
        assert private.kind == "private address"
        assert "the proxy: 127.0.0.1" in private.message
        assert len(seen) == 1
    assert trouble("http://example.org/", Access(proxy="http://127.0.0.1:1")).kind == "refused"
    for bad in (f"socks5://me:{TOKEN}@127.0.0.1:1", f"ftp://me:{TOKEN}@a/", f"http://me:{TOKEN}@[::g]/", f"{TOKEN}"):
        error = trouble("http://example.org/", Access(proxy=bad))
        assert error.kind == "proxy"
        assert TOKEN not in str(error)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "10.0.0.1.",
        "[::1]",
        "[::ffff:169.254.169.254]",
        "[fd00::1]",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0",
        "localhost",
        "LocalHost.",
        "a.localhost",
    ],
)
def test_a_proxy_is_not_asked_for_private_addresses(host: str) -> None:
    with Server() as asked:
        asked.redirect("http://example.org/feed", f"http://{host}/latest")
        through = Access(proxy=asked.url(""))
        allow = (f"127.0.0.1:{asked.port}",)
        for url in (f"http://{host}/latest", f"https://{host}:81/", "http://example.org/feed"):
            error = trouble(url, through, allow)
            assert error.kind == "private address", url
            assert "the proxy:" not in error.message
        assert [request.path for request in asked.log] == ["http://example.org/feed"]


@pytest.mark.parametrize(
    ("host", "entry"), [("10.0.0.1", "10.0.0.0/8"), ("localhost", "localhost:80"), ("93.184.215.14", "10.0.0.1")]
)
def test_a_proxy_is_asked_for_allowed_and_public_addresses(host: str, entry: str) -> None:
    with proxy() as (url, seen):
        assert get(f"http://{host}/feed", Access(proxy=url), allow=("127.0.0.1", entry)).body == BODY
    assert [line for line, _ in seen] == [f"GET http://{host}/feed HTTP/1.1"]


# --- Certificates -------------------------------------------------------------------------------------------------


def test_verify_can_be_off_for_one_source_and_stays_on_for_the_others(https: Server) -> None:
    https.put("/feed", BODY)
    url = https.url("/feed", "localhost")

    async def run() -> list[str]:
        found = []
        async with open_client("", ("localhost",), hosts={}, now=NOON, spacing=timedelta()) as client:
            for verify in (False, True, False):
                try:
                    await client(url, Validators(), Limits(access=Access(verify=verify)))
                    found.append("ok")
                except FetchError as error:
                    found.append(error.kind)
        return found

    assert asyncio.run(run()) == ["ok", "tls", "ok"]
    assert "verify = false" in trouble(url, allow=("localhost",)).message


# --- The event loop -----------------------------------------------------------------------------------------------


def test_the_loop_of_a_run_is_uvloop_where_it_is_installed() -> None:
    uvloop = pytest.importorskip("uvloop")
    with Server() as server, asyncio.Runner(loop_factory=fetching.loop_factory()) as runner:
        server.put("/feed", BODY)

        async def run() -> bytes:
            assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
            async with open_client("", ("127.0.0.0/8",), hosts={}, now=NOON) as client:
                return (await client(server.url("/feed"), Validators(), Limits())).body

        assert runner.run(run()) == BODY


def test_without_uvloop_it_is_that_of_asyncio() -> None:
    code = "import sys; sys.modules['uvloop'] = None; from aggregator import fetching; print(fetching.loop_factory())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"
