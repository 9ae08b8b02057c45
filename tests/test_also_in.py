"""The other copies of a story are named in it, each once, and not its own page."""

from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from aggregator import listing
from aggregator.formats import atom
from aggregator.model import Link
from tests import build
from tests.conformance import check
from tests.kept import Kept
from tests.planet import NOON, rss
from tests.server import Server
from tests.test_stories import Rules, follow

pytestmark = pytest.mark.both_stores

DAY = timedelta(days=1)
GUID = "tag:a.example,2026:1"


@pytest.fixture
def planet(tmp_path: Path, store: str) -> Kept:
    return Kept(tmp_path, store)


def story(planet: Kept, server: Server, *links: str) -> None:
    """Feeds that carry one story, each with a page of its own."""
    for number, link in enumerate(links, start=2):
        item = {"guid": GUID, "title": "One", "date": NOON - DAY, "description": f"By {number}"}
        server.put(f"/{number}", rss([item | ({"link": link} if link else {})], title=f"Feed {number}"))
        planet.feed(server.url(f"/{number}", host=f"127.0.0.{number}"))


def related(planet: Kept) -> list[tuple[str, str]]:
    """The related links of the only entry, with their titles, in Atom."""
    (entry,) = planet.published().entries
    return [(link.href, link.get("title", "")) for link in entry.links if link.rel == "related"]


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        (["https://a.example/1"], []),
        (["https://a.example/1", "https://b.example/1"], [("https://b.example/1", "Feed 3")]),
        (["https://a.example/1", "https://a.example/1"], []),
        (["https://a.example/1", "http://a.example/1/?utm_source=x"], []),
        (
            ["https://a.example/1", "https://b.example/1", "https://b.example/1#top"],
            [("https://b.example/1", "Feed 3")],
        ),
        (["https://a.example/1", "", "https://c.example/1"], [("https://c.example/1", "Feed 4")]),
        (["https://a.example/1", "ftp://b.example/1"], []),
        (["", "https://b.example/1"], [("https://b.example/1", "Feed 3")]),
        (
            ["https://a.example/1", "https://b.example/1", "https://c.example/1"],
            [("https://b.example/1", "Feed 3"), ("https://c.example/1", "Feed 4")],
        ),
    ],
)
def test_other_copies(planet: Kept, server: Server, links: list[str], expected: list[tuple[str, str]]) -> None:
    story(planet, server, *links)
    planet.run()
    assert related(planet) == expected
    (values,) = listing.items(planet.load(), None, None, None).values
    assert [(each["url"], each["title"]) for each in values["also_in"]] == expected
    assert not check((planet.root / "feeds" / "atom.xml").read_bytes(), "atom")


def test_the_order_is_by_priority(planet: Kept, server: Server) -> None:
    story(planet, server, *(f"https://{name}.example/1" for name in "abc"))
    planet.policy(2, priority=1)
    planet.run()
    assert related(planet) == [("https://a.example/1", "Feed 2"), ("https://b.example/1", "Feed 3")]
    planet.policy(1, priority=2)
    planet.run()
    assert related(planet) == [("https://c.example/1", "Feed 4"), ("https://a.example/1", "Feed 2")]


def test_who_left_or_is_excluded_is_not_named(planet: Kept, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    story(planet, server, *(f"https://{name}.example/1" for name in "abc"))
    planet.run()
    follow(monkeypatch, Rules(excluded=("/3",)))
    planet.run()
    assert related(planet) == [("https://c.example/1", "Feed 4")]
    planet.sources.pop()
    planet.run()
    assert related(planet) == []


def test_a_copy_that_comes_later_is_named_then(planet: Kept, server: Server) -> None:
    story(planet, server, "https://a.example/1")
    planet.run()
    updated = planet.published().entries[0].updated
    planet.sources.clear()
    story(planet, server, "https://a.example/1", "https://b.example/1")
    planet.run(later=DAY)
    assert related(planet) == [("https://b.example/1", "Feed 3")]
    assert planet.published().entries[0].updated == updated


def test_a_title_of_ones_own_names_the_source(planet: Kept, server: Server) -> None:
    story(planet, server, "https://a.example/1", "https://b.example/1")
    planet.sources[1]["title"] = "B & <b>"
    planet.run()
    assert related(planet) == [("https://b.example/1", "B & <b>")]


def test_in_atom_what_an_item_says_itself_comes_first() -> None:
    own = Link("https://a.example/own", "related", title="Own")
    also = (Link("https://a.example/own", "related", title="Twice"), Link("https://b.example/1", "related", title="B"))
    entry = build.entry(1, build.item(1, links=(own,)), also_in=also)
    document = atom.render(build.channel(entry))
    links = etree.fromstring(document).iterfind("{*}entry/{*}link[@rel='related']")
    assert [(link.get("href"), link.get("title")) for link in links] == [
        ("https://a.example/own", "Own"),
        ("https://b.example/1", "B"),
    ]
