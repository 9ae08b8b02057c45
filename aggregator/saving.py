"""Visits of several sources saved at once, where the trouble of one is not the others'."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Engine

from aggregator.errors import AggregatorError, StoreError
from aggregator.keeping import Outcome, keep_together
from aggregator.model import HostState, Visit
from aggregator.store.sources import Standing
from aggregator.text import masked, one_line

_log = logging.getLogger(__name__)


def keep_all(
    engine: Engine,
    made: Sequence[tuple[Visit, Standing]],
    now: datetime,
    hosts: Mapping[str, HostState] | None = None,
    stretch: float = 1.0,
) -> list[Outcome | None]:
    """Save visits in one transaction; where that fails each in one of its own. What cannot be saved is an outcome with
    that as its error: a bug, or a feed that is larger than the room on a disk.

    Raises AggregatorError for what is everybody's trouble: a store that is locked or away, or takes none of them.
    """
    try:
        return keep_together(engine, made, now, hosts, stretch)
    except Exception as error:  # a border: what one source brought must not cost the others their visit
        if not made or (isinstance(error, AggregatorError) and not isinstance(error, StoreError)):
            raise
    kept: list[Outcome | None] = []
    troubles: list[StoreError] = []
    for visit, standing in made:
        try:
            kept += keep_together(engine, [(visit, standing)], now, hosts, stretch)
        except Exception as error:
            if isinstance(error, AggregatorError) and not isinstance(error, StoreError):
                raise
            troubles += [error] if isinstance(error, StoreError) else []
            kept.append(_unsaved(visit, standing, error))
    if len(troubles) == len(made):
        raise troubles[0]
    return kept


def _unsaved(visit: Visit, standing: Standing, error: Exception) -> Outcome:
    _log.info("this is where", exc_info=error)
    said = str(error)
    if not isinstance(error, StoreError):
        what = one_line(str(getattr(error, "orig", error)))  # without the statement and all that was to be saved
        said = f"{type(error).__name__}: {what}; please report it"
    feed = visit.feed or standing.feed
    return Outcome(
        source=visit.source,
        title=visit.source.title or feed.title or masked(visit.source.key),
        error=f"cannot be saved: {said}",
        seconds=visit.seconds,
    )
