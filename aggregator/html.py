"""HTML from outside becomes HTML that may be published. Cleaned once, on the way in; the one door to nh3.

nh3 parses like a browser, keeps what is on a list and writes regular HTML: lower-case names, every value in double
quotes. So what nh3 cannot do (lazy images, frames, srcset) is done after it, with plain patterns, and nh3 reads the
result again: what `clean` returns is what nh3 makes of it once more, so no reader sees another tree than nh3 saw.
"""

import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from html import escape
from typing import Any

import nh3

from aggregator.model import Image
from aggregator.nesting import FEW, too_deep
from aggregator.text import decode, http_url, legal, plain


def _names(text: str) -> set[str]:
    return set(text.split())


_TAGS = _names(
    "a abbr address article aside audio b bdi bdo big blockquote br caption center cite code col colgroup data dd del"
    " details dfn div dl dt em embed figcaption figure footer h1 h2 h3 h4 h5 h6 header hgroup hr i iframe img ins kbd"
    " li main mark nav ol p picture pre q rp rt ruby s samp section small source span strike strong sub summary sup"
    " table tbody td tfoot th thead time tr track tt u ul var video wbr"
)
_GONE_WITH_CONTENT = _names("datalist head noembed noframes script select style template title")
_LAZY = ("data-src", "data-original", "data-original-src", "data-lazy-src", "data-lazy", "data-actualsrc", "data-echo")
_LAZY_SETS = ("data-srcset", "data-lazy-srcset")
_BOX = {"height", "width"}
_FRAME = {"data-src", "src", "style", *_BOX}
_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"dir", "lang", "title"},
    "a": {"href", "hreflang"},
    "audio": {"data-src", "src"},
    "col": {"span"},
    "colgroup": {"span"},
    "data": {"value"},
    "del": {"datetime"},
    "details": {"open"},
    "embed": _FRAME,
    "iframe": _FRAME,
    "img": {"alt", "data-noscript", "referrerpolicy", "sizes", "src", "srcset", "style", *_BOX, *_LAZY, *_LAZY_SETS},
    "ins": {"datetime"},
    "li": {"value"},
    "ol": {"reversed", "start", "type"},
    "source": {"data-src", "media", "sizes", "src", "srcset", "type", *_BOX, *_LAZY_SETS},
    "td": {"colspan", "headers", "rowspan"},
    "th": {"abbr", "colspan", "headers", "rowspan", "scope"},
    "time": {"datetime"},
    "track": {"default", "kind", "label", "src", "srclang"},
    "video": {"data-src", "poster", "src", *_BOX},
}


_RULES: Mapping[str, Any] = {
    "tags": _TAGS,
    "clean_content_tags": _GONE_WITH_CONTENT,
    "attributes": _ATTRIBUTES,
    "set_tag_attribute_values": {"audio": {"controls": ""}, "video": {"controls": ""}},
    "url_schemes": {"http", "https", "mailto"},
}
_met = threading.local()


def _meet(_url: str) -> None:
    _met.relative = True


# Rules that are handed over once. To do so for each text, with its base, takes as long as to clean a short one.
_cleaner = nh3.Cleaner(**_RULES, url_relative=_meet)


def _sanitise(html: str, base: str) -> str:
    """Lawful HTML through nh3: the tags, attributes and schemes of the lists above, relative URLs joined to `base` or
    dropped."""
    _met.relative = False
    cleaned = _cleaner.clean(html)
    if base and _met.relative:
        with suppress(ValueError):  # a base that nh3's stricter URL parser refuses, such as http://256.1.1.1/
            cleaned = nh3.clean(html, **_RULES, url_relative=("rewrite_with_base", base))
    return legal(cleaned) if "&#" in html else cleaned  # no name stands for a character that is not lawful


# --- Before nh3 -----------------------------------------------------------------------------------------------------

_NOSCRIPT = re.compile(r"<(?i:noscript)(?:\s[^<>]*)?>(.*?)(?:</(?i:noscript)\s*>|\Z)", re.DOTALL)
_IMG = re.compile(r"<(?i:img)\s")
_MATH = re.compile(r"<(?i:math)[\s>].*?(?:</(?i:math)\s*>|\Z)", re.DOTALL)


def _prepare(html: str) -> str:
    """Save what nh3 would drop: the text of a CDATA section, what is for readers without scripts, MathML's letters."""
    html = legal(html)
    if "<![CDATA[" in html:
        html = html.replace("<![CDATA[", "").replace("]]>", "")
    html = _NOSCRIPT.sub(lambda found: _IMG.sub("<img data-noscript=1 ", found[1]), html)
    if "katex-html" not in html:  # KaTeX says everything twice, the second time as text
        html = _MATH.sub(lambda found: _flatten(found[0]), html)
    return html


