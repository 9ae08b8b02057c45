"""How far long work is: the line, where it is shown, and who says how far the work is."""

import fcntl
import io
import json
import os
import pty
import re
import select
import sqlite3
import struct
import subprocess
import sys
import termios
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from sqlalchemy import delete

from aggregator import checkup, pipeline, progress, pruning, rehearsal
from aggregator.model import Progress, Work
from aggregator.progress import Step, line
from aggregator.store.engine import SCHEMA, open_store, writing
from aggregator.store.tables import meta
from tests.planet import Planet, rss
from tests.server import Request, Response, Server

Told = tuple[int, int, Work, str]
HOUR = timedelta(hours=1)
HOST = "127.0.0.7"
UPGRADE = Path(__file__).parent / "fixtures" / "upgrade" / "0001" / "store.sql"
WORDS: Sequence[Work] = get_args(Work)

BARE = Step("writing", 0, 40, 3.0)
HALF = Step("visiting", 50, 100, 9.0, 4.0, "Example News")
SLOW = Step("updating", 1, 3, 61.0, 0.01)
LONG = Step("visiting", 5, 20000, 20.0, 0.9, "一个标题很长的订阅源，终端放不下它的全部")


# --- The line -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "width", "expected"),
    [
        (BARE, 80, "writing  ────────────────────   0/40             0:03 so far"),
        (HALF, 80, "visiting  ━━━━━━━━━━──────────   50/100      4.0/s  0:12 left  Example News"),
        (HALF, 65, "visiting  ━━━━────   50/100      4.0/s  0:12 left  Example News"),
        (HALF, 60, "visiting   50/100      4.0/s  0:12 left  Example News"),
        (HALF, 46, "visiting   50/100  0:12 left  Example News"),
        (HALF, 40, "visiting   50/100  0:12 left  Example N"),
        (HALF, 12, "visiting"),
        (HALF, 1, ""),
        (HALF, 0, ""),
        (HALF, None, "visiting  50/100  4.0/s  0:12 left  Example News"),
        (Step("reading", 1, 2, 3.0, 0.0, "n" * 5000), None, "reading  1/2  0:03 so far  " + "n" * 100),
        (SLOW, None, "updating the store  1/3  0.6/min  3:20 left"),
        (LONG, 76, "visiting  ────────────      5/20000     54/min  6:10:17 left  一个标题很长"),
        (Step("checking", 0, 0, 7.4, 5.0, "var/a.db"), 80, "checking  0:07 so far  var/a.db"),
        (Step("copying", 9, 9, 2.0, 4.6), None, "copying  9/9  4.6/s  0:00 left"),
        (Step("copying", 11, 9, 2.0, 9.96), 80, "copying  ━━━━━━━━━━━━━━━━━━━━  11/9       10/s  0:00 left"),
        (Step("copying", 1, 10**9, 5.0, 0.001), None, "copying  1/1000000000  0.1/min  0:05 so far"),
    ],
)
def test_a_step_is_a_line(step: Step, width: int | None, expected: str) -> None:
    assert line(step, width) == expected


def test_a_terminal_is_told_what_it_can_show() -> None:
    step = Step("writing", 5, 10, 4.0, 2.0, "Tech 科技 é")
    assert line(step, 80, "latin-1") == "writing  ##########----------   5/10      2.0/s  0:02 left  Tech ?? é"
    assert line(step, None, "ascii") == "writing  5/10  2.0/s  0:02 left  Tech ?? ?"


@pytest.mark.parametrize("what", WORDS)
def test_every_kind_of_work_has_a_word(what: Work) -> None:
    assert line(Step(what, 0, 0, 0.0), None).removesuffix("  0:00 so far").partition(" ")[0] == what


@given(
    st.builds(
        Step,
        what=st.sampled_from(WORDS),
        done=st.integers(0, 10**9),
        total=st.integers(0, 10**9),
        seconds=st.floats(0, 10**6),
        rate=st.just(0.0) | st.floats(1e-6, 1e6),
        name=st.text(st.characters(exclude_categories=["Cc", "Cs"])),
    ),
    st.integers(0, 200),
    st.sampled_from(["utf-8", "latin-1", "ascii", "gb18030"]),
)
def test_no_line_is_wider_than_its_terminal(step: Step, width: int, encoding: str) -> None:
    shown = line(step, width, encoding)
    assert cell_len(shown) < max(width, 1)
    assert len(shown.splitlines()) < 2
    assert shown.encode(encoding).decode(encoding) == shown
    if width >= 60 and step.total:
        assert f"{step.done}/{step.total}" in shown


# --- Where it is shown ----------------------------------------------------------------------------------------------


class Slow:
    """A feed that is answered when the test says so, after others that are answered at once."""

    def __init__(self, planet: Planet, server: Server) -> None:
        self.may = threading.Event()
        for number in range(3):
            server.put(f"/{number}", rss([{"guid": f"g{number}"}], f"源{number}\u202e"))
            planet.feed(server.url(f"/{number}", HOST))
        server.script("/slow", self.answer)
        planet.feed(server.url("/slow", HOST), title="Slow")
        planet.fetch["timeout"] = "60s"
        planet.write()

    def answer(self, _: Request) -> Response:
        self.may.wait(60)
        return Response(rss([{"guid": "last"}]))


