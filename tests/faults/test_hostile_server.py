"""One run over hostile sources of every kind and twenty good ones: each ends as it should, and the good ones are exact.

All of it is real: the command, its config, HTTP over many hosts of loopback, and a canary that nobody may come to.
"""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.formats import checks
from tests import test_safety_bodies
from tests.conformance import check
from tests.faults import hostile_sources as hostile
from tests.faults.amounts import much, told
from tests.faults.hostile_sources import Ends
from tests.faults.processes import watched
from tests.planet import NOON, Planet, rss, started
from tests.server import Server
from tests.test_html import assert_safe

GOOD = 20
ENTRIES = 5  # of each of them
TYPES = {
    "rss.xml": "application/rss+xml",
    "atom.xml": "application/atom+xml",
    "feed.json": "application/feed+json",
    "index.html": "text/html",
    "feeds.opml": "text/x-opml",
}
_FLOODS = ("endless tiny chunks", "a flood of 103")  # they keep a processor busy until their time is over


def _bodies() -> hostile.Table:
    """Broken transport. On a busy machine what has no end may come to the end of its time first."""
    found = test_safety_bodies.bodies.__wrapped__().items()  # new ones: what was sent once is used up
    return {name: (what, f"{kind} or timeout") for name, (what, kind) in found if name not in _FLOODS}


@dataclass(frozen=True)
class Outcome:
    """What a run came to. `expected` are the ends of hostile sources, `sources` what was said of each, by name."""

    planet: Planet
    expected: Mapping[str, Ends]
    sources: Mapping[str, Mapping[str, Any]]
    done: "subprocess.CompletedProcess[str]"
    again: "subprocess.CompletedProcess[str]"
    first: Mapping[str, bytes]
    peaks: Mapping[str, int]
    visitors: int
    cookies: Sequence[str]
    seconds: float


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    planet = Planet(tmp_path_factory.mktemp("hostile"))
    planet.site["formats"] = ["rss", "atom", "json", "html", "opml"]
    planet.fetch |= {"timeout": "25s", "allow_networks": ["127.0.1.0/24", "127.0.2.0/24", "127.0.3.0/24"]}
    with ExitStack() as stack:
        server, canary = (stack.enter_context(Server("0.0.0.0")) for _ in range(2))
        expected, names = _hostile(planet, server, canary)
        for number in range(GOOD):
            server.put(f"/good/{number}", rss(_entries(number)), etag=True)
            planet.feed(server.url(f"/good/{number}", f"127.0.3.{number + 1}"), category="good", title=f"Good {number}")
        begin = time.monotonic()
        done, peaks = _once(planet)
        seconds = time.monotonic() - begin
        first = planet.files()
        again, _ = _once(planet)
        said = {names.get(each["key"], each["title"]): each for each in json.loads(done.stdout)["sources"]}
        cookies = [request.path for request in server.log if "cookie" in request.headers]
        yield Outcome(planet, expected, said, done, again, first, peaks, canary.connections, cookies, seconds)


def _hostile(planet: Planet, server: Server, canary: Server) -> tuple[dict[str, Ends], dict[str, str]]:
    """Have hostile sources, each on a host of its own: how each ends, by its name, and their names by their keys."""
    tables: Mapping[str, hostile.Table] = {
        "transport": _bodies(),
        "redirect": hostile.redirects(canary.port),
        "xml": hostile.xml(canary.url("/secret", "127.9.9.9")),
        "size": hostile.sizes(),
        "html": hostile.html(),
        "date": hostile.dates(),
        "encoding": hostile.encodings(),
        "json": hostile.jsons(),
        "header": hostile.headers(),
    }
    every = [(f"{kind}: {name}", *each) for kind, table in tables.items() for name, each in table.items()]
    assert len(every) >= 200
    expected, names = dict[str, Ends](), dict[str, str]()
    for number, (name, what, ends) in enumerate(every[:: much(3, 1)]):
        url = server.url(f"/{number}", f"127.0.{1 + number // 200}.{1 + number % 200}")
        server.script(f"/{number}", lambda _, what=what: what)  # type: ignore[misc]
        planet.feed(url, category="bad", timeout="5s" if name.startswith("transport") else "25s")
        expected[name], names[url] = ends, name
    url = server.url("/endless", "127.0.2.250")
    planet.feed(url, category="bad")
    expected["redirect: to ever more"], names[url] = hostile.endless(server, "/endless"), "redirect: to ever more"
    return expected, names


