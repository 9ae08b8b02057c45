"""Web pages as sources: selectors, what pages mark up for machines, hostile pages, and a planet that reads one."""

import json
import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as some

from aggregator import config, dates, health
from aggregator.cli import cli
from aggregator.errors import ConfigError, ParseError
from aggregator.model import Batch, Catch, Document, Hints, Item, Pace, Source, Trouble
from aggregator.reading import pool
from aggregator.reading.worker import SECONDS
from aggregator.schedule import next_visit
from aggregator.sources import page
from aggregator.sources.command import running
from aggregator.sources.page import Options, Select
from aggregator.sources.page.selecting import Selector, parse
from aggregator.sources.page.values import day
from tests.pages import block
from tests.pages import page as written
from tests.planet import NOON, Planet
from tests.server import Server

PAGES = Path(__file__).parent / "fixtures" / "pages"
URL = "https://harbour.example/blog/"

LIGHTS = ("Harbour lights & their keepers", "2026-03-14T09:30:00Z")
TIDES = ("How tide tables are made", "2026-03-09T18:05:00Z")
ROPE = ("Rope work, a beginner’s notes", "2026-02-27T07:00:00Z")
THREE = [LIGHTS, TIDES, ROPE]
DAYS = [(title, f"{date[:10]}T00:00:00Z") for title, date in THREE]
CHANGES = [("2.1", DAYS[0][1]), ("2.0", DAYS[1][1]), ("1.9", DAYS[2][1])]
NEWS = [("港口的灯与守灯人", DAYS[0][1]), ("潮汐表是怎样做成的", DAYS[1][1]), ("绳结入门", DAYS[2][1])]


def read(body: bytes | str, url: str = URL, **select: str) -> Batch:
    """A page read by selectors."""
    source = Source(key=url, kind="page", options=Options(url, Select(**select)), categories=(("Sea",),))
    return page.read(Document(url, url, body.encode() if isinstance(body, str) else body), source)


def saved(name: str, **select: str) -> Batch:
    return read((PAGES / f"{name}.html").read_bytes(), **select)


def told(items: tuple[Item, ...]) -> list[tuple[str, str | None]]:
    return [(item.title, dates.rfc3339(item.published) if item.published else None) for item in items]


# --- Pages that are out there ---------------------------------------------------------------------------------------

