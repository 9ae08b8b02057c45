"""A source that is a web page leads to its feed, and `rsshub://` to an instance that answers: seen in the request log."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import FetchError, ParseError, SourceError
from aggregator.fetching.client import open_client
from aggregator.model import Access, Document, Found, Limits, Source, Validators
from aggregator.sources import feed
from aggregator.sources.feed import discovery
from tests.planet import NOON, Planet, rss
from tests.server import Request, Response, Server

FEED = rss([{"title": "One", "guid": "1"}])
PAGE = "https://site.example/blog/"
LINK = '<link rel="alternate" type="application/rss+xml" href="{}">'


def page(*hrefs: str) -> bytes:
    links = "".join(LINK.format(href) for href in hrefs)
    return f"<!DOCTYPE html><html><head><title>A page</title>{links}</head><body>Hello</body></html>".encode()


def visit(
    url: str, known: Mapping[str, Validators] | None = None, *, mirrors: tuple[str, ...] = (), **limits: Any
) -> Found:
    """One visit over real sockets; `mirrors` make it a route of RSSHub."""
    source = Source(key=url, kind="feed", options=feed.Options(url, mirrors), limits=Limits(**limits))

    async def run() -> Found:
        async with open_client("", ("127.0.0.0/8",), hosts={}, now=NOON, spacing=timedelta()) as fetch:
            return await feed.documents(source, known or {}, fetch)

    return asyncio.run(run())


def titles(found: Found) -> list[str]:
    (document,) = found.changed
    source = Source(key=PAGE, kind="feed", options=feed.Options(PAGE))
    return [item.title for item in feed.read(document, source).items]


def paths(server: Server) -> list[str]:
    return [request.path for request in server.log]


# --- What a page says -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "found"),
    [
        (LINK.format("/rss"), ["https://site.example/rss"]),
        (LINK.format("rss?a=1&amp;b=2#top"), ["https://site.example/blog/rss?a=1&b=2"]),
        (LINK.format("//cdn.example/rss"), ["https://cdn.example/rss"]),
        (
            LINK.format("/b") + LINK.format("/a") + LINK.format("/b"),
            ["https://site.example/b", "https://site.example/a"],
        ),
        ("<LINK REL='home ALTERNATE' TYPE='Application/Atom+XML' HREF=a>", ["https://site.example/blog/a"]),
        ("<link rel=alternate type=application/feed+json href=j>", ["https://site.example/blog/j"]),
        ("<base href=/x/><base href=/y/>" + LINK.format("rss"), ["https://site.example/x/rss"]),
        ("<base href='javascript:1'>" + LINK.format("rss"), ["https://site.example/blog/rss"]),
        ("<base>" + LINK.format("rss"), ["https://site.example/blog/rss"]),
        (LINK.format("javascript:alert(1)") + LINK.format("data:,x") + LINK.format("file:///etc/passwd"), []),
        (LINK.format("feed://site.example/rss") + LINK.format("http://[") + LINK.format("http://h:99999/"), []),
        (LINK.format("") + LINK.format("#feed") + LINK.format("."), []),
        (LINK.format("x" * 2000) + LINK.format("/rss"), ["https://site.example/rss"]),
        ("<link rel=alternate type=application/json+oembed href=o><link rel=alternate hreflang=de href=/de>", []),
        ("<link rel=stylesheet type=application/rss+xml href=s><link rel=alternate type=application/rss+xml>", []),
        ("<!-- " + LINK.format("/rss") + " --><script>'" + LINK.format("/rss") + "'</script>", []),
        (
            '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">' + LINK.format("/rss"),
            ["https://site.example/rss"],
        ),
        ("", []),
    ],
)
@pytest.mark.filterwarnings("error")
def test_feeds_of(html: str, found: list[str]) -> None:
    assert list(discovery.feeds_of(html, PAGE)) == found


@pytest.mark.parametrize(
    ("url", "first", "count"),
    [
        ("https://s.example", ["/feed", "/rss.xml", "/atom.xml", "/feed.xml", "/index.xml"], 5),
        ("https://s.example/about.html?a#b", ["/feed", "/rss.xml", "/atom.xml", "/feed.xml", "/index.xml"], 5),
        ("https://s.example/blog", ["/blog/feed", "/feed", "/blog/rss.xml"], 5),
        ("https://s.example/~me/x.html", ["/~me/feed", "/feed", "/~me/rss.xml"], 5),
    ],
)
def test_well_known(url: str, first: list[str], count: int) -> None:
    guesses = discovery.well_known(url)
    assert list(guesses[: len(first)]) == [f"https://s.example{path}" for path in first]
    assert len(guesses) == len(set(guesses)) == count


@pytest.mark.parametrize(
    ("body", "is_page"),
    [
        (page(), True),
        (b"\xef\xbb\xbf\r\n<!-- x --><html>", True),
        (page().decode().encode("utf-16"), True),
        (b"<!DOCTYPE html><title>No html tag</title>", True),
        (FEED, False),
        (b"<script>printed()</script>" + b" " * 5000 + FEED, False),
        (b'{"version": "https://jsonfeed.org/version/1", "title": "<html>"}', False),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><rss>' + b"&a;" * 2000, False),
        (b"", False),
        (b"\0\xff", False),
    ],
)
def test_a_page_is_told_from_a_feed(body: bytes, is_page: bool) -> None:
    assert asyncio.run(discovery.is_page(Document(PAGE, PAGE, body))) is is_page


@pytest.mark.parametrize(
    "html",
    [
        "<html>" + "".join(LINK.format(f"/{number}") for number in range(100_000)),
        "<html>" + "<link>" * 100_000,
        "<html>" + "<svg><link>" * 100_000,
        "<html><link " + "".join(f"a{number}=b " for number in range(100_000)),
        '<html><link rel="' + "alternate " * 100_000 + '">',
        "<html>" + "<" * 1_000_000,
    ],
    ids=["links", "empty links", "svg", "attributes", "rels", "brackets"],
)
def test_a_hostile_page_costs_little(html: str) -> None:
    start = time.process_time()
    assert asyncio.run(discovery.is_page(Document(PAGE, PAGE, html.encode())))
    discovery.feeds_of(html, PAGE)
    assert time.process_time() - start < 2  # slow machines included; 0.3 s where this was written


# --- Visits to pages ------------------------------------------------------------------------------------------------


def test_a_page_leads_to_its_feed_and_the_feed_is_remembered() -> None:
    with Server() as server:
        server.put("/", page("feed.xml"), etag='"page"')
        server.put("/feed.xml", FEED, etag='"feed"')
        url, address = server.url("/"), server.url("/feed.xml")
        first = visit(url)
        assert titles(first) == ["One"]
        assert first.warnings == (
            f'{url} is not the address of a feed; its feed is {address}: write url = "{address}" into the config',
        )
        assert first.answer is first.changed[0]
        kept = {first.changed[0].name: first.changed[0].validators}
        assert [(name, each.etag, each.url) for name, each in kept.items()] == [(address, '"feed"', address)]
        second = visit(url, kept)
        assert (second.changed, second.unchanged, second.warnings) == ((), kept, ())
        assert second.answer and second.answer.not_modified
    assert [(r.path, r.status) for r in server.log] == [("/", 200), ("/feed.xml", 200), ("/feed.xml", 304)]
    assert [request.headers.get("if-none-match") for request in server.log] == [None, None, '"feed"']


def test_only_the_first_of_many_announced_feeds_is_asked() -> None:
    with Server() as server:
        server.put("/", page(*(f"/{number}" for number in range(100_000))))
        server.put("/0", FEED)
        assert titles(visit(server.url("/"))) == ["One"]
    assert paths(server) == ["/", "/0"]


def test_addresses_are_relative_to_where_the_page_was_in_the_end() -> None:
    with Server() as server:
        server.redirect("/", "/blog/")
        server.put("/blog/", page("rss"))
        server.put("/blog/rss", FEED)
        assert titles(visit(server.url("/"))) == ["One"]
    assert paths(server) == ["/", "/blog/", "/blog/rss"]


@pytest.mark.parametrize("href", ["/", "", "#rss", "javascript:1", "ftp://x/feed"])
def test_a_page_that_leads_nowhere_stays_no_feed(href: str) -> None:
    with Server() as server:
        server.put("/", page(href))
        found = visit(server.url("/"))
        assert found.changed[0].name == server.url("/")
        assert not found.warnings
        with pytest.raises(ParseError, match=r"it is a web page"):
            titles(found)
    assert paths(server) == ["/", "/feed", "/rss.xml", "/atom.xml"]


def test_a_page_that_leads_to_its_first_name_is_not_asked_twice() -> None:
    with Server() as server:
        server.redirect("/old", "/new")
        server.put("/new", page("/old"))
        found = visit(server.url("/old"))
        assert found.changed[0].name == server.url("/old")
    assert paths(server) == ["/old", "/new"]


def test_a_well_known_path_is_tried_when_nothing_is_announced() -> None:
    with Server() as server:
        server.put("/", page())
        server.put("/feed", page())  # answers everything with its front page
        server.put("/rss.xml", FEED)
        found = visit(server.url("/"))
        assert found.changed[0].name == server.url("/rss.xml")
        assert "its feed is" in found.warnings[0]
    assert paths(server) == ["/", "/feed", "/rss.xml"]


def test_a_server_in_trouble_is_not_asked_for_more_paths() -> None:
    with Server() as server:
        server.put("/", page())
        server.put("/feed", b"", status=429, headers={"Retry-After": "60"})
        with pytest.raises(FetchError) as caught:
            visit(server.url("/"))
        assert caught.value.kind == "http 429"
    assert paths(server) == ["/", "/feed"]


def test_no_path_is_guessed_once_something_is_known() -> None:
    with Server() as server:
        server.put("/", page())
        with pytest.raises(FetchError, match="http 404"):
            visit(server.url("/"), {server.url("/gone"): Validators()})
    assert paths(server) == ["/gone", "/"]


@pytest.mark.parametrize("status", [404, 410, 200])
def test_when_the_feed_is_gone_the_page_is_asked_again(status: int) -> None:
    """A web page in the feed's place (200) is the same as none."""
    with Server() as server:
        server.put("/", page("/gone", "/new"), etag='"page"')
        server.put("/gone", page(), status=status)
        server.put("/new", FEED)
        found = visit(server.url("/"), {server.url("/gone"): Validators(etag='"feed"')})
        assert found.changed[0].name == server.url("/new")
    assert paths(server) == ["/gone", "/", "/new"]
    assert [request.headers.get("if-none-match") for request in server.log] == ['"feed"', None, None]


