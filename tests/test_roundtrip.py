"""What we write, we read: which parts of an item survive the way through each format and back."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.formats import find
from aggregator.model import (
    Batch,
    Channel,
    Document,
    Enclosure,
    Entry,
    Feed,
    Image,
    Item,
    Link,
    Person,
    Podcast,
    Tag,
)
from aggregator.sources import feed as reader
from tests import build
from tests.strategies import MOMENTS

KINDS = ("rss", "atom", "json")
PLACE = "https://planet.example/tech/"
URLS = {kind: PLACE + find(kind).FILENAME for kind in KINDS}
SITE = "https://news.example/"

# As a reader gives it: clean HTML, each type known.
ITEM = Item(
    guid="tag:news.example,2024:1",
    url=SITE + "1",
    title="AT&T, 5 > 4 & \N{SNOWMAN}, the <video> element",
    summary="When a < b & c, “quotes” stay",
    content=f'<p>One <a href="{SITE}a?b=1&amp;c=2" rel="noopener noreferrer">link</a>, 5 &lt; 6.</p>\n<pre>  a\n  b</pre>',
    authors=(Person("Ann Smith", "ann@news.example", "https://ann.example/"), Person("张三")),
    tags=(Tag("AI"), Tag("ml", SITE + "tags", "Machine learning")),
    published=build.DAY,
    updated=build.DAY + timedelta(hours=2),
    language="de-DE",
    rights="© 2024 A & B",
    image=Image(SITE + "1.jpg", 640, 480),
    enclosures=(
        Enclosure(SITE + "1.mp3", "audio/mpeg", 1234, 61.0, "Part & one", "audio"),
        Enclosure(SITE + "1.mp4", "video/mp4", None, None, "", "video", 1280, 720),
    ),
    links=(
        Link("https://elsewhere.example/", "related", "text/html"),
        Link("https://licence.example/by", "license", "text/html"),
        Link(SITE + "1/comments.xml", "replies", "application/atom+xml", "Comments"),
        Link("https://seen.example/", "via", "text/html", "Seen at", "fr"),
    ),
    podcast=Podcast(
        61,
        2,
        7,
        "full",
        False,
        "Short & <sweet>",
        (Link(SITE + "1.vtt", "transcript", "text/vtt", hreflang="en"),),
        Link(SITE + "1.json", "chapters", "application/json+chapters"),
    ),
    feed=Feed(
        id="tag:news.example,2001:feed",
        title="Example News",
        subtitle="All of it",
        url=SITE,
        self_url=SITE + "feed.xml",
        authors=(Person("The Editors", "ed@news.example"),),
        rights="© News & Co",
        icon=SITE + "icon.png",
        logo=SITE + "logo.png",
        language="en",
        updated=build.DAY,
        tags=(Tag("press"),),
        links=(Link("https://licence.example/all", "license"),),
    ),
)
assert ITEM.feed and ITEM.podcast

# What else comes back instead, as the format has no place for the rest; all other fields survive as they are.
SAID: dict[str, dict[str, Any]] = {
    "atom": {"feed": replace(ITEM.feed, language="")},  # xml:lang of atom:source, which feedparser does not tell
    "rss": {
        "authors": (Person("Ann Smith"), Person("张三")),  # dc:creator is a name
        "tags": (Tag("AI"), Tag("Machine learning", SITE + "tags")),  # RSS shows the term
        "feed": None,  # RSS <source> has an address and a title, so it is where the item was seen
        "links": (*ITEM.links, Link(SITE + "feed.xml", "via", "", "Example News")),
    },
    "json": {
        "authors": (Person("Ann Smith", "", "https://ann.example/"), Person("张三")),
        "tags": (Tag("AI"), Tag("Machine learning")),
        "rights": "",
        "image": Image(SITE + "1.jpg"),
        "enclosures": (
            Enclosure(SITE + "1.mp3", "audio/mpeg", 1234, 61.0, "Part & one"),
            Enclosure(SITE + "1.mp4", "video/mp4"),
        ),
        "links": (Link("https://elsewhere.example/", "related"),),  # external_url
        "podcast": None,
        "feed": Feed(ITEM.feed.id, "Example News", url=SITE, self_url=SITE + "feed.xml", rights="© News & Co"),
    },
}


def there(item: Item, feed: Feed | None = None) -> Entry:
    """An item as it is published."""
    published, updated = item.published or build.DAY, item.updated or item.published or build.DAY
    return Entry(item.guid or SITE + "1", item, feed or item.feed or build.feed(), published, max(published, updated))


def back(kind: str, channel: Channel) -> Batch:
    """What the feed adapter reads in a channel's document."""
    headers = {"content-type": find(kind).MEDIA_TYPE}
    document = Document(URLS[kind], URLS[kind], find(kind).render(channel), headers=headers)
    return reader.read(document, build.source(URLS[kind]))