CASES: dict[str, tuple[dict[str, str], list[tuple[str, str]], str]] = {
    "nikola-base": ({}, THREE, "/blog/posts/harbour-lights/"),
    "nikola-bootblog4": ({}, THREE, "/blog/posts/harbour-lights/"),
    "hexo-landscape": ({}, THREE, "/2026/03/14/harbour-lights/"),
    "hexo-landscape-archives": ({"item": "article.archive-article"}, THREE, "/2026/03/14/harbour-lights/"),
    "hexo-butterfly": (
        {"item": ".recent-post-item", "title": ".article-title", "content": ".content"},
        THREE,
        "/2026/03/14/harbour-lights/",
    ),
    "hexo-butterfly-archives": (
        {"item": ".article-sort-item:not(.year)", "title": ".article-sort-item-title"},
        THREE,
        "/2026/03/14/harbour-lights/",
    ),
    "mkdocs-material": ({"item": "article.md-post"}, DAYS, "/blog/harbour-lights--their-keepers/"),
    "ablog-alabaster": (
        {"item": "li.ablog-post", "title": "a", "date": ".ablog-post-title"},
        DAYS,
        "/blog/posts/harbour-lights/",
    ),
    "hugo-skeleton": ({"item": "main section"}, [(title, "") for title, _ in THREE], "/posts/harbour-lights/"),
    "written-wordpress": ({}, THREE, "/2026/03/harbour-lights/"),
    "written-microdata": ({}, THREE, "/harbour-lights/"),
    "written-graph": ({}, THREE, "/harbour-lights/"),
    "written-changelog": (
        {"item": "section.release", "title": "h2 a", "date": "small"},
        CHANGES,
        "/tool/changes.html#v2.1",
    ),
    "written-gb2312": ({"item": "td > table tr", "date": "font"}, NEWS, "/blog/show.asp?id=31"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_saved_page_gives_its_entries(name: str) -> None:
    select, entries, link = CASES[name]
    found = saved(name, **select)
    assert told(found.items) == [(title, date or None) for title, date in entries]
    assert found.items[0].url == f"https://harbour.example{link}"
    assert {item.categories for item in found.items} == {(("Sea",),)}
    assert [(catch.name, catch.found, catch.of) for catch in found.catches[:3]] == [
        ("item", 3, 3),
        ("title", 3, 3),
        ("link", 3, 3),
    ]


def test_every_saved_page_is_read() -> None:
    assert {path.stem for path in PAGES.glob("*.html")} == CASES.keys()


@pytest.mark.parametrize(
    ("name", "author", "picture", "words", "tags"),
    [
        ("written-wordpress", "Ann Keeper", "/wp-content/uploads/lights.jpg", "The last keeper", ["light", "pier"]),
        ("written-microdata", "Ann Keeper", "/lights.jpg", "The last keeper", []),
        ("written-graph", "Ann Keeper", "/lights.jpg", "The last keeper", ["light", "pier"]),
    ],
)
def test_what_else_a_page_marks_up(name: str, author: str, picture: str, words: str, tags: list[str]) -> None:
    first = saved(name).items[0]
    assert [person.name for person in first.authors] == [author]
    assert first.image and first.image.url == f"https://harbour.example{picture}"
    assert first.summary.startswith(words)
    assert [tag.term for tag in first.tags] == tags


def test_what_the_page_says_of_itself() -> None:
    found = saved("written-wordpress")
    assert found.feed and (found.feed.title, found.feed.url, found.feed.language) == ("News – Harbour", URL, "en-GB")
    assert {item.language for item in found.items} == {"en-GB"}


def test_an_archive_of_days_is_known_as_such() -> None:
    assert [item.day_only for item in saved("mkdocs-material", item="article").items] == [True] * 3


@pytest.mark.parametrize(
    ("said", "entries"),
    [
        ({"@type": "NewsArticle", "headline": "A", "url": "/a"}, [("A", "/a")]),
        ([{"@type": ["Thing", "Article"], "name": "A", "@id": "/a"}], [("A", "/a")]),
        ({"@type": "Article", "headline": ["A", 3], "url": ["/a"]}, [("A", "/a")]),
        (
            {"@type": "ItemList", "itemListElement": [
                {"@type": "ListItem", "url": "/a", "name": "A"},
                {"@type": "ListItem", "item": {"@type": "WebPage", "@id": "/b", "name": "B"}},
                {"@type": "ListItem", "item": "/c", "name": "C"},
            ]},
            [("A", "/a"), ("B", "/b"), ("C", "/c")],
        ),
        ({"@type": "WebSite", "name": "A", "url": "/a"}, []),
        ({"@type": "BreadcrumbList", "itemListElement": [{"@type": "ListItem", "name": "A", "item": "/a"}]}, []),
        ({"@type": 3, "headline": {}, "url": None}, []),
        ({"@type": "Article", "headline": 3, "url": None, "image": {"@id": 4}, "author": [None], "keywords": {}}, []),
    ],
)  # fmt: skip
def test_json_ld_is_read_whatever_shape_it_has(said: object, entries: list[tuple[str, str]]) -> None:
    script = f'<script type="application/ld+json">{json.dumps(said)}</script>'
    if not entries:
        with pytest.raises(ParseError, match="no match"):
            read(script)
        return
    found = [(item.title, item.url.removeprefix("https://harbour.example")) for item in read(script).items]
    assert found == entries


def test_what_stands_in_an_item_of_its_own_is_not_said_of_what_is_around_it() -> None:
    card = '<div class="p-author h-card"><b class="p-name">Ann</b> <a class="u-url" href="/ann">x</a></div>'
    reply = '<div class="h-entry"><a class="p-name u-url" href="/reply">Reply</a></div>'
    body = f'<div class="h-entry">{card}<a class="u-url" href="/1"><h2 class="p-name">One</h2></a>{reply}</div>'
    (item,) = read(body).items
    assert (item.title, item.url) == ("One", "https://harbour.example/1")
    assert [person.name for person in item.authors] == ["Ann"]


# --- Selectors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "selector"),
    [
        ("h2 a", Selector("h2 a")),
        ("h2 a@href", Selector("h2 a", "href")),
        ("@href", Selector("", "href")),
        (" img @data-src ", Selector("img", "data-src")),
        ('a[href*="@x"]', Selector('a[href*="@x"]')),
        ('a[href*="@x"]@title', Selector('a[href*="@x"]', "title")),
    ],
)
def test_the_attribute_stands_behind_the_selector(written: str, selector: Selector) -> None:
    assert parse(written) == selector


ROW = (
    '<ul><li class="x"><a href="/1" title="Whole title"><img data-src="/1.png" src="/lazy.gif">Sh…</a>'
    '<i data-when="2026-03-14">today</i><b>By Ann <u>Keeper</u></b><p>Text <script>alert(1)</script></p></li></ul>'
)


@pytest.mark.parametrize(
    ("select", "field", "value"),
    [
        ({}, "title", "Sh…"),
        ({"title": "a@title"}, "title", "Whole title"),
        ({"link": "a@title"}, "url", "https://harbour.example/blog/Whole%20title"),
        ({"date": "i@data-when"}, "published", dates.parse("2026-03-14")),
        ({"date": "i"}, "published", None),
        ({"content": "p"}, "content", "Text"),
        ({"content": ":scope > p"}, "content", "Text"),
        ({"author": "u"}, "authors", ("Keeper",)),
        ({"title": ":scope"}, "title", "Sh…todayBy Ann Keeper Text"),
    ],
)
def test_fields_are_looked_for_in_the_item(select: dict[str, str], field: str, value: object) -> None:
    (item,) = read(ROW, item="li.x", **select).items
    found = tuple(person.name for person in item.authors) if field == "authors" else getattr(item, field)
    assert found == value


def test_a_lazy_picture_is_the_one_that_is_meant() -> None:
    (item,) = read(ROW, item="li.x").items
    assert item.image and item.image.url == "https://harbour.example/1.png"


def test_an_item_may_be_the_link_itself_or_stand_in_one() -> None:
    assert [i.url for i in read('<a class="c" href="/1">One</a>', item="a.c").items] == ["https://harbour.example/1"]
    assert [i.url for i in read('<a href="/2"><div>Two</div></a>', item="div").items] == ["https://harbour.example/2"]


def test_a_button_is_no_link_and_an_author_no_picture_of_an_entry() -> None:
    """As an archive by Pelican and cards by Docusaurus and Jekyll have it."""
    body = """<article><a href="#">One</a> <a href="JavaScript:open()">+</a> <img class="author-image" src="/ann.png">
      <div class="avatar"><a href="#"><img src="/ann-large.png"></a></div> <a href="./one.html">Read more</a>
      <img src="/one.png"></article>"""
    (item,) = read(body, item="article").items
    assert (item.title, item.url) == ("One", "https://harbour.example/blog/one.html")
    assert item.image and item.image.url == "https://harbour.example/one.png"
    (named,) = read(body, item="article", image=".author-image").items
    assert named.image and named.image.url == "https://harbour.example/ann.png"


@pytest.mark.parametrize(
    "style", ["background: url(/a.png) center", "background-image:url('/a.png')", 'url( "/a.png" )']
)
def test_a_picture_may_stand_in_a_style(style: str) -> None:
    body = f"<article><h2><a href='/a'>A</a></h2><i style='{style.replace(chr(39), '&#39;')}'></i></article>"
    (item,) = read(body, item="article", image="i@style").items
    assert item.image and item.image.url == "https://harbour.example/a.png"


def test_two_links_to_one_entry_are_one() -> None:
    body = '<a href="/1"><img src="/1.png"></a><a href="/1">One</a><a href="/2">Two</a><a href="#">Up</a>'
    found = read(body, item="a").items
    assert [(item.title, item.url.removeprefix("https://harbour.example")) for item in found] == [
        ("One", "/1"),
        ("Two", "/2"),
        ("Up", ""),
    ]
    assert found[0].image and found[0].image.url == "https://harbour.example/1.png"


def test_places_on_a_page_are_entries_of_their_own() -> None:
    found = read('<h2><a href="#a">A</a></h2><h2><a href="#b">B</a></h2>', item="h2").items
    assert [item.guid for item in found] == [f"{URL}#a", f"{URL}#b"]


def test_links_start_at_the_base_of_the_page() -> None:
    body = '<base href="//cdn.example/x/"><h2><a href="1">A</a></h2>'
    assert read(body, item="h2").items[0].url == "https://cdn.example/x/1"


def test_what_a_page_says_is_cleaned() -> None:
    body = (
        '<li><a href="javascript:x()">T&amp;C</a><p onclick="x()">Hi <img src="x" onerror="y"><svg/onload=z></p></li>'
    )
    (item,) = read(body, item="li", content="p").items
    assert (item.url, item.title) == ("", "T&C")
    assert item.content == 'Hi <img src="https://harbour.example/blog/x">'


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ("Posted on March 5, 2024 by Ann", "2024-03-05T00:00:00Z"),
        ("发布于 2024年3月5日 12:30", "2024-03-05T12:30:00Z"),
        ("Updated: 2024-03-05 | 3 min read", "2024-03-05T00:00:00Z"),
        ("Le 5 mars 2024", "2024-03-05T00:00:00Z"),
        ("3 min read · 2024", None),
        ("three days ago", None),
        ("", None),
    ],
)
def test_a_date_in_words(said: str, date: str | None) -> None:
    found = day(said, "UTC").when
    assert (dates.rfc3339(found) if found else None) == date


