"""A change of the config's file: shown as a diff, checked before it is made, and made at once or not at all."""

import codecs
import difflib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from gettext import gettext as _
from pathlib import Path

from aggregator import config as configs
from aggregator.config import Config, toml
from aggregator.errors import AggregatorError, ConfigError, reason


@dataclass(frozen=True, slots=True)
class Edit:
    """A change that would pass: the bytes of the file as they were, and as they are to be; and the config of these."""

    file: Path
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    config: Config = field(repr=False)

    def diff(self) -> tuple[str, ...]:
        """The lines of a unified diff, () where nothing changes. They may hold secrets of the config."""
        old, new = (each.decode("utf-8-sig").removesuffix("\n").split("\n") for each in (self.before, self.after))
        names = str(self.file), str(self.file)
        return tuple(line.rstrip("\r\n") for line in difflib.unified_diff(old, new, *names, lineterm=""))


def edit(file: Path, change: Callable[[str], str]) -> Edit:
    """What a change of the config's text comes to (see `editing`); the file is not touched.

    Raises ConfigError with all that is wrong with the config, as it is or as it would be.
    """
    before = toml.read_bytes(file)
    raw = toml.decode(file, before)
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    try:
        changed = change(raw)
        made = configs.check(file, changed)
    except ConfigError as error:
        configs.check(file, raw)  # what is wrong already is said as such
        said = (
            _("{problem} (as it would be; nothing is changed)").format(problem=problem) for problem in error.problems
        )
        raise ConfigError(*said) from error
    return Edit(file, before, mark + changed.encode(), made)


def make(edit: Edit) -> None:
    """Replace the file, whole or not at all; a link is followed, and who may read the file stays as it is.

    Raises AggregatorError where it cannot be written, or somebody has changed it since it was read.
    """
    target = edit.file.resolve()
    try:
        with _alone(target.parent):
            if target.read_bytes() != edit.before:
                raise AggregatorError(
                    _("{file}: somebody has changed it meanwhile; nothing is written, try again").format(file=edit.file)
                )
            _replace(target, edit.after)
    except OSError as error:
        raise AggregatorError(
            _("{file}: cannot be written: {why}; it stays as it was").format(file=edit.file, why=reason(error))
        ) from error


def _replace(target: Path, data: bytes) -> None:
    there = target.stat()
    beside = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            made = os.fstat(handle)  # its group may be that of the folder
            if (there.st_uid, there.st_gid) != (made.st_uid, made.st_gid):
                os.fchown(handle, there.st_uid, there.st_gid)
            os.fchmod(handle, there.st_mode & 0o7777)
            file.write(data)
            file.flush()
            os.fsync(handle)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time: two commands that edit the same config do not lose each other's change."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
        os.fsync(handle)
    finally:
        os.close(handle)
