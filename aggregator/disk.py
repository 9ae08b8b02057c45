"""What a power cut must not take back: the names in a folder, brought to the disk."""

import os
from itertools import takewhile
from pathlib import Path


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
