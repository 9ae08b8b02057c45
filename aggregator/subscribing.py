"""Subscriptions to WebSub hubs, as the daemon keeps them: `tend` asks the hubs, `handle` takes what they say.

What hubs deliver is kept as what a visit found, but it may be a part of the feed: it removes nothing and teaches
nothing; validators, hints and failures are those of the visits.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine

from aggregator import hubs, identity, schedule, sources
from aggregator.collect import read
from aggregator.config import Config
from aggregator.errors import ParseError
from aggregator.fetching.websub import Wish, open_asker
from aggregator.keeping import Outcome
from aggregator.model import Document, Source
from aggregator.planning import asked_once
from aggregator.store import history, visits
from aggregator.store import hubs as held
from aggregator.store import sources as stored
from aggregator.store.engine import reading, writing
from aggregator.store.sources import Standing
from aggregator.text import masked

_AT_MOST = 50  # requests in one go: what is left has its turn in the next

_Places = Mapping[int, tuple[Source, Standing]]
"""The sources that are asked, by their number in the store."""


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


async def tend(engine: Engine, config: Config, now: datetime) -> tuple[str, ...]:
    """Subscribe, renew and leave, as it is time to; called every few minutes. Returns a line for each hub in trouble.

    The sources have to be in the store. Without a `public_url` no hub can reach us, and nothing is held.
    """
    with writing(engine) as db:
        places = _places(db, config)
        if not config.web.public_url:
            _let_go(db, places, now)
            return ()
        tasks = list(_tasks(db, places, now))[:_AT_MOST]
    if not tasks:
        return ()
    tasks.sort(key=lambda task: task.host)
    async with open_asker(config.site.contact, config.fetch.allow_networks) as ask:
        of_hosts = [list(group) for _, group in groupby(tasks, key=lambda task: task.host)]
        said = await asyncio.gather(*(_ask_host(engine, config, each, ask, now) for each in of_hosts))
    return tuple(line for lines in said for line in lines)


def resume(engine: Engine, config: Config, now: datetime) -> None:
    """Rely on no hub for what happened before `now`, when the daemon began to listen: ask those feeds as ever, once."""
    with writing(engine) as db:
        places = _places(db, config)
        for each in held.subscriptions(db):
            _poll_soon(db, places, each, now, "hub pushes; was anything missed before the daemon began?")


def _let_go(db: Connection, places: _Places, now: datetime) -> None:
    for each in held.subscriptions(db):
        held.forget(db, each)
        _poll_soon(db, places, each, now, "no hub pushes any more")


def _tasks(db: Connection, places: _Places, now: datetime) -> Iterator[_Task]:
    """What hubs have to be asked, longest waiting first; what asks nobody is done at once."""
    has = {each.source_id: each for each in held.subscriptions(db)}
    resting = {urlsplit(each.hub).netloc for each in has.values() if hubs.is_down(each, now)}
    tasks = []
    for number in sorted({*places, *has}):
        hub, topic, healthy = _wanted(places.get(number))
        mine = has.get(number)
        step = hubs.step(mine, hub, topic, now, healthy=healthy)
        if mine and step == "lapse":
            mine = held.end(db, mine, "asked", now, "its lease has ended")
            step = hubs.step(mine, hub, topic, now, healthy=healthy)
        if mine and hubs.is_held(has[number]) and (step == "unsubscribe" or not hubs.is_held(mine)):
            _poll_soon(db, places, mine, now, "no hub pushes any more")
        if mine and step == "forget":
            held.forget(db, mine)
        elif mine and step == "unsubscribe":
            tasks.append(_Task(step, number, mine.hub, mine.topic, mine))
        elif step == "subscribe":
            tasks.append(_Task(step, number, hub, topic, mine))
    waiting = [task for task in tasks if task.host not in resting]
    yield from sorted(waiting, key=lambda task: (task.has is not None, task.has.asked if task.has else now))


async def _ask_host(
    engine: Engine, config: Config, tasks: Iterable[_Task], ask: Callable[[Wish], Awaitable[str]], now: datetime
) -> list[str]:
    """One request after another, noted before it is made: a hub may ask back at once. A host that is in trouble, or
    says that this is too much, is left alone."""
    troubles: list[str] = []
    for number, task in enumerate(tasks):
        if number:
            await asyncio.sleep(config.fetch.spacing.total_seconds())
        with writing(engine) as db:
            if task.has and task.step == "unsubscribe":
                mine = held.leave(db, task.has, now)
            else:
                mine = held.ask(db, task.source_id, task.hub, task.topic, now)
        callback = f"{config.web.public_url}_/websub/{mine.token}"
        why = await ask(Wish(task.step, mine.hub, mine.topic, callback, mine.secret, hubs.LEASE))
        if why:
            troubles.append(f"hub {masked(mine.hub)}: {why}")
            with writing(engine) as db:
                held.fail(db, mine, why)
            if hubs.is_down(replace(mine, error=why), now):
                break
    return troubles


def _wanted(place: tuple[Source, Standing] | None) -> tuple[str, str, bool]:
    """The hub and the topic of a source, and whether it is well. What needs a login is no business of a hub's."""
    if place is None:
        return "", "", False
    source, standing = place
    is_open = not source.limits.access.headers and "@" not in urlsplit(source.key).netloc
    if standing.gone or not is_open or not sources.find(source.kind).REMOTE:
        return "", "", False
    hints = standing.hints
    topic = hints.topic if hints.hub else ""
    return (hints.hub if topic else ""), topic, bool(standing.last_success) and not standing.failures


