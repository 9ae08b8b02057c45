"""`aggregator daemon` as a real process: new items are out soon, and no signal, edit or kill loses or doubles one."""

import os
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from aggregator import adding, amending, config
from aggregator.store import history
from aggregator.store.engine import open_store, reading, writing
from aggregator.store.lock import locked
from aggregator.store.pulse import Pulse, pulse, save_pulse
from tests.planet import NOON, Planet, once, places, rss
from tests.running import Running, running, until
from tests.server import Request, Response, Server

TERM, KILL = signal.SIGTERM, signal.SIGKILL


@pytest.fixture
def quick(planet: Planet) -> Planet:
    """A planet whose sources are due again after a second."""
    planet.fetch |= {"interval": "1s", "interval_cap": "1s", "unvalidated": "1s", "backoff_cap": "2s"}
    return planet


def document(*titles: str) -> bytes:
    return rss({"guid": title, "title": title} for title in titles)


# --- Visits and publishing ------------------------------------------------------------------------------------------


def test_what_is_new_is_published_within_seconds(quick: Planet, server: Server) -> None:
    server.put("/feed", document("One"), etag=True)
    quick.feed(server.url("/feed", host="127.0.0.1"))
    with running(quick) as daemon:
        until(lambda: daemon.titles() == ["One"], daemon.said)
        server.put("/feed", document("One", "Two"), etag=True)
        until(lambda: set(daemon.titles()) == {"One", "Two"}, daemon.said)
        assert daemon.end(TERM)[0] == 0
        events = daemon.events()
    assert {"start", "visit", "publish", "stop", "stopped"} <= {each["event"] for each in events}
    news = [each for each in events if each["event"] == "visit" and each["new"]]
    assert [each["outcome"] for each in news] == ["ok", "ok"]
    assert all(each["next_visit"] and each["reason"] == "every 1 s" for each in news)
    assert [each for each in events if each["level"] not in ("info",)] == []


def test_a_source_that_is_disabled_is_left_alone_until_it_is_enabled(quick: Planet, server: Server) -> None:
    for name in ("one", "two"):
        server.put(f"/{name}", document(name))
        quick.feed(server.url(f"/{name}", host="127.0.0.1"))
    quick.post("a.md", title="mine")
    quick.seeds()

    def asked(path: str) -> int:
        return sum(request.path == path for request in server.log)

    def change(command: str, source: str) -> None:
        edit = adding.switch(config.load(quick.root / "config" / "aggregator.toml"), source, on=command == "enable")[1]
        amending.make(edit)

    with running(quick) as daemon:
        until(lambda: set(daemon.titles()) == {"one", "two", "mine"}, daemon.said)
        change("disable", "/one")
        change("disable", "seeds")
        daemon.wait_for("reload", 1)
        until(lambda: asked("/two") >= 2, daemon.said)
        before, two = asked("/one"), asked("/two")
        quick.post("b.md", title="another")
        until(lambda: asked("/two") >= two + 3, daemon.said)
        assert asked("/one") == before
        assert set(daemon.titles()) == {"one", "two", "mine"}
        change("enable", "/one")
        change("enable", "seeds")
        until(lambda: asked("/one") > before and "another" in daemon.titles(), daemon.said)
        assert daemon.end(TERM)[0] == 0


def test_hubs_are_told_and_a_silent_one_holds_up_nothing(quick: Planet, server: Server) -> None:
    server.hang("/silent")
    server.put("/hub", b"")
    quick.site["hubs"] = [server.url("/silent", host="127.0.0.5"), server.url("/hub", host="127.0.0.6")]
    server.put("/feed", document("One"), etag=True)
    quick.feed(server.url("/feed", host="127.0.0.1"))
    with running(quick) as daemon:
        until(lambda: daemon.titles() == ["One"], daemon.said)
        server.put("/feed", document("One", "Two"), etag=True)
        until(lambda: set(daemon.titles()) == {"One", "Two"}, daemon.said)
        until(lambda: places(server).count("127.0.0.6/hub") >= 2, daemon.said)
        code, seconds = daemon.end(TERM)
        assert (code, seconds < 10) == (0, True)
        assert daemon.events("stopped")


