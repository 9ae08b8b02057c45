"""The web server: listens, serves, and ends within seconds when it is told to.

There are two listeners: one for the published tree, and one for the dashboard, with limits and a thread of its own, so
that a crowd of readers does not shut its owner out.
"""

import logging
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from gettext import gettext as _
from threading import Thread

import uvicorn
from starlette.routing import Route
from starlette.types import ASGIApp

from aggregator import languages
from aggregator.config import Config
from aggregator.config import web as webs
from aggregator.errors import AggregatorError, ConfigError
from aggregator.failures import failures
from aggregator.values import address
from aggregator.web import app, dashboard
from aggregator.web.gate import Gate
from aggregator.web.protocol import READERS, Protocol

_PATIENCE = 3
"""Seconds that are left to those who are still reading when it ends."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """The sockets that listen: for the public, and for the owner, where the config wants that."""

    public: socket.socket
    dashboard: socket.socket | None = None


def listen(config: Config, instead: str = "") -> Listeners:
    """The listeners of a config, the public one `instead` elsewhere; port 0 is any that is free.

    Raises ConfigError and AggregatorError.
    """
    __ = config.output  # it serves a folder alone
    try:
        public = _listen(instead or config.web.listen, "--listen")
    except ValueError as error:
        raise ConfigError(_("{name}: {why}").format(name="--listen", why=error)) from None
    if not config.web.dashboard:
        return Listeners(public)
    try:
        return Listeners(public, _listen(config.web.dashboard, _("`dashboard` of [web]")))
    except BaseException:
        public.close()
        raise


def _listen(where: str, key: str) -> socket.socket:
    host, port = address(where)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        why = _(str(error.strerror).partition(" (while")[0])
        raise AggregatorError(
            _("{where}: cannot listen ({why}); free it, or choose another with {key}").format(
                where=where, why=why, key=key
            )
        ) from error


def url(listening: socket.socket) -> str:
    """Where a socket can be reached."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(config: Config, ears: Listeners, clock: Callable[[], datetime], *, log: bool) -> None:
    """Serve what the config publishes until SIGINT or SIGTERM, which are raised again then; `log` requests or not.

    `clock` says what time it is. Raises ConfigError when the token is not in its place.
    """
    with _dashboard(config, ears, clock, log=log):
        languages.speak_english()  # from here on it logs
        _server(app.app(config, clock), log=log).run(sockets=[ears.public])


@contextmanager
def serving(
    config: Config, ears: Listeners, clock: Callable[[], datetime], *, log: bool, hooks: Sequence[Route] = ()
) -> Iterator[None]:
    """The same in threads, each with its own event loop, for as long as the block runs; signals are not theirs.

    `hooks` are what WebSub hubs call.
    """
    with _dashboard(config, ears, clock, log=log), _thread(app.app(config, clock, hooks), ears.public, log=log):
        yield


@contextmanager
def _dashboard(config: Config, ears: Listeners, clock: Callable[[], datetime], *, log: bool) -> Iterator[None]:
    if ears.dashboard is None:
        yield
        return
    try:
        gate = Gate(ears.dashboard.getsockname()[1], webs.token(config.web, config.root))
    except ValueError as error:
        raise ConfigError(f"{config.file}: web.token: {error}") from error
    with _thread(dashboard.app(config, gate, clock, failures), ears.dashboard, log=log):
        yield


@contextmanager
def _thread(served: ASGIApp, listening: socket.socket, *, log: bool) -> Iterator[None]:
    server = _server(served, log=log)
    thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name="web", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_PATIENCE + 1)


_TOKEN = re.compile(r"(?<=[?&;]token=)[^&;\s]+", re.IGNORECASE)


def _without_token(record: logging.LogRecord) -> bool:
    """A line of the access log loses the dashboard's token, which people send to the public listener, too."""
    record.msg, record.args = _TOKEN.sub("***", record.getMessage()), None
    return True


def _server(served: ASGIApp, *, log: bool) -> uvicorn.Server:
    logging.getLogger("uvicorn.access").addFilter(_without_token)
    settings = uvicorn.Config(
        served,
        http=Protocol,
        backlog=100,  # as many are accepted at once, each with a descriptor
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=log,  # for all servers of a process, or for none: the last one decides
        proxy_headers=False,  # they are of use for nothing but the log, and anyone can send them
        server_header=False,
        limit_concurrency=READERS,
        timeout_graceful_shutdown=_PATIENCE,
    )
    return uvicorn.Server(settings)
