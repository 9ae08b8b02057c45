"""From items to stories: items of several sources that are the same share one public id and appear once.

`settle` looks only at what is pending, in an order of its own, so that the order of arrival in a run changes nothing.
"""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, exists, func, select, update

from aggregator.identity import is_global, story_keys
from aggregator.model import CategoryPath, Progress
from aggregator.store import channels, clocks, meta, near, showing
from aggregator.store.engine import PORTION, insert_new, many, new_numbers, portions
from aggregator.store.tables import item, item_key, pending, source, story, waiting
from aggregator.store.values import seconds
from aggregator.store.view import View, plain

_CHAR = r"(?:[^\x00-\x20\x7f-\x9f\s<>\"{}|\\^`%/?#]|%[0-9A-Fa-f]{2})"
_PUBLIC_GUID = re.compile(rf"(?:https?://{_CHAR}+[/?]|tag:|urn:)(?:{_CHAR}|[/?#])+")


def wakes(db: Connection, now: datetime) -> bool:
    """Whether there are items whose day has come since they were looked at."""
    awake = waiting.c.until <= seconds(clocks.trusted(db, now))
    return db.scalar(select(waiting.c.item_id).where(awake).limit(1)) is not None


def settle(
    db: Connection,
    now: datetime,
    authority: str,
    slugs: Mapping[CategoryPath, str],
    view: View = plain,
    progress: Progress = lambda *_: None,
    *,
    similar: bool = False,
) -> None:
    """Give every new item its story, and bring up to date the stories of items that changed or whose day has come.

    `authority` is what our tag: URIs begin with (RFC 4151), such as `tag:example.org,2026:`; `slugs` are folder names
    that the config gives to categories; `view` is what the owner's rules make of entries. `similar` joins other
    sources' new entries that read nearly the same, too.
    """
    if meta.has_changed(db, "routing", view.routing_print):
        live = select(item.c.id).where(item.c.removed.is_(None), item.c.story_id.is_not(None))
        db.execute(insert_new(db, pending).from_select(["item_id"], live))
    near.switch(db, now, on=similar)
    due = select(waiting.c.item_id).where(waiting.c.until <= seconds(now))
    db.execute(insert_new(db, pending).from_select(["item_id"], due))
    db.execute(delete(waiting).where(waiting.c.until <= seconds(now)))
    order = (source.c.remote, source.c.key, item.c.identity)
    named = item.c.id.in_(select(pending.c.item_id))  # joined, SQLite would go through all items for their order
    ids = db.scalars(select(item.c.id).join(source).where(named).order_by(*order)).all()
    touched: set[int] = set()
    how = showing.How(view, slugs, now)
    for turn, some in enumerate(portions(ids)):
        progress(turn * PORTION, len(ids), "grouping", "")
        if similar:
            near.remember(db, some, now)
        touched |= _join_stories(db, some, authority, how, similar)
    for turn, some in enumerate(portions(sorted(touched))):
        progress(turn * PORTION, len(touched), "sorting", "")
        channels.recount(db, select(item.c.source_id).where(item.c.story_id.in_(some)))
        showing.refresh(db, some, how)
    db.execute(delete(pending))


def _join_stories(db: Connection, ids: Sequence[int], authority: str, how: showing.How, similar: bool) -> set[int]:
    """Find or make the stories of some pending items. Returns all stories that these belong to, but for new ones of one
    item, which are shown already."""
    told = {row.id: row.story_id for row in db.execute(_TOLD, {"these": ids}).all()}
    parted = _part_twins(db, list(told))
    touched = {*told.values(), *parted.values()} - {None}
    every = [*ids, *(number for number in parted if number not in ids)]
    asleep = set(db.scalars(_ASLEEP, {"these": every}).all())
    fresh = [n for n in every if n not in asleep and (n in parted or n not in told)]
    if not fresh:
        return touched
    seen = showing.first_sight(db, fresh, how)
    met = _sharing(db, fresh)
    keys: dict[int, list[str]] = {number: [] for number in fresh}
    for some in portions(fresh if similar else list(met)):
        for number, key in db.execute(_TELLING, {"these": some}).all():
            keys[number].append(key)
    signs = {number: story_keys(keys[number]) for number in met}
    meetings = _Meetings(db, {key for own in signs.values() for key in own})
    names = _Names(db, [seen[number] for number in fresh], authority)
    stories: list[dict[str, Any]] = []
    joins: list[dict[str, int]] = []
    alone: dict[int, showing.Sight] = {}
    for number in fresh:
        each = seen[number]
        joined = meetings.story_of(number, signs[number]) if number in met else None
        if joined is None and similar:
            _write(db, stories, {}, joins, how)  # it looks for those in the store
            if (joined := near.story_of(db, each, keys[number])) is not None:
                meetings.know([joined])
        if joined is None:
            stories.append(names.mint(each))
            joined = stories[-1]["id"]
            alone[joined] = each
        elif joined in alone:
            del alone[joined]
        joins.append({"of": number, "joined": joined})
        meetings.join(number, each.source_id, joined)
        touched.add(joined)
    shown = {} if similar else showing.placed(db, alone, how)  # there, some are written already
    if shown:
        channels.recount(db, sorted({each.source_id for each in shown.values()}))
    _write(db, stories, shown, joins, how)
    return touched - shown.keys()


