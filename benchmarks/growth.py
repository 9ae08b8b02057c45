"""What a run costs when little is stored, and when much is: it should be the same.

A small planet (100 feeds of 20 entries, ten categories) is read by our program; then its store is filled with older
entries of the same feeds, as if it had run for years. That goes by SQL, and all there is in their archive documents is
a line that names us, as to clean a million entries and to write them into 80,000 documents would take hours; into which
archive they are closed our program decides. After a run that finds this out another must write nothing, and what is
measured are runs after that one.
"""

import hashlib
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.measuring import Cost, measure
from benchmarks.programs import PATH, once
from benchmarks.serving import answers, free_port, served
from benchmarks.workload import NEWEST, Workload, make, news

FEEDS, ENTRIES, CATEGORIES = 100, 20, 10
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
            measure(once("--force", "--strict"), state, PATH)
            before = _times(state)
            measure(once("--force", "--strict"), state, PATH)
            if _times(state) != before:
                raise SystemExit(f"growth, {size}: a run with nothing new has written something")
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
    """Give the sources as many older items as it takes to have `size` in all, closed into archives."""
    store = state / "var" / "aggregator.db"
    with closing(sqlite3.connect(store)) as db, db:
        there, last, story = (
            db.execute(f"SELECT {what}").fetchone()[0] or 0
            for what in ("count(*) FROM item", "max(id) FROM item", "max(id) FROM story")
        )
        every = db.execute("SELECT id, json_extract(categories, '$[0]') FROM source ORDER BY id").fetchall()
        categories = dict(db.execute("SELECT path, id FROM category").fetchall())
        homes = [(source, (categories["[]"], categories[path])) for source, path in every]
        total = max(0, size - there)
        for table, columns in _COLUMNS.items():
            rows = _rows(table, homes, total, last + 1, story + 1)
            marks = ", ".join("?" * len(columns.split(", ")))
            db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608
    _close(state)


_COLUMNS = {
    "story": "id, public_id, item_id, digest, published, first_seen, updated, also",
    "item": "id, source_id, story_id, identity, origin, title, data, digest, words, published, first_seen, updated,"
    " edits",
    "item_key": "item_id, key, source_id",
    "story_category": "category_id, story_id, leaf, published, first_seen",
}


def _rows(
    table: str, homes: list[tuple[int, tuple[int, int]]], total: int, item: int, story: int
) -> Iterator[tuple[object, ...]]:
    """The rows of older entries in a table, short, as what is written of them is not what is measured; the columns are
    those above. `homes` are the sources, each with the categories of its entries."""
    for number in range(total):
        source, (everything, own) = homes[number % len(homes)]
        link = f"news{source}.example/older/{number}"
        guid = f"https://{link}/?p"
        published = int(NEWEST.timestamp()) - 30 * 86_400 - number * 300
        made = hashlib.sha256(guid.encode()).hexdigest()
        title = f"An older story, number {number} of all"
        if table == "story":
            yield story + number, guid, item + number, made, published, published, published, "[]"
        elif table == "item":
            content = f"<p>{number}: " + "Some words of an older entry. " * 10 + "</p>"
            data = f'{{"guid":"{guid}","url":"https://{link}/","title":"{title}","content":"{content}"}}'
            yield (
                *(item + number, source, story + number, f"guid:{guid}", "", title, data, made, made[:32], published),
                *(published, published, 0),
            )
        elif table == "item_key":
            parts = (f"guid:{guid}", f"link:{link}", f"tail:/older/{number}?p=")
            for key in (*parts, f"text:{made[:32]}", f"title:{made[32:]}"):
                yield item + number, key, source
        else:
            for category in (everything, own):
                yield category, story + number, int(category == own), published, published


def _close(state: Path) -> None:
    """Close older entries into archives, as a run would, and put a line that names us where their documents stand."""
    from aggregator import archives, composing
    from aggregator.config import load
    from aggregator.formats import chosen, find
    from aggregator.store import archives as stored
    from aggregator.store import channels, files, meta
    from aggregator.store.engine import open_store, writing

    config = load(state / "config" / "aggregator.toml")
    engine = open_store(config.store)
    with writing(engine) as db:
        places = channels.places(db)
        planet = composing.planet(config, meta.authority(db), places)
        for place in places:
            stored.close(db, place.id, config.site.items, None, config.site.archive)
            stored.renew(db, place.id)
            names = [find(name).FILENAME for name in chosen(config.site.formats, place.path, archive=True)]
            for link in archives.links(planet, place, stored.live(db, place.id)):
                number = link.this.number
                if not link.this.rendered:
                    stored.mark_rendered(db, place.id, {number: link.state})
                    folder = composing.folder(place, number)
                    (config.output / folder).mkdir()
                    for name in names:
                        (config.output / folder / name).write_bytes(b"<!-- aggregator -->")
                    files.claim(db, place.id, {f"{folder}/{name}": number for name in names})
    engine.dispose()


def _times(state: Path) -> dict[str, int]:
    """When each published file was written."""
    return {str(path): path.stat().st_mtime_ns for path in (state / "feeds").rglob("*") if path.is_file()}
