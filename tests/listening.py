"""What hubs call, as the daemon has it: a public listener on loopback whose events wait in a queue."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import uvicorn
from sqlalchemy import Engine

from aggregator import hubs, pipeline, subscribing
from aggregator.collect import collect
from aggregator.keeping import Outcome, keep
from aggregator.network import network
from aggregator.planning import align, prepare
from aggregator.store import hubs as stored
from aggregator.store.engine import open_store, reading
from aggregator.web import server
from aggregator.web.app import app
from aggregator.web.hooks import routes
from aggregator.web.protocol import Protocol
from tests.planet import Planet

_T = TypeVar("_T")


class Listening:
    """A planet with a daemon's parts, each of which a test lets happen when it wants; `later` moves the clock."""

    def __init__(self, planet: Planet, engine: Engine) -> None:
        self.planet = planet
        self.engine = engine
        self.inbox: queue.Queue[hubs.Event] = queue.Queue()
        self.full = False

    def tell(self, event: hubs.Event) -> bool:
        """What the hooks hand over, unless there is no room."""
        if not self.full:
            self.inbox.put(event)
        return not self.full

    def later(self, by: timedelta) -> None:
        """Let time pass."""
        self.planet.now += by

    def poll(self, *, force: bool = False) -> list[Outcome]:
        """Visit what is due, as the daemon does, and publish."""
        config, now = self.planet.load(), self.planet.now
        align(self.engine, config, now)
        plan = prepare(self.engine, config, now, force=force)

        async def visits() -> list[Outcome]:
            async with network(config, plan.hosts, now, remote=True) as (fetch, *_):
                kept = [
                    keep(self.engine, visit, plan.standings[visit.source.key], now, listening=True)
                    async for visit in collect(plan.due, fetch)
                ]
            return [each for each in kept if each]

        outcomes = asyncio.run(visits())
        self._publish()
        return outcomes

    def tend(self) -> tuple[str, ...]:
        """Ask the hubs, and take what they said to it."""
        said = asyncio.run(subscribing.tend(self.engine, self.planet.load(), self.planet.now, _at_once))
        self.take()
        return said

    def take(self) -> tuple[Outcome, ...]:
        """Take what hubs have said, and publish."""
        events = [self.inbox.get() for _ in range(self.inbox.qsize())]
        config, now = self.planet.load(), self.planet.now
        outcomes = [asyncio.run(subscribing.take(self.engine, config, event, now, _at_once)) for event in events]
        self._publish()
        return tuple(each for each in outcomes if each)

    def _publish(self) -> None:
        pipeline.publish(self.engine, self.planet.load(), self.planet.now)

    @property
    def held(self) -> hubs.Subscription | None:
        """The one subscription, if there is any."""
        with reading(self.engine) as db:
            every = stored.subscriptions(db)
        assert len(every) <= 1
        return every[0] if every else None


async def _at_once(do: Callable[..., _T], *values: Any) -> _T:
    """The thread that writes, where there is but one."""
    return do(*values)


@contextmanager
def listening(planet: Planet, max_bytes: int = 100_000) -> Iterator[Listening]:
    """The public listener of a planet, in a thread; its `public_url` is in the config."""
    planet.web |= {"listen": "127.0.0.1:0", "dashboard": ""}
    socket = server.listen(planet.load()).public
    planet.web["public_url"] = server.url(socket)
    planet.fetch["max_bytes"] = max_bytes
    config = planet.load()
    engine = open_store(config.store)
    daemon = Listening(planet, engine)
    application = app(config, lambda: datetime.now(UTC), routes(engine, daemon.tell, config.fetch.max_bytes))
    running = uvicorn.Server(uvicorn.Config(application, http=Protocol, lifespan="off", log_config=None))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not running.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield daemon
    finally:
        running.should_exit = running.force_exit = True
        thread.join()
        engine.dispose()
