"""kill -9 at any moment of `once` and `daemon`: nothing is lost, doubled or half written, and no process is left over."""

import json
import random
import signal
import time
from collections import Counter
from pathlib import Path

from tests.faults.amounts import much, told
from tests.faults.small import Small, begun, check_settled, check_store, small, watched
from tests.server import Server

LIVES = much(1, 10)  # planets: the first run of each makes the store
ONCE = much(4, 15)  # kills in the life of each
DAEMON = much(1, 5)


MOMENTS = {"": 0.6, "GET": 0.4, "6 of 6": 0.05, " 0 of ": 0.15}
"""What a run has said when the clock begins to tick, and the seconds until the next of these, or the end: a kill comes
between. First it says nothing, then it asks, has made all 6 visits and saves and settles them, and publishes."""
PHASES = {" 0 of ": "publishing", "6 of 6": "saving", " ": "visiting", "": "starting"}


def test_once_is_killed(tmp_path: Path, server: Server) -> None:
    fell: Counter[str] = Counter()
    documents, pace = 0, [1.0]
    for life in range(LIVES):
        planet = small(tmp_path / str(life), server, life)
        with watched(planet) as seen:
            for _ in range(ONCE):
                while (phase := _kill_once(planet, pace)) == "":
                    fell["ended before"] += 1
                fell[phase] += 1
                _look_after(planet, tmp_path)
            planet.run()
            check_settled(planet)
        documents += seen.documents
    assert fell["ended before"] < LIVES * ONCE
    told("kill -9 of once", kills=LIVES * ONCE, documents_read=documents, **fell)


def _kill_once(small: Small, pace: list[float]) -> str:
    """Kill a run at any moment, itself or its whole group; in which phase that was, "" where it had ended before.

    `pace` is how much slower than an idle machine this one is.
    """
    small.news()
    moment = small.lot.choice(list(MOMENTS))
    with begun(small.planet, "once", "--force", "-vv") as run:
        if moment:
            run.wait_for(len)
            pace[0] = (time.monotonic() - run.began) / MOMENTS[""]
            run.wait_for(lambda lines: any(moment in line for line in lines))
        time.sleep(small.lot.uniform(0, pace[0] * MOMENTS[moment]))
        killed = run.send(signal.SIGKILL, group=small.lot.random() < 0.5)
        if run.end() == 0 or not killed:
            assert run.process.returncode == 0
            return ""
        assert run.process.returncode == -signal.SIGKILL
        said = "".join(run.lines)
        return next(phase for word, phase in PHASES.items() if word in said)


def _look_after(small: Small, folder: Path) -> None:
    """After some kills the next run comes to its end, and all is as it should be; else the next is killed as well."""
    if small.lot.random() < 0.2:
        check_store(small, folder / "copy")
    if small.lot.random() < 0.4:
        small.run()
        check_settled(small)


def test_the_daemon_is_killed(tmp_path: Path, server: Server) -> None:
    fell: Counter[str] = Counter()
    documents = 0
    for life in range(LIVES):
        planet = small(tmp_path / str(life), server, 1000 + life)
        with watched(planet) as seen:
            for _ in range(DAEMON):
                planet.news()
                fell[_kill_daemon(planet, planet.lot)] += 1
                _look_after(planet, tmp_path)
            planet.run()
            check_settled(planet)
        documents += seen.documents
    told("kill -9 of the daemon", kills=fell.total(), documents_read=documents, **fell)


def _kill_daemon(small: Small, lot: random.Random) -> str:
    """Kill a daemon some time after something that it says, with news on the way; what it said last."""
    after = lot.choice(["", "start", "visit", "visit", "publish"])
    with begun(small.planet, "daemon") as daemon:
        daemon.wait_for(lambda lines: not after or any(f'"event": "{after}"' in line for line in lines))
        for _ in range(2):
            small.post()
            time.sleep(lot.uniform(0, 0.6))
        assert daemon.send(signal.SIGKILL, group=lot.random() < 0.5), daemon.lines
        assert daemon.end() == -signal.SIGKILL
        whole = [json.loads(line)["event"] for line in daemon.lines if line.endswith("}\n")]
        return f"after {whole[-1]}" if whole else "starting"
