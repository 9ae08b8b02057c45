"""Opening the store, transactions, and the one place that knows which database it is."""

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cache, lru_cache
from gettext import gettext as _
from importlib import import_module
from itertools import count
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Engine,
    NullPool,
    Table,
    UpdateBase,
    create_engine,
    event,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError

from aggregator import disk
from aggregator.errors import AggregatorError, StoreError, reason
from aggregator.languages import marked
from aggregator.model import Progress
from aggregator.store import postgresql
from aggregator.store.tables import meta, metadata
from aggregator.text import one_line

PORTION = 500
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_WORLDS = _BUSY | {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}
"""What of SQLite's errors is the world's doing, and no mistake of ours (https://sqlite.org/rescode.html)."""
_Value = TypeVar("_Value")

SCHEMA = "0010"
"""The newest migration; a store that says so is not migrated again, and Alembic is not even imported."""

_UNOPENED = marked("{name}: the store cannot be opened: {why}")

HALF = "half"
"""The key in `meta` of a store that is being filled from another; see `transfer`."""


def open_store(url: str, writer: Engine | None = None, progress: Progress = lambda *_: None) -> Engine:
    """The store at a SQLAlchemy URL, made and migrated as needed. Raises AggregatorError when it cannot be used.

    Who holds the lock of a store on PostgreSQL gives the `writer` that came with it.
    """
    engine = open_any(url, writer, progress)
    with reading(engine) as db:
        _refuse_half(db, name_of(url))
    return engine


def name_of(url: str) -> str:
    """A store as it may be shown: its file, or its address without a password."""
    return postgresql.shown(url) if postgresql.is_meant(url) else url.removeprefix("sqlite:///")


def open_any(url: str, writer: Engine | None = None, progress: Progress = lambda *_: None) -> Engine:
    """The same for a store that may be filled in part."""
    if postgresql.is_meant(url):
        engine: Engine = postgresql.engine(url).execution_options(**({"writer": writer} if writer else {}))
        migrate(engine, postgresql.shown(url), progress)
        return engine
    file = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
    try:
        if file:
            disk.make(file.parent)
        engine = create_engine(URL.create("sqlite", database=str(file)) if file else url)  # % and ? are lawful in names
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        migrate(engine, str(file or url), progress)
    except OSError as error:
        raise AggregatorError(_(_UNOPENED).format(name=file or url, why=reason(error))) from error
    return engine


@contextmanager
def copied(engine: Engine) -> Iterator[Engine]:
    """A copy of the store in a temporary folder, to try things on; it is gone at the end. It is a SQLite one, whatever
    the store is."""
    with tempfile.TemporaryDirectory(prefix="aggregator-") as folder:
        file = Path(folder) / "copy.db"
        if engine.dialect.name == "sqlite":
            with closing(sqlite3.connect(file)) as to, closing(engine.raw_connection()) as held:
                source: Any = held.driver_connection
                source.backup(to)
        copy = open_store(f"sqlite:///{file}")
        try:
            if engine.dialect.name != "sqlite":
                with reading(engine) as old, writing(copy) as new:
                    _copy_rows(old, new)
            yield copy
        finally:
            copy.dispose()


def _copy_rows(old: Connection, new: Connection) -> None:
    """All rows of a store into an empty one."""
    for table in metadata.sorted_tables:
        with old.execution_options(yield_per=PORTION).execute(select(table)) as rows:
            for some in rows.mappings().partitions():
                new.execute(insert(table), [dict(row) for row in some])


@contextmanager
def looking(url: str) -> Iterator[Connection]:
    """A connection to look with at a store as it is: none is made or migrated, and nobody is kept waiting.

    Raises AggregatorError when there is none, when it is of another version, and when it cannot be read.
    """
    is_file = not postgresql.is_meant(url)
    file = Path(url.removeprefix("sqlite:///"))
    name = str(file) if is_file else postgresql.shown(url)
    if is_file and not file.exists():
        raise AggregatorError(_("{file}: there is no store yet; `aggregator once` makes it").format(file=file))
    engine = _looker(file) if is_file else postgresql.engine(url, poolclass=NullPool)
    with _told(name, marked("{name}: the store cannot be read: {why}")), reading(engine) as db:
        if not (is_file or engine.dialect.has_table(db, "alembic_version")):
            raise AggregatorError(_("{name}: there is no store yet; `aggregator once` makes it").format(name=name))
        version = db.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""
        if version > SCHEMA:
            raise AggregatorError(f"{name}: {_newer(version)}")
        if version != SCHEMA:
            raise AggregatorError(
                _("{name}: the store is of another version; `aggregator once` brings it up to date").format(name=name)
            )
        _refuse_half(db, name)
        yield db


