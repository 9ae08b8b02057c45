"""A source that is a web page: its feed is looked for, asked instead of the page, and remembered by its own address.

The feed's document has the feed's URL as its name, so its validators are never sent to the page; a name in `known` that
is not the source's key is the feed that was found on an earlier visit.
"""

import asyncio
import warnings
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from aggregator import text
from aggregator.errors import FetchError, ParseError, SourceError
from aggregator.model import Access, Document, Fetch, Found, Limits, Source, Validators
from aggregator.sources.feed import decoding

PAGES = frozenset({"html", "head", "body", "div", "meta", "script", "title"})
"""Root elements of what is a web page and no feed."""
_FEEDS = frozenset({"rss", "rdf", "feed", "channel"})
_HEAD = 200_000  # characters of a page that are searched for its feeds
_SNIFFED = 4096  # bytes that tell a page from a feed, nearly always
_GUESSES = 3  # requests for well-known paths in one visit
_WELL_KNOWN = ("feed", "rss.xml", "atom.xml", "feed.xml", "index.xml")
_GONE = "http 410 elsewhere"
_TYPES = ("rss", "atom", "feed+json", "feed.json")


# --- What a page says -----------------------------------------------------------------------------------------------


async def is_page(document: Document) -> bool:
    """Whether a document is a web page, whatever its Content-Type says: cheap for feeds."""
    if _root(document, _SNIFFED) not in PAGES:
        return False
    return await asyncio.to_thread(_root, document, _HEAD) in PAGES  # or was something printed in front of a feed?


def feeds_of(page: str, url: str) -> tuple[str, ...]:
    """The feeds that the beginning of a web page announces, in its order (https://www.rssboard.org/rss-autodiscovery).

    `url` is the page's own, which is never among them; nor is what is no http(s), or too long to be kept. <base> counts
    for relative addresses.
    """
    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
    from bs4.filter import SoupStrainer

    warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # XHTML is meant to be read so; nobody is to be told
    head = BeautifulSoup(page[:_HEAD], "lxml", parse_only=SoupStrainer(["base", "link"]))
    bases = [str(tag["href"]) for tag in head.find_all("base", href=True, limit=1)]
    base = text.http_url(bases[0], url) if bases else ""
    found: dict[str, None] = {}
    for link in head.find_all("link", href=True):
        kind = str(link.get("type")).lower()
        if "alternate" in (rel.lower() for rel in link.get("rel") or ()) and any(name in kind for name in _TYPES):
            found[_bare(text.http_url(str(link["href"]), base or url))] = None
    return tuple(address for address in found if address not in ("", _bare(url)) and len(address) <= text.LONGEST_URL)


def announced_by(page: Document) -> tuple[str, ...]:
    """The same of a page that was fetched, with feeds of comments at the end, however early they are announced."""
    found = feeds_of(_beginning(page, _HEAD), page.url)
    return tuple(sorted(found, key=lambda address: "comments" in urlsplit(address).path.lower()))


def well_known(url: str) -> tuple[str, ...]:
    """At most 5 addresses at which the feed of the page `url` often is, most likely first: beside it and at the root.

    A last segment without a dot is a folder: the feed of /blog is /blog/feed.
    """
    path = urlsplit(url).path or "/"
    folder, _, name = path.rpartition("/")
    here = f"{folder}/" if not name or "." in name else f"{path}/"
    places = dict.fromkeys((here, "/"))
    found = tuple(urljoin(url, place + name) for name in _WELL_KNOWN for place in places)[:5]
    return tuple(address for address in found if len(address) <= text.LONGEST_URL)


def _bare(url: str) -> str:
    return text.http_url(url).partition("#")[0]


def _root(document: Document, length: int) -> str:
    try:
        return decoding.prepare(_beginning(document, length)).root
    except ParseError:  # its entities are the reader's business
        return ""


def _beginning(document: Document, length: int) -> str:
    body = document.body[:length]
    if len(body) < len(document.body):  # a character that is cut in two would look like another encoding
        body = body[: body.rfind(b">") + 1] or body
    return decoding.decode(body, document.headers.get("content-type", ""))


