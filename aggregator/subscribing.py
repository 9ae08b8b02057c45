"""Subscriptions to WebSub hubs, as the daemon keeps them: `tend` asks the hubs, `take` hears what they say.

What hubs deliver is kept as what a visit found, but it may be a part of the feed: it removes nothing and
teaches nothing but when the source posts; validators, hints and failures are those of the visits.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from threading import BoundedSemaphore
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine

from aggregator import hubs, identity, noting, schedule
from aggregator.collect import read
from aggregator.config import Config
from aggregator.errors import ParseError
from aggregator.fetching.websub import Wish, open_asker
from aggregator.keeping import Outcome, rhythm_after
from aggregator.logs import say
from aggregator.model import Cost, Document, Source, Visit
from aggregator.planning import asked_once
from aggregator.store import clocks, history, visits
from aggregator.store import hubs as held
from aggregator.store import sources as stored
from aggregator.store.engine import reading, writing
from aggregator.store.sources import Standing
from aggregator.text import masked
from aggregator.visiting import InThread

_log = logging.getLogger(__name__)
_AT_MOST = 50  # requests in one go: what is left has its turn in the next
_WAITING = 32  # events at a time, in memory
_REST = 10.0  # seconds between two looks at what hubs are to be asked
_NO_MORE = "no hub pushes any more"

_Places = Mapping[str, tuple[Source, Standing]]
"""The sources that are asked, and how they stand, by their keys."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A hub to ask to `subscribe` a source, also once more, or to end what it `has`."""

    step: Literal["subscribe", "unsubscribe"]
    source_id: int
    hub: str
    topic: str
    has: hubs.Subscription | None

    @property
    def host(self) -> str:
        """Who is asked."""
        return urlsplit(self.hub).netloc


# --- Asking hubs ------------------------------------------------------------------------------------------------------


async def tend(engine: Engine, config: Config, now: datetime, write: InThread) -> tuple[str, ...]:
    """Subscribe, renew and leave, as it is time to; called every minute or so. Returns a line for each hub in trouble.

    Without a `public_url` no hub can reach us, and nothing is held.
    """
    tasks = await write(_tasks, engine, config, now)
    if not tasks:
        return ()
    tasks = sorted(tasks[:_AT_MOST], key=lambda task: task.host)
    of_hosts = [list(group) for _, group in groupby(tasks, key=lambda task: task.host)]
    async with open_asker(config.site.contact, config.fetch.allow_networks) as ask:
        said = await asyncio.gather(*(_ask_host(engine, config, each, ask, now, write) for each in of_hosts))
    return tuple(line for lines in said for line in lines)


async def attend(engine: Engine, config: Callable[[], Config], clock: Callable[[], datetime], write: InThread) -> None:
    """`resume` and then `tend`, over and over, with the config as it is then; until it is cancelled."""
    resumed = False
    while True:
        try:
            if not resumed:
                await write(resume, engine, config(), clock().replace(microsecond=0))
                resumed = True
            for line in await tend(engine, config(), clock().replace(microsecond=0), write):
                say(_log, "hub", line, logging.WARNING)
        except Exception as error:  # a border: a full disk, a bug: the feeds are polled all the same
            say(_log, "hub", f"{type(error).__name__}: {error}", logging.ERROR)
            _log.info("this is where", exc_info=True)
        await asyncio.sleep(_REST)


def resume(engine: Engine, config: Config, now: datetime) -> None:
    """Rely on no hub for what happened before `now`, when the daemon began to listen: ask those feeds as ever, once."""
    with writing(engine) as db:
        places = _places(db, config)
        for each in held.subscriptions(db):
            _poll_soon(db, places, each, now, "hub pushes; was anything missed before the daemon began?")


def _tasks(engine: Engine, config: Config, now: datetime) -> list[_Task]:
    """What hubs have to be asked, those first that know nothing of us, then by how long they wait; what asks nobody is
    done at once."""
    with writing(engine) as db:
        has = {each.key: each for each in held.subscriptions(db)}
        places = _places(db, config) if config.web.public_url or has else {}
        if not config.web.public_url:
            for each in has.values():
                held.forget(db, each)
                _poll_soon(db, places, each, now, _NO_MORE)
            return []
        tasks = [_task(db, places, key, has.get(key), now) for key in sorted({*places, *has})]
    resting = {urlsplit(each.hub).netloc for each in has.values() if hubs.is_down(each, now)}
    waiting = [task for task in tasks if task and task.host not in resting]
    return sorted(waiting, key=lambda task: (task.has is not None, task.has.asked if task.has else now))


