"""Plain text, URLs and names: what outside strings must go through before they are stored. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from ipaddress import IPv6Address
from urllib.parse import quote, unquote, urljoin

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal(text: str) -> str:
    """Drop what XML 1.0 §2.2 forbids (NUL, controls, U+FFFE, U+FFFF) and lone surrogates; CRLF and CR become LF (§2.11)."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _ILLEGAL.sub("", text)


def one_line(text: object, limit: int = 500) -> str:
    """Plain text on one line: `legal`, each run of whitespace (all of Unicode's) one space, none at the ends.

    At most `limit` characters: longer text is cut and ends with "…". None gives ""; other values are str()ed.
    """
    if text is None:
        return ""
    line = " ".join(legal(str(text)).split())
    if len(line) <= limit:
        return line
    return line[: max(limit - 1, 0)].rstrip() + "…"


# --- HTML to text ---------------------------------------------------------------------------------------------------

# The tokens of HTML that are not text, as the HTML standard (§13.2.5) cuts them. Each alternative either ends or takes
# all the rest, and nothing backtracks (possessive quantifiers), so a scan is linear whatever it is given.
MARKUP = re.compile(
    r"""<!--(?:-?>|.*?(?:--!?>|\Z))
      | <(?:[!?]|/(?![a-zA-Z]))[^>]*+(?:>|\Z)
      | <(?P<close>/?)(?P<name>[a-zA-Z][^\s/>]*+)
        (?:[\s/]++|[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>]*+))?+)*+
        (?:>|\Z)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_NO_TEXT = {
    name: re.compile(rf"</{name}(?![^\s/>])", re.IGNORECASE | re.ASCII)
    for name in ("iframe", "noembed", "noframes", "script", "style", "template", "textarea", "title")
}
_BLOCKS = frozenset(
    "address article aside audio blockquote body br button caption center dd details dialog dir div dl dt fieldset figcaption"
    " figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html img legend li main menu nav ol optgroup option p picture"
    " pre section select summary table tbody td tfoot th thead tr ul video".split()
)


def decode(text: str) -> str:
    """Decode HTML's character references; a number of absurd length becomes U+FFFD (int() refuses 4,300 digits)."""
    if "&" not in text:
        return text
    return unescape(re.sub(r"&#0*+[0-9]{8,}+;?", "\ufffd", text))


def tokens(html: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """An HTML fragment in pieces: text as it stands, and the tag or comment behind it (a match of `MARKUP`, None at the end).

    The content of script, style and other elements that hold no markup is left out.
    """
    at = 0
    while found := MARKUP.search(html, at):
        yield html[at : found.start()], found
        at = found.end()
        name = (found["name"] or "").lower()
        if name in _NO_TEXT and not found["close"]:
            end = _NO_TEXT[name].search(html, at)
            at = end.start() if end else len(html)
    yield html[at:], None


def _pieces(html: str) -> Iterator[str]:
    """The text of an HTML fragment, piece by piece; a block's border is a space."""
    for text, tag in tokens(html):
        if text:
            yield decode(text)
        if tag and tag["name"] and tag["name"].lower() in _BLOCKS:
            yield " "


def _beginning(html: str, enough: int | None) -> str:
    """The text of `html` on one line; reading stops where there are more than `enough` characters of it."""
    pieces, seen = [], 0
    for piece in _pieces(html):
        pieces.append(piece)
        seen += len("".join(piece.split()))
        if enough is not None and seen > enough:
            break
    return " ".join(legal("".join(pieces)).split())


def plain(html: str, limit: int | None = None) -> str:
    """The text of an HTML fragment on one line, at most `limit` characters ("…" marks the cut).

    Tags and comments go, script, style and the like with their content; character references are decoded; blocks are
    set apart by a space. Linear time on any input, and no more of it is read than `limit` needs.
    """
    text = _beginning(html, limit)
    return text if limit is None else one_line(text, limit)


_SENTENCE = re.compile(r"[.!?]+[\"'”’»)\]]*(?= )|[。！？]+[”’」』）]*")


def summarise(html: str, limit: int = 300) -> str:
    """The beginning of an HTML fragment as plain text, at most `limit` characters.

    It is cut behind a sentence where one ends in the second half, else between words, and "…" marks the cut.
    Scripts without spaces (Chinese, Japanese, Thai) are cut at any character.
    """
    text = _beginning(html, limit)
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    ends = [found.end() for found in _SENTENCE.finditer(head) if found.end() > limit // 2]
    if ends:
        return head[: ends[-1]] + "…" if head[ends[-1] - 1] > "\u2fff" else head[: ends[-1] - 0].rstrip() + "…"
    word = head.rfind(" ") if text[limit - 1] != " " else limit - 1
    return (head[:word] if word > limit // 2 else head).rstrip(" ,;:—–-") + "…"


# --- Titles ---------------------------------------------------------------------------------------------------------

_TITLE_TAG = re.compile(
    r"""<(?P<close>/?)
        (?P<name>abbr|acronym|a|bdi|bdo|big|br|b|center|cite|code|del|dfn|div|em|font|h[1-6]|img|ins|i|kbd|mark|nobr|p|q
          |samp|small|span|strike|strong|sub|sup|s|time|tt|u|var|wbr)
        (?P<attributes>(?:\s+[\w:-]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>=]+))*)\s*/?>""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")


def _untag(title: str) -> str:
    """Take out the tags that are surely markup: pairs, <br>, <wbr>, and any with a quoted attribute."""
    open_at: dict[str, list[re.Match[str]]] = {}
    markup: list[re.Match[str]] = []
    for tag in _TITLE_TAG.finditer(title):
        name = tag["name"].lower()
        if name in ("br", "wbr") or '"' in tag["attributes"] or "'" in tag["attributes"]:
            markup.append(tag)
        if tag["close"] and open_at.get(name):
            markup += [open_at[name].pop(), tag]
        elif not tag["close"]:
            open_at.setdefault(name, []).append(tag)
    for tag in sorted(set(markup), key=lambda tag: tag.start(), reverse=True):
        gap = " " if tag["name"].lower() in _BLOCKS else ""
        title = title[: tag.start()] + gap + title[tag.end() :]
    return title


def plain_title(raw: str) -> str:
    """A title as plain text, whatever upstream put in: plain text, HTML, or HTML escaped once more. At most 500 characters."""
    title = raw[:5000]
    for _ in range(2):
        title = _untag(title)
        title = _REFERENCE.sub(lambda found: unescape(found[0]), title)
    return one_line(_untag(title))


# --- Names ----------------------------------------------------------------------------------------------------------

_SPELLED = str.maketrans({"+": "-plus-", "#": "-sharp-", "&": "-and-", "@": "-at-"})
# Characters that show nothing and are letters or marks to Unicode (Default_Ignorable_Code_Point).
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]")
_DEVICES = re.compile(r"con|prn|aux|nul|(?:com|lpt)[0-9]")


def _kept(char: str) -> str:
    """A character of a slug: letters, digits and marks stay, invisible ones vanish, the rest is a border."""
    category = unicodedata.category(char)
    if category[0] in "LN" or category in ("Mn", "Mc"):
        return char
    return "" if category == "Cf" else "-"


def slug(name: str) -> str:
    """A readable, safe folder or file name for a name in any script; "" when nothing of it is left. Not unique.

    NFKC and casefold; letters, digits and combining marks of every script stay; `+` is `plus`, `#` `sharp`, `&` `and`,
    `@` `at`; each run of the rest is one `-`, none at the ends. At most 80 bytes of UTF-8. Names of Windows' devices
    (con, nul, com1 ...) give "".
    """
    text = name
    for _ in range(4):  # casefold undoes NFKC now and then, and a mark that vanishes lets its neighbours compose
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", unicodedata.normalize("NFKC", text).casefold()))
        text = "".join(_kept(char) for char in text.translate(_SPELLED))
    text = re.sub("-{2,}", "-", text).strip("-")
    text = text.encode()[:80].decode(errors="ignore").strip("-")
    return "" if _DEVICES.fullmatch(text) else text


# --- URLs, languages, media types -----------------------------------------------------------------------------------

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_PARTS = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"(?=.{1,254}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_PCHAR = "/:@!$&'()*+,;=-._~%"


def _encode(part: str, safe: str) -> str:
    """Percent-encode what RFC 3986 §3.3 to §3.5 forbids in a part, and a % that encodes nothing."""
    return quote(re.sub(r"%(?![0-9a-fA-F]{2})", "%25", part), safe=safe)


def _host(authority: str) -> str:
    """`host` or `host:port` of an authority in ASCII, or "" (RFC 3986 §3.2; user info is left out)."""
    found = re.fullmatch(r"(.*?)(?::([0-9]{0,5}))?", authority.rpartition("@")[2], re.DOTALL)
    if not found or int(found[2] or 0) > 65535:
        return ""
    host, port = found[1], f":{found[2]}" if found[2] else ""
    if host.startswith("[") and host.endswith("]"):
        try:
            return f"[{IPv6Address(host[1:-1].partition('%')[0]).compressed}]{port}"
        except ValueError:
            return ""
    host = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", unquote(host)).lower()).replace("。", ".")
    try:
        host = ".".join(x if x.isascii() else f"xn--{x.encode('punycode').decode()}" for x in host.split("."))
    except UnicodeError:
        return ""
    return host + port if _HOST.fullmatch(host) else ""


def http_url(url: str, base: str = "") -> str:
    """An absolute http(s) URL as an RFC 3986 URI in ASCII, or "" when it is none. Never raises.

    Relative and protocol-relative ones are joined to `base`. What is encoded stays as it is. User info is dropped.
    """
    url = re.sub(r"[\t\n\r]", "", legal(url).strip())
    scheme = _SCHEME.match(url)
    if not url or (scheme and scheme[1].lower() not in ("http", "https")):
        return ""
    head, mark, tail = url.partition("?")
    url = head.replace("\\", "/") + mark + tail
    if scheme:
        url = f"{scheme[1].lower()}://{url[scheme.end() :].lstrip('/')}"
    else:
        base = http_url(base) if base else ""
        try:
            url = urljoin(base, url) if base else ""
        except ValueError:
            return ""
    parts = _PARTS.fullmatch(url)
    host = _host(parts[2]) if parts else ""
    if not parts or not host:
        return ""
    path = _encode(parts[3], _PCHAR)
    query, fragment = (("" if not x else x[0] + _encode(x[1:], _PCHAR + "?")) for x in (parts[4], parts[5]))
    return f"{parts[1].lower()}://{host}{path}{query}{fragment}"


_LANGUAGE = re.compile(
    r"[a-z]{2,3}(?:-[a-z]{3}){0,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
)


def language(tag: str) -> str:
    """A BCP 47 language tag in canonical case (`zh_CN` -> `zh-CN`, `EN-us` -> `en-US`), or "" when it is none."""
    tag = tag.strip().replace("_", "-").lower()
    if not _LANGUAGE.fullmatch(tag):
        return ""
    first, *rest = tag.split("-")
    cased = [first]
    for part in rest:
        after_single = len(cased[-1]) == 1 or any(len(x) == 1 for x in cased)
        cased.append(
            part if after_single else part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part
        )
    return "-".join(cased)


_MIME = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")


def mime_type(value: str) -> str:
    """A bare, lower-case MIME type `type/subtype` (RFC 6838 §4.2), parameters dropped, or "" when it is none."""
    bare = value.partition(";")[0].strip().lower()
    return bare if _MIME.fullmatch(bare) else ""
