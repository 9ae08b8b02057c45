"""What the store knows of a source before a visit, and what a visit leaves in it. All of a visit is one transaction."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, exists, func, insert, select, update

from aggregator.identity import Change, Habits, Known, digest
from aggregator.model import CategoryPath, Feed, Hints, Item, Move, Validators, Visit
from aggregator.rhythm import Rhythm
from aggregator.schedule import Due
from aggregator.store import items
from aggregator.store.engine import insert_new, many, portions
from aggregator.store.retention import FINAL
from aggregator.store.tables import document, item, item_key, pending, source, waiting
from aggregator.store.values import dump, dump_said, load, load_said, moment, seconds

_CROWD = 100  # a title that so many items have tells nothing, and to read them all at each visit would take too long

# Statements of each visit are made once, as making them takes longer than what they do.
_OF: BindParameter[int] = bindparam("of")
_THESE: BindParameter[Any] = bindparam("these", expanding=True)
_SAID = select(source.c.warnings).where(source.c.id == _OF)
_SAVE = update(source).where(source.c.id == _OF)
_DOCUMENTS = select(document).where(document.c.source_id.in_(_THESE)).order_by(document.c.source_id, document.c.name)
_GONE = delete(document).where(document.c.source_id == _OF, document.c.name == bindparam("which"))
_READ = insert(document)
_STOCKED = select(source.c.id).where(source.c.id.in_(_THESE), exists().where(item.c.source_id == source.c.id))
_MINE = (item_key.c.source_id == _OF) & item_key.c.key.in_(_THESE)
_WITH_KEYS = select(item_key.c.item_id).where(_MINE)
_FEW_WITH_KEYS = _WITH_KEYS.distinct().limit(_CROWD + 1)
_CROWDED = select(item_key.c.key).where(_MINE).group_by(item_key.c.key).having(func.count() > _CROWD)
_OF_FILES = select(item.c.id).where(item.c.source_id == _OF, item.c.origin.in_(_THESE))
_KEYS = select(item_key.c.item_id, item_key.c.key).where(item_key.c.item_id.in_(_THESE))
_ITEMS = select(*item.c["id", "digest", "words", "title", "origin", "published", "updated", "removed", "why"]).where(
    item.c.id.in_(_THESE)
)


@dataclass(frozen=True, slots=True)
class Learned:
    """What a visit taught about its source, besides its items."""

    hints: Hints
    gone_since: datetime | None = None
    move: Move | None = None
    habits: Habits = field(default_factory=Habits)
    rhythm: Rhythm = field(default_factory=Rhythm)


@dataclass(frozen=True, slots=True)
class Kept:
    """A visit as it is to be saved. `feed` and `before`, its validators, are as they were until now, `failures` and
    `said`, the warnings by their document, as they are now (None: these stay).

    Of changes that are `surplus` nothing is kept but what they are recognised by, so that they stay away. `is_first`
    says that the store has no items of this source.
    """

    source_id: int
    visit: Visit
    changes: Sequence[Change]
    due: Due
    learned: Learned
    before: Mapping[str, Validators] = field(default_factory=dict)
    feed: Feed = field(default_factory=Feed)
    failures: int = 0
    said: Mapping[str, tuple[str, ...]] | None = None
    surplus: Collection[Change] = ()
    is_first: bool = False

    @property
    def gift(self) -> items.Gift:
        """What it changes of its source's items."""
        updated = self.visit.feed.updated if self.visit.feed else None
        return items.Gift(self.source_id, self.changes, updated, self.surplus, self.is_first)


def validators(db: Connection, source_id: int) -> Mapping[str, Validators]:
    """What was learned of each document of a source when it was last read, by the document's name."""
    return validators_of(db, [source_id])[source_id]


def validators_of(db: Connection, ids: Sequence[int]) -> Mapping[int, Mapping[str, Validators]]:
    """The same for several sources, by their numbers."""
    found: dict[int, dict[str, Validators]] = {number: {} for number in ids}
    for some in portions(ids):
        for row in db.execute(_DOCUMENTS, {"these": some}):
            known_as = Validators(row.etag, row.last_modified, row.stamp, row.url, row.print, row.entries or b"")
            found[row.source_id][row.name] = known_as
    return found