@pytest.mark.parametrize(
    ("said", "language", "date"),
    [
        ("05/03/2026", "", "2026-05-03"),
        ("05/03/2026", "en", "2026-05-03"),
        ("05/03/2026", "en-US", "2026-05-03"),
        ("05/03/2026", "en-GB", "2026-03-05"),
        ("Publié le 05/03/2026 à 12:30", "fr", "2026-03-05"),
        ("05/03/2026", "pt-BR", "2026-03-05"),
        ("05/03/2026", "es-PR", "2026-05-03"),
        ("25/03/2026", "en-US", "2026-03-25"),
        ("03/25/2026", "de", "2026-03-25"),
        ("2026/05/03", "de", "2026-05-03"),
    ],
)
def test_slashes_are_read_as_the_language_has_them(said: str, language: str, date: str) -> None:
    found = day(said, "UTC", language).when
    assert found
    assert f"{found:%Y-%m-%d}" == date


def test_the_language_is_that_of_the_page_or_the_sources_own() -> None:
    row = '<li class="x"><a href="/1">One</a><i>05/03/2026</i></li>'
    options = Options(URL, Select("li", date="i"))
    for lang, own, month in (("en-GB", "", 3), ("en-US", "", 5), ("en-GB", "en-US", 5), ("", "en-GB", 3)):
        source = Source(key=URL, kind="page", options=options, language=own)
        (item,) = page.read(Document(URL, URL, f'<html lang="{lang}">{row}</html>'.encode()), source).items
        assert item.published and item.published.month == month


