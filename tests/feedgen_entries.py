"""Entries of RSS and Atom as feedgen and lxml write them: a tree of elements. The oracle of what is written as text."""

import html
from collections.abc import Iterable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import feedgen.entry
from lxml import etree

from aggregator import dates, text
from aggregator.formats import fields
from aggregator.formats.atom import _declare
from aggregator.formats.feedgen import NAMESPACES, Extension, Finish, add_link, child, seconds, terms
from aggregator.formats.rss import _PAGES, _links, _refer
from aggregator.model import Channel, Enclosure, Entry, Feed, Item, Link, Person

Element = etree._Element

_DECLARED = {prefix: uri for prefix, uri in NAMESPACES.items() if prefix != "xml"}
_MODULE_TEXTS = (("dc", "creator"), ("dc", "rights"), ("media", "title"), ("itunes", "subtitle"))
_PLAIN = ("title", "category", "source", "copyright", *(f"{{{NAMESPACES[p]}}}{name}" for p, name in _MODULE_TEXTS))
_TEXTS = ("title", "subtitle", "summary", "rights")
_LANG = f"{{{NAMESPACES['xml']}}}lang"


def rss(channel: Channel, entry: Entry) -> bytes:
    """The item of one entry, as it stands in the document."""
    return _serialised(rss_entry(channel, entry).rss_entry(), "rss", "channel")


def atom(channel: Channel, entry: Entry) -> bytes:
    """One entry, as it stands in the document."""
    return _serialised(atom_entry(channel, entry).atom_entry(), "feed")


def rss_entry(channel: Channel, entry: Entry) -> Any:
    """feedgen's item of one entry."""
    links = _links(entry, fields.source(entry))
    comments = next((link for link in links if link.rel == "replies" and link.type in _PAGES), None)
    further = [link for link in links if link is not comments]
    item = _new_entry(entry, partial(_finish_item, entry, further))
    url = text.http_url(entry.item.url)
    item.guid(text.legal(entry.id), permalink=entry.id == url)
    if url:
        item.link(href=url)
    item.description(html.escape(fields.teaser(entry), quote=False))
    if content := fields.content(entry.item):
        item.content(content, type="html")
    item.category(terms(fields.categories(entry, channel)))
    if comments:
        item.comments(comments.href)
    for file in fields.enclosures(entry.item)[:1]:
        item.enclosure(file.url, file.length or 0, file.type)
    return item


def atom_entry(channel: Channel, entry: Entry) -> Any:
    """feedgen's entry."""
    new = _new_entry(entry, partial(_finish_entry, channel, entry))
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
    new.category(terms(fields.categories(entry, channel)))
    new.rights(text.one_line(entry.item.rights, 2000))
    return new


def _new_entry(entry: Entry, finish: Finish) -> Any:
    new = feedgen.entry.FeedEntry()
    new.register_extension("aggregator", Extension)
    new.aggregator.finish = finish
    new.title(fields.title(entry))
    new.published(seconds(entry.published))
    new.updated(seconds(entry.updated))
    return new


def _serialised(entry: Element, *above: str) -> bytes:
    """An entry as it stands within elements of these names, whose root declares all namespaces that it uses."""
    root = parent = etree.Element(above[0], nsmap=_DECLARED)
    for name in above[1:]:
        parent = etree.SubElement(parent, name)
    parent.append(entry)
    data: bytes = etree.tostring(root, encoding="UTF-8", pretty_print=True)
    *_, own = data.split(b"\n", len(above))
    end = "".join(f"{'  ' * depth}</{above[depth]}>\n" for depth in reversed(range(len(above))))
    return own.removesuffix(end.encode())


def _finish_item(entry: Entry, links: list[Link], item: Element) -> None:
    for author in fields.authors(entry):
        child(item, "dc:creator", author.name)
    child(item, "atom:updated", dates.rfc3339(entry.updated))
    if language := fields.language(entry):
        child(item, "dc:language", language)
    if rights := text.one_line(entry.item.rights, 2000) or text.one_line(fields.source(entry).rights, 2000):
        child(item, "dc:rights", rights)
    for link in links:
        add_link(item, "atom:link", link)
    files = fields.enclosures(entry.item)
    if len(files) > 1 or any(fields.is_media(file) or file.title for file in files):
        _add_media(item, files)
    _add_thumbnail(item, entry.item)
    _add_podcast(item, entry.item)
    for url, title in [(text.http_url(feed.self_url), feed.title) for feed in fields.sources(entry)]:
        if url:
            child(item, "source", title, url=url)
            break
    _refer(item.iter(*_PLAIN))


