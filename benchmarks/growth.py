"""What a run costs when little is stored, and when much is: it should be the same.

A small planet (100 feeds of 20 entries, ten categories) is read by our program; then its store is filled with older
entries of the same feeds, as if it had run for years, and brought to rest by a run of our program, which closes and
writes the archives. Measured are runs after that.
"""

import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.measuring import Cost, measure
from benchmarks.programs import PATH, once
from benchmarks.serving import answers, free_port, served
from benchmarks.workload import NEWEST, Workload, make, news

FEEDS, ENTRIES, CATEGORIES = 100, 20, 10
AT_ONCE = 1000  # items that are saved in a transaction
WHAT = ("304", "one new")


def run(folder: Path, sizes: Sequence[int], rounds: int) -> dict[int, dict[str, list[Cost]]]:
    """The costs of all rounds, by the number of stored items and what a run meets."""
    load = Workload(folder / "load", FEEDS, ENTRIES, CATEGORIES, free_port())
    costs: dict[int, dict[str, list[Cost]]] = {size: {what: [] for what in WHAT} for size in sizes}
    make(load)
    with served(load.folder / "www", load.port, folder / "answers"):
        for size in sizes:
            state = folder / str(size)
            if not state.exists():
                shutil.copytree(load.folder / "config", state / "config")
            measure(once("--force", "--strict"), state, PATH)
            print(f"  storing {size:,} items", file=sys.stderr)
            fill(state, size)
            cost = measure(once("--force", "--strict"), state, PATH)
            print(f"  brought to rest in {cost.wall:.0f} s", file=sys.stderr)
        for number in range(rounds):
            for what in WHAT:
                if what == "one new":
                    news(load, 1, number + 1)
                for size in sizes:
                    answers(folder / "answers")
                    cost = measure(once("--force", "--strict"), folder / str(size), PATH)
                    asked = answers(folder / "answers")
                    if asked != ({"304": FEEDS} if what == "304" else {"200": 1, "304": FEEDS - 1}):
                        raise SystemExit(f"growth, {what}, {size}: the server has answered {asked}")
                    costs[size][what].append(cost)
                    print(
                        f"  {what:8}{size:9,}{cost.cpu:8.2f} s CPU{cost.wall:8.2f} s{cost.rss:7.0f} MB", file=sys.stderr
                    )
    return costs


def fill(state: Path, size: int) -> None:
    """Give each source as many older items as it takes to have `size` in all, as visits would have."""
    from sqlalchemy import func, select

    from aggregator import identity
    from aggregator.config import load
    from aggregator.model import Hints, Visit
    from aggregator.schedule import Due
    from aggregator.store import sources as stored
    from aggregator.store import tables, visits
    from aggregator.store.engine import open_store, reading, writing

    config = load(state / "config" / "aggregator.toml")
    engine = open_store(config.store)
    with reading(engine) as db:
        standings = stored.standings(db)
        there = db.scalar(select(func.count()).select_from(tables.item)) or 0
    now = datetime.now(UTC).replace(microsecond=0)
    each = max(0, size - there) // len(config.sources)
    for number, source in enumerate(config.sources):
        standing = standings[source.key]
        for start in range(0, each, AT_ONCE):
            items = tuple(_item(number, place) for place in range(start, min(each, start + AT_ONCE)))
            changes = identity.decide(items, (), now, remote=True).changes
            with writing(engine) as db:
                due, learned = Due(now, "benchmark"), visits.Learned(standing.hints or Hints())
                visits.save(db, standing.id, Visit(source, items), changes, now, due, learned, {})
    engine.dispose()


def _item(number: int, place: int):  # type: ignore[no-untyped-def]  # our model is imported only here
    """An older entry of a feed; short, as what is written of it is not what is measured."""
    from aggregator.model import Item

    link = f"https://news{number}.example/older/{place}/"
    return Item(
        guid=f"{link}?p",
        url=link,
        title=f"An older story, number {place} of source {number}",
        content=f"<p>{place} {number}: " + "Some words of an older entry. " * 10 + "</p>",
        published=NEWEST - timedelta(days=30, hours=place, minutes=number),
    )
