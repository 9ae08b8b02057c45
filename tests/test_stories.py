"""Whose copy of a story is shown, in which categories, and what the owner's rules have to say in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from aggregator import composing, explaining, listing, pipeline, planning
from aggregator.model import CategoryPath, Item, Match, Rule, Shelf
from aggregator.store.view import plain
from tests.kept import Kept
from tests.planet import NOON, rss
from tests.server import Server

pytestmark = pytest.mark.both_stores

DAY = timedelta(days=1)


@pytest.fixture
def planet(tmp_path: Path, store: str) -> Kept:
    return Kept(tmp_path, store)


@dataclass(frozen=True)
class Rules:
    """A view: titles that are excluded, sources whose titles are shouted, paths that are moved, a word for everything."""

    excluded: tuple[str, ...] = ()
    loud: tuple[str, ...] = ()
    moved: tuple[tuple[CategoryPath, CategoryPath], ...] = ()
    nowhere: tuple[str, ...] = ()
    mark: str = ""
    zone: str = "UTC"

    @property
    def routing_print(self) -> str:
        return repr((self.moved, self.nowhere, self.mark))

    def meant(self, path: CategoryPath) -> CategoryPath:
        return path

    def source_print(self, source_key: str) -> str:
        return repr((self.excluded, source_key.endswith(self.loud)))

    def item(self, source_key: str, item: Item, first_seen: datetime, title: str = "") -> Item | None:
        if any(f"{item.title} of {source_key}".endswith(each) for each in self.excluded):
            return None
        return replace(item, title=item.title.upper()) if source_key.endswith(self.loud) else item

    def places(self, item: Item, paths: frozenset[CategoryPath], first_seen: datetime) -> Mapping[CategoryPath, bool]:
        moved = frozenset(dict(self.moved).get(path, path) for path in paths)
        return {} if item.title.casefold() in self.nowhere else plain.places(item, moved, first_seen)

    def zone_of(self, source_key: str, item: Item) -> str:
        return self.zone

    def entry(self, path: CategoryPath, item: Item, first_seen: datetime) -> Item:
        return replace(item, title=f"{self.mark}{item.title}") if path else item


def follow(monkeypatch: pytest.MonkeyPatch, rules: Rules) -> None:
    """Have the planet follow these rules, as if they stood in its config."""
    for module in (composing, listing, pipeline, planning):
        monkeypatch.setattr(module, "view", lambda _config: rules)


def three(planet: Kept, server: Server) -> None:
    """Three feeds with one story, each with its own category; and a story of its own in the first."""
    shared = {"guid": "https://a.example/s", "link": "https://a.example/s", "title": "shared", "date": NOON - DAY}
    own = {"guid": "https://a.example/o", "title": "own", "description": "Another text", "date": NOON - 2 * DAY}
    for number in (1, 2, 3):
        items = [shared | {"description": f"As told by {number}"}]
        server.put(f"/{number}", rss([*items, own] if number == 1 else items, title=f"Feed {number}"))
        planet.feed(server.url(f"/{number}", host=f"127.0.0.{number}"), category=f"c{number}")


def sources(planet: Kept, name: str = "atom.xml") -> list[str]:
    """Where the entries of a published document are from."""
    return [entry.source.title for entry in planet.published(name).entries]


@pytest.mark.parametrize(
    ("priorities", "shown"),
    [((0, 0, 0), "Feed 1"), ((0, 1, 0), "Feed 2"), ((0, 1, 2), "Feed 3"), ((-1, -1, 0), "Feed 3")],
)
def test_the_highest_priority_is_shown(planet: Kept, server: Server, priorities: tuple[int, ...], shown: str) -> None:
    three(planet, server)
    for number, priority in enumerate(priorities):
        planet.policy(number, priority=priority)
    planet.run()
    assert sources(planet) == [shown, "Feed 1"]


def test_a_change_of_priority_shows_at_once(planet: Kept, server: Server) -> None:
    three(planet, server)
    planet.run()
    before = planet.ids()
    asked = len(server.log)
    for priority, shown in ((5, "Feed 2"), (0, "Feed 1")):
        planet.policy(1, priority=priority)
        planet.run()
        assert sources(planet) == [shown, "Feed 1"]
    assert planet.ids() == before
    assert len(server.log) == asked


def test_a_post_of_ones_own_wins_over_any_priority(planet: Kept, server: Server) -> None:
    three(planet, server)
    planet.policy(0, priority=100)
    planet.seeds(title="Mine", category="mine")
    planet.post("a.md", "My own words", title="shared", permalink="https://a.example/s", date="2026-03-01")
    planet.run()
    assert "Mine" in sources(planet)
    assert len(planet.titles()) == 2


def test_rules_change_what_is_shown_and_where(planet: Kept, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, without asking anybody again; and back when the rules are gone."""
    three(planet, server)
    planet.run()
    before, asked = planet.files(), len(server.log)
    follow(monkeypatch, Rules(excluded=("shared of " + planet.sources[0]["url"],)))
    planet.run()
    assert sources(planet) == ["Feed 2", "Feed 1"]
    assert planet.titles("c1/atom.xml") == ["own"]  # the excluded copy gives no category
    assert planet.titles("c3/atom.xml") == ["shared"]
    follow(monkeypatch, Rules(loud=("/1",)))
    planet.run()
    assert planet.titles() == planet.titles("c1/atom.xml") == ["SHARED", "OWN"]
    assert [entry["title"] for entry in listing.items(planet.load(), None, None, None).values] == ["SHARED", "OWN"]
    follow(monkeypatch, Rules(excluded=("/1", "/2", "/3")))
    planet.run()
    assert planet.titles() == []
    monkeypatch.undo()
    planet.run()
    assert planet.files() == before
    assert len(server.log) == asked


