"""The rules for single values and elements of RSS and Atom, for `conformance`. Each yields findings: "Name: where and what"."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from html.parser import HTMLParser

from lxml import etree

Element = etree._Element
Findings = Iterator[str]
Check = Callable[[Element], Iterable[str]]
Rule = tuple[str, Check]  # how often an element may stand ("1", "?" or "*"), and what its value must be

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
_MARKUP = re.compile(
    r"<(?:br|hr|img)\b|</(?:a|abbr|address|article|aside|audio|b|big|blockquote|body|button|center|cite|code|del|details|div|dl|em"
    r"|figure|font|footer|form|h[1-6]|head|header|html|i|iframe|ins|kbd|label|li|main|mark|nav|object|ol|p|picture|pre|q|s|samp"
    r"|script|section|select|small|span|strike|strong|style|sub|summary|sup|table|td|textarea|th|time|title|tr|tt|u|ul|var"
    r"|video)>",
    re.IGNORECASE,
)
_RISKY = re.compile(
    "applet|base|embed|form|frame|frameset|iframe|input|link|meta|object|script|style|svg|textarea", re.IGNORECASE
)
_PAGED = re.compile("current|first|last|next|next-archive|prev-archive|previous")
_RELATIONS = re.compile(
    "alternate|describedby|edit|edit-media|enclosure|hub|license|payment|related|replies|search|self|service|up|via"
)


# --- Helpers --------------------------------------------------------------------------------------------------------


def name_of(element: Element) -> str:
    """`prefix:name` by our own prefixes; elements of RSS have none."""
    qname = etree.QName(element)
    prefix = PREFIXES.get(qname.namespace, f"{{{qname.namespace}}}") if qname.namespace else ""
    return f"{prefix}:{qname.localname}" if prefix else qname.localname


def finding(name: str, element: Element, value: object = "") -> str:
    return f"{name}: <{name_of(element)}> in line {element.sourceline} {str(value)[:100]!r}"


def children(element: Element, *names: str) -> list[Element]:
    return [child for child in element.iterchildren("{*}*") if not names or name_of(child) in names]


def text_of(element: Element | None) -> str:
    return "" if element is None else (element.text or "").strip()


def first(element: Element, name: str) -> str:
    return next((text_of(child) for child in children(element, name)), "")


def repeated(values: Iterable[tuple[object, Element]], name: str) -> Findings:
    """A finding for each value that has been there before."""
    seen = set()
    for value, element in values:
        if value in seen:
            yield finding(name, element, value)
        seen.add(value)


def shape(element: Element, allowed: dict[str, Rule]) -> Findings:
    """The right children in the right number, each with the right value."""
    for name, (least, most, _) in allowed.items():
        found = children(element, name)
        if len(found) < least:
            yield finding("MissingElement", element, name)
        if len(found) > most:
            yield finding("DuplicateEnclosure" if name == "enclosure" else "DuplicateElement", found[most])
    for child in children(element):
        if name_of(child) in allowed:
            yield from allowed[name_of(child)][2](child)
        else:
            unknown = name_of(child).startswith("{")
            yield finding("UnknownNamespace" if unknown else "UndefinedElement", child)


# --- Values ---------------------------------------------------------------------------------------------------------


def anything(element: Element) -> Findings:
    yield from ()


def nonblank(element: Element) -> Findings:
    if not text_of(element):
        yield finding("NotBlank", element)
    if element.text and element.text != element.text.strip():
        yield finding("UnexpectedWhitespace", element)


def uri_value(value: str, element: Element, what: str = "InvalidURI") -> Findings:
    if UNSAFE.match(value):
        yield finding("SecurityRiskURL", element, value)
    elif not URI.fullmatch(value):
        yield finding(what if value.isascii() else "UriNotIri", element, value)


def iri_value(value: str, element: Element) -> Findings:
    """RFC 3987: a URI that may have characters beyond ASCII."""
    yield from uri_value(re.sub("[\u00a0-\U0010ffff]", "a", value), element, "InvalidIRI")


def uri(element: Element) -> Findings:
    yield from uri_value(element.text or "", element)


def iri(element: Element) -> Findings:
    yield from iri_value(element.text or "", element)


def matches(pattern: str, name: str) -> Check:
    def check_text(element: Element) -> Findings:
        if not re.fullmatch(pattern, element.text or ""):
            yield finding(name, element, element.text)

    return check_text


positive = matches(r"0*[1-9]\d*", "InvalidPositiveInteger")
language = matches(LANGUAGE.pattern, "InvalidLanguage")
period = matches("hourly|daily|weekly|monthly|yearly", "InvalidUpdatePeriod")
true_false = matches("true|false", "InvalidTrueFalse")
mail = matches(rf"{EMAIL.pattern} \(.+\)", "InvalidContact")
address = matches(EMAIL.pattern, "InvalidAddrSpec")


def to_moment(value: str) -> datetime | None:
    """A date of either notation; None when there is none or it does not exist."""
    try:
        found = datetime.fromisoformat(value) if value[:4].isdigit() else parsedate_to_datetime(value)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def dated(element: Element, value: str) -> Findings:
    """What is wrong with a date that is written well."""
    moment = to_moment(value)
    if moment is None:
        yield finding("ImpossibleDate", element, value)
    elif moment.year < 1990:
        yield finding("ImplausibleDate", element, value)
    elif moment.microsecond:
        yield finding("NowDate", element, f"{value}: only a clock gives fractions of seconds")


def rfc3339(element: Element) -> Findings:
    value = element.text or ""
    yield from dated(element, value) if RFC3339.fullmatch(value) else [finding("InvalidRFC3339Date", element, value)]


def rfc822(element: Element) -> Findings:
    value = element.text or ""
    found = RFC822.fullmatch(value)
    if not found:
        yield finding("InvalidRFC2822Date", element, value)
        return
    yield from dated(element, value)
    moment = to_moment(value)
    if moment and found["weekday"] and found["weekday"] != format_datetime(moment)[:3]:
        yield finding("IncorrectDOW", element, value)


class _Html(HTMLParser):
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
                for part in (value or "").split(", "):
                    self._url(part.split()[0] if part.split() else "")

    def _url(self, url: str) -> None:
        if UNSAFE.match(url):
            self.found.append(("SecurityRiskURL", url))
        elif not re.match(r"(?:https?://[^/]|[a-z][a-z0-9+.-]*:(?!//))", url.strip(), re.IGNORECASE):
            self.found.append(("ContainsRelRef", url))


def html(element: Element) -> Findings:
    yield from (finding(name, element, value) for name, value in _Html(element.text or "").found)
    if not text_of(element):
        yield finding("NotBlank", element)


def text_construct(element: Element) -> Findings:
    """RFC 4287 §3.1. Titles and the like say no more than text: HTML that shows no element is text too."""
    kind, value = element.get("type", "text"), element.text or ""
    if kind not in ("text", "html"):
        yield finding("InvalidTextType", element, kind)
    elif (kind == "html" and _Html(value).tags) or (kind == "text" and markup(value)):
        yield finding("ContainsHTML", element, value)
    if not value.strip():
        yield finding("NotBlank", element)


def markup(value: str) -> bool:
    """Whether a reader could take plain text for HTML."""
    return bool(_MARKUP.search(value))


def atom_content(element: Element) -> Findings:
    kind = element.get("type", "text")
    if kind == "html":
        yield from html(element)
    elif kind == "text":
        yield from text_construct(element)
    elif not MIME.fullmatch(kind):
        yield finding("InvalidMIMEType", element, kind)


def attribute(element: Element, name: str, pattern: str, finding: str) -> Findings:
    value = element.get(name)
    if value is not None and not re.fullmatch(pattern, value):
        yield finding(finding, element, f"{name}={value}")


def mime(element: Element) -> Findings:
    if (kind := element.get("type")) is not None and not MIME.fullmatch(kind):
        yield finding("InvalidMIMEType", element, kind)


def required(*names: str) -> Check:
    """Attributes that must be there; `url` and `href` must be URIs, `type` a media type."""

    def check_attributes(element: Element) -> Findings:
        for name in names:
            if not element.get(name):
                yield finding("MissingAttribute", element, name)
            elif name in ("url", "href"):
                yield from uri_value(element.get(name, ""), element)
        yield from mime(element)

    return check_attributes


def atom_link(element: Element) -> Findings:
    """atom:link (RFC 4287 §4.2.7), in Atom and in RSS."""
    rel, href = element.get("rel", "alternate"), element.get("href")
    if href is None:
        yield finding("MissingHref", element)
    elif name_of(element.getroottree().getroot()) == "rss":
        yield from uri_value(href, element)
    else:
        yield from iri_value(href, element)
    if not (_RELATIONS.fullmatch(rel) or _PAGED.fullmatch(rel) or URI.fullmatch(rel)):
        yield finding("UnregisteredAtomLinkRel", element, rel)
    if _PAGED.fullmatch(rel) and name_of(element.getparent()) in ("atom:entry", "item"):  # type: ignore[arg-type]  # never the root
        yield finding("FeedHistoryRelInEntry", element, rel)
    yield from mime(element)
    yield from attribute(element, "length", r"\d+", "InvalidLength")
    yield from attribute(element, "hreflang", LANGUAGE.pattern, "InvalidLanguage")
    yield from attribute(element, "title", r".*\S.*", "AttrNotBlank")
    if text_of(element) or len(element):
        yield finding("AtomLinkNotEmpty", element)


def person(element: Element) -> Findings:
    yield from shape(element, {"atom:name": ("1", nonblank), "atom:email": ("?", address), "atom:uri": ("?", iri)})


def atom_category(element: Element) -> Findings:
    if not element.get("term", "").strip():
        yield finding("MissingAttribute", element, "term")
    if (scheme := element.get("scheme")) is not None:
        yield from iri_value(scheme, element)
    yield from attribute(element, "label", r".*\S.*", "AttrNotBlank")


def enclosure(element: Element) -> Findings:
    yield from required("url", "length", "type")(element)
    yield from attribute(element, "length", r"\d+", "InvalidLength")
    if not re.match("https?:", element.get("url", "http:")):
        yield finding("InvalidURLAttribute", element, element.get("url"))


def guid(element: Element) -> Findings:
    value, permalink = element.text or "", element.get("isPermaLink", "true")
    yield from nonblank(element)
    if permalink not in ("true", "false"):
        yield finding("InvalidBooleanAttribute", element, permalink)
    elif permalink == "true" and not (value.startswith(("http:", "https:")) and URI.fullmatch(value)):
        yield finding("InvalidPermalink", element, value)
    elif len(value) < 9 and value.isdigit():
        yield finding("NotSufficientlyUnique", element, value)


def rss_source(element: Element) -> Findings:
    yield from nonblank(element)
    yield from required("url")(element)


def media_content(element: Element) -> Findings:
    yield from required("url")(element)
    for name in ("fileSize", "width", "height"):
        yield from attribute(element, name, r"0*[1-9]\d*", "InvalidPositiveInteger")
    yield from attribute(element, "duration", r"\d+(?:\.\d+)?", "InvalidFloat")
    yield from attribute(element, "isDefault", "true|false", "InvalidTrueFalse")
    yield from attribute(element, "medium", "image|audio|video|document|executable", "InvalidMediaMedium")
    yield from shape(element, {"media:title": ("?", nonblank), "media:thumbnail": ("*", thumbnail)})


def media_group(element: Element) -> Findings:
    if len(children(element, "media:content")) < 2:
        yield finding("MediaGroupWithoutAlternatives", element)
    yield from shape(element, {"media:content": ("*", media_content), "media:thumbnail": ("*", thumbnail)})


def thumbnail(element: Element) -> Findings:
    yield from required("url")(element)
    for name in ("width", "height"):
        yield from attribute(element, name, r"0*[1-9]\d*", "InvalidPositiveInteger")


def subtitle(element: Element) -> Findings:
    if len(element.text or "") > 255:
        yield finding("TooLong", element, len(element.text or ""))