# --- A visit --------------------------------------------------------------------------------------------------------


async def documents(source: Source, known: Mapping[str, Validators], fetch: Fetch) -> Found:
    """The source's feed, or else the feed of the page that it is; a page without any is given as it is.

    A feed that was found before is asked first, and the page again only when that is no longer there. What was once a
    feed itself is not looked into: a publisher's notice in its place would lead to another feed than is meant.
    Requests in one visit: 1; at a page 1 more for the feed that it announces, or up to 3 for well-known paths, but only
    while nothing is known of the source; 1 more when the feed found before is gone. Raises FetchError, ParseError.
    """
    learned = next((name for name in sorted(known) if name != source.key), "")
    lost: SourceError | None = None
    if learned:
        try:
            return _found(source, await _feed(source, learned, known[learned], fetch), learned)
        except SourceError as error:
            if error.kind not in ("http 404", _GONE, "not a feed"):
                raise
            lost = error
    page = await fetch(source.options.url, known.get(source.key, Validators()), source.limits)
    if page.not_modified or source.key in known or not await is_page(page):
        return _found(source, page, source.key)
    announced = await asyncio.to_thread(announced_by, page)
    for address in announced:
        if address not in (_bare(source.options.url), learned):
            return _found(source, await _feed(source, address, Validators(), fetch), address)
    if lost:
        raise lost
    if announced or known:
        return _found(source, page, source.key)
    return await _guessed(source, page, fetch)


async def _feed(source: Source, url: str, known: Validators, fetch: Fetch) -> Document:
    """The document that a page led to. Raises ParseError (`not a feed`) when it is another page.

    A 410 here says that this feed is gone for good (RFC 9110 §15.5.11), not that the source is: the page may have
    another by and by.
    """
    origin = _shown(source)
    try:
        address, limits = asked(source, url)
        document = replace(await fetch(address, known, limits), name=url)
    except FetchError as error:
        message = f"{error.message} (the feed that {origin} leads to)"
        kind = _GONE if error.kind == "http 410" else error.kind
        raise FetchError(kind, message, error.retry_after, error.host) from error
    if await is_page(document):
        raise ParseError("not a feed", f"{document.url}: it is a web page, though {origin} leads to it as its feed")
    return document


async def _guessed(source: Source, page: Document, fetch: Fetch) -> Found:
    """The first of the well-known paths that is a feed, or the page. An answer other than "no" ends the search."""
    for guess in well_known(page.url)[:_GUESSES]:
        try:
            address, limits = asked(source, guess)
            document = await fetch(address, Validators(), limits)
        except FetchError as error:
            if not error.kind.startswith("http 4") or error.kind == "http 429":
                raise
            continue
        if _root(document, _SNIFFED) in _FEEDS:
            return _found(source, document, guess)
    return _found(source, page, source.key)


def _found(source: Source, document: Document, name: str) -> Found:
    if document.not_modified:
        return Found(unchanged={name: document.validators}, answer=document)
    document = replace(document, name=name)
    if name == source.key:
        return Found(changed=(document,), answer=document)
    said = f'{_shown(source)} is not the address of a feed; its feed is {name}: write url = "{name}" into the config'
    return Found(changed=(document,), answer=document, warnings=(said,))


def asked(source: Source, url: str) -> tuple[str, Limits]:
    """What another address that the source has led to is asked with: secrets, the login in the source's own address
    among them, stay with the origin that they are for (RFC 6454 §4)."""
    own = source.options.url
    if origin(own) != origin(url):
        return url, without_secrets(source.limits)
    login = urlsplit(own).netloc.rpartition("@")[0]
    return (url.replace("//", f"//{login}@", 1) if login else url), source.limits


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address."""
    parts = urlsplit(text.http_url(url))
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def without_secrets(limits: Limits) -> Limits:
    """The same limits, for a server that the source's headers, and its trust in any certificate, are not meant for."""
    return replace(limits, access=Access(user_agent=limits.access.user_agent, proxy=limits.access.proxy))


def _shown(source: Source) -> str:
    """The source's address for a message, without user and password."""
    return text.http_url(source.options.url)
