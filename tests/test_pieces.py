"""A piece that was kept is the piece that would be made; what is kept is bounded."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from aggregator.formats import Framed, find, is_framed, pieces
from aggregator.model import Channel
from tests import build
from tests.channels import CHANNELS
from tests.strategies import channels

KINDS = ("rss", "atom", "json")


def framed(name: str) -> Framed:
    """A format by its name."""
    kind = find(name)
    assert is_framed(kind)
    return kind


def same(channel: Channel) -> None:
    """Check all pieces of a channel, made and kept."""
    for kind in map(framed, KINDS):
        for entry in channel.entries:
            made = kind.piece(channel, entry)
            assert [pieces.piece(kind, channel, each) for each in (entry, entry, replace(entry))] == [made] * 3


@settings(max_examples=40, deadline=None)
@given(channels(build.channel().urls))
def test_what_is_kept_is_what_would_be_made(channel: Channel) -> None:
    same(channel)
    same(replace(channel, category=build.category("else"), id=f"{channel.id}/else", archive=3, urls={}, ttl=0))


@pytest.mark.parametrize("name", ["rich", "hostile", "a nameless source"])
def test_another_planet_has_pieces_of_its_own(name: str) -> None:
    channel = CHANNELS[name]
    same(channel)
    same(replace(channel, scheme="https://else.example/categories"))
    same(replace(channel, id="tag:else.example,2025:feed/"))


def test_no_more_is_kept_than_was_said() -> None:
    content = "<p>" + "x" * (pieces.MOST // 120) + "</p>"
    for number in range(150):
        entry = build.entry(number, build.item(number, content=content))
        pieces.piece(framed("rss"), build.channel(), entry)
        assert sum(map(len, pieces._made.values())) == pieces._size <= pieces.MOST
    assert pieces._made
    before = dict(pieces._made)
    large = build.entry(0, build.item(0, content=content * 2))
    assert len(pieces.piece(framed("rss"), build.channel(), large)) > pieces.MOST // 100
    assert pieces._made == before