@pytest.fixture
def slow(planet: Planet, server: Server) -> Iterator[Slow]:
    """A planet with such a feed."""
    made = Slow(planet, server)
    yield made
    made.may.set()


@contextmanager
def started(planet: Planet, *words: str, columns: int = 80, out: int | None = None, **env: str) -> Iterator[int]:
    """A command on a terminal so wide, with its other end to read from; `out` is where its results go instead."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "TERM": "xterm", **env}
    command = [sys.executable, "-m", "aggregator", *words]
    with subprocess.Popen(
        command, cwd=planet.root, env=environment, stdin=theirs, stdout=out or theirs, stderr=theirs
    ) as child:
        os.close(theirs)
        try:
            yield ours
        finally:
            child.wait(60)
            os.close(ours)
    assert child.returncode == 0


def read_until(handle: int, wanted: str, data: bytes = b"", seconds: float = 60) -> str:
    """All that comes until something wanted is there; without it ("") to the end."""
    deadline = time.monotonic() + seconds
    while not (wanted and wanted in data.decode(errors="ignore")):
        ready, _, _ = select.select([handle], [], [], max(deadline - time.monotonic(), 0))
        assert ready, f"{wanted!r} did not come: {data!r}"
        try:
            more = os.read(handle, 65536)
        except OSError:  # Linux says so at the end of a terminal
            more = b""
        if not more:
            assert not wanted, data
            break
        data += more
    return data.decode()


@pytest.mark.parametrize("columns", [40, 80])
def test_a_terminal_has_one_line_while_it_takes_long(planet: Planet, slow: Slow, columns: int) -> None:
    with started(planet, "once", columns=columns) as terminal:
        shown = read_until(terminal, "3/4  0:0" if columns == 40 else " left")
        slow.may.set()
        shown += read_until(terminal, "")
    bars, after = shown.split("\r\x1b[K", 1)  # which takes the line away
    frames = re.findall(r"\r(.*?)\x1b\[K", bars)
    assert "".join(f"\r{frame}\x1b[K" for frame in frames) == bars
    assert all(frame and cell_len(frame) < columns for frame in frames)
    assert not re.search("[\x00-\x1f\u202e]", "".join(frames))  # no colours, and nothing that names bring
    assert any(re.match("visiting.* 3/4 .*源", frame) for frame in frames)
    assert "2 files written" in after
    assert "visiting" not in after


def test_a_pipe_gets_the_results_and_the_terminal_the_bar(planet: Planet, slow: Slow, tmp_path: Path) -> None:
    file = tmp_path / "out"
    with file.open("wb") as out, started(planet, "once", "-v", out=out.fileno()) as terminal:
        read_until(terminal, "visiting")
        slow.may.set()
        assert read_until(terminal, "").endswith("\r\x1b[K")
    assert "visiting" not in file.read_text()
    assert "files written" in file.read_text()


@pytest.mark.parametrize("words", [("once", "--json"), ("once", "-q")])
def test_who_wants_no_bar_has_none(planet: Planet, words: tuple[str, ...], server: Server) -> None:
    server.drip("/drip", rss([{"guid": "a"}])[:400], pause=0.002)  # long enough for a bar
    planet.feed(server.url("/drip", HOST))
    planet.write()
    with started(planet, *words) as terminal:
        shown = read_until(terminal, "")
    assert "\x1b" not in shown
    assert "visiting" not in shown
    if "--json" in words:
        assert json.loads(shown)["written"]


def test_a_terminal_that_does_not_obey_has_whole_lines_seldom(planet: Planet, slow: Slow) -> None:
    with started(planet, "once", TERM="dumb") as terminal:
        slow.may.set()
        shown = read_until(terminal, "")
    assert "\x1b[K" not in shown
    assert "visiting" not in shown  # it took no ten seconds


def test_a_log_has_a_line_now_and_then() -> None:
    log = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    said = log.buffer
    assert isinstance(said, io.BytesIO)
    with progress.told(log, str.upper, seldom=0.01) as heard:
        heard(3, 9, "copying", "item")
        wait_for(lambda: said.getvalue().count(b"\n") >= 2)
    lines = said.getvalue().decode().splitlines()
    assert all(re.fullmatch(r"copying  3/9  0:00 so far  ITEM", each) for each in lines)


def test_nobody_who_reads_is_no_trouble() -> None:
    tries: list[str] = []

    class Broken(io.TextIOWrapper):
        def write(self, text: str) -> int:
            tries.append(text)
            raise BrokenPipeError

    with progress.told(Broken(io.BytesIO()), str, seldom=0.01) as heard:
        heard(1, 2, "copying", "")
        wait_for(lambda: len(tries) >= 2)


def test_the_rate_is_that_of_late_and_begins_anew_with_each_kind_of_work() -> None:
    met = deque[tuple[float, int]](maxlen=progress._LOOKS)

    def rate(done: int, now: float, began: tuple[float, int] = (0.0, 0)) -> float:
        return progress._step(progress._Heard(done, 10**6, "copying", "", began), met, now).rate

    assert rate(0, 0.5) == 0.0
    assert rate(100, 2.0) == 50.0
    assert rate(100, 4.0) == 25.0  # nothing more came
    for second in range(5, 100):
        now = rate(100 + second, float(second))
    assert now == pytest.approx(1.0)
    assert rate(40, 110.0, (100.0, 20)) == 2.0


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- Who says how far it is -----------------------------------------------------------------------------------------


def hearing() -> tuple[list[Told], Progress]:
    """What was told, and who hears it."""
    told: list[Told] = []
    return told, lambda *step: told.append(step)


def kinds(told: Sequence[Told]) -> list[Work]:
    """What was done, in order."""
    return [what for number, (_, _, what, _) in enumerate(told) if number == 0 or told[number - 1][2] != what]


def goes_up(told: Sequence[Told], what: Work) -> bool:
    """Whether some work was told, never less than before, and never more than all."""
    mine = [(done, total) for done, total, each, _ in told if each == what]
    return bool(mine) and mine == sorted(mine) and all(done <= total for done, total in mine)


def stored(planet: Planet, server: Server, entries: int = 12) -> None:
    """A planet with archives."""
    planet.site |= {"archive": 2, "items": 3}
    server.put("/feed", rss([{"guid": f"g{n}", "title": f"Number {n}"} for n in range(entries)]), etag=True)
    planet.feed(server.url("/feed", HOST), category="tech")
    planet.run()


def test_a_run_tells_what_it_is_at(planet: Planet, server: Server) -> None:
    stored(planet, server)
    planet.site["title"] = "Another"
    told, heard = hearing()
    pipeline.run(planet.load(), planet.now + 2 * HOUR, progress=heard)
    assert kinds(told) == ["visiting", "writing"]
    assert [each for each in told if each[2] == "visiting"][-1][:2] == (1, 1)
    assert goes_up(told, "writing")
    archives = sum(1 for _ in (planet.root / "feeds").glob("**/archive-*/atom.xml"))
    assert archives == 8
    assert [each for each in told if each[3] == "Another"][-1][1] == 2 + 2 * (12 // 2)  # all entries may be archived


def test_changed_rules_are_told(planet: Planet, server: Server) -> None:
    stored(planet, server)
    planet.categories = [{"path": "Seven", "of": [[]], "rule": [{"include": {"title": "7"}}]}]
    told, heard = hearing()
    pipeline.run(planet.load(), planet.now, progress=heard)
    assert kinds(told)[:2] == ["grouping", "sorting"]
    assert {total for _, total, what, _ in told if what in ("grouping", "sorting")} == {12}


def test_a_folder_of_many_posts_is_told_by_its_posts(planet: Planet) -> None:
    planet.seeds(title="Mine")
    for number in range(250):
        planet.post(f"{number}.md", title=f"Post {number}")
    told, heard = hearing()
    pipeline.run(planet.load(), planet.now, progress=heard)
    visits = [each for each in told if each[2] == "visiting"]
    assert [each[:2] for each in visits] == [(0, 1), (100, 251), (200, 251), (250, 251), (251, 251)]
    assert visits[-1][3] == "Mine"


def test_an_upgrade_is_told(planet: Planet) -> None:
    (planet.root / "var").mkdir()
    with closing(sqlite3.connect(planet.root / "var" / "aggregator.db")) as db:
        db.executescript(UPGRADE.read_text(encoding="utf-8"))
    told, heard = hearing()
    open_store(planet.load().store, None, heard).dispose()
    steps = int(SCHEMA) - 1
    assert told == [(done, steps, "updating", "") for done in range(steps + 1)]


def test_a_new_store_is_no_upgrade(planet: Planet) -> None:
    told, heard = hearing()
    open_store(planet.load().store, None, heard).dispose()
    assert told == []


def test_prints_that_are_made_anew_are_told(planet: Planet, server: Server) -> None:
    stored(planet, server)
    store = open_store(planet.load().store)
    with writing(store) as db:
        db.execute(delete(meta).where(meta.c.key == "prints"))
    store.dispose()
    told, heard = hearing()
    pipeline.run(planet.load(), planet.now, progress=heard)
    assert told[0] == (12, 12, "updating", "")


def test_a_rehearsal_a_removal_and_a_checkup_are_told(planet: Planet, server: Server) -> None:
    stored(planet, server)
    told, heard = hearing()
    rehearsal.rehearse(planet.load(), planet.now + 2 * HOUR, force=True, progress=heard)
    assert "visiting" in kinds(told)
    planet.site["keep"] = 4
    told, heard = hearing()
    pruning.prune(planet.load(), planet.now, progress=heard)
    assert kinds(told) == ["removing", "grouping", "sorting"]
    told, heard = hearing()
    checkup.examine(planet.write(), planet.now, offline=True, progress=heard)
    assert [name.rpartition("/")[2] for *_, name in told] == ["aggregator.toml", "aggregator.db", "feeds", ""]
