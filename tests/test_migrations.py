"""The line of migrations, and what a new store remembers; test_upgrade has stores of every age."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from aggregator.model import HostState
from aggregator.store import engine as engines
from aggregator.store import sources as stored
from aggregator.store.tables import metadata

pytestmark = pytest.mark.both_stores


def test_migrations_are_in_one_line_and_end_in_the_schema() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(engines.__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    assert script.get_current_head() == engines.SCHEMA
    assert [each.revision for each in script.walk_revisions()] == sorted(
        (path.name[:4] for path in Path(str(script.versions)).glob("0*.py")), reverse=True
    )


def schema(file: Path) -> dict[str, list[object]]:
    """What SQLite says of each table: columns, by their names, foreign keys, and indexes."""
    with closing(sqlite3.connect(file)) as db:
        found: dict[str, list[object]] = {}
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            columns = db.execute(f"PRAGMA table_info({table})").fetchall()
            made = db.execute(
                "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?", (table,)
            ).fetchall()
            unique = db.execute(f"PRAGMA index_list({table})").fetchall()
            found[table] = [
                sorted((name, *said[:2], str(said[2]).strip("'()"), *said[3:]) for _, name, *said in columns),
                sorted(str(each[2:]) for each in db.execute(f"PRAGMA foreign_key_list({table})")),
                sorted(str(each) for each in made),
                sorted(str(db.execute(f"PRAGMA index_info({each[1]})").fetchall()) for each in unique if each[2]),
            ]
        return found


@pytest.mark.sqlite_alone
def test_a_new_store_is_what_the_migrations_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of types and defaults, which `compare_metadata` does not look at."""
    engines.open_store(f"sqlite:///{tmp_path / 'new.db'}").dispose()
    monkeypatch.setattr(engines, "_make", lambda engine: engines._upgrade(engine, 0, lambda *_: None))
    engines.open_store(f"sqlite:///{tmp_path / 'migrated.db'}").dispose()
    new = schema(tmp_path / "new.db")
    assert new == schema(tmp_path / "migrated.db")
    assert len(new) == len(metadata.tables) + 1  # and Alembic's own


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
