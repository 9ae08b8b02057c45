"""`aggregator worker`: several real processes on one PostgreSQL publish what one would, and no end of one of them, nor
of the database, loses or doubles anything."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.planet import NOON, Planet, rss
from tests.postgres import Postgres
from tests.running import Running, until
from tests.server import Server

PATIENCE = 60.0
TIMES = "period=1, turn=20, patience=2, heartbeat=1, stalled=5"
PROGRAM = """
import logging, sys
from datetime import UTC, datetime
from pathlib import Path
from aggregator import cluster, config, logs
logs.set_up(sys.stderr, human=False)
logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
clock = lambda: {clock}
cluster.run(config.load(Path(sys.argv[sys.argv.index("--config") + 1])), clock, cluster.Times({times}))
"""


@pytest.fixture
def shared(tmp_path: Path, postgresql: Postgres) -> Iterator[Planet]:
    """A planet with a store on PostgreSQL."""
    url = postgresql.store()
    folder = tmp_path / "shared"
    folder.mkdir()
    yield Planet(folder, url)
    postgresql.drop(url)


@contextmanager
def workers(
    planet: Planet, count: int, *, fixed: datetime | None = None, times: str = TIMES
) -> Iterator[list[Running]]:
    """So many workers at work, by a clock that stands or by the real one."""
    file = planet.write()
    clock = f"datetime.fromisoformat({fixed.isoformat()!r})" if fixed else "datetime.now(UTC)"
    program = PROGRAM.format(clock=clock, times=times)
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    with ExitStack() as stack:
        made = []
        for number in range(count):
            log = planet.root / f"log{number}"
            errors = stack.enter_context(log.open("wb"))
            command = [sys.executable, "-c", program, "--config", str(file)]
            process = stack.enter_context(subprocess.Popen(command, cwd=planet.root, env=env, stderr=errors))
            stack.callback(process.kill)
            made.append(Running(planet, process, log))
        yield made


def said(team: Sequence[Running]) -> Callable[[], str]:
    return lambda: "\n\n".join(each.said() for each in team)


def test_three_workers_publish_what_one_run_publishes(tmp_path: Path, shared: Planet, server: Server) -> None:
    """From the same input at the same time: feeds that share stories, posts, a feed that fails, categories."""
    alone = Planet(tmp_path / "alone")
    alone.root.mkdir()
    for planet in (alone, shared):
        planet.site |= {"archive": 5, "items": 5}
        planet.seeds(category="Own")
        planet.post("a.md", title="A post", date="2026-03-01", categories=["Notes"])
        for number in range(30):
            planet.feed(
                server.url(f"/{number}", host=f"127.0.0.{number % 11 + 1}"), category=["News", f"Part/{number % 3}"]
            )
        planet.feed(server.url("/gone", host="127.0.0.77"), category="News")
    for number in range(30):
        items = [
            {"guid": f"g{number}-{each}", "title": f"Entry {each} of {number}", "date": NOON - timedelta(hours=each)}
            for each in range(4)
        ]
        items.append({"guid": "https://news.example/same", "link": "https://news.example/same", "title": "Shared"})
        server.put(f"/{number}", rss(items, f"Feed {number}"), etag=True)
    alone.run()
    all_at_once = TIMES.replace("patience=2", "patience=90")  # as a run does: first all visits, then all else
    with workers(shared, 3, fixed=NOON, times=all_at_once) as team:
        until(lambda: shared.files() == alone.files(), said(team), PATIENCE)
        assert [each.end()[0] for each in team] == [0, 0, 0]
        assert sum(bool(each.events("shard")) for each in team) >= 2, said(team)()
    assert shared.files() == alone.files()
    assert len(alone.files()) > 20
    assert [each for one in team for each in one.events() if each["level"] == "error"] == []
