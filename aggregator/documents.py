"""A channel as documents that may be published: rendered in all formats, made to fit, and looked at once more. Pure."""

import gzip
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from aggregator import formats
from aggregator.errors import AggregatorError
from aggregator.formats import Format, checks, size
from aggregator.model import Channel

_log = logging.getLogger(__name__)

_ENDINGS = {".html": "text/html", ".opml": "text/x-opml"}


@dataclass(frozen=True, slots=True)
class Terms:
    """How documents are made: feeds of at most `max_bytes` (None: of any size), with a compressed copy of each file
    (`gzip`), of entries with their content or their `summary` alone.
    """

    max_bytes: int | None = None
    gzip: bool = False
    summary: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """Documents by their paths below the output. What must not be published is `held`: what is there stays.

    `problems` has a line for each that is held, and each format that failed; with one of these not `whole`.
    """

    documents: Mapping[str, bytes]
    held: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()
    whole: bool = True

    @property
    def paths(self) -> frozenset[str]:
        """All that the formats write."""
        return self.held | self.documents.keys()


def render(channel: Channel, folder: str, names: tuple[str, ...], terms: Terms) -> Rendered:
    """All documents of a channel in these formats, in a folder below the output. Never raises."""
    channel = size.summaries(channel) if terms.summary else size.bounded(channel)
    documents: dict[str, bytes] = {}
    held: set[str] = set()
    problems: list[str] = []
    whole = True
    for name in names:
        try:
            kind = formats.find(name)
            found = list(_documents(kind, channel, terms.max_bytes))
        except AggregatorError as error:
            problems.append(f"{folder or '.'}: {name}: {error}")
            whole = False
            continue
        except Exception as error:  # a border: what cannot be rendered must not keep the rest from being
            _log.exception("%s: %s: a mistake in aggregator itself", folder, name)
            problems.append(f"{folder or '.'}: internal error: {type(error).__name__}: {error}; please report it")
            whole = False
            continue
        for file, data, why in found:
            path = f"{folder}/{file}" if folder else file
            if path in documents or path in held:
                why = "two formats write it; leave out one of them"
            if why:
                problems.append(f"{path}: {why}; the old file stays")
                held |= {path, f"{path}.gz"} if terms.gzip else {path}
            else:
                documents |= dict(_with_copy(path, data, terms.gzip))
    return Rendered(
        {path: documents[path] for path in documents if path not in held}, frozenset(held), tuple(problems), whole
    )


def beside(rendered: Rendered, path: str, media_type: str, data: bytes, *, copy: bool) -> Rendered:
    """The documents of a channel with one more, which is none of its formats."""
    why = "two formats write it; leave out one of them" if path in rendered.paths else ""
    if why := why or checks.problem(media_type, data):
        problems = (*rendered.problems, f"{path}: {why}; the old file stays")
        return replace(rendered, held=rendered.held | {path, f"{path}.gz"}, problems=problems)
    return replace(rendered, documents={**rendered.documents, **dict(_with_copy(path, data, copy))})


def compressed(data: bytes) -> bytes:
    """The same bytes for the same data: a gzip file without a time (RFC 1952)."""
    return gzip.compress(data, 9, mtime=0)


def _with_copy(path: str, data: bytes, copy: bool) -> Iterator[tuple[str, bytes]]:
    yield path, data
    if copy:
        yield f"{path}.gz", compressed(data)


def _documents(kind: Format, channel: Channel, max_bytes: int | None) -> Iterator[tuple[str, bytes, str]]:
    """What a format makes of a channel, and why it must not be published, or ""; a feed that is too large has summaries
    of its oldest entries.
    """
    is_feed = kind.MEDIA_TYPE in formats.FEEDS
    if is_feed and formats.is_framed(kind):
        frame, pieces = size.fitting(kind, channel, max_bytes)
        why = _misplaced(kind.FILENAME) or checks.problem_of(kind.MEDIA_TYPE, frame, pieces)
        yield kind.FILENAME, formats.joined(frame, pieces), why
        return
    found = formats.documents(kind, channel)
    if is_feed and max_bytes is not None and len(found.get(kind.FILENAME, b"")) > max_bytes:
        found = formats.documents(kind, size.within(channel, kind.render, max_bytes))
    for file, data in found.items():
        own = file == kind.FILENAME or not kind.FILENAME
        ending = re.search(r"\.[a-z]+$", file)
        media_type = kind.MEDIA_TYPE if own else _ENDINGS.get(ending[0] if ending else "", "")
        yield file, data, _misplaced(file) or checks.problem(media_type, data)


def _misplaced(file: str) -> str:
    """Why a file must not be written below the output, or ""."""
    names = file.split("/")
    wrong = any(name in ("", ".", "..") or re.search(r"[\\\x00-\x1f\x7f]", name) for name in names)
    return "is no path below the output" if wrong else ""
