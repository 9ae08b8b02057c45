"""The process that reads is killed in the middle of a document, again and again: its source is recorded with the error
and read again, the others notice nothing, and another process is there at once.
"""

import os
import signal
import statistics
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.amounts import much, told
from tests.faults.processes import readers
from tests.planet import Planet, rss
from tests.running import Running, running, until
from tests.server import Request, Response, Server

SOURCES = 8
PATIENCE = 120.0  # seconds, on a machine that has far more to do


def test_a_reader_that_is_killed_costs_one_visit_of_one_source(planet: Planet, server: Server) -> None:
    if not Path("/proc/self/task").is_dir():
        pytest.skip("only Linux tells which processes another has begun")
    kills = much(5, 50)
    planet.fetch |= dict.fromkeys(("interval", "interval_cap", "unvalidated", "backoff_cap"), "1s")
    asked = Counter[str]()

    def answer(request: Request) -> Response:
        asked[request.path] += 1
        entry = f"{request.path} {asked[request.path]}"
        return Response(rss([{"guid": entry, "title": entry}], title=request.path))

    for number in range(SOURCES):
        server.script(f"/{number}", answer)
        planet.feed(server.url(f"/{number}", f"127.0.1.{number + 1}"))
    with running(planet) as daemon:
        until(lambda: len(planet_titles(daemon)) >= SOURCES, daemon.said, PATIENCE)
        took = [kill(daemon, server, number) for number in range(kills)]
        last = dict(asked)
        for path, seen in last.items():  # each goes on, also the one whose document was at hand
            until(lambda path=path, seen=seen: shown(daemon, path) > seen, daemon.said, PATIENCE)  # type: ignore[misc]
        assert daemon.process.poll() is None
        events = daemon.events()
        assert daemon.end()[0] == 0
    failed = [each for each in events if each["event"] == "visit" and each["outcome"] != "ok"]
    assert kills <= len(failed) <= 2 * kills  # where one stands still a second one reads, and may be killed as well
    assert all("reading it ended the process that reads; given up" in str(each) for each in failed)
    assert not [each for each in events if each["level"] not in ("info", "warning")]
    assert "Traceback" not in daemon.log.read_text(encoding="utf-8")
    assert statistics.median(took) < 1, took
    told("parse worker killed", kills=kills, slowest=round(max(took), 2), median=round(statistics.median(took), 3))


def kill(daemon: Running, server: Server, already: int) -> float:
    """Kill the reader while it has a document at hand; the seconds until there is another one.

    It is stopped first, and killed once the daemon has something for it to read: so it is always in the middle.
    """
    until(lambda: readers(daemon.process.pid), daemon.said, PATIENCE)
    old = set(readers(daemon.process.pid))
    for reader in old:
        os.kill(reader, signal.SIGSTOP)
    seen, enough = len(server.log), time.monotonic() + 1.5
    until(lambda: len(server.log) > seen or time.monotonic() > enough)  # all may wait to be read already
    time.sleep(0.5)  # from the answer to the reader
    begin = time.monotonic()
    for reader in old:
        os.kill(reader, signal.SIGKILL)
    while not set(readers(daemon.process.pid)) - old:
        assert time.monotonic() < begin + PATIENCE, daemon.said()
        time.sleep(0.005)
    took = time.monotonic() - begin
    until(lambda: not old & set(readers(daemon.process.pid)), daemon.said, PATIENCE)
    until(lambda: failures(daemon) > already, daemon.said, PATIENCE)
    return took


def failures(daemon: Running) -> int:
    """How many visits have failed."""
    return sum(each["outcome"] != "ok" for each in daemon.events("visit"))


def planet_titles(daemon: Running) -> set[str]:
    """The sources whose entries are published."""
    return {title.partition(" ")[0] for title in daemon.titles()}


def shown(daemon: Running, path: str) -> int:
    """The number of the newest entry that is published of a source."""
    entries = (title.partition(" ") for title in daemon.titles())
    return max((int(number) for name, _, number in entries if name == path), default=0)
