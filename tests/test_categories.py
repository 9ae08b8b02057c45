"""Categories' folders: readable, safe on every file system, never shared, chosen once."""

import hashlib
import os
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from aggregator.matching import fold_path
from aggregator.model import CategoryPath
from aggregator.store import categories, channels, tables
from aggregator.store.engine import open_store
from aggregator.store.values import dump_path
from tests.planet import Planet, rss
from tests.server import Server

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))}


@pytest.fixture(scope="module")
def _connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    engine = open_store(f"sqlite:///{tmp_path_factory.mktemp('categories') / 'a.db'}")
    with engine.connect() as db:
        yield db
    engine.dispose()


@pytest.fixture
def db(_connection: Connection) -> Iterator[Connection]:
    """A store without categories, that forgets what a test did."""
    with _connection.begin() as transaction:
        yield _connection
        transaction.rollback()


def place(
    db: Connection, *paths: CategoryPath, slugs: Mapping[CategoryPath, str] | None = None
) -> dict[CategoryPath, str]:
    """The folders of all categories, once these are placed."""
    categories.place(db, paths, slugs or {}, NOW)
    return {place.path: place.folder for place in channels.places(db)}


def assert_safe(folders: Mapping[CategoryPath, str]) -> None:
    """Each category has a folder of its own below its parent's, with a name that every file system takes."""
    seen = {unicodedata.normalize("NFC", folder).casefold() for folder in folders.values()}
    assert len(seen) == len(folders)
    for path, folder in folders.items():
        if not path:
            assert folder == ""
            continue
        above, _, name = folder.rpartition("/")
        assert above == folders[path[:-1]]
        assert 0 < len(os.fsencode(name)) <= 160
        assert name not in (".", "..")
        assert name.casefold() not in DEVICES
        assert unicodedata.normalize("NFC", name) == name
        assert all(char == "-" or unicodedata.category(char)[0] in "LNM" for char in name), name


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        (("新媒体", "快科技（原驱动之家）", "最新新闻"), "新媒体/快科技-原驱动之家/最新新闻"),
        (("Science & Technology",), "science-and-technology"),
        (("C++", "C#"), "c-plus-plus/c-sharp"),
        (("Übersicht", "Straße"), "übersicht/strasse"),
        (("日本語", "ニュース"), "日本語/ニュース"),
        (("../../etc",), "etc"),
        (("/etc/passwd",), "etc-passwd"),
        (("a/b\\c:d",), "a-b-c-d"),
        (("Tech\x00\n\u202e",), "tech"),
        (("100%",), "100"),
        ((".hidden.",), "hidden"),
    ],
)
def test_a_folder_can_be_read(db: Connection, path: CategoryPath, folder: str) -> None:
    folders = place(db, path)
    assert folders[path] == folder
    assert_safe(folders)
    assert set(folders) == {path[:depth] for depth in range(len(path) + 1)}


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["C", "C++", "C#"], id="C, C++, C#"),
        pytest.param(["Tech", "tech", "TECH", "Tech!", " tech"], id="case and punctuation"),
        pytest.param(["café", "cafe\u0301", "Cafe"], id="composed and decomposed"),
        pytest.param(["ﬁ", "fi", "ＦＩ"], id="compatibility"),
        pytest.param(["strasse", "Straße"], id="sharp s"),
        pytest.param(["🎉", "🎉🎉", "🔥", "!", "…", "-"], id="nothing of the name is left"),
        pytest.param(["CON", "con.", "NUL", "com1", "aux"], id="devices"),
        pytest.param(["..", ".", "../..", "./"], id="dots"),
        pytest.param(["中" * 100, "中" * 100 + "文", "x" * 300, "x" * 301], id="too long"),
        pytest.param(["a", "A", "a-559aea"], id="a name that looks like a mark"),
    ],
)
def test_names_that_would_share_a_folder_do_not(db: Connection, names: list[str]) -> None:
    paths = [(name,) for name in names] + [("below", name) for name in names]
    folders = place(db, *paths)
    assert len(folders) == len({fold_path(path) for path in paths}) + 2
    assert_safe(folders)


