"""A scripted HTTP/1.1 server on loopback, standard library only: the one honest fake of all tests that need a network.

    with Server() as server:
        server.put("/feed.xml", body, etag=True)            # 200, and a proper 304 from then on
        server.redirect("/old", "/feed.xml", status=301)
        server.script("/odd", lambda request: Response(b"hello", status=203))
        server.hang("/slow")                                # also drip, endless, cut, reset, garbage, raw
        ... server.url("/feed.xml") ...
        assert [r.status for r in server.log] == [200, 304]

A path is all that stands in the request line, query included; what was never registered is a 404. `log` holds every
request in the order of arrival, `connections` counts what was accepted. Each connection has a thread and stays open
until the client closes it. Leaving the block cuts everything that still hangs and raises what a script raised.

With `Server("0.0.0.0")` one server is many hosts: `server.url("/feed.xml", host="127.0.0.7")`. `Server(tls=context)`
speaks https.
"""

import contextlib
import gzip
import hashlib
import itertools
import socket
import socketserver
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Literal, Self


@dataclass
class Request:
    """One request: header names lower case, values latin-1; `time` in monotonic seconds; `status` 0 is unanswered."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    time: float
    status: int = 0


@dataclass(frozen=True)
class Response:
    """An ordinary answer. Content-Length is right unless `headers` brings one of its own."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """Bytes as they go on the wire, status line and all, with `pause` seconds after each chunk, and what happens then."""

    chunks: Iterable[bytes] = ()
    pause: float = 0.0
    end: Literal["close", "reset", "hang"] = "close"


Script = Callable[[Request], Response | Raw]


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "plain": ("", bytes),
    "gzip": ("gzip", gzip.compress),
    "gzip, two members": ("gzip", lambda data: gzip.compress(data[:5]) + gzip.compress(data[5:])),
    "gzip, zeros after it": ("gzip", lambda data: gzip.compress(data) + bytes(9)),
    "zlib": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
}
"""Ways to write a body: its Content-Encoding, and what makes it."""


class Server:
    """See the module. Ready when the `with` block begins; `port` is chosen by the system."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.host = host
        self.tls = tls
        self.log: list[Request] = []
        self.connections = 0
        self.closing = threading.Event()
        self.errors: list[BaseException] = []
        self._scripts: dict[str, Script] = {}
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = _Listener((host, 0), _Handler)
        self._listener.owner = self
        self.port: int = self._listener.server_address[1]
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._listener.shutdown()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._listener.server_close()
        self._thread.join()
        if self.errors and error is None:
            raise self.errors[0]

    # --- What the paths do ---

    def url(self, path: str, host: str = "") -> str:
        """The URL of a path, on another host name or address if wanted (then bind to 0.0.0.0)."""
        return f"{'https' if self.tls else 'http'}://{host or self.host}:{self.port}{path}"

    def script(self, path: str, script: Script) -> None:
        """Answer with what a function makes of the request."""
        self._scripts[path] = script

    def put(
        self,
        path: str,
        body: bytes = b"",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        etag: bool | str = False,
        last_modified: str = "",
    ) -> None:
        """Serve a document. `etag=True` derives one from the body, a str is sent as it stands; with an ETag or
        Last-Modified, a request that brings it gets a 304 (If-None-Match wins, RFC 9110 §13.2.2).
        """
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"' if etag is True else etag or ""
        marks = {"ETag": tag, "Last-Modified": last_modified}
        every = {name: value for name, value in marks.items() if value} | dict(headers or {})

        def answer(request: Request) -> Response:
            match = request.headers.get("if-none-match")
            if match is not None:
                fresh = tag != "" and tag in (match, *(part.strip() for part in match.split(",")))
            else:
                fresh = last_modified != "" and request.headers.get("if-modified-since") == last_modified
            return Response(b"", 304, every) if fresh else Response(body, status, every)

        self.script(path, answer)

    def redirect(self, path: str, to: str, status: int = 302) -> None:
        """Answer with a Location."""
        self.script(path, lambda request: Response(b"moved", status, {"Location": to}))

    def raw(
        self,
        path: str,
        *chunks: bytes,
        pause: float = 0.0,
        end: Literal["close", "reset", "hang"] = "close",
    ) -> None:
        """Write these bytes and nothing else, then close, reset or hang."""
        self.script(path, lambda request: Raw(chunks, pause, end))

    def hang(self, path: str) -> None:
        """Take the request and never answer."""
        self.raw(path, end="hang")

    def drip(self, path: str, body: bytes, pause: float = 0.05) -> None:
        """Send a document one byte at a time, `pause` seconds apart."""
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.raw(path, head, *(bytes([byte]) for byte in body), pause=pause)

    def endless(self, path: str) -> None:
        """Send a body that has no end."""
        head = b"HTTP/1.1 200 OK\r\n\r\n"
        self.script(path, lambda request: Raw(itertools.chain([head], itertools.repeat(b"x" * 65536))))

    def cut(self, path: str, body: bytes, length: int) -> None:
        """Promise `length` bytes, send `body`, and close."""
        self.raw(path, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + body)

    def reset(self, path: str, sent: bytes = b"") -> None:
        """Send a few bytes, then break the connection with a TCP reset."""
        self.raw(path, sent, end="reset")

    def garbage(self, path: str) -> None:
        """Answer with bytes that are not HTTP."""
        self.raw(path, b"\x00\xff this is not HTTP \r\n\r\n")

    # --- What the threads call ---

    def opened(self, connection: socket.socket) -> None:
        """A connection was accepted."""
        with self._lock:
            self.connections += 1
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """A connection ended."""
        with self._lock:
            self._open.discard(connection)

    def answer(self, request: Request) -> Response | Raw:
        """What the script of the request's path says."""
        self.log.append(request)
        script = self._scripts.get(request.path)
        return script(request) if script else Response(b"not here", 404)


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    owner: Server

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is part of the game; what a script raised is told at the end."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def setup(self) -> None:
        owner = self.server.owner
        if owner.tls:
            self.request = owner.tls.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False)
        owner.opened(self.request)
        super().setup()

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.owner.closed(self.request)
            if self.server.owner.tls:  # wrapping took the descriptor from the socket that socketserver closes
                self.request.close()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body, time.monotonic())
        try:
            answer = self.server.owner.answer(request)
        except Exception as error:
            self.server.owner.errors.append(error)
            self.close_connection = True
            return
        if isinstance(answer, Raw):
            self._send_raw(answer)
        else:
            request.status = answer.status
            self._send(answer)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def _send(self, answer: Response) -> None:
        bodiless = answer.status in (204, 304)
        headers = dict(answer.headers)
        names = {name.lower() for name in headers}
        if not bodiless and "content-length" not in names:
            headers["Content-Length"] = str(len(answer.body))
        if not bodiless and "content-type" not in names:
            headers["Content-Type"] = "application/xml"
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if not bodiless and self.command != "HEAD":
            self.wfile.write(answer.body)

    def _send_raw(self, answer: Raw) -> None:
        self.close_connection = True
        closing = self.server.owner.closing
        for chunk in answer.chunks:
            self.wfile.write(chunk)
            if closing.wait(answer.pause) if answer.pause else closing.is_set():
                return
        if answer.end == "hang":
            closing.wait()
        if answer.end == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()

    def log_message(self, *args: object) -> None:
        """Quiet."""
