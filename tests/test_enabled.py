"""`enabled = false`: a source that is not visited, while all that it gave stays where it is."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from aggregator import listing, pruning, status
from aggregator.cli import cli
from aggregator.config import load
from aggregator.errors import ConfigError
from aggregator.model import Source
from aggregator.store import board, shards
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, reading
from tests.planet import NOON, Planet, rss
from tests.server import Server

pytestmark = pytest.mark.both_stores

LATER = timedelta(days=9)


@pytest.fixture
def disabled(planet: Planet, server: Server) -> Planet:
    """A planet of two feeds and some posts; one feed and the posts are disabled after the first run."""
    planet.site["formats"] = ["atom", "opml"]
    for name in ("one", "two"):
        server.put(f"/{name}", rss([{"title": f"of {name}", "guid": name, "date": NOON}], title=name), etag=True)
        planet.feed(server.url(f"/{name}", "127.0.0.1"))
    planet.post("a.md", title="of posts", date="2026-03-01")
    planet.seeds()
    planet.run()
    planet.sources[0]["enabled"] = planet.sources[2]["enabled"] = False
    server.log.clear()
    return planet


def test_it_is_not_visited_even_by_force(disabled: Planet, server: Server) -> None:
    disabled.post("b.md", title="a new one", date="2026-03-02")
    report = disabled.run(force=True, later=LATER)
    assert [request.path for request in server.log] == ["/two"]
    assert [each.key for each in report.skipped if not each.enabled] == [server.url("/one", "127.0.0.1"), "seed:seeds"]
    assert sorted(disabled.titles()) == ["of one", "of posts", "of two"]


def test_nothing_of_it_is_due_nor_overdue(disabled: Planet, server: Server) -> None:
    disabled.run(later=LATER)
    now = disabled.now + LATER
    engine = open_store(disabled.load().store)
    with reading(engine) as db:
        assert stored.due(db, now) == (server.url("/two", "127.0.0.1"),)
        assert [key for shard in range(shards.SHARDS) for key in shards.due(db, shard, now)] == [
            server.url("/two", "127.0.0.1")
        ]
        assert board.vitals(db).sources == 1
        assert [each.key for each in board.coming(db, 9)] == [server.url("/two", "127.0.0.1")]
        assert board.states(db) == {"ok": 1, "disabled": 2}
    engine.dispose()


def test_it_is_said_to_be_disabled(disabled: Planet, server: Server) -> None:
    """Also before the next run."""
    for later in (False, True):
        if later:
            disabled.run(later=LATER)
        config = disabled.load()
        rows = status.look(config, disabled.now).rows
        assert [(row.source.key, row.health.state) for row in rows if not row.source.enabled] == [
            (server.url("/one", "127.0.0.1"), "disabled"),
            ("seed:seeds", "disabled"),
        ]
        values = {each["key"]: each for each in listing.sources(config, disabled.now).values}
        assert values[server.url("/one", "127.0.0.1")]["next_visit"] is None
        assert [each["enabled"] for each in values.values()] == [False, True, False]
        assert [row[2:] for row in listing.sources(config, disabled.now).rows if "disabled" in row] == [
            ("never", "disabled"),
            ("never", "disabled"),
        ]


def test_a_run_and_the_check_count_it(disabled: Planet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(disabled.root)
    disabled.write()
    checked = CliRunner().invoke(cli, ["check"])
    assert checked.output.endswith("2 of kind feed, 1 of kind seed; 2 of them disabled\n")
    visited = CliRunner().invoke(cli, ["once", "-v"])
    assert "2 sources disabled" in visited.output
    assert visited.output.count("disabled in the config") == 2


def test_nothing_is_pruned_and_the_list_of_what_is_read_is_without_it(disabled: Planet) -> None:
    disabled.run(later=LATER)
    assert not pruning.prune(disabled.load(), disabled.now, left=True, dry_run=False).left
    outlines = (disabled.root / "feeds" / "subscriptions.opml").read_text(encoding="utf-8")
    assert "/two" in outlines
    assert "/one" not in outlines


def test_it_goes_on_where_it_was(disabled: Planet, server: Server) -> None:
    before = disabled.ids()
    disabled.run(later=LATER)
    disabled.sources[0]["enabled"] = True
    server.log.clear()
    disabled.run(later=timedelta(minutes=1))
    assert [(request.path, request.status) for request in server.log] == [("/one", 304)]
    assert disabled.ids() == before


def test_who_has_moved_to_its_address_is_asked_there(planet: Planet, server: Server) -> None:
    server.put("/new", rss([{"title": "news", "guid": "1"}]))
    server.redirect("/old", server.url("/new", "127.0.0.1"), 301)
    planet.fetch |= {"move_visits": 1, "move_after": "0s"}
    planet.feed(server.url("/old", "127.0.0.1"), category="a")
    planet.feed(server.url("/new", "127.0.0.1"), category="b")
    planet.run()
    planet.run(force=True)
    server.log.clear()
    planet.run(force=True)
    assert [request.path for request in server.log] == ["/new"]  # for both
    planet.sources[1]["enabled"] = False
    planet.run(force=True)
    planet.sources[1]["enabled"], planet.sources[0]["enabled"] = True, False
    planet.run(force=True)
    assert [request.path for request in server.log] == ["/new"] * 3


def test_its_folder_and_secrets_may_be_missing(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    planet.site["allow_commands"] = True
    planet.sources = [{"kind": "seed", "path": "nowhere"}, {"url": "https://a.example/", "bearer": "env:NOWHERE"}]
    planet.sources.append({"kind": "command", "command": ["./nowhere"]})
    with pytest.raises(ConfigError) as error:
        load(planet.write(), look=True)
    assert len(error.value.problems) == 3
    for each in planet.sources:
        each["enabled"] = False
    assert not [source for source in load(planet.write(), look=True).sources if source.enabled]


def test_it_is_on_where_nothing_is_said() -> None:
    assert Source("key", "feed", None).enabled
