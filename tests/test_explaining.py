"""`aggregator explain` and `aggregator preview`: everything about an entry, and what a source would yield."""

import json
from datetime import timedelta

import pytest

from aggregator import cli, explaining, previewing, report
from aggregator.errors import AggregatorError
from aggregator.explaining import Explanation
from tests.planet import NOON, Planet, rss
from tests.server import Server

pytestmark = pytest.mark.both_stores

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
A, B = "127.0.0.7", "127.0.0.8"
LINK = "https://a.example/story?id=1"


def entry(title: str = "A story", **more: object) -> dict[str, object]:
    return {"title": title, "guid": "urn:a:1", "link": LINK, "date": NOON - DAY, "description": "Words.", **more}


def lines(found: tuple[Explanation, ...], about: str) -> list[str]:
    assert len(found) == 1
    return [line for label, line in found[0].lines if label == about]


def explain(planet: Planet, wanted: str) -> tuple[Explanation, ...]:
    return explaining.explain(planet.load(), wanted)[0]


@pytest.fixture
def two(planet: Planet, server: Server) -> Planet:
    """A planet with one story in two feeds, one of them in a category."""
    server.put("/a", rss([entry(), entry("Another", guid="urn:a:2", link="https://a.example/2")], title="Feed A"))
    server.put("/b", rss([entry(guid="b-1", link=LINK + "&utm_source=b")], title="Feed B"))
    planet.feed(server.url("/a", host=A), category="tech/news", priority=1)
    planet.feed(server.url("/b", host=B))
    planet.run()
    return planet


@pytest.mark.parametrize("wanted", ["urn:a:1", LINK, LINK + "&utm_medium=x#top", "b-1", "a STORY", "story"])
def test_an_entry_is_found_by_whatever_names_it(two: Planet, wanted: str) -> None:
    (found,) = explain(two, wanted)
    assert (found.title, found.values["id"]) == ("A story", "urn:a:1")


def test_all_that_is_told_of_a_story(two: Planet) -> None:
    found = explain(two, LINK)
    assert lines(found, "id") == ["urn:a:1"]
    assert lines(found, "copy") == [
        f"Feed A: {LINK}; first seen 2026-03-14 12:00 UTC; the copy that is shown",
        f"Feed B: {LINK}&utm_source=b; first seen 2026-03-14 12:00 UTC; merged into the copy that is shown",
    ]
    assert lines(found, "dates") == [
        "published 2026-03-13 12:00 UTC: as upstream says",
        "updated 2026-03-13 12:00 UTC: its words never changed",
    ]
    assert "guid:urn:a:1" in lines(found, "known by")
    assert "link:a.example/story?id=1" in lines(found, "known by")
    assert lines(found, "feed") == [
        "(everything): entry 1 of 2",
        "tech: entry 1 of 2",
        "tech / news: entry 1 of 2",
    ] or lines(found, "feed")[0].startswith("(everything): entry ")
    assert [copy["source"] for copy in found[0].values["copies"]] == [each["url"] for each in two.sources]


def test_the_date_of_a_story_is_that_of_its_first_copy(planet: Planet, server: Server) -> None:
    server.put("/b", rss([entry(guid="b-1", date=NOON - 2 * DAY)], title="Feed B"))
    server.put("/a", rss([], title="Feed A"))
    planet.feed(server.url("/a", host=A), priority=1, unvalidated="1h")
    planet.feed(server.url("/b", host=B))
    planet.run()
    server.put("/a", rss([entry()], title="Feed A"))
    planet.run(later=2 * HOUR)
    assert planet.published().entries[0].published.startswith("2026-03-12T12:00:00")
    assert lines(explain(planet, LINK), "dates")[0] == (
        "published 2026-03-12 12:00 UTC: the date of the copy that came first, in Feed B"
    )


def test_nothing_is_known(two: Planet) -> None:
    with pytest.raises(AggregatorError, match=r"^nothing is known of no such words; write its URL"):
        explain(two, "no such words")
    with pytest.raises(AggregatorError, match=r"/a was read last 2026-03-14 12:00 UTC and did not list it"):
        explain(two, two.sources[0]["url"].replace("/a", "/other"))


def test_why_a_feed_that_failed_did_not_bring_it(planet: Planet, server: Server) -> None:
    planet.feed(server.url("/gone", host=A))
    planet.run()
    with pytest.raises(AggregatorError, match=r"failed at the last visit \(http 404: "):
        explain(planet, server.url("/post", host=A))


def test_a_rule_that_excludes_and_one_that_changes(planet: Planet, server: Server) -> None:
    server.put("/a", rss([entry("An ad"), entry("Good", guid="urn:a:2", link="https://a.example/2")], title="Feed A"))
    rules = [{"exclude": {"title": "ad"}}, {"title": "{source}: {title}"}]
    planet.feed(server.url("/a", host=A), rule=rules)
    planet.run()
    assert planet.titles() == ["Feed A: Good"]
    assert lines(explain(planet, "urn:a:1"), "copy")[0].endswith("a rule excludes it")
    assert any("`ad`" in line and "source rule 1" in line for line in lines(explain(planet, "urn:a:1"), "rules"))
    assert lines(explain(planet, "urn:a:1"), "feed") == []
    assert any("source rule 2" in line for line in lines(explain(planet, "urn:a:2"), "rules"))


