"""The public listener and the dashboard's against those who mean harm, over real sockets: each request is answered as it
should be or refused, nobody is waited for without end, and others are served all the while.

What else holds is proved beside: paths, links, compression and 304 in test_serve and test_web, who is let in and that
nothing is changed in test_gate and test_dashboard, forged, repeated, large and slow deliveries in test_hooks.
"""

import contextlib
import os
import resource
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from aggregator import config
from aggregator.errors import ConfigError
from aggregator.web import protocol, server
from tests.faults.amounts import AMOUNT, much, told
from tests.planet import Planet
from tests.running import until
from tests.test_serve import Running, serving

SIZE = 12_000_000
TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def planet(tmp_path_factory: pytest.TempPathFactory) -> Planet:
    planet = Planet(tmp_path_factory.mktemp("doors"))
    feeds = planet.root / "feeds"
    feeds.mkdir()
    (feeds / "rss.xml").write_text("<rss>" + "A feed. " * 200 + "</rss>", encoding="utf-8")
    (feeds / "big.png").write_bytes(os.urandom(SIZE))
    (planet.root / "outside.xml").write_text("secret", encoding="utf-8")
    return planet


@pytest.fixture(scope="module")
def running(planet: Planet) -> Iterator[Running]:
    with serving(planet) as running:
        yield running


def connected(url: str, patience: float = 20) -> socket.socket:
    found = httpx.URL(url)
    return socket.create_connection((found.host, found.port or 80), patience)


def heard(client: socket.socket) -> bytes:
    """All that comes until the other side hangs up, or is silent for as long as the socket waits."""
    parts = []
    with contextlib.suppress(ConnectionResetError, TimeoutError):
        while part := client.recv(1_000_000):
            parts.append(part)
    return b"".join(parts)


def said(url: str, *parts: bytes, patience: float = 20) -> bytes:
    """Send bytes, and no more; what is answered."""
    with connected(url, patience) as client:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it need not hear all
            for part in parts:
                client.sendall(part)
        return heard(client)


def is_served(running: Running) -> bool:
    return running.ask().status_code == 200


def used(process: "subprocess.Popen[str]") -> float:
    """Seconds of CPU that a process has taken."""
    words = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS


# --- Requests ---------------------------------------------------------------------------------------------------------

OK = b"GET /rss.xml HTTP/1.1\r\nHost: x\r\n"
END = b"Connection: close\r\n\r\n"
SMUGGLED = b"GET /smuggled.xml HTTP/1.1\r\nHost: x\r\n\r\n"


def with_header(line: bytes) -> bytes:
    return OK + line + b"\r\n" + END


