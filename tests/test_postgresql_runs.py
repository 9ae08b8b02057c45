"""Whole runs on PostgreSQL: the same bytes as from SQLite, rehearsals, what looks, and a server that goes away."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from aggregator import pruning, rehearsal
from aggregator.store import channels
from aggregator.store.engine import looking, open_store, reading
from aggregator.web.health import health
from aggregator.web.metrics import metrics
from tests.planet import NOON, Planet, atom, once, rss, started
from tests.postgres import Postgres
from tests.running import running, until
from tests.server import Request, Response, Server

HOUR = timedelta(hours=1)
HERE = "127.0.0.1"


@pytest.fixture
def database() -> str:
    """All of this is on PostgreSQL."""
    return "postgresql"


# --- The same bytes -------------------------------------------------------------------------------------------------


def twins(tmp_path: Path, store: str) -> tuple[Planet, Planet]:
    """Two planets that differ in their stores alone."""
    planets = Planet(tmp_path / "one"), Planet(tmp_path / "two", store)
    for planet in planets:
        planet.root.mkdir()
        planet.site |= {"items": 20, "archive": 5, "formats": ["rss", "atom", "json", "opml", "html"]}
    return planets


def test_the_same_is_published_from_both(tmp_path: Path, store: str, server: Server) -> None:
    """Posts and feeds that meet, whose names sort otherwise by a language than by code point, and what becomes of them."""
    names = ["a", "B", "_", "Ä", "ä", "é", "ee", "z", "Z", "新", "~", "-", "0", "a b", "\U0001f4e1", "\uff21"]
    both = twins(tmp_path, store)
    for planet in both:
        planet.seeds(keep=12)
        planet.feed(server.url("/one", host=HERE), title="ä one", category=["a", "B"])
        planet.feed(server.url("/two", host="127.0.0.2"), title="Z two", category="é", on_vanish="drop")
    for turn in range(4):
        shown = names[turn : turn + 12]
        entries = [{"guid": f"https://n.example/{n}", "title": n, "date": NOON - HOUR} for n in shown]
        server.put("/one", rss(entries), etag=True)
        server.put("/two", rss([{**each, "description": f"Two {turn}"} for each in entries[turn:]]), etag=True)
        for planet in both:
            for name in names[turn::2]:
                tags = {"tags": [name, "x"], "categories": [[name], ["a", name]]}
                planet.post(f"{name}-{turn}.md", f"Text {name}", title=name, date="2026-03-01", **tags)
            if turn:
                next((planet.root / "seeds").glob(f"*-{turn - 1}.md")).unlink()
            planet.run(force=True, later=2 * HOUR)
        assert both[0].files() == both[1].files(), turn
    assert len(both[0].files()) > 100


def test_the_same_is_published_of_real_feeds(tmp_path: Path, store: str, server: Server, corpus: Path) -> None:
    found = sorted(path for path in (corpus / "feeds").rglob("*") if path.is_file())[::18][:20]
    assert len(found) == 20
    both = twins(tmp_path, store)
    for number, path in enumerate(found):
        server.put(f"/{number}", path.read_bytes(), etag=True)
        for planet in both:
            planet.feed(server.url(f"/{number}", host=f"127.0.1.{number + 1}"), category=f"c{number % 5}")
    for planet in both:
        planet.run()
        planet.run(force=True, later=2 * HOUR)
    assert both[0].files() == both[1].files()
    assert len(both[0].titles()) >= 20


def test_nothing_that_a_document_holds_is_refused(planet: Planet, server: Server) -> None:
    """PostgreSQL takes no U+0000 in a text, and no half of a surrogate pair."""
    bad = "a\\u0000b\\ud800c"
    entry = f'{{"id": "x{bad}", "title": "{bad}", "content_html": "{bad}", "url": "https://n.example/{bad}"'
    entry += f', "tags": ["{bad}"], "authors": [{{"name": "{bad}"}}]}}'
    document = f'{{"version": "https://jsonfeed.org/version/1.1", "title": "{bad}", "items": [{entry}]}}'
    server.put("/json", document.encode(), headers={"Content-Type": "application/feed+json"})
    text = "x&#0;y\0z&#xD800;"
    server.put(
        "/rss",
        rss([]).replace(
            b"</channel>",
            f"<item><guid>{text}</guid><title>{text}</title>"
            f"<description>{text}</description><category>{text}</category></item></channel>".encode(),
        ),
    )
    server.put("/html", f"<html><body>{text}".encode(), headers={"Content-Type": "text/html"})
    for number, name in enumerate(("json", "rss", "html")):
        planet.feed(server.url(f"/{name}", host=f"127.0.0.{number + 1}"))
    planet.seeds()
    planet.post("a.md", "Some \0 text.", title="a\0b", tags=["x\0y"], url="https://n.example/\0")
    report = planet.run()
    assert [each.error.partition(":")[0] for each in report.outcomes if each.error] == ["not a feed"]
    assert not report.published.problems
    assert "abc" in "".join(planet.titles()).replace("\ufffd", "")


# --- Other commands -------------------------------------------------------------------------------------------------


def test_a_rehearsal_changes_nothing(planet: Planet, server: Server) -> None:
    planet.seeds()
    planet.post("a.md", title="One", date="2026-03-01")
    server.put("/feed", rss([{"guid": "1", "title": "Two"}]))
    planet.feed(server.url("/feed", host=HERE))
    planet.run()
    planet.post("b.md", title="Three", date="2026-03-02", categories=["new"])
    before, files = _all(planet), planet.files()
    _, found = rehearsal.rehearse(planet.load(), planet.now + HOUR, force=True)
    assert [entry.item.title for each in found for entry in each.added] == ["Three", "Three"]
    assert (_all(planet), planet.files()) == (before, files)
    planet.run(force=True, later=HOUR)
    assert planet.titles() == ["Two", "Three", "One"]


def test_what_would_be_pruned_stays(planet: Planet) -> None:
    planet.seeds(keep=2)
    for number in range(4):
        planet.post(f"{number}.md", title=f"T{number}", date=f"2026-03-0{number + 1}")
    planet.sources[0].pop("keep")
    planet.run()
    planet.sources[0]["keep"] = 2
    assert sum(pruning.prune(planet.load(), planet.now, dry_run=True).sources.values()) == 2
    assert len(_all(planet)) == 4
    assert sum(pruning.prune(planet.load(), planet.now).sources.values()) == 2
    assert len(_all(planet)) == 2


def test_who_looks(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="One", date="2026-03-01")
    planet.run()
    store = planet.load().store
    with looking(store) as db:
        sizes = [line for line in metrics(db, NOON).decode().splitlines() if line.startswith("aggregator_store_size")]
    assert float(sizes[0].split()[1]) > 1_000_000
    assert json.loads(health(store, NOON, details=True).body)["status"] == "ok"


def _all(planet: Planet) -> list[str]:
    engine = open_store(planet.load().store)
    with reading(engine) as db:
        found = [each.item.title for place in channels.places(db)[:1] for each in channels.recent(db, place.id, None)]
    engine.dispose()
    return found


# --- A server that goes away ----------------------------------------------------------------------------------------


def entries(*titles: str) -> bytes:
    """A feed."""
    return atom({"id": title, "title": title, "date": datetime(2026, 3, 1, tzinfo=UTC)} for title in titles)


def late(gate: Event) -> Callable[[Request], Response]:
    """Answers with a feed when the gate is opened."""

    def answer(_: Request) -> Response:
        gate.wait(60)
        return Response(entries("Two"))

    return answer


def test_once_says_so_and_loses_nothing(planet: Planet, server: Server, postgresql: Postgres) -> None:
    gate = Event()
    server.put("/one", entries("One"))
    server.script("/two", late(gate))
    planet.feed(server.url("/one", host=HERE))
    planet.feed(server.url("/two", host="127.0.0.2"))
    with started(planet) as process:
        until(lambda: len(server.log) == 2)
        postgresql.stop()
        gate.set()
        out, err = process.communicate(timeout=60)
    postgresql.start()
    assert (process.returncode, out, len(err.splitlines())) == (1, "", 1)
    assert "the store cannot be used" in err or "the lock of the store" in err
    done = once(planet, "--force")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(planet.titles()) == ["One", "Two"]


def test_the_daemon_waits_and_goes_on(planet: Planet, server: Server, postgresql: Postgres) -> None:
    planet.fetch |= {"interval": "1s", "interval_cap": "2s", "unvalidated": "1s"}
    planet.seeds()
    server.put("/feed", entries("One"), etag=True)
    planet.feed(server.url("/feed", host=HERE), interval="1s")
    with running(planet) as daemon:
        until(lambda: daemon.titles() == ["One"], daemon.said)
        assert run_once(planet) == 75
        postgresql.stop()
        server.put("/feed", entries("One", "Two"), etag=True)
        time.sleep(3)
        asked = len(server.log)
        time.sleep(2)
        assert daemon.process.poll() is None
        assert len(server.log) <= asked + 1, "nobody is asked for what cannot be kept"
        assert len(daemon.events("job")) == 1, daemon.said()
        postgresql.start()
        until(lambda: sorted(daemon.titles()) == ["One", "Two"], daemon.said)
        assert run_once(planet) == 75, "it holds the lock again"
        assert daemon.end(signal.SIGTERM)[0] == 0
    assert "Traceback" not in daemon.said()
    assert run_once(planet) == 0


def test_what_came_while_the_server_was_away_is_kept_and_not_asked_for_again(
    planet: Planet, server: Server, postgresql: Postgres
) -> None:
    gate = Event()
    server.script("/two", late(gate))
    planet.feed(server.url("/two", host=HERE))
    with running(planet) as daemon:
        until(lambda: len(server.log) == 1, daemon.said)
        postgresql.stop()
        gate.set()
        until(lambda: daemon.events("job"), daemon.said)
        postgresql.start()
        until(lambda: daemon.events("visit"), daemon.said)
        assert daemon.end(signal.SIGTERM)[0] == 0
        assert [each["outcome"] for each in daemon.events("visit")] == ["ok"]
    assert (daemon.titles(), len(server.log)) == (["Two"], 1)


def run_once(planet: Planet) -> int:
    """The exit code of `once`, beside a daemon whose config stays as it is."""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run([sys.executable, "-m", "aggregator", "once", "-q"], cwd=planet.root, env=env).returncode
