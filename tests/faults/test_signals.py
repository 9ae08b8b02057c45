"""SIGTERM and SIGINT at any moment of `once` and `daemon`: out in time with the code that the README promises, without a
word, nothing half written, the lock free, and the next run finds all."""

import signal
import time
from collections import Counter
from itertools import product
from pathlib import Path

from tests.faults.amounts import much, told
from tests.faults.small import Begun, Small, begun, check_settled, small, trouble, watched
from tests.running import until
from tests.server import Raw, Server

SECONDS = 10.0
ALLOWED = 5.0  # seconds more, for a machine that has other things to do
CASES = list(product(("once", "daemon"), (signal.SIGTERM, signal.SIGINT), ("starting", "working", "twice", "hanging")))
SIGNALS = much(4, 50)  # of the first four each is another, in all three


def test_a_signal_ends_it(tmp_path: Path, server: Server) -> None:
    planet = small(tmp_path / "planet", server, 1)
    hangs: list[str] = []  # so long as there is anything in it, the last site does not answer
    last = planet.world.sites[-1]
    server.script(f"/feed/{last.number}", lambda request: Raw(end="hang") if hangs else last.answer(request))
    codes: Counter[str] = Counter()
    longest = 0.0
    with watched(planet):
        for number in range(SIGNALS):
            command, sign, when = CASES[number * 5 % len(CASES)]
            planet.news()
            hangs += [when] * (when == "hanging")
            with begun(planet.planet, command, *["--force"] * (command == "once")) as program:
                _wait(planet, server, program, when)
                code, seconds = _end(planet, program, sign, twice=when == "twice")
            hangs.clear()
            case = f"{command}, {sign.name}, {when}: {code} after {seconds:.1f} s: {program.lines}"
            assert seconds < SECONDS + ALLOWED, case
            assert code in _codes(command, sign, when), case
            assert _is_quiet(command, program.lines), case
            codes[f"{command} {code}"] += 1
            longest = max(longest, seconds)
            assert planet.run().published.problems == (), case
            check_settled(planet)
    told("SIGTERM and SIGINT", signals=SIGNALS, longest=round(longest, 1), **codes)


def _wait(small: Small, server: Server, program: Begun, when: str) -> None:
    """Until a moment at which a signal is due: before it does anything, or at work, or while a site does not answer."""
    asked = len(server.log)
    if when == "starting":
        time.sleep(small.lot.uniform(0, 0.6))
        return
    site = f"/feed/{small.world.sites[-1].number}" if when == "hanging" else "/"
    until(lambda: any(request.path.startswith(site) for request in server.log[asked:]), lambda: str(program.lines))
    time.sleep(small.lot.uniform(0, 1.0 if when == "hanging" else 0.6))


def _end(small: Small, program: Begun, sign: signal.Signals, *, twice: bool) -> tuple[int, float]:
    """Send a signal as Ctrl-C or systemd does, to all, or to the one alone; its code, and the seconds that it took."""
    begin = time.monotonic()
    program.send(sign, group=small.lot.random() < 0.5)
    if twice:
        time.sleep(small.lot.uniform(0, 0.3))
        program.send(sign)
    return program.end(), time.monotonic() - begin


def _is_quiet(command: str, lines: list[str]) -> bool:
    """Whether nothing was said but what a daemon logs: no error, no trace. At Ctrl-C a terminal wants a new line; and
    Python itself may tell of it, before a line of ours is run."""
    said = [line for line in lines if line.strip()]
    if said and said[-1] == "KeyboardInterrupt\n" and "aggregator" not in "".join(said):
        return True
    return not (trouble(said) if command == "daemon" else said)


def _codes(command: str, sign: signal.Signals, when: str) -> set[int]:
    """What it may end with. Python tells of one who was ended by a signal by the number below 0, a shell by that beyond
    128; a run may also come to its end before the signal."""
    heeded = {"once": 128 + sign, "daemon": 0}[command]
    if when == "hanging":
        return {heeded}
    last = {-sign} if command == "once" else set()  # all is done, and Python is taking itself down: it heeds none then
    return {heeded, 0, *last, *({128 + sign, -sign} if when in ("starting", "twice") else set())}
