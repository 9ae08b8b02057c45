"""Is a document valid RSS 2.0 or Atom 1.0, and what a good citizen would publish? For tests of output.

Written from the specifications (RSS 2.0 and the RSS Advisory Board's profile, RFC 4287, 4685, 4946, 5005, BCP 47, Media
RSS, Apple's and Podcasting 2.0's tags) without a look at the writers under test. The names of findings are those of the
W3C's feed validator where it has one for the case; its errors and its warnings are findings alike.
"""

import re
from collections.abc import Iterable
from urllib.parse import urljoin

from lxml import etree

from tests import conformance_values as values
from tests.conformance_values import (
    Element,
    Findings,
    Rules,
    children,
    finding,
    name_of,
    repeated,
    shape,
    text_of,
    to_moment,
)

FEED_TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml"}


def check(data: bytes, kind: str, location: str = "") -> list[str]:
    """Everything that is wrong with a document of a kind ("rss" or "atom"), as "Name: where and what"; [] when it is good.

    `location` is the document's public URL, "" to leave out the comparison with its self link.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        return [f"NotWellFormed: {error}"]
    return [
        *_document(root),
        *(_rss(root, location) if kind == "rss" else _atom(root, location)),
        *(_character_data(data.decode("utf-8", "replace")) if kind == "rss" else ()),
    ]


# --- What may stand where -------------------------------------------------------------------------------------------

FEED_MODULES: Rules = {
    "sy:updatePeriod": ("?", values.matches("hourly|daily|weekly|monthly|yearly", "InvalidUpdatePeriod")),
    "sy:updateFrequency": ("?", values.positive),
    "sy:updateBase": ("?", values.rfc3339),
    "fh:archive": ("?", values.anything),
    "fh:complete": ("?", values.anything),
    "dc:creator": ("*", values.nonblank),
}
ENTRY_MODULES: Rules = {
    "media:group": ("*", values.media_group),
    "media:content": ("*", values.media_content),
    "media:thumbnail": ("*", values.thumbnail),
    "itunes:duration": ("?", values.matches(r"\d+(?::[0-5]\d){0,2}", "InvalidDuration")),
    "itunes:season": ("?", values.positive),
    "itunes:episode": ("?", values.positive),
    "itunes:episodeType": ("?", values.matches("full|trailer|bonus", "InvalidItunesEpisodeType")),
    "itunes:explicit": ("?", values.true_false),
    "itunes:subtitle": ("?", values.matches(r"(?s).{1,255}", "TooLong")),
    "itunes:image": ("?", values.required("href")),
    "podcast:transcript": ("*", values.required("url", "type")),
    "podcast:chapters": ("?", values.required("url", "type")),
}
RSS_CHANNEL: Rules = {
    "title": ("1", values.nonblank),
    "link": ("1", values.uri),
    "description": ("1", values.nonblank),
    "language": ("?", values.language),
    "copyright": ("?", values.nonblank),
    "managingEditor": ("?", values.rss_mail),
    "webMaster": ("?", values.rss_mail),
    "pubDate": ("?", values.rfc822),
    "lastBuildDate": ("1", values.rfc822),
    "category": ("*", values.nonblank),
    "generator": ("?", values.nonblank),
    "docs": ("?", values.uri),
    "ttl": ("?", values.positive),
    "image": ("?", values.anything),
    "item": ("*", values.anything),
    "atom:link": ("*", values.atom_link),
    **FEED_MODULES,
}
RSS_ITEM: Rules = {
    "title": ("?", values.nonblank),
    "link": ("?", values.uri),
    "description": ("?", values.html),
    "author": ("?", values.rss_mail),
    "category": ("*", values.nonblank),
    "comments": ("?", values.uri),
    "enclosure": ("?", values.enclosure),
    "guid": ("?", values.guid),
    "pubDate": ("?", values.rfc822),
    "source": ("?", values.rss_source),
    "content:encoded": ("?", values.html),
    "atom:link": ("*", values.atom_link),
    "atom:updated": ("?", values.rfc3339),
    "dc:creator": ("*", values.nonblank),
    "dc:language": ("?", values.language),
    "dc:rights": ("?", values.nonblank),
    **ENTRY_MODULES,
}
ATOM_SOURCE: Rules = {
    "atom:id": ("?", values.iri),
    "atom:title": ("?", values.text_construct),
    "atom:updated": ("?", values.rfc3339),
    "atom:author": ("*", values.atom_person),
    "atom:contributor": ("*", values.atom_person),
    "atom:link": ("*", values.atom_link),
    "atom:category": ("*", values.atom_category),
    "atom:generator": ("?", values.nonblank),
    "atom:icon": ("?", values.iri),
    "atom:logo": ("?", values.iri),
    "atom:rights": ("?", values.text_construct),
    "atom:subtitle": ("?", values.text_construct),
}
ATOM_FEED: Rules = {
    **ATOM_SOURCE,
    "atom:id": ("1", values.iri),
    "atom:title": ("1", values.text_construct),
    "atom:updated": ("1", values.rfc3339),
    "atom:entry": ("*", values.anything),
    **FEED_MODULES,
}
ATOM_ENTRY: Rules = {
    "atom:id": ("1", values.iri),
    "atom:title": ("1", values.text_construct),
    "atom:updated": ("1", values.rfc3339),
    "atom:published": ("?", values.rfc3339),
    "atom:author": ("*", values.atom_person),
    "atom:contributor": ("*", values.atom_person),
    "atom:link": ("*", values.atom_link),
    "atom:category": ("*", values.atom_category),
    "atom:content": ("?", values.atom_content),
    "atom:summary": ("?", values.text_construct),
    "atom:rights": ("?", values.text_construct),
    "atom:source": ("?", values.anything),
    **ENTRY_MODULES,
}


# --- Feeds of both kinds --------------------------------------------------------------------------------------------


def _document(root: Element) -> Findings:
    """What any XML document of ours must be."""
    info = root.getroottree().docinfo
    if (info.encoding or "UTF-8").upper() != "UTF-8":
        yield f"NotUTF8: {info.encoding}"
    if info.internalDTD is not None:
        yield "InvalidDoctype: a feed has no DTD"
    for sheet in root.itersiblings(etree.ProcessingInstruction, preceding=True):
        href = urljoin("https://planet.example/", sheet.get("href") or " ")  # it may be relative to the document
        if sheet.get("type") != "text/css" or not values.URI.fullmatch(href):
            yield f"InvalidStylesheet: {sheet.text!r}"
    for element in root.iter("{*}*"):
        yield from values.attribute(element, values.LANG, values.LANGUAGE.pattern, "InvalidLanguage")


def _alternates(parent: Element) -> Findings:
    """One alternate link for each type and language (RFC 4287 §4.1.1, §4.1.2)."""
    links = [link for link in children(parent, "atom:link") if link.get("rel", "alternate") == "alternate"]
    yield from repeated((((link.get("type"), link.get("hreflang")), link) for link in links), "DuplicateAtomLink")


def _feed_links(feed: Element, kind: str, location: str) -> Findings:
    """self (RFC 4287 §4.1.1, RSS profile), alternates, and the links of an archive (RFC 5005 §4)."""
    links = children(feed, "atom:link")
    own = [link for link in links if link.get("rel") == "self"]
    if not own:
        yield finding("MissingSelf", feed)
    for link in own:
        if location and link.get("href") != location:
            yield finding("SelfDoesntMatchLocation", link, link.get("href"))
        if link.get("type", FEED_TYPES[kind]) != FEED_TYPES[kind]:
            yield finding("SelfNotAtom", link, link.get("type"))
    yield from _alternates(feed)
    yield from _paged(feed)


def _paged(feed: Element) -> Findings:
    """Hubs (WebSub §4); an archive names the current document, and no two relations one document (RFC 5005 §2, §4)."""
    links = children(feed, "atom:link")
    for hub in (link for link in links if link.get("rel") == "hub"):
        yield from values.attribute(hub, "href", "https?://.+", "InvalidHub")
    pages = [link for link in links if re.fullmatch("self|current|prev-archive|next-archive", link.get("rel", ""))]
    places = {link.get("rel"): link.get("href") for link in pages}
    yield from repeated(((link.get("rel"), link) for link in pages), "DuplicatePage")
    if children(feed, "fh:archive"):
        if children(feed, "fh:complete"):
            yield finding("ArchiveIncomplete", feed)
        if "current" not in places:
            yield finding("MissingCurrentInArchive", feed)
        yield from repeated(((link.get("href"), link) for link in pages), "SamePage")
    elif "next-archive" in places or places.get("current", places.get("self")) != places.get("self"):
        yield finding("MissingArchive", feed, "the current document is the last one")


def _order(feed: Element, built: str, dates: Iterable[tuple[str, str]]) -> Findings:
    """Newest entries first; the feed as new as its newest entry. `dates` are each entry's published and updated."""
    known = [[moment for moment in map(to_moment, found) if moment] for found in dates]
    places = [moments[0] for moments in known if moments]
    if places != sorted(places, reverse=True):
        yield finding("NotNewestFirst", feed)
    newest, date = max((max(moments) for moments in known if moments), default=None), to_moment(built)
    if newest and date and date < newest:
        yield finding("FeedOlderThanEntry", feed, built)
    if newest and date and date > newest:
        yield finding("NowDate", feed, f"{built}: no entry is as new as that")


