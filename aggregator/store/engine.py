"""Opening the store, transactions, and the one place that knows which database it is."""

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, Table, create_engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError

from aggregator.errors import AggregatorError

_PORTION = 500
_Value = TypeVar("_Value")

SCHEMA = "0006"
"""The newest migration; a store that says so is not migrated again, and Alembic is not even imported."""


def open_store(url: str) -> Engine:
    """The store at a SQLAlchemy URL, made and migrated as needed. Raises AggregatorError when it cannot be used."""
    file = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
    try:
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(URL.create("sqlite", database=str(file)) if file else url)  # % and ? are lawful in names
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        _migrate(engine)
    except (OperationalError, DatabaseError) as error:
        raise AggregatorError(f"{file or url}: the store cannot be opened: {error.orig}") from error
    except OSError as error:
        raise AggregatorError(f"{file or url}: the store cannot be opened: {error.strerror}") from error
    return engine


@contextmanager
def copied(engine: Engine) -> Iterator[Engine]:
    """A copy of the store in a temporary folder, to try things on; it is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="aggregator-") as folder:
        file = Path(folder) / "copy.db"
        with closing(sqlite3.connect(file)) as to, closing(engine.raw_connection()) as held:
            source: Any = held.driver_connection
            source.backup(to)
        copy = open_store(f"sqlite:///{file}")
        try:
            yield copy
        finally:
            copy.dispose()


@contextmanager
def looking(url: str) -> Iterator[Connection]:
    """A connection to look with at a store as it is: none is made or migrated, and nobody is kept waiting.

    Raises AggregatorError when there is none, when it is of another version, and when it cannot be read.
    """
    file = Path(url.removeprefix("sqlite:///"))
    if not file.exists():
        raise AggregatorError(f"{file}: there is no store yet; `aggregator once` makes it")
    name = f"file:{quote(str(file))}?mode=rw"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(name, uri=True), poolclass=NullPool)
    event.listen(engine, "connect", _prepare_looking)
    event.listen(engine, "begin", _begin_sqlite)
    try:
        with reading(engine) as db:
            found = db.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if found != SCHEMA:
                raise AggregatorError(
                    f"{file}: the store is of another version; `aggregator once` brings it up to date"
                )
            yield db
    except DatabaseError as error:
        raise AggregatorError(f"{file}: the store cannot be read: {error.orig}") from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection to look with; it sees one moment and blocks nobody."""
    with engine.connect().execution_options(reading=True) as db, db.begin():
        yield db


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes: all of it, or nothing."""
    with engine.begin() as db:
        yield db


def insert_new(db: Connection, table: Table) -> Any:
    """An INSERT that leaves alone what is there already: the unique keys decide, not a look beforehand."""
    return _insert_or(db.dialect.name, table, None)


def insert_or(db: Connection, table: Table, instead: Literal["add", "replace"]) -> Any:
    """An INSERT that for a row which is there already, by its primary key, adds to its values, or replaces them."""
    return _insert_or(db.dialect.name, table, instead)


@cache
def _insert_or(dialect: str, table: Table, instead: str | None) -> Any:
    module = import_module(f"sqlalchemy.dialects.{dialect}")  # the one in use, as each takes a while to load
    made = module.insert(table)
    if instead is None:
        return made.on_conflict_do_nothing()
    others = [each for each in table.c if not each.primary_key]
    values = {each.name: made.excluded[each.name] for each in others}
    if instead == "add":
        values = {each.name: each + values[each.name] for each in others}
    return made.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)


def portions(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    """Values in portions that fit into one query."""
    return (values[start : start + _PORTION] for start in range(0, len(values), _PORTION))


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy begins transactions itself, see _begin_sqlite
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_looking(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("query_only=ON", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(db: Connection) -> None:
    """A writer takes its lock at once: a deferred transaction that reads and then writes fails without waiting."""
    db.exec_driver_sql("BEGIN" if db.get_execution_options().get("reading") else "BEGIN IMMEDIATE")


def _migrate(engine: Engine) -> None:
    with reading(engine) as db:
        if engine.dialect.has_table(db, "alembic_version"):
            found = db.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if found == SCHEMA:
                return
            if found and found > SCHEMA:
                raise AggregatorError(f"the store was written by a newer version (schema {found}); upgrade aggregator")
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with writing(engine) as db:
        config.attributes["connection"] = db
        command.upgrade(config, SCHEMA)
