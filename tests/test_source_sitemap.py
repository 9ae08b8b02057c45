"""Sitemaps as sources: plain, of news, gzipped, indexes of them, and broken ones."""

import gzip
import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as some

from aggregator import dates, status
from aggregator.cli import cli
from aggregator.errors import ConfigError, ParseError
from aggregator.model import Batch, Document, Source
from aggregator.reading import pool
from aggregator.sources import sitemap
from aggregator.sources.sitemap import named
from tests import planet as planets
from tests.planet import Planet
from tests.server import Server

URL = "https://harbour.example/news-sitemap.xml"
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><{} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    ' xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    ' xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">'
)


def read(body: bytes | str, url: str = URL) -> Batch:
    source = Source(key=url, kind="sitemap", options=sitemap.Options(url), categories=(("Sea",),))
    return sitemap.read(Document(url, url, body.encode() if isinstance(body, str) else body), source)


def urlset(*entries: str, root: str = "urlset") -> str:
    return HEAD.format(root) + "".join(entries) + f"</{root}>"


def page(path: str, lastmod: str = "", more: str = "", host: str = "https://harbour.example") -> str:
    return f"<url><loc>{host}{path}</loc>{f'<lastmod>{lastmod}</lastmod>' if lastmod else ''}{more}</url>"


NEWS = (
    "<news:news><news:publication><news:name>Harbour News</news:name><news:language>en</news:language>"
    "</news:publication><news:publication_date>2026-03-14T09:30:00+01:00</news:publication_date>"
    "<news:title>Lights &amp;amp; keepers</news:title><news:keywords>light, pier</news:keywords></news:news>"
    "<image:image><image:loc>/lights.jpg</image:loc></image:image>"
)


def test_a_news_sitemap_says_nearly_all() -> None:
    found = read(urlset(page("/lights/", "2026-03-15", NEWS)))
    (item,) = found.items
    assert (item.title, item.url, item.language) == ("Lights & keepers", "https://harbour.example/lights/", "en")
    assert item.published == dates.parse("2026-03-14T08:30:00Z") and item.updated == dates.parse("2026-03-15")
    assert [tag.term for tag in item.tags] == ["light", "pier"] and item.categories == (("Sea",),)
    assert item.image and item.image.url == "https://harbour.example/lights.jpg"
    assert found.feed and (found.feed.title, found.feed.url) == ("Harbour News", "https://harbour.example/")


def test_a_plain_one_is_sorted_by_its_dates_and_named_by_addresses() -> None:
    body = urlset(page("/a-first"), page("/old-one.html", "2024-01-01"), page("/"), page("/new_one/", "2026-01-01"))
    assert [(item.title, item.day_only) for item in read(body).items] == [
        ("New one", True),
        ("Old one", True),
        ("A first", False),
    ]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/how-to-cook.html", "How to cook"),
        ("/2026/03/14/harbour_lights/", "Harbour lights"),
        ("/news/2026-03-14-harbour-lights-1234567", "Harbour lights"),
        ("/news/12345", "News 12345"),
        ("/%E6%B8%AF%E5%8F%A3", "港口"),
        ("/blog/index.html", "Blog"),
        ("/post/top-10", "Top 10"),
        ("/", ""),
        ("", ""),
    ],
)
def test_a_page_is_called_by_its_address(path: str, name: str) -> None:
    assert named(f"https://harbour.example{path}") == name


@settings(max_examples=150)
@given(some.text(max_size=60))
def test_any_address_gives_one_line(path: str) -> None:
    name = named("https://harbour.example/" + path.replace("\\", ""))
    assert name == " ".join(name.split()) and len(name) <= 500


@pytest.mark.parametrize("suffix", [b"", b"\0" * 4])
def test_gzip_is_unpacked(suffix: bytes) -> None:
    packed = gzip.compress(urlset(page("/a-page")).encode()) + suffix
    assert [item.title for item in read(packed).items] == ["A page"]


def test_a_feed_is_a_sitemap_as_well() -> None:
    feed = planets.rss([{"title": "One", "link": "https://harbour.example/1"}])
    assert [item.title for item in read(feed).items] == ["One"]


BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "ha" * 50}">' for n in range(9))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not a sitemap: https://harbour.example/news-sitemap.xml: it is no XML"),
        (b"404 not found", "it is broken XML (line 1: "),
        (b"<urlset>" + b"<url>" * 100_000, "it is broken XML (line 1: "),
        (
            f"<!DOCTYPE urlset [{BOMB}]><urlset><url><loc>&a8;</loc></url></urlset>".encode(),
            "it is broken XML (line 1: ",
        ),
        (b"<html><body>x</body></html>", "it is a document of <html>"),
        (urlset(root="sitemapindex").encode(), "it is an index within an index"),
        (b"\x1f\x8bnot gzip", "its gzip is broken"),
        (gzip.compress(b"<urlset>" + bytes(50_000_001)), "too large: https://harbour.example/news-sitemap.xml: it is"),
    ],
)
def test_what_is_no_sitemap_says_so(body: bytes, said: str) -> None:
    with pytest.raises(ParseError) as error:
        read(body)
    assert said in str(error.value)


