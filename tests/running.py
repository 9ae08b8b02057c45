"""A daemon of one's own for a test: the real process, on a planet of short intervals, and what it logs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.planet import Planet

PATIENCE = 20.0  # seconds for what takes one or two on an idle machine


@dataclass(frozen=True)
class Running:
    """A daemon at work, and the file of its standard error."""

    planet: Planet
    process: "subprocess.Popen[bytes]"
    log: Path

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """The whole lines of its log so far; all of them, or the events of a name."""
        whole, _, _ = self.log.read_text(encoding="utf-8").rpartition("\n")
        found = [json.loads(line) for line in whole.splitlines()]
        return [each for each in found if name in ("", each["event"])]

    def wait_for(self, name: str, number: int = 1) -> dict[str, Any]:
        """The event of a name, when there are so many of it."""
        until(lambda: len(self.events(name)) >= number or self.process.poll() is not None, self.said)
        return self.events(name)[number - 1]

    def titles(self, name: str = "atom.xml") -> list[str]:
        """What is published, [] for nothing yet."""
        return self.planet.titles(name) if (self.planet.root / "feeds" / name).exists() else []

    def end(self, sign: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; the exit code, and the seconds that it took."""
        begin = time.monotonic()
        self.process.send_signal(sign)
        return self.process.wait(PATIENCE), time.monotonic() - begin

    def said(self) -> str:
        """All of its log, for one who has to find out why."""
        return self.log.read_text(encoding="utf-8")[-4000:]


@contextmanager
def running(
    planet: Planet, *options: str, environment: Mapping[str, str] | None = None, program: str = ""
) -> Iterator[Running]:
    """`aggregator daemon` for a planet, as a process of its own; or `program`, which begins one."""
    file = planet.write()
    log = planet.root / "log"
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])} | dict(environment or {})
    what = ["-c", program] if program else ["-m", "aggregator", "daemon"]
    command = [sys.executable, *what, "--config", str(file), *options]
    with log.open("wb") as errors, subprocess.Popen(command, cwd=planet.root, env=env, stderr=errors) as process:
        try:
            daemon = Running(planet, process, log)
            yield daemon
        finally:
            process.kill()


def until(condition: Callable[[], object], said: Callable[[], str] = str, patience: float = PATIENCE) -> None:
    """Wait until a condition holds; fails when it does not in time."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, said()
        time.sleep(0.02)