_DROPPED = re.compile(
    r"<(math|script|select|style|svg|template|title)(?=[\s/>]).*?(?P<end></\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)


def _bounded(html: str) -> str:
    """A large fragment that nh3 can take: without what it would drop anyway, and without any tag if it is too deep."""
    if not all(found["end"] for found in _DROPPED.finditer(html)):
        return _flatten(html)
    html = _DROPPED.sub("", html)
    return _flatten(html) if too_deep(html) else html


def _flatten(html: str) -> str:
    """The text of `html` as HTML, without any tag."""
    return escape(plain(html), quote=False)


# --- After nh3 ------------------------------------------------------------------------------------------------------

_ATTRIBUTE = re.compile(r' ([^\s=">]+)="([^"]*)"')
_MEDIA = re.compile(r'<(audio|embed|img|source|track|video)((?: [^\s=">]+="[^"]*")*)>')
_IFRAME = re.compile(r'<(iframe)((?: [^\s=">]+="[^"]*")*)>.*?</iframe>', re.DOTALL)
_PRE = re.compile(r'(<pre(?: [^\s=">]+="[^"]*")*>)\n+')
_ODD_LINK = re.compile(
    r'(<a(?: (?!href=)[^\s=">]+="[^"]*")*) href="(?!(?:https?://(?!/)|mailto:)[!#-;=?-Z_a-z~]*")([^"]*)"'
)
_CANDIDATE = re.compile(r"[\s,]*+(?:(\S++)(?:(?<=,)|\s*+([^,]*+))|\Z)")  # it always matches, so no place is tried twice
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|(?:^|[;\s])(?:width|height)\s*:\s*[01](?:px)?\s*(?:;|$)"
)
_URLS = ("poster", "src", "srcset")
# https://www.w3.org/TR/referrer-policy/#referrer-policies: some hosts show a picture only where no referrer is sent
_REFERRER_POLICIES = _names(
    "no-referrer no-referrer-when-downgrade origin origin-when-cross-origin same-origin strict-origin"
    " strict-origin-when-cross-origin unsafe-url"
)
# Pictures that count readers, whatever size they claim: the services that feeds carry, as real feeds have them and as
# EasyPrivacy's general list names them (https://easylist.to/easylist/easyprivacy.txt).
_TRACKER = re.compile(
    r"^https?://(?:[\w.-]+/~(?:ff/|r/[^?#]*/~4/)|(?:pixel|stats)\.wp\.com/|stats\.wordpress\.com/"
    r"|feeds\.wordpress\.com/1\.0/|medium\.com/_/stat|www\.facebook\.com/tr(?:[/?]|$)|hm\.baidu\.com/hm\.gif"
    r"|pixel\.feed\.press/|media\.npr\.org/include/images/tracking/|mc\.yandex\.ru/watch/|counter\.theconversation\."
    r"|(?:[\w-]+\.)*(?:feedsportal\.com|doubleclick\.net|scorecardresearch\.com|quantserve\.com|adsrvr\.org"
    r"|(?:google-analytics\.com|googletagmanager\.com)/(?:[\w-]+/)*(?:collect|__utm\.gif))(?:[/?#]|$))",
    re.IGNORECASE,
)
_YOUTUBE = re.compile(r"^https?://(?:www\.)?youtube(?:-nocookie)?\.com/(?:embed|v)/([\w-]{11})(?![\w-]).*")
_PLACEHOLDER = re.compile(
    r"/(?:[\w.-]*-)?(?:(?:blank|clear|dot|empty|gr[ae]y|lazy|lazy-?load(?:er|ing)?|load(?:er|ing|img)|none|pixel|spacer"
    r"|trans|transparent|1x1|1px)\.(?:gif|png|svg)|(?:loading|placeholder)\.(?:gif|jpe?g|png|svg|webp))(?:[?#]|$)",
    re.IGNORECASE,
)


def _attributes(text: str) -> dict[str, str]:
    """The attributes of a tag that nh3 wrote, decoded."""
    return {name: decode(value) for name, value in _ATTRIBUTE.findall(text)}


