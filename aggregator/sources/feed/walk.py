"""Well-formed RSS and Atom without feedparser: the same dictionaries that it makes, from a tree. Pure.

Only what the mapping in xmlfeed.py asks for is looked at, and only shapes whose meaning is beyond doubt. Anything else
raises Odd, and the document goes to feedparser as a whole; tests/test_feed_walk.py holds both to the same result.
"""

import re
from functools import lru_cache
from urllib.parse import urljoin

from lxml import etree

from aggregator.sources.feed.own import unmangled
from aggregator.sources.feed.parts import Said

Dict = dict[str, object]


class Odd(Exception):
    """A document that is better left to feedparser."""


# --- Names ----------------------------------------------------------------------------------------------------------

# feedparser's names for the namespaces that count, in lower case; "" are those of RSS and Atom themselves.
_ATOM, _RSS1, _RSS09 = (
    "http://www.w3.org/2005/atom",
    "http://purl.org/rss/1.0/",
    "http://my.netscape.com/rdf/simple/0.9/",
)
_SPACES = {
    "": "",
    _RSS1: "",
    _RSS09: "",
    _ATOM: "",
    "http://backend.userland.com/rss": "",
    "http://blogs.law.harvard.edu/tech/rss": "",
    "http://example.com/newformat#": "",
    "http://example.com/necho": "",
    "http://purl.org/echo/": "",
    "uri/of/echo/namespace#": "",
    "http://purl.org/pie/": "",
    "http://purl.org/atom/ns#": "",
    "http://purl.org/rss/1.0/modules/rss091#": "",
    "http://creativecommons.org/ns#license": "cc",
    "http://web.resource.org/cc/": "cc",
    "http://cyber.law.harvard.edu/rss/creativecommonsrssmodule.html": "creativecommons",
    "http://backend.userland.com/creativecommonsrssmodule": "creativecommons",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://rssnamespace.org/feedburner/ext/1.0": "feedburner",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://example.com/dtds/podcast-1.0.dtd": "itunes",
    "http://search.yahoo.com/mrss": "media",
    "http://search.yahoo.com/mrss/": "media",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://wellformedweb.org/commentapi/": "wfw",
    "http://www.w3.org/1999/xhtml": "xhtml",
    "http://www.w3.org/1999/xlink": "xlink",
    "http://www.w3.org/xml/1998/namespace": "xml",
}


def _name(element: etree._Element) -> str:
    return _known_name(element.tag, element.prefix)


@lru_cache(maxsize=500)
def _known_name(tag: str, prefix: str | None) -> str:
    """An element's name as feedparser's handlers are called: `title`, `dc_date`."""
    space, local = tag[1:].rsplit("}", 1) if tag.startswith("{") else ("", tag)
    usual = _space(space)
    usual = (prefix or "") if usual is None else usual
    return f"{usual}_{local}".lower() if usual else local.lower()


def _space(uri: str) -> str | None:
    uri = uri.lower()
    return "" if "backend.userland.com/rss" in uri else _SPACES.get(uri)


def _attributes(element: etree._Element) -> dict[str, str]:
    """Attributes by their names in lower case, in feedparser's manner: of an unknown namespace by the local name."""
    found = {}
    for key, value in element.attrib.items():
        name = str(key).lower()
        if name[0] == "{":
            space, name = name[1:].rsplit("}", 1)
            name = f"{prefix}:{name}" if (prefix := _space(space)) else name
        found[name] = str(value).lower() if name in ("rel", "type") else str(value)
    return found


