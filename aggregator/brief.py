"""Entries that are, to the last byte, as they were when they were last read: known by a print, they are read in brief.

Such an entry is neither cleaned nor are its signs made anew, as these are kept with the validators of its document; it
comes without its content. That is enough to see that nothing has changed; where it is not, whoever keeps the entries
has the document read in full (`Visit.whole`). Pure.
"""

from collections.abc import Sequence
from hashlib import blake2b

from aggregator.model import Signs

MOST = 500
"""Of a document with more entries than this none is remembered: 24 kB."""
STAMP = 8
"""The bytes in front, which say what has read: another version may make something else of the same entry."""
_PRINT = 16
_EACH = 3 * _PRINT


def stamp(*what: str) -> bytes:
    """What tells one version of reading from another."""
    return blake2b("\0".join(what).encode(), digest_size=STAMP).digest()


def context(*what: object) -> bytes:
    """What decides, besides the entry's own bytes, what is made of it: values with a repr."""
    return blake2b(repr(what).encode("utf-8", "surrogatepass"), digest_size=_PRINT).digest()


def print_of(entry: bytes, context: bytes) -> bytes:
    """The print of an entry's bytes, in its context. Nobody can make two entries with the same one."""
    return blake2b(entry, digest_size=_PRINT, key=context).digest()


def packed(stamp: bytes, prints: Sequence[bytes], signs: Sequence[Signs]) -> bytes:
    """What is kept with a document: for each of its entries with a print (b"" has none) its words and its digest.

    b"" for nothing to keep, and where signs do not tell all entries apart: it takes whole items to put these in order.
    """
    if not any(prints) or len({each.keys for each in signs}) < len(signs):
        return b""
    told = zip(prints, signs, strict=True)
    return stamp + b"".join(own + bytes.fromhex(each.words + each.digest) for own, each in told if own)


def unpacked(entries: bytes) -> dict[bytes, tuple[str, str]]:
    """What `packed` made: words and digest by print."""
    starts = range(STAMP, len(entries) - _EACH + 1, _EACH)
    parts = ((entries[at : at + _PRINT], entries[at + _PRINT : at + _EACH].hex()) for at in starts)
    return {own: (prints[: 2 * _PRINT], prints[2 * _PRINT :]) for own, prints in parts}
