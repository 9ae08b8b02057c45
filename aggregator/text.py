"""Plain text, URLs and names: what outside strings must go through before they are stored. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from html import unescape
from html.entities import html5
from ipaddress import IPv6Address
from urllib.parse import quote, unquote, urljoin

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal(text: str) -> str:
    """Without what XML 1.0 §2.2 forbids (NUL, controls, U+FFFE, U+FFFF, lone surrogates); CRLF and CR become LF."""
    if text.isprintable():
        return text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _ILLEGAL.sub("", text)


def _cut(line: str, length: int) -> str:
    """The first `length` characters, or a few less so that no mark and no joiner (U+200D) is torn from its letter."""
    while length > 0 and length < len(line):
        if unicodedata.category(line[length])[0] != "M" and "\u200d" not in line[length - 1 : length + 1]:
            break
        length -= 1
    return line[:length]


def single_spaced(text: str) -> str:
    """Each run of whitespace (all of Unicode's) as one space, none at the ends."""
    if text.isprintable() and "  " not in text:  # the space is the one whitespace that counts as printable
        return text.strip(" ")
    return " ".join(text.split())


def one_line(text: object, limit: int = 500) -> str:
    """Plain text on one line: `legal`, each run of whitespace (all of Unicode's) one space, none at the ends.

    At most `limit` characters: longer text is cut and ends with "…". None gives ""; other values are str()ed.
    """
    if text is None or text == "":
        return ""
    line = single_spaced(legal(str(text)))
    return line if len(line) <= limit else _cut(line, limit - 1).rstrip() + "…"


# --- HTML to text ---------------------------------------------------------------------------------------------------

# The tokens of HTML that are not text, as the HTML standard (§13.2.5) cuts them. Each alternative either ends or takes
# all the rest, and nothing backtracks (possessive quantifiers), so a scan is linear whatever it is given.
_MARKUP = re.compile(
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
_BLOCK_NAMES = """address article aside audio blockquote body br button caption center dd details dialog dir div dl dt
 fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html img legend li main menu nav ol optgroup
 option p picture pre section select summary table tbody td tfoot th thead tr ul video"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())


_LONG_NUMBER = re.compile(r"&#([0-9]{8,}+);?")


def decode(text: str) -> str:
    """Decode HTML's character references, of any length (int() alone refuses 4,300 digits)."""
    if "&" not in text:
        return text
    return unescape(_LONG_NUMBER.sub(lambda found: f"&#{found[1].lstrip('0')[:8] or '0'};", text))


def tokens(html: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """An HTML fragment in pieces: text as it stands, and the tag or comment behind it (None at the end).

    A tag is a match with the groups `name` and `close` ("/" for an end tag), a comment has no name. The content of
    script, style and other elements without markup is left out. Linear time on any input.
    """
    at = 0
    while found := _MARKUP.search(html, at):
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
            yield legal(decode(text))
        name = tag["name"] if tag else None
        if name and (name in _BLOCKS or name.lower() in _BLOCKS):
            yield " "


def _beginning(html: str, enough: int | None) -> str:
    """The text of `html` on one line; reading stops where there are more than `enough` characters of it."""
    if "<" not in html:
        return " ".join(legal(decode(html)).split())
    if (text := _at_once(html, enough)) is not None:
        return text
    pieces, seen = [], 0
    for piece in _pieces(html):
        pieces.append(piece)
        if enough is not None:
            seen += sum(map(len, piece.split()))
            if seen > enough:
                break
    return " ".join("".join(pieces).split())


def _at_once(html: str, enough: int | None) -> str | None:
    """The same for all of `html`, or its first tags, several times as fast; None where that is not `enough`, or an
    element's content is to be left out."""
    most = 0 if enough is None else 3 + enough // 20  # tags
    parts = _MARKUP.split(html, most)  # text, "/" or not, name, text ...
    names = [name.lower() if name else "" for name in parts[2::3]]
    if not _NO_TEXT.keys().isdisjoint(names):
        return None
    is_whole = not most or len(names) < most
    if not is_whole:
        parts[-1] = ""  # it may have markup
    if "&" in html:
        parts[::3] = [decode(text) if "&" in text else text for text in parts[::3]]
    parts[1::3] = [""] * len(names)
    parts[2::3] = [" " if name in _BLOCKS else "" for name in names]
    text = " ".join(legal("".join(parts).replace("\n", " ")).split())  # without lines, it is mostly legal at a glance
    return text if enough is None or is_whole or len(text) > enough else None


def plain(html: str, limit: int | None = None) -> str:
    """The text of an HTML fragment on one line, at most `limit` characters ("…" marks the cut).

    Tags and comments go, script, style and the like with their content; character references are decoded; blocks are
    set apart by a space. Linear time on any input, and no more of it is read than `limit` needs.
    """
    if not html:
        return ""
    text = _beginning(html, limit)
    return text if limit is None else one_line(text, limit)


_SENTENCE = re.compile(r"[.!?]+[\"'”’»)\]]*(?= )|[。！？]+[”’」』）]*")
_NO_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)


def summarise(html: str, limit: int = 300) -> str:
    """The beginning of an HTML fragment as plain text, at most `limit` characters; "…" marks a cut.

    It is cut behind a sentence that ends in the second half, else between words; scripts that are written without
    spaces (Chinese, Japanese, Thai ...) at any character.
    """
    text = _beginning(html, limit)
    if len(text) <= limit:
        return text
    head = _cut(text, limit - 1)
    ends = [found.end() for found in _SENTENCE.finditer(head, 0, limit - 2) if found.end() > limit // 2]
    if ends:
        return head[: ends[-1]] + ("…" if _NO_SPACES.match(head, ends[-1] - 1) else " …")
    word = head.rfind(" ")
    if word > limit // 2 and text[len(head)] != " " and not _NO_SPACES.match(head, len(head) - 1):
        head = head[:word]
    return head.rstrip(" ,;:—–-") + "…"


# --- Titles ---------------------------------------------------------------------------------------------------------

_TITLE_TAG = re.compile(
    r"""<(?P<close>/?)
        (?P<name>abbr|acronym|a|bdi|bdo|big|br|b|center|cite|code|del|dfn|div|em|font|h[1-6]|img|ins|i|kbd|mark|nobr|p|q
          |samp|small|span|strike|strong|sub|sup|s|time|tt|u|var|wbr)
        (?P<attributes>(?:\s+[\w:-]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>=]+))*)\s*/?>""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")


def _reference(found: re.Match[str]) -> str:
    """The character of a complete, known reference; `&notit;` stays as it is."""
    return unescape(found[0]) if found[0][1] == "#" or found[0][1:] in html5 else found[0]


def _untag(title: str) -> str:
    """Take out the tags that are surely markup: known names in pairs, <br>, <wbr>, those with a quoted attribute."""
    opened: dict[str, list[re.Match[str]]] = {}
    markup: set[re.Match[str]] = set()
    for tag in _TITLE_TAG.finditer(title):
        name = tag["name"].lower()
        if name in ("br", "wbr") or '"' in tag["attributes"] or "'" in tag["attributes"]:
            markup.add(tag)
        if not tag["close"]:
            opened.setdefault(name, []).append(tag)
        elif opened.get(name):
            markup |= {opened[name].pop(), tag}
    starts = {tag.start(): " " if tag["name"].lower() in _BLOCKS else "" for tag in markup}
    return _TITLE_TAG.sub(lambda tag: starts.get(tag.start(), tag[0]), title)


def plain_title(raw: str) -> str:
    """A title as plain text, whatever upstream put in: text, HTML, or HTML escaped once more. At most 500 characters.

    Tags go where they are markup beyond doubt: formatting tags in pairs (`<b>x</b>`), `<br>`, a known tag with a quoted
    attribute. All else that looks like a tag is text: `a < b`, `Vec<T>`, `the <video> element`. Complete character
    references are decoded, twice at most (`AT&amp;T`, `&lt;b&gt;x&lt;/b&gt;`, `&amp;#8217;`).
    """
    title = raw[:5000]
    if "<" not in title and "&" not in title:
        return one_line(title)
    for _ in range(2):
        title = _REFERENCE.sub(_reference, _untag(title))
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
    before, text = "", name[:1000]
    while (
        text != before
    ):  # casefold undoes NFKC now and then, and where a character vanishes its neighbours may compose
        before, text = text, unicodedata.normalize("NFKC", text).casefold().translate(_SPELLED)
        text = "".join(_kept(char) for char in unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)))
    text = re.sub("-{2,}", "-", text).encode()[:80].decode(errors="ignore").strip("-")
    while text and unicodedata.category(text[0])[0] == "M":  # a mark without its letter
        text = text[1:].lstrip("-")
    return "" if _DEVICES.fullmatch(text) else text


# --- URLs, languages, media types -----------------------------------------------------------------------------------

# A colon behind which no port stands (RFC 3986 §3.2) is in a user's name and password, though one that is not encoded.
_USER = re.compile(r"""//(?:[^/?#\s]*@|[^/?#\s@:\[]*+:(?![0-9]*+(?:[/?#\s"'),.:;\]]|$))[^\n]*@)""")


def masked(line: str) -> str:
    """A URL, or a text with URLs in it, without their users and passwords: `https://***@example.org/`. Idempotent.

    Where a password has characters in it that it must not have, such as "/", all up to the last @ of the line goes.
    """
    return _USER.sub("//***@", line)


LONGEST_URL = 2000
"""Characters of an address, or of a path, by which a document is known: an index of PostgreSQL holds 2,700."""

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_PARTS = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"(?=.{1,254}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_AS_IT_IS = re.compile(  # an absolute URL that `http_url` has nothing to do on
    r"https?://(?=[^/?#]{1,254}(?:[/?#]|\Z))[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*+(?::[1-5]?[0-9]{1,4})?"
    r"(?:/(?:[\w.~!$&'()*+,;=:@/-]|%[0-9a-fA-F]{2})*+)?"
    r"(?:\?(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9a-fA-F]{2})*+)?(?:#(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9a-fA-F]{2})*+)?",
    re.ASCII,
)
_BLANK = " \t\n\u200b\u200e\u200f\u2060\ufeff"
_PCHAR = "/:@!$&'()*+,;=-._~%"


_LONE_PERCENT = re.compile(r"%(?![0-9a-fA-F]{2})")
_AUTHORITY = re.compile(r"(.*?)(?::([0-9]{0,5}))?", re.DOTALL)


def _encode(part: str, safe: str) -> str:
    """Percent-encode what RFC 3986 §3.3 to §3.5 forbids in a part, and a % that encodes nothing."""
    return quote(_LONE_PERCENT.sub("%25", part), safe=safe)


def _label(label: str) -> str:
    """A label of a host name in ASCII (RFC 3492). UTS 46 would refuse more; a host that does not exist harms nobody."""
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def _host(authority: str) -> str:
    """`host` or `host:port` of an authority, in ASCII, without user info (RFC 3986 §3.2), or "" when it has none."""
    found = _AUTHORITY.fullmatch(authority.rpartition("@")[2])
    if not found or int(found[2] or 0) > 65535:
        return ""
    host, port = found[1], f":{found[2]}" if found[2] else ""
    if host.startswith("[") and host.endswith("]") and "%" not in host:
        try:
            return f"[{IPv6Address(host[1:-1]).compressed}]{port}"
        except ValueError:
            return ""
    host = "".join(char.lower() for char in unicodedata.normalize("NFKC", unquote(host)))  # no rule for a final sigma
    host = unicodedata.normalize("NFKC", host).replace("。", ".")
    host = "" if "\ufffd" in host else ".".join(_label(label) for label in host.split("."))
    return host + port if _HOST.fullmatch(host) else ""


def http_url(url: str, base: str = "") -> str:
    """An absolute http(s) URL as an RFC 3986 URI in ASCII, or "" when it is none. Never raises, and is idempotent.

    Relative and protocol-relative ones are joined to `base`. Scheme and host become lower case (the host in punycode),
    user info goes; path, query and fragment keep what they have, and what RFC 3986 forbids in them is percent-encoded.
    As browsers do (WHATWG URL §4.4), tabs, newlines and blanks at the ends go, and a backslash in the path is a slash.
    """
    if not url or _AS_IT_IS.fullmatch(url):
        return url
    url = re.sub(r"[\t\n]", "", legal(url).strip(_BLANK).strip())
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
    query, fragment = (part and part[0] + _encode(part[1:], _PCHAR + "?") for part in parts.group(4, 5))
    return f"{parts[1]}://{host}{path}{query or ''}{fragment or ''}"


_LANGUAGE = re.compile(
    r"([a-z]{2,3})((?:-[a-z]{3}){0,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
    r"((?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?)"
)
# ISO 639-1, and the three codes that were withdrawn but are used (in, iw, ji).
_TWO_LETTERS = """
 aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el
 en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik in io is it
 iu iw ja ji jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms
 mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk
 sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo
 za zh zu"""
_LANGUAGES = frozenset(_TWO_LETTERS.split())


@lru_cache(maxsize=1000)
def language(tag: str) -> str:
    """A BCP 47 language tag in canonical case (`zh_CN` -> `zh-CN`, `EN-us` -> `en-US`), or "" when it is none.

    Well-formed by RFC 5646 §2.1; a language of two letters must exist (`cn` and `jp` are countries).
    """
    if not tag:
        return ""
    found = _LANGUAGE.fullmatch(tag.strip().replace("_", "-").lower())
    if not found or (len(found[1]) == 2 and found[1] not in _LANGUAGES):
        return ""
    cased = (
        part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in found[2].split("-")
    )
    return found[1] + "-".join(cased) + found[3]


_MIME = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")


def mime_type(value: str) -> str:
    """A bare, lower-case MIME type `type/subtype` (RFC 6838 §4.2), parameters dropped, or "" when it is none."""
    bare = value.partition(";")[0].strip().lower()
    return bare if _MIME.fullmatch(bare) else ""
