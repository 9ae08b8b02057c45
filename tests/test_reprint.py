"""A store of an older version, whose prints and keys were made otherwise: nothing is new or edited for that alone."""

from datetime import timedelta

import pytest
from sqlalchemy import Text, cast, delete, select, update

from aggregator.store.engine import open_store, writing
from aggregator.store.tables import document, item, item_key, meta
from tests.planet import NOON, Planet, rss
from tests.server import Server

pytestmark = pytest.mark.both_stores

HOUR = timedelta(hours=1)


def test_what_an_older_version_stored_is_known(planet: Planet, server: Server) -> None:
    server.put("/feed", rss([{"description": f"Text {n} without a name.", "date": NOON - n * HOUR} for n in range(3)]))
    planet.feed(server.url("/feed", host="127.0.0.7"))
    planet.seeds()
    planet.post("a.md", "A post.", title="Post", date="2026-03-01T00:00:00Z")
    planet.run()
    before = planet.files()
    store = open_store(planet.load().store)
    with writing(store) as db:
        db.execute(delete(meta).where(meta.c.key == "prints"))
        db.execute(update(item).values(words="other", digest="other"))
        db.execute(
            update(item_key)
            .values(key="text:other" + cast(item_key.c.item_id, Text))
            .where(item_key.c.key.startswith("text:"))
        )
        db.execute(update(document).values(etag="", last_modified="", stamp="", print=""))
    store.dispose()
    report = planet.run(force=True, later=HOUR)
    assert [outcome.counts.get("new", 0) + outcome.counts.get("edited", 0) for outcome in report.outcomes] == [0, 0]
    assert planet.files() == before


def test_it_happens_once(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", "A post.", title="Post", date="2026-03-01T00:00:00Z")
    planet.run()
    store = open_store(planet.load().store)
    with writing(store) as db:
        db.execute(update(item).values(words="kept as it is"))
    planet.run(later=HOUR)
    with writing(store) as db:
        assert db.scalars(select(item.c.words)).all() == ["kept as it is"]
    store.dispose()
