"""The process that a command runs in: its streams, and how SIGTERM ends it."""

import atexit
import gc
import os
import signal
import sys
from io import TextIOWrapper
from pathlib import Path


def end_at_sigterm() -> None:
    """Have SIGTERM end the program with 143: nobody is asked any more, and what was saved stays.

    It has a few seconds for that, as threads that wait for a silent name server would hold it up.
    """

    def stop(*_: object) -> None:
        signal.signal(signal.SIGALRM, lambda *_: os._exit(143))
        signal.alarm(5)
        sys.exit(143)

    signal.signal(signal.SIGTERM, stop)


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
