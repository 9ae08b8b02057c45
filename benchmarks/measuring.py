"""What a process costs, with all processes that it started and waited for."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU (user and system) of all processes and of the `main` one alone, wall clock, in seconds; MB of the main
    process at its peak, and the most that the peaks of processes which were there at one time came to."""

    cpu: float
    main: float
    wall: float
    rss: float
    all_rss: float


def measure(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command in a folder, to its end. Exits with what it said when it fails. Linux only."""
    log = folder / "log"
    start = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, env={**os.environ, **(environment or {})}, stdout=out, stderr=out
        )
        rss = together = 0.0
        try:
            while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
                peaks = _peaks(process.pid)
                rss = max(rss, peaks.get(process.pid, 0.0))  # one that is ending has none any more
                together = max(together, sum(peaks.values()))
                time.sleep(0.05)
        except BaseException:  # the benchmark is ended: so is what it measures
            process.terminate()
            process.wait()
            raise
    wall = time.monotonic() - start
    # it has ended and nobody has waited for it yet: its figures still stand
    times = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:15]
    own, children = sum(map(int, times[:2])), sum(map(int, times[2:]))
    if process.wait():
        raise SystemExit(f"{' '.join(command)[:200]}: exit code {process.returncode}\n{log.read_text()[-2000:]}")
    return Cost((own + children) / _TICKS, own / _TICKS, wall, rss, together)


def _peaks(pid: int) -> dict[int, float]:
    """Peak memory of a process and of those below it, in MB; a process may end while one looks."""
    found: dict[int, float] = {}
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0")
        found[pid] = int(line.split()[1]) / 1024
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found |= _peaks(int(child))
    except OSError:
        pass
    return found
