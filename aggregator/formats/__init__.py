"""Formats of output, one module each, found by name: `rss` is `aggregator.formats.rss`, a dotted path any module.

A format is a module with three names:

    FILENAME: str                       what its document is called in the category's folder
    MEDIA_TYPE: str                     its registered media type
    render(channel) -> bytes            pure: the same channel gives the same bytes, always

and, where it writes more than that one document, a fourth:

    documents(channel) -> Mapping[str, bytes]   all its documents, by their paths below the category's folder

FILENAME is "" where a format writes nothing for each channel (`post`); then `documents` stands for `render`.
What concerns the whole planet is written with the channel of everything, whose category path is ().
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Protocol, cast

from aggregator.model import Channel


class Format(Protocol):
    """The shape of a format's module."""

    FILENAME: str
    MEDIA_TYPE: str
    render: Callable[[Channel], bytes]


def documents(kind: Format, channel: Channel) -> Mapping[str, bytes]:
    """All documents that a format makes of a channel, by their paths below the category's folder."""
    several: Callable[[Channel], Mapping[str, bytes]] | None = getattr(kind, "documents", None)
    return several(channel) if several else {kind.FILENAME: kind.render(channel)}


def find(name: str) -> Format:
    """The module of a format. Raises ModuleNotFoundError when there is none of that name."""
    return cast("Format", import_module(name if "." in name else f"aggregator.formats.{name}"))