BROKEN = "<urlset><url><loc>https://x.example/a-page</loc></url>"


@pytest.mark.parametrize(
    ("body", "warnings"),
    [
        (urlset(page("/a-page"), page("/b-page"))[:-20], 1),
        (urlset(page("/a-page?a=1&b=2")), 1),
        (f"<!DOCTYPE urlset [{BOMB}]>{BROKEN}<url><loc>https://x.example/&a8;</loc></url></urlset>", 1),
        (BROKEN + "<url>" * 100_000, 1),
        (urlset("<url><loc>javascript:alert(1)</loc></url>", page("/a-page")), 0),
        (urlset("<url></url>", "<!-- x -->", page("/a-page")), 0),
    ],
)
def test_a_broken_one_gives_what_can_be_read(body: str, warnings: int) -> None:
    found = read(body)
    assert found.items[0].title == "A page" and len(found.warnings) == warnings


def test_fifty_thousand_pages_are_cut_to_the_newest() -> None:
    body = urlset(
        *(page(f"/page-{n:05}x", f"2026-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z") for n in range(12_000))
    )
    found = read(body)
    assert len(found.items) == 10_000 and found.items[0].title == "Page 11999x" and found.warnings


def test_a_gzipped_one_of_a_large_paper_is_not_too_expensive() -> None:
    words = "a-rather-long-headline-of-an-article-which-says-it-all-and-more"
    news = f"<news:news><news:title>{words}</news:title><news:keywords>law, order, health, weather, roads</news:keywords></news:news>"
    rows = (page(f"/2026/03/14/{words}-{n:05}x", "2026-03-14", news) for n in range(10_000))
    body = gzip.compress(urlset(*rows).encode())
    source = Source(URL, "sitemap", sitemap.Options(URL))
    assert len(pool.read("sitemap", Document(URL, URL, body), source).items) == 10_000


# --- A planet that reads one ----------------------------------------------------------------------------------------


def index(server: Server, *entries: tuple[str, str]) -> bytes:
    listed = (f"<sitemap><loc>{server.url(path)}</loc><lastmod>{day}</lastmod></sitemap>" for path, day in entries)
    return urlset(*listed, root="sitemapindex").encode()


