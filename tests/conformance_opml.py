"""Is a document valid OPML 2.0 (http://opml.org/spec2.opml)? For tests of output.

The names of findings are those of the W3C's feed validator where it has one for the case.
"""

import re

from lxml import etree

from tests.conformance_values import (
    LANGUAGE,
    URI,
    Check,
    Element,
    Findings,
    anything,
    attribute,
    finding,
    matches,
    nonblank,
    rfc822,
    shape,
    uri,
)

_ATTRIBUTES = frozenset(("type", "text", "title", "xmlUrl", "htmlUrl", "language", "description", "category"))
_CATEGORIES = re.compile(r"/[^/,]+(?:/[^/,]+)*(?:,/[^/,]+(?:/[^/,]+)*)*")
_HEAD: dict[str, tuple[str, Check]] = {
    "title": ("1", nonblank),
    "dateCreated": ("?", rfc822),
    "dateModified": ("?", rfc822),
    "ownerName": ("?", nonblank),
    "ownerEmail": ("?", matches(r"[^@\s]+@[^@\s]+", "InvalidContact")),
    "ownerId": ("?", uri),
}


def check(data: bytes) -> list[str]:
    """Everything that is wrong with a list of feeds, as "Name: where and what"; [] when it is good."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        return [f"NotWellFormed: {error}"]
    return list(_opml(root))


def _opml(root: Element) -> Findings:
    if root.tag != "opml" or root.get("version") != "2.0":
        yield finding("InvalidOPMLVersion", root, root.get("version"))
    if (root.getroottree().docinfo.encoding or "UTF-8").upper() != "UTF-8":
        yield finding("NotUTF8", root)
    yield from shape(root, {"head": ("1", anything), "body": ("1", anything)})
    for head in root.findall("head"):
        yield from shape(head, _HEAD)
    for body in root.findall("body"):
        if not len(body):
            yield finding("MissingOutline", body)
        for outline in body.iter(etree.Element):
            if outline is not body:
                yield from _outline(outline)


def _outline(outline: Element) -> Findings:
    """A folder has a text and nothing else; a leaf is a feed."""
    if outline.tag != "outline":
        yield finding("UndefinedElement", outline)
        return
    if not outline.get("text", "").strip():
        yield finding("MissingAttribute", outline, "text")
    yield from (finding("UndefinedAttribute", outline, name) for name in sorted(set(outline.attrib) - _ATTRIBUTES))
    if outline.get("type") is None:
        if set(outline.attrib) != {"text"}:
            yield finding("MissingAttribute", outline, "type")
        return
    if outline.get("type") != "rss":
        yield finding("InvalidOutlineType", outline, outline.get("type"))
    if len(outline):
        yield finding("FeedIsFolder", outline)
    yield from (finding("MissingAttribute", outline, name) for name in ("xmlUrl", "title") if not outline.get(name))
    for name in ("xmlUrl", "htmlUrl"):
        yield from attribute(outline, name, rf"(?=https?:){URI.pattern}", "InvalidURLAttribute")
    yield from attribute(outline, "language", LANGUAGE.pattern, "InvalidLanguage")
    yield from attribute(outline, "category", _CATEGORIES.pattern, "InvalidCategory")
    for name in ("text", "title", "description"):
        yield from attribute(outline, name, r"\S(?:[^\n]*\S)?", "AttrNotBlank")
