"""Large documents are made to fit by shortening the oldest entries, and none is dropped."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.formats import Framed, fields, find, is_framed, joined
from aggregator.formats.size import MOST, bounded, fitting, summaries, within
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


def framed(name: str) -> Framed:
    """A format by its name."""
    kind = find(name)
    assert is_framed(kind)
    return kind


def full(channel: Channel) -> int:
    """How many entries have their content, which are the newest ones."""
    has = [bool(entry.item.content) for entry in channel.entries]
    assert has == sorted(has, reverse=True)
    return sum(has)


def shortened(channel: Channel, count: int) -> Channel:
    """The channel with summaries in so many of its oldest entries."""
    kept = len(channel.entries) - count
    return replace(channel, entries=channel.entries[:kept] + summaries(channel).entries[kept:])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("max_bytes", "at_least", "at_most"), [(10**6, 20, 20), (60_000, 5, 10), (1, 0, 0)])
def test_as_much_as_fits(kind: str, max_bytes: int, at_least: int, at_most: int) -> None:
    render = find(kind).render
    channel = long(20)
    document = joined(*fitting(framed(kind), channel, max_bytes))
    [count] = [count for count in range(21) if render(shortened(channel, count)) == document]
    assert at_least <= 20 - count <= at_most
    if 0 < count < 20:
        assert len(document) <= max_bytes < len(render(shortened(channel, count - 1)))
    if count:
        assert render(within(channel, render, max_bytes)) == document


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [0, 5])
def test_one_that_is_too_large_by_itself_costs_the_others_nothing(kind: str, place: int) -> None:
    channel = long(10, 500)
    entries = list(channel.entries)
    entries[place] = replace(entries[place], item=replace(entries[place].item, content="x" * 100_000))
    channel = replace(channel, entries=tuple(entries))
    for document in (
        joined(*fitting(framed(kind), channel, 50_000)),
        find(kind).render(within(channel, find(kind).render, 50_000)),
    ):
        assert len(document) < 50_000
        assert document.count(b"word " * 90) == 9


def test_contents_that_fill_the_memory_are_summaries_the_longest_first() -> None:
    channel = long(9, 1000)
    large = [replace(e, item=replace(e.item, content="x" * (MOST // 2 + n))) for n, e in enumerate(channel.entries[:3])]
    some = replace(channel, entries=(*large, *channel.entries[3:]))
    assert bounded(channel) is channel
    made = bounded(some)
    assert [bool(entry.item.content) for entry in made.entries] == [True, False, False] + [True] * 6
    assert [entry.id for entry in made.entries] == [entry.id for entry in some.entries]
    fine = replace(channel, entries=(*large[:1], *channel.entries[3:]))
    assert bounded(fine) is fine


def test_few_renderings_find_it() -> None:
    rendered = []

    def render(channel: Channel) -> bytes:
        rendered.append(full(channel))
        return b"x" * (100 + 10 * full(channel))

    assert full(within(long(100, 10), render, 100 + 10 * 37)) == 37
    assert len(rendered) <= 7
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
def test_any_channel_fits_as_its_rendering_would(channel: Channel, max_bytes: int) -> None:
    for name in KINDS:
        kind = framed(name)
        document = joined(*fitting(kind, channel, max_bytes))
        assert name == "json" or check(document, name, channel.urls[name]) == []
        every = [kind.render(shortened(channel, count)) for count in range(len(channel.entries) + 1)]
        assert document == next((each for each in every if len(each) <= max_bytes), every[-1])
