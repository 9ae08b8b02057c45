"""What a document costs its hosts, redirects included: how long it takes, how often they are asked, what they send.

Waiting for our own turn does not count.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from aggregator.model import Cost


class Watch:
    """Runs while a host is asked. `took` is the time so far, `limit` the most that it may be; in seconds."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.took = 0.0
        self._requests = self._status = self._received = 0

    @property
    def cost(self) -> Cost:
        """What was asked so far; its status is 0 when the last request had no whole answer."""
        return Cost(self._requests, self._status, self._received)

    @contextmanager
    def running(self, raw: IO[bytes]) -> Iterator[float]:
        """Count one request, whose body goes to `raw`, and the time within; gives the moment (loop time) at which the
        limit is reached."""
        clock = asyncio.get_running_loop().time
        started = clock()
        self._requests, self._status = self._requests + 1, 0
        try:
            yield started + self.limit - self.took
        finally:
            self.took += clock() - started
            self._received += raw.tell()

    def hear(self, status: int) -> None:
        """The request was answered."""
        self._status = status
