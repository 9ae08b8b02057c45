"""`aggregator migrate-store`: all that one store holds goes into another, which may be of another database."""

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from gettext import gettext as _
from pathlib import Path

from sqlalchemy import Engine, make_url

from aggregator.config import Config, place
from aggregator.errors import AggregatorError, LockedError, reason
from aggregator.model import Progress, Work
from aggregator.store import transfer
from aggregator.store.engine import is_there, name_of, open_any, open_store, reading, stranger, writing
from aggregator.store.lock import Holder, holder, locked
from aggregator.store.transfer import Heard, Note
from aggregator.target import sweep
from aggregator.text import one_line

_WHAT = "migrate-store"


@dataclass(frozen=True, slots=True)
class Transferred:
    """What was moved: the names of both stores, the rows of each table, and how many of all had been there from a run
    that was broken off."""

    old: str
    new: str
    tables: Mapping[str, int]
    resumed: int

    @property
    def rows(self) -> int:
        """Those of all tables."""
        return sum(self.tables.values())


def move(config: Config, old: str, new: str, now: datetime, progress: Progress = lambda *_: None) -> Transferred:
    """Move all that the store at the URL `old` holds into the one at `new`, which is empty, or filled from it in part.

    Both are locked meanwhile, and brought up to date before, as by a run. `old` stays as it is. Raises LockedError when
    a run is at work on one of them, AggregatorError when it cannot be.
    """
    if _file(old) == _file(new):
        raise AggregatorError(_("{name}: FROM and TO are one store").format(name=name_of(old)))
    try:
        there = is_there(old)
    except OSError as error:
        raise AggregatorError(
            _("{name}: the store cannot be read: {why}").format(name=name_of(old), why=reason(error))
        ) from error
    if not there:
        raise AggregatorError(_("{name}: there is no store to move").format(name=name_of(old)))
    if new.startswith("sqlite:///") and not Path(name_of(new)).parent.exists():
        raise AggregatorError(
            _("{name}: there is no such folder; make the folder first, or mend the path").format(name=name_of(new))
        )
    if table := stranger(new):
        raise AggregatorError(
            _("{name}: has a table {table}, which is no store's; give an empty TO").format(
                name=name_of(new), table=one_line(table)
            )
        )
    with ExitStack() as stack:
        mine = stack.enter_context(locked(old, now, _WHAT))
        if mine.is_broken_off and old == config.store:
            sweep(config)
        try:
            other = stack.enter_context(locked(new, now, _WHAT))
        except LockedError as error:
            if _is_us(holder(new)):  # two addresses of one database
                raise AggregatorError(_("{name}: FROM and TO are one store").format(name=name_of(new))) from error
            raise
        source = open_store(old, mine.writer, progress)
        stack.callback(source.dispose)
        target = open_any(new, other.writer)
        stack.callback(target.dispose)
        return _move(source, target, name_of(old), name_of(new), progress)


def advice(config: Config, new: str) -> str:
    """Where the config has its store, and what to write there for the one at the URL `new`, a path from the config's
    root where it is below; "" when it has that already."""
    if new == config.store:
        return ""
    shown, why = name_of(new), ""
    if new.startswith("sqlite:///"):
        file = Path(shown)
        shown = f"sqlite:///{file.relative_to(config.root) if file.is_relative_to(config.root) else file}"
    else:
        url = make_url(new)
        hidden = [word for word, value in ((_("password"), url.password), (_("options"), url.query)) if value]
        why = _(", with the {parts} of TO, not shown here").format(parts=_(" and the ").join(hidden)) if hidden else ""
    return place(
        config,
        ("site", "store"),
        _("write store = {url}{more}").format(url=json.dumps(shown, ensure_ascii=False), more=why),
    )


def _move(source: Engine, target: Engine, old: str, new: str, progress: Progress) -> Transferred:
    """The same between two stores that are locked and open, of these names."""
    note = _half(target, old, new)
    with reading(source) as db:
        total = transfer.count(db)
        prints = transfer.prints(db, _adding(progress, 0, total, "reading"))
        if note is None or note.prints != prints:  # or the old store has changed since
            note = Note(old, prints)
            with writing(target) as made:
                transfer.begin(made, note)
        transfer.copy(db, target, note, _adding(progress, note.copied, total, "copying"))
    with reading(target) as db:
        found = transfer.prints(db, _adding(progress, 0, total, "comparing"))
    for table, wanted in prints.items():
        if found[table] != wanted:
            raise AggregatorError(
                _(
                    "{new}: table {table} is not what it is in {old} ({found} rows of {wanted}); remove what is there "
                    "and begin again"
                ).format(new=new, table=table, old=old, found=found[table].rows, wanted=wanted.rows)
            )
    with writing(source):  # fails where the lock was lost in the meantime
        pass
    with writing(target) as db:
        transfer.finish(db)
    return Transferred(old, new, {table: each.rows for table, each in prints.items()}, note.copied)


def _half(target: Engine, old: str, new: str) -> Note | None:
    """How far an earlier run has filled a store from `old`. Raises AggregatorError when anything else is in it."""
    with reading(target) as db:
        note = transfer.note(db)
        is_empty = transfer.is_empty(db)
    if note and note.origin != old:
        raise AggregatorError(
            _("{new}: holds a half of {origin}; move that once more, or give an empty TO").format(
                new=new, origin=note.origin
            )
        )
    if not (note or is_empty):
        raise AggregatorError(_("{name}: holds a store already; give a new file or an empty database").format(name=new))
    return note


def _file(url: str) -> str:
    """A URL by which two of one file are the same."""
    return str(Path(name_of(url)).resolve()) if url.startswith("sqlite:///") else url


def _is_us(found: Holder | None) -> bool:
    return found is not None and found.pid == os.getpid() and not found.host


def _adding(progress: Progress, done: int, total: int, what: Work) -> Heard:
    """Tells how far it is by how much was done."""

    def heard(more: int, table: str) -> None:
        nonlocal done
        done += more
        progress(done, total, what, table)

    progress(done, total, what, "")
    return heard
