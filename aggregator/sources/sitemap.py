"""The kind `sitemap`: the pages of a site as it lists them for search engines (https://www.sitemaps.org/protocol.html),
best its news sitemap (Google's extension), plain or gzipped.
"""

import asyncio
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from gettext import gettext as _
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from aggregator import dates, text
from aggregator.errors import FetchError, ParseError
from aggregator.model import Batch, Document, Feed, Fetch, Found, Image, Item, Source, Tag, Validators

if TYPE_CHECKING:
    from lxml import etree

REMOTE = True

ADVICE = {"not a sitemap": "write the address of a sitemap as url; robots.txt of the site often names it"}

_FOLLOWED = 3
_UNDATED = "undated"  # the stamp of an index that does not say when its sitemaps have changed
_ABSENT = ("http 403", "http 404", "http 410")  # what is said of one document; other trouble is that of its host
_MOST = 50_000_000  # bytes, unpacked: more is against the protocol


@dataclass(frozen=True, slots=True)
class Options:
    """`url` is the address of a sitemap, or of an index of sitemaps."""

    url: str = field(repr=False)
    """The address of a sitemap, or of an index of sitemaps. Example: `"https://example.com/news-sitemap.xml"`."""


def key(options: Options) -> str:
    """The sitemap's address. Raises ValueError for what is none."""
    if not text.http_url(options.url):
        raise ValueError(_("`url` is no sitemap; write an absolute http:// or https:// URL"))
    return options.url


# --- A visit --------------------------------------------------------------------------------------------------------


async def documents(source: Source, known: Mapping[str, Validators], fetch: Fetch) -> Found:
    """One conditional GET; where that is an index, up to 3 more, for the sitemaps in it that changed last.

    An index with dates that has not changed says that none of its sitemaps has; without dates it says nothing of them,
    so those of last time are asked. A redirect is followed, but a permanent one is not remembered: what an index leads
    to has names of its own. A sitemap of an index that is not there costs no other its visit, unless none is there.
    Raises FetchError, ParseError.
    """
    from aggregator.sources.feed.discovery import asked

    first = await fetch(source.options.url, known.get(source.key, Validators()), source.limits)
    first = replace(first, name=source.key, moved_to="")
    is_dated = source.key not in known or known[source.key].stamp != _UNDATED
    if first.not_modified and is_dated:
        return Found(unchanged={**known, source.key: first.validators}, answer=first)
    if first.not_modified:
        listed = tuple(name for name in known if name != source.key)
    else:
        listed, is_dated = await asyncio.to_thread(_newest, first)
    if not listed:
        return Found(changed=(first,), answer=first)
    changed: list[Document] = []
    lost: dict[str, str] = {}
    unchanged = {source.key: replace(first.validators, stamp="" if is_dated else _UNDATED)}
    for url in listed:
        address, limits = asked(source, url)
        try:
            found = await fetch(address, known.get(url, Validators()), limits)
        except FetchError as error:
            if error.kind not in _ABSENT:
                raise
            lost[url] = str(error)
            continue
        if found.not_modified:
            unchanged[url] = found.validators
        else:
            changed.append(replace(found, name=url))
    return Found(tuple(changed), unchanged, answer=first, lost=lost)


def _newest(document: Document) -> tuple[tuple[str, ...], bool]:
    """The sitemaps of an index that changed last, by its own words, else the first, and whether it has such words; none
    where it is no index. One on another host is left out (https://www.sitemaps.org/protocol.html#location)."""
    head = document.body[:4096]
    if b"sitemapindex" not in head and not head.startswith(b"\x1f\x8b"):
        return (), True
    kind, entries, _ = _entries(document)
    if kind != "sitemapindex":
        return (), True
    host = urlsplit(document.url).hostname
    found = {text.http_url(each.get("loc", ""), document.url): dates.parse(each.get("lastmod", "")) for each in entries}
    urls = [url for url in found if urlsplit(url).hostname == host and len(url) <= text.LONGEST_URL]
    urls.sort(key=lambda url: moment.timestamp() if (moment := found[url]) else 0.0, reverse=True)
    if not urls:
        raise ParseError("not a sitemap", f"{document.url}: is an index that leads to no sitemap of its host")
    return tuple(urls[:_FOLLOWED]), all(found[url] for url in urls)


# --- Reading --------------------------------------------------------------------------------------------------------


def read(document: Document, source: Source) -> Batch:
    """The pages that a sitemap lists, the newest first; those without a date stay in their order, behind.

    A page without a title is called by the last part of its address; `published` is what the news extension says, else
    `lastmod`, the best that there is. Raises ParseError: `not a sitemap`, `too large`.
    """
    try:
        return _read(document, source)
    except ParseError as problem:
        message = f"{document.url}: {problem.message}"
        raise ParseError(problem.kind, "; ".join(filter(None, (message, ADVICE.get(problem.kind))))) from None


