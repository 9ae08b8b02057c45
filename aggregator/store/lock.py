"""One run at a time on one store: a file lock beside a SQLite store, which the system frees when its holder dies."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

from aggregator.errors import AggregatorError, LockedError


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: `what` is the command that it runs, `since` when, as it stands in the lock."""

    pid: int
    since: str
    what: str = ""

    def __str__(self) -> str:
        what = f"aggregator {self.what}, " if self.what else ""
        return f"{what}process {self.pid}, since {self.since}"


@contextmanager
def locked(store: str, now: datetime, what: str = "") -> Iterator[bool]:
    """Hold the lock of the store at this URL. Gives whether who had it last did not come to its end.

    Raises LockedError, with the holder and since when, if another has it.
    """
    path = _path(store)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise AggregatorError(f"{path}: the lock cannot be made: {error.strerror}") from error
    with file:
        if not _taken(file):
            found = _read(path)
            told = found or f"it holds {path}"
            advice = (
                "it visits what is due by itself" if found and found.what == "daemon" else "try again when it is done"
            )
            raise LockedError(f"another run is at work ({told}); {advice}")
        is_broken_off = os.fstat(file.fileno()).st_size > 0
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "since": f"{now:%Y-%m-%dT%H:%M:%SZ}", "what": what}))
        file.flush()
        yield is_broken_off
        file.truncate(0)


@contextmanager
def awaited(
    store: str, clock: Callable[[], datetime], what: str, seconds: float, told: Callable[[str], None]
) -> Iterator[bool]:
    """Hold the lock as `locked` does, but wait so long for a run that has it to end, which is `told` once. Another that
    runs for ever, as this one does, is not waited for."""
    until, is_told = time.monotonic() + seconds, False
    with ExitStack() as stack:
        while True:
            try:
                is_broken_off = stack.enter_context(locked(store, clock(), what))
                break
            except LockedError as error:
                other = holder(store)
                if time.monotonic() > until or (other and other.what == what):
                    raise
                if not is_told:
                    told(str(error))
                is_told = True
                time.sleep(0.5)
        yield is_broken_off


def holder(store: str) -> Holder | None:
    """Who holds the lock of the store now, as far as it says; None for nobody. Asks without taking it."""
    path = _path(store)
    try:
        with path.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(path)
    except OSError:
        pass
    return None


def _taken(file: TextIO) -> bool:
    """Whether the lock is ours now; `holder` may have it for a moment."""
    for _ in range(3):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.05)
    return False


def _path(store: str) -> Path:
    return Path(store.removeprefix("sqlite:///") + ".lock")


def _read(path: Path) -> Holder | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Holder(int(found["pid"]), str(found["since"]), str(found.get("what", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
