"""Shards: all sources of a host are in one, whatever their addresses; what is due in each; and what is settled."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from aggregator import planning
from aggregator.model import HostRule, Move
from aggregator.planning import shard
from aggregator.store import shards
from aggregator.store.engine import open_store, reading, writing
from aggregator.store.tables import source
from aggregator.store.values import dump
from tests.planet import Planet

pytestmark = pytest.mark.both_stores
BLOGS = (HostRule("blogs.example"),)


@given(st.text(max_size=50))
@settings(max_examples=50)
def test_every_key_has_a_shard(key: str) -> None:
    assert 0 <= shard(key, BLOGS) < shards.SHARDS


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example/feed", "http://A.example:8080/other", True),
        ("https://me:secret@a.example/feed", "https://a.example/", True),
        ("https://a.example./feed", "https://a.example/", True),
        ("https://a.blogs.example/feed", "https://b.blogs.example/", True),
        ("https://a.example/feed", "https://b.example/feed", False),
        ("seeds", "posts", False),
    ],
)
def test_sources_of_a_host_are_in_one_shard(one: str, other: str, same: bool) -> None:
    assert (shard(one, BLOGS) == shard(other, BLOGS)) is same


def test_a_shard_never_changes() -> None:
    assert [shards.number(name) for name in ("", "a.example", "xn--bcher-kva.example")] == [0, 12, 54]


def test_what_is_due_in_a_shard(planet: Planet) -> None:
    planet.seeds()
    for name in ("a", "b", "c"):
        planet.feed(f"https://{name}.example/feed")
    config, now = planet.load(), planet.now
    store = open_store(config.store)
    planning.align(store, config, now)
    keys = {each.key: shard(each.key, ()) for each in config.sources}
    with reading(store) as db:
        assert set(shards.with_due(db, now)) == set(keys.values())
        assert {key for number in range(64) for key in shards.due(db, number, now)} == set(keys)
    with writing(store) as db:
        of = {row.key: row.id for row in db.execute(source.select())}
        shards.rest(db, [of["https://a.example/feed"]], now)
        db.execute(update(source).where(~source.c.remote).values(last_visit=int(now.timestamp())))
        moved = dump(Move("https://d.example/feed", 3, now, believed=True))
        db.execute(update(source).where(source.c.key == "https://b.example/feed").values(move=moved))
        db.execute(update(source).where(source.c.key == "https://c.example/feed").values(gone=True))
        shards.place(db, lambda url: shard(url, ()))
    with reading(store) as db:
        assert shards.with_due(db, now) == [shards.number("d.example")]
        assert shards.due(db, shards.number("d.example"), now) == ["https://b.example/feed"]
        later = set(shards.with_due(db, now + timedelta(minutes=1)))
        assert later == {shards.number("d.example"), shards.number("a.example"), keys[min(keys, key=len)]}
    store.dispose()
