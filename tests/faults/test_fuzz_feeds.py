"""Mutated feeds, from their bytes to published files: nothing stumbles, nothing is lost, all is well-formed and clean.

The documents come from no network, else all is a run as ever: the kind `feed`, its guarded readers, the store, the files.

    FUZZ_FROM=20000 FUZZ_COUNT=480000 FIGURES=figures pytest tests/faults/test_fuzz_feeds.py      # more of them
    PYTHONPATH=. python -m tests.faults.specimens 1234                                            # that document
"""

import asyncio
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, select

from aggregator import pipeline
from aggregator.collect import collect
from aggregator.errors import FetchError
from aggregator.keeping import keep_all
from aggregator.model import Document, Limits, Source, Validators, Visit
from aggregator.planning import align, prepare
from aggregator.reading import pool
from aggregator.store.engine import open_store, reading
from aggregator.store.tables import item, source, story
from tests.conftest import CORPUS
from tests.faults import looking, specimens
from tests.faults.amounts import much, told
from tests.faults.mutating import mutant
from tests.planet import Planet

FIRST = int(os.environ.get("FUZZ_FROM", "0"))
COUNT = int(os.environ.get("FUZZ_COUNT", str(much(500, 20_000))))
BASES = specimens.bases(CORPUS)
TOGETHER = min(250, len(BASES))
"""Documents of a run: not more than there are to begin from, so that most of their entries are stories of their own."""
POSTS = 8  # one planet of so many writes posts as well: they are a file each
HOUR = timedelta(hours=1)


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a library warns of is an error, in the readers as well: its owner would see it."""
    pool.end()
    monkeypatch.setenv("PYTHONWARNINGS", "error::UserWarning")
    yield
    pool.end()


@pytest.mark.usefixtures("strict")
@pytest.mark.filterwarnings("error")
def test_mutated_feeds(tmp_path: Path, template: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A planet has two runs: in the second all sources have changed."""
    met: Counter[str] = Counter()
    found: list[str] = []
    for first in range(FIRST, FIRST + COUNT, 2 * TOGETHER):
        root = tmp_path / str(first)
        with fresh(root, template, formats=first // (2 * TOGETHER) % POSTS) as (planet, engine):
            for begin in range(first, min(first + 2 * TOGETHER, FIRST + COUNT), TOGETHER):
                found += run(planet, engine, range(begin, min(begin + TOGETHER, FIRST + COUNT)), met)
                planet.now += 2 * HOUR
        found += [
            f"{root}: {each.getMessage()}\n{each.exc_text}" for each in caplog.records if each.levelname == "ERROR"
        ]
        caplog.clear()
        if len(found) > 20:
            break
        shutil.rmtree(root)
    told("mutated feeds", of=COUNT, bases=len(BASES), **met)
    assert not found, "\n".join(found)
    assert met["documents"] == COUNT
    assert met["read"] > COUNT / 2, "most of them are still feeds, else this says little"
    assert met["entries"] > COUNT


@contextmanager
def fresh(root: Path, template: Path, formats: int) -> Iterator[tuple[Planet, Engine]]:
    """A planet with nothing in it, of so many sources."""
    root.mkdir()
    planet = Planet(root)
    planet.site |= {"items": 10_000, "max_feed_bytes": "1000MB"}
    planet.site["formats"] = ["rss", "atom", "json", "opml", "html", *(["post"] if formats == 0 else [])]
    for number in range(len(BASES)):
        planet.feed(f"https://host{number}.example/feed")
    store = planet.load().store
    file = Path(store.removeprefix("sqlite:///"))
    file.parent.mkdir(exist_ok=True)
    shutil.copy(template, file)
    engine = open_store(store)
    try:
        yield planet, engine
    finally:
        engine.dispose()


def run(planet: Planet, engine: Engine, numbers: range, met: Counter[str]) -> list[str]:
    """A run in which the sources have these documents, and everything that went wrong; counts what was `met`."""
    config = planet.load()
    align(engine, config, planet.now)
    plan = prepare(engine, config, planet.now, force=True)
    documents = {config.sources[number % len(BASES)].key: number for number in numbers}
    visits = asyncio.run(_visit_all([each for each in plan.due if each[0].key in documents], documents))
    keep_all(engine, [(visit, plan.standings[visit.source.key]) for visit in visits], planet.now)
    published = pipeline.publish(engine, config, planet.now)
    with reading(engine) as db:
        lost = [f"{documents[visit.source.key]}: {why}" for visit in visits for why in _lost(db, visit)]
        stories = db.scalar(select(func.count()).select_from(story)) or 0
    met.update(documents=len(visits), entries=sum(len(visit.items) for visit in visits), shown=stories)
    met.update(visit.error.partition(":")[0] or "read" for visit in visits)
    files = planet.files()
    shown = len(json.loads(files["feed.json"])["items"])
    return [
        *(f"{documents[visit.source.key]}: {visit.error}" for visit in visits if _is_ours(visit.error)),
        *lost,
        *published.problems,
        *looking.problems(files, config.site.base_url),
        *([f"{shown} of {stories} are shown"] if shown != stories else []),
    ]


async def _visit_all(
    due: Sequence[tuple[Source, Mapping[str, Validators]]], documents: Mapping[str, int]
) -> list[Visit]:
    async def fetch(url: str, known: Validators, limits: Limits) -> Document:
        if url not in documents:  # what a page leads to
            raise FetchError("http 404", f"{url}: not here")
        made = mutant(documents[url], BASES)
        return Document(url, url, made.body, headers={"content-type": made.content_type})

    return [visit async for visit in collect(due, fetch, TOGETHER)]


def _is_ours(error: str) -> bool:
    """A bug, or an end of the reader that none of its limits caused; such documents are not large."""
    return error.startswith(("internal error", "too expensive"))


def _lost(db: Connection, visit: Visit) -> Iterator[str]:
    """Entries that were read and whose words are not in the store."""
    of = select(item.c.words).join(source, source.c.id == item.c.source_id).where(source.c.key == visit.source.key)
    kept = set(db.scalars(of))
    yield from (repr(each) for each, sign in zip(visit.items, visit.signs, strict=True) if sign.words not in kept)
