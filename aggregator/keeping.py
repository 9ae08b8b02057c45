"""What a visit means: which items are new or changed, what was learned, when to come again; kept in one transaction."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from itertools import chain

from sqlalchemy import Connection, Engine

from aggregator import health, hubs, identity, noting, schedule, sources
from aggregator.fetching import freshness
from aggregator.model import HostState, Item, Source, Validators, Visit
from aggregator.moves import moved, strange
from aggregator.rhythm import Rhythm, learn
from aggregator.store import clocks, history, retention, vanished, visits
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
    return keep_together(engine, [(visit, standing)], now, hosts, stretch, listening=listening)[0]


def keep_together(
    engine: Engine,
    made: Sequence[tuple[Visit, Standing]],
    now: datetime,
    hosts: Mapping[str, HostState] | None = None,
    stretch: float = 1.0,
    *,
    listening: bool = False,
) -> list[Outcome | None]:
    """The same for visits of several sources, in one transaction: all of them, or where it fails none."""
    with writing(engine) as db:
        together(db)
        stored.save_hosts(db, hosts or {})
        return _keep(db, made, now, stretch, listening=listening)


@dataclass(frozen=True, slots=True)
class _Decided:
    """What is to be saved of a visit, how its source stood `before` it and stands `after` it, and its warnings."""

    kept: visits.Kept
    before: Standing
    after: Standing
    warnings: tuple[str, ...]


def _keep(
    db: Connection, made: Sequence[tuple[Visit, Standing]], now: datetime, stretch: float, *, listening: bool
) -> list[Outcome | None]:
    """Decide on all visits, then save them, many by one statement."""
    then = clocks.trusted(db, now)
    asked = [each for each in made if not _is_postponed(db, *each, now)]
    known = visits.validators_of(db, [standing.id for _, standing in asked])
    first = {standing.id for visit, standing in asked if visit.documents and not standing.last_success}
    first -= visits.with_items(db, sorted(first))
    every = [
        _decide(
            db, visit, standing, known[standing.id], now, then, stretch, is_first=standing.id in first, heard=listening
        )
        for visit, standing in asked
    ]
    visits.save(db, [each.kept for each in every], now, then)
    counts = [_count(db, each, then) for each in every]
    read = [each.kept for each in every if each.kept.visit.documents and not each.kept.is_first]
    retention.forget(db, [each.source_id for each in read], then)
    noted = [
        noting.Noted(
            each.kept.visit, each.before, each.after, each.kept.due, _dates(each.kept), own["edited"] + own["removed"]
        )
        for each, own in zip(every, counts, strict=True)
    ]
    entries = noting.note(db, noted, then)
    history.log_visits(db, list(chain.from_iterable(entries)))
    outcomes = {
        each.before.id: _outcome(each, own, logged) for each, own, logged in zip(every, counts, entries, strict=True)
    }
    return [outcomes.get(standing.id) for _, standing in made]


def _is_postponed(db: Connection, visit: Visit, standing: Standing, now: datetime) -> bool:
    """Whether a source was not asked, as its host wants silence; then all that is saved is when to come again."""
    if not visit.trouble or visit.trouble.kind != "paused" or visit.trouble.asked:
        return False
    pace = visit.source.pace
    until = schedule.after_pause(now, visit.source.key, pace, visit.trouble.retry_after or pace.pause)
    visits.postpone(db, standing.id, until, visit.error.removeprefix("paused: "))
    return True


def _decide(
    db: Connection,
    visit: Visit,
    standing: Standing,
    before: Mapping[str, Validators],
    now: datetime,
    then: datetime,
    stretch: float,
    *,
    is_first: bool,
    heard: bool,
) -> _Decided:
    """What a visit means. `before` are the validators of its source until now; with `is_first` the store has no items
    of it; what hubs deliver is `heard`. The visit was made at `now`, and gives things the dates of `then`."""
    remote = sources.find(visit.source.kind).REMOTE
    decision = identity.Decision((), (), standing.habits)
    if not visit.error and (visit.items or not remote):  # a feed without entries says nothing of any
        origins = set() if remote else {*(before.keys() - visit.held.keys() - visit.broken), *visit.documents}
        keys = set() if is_first else {key for each in visit.signs for key in each.keys}
        known = () if is_first else visits.known(db, standing.id, keys, origins)
        held = visit.held.keys() | visit.broken
        policy, habits, ready = visit.source.policy, standing.habits, visit.signs
        decision = identity.decide(
            visit.items, known, then, remote=remote, policy=policy, habits=habits, held=held, ready=ready
        )
        if visit.whole and not (_heeds_guids(visit, habits) and _is_enough(decision, visit.brief)):
            whole = replace(visit.whole(), seconds=visit.seconds, cost=visit.cost)
            return _decide(db, whole, standing, before, now, then, stretch, is_first=is_first, heard=heard)
        visit = _told(visit, decision)
    changes = decision.changes
    rhythm = rhythm_after(visit, standing, changes, then) if remote else standing.rhythm
    learned = _learned(visit, standing, decision, before, now, rhythm)
    pushed = heard and not visit.error and _is_pushed(db, standing, changes, now)
    failures = visits.failures_after(standing.failures, standing.next_visit, now) if visit.error else 0
    if visit.error:
        visit = replace(visit, error=health.counted(visit.error, standing.error, again=failures > standing.failures))
    elif elsewhere := strange(learned.move):
        visit = replace(visit, said={**visit.said, "": (*visit.said.get("", ()), elsewhere)})
    due = schedule.Due(now, "looked at by every run")
    if remote:
        due = _due(visit, standing, learned, now, stretch, failures, pushed)
    said = None
    if not visit.error and (visit.documents or visit.broken or not remote):
        said = visit.said if remote and not visit.held else visits.said(db, standing.id, visit)
    stand = standing.warnings if said is None else tuple(each for those in said.values() for each in those)
    kept = visits.Kept(
        source_id=standing.id,
        visit=visit,
        changes=changes,
        due=due,
        learned=learned,
        before=before,
        feed=standing.feed,
        failures=failures,
        said=said,
        surplus=() if standing.last_success else _surplus(visit, changes, then),
        is_first=is_first,
    )
    after = replace(
        standing,
        feed=standing.feed if visit.error else visit.feed or standing.feed,
        last_visit=now,
        last_success=standing.last_success if visit.error else now,
        failures=failures,
        error=visit.error,
        warnings=stand,
        gone=due.gone,
        move=learned.move,
        seconds=visit.seconds,
        same_as="",
    )
    return _Decided(kept, standing, after, visit.warnings if visit.error else stand)


def _count(db: Connection, each: _Decided, now: datetime) -> Counter[str]:
    """What a visit came to, once it is saved; what its feed takes back goes now, and what was learned follows a feed
    that has moved."""
    kept, source_id = each.kept, each.kept.source_id
    visit, remote = kept.visit, sources.find(kept.visit.source.kind).REMOTE
    taken_back, is_strict = 0, remote and visit.source.policy.on_vanish == "drop"
    if is_strict and visit.documents and not visit.error:
        taken_back = vanished.note(db, source_id, visit.items, kept.changes, now)
    elif is_strict and visit.held and not visit.documents:
        taken_back = vanished.confirm(db, source_id, now)
    for name in (*visit.documents, *visit.held) if _moved_to(each) else ():
        visits.follow(db, source_id, name, _moved_to(each))
    counts = Counter(same=0, waiting=0)
    counts.update("waiting" if change.waits else change.what for change in kept.changes if change not in kept.surplus)
    if taken_back:
        counts["removed"] += taken_back
    if not remote and not visit.error:
        awake, counts["waiting"] = visits.posts(db, source_id, now)
        counts["same"] = awake - counts["new"] - counts["edited"]
    return counts


def _moved_to(each: _Decided) -> str:
    """Where a feed has moved to, if that is believed since this visit; before, it was told, and is followed."""
    move, earlier = each.kept.learned.move, each.before.move
    return move.url if move and move.believed and not (earlier and earlier.believed) else ""


def _dates(kept: visits.Kept) -> list[datetime | None]:
    """The dates of the new entries."""
    new = [each for each in kept.changes if each.what == "new" and not each.waits]
    return [each.published for each in new if each not in kept.surplus]


def _outcome(each: _Decided, counts: Mapping[str, int], entries: tuple[Entry, ...]) -> Outcome:
    visit, due = each.kept.visit, each.kept.due
    title = visit.source.title or (visit.feed.title if visit.feed else "") or each.before.feed.title
    return Outcome(
        source=visit.source,
        title=title or masked(visit.source.key),
        counts=counts,
        warnings=each.warnings,
        told=frozenset(each.before.warnings),
        error=visit.error,
        seconds=visit.seconds,
        next_visit=due.when,
        moved_to=_moved_to(each),
        reason=due.reason,
        incident="; ".join(line for entry in entries for line in entry.incident.splitlines()),
    )


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


def _is_enough(decision: identity.Decision, brief: Collection[Item]) -> bool:
    """Whether what is to be kept was read in full."""
    return not any(change.item in brief for change in decision.changes if change.what != "same" and change.item)


def _heeds_guids(visit: Visit, habits: identity.Habits) -> bool:
    """Whether guids count. Where they do not they are left out, and all signs made anew, for which items in brief do
    not do."""
    asked = visit.source.policy.identity
    return (habits.mode if asked == "auto" else asked) in ("auto", "guid")


def _told(visit: Visit, decision: identity.Decision) -> Visit:
    """A visit with what deciding has to say of it; a document of which something was not taken yet is read again: a
    post by the next run, a feed when its server sends it again."""
    dropped = {name: Validators() for name in decision.dropped & visit.documents.keys()}
    if sources.find(visit.source.kind).REMOTE and decision.dropped:
        dropped = {name: replace(known, print="") for name, known in visit.documents.items()}
    said = {**visit.said, "": (*visit.said.get("", ()), *decision.warnings)}
    documents = {**visit.documents, **dropped}
    if not _heeds_guids(visit, decision.habits):
        documents = {name: replace(known, entries=b"") for name, known in documents.items()}
    return replace(visit, documents=documents, said=said)


def _learned(
    visit: Visit,
    standing: Standing,
    decision: identity.Decision,
    before: Mapping[str, Validators],
    now: datetime,
    rhythm: Rhythm,
) -> visits.Learned:
    """What a visit teaches about its source; `before` are the validators that it was made with.

    What was not said this time stays as it was, freshness only where a 304 was silent on it (RFC 9111 §4.3.4).
    """
    hints, move, answer = visit.hints or standing.hints, standing.move, visit.answer
    fresh_for, validated = standing.hints.fresh_for, standing.hints.validated
    if visit.error or not answer:
        fresh_for = None
    elif not answer.not_modified or answer.repeated or {"cache-control", "expires"} & answer.headers.keys():
        fresh_for = freshness.fresh_for(answer.headers, visit.source.pace.freshness_cap)
    if given := [*visit.documents.values(), *visit.held.values()]:
        is_repeated = answer is not None and answer.repeated
        validated = not is_repeated and any(each.etag or each.last_modified for each in given)
    hints = replace(hints, fresh_for=fresh_for, validated=validated)
    if move and move.believed and visit.source.key in (*visit.documents, *visit.held):
        move = None  # the new address was lost again, so the old one was asked
    if answer and not visit.error and standing.last_success:
        unchanged = any(name in before and before[name].url == answer.url for name in visit.held)
        is_same = unchanged or any(change.known for change in decision.changes)
        overlap = None if visit.documents and not visit.items else is_same
        move = moved(move, visit.source.key, answer.moved_to, visit.source.pace, now, overlap=overlap)
    is_gone = visit.trouble and visit.trouble.kind == "http 410"
    gone_since = min(standing.gone_since or now, now) if is_gone else None
    return visits.Learned(hints, gone_since, move, decision.habits, rhythm)


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
    visit: Visit,
    standing: Standing,
    learned: visits.Learned,
    now: datetime,
    stretch: float,
    failures: int,
    pushed: bool,
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
        failures=failures,
        trouble=visit.trouble,
        gone_since=standing.gone_since,
        last_full=now if visit.answer else standing.last_success,  # a document that could not be read was one as well
        rhythm=learned.rhythm,
        stretch=stretch,
        pushed=pushed,
    )
