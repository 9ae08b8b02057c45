"""The checklist of polite fetching, points 14, 15 and 22: redirects, as the servers on both ends see them in their logs.

Whole runs at moments of our choosing; each test is named after its point.
"""

import base64
import itertools
from collections.abc import Iterable
from datetime import timedelta

import pytest
from sqlalchemy import update

from aggregator.model import Move
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, reading, writing
from aggregator.store.tables import document
from tests.planet import NOON, Planet, places, rss
from tests.server import Response, Server

HOST, OTHER, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STORY = {"guid": "g1", "title": "A story", "link": "https://news.example/1", "description": "What happened."}
FEED = rss([STORY])


def move_of(planet: Planet) -> Move | None:
    """What the store holds of the first source's permanent redirect."""
    config = planet.load()
    with reading(open_store(config.store)) as db:
        return stored.standings(db)[config.sources[0].key].move


def warnings_of(planet: Planet, hour: float) -> tuple[str, ...]:
    """What there is to be said of the first source after a run at this hour."""
    planet.now = NOON + hour * HOUR
    planet.run()
    config = planet.load()
    with reading(open_store(config.store)) as db:
        return stored.standings(db)[config.sources[0].key].warnings


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


def test_14_another_feed_behind_a_permanent_redirect_is_told_for_as_long_as_it_is_there(
    planet: Planet, server: Server
) -> None:
    server.put("/old", FEED)
    server.put("/new", rss([{"guid": "parked", "title": "Buy this name"}]), etag=True)
    planet.feed(server.url("/old", HOST))
    assert warnings_of(planet, 0) == ()
    server.redirect("/old", "/new", 301)
    told = (
        f"a permanent redirect leads to {server.url('/new', HOST)}, where no entry of this feed was found; "
        "if it is meant, write that address as url; else disable or remove the source",
    )
    assert warnings_of(planet, 48) == told
    assert warnings_of(planet, 96) == told  # a 304
    server.put("/new", rss([{"guid": "parked", "title": "Buy it now"}]), etag=True)
    assert warnings_of(planet, 144) == told
    move = move_of(planet)
    assert move and (move.visits, move.believed) == (0, False)
    server.put("/old", FEED)
    assert warnings_of(planet, 192) == ()


def test_14_a_feed_that_is_empty_when_it_has_just_moved_is_no_other(planet: Planet, server: Server) -> None:
    server.put("/old", FEED)
    server.put("/new", rss([]))
    planet.feed(server.url("/old", HOST))
    planet.run()
    server.redirect("/old", "/new", 301)
    assert warnings_of(planet, 48) == ()
    server.put("/new", FEED)
    assert followed(planet, server, range(96, 24 * 14, 48))[-1] == "/new"


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


def test_14_a_feed_that_has_moved_to_another_source_is_asked_once(planet: Planet, server: Server) -> None:
    two = rss([STORY, {"guid": "g2", "title": "Another"}])
    server.redirect("/old", "/new", 301)
    server.put("/new", FEED, etag=True)
    planet.feed(server.url("/old", HOST), category="a")
    planet.feed(server.url("/new", HOST), category="b")
    paths = followed(planet, server, range(0, 24 * 5, 24))
    assert [sorted(each.split()) for each in paths] == [["/new", "/new", "/old"]] * 4 + [["/new"]]
    planet.run(force=True)
    server.put("/new", two, etag=True)
    assert followed(planet, server, [24 * 5]) == ["/new"], "the one before by force as well"
    assert planet.titles("a/atom.xml") == planet.titles("b/atom.xml")
    assert len(planet.titles()) == 2
    del planet.sources[1]
    assert followed(planet, server, [24 * 6, 24 * 7]) == ["/new"] * 2, "by the one that is left"