@pytest.mark.parametrize("status", [401, 500, 503])
def test_a_feed_in_trouble_is_not_gone(status: int) -> None:
    with Server() as server:
        server.put("/", page("/feed.xml"))
        server.put("/feed.xml", status=status)
        with pytest.raises(FetchError, match=f"http {status}: {server.url('/feed.xml')}"):
            visit(server.url("/"), {server.url("/feed.xml"): Validators()})
    assert paths(server) == ["/feed.xml"]


def test_the_error_of_an_announced_feed_names_both() -> None:
    with Server() as server:
        server.put("/", page("/missing"))
        server.put("/b", page("/c"))
        server.put("/c", page("/d"))
        with pytest.raises(FetchError) as caught:
            visit(server.url("/"))
        assert caught.value.kind == "http 404"
        assert f"(the feed that {server.url('/')} leads to)" in str(caught.value)
        with pytest.raises(ParseError, match=f"{server.url('/c')}: it is a web page, though {server.url('/b')} leads"):
            visit(server.url("/b"))
    assert paths(server) == ["/", "/missing", "/b", "/c"]  # a page behind a page is not looked into


def test_a_410_of_an_announced_feed_is_not_the_sources_own() -> None:
    with Server() as server:
        server.put("/", page("/gone"))
        server.put("/gone", status=410)
        for known in ({}, {server.url("/gone"): Validators()}):
            with pytest.raises(FetchError) as caught:
                visit(server.url("/"), known)
            assert caught.value.kind == "http 410 elsewhere"


