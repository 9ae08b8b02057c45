"""One run at a time on one store: a file lock beside a SQLite store, which the system frees when its holder dies."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from aggregator.errors import AggregatorError, LockedError


@contextmanager
def locked(store: str, now: datetime) -> Iterator[None]:
    """Hold the lock of the store at this URL. Raises LockedError, with the holder and since when, if another has it."""
    path = Path(store.removeprefix("sqlite:///") + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise AggregatorError(f"{path}: the lock cannot be made: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(f"another run is at work ({_holder(path)}); try again when it is done") from None
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "since": f"{now:%Y-%m-%dT%H:%M:%SZ}"}))
        file.flush()
        yield
        file.truncate(0)


def holder(store: str) -> str:
    """Who holds the lock, in words, without touching it; "" when nobody does."""
    path = Path(store.removeprefix("sqlite:///") + ".lock")
    try:
        os.kill(int(json.loads(path.read_text(encoding="utf-8"))["pid"]), 0)
    except PermissionError:
        pass  # it lives, and is somebody else's
    except (OSError, ValueError, KeyError, TypeError):  # no lock, a free one, or its holder was killed
        return ""
    return _holder(path)


def _holder(path: Path) -> str:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return f"process {found['pid']}, since {found['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return f"it holds {path}"
