"""The real daemon and a real hub: subscribed, delivered, published, ended; with one request of the feed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from aggregator import hubs
from aggregator.daemon import Job
from aggregator.store import hubs as stored
from aggregator.store.engine import open_store, reading
from aggregator.subscribing import telling
from tests.hub import Hub
from tests.planet import Planet, atom
from tests.server import Server


def until(condition: Callable[[], object], patience: float = 40.0) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def state(engine: Engine) -> list[str]:
    with reading(engine) as db:
        return [each.state for each in stored.subscriptions(db)]


def test_a_daemon_with_a_hub(planet: Planet) -> None:
    with Server() as server:
        hub, feed = Hub(server), server.url("/feed")
        port = free_port()
        planet.web |= {"listen": f"127.0.0.1:{port}", "public_url": f"http://127.0.0.1:{port}/"}
        entry = {"id": "urn:1", "title": "One", "date": datetime.now(UTC).replace(microsecond=0)}
        server.put("/feed", atom([entry], hub=hub.url, self=feed), etag=True)
        planet.feed(feed)
        engine = open_store(planet.load().store)
        env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        command = [sys.executable, "-m", "aggregator", "daemon", "--config", str(planet.write())]
        with (planet.root / "log").open("wb") as log, subprocess.Popen(command, env=env, stderr=log) as daemon:
            try:
                until(lambda: state(engine) == ["active"])
                until(lambda: hub.answers == [200])  # it hears our answer after we have kept it
                more = atom([entry | {"id": "urn:2", "title": "Two"}], hub=hub.url, self=feed)
                assert hub.push(more, secret="forged").status_code == 202
                assert hub.push(more).status_code == 202
                until(lambda: sorted(planet.titles()) == ["One", "Two"])
                assert [request.path for request in server.log].count("/feed") == 1
                daemon.send_signal(signal.SIGTERM)
                assert daemon.wait(20) == 0
            finally:
                daemon.kill()
        with reading(engine) as db:
            (held,) = stored.subscriptions(db)
        engine.dispose()
        assert held.ignored == 1
        log_text = (planet.root / "log").read_text(encoding="utf-8")
        assert "delivered by its hub: 1 new" in log_text
        assert held.secret not in log_text and held.token not in log_text


def test_only_so_many_events_wait() -> None:
    jobs: list[Job] = []
    open_door = [True]

    def deliver(job: Job) -> bool:
        if open_door[0]:
            jobs.append(job)
        return open_door[0]

    tell, event = telling(deliver), hubs.Ignored("token")
    assert [tell(event) for _ in range(40)].count(True) == len(jobs) == 32
    open_door[0] = False
    assert not tell(event)
