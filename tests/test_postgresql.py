"""What is PostgreSQL's own: its lock, what goes wrong with a server, and that the same is published from it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Connection, Engine, event, text

from aggregator.errors import AggregatorError, LockedError
from aggregator.store import channels, history, meta, sources, tables, visits
from aggregator.store.engine import is_there, looking, open_store, reading, size, writing
from aggregator.store.lock import Holder, holder, locked
from tests.planet import NOON, Planet, rss
from tests.postgres import PASSWORD, USER, Postgres
from tests.running import until
from tests.server import Server

HOUR = timedelta(hours=1)


@pytest.fixture
def database() -> str:
    """All of this is on PostgreSQL."""
    return "postgresql"


@pytest.fixture
def url(new_store: Callable[[], str]) -> str:
    """The URL of an empty store."""
    return new_store()


# --- Tables ---------------------------------------------------------------------------------------------------------


def test_columns_hold_and_sort_as_those_of_sqlite(url: str) -> None:
    query = (
        "SELECT table_name, column_name, data_type, collation_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name <> 'alembic_version'"
    )
    with looking(url) as db:
        rows = db.execute(text(query)).all()
        counters = db.execute(text("SELECT data_type::text FROM pg_sequences")).scalars().all()
    assert {row.table_name for row in rows} == tables.metadata.tables.keys()
    assert {row.collation_name for row in rows if row.data_type == "text"} == {"C"}
    assert {row.data_type for row in rows} == {"text", "bigint", "boolean", "double precision", "bytea"}
    assert set(counters) == {"bigint"}


READS: dict[str, Callable[[Connection], object]] = {
    "validators": lambda db: visits.validators(db, 1),
    "known by keys": lambda db: visits.known(db, 1, {f"guid:{number}" for number in range(1200)}, set()),
    "known by files": lambda db: visits.known(db, 1, set(), {"a.md", ""}),
    "due": lambda db: sources.due(db, NOON - HOUR),
    "recent": lambda db: channels.recent(db, 1, 50),
    "the habit": lambda db: history.posting_days(db, [1]),
    "the log": lambda db: history.visits(db, 1),
}


@pytest.mark.parametrize("read", READS)
def test_an_index_answers(planet: Planet, server: Server, read: str) -> None:
    """With tables that are read whole only where no index will do, as it is with large ones."""
    server.put("/feed", rss({"guid": str(number), "title": f"T{number}"} for number in range(9)))
    planet.feed(server.url("/feed", host="127.0.0.1"))
    planet.run()
    engine = open_store(planet.load().store)
    asked: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _d, sql, values, *_: asked.append((sql, values)))
    with reading(engine) as db:
        READS[read](db)
        db.execute(text("SET LOCAL enable_seqscan = off"))
        questions = [each for each in asked if each[0].startswith("SELECT")]
        steps = [row[0] for sql, values in questions for row in db.exec_driver_sql(f"EXPLAIN {sql}", values)]
    engine.dispose()
    assert any("Index" in step for step in steps)
    scans = {step.split(" on ")[1].split()[0] for step in steps if "Seq Scan" in step}
    assert scans == set()


# --- The lock -------------------------------------------------------------------------------------------------------


def test_one_run_at_a_time(url: str) -> None:
    with locked(url, NOON, "daemon"):
        assert holder(url) == Holder(os.getpid(), "2026-03-14T12:00:00Z", "daemon")
        told = rf"\(aggregator daemon, process {os.getpid()}, since 2026-03-14T12:00:00Z\); it visits what is due"
        with pytest.raises(LockedError, match=told), locked(url, NOON):
            pass
    assert holder(url) is None
    with locked(url, NOON + HOUR) as lock:
        assert not lock.is_broken_off


def test_a_first_run_makes_the_store(postgresql: Postgres) -> None:
    url = postgresql.empty()
    assert not is_there(url)
    with pytest.raises(AggregatorError, match="there is no store yet"), looking(url):
        pass
    with locked(url, NOON) as lock:
        assert not lock.is_broken_off
    with looking(url) as db:
        assert is_there(url)
        assert size(db) > 0
    postgresql.drop(url)


def test_those_who_open_a_new_store_at_once_wait_for_the_first(postgresql: Postgres) -> None:
    url = postgresql.empty()
    with ThreadPoolExecutor(4) as threads:
        for engine in threads.map(open_store, [url] * 4):
            engine.dispose()
    with looking(url) as db:
        assert meta.value(db, "lock") == ""
    postgresql.drop(url)


def test_a_run_that_was_killed_frees_it_and_is_noticed(url: str) -> None:
    code = "import sys; from datetime import *; from aggregator.store.lock import locked\n"
    code += "with locked(sys.argv[1], datetime.now(UTC), 'once'): print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        found = holder(url)
        assert found and (found.pid, found.what) == (process.pid, "once")
        process.send_signal(signal.SIGKILL)
    until(lambda: holder(url) is None)
    for expected in (True, False):
        with locked(url, NOON) as lock:
            assert lock.is_broken_off == expected


@pytest.fixture
def cut(postgresql: Postgres, url: str) -> Callable[[], None]:
    """Ends all sessions at a store, as a server does that is stopped."""
    name = url.rpartition("/")[2]
    query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    return lambda: postgresql.ask(query)


def test_who_lost_it_writes_no_more(url: str, cut: Callable[[], None]) -> None:
    with locked(url, NOON) as lock:
        engine = open_store(url, lock.writer)
        _note(engine, "one")
        cut()
        for _ in range(2):
            with pytest.raises(AggregatorError, match="the lock of the store"):
                _note(engine, "two")
        with locked(url, NOON):
            pass
        with reading(engine) as db:
            assert meta.value(db, "note") == "one"
        engine.dispose()


def test_what_is_under_way_when_it_is_lost_is_not_written(url: str, cut: Callable[[], None]) -> None:
    with locked(url, NOON, again=True) as lock:
        engine = open_store(url, lock.writer)
        with pytest.raises(AggregatorError, match="the store cannot be used"), writing(engine) as db:
            meta.has_changed(db, "note", "one")
            cut()
        _note(engine, "two")
        with reading(engine) as db:
            assert meta.value(db, "note") == "two"
        engine.dispose()


def test_it_is_taken_again_unless_another_has_it(url: str, cut: Callable[[], None]) -> None:
    with locked(url, NOON, "daemon", again=True) as lock:
        engine = open_store(url, lock.writer)
        cut()
        _note(engine, "one")
        assert holder(url) == Holder(os.getpid(), "2026-03-14T12:00:00Z", "daemon")
        cut()
        with locked(url, NOON, "once"), pytest.raises(LockedError):
            _note(engine, "two")
        _note(engine, "three")
        with reading(engine) as db:
            assert meta.value(db, "lock"), "it would be noticed if it were killed now"
        engine.dispose()
    assert holder(url) is None


def _note(engine: Engine, value: str) -> None:
    with writing(engine) as db:
        meta.has_changed(db, "note", value)


# --- Trouble --------------------------------------------------------------------------------------------------------


def test_a_session_is_as_it_has_to_be_whatever_the_database_says(postgresql: Postgres) -> None:
    """What settling sees once it has its lock must not be older than the lock; what the URL says of a session counts
    besides."""
    url = postgresql.store()
    postgresql.ask(f"ALTER DATABASE {url.rpartition('/')[2]} SET default_transaction_isolation = 'serializable'")
    store = open_store(f"{url}?options=-c%20work_mem%3D9MB")
    shown = ("SHOW transaction_isolation", "SHOW work_mem", "SHOW timezone")
    with writing(store) as db:
        assert [db.scalar(text(each)) for each in shown] == ["read committed", "9MB", "UTC"]
    with reading(store) as db:
        assert db.scalar(text(shown[0])) == "repeatable read"
    store.dispose()
    postgresql.drop(url)


def _guests(at: Postgres) -> str:
    """A database in which somebody may do nothing."""
    at.ask(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    return at.empty().replace(f"//{USER}:", "//guest:")


TROUBLE: dict[str, tuple[Callable[[Postgres], str], str]] = {
    "no server": (lambda at: at.url("x").replace(str(at.port), "9"), "onnection refused"),
    "a wrong password": (lambda at: at.url("postgres", password="wr:ong"), "password authentication failed"),
    "no rights": (_guests, "permission denied"),
    "no database": (lambda at: at.url("nowhere"), 'database "nowhere" does not exist'),
}


COMMANDS = [(what, "once") for what in TROUBLE]
COMMANDS += [("no server", each) for each in ("status", "explain x", "list items", "prune", "daemon", "once --dry-run")]


@pytest.mark.parametrize(("what", "command"), COMMANDS)
def test_trouble_is_one_line_without_the_password(
    tmp_path: Path, postgresql: Postgres, what: str, command: str
) -> None:
    address, said = TROUBLE[what]
    planet = Planet(tmp_path, address(postgresql))
    done = _shell(planet, *command.split())
    assert done.returncode == (2 if command == "status" else 1)
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert "postgresql+psycopg://" in done.stderr
    assert "@127.0.0.1" in done.stderr
    for secret in (PASSWORD, quote(PASSWORD, safe=""), "wr:ong", "wr%3Aong"):
        assert secret not in done.stdout + done.stderr


@pytest.mark.parametrize(("command", "code"), [("once", 1), ("check", 2)])
def test_without_the_extra_the_line_names_it(tmp_path: Path, command: str, code: int) -> None:
    planet = Planet(tmp_path, "postgresql+psycopg://u:secret@127.0.0.1/x")
    planet.write()
    program = "import sys; sys.modules['psycopg'] = None; from aggregator.cli import main; main()"
    done = _shell(planet, command, program=["-c", program])
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1)
    assert "aggregator[cluster]" in done.stderr
    assert "secret" not in done.stderr


def test_a_database_of_another_encoding_is_refused(postgresql: Postgres) -> None:
    postgresql.ask("CREATE DATABASE latin TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    url = postgresql.url("latin")
    with pytest.raises(AggregatorError, match="UTF8"):
        open_store(url)
    postgresql.drop(url)


def _shell(planet: Planet, *command: str, program: list[str] | None = None) -> "subprocess.CompletedProcess[str]":
    planet.write()
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    line = [sys.executable, *(program or ["-m", "aggregator"]), *command]
    return subprocess.run(line, cwd=planet.root, env=env, capture_output=True, text=True, timeout=60, check=False)
