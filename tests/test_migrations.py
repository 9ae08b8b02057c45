"""A store of every age is brought up to date when it is opened, with what it holds."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from aggregator.model import HostState
from aggregator.store import engine as engines
from aggregator.store import history
from aggregator.store import sources as stored
from tests.planet import Planet, rss
from tests.server import Server

pytestmark = pytest.mark.both_stores


def test_a_store_of_the_first_version_keeps_what_it_holds(planet: Planet) -> None:
    with Server() as server:
        server.put("/1", rss([{"guid": "https://a.example/1", "title": "Old"}]), etag=True)
        planet.feed(server.url("/1"))
        planet.run()
        before = planet.ids()
        downgrade(planet.load().store)
        planet.run(force=True)
        assert [request.status for request in server.log] == [200, 304]
    assert planet.ids() == before
    store = engines.open_store(planet.load().store)
    with engines.reading(store) as db:
        assert [(each.new, each.visits) for each in history.days(db, planet.now)[1]] == [(1, 1)]
        assert next(iter(stored.standings(db).values())).newest == planet.now.replace(hour=0)
    store.dispose()


def downgrade(url: str) -> None:
    """Take from a store what the versions after the first have added."""
    store = engines.open_store(url)
    with engines.writing(store) as db:
        for table in ("host", "file", "archived", "archive", "visit", "day", "traffic", "run", "incident", "hub"):
            db.execute(text(f"DROP TABLE {table}"))
        for index in ("item_by_age", "source_by_next_visit", "item_missing", "story_category_open", "source_by_shard"):
            db.execute(text(f"DROP INDEX {index}"))
        for table, columns in {
            "document": ("url", "print"),
            "source": (
                *("hints", "gone_since", "gone", "move", "seconds", "identity", "rules", "priority", "rhythm", "state"),
                *("state_since", "newest", "patience", "visits", "requests", "unchanged", "received", "saved", "size"),
                *("entries", "newest_entry", "shard", "enabled"),
            ),
            "category": ("archives",),
            "story_category": ("open",),
            "story": ("also",),
            "item": ("edited", "why", "seen", "missing"),
        }.items():
            for column in columns:
                db.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
        db.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    store.dispose()


def test_migrations_are_in_one_line_and_end_in_the_schema() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(engines.__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    assert script.get_current_head() == engines.SCHEMA
    assert [each.revision for each in script.walk_revisions()] == sorted(
        (path.name[:4] for path in Path(str(script.versions)).glob("0*.py")), reverse=True
    )


def test_hosts_are_remembered(new_store: Callable[[], str]) -> None:
    store = engines.open_store(new_store())
    noon = datetime(2026, 3, 14, 12, tzinfo=UTC)
    states = {"a.example": HostState(noon, noon, "HTTP 429", 2), "b.example": HostState()}
    for _ in range(2):
        with engines.writing(store) as db:
            stored.save_hosts(db, states)
    with engines.reading(store) as db:
        assert stored.hosts(db) == states
    store.dispose()
