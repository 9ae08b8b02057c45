"""RSS 2.0 in the RSS Advisory Board's profile, with content:encoded, atom:*, dc:*, media:*, itunes:* and podcast:*."""

import html
import re
from collections.abc import Iterable
from functools import partial
from typing import Any

from lxml import etree

from aggregator import __version__, dates, text
from aggregator.formats import feedgen, fields, joined
from aggregator.formats.feedgen import NAMESPACES, Element, child
from aggregator.model import Channel, Entry, Link, Person

FILENAME = "rss.xml"
MEDIA_TYPE = "application/rss+xml"
ARCHIVES = True

_PAGES = ("", "text/html", "application/xhtml+xml")
_MODULE_TEXTS = (("dc", "creator"), ("dc", "rights"), ("media", "title"), ("itunes", "subtitle"))
_PLAIN = ("title", "category", "source", "copyright", *(f"{{{NAMESPACES[p]}}}{name}" for p, name in _MODULE_TEXTS))
"""The elements that hold plain text, wherever they stand; an item's description is HTML, its channel's is not."""


def render(channel: Channel) -> bytes:
    """The channel as an RSS 2.0 document in UTF-8. Pure: the same channel gives the same bytes."""
    return joined(frame(channel), (piece(channel, entry) for entry in channel.entries))


def frame(channel: Channel) -> tuple[bytes, bytes, bytes]:
    """What stands before, between and after the items."""
    return feedgen.opened(new_feed(channel).rss_str(pretty=True), b"  </channel>\n</rss>\n")


def piece(channel: Channel, entry: Entry) -> bytes:
    """The item of one entry, as it stands in the document."""
    return feedgen.serialised(new_entry(channel, entry).rss_entry(), "rss", "channel")


def new_feed(channel: Channel) -> Any:
    """feedgen's feed of the channel, without items."""
    feed = feedgen.new_feed(channel, partial(_finish_channel, channel), "dc")
    feed.link(href=fields.uri(channel.page) or channel.id)
    feed.generator(f"aggregator {__version__}")
    if channel.ttl > 0:
        feed.ttl(channel.ttl)
    return feed


def new_entry(channel: Channel, entry: Entry) -> Any:
    """feedgen's item of one entry."""
    links = _links(entry)
    comments = next((link for link in links if link.rel == "replies" and link.type in _PAGES), None)
    further = [link for link in links if link is not comments]
    item = feedgen.new_entry(entry, partial(_finish_item, entry, further))
    url = text.http_url(entry.item.url)
    item.guid(text.legal(entry.id), permalink=entry.id == url)
    if url:
        item.link(href=url)
    # Readers take a description for HTML (RSS 2.0: "entity-encoded HTML is allowed"), so plain text becomes HTML here.
    item.description(html.escape(fields.teaser(entry), quote=False))
    if content := fields.content(entry.item):
        item.content(content, type="html")
    item.category(feedgen.terms(fields.categories(entry, channel)))
    if comments:
        item.comments(comments.href)
    for file in fields.enclosures(entry.item)[:1]:  # readers know what to do with one; all of them are in media:group
        item.enclosure(file.url, file.length or 0, file.type)
    return item


def _links(entry: Entry) -> list[Link]:
    """The entry's further links. RSS has no place for what the source says, so its licence is the entry's."""
    links = fields.links(entry.item.links)
    if not any(link.rel == "license" for link in links):
        links += [link for link in fields.links(fields.source(entry).links) if link.rel == "license"]
    return links


def _finish_channel(channel: Channel, rss: Element) -> None:
    """Add what feedgen cannot: all the channel's links, its publisher, how often it changes, its stylesheet."""
    body = rss[0]
    for link in feedgen.feed_links(channel, "rss"):
        feedgen.add_link(body, "atom:link", link)
    for person in fields.people((Person(channel.site),)):
        child(body, "dc:creator", person.name)
    feedgen.add_archive(body, channel)
    feedgen.add_schedule(body, channel.ttl)
    feedgen.add_stylesheet(rss, channel)
    _refer(body.iter(*_PLAIN, "description"))


def _finish_item(entry: Entry, links: list[Link], item: Element) -> None:
    """Add what feedgen cannot. Authors are dc:creator: RSS <author> must be a mail address and may stand once."""
    for author in fields.authors(entry):
        child(item, "dc:creator", author.name)
    child(item, "atom:updated", dates.rfc3339(entry.updated))
    if language := fields.language(entry):
        child(item, "dc:language", language)
    if rights := text.one_line(entry.item.rights, 2000) or text.one_line(fields.source(entry).rights, 2000):
        child(item, "dc:rights", rights)
    for link in links:
        feedgen.add_link(item, "atom:link", link)
    files = fields.enclosures(entry.item)
    if len(files) > 1 or any(fields.is_media(file) or file.title for file in files):
        feedgen.add_media(item, files)
    feedgen.add_thumbnail(item, entry.item)
    feedgen.add_podcast(item, entry.item)
    # Last: feedparser takes a media:title that follows <source> for the title of the item.
    for url, title in [(text.http_url(feed.self_url), feed.title) for feed in fields.sources(entry)]:
        if url:
            child(item, "source", title, url=url)
            break
    _refer(item.iter(*_PLAIN))


def _refer(elements: Iterable[Element]) -> None:
    """Write &, < and > of plain text as &#x26;, &#x3C; and &#x3E; (RSS profile, "Character Data").

    That is the one spelling that readers take for text, whether they expect HTML in the element or not.
    """
    for element in list(elements):
        first, *rest = re.split("([&<>])", element.text or "")
        element.text = first
        for mark, tail in zip(rest[::2], rest[1::2], strict=True):
            reference = etree.Entity(f"#x{ord(mark):X}")
            reference.tail = tail
            element.append(reference)
