"""Large documents are made to fit by shortening the oldest entries, and none is dropped."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.formats import fields, find
from aggregator.formats.size import summaries, within
from aggregator.model import Channel, Item
from tests import build
from tests.conformance import check
from tests.strategies import channels

KINDS = ("rss", "atom", "json")


def long(count: int, size: int = 5000) -> Channel:
    """A channel of so many entries with so many characters of text each."""
    body = "<p>" + "word " * (size // 5) + "</p>"
    urls = {kind: f"https://planet.example/{kind}" for kind in KINDS}
    return build.channel(*(build.entry(n, build.item(n, content=body)) for n in range(count)), urls=urls)


def full(channel: Channel) -> int:
    """How many entries have their content, which are the newest ones."""
    has = [bool(entry.item.content) for entry in channel.entries]
    assert has == sorted(has, reverse=True)
    return sum(has)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("max_bytes", "at_least", "at_most"), [(10**6, 20, 20), (60_000, 5, 10), (1, 0, 0)])
def test_as_much_as_fits(kind: str, max_bytes: int, at_least: int, at_most: int) -> None:
    render = find(kind).render
    channel = long(20)
    fitting = within(channel, render, max_bytes)
    assert at_least <= full(fitting) <= at_most
    assert [entry.id for entry in fitting.entries] == [entry.id for entry in channel.entries]
    if 0 < full(fitting) < 20:
        whole = full(fitting)
        one_more = fitting.entries[:whole] + channel.entries[whole : whole + 1] + fitting.entries[whole + 1 :]
        assert len(render(fitting)) <= max_bytes < len(render(replace(fitting, entries=one_more)))


def test_few_renderings_find_it() -> None:
    rendered = []

    def render(channel: Channel) -> bytes:
        rendered.append(full(channel))
        return b"x" * (100 + 10 * full(channel))

    assert full(within(long(100, 10), render, 100 + 10 * 37)) == 37
    assert len(rendered) <= 8
    rendered.clear()
    assert full(within(long(100, 10), render, 10**6)) == 100
    assert len(rendered) == 1
    rendered.clear()
    without = build.channel(*(build.entry(n, build.item(n, content="")) for n in range(100)))
    assert within(without, render, 1) is without
    assert rendered == []
    assert within(build.channel(), lambda channel: b"xx", 1) == build.channel()


@pytest.mark.parametrize(
    ("item", "summary"),
    [
        (Item(content="<p>One &amp; two.</p>"), "One & two."),
        (Item(content="<p>One.</p>", summary="Said."), "Said."),
        (Item(content='<img src="https://x.example/1.png">', title="A picture"), ""),
        (Item(summary="Said."), "Said."),
    ],
)
def test_summaries(item: Item, summary: str) -> None:
    entry = build.entry(of=item)
    [short] = summaries(build.channel(entry)).entries
    assert short == replace(entry, item=replace(item, content="", summary=summary))
    assert fields.title(short) == fields.title(entry)


@settings(max_examples=30, deadline=None)
@given(channels(build.channel().urls), st.integers(0, 5000))
def test_any_channel_stays_valid(channel: Channel, max_bytes: int) -> None:
    for kind in ("rss", "atom"):
        document = find(kind).render(within(channel, find(kind).render, max_bytes))
        assert check(document, kind, channel.urls[kind]) == []
        shortest = find(kind).render(summaries(channel))
        assert len(document) <= max(max_bytes, len(shortest))
