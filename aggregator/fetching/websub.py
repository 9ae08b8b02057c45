"""What hubs are told: which of our feeds have changed, and which feeds of others we want to be told of (W3C WebSub)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from urllib.parse import urlencode

import httpcore
import httpx

from aggregator.errors import FetchError
from aggregator.fetching import rules
from aggregator.fetching.transport import Transport, host_name
from aggregator.fetching.wire import Answer, Request
from aggregator.text import masked, one_line

_SECONDS = 10.0
_AT_ONCE = 4
_REDIRECTS = 3
_SAID = 500  # bytes of what a hub says when it refuses


@dataclass(frozen=True, slots=True)
class Wish:
    """A subscription to ask for, or (`unsubscribe`) to end: hub.topic, hub.callback, hub.secret, and for how long."""

    mode: Literal["subscribe", "unsubscribe"]
    hub: str = field(repr=False)
    topic: str = field(repr=False)
    callback: str = field(repr=False)
    secret: str = field(repr=False)
    lease: timedelta


async def ping(
    hubs: Sequence[str], topics: Sequence[str], contact: str, allow_networks: tuple[str, ...]
) -> tuple[str, ...]:
    """Tell each hub, in one request, the URLs of the feeds that changed; return a line for each hub that failed.

    The parameters are those of the PubSubHubbub 0.4 publishing request, which WebSub hubs take: `hub.mode=publish` and
    a `hub.url` a topic (and `hub.topic`, as some want it). Redirects are not followed; addresses are guarded as ever.
    """
    allowed = tuple(map(rules.parse_network, allow_networks))
    pairs = [("hub.mode", "publish"), *((key, topic) for topic in topics for key in ("hub.url", "hub.topic"))]
    body = urlencode(pairs).encode()
    async with aclosing(Transport(allowed, _AT_ONCE)) as transport:
        said = await asyncio.gather(*(_post(transport, hub, body, contact) for hub in hubs))
    return tuple(f"hub {masked(hub)}: {why}" for hub, why in zip(hubs, said, strict=True) if why)


@asynccontextmanager
async def open_asker(contact: str, allow_networks: tuple[str, ...]) -> AsyncIterator[Callable[[Wish], Awaitable[str]]]:
    """What sends a wish to its hub and returns why the hub did not take it, or "" (W3C WebSub §5.1), while it is open.

    That it took it says little: it will ask the callback whether we meant it. A hub may send us on by 307 or 308; every
    address on the way is guarded, and none leads from https to http, as the secret is on its way with it.
    """
    async with aclosing(Transport(tuple(map(rules.parse_network, allow_networks)), _AT_ONCE)) as transport:

        async def ask(wish: Wish) -> str:
            pairs = {"hub.mode": wish.mode, "hub.topic": wish.topic, "hub.callback": wish.callback}
            if wish.mode == "subscribe":
                pairs |= {"hub.secret": wish.secret, "hub.lease_seconds": str(int(wish.lease.total_seconds()))}
            return await _post(transport, wish.hub, urlencode(pairs).encode(), contact, _REDIRECTS)

        yield ask


async def _post(transport: Transport, hub: str, body: bytes, contact: str, redirects: int = 0) -> str:
    """Why the hub did not take it, or "". Any 2xx is a yes. All of it takes some seconds at most."""
    try:
        async with asyncio.timeout(_SECONDS):
            url = httpx.URL(hub)
            while True:
                answer, why = await _send(transport, url, body, contact)
                there = _leads_on(answer)
                if there is None or not redirects:
                    return why
                url, redirects = there, redirects - 1
    except FetchError as error:
        return str(error)
    except (TimeoutError, httpcore.TimeoutException):
        return "no answer in time"
    except (httpcore.NetworkError, httpcore.ProtocolError, httpx.InvalidURL, OSError, UnicodeError) as error:
        return one_line(error) or "the connection broke"


async def _send(transport: Transport, url: httpx.URL, body: bytes, contact: str) -> tuple[Answer, str]:
    """One request: the answer, and in words why it is no yes; a hub may say so in plain text (§5.1.2)."""
    headers = (
        (b"Host", url.netloc),
        (b"User-Agent", rules.user_agent(contact).encode()),
        (b"Content-Type", b"application/x-www-form-urlencoded"),
        (b"Content-Length", b"%d" % len(body)),
    )
    request = Request(url, headers, _SECONDS, _SECONDS, method="POST", content=body)
    async with transport.turn(host_name(url)) as line:
        answer = await transport.ask(line, request)
        try:
            if 200 <= answer.status < 300:
                return answer, ""
            said = b""
            if answer.headers.get("content-type", "").startswith("text/plain"):
                async for chunk in answer.body:
                    said += chunk
                    if len(said) >= _SAID:
                        break
            words = masked(one_line(said[:_SAID].decode(errors="replace"), 200))
            return answer, f"HTTP {answer.status}" + (f" ({words})" if words else "")
        finally:
            await answer.close()


def _leads_on(answer: Answer) -> httpx.URL | None:
    """Where a hub sends on what was sent to it. Raises httpx.InvalidURL."""
    if answer.status not in (307, 308) or "location" not in answer.headers:
        return None
    there = answer.url.join(answer.headers["location"])
    is_safe = there.scheme == "https" or (there.scheme == "http" and answer.url.scheme == "http")
    return there if is_safe and there.raw_host else None
