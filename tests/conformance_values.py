"""The rules for the values and small elements of RSS and Atom, for `conformance`; each yields "Name: where and what"."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import cache
from html.parser import HTMLParser

from lxml import etree

Element = etree._Element
Findings = Iterator[str]
Check = Callable[[Element], Iterable[str]]
Rules = Mapping[str, tuple[str, Check]]
"""The children that an element may have: how often ("1", "?" or "*"), and the check of each."""

PREFIXES = {
    "http://www.w3.org/2005/Atom": "atom",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/rss/1.0/modules/syndication/": "sy",
    "http://purl.org/syndication/history/1.0": "fh",
    "http://search.yahoo.com/mrss/": "media",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "https://podcastindex.org/namespace/1.0": "podcast",
}
LANG = "{http://www.w3.org/XML/1998/namespace}lang"

_URI_CHARS = r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
URI = re.compile(rf"(?:https?://(?=[^/?#]){_URI_CHARS}+|(?!https?:)[A-Za-z][A-Za-z0-9+.-]*:{_URI_CHARS}+)")
UNSAFE = re.compile(r"\s*(?:javascript|vbscript|data|file):", re.IGNORECASE)
MIME = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(?:\s*;\s*[\w-]+=(?:\"[^\"]*\"|[^\s;\"]+))*")
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
EMAIL = re.compile(r"[^@\s<>()]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
RFC822 = re.compile(
    r"(?:(?P<weekday>Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d\d? (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}"
    r" \d\d:\d\d(?::\d\d)? (?:[+-]\d{4}|GMT|UT|[ECMP][SD]T)"
)
MARKUP = re.compile(
    r"<(?:br|hr|img)\b|</(?:a|abbr|address|article|aside|audio|b|big|blockquote|body|button|center|cite|code|del|details"
    r"|div|dl|em|figure|font|footer|form|h[1-6]|head|header|html|i|iframe|ins|kbd|label|li|main|mark|nav|object|ol|p"
    r"|picture|pre|q|s|samp|script|section|select|small|span|strike|strong|style|sub|summary|sup|table|td|textarea|th"
    r"|time|title|tr|tt|u|ul|var|video)>",
    re.IGNORECASE,
)
_RISKY = re.compile(
    "applet|base|embed|form|frame|frameset|iframe|input|link|meta|object|script|style|svg|textarea", re.IGNORECASE
)
_PAGED = re.compile("current|first|last|next|next-archive|prev-archive|previous")
_RELATIONS = re.compile(
    "alternate|describedby|edit|edit-media|enclosure|hub|license|payment|related|replies|search|self|service|up|via"
)


# --- Elements -------------------------------------------------------------------------------------------------------


def name_of(element: Element) -> str:
    """`prefix:name` by our own prefixes; elements of RSS have none."""
    return _name_of(str(element.tag))


@cache
def _name_of(tag: str) -> str:
    qname = etree.QName(tag)
    prefix = PREFIXES.get(qname.namespace, f"{{{qname.namespace}}}") if qname.namespace else ""
    return f"{prefix}:{qname.localname}" if prefix else qname.localname


def finding(name: str, element: Element, value: object = "") -> str:
    """One line for a person."""
    return f"{name}: <{name_of(element)}> in line {element.sourceline} {str(value)[:100]!r}"


def children(element: Element, *names: str) -> list[Element]:
    """The child elements, only those of these names if any are given."""
    return [child for child in element.iterchildren("{*}*") if not names or name_of(child) in names]


def text_of(element: Element, child: str = "") -> str:
    """The text of an element, or of its first child of that name."""
    found = children(element, child)[:1] if child else [element]
    return (found[0].text or "").strip() if found else ""


def repeated(values: Iterable[tuple[object, Element]], name: str) -> Findings:
    """A finding for each value that has been there before."""
    seen = set()
    for value, element in values:
        if value in seen:
            yield finding(name, element, value)
        seen.add(value)


def shape(element: Element, rules: Rules) -> Findings:
    """The right children, each as often as it may stand and with the right value."""
    every = [(name_of(child), child) for child in children(element)]
    for name, (count, _) in rules.items():
        found = [child for named, child in every if named == name]
        if count == "1" and not found:
            yield finding("MissingElement", element, name)
        if count != "*" and len(found) > 1:
            yield finding("DuplicateEnclosure" if name == "enclosure" else "DuplicateElement", found[1])
    for name, child in every:
        if name in rules:
            yield from rules[name][1](child)
        else:
            yield finding("UnknownNamespace" if name.startswith("{") else "UndefinedElement", child)


# --- Texts and attributes -------------------------------------------------------------------------------------------


def anything(element: Element) -> Findings:
    """No rule."""
    yield from ()


def nonblank(element: Element) -> Findings:
    """Some text, with no space around it."""
    if not text_of(element):
        yield finding("NotBlank", element)
    elif element.text != text_of(element):
        yield finding("UnexpectedWhitespace", element)


def matches(pattern: str, name: str) -> Check:
    """Text of a pattern."""

    def check(element: Element) -> Findings:
        if not re.fullmatch(pattern, element.text or ""):
            yield finding(name, element, element.text)

    return check


positive = matches(r"0*[1-9]\d*", "InvalidPositiveInteger")
language = matches(LANGUAGE.pattern, "InvalidLanguage")
true_false = matches("true|false", "InvalidTrueFalse")
rss_mail = matches(rf"{EMAIL.pattern} \(.+\)", "InvalidContact")


def attribute(element: Element, name: str, pattern: str, what: str) -> Findings:
    """An attribute that may be absent, else is of a pattern."""
    value = element.get(name)
    if value is not None and not re.fullmatch(pattern, value):
        yield finding(what, element, f"{name}={value}")


def mime_type(element: Element) -> Findings:
    """A type attribute, if any."""
    yield from attribute(element, "type", MIME.pattern, "InvalidMIMEType")


def is_uri(value: str, element: Element, what: str = "InvalidURI") -> Findings:
    """An absolute URI (RFC 3986) that runs no script."""
    if UNSAFE.match(value):
        yield finding("SecurityRiskURL", element, value)
    elif not URI.fullmatch(value):
        yield finding(what if value.isascii() else "UriNotIri", element, value)


def is_iri(value: str, element: Element) -> Findings:
    """An absolute IRI (RFC 3987): a URI that may have characters beyond ASCII."""
    yield from is_uri(re.sub("[\u00a0-\U0010ffff]", "a", value), element, "InvalidIRI")


def uri(element: Element) -> Findings:
    """An element that holds a URI."""
    yield from is_uri(element.text or "", element)


def iri(element: Element) -> Findings:
    """An element that holds an IRI."""
    yield from is_iri(element.text or "", element)


def required(*names: str) -> Check:
    """Attributes that must be there; `url` and `href` are URIs, `type` a media type."""

    def check(element: Element) -> Findings:
        for name in names:
            if not element.get(name):
                yield finding("MissingAttribute", element, name)
            elif name in ("url", "href"):
                yield from is_uri(element.get(name, ""), element)
        yield from mime_type(element)

    return check


# --- Dates ----------------------------------------------------------------------------------------------------------


def to_moment(value: str) -> datetime | None:
    """A date of either notation; None when there is none, or no such day."""
    try:
        found = datetime.fromisoformat(value) if value[:4].isdigit() else parsedate_to_datetime(value)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _plausible(element: Element) -> Findings:
    """What is wrong with a date that is written well."""
    moment = to_moment(element.text or "")
    if moment is None:
        yield finding("ImpossibleDate", element, element.text)
    elif moment.year < 1990:
        yield finding("ImplausibleDate", element, element.text)
    elif moment.microsecond:
        yield finding("NowDate", element, f"{element.text}: only a clock gives fractions of seconds")


def rfc3339(element: Element) -> Findings:
    """A date of Atom (RFC 4287 §3.3)."""
    if RFC3339.fullmatch(element.text or ""):
        yield from _plausible(element)
    else:
        yield finding("InvalidRFC3339Date", element, element.text)


def rfc822(element: Element) -> Findings:
    """A date of RSS 2.0, with a year of four digits; its weekday must be right."""
    found = RFC822.fullmatch(element.text or "")
    moment = to_moment(element.text or "") if found else None
    if not found:
        yield finding("InvalidRFC2822Date", element, element.text)
    elif moment and found["weekday"] and found["weekday"] != format_datetime(moment)[:3]:
        yield finding("IncorrectDOW", element, element.text)
    else:
        yield from _plausible(element)


# --- HTML -----------------------------------------------------------------------------------------------------------


class Html(HTMLParser):
    """What an HTML fragment has that a feed must not have; `tags` counts its elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.tags = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags += 1
        if _RISKY.fullmatch(tag):
            self.found.append(("SecurityRisk", tag))
        for name, value in attrs:
            if name.startswith("on"):
                self.found.append(("SecurityRiskAttr", name))
            elif name == "style":
                self.found.append(("DangerousStyleAttr", value or ""))
            elif name in ("href", "src", "poster", "cite", "action", "background"):
                self._url(value or "")
            elif name == "srcset":
                for candidate in (value or "").split(", "):
                    self._url(candidate.strip().partition(" ")[0])

    def _url(self, url: str) -> None:
        if UNSAFE.match(url):
            self.found.append(("SecurityRiskURL", url))
        elif not re.match(r"https?://[^/]|mailto:|tel:", url.strip(), re.IGNORECASE):
            self.found.append(("ContainsRelRef", url))