def _misplaced(parent: Element, entry: str, what: str) -> Findings:
    """A feed's own elements stand before its entries."""
    names = [name_of(child) for child in children(parent)]
    if entry in names and set(names[names.index(entry) :]) != {entry}:
        yield finding(what, parent)


# --- RSS ------------------------------------------------------------------------------------------------------------


def _rss(root: Element, location: str) -> Findings:
    if root.tag != "rss" or root.get("version") != "2.0":
        yield finding("InvalidRSSVersion", root, root.get("version"))
    yield from shape(root, {"channel": ("1", values.anything)})
    for channel in children(root, "channel"):
        items = children(channel, "item")
        yield from shape(channel, RSS_CHANNEL)
        yield from _misplaced(channel, "item", "MisplacedItem")
        yield from _feed_links(channel, "rss", location)
        yield from repeated(
            ((text_of(guid), guid) for item in items for guid in children(item, "guid")), "DuplicateGuid"
        )
        dates = ((text_of(item, "pubDate"), text_of(item, "atom:updated")) for item in items)
        yield from _order(channel, text_of(channel, "lastBuildDate"), dates)
        for item in items:
            yield from _rss_item(item)


def _rss_item(item: Element) -> Findings:
    names = [name_of(child) for child in children(item)]
    yield from shape(item, RSS_ITEM)
    if "title" not in names and "description" not in names:
        yield finding("ItemMustContainTitleOrDescription", item)
    if "guid" not in names:
        yield finding("MissingGuid", item)
    if "content:encoded" in names and "description" not in names[: names.index("content:encoded")]:
        yield finding("NeedDescriptionBeforeContent", item)
    if "author" in names and "dc:creator" in names:
        yield finding("DuplicateItemSemantics", item, "author and dc:creator")
    tags = (((text_of(tag), tag.get("domain")), tag) for tag in children(item, "category"))
    yield from repeated(tags, "DuplicateCategory")