def _task(db: Connection, places: _Places, key: str, has: hubs.Subscription | None, now: datetime) -> _Task | None:
    hub, topic, healthy = _wanted(places.get(key))
    mine, step = has, hubs.step(has, hub, topic, now, healthy=healthy)
    if mine and step == "lapse":
        mine = held.end(db, mine, "asked", now, "its lease has ended")
        step = hubs.step(mine, hub, topic, now, healthy=healthy)
    if has and hubs.is_held(has) and mine and (step == "unsubscribe" or not hubs.is_held(mine)):
        _poll_soon(db, places, mine, now, _NO_MORE)
    if mine and step == "forget":
        held.forget(db, mine)
    elif mine and step == "unsubscribe":
        return _Task(step, mine.source_id, mine.hub, mine.topic, mine)
    elif step == "subscribe":
        return _Task(step, places[key][1].id, hub, topic, mine)
    return None


async def _ask_host(
    engine: Engine,
    config: Config,
    tasks: Iterable[_Task],
    ask: Callable[[Wish], Awaitable[str]],
    now: datetime,
    write: InThread,
) -> list[str]:
    """One request after another, noted before it is made: a hub may ask back at once. A host that is in trouble, or
    says that this is too much, is left alone."""
    troubles: list[str] = []
    for number, task in enumerate(tasks):
        if number:
            await asyncio.sleep(config.fetch.spacing.total_seconds())
        mine = await write(_note_asked, engine, task, now)
        callback = f"{config.web.public_url}_/websub/{mine.token}"
        if why := await ask(Wish(task.step, mine.hub, mine.topic, callback, mine.secret, hubs.LEASE)):
            troubles.append(f"hub {masked(mine.hub)}: {why}")
            await write(_note_failure, engine, mine, why)
            if hubs.is_down(replace(mine, error=why), now):
                break
    return troubles


def _note_asked(engine: Engine, task: _Task, now: datetime) -> hubs.Subscription:
    with writing(engine) as db:
        if task.has and task.step == "unsubscribe":
            return held.leave(db, task.has, now)
        return held.ask(db, task.source_id, task.hub, task.topic, now)


def _note_failure(engine: Engine, mine: hubs.Subscription, why: str) -> None:
    with writing(engine) as db:
        held.fail(db, mine, why)


def _wanted(place: tuple[Source, Standing] | None) -> tuple[str, str, bool]:
    """The hub and the topic of a source, and whether it is well. What needs a login is no business of a hub's."""
    if place is None:
        return "", "", False
    source, standing = place
    hints, is_open = standing.hints, not source.limits.access.headers and "@" not in urlsplit(source.key).netloc
    if standing.gone or not is_open or not (hints.hub and hints.topic):
        return "", "", False
    return hints.hub, hints.topic, bool(standing.last_success) and not standing.failures


# --- What hubs say ----------------------------------------------------------------------------------------------------


def telling(
    deliver: Callable[[Callable[[Engine, Config, datetime, InThread], Awaitable[bool]]], bool],
) -> hubs.Tell:
    """What hands events over, from any thread, as jobs of the daemon; only some at a time, as documents are large."""
    room = BoundedSemaphore(_WAITING)

    def tell(event: hubs.Event) -> bool:
        async def job(engine: Engine, config: Config, now: datetime, write: InThread) -> bool:
            try:
                return await _hear(engine, config, event, now.replace(microsecond=0), write)
            finally:
                room.release()

        if not room.acquire(blocking=False):
            return False
        taken = deliver(job)
        if not taken:
            room.release()
        return taken

    return tell


async def _hear(engine: Engine, config: Config, event: hubs.Event, now: datetime, write: InThread) -> bool:
    """Take what a hub has said, and log what it delivered; whether there is anything to be published by now."""
    outcome = await take(engine, config, event, now, write)
    if outcome is None:
        return False
    new, edited = outcome.counts.get("new", 0), outcome.counts.get("edited", 0)
    message = f"{outcome.title}: delivered by its hub: {new} new, {edited} edited"
    if outcome.warnings:
        message = f"{outcome.title}: {'; '.join(outcome.warnings)}"
    level = logging.WARNING if outcome.warnings else logging.INFO
    say(_log, "delivery", message, level, source=outcome.source.key, new=new, edited=edited)
    return bool(new or edited)


async def take(engine: Engine, config: Config, event: hubs.Event, now: datetime, write: InThread) -> Outcome | None:
    """Take what a hub has said. The outcome is that of a delivery, and wants to be published.

    What was delivered is read while others write: it may take as long as it likes.
    """
    if not isinstance(event, hubs.Delivered):
        return await write(_noted, engine, config, event, now)
    if (found := await write(_delivered, engine, config, event)) is None:
        return None
    source, document = found
    try:
        visit: Visit | ParseError = await read(source, document)
    except ParseError as error:
        visit = error
    return await write(_keep, engine, config, event, visit, now)


def _noted(engine: Engine, config: Config, event: hubs.Event, now: datetime) -> None:
    with writing(engine) as db:
        if mine := held.by_token(db, event.token):
            _note(db, _places(db, config, mine.key), mine, event, now)


