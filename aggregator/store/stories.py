"""From items to stories: items of several sources that are the same share one public id and appear once.

`settle` looks only at what is pending, in an order of its own, so that the order of arrival in a run changes nothing.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, insert, select, update

from aggregator.identity import is_global, story_keys
from aggregator.model import CategoryPath, Item
from aggregator.store import categories
from aggregator.store.engine import insert_new
from aggregator.store.tables import item, item_key, pending, source, story, story_category, waiting
from aggregator.store.values import load, seconds

_PORTION = 500
_DEPTH = 12  # levels of a category path; with 80 bytes each, the longest path that every file system takes
_PUBLIC_GUID = re.compile(r"(https?://[^\s/?#]+[/?]|tag:|urn:)[^\s<>\"{}|\\^`]+")


def settle(db: Connection, now: datetime, authority: str, slugs: Mapping[CategoryPath, str]) -> None:
    """Give every new item its story, and bring up to date the stories of items that changed or whose day has come.

    `authority` is what our tag: URIs begin with (RFC 4151), such as `tag:example.org,2026:`; `slugs` are folder names
    that the config gives to categories.
    """
    due = select(waiting.c.item_id).where(waiting.c.until <= seconds(now))
    db.execute(insert_new(db, pending).from_select(["item_id"], due))
    db.execute(delete(waiting).where(waiting.c.until <= seconds(now)))
    order = (source.c.remote, source.c.key, item.c.identity)
    ids = db.scalars(select(item.c.id).join(pending).join(source).order_by(*order)).all()
    touched: set[int] = set()
    for some in _portions(ids):
        parted = _part_twins(db, some)
        touched |= _join_stories(db, [*some, *(number for number in parted if number not in some)], authority)
        touched |= set(parted.values())
    for some in _portions(sorted(touched)):
        _refresh(db, some, now, slugs)
    db.execute(delete(pending))


def _join_stories(db: Connection, ids: Sequence[int], authority: str) -> set[int]:
    """Find or make the stories of some pending items; return all stories that these belong to."""
    asleep = set(db.scalars(select(waiting.c.item_id).where(waiting.c.item_id.in_(ids))))
    columns = (item, source.c.key.label("source_key"))
    found = {row.id: row for row in db.execute(select(*columns).join(source).where(item.c.id.in_(ids)))}
    touched = {row.story_id for row in found.values() if row.story_id is not None}
    fresh = [n for n in ids if found[n].story_id is None and found[n].removed is None and n not in asleep]
    keys: dict[int, list[str]] = {number: [] for number in fresh}
    for row in db.execute(select(item_key).where(item_key.c.item_id.in_(fresh))):
        keys[row.item_id].append(row.key)
    meetings = _Meetings(db, {key for own in keys.values() for key in story_keys(own)})
    for number in fresh:
        each = found[number]
        joined = meetings.story_of(number, story_keys(keys[number]))
        if joined is None:
            joined = _mint(db, each, authority)
        db.execute(update(item).where(item.c.id == number).values(story_id=joined))
        meetings.join(number, each.source_id, joined)
        touched.add(joined)
    return touched


def _part_twins(db: Connection, ids: Sequence[int]) -> Mapping[int, int]:
    """Posts that read the same were one story; where these have been edited apart, the oldest keeps it.

    Returns those that left, with the story that each of them left.
    """
    mine = select(item.c.story_id).where(item.c.id.in_(ids), item.c.story_id.is_not(None))
    columns = (item.c.id, item.c.story_id, item.c.source_id, item.c.words)
    members = select(*columns).join(source).where(item.c.story_id.in_(mine), item.c.removed.is_(None))
    oldest: dict[tuple[int, int], str] = {}
    parted: dict[int, int] = {}
    for row in db.execute(members.where(source.c.remote.is_(False)).order_by(item.c.id)).all():
        if oldest.setdefault((row.story_id, row.source_id), row.words) != row.words:
            db.execute(update(item).where(item.c.id == row.id).values(story_id=None))
            parted[row.id] = row.story_id
    return parted


class _Meetings:
    """Who has which of some keys, and in which story: read once for a portion, its newcomers included, then kept up."""

    def __init__(self, db: Connection, keys: Collection[str]) -> None:
        self.holders: dict[str, dict[int, Row[Any]]] = {}
        self.stories: dict[int, int] = {}
        self.sources: dict[int, set[int]] = {}
        self.alike: dict[tuple[str, str], list[Row[Any]]] = {}
        other = item_key.alias()
        naming = other.c.key.startswith("guid:") | other.c.key.startswith("link:")
        named = exists().where(other.c.item_id == item.c.id, naming).label("named")
        columns = (item_key.c.key, item.c.id, item.c.story_id, item.c.source_id, item.c.words, source.c.remote, named)
        live = (
            select(*columns).join(item, item.c.id == item_key.c.item_id).join(source, source.c.id == item.c.source_id)
        )
        live = live.where(item.c.removed.is_(None))
        for some in _portions(sorted(keys)):
            for row in db.execute(live.where(item_key.c.key.in_(some))):
                self.holders.setdefault(row.key, {})[row.id] = row
                if row.story_id is not None:
                    self.stories[row.id] = row.story_id
        members = select(item.c.story_id, item.c.source_id).where(item.c.removed.is_(None)).distinct()
        for some in _portions(sorted(set(self.stories.values()))):
            for row in db.execute(members.where(item.c.story_id.in_(some))):
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
        return None

    def _met(self, key: str, text: str, mine: Row[Any]) -> list[Row[Any]]:
        """The others whom a key tells to be the same. A guid that is no URI, and what several entries of one source
        have (a page with many entries), tells only with the text; the text alone only where one has nothing else."""
        if (key, text) not in self.alike:
            self.alike[key, text] = self._alike(key, text)
        same = self.alike[key, text]
        return [row for row in same if row.id != mine.id and not (key == text and row.named and mine.named)]

    def _alike(self, key: str, text: str) -> list[Row[Any]]:
        holders = self.holders[key]
        if not is_global(key) or _crowded(holders.values()):
            few, many = sorted((holders, self.holders[text]), key=len)
            holders = {number: row for number, row in few.items() if number in many}
        return [] if _crowded(holders.values()) else list(holders.values())


def _crowded(holders: Collection[Row[Any]]) -> bool:
    """Whether there are two entries of one source among them; posts that read the same are copies of one."""
    seen: dict[int, object] = {}
    who = ((row.source_id, row.id if row.remote else row.words) for row in holders if row.named)
    return any(seen.setdefault(source_id, one) != one for source_id, one in who)


def _mint(db: Connection, each: Row[Any], authority: str) -> int:
    """A new story with its public id, which never changes: upstream's own id where that is a URI (RFC 4287 §4.2.6)."""
    guid = load(Item, each.data).guid if each.identity.startswith("guid:") else ""
    name = hashlib.sha256(f"{each.source_key}\0{each.identity}".encode()).hexdigest()[:32]
    shown = each.published if each.published is not None else each.first_seen
    values = {"digest": "", "published": shown, "first_seen": each.first_seen, "updated": max(shown, each.updated)}
    candidates = [guid] if len(guid) <= 500 and _PUBLIC_GUID.fullmatch(guid) else []
    for public_id in (*candidates, f"{authority}item/{name}", f"{authority}item/{name}/{each.id}"):
        made = db.execute(insert_new(db, story).values(values | {"public_id": public_id}).returning(story.c.id))
        if (number := made.scalar()) is not None:
            return int(number)
    raise AssertionError("a story's last candidate for an id names its item's number, so it is free")