def test_why_it_is_dated_so(planet: Planet, server: Server) -> None:
    ahead, undated = entry("Ahead", date=NOON + DAY), entry("Undated", guid="urn:a:2", link="https://a.example/2")
    del undated["date"]
    moving = entry("Moving", guid="urn:a:3", link="https://a.example/3")
    server.put("/a", rss([ahead, undated, moving]))
    planet.feed(server.url("/a", host=A), unvalidated="1h")
    planet.run()
    server.put("/a", rss([ahead, undated, moving | {"date": NOON, "description": "Other words."}]))
    planet.run(later=2 * HOUR)
    seen = "published 2026-03-14 12:00 UTC: "
    assert lines(explain(planet, "urn:a:1"), "dates")[0].startswith(
        seen + "upstream says 2026-03-15 12:00 UTC, which lay"
    )
    assert lines(explain(planet, "urn:a:2"), "dates")[0] == seen + "upstream gave no date, so when it was first seen"
    dated, updated = lines(explain(planet, "urn:a:3"), "dates")
    assert dated == (
        "published 2026-03-13 12:00 UTC: fixed when it was first seen; upstream now says 2026-03-14 12:00 UTC"
    )
    assert updated.endswith("its words changed once, last 2026-03-14 14:00 UTC")


def test_a_post_by_its_path(planet: Planet, monkeypatch: pytest.MonkeyPatch) -> None:
    planet.seeds()
    path = planet.post("deep/a.md", title="Mine", date="2026-03-01T10:00:00Z")
    planet.run()
    monkeypatch.chdir(planet.root)
    for wanted in (str(path), "seeds/deep/a.md", "deep/a.md"):
        assert lines(explain(planet, wanted), "copy")[0].startswith("Planet Test: deep/a.md; ") or wanted
        assert explain(planet, wanted)[0].title == "Mine"


def test_a_removed_post_and_one_that_waits(planet: Planet) -> None:
    planet.seeds()
    gone = planet.post("a.md", "Gone text.", title="Gone", date="2026-03-01T10:00:00Z")
    planet.post("b.md", "Later text.", title="Later", date="2026-04-01T10:00:00Z")
    planet.run()
    gone.unlink()
    planet.run(later=HOUR)
    assert lines(explain(planet, "Gone"), "copy")[0].endswith("removed 2026-03-14 13:00 UTC: file gone")
    assert lines(explain(planet, "Later"), "copy")[0].endswith("waits for 2026-04-01 10:00 UTC")


def test_an_entry_that_is_no_longer_among_the_newest(planet: Planet, server: Server) -> None:
    planet.site["items"] = 1
    server.put("/a", rss([entry("Old"), entry("New", guid="urn:a:2", link="https://a.example/2", date=NOON)]))
    planet.feed(server.url("/a", host=A))
    planet.run()
    assert lines(explain(planet, "Old"), "feed") == ["(everything): no longer among its newest 1 entries"]
    planet.site["archive"] = 1
    planet.run()
    assert lines(explain(planet, "Old"), "feed") == ["(everything): in archive 1"]


@pytest.mark.parametrize(("wish", "why"), [("keep", "retention"), ("first_import", "first import")])
def test_an_entry_that_was_removed_for_good(planet: Planet, server: Server, wish: str, why: str) -> None:
    server.put("/a", rss([entry("Old"), entry("New", guid="urn:a:2", date=NOON)], title="Feed A"))
    planet.feed(server.url("/a", host=A), **{wish: 1})
    planet.run()
    found = explain(planet, "Old")
    assert lines(found, "copy") == [
        f"Feed A: its text is kept no longer; first seen 2026-03-14 12:00 UTC; removed 2026-03-14 12:00 UTC: {why}"
    ]
    assert lines(found, "dates")[0] == "published 2026-03-13 12:00 UTC: as it was when it was removed"


def test_an_entry_that_is_one_too_many_of_its_source(planet: Planet, server: Server) -> None:
    planet.site["max_per_source"] = 1
    server.put("/a", rss([entry("Old"), entry("New", guid="urn:a:2", link="https://a.example/2", date=NOON)]))
    planet.feed(server.url("/a", host=A))
    planet.run()
    assert lines(explain(planet, "Old"), "feed") == ["(everything): not among the newest 1 of its source"]
    assert lines(explain(planet, "New"), "feed") == ["(everything): entry 1 of 1"]


def test_a_page_of_the_same_path_at_another_host_is_another(two: Planet) -> None:
    with pytest.raises(AggregatorError, match=r"nothing is known of https://other\.example/story\?id=1"):
        explain(two, "https://other.example/story?id=1")


