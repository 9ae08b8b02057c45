"""The least that a first run can cost: what is left of it without all that Python decides and writes by itself.

    python -m benchmarks.floor --feeds 1000     some minutes; the workload of `benchmarks.run`

Our program runs, and then each thing that its promises ask of others is done once more by itself, on the same
documents and rows, as plainly as it can be: requests over bare sockets, libxml2 reading documents, nh3 cleaning each
text once, SQLite taking the rows, text being escaped, libxml2 reading what is to be published, the kernel taking files
that are safe on the disk. Nothing is mended, recognised, compared, dated or put in order. CPU is user and system, the
least of some rounds; `x` is the ratio to the baseline, as in `benchmarks.run`.
"""

import argparse
import html
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import nh3
from lxml import etree

from benchmarks.measuring import measure
from benchmarks.programs import PATH, programs
from benchmarks.serving import free_port, served
from benchmarks.workload import Workload, make

_TEXTS = ("{http://purl.org/rss/1.0/modules/content/}encoded", "{http://www.w3.org/2005/Atom}content")
_ROWS = 2000  # in a transaction: more than a run dares
_IMPORTS = "import asyncio, click, feedgen.feed, h11, httpx, lxml.etree, nh3, pydantic, sqlalchemy.dialects.sqlite"


def requests(urls: Iterable[str]) -> None:
    """Ask for each document, and take all that comes."""
    for url in urls:
        there = urlsplit(url)
        with closing(socket.create_connection((there.hostname, there.port))) as line:
            line.sendall(f"GET {there.path} HTTP/1.0\r\nHost: {there.netloc}\r\n\r\n".encode())
            while line.recv(65536):
                pass


def parsed(documents: Iterable[bytes]) -> None:
    """Read documents into trees."""
    for document in documents:
        etree.fromstring(document)


def texts(documents: Iterable[bytes]) -> list[str]:
    """The HTML of all entries; of RDF, which has no element of its own for that, the descriptions."""
    found = []
    for document in documents:
        root = etree.fromstring(document)
        for entry in root.iter("item", "{*}item", "{*}entry"):
            held = next((entry.findtext(name) for name in _TEXTS if entry.find(name) is not None), None)
            found.append(held or entry.findtext("{*}description") or "")
    return found


def stored(old: Path, new: Path) -> Callable[[], None]:
    """What puts the rows of a store into an empty one with the same tables, each transaction safe on the disk."""
    with closing(sqlite3.connect(old)) as db:
        made = [sql for (sql,) in db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")]
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: db.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}  # noqa: S608 - our own names

    def store() -> None:
        for file in new.parent.glob(f"{new.name}*"):
            file.unlink()
        with closing(sqlite3.connect(new, isolation_level=None)) as db:
            for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *made):
                db.execute(statement)
            for name, all_rows in rows.items():
                waiting = iter(all_rows)
                while some := list(islice(waiting, _ROWS)):
                    places = ",".join("?" * len(some[0]))
                    db.execute("BEGIN IMMEDIATE")
                    db.executemany(f'INSERT INTO "{name}" VALUES ({places})', some)  # noqa: S608 - the same
                    db.execute("COMMIT")

    return store


def written(documents: Sequence[bytes], folder: Path) -> None:
    """Write files that are safe before they have their names."""
    for number, document in enumerate(documents):
        with (folder / f"{number}.new").open("wb") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        (folder / f"{number}.new").replace(folder / str(number))


def started() -> None:
    """Start Python with the libraries that a run needs."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([sys.executable, "-c", _IMPORTS], check=True, env=environment)  # noqa: S603 - our own line


def seconds(what: Callable[[], object], rounds: int) -> float:
    """CPU seconds of something and of the processes that it waits for, the least of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        before = _spent()
        what()
        best = min(best, _spent() - before)
    return best


def _spent() -> float:
    """CPU seconds until now."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=1000, help="(1000)")
    parser.add_argument("--rounds", type=int, default=3, help="(3)")
    asked = parser.parse_args()
    ours, baseline = programs(sys.executable)[:2]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        load = Workload(folder / "load", asked.feeds, 20, 10, free_port())
        make(load)
        whole = {program.name: float("inf") for program in (ours, baseline)}
        with served(load.folder / "www", load.port, folder / "answers"):
            for program in (ours, baseline) * asked.rounds:
                state = folder / program.name
                shutil.rmtree(state, ignore_errors=True)
                state.mkdir()
                program.prepare(load, state)
                whole[program.name] = min(whole[program.name], measure(program.command(load), state, PATH).cpu)
            urls = [load.url(number) for number in range(load.feeds)]
            asking = seconds(lambda: requests(urls), asked.rounds)
        came = [path.read_bytes() for path in sorted((load.folder / "www").iterdir())]
        contents = texts(came)
        output = folder / "aggregator" / "feeds"
        out = [path.read_bytes() for path in sorted(output.rglob("*.xml"))]
        # each entry is in its category and in everything, and is looked at once: half of it
        once = [path.read_bytes() for path in sorted(output.glob("*.xml")) + sorted(output.glob("archive-*/*.xml"))]
        parts = {
            "start: Python and the libraries": seconds(started, asked.rounds),
            "requests over bare sockets": asking,
            "libxml2 reads what came": seconds(lambda: parsed(came), asked.rounds),
            "nh3 cleans each text once": seconds(lambda: [nh3.clean(each) for each in contents], asked.rounds),
            "SQLite takes the rows": seconds(
                stored(folder / "aggregator" / "var" / "aggregator.db", folder / "new.db"), asked.rounds
            ),
            "texts are escaped, for RSS and Atom": seconds(
                lambda: [html.escape(each) for each in contents * 2], asked.rounds
            ),
            "libxml2 reads what is published, each entry once": seconds(lambda: parsed(once), asked.rounds),
            "files are written and safe": seconds(lambda: written(out, folder), asked.rounds),
        }
    rows = {**parts, "all of that": sum(parts.values()), "our program": whole["aggregator"]}
    print(f"{asked.feeds} feeds; baseline {whole['baseline']:.2f} s\n\n| | CPU s | x |\n|---|--:|--:|")
    for name, cost in rows.items():
        print(f"| {name} | {cost:.2f} | {cost / whole['baseline']:.3f} |")


if __name__ == "__main__":
    main()
