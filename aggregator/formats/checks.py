"""The last look at a document before it takes its place: cheap rules that no document of ours may break."""

import json
from collections import Counter
from collections.abc import Callable, Iterator

from lxml import etree

_ATOM = "{http://www.w3.org/2005/Atom}"


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
        yield from _missing(item, ("guid", "pubDate", "title"), "item")
    yield from _twice(item.findtext("guid") or "" for item in items)


def _atom(data: bytes) -> Iterator[str]:
    root = _xml(data)
    if root.tag != f"{_ATOM}feed":
        yield "it is no Atom"
        return
    needed = tuple(_ATOM + name for name in ("id", "title", "updated"))
    yield from _missing(root, needed, "feed")
    entries = root.findall(f"{_ATOM}entry")
    for entry in entries:
        yield from _missing(entry, needed, "entry")
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
    if not text.lstrip().lower().startswith("<!doctype html>") or "</html>" not in text:
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
