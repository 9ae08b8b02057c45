"""From the first schema to the newest, with what planets of then had: the same entries, under the same ids.

`fixtures/upgrade/` holds two planets as they were left by the program of their day, after two runs: of schema 0001, on
SQLite, and of 0006, the first that PostgreSQL ever had (`pg_dump --column-inserts`). `{server}` stands for where the
feeds were.
"""

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import feedparser
import psycopg
import pytest
from sqlalchemy import text

from aggregator.errors import AggregatorError
from aggregator.store import engine as engines
from aggregator.store import history
from aggregator.store import sources as stored
from tests.planet import NOON, Planet, rss
from tests.server import Server

THEN = Path(__file__).parent / "fixtures" / "upgrade"
KINDS = pytest.mark.parametrize("old", ["0001", "0006"])
Entry = dict[str, Any]
ONE: list[Entry] = [
    {"guid": "one-2", "link": "https://one.example/2", "title": "A guid of its own, edited", "days": 2},
    {"link": "https://one.example/3", "title": "No guid", "days": 3},
    {"guid": "one-4", "link": "https://one.example/4", "title": "No date 没有日期"},
    {"guid": "one-5", "link": "https://story.example/told", "title": "Told twice", "days": 5},
]
TWO: list[Entry] = [
    {
        "guid": "two-1",
        "link": "https://story.example/told?utm_source=rss",
        "title": "Told twice, again",
        "days": 4,
    },
    {
        "guid": "two-2",
        "link": "https://two.example/2",
        "title": "Only here",
        "description": "<p>Some <b>words</b>.</p>",
        "days": 0.25,
    },
]
LISTED_BEFORE: Entry = {
    "guid": "https://one.example/1",
    "link": "https://one.example/1",
    "title": "A permalink",
    "days": 1,
}
NEW: Entry = {"guid": "one-6", "link": "https://one.example/6", "title": "New", "days": 0}


def feed(entries: list[Entry], title: str) -> bytes:
    """A feed as it was then."""
    dated = [{**each, "date": NOON - timedelta(days=each["days"])} if "days" in each else each for each in entries]
    return rss([{name: value for name, value in each.items() if name != "days"} for each in dated], title)


def restored(old: str, server: Server, root: Path, request: pytest.FixtureRequest) -> Planet:
    """A planet of then, at the hour of its last run, with the feeds that it read."""
    dump = (THEN / old / "store.sql").read_text(encoding="utf-8").replace("{server}", f"127.0.0.1:{server.port}")
    if old == "0001":
        planet = Planet(root)
        (root / "var").mkdir()
        with closing(sqlite3.connect(root / "var" / "aggregator.db")) as db:
            db.executescript(dump)
    else:
        postgresql = request.getfixturevalue("postgresql")
        planet = Planet(root, postgresql.empty())
        with psycopg.connect(planet.site["store"].replace("+psycopg", "")) as session:
            session.execute(dump.encode())
    shutil.copytree(THEN / old / "feeds", root / "feeds")
    for file in list((root / "feeds").rglob("*.xml")):
        file.write_bytes(file.read_bytes().replace(b"{server}", f"127.0.0.1:{server.port}".encode()))
    planet.now = NOON + timedelta(hours=2)
    planet.seeds()
    planet.feed(server.url("/1"), category="tech/News", title="One")
    planet.feed(server.url("/2"), category="World")
    planet.feed(server.url("/gone"), title="Broken")
    planet.sources = [*planet.sources[1:], planet.sources[0]]
    planet.post("own.md", "My words, better.", title="My own", date="2026-03-01 08:00", categories=["tech"])
    planet.post("named.md", "More words.", title="Named", date="2026-03-02 08:00", id="tag:me.example,2026:named")
    server.put("/1", feed(ONE, "One"), etag=True)
    server.put("/2", feed(TWO, "Two"), etag=True)
    return planet


def entries(root: Path) -> dict[str, list[tuple[str, str, str]]]:
    """Of each Atom feed: id, title and date of its entries, in order."""
    found = {}
    for file in sorted((root / "feeds").rglob("atom.xml")):
        parsed = feedparser.parse(file)
        found[file.relative_to(root).as_posix()] = [(each.id, each.title, each.published) for each in parsed.entries]
    return found


@KINDS
def test_an_upgraded_planet_publishes_what_it_did(old: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with Server() as server:
        planet = restored(old, server, tmp_path, request)
        before = entries(planet.root)
        assert len(before["feeds/atom.xml"]) == 8

        report = planet.run(later=timedelta(minutes=1))
        assert not report.published.problems
        assert entries(planet.root) == before
        assert not server.log, "no source was due"

        planet.run(force=True, later=timedelta(hours=3))
        assert entries(planet.root) == before
        assert sorted((each.path, each.status) for each in server.log) == [("/1", 304), ("/2", 304), ("/gone", 404)]


@KINDS
def test_health_is_made_of_what_was_there(old: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Each entry counts on its day, whether or not days were counted then."""
    with Server() as server:
        planet = restored(old, server, tmp_path, request)
        planet.run(force=True, later=timedelta(hours=3))
        store = engines.open_store(planet.load().store)
        with engines.reading(store) as db:
            newest = {key: each.newest for key, each in stored.standings(db).items()}
            days = history.days(db, NOON - timedelta(days=7))[1]
        store.dispose()
        assert [newest[server.url(path)] for path in ("/1", "/2")] == [NOON.replace(hour=0)] * 2
        today = history.day_number(NOON)
        assert [(each.number - today, each.new) for each in days] == [(-5, 1), (-3, 1), (-2, 1), (-1, 1), (0, 1)]
        assert days[-1].visits >= 1


@KINDS
def test_it_goes_on_as_if_it_had_always_been_new(old: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """What comes in is new, what was listed before is not, and what was taken back is gone."""
    with Server() as server:
        planet = restored(old, server, tmp_path, request)
        before = planet.ids()
        server.put("/1", feed([NEW, LISTED_BEFORE, *ONE], "One"), etag=True)
        planet.run(force=True, later=timedelta(hours=3))
        after = planet.ids()
        assert {title: public for title, public in after.items() if title != "New"} == before
        assert after["New"] not in before.values()
        assert "Taken back" not in after


@KINDS
def test_the_store_is_then_of_the_newest_schema(old: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with Server() as server:
        url = restored(old, server, tmp_path, request).load().store
        for _ in range(2):
            store = engines.open_store(url)
            with engines.reading(store) as db:
                assert db.scalar(text("SELECT version_num FROM alembic_version")) == engines.SCHEMA
            store.dispose()


def test_an_upgrade_that_cannot_be_done_leaves_the_old_store(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The first program could open it still; and once what stands in the way is gone, the upgrade is done."""
    with Server() as server:
        planet = restored("0001", server, tmp_path, request)
        with closing(sqlite3.connect(tmp_path / "var" / "aggregator.db")) as db:
            before = list(db.iterdump())
            db.execute("CREATE TABLE hub (somebody_elses TEXT)")
            with pytest.raises(
                AggregatorError, match=r"aggregator\.db: the store cannot be opened: table hub already exists"
            ):
                engines.open_store(planet.load().store)
            db.execute("DROP TABLE hub")
            assert list(db.iterdump()) == before
        published = entries(planet.root)
        planet.run(later=timedelta(minutes=1))
        assert entries(planet.root) == published
