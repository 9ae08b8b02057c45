"""RSS and Atom of every age: the door to feedparser, and its mapping. Pure."""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from xml.sax import SAXParseException

from lxml import etree

from aggregator import brief, dates, text
from aggregator.errors import ParseError
from aggregator.model import Batch, CategoryPath, Document, Feed, Item, Link, Podcast, Source, Tag
from aggregator.sources.feed import media, parts, walk
from aggregator.sources.feed.context import OddError
from aggregator.sources.feed.decoding import Xml, is_sound, local_name
from aggregator.sources.feed.own import Own, channel_of, from_entry, from_tree, grouped, items_of, spelled, tree
from aggregator.sources.feed.parts import Said, inner, objects, string
from aggregator.sources.feed.timing import guessed, with_hub
from aggregator.sources.feed.walk import Parsed


def read(xml: Xml, document: Document, source: Source) -> Batch:
    """The items and the feed of an XML document, in its order. Raises ParseError without the document's name.

    What needs no mending is read by `read_sound`, if that can.
    """
    root = tree(xml.body)
    parsed = _from_tree(root) or _from_feedparser(xml, root)
    trouble, complaint = parsed.trouble, parsed.trouble or xml.complaint
    if not parsed.entries and (trouble or not parsed.version):
        if parsed.version or xml.root in ("rss", "rdf", "feed"):
            raise ParseError("broken feed", trouble or "nothing in it could be read")
        raise ParseError("not a feed", f"its root element is <{xml.root}>, not <rss>, <feed> or <rdf:RDF>")
    batch = _batch(parsed, document, source, xml.text if trouble else "")
    if trouble:
        complaint = f"it is not well-formed XML, so parts of it may be missing: {trouble}"
    elif complaint:
        complaint = f"it is not well-formed XML, and was mended: {complaint}"
    return replace(batch, warnings=(*batch.warnings, complaint)) if complaint else batch


def read_sound(content: str, document: Document, source: Source) -> Batch | None:
    """The same for a document that needs no mending and has nothing odd in it; None for all others."""
    root = tree(content.encode("utf-8", "surrogatepass")) if is_sound(content) else None
    if root is None or local_name(spelled(str(root.tag))[1]) not in ("rss", "rdf", "feed"):
        return None
    parsed = _from_tree(root)
    return parsed and _batch(parsed, document, source, is_sound=True)


def _batch(parsed: Parsed, document: Document, source: Source, torn: str = "", *, is_sound: bool = False) -> Batch:
    """Items and feed. `torn` is the text of a document that is broken, maybe within its last item; of one that
    `is_sound` items are in brief where they are as they were."""
    entries, warnings = parts.capped(parsed.entries)
    is_atom = parsed.version.startswith("atom")
    if parsed.channel and len(parsed.elements) == len(parsed.entries):
        head, own = from_tree(parsed.channel, parsed.elements[: parts.MAX_ITEMS])
    else:
        head, own = from_entry(parsed.feed, is_atom), [from_entry(entry, is_atom) for entry in entries]
    feed = _feed(parsed.feed, head, document.url, source.zone)
    place = _Place(document.url, feed.url, is_atom, source.zone)
    known = brief.unpacked(document.validators.entries)
    prints = _prints(parsed, place, feed, source) if is_sound else [b""] * len(entries)
    items, told = [], []
    for entry, mine, print_ in zip(entries, own, prints, strict=False):
        published, updated = _moments(entry, place)
        item, cut = _item(entry, mine, place, published.when, updated, source.categories, is_brief=print_ in known)
        if torn and entry is entries[-1] and _is_torn(item, torn):
            warnings.append("its end is missing, and the last entry with it, which has neither guid nor link")
            continue
        items.append((item, published))
        told.append(print_ if item.title and not cut else b"")  # else its content is asked for
        if cut:
            warnings.append(f"the content of {item.url or item.guid!r} is cut to {parts.MAX_CONTENT} characters")
    timing = with_hub(head.hints or guessed(parsed.feed), feed, document)
    feed = replace(feed, self_url=feed.self_url or text.http_url(document.name))
    return Batch(parts.whole_days(items), feed, timing, tuple(warnings), prints=tuple(told))