def test_on_the_command_line(two: Planet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(two.root)
    cli.cli.main(["explain", "a", "story"], standalone_mode=False)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "A story"
    assert out[1].split() == ["id", "urn:a:1"]
    cli.cli.main(["explain", "--json", "a", "story"], standalone_mode=False)
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["id"], len(told["copies"]), ["tech", "news"] in told["feeds"]) == ("urn:a:1", 2, True)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_how_many_more_there_are_is_said(
    planet: Planet,
    server: Server,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str],
) -> None:
    server.put("/a", rss([entry(f"Post {n}", guid=f"urn:a:{n}", link=f"https://a.example/{n}") for n in range(7)]))
    planet.feed(server.url("/a", host=A))
    planet.run()
    monkeypatch.chdir(planet.root)
    cli.cli.main(["explain", *options, "post"], standalone_mode=False)
    assert capsys.readouterr().err == "2 more of that name; write more of it\n"
    cli.cli.main(["explain", *options, "post", "3"], standalone_mode=False)
    assert capsys.readouterr().err == ""


# --- Preview --------------------------------------------------------------------------------------------------------


def test_what_a_source_yields(two: Planet, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    two.sources[0]["rule"] = [{"exclude": {"title": "another"}}]
    before = two.files()
    found = previewing.preview(two.load(), "/a", two.now)
    report.show_preview(found)
    head, *out = capsys.readouterr().out.splitlines()
    assert head == f"Feed A  {two.sources[0]['url']}"
    assert out[0].split() == ["published", "title", "category", "what", "becomes", "of", "it"]
    assert out[1].split() == ["2026-03-13", "A", "story", "tech", "/", "news", "is", "in", "already"]
    assert "`another`" in out[2]
    values = previewing.as_json(found)
    assert [(each["item"]["title"], each["excluded"]) for each in values["items"]] == [
        ("A story", False),
        ("Another", True),
    ]
    assert two.files() == before
    assert "if-none-match" not in server.log[-1].headers


def test_a_feed_that_is_not_in_the_config(planet: Planet, server: Server) -> None:
    server.put("/new", rss([entry()]))
    planet.seeds()
    found = previewing.preview(planet.load(), server.url("/new", host=A), planet.now)
    assert [item.title for item, _, _ in found.items] == ["A story"]
    assert not (planet.root / "feeds").exists()


def test_posts(planet: Planet) -> None:
    planet.seeds()
    planet.post("a.md", title="Mine", date="2026-03-01")
    found = previewing.preview(planet.load(), "seed:seeds", planet.now)
    assert [item.title for item, _, _ in found.items] == ["Mine"]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("127.0.0", "may be any of http://127.0.0.7:"),
        ("nothing", 'there is no source "nothing"; see `aggregator list sources'),
    ],
)
def test_a_source_that_is_not_clear(two: Planet, wanted: str, says: str) -> None:
    with pytest.raises(AggregatorError, match=says):
        previewing.preview(two.load(), wanted, two.now)


@pytest.mark.parametrize("wanted", ["Feed A", "feed a", "127.0.0.7"])
def test_a_source_goes_by_the_title_of_its_feed(two: Planet, wanted: str) -> None:
    assert previewing.preview(two.load(), wanted, two.now).visit.source.key == two.sources[0]["url"]


def test_a_whole_address_means_itself(two: Planet, server: Server) -> None:
    server.put("/", rss([entry("Home")]))
    found = previewing.preview(two.load(), server.url("/", host=A), two.now)
    assert [item.title for item, _, _ in found.items] == ["Home"]


def test_a_source_that_fails(planet: Planet, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    planet.feed(server.url("/gone", host=A))
    found = previewing.preview(planet.load(), "/gone", planet.now)
    assert found.visit.error.startswith("http 404: ")
    assert found.items == ()
    report.show_preview(found)
    out, err = capsys.readouterr()
    assert (out, err.startswith("failed  http 404: ")) == ("", True)


@pytest.mark.parametrize("mode", ["auto", "link"])
def test_a_preview_tells_what_is_in_from_what_comes_in(
    planet: Planet, server: Server, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    first = {"guid": "g1", "title": "First", "link": "https://news.example/1"}
    server.put("/feed", rss([first]))
    planet.feed(server.url("/feed", host=A), identity=mode)
    planet.run()
    edited = {**first, "title": "First, edited"}
    server.put("/feed", rss([edited, {"guid": "g2", "title": "Second", "link": "https://news.example/2"}]))
    made = previewing.preview(planet.load(), server.url("/feed", host=A), planet.now)
    report.show_preview(made)
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines() if "irst" in line or "Second" in line]
    assert [line[-1].strip() for line in lines] == ["is in already", "comes in"]
    assert [each["known"] for each in previewing.as_json(made)["items"]] == [True, False]


def test_warnings_of_a_preview(planet: Planet, capsys: pytest.CaptureFixture[str]) -> None:
    planet.seeds()
    planet.post("a.md", title="Mine", date="no date")
    report.show_preview(previewing.preview(planet.load(), "seeds", planet.now))
    assert capsys.readouterr().err.startswith("warning seeds/a.md:3: date")
