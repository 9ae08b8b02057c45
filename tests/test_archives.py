"""Archives (RFC 5005 §4): whoever walks them meets every entry once, and what is closed stays as it is."""

import json
import random
import re
import shutil
from collections import Counter
from datetime import timedelta
from itertools import combinations, permutations
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from sqlalchemy import select, update

from aggregator.store import archives
from aggregator.store.archives import Open, to_close
from aggregator.store.engine import open_store, reading, writing
from aggregator.store.tables import archive, archived, category, story, story_category
from tests.planet import NOON, Planet, rss
from tests.server import Server

pytestmark = pytest.mark.both_stores

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ATOM = "{http://www.w3.org/2005/Atom}"
CLOSED = re.compile(r"(.*/)?archive-[0-9]+/(rss\.xml|atom\.xml|feed\.json)")


@pytest.fixture
def planet(tmp_path: Path, store: str) -> Planet:
    found = Planet(tmp_path, store)
    found.site |= {"items": 10, "archive": 7, "formats": ["rss", "atom", "json", "html"]}
    found.fetch["unvalidated"] = "1h"
    return found


def item(number: int, **more: Any) -> dict[str, Any]:
    said = {"guid": f"https://news.example/{number}", "title": f"Item {number}", "description": f"Text {number}"}
    return {**said, "date": NOON + number * timedelta(minutes=1), **more}


def read(planet: Planet, url: str) -> tuple[list[str], str]:
    """The titles of a published document, and the URL of the one before it."""
    data = (planet.root / "feeds" / unquote(url.removeprefix(planet.site["base_url"]))).read_bytes()
    if url.endswith(".json"):
        feed = json.loads(data)
        return [each["title"] for each in feed["items"]], feed.get("next_url", "")
    root = etree.fromstring(data)
    titles = root.findall(f"{ATOM}entry/{ATOM}title") or root.findall("channel/item/title")
    links = {link.get("rel"): link.get("href") for link in root.iter(f"{ATOM}link")}
    return [str(title.text) for title in titles], str(links.get("prev-archive", "") or "")


def walk(planet: Planet, name: str, folder: str = "") -> list[list[str]]:
    """The titles of each document, from the current one back."""
    documents, url = [], planet.site["base_url"] + folder + name
    while url:
        titles, url = read(planet, url)
        documents.append(titles)
    return documents


def everything(planet: Planet, folder: str = "") -> list[str]:
    """The titles that a walk meets, in each format the same."""
    rss, atom, feed = (walk(planet, name, folder) for name in ("rss.xml", "atom.xml", "feed.json"))
    assert rss == atom == feed
    return [title for document in rss for title in document]


def closed(planet: Planet) -> dict[str, bytes]:
    return {path: data for path, data in planet.files().items() if CLOSED.fullmatch(path)}


@pytest.mark.parametrize("per_source", [None, 4])
def test_a_walk_after_churn_meets_every_entry_once(planet: Planet, server: Server, per_source: int | None) -> None:
    if per_source:
        planet.site["max_per_source"] = per_source
    chance = random.Random(7)
    feeds: list[list[dict[str, Any]]] = [[], [], []]
    number = 0
    before: dict[str, bytes] = {}
    planet.seeds(category="posts")
    for n in range(len(feeds)):
        planet.feed(server.url(f"/{n}", host=f"127.0.0.{n + 2}"), category=["news", f"n{n}"])
    for turn in range(20):
        for n, feed in enumerate(feeds):
            for _ in range(chance.randrange(4)):
                number += 1
                age = chance.choice([0, 0, 0, 30, 400]) * DAY
                feed.insert(0, item(number, date=planet.now - age))
            if feed and chance.random() < 0.5:
                chance.choice(feed)["description"] = f"Edited in turn {turn}"
            server.put(f"/{n}", rss(feed[:12]), etag=True)
        if turn % 4 == 0:
            number += 1
            planet.post(f"{number}.md", title=f"Item {number}", date=str(planet.now - chance.randrange(90) * DAY))
        report = planet.run(force=True, later=HOUR)
        assert [*report.published.problems, *(outcome.error for outcome in report.failed)] == []
        after = closed(planet)
        assert {path: after.get(path) for path in before} == before
        before = after
    for folder in ("", "news/", "posts/", "news/n1/"):
        assert max(Counter(everything(planet, folder)).values()) == 1
    assert sorted(everything(planet)) == sorted(f"Item {n}" for n in range(1, number + 1))
    assert len(walk(planet, "atom.xml")) > 4
    assert planet.run(force=True, later=HOUR).published.written == ()


