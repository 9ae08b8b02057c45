"""Whatever a feed does from visit to visit: one entry stays one item, and what was removed for good stays away."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import Item
from tests.test_identity import DAY, HOUR, NOW, Shelf, entry

DEEDS = ("leave", "leave", "edit", "reguid", "relink", "redate", "retitle")


@dataclass(frozen=True)
class Step:
    """A visit: which entries are listed in which order, what was done to each, what is removed for good before it."""

    listed: Sequence[tuple[int, str]]
    buried: int | None
    everything: str


STEPS = st.lists(
    st.builds(
        Step,
        st.lists(st.tuples(st.integers(0, 7), st.sampled_from(DEEDS)), unique_by=lambda pair: pair[0], max_size=8),
        st.none() | st.integers(0, 7),
        st.sampled_from(["", "", "", "ids", "host"]),
    ),
    min_size=1,
    max_size=8,
)


def first(number: int) -> Item:
    """An entry as it is when it is written."""
    name = f"https://a.example/{number}"
    return entry(f"Title {number}", guid=f"{name}#1", url=name, published=NOW - DAY + number * timedelta(minutes=7))


def done(item: Item, deed: str, stamp: str) -> Item:
    """An entry after one thing was done to it; `stamp` is new at every visit."""
    changed: dict[str, Any] = {
        "edit": {"content": f"<p>Edited {stamp} {item.title}</p>"},
        "reguid": {"guid": f"urn:x:{stamp}:{item.title}"},
        "relink": {"url": f"https://a.example/{stamp}/{item.title[-1]}"},
        "redate": {"published": NOW + timedelta(hours=int(stamp) - 100)},
        "retitle": {"title": f"Title {stamp} {item.title[-1]}"},
    }
    return replace(item, **changed.get(deed, {}))


def all_done(items: Sequence[Item], deed: str, stamp: str) -> list[Item]:
    """All entries after the feed has given them new ids and links, or has moved to another host."""
    if deed == "ids":
        links = [f"https://b.example/{stamp}?p={number}" for number, _ in enumerate(items)]
        return [replace(item, guid=f"urn:{link}", url=link) for item, link in zip(items, links, strict=True)]
    host = f"https://host{stamp}.example/"
    return [replace(item, url=host + item.url.split("/", 3)[3]) for item in items]


@settings(max_examples=80, deadline=None)
@given(STEPS, st.randoms(use_true_random=False))
def test_one_entry_is_one_item_for_ever(steps: Sequence[Step], random: Any) -> None:
    shelf, other = Shelf(remote=True), Shelf(remote=True)
    entries = {number: first(number) for number in range(8)}
    numbers: dict[int, int] = {}
    buried: set[int] = set()
    dates: dict[int, Any] = {}
    for hour, step in enumerate(steps, 1):
        if step.buried in numbers:
            buried.add(step.buried)
            for each in (shelf, other):
                each.bury(numbers[step.buried])
        known = [number for number, _ in step.listed if number in numbers]
        if step.everything and len(known) >= 3 and not shelf.habits.visits:
            listed = known
            changed = all_done([entries[number] for number in known], step.everything, str(hour))
            entries |= dict(zip(known, changed, strict=True))
        else:
            listed = [number for number, _ in step.listed]
            entries |= {
                number: done(entries[number], deed, str(hour)) for number, deed in step.listed if number in numbers
            }
        batch = [entries[number] for number in listed]
        now = NOW + hour * HOUR
        assert shelf.visit(batch, now) == other.visit(random.sample(batch, len(batch)), now)
        numbers |= {number: _number(shelf, entries[number]) for number in listed if number not in numbers}
        _check(shelf, numbers, buried, dates)


def _number(shelf: Shelf, item: Item) -> int:
    (found,) = [number for number, each in shelf.items.items() if each.url == item.url]
    return found


def _check(shelf: Shelf, numbers: dict[int, int], buried: set[int], dates: dict[int, Any]) -> None:
    assert len(shelf.rows) == len(numbers), "something is new, or lost"
    assert sorted(numbers.values()) == sorted(shelf.rows)
    live = {number: row for number, row in shelf.rows.items() if not row.removed}
    assert set(live) == {number for who, number in numbers.items() if who not in buried}, "something final is back"
    held = [key for row in live.values() for key in row.keys if key.startswith(("guid:", "link:"))]
    assert len(held) == len(set(held)), "two live items share a guid or a link"
    for who, number in numbers.items():
        if who not in buried:
            assert shelf.items[number].title.endswith(f"{who}"), "an item has become another"
    for number, row in live.items():
        assert dates.setdefault(number, row.published) == row.published, "a date has moved"
    order = sorted(live, key=lambda number: (live[number].published or NOW, number))
    assert all(dates[before] <= dates[after] for before, after in pairwise(order))
