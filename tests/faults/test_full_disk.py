"""A disk that is really full, and a quota: what was published stays whole, and when there is room the next run
recovers."""

import os
import re
import resource
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.faults.after import State, copied, here, same, state, told_well, visit_all, whole
from tests.faults.amounts import much, told
from tests.faults.world import LONG_AGO, publishers, tell_news
from tests.planet import Planet, atom
from tests.server import Server

TEXT = "So much of it that a disk may be full in the middle. " * 40
CASES = (
    ("both", 0),
    ("output", 20_000),
    ("store", 40_000),
    ("store", 0),
    ("output", 0),
    ("both", 200_000),
    ("output", 4_096),
    ("store", 120_000),
    ("both", 400_000),
    ("output", 60_000),
)
"""What is on the small disk, and the bytes that are left on it."""


@dataclass(frozen=True)
class Small:
    """A small disk, which nobody sees at `folder` but those who `enter` it; we look at it from outside."""

    folder: Path
    pid: int
    inside: tuple[str, ...]

    @property
    def seen(self) -> Path:
        """Where it is for us."""
        return Path(f"/proc/{self.pid}/root{self.folder}")

    def once(self, planet: Planet) -> "subprocess.CompletedProcess[str]":
        """`aggregator once --force` on it."""
        enter = ["nsenter", "-t", str(self.pid), *self.inside, "sh", "-c", 'cd "$0" && exec "$@"', str(planet.root)]
        return once(planet, *enter)

    def fill(self, room: int) -> Path:
        """Fill it but for so many bytes; the file that does it."""
        ballast = self.seen / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4_096))
            except OSError:
                file.truncate(file.tell() - room)
        return ballast


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Small]:
    """A tmpfs in a mount namespace of its own, which is gone at the end. Without root a user namespace lets us."""
    needs("unshare")
    needs("nsenter")
    folder.mkdir(exist_ok=True)
    is_root = os.geteuid() == 0
    script = 'mount -t tmpfs -o size="$1" tmpfs "$0" && echo ready && exec cat'
    command = ["unshare", "-m" if is_root else "-rm", "sh", "-c", script, str(folder), size]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as holder:
        assert holder.stdin and holder.stdout and holder.stderr
        if holder.stdout.readline() != "ready\n":
            why = f"no tmpfs can be mounted here: {holder.stderr.read().strip()}"
            (pytest.fail if os.environ.get("CI") and is_root else pytest.skip)(why)
        try:
            yield Small(folder, holder.pid, ("-m",) if is_root else ("-U", "--preserve-credentials", "-m"))
        finally:
            holder.stdin.close()


def once(planet: Planet, *before: str, most: int | None = None) -> "subprocess.CompletedProcess[str]":
    """`aggregator once --force` behind a command; no file may get larger than `most` bytes."""
    planet.write()
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*before, sys.executable, "-m", "aggregator", "once", "--force"]
    limits = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))) if most is not None else None
    return subprocess.run(
        command, cwd=planet.root, env=env, capture_output=True, text=True, timeout=120, preexec_fn=limits
    )


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("0.0.0.0") as running:
        yield running


