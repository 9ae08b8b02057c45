"""The kind `feed`: an RSS, Atom or JSON feed at a URL."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from aggregator import text
from aggregator.errors import ParseError
from aggregator.model import Batch, Document, Fetch, Found, Source, Validators

REMOTE = True
_HEAD = 200_000  # characters of a page that are searched for its feeds


@dataclass(frozen=True, slots=True)
class Options:
    """`url` is the feed's address."""

    url: str


def key(options: Options) -> str:
    """The feed's address as it was configured names the source."""
    return options.url


async def documents(source: Source, known: Mapping[str, Validators], fetch: Fetch) -> Found:
    """One conditional GET. Raises FetchError."""
    url = source.options.url
    document = await fetch(url, known.get(url, Validators()), source.limits)
    if document.not_modified:
        return Found(unchanged={url: document.validators})
    return Found(changed=(replace(document, name=url),))


def read(document: Document, source: Source) -> Batch:
    """The items of a feed, in its order, and what the feed says of itself.

    Raises ParseError: `empty`, `not a feed` (a web page, a picture, other JSON or XML), `broken feed` (nothing in it
    can be read), `entities` (its entities would blow it up). A broken feed with items gives these and a warning.
    """
    try:
        batch = _read(document, source)
    except ParseError as problem:
        raise ParseError(problem.kind, f"{document.url}: {problem.message}") from None
    return replace(batch, warnings=tuple(f"{document.url}: {warning}" for warning in batch.warnings))


def _read(document: Document, source: Source) -> Batch:
    from aggregator.sources.feed import (
        decoding,
        jsonfeed,
        xmlfeed,
    )  # these load the parsers; the config needs Options only

    if not document.body.strip(b"\0 \t\r\n"):
        raise ParseError("empty", "the server sent an empty document")
    content_type = document.headers.get("content-type", "")
    content = decoding.decode(document.body, content_type)
    if jsonfeed.is_json(content):
        return jsonfeed.read(content, document, source)
    xml = decoding.prepare(content)
    if not xml.root:
        raise ParseError("not a feed", f"it is {text.one_line(content_type, 80) or 'something'} without any XML")
    if xml.root in ("html", "head", "body", "div", "meta", "script", "title"):
        raise ParseError("not a feed", "it is a web page" + _advice(xml.text, document.url))
    batch = xmlfeed.read(xml, document, source)
    lost = decoding.lost(document.body, content)
    return replace(batch, warnings=(lost, *batch.warnings)) if lost else batch


def _advice(page: str, url: str) -> str:
    """The feeds that a web page announces (https://www.rssboard.org/rss-autodiscovery), as the end of a sentence."""
    from bs4 import BeautifulSoup
    from bs4.filter import SoupStrainer

    head = BeautifulSoup(page[:_HEAD], "lxml", parse_only=SoupStrainer("link"))
    links = [link for link in head.find_all("link") if "alternate" in [rel.lower() for rel in link.get("rel") or ()]]
    feeds = [link for link in links if re.search("rss|atom|feed.json", str(link.get("type")).lower())]
    found = dict.fromkeys(text.http_url(str(link.get("href", "")), url) for link in feeds)
    addresses = [address for address in found if address][:3]
    return f"; its feed is {' or '.join(addresses)}" if addresses else ""
