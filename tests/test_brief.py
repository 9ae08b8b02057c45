"""Entries that stay as they were are read in brief; nothing that is kept tells of it."""

import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from aggregator import brief, collect, keeping, pipeline, planning
from aggregator.config import Config
from aggregator.model import Batch, Cost, Document, Found, Policy, Signs, Source, Validators, Visit
from aggregator.reading import pool, worker
from aggregator.store import retention, visits
from aggregator.store.engine import open_store, reading, writing
from aggregator.store.tables import item, metadata
from benchmarks import workload
from tests.planet import NOON, Planet, atom, rss
from tests.server import Server

URL = "https://news.example/feed"
HOUR = timedelta(hours=1)

# --- Reading ------------------------------------------------------------------------------------------------------


def read(body: bytes, entries: bytes = b"", url: str = URL, **source: Any) -> Batch:
    document = Document(URL, url, body, validators=Validators(entries=entries))
    return pool.read("feed", document, replace(Source(URL, "feed", None), **source))


def briefs(batch: Batch) -> list[bool]:
    return [not (each.content or each.summary) for each in batch.items]


@pytest.mark.parametrize("number", range(7))
def test_what_is_as_it_was_has_its_signs_and_no_content(number: int) -> None:
    first = read(workload.feed(number, 5))
    second = read(workload.feed(number, 5, extra=1), first.entries)
    plain = read(workload.feed(number, 5, extra=1))
    assert [set(each.brief) for each in (first, second, plain)] == [set(), set(second.items[1:]), set()]
    assert briefs(second) == [False] + [True] * 5
    assert second.items[0] == plain.items[0]
    assert (second.signs, second.entries, second.feed, second.hints) == (
        plain.signs,
        plain.entries,
        plain.feed,
        plain.hints,
    )
    for mine, whole in zip(second.items, plain.items, strict=True):
        assert (mine.guid, mine.url, mine.title) == (whole.guid, whole.url, whole.title)
        assert (mine.published, mine.updated, mine.day_only) == (whole.published, whole.updated, whole.day_only)


ENTRY = {"title": "One", "guid": "1", "description": "<p>Some <b>text</b></p>", "date": NOON}


@pytest.mark.parametrize(
    ("body", "source"),
    [
        (rss([ENTRY | {"description": "<p>Some <i>text</i></p>"}]), {}),
        (rss([ENTRY], language="fr"), {}),
        (rss([ENTRY]).replace(b"<link>https://news", b"<link>https://www.news"), {}),
        (rss([ENTRY]).replace(b"<channel>", b'<channel xml:base="https://other.example/">'), {}),
        (rss([ENTRY]).replace(b"<rss ", b'<rss xmlns:x="urn:x" '), {}),
        (rss([ENTRY]).replace(b'<rss version="2.0"><channel>', b"<feed>").replace(b"</channel></rss>", b"</feed>"), {}),
        (rss([ENTRY]), {"url": "https://other.example/feed"}),
        (rss([ENTRY]), {"categories": (("other",),)}),
        (rss([ENTRY]), {"language": "de"}),
        (rss([ENTRY]), {"zone": "Asia/Tokyo"}),
    ],
)
def test_what_may_mean_something_else_is_read_in_full(body: bytes, source: dict[str, Any]) -> None:
    known = read(rss([ENTRY])).entries
    assert known
    assert read(rss([ENTRY]), known).brief
    assert not read(body, known, **source).brief
    assert read(body, known, **source).items == read(body, **source).items


def test_what_stands_between_entries_is_none_of_their_bytes() -> None:
    assert read(rss([ENTRY]).replace(b"</item>", b"</item>\n \n"), read(rss([ENTRY])).entries).brief


def test_as_many_as_may_be_are_remembered() -> None:
    assert read(rss([ENTRY | {"guid": f"{number}"} for number in range(brief.MOST)])).entries