def _refuse_half(db: Connection, name: str) -> None:
    """Raises AggregatorError when a store is filled in part only: what is missing would seem new."""
    if db.scalar(select(meta.c.key).where(meta.c.key == HALF)):
        raise AggregatorError(
            _("{name}: holds a half of another store; finish it with `aggregator migrate-store`").format(name=name)
        )


def is_there(url: str) -> bool:
    """Whether there is a store; raises OSError where nobody may look, AggregatorError where it cannot be asked."""
    if not postgresql.is_meant(url):
        return Path(url.removeprefix("sqlite:///")).exists()
    engine = postgresql.engine(url, poolclass=NullPool)
    with reading(engine) as db:
        return engine.dialect.has_table(db, "alembic_version")


def stranger(url: str) -> str:
    """The name of a table in the database of a URL that is none of a store's, "" for none. Looks, and makes nothing."""
    is_file = not postgresql.is_meant(url)
    file = Path(url.removeprefix("sqlite:///"))
    if is_file and not file.exists():
        return ""
    engine = _looker(file) if is_file else postgresql.engine(url, poolclass=NullPool)
    with _told(name_of(url), _UNOPENED), reading(engine) as db:
        found = inspect(db).get_table_names()
    ours = metadata.tables if "alembic_version" in found else ()
    others = (name for name in found if name not in ours and not name.startswith(("alembic_", "procrastinate_")))
    return min(others, default="")


def is_current(url: str) -> bool:
    """Whether there is a store on a server, and it is not of an older version."""
    engine = postgresql.engine(url, poolclass=NullPool)
    with _told(name_of(url), _UNOPENED), reading(engine) as db:
        return _version(db) >= SCHEMA


def size(db: Connection) -> int:
    """The bytes of a store on disk, with the log that has not been merged into it yet."""
    if db.dialect.name == "postgresql":
        return postgresql.size(db)
    file = Path(db.execute(text("PRAGMA database_list")).one().file)
    return sum(each.stat().st_size for each in (file, file.with_name(f"{file.name}-wal")) if each.is_file())


def damage(db: Connection) -> str:
    """What SQLite finds wrong with the file of a store, "" for nothing; a server looks after its own files."""
    if db.dialect.name == "postgresql":
        return ""
    found = db.execute(text("PRAGMA quick_check(3)")).scalars().all()
    return "" if found == ["ok"] else one_line("; ".join(map(str, found)))


def _looker(file: Path) -> Engine:
    name = f"file:{quote(str(file))}?mode=rw"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(name, uri=True), poolclass=NullPool)
    event.listen(engine, "connect", _prepare_looking)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection to look with; it sees one moment and blocks nobody."""
    options = postgresql.LOOKING if engine.dialect.name == "postgresql" else {}
    with _reached(engine), engine.connect().execution_options(reading=True, **options) as db, db.begin():
        yield db


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes: all of it, or nothing."""
    with _reached(engine), engine.get_execution_options().get("writer", engine).begin() as db:
        yield db


@contextmanager
def _told(name: str, message: str) -> Iterator[None]:
    """What a database says becomes one line that names the store, and what it cannot be (`marked`)."""
    try:
        yield
    except (DatabaseError, StoreError) as error:
        met = error.__cause__ if isinstance(error, StoreError) else error
        said = one_line(str(getattr(met, "orig", met)))
        raise AggregatorError(_(message).format(name=name, why=said)) from error


@contextmanager
def _reached(engine: Engine) -> Iterator[None]:
    """The same for a server, which may go away in the middle, and for a file, whose disk may be full."""
    try:
        yield
    except (InterfaceError, DatabaseError) as error:
        said = one_line(str(error.orig))
        if engine.dialect.name == "sqlite":
            code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            if code not in _WORLDS:
                raise
            kind = AggregatorError if code in _BUSY else StoreError
            raise kind(
                _("{name}: the store cannot be used: {why}").format(name=engine.url.database, why=said)
            ) from error
        if not isinstance(error, (InterfaceError, OperationalError)):
            raise
        raise AggregatorError(
            _("{name}: the store cannot be used: {why}").format(name=postgresql.shown(str(engine.url)), why=said)
        ) from error


def insert_new(db: Connection, table: Table) -> Any:
    """An INSERT that leaves alone what is there already: the unique keys decide, not a look beforehand."""
    return _insert_or(db.dialect.name, table, None)


def insert_or(db: Connection, table: Table, instead: Literal["add", "replace"]) -> Any:
    """An INSERT that for a row which is there already, by its primary key, adds to its values, or replaces them."""
    return _insert_or(db.dialect.name, table, instead)