def again(kind: str, item: Item) -> Item:
    """An item after the way there and back."""
    batch = back(kind, build.channel(there(item, build.feed()), urls=URLS))
    assert batch.warnings == ()
    [found] = batch.items
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [field.name for field in fields(Item) if field.name != "categories"])
def test_what_survives(kind: str, name: str) -> None:
    expected = replace(ITEM, **SAID[kind])
    found = again(kind, ITEM)
    if name == "links":
        assert set(found.links) == set(expected.links)
    else:
        assert getattr(found, name) == getattr(expected, name)


@pytest.mark.parametrize("kind", KINDS)
def test_what_survives_of_the_feed(kind: str) -> None:
    hubs = ("https://hub.example/",)
    found = back(kind, build.channel(there(ITEM), urls=URLS, hubs=hubs, previous={kind: PLACE + "1"})).feed
    assert found
    assert (found.title, found.url, found.self_url) == ("Tech", PLACE, URLS[kind])
    assert (found.language, found.subtitle) == ("en", "Tech: entries collected by Planet Example.")
    assert found.authors == (Person("Planet Example", "", "" if kind == "rss" else "https://planet.example/"),)
    assert found.links == (Link("https://hub.example/", "hub"),)
    assert found.updated == (None if kind == "json" else build.DAY + timedelta(hours=2))


@pytest.mark.parametrize("kind", KINDS)
def test_our_categories_come_back_as_tags(kind: str) -> None:
    entry = replace(there(build.item()), categories=(build.category("Tech", "AI"),))
    [found] = back(kind, build.channel(entry, urls=URLS)).items
    scheme = "https://planet.example/"
    assert (
        found.tags
        == {
            "rss": (Tag("Tech/AI", scheme),),
            "atom": (Tag("tech/ai", scheme, "Tech/AI"),),
            "json": (Tag("Tech/AI"),),
        }[kind]
    )


# --- Any item -------------------------------------------------------------------------------------------------------

PLAIN = st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters="&<>"), max_size=12)
PAGES = st.integers(1, 99).map("https://x.example/{}".format)
ITEMS = st.builds(
    Item,
    guid=PAGES,
    url=PAGES | st.just(""),
    title=PLAIN,
    summary=PLAIN,
    content=PLAIN.map(lambda words: words and f"<p>{words}</p>"),
    authors=st.lists(st.builds(Person, PLAIN, st.just("a@x.example"), PAGES), max_size=2).map(tuple),
    tags=st.lists(st.builds(Tag, PLAIN, PAGES, PLAIN), max_size=2).map(tuple),
    published=st.none() | MOMENTS.map(lambda moment: moment.replace(microsecond=0)),
    language=st.sampled_from(["", "de", "zh-CN"]),
    rights=PLAIN,
    image=st.none() | st.builds(Image, PAGES, st.integers(1, 99), st.integers(1, 99)),
    enclosures=st.lists(st.builds(Enclosure, PAGES, st.just("audio/mpeg"), st.integers(1, 99)), max_size=2).map(tuple),
    links=st.lists(st.builds(Link, PAGES, st.sampled_from(["via", "related", "license"])), max_size=2).map(tuple),
    podcast=st.none() | st.builds(Podcast, st.integers(1, 99), st.integers(1, 9), subtitle=PLAIN),
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(ITEMS)
def test_a_second_way_loses_nothing_more(kind: str, item: Item) -> None:
    """So planets may read each other, however many there are in a row."""
    once = again(kind, item)
    twice = again(kind, once)
    assert replace(twice, links=once.links) == once
    assert [(link.rel, link.href) for link in twice.links] == [(link.rel, link.href) for link in once.links]
    assert (once.guid, once.url) == (item.guid, item.url or (item.guid if kind == "atom" else ""))
