"""OPML: valid by its specification, and nothing of a source is lost on the way to another reader."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from aggregator.formats import documents, find, opml
from aggregator.model import Category, CategoryPath, Overview, Subscription
from tests import build, conformance_opml
from tests.conformance_opml import check
from tests.strategies import URLS, WORDS

EVERYTHING = build.category()
PRESS, TECH, AI = build.category("新媒体"), build.category("Tech"), build.category("Tech", "AI, ML")
OVERVIEW = Overview(
    title="Planet & Co",
    url="https://planet.example/",
    owner="Ann",
    updated=datetime(2024, 5, 17, 8, 30, tzinfo=UTC),
    categories=(EVERYTHING, TECH, AI, PRESS),
    names={"rss": "rss.xml", "atom": "atom.xml", "opml": "subscriptions.opml"},
    sources=(
        Subscription(
            "快科技", "https://press.example/feed", "https://press.example/", (PRESS, TECH), "zh-CN", "All of it"
        ),
        Subscription("b", "https://b.example/rss?a=1&b=2", "", (TECH,)),
        Subscription("My posts"),
        Subscription("A", "https://a.example/atom", "https://a.example/", (AI,)),
        Subscription("none", "https://none.example/"),
    ),
)


def lists(overview: Overview) -> dict[str, bytes]:
    """The documents of the channel of everything, which are valid."""
    found = dict(documents(find("opml"), build.channel(category=EVERYTHING, overview=overview)))
    for name, document in found.items():
        assert check(document) == [], name
    return found


def leaves(document: bytes) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """Each feed of a list with the folders that it is in, as a program that imports it finds them."""
    for leaf in etree.fromstring(document).iter("outline"):
        if leaf.get("type") == "rss":
            folders = [outline.get("text", "") for outline in leaf.iterancestors("outline")]
            yield tuple(reversed(folders)), {str(name): str(value) for name, value in leaf.attrib.items()}


@pytest.mark.parametrize(
    ("language", "titles"),
    [
        ("", ["P: subscriptions", "P: feeds"]),
        ("en-GB", ["P: subscriptions", "P: feeds"]),
        ("sv", ["P: subscriptions", "P: feeds"]),
        ("zh-CN", ["P: 来源", "P: 订阅"]),
    ],
)
def test_titles_in_the_language_of_the_site(language: str, titles: list[str]) -> None:
    made = lists(Overview("P", language=language))
    told = [etree.fromstring(made[name]).findtext("head/title") for name in ("subscriptions.opml", "feeds.opml")]
    assert told == titles


def test_the_subscriptions() -> None:
    document = lists(OVERVIEW)["subscriptions.opml"]
    assert [(path, leaf["title"]) for path, leaf in leaves(document)] == [
        ((), "none"),
        (("Tech",), "b"),
        (("Tech",), "快科技"),
        (("Tech", "AI, ML"), "A"),
        (("新媒体",), "快科技"),
    ]
    assert [leaf for path, leaf in leaves(document) if path == ("新媒体",)] == [
        {
            "type": "rss",
            "text": "快科技",
            "title": "快科技",
            "xmlUrl": "https://press.example/feed",
            "htmlUrl": "https://press.example/",
            "language": "zh-CN",
            "description": "All of it",
            "category": "/新媒体,/Tech",
        }
    ]
    head = etree.fromstring(document).find("head")
    assert head is not None
    assert {each.tag: each.text for each in head} == {
        "title": "Planet & Co: subscriptions",
        "dateModified": "Fri, 17 May 2024 08:30:00 GMT",
        "ownerName": "Ann",
    }
    assert b"aggregator" in document[:200]  # so that we know our own files


def test_our_feeds() -> None:
    assert [(path, leaf["text"], leaf["xmlUrl"]) for path, leaf in leaves(lists(OVERVIEW)["feeds.opml"])] == [
        ((), "Everything", "https://planet.example/atom.xml"),
        (("Tech",), "Tech", "https://planet.example/tech/atom.xml"),
        (("Tech",), "AI, ML", "https://planet.example/tech/ai%2C-ml/atom.xml"),
        ((), "新媒体", "https://planet.example/%E6%96%B0%E5%AA%92%E4%BD%93/atom.xml"),
    ]


@pytest.mark.parametrize(
    ("names", "file"),
    [
        ({"json": "feed.json", "rss": "rss.xml"}, "rss.xml"),
        ({"json": "feed.json"}, "feed.json"),
        ({"aggregator.formats.atom": "atom.xml", "json": "feed.json"}, "atom.xml"),
        ({"opml": "subscriptions.opml"}, None),
    ],
)
def test_the_format_that_our_feeds_are_listed_in(names: dict[str, str], file: str | None) -> None:
    found = list(leaves(lists(replace(OVERVIEW, names=names))["feeds.opml"]))
    assert {leaf["xmlUrl"].rpartition("/")[2] for _, leaf in found} == ({file} if file else set())


def test_other_channels_have_no_list() -> None:
    assert documents(find("opml"), build.channel(category=TECH, overview=OVERVIEW)) == {}
    assert opml.render(build.channel(category=TECH, overview=OVERVIEW)) == lists(OVERVIEW)["subscriptions.opml"]


def test_a_planet_without_anything_has_valid_lists() -> None:
    assert all(list(leaves(document)) == [] for document in lists(Overview()).values())


NAMES = st.text("ab/, é<&\x00\ud800", min_size=1, max_size=4)
PATHS = st.lists(NAMES, max_size=3).map(tuple)
CATEGORIES = st.builds(Category, PATHS, st.text("ab/é", max_size=4), WORDS)


@st.composite
def overviews(draw: st.DrawFn) -> Overview:
    """Planets with any categories and sources."""
    categories = draw(st.lists(CATEGORIES, max_size=4, unique_by=lambda one: one.path))
    own = st.lists(st.sampled_from(categories) if categories else CATEGORIES, max_size=2).map(tuple)
    source = st.builds(Subscription, WORDS, URLS | st.just("https://a.example/"), URLS, own, WORDS, WORDS)
    return Overview(
        title=draw(WORDS),
        url="https://planet.example/",
        owner=draw(WORDS),
        updated=draw(st.none() | st.just(build.DAY)),
        categories=tuple(categories),
        sources=tuple(draw(st.lists(source, max_size=4, unique_by=lambda one: (one.title, one.url)))),
        names={"atom": "atom.xml"},
    )


@settings(max_examples=60, deadline=None)
@given(overviews())
def test_any_planet_makes_valid_lists_in_a_stable_order(overview: Overview) -> None:
    turned = replace(overview, sources=tuple(reversed(overview.sources)))
    assert lists(overview) == lists(turned)


SAFE = st.text(st.characters(categories=("L", "Nd")), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.integers(1, 10**6).map("https://a.example/{}".format),
        st.tuples(SAFE, st.lists(st.lists(SAFE, max_size=3).map(tuple), max_size=3, unique=True)),
        max_size=5,
    )
)
def test_what_is_exported_is_imported(planet: dict[str, tuple[str, list[CategoryPath]]]) -> None:
    sources = tuple(
        Subscription(title, url, categories=tuple(build.category(*path) for path in paths))
        for url, (title, paths) in planet.items()
    )
    found: dict[str, Any] = {}
    for path, leaf in leaves(lists(Overview(sources=sources))["subscriptions.opml"]):
        found.setdefault(leaf["xmlUrl"], (leaf["text"], set()))[1].add(path)
    assert found == {url: (title, set(paths or [()])) for url, (title, paths) in planet.items()}


# --- The checker ----------------------------------------------------------------------------------------------------

GOOD = lists(OVERVIEW)["subscriptions.opml"].decode()
PLANTS = [
    ("NotWellFormed", "</opml>", ""),
    ("NotUTF8", "'utf-8'", "'iso-8859-1'"),
    ("InvalidOPMLVersion", '"2.0"', '"1.1"'),
    ("MissingElement", "<title>Planet &amp; Co: subscriptions</title>", ""),
    ("UndefinedElement", "<ownerName>", "<docs>x</docs><ownerName>"),
    ("UndefinedElement", "</body>", "<item/></body>"),
    ("InvalidRFC2822Date", "Fri, 17 May 2024 08:30:00 GMT", "2024-05-17T08:30:00Z"),
    ("InvalidContact", "<ownerName>", "<ownerEmail>Ann</ownerEmail><ownerName>"),
    ("MissingAttribute", 'text="Tech"', 'text=""'),
    ("MissingAttribute", 'text="Tech"', 'text="Tech" title="Tech"'),
    ("MissingAttribute", 'xmlUrl="https://press.example/feed"', ""),
    ("UndefinedAttribute", 'htmlUrl="https://press.example/"', 'url="https://press.example/"'),
    ("InvalidOutlineType", 'type="rss"', 'type="atom"'),
    ("InvalidURLAttribute", "https://press.example/feed", "feed://press.example/"),
    ("InvalidURLAttribute", "https://press.example/feed", "https://press.example/é"),
    ("InvalidLanguage", "zh-CN", "zh_CN"),
    ("InvalidCategory", 'category="/新媒体', 'category="新媒体'),
    ("AttrNotBlank", 'description="All of it"', 'description=" "'),
]


@pytest.mark.parametrize(("name", "good", "bad"), PLANTS)
def test_a_planted_defect_is_found(name: str, good: str, bad: str) -> None:
    assert good in GOOD
    found = check(GOOD.replace(good, bad, 1).encode())
    assert name in {one.partition(":")[0] for one in found}, found


def test_a_feed_that_holds_others_and_an_empty_body_are_found() -> None:
    outline = '<outline type="rss" text="x" title="x" xmlUrl="https://x.example/">{}</outline>'
    shell = '<opml version="2.0"><head><title>x</title></head><body>{}</body></opml>'
    assert check(shell.format(outline.format("")).encode()) == []
    assert check(shell.format(outline.format(outline.format(""))).encode())[0].startswith("FeedIsFolder")
    assert check(shell.format("").encode())[0].startswith("MissingOutline")


def test_every_rule_has_a_plant() -> None:
    source = inspect.getsource(conformance_opml)
    named = set(re.findall(r'"([A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+)(?=[":])', source))
    assert named - {name for name, *_ in PLANTS} == {"FeedIsFolder", "MissingOutline"}
