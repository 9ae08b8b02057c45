"""Published files as they are sent: read whole from one open handle, so that a run may replace them meanwhile."""

import gzip
import hashlib
import os
import stat
from collections import OrderedDict
from dataclasses import dataclass
from io import FileIO
from threading import Lock

from aggregator.web.tree import ABSENT

_WORTH = 1000
"""A shorter text is sent as it is: compressed it fits no fewer packets."""


@dataclass(frozen=True, slots=True)
class Document:
    """One version of a file. `modified` is in seconds since 1970, UTC; `gzipped` is b"" where that is not worth it."""

    data: bytes
    gzipped: bytes
    digest: str
    modified: int


class Shelf:
    """The documents that were asked for last, up to about `budget` bytes of memory. Threads may share it."""

    def __init__(self, budget: int = 32_000_000) -> None:
        self._left = budget
        self._known: OrderedDict[tuple[str, int, int, int, int], Document] = OrderedDict()
        self._lock = Lock()

    def read(self, path: str, *, text: bool) -> Document | None:
        """The file at a real path as it is now; None when it is no file that can be read. A `text` is compressed, too.

        Raises OSError when the disk fails.
        """
        try:
            file = FileIO(path, opener=_open)
        except OSError as error:
            if error.errno in ABSENT:
                return None
            raise
        with file:
            now = os.fstat(file.fileno())
            if not stat.S_ISREG(now.st_mode):
                return None
            key = (path, now.st_mtime_ns, now.st_ctime_ns, now.st_size, now.st_ino)
            with self._lock:
                if key in self._known:
                    self._known.move_to_end(key)
                    return self._known[key]
            data = file.readall()
        document = _document(data, int(now.st_mtime), text=text)
        self._keep(key, document)
        return document

    def _keep(self, key: tuple[str, int, int, int, int], document: Document) -> None:
        with self._lock:
            if key not in self._known:
                self._known[key] = document
                self._left -= _weight(document)
            while self._left < 0:
                _, oldest = self._known.popitem(last=False)
                self._left += _weight(oldest)


def _open(path: str, flags: int) -> int:
    """Not to be kept waiting by a pipe, nor led elsewhere by a link that was put there a moment ago."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)


def _document(data: bytes, modified: int, *, text: bool) -> Document:
    """The same bytes give the same compressed ones, as a strong ETag promises (RFC 9110 §8.8.1)."""
    gzipped = gzip.compress(data, 9, mtime=0) if text and len(data) > _WORTH else b""
    return Document(data, gzipped, hashlib.sha256(data).hexdigest()[:32], modified)


def _weight(document: Document) -> int:
    return len(document.data) + len(document.gzipped) + 1000