def test_documents_are_as_long_as_the_config_says(planet: Planet) -> None:
    planet.seeds()
    for number in range(1, 17):
        planet.post(f"{number:02}.md", title=f"Item {number}", date=str(NOON - number * DAY))
    planet.run()
    assert [len(document) for document in walk(planet, "rss.xml")] == [16]
    planet.post("17.md", title="Item 17", date=str(NOON - 17 * DAY))
    planet.run(later=HOUR)
    assert [len(document) for document in walk(planet, "rss.xml")] == [10, 7]
    planet.site["archive"] = 0
    planet.run(later=HOUR)
    assert [len(document) for document in walk(planet, "rss.xml")] == [10]
    assert not [path for path in planet.files() if "archive" in path], "they are removed, and their folders"
    assert not (planet.root / "feeds" / "archive-1").exists()
    planet.site["archive"] = 7
    planet.run(later=HOUR)
    assert [len(document) for document in walk(planet, "rss.xml")] == [10, 7]


def many(planet: Planet, until: int, start: int = 1) -> None:
    """Posts of so many days, one run a portion of seven."""
    for number in range(start, until + 1):
        planet.post(f"{number:03}.md", title=f"Item {number}", date=str(NOON - (500 - number) * DAY))
        if number % 7 == 0:
            planet.run(later=HOUR)
    planet.run(later=HOUR)


def test_pages_lead_both_ways_and_feeds_only_back(planet: Planet) -> None:
    planet.seeds()
    many(planet, 24)
    files = planet.files()
    assert b'"../index.html">' in files["archive-2/index.html"]
    assert b"../archive-2/index.html" not in files["archive-2/index.html"]
    many(planet, 31, start=25)
    after = planet.files()
    assert b"../archive-3/index.html" in after["archive-2/index.html"]
    assert b"../archive-1/index.html" in after["archive-2/index.html"]
    assert b"archive-3" not in after["archive-2/atom.xml"]
    assert {path: after[path] for path in files if CLOSED.fullmatch(path)} == closed_of(files)


def closed_of(files: dict[str, bytes]) -> dict[str, bytes]:
    return {path: data for path, data in files.items() if CLOSED.fullmatch(path)}


def test_a_post_that_is_deleted_leaves_its_archive_alone(planet: Planet) -> None:
    planet.seeds()
    many(planet, 31)
    before = closed(planet)
    gone = next(titles for titles in walk(planet, "atom.xml") if "Item 12" in titles)
    (planet.root / "seeds" / "012.md").unlink()
    planet.run(later=HOUR)
    after = closed(planet)
    changed = {path.partition("/")[0] for path in before if after[path] != before[path]}
    assert changed == {"archive-2"}
    assert sorted(everything(planet)) == sorted(f"Item {n}" for n in range(1, 32) if n != 12)
    planet.post("012.md", title="Item 12", date=str(NOON - (500 - 12) * DAY))
    planet.run(later=HOUR)
    assert next(titles for titles in walk(planet, "atom.xml") if "Item 12" in titles) == gone, "it comes back there"


