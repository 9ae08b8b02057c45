"""Commands beside a daemon at work: a second run is turned away at once by one clear line, those that look answer, and
nobody is asked twice."""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.faults.amounts import much, told
from tests.faults.small import begun, check_settled, small, trouble
from tests.planet import Planet, places
from tests.running import running
from tests.server import Server

SECONDS = 5.0
ALLOWED = 5.0  # seconds more, for a machine that has other things to do
RUNS = much(3, 20)
SITES = 5
LINE = re.compile(
    r"aggregator: another run is at work \(.+\); (it visits what is due by itself|try again when it is done)\n"
)
LOOKS = ("status", "explain Site 1 post 1", "list sources", "list items", "list categories", "check", "preview Site 1")


def test_a_run_beside_a_daemon_is_turned_away(tmp_path: Path, server: Server) -> None:
    """The first ones begin together with the daemon, and who comes first visits what is due; the others are told to ask
    all, due or not."""
    planet = small(tmp_path / "planet", server, 1, SITES)
    planet.planet.fetch |= {"interval": "1h", "interval_cap": "1h", "unvalidated": "1h"}
    codes: Counter[int] = Counter()
    longest = 0.0
    with running(planet.planet) as daemon:
        for number in range(RUNS):
            if number == 2:
                daemon.wait_for("start")
            begin = time.monotonic()
            with begun(planet.planet, "once", *["--force"] * (number >= 2)) as run:
                code = run.end()
            took = time.monotonic() - begin
            said = "".join(run.lines)
            codes[code] += 1
            assert code == 75 or (code == 0 and number < 2), said
            if code == 75:
                longest = max(longest, took)
                assert took < SECONDS + ALLOWED
                assert LINE.fullmatch(said)
        assert codes[75] >= RUNS - 2
        assert daemon.end()[0] == 0
        _check_said(daemon.log.read_text(encoding="utf-8"))
    asked = Counter(places(server))
    assert len(asked) == SITES and set(asked.values()) == {1}, asked
    check_settled(planet)
    told("once beside a daemon", runs=RUNS, turned_away=codes[75], longest=round(longest, 1), visits_a_source=1)


def test_who_looks_beside_a_daemon_gets_an_answer(tmp_path: Path, server: Server) -> None:
    planet, looks = small(tmp_path / "planet", server, 2, SITES), LOOKS[: much(2, 7)] * much(1, 3)
    with running(planet.planet) as daemon:
        daemon.wait_for("publish")
        for look in looks:
            planet.post()  # so that there is always something to be saved and published
            code, said, wrong = _look(planet.planet, *look.split())
            more = "of that name; write more of it" in wrong  # `Site 1 post 1` begins other titles, too
            assert (code, wrong if not more else "") == (0, ""), look
            assert "Site 1" in said or look in ("list categories", "check"), look
            assert said.strip() and "locked" not in said
        written = len(daemon.events("publish"))
        assert daemon.end()[0] == 0
        _check_said(daemon.log.read_text(encoding="utf-8"))
    planet.run()
    check_settled(planet)
    told("looks beside a daemon", looks=len(looks), publishings_meanwhile=written)


def _check_said(log: str) -> None:
    assert "locked" not in log
    assert trouble(log.splitlines()) == []


def _look(planet: Planet, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "aggregator", *arguments]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, cwd=planet.root, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr
