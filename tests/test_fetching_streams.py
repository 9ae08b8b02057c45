"""The connections under httpcore: every end that they can come to, over TCP and TLS, on asyncio's loop and uvloop's."""

import asyncio
import contextlib
import errno
import socket
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpcore
import pytest

from aggregator.fetching import loop_factory, rules, streams
from aggregator.fetching.transport import GuardedNetwork

Peer = Callable[[socket.socket], object]
Play = Callable[[int], Awaitable[object]]
MANY = 5_000_000
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": loop_factory()}


@pytest.fixture(params=[name for name, factory in LOOPS.items() if factory])
def play(request: pytest.FixtureRequest) -> Callable[[Play, int], object]:
    """Runs a scene, given a port, and looks that nothing of it was only logged."""

    def run(scene: Play, port: int) -> object:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            logged: list[object] = []
            runner.get_loop().set_exception_handler(lambda loop, context: logged.append(context.get("exception")))

            async def whole() -> object:
                async with asyncio.timeout(10):
                    return await scene(port)

            result = runner.run(whole())
        assert all(isinstance(each, UnicodeError) for each in logged)  # uvloop logs a name that cannot be one
        return result

    return run


@contextmanager
def peer(script: Peer, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server that plays its part to whoever comes first, after a handshake with `tls`."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection if tls is None else tls.wrap_socket(connection, server_side=True) as ready:
                ready.settimeout(5)
                script(ready)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(6)
        assert not thread.is_alive(), "the peer still waits for the end"


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)


@pytest.fixture(params=["tcp", "tls"])
def way(
    request: pytest.FixtureRequest, certificate: Path, server_tls: ssl.SSLContext
) -> tuple[ssl.SSLContext | None, Callable[[int], Awaitable[streams.Stream]]]:
    """TLS of the peer, and what connects to it."""
    tls = request.param == "tls"

    async def connected(port: int) -> streams.Stream:
        stream = await streams.connect("127.0.0.1", port, 5)
        return await stream.start_tls(trusting(certificate), "localhost", 5) if tls else stream

    return server_tls if tls else None, connected


Way = tuple[ssl.SSLContext | None, Callable[[int], Awaitable[streams.Stream]]]
Run = Callable[[Play, int], object]


def until_the_end(connection: socket.socket) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while connection.recv(65536):
            pass


def speak(words: bytes) -> Peer:
    def script(connection: socket.socket) -> None:
        connection.sendall(words)
        until_the_end(connection)

    return script


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_there_and_back_and_the_end(play: Run, way: Way) -> None:
    tls, connected = way

    async def scene(port: int) -> None:
        stream = await connected(port)
        assert (stream.get_extra_info("ssl_object") is not None) == (tls is not None)
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", port)
        await stream.write(b"hello", 1)
        assert (await stream.read(3, 1), await stream.read(65536, 1)) == (b"HEL", b"LO")
        assert [await stream.read(65536, 1) for _ in range(2)] == [b"", b""]
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"more", 1)
        await stream.aclose()
        await stream.aclose()

    with peer(lambda connection: connection.sendall(connection.recv(5).upper()), tls) as port:
        play(scene, port)


def test_a_reset_comes_after_what_was_sent_before_it(play: Run, way: Way) -> None:
    tls, connected = way

    def script(connection: socket.socket) -> None:
        connection.sendall(b"begin")
        connection.recv(1)
        reset(connection)

    async def scene(port: int) -> None:
        stream = await connected(port)
        assert await stream.read(65536, 1) == b"begin"
        await stream.write(b"x", 1)
        with pytest.raises(httpcore.ReadError):
            await stream.read(65536, 2)
        await stream.aclose()

    with peer(script, tls) as port:
        play(scene, port)


def test_silence_has_an_end_and_closing_waits_for_nobody(play: Run, way: Way) -> None:
    tls, connected = way

    async def scene(port: int) -> None:
        stream = await connected(port)
        start = time.monotonic()
        with pytest.raises(httpcore.ReadTimeout):
            await stream.read(65536, 0.05)
        assert not stream.get_extra_info("is_readable")
        await stream.aclose()
        assert stream.get_extra_info("is_readable")
        assert 0.04 < time.monotonic() - start < 1

    with peer(until_the_end, tls) as port:
        play(scene, port)


