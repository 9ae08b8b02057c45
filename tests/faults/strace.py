"""What a run asks of the system, as strace tells it, and faults put between the two."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.planet import Planet

TOLD = (
    "openat,open,creat,write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,fallocate,copy_file_range,sendfile,"
    "fsync,fdatasync,sync_file_range,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,"
    "mkdir,mkdirat,rmdir"
)
"""The calls that change files and names, and those that bring them to the disk."""

_CALL = re.compile(r"(?P<name>\w+)\((?P<args>.*)\)\s+= (?P<result>-?\d+|\?)(?P<rest>.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>")
_PATH = re.compile(r'(?:-?\d+|AT_FDCWD)<((?:[^>\\]|\\.)*)>|"((?:[^"\\]|\\.)*)"(\.\.\.)?')
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)")
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f"}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one thread: the absolute paths that it names, in order; `error` is "" or such as `ENOSPC`; `is_ours`
    says that the error was put there."""

    thread: int
    name: str
    paths: tuple[str, ...]
    flags: str
    error: str
    is_ours: bool


def parsed(told: str, folder: str) -> list[Call]:
    """The calls in what `strace -y -s 0` wrote of a process that began in this folder, in the order of their ends.

    Without `-f` strace names no threads; then all are of number 0.
    """
    calls, begun = [], dict[str, str]()
    for line in told.splitlines():
        thread, _, what = line.partition(" ") if line[:1].isdigit() else ("0", "", line)
        what = what.lstrip()
        if what.endswith("<unfinished ...>"):
            begun[thread] = what.removesuffix("<unfinished ...>")
            continue
        if resumed := _RESUMED.match(what):
            what = begun.pop(thread, "") + what[resumed.end() :]
        if found := _CALL.match(what):
            error = (re.findall(r"-1 (E\w+)", found["result"] + found["rest"]) or [""])[0]
            paths = tuple(_paths(found["args"], folder))
            calls.append(Call(int(thread), found["name"], paths, found["args"], error, "(INJECTED)" in found["rest"]))
    return calls


def _paths(args: str, folder: str) -> Sequence[str]:
    """The paths among arguments: those of descriptors, and names, which stand in the folder before them if there is one.

    A string that was cut is no name.
    """
    found: list[str] = []
    base = ""
    for match in _PATH.finditer(args):
        held, name, cut = match.groups()
        if held is not None:
            found.append(_plain(held))
            base = found[-1]
        elif not cut:
            if base:
                found.remove(base)
            found.append(os.path.normpath(os.path.join(base or folder, _plain(name))))  # noqa: PTH118 - text
            base = ""
    return found


def _plain(text: str) -> str:
    """A path without strace's escapes."""

    def plain(match: re.Match[bytes]) -> bytes:
        what = match[1]
        return bytes([int(what, 8)]) if what.isdigit() else _LETTERS.get(what, what)

    return os.fsdecode(_ESCAPE.sub(plain, text.encode("latin-1")))


def needs_strace() -> None:
    """Skip where there is no strace, or it may not trace; in CI that fails."""
    strace = needs("strace")
    tried = subprocess.run([strace, "-o", os.devnull, "true"], capture_output=True, text=True)
    if tried.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"strace may not trace here: {tried.stderr.strip()}")


ALL = ("-f", "--seccomp-bpf")
"""Trace all threads, and processes that are begun; the second makes what is not traced cost nothing."""


def traced(
    planet: Planet, *options: str, threads: tuple[str, ...] = ALL
) -> tuple["subprocess.CompletedProcess[str]", list[Call]]:
    """`aggregator once --force` under strace with these options of its own: what came of it, and its calls. Without
    `threads` it is the main one alone, which is the one that writes."""
    planet.write()
    told = planet.root / "strace"
    command = ["strace", *threads, "-y", "-s", "0", "-o", str(told), "-e", f"trace={TOLD}", *options]
    command += [sys.executable, "-m", "aggregator", "once", "--force"]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=planet.root, env=env, capture_output=True, text=True, timeout=120)
    calls = parsed(told.read_text(encoding="latin-1"), str(planet.root))
    told.unlink()
    return done, calls
