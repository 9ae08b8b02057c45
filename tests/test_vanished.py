"""Entries that a feed takes back."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.model import Retention
from tests.kept import Kept
from tests.planet import NOON, rss
from tests.server import Server

pytestmark = pytest.mark.both_stores

DAY = timedelta(days=1)


@pytest.fixture
def planet(tmp_path: Path, store: str) -> Kept:
    planet = Kept(tmp_path, store)
    planet.policy(0, on_vanish="drop")
    return planet


def listing(numbers: str) -> bytes:
    """A feed of entries that are called by digits; the higher, the newer. One in brackets, (1), has no date."""
    entries: list[dict[str, Any]] = []
    for n in numbers.replace("(", "").replace(")", ""):
        dated = {} if f"({n})" in numbers else {"date": NOON + int(n) * timedelta(hours=1) - DAY}
        entries.append({"guid": f"https://a.example/{n}", "title": n, "description": f"Text of {n}"} | dated)
    return rss(entries)


@pytest.mark.parametrize(
    ("visits", "stay"),
    [
        (["54321", "5421", "5421"], "5421"),
        (["54321", "5421"], "54321"),  # once is no proof
        (["54321", "5421", "54321", "5421"], "54321"),  # it was there in between
        (["54321", "5421", "5421", "54321"], "54321"),  # it came back
        (["54321", "543", "543"], "54321"),  # the oldest fall out of the window
        (["54321", "", ""], "54321"),
        (["54321", "51", "51"], "54321"),  # too many at once
        (["54321", "5321", "5321", "521", "521"], "521"),  # one after the other
        (["54321", "5421", "421", "421"], "421"),
        (["54321", "(5)(4)(2)(1)", "(5)(4)(2)(1)"], "54321"),  # nothing says how far back it goes
        (["(5)4321", "4321", "4321"], "54321"),  # an entry without a date is not expected
        (["54321", "54321", "654321"], "654321"),
    ],
)
def test_what_is_taken_back(planet: Kept, server: Server, visits: list[str], stay: str) -> None:
    planet.feed(server.url("/1", host="127.0.0.1"))
    ids: dict[str, str] = {}
    for number, numbers in enumerate(visits):
        server.put("/1", listing(numbers))
        report = planet.run(later=DAY * bool(number))
        assert not report.failed
        ids |= {title: public for title, public in planet.ids().items() if ids.setdefault(title, public) == public}
    assert sorted(planet.titles(), reverse=True) == list(stay)
    assert planet.ids() == {title: ids[title] for title in stay}


def test_it_is_told_and_remembered(planet: Kept, server: Server) -> None:
    planet.feed(server.url("/1", host="127.0.0.1"))
    for number, numbers in enumerate(["54321", "5421", "5421"]):
        server.put("/1", listing(numbers))
        report = planet.run(later=DAY * bool(number))
    assert report.outcomes[0].counts.get("removed") == 1
    assert planet.rows("select title, why from item where removed is not null") == [("3", "taken back")]


@pytest.mark.parametrize(("status", "left"), [(304, 4), (500, 5)])
def test_a_304_confirms_what_is_missing_and_a_failure_does_not(
    planet: Kept, server: Server, status: int, left: int
) -> None:
    planet.feed(server.url("/1", host="127.0.0.1"))
    server.put("/1", listing("54321"))
    planet.run()
    server.put("/1", listing("5421"), etag=True)
    planet.run(later=DAY)
    if status == 500:
        server.put("/1", b"", status=500)
    planet.run(later=DAY)
    assert server.log[-1].status == status
    assert len(planet.titles()) == left


def test_what_vanishes_is_kept_by_default(planet: Kept, server: Server) -> None:
    planet.policies = {}
    planet.feed(server.url("/1", host="127.0.0.1"))
    for number, numbers in enumerate(["54321", "5421", "5421", "5421"]):
        server.put("/1", listing(numbers))
        planet.run(later=DAY * bool(number))
    assert len(planet.titles()) == 5


@pytest.mark.parametrize("removed", ["taken back", "file gone", "retention"])
def test_who_has_it_next_has_it_under_its_id_and_it_stays_one(planet: Kept, server: Server, removed: str) -> None:
    """A story whose only copy went comes back from another source: with its id, and once when the first has it again."""
    story = {"guid": "https://a.example/2", "title": "2", "date": NOON + timedelta(hours=2) - DAY}
    if removed == "file gone":
        planet.policies.clear()
        planet.seeds()
        post = planet.post("2.md", "Text", title="2", date="2026-03-13", permalink="https://a.example/2")
    else:
        planet.feed(server.url("/1", host="127.0.0.1"))
        server.put("/1", listing("4321"))
    server.put("/2", rss([]))
    planet.feed(server.url("/2", host="127.0.0.2"))
    planet.run()
    public_id = planet.ids()["2"]
    if removed == "file gone":
        post.unlink()
    elif removed == "taken back":
        server.put("/1", listing("431"))
    else:
        planet.policy(0, retention=Retention(keep=2))
    planet.run(later=DAY)
    planet.run(later=DAY)
    assert "2" not in planet.titles()
    server.put("/2", rss([story | {"link": "https://a.example/2"}]))
    planet.run(later=DAY)
    assert planet.ids()["2"] == public_id
    if removed == "file gone":
        planet.post("2.md", "Text", title="2", date="2026-03-13", permalink="https://a.example/2")
    else:
        server.put("/1", listing("54321"))
    planet.run(later=DAY)
    assert planet.titles().count("2") == 1
    assert planet.ids()["2"] == public_id
