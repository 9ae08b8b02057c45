"""One run at a time on one store: a file lock beside a SQLite store, which the system frees when its holder dies, and
on PostgreSQL the lock of a session (see `postgresql`), which the server frees."""

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from gettext import gettext as _
from io import FileIO
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, insert, select

from aggregator import disk
from aggregator.errors import AggregatorError, LockedError, reason
from aggregator.store import postgresql
from aggregator.store.engine import is_current, migrate, reading, writing
from aggregator.store.tables import meta

KEY = postgresql.MARK
"""The key in `meta` of a store whose lock is held, or was when its holder was killed."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: `what` is the command that it runs, `since` when, as it stands in the lock; `host` is its
    machine, "" for this one."""

    pid: int
    since: str
    what: str = ""
    host: str = ""

    def __str__(self) -> str:
        what = f"aggregator {self.what}, " if self.what else ""
        said = _("process {pid} on {host}, since {since}") if self.host else _("process {pid}, since {since}")
        return what + said.format(pid=self.pid, host=self.host, since=self.since)


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that is held: whether who had it last did not come to its end; and what opens the store for its holder,
    where that matters."""

    is_broken_off: bool
    writer: Engine | None = None


def locked(store: str, now: datetime, what: str = "", *, again: bool = False) -> AbstractContextManager[Lock]:
    """Hold the lock of the store at this URL. Raises LockedError, with the holder and since when, if another has it.

    One on a server that was lost is taken `again` as soon as that can be; else nothing is written any more.
    """
    return _on_server(store, now, what, again) if postgresql.is_meant(store) else _beside_file(store, now, what)


@contextmanager
def _on_server(store: str, now: datetime, what: str, again: bool) -> Iterator[Lock]:
    engine = postgresql.writer(store, now, what, again=again)
    try:
        _migrate(engine, store)
        with writing(engine) as db:
            is_broken_off = db.scalar(select(meta.c.value).where(meta.c.key == KEY)) is not None
            if not is_broken_off:
                db.execute(insert(meta).values(key=KEY, value="held"))
        yield Lock(is_broken_off, engine)
        with suppress(AggregatorError), writing(engine) as db:  # all is done; the next run looks for what was left
            db.execute(delete(meta).where(meta.c.key == KEY))
    finally:
        engine.dispose()


@contextmanager
def shared(store: str, now: datetime, what: str) -> Iterator[Engine]:
    """Hold the lock of a store on a server together with others that do so, and nobody alone; gives what writes.

    Raises LockedError when a run has it alone. A session that was lost stays lost: nothing is written any more.
    """
    if not is_current(store):  # of those who begin at once one alone makes it so; those of an older version are to end
        alone = postgresql.writer(store, now, what, again=False)
        try:
            _migrate(alone, store)
        finally:
            alone.dispose()
    engine = postgresql.writer(store, now, what, again=False, shared=True)
    try:
        _migrate(engine, store)
        yield engine
    finally:
        engine.dispose()


def _migrate(engine: Engine, store: str) -> None:
    """Take the lock, by what writes, and bring the store up to date. Raises LockedError."""
    try:
        migrate(engine, postgresql.shown(store))
    except LockedError as error:
        raise _refusal(holder(store), _("it has the database's lock")) from error


@contextmanager
def _beside_file(store: str, now: datetime, what: str) -> Iterator[Lock]:
    path = _path(store)
    try:
        disk.make(path.parent)
        file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+")
    except OSError as error:
        raise AggregatorError(
            _("{file}: the lock cannot be made: {why}").format(file=path, why=reason(error))
        ) from error
    with file:
        if not _taken(file):
            raise _refusal(_read(path), _("it holds {file}").format(file=path))
        is_broken_off = os.fstat(file.fileno()).st_size > 0
        holds = json.dumps({"pid": os.getpid(), "since": f"{now:%Y-%m-%dT%H:%M:%SZ}", "what": what})
        try:
            _write(file, holds.encode())
        except OSError as error:
            raise AggregatorError(
                _("{file}: the lock cannot be written: {why}").format(file=path, why=reason(error))
            ) from error
        yield Lock(is_broken_off)
        with suppress(OSError):  # all is done; the next run looks for what was left
            file.truncate(0)


def _write(file: FileIO, data: bytes) -> None:
    """Put what is to be in the place of all that is in a file; where the disk is full, it never gets empty."""
    if os.pwrite(file.fileno(), data, 0) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    file.truncate(len(data))
    os.fsync(file.fileno())  # after a power cut it says that temporary files may lie about


def _refusal(found: Holder | None, unknown: str) -> LockedError:
    """Why a lock cannot be had; who has it may be `unknown`."""
    is_service = found and found.what in ("daemon", "worker")
    advice = _("it visits what is due by itself") if is_service else _("try again when it is done")
    return LockedError(_("another run is at work ({holder}); {advice}").format(holder=found or unknown, advice=advice))


@contextmanager
def awaited(
    store: str, clock: Callable[[], datetime], what: str, seconds: float, told: Callable[[str], None]
) -> Iterator[Lock]:
    """Hold the lock as `locked` does, but wait so long for a run that has it to end, which is `told` once. Another that
    runs for ever, as this one does, is not waited for. One that is lost is taken again."""
    until, is_told = time.monotonic() + seconds, False
    with ExitStack() as stack:
        while True:
            try:
                lock = stack.enter_context(locked(store, clock(), what, again=True))
                break
            except LockedError as error:
                other = holder(store)
                if time.monotonic() > until or (other and other.what == what):
                    raise
                if not is_told:
                    told(str(error))
                is_told = True
                time.sleep(0.5)
        yield lock


def holder(store: str) -> Holder | None:
    """Who holds the lock of the store now, as far as it says; None for nobody. Asks without taking it."""
    if postgresql.is_meant(store):
        return _on_session(store)
    path = _path(store)
    try:
        with path.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(path)
    except OSError:
        pass
    return None


def _on_session(store: str) -> Holder | None:
    engine = postgresql.engine(store)
    try:
        with reading(engine) as db:
            return next(iter(on_server(db)), None)
    finally:
        engine.dispose()


def on_server(db: Connection) -> list[Holder]:
    """All who hold the lock of a store on a server, as far as they say who they are: one run, or workers."""
    here = socket.gethostname()
    found = [words for words in postgresql.holders(db) if words and words[0].isdecimal()]
    return [Holder(int(pid), since, what, "" if host == here else host) for pid, since, what, host in found]


def _taken(file: FileIO) -> bool:
    """Whether the lock is ours now; `holder` may have it for a moment."""
    for __ in range(3):
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
