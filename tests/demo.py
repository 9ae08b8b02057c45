"""A store as it is after months: 60 sources in all states, filled by the functions that a run uses, without a network.

`python -m tests.demo FOLDER` makes one, to look at with `aggregator serve` there.
"""

import random
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, update

from aggregator import identity
from aggregator.config import Config
from aggregator.keeping import keep
from aggregator.model import Document, Feed, Item, Source, Trouble, Validators, Visit
from aggregator.pipeline import settle
from aggregator.planning import align, prepare
from aggregator.store import history, tables
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, reading, writing
from aggregator.store.history import Incident, Run, Visited
from tests.planet import Planet

TITLES = """Paper Lantern|The Quiet Compiler|Harbour Lights Weekly|新媒体观察|Kernel Notes|Small Maps|Gardening by Moonlight|
Rust & Ruin|Distributed Tuesday|The Orbital Post|快科技（原驱动之家）|Letters from Lisbon|A Field Guide to Fonts|Packet Loss|
Slow Train Coming|العربية اليوم|Bread and Type|Signals in Noise|The Long Poll|Undefined Behaviour|Le Carnet du Web|
Night Shift Radio|Open Tabs|Mostly Harmless Data|Kitchen Sink Engineering|Tide Tables|最新新闻|Borrow Checker Blues|
The Cartographer's Cat|Plain Text Weekly|Off by One|Cold Start|Stack Smoke|Feeds & Friends|Der Postillon am Morgen|
Copper and Glass|Northern Commits|An Honest User Agent|Ferrous Wheel|The Idle Thread|Weekend Physics|Semicolon Society|
Lost in Transit|Brass Tacks|Hello Again World|Postcards from the Stack|Second System|Blue Ink|Under the Awning|Rain Gauge|
Static Pages|A Year of Birds|Query Planner|Third Rail|The Ledger Line|Old Bridges|Moss and Stone|Edge Cases|Interlude|
Everything Else""".replace("\n", "").split("|")

CATEGORIES = ["Technology", "Technology/Languages", "Technology/Systems", "新媒体/最新", "World", "Culture", "Science"]

NEWS = [
    "Notes on {}",
    "What {} taught us",
    "{}, one year later",
    "Against {}",
    "A short history of {}",
    "The trouble with {}",
]
THINGS = [
    "caching",
    "tides",
    "type",
    "sourdough",
    "feeds",
    "bridges",
    "moss",
    "compilers",
    "lanterns",
    "night trains",
    "maps",
    "small tools",
]

TROUBLES = {
    3: ("failing", "dns", "dns: https://www.{host}/feed.xml: {host} cannot be found; is the name right?", 0),
    8: ("blocked", "http 403", "http 403: the server refuses us (an HTML challenge); ask its owner to let us in", 403),
    14: ("gone", "http 410", "http 410: the feed was removed for good; take it out of the config", 410),
    19: ("failing", "timeout", "timeout: no answer within 30 s; raise `timeout` if the server is only slow", 0),
    33: ("degraded", "http 500", "http 500: the server has a trouble of its own", 500),
}
"""Sources by number: how each stands, the class of its trouble, the error, the status."""

STATES = {22: "quiet", 27: "moved", 41: "degraded", 52: "quiet"}


@dataclass(frozen=True)
class Planted:
    """What a publisher wrote who wishes us no good."""

    title: str
    error: str = ""


def fill(planet: Planet, now: datetime, planted: Iterable[Planted] = (), number: int = 60) -> Config:
    """Fill the store of a planet, as of `now`; its config gets that many sources, and the planted ones."""
    wicked = list(planted)
    for place in range(number):
        planet.feed(f"https://www.{_host(place)}/feed.xml", category=CATEGORIES[place % len(CATEGORIES)])
    for place in range(len(wicked)):
        planet.feed(f"https://me:hunter2@wicked{place}.example/feed.xml", category="World")
    config = planet.load()
    engine = open_store(config.store)
    dice = random.Random(6)
    try:
        align(engine, config, now - timedelta(days=130))
        plan = prepare(engine, config, now - timedelta(days=130), force=True)
        for place, source in enumerate(config.sources):
            title = TITLES[place % len(TITLES)] if place < number else wicked[place - number].title
            visit = _visit(source, title, dice, now)
            at = now - (timedelta(days=2, hours=7) if place in TROUBLES else timedelta(minutes=place % 57))
            keep(engine, visit, plan.standings[source.key], at)
        with writing(engine) as db:
            settle(db, config, now)
            standings = stored.standings(db)
            for place, source in enumerate(config.sources[:number]):
                _log(db, standings[source.key].id, place, dice, now)
            _runs(db, dice, now)
        for place, source in enumerate(config.sources):
            error = wicked[place - number].error if place >= number else TROUBLES[place][2] if place in TROUBLES else ""
            if error:
                kind = TROUBLES[place][1] if place in TROUBLES else "parse"
                text = error.format(host=_host(place))
                failed = Visit(source, error=text, trouble=Trouble(kind))
                for hours in (30.0, 9.0, 2.0) if place != 33 else (0.4,):
                    with reading(engine) as db:
                        standing = stored.standings(db)[source.key]
                    keep(engine, failed, standing, now - timedelta(hours=hours))
        with writing(engine) as db:
            _stand(db, {source.key: place for place, source in enumerate(config.sources[:number])}, now)
    finally:
        engine.dispose()
    return config