def test_a_host_that_hangs_and_one_with_many_feeds_hold_up_nobody(quick: Planet, server: Server) -> None:
    for number in range(15):
        server.hang(f"/hangs/{number}")
        quick.feed(server.url(f"/hangs/{number}", host="127.0.0.1"))
        server.put(f"/many/{number}", document(f"Many {number}"), etag=True)
        quick.feed(server.url(f"/many/{number}", host="127.0.0.2"), interval="1h")
    quick.hosts.append({"name": "127.0.0.2", "spacing": "1s"})
    server.put("/feed", document("One"), etag=True)
    quick.feed(server.url("/feed", host="127.0.0.3"))
    with running(quick) as daemon:
        until(lambda: "One" in daemon.titles(), daemon.said)
        server.put("/feed", document("One", "Two"), etag=True)
        until(lambda: "Two" in daemon.titles(), daemon.said)
        until(lambda: len([1 for each in places(server) if each.startswith("127.0.0.2")]) >= 5, daemon.said)
    times = [each.time for each in server.log if each.path.startswith("/many/")]
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.95
    assert len([1 for each in places(server) if each.startswith("127.0.0.1/hangs")]) < 6


def test_local_posts_are_looked_at_and_wait_for_their_day(quick: Planet) -> None:
    quick.seeds()
    quick.post("a.md", title="Now")
    quick.post("b.md", title="Later", date="2100-01-01")
    with running(quick) as daemon:
        until(lambda: daemon.titles() == ["Now"], daemon.said)
        time.sleep(2)
        assert len(daemon.events("visit")) == 1, "the next look is a minute away"


def test_what_the_config_forbids_is_no_busy_loop(quick: Planet, server: Server) -> None:
    quick.fetch |= {"allow_networks": [], "interval": "1h"}
    quick.feed(server.url("/feed", host="127.0.0.1"))
    with running(quick) as daemon:
        daemon.wait_for("visit")
        time.sleep(2.5)
        assert [each["outcome"] for each in daemon.events("visit")] == ["private address"]


def test_a_visit_that_cannot_be_saved_is_not_repeated_at_once(quick: Planet, server: Server) -> None:
    server.put("/feed", document("One"), etag=True)
    quick.feed(server.url("/feed", host="127.0.0.1"), interval="4s")
    with running(quick) as daemon:
        until(lambda: daemon.titles() == ["One"], daemon.said)
        with closing(sqlite3.connect(quick.root / "var" / "aggregator.db", timeout=20)) as db:
            refuse = "SELECT RAISE(ABORT, 'as it happens')"
            db.execute(f"CREATE TRIGGER full BEFORE UPDATE OF last_visit ON source BEGIN {refuse}; END")
            server.put("/feed", document("One", "Two"), etag=True)
            until(lambda: daemon.wait_for("visit", 2)["outcome"] == "not saved", daemon.said)
            asked = len(server.log)
            time.sleep(2)
            assert len(server.log) == asked
            db.execute("DROP TRIGGER full")
        until(lambda: "Two" in daemon.titles(), daemon.said)
        assert daemon.end(TERM)[0] == 0


# --- Signals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [TERM, signal.SIGINT])
def test_after_a_signal_no_request_begins(quick: Planet, server: Server, sign: signal.Signals) -> None:
    server.hang("/hangs")
    quick.feed(server.url("/hangs", host="127.0.0.2"))
    for number in range(5):
        server.put(f"/waits/{number}", document(f"Waits {number}"))
        quick.feed(server.url(f"/waits/{number}", host="127.0.0.1"))
    quick.fetch["spacing"] = "3s"
    with running(quick) as daemon:
        until(lambda: {each[:9] for each in places(server)} == {"127.0.0.1", "127.0.0.2"}, daemon.said)
        before = places(server)
        code, seconds = daemon.end(sign)
        assert (code, seconds < 10) == (0, True), daemon.said()
        assert daemon.events("stopped")
    assert places(server) == before
    assert [f"/waits/{title[-1]}" for title in quick.titles()] == [each[9:] for each in before if "waits" in each]


def test_what_was_asked_before_the_signal_is_published(quick: Planet, server: Server) -> None:
    def slow(request: Request) -> Response:
        time.sleep(1.5)
        return Response(document("Slow"))

    server.script("/slow", slow)
    quick.feed(server.url("/slow", host="127.0.0.1"))
    with running(quick) as daemon:
        until(lambda: server.log, daemon.said)
        assert daemon.end(TERM)[0] == 0
        assert daemon.titles() == ["Slow"]
        assert len(server.log) == 1


