"""All that a store holds, copied into an empty one, which may be on another database.

It goes by tables in the order of their foreign keys, and in each by portions in the order of the primary key. With
every portion goes a note of how far it came, so that one that was broken off goes on there. The note also keeps the
prints of what is to come, so that half of one store is never filled up from another, or from one that has changed.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from gettext import gettext as _
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, Table, delete, func, insert, literal, select, tuple_
from sqlalchemy.exc import DatabaseError

from aggregator.errors import AggregatorError
from aggregator.languages import marked
from aggregator.store import postgresql
from aggregator.store.engine import HALF, insert_or, name_of, writing
from aggregator.store.lock import KEY as LOCK
from aggregator.store.tables import meta, metadata
from aggregator.text import masked, one_line

_PORTION = 500  # rows, as an entry may have a hundred kilobytes
_OWN = (HALF, LOCK)  # of `meta`: what says how this very store is used now

Heard = Callable[[int, str], None]
"""Hears how many more rows are done, and of which table."""


@dataclass(frozen=True, slots=True)
class Print:
    """How many rows a table has, and a digest of all their values in the order of the primary key."""

    rows: int
    digest: str


Prints = Mapping[str, Print]
"""The prints of all tables, by their names."""


@dataclass(frozen=True, slots=True)
class Note:
    """How far the copy of a store came. `origin` is its name, `prints` are those of all its tables; `copied` rows are
    here, the last one with the primary key `after` in `table`, "" for none."""

    origin: str
    prints: Prints
    copied: int = 0
    table: str = ""
    after: Sequence[Any] = field(default=())


def count(db: Connection) -> int:
    """The rows of all tables."""
    return sum(db.scalar(_own(select(func.count()).select_from(table), table)) or 0 for table in metadata.sorted_tables)


def is_empty(db: Connection) -> bool:
    """Whether a store holds nothing yet, a note apart."""
    return not any(
        db.scalar(_own(select(literal(1)).select_from(table), table).limit(1)) for table in metadata.sorted_tables
    )


def prints(db: Connection, heard: Heard) -> Prints:
    """The prints of all tables. Raises AggregatorError when one cannot be read."""
    found = {}
    for table in metadata.sorted_tables:
        rows, digest = 0, hashlib.sha256()
        with _told(db.engine, table, marked("{name}: table {table} cannot be read: {why}")):
            for some in _portions(db, table):
                for row in some:
                    digest.update(repr(tuple(map(_plain, row))).encode())
                rows += len(some)
                heard(len(some), table.name)
        found[table.name] = Print(rows, digest.hexdigest())
    return found


def note(db: Connection) -> Note | None:
    """The note in a store that has been filled in part."""
    said = db.scalar(select(meta.c.value).where(meta.c.key == HALF))
    if said is None:
        return None
    found = json.loads(said)
    return Note(**{**found, "prints": {name: Print(**each) for name, each in found["prints"].items()}})


def begin(db: Connection, note: Note) -> None:
    """Have a store ready to be filled: what a copy has left in it goes."""
    for table in reversed(metadata.sorted_tables):
        rows = delete(table)
        db.execute(rows.where(meta.c.key.not_in(_OWN)) if table is meta else rows)
    _keep(db, note)


def copy(old: Connection, new: Engine, note: Note, heard: Heard) -> None:
    """Copy what is not there yet, each portion in a transaction. Raises AggregatorError when it cannot be."""
    tables = metadata.sorted_tables
    start = next((place for place, table in enumerate(tables) if table.name == note.table), 0)
    for table in tables[start:]:
        after = note.after if table.name == note.table else ()
        key = [column.name for column in table.primary_key]
        with _told(new, table, marked("{name}: table {table} cannot be copied: {why}")):
            for some in _portions(old, table, after):
                last = [some[-1]._mapping[name] for name in key]
                note = replace(note, copied=note.copied + len(some), table=table.name, after=last)
                with writing(new) as db:
                    db.execute(insert(table), [dict(row._mapping) for row in some])
                    _keep(db, note)
                heard(len(some), table.name)


def finish(db: Connection) -> None:
    """All is there: new rows get numbers past those that came, and the note goes, so that the store may be used."""
    if db.dialect.name == "postgresql":
        for table in metadata.sorted_tables:
            if "id" in table.c and (last := db.scalar(select(func.max(table.c.id)))):
                postgresql.count_on(db, table.name, last)
    db.execute(delete(meta).where(meta.c.key == HALF))


def _portions(db: Connection, table: Table, after: Sequence[Any] = ()) -> Iterator[Sequence[Row[Any]]]:
    """The rows of a table in the order of its primary key, from the one behind `after` on."""
    key = list(table.primary_key)
    wanted = _own(select(table), table).order_by(*key)
    if after:
        wanted = wanted.where(tuple_(*key) > tuple(after))
    with db.execute(wanted, execution_options={"yield_per": _PORTION}) as rows:
        yield from rows.partitions()


def _plain(value: Any) -> Any:
    """A value as both databases have it: SQLite keeps no zero below zero."""
    return value + 0.0 if type(value) is float else value


def _own(wanted: Select[Any], table: Table) -> Select[Any]:
    """Without the rows that are no data."""
    return wanted.where(meta.c.key.not_in(_OWN)) if table is meta else wanted


def _keep(db: Connection, note: Note) -> None:
    said = {
        "origin": note.origin,
        "prints": {name: {"rows": each.rows, "digest": each.digest} for name, each in note.prints.items()},
        "copied": note.copied,
        "table": note.table,
        "after": list(note.after),
    }
    db.execute(insert_or(db, meta, "replace"), {"key": HALF, "value": json.dumps(said, ensure_ascii=False)})


@contextmanager
def _told(store: Engine, table: Table, message: str) -> Iterator[None]:
    """What a database says becomes one line that names the store and the table; `message` is `marked`."""
    try:
        yield
    except DatabaseError as error:
        said = masked(one_line(str(error.orig)))
        raise AggregatorError(_(message).format(name=name_of(str(store.url)), table=table.name, why=said)) from error