def _tag(name: str, attributes: dict[str, str]) -> str:
    """A tag as nh3 would write it, without the attributes that only we asked for and the URLs that are empty."""
    kept = {
        key: escape(value, quote=False).replace('"', "&quot;").replace("\xa0", "&nbsp;")
        for key, value in attributes.items()
        if (value or key not in _URLS) and key != "style" and not key.startswith("data-")
    }
    return f"<{name}" + "".join(f' {key}="{value}"' for key, value in kept.items()) + ">"


def _hidden(attributes: dict[str, str]) -> bool:
    """Whether a picture or frame is not meant to be seen: a counting pixel, by its size, its style or its host."""
    sizes = {attributes.get(name, "").strip().removesuffix("px") for name in _BOX}
    if sizes & {"0", "1"} or _TRACKER.search(attributes.get("src", "")):
        return True
    return bool(_HIDDEN.search(attributes.get("style", "").lower()))


def _srcset(value: str, base: str) -> str:
    """The usable candidates of a srcset (HTML standard §4.8.4.2.1), absolute. A URL may have commas inside."""
    candidates = ((http_url(url.rstrip(","), base), size.strip()) for url, size in _CANDIDATE.findall(value) if url)
    return ", ".join(
        f"{url} {size}".strip() for url, size in candidates if url and re.fullmatch(r"(?:[0-9.]+[wx])?", size)
    )


def _picture(name: str, attributes: dict[str, str], base: str) -> str:
    """An <img> or <source> with what a browser with scripts would load; "" when there is nothing to load."""
    srcset = next((x for key in ("srcset", *_LAZY_SETS) if (x := _srcset(attributes.get(key, ""), base))), "")
    urls = (http_url(attributes.get(key, ""), base) for key in ("src", *_LAZY))
    page = base.partition("#")[0].rstrip("/")  # which `src=""` has become
    url = next(
        (x for x in urls if x.partition("#")[0].rstrip("/") not in ("", page) and not _PLACEHOLDER.search(x)), ""
    )
    if name == "img" and not url:
        url = srcset.rpartition(", ")[2].partition(" ")[0]
    if (not url and not srcset) or _TRACKER.search(url):
        return ""
    policy = attributes.get("referrerpolicy", "").strip().lower()
    kept = {key: value for key, value in attributes.items() if key != "referrerpolicy" or policy in _REFERRER_POLICIES}
    if "referrerpolicy" in kept:
        kept["referrerpolicy"] = policy
    return _tag(name, kept | {"src": url, "srcset": srcset})


def _frame(attributes: dict[str, str], base: str) -> str:
    """A link to what a frame shows. YouTube's embedded page does not work by itself, so it becomes the video's page."""
    url = http_url(attributes.get("src", ""), base) or http_url(attributes.get("data-src", ""), base)
    if not url or _hidden(attributes):
        return ""
    url = _YOUTUBE.sub(r"https://www.youtube.com/watch?v=\1", url)
    text = escape(" ".join(attributes.get("title", "").split()) or url, quote=False)
    return _tag("a", {"href": url, "rel": "noopener noreferrer"}) + text + "</a>"


def _mend(html: str, base: str) -> str:
    """Pictures, frames and odd URLs of HTML that nh3 wrote. What this has mended it leaves alone the next time."""
    last = ("", False)  # the picture before, and whether it stood in a <noscript>: there it often is the same once more

    def media(found: re.Match[str]) -> str:
        nonlocal last
        name, attributes = found[1], _attributes(found[2])
        if name in ("embed", "iframe"):
            return _frame(attributes, base)
        if name in ("img", "source"):
            new = "" if _hidden(attributes) else _picture(name, attributes, base)
            before, last = last, (_attributes(new).get("src", ""), "data-noscript" in attributes)
            return "" if before[0] == last[0] and (before[1] or last[1]) else new
        url = http_url(attributes.get("src", ""), base) or http_url(attributes.get("data-src", ""), base)
        poster = http_url(attributes.get("poster", ""), base)
        return _tag(name, attributes | {"src": url, "poster": poster}) if url or name != "track" else ""

    def link(found: re.Match[str]) -> str:
        if found[2].startswith("mailto:"):
            return found[0]
        url = http_url(decode(found[2]), base)
        return f'{found[1]} href="{escape(url, quote=False)}"' if url else found[1]

    html = _MEDIA.sub(media, _IFRAME.sub(media, html))
    return _PRE.sub(r"\1", _ODD_LINK.sub(link, html))


_AMPERSANDS = 50_000
_ROUNDS = 5
_SHOWN = re.compile(r"<(?:img|video|audio|source) (?:[^>]* )?src")
_INVISIBLE = "\xad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"


