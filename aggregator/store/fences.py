"""What keeps those apart who work on one store at the same time. On SQLite one alone writes, and nothing is needed.

Work is claimed by the session that saves its results. Who is given up loses that session (`cut`), and with it all that
it had claimed: what it still comes up with is not saved.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine, text

from aggregator.errors import AggregatorError
from aggregator.store.engine import writing

_SETTLING, _WORK = 0x61677374, 0x6167776B  # numbers that no other program is likely to lock

_TOGETHER = text("SELECT pg_advisory_xact_lock_shared(:settling)").bindparams(settling=_SETTLING)
_ALONE = text("SELECT pg_advisory_xact_lock(:settling)").bindparams(settling=_SETTLING)
_HOLD_STILL = text("SELECT pg_advisory_lock_shared(:settling)").bindparams(settling=_SETTLING)
_MOVE_ON = text("SELECT pg_advisory_unlock_shared(:settling)").bindparams(settling=_SETTLING)
_CLAIM = text("SELECT pg_try_advisory_lock(:kind, :work)").bindparams(kind=_WORK)
_LET_GO = text("SELECT pg_advisory_unlock(:kind, :work)").bindparams(kind=_WORK)
_CUT = text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = :kind"
    " AND objid = :work AND objsubid = 2 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
).bindparams(kind=_WORK)


def together(db: Connection) -> None:
    """Saving: others may save as well, and nobody settles until the transaction ends."""
    if db.dialect.name == "postgresql":
        db.execute(_TOGETHER)


def alone(db: Connection) -> None:
    """Settling, which looks at what is pending and in the end takes it away: it waits for those who save and publish,
    and they wait for the end of its transaction. So what it takes away is exactly what it has seen."""
    if db.dialect.name == "postgresql":
        db.execute(_ALONE)


def claim(engine: Engine, work: int) -> bool:
    """Have a piece of work until it is let go, or the session that writes ends; whether nobody else has it."""
    with writing(engine) as db:
        return bool(db.scalar(_CLAIM, {"work": work}))


def let_go(engine: Engine, work: int) -> None:
    """Give back what was claimed. With a lost session it is given back already."""
    with suppress(AggregatorError), writing(engine) as db:
        db.execute(_LET_GO, {"work": work})


def probe(engine: Engine) -> None:
    """Raises AggregatorError when nothing can be saved any more."""
    with writing(engine) as db:
        db.execute(text("SELECT 1"))


@contextmanager
def still(engine: Engine) -> Iterator[None]:
    """Publishing: nobody settles meanwhile, so that all documents of a category show the same."""
    with writing(engine) as db:
        db.execute(_HOLD_STILL)
    try:
        yield
    finally:
        with suppress(AggregatorError), writing(engine) as db:
            db.execute(_MOVE_ON)


def cut(db: Connection, work: int) -> bool:
    """End the session that has a piece of work, so that whoever it is can save nothing any more; whether one had."""
    return any(db.scalars(_CUT, {"work": work}))


def is_conflict(error: BaseException) -> bool:
    """Whether a transaction failed only because another one stood in its way (a deadlock, a serialization failure): as
    a whole it may be done once more."""
    return getattr(getattr(error.__cause__, "orig", None), "sqlstate", "") in ("40001", "40P01")
