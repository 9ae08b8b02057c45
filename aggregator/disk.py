"""Files as a disk has them: opened only where they are files, and names that a power cut must not take back."""

import errno
import os
import stat
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO


class NotRegularError(OSError):
    """A pipe, a device or a socket."""


def opened(file: Path, flags: int = 0) -> BinaryIO:
    """A regular file, open to be read: a pipe or a device may give nothing, or have no end. `flags` are more of those
    of open(2). Raises NotRegularError, OSError, and ValueError for what is no path."""
    handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    raise NotRegularError(errno.EINVAL, "is no regular file", str(file))


def settle(folder: Path) -> None:
    """Bring the names of what was put into a folder, or taken out of it, to the disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make(folder: Path) -> None:
    """Make a folder, and those above it, where they are missing, and bring their names to the disk. Raises OSError."""
    missing = list(takewhile(lambda each: not each.exists(), (folder, *folder.parents)))
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        settle(each.parent)