def test_a_date_that_cannot_be_read_does_not_count_as_found() -> None:
    rows = [
        f'<li><a href="/{n}">{n}</a><i>{said}</i></li>' for n, said in enumerate(("3. maaliskuuta 2026", "2026-03-04"))
    ]
    some, none = read("".join(rows), item="li", date="i"), read(rows[0] * 2, item="li", date="i")
    assert [(each.found, each.of, each.missed) for each in some.catches if each.name == "date"] == [(1, 2, ("0",))]
    assert some.warnings == ()
    said = "date: selector `i` finds no date that can be read in any of 2 items, but: 3. maaliskuuta 2026"
    assert none.warnings == (said,)


@settings(max_examples=100)
@given(some.text(max_size=80))
def test_any_text_may_stand_where_a_date_is_looked_for(said: str) -> None:
    found = day(said, "Asia/Shanghai")
    assert found.when is None or found.when.utcoffset() == timedelta(0)


@settings(max_examples=60, deadline=None)
@given(
    some.lists(
        some.sampled_from(['<li class="h-entry">', "</li>", "<a href='/1'>", "x", "<time>", "<h2", "&#0;", "\0"])
    )
)
def test_any_markup_gives_entries_or_says_so(pieces: list[str]) -> None:
    for select in ({}, {"item": "li", "content": ":scope"}):
        try:
            found = read("<p>" + "".join(pieces), **select)
        except ParseError as error:
            assert error.kind == "no match"
        else:
            assert all(item.title or item.url or item.content for item in found.items)


