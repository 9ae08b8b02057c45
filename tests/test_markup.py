"""Entries that are written as text are the very bytes that feedgen and lxml would make of them."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from aggregator import text
from aggregator.channels import shows
from aggregator.formats import atom, markup, rss
from aggregator.model import Channel, Entry, Item
from aggregator.store.engine import open_store
from tests import build, feedgen_entries
from tests.channels import CHANNELS
from tests.planet import Planet
from tests.strategies import HOSTILE, channels

CHARACTERS = st.text() | st.text(
    st.sampled_from("\t\n\r\x00\x1f\x7f\x85\u2028\u202e\ufeff\ufffe\ud800\U0001f469&<>\"'];a")
)


def same(channel: Channel) -> None:
    """Check all entries of a channel."""
    for entry in channel.entries:
        assert rss.piece(channel, entry) == feedgen_entries.rss(channel, entry)
        assert atom.piece(channel, entry) == feedgen_entries.atom(channel, entry)


def same_of(planet: Planet) -> tuple[Entry, ...]:
    """Check all entries of a planet that has run: those of the current document, and there are no others."""
    config = planet.load()
    engine = open_store(config.store)
    found = shows(engine, config, "")
    engine.dispose()
    same(build.channel(*found))
    return found


@pytest.mark.parametrize("name", CHANNELS)
def test_odd_channels(name: str) -> None:
    same(CHANNELS[name])


@settings(max_examples=150)
@given(channels(build.channel().urls))
@example(build.channel(build.entry(1, Item(title="]]>", content="]]>\t\n<p>&amp;</p>"), id="urn:a\tb\n\"'<&>")))
def test_any_channel(channel: Channel) -> None:
    same(channel)


@given(CHARACTERS, CHARACTERS, CHARACTERS)
@example(HOSTILE, HOSTILE, HOSTILE)
def test_any_text_in_elements_and_attributes(value: str, first: str, other: str) -> None:
    value, first, other = text.legal(value), text.legal(first), text.legal(other)
    parent = etree.Element("parent")
    child = etree.SubElement(parent, "child")
    child.text = value or None
    for key, attribute in (("first", first), ("other", other)):
        if attribute:
            child.set(key, attribute)
    written = etree.tostring(parent, encoding="UTF-8", xml_declaration=False, pretty_print=True)
    line = markup.element(1, "child", value, first=first, other=other)
    assert written == markup.holder(0, "parent", line).encode()


def test_our_own_posts(planet: Planet) -> None:
    planet.sources.append({"kind": "seed", "path": str(Path(__file__).parents[1] / "seeds")})
    planet.run()
    assert len(same_of(planet)) > 10
