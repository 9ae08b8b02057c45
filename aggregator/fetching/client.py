"""The polite HTTP client: a conditional GET with its own redirects, one deadline, bounded bodies, errors in words."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpcore
import httpx

from aggregator.errors import FetchError
from aggregator.fetching import rules
from aggregator.fetching.transport import Transport
from aggregator.model import Document, Fetch, Limits, Validators
from aggregator.text import one_line

MAX_REDIRECTS = 5
CONNECT_SECONDS = 10.0


@asynccontextmanager
async def open_client(contact: str, allow_networks: tuple[str, ...], concurrency: int = 50) -> AsyncIterator[Fetch]:
    """The way to the network, while it is open. `contact` (URL or e-mail) goes into User-Agent, `allow_networks` are
    private networks that may be contacted (`rules.parse_network`), `concurrency` is how many hosts are asked at once.

    Raises ValueError for an entry of `allow_networks` that cannot be read.
    """
    allowed = tuple(map(rules.parse_network, allow_networks))
    transport = Transport(allowed, httpx.create_ssl_context(), concurrency)
    async with httpx.AsyncClient(
        transport=transport,
        headers={
            "User-Agent": rules.user_agent(contact),
            "Accept": rules.ACCEPT,
            "Accept-Encoding": "gzip, deflate",
        },
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # httpx keeps a jar; this one takes nothing in
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        trust_env=False,  # a proxy of the environment would do the connecting, past our guard
    ) as client:

        async def fetch(url: str, known: Validators, limits: Limits) -> Document:
            """See `model.Fetch`."""
            return await _visit(client, transport, url, known, limits)

        yield fetch


async def _visit(
    client: httpx.AsyncClient, transport: Transport, url: str, known: Validators, limits: Limits
) -> Document:
    """Ask `url`, and then where it redirects to (RFC 9110 §15.4), until there is a document.

    Validators go with every hop: they belong to the document at the end, and a redirect ignores them (§13.2.1). The
    deadline is the sum of the time spent on hosts; waiting for our own turn does not count.
    """
    request = _first_request(client, url, known)
    left = limits.timeout.total_seconds()
    visited: set[str] = set()
    while True:
        here = str(request.url)
        place = here if not visited else f"{here} (redirected from {rules.shown(url)})"
        with _in_words(place):
            _may_visit(request.url, visited)
            visited.add(here)
            async with transport.turn(request.url):
                started = asyncio.get_running_loop().time()
                async with asyncio.timeout(left):
                    response, raw = await _ask(client, request, limits.max_bytes)
                left -= asyncio.get_running_loop().time() - started
            if response.next_request is None:
                return _document(url, known, limits, response, raw)
            request = response.next_request
            request.url = _bare(request.url)


def _first_request(client: httpx.AsyncClient, url: str, known: Validators) -> httpx.Request:
    try:
        target = httpx.URL(url)
        request = client.build_request("GET", _bare(target), headers=rules.conditions(known))
        if target.userinfo:
            # As a header, because httpx keeps headers to their origin; a URL's user would show up in messages.
            next(httpx.BasicAuth(target.username, target.password).auth_flow(request))
    except (httpx.InvalidURL, UnicodeError) as error:
        # Nobody knows where in it a password ends, so all up to the last @ is masked, and httpx's quotes are left out.
        masked = one_line(re.sub("//.*@", "//***@", url, flags=re.DOTALL))
        raise FetchError("bad url", f"{masked}: it cannot be read; encode spaces and the like with %") from error
    if problem := _problem(request.url):
        raise FetchError("bad url", f"{rules.shown(url)}: {problem}")
    return request


def _bare(url: httpx.URL) -> httpx.URL:
    return url.copy_with(userinfo=b"", fragment=None)


def _problem(url: httpx.URL) -> str:
    if url.scheme not in ("http", "https"):
        return "only http:// and https:// can be fetched"
    if not url.raw_host:
        return "it names no host"
    return "" if url.port is None or 1 <= url.port <= 65535 else "ports are 1 to 65535"


def _may_visit(url: httpx.URL, visited: set[str]) -> None:
    if visited and (problem := _problem(url)):
        raise FetchError("bad redirect", problem)
    if str(url) in visited or len(visited) > MAX_REDIRECTS:
        raise FetchError("redirect loop", f"no document after {len(visited)} redirects")


async def _ask(client: httpx.AsyncClient, request: httpx.Request, limit: int) -> tuple[httpx.Response, bytes]:
    """One request. The body is read, as it is on the wire, only when it is a document."""
    response = await client.send(request, stream=True)
    try:
        return response, await _read(response, limit) if response.status_code == httpx.codes.OK else b""
    finally:
        await response.aclose()


async def _read(response: httpx.Response, limit: int) -> bytes:
    rules.content_coding(response.headers.get("content-encoding", ""))
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise rules.too_large(limit)
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise rules.too_large(limit)
    return bytes(body)


def _document(url: str, known: Validators, limits: Limits, response: httpx.Response, raw: bytes) -> Document:
    sent = response.headers.raw
    headers = rules.header_map(sent)
    final = str(response.url)
    if response.status_code == httpx.codes.NOT_MODIFIED and rules.conditions(known):
        return Document(url, final, b"", True, headers, rules.refreshed(known, sent))
    if response.status_code != httpx.codes.OK:
        if response.status_code in (301, 302, 303, 307, 308):
            raise FetchError("bad redirect", f"HTTP {response.status_code} without an address")
        raise rules.status_trouble(response.status_code)
    coding = rules.content_coding(headers.get("content-encoding", ""))
    return Document(url, final, rules.decode(raw, coding, limits.max_bytes), False, headers, rules.validators(sent))


@contextmanager
def _in_words(place: str) -> Iterator[None]:
    """Whatever the world does becomes a FetchError that begins with the URL; a bug passes."""
    try:
        yield
    except FetchError as error:
        raise FetchError(error.kind, f"{place}: {error.message}") from error
    except (TimeoutError, httpcore.TimeoutException) as error:
        raise FetchError(
            "timeout", f"{place}: no complete answer in time; if it is only slow, raise timeout"
        ) from error
    # httpx builds the next request even when it is not to follow; our own URL is valid, so it is Location that is not.
    except (httpx.InvalidURL, httpx.RemoteProtocolError, UnicodeError) as error:
        raise FetchError("bad redirect", f"{place}: it leads to what is no URL") from error
    except (httpcore.ConnectError, ssl.SSLError) as error:  # the guard has its own words for TCP, so this is TLS
        raise FetchError("tls", f"{place}: no secure connection ({one_line(error) or 'the server hung up'})") from error
    except (httpcore.NetworkError, OSError) as error:
        raise FetchError("reset", f"{place}: the connection broke") from error
    except httpcore.RemoteProtocolError as error:
        raise FetchError("bad response", f"{place}: {one_line(error)}") from error