def test_rules_of_categories(planet: Kept, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    three(planet, server)
    follow(monkeypatch, Rules(moved=((("c2",), ("c1", "below")),), nowhere=("own",), mark="* "))
    planet.run()
    assert planet.titles() == ["shared"]
    assert planet.titles("c1/atom.xml") == planet.titles("c1/below/atom.xml") == ["* shared"]
    assert planet.titles("c2/atom.xml") == []
    follow(monkeypatch, Rules(mark="! "))
    planet.run()
    assert planet.titles("c1/atom.xml") == ["! shared", "! own"]
    assert planet.titles("c2/atom.xml") == ["! shared"]


def test_nothing_is_settled_again_while_rules_stay(
    planet: Kept, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    three(planet, server)
    follow(monkeypatch, Rules(loud=("/2",), mark="* "))
    planet.run()
    written: list[str] = []

    def note(_db: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(("INSERT INTO pending", "UPDATE story", "UPDATE source")):
            written.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        planet.run()
        settled = [statement for statement in written if "waiting" not in statement]
        follow(monkeypatch, Rules(mark="* "))
        planet.run()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert settled == []
    assert len(written) > 2


def test_case_twins_are_one_category(planet: Kept, server: Server) -> None:
    three(planet, server)
    for number, category in enumerate(["tech/AI", "Tech", "ＴＥＣＨ"]):
        planet.sources[number]["category"] = category
    planet.categories = [{"path": ["TECH"], "title": "Technology", "order": 1}]
    report = planet.run()
    assert report.published.channels == 3
    assert [each["path"] for each in listing.categories(planet.load()).values] == [[], ["TECH"], ["TECH", "AI"]]
    assert planet.titles("tech/atom.xml") == ["shared", "own"]
    planet.categories = [{"path": ["tech"], "title": "Technik", "slug": "technik"}]
    report = planet.run()
    assert report.notes == ("category tech has moved from tech/ to technik/; the old folder stays as it was",)
    assert planet.published("technik/ai/atom.xml").feed.title == "Technik / AI · Planet Test"
    assert planet.titles("technik/atom.xml") == ["shared", "own"]
    assert [row[1] for row in listing.items(planet.load(), "tECH/ai", None, None).rows] == ["Feed 1", "Feed 1"]


@pytest.mark.parametrize(
    ("site", "shelf", "everything", "category"),
    [
        (None, None, ["a0", "a1", "a2", "b3", "b4"], ["a0", "a1", "a2", "b3", "b4"]),
        (1, None, ["a0", "b3"], ["a0", "b3"]),
        (2, None, ["a0", "a1", "b3", "b4"], ["a0", "a1", "b3", "b4"]),
        (2, 1, ["a0", "a1", "b3", "b4"], ["a0", "b3"]),
        (None, 1, ["a0", "a1", "a2", "b3", "b4"], ["a0", "b3"]),
        (9, None, ["a0", "a1", "a2", "b3", "b4"], ["a0", "a1", "a2", "b3", "b4"]),
    ],
)
def test_so_many_entries_of_one_source(
    planet: Kept, server: Server, site: int | None, shelf: int | None, everything: list[str], category: list[str]
) -> None:
    if site:
        planet.site["max_per_source"] = site
    if shelf:
        planet.shelves["News",] = Shelf(("News",), max_per_source=shelf)
    for number, names in enumerate((("a0", "a1", "a2"), ("b3", "b4")), start=2):
        items = [
            {"title": name, "guid": f"https://a.example/{name}", "date": NOON - int(name[1]) * DAY} for name in names
        ]
        server.put(f"/{number}", rss(items))
        planet.feed(server.url(f"/{number}", host=f"127.0.0.{number}"), category="news")
    planet.run()
    assert (planet.titles(), planet.titles("news/atom.xml")) == (everything, category)


def test_so_many_of_one_source_come_before_so_many_of_all(planet: Kept, server: Server) -> None:
    planet.site |= {"max_per_source": 1, "items": 2}
    three(planet, server)
    server.put("/2", rss([{"title": "late", "guid": "https://a.example/late", "date": NOON - 9 * DAY}]))
    planet.run()
    assert planet.titles() == ["shared", "late"]
    planet.site["max_per_source"] = 2
    planet.run()
    assert planet.titles() == ["shared", "own"]


def test_a_date_that_upstream_moves_changes_nothing_that_rules_made(planet: Kept, server: Server) -> None:
    """`younger` asks how old an entry was when it was first seen, and {date} is the date that it has."""
    old, new = ({"guid": name, "title": name, "date": NOON - age * DAY} for name, age in (("old", 90), ("new", 3)))
    moved = {"date": NOON + DAY, "description": "Edited"}
    server.put("/1", rss([old, new]))
    planet.feed(server.url("/1", host="127.0.0.1"))
    rules = (Rule(include=Match(younger=30 * DAY)), Rule(title="{date} {title}"))
    planet.policy(0, rules=rules)
    planet.run()
    assert planet.titles() == ["2026-03-11 new"]
    server.put("/1", rss([old | moved, new | moved]))
    planet.run(later=2 * DAY)
    assert planet.titles() == ["2026-03-11 new"]
    assert (
        explaining.explain(planet.load(), "old")[0][0].values["copies"][0]["rules"][-1] == "no include rule lets it in"
    )
