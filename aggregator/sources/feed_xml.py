"""RSS and Atom of every age: the door to feedparser, and its mapping. Not a kind of source: part of `feed`. Pure."""

import io
import re
from calendar import timegm
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from xml.sax import SAXParseException

import feedparser

from aggregator import dates, text
from aggregator.errors import ParseError
from aggregator.model import Batch, Document, Feed, Item, Link, Podcast, Source, Tag
from aggregator.sources import feed_media, feed_own, feed_parts
from aggregator.sources.feed_bytes import Xml
from aggregator.sources.feed_own import Own

Entry = Mapping[str, Any]


def read(xml: Xml, document: Document, source: Source) -> Batch:
    """The items and the feed of an XML document, in its order. Raises ParseError without the document's name."""
    parsed = _parse(xml.body)
    trouble = _trouble(parsed, xml.lines)
    entries, warnings = feed_parts.capped(parsed["entries"])
    if not parsed["entries"] and (trouble or not parsed.get("version")):
        if parsed.get("version") or xml.root in ("rss", "rdf", "feed"):
            raise ParseError("broken feed", trouble or "nothing in it could be read")
        raise ParseError("not a feed", f"its root element is <{xml.root}>, not <rss>, <feed> or <rdf:RDF>")
    is_atom = str(parsed.get("version")).startswith("atom")
    owns = feed_own.from_tree(xml.body, len(parsed["entries"]))
    head, own = owns or (
        feed_own.from_entry(parsed["feed"], is_atom),
        [feed_own.from_entry(entry, is_atom) for entry in entries],
    )
    feed = _feed(parsed["feed"], head, document.url, source.zone)
    place = _Place(document.url, feed.url, is_atom, source.zone)
    items = []
    for entry, mine in zip(entries, own, strict=False):
        item, cut = _item(entry, mine, place)
        items.append(replace(item, categories=source.categories))
        if cut:
            warnings.append(f"the content of {item.url or item.guid!r} is cut to {feed_parts.MAX_CONTENT} characters")
    if trouble:
        warnings.append(f"it is not well-formed XML, so parts of it may be missing: {trouble}")
    feed = replace(feed, self_url=feed.self_url or source.options.url)
    return Batch(tuple(items), feed, tuple(warnings))


# --- feedparser -----------------------------------------------------------------------------------------------------

_HEADERS = {"content-type": "application/xml; charset=utf-8"}
_TRAPS = re.compile(rb"<(/?)(?!(?:dc|content|atom|rdf|xhtml):)[\w.-]+:(?=\w)", re.IGNORECASE)


def _parse(body: bytes) -> Any:
    """feedparser's result. Its handlers of rare namespaces raise on odd input, so a second try hides their elements."""
    for hidden in (False, True):
        attempt = _TRAPS.sub(rb"<\1unread-", body) if hidden else body
        try:
            return feedparser.parse(
                io.BytesIO(attempt), response_headers=_HEADERS, sanitize_html=False, resolve_relative_uris=False
            )
        except Exception as problem:  # it raises a dozen kinds
            trouble = f"{type(problem).__name__}: {problem}"
    raise ParseError("broken feed", text.one_line(trouble))


def _trouble(parsed: Any, lines: int) -> str:
    """The XML parser's complaint with the line in the original, "" when there is none."""
    problem = parsed.get("bozo_exception")
    if not problem:
        return ""
    if isinstance(problem, SAXParseException):
        return f"line {(problem.getLineNumber() or 1) - 1 + lines}: {text.one_line(problem.getMessage())}"
    return text.one_line(problem)


# --- Items ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an entry stands."""

    url: str
    page: str
    is_atom: bool
    zone: str


def _item(entry: Entry, own: Own, place: _Place) -> tuple[Item, bool]:
    """One item, and whether its content had to be cut."""
    declared = text.http_url(own.base, place.url) if own.base else ""
    outer = declared or (place.url if place.is_atom else place.page or place.url)
    origin = str(entry.get("feedburner_origlink") or entry.get("pheedo_origlink") or "")
    url = text.http_url(origin) or text.http_url(own.link, outer)
    base = declared or url or outer
    content, summary, cut = feed_parts.texts(own.content, own.summary, own.caption, base)
    published, updated = _moments(entry, place)
    podcast = _absolute_podcast(own.podcast, base)
    item = Item(
        guid=text.legal(own.guid).strip(),
        url=url,
        title=_title(entry, place.is_atom),
        summary=summary,
        content=content,
        authors=own.authors,
        tags=_tags(entry),
        published=published,
        updated=updated,
        language=text.language(own.language),
        rights=text.plain(str(entry.get("rights") or ""), 1000),
        image=feed_parts.picture(feed_media.pictures(entry, own, base), content),
        enclosures=feed_media.enclosures(entry, base, podcast, content),
        links=_links(entry, base),
        podcast=podcast,
        feed=_own_feed(entry, place),
    )
    return item, cut


def _title(entry: Entry, is_atom: bool) -> str:
    """Atom says when a title is HTML (RFC 4287 §3.1.1); RSS never does."""
    raw = str(entry.get("title") or "")
    declared = (entry.get("title_detail") or {}).get("type", "")
    return text.plain(raw, 500) if is_atom and declared.endswith("html") else text.plain_title(raw)


