"""What one element of a tree and all inside of it say, in the dictionary that feedparser would make of them. Pure."""

import re
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin

from lxml import etree

from aggregator.sources.feed.own import known_name, unmangled
from aggregator.sources.feed.parts import Said
from aggregator.sources.feed.vocabulary import (
    BOXES,
    CATEGORIES,
    DESCRIPTIONS,
    HAZARDS,
    IN_BOX,
    LISTS,
    MARKUP,
    RELATIVE,
    SUMMARIES,
    TEXTS,
    TITLES,
    TRAPS,
    UNKNOWN,
    said_name,
    space,
)


class OddError(Exception):
    """A document that is better left to feedparser."""


def name_of(element: etree._Element) -> str:
    return said_name(element.tag, element.prefix)


@lru_cache(maxsize=500)
def _names(tag: str, prefix: str | None) -> tuple[str, str]:
    return said_name(tag, prefix), known_name(tag, prefix)


def _attributes(element: etree._Element) -> dict[str, str]:
    """Attributes by their names in lower case, in feedparser's manner: of an unknown namespace by the local name."""
    found = {}
    for key, value in element.attrib.items():
        name = str(key).lower()
        if name[0] == "{":
            uri, name = name[1:].rsplit("}", 1)
            name = f"{prefix}:{name}" if (prefix := space(uri)) else name
        found[name] = str(value).lower() if name in ("rel", "type") else str(value)
    return found


_DEEP = 20


def _text(element: etree._Element) -> str:
    """The text of an element without children. Raises OddError for others."""
    if len(element):
        raise OddError(f"markup in <{element.tag}>")
    return unmangled((element.text or "").strip())


# --- URLs -----------------------------------------------------------------------------------------------------------

_SLASHES = re.compile("^([A-Za-z][A-Za-z0-9+-.]*://)/*")


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, _SLASHES.sub(r"\1", url))
    except ValueError:
        return ""


def _base(element: etree._Element | None) -> str:
    """The xml:base in force (feedparser takes `base` as well, and http(s) alone counts in the end)."""
    base, chain = "", []
    while element is not None:
        chain.append(element)
        element = element.getparent()
    for each in reversed(chain):
        said = each.get("{http://www.w3.org/XML/1998/namespace}base") or each.get("base") or ""
        joined = _joined(base, said) if said else base
        if base and said and not joined.startswith(("http:", "https:")):
            raise OddError("a base that is no web page")
        base = joined
    return base


# --- The walk -------------------------------------------------------------------------------------------------------