def _prints(parsed: Parsed, place: "_Place", feed: Feed, source: Source) -> list[bytes]:
    """The print of each entry; b"" for all where what is around an entry may change what it says in many ways."""
    if parsed.has_base or len(parsed.elements) > brief.MOST:
        return [b""] * len(parsed.elements)
    around = brief.context(place, feed.language, source.language, source.categories)
    elements = (etree.tostring(element, encoding="utf-8", with_tail=False) for element, _ in parsed.elements)
    return [brief.print_of(each, around) for each in elements]


def _from_tree(root: etree._Element | None) -> Parsed | None:
    """A well-formed document without feedparser; None where that is not sure to give the same."""
    if root is None:
        return None
    try:
        return walk.walked(root)
    except OddError:
        return None


def _from_feedparser(xml: Xml, root: etree._Element | None) -> Parsed:
    said = _parse(xml.body)
    version = str(said.get("version") or "")
    channel, elements = (None, []) if root is None else (grouped(channel_of(root)), list(map(grouped, items_of(root))))
    return Parsed(version, said["feed"], said["entries"], channel, elements, _trouble(said, xml.lines))


def _is_torn(item: Item, document: str) -> bool:
    """Whether the document ends within this item, before anything that it could be recognised by when it is whole."""
    name = "entry" if "</entry>" in document or "<entry" in document else "item"
    opened = max(document.rfind(f"<{name}>"), document.rfind(f"<{name} "))
    return not (item.guid or item.url) and document.find(f"</{name}>", opened) < 0


# --- feedparser -----------------------------------------------------------------------------------------------------

