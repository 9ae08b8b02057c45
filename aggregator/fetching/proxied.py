"""Connections through a proxy, as httpcore makes them; they are used as a `wire.Wire` is."""

from collections.abc import AsyncIterator
from ssl import SSLContext

import httpcore
import httpx

from aggregator.fetching import rules
from aggregator.fetching.wire import Answer, Request


class Proxied:
    """A connection that opens with its first request."""

    def __init__(self, connection: httpcore.AsyncConnectionInterface) -> None:
        self._connection = connection

    def is_ready(self, request: Request) -> bool:
        """Whether it can be used again for this."""
        connection = self._connection
        return (
            connection.can_handle_request(_url(request).origin)
            and connection.is_idle()
            and not connection.has_expired()
        )

    async def ask(self, request: Request) -> Answer:
        """Send, and wait for the head of the answer. Raises httpcore's exceptions, and FetchError from the guard."""
        timeout = {"connect": request.connect, **dict.fromkeys(("read", "write", "pool"), request.silence)}
        outgoing = httpcore.Request(
            request.method,
            _url(request),
            headers=list(request.headers),
            content=request.content,
            extensions={"timeout": timeout},
        )
        response = await self._connection.handle_async_request(outgoing)

        async def body() -> AsyncIterator[bytes]:
            async for chunk in response.aiter_stream():
                yield chunk

        return Answer(request.url, response.status, response.headers, body(), response.aclose)

    async def aclose(self) -> None:
        """Close it."""
        await self._connection.aclose()


def open_proxied(
    request: Request, tls: SSLContext, proxy_tls: SSLContext, network: httpcore.AsyncNetworkBackend
) -> Proxied:
    """A connection for a request whose way is through a proxy. Raises FetchError for one that cannot be used."""
    try:
        proxy = httpx.Proxy(request.way.proxy)
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
        proxy_ssl_context=proxy_tls if proxy.url.scheme == "https" else None,
        network_backend=network,
    )
    return Proxied(pool.create_connection(_url(request).origin))


def _url(request: Request) -> httpcore.URL:
    url = request.url
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
