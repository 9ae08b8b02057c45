"""What is remembered of a visit for its owner to see: the log, the source's habit, how it stands, and what is news."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from aggregator import health, schedule, sources
from aggregator.model import Visit
from aggregator.store import history
from aggregator.store import sources as stored
from aggregator.store.history import Entry, Incident, Visited
from aggregator.store.sources import Standing
from aggregator.text import masked

_LATE = timedelta(days=2)  # an entry may be dated so long before the visit that did not have it yet


@dataclass(frozen=True, slots=True)
class Noted:
    """A visit that is saved already: how its source stood `before` and stands `after` it, when the next one is `due`,
    the dates of its `new` entries, and how many `changed`, edited or removed."""

    visit: Visit
    before: Standing
    after: Standing
    due: schedule.Due
    new: Sequence[datetime | None]
    changed: int


def note(db: Connection, every: Sequence[Noted], now: datetime) -> list[tuple[Entry, ...]]:
    """Judge the sources of visits anew. Returns what is to be logged of each; all of it belongs into the transaction
    that saves the visits.

    A look that received nothing, such as that of every run at local posts, is logged when it found news.
    """
    news = [_by_day(each.new, each.before, now) for each in every]
    told = _judge(db, every, _with_habits(db, every, news, now), now)
    return [
        (Entry(each.before.id, _visited(each, now), dates, line),) if _is_logged(each) else ()
        for each, dates, line in zip(every, news, told, strict=True)
    ]


def _is_logged(each: Noted) -> bool:
    cost = each.visit.cost
    return bool(cost.requests or cost.received or each.new or each.changed or each.visit.error != each.before.error)


def _with_habits(
    db: Connection, every: Sequence[Noted], news: Sequence[Mapping[int, int]], now: datetime
) -> list[Standing]:
    """How the sources stand, with the habits of those that have new entries, which are saved."""
    fresh = {
        each.before.id: [number for number in dates if history.is_kept(number, now)]
        for each, dates in zip(every, news, strict=True)
        if (dates or each.before.newest is None) and sources.find(each.visit.source.kind).REMOTE and _is_logged(each)
    }
    days = history.posting_days(db, list(fresh))
    taught = {number: sorted({*days[number], *fresh[number]}) for number in fresh}
    after = [_habit(each.after, taught[each.before.id]) if each.before.id in taught else each.after for each in every]
    stored.save_habits(db, [each for each in after if each.id in taught])
    return after


def _habit(standing: Standing, days: Sequence[int]) -> Standing:
    """How a source stands that had entries on these days, by their numbers, in order."""
    newest = datetime.fromtimestamp(days[-1] * 86_400, UTC) if days else None
    patience = health.patience(days)
    return replace(standing, newest=newest, patience=None if patience is None else timedelta(days=patience))


def _visited(each: Noted, now: datetime) -> Visited:
    """A visit as it stands in the log. Only a 304 saves anything: what is sent once more has been sent."""
    visit, new, changed = each.visit, len(each.new), each.changed
    answer, kind = visit.answer, visit.trouble.kind if visit.trouble else ""
    has_document = answer is not None and (not answer.not_modified or answer.repeated)
    return Visited(
        at=now,
        status=visit.cost.status,
        outcome=kind or ("ok" if visit.documents or new or changed else "same"),
        next_visit=each.due.when,
        reason=each.due.reason,
        new=new,
        edited=changed,
        seconds=visit.seconds,
        received=visit.cost.received,
        error=masked(visit.error),
        requests=visit.cost.requests,
        saved=0 if has_document or answer is None else each.before.size,
        size=answer.cost.received if answer and has_document else None,
    )


def _by_day(new: Sequence[datetime | None], before: Standing, now: datetime) -> Counter[int]:
    """New entries by the number of their day. One that has no date, or one of long before the last visit, which did not
    have it, is of today; at the first visit all are of their own day, so that the habit is known from the beginning."""
    oldest = before.last_success and before.last_success - _LATE
    own = (when if when and when <= now and (oldest is None or when >= oldest) else now for when in new)
    return Counter(map(history.day_number, own))


def _judge(db: Connection, every: Sequence[Noted], after: Sequence[Standing], now: datetime) -> list[str]:
    """Keep the states that visits have left their sources in. A change that its owner wants to hear of is an incident;
    returns these, "" where there is none."""
    told: list[str] = []
    states: list[Standing] = []
    incidents: list[tuple[int, Incident]] = []
    for each, standing in zip(every, after, strict=True):
        before, found = each.before, health.judge(standing, each.visit.source.limits.timeout)
        news = ""
        if found.state != before.state:
            goes_on = before.state_since and health.same_trouble(before.state, found.state)
            since = before.state_since if goes_on and before.state_since else now
            states.append(replace(standing, state=found.state, state_since=since))
            news = health.news(before.state, found, health.title(standing))
        if news:
            incidents.append((before.id, Incident(now, before.state or "new", found.state, news)))
        told.append(news)
    stored.save_states(db, states)
    history.log_incidents(db, incidents)
    return told
