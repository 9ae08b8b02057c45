"""Visits are saved some at a time; what is new is numbered and named as one by one."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from aggregator import health, identity, pipeline
from aggregator.model import Item, Source, Validators, Visit
from aggregator.publishing import Kept, Publishing
from aggregator.saving import keep_all
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


def rows(planet: Planet) -> dict[str, list[tuple[object, ...]]]:
    """What the store says of items, keys and sources, without what depends on the order of arrival and on the clock."""
    engine = open_store(planet.load().store)
    asked = {
        "item": "SELECT s.key, i.identity, i.title, i.data, i.digest, i.words, i.published, i.first_seen, i.edits,"
        " i.removed, i.why FROM item i JOIN source s ON s.id = i.source_id",
        "key": "SELECT s.key, i.identity, k.key FROM item_key k JOIN item i ON i.id = k.item_id JOIN source s"
        " ON s.id = k.source_id",
        "source": "SELECT key, feed, last_visit, last_success, next_visit, reason, failures, error, warnings, hints,"
        " rhythm, state, state_since, newest, patience, visits, requests, unchanged FROM source",
        "document": "SELECT s.key, d.name, d.etag FROM document d JOIN source s ON s.id = d.source_id",
        "day": "SELECT s.key, d.number, d.visits, d.failed, d.new FROM day d JOIN source s ON s.id = d.source_id",
        "incident": "SELECT s.key, i.at, i.before, i.state, i.text FROM incident i JOIN source s ON s.id = i.source_id",
    }
    with reading(engine) as db:
        found = {name: sorted(map(tuple, db.exec_driver_sql(sql)), key=repr) for name, sql in asked.items()}
    engine.dispose()
    return found


def test_many_together_are_as_one_by_one(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for together in (1, 50):
        monkeypatch.setattr(pipeline, "_TOGETHER", together)
        planet = Planet(tmp_path / str(together))
        planet.root.mkdir()
        feeds(planet, server, 4)
        planet.feed(server.url("/none", host="127.0.0.9"))
        planet.sources[0] |= {"first_import": 0}
        planet.seeds()
        planet.post("a.md", title="A post")
        planet.run()
        server.put("/1", rss([{"guid": "1", "title": "Edited"}, {"guid": "9", "title": "New"}]), etag=True)
        server.put("/2", b"no feed")
        planet.post("b.md", title="Another post")
        planet.run(force=True, later=2 * HOUR)
        found.append((rows(planet), planet.files()))
    assert len(found[0][0]["item"]) == 7
    assert found[0] == found[1]


def test_the_trouble_of_one_is_not_the_others(planet: Planet) -> None:
    """Lone surrogates, which no reader lets through, cannot be stored."""
    every = [Source(name, "feed", None) for name in "abc"]
    titles = {"a": "Fine", "b": "\ud800", "c": "Fine as well"}
    items = {key: (Item(guid="1", title=title),) for key, title in titles.items()}
    signs = {key: tuple(map(identity.signs, own)) for key, own in items.items()}
    made = {
        each.key: Visit(each, items[each.key], documents={each.key: Validators("e")}, signs=signs[each.key])
        for each in every
    }
    engine = open_store(planet.load().store)
    with writing(engine) as db:
        sources.register(db, [(each, True) for each in every], NOON)
        before = sources.standings(db)
    outcomes = keep_all(engine, [(made[name], before[name]) for name in "abc"], NOON)
    assert [each.counts.get("new") for each in outcomes if each] == [1, None, 1]
    errors = [each.error for each in outcomes if each]
    assert errors[::2] == ["", ""]
    assert errors[1].startswith("cannot be saved: ")
    assert "surrogate" in errors[1]
    assert "INSERT" not in errors[1]
    with reading(engine) as db:
        after = sources.standings(db)
        assert [after[name].last_success for name in "abc"] == [NOON, None, NOON]
        assert after["b"] == before["b"]
        assert db.exec_driver_sql("SELECT title FROM item ORDER BY id").scalars().all() == ["Fine", "Fine as well"]
    engine.dispose()


@pytest.mark.sqlite_alone
def test_a_run_goes_on_when_one_visit_cannot_be_saved(planet: Planet, server: Server) -> None:
    feeds(planet, server, 3)
    engine = open_store(planet.load().store)
    with writing(engine) as db:
        refuse = "BEFORE INSERT ON item WHEN NEW.title = 'T1' BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        db.exec_driver_sql(f"CREATE TRIGGER refuse {refuse}")
    report = planet.run()
    (failed,) = report.failed
    assert failed.error == "cannot be saved: IntegrityError: not this one; please report it"
    assert sorted(planet.titles()) == ["T0", "T2"]
    with writing(engine) as db:
        (run,) = history.runs(db)
        assert (run.visits, run.failed, run.new) == (3, 1, 2)
        db.exec_driver_sql("DROP TRIGGER refuse")
    assert [each.source.key for each in planet.run().outcomes] == [failed.source.key], "it is still due"
    assert sorted(planet.titles()) == ["T0", "T1", "T2"]
    engine.dispose()


@pytest.mark.sqlite_alone
def test_a_run_that_cannot_publish_is_in_the_log(planet: Planet, server: Server) -> None:
    feeds(planet, server, 2)
    engine = open_store(planet.load().store)
    with writing(engine) as db:
        db.exec_driver_sql("CREATE TRIGGER refuse BEFORE INSERT ON story BEGIN SELECT RAISE(ABORT, 'no more'); END")
    with pytest.raises(IntegrityError):
        planet.run()
    with reading(engine) as db:
        (run,) = history.runs(db)
    assert (run.by, run.visits, run.new, run.written) == ("once", 2, 2, 0)
    assert "no more" in run.problems
    engine.dispose()


@pytest.mark.sqlite_alone
def test_a_round_of_the_daemon_that_cannot_publish_is_in_the_log(planet: Planet, server: Server) -> None:
    """Where that cannot be logged either, its visits count for the next one."""
    feeds(planet, server, 2)
    config = planet.load()
    planet.run()
    engine = open_store(config.store)

    async def write(do: Any, *values: Any) -> Any:
        return do(*values)

    def refuse(table: str) -> None:
        with writing(engine) as db:
            action = f"BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no more'); END"
            db.exec_driver_sql(f"CREATE TRIGGER refuse_{table} {action}")

    server.put("/1", rss([{"guid": "9", "title": "New"}]), etag=True)
    with writing(engine) as db:
        db.exec_driver_sql("DELETE FROM run")
    refuse("run")
    refuse("story")
    with pytest.raises(IntegrityError):
        planet.run(force=True, later=2 * HOUR)
    publishing = Publishing(engine, lambda: planet.now, write, Kept(2, 1, 1, is_news=True))
    asyncio.run(publishing.publish(config))
    assert (publishing.kept.visits, publishing.kept.failed, publishing.kept.new) == (2, 1, 1)
    with writing(engine) as db:
        db.exec_driver_sql("DROP TRIGGER refuse_run")
    asyncio.run(publishing.publish(config))
    with reading(engine) as db:
        (run,) = history.runs(db)
    assert (run.by, run.visits, run.failed, run.new) == ("daemon", 2, 1, 1)
    assert "no more" in run.problems
    assert publishing.kept == Kept(is_news=True)
    engine.dispose()


def test_who_is_judged_is_as_stored(planet: Planet, server: Server) -> None:
    """The state is judged by what is going to be stored, which is not read back: both say the same."""
    feeds(planet, server, 3)
    server.put("/old", rss([{"guid": f"{n}", "title": "T", "date": NOON - timedelta(days=300 + n)} for n in range(9)]))
    planet.feed(server.url("/old", host="127.0.0.8"))
    planet.feed(server.url("/none", host="127.0.0.9"))
    for turn in range(4):
        server.put("/1", b"no feed" if turn in (1, 2) else rss([{"guid": "1", "title": "T1"}]))
        config = planet.load()
        planet.run(force=True, later=2 * HOUR)
        engine = open_store(config.store)
        with reading(engine) as db:
            standings = sources.standings(db)
        engine.dispose()
        judged = {key: health.judge(each, config.sources[0].limits.timeout).state for key, each in standings.items()}
        assert {key: each.state for key, each in standings.items()} == judged
        assert {"ok", "quiet", "failing"} <= set(judged.values())


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
            items.save(db, [items.Gift(number, [change])], NOON)
        items.save(db, [items.Gift(number, [new[1], new[0], new[0]])], NOON)
        found = visits.known(db, number, {"guid:0", "guid:1", "guid:2"}, ())
        names = db.exec_driver_sql("SELECT identity FROM item ORDER BY id").scalars().all()
    engine.dispose()
    assert names == [f"guid:{name}" for name in ("0", "1", "2", "0#2", "0#3", "1#2", "0#4", "0#5")]
    assert [each.id for each in found] == list(range(1, 9))
