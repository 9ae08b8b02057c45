"""A daemon lives in a world of 200 feeds that post, move, break, recover and go away, and is killed in the middle."""

import contextlib
import math
import re
import signal
import threading
import time
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from aggregator import listing
from tests.planet import Planet
from tests.running import Running, running, until
from tests.server import Request, Server
from tests.world import World

SITES = 200
SECONDS = 70.0
POSTS = 12.0  # a second
INTERVAL = 4.0
SPACING = 0.3
PROMISED = 2 * INTERVAL + 10.0  # the interval with its jitter, publishing, and a machine that has other things to do


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> "Life":
    return live(tmp_path_factory.mktemp("world"))


class Life:
    """What was seen of it: when each title was published first, and the memory after so many visits."""

    def __init__(self, planet: Planet, world: World) -> None:
        self.planet = planet
        self.world = world
        self.published: dict[str, float] = {}
        self.memory: list[tuple[int, int]] = []
        self.torn: list[str] = []
        self.log: tuple[Request, ...] = ()
        self.settled = 0.0
        self.ended = threading.Event()

    def watch(self) -> None:
        """Read what is published, as a reader would, again and again."""
        file = self.planet.root / "feeds" / "atom.xml"
        while not self.ended.is_set():
            if file.exists():
                text = file.read_text(encoding="utf-8")
                if not text.rstrip().endswith("</feed>"):
                    self.torn.append(text[-100:])
                for title in re.findall(r"<title>(Site \d+ post \d+)</title>", text):
                    self.published.setdefault(title, time.monotonic())
            time.sleep(0.2)


def live(root: Path) -> Life:
    with Server("0.0.0.0") as server:
        world = World(server, SITES)
        planet = Planet(root)
        planet.site |= {"items": 100, "archive": 50}
        planet.fetch |= {
            "interval": f"{INTERVAL:.0f}s",
            "interval_cap": f"{INTERVAL:.0f}s",
            "jitter": 0.1,
            "spacing": f"{SPACING:.1f}s",
            "backoff_cap": "8s",
        }
        planet.fetch |= {"allow_networks": ["127.0.0.0/8"], "gone_after": "1s", "move_after": "1s"}
        for site in world.sites:
            planet.feed(world.url(site))
        seen = Life(planet, world)
        threading.Thread(target=seen.watch, daemon=True).start()
        happening = threading.Thread(target=world.live, args=(SECONDS, POSTS))
        happening.start()
        for sign, seconds in ((signal.SIGTERM, 7), (signal.SIGKILL, 6)):
            with running(planet) as daemon:
                time.sleep(seconds)
                daemon.end(sign)
        with running(planet) as daemon:
            seen.settled = time.monotonic() + 5
            while happening.is_alive():
                time.sleep(0.5)
                seen.memory.append((len(server.log), resident(daemon)))
            with contextlib.suppress(AssertionError):  # the tests say what is missing
                until(lambda: arrivals(seen).keys() <= seen.published.keys(), daemon.said, 60)
            daemon.end()
        seen.ended.set()
        seen.log = tuple(server.log)
        return seen


def resident(daemon: Running) -> int:
    """The memory of a process, in bytes."""
    status = Path(f"/proc/{daemon.process.pid}/status")
    return int(status.read_text().partition("VmRSS:")[2].split()[0]) * 1024 if status.exists() else 0


def expected(world: World) -> set[str]:
    """What must be published in the end: all that stood in a feed long enough to be read."""
    return {title for site in world.sites if site.fate != "goes" for title, _ in site.posts}


def arrivals(life: Life) -> dict[str, float]:
    """The titles that readers should have seen arrive, each with the moment when it was posted: those of sites that do
    well, while no daemon was being begun again. What comes late, from one that was broken, may go into the archive."""
    steady = [site for site in life.world.sites if site.fate == "steady"]
    return {title: posted for site in steady for title, posted in site.posts if posted > life.settled}


def test_no_entry_is_lost_or_doubled(life: Life) -> None:
    titles = [
        each["title"] for each in listing.items(life.planet.load(), category=None, source=None, limit=None).values
    ]
    assert [title for title, number in Counter(titles).items() if number > 1] == []
    assert expected(life.world) - set(titles) == set()


def test_what_is_new_is_published_in_time(life: Life) -> None:
    delays = {title: life.published.get(title, math.inf) - posted for title, posted in arrivals(life).items()}
    assert len(delays) > 100
    late = {title: round(delay, 1) for title, delay in delays.items() if delay > PROMISED}
    assert not late, f"of {len(delays)}; the middle one took {sorted(delays.values())[len(delays) // 2]:.1f} s"


def test_readers_never_see_half_a_document(life: Life) -> None:
    assert life.torn == []


def test_politeness_holds(life: Life) -> None:
    by_host: dict[str, list[Request]] = defaultdict(list)
    for request in life.log:
        by_host[request.headers["host"]].append(request)
    assert len(by_host) == SITES
    for host, requests in by_host.items():
        gaps = [later.time - earlier.time for earlier, later in pairwise(requests)]
        assert min(gaps) > SPACING * 0.9, host
        full = [request for request in requests if request.status == 200 and "if-none-match" not in request.headers]
        assert len(full) <= 3, f"{host}: once, after it has moved, and where a kill came before it was saved"


def test_what_is_gone_is_left_alone(life: Life) -> None:
    for site in life.world.sites:
        if site.fate == "goes":
            answers = [request.status for request in life.log if request.path == f"/feed/{site.number}"]
            assert 2 <= answers.count(410) <= 4, site


def test_memory_stays_flat(life: Life) -> None:
    began = life.memory[0][0]
    first = [size for number, size in life.memory if number - began >= 1000]
    assert life.memory[-1][0] - began >= 2000, "so many visits were made by the last daemon"
    assert life.memory[-1][1] < first[0] * 1.05
