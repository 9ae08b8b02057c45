"""What a process of ours and those that it began are: who they are, and the most memory they ever had. Of Linux; elsewhere
there is nothing to see."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

_PROC = Path("/proc")


def children(process: int) -> list[int]:
    """The processes that a process has begun and that are still there."""
    found: list[int] = []
    with suppress(OSError):  # it may have ended
        for task in (_PROC / str(process) / "task").iterdir():
            with suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def readers(process: int) -> list[int]:
    """Those of them that read documents."""
    return [each for each in children(process) if b"aggregator.reading" in _command(each)]


def _command(process: int) -> bytes:
    with suppress(OSError):
        return (_PROC / str(process) / "cmdline").read_bytes()
    return b""


def peak(process: int) -> int:
    """The most memory that a process ever had, in bytes; 0 for one that has ended."""
    with suppress(OSError):
        found = (_PROC / str(process) / "status").read_text().partition("VmHWM:")[2].split()
        return int(found[0]) * 1024 if found else 0
    return 0


@contextmanager
def watched(process: int) -> Iterator[Mapping[str, int]]:
    """The peaks of a process (`parent`) and of the largest of its readers (`reader`), and how many `readers` there were.

    A peak is never forgotten by the system, so it is enough to look now and then.
    """
    seen = {"parent": 0, "reader": 0, "readers": 0}
    known: set[int] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.02):
            seen["parent"] = max(seen["parent"], peak(process))
            known.update(found := readers(process))
            seen["reader"] = max([seen["reader"], *map(peak, found)])
            seen["readers"] = len(known)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
