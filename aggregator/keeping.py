"""What a visit means: which items are new or changed, what was learned, when to come again; kept in one transaction."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time

from sqlalchemy import Connection, Engine

from aggregator import hubs, identity, noting, schedule, sources
from aggregator.fetching import freshness
from aggregator.model import HostState, Item, Source, Validators, Visit
from aggregator.moves import moved
from aggregator.rhythm import Rhythm, learn
from aggregator.store import history, retention, vanished, visits
from aggregator.store import hubs as subscriptions
from aggregator.store import sources as stored
from aggregator.store.engine import writing
from aggregator.store.fences import together
from aggregator.store.history import Entry
from aggregator.store.sources import Standing
from aggregator.text import masked

_FORBIDDEN = ("private address", "bad url", "no instance", "secret")  # by our own config


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one visit came to: how many items were `new`, `edited`, `removed`, `same` or `waiting` for their day.

    All posts count, whether their files were read or not; of a feed that has not changed nothing does.

    `warnings` are also those of documents that stand as they were, `told` those that were in force before; `moved_to`
    is set when this visit was the one after which a permanent redirect is believed. `reason` is that of `next_visit`;
    `incident` is what its owner should hear: the source broke, works again, and the like.
    """

    source: Source
    title: str
    counts: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    told: frozenset[str] = frozenset()
    error: str = ""
    seconds: float = 0.0
    next_visit: datetime | None = None
    moved_to: str = ""
    reason: str = ""
    incident: str = ""


def keep(
    engine: Engine,
    visit: Visit,
    standing: Standing,
    now: datetime,
    hosts: Mapping[str, HostState] | None = None,
    stretch: float = 1.0,
    *,
    listening: bool = False,
) -> Outcome | None:
    """Decide what a visit means, and save it, with what was learned of `hosts`. `stretch` is what a budget of requests
    makes of the wait until the next one.

    Where nobody is `listening` to what hubs deliver, they are not relied on. What asked nobody has no outcome.
    """
    return keep_all(engine, [(visit, standing)], now, hosts, stretch, listening=listening)[0]


def keep_all(
    engine: Engine,
    made: Sequence[tuple[Visit, Standing]],
    now: datetime,
    hosts: Mapping[str, HostState] | None = None,
    stretch: float = 1.0,
    *,
    listening: bool = False,
) -> list[Outcome | None]:
    """The same for visits of several sources, in one transaction: meant for those that found nothing new."""
    with writing(engine) as db:
        together(db)
        stored.save_hosts(db, hosts or {})
        kept = [_keep(db, visit, standing, now, stretch, listening=listening) for visit, standing in made]
        history.log_visits(db, [entry for _, entries in kept for entry in entries])
    return [outcome for outcome, _ in kept]


def found_nothing(visit: Visit) -> bool:
    """Whether a visit found all as it was: losing it, in a crash, costs no more than another such request."""
    return bool(visit.answer and visit.held) and not (visit.documents or visit.broken or visit.error)


