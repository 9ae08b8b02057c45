"""`migrate-store`: nothing is lost between two stores, whatever stands in them, and however often it is broken off."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    URL,
    Boolean,
    Column,
    Engine,
    Float,
    LargeBinary,
    Text,
    create_engine,
    delete,
    insert,
    inspect,
    select,
    text,
    update,
)

from aggregator import config as configs
from aggregator import pipeline, transferring
from aggregator.errors import AggregatorError
from aggregator.model import Progress, Work
from aggregator.store import tables, transfer
from aggregator.store.engine import looking, new_numbers, open_any, open_store, reading, writing
from aggregator.store.lock import locked
from aggregator.store.tables import category, host, item, metadata, source, story
from tests.planet import NOON, Planet, rss
from tests.postgres import PASSWORD, Postgres
from tests.server import Server

TEXTS = (
    "",
    "plain",
    "'\"; DROP TABLE item; --",
    "𝒜🏴‍☠️\U0010ffff",
    "שלום\u202e abc",
    "%s %(a)s :b ?",
    "a\\b\tc\nd\r\n",
    "\ue000é e\u0301",
)
BYTES = (b"", b"\0\xff'%s", None)
NUMBERS = (0, -1, 2**63 - 1, -(2**63), 2**31, None)
FLOATS = (0.1, -0.0, 1e308, 5e-324, 3.0, None)
WAYS = [("sqlite", "postgresql"), ("postgresql", "sqlite"), ("sqlite", "sqlite"), ("postgresql", "postgresql")]

Make = Callable[[str], str]


@pytest.fixture
def make(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes the URL of an empty store of a kind. SQLite's is not there yet, "new" is a database on a server without one."""
    made: list[str] = []

    def new(kind: str) -> str:
        if kind == "sqlite":
            made.append(f"sqlite:///{tmp_path}/{len(made)} é%20.db")
        else:
            server: Postgres = request.getfixturevalue("postgresql")
            made.append(server.store() if kind == "postgresql" else server.empty())
        return made[-1]

    yield new
    for url in made:
        if not url.startswith("sqlite"):
            request.getfixturevalue("postgresql").drop(url)


def value(column: Column[Any], number: int, values: Mapping[type, Any]) -> Any:
    """What stands in a column of row number so and so, the first is 1."""
    if column.foreign_keys or (column.primary_key and not isinstance(column.type, Text)):
        return number
    if isinstance(column.type, Text):
        unique = column.unique or column.primary_key or column.name == "identity"
        return f"{next(values[str])}{number}" if unique else next(values[str])
    kinds: dict[type, type] = {Boolean: bool, Float: float, LargeBinary: bytes}
    found = next(values[next((mine for kind, mine in kinds.items() if isinstance(column.type, kind)), int)])
    return found if found is not None or column.nullable else 7


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """A store, whole or in part."""
    store = open_any(url)
    try:
        yield store
    finally:
        store.dispose()


def fill(url: str, rows: int) -> None:
    """Put so many rows with all kinds of values into every table of a store."""
    values = {str: cycle(TEXTS), int: cycle(NUMBERS), float: cycle(FLOATS), bytes: cycle(BYTES)}
    values |= {bool: cycle((True, False, True))}
    with opened(url) as store, writing(store) as db:
        for table in metadata.sorted_tables:
            db.execute(
                insert(table), [{each.name: value(each, n, values) for each in table.c} for n in range(1, rows + 1)]
            )


