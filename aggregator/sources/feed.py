"""The kind `feed`: an RSS, Atom or JSON feed at a URL."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from aggregator import text
from aggregator.errors import ParseError
from aggregator.model import Batch, Document, Fetch, Found, Source, Validators

REMOTE = True


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
    from aggregator.sources import (
        feed_bytes,
        feed_json,
        feed_xml,
    )  # they load the parsers, the config only needs Options

    if not document.body.strip(b"\0 \t\r\n"):
        raise ParseError("empty", "the server sent an empty document")
    content_type = document.headers.get("content-type", "")
    content = feed_bytes.decode(document.body, content_type)
    if feed_json.is_json(content):
        return feed_json.read(content, document, source)
    xml = feed_bytes.prepare(content)
    if not xml.root:
        raise ParseError("not a feed", f"it is {text.one_line(content_type, 80) or 'something'} without any XML")
    if xml.root in ("html", "head", "body", "div", "meta", "script", "title"):
        raise ParseError("not a feed", "it is a web page" + _advice(xml.text, document.url))
    return feed_xml.read(xml, document, source)


def _advice(page: str, url: str) -> str:
    """The feeds that a web page announces (https://www.rssboard.org/rss-autodiscovery), as the end of a sentence."""
    found = []
    for tag in re.findall(r"<link\s[^>]{1,2000}>", page[:200_000], re.IGNORECASE):
        said = {name.lower(): value for name, _, value in re.findall(r"([\w-]+)\s*=\s*([\"'])(.*?)\2", tag)}
        if "alternate" in said.get("rel", "").lower() and re.search("rss|atom|feed.json", said.get("type", "")):
            found.append(text.http_url(text.decode(said.get("href", "")), url))
    found = [address for address in dict.fromkeys(found) if address]
    return f"; its feed is {' or '.join(found[:3])}" if found else ""