def test_a_second_signal_ends_it_at_once(quick: Planet, server: Server) -> None:
    server.hang("/hangs")
    quick.feed(server.url("/hangs", host="127.0.0.1"))
    with running(quick) as daemon:
        until(lambda: server.log, daemon.said)
        daemon.process.send_signal(TERM)
        daemon.wait_for("stop")
        code, seconds = daemon.end(TERM)
        assert (code, seconds < 2) == (128 + TERM, True)


@pytest.mark.both_stores
def test_a_kill_loses_and_doubles_nothing(quick: Planet, server: Server) -> None:
    titles: list[str] = []
    served = {f"/feed/{number}": f"127.0.0.{number + 1}" for number in range(8)}
    for path, host in served.items():
        quick.feed(server.url(path, host=host))
    for kill in range(3):
        enough = len(server.log) + 4
        titles += [f"{kill}.{number}" for number in range(5)]
        for path in served:
            server.put(path, document(*(path + title for title in titles)), etag=True)
        with running(quick) as daemon:
            until(partial(lambda enough: len(server.log) >= enough, enough), daemon.said)
            daemon.end(KILL)
    quick.site["items"] = 1000
    with running(quick) as daemon:
        until(lambda: len(daemon.titles()) == 8 * len(titles), daemon.said)
        assert sorted(daemon.titles()) == sorted(path + title for path in served for title in titles)
        assert daemon.end(TERM)[0] == 0
    ids = quick.ids()
    assert len(set(ids.values())) == 8 * len(titles)


# --- The config -----------------------------------------------------------------------------------------------------


def test_reload(quick: Planet, server: Server) -> None:
    for name in ("one", "two", "three"):
        server.put(f"/{name}", document(name), etag=True)
    quick.feed(server.url("/one", host="127.0.0.1"))
    with running(quick) as daemon:
        until(lambda: daemon.titles() == ["one"], daemon.said)
        good = quick.write().read_text(encoding="utf-8")

        quick.write().write_text(good + "\n[sight]\n", encoding="utf-8")
        assert "unknown key" in daemon.wait_for("config")["message"]
        assert daemon.wait_for("reload")["valid"] is False
        asked = len(server.log)
        until(lambda: len(server.log) > asked, daemon.said)
        time.sleep(2)
        assert len(daemon.events("config")) == 1, "once for each change"
        daemon.process.send_signal(signal.SIGHUP)
        assert daemon.wait_for("reload", 2)["valid"] is False

        quick.feed(server.url("/two", host="127.0.0.2"))
        quick.write()
        until(lambda: set(daemon.titles()) == {"one", "two"}, daemon.said)
        assert daemon.wait_for("reload", 3)["valid"] is True

        quick.feed(server.url("/three", host="127.0.0.3"))
        quick.write()
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: set(daemon.titles()) == {"one", "two", "three"}, daemon.said)
        assert daemon.end(TERM)[0] == 0


def test_a_new_template_is_a_change(quick: Planet, server: Server) -> None:
    quick.site["formats"] = ["atom", "html"]
    with running(quick) as daemon:
        until(lambda: "index.html" in quick.files(), daemon.said)
        folder = quick.root / "config" / "templates"
        folder.mkdir()
        (folder / "style.css").write_text("p { color: teal }")
        until(lambda: b"color: teal" in quick.files().get("style.css", b""), daemon.said)


def test_another_store_wants_a_restart(quick: Planet) -> None:
    with running(quick) as daemon:
        daemon.wait_for("publish")
        quick.site["store"] = "sqlite:///var/other.db"
        quick.write()
        assert "restart" in daemon.wait_for("config")["message"]
        assert daemon.process.poll() is None
    assert not (quick.root / "var" / "other.db").exists()


# --- The lock -------------------------------------------------------------------------------------------------------


