"""Tell WebSub hubs which feeds have changed, so that their subscribers need not ask (W3C WebSub, "Publishing")."""

import asyncio
from collections.abc import Sequence
from urllib.parse import urlencode

import httpcore
import httpx

from aggregator.errors import FetchError
from aggregator.fetching import rules
from aggregator.fetching.transport import Transport, Way, host_name
from aggregator.text import masked, one_line

_SECONDS = 10.0
_AT_ONCE = 4


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
    async with Transport(allowed, _AT_ONCE) as transport:
        said = await asyncio.gather(*(_post(transport, hub, body, contact) for hub in hubs))
    return tuple(f"hub {masked(hub)}: {why}" for hub, why in zip(hubs, said, strict=True) if why)


async def _post(transport: Transport, hub: str, body: bytes, contact: str) -> str:
    """Why the hub did not take it, or "". Any 2xx is a yes."""
    timeout = httpx.Timeout(_SECONDS).as_dict()
    headers = {"User-Agent": rules.user_agent(contact), "Content-Type": "application/x-www-form-urlencoded"}
    try:
        url = httpx.URL(hub)
        request = httpx.Request("POST", url, headers=headers, content=body)
        async with asyncio.timeout(_SECONDS), transport.turn(host_name(url)) as line:
            request.extensions |= {"timeout": timeout, "way": Way(), "line": line}
            response = await transport.handle_async_request(request)
            await response.aclose()
    except FetchError as error:
        return str(error)
    except (TimeoutError, httpcore.TimeoutException):
        return "no answer in time"
    except (httpcore.NetworkError, httpcore.ProtocolError, httpx.InvalidURL, OSError, UnicodeError) as error:
        return one_line(error) or "the connection broke"
    return "" if response.is_success else f"HTTP {response.status_code}"
