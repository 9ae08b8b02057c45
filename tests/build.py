"""Values of the model for tests: everything has a default, tests name only what they are about."""

from datetime import UTC, datetime
from typing import Any

from aggregator.model import Category, Channel, Entry, Feed, Item, Source

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