# What each element does, by its name. Texts are kept under feedparser's name for them.
_TEXTS = {
    **dict.fromkeys(("published", "issued", "pubdate", "dcterms_issued"), "published"),
    **dict.fromkeys(("created", "dcterms_created"), "created"),
    **dict.fromkeys(("updated", "modified", "lastbuilddate", "dc_date", "dcterms_modified"), "updated"),
    **dict.fromkeys(("rights", "copyright", "dc_rights"), "rights"),
    **dict.fromkeys(("language", "dc_language"), "language"),
    **dict.fromkeys(("subtitle", "tagline", "itunes_subtitle"), "subtitle"),
    **dict.fromkeys(("id", "guid"), "id"),
}
# Elements that feedparser does not know: their text, or their attributes where they have any.
_UNKNOWN = {
    name: name
    for name in ("comments", "enc_enclosure", "feedburner_origlink", "icon", "logo", "pheedo_origlink", "time")
    + ("webfeeds_icon", "webfeeds_logo", "wfw_commentrss")
} | {"date": "updated"}
_RELATIVE = {"comments", "icon", "id", "logo", "wfw_commentrss"}
_TITLES = {"title", "dc_title", "media_title"}
_BODIES = {"abstract", "body", "content", "content_encoded", "dc_description", "description", "fullitem", "info"} | {
    "itunes_summary",
    "media_description",
    "summary",
    "xhtml_body",
}
_MARKUP = _BODIES | _TITLES | {"rights", "copyright", "dc_rights", "subtitle", "tagline", "itunes_subtitle"}
_DESCRIPTIONS = {"abstract", "dc_description", "description", "media_description"}
_CATEGORIES = {"category", "keywords", "dc_subject", "media_category", "itunes_category"}
_LISTS = {"itunes_keywords": "http://www.itunes.com/", "media_keywords": None, "tags": None}
_BOXES = {"image", "textinput"}
# Names that mean something else to feedparser than they say.
_TRAPS = {"authors", "channel", "contributors", "entries", "entry", "feed", "item", "links", "media_content_detail"} | {
    "published_parsed",
    "rss",
    "updated_parsed",
}
# Elements inside of markup at whose end feedparser loses its place.
_HAZARDS = (
    _MARKUP
    | _TRAPS
    | _CATEGORIES
    | _BOXES
    | _LISTS.keys()
    | {"author", "contributor", "guid", "id", "language", "source", "svg"}
)
_DEEP = 20


def _text(element: etree._Element) -> str:
    """The text of an element without children. Raises Odd for others."""
    if len(element):
        raise Odd(f"markup in <{element.tag}>")
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
            raise Odd("a base that is no web page")
        base = joined
    return base


# --- The walk -------------------------------------------------------------------------------------------------------


