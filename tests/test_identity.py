"""Who is who, as tables: what is known, what comes in, and what that means."""

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import identity
from aggregator.identity import Change, Habits, Known, canonical_url
from aggregator.model import Enclosure, Feed, Image, Item, Policy

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PAGE = "https://a.example/page"


def entry(title: str, text: str = "", guid: str = "", url: str = "", **fields: Any) -> Item:
    """An item whose text is its title's, unless another is given."""
    return Item(guid=guid, url=url, title=title, content=f"<p>Text of {title}. {text}</p>", **fields)


def post(name: str, title: str, text: str = "", **fields: Any) -> Item:
    """An item out of a file."""
    return entry(title, text, origin=name, **fields)


class Shelf:
    """What a store does with the changes of one source, in memory."""

    def __init__(self, *, remote: bool, **policy: Any) -> None:
        self.remote = remote
        self.policy = Policy(**policy)
        self.habits = Habits()
        self.warnings: tuple[str, ...] = ()
        self.dropped: frozenset[str] = frozenset()
        self.rows: dict[int, Known] = {}
        self.items: dict[int, Item] = {}

    def visit(self, items: Sequence[Item], now: datetime = NOW, held: Collection[str] = ()) -> tuple[Change, ...]:
        ready = [identity.signs(item) for item in items]
        wanted = {key for own in ready for key in own.keys}
        known = [row for row in self.rows.values() if not self.remote or wanted & row.keys]
        decided = identity.decide(
            items, known, now, remote=self.remote, policy=self.policy, habits=self.habits, held=held, ready=ready
        )
        self.habits, self.warnings, self.dropped = decided.habits, decided.warnings, decided.dropped
        adopted = [change.known.id for change in decided.changes if change.known]
        assert len(adopted) == len(set(adopted)), "an item that is known was given twice"
        fresh = [change.identity for change in decided.changes if change.what == "new"]
        assert len(fresh) == len(set(fresh)), "two items of one visit have one identity"
        for change in decided.changes:
            self._apply(change)
        return decided.changes

    def _apply(self, change: Change) -> None:
        number = change.known.id if change.known else len(self.rows) + 1
        if not change.item:
            self.rows[number] = replace(self.rows[number], removed=True)
            return
        old = change.known.keys if change.known else frozenset()
        if not old.issuperset(change.keys):
            old = frozenset({key for key in old if key.startswith(("guid:", "link:"))}.union(change.keys))
        if change.what == "same" and change.known:
            self.rows[number] = replace(change.known, keys=old)
            return
        self.items[number] = change.item
        self.rows[number] = Known(
            id=number,
            keys=old,
            digest=change.digest,
            words=change.words,
            title=change.item.title,
            origin=change.item.origin,
            published=change.published,
            updated=change.updated,
            removed=False,
        )

    def bury(self, number: int) -> None:
        """Remove an item for good, as retention does."""
        self.rows[number] = replace(self.rows[number], removed=True, final=True)

    def live(self) -> list[str]:
        """The titles of what is there, in the order of first sight."""
        return [self.items[number].title for number, row in self.rows.items() if not row.removed]

    def numbers(self) -> dict[str, int]:
        """The number of every item that is there, by its title."""
        return {self.items[number].title: number for number, row in self.rows.items() if not row.removed}


def said(changes: Sequence[Change]) -> set[str]:
    """Changes as short sentences: what, and `from -> to` where the title is another one."""
    return {_sentence(change) for change in changes}


def _sentence(change: Change) -> str:
    titles = dict.fromkeys(each.title for each in (change.known, change.item) if each)
    return f"{change.what} {' -> '.join(titles)}"


def second_visit(before: Sequence[Item], after: Sequence[Item], *, remote: bool) -> tuple[set[str], list[str]]:
    """What the second of two visits came to, and what is there then."""
    shelf = Shelf(remote=remote)
    shelf.visit(before)
    changes = shelf.visit(after, NOW + HOUR)
    return said(changes), shelf.live()


# --- Feeds ----------------------------------------------------------------------------------------------------------

