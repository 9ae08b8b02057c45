"""HTTP/1.1 on one connection (RFC 9112), by h11: what httpcore does, without its locks and layers, as a connection has
one user at a time anyway. Its exceptions are httpcore's, as those of `streams` are.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import h11
import httpcore
import httpx

from aggregator.fetching.rules import RawHeaders, header_map
from aggregator.fetching.streams import Stream

_HEAD_BYTES = 100 * 1024  # the most that the head of an answer may have
_AT_ONCE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Way:
    """How a request goes: through a proxy (a URL, "" for none), and whether certificates are verified."""

    proxy: str = field(default="", repr=False)
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `headers` are all of them, Host included. `connect` is how many seconds connecting may take, by TCP
    and TLS each, `silence` how long nothing may arrive."""

    url: httpx.URL
    headers: RawHeaders
    connect: float
    silence: float
    way: Way = Way()
    method: str = "GET"
    content: bytes = b""

    @property
    def origin(self) -> tuple[str, bytes, int]:
        """Scheme, host and port: what a connection is for."""
        return self.url.scheme, self.url.raw_host, port(self.url)


@dataclass(frozen=True)
class Answer:
    """What is said at a URL: the headers as they were `sent`, and the body, as it is on the wire, while it comes in.

    It has to be closed; the connection may then be used again, if the body was read to its end.
    """

    url: httpx.URL
    status: int
    sent: list[tuple[bytes, bytes]]
    body: AsyncIterator[bytes]
    close: Callable[[], Awaitable[None]]

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """The headers by lower-case name (`rules.header_map`)."""
        return header_map(self.sent)


class Wire:
    """A connection that `connect` opens for the first request; for those of one origin."""

    def __init__(self, connect: Callable[[Request], Awaitable[Stream]]) -> None:
        self._connect = connect
        self._stream: Stream | None = None
        self._origin: tuple[str, bytes, int] | None = None
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES)

    def is_ready(self, request: Request) -> bool:
        """Whether it can be used again for this: open, of that origin, between two requests, and silent: what came
        unasked would pass for the next answer."""
        is_idle = self._state.our_state is h11.IDLE and not self._state.trailing_data[0]
        return bool(is_idle and self._stream and not self._stream.has_news and self._origin == request.origin)

    async def ask(self, request: Request) -> Answer:
        """Send, and wait for the head of the answer. Raises httpcore's exceptions, and what `connect` does."""
        try:
            if self._stream is None:
                self._origin = request.origin
                self._stream = await self._connect(request)
            with contextlib.suppress(httpcore.WriteError):  # who wants no more of it may have answered already
                await self._stream.write(self._said(request), request.silence)
            head = await self._next(request.silence)
            while not isinstance(head, h11.Response):  # 100 Continue and the like (RFC 9110 §15.2)
                head = await self._next(request.silence)
        except BaseException:
            await self.aclose()
            raise
        sent, body = head.headers.raw_items(), self._body(request.silence)
        return Answer(request.url, head.status_code, sent, body, self._answered)

    def _said(self, request: Request) -> bytes:
        try:
            head = h11.Request(method=request.method, target=request.url.raw_path, headers=list(request.headers))
            said = self._state.send(head) or b""
            if request.content:
                said += self._state.send(h11.Data(data=request.content)) or b""
            return said + (self._state.send(h11.EndOfMessage()) or b"")
        except h11.LocalProtocolError as error:
            raise httpcore.LocalProtocolError(error) from error

    async def _next(self, silence: float) -> Any:
        """The next event that h11 finds in what arrives."""
        while True:
            try:
                event = self._state.next_event()
            except h11.RemoteProtocolError as error:
                raise httpcore.RemoteProtocolError(error) from error
            if event is not h11.NEED_DATA:
                return event
            data = await self._open_stream.read(_AT_ONCE, silence)
            if not data and self._state.their_state is h11.SEND_RESPONSE:
                raise httpcore.RemoteProtocolError("Server disconnected without sending a response.")
            self._state.receive_data(data)

    async def _body(self, silence: float) -> AsyncIterator[bytes]:
        while isinstance(event := await self._next(silence), h11.Data):
            yield bytes(event.data)

    @property
    def _open_stream(self) -> Stream:
        if self._stream is None:
            raise httpcore.ReadError("the connection is closed")
        return self._stream

    async def _answered(self) -> None:
        """Be ready for the next request, or be closed when not all was said."""
        if self._state.our_state is h11.DONE and self._state.their_state is h11.DONE:
            self._state.start_next_cycle()
        else:
            await self.aclose()

    async def aclose(self) -> None:
        """Close it, if it is open."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.aclose()


def port(url: httpx.URL) -> int:
    """The port of a URL; httpx leaves out a scheme's own."""
    return url.port or (443 if url.scheme == "https" else 80)
