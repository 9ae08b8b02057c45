"""Who works on one store at the same time, on PostgreSQL: work is one's own, the given up save nothing, and settling
sees all that it takes away."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from sqlalchemy import Engine, func, insert, select, text, update

from aggregator.errors import AggregatorError, LockedError
from aggregator.store import fences
from aggregator.store.engine import SCHEMA, open_store, reading, writing
from aggregator.store.lock import on_server, shared
from aggregator.store.tables import meta
from aggregator.working import again
from tests.planet import NOON
from tests.postgres import Postgres
from tests.running import until


@pytest.fixture
def pair(postgresql: Postgres) -> Iterator[tuple[Engine, Engine]]:
    """The store as two workers have it."""
    url = postgresql.store()
    with ExitStack() as stack:
        one, other = (open_store(url, stack.enter_context(shared(url, NOON, "worker"))) for _ in range(2))
        yield one, other
        one.dispose()
        other.dispose()
    postgresql.drop(url)


def test_work_belongs_to_one(pair: tuple[Engine, Engine]) -> None:
    one, other = pair
    assert fences.claim(one, 5)
    assert not fences.claim(other, 5)
    assert fences.claim(other, 6)
    fences.let_go(one, 5)
    assert fences.claim(other, 5)
    with reading(one) as db:
        assert [each.what for each in on_server(db)] == ["worker", "worker"]


def test_who_is_given_up_saves_nothing_any_more(pair: tuple[Engine, Engine]) -> None:
    one, other = pair
    assert fences.claim(one, 5)
    with reading(other) as db:
        assert not fences.cut(db, 6)
        assert fences.cut(db, 5)
    until(lambda: fences.claim(other, 5))
    for _ in range(2):
        with pytest.raises(AggregatorError), writing(one) as db:
            db.execute(insert(meta).values(key="late", value=""))
    fences.let_go(one, 5)
    third = open_store(other.url.render_as_string(hide_password=False))
    assert not fences.claim(third, 5), "it is not for the one that lost it to give it back"
    third.dispose()
    with reading(other) as db:
        assert db.scalar(select(meta.c.value).where(meta.c.key == "late")) is None


@pytest.mark.parametrize("holds", ["saves", "publishes"])
def test_settling_waits_for_those_who_save_and_publish(pair: tuple[Engine, Engine], holds: str) -> None:
    one, other = pair
    done: list[str] = []

    def settle() -> None:
        with writing(other) as db:
            fences.alone(db)
            done.append(str(db.scalar(select(func.count()).select_from(meta).where(meta.c.key == "kept"))))

    thread = threading.Thread(target=settle)
    if holds == "saves":
        with writing(one) as db:
            fences.together(db)
            thread.start()
            time.sleep(0.3)
            assert done == []
            db.execute(insert(meta).values(key="kept", value=""))
    else:
        with fences.still(one):
            thread.start()
            with writing(one) as db:
                db.execute(insert(meta).values(key="kept", value=""))
            time.sleep(0.3)
            assert done == []
    thread.join(20)
    assert done == ["1"]


def test_those_who_save_do_not_wait_for_each_other(pair: tuple[Engine, Engine]) -> None:
    one, other = pair
    with writing(one) as first, writing(other) as second:
        fences.together(first)
        fences.together(second)


def test_a_deadlock_is_done_once_more_as_a_whole(pair: tuple[Engine, Engine]) -> None:
    with writing(pair[0]) as db:
        db.execute(insert(meta), [{"key": "a", "value": ""}, {"key": "b", "value": ""}])
    met = threading.Barrier(2)
    tries: list[str] = []
    errors: list[BaseException] = []

    def cross(engine: Engine, *keys: str) -> None:
        with writing(engine) as db:
            for number, key in enumerate(keys):
                db.execute(update(meta).where(meta.c.key == key).values(value=meta.c.value + keys[0]))
                if number == 0 and tries.count(keys[0]) == 0:
                    tries.append(keys[0])
                    met.wait(20)

    def worker(engine: Engine, *keys: str) -> None:
        try:
            again(lambda: cross(engine, *keys))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=worker, args=args) for args in ((pair[0], "a", "b"), (pair[1], "b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    with reading(pair[0]) as db:
        assert {
            "".join(sorted(value)) for value in db.scalars(select(meta.c.value).where(meta.c.key.in_(["a", "b"])))
        } == {"ab"}


def test_nobody_brings_a_store_up_to_date_under_those_at_work(postgresql: Postgres) -> None:
    """A worker of an older version goes on with the tables that it knows; one that begins makes the store new once it
    has ended, and of several that begin at once all get to work."""
    url = postgresql.store()
    with shared(url, NOON, "worker") as old:
        with old.begin() as db:
            db.execute(text("ALTER TABLE file DROP COLUMN sent"))
            db.execute(text("ALTER TABLE source DROP COLUMN shard"))
            db.execute(text("ALTER TABLE source DROP COLUMN enabled"))
            db.execute(text("ALTER TABLE document DROP COLUMN entries"))
            db.execute(text("UPDATE alembic_version SET version_num = '0006'"))
        with pytest.raises(LockedError, match=r"brought up to date, but another run is at work"):
            open_store(url)
        with pytest.raises(LockedError, match=r"another run is at work \(aggregator worker"), shared(url, NOON, ""):
            pass
        with old.begin() as db:
            assert db.scalar(text("SELECT version_num FROM alembic_version")) == "0006"
    begun = threading.Barrier(3)

    def begin() -> None:
        def try_once() -> bool:
            with suppress(LockedError), shared(url, NOON, "worker") as engine:
                begun.wait(20)
                with engine.begin() as db:
                    return bool(db.scalar(text("SELECT version_num FROM alembic_version")) == SCHEMA)
            return False

        until(try_once)

    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(begin) for _ in range(3)]:
            done.result(60)
    postgresql.drop(url)
