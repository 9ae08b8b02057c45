"""JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/), with what an aggregator has to say besides.

Two members of an item are extensions, as objects whose names begin with "_"; docs/publishing.md describes them too:

    "_source": {"about", "title", "id", "url", "feed_url", "rights"}   the feed that the item is from, as atom:source is
    "_also_in": {"about", "copies": [{"url", "title"}, ...]}           where else the same story is told, and by whom

`about` is where their meaning is defined. Of `_source`, `title` and `id` always stand, the others where they are known.
`next_url` is the next older archive document; an archive has the `feed_url` of the feed that it belongs to.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from aggregator import __version__, dates, text
from aggregator.formats import fields, joined
from aggregator.model import Channel, Enclosure, Entry, Person

FILENAME = "feed.json"
MEDIA_TYPE = "application/feed+json"
ARCHIVES = True

_SOURCE = "https://www.rfc-editor.org/rfc/rfc4287#section-4.2.11"
_ALSO_IN = "https://www.rfc-editor.org/rfc/rfc4287#section-4.2.7.2"

Said = dict[str, Any]


def render(channel: Channel) -> bytes:
    """The channel as a JSON Feed 1.1 in UTF-8. Pure: the same channel gives the same bytes."""
    return joined(frame(channel), (piece(channel, entry) for entry in channel.entries))


def frame(channel: Channel) -> tuple[bytes, bytes, bytes]:
    """What stands before, between and after the items."""
    title, description = fields.head(channel)
    own = fields.uri(channel.urls.get("json", ""))
    address = (fields.uri(channel.current.get("json", "")) if channel.archive else "") or own
    older = fields.uri(channel.previous.get("json", ""))
    said = _said(
        version="https://jsonfeed.org/version/1.1",
        user_comment=f"Written by aggregator {__version__}, for feed readers: subscribe to the address of this file.",
        title=title,
        home_page_url=fields.uri(channel.page),
        feed_url=address,
        description=description,
        next_url=older if older not in (own, address) else "",
        language=text.language(channel.language),
        authors=_authors(fields.people((Person(channel.site, uri=channel.site_url),))),
        hubs=[{"type": "WebSub", "url": hub} for hub in fields.hubs(channel)],
    )
    start = _dumped({**said, "items": []}).removesuffix(b"]\n}")
    return (start + b"\n", b",\n", b"\n ]\n}\n") if channel.entries else (start, b"", b"]\n}\n")


def piece(channel: Channel, entry: Entry) -> bytes:
    """One item. A line break in a string of it is escaped."""
    return b"  " + _dumped(_item(channel, entry)).replace(b"\n", b"\n  ")


def _dumped(said: Said) -> bytes:
    return json.dumps(said, ensure_ascii=False, allow_nan=False, indent=1).encode()


def _said(**members: object) -> Said:
    """An object without the members that say nothing."""
    return {name: value for name, value in members.items() if value not in ("", None, [])}


def _item(channel: Channel, entry: Entry) -> Said:
    """One item. Without HTML its text is its content, as one of the two must stand; only its own title is its title."""
    item = entry.item
    content, summary, image = fields.content(item), fields.summary(item), fields.image(item)
    return _said(
        id=text.legal(entry.id),
        url=text.http_url(item.url),
        external_url=_elsewhere(entry),
        title=text.one_line(item.title),
        content_html=content,
        content_text="" if content else fields.teaser(entry),
        summary=summary if content else "",
        image=image.url if image else "",
        date_published=dates.rfc3339(entry.published),
        date_modified=dates.rfc3339(entry.updated),
        authors=_authors(fields.authors(entry)),
        tags=list(dict.fromkeys(tag.label or tag.term for tag in fields.categories(entry, channel))),
        language=fields.language(entry),
        attachments=[_attachment(file) for file in fields.enclosures(item)],
        _source=_source(channel, entry),
        _also_in=_also_in(entry),
    )


def _elsewhere(entry: Entry) -> str:
    """The page of another site that a linkblog's entry is about."""
    url = text.http_url(entry.item.url)
    related = (link.href for link in fields.links(entry.item.links) if link.rel == "related")
    return next((href for href in related if url and urlsplit(href).netloc != urlsplit(url).netloc), "")


def _authors(people: Iterable[Person]) -> list[Said]:
    """People without their addresses; those that look the same then stand once."""
    return [_said(name=name, url=url) for name, url in dict.fromkeys((each.name, each.uri) for each in people)]


def _attachment(file: Enclosure) -> Said:
    return _said(
        url=file.url,
        mime_type=file.type,
        title=file.title,
        size_in_bytes=file.length,
        duration_in_seconds=file.duration,
    )


def _source(channel: Channel, entry: Entry) -> Mapping[str, str]:
    """The extension `_source` of an entry."""
    feed = fields.source(entry)
    return _said(
        about=_SOURCE,
        title=feed.title,
        id=fields.source_id(feed, channel),
        url=text.http_url(feed.url),
        feed_url=text.http_url(feed.self_url),
        rights=text.one_line(feed.rights, 2000),
    )


def _also_in(entry: Entry) -> Said | None:
    """The extension `_also_in` of an entry, None when the story has no other copy."""
    copies = [_said(url=link.href, title=link.title) for link in fields.links(entry.also_in)]
    return {"about": _ALSO_IN, "copies": copies} if copies else None