@pytest.mark.parametrize(
    "body",
    [
        rss([ENTRY]).replace(b"<item>", b"<item><source><id>urn:x</id></source>"),  # feedparser reads it
        rss([ENTRY]).replace(b"</item></channel>", b""),
        rss([ENTRY]).replace(b"Some ", b"Some & "),
    ],
)
def test_of_what_had_to_be_mended_or_is_odd_nothing_is_remembered(body: bytes) -> None:
    """Its entries need not stand beside those of the tree that prints are made of."""
    known = read(rss([ENTRY])).entries
    assert read(body, known).items
    assert (read(body, known).brief, read(body, known).entries) == (frozenset(), b"")


@pytest.mark.parametrize(
    "entries",
    [
        [{"guid": "1", "description": "No title"}],
        [ENTRY, ENTRY],
        [ENTRY | {"guid": f"{number}"} for number in range(brief.MOST + 1)],
        [ENTRY | {"description": "Too long " * 60_000}],
        [ENTRY | {"guid": f"{number}", "description": "All too long " * 8_000} for number in range(10)],
        [],
    ],
)
def test_of_what_would_not_do_in_brief_nothing_is_remembered(entries: list[dict[str, Any]]) -> None:
    assert read(rss(entries)).entries == b""


def test_what_takes_long_is_neither_remembered_nor_in_brief(monkeypatch: pytest.MonkeyPatch) -> None:
    known, both = read(rss([ENTRY])).entries, rss([ENTRY, ENTRY | {"guid": "2"}])
    document = Document(URL, URL, both, validators=Validators(entries=known))
    usual = [worker._read("feed", document, Source(URL, "feed", None)) for _ in range(2)][1]
    monkeypatch.setattr(worker, "QUICK", 0.0)
    slow = worker._read("feed", document, Source(URL, "feed", None))
    assert len(usual.brief) == 1
    assert (usual.items[1], usual.signs) == (slow.items[1], slow.signs)
    assert (slow.brief, slow.entries, briefs(slow)) == (frozenset(), b"", [False, False])
    monkeypatch.setattr(worker, "_loaded", set())
    assert worker._read("feed", document, Source(URL, "feed", None)).entries, "what it takes to load says nothing"


def test_twins_are_put_in_order_by_all_that_they_say() -> None:
    """Their signs are the same: what decides is their whole text, and one in brief has none."""
    twin = ENTRY | {"description": "<p>Some <i>text</i></p>"}
    known, both = read(rss([ENTRY])).entries, rss([ENTRY, twin])
    assert read(both, known).items == read(both).items


@pytest.mark.parametrize("name", ["__version__", "PRINTS"])
def test_what_another_version_has_read_is_not_heeded(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    known = read(rss([ENTRY])).entries
    document = Document(URL, URL, rss([ENTRY]), validators=Validators(entries=known))
    assert worker._read("feed", document, Source(URL, "feed", None)).brief
    monkeypatch.setattr(worker, name, "another")
    again = worker._read("feed", document, Source(URL, "feed", None))
    assert not again.brief
    assert again.entries[brief.STAMP :] == known[brief.STAMP :]


PRINTS = st.binary(min_size=16, max_size=16)


@given(st.dictionaries(PRINTS, st.tuples(PRINTS, PRINTS), max_size=9), st.binary(min_size=8, max_size=8))
def test_what_is_packed_comes_out(told: dict[bytes, tuple[bytes, bytes]], stamp: bytes) -> None:
    signs = [Signs((f"{n}",), words.hex(), digest.hex()) for n, (words, digest) in enumerate(told.values())]
    packed = brief.packed(stamp, list(told), signs)
    assert brief.unpacked(packed) == {own: (words.hex(), digest.hex()) for own, (words, digest) in told.items()}
    assert not told or packed.startswith(stamp)


# --- Keeping ------------------------------------------------------------------------------------------------------

DEEDS = (
    "leave",
    "leave",
    "leave",
    "edit",
    "mark",
    "retitle",
    "untitle",
    "reguid",
    "noguid",
    "relink",
    "redate",
    "twin",
)
POLICIES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"updates": "ignore"},
    {"updates": "silent"},
    {"on_vanish": "drop"},
    {"identity": "link"},
    {"identity": "content"},
    {"identity": "guid"},
    {"future": "hide"},
    {"future": "drop"},
    {"first_import": 2},
)


