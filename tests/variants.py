"""A real feed as its publisher may serve it another day: each variant says the same, and a reader should see no change.

feed = Feed.of(body)                       # None where it is neither JSON nor XML that can be mended
changed = VARIANTS["new guids"](feed)      # how many entries are different now
feed.bytes()
"""

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self
from urllib.parse import urldefrag

from lxml import etree

from aggregator import dates
from aggregator.sources.feed import decoding

_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, strip_cdata=False)
_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_IDS = ("guid", "id")
_DATES = ("pubdate", "published", "updated", "issued", "modified", "created", "date")
_JSON_DATES = ("date_published", "date_modified")
_TRACKING = "utm_source=rss&utm_medium=feed&utm_campaign=replay"
_SHIFT = timedelta(days=1, hours=3)


@dataclass
class Feed:
    """A feed that is going to be changed in place; one that is no well-formed XML was mended as our reader does it."""

    tree: Any
    is_json: bool

    @classmethod
    def of(cls, body: bytes) -> Self | None:
        decoded = decoding.decode(body)
        if decoded.lstrip()[:1] == "{":
            return cls(json.loads(decoded), True)
        for each in (body, decoding.prepare(decoded).body):
            try:
                return cls(etree.fromstring(each, _PARSER), False)
            except etree.XMLSyntaxError:
                continue
        return None

    def bytes(self) -> bytes:
        if self.is_json:
            return json.dumps(self.tree, ensure_ascii=False).encode()
        return etree.tostring(self.tree.getroottree(), encoding="utf-8", xml_declaration=True)

    def entries(self) -> list[Any]:
        """Elements, or objects."""
        if self.is_json:
            return list(self.tree["items"])
        return [each for each in self.tree.iter(etree.Element) if _name(each) in ("item", "entry")]

    def arrange(self, entries: Sequence[Any]) -> None:
        """Put these entries where the old ones were; the places left over are removed."""
        old = self.entries()
        if self.is_json:
            self.tree["items"] = list(entries)
            return
        places = [(each.getparent(), each.tail) for each in old]
        marks: list[Any] = [etree.Comment("here") for _ in old]
        for each, mark in zip(old, marks, strict=True):
            each.getparent().replace(each, mark)
        for mark, (parent, tail), each in zip(marks, places, entries, strict=False):
            parent.replace(mark, each)
            each.tail = tail
        for mark in marks[len(entries) :]:
            mark.getparent().remove(mark)


def _name(element: Any) -> str:
    return str(etree.QName(element).localname).lower()


def _pages(entry: Any) -> list[tuple[Any, str]]:
    """Where an element names its page: (element, attribute), "" for its text."""
    links = [each for each in entry.iterchildren(etree.Element) if _name(each) == "link"]
    pages = [each for each in links if each.get("rel", "alternate") == "alternate"]
    return [
        (each, "href" if each.get("href") else "") for each in pages if each.get("href") or (each.text or "").strip()
    ]


def _ids(entry: Any) -> list[tuple[Any, str]]:
    """Where an element says its guid."""
    ids = [
        (each, "") for each in entry.iterchildren(etree.Element) if _name(each) in _IDS and (each.text or "").strip()
    ]
    return ids + ([(entry, _ABOUT)] if entry.get(_ABOUT) else [])


def _edit(places: Sequence[tuple[Any, str]], change: Callable[[str], str]) -> bool:
    """Change texts and attributes; whether any is different now."""
    different = False
    for element, attribute in places:
        old = str(element.get(attribute) if attribute else element.text).strip()
        new = change(old)
        different |= new != old
        if new != old and attribute:
            element.set(attribute, new)
        elif new != old:
            element.text = new
    return different


def _edit_json(entry: dict[str, Any], names: Sequence[str], change: Callable[[str], str]) -> bool:
    old = {name: entry[name] for name in names if isinstance(entry.get(name), str)}
    new = {name: change(value) for name, value in old.items()}
    entry.update(new)
    return new != old


def _new_guid(old: str) -> str:
    return "urn:sha256:" + hashlib.sha256(old.encode()).hexdigest()


def _other_scheme(url: str) -> str:
    http, https = "http://", "https://"
    if url.startswith(http):
        return https + url.removeprefix(http)
    return http + url.removeprefix(https) if url.startswith(https) else url


def _tracked(url: str) -> str:
    page, fragment = urldefrag(url)
    return f"{page}{'&' if '?' in page else '?'}{_TRACKING}" + (f"#{fragment}" if fragment else "")


def _shifted(date: str) -> str:
    moment = dates.parse(date)
    return dates.rfc3339(moment - _SHIFT) if moment else date


# --- The variants: each changes a feed and says in how many entries -------------------------------------------------


def new_guids(feed: Feed) -> int:
    """All guids are others; where a guid is the only link as well, it stays, as another link would be another page."""
    if feed.is_json:
        return sum(_edit_json(each, ["id"], _new_guid) for each in feed.entries() if each.get("url"))
    return sum(_edit(_ids(each), _new_guid) for each in feed.entries() if _pages(each))


def other_scheme(feed: Feed) -> int:
    """http becomes https in guids and links, and the other way round."""
    if feed.is_json:
        return sum(_edit_json(each, ["id", "url"], _other_scheme) for each in feed.entries())
    return sum(_edit(_ids(each) + _pages(each), _other_scheme) for each in feed.entries())


def tracking(feed: Feed) -> int:
    """Links get tracking parameters; guids stay."""
    if feed.is_json:
        return sum(_edit_json(each, ["url"], _tracked) for each in feed.entries())
    return sum(_edit(_pages(each), _tracked) for each in feed.entries())


def other_dates(feed: Feed) -> int:
    """All dates of entries move by more than a day."""
    if feed.is_json:
        return sum(_edit_json(each, _JSON_DATES, _shifted) for each in feed.entries())
    return sum(_edit(list(_dated(each)), _shifted) for each in feed.entries())


def _dated(entry: Any) -> Iterator[tuple[Any, str]]:
    children = entry.iterchildren(etree.Element)
    return ((each, "") for each in children if _name(each) in _DATES and (each.text or "").strip())


def other_order(feed: Feed) -> int:
    """The entries in another order."""
    entries = feed.entries()
    mixed = random.Random(len(entries)).sample(entries, len(entries))
    mixed = mixed if mixed != entries else entries[::-1]
    feed.arrange(mixed)
    return sum(one is not other for one, other in zip(entries, mixed, strict=True))


def half(feed: Feed) -> int:
    """Every second entry is gone."""
    entries = feed.entries()
    feed.arrange(entries[::2])
    return len(entries[1::2])


VARIANTS: dict[str, Callable[[Feed], int]] = {
    "new guids": new_guids,
    "other scheme": other_scheme,
    "tracking": tracking,
    "other dates": other_dates,
    "other order": other_order,
    "half": half,
}