ONE = entry("One", guid="g1", url=PAGE)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(ONE, ONE, "same One", id="nothing changed"),
        pytest.param(ONE, replace(ONE, url="https://b.example/1"), "edited One", id="guid same, link changed"),
        pytest.param(ONE, entry("Two", guid="g1"), "edited One -> Two", id="guid same, all else changed"),
        pytest.param(ONE, replace(ONE, guid="g2"), "edited One", id="guid changed, link and title same"),
        pytest.param(ONE, entry("One", "More.", "g2", PAGE), "edited One", id="guid and text changed, link same"),
        pytest.param(
            ONE, entry("Two", "", "g2", PAGE), "new Two", id="guid and title changed: another entry of a page"
        ),
        pytest.param(ONE, replace(ONE, guid=""), "edited One", id="guid lost"),
        pytest.param(ONE, entry("Two", url=PAGE), "edited One -> Two", id="guid lost, title changed, link same"),
        pytest.param(entry("One", url=PAGE), ONE, "edited One", id="guid gained"),
        pytest.param(replace(ONE, url=""), replace(ONE, url="", guid="g2"), "edited One", id="guid changed, no link"),
        pytest.param(
            ONE, replace(ONE, guid="g2", url="https://a.example/2"), "new One", id="two commits that read alike"
        ),
        pytest.param(ONE, replace(ONE, url=PAGE + "?utm_source=rss"), "same One", id="link with tracking"),
        pytest.param(entry("One"), entry("One"), "same One", id="neither guid nor link"),
        pytest.param(entry("One"), ONE, "edited One", id="guid and link gained"),
        pytest.param(ONE, entry("One"), "edited One", id="guid and link lost"),
        pytest.param(entry("One"), entry("Two"), "new Two", id="neither guid nor link, another text"),
        pytest.param(ONE, replace(ONE, content="<b>Text of One.</b>"), "edited One", id="markup changed"),
        pytest.param(ONE, replace(ONE, published=NOW, updated=NOW), "same One", id="a date alone is no change"),
    ],
)
def test_an_entry_again(before: Item, after: Item, expected: str) -> None:
    changes, _ = second_visit([before], [after], remote=True)
    assert changes == {expected}


def test_what_a_feed_no_longer_lists_is_left_alone() -> None:
    assert second_visit([ONE], [], remote=True) == (set(), ["One"])


def test_the_date_of_atom_source_is_no_change() -> None:
    quoted = replace(ONE, feed=Feed(title="Elsewhere", updated=NOW))
    later = replace(ONE, feed=Feed(title="Elsewhere", updated=NOW + DAY))
    assert second_visit([quoted], [later], remote=True)[0] == {"same One"}


@pytest.mark.parametrize(
    ("twin", "count"),
    [
        pytest.param(ONE, 1, id="the same"),
        pytest.param(replace(ONE, published=NOW + HOUR), 1, id="another time of day"),
        pytest.param(replace(ONE, published=NOW - DAY), 1, id="another day"),
        pytest.param(replace(ONE, image=Image("https://a.example/1.png")), 1, id="another picture"),
        pytest.param(replace(ONE, content="<b>text  of ONE.</b>"), 1, id="another markup"),
        pytest.param(entry("One", "More.", "g1", PAGE), 2, id="another text"),
        pytest.param(replace(ONE, url="https://a.example/2"), 2, id="another link"),
        pytest.param(replace(ONE, guid="g2"), 2, id="another guid"),
    ],
)
def test_an_entry_that_is_listed_twice(twin: Item, count: int) -> None:
    one = replace(ONE, published=NOW)
    twin = replace(twin, published=twin.published or NOW)
    shelves = []
    for batch in ([one, twin], [twin, one]):
        shelf = Shelf(remote=True)
        shelf.visit(batch)
        assert len(shelf.rows) == count
        assert {change.what for change in shelf.visit(batch[::-1], NOW + HOUR)} == {"same"}
        shelves.append((shelf.rows, shelf.items))
    assert shelves[0] == shelves[1]


def test_entries_without_guid_and_link_that_read_the_same_are_one_a_day() -> None:
    days = [entry("Closed", published=NOW - number * DAY) for number in range(3)]
    shelf = Shelf(remote=True)
    shelf.visit([*days, *days])
    assert shelf.live() == ["Closed"] * 3
    assert {change.what for change in shelf.visit(days, NOW + HOUR)} == {"same"}


def test_pictures_without_words_are_not_taken_for_each_other() -> None:
    pictures = [Item(content=f'<img src="https://a.example/{number}.png">') for number in range(2)]
    shelf = Shelf(remote=True)
    shelf.visit(pictures)
    assert len(shelf.rows) == 2
    shelf.visit([replace(pictures[0], content='<img src="https://a.example/new.png">', guid="g")])
    assert len(shelf.rows) == 3


PAGES = {"pages of their own": ("1", "2"), "one page": ("", ""), "no page": None}


