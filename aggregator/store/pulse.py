"""The daemon's sign of life, for `status` and the dashboard: in the store while it runs, and after it was killed."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, delete, insert, select

from aggregator.store import stories
from aggregator.store.engine import writing
from aggregator.store.tables import meta
from aggregator.store.values import seconds

_KEY = "daemon"


@dataclass(frozen=True, slots=True)
class Pulse:
    """The daemon of process `pid`, at work since `since`, which looked last at `last_tick` what is due.

    `missed` looks were not taken in time, `overlapped` ones not as the one before had not ended; `under_way` visits
    are being made. `refused` is what is wrong with a changed config that it does not use. It is written twice a minute,
    so an old `last_tick` means a daemon that was killed, or hangs.
    """

    pid: int
    since: datetime
    last_tick: datetime
    missed: int = 0
    overlapped: int = 0
    under_way: int = 0
    refused: str = ""


def save_pulse(db: Connection, pulse: Pulse | None) -> None:
    """Keep how the daemon is; None when it ends."""
    db.execute(delete(meta).where(meta.c.key == _KEY))
    if pulse:
        values = asdict(pulse) | {"since": seconds(pulse.since), "last_tick": seconds(pulse.last_tick)}
        db.execute(insert(meta).values(key=_KEY, value=json.dumps(values)))


def beat(engine: Engine, pulse: Pulse | None, now: datetime | None = None) -> bool:
    """Keep the pulse; whether there are posts whose day has come."""
    with writing(engine) as db:
        save_pulse(db, pulse)
        return now is not None and stories.wakes(db, now)


def pulse(db: Connection) -> Pulse | None:
    """How the daemon was last; None when none runs that ended by itself."""
    kept = db.scalar(select(meta.c.value).where(meta.c.key == _KEY))
    if kept is None:
        return None
    values = json.loads(kept)
    moments = {name: datetime.fromtimestamp(values[name], UTC) for name in ("since", "last_tick")}
    return Pulse(**(values | moments))
