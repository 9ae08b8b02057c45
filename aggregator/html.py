"""HTML from outside becomes HTML that may be published. Cleaned once, on the way in; the one door to nh3.

nh3 parses like a browser, keeps what is on a list and writes regular HTML: lower-case names, every value in double
quotes. So what nh3 cannot do (lazy images, frames, srcset) is done after it, with plain patterns, and nh3 reads the
result again: what `clean` returns is what nh3 makes of it once more, so no reader sees another tree than nh3 saw.
"""

import re
from collections import Counter
from html import escape

import nh3

from aggregator.model import Image
from aggregator.text import decode, http_url, legal, plain, tokens

_TAGS = set(
    "a abbr address article aside audio b bdi bdo big blockquote br caption center cite code col colgroup data dd del"
    " details dfn div dl dt em embed figcaption figure footer h1 h2 h3 h4 h5 h6 header hgroup hr i iframe img ins kbd li"
    " main mark nav ol p picture pre q rp rt ruby s samp section small source strike strong sub summary sup table tbody td"
    " tfoot th thead time tr track tt u ul var video wbr span".split()
)
_GONE_WITH_CONTENT = set("datalist head noembed noframes script select style template title".split())
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
    "img": {"alt", "data-noscript", "sizes", "src", "srcset", "style", *_BOX, *_LAZY, *_LAZY_SETS},
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


def _sanitise(html: str, base: str) -> str:
    """Through nh3: the tags, attributes and schemes of the lists above, relative URLs joined to `base` or dropped."""
    try:
        return legal(
            nh3.clean(
                html,
                tags=_TAGS,
                clean_content_tags=_GONE_WITH_CONTENT,
                attributes=_ATTRIBUTES,
                set_tag_attribute_values={"audio": {"controls": ""}, "video": {"controls": ""}},
                url_schemes={"http", "https", "mailto"},
                url_relative=("rewrite_with_base", base) if base else "deny",
            )
        )
    except ValueError:  # a base that nh3's stricter URL parser refuses, such as http://256.1.1.1/
        if not base:
            raise
        return _sanitise(html, "")


# --- Before nh3 -----------------------------------------------------------------------------------------------------

_NOSCRIPT = re.compile(r"<(?i:noscript)(?:\s[^>]*)?>(.*?)(?:</(?i:noscript)\s*>|\Z)", re.DOTALL)
_MATH = re.compile(r"<(?i:math)[\s>].*?(?:</(?i:math)\s*>|\Z)", re.DOTALL)


def _prepare(html: str) -> str:
    """Save what nh3 would drop: a CDATA section's text, the picture in a <noscript>, the letters of MathML."""
    html = legal(html)
    if "<![CDATA[" in html:
        html = html.replace("<![CDATA[", "").replace("]]>", "")
    html = _NOSCRIPT.sub(lambda found: re.sub(r"<(?i:img)(?=[\s/])", "<img data-noscript=1 ", found[1]), html)
    if "katex-html" not in html:  # KaTeX says everything twice, the second time as text
        html = _MATH.sub(lambda found: escape(plain(found[0])), html)
    return html


_MANY = 1_000
_DROPPED = re.compile(
    r"<(math|script|select|style|svg|template|title)(?=[\s/>]).*?(?P<end></\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
_FLAT = frozenset(  # void, or closed by the next of its kind, so never nested in itself
    "area base br col dd dt embed hr img input li link meta option optgroup p param rp rt rb rtc source track wbr".split()
)
_TABLE = frozenset("caption colgroup tbody td tfoot th thead tr".split())
_SCOPES = frozenset("applet button caption marquee object td th".split())
_ATTRIBUTE_NAMES = re.compile(r"[^\s/>=\"']+")


def _too_deep(html: str) -> bool:
    """Whether nh3 might need very long, which is quadratic in depth and in the attributes of a tag.

    An upper estimate of the HTML parser's stack (HTML standard §13.2.4.2): elements more than 1,000 deep, a tag with
    thousands of attributes, or formatting elements that are opened anew in block after block.
    """
    stack: list[str] = []
    formatting: list[str] = []
    opened: Counter[str] = Counter()
    work = 0
    for _, tag in tokens(html):
        if not tag or not tag["name"]:
            continue
        name, whole = tag["name"].lower(), tag[0]
        if len(whole) > 20_000 and len(_ATTRIBUTE_NAMES.findall(whole)) > 2_000:
            return True
        work += len(formatting)
        if name in _FORMATTING:
            if not tag["close"]:
                if formatting.count(whole) < 3:
                    formatting.append(whole)
            else:
                start = f"<{name}"
                at = next((i for i in reversed(range(len(formatting))) if formatting[i].lower().startswith(start)), None)
                if at is not None:
                    del formatting[at]
        elif name in _FLAT:
            continue
        elif not tag["close"] and name in _TABLE:
            if opened["table"]:
                while stack[-1] != "table":
                    opened[stack.pop()] -= 1
                    work += 1
                stack.append(name)
                opened[name] += 1
        elif not tag["close"]:
            stack.append(name)
            opened[name] += 1
        elif opened[name]:
            at = len(stack) - 1
            while stack[at] != name and (name in _TABLE or name == "table" or stack[at] not in _SCOPES):
                at -= 1
            work += len(stack) - at
            if stack[at] == name:
                opened.subtract(stack[at:])
                del stack[at:]
        if len(stack) + len(formatting) > _MANY or work > 2_000_000:
            return True
    return False


def _flatten(html: str) -> str:
    """The text of `html` as HTML, without any tag."""
    return escape(plain(html), quote=False)


# --- After nh3 ------------------------------------------------------------------------------------------------------

_ATTRIBUTE = re.compile(r' ([^\s=">]+)="([^"]*)"')
_MEDIA = re.compile(r'<(audio|embed|iframe|img|source|track|video)((?: [^\s=">]+="[^"]*")*)>((?<=e>)(?:[^<]*</iframe>)?)')
_PLACEHOLDER = re.compile(
    r"(?:^|/)(?:[\w.-]*-)?(?:(?:blank|clear|dot|empty|gr[ae]y|lazy|lazy-?load(?:er|ing)?|load(?:er|ing|img)|none|pixel"
    r"|spacer|trans|transparent|1x1|1px)\.(?:gif|png|svg)|(?:loading|placeholder)[\w.-]*\.(?:gif|jpe?g|png|svg|webp))"
    r"(?:[?#].*)?$",
    re.IGNORECASE,
)
