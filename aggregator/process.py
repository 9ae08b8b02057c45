"""The process that a command runs in: its streams, and how signals end it."""

import atexit
import gc
import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path


def heed_signals() -> Sequence[int]:
    """Have SIGTERM end the program with 143, and Ctrl-C with KeyboardInterrupt: nobody is asked any more, and what was
    saved stays. Gives the exit codes of the signals that have come: libraries make other errors of what was raised.

    It has a few seconds for that, as threads that wait for a silent name server would hold it up; a second signal ends
    it at once, which harms nothing either.
    """
    told: list[int] = []

    def stop(sign: int, _: object) -> None:
        if told:
            os._exit(128 + sign)
        told.append(128 + sign)
        signal.signal(signal.SIGALRM, lambda *_: os._exit(128 + sign))
        signal.alarm(5)
        if sign == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + sign)

    for each in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(each) != signal.SIG_IGN:  # by nohup, or a shell that has it in the background
            signal.signal(each, stop)
    return told


def collect_seldom() -> None:
    """Have Python look less often for cycles of garbage, of which a run makes few, and not at all at the very end: the
    memory goes back to the system as it is. That is a tenth of the CPU of a short run."""
    gc.set_threshold(20_000, 20, 20)
    atexit.register(gc.freeze)


def load_no_plugins() -> None:
    """Spare pydantic its look for plugins among all that is installed."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def collect_often() -> None:
    """Have Python look for garbage as often as it does by itself, for what runs for months."""
    gc.set_threshold(700, 10, 10)


def open_streams() -> None:
    """Have output and errors take what is written, whatever the locale, and even when the caller has closed them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end
        if isinstance(stream := getattr(sys, name), TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