@pytest.mark.both_stores
def test_once_beside_a_daemon_says_who_is_at_work(quick: Planet) -> None:
    with running(quick) as daemon:
        daemon.wait_for("publish")
        begin = time.monotonic()
        done = once(quick)
        assert (done.returncode, time.monotonic() - begin < 5) == (75, True)
        assert f"(aggregator daemon, process {daemon.process.pid}, since 2" in done.stderr
        log = (quick.root / "log").read_bytes()
        with running(quick) as second:
            assert second.process.wait(20) == 75
        (quick.root / "log").write_bytes(log)
        assert daemon.process.poll() is None
        daemon.end(KILL)
    assert once(quick).returncode == 0, "a dead holder's lock is taken over"


@pytest.mark.both_stores
def test_a_daemon_waits_for_a_run_to_end(quick: Planet) -> None:
    with ExitStack() as run:
        run.enter_context(locked(quick.load().store, NOON, "once"))
        with running(quick) as daemon:
            until(lambda: daemon.events("wait"), daemon.said)
            assert "aggregator once" in daemon.wait_for("wait")["message"]
            assert daemon.events("start") == []
            quick.site["title"] = "Changed while it waited"
            quick.write()
            daemon.process.send_signal(signal.SIGHUP)
            run.close()
            daemon.wait_for("start")
            assert daemon.wait_for("reload")["valid"]


# --- What others see of it ------------------------------------------------------------------------------------------


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """The name of a service manager's socket, and the socket."""
    name = f"@aggregator-test-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0", 1))
        listening.settimeout(20)
        yield name, listening


def test_systemd_is_told(quick: Planet, manager: tuple[str, socket.socket]) -> None:
    name, listening = manager

    def told(what: str) -> dict[str, str]:
        while True:
            lines = dict(line.split("=", 1) for line in listening.recv(4096).decode().splitlines())
            if what in lines:
                return lines

    with running(quick, environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "3000000"}) as daemon:
        assert told("READY") == {"READY": "1", "STATUS": "0 sources"}
        assert [told("WATCHDOG") for _ in range(2)] == [{"WATCHDOG": "1"}] * 2
        daemon.process.send_signal(signal.SIGHUP)
        assert abs(int(told("RELOADING")["MONOTONIC_USEC"]) / 1e6 - time.monotonic()) < 20
        assert told("READY")
        daemon.process.send_signal(TERM)
        assert told("STOPPING") == {"STOPPING": "1"}


def test_the_log_has_one_json_object_a_line_and_no_password(quick: Planet, server: Server) -> None:
    server.put("/feed", rss([{"guid": "1", "title": "One"}], title="A\u202e feed\u0085of\x9b31m lines"))
    quick.feed(server.url("/feed", host="127.0.0.1").replace("//", "//user:secret@"))
    quick.feed(server.url("/none", host="127.0.0.2").replace("//", "//user:secret@"))
    with running(quick, "-vv") as daemon:
        until(lambda: len(daemon.events("visit")) >= 2, daemon.said)
        assert "is failing: http 404" in daemon.wait_for("incident")["message"]
        daemon.end(TERM)
        log = daemon.log.read_text(encoding="utf-8")
        assert all({"time", "level", "event", "message"} <= each.keys() for each in daemon.events())
    assert "secret" not in log
    assert "GET http" in log
    assert "\x9b" not in log
    assert "\x85" not in log


def test_quiet_says_only_what_is_wrong(quick: Planet, server: Server) -> None:
    server.put("/feed", document("One"))
    quick.feed(server.url("/feed", host="127.0.0.1"))
    quick.feed(server.url("/none", host="127.0.0.2"))
    log = quick.root / "log"
    with running(quick, "-q") as daemon:
        until(lambda: log.stat().st_size and daemon.titles(), daemon.said)
        daemon.end(TERM)
        assert {each["event"] for each in daemon.events()} == {"visit", "incident"}
        assert {each["outcome"] for each in daemon.events("visit")} == {"http 404"}


