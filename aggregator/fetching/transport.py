"""The sockets under the client: one connection and one request at a time per host, to addresses that are allowed.

Single connections of our own, through a proxy httpcore's, without a pool: politeness wants one connection per host
anyway.
"""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from urllib.parse import unquote

import httpcore
import httpx

from aggregator.errors import FetchError
from aggregator.fetching import rules, streams
from aggregator.fetching.proxied import Proxied, open_proxied
from aggregator.fetching.wire import Answer, Request, Way, Wire, port


@dataclass
class Line:
    """A turn at a host: what to send on, and how it goes."""

    connection: Wire | Proxied | None = None
    way: Way | None = None


@dataclass
class _Host:
    """A host while `users` have business with it; `talking` of them have a turn, the others wait for one."""

    turns: asyncio.Semaphore
    users: int = 0
    talking: int = 0
    idle: list[Line] = field(default_factory=list)


class Transport:
    """Sends requests to hosts whose turn it is.

    Who has a turn takes one of the `places` to send: their number, `concurrency`, is how many requests are under way.
    """

    def __init__(self, allowed: tuple[rules.AllowedNetwork, ...], concurrency: int) -> None:
        self._allowed = allowed
        self._network = GuardedNetwork(allowed, concurrency)
        self._hosts: dict[str, _Host] = {}
        self.places = asyncio.Semaphore(concurrency)

    @asynccontextmanager
    async def turn(self, name: str, at_once: int = 1) -> AsyncIterator[Line]:
        """Wait until fewer than `at_once` others talk to the host; while it is held, send to that host on the line.

        A place is taken after it, never before: who waits for a busy host must not keep one from another host. The
        connection stays open from one turn to the next and is closed when nobody waits for it.
        """
        host = self._hosts.setdefault(name, _Host(asyncio.Semaphore(at_once)))
        host.users += 1
        try:
            async with host.turns:
                line = host.idle.pop() if host.idle else Line()
                host.talking += 1
                try:
                    yield line
                finally:
                    host.talking -= 1
                    host.idle.append(line)
                    while len(host.idle) > host.users - 1 - host.talking:
                        await _close(host.idle.pop())
        finally:
            host.users -= 1
            if not host.users:
                del self._hosts[name]
                for line in host.idle:  # left for one who then gave up
                    await _close(line)

    async def ask(self, line: Line, request: Request) -> Answer:
        """Send on the line of a `turn`. Raises httpcore's exceptions, and FetchError from the guard."""
        way = request.way
        if line.connection is not None and line.way == way and line.connection.is_ready(request):
            try:
                return await line.connection.ask(request)
            except (httpcore.NetworkError, httpcore.RemoteProtocolError):
                pass  # the server closed it between two requests: repeat once on a new one (RFC 9112 §9.3.1)
        await _close(line)
        line.connection, line.way = self._connection(request) if way.proxy else Wire(self._connect), way
        try:
            return await line.connection.ask(request)
        except FetchError as error:
            if not way.proxy:
                raise
            raise FetchError(error.kind, f"the proxy: {error.message}") from error

    async def _connect(self, request: Request) -> streams.Stream:
        """A stream to where a request goes, within TLS if its URL says so."""
        host = request.url.raw_host.decode("ascii")
        stream = await self._network.connect_tcp(host, port(request.url), request.connect)
        return (
            await stream.start_tls(self._tls(request), host, request.connect)
            if request.url.scheme == "https"
            else stream
        )

    def _connection(self, request: Request) -> Proxied:
        """A connection through a proxy, which opens with its first request.

        The guard sees the proxy's own address, and the target's where the URL has one; which addresses names have, and
        whether to contact them, is the proxy's business.
        """
        host = request.url.raw_host.decode("ascii")
        rules.check_addresses(host, port(request.url), _literal(host), self._allowed)
        return open_proxied(request, self._tls(request), self._verifying, self._network)

    def _tls(self, request: Request) -> ssl.SSLContext:
        return self._verifying if request.way.verify else self._unverifying

    @cached_property
    def _verifying(self) -> ssl.SSLContext:
        return _http(httpx.create_ssl_context())  # 20 ms, so once

    @cached_property
    def _unverifying(self) -> ssl.SSLContext:
        return _http(httpx.create_ssl_context(verify=False))

    async def aclose(self) -> None:
        """Close what is still open."""
        for line in [line for host in self._hosts.values() for line in host.idle]:
            await _close(line)
        self._network.close()


def _http(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_alpn_protocols(["http/1.1"])
    return context


def host_name(url: httpx.URL) -> str:
    """The name that a host is known by: ASCII, lower case, whatever the port."""
    return url.raw_host.decode("ascii").rstrip(".")


def _literal(host: str) -> list[str]:
    """The address that a host is without any resolver, if it is: also in the spellings that inet_aton(3) takes, such as
    `127.1` and `0x7f000001`; `localhost` and all names below it are loopback (RFC 6761 §6.3)."""
    name = unquote(host).lower().rstrip(".").strip("[]")
    if name == "localhost" or name.endswith(".localhost"):
        return ["127.0.0.1"]
    with contextlib.suppress(ValueError):
        return [str(ip_address(name))]
    with contextlib.suppress(OSError, UnicodeError):
        return [socket.inet_ntoa(socket.inet_aton(name))]
    return []


async def _close(line: Line) -> None:
    if line.connection is not None:
        await line.connection.aclose()
        line.connection = None


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Resolves a name once, checks every address, and connects to the checked address itself.

    Every connection comes through here, so redirects and names that change between check and use (DNS rebinding) are
    covered; TLS still verifies the name, because httpcore hands it to the handshake on its own.
    """

    def __init__(self, allowed: tuple[rules.AllowedNetwork, ...], concurrency: int) -> None:
        self._allowed = allowed
        # Not asyncio's default executor: a few names whose servers are silent would fill it and hold up all others.
        self._resolvers = ThreadPoolExecutor(concurrency, "dns")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> streams.Stream:
        """Connect to the first address of `host` that answers; `timeout` (seconds) is for all of it together."""
        async with asyncio.timeout(timeout):
            addresses = await self._resolve(host, port)
            rules.check_addresses(host, port, addresses, self._allowed)
            share = timeout / len(addresses) if timeout and len(addresses) > 1 else None
            for address in addresses:
                try:
                    return await streams.connect(address, port, share)
                except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                    failure = error
        if isinstance(failure, httpcore.ConnectTimeout):
            raise failure
        raise rules.trouble("refused", f"no connection to {' or '.join(addresses)} ({_reason(failure)})") from failure

    async def _resolve(self, host: str, port: int) -> list[str]:
        with contextlib.suppress(ValueError):
            return [str(ip_address(host))]  # no thread for what needs no question
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._resolvers, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except socket.gaierror as error:
            raise rules.trouble("dns", f"{host} cannot be found ({error.strerror})") from error
        except UnicodeError as error:  # an empty label, or one over 63 characters
            raise rules.trouble("dns", f"{host} is no host name") from error
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    def close(self) -> None:
        """Let go of the resolver's threads without waiting for them."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)


def _reason(error: BaseException) -> str:
    """What the operating system said, below the layers that only say that all attempts failed."""
    while error.__cause__ is not None:
        error = error.__cause__
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
