"""Cron expressions, as Debian's cron has them: when the next time is. Pure; the library is loaded where one is used."""

from datetime import UTC, datetime
from gettext import gettext as _
from zoneinfo import ZoneInfo

from aggregator.languages import marked
from aggregator.terms import Cron

_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_UNREADABLE = marked("it cannot be read")
_BAD = (
    *(marked("bad minute"), marked("bad hour"), marked("bad day-of-month"), marked("bad month")),
    marked("bad day-of-week"),
)
"""What the library says, for the catalogs."""


def following(cron: Cron, after: datetime) -> datetime:
    """The first moment after `after` (UTC) that is meant; in summer time and winter time at the same time of day.

    Raises ValueError where there is none, or the expression is none.
    """
    from cronsim import CronSim, CronSimError

    try:
        times = CronSim(cron.expression, after.astimezone(ZoneInfo(cron.zone)))
        # in the hour that comes twice the library begins with a time of the first one, which is past
        return next(when for when in (each.astimezone(UTC) for each in times) if when > after)
    except (CronSimError, AssertionError) as error:
        raise ValueError(_(str(error).lower() or _UNREADABLE)) from error
    except StopIteration as error:
        raise ValueError(_("there is no such day")) from error


def checked(expression: str) -> str:
    """An expression of five fields with one blank between them. Raises ValueError when it means no time."""
    fields = expression.split()
    if len(fields) != 5:
        raise ValueError(_("a cron expression has five fields"))
    following(Cron(" ".join(fields)), _SOME_DAY)
    return " ".join(fields)
