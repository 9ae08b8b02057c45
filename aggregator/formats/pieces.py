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

MOST = 100_000  # pieces; of each there are a few hundred bytes in memory


@dataclass(slots=True)
class _Pile:
    """Where each piece lies in the file: from which byte on, and how many. An entry is known by its id and its hash."""

    places: dict[tuple[Framed, str, str, str, int], tuple[int, int]] = field(default_factory=dict)
    file: IO[bytes] | None = None
    size: int = 0


_pile = _Pile()


def piece(kind: Framed, channel: Channel, entry: Entry) -> bytes:
    """What `kind.piece` gives. When there are too many to keep, all are forgotten."""
    key = (kind, fields.authority(channel), channel.scheme, entry.id, hash(entry))
    if (place := _pile.places.get(key)) and _pile.file:
        begin, length = place
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
            _pile.places[key] = (_pile.size, len(made))
            _pile.size += len(made)
    return made


def forget() -> None:
    """Give the room back: when all is published, and a daemon waits for what is new."""
    if _pile.file:
        _pile.file.close()
    _pile.places.clear()
    _pile.file, _pile.size = None, 0
    markup.content.cache_clear()
