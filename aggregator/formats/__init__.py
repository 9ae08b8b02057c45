"""Formats of output, one module each, found by name: `rss` is `aggregator.formats.rss`, a dotted path any module.

A format is a module with three names:

    FILENAME: str                       what its document is called in the category's folder
    MEDIA_TYPE: str                     its registered media type
    render(channel) -> bytes            pure: the same channel gives the same bytes, always

and, where it writes more than that one document, a fourth:

    documents(channel) -> Mapping[str, bytes]   all its documents, by their paths below the category's folder

and, where its document is its entries with a frame around them, two more, so that `render` is `joined` of both:

    frame(channel) -> tuple[bytes, bytes, bytes]   what stands before the entries, between two of them, and after them
    piece(channel, entry) -> bytes                 an entry; it depends on no more of the channel than its `scheme` and
                                                   the authority of its `id`, which all channels share

and, where these hold, constants that are True:

    ARCHIVES    it writes archive documents, too
    OVERVIEW    it shows `channel.overview`, so that it is rendered anew when that changes
    PLANET      it concerns the whole planet: it is written with the channel of everything alone, whose path is ()

FILENAME is "" where a format writes nothing for each channel (`post`); then `documents` stands for `render`.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Protocol, TypeGuard, cast

from aggregator.model import CategoryPath, Channel, Entry

FEEDS = ("application/rss+xml", "application/atom+xml", "application/feed+json")
"""The media types of what feed readers subscribe to."""


class Format(Protocol):
    """The shape of a format's module."""

    FILENAME: str
    MEDIA_TYPE: str
    render: Callable[[Channel], bytes]


class Framed(Format, Protocol):
    """The shape of a format's module whose document is its entries with a frame around them."""

    frame: Callable[[Channel], tuple[bytes, bytes, bytes]]
    piece: Callable[[Channel, Entry], bytes]


def is_framed(kind: Format) -> TypeGuard[Framed]:
    """Whether a format says how its document is made of its entries."""
    return hasattr(kind, "frame") and hasattr(kind, "piece")


def joined(frame: tuple[bytes, bytes, bytes], pieces: Iterable[bytes]) -> bytes:
    """The document of these pieces."""
    before, between, after = frame
    return before + between.join(pieces) + after


def documents(kind: Format, channel: Channel) -> Mapping[str, bytes]:
    """All documents that a format makes of a channel, by their paths below the category's folder."""
    several: Callable[[Channel], Mapping[str, bytes]] | None = getattr(kind, "documents", None)
    return several(channel) if several else {kind.FILENAME: kind.render(channel)}


def find(name: str) -> Format:
    """The module of a format. Raises ModuleNotFoundError when there is none of that name."""
    return cast("Format", import_module(name if "." in name else f"aggregator.formats.{name}"))


def says(name: str, constant: str) -> bool:
    """Whether one of the constants holds for a format."""
    return getattr(find(name), constant, False) is True


def chosen(names: Iterable[str], path: CategoryPath, *, archive: bool = False) -> tuple[str, ...]:
    """Those of these formats that are written for a category, or for its archive documents."""
    return tuple(
        name for name in names if not (path and says(name, "PLANET")) and not (archive and not says(name, "ARCHIVES"))
    )
