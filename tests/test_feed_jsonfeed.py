"""JSON Feed 1.0 and 1.1, with every type where it does not belong."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import Enclosure, Feed, Image, Item, Link, Person, Tag
from tests.test_feed import URL, assert_lawful, read

VERSION = "https://jsonfeed.org/version/1.1"


def of_json(*items: Any, **feed: Any) -> tuple[Item, ...]:
    return read(json.dumps({"version": VERSION, "items": items, **feed})).items


def test_a_whole_feed() -> None:
    batch = read(
        "\ufeff\n"
        + json.dumps(
            {
                "version": VERSION,
                "title": "T",
                "home_page_url": "https://site.example/home/",
                "feed_url": "/feed.json",
                "description": "About\nall",
                "icon": "/icon.png",
                "favicon": "/favicon.ico",
                "authors": [{"name": "A", "url": "/a"}],
                "language": "en_US",
                "hubs": [{"type": "WebSub", "url": "https://hub.example/"}, "?"],
                "items": [
                    {
                        "id": 7,
                        "url": "1",
                        "external_url": "https://other.example/",
                        "title": "AT&T",
                        "content_html": "<p><a href='2'>x</a></p>",
                        "summary": "a < b",
                        "image": "i.png",
                        "date_published": "2023-01-02T03:04:05+01:00",
                        "date_modified": "2023-01-03",
                        "authors": [{"name": "B"}, {"name": "C", "url": "https://c.example/"}],
                        "tags": ["one", "two", "one"],
                        "language": "de",
                        "attachments": [
                            {
                                "url": "a.mp3",
                                "mime_type": "audio/mpeg",
                                "size_in_bytes": 9,
                                "duration_in_seconds": 1.5,
                                "title": "F",
                            }
                        ],
                        "_extension": {"x": 1},
                    }
                ],
            }
        ),
        "text/html",
    )
    home = "https://site.example/home/"
    assert batch.feed == Feed(
        id="https://site.example/feed.json",
        title="T",
        subtitle="About all",
        url=home,
        self_url="https://site.example/feed.json",
        authors=(Person("A", "", "https://site.example/a"),),
        icon="https://site.example/favicon.ico",
        logo="https://site.example/icon.png",
        language="en-US",
        links=(Link("https://hub.example/", "hub"),),
    )
    [item] = batch.items
    assert item.content.startswith(f'<p><a href="{home}2"')
    assert item == Item(
        guid="7",
        url=home + "1",
        title="AT&T",
        summary="a < b",
        content=item.content,
        authors=(Person("B"), Person("C", "", "https://c.example/")),
        tags=(Tag("one"), Tag("two")),
        published=datetime(2023, 1, 2, 2, 4, 5, tzinfo=UTC),
        updated=datetime(2023, 1, 3, tzinfo=UTC),
        language="de",
        image=Image(home + "i.png"),
        enclosures=(Enclosure(home + "a.mp3", "audio/mpeg", 9, 1.5, "F"),),
        links=(Link("https://other.example/", "related"),),
    )
    assert batch.warnings == ()


@pytest.mark.parametrize(
    ("item", "name", "value"),
    [
        ({"content_text": "a < b\n\nc\nd"}, "content", "<p>a &lt; b</p><p>c<br>d</p>"),
        ({"content_html": " ", "content_text": "x"}, "content", "<p>x</p>"),
        ({"summary": "only"}, "content", "<p>only</p>"),
        ({"content_text": "only"}, "summary", "only"),
        ({"external_url": "https://o.example/"}, "url", "https://o.example/"),
        ({"author": {"name": "A"}}, "authors", (Person("A"),)),
        ({"author": "A", "authors": []}, "authors", (Person("A"),)),
        ({"id": 1.5}, "guid", "1.5"),
        ({"id": True}, "guid", ""),
        ({"id": ["x"]}, "guid", ""),
        ({"title": {"a": 1}}, "title", ""),
        ({"tags": "one"}, "tags", ()),
        ({"tags": ["a", 1, None, {}]}, "tags", (Tag("a"), Tag("1"))),
        ({"attachments": [None, {"url": 1}, {"url": "javascript:x"}]}, "enclosures", ()),
        ({"date_published": "Invalid Date"}, "published", None),
        ({"image": "data:image/png;base64,x", "banner_image": "/b.png"}, "image", Image("https://site.example/b.png")),
        ({"title": "a\ud800\u0000b"}, "title", "ab"),
        ({"_source": {"id": "urn:x:1", "title": "A&amp;B", "url": "/b", "feed_url": [], "rights": "C"}}, "feed",
         Feed("urn:x:1", "A&B", url="https://site.example/b", rights="C")),
        ({"_source": {"title": "A", "id": " "}}, "feed", None),
        ({"_source": ["x"]}, "feed", None),
    ],
)  # fmt: skip
def test_items(item: Any, name: str, value: Any) -> None:
    [read_one] = of_json(item)
    if name == "enclosures":
        assert all(file.url.startswith("https://site.example/") for file in read_one.enclosures)
    else:
        assert getattr(read_one, name) == value


def test_what_is_no_item_is_told() -> None:
    batch = read(json.dumps({"version": VERSION, "items": [{"id": "1"}, "https://a.example/", {"id": "3"}]}))
    assert [item.guid for item in batch.items] == ["1", "3"]
    assert batch.warnings == (URL + ": item 2 is not an object, so it is left out",)


NAMES = [
    "id",
    "url",
    "title",
    "content_html",
    "content_text",
    "authors",
    "author",
    "tags",
    "attachments",
    "image",
    "name",
    "_source",
]
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.lists(ANY, max_size=3),
    st.dictionaries(st.sampled_from([*NAMES, "hubs", "feed_url", "language"]), ANY, max_size=3),
)
@settings(max_examples=100)
def test_any_value_may_be_anywhere(items: list[Any], feed: dict[str, Any]) -> None:
    batch = read(json.dumps({**feed, "version": VERSION, "items": items}))
    assert len(batch.items) == sum(isinstance(item, dict) for item in items)
    assert_lawful(batch)
