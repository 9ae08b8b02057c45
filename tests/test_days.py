"""Dates from end to end: days without a clock, zones of sources, dates that are none, and that no date moves again."""

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from aggregator import listing, previewing, report
from aggregator.identity import decide
from aggregator.model import Document, Item
from aggregator.sources import feed as feeds
from aggregator.sources import seed as posts
from tests import build
from tests.planet import NOON, Planet, rss
from tests.server import Server

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
URL = "https://news.example/feed.xml"


def in_feed(kind: str, dates: Sequence[str], zone: str = "UTC") -> list[Item]:
    """The items of a feed whose entries have these dates, "" for none."""
    if kind == "json":
        entries = [{"id": str(n), "date_published": date} for n, date in enumerate(dates)]
        body = json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": entries})
    elif kind == "atom":
        inner = (f"<id>x:{n}</id><title>T</title><published>{date}</published>" for n, date in enumerate(dates))
        entries_xml = "".join(f"<entry>{each}<updated>2024-06-01T08:00:00Z</updated></entry>" for each in inner)
        body = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title>{entries_xml}</feed>'
    else:
        name = {"rss": "pubDate", "dc": "dc:date"}[kind]
        items = "".join(f"<item><guid>{n}</guid><{name}>{date}</{name}></item>" for n, date in enumerate(dates))
        body = f'<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>{items}</channel></rss>'
    document = Document(name=URL, url=URL, body=body.encode())
    return list(feeds.read(document, build.source(URL, options=feeds.Options(URL), zone=zone)).items)


def in_post(front: str, name: str = "post.md", zone: str = "UTC") -> Item:
    """The item of a post."""
    source = build.source("seeds", "seed", options=posts.Options("seeds"), zone=zone)
    (item,) = posts.read(Document(name=name, url=name, body=f"{front}\n\nText.\n".encode()), source).items
    return item


# --- A day without a clock ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rss", "dc", "atom", "json"])
@pytest.mark.parametrize(
    ("dates", "days"),
    [
        (["2024-05-01"], [True]),
        (["2024-05-01", "2024-05-02T00:00:00Z", "2024-05-02T10:00:00Z"], [True, False, False]),
        (["2024-05-01T00:00:00Z", "2024-05-02T00:00:00Z"], [False, False]),  # two may be chance
        (["2024-05-01T00:00:00Z"] * 3, [False] * 3),  # and so may one day be
        (["2024-05-01T00:00:00Z", "2024-05-02T00:00:00+02:00", "2024-05-03T00:00:00-08:00"], [True] * 3),
        (["2024-05-01T00:00:00Z", "2024-05-02T00:00:00Z", "", "2024-05-03"], [True, True, False, True]),
        (["2024-05-01T00:00:00Z", "2024-05-02T00:00:00Z", "2024-05-03T00:00:01Z"], [False] * 3),
        (["1970-01-01", "2024-02-30", ""], [False] * 3),
    ],
)
def test_the_days_of_feeds(kind: str, dates: list[str], days: list[bool]) -> None:
    assert [item.day_only for item in in_feed(kind, dates)] == days


def test_midnight_in_the_zone_of_the_source() -> None:
    """RSSHub writes all dates in GMT, whatever the site means."""
    dates = [f"Wed, {day:02} May 2024 16:00:00 GMT" for day in (1, 2, 3)]
    assert {item.day_only for item in in_feed("rss", dates, "Asia/Shanghai")} == {True}
    assert {item.day_only for item in in_feed("rss", dates)} == {False}


@pytest.mark.parametrize(
    ("front", "name", "day_only"),
    [
        ("---\ndate: 2024-05-01\n---", "post.md", True),
        ("---\ndate: '2024-05-01'\n---", "post.md", True),
        ("---\ndate: 2024-05-01 00:00:00\n---", "post.md", False),
        ("---\ndate: 2024-05-01T00:00:00Z\n---", "post.md", False),
        ("+++\ndate = 2024-05-01\n+++", "post.md", True),
        ("+++\ndate = 2024-05-01T00:00:00\n+++", "post.md", False),
        ('{"date": "2024-05-01"}', "post.md", True),
        ("---\ntitle: T\n---", "2024-05-01-post.md", True),
        ("---\ndate: 2024-05-02 08:00\n---", "2024-05-01-post.md", False),
        ("---\ndate: soon\n---", "2024-05-01-post.md", True),
        ("---\ntitle: T\n---", "post.md", False),
    ],
)
def test_the_days_of_posts(front: str, name: str, day_only: bool) -> None:
    assert in_post(front, name).day_only is day_only


# --- Zones, and dates that are none ---------------------------------------------------------------------------------

