"""When to come again, and why. Pure."""

from datetime import datetime, timedelta

_LONGEST = timedelta(days=7)


def next_visit(now: datetime, interval: timedelta, failures: int) -> tuple[datetime, str]:
    """The next visit after one that began at `now`; `failures` counts the failed visits in a row, this one included.

    A source in trouble is asked less and less often, but never given up.
    """
    if not failures:
        return now + interval, f"every {_text(interval)}"
    wait = min(interval * 2 ** min(failures - 1, 10), max(_LONGEST, interval))
    return now + wait, f"failed {failures} times in a row" if failures > 1 else "failed last time"


def _text(interval: timedelta) -> str:
    seconds = int(interval.total_seconds())
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds and seconds % unit == 0:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
