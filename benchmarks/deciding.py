"""What it costs to decide what a feed of 100 entries means, with 1,000 items stored and with 100,000.

    python benchmarks/deciding.py              21 rounds: about two minutes, nearly all of it to fill the store
    python benchmarks/deciding.py --quick      1,000 and 10,000 items, 5 rounds: seconds, and rough figures
    python benchmarks/deciding.py --json       the same as JSON, for machines

Both stores are SQLite files with 10 sources of equally many items each. A visit brings 100 entries of one source,
90 that are stored and 10 that are new; it is decided as a run does it: the keys of the entries, one look at what the
store knows of these (`visits.known`), and `identity.decide`. Nothing is saved.

How to read it. Figures are milliseconds of wall clock, the median of the rounds; the two stores take turns within a
round, each time with other entries, so that a busy minute of the machine hits both alike. `x` is the ratio, large to
small, the median of the rounds' ratios: that travels to other machines, milliseconds do not. `read` is `visits.known`
alone. Below stand the steps of SQLite's plan for each query of that read: SEARCH goes by an index, SCAN would look at
all there is.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Engine, event

from aggregator import identity
from aggregator.model import Hints, Item, Source, Visit
from aggregator.schedule import Due
from aggregator.store import sources as stored
from aggregator.store import visits
from aggregator.store.engine import open_store, reading, writing

SOURCES = 10
ENTRIES, NEW = 100, 10
NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
TEXT = "<p>" + "Some words of an entry, as many as a feed has of each. " * 20 + "</p>"


def url(source: int) -> str:
    """The address of a feed."""
    return f"https://news{source}.example/feed.xml"


def item(source: int, number: int) -> Item:
    """An entry with a guid, a page, a title, a text and a date."""
    return Item(
        guid=f"https://news{source}.example/?p={number}",
        url=f"https://news{source}.example/2026/03/story-{number}/",
        title=f"Story {number} of source {source}",
        content=f"<p>{number} {source}</p>{TEXT}",
        published=NOW - timedelta(minutes=number),
    )


def filled(path: Path, count: int) -> Engine:
    """A store with so many items."""
    engine = open_store(f"sqlite:///{path}")
    sources = [Source(key=url(number), kind="feed", options=None) for number in range(SOURCES)]
    with writing(engine) as db:
        stored.register(db, [(source, True) for source in sources], NOW)
        standings = stored.standings(db)
    each = count // SOURCES
    for number, source in enumerate(sources):
        for start in range(0, each, 1000):
            items = tuple(item(number, n) for n in range(start, min(start + 1000, each)))
            changes = identity.decide(items, (), NOW, remote=True).changes
            with writing(engine) as db:
                source_id = standings[source.key].id
                learned = visits.Learned(Hints())
                due = Due(NOW, "benchmark")
                visits.save(db, [visits.Kept(source_id, Visit(source, items), changes, due, learned)], NOW)
    return engine


def decide(engine: Engine, source: int, items: Sequence[Item]) -> tuple[float, float]:
    """Decide a visit: seconds of all of it, and of the read alone."""
    with reading(engine) as db:
        source_id = stored.standings(db)[url(source)].id
        start = time.perf_counter()
        ready = [identity.signs(each) for each in items]
        keys = {key for each in ready for key in each.keys}
        asked = time.perf_counter()
        known = visits.known(db, source_id, keys, set())
        read = time.perf_counter() - asked
        changes = identity.decide(items, known, NOW, remote=True, ready=ready).changes
        whole = time.perf_counter() - start
    counts = [sum(change.what == what for change in changes) for what in ("same", "new")]
    if counts != [ENTRIES - NEW, NEW]:
        raise SystemExit(f"{counts} of the entries were known and new, not {ENTRIES - NEW} and {NEW}")
    return whole, read


def plan(engine: Engine, items: Sequence[Item]) -> list[str]:
    """The steps of SQLite's plans for the queries of `visits.known`, each once."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, sql: str, values: Any, *_: object) -> None:
        asked.append((sql, values))

    keys = {key for each in items for key in identity.keys(each)}
    event.listen(engine, "before_cursor_execute", note)
    with reading(engine) as db:
        visits.known(db, 1, keys, set())
        queries = tuple(asked)
        rows = [row for sql, values in queries for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    event.remove(engine, "before_cursor_execute", note)
    return list(dict.fromkeys(str(row.detail) for row in rows))


def run(sizes: Sequence[int], rounds: int) -> dict[str, Any]:
    """All measurements; lists have one value a round, in milliseconds."""
    found: dict[str, Any] = {"machine": machine(), "date": datetime.now(UTC).date().isoformat(), "rounds": rounds}
    times: dict[int, dict[str, list[float]]] = {size: {"decide": [], "read": []} for size in sizes}
    with tempfile.TemporaryDirectory() as folder:
        engines = {}
        for size in sizes:
            print(f"storing {size} items", file=sys.stderr)
            engines[size] = filled(Path(folder) / f"{size}.db", size)
        for number in range(rounds + 1):
            for size in sizes if number % 2 else reversed(sizes):
                source, each = number % SOURCES, size // SOURCES
                first = each - ENTRIES + NEW - (number * 37) % (each - ENTRIES + NEW + 1)
                known = [item(source, first + n) for n in range(ENTRIES - NEW)]
                fresh = [item(source, each + n) for n in range(NEW)]
                whole, read = decide(engines[size], source, known + fresh)
                if number:  # the first one only warms up
                    times[size]["decide"].append(whole * 1000)
                    times[size]["read"].append(read * 1000)
        found["plan"] = plan(engines[max(sizes)], [item(0, n) for n in range(ENTRIES)])
        for engine in engines.values():
            engine.dispose()
    return found | {"ms": times}


def machine() -> str:
    """What this was measured on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cores} cores, {platform.system()} {platform.machine()}, {python}"


def table(found: dict[str, Any]) -> str:
    """The results for people."""
    small, large = found["ms"]
    lines = [
        f"{found['date']}: {found['machine']}",
        f"a feed of {ENTRIES} entries, {NEW} of them new; the median of {found['rounds']} rounds",
        "",
        f"{'ms':8}{f'{small:,} items':>16}{f'{large:,} items':>16}{'x':>7}",
    ]
    for what in ("decide", "read"):
        one, other = found["ms"][small][what], found["ms"][large][what]
        ratio = median(after / before for before, after in zip(one, other, strict=True))
        lines.append(f"{what:8}{median(one):16.2f}{median(other):16.2f}{ratio:7.2f}")
    return "\n".join([*lines, "", *found["plan"]])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, help="how often each is measured (21)")
    parser.add_argument("--quick", action="store_true", help="1,000 and 10,000 items, 5 rounds")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    sizes, rounds = ((1000, 10_000), 5) if asked.quick else ((1000, 100_000), 21)
    found = run(sizes, asked.rounds or rounds)
    print(json.dumps(found, indent=1) if asked.json else table(found))


if __name__ == "__main__":
    main()