LOCAL = "2024-05-01 10:00"


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("UTC", "2024-05-01T10:00"),
        ("Asia/Shanghai", "2024-05-01T02:00"),
        ("Europe/Berlin", "2024-05-01T08:00"),  # in summer
        ("America/St_Johns", "2024-05-01T12:30"),
    ],
)
def test_naive_dates_are_in_the_zone_of_their_source(zone: str, moment: str) -> None:
    wanted = datetime.fromisoformat(f"{moment}Z")
    found = [in_feed(kind, [LOCAL], zone)[0].published for kind in ("rss", "dc", "atom", "json")]
    assert [*found, in_post(f"---\ndate: {LOCAL}\n---", zone=zone).published] == [wanted] * 5
    sure = [in_feed(kind, [f"{LOCAL}Z"], zone)[0].published for kind in ("rss", "dc", "atom", "json")]
    assert sure == [datetime(2024, 5, 1, 10, tzinfo=UTC)] * 4, "what says its zone is left alone"


IMPOSSIBLE = (
    *("0001-01-01T00:00:00Z", "Mon, 01 Jan 0001 00:00:00 +0000", "0000-00-00 00:00:00", "0", "-1"),
    *("1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT", "1969-12-31T23:59:59Z", "1989-12-31"),
    *("2024-02-30T10:00:00Z", "Fri, 30 Feb 2024 10:00:00 GMT", "Thu, 31 Jun 2024 10:00:00 GMT", "2024-13-01"),
    *("2024-05-01T25:00:00Z", "Wed, 01 May 2024 10:61:00 GMT", "9999-12-31T23:59:59Z", "Wed, 32 May 2024 10:00 GMT"),
    *("yesterday", "5 minutes ago", "Invalid Date", "{{ date }}"),
)


@pytest.mark.parametrize("date", IMPOSSIBLE)
def test_impossible_dates_are_no_dates(date: str) -> None:
    """Nor are they made into one: feedparser would."""
    found = {kind: in_feed(kind, [date])[0].published for kind in ("rss", "atom", "json")}
    assert {**found, "post": in_post(f"---\ndate: {date}\n---").published} == dict.fromkeys([*found, "post"])


# --- The days that people are shown ---------------------------------------------------------------------------------


@pytest.fixture
def shanghai(planet: Planet) -> Planet:
    """A planet with posts of its own, one of a clock and one of a day, and archives."""
    planet.site |= {"timezone": "Asia/Shanghai", "language": "zh-CN", "formats": ["atom", "html"]}
    planet.site |= {"items": 1, "archive": 1}
    planet.seeds()
    planet.post("clock.md", title="Clock", date="2026-03-12 06:30")
    planet.post("day.md", title="Day", date="2026-03-11")
    planet.run(later=timedelta(hours=3))  # the day's clock is past noon in UTC, and before midnight in Shanghai
    return planet


def words(planet: Planet) -> str:
    """The pages, without what programs read."""
    return "".join(body.decode() for path, body in sorted(planet.files().items()) if path.endswith(".html"))


def test_pages_show_the_days_of_the_site(shanghai: Planet) -> None:
    assert '<time datetime="2026-03-11T22:30:00Z">2026年3月12日</time>' in words(shanghai)
    assert '<time datetime="2026-03-11T14:59:59Z">2026年3月11日</time>' in words(shanghai)
    assert "2026-03-11T22:30:00+00:00" in shanghai.files()["atom.xml"].decode()


def test_another_zone_of_the_site_is_shown_on_every_page_and_in_no_feed(shanghai: Planet) -> None:
    before = shanghai.files()
    shanghai.site["timezone"] = "UTC"
    shanghai.sources[0]["timezone"] = "Asia/Shanghai"
    shanghai.run()
    after = shanghai.files()
    assert '<time datetime="2026-03-11T22:30:00Z">2026年3月11日</time>' in words(shanghai)
    assert '<time datetime="2026-03-11T14:59:59Z">2026年3月11日</time>' in words(shanghai), "a day stays that day"
    assert {path: body for path, body in after.items() if path.endswith(".xml")} == {
        path: body for path, body in before.items() if path.endswith(".xml")
    }
    shanghai.site["timezone"] = "Asia/Shanghai"
    shanghai.run()
    assert shanghai.files() == before


@pytest.mark.parametrize("zoned", ["site", "source"])
def test_a_zone_that_alone_has_changed_is_shown_as_if_all_was_written_anew(
    planet: Planet, server: Server, zoned: str
) -> None:
    planet.site |= {"formats": ["atom", "html"], "items": 1, "archive": 1}
    server.put("/", served(["2026-03-11", "2026-03-12", "2026-03-13"]), etag=True)
    planet.feed(server.url("/", host="127.0.0.1"))
    planet.run(later=timedelta(hours=8))
    before = words(planet)
    (planet.site if zoned == "site" else planet.sources[0])["timezone"] = "Asia/Tokyo"
    planet.run()
    after = planet.files()
    assert words(planet) != before
    shutil.rmtree(planet.root / "feeds")
    planet.run()
    assert planet.files() == after


