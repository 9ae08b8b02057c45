"""The kind `feed`: an RSS, Atom or JSON feed at a URL."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aggregator import text
from aggregator.errors import ParseError
from aggregator.model import Batch, Document, Fetch, Found, Source, Validators

REMOTE = True

ADVICE = {
    "broken feed": "if it lasts, tell the publisher",
    "empty": "if it lasts, tell the publisher",
    "entities": "tell the publisher",
    "not a feed": "write the address of a feed as url",
}

ITSELF = ' (with kind = "page" it can be a source itself: `aggregator preview URL --item CSS`, docs/sources.md)'


@dataclass(frozen=True, slots=True)
class Options:
    """`url` is the address of the feed, or of a page that announces it, or `rsshub://namespace/route`.

    `mirrors` are the RSSHub instances to ask for such a route, best first.
    """

    url: str = field(repr=False)
    """The address of the feed, or of a page that announces it, or `rsshub://namespace/route`.
    Example: `"https://example.com/feed.xml"`."""
    mirrors: tuple[str, ...] = field(default=(), repr=False)
    """RSSHub instances for this source, instead of those of `[fetch]`. Example: `["https://rsshub.example/"]`."""


def key(options: Options) -> str:
    """The feed's address as it was configured names the source."""
    return options.url


async def documents(source: Source, known: Mapping[str, Validators], fetch: Fetch) -> Found:
    """One conditional GET, and a few more where `url` is a web page or an instance of RSSHub fails.

    Raises FetchError, ParseError (`not a feed`).
    """
    from aggregator.sources.feed import discovery, rsshub  # the config needs Options only

    if source.options.url.startswith(rsshub.SCHEME):
        return await rsshub.documents(source, known, fetch)
    return await discovery.documents(source, known, fetch)


def read(document: Document, source: Source) -> Batch:
    """The items of a feed, in its order, and what the feed says of itself. An item that names no language has that of
    the feed; one that the config gives to the source counts instead of both.

    Raises ParseError: `empty`, `not a feed` (a web page, a picture, other JSON or XML), `broken feed` (nothing in it
    can be read), `entities` (its entities would blow it up). A broken feed with items gives these and a warning.
    """
    try:
        batch = _read(document, source)
    except ParseError as problem:
        message = f"{document.url}: {problem.message}"
        raise ParseError(problem.kind, "; ".join(filter(None, (message, ADVICE.get(problem.kind))))) from None
    feed = batch.feed and replace(batch.feed, language=source.language or batch.feed.language)
    language = feed.language if feed else source.language
    wanted = ((item, source.language or item.language or language) for item in batch.items)
    items = tuple(item if item.language == said else replace(item, language=said) for item, said in wanted)
    warnings = tuple(f"{document.url}: {warning}" for warning in batch.warnings)
    return replace(batch, feed=feed, items=items, warnings=warnings)


def _read(document: Document, source: Source) -> Batch:
    from aggregator.sources.feed import decoding, jsonfeed, xmlfeed  # these load the parsers

    if not document.body.strip(b"\0 \t\r\n"):
        raise ParseError("empty", "the server sent an empty document")
    content_type = document.headers.get("content-type", "")
    content = decoding.decode(document.body, content_type)
    if jsonfeed.is_json(content):
        return jsonfeed.read(content, document, source)
    batch = xmlfeed.read_sound(content, document, source) or _mended(content, content_type, document, source)
    lost = decoding.lost(document.body, content)
    return replace(batch, warnings=(lost, *batch.warnings)) if lost else batch


def _mended(content: str, content_type: str, document: Document, source: Source) -> Batch:
    from aggregator.sources.feed import decoding, discovery, xmlfeed

    xml = decoding.prepare(content)
    if not xml.root:
        raise ParseError("not a feed", f"it is {text.one_line(content_type, 80) or 'something'} without any XML")
    if xml.root in discovery.PAGES:
        feeds = discovery.feeds_of(xml.text, document.url)[:3]
        more = f"; its feed is {' or '.join(feeds)}" if feeds else ITSELF
        raise ParseError("not a feed", f"it is a web page{more}")
    return xmlfeed.read(xml, document, source)
