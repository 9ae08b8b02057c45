"""What a worker's jobs make of trouble: a visit that cannot be saved is its source's trouble alone."""

import asyncio
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text

from aggregator import channels, identity, planning, working
from aggregator.errors import AggregatorError
from aggregator.model import Cost, Feed, Item, Source, Trouble, Validators, Visit
from aggregator.store import channels as stored
from aggregator.store import fences, history, retention, shards, tables
from aggregator.store.channels import Place
from aggregator.store.engine import open_store, reading, writing
from aggregator.store.lock import shared
from aggregator.working import Desk
from tests.planet import NOON, Planet
from tests.postgres import Postgres

NAMES = ("fine", "poison", "gone")


@pytest.fixture
def desk(tmp_path: Path, postgresql: Postgres) -> Iterator[Desk]:
    """That of a worker at work, for three sources."""
    url = postgresql.store()
    planet = Planet(tmp_path, url)
    for name in NAMES:
        planet.feed(f"https://{name}.example/feed")
    config = planet.load()

    async def here(do: Any, *values: Any) -> Any:
        return do(*values)

    with ExitStack() as stack:
        engine = open_store(url, stack.enter_context(shared(url, NOON, "worker")))
        stack.callback(engine.dispose)
        planning.align(engine, config, NOON)
        yield Desk(engine, config, lambda: NOON, here, here, asyncio.Event())
    postgresql.drop(url)


def refuse(engine: Engine, title: str, state: str) -> None:
    """Have the database refuse items of this title."""
    with writing(engine) as db:
        db.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                f" IF NEW.title = '{title}' THEN RAISE EXCEPTION 'not this one' USING ERRCODE = '{state}'; END IF;"
                " RETURN NEW; END $$"
            )
        )
        db.execute(text("CREATE TRIGGER refuse BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION refuse()"))


def read(source: Source, *items: Item) -> Visit:
    """A visit that found these."""
    known, signs = {source.key: Validators(etag="1")}, tuple(map(identity.signs, items))
    return Visit(source, items, Feed(title=items[0].title), known, cost=Cost(1, 200), signs=signs)


def made(source: Source) -> Visit:
    """A visit whose item has the host's name as its title; one host has no feed any more."""
    name = source.key.removeprefix("https://").partition(".")[0]
    if name == "gone":
        return Visit(source, error="404", trouble=Trouble("http 404", None, True), cost=Cost(1, 404))
    return read(source, Item(guid=name, title=name))