# --- What hubs say ----------------------------------------------------------------------------------------------------


async def handle(engine: Engine, config: Config, events: Iterable[hubs.Event], now: datetime) -> tuple[Outcome, ...]:
    """Take what hubs have said, in that order; the outcomes are of what they delivered, and want to be published."""
    with reading(engine) as db:
        places = _places(db, config)
    outcomes = []
    for event in events:
        with writing(engine) as db:
            mine = held.by_token(db, event.token)
            if mine and not isinstance(event, hubs.Delivered):
                _note(db, places, mine, event, now)
        place = places.get(mine.source_id) if mine else None
        if mine and place and isinstance(event, hubs.Delivered) and place[1].last_success and mine.state != "leaving":
            outcomes.append(await _deliver(engine, places, mine, event, now))
    return tuple(outcomes)


def _note(db: Connection, places: _Places, mine: hubs.Subscription, event: hubs.Event, now: datetime) -> None:
    match event:
        case hubs.Confirmed(lease=None) if mine.state == "leaving":
            held.forget(db, mine)
        case hubs.Confirmed(lease=lease) if lease and mine.state != "leaving":
            held.confirm(db, mine, now, now + lease)
        case hubs.Denied(reason=reason):
            held.end(db, mine, "denied", now, f"denied: {reason}" if reason else "denied")
            _poll_soon(db, places, mine, now, "no hub pushes any more")
        case hubs.Ignored():
            held.ignore(db, mine)


async def _deliver(
    engine: Engine, places: _Places, mine: hubs.Subscription, event: hubs.Delivered, now: datetime
) -> Outcome:
    """Keep what was delivered. What cannot be read is a warning, and the feed itself is asked soon."""
    source, standing = places[mine.source_id]
    title = source.title or standing.feed.title or masked(source.key)
    with reading(engine) as db:
        documents = visits.validators(db, standing.id)
    url = next((each.url for each in documents.values() if each.url), mine.topic)  # what relative links start from
    document = Document(source.key, url, event.body, headers={"content-type": event.content_type})
    try:
        visit = await read(source, document)
    except ParseError as error:
        why = f"what its hub delivered cannot be read: {error}"
        with writing(engine) as db:
            held.fail(db, mine, why)
            _poll_soon(db, places, mine, now, "its hub delivered what cannot be read")
        return Outcome(source, title, warnings=(masked(why),))
    with writing(engine) as db:
        mine = held.deliver(db, mine, now)
        keys = {key for item in visit.items for key in identity.keys(item)}
        known = visits.known(db, standing.id, keys, ())
        policy, habits = source.policy, standing.habits
        decision = identity.decide(visit.items, known, now, remote=True, policy=policy, habits=habits, part=True)
        visits.add(db, standing.id, visit, decision.changes, now)
        due = _planned(source, standing, pushed=True)
        if hubs.is_pushed(mine, now) and not standing.failures:
            visits.postpone(db, standing.id, due.when, due.reason)
        counts = Counter("waiting" if change.waits else change.what for change in decision.changes)
        news = counts["new"] + counts["edited"] + counts["waiting"]
        made = history.Visited(now, 0, "ok" if news else "same", due.when, "delivered by its hub")
        made = replace(made, new=counts["new"], edited=counts["edited"], received=len(event.body))
        history.log_visit(db, standing.id, made)
    return Outcome(source, title, counts, visit.warnings, next_visit=due.when)


def _places(db: Connection, config: Config) -> _Places:
    standings = stored.standings(db)
    listed = [source for source in config.sources if source.key in standings]
    return {standings[source.key].id: (source, standings[source.key]) for source in asked_once(listed, standings)}


def _planned(source: Source, standing: Standing, *, pushed: bool) -> schedule.Due:
    """The visit after the last one."""
    last, hints = standing.last_visit or standing.next_visit, standing.hints
    return schedule.next_visit(last, source.key, source.pace, hints, validated=hints.validated, pushed=pushed)


def _poll_soon(db: Connection, places: _Places, mine: hubs.Subscription, now: datetime, why: str) -> None:
    """Ask a feed itself again, as often as if it had no hub. One in trouble has a plan of its own."""
    if place := places.get(mine.source_id):
        source, standing = place
        if not (standing.failures or standing.gone):
            visits.hasten(db, standing.id, max(now, _planned(source, standing, pushed=False).when), why)
