"""The order of names as readers of a language expect it: a part of what Unicode's CLDR says, without its tables. Pure.

Accents and case count only between names that are else alike, letters that a language has for itself stand where it
has them. Chinese characters are in the order of the national standard that has most of them: in GB 2312 the 3,755
common ones by pinyin, others behind them by radical; in Big5 by strokes; in JIS X 0208 by reading. Whole words are not
looked up: a character with several readings stands at its first.
"""

import unicodedata
from collections.abc import Callable
from functools import cache

Key = tuple[tuple[tuple[int, ...], ...], str, str]
"""What to sort by: the letters, then accents, then case."""

_LETTERS = {
    "cs": "cč rř sš zž",
    "da": "zæøå",
    "es": "nñ",
    "fi": "zåäö",
    "hr": "cčć dđ sš zž",
    "nb": "zæøå",
    "nn": "zæøå",
    "no": "zæøå",
    "pl": "aą cć eę lł nń oó sś zźż",
    "sk": "aä cč oô sš zž",
    "sl": "cčć dđ sš zž",
    "sv": "zåäö",
    "tr": "cç gğ hı oö sş uü",
    "uk": "гґ еє иії",
}
"""A letter, and those that a language has behind it (CLDR, common/collation)."""
_LIKE = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ё": "е"})
_HAN = {"zh": "gb2312", "zh-hant": "big5", "zh-tw": "big5", "zh-hk": "big5", "zh-mo": "big5", "ja": "euc_jp"}


@cache
def order(language: str) -> Callable[[str], Key]:
    """The key to sort names by, in a language (BCP 47)."""
    tag = language.lower()
    first = tag.partition("-")[0]
    charset = _HAN.get("-".join(tag.split("-")[:2]), _HAN.get(first, ""))
    own = {
        letter: (ord(group[0]), place)
        for group in _LETTERS.get(first, "").split()
        for place, letter in enumerate(group)
        if place
    }

    def key(name: str) -> Key:
        whole = unicodedata.normalize("NFKC", name)
        letters = unicodedata.normalize("NFC", whole.casefold())
        weights = (weight for letter in letters for weight in _weights(letter, own, charset))
        return tuple(weights), whole.lower(), whole.swapcase()

    return key


def _weights(letter: str, own: dict[str, tuple[int, int]], charset: str) -> list[tuple[int, ...]]:
    """The places of a letter: of it as one of the language's own, or of what is left of it without accents."""
    if letter in own:
        return [own[letter]]
    if charset and "\u3400" <= letter <= "\u9fff":
        code = letter.encode(charset, "ignore")
        return [(0x4E00, 0, *code)] if code else [(0x4E00, 1, ord(letter))]
    if "а" <= letter <= "я":
        return [(ord(letter), 0)]  # й is a letter, and no и with an accent
    bare = unicodedata.normalize("NFKD", letter.translate(_LIKE))
    return [(_kana(ord(each)), 0) for each in bare if not unicodedata.combining(each)]


def _kana(code: int) -> int:
    """A letter's number, that of hiragana for katakana."""
    return code - 0x60 if 0x30A1 <= code <= 0x30F6 else code
