"""A small planet with news in every round, much published of it, and what must hold whatever is done to its runs."""

import gzip
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile

from lxml import etree

from aggregator import listing, pipeline
from aggregator.pipeline import Report
from aggregator.store.lock import holder
from tests.planet import Planet
from tests.running import PATIENCE
from tests.server import Server
from tests.test_archives import everything
from tests.world import World

ATOM = "{http://www.w3.org/2005/Atom}"
SHELVES = ("tech", "tech/python", "world")


@dataclass
class Small:
    """The planet, the sites that it reads, and the public ids (by title) that have ever been seen."""

    planet: Planet
    world: World
    lot: random.Random
    posts: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def post(self) -> None:
        """Some sites post."""
        for site in self.lot.sample(self.world.sites, 2):
            site.post()

    def news(self) -> None:
        """The same; and now and then there is a new local post, which nobody should be reading meanwhile."""
        self.post()
        if self.lot.random() < 0.3:
            self.posts.append(f"Local post {len(self.posts)}")
            self.planet.post(f"{len(self.posts)}.md", title=self.posts[-1], categories=[self.lot.choice(SHELVES)])

    def titles(self) -> list[str]:
        """All that was ever posted."""
        return [*self.posts, *(title for site in self.world.sites for title, _ in site.posts)]

    def run(self) -> Report:
        """A run in this process, which is a cheap one: all sources are visited."""
        return pipeline.run(self.planet.load(), datetime.now(UTC), force=True)


def small(root: Path, server: Server, seed: int, sites: int = 5) -> Small:
    """A planet whose feeds have archives, pages and compressed copies. `seed` draws all that befalls it."""
    root.mkdir()
    planet, world, lot = Planet(root), World(server, sites, seed), random.Random(seed)
    planet.site |= {"items": 10, "archive": 10, "gzip": True, "formats": ["rss", "atom", "json", "opml", "html"]}
    planet.fetch |= {"interval": "1s", "interval_cap": "1s", "unvalidated": "1s", "backoff_cap": "2s"}
    planet.seeds()
    for site in world.sites:
        planet.feed(world.url(site), category=SHELVES[site.number % len(SHELVES)])
    made = Small(planet, world, lot)
    for _ in range(6):
        made.news()
    planet.write()
    return made


# --- What must hold ---------------------------------------------------------------------------------------------------


def check_whole(name: str, data: bytes) -> None:
    """Raises where a document is not whole."""
    if name.endswith(".gz"):
        check_whole(name.removesuffix(".gz"), gzip.decompress(data))
    elif name.endswith((".xml", ".opml", ".svg")):
        etree.fromstring(data)
    elif name.endswith(".json"):
        json.loads(data)
    else:
        end = {"html": b"</html>", "css": b"}"}[name.rpartition(".")[2]]
        assert data.rstrip().endswith(end), f"{name} ends with {data[-40:]!r}"


def check_settled(small: Small) -> None:
    """After a run that came to its end: each entry once wherever it belongs, with the id that it always had; nothing
    beside documents and the store."""
    planet = small.planet
    assert holder(planet.load().store) is None, "the lock is held"
    left = sorted(path.name for path in (*planet.root.rglob(".aggregator-*"), *(planet.root / "var").iterdir()))
    assert left == ["aggregator.db", "aggregator.db.lock"], left
    expected = Counter(small.titles())
    _check_same(everything(planet), expected, "a walk through the archives")
    for number, shelf in enumerate(SHELVES):
        titles = Counter(everything(planet, f"{shelf}/"))
        own = {title for site in small.world.sites[number :: len(SHELVES)] for title, _ in site.posts}
        assert max(titles.values()) == 1 and own <= titles.keys() <= expected.keys(), f"{shelf}: {titles}"
    kept = listing.items(planet.load(), category=None, source=None, limit=None).values
    _check_same([each["title"] for each in kept], expected, "the store")
    for each in kept:
        assert small.ids.setdefault(each["title"], each["id"]) == each["id"], f"{each['title']} has another id"
    assert len(set(small.ids.values())) == len(small.ids), "two entries have one id"
    for name, data in planet.files().items():
        check_whole(name, data)


def _check_same(titles: Iterable[str], expected: Counter[str], where: str) -> None:
    found = Counter(titles)
    assert found == expected, f"{where}: lost {expected - found}, not expected {found - expected}"


