"""The n-th call of the system fails, of all that a run changes: what was published stays whole, and the next run
recovers."""

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.after import State, copied, here, same, told_well, visit_all, whole
from tests.faults.amounts import much, told
from tests.faults.strace import ALL, Call, needs_strace, traced
from tests.faults.world import publishers, tell_news
from tests.planet import Planet, rss
from tests.running import running, until
from tests.server import Response, Server

CHANGES = ("write", "pwrite64", "ftruncate", "fsync", "fdatasync", "rename", "mkdir", "unlink", "openat")
ERRORS = ("ENOSPC", "EIO")


@pytest.fixture(scope="module")
def news(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planet]:
    """A planet that has published once, and whose publishers have news by now."""
    needs_strace()
    with Server("0.0.0.0") as server:
        planet = Planet(tmp_path_factory.mktemp("news"))
        planet.site |= {"gzip": True, "archive": 3, "items": 3}
        publishers(planet, server)
        visit_all(planet)
        tell_news(server)
        yield planet


def points(calls: list[Call], root: Path) -> list[tuple[str, int]]:
    """The calls by which a run changes what is below a folder, or looks for the room to: the name of each, and its
    number among those of this name by its thread, as strace counts for `when=`."""
    numbers, found = Counter[tuple[int, str]](), []
    for call in calls:
        numbers[call.thread, call.name] += 1
        is_mine = any(path.startswith(f"{root}/") for path in call.paths)
        if call.name in CHANGES and is_mine and (call.name != "openat" or "O_CREAT" in call.flags):
            found.append((call.name, numbers[call.thread, call.name]))
    return found


def spread(of: list[tuple[str, int]], many: int) -> list[tuple[str, int]]:
    """So many of the points, half of them those at which a document or its folder is written, each half evenly."""
    halves = [[each for each in of if (each[0] == "pwrite64") is store] for store in (True, False)]
    return [half[index * len(half) // (many // 2)] for half in halves for index in range(many // 2)]


def test_the_nth_call_fails(news: Planet, tmp_path: Path) -> None:
    """At each of so many points of a run, evenly spread, with the disk full or broken."""
    undisturbed = copied(news, tmp_path / "undisturbed")
    done, calls = traced(undisturbed)
    assert (done.returncode, done.stderr) == (0, "")
    before, after = here(news), here(undisturbed)
    assert before.files != after.files
    assert before.entries != after.entries
    chosen = spread(points(calls, undisturbed.root), much(6, 60))
    hits = Counter[str]()
    for number, (name, nth) in enumerate(chosen):
        error = ERRORS[number % 2]
        case = f"{number}: {name} {nth} {error}"
        planet = copied(news, tmp_path / "faulty")
        hits.update(_suffer(planet, name, f"inject={name}:error={error}:when={nth}", before, after, case))
        shutil.rmtree(planet.root)
    assert hits["met"] >= len(chosen) * 0.7, "else the calls of a run differ too much for this test to mean anything"
    told("the n-th call fails", cases=len(chosen), **hits)


def _suffer(planet: Planet, name: str, fault: str, before: State, after: State, case: str) -> list[str]:
    """A run with a fault, and the next without one. What is to be counted of it."""
    others = ("write", "openat")  # threads that talk to processes and load modules have such calls as well
    done, calls = traced(planet, "-e", fault, threads=() if name in others else ALL)
    met = [call for call in calls if call.is_ours]
    files = planet.files()
    try:
        whole(files, before, after)
        said = told_well(done.returncode, done.stderr, planet.root)
        if not said:
            assert {path for path in files if files[path] != after.files.get(path)} == set(), "nobody was told"
        visit_all(planet)
        same(here(planet), after)
    except AssertionError as wrong:
        wrong.add_note(f"{case} at {met}, code {done.returncode}, said {done.stderr!r}")
        raise
    return ["met"] * bool(met) + (["told"] if said else ["harmless"])


# --- The daemon -----------------------------------------------------------------------------------------------------


@contextmanager
def broken(process: int, calls: str, error: str) -> Iterator[None]:
    """Have all such calls of a process that runs, in all its threads, fail for a while."""
    command = ["strace", "-f", "-p", str(process), "-o", os.devnull, "-e", f"trace={calls}"]
    command += ["-e", f"inject={calls}:error={error}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr and "attached" in strace.stderr.readline()
        try:
            yield
        finally:
            strace.send_signal(signal.SIGINT)  # it leaves the process as it was


@pytest.mark.parametrize(
    ("calls", "error", "cause"),
    [
        ("rename", "EIO", "atom.xml: cannot be written: Input/output error; the old file stays"),
        ("pwrite64", "ENOSPC", "aggregator.db: the store cannot be used: database or disk is full"),
        ("fsync,fdatasync", "EIO", "aggregator.db: the store cannot be used: disk I/O error"),
    ][: much(1, 3)],
)
def test_a_daemon_goes_on(planet: Planet, server: Server, calls: str, error: str, cause: str) -> None:
    """While its disk is broken it says so, and what is published stays; then it publishes all that it missed."""
    needs_strace()
    planet.fetch |= {"interval": "1s", "interval_cap": "1s", "unvalidated": "1s", "backoff_cap": "2s"}
    posted = ["One"]
    server.script("/feed", lambda _: Response(rss({"guid": each, "title": each} for each in posted)))
    planet.feed(server.url("/feed", host="127.0.0.1"))
    with running(planet) as daemon:
        until(lambda: daemon.titles() == posted, daemon.said)
        before = planet.files()
        with broken(daemon.process.pid, calls, error):
            posted.append("Two")
            until(lambda: cause in daemon.said(), daemon.said)
            assert planet.files() == before
        posted.append("Three")
        until(lambda: sorted(daemon.titles()) == sorted(posted), daemon.said, 90)  # it may rest for a minute
        until(lambda: sorted(daemon.titles("rss.xml")) == sorted(posted), daemon.said)
        assert daemon.end()[0] == 0
        events = daemon.events()
    assert [each for each in events if "Traceback" in each["message"]] == []
    assert sorted(title for _, _, title, *_ in here(planet).entries) == sorted(posted)
    told("the daemon's disk breaks", calls=calls, error=error, said=sum(cause in str(each) for each in events))
