"""How much of its entries a document carries: all, or summaries, so that it does not grow beyond what readers bear."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace

from aggregator import text
from aggregator.formats import Framed, fields, joined
from aggregator.formats.pieces import piece
from aggregator.model import Channel, Entry


def summaries(channel: Channel) -> Channel:
    """The channel with the summary of each entry instead of its content."""
    return replace(channel, entries=tuple(map(_summary, channel.entries)))


MOST = 10_000_000
"""Characters of content in one document: it is made in memory, in several copies."""


def bounded(channel: Channel) -> Channel:
    """The channel with summaries instead of the longest contents, where all contents together are more than MOST: so
    one source with endless texts costs the others nothing of theirs.
    """
    long = [len(entry.item.content) for entry in channel.entries]
    room = MOST - sum(long)
    if room >= 0:
        return channel
    entries = list(channel.entries)
    for place in sorted(range(len(entries)), key=lambda place: (long[place], place), reverse=True):
        if room >= 0:
            break
        entries[place], room = _summary(entries[place]), room + long[place]
    return replace(channel, entries=tuple(entries))


def fitting(
    kind: Framed, channel: Channel, max_bytes: int | None
) -> tuple[tuple[bytes, bytes, bytes], Sequence[bytes]]:
    """The frame and the pieces of the channel's document, with summaries instead of content in each entry that is too
    large by itself, and in as many of its oldest as makes it fit.

    No entry is ever dropped: where summaries alone are too much, the document is larger than `max_bytes` (None: it may
    be of any size). Each entry is rendered once, and once more where it is shortened.
    """
    channel = replace(channel, entries=tuple(_alone(entry, max_bytes) for entry in channel.entries))
    frame, pieces = kind.frame(channel), [piece(kind, channel, entry) for entry in channel.entries]
    if max_bytes is None:
        return frame, pieces
    size = len(joined(frame, pieces))
    for place in reversed(range(len(pieces))):
        if size <= max_bytes:
            break
        if (short := _summary(channel.entries[place])) is not channel.entries[place]:
            whole, pieces[place] = pieces[place], piece(kind, channel, short)
            size += len(pieces[place]) - len(whole)
    return frame, pieces


def within(channel: Channel, render: Callable[[Channel], bytes], max_bytes: int) -> Channel:
    """The same for a format of which we know `render` alone: the channel to render, where all of it is too large.

    It takes about log2(entries) renderings to find out how many to shorten.
    """
    channel = replace(channel, entries=tuple(_alone(entry, max_bytes) for entry in channel.entries))
    short = tuple(map(_summary, channel.entries))

    def shortened(count: int) -> Channel:
        kept = len(short) - count
        return replace(channel, entries=channel.entries[:kept] + short[kept:])

    counts = range(len(short))
    return shortened(bisect_left(counts, True, key=lambda count: len(render(shortened(count))) <= max_bytes))


def _alone(entry: Entry, max_bytes: int | None) -> Entry:
    """An entry as a document of this size may have it, if it had no other."""
    return entry if max_bytes is None or len(entry.item.content) <= max_bytes else _summary(entry)


def _summary(entry: Entry) -> Entry:
    """An entry whose content is gone; its own summary, or else how the content begins, is its summary."""
    item = entry.item
    if not item.content:
        return entry
    short = fields.summary(item) or text.summarise(fields.content(item))
    return replace(entry, item=replace(item, content="", summary=short))
