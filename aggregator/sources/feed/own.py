"""What an item says in elements of its own, apart from those of others. Pure.

feedparser puts captions (media:description), show notes (itunes:summary) and the links of nested elements into the
same fields as the item's content and link, and keeps one of several podcast:* elements. A look at the tree of the same
document tells them apart. For documents that are no well-formed XML the same is guessed from feedparser's entry.
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import lru_cache
from html import escape

from lxml import etree

from aggregator import text
from aggregator.model import Hints, Link, Person, Podcast
from aggregator.sources.feed.parts import MAX_LIST, Body, Said, inner, number, objects, people, person, seconds, string
from aggregator.sources.feed.timing import hints


@dataclass(frozen=True, slots=True)
class Own:
    """An item's (or a feed's) own words; URLs are as written. `base` is the xml:base in force, maybe relative.

    `caption` describes the item's media (media:description, itunes:summary), to use where there is nothing else, and
    `titles` are those of its media:contents, by their addresses.
    `hints` are of a feed read from its tree.
    """

    guid: str = ""
    link: str = ""
    base: str = ""
    language: str = ""
    content: Body | None = None
    summary: Body | None = None
    caption: Body | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    authors: tuple[Person, ...] = ()
    image: str = ""
    podcast: Podcast | None = None
    hints: Hints | None = None


def unmangled(value: str) -> str:
    """UTF-8 that was once read as Latin-1 and encoded again, read right; C1 controls are windows-1252's characters.

    feedparser does the same to its values, and both must agree.
    """
    if value.isascii() or b"\xc2" not in value.encode("utf-8", "surrogatepass"):
        return value  # either needs a character of U+0080 to U+00BF, and their UTF-8 begins with C2
    with suppress(UnicodeError):
        value = value.encode("latin-1").decode()
    return _C1.sub(lambda x: x[0].encode("latin-1").decode("cp1252", "ignore"), value)


_C1 = re.compile("[\x80-\x9f]+")

# --- From the tree --------------------------------------------------------------------------------------------------

# Namespaces without scheme, case and final slash, as feeds vary these. "" is RSS and Atom: their names never clash.
_NAMESPACES = {
    "": "",
    "purl.org/rss/1.0": "",
    "my.netscape.com/rdf/simple/0.9": "",
    "purl.org/atom/ns#": "",
    "www.w3.org/2005/atom": "",
    "blogs.law.harvard.edu/tech/rss": "",
    "purl.org/rss/1.0/modules/rss091#": "",
    "purl.org/dc/elements/1.1": "dc",
    "purl.org/rss/1.0/modules/content": "content",
    "purl.org/rss/1.0/modules/syndication": "sy",
    "www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "search.yahoo.com/mrss": "media",
    "www.w3.org/1999/xhtml": "xhtml",
    "podcastindex.org/namespace/1.0": "podcast",
    "github.com/podcastindex-org/podcast-namespace/blob/main/docs/1.0.md": "podcast",
}
_XML = "{http://www.w3.org/XML/1998/namespace}"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"

Children = Mapping[str, Sequence[etree._Element]]
Grouped = tuple[etree._Element, Children]


def tree(body: bytes) -> etree._Element | None:
    """The root of a document; None when it is broken."""
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    # its own limits stay on: 10 MB of text in a row, 256 elements deep
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        return None


def items_of(root: etree._Element) -> list[etree._Element]:
    """The items and entries of a document, wherever they stand."""
    return [element for element in root.iter() if _name(element) in ("item", "entry")]


def from_tree(head: Grouped, items: Sequence[Grouped]) -> tuple[Own, list[Own]]:
    """The feed's own words and those of its items."""
    return replace(_of_element(*head), hints=_hints(head[1])), [_of_element(*item) for item in items]


def grouped(element: etree._Element) -> Grouped:
    """An element with its children by their names."""
    children: dict[str, list[etree._Element]] = {}
    for child in element:
        children.setdefault(_name(child), []).append(child)
    return element, children


