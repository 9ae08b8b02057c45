"""A static server in a process of its own, which is all hosts below 127.0.0.0/8: nginx where there is one, else ours.

Both say ETag and Last-Modified and answer 304. Ours can wait before each answer, as distant hosts do; nginx cannot.
"""

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from pathlib import Path
from typing import cast

_NGINX = """daemon off; worker_processes 1; error_log stderr crit; pid {prefix}/pid; {user}
events {{ worker_connections 4096; }}
http {{
  log_format short '$status'; access_log {log} short;
  sendfile on; tcp_nopush on; keepalive_timeout 5s; default_type application/xml;
  client_body_temp_path {prefix}/body; proxy_temp_path {prefix}/proxy; fastcgi_temp_path {prefix}/fastcgi;
  uwsgi_temp_path {prefix}/uwsgi; scgi_temp_path {prefix}/scgi;
  server {{ listen 0.0.0.0:{port} backlog=1024; root {root}; }}
}}
"""


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(root: Path, port: int, log: Path, delay: float = 0.0) -> Iterator[str]:
    """Serve a folder while the block runs; gives the name of the server. `delay` is in seconds.

    `log` gets the status of each answer as a line, so that one can see what a client really asked.
    """
    log.touch()
    nginx = None if delay else shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as prefix:
        if nginx:
            user = "user root;" if os.getuid() == 0 else ""
            file = Path(prefix, "nginx.conf")
            file.write_text(_NGINX.format(prefix=prefix, user=user, port=port, root=root.resolve(), log=log.resolve()))
            command = [nginx, "-p", prefix, "-c", str(file)]
        else:
            command = [sys.executable, __file__, str(root), str(port), str(log), str(delay)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603
        try:
            _await(port, process)
            yield "nginx" if nginx else "own server"
        finally:
            process.terminate()
            process.wait()


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit("the server does not start")


def answers(log: Path) -> dict[str, int]:
    """How often each status was answered since this was asked last, once the server has written all of it."""
    time.sleep(0.1)
    found = Counter(log.read_text().split())
    os.truncate(log, 0)
    return dict(sorted(found.items()))


class Host(asyncio.Protocol):
    """HTTP/1.1, as little as clients need: GET of a file, conditional or not."""

    root: Path
    log: Path
    delay: float

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.head = b""

    def data_received(self, data: bytes) -> None:
        self.head += data
        if b"\r\n\r\n" in self.head:
            head, _, self.head = self.head.partition(b"\r\n\r\n")
            asyncio.get_running_loop().call_later(self.delay, self.answer, head.decode("latin-1"))

    def answer(self, head: str) -> None:
        """Send the file, or 304."""
        request, *lines = head.split("\r\n")
        asked = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        path = self.root / request.split(" ")[1].lstrip("/")
        try:
            known = path.stat()
            body = path.read_bytes()
        except OSError:
            self.transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        etag, changed = f'"{int(known.st_mtime):x}-{known.st_size:x}"', formatdate(known.st_mtime, usegmt=True)
        by_date = "if-none-match" not in asked and asked.get("if-modified-since") == changed
        same = by_date or asked.get("if-none-match") == etag
        status = "304 Not Modified" if same else "200 OK"
        with self.log.open("a") as log:
            log.write(f"{status[:3]}\n")
        length = "" if same else f"Content-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
        self.transport.write(f"HTTP/1.1 {status}\r\nETag: {etag}\r\nLast-Modified: {changed}\r\n{length}\r\n".encode())
        self.transport.write(b"" if same else body)
        if asked.get("connection", "").lower() == "close":
            self.transport.close()


async def serve(root: Path, port: int, log: Path, delay: float) -> None:
    """Serve until killed."""
    Host.root, Host.log, Host.delay = root, log, delay
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Host, "0.0.0.0", port, backlog=1024)  # noqa: S104
    await server.serve_forever()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("log", type=Path, help="a file that gets the status of each answer")
    parser.add_argument("delay", type=float, nargs="?", default=0.0, help="seconds before each answer")
    asked = parser.parse_args()
    asyncio.run(serve(asked.root, asked.port, asked.log, asked.delay))


if __name__ == "__main__":
    main()