def html(element: Element) -> Findings:
    """Escaped HTML that is safe anywhere: no script, no frame, no relative URL."""
    yield from (finding(name, element, value) for name, value in Html(element.text or "").found)
    if not text_of(element):
        yield finding("NotBlank", element)


def text_construct(element: Element) -> Findings:
    """RFC 4287 §3.1, for titles and the like: text, or HTML that shows nothing but text."""
    kind, value = element.get("type", "text"), element.text or ""
    if kind not in ("text", "html"):
        yield finding("InvalidTextType", element, kind)
    elif (kind == "html" and Html(value).tags) or (kind == "text" and MARKUP.search(value)):
        yield finding("ContainsHTML", element, value)
    if not value.strip():
        yield finding("NotBlank", element)


# --- Elements of Atom -----------------------------------------------------------------------------------------------


def atom_content(element: Element) -> Findings:
    """RFC 4287 §4.1.3."""
    kind = element.get("type", "text")
    if kind in ("text", "html"):
        yield from (html if kind == "html" else text_construct)(element)
    else:
        yield from mime_type(element)


def atom_link(element: Element) -> Findings:
    """RFC 4287 §4.2.7, in Atom and in RSS."""
    rel, href, parent = element.get("rel", "alternate"), element.get("href"), element.getparent()
    in_rss = etree.QName(element.getroottree().getroot()).localname == "rss"
    if href is None:
        yield finding("MissingHref", element)
    else:
        yield from (is_uri if in_rss else is_iri)(href, element)
    if not (_RELATIONS.fullmatch(rel) or _PAGED.fullmatch(rel) or URI.fullmatch(rel)):
        yield finding("UnregisteredAtomLinkRel", element, rel)
    if _PAGED.fullmatch(rel) and parent is not None and name_of(parent) in ("item", "atom:entry"):
        yield finding("FeedHistoryRelInEntry", element, rel)
    yield from mime_type(element)
    yield from attribute(element, "length", r"\d+", "InvalidLength")
    yield from attribute(element, "hreflang", LANGUAGE.pattern, "InvalidLanguage")
    yield from attribute(element, "title", r"(?s).*\S.*", "AttrNotBlank")
    if text_of(element) or len(element):
        yield finding("AtomLinkNotEmpty", element)


