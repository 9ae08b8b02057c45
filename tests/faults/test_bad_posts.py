"""Bad posts of every kind among good ones, by the real command: the good ones are published, each bad one is named once."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults import bad_posts
from tests.faults.amounts import told
from tests.faults.bad_posts import Ends
from tests.planet import NOON, Planet

GOOD = 20
EVERY: Mapping[str, Ends] = {
    **{name: ends for name, (_, ends) in bad_posts.TEXTS.items()},
    **dict(bad_posts.NAMES.values()),
    **{name: ends for name, (_, ends) in bad_posts.PLACES.items()},
}

# `once` as a user whom permissions stop: root gives up its right to read everything (CAP_DAC_OVERRIDE and
# CAP_DAC_READ_SEARCH, by PR_CAPBSET_DROP), and is still the owner of the project, which another user might not read.
_AS_ANYBODY = """
import ctypes, os, sys
if os.geteuid() == 0:
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "aggregator", "once", *sys.argv[1:]])
"""


@dataclass(frozen=True)
class Outcome:
    """What runs said, the first for people and the second for programs; the posts that are known by then, by title."""

    planet: Planet
    first: "subprocess.CompletedProcess[str]"
    second: "subprocess.CompletedProcess[str]"
    seconds: float


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    planet = Planet(tmp_path_factory.mktemp("posts"))
    planet.site |= {"items": 1000, "formats": ["atom", "post"], "max_feed_bytes": "50MB"}
    planet.seeds()
    seeds = planet.root / "seeds"
    (planet.root / "outside.md").write_bytes(bad_posts.front("title: outside"))
    for name, (data, _) in bad_posts.TEXTS.items():
        (seeds / name).write_bytes(data)
    for name in bad_posts.NAMES:
        (seeds / name).write_bytes(bad_posts.front("title: oddly named"))
    for name, (make, _) in bad_posts.PLACES.items():
        make(seeds / name)
    for number in range(GOOD):
        planet.post(f"good/{number}.md", f"Good text {number}.", title=f"Good {number}", date=str(NOON.date()))
    planet.write()
    try:
        begin = time.monotonic()
        first = _once(planet)
        yield Outcome(planet, first, _once(planet, "--json"), time.monotonic() - begin)
    finally:
        for name in ("closed", "secret.md", ".hidden.md"):
            (seeds / name).chmod(0o700)


def _once(planet: Planet, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", _AS_ANYBODY, *options]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(command, cwd=planet.root, env=env, text=True, capture_output=True, check=False, timeout=600)


def test_it_comes_to_its_end_without_a_trace(outcome: Outcome) -> None:
    for each in (outcome.first, outcome.second):
        assert each.returncode == 0, each.stderr
        assert "Traceback" not in each.stderr
        assert "internal error" not in each.stdout + each.stderr
    assert len(EVERY) >= 45
    told("bad posts", posts=len(EVERY), good=GOOD, seconds=round(outcome.seconds, 1))


def test_the_good_ones_are_published(outcome: Outcome) -> None:
    entries = [entry for entry in outcome.planet.published().entries if entry.title.startswith("Good ")]
    assert sorted(entry.title for entry in entries) == sorted(f"Good {number}" for number in range(GOOD))
    assert all(entry.content[0].value == f"<p>Good text {entry.title[5:]}.</p>" for entry in entries)
    assert not [path for path, data in outcome.planet.files().items() if b"outside" in data or b"root:x:" in data]


def test_so_many_entries_come_of_each(outcome: Outcome) -> None:
    (source,) = json.loads(outcome.second.stdout)["sources"]
    assert source["new"] + source["same"] == GOOD + sum(number for number, _ in EVERY.values())
    assert not (outcome.planet.root / "made").exists(), "no post is a program"


def test_each_bad_one_is_named_once(outcome: Outcome) -> None:
    said = outcome.first.stdout + outcome.first.stderr
    (source,) = json.loads(outcome.second.stdout)["sources"]
    assert _wrong([line for line in said.splitlines() if " seeds/" in line]) == {}
    assert _wrong([f" {warning}" for warning in source["warnings"]]) == {}, "and in the second run, where it stands"
    assert source["error"] == ""


def _wrong(lines: list[str]) -> dict[str, tuple[int, list[str]]]:
    """The posts that are not named as often as they should be, with the lines that name them; and what is left over."""
    wrong: dict[str, tuple[int, list[str]]] = {}
    left = set(lines)
    for name, (_, wanted) in EVERY.items():
        found = [line for line in lines if f" seeds/{name}:" in line or f" seeds/{name}/" in line]
        left -= set(found)
        if len(found) != wanted:
            wrong[name] = wanted, found
    return wrong | ({"": (0, sorted(left))} if left else {})


def test_nothing_that_a_terminal_obeys_is_said(outcome: Outcome) -> None:
    for each in (outcome.first.stdout, outcome.first.stderr):
        assert each == "".join(char for char in each if char == "\n" or (char >= " " and char not in "\x7f\u202e"))
