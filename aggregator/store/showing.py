"""What is shown of a story: which of its copies, in which categories, and where else it is to be found."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, delete, insert, select, update

from aggregator.identity import canonical_url
from aggregator.model import CategoryPath, Feed, Item
from aggregator.store import archives, categories
from aggregator.store.engine import many
from aggregator.store.tables import item, source, story, story_category
from aggregator.store.values import dump, load, moment
from aggregator.store.view import View
from aggregator.text import http_url

_DEPTH = 12  # levels of a category path; with 80 bytes each, the longest path that every file system takes


@dataclass(frozen=True, slots=True)
class _Copy:
    """A copy as the rules of its source leave it, without its text, which may be long."""

    id: int
    source_id: int
    source_key: str
    source_title: str
    feed: str
    updated: int
    url: str
    categories: tuple[CategoryPath, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class How:
    """How the config wants entries shown. `placed` are the numbers of categories that are known already; new ones are
    added to it. `titles` are what feeds call themselves, by their source's number."""

    view: View
    slugs: Mapping[CategoryPath, str]
    now: datetime
    placed: dict[CategoryPath, int] = field(default_factory=dict)
    titles: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sight:
    """An item that is new, as its row says, its dates in seconds. `copy` is what is shown of it, None for nothing, in
    these `places` where no other item is the same."""

    id: int
    source_id: int
    source_key: str
    identity: str
    guid: str
    published: int | None
    first_seen: int
    updated: int
    copy: _Copy | None
    places: Mapping[CategoryPath, bool]


def first_sight(db: Connection, ids: Sequence[int], how: How) -> Mapping[int, Sight]:
    """New items, by their numbers. One text is in memory at a time: each may have half a megabyte."""
    found: dict[int, Sight] = {}
    for row in db.execute(_NEW, {"these": ids}):
        came, seen, shown = _seen(row, how)
        copy = _copy(row, came, shown) if shown is not None and row.active else None
        found[row.id] = Sight(
            id=row.id,
            source_id=row.source_id,
            source_key=row.source_key,
            identity=row.identity,
            guid=came.guid,
            published=row.published,
            first_seen=row.first_seen,
            updated=row.updated,
            copy=copy,
            places=_places(shown, seen, [copy], how.view) if shown and copy else {},
        )
    return found


def placed(db: Connection, alone: Mapping[int, Sight], how: How) -> Mapping[int, Sight]:
    """Those whose categories are there already. New ones come to be when all are shown, in an order of their own, so
    that the same posts give the same folders."""
    paths = {path for sight in alone.values() for path in sight.places}
    how.placed.update(categories.known(db, paths - how.placed.keys()))
    return {number: sight for number, sight in alone.items() if sight.places.keys() <= how.placed.keys()}


def bear(db: Connection, stories: Sequence[dict[str, Any]], alone: Mapping[int, Sight], how: How) -> None:
    """Write new stories; those that are `alone`, of one item, as they are shown. Their categories are `placed`."""
    rows: list[dict[str, Any]] = []
    dirty: set[int] = set()
    for new in stories:
        if sight := alone.get(new["id"]):
            after = _after(sight.places, how.placed)
            new |= _shown(new["updated"], [sight.copy] if sight.copy else [], after)
            rows += _rows(new["id"], new["published"], new["first_seen"], after)
            dirty |= after.keys()
    many(db, _BORN, stories)
    many(db, _PLACE, rows)
    categories.bump(db, dirty)


def refresh(db: Connection, numbers: Sequence[int], how: How) -> None:
    """Choose each story's copy to show, and put the story into the categories of all its copies."""
    copies, places = _copies(db, numbers, how)
    if unknown := {path for own in places.values() for path in own} - how.placed.keys():
        how.placed.update(categories.place(db, unknown, how.slugs, how.now))
    before: dict[int, dict[int, bool]] = {}
    for row in db.execute(_BEFORE, {"these": numbers}):
        before.setdefault(row.story_id, {})[row.category_id] = row.leaf
    old = {row.id: row for row in db.execute(_OLD, {"these": numbers})}
    rewritten: list[dict[str, Any]] = []
    moved: dict[int, Mapping[int, bool]] = {}
    dirty: set[int] = set()
    for number in numbers:
        after = _after(places.get(number, {}), how.placed)
        values = _shown(old[number].updated, copies.get(number, []), after)
        if values["digest"] != old[number].digest:
            rewritten.append(values | {"of": number})
            dirty |= before.get(number, {}).keys() | after.keys()
            if before.get(number, {}) != after:
                moved[number] = after
    many(db, _REWRITE, rewritten)
    many(db, _LEAVE, [{"of": number} for number in moved if number in before])
    dates = {number: (old[number].published, old[number].first_seen) for number in moved}
    many(db, _PLACE, [row for number, after in moved.items() for row in _rows(number, *dates[number], after)])
    archives.heed(db, [number for number in moved if old[number].digest])  # what was never shown is in no archive
    categories.bump(db, dirty)


