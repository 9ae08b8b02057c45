"""A change of the config's file: shown as a diff, checked before it is made, and made at once or not at all."""

import codecs
import difflib
import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from gettext import gettext as _
from pathlib import Path
from typing import Any

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
        """The lines of a unified diff, () where nothing changes. What the config sends as headers is not shown; there
        may be URLs with passwords in it."""
        old, new = (each.decode("utf-8-sig").removesuffix("\n") for each in (self.before, self.after))
        lines = difflib.unified_diff(old.split("\n"), new.split("\n"), str(self.file), str(self.file), lineterm="")
        hidden = _hidden(old) | _hidden(new)
        shown = (line[:1] + hidden.get(line[1:], line[1:]) for line in lines)
        return tuple(line.rstrip("\r\n") for line in shown)


def _hidden(raw: str) -> dict[str, str]:
    """The lines of a config that hold values of `headers`, each as it may be shown: these may be tokens."""
    found: dict[str, str] = {}
    within = False
    for __, statement, data in toml.statements(raw) if "headers" in raw else ():
        if statement.lstrip().startswith("["):
            within = re.match(r"\s*\[+[^#]*\bheaders\b[\"'\s]*\]", statement) is not None
            continue
        values = sorted(_texts(data, below=within), key=len, reverse=True)
        quoted = [rf"""(["']){re.escape(value)}\1""" for value in values]
        is_plain = all(re.search(each, statement) for each in quoted)  # else with escapes, or on lines of its own
        for line in statement.removesuffix("\n").split("\n") if values else ():
            found[line] = line if is_plain else "***"
            for each in quoted:
                found[line] = re.sub(each, r"\1***\1", found[line])
    return found


def _texts(value: Any, *, below: bool) -> Iterator[str]:
    """The texts below the keys `headers` of a value that do not say where a secret is, but may be one."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, below=below or key == "headers")
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, below=below)
    elif below and isinstance(value, str) and value and not value.startswith(("env:", "file:")):
        yield value


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
