"""The items of visits: those that are new, edited, removed or met again.

All of a sort go by one statement, which is made once: making it takes longer than what it does.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, select, update

from aggregator.identity import Change
from aggregator.model import Item
from aggregator.store.engine import insert_new, many, new_numbers, portions
from aggregator.store.tables import item, item_key, pending, waiting
from aggregator.store.values import dump, seconds

_OF: BindParameter[int] = bindparam("of")
_ONE = update(item).where(item.c.id == _OF)
_EDIT = _ONE.values(edits=item.c.edits + bindparam("more"), edited=func.coalesce(bindparam("meant"), item.c.edited))
_REMOVE = _ONE.values(removed=bindparam("when"), why="file gone")
_SEEN = _ONE.where(func.coalesce(item.c.seen, 0) <= bindparam("before")).values(seen=bindparam("when"))
_NEW = insert(item)
_NAMES = select(item.c.identity).where(item.c.source_id == _OF, item.c.identity.in_(bindparam("names", expanding=True)))
_KEPT = item_key.c.key.startswith("guid:") | item_key.c.key.startswith("link:")
_FORGET = delete(item_key).where(item_key.c.item_id == _OF, ~_KEPT)
_WAKE = delete(waiting).where(waiting.c.item_id == _OF)
_SLEEP = insert(waiting)


@dataclass(frozen=True, slots=True)
class Gift:
    """What a visit changes of its source's items; `said` is when the feed says that it was updated.

    Of changes that are `surplus` nothing is kept but what they are recognised by, so that they stay away. `is_first`
    says that the store has no items of this source.
    """

    source_id: int
    changes: Sequence[Change]
    said: datetime | None = None
    surplus: Collection[Change] = ()
    is_first: bool = False


def save(db: Connection, gifts: Sequence[Gift], now: datetime) -> None:
    """Keep what visits of several sources changed of their items."""
    edits: list[dict[str, Any]] = []
    pages: dict[int, tuple[int, Iterable[str]]] = {}  # items: their source, and the keys that they have now
    gone: list[int] = []
    listed: list[int] = []
    revised: list[int] = []
    shown: dict[int, Change] = {}
    added = _add(db, gifts, now)
    for gift, new in zip(gifts, added, strict=True):
        known = [(change, change.known) for change in gift.changes if change.known]
        gone += [of.id for change, of in known if change.what == "removed"]
        listed += [of.id for change, of in known if change.what != "removed" and of.final]
        edited = {of.id: change for change, of in known if change.what == "edited"}
        edits += [
            {
                "of": number,
                "more": int(change.meant),
                "meant": seconds(now) if change.meant else None,
                "feed_updated": seconds(gift.said),
                **_row(change, change.item),
            }
            for number, change in edited.items()
            if change.item
        ]
        more = {of.id: change for change, of in known if change.item and not of.keys.issuperset(change.keys)}
        revised += list(edited | more)
        keyed = edited | more | new
        pages |= {number: (gift.source_id, change.keys) for number, change in keyed.items()}
        shown |= {number: change for number, change in new.items() if change not in gift.surplus} | edited
    many(db, _REMOVE, [{"of": number, "when": seconds(now)} for number in gone])
    many(db, _SEEN, [{"of": each, "when": seconds(now), "before": seconds(now) - 86400} for each in listed])  # a day
    many(db, _EDIT, edits)
    many(db, _FORGET, [{"of": number} for number in revised])
    _add_keys(db, pages)
    many(db, _WAKE, [{"of": number} for number in (*gone, *(row["of"] for row in edits))])
    days = {number: change.published for number, change in shown.items() if change.waits and change.published}
    many(db, _SLEEP, [{"item_id": number, "until": seconds(day)} for number, day in days.items() if day > now])
    many(db, insert_new(db, pending), [{"item_id": number} for number in (*shown, *gone)])


def save_keys(db: Connection, source_id: int, item_id: int, keys: Iterable[str]) -> None:
    """Guids and links are remembered for ever; of all else the last alone, as others may come to have it."""
    db.execute(_FORGET, {"of": item_id})
    _add_keys(db, {item_id: (source_id, keys)})


def _add(db: Connection, gifts: Sequence[Gift], now: datetime) -> list[dict[int, Change]]:
    """Add items, and give each its number."""
    fresh = [[change for change in gift.changes if change.what == "new"] for gift in gifts]
    if not any(fresh):
        return [{} for _ in gifts]
    numbers = iter(new_numbers(db, item, sum(map(len, fresh))))
    rows: list[dict[str, Any]] = []
    made: list[dict[int, Change]] = []
    for gift, new in zip(gifts, fresh, strict=True):
        of = {"source_id": gift.source_id, "first_seen": seconds(now), "feed_updated": seconds(gift.said), "edits": 0}
        mine = {number: change for change, number in zip(new, numbers, strict=False)}
        for (number, change), name in zip(mine.items(), _names(db, gift, new), strict=True):
            if change.item:
                rows.append({"id": number, "identity": name} | of | _row(change, change.item))
            if change in gift.surplus:
                rows[-1] |= {"removed": seconds(now), "why": "first import", "data": "{}"}
        made.append(mine)
    many(db, _NEW, rows)
    return made


def _names(db: Connection, gift: Gift, new: Sequence[Change]) -> Iterator[str]:
    """What new items are called: their identity, with a number where another text or file has it by now."""
    taken: set[str] = set()
    for some in portions([] if gift.is_first else [change.identity for change in new]):
        taken.update(db.scalars(_NAMES, {"of": gift.source_id, "names": some}))
    for change in new:
        numbered = (f"{change.identity}#{number}" for number in count(2))
        for name in chain((change.identity,), numbered):
            is_asked = gift.is_first or name == change.identity
            if name not in taken and (is_asked or not db.scalar(_NAMES, {"of": gift.source_id, "names": [name]})):
                break
        taken.add(name)
        yield name


def _row(change: Change, value: Item) -> dict[str, Any]:
    return {
        "origin": value.origin,
        "title": value.title,
        "data": dump(value),
        "digest": change.digest,
        "words": change.words,
        "published": seconds(change.published),
        "updated": seconds(change.updated),
        "removed": None,
        "why": "",
        "missing": None,
    }


def _add_keys(db: Connection, keys: Mapping[int, tuple[int, Iterable[str]]]) -> None:
    rows = [
        {"item_id": number, "key": key, "source_id": source_id}
        for number, (source_id, own) in keys.items()
        for key in own
    ]
    many(db, insert_new(db, item_key), rows)
