"""Values of the model for tests: everything has a default, tests name only what they are about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aggregator.model import (
    Category,
    Channel,
    Enclosure,
    Entry,
    Feed,
    Image,
    Item,
    Link,
    Person,
    Podcast,
    Source,
    Tag,
)

DAY = datetime(2024, 5, 17, 8, 30, tzinfo=UTC)


def source(key: str = "https://news.example/feed.xml", kind: str = "feed", **fields: Any) -> Source:
    """A source, by default a remote feed."""
    return Source(**{"key": key, "kind": kind, "options": None, "title": "Example News", **fields})


def feed(**fields: Any) -> Feed:
    """What a remote feed says of itself."""
    given = {
        "id": "tag:news.example,2001:feed",
        "title": "Example News",
        "url": "https://news.example/",
        "self_url": "https://news.example/feed.xml",
    }
    return Feed(**{**given, **fields})


def item(number: int = 1, **fields: Any) -> Item:
    """An item with a page, a title and some content; the number makes it another one."""
    given = {
        "guid": f"https://news.example/{number}",
        "url": f"https://news.example/{number}",
        "title": f"Story {number}",
        "content": f"<p>The text of story {number}.</p>",
        "published": DAY,
        "updated": DAY,
    }
    return Item(**{**given, **fields})


def entry(number: int = 1, of: Item | None = None, **fields: Any) -> Entry:
    """An item as it is published, by default `item(number)`."""
    given = {
        "id": f"https://news.example/{number}",
        "item": of or item(number),
        "feed": feed(),
        "published": DAY,
        "updated": DAY,
    }
    return Entry(**{**given, **fields})


def category(*path: str, **fields: Any) -> Category:
    """A category with a folder made of its path."""
    folder = "/".join(path).casefold().replace(" ", "-")
    return Category(**{"path": path, "folder": folder, "title": path[-1] if path else "Everything", **fields})


def channel(*entries: Entry, **fields: Any) -> Channel:
    """A channel of these entries, as new as the newest of them."""
    given = {
        "id": "tag:planet.example,2024:tech",
        "category": category("Tech"),
        "site": "Planet Example",
        "site_url": "https://planet.example/",
        "page": "https://planet.example/tech/",
        "urls": {
            "rss": "https://planet.example/tech/rss.xml",
            "atom": "https://planet.example/tech/atom.xml",
        },
        "scheme": "https://planet.example/",
        "language": "en",
        "updated": max((max(one.published, one.updated) for one in entries), default=DAY),
        "ttl": 60,
        "entries": entries,
    }
    return Channel(**{**given, **fields})


def rich_channel() -> Channel:
    """A channel whose first entry has everything that an item can have, and whose second has next to nothing."""
    everything = item(
        1,
        title="AT&T <b>bold</b>, 5 > 4 & \N{SNOWMAN}",
        summary="When a < b && c, “quotes” and <video> stay",
        content='<p>One <a href="https://news.example/a?b=1&amp;c=2">link</a>, 5 &lt; 6.</p>\n<pre>  two\n  lines</pre>',
        authors=(
            Person("Ann Smith", "ann@news.example", "https://ann.example/"),
            Person("", "bob@news.example"),
            Person("\N{CJK UNIFIED IDEOGRAPH-5F20}\N{CJK UNIFIED IDEOGRAPH-4E09}"),
        ),
        tags=(Tag("AI"), Tag("ml", "https://news.example/tags", "Machine & learning")),
        updated=DAY + timedelta(hours=2),
        language="de_DE",
        rights="© 2024 A & B",
        image=Image("https://news.example/1.jpg", 640, 480),
        enclosures=(
            Enclosure("https://news.example/1.mp3", "audio/mpeg", 1234, 61.4, "Part & one", "audio"),
            Enclosure("https://news.example/1.mp4", "", None, None, "", "video", 1280, 720),
            Enclosure("https://news.example/1.bin", "mp3"),
        ),
        links=(
            Link("https://news.example/1/comments", "replies", "text/html"),
            Link("https://news.example/1/comments.xml", "replies", "application/atom+xml", "Comments"),
            Link("https://elsewhere.example/", "via", "text/html", "Seen at", "fr"),
            Link("https://licence.example/by", "license"),
            Link("https://news.example/0", "related"),
        ),
        podcast=Podcast(
            61,
            2,
            7,
            "full",
            False,
            "Short & <sweet>",
            (Link("https://news.example/1.vtt", "transcript", hreflang="en"),),
            Link("https://news.example/1.json", "chapters", "application/json+chapters"),
        ),
    )
    first = entry(
        1,
        everything,
        updated=DAY + timedelta(hours=2),
        categories=(category("Tech", "AI & ML"),),
        feed=feed(
            subtitle="All of it",
            authors=(Person("The Editors"),),
            rights="© News & Co",
            icon="https://news.example/icon.png",
            logo="https://news.example/logo.png",
            language="de",
            updated=DAY + timedelta(hours=1),
            tags=(Tag("press"),),
            links=(Link("https://licence.example/all", "license"), Link("https://hub.example/", "hub")),
        ),
    )
    bare = Item(guid="2")
    second = entry(
        2, bare, id="tag:news.example,2024:2", feed=Feed(title="A folder"), published=DAY - timedelta(days=1)
    )
    return channel(first, second, category=category("Tech", description="What <they> write & say"))