REFUSED = {
    "HTTP/0.9": b"GET /rss.xml\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
    "SMTP": b"EHLO x\r\n\r\n",
    "nothing but lines": b"\r\n" * 5 + b"x\r\n\r\n",
    "NUL in the target": b"GET /rss\0.xml HTTP/1.1\r\nHost: x\r\n\r\n",
    "letters that are no ASCII": "GET /最.xml HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "a blank in the target": b"GET /rss.xml /rss.xml HTTP/1.1\r\nHost: x\r\n\r\n",
    "a request line of 1 MB": b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header of 1 MB": with_header(b"X: " + b"x" * 1_000_000),
    "10,000 headers": with_header(b"\r\n".join(b"X-%d: %d" % (n, n) for n in range(10_000)) + b"\r\nY: " + b"y" * 300_000),
    "no host": b"GET /rss.xml HTTP/1.1\r\n\r\n",
    "two hosts": with_header(b"Host: y"),
    "a blank before the colon": with_header(b"X : y"),
    "a name with NUL": with_header(b"X\0: y"),
    "a value with NUL": with_header(b"X: y\0z"),
    "a line that hangs over at the beginning": b"GET /rss.xml HTTP/1.1\r\n Host: x\r\n\r\n",
    "two lengths": with_header(b"Content-Length: 5\r\nContent-Length: 6"),
    "a list of lengths": with_header(b"Content-Length: 5, 6"),
    "a negative length": with_header(b"Content-Length: -5"),
    "a length with a sign": with_header(b"Content-Length: +5"),
    "a length that Python takes": with_header(b"Content-Length: 1_0"),
    "a length of other digits": with_header("Content-Length: ５".encode()),
    "a length without end": with_header(b"Content-Length: " + b"9" * 5000),
    "a coding that is none": with_header(b"Transfer-Encoding: xchunked"),
    "codings one after the other": with_header(b"Transfer-Encoding: chunked, identity"),
    "chunked twice": with_header(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
    "chunked with a tab": with_header(b"Transfer-Encoding: \x0bchunked"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_request_is_refused(running: Running, what: str) -> None:
    for url in (running.url, running.dashboard):
        answer = said(url, REFUSED[what])
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 ")) or answer == b"", answer[:100]
        assert answer.count(b"HTTP/1.1 ") <= 1
    assert is_served(running)
    assert running.log.read_text(encoding="utf-8") == ""


NOT_FOUND = {
    "absolute form": (b"GET http://evil.example/rss.xml HTTP/1.1\r\nHost: x\r\n", 404),
    "a file's URL": (b"GET file:///etc/passwd HTTP/1.1\r\nHost: x\r\n", 404),
    "authority form": (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n", 405),
    "asterisk form": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n", 404),
    "out by dots": (b"GET /%2e%2e/outside.xml HTTP/1.1\r\nHost: x\r\n", 404),
    "NUL, encoded": (b"GET /rss.xml%00.html HTTP/1.1\r\nHost: x\r\n", 404),
    "encoded again and again": (b"GET /" + b"%25" * 15_000 + b" HTTP/1.1\r\nHost: x\r\n", 404),
    "slashes": (b"GET /" + b"/" * 50_000 + b" HTTP/1.1\r\nHost: x\r\n", 404),
    "HTTP/2 by prior knowledge": (b"PRI * HTTP/2.0\r\nHost: x\r\n", 404),
    "TRACE": (b"TRACE /rss.xml HTTP/1.1\r\nHost: x\r\nX: echo\r\n", 405),
    "PUT": (b"PUT /rss.xml HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n", 405),
    "DELETE": (b"DELETE /rss.xml HTTP/1.1\r\nHost: x\r\n", 405),
    "PROPFIND": (b"PROPFIND / HTTP/1.1\r\nHost: x\r\nDepth: infinity\r\n", 405),
    "small letters": (b"get /rss.xml HTTP/1.1\r\nHost: x\r\n", 405),
    "a long method": (b"X" * 5000 + b" /rss.xml HTTP/1.1\r\nHost: x\r\n", 405),
}  # fmt: skip


@pytest.mark.parametrize("what", NOT_FOUND)
def test_there_is_nothing_by_other_ways(running: Running, what: str) -> None:
    head, status = NOT_FOUND[what]
    answer = said(running.url, head + END)
    assert int(answer[9:12]) in (status, 400, 404, 405), answer[:100]
    for secret in (b"A feed.", b"secret", b"root:", b"echo"):
        assert secret not in answer
    assert said(running.dashboard, head + END)[9:12] in (b"403", b"400")  # the name it was asked by is not ours
    assert is_served(running)


BOMBS = {
    "ranges": b"Range: bytes=" + b"0-," * 15_000 + b"0-",
    "a range": b"Range: bytes=0-1",
    "codings": b"Accept-Encoding: " + b"gzip;q=0.1," * 5000,
    "semicolons": b"Accept-Encoding: " + b";" * 60_000,
    "types": b"Accept: " + b"text/html;q=0.5," * 3500,
    "weights": b"Accept: text/html;" + b"q=0." + b"9" * 50_000,
    "tags": b"If-None-Match: " + b'"x",' * 15_000,
    "quotes": b"If-None-Match: " + b'"' * 60_000,
    "an open quote": b'If-None-Match: "' + b"x" * 60_000,
    "a date": b"If-Modified-Since: " + b"1 " * 30_000,
    "a date of brackets": b"If-Modified-Since: " + b"(" * 60_000,
    "a cookie": b"Cookie: " + b"a=b; " * 12_000,
    "an odd cookie": b'Cookie: aggregator="' + b"\\" * 60_000,
    "a token": b"Authorization: Bearer " + b"x" * 60_000,
    "websocket": b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==",
    "h2c": b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
    "expectations": b"Expect: 100-continue",
    "a name by a proxy": b"X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: evil\r\nX-Forwarded-Prefix: /evil",
    "another method": b"X-HTTP-Method-Override: DELETE",
    "another path": b"X-Original-URL: /outside.xml\r\nX-Rewrite-URL: /outside.xml",
    "thousands of headers": b"\r\n".join([b"a:"] * 10_000),
}  # fmt: skip


@pytest.mark.parametrize("what", BOMBS)
def test_odd_headers_cost_nothing_and_change_nothing(running: Running, planet: Planet, what: str) -> None:
    before = used(running.process)
    answer = said(running.url, with_header(BOMBS[what]))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head[:100]
    assert b"evil" not in head
    if b"content-encoding" not in head.lower():
        assert body == (planet.root / "feeds" / "rss.xml").read_bytes()
    port = httpx.URL(running.dashboard).port
    page = said(
        running.dashboard, b"GET /_/ HTTP/1.1\r\nHost: localhost:%d\r\n%b\r\n%b" % (port or 0, BOMBS[what], END)
    )
    assert page[9:12] == (b"403" if b"X-Forwarded-Host" in BOMBS[what] else b"200")
    spent = used(running.process) - before
    assert spent < 2.5  # seconds of CPU for both; the first page of a dashboard loads its templates


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1:1", "x" * 5000, "a b", "<script>", "localhost\\@evil.example"]
)
def test_the_name_that_is_asked_for_is_nowhere_in_an_answer(running: Running, host: str) -> None:
    for target in (b"/rss.xml", b"/nothing", b"/rss.xml/"):
        answer = said(running.url, b"GET %b HTTP/1.1\r\nHost: %b\r\n%b" % (target, host.encode(), END))
        assert host.encode() not in answer
    assert said(running.dashboard, b"GET /_/ HTTP/1.1\r\nHost: %b\r\n%b" % (host.encode(), END))[9:12] in (
        b"403",
        b"400",
    )


SMUGGLING = {
    "a length and chunks": (b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (5 + len(SMUGGLED)), SMUGGLED),
    "chunks and a length": (b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n" % (5 + len(SMUGGLED)), SMUGGLED),
    "a length of nothing and chunks": (b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", SMUGGLED),
    "a chunk that says too little": (b"Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n", SMUGGLED),
    "a chunk's size with a blank": (b"Transfer-Encoding: chunked\r\n\r\n0 x\r\n\r\n", SMUGGLED),
    "a chunk's size as Python has it": (b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n", SMUGGLED),
    "a chunk's size without end": (b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 500 + b"\r\n\r\n", SMUGGLED),
    "a body that was not asked for": (b"Content-Length: %d\r\n\r\n" % len(SMUGGLED), SMUGGLED),
    "a body that never ends": (b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nabcde\r\n" * 10_000 + SMUGGLED),
    "a carriage return alone": (b"X: y\rContent-Length: 0\r\n\r\n", SMUGGLED),
    "chunks of HTTP/1.0": (b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", SMUGGLED),
}  # fmt: skip


@pytest.mark.parametrize("what", SMUGGLING)
def test_no_request_hides_in_another(running: Running, what: str) -> None:
    """Where two readers could differ on where a request ends, there is one answer at the most, and it hangs up
    (RFC 9112 §6.1)."""
    head, rest = SMUGGLING[what]
    first = OK.replace(b"1.1", b"1.0") if "1.0" in what else OK
    answer = said(running.url, first + head, rest, patience=1)
    assert answer.count(b"HTTP/1.1 ") == 1, answer[:2000]
    assert is_served(running)


def test_many_requests_at_once_are_answered_in_their_order(running: Running) -> None:
    number = much(100, 1000)
    asked = [b"GET /%d.xml HTTP/1.1\r\nHost: x\r\n\r\n" % n if n % 2 else OK + b"\r\n" for n in range(number)]
    answer = said(running.url, b"".join(asked) + OK + END)
    statuses = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [404 if n % 2 else 200 for n in range(number)] + [200]


def test_every_answer_says_what_it_is(running: Running) -> None:
    tag = running.ask().headers["etag"]
    answers = [
        running.ask(),
        running.ask("/nothing"),
        running.ask("/rss.xml", "OPTIONS"),
        running.ask(if_none_match=tag),
        running.ask("/healthz"),
        running.ask("/big.png"),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 204, 304, 503, 200]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"


# --- Those who wait ---------------------------------------------------------------------------------------------------


@pytest.fixture
def hurried(planet: Planet, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same listener in this process, with short deadlines; its URL."""
    monkeypatch.setattr(protocol, "HEAD", 0.5)
    monkeypatch.setattr(protocol, "READING", 0.7)
    loaded = planet.load()
    ears = server.listen(loaded, "127.0.0.1:0")
    with server.serving(loaded, server.Listeners(ears.public), lambda: datetime.now(UTC), log=False):
        yield server.url(ears.public)
    if ears.dashboard:
        ears.dashboard.close()


SLOW: dict[str, Callable[[int], bytes]] = {
    "says nothing": lambda step: b"",
    "says a byte at a time": lambda step: (OK + b"X: " + b"x" * 10_000)[step : step + 1],
    "says a header at a time": lambda step: b"" if step % 2 else (OK if not step else b"X: y\r\n"),
    "asks once, and begins again": lambda step: (
        OK + b"\r\n" if not step else (b"GET /rss" + b"x" * 9999)[step : step + 1]
    ),
    "promises a body": lambda step: OK + b"Content-Length: 99999\r\n\r\n" if not step else b"x",
    "hangs on to a bad request": lambda step: b"\0\0\r\n\r\n" if not step else b"",
}


@pytest.mark.parametrize("what", SLOW)
def test_who_is_slow_is_not_waited_for(hurried: str, what: str) -> None:
    with connected(hurried) as client:
        client.settimeout(0.02)
        for step in range(1000):
            try:
                client.sendall(SLOW[what](step))
                if client.recv(100_000) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            pytest.fail("it is waited for")
    assert step < 500
    assert httpx.get(hurried + "rss.xml", trust_env=False).status_code == 200


def stalled(url: str) -> socket.socket:
    """Someone who asks for much and reads little of it."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    client.settimeout(20)
    found = httpx.URL(url)
    client.connect((found.host, found.port))
    client.sendall(b"GET /big.png HTTP/1.1\r\nHost: x\r\n\r\n")
    return client


def test_who_does_not_read_is_cut_off(hurried: str) -> None:
    with stalled(hurried) as client:
        time.sleep(2 * protocol.READING)
        assert len(heard(client)) < SIZE
    assert httpx.get(hurried + "rss.xml", trust_env=False).status_code == 200


def test_who_reads_slowly_gets_all(hurried: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes longer than the deadline, which is for a part of it."""
    monkeypatch.setattr(protocol, "READING", 3.0)
    begin, length = time.monotonic(), 0
    with stalled(hurried) as client:
        while length < SIZE:
            part = client.recv(200_000)
            assert part, length
            length += len(part)
            due = begin + 1.3 * protocol.READING * length / SIZE  # an even pace
            time.sleep(max(0.0, due - time.monotonic()))
    assert time.monotonic() - begin > protocol.READING


def test_those_who_do_not_read_cost_no_memory(running: Running) -> None:
    with contextlib.ExitStack() as stack:
        running.ask("/big.png")
        before = memory(running.process)
        number = much(20, 100)
        for _ in range(number):
            assert stack.enter_context(stalled(running.url)).recv(15) == b"HTTP/1.1 200 OK"
        taken = memory(running.process) - before
        assert is_served(running)
    told(
        "own doors: readers who do not read", readers=number, document_mb=SIZE // 10**6, memory_mb=round(taken / 1e6, 1)
    )
    assert taken < 20 * SIZE / 3


def memory(process: "subprocess.Popen[str]") -> int:
    """The most that a process ever had, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def descriptors(process: "subprocess.Popen[str]") -> int:
    return len(os.listdir(f"/proc/{process.pid}/fd"))  # noqa: PTH208


PATIENT = "from aggregator.web import protocol; protocol.HEAD = 3600; from aggregator.cli import main; main()"


def test_a_crowd_that_says_nothing(planet: Planet) -> None:
    """It gets no more descriptors than it may have, however long each may stay."""
    number = much(800, 1500)
    with many_descriptors(), serving(planet, program=PATIENT) as running, contextlib.ExitStack() as stack:
        before = descriptors(running.process)
        idle = [stack.enter_context(connected(running.url)) for _ in range(number)]
        until(lambda: cut(idle) >= number - protocol.CROWD)
        taken = descriptors(running.process) - before
        for client in idle:
            client.close()
        until(lambda: is_served(running))
    told("own doors: a crowd of idle connections", connections=number, descriptors=taken)
    assert taken <= protocol.CROWD + 100  # so many are accepted at once


@pytest.mark.skipif(AMOUNT == "little", reason="waits as long as the listener does")
def test_a_crowd_that_stays(planet: Planet) -> None:
    """When its time is up, others are served."""
    with many_descriptors(), serving(planet) as running, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connected(running.url)) for _ in range(1000)]
        begin = time.monotonic()
        until(lambda: cut(idle) == len(idle), patience=60)
        assert is_served(running)
        told("own doors: a crowd that stays", connections=len(idle), seconds=round(time.monotonic() - begin, 1))


@contextlib.contextmanager
def many_descriptors() -> Iterator[None]:
    """For ourselves, who hold the other ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096 if hard < 0 else min(hard, max(soft, 4096)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def cut(clients: list[socket.socket]) -> int:
    """How many of them were hung up on."""
    number = 0
    for client in clients:
        client.setblocking(False)
        try:
            number += client.recv(1) == b""
        except BlockingIOError:
            continue
        except OSError:
            number += 1
    return number


def test_a_tls_hello_is_no_mystery(running: Running) -> None:
    """A browser that asks by https hears at once that there is none."""
    context = ssl.create_default_context()
    with connected(running.url) as client, pytest.raises(ssl.SSLError):
        context.wrap_socket(client, server_hostname="localhost")
    assert is_served(running)


def test_hurry_of_many(hurried: str) -> None:
    """Requests of a hundred readers, while others hang on: all are answered."""
    statuses: list[int] = []
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connected(hurried)).sendall(b"GET /rss.xml HTTP/1.1\r\nHo")

        def ask() -> None:
            with httpx.Client(trust_env=False) as client:
                statuses.extend(client.get(hurried + "rss.xml").status_code for _ in range(10))

        readers = [threading.Thread(target=ask) for _ in range(10)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    assert statuses == [200] * 100


# --- The config -------------------------------------------------------------------------------------------------------


def test_a_config_without_end_is_one_line(tmp_path: Path) -> None:
    large = tmp_path / "large.toml"
    with large.open("wb") as file:
        file.truncate(100_000_000)
    for each in (large, Path("/dev/zero")):
        with pytest.raises(
            ConfigError, match="is larger than 10 MB, which no config is; give the right file"
        ) as caught:
            config.load(each)
        assert str(caught.value).count("\n") == 0


def test_a_config_knows_no_includes(tmp_path: Path) -> None:
    """So there are no circles of them."""
    planet = Planet(tmp_path)
    for line in ('include = "aggregator.toml"', 'includes = ["/etc/passwd"]'):
        file = planet.write()
        file.write_text(f"{line}\n{file.read_text(encoding='utf-8')}", encoding="utf-8")
        with pytest.raises(ConfigError, match="unknown key"):
            config.load(file)