@dataclass(frozen=True)
class Step:
    """A visit: what is listed in which order and what was done to each before; what its owner and others did."""

    listed: Sequence[tuple[int, str]]
    policy: dict[str, Any]
    category: str
    is_atom: bool
    removed: int | None
    language: str


STEPS = st.lists(
    st.builds(
        Step,
        st.lists(st.tuples(st.integers(0, 5), st.sampled_from(DEEDS)), unique_by=lambda pair: pair[0], max_size=6),
        st.sampled_from(POLICIES),
        st.sampled_from(["a", "a", "a", "b"]),
        st.sampled_from([False, False, False, True]),
        st.none() | st.integers(0, 5),
        st.sampled_from(["en", "en", "en", "fr"]),
    ),
    min_size=2,
    max_size=6,
)


def done(entry: dict[str, Any], deed: str, stamp: int) -> dict[str, Any]:
    """An entry after something was done to it."""
    without = {"untitle": "title", "noguid": "guid"}
    changed: dict[str, dict[str, Any]] = {
        "edit": {"description": f"<p>Edited {stamp} of {entry['link']}</p>"},
        "mark": {"description": entry["description"].replace("<p>", "<p><br>", 1)},
        "retitle": {"title": f"Title {stamp}"},
        "reguid": {"guid": f"urn:{stamp}:{entry['link']}"},
        "relink": {"link": f"{entry['link']}{stamp}"},
        "redate": {"date": NOON + timedelta(hours=7 * stamp - 10)},
        "twin": {"title": "Twin", "guid": "twin", "link": "https://news.example/twin", "date": NOON},
    }
    return {name: value for name, value in (entry | changed.get(deed, {})).items() if name != without.get(deed)}


def document(step: Step, entries: dict[int, dict[str, Any]]) -> bytes:
    every = [entries[number] for number, _ in step.listed]
    if not step.is_atom:
        return rss(every, language=step.language)
    return atom(
        {
            "id": each.get("guid", "none"),
            "title": each.get("title", ""),
            "date": each["date"],
            "text": each["description"],
        }
        for each in every
    )


class Kept:
    """A store that one feed is kept in, with what is known of its entries or without."""

    def __init__(self, url: str, config: Config, *, heeds: bool) -> None:
        self.engine: Engine = open_store(url)
        self.config, self.heeds = config, heeds
        self.in_brief = self.in_full = 0

    def visit(self, step: Step, body: bytes, now: Any) -> keeping.Outcome | None:
        """One visit, and what follows from it."""
        (own,) = self.config.sources
        own = replace(own, policy=Policy(**step.policy), categories=((step.category,),))
        config = replace(self.config, sources=(own,))
        planning.align(self.engine, config, now)
        if step.removed is not None:
            with writing(self.engine) as db:
                ids = list(db.scalars(select(item.c.id).where(item.c.removed.is_(None)).order_by(item.c.id)))
                retention.remove(db, ids[step.removed : step.removed + 1], now, "retention")
        plan = planning.prepare(self.engine, config, now, force=True)
        ((source, known),) = plan.due
        before = known[URL].entries if self.heeds and URL in known else b""
        sent = Validators(etag=f'"{now}"', url=URL, entries=before)
        visit = self._counted(collect._read(source, Found(changed=(Document(URL, URL, body, validators=sent),))))
        visit = replace(visit, seconds=1.5, cost=Cost(requests=1, received=len(body), status=200))
        outcome = keeping.keep(self.engine, visit, plan.standings[own.key], now)
        with writing(self.engine) as db:
            pipeline.settle(db, config, now)
        return outcome

    def _counted(self, visit: Visit) -> Visit:
        """The visit, which says whether it had to be read in full after all."""
        whole = visit.whole
        if not whole:
            return visit
        self.in_brief += 1

        def again() -> Visit:
            self.in_full += 1
            return whole()

        return replace(visit, whole=again)

    def rows(self) -> dict[str, list[str]]:
        """All that is stored, but for what this is about."""
        with reading(self.engine) as db:
            return {
                table.name: sorted(
                    repr([value for name, value in row._mapping.items() if name != "entries" or table.name == "source"])
                    for row in db.execute(select(table))
                )
                for table in metadata.sorted_tables
            }


