"""Secrets of sources: the config names where they are, `env:NAME` or `file:PATH`, and never holds them itself."""

import base64
import os
import re
from pathlib import Path

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class MissingError(ValueError):
    """The config is right, but the secret that it names is not there."""


def reveal(value: str, root: Path) -> str:
    """What `env:NAME` or `file:PATH` (relative to `root`) stands for, without line ends.

    Raises ValueError, MissingError when there is no secret in that place.
    """
    kind, _, name = value.partition(":")
    if kind == "env" and name:
        found = os.environ.get(name)
        if found is None:
            raise MissingError(f"the environment has no variable {name}; set it where aggregator runs")
    elif kind == "file" and name:
        try:
            found = (root / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise MissingError(f"{root / name} cannot be read; write the secret into it") from error
    else:
        raise ValueError('write "env:NAME" or "file:PATH", where the secret is, and not the secret itself')
    found = found.strip()
    if not found or re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", found):  # \ud800: bytes of a variable that are no UTF-8
        raise MissingError(f"{value} holds no secret: write one line of text into it")
    return found


def header(name: str, value: str, root: Path) -> tuple[str, str]:
    """A header of a source; its value may be `env:NAME` or `file:PATH`, or stand as it is. Raises ValueError."""
    if not _HEADER.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a header")
    said = reveal(value, root) if value.startswith(("env:", "file:")) else value
    if re.search(r"[\x00-\x1f\x7f]", said):
        raise ValueError(f"the value of {name} has line ends or controls")
    return name, said


def basic(value: str, root: Path) -> tuple[str, str]:
    """The Authorization header for `user:password` (RFC 7617). Raises ValueError."""
    return "Authorization", "Basic " + base64.b64encode(reveal(value, root).encode()).decode()


def bearer(value: str, root: Path) -> tuple[str, str]:
    """The Authorization header for a token (RFC 6750). Raises ValueError."""
    return "Authorization", f"Bearer {reveal(value, root)}"
