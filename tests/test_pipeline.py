"""Runs from end to end: posts in real folders and feeds on a real loopback server, to files that a reader may read."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.errors import ConfigError
from aggregator.pipeline import Report
from aggregator.store import history
from aggregator.store.engine import looking
from tests.conformance import check
from tests.planet import NOON, Planet, once, rss, started
from tests.running import until
from tests.server import Server

pytestmark = pytest.mark.both_stores

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


# --- Posts ----------------------------------------------------------------------------------------------------------


def test_a_post_is_in_the_feed_of_every_level(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="一", date="2026-03-01", categories=["新媒体", "快科技（原驱动之家）", "最新新闻"])
    planet.post("b.md", title="Two", date="2026-03-02", categories=["tech"])
    planet.run()
    assert planet.titles() == ["Two", "一"]
    for folder in ("新媒体", "新媒体/快科技-原驱动之家", "新媒体/快科技-原驱动之家/最新新闻"):
        assert planet.titles(f"{folder}/atom.xml") == planet.titles(f"{folder}/rss.xml") == ["一"]
    assert planet.titles("tech/rss.xml") == ["Two"]
    for name, data in planet.files().items():
        kind = "rss" if name.endswith("rss.xml") else "atom"
        assert check(data, kind) == [], name


def test_a_post_that_names_no_category_is_in_those_of_its_source(planet: Planet) -> None:
    planet.seeds(category="notes/loose")
    planet.post("a.md", title="Loose", date="2026-03-01")
    planet.run()
    assert planet.titles("notes/loose/rss.xml") == ["Loose"]


def test_renaming_and_moving_a_file_keeps_its_id(planet: Planet) -> None:
    planet.seeds()
    old = planet.post("old name.md", "A text of its own.", title="One", date="2026-03-01", categories=["a"])
    planet.run()
    before = planet.ids()
    (planet.root / "seeds" / "deep" / "er").mkdir(parents=True)
    old.rename(planet.root / "seeds" / "deep" / "er" / "new name.md")
    planet.run(later=HOUR)
    assert planet.ids() == before


def test_deleting_a_file_removes_its_item_and_bringing_it_back_brings_back_its_id(planet: Planet) -> None:
    planet.seeds()
    kept = planet.post("a.md", title="Kept", date="2026-03-01")
    gone = planet.post("b.md", title="Gone", date="2026-03-02")
    planet.run()
    before = planet.ids()
    text = gone.read_text(encoding="utf-8")
    gone.unlink()
    planet.run(later=HOUR)
    assert planet.titles() == ["Kept"]
    gone.write_text(text, encoding="utf-8")
    planet.run(later=HOUR)
    assert planet.ids() == before
    assert kept.exists()


def test_editing_a_file_updates_its_item_in_place(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", "The first text.", title="One", date="2026-03-01")
    planet.run()
    (before,) = planet.published().entries
    planet.post("a.md", "Another text altogether.", title="One, mended", date="2026-03-01")
    planet.run(later=DAY)
    (after,) = planet.published().entries
    assert (after.title, after.id, after.published) == ("One, mended", before.id, before.published)
    assert "Another text" in after.content[0].value
    assert after.updated_parsed[:4] == (2026, 3, 15, 12)


def test_a_new_thumbnail_is_no_update(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="One", date="2026-03-01", headimg="https://example.org/1.jpg")
    planet.run()
    (before,) = planet.published().entries
    planet.post("a.md", title="One", date="2026-03-02", headimg="https://example.org/2.jpg")
    planet.run(later=DAY)
    (after,) = planet.published().entries
    assert after.media_thumbnail[0]["url"] == "https://example.org/2.jpg"
    assert (after.updated, after.published, after.id) == (before.updated, before.published, before.id)


def test_a_draft_stays_out_and_leaves_when_it_becomes_one(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="Draft", date="2026-03-01", draft=True)
    planet.post("b.md", title="Post", date="2026-03-01")
    planet.run()
    assert planet.titles() == ["Post"]
    planet.post("a.md", title="Draft", date="2026-03-01")
    planet.post("b.md", title="Post", date="2026-03-01", published=False)
    planet.run(later=HOUR)
    assert planet.titles() == ["Draft"]


def test_a_post_of_the_future_waits_for_its_day(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="Today", date="2026-03-14T08:00:00Z", categories=["a"])
    planet.post("b.md", title="Tomorrow", date="2026-03-15T08:00:00Z", categories=["a"])
    assert planet.run().outcomes[0].counts["waiting"] == 1
    assert planet.titles("a/rss.xml") == ["Today"]
    assert planet.run(later=timedelta(hours=19)).published.written == ()
    planet.run(later=timedelta(hours=2))
    assert planet.titles("a/rss.xml") == planet.titles() == ["Tomorrow", "Today"]


def _counts(report: Report) -> dict[str, int]:
    return {name: number for name, number in report.outcomes[0].counts.items() if number}


def test_posts_count_on_each_run_whether_they_are_read_or_not(planet: Planet) -> None:
    """Drafts never do, and a torn file counts as what it gave."""
    planet.seeds()
    paths = [planet.post(f"{name}.md", f"Text {name}", title=name) for name in "abc"]
    planet.post("draft.md", title="Draft", draft=True)
    planet.post("later.md", title="Later", date="2026-03-15T08:00:00Z")
    assert _counts(planet.run()) == {"new": 3, "waiting": 1}
    assert _counts(planet.run(later=HOUR)) == {"same": 3, "waiting": 1}
    paths[0].write_bytes(b"\0")
    paths[1].unlink()
    planet.post("c.md", "Another text", title="c")
    planet.post("later.md", "Another text", title="Later", date="2026-03-15T08:00:00Z")
    assert _counts(planet.run(later=HOUR)) == {"edited": 1, "same": 1, "removed": 1, "waiting": 1}
    assert _counts(planet.run(later=HOUR)) == {"same": 2, "waiting": 1}
    assert _counts(planet.run(later=24 * HOUR)) == {"same": 3}, "its day has come"
    (planet.root / "seeds").rename(planet.root / "away")
    assert _counts(planet.run(later=HOUR)) == {}


def test_an_unreadable_file_is_one_warning_and_keeps_what_it_gave(planet: Planet) -> None:
    planet.seeds()
    path = planet.post("a.md", title="Good", date="2026-03-01")
    planet.post("b.md", title="Other", date="2026-03-02")
    planet.run()
    path.write_bytes(b"\x00\x01\x02\xff\xfe\x00" * 50)
    report = planet.run(later=HOUR)
    assert planet.titles() == ["Other", "Good"]
    assert len(report.outcomes[0].warnings) == 1
    assert report.outcomes[0].warnings[0].count("a.md") == 1
    (outcome,) = planet.run(later=HOUR).outcomes
    assert outcome.warnings == report.outcomes[0].warnings, "it is said until it is mended"
    assert (report.outcomes[0].told, outcome.told) == (frozenset(), frozenset(outcome.warnings))


def test_what_is_wrong_with_a_post_is_said_until_it_is_mended(planet: Planet) -> None:
    """Also by visits that do not read it again, as nothing but another post has changed."""
    planet.seeds()
    for name in "abc":
        planet.post(f"{name}.md", title=name, date="never")
    planet.post("good.md", title="Good")
    first = planet.run().outcomes[0].warnings
    assert [warning.partition(":")[0] for warning in first] == [f"seeds/{name}.md" for name in "abc"]
    planet.post("good.md", "Another text", title="Good")
    (edited,) = planet.run(later=HOUR).outcomes
    assert (edited.counts["edited"], edited.warnings, edited.told) == (1, first, frozenset(first))
    assert planet.run(later=HOUR).outcomes[0].warnings == first, "nothing was read"
    planet.post("a.md", "Mended", title="a", date="2026-03-01")
    (planet.root / "seeds" / "b.md").unlink()
    (planet.root / "seeds" / "lost.md").symlink_to("nowhere")
    (mended,) = planet.run(later=HOUR).outcomes
    assert [warning.partition(":")[0] for warning in mended.warnings] == ["seeds/lost.md", "seeds/c.md"]
    (planet.root / "seeds" / "lost.md").unlink()
    assert planet.run(later=HOUR).outcomes[0].warnings == first[2:], "nothing was read, and one trouble is over"


def test_what_is_wrong_with_a_feed_is_said_until_it_is_read_again(planet: Planet, server: Server) -> None:
    planet.feed(server.url("/feed", host="127.0.0.1"))
    good = rss([{"guid": "1", "title": "One", "description": "Text"}])
    server.put("/feed", good.replace(b"Text", b"Text &nothing;"))
    first = planet.run().outcomes[0].warnings
    assert len(first) == 1
    (same,) = planet.run(force=True, later=HOUR).outcomes
    assert (same.warnings, same.told) == (first, frozenset(first))
    server.put("/feed", good)
    assert planet.run(force=True, later=HOUR).outcomes[0].warnings == ()


def test_an_undated_post_keeps_the_moment_of_its_first_sight(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="Undated", date="Invalid Date")
    planet.run()
    planet.post("b.md", title="Later", date="2026-03-14T15:00:00Z")
    planet.run(later=timedelta(hours=6))
    assert planet.titles() == ["Later", "Undated"]
    assert planet.published().entries[1].published_parsed[:5] == (2026, 3, 14, 12, 0)


@pytest.mark.parametrize("edited", [("a.md",), ("b.md",), ("a.md", "b.md")])
def test_posts_that_read_the_same_part_when_one_is_edited(planet: Planet, edited: tuple[str, ...]) -> None:
    planet.seeds()
    planet.post("a.md", "A template.", title="New post", date="2026-03-01")
    planet.post("b.md", "A template.", title="New post", date="2026-03-01")
    planet.run()
    (before,) = planet.ids().values()
    for name in edited:
        planet.post(name, f"Something else in {name}.", title=f"Edited {name}", date="2026-03-01")
    planet.run(later=HOUR)
    expected = {f"Edited {name}" for name in edited} | ({"New post"} if len(edited) == 1 else set())
    assert set(planet.titles()) == expected
    assert before in planet.ids().values()


def test_a_new_post_in_the_place_of_a_deleted_one_is_new(planet: Planet) -> None:
    planet.seeds()
    path = planet.post("today.md", "Old text.", title="Old", date="2026-01-01")
    planet.run()
    (before,) = planet.ids().values()
    path.unlink()
    planet.run(later=HOUR)
    planet.post("today.md", "New text.", title="New", date="2026-03-14")
    planet.run(later=HOUR)
    (entry,) = planet.published().entries
    assert entry.id != before
    assert entry.published_parsed[:3] == (2026, 3, 14)


def test_renaming_and_editing_in_one_go_keeps_the_id(planet: Planet) -> None:
    planet.seeds()
    path = planet.post("a.md", "A text with a mistkae.", title="One", date="2026-03-01")
    planet.run()
    before = planet.ids()
    path.unlink()
    planet.post("b.md", "A text without a mistake.", title="One", date="2026-03-01")
    planet.run(later=HOUR)
    assert planet.ids() == before


# --- Feeds ----------------------------------------------------------------------------------------------------------

STORY = {
    "guid": "https://news.example/1",
    "link": "https://news.example/1",
    "title": "A story",
    "description": "x" * 60,
}


def test_nothing_new_touches_no_file(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="Post", categories=["a", "b"])
    with Server() as server:
        server.put("/etag", rss([STORY | {"date": NOON - DAY}]), etag=True)
        server.put("/plain", rss([{"title": "No guid, no date", "description": "y" * 60}]))
        planet.feed(server.url("/etag"), category="news")
        planet.feed(server.url("/plain"), category="news")
        planet.run()
        before = planet.files(), planet.times()
        time.sleep(0.01)  # so that a file written again would have another mtime
        report = planet.run(later=HOUR, force=True)
        assert sorted(request.status for request in server.log) == [200, 200, 200, 304]
    assert (planet.files(), planet.times()) == before
    assert report.published.written == ()


def test_a_source_that_is_not_due_is_not_asked(planet: Planet) -> None:
    with Server() as server:
        server.put("/feed", rss([STORY]), etag=True)
        planet.feed(server.url("/feed"))
        planet.run()
        skipped = planet.run(later=timedelta(minutes=59)).skipped
        assert len(server.log) == 1
        assert NOON + HOUR <= skipped[0].next_visit <= NOON + HOUR + timedelta(minutes=1)
        planet.run(later=timedelta(minutes=2))
        assert [request.status for request in server.log] == [200, 304]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({"guid": "tag:a.example,2026:1"}, {"guid": "tag:a.example,2026:1"}, id="by guid"),
        pytest.param({"link": "http://a.example/x?utm_source=1"}, {"link": "https://A.example/x/#top"}, id="by link"),
    ],
)
def test_a_story_of_two_sources_is_shown_once(planet: Planet, first: dict[str, str], second: dict[str, str]) -> None:
    with Server() as server:
        server.put("/1", rss([{"title": "Story", "date": NOON - DAY, **first}]))
        server.put("/2", rss([{"title": "Story", "date": NOON - DAY, **second}]))
        planet.feed(server.url("/1"), category="one")
        planet.feed(server.url("/2"), category="two")
        planet.run()
    assert planet.titles() == planet.titles("one/rss.xml") == planet.titles("two/rss.xml") == ["Story"]
    assert planet.ids() == planet.ids("one/atom.xml") == planet.ids("two/atom.xml")


@pytest.mark.parametrize("local_first", [True, False])
def test_a_local_post_wins_over_a_remote_copy(planet: Planet, local_first: bool) -> None:
    link = "https://me.example/post"
    with Server() as server:
        server.put("/1", rss([{"title": "Copy", "link": link, "guid": link, "date": NOON - DAY}]))
        planet.feed(server.url("/1"), category="copies")
        planet.seeds()
        if not local_first:
            planet.run()
            before = list(planet.ids().values())
        planet.post("mine.md", title="Mine", permalink=link, date="2026-03-13", categories=["mine"])
        planet.run(later=HOUR)
    assert planet.titles() == planet.titles("copies/atom.xml") == planet.titles("mine/atom.xml") == ["Mine"]
    if not local_first:
        assert list(planet.ids().values()) == before, "the id was public already"


def test_a_feed_entry_of_the_future_counts_as_now(planet: Planet) -> None:
    with Server() as server:
        server.put("/1", rss([STORY | {"date": NOON + 300 * DAY}]))
        planet.feed(server.url("/1"))
        planet.run()
    assert planet.published().entries[0].published_parsed[:5] == (2026, 3, 14, 12, 0)


def test_what_a_feed_no_longer_lists_stays(planet: Planet) -> None:
    with Server() as server:
        server.put("/1", rss([STORY | {"date": NOON - DAY}]))
        planet.feed(server.url("/1"))
        planet.run()
        for body in (rss([]), rss([STORY | {"guid": "https://news.example/2", "link": "https://news.example/2"}])):
            server.put("/1", body)
            planet.run(later=2 * DAY)
    assert len(planet.titles()) == 2


def test_a_source_that_leaves_the_config_takes_its_items_along(planet: Planet) -> None:
    with Server() as server:
        server.put("/1", rss([STORY]), etag=True)
        planet.feed(server.url("/1"), category="news")
        planet.run()
        before = planet.ids()
        (source,) = planet.sources
        planet.sources = []
        report = planet.run(later=HOUR)
        assert report.notes == (f"{server.url('/1')} has left the config; its items are no longer published",)
        assert planet.titles() == []
        planet.sources = [source | {"category": "other"}]
        planet.run(later=HOUR)
    assert planet.ids("other/atom.xml") == before
    assert {name.split("/")[0] for name in planet.files()} == {"atom.xml", "rss.xml", "other"}


def test_an_entry_that_says_only_when_it_was_updated_has_that_date(planet: Planet) -> None:
    entry = "<entry><id>tag:a.example,2026:{0}</id><title>{0}</title><updated>{1}</updated></entry>"
    entries = entry.format("older", "2026-02-01T00:00:00Z") + entry.format("newer", "2026-03-01T00:00:00Z")
    with Server() as server:
        server.put("/1", f'<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title>{entries}</feed>'.encode())
        planet.feed(server.url("/1"))
        planet.run()
    assert planet.titles() == ["newer", "older"]
    assert planet.published().entries[0].published == "2026-03-01T00:00:00+00:00"


def test_a_category_without_entries_that_nobody_configures_goes_and_comes_back(planet: Planet) -> None:
    planet.seeds()
    planet.categories = [{"path": ["kept"]}]
    path = planet.post("a.md", title="One", date="2026-03-01", categories=["gone", "deep"])
    planet.post("b.md", title="Two", date="2026-03-02", categories=["stays"])
    planet.run()
    before = planet.ids("gone/deep/atom.xml")
    (planet.root / "feeds" / "gone" / "of the owner.txt").write_text("mine")
    text = path.read_text(encoding="utf-8")
    path.unlink()
    planet.run(later=HOUR)
    left = {name for name in planet.files() if name.startswith("gone")}
    assert left == {"gone/of the owner.txt"}, "only what we wrote is removed"
    assert {"kept/rss.xml", "stays/rss.xml"} <= planet.files().keys()
    path.write_text(text, encoding="utf-8")
    planet.run(later=HOUR)
    assert planet.ids("gone/deep/atom.xml") == before


@pytest.mark.sqlite_alone
def test_a_file_of_somebody_else_is_not_overwritten(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="One", date="2026-03-01", categories=["a"])
    (planet.root / "feeds").mkdir()
    (planet.root / "feeds" / "rss.xml").write_text("<rss>of another generator</rss>")
    report = planet.run()
    assert ["was not written by aggregator" in problem for problem in report.published.problems] == [True]
    assert (planet.root / "feeds" / "rss.xml").read_text() == "<rss>of another generator</rss>"
    assert planet.titles("a/rss.xml") == ["One"]
    (planet.root / "feeds" / "rss.xml").unlink()
    assert not planet.run(later=HOUR).published.problems
    (planet.root / "var" / "aggregator.db").unlink()
    assert not planet.run(later=HOUR).published.problems, "our own files are known again without the store"


def test_an_owner_who_follows_our_advice_loses_nothing(planet: Planet) -> None:
    """A feed that moved for good: its new address in the config is the same source, with its items and validators."""
    planet.fetch |= {"move_visits": 2, "move_after": "1h"}
    with Server() as server:
        stories = [
            STORY | {"guid": f"https://news.example/{n}", "title": f"T{n}", "date": NOON - DAY} for n in range(4)
        ]
        server.put("/old", rss(stories[:3]), etag=True)
        planet.feed(server.url("/old"))
        planet.run()
        server.redirect("/old", "/new", 301)
        server.put("/new", rss(stories[1:]), etag=True)
        for _ in range(3):
            report = planet.run(later=2 * DAY)
        before = planet.ids()
        planet.sources = [{"url": server.url("/new")}]
        report = planet.run(later=2 * DAY)
        assert report.notes == ()
        assert server.log[-1].status == 304
    assert planet.ids() == before
    assert len(before) == 4


# --- Trouble --------------------------------------------------------------------------------------------------------


def test_every_source_fails_for_itself(planet: Planet) -> None:
    planet.fetch["timeout"] = "60s"
    good = rss([STORY | {"date": NOON - DAY}])
    with Server("0.0.0.0") as server:
        server.put("/good", good)
        server.hang("/hang")
        own = {"hang": {"timeout": "1s"}}  # the others have time, however slow the machine is
        server.put("/500", b"oops", status=500)
        server.put("/html", b"<!DOCTYPE html><html><head><title>Hello</title></head><body><p>A page</p></body></html>")
        server.put("/broken", b"<rss><channel><title>x</title><item><title>y</broken")
        server.put("/torn", good[: good.index(b"</item>") + 7])
        for number, path in enumerate(("good", "hang", "500", "html", "broken", "torn", "missing"), start=2):
            planet.feed(server.url(f"/{path}", host=f"127.0.0.{number}"), category=path, **own.get(path, {}))
        planet.sources.append({"kind": "seed", "path": "not/there"})
        planet.sources.append({"url": "http://127.0.0.1:9/closed"})
        planet.seeds()
        planet.post("a.md", title="Post", date="2026-03-01")
        start = time.monotonic()
        report = planet.run()
        assert time.monotonic() - start < 25, "one second for what hangs"
    failures = {outcome.source.key.rpartition("/")[2]: outcome.error for outcome in report.failed}
    assert {name: error.split(":")[0] for name, error in failures.items() if name != "broken"} == {
        "hang": "timeout",
        "500": "http 500",
        "html": "not a feed",
        "missing": "http 404",
        "there": "missing folder",
        "closed": "refused",
    }
    assert all("\n" not in error and len(error) < 300 for error in failures.values())
    assert "A story" in planet.titles("good/rss.xml")
    assert "A story" in planet.titles("torn/rss.xml"), "what can be read of a torn feed comes in"
    assert any("/torn" in warning for outcome in report.outcomes for warning in outcome.warnings)
    assert {"A story", "Post"} <= set(planet.titles())


def test_a_failing_source_is_asked_less_and_less_and_recovers(planet: Planet) -> None:
    with Server() as server:
        server.put("/1", b"", status=500)
        planet.feed(server.url("/1"))
        waits: list[timedelta] = []
        for _ in range(3):
            report = planet.run(later=waits[-1] if waits else 0 * HOUR)
            next_visit = report.outcomes[0].next_visit
            assert next_visit
            waits.append(next_visit - planet.now)
        assert [round(wait / HOUR, 1) for wait in waits] == [1, 2, 4]
        (outcome,) = planet.run(force=True).outcomes
        assert outcome.next_visit
        assert round((outcome.next_visit - planet.now) / HOUR, 1) == 4, "before its time, so it counts for nothing"
        server.put("/1", rss([STORY]))
        assert not planet.run(force=True).failed
    assert planet.titles() == ["A story"]


def test_the_exit_code_tells_nothing_done_from_a_failing_source(planet: Planet) -> None:
    with Server() as server:
        server.put("/good", rss([STORY]))
        planet.feed(server.url("/good"))
        planet.feed(server.url("/bad"), interval="1s")
        assert not planet.run().nothing_done
        report = planet.run(later=timedelta(minutes=5))
        assert (len(report.failed), len(report.skipped), report.nothing_done) == (1, 1, False)
        planet.sources = planet.sources[1:]
        assert planet.run(later=timedelta(minutes=5)).nothing_done


def test_output_that_cannot_be_written_is_said_and_made_up_for(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="Post", categories=["a"])
    (planet.root / "feeds").mkdir()
    (planet.root / "feeds" / "a").write_text("a file where a folder should be")
    report = planet.run()
    assert [line.partition(": ")[0].partition("feeds/")[2] for line in report.published.problems] == [
        "a/rss.xml",
        "a/atom.xml",
    ]
    assert report.published.failed == 1
    assert planet.titles() == ["Post"]
    (planet.root / "feeds" / "a").unlink()
    assert not planet.run(later=HOUR).published.problems
    assert planet.titles("a/atom.xml") == ["Post"]


def test_a_file_where_the_output_should_be_is_said_before_anybody_is_asked(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="Post")
    (planet.root / "feeds").write_text("mine")
    done = once(planet)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"site.output: {planet.root}/feeds is no folder; mend that" in done.stderr
    planet.site["output"] = "feeds/below"
    with pytest.raises(ConfigError, match="feeds is no folder"):
        planet.run()
    assert not list(planet.root.rglob("*.db"))


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_a_signal_ends_is_in_the_log_of_runs(
    planet: Planet, server: Server, sign: signal.Signals, code: int
) -> None:
    server.put("/fast", rss([{"guid": "1", "title": "One"}]))
    server.hang("/slow")
    planet.feed(server.url("/fast", "127.0.0.1"))
    planet.feed(server.url("/slow", "127.0.0.2"), timeout="60s")
    with started(planet) as process:
        until(lambda: {"/fast", "/slow"} <= {request.path for request in server.log})
        time.sleep(0.5)  # for the answer, which is to be saved
        process.send_signal(sign)
        assert process.wait(10) == code
    with looking(planet.load().store) as db:
        run = history.last_run(db)
    assert run and (run.by, run.visits, run.new, run.written) == ("once", 1, 1, 0)
    assert run.problems == "it was ended by a signal"
    planet.now = datetime.now(UTC)
    server.put("/slow", rss([{"guid": "2", "title": "Two"}]))
    planet.run()
    assert "One" in planet.titles()


def test_a_lost_output_folder_is_written_again_with_the_same_bytes(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="Post", categories=["a"])
    planet.run()
    before = planet.files()
    shutil.rmtree(planet.root / "feeds")
    planet.run(later=DAY)
    assert planet.files() == before


# --- The same bytes -------------------------------------------------------------------------------------------------


def test_the_order_of_sources_and_items_changes_no_byte(tmp_path: Path) -> None:
    stories = [
        {"guid": f"g{n % 5}", "title": f"T{n}", "link": f"https://n.example/{n % 7}", "description": f"{n} " * 30}
        | ({"date": NOON - n % 3 * DAY} if n % 4 else {})
        for n in range(20)
    ]
    found = []
    with Server("0.0.0.0") as server:
        for turn in (1, -1):
            planet = Planet(tmp_path / str(turn))
            planet.root.mkdir()
            for number in range(2, 6)[::turn]:
                server.put(f"/{number}", rss(stories[number : number + 9][::turn]))
                planet.feed(server.url(f"/{number}", host=f"127.0.0.{number}"), category=f"c{number % 2}")
            planet.run()
            found.append(planet.files())
    assert found[0] == found[1]
    dates = [entry.published_parsed for entry in planet.published().entries]
    assert dates == sorted(dates, reverse=True)
    assert sorted(planet.titles()) == sorted(f"T{number}" for number in range(2, 14))


@pytest.mark.sqlite_alone
@pytest.mark.parametrize("surroundings", [{"TZ": "Asia/Kathmandu"}, {"LC_ALL": "C"}, {"PYTHONHASHSEED": "7"}])
def test_time_zone_locale_and_hash_seed_change_no_byte(planet: Planet, surroundings: dict[str, str]) -> None:
    planet.seeds()
    planet.post("a.md", title="Ünï", date="2026-03-01 10:00", categories=[["a"], ["b", "c"]], tags=["x", "y", "z"])
    planet.post("b.md", title="二", date="2026-03-02", categories=["新"])
    planet.run()
    before = planet.files()
    (planet.root / "var" / "aggregator.db").rename(planet.root / "kept.db")
    shutil.rmtree(planet.root / "feeds")
    (planet.root / "kept.db").rename(planet.root / "var" / "aggregator.db")
    command = [sys.executable, "-m", "aggregator", "once"]
    done = subprocess.run(command, cwd=planet.root, env=os.environ | surroundings, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert planet.files() == before
