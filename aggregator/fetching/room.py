"""Room in memory for documents: how many may be there at a time, from the question until they are read.

Who has room waits for no host, so it is given back for sure. A visit is a task; what it has ends with it at the latest.
"""

import asyncio
from typing import Any

SMALL = 250_000  # bytes: what is larger lies on disk while it comes in, and then waits until it is read


class Room:
    """For `most` documents, and one that is large."""

    def __init__(self, most: int) -> None:
        self._free = asyncio.Semaphore(most)
        self._taken: set[asyncio.Task[Any] | None] = set()
        self._large = asyncio.Lock()
        self._large_for: asyncio.Task[Any] | None = None

    async def enter(self) -> None:
        """Wait for room for a document, which may come now."""
        if (task := asyncio.current_task()) is not None:
            await self._free.acquire()
            self._taken.add(task)
            task.add_done_callback(self._leave)

    def leave(self) -> None:
        """The visit has no document, or wants another one before it reads what it has."""
        self._leave(asyncio.current_task())

    def _leave(self, task: asyncio.Task[Any] | None) -> None:
        if task in self._taken:
            self._taken.remove(task)
            self._free.release()

    async def enter_large(self) -> None:
        """Wait until no other visit has a large document in memory; have the room to the visit's end.

        No host waits meanwhile, and reading is as fast one after another as side by side (the GIL).
        """
        self.leave()
        task = asyncio.current_task()
        if task is not None and task is not self._large_for:
            await self._large.acquire()
            self._large_for = task
            task.add_done_callback(self._leave_large)

    def _leave_large(self, task: object) -> None:
        self._large_for = None
        self._large.release()
