"""The dashboard's application: for the owner alone, at a listener of its own. It looks at the store, no more."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlencode

from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.store.engine import is_there, looking
from aggregator.web import gate, metrics, pages
from aggregator.web.gate import Gate
from aggregator.web.health import health

_ASSETS = {"style.css": "text/css", "favicon.svg": "image/svg+xml"}
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LONGEST = 30 * 24 * 3600  # seconds that a browser keeps the cookie


def app(
    config: Config,
    door: Gate,
    clock: Callable[[], datetime],
    failures: Callable[[Connection, Config, str], bytes] | None = None,
) -> ASGIApp:
    """The application that shows the store of a config to whom the gate lets in; `clock` says what time it is.

    `failures` makes the feed of failures of a store, a config and its URL ("" for unknown).
    """

    def shown(page: Callable[[Connection, datetime], str | None]) -> Response:
        now = clock()
        try:
            if not is_there(config.store):
                return _html(pages.apology(config, now, ""))
            with looking(config.store) as db:
                made = page(db, now)
        except (AggregatorError, OSError) as error:
            return _html(pages.apology(config, now, str(error)), 503)
        return _html(made) if made is not None else _missing(config, now)

    def overview(request: Request) -> Response:
        start = request.query_params.get("from", "")
        number = int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 0
        return shown(lambda db, now: pages.overview(db, config, now, number))

    def source(request: Request) -> Response:
        said = request.path_params["number"]
        number = int(said) if said.isascii() and said.isdigit() and len(said) < 19 else -1  # what the store can ask for
        return shown(lambda db, now: pages.source(db, config, now, number))

    def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _ASSETS:
            return _missing(config, clock())
        return Response(pages.asset(name), media_type=_ASSETS[name])

    def broken(_: Request) -> Response:
        try:
            with looking(config.store) as db:
                found = failures(db, config, "") if failures else b""
        except (AggregatorError, OSError) as error:
            return PlainTextResponse(f"{error}\n", 503)
        return Response(found, media_type="application/atom+xml")

    def measured(_: Request) -> Response:
        try:
            if not is_there(config.store):
                return Response(metrics.nothing(), media_type=metrics.MEDIA_TYPE)
            with looking(config.store) as db:
                found = metrics.metrics(db, clock())
        except (AggregatorError, OSError) as error:
            return PlainTextResponse(f"{error}\n", 503)
        return Response(found, media_type=metrics.MEDIA_TYPE)

    def healthy(_: Request) -> Response:
        made = health(config.store, clock(), details=True)
        return Response(made.body, made.status, made.headers)

    def home(request: Request) -> Response:
        return Response(status_code=307, headers={"Location": "./" if request.url.path == "/_/" else "./_/"})

    routes = [
        Route("/", home),
        Route("/_", home),
        Route("/_/", overview),
        Route("/_/source/{number}", source),
        *([Route("/_/failures.xml", broken)] if failures else []),
        Route("/_/{name}", asset),
        Route("/metrics", measured),
        Route("/healthz", healthy),
    ]
    made = Starlette(routes=routes)
    made.router.redirect_slashes = False
    return _guarded(made, door)


def _guarded(inner: ASGIApp, door: Gate) -> ASGIApp:
    """An application behind a gate. A token in the query is turned into a cookie at once, and is gone from the URL."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        asked = dict(Headers(scope=scope).items())
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        shown = next((value for name, value in query if name == "token"), "")
        query = [pair for pair in query if pair[0] != "token"]
        refused = gate.refusal(door, asked)
        answer: ASGIApp = inner
        if shown and gate.fits(door, shown):
            answer = _led_on(scope["path"], query, gate.proof(door))
        elif refused:
            challenge = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else {}
            answer = PlainTextResponse(f"{refused.why}\n", refused.status, challenge)
        await answer(scope, receive, dressed)

    return guarded


def _led_on(path: str, query: list[tuple[str, str]], proof: str) -> Response:
    """To the same page without the token; relative, as a proxy may have us anywhere."""
    where = "./" + quote(path.rpartition("/")[2]) + (f"?{urlencode(query)}" if query else "")
    answer = Response(status_code=303, headers={"Location": where})
    answer.set_cookie(gate.COOKIE, proof, max_age=_LONGEST, path="/", httponly=True, samesite="strict")
    return answer


def _html(page: str, status: int = 200) -> Response:
    return Response(page, status, media_type="text/html")


def _missing(config: Config, now: datetime) -> Response:
    return PlainTextResponse("There is no such page.\n", 404)