@pytest.mark.parametrize("pages", PAGES)
@pytest.mark.parametrize("titles", [("A", "B"), ("A", "A")])
@pytest.mark.parametrize("listed", ["ab", "ba", "a", "b", "xb", "bx", "ay", "x", "y", "xy", "yx", ""])
def test_a_repeated_guid(pages: str, titles: tuple[str, str], listed: str) -> None:
    """Two entries share a guid: a and b, x and y once they are edited. Whatever is listed next, they stay two."""
    urls = [f"https://a.example/{end}p" for end in PAGES[pages] or ()] or ["", ""]
    named = {
        letter: entry(titles[number], text, "g", urls[number])
        for letter, number, text in (("a", 0, "1"), ("b", 1, "2"), ("x", 0, "3"), ("y", 1, "4"))
    }
    shelf = Shelf(remote=True)
    shelf.visit([named["a"], named["b"]])
    first = {letter: number for number, item in shelf.items.items() for letter in "ab" if named[letter] == item}
    assert len(first) == 2
    shelf.visit([named[letter] for letter in listed], NOW + HOUR)
    assert len(shelf.rows) == 2
    if titles[0] == titles[1] and urls[0] == urls[1] and listed in ("x", "y", "xy", "yx"):
        return  # guid, link and title are the same: nobody can tell which of the two was edited
    assert all(shelf.items[first[{"x": "a", "y": "b"}.get(letter, letter)]] == named[letter] for letter in listed)
    shelf.visit([named["a"], named["b"]], NOW + DAY)
    assert len(shelf.rows) == 2
    assert all(shelf.items[first[letter]] == named[letter] for letter in "ab")


@pytest.mark.parametrize(("guid", "url"), [("g", ""), ("g", PAGE), ("", PAGE)])
def test_another_entry_under_a_repeated_guid_or_link_overwrites_none(guid: str, url: str) -> None:
    shelf = Shelf(remote=True)
    shelf.visit([entry("A", guid=guid, url=url), entry("B", guid=guid, url=url)])
    for batch in ("C", "BD", "E"):
        shelf.visit([entry(title, guid=guid, url=url) for title in batch], NOW + HOUR)
    assert sorted(shelf.live()) == ["A", "B", "C", "D", "E"]


def test_a_new_entry_is_not_named_after_a_key_that_others_have() -> None:
    shelf = Shelf(remote=True)
    shelf.visit([entry("A", guid="g", url=PAGE), entry("B", guid="g", url=PAGE)])
    (new,) = shelf.visit([entry("C", guid="g", url=PAGE)])
    assert new.identity == new.keys[-1]
    (named,) = shelf.visit([entry("D", guid="d", url=PAGE)])
    assert named.identity == "guid:d"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            [entry("A", guid="1", url=PAGE), entry("B", guid="2", url=PAGE)],
            [entry("A", guid="3", url=PAGE), entry("B", guid="4", url=PAGE)],
            {"edited A", "edited B"},
            id="all guids changed",
        ),
        pytest.param(
            [entry("Job", "1", url=PAGE), entry("Job", "2", url=PAGE)],
            [entry("Job", "2", url=PAGE), entry("Job", "3", url=PAGE)],
            {"same Job", "new Job"},
            id="one title, the next of them",
        ),
        pytest.param(
            [entry("Job", "1", "1", PAGE), entry("Job", "2", "2", PAGE)],
            [entry("Job", "3", "3", PAGE)],
            {"new Job"},
            id="one title, another guid",
        ),
        pytest.param(
            [entry("A", "1", url=PAGE), entry("B", "2", url=PAGE)],
            [entry("A", "3", url=PAGE), entry("B", "2", url=PAGE)],
            {"edited A", "same B"},
            id="no guids, titles that tell",
        ),
    ],
)
def test_a_page_with_many_entries(before: list[Item], after: list[Item], expected: set[str]) -> None:
    assert second_visit(before, after, remote=True)[0] == expected


def test_of_several_that_fit_the_one_with_more_in_common_is_taken() -> None:
    other = "https://a.example/other"
    shelf = Shelf(remote=True)
    shelf.visit([entry("A", "1", "g", PAGE), entry("A", "2", "g", other), entry("C", guid="c", url=PAGE)])
    shelf.visit([entry("D", guid="d", url=other)])
    for url in (PAGE, other):
        before = next(number for number, item in shelf.items.items() if (item.title, item.url) == ("A", url))
        (change,) = shelf.visit([entry("A", f"edited {url}", "g", url)])
        assert change.known
        assert change.known.id == before


