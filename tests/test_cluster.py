"""`aggregator worker`: several real processes on one PostgreSQL publish what one would, and no end of one of them, nor
of the database, loses or doubles anything."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, func, select

from aggregator import status
from aggregator.store import engine as engines
from aggregator.store import tables
from aggregator.store.lock import locked
from aggregator.web import metrics, pages
from tests.planet import NOON, Planet, rss
from tests.postgres import Postgres
from tests.running import Running, until
from tests.server import Request, Response, Server

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


def wait(team: Sequence[Running], condition: Callable[[], object]) -> None:
    """Wait until a condition holds, as long as none of these has failed."""

    def said() -> str:
        return "\n\n".join(each.said() for each in team)

    def goes_on() -> object:
        assert not any((each.process.poll() or 0) > 0 for each in team), said()
        return condition()

    until(goes_on, said, PATIENCE)


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
        wait(team, lambda: shared.files() == alone.files())
        assert [each.end()[0] for each in team] == [0, 0, 0]
        assert sum(bool(each.events("shard")) for each in team) >= 2
    assert shared.files() == alone.files()
    assert len(alone.files()) > 20
    assert [each for one in team for each in one.events() if each["level"] == "error"] == []
    assert all("the database's; mend that" in each.events("clock")[0]["message"] for each in team)


# --- One of them ends ------------------------------------------------------------------------------------------------


class Hosts:
    """Many hosts whose feeds take a while; it knows who was asked from when to when."""

    def __init__(self, server: Server, planet: Planet, hosts: int, feeds: int, seconds: float) -> None:
        self.server = server
        self.seconds = seconds
        self.asked: list[tuple[str, float, float]] = []
        self.wanted = {f"Entry of {host}/{feed}" for host in range(hosts) for feed in range(feeds)}
        for host in range(hosts):
            for feed in range(feeds):
                path = f"/{host}/{feed}"
                server.script(path, self._answer)
                planet.feed(server.url(path, host=f"127.0.1.{host + 1}"), interval="1h")
        planet.site |= {"items": 500}
        planet.fetch |= {"interval_cap": "1h"}

    def _answer(self, request: Request) -> Response:
        begin = time.monotonic()
        time.sleep(self.seconds)
        self.asked.append((request.headers["host"], begin, time.monotonic()))
        name = request.path.removeprefix("/")
        return Response(rss([{"guid": name, "title": f"Entry of {name}", "date": NOON}]))

    def overlaps(self) -> list[str]:
        """The hosts that were asked twice at a time."""
        found = []
        for host in {each[0] for each in self.asked}:
            mine = sorted(each[1:] for each in self.asked if each[0] == host)
            found += [host for (_, end), (begin, _) in pairwise(mine) if begin < end]
        return found


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSTOP])
def test_a_worker_that_is_gone_loses_and_doubles_nothing(shared: Planet, server: Server, sign: signal.Signals) -> None:
    """Killed, or standing still for so long that it is given up: what it then comes back with counts for nothing."""
    hosts = Hosts(server, shared, 40, 3, 0.3)
    with workers(shared, 2) as team:
        wait(team, lambda: len(hosts.asked) > 20 and all(each.events("session") for each in team))
        team[0].process.send_signal(sign)
        wait(team, lambda: set(team[1].titles()) == hosts.wanted)
        assert team[1].events("rescue"), "it had work, and that was given to the other"
        assert len(team[1].titles()) == len(hosts.wanted)
        assert hosts.overlaps() == []
        if sign == signal.SIGSTOP:
            team[0].process.send_signal(signal.SIGCONT)
            wait(team, lambda: len(team[0].events("session")) >= 3)
            assert "the connection was lost" in team[0].events("session")[1]["message"]
            assert team[0].end()[0] == 0
        assert team[1].end()[0] == 0
    with store_of(shared) as db:
        assert db.scalar(select(func.count()).select_from(tables.item)) == len(hosts.wanted)
        assert db.scalar(select(func.count()).select_from(tables.story)) == len(hosts.wanted)
        assert set(db.scalars(select(tables.source.c.failures))) == {0}


@contextmanager
def store_of(planet: Planet) -> Iterator[Connection]:
    engine = engines.open_store(planet.load().store)
    with engines.reading(engine) as db:
        yield db
    engine.dispose()


def test_sigterm_saves_what_was_fetched(shared: Planet, server: Server) -> None:
    hosts = Hosts(server, shared, 30, 4, 0.2)
    server.hang("/silent")
    shared.feed(server.url("/silent", host="127.0.2.1"), timeout="60s")
    with workers(shared, 1) as team:
        wait(team, lambda: len(hosts.asked) > 30)
        code, seconds = team[0].end()
        assert (code, seconds < 10) == (0, True), team[0].said()
        assert team[0].events("stopped")
    saved = len(hosts.asked)
    assert saved < len(hosts.wanted)
    with workers(shared, 1) as team:
        wait(team, lambda: set(team[0].titles()) == hosts.wanted)
        team[0].process.send_signal(signal.SIGTERM)
        team[0].wait_for("stop")
        code, seconds = team[0].end()
        assert code in (0, 128 + signal.SIGTERM) and seconds < 3, "a second signal ends it at once"
    assert len(hosts.asked) == len(hosts.wanted), "nobody was asked twice"
    assert hosts.overlaps() == []


def test_the_database_may_go_and_come_back(shared: Planet, server: Server, postgresql: Postgres) -> None:
    hosts = Hosts(server, shared, 40, 3, 0.3)
    with workers(shared, 2) as team:
        wait(team, lambda: len(hosts.asked) > 30 and all(each.events("session") for each in team))
        postgresql.stop()
        try:
            time.sleep(4)
            asked = len(hosts.asked)
            time.sleep(2)
            assert len(hosts.asked) <= asked + 2, "nobody is asked for what cannot be kept"
            assert [each.process.poll() for each in team] == [None, None]
        finally:
            postgresql.start()
        wait(team, lambda: set(team[0].titles()) == hosts.wanted)
        assert [each.end()[0] for each in team] == [0, 0]
        assert not [each for each in team if "Traceback" in each.said()]
        told = [each["message"] for one in team for each in one.events("session") if each["level"] == "error"]
        assert told and not [each for each in told if "Exception" in each or "Database error" in each]
    with store_of(shared) as db:
        assert db.scalar(select(func.count()).select_from(tables.item)) == len(hosts.wanted)
    assert hosts.overlaps() == []


# --- Who may work beside whom ----------------------------------------------------------------------------------------


def test_one_run_alone_or_workers_together(shared: Planet, server: Server) -> None:
    server.put("/feed", rss([{"guid": "1", "title": "One"}]), etag=True)
    shared.feed(server.url("/feed", host="127.0.0.1"))
    with locked(shared.load().store, NOON, "once"), workers(shared, 1) as team:
        assert "aggregator once" in team[0].wait_for("wait")["message"]
        assert team[0].end()[0] == 0
    with workers(shared, 2) as team:
        for each in team:
            each.wait_for("session")
        command = [sys.executable, "-m", "aggregator", "once", "--config", str(shared.root / "config/aggregator.toml")]
        env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run(command, cwd=shared.root, env=env, capture_output=True, text=True)
        assert done.returncode == 75
        assert re.search(r"another run is at work \(aggregator worker, process \d+, since .*; it visits", done.stderr)
        wait(team, lambda: team[0].titles() == ["One"])
        with psycopg.connect(shared.load().store.replace("+psycopg", ""), autocommit=True) as db:  # a dead one
            db.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute')")
        found = status.look(shared.load(), datetime.now(UTC))
        assert found.team and [each.what for each in found.team.workers] == ["worker", "worker"]
        assert "2 workers: 0 of 64 shards under way, 0 waiting, 0 requests a minute" in status.summary(found, NOON)
        assert status.as_json(found)["shards"] == {"doing": 0, "waiting": 0, "unpublished": 0}
        assert found.run and found.run.by == "worker"
        dead = replace(found, team=replace(found.team, workers=found.team.workers[:1], silent=1))
        assert "at work: 1 worker, 1 silent: 0 of 64" in status.summary(dead, NOON)
        with engines.looking(shared.load().store) as db:
            assert b"aggregator_workers 2.0" in metrics.metrics(db, datetime.now(UTC))
            assert "2 at work" in pages.overview(db, shared.load(), datetime.now(UTC))


def test_what_a_host_wants_is_known_to_all(shared: Planet, server: Server) -> None:
    """A host that asked one worker for silence is not asked by another, for any of its feeds."""
    server.put("/a", b"", status=429, headers={"Retry-After": "3600"})
    server.put("/b", rss([{"guid": "1", "title": "One"}]))
    shared.feed(server.url("/a", host="127.0.0.1"))
    with workers(shared, 1) as team:
        wait(team, lambda: team[0].events("visit"))
        assert team[0].end()[0] == 0
    shared.feed(server.url("/b", host="127.0.0.1"))
    server.put("/c", rss([{"guid": "1", "title": "One"}]))
    shared.feed(server.url("/c", host="127.0.0.2"))
    with workers(shared, 1) as team:
        wait(team, lambda: team[0].titles() == ["One"])
    assert sorted(request.path for request in server.log) == ["/a", "/c"]


def test_an_output_that_cannot_be_reached_is_a_warning(
    shared: Planet, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "wrong")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    server.put("/feed", rss([{"guid": "1", "title": "One"}]), etag=True)
    shared.feed(server.url("/feed", host="127.0.0.1"))
    shared.site["output"] = "s3://bucket/site"
    with workers(shared, 1, times=TIMES.replace("patience=2", "patience=60")) as team:
        wait(team, lambda: team[0].events("publish"))
        time.sleep(3)
        assert team[0].end()[0] == 0
    (told,) = team[0].events("publish")
    assert (told["level"], told["message"].startswith("s3://bucket/site: ")) == ("warning", True)
    assert not team[0].events("job") and "Traceback" not in team[0].said()


def test_what_another_program_has_in_its_queue_stays(shared: Planet, server: Server) -> None:
    server.put("/feed", rss([{"guid": "1", "title": "One"}]))
    shared.feed(server.url("/feed", host="127.0.0.1"))
    with workers(shared, 1) as team:
        team[0].wait_for("session")
        assert team[0].end()[0] == 0
        assert team[0].events("clock") == []
    with psycopg.connect(shared.load().store.replace("+psycopg", ""), autocommit=True) as db:
        db.execute("DELETE FROM procrastinate_jobs")
        theirs = "INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('default', 'visit', %s)"
        for status in ("todo", "doing"):
            db.execute(theirs, (status,))
        with workers(shared, 1) as team:
            wait(team, lambda: team[0].titles() == ["One"])
            assert team[0].end()[0] == 0
            assert team[0].events("rescue") == []
        found = db.execute("SELECT status FROM procrastinate_jobs WHERE queue_name = 'default' ORDER BY id").fetchall()
        assert found == [("todo",), ("doing",)]


def test_a_changed_config_is_taken_up(shared: Planet, server: Server) -> None:
    for name in ("One", "Two"):
        server.put(f"/{name}", rss([{"guid": name, "title": name}]), etag=True)
    shared.feed(server.url("/One", host="127.0.0.1"))
    with workers(shared, 1) as team:
        wait(team, lambda: team[0].titles() == ["One"])
        file = shared.root / "config" / "aggregator.toml"
        good = file.read_text()
        file.write_text("[site\n")
        wait(team, lambda: [each for each in team[0].events("reload") if not each["valid"]])
        file.write_text(good)
        shared.feed(server.url("/Two", host="127.0.0.2"))
        shared.write()
        wait(team, lambda: set(team[0].titles()) == {"One", "Two"})
        assert team[0].end()[0] == 0


def test_lists_are_followed(shared: Planet, server: Server) -> None:
    for name in ("One", "Two"):
        server.put(f"/{name}", rss([{"guid": name, "title": name}]), etag=True)
    row = "<outline xmlUrl='{}'/>"
    one, two = (
        row.format(server.url(f"/{name}", host=host)) for name, host in (("One", "127.0.0.1"), ("Two", "127.0.0.2"))
    )
    (shared.root / "a.opml").write_text(f"<opml><body>{one}</body></opml>")
    server.put("/list", f"<opml><body>{two}</body></opml>".encode())
    lists = f'\n[[list]]\npath = "a.opml"\n[[list]]\nurl = "{server.url("/list", host="127.0.0.3")}"\n'
    with workers(shared, 1) as team:
        team[0].wait_for("session")
        file = shared.root / "config" / "aggregator.toml"
        file.write_text(file.read_text() + lists)
        wait(team, lambda: set(team[0].titles()) == {"One", "Two"})
        assert team[0].end()[0] == 0


def test_what_a_worker_needs_is_said_in_one_line(planet: Planet) -> None:
    planet.load()
    command = [sys.executable, "-m", "aggregator", "worker"]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, cwd=planet.root, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "site.store: workers share a store on PostgreSQL" in done.stderr
    bare = "import sys; sys.modules['procrastinate'] = None; import aggregator.cli as c; sys.argv[1:] = ['worker']; c.main()"
    done = subprocess.run([sys.executable, "-c", bare], cwd=planet.root, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "aggregator[cluster]" in done.stderr


def test_what_the_database_refuses_is_said_in_one_line(shared: Planet, postgresql: Postgres) -> None:
    name = (shared.site["store"]).rpartition("/")[2]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "aggregator", "worker", "--config", str(shared.write())]
    rights = " ".join(f"GRANT ALL ON ALL {what} IN SCHEMA public TO stranger;" for what in ("TABLES", "SEQUENCES"))
    postgresql.ask(f"CREATE ROLE stranger LOGIN PASSWORD 'stranger'; {rights}", name)
    store = f"postgresql+psycopg://stranger:stranger@127.0.0.1:{postgresql.port}/{name}"
    for url, said in ((store, "the queue cannot be used: permission denied"), (store + "x", "does not exist")):
        shared.site["store"] = url
        shared.write()
        done = subprocess.run(command, cwd=shared.root, env=env, capture_output=True, text=True, timeout=PATIENCE)
        lines = [each for each in done.stderr.splitlines() if not each.startswith("{")]
        assert (done.returncode, len(lines)) == (1, 1), done.stderr
        assert said in lines[0] and "stranger:stranger" not in done.stderr
    postgresql.ask("DROP OWNED BY stranger; DROP ROLE stranger", name)
