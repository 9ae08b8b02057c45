"""Documents to files: compare, replace, remove. A reader sees the old file or the new one, whole, and nothing else."""

import gzip
import math
import os
import re
import secrets
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from aggregator import disk, formats
from aggregator.errors import AggregatorError

_PREFIX = ".aggregator-"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_MARK = re.compile(
    rb"""\A(?:/\*|<!--)[ ]aggregator\b | \A---\ngenerator:[ ]"aggregator" | <generator[^<>]*>aggregator\b
    | <meta[ ]name="generator"[ ]content="aggregator[ ] | [Ww]ritten[ ]by[ ]aggregator[ ][0-9]""",
    re.VERBOSE,
)
"""How our documents name us: style sheets and pictures, posts, feeds, pages, lists. A page about us is none of ours."""


def urls(base_url: str, folder: str, names: tuple[str, ...]) -> Mapping[str, str]:
    """The public URL of each format's document in a folder, by the format's name; some formats have none."""
    files = {name: formats.find(name).FILENAME for name in names}
    return {name: page(base_url, folder) + file for name, file in files.items() if file}


def page(base_url: str, folder: str) -> str:
    """The public URL of a folder below the output, with a slash at its end."""
    return base_url + (quote(folder) + "/" if folder else "")


def is_foreign(path: Path, data: bytes) -> bool:
    """Whether a file is there that nobody would lose without a word: it neither names us nor holds `data` already."""
    try:
        with path.open("rb") as file:
            head = file.read(8192)
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(path) as file:
                head = file.read(8192)
    except (OSError, EOFError, zlib.error):
        return is_there(path)
    return not names_us(head) and not holds(path, data)


def names_us(head: bytes) -> bool:
    """Whether a document that begins so says that it is one of ours."""
    return bool(_MARK.search(head))


def write(path: Path, data: bytes) -> bool:
    """Put `data` at `path` unless it is there already: beside it, to the disk, then into its place.

    True when it was written; its name is on the disk for sure only after `settle` of its folder. Raises
    AggregatorError; then the old file stands as it was.
    """
    try:
        if holds(path, data):
            return False
        temporary = path.parent / f"{_PREFIX}{secrets.token_hex(8)}"
        try:
            handle = os.open(temporary, _NEW, 0o666)  # the umask says who may read
        except FileNotFoundError:
            disk.make(path.parent)
            handle = os.open(temporary, _NEW, 0o666)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise AggregatorError(f"{path}: cannot be written: {error.strerror}; the old file stays") from error
    return True


def settle(folder: Path) -> None:
    """Bring the names of files that were written into a folder to the disk. Raises AggregatorError."""
    try:
        disk.settle(folder)
    except OSError as error:
        raise AggregatorError(f"{folder}: cannot be brought to the disk: {error.strerror}") from error


def holds(path: Path, data: bytes) -> bool:
    """Whether these bytes are in the file already, as far as it can be read."""
    try:
        return is_there(path) and path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def is_there(path: Path) -> bool:
    """Whether there is a file, as far as we may look."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises where we may not look


def remove(output: Path, paths: Iterable[str]) -> Mapping[str, str]:
    """Remove files below the output, and the folders that are empty then. Returns why what is still there stays, or may
    come back by a power cut."""
    left: dict[str, str] = {}
    touched: dict[Path, list[str]] = {}
    for path in sorted(paths):
        try:
            (output / path).unlink(missing_ok=True)
        except OSError as error:
            if is_there(output / path) or isinstance(error, PermissionError):
                left[path] = f"{output / path}: cannot be removed: {error.strerror}; it is still published"
            continue
        for folder in (output / path).parents:
            touched.setdefault(folder, []).append(path)
            if folder == output or not folder.is_relative_to(output):
                break
            try:
                folder.rmdir()
            except OSError:
                break
    for folder, paths in touched.items():
        if folder.is_dir():
            try:
                settle(folder)
            except AggregatorError as error:
                left |= dict.fromkeys(paths, str(error))
    return left


def sweep(output: Path, before: float = math.inf) -> None:
    """Remove what a run that was killed left half written, of what was begun `before` (seconds since 1970) where others
    may be at work. What cannot be removed stays: no reader ever asks for it."""
    for path in output.rglob(f"{_PREFIX}*"):
        with suppress(OSError):
            if path.lstat().st_mtime < before:
                path.unlink()