class Context:
    """What was found so far in one context: the feed or an item. `own` are its children by the names of own.py.

    Of an item's repeated elements the last at the least depth counts, of a feed's the last.
    """

    def __init__(self, *, is_item: bool, has_base: bool) -> None:
        """`has_base` says that there may be an xml:base somewhere."""
        self.said: dict[str, Any] = {}
        self.tags: list[dict[str, str | None]] = []
        self.known_tags: set[tuple[str | None, ...]] = set()
        self.links: list[dict[str, str]] = []
        self.is_item = is_item
        self.has_base = has_base
        self.depths: dict[str, int] = {}
        self.title_depth = -1
        self.summarised = False
        self.own: dict[str, list[etree._Element]] = {}

    def whole(self) -> Said:
        if self.tags:
            self.said["tags"] = self.tags
        if self.links:
            self.said["links"] = self.links
        return self.said

    def children(self, parent: etree._Element, depth: int = 0) -> None:
        if depth > _DEEP:
            raise OddError("deeply nested")
        for child in parent:
            self._element(child, name_of(child), depth)

    def child(self, child: etree._Element) -> None:
        """Take in a child of the context itself, which own.py will ask for."""
        name, own = _names(child.tag, child.prefix)
        self.own.setdefault(own, []).append(child)
        self._element(child, name, 0)

    def _element(self, child: etree._Element, name: str, depth: int) -> None:
        """Take in one element and what is in it."""
        if name in MARKUP:
            self._markup(child, name, depth)
        elif key := TEXTS.get(name):
            self._keep(key, self._id(child) if key == "id" else _text(child), depth)
        elif name == "link":
            self._link(child, depth)
        elif name in CATEGORIES:
            self._category(child, name, depth)
        elif key := UNKNOWN.get(name):
            if child.attrib:
                self.said[key] = _attributes(child)
                self._inside(child, depth)
            else:
                value = _text(child)
                self._keep(key, self._url(child, value) if name in RELATIVE else value, depth)
        elif name in LISTS:
            self._words(child, name)
        elif name == "media_content":
            self._listed("media_content").append(_attributes(child))
            self._inside(child, depth)
        elif name == "media_thumbnail":
            self._thumbnail(child)
        elif name == "enclosure":
            self.links.append(_href(_attributes(child)) | {"rel": "enclosure"})
            self._inside(child, depth)
        elif name in ("itunes_image", "itunes_link"):
            if href := (found := _attributes(child)).get("href") or found.get("url"):
                self.said["image"] = {"href": href}
            self._inside(child, depth)
        elif name in BOXES:
            self._box(child, name, depth)
        elif name == "source":
            self._source(child)
        elif name in ("cc_license", "creativecommons_license"):
            self._license(child, name, depth)
        elif name in TRAPS:
            raise OddError(f"<{name}> where it has no place")
        elif len(child):
            self.children(child, depth + 1)

    def _inside(self, element: etree._Element, depth: int) -> None:
        if len(element):
            self.children(element, depth + 1)

    def _keep(self, key: str, value: str, depth: int) -> None:
        if self.is_item:
            if depth > self.depths.get(key, depth):
                return
            self.depths[key] = depth
        self.said[key] = value

    def _listed(self, key: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.said.setdefault(key, [])
        return found

    def _url(self, element: etree._Element, value: str) -> str:
        return _joined(_base(element) if self.has_base else "", value) if value else value

    def _id(self, child: etree._Element) -> str:
        is_link = _attributes(child).get("ispermalink", "true") == "true"
        return self._url(child, _text(child)) if is_link else _text(child)

    def _markup(self, child: etree._Element, name: str, depth: int) -> None:
        """Titles, rights and bodies: of the latter only a feed's subtitle counts, own.py knows better."""
        if name in TITLES:
            self._title(child, name, depth)
        elif key := TEXTS.get(name):
            if child.get("mode") == "base64":
                raise OddError("an encoded text")
            self._keep(key, _text(child), depth)
        else:
            if len(child):
                _only_markup(child)
            if not self.is_item:
                if name not in DESCRIPTIONS | SUMMARIES | {"info"}:
                    raise OddError("a feed with a content")
                if name in DESCRIPTIONS and not self.summarised:
                    self.said["subtitle"] = "" if len(child) else _text(child)
                self.summarised = self.summarised or name in SUMMARIES

    def _title(self, child: etree._Element, name: str, depth: int) -> None:
        """The first title at the least depth that says anything; Media RSS' only where there is no other."""
        kind = child.get("type", "").lower()
        if child.get("mode") == "base64" or kind not in ("", "text", "html", "text/plain", "text/html"):
            raise OddError("a title of another type")
        value = _text(child)
        is_later = -1 < self.title_depth <= depth or (self.is_item and depth > self.depths.get("title", depth))
        if not is_later:
            self.depths["title"] = depth
            self.said["title"] = value
            self.said["title_detail"] = {"type": "text/html" if "html" in kind else "text/plain"}
        if value and name != "media_title":
            self.title_depth = depth

    def _link(self, child: etree._Element, depth: int) -> None:
        found = _href(_attributes(child))
        found.setdefault("rel", "alternate")
        found.setdefault("type", "application/atom+xml" if found["rel"] == "self" else "text/html")
        if "href" in found:
            found["href"] = _joined(_base(child) if self.has_base else "", found["href"])
        elif found["rel"] != "alternate" and (child.text or len(child)):
            raise OddError("a link with a relation and a text")
        if found["rel"] == "alternate" and "href" in found and found["type"] in _HTML:
            self.said["link"] = found["href"]
        self.links.append(found)
        if len(child) and "href" not in found:
            raise OddError("elements in a link")
        self._inside(child, depth)

    def _tag(self, term: str | None, scheme: str | None, label: str | None) -> None:
        if (term or scheme or label) and (term, scheme, label) not in self.known_tags:
            self.known_tags.add((term, scheme, label))
            self.tags.append({"term": term, "scheme": scheme, "label": label})

    def _category(self, child: etree._Element, name: str, depth: int) -> None:
        """Atom's attributes, RSS' text with a domain. A text goes to the tag before that has none yet."""
        found = _attributes(child)
        scheme = found.get("scheme", found.get("domain"))
        if name == "itunes_category":
            self._tag(found.get("text"), "http://www.itunes.com/", None)
        elif name == "media_category":
            self._tag(found.get("term"), found.get("scheme", _MEDIA_SCHEME), found.get("label"))
        else:
            self._tag(found.get("term"), scheme, found.get("label"))
        if len(child):
            if (child.text or "").strip():
                raise OddError("elements in a category")
            self.children(child, depth + 1)
        elif value := _text(child):
            if self.tags and not self.tags[-1]["term"]:
                last = self.tags[-1]
                self.known_tags.discard((last["term"], last["scheme"], last["label"]))
                last["term"] = value
                self.known_tags.add((value, last["scheme"], last["label"]))
            else:
                self._tag(value, None, None)

    def _words(self, child: etree._Element, name: str) -> None:
        if child.attrib and name != "tags":
            return
        for term in _text(child).split(","):
            if term.strip():
                self._tag(term.strip(), LISTS[name], None)

    def _thumbnail(self, child: etree._Element) -> None:
        found = _attributes(child)
        if value := _text(child):
            found.setdefault("url", self._url(child, value))
        self._listed("media_thumbnail").append(found)

    def _box(self, child: etree._Element, name: str, depth: int) -> None:
        """RSS <image> and <textInput>: of the first a feed's address counts, and of an item maybe its title."""
        if name == "textinput" and self.is_item:
            raise OddError("a form in an item")
        self.title_depth = -1
        if name == "image" and not self.is_item:
            self.said.setdefault("image", {})
        for each in child:
            inside = name_of(each)
            if inside not in IN_BOX or len(each):
                raise OddError(f"<{inside}> in <{name}>")
            if inside == "title" and _text(each):
                if self.is_item:
                    self._title(each, inside, depth + 1)
                self.title_depth = depth + 1
            elif name == "image" and not self.is_item and (inside == "url" or (inside == "href" and not each.attrib)):
                self.said["image"] = {"href": self._url(each, _text(each))}

    def _license(self, child: etree._Element, name: str, depth: int) -> None:
        href = _attributes(child).get("rdf:resource", "") if name == "cc_license" else _text(child)
        if depth:
            raise OddError("a license in an element")
        self.links.append({"rel": "license"} | ({"href": href} if href else {}))

    def _source(self, child: etree._Element) -> None:
        """RSS <source>: an address and a title. Atom's is left to feedparser."""
        if not self.is_item or len(child):
            raise OddError("an Atom source")
        self.title_depth = -1
        found = {"href": url} if (url := _attributes(child).get("url")) is not None else {}
        if title := _text(child):
            found["title"] = title
        self.said["source"] = found


_HTML = {"application/xhtml+xml", "html", "text/html", "xhtml"}
_MEDIA_SCHEME = "http://search.yahoo.com/mrss/category_schema"


def _href(found: dict[str, str]) -> dict[str, str]:
    """Attributes with an address that goes by another name as `href`."""
    href = found.get("url", found.get("uri", found.get("href")))
    if href:
        found.pop("url", None)
        found.pop("uri", None)
        found["href"] = href
    return found


def _only_markup(element: etree._Element) -> None:
    if any(name_of(each) in HAZARDS for each in element.iterdescendants()):
        raise OddError("elements of a feed inside a text")
