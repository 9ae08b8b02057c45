"""JSON Feed: valid by its specification, with the two extensions, and the same bytes every time."""

import inspect
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from aggregator.formats import json as writer
from aggregator.model import Channel, Enclosure, Entry, Item, Link, Person
from tests import build, conformance_json
from tests.channels import CHANNELS
from tests.conformance_json import check
from tests.strategies import HOSTILE, channels

URL = "https://planet.example/tech/feed.json"
OTHERS = (Link("https://other.example/1", "related", title="Other"), Link("javascript:x", "related"))


def said(*entries: Entry, **channel: Any) -> dict[str, Any]:
    """The document of a channel of these entries."""
    urls = {"json": URL}
    found: dict[str, Any] = json.loads(writer.render(build.channel(*entries, **{"urls": urls, **channel})))
    return found


def item(entry: Entry) -> dict[str, Any]:
    """The only item of a document."""
    found: dict[str, Any] = said(entry)["items"][0]
    return found


def findings(channel: Channel) -> list[str]:
    channel = replace(channel, urls={**channel.urls, "json": URL})
    return check(writer.render(channel), URL)


# --- Valid ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHANNELS)
def test_valid(name: str) -> None:
    assert findings(CHANNELS[name]) == []


@settings(max_examples=60, deadline=None)
@given(channels({"json": URL}))
def test_any_items_make_a_valid_document(channel: Channel) -> None:
    location = channel.current["json"] if channel.archive else URL
    assert check(writer.render(channel), location) == []


@settings(max_examples=60, deadline=None)
@given(channels({"json": URL}))
def test_what_is_put_together_of_pieces_is_what_json_writes_as_a_whole(channel: Channel) -> None:
    document = writer.render(channel)
    assert document == json.dumps(json.loads(document), ensure_ascii=False, indent=1).encode() + b"\n"
    assert len(json.loads(document)["items"]) == len(channel.entries)


# --- Complete -------------------------------------------------------------------------------------------------------


def test_the_feed() -> None:
    found = said(hubs=("https://hub.example/", "https://hub.example/", HOSTILE), previous={"json": f"{URL}?1"})
    assert found == {
        "version": "https://jsonfeed.org/version/1.1",
        "user_comment": found["user_comment"],
        "title": "Tech",
        "home_page_url": "https://planet.example/tech/",
        "feed_url": URL,
        "description": "Tech: entries collected by Planet Example.",
        "next_url": f"{URL}?1",
        "language": "en",
        "authors": [{"name": "Planet Example", "url": "https://planet.example/"}],
        "hubs": [{"type": "WebSub", "url": "https://hub.example/"}],
        "items": [],
    }
    assert found["user_comment"].startswith("Written by aggregator ")  # so that we know our own files


def test_an_archive_is_a_page_of_its_feed() -> None:
    archive = {"archive": 2, "urls": {"json": f"{URL}?2"}, "current": {"json": URL}, "next": {"json": f"{URL}?3"}}
    found = said(**archive, previous={"json": f"{URL}?1"})
    assert (found["feed_url"], found["next_url"]) == (URL, f"{URL}?1")
    assert "next_url" not in said(**archive)
    assert "next_url" not in said(previous={"json": URL})  # it must not be feed_url: readers would go round for ever