def channel_of(root: etree._Element) -> etree._Element:
    """The element that describes the feed."""
    return next((child for child in root if _name(child) == "channel"), root)


def _name(element: etree._Element) -> str:
    return known_name(element.tag, element.prefix)


@lru_cache(maxsize=500)
def known_name(tag: str, prefix: str | None) -> str:
    """An element's name in lower case, with the usual prefix of its namespace; none for RSS and Atom."""
    namespace, name = spelled(tag)
    space = re.sub(r"^https?://|/+$", "", namespace.strip().lower())
    usual = "" if space.startswith("backend.userland.com/rss") else _NAMESPACES.get(space, prefix or "")
    return f"{usual}:{name}".lower() if usual else name.lower()


def spelled(tag: str) -> tuple[str, str]:
    """The namespace and the name in lxml's `{namespace}name`. etree.QName raises where a namespace has braces in it."""
    namespace, _, name = tag.rpartition("}")
    return namespace[1:], name


def _of_element(element: etree._Element, children: Children) -> Own:
    summary = _body(children, "description", "summary", "abstract") or _body(children, "dc:description")
    return Own(
        guid=_first(children, "guid", "id") or unmangled(element.get(f"{_RDF}about", "").strip()),
        link=_link(element, children),
        base=element.base or "",
        language=_language(element, children),
        content=_body(children, "content:encoded") or _body(children, "content", "xhtml:body", "body", "fullitem"),
        summary=summary,
        caption=_caption(children),
        titles=_titles(children),
        authors=_authors(children),
        image=_image(children),
        podcast=_podcast(children),
    )


def _text(element: etree._Element) -> str:
    if not len(element):
        return unmangled((element.text or "").strip())
    return unmangled("".join(str(piece) for piece in element.itertext()).strip())


def _first(children: Children, *names: str) -> str:
    """The first text that is not empty under any of these names, in their order."""
    for name in names:  # a loop, here and below: most names are not there, and a generator costs more than the look
        for child in children.get(name, ()):
            if value := _text(child):
                return value
    return ""


def _link(element: etree._Element, children: Children) -> str:
    """The page: RSS <link>, Atom's rel=alternate (HTML first); of an item a permalink guid, Atom id, CDF's href."""
    links = children.get("link", ())
    for link in links:
        if "href" not in link.attrib and _text(link):
            return _text(link)
    pages = [x for x in links if x.get("href") and x.get("rel", "alternate") in ("alternate", "")]
    pages.sort(key=lambda x: "html" not in x.get("type", "html"))
    if pages:
        return text.http_url(pages[0].get("href", ""), pages[0].base or "") or pages[0].get("href", "")
    guids = [_text(guid) for guid in children.get("guid", ()) if _attribute(guid, "ispermalink") != "false"]
    found = (*guids, _first(children, "id"), _attribute(element, "href"))
    is_item = _name(element) in ("item", "entry")
    return next((x for x in found if is_item and re.match("https?:", x)), "")


def _attribute(element: etree._Element, name: str) -> str:
    """An attribute's value whatever the case of its name: isPermalink is a common typo, CDF shouts."""
    return next((str(value) for key, value in element.attrib.items() if str(key).lower() == name), "")


def _language(element: etree._Element, children: Children) -> str:
    nearest = [element, *children.get("content", ()), *children.get("title", ())]
    return next((x for e in nearest if (x := e.get(f"{_XML}lang", ""))), "") or _first(children, "dc:language")


def _body(children: Children, *names: str) -> Body | None:
    """The longest text under these names."""
    longest = None
    for name in names:
        for child in children.get(name, ()):
            body = _one_body(child)
            if body and (longest is None or len(body.value) > len(longest.value)):
                longest = body
    return longest