def dump(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that a store holds."""
    with opened(url) as store, reading(store) as db:
        tables = metadata.sorted_tables
        return {
            each.name: [tuple(row) for row in db.execute(select(each).order_by(*each.primary_key))] for each in tables
        }


def breaking_off(after: int) -> Progress:
    """Ends the program as SIGTERM does, as soon as so many rows are copied."""

    def progress(done: int, _total: int, what: Work, _name: str) -> None:
        if what == "copying" and done >= after:
            sys.exit(143)

    return progress


@pytest.fixture
def planet(tmp_path: Path) -> Planet:
    """A planet whose store is another one."""
    return Planet(tmp_path)


def move(planet: Planet, old: str, new: str, **options: Any) -> transferring.Transferred:
    return transferring.move(planet.load(), old, new, NOON, **options)


# --- What comes out -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), WAYS)
def test_every_table_comes_through_and_back(planet: Planet, make: Make, old: str, new: str) -> None:
    first, there, back = make(old), make(new), make(old)
    fill(first, 25)
    before = dump(first)
    moved = move(planet, first, there)
    assert moved.tables == dict.fromkeys(before, 25)
    assert (moved.rows, moved.resumed) == (25 * len(before), 0)
    move(planet, there, back)
    for url in (there, back, first):  # repr: True is not 1; but SQLite keeps no zero below zero
        assert repr(dump(url)).replace("-0.0", "0.0") == repr(before).replace("-0.0", "0.0")


def test_new_rows_are_numbered_from_behind_the_last(planet: Planet, make: Make) -> None:
    first, there = make("sqlite"), make("postgresql")
    fill(first, 12)
    move(planet, first, there)
    with opened(there) as store, writing(store) as db:
        for table in (each for each in metadata.sorted_tables if "id" in each.c):
            assert new_numbers(db, table, 2) == [13, 14], table.name


def test_an_empty_store_may_be_moved(planet: Planet, make: Make) -> None:
    first, there = make("sqlite"), make("postgresql")
    with opened(first):
        pass
    assert move(planet, first, there).rows == 0
    with opened(there) as store, writing(store) as db:
        assert new_numbers(db, item, 1) == [1]


WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
BIG = st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": WORDS,
            "last_request": st.none() | BIG,
            "not_before": st.none() | BIG,
            "reason": WORDS,
            "pauses": BIG,
        }
    ),
    unique_by=lambda row: row["name"],
)


def test_whatever_stands_in_them(planet: Planet, make: Make) -> None:
    stores = first, there, back = make("sqlite"), make("postgresql"), make("sqlite")

    @settings(max_examples=15)
    @given(rows=ROWS)
    def check(rows: list[dict[str, Any]]) -> None:
        for url in stores:
            with opened(url) as store, writing(store) as db:
                db.execute(delete(host))
                if rows and url == first:
                    db.execute(insert(host), rows)
        move(planet, first, there)
        move(planet, there, back)
        found = dump(there)
        assert found == dump(back) == dump(first)
        wanted = sorted(rows, key=lambda row: str(row["name"]))
        assert found["host"] == [tuple(row[column.name] for column in host.c) for row in wanted]

    check()


def shown(url: str) -> list[object]:
    """The stories without the numbers of their items, which are those of the order in which sources answered."""
    with opened(url) as store, reading(store) as db:
        columns = [each for each in tables.story.c if each.name not in ("id", "item_id", "digest")]
        return [tuple(row) for row in db.execute(select(*columns).order_by(tables.story.c.public_id))]


@pytest.mark.parametrize(("old", "new"), WAYS[:2])
def test_what_is_published_then_is_the_same(tmp_path: Path, make: Make, old: str, new: str) -> None:
    """And validators have come along: what has not changed is not sent again."""
    first, there = make(old), make(new)
    with Server() as server:
        server.put("/1", rss([{"guid": f"https://a.example/{n}", "title": f"Old {n}"} for n in range(9)]), etag=True)
        server.put("/2", rss([{"guid": "https://b.example/1", "title": "Old 3"}]), etag=True)
        planet = Planet(tmp_path / "here", first)
        planet.post("a.md", title="A post", date="2026-03-01T00:00:00Z", categories=["Tech/Webs"])
        planet.seeds()
        planet.site |= {"items": 4, "archive": 2, "formats": ["rss", "atom", "json", "html"]}
        for name in ("/1", "/2"):
            planet.feed(server.url(name), category="news")
        planet.run()
        move(planet, first, there)
        shutil.copytree(planet.root, tmp_path / "there")
        moved = Planet(tmp_path / "there", there)
        for name in ("site", "sources", "fetch"):
            setattr(moved, name, getattr(planet, name) | {"store": there} if name == "site" else getattr(planet, name))
        server.put("/2", rss([{"guid": f"https://b.example/{n}", "title": f"New {n}"} for n in (2, 1)]), etag=True)
        for each in (planet, moved):
            each.post("b.md", title="Another post", date="2026-03-02T00:00:00Z", categories=["tech"])
            each.now = NOON
            asked = len(server.log)
            assert not each.run(force=True).failed
            assert sorted((request.path, request.status) for request in server.log[asked:]) == [
                ("/1", 304),
                ("/2", 200),
            ]
        assert planet.files() == moved.files()
        assert "New 2" in planet.titles()
        for each in (planet, moved):
            shutil.rmtree(each.root / "feeds")
            each.run()
        assert planet.files() == moved.files()
        assert dump(first).keys() == dump(there).keys()
        assert shown(first) == shown(there)


# --- Broken off -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), WAYS)
def test_it_goes_on_where_it_was_broken_off(planet: Planet, make: Make, old: str, new: str) -> None:
    first, there = make(old), make(new)
    fill(first, 1200)  # three portions a table
    total = 1200 * len(metadata.tables)
    resumed = []
    for after in (700, 1200, 15_000, total):
        with pytest.raises(SystemExit):
            move(planet, first, there, progress=breaking_off(after))
        with pytest.raises(AggregatorError, match="holds a half of another store"):
            open_store(there)
        with pytest.raises(AggregatorError, match="holds a half of another store"), looking(there):
            pass
        with opened(there) as store, reading(store) as db:
            note = transfer.note(db)
            assert note and note.copied == transfer.count(db) >= after
            resumed.append(note.copied)
    assert resumed[0] == 1000
    assert move(planet, first, there).resumed == total
    assert dump(first) == dump(there)
    open_store(there).dispose()


def test_a_store_that_has_changed_since_is_copied_anew(planet: Planet, make: Make) -> None:
    first, there = make("sqlite"), make("postgresql")
    fill(first, 600)
    with pytest.raises(SystemExit):
        move(planet, first, there, progress=breaking_off(9000))
    with opened(first) as store, writing(store) as db:
        db.execute(update(source).where(source.c.id == 3).values(title="Changed"))
    assert move(planet, first, there).resumed == 0
    assert dump(first) == dump(there)


@pytest.mark.parametrize(
    ("old", "new", "how"), [("sqlite", "postgresql", signal.SIGTERM), ("postgresql", "sqlite", signal.SIGKILL)]
)
def test_who_is_killed_goes_on(planet: Planet, make: Make, old: str, new: str, how: signal.Signals) -> None:
    first, there = make(old), make(new)
    fill(first, 1500)
    with opened(there) as store, program(planet, first, there) as process:
        until = time.monotonic() + 60
        while True:
            with reading(store) as db:
                if (note := transfer.note(db)) and note.copied:
                    break
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(how)
        _, err = process.communicate(timeout=60)
        assert process.returncode == (143 if how == signal.SIGTERM else -how)
        assert "Traceback" not in err
    with program(planet, first, there, "--json") as process:
        said = json.loads(process.communicate(timeout=120)[0])
    assert 0 < said["resumed"] < said["rows"]
    assert dump(first) == dump(there)


def program(planet: Planet, *arguments: str) -> "subprocess.Popen[str]":
    """`aggregator migrate-store` as a process of its own."""
    planet.write()
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "aggregator", "migrate-store", *arguments]
    return subprocess.Popen(
        command, cwd=planet.root, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


# --- What cannot be -------------------------------------------------------------------------------------------------


def test_what_is_refused(planet: Planet, make: Make, tmp_path: Path, postgresql: Postgres) -> None:
    first, server = make("sqlite"), make("new")
    fill(first, 3)
    (tmp_path / "link.db").symlink_to(first.removeprefix("sqlite:///"))
    broken = tmp_path / "broken.db"
    broken.write_text("this is no database, " * 100)
    fill(make("sqlite"), 3)
    for old, new, why in (
        (first, first, "FROM and TO are one store"),
        (first, f"sqlite:///{tmp_path}/link.db", "FROM and TO are one store"),
        (server, f"{server}?connect_timeout=7", "there is no store to move"),
        (f"sqlite:///{tmp_path}/nothing.db", server, "there is no store to move"),
        (first, f"sqlite:///{tmp_path}/2 é%20.db", "holds a store already; give a new file or an empty database"),
        (first, f"sqlite:///{broken}", "cannot be opened: file is not a database"),
        (f"sqlite:///{broken}", server, "cannot be opened: file is not a database"),
        (first, postgresql.url("nobodys"), "cannot be used: .*does not exist"),
        (first, f"sqlite:///{tmp_path}/config/aggregator.toml/x.db", "Not a directory|File exists"),
        (first, f"sqlite:///{tmp_path}/none/x.db", "none/x.db: there is no such folder; make the folder first"),
    ):
        with pytest.raises(AggregatorError, match=why) as error:
            move(planet, old, new)
        assert "\n" not in str(error.value)
        assert "se:cr" not in str(error.value)
    assert not (tmp_path / "nothing.db").exists()
    assert not (tmp_path / "none").exists()
    move(planet, first, server)
    with pytest.raises(AggregatorError, match="FROM and TO are one store"):
        move(planet, server, f"{server}?connect_timeout=7")


@pytest.mark.parametrize("kind", ["sqlite", "new"])
@pytest.mark.parametrize("name", ["wp_posts", "item"])
def test_what_is_somebody_elses_is_not_filled(planet: Planet, make: Make, kind: str, name: str) -> None:
    first, there = make("sqlite"), make(kind)
    fill(first, 1)
    file = there.removeprefix("sqlite:///")
    engine = create_engine(there if file == there else URL.create("sqlite", database=file))  # % is lawful in names
    for each in ("procrastinate_jobs", name):
        with engine.begin() as db:
            db.execute(text(f"CREATE TABLE {each} (id INTEGER PRIMARY KEY)"))
    with pytest.raises(AggregatorError, match=rf": has a table {name}, which is no store's; give an empty TO$"):
        move(planet, first, there)
    assert set(inspect(engine).get_table_names()) == {"procrastinate_jobs", name}
    with engine.begin() as db:
        db.execute(text(f"DROP TABLE {name}"))
    engine.dispose()
    assert move(planet, first, there).rows


def test_half_of_one_store_is_not_filled_from_another(planet: Planet, make: Make) -> None:
    first, other, there = make("sqlite"), make("sqlite"), make("postgresql")
    fill(first, 600)
    fill(other, 600)
    with pytest.raises(SystemExit):
        move(planet, first, there, progress=breaking_off(9000))
    with pytest.raises(
        AggregatorError, match=r"holds a half of .*0 é%20\.db; move that once more, or give an empty TO"
    ):
        move(planet, other, there)
    with pytest.raises(AggregatorError, match="holds a half of another store"):
        move(planet, there, make("sqlite"))
    move(planet, first, there)
    assert dump(first) == dump(there)


def test_what_came_out_otherwise_is_found(planet: Planet, make: Make) -> None:
    first, there = make("sqlite"), make("postgresql")
    fill(first, 600)
    with pytest.raises(SystemExit):
        move(planet, first, there, progress=breaking_off(600 * len(metadata.tables)))
    with opened(there) as store, writing(store) as db:
        db.execute(update(story).where(story.c.id == 7).values(digest="other"))
    with pytest.raises(
        AggregatorError, match=r"table story is not what it is in .* \(600 rows of 600\); remove what is there"
    ):
        move(planet, first, there)
    with pytest.raises(AggregatorError, match="holds a half"):
        open_store(there)


def test_what_a_database_cannot_hold_is_said(planet: Planet, make: Make) -> None:
    first, there = make("sqlite"), make("postgresql")
    fill(first, 3)
    with opened(first) as store, writing(store) as db:
        db.execute(update(category).where(category.c.id == 2).values(folder="a\0b"))
    with pytest.raises(
        AggregatorError, match=r"^postgresql\+psycopg://planet@.*: table category cannot be copied: .*NUL"
    ):
        move(planet, first, there)


@pytest.mark.parametrize("which", ["FROM", "TO"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_store_in_use_is_left_alone(planet: Planet, make: Make, which: str, kind: str) -> None:
    first, there = make(kind), make(kind)
    fill(first, 3)
    with locked(first if which == "FROM" else there, NOON, "once"), program(planet, first, there) as process:
        out, err = process.communicate(timeout=60)
    who = f"aggregator once, process {os.getpid()}, since 2026-03-14T12:00:00Z"
    assert (process.returncode, out) == (75, "")
    assert err == f"aggregator: another run is at work ({who}); try again when it is done\n"
    with opened(there) as store, reading(store) as db:
        assert transfer.is_empty(db)
    assert move(planet, first, there).rows


def test_a_run_finds_both_locked(planet: Planet, make: Make) -> None:
    first, there = make("sqlite"), make("postgresql")
    fill(first, 3)
    told = []

    def progress(*_: object) -> None:
        for store in (first, there):
            refusal = pytest.raises(
                AggregatorError, match=r"another run is at work \(aggregator migrate-store, process"
            )
            with refusal, locked(store, NOON, "once"):
                pass
        told.append(True)

    move(planet, first, there, progress=progress)
    assert told
    for store in (first, there):
        with locked(store, NOON) as lock:
            assert not lock.is_broken_off


# --- The command ----------------------------------------------------------------------------------------------------


def test_the_command(planet: Planet, make: Make) -> None:
    """Paths are as everywhere, from the current folder; a URL is as in the config."""
    there = make("new")
    planet.site["store"] = "sqlite:///var/mine.db"
    planet.post("a.md", title="A post", date="2026-03-01T00:00:00Z")
    planet.seeds()
    pipeline.run(planet.load(), NOON)
    shown = there.replace(f":{quote(PASSWORD, safe='')}", "")
    with program(planet, "var/mine.db", there) as process:
        out, err = process.communicate(timeout=60)
    rows, says = out.splitlines()
    assert (process.returncode, err) == (0, "")
    assert rows.endswith(f"rows moved from {planet.root}/var/mine.db to {shown}; both are equal")
    line = planet.write().read_text().splitlines().index('store = "sqlite:///var/mine.db"') + 1
    where = f"config/aggregator.toml:{line}: site.store: write store = "
    assert says == f'{where}"{shown}", with the password of TO, not shown here'
    with program(planet, there, "sqlite:///var/back.db", "--json") as process:
        said = json.loads(process.communicate(timeout=60)[0])
    assert (said["from"], said["to"], said["resumed"]) == (shown, f"{planet.root}/var/back.db", 0)
    assert said["tables"]["item"] == 1
    assert sum(said["tables"].values()) == said["rows"] == int(rows.split()[0])
    assert said["config"] == f'{where}"sqlite:///var/back.db"'
    with program(planet, there, "var/quiet.db", "--quiet") as process:
        assert process.communicate(timeout=60) == ("", "")
    for path in ("back.db", "quiet.db"):
        assert dump(f"sqlite:///{planet.root}/var/{path}") == dump(there)


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("var/mine é.db", 'write store = "sqlite:///var/mine é.db"'),
        ("sqlite:////srv/other.db", 'write store = "sqlite:////srv/other.db"'),
        ("postgresql+psycopg://me@db/x", 'write store = "postgresql+psycopg://me@db/x"'),
        (
            "postgresql+psycopg://me:hidden@db/x?sslmode=require",
            'write store = "postgresql+psycopg://me@db/x", with the password and the options of TO, not shown here',
        ),
    ],
)
def test_what_to_write_is_what_the_config_takes(
    planet: Planet, monkeypatch: pytest.MonkeyPatch, new: str, said: str
) -> None:
    monkeypatch.chdir(planet.root)
    url = configs.other_store(planet.load(), new)
    assert transferring.advice(planet.load(), url).endswith(f": site.store: {said}")
    if "not shown" not in said:
        planet.site["store"] = json.loads(said.removeprefix("write store = "))
        assert planet.load().store == url
        assert transferring.advice(planet.load(), url) == ""


def test_a_store_moves_where_the_output_is_no_folder(planet: Planet, make: Make) -> None:
    first = make("sqlite")
    fill(first, 1)
    planet.site["output"] = "s3://bucket/planet"
    (planet.root / "var").mkdir()
    with program(planet, first, "var/back.db", "--quiet") as process:
        assert process.communicate(timeout=60) == ("", "")
    assert dump(f"sqlite:///{planet.root}/var/back.db") == dump(first)


@pytest.mark.parametrize(
    ("new", "code", "why"),
    [
        ("mysql://u:hidden@h/d", 2, 'mysql://***@h/d: write "sqlite:///PATH", without "?", or "postgresql'),
        ("postgresql+psycopg://u:hidden@h", 2, "postgresql+psycopg://***@h: lacks the name of the database; write "),
        ("feeds/x.db", 2, "feeds/x.db: stands in the output, where it would be published; give another path"),
        ("planet:hidden@127.0.0.1/other", 2, "planet…: begins as no address of a store does; write postgresql+psyc"),
        ("planet:hid/hidden@127.0.0.1/x?y=://", 2, "planet…: begins as no address"),
        ("postgresql:u:hidden@h/d", 2, "postgresql…: begins as no address"),
        ("me@db", 2, "me…: begins as no address"),
        ("postgresql://u@h/d?password=hidden", 2, "postgresql://***@h/d: "),
        (
            "postgresql+psycopg://u:hidden@127.0.0.1:1/d",
            1,
            "postgresql+psycopg://u@127.0.0.1:1/d: the store cannot be",
        ),
    ],
)
def test_a_wrong_address_is_one_line(planet: Planet, make: Make, new: str, code: int, why: str) -> None:
    first = make("sqlite")
    fill(first, 1)
    with program(planet, first, new) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert err.startswith(f"aggregator: {why}")
    assert err.count("\n") == 1
    assert "hidden" not in err
