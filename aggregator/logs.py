"""The log of a service: one line an event, for people on a terminal, as JSON for everything else.

A JSON line has `time` (ISO 8601, UTC), `level`, `event`, `message`, and what the event brings, such as `source`.
Whatever a line says, it has no password of a URL in it, and no line break.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any, TextIO

from aggregator.text import masked, one_line

_CONTROLS = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # terminals heed these; others go with `one_line`
_LIMIT = 2000
_QUIET = (
    "alembic",
    "apscheduler",
    "asyncio",
    "procrastinate",
    "psycopg",
    "uvicorn",
)  # what they do each second is nobody's concern


def say(log: logging.Logger, event: str, message: str, level: int = logging.INFO, **values: Any) -> None:
    """Log one event: its name, a line for people, and its values for programs (what JSON has; a None is left out)."""
    log.log(level, "%s", message, extra={"event": event, "values": values})


def set_up(stream: TextIO, *, human: bool, verbose: int = 0, quiet: bool = False) -> None:
    """Have all that is logged go to `stream`: events and warnings, with `verbose` each request, too; when `quiet` only
    what is wrong."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Human() if human else _Json())
    logging.basicConfig(handlers=[handler], force=True)
    root = logging.getLogger()
    root.setLevel(logging.WARNING if quiet else logging.INFO)
    logging.getLogger("aggregator.fetching").setLevel(logging.NOTSET if verbose else logging.WARNING)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.INFO if verbose > 1 else logging.ERROR)
    logging.getLogger("uvicorn.access").setLevel(logging.INFO if verbose and not quiet else logging.WARNING)


class _Human(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).astimezone()
        name = getattr(record, "event", "") or record.name
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        line = f"{moment:%H:%M:%S} {name}: {level}{record.getMessage()}"
        return _safe(line) + (_safe(f" | {self.formatException(record.exc_info)[-_LIMIT:]}") if record.exc_info else "")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z",
            "level": record.levelname.lower(),
            "event": getattr(record, "event", "log"),
            "message": _safe(record.getMessage()),
        }
        if "event" not in record.__dict__:
            line["logger"] = record.name
        if record.exc_info:
            line["trace"] = _safe(self.formatException(record.exc_info)[-_LIMIT:])
        values = {name: _plain(value) for name, value in getattr(record, "values", {}).items() if value is not None}
        return json.dumps(line | values, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """A value as JSON has it, its text safe."""
    if isinstance(value, bool | int | float):
        return value
    return _safe(f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value)


def _safe(text: object) -> str:
    return one_line(masked(_CONTROLS.sub("", str(text))), _LIMIT)
