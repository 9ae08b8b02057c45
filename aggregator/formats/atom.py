"""Atom 1.0 (RFC 4287), with a complete atom:source in every entry, and media:*, itunes:*, podcast:*."""

import html
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from aggregator import __version__, dates, text
from aggregator.formats import feedgen, fields, joined, markup
from aggregator.formats.feedgen import child
from aggregator.formats.markup import element, holder, opening, spelled
from aggregator.model import Channel, Enclosure, Entry, Feed, Link, Person, Tag

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

FILENAME = "atom.xml"
MEDIA_TYPE = "application/atom+xml"
ARCHIVES = True

_TEXTS = ("title", "subtitle", "rights")


def render(channel: Channel) -> bytes:
    """The channel as an Atom 1.0 document in UTF-8. Pure: the same channel gives the same bytes."""
    return joined(frame(channel), (piece(channel, entry) for entry in channel.entries))


def frame(channel: Channel) -> tuple[bytes, bytes, bytes]:
    """What stands before, between and after the entries."""
    return feedgen.opened(new_feed(channel).atom_str(pretty=True), b"</feed>\n")


def piece(channel: Channel, entry: Entry) -> bytes:
    """One entry, as it stands in the document. Raises ValueError for a lone surrogate.

    Without content it needs an alternate link; without either its text is its content (§4.1.2).
    """
    item, files, feed = entry.item, fields.enclosures(entry.item), fields.source(entry)
    url, content = text.http_url(item.url), markup.content(item.content)
    summary = fields.summary(item) if content else fields.teaser(entry) if url else ""
    lines = [
        f"    <id>{spelled(text.legal(entry.id))}</id>\n",
        _text(2, "title", fields.title(entry)),
        f"    <updated>{feedgen.seconds(entry.updated).isoformat()}</updated>\n",
        f'    <content type="html">{content}</content>\n' if content else "",
        "" if content or url else _text(2, "content", fields.teaser(entry), "text"),
        element(2, "link", href=url, rel="alternate", type="text/html") if url else "",
        _text(2, "summary", summary) if summary else "",
        _tags(2, fields.categories(entry, channel)),
        f"    <published>{feedgen.seconds(entry.published).isoformat()}</published>\n",
        _text(2, "rights", rights) if (rights := text.one_line(item.rights, 2000)) else "",
        markup.links(2, "link", fields.links((*item.links, *entry.also_in))),
        *[_file(file) for file in files],
        _people(2, fields.authors(entry)),
        markup.media(2, files, spelled) if any(map(fields.is_media, files)) else "",
        markup.thumbnail(2, item),
        markup.podcast(2, item, spelled),
        # a source that has no date gets the entry's: no run's time, ever
        dates.rfc3339(feed.updated or entry.updated).join(_source(feed, fields.source_id(feed, channel))),
    ]
    return holder(1, "entry", "".join(lines), **{"xml:lang": fields.language(entry)}).encode()


def new_feed(channel: Channel) -> Any:
    """feedgen's feed of the channel, without entries."""
    feed = feedgen.new_feed(channel, partial(_finish_feed, channel))
    feed.generator("aggregator", version=__version__)
    return feed


def _finish_feed(channel: Channel, feed: "Element") -> None:
    """Add what feedgen cannot: the publisher and all the links of the feed, how often it changes, its stylesheet."""
    _add_publisher(feed, channel)
    for link in feedgen.feed_links(channel, "atom"):
        feedgen.add_link(feed, "link", link)
    feedgen.add_archive(feed, channel)
    feedgen.add_schedule(feed, channel.ttl)
    feedgen.add_stylesheet(feed, channel)
    _declare(feed.iter(*_TEXTS))


def _text(depth: int, name: str, value: str, declared: str = "") -> str:
    """A text construct (§3.1) of this `declared` type, or as HTML where `_declare` would say so."""
    if "<" in value or "&" in value:
        return element(depth, name, html.escape(value, quote=False), type="html")
    return element(depth, name, value, type=declared)


def _file(file: Enclosure) -> str:
    return element(2, "link", href=file.url, rel="enclosure", type=file.type, length=file.length, title=file.title)


@lru_cache(maxsize=1000)
def _source(feed: Feed, number: str) -> tuple[str, str]:
    """Where an entry is from (§4.2.11): what stands before the date of it, and after."""
    pages = (("self", "", feed.self_url), ("alternate", "text/html", feed.url))
    links = [Link(href, rel, media_type) for rel, media_type, url in pages if (href := text.http_url(url))]
    lines = [
        _people(3, fields.people(feed.authors)),
        markup.links(3, "link", [*links, *(link for link in fields.links(feed.links) if link.rel == "license")]),
        _tags(3, fields.tags(feed.tags)),
    ]
    for name, value, made in (
        ("subtitle", text.one_line(feed.subtitle, 1000), _text),
        ("icon", text.http_url(feed.icon), element),
        ("logo", text.http_url(feed.logo), element),
        ("rights", text.one_line(feed.rights, 2000), _text),
    ):
        if value:
            lines.append(made(3, name, value))
    start = opening(2, "source", **{"xml:lang": text.language(feed.language)})
    head = f"{start}>\n{element(3, 'id', number)}{_text(3, 'title', feed.title)}      <updated>"
    return head, f"</updated>\n{''.join(lines)}    </source>\n"


def _people(depth: int, people: Iterable[Person]) -> str:
    """Authors (§3.2)."""
    made = []
    for person in people:
        parts = (("name", person.name), ("email", person.email), ("uri", person.uri))
        inner = "".join([element(depth + 1, name, value) for name, value in parts if value])
        made.append(holder(depth, "author", inner))
    return "".join(made)


def _tags(depth: int, tags: Iterable[Tag]) -> str:
    """Categories (§4.2.2)."""
    return "".join([_tag(depth, tag) for tag in tags])


@lru_cache(maxsize=1000)
def _tag(depth: int, tag: Tag) -> str:
    return element(depth, "category", term=tag.term, scheme=tag.scheme, label=tag.label)


def _add_publisher(parent: "Element", channel: Channel) -> None:
    """Append who publishes the feed as its author (§4.1.1)."""
    for person in fields.people((Person(channel.site, uri=channel.site_url),)):
        author = child(parent, "author")
        child(author, "name", person.name)
        if person.uri:
            child(author, "uri", person.uri)


def _declare(elements: "Iterable[Element]") -> None:
    """Declare text that has & or < as HTML, and escape it as such (§3.1.1.2); other text needs no type.

    As type "text" it would be right too, but many readers, and the W3C's validator, then take `</b>` in it for markup.
    """
    for each in elements:
        plain = each.text or ""
        if each.get("type") != "html" and ("<" in plain or "&" in plain):
            each.set("type", "html")
            each.text = html.escape(plain, quote=False)
