"""HTML from outside becomes HTML that may be published. Cleaned once, on the way in; the one door to nh3."""

import re
from html import escape

import nh3

from aggregator.model import Image
from aggregator.text import MARKUP, decode, http_url, legal, plain

_TAGS = frozenset(
    "a abbr address article aside audio b bdi bdo big blockquote br caption center cite code col colgroup data dd del details"
    " dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i iframe img ins kbd li main mark menu"
    " nav ol p picture pre q rb rp rt rtc ruby s samp section small source span strike strong sub summary sup table tbody td"
    " tfoot th thead time tr track tt u ul var video wbr".split()
)
_GONE_WITH_CONTENT = frozenset(
    "datalist embed head noembed noframes object script select style template title".split()
) - {"object"}
_LAZY = (
    "data-src", "data-original", "data-original-src", "data-lazy-src", "data-lazy", "data-actualsrc", "data-echo",
    "data-url", "data-hi-res-src", "data-full-src", "data-img-src", "data-orig-file",
)  # fmt: skip
_LAZY_SETS = ("data-srcset", "data-lazy-srcset")
_SIZE = {"width", "height"}
_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"dir", "lang", "title"},
    "a": {"href", "hreflang"},
    "audio": {"src", "data-src"},
    "col": {"span"},
    "colgroup": {"span"},
    "data": {"value"},
    "del": {"datetime"},
    "details": {"open"},
    "iframe": {"src", *_LAZY, *_SIZE},
    "img": {"alt", "src", "srcset", "sizes", *_LAZY, *_LAZY_SETS, *_SIZE},
    "ins": {"datetime"},
    "li": {"value"},
    "ol": {"reversed", "start", "type"},
    "source": {"media", "sizes", "src", "srcset", "type", "data-src", *_LAZY_SETS, *_SIZE},
    "td": {"colspan", "headers", "rowspan"},
    "th": {"abbr", "colspan", "headers", "rowspan", "scope"},
    "time": {"datetime"},
    "track": {"default", "kind", "label", "src", "srclang"},
    "video": {"poster", "src", "data-src", *_SIZE},
}
_SCHEMES = {"http", "https", "mailto"}


def _sanitise(html: str, base: str) -> str:
    return nh3.clean(
        html,
        tags=set(_TAGS),
        clean_content_tags=set(_GONE_WITH_CONTENT),
        attributes=_ATTRIBUTES,
        set_tag_attribute_values={"audio": {"controls": ""}, "video": {"controls": ""}},
        url_schemes=_SCHEMES,
        url_relative=("rewrite_with_base", base) if base else "deny",
    )


_MEDIA = re.compile(
    r'<(?P<name>audio|iframe|img|source|track|video)(?P<attributes>(?: [a-zA-Z:_-]+="[^"]*")*)>(?:(?<=\w|")(?P<rest>)|)'
)
_IFRAME = re.compile(r'<iframe((?: [^\s=">]+="[^"]*")*)>.*?</iframe>', re.DOTALL)
_ATTRIBUTE = re.compile(r' ([^\s=">]+)="([^"]*)"')
_CANDIDATE = re.compile(r"([^\s,]\S*[^\s,])(?:\s+([0-9.]+[wx]))?\s*(?:,|$)")
_YOUTUBE = re.compile(r"https?://(?:www\.)?youtube(?:-nocookie)?\.com/embed/([\w-]{11})(?:[?#].*)?")
_PLACEHOLDER = re.compile(
    r"(?:^|/)(?:loading|loadimg|blank|spacer|placeholder|transparent|pixel|grey|gray|lazy(?:load)?|1x1|clear|empty)"
    r"(?:[-_.][\w-]*)?\.(?:gif|png|svg|jpe?g|webp)(?:[?#].*)?$",
    re.IGNORECASE,
)


def _srcset(value: str, base: str) -> str:
    """The usable candidates of a srcset, absolute (HTML standard §4.8.4.2.1)."""
    candidates = ((http_url(url, base), size) for url, size in _CANDIDATE.findall(value))
    return ", ".join(f"{url} {size}".strip() for url, size in candidates if url)