_THESE: BindParameter[Any] = bindparam("these", expanding=True)
_LONGEST = 500  # characters of a guid that may be a public id
_TOLD = select(item.c.id, item.c.story_id).where(
    item.c.id.in_(_THESE), item.c.story_id.is_not(None) | item.c.removed.is_not(None)
)
_ASLEEP = select(waiting.c.item_id).where(waiting.c.item_id.in_(_THESE))
_KIND = func.substr(item_key.c.key, 1, 5).in_(("guid:", "link:", "text:", "near:"))  # by these others may know an item
_TELLING = select(item_key.c.item_id, item_key.c.key).where(item_key.c.item_id.in_(_THESE), _KIND)
_OTHER = item_key.alias()
_SHARING = (
    select(item_key.c.item_id)
    .distinct()
    .where(item_key.c.item_id.in_(_THESE), func.substr(item_key.c.key, 1, 5).in_(("guid:", "link:", "text:")))
    .where(exists().where(_OTHER.c.key == item_key.c.key, _OTHER.c.item_id != item_key.c.item_id))
)
_TAKEN = select(story.c.public_id).where(story.c.public_id.in_(_THESE))
_JOINED = update(item).where(item.c.id == bindparam("of")).values(story_id=bindparam("joined"))


def _write(
    db: Connection,
    stories: list[dict[str, Any]],
    alone: Mapping[int, showing.Sight],
    joins: list[dict[str, int]],
    how: showing.How,
) -> None:
    """Write new stories, and who joined which; both lists are empty then."""
    showing.bear(db, stories, alone, how)
    many(db, _JOINED, joins)
    stories.clear()
    joins.clear()


def _part_twins(db: Connection, ids: Sequence[int]) -> Mapping[int, int]:
    """Posts that read the same were one story; where these have been edited apart, the oldest keeps it.

    Returns those that left, with the story that each of them left.
    """
    if not ids:
        return {}
    mine = select(item.c.story_id).where(item.c.id.in_(ids))
    columns = (item.c.id, item.c.story_id, item.c.source_id, item.c.words)
    members = select(*columns).join(source).where(item.c.story_id.in_(mine), item.c.removed.is_(None))
    oldest: dict[tuple[int, int], str] = {}
    parted: dict[int, int] = {}
    for row in db.execute(members.where(source.c.remote.is_(False)).order_by(item.c.id)).all():
        if oldest.setdefault((row.story_id, row.source_id), row.words) != row.words:
            db.execute(update(item).where(item.c.id == row.id).values(story_id=None))
            parted[row.id] = row.story_id
    return parted


def _sharing(db: Connection, ids: Sequence[int]) -> set[int]:
    """Those of some items who share a key with another: nobody is met by what is one's own alone."""
    return set(db.scalars(_SHARING, {"these": ids}))