def _entries(number: int) -> list[dict[str, Any]]:
    """The entries of a good source."""
    return [
        {
            "title": f"Good {number} entry {n}, more",
            "guid": f"urn:good:{number}:{n}",
            "link": f"https://good.example/{number}/{n}",
            "description": f"<p>Text <b>{n}</b> of {number}.</p>",
            "date": NOON - timedelta(hours=number, minutes=n),
        }
        for n in range(ENTRIES)
    ]


def _once(planet: Planet) -> tuple["subprocess.CompletedProcess[str]", Mapping[str, int]]:
    """A run, and the most memory that it and its readers took."""
    with started(planet, "--json", "-vv") as process, watched(process.pid) as peaks:
        out, err = process.communicate(timeout=600)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err), peaks


def test_each_hostile_source_ends_as_it_should(outcome: Outcome) -> None:
    met = {name: _end(outcome.sources[name]) for name in outcome.expected}
    wrong = {
        name: (end, outcome.sources[name]["error"])
        for name, end in met.items()
        if str(end) not in str(outcome.expected[name]).split(" or ")
    }
    assert wrong == {}
    told("hostile server", sources=len(met), seconds=round(outcome.seconds, 1), good=GOOD, **outcome.peaks)
    assert len(met) >= much(60, 200)


def _end(said: Mapping[str, Any]) -> Ends:
    kind, _, _ = str(said["error"]).partition(":")
    return kind or int(said["new"])


def test_the_good_ones_are_exact(outcome: Outcome) -> None:
    wanted = [each for number in range(GOOD) for each in _entries(number)]
    for name in ("good/atom.xml", "good/rss.xml"):
        found = outcome.planet.published(name).entries
        assert [each.title for each in found] == [each["title"] for each in wanted]
        assert [each.id for each in found] == [each["guid"] for each in wanted]
        assert [each.link for each in found] == [each["link"] for each in wanted]
        assert [each.published_parsed[:6] for each in found] == [each["date"].timetuple()[:6] for each in wanted]
        assert [each.content[0].value for each in found] == [each["description"] for each in wanted]
    assert [outcome.sources[f"Good {number}"]["error"] for number in range(GOOD)] == [""] * GOOD


def test_nothing_is_said_of_a_mistake_of_ours(outcome: Outcome) -> None:
    for each in (outcome.done, outcome.again):
        assert each.returncode == 0
        assert "Traceback" not in each.stderr
        assert "mistake in aggregator" not in each.stderr
        said = json.loads(each.stdout)
        assert said["problems"] == []
        assert not [one for one in said["sources"] if one["error"].startswith("internal error")]


def test_nobody_comes_to_the_canary_and_no_cookie_comes_back(outcome: Outcome) -> None:
    assert outcome.visitors == 0
    assert outcome.cookies == []
    secrets = [path for path, data in outcome.first.items() if hostile.SECRET.encode() in data]
    assert secrets == []


def test_it_takes_little_memory_and_no_source_takes_long(outcome: Outcome) -> None:
    if not Path("/proc/self/task").is_dir():
        pytest.skip("only Linux tells how much memory another process takes")
    assert 20_000_000 < outcome.peaks["parent"] <= 250_000_000, outcome.peaks
    assert 20_000_000 < outcome.peaks["reader"] <= 1_000_000_000, outcome.peaks
    assert max(each["seconds"] for each in outcome.sources.values()) <= 30


@pytest.mark.parametrize("folder", ["", "bad/", "good/"])
def test_what_is_published_is_valid_and_clean(folder: str, outcome: Outcome) -> None:
    base = outcome.planet.site["base_url"]
    found = {name: outcome.first[folder + name] for name in TYPES if folder + name in outcome.first}
    assert found.keys() >= TYPES.keys() - ({"feeds.opml"} if folder else set())
    for name, data in found.items():
        assert checks.problem(TYPES[name], data) == ""
        kind = name.partition(".")[0]
        assert kind not in ("rss", "atom") or check(data, kind, f"{base}{folder}{name}") == []
    for entry in outcome.planet.published(f"{folder}atom.xml").entries:
        assert_safe("".join(each.value for each in entry.get("content", [])))
        assert all(link.href.startswith(("http://", "https://")) for link in entry.get("links", ()))
    for item in json.loads(found["feed.json"])["items"]:
        assert_safe(item.get("content_html", ""))


def test_a_second_run_does_no_harm(outcome: Outcome) -> None:
    assert outcome.planet.files() == outcome.first
    visited = {each["key"] for each in json.loads(outcome.again.stdout)["sources"]}
    allowed = {each["key"] for each in outcome.sources.values() if each["error"].startswith("private address")}
    assert visited <= allowed, "what our own config forbids asks nobody, and is tried by every run"