def test_a_newcomer_with_the_text_and_page_of_another_entry_does_not_take_its_place() -> None:
    for guid in ("g0", "g2"):  # sorted before and behind the known one
        changes, _ = second_visit([ONE], [replace(ONE, guid=guid), ONE], remote=True)
        assert changes == {"same One", "new One"}
        shelf = Shelf(remote=True)
        shelf.visit([ONE])
        shelf.visit([replace(ONE, guid=guid), ONE])
        assert shelf.items[1] == ONE


def test_a_feed_that_changes_all_its_guids_brings_nothing_new() -> None:
    old = [entry(f"T{number}", guid=f"http://a/{number}", url=f"{PAGE}/{number}") for number in range(9)]
    new = [replace(item, guid=item.guid.replace("http:", "https:")) for item in reversed(old)]
    changes, live = second_visit(old, new, remote=True)
    assert changes == {f"same T{number}" for number in range(9)}, "another scheme is no edit"
    assert len(live) == 9


# --- Posts ----------------------------------------------------------------------------------------------------------

A, B = post("a.md", "A"), post("b.md", "B")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param([A, B], [A, B], {"same A", "same B"}, id="nothing changed"),
        pytest.param([A, B], [B], {"removed A", "same B"}, id="deleted"),
        pytest.param([A], [post("deep/new.md", "A")], {"edited A"}, id="renamed"),
        pytest.param([A], [post("a.md", "A", "More.")], {"edited A"}, id="edited"),
        pytest.param([A], [post("a.md", "Z", "Another text.")], {"edited A -> Z"}, id="written anew"),
        pytest.param(
            [A], [post("z.md", "A", "More.")], {"new A", "removed A"}, id="renamed and edited, nothing to go by"
        ),
        pytest.param(
            [post("a.md", "A", guid="g")], [post("z.md", "Z", guid="g")], {"edited A -> Z"}, id="renamed, edited: guid"
        ),
        pytest.param(
            [post("a.md", "A", url=PAGE)], [post("z.md", "Z", url=PAGE)], {"edited A -> Z"}, id="renamed, edited: link"
        ),
        pytest.param([A], [A, post("b.md", "A")], {"same A", "new A"}, id="copied"),
        pytest.param([A], [A, post("0.md", "A")], {"same A", "new A"}, id="copied, sorted first"),
        pytest.param(
            [post("a.md", "A", guid="g")],
            [post("a.md", "A", guid="g"), post("0.md", "A", guid="g")],
            {"same A", "new A"},
            id="copied with its guid",
        ),
        pytest.param([A, B], [post("b.md", "A")], {"edited A", "removed B"}, id="one put over the other"),
        pytest.param([A, B], [post("b.md", "A"), post("a.md", "B")], {"edited A", "edited B"}, id="names swapped"),
        pytest.param([A, B], [], {"removed A", "removed B"}, id="all deleted"),
        pytest.param(
            [A, post("b.md", "A")], [post("b.md", "A")], {"removed A", "same A"}, id="one of two copies deleted"
        ),
    ],
)
def test_files_again(before: list[Item], after: list[Item], expected: set[str]) -> None:
    changes, live = second_visit(before, after, remote=False)
    assert changes == expected
    assert sorted(live) == sorted(item.title for item in after)


def test_two_identical_files_are_two_and_keep_apart() -> None:
    shelf = Shelf(remote=False)
    shelf.visit([post("a.md", "A"), post("b.md", "A")])
    assert sorted(row.origin for row in shelf.rows.values()) == ["a.md", "b.md"]
    assert {change.what for change in shelf.visit([post("b.md", "A"), post("a.md", "A")])} == {"same"}
    shelf.visit([post("a.md", "A"), post("b.md", "B")])
    assert {shelf.items[number].origin: row.origin for number, row in shelf.rows.items()} == {
        "a.md": "a.md",
        "b.md": "b.md",
    }
    assert len(shelf.rows) == 2


def test_swapped_names_keep_each_text_with_its_id() -> None:
    shelf = Shelf(remote=False)
    shelf.visit([A, B])
    before = shelf.numbers()
    shelf.visit([post("a.md", "B"), post("b.md", "A")])
    assert shelf.numbers() == before


def test_a_post_that_comes_back_has_its_old_id_and_dates() -> None:
    dated = replace(A, published=NOW - DAY)
    shelf = Shelf(remote=False)
    shelf.visit([dated])
    assert said(shelf.visit([], NOW + HOUR)) == {"removed A"}
    assert said(shelf.visit([], NOW + HOUR)) == set(), "it is removed once"
    (back,) = shelf.visit([dated], NOW + DAY)
    assert (back.what, back.known and back.known.id) == ("edited", 1)
    assert (back.published, back.updated) == (NOW - DAY, NOW - DAY)
    shelf.visit([], NOW + DAY)
    assert said(shelf.visit([post("elsewhere.md", "A", published=NOW - DAY)], NOW + DAY)) == {"edited A"}
    assert len(shelf.rows) == 1