def _host(place: int) -> str:
    words = "".join(each if each.isascii() and each.isalnum() else "-" for each in TITLES[place % len(TITLES)].lower())
    return f"{words.strip('-') or f'n{place}'}.example".replace("--", "-")


def _visit(source: Source, title: str, dice: random.Random, now: datetime) -> Visit:
    """A visit that found a dozen entries."""
    items = []
    for number in range(dice.randint(4, 14)):
        name = dice.choice(NEWS).format(dice.choice(THINGS))
        name = name[0].upper() + name[1:]
        date = now - timedelta(days=number * dice.uniform(0.5, 3), hours=dice.uniform(2, 12))
        url = f"https://www.{source.key.split('/')[2].rpartition('@')[2].removeprefix('www.')}/{number}"
        text = f"{name}, in short."
        items.append(Item(url, url, name, text, categories=source.categories, published=date))
    feed = Feed(title=title, url=source.key.rpartition("/")[0] + "/", self_url=source.key)
    validators = Validators(etag='"x"', url=source.key)
    answer = Document(source.key, source.key, b"", validators=validators)
    return Visit(
        source,
        tuple(items),
        feed,
        {source.key: validators},
        signs=tuple(map(identity.signs, items)),
        answer=answer,
        seconds=round(dice.uniform(0.1, 2), 2),
    )


def _log(db: Connection, source_id: int, place: int, dice: random.Random, now: datetime) -> None:
    """A visit a day for a month, then one each three hours for a week; one source has them for longer."""
    rate = dice.choice((0.1, 0.3, 1, 2, 6))
    times = [now - timedelta(days=days, hours=place % 24) for days in range(120 if place == 5 else 30, 7, -1)]
    times += [now - timedelta(minutes=180 * step + dice.randint(0, 170) + 5) for step in range(56, -1, -1)]
    for at in times:
        is_day = at > now - timedelta(days=7)
        busy = 1.8 if 8 <= at.hour < 19 else 0.3
        new = 0 if place in (22, 52) else _often(dice, rate / 8 * busy if is_day else rate)
        trouble = TROUBLES.get(place) if at > now - timedelta(days=2) else None
        size = dice.randint(9_000, 180_000)
        after = at + timedelta(hours=3)
        reason = f"posts about {rate:g} a day; publisher says max-age 1 h"
        made = Visited(at, 304, "same", after, reason, requests=1, seconds=dice.uniform(0.05, 0.4), saved=size)
        if trouble:
            _, kind, error, status = trouble
            text = error.format(host=_host(place))
            made = Visited(at, status, kind, after, "failed; asked again later", error=text, requests=1, seconds=0.2)
        elif new:
            seconds = dice.uniform(0.1, 2)
            made = Visited(at, 200, "ok", after, reason, new, 0, seconds, size, requests=1, size=size)
        history.log_visits(db, [history.Entry(source_id, made, {history.day_number(at): new} if new else {})])


def _often(dice: random.Random, rate: float) -> int:
    """How many things happen, when so many do on the average."""
    return sum(dice.random() < rate / 10 for _ in range(10))


def _runs(db: Connection, dice: random.Random, now: datetime) -> None:
    for step in range(40, 0, -1):
        at, seconds = now - timedelta(minutes=15 * step - 11), dice.uniform(1, 9) * (4 if step % 13 == 0 else 1)
        visits, new = dice.randint(3, 22), dice.randint(0, 9)
        problems = "atom.xml: not written, as it would not be valid" if step == 17 else ""
        history.log_run(db, Run(at, seconds, "once", visits, dice.randint(0, 2), new, 2 * new, problems))


def _stand(db: Connection, places: dict[str, int], now: datetime) -> None:
    """How sources stand, and what an owner was told of it."""
    for key, standing in stored.standings(db).items():
        place = places.get(key, -1)
        state = TROUBLES[place][0] if place in TROUBLES else STATES.get(place, "")
        if state:
            since = now - timedelta(days=2 + place % 5, hours=place)
            values = {"state": state, "state_since": int(since.timestamp())}
            db.execute(update(tables.source).where(tables.source.c.id == standing.id).values(values))
            text = f"{standing.feed.title} is {state}" + (f": {standing.error}" if standing.error else "")
            history.log_incidents(db, [(standing.id, Incident(since, "ok", state, text))])


if __name__ == "__main__":
    fill(Planet(Path(sys.argv[1])), datetime.now(UTC).replace(microsecond=0))