def _refresh(db: Connection, numbers: Sequence[int], now: datetime, slugs: Mapping[CategoryPath, str]) -> None:
    """Choose each story's copy to show, and put the story into the categories of all its copies."""
    live = item.c.story_id.in_(numbers) & item.c.removed.is_(None) & source.c.active
    columns = (item, source.c.key.label("source_key"), source.c.title.label("source_title"), source.c.feed)
    order = (source.c.remote, item.c.first_seen, source.c.key, item.c.identity)
    copies: dict[int, list[Row[Any]]] = {}
    for row in db.execute(select(*columns).join(source).where(live).order_by(*order)):
        copies.setdefault(row.story_id, []).append(row)
    paths = {
        number: {path[:_DEPTH] for row in rows for path in load(Item, row.data).categories}
        for number, rows in copies.items()
    }
    folders = categories.place(db, {path for own in paths.values() for path in own}, slugs, now)
    before: dict[int, dict[int, bool]] = {}
    for row in db.execute(select(story_category).where(story_category.c.story_id.in_(numbers))):
        before.setdefault(row.story_id, {})[row.category_id] = row.leaf
    old = {row.id: row for row in db.execute(select(story).where(story.c.id.in_(numbers)))}
    dirty: set[int] = set()
    for number in numbers:
        rows = copies.get(number, [])
        after = {folders[path[:depth]]: False for path in paths.get(number, ()) for depth in range(len(path))}
        after |= {folders[path]: True for path in paths.get(number, ())}
        if rows:
            after.setdefault(folders[()], False)
        dirty |= _rewrite(db, old[number], rows, before.get(number, {}), after)
    categories.bump(db, dirty)


def _rewrite(
    db: Connection, old: Row[Any], copies: Sequence[Row[Any]], before: Mapping[int, bool], after: Mapping[int, bool]
) -> set[int]:
    """Write what changed of one story; return the categories whose documents show it."""
    best = copies[0] if copies else None
    updated = max(old.updated, best.updated) if best else old.updated
    seen = (
        f"{best.id}\0{best.digest}\0{updated}\0{best.source_title}\0{best.feed}\0{sorted(after.items())}"
        if best
        else ""
    )
    digest = hashlib.sha256(seen.encode()).hexdigest()
    if digest == old.digest:
        return set()
    values = {"item_id": best.id if best else None, "digest": digest, "updated": updated}
    db.execute(update(story).where(story.c.id == old.id).values(values))
    if before != after:
        db.execute(delete(story_category).where(story_category.c.story_id == old.id))
        rows = [
            {
                "category_id": category_id,
                "story_id": old.id,
                "leaf": leaf,
                "published": old.published,
                "first_seen": old.first_seen,
            }
            for category_id, leaf in after.items()
        ]
        if rows:
            db.execute(insert(story_category), rows)
    return before.keys() | after.keys()


def _portions(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Values in portions that fit into one query."""
    return (values[start : start + _PORTION] for start in range(0, len(values), _PORTION))
