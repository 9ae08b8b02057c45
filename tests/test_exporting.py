"""What is exported is imported again: all that a kind of list holds comes back, and what it does not hold is said."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import explaining, exporting, formats, importing
from aggregator.config import Config
from aggregator.exporting import KINDS
from aggregator.formats import opml
from aggregator.importing import Listed
from tests.planet import Planet, atom
from tests.server import Server

NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=8).filter(
    lambda name: importing.listed.line(name) == name
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(importing.listed.path)
PLACES = st.integers(1, 10**6).map("https://a.example/{}".format) | st.integers(1, 10**6).map("rsshub://a/{}".format)
FEEDS = st.builds(
    Listed,
    st.just(""),
    PLACES,
    st.just("") | NAMES,
    st.lists(PATHS, max_size=3, unique=True).map(tuple),
    st.sampled_from(["", "en", "zh-CN"]),
    st.sampled_from(["", "https://a.example/", "https://a.example/?a=1&b=%20%C3%A9"]),
    st.just("") | NAMES,
)


def without_place(feed: Listed) -> Listed:
    """A feed as two lists have it: where it stands, and the order of its categories, make no difference."""
    return replace(feed, where="", categories=tuple(sorted(feed.categories)))


@settings(max_examples=150, deadline=None)
@given(st.lists(FEEDS, max_size=5, unique_by=lambda feed: feed.url), NAMES)
def test_opml_loses_nothing(feeds: list[Listed], description: str) -> None:
    said = {path: description for feed in feeds for path in feed.categories}
    document = opml.subscriptions(exporting.overview(feeds, "P", said))
    found = importing.read(document, "list")
    assert (found.kind, found.lost, found.broken) == ("opml", (), "")
    assert found.said == said
    assert {each.url: without_place(each) for each in found.feeds} == {each.url: without_place(each) for each in feeds}


TRICKY: list[dict[str, Any]] = [
    {"url": "https://a.example/feed?a=1&b=2", "title": "It's \"quoted\" \\ & <b>100 %</b> $HOME `x` [x]", "category": "tech/python"},
    {"url": "https://b.example/", "category": [["新媒体", "C++"], ["a b"], ["!x", "~y"], ["~z"]], "language": "zh-CN"},
    {"url": "https://[::1]:8080/feed", "title": "#1; = : ~!"},
    {"url": "rsshub://a/b", "title": "A route"},
]  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Config:
    planet = Planet(tmp_path)
    planet.fetch["rsshub"] = ["https://hub.example/"]
    planet.sources += TRICKY
    return planet.load()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_comes_back(config: Config, kind: str) -> None:
    document, _ = exporting.export(config, kind)
    found = importing.read(document, "list")
    holds: dict[str, tuple[str, ...]] = {
        "opml": ("title", "categories", "language"),
        "json": ("title", "categories", "language"),
        "urls": ("title", "categories"),
        "sfeedrc": ("title",),
        "planet.ini": ("title",),
    }
    route = "rsshub://a/b" if kind in ("opml", "json", "list") else "https://hub.example/a/b"
    wanted: dict[str, dict[str, Any]] = {}
    for source in config.sources:
        url = route if source.key.startswith("rsshub") else source.key
        wanted[url] = {name: getattr(source, name) for name in holds.get(kind, ())}
    wanted = {url: {**said, **({"categories": set(said["categories"])} if "categories" in said else {})} for url, said in wanted.items()}  # fmt: skip
    assert found.kind == kind
    assert {
        each.url: {
            name: set(each.categories) if name == "categories" else getattr(each, name) for name in holds.get(kind, ())
        }
        for each in found.feeds
    } == wanted
    assert all(each.why.startswith("is for you to write") for each in found.lost)


def test_what_a_list_cannot_hold_is_said(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    planet.seeds()
    planet.feed("https://me:secret@a.example/", title="A", category="x", language="de", priority=3, keep=5)
    planet.feed("rsshub://a/b", enabled=False)
    planet.categories.append({"path": "x", "description": "What is said of x"})
    for kind, wanted in {
        "opml": ["opml cannot hold: disabled of 1"],
        "urls": ["rsshub://a/b: only we know rsshub://; name an instance in [fetch] rsshub; left out", "urls cannot hold: language of 1, descriptions of categories of 1"],
        "list": ["list cannot hold: title of 1, categories of 1, language of 1, disabled of 1, descriptions of categories of 1"],
    }.items():  # fmt: skip
        document, notes = exporting.export(planet.load(), kind)
        assert b"secret" not in document
        assert list(notes) == [
            "seed:seeds: is of kind seed, no feed; left out",
            "https://***@a.example/: its login is left out",
            *wanted,
            "these keys stay in the config alone: keep, priority",
        ]
    assert not (tmp_path / "var").exists()  # looking makes no store


def test_a_category_in_two_spellings_is_one(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    with Server() as server:
        server.put("/a", atom([{"id": "a", "title": "One", "date": planet.now}]))
        planet.feed(server.url("/a"), category=[["tech", "Rust"], ["TECH", "rust"], ["News"]])
        planet.feed("https://b.example/", category="Tech/Go", enabled=False)
        first = exporting.export(planet.load(), "urls")[0].decode()
        planet.run()
        later = exporting.export(planet.load(), "urls")[0].decode()
        told, _ = explaining.explain(planet.load(), "One")
    assert '"TECH/rust" "News"' in first
    assert '"TECH/Go"' in first
    assert '"TECH/rust" "News"' in later
    assert [line for label, line in told[0].lines if label == "category"] == [
        "in everything: it is in News",
        "in News: it is put there",
        "in TECH: it is in TECH / rust",
        "in TECH / rust: it is put there",
    ]


def test_a_slash_in_a_name_is_said_where_it_parts_levels(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    planet.feed("https://a.example/", category=[["Music", "AC/DC"], ["b", "c"]])
    notes = {kind: exporting.export(planet.load(), kind)[1] for kind in ("urls", "opml")}
    assert notes == {"urls": ("urls: who reads it takes the slash in AC/DC for a level of its own",), "opml": ()}


def test_what_feeds_say_of_themselves_is_in_it(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    with Server() as server:
        feed = atom([{"id": "a", "title": "One", "date": planet.now}], "The feed's own title")
        server.put("/feed", feed)
        planet.feed(server.url("/feed"))
        planet.run()
        document, _ = exporting.export(planet.load(), "opml")
        assert b"The feed's own title" in document


def test_a_published_list_is_imported(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    planet.site["formats"] = ["opml"]
    planet.feed("http://127.0.0.1:9/feed", title="A", category=[["Tech", "AI, ML"], ["x"]])
    planet.run()
    (feed,) = importing.read((tmp_path / "feeds" / formats.find("opml").FILENAME).read_bytes(), "list").feeds
    assert (feed.title, set(feed.categories)) == ("A", {("Tech", "AI, ML"), ("x",)})
