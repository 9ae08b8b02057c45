"""The bytes of a post become text, whatever encoding its editor used. Pure."""

import codecs
import re

from aggregator import text

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BY_LANGUAGE = {
    "bg": "cp1251", "cs": "cp1250", "el": "cp1253", "hu": "cp1250", "ja": "cp932", "ko": "cp949", "pl": "cp1250",
    "ru": "cp1251", "tr": "cp1254", "uk": "cp1251", "zh-hk": "big5hkscs", "zh-tw": "big5hkscs",
}  # fmt: skip
_CONTROLS = bytes([*range(9), 11, *range(14, 27), *range(28, 32)])
# Only encodings of real texts: Python also knows "punycode" (quadratic), "unicode_escape" and their like.
_META = re.compile(
    rb"""<meta[^>]{0,200}charset=["']?((?:big5|cp\d|euc-|gb|iso-(?:2022|8859)-|koi8-|shift_jis|windows-)[a-z0-9_-]{0,20})""",
    re.IGNORECASE,
)
_LANG = re.compile(rb"""^["']?lang(?:uage)?["']?[ \t]*[:=][ \t]*["']?([a-z_-]{2,10})""", re.IGNORECASE | re.MULTILINE)


def decode(raw: bytes, language: str = "") -> tuple[str, str]:
    """The text of a post, and a warning when it is not sound UTF-8 ("" when it is).

    A byte order mark decides; then UTF-8, also with some broken bytes; then what the file says of itself
    (`<meta charset>`, `lang:`), the usual encoding of `language` (BCP 47), GB18030 if that gives common Chinese, and
    windows-1252 if most of it is ASCII.
    The text is `legal` and has LF for line ends. Raises ValueError, with advice, for what is no text.
    """
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return _replaced(raw[len(mark) :], encoding)
    head = raw[:8192]
    if len(head) - len(head.translate(None, _CONTROLS)) > max(8, len(head) // 20):
        raise ValueError("is a binary file, not text; give it another ending, or save it as UTF-8")
    return _replaced(raw, _encoding(raw, language))


def _replaced(raw: bytes, encoding: str) -> tuple[str, str]:
    """Decode, with U+FFFD for what is broken, and say what was wrong. Raises ValueError when it is mostly broken."""
    decoded = raw.decode(encoding, errors="replace")
    bad = 0 if _fits(raw, encoding) else decoded.count("\ufffd")
    if 10 * bad > len(decoded):
        raise ValueError(f"is broken {encoding.upper()}; save it as UTF-8")
    notes = [f"is not UTF-8, read as {encoding.upper()}; save it as UTF-8"] if encoding != "utf-8" else []
    if bad:
        notes.append(f"has {bad} broken characters; they are replaced by \ufffd")
    return text.legal(decoded), " and ".join(notes)


def _encoding(raw: bytes, language: str) -> str:
    """The encoding of bytes without a byte order mark; UTF-8 also where a few bytes of it are wrong."""
    if _fits(raw, "utf-8"):
        return "utf-8"
    loose = raw.decode("utf-8", errors="replace")
    # Text in another encoding hardly holds a character that is sound in UTF-8.
    if 5 * loose.count("\ufffd") < sum(char > "\x7f" for char in loose):
        return "utf-8"
    said = _META.search(raw[:2048])
    lang = _LANG.search(raw[:65536])
    hints = [said[1].decode() if said else "", _by_language(lang[1].decode() if lang else ""), _by_language(language)]
    if _fits(raw, "gb18030") and _common_chinese(raw.decode("gb18030")):
        hints.append("gb18030")
    if sum(byte > 0x7F for byte in raw) < 0.3 * len(raw):
        hints.append("cp1252")
    for hint in hints:
        if hint and _fits(raw, hint):
            return codecs.lookup(hint).name
    raise ValueError("is in no encoding that we can tell; save it as UTF-8")


def _by_language(tag: str) -> str:
    tag = tag.lower().replace("_", "-")
    return _BY_LANGUAGE.get(tag, _BY_LANGUAGE.get(tag.partition("-")[0], ""))


def _fits(raw: bytes, encoding: str) -> bool:
    try:
        return isinstance(raw.decode(encoding), str)
    except (LookupError, UnicodeError):  # no such encoding, or not in it
        return False


def _common_chinese(decoded: str) -> bool:
    """Whether most of the characters beyond ASCII are of GB 2312: any two high bytes make some character of GB18030."""
    beyond = [char for char in decoded if char > "\x7f"]
    return 2 * 0.9 * len(beyond) <= len("".join(beyond).encode("gb2312", errors="ignore"))