class _Meetings:
    """Who has which of some keys, and in which story: read once for a portion, its newcomers included, then kept up."""

    def __init__(self, db: Connection, keys: Collection[str]) -> None:
        self.db = db
        self.holders: dict[str, dict[int, Row[Any]]] = {}
        self.stories: dict[int, int] = {}
        self.sources: dict[int, set[int]] = {}
        self.alike: dict[tuple[str, str], list[Row[Any]]] = {}
        self.gone: dict[str, dict[int, Row[Any]]] = {}
        if not keys:
            return
        other, twin = item_key.alias(), item.alias()
        naming = other.c.key.startswith("guid:") | other.c.key.startswith("link:")
        named = exists().where(other.c.item_id == item.c.id, naming).label("named")
        columns = (item_key.c.key, item.c.id, item.c.story_id, item.c.source_id, item.c.words, source.c.remote, named)
        every = (
            select(*columns).join(item, item.c.id == item_key.c.item_id).join(source, source.c.id == item.c.source_id)
        )
        alive = exists().where(twin.c.story_id == item.c.story_id, twin.c.removed.is_(None))
        removed = item.c.removed.is_not(None) & item.c.story_id.is_not(None) & ~alive
        for some in portions(sorted(keys)):
            for row in db.execute(every.where(item.c.removed.is_(None), item_key.c.key.in_(some))):
                self.holders.setdefault(row.key, {})[row.id] = row
                if row.story_id is not None:
                    self.stories[row.id] = row.story_id
            for row in db.execute(every.where(removed, item_key.c.key.in_(some))):
                self.gone.setdefault(row.key, {})[row.id] = row
        self.know(sorted(set(self.stories.values())))
        self.know(sorted({row.story_id for rows in self.gone.values() for row in rows.values()}), removed=True)

    def know(self, numbers: Sequence[int], *, removed: bool = False) -> None:
        """Read which sources these stories have copies of, with `removed` those that had one."""
        members = select(item.c.story_id, item.c.source_id).distinct()
        members = members if removed else members.where(item.c.removed.is_(None))
        for some in portions(numbers):
            for row in self.db.execute(members.where(item.c.story_id.in_(some))):
                self.sources.setdefault(row.story_id, set()).add(row.source_id)

    def join(self, number: int, source_id: int, joined: int) -> None:
        self.stories[number] = joined
        self.sources.setdefault(joined, set()).add(source_id)

    def story_of(self, number: int, keys: Sequence[str]) -> int | None:
        """The one story that the strongest telling key names. Two entries of one feed are two stories, two files too,
        unless a guid, a link or the lack of both says with the text that they are the same."""
        text = keys[-1]
        mine = self.holders[text][number]
        for key in keys:
            met = self._met(key, text, mine)
            joined = {self.stories[other.id] for other in met if other.id in self.stories}
            if len(joined) == 1:
                (story_id,) = joined
                if mine.source_id not in self.sources[story_id] or any(row.source_id == mine.source_id for row in met):
                    return story_id
        return self._lost(keys, mine)

    def _lost(self, keys: Sequence[str], mine: Row[Any]) -> int | None:
        """A story whose copies are all gone: it comes back as itself when another source has it, lest there be two when
        the first has it again."""
        for key in keys:
            met = _told(self.gone, key, keys[-1])
            left = {row.story_id for row in met if not (key == keys[-1] and row.named and mine.named)}
            if len(left) == 1:
                (story_id,) = left
                if mine.source_id not in self.sources[story_id]:
                    return int(story_id)
        return None

    def _met(self, key: str, text: str, mine: Row[Any]) -> list[Row[Any]]:
        """The others whom a key tells to be the same. A guid that is no URI, and what several entries of one source
        have (a page with many entries), tells only with the text; the text alone only where one has nothing else."""
        if (key, text) not in self.alike:
            self.alike[key, text] = _told(self.holders, key, text)
        same = self.alike[key, text]
        return [row for row in same if row.id != mine.id and not (key == text and row.named and mine.named)]


def _told(every: Mapping[str, dict[int, Row[Any]]], key: str, text: str) -> list[Row[Any]]:
    """Those who have a key, as far as it tells."""
    holders = every.get(key, {})
    if not is_global(key) or _crowded(holders.values()):
        few, many = sorted((holders, every.get(text, {})), key=len)
        holders = {number: row for number, row in few.items() if number in many}
    return [] if _crowded(holders.values()) else list(holders.values())


def _crowded(holders: Collection[Row[Any]]) -> bool:
    """Whether there are two entries of one source among them; posts that read the same are copies of one."""
    seen: dict[int, object] = {}
    who = ((row.source_id, row.id if row.remote else row.words) for row in holders if row.named)
    return any(seen.setdefault(source_id, one) != one for source_id, one in who)


class _Names:
    """Numbers and public ids for the stories of some items. Such an id never changes: it is upstream's own where that
    is a URI (RFC 4287 §4.2.6), and else made from what the item is called in its source."""

    def __init__(self, db: Connection, every: Sequence[showing.Sight], authority: str) -> None:
        self.wanted = {each.id: (*_guid(each), f"{authority}item/{_name(each)}") for each in every}
        self.taken: set[str] = set()
        for some in portions(sorted({name for names in self.wanted.values() for name in names})):
            self.taken.update(db.scalars(_TAKEN, {"these": some}).all())
        self.numbers = iter(new_numbers(db, story, len(every)))  # who joins another's leaves one

    def mint(self, each: showing.Sight) -> dict[str, Any]:
        """A new story, as a row. The last candidate for its id names its item's number, so it is free."""
        wanted = self.wanted[each.id]
        public_id = next((name for name in wanted if name not in self.taken), f"{wanted[-1]}/{each.id}")
        self.taken.add(public_id)
        shown = each.published if each.published is not None else each.first_seen
        return {
            "id": next(self.numbers),
            "public_id": public_id,
            "item_id": None,
            "digest": "",
            "published": shown,
            "first_seen": each.first_seen,
            "updated": max(shown, each.updated),
            "also": "[]",
        }


def _guid(each: showing.Sight) -> tuple[str, ...]:
    """The id that upstream gave, if it may be used."""
    is_named = each.identity.startswith("guid:") and len(each.guid) <= _LONGEST
    return (each.guid,) if is_named and _PUBLIC_GUID.fullmatch(each.guid) else ()


def _name(each: showing.Sight) -> str:
    return hashlib.sha256(f"{each.source_key}\0{each.identity}".encode()).hexdigest()[:32]
