"""The way to the network for as long as something has to be asked."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from aggregator.config import Config
from aggregator.model import Document, Fetch, HostState, Limits, Validators


@asynccontextmanager
async def network(
    config: Config, hosts: Mapping[str, HostState], now: datetime, *, remote: bool
) -> AsyncIterator[tuple[Fetch, Callable[[], Mapping[str, HostState]], Callable[[], None]]]:
    """The client; what it has learned of hosts since that was last asked; and what has it begin no request any more.

    `hosts` is what earlier runs learned.

    A run over local posts (not `remote`) neither loads nor opens it. `now` may have microseconds.
    """
    if remote:
        from aggregator.fetching.client import open_client

        async with open_client(
            config.site.contact,
            config.fetch.allow_networks,
            config.fetch.concurrency,
            hosts=hosts,
            now=now,
            spacing=config.fetch.spacing,
            pace=config.pace,
            host_rules=config.hosts,
        ) as client:
            yield client, client.news, client.hush
    else:
        yield _no_network, dict, lambda: None


async def _no_network(url: str, known: Validators, limits: Limits) -> Document:
    raise AssertionError(f"{url}: a source of a kind that is not REMOTE asked the network")
