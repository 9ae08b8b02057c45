"""What a server's headers say about when to come again. Pure; lenient with what servers write."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from aggregator import dates

_MOST = timedelta(seconds=2**31)  # what a number that is too large counts as (RFC 9111 §1.2.2)
_DIRECTIVE = re.compile(r"""([^\s=,;"]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"?|[^\s,;"]*))?""")
_NUMBERS = re.compile(r"-?[0-9]+(?:\s*,\s*-?[0-9]+)*", re.ASCII)


def fresh_for(headers: Mapping[str, str], cap: timedelta) -> timedelta | None:
    """How long an answer, 200 or 304, stays fresh from now on, at most `cap`; None when it is stale or does not say.

    Header names are lower case, repeated ones are joined by commas. The first max-age, or else Expires after Date, less
    Age (RFC 9111 §4.2.1, §4.2.3); never by our own clock. s-maxage is for shared caches. What cannot be read is stale
    (§4.2.1), so Expires does not count where max-age is nonsense; so is no-cache, but for single fields (§5.2.2.4).
    """
    said = _directives(headers.get("cache-control", ""))
    if said.get("no-cache") == "" or "no-store" in said:
        return None
    if "max-age" in said:
        fresh = _seconds(said["max-age"])
    else:
        date, expires = (_moment(headers.get(name, "")) for name in ("date", "expires"))
        fresh = expires - date if expires and date else None
    if fresh is None:
        return None
    age = _seconds(headers.get("age", "").partition(",")[0]) or timedelta(0)  # §5.1: the first one, if it is any
    left = min(fresh - max(age, timedelta(0)), cap)
    return left if left > timedelta(0) else None


def retry_after(value: str, date: str, now: datetime) -> timedelta | None:
    """How long Retry-After asks for silence, from now on: seconds, or a date after the header Date (RFC 9110 §10.2.3).

    `date` may be "" or nonsense; then the date is compared with `now`. A time that is over is 0; of several numbers the
    largest counts; None means that it cannot be read, or that there is none.
    """
    value = value.strip()
    if _NUMBERS.fullmatch(value):
        wait = max((_seconds(number) for number in value.split(",")), key=lambda each: each or timedelta(0))
    else:
        then = _moment(value)
        wait = then - (_moment(date) or now) if then else None
    return None if wait is None else max(wait, timedelta(0))


def _directives(value: str) -> dict[str, str]:
    """The directives of Cache-Control in lower case, the first of each, without quotes; "" for one without a value.

    Semicolons part them as well: servers write `public; max-age=60`.
    """
    said: dict[str, str] = {}
    for name, argument in _DIRECTIVE.findall(value):
        said.setdefault(name.lower(), argument.strip('"').strip())
    return said


def _seconds(value: str) -> timedelta | None:
    """A whole number of seconds, negative maybe (RFC 9111 §1.2.2); None for anything else."""
    found = re.fullmatch(r"(-?)([0-9]+)", value.strip(), re.ASCII)
    if not found:
        return None
    digits = found[2].lstrip("0") or "0"
    length = timedelta(seconds=int(digits)) if len(digits) < 10 else _MOST
    return -length if found[1] else length


def _moment(value: str) -> datetime | None:
    """An HTTP-date of any of the three forms (RFC 9110 §5.6.7) or what else names day and time; `0` and `-1` do not."""
    return dates.parse(value, "UTC") if ":" in value else None