def test_what_was_a_feed_is_not_looked_into() -> None:
    """A publisher's notice announces the feed of the whole site, where the owner wanted that of one column."""
    with Server() as server:
        server.put("/column.xml", page("/feed.xml"))
        server.put("/feed.xml", FEED)
        found = visit(server.url("/column.xml"), {server.url("/column.xml"): Validators()})
        with pytest.raises(ParseError, match="not a feed"):
            titles(found)
    assert paths(server) == ["/column.xml"]


def test_a_page_cannot_lead_to_a_private_address() -> None:
    with Server() as server, Server("127.0.0.2") as private:
        server.put("/", page(private.url("/feed")))
        source = Source(key="k", kind="feed", options=feed.Options(server.url("/")))

        async def run() -> None:
            async with open_client("", (f"127.0.0.1:{server.port}",), hosts={}, now=NOON, spacing=timedelta()) as fetch:
                await feed.documents(source, {}, fetch)

        with pytest.raises(FetchError, match="private address"):
            asyncio.run(run())
    assert private.connections == 0


def test_secrets_stay_with_the_source_s_own_origin() -> None:
    access = Access(headers=(("X-Key", "secret"),), user_agent="mine", verify=False)
    asked = []

    async def fetch(url: str, known: Validators, limits: Limits) -> Document:
        asked.append((url, limits.access))
        body = page("https://site.example/feed" if url.endswith("/own") else "https://other.example/feed")
        return Document(url, url, FEED if url.endswith("/feed") else body)

    for url in ("https://site.example/own", "https://site.example/other"):
        source = Source(key=url, kind="feed", options=feed.Options(url), limits=Limits(access=access))
        asyncio.run(feed.documents(source, {}, fetch))
    assert asked == [
        ("https://site.example/own", access),
        ("https://site.example/feed", access),
        ("https://site.example/other", access),
        ("https://other.example/feed", Access(user_agent="mine")),
    ]


