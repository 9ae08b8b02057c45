"""Channels to files: render, compare, replace. A reader sees the old file or the new one, whole, and nothing else."""

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from aggregator import formats
from aggregator.errors import AggregatorError
from aggregator.model import Channel

_PREFIX = ".aggregator-"


def urls(base_url: str, folder: str, names: tuple[str, ...]) -> Mapping[str, str]:
    """The public URL of each format's document of a category, by the format's name."""
    return {name: page(base_url, folder) + formats.find(name).FILENAME for name in names}


def page(base_url: str, folder: str) -> str:
    """The public URL of a category's folder, with a slash at its end."""
    return base_url + (quote(folder) + "/" if folder else "")


def is_complete(output: Path, folder: str, names: tuple[str, ...]) -> bool:
    """Whether all documents of a category are there."""
    return all((output / folder / formats.find(name).FILENAME).is_file() for name in names)


def publish(
    channel: Channel, output: Path, names: tuple[str, ...], *, ours: bool, dry: bool = False
) -> tuple[Path, ...]:
    """Write a channel in these formats where the bytes differ; return the files written. Raises AggregatorError.

    `ours` is whether this channel was written before; if not, a file that does not name us as its generator stays.
    With `dry` nothing is written.
    """
    written = []
    for name in names:
        kind = formats.find(name)
        path = output / channel.category.folder / kind.FILENAME
        if not ours and _is_foreign(path):
            raise AggregatorError(f"{path}: was not written by aggregator; move it away, or choose another `output`")
        data = kind.render(channel)
        if not _holds(path, data) if dry else write(path, data):
            written.append(path)
    return tuple(written)


def retire(output: Path, folder: str, names: tuple[str, ...]) -> None:
    """Remove the documents of a category that we wrote and that is no more, and its folder once that is empty."""
    for name in names:
        with suppress(OSError):
            (output / folder / formats.find(name).FILENAME).unlink()
    for path in (output / folder, *(output / folder).parents):
        if path == output or not path.is_relative_to(output):
            break
        with suppress(OSError):
            path.rmdir()


def _is_foreign(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"aggregator" not in file.read(8192)
    except OSError:
        return False


def write(path: Path, data: bytes) -> bool:
    """Put `data` at `path` unless it is there already: beside it, to the disk, then into its place.

    True when it was written. Raises AggregatorError; then the old file stands as it was.
    """
    try:
        if _holds(path, data):
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=_PREFIX, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                os.fchmod(file.fileno(), 0o666 & ~_umask())
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise AggregatorError(f"{path}: cannot be written: {error.strerror}; the old file stays") from error
    return True


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data


def sweep(output: Path) -> None:
    """Remove what a run that was killed left half written. What cannot be removed stays: no reader ever asks for it."""
    for path in output.rglob(f"{_PREFIX}*"):
        with suppress(OSError):
            path.unlink()


def _sync_folder(folder: Path) -> None:
    """A new name is on the disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
