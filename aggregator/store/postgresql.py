"""What is PostgreSQL's own: its connections, columns that hold and sort as SQLite's do, and the lock of the store.

The lock is an advisory one of the session that writes. So who loses that session can write no more, and the server
frees the lock as soon as the session ends, however it ends. Its name tells others who has it.
"""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from gettext import gettext as _
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from aggregator.errors import AggregatorError, LockedError

LOOKING: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""How a connection looks at one moment, and writes nothing."""

MARK = "lock"
"""The key in `meta` that is there while a run is at work, and after it was killed."""

_LOCK, _MIGRATING = 0x61676772, 0x61676D67  # numbers that no other program is likely to lock
_NAME = "aggregator"

# Locks are waited for as long as SQLite waits; a peer that has vanished without a word is noticed within a minute. What
# is looked at once a lock is had must be what is there by then, whatever the database's own default is.
_SESSION = (
    r"-c default_transaction_isolation=read\ committed -c timezone=UTC -c lock_timeout=30s -c tcp_keepalives_idle=30"
    " -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
)

# Workers wait for as long as settling may take; one that stands still within a transaction holds up nobody for long.
_WORKER = " -c lock_timeout=10min -c idle_in_transaction_session_timeout=60s"

_HOLDERS = text(
    "SELECT coalesce(application_name, '') FROM pg_locks LEFT JOIN pg_stat_activity USING (pid)"
    " WHERE locktype = 'advisory' AND classid = 0 AND objid = :lock AND objsubid = 1 AND granted"
    " AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " ORDER BY 1"
)


def is_meant(url: str) -> bool:
    """Whether a store's URL is one of PostgreSQL."""
    return url.startswith("postgresql")


def shown(url: str) -> str:
    """A store's URL as it may be shown: without its password, and without options, which may hold one."""
    try:
        made = make_url(url)
        return URL.create(made.drivername, made.username, None, made.host, made.port, made.database).render_as_string()
    except (ArgumentError, ValueError):
        return "postgresql+psycopg:"


def engine(url: str, name: str = _NAME, settings: str = "", **options: Any) -> Engine:
    """What connects to the database of a store, in sessions of this name. Raises AggregatorError when it never can."""
    try:
        address: URL = make_url(url)
        asked = {
            "application_name": name,
            "options": _settings(address, _SESSION + settings),
            "connect_timeout": 10,
            "client_encoding": "utf8",
        }
        asked = {key: value for key, value in asked.items() if key == "options" or key not in address.query}
        return create_engine(address, connect_args=asked, pool_pre_ping=True, **options)
    except ModuleNotFoundError as error:
        raise AggregatorError(
            _("{name}: needs the package {package}; install aggregator with its extra: aggregator[cluster]").format(
                name=shown(url), package=error.name
            )
        ) from error
    except (ArgumentError, ValueError) as error:
        raise AggregatorError(
            _("{name}: is no address of a database: postgresql+psycopg://USER:PASSWORD@HOST/DATABASE").format(
                name=shown(url)
            )
        ) from error


def writer(url: str, now: datetime, what: str, *, again: bool, shared: bool = False) -> Engine:
    """An engine of one session, which holds the lock of the store: to connect raises LockedError when another has it.

    A session that was lost is begun `again`, once the lock is free; else AggregatorError is raised from then on. Those
    who hold it `shared` have it together, and nobody has it alone.
    """
    name = "|".join((_NAME, str(os.getpid()), f"{now:%Y-%m-%dT%H:%M:%SZ}", what, socket.gethostname()))
    settings = _WORKER if shared else ""
    made = engine(url, name[:63], settings, pool_size=1, max_overflow=0)  # that much of a name PostgreSQL keeps
    attempt = f"SELECT pg_try_advisory_lock{'_shared' if shared else ''}(%s)"
    taken: list[bool] = []

    def take(connection: Any, _record: object) -> None:
        if taken and not again:
            connection.close()
            raise AggregatorError(
                _("{name}: the connection was lost, and with it the lock of the store").format(name=shown(url))
            )
        is_free = connection.execute(attempt, (_LOCK,)).fetchone()[0]
        connection.rollback()
        if not is_free:
            connection.close()
            raise LockedError(_("another run is at work"))
        if taken:  # who had it in between has taken the mark away
            connection.execute("INSERT INTO meta (key, value) VALUES (%s, 'held') ON CONFLICT DO NOTHING", (MARK,))
            connection.commit()
        taken.append(True)

    def give_back(connection: Any, _record: object) -> None:
        """The server notices that a session has ended a moment after the next run may have begun."""
        with suppress(Exception):  # a session that was lost has no lock
            connection.execute("SELECT pg_advisory_unlock_all()")
            connection.rollback()

    event.listen(made, "connect", take)
    event.listen(made, "close", give_back)
    return made