def _character_data(document: str) -> Findings:
    """Plain text has & and < as hexadecimal references, so that no reader takes it for HTML (RSS profile)."""
    head, _, items = document.partition("<item")
    items = re.sub(r"<(content:encoded|description)\b[^>]*>.*?</\1>", "", items, flags=re.DOTALL)
    names = "title|description|category|copyright|source|dc:creator|dc:rights|media:title|itunes:subtitle"
    for found in re.finditer(rf"<({names})\b[^>]*>(.*?)</\1>", head + items, re.DOTALL):
        plain = re.sub(r"<!\[CDATA\[(.*?)\]\]>", r"\1", found[2], flags=re.DOTALL)
        if values.MARKUP.search(re.sub("&lt;|&#60;", "<", plain).replace("&gt;", ">")):
            yield f"ContainsHTML: <{found[1]}> {plain[:100]!r}"
        elif re.search("&(?!#x|gt;|quot;)|<", plain):
            yield f"CharacterData: <{found[1]}> {plain[:100]!r}"


# --- Atom -----------------------------------------------------------------------------------------------------------


def _atom(root: Element, location: str) -> Findings:
    if name_of(root) != "atom:feed":
        yield finding("InvalidNamespace", root)
        return
    entries = children(root, "atom:entry")
    yield from shape(root, ATOM_FEED)
    yield from _misplaced(root, "atom:entry", "MisplacedMetadata")
    yield from _feed_links(root, "atom", location)
    yield from repeated(((text_of(entry, "atom:id"), entry) for entry in entries), "DuplicateId")
    dates = ((text_of(entry, "atom:published"), text_of(entry, "atom:updated")) for entry in entries)
    yield from _order(root, text_of(root, "atom:updated"), dates)
    feed_has_author = bool(children(root, "atom:author"))  # asked once, as there may be thousands of entries
    for entry in entries:
        yield from _atom_entry(entry, feed_has_author)


def _atom_entry(entry: Element, feed_has_author: bool) -> Findings:
    yield from shape(entry, ATOM_ENTRY)
    yield from _alternates(entry)
    names = {name_of(child) for child in children(entry)}
    rels = {link.get("rel", "alternate") for link in children(entry, "atom:link")}
    if "atom:content" not in names and "alternate" not in rels:
        yield finding("MissingContentOrAlternate", entry)
    if not names & {"atom:content", "atom:summary"}:
        yield finding("MissingTextualContent", entry)
    sources = children(entry, "atom:source")
    if not (feed_has_author or "atom:author" in names or any(children(source, "atom:author") for source in sources)):
        yield finding("MissingAuthor", entry)
    for source in sources:
        missing = {"atom:id", "atom:title", "atom:updated"} - {name_of(child) for child in children(source)}
        yield from (finding("MissingSourceElement", source, name) for name in sorted(missing))
        yield from shape(source, ATOM_SOURCE)
        yield from _alternates(source)
    tags = (((tag.get("term"), tag.get("scheme")), tag) for tag in children(entry, "atom:category"))
    yield from repeated(tags, "DuplicateCategory")
