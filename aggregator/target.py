"""Where documents go, a folder or an object store: the one place that knows of both."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from aggregator import media, objects, publish
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.objects import Bucket

Target = Path | Bucket


def opened(config: Config) -> Target:
    """The output of a config; of an object store, with what is there now. Raises AggregatorError."""
    if config.bucket:
        types, how = media.types(config.site.formats), media.cache_control(media.max_age(config.pace.interval))
        return objects.opened(config.bucket, types, how)
    return config.output


def address(target: Target, path: str) -> str:
    """Where a document is, as its owner knows it."""
    return str(target / path) if isinstance(target, Path) else objects.address(target, path)


def is_there(target: Target, path: str) -> bool:
    """Whether there is a document."""
    return publish.is_there(target / path) if isinstance(target, Path) else objects.is_there(target, path)


def holds(target: Target, path: str, data: bytes) -> bool:
    """Whether these bytes are there already."""
    if isinstance(target, Path):
        return publish.holds(target / path, data)
    return objects.holds(target, path, data)


def is_foreign(target: Target, path: str, data: bytes) -> bool:
    """Whether somebody else's document is there. Raises AggregatorError where that cannot be asked."""
    if isinstance(target, Path):
        return publish.is_foreign(target / path, data)
    return objects.is_foreign(target, path, data)


def marked(target: Target, paths: Collection[str]) -> Collection[str]:
    """Those of the paths where a document is that names us. Raises AggregatorError where that cannot be asked."""
    if isinstance(target, Path):
        return [path for path in paths if is_there(target, path) and not is_foreign(target, path, b"")]
    return objects.marked(target, paths)


def read(target: Target, path: str) -> bytes:
    """The bytes of a document. Raises AggregatorError, OSError."""
    return (target / path).read_bytes() if isinstance(target, Path) else objects.read(target, path)


def write_all(target: Target, documents: Mapping[str, bytes]) -> Iterable[tuple[str, bool, str]]:
    """Put documents in their places where they differ: the path of each, whether it was, and what kept it from that, or
    "". No compressed copy of what could not be written."""
    return _each(target, documents) if isinstance(target, Path) else objects.write_all(target, documents)


def _each(folder: Path, documents: Mapping[str, bytes]) -> Iterator[tuple[str, bool, str]]:
    failed = set()
    for path, data in documents.items():
        if path.removesuffix(".gz") not in failed:
            try:
                yield path, publish.write(folder / path, data), ""
            except AggregatorError as error:
                failed.add(path)
                yield path, False, str(error)


def settle(target: Target, paths: Iterable[str]) -> list[str]:
    """Bring the names of files that were written to the disk; a line for each folder where that failed. An object that
    was put is there."""
    problems = []
    for folder in {(target / path).parent: None for path in paths} if isinstance(target, Path) else {}:
        try:
            publish.settle(folder)
        except AggregatorError as error:
            problems.append(str(error))
    return problems


def remove(target: Target, paths: Iterable[str]) -> Mapping[str, str]:
    """Remove documents. Returns why what is still there stays."""
    return publish.remove(target, paths) if isinstance(target, Path) else objects.remove(target, paths)


def sweep(config: Config, before: float = math.inf) -> None:
    """Remove what a run that was killed left half written, see `publish.sweep`; in an object store there is no such
    thing."""
    if not config.bucket:
        publish.sweep(config.output, before)
