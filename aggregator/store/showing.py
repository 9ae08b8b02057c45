"""What is shown of a story: which of its copies, in which categories, and where else it is to be found."""

import hashlib
import json
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
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


def refresh(
    db: Connection,
    numbers: Sequence[int],
    now: datetime,
    slugs: Mapping[CategoryPath, str],
    view: View,
    placed: MutableMapping[CategoryPath, int],
) -> None:
    """Choose each story's copy to show, and put the story into the categories of all its copies.

    `placed` are the numbers of categories that are known already; new ones are added to it.
    """
    copies, places = _copies(db, numbers, view)
    if unknown := {path for own in places.values() for path in own} - placed.keys():
        placed.update(categories.place(db, unknown, slugs, now))
    before: dict[int, dict[int, bool]] = {}
    for row in db.execute(_BEFORE, {"these": numbers}):
        before.setdefault(row.story_id, {})[row.category_id] = row.leaf
    old = {row.id: row for row in db.execute(_OLD, {"these": numbers})}
    rewritten: list[dict[str, Any]] = []
    moved: dict[int, Mapping[int, bool]] = {}
    dirty: set[int] = set()
    for number in numbers:
        after: dict[int, bool] = {}
        for path, leaf in places.get(number, {}).items():  # two spellings are one category
            after[placed[path]] = leaf or after.get(placed[path], False)
        values = _shown(old[number], copies.get(number, []), after)
        if values["digest"] != old[number].digest:
            rewritten.append(values | {"of": number})
            dirty |= before.get(number, {}).keys() | after.keys()
            if before.get(number, {}) != after:
                moved[number] = after
    many(db, _REWRITE, rewritten)
    many(db, _LEAVE, [{"of": number} for number in moved if number in before])
    rows = [
        {
            "category_id": category_id,
            "story_id": number,
            "leaf": leaf,
            "published": old[number].published,
            "first_seen": old[number].first_seen,
        }
        for number, after in moved.items()
        for category_id, leaf in after.items()
    ]
    many(db, _PLACE, rows)
    archives.heed(db, [number for number in moved if old[number].digest])  # what was never shown is in no archive
    categories.bump(db, dirty)


_THESE: BindParameter[Any] = bindparam("these", expanding=True)
_OLD = select(*story.c["id", "digest", "published", "first_seen", "updated"]).where(story.c.id.in_(_THESE))
_BEFORE = select(*story_category.c["story_id", "category_id", "leaf"]).where(story_category.c.story_id.in_(_THESE))
_OWN = item.c["id", "story_id", "source_id", "data", "digest", "published", "first_seen", "updated"]
_LIVE: Select[Any] = (
    select(*_OWN, source.c.key.label("source_key"), source.c.title.label("source_title"), source.c.feed)
    .join(source)
    .where(item.c.story_id.in_(_THESE), item.c.removed.is_(None), source.c.active)
    .order_by(
        item.c.story_id, source.c.remote, source.c.priority.desc(), item.c.first_seen, source.c.key, item.c.identity
    )
)
_REWRITE = update(story).where(story.c.id == bindparam("of"))
_LEAVE = delete(story_category).where(story_category.c.story_id == bindparam("of"))
_PLACE = insert(story_category)


def _copies(
    db: Connection, numbers: Sequence[int], view: View
) -> tuple[Mapping[int, list[_Copy]], Mapping[int, Mapping[CategoryPath, bool]]]:
    """The copies that may be shown, by story, the best first: a post of one's own, else by priority, else by age; and
    the categories of the stories.

    Their dates are those of the first sight, lest a rule on age come out differently when upstream moves one. One text
    is in memory at a time: each may have half a megabyte.
    """
    copies: dict[int, list[_Copy]] = {}
    places: dict[int, Mapping[CategoryPath, bool]] = {}
    titles: dict[int, str] = {}
    for number, rows in groupby(db.execute(_LIVE, {"these": numbers}), attrgetter("story_id")):
        best: tuple[Item, datetime] | None = None
        for row in rows:
            came, published, seen = load(Item, row.data), moment(row.published), moment(row.first_seen)
            if came.published != published:
                came = replace(came, published=published)
            if row.source_id not in titles:
                titles[row.source_id] = row.source_title or load(Feed, row.feed).title
            shown = view.item(row.source_key, came, seen, titles[row.source_id])
            if shown is not None:
                print_ = row.digest if shown is came else hashlib.sha256(dump(shown).encode()).hexdigest()
                copies.setdefault(number, []).append(_copy(row, shown, print_))
                best = best or (shown, seen)
        if best:
            places[number] = _places(*best, copies[number], view)
    return copies, places


def _copy(row: Row[Any], shown: Item, print_: str) -> _Copy:
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


def _shown(old: Row[Any], copies: Sequence[_Copy], after: Mapping[int, bool]) -> dict[str, Any]:
    """What is shown of one story; its `digest` is another one when anything of that has changed."""
    best = copies[0] if copies else None
    updated = max(old.updated, best.updated) if best else old.updated
    also = _also(copies) if copies else "[]"
    seen: tuple[object, ...] = ()
    if best:
        others = sorted({copy.source_id for copy in copies} - {best.source_id})  # they count it among their entries
        seen = (best.id, best.digest, updated, best.source_title, best.feed, also, sorted(after.items()), *others)
    print_ = hashlib.sha256("\0".join(map(str, seen)).encode()).hexdigest()
    return {"item_id": best.id if best else None, "digest": print_, "updated": updated, "also": also}
