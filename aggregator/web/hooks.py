"""What WebSub hubs call: to ask whether a subscription was meant (W3C WebSub §5.3), and to deliver (§7).

The store is only read here; what follows is told to the daemon.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from aggregator import hubs
from aggregator.config import Config
from aggregator.store.engine import open_store, reading
from aggregator.store.hubs import by_token
from aggregator.text import masked, one_line

_PLACES = 8  # deliveries that are read at a time, as each may be as large as a document; one of each subscription
_SECONDS = 30.0
_CHALLENGE = 4096


@contextmanager
def opened(config: Config, tell: hubs.Tell) -> Iterator[list[Route]]:
    """The hooks of a config, while the block runs; there are none without a `public_url`."""
    if not config.web.public_url:
        yield []
        return
    engine = open_store(config.store)
    try:
        yield routes(engine, tell, config.fetch.max_bytes)
    finally:
        engine.dispose()


def routes(engine: Engine, tell: hubs.Tell, max_bytes: int) -> list[Route]:
    """What answers below `/_/websub/`; no delivery is larger than `max_bytes`."""
    busy: set[str] = set()

    def find(token: str) -> hubs.Subscription | None:
        with reading(engine) as db:
            return by_token(db, token)

    async def hook(request: Request) -> Response:
        token = request.path_params["token"]
        if request.method == "HEAD":  # which Starlette takes for a GET, but a hub gets its challenge from no HEAD
            return _answer(405, "")
        held = await run_in_threadpool(find, token) if token.isascii() else None
        if request.method == "GET":
            return _verified(held, request, tell) if held else _answer(404, "There is no such subscription.")
        if held is None or held.state == "leaving":
            return _answer(410, "There is no such subscription any more.")
        if token in busy or len(busy) >= _PLACES:
            return _later()
        busy.add(token)
        try:
            return await _delivered(held, request, tell, max_bytes)
        finally:
            busy.remove(token)

    return [Route("/_/websub/{token}", hook, methods=["GET", "POST"])]


def _verified(held: hubs.Subscription, request: Request, tell: hubs.Tell) -> Response:
    """Yes, with the challenge, to what we asked for; 404 is no to all else. A refusal needs no yes."""
    said = {name: request.query_params.get(f"hub.{name}", "") for name in ("mode", "topic", "challenge", "reason")}
    if said["mode"] == "denied" and said["topic"] == held.topic:
        event: hubs.Event = hubs.Denied(held.token, masked(one_line(said["reason"], 200)))
        return _answer(200, "") if tell(event) else _later()
    lease = hubs.lease(request.query_params.get("hub.lease_seconds", ""))
    is_meant = hubs.expects(held, said["mode"], said["topic"]) and 0 < len(said["challenge"]) <= _CHALLENGE
    if not is_meant or (said["mode"] == "subscribe" and lease is None):
        return _answer(404, "That was not asked for.")
    event = hubs.Confirmed(held.token, lease if said["mode"] == "subscribe" else None)
    return _answer(200, said["challenge"]) if tell(event) else _later()


async def _delivered(held: hubs.Subscription, request: Request, tell: hubs.Tell, max_bytes: int) -> Response:
    """202, whether it is signed as it should be or not: who forges it learns nothing (§8)."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        return _answer(415, "Send it as it is.")  # the signature may be of either form
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > max_bytes:
        return _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    return _too_large()
    except TimeoutError:
        return _answer(408, "It took too long.", close=True)
    except ClientDisconnect:
        return _answer(400, "")
    is_right = hubs.is_signed(held.secret, bytes(body), request.headers.get("x-hub-signature", ""))
    content_type = request.headers.get("content-type", "")
    event = hubs.Delivered(held.token, bytes(body), content_type) if is_right else hubs.Ignored(held.token)
    return _answer(202, "") if tell(event) else _later()


def _too_large() -> Response:
    return _answer(413, "That is too large.", close=True)


def _later() -> Response:
    response = _answer(503, "Too much at once.", close=True)
    response.headers["Retry-After"] = "60"
    return response


def _answer(status: int, words: str, *, close: bool = False) -> Response:
    """Plain text that no browser takes for anything else; `close` where a body may be left unread."""
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return PlainTextResponse(words, status, headers | ({"Connection": "close"} if close else {}))