def _keep(
    db: Connection, visit: Visit, standing: Standing, now: datetime, stretch: float, *, listening: bool
) -> tuple[Outcome | None, tuple[Entry, ...]]:
    """Save a visit but for the log; return that as well."""
    remote = sources.find(visit.source.kind).REMOTE
    if visit.trouble and visit.trouble.kind == "paused" and not visit.trouble.asked:
        pace = visit.source.pace
        until = schedule.after_pause(now, visit.source.key, pace, visit.trouble.retry_after or pace.pause)
        visits.postpone(db, standing.id, until, visit.error.removeprefix("paused: "))
        return None, ()
    decision = identity.Decision((), (), standing.habits)
    before = visits.validators(db, standing.id)
    if not visit.error:
        keys = {key for item in visit.items for key in identity.keys(item)}
        gone = before.keys() - visit.held.keys() - visit.broken
        origins = set() if remote else {*gone, *visit.documents}
        known = visits.known(db, standing.id, keys, origins)
        held = visit.held.keys() | visit.broken
        policy, habits = visit.source.policy, standing.habits
        decision = identity.decide(visit.items, known, now, remote=remote, policy=policy, habits=habits, held=held)
        visit = _told(visit, decision)
    changes = decision.changes
    learned = _learned(visit, standing, changes, before, now)
    rhythm = rhythm_after(visit, standing, changes, now) if remote else standing.rhythm
    learned = replace(learned, habits=decision.habits, rhythm=rhythm)
    pushed = listening and not visit.error and _is_pushed(db, standing, changes, now)
    due = schedule.Due(now, "looked at by every run")
    if remote:
        due = _due(visit, standing, learned, now, stretch, pushed)
    surplus = () if standing.last_success else _surplus(visit, changes, now)
    warnings = visits.save(db, standing.id, visit, changes, now, due, learned, before, surplus)
    taken_back, is_strict = 0, remote and visit.source.policy.on_vanish == "drop"
    if visit.documents and not visit.error:
        if is_strict:
            taken_back = vanished.note(db, standing.id, visit.items, changes, now)
        retention.forget(db, standing.id, now)
    elif visit.held and is_strict:
        taken_back = vanished.confirm(db, standing.id, now)
    moved_to = learned.move.url if learned.move and learned.move.believed else ""
    if standing.move and standing.move.believed:
        moved_to = ""  # it was followed, and told, before
    for name in (*visit.documents, *visit.held) if moved_to else ():
        visits.follow(db, standing.id, name, moved_to)
    counts = Counter(same=0, waiting=0)
    counts.update("waiting" if change.waits else change.what for change in changes if change not in surplus)
    if taken_back:
        counts["removed"] += taken_back
    if not remote and not visit.error:
        awake, counts["waiting"] = visits.posts(db, standing.id, now)
        counts["same"] = awake - counts["new"] - counts["edited"]
    dates = [each.published for each in changes if each.what == "new" and not each.waits and each not in surplus]
    entries = noting.note(db, visit, standing, due, now, new=dates, changed=counts["edited"] + counts["removed"])
    title = visit.source.title or (visit.feed.title if visit.feed else "") or standing.feed.title
    outcome = Outcome(
        source=visit.source,
        title=title or masked(visit.source.key),
        counts=counts,
        warnings=warnings,
        told=frozenset(standing.warnings),
        error=visit.error,
        seconds=visit.seconds,
        next_visit=due.when,
        moved_to=moved_to,
        reason=due.reason,
        incident="; ".join(line for entry in entries for line in entry.incident.splitlines()),
    )
    return outcome, entries


def _surplus(visit: Visit, changes: Sequence[identity.Change], now: datetime) -> Collection[identity.Change]:
    """What a first visit gave beyond the newest that are wanted of it: by date, then by their order in the feed."""
    wanted = visit.source.policy.first_import
    if wanted is None or not sources.find(visit.source.kind).REMOTE:
        return ()
    place = {_unnamed(item): number for number, item in reversed(list(enumerate(visit.items)))}
    new = [change for change in changes if change.what == "new"]
    new.sort(key=lambda change: place[_unnamed(change.item)] if change.item else 0)
    new.sort(key=lambda change: change.published or now, reverse=True)
    return frozenset(new[wanted:])


def _unnamed(item: Item) -> Item:
    """An entry without its guid, which deciding leaves out where it counts for nothing."""
    return replace(item, guid="")


def _told(visit: Visit, decision: identity.Decision) -> Visit:
    """A visit with what deciding has to say of it; a document of which something was not taken yet is read again: a
    post by the next run, a feed when its server sends it again."""
    dropped = {name: Validators() for name in decision.dropped & visit.documents.keys()}
    if sources.find(visit.source.kind).REMOTE and decision.dropped:
        dropped = {name: replace(known, print="") for name, known in visit.documents.items()}
    said = {**visit.said, "": (*visit.said.get("", ()), *decision.warnings)}
    return replace(visit, documents={**visit.documents, **dropped}, said=said)