def with_items(db: Connection, ids: Sequence[int]) -> set[int]:
    """Those of some sources that have items, if only removed ones."""
    return {number for some in portions(ids) for number in db.scalars(_STOCKED, {"these": some})}


def known(db: Connection, source_id: int, keys: Collection[str], origins: Collection[str]) -> tuple[Known, ...]:
    """The items of a source that have one of these keys or came from one of these files."""
    ids: set[int] = set()
    for some in _some(keys):
        ids.update(_with_keys(db, source_id, some))
    for some in _some(origins):
        ids.update(db.scalars(_OF_FILES, {"of": source_id, "these": some}))
    found: list[Known] = []
    for some in _some(ids):
        own: dict[int, set[str]] = {}
        for number, key in db.execute(_KEYS, {"these": some}).all():
            own.setdefault(number, set()).add(key)
        for row in db.execute(_ITEMS, {"these": some}).all():
            found.append(_known(row, frozenset(own.get(row.id, ()))))
    return tuple(sorted(found, key=lambda each: each.id))


def _with_keys(db: Connection, source_id: int, keys: Sequence[str]) -> Sequence[int]:
    """The items of a source that have one of these keys, but for titles and the like that very many have. Of few items
    none has."""
    met = db.scalars(_FEW_WITH_KEYS, {"of": source_id, "these": keys}).all()
    if len(met) <= _CROWD:
        return met
    vague = [key for key in keys if key.startswith(("tail:", "title:"))]
    crowded = set(db.scalars(_CROWDED, {"of": source_id, "these": vague}))
    return db.scalars(_WITH_KEYS, {"of": source_id, "these": [key for key in keys if key not in crowded]}).all()


def save(db: Connection, every: Sequence[Kept], now: datetime, then: datetime | None = None) -> None:
    """Keep what visits of several sources gave: items, keys, validators, what feeds say of themselves, and when to come
    again. Items are dated by `then`, where `now` is not to be trusted."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for each in every:
        state = _state(each, now)
        alike.setdefault(tuple(state), []).append(state)
    well = [each for each in every if not each.visit.error]
    _save_documents(db, well)
    items.save(db, [each.gift for each in well], then or now)
    for each in well:
        if each.visit.feed and not each.is_first and _shows(each.feed) != _shows(each.visit.feed):
            touch(db, each.source_id)
    for rows in alike.values():
        many(db, _SAVE, rows)


def _state(each: Kept, now: datetime) -> dict[str, Any]:
    """How a visit leaves its source, as its row says."""
    visit, learned = each.visit, each.learned
    state: dict[str, Any] = {
        "of": each.source_id,
        "last_visit": seconds(now),
        "next_visit": seconds(each.due.when),
        "reason": each.due.reason,
        "gone": each.due.gone,
        "gone_since": seconds(learned.gone_since),
        "hints": dump(learned.hints),
        "move": dump(learned.move) if learned.move else "",
        "seconds": visit.seconds,
        "identity": dump(learned.habits),
        "rhythm": dump(learned.rhythm),
        "error": visit.error,
        "failures": each.failures,
    }
    if not visit.error:
        state["last_success"] = seconds(now)
        if each.said is not None:
            state["warnings"] = dump_said(each.said)
        if visit.feed:
            state["feed"] = dump(visit.feed)
    return state


def _shows(feed: Feed) -> Feed:
    return replace(feed, updated=None)


def failures_after(before: int, planned: datetime, now: datetime) -> int:
    """How many failures in a row there are with one at `now`. One more before its time, as by `--force`, counts for
    nothing: who mends a server and looks again is not to wait the longer for that."""
    return before if before and now < planned else before + 1


def add(db: Connection, source_id: int, visit: Visit, changes: Sequence[Change], now: datetime, rhythm: Rhythm) -> None:
    """Keep the items of a visit and when they came: from what a hub delivers nothing else is to be learned."""
    items.save(db, [items.Gift(source_id, changes, visit.feed.updated if visit.feed else None)], now)
    db.execute(update(source).where(source.c.id == source_id).values(rhythm=dump(rhythm)))


def posts(db: Connection, source_id: int, now: datetime) -> tuple[int, int]:
    """How many items a source has, and how many more that wait for their day."""
    asleep = func.count(waiting.c.item_id)
    later = (waiting.c.item_id == item.c.id) & (waiting.c.until > seconds(now))
    mine = (item.c.source_id == source_id) & item.c.removed.is_(None)
    row = db.execute(
        select(func.count() - asleep, asleep).select_from(item).outerjoin(waiting, later).where(mine)
    ).one()
    return row[0], row[1]


def said(db: Connection, source_id: int, visit: Visit) -> Mapping[str, tuple[str, ...]]:
    """The warnings after a visit of posts: new ones of what was read, those of what stands as it was, none of what is
    gone."""
    before = load_said(db.scalar(_SAID, {"of": source_id}) or "{}")
    held = {name: said for name, said in before.items() if name in visit.held}
    return dict(sorted({**held, **visit.said}.items()))


def postpone(db: Connection, source_id: int, until: datetime, reason: str) -> None:
    """A source was not asked, as its host wants silence: nothing is known of it but when to come again.

    What is planned for later stays planned: a visit before its time (`--force`) was not made, so it changes nothing.
    """
    values = {"next_visit": seconds(until), "reason": reason}
    earlier = source.c.next_visit < seconds(until)
    db.execute(update(source).where(source.c.id == source_id, earlier).values(values))


def hasten(db: Connection, source_id: int, when: datetime, reason: str) -> None:
    """Have a source visited at a moment, if no earlier one is planned."""
    later = source.c.next_visit > seconds(when)
    values = {"next_visit": seconds(when), "reason": reason}
    db.execute(update(source).where(source.c.id == source_id, later).values(values))


def follow(db: Connection, source_id: int, old: str, new: str) -> None:
    """A feed has moved for good: what was learned of its document holds for the new address."""
    mine = (document.c.source_id == source_id) & (document.c.name == old)
    db.execute(update(document).where(mine).values(name=new))


def touch(db: Connection, source_id: int) -> None:
    """Something that all entries of a source show has changed: look at all their stories again."""
    mine = select(item.c.id).where(item.c.source_id == source_id, item.c.removed.is_(None))
    db.execute(insert_new(db, pending).from_select(["item_id"], mine))


def move(db: Connection, source_id: int, old: tuple[CategoryPath, ...], new: tuple[CategoryPath, ...]) -> None:
    """A feed's categories were changed in the config: its items follow, without asking its publisher for them again."""
    rows = db.execute(select(item.c.id, item.c.data).where(item.c.source_id == source_id)).all()
    for row in rows:
        value = load(Item, row.data)
        if value.categories == old:
            moved = replace(value, categories=new)
            values = {"data": dump(moved), "digest": digest(moved)}
            db.execute(update(item).where(item.c.id == row.id).values(values))