def test_who_does_not_take_our_request_is_given_up(play: Run, way: Way) -> None:
    tls, connected = way
    over = threading.Event()

    async def scene(port: int) -> None:
        stream = await connected(port)
        with pytest.raises(httpcore.WriteTimeout):
            for _ in range(4):  # TLS of asyncio notices at the next write only
                await stream.write(bytes(MANY), 0.1)
        await stream.aclose()
        over.set()

    with peer(lambda connection: over.wait(5), tls) as port:
        play(scene, port)


def test_what_we_do_not_take_has_to_wait_at_the_peer(play: Run, way: Way) -> None:
    tls, connected = way
    sent = 0

    def script(connection: socket.socket) -> None:
        nonlocal sent
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        for _ in range(8 * MANY // 50_000):
            connection.sendall(bytes(50_000))
            sent += 50_000

    async def scene(port: int) -> None:
        stream = await connected(port)
        await asyncio.sleep(0.3)
        assert sent < 8 * MANY  # 8 MB or so may be in the kernel's own buffers
        assert len(stream._received) < 4 * streams.HELD_BYTES
        total = 0
        while data := await stream.read(65536, 2):
            assert len(data) <= 65536
            total += len(data)
        assert total == 8 * MANY
        await stream.aclose()

    with peer(script, tls) as port:
        play(scene, port)


@pytest.mark.parametrize("how", ["close", "speak"])
def test_an_idle_connection_that_is_no_good_any_more_shows_it(play: Run, way: Way, how: str) -> None:
    tls, connected = way
    go, over = threading.Event(), threading.Event()

    def script(connection: socket.socket) -> None:
        go.wait(5)
        if how == "speak":
            connection.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
            over.wait(5)

    async def scene(port: int) -> None:
        stream = await connected(port)
        await asyncio.sleep(0.05)
        assert not stream.get_extra_info("is_readable")  # tickets for later sessions are no answer
        go.set()
        for _ in range(100):
            await asyncio.sleep(0.01)
            if stream.get_extra_info("is_readable"):
                break
        else:
            pytest.fail("not noticed")
        await stream.aclose()
        over.set()

    with peer(script, tls) as port:
        play(scene, port)


def test_the_end_without_a_farewell_of_tls_is_an_end(play: Run, certificate: Path, server_tls: ssl.SSLContext) -> None:
    """As of many servers; whether all has arrived is for HTTP to know."""

    def script(connection: socket.socket) -> None:
        connection.sendall(b"all")
        connection.shutdown(socket.SHUT_RDWR)

    async def scene(port: int) -> None:
        stream = await streams.connect("127.0.0.1", port, 1)
        await stream.start_tls(trusting(certificate), "localhost", 1)
        assert [await stream.read(9, 1), await stream.read(9, 1)] == [b"all", b""]
        await stream.aclose()

    with peer(script, server_tls) as port:
        play(scene, port)


def test_who_wants_a_certificate_of_ours_is_trouble_with_tls(
    play: Run, certificate: Path, server_tls: ssl.SSLContext
) -> None:
    server_tls.verify_mode = ssl.CERT_REQUIRED
    server_tls.load_verify_locations(certificate)

    async def scene(port: int) -> None:
        stream = await streams.connect("127.0.0.1", port, 1)
        await stream.start_tls(trusting(certificate), "localhost", 1)  # TLS 1.3: it learns of that only later
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
            await stream.read(9, 1)
        await stream.aclose()

    with peer(until_the_end, server_tls) as port:
        play(scene, port)


def hello_and_reset(connection: socket.socket) -> None:
    connection.recv(9)
    reset(connection)


BAD_HANDSHAKES: dict[str, tuple[Peer, type[Exception], str]] = {
    "hangs up": (lambda connection: connection.recv(65536), httpcore.ConnectError, "^$|EOF|reset"),
    "resets": (hello_and_reset, httpcore.ConnectError, "^$|reset"),
    "is silent": (until_the_end, httpcore.ConnectTimeout, "^$"),
    "does not speak TLS": (speak(b"HTTP/1.1 400 No\r\n\r\n"), httpcore.ConnectError, "before the|WRONG_VERSION"),
}


@pytest.mark.parametrize("name", BAD_HANDSHAKES)
def test_handshakes_that_fail(play: Run, certificate: Path, name: str) -> None:
    script, kind, words = BAD_HANDSHAKES[name]

    async def scene(port: int) -> None:
        stream = await streams.connect("127.0.0.1", port, 1)
        with pytest.raises(kind, match=words):
            await stream.start_tls(trusting(certificate), "localhost", 0.2)

    with peer(script) as port:  # which also sees the end of the connection
        play(scene, port)


@pytest.mark.parametrize(
    ("name", "words"), [("other.example", "CERTIFICATE_VERIFY_FAILED"), (".example", "idna|server_hostname")]
)
def test_names_that_the_certificate_is_not_for(
    play: Run, certificate: Path, server_tls: ssl.SSLContext, name: str, words: str
) -> None:
    async def scene(port: int) -> None:
        stream = await streams.connect("127.0.0.1", port, 1)
        with pytest.raises(httpcore.ConnectError, match=words):
            await stream.start_tls(trusting(certificate), name, 1)

    with peer(until_the_end, server_tls) as port:
        play(scene, port)


def test_what_was_said_before_the_handshake_is_no_part_of_the_answer(play: Run, certificate: Path) -> None:
    async def scene(port: int) -> None:
        stream = await streams.connect("127.0.0.1", port, 1)
        for _ in range(100):
            await asyncio.sleep(0.01)
            if stream.get_extra_info("is_readable"):
                break
        with pytest.raises(httpcore.ConnectError, match="before the handshake"):
            await stream.start_tls(trusting(certificate), "localhost", 1)

    with peer(speak(b"injected")) as port:
        play(scene, port)


def test_tls_within_tls_as_through_a_proxy_that_speaks_it(
    play: Run, certificate: Path, server_tls: ssl.SSLContext
) -> None:
    def script(connection: socket.socket) -> None:
        come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
        inner = server_tls.wrap_bio(come, go, server_side=True)

        def until_done(step: Callable[[], bytes | None]) -> bytes | None:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    connection.sendall(go.read())
                    come.write(connection.recv(65536))

        until_done(inner.do_handshake)
        question = until_done(lambda: inner.read(5))
        inner.write((question or b"").upper())
        connection.sendall(go.read())
        until_the_end(connection)

    async def scene(port: int) -> None:
        stream = await streams.connect("127.0.0.1", port, 1)
        for _ in range(2):
            stream = await stream.start_tls(trusting(certificate), "localhost", 2)
        await stream.write(b"hello", 1)
        assert await stream.read(9, 2) == b"HELLO"
        await stream.aclose()

    with peer(script, server_tls) as port:
        play(scene, port)


def test_where_nobody_listens_or_answers(play: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]

    async def refused(port: int) -> None:
        with pytest.raises(httpcore.ConnectError) as error:
            await streams.connect("127.0.0.1", port, 1)
        assert isinstance(error.value.__cause__, OSError)
        assert error.value.__cause__.errno == errno.ECONNREFUSED

    async def full(port: int) -> None:
        with pytest.raises(httpcore.ConnectTimeout):
            for _ in range(4):  # the kernel takes some on its own
                await streams.connect("127.0.0.1", port, 0.2)

    play(refused, free)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        play(full, listener.getsockname()[1])


def test_an_address_needs_no_thread_to_be_resolved(play: Run) -> None:
    async def scene(port: int) -> None:
        before = set(threading.enumerate())
        network = GuardedNetwork((rules.parse_network("127.0.0.1"), rules.parse_network("localhost")), 2)
        for host, expected in (("127.0.0.1", 0), ("localhost", 1)):
            with contextlib.suppress(Exception):
                await (await network.connect_tcp(host, port, 1)).aclose()
            new = set(threading.enumerate()) - before
            assert sum(thread.name.startswith("dns") for thread in new) == expected
        network.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        play(scene, listener.getsockname()[1])
