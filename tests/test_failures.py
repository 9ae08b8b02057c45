"""The feed of failures: valid, the same bytes from the same store, without secrets, and a file like the others."""

from datetime import timedelta
from pathlib import Path

import pytest

from aggregator import rehearsal
from aggregator.errors import ConfigError
from aggregator.failures import failures
from aggregator.formats.checks import problem
from aggregator.store import history
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, reading, writing
from aggregator.store.history import Incident
from tests.conformance import check
from tests.planet import NOON, Planet, rss
from tests.server import Server

pytestmark = pytest.mark.both_stores

HOST = "127.0.0.1"
DAY = timedelta(days=1)
URL = "https://planet.example/feeds/failures.xml"
FEED = rss([{"guid": "1", "title": "One"}], title="News & <b>Views</b>")


@pytest.fixture
def planet(tmp_path: Path, store: str, server: Server) -> Planet:
    """A planet with a source that works, whose owner wants the feed."""
    made = Planet(tmp_path, store)
    made.site |= {"failures": "failures.xml"}
    server.put("/feed", FEED)
    made.feed(server.url("/feed", HOST).replace("http://", "http://user:secret@"))
    return made


def test_a_source_that_breaks_and_works_again_are_two_entries(planet: Planet, server: Server) -> None:
    planet.run()
    assert planet.published("failures.xml").entries == []
    server.put("/feed", b"", status=404)
    for _ in range(4):
        planet.run(force=True, later=DAY)
    broken = (planet.root / "feeds" / "failures.xml").read_bytes()
    server.put("/feed", FEED)
    planet.run(force=True, later=DAY)
    data = (planet.root / "feeds" / "failures.xml").read_bytes()
    for each in (broken, data):
        assert check(each, "atom", URL) == []
        assert problem("application/atom+xml", each) == ""
        assert b"secret" not in each
    after, before = planet.published("failures.xml").entries
    assert (after.title, before.title) == (
        "News &amp; Views works again",
        "News &amp; Views is failing: http 404",
    )
    assert before.summary == "gone or moved: look at the site for the feed's new address"
    assert before.link == "https://news.example/"
    assert before.id.startswith("tag:planet.example,2026:incident/")
    assert before.id.encode() in broken
    assert (before.published, after.updated) == ("2026-03-17T12:00:00+00:00", "2026-03-19T12:00:00+00:00")


def test_it_is_written_when_there_is_news_and_comes_back_when_it_is_lost(planet: Planet) -> None:
    planet.run()
    file = planet.root / "feeds" / "failures.xml"
    stamp, data = file.stat().st_mtime_ns, file.read_bytes()
    planet.run(later=DAY)
    assert (file.stat().st_mtime_ns, file.read_bytes()) == (stamp, data)
    file.unlink()
    planet.run(later=DAY)
    assert file.read_bytes() == data
    planet.site |= {"gzip": True}
    planet.run(later=DAY)
    assert (planet.root / "feeds" / "failures.xml.gz").exists()
    planet.site |= {"failures": ""}
    planet.run(later=DAY)
    assert not [name for name in planet.files() if name.startswith("failures")]


def test_a_file_of_somebody_else_stays(planet: Planet) -> None:
    file = planet.root / "feeds" / "failures.xml"
    file.parent.mkdir()
    file.write_text("mine")
    report = planet.run()
    assert file.read_text() == "mine"
    assert ["was not written by aggregator" in line for line in report.published.problems] == [True]


def test_a_rehearsal_writes_none(planet: Planet) -> None:
    planet.sources[0]["url"] = "http://127.0.0.1:9/"
    rehearsal.rehearse(planet.load(), NOON)
    assert planet.files() == {}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a/b.xml", "write the name of a file"),
        ("../b.xml", "write the name of a file"),
        (".xml", "write the name of a file"),
        ("failures.html", "write the name of a file"),
        ("atom.xml", r"aggregator.toml:\d+: site.failures: atom.xml is what a format writes"),
    ],
)
def test_its_name_is_one_of_its_own(planet: Planet, name: str, why: str) -> None:
    planet.site |= {"failures": name}
    with pytest.raises(ConfigError, match=why):
        planet.load()


def test_it_has_the_newest_fifty_and_the_same_bytes_each_time(planet: Planet) -> None:
    config = planet.load()
    planet.run()
    engine = open_store(config.store)
    with writing(engine) as db:
        number = next(iter(stored.standings(db).values())).id
        for hour in range(60):
            met = Incident(NOON + timedelta(hours=hour), "ok", "failing", f"<i>No {hour}</i> is failing: dns\n& look")
            history.log_incidents(db, [(number, met)])
    with reading(engine) as db:
        data = failures(db, config, URL)
        assert data == failures(db, config, URL)
        assert check(data, "atom", URL) == []
    engine.dispose()
    (planet.root / "feeds" / "failures.xml").write_bytes(data)
    entries = planet.published("failures.xml").entries
    assert len(entries) == 50
    assert len({entry.id for entry in entries}) == 50
    assert entries[0].title == "&lt;i&gt;No 59&lt;/i&gt; is failing: dns"
