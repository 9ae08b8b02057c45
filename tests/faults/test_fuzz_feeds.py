"""Mutated feeds, from their bytes to published files: nothing stumbles, nothing is lost, all is well-formed and clean.

The documents come from no network, else all is a run as ever: the kind `feed`, its guarded readers, the store, the files.

    FUZZ_FROM=20000 FUZZ_COUNT=480000 FIGURES=figures pytest tests/faults/test_fuzz_feeds.py      # more of them
    PYTHONPATH=. python -m tests.faults.specimens 1234                                            # that document
"""

import os
import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from aggregator.errors import FetchError
from aggregator.model import Document, Limits, Validators
from tests.conftest import CORPUS
from tests.faults import flow, specimens
from tests.faults.amounts import much, told
from tests.faults.mutating import mutant
from tests.planet import Planet

FIRST = int(os.environ.get("FUZZ_FROM", "0"))
COUNT = int(os.environ.get("FUZZ_COUNT", str(much(500, 40_000))))
BASES = specimens.bases(CORPUS)
TOGETHER = min(250, len(BASES))
"""Documents of a run: not more than there are to begin from, so that most of their entries are stories of their own."""
POSTS = 8  # one planet of so many writes posts as well: they are a file each


@pytest.mark.usefixtures("strict")
@pytest.mark.filterwarnings("error")
def test_mutated_feeds(tmp_path: Path, template: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A planet has two runs: in the second all sources have changed."""
    met: Counter[str] = Counter()
    found: list[str] = []
    for first in range(FIRST, FIRST + COUNT, 2 * TOGETHER):
        planet = fresh(tmp_path / str(first), posts=first // (2 * TOGETHER) % POSTS == 0)
        with flow.opened(planet, template) as engine:
            for begin in range(first, min(first + 2 * TOGETHER, FIRST + COUNT), TOGETHER):
                found += run(planet, engine, range(begin, min(begin + TOGETHER, FIRST + COUNT)), met)
                planet.now += timedelta(hours=2)
        found += [f"{each.getMessage()}\n{each.exc_text}" for each in caplog.records if each.levelname == "ERROR"]
        caplog.clear()
        if len(found) > 20:
            break
        shutil.rmtree(planet.root)
    told("mutated feeds", of=COUNT, bases=len(BASES), **met)
    assert not found, "\n".join(found)
    assert met["documents"] == COUNT
    assert met["read"] > COUNT / 2, "most of them are still feeds, else this says little"
    assert met["entries"] > COUNT
    assert met["too expensive"] <= COUNT // 1000, "small documents are not, but where a machine stands still"


def fresh(root: Path, *, posts: bool) -> Planet:
    """A planet with a source for each document to begin from."""
    root.mkdir()
    planet = Planet(root)
    planet.site |= {"items": 10_000, "max_feed_bytes": "1000MB"}
    planet.site["formats"] = ["rss", "atom", "json", "opml", "html", *(["post"] if posts else [])]
    for number in range(len(BASES)):
        planet.feed(f"https://host{number}.example/feed")
    return planet


def run(planet: Planet, engine: Engine, numbers: range, met: Counter[str]) -> list[str]:
    """A run in which sources have these documents, and everything that went wrong; counts what was `met`."""
    documents = {planet.sources[number % len(BASES)]["url"]: number for number in numbers}

    async def fetch(url: str, known: Validators, limits: Limits) -> Document:
        if url not in documents:  # what a page leads to
            raise FetchError("http 404", f"{url}: not here")
        made = mutant(documents[url], BASES)
        return Document(url, url, made.body, headers={"content-type": made.content_type})

    visits, wrong = flow.run(planet, engine, fetch, documents, met)
    met["documents"] += len(visits)
    ours = [f"{documents[visit.source.key]}: {visit.error}" for visit in visits if flow.is_ours(visit.error)]
    return [*ours, *(f"{numbers}: {why}" for why in wrong)]
