"""What recognising leaves in a real store, over many visits to a real feed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from aggregator import keeping, pipeline
from aggregator.model import Policy
from aggregator.store.engine import open_store, reading
from aggregator.store.tables import item, item_key, waiting
from tests.planet import NOON, Planet, rss
from tests.server import Server

pytestmark = pytest.mark.both_stores

HOUR = timedelta(hours=1)


def run(planet: Planet, **policy: Any) -> keeping.Outcome:
    """A visit an hour later, with a policy."""
    planet.now += HOUR
    loaded = planet.load()
    sources = tuple(replace(each, policy=Policy(**policy)) for each in loaded.sources)
    (outcome,) = pipeline.run(replace(loaded, sources=sources), planet.now, force=True).outcomes
    return outcome


def rows(planet: Planet, *columns: Any) -> list[Any]:
    engine = open_store(planet.load().store)
    with reading(engine) as db:
        found = [tuple(row) for row in db.execute(select(*columns))]
    engine.dispose()
    return found


def entries(guid: str, text: str = "Text", **fields: str) -> bytes:
    names = ("One", "Two", "Three")
    return rss(
        {
            "title": name,
            "guid": f"{name}-{guid}",
            "link": f"https://news.example/{name}",
            "description": text,
            "date": NOON,
        }
        | fields
        for name in names
    )


@pytest.mark.parametrize(
    ("policy", "guids"),
    [({}, 9), ({"identity": "link"}, 0), ({"identity": "content"}, 0), ({"identity": "link+date"}, 0)],
)
def test_random_guids_are_not_hoarded(planet: Planet, server: Server, policy: dict[str, Any], guids: int) -> None:
    planet.feed(server.url("/feed", host="127.0.0.1"))
    for number in range(7):
        server.put("/feed", entries(f"{number}"))
        outcome = run(planet, **policy)
        assert outcome.counts.get("new", 0) == (0 if number else 3)
    keys = [key for (key,) in rows(planet, item_key.c.key)]
    assert sum(key.startswith("guid:") for key in keys) == guids
    assert outcome.counts["same"] == 3, "a guid that nobody trusts is no change"
    assert len(rows(planet, item.c.id)) == 3


def test_edits_are_counted_when_they_are_meant(planet: Planet, server: Server) -> None:
    planet.feed(server.url("/feed", host="127.0.0.1"))
    found = []
    for text in ("Text", "<i>Text</i>", "Another text", "<b>Another</b> text"):
        server.put("/feed", entries("x", text))
        run(planet)
        found.append(set(rows(planet, item.c.edits, item.c.edited)))
    third = int((NOON + 3 * HOUR).timestamp())
    assert found == [{(0, None)}, {(0, None)}, {(1, third)}, {(1, third)}]


def test_an_ignored_edit_is_not_written(planet: Planet, server: Server) -> None:
    planet.feed(server.url("/feed", host="127.0.0.1"))
    columns = (item.c.digest, item.c.data, item.c.words, item.c.updated, item.c.edits)
    server.put("/feed", entries("x"))
    run(planet, updates="ignore")
    before = rows(planet, *columns)
    server.put("/feed", entries("x", "Another"))
    run(planet, updates="ignore")
    assert rows(planet, *columns) == before


@pytest.mark.parametrize(("future", "waits"), [(None, 0), ("clamp", 0), ("keep", 0), ("hide", 1), ("drop", 0)])
def test_only_what_is_hidden_waits(planet: Planet, server: Server, future: Any, waits: int) -> None:
    planet.feed(server.url("/feed", host="127.0.0.1"))
    ahead = {"title": "Ahead", "guid": "a", "date": NOON + 48 * HOUR}
    server.put("/feed", rss([ahead, {"title": "Here", "guid": "h", "date": NOON}]))
    outcome = run(planet, future=future)
    assert (len(rows(planet, waiting.c.item_id)), outcome.counts.get("waiting", 0)) == (waits, waits)
    assert ("Ahead" in planet.titles()) == (future in (None, "clamp", "keep"))
    planet.now += 72 * HOUR
    run(planet, future=future)
    assert sorted(planet.titles()) == ["Ahead", "Here"]