_HEADERS = {"content-type": "application/xml; charset=utf-8"}
# Tags outside CDATA, but for those that an item cannot do without.
_RARE = re.compile(
    rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|<(?P<close>/?)(?!(?:rss|rdf:RDF|feed|channel|item|entry|title|link|guid|id|description"
    rb"|summary|content|content:encoded|pubDate|published|updated|issued|modified|created|dc:date|dc:creator|author|name"
    rb"|email|uri|category|enclosure)[\s/>])(?:[a-z][\w.-]*:)?(?=[a-z])",
    re.IGNORECASE | re.DOTALL,
)


def _parse(body: bytes) -> Any:
    """feedparser's result. Its handlers of rare elements raise on odd input, so a second try hides all of those."""
    import feedparser  # few documents need it

    for hide in (False, True):
        attempt = _without_rare(body) if hide else body
        try:
            return feedparser.parse(
                io.BytesIO(attempt), response_headers=_HEADERS, sanitize_html=False, resolve_relative_uris=False
            )
        except Exception as problem:  # it raises a dozen kinds
            trouble = f"{type(problem).__name__}: {problem}"
    raise ParseError("broken feed", text.one_line(trouble))


def _without_rare(body: bytes) -> bytes:
    return _RARE.sub(lambda found: found[0] if found["close"] is None else b"<%bunread-" % found["close"], body)


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


def _item(
    entry: Said,
    own: Own,
    place: _Place,
    published: datetime | None,
    updated: datetime | None,
    categories: tuple[CategoryPath, ...],
    *,
    is_brief: bool,
) -> tuple[Item, bool]:
    """One item, and whether its content had to be cut; in brief it has only what decides which item it is."""
    declared = text.http_url(own.base, place.url) if own.base else ""
    outer = declared or (place.url if place.is_atom else place.page or place.url)
    original = string(entry, "feedburner_origlink", "pheedo_origlink")  # the page behind a counting redirect
    url = text.http_url(original) or text.http_url(own.link, outer)
    guid, title = text.legal(own.guid).strip(), _title(entry, place.is_atom)
    if is_brief:
        return Item(guid=guid, url=url, title=title, published=published, updated=updated), False
    base = declared or url or outer
    content, summary, cut = parts.texts(own.content, own.summary, own.caption, base)
    podcast = _absolute_podcast(own.podcast, base)
    files = media.files(entry, own.titles, base)
    item = Item(
        guid=guid,
        url=url,
        title=title,
        summary=summary,
        content=content,
        authors=own.authors,
        tags=_tags(entry),
        categories=categories,
        published=published,
        updated=updated,
        language=text.language(own.language),
        rights=text.plain(string(entry, "rights"), 1000),
        image=parts.picture(media.pictures(entry, files, own, base), content),
        enclosures=media.enclosures(files, podcast, content),
        links=_links(entry, base),
        podcast=podcast,
        feed=_own_feed(entry, place),
    )
    return item, cut


def _title(entry: Said, is_atom: bool) -> str:
    """Atom says when a title is HTML (RFC 4287 §3.1.1); RSS never does."""
    raw = string(entry, "title")
    is_html = is_atom and string(inner(entry, "title_detail"), "type").endswith("html")
    return text.plain(raw, 500) if is_html else text.plain_title(raw)


def _moments(entry: Said, place: _Place) -> tuple[dates.Moment, datetime | None]:
    """Published and updated. RSS 1.0's dc:date arrives as "updated" and is the only date there is."""
    drupal = string(inner(entry, "time"), "datetime")  # its pubDate holds an element
    found = (_moment(entry, "published", place.zone), _moment(entry, "created", place.zone))
    published = next((moment for moment in found if moment.when), dates.read(drupal, place.zone))
    updated = _moment(entry, "updated", place.zone)
    if place.is_atom:
        return published, updated.when
    if published.when is None:
        return updated, None
    return published, updated.when if updated.when and updated.when > published.when else None


def _moment(entry: Said, name: str, zone: str) -> dates.Moment:
    """A date by our own rules alone: feedparser makes dates of days that no calendar has."""
    return dates.read(string(entry, name) if name in entry else "", zone)  # it gives `published` for `updated`


# What says how an item is shelved in a shop or in a program, not what it is about.
_NO_TAG = re.compile(r"^https?://(?:www\.itunes\.com/$|search\.yahoo\.com/mrss|schemas\.google\.com/)")


def _tags(entry: Said) -> tuple[Tag, ...]:
    found = (Tag(string(t, "term"), string(t, "scheme"), string(t, "label")) for t in objects(entry, "tags"))
    return parts.tags(tag for tag in found if not _NO_TAG.match(tag.scheme))


_KEPT_RELS = ("via", "replies", "related", "license")


def _links(entry: Said, base: str) -> tuple[Link, ...]:
    """Links other than the page and its enclosures, each once."""
    found = [
        Link(string(link, "href"), rel, *(string(link, name) for name in ("type", "title", "hreflang")))
        for link in objects(entry, "links")
        if (rel := string(link, "rel").removeprefix("http://www.iana.org/assignments/relation/")) in _KEPT_RELS
    ]
    for name, kind in (("comments", "text/html"), ("wfw_commentrss", "application/rss+xml")):
        if re.match("https?:|/", string(entry, name)):  # some count the comments there
            found.append(Link(string(entry, name), "replies", kind))
    origin = inner(entry, "source")
    if origin and not origin.get("links"):  # RSS 2.0 <source>: the channel that the item came from
        found.append(Link(string(origin, "href"), "via", "", string(origin, "title")))
    return absolute_links(found, base)


def absolute_links(found: Iterable[Link], base: str) -> tuple[Link, ...]:
    """Links with lawful values, each (rel, href) once; those that lead nowhere go."""
    known: dict[tuple[str, str], Link] = {}
    for link in found:
        href = text.http_url(link.href, base)
        if href and len(known) < parts.MAX_LIST:
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


def _own_feed(entry: Said, place: _Place) -> Feed | None:
    """The entry's atom:source (RFC 4287 §4.2.11), not RSS <source>, which has an address and a title only."""
    said = inner(entry, "source")
    if not said.get("id") and not said.get("links"):
        return None
    return _feed(said, from_entry(said, True), place.url, place.zone)


def _feed(said: Said, own: Own, url: str, zone: str) -> Feed:
    """What a feed says of itself; `self_url` is "" when it does not say where it lives."""
    base = text.http_url(own.base, url) or url
    links = [Link(string(link, "href"), string(link, "rel")) for link in objects(said, "links")]
    logo = string(said, "logo") or string(inner(said, "image"), "href") or string(said, "webfeeds_logo")
    selves = absolute_links((link for link in links if link.rel == "self"), base)
    return Feed(
        id=string(said, "id").strip(),
        title=text.plain_title(string(said, "title")),
        subtitle=text.plain(own.summary.html if own.summary else string(said, "subtitle"), 1000),
        url=text.http_url(own.link, base),
        self_url=selves[0].href if selves else "",
        authors=own.authors,
        rights=text.plain(string(said, "rights"), 1000),
        icon=text.http_url(string(said, "icon", "webfeeds_icon"), base),
        logo=text.http_url(logo, base),
        language=text.language(string(said, "language")),
        updated=_moment(said, "updated", zone).when or _moment(said, "published", zone).when,
        tags=_tags(said),
        links=absolute_links((link for link in links if link.rel in ("hub", "license")), base),
    )
