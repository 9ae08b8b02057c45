"""Documents are read in processes of their own: what one does there costs nobody else anything."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from aggregator import sources
from aggregator.collect import collect
from aggregator.errors import ParseError
from aggregator.identity import signs
from aggregator.model import Access, Document, Limits, Source, Validators, Visit
from aggregator.reading import pool
from benchmarks import workload
from tests import kinds
from tests.planet import Planet

SOURCE = Source("kinds:x", "tests.kinds", kinds.Options(("x",)), limits=Limits(access=Access((("Key", "secret"),))))


def read(what: str, seconds: float = 20, *, urgent: bool = False) -> str:
    return pool.read("tests.kinds", kinds.document(what), SOURCE, seconds, urgent=urgent).items[0].title


@pytest.mark.parametrize(
    ("what", "kind", "words"),
    [
        ("sleep", "too expensive", "reading it takes more than 0.5 s"),
        ("eat", "too expensive", "more than 1 GB of memory"),
        ("grow", "too expensive", "what it holds has 17,000,\\d{3} bytes when it is read"),
        ("crash", "too expensive", "ended the process"),
        ("leave", "too expensive", "ended the process"),
        ("stumble", "internal error", "ZeroDivisionError: by a mistake; please report it"),
        ("refuse", "not a feed", "it says so"),
    ],
)
def test_what_a_document_does_is_its_own_trouble(what: str, kind: str, words: str) -> None:
    assert read("before") == "before"  # so that the process is there
    with pytest.raises(ParseError, match=words) as caught:
        read(what, 0.5 if what == "sleep" else 20)
    assert caught.value.kind == kind
    assert read("after") == "after"


@pytest.mark.parametrize("number", range(10))
def test_what_comes_back_is_what_was_read(number: int) -> None:
    document = Document("https://a.example/", "https://a.example/", workload.feed(number, 3))
    source = Source(document.name, "feed", None)
    batch = pool.read("feed", document, source)
    assert replace(batch, signs=()) == sources.find("feed").read(document, source)
    assert batch.signs == tuple(map(signs, batch.items))
    assert len(batch.items) == 3


def test_the_process_stays_for_the_next_document() -> None:
    assert read("pid") == read("pid") != str(os.getpid())


def test_one_process_reads_what_is_read_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_PATIENCE", 60)
    monkeypatch.setattr(pool, "_BEGINNING", 60)
    with ThreadPoolExecutor(12) as threads:
        assert len(set(threads.map(read, ["pid"] * 40))) == 1


@contextmanager
def busy() -> Iterator[None]:
    """One process is there, and reads a document that takes long, from the beginning to the end of what is done."""
    pool.end()
    assert read("before") == "before"
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(read, "sleep", 20)
        deadline = time.monotonic() + 10
        while (not pool._pool.alive or pool._pool.idle) and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            yield
            assert not slow.done()
        finally:
            pool.end()
        assert isinstance(slow.exception(10), ParseError)


@pytest.mark.skipif(pool._MOST < 2, reason="this machine has one core, and one process reads")
def test_what_waits_for_long_is_read_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_PATIENCE", 0.05)
    with busy():
        assert read("other") == "other"
        assert len(pool._pool.alive) == 2


def test_what_is_urgent_waits_for_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who saves visits waits for it, with all others; the process that was too much is ended then."""
    monkeypatch.setattr(pool, "_MOST", 1)
    with busy():
        assert read("other", urgent=True) == "other"
        assert len(pool._pool.alive) == 1


def test_what_is_urgent_is_read_all_the_same_when_all_are_ended() -> None:
    """A visit that is being saved while a daemon ends is no failure of its source."""
    pool.end()
    assert read("before") == "before"
    with ThreadPoolExecutor(1) as threads:
        urgent = threads.submit(read, "sleep", 20, urgent=True)
        deadline = time.monotonic() + 10
        while pool._pool.idle and time.monotonic() < deadline:
            time.sleep(0.01)
        (first,) = pool._pool.alive
        pool.end()
        while pool._pool.alive in ([], [first]) and not urgent.done() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not urgent.done()
        (second,) = pool._pool.alive
        second.process.kill()
        assert isinstance(urgent.exception(10), ParseError)


def test_one_that_was_ended_while_idle_is_replaced() -> None:
    first = int(read("pid"))
    os.kill(first, signal.SIGKILL)
    while is_alive(first):
        time.sleep(0.01)
    assert read("after") == "after"


def test_ending_all_gives_up_what_is_read_and_what_waits() -> None:
    with ThreadPoolExecutor(12) as threads:
        asked = [threads.submit(read, "sleep") for _ in range(12)]
        time.sleep(0.5)
        pool.end()
        for each in asked:
            assert isinstance(each.exception(10), ParseError | EOFError)
    assert read("after") == "after"


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_all_of_a_service_blames_no_document(sign: signal.Signals) -> None:
    reader = int(read("pid"))
    os.kill(reader, sign)
    assert int(read("pid")) == reader


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_before_it_reads_anything_blames_none(sign: signal.Signals) -> None:
    worker = pool._start()
    os.kill(worker.process.pid, sign)
    assert pool._ask(worker, "tests.kinds", kinds.document("after"), SOURCE, 20)
    worker.end()


def test_no_secret_goes_there() -> None:
    assert read("secrets") == "()"


def test_the_process_ends_with_the_one_that_began_it(tmp_path: Path) -> None:
    code = "from tests.test_reading import read; print(read('pid'), flush=True); input()"
    root = Path(__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    ) as parent:
        assert parent.stdout
        reader = int(parent.stdout.readline())
        assert is_alive(reader)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_alive(reader) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(reader)


def is_alive(process: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_run_goes_on_beside_a_document_that_ends_its_process(planet: Planet) -> None:
    planet.sources = [
        {"kind": "tests.kinds", "does": ["good", "crash", "fine"]},
        {"kind": "tests.kinds", "does": ["crash"]},
        {"kind": "tests.kinds", "does": ["other"]},
    ]
    report = planet.run()
    assert sorted(planet.titles()) == ["fine", "good", "other"]
    (failed,) = report.failed
    assert failed.error == "too expensive: crash: reading it ended the process that reads; given up"
    assert [w for each in report.outcomes if not each.error for w in each.warnings] == [failed.error]


def test_a_visit_is_forgotten_once_it_is_handed_over() -> None:
    due = [(Source(str(n), "tests.kinds", kinds.Options((f"{n}", f"{n}!"))), dict[str, Validators]()) for n in range(9)]

    async def titles() -> list[str]:
        found = []
        async for visit in collect(due, _nobody, 2):
            gc.collect()
            assert sum(isinstance(each, Visit) for each in gc.get_objects()) <= 3  # two may have ended besides
            found += [item.title for item in visit.items]
        return found

    assert sorted(asyncio.run(titles())) == sorted(f"{n}{mark}" for n in range(9) for mark in ("", "!"))


async def _nobody(url: str, known: Validators, limits: Limits) -> Document:
    raise AssertionError(f"{url} is asked")
