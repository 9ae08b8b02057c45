"""What has to be on the disk before what, so that a power cut at any moment takes back nothing: a pure check of calls.

1. A file is on the disk behind its last write before it is renamed into its place.
2. What the store was told is on the disk before a document that was made of it takes its place.
3. A name that is new, replaced or gone is on the disk (its folder is) before the store hears of it, and at the end.
4. SQLite's log is on the disk before the store is changed by it, and the store before the log goes.

5. The lock says on the disk that a run is at work before that makes a temporary file, or none would be swept.

Left out are the lock when it is given back, temporary files that never got a place, and the names of SQLite's own
files, which it brings to the disk itself where it matters.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePath

from tests.faults.strace import Call

_WRITES = ("write", "writev", "pwrite64", "pwritev", "pwritev2", "ftruncate", "fallocate", "truncate")
_OTHERS = ("link", "linkat", "symlink", "symlinkat", "copy_file_range", "sendfile", "sync_file_range")
_TEMPORARY = ".aggregator-"


@dataclass
class Disk:
    """What is not on the disk yet: files, and names by their folder. `broken` says what came too early, `counts` how
    much was looked at."""

    root: str
    store: str
    dirty: set[str] = field(default_factory=set)
    names: dict[str, set[str]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def see(self, call: Call) -> None:
        """Follow a call that was made."""
        paths = [path for path in call.paths if path == self.root or path.startswith(f"{self.root}/")]
        if call.error or not paths or self._is_left_out(paths[0]):
            return
        self.counts[call.name] += 1
        if call.name == "openat" and _TEMPORARY in paths[0] and self._lock in self.dirty:
            self.broken.append(f"{paths[0]}: is begun before the lock is on the disk")
        if call.name in _WRITES:
            self._written(paths[0])
        elif call.name in ("fsync", "fdatasync"):
            self.dirty.discard(paths[0])
            self.names.pop(paths[0], None)
        elif call.name.startswith("rename"):
            self._renamed(*paths)
        elif call.name.startswith("mkdir"):
            self._named(paths[0])
        elif call.name in ("unlink", "unlinkat", "rmdir"):
            self._removed(paths[0])
        elif call.name in _OTHERS:
            self.broken.append(f"{call.name} {paths}: nobody has said what that means for the disk")

    def _is_left_out(self, path: str) -> bool:
        return path == f"{self.store}-shm"

    @property
    def _lock(self) -> str:
        return f"{self.store}.lock"

    @property
    def _log(self) -> set[str]:
        return self.dirty & {f"{self.store}-wal", f"{self.store}-journal"}

    def _written(self, path: str) -> None:
        if path == f"{self.store}-wal":
            self.broken += [f"{name}: the store hears of it too early" for each in self.names.values() for name in each]
        if path == self.store and self._log:
            self.broken.append("the store is changed before its log is on the disk")
        self.dirty.add(path)

    def _renamed(self, old: str, new: str) -> None:
        if old in self.dirty:
            self.broken.append(f"{new}: takes its place before it is on the disk")
        if self._log:
            self.broken.append(f"{new}: is published before the store is on the disk")
        self.dirty.discard(old)
        self._named(new)
        if PurePath(old).parent != PurePath(new).parent:
            self._named(old)

    def _removed(self, path: str) -> None:
        if path in (f"{self.store}-wal", f"{self.store}-journal"):
            if self.store in self.dirty:
                self.broken.append("the log goes before the store is on the disk")
        elif not PurePath(path).name.startswith(_TEMPORARY):
            self._named(path)
        self.names.pop(path, None)
        self.dirty.discard(path)

    def _named(self, path: str) -> None:
        self.names.setdefault(str(PurePath(path).parent), set()).add(path)


def followed(calls: Iterable[Call], root: str, store: str) -> Disk:
    """What calls did below a folder, to the end: `broken` is empty where nothing came too early, or never."""
    disk = Disk(root, store)
    for call in calls:
        disk.see(call)
    disk.broken += [f"{name}: its name is never on the disk" for each in disk.names.values() for name in sorted(each)]
    disk.broken += [f"{path}: is never on the disk" for path in sorted(disk.dirty - {f"{store}.lock"})]
    return disk
