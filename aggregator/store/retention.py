"""What goes when it is old or one too many, and what is remembered of it so that it stays away.

An item that is removed for good keeps its keys, so that it is known when it is met again, and nothing of its text. It
is forgotten when its source has not listed it for long.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, exists, func, or_, select, update

from aggregator.matching import fold_path
from aggregator.model import CategoryPath, Progress, Retention
from aggregator.store import archives, categories
from aggregator.store.engine import PORTION, insert_new, portions
from aggregator.store.tables import (
    archived,
    category,
    day,
    document,
    hub,
    incident,
    item,
    item_key,
    pending,
    source,
    story,
    story_category,
    visit,
    waiting,
)
from aggregator.store.values import load_path, seconds

FINAL = ("retention", "first import")
"""Why an item was removed for good, so that meeting it again does not bring it back."""

_REMEMBERED = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many entries went: by the source's key, and by the category that let go of them; `left` with its source."""

    sources: Mapping[str, int] = field(default_factory=dict)
    categories: Mapping[CategoryPath, int] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.sources or self.categories or self.left)


def apply(
    db: Connection,
    now: datetime,
    sources: Mapping[str, Retention],
    shelves: Mapping[CategoryPath, Retention],
    progress: Progress = lambda *_: None,
) -> Pruned:
    """Remove for good what is beyond the limits of its source (by key), or else of all its categories.

    A story leaves when each category that it was put into has let go of it, at its own level or above. What sources let
    go of takes no room in categories; so, when something went, settle and call this again.
    """
    beyond = {key: _beyond_source(db, key, sources[key], now) for key in _suspects(db, now, sources)}
    by_source = {key: ids for key, ids in sorted(beyond.items()) if ids}
    if by_source:
        remove(db, [number for ids in by_source.values() for number in ids], now, "retention", progress)
        return Pruned({key: len(ids) for key, ids in by_source.items()})
    going = _beyond_shelves(db, shelves, now)
    for turn, some in enumerate(portions(sorted(going))):
        progress(turn * PORTION, len(going), "removing", "")
        remove(db, db.scalars(select(item.c.id).where(item.c.story_id.in_(some), _live())).all(), now, "retention")
    return Pruned(categories=Counter(path for paths in going.values() for path in paths))


def remove(db: Connection, ids: Sequence[int], now: datetime, why: str, progress: Progress = lambda *_: None) -> None:
    """Remove items, and have their stories looked at. One that may not come back keeps nothing but its keys."""
    values = {"removed": seconds(now), "why": why, "missing": None} | ({"data": "{}"} if why in FINAL else {})
    for turn, some in enumerate(portions(ids)):
        progress(turn * PORTION, len(ids), "removing", "")
        db.execute(update(item).where(item.c.id.in_(some)).values(values))
        db.execute(delete(waiting).where(waiting.c.item_id.in_(some)))
        db.execute(insert_new(db, pending), [{"item_id": number} for number in some])


_LISTED = select(document.c.name).where(document.c.source_id == item.c.source_id).correlate(item)
_OLD = (
    select(item.c.id)
    .where(item.c.source_id.in_(bindparam("these", expanding=True)), item.c.removed.is_not(None))
    .where(item.c.why.in_(FINAL), func.coalesce(item.c.seen, item.c.removed) < bindparam("before"))
    .where(item.c.origin.not_in(_LISTED))
)


def forget(db: Connection, ids: Sequence[int], now: datetime) -> None:
    """After a full read of some sources: forget what was removed for good and has not been listed for long.

    A post counts as listed as long as its file is there.
    """
    for some in portions(ids):
        _delete(db, db.scalars(_OLD, {"these": some, "before": seconds(now - _REMEMBERED)}).all())


def drop_left(db: Connection) -> Mapping[str, int]:
    """Delete the sources that have left the config, with all that they gave. Returns their number of items by key."""
    dropped: dict[str, int] = {}
    twin = item.alias()
    for row in db.execute(select(source.c.id, source.c.key).where(source.c.active.is_(False)).order_by(source.c.key)):
        ids = db.scalars(select(item.c.id).where(item.c.source_id == row.id)).all()
        live = select(func.count()).where(item.c.source_id == row.id, _live())
        dropped[row.key] = db.scalar(live) or 0
        shared = exists().where(twin.c.story_id == item.c.story_id, twin.c.source_id == row.id)
        others = select(item.c.id).where(item.c.source_id != row.id, _live(), shared)
        db.execute(insert_new(db, pending).from_select(["item_id"], others))
        _delete(db, ids)
        for table in (document, visit, day, incident, hub):
            db.execute(delete(table).where(table.c.source_id == row.id))
        db.execute(delete(source).where(source.c.id == row.id))
    return dropped


def _live() -> ColumnElement[bool]:
    return item.c.removed.is_(None)


def _beyond(
    db: Connection, newest: Select[tuple[int]], shown: ColumnElement[int], limits: Retention, now: datetime
) -> set[int]:
    """Of the numbers that a query gives, newest first, those beyond the limits; `shown` is what it orders by."""
    found: set[int] = set()
    if limits.keep is not None:
        found.update(db.scalars(newest.offset(limits.keep)))
    if limits.keep_for is not None:
        found.update(db.scalars(newest.where(shown < seconds(now) - int(limits.keep_for.total_seconds()))))
    return found