@pytest.fixture(scope="module")
def news(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Planet:
    """A planet that has published once, all on what is to be a small disk, and whose publishers have news by now."""
    planet = Planet(tmp_path_factory.mktemp("news"))
    planet.site |= {"gzip": True, "items": 5, "store": "sqlite:///disk/aggregator.db", "output": "disk/feeds"}
    publishers(planet, server, TEXT)
    visit_all(planet)
    tell_news(server, TEXT)
    return planet


def moved(news: Planet, root: Path, what: str) -> Planet:
    """A copy of it, with only `store`, `output` or both on the small disk."""
    planet = copied(news, root)
    planet.site = dict(planet.site)
    for key, name, scheme in (("store", "aggregator.db", "sqlite:///"), ("output", "feeds", "")):
        if what not in (key, "both"):
            (root / "disk" / name).rename(root / name)
            planet.site[key] = f"{scheme}{name}"
    return planet


def test_a_full_disk(news: Planet, tmp_path: Path) -> None:
    before = state(news.root / "disk" / "feeds", news.root / "disk" / "aggregator.db")
    undisturbed = moved(news, tmp_path / "undisturbed", "both")
    visit_all(undisturbed)
    after = state(undisturbed.root / "disk" / "feeds", undisturbed.root / "disk" / "aggregator.db")
    assert before.files != after.files
    assert before.entries != after.entries
    counts = Counter[str]()
    for what, room in CASES[: much(1, len(CASES))]:
        planet = moved(news, tmp_path / f"{what}{room}", what)
        try:
            said = _suffer(planet, what, room, before, after)
        except AssertionError as wrong:
            raise AssertionError(f"{what} with {room} bytes left: {wrong}") from wrong
        counts["told" if said else "room enough"] += 1
    assert counts["told"] > counts["room enough"]
    told("a full disk", **counts)


def _suffer(planet: Planet, what: str, room: int, before: State, after: State) -> bool:
    """A run while the disk is full, and one when there is room again. Whether the first one had something to say."""
    full = planet.root / "full"
    (planet.root / "disk").rename(full)
    with small_disk(planet.root / "disk", "4m") as disk:
        shutil.copytree(full, disk.seen, dirs_exist_ok=True)
        output = disk.seen / "feeds" if what != "store" else planet.root / "feeds"
        ballast = disk.fill(room)
        done = disk.once(planet)
        said = told_well(done.returncode, done.stderr, planet.root)
        files = {
            path.relative_to(output).as_posix(): path.read_bytes() for path in output.rglob("*.*") if path.is_file()
        }
        whole(files, before, after)
        assert said or files == after.files, "nobody was told"
        ballast.unlink()
        done = disk.once(planet)
        assert (done.returncode, done.stderr) == (0, "")
        store = planet.root / "aggregator.db"
        if what != "output":
            shutil.copy(disk.seen / "aggregator.db", store)  # SQLite looks through /proc at what is there for us
        same(state(output, store), after)
    return said


def test_a_quota(tmp_path: Path, server: Server) -> None:
    """No file may grow beyond so many bytes: the log of the store cannot, and SQLite calls that an I/O error."""
    planet = Planet(tmp_path / "first")
    planet.root.mkdir()
    publishers(planet, server, TEXT)
    visit_all(planet)
    tell_news(server, TEXT)
    undisturbed = copied(planet, tmp_path / "undisturbed")
    before, (_, after) = here(planet), (visit_all(undisturbed), here(undisturbed))
    done = once(planet, most=50_000)
    assert told_well(done.returncode, done.stderr, planet.root)
    assert "aggregator.db: the store cannot be used: disk I/O error" in done.stderr
    whole(planet.files(), before, after)
    visit_all(planet)
    same(here(planet), after)


@pytest.mark.parametrize(
    ("most", "said"),
    [
        (1_100_000, r"failed  Large: cannot be saved: .*aggregator\.db: the store cannot be used: disk I/O error"),
        (600_000, r"failed  disk: http://127\.0\.0\.9:\d+/large: no temporary file can hold it: File too large; .*"),
    ][: much(1, 2)],
)
def test_what_is_too_large_for_the_room_costs_nobody_else_anything(
    tmp_path: Path, server: Server, most: int, said: str
) -> None:
    """The others are saved and published; when there is room, it is as well."""
    planet = Planet(tmp_path / "first")
    planet.root.mkdir()
    publishers(planet, server)
    visit_all(planet)
    tell_news(server)
    entry = {"title": "Large", "date": LONG_AGO, "text": "So large that it has no room. " * 8_000}
    server.put("/large", atom([entry | {"id": f"urn:large:{number}"} for number in range(4)], "Large"))
    planet.feed(server.url("/large", "127.0.0.9"), category="Last")
    undisturbed = copied(planet, tmp_path / "undisturbed")
    visit_all(undisturbed)
    done = once(planet, most=most)
    assert done.returncode == 0
    assert re.fullmatch(said, done.stderr.strip()), done.stderr
    assert "Feed 0, entry 7" in planet.titles()
    assert "Large" not in planet.titles()
    visit_all(planet)
    same(here(planet), here(undisturbed))
