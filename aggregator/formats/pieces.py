"""The pieces of the documents that are being made: an entry stands in its category, in those above, in everything,
and in archives.
"""

from aggregator.formats import Framed, fields
from aggregator.model import Channel, Entry

MOST = 8_000_000  # bytes of pieces; the entries that they are found by take about as much again

_made: dict[tuple[Framed, str, str, Entry], bytes] = {}
_size = 0


def piece(kind: Framed, channel: Channel, entry: Entry) -> bytes:
    """What `kind.piece` gives. When there are too many to keep, all are forgotten."""
    global _size
    key = (kind, fields.authority(channel), channel.scheme, entry)
    if (found := _made.get(key)) is not None:
        return found
    made = kind.piece(channel, entry)
    if _size + len(made) > MOST:
        forget()
    if len(made) <= MOST // 100:
        _made[key] = made
        _size += len(made)
    return made


def forget() -> None:
    """Give the memory back: when all is published, and a daemon waits for what is new."""
    global _size
    _made.clear()
    _size = 0
