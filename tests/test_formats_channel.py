"""What RSS and Atom say of a channel besides its entries: hubs, archives, a stylesheet."""

import html
from typing import Any

import pytest
from lxml import etree

from aggregator.formats import feedgen, find
from tests import build
from tests.conformance import check

KINDS = ("rss", "atom")
FILES = {"rss": "rss.xml", "atom": "atom.xml", "json": "feed.json"}
CSS = "https://planet.example/style.css?a=1&b='2'"


def urls(place: str = "") -> dict[str, str]:
    """The addresses of one document in each format."""
    return {name: f"https://planet.example/tech/{place}{file}" for name, file in FILES.items()}


def render(kind: str, **channel: Any) -> bytes:
    """A document that is valid, of a channel with these fields."""
    given = build.channel(build.entry(), **{"urls": urls(), **channel})
    document = find(kind).render(given)
    assert check(document, kind, given.urls[kind]) == []
    return document


def links(kind: str, **channel: Any) -> list[tuple[str, str]]:
    """The rel and address of each link of the feed, in order, but for the alternates."""
    root = etree.fromstring(render(kind, **channel))
    found = (root[0] if kind == "rss" else root).findall("{http://www.w3.org/2005/Atom}link")
    return [(link.get("rel", ""), link.get("href", "")) for link in found if link.get("rel") != "alternate"]


@pytest.mark.parametrize("kind", KINDS)
def test_hubs(kind: str) -> None:
    hubs = ("https://hub.example/", "javascript:x", "https://hub.example/", "https://second.example/")
    assert links(kind, hubs=hubs) == [
        ("self", urls()[kind]),
        ("hub", "https://hub.example/"),
        ("hub", "https://second.example/"),
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ({}, {"self": urls()}),
        ({"previous": urls("2/")}, {"self": urls(), "prev-archive": urls("2/")}),
        ({"archive": 1, "urls": urls("1/"), "current": urls()}, {"self": urls("1/"), "current": urls()}),
        (
            {"archive": 2, "urls": urls("2/"), "current": urls(), "previous": urls("1/"), "next": urls("3/")},
            {"self": urls("2/"), "current": urls(), "prev-archive": urls("1/"), "next-archive": urls("3/")},
        ),
    ],
)
def test_archives(kind: str, channel: dict[str, Any], expected: dict[str, dict[str, str]]) -> None:
    assert links(kind, **channel) == [(rel, places[kind]) for rel, places in expected.items()]
    root = etree.fromstring(render(kind, **channel))
    assert len(list(root.iter(f"{{{feedgen.NAMESPACES['fh']}}}archive"))) == ("archive" in channel)
    assert ("fh" in root.nsmap) == ("archive" in channel)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("css", [CSS, "feed.css", "../../feed.css"])
def test_a_stylesheet_stands_before_the_feed(kind: str, css: str) -> None:
    document = render(kind, stylesheet=css)
    before = etree.fromstring(document).getprevious()
    assert before is not None
    assert (before.get("type"), html.unescape(before.get("href") or "")) == ("text/css", css)
    assert document.startswith(b"<?xml version='1.0' encoding='UTF-8'?>\n<?xml-stylesheet ")
    assert b"xml-stylesheet" not in render(kind) + render(kind, stylesheet='javascript:"?><x>')
    assert b"xml-stylesheet" not in render(kind, stylesheet="../x/feed.css")


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_of_feeds_is_no_alternate(kind: str) -> None:
    document = render(kind, urls={**urls(), "opml": "https://planet.example/subscriptions.opml"})
    assert b"feed.json" in document
    assert b"opml" not in document
