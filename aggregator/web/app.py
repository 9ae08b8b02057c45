"""The public web application: every request is for a document of the published tree, and reads files alone.

Only /healthz asks the store, to look.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from aggregator import languages
from aggregator.config import Config
from aggregator.media import is_text, max_age, types
from aggregator.text import http_url
from aggregator.web import tree
from aggregator.web.answers import METHODS, Answer, Terms, answer, permitted
from aggregator.web.documents import Shelf
from aggregator.web.health import health

_PIECE = 65_536


def app(config: Config, clock: Callable[[], datetime], hooks: Sequence[Route] = ()) -> Starlette:
    """The application that serves the output of a config, and, in the daemon, what WebSub hubs call; `clock` says what
    time it is."""
    root, agreed, shelf = config.output, terms(config), Shelf()

    def document(request: Request) -> Response:  # no coroutine, so Starlette gives each request a thread for its disk
        said: dict[str, list[str]] = {}
        for name, value in request.headers.items():  # there may be thousands, so each is looked at once
            said.setdefault(name, []).append(value)
        asked = {name: ", ".join(values) for name, values in said.items()}
        if request.method == "OPTIONS":
            made = permitted(request.path_params["path"], agreed)
        else:
            made = respond(root, shelf, agreed, request.scope["raw_path"], asked)
        if len(made.body) <= _PIECE:
            return Response(made.body, made.status, made.headers)
        return StreamingResponse(
            _pieces(made.body), made.status, {**made.headers, "Content-Length": str(len(made.body))}
        )

    def healthy(_: Request) -> Response:
        made = health(config.store, clock(), details=False)
        return Response(made.body, made.status, made.headers)

    routes = [*hooks, Route("/healthz", healthy), Route("/{path:path}", document, methods=METHODS)]
    return Starlette(routes=routes)


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """A body piece by piece: no more of it waits in memory for each of those who read slowly."""
    for place in range(0, len(body), _PIECE):
        yield body[place : place + _PIECE]


def terms(config: Config) -> Terms:
    """What the config says of serving."""
    return Terms(
        types=types(config.site.formats),
        base_url=config.site.base_url,
        max_age=max_age(config.pace.interval),
        hubs=tuple(filter(None, map(http_url, config.site.hubs))),
        missing=languages.pages(config.site.language).gettext("There is no such document."),
    )


def respond(root: Path, shelf: Shelf, terms: Terms, raw: bytes, asked: dict[str, str]) -> Answer:
    """The answer to a path as it stands in the request, below the tree's root; a folder is its index.html."""
    names = tree.names(raw)
    if names is None:
        return _missing(terms)
    page = names if names[-1] else (*names[:-1], "index.html")
    text = is_text(terms.media_type(page[-1]))
    real = tree.locate(root, page)
    document = shelf.read(real, text=text) if real else None
    if document:
        return answer(document, quote("/".join(page)), asked, terms)
    if names[-1] and (index := tree.locate(root, (*names, "index.html"))) and Path(index).is_file():
        # relative, so that it holds wherever a proxy has the tree
        return Answer(301, {"Location": f"./{quote(names[-1])}/", "X-Content-Type-Options": "nosniff"})
    return _missing(terms)


def _missing(terms: Terms) -> Answer:
    headers = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
    return Answer(404, headers, f"{terms.missing}\n".encode())