def test_it_serves_what_it_publishes(quick: Planet, server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    quick.web["listen"] = f"127.0.0.1:{port}"
    server.put("/feed", document("One"))
    quick.feed(server.url("/feed", host="127.0.0.1"))
    with running(quick) as daemon:
        until(lambda: daemon.titles() == ["One"], daemon.said)
        assert b"One" in httpx.get(f"http://127.0.0.1:{port}/rss.xml", trust_env=False).content
        quick.site["title"] = "Another"
        quick.write()
        until(lambda: len(daemon.events("web")) == 2, daemon.said)
        assert httpx.get(f"http://127.0.0.1:{port}/rss.xml", trust_env=False).status_code == 200
        code, seconds = daemon.end(TERM)
        assert (code, seconds < 10) == (0, True)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/rss.xml", trust_env=False)


def test_a_port_that_was_taken_is_tried_again(quick: Planet, server: Server) -> None:
    server.put("/feed", document("One"))
    quick.feed(server.url("/feed", host="127.0.0.1"))
    with socket.create_server(("127.0.0.1", 0)) as free, running(quick) as daemon:
        port = free.getsockname()[1]
        until(lambda: daemon.titles() == ["One"], daemon.said)
        quick.web["listen"] = f"127.0.0.1:{port}"
        quick.write()
        assert "cannot listen" in daemon.wait_for("web")["message"]
        free.close()
        daemon.process.send_signal(signal.SIGHUP)
        assert daemon.wait_for("web", 2)["url"] == f"http://127.0.0.1:{port}/"
        assert httpx.get(f"http://127.0.0.1:{port}/rss.xml", trust_env=False).status_code == 200


def test_a_port_that_is_taken_is_one_line(quick: Planet, server: Server) -> None:
    quick.web["listen"] = f"127.0.0.1:{server.port}"
    with running(quick) as daemon:
        assert daemon.process.wait(20) == 1
        start, error = daemon.said().splitlines()
    assert "start" in start
    assert error.startswith(f"aggregator: 127.0.0.1:{server.port}: cannot listen")


def test_its_runs_and_its_pulse_are_in_the_store(quick: Planet, server: Server) -> None:
    server.put("/feed", document("One", "Two"))
    quick.feed(server.url("/feed", host="127.0.0.1"))
    with running(quick) as daemon:
        until(daemon.titles, daemon.said)
        daemon.end(TERM)
    engine = open_store(quick.load().store)
    with reading(engine) as db:
        done = next(run for run in history.runs(db) if run.new)
        assert pulse(db) is None
    assert (done.by, done.visits, done.failed, done.new, done.written) == ("daemon", 1, 0, 2, 2)
    beat = Pulse(7, NOON, NOON, missed=2)
    with writing(engine) as db:
        save_pulse(db, beat)
        save_pulse(db, beat)
        assert pulse(db) == beat
    engine.dispose()


# --- Odd clocks, other threads, and a long time ---------------------------------------------------------------------

CLOCK = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from aggregator import config, daemon, logs
logs.set_up(sys.stderr, human=False)
file = Path(sys.argv[2])
off = file.with_name("off")
def clock():
    return datetime.now(UTC) + timedelta(seconds=int(off.read_text()) if off.exists() else 0)
daemon.run(config.load(file), clock)
"""


@pytest.mark.parametrize("by", [-7200, 7200])
def test_a_clock_that_is_set_stops_nothing(quick: Planet, server: Server, by: int) -> None:
    server.put("/feed", document("One"), etag=True)
    quick.feed(server.url("/feed", host="127.0.0.1"))
    quick.fetch |= {"interval": "2s"}
    with running(quick, program=CLOCK) as daemon:
        until(lambda: daemon.titles() == ["One"], daemon.said)
        (quick.root / "config" / "off").write_text(str(by))
        assert daemon.wait_for("clock")["seconds"] == by
        asked = len(server.log)
        until(lambda: len(server.log) > asked + 1, daemon.said)
        assert daemon.end(TERM)[0] == 0
    times = [each.time for each in server.log]
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.9


DELIVERY = """
import asyncio, sys, threading
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from aggregator import config, daemon, logs
logs.set_up(sys.stderr, human=False)
file = Path(sys.argv[2])
@contextmanager
def serve(config, deliver):
    async def job(engine, config, now, write):
        with (config.root / "delivered").open("a") as told:
            print(await write(lambda: threading.current_thread().name), now.tzinfo, file=told)
        return True
    async def fails(engine, config, now, write):
        raise ValueError("as it happens")
    async def slow(engine, config, now, write):
        await asyncio.sleep(1.5)
        return False
    def much():
        taken = [deliver(each) for each in (job, fails, job, slow, *([job] * 1100))]
        (config.root / "taken").write_text(str(sum(taken)))
    threading.Thread(target=much).start()
    yield
daemon.run(config.load(file), lambda: datetime.now(UTC), serve)
"""


def test_jobs_of_other_threads_are_done_by_the_one_that_writes(quick: Planet) -> None:
    with running(quick, program=DELIVERY) as daemon:
        told = quick.root / "taken"
        until(lambda: told.exists() and told.read_text() and daemon.events("job"), daemon.said)
        taken = int(told.read_text())
        assert 1000 <= taken < 1104, "so many may wait, and no more"
        assert daemon.end(TERM)[0] == 0
        assert "as it happens" in daemon.wait_for("job")["message"]
    assert (quick.root / "delivered").read_text() == "writer_0 UTC\n" * (taken - 2)


LONG = """
import asyncio, sys, threading
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from aggregator import config, daemon, logs
logs.set_up(sys.stderr, human=False)
@contextmanager
def serve(config, deliver):
    async def long(engine, config, now, write):
        await asyncio.sleep(60)
    deliver(long)
    deliver(long)
    yield
daemon.run(config.load(Path(sys.argv[2])), lambda: datetime.now(UTC), serve)
"""


def test_a_job_that_takes_long_holds_up_neither_visits_nor_the_end(quick: Planet, server: Server) -> None:
    server.put("/feed", document("One"))
    quick.feed(server.url("/feed", host="127.0.0.1"))
    with running(quick, program=LONG) as daemon:
        until(lambda: daemon.titles() == ["One"], daemon.said)
        code, seconds = daemon.end(TERM)
        assert (code, seconds < 9) == (0, True), daemon.said()
        assert daemon.events("stopped")


TICKING = """
import sys, time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from aggregator import daemon, logs
from aggregator.config import load

def slow(file, watched=()):
    time.sleep(0.5)
    return ()

@contextmanager
def serve(config, deliver):
    yield
    time.sleep(1.2)

daemon.stamp = slow
logs.set_up(sys.stderr, human=False)
daemon.run(load(Path(sys.argv[2])), lambda: datetime.now(UTC), serve)
"""


def test_a_tick_under_way_comes_to_its_end_quietly(quick: Planet, server: Server) -> None:
    server.put("/feed", document("One"))
    quick.feed(server.url("/feed", host="127.0.0.1"))
    with running(quick, program=TICKING) as daemon:
        until(lambda: daemon.titles() == ["One"], daemon.said)
        assert daemon.end(TERM)[0] == 0
        events = daemon.events()
    assert events[-1]["event"] == "stopped"
    assert [each for each in events if each["level"] != "info"] == []


def test_who_takes_long_to_answer_is_not_asked_again_at_each_reload(quick: Planet, server: Server) -> None:
    server.hang("/slow")
    quick.fetch["timeout"] = "60s"
    quick.feed(server.url("/slow", host="127.0.0.1"), interval="1h")

    def shows(title: str) -> bool:
        file = quick.root / "feeds" / "atom.xml"  # not the first that is written into its folder
        return file.exists() and title in file.read_text()

    with running(quick) as daemon:
        until(lambda: server.log and shows("Planet Test"), daemon.said)
        for number in range(2):
            quick.site["title"] = f"Title {number}"
            quick.write()
            until(partial(shows, f"Title {number}"), daemon.said)
        time.sleep(1.5)
    assert places(server).count("127.0.0.1/slow") == 1


def test_memory_and_descriptors_stay_flat(quick: Planet, server: Server) -> None:
    for number in range(100):
        server.put(f"/{number}", document(*(f"{number}.{entry}" for entry in range(10))), etag=number % 2 == 0)
        quick.feed(server.url(f"/{number}", host=f"127.0.1.{number + 1}"))

    def size(daemon: Running) -> tuple[int, int]:
        status = Path(f"/proc/{daemon.process.pid}/status")
        if not status.exists():
            pytest.skip("this system has no /proc")
        memory = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(memory.split()[1]), len(list(status.with_name("fd").iterdir()))

    with running(quick) as daemon:
        until(lambda: len(server.log) >= 300, daemon.said, 60)
        before = size(daemon)
        until(lambda: len(server.log) >= 1300, daemon.said, 120)
        after = size(daemon)
        assert daemon.end(TERM)[0] == 0
    assert after[0] < before[0] * 1.2
    assert after[1] < before[1] + 60, "connections under way, and nothing that stays"