def test_entries_that_change_places_are_noticed(planet: Planet) -> None:
    """As many go as come back, and the numbers that the store gave them have the same sum, the least and the most."""
    planet.site |= {"items": 1, "archive": 6, "formats": ["rss"]}
    planet.seeds()
    for number in range(1, 8):
        planet.post(f"{number:03}.md", title=f"Item {number}", date=str(NOON - number * HOUR))
    planet.run()
    store = open_store(planet.load().store)
    with reading(store) as db:
        held = select(story.c.id, story.c.published).where(story.c.id.in_(select(archived.c.story_id)))
        names = [f"{round((NOON.timestamp() - row.published) / 3600):03}.md" for row in db.execute(held.order_by("id"))]
    store.dispose()
    first, *_, last = names
    pairs = combinations(range(1, 5), 2)
    one, other = next((a, b) for a, b in permutations(pairs, 2) if sum(a) == sum(b) and not set(a) & set(b))
    texts = {name: (planet.root / "seeds" / name).read_text() for name in names}
    for some in (one, other):
        wanted = {first, last, *(names[place] for place in some)}
        for name, text in texts.items():
            (planet.root / "seeds" / name).write_text(text)
            if name not in wanted:
                (planet.root / "seeds" / name).unlink()
        planet.run(later=HOUR)
        assert sorted(walk(planet, "rss.xml")[1]) == sorted(f"Item {int(name[:3])}" for name in wanted)


def test_an_archive_whose_entries_are_all_gone_is_left_out_of_the_chain(planet: Planet) -> None:
    planet.seeds()
    many(planet, 31)
    for title in walk(planet, "rss.xml")[2]:
        (planet.root / "seeds" / f"{int(title.split()[1]):03}.md").unlink()
    planet.run(later=HOUR)
    assert [len(document) for document in walk(planet, "rss.xml")] == [10, 7, 7]
    assert {path.partition("/")[0] for path in closed(planet)} == {"archive-1", "archive-3"}
    many(planet, 45, start=32)
    assert {path.partition("/")[0] for path in closed(planet)} == {"archive-1", "archive-3", "archive-4", "archive-5"}
    assert len(everything(planet)) == len(set(everything(planet))) == 38


def test_retention_takes_from_archives(planet: Planet) -> None:
    planet.seeds(keep=20)
    many(planet, 31)
    assert sorted(everything(planet)) == sorted(f"Item {n}" for n in range(12, 32))


def test_the_site_is_called_otherwise(planet: Planet) -> None:
    planet.seeds()
    many(planet, 24)
    before = closed(planet)
    planet.site["contact"] = "https://planet.example/about"
    planet.site["gzip"] = True
    planet.run(later=HOUR)
    assert closed(planet) == before, "nothing of it is to be seen there"
    assert "archive-1/rss.xml.gz" in planet.files()
    planet.site["title"] = "Another name"
    planet.run(later=HOUR)
    assert all(b"Another name" in data for data in closed(planet).values())
    planet.site["formats"] = ["rss"]
    planet.run(later=HOUR)
    assert set(planet.files()) == {
        f"{folder}rss.xml{end}" for folder in ("", "archive-1/", "archive-2/") for end in ("", ".gz")
    }


def test_an_archive_that_was_lost_is_written_again(planet: Planet) -> None:
    planet.seeds()
    many(planet, 24)
    before = planet.files()
    shutil.rmtree(planet.root / "feeds" / "archive-1")
    planet.run(later=HOUR)
    assert planet.files() == before


def test_an_archive_says_what_it_is(planet: Planet) -> None:
    planet.seeds()
    planet.site["hubs"] = ["https://hub.example/"]
    planet.categories.append({"path": ["Archive 1"]})
    many(planet, 24)
    assert (planet.root / "feeds" / "archive-1" / "atom.xml").is_file()
    (other,) = (path for path in planet.files() if path.startswith("archive-1-") and path.endswith("atom.xml"))
    assert planet.published(other).feed.title.startswith("Archive 1"), "the folder of a category is another one"
    root = etree.fromstring(planet.files()["archive-2/atom.xml"])
    links = {link.get("rel"): link.get("href") for link in root.findall(f"{ATOM}link")}
    base = planet.site["base_url"]
    assert root.find("{http://purl.org/syndication/history/1.0}archive") is not None
    assert (links["self"], links["current"]) == (f"{base}archive-2/atom.xml", f"{base}atom.xml")
    assert links["prev-archive"] == f"{base}archive-1/atom.xml"
    assert not {"hub", "next-archive"} & links.keys()


