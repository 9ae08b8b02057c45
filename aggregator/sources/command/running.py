"""A program is run: in a process group of its own, within its time, with little around it."""

import asyncio
import os
import selectors
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from aggregator import text
from aggregator.errors import SourceError
from aggregator.model import Limits
from aggregator.sources.command import ADVICE, shown

ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ")
"""What of our environment a program gets; secrets of other sources are not among it."""

_TICK = 0.05  # seconds between two looks at whether it has ended
_PIECE = 65_536
_TOLD = 4_096  # bytes of standard error, the last
_NAMES = {each.value: each.name for each in signal.Signals}  # signals of real time have none


async def run(command: tuple[str, ...], folder: Path, limits: Limits) -> bytes:
    """What a program prints, run in `folder`. When it has ended, what it has started ends as well.

    Raises SourceError: `command failed` (it cannot be run, or ends with another code than 0; the message has the last
    line that it said), `timeout`, `too large`. Whoever is cancelled ends it.
    """
    stop = threading.Event()
    try:
        return await asyncio.to_thread(_run, command, folder, limits, stop)
    finally:
        stop.set()


def _run(command: tuple[str, ...], folder: Path, limits: Limits, stop: threading.Event) -> bytes:
    try:
        process = subprocess.Popen(  # noqa: S603 - the owner's own program, and no shell
            command,
            cwd=folder,
            env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        why = error.strerror if isinstance(error, OSError) else error
        raise SourceError(
            "command failed", f"{shown(command)} cannot be run ({why}); {ADVICE['command failed']}"
        ) from None
    with process:
        try:
            printed, said = _listen(process, limits, stop, shown(command))
        finally:
            _end(process)
    if process.returncode:
        code = process.returncode
        how = f"ended with {code}" if code > 0 else f"was ended by {_NAMES.get(-code, f'signal {-code}')}"
        raise SourceError("command failed", f"{shown(command)} {how}{_last(said)}; {ADVICE['command failed']}")
    return printed


def _listen(process: subprocess.Popen[bytes], limits: Limits, stop: threading.Event, name: str) -> tuple[bytes, bytes]:
    """What it prints and says, until it has ended. What it has left behind may hold its pipes open: that is ended, too,
    and what has been said until then counts."""
    printed, said = bytearray(), bytearray()
    deadline = time.monotonic() + limits.timeout.total_seconds()
    with selectors.DefaultSelector() as pipes:
        for pipe in filter(None, (process.stdout, process.stderr)):
            pipes.register(pipe, selectors.EVENT_READ)
        while True:
            ended = process.poll() is not None
            if ended:
                _end(process)
            ready = pipes.select(_TICK)
            for key, _ in ready:
                piece = os.read(key.fd, _PIECE)
                if not piece:
                    pipes.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    printed += piece
                else:
                    said = (said + piece)[-_TOLD:]
            if len(printed) > limits.max_bytes:
                why = f"prints more than {limits.max_bytes:,} bytes; if it is meant, raise max_bytes"
                raise SourceError("too large", f"{name} {why}")
            if ended and not ready:
                return bytes(printed), bytes(said)
            if time.monotonic() > deadline:
                why = f"takes more than {limits.timeout.total_seconds():g} s; if it is only slow, raise timeout"
                raise SourceError("timeout", f"{name} {why}{_last(bytes(said))}")
            if stop.is_set():
                raise SourceError("command failed", f"{name} was given up")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it, and whatever it has started that is still of its group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _last(said: bytes) -> str:
    """The last line that it said, to be put behind a message."""
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return f": {text.one_line(text.masked(lines[-1]), 300)}" if lines else ""
