"""How a published file is sent, by `serve` and by object stores: its media type, its charset, how long it is fresh."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from aggregator.formats import find
from aggregator.text import mime_type

_OTHER = "application/octet-stream"
_TYPES = {
    "css": "text/css",
    "gz": "application/gzip",
    "html": "text/html",
    "ico": "image/vnd.microsoft.icon",
    "jpg": "image/jpeg",
    "json": "application/json",
    "markdown": "text/markdown",
    "md": "text/markdown",
    "opml": "text/x-opml",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "webp": "image/webp",
    "xml": "application/xml",
}


def types(formats: Iterable[str]) -> Mapping[str, str]:
    """The media types of what these formats write, by their file names."""
    kinds = [find(name) for name in formats]
    return {kind.FILENAME: mime_type(kind.MEDIA_TYPE) for kind in kinds if kind.FILENAME}


def media_type(name: str, known: Mapping[str, str]) -> str:
    """The media type of a file: the `known` one of its name, or that of its ending."""
    return known.get(name) or _TYPES.get(name.rpartition(".")[2].lower(), _OTHER)


def is_text(media_type: str) -> bool:
    """Whether documents of a type are UTF-8, and are worth compressing."""
    return media_type.startswith("text/") or media_type.endswith(("xml", "json"))


def content_type(media_type: str) -> str:
    """What stands in Content-Type."""
    return f"{media_type}; charset=utf-8" if is_text(media_type) else media_type


def max_age(interval: timedelta) -> int:
    """For how many seconds a document stays fresh: as long as sources are left alone, a minute or more."""
    return max(60, round(interval.total_seconds()))


def cache_control(max_age: int) -> str:
    """What stands in Cache-Control."""
    return f"public, max-age={max_age}"
