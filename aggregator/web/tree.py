"""From the path of a request to a file of the published tree, and never to one outside of it."""

import errno
import os
import unicodedata
from pathlib import Path
from urllib.parse import unquote_to_bytes

Names = tuple[str, ...]
"""A path below the tree's root, by its names; the last one is "" where the path ends with a slash."""

ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""What the system says of a path where nothing can be read; all else is trouble of the machine, and no 404."""


def names(raw: bytes) -> Names | None:
    """The names in a request's path, which is percent-encoded UTF-8; decoded once. None when nothing can be there.

    That is so for `.` and `..`, hidden files (what a run is writing is one), empty names, and whatever a file system
    could take for a separator, now or after it was decoded.
    """
    try:
        path = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return None
    first, *found = path.split("/")
    if first or not found or "\0" in path or "\\" in path:
        return None
    if any(name.startswith(".") for name in found) or "" in found[:-1]:
        return None
    return tuple(found)


def locate(root: Path, names: Names) -> str | None:
    """The real path of what these names stand for, or None when there is nothing, or it is not in the tree.

    A name that is written with other code points for the same letters is found, too: NFC and NFD (UAX #15). The root
    may be a link and be turned to another folder at any time. Raises OSError when the disk fails.
    """
    spellings = (tuple(unicodedata.normalize(form, name) for name in names) for form in ("NFC", "NFD"))
    for spelled in dict.fromkeys((names, *spellings)):
        try:
            top = os.path.realpath(root, strict=True)
            path = os.path.realpath("/".join((top, *spelled)), strict=True)
        except OSError as error:
            if error.errno not in ABSENT:
                raise
            continue
        below = Path(path).relative_to(top).parts if Path(path).is_relative_to(top) else (".",)
        if not any(name.startswith(".") for name in below):
            return path
    return None
