"""The checklist of polite fetching, points 14, 15 and 22: redirects, as the servers on both ends see them in their logs.

Whole runs at moments of our choosing; each test is named after its point.
"""

import itertools
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.model import Move
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, reading
from tests.planet import NOON, Planet, places, rss
from tests.server import Response, Server

HOST, OTHER, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STORY = {"guid": "g1", "title": "A story", "link": "https://news.example/1", "description": "What happened."}
FEED = rss([STORY])


@pytest.fixture
def server() -> Iterator[Server]:
    with Server("0.0.0.0") as running:
        yield running


@pytest.fixture
def planet(tmp_path: Path) -> Planet:
    return Planet(tmp_path)


def move_of(planet: Planet) -> Move | None:
    """What the store holds of the first source's permanent redirect."""
    config = planet.load()
    with reading(open_store(config.store)) as db:
        return stored.standings(db)[config.sources[0].key].move


def followed(planet: Planet, server: Server, hours: Iterable[float]) -> list[str]:
    """The paths that runs at these hours asked for, joined for each run: `/old /new`."""
    found = []
    for hour in hours:
        server.log.clear()
        planet.now = NOON + hour * HOUR
        planet.run()
        found.append(" ".join(request.path for request in server.log))
    return found


@pytest.mark.parametrize("status", [301, 308])
@pytest.mark.parametrize("tagged", [True, False], ids=["then 304", "then 200"])
def test_14_a_permanent_redirect_is_believed_after_three_visits_over_a_day(
    planet: Planet, server: Server, status: int, tagged: bool
) -> None:
    server.redirect("/old", "/new", status)
    server.put("/new", FEED, etag=tagged)
    planet.feed(server.url("/old", HOST), unvalidated="1h")
    file = planet.load().file
    written = file.read_bytes()
    # The first visit cannot tell whether it is the same feed; three in a few hours are too soon.
    assert followed(planet, server, [0, 2, 4, 6, 25.9, 27, 29, 31]) == [*["/old /new"] * 6, "/new", "/new"]
    assert file.read_bytes() == written
    move = move_of(planet)
    assert move
    assert (move.url, move.believed) == (server.url("/new", HOST), True)


def test_14_both_numbers_are_keys_of_the_config(planet: Planet, server: Server) -> None:
    server.redirect("/old", "/new", 301)
    server.put("/new", FEED, etag=True)
    planet.feed(server.url("/old", HOST), move_visits=2, move_after="1h")
    assert followed(planet, server, [0, 2, 4, 6]) == ["/old /new"] * 3 + ["/new"]


@pytest.mark.parametrize("kind", ["302", "303", "307", "another feed", "a page", "alternating", "interrupted"])
def test_14_what_may_be_a_mistake_or_for_the_day_is_never_believed(planet: Planet, server: Server, kind: str) -> None:
    numbers = itertools.count()
    server.redirect("/old", "/new", int(kind) if kind.isdigit() else 301)
    server.put("/new", FEED)
    if kind == "a page":
        server.put("/new", b"<!DOCTYPE html><title>Back soon</title>", headers={"Content-Type": "text/html"})
    elif kind == "alternating":
        server.put("/2", FEED)
        server.script("/old", lambda request: Response(b"", 301, {"Location": ("/new", "/2")[next(numbers) % 2]}))
    elif kind == "interrupted":
        server.script(
            "/old",
            lambda request: Response(FEED) if next(numbers) % 3 == 2 else Response(b"", 301, {"Location": "/new"}),
        )
    elif kind == "another feed":  # the items of which are known from the second visit on
        server.put("/old", FEED)
        server.put("/new", rss([{"guid": "parked", "title": "Buy this name"}]), etag=True)
    planet.feed(server.url("/old", HOST), backoff_cap="1h")
    paths = followed(planet, server, [0])
    if kind == "another feed":
        server.redirect("/old", "/new", 301)
    paths += followed(planet, server, range(48, 24 * 18, 48))
    assert all(path.startswith("/old") for path in paths)


