"""Object stores of one's own for tests, from registry packages: rclone, which keeps all and knows no conditional puts, and
moto, which knows them."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from obstore.store import S3Store

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMIK7MDENG"
PATIENCE = 60.0  # seconds for the start of moto, which takes three on an idle machine
_MOST = 200  # buckets, for a process of tests
_numbers = count(1)


@dataclass(frozen=True)
class Stored:
    """An object: its bytes, and how it is sent."""

    data: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Objects:
    """A server of objects: where it listens, and its log; whether its buckets are made."""

    endpoint: str
    log: Path
    is_made: bool = False

    def environment(self, secret: str = SECRET) -> dict[str, str]:
        """What programs are told of it."""
        names = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": secret}
        return {**names, "AWS_REGION": "us-east-1"}

    def bucket(self) -> str:
        """The name of a new bucket."""
        name = f"bucket{next(_numbers)}"
        if not self.is_made:
            urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/{name}", method="PUT"))
        return name

    def client(self, bucket: str) -> "S3Store":
        """Somebody else who uses it."""
        from obstore.store import S3Store

        keys: dict[str, Any] = {"access_key_id": KEY, "secret_access_key": SECRET, "region": "us-east-1"}
        return S3Store(bucket, endpoint=self.endpoint, client_options={"allow_http": True}, **keys)

    def put(self, bucket: str, path: str, data: bytes) -> None:
        """Somebody else puts an object."""
        import obstore

        obstore.put(self.client(bucket), path, data)

    def drop(self, bucket: str, path: str) -> None:
        """Somebody else removes an object."""
        import obstore

        obstore.delete(self.client(bucket), path)

    def all(self, bucket: str) -> dict[str, Stored]:
        """Everything that is in a bucket, by its path."""
        import obstore

        client = self.client(bucket)
        found = {}
        for each in obstore.list(client).collect():
            got = obstore.get(client, each["path"])
            headers = {str(name): value for name, value in got.attributes.items()}
            found[each["path"]] = Stored(bytes(got.bytes()), headers)
        return found

    def files(self, bucket: str, prefix: str) -> dict[str, bytes]:
        """The bytes of what is below a prefix."""
        found = self.all(bucket).items()
        return {path.removeprefix(f"{prefix}/"): each.data for path, each in found if path.startswith(f"{prefix}/")}

    def asked(self, method: str, bucket: str) -> list[str]:
        """The paths of the requests of a method by now, in order. Of moto alone."""
        found = re.findall(rf'"(?:\x1b\[[0-9;]*m)*{method} /{bucket}([^ "]*) HTTP', self.log.read_text())
        return [each.lstrip("/") for each in found]


def is_installed() -> bool:
    """Whether both servers are there, and what speaks with them."""
    return rclone_program() is not None and find_spec("moto") is not None and find_spec("obstore") is not None


def rclone_program() -> str | None:
    """Where rclone is: beside the Python that runs, or in the path."""
    return shutil.which("rclone", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")


@contextmanager
def rclone() -> Iterator[Objects]:
    """rclone serving a folder, until the end of the block."""
    with _folder() as folder:
        for number in range(1, _MOST):  # before it looks: it would not see new ones for minutes
            (folder / "root" / f"bucket{number}").mkdir(parents=True)
        port = _free_port()
        command = [
            str(rclone_program()),
            "serve",
            "s3",
            "--config",
            os.devnull,
            "--auth-key",
            f"{KEY},{SECRET}",
        ]
        command += ["--addr", f"127.0.0.1:{port}", str(folder / "root")]
        with _started(command, folder / "log", port):
            yield Objects(f"http://127.0.0.1:{port}", folder / "log", is_made=True)


@contextmanager
def moto() -> Iterator[Objects]:
    """moto, until the end of the block."""
    with _folder() as folder:
        port = _free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with _started(command, folder / "log", port):
            yield Objects(f"http://127.0.0.1:{port}", folder / "log")


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="aggregator-objects-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _started(command: Sequence[str], log: Path, port: int) -> Iterator[None]:
    with log.open("ab") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        until = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])