def test_14_a_feed_that_comes_back_from_another_source_is_asked_again(planet: Planet, server: Server) -> None:
    server.redirect("/old", "/new", 301)
    server.put("/new", FEED, etag=True)
    for path in ("/old", "/new"):
        planet.feed(server.url(path, HOST))
    assert followed(planet, server, range(0, 24 * 5, 24))[-1] == "/new"
    server.put("/new", status=404)
    server.put("/old", FEED, etag='"x"')
    paths = followed(planet, server, [24 * 6, 24 * 7, 24 * 8])
    assert [sorted(each.split()) for each in paths] == [["/new"], ["/new", "/new", "/old"], ["/new", "/old"]]


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


def test_15_a_login_that_stays_behind_is_said(planet: Planet, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANET_LOGIN", "ann:secret")
    server.redirect("/a", server.url("/b", OTHER), 301)
    server.put("/b", FEED, etag=True)
    planet.feed(server.url("/a", HOST), basic="env:PLANET_LOGIN")
    for _ in range(2):  # 200, then 304
        (outcome,) = planet.run(later=2 * HOUR).outcomes
        said = f"was sent to {server.url('/', HOST)} alone, and the source is at {server.url('/b', OTHER)} now; if it is meant"
        assert [said in each for each in outcome.warnings] == [True]
    server.put("/b", b"", status=401)
    (outcome,) = planet.run(later=2 * HOUR).outcomes
    assert "login (or headers) was sent to" in outcome.error
    server.put("/a", FEED)
    (outcome,) = planet.run(later=9 * HOUR).outcomes
    assert (outcome.error, outcome.warnings) == ("", ())


def test_15_a_login_in_an_address_is_for_what_that_leads_to_at_its_origin(planet: Planet, server: Server) -> None:
    """A page that leads to its feed, and an index of sitemaps, all closed."""
    for host in (HOST, OTHER):
        page = f"<html><link rel=alternate type=application/rss+xml href='{server.url('/feed', host)}'></html>"
        server.put("/page" + host, page.encode(), headers={"Content-Type": "text/html"})
        planet.feed(server.url("/page" + host, HOST).replace("//", "//ann:se%40cret@"))
    server.put("/feed", FEED, etag=True)
    listed = f"<sitemap><loc>{server.url('/sitemap', HOST)}</loc></sitemap>"
    server.put("/index", f"<sitemapindex>{listed}</sitemapindex>".encode())
    server.put("/sitemap", b"<urlset><url><loc>https://a.example/b</loc></url></urlset>")
    planet.feed(server.url("/index", HOST).replace("//", "//ann:se%40cret@"), kind="sitemap")
    for _ in range(2):
        planet.run(later=2 * HOUR)
    sent = {
        (place, request.headers.get("authorization")) for place, request in zip(places(server), server.log, strict=True)
    }
    right = "Basic " + base64.b64encode(b"ann:se@cret").decode()
    asked = (f"/page{HOST}", f"/page{OTHER}", "/feed", "/index", "/sitemap")
    assert sent == {(HOST + path, right) for path in asked} | {(OTHER + "/feed", None)}
    assert not any(b"cret" in data for data in planet.files().values())


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


@pytest.mark.parametrize(
    "there", ["ftp://127.0.0.2/feed", "file:///etc/passwd", "data:text/xml,<rss/>", "http://127.0.0.2:0/"]
)
def test_22_no_other_scheme_and_no_port_0(planet: Planet, server: Server, there: str) -> None:
    server.redirect("/a", there)
    planet.feed(server.url("/a", HOST))
    assert planet.run().failed
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


@pytest.mark.parametrize("trouble", ["http 500", "http 403", "reset", "broken"])
@pytest.mark.parametrize("found", [True, False], ids=["found on a page", "moved"])
def test_14_a_new_address_that_keeps_failing_is_no_trap(
    planet: Planet, server: Server, trouble: str, found: bool
) -> None:
    link = '<html><head><link rel="alternate" type="application/rss+xml" href="{}">'
    if found:
        server.put("/old", link.format("/new").encode())
    else:
        server.redirect("/old", "/new", 301)
    server.put("/new", FEED, etag=True)
    planet.feed(server.url("/old", HOST), move_visits=2, move_after="1h", backoff_cap="1h", refused_wait="1h")
    assert followed(planet, server, [0, 2, 4, 6])[-1] == "/new"
    if trouble == "reset":
        server.reset("/new")
    else:
        server.put(
            "/new",
            b"<rss><chan" if trouble == "broken" else b"",
            status=int(trouble[5:]) if trouble[:4] == "http" else 200,
        )
    # Both fail, and have their turns.
    server.put("/old", b"", status=500)
    assert followed(planet, server, range(8, 18, 2)) == ["/new", "/new", "/old", "/new", "/old"]
    server.put("/newer", rss([STORY, {"guid": "g2", "title": "Another"}]), etag=True)
    if found:
        server.put("/old", link.format("/newer").encode())
    else:
        server.redirect("/old", "/newer", 302)
    last = "/newer" if found else "/old /newer"
    assert followed(planet, server, [18, 20, 22, 24]) == ["/new", "/old /newer", last, last]
    assert sorted(planet.titles()) == ["A story", "Another"]


@pytest.mark.parametrize("page", [True, False])
def test_14_a_410_elsewhere_does_not_end_a_source(planet: Planet, server: Server, page: bool) -> None:
    if page:
        server.put("/old", b'<html><head><link rel="alternate" type="application/rss+xml" href="/new">')
    else:
        server.redirect("/old", "/new", 302)
    server.put("/new", FEED, etag=True)
    planet.feed(server.url("/old", HOST), backoff_cap="1h")
    followed(planet, server, [0])
    server.put("/new", b"", status=410)
    followed(planet, server, range(48, 240, 48))
    server.put("/old", rss([STORY, {"guid": "g2", "title": "Another"}]), etag=True)
    followed(planet, server, [300, 350])
    assert sorted(planet.titles()) == ["A story", "Another"]


def test_14_a_304_to_validators_of_another_address_is_no_sign_of_a_move(planet: Planet, server: Server) -> None:
    server.put("/old", FEED, last_modified="Sat, 14 Mar 2026 09:00:00 GMT")
    planet.feed(server.url("/old", HOST), move_visits=1, move_after="0s", unvalidated="1h")
    followed(planet, server, [0])
    with writing(open_store(planet.load().store)) as db:
        db.execute(update(document).values(url=""))  # a store of before that was kept
    server.redirect("/old", "/parked", 301)
    server.script("/parked", lambda request: Response(b"", 304 if "if-modified-since" in request.headers else 404))
    followed(planet, server, [2, 4, 6])
    move = move_of(planet)
    assert not (move and move.believed)


def test_5_a_clock_that_was_once_wrong_or_a_long_interval_that_was_mended(planet: Planet, server: Server) -> None:
    server.put("/feed", FEED, etag=True)
    planet.feed(server.url("/feed", HOST), interval="20d")
    assert followed(planet, server, [0, 24 * 3650, 25]) == ["/feed", "/feed", ""]  # the last visit counts as made now
    planet.sources[0]["interval"] = "1h"
    assert followed(planet, server, [25.5, 27]) == ["", "/feed"]


@pytest.mark.parametrize("body", [b"", b"<rss><channel><title>Mainten"])
def test_10_without_validators_a_failure_brings_no_full_transfer_forward(
    planet: Planet, server: Server, body: bytes
) -> None:
    server.put("/feed", FEED)
    planet.feed(server.url("/feed", HOST))
    assert followed(planet, server, [0, 23]) == ["/feed", ""]
    server.put("/feed", body, status=200 if body else 500)
    paths = followed(planet, server, range(25, 47))
    # What was a transfer counts; what was none is tried again soon, as the last is a day ago.
    assert paths.count("/feed") == (1 if body else 5)
