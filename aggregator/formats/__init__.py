"""Formats of output, one module each, found by name: `rss` is `aggregator.formats.rss`, a dotted path any module.

A format is a module with three names:

    FILENAME: str                       what its document is called in the category's folder
    MEDIA_TYPE: str                     its registered media type
    render(channel) -> bytes            pure: the same channel gives the same bytes, always
"""

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from aggregator.model import Channel


class Format(Protocol):
    """The shape of a format's module."""

    FILENAME: str
    MEDIA_TYPE: str
    render: Callable[[Channel], bytes]


def find(name: str) -> Format:
    """The module of a format. Raises ModuleNotFoundError when there is none of that name."""
    return cast("Format", import_module(name if "." in name else f"aggregator.formats.{name}"))