class Walk:
    """What was found so far in one context: the feed, an item, or an item's own <source>.

    Of an item's repeated elements the last at the least depth counts, of a feed's the last.
    """

    def __init__(self, *, is_item: bool, has_base: bool) -> None:
        """`has_base` says that there may be an xml:base somewhere."""
        self.said: Dict = {}
        self.tags: list[dict[str, str | None]] = []
        self.links: list[dict[str, str]] = []
        self.is_item = is_item
        self.has_base = has_base
        self.depths: dict[str, int] = {}
        self.title_depth = -1
        self.summarised = False

    def whole(self) -> Said:
        if self.tags:
            self.said["tags"] = self.tags
        if self.links:
            self.said["links"] = self.links
        return self.said

    def children(self, parent: etree._Element, depth: int = 0) -> None:
        if depth > _DEEP:
            raise Odd("deeply nested")
        for child in parent:
            self.element(child, _name(child), depth)

    def element(self, child: etree._Element, name: str, depth: int) -> None:
        """Take in one element and what is in it."""
        if name in _MARKUP:
            self._markup(child, name, depth)
        elif key := _TEXTS.get(name):
            self._keep(key, self._url(child, _text(child)) if key == "id" else _text(child), depth)
        elif name == "link":
            self._link(child)
        elif name in _CATEGORIES:
            self._category(child, name, depth)
        elif key := _UNKNOWN.get(name):
            if child.attrib:
                self.said[key] = _attributes(child)
                self._inside(child, depth)
            else:
                value = _text(child)
                self._keep(key, self._url(child, value) if name in _RELATIVE else value, depth)
        elif name in _LISTS:
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
        elif name in _BOXES:
            self._box(child, name, depth)
        elif name == "source":
            self._source(child)
        elif name in ("cc_license", "creativecommons_license"):
            self._license(child, name, depth)
        elif name in _TRAPS:
            raise Odd(f"<{name}> where it has no place")
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
        found = self.said.setdefault(key, [])
        assert isinstance(found, list)
        return found

    def _url(self, element: etree._Element, value: str) -> str:
        return _joined(_base(element) if self.has_base else "", value) if value else value

    def _markup(self, child: etree._Element, name: str, depth: int) -> None:
        """Titles, rights and bodies: of the latter only a feed's subtitle counts, own.py knows better."""
        if name in _TITLES:
            self._title(child, name, depth)
        elif key := _TEXTS.get(name):
            if child.get("mode") == "base64":
                raise Odd("an encoded text")
            self._keep(key, _text(child), depth)
        else:
            if len(child):
                _only_markup(child)
            if not self.is_item:
                if name in _DESCRIPTIONS and not self.summarised:
                    self.said["subtitle"] = "" if len(child) else _text(child)
                self.summarised = self.summarised or name in ("summary", "itunes_summary")

    def _title(self, child: etree._Element, name: str, depth: int) -> None:
        """The first title at the least depth that says anything; Media RSS' only where there is no other."""
        kind = child.get("type", "").lower()
        if child.get("mode") == "base64" or kind not in ("", "text", "html", "text/plain", "text/html"):
            raise Odd("a title of another type")
        value = _text(child)
        if -1 < self.title_depth <= depth:
            return
        if self.is_item and depth > self.depths.get("title", depth):
            return
        self.depths["title"] = depth
        self.said["title"] = value
        self.said["title_detail"] = {"type": "text/html" if "html" in kind else "text/plain"}
        if value and name != "media_title":
            self.title_depth = depth

    def _link(self, child: etree._Element) -> None:
        found = _href(_attributes(child))
        found.setdefault("rel", "alternate")
        found.setdefault("type", "application/atom+xml" if found["rel"] == "self" else "text/html")
        if "href" in found:
            found["href"] = _joined(_base(child) if self.has_base else "", found["href"])
        elif found["rel"] != "alternate" and (child.text or len(child)):
            raise Odd("a link with a relation and a text")
        if found["rel"] == "alternate" and "href" in found and found["type"] in _HTML:
            self.said["link"] = found["href"]
        self.links.append(found)
        if len(child):
            raise Odd("elements in a link")

    def _tag(self, term: str | None, scheme: str | None, label: str | None) -> None:
        tag = {"term": term, "scheme": scheme, "label": label}
        if (term or scheme or label) and tag not in self.tags:
            self.tags.append(tag)

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
                raise Odd("elements in a category")
            self.children(child, depth + 1)
        elif value := _text(child):
            if self.tags and not self.tags[-1]["term"]:
                self.tags[-1]["term"] = value
            else:
                self._tag(value, None, None)

    def _words(self, child: etree._Element, name: str) -> None:
        if child.attrib and name != "tags":
            return
        for term in _text(child).split(","):
            if term.strip():
                self._tag(term.strip(), _LISTS[name], None)

    def _thumbnail(self, child: etree._Element) -> None:
        found = _attributes(child)
        if value := _text(child):
            found.setdefault("url", self._url(child, value))
        self._listed("media_thumbnail").append(found)

    def _box(self, child: etree._Element, name: str, depth: int) -> None:
        """RSS <image> and <textInput>: of the first a feed's address counts, and of an item maybe its title."""
        self.title_depth = -1
        if name == "image" and not self.is_item:
            self.said.setdefault("image", {})
        for each in child:
            inside = _name(each)
            if inside not in _BOX or len(each):
                raise Odd(f"<{inside}> in <{name}>")
            if inside == "title" and _text(each):
                if self.is_item:
                    self._title(each, inside, depth + 1)
                self.title_depth = depth + 1
            elif inside in ("url", "href") and name == "image" and not self.is_item:
                image = self.said["image"]
                assert isinstance(image, dict)
                if inside == "url":
                    image["href"] = self._url(each, _text(each))
                elif not each.attrib:
                    image["href"] = self._url(each, _text(each))

    def _license(self, child: etree._Element, name: str, depth: int) -> None:
        href = _attributes(child).get("rdf:resource", "") if name == "cc_license" else _text(child)
        if depth:
            raise Odd("a license in an element")
        self.links.append({"rel": "license"} | ({"href": href} if href else {}))

    def _source(self, child: etree._Element) -> None:
        """RSS <source>: an address and a title. Atom's is left to feedparser."""
        if not self.is_item or len(child):
            raise Odd("an Atom source")
        self.title_depth = -1
        found = {"href": url} if (url := _attributes(child).get("url")) is not None else {}
        if title := _text(child):
            found["title"] = title
        self.said["source"] = found


