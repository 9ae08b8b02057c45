"""What a planet is after a fault, and what it is to be: the same as if nothing had happened."""

import re
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aggregator import pipeline
from tests.planet import Planet

_CAUSE = re.compile(
    r"No space left on device|Input/output error|File too large|disk I/O error|database or disk is full"
    r"|unable to open database file|attempt to write a readonly database"
)
_SAID = re.compile(r"aggregator: |failed +")


@dataclass(frozen=True)
class State:
    """All that is published, by its path, and the entries of the store."""

    files: Mapping[str, bytes]
    entries: tuple[tuple[Any, ...], ...]


def copied(planet: Planet, root: Path) -> Planet:
    """A planet that stands as this one does, somewhere else."""
    shutil.copytree(planet.root, root)
    other = Planet(root)
    other.site, other.fetch, other.sources = planet.site, planet.fetch, planet.sources
    return other


def visit_all(planet: Planet) -> pipeline.Report:
    """A run that nothing disturbs, and that asks everybody, by the real clock as real runs go."""
    return pipeline.run(planet.load(), datetime.now(UTC), force=True)


def state(output: Path, store: Path) -> State:
    """What is there now. The store is whole, and nothing half written lies about."""
    files = {path.relative_to(output).as_posix(): path.read_bytes() for path in output.rglob("*") if path.is_file()}
    assert [path for path in files if ".aggregator-" in path] == []
    with closing(sqlite3.connect(store)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        asked = "SELECT s.key, i.identity, i.title, i.data, i.edits, i.removed FROM item i JOIN source s ON s.id = i.source_id"
        return State(files, tuple(sorted(db.execute(asked).fetchall(), key=repr)))


def here(planet: Planet) -> State:
    """The same of a planet whose store and output stand where they usually do."""
    return state(planet.root / "feeds", planet.root / "var" / "aggregator.db")


def whole(found: Mapping[str, bytes], before: State, after: State) -> None:
    """Every published document is as it was before, or as it is to be; none is missing, and there is no other."""
    found = {path: data for path, data in found.items() if ".aggregator-" not in path}
    assert before.files.keys() <= found.keys() <= after.files.keys()
    for path, data in found.items():
        assert data in (before.files.get(path), after.files[path]), f"{path} is half of something"


def same(found: State, wanted: State) -> None:
    """That it is what it is to be, byte for byte and entry for entry."""
    paths = sorted(found.files.keys() | wanted.files.keys())
    assert [path for path in paths if found.files.get(path) != wanted.files.get(path)] == []
    assert found.entries == wanted.entries


def told_well(code: int, errors: str, root: Path) -> bool:
    """Whether a run said that something was wrong: then it said what and where, in lines, and with the code for it."""
    assert [
        word for word in ("Traceback", "internal error", "please report", "sqlite3", "INSERT") if word in errors
    ] == []
    lines = errors.splitlines()
    for line in lines:
        assert _SAID.match(line), line
        assert _CAUSE.search(line), line
        assert re.search(r"(^|[ /])(feeds|var|disk|aggregator\.db)\b", line), line
    if any(line.startswith("aggregator: ") for line in lines):
        assert code == 1
        assert len(lines) == 1, errors
    else:
        assert code == 0 or lines
    return bool(lines)
