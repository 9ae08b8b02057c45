"""The sockets under the client: one connection and one request at a time per host, to addresses that are allowed.

An httpx transport over single httpcore connections, without httpcore's pool: politeness wants one connection per host
anyway, and the pool looks at all its connections for every request.
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


@dataclass(frozen=True, slots=True)
class Way:
    """How a request goes: through a proxy (a URL, "" for none), and whether certificates are verified."""

    proxy: str = field(default="", repr=False)
    verify: bool = True


@dataclass
class Line:
    """A turn at a host: what to send on, and how it goes."""

    connection: httpcore.AsyncConnectionInterface | None = None
    way: Way | None = None


@dataclass
class _Host:
    """A host while `users` have business with it; `talking` of them have a turn, the others wait for one."""

    turns: asyncio.Semaphore
    users: int = 0
    talking: int = 0
    idle: list[Line] = field(default_factory=list)


class Transport(httpx.AsyncBaseTransport):
    """Sends requests to hosts whose turn it is, by the `line` and the `way` among their extensions.

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

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send within a `turn`. Raises httpcore's exceptions, and FetchError from the guard."""
        line: Line = request.extensions["line"]
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        outgoing = httpcore.Request(
            request.method, url, headers=request.headers.raw, content=request.content, extensions=request.extensions
        )
        way: Way = request.extensions["way"]
        if line.connection is not None and line.way == way and _is_ready(line.connection, url.origin):
            try:
                return _response(await line.connection.handle_async_request(outgoing))
            except (httpcore.NetworkError, httpcore.RemoteProtocolError):
                pass  # the server closed it between two requests: repeat once on a new one (RFC 9112 §9.3.1)
        await _close(line)
        line.connection, line.way = self._connection(url.origin, way), way
        try:
            return _response(await line.connection.handle_async_request(outgoing))
        except FetchError as error:
            if not way.proxy:
                raise
            raise FetchError(error.kind, f"the proxy: {error.message}") from error

    def _connection(self, origin: httpcore.Origin, way: Way) -> httpcore.AsyncConnectionInterface:
        """A connection that opens with its first request. Raises FetchError for a proxy that cannot be used.

        The guard sees the proxy's own address, and the target's where the URL has one; which addresses names have, and
        whether to contact them, is the proxy's business.
        """
        tls = self._verifying if way.verify else self._unverifying
        if not way.proxy:
            return httpcore.AsyncHTTPConnection(origin, tls, network_backend=self._network)
        host = origin.host.decode("ascii")
        rules.check_addresses(host, origin.port, _literal(host), self._allowed)
        try:
            proxy = httpx.Proxy(way.proxy)
        except (ValueError, httpx.InvalidURL, UnicodeError):
            raise rules.trouble("proxy", "its URL cannot be read") from None  # the cause would show the password
        if proxy.url.scheme not in ("http", "https"):
            raise rules.trouble("proxy", "only http:// and https:// proxies can be used")
        pool = httpcore.AsyncHTTPProxy(  # only a maker of connections here: it knows which kind fits the origin
            httpcore.URL(
                scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path
            ),
            proxy_auth=proxy.raw_auth,
            ssl_context=tls,
            proxy_ssl_context=self._verifying if proxy.url.scheme == "https" else None,
            network_backend=self._network,
        )
        return pool.create_connection(origin)

    @cached_property
    def _verifying(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()  # 20 ms, so once

    @cached_property
    def _unverifying(self) -> ssl.SSLContext:
        return httpx.create_ssl_context(verify=False)

    async def aclose(self) -> None:
        """Close what is still open."""
        for line in [line for host in self._hosts.values() for line in host.idle]:
            await _close(line)
        self._network.close()


class _Body(httpx.AsyncByteStream):
    """The body of an httpcore response, as httpx wants it."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


def _response(response: httpcore.Response) -> httpx.Response:
    return httpx.Response(
        response.status, headers=response.headers, stream=_Body(response), extensions=dict(response.extensions)
    )


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


def _is_ready(connection: httpcore.AsyncConnectionInterface, origin: httpcore.Origin) -> bool:
    return connection.can_handle_request(origin) and connection.is_idle() and not connection.has_expired()


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
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of `host` that answers; `timeout` (seconds) is for all of it together."""
        async with asyncio.timeout(timeout):
            addresses = await self._resolve(host, port)
            rules.check_addresses(host, port, addresses, self._allowed)
            share = timeout and timeout / len(addresses)
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
