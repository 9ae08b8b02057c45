"""What a page marks up for machines: microformats2, schema.org as JSON-LD or microdata, classic microformats. Pure."""

from collections.abc import Callable, Iterable

from bs4 import BeautifulSoup

from aggregator.sources.page import linked
from aggregator.sources.page.selecting import Plan, Selector, found_by
from aggregator.sources.page.values import Raw


def _plan(item: str, border: str, **fields: str) -> Plan:
    """A plan whose selectors are parted by "|", the best first."""
    parted = {name: tuple(Selector(each.strip()) for each in css.split("|")) for name, css in fields.items()}
    return Plan(item, parted, border)


_ENTRY = _plan(  # https://microformats.org/wiki/h-entry; whatever is an h-* is an item of its own
    ".h-entry",
    "[class^='h-'], [class*=' h-']",
    title=".p-name",
    url=".u-url | .u-uid",
    date=".dt-published",
    updated=".dt-updated",
    image=".u-featured | .u-photo",
    content=".e-content",
    summary=".p-summary",
    author=".p-author",
    tags=".p-category",
)
_ARTICLE = _plan(  # https://html.spec.whatwg.org/multipage/microdata.html
    ", ".join(f'[itemscope][itemtype*="schema.org/{name}" i]' for name in linked.ARTICLES),
    "[itemscope]",
    title="[itemprop~=headline] | [itemprop~=name]",
    url="[itemprop~=url] | [itemprop~=mainEntityOfPage]",
    date="[itemprop~=datePublished] | [itemprop~=dateCreated]",
    updated="[itemprop~=dateModified]",
    image="[itemprop~=image] | [itemprop~=thumbnailUrl]",
    content="[itemprop~=articleBody]",
    summary="[itemprop~=description]",
    author="[itemprop~=author]",
    tags="[itemprop~=keywords]",
)
_CLASSIC = _plan(  # https://microformats.org/wiki/hatom, as themes of WordPress still have it
    ".hentry",
    ".hentry",
    title=".entry-title",
    url=".entry-title a | a[rel~=bookmark]",
    date=".published | time.entry-date | .entry-date",
    updated=".updated",
    image=".post-thumbnail img | img.wp-post-image",
    content=".entry-content",
    summary=".entry-summary",
    author=".author",
    tags="a[rel~=tag]",
)


def found(page: BeautifulSoup) -> tuple[str, list[Raw]]:
    """What the items of a page are, by the first notation that it has any in, and what that is called."""
    ways: tuple[tuple[str, Callable[[], Iterable[Raw]]], ...] = (
        ("h-entry", lambda: found_by(_ENTRY, page)),
        ("schema.org (JSON-LD)", lambda: linked.found(page)),
        ("schema.org (microdata)", lambda: found_by(_ARTICLE, page)),
        ("hentry", lambda: found_by(_CLASSIC, page)),
    )
    for name, find in ways:
        if raws := [each for each in find() if each.title or each.url or each.content]:
            return name, raws
    return "", []