def test_14_of_a_chain_only_the_permanent_beginning_counts(planet: Planet, server: Server) -> None:
    server.redirect("/a", "/b", 301)
    server.redirect("/b", "/c", 308)
    server.redirect("/c", "/d", 302)
    server.redirect("/d", "/e", 301)
    server.put("/e", FEED, etag=True)
    planet.feed(server.url("/a", HOST))
    assert followed(planet, server, range(0, 24 * 6, 24)) == ["/a /b /c /d /e"] * 4 + ["/c /d /e"] * 2


def test_14_never_from_https_down_to_http(planet: Planet, server: Server, https: Server) -> None:
    https.redirect("/old", server.url("/new", HOST), 301)
    server.put("/new", FEED, etag=True)
    planet.feed(https.url("/old", "localhost"), verify=False)
    planet.fetch["allow_networks"] = ["127.0.0.0/8", "localhost"]
    for _ in range(6):
        planet.run(later=DAY)
    assert len(https.log) == len(server.log) == 6
    assert move_of(planet) is None


def test_14_when_the_new_address_is_gone_the_old_one_is_asked_again(planet: Planet, server: Server) -> None:
    server.redirect("/old", "/new", 301)
    server.put("/new", FEED, etag=True)
    planet.feed(server.url("/old", HOST))
    assert followed(planet, server, range(0, 24 * 5, 24))[-1] == "/new"
    server.put("/new", status=404)
    server.put("/old", FEED, etag='"x"')
    assert followed(planet, server, [130, 140]) == ["/new /old", "/old"]


def test_15_five_hops_at_most_and_no_loop(planet: Planet, server: Server) -> None:
    for number in range(10):
        server.redirect(f"/{number}", f"/{number + 1}", 301)
    server.redirect("/loop", "/back")
    server.redirect("/back", "/loop")
    planet.feed(server.url("/0", HOST))
    planet.feed(server.url("/loop", OTHER))
    planet.run()
    assert sorted(places(server)) == sorted(
        [f"{HOST}/{number}" for number in range(6)] + [f"{OTHER}/loop", f"{OTHER}/back"]
    )


def test_15_credentials_stay_with_their_origin(planet: Planet, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANET_LOGIN", "ann:secret")
    server.redirect("/a", "/b")
    server.redirect("/b", server.url("/c", OTHER))
    server.redirect("/c", server.url("/d", HOST))
    server.put("/d", FEED)
    planet.feed(server.url("/a", HOST), basic="env:PLANET_LOGIN")
    planet.run()
    sent = [(request.path, "authorization" in request.headers) for request in server.log]
    assert sent == [("/a", True), ("/b", True), ("/c", False), ("/d", False)]


def test_15_22_private_addresses_are_never_contacted_on_any_hop(planet: Planet, server: Server) -> None:
    planet.fetch["allow_networks"] = [HOST]
    server.redirect("/a", server.url("/feed", OTHER), 301)
    planet.feed(server.url("/a", HOST))
    planet.feed(server.url("/feed", THIRD))
    planet.feed(server.url("/feed", "localhost"))
    planet.feed(server.url("/feed", "2130706433"))
    planet.run()
    assert places(server) == [f"{HOST}/a"]
    assert server.connections == 1


def test_14_a_feed_that_moves_on_is_asked_at_its_last_address(planet: Planet, server: Server) -> None:
    server.redirect("/old", "/new", 301)
    server.put("/new", FEED, etag=True)
    planet.feed(server.url("/old", HOST))
    assert followed(planet, server, range(0, 24 * 5, 24))[-1] == "/new"
    server.redirect("/new", "/newer", 301)
    server.put("/newer", FEED, etag=True)
    assert followed(planet, server, range(24 * 5, 24 * 9, 24)) == ["/new /newer"] * 3 + ["/newer"]