def test_the_line_for_the_config_is_told_once(tmp_path: Path) -> None:
    with Server() as server:
        server.put("/", page("/feed.xml"))
        server.put("/feed.xml", FEED)
        planet = Planet(tmp_path)
        planet.feed(server.url("/"))
        told = []
        for number in (1, 2):
            server.put("/feed.xml", rss([{"title": f"News {number}", "guid": str(number)}]))
            (outcome,) = planet.run(force=True).outcomes
            told += [warning for warning in outcome.warnings if warning not in outcome.told]
        assert sorted(planet.titles()) == ["News 1", "News 2"]
        assert [warning.partition(":")[0] for warning in told] == ["http"]
        assert f'write url = "{server.url("/feed.xml")}" into the config' in told[0]
    assert paths(server) == ["/", "/feed.xml", "/feed.xml"]


# --- RSSHub ---------------------------------------------------------------------------------------------------------

ROUTE = "rsshub://github/issue/a?limit=5"
PATH = "/github/issue/a?limit=5"


def instances(server: Server, count: int) -> tuple[str, ...]:
    return tuple(server.url("", host=f"127.0.0.{number}") + "/" * (number % 2) for number in range(1, count + 1))


def hosts(server: Server) -> list[int]:
    return [int(request.headers["host"].partition(":")[0].rpartition(".")[2]) for request in server.log]


