"""Well-formed RSS and Atom without feedparser: the same dictionaries that it makes, from a tree. Pure.

Only what the mapping in xmlfeed.py asks for is looked at, and only shapes whose meaning is beyond doubt. Anything else
raises OddError, and the document goes to feedparser as a whole; tests/test_feed_walk.py holds both to the same result.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lxml import etree

from aggregator.sources.feed.context import Context, OddError, name_of
from aggregator.sources.feed.own import Grouped
from aggregator.sources.feed.parts import Said
from aggregator.sources.feed.vocabulary import ATOM, BOXES, IN_BOX, NOTHING, RSS09, RSS1, space


class Parsed(NamedTuple):
    """A document in feedparser's terms: `version` is its family, "" where that is not known.

    `channel` and `elements` are those of the feed and its entries, as far as there is a tree; `trouble` says what is
    broken. With `has_base` relative addresses depend on more than the document's own.
    """

    version: str
    feed: Said
    entries: Sequence[Said]
    channel: Grouped | None
    elements: Sequence[Grouped]
    trouble: str = ""
    has_base: bool = False


def walked(root: etree._Element) -> Parsed:
    """A document from its tree. Raises OddError."""
    kind = name_of(root)
    if kind not in ("rss", "feed", "rdf_rdf"):
        raise OddError(f"<{kind}>")
    is_atom = _is_atom(root, kind)
    has_base = bool(root.xpath("//@xml:base | //@base"))
    head = Context(is_item=False, has_base=has_base)
    language = root.get("{http://www.w3.org/XML/1998/namespace}lang") or root.get("lang")
    if language and kind != "rdf_rdf":
        head.said["language"] = language.replace("_", "-")
    channels = [root] if kind == "feed" else [child for child in root if name_of(child) == "channel"]
    if len(channels) != 1 or "href" in channels[0].attrib or "lastmod" in channels[0].attrib:
        raise OddError("not one channel, or CDF")
    entries, elements = [], []
    for parent in dict.fromkeys((channels[0], root)):
        for child in parent:
            name = name_of(child)
            if name in ("item", "entry"):
                entry, element = _item(child, has_base=has_base)
                elements.append(element)
                entries.append(entry)
                head.title_depth = 1 if entries[-1].get("title") else -1
            elif parent is not root or kind == "feed":
                head.child(child)
            elif child is not channels[0]:
                _outside(child)
    version, channel = "atom" if is_atom else "rss", (channels[0], head.own)
    return Parsed(version, head.whole(), entries, channel, elements, has_base=has_base)


def _is_atom(root: etree._Element, kind: str) -> bool:
    """Which family feedparser takes it for: RDF of the first of the namespaces that it declares."""
    spaces = {space(uri) for uri in root.nsmap.values()}
    if any(prefix in spaces and (space(uri) or prefix) != prefix for prefix, uri in root.nsmap.items()):
        raise OddError("a prefix that means something else")
    known = [uri.lower() for uri in root.nsmap.values() if uri.lower() in (ATOM, RSS1, RSS09)]
    if kind == "rdf_rdf" and not known:
        raise OddError("RDF that is no feed")
    if kind == "feed" and any(uri != ATOM for uri in known):
        raise OddError("Atom that is RSS")
    return kind == "feed" or (kind == "rdf_rdf" and known[0] == ATOM)


def _item(element: etree._Element, *, has_base: bool) -> tuple[Said, Grouped]:
    if any(name.lower() in ("href", "lastmod") for name in map(str, element.attrib)):
        raise OddError("CDF")
    walk = Context(is_item=True, has_base=has_base)
    for child in element:
        walk.child(child)
    return walk.whole(), (element, walk.own)


def _outside(element: etree._Element) -> None:
    """Beside the channel, as in RDF: nothing counts there but items."""
    plain = name_of(element) in BOXES and all(name_of(each) in IN_BOX and not len(each) for each in element)
    if not plain and any(name_of(each) not in NOTHING for each in element.iter()):
        raise OddError(f"<{name_of(element)}> beside the channel")
