"""RSS 2.0 in the RSS Advisory Board's profile, with content:encoded, atom:*, dc:*, media:*, itunes:* and podcast:*."""

import re
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from aggregator import __version__, dates, text
from aggregator.formats import feedgen, fields, joined, markup
from aggregator.formats.feedgen import NAMESPACES, child
from aggregator.formats.markup import element, spelled
from aggregator.model import Channel, Enclosure, Entry, Feed, Link, Person, Tag

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

FILENAME = "rss.xml"
MEDIA_TYPE = "application/rss+xml"
ARCHIVES = True

_PAGES = ("", "text/html", "application/xhtml+xml")
_PLAIN = ("title", "description", "category", "copyright", f"{{{NAMESPACES['dc']}}}creator")
"""The elements of a channel that hold plain text."""


def render(channel: Channel) -> bytes:
    """The channel as an RSS 2.0 document in UTF-8. Pure: the same channel gives the same bytes."""
    return joined(frame(channel), (piece(channel, entry) for entry in channel.entries))


def frame(channel: Channel) -> tuple[bytes, bytes, bytes]:
    """What stands before, between and after the items."""
    return feedgen.opened(new_feed(channel).rss_str(pretty=True), b"  </channel>\n</rss>\n")


def piece(channel: Channel, entry: Entry) -> bytes:
    """The item of one entry, as it stands in the document. Raises ValueError for a lone surrogate."""
    item, files, feed = entry.item, fields.enclosures(entry.item), fields.source(entry)
    links = _links(entry, feed)
    comments = next((link for link in links if link.rel == "replies" and link.type in _PAGES), None)
    url, content = text.http_url(item.url), markup.content(item.content)
    # Readers take a description for HTML (RSS 2.0: "entity-encoded HTML is allowed"), so plain text becomes HTML here.
    lines = [
        f"    <item>\n      <title>{_plain(fields.title(entry))}</title>\n",
        f"      <link>{spelled(url)}</link>\n" if url else "",
        f"      <description>{spelled(spelled(fields.teaser(entry)))}</description>\n",
        f"      <content:encoded>{content}</content:encoded>\n" if content else "",
        f'      <guid isPermaLink="{"true" if entry.id == url else "false"}">{spelled(text.legal(entry.id))}</guid>\n',
    ]
    lines += map(_tag, fields.categories(entry, channel))
    if comments:
        lines.append(element(3, "comments", comments.href))
    for file in files[:1]:  # readers know what to do with one; all of them are in media:group
        lines.append(element(3, "enclosure", url=file.url, length=str(file.length or 0), type=file.type))
    lines += [
        f"      <pubDate>{dates.rfc822(entry.published)}</pubDate>\n",
        _credits(entry, feed),
        markup.links(3, "atom:link", [link for link in links if link is not comments]),
        markup.media(3, files, _plain) if len(files) > 1 or any(map(_says_more, files)) else "",
        markup.thumbnail(3, item),
        markup.podcast(3, item, _plain),
        _source(entry),  # last: feedparser takes a media:title that follows it for the title of the item
        "    </item>\n",
    ]
    return "".join(lines).encode()


def new_feed(channel: Channel) -> Any:
    """feedgen's feed of the channel, without items."""
    feed = feedgen.new_feed(channel, partial(_finish_channel, channel), "dc")
    feed.link(href=fields.uri(channel.page) or channel.id)
    feed.generator(f"aggregator {__version__}")
    if channel.ttl > 0:
        feed.ttl(channel.ttl)
    return feed


def _finish_channel(channel: Channel, rss: "Element") -> None:
    """Add what feedgen cannot: all the channel's links, its publisher, how often it changes, its stylesheet."""
    body = rss[0]
    for link in feedgen.feed_links(channel, "rss"):
        feedgen.add_link(body, "atom:link", link)
    for person in fields.people((Person(channel.site),)):
        child(body, "dc:creator", person.name)
    feedgen.add_archive(body, channel)
    feedgen.add_schedule(body, channel.ttl)
    feedgen.add_stylesheet(rss, channel)
    _refer(body.iter(*_PLAIN))


def _links(entry: Entry, feed: Feed) -> list[Link]:
    """The entry's further links. RSS has no place for what the source says, so its licence is the entry's."""
    links = fields.links(entry.item.links)
    if not any(link.rel == "license" for link in links):
        links += [link for link in fields.links(feed.links) if link.rel == "license"]
    return links


def _credits(entry: Entry, feed: Feed) -> str:
    """Who, when, in which language, and on what terms. Authors are dc:creator: RSS <author> must be a mail address and
    may stand once.
    """
    language = fields.language(entry)
    rights = text.one_line(entry.item.rights, 2000) or text.one_line(feed.rights, 2000)
    return "".join(
        [
            *[f"      <dc:creator>{_plain(author.name)}</dc:creator>\n" for author in fields.authors(entry)],
            f"      <atom:updated>{dates.rfc3339(entry.updated)}</atom:updated>\n",
            element(3, "dc:language", language) if language else "",
            element(3, "dc:rights", rights, _plain) if rights else "",
        ]
    )


def _says_more(file: Enclosure) -> bool:
    return fields.is_media(file) or bool(file.title)


def _source(entry: Entry) -> str:
    """The first of the entry's feeds that has an address."""
    return next(filter(None, map(_read_in, fields.sources(entry))), "")


@lru_cache(maxsize=1000)
def _tag(tag: Tag) -> str:
    return element(3, "category", tag.label or tag.term, _plain, domain=tag.scheme)


@lru_cache(maxsize=1000)
def _read_in(feed: Feed) -> str:
    url = text.http_url(feed.self_url)
    return element(3, "source", feed.title, _plain, url=url) if url else ""


def _plain(value: str) -> str:
    """Plain text with &, < and > as &#x26;, &#x3C; and &#x3E; (RSS profile, "Character Data").

    That is the one spelling that readers take for text, whether they expect HTML in the element or not.
    """
    return value.replace("&", "&#x26;").replace("<", "&#x3C;").replace(">", "&#x3E;")


def _refer(elements: "Iterable[Element]") -> None:
    """Have the text of elements of the frame written as `_plain` does."""
    from lxml import etree

    for each in list(elements):
        first, *rest = re.split("([&<>])", each.text or "")
        each.text = first
        for mark, tail in zip(rest[::2], rest[1::2], strict=True):
            reference = etree.Entity(f"#x{ord(mark):X}")
            reference.tail = tail
            each.append(reference)
