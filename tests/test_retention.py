"""What goes when it is old or one too many, stays away, and is forgotten in the end; and the first visit to a feed."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.model import Match, Policy, Retention, Rule, Shelf
from aggregator.pruning import prune
from tests.kept import Kept
from tests.planet import NOON, rss
from tests.server import Server

pytestmark = pytest.mark.both_stores

DAY = timedelta(days=1)


@pytest.fixture
def planet(tmp_path: Path, store: str) -> Kept:
    return Kept(tmp_path, store)


def days(*numbers: int, **fields: Any) -> list[dict[str, Any]]:
    """An entry for each of these days before noon of the first, called by its number."""
    return [
        {"guid": f"https://a.example/{n}", "title": f"D{n}", "date": NOON - n * DAY, "description": f"Text {n}"}
        | fields
        for n in numbers
    ]


def titles(numbers: Iterable[int]) -> list[str]:
    return [f"D{n}" for n in numbers]


@pytest.mark.parametrize(
    ("limits", "stay"),
    [
        (Retention(), [1, 2, 3, 40]),
        (Retention(keep=2), [1, 2]),
        (Retention(keep=0), []),
        (Retention(keep=9), [1, 2, 3, 40]),
        (Retention(keep_for=30 * DAY), [1, 2, 3]),
        (Retention(keep_for=2 * DAY), [1, 2]),
        (Retention(keep=1, keep_for=30 * DAY), [1]),
        (Retention(keep=3, keep_for=1.5 * DAY), [1]),
        (Retention(keep_for=timedelta.max), [1, 2, 3, 40]),
    ],
)
@pytest.mark.parametrize("where", ["source", "category", "everything"])
def test_limits(planet: Kept, server: Server, limits: Retention, stay: list[int], where: str) -> None:
    server.put("/1", rss(days(1, 2, 3, 40)))
    planet.feed(server.url("/1", host="127.0.0.1"), category="a/b")
    if where == "source":
        planet.policy(0, retention=limits)
    else:
        path = ("a",) if where == "category" else ()
        planet.shelves[path] = Shelf(path, retention=limits)
    planet.run()
    assert planet.titles() == planet.titles("a/b/atom.xml") == titles(stay)
    planet.run(force=True)
    assert planet.titles() == titles(stay)


def test_what_went_does_not_come_back(planet: Kept, server: Server) -> None:
    """Not when it is listed again, not when it is edited, and not when the limits are wider by then."""
    server.put("/1", rss(days(1, 2, 3)))
    planet.feed(server.url("/1", host="127.0.0.1"))
    planet.policy(0, retention=Retention(keep=2))
    planet.run()
    planet.policy(0)
    server.put("/1", rss(days(1, 2, 3, description="An edited text", link="https://a.example/other")))
    report = planet.run(later=DAY)
    assert report.outcomes[0].counts.get("new", 0) == 0
    assert planet.titles() == ["D1", "D2"]
    assert planet.rows("select why, data, removed is null from item where title = 'D3'") == [("retention", "{}", 0)]


def test_what_went_leaves_room_for_nothing_older(planet: Kept, server: Server) -> None:
    planet.feed(server.url("/1", host="127.0.0.1"))
    planet.policy(0, retention=Retention(keep=2))
    server.put("/1", rss(days(5, 6)))
    planet.run()
    server.put("/1", rss(days(4, 5, 6, 7)))
    planet.run(later=DAY)
    assert planet.titles() == ["D4", "D5"]


def test_posts_go_too_and_those_that_wait_do_not_count(planet: Kept) -> None:
    planet.seeds()
    planet.policy(0, retention=Retention(keep=1))
    for number, date in enumerate(["2026-03-01", "2026-03-02", "2026-03-20"]):
        planet.post(f"{number}.md", "Text", title=f"P{number}", date=date)
    planet.run()
    assert planet.titles() == ["P1"]
    planet.post("0.md", "Another text", title="P0", date="2026-03-01")
    planet.run(later=DAY)
    assert planet.titles() == ["P1"]
    planet.run(later=10 * DAY)
    assert planet.titles() == ["P2"]


@pytest.mark.parametrize(
    ("limits", "stay", "known"),
    [
        (Retention(keep=1), ["D3"], ["D1", "D3"]),  # as many of those that nobody sees
        (Retention(keep=2), ["D3", "D40"], ["D1", "D2", "D3", "D40"]),
        (Retention(keep=0), [], []),
        (Retention(keep_for=1.5 * DAY), [], ["D1"]),
        (Retention(keep=1, keep_for=30 * DAY), ["D3"], ["D1", "D3"]),
    ],
)
@pytest.mark.parametrize("where", ["source", "everything"])
def test_what_rules_exclude_takes_no_room(
    planet: Kept, server: Server, limits: Retention, stay: list[str], known: list[str], where: str
) -> None:
    server.put("/1", rss([*days(1, 2, author="x@a.example (Bot)"), *days(3, 40, author="y@a.example (Me)")]))
    planet.feed(server.url("/1", host="127.0.0.1"))
    exclude = (Rule(exclude=Match(author=("Bot",))),)
    planet.policy(0, retention=limits, rules=exclude if where == "source" else ())
    if where == "everything":
        planet.shelves[()] = Shelf((), rules=exclude)
    for _ in range(2):
        planet.run(later=timedelta(minutes=1), force=True)
        assert planet.titles() == stay
        assert [title for (title,) in planet.rows("select title from item where removed is null order by id")] == known


def test_prune_goes_by_the_rules_as_they_are_now(planet: Kept, server: Server) -> None:
    server.put("/1", rss(days(1, 2, 3)))
    planet.feed(server.url("/1", host="127.0.0.1"))
    planet.run()
    planet.policy(0, retention=Retention(keep=1), rules=(Rule(exclude=Match(title=("D1",))),))
    for dry_run in (True, True, False):
        assert dict(prune(planet.load(), planet.now, dry_run=dry_run).sources) == {planet.sources[0]["url"]: 1}
    planet.run()
    assert planet.titles() == ["D2"]


def test_a_story_stays_with_its_other_copy(planet: Kept, server: Server) -> None:
    for number in (1, 2):
        server.put(f"/{number}", rss(days(1, 2), title=f"Feed {number}"))
        planet.feed(server.url(f"/{number}", host=f"127.0.0.{number}"))
    planet.policy(0, retention=Retention(keep=1))
    planet.run()
    assert planet.titles() == ["D1", "D2"]
    assert [entry.source.title for entry in planet.published().entries] == ["Feed 1", "Feed 2"]


@pytest.mark.parametrize(
    ("limits", "stay"),
    [
        ({("a",): 0}, ["b", "both"]),  # b has not let go of it
        ({("a",): 0, ("b",): 0}, []),
        ({("a",): 1, ("b",): 1}, ["a", "b"]),  # `both` is the oldest of either
        ({("a",): 1}, ["a", "b", "both"]),
        ({(): 1}, ["a"]),
        ({("a",): 0, (): 2}, ["b"]),  # `both`: a has let go of one leaf, everything of the other
        ({("x",): 0}, ["a", "b", "both"]),
        ({("Ａ",): 0, ("B",): 0}, []),
    ],
)
def test_every_category_has_to_let_go(planet: Kept, limits: dict[tuple[str, ...], int], stay: list[str]) -> None:
    planet.seeds()
    for day, (name, paths) in enumerate([("a", ["a"]), ("b", ["b"]), ("both", [["a"], ["b"]])]):
        planet.post(f"{name}.md", f"Text of {name}", title=name, date=f"2026-03-{9 - day:02}", categories=paths)
    for path, count in limits.items():
        planet.keep(*path, keep=count)
    planet.run()
    assert planet.titles() == stay


def test_what_a_source_lets_go_of_takes_no_room_in_a_category(planet: Kept, server: Server) -> None:
    server.put("/1", rss(days(1, 2)))
    server.put("/2", rss(days(3, 4)))
    for number in (1, 2):
        planet.feed(server.url(f"/{number}", host=f"127.0.0.{number}"), category="a")
    planet.policy(0, retention=Retention(keep=0))
    planet.keep("a", keep=2)
    planet.run()
    assert planet.titles() == ["D3", "D4"]


def test_tombstones_are_kept_while_they_are_listed(planet: Kept, server: Server) -> None:
    """Those that were listed within 90 days are known; then their story's id goes, too, unless another item has it."""
    planet.feed(server.url("/1", host="127.0.0.1"))
    planet.policy(0, retention=Retention(keep_for=30 * DAY))
    tombstones = "select title from item where removed is not null order by title"
    server.put("/1", rss(days(1, 40, 50)))
    planet.run()
    assert planet.rows(tombstones) == [("D40",), ("D50",)]
    server.put("/1", rss(days(1, 40)))
    planet.run(later=60 * DAY)
    assert planet.rows(tombstones) == [("D1",), ("D40",), ("D50",)]
    seen = "select (seen - removed) / 86400 from item where title = 'D40'"
    assert planet.rows(seen) == [(60,)]
    planet.run(later=timedelta(hours=23), force=True)
    assert planet.rows(seen) == [(60,)]
    server.put("/1", rss(days(-80, 40)))
    planet.run(later=40 * DAY)
    assert planet.rows(tombstones) == [("D1",), ("D40",)]
    assert planet.rows("select count(*) from story") == planet.rows("select count(*) from item")
    assert planet.rows("select count(*) from item_key where item_id not in (select id from item)") == [(0,)]