def _learned(
    visit: Visit,
    standing: Standing,
    changes: Sequence[identity.Change],
    before: Mapping[str, Validators],
    now: datetime,
) -> visits.Learned:
    """What a visit teaches about its source; `before` are the validators that it was made with.

    What was not said this time stays as it was, freshness only where a 304 was silent on it (RFC 9111 §4.3.4).
    """
    hints, move, answer = visit.hints or standing.hints, standing.move, visit.answer
    if visit.error or not answer:
        hints = replace(hints, fresh_for=None)
    elif not answer.not_modified or answer.repeated or {"cache-control", "expires"} & answer.headers.keys():
        hints = replace(hints, fresh_for=freshness.fresh_for(answer.headers, visit.source.pace.freshness_cap))
    else:
        hints = replace(hints, fresh_for=standing.hints.fresh_for)
    if given := [*visit.documents.values(), *visit.held.values()]:
        is_repeated = answer is not None and answer.repeated
        hints = replace(hints, validated=not is_repeated and any(each.etag or each.last_modified for each in given))
    else:
        hints = replace(hints, validated=standing.hints.validated)
    if move and move.believed and visit.source.key in (*visit.documents, *visit.held):
        move = None  # the new address was lost again, so the old one was asked
    if answer and not visit.error and standing.last_success:
        unchanged = any(name in before and before[name].url == answer.url for name in visit.held)
        overlap = unchanged or any(change.known for change in changes)
        move = moved(move, visit.source.key, answer.moved_to, visit.source.pace, now, overlap=overlap)
    is_gone = visit.trouble and visit.trouble.kind == "http 410"
    return visits.Learned(hints, min(standing.gone_since or now, now) if is_gone else None, move)


def rhythm_after(visit: Visit, standing: Standing, changes: Sequence[identity.Change], now: datetime) -> Rhythm:
    """What a visit teaches about when the source posts. A day without a clock is its midnight (UTC)."""
    if visit.error:
        return standing.rhythm
    is_first = standing.rhythm.until is None  # of what is learned here; a store of an older version knows the items
    new = visit.items if is_first else [each.item for each in changes if each.what == "new" and each.item]
    said = [(item.published or item.updated, item.day_only) for item in new]
    dates = [date and (datetime.combine(date.date(), time(), UTC) if day_only else date) for date, day_only in said]
    return learn(standing.rhythm, dates, now)


def _is_pushed(db: Connection, standing: Standing, changes: Sequence[identity.Change], now: datetime) -> bool:
    """Whether its hub delivers what is new. One that did not deliver what this visit found is not relied on again
    before it delivers something."""
    held = subscriptions.of(db, standing.id)
    if held is None or not hubs.is_pushed(held, now):
        return False
    new = [change.published for change in changes if change.what == "new"]
    if missed := hubs.has_missed(held, standing.last_success, new, now):
        subscriptions.silence(db, held)
    return not missed


def _due(
    visit: Visit, standing: Standing, learned: visits.Learned, now: datetime, stretch: float, pushed: bool
) -> schedule.Due:
    """When to come again. What our own config forbids is tried by every run, as long as that asks nobody."""
    if visit.trouble and visit.trouble.kind in _FORBIDDEN and not visit.trouble.asked:
        return schedule.Due(now, "when the config allows it")
    return schedule.next_visit(
        now,
        visit.source.key,
        visit.source.pace,
        learned.hints,
        validated=learned.hints.validated,
        failures=visits.failures_after(standing.failures, standing.next_visit, now) if visit.error else 0,
        trouble=visit.trouble,
        gone_since=standing.gone_since,
        last_full=now if visit.answer else standing.last_success,  # a document that could not be read was one as well
        rhythm=learned.rhythm,
        stretch=stretch,
        pushed=pushed,
    )
