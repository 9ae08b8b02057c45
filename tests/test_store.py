"""The store as a run uses it: a real one, visits saved as the pipeline saves them, stories settled, entries read back."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, bindparam, delete, func, insert, select, text, update
from sqlalchemy.exc import InvalidRequestError

from aggregator import sources
from aggregator.errors import AggregatorError, LockedError
from aggregator.identity import digest, signs
from aggregator.identity.keys import _URL, _bare, print_of
from aggregator.keeping import Outcome
from aggregator.keeping import keep as _keep
from aggregator.model import (
    CategoryPath,
    Enclosure,
    Feed,
    Hints,
    Image,
    Item,
    Limits,
    Link,
    Person,
    Podcast,
    Policy,
    Source,
    Tag,
    Validators,
    Visit,
)
from aggregator.schedule import Due
from aggregator.store import categories, channels, meta, retention, showing, stories, tables, visits
from aggregator.store import sources as stored
from aggregator.store.channels import Shown
from aggregator.store.engine import many, open_store, reading, writing
from aggregator.store.lock import Holder, holder, locked
from aggregator.store.values import dump, load
from tests import build

pytestmark = pytest.mark.both_stores

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

ONE = build.source("https://one.example/feed", categories=(("one",),))
TWO = build.source("https://two.example/feed", categories=(("two",),))
THREE = build.source("https://three.example/feed", categories=(("three",),))
POSTS = build.source("seed:posts", "seed", title="", categories=(("mine",),))


class Store:
    """A store with some sources. `visit` does what the pipeline does with a visit, `settle` what ends a run."""

    def __init__(self, engine: Engine, *sources_: Source) -> None:
        self.engine = engine
        self.register(*sources_)

    def register(self, *wanted: Source, now: datetime = NOW) -> None:
        with writing(self.engine) as db:
            stored.register(db, [(each, sources.find(each.kind).REMOTE) for each in wanted], now)
            categories.place(db, {path for each in wanted for path in each.categories}, {}, now)

    def visit(self, source: Source, *items: Item, now: datetime = NOW, **fields: Any) -> Outcome:
        """Items get the categories of their source when they have none; posts are documents of their own."""
        items = tuple(replace(each, categories=each.categories or source.categories) for each in items)
        names = [each.origin for each in items] if source.kind == "seed" else [source.key]
        given = {"documents": dict.fromkeys(names, Validators(stamp=f"{now}")), "signs": tuple(map(signs, items))}
        found = Visit(source, items, **given | fields)
        with reading(self.engine) as db:
            standing = stored.standings(db)[source.key]
        outcome = _keep(self.engine, found, standing, now)
        assert outcome
        return outcome

    def settle(self, now: datetime = NOW) -> None:
        with writing(self.engine) as db:
            stories.settle(db, now, meta.set_authority(db, "https://planet.example/feeds/", NOW), {})

    def run(self, *found: tuple[Source, Sequence[Item]], now: datetime = NOW) -> None:
        """Visits, and the end of the run."""
        for source, items in found:
            self.visit(source, *items, now=now)
        self.settle(now)

    def shown(self, *path: str, limit: int | None = None) -> tuple[Shown, ...]:
        """What a category shows, by default all of them."""
        with reading(self.engine) as db:
            place = next(place for place in channels.places(db) if place.path == path)
            return channels.recent(db, place.id, limit)

    def titles(self, *path: str) -> list[str]:
        return [each.item.title for each in self.shown(*path)]

    def ids(self) -> dict[str, str]:
        """The public ids by title."""
        return {each.item.title: each.id for each in self.shown()}

    def everything(self) -> list[tuple[CategoryPath, str, tuple[Shown, ...]]]:
        """All that publishing could see."""
        with reading(self.engine) as db:
            return [(place.path, place.folder, channels.recent(db, place.id, None)) for place in channels.places(db)]

    def revisions(self) -> dict[str, int]:
        with reading(self.engine) as db:
            return {place.folder: place.revision for place in channels.places(db)}

    def count(self, table: Any) -> int:
        with reading(self.engine) as db:
            return int(db.scalar(select(func.count()).select_from(table)) or 0)


@pytest.fixture
def fresh(new_store: Callable[[], str]) -> Iterator[Callable[..., Store]]:
    """Makes a new store of these sources."""
    engines: list[Engine] = []

    def make(*sources_: Source) -> Store:
        engines.append(open_store(new_store()))
        return Store(engines[-1], *sources_)

    yield make
    for engine in engines:
        engine.dispose()


def story(number: int, **fields: Any) -> Item:
    """An entry of a feed with a guid that means nothing elsewhere, and a page."""
    return build.item(number, **{"guid": f"g{number}", "published": NOW - DAY, "updated": None, **fields})


def post(name: str, title: str, text: str = "", **fields: Any) -> Item:
    """A local post."""
    return Item(**{"origin": name, "title": title, "content": f"<p>Text of {title}. {text}</p>", **fields})


# --- Opening --------------------------------------------------------------------------------------------------------


def test_migrations_make_the_tables(new_store: Callable[[], str]) -> None:
    engine = open_store(new_store())
    with engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), tables.metadata) == []
    engine.dispose()


def test_a_store_of_this_version_is_opened_without_alembic(new_store: Callable[[], str]) -> None:
    code = (
        "import sys; from aggregator.store.engine import open_store;"
        "open_store(sys.argv[1]); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, new_store()], check=True, timeout=60)


def test_a_store_of_a_newer_version_is_refused_and_left_alone(new_store: Callable[[], str]) -> None:
    url = new_store()
    engine = open_store(url)
    with writing(engine) as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(AggregatorError, match=r"9999.*upgrade aggregator"):
        open_store(url)
    with reading(engine) as db:
        assert db.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    engine.dispose()


def test_what_cannot_be_a_store_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("This is no database. " * 100)
    (tmp_path / "file").write_text("")
    for name in ("text.db", "file/below.db"):
        with pytest.raises(AggregatorError, match=name):
            open_store(f"sqlite:///{tmp_path / name}")
    assert (tmp_path / "text.db").read_text().startswith("This is no database.")


def test_one_run_at_a_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'a.db'}"
    with locked(url, NOW):
        with pytest.raises(LockedError, match=r"process \d+, since 2026-03-14T12:00:00Z"), locked(url, NOW):
            pass
        with locked(f"sqlite:///{tmp_path / 'b.db'}", NOW):
            pass
    with locked(url, NOW + HOUR):
        pass


def test_who_holds_the_lock(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'a.db'}"
    assert holder(url) is None
    with locked(url, NOW, "daemon"):
        assert holder(url) == Holder(os.getpid(), "2026-03-14T12:00:00Z", "daemon")
        with pytest.raises(LockedError, match=rf"\(aggregator daemon, process {os.getpid()}, since"), locked(url, NOW):
            pass
        for text in ("", "[]", "{", '{"pid": "x", "since": ""}'):
            (tmp_path / "new" / "a.db.lock").write_text(text)
            assert holder(url) is None
            with pytest.raises(LockedError, match="it holds"), locked(url, NOW):
                pass
    assert holder(url) is None


def test_a_reader_does_not_hinder_the_writer_and_sees_one_moment(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE)
    with reading(store.engine) as db:
        before = db.scalar(select(func.count()).select_from(tables.item))
        store.run((ONE, [story(1)]))
        assert db.scalar(select(func.count()).select_from(tables.item)) == before == 0
    assert store.titles() == ["Story 1"]


# --- Values ---------------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=9)
MOMENTS = st.none() | st.timedeltas(timedelta(0), timedelta(days=365 * 8000)).map(
    datetime(1990, 1, 1, tzinfo=UTC).__add__
)
NUMBERS = st.none() | st.integers(0, 2**40)
LINKS = st.lists(st.builds(Link, WORDS, WORDS), max_size=2).map(tuple)
PEOPLE = st.lists(st.builds(Person, WORDS, WORDS, WORDS), max_size=2).map(tuple)
TAGS = st.lists(st.builds(Tag, WORDS, WORDS, WORDS), max_size=2).map(tuple)
FEEDS = st.builds(Feed, title=WORDS, authors=PEOPLE, updated=MOMENTS, tags=TAGS, links=LINKS)
FILES = st.builds(Enclosure, WORDS, length=NUMBERS, duration=st.none() | st.floats(0, 1e9), width=NUMBERS)
ITEMS = st.builds(
    Item,
    guid=WORDS,
    title=WORDS,
    content=WORDS,
    authors=PEOPLE,
    tags=TAGS,
    categories=st.lists(st.lists(WORDS, min_size=1, max_size=3).map(tuple), max_size=2).map(tuple),
    published=MOMENTS,
    updated=MOMENTS,
    image=st.none() | st.builds(Image, WORDS, NUMBERS, NUMBERS),
    enclosures=st.lists(FILES, max_size=2).map(tuple),
    links=LINKS,
    podcast=st.none() | st.builds(Podcast, explicit=st.none() | st.booleans(), transcripts=LINKS),
    feed=st.none() | FEEDS,
)


def test_many_rows_by_one_statement(fresh: Callable[..., Store]) -> None:
    """What is bound in the statement itself counts as well; a row that lacks something changes nothing."""
    store = fresh()
    rows = [{"name": f"{number}.example", "last_request": number, "not_before": None} for number in range(3)]
    add = insert(tables.host).values(reason="", pauses=bindparam("some"))
    pause = update(tables.host).where(tables.host.c.name == bindparam("of"), tables.host.c.pauses < 9).values(pauses=8)
    gone = delete(tables.host).where(tables.host.c.name == bindparam("of"))
    with writing(store.engine) as db:
        many(db, add, [row | {"some": 7} for row in rows])
        many(db, pause, [{"of": "0.example"}, {"of": "2.example"}])
        many(db, gone, [{"of": "1.example"}])
        many(db, gone, [])
    with pytest.raises(InvalidRequestError, match="some"), writing(store.engine) as db:
        many(db, add, [{"name": "3.example"}])
    with reading(store.engine) as db:
        found = db.execute(select(tables.host).order_by(tables.host.c.name)).all()
    assert found == [("0.example", 0, None, "", 8), ("2.example", 2, None, "", 8)]


@settings(max_examples=50, deadline=None)
@given(ITEMS, FEEDS)
def test_values_come_back_as_they_were(item: Item, feed: Feed) -> None:
    assert load(Item, dump(item)) == item
    assert load(Feed, dump(feed)) == feed
    assert digest(load(Item, dump(item))) == digest(item)


@settings(max_examples=50, deadline=None)
@given(ITEMS.map(lambda item: replace(item, content=item.content + " https://x.example/a/?utm_source=x&amp;b=1#c")))
def test_digests_are_of_the_whole_item(item: Item) -> None:
    """Digests are stored: a field more, or another order, and all entries would be edited at once."""
    feed = item.feed and replace(item.feed, updated=None)
    said = repr(replace(item, published=None, updated=None, day_only=False, feed=feed))
    assert digest(item) == print_of(_URL.sub(_bare, said))


# --- One visit ------------------------------------------------------------------------------------------------------


def standing(store: Store, source: Source = ONE) -> stored.Standing:
    with reading(store.engine) as db:
        return stored.standings(db)[source.key]


def validators(store: Store, source: Source = ONE) -> dict[str, Validators]:
    with reading(store.engine) as db:
        return dict(visits.validators(db, standing(store, source).id))


def test_what_a_visit_saved_is_known_afterwards(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE, TWO)
    item = story(1, origin="", published=NOW - DAY, updated=NOW - HOUR)
    store.visit(ONE, item, story(2))
    store.visit(TWO, item)
    with reading(store.engine) as db:
        number = stored.standings(db)[ONE.key].id
        (known,) = visits.known(db, number, {"guid:g1", *(f"guid:not{n}" for n in range(1200))}, ())
        assert visits.known(db, number, {"link:news.example/1"}, ()) == (known,)
        assert len(visits.known(db, number, (), {""})) == 2
        assert visits.known(db, number, {"guid:other"}, ()) == ()
    assert (known.title, known.published, known.updated) == ("Story 1", NOW - DAY, NOW - HOUR)
    assert {key for key in known.keys if key.startswith(("guid:", "link:"))} == {"guid:g1", "link:news.example/1"}
    assert known.digest == digest(replace(item, categories=ONE.categories))
    assert not known.removed


def test_a_visit_that_failed_changes_nothing_but_the_next(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE)
    feed = build.feed()
    store.visit(ONE, story(1), feed=feed)
    before = validators(store)
    for failures in (1, 2):
        at = NOW + failures * 2 * DAY
        store.visit(ONE, now=at, documents={}, error="timeout: no answer within 30 s")
        state = standing(store)
        assert (state.failures, state.error) == (failures, "timeout: no answer within 30 s")
        assert (state.feed, state.last_success, state.last_visit) == (feed, NOW, at)
    assert validators(store) == before
    store.visit(ONE, story(1), now=NOW + 9 * DAY)
    assert (standing(store).failures, standing(store).error, standing(store).last_success) == (0, "", NOW + 9 * DAY)
    store.settle()
    assert store.titles() == ["Story 1"]


def test_validators_are_those_of_the_last_answer(fresh: Callable[..., Store]) -> None:
    store = fresh(POSTS)
    first = {name: Validators(stamp=f"{name} 1") for name in "abcd"}
    store.visit(POSTS, documents=first)
    assert validators(store, POSTS) == first
    read, held = {"a": Validators('W/"é"', "yesterday", "a 2")}, {"b": Validators("b 2"), "c": first["c"]}
    store.visit(POSTS, documents=read, held=held)
    assert validators(store, POSTS) == read | held


def test_files_that_are_gone_take_their_items_along(fresh: Callable[..., Store]) -> None:
    store = fresh(POSTS)
    files = [post(f"{number}.md", f"T{number}") for number in range(700)]
    store.run((POSTS, files))
    before = store.ids()
    store.visit(POSTS, *files[600:699], held={file.origin: Validators() for file in files[1:600]})
    store.settle()
    assert sorted(store.titles()) == sorted(f"T{number}" for number in range(1, 699))
    store.run((POSTS, files))
    assert store.ids() == before


def test_a_broken_file_keeps_its_item_until_it_is_deleted(fresh: Callable[..., Store]) -> None:
    store = fresh(POSTS)
    a, b = post("a.md", "A"), post("b.md", "B")
    store.run((POSTS, [a, b]))
    held = {"b.md": Validators("x")}
    for _ in range(2):
        store.visit(POSTS, documents={}, held=held, broken=frozenset({"a.md"}), said={"a.md": ("broken",)})
        store.settle()
        assert sorted(store.titles()) == ["A", "B"]
        assert validators(store, POSTS)["a.md"] == Validators(), "it has to be read again"
    store.visit(POSTS, documents={}, held=held)
    store.settle()
    assert store.titles() == ["B"]


def test_a_file_that_is_deleted_while_the_settings_change_takes_its_item_along(fresh: Callable[..., Store]) -> None:
    store = fresh(POSTS)
    a, b = post("a.md", "A"), post("b.md", "B")
    store.run((POSTS, [a, b]))
    store.register(replace(POSTS, language="de"))
    assert set(validators(store, POSTS).values()) == {Validators()}, "all have to be read again"
    store.run((POSTS, [b]))
    assert store.titles() == ["B"]


@pytest.mark.sqlite_alone
@pytest.mark.parametrize(
    ("change", "is_written"),
    [
        ({}, False),
        ({"limits": Limits(max_bytes=1)}, False),  # no business of the store
        ({"title": "Other"}, True),
        ({"categories": (("Other",),)}, True),
        ({"language": "de"}, True),
        ({"policy": Policy(priority=1)}, True),
    ],
)
def test_only_sources_that_changed_are_written(
    fresh: Callable[..., Store], change: dict[str, Any], is_written: bool
) -> None:
    store = fresh(POSTS)
    with writing(store.engine) as db:
        driver: Any = db.connection.driver_connection
        before = driver.total_changes
        stored.register(db, [(replace(POSTS, **change), False)], NOW)
        assert (driver.total_changes > before) == is_written


def test_a_text_that_moves_on_leaves_its_identity_behind(fresh: Callable[..., Store]) -> None:
    """An item is named after its first text; another file may have that text later, and must not be lost for it."""
    store = fresh(POSTS)
    store.run((POSTS, [post("a.md", "A")]))
    store.run((POSTS, [post("a.md", "Z", "Quite another text.")]))
    for copy in ("b.md", "c.md"):
        store.run((POSTS, [post("a.md", "Z", "Quite another text."), post(copy, "A")]))
        assert sorted(store.titles()) == ["A", "Z"]
    assert len(store.ids()) == 2


def test_a_copy_under_a_name_that_was_used_before_is_not_lost(fresh: Callable[..., Store]) -> None:
    store = fresh(POSTS)
    steps = (["a.md", "b.md"], ["b.md", "c.md"], ["b.md", "c.md", "a.md"], ["c.md", "d.md", "e.md"])
    for names in steps:
        store.run((POSTS, [post(name, "Twin", categories=((name[0],),)) for name in names]))
        (twin,) = store.shown()
        assert twin.folders == tuple(sorted(name[0] for name in names))


# --- Stories --------------------------------------------------------------------------------------------------------

PAGE = "https://elsewhere.example/story"


@pytest.mark.parametrize(
    ("guid", "expected"),
    [
        ("https://news.example/1", "https://news.example/1"),
        ("http://news.example/?p=1", "http://news.example/?p=1"),
        ("tag:news.example,2026:1", "tag:news.example,2026:1"),
        ("urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a", "urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a"),
        ("https://news.example/" + "x" * 400, "https://news.example/" + "x" * 400),
        ("https://news.example/" + "x" * 600, ""),
        ("https://news.example/", ""),
        ("https://news.example/a b", ""),
        ('https://news.example/"><script>', ""),
        ("https://news.example/%zz%2", ""),
        ("https://news\\x.example/1", ""),
        ("https://n\x7fws.example/1", ""),
        ("12345", ""),
        ("javascript:alert(1)", ""),
        ("", ""),
    ],
)
def test_a_guid_that_is_a_uri_is_the_public_id(fresh: Callable[..., Store], guid: str, expected: str) -> None:
    store = fresh(ONE)
    store.run((ONE, [story(1, guid=guid)]))
    (shown,) = store.shown()
    assert shown.id == expected or (not expected and shown.id.startswith("tag:planet.example,2026:item/"))


def test_a_repeated_guid_is_nobodys_public_id(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE)
    store.run((ONE, [story(number, guid=PAGE) for number in (1, 2)]))
    assert all(shown.id.startswith("tag:") for shown in store.shown())


def test_a_guid_that_entries_of_several_feeds_have_is_the_public_id_of_one(fresh: Callable[..., Store]) -> None:
    """As one feed repeats it, it tells nobody to be the same."""
    store = fresh(ONE, TWO, THREE)
    first, second, third, fourth = (story(number, guid=PAGE) for number in range(4))
    store.run((ONE, [first, second]), (TWO, [third]), (THREE, [fourth]))
    ids = list(store.ids().values())
    assert (len(ids), len(set(ids)), ids.count(PAGE)) == (4, 4, 1)


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        pytest.param({"guid": PAGE}, {"guid": PAGE, "title": "Other"}, 1, id="a guid that is a URI"),
        pytest.param({"guid": "7", "title": "A"}, {"guid": "7", "title": "B"}, 2, id="a guid of one feed only"),
        pytest.param({"guid": "7"}, {"guid": "7"}, 1, id="a guid of one feed only, and the text"),
        pytest.param({"url": PAGE}, {"url": PAGE + "/?utm_source=x", "title": "Other"}, 1, id="a page"),
        pytest.param(
            {"guid": "1", "url": PAGE}, {"guid": "2", "url": PAGE, "title": "Other"}, 1, id="a page, two guids"
        ),
        pytest.param({"guid": "1"}, {"guid": "2"}, 2, id="the same text, two guids"),
        pytest.param({"url": PAGE}, {"url": PAGE + "2"}, 2, id="the same text, two pages"),
        pytest.param({}, {}, 1, id="nothing but the text"),
        pytest.param({}, {"guid": "1", "url": PAGE}, 1, id="nothing but the text, and one that has more"),
        pytest.param({}, {"title": "Other"}, 2, id="nothing but another text"),
    ],
)
@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("together", [True, False])
def test_when_entries_of_two_feeds_are_one_story(
    fresh: Callable[..., Store], first: Any, second: Any, count: int, turn: int, together: bool
) -> None:
    store = fresh(ONE, TWO)
    bare = {"title": "Same", "content": "<p>The same.</p>", "published": NOW - DAY}
    for source, fields in [(ONE, first), (TWO, second)][::turn]:
        store.visit(source, Item(**{**bare, **fields}))
        if not together:
            store.settle()
    store.settle()
    shown = store.shown()
    assert len(shown) == count
    assert {folder for each in shown for folder in each.folders} == {"one", "two"}
    assert len(store.shown("one")) == len(store.shown("two")) == 1


def test_a_page_with_many_entries_merges_nothing(fresh: Callable[..., Store]) -> None:
    """In whatever order the sources are settled: the one with a single entry of that page has the first name, or the last."""
    for single in ("https://a.example/feed", "https://z.example/feed"):
        other = build.source(single)
        store = fresh(ONE, other)
        store.run((ONE, [story(number, url=PAGE) for number in range(3)]), (other, [story(9, url=PAGE)]))
        assert sorted(store.titles()) == ["Story 0", "Story 1", "Story 2", "Story 9"]


def test_copies_of_such_entries_are_known_by_their_text_besides(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE, TWO)
    entries = [story(number, url=PAGE) for number in range(3)]
    store.run((ONE, entries), (TWO, [replace(each, guid="") for each in entries]))
    assert sorted(store.titles()) == ["Story 0", "Story 1", "Story 2"]
    assert all(each.folders == ("one", "two") for each in store.shown())


def test_a_notice_that_is_repeated_on_other_days_is_another_story(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE, TWO)
    notices = [story(1, guid=f"n{day}", url=PAGE, published=NOW - day * DAY) for day in range(3)]
    store.run((ONE, notices), (TWO, [replace(each, guid="2" + each.guid) for each in notices]))
    assert [each.published for each in store.shown()] == [NOW, NOW - DAY, NOW - 2 * DAY]
    assert all(each.folders == ("one", "two") for each in store.shown())


@pytest.mark.parametrize("single", ["https://a.example/feed", "https://z.example/feed"])
def test_entries_that_nothing_tells_apart_are_not_merged(fresh: Callable[..., Store], single: str) -> None:
    other = build.source(single)
    store = fresh(ONE, other)
    twins = [story(1, guid=guid, url=PAGE) for guid in ("a", "b")]
    store.run((ONE, twins), (other, [story(1, guid="c", url=PAGE)]))
    assert len(store.shown()) == 3


def test_an_entry_without_guid_and_link_is_the_one_that_reads_the_same(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE)
    store.run((ONE, [story(1), story(1, guid="", url="")]))
    assert len(store.shown()) == 1


def test_a_post_that_was_removed_hinders_no_meeting(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE, POSTS)
    store.run((POSTS, [post("a.md", "A", url=PAGE), post("b.md", "B", url=PAGE)]))
    store.run((POSTS, [post("b.md", "B", url=PAGE)]), (ONE, [story(1, url=PAGE)]))
    assert store.titles() == store.titles("one") == ["B"]


def test_two_entries_of_one_feed_are_never_one_story(fresh: Callable[..., Store]) -> None:
    """The second would join through a copy elsewhere that has another page."""
    store = fresh(ONE, TWO)
    store.run((ONE, [story(1, guid=PAGE)]), (TWO, [story(2, guid=PAGE)]))
    assert len(store.shown()) == 1
    store.run((ONE, [story(3, url=build.item(2).url)]))
    assert len(store.shown()) == 2


def test_copies_of_a_post_in_several_folders_are_one_story(fresh: Callable[..., Store]) -> None:
    for same in ({}, {"url": PAGE}, {"guid": "my-post"}, {"guid": PAGE, "url": PAGE}):
        store = fresh(POSTS)
        files = [post(f"{name}/x.md", "X", categories=((name,),), **same) for name in ("a", "b")]
        store.run((POSTS, files))
        (shown,) = store.shown()
        assert shown.folders == ("a", "b")
        store.run((POSTS, files[1:]))
        assert [(each.id, each.folders) for each in store.shown()] == [(shown.id, ("b",))]


def test_posts_with_one_link_and_different_texts_are_two(fresh: Callable[..., Store]) -> None:
    store = fresh(POSTS)
    store.run((POSTS, [post("a.md", "A", url=PAGE), post("b.md", "B", url=PAGE)]))
    assert sorted(store.titles()) == ["A", "B"]


def test_a_local_copy_wins_whenever_it_comes_and_the_id_stays(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE, TWO, POSTS)
    mine = post("mine.md", "Mine", url=PAGE, published=NOW - 9 * DAY)
    store.run((TWO, [story(2, url=PAGE, title="Theirs")]))
    (before,) = store.shown()
    store.run((POSTS, [mine]), (ONE, [story(1, url=PAGE, title="Copy")]), now=NOW + HOUR)
    (after,) = store.shown()
    assert (after.item.title, after.source) == ("Mine", POSTS.key)
    assert (after.id, after.published, after.first_seen) == (before.id, before.published, before.first_seen)
    assert after.folders == ("mine", "one", "two")
    assert after.updated >= after.published
    store.visit(POSTS, documents={}, now=NOW + DAY)
    store.settle(NOW + DAY)
    (left,) = store.shown()
    assert (left.item.title, left.id) == ("Theirs", before.id), "the copy that was seen first"
    assert left.folders == ("one", "two")


def test_an_id_stays_while_copies_come_and_go(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE, TWO)
    one, two = story(1, guid=PAGE), story(1, guid="g", url=PAGE)
    store.run((TWO, [two]))
    (tag,) = store.ids().values()
    store.run((TWO, [two]), (ONE, [replace(one, url=PAGE)]))
    for wanted in ((ONE,), (ONE, TWO), (TWO,), (TWO, ONE), (), (ONE,)):
        store.register(*wanted)
        store.settle()
        assert set(store.ids().values()) == ({tag} if wanted else set())


def test_a_source_that_leaves_and_comes_back_brings_the_same_entries(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE, POSTS)
    files = [post("a.md", "A"), post("b.md", "B")]
    store.run((ONE, [story(1), story(2)]), (POSTS, files))
    before = store.everything()
    store.register()
    store.settle()
    assert store.titles() == []
    store.register(ONE, POSTS)
    store.run((POSTS, files))
    assert store.everything() == before


def test_a_feed_that_moved_to_another_address_keeps_its_ids(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE)
    entries = [story(number) for number in range(3)]
    store.run((ONE, entries))
    before = store.ids()
    store.register(TWO)
    store.run((TWO, entries), now=NOW + DAY)
    assert store.ids() == before
    assert {each.first_seen for each in store.shown()} == {NOW}


def test_entries_follow_their_source_to_other_categories(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE, TWO)
    store.run((ONE, [story(1, guid=PAGE)]), (TWO, [story(1, guid=PAGE), story(2)]))
    moved = replace(ONE, categories=(("new", "deep"), ("two",)))
    store.register(moved, TWO)
    store.settle()
    assert store.titles("one") == []
    assert store.titles("new", "deep") == store.titles("new") == ["Story 1"]
    assert sorted(store.titles("two")) == ["Story 1", "Story 2"]
    assert store.visit(moved, story(1, guid=PAGE)).counts["same"] == 1, "a visit finds nothing edited"


def test_a_new_title_of_a_source_is_seen_in_its_entries_only(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE, TWO)
    store.run((ONE, [story(1)]), (TWO, [story(2)]))
    before = store.revisions()
    store.register(replace(ONE, title="Another name"), TWO)
    store.settle()
    after = store.revisions()
    assert {folder for folder in after if after[folder] != before[folder]} == {"", "one"}
    assert store.shown("one")[0].feed.title == "Another name"


def test_what_a_feed_says_of_itself_is_seen_in_its_entries(fresh: Callable[..., Store]) -> None:
    store = fresh(replace(ONE, title=""), TWO)
    revisions = []
    for feed in (Feed(title="First"), Feed(title="Second"), Feed(title="Second", updated=NOW)):
        store.visit(ONE, story(1), feed=feed)
        store.visit(TWO, story(2))
        store.settle()
        assert store.shown("one")[0].feed.title == feed.title
        revisions.append(store.revisions())
    first, second, third = revisions
    assert {folder for folder in first if first[folder] != second[folder]} == {"", "one"}
    assert third == second, "when a feed was built says nothing"


def test_a_setting_that_shows_nowhere_publishes_nothing(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE)
    store.run((ONE, [story(1)]))
    before = store.revisions()
    store.register(replace(ONE, zone="Asia/Tokyo"))
    assert store.count(tables.pending) == 1
    store.settle()
    assert store.revisions() == before


def test_what_did_not_change_is_not_published_again(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE, POSTS)
    found = (ONE, [story(1), story(2)]), (POSTS, [post("a.md", "A"), post("b.md", "B")])
    store.run(*found)
    before = store.revisions(), store.everything()
    store.run(*((source, items[::-1]) for source, items in found), now=NOW + DAY)
    assert (store.revisions(), store.everything()) == before
    assert store.count(tables.pending) == 0


def test_an_edit_touches_the_categories_that_show_it(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE, TWO)
    store.run((ONE, [story(1, categories=(("a", "b"), ("c",)))]), (TWO, [story(2)]))
    before = store.revisions()
    store.run((ONE, [story(1, title="Edited", categories=(("a", "b"), ("d",)))]), now=NOW + DAY)
    after = store.revisions()
    assert {folder for folder in after if after[folder] != before.get(folder)} == {"", "a", "a/b", "c", "d"}
    assert store.titles("c") == []
    (shown,) = store.shown("d")
    assert (shown.published, shown.updated, shown.folders) == (NOW - DAY, NOW + DAY, ("a/b", "d"))


# --- Waiting --------------------------------------------------------------------------------------------------------


def test_a_post_waits_for_its_day(fresh: Callable[..., Store]) -> None:
    store = fresh(POSTS)
    later = post("b.md", "Later", published=NOW + DAY)
    outcome = store.visit(POSTS, post("a.md", "Now"), later)
    assert outcome.counts == {"new": 1, "waiting": 1, "same": 0}
    store.settle()
    assert store.titles() == ["Now"]
    store.settle(NOW + DAY - timedelta(seconds=1))
    assert store.titles() == ["Now"]
    store.settle(NOW + DAY)
    assert store.titles() == store.titles("mine") == ["Later", "Now"]
    assert (store.shown()[0].published, store.shown()[0].updated) == (NOW + DAY, NOW + DAY)
    assert store.count(tables.waiting) == 0


def test_a_waiting_post_that_is_moved_or_deleted(fresh: Callable[..., Store]) -> None:
    store = fresh(POSTS)
    for date, shown in ((NOW + 9 * DAY, False), (NOW + DAY, False), (NOW - DAY, True)):
        store.run((POSTS, [post("a.md", "A", published=date)]))
        assert bool(store.titles()) is shown
    assert store.shown()[0].published == store.shown()[0].updated == NOW - DAY
    store.run((POSTS, [post("b.md", "B", published=NOW + DAY)]))
    store.visit(POSTS, documents={})
    for day in range(9):
        store.settle(NOW + day * DAY)
        assert store.titles() == []
    store.run((POSTS, [post("b.md", "B", published=NOW + DAY)]), now=NOW + 9 * DAY)
    assert store.titles() == ["B"]


def test_a_waiting_local_copy_hides_no_remote_one(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE, POSTS)
    store.run((ONE, [story(1, url=PAGE)]), (POSTS, [post("a.md", "Mine", url=PAGE, published=NOW + DAY)]))
    assert store.titles() == ["Story 1"]
    before = list(store.ids().values())
    store.settle(NOW + DAY)
    assert store.titles() == ["Mine"]
    assert list(store.ids().values()) == before


def test_a_post_that_was_published_is_not_hidden_again_by_a_clock_that_was_set_back(
    fresh: Callable[..., Store],
) -> None:
    store = fresh(POSTS)
    store.run((POSTS, [post("a.md", "A", published=NOW)]))
    store.run((POSTS, [post("a.md", "A", "More.", published=NOW)]), now=NOW - HOUR)
    assert [(each.item.title, each.published) for each in store.shown()] == [("A", NOW)]


def test_an_entry_of_a_feed_never_waits(fresh: Callable[..., Store]) -> None:
    """Not even when its date is in the future, is changed, and the clock is set back."""
    store = fresh(ONE)
    store.run((ONE, [story(1, published=NOW + 300 * DAY)]))
    assert store.shown()[0].published == NOW
    store.run((ONE, [story(1, title="Edited", published=NOW + 300 * DAY)]), now=NOW - HOUR)
    assert [(each.item.title, each.published) for each in store.shown()] == [("Edited", NOW)]


def test_an_undated_entry_stays_at_its_first_sight(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE)
    store.run((ONE, [story(1, published=None)]))
    store.run((ONE, [story(1, published=None), story(2, published=NOW + HOUR)]), now=NOW + DAY)
    store.run((ONE, [story(1, published=NOW + 2 * DAY, title="Dated")]), now=NOW + 2 * DAY)
    assert store.titles() == ["Story 2", "Dated"]
    assert store.shown()[1].published == NOW


# --- Order ----------------------------------------------------------------------------------------------------------


def test_newest_first_and_ties_are_settled(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE)
    same = [story(number, published=NOW - DAY, guid=f"https://n.example/{number}") for number in (3, 1, 2)]
    store.run((ONE, [*same, story(4, published=NOW - 2 * DAY), story(5, published=NOW)]))
    store.run((ONE, [story(6, published=NOW - DAY)]), now=NOW + HOUR)
    assert store.titles() == ["Story 5", "Story 6", "Story 3", "Story 2", "Story 1", "Story 4"]
    assert [each.item.title for each in store.shown(limit=3)] == store.titles()[:3]


def test_the_order_of_visits_within_a_run_changes_nothing(fresh: Callable[..., Store]) -> None:
    """Entries that meet by guid, page and text in three feeds and a folder, in several orders of arrival."""
    found = (
        (ONE, [story(1, guid=PAGE), story(2, url=PAGE + "2"), story(3, url=PAGE), story(4, url=PAGE)]),
        (TWO, [story(5, guid=PAGE), story(2, guid="", url=""), story(6, url=PAGE)]),
        (THREE, [story(7, guid=PAGE, url=PAGE + "2"), story(3, url=PAGE), story(8, guid="", url="")]),
        (POSTS, [post("a.md", "A", url=PAGE + "2"), post("b.md", "A"), post("C++.md", "C", categories=(("C++",),))]),
    )
    results = []
    for order in list(permutations(found))[::5]:
        store = fresh(ONE, TWO, THREE, POSTS)
        store.run(*order)
        results.append(store.everything())
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("portion", [1, 2, 3])
def test_the_size_of_portions_changes_nothing(
    fresh: Callable[..., Store], monkeypatch: pytest.MonkeyPatch, portion: int
) -> None:
    """A story that is shown at once gets another copy by the next portion, one that was edited leaves its twin."""

    def made() -> list[Any]:
        store = fresh(ONE, TWO, POSTS)
        store.run(
            (ONE, [story(number, guid="", url=f"{PAGE}{number}") for number in range(4)]),
            (TWO, [story(number, guid="", url=f"{PAGE}{number}", title="T") for number in (2, 3)]),
            (POSTS, [post("a.md", "Same"), post("b.md", "Same"), post("c.md", "C")]),
        )
        first = store.everything()
        store.run((POSTS, [post("a.md", "Same"), post("b.md", "Same", "No more."), post("d.md", "D")]), now=NOW + DAY)
        return [first, store.everything()]

    whole = made()
    monkeypatch.setattr("aggregator.store.engine.PORTION", portion)
    assert len(whole[0][0][2]) == 6
    assert made() == whole


SHARED = st.builds(
    lambda number, guid, url, category, day: story(
        number, guid=guid, url=url, categories=category, published=day and NOW - day * DAY
    ),
    number=st.integers(1, 3),
    day=st.sampled_from([None, 1, 2]),
    guid=st.sampled_from(["", "g", PAGE]),
    url=st.sampled_from(["", PAGE, PAGE + "2"]),
    category=st.sampled_from([(), (("c",),), (("C",),), (("c", "d"),)]),
)
RUNS = st.lists(st.lists(st.lists(SHARED, max_size=4), min_size=3, max_size=3), min_size=1, max_size=3)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RUNS, st.integers(0, 1000))
def test_two_stores_that_saw_the_same_show_the_same(
    fresh: Callable[..., Store], runs: list[list[list[Item]]], seed: int
) -> None:
    """Whatever the order of visits and entries is; and nothing that was in a feed is missing, no id ever changes.

    What is shown has one order that nothing else can change: newest first, then last seen first, then by id.
    """
    shuffle = random.Random(seed)
    one, other = fresh(ONE, TWO, THREE), fresh(THREE, ONE, TWO)
    public: dict[int, str] = {}
    for hour, batches in enumerate(runs):
        found = list(zip((ONE, TWO, THREE), batches, strict=True))
        one.run(*found, now=NOW + hour * HOUR)
        mixed = [(source, shuffle.sample(items, len(items))) for source, items in shuffle.sample(found, 3)]
        other.run(*mixed, now=NOW + hour * HOUR)
        assert one.everything() == other.everything()
        for _, _, shown in one.everything():
            places = [(each.published, each.first_seen, each.id) for each in shown]
            assert places == sorted(set(places), reverse=True)
        titles = set(one.titles())
        assert not {item.title for items in batches for item in items} - titles - _hidden(one)
        assert public.items() <= (public := _public_ids(one)).items()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RUNS, st.booleans())
def test_who_shares_no_sign_meets_nobody(
    fresh: Callable[..., Store], runs: list[list[list[Item]]], one_goes: bool
) -> None:
    """Stories are the same as if the signs of all were looked at, not of those alone who share one."""
    every: list[dict[int, str]] = []
    for look in (stories._sharing, lambda _, ids: set(ids)):
        store = fresh(ONE, TWO, THREE)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stories, "_sharing", look)
            for hour, batches in enumerate(runs):
                store.run(*zip((ONE, TWO, THREE), batches, strict=True), now=NOW + hour * HOUR)
                if one_goes:
                    with writing(store.engine) as db:
                        retention.remove(db, db.scalars(select(tables.item.c.id).limit(2)).all(), NOW, "taken back")
        every.append(_public_ids(store))
    assert every[0] == every[1]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RUNS, st.booleans())
def test_what_is_shown_at_once_is_what_a_second_look_would_show(
    fresh: Callable[..., Store], runs: list[list[list[Item]]], one_leaves: bool
) -> None:
    """New stories are written as they are shown. It is the same where all are looked at as if they had been there; and
    the same documents are written for it. A source may leave between its visit and its stories, as when a run is cut."""

    def lived(placed: Callable[..., Any]) -> Iterator[Any]:
        store = fresh(ONE, TWO, THREE)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(showing, "placed", placed)
            for hour, batches in enumerate(runs):
                now, before = NOW + hour * HOUR, store.revisions()
                store.register(ONE, TWO, THREE)
                for source, items in zip((ONE, TWO, THREE), batches, strict=True):
                    store.visit(source, *items, now=now)
                if one_leaves:
                    store.register(TWO, THREE)
                store.settle(now)
                yield store.everything(), {path for path, each in store.revisions().items() if each != before.get(path)}
                with reading(store.engine) as db:
                    yield db.execute(select(tables.story).order_by(tables.story.c.id)).all()
                with writing(store.engine) as db:
                    yield channels.tally(db)

    assert list(lived(showing.placed)) == list(lived(lambda *_: {}))


def test_a_category_of_two_spellings_is_an_entrys_own_and_above_another_of_its_own(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE)
    every = [story(1, categories=(("c",), ("C", "d"))), story(2, categories=(("C",), ("c", "d")))]
    store.run((ONE, every))
    assert {each.item.title: each.folders for each in store.shown()} == {
        "Story 1": ("c", "c/d"),
        "Story 2": ("c", "c/d"),
    }


def _hidden(store: Store) -> set[str]:
    """Titles of copies that another copy of their story stands for."""
    with reading(store.engine) as db:
        shown = select(tables.story.c.item_id).where(tables.story.c.item_id.is_not(None))
        query = select(tables.item.c.title).where(tables.item.c.id.not_in(shown), tables.item.c.story_id.is_not(None))
        return set(db.scalars(query))


def _public_ids(store: Store) -> dict[int, str]:
    """The public id of every item."""
    with reading(store.engine) as db:
        query = select(tables.item.c.id, tables.story.c.public_id).join(
            tables.story, tables.story.c.id == tables.item.c.story_id
        )
        return {row[0]: row[1] for row in db.execute(query)}


# --- Crashes --------------------------------------------------------------------------------------------------------


class PowerError(Exception):
    pass


def test_a_crash_between_saving_and_settling_loses_nothing(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE, TWO, POSTS)
    store.run((ONE, [story(1), story(2)]), (POSTS, [post("a.md", "A"), post("b.md", "B")]))
    store.visit(ONE, story(1, title="Edited"), story(3), now=NOW + HOUR)
    store.visit(POSTS, post("b.md", "B"), now=NOW + HOUR)  # and here the power fails
    store.engine.dispose()
    store.run((TWO, [story(4)]), now=NOW + DAY)
    assert sorted(store.titles()) == ["B", "Edited", "Story 2", "Story 3", "Story 4"]
    assert store.shown("two")[0].first_seen == NOW + DAY
    assert {each.first_seen for each in store.shown() if each.item.title == "Story 3"} == {NOW + HOUR}


def test_a_crash_while_settling_leaves_all_as_it_was(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE)
    store.visit(ONE, story(1))
    with pytest.raises(PowerError), writing(store.engine) as db:
        stories.settle(db, NOW, "tag:planet.example,2026:", {})
        raise PowerError
    assert store.titles() == []
    store.settle()
    assert store.titles() == ["Story 1"]


def test_a_crash_while_saving_leaves_the_visit_to_be_made_again(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE)
    before = standing(store)
    found = Visit(ONE, (story(1),), documents={ONE.key: Validators("etag")})
    with pytest.raises(PowerError), writing(store.engine) as db:
        due = Due(NOW + HOUR, "every 1 h")
        visits.save(db, [visits.Kept(before.id, found, (), due, visits.Learned(Hints()))], NOW)
        raise PowerError
    assert (standing(store), validators(store)) == (before, {})


def test_warnings_of_an_earlier_store(fresh: Callable[..., Store]) -> None:
    """They were a list; those of a feed hold until it is read again, of posts nobody knows whose they were."""
    store = fresh(ONE, POSTS)
    store.visit(ONE, story(1))
    with writing(store.engine) as db:
        db.execute(tables.source.update().values(warnings='["it is torn"]'))
    assert standing(store).warnings == ("it is torn",)
    assert store.visit(POSTS).warnings == ()
    held = store.visit(ONE, documents={}, held={ONE.key: Validators("etag")})
    assert (held.warnings, held.told) == (("it is torn",), frozenset(["it is torn"]))
    assert standing(store).warnings == ("it is torn",)
    assert store.visit(ONE, story(1), said={ONE.key: ("", "x")}).warnings == ("", "x")
    assert standing(store).warnings == ("", "x")


def copies_of(store: Store) -> Iterable[list[dict[str, str]]]:
    with reading(store.engine) as db:
        return channels.copies(db).values()


def test_all_copies_of_a_story_are_listed(fresh: Callable[..., Store]) -> None:
    store = fresh(ONE, POSTS)
    store.run((ONE, [story(1, url=PAGE)]), (POSTS, [post("a.md", "A", url=PAGE)]))
    (copies,) = copies_of(store)
    assert copies == [
        {"source": ONE.key, "guid": "g1", "url": PAGE, "file": ""},
        {"source": POSTS.key, "guid": "", "url": PAGE, "file": "a.md"},
    ]