@pytest.mark.parametrize("keep", [None, 25])
def test_those_that_are_not_looked_at_are_as_they_should_be(planet: Planet, keep: int | None) -> None:
    """After each run a look at all archives finds nothing to do, whatever came, went and changed its category."""
    planet.site |= {"items": 3, "archive": 2, "formats": ["rss", "html"]}
    planet.seeds(**({"keep": keep} if keep else {}))
    chance, there = random.Random(3), set[int]()
    for turn in range(10):
        for number in chance.sample(range(1, 60), 5):
            if number in there and chance.random() < 0.5:
                (planet.root / "seeds" / f"{number:03}.md").unlink()
                there.remove(number)
            else:
                category = chance.choice(["a", "b"])
                planet.post(
                    f"{number:03}.md", title=f"Item {number}", date=str(NOON - number * DAY), categories=category
                )
                there.add(number)
        planet.run(later=HOUR)
        before, links = planet.files(), held(planet)
        assert links == held(planet, anew=True), turn
        assert planet.run(later=HOUR).published.written == ()
        assert planet.files() == before
        assert sorted(everything_in(planet)) == sorted(f"Item {n}" for n in there) or keep


def everything_in(planet: Planet) -> list[str]:
    return [title for document in walk(planet, "rss.xml") for title in document]


def held(planet: Planet, *, anew: bool = False) -> list[Any]:
    """What each archive holds, and what is open; `anew`: as all that is stored says, and so that the next run looks at
    all archives."""
    store = open_store(planet.load().store)
    with writing(store) as db:
        if anew:
            db.execute(update(archive).values(due=True))
            db.execute(update(category).values(archives="", rendered="?"))
            db.execute(update(story_category).values(open=True))
            archives.heed(db, db.scalars(select(story.c.id)).all())
            for number in db.scalars(select(category.c.id)).all():
                archives.renew(db, number)
        prints = db.execute(select(archive.c.category_id, archive.c.number, archive.c.holds)).all()
        open_ = db.execute(select(story_category.c.category_id, story_category.c.story_id, story_category.c.open)).all()
    store.dispose()
    return [*sorted(map(tuple, prints)), *sorted(map(tuple, open_))]


# --- What is closed -------------------------------------------------------------------------------------------------

ENTRIES = st.builds(
    lambda number, source, seen, published: Open(number, source, seen, published, f"tag:{number}"),
    st.integers(0, 10**6),
    st.integers(1, 3),
    st.integers(0, 5),
    st.integers(0, 5),
)
OPEN = st.lists(ENTRIES, max_size=40, unique_by=lambda each: each.id).map(
    lambda found: sorted(found, key=lambda each: (each.published, each.first_seen, each.public_id), reverse=True)
)


@settings(max_examples=200)
@given(OPEN, st.integers(1, 9), st.none() | st.integers(1, 4), st.integers(1, 6))
def test_what_is_closed(found: list[Open], items: int, per_source: int | None, size: int) -> None:
    batches = to_close(found, items, per_source, size)
    gone = [each for batch in batches for each in batch]
    left = [each for each in found if each not in gone]
    assert len(set(gone)) == len(gone)
    assert all(1 <= len(batch) <= size for batch in batches)
    assert [(each.first_seen, each.published) for each in gone] == sorted((e.first_seen, e.published) for e in gone)
    if per_source is None:
        assert all(len(batch) == size for batch in batches)
        assert found[:items] == left[:items], "the newest are never closed"
        assert len(left) < items + size
    else:
        assert max(Counter(each.source for each in left).values(), default=0) <= per_source
        assert len(left) < items + size
    assert to_close(left, items, per_source, size) == []