def test_of_an_index_the_three_that_changed_last_are_read(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    with Server() as server:
        host = server.url("")
        days = {"/s1.xml": "2026-03-01", "/s2.xml": "2026-03-04", "/s3.xml.gz": "2026-03-03", "/s4.xml": "2026-03-02"}
        server.put("/index.xml", index(server, *days.items()), etag=True)
        for number, path in enumerate(days, 1):
            body = urlset(page(f"/story-of-{number}x", days[path], host=host)).encode()
            server.put(path, gzip.compress(body) if path.endswith("gz") else body, etag=True)
        planet.feed(server.url("/index.xml"), kind="sitemap", title="Harbour")
        planet.run()
        assert [request.path for request in server.log] == ["/index.xml", "/s2.xml", "/s3.xml.gz", "/s4.xml"]
        assert planet.titles() == ["Story of 2x", "Story of 3x", "Story of 4x"]
        del server.log[:]
        planet.run(later=timedelta(days=1))
        assert [(request.path, request.status) for request in server.log] == [("/index.xml", 304)]
        server.put("/index.xml", index(server, *(days | {"/s4.xml": "2026-03-05"}).items()), etag=True)
        more = page("/story-of-4x", days["/s4.xml"], host=host) + page("/story-of-5x", "2026-03-05", host=host)
        server.put("/s4.xml", urlset(more).encode(), etag=True)
        del server.log[:]
        planet.run(later=timedelta(days=1))
        assert [request.status for request in server.log] == [200, 200, 304, 304]
        assert planet.titles()[0] == "Story of 5x"
        planet.run(later=timedelta(days=1))  # the sitemaps in it are remembered, and nothing is lost
    assert sorted(planet.titles()) == [f"Story of {n}x" for n in (2, 3, 4, 5)]


@pytest.mark.parametrize("has_etags", [True, False])
def test_a_sitemap_of_an_index_that_is_not_there_is_a_warning(tmp_path: Path, has_etags: bool) -> None:
    planet = Planet(tmp_path)
    days = {f"/s{number}.xml": f"2026-03-0{number}" for number in (3, 2, 1)}
    with Server() as server:
        host = server.url("")

        def put(path: str) -> None:
            server.put(path, urlset(page(f"/story-of-{path[2]}x", days[path], host=host)).encode(), etag=has_etags)

        def visited() -> tuple[str, ...]:
            del server.log[:]
            planet.run(later=timedelta(days=2))
            (row,) = status.look(planet.load(), planet.now).rows
            assert row.standing and not row.standing.error
            return row.standing.warnings

        server.put("/index.xml", index(server, *days.items()), etag=True)
        for path in days:
            put(path)
        server.put("/s3.xml", status=404)
        planet.feed(server.url("/index.xml"), kind="sitemap")
        (warning,) = visited()
        assert warning.startswith(f"http 404: {host}/s3.xml: ")
        assert [request.status for request in server.log] == [200, 404, 200, 200]
        assert planet.titles() == ["Story of 2x", "Story of 1x"]
        put("/s3.xml")
        assert visited() == ()  # though the index has not changed
        assert planet.titles() == ["Story of 3x", "Story of 2x", "Story of 1x"]
        server.put("/index.xml", index(server, *days.items()) + b" ", etag=True)
        server.put("/s2.xml", status=410)
        (warning,) = visited()
        assert warning.startswith(f"http 410: {host}/s2.xml: ")
        assert visited() == (warning,)
        assert planet.titles() == ["Story of 3x", "Story of 2x", "Story of 1x"], "it takes nothing away"
        put("/s2.xml")
        assert visited() == ()
        assert visited() == () and len(server.log) == 1  # the index alone, which has not changed
        assert planet.titles() == ["Story of 3x", "Story of 2x", "Story of 1x"]


@pytest.mark.parametrize(("answer", "asked"), [(404, 3), (429, 1), (503, 1)])
def test_an_index_of_which_nothing_is_there_or_whose_host_wants_silence_fails(
    tmp_path: Path, answer: int, asked: int
) -> None:
    planet = Planet(tmp_path)
    with Server() as server:
        server.put("/index.xml", index(server, *((f"/s{number}.xml", "2026-03-01") for number in (1, 2, 3))), etag=True)
        for number in (1, 2, 3):
            server.put(f"/s{number}.xml", status=answer)
        planet.feed(server.url("/index.xml"), kind="sitemap")
        (failed,) = planet.run().failed
        assert f"http {answer}" in failed.error
        assert len(server.log) == 1 + asked


def test_an_index_leads_to_no_other_host(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    with Server("0.0.0.0") as server:
        elsewhere = f"<sitemap><loc>{server.url('/s.xml', '127.0.0.9')}</loc></sitemap>"
        server.put("/index.xml", urlset(elsewhere, root="sitemapindex").encode())
        planet.feed(server.url("/index.xml", "127.0.0.8"), kind="sitemap")
        (failed,) = planet.run().failed
        assert [request.path for request in server.log] == ["/index.xml"]
    assert "not a sitemap" in failed.error and "leads to no sitemap of its host" in failed.error


def test_absent_pages_cannot_be_dropped_as_not_all_are_read(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    planet.feed(URL, kind="sitemap", on_vanish="drop")
    with pytest.raises(ConfigError, match=r"source\[1\]\.on_vanish: a visit to a sitemap does not see all"):
        planet.load()


def test_preview_of_a_sitemap_shows_links_and_pictures(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    with Server() as server:
        server.put("/news.xml", urlset(page("/lights/", "", NEWS)).encode())
        planet.feed(server.url("/news.xml"), kind="sitemap")
        shown = CliRunner().invoke(cli, ["preview", "--config", str(planet.write()), "news.xml"])
        values = CliRunner().invoke(cli, ["preview", "--config", str(planet.write()), "news.xml", "--json"])
        assert server.url("/lights.jpg") in shown.output and "Lights & keepers" in shown.output
    assert json.loads(values.output)["selectors"] == []


def test_an_index_without_dates_says_nothing_of_its_sitemaps(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    with Server() as server:
        host = server.url("")
        body = urlset(f"<sitemap><loc>{server.url('/s.xml')}</loc></sitemap>", root="sitemapindex")
        server.put("/index.xml", body.encode(), etag=True)
        planet.feed(server.url("/index.xml"), kind="sitemap")
        for pages in (1, 2, 2):
            rows = (page(f"/story-of-{n}x", "2026-03-01", host=host) for n in range(pages))
            server.put("/s.xml", urlset(*rows).encode(), etag=True)
            planet.run(later=timedelta(days=1))
        assert [request.status for request in server.log] == [200, 200, 304, 200, 304, 304]
    assert sorted(planet.titles()) == ["Story of 0x", "Story of 1x"]


def test_a_broken_sitemap_of_an_index_is_told_and_asked_for_again(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    with Server() as server:
        host = server.url("")
        days = {"/s1.xml": "2026-03-01", "/s2.xml": "2026-03-02"}
        server.put("/index.xml", index(server, *days.items()), etag=True)
        for path in days:
            server.put(path, b"<html>away</html>", etag=True)
        planet.feed(server.url("/index.xml"), kind="sitemap")
        (failed,) = planet.run().failed
        assert "not a sitemap" in failed.error
        server.put("/s1.xml", urlset(page("/story-of-1x", "2026-03-01", host=host)).encode(), etag=True)
        planet.run(later=timedelta(days=1))
        for warnings in (1, 0):  # then it is well while the other one has not changed
            (row,) = status.look(planet.load(), planet.now).rows
            assert row.standing and len(row.standing.warnings) == warnings
            server.put("/s2.xml", urlset(page("/story-of-2x", "2026-03-02", host=host)).encode(), etag=True)
            planet.run(later=timedelta(days=1))
    assert planet.titles() == ["Story of 2x", "Story of 1x"]
