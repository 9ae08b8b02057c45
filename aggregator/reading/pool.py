"""The processes that read documents: one, and more where it does not suffice. They stay for the next run."""

import atexit
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection

from aggregator.errors import ParseError
from aggregator.model import Batch, Document, Limits, Policy, Source
from aggregator.reading.worker import SECONDS, Mistake

_log = logging.getLogger(__name__)

_MOST = min(4, os.cpu_count() or 1)
_PATIENCE = 0.5  # seconds that a document waits: for less, a further process takes longer to start than it saves
_BEGINNING = 3.0  # the same while a process has not answered yet: it may still be starting, on a busy machine
WAITING = 16
"""How many threads should call `read` at a time: so many documents are ready to be read next."""
_BLOCKED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LIFE = 2000  # documents that one reads, so that what libraries never give back does not add up


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, and the line to it."""

    process: subprocess.Popen[bytes]
    line: Connection
    done: int = 0

    def end(self) -> None:
        """End it at once."""
        self.line.close()
        self.process.kill()
        self.process.wait()


@dataclass(slots=True)
class _Pool:
    """Who is there: all that are `alive`, those that are `idle`.

    An `era` ends when all are told to: what waits then is not read any more.
    """

    changed: threading.Condition = field(default_factory=threading.Condition)
    idle: list[_Worker] = field(default_factory=list)
    alive: list[_Worker] = field(default_factory=list)
    era: int = 0


_pool = _Pool()


def read(kind: str, document: Document, source: Source, seconds: float = SECONDS, *, urgent: bool = False) -> Batch:
    """What `kind` reads in a document; blocks until it is done. One that is `urgent` waits for no other,
    and is read all the same where all processes are ended meanwhile.

    Raises ParseError, also (`too expensive`) for one that takes more than `seconds` or `worker.MEMORY`, or
    that ends the process; and (`internal error`) for one that shows a bug of ours.
    """
    plain = replace(source, limits=Limits(), policy=Policy())  # no secrets, and nothing that reading does not need
    era = _pool.era
    worker = _take(urgent=urgent)
    try:
        answer = _ask(worker, kind, document, plain, seconds)
    except BaseException as error:
        _give_up(worker)
        if urgent and _pool.era != era and isinstance(error, EOFError | OSError):
            return read(kind, document, source, seconds, urgent=True)
        if isinstance(error, TimeoutError):
            what = f"reading it takes more than {seconds:g} s; given up"
        elif isinstance(error, EOFError | OSError):
            what = "reading it ended the process that reads; given up"
        else:
            raise
        raise ParseError("too expensive", f"{document.name}: {what}") from None
    _give_back(worker)
    if isinstance(answer, Mistake):
        _log.error("%s: %s: a mistake in aggregator itself\n%s", source.key, document.name, answer.trace)
        raise ParseError("internal error", f"{document.name}: {answer.what}; please report it")
    if isinstance(answer, ParseError):
        raise answer
    return answer


def _ask(
    worker: _Worker, kind: str, document: Document, source: Source, seconds: float
) -> Batch | ParseError | Mistake:
    worker.line.send_bytes(pickle.dumps((kind, replace(document, body=b""), source)))
    worker.line.send_bytes(document.body)  # by itself, so that no copy of it is made
    if not worker.line.poll(seconds):
        raise TimeoutError
    answer: Batch | ParseError | Mistake = pickle.loads(worker.line.recv_bytes())  # noqa: S301 - of our own process
    worker.done += 1
    return answer


def _take(*, urgent: bool) -> _Worker:
    """An idle worker, or a new one where that pays; waits until there is one.

    One reads faster than the rest of us can keep, so the next is there for documents that take long, or stand still.
    """
    with _pool.changed:
        era, is_late = _pool.era, False
        while True:
            while _pool.idle:
                worker = _pool.idle.pop()
                if worker.process.poll() is None:
                    return worker
                _pool.alive.remove(worker)  # somebody ended it while it had nothing to do
            before = len(_pool.alive)
            if not before or urgent or (is_late and before < _MOST):
                worker = _start()
                _pool.alive.append(worker)
                return worker
            is_told = _pool.changed.wait(_PATIENCE if all(each.done for each in _pool.alive) else _BEGINNING)
            is_late = not is_told and len(_pool.alive) == before  # else another who waits has begun one
            if _pool.era != era:
                raise ParseError("too expensive", "what reads was ended while it waited; given up")


def _give_back(worker: _Worker) -> None:
    if worker.done >= _LIFE or len(_pool.alive) > _MOST:
        _give_up(worker)
        return
    with _pool.changed:
        _pool.idle.append(worker)
        _pool.changed.notify()


def _give_up(worker: _Worker) -> None:
    worker.end()
    with _pool.changed:
        _pool.alive.remove(worker)
        _pool.changed.notify()


def _start() -> _Worker:
    """A new process; not by multiprocessing, which would run our command line in it once more.

    Ctrl-C and systemd mean the one who tells as well: it lets this one finish, or ends it. A document is not to be
    blamed for a signal, so that they are blocked from the first moment on, as a process has it from who begins it.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
        try:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-c", f"from aggregator.reading.worker import main; main({theirs.fileno()})"],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=os.environ
                | {"PYTHONPATH": os.pathsep.join(sys.path)},  # a kind of the owner's own is found as here
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return _Worker(process, Connection(ours.detach()))


@atexit.register
def end() -> None:
    """End all processes, busy or not: what they read and what waits is given up."""
    with _pool.changed:
        _pool.era += 1
        _pool.changed.notify_all()
        for worker in _pool.alive:
            worker.process.kill()
            worker.process.wait()
