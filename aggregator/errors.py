"""What can go wrong, as the person who runs this should read it: one line that says what, where and what to do."""

from datetime import timedelta
from gettext import gettext as _
from typing import Any

from aggregator.languages import marked
from aggregator.terms import FREE, Cost

_OF_THE_SYSTEM = (
    marked("Address already in use"),
    marked("Cannot assign requested address"),
    marked("Disk quota exceeded"),
    marked("File name too long"),
    marked("Input/output error"),
    marked("Is a directory"),
    marked("No space left on device"),
    marked("Name or service not known"),
    marked("No such file or directory"),
    marked("Not a directory"),
    marked("Operation not permitted"),
    marked("Permission denied"),
    marked("Read-only file system"),
    marked("Too many levels of symbolic links"),
)
"""What the system says most often (errno(3)), for the catalogs."""


class AggregatorError(Exception):
    """Base of every error that is the world's or the user's fault. A bug raises something else."""


class ConfigError(AggregatorError):
    """The config cannot be used. `problems` holds one line for each thing to mend, all of them at once."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[str, ...]]:
        return type(self), self.problems


def reason(error: BaseException) -> str:
    """Why the system could not do something, in the reader's language where the catalog has it."""
    return _(getattr(error, "strerror", None) or str(error) or type(error).__name__)


class LockedError(AggregatorError):
    """Another run holds the lock of the store."""


class StoreError(AggregatorError):
    """The file of a store cannot be read or written: the disk is full, or something is broken."""


class SourceError(AggregatorError):
    """A source could not be visited or read; `kind` is a short class of trouble, such as `timeout` or `not a feed`."""

    def __init__(self, kind: str, message: str = "") -> None:
        super().__init__(f"{kind}: {message}" if message else kind)
        self.kind = kind
        self.message = message

    def __reduce__(self) -> tuple[type["SourceError"], tuple[object, ...]]:
        return type(self), (self.kind, self.message)


class FetchError(SourceError):
    """The document did not arrive (DNS, TLS, time-out, HTTP status, too large ...).

    `retry_after` is what the server asked for by Retry-After (RFC 9110 §10.2.3), `host` the one that answered so.
    `asked` False says that no server was asked anything: what forbids it was known before. `seconds` is the time that
    was spent on hosts all the same, `cost` what was asked of them.
    """

    def __init__(
        self,
        kind: str,
        message: str = "",
        retry_after: timedelta | None = None,
        host: str = "",
        asked: bool = True,
        seconds: float = 0.0,
        cost: Cost = FREE,
    ) -> None:
        super().__init__(kind, message)
        self.retry_after = retry_after
        self.host = host
        self.asked = asked
        self.seconds = seconds
        self.cost = cost

    def __reduce__(self) -> tuple[type["FetchError"], tuple[object, ...]]:
        said = (self.kind, self.message, self.retry_after, self.host, self.asked, self.seconds, self.cost)
        return type(self), said


class ParseError(SourceError):
    """The document arrived and cannot be read (not a feed, broken, not text ...). The message names file and line.

    `catches` (of `model.Catch`) tell how the selectors of a page fared, for `preview` alone.
    """

    def __init__(self, kind: str, message: str = "", catches: tuple[Any, ...] = ()) -> None:
        super().__init__(kind, message)
        self.catches = catches

    def __reduce__(self) -> tuple[type["ParseError"], tuple[object, ...]]:
        return type(self), (self.kind, self.message, self.catches)