def atom_person(element: Element) -> Findings:
    """RFC 4287 §3.2."""
    email = matches(EMAIL.pattern, "InvalidAddrSpec")
    yield from shape(element, {"atom:name": ("1", nonblank), "atom:email": ("?", email), "atom:uri": ("?", iri)})


def atom_category(element: Element) -> Findings:
    """RFC 4287 §4.2.2."""
    if not element.get("term", "").strip():
        yield finding("MissingAttribute", element, "term")
    if (scheme := element.get("scheme")) is not None:
        yield from is_iri(scheme, element)
    yield from attribute(element, "label", r"(?s).*\S.*", "AttrNotBlank")


# --- Elements of RSS ------------------------------------------------------------------------------------------------


def enclosure(element: Element) -> Findings:
    """All three attributes are required; an unknown length is 0 (RSS profile)."""
    yield from required("url", "length", "type")(element)
    yield from attribute(element, "length", r"\d+", "InvalidLength")
    yield from attribute(element, "url", r"https?://.+", "InvalidURLAttribute")


def guid(element: Element) -> Findings:
    """A permalink is an http(s) URL; isPermaLink is "true" when it is absent."""
    value, permalink = element.text or "", element.get("isPermaLink", "true")
    yield from nonblank(element)
    if permalink not in ("true", "false"):
        yield finding("InvalidBooleanAttribute", element, permalink)
    elif permalink == "true" and not (value.startswith(("http:", "https:")) and URI.fullmatch(value)):
        yield finding("InvalidPermalink", element, value)
    elif len(value) < 9 and value.isdigit():
        yield finding("NotSufficientlyUnique", element, value)


def rss_source(element: Element) -> Findings:
    """The feed's title, and its URL."""
    yield from nonblank(element)
    yield from required("url")(element)


# --- Elements of Media RSS ------------------------------------------------------------------------------------------


def _pixels(element: Element, *names: str) -> Findings:
    for name in (*names, "width", "height"):
        yield from attribute(element, name, r"0*[1-9]\d*", "InvalidPositiveInteger")


def thumbnail(element: Element) -> Findings:
    """media:thumbnail."""
    yield from required("url")(element)
    yield from _pixels(element)


def media_content(element: Element) -> Findings:
    """media:content."""
    yield from required("url")(element)
    yield from _pixels(element, "fileSize")
    yield from attribute(element, "duration", r"\d+(?:\.\d+)?", "InvalidFloat")
    yield from attribute(element, "isDefault", "true|false", "InvalidTrueFalse")
    yield from attribute(element, "medium", "image|audio|video|document|executable", "InvalidMediaMedium")
    yield from shape(element, {"media:title": ("?", nonblank), "media:thumbnail": ("*", thumbnail)})


def media_group(element: Element) -> Findings:
    """media:group: one thing in at least two forms."""
    if len(children(element, "media:content")) < 2:
        yield finding("MediaGroupWithoutAlternatives", element)
    yield from shape(element, {"media:content": ("*", media_content), "media:thumbnail": ("*", thumbnail)})
