"""What `aggregator list sources` knows of a source: its troubles, where it moved, and who wants silence."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator import listing
from aggregator.errors import AggregatorError
from aggregator.model import HostRule
from tests.planet import Planet, rss
from tests.server import Response, Server

pytestmark = pytest.mark.both_stores

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def planet(tmp_path: Path, store: str) -> Planet:
    return Planet(tmp_path, store)


def listed(planet: Planet, number: int = 0) -> tuple[str, str, dict[str, Any]]:
    """A source's next visit and trouble in the table, and its values."""
    found = listing.sources(planet.load(), planet.now)
    return str(found.rows[number][2]), str(found.rows[number][3]), found.values[number]


def test_a_source_without_any_trouble(planet: Planet) -> None:
    hub = '<link xmlns="http://www.w3.org/2005/Atom" rel="hub" href="https://hub.example/"/>'
    with Server() as server:
        server.put("/feed", rss([{"title": "One"}]).replace(b"<item>", hub.encode() + b"<item>"), etag=True)
        planet.feed(server.url("/feed"))
        before = listed(planet)
        planet.run()
    assert before[:2] == ("now", "")
    assert (before[2]["hub"], before[2]["gone"], before[2]["warnings"]) == ("", False, [])
    due, trouble, values = listed(planet)
    assert (due, trouble) == ("in 60 min", "")
    assert (values["hub"], values["gone"], values["warnings"]) == ("https://hub.example/", False, [])
    assert (values["moved_to"], values["paused_until"]) == (None, None)


def test_a_source_that_is_gone(planet: Planet) -> None:
    with Server() as server:
        server.put("/feed", b"", status=410)
        planet.feed(server.url("/feed"))
        planet.run()
        due, trouble, values = listed(planet)
        assert trouble.startswith("http 410: ")
        assert values["gone"] is False
        planet.run(later=2 * DAY)
        due, trouble, values = listed(planet)
        assert (due, trouble, values["gone"]) == ("never", "gone (410)", True)
        assert values["error"].startswith("http 410: ")


def test_a_source_that_moves(planet: Planet) -> None:
    with Server() as server:
        server.put("/new", rss([{"title": "One", "guid": "1"}]), etag=True)
        server.put("/old", rss([{"title": "One", "guid": "1"}]), etag=True)
        planet.feed(server.url("/old"), move_visits=2)
        planet.run()
        server.redirect("/old", server.url("/new"), 301)
        new, notes = server.url("/new"), [planet.run(later=DAY).notes]
        _, trouble, values = listed(planet)
        since = (planet.now).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert trouble == ""
        assert values["moved_to"] == {"url": new, "visits": 1, "since": since, "believed": False}
        notes += [planet.run(later=DAY + HOUR).notes]
        _, trouble, values = listed(planet)
        assert trouble == f"has moved to {new}: write it into the config"
        assert (values["moved_to"]["visits"], values["moved_to"]["believed"]) == (2, True)
        notes += [planet.run(later=DAY).notes]
        note = f'{server.url("/old")} has moved to {new}; write url = "{new}" into the config'
        assert notes == [(), (note,), ()], "it is told once"
        server.put("/new", b"", status=500)
        planet.run(later=DAY)
        _, trouble, _ = listed(planet)
        assert trouble.startswith("http 500: ")
        assert trouble.endswith(f"; has moved to {new}: write it into the config")


def test_a_source_that_has_become_another(planet: Planet) -> None:
    with Server() as server:
        server.redirect("/old", server.url("/new"), 301)
        server.put("/new", rss([{"title": "One", "guid": "1"}]), etag=True)
        planet.feed(server.url("/old"), move_visits=1, move_after="0s")
        planet.feed(server.url("/new").replace("//", "//me:pw@"))
        reports = [planet.run(later=2 * DAY) for _ in range(3)]
    new = server.url("/new").replace("//", "//***@")
    due, trouble, values = listed(planet)
    assert (due, trouble) == ("never", f"the same feed as {new}, where it has moved: remove one of the two")
    assert (values["reason"], values["same_as"]) == (f"the same feed as {new}", new)
    note = f"{server.url('/old')} has moved to {server.url('/new')}, which is a source already: remove one of the two"
    assert [report.notes for report in reports] == [(), (note,), ()]
    assert [standing.reason for standing in reports[2].skipped] == [f"the same feed as {new}"]
    assert (listed(planet, 1)[1], listed(planet, 1)[2]["same_as"]) == ("", None)


def test_a_source_with_warnings_says_how_many(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="One", date="never")
    planet.run()
    _, trouble, values = listed(planet)
    assert (trouble, len(values["warnings"])) == ("1 warning", 1)
    for name in "bc":
        planet.post(f"{name}.md", title=name, date="never")
    planet.run()
    _, trouble, values = listed(planet)
    assert (trouble, len(values["warnings"])) == ("3 warnings", 3), "also of what was not read again"


def test_a_host_that_wants_silence(planet: Planet) -> None:
    with Server("0.0.0.0") as server:
        server.script("/busy", lambda request: Response(b"", 429, {"Retry-After": "7200"}))
        server.put("/feed", rss([{"title": "One"}]))
        for path, host in (("/busy", "127.1.0.1"), ("/feed", "127.1.0.1"), ("/feed", "127.2.0.1")):
            planet.feed(server.url(path, host).replace("//", "//me:pw@"))
        planet.run()
        until = [listed(planet, number)[2]["paused_until"] for number in range(3)]
        assert until[0] == until[1] != until[2]
        assert until[0][:16] == "2026-03-14T14:00"
        assert until[2] is None
        planet.now += 3 * HOUR
        assert listed(planet)[2]["paused_until"] is None


def test_a_silence_of_a_whole_domain(planet: Planet) -> None:
    planet.hosts = [{"name": "0.1"}]  # for loopback: 127.1.0.1 and 127.2.0.1 are below it
    with Server("0.0.0.0") as server:
        server.script("/busy", lambda request: Response(b"", 429))
        planet.feed(server.url("/busy", "127.1.0.1"))
        planet.feed(server.url("/feed", "127.2.0.1"), interval="1s")
        planet.run()
        assert planet.load().hosts == (HostRule("0.1"),)
        assert listed(planet, 1)[2]["paused_until"] == listed(planet)[2]["paused_until"] is not None


def test_items_of_a_source_that_is_not_there(planet: Planet) -> None:
    planet.seeds()
    with pytest.raises(AggregatorError, match=r'there is no source "https://\*\*\*@a\.example/"'):
        listing.items(planet.load(), None, "https://me:pw@a.example/", None)


def test_items_of_a_source_by_any_of_its_names(planet: Planet, server: Server) -> None:
    server.put("/feed", rss([{"guid": "a", "title": "One"}], title="The Harbour"))
    server.put("/other", rss([{"guid": "b", "title": "Two"}], title="Another"))
    planet.feed(server.url("/feed", "127.0.0.1"))
    planet.feed(server.url("/other", "127.0.0.1"), title="Mine")
    planet.run()
    for name, title in (("the harbour", "One"), ("/feed", "One"), ("mine", "Two"), (planet.sources[1]["url"], "Two")):
        assert [each["title"] for each in listing.items(planet.load(), None, name, None).values] == [title]
    with pytest.raises(AggregatorError, match=r"127\.0\.0\.1 may be any of .*; write more of it"):
        listing.items(planet.load(), None, "127.0.0.1", None)
