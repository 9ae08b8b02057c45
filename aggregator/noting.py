"""What is remembered of a visit for its owner to see: the log, the source's habit, how it stands, and what is news."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from aggregator import health, schedule, sources
from aggregator.model import Visit
from aggregator.store import history
from aggregator.store import sources as stored
from aggregator.store.history import Entry, Incident, Visited
from aggregator.store.sources import Standing
from aggregator.text import masked

_LATE = timedelta(days=2)  # an entry may be dated so long before the visit that did not have it yet


def note(
    db: Connection,
    visit: Visit,
    before: Standing,
    due: schedule.Due,
    now: datetime,
    *,
    new: Sequence[datetime | None],
    changed: int,
) -> tuple[Entry, ...]:
    """Judge the source of a visit, which is saved already, anew. Returns what is to be logged; all of it belongs into
    the transaction that saves the visit.

    `before` is how the source stood; `new` are the dates of its new entries, `changed` counts those that were edited or
    removed. A look that received nothing, such as that of every run at local posts, is logged when it found news.
    """
    remote = sources.find(visit.source.kind).REMOTE
    entries: tuple[Entry, ...] = ()
    if visit.cost.requests or visit.cost.received or new or changed or visit.error != before.error:
        news = _by_day(new, before, now)
        entries = (Entry(before.id, _visited(visit, before, due, now, len(new), changed), news),)
        if remote and (news or before.newest is None):
            fresh = (number for number in news if history.is_kept(number, now))
            days = sorted({*history.posting_days(db, before.id), *fresh})
            stored.save_habit(db, before.id, days[-1] if days else None, health.patience(days))
    told = _judge(db, visit, before, now)
    return tuple(replace(entry, incident=told) for entry in entries)


def _visited(visit: Visit, before: Standing, due: schedule.Due, now: datetime, new: int, changed: int) -> Visited:
    """A visit as it stands in the log. Only a 304 saves anything: what is sent once more has been sent."""
    answer, kind = visit.answer, visit.trouble.kind if visit.trouble else ""
    has_document = answer is not None and (not answer.not_modified or answer.repeated)
    return Visited(
        at=now,
        status=visit.cost.status,
        outcome=kind or ("ok" if visit.documents or new or changed else "same"),
        next_visit=due.when,
        reason=due.reason,
        new=new,
        edited=changed,
        seconds=visit.seconds,
        received=visit.cost.received,
        error=masked(visit.error),
        requests=visit.cost.requests,
        saved=0 if has_document or answer is None else before.size,
        size=answer.cost.received if answer and has_document else None,
    )


def _by_day(new: Sequence[datetime | None], before: Standing, now: datetime) -> Counter[int]:
    """New entries by the number of their day. One that has no date, or one of long before the last visit, which did not
    have it, is of today; at the first visit all are of their own day, so that the habit is known from the beginning."""
    oldest = before.last_success and before.last_success - _LATE
    own = (when if when and when <= now and (oldest is None or when >= oldest) else now for when in new)
    return Counter(map(history.day_number, own))


def _judge(db: Connection, visit: Visit, before: Standing, now: datetime) -> str:
    """Keep the state that a visit has left its source in. A change that its owner wants to hear of is an incident, and
    returned."""
    standing = stored.standing(db, before.id)
    found = health.judge(standing, visit.source.limits.timeout)
    if found.state == before.state:
        return ""
    goes_on = before.state_since and health.same_trouble(before.state, found.state)
    stored.save_state(db, before.id, found.state, before.state_since if goes_on and before.state_since else now)
    if news := health.news(before.state, found, health.title(standing)):
        history.log_incident(db, before.id, Incident(now, before.state or "new", found.state, news))
    return news
