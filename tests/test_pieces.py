"""A piece that was kept is the piece that would be made; what is kept is bounded."""

import errno
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


def test_no_more_is_kept_than_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST", 40)
    pieces.forget()
    for number in range(150):
        pieces.piece(framed("rss"), build.channel(), build.entry(number, build.item(number)))
        assert 1 <= len(pieces._pile.places) <= 40
    pieces.forget()
    assert (pieces._pile.places, pieces._pile.file, pieces._pile.size) == ({}, None, 0)


def test_what_cannot_be_kept_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    pieces.forget()
    monkeypatch.setattr("os.pwrite", full)
    entry = build.entry(1, build.item(1))
    made = framed("rss").piece(build.channel(), entry)
    assert [pieces.piece(framed("rss"), build.channel(), entry) for _ in range(2)] == [made] * 2
    assert not pieces._pile.places
    monkeypatch.undo()
    assert pieces.piece(framed("rss"), build.channel(), entry) == made
    monkeypatch.setattr("os.pread", lambda *_: b"")
    assert pieces.piece(framed("rss"), build.channel(), entry) == made, "a file that was cut"
