"""Visits that found nothing new are saved some at a time; what is new is numbered and named as one by one."""

from datetime import timedelta

import pytest

from aggregator import identity, pipeline
from aggregator.model import Item, Source
from aggregator.store import history, items, sources, visits
from aggregator.store.engine import open_store, reading, writing
from tests.planet import NOON, Planet, rss
from tests.server import Server

pytestmark = pytest.mark.both_stores

HOUR = timedelta(hours=1)


def feeds(planet: Planet, server: Server, count: int) -> None:
    for number in range(count):
        server.put(f"/{number}", rss([{"guid": f"{number}", "title": f"T{number}"}]), etag=True)
        planet.feed(server.url(f"/{number}", host=f"127.0.0.{number + 1}"))


@pytest.mark.parametrize("together", [1, 2, 50])
def test_unchanged_sources(planet: Planet, server: Server, together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_TOGETHER", together)
    feeds(planet, server, 5)
    planet.run()
    report = planet.run(force=True, later=2 * HOUR)
    assert [outcome.error for outcome in report.outcomes] == [""] * 5
    engine = open_store(planet.load().store)
    with reading(engine) as db:
        for each in sources.standings(db).values():
            assert [(made.outcome, made.status) for made in history.visits(db, each.id)] == [("same", 304), ("ok", 200)]
            assert (each.visits, each.requests, each.unchanged) == (2, 2, 1)
            assert each.last_visit == planet.now < each.next_visit
        assert [(hour.status, hour.requests) for hour in history.hours(db, NOON)] == [(200, 5), (304, 5)]
    engine.dispose()


def test_a_run_that_is_cut_saves_what_it_has(planet: Planet, server: Server) -> None:
    feeds(planet, server, 4)
    planet.run()
    planet.now += 2 * HOUR

    def cut(done: int, *_: object) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline.run(planet.load(), planet.now, force=True, progress=cut)
    engine = open_store(planet.load().store)
    with reading(engine) as db:
        assert [each.last_visit for each in sources.standings(db).values()].count(planet.now) == 3
    engine.dispose()


def test_names_that_are_taken(planet: Planet) -> None:
    engine = open_store(planet.load().store)
    with writing(engine) as db:
        sources.register(db, [(Source("s", "feed", None), True)], NOON)
        number = sources.standings(db)["s"].id
        new = [identity.decide([Item(guid=f"{n}")], (), NOON, remote=True).changes[0] for n in range(3)]
        for change in (*new, new[0], new[0]):
            items.save(db, number, [change], NOON, None)
        items.save(db, number, [new[1], new[0], new[0]], NOON, None)
        found = visits.known(db, number, {"guid:0", "guid:1", "guid:2"}, ())
        names = db.exec_driver_sql("SELECT identity FROM item ORDER BY id").scalars().all()
    engine.dispose()
    assert names == [f"guid:{name}" for name in ("0", "1", "2", "0#2", "0#3", "1#2", "0#4", "0#5")]
    assert [each.id for each in found] == list(range(1, 9))