def _delivered(engine: Engine, config: Config, event: hubs.Delivered) -> tuple[Source, Document] | None:
    """What there is to be read, and as whose; None where nobody wants it."""
    with reading(engine) as db:
        if (place := _wanting(db, config, event.token)) is None:
            return None
        mine, source, standing = place
        documents = visits.validators(db, standing.id)
    url = next((each.url for each in documents.values() if each.url), mine.topic)  # what relative links start from
    return source, Document(source.key, url, event.body, headers={"content-type": event.content_type})


def _wanting(db: Connection, config: Config, token: str) -> tuple[hubs.Subscription, Source, Standing] | None:
    """Whose deliveries come under a token; None where they are not wanted."""
    mine = held.by_token(db, token)
    place = _places(db, config, mine.key).get(mine.key) if mine else None
    if mine is None or place is None or not place[1].last_success or mine.state == "leaving":
        return None
    return mine, *place


def _note(db: Connection, places: _Places, mine: hubs.Subscription, event: hubs.Event, now: datetime) -> None:
    match event:
        case hubs.Confirmed(lease=None) if mine.state == "leaving":
            held.forget(db, mine)
        case hubs.Confirmed(lease=lease) if lease and mine.state != "leaving":
            held.confirm(db, mine, now, now + lease)
        case hubs.Denied(reason=reason):
            held.end(db, mine, "denied", now, f"denied: {reason}" if reason else "denied")
            _poll_soon(db, places, mine, now, _NO_MORE)
        case hubs.Ignored():
            held.ignore(db, mine)


def _keep(
    engine: Engine, config: Config, event: hubs.Delivered, visit: Visit | ParseError, now: datetime
) -> Outcome | None:
    """Keep what was delivered, on top of how its source stands by now. What could not be read is a warning, and the
    feed itself is asked soon."""
    with writing(engine) as db:
        if (place := _wanting(db, config, event.token)) is None:
            return None
        mine, source, standing = place
        title = source.title or standing.feed.title or masked(source.key)
        if isinstance(visit, ParseError):
            why = f"what its hub delivered cannot be read: {visit}"
            held.fail(db, mine, why)
            _poll_soon(db, {source.key: (source, standing)}, mine, now, "its hub delivered what cannot be read")
            return Outcome(source, title, warnings=(masked(why),))
        mine = held.deliver(db, mine, now)
        keys = {key for each in visit.signs for key in each.keys}
        known, then = visits.known(db, standing.id, keys, ()), clocks.trusted(db, now)
        policy, habits = source.policy, standing.habits
        decision = identity.decide(
            visit.items, known, then, remote=True, policy=policy, habits=habits, part=True, ready=visit.signs
        )
        changes = [change for change in decision.changes if not _is_late(change)]
        standing = replace(standing, rhythm=rhythm_after(visit, standing, changes, then))
        visits.add(db, standing.id, visit, changes, then, standing.rhythm)
        due = _planned(source, standing, pushed=True)
        if len(changes) < len(decision.changes):
            _poll_soon(db, {source.key: (source, standing)}, mine, now, "its hub delivered an older version")
        elif hubs.is_pushed(mine, now) and not standing.failures:
            visits.postpone(db, standing.id, due.when, due.reason)
        counts = Counter("waiting" if change.waits else change.what for change in changes)
        dates = [each.published for each in changes if each.what == "new" and not each.waits]
        visit = replace(visit, cost=Cost(received=len(event.body)))
        told = replace(due, reason="delivered by its hub")
        noted = noting.Noted(visit, standing, replace(standing, same_as=""), told, dates, counts["edited"])
        (entries,) = noting.note(db, [noted], then)
        history.log_visits(db, entries)
    return Outcome(source, title, counts, visit.warnings, next_visit=due.when, reason=due.reason)


def _is_late(change: identity.Change) -> bool:
    """Whether an entry is known in a later version: it was delivered again, or after what came later. Without a date of
    its own nobody can tell."""
    item, known = change.item, change.known
    return bool(change.what == "edited" and item and known and item.updated and item.updated < known.updated)


def _places(db: Connection, config: Config, key: str = "") -> _Places:
    """The sources that have to do with hubs, or the one with this key."""
    among = (key,) if key else held.candidates(db)
    standings = stored.standings(db, among)
    asked = asked_once(config.sources, stored.same(db), standings.keys())
    return {source.key: (source, standings[source.key]) for source in asked}


def _planned(source: Source, standing: Standing, *, pushed: bool) -> schedule.Due:
    """The visit after the last one."""
    return schedule.next_visit(
        standing.last_visit or standing.next_visit,
        source.key,
        source.pace,
        standing.hints,
        validated=standing.hints.validated,
        rhythm=standing.rhythm,
        pushed=pushed,
    )


def _poll_soon(db: Connection, places: _Places, mine: hubs.Subscription, now: datetime, why: str) -> None:
    """Ask a feed itself again, as often as if it had no hub. One in trouble has a plan of its own."""
    if place := places.get(mine.key):
        source, standing = place
        if not (standing.failures or standing.gone):
            visits.hasten(db, standing.id, max(now, _planned(source, standing, pushed=False).when), why)
