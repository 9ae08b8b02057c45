"""What is published: the categories, their newest entries, and which of them have changed since they were rendered."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select, update

from aggregator.model import CategoryPath, Feed, Item, Link
from aggregator.store import archives
from aggregator.store.engine import portions
from aggregator.store.tables import category, item, source, story, story_category
from aggregator.store.values import dump_path, load, load_path, moment


@dataclass(frozen=True, slots=True)
class Place:
    """A category as the store keeps it: its folder, when it came to be, and the state in which it was last rendered.

    `archives` is that in which all its archives were looked at.
    """

    id: int
    path: CategoryPath
    folder: str
    created: datetime
    revision: int
    rendered: str
    archives: str
    is_empty: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry as the store gives it: the copy to show as it came in, with its first date, its source's key, what the
    feed says of itself.

    `seen` is when this copy was first seen, `first_seen` when the story was. `also_in` are the pages of other copies,
    titled with their sources' titles ("" for posts of a source without one).
    """

    id: str
    item: Item
    seen: datetime
    source: str
    feed: Feed
    published: datetime
    first_seen: datetime
    updated: datetime
    folders: tuple[str, ...]
    also_in: tuple[Link, ...] = ()


def places(db: Connection) -> tuple[Place, ...]:
    """All categories, everything first, then by folder."""
    shows = exists().where(story_category.c.category_id == category.c.id).label("shows")
    rows = db.execute(select(category, shows).order_by(category.c.folder))
    return tuple(
        Place(
            id=row.id,
            path=load_path(row.path),
            folder=row.folder,
            created=moment(row.created),
            revision=row.revision,
            rendered=row.rendered,
            archives=row.archives,
            is_empty=not row.shows,
        )
        for row in rows
    )


def counts(db: Connection, among: Sequence[int] | None = None) -> Mapping[int, int]:
    """How many entries each category has, or each `among` these, by its number; a look at all of them. Empty ones are
    left out."""
    counting = select(story_category.c.category_id, func.count()).group_by(story_category.c.category_id)
    if among is None:
        return {row[0]: row[1] for row in db.execute(counting)}
    mine = (counting.where(story_category.c.category_id.in_(some)) for some in portions(among))
    return {row[0]: row[1] for each in mine for row in db.execute(each)}


def recent(
    db: Connection, category_id: int, limit: int | None, per_source: int | None = None, *, is_open: bool = False
) -> tuple[Shown, ...]:
    """The newest entries of a category (None: all) in their total order: published, first seen, id, all descending.

    At most the newest `per_source` of one source are among them; with `is_open` only what is in no archive.
    """
    newest = _newest(story_category.c.category_id == category_id).limit(limit)
    if is_open:
        newest = newest.where(archives.is_open())
    if per_source is not None:
        met = Counter[int]()
        kept: list[int] = []
        for row in db.execute(newest.with_only_columns(story.c.id, item.c.source_id).limit(None)):
            met[row.source_id] += 1
            if met[row.source_id] <= per_source:
                kept.append(row.id)
            if len(kept) == limit:
                break
        newest = newest.where(story.c.id.in_(kept))
    return tuple(shown for _, shown in _shown(db, newest))


def closed(db: Connection, category_id: int, numbers: Sequence[int]) -> Mapping[int, tuple[Shown, ...]]:
    """The entries of archives of a category that have these numbers, by number; those of each in the same order."""
    holders = archives.held(db, category_id, numbers)
    # the sum keeps SQLite from going through the whole category for its order
    mine = story_category.c.story_id.in_(sorted(holders)) & (story_category.c.category_id + 0 == category_id)
    found: dict[int, list[Shown]] = {number: [] for number in numbers}
    for number, shown in _shown(db, _newest(mine)):
        found[holders[number]].append(shown)
    return {number: tuple(shown) for number, shown in found.items()}


def _newest(where: ColumnElement[bool]) -> Select[Any]:
    """What `_shown` needs of rows of `story_category`, the newest first."""
    return (
        select(
            story.c.id,
            story.c.public_id,
            story.c.published,
            story.c.first_seen,
            story.c.updated,
            story.c.also,
            item.c.data,
            item.c.first_seen.label("seen"),
            item.c.published.label("dated"),
            source.c.key,
            source.c.title,
            source.c.feed,
            item.c.feed_updated,
        )
        .select_from(story_category)
        .join(story, story.c.id == story_category.c.story_id)
        .join(item, item.c.id == story.c.item_id)
        .join(source, source.c.id == item.c.source_id)
        .order_by(story_category.c.published.desc(), story_category.c.first_seen.desc(), story.c.public_id.desc())
        .where(where)
    )