@cache
def _insert_or(dialect: str, table: Table, instead: str | None) -> Any:
    made = import_module(f"sqlalchemy.dialects.{dialect}").insert(table)  # the one in use: each takes a while to load
    if instead is None:
        return made.on_conflict_do_nothing()
    others = [each for each in table.c if not each.primary_key]
    values = {each.name: made.excluded[each.name] for each in others}
    if instead == "add":
        values = {each.name: each + values[each.name] for each in others}
    return made.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)


def many(db: Connection, statement: UpdateBase, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute a statement once for each of some rows, which all have the same keys.

    The same as `db.execute`, without what that does for each value: it takes as long as the database does.
    """
    if not rows:
        return
    sql, names, fixed = _compiled(statement, db.dialect, tuple(rows[0]))
    given = [{**row, **fixed} for row in rows] if fixed else list(rows)
    if len(names) == 1:
        db.exec_driver_sql(sql, [(row[names[0]],) for row in given])
    else:
        db.exec_driver_sql(sql, list(map(itemgetter(*names), given)) if names else given)


@lru_cache(maxsize=200)
def _compiled(
    statement: UpdateBase, dialect: Dialect, keys: tuple[str, ...]
) -> tuple[str, tuple[str, ...], Mapping[str, Any]]:
    """A statement as a database takes it, the names of its values in order (none where it knows them by these names),
    and those values that are in the statement itself. Raises InvalidRequestError where `keys` lack one."""
    made: Any = statement.compile(dialect=dialect, column_keys=keys)
    values = made.construct_params(dict.fromkeys(keys))
    fixed = {name: value for name, value in values.items() if name not in keys}
    return str(made), tuple(made.positiontup or ()), fixed


def new_numbers(db: Connection, table: Table, count: int) -> Sequence[int]:
    """New numbers for so many rows of a table, in order: on SQLite from the last one on, as it does itself, because
    there is but one who writes."""
    if db.dialect.name == "postgresql":
        return postgresql.numbers(db, table.name, count)
    last = db.scalar(select(func.max(table.c.id))) or 0
    return range(last + 1, last + 1 + count)


def portions(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    """Values in portions that fit into one query."""
    return (values[start : start + PORTION] for start in range(0, len(values), PORTION))


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """With FULL a transaction that has ended is on the disk: a power cut takes back nothing that readers have seen."""
    connection.isolation_level = None  # SQLAlchemy begins transactions itself, see _begin_sqlite
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_looking(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("query_only=ON", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(db: Connection) -> None:
    """A writer takes its lock at once: a deferred transaction that reads and then writes fails without waiting."""
    db.exec_driver_sql("BEGIN" if db.get_execution_options().get("reading") else "BEGIN IMMEDIATE")


def migrate(engine: Engine, name: str, progress: Progress = lambda *_: None) -> None:
    """Bring a store of this name up to date. Raises AggregatorError when that cannot be done, and when it was written
    by a newer version."""
    with _told(name, _UNOPENED):
        with reading(engine) as db:
            found = _version(db)
        if found == SCHEMA:
            return
        if found > SCHEMA:
            raise AggregatorError(_newer(found))
        if found or engine.dialect.name == "postgresql":
            _upgrade(engine, int(found or 0), progress if found else lambda *_: None)  # a new one takes no time
        else:
            _make(engine)


def _newer(version: str) -> str:
    return _("the store was written by a newer version (schema {found}); upgrade aggregator").format(found=version)


def _version(db: Connection) -> str:
    """The newest migration of a store, "" for none."""
    if not db.dialect.has_table(db, "alembic_version"):
        return ""
    return db.scalar(text("SELECT version_num FROM alembic_version")) or ""


def _make(engine: Engine) -> None:
    """A new store on SQLite, with all that the migrations come to, and without Alembic, which takes 13 MB to load."""
    with writing(engine) as db:
        metadata.create_all(db, checkfirst=False)  # what is there already is somebody else's: an error
        db.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        db.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (SCHEMA,))


def _upgrade(engine: Engine, found: int, progress: Progress) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    is_server = engine.dialect.name == "postgresql"
    with writing(engine) as db:
        if is_server:
            postgresql.migrating(db)
            if _version(db) == SCHEMA:
                return  # another has done it meanwhile
            postgresql.alone(db)  # who is at work with the older version would write as that does
        config.attributes["connection"] = db
        steps, done = int(SCHEMA) - found, count(1)
        config.attributes["applied"] = lambda **_: progress(next(done), steps, "updating", "")
        progress(0, steps, "updating", "")
        command.upgrade(config, SCHEMA)
        if is_server:
            postgresql.fit(db, list(metadata.tables))