def test_what_is_held_is_neither_removed_nor_given_away() -> None:
    shelf = Shelf(remote=False)
    shelf.visit([A, B])
    assert said(shelf.visit([], held={"a.md", "b.md"})) == set()
    assert said(shelf.visit([post("copy.md", "A")], held={"a.md", "b.md"})) == {"new A"}
    assert said(shelf.visit([], held={"a.md"})) == {"removed A", "removed B"}
    assert shelf.numbers() == {"A": 1}


def test_a_feed_is_never_held() -> None:
    shelf = Shelf(remote=True)
    shelf.visit([ONE])
    assert said(shelf.visit([ONE], held={"", "https://a.example/feed"})) == {"same One"}


# --- Dates ----------------------------------------------------------------------------------------------------------


def dated(published: datetime | None, updated: datetime | None = None, text: str = "") -> Item:
    return entry("One", text, guid="g", published=published, updated=updated, origin="a.md")


@pytest.mark.parametrize(
    ("published", "updated", "remote", "expected"),
    [
        (None, None, True, (None, NOW)),
        (None, None, False, (None, NOW)),
        (NOW - DAY, None, True, (NOW - DAY, NOW - DAY)),
        (NOW - DAY, NOW - HOUR, True, (NOW - DAY, NOW - HOUR)),
        (NOW - DAY, NOW - 2 * DAY, True, (NOW - DAY, NOW - DAY)),
        (NOW - DAY, NOW + DAY, True, (NOW - DAY, NOW)),
        (None, NOW - DAY, True, (NOW - DAY, NOW - DAY)),
        (None, NOW + DAY, True, (NOW, NOW)),
        (None, NOW - DAY, False, (NOW - DAY, NOW - DAY)),
        (NOW + DAY, None, True, (NOW, NOW)),
        (NOW + DAY, NOW + 2 * DAY, True, (NOW, NOW)),
        (NOW + DAY, None, False, (NOW + DAY, NOW + DAY)),
        (NOW + DAY, NOW, False, (NOW + DAY, NOW + DAY)),
    ],
)
def test_dates_at_first_sight(
    published: datetime | None, updated: datetime | None, remote: bool, expected: tuple[datetime | None, datetime]
) -> None:
    (change,) = identity.decide([dated(published, updated)], [], NOW, remote=remote).changes
    assert (change.published, change.updated) == expected


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        pytest.param(dated(NOW - DAY), NOW - DAY, id="nothing changed"),
        pytest.param(dated(NOW, NOW), NOW - DAY, id="dates alone"),
        pytest.param(replace(dated(NOW - DAY), content="<i>text of  ONE.</i>"), NOW - DAY, id="markup"),
        pytest.param(replace(dated(NOW - DAY), image=Image("https://a.example/x.png")), NOW - DAY, id="thumbnail"),
        pytest.param(replace(dated(NOW - DAY), title="Two"), NOW + DAY, id="title"),
        pytest.param(dated(NOW - DAY, None, "More."), NOW + DAY, id="text"),
        pytest.param(replace(dated(None), enclosures=(Enclosure("https://a.example/1.mp3"),)), NOW + DAY, id="file"),
        pytest.param(dated(None, NOW + HOUR, "More."), NOW + HOUR, id="text, with a date"),
        pytest.param(dated(None, NOW - 2 * DAY, "More."), NOW + DAY, id="text, with a date before the last change"),
        pytest.param(dated(None, NOW + 9 * DAY, "More."), NOW + DAY, id="text, with a date in the future"),
    ],
)
@pytest.mark.parametrize("remote", [True, False])
def test_updated_moves_with_the_words_only(again: Item, expected: datetime, remote: bool) -> None:
    shelf = Shelf(remote=remote)
    shelf.visit([dated(NOW - DAY)])
    (change,) = shelf.visit([again], NOW + DAY)
    assert (change.published, change.updated) == (NOW - DAY, expected)