def test_a_story_that_others_have_outlives_a_tombstone(planet: Kept, server: Server) -> None:
    for number in (1, 2):
        server.put(f"/{number}", rss(days(1)))
        planet.feed(server.url(f"/{number}", host=f"127.0.0.{number}"))
    planet.policy(0, retention=Retention(keep=0))
    planet.run()
    before = planet.ids()
    server.put("/1", rss(days(-1)))
    planet.run(later=100 * DAY)
    assert planet.rows("select count(*) from item where title = 'D1'") == [(1,)]
    assert planet.ids() == before


def test_a_post_is_remembered_as_long_as_its_file_is_there(planet: Kept) -> None:
    planet.seeds()
    planet.policy(0, retention=Retention(keep_for=5 * DAY))
    planet.post("a.md", title="A")
    gone = planet.post("b.md", "Other text", title="B")
    planet.run()
    planet.run(later=6 * DAY)
    gone.unlink()
    assert planet.titles() == []
    planet.post("c.md", "New text", title="C", date="2026-07-27")
    planet.run(later=130 * DAY)
    planet.post("d.md", "Newest text", title="D", date="2026-07-28")
    planet.run(later=DAY)
    assert planet.rows("select title from item where removed is not null") == [("A",)]
    planet.post("a.md", "Edited at last", title="A")
    planet.run(later=DAY)
    assert planet.titles() == ["D", "C"]


