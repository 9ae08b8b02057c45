"""Atom 1.0 (RFC 4287), with a complete atom:source in every entry, and media:*, itunes:*, podcast:*."""

import html
from collections.abc import Iterable
from copy import copy
from functools import lru_cache, partial
from typing import Any

from lxml import etree

from aggregator import __version__, dates, text
from aggregator.formats import feedgen, fields, joined
from aggregator.formats.feedgen import NAMESPACES, Element, child
from aggregator.model import Channel, Entry, Feed, Link, Person, Tag

FILENAME = "atom.xml"
MEDIA_TYPE = "application/atom+xml"
ARCHIVES = True

_LANG = f"{{{NAMESPACES['xml']}}}lang"
_TEXTS = ("title", "subtitle", "summary", "rights")


def render(channel: Channel) -> bytes:
    """The channel as an Atom 1.0 document in UTF-8. Pure: the same channel gives the same bytes."""
    return joined(frame(channel), (piece(channel, entry) for entry in channel.entries))


def frame(channel: Channel) -> tuple[bytes, bytes, bytes]:
    """What stands before, between and after the entries."""
    return feedgen.opened(new_feed(channel).atom_str(pretty=True), b"</feed>\n")


def piece(channel: Channel, entry: Entry) -> bytes:
    """One entry, as it stands in the document."""
    return feedgen.serialised(new_entry(channel, entry).atom_entry(), "feed")


def new_feed(channel: Channel) -> Any:
    """feedgen's feed of the channel, without entries."""
    feed = feedgen.new_feed(channel, partial(_finish_feed, channel))
    feed.generator("aggregator", version=__version__)
    return feed


def new_entry(channel: Channel, entry: Entry) -> Any:
    """feedgen's entry. Without content it needs an alternate link; without either its text is its content (§4.1.2)."""
    new = feedgen.new_entry(entry, partial(_finish_entry, channel, entry))
    new.id(text.legal(entry.id))
    url, content, summary = text.http_url(entry.item.url), fields.content(entry.item), fields.summary(entry.item)
    if url:
        new.link(href=url)
    if content:
        new.content(content, type="html")
    elif not url:
        new.content(fields.teaser(entry), type="text")
    if summary and (content or url):
        new.summary(summary)
    elif url and not content:
        new.summary(fields.teaser(entry))
    new.category(feedgen.terms(fields.categories(entry, channel)))
    new.rights(text.one_line(entry.item.rights, 2000))
    return new


def _finish_feed(channel: Channel, feed: Element) -> None:
    """Add what feedgen cannot: the publisher and all the links of the feed, how often it changes, its stylesheet."""
    _add_people(feed, fields.people((Person(channel.site, uri=channel.site_url),)))
    for link in feedgen.feed_links(channel, "atom"):
        feedgen.add_link(feed, "link", link)
    feedgen.add_archive(feed, channel)
    feedgen.add_schedule(feed, channel.ttl)
    feedgen.add_stylesheet(feed, channel)
    _declare(feed.iter(*_TEXTS))


def _finish_entry(channel: Channel, entry: Entry, element: Element) -> None:
    """Add what feedgen cannot: all of a link but its href, the files, the source, the language."""
    if language := fields.language(entry):
        element.set(_LANG, language)
    for alternate in element.iter("link"):
        alternate.set("rel", "alternate")
        alternate.set("type", "text/html")
    for link in fields.links((*entry.item.links, *entry.also_in)):
        feedgen.add_link(element, "link", link)
    files = fields.enclosures(entry.item)
    for file in files:
        child(element, "link", href=file.url, rel="enclosure", type=file.type, length=file.length, title=file.title)
    _add_people(element, fields.authors(entry))
    if any(map(fields.is_media, files)):
        feedgen.add_media(element, files)
    feedgen.add_thumbnail(element, entry.item)
    feedgen.add_podcast(element, entry.item)
    feed = fields.source(entry)
    # a source that has no date gets the entry's: no run's time, ever
    element.append(copy(_source(feed, fields.source_id(feed, channel), dates.rfc3339(feed.updated or entry.updated))))
    _declare(element.iter(*_TEXTS, "content"))


@lru_cache(maxsize=1000)
def _source(feed: Feed, number: str, updated: str) -> Element:
    """Where an entry is from (§4.2.11). Its entries share it, so what is put into one of them is a copy."""
    source = etree.Element("source")
    if language := text.language(feed.language):
        source.set(_LANG, language)
    child(source, "id", number)
    child(source, "title", feed.title)
    child(source, "updated", updated)
    _add_people(source, fields.people(feed.authors))
    for rel, media_type, url in (("self", "", feed.self_url), ("alternate", "text/html", feed.url)):
        if href := text.http_url(url):
            feedgen.add_link(source, "link", Link(href, rel, media_type))
    for link in fields.links(feed.links):
        if link.rel == "license":
            feedgen.add_link(source, "link", link)
    _add_tags(source, fields.tags(feed.tags))
    for name, value in (
        ("subtitle", text.one_line(feed.subtitle, 1000)),
        ("icon", text.http_url(feed.icon)),
        ("logo", text.http_url(feed.logo)),
        ("rights", text.one_line(feed.rights, 2000)),
    ):
        if value:
            child(source, name, value)
    return source


def _add_people(parent: Element, people: Iterable[Person]) -> None:
    """Append authors (§3.2)."""
    for person in people:
        author = child(parent, "author")
        for name, value in (("name", person.name), ("email", person.email), ("uri", person.uri)):
            if value:
                child(author, name, value)


def _add_tags(parent: Element, tags: Iterable[Tag]) -> None:
    """Append categories (§4.2.2)."""
    for tag in tags:
        child(parent, "category", term=tag.term, scheme=tag.scheme, label=tag.label)


def _declare(elements: Iterable[Element]) -> None:
    """Declare text that has & or < as HTML, and escape it as such (§3.1.1.2); other text needs no type.

    As type "text" it would be right too, but many readers, and the W3C's validator, then take `</b>` in it for markup.
    """
    for element in elements:
        plain = element.text or ""
        if element.get("type") != "html" and ("<" in plain or "&" in plain):
            element.set("type", "html")
            element.text = html.escape(plain, quote=False)
