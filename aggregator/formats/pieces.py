"""The pieces of the documents that are being made: an entry stands in its category, in those above, in everything,
and in archives. What was made once lies in a temporary file, as it may be a hundred megabytes.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO

from aggregator.formats import Framed, fields, markup
from aggregator.model import Channel, Entry

MOST = 100_000  # pieces; of each there are some 150 bytes in memory
_LENGTH = 32  # bits


@dataclass(slots=True)
class _Pile:
    """Where each piece lies in the file: from which byte on, and in the last bits how many. What it was made of is
    known by its hash alone, as all that itself would take twice the memory."""

    places: dict[int, int] = field(default_factory=dict)
    file: IO[bytes] | None = None
    size: int = 0


_pile = _Pile()


def piece(kind: Framed, channel: Channel, entry: Entry) -> bytes:
    """What `kind.piece` gives. When there are too many to keep, all are forgotten."""
    key = hash((kind, fields.authority(channel), channel.scheme, entry))
    if (place := _pile.places.get(key)) and _pile.file:
        begin, length = place >> _LENGTH, place & ((1 << _LENGTH) - 1)
        with suppress(OSError):
            found = os.pread(_pile.file.fileno(), length, begin)
            if len(found) == length:
                return found
    made = kind.piece(channel, entry)
    if len(_pile.places) >= MOST:
        forget()
    with suppress(OSError):  # a full disk: then it is made once more
        _pile.file = _pile.file or TemporaryFile()  # noqa: SIM115 - until all is forgotten
        if os.pwrite(_pile.file.fileno(), made, _pile.size) == len(made):
            _pile.places[key] = _pile.size << _LENGTH | len(made)
            _pile.size += len(made)
    return made


def forget() -> None:
    """Give the room back: when all is published, and a daemon waits for what is new."""
    if _pile.file:
        _pile.file.close()
    _pile.places.clear()
    _pile.file, _pile.size = None, 0
    markup.content.cache_clear()
