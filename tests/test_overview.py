"""The planet as a whole, as pages and OPML show it: what the public may see of sources, and that it holds still."""

from datetime import timedelta

import pytest
from lxml import html as lxml_html

from aggregator import composing
from aggregator.model import Category, Overview
from aggregator.overview import Scene, lineage, of, print_of, scene
from aggregator.placing import published
from aggregator.store.channels import Place
from tests.planet import NOON, Planet, rss
from tests.server import Response, Server

pytestmark = pytest.mark.both_stores

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def rows(planet: Planet) -> dict[str, str]:
    """The lines of the page of sources, by the source's title."""
    page = lxml_html.document_fromstring(planet.files()["sources.html"])
    found = {}
    for row in page.iter("tr"):
        title, *rest = (" ".join("".join(map(str, cell.itertext())).split()) for cell in row)
        found[title.split()[0]] = " | ".join(rest)
    return {title: said for title, said in found.items() if title != "Source"}


@pytest.fixture
def shown(planet: Planet) -> Planet:
    planet.site["formats"] = ["rss", "html", "opml"]
    planet.fetch |= {
        "unvalidated": "1h",
        "interval": "1h",
        "backoff_cap": "1h",
        "gone_after": "0s",
        "refused_wait": "1h",
    }
    return planet


def test_how_sources_stand(shown: Planet, server: Server) -> None:
    for name in ("Good", "Bad", "Over"):
        entries = [{"title": "One", "guid": "https://a.example/1", "date": NOON - DAY}] if name == "Good" else []
        server.put(f"/{name}", rss(entries, title=name))
        shown.feed(server.url(f"/{name}", host="127.0.0.2"), title=name, category="news")
    shown.seeds(title="Own")
    shown.post("1.md", title="Post", date=str(NOON - 2 * DAY))
    shown.run()
    assert rows(shown) == {
        "Good": "Works | March 13, 2026 | 1",
        "Bad": "Works |  | 0",
        "Over": "Works |  | 0",
        "Own": "Works | March 12, 2026 | 1",
    }
    server.script("/Bad", lambda request: Response(status=404, body=b"secret of the server"))
    server.script("/Over", lambda request: Response(status=410))
    before = shown.files()
    shown.run(later=2 * HOUR)
    assert shown.files() == before, "one failure is no news"
    for _ in range(2):
        shown.run(later=2 * HOUR, force=True)
    after = rows(shown)
    assert after["Bad"] == "Failing since March 14, 2026 http 404 |  | 0"
    assert after["Over"].startswith("Gone since March 14, 2026")
    failing = shown.files()
    for _ in range(3):
        shown.run(later=2 * DAY, force=True)
    assert shown.files() == failing, "nothing moves by a visit without news"
    assert b"secret" not in failing["sources.html"]


def test_a_copy_that_looks_the_same_is_counted_at_once(shown: Planet, server: Server) -> None:
    one, other = ({"title": name, "guid": f"https://a.example/{name}", "date": NOON - DAY} for name in ("One", "Other"))
    for name, entries in (("A", [one]), ("B", [other])):
        server.put(f"/{name}", rss(entries, title=name))
        shown.feed(server.url(f"/{name}", host=f"127.0.0.{2 + (name == 'B')}"), title=name)
    shown.run()
    server.put("/B", rss([one, other], title="B"))
    report = shown.run(later=2 * HOUR)
    assert rows(shown)["B"] == "Works | March 13, 2026 | 2"
    assert list(report.published.written) == ["sources.html"]


def test_passwords_are_nowhere(shown: Planet, server: Server) -> None:
    server.put("/feed", rss([{"title": "One", "guid": "1"}]))
    shown.feed(server.url("/feed", host="127.0.0.2").replace("//", "//me:word@"), category="news")
    shown.run()
    assert rows(shown)
    for path, data in shown.files().items():
        assert b"word" not in data or path.endswith(".css"), path