def _moments(entry: Entry, place: _Place) -> tuple[datetime | None, datetime | None]:
    """Published and updated. RSS 1.0's dc:date arrives as "updated" and is the only date there is."""
    published = _moment(entry, "published", place.zone) or _moment(entry, "created", place.zone)
    published = published or dates.parse((entry.get("time") or {}).get("datetime"), place.zone)  # Drupal's pubDate
    updated = _moment(entry, "updated", place.zone)
    if place.is_atom:
        return published, updated
    if published is None:
        return updated, None
    return published, updated if updated and updated > published else None


def _moment(entry: Entry, name: str, zone: str) -> datetime | None:
    """A date by our own rules; feedparser's reading only where we have none and it is plausible."""
    if name not in entry:  # or feedparser would give `published` for `updated`
        return None
    found = dates.parse(entry[name], zone)
    parsed = entry.get(f"{name}_parsed")
    if found or not parsed or not 1990 <= parsed[0] <= 9998:
        return found
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC)
    except (TypeError, ValueError, OverflowError):
        return None


# What says how an item is shelved in a shop or in a program, not what it is about.
_NO_TAG = re.compile(r"^https?://(?:www\.itunes\.com/$|search\.yahoo\.com/mrss|schemas\.google\.com/)")


def _tags(entry: Entry) -> tuple[Tag, ...]:
    found = (Tag(t.get("term") or "", t.get("scheme") or "", t.get("label") or "") for t in entry.get("tags") or ())
    return feed_parts.tags(tag for tag in found if not _NO_TAG.match(tag.scheme))


_KEPT_RELS = ("via", "replies", "related", "license")


def _links(entry: Entry, base: str) -> tuple[Link, ...]:
    """Links other than the page and its enclosures, each once."""
    found = [
        Link(link.get("href") or "", rel, *(str(link.get(name) or "") for name in ("type", "title", "hreflang")))
        for link in entry.get("links") or ()
        if (rel := str(link.get("rel") or "").removeprefix("http://www.iana.org/assignments/relation/")) in _KEPT_RELS
    ]
    for name, kind in (("comments", "text/html"), ("wfw_commentrss", "application/rss+xml")):
        if re.match("https?:|/", str(entry.get(name))):  # some count the comments there
            found.append(Link(str(entry[name]), "replies", kind))
    origin = entry.get("source") or {}
    if origin.get("href") and not origin.get("links"):  # RSS 2.0 <source>: the channel that the item came from
        found.append(Link(str(origin["href"]), "via", "", str(origin.get("title") or "")))
    return absolute_links(found, base)


def absolute_links(found: Iterable[Link], base: str) -> tuple[Link, ...]:
    """Links with lawful values, each (rel, href) once; those that lead nowhere go."""
    known: dict[tuple[str, str], Link] = {}
    for link in found:
        href = text.http_url(link.href, base)
        if href and len(known) < feed_parts.MAX_LIST:
            kind, title = text.mime_type(link.type), text.plain(link.title, 200)
            known.setdefault((link.rel, href), Link(href, link.rel, kind, title, text.language(link.hreflang)))
    return tuple(known.values())


def _absolute_podcast(podcast: Podcast | None, base: str) -> Podcast | None:
    if podcast is None:
        return None
    chapters = absolute_links([podcast.chapters], base) if podcast.chapters else ()
    return replace(
        podcast, transcripts=absolute_links(podcast.transcripts, base), chapters=chapters[0] if chapters else None
    )


# --- Feeds ----------------------------------------------------------------------------------------------------------


def _own_feed(entry: Entry, place: _Place) -> Feed | None:
    """The entry's atom:source (RFC 4287 §4.2.11), not RSS <source>, which has an address and a title only."""
    said = entry.get("source")
    if not said or not (said.get("id") or said.get("links")):
        return None
    return _feed(said, feed_own.from_entry(said, True), place.url, place.zone)


def _feed(said: Mapping[str, Any], own: Own, url: str, zone: str) -> Feed:
    """What a feed says of itself; `self_url` is "" when it does not say where it lives."""
    base = text.http_url(own.base, url) or url
    links = [link for link in said.get("links") or () if isinstance(link, dict)]
    logo = said.get("logo") or (said.get("image") or {}).get("href") or said.get("webfeeds_logo")
    return Feed(
        id=text.legal(str(said.get("id") or "")).strip(),
        title=text.plain_title(str(said.get("title") or "")),
        subtitle=text.plain(str(said.get("subtitle") or ""), 1000),
        url=text.http_url(own.link, base),
        self_url=next(
            (x for x in (text.http_url(k.get("href") or "", base) for k in links if k.get("rel") == "self") if x), ""
        ),
        authors=own.authors,
        rights=text.plain(str(said.get("rights") or ""), 1000),
        icon=text.http_url(str(said.get("icon") or said.get("webfeeds_icon") or ""), base),
        logo=text.http_url(str(logo or ""), base),
        language=text.language(str(said.get("language") or "")),
        updated=_moment(said, "updated", zone) or _moment(said, "published", zone),
        tags=_tags(said),
        links=absolute_links(
            (Link(k.get("href") or "", k.get("rel") or "") for k in links if k.get("rel") in ("hub", "license")), base
        ),
    )
