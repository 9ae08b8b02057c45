"""OPML 1.0 and 2.0 (http://opml.org/spec2.opml), with what FreshRSS, Miniflux and newsboat add to it. Pure.

Outlines around a feed are the levels of its category; its attribute `category` may name more.
"""

import re
from collections.abc import Mapping
from gettext import gettext as _
from xml.parsers import expat

from aggregator.errors import AggregatorError
from aggregator.importing.listed import Described, Each, Listed, line, listed, lost, path, slashed
from aggregator.model import CategoryPath
from aggregator.text import legal
from aggregator.values import MAX_LEVELS

_PLAIN = (
    "text",
    "title",
    "type",
    "xmlurl",
    "htmlurl",
    "url",
    "description",
    "language",
    "category",
    "version",
    "created",
)
_MORE = ("isbreakpoint", "iscomment", "miniflux:useragent", "miniflux:disabled", "frss:curlopt_useragent")
_KNOWN = frozenset((*_PLAIN, *_MORE, "xmlns", "xmlns:frss", "xmlns:miniflux"))
_MOST = 500_000  # feeds, and things that are lost
_SCRAPED = ("html+xpath", "xml+xpath", "json+dotnotation", "html+xpath+json+dotnotation")
_OF_FEEDS = ("", "rss", "rss1", "rss2", "atom", "feed", "jsonfeed", "pie", "rdf")
_REFERENCE = re.compile(r"&(?:(?:lt|gt|amp|quot|apos);|#(?:([0-9]{1,7})|[xX]([0-9a-fA-F]{1,6}));|)")

Attributes = Mapping[str, str]


def is_one(text: str) -> bool:
    """Whether a document is OPML, as far as its beginning says."""
    return re.search(r"<opml[\s/>]", text[:100_000], re.IGNORECASE) is not None


def read(text: str) -> tuple[list[Each], str]:
    """What the list has, and what is wrong with the document ("" for nothing): then what comes behind that is missing.

    Lone ampersands and control characters are borne with. Raises AggregatorError for one that declares entities.
    """
    found, trouble = _parse(text)
    if trouble and text.count("&") <= _MOST and (mended := _REFERENCE.sub(_mended, legal(text))) != text:
        found, trouble = _parse(mended)
    return found, trouble


def _mended(reference: re.Match[str]) -> str:
    """A reference as it may stand in XML: an ampersand that begins none is meant, an illegal character is not."""
    decimal, hexadecimal = reference.groups()
    if decimal or hexadecimal:
        code = int(decimal or hexadecimal, 10 if decimal else 16)
        return reference[0] if code < 0x110000 and legal(chr(code)) else ""
    return reference[0] if len(reference[0]) > 1 else "&amp;"


def _parse(document: str) -> tuple[list[Each], str]:
    found: list[Each] = []
    above: list[CategoryPath] = [()]  # of each open outline: the category of what is in it
    bare: list[list[Each]] = [[]]  # of each open outline: that it is a feed without address, if nothing is in it
    parser, place = expat.ParserCreate("utf-8"), _("line {number}")
    not_taken = _("{name} is not taken over")

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.lower() == "outline":
            names = {key.lower(): key for key in attributes}
            outline = {low: attributes[key].strip() for low, key in names.items()}
            where = place.format(number=parser.CurrentLineNumber)
            if len(found) > _MOST:
                raise AggregatorError(
                    _("has more than {most:,} feeds and things that are not taken over; divide it").format(most=_MOST)
                )
            made = _outline(outline, above[-1], where)
            bare[-1] = []
            bare.append([] if made else _bare(outline, where))
            found.extend(made)
            if made and isinstance(made[0], Listed):
                strange = (names[low] for low in outline if outline[low] and low not in _KNOWN)
                title = made[0].title or made[0].url
                found.extend(lost(where, title, not_taken.format(name=line(key, 60))) for key in strange)
            inside = above[-1] if len(above[-1]) >= MAX_LEVELS else above[-1] + path([_name(outline)])
            if not made and inside != above[-1] and (description := line(outline.get("description"), 1000)):
                found.append(Described(inside, description))
            above.append(inside)

    def end(name: str) -> None:
        if name.lower() == "outline":
            above.pop()
            found.extend(bare.pop())

    def refuse(*__: object) -> None:
        raise AggregatorError(_("declares entities of its own, which may grow without bounds; take them out"))

    parser.StartElementHandler, parser.EndElementHandler, parser.EntityDeclHandler = start, end, refuse
    try:
        parser.Parse(document.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        why = _("line {number}: not well-formed XML ({why})")
        return found, why.format(number=error.lineno, why=expat.ErrorString(error.code))
    return found, ""


def _name(outline: Attributes) -> str:
    return outline.get("text") or outline.get("title") or ""


def _outline(outline: Attributes, category: CategoryPath, where: str) -> list[Each]:
    """What one outline comes to: a feed, things that are lost, nothing for a folder."""
    kind, name = outline.get("type", "").lower(), _name(outline)
    url = outline.get("xmlurl") or (outline.get("url", "") if kind in ("rss", "atom") else "")
    if outline.get("frss:opmlurl"):
        why = _("is a list that is read again and again; write a [[list]] with its address for that")
        return [lost(where, f"{name} {outline['frss:opmlurl']}", why)]
    if not url:
        is_other = kind in ("link", "include") and outline.get("url")
        if not is_other:
            return []
        why = _("is of type {kind}, a page; import or add it by itself")
        if kind == "include":
            why = _("is of type {kind}, a list of its own; import or add it by itself")
        return [lost(where, f"{name} {outline['url']}", why.format(kind=kind))]
    if outline.get("iscomment", "").lower() == "true":
        return [lost(where, f"{name} {url}", _("is commented out"))]
    if kind in _SCRAPED:
        why = _('reads a page by XPath or JSON paths; a [[source]] of kind = "page" may stand for it')
        return [lost(where, f"{name} {url}", why)]
    made = listed(_feed(outline, url, category, where))
    if not isinstance(made, Listed):
        return [made]
    if kind in _OF_FEEDS:
        return [made]
    why = _("is of type {kind}; taken for a feed").format(kind=line(kind, 60))
    return [made, lost(where, made.title or made.url, why)]


def _bare(outline: Attributes, where: str) -> list[Each]:
    """That an outline without an address was meant as a feed: it has a place for one, or is of their type."""
    is_meant = "xmlurl" in outline or outline.get("type", "").lower() in _OF_FEEDS[1:]
    return [lost(where, _name(outline) or _("a feed"), _("has no address"))] if is_meant else []


def _feed(outline: Attributes, url: str, category: CategoryPath, where: str) -> Listed:
    named = [slashed(each) for each in outline.get("category", "").split(",")]
    return Listed(
        where,
        url,
        # text is what the specification asks for; newsboat and others write nothing but title
        title=outline.get("title") or outline.get("text", ""),
        categories=(*((category,) if category not in named else ()), *named),
        language=outline.get("language", ""),
        page=outline.get("htmlurl", ""),
        description=outline.get("description", ""),
        user_agent=outline.get("miniflux:useragent") or outline.get("frss:curlopt_useragent", ""),
        enabled=outline.get("miniflux:disabled", "").lower() != "true",
    )
