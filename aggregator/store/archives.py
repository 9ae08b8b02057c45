"""Which entries of a category are closed into which archive document (RFC 5005 §4), and how these were last written.

An entry that is archived keeps its place there for ever, also while it is not published. Archives whose entries may
have changed are `due`, from the transaction that changes them until their documents are as they should be, so that
nobody has to look at the others.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    tuple_,
    update,
)

from aggregator.store.engine import many, portions
from aggregator.store.tables import archive, archived, category, item, story, story_category


@dataclass(frozen=True, slots=True)
class Archive:
    """A closed document. `holds` is a print of which entries of it are published now, "" for none.

    `rendered` is the state in which its documents were last written, "" for never.
    """

    number: int
    holds: str
    rendered: str


class Open(NamedTuple):
    """An entry that is in no archive: its story, the source of the copy that is shown, its dates in seconds."""

    id: int
    source: int
    first_seen: int
    published: int
    public_id: str


_NEW, _HOLD = insert(archive), insert(archived)
_SHUT = (
    update(story_category)
    .where(story_category.c.category_id == bindparam("of"), story_category.c.story_id == bindparam("one"))
    .values(open=False)
)


def live(db: Connection, category_id: int) -> tuple[Archive, ...]:
    """All archives of a category that hold something, the oldest first."""
    return tuple(map(_archive, db.execute(_live(category_id).order_by(archive.c.number))))


Island = tuple[Sequence[Archive], Archive | None, Sequence[Archive]]


def around(db: Connection, category_id: int, number: int) -> Island:
    """An archive, None when it holds nothing, between up to two before it and two after it that do."""
    every = _live(category_id)
    older = db.execute(every.where(archive.c.number < number).order_by(archive.c.number.desc()).limit(2)).all()
    newer = db.execute(every.where(archive.c.number > number).order_by(archive.c.number).limit(2)).all()
    this = db.execute(every.where(archive.c.number == number)).first()
    return tuple(map(_archive, reversed(older))), this and _archive(this), tuple(map(_archive, newer))


def newest(db: Connection, category_id: int) -> int | None:
    """The number of the last archive that holds something."""
    found: int | None = db.scalar(
        _live(category_id).with_only_columns(archive.c.number).order_by(archive.c.number.desc()).limit(1)
    )
    return found


def renew(db: Connection, category_id: int) -> tuple[int, ...]:
    """See anew what is held by the archives that are due. Returns their numbers."""
    mine = archive.c.category_id == category_id
    due = db.scalars(
        select(archive.c.number).where(mine, literal_column("archive.due")).order_by(archive.c.number)
    ).all()
    shown = and_(
        story_category.c.category_id == archived.c.category_id, story_category.c.story_id == archived.c.story_id
    )
    held = select(archived.c.story_id).join(story_category, shown).where(archived.c.category_id == category_id)
    for number in due:
        stories = sorted(db.scalars(held.where(archived.c.number == number)))  # asked to, SQLite would look at all
        holds = _print(stories) if stories else ""
        db.execute(update(archive).where(mine, archive.c.number == number).values(holds=holds))
    return tuple(due)


def done(db: Connection, category_id: int, numbers: Sequence[int], state: str) -> None:
    """Note that what these archives show is as it should be, and in which state all archives of the category are."""
    for some in portions(numbers):
        mine = (archive.c.category_id == category_id) & archive.c.number.in_(some)
        db.execute(update(archive).where(mine).values(due=False))
    other = (category.c.id == category_id) & (category.c.archives != state)
    db.execute(update(category).where(other).values(archives=state))


def heed(db: Connection, stories: Collection[int]) -> None:
    """The categories of stories have changed: those that they are archived in are due, and what is archived is not
    open."""
    for some in portions(sorted(stories)):
        of = archived.c.story_id.in_(some)
        holders = select(archived.c.category_id, archived.c.number).where(of)
        db.execute(update(archive).where(tuple_(archive.c.category_id, archive.c.number).in_(holders)).values(due=True))
        own = select(archived.c.category_id, archived.c.story_id).where(of)
        place = tuple_(story_category.c.category_id, story_category.c.story_id)
        db.execute(update(story_category).where(place.in_(own)).values(open=False))


def close(
    db: Connection, category_id: int, items: int, per_source: int | None, size: int, unwanted: Collection[int] = ()
) -> None:
    """Close what is to be closed now into new archives. Numbers that are `unwanted` are left out."""
    columns = (story.c.id, item.c.source_id, story_category.c.first_seen, story_category.c.published, story.c.public_id)
    rows = select(*columns).select_from(story_category).join(story, story.c.id == story_category.c.story_id)
    rows = rows.join(item, item.c.id == story.c.item_id)
    rows = rows.where(story_category.c.category_id == category_id, is_open())
    order = (story_category.c.published.desc(), story_category.c.first_seen.desc(), story.c.public_id.desc())
    found = [Open._make(row) for row in db.execute(rows.order_by(*order))]
    last = db.scalar(select(func.max(archive.c.number)).where(archive.c.category_id == category_id)) or 0
    numbers = (number for number in count(last + 1) if number not in unwanted)
    closed = list(zip(to_close(found, items, per_source, size), numbers, strict=False))
    if not closed:
        return
    many(db, _NEW, [{"category_id": category_id, "number": number, "rendered": ""} for _, number in closed])
    for some in portions([(each.id, number) for entries, number in closed for each in entries]):
        many(db, _HOLD, [{"category_id": category_id, "story_id": one, "number": number} for one, number in some])
        many(db, _SHUT, [{"of": category_id, "one": one} for one, _ in some])


def to_close(found: Sequence[Open], items: int, per_source: int | None, size: int) -> list[Sequence[Open]]:
    """Of open entries in their usual order, newest first, those for each new archive, what was seen first in the first.

    May be closed: what is beyond the newest `items`, as soon as there are `size` of them; and at once, even into a
    smaller archive, what the current document leaves out because its source has `per_source` newer entries there.
    """
    met = Counter[int]()
    kept: list[Open] = []
    left_out: list[Open] = []
    for each in found:
        met[each.source] += 1
        is_one_too_many = per_source is not None and met[each.source] > per_source
        (left_out if is_one_too_many else kept).append(each)
    waiting = sorted([*left_out, *kept[items:]], key=lambda each: (each.first_seen, each.published, each.public_id))
    full = len(waiting) - len(waiting) % size
    end = len(waiting) if set(left_out) & set(waiting[full:]) else full
    return [waiting[start : min(start + size, end)] for start in range(0, end, size)]


def is_open() -> ColumnElement[bool]:
    """Of a row of `story_category`: whether its story is in no archive of this category, in the words of the index."""
    return literal_column("story_category.open")


def held(db: Connection, category_id: int, numbers: Sequence[int]) -> Mapping[int, int]:
    """The stories that are in these archives, published or not, each with the number of its archive."""
    mine = (archived.c.category_id == category_id) & archived.c.number.in_(numbers)
    return {row[0]: row[1] for row in db.execute(select(archived.c.story_id, archived.c.number).where(mine))}


def holder(db: Connection, category_id: int, public_id: str) -> int | None:
    """The number of the archive that an entry is in."""
    numbers = select(archived.c.number).join(story, story.c.id == archived.c.story_id)
    found: int | None = db.scalar(numbers.where(archived.c.category_id == category_id, story.c.public_id == public_id))
    return found


def mark_rendered(db: Connection, category_id: int, states: Mapping[int, str]) -> None:
    """Note the states in which the documents of archives were written, by their numbers."""
    this = (archive.c.category_id == category_id) & (archive.c.number == bindparam("this"))
    values = [{"this": number, "state": state} for number, state in states.items()]
    if values:
        db.execute(update(archive).where(this).values(rendered=bindparam("state")), values)


def _live(category_id: int) -> Select[tuple[int, str, str]]:
    columns = (archive.c.number, archive.c.holds, archive.c.rendered)
    return select(*columns).where(archive.c.category_id == category_id, literal_column("archive.holds <> ''"))


def _archive(row: Row[tuple[int, str, str]]) -> Archive:
    return Archive(row.number, row.holds, row.rendered)


def _print(numbers: Sequence[int]) -> str:
    return hashlib.sha256(repr(numbers).encode()).hexdigest()[:16]