def _finish_entry(channel: Channel, entry: Entry, element: Element) -> None:
    if language := fields.language(entry):
        element.set(_LANG, language)
    for alternate in element.iter("link"):
        alternate.set("rel", "alternate")
        alternate.set("type", "text/html")
    for link in fields.links((*entry.item.links, *entry.also_in)):
        add_link(element, "link", link)
    files = fields.enclosures(entry.item)
    for file in files:
        child(element, "link", href=file.url, rel="enclosure", type=file.type, length=file.length, title=file.title)
    _add_people(element, fields.authors(entry))
    if any(map(fields.is_media, files)):
        _add_media(element, files)
    _add_thumbnail(element, entry.item)
    _add_podcast(element, entry.item)
    feed = fields.source(entry)
    element.append(_source(feed, fields.source_id(feed, channel), dates.rfc3339(feed.updated or entry.updated)))
    _declare(element.iter(*_TEXTS, "content"))


def _source(feed: Feed, number: str, updated: str) -> Element:
    source = etree.Element("source")
    if language := text.language(feed.language):
        source.set(_LANG, language)
    child(source, "id", number)
    child(source, "title", feed.title)
    child(source, "updated", updated)
    _add_people(source, fields.people(feed.authors))
    for rel, media_type, url in (("self", "", feed.self_url), ("alternate", "text/html", feed.url)):
        if href := text.http_url(url):
            add_link(source, "link", Link(href, rel, media_type))
    for link in fields.links(feed.links):
        if link.rel == "license":
            add_link(source, "link", link)
    for tag in fields.tags(feed.tags):
        child(source, "category", term=tag.term, scheme=tag.scheme, label=tag.label)
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
    for person in people:
        author = child(parent, "author")
        for name, value in (("name", person.name), ("email", person.email), ("uri", person.uri)):
            if value:
                child(author, name, value)


def _add_media(parent: Element, files: tuple[Enclosure, ...]) -> None:
    several = len(files) > 1
    holder = child(parent, "media:group") if several else parent
    for number, file in enumerate(files):
        content = child(
            holder,
            "media:content",
            url=file.url,
            type=file.type,
            medium=file.medium,
            fileSize=file.length,
            duration=file.duration,
            width=file.width,
            height=file.height,
            isDefault="true" if several and not number else "",
        )
        if file.title:
            child(content, "media:title", file.title, type="plain")


def _add_thumbnail(parent: Element, item: Item) -> None:
    if image := fields.image(item):
        child(parent, "media:thumbnail", url=image.url, width=image.width, height=image.height)


def _add_podcast(parent: Element, item: Item) -> None:
    if not (show := item.podcast):
        return
    texts = {
        "duration": fields.count(show.duration),
        "season": fields.count(show.season),
        "episode": fields.count(show.episode),
        "episodeType": show.episode_type if show.episode_type in ("full", "trailer", "bonus") else "",
        "explicit": "" if show.explicit is None else str(show.explicit).lower(),
        "subtitle": text.one_line(show.subtitle, 255),
    }
    for name, value in texts.items():
        if value:
            child(parent, f"itunes:{name}", str(value))
    image = fields.image(item)
    if image and urlsplit(image.url).path.lower().endswith((".jpg", ".jpeg", ".png")):
        child(parent, "itunes:image", href=image.url)
    for link in show.transcripts:
        if url := text.http_url(link.href):
            kind, language = fields.media_type(link.type, url), text.language(link.hreflang)
            child(parent, "podcast:transcript", url=url, type=kind, language=language)
    if show.chapters and (url := text.http_url(show.chapters.href)):
        child(parent, "podcast:chapters", url=url, type=fields.media_type(show.chapters.type, url))
