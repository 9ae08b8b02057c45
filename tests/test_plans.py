"""What deciding and publishing read goes by indexes, however much is stored: SQLite says so itself."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from aggregator.store import channels, history, sources, visits
from aggregator.store.engine import open_store, reading
from tests.planet import NOON, Planet, rss
from tests.server import Server

READS: dict[str, Callable[[Connection], Any]] = {
    "validators": lambda db: visits.validators(db, 1),
    "validators of several": lambda db: visits.validators_of(db, [1, 2])[1],
    "who has items": lambda db: visits.with_items(db, [1, 2]),
    "known by keys": lambda db: visits.known(db, 1, {f"guid:{number}" for number in range(1200)}, set()),
    "known by files": lambda db: visits.known(db, 1, set(), {"a.md", ""}),
    "due": lambda db: sources.due(db, NOON + timedelta(days=2)),
    "recent": lambda db: channels.recent(db, 1, 50),
    "the habit": lambda db: history.posting_days(db, [1]),
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


# --- Whole runs -----------------------------------------------------------------------------------------------------

SMALL = {"alembic_version", "category", "host", "run", "source"}
"""Tables that do not grow with what is stored, and lists of what is to be done; all else has to be searched."""

LISTS = {"file USING INDEX file_current", "pending", "waiting"}

WHOLE = {
    "story_category USING INDEX story_category_newest (category_id=?)": "whether there is one: ends at the first",
    "archive USING COVERING INDEX sqlite_autoindex_archive_1 (category_id=?)": "the last number: begins at the end",
    "story_category USING COVERING INDEX story_category_open (category_id=?)": "what is in no archive",
    "story_category USING INDEX story_category_open (category_id=?)": "the same",
    "archive USING INDEX archive_due (category_id=?)": "what is due",
    "archive USING INDEX archive_live (category_id=?)": "the last one: begins at the end",
    "archive USING COVERING INDEX archive_due (category_id=?)": "what is due",
    "archive USING COVERING INDEX archive_live (category_id=?)": "the last one: begins at the end",
    "item USING COVERING INDEX item_by_age (source_id=? AND removed=?)": "posts, whose files are looked at as well; and"
    " no more of a source than `keep`",
    "item USING INDEX item_by_age (source_id=? AND removed=?)": "the entries of a source that has news are counted",
}
"""What is searched for by half a key, of which there may be very much, and why that is no harm."""

LIMITS = {"keep": 100, "keep_for": "90d", "on_vanish": "drop"}


@pytest.mark.parametrize("limited", [False, True])
def test_no_run_looks_at_all_that_is_stored(planet: Planet, server: Server, limited: bool) -> None:
    planet.site |= {"items": 3, "archive": 2, "formats": ["rss", "atom", "html"]}
    planet.site |= {"max_per_source": 2, "near_duplicates": True} if limited else {}
    planet.fetch["unvalidated"] = "1h"
    planet.feed(server.url("/feed", host="127.0.0.1"), category="news", **(LIMITS if limited else {}))
    planet.seeds()
    planet.post("a.md", title="A post")
    for number, new in ((20, 20), (20, 0), (21, 1)):
        dates = [NOON - timedelta(days=30, hours=-each) for each in range(number)]
        entries = [
            {"guid": f"{n}", "title": f"T{n}", "description": f"Text {n}", "date": d} for n, d in enumerate(dates)
        ]
        server.put("/feed", rss(entries[::-1]), etag=True)
        asked: dict[str, Any] = {}

        def note(_c: Any, _d: Any, sql: str, values: Any, *_: Any, asked: dict[str, Any] = asked) -> None:
            asked.setdefault(sql, values)

        event.listen(Engine, "before_cursor_execute", note)
        try:
            report = planet.run(force=True, later=timedelta(hours=2))
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        assert report.outcomes[0].counts["new"] == new
        assert bool(report.published.written) == bool(new)
        if new < number:
            assert list(_whole(planet, asked)) == []


def _whole(planet: Planet, asked: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The steps of these statements that go through a table that grows, or through what has half of a key."""
    engine = open_store(planet.load().store)
    with reading(engine) as db:
        for sql, values in asked.items():
            if sql.split()[0] not in ("SELECT", "INSERT", "UPDATE", "DELETE"):
                continue
            one = values[0] if isinstance(values, list) else values
            for *_, step in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", one):
                how, _, where = step.partition(" ")
                is_small = where.split(" ")[0] in SMALL or where in LISTS
                is_half = re.search(r"\((category_id=\?|source_id=\? AND removed=\?|source_id=\?)\)$", where)
                by_source = where.split(" ")[0] in ("document", "visit", "day")  # all of them bounded
                if (how == "SCAN" and not is_small) or (is_half and where not in WHOLE and not by_source):
                    yield step, sql
    engine.dispose()
