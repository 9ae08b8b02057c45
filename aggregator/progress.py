"""How far long work is, while it goes on: a line on the terminal, or now and then one in a log."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from gettext import gettext as _
from threading import Event, Thread
from typing import TextIO

from rich.cells import cell_len, set_cell_size

from aggregator.model import Progress, Work

_LOOKS = 40  # changes that a rate is made of
_SOON = 0.25  # seconds, from one line on a terminal to the next, which takes its place
_SELDOM = 10.0  # the same elsewhere, where each stays
_SURE = 1.0  # seconds, before which nothing is said of how fast it goes
_NEVER = 360_000  # seconds that are left: by then it will go faster or slower
_LEAST, _BAR = 5, 20  # columns of a bar
_RATE = 9  # columns
_NAME = 12  # columns that a name should have at least
_LONGEST = 100  # characters of a name


@dataclass(frozen=True, slots=True)
class Step:
    """How far a kind of work is: `done` of `total` (0 where nobody knows), `seconds` since it began, how many are done
    in a second (0.0 where that is not known yet), and the name of what it is at."""

    what: Work
    done: int
    total: int
    seconds: float
    rate: float = 0.0
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Heard:
    """What was heard last, and when this kind of work began (in seconds of the monotonic clock), with how many done."""

    done: int
    total: int
    what: Work
    name: str
    began: tuple[float, int]


@contextmanager
def told(stream: TextIO, clean: Callable[[str], str], *, seldom: float = _SELDOM) -> Iterator[Progress]:
    """What hears how far the work is, and costs it nothing: a thread of its own looks at what was heard last.

    A terminal has one line, gone at the end; what does not obey cursor movements (TERM=dumb, a file) one every `seldom`
    seconds. Neither has colours. `clean` is what becomes of names, which come from outside.
    """
    is_bar = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    heard: _Heard | None = None
    ended = Event()

    def hear(done: int, total: int, what: Work, name: str) -> None:
        nonlocal heard
        goes_on = heard and heard.what == what and heard.done <= done
        heard = _Heard(done, total, what, name, heard.began if heard and goes_on else (time.monotonic(), done))

    def tell() -> None:
        met: deque[tuple[float, int]] = deque(maxlen=_LOOKS)
        while not ended.wait(_SOON if is_bar else seldom):
            if heard:
                step = _step(heard, met, time.monotonic())
                step = replace(step, name=clean(step.name))
                shown = line(step, _columns(stream) if is_bar else None, stream.encoding)
                _say(stream, f"\r{shown}\x1b[K" if is_bar else f"{shown}\n")

    thread = Thread(target=tell, name="progress", daemon=True)
    thread.start()
    try:
        yield hear
    finally:
        ended.set()
        thread.join()
        if is_bar and heard:
            _say(stream, "\r\x1b[K")


def _say(stream: TextIO, text: str) -> None:
    with suppress(OSError):  # nobody reads any more
        stream.write(text)
        stream.flush()


def _step(heard: _Heard, met: deque[tuple[float, int]], now: float) -> Step:
    """What was heard by now as a step. `met` are the moments when something new had been done, and how much: the last
    of this kind of work, from which its rate is; it is brought up to date."""
    if not met or met[0] < heard.began or met[-1][1] > heard.done:
        met.clear()
        met.append(heard.began)
    if met[-1][1] != heard.done:
        met.append((now, heard.done))
    first, there = met[0]
    rate = (heard.done - there) / (now - first) if now - first >= _SURE else 0.0
    return Step(heard.what, heard.done, heard.total, now - heard.began[0], rate, heard.name)


def line(step: Step, width: int | None, encoding: str = "utf-8") -> str:
    """A step as one line, narrower than a terminal of so many columns (None: all of it, without a bar).

    Where that is too narrow for all, the bar gives way, then the rate. `encoding` is what the terminal understands.
    """
    what, clock = _phase(step.what), _time(step)
    name = step.name[:_LONGEST].encode(encoding, "replace").decode(encoding)
    counts = f"{step.done}/{step.total}" if step.total else ""
    rate = _speed(step.rate) if step.total and step.rate else ""
    if width is None:
        return _joined(what, counts, rate, clock, name)
    if step.total:
        counts, rate = counts.rjust(2 * len(str(step.total)) + 1), rate.rjust(_RATE)
    room = max(width - 1, 0)  # in the last column some terminals go on to the next line
    left = room - _NAME - cell_len(_joined(what, counts, rate, clock, " "))
    bar = _bar(step, min(left - 2, _BAR), encoding)
    text = _joined(what, bar, counts, rate if left >= 0 else "", clock, name)
    return (text if cell_len(text) <= room else set_cell_size(text, room)).rstrip()


def _joined(*parts: str) -> str:
    return "  ".join(filter(None, parts))


def _phase(what: Work) -> str:
    """A kind of work, in the language of who looks on."""
    phases: Mapping[Work, str] = {
        "visiting": _("visiting"),
        "grouping": _("grouping"),
        "sorting": _("sorting"),
        "writing": _("writing"),
        "updating": _("updating the store"),
        "reading": _("reading"),
        "removing": _("removing"),
        "copying": _("copying"),
        "comparing": _("comparing"),
        "checking": _("checking"),
    }
    return phases[what]


def _bar(step: Step, width: int, encoding: str) -> str:
    """How much is done, as a bar of so many columns; "" where there is no telling, or no room."""
    if not step.total or width < _LEAST:
        return ""
    full = min(width * step.done // step.total, width)
    made = "━" * full + "─" * (width - full)
    return made if made.encode(encoding, "ignore").decode(encoding) == made else "#" * full + "-" * (width - full)


def _speed(rate: float) -> str:
    """A number of things a second, or a minute where that is less than one."""
    if rate >= 0.95:
        return _("{}/s").format(f"{rate:.0f}" if rate >= 9.95 else f"{rate:.1f}")
    return _("{}/min").format(f"{60 * rate:.0f}" if 60 * rate >= 9.95 else f"{60 * rate:.1f}")


def _time(step: Step) -> str:
    """The time that is left; where nobody knows, that which has passed."""
    left = max(step.total - step.done, 0) / step.rate if step.total and step.rate else _NEVER
    return _("{} left").format(_clock(left)) if left < _NEVER else _("{} so far").format(_clock(step.seconds))


def _clock(seconds: float) -> str:
    """A length of time: `0:07`, `3:12`, `1:02:33`."""
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _columns(stream: TextIO) -> int:
    """The width of the terminal that a stream goes to."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80