def _one_body(element: etree._Element) -> Body | None:
    """An element's text, however it is written: escaped, in CDATA, as inline XHTML, or in base64 (Atom 0.3)."""
    declared = text.one_line(element.get("type", "")).lower()
    wrapped = declared in ("html", "text/html") and not any(len(child) for child in element)
    if len(element) and not wrapped:
        return _filled(_inner_html(element), True, (element[0] if len(element) == 1 else element).base)
    if element.get("mode") == "base64":
        return _filled(_from_base64(_text(element)), True, element.base)
    if declared not in ("", "text", "html", "xhtml", "plain") and not re.search("^text/|xml$|html$", declared):
        return None  # a picture, say
    is_text = declared in ("text", "plain", "text/plain") or (not declared and _may_be_text(element))
    return _filled(_text(element), not is_text, element.base)


def _filled(value: str, is_html: bool, base: str | None) -> Body | None:
    return Body(value, is_html, base or "") if value.strip() else None


def _may_be_text(element: etree._Element) -> bool:
    """Whether the name's default type is text (RFC 4287 §3.1.1, Media RSS, Apple's podcasts); RSS writes HTML."""
    return _name(element) in ("content", "summary", "media:description", "itunes:summary", "itunes:subtitle")


def _from_base64(value: str) -> str:
    try:
        return base64.b64decode(value, validate=False).decode()
    except ValueError:
        return value


def _inner_html(element: etree._Element) -> str:
    """The markup inside an element, with the XHTML prefixes gone, so that it is HTML."""
    copy = deepcopy(element)
    for child in copy.iter(etree.Element):
        kept = {name: value for name, value in child.attrib.items() if not str(name).startswith("{")}
        child.tag = spelled(str(child.tag))[1]
        child.attrib.clear()
        child.attrib.update(kept)
    etree.cleanup_namespaces(copy)
    copy.tail = None
    parts = (etree.tostring(child, encoding="unicode", method="html") for child in copy)
    return unmangled(escape(copy.text or "", quote=False) + "".join(parts))


def _caption(children: Children) -> Body | None:
    caption = _body(children, "itunes:summary") or _body(children, "media:description")
    if caption is None:
        nested = [e for group in ("media:group", "media:content") for e in children.get(group, ())]
        inside = {"media:description": [e for parent in nested for e in parent if _name(e) == "media:description"]}
        caption = _body(inside, "media:description") or _body(children, "itunes:subtitle")
    return caption


def _titles(children: Children) -> Mapping[str, str]:
    grouped = (e for group in children.get("media:group", ()) for e in group if _name(e) == "media:content")
    contents = (*children.get("media:content", ()), *grouped)
    return {e.get("url", "").strip(): _text(title) for e in contents for title in e if _name(title) == "media:title"}


def _authors(children: Children) -> tuple[Person, ...]:
    """Atom's and RSS' authors and Dublin Core's creators; Apple's author or owner where there are none."""
    for names in (("author", "dc:creator", "dc:author"), ("itunes:author",), ("itunes:owner",)):
        found = people(_person(child) for name in names for child in children.get(name, ()))
        if found:
            return found
    return ()


def _person(element: etree._Element) -> Person | None:
    if not len(element):
        return person(_text(element))
    parts = {_name(child).rpartition(":")[2]: _text(child) for child in element.iterdescendants()}
    name = parts.get("name") or ("" if "email" in parts else _text(element))  # or it is text with markup in it
    return person(name, parts.get("email", ""), parts.get("uri") or parts.get("url", ""))


def _image(children: Children) -> str:
    """RSS <image> in an item: with a <url>, or just the address."""
    for image in children.get("image", ()):
        inside = {_name(child): [child] for child in image}
        if url := _first(inside, "url") or (not inside and _text(image)):
            return url
    return ""


_OF_EPISODES = re.compile("itunes:|podcast:").match


def _podcast(children: Children) -> Podcast | None:
    if not any(map(_OF_EPISODES, children)):
        return None
    files = [
        Link(child.get("url", ""), "transcript", child.get("type", ""), "", child.get("language", ""))
        for child in children.get("podcast:transcript", ())[:MAX_LIST]
    ]
    chapters = [Link(c.get("url", ""), "chapters", c.get("type", "")) for c in children.get("podcast:chapters", ())]
    names = ("duration", "season", "episode", "episodetype", "explicit", "subtitle")
    return podcast({name: _first(children, f"itunes:{name}", f"podcast:{name}") for name in names}, files, chapters)


