"""A 200 that sends the same once more: nothing is read, and nothing is lost of what the answer teaches besides."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.listing import sources
from aggregator.model import Validators
from aggregator.store import sources as stored
from aggregator.store import visits
from aggregator.store.engine import open_store, reading, writing
from tests.planet import Planet, rss
from tests.server import Response, Server

pytestmark = pytest.mark.both_stores

HOST = "127.0.0.2"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ITEMS = [{"guid": str(number), "title": f"News {number}"} for number in range(3)]
FEED = rss(ITEMS, title="The feed", ttl="90")


@pytest.fixture
def planet(tmp_path: Path, store: str, server: Server) -> Planet:
    """A planet with one feed, /feed, which was visited once."""
    made = Planet(tmp_path, store)
    made.feed(server.url("/feed", HOST))
    return made


def serve(server: Server, body: bytes = FEED, path: str = "/feed", **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    server.script(path, lambda request: Response(body, headers=named))


def known(planet: Planet) -> Validators:
    with reading(open_store(planet.load().store)) as db:
        [standing] = stored.standings(db).values()
        [found] = visits.validators(db, standing.id).values()
        return found


def wait(planet: Planet) -> timedelta:
    """How long until the next visit."""
    [values] = sources(planet.load(), planet.now).values
    return datetime.fromisoformat(values["next_visit"]) - planet.now


def counts(planet: Planet, **keys: Any) -> dict[str, int]:
    [outcome] = planet.run(later=2 * DAY, **keys).outcomes
    assert not outcome.error
    assert outcome.title == "The feed"
    return {name: number for name, number in outcome.counts.items() if number}


@pytest.mark.parametrize("first", [{}, {"ETag": '"a"'}])
def test_the_same_is_not_read_again(planet: Planet, server: Server, first: dict[str, Any]) -> None:
    serve(server, **first)
    assert counts(planet) == {"new": 3}
    before = planet.files()
    serve(server, ETag='"b"', Last_Modified="then")
    assert counts(planet) == {}, "none of its items was looked at"
    found = known(planet)
    assert (found.etag, found.last_modified) == ('"b"', "then")
    serve(server)
    assert counts(planet) == {}
    assert (known(planet).etag, known(planet).last_modified, known(planet).print) == ("", "", found.print)
    assert planet.files() == before


@pytest.mark.parametrize(
    "second",
    [
        {"body": rss(ITEMS, title="The feed", ttl="60")},
        {"Content_Type": "text/xml; charset=utf-8"},
    ],
    ids=["another body", "read in another way"],
)
def test_what_differs_is_read(planet: Planet, server: Server, second: dict[str, Any]) -> None:
    serve(server)
    counts(planet)
    serve(server, **second)
    assert counts(planet) == {"same": 3}


def test_what_the_store_was_told_to_forget_is_read(planet: Planet, server: Server) -> None:
    serve(server, ETag='"a"')
    counts(planet)
    with writing(open_store(planet.load().store)) as db:
        [standing] = stored.standings(db).values()
        visits.forget_documents(db, standing.id)
    assert known(planet) == Validators()
    assert counts(planet) == {"same": 3}
    assert [request.headers.get("if-none-match") for request in server.log] == [None, None]


def test_a_feed_that_was_broken_meanwhile_is_as_it_was(planet: Planet, server: Server) -> None:
    serve(server)
    counts(planet)
    serve(server, b"<rss><chan")
    assert planet.run(later=2 * DAY).failed
    serve(server)
    assert counts(planet) == {}


def test_cache_headers_of_the_repetition_hold_and_hints_of_the_feed_stay(planet: Planet, server: Server) -> None:
    planet.sources[0]["unvalidated"] = "1s"
    for number, (said, minutes) in enumerate({"max-age=36000": 600, "max-age=7200": 120, "no-cache": 90}.items()):
        serve(server, Cache_Control=said)
        assert counts(planet) == ({} if number else {"new": 3})
        assert timedelta() <= wait(planet) - timedelta(minutes=minutes) < timedelta(minutes=1)
    serve(server)
    counts(planet)
    assert wait(planet) < 2 * HOUR, "a 200 that is silent says that it is not fresh; its ttl is 90 minutes"


def test_a_move_is_believed_though_the_new_address_always_repeats(planet: Planet, server: Server) -> None:
    serve(server)
    planet.run()
    server.redirect("/feed", "/new", 301)
    serve(server, path="/new")
    for _ in range(4):
        planet.run(later=2 * DAY)
    server.log.clear()
    assert counts(planet) == {}
    assert [request.path for request in server.log] == ["/new"]


def test_also_where_a_page_led_to_the_feed(planet: Planet, server: Server) -> None:
    link = b'<html><head><link rel="alternate" type="application/rss+xml" href="/new"></head></html>'
    serve(server, link, Content_Type="text/html")
    serve(server, path="/new")
    assert counts(planet) == {"new": 3}
    assert counts(planet) == {}
    assert [request.path for request in server.log] == ["/feed", "/new", "/new"]
