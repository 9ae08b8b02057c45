"""The line of migrations, and what a new store remembers; test_upgrade has stores of every age."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from aggregator.model import HostState
from aggregator.store import engine as engines
from aggregator.store import sources as stored

pytestmark = pytest.mark.both_stores


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