@pytest.mark.parametrize(
    ("moved", "what", "published", "updated"),
    [
        pytest.param(NOW + 2 * DAY, "same", NOW + 2 * DAY, NOW + 2 * DAY, id="still waiting"),
        pytest.param(NOW + 9 * DAY, "edited", NOW + 9 * DAY, NOW + 9 * DAY, id="put off"),
        pytest.param(NOW + DAY, "edited", NOW + DAY, NOW + DAY, id="brought forward"),
        pytest.param(NOW - DAY, "edited", NOW - DAY, NOW - DAY, id="published at once"),
        pytest.param(None, "edited", None, NOW + HOUR, id="its date taken away"),
    ],
)
def test_the_day_of_a_waiting_post_may_be_moved(
    moved: datetime | None, what: str, published: datetime | None, updated: datetime
) -> None:
    shelf = Shelf(remote=False)
    shelf.visit([dated(NOW + 2 * DAY)])
    (change,) = shelf.visit([dated(moved)], NOW + HOUR)
    assert (change.what, change.published, change.updated) == (what, published, updated)


def test_the_day_of_a_post_that_was_published_stays() -> None:
    shelf = Shelf(remote=False)
    shelf.visit([dated(NOW + DAY)])
    for date in (NOW + 5 * DAY, NOW - 5 * DAY, None):
        (change,) = shelf.visit([dated(date)], NOW + 2 * DAY)
        assert (change.what, change.published) == ("same", NOW + DAY)


def test_a_clock_that_was_set_back_moves_no_entry_of_a_feed() -> None:
    shelf = Shelf(remote=True)
    shelf.visit([dated(NOW + 300 * DAY)])
    (change,) = shelf.visit([dated(NOW + 300 * DAY)], NOW - HOUR)
    assert (change.what, change.published) == ("same", NOW)


@pytest.mark.parametrize(
    ("date", "future", "published"),
    [
        pytest.param(NOW - 12 * HOUR, None, NOW, id="today"),
        pytest.param(NOW - 36 * HOUR, None, NOW - DAY, id="yesterday"),
        pytest.param(NOW - 14 * HOUR, None, NOW, id="today, in the east"),
        pytest.param(
            NOW - 13 * DAY + HOUR, None, NOW - 12 * DAY - timedelta(seconds=1), id="a day may have but 23 hours"
        ),
        pytest.param(NOW + 12 * HOUR, None, NOW, id="tomorrow counts as now"),
        pytest.param(NOW + 12 * HOUR, "hide", NOW + 12 * HOUR, id="tomorrow waits for the day to begin"),
        pytest.param(NOW + 12 * HOUR, "keep", NOW + 12 * HOUR, id="tomorrow as it is"),
    ],
)
def test_a_day_without_a_time_gets_that_of_first_sight(date: datetime, future: Any, published: datetime) -> None:
    shelf = Shelf(remote=True, future=future)
    (new,) = shelf.visit([replace(dated(date), day_only=True)])
    assert new.published == published
    (again,) = shelf.visit([replace(dated(date), day_only=True)], NOW + HOUR)
    assert (again.what, again.published) == ("same", published)
    assert date <= published < date + DAY or published == NOW


def test_an_edit_that_is_meant() -> None:
    shelf = Shelf(remote=True)
    visits = [dated(None), dated(None, None, "More."), replace(dated(None, None, "More."), rights="CC0")]
    found = [shelf.visit([item], NOW + number * HOUR)[0] for number, item in enumerate(visits)]
    assert [(change.what, change.meant) for change in found] == [("new", False), ("edited", True), ("edited", False)]
    (waits,) = Shelf(remote=False).visit([dated(NOW + DAY)])
    assert waits.waits
    waiting = Shelf(remote=False)
    waiting.visit([dated(NOW + DAY)])
    (edited,) = waiting.visit([dated(NOW + DAY, None, "More.")], NOW + HOUR)
    assert (edited.what, edited.meant, edited.waits) == ("edited", False, True), "nobody has read it yet"


def test_a_post_that_is_dropped_is_read_again() -> None:
    shelf = Shelf(remote=False, future="drop")
    assert shelf.visit([dated(NOW + DAY), replace(A, origin="b.md")]) != ()
    assert shelf.dropped == {"a.md"}
    assert shelf.live() == ["A"]


