"""Readers by path and over HTTP, while one run after another publishes: each answer is a document that was published, as
a whole, under that name; and nothing that is there goes away in between."""

import gzip
import hashlib
import http.client
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.amounts import much, told
from tests.faults.small import check_settled, check_whole, small
from tests.server import Server
from tests.test_serve import serving

SECONDS = much(3, 30)
PAUSE = 0.005  # between two documents, so that four readers leave the others something of the machine


Ask = Callable[[str], bytes | None]
"""Reads the document of a name, None when there is none."""


@dataclass
class Readers:
    """What they read next, and what they have: the contents of each name by their hashes, and which were missing."""

    names: list[str] = field(default_factory=list)
    read: dict[tuple[str, str], bytes] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    reads: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def go_on(self, ask: Ask, seed: int) -> None:
        """Read one after another."""
        lot = random.Random(seed)
        while not self.ended.wait(PAUSE):
            name = lot.choice(self.names)
            data = ask(name)
            if data is None:
                self.missing.append(name)
            else:
                self.read.setdefault((name, _print(data)), data)
            self.reads += 1


def test_readers_meet_what_was_published(tmp_path: Path, server: Server) -> None:
    planet = small(tmp_path / "planet", server, 1)
    planet.run()
    readers, published = Readers(), defaultdict[str, set[str]](set)
    runs = 0

    def note() -> None:
        files = planet.planet.files()
        for name, data in files.items():
            published[name].add(_print(data))
        readers.names = sorted(files)

    note()
    with serving(planet.planet) as web:
        port = int(web.url.rstrip("/").rpartition(":")[2])
        asks = [_by_path(planet.planet.root / "feeds")] * 2
        asks += [_over_http(port), _over_http(port, **{"accept-encoding": "gzip"})]
        threads = [threading.Thread(target=readers.go_on, args=(ask, seed)) for seed, ask in enumerate(asks)]
        for thread in threads:
            thread.start()
        try:
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                planet.news()
                assert planet.run().published.problems == ()
                runs += 1
                note()
        finally:
            readers.ended.set()
            for thread in threads:
                thread.join()
    check_settled(planet)
    assert readers.missing == []
    assert [name for (name, mark) in readers.read if mark not in published[name]] == []
    for (name, _), data in readers.read.items():
        check_whole(name, data)
        if name.endswith(".gz"):
            plain = name.removesuffix(".gz")
            assert _print(gzip.decompress(data)) in published[plain], name
    told(
        "readers while publishing",
        seconds=SECONDS,
        readers=len(asks),
        runs=runs,
        reads=readers.reads,
        documents=len(readers.read),
    )


def _by_path(folder: Path) -> Ask:
    def ask(name: str) -> bytes | None:
        try:
            return (folder / name).read_bytes()
        except FileNotFoundError:
            return None

    return ask


def _over_http(port: int, **sent: str) -> Ask:
    """As a client that keeps its connection, and what it has been given with an ETag."""
    connection, held = http.client.HTTPConnection("127.0.0.1", port, timeout=20), dict[str, tuple[str, bytes]]()

    def ask(name: str) -> bytes | None:
        known = {"if-none-match": held[name][0]} if name in held else {}
        connection.request("GET", f"/{name}", headers=sent | known)
        answer = connection.getresponse()
        data = answer.read()
        if answer.status == 304:
            return held[name][1]
        if answer.status != 200:
            return None
        if answer.headers["content-encoding"] == "gzip":
            data = gzip.decompress(data)
        held[name] = answer.headers["etag"], data
        return data

    return ask


def _print(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