def test_a_source_that_is_added_or_leaves_is_listed_or_not(shown: Planet, server: Server) -> None:
    for name in "ab":
        server.put(f"/{name}", rss([{"title": name, "guid": f"https://x.example/{name}", "date": NOON}], title=name))
    shown.feed(server.url("/a", host="127.0.0.2"), category="news")
    shown.run()
    assert shown.files()["subscriptions.opml"].count(b"xmlUrl") == 1
    dated = shown.files()["subscriptions.opml"]
    shown.feed(server.url("/b", host="127.0.0.2"), category="news")
    shown.run(later=DAY)
    assert shown.files()["subscriptions.opml"].count(b"xmlUrl") == 2
    assert b"Sat, 14 Mar 2026" in dated
    assert b"Sun, 15 Mar 2026" in shown.files()["subscriptions.opml"]
    shown.sources.pop(0)
    shown.run(later=DAY)
    assert shown.files()["subscriptions.opml"].count(b"xmlUrl") == 1


def test_readers_of_feeds_are_given_a_style(shown: Planet) -> None:
    shown.seeds()
    shown.post("1.md", title="Post", date=str(NOON), categories=["tech"])
    shown.run()
    told = b'<?xml-stylesheet type="text/css" href="../feed.css"?>'
    assert told in shown.files()["tech/rss.xml"]
    assert told.replace(b"../", b"") in shown.files()["rss.xml"]
    shown.site["formats"] = ["rss"]
    shown.run(later=HOUR)
    assert told not in shown.files()["tech/rss.xml"]


def test_a_category_that_is_written_as_an_alias(shown: Planet) -> None:
    shown.sources = [{"url": "https://alias.example/feed", "category": "tech"}]
    shown.categories = [{"path": "Technology", "aliases": ["tech"]}]
    shown.fetch["allow_networks"] = []
    shown.run()
    assert b'category="/Technology"' in shown.files()["subscriptions.opml"]


# --- Which categories a channel shows ---------------------------------------------------------------------------------

PATHS = [(), ("a",), ("a", "b"), ("a", "b", "c"), ("a", "x"), ("z",), ("z", "y")]


def made(planet: Planet, *paths: tuple[str, ...], **titles: str) -> Scene:
    config = planet.load()
    places = [Place(n, path, "/".join(path), NOON, 0, "", "", is_empty=False) for n, path in enumerate(paths)]
    return scene(composing.planet(config, "tag:x,2026:", places), published(config, places), {})


def test_without_a_format_that_shows_it_nobody_asks_how_sources_stand(planet: Planet) -> None:
    planet.site["formats"] = ["rss", "atom"]
    planet.feed("https://a.example/feed")
    bare = made(planet, (), ("a",))
    assert (bare.all, bare.keys, bare.overview.sources) == ("", {}, ())
    assert [each.path for each in bare.overview.categories] == [(), ("a",)], "archives and feeds name these"


def paths(overview: Overview) -> list[tuple[str, ...]]:
    def path(category: Category) -> tuple[str, ...]:
        return category.path

    return list(map(path, overview.categories))


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        (("a",), [(), ("a",), ("a", "b"), ("a", "x"), ("z",)]),
        (("a", "b"), [(), ("a",), ("a", "b"), ("a", "b", "c"), ("a", "x"), ("z",)]),
        (("z", "y"), [(), ("a",), ("z",), ("z", "y")]),
    ],
)
def test_a_channel_shows_what_is_near(shown: Planet, path: tuple[str, ...], seen: list[tuple[str, ...]]) -> None:
    before = made(shown, *PATHS)
    assert paths(of(before, path)) == seen
    assert paths(lineage(before, path)) == [path[:depth] for depth in range(len(path) + 1)]
    for new in [
        ("n",),
        ("a", "n"),
        ("a", "b", "n"),
        ("a", "b", "c", "n"),
        ("z", "n"),
        ("z", "y", "n"),
        ("a", "x", "n"),
    ]:
        after = made(shown, *PATHS, new)
        same = paths(of(after, path)) == seen
        assert (print_of(after, path) == print_of(before, path)) is same, new
        assert print_of(after, ()) != print_of(before, ())


def test_without_a_format_that_shows_it_nothing_depends_on_it(planet: Planet) -> None:
    assert {print_of(made(planet, *some), ()) for some in (PATHS, PATHS[:3])} == {""}
