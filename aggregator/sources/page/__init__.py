"""The kind `page`: a web page that has no feed. CSS selectors say what its entries are, or the page itself does.

Without selectors, what the page marks up for machines counts: microformats, schema.org.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from gettext import gettext as _
from hashlib import sha256

from aggregator import text
from aggregator.errors import ParseError
from aggregator.model import Batch, Document, Fetch, Found, Source, Validators

REMOTE = True

ADVICE = {"no match": "look at the page and mend the selectors"}


@dataclass(frozen=True, slots=True)
class Select:
    """CSS selectors, each but `item` within an item; `SELECTOR@NAME` is an attribute of what it finds, and an empty
    SELECTOR (or `:scope`) the item itself. What is left out is found by itself (see selecting.py), but not `content`
    and `author`: without them there are none.

    An "@" behind a selector is no CSS, so it cannot be taken for a part of one. Raises ValueError for what is none.
    """

    item: str = ""
    """What is an entry. Example: `"article.post"`."""
    title: str = ""
    """Its title; else its first heading, or its link. Example: `"h2"`."""
    link: str = ""
    """Its link; else the title's, or the first. Example: `"h2 a"`."""
    date: str = ""
    """Its date; else its `<time>`. Example: `"span.date"`."""
    image: str = ""
    """Its picture; else the first. Example: `"img@data-large"`."""
    content: str = ""
    """Its text; there is none without it; `":scope"` is the entry itself. Example: `".summary"`."""
    author: str = ""
    """Its author; there is none without it. Example: `".byline"`."""

    def __post_init__(self) -> None:
        said = [each.name for each in fields(self) if getattr(self, each.name)]
        if said and not self.item.strip():
            raise ValueError(
                _("`{name}` is looked for in each item; write `item`, the selector of these").format(name=said[0])
            )
        if said:
            from aggregator.sources.page import selecting  # who has none should not pay for it

            for name in said:
                selecting.check(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class Options:
    """`url` is the address of the page; `select` says what on it are entries."""

    url: str = field(repr=False)
    """The address of the page. Example: `"https://example.com/news"`."""
    select: Select = Select()
    """What on the page are entries, as CSS selectors: `[source.select]`. Without it, what the page marks up counts:
    h-entry, schema.org, hentry. Example: `{ item = "article.post", title = "h2" }`."""


def key(options: Options) -> str:
    """The page's address. Raises ValueError for what is none."""
    if not text.http_url(options.url):
        raise ValueError(_("`url` is no web page; write an absolute http:// or https:// URL"))
    return options.url


async def documents(source: Source, known: Mapping[str, Validators], fetch: Fetch) -> Found:
    """One conditional GET, of where the page has moved to if that is believed. Raises FetchError.

    With other selectors than last time the page is asked for in full: what it says may be the same, what we read is
    not. A document's `stamp` is of the selectors that it was read with.
    """
    learned = next((name for name in sorted(known) if name != source.key), "")
    name, stamp = learned or source.key, sha256(repr(source.options.select).encode()).hexdigest()[:16]
    before = known.get(name, Validators())
    page = await fetch(learned or source.options.url, before if before.stamp == stamp else Validators(), source.limits)
    page = replace(page, name=name, validators=replace(page.validators, stamp=stamp))
    if page.not_modified:
        return Found(unchanged={name: page.validators}, answer=page)
    return Found(changed=(page,), answer=page)


def read(document: Document, source: Source) -> Batch:
    """The entries of a page, in its order, each link once. `catches` tell how the selectors fared.

    Raises ParseError: `no match` where there are none, `empty`.
    """
    from aggregator.sources.page import reading  # this loads the parser

    try:
        return reading.read(document, source)
    except ParseError as problem:
        advice = ADVICE.get(problem.kind, "if it lasts, look at the page")
        raise ParseError(problem.kind, f"{problem.message}; {advice}", problem.catches) from None