_HTML = {"application/xhtml+xml", "html", "text/html", "xhtml"}
_BOX = {"description", "height", "href", "link", "name", "title", "url", "width"}
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
    if any(_name(each) in _HAZARDS for each in element.iterdescendants()):
        raise Odd("elements of a feed inside a text")


def walked(root: etree._Element) -> tuple[bool, Said, list[Said], list[etree._Element]]:
    """Whether a feed is Atom, what it says of itself, what each of its items says, and their elements. Raises Odd."""
    kind = _name(root)
    if kind not in ("rss", "feed", "rdf_rdf"):
        raise Odd(f"<{kind}>")
    is_atom = _is_atom(root, kind)
    has_base = bool(root.xpath("//@xml:base | //@base"))
    head = Walk(is_item=False, has_base=has_base)
    language = root.get("{http://www.w3.org/XML/1998/namespace}lang") or root.get("lang")
    if language and kind != "rdf_rdf":
        head.said["language"] = language.replace("_", "-")
    channels = [root] if kind == "feed" else [child for child in root if _name(child) == "channel"]
    if len(channels) != 1 or "href" in channels[0].attrib or "lastmod" in channels[0].attrib:
        raise Odd("not one channel, or CDF")
    entries, elements = [], []
    for parent in dict.fromkeys((channels[0], root)):
        for child in parent:
            name = _name(child)
            if name in ("item", "entry"):
                elements.append(child)
                entries.append(_item(child, has_base=has_base))
                head.title_depth = 1 if entries[-1].get("title") else -1
            elif parent is not root or kind == "feed":
                head.element(child, name, 0)
            elif child is not channels[0]:
                _outside(child)
    return is_atom, head.whole(), entries, elements


def _is_atom(root: etree._Element, kind: str) -> bool:
    """Which family feedparser takes it for: RDF of the first of the namespaces that it declares."""
    spaces = {_space(uri) for uri in root.nsmap.values()}
    if any(prefix in spaces and (_space(uri) or prefix) != prefix for prefix, uri in root.nsmap.items()):
        raise Odd("a prefix that means something else")
    known = [uri.lower() for uri in root.nsmap.values() if uri.lower() in (_ATOM, _RSS1, _RSS09)]
    if kind == "rdf_rdf" and not known:
        raise Odd("RDF that is no feed")
    if kind == "feed" and any(uri != _ATOM for uri in known):
        raise Odd("Atom that is RSS")
    return kind == "feed" or (kind == "rdf_rdf" and known[0] == _ATOM)


def _item(element: etree._Element, *, has_base: bool) -> Said:
    if any(name.lower() in ("href", "lastmod") for name in map(str, element.attrib)):
        raise Odd("CDF")
    walk = Walk(is_item=True, has_base=has_base)
    walk.children(element)
    return walk.whole()


def _outside(element: etree._Element) -> None:
    """Beside the channel, as in RDF: nothing counts there but items."""
    plain = _name(element) in _BOXES and all(_name(each) in _BOX and not len(each) for each in element)
    if not plain and any(_name(each) not in _NOTHING for each in element.iter()):
        raise Odd(f"<{_name(element)}> beside the channel")


_NOTHING = {"rdf_bag", "rdf_description", "rdf_li", "rdf_seq", "taxo_topic", "taxo_topics", "rdf_value"}