def test_an_item_with_everything() -> None:
    entry = build.rich_channel().entries[0]
    found = item(replace(entry, also_in=OTHERS))
    assert found["url"] == found["id"] == "https://news.example/1"
    assert (found["title"], found["summary"]) == (entry.item.title, entry.item.summary)
    assert (found["content_html"], found["image"]) == (entry.item.content, "https://news.example/1.jpg")
    assert (found["date_published"], found["date_modified"]) == ("2024-05-17T08:30:00Z", "2024-05-17T10:30:00Z")
    assert found["authors"] == [{"name": "Ann Smith", "url": "https://ann.example/"}, {"name": "bob"}, {"name": "张三"}]
    assert found["tags"] == ["Tech/AI & ML", "AI", "Machine & learning"]
    assert found["attachments"] == [
        {
            "url": "https://news.example/1.mp3",
            "mime_type": "audio/mpeg",
            "title": "Part & one",
            "size_in_bytes": 1234,
            "duration_in_seconds": 61,
        },
        {"url": "https://news.example/1.mp4", "mime_type": "video/mp4"},
        {"url": "https://news.example/1.bin", "mime_type": "application/octet-stream"},
    ]
    assert found["language"] == "de-DE"
    assert found["_source"] == {
        "about": "https://www.rfc-editor.org/rfc/rfc4287#section-4.2.11",
        "title": "Example News",
        "id": "tag:news.example,2001:feed",
        "url": "https://news.example/",
        "feed_url": "https://news.example/feed.xml",
        "rights": "© News & Co",
    }
    assert found["_also_in"] == {
        "about": "https://www.rfc-editor.org/rfc/rfc4287#section-4.2.7.2",
        "copies": [{"url": "https://other.example/1", "title": "Other"}],
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"title": "t"}, {"title": "t", "content_text": "t"}),
        ({"summary": "s"}, {"content_text": "s"}),
        ({"content": "<p>c</p>"}, {"content_html": "<p>c</p>"}),
        ({"content": "<p>c</p>", "summary": "s"}, {"content_html": "<p>c</p>", "summary": "s"}),
        ({}, {"content_text": "Example News, 2024-05-17"}),
    ],
)
def test_an_item_has_content_and_only_a_title_of_its_own(fields: dict[str, Any], expected: dict[str, str]) -> None:
    found = item(build.entry(of=Item(**fields)))
    names = ("title", "summary", "content_html", "content_text")
    assert {name: found[name] for name in names if name in found} == expected


@pytest.mark.parametrize(
    ("url", "href", "expected"),
    [
        ("https://blog.example/1", "https://elsewhere.example/", "https://elsewhere.example/"),
        ("https://blog.example/1", "https://blog.example/0", None),
        ("", "https://elsewhere.example/", None),
        ("https://blog.example/1", "javascript:x", None),
    ],
)
def test_the_page_that_a_linkblog_is_about(url: str, href: str, expected: str | None) -> None:
    assert item(build.entry(of=Item(url=url, links=(Link(href, "related"),)))).get("external_url") == expected


def test_the_same_bytes_whatever_the_order_of_formats() -> None:
    urls = {"json": URL, "rss": "https://planet.example/rss.xml"}
    first = build.channel(build.entry(), urls=urls)
    assert writer.render(first) == writer.render(replace(first, urls=dict(reversed(urls.items()))))
    assert writer.render(first).endswith(b"\n")
    assert "快科技".encode() in writer.render(build.channel(build.entry(of=Item(title="快科技"))))


# --- The checker ----------------------------------------------------------------------------------------------------

