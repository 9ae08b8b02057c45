"""Secrets of sources: the config names where they are, `env:NAME` or `file:PATH`, and never holds them itself."""

import base64
import os
import re
from gettext import gettext as _
from pathlib import Path

from aggregator import disk
from aggregator.languages import marked

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class MissingError(ValueError):
    """The config is right, but the secret that it names is not there. `plain` says so in English, as what is kept is;
    the message is `marked`."""

    def __init__(self, message: str, **fields: object) -> None:
        super().__init__(_(message).format(**fields))
        self.plain = message.format(**fields)


def reveal(value: str, root: Path) -> str:
    """What `env:NAME` or `file:PATH` (relative to `root`) stands for, without line ends.

    Raises ValueError, MissingError when there is no secret in that place.
    """
    kind, __, name = value.partition(":")
    if kind == "env" and name:
        found = os.environ.get(name)
        if found is None:
            raise MissingError(
                marked("the environment has no variable {name}; set it where aggregator runs"), name=name
            )
    elif kind == "file" and name:
        try:
            with disk.opened(root / name) as opened:
                found = opened.read().decode()
        except disk.NotRegularError as error:
            raise MissingError(
                marked("{file} is no regular file; write the secret into one"), file=root / name
            ) from error
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise MissingError(marked("{file} cannot be read; write the secret into it"), file=root / name) from error
    else:
        raise ValueError(_('write "env:NAME" or "file:PATH", where the secret is, and not the secret itself'))
    found = found.strip()
    if not found or re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", found):  # \ud800: bytes of a variable that are no UTF-8
        raise MissingError(marked("{place} holds no secret: write one line of text into it"), place=value)
    return found


def header(name: str, value: str, root: Path) -> tuple[str, str]:
    """A header of a source; its value may be `env:NAME` or `file:PATH`, or stand as it is. Raises ValueError."""
    if not _HEADER.fullmatch(name):
        raise ValueError(_("{name!r} is no name of a header").format(name=name))
    said = reveal(value, root) if value.startswith(("env:", "file:")) else value
    if re.search(r"[\x00-\x1f\x7f]", said):
        raise ValueError(_("the value of {name} has line ends or controls").format(name=name))
    return name, said


def basic(value: str, root: Path) -> tuple[str, str]:
    """The Authorization header for `user:password` (RFC 7617). Raises ValueError."""
    return "Authorization", "Basic " + base64.b64encode(reveal(value, root).encode()).decode()


def bearer(value: str, root: Path) -> tuple[str, str]:
    """The Authorization header for a token (RFC 6750). Raises ValueError."""
    return "Authorization", f"Bearer {reveal(value, root)}"
