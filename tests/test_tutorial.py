"""docs/tutorial.md does what it says: its commands are run as they stand, with a site on loopback for the one that they name."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from subprocess import PIPE, STDOUT

import feedparser
import httpx
import pytest

from tests.pages import ROOT, blocks, page
from tests.planet import NOON, atom
from tests.server import Server

NAME = "docs/tutorial.md"
SITE = "simonwillison.net"
FEED = "/atom/everything/"
PAGE = f'<!doctype html><title>A blog</title><link rel=alternate type="application/atom+xml" href="{FEED}">'
SETTINGS = """[web]
listen = "127.0.0.1:0"
dashboard = ""

[fetch]
allow_networks = ["127.0.0.0/8"]
"""


@pytest.fixture
def there(server: Server) -> str:
    """Where the site is in this test."""
    entries = [
        {"id": f"urn:{n}", "title": f"Entry {n}", "date": NOON.replace(month=1, day=n + 1, hour=0, minute=0)}
        for n in range(30)
    ]
    server.put("/", PAGE.encode(), headers={"Content-Type": "text/html"})
    server.put(FEED, atom(entries, title="Simon Willison's Weblog"), etag=True)
    return server.url("", "127.0.0.1")


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has just installed the program."""
    program = tmp_path / "bin" / "aggregator"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m aggregator "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PYTHONPATH": str(ROOT), "PATH": path, "HOME": str(tmp_path)}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder to begin in."""
    folder = tmp_path / "clone"
    folder.mkdir()
    return folder


def steps() -> Iterable[tuple[str, str]]:
    """What is to be typed, and what it is said to print."""
    typed, shown = blocks(NAME, "run"), blocks(NAME, "prints")
    assert len(typed) == len(shown) > 4
    return zip(typed, shown, strict=True)


def lines(output: str) -> list[str]:
    return [" ".join(line.split()) for line in output.splitlines() if line.strip()]


def pattern(shown: str) -> str:
    """What is shown, as a pattern: `...` is any number of lines, or the rest of one."""
    found = (
        r"(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n" for line in lines(shown)
    )
    return "".join(found)


def type_in(typed: str, there: str, folder: Path, shell: dict[str, str]) -> tuple[str, Path]:
    """What some lines print, and the folder in which they leave one."""
    here = Path(shell["HOME"]) / "here"
    script = f'{typed.replace(SITE, there)}\npwd >"{here}"\n'
    done = subprocess.run(
        ["bash", "-euc", script], cwd=folder, env=shell, text=True, stdout=PIPE, stderr=STDOUT, timeout=60
    )
    said = "\n".join(lines(done.stdout.replace(there, f"https://{SITE}"))) + "\n"
    assert done.returncode == 0, said
    folder = Path(here.read_text(encoding="utf-8").strip())
    config = folder / "config" / "aggregator.toml"
    settled = config.read_text(encoding="utf-8")
    if "allow_networks" not in settled:  # the site is on this machine, and free ports are for tests
        config.write_text(settled.replace("[fetch]\n", SETTINGS), encoding="utf-8")
    return said, folder


def test_it_leads_to_a_planet_that_a_reader_reads(clone: Path, shell: dict[str, str], there: str) -> None:
    planet = clone
    for typed, shown in steps():
        said, planet = type_in(typed, there, planet, shell)
        assert re.fullmatch(pattern(shown), said), f"{typed}\nprints\n{said}"
    (command,) = blocks(NAME, "serve")
    named = set(re.findall(r"http://127\.0\.0\.1:8080(/[\w./]*)", page(NAME)))
    assert {"/", "/rss.xml"} < named
    with subprocess.Popen(shlex.split(command), cwd=planet, env=shell, text=True, stderr=PIPE) as process:
        try:
            assert process.stderr
            url = process.stderr.readline().split()[-1]
            for path in named:
                answer = httpx.get(url.rstrip("/") + path, trust_env=False)
                assert answer.status_code == 200, path
                assert path == "/" or feedparser.parse(answer.content).entries, path
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(20)
    assert code == 130
    titles = [entry.title for entry in feedparser.parse(planet / "feeds" / "tech" / "atom.xml").entries]
    assert {"My first post", "Entry 1"} <= set(titles)
    assert (planet / "feeds" / "tech" / "planets" / "rss.xml").exists()


def test_the_short_way_of_the_readme_leads_there_too(clone: Path, shell: dict[str, str], there: str) -> None:
    (typed,) = blocks("README.md", "own")
    first, *between, last = typed.strip().splitlines()
    assert first.startswith(". .venv/bin/activate ")
    assert last.split()[:2] == ["aggregator", "serve"]
    planet = clone
    for line in between:
        _, planet = type_in(line, there, planet, shell)
    titles = {entry.title for entry in feedparser.parse(planet / "feeds" / "rss.xml").entries}
    assert {"Hello, planet", "Entry 29"} <= titles