def _thin(html: str) -> str:
    """HTML without the ampersands beyond the 50,000th: nh3 takes quadratic time in them, and no article has as many."""
    parts = html.split("&", _AMPERSANDS + 1)
    return html if len(parts) <= _AMPERSANDS + 1 else "&".join(parts[:-1]) + " " + parts[-1].replace("&", " ")


def clean(html: str, base: str = "") -> str:
    """Safe HTML with absolute URLs, "" when nothing worth showing is left (text, picture, media). Never raises.

    - Only known tags and attributes stay. Script, style, svg, select and the like go with their content; of other
      unknown tags the text stays. `style`, `class`, `id` and `on*` go. Frames and embedded players become a link.
    - Only http and https (and mailto in links) survive. Relative URLs are joined to `base`; without one they go.
    - Lazy pictures: src comes from data-src, data-original, data-srcset, a <noscript> ... where it is missing, a data:
      URI or a known placeholder. A picture without a usable src goes, and so do counting pixels.
      `referrerpolicy` stays.
    - Characters that XML 1.0 forbids go. What nests more than 1,000 deep becomes plain text.

    `clean(clean(x)) == clean(x)`. Linear time in practice.
    """
    if "<" not in html and "&" not in html:  # text: what nh3 would escape in it
        html = legal(html).replace(">", "&gt;").replace("\xa0", "&nbsp;")
        return html.strip() if plain(html, 20).strip(_INVISIBLE) else ""
    html, base = _thin(_prepare(html)), http_url(base)
    if html.count("<") > FEW or len(html) > 100_000:
        html = _bounded(html)
    html = _mend(_sanitise(html, base), base)
    for _ in range(_ROUNDS):
        again = _sanitise(html, base)
        if again == html:
            break
        html = _mend(again, base)
    else:
        html = _flatten(html)
    if not _SHOWN.search(html) and not plain(html, 20).strip(_INVISIBLE):
        return ""
    return html.strip()


# --- Pictures -------------------------------------------------------------------------------------------------------

_SMALL = 48  # pixels
_NO_PICTURE = re.compile(
    r"^(?!https?://)|^https?://[^/]*/?$|/(?:undefined|null|nan|none)/?(?:[?#]|$)"
    r"|^https?://(?:[\w-]+\.)*(?:picsum\.photos|source\.unsplash\.com|unsplash\.it|loremflickr\.com|lorempixel\.com"
    r"|placeimg\.com|placekitten\.com|placehold\.(?:it|co)|placeholder\.com|dummyimage\.com|fakeimg\.pl)/"
    r"|/rand(?:om)?(?:\.php)?/?(?:\?|$)|/(?:emoji|emoticons?|smil(?:ey|ie)s?)/",
    re.IGNORECASE,
)


def _pixels(value: str) -> int | None:
    """`600` or `600px` as a number; None for anything else."""
    digits = value.strip().removesuffix("px")
    return int(digits) if digits.isdecimal() and 0 < len(digits) < 6 else None


def first_image(html: str) -> Image | None:
    """The first picture of cleaned HTML that can stand for the item, or None.

    It is usable (see `usable_image`), and neither its width nor its height says that it is an icon or emoji.
    """
    for found in _MEDIA.finditer(html):
        attributes = _attributes(found[2])
        url = attributes.get("src", "")
        width, height = (_pixels(attributes.get(name, "")) for name in ("width", "height"))
        small = any(size is not None and size <= _SMALL for size in (width, height))
        if found[1] == "img" and not small and usable_image(url):
            return Image(url, width, height)
    return None


def usable_image(url: str) -> bool:
    """Whether an absolute URL can be a picture of this item.

    Not: "", `.../undefined`, `/null`, `/NaN`, a bare host, data: URIs, services of random or placeholder pictures
    (picsum.photos, placehold.co ...), loading.gif, spacer.gif and their like, emoji, counting pixels.
    """
    return not any(pattern.search(url) for pattern in (_NO_PICTURE, _PLACEHOLDER, _TRACKER))


_PICTURES = re.compile(r'<picture(?: [^\s=">]+="[^"]*")*>.*?</picture>|<img(?: [^\s=">]+="[^"]*")*>', re.DOTALL)
_POSTER = re.compile(r'(<video(?: (?!poster=)[^\s=">]+="[^"]*")*) poster="[^"]*"')


def without_pictures(html: str) -> str:
    """Cleaned HTML without its pictures, and clean again."""
    bare = _POSTER.sub(r"\1", _PICTURES.sub("", html))
    return html if bare == html else clean(bare)
