"""How many visits a second workers make together: `python -m benchmarks.cluster`. Brings a PostgreSQL of its own.

All sources of a planet, each at a host of its own, become due at once; every answer is a 304. Time is from then until
the last of them is saved. `simulated` has a client that sleeps 20 ms for each answer, so that what is measured is our
own work and that of the database; `real` asks a server on loopback, which takes its share of the same cores.

`x` is how many times the visits of one worker two of them make. CPU is in ms a visit: of the workers, of the database's
sessions that look and save (SQL), and of those of the queue.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from aggregator.config import load
from aggregator.planning import align
from aggregator.store.engine import open_store
from tests import postgres

ROOT = Path(__file__).parents[1]
GOAL, RATIO = 1500, 1.7
_TICKS = os.sysconf("SC_CLK_TCK")

WORKER = """
import asyncio, logging, sys
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from aggregator import cluster, config, logs, working
from aggregator.model import Cost, Document

async def sleeping(url, known, limits):
    await asyncio.sleep(0.02)
    return Document(url, url, b"", True, validators=replace(known, url=url), seconds=0.02, cost=Cost(304, 1, 0))

@asynccontextmanager
async def simulated(*values, **named):
    yield sleeping, dict, lambda: None

if sys.argv[2] == "simulated":
    working.network = simulated
logs.set_up(sys.stderr, human=False)
logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
cluster.run(config.load(Path(sys.argv[1])), lambda: datetime.now(UTC), cluster.Times(period=1))
"""

SERVER = """
import asyncio

class Unchanged(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        assert b"if-none-match" in data.lower(), data
        self.transport.write(b'HTTP/1.1 304 Not Modified\\r\\nETag: "1"\\r\\n\\r\\n')

async def main():
    server = await asyncio.get_running_loop().create_server(Unchanged, "0.0.0.0", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@dataclass(frozen=True)
class Result:
    """Visits a second, and ms of CPU a visit."""

    workers: int
    visits: float
    worker: float
    sql: float
    queue: float


def measure(server: postgres.Postgres, client: str, sources: int, workers: int, port: int) -> Result:
    """One round, on a store of its own."""
    store = server.store()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        file = _planet(folder, store, sources, port)
        db = stack.enter_context(psycopg.connect(store.replace("+psycopg", ""), autocommit=True))
        config = load(file)
        engine = open_store(store)
        align(engine, config, datetime.now(UTC))
        engine.dispose()
        db.execute("UPDATE source SET next_visit = 4000000000, last_visit = 1, last_success = 1")
        db.execute(
            "INSERT INTO document (source_id, name, etag, last_modified, stamp, url)"
            """ SELECT id, key, '"1"', '', '', key FROM source"""
        )
        db.execute("VACUUM ANALYZE")
        team = [stack.enter_context(_worker(file, client, folder / f"log{number}")) for number in range(workers)]
        logs = [folder / f"log{number}" for number in range(workers)]
        _until(lambda: all('"at work"' in log.read_text() for log in logs), logs, 120)
        time.sleep(3)
        before, sessions, began = [_cpu(each) for each in team], _sessions(db), time.monotonic()
        db.execute("UPDATE source SET next_visit = 2, last_visit = 1")
        wanted = "SELECT count(*) FROM source WHERE last_visit > 1 AND error = ''"
        _until(lambda: db.execute(wanted).fetchone() == (sources,), logs, 600)
        took = time.monotonic() - began
        after, ended = [_cpu(each) for each in team], _sessions(db)
    server.drop(store)
    spent = {kind: ended.get(kind, 0) - sessions.get(kind, 0) for kind in ("sql", "queue")}
    worker = sum(after) - sum(before)
    each = 1000 / sources
    return Result(workers, sources / took, worker * each, spent["sql"] * each, spent["queue"] * each)


def _planet(folder: Path, store: str, sources: int, port: int) -> Path:
    file = folder / "config" / "aggregator.toml"
    file.parent.mkdir()
    head = [
        "[site]",
        'title = "Measured"',
        'base_url = "https://planet.example/feeds/"',
        f"store = {json.dumps(store)}",
        "[fetch]",
        'allow_networks = ["127.0.0.0/8"]',
        'spacing = "0s"',
        'interval = "6h"',
        "concurrency = 400",
    ]
    hosts = (f"127.{number // 60000 + 1}.{number // 250 % 240}.{number % 250 + 1}" for number in range(sources))
    listed = [f'[[source]]\nurl = "http://{host}:{port}/feed"' for host in hosts]
    file.write_text("\n".join((*head, *listed)))
    return file


@contextmanager
def _worker(file: Path, client: str, log: Path) -> Iterator[int]:
    """A worker; its process."""
    command = [sys.executable, "-c", WORKER, str(file), client]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with log.open("wb") as out, subprocess.Popen(command, cwd=file.parents[1], env=env, stderr=out) as process:  # noqa: S603
        try:
            yield process.pid
        finally:
            process.terminate()


@contextmanager
def _server() -> Iterator[int]:
    """What answers 304 to all; its port."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            yield int(process.stdout.readline() if process.stdout else 0)
        finally:
            process.kill()


def _cpu(pid: int) -> float:
    """Seconds of CPU of a process so far, and of those that it has waited for."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, words[11:15])) / _TICKS


def _sessions(db: "psycopg.Connection[tuple[object, ...]]") -> Mapping[str, float]:
    """Seconds of CPU of the database's sessions so far, but this one's: those of the queue, and all others."""
    found = {"sql": 0.0, "queue": 0.0}
    mine = "pid <> pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend'"
    for pid, name in db.execute(f"SELECT pid, application_name FROM pg_stat_activity WHERE {mine}"):  # noqa: S608
        found["queue" if name == "aggregator queue" else "sql"] += _cpu(int(str(pid)))
    return found


def _until(condition: Callable[[], bool], logs: Sequence[Path], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("\n".join(log.read_text()[-2000:] for log in logs))
        time.sleep(0.05)


def main() -> None:
    """Measure, and show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=10_000)
    parser.add_argument("--clients", default="simulated,real")
    parser.add_argument("--quick", action="store_true", help="1,000 sources, simulated alone: does it work?")
    wishes = parser.parse_args()
    sources, clients = (1000, "simulated") if wishes.quick else (wishes.sources, wishes.clients)
    print(f"{sources:,} sources, {os.cpu_count()} cores; goals: {GOAL:,} visits/s simulated, {RATIO} times\n")
    print("| client | workers | visits/s | x | worker ms | SQL ms | queue ms |\n|---|--:|--:|--:|--:|--:|--:|")
    with postgres.serving() as server, _server() as port:
        for client in clients.split(","):
            first = 0.0
            for workers in (1, 2):
                got = measure(server, client, sources, workers, port)
                first = first or got.visits
                made = f"{got.visits:,.0f} | {got.visits / first:.2f}"
                spent = " | ".join(f"{each:.3f}" for each in (got.worker, got.sql, got.queue))
                print(f"| {client} | {workers} | {made} | {spent} |", flush=True)


if __name__ == "__main__":
    main()
