"""What deciding and publishing read goes by indexes, however much is stored: SQLite says so itself."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from aggregator.store import channels, history, sources, visits
from aggregator.store.engine import open_store, reading
from tests.planet import NOON, Planet, rss
from tests.server import Server

READS: dict[str, Callable[[Connection], Any]] = {
    "validators": lambda db: visits.validators(db, 1),
    "known by keys": lambda db: visits.known(db, 1, {f"guid:{number}" for number in range(1200)}, set()),
    "known by files": lambda db: visits.known(db, 1, set(), {"a.md", ""}),
    "due": lambda db: sources.due(db, NOON + timedelta(days=2)),
    "recent": lambda db: channels.recent(db, 1, 50),
    "the habit": lambda db: history.posting_days(db, 1),
    "the log": lambda db: history.visits(db, 1),
    "the week": lambda db: history.entries(db, NOON),
}


@pytest.mark.parametrize("read", READS)
def test_no_read_looks_at_a_whole_table(planet: Planet, server: Server, read: str) -> None:
    server.put("/feed", rss({"guid": str(number), "title": f"T{number}"} for number in range(9)))
    planet.feed(server.url("/feed", host="127.0.0.1"))
    planet.run()
    engine = open_store(planet.load().store)
    asked: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _d, sql, values, *_: asked.append((sql, values)))
    try:
        with reading(engine) as db:
            assert READS[read](db)
            steps = [
                str(step.detail)
                for sql, values in list(asked)
                for step in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
            ]
    finally:
        engine.dispose()
    assert any("INDEX" in step or "PRIMARY KEY" in step for step in steps)
    assert [step for step in steps if step.startswith("SCAN")] == []