# --- Keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x", "a.example/x"),
        ("http://a.example/x/", "a.example/x"),
        ("HTTPS://User:pw@A.Example.:443/x?#top", "a.example/x"),
        ("http://a.example:80/x", "a.example/x"),
        ("http://a.example:8080/x", "a.example:8080/x"),
        ("https://a.example/X/y", "a.example/X/y"),
        ("https://a.example/x?b=2&a=1&utm_source=s&UTM_Medium=m&fbclid=z", "a.example/x?a=1&b=2"),
        ("https://a.example/?utm_source=s", ""),
        ("https://a.example/?p=12", "a.example?p=12"),
        ("https://a.example?p=12", "a.example?p=12"),
        ("https://a.example/x?a", "a.example/x?a="),
        ("https://a.example/x?a=1&a=2", "a.example/x?a=1&a=2"),
        ("https://a.example", ""),
        ("https://a.example/#news", ""),
        ("https://a.example/%e4%b8%ad%7Ex", "a.example/%E4%B8%AD~x"),
        ("https://a.example/中~x", "a.example/%E4%B8%AD~x"),
        ("https://a.example/a%2fb", "a.example/a%2Fb"),
        ("https://a.example/x?q=%e4%b8%ad+y", "a.example/x?q=%E4%B8%AD+y"),
        ("https://xn--fsq.example/x", "xn--fsq.example/x"),
        ("http://[::1]:8080/x", "::1:8080/x"),
        ("http://[::1", ""),
        ("http://a.example:99999/x", ""),
        ("http://a\u2100b.example/x", ""),
        ("javascript:alert(1)", ""),
        ("mailto:me@a.example", ""),
        ("/only/a/path", ""),
        ("http://", ""),
        ("//", ""),
        ("", ""),
        ("https://a.example/%zz%", "a.example/%zz%"),
        ("https://a.example/x/index.html", "a.example/x"),
        ("https://a.example/index.php?p=1", "a.example?p=1"),
        ("https://a.example/index.html", ""),
        ("https://a.example/myindex.html", "a.example/myindex.html"),
        ("https://a.example/x;jsessionid=1F?PHPSESSID=2", "a.example/x"),
        ("https://a.example/x%20", "a.example/x"),
        ("https://a.example/x?pk_campaign=1&id=2&_ga=3", "a.example/x?id=2"),
    ],
)
def test_canonical_url(url: str, expected: str) -> None:
    assert canonical_url(url) == expected


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_canonical_url_takes_anything_and_is_settled(rest: str) -> None:
    canonical_url(rest)
    once = canonical_url(f"https://a.example/{rest}")
    assert canonical_url(f"https://{once}") == once


def test_keys_come_strongest_first_and_are_never_long() -> None:
    item = entry("One", guid="g", url=PAGE + "/", origin="a.md")
    kinds = ["guid", "tail", "link", "path", "date", "body", "title", "text"]
    assert [key.partition(":")[0] for key in identity.keys(item)] == kinds
    assert identity.keys(item)[:4] == ("guid:g", "tail:/page", "link:a.example/page", "path:a.md")
    assert [key.partition(":")[0] for key in identity.keys(Item(content="<img>"))] == ["body", "text"]
    long = [replace(item, guid="x" * 5000 + end, url=PAGE + "y" * 5000 + end) for end in "12"]
    first, second = map(identity.keys, long)
    assert not set(first[:3]) & set(second[:3])
    assert all(len(key) <= 300 for key in first)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("guid:https://a.example/1", True),
        ("guid:https://a.example/?p=1", True),
        ("guid:tag:a.example,2026:1", True),
        ("guid:urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a", True),
        ("guid:https://a.example/", False),
        ("guid:https://a.example", False),
        ("guid:12345", False),
        ("guid:tag:soup", False),
        ("link:a.example/1", True),
        ("text:0123", True),
    ],
)
def test_which_keys_mean_the_same_in_every_source(key: str, expected: bool) -> None:
    assert identity.is_global(key) is expected


def test_story_keys_leave_the_file_out_and_end_with_the_text() -> None:
    found = identity.story_keys({"text:t", "path:p", "link:b", "guid:g", "link:a"})
    assert found == ("guid:g", "link:a", "link:b", "text:t")


# --- Whatever comes -------------------------------------------------------------------------------------------------