def check_store(small: Small, beside: Path) -> None:
    """The store as a killed run left it is sound. Looked at is a copy, so that it is the program that recovers it."""
    beside.mkdir(exist_ok=True)
    for name in ("aggregator.db", "aggregator.db-wal"):
        (beside / name).unlink(missing_ok=True)
        if (small.planet.root / "var" / name).exists():
            copyfile(small.planet.root / "var" / name, beside / name)
    with closing(sqlite3.connect(beside / "aggregator.db")) as db:
        said = db.execute("PRAGMA integrity_check").fetchall()
    assert said == [("ok",)], said


def trouble(lines: Iterable[str]) -> list[str]:
    """What a daemon has logged beyond its daily work; not that of sites which do not answer, nor that of a machine
    which has other things to do."""
    fine = ('"level": "info"', '"event": "late"', '"outcome": "timeout"')
    return [line for line in lines if not any(each in line for each in fine)]


# --- A reader that never looks away -----------------------------------------------------------------------------------


@dataclass
class Seen:
    """What the reader met: how many documents, and what was wrong with some."""

    documents: int = 0
    wrong: list[str] = field(default_factory=list)


@contextmanager
def watched(small: Small) -> Iterator[Seen]:
    """Have a thread read what is published, each document as soon as it changes: it is whole, stays where it is, and
    gives an entry no other id."""
    seen, ended = Seen(), threading.Event()

    def watch() -> None:
        known: dict[Path, tuple[int, int, int]] = {}
        while not ended.wait(0.01):
            _look(small, known, seen)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
    assert seen.wrong == [], seen.wrong[:5]
    assert seen.documents > 50, "it did not look"


def _look(small: Small, known: dict[Path, tuple[int, int, int]], seen: Seen) -> None:
    there = [path for path in (small.planet.root / "feeds").rglob("[!.]*") if path.suffix]
    for path in {*there, *known}:
        try:
            stat = path.stat()
            mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if known.get(path) != mark:
                known[path] = mark
                seen.documents += 1
                _read(small, path, path.read_bytes())
        except Exception as error:  # whatever it is, it is what a reader must not meet
            seen.wrong.append(f"{path.name}: {type(error).__name__}: {error}")


def _read(small: Small, path: Path, data: bytes) -> None:
    check_whole(path.name, data)
    if path.name == "atom.xml":
        for entry in etree.fromstring(data).iter(f"{ATOM}entry"):
            title, name = str(entry.findtext(f"{ATOM}title")), str(entry.findtext(f"{ATOM}id"))
            assert small.ids.setdefault(title, name) == name, f"{title} has another id"


# --- Programs ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Begun:
    """A process of `aggregator` in a group of its own, and the lines that it says on standard error."""

    process: "subprocess.Popen[str]"
    began: float
    lines: list[str]
    _listening: threading.Thread

    def wait_for(self, said: Callable[[list[str]], object], seconds: float = PATIENCE) -> None:
        """Wait until its lines are so, or it ends."""
        until = time.monotonic() + seconds
        while not said(self.lines) and self._listening.is_alive():
            assert time.monotonic() < until, self.lines
            time.sleep(0.002)

    def send(self, sign: signal.Signals, *, group: bool = False) -> bool:
        """Send a signal, or send it to all that it began as well. False when it had ended by itself."""
        if self.process.poll() is not None:
            return False
        if group:
            os.killpg(self.process.pid, sign)
        else:
            self.process.send_signal(sign)
        return True

    def end(self, seconds: float = PATIENCE) -> int:
        """Its exit code, as soon as it has ended and nobody whom it began is left: they all have its standard error."""
        code = self.process.wait(seconds)
        self._listening.join(seconds)
        assert not self._listening.is_alive(), "a process is left over"
        return code


@contextmanager
def begun(planet: Planet, *arguments: str) -> Iterator[Begun]:
    """Begin a command; at the end nothing of it is left."""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "aggregator", *arguments]
    lines: list[str] = []
    with subprocess.Popen(
        command,
        cwd=planet.root,
        env=env,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stderr
        listening = threading.Thread(target=_listen, args=(process.stderr, lines))
        listening.start()
        try:
            yield Begun(process, time.monotonic(), lines, listening)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            listening.join()


def _listen(stream: Iterable[str], lines: list[str]) -> None:
    for line in stream:
        lines.append(line)
