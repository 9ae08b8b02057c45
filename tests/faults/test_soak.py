"""A daemon makes thousands of visits, to feeds of which some break, hang, move, send bombs and kill their reader: what
it takes of the machine does not grow, and the store grows by what is new alone."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pytest

from aggregator import listing, pipeline
from tests.faults.amounts import much, told
from tests.planet import Planet, rss
from tests.running import Running, running
from tests.server import Raw, Response, Server
from tests.world import World

VISITS = much(300, 10_000)
SITES = much(40, 200)
POSTS = 4.0  # a second
INTERVAL = 1.0
PATIENCE = 60.0 + VISITS / 20  # seconds, of a machine that has other things to do
MB = 1 << 20

GROWS = 1.10, 8 * MB
"""What memory may be at the end: so many times what it was in the middle, and so much more."""

BOMB = b"<!DOCTYPE rss [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>"
BAD = {
    "garbage": Response(b"\x00\xff\xfe garbage \x80" * 50),
    "bomb": Response(BOMB + rss([{"title": "&b;", "guid": "1"}]).partition(b"?>")[2]),
    "too big": Response(b"<rss version='2.0'><channel>" + b" " * (200 << 10)),
    "too deep": Response(b"<rss><channel><item>" + b"<a>" * 20_000),
    "not found": Response(b"", 404),
    "loop": Response(b"", 302, {"Location": "/bad/loop"}),
    "cut": Raw([b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n<rss"]),
    "reset": Raw([b"HTTP/1.1 200 OK\r\n"], end="reset"),
    "hangs": Raw([b"HTTP/1.1 200 OK\r\n"], end="hang"),
}


@dataclass(frozen=True)
class Look:
    """What the daemon, and all that it began, had taken of the machine when so many visits were made."""

    visits: int
    seconds: float
    memory: int
    descriptors: int
    threads: int
    log: int  # bytes of the store's WAL


def process_of(pid: int) -> tuple[int, float, int, int]:
    """A process's memory (bytes), seconds of CPU, descriptors and threads."""
    folder = Path(f"/proc/{pid}")
    fields = (folder / "stat").read_text().rpartition(") ")[2].split()
    seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    memory = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return memory, seconds, len(list((folder / "fd").iterdir())), int(fields[17])


def family(pid: int) -> list[int]:
    """A process, and all that it began."""
    found = [pid]
    for each in found:
        with suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def look(daemon: Running, visits: int) -> Look:
    """Look at it. The CPU is that of the daemon with its readers that ended."""
    memory = descriptors = threads = 0
    seconds = process_of(daemon.process.pid)[1]
    for pid in family(daemon.process.pid):
        with suppress(OSError):  # a reader that ends
            own = process_of(pid)
            memory, descriptors, threads = memory + own[0], descriptors + own[2], threads + own[3]
    wal = daemon.planet.root / "var" / "aggregator.db-wal"
    return Look(visits, seconds, memory, descriptors, threads, wal.stat().st_size if wal.exists() else 0)


def planned(planet: Planet, server: Server, world: World) -> None:
    """Write the sources into the config, the good ones and the bad ones."""
    planet.fetch |= {"interval": "1s", "interval_cap": "1s", "unvalidated": "1s", "backoff_cap": "1s", "timeout": "1s"}
    planet.fetch |= {
        "gone_after": "1s",
        "move_after": "1s",
        "max_bytes": 100 << 10,
        "pause": "1s",
        "refused_wait": "1s",
    }
    planet.site |= {"items": 50, "archive": 50}
    for site in world.sites:
        planet.feed(world.url(site))
    for number, (name, answer) in enumerate(BAD.items()):
        path = f"/bad/{name.replace(' ', '-')}"
        server.script(path, lambda request, answer=answer: answer)  # type: ignore[misc]
        planet.feed(server.url(path, host=f"127.0.9.{number + 1}"))


@contextmanager
def happening(world: World, daemon: Running) -> Iterator[None]:
    """Let the sites post, move, break and mend, and now and then kill a process that reads."""
    ended = threading.Event()

    def happen() -> None:
        while not ended.wait(world.lot.expovariate(POSTS)):
            world.lot.choice(world.sites).post()
            site = world.lot.choice(world.sites)
            site.broken = site.fate == "breaks" and not site.broken
            site.moved = site.moved or site.fate == "moves"
            site.gone = site.gone or (site.fate == "goes" and world.lot.random() < 0.1)
            if world.lot.random() < 0.05:
                for pid in family(daemon.process.pid)[1:]:
                    with suppress(OSError):
                        os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=happen)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def visited(server: Server) -> int:
    """How many visits were made: requests that were not the second half of one, after a redirect."""
    return sum(request.status not in (301, 302) for request in tuple(server.log))


def soaked(daemon: Running, server: Server) -> list[Look]:
    """Look at it twice a second until all visits are made."""
    end, looks = time.monotonic() + PATIENCE, []
    while (done := visited(server)) < VISITS:
        assert time.monotonic() < end, f"{done} visits, {daemon.said()}"
        assert daemon.process.poll() is None, daemon.said()
        looks.append(look(daemon, done))
        time.sleep(0.5)
    return [*looks, look(daemon, done)]