def entries_of_a_feed() -> dict[int, dict[str, Any]]:
    return {
        number: {
            "title": f"Entry {number}",
            "guid": f"urn:{number}",
            "link": f"https://news.example/{number}",
            "description": f"<p>Text {number} with <b>marks</b></p>",
            "date": NOON - timedelta(hours=number + 1),
        }
        for number in range(6)
    }


def same_rows(steps: Sequence[Step], stores: Callable[[], str], config: Config) -> tuple[int, int]:
    """Go through the steps in two stores; how many visits were in brief, and how many of these did not do."""
    mine, plain = Kept(stores(), config, heeds=True), Kept(stores(), config, heeds=False)
    try:
        entries = entries_of_a_feed()
        for number, step in enumerate(steps):
            for each, deed in step.listed:
                entries[each] = done(entries_of_a_feed()[each] | entries[each], deed, number)
            body, now = document(step, entries), NOON + number * HOUR
            outcomes = [each.visit(step, body, now) for each in (mine, plain)]
            assert outcomes[0] == outcomes[1]
            assert mine.rows() == plain.rows()
        assert not plain.in_brief
    finally:
        mine.engine.dispose()
        plain.engine.dispose()
    return mine.in_brief, mine.in_full


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    planet = Planet(tmp_path_factory.mktemp("planet"))
    planet.feed(URL, category="a")
    return planet.load()


