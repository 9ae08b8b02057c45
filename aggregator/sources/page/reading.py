"""A page's bytes become its entries. Pure."""

import re
from collections.abc import Callable, Sequence
from functools import cache, partial

from bs4 import BeautifulSoup

from aggregator import text
from aggregator.dates import Moment
from aggregator.errors import ParseError
from aggregator.model import Batch, Catch, Document, Feed, Item, Source
from aggregator.sources.feed import decoding, parts
from aggregator.sources.page import Select, marked, selecting
from aggregator.sources.page.selecting import Plan
from aggregator.sources.page.values import Raw, day, made, merged

_META = re.compile(rb"<meta[^>]{0,200}?\bcharset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_FEED = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<(?:rss|feed|rdf:RDF)[\s>]")
_MISSED = 3  # of the items without something that are named


def read(document: Document, source: Source) -> Batch:
    """See the package."""
    if not document.body.strip(b"\0 \t\r\n"):
        raise ParseError("empty", "the server sent an empty document")
    content = decoding.decode(document.body, _content_type(document))
    if _FEED.match(content):
        raise ParseError("no match", 'it is a feed; leave kind = "page" out')
    page = BeautifulSoup(content, "lxml")
    base = _base(page, document.url)
    select: Select = source.options.select
    if select.item:
        plan = plan_of(select)
        how, raws = select.item, list(selecting.found_by(plan, page))
        if not raws:
            none = (Catch("item", how, 0, 0), *_catches(select, (), lambda _: Moment()))
            raise ParseError("no match", f"selector `{text.one_line(select.item, 100)}` matched nothing", none)
    else:
        how, raws = marked.found(page)
        if not raws:
            raise ParseError(
                "no match",
                "no h-entry and no article of schema.org is on the page, and no select is given",
                (Catch("item", "", 0, 0),),
            )
    language = source.language or (text.language(selecting.said(page.html, "lang")) if page.html else "")
    when = cache(partial(day, zone=source.zone, language=language))
    catches = (Catch("item", how, len(raws), len(raws)), *_catches(select, raws, when))
    kept = merged(raws, document.url, base)
    if not kept:
        raise ParseError("no match", f"neither a title nor a link was found in any of {len(raws)} items", catches)
    items, warnings = _items(document, source, base, kept, language, when)
    warnings += [_useless(each, raws) for each in catches if each.selector and not each.found]
    return Batch(items, _feed(page, document, language), warnings=tuple(warnings), catches=catches)


def _items(
    document: Document, source: Source, base: str, raws: Sequence[Raw], language: str, when: Callable[[str], Moment]
) -> tuple[tuple[Item, ...], list[str]]:
    raws, warnings = parts.capped(raws)
    items: list[tuple[Item, Moment]] = []
    for number, raw in enumerate(raws, 1):
        item, moment, cut = made(raw, document.url, base, source, language, when)
        items.append((item, moment))
        if cut:
            warnings.append(f"the content of item {number} is cut to {parts.MAX_CONTENT} characters")
    return parts.whole_days(items), warnings


def _useless(catch: Catch, raws: Sequence[Raw]) -> str:
    """What is said of a selector that has given nothing."""
    selector = f"{catch.name}: selector `{text.one_line(catch.selector, 100)}`"
    if catch.name == "date" and (said := next((each.date for each in raws if each.date), "")):
        return f"{selector} finds no date that can be read in any of {catch.of} items, but: {text.one_line(said, 80)}"
    return f"{selector} matched nothing in any of {catch.of} items"


def plan_of(select: Select) -> Plan:
    """The owner's selectors, and for what they say nothing of the usual places."""
    given = {
        "url" if name == "link" else name: (selecting.parse(value),)
        for name in ("title", "link", "date", "image", "content", "author")
        if (value := getattr(select, name))
    }
    return Plan(select.item, {**selecting.USUAL, **given})


def _catches(select: Select, raws: Sequence[Raw], when: Callable[[str], Moment]) -> tuple[Catch, ...]:
    """How many items each field was found in, and the first in which it was not. A date is one that can be read."""
    found = []
    for name in ("title", "link", "date", "image", "content", "author"):
        field = "url" if name == "link" else name
        there = [when(each.date).when if name == "date" else getattr(each, field) for each in raws]
        missed = [each.title or each.url or f"item {n}" for n, each in enumerate(raws, 1) if not there[n - 1]]
        if getattr(select, name) or name in ("title", "link", "date", "image"):
            shown = tuple(text.one_line(each, 80) for each in missed[:_MISSED])
            found.append(Catch(name, getattr(select, name), len(raws) - len(missed), len(raws), shown))
    return tuple(found)


def _content_type(document: Document) -> str:
    """The header, or what the page says itself where the header names no encoding (HTML standard §13.2.3.2)."""
    header = document.headers.get("content-type", "")
    found = _META.search(document.body[:4096])
    return f"text/html; charset={found[1].decode()}" if found and "charset" not in header.lower() else header


def _base(page: BeautifulSoup, url: str) -> str:
    base = page.find("base", href=True)
    return (text.http_url(selecting.said(base, "href"), url) if base else "") or url


def _feed(page: BeautifulSoup, document: Document, language: str) -> Feed:
    """What the page says of itself."""
    head = page.head or page
    title, about = head.find("title"), head.find("meta", attrs={"name": "description"})
    return Feed(
        title=text.one_line(text.plain(title.decode_contents())) if title else "",
        subtitle=text.one_line(selecting.said(about, "content"), 1000) if about else "",
        url=text.http_url(document.url),
        language=language,
    )
