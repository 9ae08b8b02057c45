"""A feed's bytes become text, and its text XML that parsers agree on. Pure.

Decoding follows the WHATWG's encodings (what browsers do), because publishers test with those: a document that says
gb2312 may use all of gb18030. A byte that fits nowhere costs one character, not the document.
"""

import codecs
import re
from contextlib import suppress
from dataclasses import dataclass
from html.entities import name2codepoint
from xml.parsers import expat

from aggregator import text
from aggregator.errors import ParseError

# --- Decoding -------------------------------------------------------------------------------------------------------

# Python's codec name -> the codecs to try for it (WHATWG Encoding §4.2: most labels mean a later superset).
_SUPERSETS = {
    "ascii": ("cp1252",),
    "iso8859-1": ("cp1252",),
    "iso8859-9": ("cp1254",),
    "iso8859-11": ("cp874",),
    "tis-620": ("cp874",),
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "big5": ("big5hkscs", "cp950"),  # the WHATWG's Big5 has the characters of both
    "shift_jis": ("cp932",),
    "euc_jp": ("euc_jp", "euc_jis_2004"),  # the second knows NEC's ① and ㈱
    "euc_kr": ("cp949",),
    "utf-8-sig": ("utf-8",),
}
_LABELS = {"windows-31j": "cp932", "gb_2312-80": "gb18030", "cn-gb": "gb18030", "x-x-big5": "big5", "cn-big5": "big5"}
# Codecs that turn ASCII into ASCII and are still no encoding of a document.
_REFUSED = {"hz", "idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = ((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_SURE = 12  # so many non-ASCII bytes are never valid UTF-8 by chance


def decode(body: bytes, content_type: str = "") -> str:
    """The text of a document; `content_type` is the HTTP header. Never raises: what cannot be decoded is U+FFFD.

    The order is: byte order mark, UTF-8 that proves itself, HTTP's charset, the XML declaration (XML 1.0 §4.3.3 and
    appendix F), UTF-8, windows-1252. A declared encoding that does not fit gives way to one that does.
    """
    return _once(_decode(body, content_type))


def _decode(body: bytes, content_type: str) -> str:
    for mark, codec in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace")
    for mark, codec in _WIDE:
        if body.startswith(mark):
            return body.decode(codec, "replace")
    named = _named(body, content_type)
    with suppress(UnicodeDecodeError):
        decoded = body.decode()
        if named in ([], ["cp1252"]) or _high_bytes(body) >= _SURE:
            return decoded
    for codec in named:
        try:
            return body.decode(codec)
        except UnicodeDecodeError:
            continue
    best = min((body.decode(codec, "replace") for codec in [*named, "utf-8"]), key=lambda x: x.count("\ufffd"))
    bad = best.count("\ufffd")
    if bad > sum(char > "\x7f" for char in best) - bad:  # more wrong than right: it is none of those
        return body.decode("cp1252", "replace")
    return best


_C1 = {ord(char): byte for byte in range(0x80, 0xA0) for char in bytes([byte]).decode("cp1252", "ignore")}

_HIGH = re.compile("[^\x00-\x7f]")
# What the first character of UTF-8 becomes in windows-1252: two to four characters.
_TWICE = re.compile(f"[\xc2-\xf4][\x80-\xbf{''.join(map(chr, _C1))}]")


def _once(decoded: str) -> str:
    """UTF-8 that a tool took for windows-1252 and encoded again, read right; where all of it is, that is no chance."""
    first = None if decoded.isascii() else _HIGH.search(decoded)
    if first and _TWICE.match(decoded, first.start()) and _high_bytes(decoded.encode()) >= _SURE:
        with suppress(UnicodeError):
            return decoded.translate(_C1).encode("latin-1").decode()
    return decoded


def _named(body: bytes, content_type: str) -> list[str]:
    """The codecs that HTTP and the XML declaration name, best first.

    windows-1252 comes last: it is a server's default much more often than a statement, and it fits nearly all bytes.
    """
    http = re.search(r"charset\s*=\s*[\"']?([^\s;\"',]+)", content_type, re.IGNORECASE)
    xml = re.search(rb"<\?xml[^>]{0,200}?\bencoding\s*=\s*[\"']([^\"'>]{1,40})[\"']", body[:2000])
    found = _codecs(http[1]) if http else ()
    found += _codecs(xml[1].decode("latin-1")) if xml else ()
    return sorted(dict.fromkeys(found), key=lambda codec: codec == "cp1252")


def _codecs(label: str) -> tuple[str, ...]:
    """Python's codecs for a label out of a document; none for one that is unknown or no superset of ASCII."""
    label = label.strip().lower()
    label = _LABELS.get(label, label)
    label = re.sub(r"^(?:x-)?(?:windows-|win-?|cp-)(?=\d)", "cp", label).removeprefix("x-")
    label = re.sub(r"^(iso-8859-\d+)-[ei]$", r"\1", label)
    try:
        name = codecs.lookup(label).name if re.fullmatch(r"[a-z0-9._:+-]{1,40}", label) else ""
        if not name or name.replace("_", "-") in _REFUSED or b"<?xml".decode(name) != "<?xml":
            return ()
    except (LookupError, ValueError):
        return ()
    return _SUPERSETS.get(name, (name,))


def _high_bytes(body: bytes) -> int:
    return len(body) - len(body.translate(None, bytes(range(128, 256))))


# --- XML ------------------------------------------------------------------------------------------------------------


def lost(body: bytes, document: str) -> str:
    """What decoding could not read, "" when all of it was read."""
    count = document.count("\ufffd")
    said = count and "\ufffd".encode() not in body
    return f"{count} characters are in no encoding that fits the document; they are shown as \ufffd" if said else ""


@dataclass(frozen=True, slots=True)
class Xml:
    """A document that begins with its root element. `lines` is how many line breaks were cut in front of it.

    `complaint` is what a strict parser says of what was mended here, with the line; "" when nothing was. Of a document
    that needed no mending it does not say whether it is well-formed.
    """

    text: str
    root: str
    lines: int
    complaint: str

    @property
    def body(self) -> bytes:
        """The document in UTF-8, with the declaration that says so as its first line."""
        return b'<?xml version="1.0" encoding="utf-8"?>\n' + self.text.encode()


_DECLARED = re.compile(r"""<\?xml\s+version=["']1\.0["'][^<>]*\?>""")
_TOO_LONG = re.compile(r"<[\w:.-]+\s[^<>]{2000}")


def is_sound(document: str) -> bool:
    """Whether `prepare` would leave a document as it is, but for its prolog, if it is well-formed besides."""
    return (
        "<!DOCTYPE" not in document
        and (not document.startswith("<?") or _DECLARED.match(document) is not None)
        and _XMLNS_SPACE.search(document, 0, 5000) is None
        and _TOO_LONG.search(document) is None
    )


_SKIP = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*(?:\[(?P<subset>.*?)\]\s*)?>", re.DOTALL | re.IGNORECASE)
_ROOT = re.compile(r"<([A-Za-z_][\w.-]*(?::[\w.-]+)?)")
_FEED = re.compile(r"<(?:rss|rdf:RDF|feed|channel)(?=[\s/>])", re.IGNORECASE)
_ITEM = re.compile(r"<(?:item|entry)(?=[\s>])", re.IGNORECASE)
_MORE = re.compile(r"\]\]>|<(?:\w+:)?(?:item|entry)\b", re.IGNORECASE)
_ROOTS = {"rss", "rdf", "feed", "channel", "html"}


def prepare(document: str) -> Xml:
    """XML without what breaks or slows parsers: the prolog, illegal characters, HTML's entities, lone ampersands.

    feedparser searches a prolog with regular expressions of quadratic time, and entities of a document's own can grow
    without bounds. So no DOCTYPE gets through; its harmless entities are put in place here. `root` is "" when no
    element was found. Raises ParseError (`entities`) when they would make the document much larger.
    """
    original = document
    document = text.legal(document).lstrip("\ufeff")
    start, subset = _prolog(document, 0)
    root = _ROOT.match(document, start)
    if not root or local_name(root[1]) not in _ROOTS:  # such as what PHP prints in front of a feed
        found = _FEED.search(document) or _ITEM.search(document)
        if found:
            start, root = found.start(), _ROOT.match(document, found.start())
    kept = _LONG_NAME.sub(r"\1", _LONG_TAG.sub(_crowded_tag, document[start:]))
    xml = _references(_declarations(kept), _entities(subset))
    if root:
        end = xml.rfind(f"</{root[1]}>") + len(root[1]) + 3
        if end > len(root[1]) + 2 and not _MORE.search(xml, end):  # such as the scripts that proxies add to pages
            xml = xml[:end]
    if original.endswith(xml) and "<!ENTITY" not in original:  # nothing was mended, so the prolog alone is in question
        original = original[: len(original) - len(xml)] + "<x/>"
    name = local_name(root[1]) if root else ""
    return Xml(xml, name, document.count("\n", 0, start), _complaint(original))


def _complaint(document: str) -> str:
    """What a strict parser says of a document, with the line; "" when it is well-formed.

    A document with entities of its own is not asked about: what they would grow to is not to be found out here.
    """
    if "<!ENTITY" in document:
        return ""
    parser = expat.ParserCreate("utf-8")
    try:
        parser.Parse(document.encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as error:
        return f"line {error.lineno}: {expat.ErrorString(error.code)}"
    return ""


# CDATA (to leave alone), or a tag that is far too long.
_LONG_TAG = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<(?P<name>[\w:.-]+)\s[^<>]{2000,}>", re.DOTALL)
_MAX_ATTRIBUTES = 300


def _crowded_tag(found: re.Match[str]) -> str:
    """A tag without its attributes where they are hundreds: parsers look through all of them for each of them."""
    if not found["name"] or found[0].count("=") <= _MAX_ATTRIBUTES:
        return found[0]
    return f"<{found['name']}/>" if found[0].endswith("/>") else f"<{found['name']}>"


# feedparser looks for addresses in people's names with a regular expression of quadratic time.
_LONG_NAME = re.compile(
    r"(<(?:[\w-]+:)?(?:author|creator|managingEditor|webMaster|publisher)(?:\s[^<>]*)?>(?:<!\[CDATA\[)?[^<\]]{1000})[^<\]]+",
    re.IGNORECASE,
)


def local_name(name: str) -> str:
    """An element's name without its prefix, in lower case."""
    return name.rpartition(":")[2].lower()


def _prolog(document: str, at: int) -> tuple[int, str]:
    """Where the prolog that starts at `at` ends, and its DOCTYPE's internal subset (XML 1.0 §2.8)."""
    subset = ""
    while True:
        if found := _SKIP.match(document, at):
            at = found.end()
        elif found := _DOCTYPE.match(document, at):
            at, subset = found.end(), found["subset"] or ""
        else:
            return at, subset


_ENTITY = re.compile(r"<!ENTITY\s+([\w.-]{1,100})\s+(?:\"([^\"]{0,200})\"|'([^']{0,200})')\s*>")
_XML = ("lt", "gt", "amp", "quot", "apos")
_HTML = {name: chr(code) for name, code in name2codepoint.items() if name not in _XML}
_MAX_GROWTH = 1_000_000


def _entities(subset: str) -> dict[str, str]:
    """The entities that a DOCTYPE declares and that are plain, short text."""
    found = {name: double or single for name, double, single in _ENTITY.findall(subset)}
    return {name: value for name, value in found.items() if not re.search(r"[<\"']|&(?!#)", value)}


# CDATA (to leave alone), or an ampersand with the reference that it begins, but for XML's own.
_TOKEN = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|&(?!(?:lt|gt|amp|quot|apos);)(?:#(?:[xX](?P<hex>[0-9a-fA-F]+)|(?P<dec>[0-9]+));|(?P<name>[A-Za-z][\w.-]{0,99});)?",
    re.DOTALL,
)


def _references(xml: str, declared: dict[str, str]) -> str:
    """Put harmless entities in place, drop references to illegal characters, escape ampersands that begin none."""
    known = _HTML | declared
    room = _MAX_GROWTH

    def mended(found: re.Match[str]) -> str:
        nonlocal room
        if found[0][0] == "<":
            return found[0]
        if digits := found["hex"] or found["dec"]:
            return found[0] if _is_legal(digits, 16 if found["hex"] else 10) else ""
        value = known.get(found["name"] or "")
        if value is None:
            return "&amp;" + found[0][1:]
        room -= len(value)
        if room < 0:
            raise ParseError("entities", "its own entities make the document much larger; that is refused")
        return value

    return _TOKEN.sub(mended, xml)


def _is_legal(digits: str, base: int) -> bool:
    """Whether XML 1.0 §2.2 allows the character of this number."""
    digits = digits.lstrip("0")
    code = int(digits, base) if 0 < len(digits) < 8 else 0
    return 0 < code < 0x110000 and text.legal(chr(code)) != ""


_XMLNS_SPACE = re.compile(r"\sxmlns(?::[\w.-]+)?\s*=\s*(?:\"[^\"\s]*\s|'[^'\s]*\s)")
_XMLNS = re.compile(r"(\sxmlns(?::[\w.-]+)?\s*=\s*)(\"[^\"<]*\"|'[^'<]*')")


def _declarations(xml: str) -> str:
    """Take white space out of the namespaces that the root declares: parsers refuse it."""
    end = xml.find(">") + 1
    return _XMLNS.sub(lambda found: found[1] + re.sub(r"\s", "", found[2]), xml[:end]) + xml[end:]
