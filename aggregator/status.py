"""`aggregator status`: how all sources stand, what each visit of one came to, and whether anything works at all.

It looks at the store without its lock, and neither makes nor migrates one.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from gettext import gettext as _
from gettext import ngettext, pgettext
from typing import Any

from aggregator import alive, dates, health, phrases, previewing, rhythm
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.explaining import Explanation
from aggregator.health import Health
from aggregator.listing import Listing, due, last, planned
from aggregator.model import Source
from aggregator.store import board, history
from aggregator.store import sources as stored
from aggregator.store.engine import looking
from aggregator.store.history import Incident, Run, Visited
from aggregator.store.lock import holder
from aggregator.store.sources import Standing
from aggregator.store.team import Team, team
from aggregator.text import masked, one_line
from aggregator.values import amount, span

_WEEKS = 4  # over which entries a week are counted where there is no rhythm
_VISITS, _INCIDENTS = 20, 10  # that people are shown of one source; programs get all


@dataclass(frozen=True, slots=True)
class Row:
    """How one source of the config stands; `standing` is None before its first run. `weekly` are entries a week."""

    source: Source
    standing: Standing | None
    health: Health
    since: datetime | None
    weekly: float


@dataclass(frozen=True, slots=True)
class Status:
    """How all sources stand, the worst first. `run` is the last one, `holder` says who holds the lock ("": nobody).

    `stuck` says that nothing works any more, "" while something does. For `lag` the visit that has waited longest is
    overdue; so many requests a minute were made in this hour and the last (`pace`); `team` are workers, None for none.
    """

    rows: tuple[Row, ...]
    run: Run | None
    holder: str
    stuck: str
    lag: timedelta = timedelta()
    pace: float = 0.0
    team: Team | None = None

    @property
    def code(self) -> int:
        """As monitoring plugins exit: 0 all is well, 1 a source wants attention, 2 nothing works any more."""
        return 2 if self.stuck else int(any(each.health.state in health.WANTING for each in self.rows))


def look(config: Config, now: datetime) -> Status:
    """How the sources of the config stand. Raises AggregatorError when there is no store yet, or it cannot be read."""
    with looking(config.store) as db:
        standings = stored.standings(db)
        entries = history.entries(db, now - timedelta(weeks=_WEEKS) + timedelta(days=1))
        run, stuck = history.last_run(db), board.trouble(db, now)
        lag, pace, shared = alive.lag(board.vitals(db), now), history.pace(db, now), team(db)
    rows = [_row(source, standings.get(source.key), entries) for source in config.sources]
    rows.sort(key=lambda row: (health.STATES.index(row.health.state), title(row).casefold(), row.source.key))
    at_work = str(holder(config.store) or "")
    return Status(tuple(rows), run, at_work, stuck, lag, pace, shared)


def _row(source: Source, standing: Standing | None, entries: Mapping[int, int]) -> Row:
    if standing is None:
        return Row(source, None, Health("new" if source.enabled else "disabled"), None, 0.0)
    standing = replace(standing, enabled=source.enabled)  # the config may have changed since the last run
    found = health.judge(standing, source.limits.timeout)
    if found.state == "disabled":
        return Row(source, standing, found, None, _weekly(standing, entries))
    since = standing.state_since if health.same_trouble(standing.state, found.state) else standing.last_visit
    return Row(source, standing, found, since, _weekly(standing, entries))


def _weekly(standing: Standing, entries: Mapping[int, int]) -> float:
    """Entries a week, by the rhythm that the reason of the next visit tells of, too. Where there is none, as of local
    posts, those of the last weeks are counted."""
    apart = rhythm.apart(standing.rhythm)
    return 7 / apart if apart else entries.get(standing.id, 0) / _WEEKS


def title(row: Row) -> str:
    """What a source is called, for its owner."""
    named = row.source.title or (row.standing.feed.title if row.standing else "")
    return one_line(masked(named or row.source.key), 200)


def _why(found: Health) -> str:
    """Why a source stands as it does, for who reads the terminal; cut only now, as half a phrase cannot be said."""
    return one_line(phrases.of_terminal()(found.why), 200)


def states() -> Mapping[str, str]:
    """The states as people read them."""
    return {
        "failing": pgettext("state", "failing"),
        "blocked": pgettext("state", "blocked"),
        "gone": pgettext("state", "gone"),
        "moved": pgettext("state", "moved"),
        "quiet": pgettext("state", "quiet"),
        "degraded": pgettext("state", "degraded"),
        "new": pgettext("state", "new"),
        "ok": pgettext("state", "ok"),
        "disabled": pgettext("state", "disabled"),
    }


def columns() -> Sequence[tuple[str, int]]:
    """The columns of the table, and how wide a terminal has to be for each to be shown at all."""
    return (
        (_("state"), 0),
        (_("source"), 0),
        (_("since"), 90),
        (_("last success"), 0),
        (_("next visit"), 0),
        (_("every"), 100),
        (_("requests"), 120),
        (_("saved"), 120),
        (_("a week"), 110),
        (_("why"), 0),
    )


def table(found: Status, now: datetime) -> Listing:
    """All sources for people, as seen from `now`, and for programs."""
    names = [name for name, _width in columns()]
    said, say = states(), phrases.of_terminal()
    rows = [
        (
            said[row.health.state],
            title(row),
            say(span(now - row.since)) if row.since else "",
            last(row.standing, now),
            due(row.source, row.standing, now),
            say(_every(row.standing)),
            row.standing.requests if row.standing else 0,
            amount(row.standing.saved if row.standing else 0),
            f"{row.weekly:.1f}",
            _why(row.health) or say(row.standing.reason if row.standing else "never visited"),
        )
        for row in found.rows
    ]
    return Listing(names, rows, [_values(row) for row in found.rows])


def summary(found: Status, now: datetime) -> str:
    """All of it in one line."""
    counts = Counter(row.health.state for row in found.rows)
    said, say, counted = states(), phrases.of_terminal(), pgettext("number and state", "{} {}")
    parts = [
        _(", ").join(counted.format(counts[state], said[state]) for state in reversed(health.STATES) if counts[state])
        or _("no sources")
    ]
    if found.run:
        ago = say(span(now - found.run.at))
        parts.append(_("last run {} ago ({}, {:.1f} s)").format(ago, found.run.by, found.run.seconds))
    if found.run and found.run.problems:
        parts.append(_("publishing has problems: {}").format(say(one_line(found.run.problems.splitlines()[0], 300))))
    if found.team and found.team.workers:
        line = _("at work: {}, {:.0f} requests a minute, {} behind")
        parts.append(line.format(_team(found.team), found.pace, say(span(found.lag))))
    elif found.holder:
        parts.append(_("at work: {}").format(say(found.holder)))
    if found.stuck:
        parts.append(say(found.stuck))
    return _("; ").join(parts)


def _team(found: Team) -> str:
    """Workers, and what they have to do, in a few words."""
    workers = ngettext("{} worker", "{} workers", len(found.workers)).format(len(found.workers))
    silent = _(", ") + _("{} silent").format(found.silent) if found.silent else ""
    shards = _("{} of {} shards under way, {} waiting").format(found.doing, found.shards, found.waiting)
    return f"{workers}{silent}" + _(": ") + shards


def as_json(found: Status) -> dict[str, Any]:
    """The same for programs: times are RFC 3339 in UTC, lengths are in seconds."""
    counts = Counter(row.health.state for row in found.rows)
    return {
        "code": found.code,
        "states": {state: counts[state] for state in health.STATES},
        "stuck": found.stuck or None,
        "last_run": found.run and _run(found.run),
        "lock": found.holder or None,
        "lag": int(found.lag.total_seconds()),
        "requests_a_minute": round(found.pace, 1),
        "workers": found.team and [str(each) for each in found.team.workers],
        "shards": found.team and {name: getattr(found.team, name) for name in ("doing", "waiting", "unpublished")},
        "sources": [_values(row) for row in found.rows],
    }


# --- One source -------------------------------------------------------------------------------------------------------


def one(config: Config, found: Status, wanted: str, now: datetime) -> tuple[Explanation, Listing, int]:
    """All that is known of one source, named as for `preview`: what to say, its visits, and the code to exit with.

    Raises AggregatorError when no source of the config is meant, or several.
    """
    titles = {row.source.key: row.standing.feed.title for row in found.rows if row.standing}
    key = previewing.named(config, wanted, titles).key
    row = next((row for row in found.rows if row.source.key == key), None)
    if row is None:
        advice = _("{source} is not in the config; `aggregator preview` shows what it yields")
        raise AggregatorError(advice.format(source=masked(key)))
    log: tuple[Visited, ...] = ()
    incidents: tuple[Incident, ...] = ()
    if row.standing:
        with looking(config.store) as db:
            log = history.visits(db, row.standing.id)
            incidents = history.incidents(db, source_id=row.standing.id)
    values = _values(row) | {
        "log": [_visit(each) for each in log],
        "incidents": [_incident(each) for each in incidents],
    }
    told = Explanation(title(row), tuple(_lines(row, incidents, now)), values)
    return told, _log(log[:_VISITS]), int(row.health.state in health.WANTING)


def _lines(row: Row, incidents: Sequence[Incident], now: datetime) -> Iterator[tuple[str, str]]:
    """What there is to say of a source, each with its label."""
    standing, found, say = row.standing, row.health, phrases.of_terminal()
    yield _("address"), masked(row.source.key)
    state = states()[found.state]
    if row.since:
        state = _("{state} since {moment} UTC").format(state=state, moment=f"{row.since:%Y-%m-%d %H:%M}")
    yield _("state"), state + (_(": ") + _why(found) if found.why else "")
    if found.advice:
        yield _("advice"), say(found.advice)
    if standing is None:
        return
    if standing.error:
        yield _("error"), say(masked(standing.error))
    yield _("success"), last(standing, now)
    yield _("next"), due(row.source, standing, now) + _(": ") + say(standing.reason)
    received, saved = amount(standing.received), amount(standing.saved)
    counts = _("{} so far, {} without change; requests: {}; {} received, {} saved by 304")
    yield _("visits"), counts.format(standing.visits, standing.unchanged, standing.requests, received, saved)
    newest = _("; ") + _("the newest of {}").format(standing.newest.date()) if standing.newest else ""
    quiet = (
        _("; ") + _("quiet after {} without another").format(say(span(standing.patience))) if standing.patience else ""
    )
    yield _("entries"), _("{:.1f} a week").format(row.weekly) + newest + quiet
    yield from ((_("warning"), say(masked(warning))) for warning in standing.warnings)
    for each in incidents[:_INCIDENTS]:
        yield _("incident"), f"{each.at:%Y-%m-%d %H:%M} UTC  {_('; ').join(say(each.text).splitlines())}"


def _log(log: Sequence[Visited]) -> Listing:
    names = (
        *(_("visit (UTC)"), _("status"), _("outcome"), _("new"), _("edited"), _("seconds"), _("received")),
        *(_("next (UTC)"), _("why then")),
    )
    say = phrases.of_terminal()
    outcomes = {"ok": pgettext("state", "ok"), "same": _("same")}
    rows = [
        (
            f"{each.at:%Y-%m-%d %H:%M}",
            str(each.status or "-"),
            outcomes.get(each.outcome) or say(each.outcome),
            each.new,
            each.edited,
            f"{each.seconds:.1f}",
            amount(each.received),
            f"{each.next_visit:%m-%d %H:%M}",
            say(each.reason),
        )
        for each in log
    ]
    return Listing(names, rows, [])


# --- For programs -----------------------------------------------------------------------------------------------------


def _values(row: Row) -> dict[str, Any]:
    source, standing, found = row.source, row.standing, row.health
    values: dict[str, Any] = {
        "key": masked(source.key),
        "kind": source.kind,
        "title": title(row),
        "state": found.state,
        "since": _time(row.since),
        "why": found.why,
        "advice": found.advice,
        "entries_a_week": row.weekly,
    }
    if standing is None:
        return values
    move = standing.move if standing.move and standing.move.believed else None
    return values | {
        "last_visit": _time(standing.last_visit),
        "last_success": _time(standing.last_success),
        "next_visit": _time(planned(source, standing)),
        "reason": standing.reason,
        "interval": _interval(standing),
        "failures": standing.failures,
        "error": masked(standing.error),
        "warnings": [masked(warning) for warning in standing.warnings],
        "moved_to": masked(move.url) if move else None,
        "same_as": masked(standing.same_as) or None,
        "newest": _time(standing.newest),
        "quiet_after": standing.patience and standing.patience.total_seconds(),
        "visits": standing.visits,
        "unchanged": standing.unchanged,
        "requests": standing.requests,
        "received": standing.received,
        "saved": standing.saved,
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "at": _time(run.at),
        "seconds": round(run.seconds, 3),
        "by": run.by,
        "visits": run.visits,
        "failed": run.failed,
        "new": run.new,
        "written": run.written,
        "problems": run.problems.splitlines(),
    }


def _visit(visit: Visited) -> dict[str, Any]:
    return {
        "at": _time(visit.at),
        "status": visit.status,
        "outcome": visit.outcome,
        "new": visit.new,
        "edited": visit.edited,
        "seconds": round(visit.seconds, 3),
        "received": visit.received,
        "error": visit.error,
        "next_visit": _time(visit.next_visit),
        "reason": visit.reason,
    }


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "at": _time(incident.at),
        "before": incident.before,
        "state": incident.state,
        "text": incident.text,
    }


def _interval(standing: Standing) -> float | None:
    """How long after the last visit the next one is planned; None where that is never, or now."""
    planned = standing.next_visit - standing.last_visit if standing.last_visit else timedelta(0)
    is_over = standing.gone or standing.same_as or not standing.enabled
    return planned.total_seconds() if planned > timedelta(0) and not is_over else None


def _every(standing: Standing | None) -> str:
    planned = _interval(standing) if standing else None
    return span(timedelta(seconds=planned)) if planned else ""


def _time(moment: datetime | None) -> str | None:
    return dates.rfc3339(moment) if moment else None