def test_terminals_show_the_days_of_the_site(shanghai: Planet, capsys: pytest.CaptureFixture[str]) -> None:
    config = shanghai.load()
    assert [row[0] for row in listing.items(config, None, None, None).rows] == ["2026-03-12", "2026-03-11"]
    report.show_preview(previewing.preview(config, "seeds", shanghai.now), config.site.timezone)
    printed = capsys.readouterr().out
    assert "2026-03-12" in printed
    assert "2026-03-11" in printed
    assert "2026-03-10" not in printed


# --- From end to end: nothing moves again ---------------------------------------------------------------------------


def served(dates: Sequence[str]) -> bytes:
    """A feed of stories 0, 1, 2 ... with these dates, as they stand."""
    return rss({"guid": str(n), "title": f"T{n}", "pubDate": date} for n, date in enumerate(dates))


def test_a_rule_on_age_goes_by_the_date_of_the_first_sight(planet: Planet, server: Server) -> None:
    planet.feed(server.url("/", host="127.0.0.1"), rule=[{"exclude": {"older": "30d"}}])
    for title, date in (("News", NOON - DAY), ("Old news", NOON - 300 * DAY)):
        server.put("/", rss([{"guid": "1", "title": title, "date": date}]))
        planet.run(force=True, later=HOUR)
    assert planet.titles() == ["Old news"]


def test_first_sight_is_the_date_of_what_has_none(planet: Planet, server: Server) -> None:
    server.put("/", served(["0001-01-01T00:00:00Z"]))
    planet.feed(server.url("/", host="127.0.0.1"))
    planet.run()
    before = planet.files()
    server.put("/", served(["Thu, 01 Jan 1970 00:00:00 GMT"]))
    planet.run(force=True, later=DAY)
    assert planet.files() == before
    assert planet.published().entries[0].published_parsed[:5] == (2026, 3, 14, 12, 0)


@pytest.mark.parametrize(
    "date",
    [
        lambda now, number: f"{now - number * HOUR:%Y-%m-%dT%H:%M:%SZ}",  # generated with the feed
        lambda now, number: f"{now + (number + 1) * HOUR:%Y-%m-%dT%H:%M:%SZ}",  # and in the future
        lambda now, number: f"{now:%Y-%m-%d}",
        lambda now, number: "" if now.day % 2 else f"{now:%Y-%m-%dT%H:%M:%SZ}",  # now and then
        lambda now, number: f"{NOON - DAY:%Y-%m-%dT}0{(now.day + number) % 7}:00:00Z",  # in turns
    ],
)
def test_dates_that_move_with_each_fetch_never_reorder(planet: Planet, server: Server, date: object) -> None:
    assert callable(date)
    planet.feed(server.url("/", host="127.0.0.1"))
    server.put("/", served([date(planet.now, number) for number in range(4)]))
    planet.run()
    before, titles = planet.files(), planet.titles()
    for _ in range(3):
        planet.now += DAY
        server.put("/", served([date(planet.now, number) for number in range(4)]))
        report = planet.run(force=True)
        assert report.published.written == ()
    assert planet.files() == before
    server.put("/", served([date(planet.now, number) for number in range(5)]))
    planet.run(force=True, later=HOUR)
    assert sorted(planet.titles()) == sorted([*titles, "T4"])
    assert [title for title in planet.titles() if title != "T4"] == titles


def test_a_clock_that_comes_later_changes_no_byte(planet: Planet, server: Server) -> None:
    """A day gets its clock, or a clock is lost: the entry is where and as it was."""
    planet.feed(server.url("/", host="127.0.0.1"))
    server.put("/", served(["2026-03-10", "2026-03-11T08:00:00Z"]))
    planet.run()
    before = planet.files()
    server.put("/", served(["2026-03-10T15:00:00Z", "2026-03-11"]))
    report = planet.run(force=True, later=DAY)
    assert report.outcomes[0].counts == {"same": 2, "waiting": 0}
    assert planet.files() == before


def test_a_day_of_23_hours_stays_that_day() -> None:
    """Summer time began in Berlin on 29 March 2026; a late first sight must not push the day into the next."""
    item = in_post("---\ndate: 2026-03-29\n---", zone="Europe/Berlin")
    (change,) = decide([item], [], datetime(2026, 4, 9, 22, 30, tzinfo=UTC), remote=False).changes
    assert change.published == datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC)
