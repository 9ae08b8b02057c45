"""Where documents go, a folder or an object store: the one place that knows of both."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from aggregator import media, objects, publish
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.objects import Bucket

Target = Path | Bucket

_FILES = 4  # at once
_Each = TypeVar("_Each")
_Result = TypeVar("_Result")


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


def write_all(target: Target, documents: Mapping[str, bytes]) -> dict[str, tuple[bool, str]]:
    """Put documents in their places where they differ: by their paths, whether it was, and what kept it from that, or
    "". No compressed copy of what could not be written: it is left out."""

    def one(path: str) -> tuple[bool, str]:
        try:
            return _write(target, path, documents[path]), ""
        except AggregatorError as error:
            return False, str(error)

    copies = {path for path in documents if path.endswith(".gz") and path.removesuffix(".gz") in documents}
    done = _at_once(target, one, [path for path in documents if path not in copies])
    return done | _at_once(target, one, sorted(path for path in copies if not done[path.removesuffix(".gz")][1]))


def _write(target: Target, path: str, data: bytes) -> bool:
    return publish.write(target / path, data) if isinstance(target, Path) else objects.write(target, path, data)


def settle(target: Target, paths: Collection[str]) -> Mapping[str, str]:
    """Bring the names of files that were written to the disk. Returns why that failed, by the paths; an object that was
    put is there."""
    if not isinstance(target, Path):
        return {}

    def one(folder: Path) -> str:
        try:
            publish.settle(folder)
        except AggregatorError as error:
            return str(error)
        return ""

    folders = {path: (target / path).parent for path in paths}
    done = _at_once(target, one, list(dict.fromkeys(folders.values())))
    return {path: done[folder] for path, folder in folders.items() if done[folder]}


def _at_once(target: Target, what: Callable[[_Each], _Result], things: Collection[_Each]) -> dict[_Each, _Result]:
    """Do something to each, some at a time: it is waiting mostly, and a disk has several files safe as soon as one."""
    if len(things) < 2:
        return {each: what(each) for each in things}
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_FILES if isinstance(target, Path) else objects.AT_ONCE, "output") as pool:
        return dict(zip(things, pool.map(what, things), strict=True))


def remove(target: Target, paths: Iterable[str]) -> Mapping[str, str]:
    """Remove documents. Returns why what is still there stays."""
    return publish.remove(target, paths) if isinstance(target, Path) else objects.remove(target, paths)


def sweep(config: Config, before: float = math.inf) -> None:
    """Remove what a run that was killed left half written, see `publish.sweep`; in an object store there is no such
    thing."""
    if not config.bucket:
        publish.sweep(config.output, before)