@pytest.mark.parametrize(
    ("placed", "stored"),
    [
        ([("Tech",), ("tech",), ("ＴＥＣＨ",)], {("Tech",)}),
        ([("ｶﾞｼﾞｪｯﾄ",), ("ガジェット",)], {("ガジェット",)}),
        ([("Straße",), ("STRASSE", "x")], {("STRASSE",), ("STRASSE", "x")}),
        ([("café",), ("cafe\u0301",)], {("cafe\u0301",)}),
        ([("Tech", "A"), ("tech", "a", "b")], {("Tech",), ("Tech", "A"), ("Tech", "A", "b")}),
        ([("Tech",), ("Tech!",), ("Téch",)], {("Tech",), ("Tech!",), ("Téch",)}),
    ],
)
def test_case_and_width_make_no_other_category(
    db: Connection, placed: list[CategoryPath], stored: set[CategoryPath]
) -> None:
    """Of new ones the first in sorted order gives the spelling; what is below a category has that of the category."""
    assert place(db, *placed).keys() - {()} == stored
    assert place(db, *reversed(placed)).keys() - {()} == stored
    ids = categories.place(db, placed, {}, NOW)
    assert {ids[path] for path in placed} <= set(ids.values())
    assert len({ids[path] for path in placed}) == len({fold_path(path) for path in placed})


def test_what_the_config_spells_stays_so(db: Connection) -> None:
    place(db, ("tech",))
    assert place(db, ("TECH",), ("Tech", "x")).keys() - {()} == {("tech",), ("tech", "x")}
    assert place(db, ("tech",), slugs={("Tech",): "it"}) == place(db)
    assert categories.rename(db, {("Tech",): "it"}) == (
        "category Tech has moved from tech/ to it/; the old folder stays as it was",
    )
    assert place(db)["tech", "x"] == "it/x"


def test_twins_of_earlier_days_stay_and_the_older_is_used(db: Connection) -> None:
    for path, folder in ((("tech",), "tech"), (("Tech",), "tech-1")):
        values = {"path": dump_path(path), "folder": folder, "created": 0, "revision": 0, "rendered": ""}
        db.execute(tables.category.insert().values(values))
    older, newer = (place.id for place in channels.places(db) if place.path)
    ids = categories.place(db, [("TECH",), ("Tech",), ("tech",)], {}, NOW)
    assert {ids[path] for path in (("TECH",), ("Tech",), ("tech",))} == {older}
    assert newer != older


def test_every_name_can_be_a_folder_here(db: Connection, tmp_path: Path) -> None:
    names = ["新媒体", "🎉", "x" * 300, "中" * 200, "..", "CON", "a/b", "\x00", "C++"]
    folders = place(db, *[(first, second) for first in names for second in names])
    for folder in folders.values():
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    assert sum(1 for path in tmp_path.rglob("*") if path.is_dir()) == len(folders) - 1


def test_the_deepest_path_fits(db: Connection, tmp_path: Path) -> None:
    (tmp_path / place(db, ("中" * 200,) * 12)[("中" * 200,) * 12]).mkdir(parents=True)


def test_names_that_take_the_marks_of_another_first(db: Connection) -> None:
    mark = hashlib.sha256(b"a?").hexdigest()
    place(db, ("a",), (f"a-{mark[:6]}",), (f"a-{mark}",))
    folders = place(db, ("a?",))
    assert folders[("a?",)] == f"a-{mark}-1"
    assert_safe(folders)


def test_the_order_of_discovery_within_a_run_says_nothing(db: Connection) -> None:
    paths = [("Tech",), ("tech",), ("tech!", "x"), ("TECH", "X")]
    found = []
    for order in permutations(paths):
        with db.begin_nested() as savepoint:
            found.append(place(db, *order))
            savepoint.rollback()
    assert all(folders == found[0] for folders in found)


def test_a_folder_stays_whatever_comes_later(db: Connection) -> None:
    before = place(db, ("tech",), ("🎉",), ("a", "B"))
    after = place(db, ("Tech",), ("TECH",), ("🔥",), ("a", "b"), ("A", "B"))
    assert before.items() <= after.items()
    assert place(db, ("tech",), slugs={("tech",): "other"}) == after
    assert_safe(after)


NAMES = st.sampled_from(
    ["a", "A", "a!", "á", "a\u0301", "", ".", "..", "🎉", "CON", "a-b", "a b", "ß", "ss"]
) | st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=3).map(tuple), max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PATHS, st.randoms(use_true_random=False))
def test_any_names(db: Connection, paths: list[CategoryPath], random: Random) -> None:
    found = []
    for order in (paths, random.sample(paths, len(paths))):
        with db.begin_nested() as savepoint:
            found.append(place(db, *order))
            assert place(db, *order) == found[-1]
            savepoint.rollback()
    assert found[0] == found[1]
    assert_safe(found[0])