def podcast(said: Mapping[str, str], transcripts: Iterable[Link], chapters: Iterable[Link]) -> Podcast | None:
    """An episode's essentials, from the texts of itunes:* and podcast:*; None when nothing but a subtitle is said."""
    length = seconds(said["duration"])
    kind = said["episodetype"].strip().lower()
    result = Podcast(
        duration=int(length) if length else None,
        season=number(said["season"]),
        episode=number(said["episode"]),
        episode_type=kind if kind in ("full", "trailer", "bonus") else "",
        explicit=_EXPLICIT.get(said["explicit"].strip().lower()),
        transcripts=tuple(link for link in transcripts if link.href),
        chapters=next((link for link in chapters if link.href), None),
    )
    return replace(result, subtitle=text.plain_title(said["subtitle"])) if result != Podcast() else None


_EXPLICIT = {"yes": True, "true": True, "explicit": True, "no": False, "false": False, "clean": False}


def _hints(children: Children) -> Hints:
    """What a channel (RSS) or feed (Atom) says of its rhythm."""
    hours, days = (
        [_text(child) for parent in children.get(group, ()) for child in parent if _name(child) == name]
        for group, name in (("skiphours", "hour"), ("skipdays", "day"))
    )
    period, frequency = (_first(children, f"sy:update{name}") for name in ("period", "frequency"))
    return hints(_first(children, "ttl"), period, frequency, hours[:MAX_LIST], days[:MAX_LIST])


# --- From feedparser's entry ----------------------------------------------------------------------------------------


def from_entry(entry: Said, is_atom: bool) -> Own:
    """The same, guessed from feedparser's entry or feed: texts of an HTML type are content, others captions."""
    bodies = [
        Body(string(c, "value"), string(c, "type") != "text/plain", string(c, "base"))
        for c in objects(entry, "content")
    ]
    contents = [body for body in bodies if body.value and (body.is_html or is_atom)]
    content = max(contents, key=lambda body: (body.is_html, len(body.value)), default=None)
    detail = inner(entry, "summary_detail")
    is_text = is_atom and string(detail, "type") == "text/plain"
    summary = _filled(string(entry, "summary"), not is_text, string(detail, "base"))
    link = string(entry, "link")
    is_guid = bool(entry.get("guidislink")) and not re.match("https?:", link, re.IGNORECASE)  # feedparser never looks
    return Own(
        guid=string(entry, "id"),
        link="" if is_guid else link,
        base=string(inner(entry, "title_detail"), "base"),
        language=string(entry, "language"),
        content=content,
        summary=None if content and summary and summary.value == content.value else summary,
        caption=next((body for body in bodies if body.value and body not in contents), None),
        authors=_guessed_authors(entry),
        podcast=_guessed_podcast(entry),
    )


def _guessed_authors(entry: Said) -> tuple[Person, ...]:
    """feedparser's authors; it cuts addresses in two, but of a single author it keeps the whole text."""
    found = objects(entry, "authors")
    if len(found) == 1 and string(entry, "author"):
        return people([person(string(entry, "author"), "", string(found[0], "href"))])
    return people(person(string(a, "name"), string(a, "email"), string(a, "href")) for a in found)


def _guessed_podcast(entry: Said) -> Podcast | None:
    """feedparser keeps elements that it does not know under `prefix_name`: their attributes, or else their text."""
    names = ("duration", "season", "episode", "episodetype", "explicit", "subtitle")
    said = {name: string(entry, f"itunes_{name}", f"podcast_{name}") for name in names}
    if isinstance(entry.get("itunes_explicit"), bool):
        said["explicit"] = str(entry["itunes_explicit"])
    links = {
        name: [Link(string(found, "url"), name, string(found, "type"))]
        for name in ("transcript", "chapters")
        if (found := inner(entry, f"podcast_{name}"))
    }
    return podcast(said, links.get("transcript", ()), links.get("chapters", ()))
