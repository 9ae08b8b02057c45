"""The one way to the network, and the one door to httpx: `model.Fetch`, a GET that is bounded, guarded and polite.

    client.open_client      gives the Fetch: redirects, deadline, silence of hosts, errors in words
    transport.Transport     one connection and one request per host, guarded addresses
    wire, proxied, streams  a connection: HTTP/1.1 by h11, through a proxy by httpcore, on asyncio's transports
    rules                   pure and cheap to import: advice, allowed networks, headers, validators, content codings
    watch                   how long a document takes on hosts
    manners, challenges     pure: what a host is owed, and pages that stand in a feed's way
    websub                  tells hubs which of our feeds have changed
    freshness               pure: what cache headers and Retry-After say about time

Nothing is imported here, so that the config can check `allow_networks` by `rules.parse_network` without loading httpx.
httpx, for URLs and TLS, and httpcore, for its exceptions and proxies, are known to this package only.
"""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

# httpx brings a command line, and that click, rich and pygments: three quarters of what importing it costs. It does
# without where that cannot be imported, which is what None says.
sys.modules.setdefault("httpx._main", cast("ModuleType", None))


def loop_factory() -> "Callable[[], AbstractEventLoop] | None":
    """What makes the event loop of a run, for asyncio.Runner: uvloop where installed, or None for asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], AbstractEventLoop] = uvloop.new_event_loop
    return factory
