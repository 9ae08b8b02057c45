"""Connections for httpcore, straight on asyncio's transports: less work than httpcore's own way, over anyio."""

import asyncio
import ssl
from typing import Any, cast

import httpcore

HELD_BYTES = 131072  # more than this, unread, and the peer has to wait

# What httpcore calls a fact about a connection, and what asyncio calls it.
_FACTS = {"ssl_object": "ssl_object", "client_addr": "sockname", "server_addr": "peername", "socket": "socket"}


async def connect(address: str, port: int, timeout: float | None) -> "Stream":
    """A TCP connection to an address (not a name), within `timeout` seconds.

    Raises httpcore.ConnectTimeout, and httpcore.ConnectError with the OSError as its cause.
    """
    try:
        async with asyncio.timeout(timeout):
            _, stream = await asyncio.get_running_loop().create_connection(Stream, address, port)
    except TimeoutError as error:
        raise httpcore.ConnectTimeout(error) from error
    except OSError as error:
        raise httpcore.ConnectError(error) from error
    return stream


class Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection: asyncio tells it what arrives, httpcore takes it. Time-outs are seconds of silence.

    Not asyncio's StreamReader: in Python 3.11 it goes on steering the bare socket when TLS has begun over it.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport  # from connection_made on
        self._received = bytearray()
        self._held = False  # we asked the transport to stop reading
        self._full = False  # the transport asked us to stop writing
        self._ended = False
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None  # of the only reader or writer: HTTP/1.1 takes turns

    # --- What httpcore calls ---

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has arrived, b"" at the end. Raises ReadTimeout, ReadError, and ssl.SSLError as it is."""
        while not self._received and not self._ended:
            await self._change(timeout, httpcore.ReadTimeout)
        if not self._received and self._failure is not None:
            if isinstance(self._failure, ssl.SSLError):  # as from a server that wants a certificate of ours
                raise self._failure
            raise httpcore.ReadError(self._failure) from self._failure
        data = bytes(self._received[:max_bytes])
        del self._received[:max_bytes]
        if self._held and len(self._received) <= HELD_BYTES:
            self._held = False
            self._transport.resume_reading()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send, waiting while the peer does not take it. Raises WriteTimeout and WriteError."""
        if not self._ended:
            self._transport.write(buffer)
        while self._full and not self._ended:
            await self._change(timeout, httpcore.WriteTimeout)
        if self._ended:
            raise httpcore.WriteError(self._failure or "the connection is closed") from self._failure

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "Stream":
        """Speak TLS from here on, with who can prove to be `server_hostname`. Raises ConnectTimeout and ConnectError.

        What came before the handshake would pass for a part of what is said in secret, so it is an error (as for
        STARTTLS, RFC 3207 §6: the client must throw away what it learned before).
        """
        try:
            if self._received or self._ended or self._transport.is_closing():
                raise ConnectionError("it speaks before the handshake" if self._received else "")
            async with asyncio.timeout(timeout):
                transport = await self._loop.start_tls(
                    self._transport, self, ssl_context, server_hostname=server_hostname
                )
            if transport is None:  # lost at the very end of the handshake
                raise ConnectionError
        except BaseException as error:
            self._transport.abort()
            if isinstance(error, TimeoutError):
                raise httpcore.ConnectTimeout(error) from error
            if isinstance(error, (OSError, ValueError)):  # ssl has a ValueError for a name that cannot be one
                raise httpcore.ConnectError(error) from error
            raise
        self._transport = transport
        return self

    async def aclose(self) -> None:
        """Close at once: nothing of ours waits to be sent, and a farewell of TLS would wait for the peer's."""
        self._transport.abort()
        await asyncio.sleep(0)  # the socket itself is closed in the loop's next round

    @property
    def has_news(self) -> bool:
        """Whether an idle connection was closed, or says what nobody asked."""
        return bool(self._received) or self._ended or self._transport.is_closing()

    def get_extra_info(self, info: str) -> Any:
        """Facts by httpcore's names; `is_readable` is its name for `has_news`."""
        if info == "is_readable":
            return self.has_news
        return self._transport.get_extra_info(_FACTS.get(info, info))

    async def _change(self, timeout: float | None, late: type[httpcore.TimeoutException]) -> None:
        self._waiter = self._loop.create_future()
        alarm = None if timeout is None else self._loop.call_later(timeout, self._wake, late())
        try:
            await self._waiter
        finally:
            if alarm is not None:
                alarm.cancel()

    def _wake(self, late: httpcore.TimeoutException | None = None) -> None:
        if self._waiter is None or self._waiter.done():
            return
        if late is None:
            self._waiter.set_result(None)
        else:
            self._waiter.set_exception(late)

    # --- What asyncio calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The beginning; not called again for TLS."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Keep it, and stop for a while when it is not taken."""
        self._received += data
        if not self._held and len(self._received) > HELD_BYTES:
            self._held = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """The peer says no more; the transport then closes itself."""
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, in whatever way."""
        self._ended, self._failure = True, self._failure or exc
        self._wake()

    def pause_writing(self) -> None:
        """The transport has enough to send."""
        self._full = True

    def resume_writing(self) -> None:
        """It has sent that."""
        self._full = False
        self._wake()