@settings(max_examples=12, deadline=None)
@given(STEPS)
def test_whatever_a_feed_does_the_store_is_the_same(template: Path, config: Config, steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        names = iter("ab")
        same_rows(steps, lambda: f"sqlite:///{shutil.copy(template, Path(folder, next(names)))}", config)


@pytest.mark.both_stores
def test_a_long_life_in_brief_leaves_the_same(new_store: Callable[[], str], config: Config) -> None:
    chance = random.Random(7)
    deeds = ["leave"] * 8 + list(DEEDS)
    steps = [
        Step(
            [(each, chance.choice(deeds)) for each in chance.sample(range(6), chance.randint(3, 6))],
            chance.choice(POLICIES[:5]),
            "a",
            is_atom=False,
            removed=chance.choice([None, None, None, 2]),
            language="en",
        )
        for _ in range(25)
    ]
    in_brief, in_full = same_rows(steps, new_store, config)
    assert in_brief >= 10
    assert 0 < in_full < in_brief, "none of them needed all, or all of them did"


def test_entries_with_nothing_but_a_title_are_not_read_twice(new_store: Callable[[], str], config: Config) -> None:
    kept = Kept(new_store(), config, heeds=True)
    every = [{"title": f"Entry {number}", "guid": f"{number}", "date": NOON} for number in range(4)]
    try:
        for count in (2, 3, 4):
            step = Step([], {}, "a", is_atom=False, removed=None, language="en")
            outcome = kept.visit(step, rss(every[:count]), NOON + count * HOUR)
            assert outcome is not None
            assert outcome.counts["new"] == (2 if count == 2 else 1)
        assert (kept.in_brief, kept.in_full) == (2, 0)
    finally:
        kept.engine.dispose()


@pytest.mark.parametrize("policy", [{}, {"identity": "guid"}, {"identity": "link", "updates": "ignore"}])
def test_where_guids_are_left_out_nothing_is_in_brief_for_long(
    new_store: Callable[[], str], config: Config, policy: dict[str, Any]
) -> None:
    listed = [[(each, "leave") for each in range(count)] for count in (3, 4, 5, 6)]
    steps = [Step(some, policy if number else {}, "a", False, None, "en") for number, some in enumerate(listed)]
    heeds_guids = "link" not in policy.values()
    assert same_rows(steps, new_store, config) == ((3, 0) if heeds_guids else (1, 1))


def test_an_entry_that_was_put_off_until_its_day_comes_whole(new_store: Callable[[], str], config: Config) -> None:
    """It is known by its print and new all the same."""
    listed = [[(0, "leave")], [(0, "leave"), (1, "leave")], [(0, "leave"), (1, "leave"), (2, "redate")]]
    listed += [[(0, "leave"), (1, "leave"), (2, "leave")]] * 3
    steps = [Step(some, {"future": "drop"}, "a", False, None, "en") for some in listed]
    assert same_rows(steps, new_store, config) == (5, 1)


def test_where_guids_were_found_to_tell_nothing_nothing_is_in_brief(
    new_store: Callable[[], str], config: Config
) -> None:
    mine, plain = Kept(new_store(), config, heeds=True), Kept(new_store(), config, heeds=False)
    every = [each | {"guid": "the same"} for each in entries_of_a_feed().values()]
    step = Step([], {}, "a", is_atom=False, removed=None, language="en")
    try:
        for count in (3, 4, 5):
            body, now = rss(every[:count]), NOON + count * HOUR
            assert mine.visit(step, body, now) == plain.visit(step, body, now)
            assert mine.rows() == plain.rows()
        assert mine.in_brief == 0
    finally:
        mine.engine.dispose()
        plain.engine.dispose()


def test_what_is_forgotten_of_a_document_is_what_its_entries_were_as_well(
    new_store: Callable[[], str], config: Config
) -> None:
    kept = Kept(new_store(), config, heeds=True)
    try:
        kept.visit(Step([], {}, "a", is_atom=False, removed=None, language="en"), rss([ENTRY]), NOON)
        with writing(kept.engine) as db:
            assert visits.validators(db, 1)[URL].entries
            visits.forget_documents(db, 1)
            assert visits.validators(db, 1) == {URL: Validators()}
    finally:
        kept.engine.dispose()


def test_a_run_leaves_in_brief_what_an_earlier_one_has_read(
    planet: Planet, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []

    def heard(*what: Any, **more: Any) -> Batch:
        batch = read_by_others(*what, **more)
        found.append(len(batch.brief))
        return batch

    read_by_others = pool.read
    monkeypatch.setattr(pool, "read", heard)
    planet.feed(server.url("/", host="127.0.0.1"))
    every = [ENTRY | {"guid": f"{number}", "title": f"Entry {number}"} for number in range(3)]
    for count in (1, 2, 3):
        server.put("/", rss(every[:count]))
        planet.run(force=True, later=HOUR)
    assert found == [0, 1, 2]
    assert [len(each.content[0].value) for each in planet.published().entries] == [len("<p>Some <b>text</b></p>")] * 3


def test_what_is_read_once_more_is_urgent_and_its_trouble_is_the_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    def bad(_kind: str, document: Document, _source: Source, *, urgent: bool) -> Batch:
        raise RuntimeError((urgent, document.validators.entries))

    document = Document(URL, URL, rss([ENTRY]), validators=Validators(entries=read(rss([ENTRY])).entries))
    visit = collect._read(Source(URL, "feed", None), Found(changed=(document,)))
    monkeypatch.setattr(pool, "read", bad)
    assert visit.whole
    assert visit.whole().error == "internal error: RuntimeError: (True, b''); please report it"