# --- Pages that give nothing, and hostile ones ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "select", "said"),
    [
        ("<p>x", {"item": "article.post"}, "no match: selector `article.post` matched nothing; look at the page"),
        ("<p>x", {}, "no match: no h-entry and no article of schema.org is on the page"),
        ("<li></li><li></li>", {"item": "li"}, "no match: neither a title nor a link was found in any of 2 items"),
        (" <rss><channel>", {"item": "item"}, 'no match: it is a feed; leave kind = "page" out'),
        (" \n", {"item": "li"}, "empty: the server sent an empty document"),
    ],
)
def test_a_page_that_gives_nothing_says_so(body: str, select: dict[str, str], said: str) -> None:
    with pytest.raises(ParseError) as error:
        read(body, **select)
    assert str(error.value).startswith(said)


def test_a_selector_that_misses_names_where() -> None:
    catches = read(
        ROW.replace("</ul>", '<li class="x"><a href="/2">Two</a></li></ul>'), item="li.x", author="b"
    ).catches
    assert catches[-1] == Catch("author", "b", 1, 2, ("Two",))


def test_a_selector_that_catches_nothing_at_all_is_a_warning() -> None:
    body = '<li><a href="/1">One</a></li><li><a href="/2">Two</a></li>'
    assert read(body, item="li", date=".date").warnings == ("date: selector `.date` matched nothing in any of 2 items",)
    assert not read(body, item="li").warnings