@pytest.mark.parametrize(
    ("entries", "wanted", "stay"),
    [
        (days(3, 1, 2), 2, ["D1", "D2"]),
        (days(3, 1, 2), 0, []),
        (days(3, 1, 2), 5, ["D1", "D2", "D3"]),
        (days(3, 1, 2), None, ["D1", "D2", "D3"]),
        ([{"title": name, "guid": name} for name in "bca"], 2, ["b", "c"]),  # without dates: the order of the feed
        ([{"title": name, "guid": name, "date": NOON - DAY} for name in "bca"], 1, ["b"]),
    ],
)
def test_the_first_import(
    planet: Kept, server: Server, entries: list[dict[str, Any]], wanted: int | None, stay: list[str]
) -> None:
    server.put("/1", rss(entries))
    planet.feed(server.url("/1", host="127.0.0.1"))
    planet.policy(0, first_import=wanted)
    report = planet.run()
    assert report.outcomes[0].counts.get("new", 0) == len(stay)
    assert sorted(planet.titles()) == stay
    server.put("/1", rss([*entries, {"title": "new", "guid": "new", "description": "new"}]))
    report = planet.run(later=DAY)
    assert report.outcomes[0].counts.get("new", 0) == 1
    assert sorted(planet.titles()) == sorted([*stay, "new"])


