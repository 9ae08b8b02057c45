"""How soon a new entry is published: one of all feeds gets one, a program runs, and the clock stops when the entry
stands in the RSS document of its category.

The clock starts with the program, so this is without the wait for the next run, which the config decides.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import measure
from benchmarks.programs import PATH, Program
from benchmarks.workload import SCRIPTS, Workload, entry, make, news

TRIES = 5  # in a round
_LOOK = 0.005  # seconds


def run(contenders: Sequence[Program], load: Workload, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of all tries of those programs that publish, which know all feeds already and take turns."""
    known = [program for program in contenders if program.feeds]
    make(load)
    for program in known:
        state = folder / "latency" / program.name
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir(parents=True)
        program.prepare(load, state)
        measure(program.command(load), state, PATH)
    found: dict[str, list[float]] = {program.name: [] for program in known}
    for number in range(1, rounds * TRIES + 1):
        news(load, 1, number)
        link = entry(0, -number, next(iter(SCRIPTS)), load.seed).link
        for program in known:
            state = folder / "latency" / program.name
            took = until(program.command(load), state, state / program.feeds.format(load.category(0)), link)
            print(f"  latency {program.name:12}{took:8.2f} s", file=sys.stderr)
            found[program.name].append(took)
    return found


def until(command: Sequence[str], folder: Path, document: Path, words: str) -> float:
    """Run a command in a folder, to its end; the seconds until a document has these words in it.

    Exits when it never has, or the command fails.
    """
    start, before, took = time.monotonic(), _state(document), 0.0
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **PATH}, stdout=log, stderr=log)  # noqa: S603
        try:
            while not took:
                has_ended = process.poll() is not None
                if (now := _state(document)) != before and words.encode() in document.read_bytes():
                    took = time.monotonic() - start
                elif has_ended:
                    break
                before = now
                time.sleep(_LOOK)
        except BaseException:  # the benchmark is ended: so is what it measures
            process.terminate()
            process.wait()
            raise
        if process.wait() or not took:
            what = f"exit code {process.returncode}, {words} is {'' if took else 'not '}in {document}"
            raise SystemExit(f"{' '.join(command)[:200]}: {what}\n{(folder / 'log').read_text()[-2000:]}")
    return took


def _state(document: Path) -> tuple[int, int, int]:
    """What changes when a document is replaced or written on."""
    try:
        known = document.stat()
    except FileNotFoundError:
        return 0, 0, 0
    return known.st_ino, known.st_size, known.st_mtime_ns
