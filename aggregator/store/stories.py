"""From items to stories: items of several sources that are the same share one public id and appear once.

`settle` looks only at what is pending, in an order of its own, so that the order of arrival within a run changes nothing.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from aggregator.identity import story_keys
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

    `authority` is what our tag: URIs begin with (RFC 4151), such as `tag:example.org,2026:`; `slugs` are folder names that
    the config gives to categories.
    """
    due = select(waiting.c.item_id).where(waiting.c.until <= seconds(now))
    db.execute(insert_new(db, pending).from_select(["item_id"], due))
    db.execute(delete(waiting).where(waiting.c.until <= seconds(now)))
    order = (source.c.remote, source.c.key, item.c.identity)
    ids = db.scalars(select(item.c.id).join(pending).join(source).order_by(*order)).all()
    touched: set[int] = set()
    for start in range(0, len(ids), _PORTION):
        touched |= _join_stories(db, ids[start : start + _PORTION], now, authority)
    stories = sorted(touched)
    for start in range(0, len(stories), _PORTION):
        _refresh(db, stories[start : start + _PORTION], now, slugs)
    db.execute(delete(pending))


def _join_stories(db: Connection, ids: Sequence[int], now: datetime, authority: str) -> set[int]:
    """Find or make the stories of some pending items; return all stories that these belong to."""
    asleep = set(db.scalars(select(waiting.c.item_id).where(waiting.c.item_id.in_(ids))))
    columns = (item, source.c.key.label("source_key"))
    found = {row.id: row for row in db.execute(select(*columns).join(source).where(item.c.id.in_(ids)))}
    keys: dict[int, list[str]] = {}
    for row in db.execute(select(item_key).where(item_key.c.item_id.in_(ids)).order_by(item_key.c.key)):
        keys.setdefault(row.item_id, []).append(row.key)
    touched: set[int] = set()
    fresh: dict[int, tuple[str, ...]] = {}
    for each in (found[number] for number in ids):
        if each.story_id is not None:
            touched.add(each.story_id)
        elif each.removed is None and each.id not in asleep:
            fresh[each.id] = story_keys(load(Item, each.data), keys.get(each.id, ()))
    meetings = _Meetings(db, {key for own in fresh.values() for key in own})
    for number, own in fresh.items():
        each = found[number]
        joined = meetings.story_of(own, each.source_id)
        if joined is None:
            joined = _mint(db, each, now, authority)
        db.execute(update(item).where(item.c.id == number).values(story_id=joined))
        meetings.add(joined, own, each.source_id)
        touched.add(joined)
    return touched


class _Meetings:
    """Which stories have which keys, and through which sources: read once for a portion, then kept up by hand."""

    def __init__(self, db: Connection, keys: Collection[str]) -> None:
        self.stories: dict[str, set[int]] = {}
        self.sources: dict[int, set[int]] = {}
        every = sorted(keys)
        for start in range(0, len(every), _PORTION):
            some = item_key.c.key.in_(every[start : start + _PORTION])
            columns = (item_key.c.key, item.c.story_id, item.c.source_id)
            rows = select(*columns).join(item, item.c.id == item_key.c.item_id)
            for row in db.execute(rows.where(some, item.c.story_id.is_not(None), item.c.removed.is_(None))):
                self.add(row.story_id, (row.key,), row.source_id)

    def add(self, number: int, keys: Iterable[str], source_id: int) -> None:
        for key in keys:
            self.stories.setdefault(key, set()).add(number)
        self.sources.setdefault(number, set()).add(source_id)

    def story_of(self, keys: Iterable[str], source_id: int) -> int | None:
        """The one story that the strongest telling key names. A key of several stories tells nothing (a page with many
        entries), and two entries of one source are two stories, unless all there is to compare is their text."""
        for key in keys:
            met = self.stories.get(key, set())
            if len(met) == 1:
                (number,) = met
                if source_id not in self.sources[number] or key.startswith("text:"):
                    return number
        return None


def _mint(db: Connection, each: Row[Any], now: datetime, authority: str) -> int:
    """A new story with its public id, which never changes: upstream's own id where that is a URI (RFC 4287 §4.2.6)."""
    guid = each.identity.removeprefix("guid:") if each.identity.startswith("guid:") else ""
    name = hashlib.sha256(f"{each.source_key}\0{each.identity}".encode()).hexdigest()[:32]
    shown = each.published if each.published is not None else each.first_seen
    values = {"digest": "", "published": shown, "first_seen": each.first_seen, "updated": each.updated}
    candidates = [guid] if len(guid) <= 500 and _PUBLIC_GUID.fullmatch(guid) else []
    for public_id in (*candidates, f"{authority}item/{name}", f"{authority}item/{name}/{each.id}"):
        made = db.execute(
            insert_new(db, story).values(values | {"public_id": public_id}).returning(story.c.id)
        ).scalar()
        if made is not None:
            return int(made)
    raise AssertionError("a story's last candidate for an id names its item's number, so it is free")


def _refresh(db: Connection, numbers: Sequence[int], now: datetime, slugs: Mapping[CategoryPath, str]) -> None:
    """Choose each story's copy to show, and put the story into the categories of all its copies."""
    live = item.c.story_id.in_(numbers) & item.c.removed.is_(None) & source.c.active
    columns = (item, source.c.key.label("source_key"), source.c.title.label("source_title"), source.c.feed)
    order = (source.c.remote, item.c.first_seen, source.c.key, item.c.identity)
    asleep = select(waiting.c.item_id)
    copies: dict[int, list[Row[Any]]] = {}
    for row in db.execute(select(*columns).join(source).where(live, item.c.id.not_in(asleep)).order_by(*order)):
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
    updated = max(old.published, best.updated) if best else old.updated
    seen = f"{best.id}\0{best.digest}\0{updated}\0{best.source_title}\0{best.feed}\0{after}" if best else ""
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
