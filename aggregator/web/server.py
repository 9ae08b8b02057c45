"""The web server: listens, serves, and ends within seconds when it is told to."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.routing import Route

from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.values import address
from aggregator.web.app import app

_PATIENCE = 3
"""Seconds that are left to those who are still reading when it ends."""


def listen(where: str) -> socket.socket:
    """A socket that listens at `host:port`; port 0 is any that is free. Raises ValueError and AggregatorError."""
    host, port = address(where)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]
        raise AggregatorError(f"{where}: cannot listen ({why}); free it, or choose another with --listen") from error


def url(listening: socket.socket) -> str:
    """Where a socket can be reached."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(config: Config, listening: socket.socket, *, log: bool) -> None:
    """Serve what the config publishes until SIGINT or SIGTERM, which are raised again then; `log` requests or not."""
    _server(config, log).run(sockets=[listening])


@contextmanager
def serving(config: Config, listening: socket.socket, *, log: bool, hooks: Sequence[Route] = ()) -> Iterator[None]:
    """The same in a thread of its own, with its own event loop, for as long as the block runs; signals are not its.

    `hooks` are what WebSub hubs call.
    """
    server = _server(config, log, hooks)
    thread = threading.Thread(target=server.run, args=([listening],), name="web", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_PATIENCE + 1)


def _server(config: Config, log: bool, hooks: Sequence[Route] = ()) -> uvicorn.Server:
    settings = uvicorn.Config(
        app(config, hooks),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=log,
        proxy_headers=False,  # they are of use for nothing but the log, and anyone can send them
        server_header=False,
        limit_concurrency=500,  # more get a 503 rather than all the descriptors that the files need
        timeout_graceful_shutdown=_PATIENCE,
    )
    return uvicorn.Server(settings)