# --- Folders that the config names ----------------------------------------------------------------------------------


def rename(db: Connection, slugs: Mapping[CategoryPath, str]) -> tuple[Collection[str], dict[CategoryPath, str]]:
    """The notes of a rename, and the folders afterwards."""
    notes = categories.rename(db, slugs)
    folders = place(db)
    assert_safe(folders)
    assert categories.rename(db, slugs) == (), "the second time there is nothing to do"
    return notes, folders


def test_the_config_names_the_folder(db: Connection) -> None:
    slugs: dict[CategoryPath, str] = {("新媒体",): "New Media", ("新媒体", "快科技"): "mydrivers"}
    folders = place(db, ("新媒体", "快科技", "x"), ("new media",), slugs=slugs)
    assert folders[("新媒体", "快科技", "x")] == "new-media/mydrivers/x"
    assert folders[("new media",)].startswith("new-media-"), "who is named by the config comes first"
    assert rename(db, slugs) == ((), folders)


def test_a_folder_that_is_renamed_takes_those_below_along(db: Connection) -> None:
    place(db, ("a", "b"), ("a", "c"), ("ab",))
    notes, folders = rename(db, {("a",): "z"})
    assert notes == ("category a has moved from a/ to z/; the old folder stays as it was",)
    assert folders == {(): "", ("a",): "z", ("a", "b"): "z/b", ("a", "c"): "z/c", ("ab",): "ab"}
    with_notes = rename(db, {("a",): "z", ("a", "b"): "y"})
    assert with_notes[1][("a", "b")] == "z/y"
    assert rename(db, {})[1] == with_notes[1], "without a wish it stays"


@pytest.mark.parametrize("wish", ["taken", "Taken!", "CON", "🎉", "..", "x" * 300])
def test_a_wish_that_cannot_be_had_is_settled_once(db: Connection, wish: str) -> None:
    place(db, ("a", "b"), ("taken",))
    notes, folders = rename(db, {("a",): wish})
    assert len(notes) == 1
    assert folders[("a", "b")] == folders[("a",)] + "/b"
    assert folders[("taken",)] == "taken"


def test_two_categories_that_change_names(db: Connection) -> None:
    place(db, ("a",), ("b",))
    wishes: dict[CategoryPath, str] = {("a",): "b", ("b",): "a"}
    for _ in range(3):
        categories.rename(db, wishes)
        assert_safe(place(db))
    assert place(db) == {(): "", ("a",): "b", ("b",): "a"}


def test_a_rename_has_the_documents_written_anew(db: Connection) -> None:
    place(db, ("a", "b"), ("c",))
    for each in channels.places(db):
        channels.mark_rendered(db, each.id, "done")
    rename(db, {("a",): "z"})
    assert {each.path: each.rendered for each in channels.places(db)} == {
        (): "done",
        ("a",): "",
        ("a", "b"): "",
        ("c",): "done",
    }


def test_what_is_bumped_counts_on(db: Connection) -> None:
    ids = categories.place(db, [(f"c{number}",) for number in range(600)], {}, NOW)
    categories.bump(db, [number for path, number in ids.items() if path])
    categories.bump(db, [ids[("c1",)]])
    revisions = {each.path: each.revision for each in channels.places(db)}
    assert (revisions[()], revisions[("c0",)], revisions[("c1",)], revisions[("c599",)]) == (0, 1, 2, 1)


def test_a_category_remembers_when_it_came_to_be(db: Connection) -> None:
    place(db, ("a",))
    categories.place(db, [("a",), ("b",)], {}, NOW + timedelta(days=1))
    assert {each.path: each.created for each in channels.places(db)} == {
        (): NOW,
        ("a",): NOW,
        ("b",): NOW + timedelta(days=1),
    }


def test_an_alias_has_no_feed_of_its_own(planet: Planet, server: Server) -> None:
    server.put("/feed", rss([{"title": "A", "guid": "a"}]))
    planet.feed(server.url("/feed"), category="tech/python")
    planet.categories = [{"path": "Technology", "aliases": ["tech"]}]
    planet.run()
    assert {name for name in planet.files() if name.endswith("atom.xml")} == {
        "atom.xml",
        "technology/atom.xml",
        "technology/python/atom.xml",
    }
