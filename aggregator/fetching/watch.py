"""How long a document takes on hosts, redirects included. Waiting for our own turn does not count."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Watch:
    """Runs while a host is asked. `took` is the time so far, `limit` the most that it may be; in seconds."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.took = 0.0

    @contextmanager
    def running(self) -> Iterator[float]:
        """Count the time within; gives the moment (loop time) at which the limit is reached."""
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            yield started + self.limit - self.took
        finally:
            self.took += clock() - started