def test_the_first_import_of_entries_whose_guids_do_not_count(planet: Kept, server: Server) -> None:
    server.put("/1", rss([{"title": n, "guid": n, "link": f"https://a.example/{n}"} for n in "bca"]))
    planet.feed(server.url("/1", host="127.0.0.1"))
    planet.policy(0, first_import=2, identity="link")
    planet.run()
    assert sorted(planet.titles()) == ["b", "c"], "the first of the feed"


def test_the_first_import_is_the_first_that_succeeds(planet: Kept, server: Server) -> None:
    server.put("/1", b"", status=500)
    planet.feed(server.url("/1", host="127.0.0.1"))
    planet.policy(0, first_import=1)
    planet.run()
    server.put("/1", rss(days(1, 2)))
    planet.run(later=DAY)
    server.put("/1", rss(days(0, 1, 2, 3)))
    planet.run(later=DAY)
    assert planet.titles() == ["D0", "D1", "D3"]
    assert planet.rows("select title, why from item where removed is not null") == [("D2", "first import")]


def test_posts_have_no_first_import(planet: Kept) -> None:
    planet.seeds()
    planet.policy(0, first_import=1)
    for name in "ab":
        planet.post(f"{name}.md", f"Text {name}", title=name)
    planet.run()
    assert sorted(planet.titles()) == ["a", "b"]


def test_prune(planet: Kept, server: Server) -> None:
    for number in (1, 2):
        server.put(f"/{number}", rss([each | {"guid": f"{number}{each['guid']}"} for each in days(1, 2, 3)]))
        planet.feed(server.url(f"/{number}", host=f"127.0.0.{number}"), category=f"c{number}")
    planet.run()
    everything = planet.titles()
    planet.policy(0, retention=Retention(keep=1))
    planet.keep("c2", keep=2)
    for dry_run in (True, True, False):
        gone = prune(planet.load(), planet.now, dry_run=dry_run)
        assert (dict(gone.sources), dict(gone.categories)) == ({server.url("/1", host="127.0.0.1"): 2}, {("c2",): 1})
    assert not prune(planet.load(), planet.now)
    assert planet.titles() == everything
    planet.run()
    assert planet.titles() == ["D1", "D1", "D2"]


def test_prune_forgets_who_left(planet: Kept, server: Server) -> None:
    """With the items and documents goes the source; a story that another source has stays as it is."""
    server.put("/1", rss(days(1, 2)))
    server.put("/2", rss(days(2, 3)))
    for number in (1, 2):
        planet.feed(server.url(f"/{number}", host=f"127.0.0.{number}"))
    planet.run()
    before = planet.ids()
    left = planet.sources.pop(0)
    assert not prune(planet.load(), planet.now, left=True)
    planet.run()
    assert planet.titles() == ["D2", "D3"]
    assert dict(prune(planet.load(), planet.now, left=True, dry_run=True).left) == {left["url"]: 2}
    assert dict(prune(planet.load(), planet.now, left=True).left) == {left["url"]: 2}
    for table in ("item", "item_key", "source", "document"):
        owner = "id" if table == "source" else "source_id"
        assert planet.rows(f"select distinct {owner} from {table}") == [(2,)], table
    planet.run(later=DAY)
    assert planet.ids() == {title: before[title] for title in ("D2", "D3")}
    planet.sources.append(left)
    planet.policies = {1: Policy()}
    planet.run(later=DAY)
    assert planet.ids() == before