HOSTILE: dict[str, tuple[bytes, dict[str, str], str]] = {  # a slow machine may give up where a quick one is done
    "100,000 nested tags": (b"<div>" * 100_000 + b"<p><a href='/1'>x</a>", {"item": "p"}, "x or too expensive"),
    "each of them an item": (b"<div>" * 100_000 + b"x", {"item": "div", "content": ":scope"}, "too expensive"),
    "formatting that multiplies": (b"<a href=/1><b><i><p>" * 20_000, {"item": "p"}, "too expensive"),
    "a slow selector": (
        b"<div class=a>" + b"<p><b>x</b></p>" * 30_000,
        {"item": "p:has(~ i)"},
        "no match or too expensive",
    ),
    "a tag that does not end": (b"<p " * 500_000, {"item": "p"}, "no match or too expensive"),
    "one attribute of 5 MB": (
        b"<p class='" + b"x " * 2_500_000 + b"'>y</p>",
        {"item": "p.z"},
        "no match or too expensive",
    ),
    "nested JSON": (
        b'<script type="application/ld+json">' + b"[" * 500_000 + b"</script>",
        {},
        "no match or too expensive",
    ),
    "zeros": (bytes(1_000_000), {"item": "p"}, "empty"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_ends_in_a_clear_state(name: str) -> None:
    body, select, outcome = HOSTILE[name]
    seconds = 4.0 if outcome == "too expensive" else SECONDS
    source = Source(key=URL, kind="page", options=Options(URL, Select(**select)))
    try:
        said = pool.read("page", Document(URL, URL, body), source, seconds).items[0].title
    except ParseError as error:
        said = error.kind
    assert said in outcome.split(" or ")


# --- The config -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("select", "said"),
    [
        ('{ item = "article[" }', "source[1].select: `item` is no CSS selector (Malformed attribute selector"),
        ('{ item = "a", title = "h2 >" }', "source[1].select: `title` is no CSS selector ("),
        ('{ item = "a@href" }', "source[1].select: `item` finds elements, and @href is no element; leave it out"),
        ('{ title = "h2" }', "source[1].select: `title` is looked for in each item; write `item`"),
        ('{ item = "a", tilte = "b" }', 'source[1].select.tilte: unknown key; did you mean "title"?'),
        ("{ item = 3 }", "source[1].select.item: write text in quotes"),
        ('"article"', "source[1].select: write it as a table"),
    ],
)
def test_a_mistake_in_a_selector_is_found_by_the_config(tmp_path: Path, select: str, said: str) -> None:
    file = tmp_path / "aggregator.toml"
    source = f'[[source]]\nkind = "page"\nurl = "{URL}"\nselect = {select}\n'
    file.write_text(f'[site]\ntitle = "P"\nbase_url = "https://p.example/"\n{source}', encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        config.load(file)
    assert error.value.problems[0].partition(": ")[2].startswith(said)


def test_the_example_of_the_docs_is_read(tmp_path: Path) -> None:
    file = tmp_path / "aggregator.toml"
    site = '[site]\ntitle = "P"\nbase_url = "https://p.example/"\nallow_commands = true\n'
    file.write_text(site + block("docs/sources.md", "pages"), encoding="utf-8")
    sources = config.load(file).sources
    assert [source.kind for source in sources] == ["page", "sitemap", "command"]
    assert all(getattr(sources[0].options.select, each.name) for each in fields(Select))
    assert all(f"`{name}`" in written("docs/sources.md") for name in running.ENVIRONMENT)


# --- A planet that reads one ----------------------------------------------------------------------------------------

LIST = '<ul><li class="post"><a href="/1">One</a> <time>2026-03-12</time></li>{}</ul>'
SELECT = {"item": "li.post"}


@pytest.fixture
def planet(tmp_path: Path) -> Planet:
    return Planet(tmp_path)


def test_a_page_is_a_source_like_any_other(planet: Planet) -> None:
    with Server() as server:
        server.put("/news", LIST.format("").encode(), etag=True)
        planet.feed(server.url("/news"), kind="page", select=SELECT, title="News", category="Sea")
        planet.run()
        ids = planet.ids()
        planet.run(later=timedelta(hours=2))
        assert [request.status for request in server.log] == [200, 304]
        more = '<li class="post"><a href="/2">Two</a> <time>2026-03-13</time></li>'
        server.put("/news", LIST.format(more).encode(), etag=True)
        planet.run(later=timedelta(days=2))
    assert planet.titles() == ["Two", "One"] == planet.titles("sea/atom.xml")
    assert planet.ids()["One"] == ids["One"]


def test_other_selectors_read_a_page_anew_that_has_not_changed(planet: Planet) -> None:
    with Server() as server:
        server.put("/news", LIST.format('<li class="b"><a href="/2">Two</a></li>').encode(), etag=True)
        planet.feed(server.url("/news"), kind="page", select=SELECT)
        planet.run()
        planet.sources[0]["select"] = {"item": "li"}
        planet.run(later=timedelta(days=1))
        assert [request.status for request in server.log] == [200, 200]
        planet.run(later=timedelta(days=1))
        assert server.log[-1].status == 304
    assert sorted(planet.titles()) == ["One", "Two"]


def test_a_changed_layout_is_told_with_the_visits_that_it_lasts_and_removes_nothing(planet: Planet) -> None:
    with Server() as server:
        server.put("/news", LIST.format("").encode(), etag=True)
        planet.feed(server.url("/news"), kind="page", select=SELECT, title="News", on_vanish="drop")
        planet.run()
        server.put("/news", b"<main>All is new here</main>", etag=True)
        waits, errors = [], []
        for _ in range(12):
            (outcome,) = planet.run(later=timedelta(days=1, minutes=1)).outcomes
            errors.append(outcome.error)
            waits.append(outcome.next_visit - planet.now if outcome.next_visit else None)
        file = str(planet.root / "config" / "aggregator.toml")
        state = json.loads(CliRunner().invoke(cli, ["status", "--config", file, "--json"]).output)["sources"][0]
        server.put("/news", LIST.format("").encode(), etag=True)
        assert not planet.run(later=timedelta(days=1, minutes=1)).failed
    assert errors[0].startswith("no match: selector `li.post` matched nothing; ")
    assert errors[2].startswith("no match: selector `li.post` matched nothing since 3 visits; look at the page")
    assert (state["state"], state["why"]) == ("failing", "selector `li.post` matched nothing since 12 visits")
    assert not any("aggregator preview" in error for error in errors)  # `preview` says the same
    assert "`aggregator preview News` shows what they catch" in state["advice"]
    assert max(wait for wait in waits if wait) <= timedelta(hours=1, minutes=1)  # the cap of this planet's visits
    assert planet.titles() == ["One"]


def test_it_is_asked_as_often_as_a_page_that_is_well() -> None:
    def wait(kind: str) -> timedelta:
        pace = Pace(jitter=0.0)
        return next_visit(NOON, "k", pace, Hints(), validated=True, failures=9, trouble=Trouble(kind)).when - NOON

    assert wait("no match") <= timedelta(days=1, minutes=1) < wait("http 500")


def test_a_page_that_has_moved_is_asked_at_its_new_address(planet: Planet) -> None:
    with Server() as server:
        server.put("/old", LIST.format("").encode(), etag=True)
        planet.feed(server.url("/old"), kind="page", select=SELECT)
        planet.run()
        server.redirect("/old", "/new", status=301)
        server.put("/new", LIST.format("").encode(), etag=True)
        for _ in range(4):
            planet.run(later=timedelta(hours=13))
        assert [(request.path, request.status) for request in server.log[-1:]] == [("/new", 304)]
        assert server.log[-2].path == "/new"  # without the way through the old one
    assert planet.titles() == ["One"]


def test_a_page_that_is_too_large_is_refused(planet: Planet) -> None:
    with Server() as server:
        server.endless("/news")
        planet.feed(server.url("/news"), kind="page", select=SELECT, max_bytes="1MB")
        (failed,) = planet.run().failed
    assert failed.error.startswith("too large: ")


EARLY = "(the last visit came before its time, and does not count)"


@pytest.mark.parametrize(
    ("error", "before", "again", "said"),
    [
        ("no match: x; y", "", True, "no match: x; y"),
        ("no match: x; y", "no match: x; y", True, "no match: x since 2 visits; y"),
        ("no match: x; y", "no match: x since 2 visits; y", True, "no match: x since 3 visits; y"),
        ("no match: x; y", "no match: x since 2 visits; y", False, f"no match: x since 2 visits {EARLY}; y"),
        ("no match: x; y", "no match: x; y", False, f"no match: x {EARLY}; y"),
        ("no match: x; y", f"no match: x {EARLY}; y", True, "no match: x since 2 visits; y"),
        ("no match: x; y", f"no match: x since 2 visits {EARLY}; y", True, "no match: x since 3 visits; y"),
        ("no match: x; y", f"no match: x since 2 visits {EARLY}; y", False, f"no match: x since 2 visits {EARLY}; y"),
        ("no match: x; y", "no match: z since 2 visits; y", True, "no match: x; y"),
        ("no match: x; y", "http 500: x", True, "no match: x; y"),
        ("http 500: x; y", "http 500: x; y", True, "http 500: x; y"),
        ("", "no match: x", True, ""),
    ],
)
def test_only_what_lasts_is_counted(error: str, before: str, again: bool, said: str) -> None:
    assert health.counted(error, before, again=again) == said


def test_a_page_is_no_feed_to_subscribe_to(planet: Planet) -> None:
    with Server() as server:
        server.put("/news", LIST.format("").encode())
        planet.site["formats"] = ["atom", "opml", "html"]
        planet.feed(server.url("/news"), kind="page", select=SELECT, title="News")
        planet.run()
        subscriptions = (planet.root / "feeds" / "subscriptions.opml").read_text(encoding="utf-8")
        assert f'xmlUrl="{server.url("/news")}"' not in subscriptions


def test_changelog_entries_stay_apart_and_keep_their_ids(planet: Planet) -> None:
    row = '<h2 id="{0}"><a href="#{0}">{0}</a></h2>'
    with Server() as server:
        server.put("/changes", (row.format("v1") + row.format("v2")).encode(), etag=True)
        planet.feed(server.url("/changes"), kind="page", select={"item": "h2"})
        planet.run()
        ids = planet.ids()
        server.put("/changes", (row.format("v3") + row.format("v2") + row.format("v1")).encode(), etag=True)
        planet.run(later=timedelta(days=2))
    assert sorted(planet.titles()) == ["v1", "v2", "v3"]
    assert {title: planet.ids()[title] for title in ids} == ids and len({*planet.ids().values()}) == 3


# --- preview --------------------------------------------------------------------------------------------------------


def shell(planet: Planet, *words: str) -> Any:
    return CliRunner().invoke(cli, ["preview", "--config", str(planet.write()), *words])


def test_preview_shows_what_selectors_catch(planet: Planet) -> None:
    with Server() as server:
        server.put("/news", LIST.format('<li class="post"><a href="/2">Two</a><img src="/2.png"></li>').encode())
        planet.feed(server.url("/news"), kind="page", select={**SELECT, "title": "a"}, title="News")
        done = shell(planet, "News")
        values = json.loads(shell(planet, "News", "--json").output)
    lines = [re.split(r" {2,}", line.strip()) for line in done.output.splitlines()]
    assert ["item", "li.post", "2"] in lines and ["title", "a", "2 of 2"] in lines
    assert ["date", "(where it usually is)", "1 of 2", "Two"] in lines
    assert any(line[:4] == ["no date", "Two", server.url("/2"), server.url("/2.png")] for line in lines)
    assert values["selectors"][0] == {"name": "item", "selector": "li.post", "found": 2, "of": 2, "missed": []}
    assert [each["missed"] for each in values["selectors"] if each["name"] == "date"] == [["Two"]]


def test_preview_tries_selectors_on_any_page(planet: Planet) -> None:
    with Server() as server:
        server.put("/news", LIST.format("").encode())
        done = shell(planet, server.url("/news"), "--item", "li", "--title", "a")
        missed = shell(planet, server.url("/news"), "--item", "article.post")
        wrong = CliRunner().invoke(cli, ["preview", "--config", str(planet.write()), server.url("/x"), "--item", "a["])
    assert done.exit_code == 0 and "One" in done.output
    assert missed.exit_code == 1 and "selector `article.post` matched nothing" in missed.output
    lines = [re.split(r" {2,}", line.strip()) for line in missed.output.splitlines()]
    assert ["item", "article.post", "0"] in lines and ["title", "(where it usually is)", "0 of 0"] in lines
    assert f"`aggregator preview {server.url('/news')} --item CSS --title CSS`" in missed.output
    assert "--item CSS" not in done.output
    assert isinstance(wrong.exception, ConfigError) and "is no CSS selector" in str(wrong.exception)