def holders(db: Connection) -> list[Sequence[str]]:
    """Of each who holds the lock: the number of the process, since when, what it runs, and its host.

    Whose session tells nothing, as it is another user's, gives no words.
    """
    named = [str(name).split("|") for name in db.scalars(_HOLDERS, {"lock": _LOCK})]
    return [words[1:] if words[0] == _NAME and len(words) == 5 else () for words in named]


def address(url: str, settings: str) -> dict[str, Any]:
    """What psycopg connects by to the database of a store, with settings of the session; what the URL says of these
    counts."""
    made = make_url(url)
    _, found = made.get_dialect()().create_connect_args(made)
    return {**found, "options": _settings(made, settings)}


def _settings(url: URL, settings: str) -> str:
    said = url.query.get("options", "")
    return " ".join((settings, said if isinstance(said, str) else " ".join(said))).strip()


def size(db: Connection) -> int:
    """The bytes of the database on disk."""
    return int(db.scalar(text("SELECT pg_database_size(current_database())")) or 0)


def migrating(db: Connection) -> None:
    """Wait until nobody else migrates, and keep others from it until the transaction ends."""
    if db.scalar(text("SHOW server_encoding")) != "UTF8":
        raise AggregatorError(
            _("{name}: the database has to be in UTF8, not in another encoding").format(name=shown(str(db.engine.url)))
        )
    db.execute(text("SELECT pg_advisory_xact_lock(:migrating)"), {"migrating": _MIGRATING})


def alone(db: Connection) -> None:
    """Keep others from the lock of the store until the transaction ends. Raises LockedError when one has it."""
    if not db.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
        raise LockedError(
            _("{name}: is to be brought up to date, but another run is at work; end it").format(
                name=shown(str(db.engine.url))
            )
        )


def fit(db: Connection, tables: Sequence[str]) -> None:
    """Have the columns of these tables as SQLite has them: text sorts by code point, whatever the database's own
    order, so that the same is published; numbers have 64 bits."""
    found: dict[str, list[str]] = {}
    for row in db.execute(
        text(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name = ANY(:tables)"
            " AND (data_type = 'integer' OR data_type = 'text' AND collation_name IS DISTINCT FROM 'C')"
            " ORDER BY table_name, ordinal_position"
        ),
        {"tables": list(tables)},
    ):
        wanted = "bigint" if row.data_type == "integer" else 'text COLLATE "C"'
        found.setdefault(row.table_name, []).append(f'ALTER COLUMN "{row.column_name}" TYPE {wanted}')
    for name, changes in found.items():
        db.execute(text(f'ALTER TABLE "{name}" {", ".join(changes)}'))
    short = (
        "SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema() AND data_type = 'integer'::regtype"
    )
    for name in sorted({f"{name}_id_seq" for name in tables}.intersection(db.scalars(text(short)))):
        db.execute(text(f'ALTER SEQUENCE "{name}" AS bigint'))


def numbers(db: Connection, table: str, count: int) -> list[int]:
    """So many new numbers for rows of a table, in order; nobody else gets them."""
    query = text("SELECT nextval(CAST(:name AS regclass)) FROM generate_series(1, :count)")
    return sorted(db.scalars(query, {"name": f"{table}_id_seq", "count": count}))


def count_on(db: Connection, table: str, last: int) -> None:
    """Have new rows of a table numbered from behind the last one."""
    db.execute(text("SELECT setval(CAST(:name AS regclass), :last)"), {"name": f"{table}_id_seq", "last": last})
