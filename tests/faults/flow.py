"""A run in steps, so that a test sees what was read and what became of it."""

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, distinct, func, select

from aggregator import pipeline
from aggregator.collect import collect
from aggregator.model import Fetch, Visit
from aggregator.planning import align, prepare
from aggregator.saving import keep_all
from aggregator.store.engine import open_store, reading
from aggregator.store.tables import item, source, waiting
from tests.faults import looking
from tests.planet import Planet

_AWAKE = item.c.removed.is_(None) & item.c.id.not_in(select(waiting.c.item_id))
_SHOWN = select(func.count(distinct(item.c.story_id))).where(_AWAKE)


@contextmanager
def opened(planet: Planet, template: Path) -> Iterator[Engine]:
    """The store of a planet, which has nothing in it yet."""
    store = planet.load().store
    file = Path(store.removeprefix("sqlite:///"))
    file.parent.mkdir(exist_ok=True)
    shutil.copy(template, file)
    engine = open_store(store)
    try:
        yield engine
    finally:
        engine.dispose()


def run(
    planet: Planet, engine: Engine, fetch: Fetch, among: Collection[str], met: Counter[str]
) -> tuple[list[Visit], list[str]]:
    """Visit `among` the sources of a planet, keep and publish: the visits, and what went wrong. Counts what was `met`."""
    config = planet.load()
    align(engine, config, planet.now)
    plan = prepare(engine, config, planet.now, force=True)

    async def every() -> list[Visit]:
        due = [each for each in plan.due if each[0].key in among]
        return [visit async for visit in collect(due, fetch, len(due))]

    visits = asyncio.run(every())
    keep_all(engine, [(visit, plan.standings[visit.source.key]) for visit in visits], planet.now)
    published = pipeline.publish(engine, config, planet.now)
    with reading(engine) as db:
        lost = [why for visit in visits for why in _lost(db, visit)]
        stories = db.scalar(_SHOWN) or 0
    files = planet.files()
    shown = len(json.loads(files["feed.json"])["items"])
    met.update(entries=sum(len(visit.items) for visit in visits), stories=stories)
    met.update(visit.error.partition(":")[0] or "read" for visit in visits)
    wrong = [*lost, *published.problems, *looking.problems(files, config.site.base_url)]
    return visits, wrong + ([f"{shown} of {stories} are shown"] if shown != stories else [])


def _lost(db: Connection, visit: Visit) -> Iterator[str]:
    """Entries that were read and whose words are not in the store."""
    of = select(item.c.words).join(source, source.c.id == item.c.source_id).where(source.c.key == visit.source.key)
    kept = set(db.scalars(of))
    yield from (f"lost: {each!r}" for each, own in zip(visit.items, visit.signs, strict=True) if own.words not in kept)


def is_ours(trouble: str) -> bool:
    """Whether a trouble is a bug, or an end of a reader that none of its limits caused."""
    return "internal error" in trouble or "ended the process" in trouble
