"""What a daemon leaves in the store about itself, for those who look. Pure."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_SILENCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon: its process, since when it runs, its last tick, and how many ticks were `missed` or `overlapped`."""

    pid: int = 0
    since: datetime | None = None
    tick: datetime | None = None
    missed: int = 0
    overlapped: int = 0
    alive: bool = False


def daemon(note: str, now: datetime) -> Daemon | None:
    """The daemon of a note in the store; None for one that says nothing. It is alive when it ticked a moment ago."""
    try:
        said = json.loads(note)
        tick = datetime.fromisoformat(said["tick"]).astimezone(UTC)
        since = datetime.fromisoformat(said["since"]).astimezone(UTC)
        counts = int(said["pid"]), int(said.get("missed", 0)), int(said.get("overlapped", 0))
    except (ValueError, KeyError, TypeError):
        return None
    return Daemon(counts[0], since, tick, counts[1], counts[2], now - tick <= _SILENCE and not said.get("ended"))