FULL = Item(
    url="https://news.example/1",
    title="One",
    content="<p>One</p>",
    summary="Short",
    authors=(Person("Ann"),),
    language="en",
    enclosures=(Enclosure("https://news.example/1.mp3", "audio/mpeg", 5),),
    links=(Link("https://elsewhere.example/", "related"),),
)
GOOD = writer.render(
    build.channel(
        build.entry(1, FULL, also_in=OTHERS), build.entry(2), urls={"json": URL}, hubs=("https://hub.example/",)
    )
).decode()
PLANTS = [
    ("NotJSON", '"items"', "items"),
    ("NotJSON", '"title": "Tech"', '"title": NaN'),
    ("NotJSON", '"title": "Tech"', '"title": "Tech", "title": "Tech"'),
    ("MissingMember", '"title": "Tech",', ""),
    ("MissingMember", f'"feed_url": "{URL}",', ""),
    ("MissingMember", '"mime_type": "audio/mpeg",', ""),
    ("MissingMember", '"type": "WebSub",', ""),
    ("InvalidVersion", "version/1.1", "version/2"),
    ("VersionNotFirst", "{", '{"icon": "https://planet.example/icon.png",'),
    ("SelfDoesntMatchLocation", f'"feed_url": "{URL}"', '"feed_url": "https://planet.example/"'),
    ("NextIsSelf", f'"feed_url": "{URL}"', f'"feed_url": "{URL}", "next_url": "{URL}"'),
    ("NotString", '"title": "Tech"', '"title": 5'),
    ("NotBlank", '"title": "Tech"', '"title": " "'),
    ("IllegalCharacter", '"title": "Tech"', '"title": "Te\\u0000ch"'),
    ("IllegalCharacter", '"title": "Tech"', '"title": "Te\\ud800ch"'),
    ("UnexpectedWhitespace", '"title": "Tech"', '"title": "Te  ch"'),
    ("InvalidURI", '"https://planet.example/tech/"', '"/tech/"'),
    ("InvalidURI", '"url": "https://hub.example/"', '"url": "javascript:x"'),
    ("InvalidLanguage", '"language": "en"', '"language": "en_GB"'),
    ("InvalidMIMEType", "audio/mpeg", "mp3"),
    ("InvalidNumber", '"size_in_bytes": 5', '"size_in_bytes": "5"'),
    ("InvalidNumber", '"size_in_bytes": 5', '"size_in_bytes": 0'),
    ("InvalidRFC3339Date", "2024-05-17T08:30:00Z", "Fri, 17 May 2024 08:30:00 GMT"),
    ("InvalidRFC3339Date", "2024-05-17T08:30:00Z", "2024-05-32T08:30:00Z"),
    ("ImplausibleDate", "2024-05-17T08:30:00Z", "1970-01-01T00:00:00Z"),
    ("InvalidBoolean", '"language"', '"expired": "no", "language"'),
    ("NotList", '"items": [', '"items": {}, "x": ['),
    ("NotList", '"hubs": [', '"hubs": [], "_x": ['),
    ("DuplicateValue", '"name": "Ann"\n', '"name": "Ann"}, {"name": "Ann"'),
    ("EmptyObject", '"name": "Ann"\n', ""),
    ("NotObject", '"items": [', '"items": ["x",'),
    ("UndefinedMember", '"language"', '"author": {"name": "Ann"}, "language"'),
    ("UndefinedMember", '"language"', '"_a.b": {}, "language"'),
    ("InvalidExtension", '"_source": {', '"_x": [], "_source": {'),
    ("InvalidExtension", "https://www.rfc-editor.org/", "/"),
    ("SecurityRisk", "<p>One</p>", "<script>x</script>"),
    ("ContainsRelRef", "<p>One</p>", "<img src='/1.png'>"),
    ("MissingContent", '"content_html": "<p>One</p>",', ""),
    ("ExternalIsOwn", '"external_url": "https://elsewhere.example/"', '"external_url": "https://news.example/1"'),
    ("DuplicateId", '"id": "https://news.example/2"', '"id": "https://news.example/1"'),
    ("NotNewestFirst", '"date_published": "2024-05-17', '"date_published": "2024-05-16'),
]


def test_nothing_is_found_in_a_good_document() -> None:
    assert check(GOOD.encode(), URL) == check(GOOD.encode()) == []


@pytest.mark.parametrize(("name", "good", "bad"), PLANTS)
def test_a_planted_defect_is_found(name: str, good: str, bad: str) -> None:
    assert good in GOOD
    found = check(GOOD.replace(good, bad, 1).encode(), URL)
    assert name in {one.partition(":")[0] for one in found}, found


def test_every_rule_has_a_plant() -> None:
    source = inspect.getsource(conformance_json)
    named = set(re.findall(r'"([A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+)(?=[":])', source))
    assert named - {name for name, *_ in PLANTS} == set()


def test_authors_who_differ_by_their_addresses_alone_stand_once() -> None:
    people = (Person("A", "a@x.example"), Person("A", "b@x.example"), Person("B"))
    channel = build.channel(build.entry(1, build.item(1, authors=people)))
    assert json.loads(writer.render(channel))["items"][0]["authors"] == [{"name": "A"}, {"name": "B"}]
