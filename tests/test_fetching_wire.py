"""Our HTTP/1.1 connection against httpcore's own: whatever a server says, both make the same of it."""

import asyncio
from itertools import pairwise

import httpcore
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.fetching import streams
from aggregator.fetching.wire import Request, Wire

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWERS = {
    "a document": HELLO,
    "no document": b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\netag: 'b'\r\nX:  \xe4 \r\n\r\n",
    "in chunks": CHUNKED + b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: t\r\n\r\n",
    "to the end": b"HTTP/1.1 200 OK\r\n\r\nhello",
    "closed by its wish": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "early hints first": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + HELLO,
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "cut short": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
    "a chunk cut short": CHUNKED + b"9\r\nhello",
    "no size of a chunk": CHUNKED + b"hello\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "no HTTP": b"220 smtp.example ESMTP\r\n",
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 110_000,
    "a redirect": b"HTTP/1.1 301 Moved\r\nLocation: /\xc3\xa4\r\nContent-Length: 0\r\n\r\n",
}

ENDED = ("to the end", "HTTP/1.0", "cut short", "a chunk cut short", "nothing", "half a head", "no HTTP")
"""The server ends the connection after these."""

Said = tuple[object, ...]
HEADERS = [(b"Host", b"one.example"), (b"Content-Length", b"3"), (b"X", b"y")]


async def by_ours(port: int) -> Said:
    """Status, headers, body, and whether the connection can be used again; or what went wrong."""
    url = httpx.URL(f"http://127.0.0.1:{port}/feed?a=b")
    request = Request(url, HEADERS, connect=5, silence=5, method="POST", content=b"c=d")

    async def connect(request: Request) -> streams.Stream:
        return await streams.connect("127.0.0.1", port, request.connect)

    wire = Wire(connect)
    try:
        answer = await wire.ask(request)
        try:
            body = b"".join([chunk async for chunk in answer.body])
        finally:
            await answer.close()
        return answer.status, answer.sent, body, wire.is_ready(request)
    except httpcore.ProtocolError as error:
        assert not wire.is_ready(request)
        return type(error), str(error)
    finally:
        await wire.aclose()


async def by_httpcore(port: int) -> Said:
    """The same."""
    stream = await streams.connect("127.0.0.1", port, 5)
    url = httpcore.URL(f"http://127.0.0.1:{port}/feed?a=b")
    connection = httpcore.AsyncHTTP11Connection(url.origin, stream)
    request = httpcore.Request("POST", url, headers=HEADERS, content=b"c=d")
    try:
        response = await connection.handle_async_request(request)
        try:
            body = b"".join([chunk async for chunk in response.aiter_stream()])
        finally:
            await response.aclose()
        return response.status, response.headers, body, connection.is_idle() and not connection.has_expired()
    except httpcore.ProtocolError as error:
        return type(error), str(error)
    finally:
        await connection.aclose()


async def both(parts: list[bytes], *, ended: bool) -> tuple[Said, Said, list[bytes]]:
    """What each makes of an answer that comes in these parts, and what was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"c=d"))
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0)
        if ended:
            writer.write_eof()

    async with asyncio.timeout(20), await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        return await by_ours(port), await by_httpcore(port), asked


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_means_what_httpcore_says(name: str) -> None:
    ours, theirs, asked = asyncio.run(both([ANSWERS[name]], ended=name in ENDED))
    assert ours == theirs
    assert asked[0] == asked[1]


def test_what_nobody_asked_for_is_no_answer_to_the_next_question() -> None:
    ours, theirs, _ = asyncio.run(both([HELLO + HELLO], ended=False))
    assert (ours[2:], theirs[2:]) == ((b"hello", False), (b"hello", True))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(list(ANSWERS.values())), st.lists(st.integers(0, 200), max_size=4), st.binary(max_size=3))
def test_wherever_it_is_cut_and_whatever_stands_in_it(answer: bytes, cuts: list[int], junk: bytes) -> None:
    at = cuts[0] if cuts else 0
    answer = answer[:at] + junk + answer[at:]
    parts = [answer[start:end] for start, end in pairwise([0, *sorted(cuts), len(answer)])]
    ours, theirs, _ = asyncio.run(both(parts, ended=True))
    assert ours[:3] == theirs[:3]  # whether the end has come by now is chance
