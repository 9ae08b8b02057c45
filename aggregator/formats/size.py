"""How much of its entries a document carries: all, or summaries, so that it does not grow beyond what readers bear."""

from collections.abc import Callable
from dataclasses import replace

from aggregator import text
from aggregator.formats import fields
from aggregator.model import Channel, Entry


def summaries(channel: Channel) -> Channel:
    """The channel with the summary of each entry instead of its content."""
    return replace(channel, entries=tuple(map(_summary, channel.entries)))


def within(channel: Channel, render: Callable[[Channel], bytes], max_bytes: int) -> Channel:
    """The channel, with summaries instead of content in as many of its oldest entries as makes `render`'s document fit.

    No entry is ever dropped: where summaries alone are too much, the document is larger than `max_bytes`. What fits is
    rendered once, what has nothing to shorten (a podcast with all its files) not even that; else it takes about
    log2(entries) renderings to find out how many to shorten.
    """
    if not any(entry.item.content for entry in channel.entries) or len(render(channel)) <= max_bytes:
        return channel
    short = tuple(map(_summary, channel.entries))

    def shortened(count: int) -> Channel:
        kept = len(short) - count
        return replace(channel, entries=channel.entries[:kept] + short[kept:])

    too_few, enough = 0, len(short)
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if len(render(shortened(middle))) <= max_bytes:
            enough = middle
        else:
            too_few = middle
    return shortened(enough)


def _summary(entry: Entry) -> Entry:
    """An entry whose content is gone; its own summary, or else how the content begins, is its summary."""
    item = entry.item
    if not item.content:
        return entry
    short = fields.summary(item) or text.summarise(fields.content(item))
    return replace(entry, item=replace(item, content="", summary=short))