def _read(document: Document, source: Source) -> Batch:
    from aggregator.sources.feed import parts

    kind, entries, wrong = _entries(document)
    if kind in ("rss", "feed", "RDF"):  # the protocol allows feeds as sitemaps, and an index may lead to one
        from aggregator.sources import feed as feeds

        return feeds.read(document, source)
    if wrong and not entries:
        raise ParseError("not a sitemap", f"it is broken XML ({wrong})")
    if kind != "urlset":
        what = "it is an index within an index" if kind == "sitemapindex" else f"it is a document of <{kind}>"
        raise ParseError("not a sitemap", what if kind else "it is no XML")
    root = urlsplit(document.url)
    found = [_item(each, document.url, source) for each in entries]
    pages = [(item, moment) for item, moment in found if item.title]  # the front page is no entry
    pages.sort(key=lambda pair: pair[1].when.timestamp() if pair[1].when else 0.0, reverse=True)
    kept, warnings = parts.capped(pages)
    if wrong:
        warnings.append(f"the XML is broken ({wrong}); {len(kept)} pages could be read")
    name = next((name for each in entries if (name := each.get("news:name", ""))), "")
    feed = Feed(title=text.one_line(name) or root.hostname or "", url=text.http_url(f"{root.scheme}://{root.netloc}/"))
    return Batch(parts.whole_days(kept), feed, warnings=tuple(f"{document.url}: {each}" for each in warnings))


def _item(said: Mapping[str, str], base: str, source: Source) -> tuple[Item, dates.Moment]:
    from aggregator.sources.feed import parts

    url = text.http_url(said.get("loc", ""), base)
    published = dates.read(said.get("news:publication_date", ""), source.zone)
    modified = dates.read(said.get("lastmod", ""), source.zone)
    moment = published if published.when else modified
    picture = text.http_url(said.get("image:loc", ""), base)
    item = Item(
        url=url,
        title=(text.plain_title(said.get("news:title", "")) or named(url)) if url else "",
        tags=parts.tags(Tag(each) for each in said.get("news:keywords", "").split(",")),
        categories=source.categories,
        published=moment.when,
        updated=modified.when if published.when else None,
        language=source.language or text.language(said.get("news:language", "")),
        image=parts.picture([Image(picture)] if picture else (), ""),
    )
    return item, moment


_ENDING = re.compile(r"\.(?:html?|php|aspx?|jsp|shtml|md)$", re.IGNORECASE)
_NUMBERS = re.compile(r"^[\d_-]{4,}(?=[^\W\d_])|(?<=[^\W_])[_-]+\d{5,}$")  # a date in front, a number behind
_WORD = re.compile(r"[^\W\d_]{2}")


def named(url: str) -> str:
    """What a page may be called by its address: its last part in words, behind the one before where it is a number."""
    parts = [_ENDING.sub("", unquote(each)) for each in urlsplit(url).path.split("/") if each]
    parts = [each for each in parts if each.lower() not in ("index", "amp")]
    last = _NUMBERS.sub("", parts[-1]) if parts else ""
    said = last if _WORD.search(last) else " ".join(parts[-2:])
    words = text.one_line(re.sub(r"[\s_+-]+", " ", said))
    return words[:1].upper() + words[1:]


# --- XML ------------------------------------------------------------------------------------------------------------

_SPACES = {
    "http://www.google.com/schemas/sitemap-news/": "news:",
    "http://www.google.com/schemas/sitemap-image/": "image:",
}
_FIELDS = frozenset(
    (
        "loc",
        "lastmod",
        "image:loc",
        *(f"news:{each}" for each in ("title", "publication_date", "language", "name", "keywords")),
    )
)
_ENTRIES = 50_000  # more are against the protocol


def _entries(document: Document) -> tuple[str, list[Mapping[str, str]], str]:
    """The name of the root element, what each entry says by the names of _FIELDS, the first of each, and what is wrong
    with the XML, or "": a broken document gives what could be read of it. Raises ParseError where the gzip is
    broken or too large.
    """
    from lxml import etree

    found: list[Mapping[str, str]] = []
    root = ""
    events = etree.iterparse(
        BytesIO(_unpacked(document.body)), ("start", "end"), recover=True, resolve_entities=False, no_network=True
    )
    try:
        for event, element in events:
            name = _name(element.tag)
            root = root or name
            if event == "end" and name in ("url", "sitemap"):
                found.append(_said(element))
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
                if len(found) == _ENTRIES:
                    break
    except etree.XMLSyntaxError:
        pass  # the log has it, and whatever else was passed over
    wrong = next((f"line {each.line}: {each.message}" for each in events.error_log.filter_from_fatals()), "")
    return root, found, text.one_line(wrong, 100)


def _said(entry: "etree._Element") -> Mapping[str, str]:
    said: dict[str, str] = {}
    for element in entry.iter():
        name = _name(element.tag)
        if name in _FIELDS:
            said.setdefault(name, text.single_spaced(text.legal(element.text or "")))
    return said


def _name(tag: object) -> str:
    """The local name of an element, behind `news:` or `image:` in Google's namespaces; "" of a comment and the like."""
    if not isinstance(tag, str):
        return ""
    space, _, local = tag.rpartition("}")
    return next((prefix for uri, prefix in _SPACES.items() if space[1:].startswith(uri)), "") + local


def _unpacked(body: bytes) -> bytes:
    """A document without its gzip (RFC 1952). Raises ParseError."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    packer = zlib.decompressobj(wbits=31)
    try:
        found = packer.decompress(body, _MOST + 1)
    except zlib.error as error:
        raise ParseError("not a sitemap", f"its gzip is broken ({error})") from None
    if len(found) > _MOST:
        raise ParseError("too large", f"it is more than {_MOST:,} bytes, unpacked")
    return found
