"""HTTP/1.1 of uvicorn that does not wait for ever: it has a deadline between requests, but none for a request's head,
for one who never reads what was sent, or for one who connects and is silent. A few hundred of these, which cost a
stranger nothing, would shut out everybody. Nor does it log a traceback for what no client should send.
"""

import asyncio

from h11 import IDLE, SEND_RESPONSE
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD = 10.0
"""Seconds for the head of a request, from the connection or the end of the answer before."""

READING = 60.0
"""Seconds in which a reader has to take 48 kB of an answer, or what is left of it."""

READERS = 500
"""Connections; to more, a request is answered 503."""

CROWD = READERS + 100
"""Connections beyond these are cut at once: the files of this process need descriptors, too."""

_BODIES = {b"content-length", b"transfer-encoding"}


class Protocol(H11Protocol):
    """One connection. The application has deadlines of its own while it is at work."""

    _timer: asyncio.TimerHandle | None = None
    _is_stalled = False
    _is_over = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Someone connects."""
        super().connection_made(transport)
        if len(self.connections) > CROWD:
            transport.abort()
        else:
            self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._is_over = True
        self._stop()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Something came in. Behind a request whose end others could see elsewhere nothing is read (RFC 9112 §6.1)."""
        super().handle_events()
        if self.cycle is not None and {name for name, _ in self.headers} >= _BODIES:
            self.cycle.keep_alive = False
        self._look()

    def send_400_response(self, msg: str) -> None:
        """What came in is no HTTP. Say so where nothing was said yet, else close; what is being made for an earlier
        request is not wanted. uvicorn answers even in the middle of an answer, or after it: then h11 raises, and
        anybody could fill the log."""
        if self.cycle and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (IDLE, SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        """All of an answer was said, though maybe not sent."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """More of an answer waits than is good for us."""
        super().pause_writing()
        self._stop()
        self._is_stalled = True
        self._timer = self.loop.call_later(READING, self.transport.abort)

    def resume_writing(self) -> None:
        """Most of it has been taken."""
        super().resume_writing()
        self._stop()
        self._is_stalled = False
        self._look()

    def _look(self) -> None:
        """Whether there is somebody to wait for."""
        if self._is_stalled or self._is_over:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(HEAD, self._end)

    def _end(self) -> None:
        """Time is up, but for one who still reads the end of an answer."""
        if self.transport.get_write_buffer_size():
            self._timer = self.loop.call_later(READING, self.transport.abort)
        else:
            self.transport.abort()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
