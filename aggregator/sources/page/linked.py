"""schema.org in JSON-LD (https://json-ld.org, https://schema.org/Article): the articles that a page tells of. Pure.

Every value may be of any type, a list of these, or a reference by @id to what stands elsewhere in the document.
"""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from bs4 import BeautifulSoup

from aggregator import text
from aggregator.sources.feed.parts import paragraphs
from aggregator.sources.page.values import Raw

ARTICLES = (
    "Article",
    "BlogPosting",
    "LiveBlogPosting",
    "NewsArticle",
    "Report",
    "ScholarlyArticle",
    "SocialMediaPosting",
    "TechArticle",
)
_OTHERS = ("BreadcrumbList", "SiteNavigationElement", "Organization", "Person")
_MOST = 200_000  # nodes that are looked at

_Node = Mapping[str, Any]


def found(page: BeautifulSoup) -> list[Raw]:
    """The articles, in their order; where there are none, the members of an ItemList."""
    nodes = [node for script in page.find_all("script", type="application/ld+json") for node in _nodes(script.string)]
    known = {str(node["@id"]): node for node in nodes if "@id" in node and len(node) > 1}
    articles = [node for node in nodes if _is(node, ARTICLES)]
    listed = articles or [_member(node, known) for node in nodes if _is(node, ("ListItem",))]
    return [_raw(node, known) for node in listed]


def _nodes(source: str | None) -> Iterator[_Node]:
    """All objects of a script, in their order, but those within breadcrumbs, menus, people and articles."""
    try:
        stack = [json.loads(source or "null", strict=False)]
    except (ValueError, RecursionError):  # a page with a script that is broken may have others
        return
    for _ in range(_MOST):
        if not stack:
            return
        node = stack.pop()
        if isinstance(node, dict):
            yield node
            if not _is(node, (*_OTHERS, *ARTICLES)):
                stack += reversed([each for each in node.values() if isinstance(each, dict | list)])
        elif isinstance(node, list):
            stack += reversed(node)


def _is(node: _Node, names: tuple[str, ...]) -> bool:
    kinds = node.get("@type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return any(isinstance(kind, str) and kind.rpartition("/")[2] in names for kind in kinds)


def _member(node: _Node, known: Mapping[str, _Node]) -> _Node:
    """What a ListItem stands for; what it says itself counts where that says nothing."""
    inner = node.get("item")
    if isinstance(inner, str):
        return {"url": inner, **node}
    return {**node, **_one(inner, known)}


def _one(value: object, known: Mapping[str, _Node]) -> _Node:
    """The object that a value is, refers to, or has first."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        return known.get(str(value.get("@id")), value) if len(value) == 1 else value
    return {}


def _text(value: object) -> str:
    """The text that a value is, or has first."""
    if isinstance(value, list):
        value = next((each for each in value if isinstance(each, str)), None)
    return text.legal(value) if isinstance(value, str) else ""


def _url(value: object, known: Mapping[str, _Node]) -> str:
    one = _one(value, known)
    return _text(value) or _text(one.get("url")) or _text(one.get("contentUrl")) or _text(one.get("@id"))


def _raw(node: _Node, known: Mapping[str, _Node]) -> Raw:
    body, about = _text(node.get("articleBody")), _text(node.get("description"))
    words = node.get("keywords")
    words = words.split(",") if isinstance(words, str) else words if isinstance(words, list) else []
    return Raw(
        title=text.plain_title(_text(node.get("headline")) or _text(node.get("name"))),
        url=_url(node.get("url"), known) or _url(node.get("mainEntityOfPage"), known) or _text(node.get("@id")),
        date=_text(node.get("datePublished")) or _text(node.get("dateCreated")),
        updated=_text(node.get("dateModified")),
        image=_url(node.get("image"), known) or _url(node.get("thumbnailUrl"), known),
        content=paragraphs(body) if body else "",
        summary=escape(text.plain(about), quote=False) if about else "",
        author=_text(node.get("author")) or _text(_one(node.get("author"), known).get("name")),
        tags=tuple(_text(each) for each in words),
    )
