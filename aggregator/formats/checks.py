"""The last look at a document before it takes its place: cheap rules that no document of ours may break."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import cast

from lxml import etree

from aggregator.formats import joined
from aggregator.formats.pieces import MOST

_ATOM = "{http://www.w3.org/2005/Atom}"
_FEED = tuple(_ATOM + name for name in ("id", "title", "updated"))
_ENTRIES = {
    "application/rss+xml": ("item", ("guid", "pubDate", "title")),
    "application/atom+xml": (f"{_ATOM}entry", _FEED),
}
"""What an entry is in feeds that are XML, and what it needs, its id first."""

_fine: dict[tuple[str, frozenset[tuple[str | None, str]]], dict[int, int]] = {}
"""Complete entries of a type of feed where these namespaces are declared: the hashes of pieces, and of their ids."""


def problem(media_type: str, data: bytes) -> str:
    """Why a document of ours must not be published, "" where all is well or the type is not known here.

    It has to parse, be what its type says, and its entries need what readers cannot do without: an id of their own,
    and a date (RFC 4287 §4.1.2, RSS 2.0, JSON Feed 1.1).
    """
    check = _CHECKS.get(media_type)
    try:
        return next(check(data), "") if check else ""
    except (etree.XMLSyntaxError, ValueError) as error:
        return f"it cannot be read: {error}"


def problem_of(media_type: str, frame: tuple[bytes, bytes, bytes], pieces: Sequence[bytes]) -> str:
    """The same of a document that these pieces make in a frame (see `formats`), without reading a piece twice.

    It is as strong. A piece that closes what it opens, and is nothing but one complete entry, is so in every document
    that declares the same namespaces, as ours have no DTD (XML 1.0 §3.1 [43]; Namespaces in XML §6.1). The frame is
    read each time, and the ids of all entries are compared. Where all is not well the whole document is read: it alone
    decides, and says why.
    """
    if media_type in _ENTRIES and _is_fine(media_type, frame, pieces):
        return ""
    return problem(media_type, joined(frame, pieces))


def forget() -> None:
    """Forget the pieces that were looked at."""
    _fine.clear()


def _is_fine(media_type: str, frame: tuple[bytes, bytes, bytes], pieces: Sequence[bytes]) -> bool:
    before, between, after = frame
    if between or problem(media_type, before + after):
        return False
    root = _xml(before + after)
    if _holder(root).find(_ENTRIES[media_type][0]) is not None:
        return False
    fine = _fine.setdefault((media_type, frozenset(root.nsmap.items())), {})
    if sum(map(len, _fine.values())) > MOST:
        fine.clear()
    prints = [hash(piece) for piece in pieces]
    new = {number: piece for number, piece in zip(prints, pieces, strict=True) if number not in fine}
    ids = _ids(media_type, before, list(new.values()), after, len(_holder(root)))
    if len(ids) != len(new):
        return False
    fine.update(zip(new, map(hash, ids), strict=True))
    return len({fine[number] for number in prints}) == len(pieces)


def _ids(media_type: str, before: bytes, pieces: Sequence[bytes], after: bytes, others: int) -> list[str]:
    """The ids of pieces that follow so many `others` in the frame, where each is one complete entry; else none.

    They are read together: a mark behind each shows one that does not close what it opens, or closes what is not its.
    """
    tag, needed = _ENTRIES[media_type]
    try:
        root = _xml(before + b"".join(piece + b"<?mark?>" for piece in pieces) + after)
    except etree.XMLSyntaxError:
        return []
    holder = _holder(root)
    rows = list(holder)[others:]
    entries, marks = rows[::2], rows[1::2]
    if len(marks) != len(pieces) or not all(isinstance(each, etree._ProcessingInstruction) for each in marks):
        return []
    texts = []
    for name in needed:
        found = _first(tag, name)(holder)
        if [each.getparent() for each in found] != entries:
            return []
        texts.append([each.text or "" for each in found])
    return texts[0] if all(text.strip() for column in texts for text in column) else []


@cache
def _first(tag: str, name: str) -> Callable[[etree._Element], list[etree._Element]]:
    """What finds the first `name` in each `tag` of an element, all at once."""
    return cast("Callable[[etree._Element], list[etree._Element]]", etree.ETXPath(f"{tag}/{name}[1]"))


def _holder(root: etree._Element) -> etree._Element:
    """The element that the entries of a feed are in."""
    channel = root.find("channel")
    return root if channel is None else channel


def _xml(data: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    return etree.fromstring(data, parser)


def _rss(data: bytes) -> Iterator[str]:
    root = _xml(data)
    channel = root.find("channel")
    if root.tag != "rss" or channel is None:
        yield "it is no RSS"
        return
    yield from _missing(channel, ("title", "link", "description"), "channel")
    items = channel.findall("item")
    for item in items:
        yield from _missing(item, _ENTRIES["application/rss+xml"][1], "item")
    yield from _twice(item.findtext("guid") or "" for item in items)


def _atom(data: bytes) -> Iterator[str]:
    root = _xml(data)
    if root.tag != f"{_ATOM}feed":
        yield "it is no Atom"
        return
    yield from _missing(root, _FEED, "feed")
    entries = root.findall(f"{_ATOM}entry")
    for entry in entries:
        yield from _missing(entry, _FEED, "entry")
    yield from _twice(entry.findtext(f"{_ATOM}id") or "" for entry in entries)


def _opml(data: bytes) -> Iterator[str]:
    root = _xml(data)
    if root.tag != "opml" or root.find("head") is None or root.find("body") is None:
        yield "it is no OPML"


def _json(data: bytes) -> Iterator[str]:
    feed = json.loads(data)
    if not str(feed.get("version", "")).startswith("https://jsonfeed.org/version/") or not feed.get("title"):
        yield "it is no JSON Feed"
        return
    for item in feed.get("items", ()):
        if not item.get("id") or not ("content_html" in item or "content_text" in item):
            yield "an item has no id or no content"
    yield from _twice(item["id"] for item in feed.get("items", ()))


def _html(data: bytes) -> Iterator[str]:
    text = data.decode("utf-8")
    if not text[:1000].lstrip().lower().startswith("<!doctype html>") or "</html>" not in text:
        yield "it is no whole HTML page"


def _missing(parent: etree._Element, names: tuple[str, ...], what: str) -> Iterator[str]:
    for name in names:
        if not (parent.findtext(name) or "").strip():
            yield f"<{what}> has no <{name.rpartition('}')[2]}>"


def _twice(ids: Iterator[str]) -> Iterator[str]:
    yield from (f"the id {each} stands twice" for each, number in Counter(ids).items() if number > 1)


_CHECKS: dict[str, Callable[[bytes], Iterator[str]]] = {
    "application/atom+xml": _atom,
    "application/feed+json": _json,
    "application/rss+xml": _rss,
    "text/html": _html,
    "text/x-opml": _opml,
}
