"""What the store knows of an entry that somebody asks about: every copy, its keys, dates and places."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from aggregator.model import CategoryPath, Feed, Item
from aggregator.store.tables import category, item, item_key, source, story, story_category, waiting
from aggregator.store.values import load, load_path, moment

_MANY = 500


@dataclass(frozen=True, slots=True)
class Copy:
    """One source's copy of a story, as it came in. `active` says whether the config still has the source; `until` is
    the day that it waits for."""

    source: str = field(repr=False)
    feed_title: str
    active: bool
    item: Item
    title: str
    keys: tuple[str, ...]
    published: datetime | None
    first_seen: datetime
    updated: datetime
    edits: int
    edited: datetime | None
    removed: datetime | None
    why: str
    missing: datetime | None
    until: datetime | None
    shown: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A story with all its copies, the shown one first; `id` is "" while it has none. `places` are the categories that
    it is in: path and number."""

    id: str
    published: datetime | None
    updated: datetime | None
    copies: tuple[Copy, ...]
    places: Mapping[CategoryPath, int]


def by_name(db: Connection, names: Iterable[str], keys: Iterable[str]) -> tuple[Told, ...]:
    """The stories with one of these public ids, or with an item that is recognised by one of these keys."""
    ids = select(item.c.id).join(story, story.c.id == item.c.story_id).where(story.c.public_id.in_(list(names)))
    met = select(item_key.c.item_id).where(item_key.c.key.in_(list(keys)))
    return _told(db, item.c.id.in_(ids) | item.c.id.in_(met))


def by_title(db: Connection, words: Sequence[str], limit: int) -> tuple[Told, ...]:
    """The stories with an item whose title has all these words, `limit` of them: first those that are called just so,
    then the newest."""
    having = [item.c.title.icontains(word, autoescape=True) for word in words]
    newest = func.coalesce(item.c.published, item.c.first_seen).desc()
    exact = (func.lower(item.c.title) == " ".join(words).lower()).desc()
    found = db.execute(select(item.c.id).where(and_(*having)).order_by(exact, newest, item.c.id).limit(limit))
    return _told(db, item.c.id.in_([row.id for row in found]))


def titled(db: Connection, words: Sequence[str]) -> int:
    """How many stories have an item whose title has all these words."""
    having = [item.c.title.icontains(word, autoescape=True) for word in words]
    return db.execute(
        select(func.count(func.coalesce(item.c.story_id, -item.c.id).distinct())).where(*having)
    ).scalar_one()


def _told(db: Connection, which: ColumnElement[bool]) -> tuple[Told, ...]:
    """The stories of these items, newest first; an item that has none stands alone."""
    met = db.execute(select(item.c.id, item.c.story_id).where(which).limit(_MANY)).all()
    stories = {row.story_id for row in met if row.story_id is not None}
    alone = {row.id for row in met if row.story_id is None}
    columns = (
        item,
        source.c.key.label("source_key"),
        source.c.title.label("source_title"),
        source.c.feed,
        source.c.active,
        story.c.public_id,
        (story.c.item_id == item.c.id).label("shown"),
        story.c.published.label("story_published"),
        story.c.updated.label("story_updated"),
        waiting.c.until,
    )
    query = select(*columns).join(source, source.c.id == item.c.source_id)
    query = query.outerjoin(story, story.c.id == item.c.story_id).outerjoin(waiting, waiting.c.item_id == item.c.id)
    wanted = query.where(item.c.story_id.in_(sorted(stories)) | item.c.id.in_(sorted(alone)))
    rows = db.execute(wanted.order_by(source.c.remote, item.c.first_seen, source.c.key, item.c.identity)).all()
    keys = _keys(db, [row.id for row in rows])
    groups: dict[tuple[int, int], list[Row[Any]]] = {}
    for row in rows:
        groups.setdefault((row.story_id or 0, 0 if row.story_id else row.id), []).append(row)
    told = [
        Told(
            id=first.public_id or "",
            published=moment(first.story_published),
            updated=moment(first.story_updated),
            copies=tuple(_copy(row, keys[row.id]) for row in sorted(group, key=lambda row: not row.shown)),
            places=_places(db, first.story_id) if first.story_id else {},
        )
        for group in groups.values()
        for first in group[:1]
    ]
    return tuple(sorted(told, key=lambda each: each.published or each.copies[0].first_seen, reverse=True))


def _copy(row: Row[Any], keys: tuple[str, ...]) -> Copy:
    return Copy(
        source=row.source_key,
        feed_title=row.source_title or load(Feed, row.feed).title,
        active=row.active,
        item=load(Item, row.data),
        title=row.title,
        keys=keys,
        published=moment(row.published),
        first_seen=moment(row.first_seen),
        updated=moment(row.updated),
        edits=row.edits,
        edited=moment(row.edited),
        removed=moment(row.removed),
        why=row.why,
        missing=moment(row.missing),
        until=moment(row.until),
        shown=bool(row.shown),
    )


def _keys(db: Connection, ids: Sequence[int]) -> Mapping[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = dict.fromkeys(ids, ())
    query = select(item_key.c.item_id, item_key.c.key).where(item_key.c.item_id.in_(ids))
    for row in db.execute(query.order_by(item_key.c.key)):
        found[row.item_id] = (*found[row.item_id], row.key)
    return found


def _places(db: Connection, story_id: int) -> Mapping[CategoryPath, int]:
    query = select(category.c.path, category.c.id).join(story_category, story_category.c.category_id == category.c.id)
    rows = db.execute(query.where(story_category.c.story_id == story_id).order_by(category.c.folder))
    return {load_path(row.path): row.id for row in rows}