def _suspects(db: Connection, now: datetime, sources: Mapping[str, Retention]) -> list[str]:
    """The sources that may have something beyond their limits. An index knows, and of a source it is asked for no more
    than its limit; those that share their limits are asked for together."""
    alike: dict[Retention, list[str]] = {}
    for key, limits in sorted(sources.items()):
        alike.setdefault(limits, []).append(key)
    mine = select(item.c.id).where(item.c.source_id == source.c.id, _live())
    found: list[str] = []
    for limits, keys in alike.items():
        beyond: list[ColumnElement[bool]] = []
        if limits.keep is not None:
            one_more = mine.correlate(source).limit(1).offset(limits.keep).scalar_subquery()
            beyond.append(one_more.is_not(None))
        if limits.keep_for is not None:
            since = seconds(now) - int(limits.keep_for.total_seconds())
            beyond.append(mine.where(item.c.published < since).exists())
            beyond.append(mine.where(item.c.published.is_(None), item.c.first_seen < since).exists())
        for some in portions(keys):
            found += db.scalars(select(source.c.key).where(source.c.key.in_(some), or_(*beyond)))
    return found


def _beyond_source(db: Connection, key: str, limits: Retention, now: datetime) -> list[int]:
    """A source's items beyond its limits; posts that wait for their day are not counted.

    What rules exclude takes no room from what is shown: as many of it are kept besides. When all is settled, an item is
    excluded where its story is in no category, not even in everything; one that another source's copy shows counts.
    """
    shown = func.coalesce(item.c.published, item.c.first_seen)
    asleep = exists().where(waiting.c.item_id == item.c.id)
    own = select(source.c.id).where(source.c.key == key).scalar_subquery()
    mine = select(item.c.id).where(item.c.source_id == own, _live(), ~asleep)
    newest = mine.order_by(shown.desc(), item.c.first_seen.desc(), item.c.id.desc())
    placed = exists().where(story_category.c.story_id == item.c.story_id)
    return sorted(
        number for some in (placed, ~placed) for number in _beyond(db, newest.where(some), shown, limits, now)
    )


def _beyond_shelves(
    db: Connection, shelves: Mapping[CategoryPath, Retention], now: datetime
) -> Mapping[int, set[CategoryPath]]:
    """The stories that no category holds any more, with those that let go of them, each the nearest above."""
    wanted = {fold_path(path): (path, limits) for path, limits in sorted(shelves.items())}
    rows = db.execute(select(category.c.id, category.c.path).order_by(category.c.id)).all() if wanted else []
    let_go: dict[int, set[CategoryPath]] = {}
    for row in rows:
        folded = fold_path(load_path(row.path))
        for number in _beyond_shelf(db, row.id, wanted[folded][1], now) if folded in wanted else ():
            let_go.setdefault(number, set()).add(folded)
    going: dict[int, set[CategoryPath]] = {}
    for number, leaves in _leaves(db, sorted(let_go)).items():
        nearest = [_nearest(leaf, let_go[number]) for leaf in leaves]
        found = {wanted[folded][0] for folded in nearest if folded is not None}
        if None not in nearest:
            going[number] = found
    return going


def _beyond_shelf(db: Connection, category_id: int, limits: Retention, now: datetime) -> set[int]:
    """A category's stories beyond its limits."""
    mine = select(story_category.c.story_id).join(story).where(story_category.c.category_id == category_id)
    shown = story_category.c.published
    newest = mine.order_by(shown.desc(), story_category.c.first_seen.desc(), story.c.public_id.desc())
    return _beyond(db, newest, shown, limits, now)


def _leaves(db: Connection, numbers: Sequence[int]) -> Mapping[int, list[CategoryPath]]:
    """The folded paths that stories were put into themselves; without any it is everything, ()."""
    found: dict[int, list[CategoryPath]] = {number: [] for number in numbers}
    for some in portions(numbers):
        query = select(story_category.c.story_id, category.c.path).join(category)
        for row in db.execute(query.where(story_category.c.story_id.in_(some), story_category.c.leaf)):
            found[row.story_id].append(fold_path(load_path(row.path)))
    return {number: leaves or [()] for number, leaves in found.items()}


def _nearest(leaf: CategoryPath, paths: Collection[CategoryPath]) -> CategoryPath | None:
    """The lowest of these paths that is a category or stands above it."""
    return next((leaf[:depth] for depth in range(len(leaf), -1, -1) if leaf[:depth] in paths), None)


def _delete(db: Connection, ids: Sequence[int]) -> None:
    """Delete items with all that is theirs, and the stories that no other item has."""
    stories: set[int] = set()
    for some in portions(ids):
        stories.update(db.scalars(select(item.c.story_id).where(item.c.id.in_(some), item.c.story_id.is_not(None))))
    for some in portions(sorted(stories)):  # of two who delete the last items of one at once, the second sees that
        db.execute(select(story.c.id).where(story.c.id.in_(some)).order_by(story.c.id).with_for_update())
    for some in portions(ids):
        for table in (item_key, pending, waiting):
            db.execute(delete(table).where(table.c.item_id.in_(some)))
        db.execute(delete(item).where(item.c.id.in_(some)))
    for some in portions(sorted(stories)):
        empty = db.scalars(
            select(story.c.id).where(story.c.id.in_(some), ~exists().where(item.c.story_id == story.c.id))
        )
        gone = empty.all()
        shown = story_category.c.story_id.in_(gone)
        categories.bump(db, set(db.scalars(select(story_category.c.category_id).where(shown))))
        archives.heed(db, gone)
        db.execute(delete(story_category).where(shown))
        db.execute(delete(archived).where(archived.c.story_id.in_(gone)))  # numbers of stories are given again
        db.execute(delete(story).where(story.c.id.in_(gone)))