@pytest.mark.parametrize("state", ["23514", "54000", "40P01"])
def test_what_cannot_be_saved_costs_nobody_else_anything(
    desk: Desk, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a batch all others are saved, each once; the one is told, and left alone for its interval."""
    refuse(desk.engine, "poison", state)
    plan = planning.prepare(desk.engine, desk.config, NOON)
    batch = [(made(source), plan.standings[source.key]) for source, _ in plan.due]
    with caplog.at_level("ERROR"):
        saved = asyncio.run(working._save(desk, batch, NOON, {}))
    assert sorted(each.source.key for _, each in saved) == ["https://fine.example/feed", "https://gone.example/feed"]
    assert [each.error for each, _ in saved if each.error] == ["404"]
    (line,) = [each.message for each in caplog.records]
    assert "https://poison.example/feed: cannot be saved: " in line and "not this one" in line and "INSERT" not in line
    source = tables.source
    with reading(desk.engine) as db:
        visits = select(source.c.key, func.count(tables.visit.c.id)).outerjoin(tables.visit).group_by(source.c.key)
        assert {row[0]: row[1] for row in db.execute(visits)} == {
            f"https://{name}.example/feed": int(name != "poison") for name in NAMES
        }
        assert db.scalars(select(tables.incident.c.state)).all() == ["failing"]
        assert db.scalar(select(func.sum(tables.traffic.c.requests))) == 2
        (again,) = db.execute(select(source.c.next_visit, source.c.reason).where(source.c.key.contains("poison")))
    interval = plan.due[0][0].pace.interval
    assert interval >= timedelta(minutes=10)
    assert tuple(again) == (int((NOON + interval).timestamp()), "could not be saved")


def test_what_a_visit_found_is_not_held_once_it_is_saved(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold its document, and one slow host makes the others' wait for the end of the batch."""
    held: list[weakref.ref[Any]] = []

    async def visit(source: Source, *more: Any) -> Visit:
        found = made(source)
        if "fine" in source.key:

            def whole() -> Visit:
                return found

            held.append(weakref.ref(whole))
            return replace(found, whole=whole)
        await asyncio.sleep(0.1)
        for _ in range(200 if "gone" in source.key else 0):
            if held[0]() is None:
                break
            await asyncio.sleep(0.02)
        else:
            assert "gone" not in source.key, "it is still held"
        return found

    monkeypatch.setattr(working, "visit", visit)
    plan, tally = planning.prepare(desk.engine, desk.config, NOON), working.Tally()
    asyncio.run(working._visit_some(desk, 0, plan, NOON, None, dict, lambda: None, tally))
    assert (tally.visits, tally.failed, tally.counts["new"]) == (3, 1, 2)


def test_what_was_written_without_a_session_is_written_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that stood still may write what is old by then over what its successor has written."""
    assert asyncio.run(working.settle(desk, 1))
    other = open_store(desk.config.store)
    publish_one = channels.publish_one

    def overtaken(due: channels.Plan, place: Place, now: datetime) -> channels.Published:
        with reading(other) as db:
            assert fences.cut(db, working.category_work(place.id))
        with writing(other) as db:
            stored.mark_rendered(db, place.id, "by its successor")
        return publish_one(due, place, now)

    with reading(other) as db:
        category = next(each.id for each in stored.places(db) if not each.path)
    assert asyncio.run(working.publish(desk, category, 1)), "as it should be"
    assert desk.doubtful == set()
    with writing(desk.engine) as db:
        stored.unrendered(db, [category])
    asyncio.run(working.settle(desk, 2))
    monkeypatch.setattr(channels, "publish_one", overtaken)
    with pytest.raises(AggregatorError, match="the connection was lost"):
        asyncio.run(working.publish(desk, category, 2))
    assert desk.doubtful == {category}
    with ExitStack() as stack:
        desk.engine = open_store(desk.config.store, stack.enter_context(shared(desk.config.store, NOON, "worker")))
        stack.callback(desk.engine.dispose)
        asyncio.run(working.doubt(desk))
        assert desk.doubtful == set()
        assert category in asyncio.run(working.settle(desk, 3))
    other.dispose()


def test_what_cannot_be_published_is_settled_and_tried_again_in_a_minute(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "wrong")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    plan = planning.prepare(desk.engine, desk.config, NOON)
    asyncio.run(working._save(desk, [(made(source), plan.standings[source.key]) for source, _ in plan.due], NOON, {}))
    folder = desk.config
    desk.config = replace(folder, site=folder.site.model_copy(update={"output": "s3://bucket/site"}))

    def problems() -> str:
        with reading(desk.engine) as db:
            last = history.last_run(db)
        assert last and last.by == "worker"
        return last.problems

    with pytest.raises(AggregatorError, match=r"^s3://bucket"):
        asyncio.run(working.settle(desk, 1))
    assert problems().startswith("s3://bucket")
    with reading(desk.engine) as db:
        assert db.scalar(select(func.count()).select_from(tables.story)) == 2
        assert not shards.is_pending(db, NOON)
    assert asyncio.run(working.settle(desk, 2)) == (), "it is left alone for a minute"
    desk.clock = lambda: NOON + timedelta(minutes=1)
    with pytest.raises(AggregatorError, match=r"^s3://bucket"):
        asyncio.run(working.settle(desk, 3))
    desk.config, desk.clock = folder, lambda: NOON + timedelta(minutes=2)
    for category in asyncio.run(working.settle(desk, 4)):
        done = asyncio.run(working.publish(desk, category, 4))
        assert done and done.written
    with reading(desk.engine) as db:
        assert history.runs(db, 1)[0].written > 0
    assert problems(), "of the minute before"
    assert asyncio.run(working.settle(desk, 5)) == ()
    assert problems() == "", "all is well"


def test_a_story_whose_last_items_two_workers_forget_at_once_goes(desk: Desk) -> None:
    """Each leaves it to the other, unless one waits."""
    plan = planning.prepare(desk.engine, desk.config, NOON)
    two = [(source, plan.standings[source.key]) for source, _ in plan.due if "gone" not in source.key]
    item = Item(guid="https://same.example/1", url="https://same.example/1", title="The same")
    batch = [(read(each, item), known) for each, known in two]
    asyncio.run(working._save(desk, batch, NOON, {}))
    asyncio.run(working.settle(desk, 1))
    with reading(desk.engine) as db:
        first, second = db.scalars(select(tables.item.c.id).order_by(tables.item.c.id))
        assert db.scalar(select(func.count()).select_from(tables.story)) == 1
    other = open_store(desk.config.store)

    def forget() -> None:
        with writing(other) as db:
            retention._delete(db, [second])

    with ThreadPoolExecutor(1) as thread:
        with writing(desk.engine) as db:
            retention._delete(db, [first])
            done = thread.submit(forget)
            wait([done], 0.5)
        done.result(20)
    with reading(other) as db:
        assert db.scalar(select(func.count()).select_from(tables.story)) == 0
    other.dispose()
