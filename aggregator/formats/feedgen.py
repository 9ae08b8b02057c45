"""The one door to feedgen, with the cures for what version 1.0.0 (frozen upstream) gets wrong.

feedgen writes what stands around the entries; a `finish` function then gets what it has built, to add and to mend.
Cured here: feedgen calls locale.setlocale for every RSS date, which changes the whole process and is not thread-safe;
it stamps feeds with the time of the run; its syndication module writes invalid elements, so ours are below.
"""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aggregator import dates, text
from aggregator.formats import fields, find
from aggregator.model import Channel, Link, Tag

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

NAMESPACES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "fh": "http://purl.org/syndication/history/1.0",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "podcast": "https://podcastindex.org/namespace/1.0",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "xml": "http://www.w3.org/XML/1998/namespace",
}
_OUTLINE = "text/x-opml"  # a list of feeds is none of them in another form
_BESIDE = re.compile(r"(?:\.\./)*[\w-]+\.css", re.ASCII)
RIGHTS = "Each entry belongs to its author; its source says on what terms it may be used."

Finish = Callable[["Element"], None]


class Extension:
    """feedgen's extension, of a feed and of an entry alike: it hands the element that feedgen has built to `finish`."""

    finish: Finish
    namespaces: dict[str, str]

    def extend_ns(self) -> dict[str, str]:
        """The namespaces to declare at the root (asked of the feed's extension only)."""
        return self.namespaces

    def extend_rss(self, element: "Element") -> "Element":
        """Called with <rss> before the items are in it, or with a complete <item>."""
        self.finish(element)
        return element

    extend_atom = extend_rss


def seconds(moment: datetime) -> datetime:
    """A moment in UTC, without what is less than a second."""
    return moment.astimezone(UTC).replace(microsecond=0)


def _namespaces(channel: Channel) -> dict[str, str]:
    """The namespaces of the modules below that the channel's documents use."""
    items = [entry.item for entry in channel.entries]
    used = {
        "fh": channel.archive > 0,
        "sy": channel.ttl > 0,
        "media": any(item.enclosures or item.image for item in items),
        "itunes": any(item.podcast for item in items),
        "podcast": any(item.podcast for item in items),
    }
    return {prefix: NAMESPACES[prefix] for prefix, needed in used.items() if needed}


def new_feed(channel: Channel, finish: Finish, *prefixes: str) -> Any:
    """A FeedGenerator with what RSS and Atom share of a channel. `finish` gets <rss> or <feed> before its entries.

    `prefixes` are further NAMESPACES to declare; those of the modules below are declared where they are used.
    """
    import feedgen.entry
    import feedgen.feed  # must be the first import from feedgen: its other modules need lxml.etree and do not import it

    feedgen.feed.formatRFC2822 = feedgen.entry.formatRFC2822 = dates.rfc822
    feed = feedgen.feed.FeedGenerator()
    feed.register_extension("aggregator", Extension, Extension)
    feed.aggregator.namespaces = {prefix: NAMESPACES[prefix] for prefix in prefixes} | _namespaces(channel)
    feed.aggregator.finish = finish
    title, description = fields.head(channel)
    feed.id(text.legal(channel.id))
    feed.title(title)
    feed.description(description)
    feed.updated(seconds(channel.updated))
    feed.rights(RIGHTS)
    feed.language(text.language(channel.language) or None)
    feed.category(terms(fields.own_categories([channel.category], channel)))
    return feed


def opened(document: bytes, end: bytes) -> tuple[bytes, bytes, bytes]:
    """A document without entries as what stands before, between and after them. Raises ValueError without this end."""
    if not document.endswith(end):
        raise ValueError(f"a feed that does not end in {end!r}")
    return document.removesuffix(end), b"", end


def terms(tags: list[Tag]) -> list[dict[str, str]]:
    """Tags as feedgen wants its categories. An empty label is left out: feedgen would write it in place of the term."""
    found = [{"term": tag.term, "scheme": tag.scheme, "label": tag.label} for tag in tags]
    return [{key: value for key, value in tag.items() if value} for tag in found]


# --- Elements -------------------------------------------------------------------------------------------------------


def child(parent: "Element", name: str, value: str = "", **attributes: object) -> "Element":
    """Append `<name attributes>value</name>`; attributes without a value are left out.

    `name` may have a prefix of NAMESPACES. Atom's own elements have none: feedgen keeps them in no namespace and writes
    Atom's as an attribute of the root.
    """
    from lxml import etree

    prefix, _, local = name.rpartition(":")
    element = etree.SubElement(parent, f"{{{NAMESPACES[prefix]}}}{local}" if prefix else local)
    for key, attribute in attributes.items():
        if attribute:
            element.set(key, str(attribute))
    element.text = value or None
    return element


def add_link(parent: "Element", name: str, link: Link) -> None:
    """Append an Atom link as `name`: `link` in Atom, `atom:link` in RSS."""
    child(parent, name, href=link.href, rel=link.rel, type=link.type, hreflang=link.hreflang, title=link.title)


def feed_links(channel: Channel, own: str) -> list[Link]:
    """The channel's links in the format `own`: self, its page, itself in the other formats (RFC 4287 §4.1.1), its hubs
    (WebSub §4), and the documents before and after it (RFC 5005 §4).
    """
    kind = find(own).MEDIA_TYPE
    alternates = {"text/html": fields.uri(channel.page)}
    for name, url in sorted(channel.urls.items()):
        media_type = text.mime_type(find(name).MEDIA_TYPE)
        if name != own and media_type != _OUTLINE:
            alternates.setdefault(media_type, fields.uri(url))
    others = {"current": channel.current if channel.archive else {}}
    others |= {"prev-archive": channel.previous, "next-archive": channel.next}
    links = [Link(fields.uri(channel.urls.get(own, "")), "self", kind)]
    links += [Link(href, "alternate", media_type) for media_type, href in alternates.items()]
    links += [Link(hub, "hub") for hub in fields.hubs(channel)]
    links += [Link(fields.uri(urls.get(own, "")), rel, kind) for rel, urls in others.items()]
    return [link for link in links if link.href]


def add_archive(parent: "Element", channel: Channel) -> None:
    """Say of an archive document that it is one: its entries are not the newest (RFC 5005 §4)."""
    if channel.archive:
        child(parent, "fh:archive")


def add_stylesheet(root: "Element", channel: Channel) -> None:
    """Put the channel's CSS before the root, for browsers (W3C, Associating Style Sheets with XML documents)."""
    from lxml import etree

    if url := (_BESIDE.fullmatch(channel.stylesheet) and channel.stylesheet) or text.http_url(channel.stylesheet):
        root.addprevious(etree.PI("xml-stylesheet", f'type="text/css" href="{html.escape(url)}"'))


def add_schedule(parent: "Element", ttl: int) -> None:
    """Append how often the channel changes (RSS 1.0 Syndication module): every `ttl` minutes, as times per period."""
    if ttl > 0:
        minutes, period = next(x for x in ((60, "hourly"), (1440, "daily"), (ttl, "weekly")) if ttl <= x[0])
        frequency = round((10080 if period == "weekly" else minutes) / ttl)
        child(parent, "sy:updatePeriod", period)
        child(parent, "sy:updateFrequency", str(max(frequency, 1)))
