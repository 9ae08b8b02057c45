"""Texts that are nearly the same: where a few words differ, a few of the 64 bits of their prints do. Pure.

Charikar's simhash, and Manku, Jain and Das Sarma, "Detecting near-duplicates for web crawling" (WWW 2007), whose limit
of 3 bits this is: of four bands of 16 bits one is then equal, so that an index finds the candidates.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import blake2b

NEAR = 3
_LEAST = 50  # shingles: below, a changed word is a changed text
_MOST = 50_000  # characters that are looked at
_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+|[^\W_]+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def fingerprint(plain: str) -> int | None:
    """The print of a plain text; None when it is too short to be compared."""
    counts = Counter(_shingles(plain[:_MOST]))
    if counts.total() < _LEAST:
        return None
    hashes = [blake2b(shingle.encode(), digest_size=8).digest() for shingle in counts]
    bits = 0
    for column in zip(*hashes, strict=True):  # byte by byte: counting equal bytes is quicker than counting bits
        ones = Counter(column)
        for bit in range(7, -1, -1):
            share = sum(count for byte, count in ones.items() if byte >> bit & 1)
            bits = bits << 1 | (2 * share > len(hashes))
    return bits


def keys(print_: int) -> tuple[str, ...]:
    """The four bands of a print; two near prints share at least one."""
    return tuple(f"near:{band}:{print_ >> 16 * band & 0xFFFF:04x}" for band in range(4))


def of_keys(found: Iterable[str]) -> int | None:
    """The print whose bands are among these keys, if any."""
    bands = [key.split(":") for key in found if key.startswith("near:")]
    return sum(int(value, 16) << 16 * int(band) for _, band, value in bands) if len(bands) == 4 else None


def distance(one: int, other: int) -> int:
    """In how many bits two prints differ."""
    return (one ^ other).bit_count()


def _shingles(plain: str) -> Iterator[str]:
    """Words; where a script has no blanks between them, every two characters that stand side by side."""
    for run in _WORDS.findall(unicodedata.normalize("NFKC", plain).casefold()):
        if _CJK.match(run):
            yield from (run[start : start + 2] for start in range(max(1, len(run) - 1)))
        else:
            yield run