def _picture(attributes: dict[str, str], base: str) -> dict[str, str] | None:
    """The attributes of an <img> or <source> that remain, or None when it shows nothing."""
    kept = {name: value for name, value in attributes.items() if not name.startswith("data-")}
    sets = (_srcset(attributes.get(name, ""), base) for name in ("srcset", *_LAZY_SETS))
    srcset = next((x for x in sets if x), "")
    urls = (http_url(attributes.get(name, ""), base) for name in ("src", *_LAZY))
    src = next((x for x in urls if x and not _PLACEHOLDER.search(x)), "")
    kept.pop("src", None)
    kept.pop("srcset", None)
    src = src or srcset.rpartition(", ")[2].partition(" ")[0]
    if src:
        kept["src"] = src
    if srcset:
        kept["srcset"] = srcset
    return kept if src else None


def _tag(name: str, attributes: dict[str, str]) -> str:
    return f"<{name}" + "".join(f' {key}="{escape(value)}"' for key, value in attributes.items()) + ">"


def _media(html: str, base: str) -> str:
    """Mend the pictures and frames of sanitised HTML, which is regular: lower case, every value in double quotes."""

    def image(found: re.Match[str]) -> str:
        attributes = {name: decode(value) for name, value in _ATTRIBUTE.findall(found[2])}
        if attributes.get("width", "").strip() in ("0", "1") or attributes.get("height", "").strip() in ("0", "1"):
            return ""
        kept = _picture(attributes, base)
        return _tag(found[1], kept) if kept else ""

    def frame(found: re.Match[str]) -> str:
        attributes = {name: decode(value) for name, value in _ATTRIBUTE.findall(found[1])}
        if attributes.get("width", "").strip() in ("0", "1") or attributes.get("height", "").strip() in ("0", "1"):
            return ""
        urls = (http_url(attributes.get(name, ""), base) for name in ("src", *_LAZY))
        url = next((x for x in urls if x), "")
        url = _YOUTUBE.sub(r"https://www.youtube.com/watch?v=\1", url)
        label = attributes.get("title", "").strip() or url
        return f'<a href="{escape(url)}" rel="noopener noreferrer">{escape(label, quote=False)}</a>' if url else ""

    if "<iframe" in html:
        html = _IFRAME.sub(frame, html)
    if "<img" in html or "<source" in html:
        html = re.sub(r'<(img|source)((?: [^\s=">]+="[^"]*")*)>', image, html)
    return html


def _too_deep(html: str) -> bool:
    stack = 0
    for found in MARKUP.finditer(html):
        if found["name"]:
            stack += -1 if found["close"] else 1
            if stack > 1000:
                return True
    return False


def clean(html: str, base: str = "") -> str:
    """Safe HTML with absolute URLs; "" when nothing is left worth showing (no text, no picture, no media)."""
    html = legal(html)
    base = http_url(base)
    if html.count("<") > 1000 and _too_deep(html):
        return escape(plain(html), quote=False)
    for _ in range(4):
        last, html = html, _media(_sanitise(html, base), base)
        if html == last:
            break
    if not plain(html, 1) and not re.search(r"<(?:img|video|audio|source) [^>]*src", html):
        return ""
    return html.strip()


def _pixels(value: str | None) -> int | None:
    return int(value) if value and value.isdecimal() and len(value) < 6 else None


def first_image(html: str) -> Image | None:
    """The first picture of cleaned HTML that is big enough to stand for the item (not an emoji, icon or pixel by its width/height)."""
    for found in re.finditer(r'<img((?: [^\s=">]+="[^"]*")*)>', html):
        attributes = {name: decode(value) for name, value in _ATTRIBUTE.findall(found[1])}
        url = attributes.get("src", "")
        width, height = _pixels(attributes.get("width")), _pixels(attributes.get("height"))
        if usable_image(url) and (width is None or width > 48) and (height is None or height > 48):
            return Image(url, width, height)
    return None


_NO_PICTURE = re.compile(
    r"^(?!https?://)|/(?:undefined|null|nan|none)?(?:[?#].*)?$"
    r"|^https?://(?:[\w-]+\.)*(?:picsum\.photos|source\.unsplash\.com|via\.placeholder\.com|placehold\.(?:it|co)|placekitten\.com)/",
    re.IGNORECASE,
)


def usable_image(url: str) -> bool:
    """Whether a URL can be a picture of this item."""
    return not _NO_PICTURE.search(url) and not _PLACEHOLDER.search(url)
