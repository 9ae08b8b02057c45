"""Durations, sizes, addresses and category paths as people write and read them. Pure."""

import ipaddress
import re
import unicodedata
from datetime import timedelta
from gettext import gettext as _

from aggregator import text
from aggregator.model import CategoryPath

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


MAX_LEVELS = 12
"""Levels of a category path: with 80 bytes a folder, the longest path that every file system takes."""


def duration(value: object) -> timedelta:
    """`"90s"`, `"1h"`, `"1h30m"`, `"2d"` or a number of seconds. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10**9:
        return timedelta(seconds=value)
    parts = re.findall(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*([smhdw])", value) if isinstance(value, str) else []
    if not parts or "".join(n + u for n, u in parts) != re.sub(r"\s", "", str(value)):
        raise ValueError(_('write a duration such as "30s", "15m", "1h" or "2d"'))
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds >= 10**9:
        raise ValueError(_("is too long; write less than thirty years"))
    return timedelta(seconds=seconds)


def span(length: timedelta) -> str:
    """A length of time as people say it, in one unit: `40 s`, `3 min`, `5 h`, `12 d`. A negative one is `0 s`."""
    seconds = max(0.0, length.total_seconds())
    for enough, unit, name in ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h")):
        if seconds < enough:
            return f"{round(seconds / unit)} {name}"
    return f"{round(seconds / 86400)} d"


def size(value: object) -> int:
    """`"10MB"`, `"512KiB"` or a number of bytes, at least 1 and at most 1 TB. Raises ValueError."""
    match = re.fullmatch(r"([0-9]{1,15})\s*([KMG]?I?B?)", str(value).strip().upper())
    if isinstance(value, bool) or not isinstance(value, int | str) or not match or match[2] not in _SIZES:
        raise ValueError(_('write a size such as "10MB" or "512KiB"'))
    number = int(match[1]) * _SIZES[match[2]]
    if not 1 <= number <= 10**12:
        raise ValueError(_('write a size between 1 and "1000GB"'))
    return number


def amount(number: int) -> str:
    """A number of bytes as people say it, in decimal units: `0 B`, `850 B`, `12 kB`, `3.4 MB`."""
    length = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if length < 999.5 or unit == "GB":
            break
        length /= 1000
    return f"{length:.1f} {unit}" if unit != "B" and length < 9.95 else f"{length:.0f} {unit}"


def address(value: str) -> tuple[str, int]:
    """`"127.0.0.1:8080"`, `"localhost:80"` or `"[::1]:8080"` as host and port. Raises ValueError."""
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([\w-]{1,63}(?:\.[\w-]{1,63})*)):([0-9]{1,5})", value, re.ASCII)
    if not match or int(match[3]) > 65535:
        raise ValueError(_('write HOST:PORT, such as "127.0.0.1:8080" or "[::1]:8080"'))
    return match[1] or match[2], int(match[3])


def is_loopback(host: str) -> bool:
    """Whether a host's name or address can only mean this machine (RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291)."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def categories(value: object) -> tuple[CategoryPath, ...]:
    """`"a/b"`, `["a", "b"]` (one path) or `[["a", "b"], ["c"]]` (several) as category paths. Raises ValueError."""
    if isinstance(value, str):
        paths = [value.split("/")]
    elif isinstance(value, list) and all(isinstance(name, str) for name in value):
        paths = [value]
    elif isinstance(value, list) and all(isinstance(path, list) for path in value):
        paths = value
    else:
        raise ValueError(_('write "a/b", ["a", "b"], or [["a", "b"], ["c"]] for several'))
    result = [tuple(_name(name) for name in path) for path in paths if path]
    if any(len(path) > MAX_LEVELS for path in result):
        raise ValueError(_("a category has at most {most} levels; leave some out").format(most=MAX_LEVELS))
    if not all(name for path in result for name in path):
        raise ValueError(_("a category's name is empty; write one, or leave the key out"))
    return tuple(dict.fromkeys(result))


def paths(value: object) -> tuple[CategoryPath, ...]:
    """A list of category paths, each `"a/b"` or `["a", "b"]`; one alone may stand without a list. Raises ValueError."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(each, str | list) for each in value):
        raise ValueError(_('write a list of categories, each "a/b" or ["a", "b"]'))
    return tuple(dict.fromkeys(one_category(each) for each in value))


def one_category(value: object) -> CategoryPath:
    """One category path, in any of the notations of `categories`. Raises ValueError."""
    found = categories(value)
    if len(found) != 1:
        raise ValueError(_('write one path, such as ["tech", "python"]'))
    return found[0]


def _name(name: object) -> str:
    """A category's name in the form we compare: one line, NFC, so that both ways to write `é` are one category."""
    if not isinstance(name, str):
        raise ValueError(_("write each name of a category in quotes"))
    return unicodedata.normalize("NFC", text.one_line(name))