def forget_documents(db: Connection, source_id: int) -> None:
    """Have all documents of a source read again at its next visit; their names stay, as one may be gone by then."""
    nothing = {"etag": "", "last_modified": "", "stamp": "", "url": "", "print": "", "entries": None}
    db.execute(update(document).where(document.c.source_id == source_id).values(nothing))


def _save_documents(db: Connection, every: Sequence[Kept]) -> None:
    """Validators are replaced by what was said last. What could not be read keeps its name alone, to be read again."""
    gone: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for each in every:
        visit, before = each.visit, each.before
        kept = {**dict.fromkeys(visit.broken, Validators()), **visit.held, **visit.documents}
        gone += [{"of": each.source_id, "which": name} for name in before if before[name] != kept.get(name)]
        rows += [
            {
                "source_id": each.source_id,
                "name": name,
                "etag": said.etag,
                "last_modified": said.last_modified,
                "stamp": said.stamp,
                "url": said.url,
                "print": said.print,
                "entries": said.entries or None,
            }
            for name, said in kept.items()
            if before.get(name) != said
        ]
    many(db, _GONE, gone)
    many(db, _READ, rows)


def _known(row: Any, keys: frozenset[str]) -> Known:
    return Known(
        id=row.id,
        keys=keys,
        digest=row.digest,
        words=row.words,
        title=row.title,
        origin=row.origin,
        published=moment(row.published),
        updated=moment(row.updated),
        removed=row.removed is not None,
        final=row.removed is not None and row.why in FINAL,
    )


def _some(values: Collection[Any]) -> Iterator[list[Any]]:
    """Values in portions that fit into one query, in a fixed order."""
    every = sorted(values)
    return (every[start : start + 500] for start in range(0, len(every), 500))
