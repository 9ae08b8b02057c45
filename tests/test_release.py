"""What is released: a wheel and an sdist that hold all they should, and work where nothing else of the project is.

The whole way, into empty environments and with what a package index has, is a step of .ci/run.
"""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path, PurePosixPath

import pytest

from aggregator import __version__

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Release:
    """Both files, built from the sdist as others do."""

    wheel: Path
    sdist: Path


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """`python -m build`, with what is installed here instead of an environment from an index."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Release(wheel, sdist)


def ours(folder: str) -> set[str]:
    """The files of a folder of the project that belong to it, by their paths from the top."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-c", "-o", "--exclude-standard", folder], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode == 0:
        return {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    return set(_found(folder))  # in an sdist there is no git


def _found(folder: str) -> Iterator[str]:
    for path in (ROOT / folder).rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(ROOT).as_posix()


def metadata(release: Release) -> Message:
    with zipfile.ZipFile(release.wheel) as packed:
        (name,) = [each for each in packed.namelist() if each.endswith(".dist-info/METADATA")]
        return message_from_bytes(packed.read(name))


def test_the_version_is_that_of_the_package(release: Release) -> None:
    assert metadata(release)["Version"] == __version__
    assert release.sdist.name == f"aggregator-{__version__}.tar.gz"
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)  # https://semver.org/spec/v2.0.0.html, §2
    assert __version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_wheel_holds_the_package_with_its_data_and_no_more(release: Release) -> None:
    with zipfile.ZipFile(release.wheel) as packed:
        names = {name for name in packed.namelist() if ".dist-info/" not in name}
    beside = {name.partition(".data/")[2] for name in names if ".data/" in name}
    assert beside == {"data/share/man/man1/aggregator.1"}
    assert {name for name in names if ".data/" not in name} == ours("aggregator")
    assert {PurePosixPath(name).suffix for name in names} >= {".py", ".html", ".css", ".svg", ".typed"}


def test_the_sdist_holds_what_a_packager_and_a_reader_want(release: Release) -> None:
    with tarfile.open(release.sdist) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    for folder in ("aggregator", "benchmarks", "config", "contrib", "docs", "seeds", "tests"):
        assert ours(folder) <= names, folder
    assert {"README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "pyproject.toml"} <= names
    assert not [name for name in names if name.startswith(("var/", "feeds/", ".venv/"))]


def test_what_was_installed_begins_a_planet_and_publishes(release: Release, tmp_path: Path) -> None:
    """Away from the clone: no file of the project is found but those of the wheel."""
    site, folder = tmp_path / "site", tmp_path / "elsewhere"
    folder.mkdir()
    with zipfile.ZipFile(release.wheel) as packed:
        packed.extractall(site)

    def aggregator(*words: str) -> str:
        env = {name: each for name, each in os.environ.items() if name != "PYTHONPATH"} | {"PYTHONPATH": str(site)}
        command = [sys.executable, "-m", "aggregator", *words]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    assert aggregator("--version").split()[-1] == __version__
    aggregator("init", ".", "--yes")
    aggregator("check")
    aggregator("once")
    assert "Hello, planet" in (folder / "feeds" / "index.html").read_text(encoding="utf-8")
    assert (folder / "feeds" / "rss.xml").exists()
    where = [sys.executable, "-c", "import aggregator; print(aggregator.__file__)"]
    found = subprocess.run(where, cwd=folder, env={"PYTHONPATH": str(site)}, capture_output=True, text=True)
    assert found.stdout.startswith(str(site))
