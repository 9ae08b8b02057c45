"""`aggregator once --dry-run`: what would change is told, and nothing is kept but what hosts want."""

import json
from datetime import timedelta

import pytest

from aggregator import report
from aggregator.rehearsal import Difference, rehearse
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, reading
from tests.planet import NOON, Planet, once, rss
from tests.server import Server

pytestmark = pytest.mark.both_stores

HOUR = timedelta(hours=1)


def items(*numbers: int, **more: str) -> list[dict[str, object]]:
    return [{"title": f"Story {n}", "guid": f"https://a.example/{n}", "date": NOON - n * HOUR, **more} for n in numbers]


def by_title(found: tuple[Difference, ...]) -> dict[str, Difference]:
    return {each.title: each for each in found}


def titles(entries: object) -> list[str]:
    assert isinstance(entries, tuple)
    return [(entry[0] if isinstance(entry, tuple) else entry).item.title for entry in entries]


def test_nothing_is_kept_and_the_real_run_does_what_was_told(planet: Planet, server: Server) -> None:
    server.put("/feed", rss(items(1, 2)), etag=True)
    planet.feed(server.url("/feed", host="127.0.0.7"), category="tech")
    told, found = rehearse(planet.load(), planet.now)
    assert not (planet.root / "feeds").exists()
    assert told.outcomes[0].counts["new"] == 2
    assert {each: titles(diff.added) for each, diff in by_title(found).items()} == {
        "Planet Test": ["Story 1", "Story 2"],
        "tech · Planet Test": ["Story 1", "Story 2"],
    }
    real = planet.run()
    assert {path for each in found for path in each.files} == set(real.published.written)
    assert [request.status for request in server.log] == [200, 200], "nothing was kept, so nothing is conditional"


def test_a_diff_of_each_feed(planet: Planet, server: Server) -> None:
    server.put("/feed", rss(items(1, 2, 3)), etag=True)
    planet.site["items"] = 3
    planet.feed(server.url("/feed", host="127.0.0.7"))
    planet.run()
    before = planet.files()
    server.put("/feed", rss([*items(0), *items(1, description="<p>Now with text.</p>"), *items(2, 3)]), etag=True)
    planet.now += 2 * HOUR
    _, found = rehearse(planet.load(), planet.now)
    (diff,) = found
    assert (titles(diff.added), titles(diff.removed)) == (["Story 0"], ["Story 3"])
    assert [(entry.item.title, what) for entry, what in diff.changed] == [
        ("Story 1", ("summary", "content", "updated"))
    ]
    assert planet.files() == before
    _, again = rehearse(planet.load(), planet.now)
    assert again == found, "a rehearsal leaves nothing behind that the next one would meet"


def test_rules_that_were_written_since(planet: Planet, server: Server) -> None:
    server.put("/feed", rss(items(1, 2)), etag=True)
    planet.feed(server.url("/feed", host="127.0.0.7"))
    planet.run()
    planet.sources[0]["rule"] = [{"exclude": {"title": "1"}}, {"title": "{title}!"}]
    _, (diff,) = rehearse(planet.load(), planet.now + HOUR)
    assert titles(diff.removed) == ["Story 1"]
    assert [(entry.item.title, what) for entry, what in diff.changed] == [("Story 2!", ("rules",))]
    planet.run()
    assert planet.titles() == ["Story 2!"]
    planet.sources[0]["rule"] = []
    _, (diff,) = rehearse(planet.load(), planet.now + HOUR)
    assert titles(diff.added) == ["Story 1"]
    assert [(entry.item.title, what) for entry, what in diff.changed] == [("Story 2", ("rules",))]


def test_posts_that_go_and_categories_that_go_with_them(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="Stays", date="2026-03-01")
    gone = planet.post("b.md", title="Goes", date="2026-03-01", categories=["old"])
    planet.run()
    gone.unlink()
    before = planet.files()
    _, found = rehearse(planet.load(), planet.now + HOUR)
    assert {each: titles(diff.removed) for each, diff in by_title(found).items()} == {
        "Planet Test": ["Goes"],
        "old · Planet Test": ["Goes"],
    }
    assert planet.files() == before, "the files of the category are still there"


def test_when_a_host_was_asked_is_remembered(planet: Planet, server: Server) -> None:
    server.put("/feed", rss(items(1)))
    planet.feed(server.url("/feed", host="127.0.0.7"))
    rehearse(planet.load(), planet.now)
    engine = open_store(planet.load().store)
    with reading(engine) as db:
        remembered = stored.hosts(db)
        assert stored.standings(db) == {}, "of sources and items nothing is kept"
    engine.dispose()
    last = remembered["127.0.0.7"].last_request
    assert last and planet.now <= last < planet.now + HOUR


def test_the_diff_for_people(planet: Planet, capsys: pytest.CaptureFixture[str]) -> None:
    planet.seeds()
    planet.post("a.md", title="One", date="2026-03-01")
    _, found = rehearse(planet.load(), planet.now)
    report.show_rehearsal(found)
    report.show_rehearsal(())
    assert capsys.readouterr().out.splitlines() == [
        "Planet Test",
        "  + 2026-03-01  One  (Planet Test)",
        "no feed would change",
    ]


def test_what_changes_around_the_entries_is_one_line(planet: Planet, capsys: pytest.CaptureFixture[str]) -> None:
    planet.site["formats"] = ["rss", "html"]
    planet.seeds()
    for name in ("one", "two"):
        planet.post(f"{name}.md", f"Text {name}.", title=name, date="2026-03-01", categories=[name])
    planet.run()
    planet.post("three.md", "Text three.", title="three", date="2026-03-01", categories=["three"])
    _, found = rehearse(planet.load(), planet.now + HOUR)
    report.show_rehearsal(found)
    *told, last = capsys.readouterr().out.splitlines()
    assert [line for line in told if not line.startswith(" ")] == ["Planet Test", "three · Planet Test"]
    assert last.startswith("2 categories would be written anew with the same entries")


def test_a_long_diff_is_cut(planet: Planet, capsys: pytest.CaptureFixture[str]) -> None:
    planet.seeds()
    for number in range(30):
        planet.post(f"{number}.md", f"Text {number}.", title=f"Story {number}", date="2026-03-01")
    _, found = rehearse(planet.load(), planet.now)
    report.show_rehearsal(found)
    lines = capsys.readouterr().out.splitlines()
    assert (len(lines), lines[-1]) == (22, "    and 10 more")


def test_on_the_command_line(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="One", date="2026-03-01", categories=["tech"])
    done = once(planet, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("+ 2026-03-01  One") == 2
    values = json.loads(once(planet, "--dry-run", "--json").stdout)
    assert [each["files"] for each in values["would_change"]] == [
        ["rss.xml", "atom.xml"],
        ["tech/rss.xml", "tech/atom.xml"],
    ]
    assert values["would_change"][1]["added"][0]["title"] == "One"
    assert not (planet.root / "feeds").exists()
    assert once(planet).returncode == 0
    assert once(planet, "--dry-run").stdout == "no feed would change\n"