FEW = st.builds(
    entry,
    title=st.sampled_from(["", "T", "U"]),
    text=st.sampled_from(["", "1", "2"]),
    guid=st.sampled_from(["", "g", "https://a.example/1"]),
    url=st.sampled_from(["", PAGE, "https://a.example/2"]),
    published=st.sampled_from([None, NOW, NOW + HOUR, NOW - DAY]),
    rights=st.sampled_from(["", "CC0"]),
)
BATCHES = st.lists(st.lists(FEW, max_size=5), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(BATCHES, st.randoms(use_true_random=False))
def test_every_entry_is_there_afterwards_and_their_order_says_nothing(batches: list[list[Item]], random: Any) -> None:
    one, other = Shelf(remote=True), Shelf(remote=True)
    for number, batch in enumerate(batches):
        shuffled = random.sample(batch, len(batch))
        now = NOW + number * HOUR
        assert one.visit(batch, now) == other.visit(shuffled, now)
        for item in batch:
            own = [key for key in identity.keys(item) if key.startswith(("guid:", "link:"))]
            rows = [
                row for row in one.rows.values() if row.words == identity.signs(item).words and row.keys.issuperset(own)
            ]
            assert rows, "an entry is missing"
    assert (one.rows, one.items) == (other.rows, other.items)


@settings(max_examples=40, deadline=None)
@given(BATCHES, st.sampled_from(["guid", "link", "link+date", "content"]), st.randoms(use_true_random=False))
def test_in_every_mode_a_document_read_again_says_nothing_new(
    batches: list[list[Item]], mode: Any, random: Any
) -> None:
    one, other = Shelf(remote=True, identity=mode), Shelf(remote=True, identity=mode)
    for number, batch in enumerate(batches):
        now = NOW + number * HOUR
        assert one.visit(batch, now) == other.visit(random.sample(batch, len(batch)), now)
        assert {change.what for change in one.visit(batch, now)} <= {"same"}
        other.visit(batch, now)
    kinds = {"guid": {"guid", "link"}, "link": {"link"}, "link+date": {"date", "link"}, "content": {"body"}}[mode]
    assert {key.partition(":")[0] for row in one.rows.values() for key in row.keys} <= kinds | {"text"}


POOL = st.lists(
    st.tuples(st.sampled_from(["", "g1", "g2"]), st.sampled_from(["", PAGE, "https://a.example/2"])), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(POOL, st.data())
def test_entries_that_share_guids_and_links_keep_their_numbers(
    pool: list[tuple[str, str]], data: st.DataObject
) -> None:
    """All were seen at once; then they come and go in any order, and those that have a guid or a link are edited."""
    items = [entry(f"T{number}", guid=guid, url=url) for number, (guid, url) in enumerate(pool)]
    shelf = Shelf(remote=True)
    shelf.visit(items)
    before = shelf.numbers()
    for hour in range(1, 5):
        listed = data.draw(
            st.lists(st.sampled_from(items), unique_by=lambda item: item.title) if items else st.just([])
        )
        edited = [
            replace(item, content=f"<p>{item.title} at {hour}</p>") if (item.guid or item.url) and keep else item
            for item, keep in zip(listed, data.draw(st.lists(st.booleans(), min_size=len(listed))), strict=False)
        ]
        shelf.visit(edited, NOW + hour * HOUR)
        assert shelf.numbers() == before


@settings(max_examples=60, deadline=None)
@given(st.lists(st.permutations(["a.md", "b.md", "c/a.md", "d.md"]), max_size=5), st.data())
def test_posts_keep_their_numbers_through_any_renaming(names: list[list[str]], data: st.DataObject) -> None:
    shelf = Shelf(remote=False)
    shelf.visit([post(f"{title}.md", title) for title in "ABCD"])
    before = shelf.numbers()
    for order in names:
        there = data.draw(st.sets(st.sampled_from("ABCD")))
        shelf.visit([post(name, title) for name, title in zip(order, "ABCD", strict=True) if title in there])
        assert shelf.numbers() == {title: number for title, number in before.items() if title in there}
    assert len(shelf.rows) == 4


def test_the_order_of_files_says_nothing() -> None:
    files = [post("a.md", "A"), post("b.md", "A"), post("c.md", "C", guid="g"), post("d.md", "D", guid="g")]
    found = {identity.decide(order, [], NOW, remote=False).changes for order in permutations(files)}
    assert len(found) == 1
    identities = [change.identity for change in found.pop()]
    assert len(set(identities)) == 4


CROWD = range(3000)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            [entry("Same", guid=f"{number}") for number in CROWD],
            [entry("Same", guid=f"{number}x") for number in CROWD],
            id="one text, other guids",
        ),
        pytest.param(
            [entry("Same", f"{number}", "g", PAGE) for number in CROWD],
            [entry("Same", f"{number}x", "g", PAGE) for number in CROWD],
            id="one guid, page and title, other texts",
        ),
    ],
)
def test_a_feed_of_entries_that_look_alike_takes_no_hours(before: list[Item], after: list[Item]) -> None:
    shelf = Shelf(remote=True)
    shelf.visit(before)
    assert len(shelf.rows) == 3000
    assert {change.what for change in shelf.visit(before)} == {"same"}
    start = time.process_time()
    shelf.visit(after)
    assert time.process_time() - start < 2, "all are compared with all"