_THESE: BindParameter[Any] = bindparam("these", expanding=True)
_OLD = select(*story.c["id", "digest", "published", "first_seen", "updated"]).where(story.c.id.in_(_THESE))
_BEFORE = select(*story_category.c["story_id", "category_id", "leaf"]).where(story_category.c.story_id.in_(_THESE))
_OWN = item.c["id", "story_id", "source_id", "data", "digest", "published", "first_seen", "updated"]
_ITS = source.c.key.label("source_key"), source.c.title.label("source_title"), source.c.feed
_NEW: Select[Any] = select(*_OWN, *_ITS, item.c.identity, source.c.active).join(source).where(item.c.id.in_(_THESE))
_LIVE: Select[Any] = (
    select(*_OWN, *_ITS)
    .join(source)
    .where(item.c.story_id.in_(_THESE), item.c.removed.is_(None), source.c.active)
    .order_by(
        item.c.story_id, source.c.remote, source.c.priority.desc(), item.c.first_seen, source.c.key, item.c.identity
    )
)
_BORN = insert(story)
_REWRITE = update(story).where(story.c.id == bindparam("of"))
_LEAVE = delete(story_category).where(story_category.c.story_id == bindparam("of"))
_PLACE = insert(story_category)


def _after(places: Mapping[CategoryPath, bool], placed: Mapping[CategoryPath, int]) -> dict[int, bool]:
    """Places by the numbers of their categories: two spellings are one category."""
    after: dict[int, bool] = {}
    for path, leaf in places.items():
        after[placed[path]] = leaf or after.get(placed[path], False)
    return after


def _rows(number: int, published: int, first_seen: int, after: Mapping[int, bool]) -> Iterator[dict[str, Any]]:
    """The places of a story, as rows."""
    for category_id, leaf in after.items():
        yield {
            "category_id": category_id,
            "story_id": number,
            "leaf": leaf,
            "published": published,
            "first_seen": first_seen,
        }


def _copies(
    db: Connection, numbers: Sequence[int], how: How
) -> tuple[Mapping[int, list[_Copy]], Mapping[int, Mapping[CategoryPath, bool]]]:
    """The copies that may be shown, by story, the best first: a post of one's own, else by priority, else by age; and
    the categories of the stories. One text is in memory at a time.
    """
    copies: dict[int, list[_Copy]] = {}
    places: dict[int, Mapping[CategoryPath, bool]] = {}
    for number, rows in groupby(db.execute(_LIVE, {"these": numbers}), attrgetter("story_id")):
        best: tuple[Item, datetime] | None = None
        for row in rows:
            came, seen, shown = _seen(row, how)
            if shown is not None:
                copies.setdefault(number, []).append(_copy(row, came, shown))
                best = best or (shown, seen)
        if best:
            places[number] = _places(*best, copies[number], how.view)
    return copies, places


def _seen(row: Row[Any], how: How) -> tuple[Item, datetime, Item | None]:
    """An item as it came, when it was first seen, and as the rules of its source leave it: None where they refuse it.

    Its date is that of the first sight, lest a rule on age come out differently when upstream moves it.
    """
    came, published, seen = load(Item, row.data), moment(row.published), moment(row.first_seen)
    if came.published != published:
        came = replace(came, published=published)
    if row.source_id not in how.titles:
        how.titles[row.source_id] = row.source_title or load(Feed, row.feed).title
    return came, seen, how.view.item(row.source_key, came, seen, how.titles[row.source_id])


def _copy(row: Row[Any], came: Item, shown: Item) -> _Copy:
    print_ = row.digest if shown is came else hashlib.sha256(dump(shown).encode()).hexdigest()
    own = row.id, row.source_id, row.source_key, row.source_title, row.feed, row.updated
    return _Copy(*own, shown.url, shown.categories, print_)


def _places(best: Item, seen: datetime, copies: Sequence[_Copy], view: View) -> Mapping[CategoryPath, bool]:
    """The categories of a story, whose `best` copy was first seen then, and whether it was put there itself."""
    paths = frozenset(path[:_DEPTH] for copy in copies for path in copy.categories)
    places = view.places(best, paths, seen)
    return {path: leaf for path, leaf in places.items() if len(path) <= _DEPTH}


def _also(copies: Sequence[_Copy]) -> str:
    """The pages of the other copies with their sources' titles, as JSON; a page that is the entry's own is left out."""
    best, *others = copies
    if not others:
        return "[]"
    seen = {canonical_url(best.url) or best.url}
    found = []
    for copy in others:
        url = http_url(copy.url)
        page = canonical_url(url) or url
        if url and page not in seen:
            title = copy.source_title or load(Feed, copy.feed).title
            found.append((url, title or urlsplit(copy.source_key).hostname or ""))
            seen.add(page)
    return json.dumps(found, ensure_ascii=False)


def _shown(updated: int, copies: Sequence[_Copy], after: Mapping[int, bool]) -> dict[str, Any]:
    """What is shown of one story, `updated` then; its `digest` is another one when anything of that has changed."""
    best = copies[0] if copies else None
    updated = max(updated, best.updated) if best else updated
    also = _also(copies) if copies else "[]"
    seen: tuple[object, ...] = ()
    if best:
        others = sorted({copy.source_id for copy in copies} - {best.source_id})  # they count it among their entries
        seen = (best.id, best.digest, updated, best.source_title, best.feed, also, sorted(after.items()), *others)
    print_ = hashlib.sha256("\0".join(map(str, seen)).encode()).hexdigest()
    return {"item_id": best.id if best else None, "digest": print_, "updated": updated, "also": also}