def test_what_it_takes_of_the_machine_does_not_grow(planet: Planet, tmp_path: Path) -> None:
    with Server("0.0.0.0") as server:
        world = World(server, SITES)
        planned(planet, server, world)
        with running(planet) as daemon:
            began = time.monotonic()
            with happening(world, daemon):
                looks = soaked(daemon, server)
            took = time.monotonic() - began
            assert daemon.end()[0] == 0
            assert [each for each in daemon.events() if each["level"] == "error"] == []
        _check_looks(looks)
        _check_visits(server, took)
        grown, fresh = _check_store(planet, world, tmp_path / "fresh")
    middle = _between(looks, 0.4, 0.6)
    told(
        "soak",
        visits=visited(server),
        sources=SITES + len(BAD),
        seconds=round(took),
        items=sum(len(site.posts) for site in world.sites),
        memory_middle_mb=round(median(each.memory for each in middle) / MB),
        memory_end_mb=round(median(each.memory for each in _between(looks, 0.9, 1)) / MB),
        descriptors=f"{max(each.descriptors for each in middle)}, then {looks[-1].descriptors}",
        threads=f"{max(each.threads for each in middle)}, then {looks[-1].threads}",
        wal_mb=round(max(each.log for each in looks) / MB, 1),
        cpu_ms_a_visit=round(_cost(_between(looks, 0.1, 1)) * 1000, 1),
        store_kb=grown >> 10,
        fresh_store_kb=fresh >> 10,
    )


def _between(looks: list[Look], begin: float, end: float) -> list[Look]:
    """The looks of a part of all visits; two at least."""
    found = [
        each for each in looks if begin * VISITS <= each.visits <= max(end * VISITS, looks[-1].visits * (end == 1))
    ]
    return found if len(found) > 1 else looks[-2:]


def _cost(looks: list[Look]) -> float:
    return (looks[-1].seconds - looks[0].seconds) / max(looks[-1].visits - looks[0].visits, 1)


def _check_looks(looks: list[Look]) -> None:
    """The end against the middle. What comes and goes, as connections and readers do, counts at its most."""
    middle, end = _between(looks, 0.4, 0.7), _between(looks, 0.8, 1)
    assert median(each.memory for each in end) <= median(each.memory for each in middle) * GROWS[0] + GROWS[1]
    open_at_once = SITES + len(BAD)
    assert max(each.descriptors for each in end) <= max(each.descriptors for each in middle) + open_at_once // 2
    assert max(each.threads for each in end) <= max(each.threads for each in middle) + 2
    assert max(each.log for each in looks) <= 16 * MB
    if VISITS >= 10_000:  # less is but the beginning
        assert _cost(end) <= 1.5 * _cost(middle), "a visit costs more and more"


def _check_visits(server: Server, took: float) -> None:
    """No source was asked more often than its interval allows."""
    hosts: dict[str, int] = {}
    for request in server.log:
        if request.status not in (301, 302):
            hosts[request.headers["host"]] = hosts.get(request.headers["host"], 0) + 1
    assert max(hosts.values()) <= took / INTERVAL + 2, hosts


def _check_store(planet: Planet, world: World, root: Path) -> tuple[int, int]:
    """What was posted is kept once, and takes no more than in a store that met it at one go, but for what is known of
    visits: 50 of each source, and a row for each day and hour. Returns both sizes, in bytes."""
    kept = [each["title"] for each in listing.items(planet.load(), category=None, source=None, limit=None).values]
    posted = {title for site in world.sites for title, _ in site.posts}
    assert len(set(kept)) == len(kept) and set(kept) <= posted | {"&b;"}, "the bomb is but its name"
    steady = {title for site in world.sites if site.fate == "steady" for title, at in site.posts[:-2]}
    assert steady <= set(kept)
    root.mkdir()
    fresh = Planet(root)
    fresh.fetch |= {"spacing": "0s"}
    every = rss({"title": title, "guid": title, "link": f"https://a.example/{title}", "date": NOW} for title in kept)
    world.server.put("/all", every)
    fresh.feed(world.server.url("/all", host="127.0.8.1"))
    pipeline.run(fresh.load(), NOW)
    sizes = _size(planet), _size(fresh)
    visits = (SITES + len(BAD)) * 50 * 400  # bytes
    assert sizes[0] <= 1.5 * sizes[1] + visits + (SITES + len(BAD)) * 4096, sizes
    return sizes


NOW = datetime.now(UTC).replace(microsecond=0)


def _size(planet: Planet) -> int:
    """What a store takes once it is settled, without pages that are free."""
    with closing(sqlite3.connect(planet.root / "var" / "aggregator.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free = (db.execute(f"PRAGMA {each}").fetchone()[0] for each in ("page_count", "freelist_count"))
        return int((pages - free) * db.execute("PRAGMA page_size").fetchone()[0])


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc")
def test_a_look_sees_what_it_should(planet: Planet, server: Server) -> None:
    planned(planet, server, World(server, 1))
    with running(planet) as daemon:
        daemon.wait_for("visit")
        seen = look(daemon, 0)
    assert seen.memory > 30 * MB and seen.descriptors > 5 and seen.threads >= 2 and seen.seconds > 0.1