def _shown(db: Connection, newest: Select[Any]) -> list[tuple[int, Shown]]:
    """The entries of a query, each with the number of its story."""
    rows = [(load(Item, row.data), row[:6], row[7:]) for row in db.execute(newest)]  # lest all be there twice
    folders = _folders(db, [number for _, (number, *_), _ in rows])
    found = []
    for came, (number, public_id, published, first_seen, updated, also), (seen, dated, key, *feed) in rows:
        first = moment(dated)
        shown = Shown(
            id=public_id,
            item=came if came.published == first else replace(came, published=first),
            seen=moment(seen),
            source=key,
            feed=_feed(*feed),
            published=moment(published),
            first_seen=moment(first_seen),
            updated=moment(updated),
            folders=folders.get(number, ()),
            also_in=tuple(Link(url, "related", title=title) for url, title in json.loads(also)) if also != "[]" else (),
        )
        found.append((number, shown))
    return found


@lru_cache(maxsize=5000)
def _feed(title: str, data: str, updated: int | None) -> Feed:
    """What a feed says of itself, under the `title` that the config gives it; the same for most of its entries."""
    feed = replace(load(Feed, data), updated=moment(updated))
    return replace(feed, title=title) if title else feed


def prints(db: Connection) -> Mapping[str, tuple[str, str]]:
    """Of every story that is shown, by its public id: the rules of its source, and how it is shown, as prints."""
    rows = db.execute(
        select(story.c.public_id, source.c.rules, story.c.digest)
        .join(item, item.c.id == story.c.item_id)
        .join(source, source.c.id == item.c.source_id)
    )
    return {row.public_id: (row.rules, row.digest) for row in rows}


def copies(db: Connection) -> Mapping[str, list[dict[str, str]]]:
    """Every published story's copies, by its public id: the source's key, and the guid, URL and file of the copy."""
    columns = (story.c.public_id, source.c.key, item.c.data)
    rows = select(*columns).select_from(item).join(story, story.c.id == item.c.story_id)
    rows = rows.join(source, source.c.id == item.c.source_id)
    found: dict[str, list[dict[str, str]]] = {}
    for row in db.execute(
        rows.where(item.c.removed.is_(None), source.c.active).order_by(source.c.key, item.c.identity)
    ):
        copy = load(Item, row.data)
        said = {"source": row.key, "guid": copy.guid, "url": copy.url, "file": copy.origin}
        found.setdefault(row.public_id, []).append(said)
    return found


def tally(db: Connection) -> Mapping[str, tuple[int, datetime]]:
    """How many entries of each source are published, and the date of the newest, by the source's key.

    Only those are counted whose stories have changed since they were counted last (see `recount`), and kept.
    """
    everything = select(category.c.id).where(category.c.path == dump_path(())).scalar_subquery()
    for number in db.scalars(select(source.c.id).where(source.c.entries.is_(None))).all():
        mine = select(func.count(), func.max(story_category.c.published)).select_from(item)
        mine = mine.join(story_category, story_category.c.story_id == item.c.story_id)
        mine = mine.where(item.c.source_id == number, item.c.removed.is_(None))
        entries, newest = db.execute(mine.where(story_category.c.category_id == everything)).one()
        counted = {"entries": entries, "newest_entry": newest}
        db.execute(update(source).where(source.c.id == number).values(counted))
    rows = db.execute(select(source.c.key, source.c.entries, source.c.newest_entry).where(source.c.entries > 0))
    return {row.key: (row.entries, moment(row.newest_entry)) for row in rows}


def recount(db: Connection, sources: Sequence[int] | Select[tuple[int]]) -> None:
    """Have the entries of some sources counted anew: those that have, or had, a copy of a story that changes."""
    counted = source.c.id.in_(sources) & source.c.entries.is_not(None)
    db.execute(update(source).where(counted).values(entries=None))


def unrendered(db: Connection, ids: Sequence[int]) -> None:
    """Have all documents of some categories written again, where they differ."""
    if ids:
        db.execute(update(category).where(category.c.id.in_(ids)).values(rendered="", archives=""))


def mark_rendered(db: Connection, category_id: int, state: str) -> None:
    """Note the state in which a category's documents were written."""
    db.execute(update(category).where(category.c.id == category_id).values(rendered=state))


def _folders(db: Connection, stories: Sequence[int]) -> Mapping[int, tuple[str, ...]]:
    """The folders of the categories that stories were put in, those above them left out."""
    found: dict[int, tuple[str, ...]] = {}
    for start in range(0, len(stories), 500):
        some = story_category.c.story_id.in_(stories[start : start + 500])
        query = select(story_category.c.story_id, category.c.folder)
        query = query.join(category, category.c.id == story_category.c.category_id)
        for row in db.execute(query.where(some, story_category.c.leaf).order_by(category.c.folder)):
            found[row.story_id] = (*found.get(row.story_id, ()), row.folder)
    return found