def answers(server: Server, bodies: Mapping[int, bytes]) -> None:
    """Have the hosts 127.0.0.N answer with these bodies; others answer 503."""

    def answer(request: Request) -> Response:
        body = bodies.get(int(request.headers["host"].partition(":")[0].rpartition(".")[2]))
        if body is None:
            return Response(b"", 503)
        tag = f'"{request.headers["host"]}"'
        same = request.headers.get("if-none-match") == tag
        return Response(b"" if same else body, 304 if same else 200, {"ETag": tag})

    server.script(PATH, answer)


@pytest.mark.parametrize(
    ("bodies", "asked"),
    [
        ({1: FEED, 2: FEED}, [1]),
        ({2: FEED}, [1, 2]),
        ({1: page("/feed"), 2: b"<html>parked</html>", 3: FEED}, [1, 2, 3]),
        ({2: b"<html>parked</html>", 4: FEED}, [1, 2, 3, 4]),
    ],
)
def test_instances_are_tried_in_order_and_the_one_that_worked_comes_first(
    bodies: dict[int, bytes], asked: list[int]
) -> None:
    with Server("0.0.0.0") as server:
        answers(server, bodies)
        found = visit(ROUTE, mirrors=instances(server, 4))
        assert titles(found) == ["One"]
        name = found.changed[0].name
        assert name == server.url(PATH, host=f"127.0.0.{asked[-1]}")
        assert hosts(server) == asked
        again = visit(ROUTE, {name: found.changed[0].validators}, mirrors=instances(server, 4))
        assert (again.changed, list(again.unchanged)) == ((), [name])
        assert hosts(server) == [*asked, asked[-1]]


def test_validators_go_to_their_own_instance_only() -> None:
    with Server("0.0.0.0") as server:
        answers(server, {1: FEED})
        worked = server.url(PATH, host="127.0.0.3")
        found = visit(ROUTE, {worked: Validators(etag='"3"')}, mirrors=instances(server, 4))
        assert found.changed[0].name == server.url(PATH, host="127.0.0.1")
        assert hosts(server) == [3, 1]
        assert [request.headers.get("if-none-match") for request in server.log] == ['"3"', None]


def test_every_instance_is_asked_and_the_error_names_them() -> None:
    with Server("0.0.0.0") as server:
        answers(server, {2: b"<html>"})
        with pytest.raises(SourceError) as caught:
            visit(ROUTE, mirrors=instances(server, 5))
        assert hosts(server) == [1, 2, 3, 4, 5]
        assert caught.value.kind == "http 503"
        for number in (1, 2, 3, 4, 5):
            assert server.url(PATH, host=f"127.0.0.{number}") in str(caught.value)


def test_an_instance_that_hangs_or_is_not_there_is_passed_over() -> None:
    with Server("127.0.0.9") as slow, Server() as server:
        slow.hang(PATH)
        server.put(PATH, FEED)
        dead = f"http://127.0.0.8:{slow.port}"
        found = visit(ROUTE, mirrors=(slow.url(""), dead, server.url("")), timeout=timedelta(seconds=0.3))
        assert titles(found) == ["One"]


def test_a_route_without_instances_says_what_to_write() -> None:
    with pytest.raises(FetchError, match=r"no instance: rsshub://github/issue/a\?limit=5: name RSSHub instances"):
        visit(ROUTE)


def test_a_secret_header_goes_to_an_only_instance_but_not_to_several() -> None:
    access = Access(headers=(("X-Key", "secret"),))
    asked: list[Access] = []

    async def fetch(url: str, known: Validators, limits: Limits) -> Document:
        asked.append(limits.access)
        return Document(url, url, FEED)

    source = Source(key=ROUTE, kind="feed", options=None, limits=Limits(access=access))
    for mirrors in (("https://a.example",), ("https://a.example", "https://b.example")):
        asyncio.run(feed.documents(replace(source, options=feed.Options(ROUTE, mirrors)), {}, fetch))
    assert asked == [access, Access()]
