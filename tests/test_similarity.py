"""Texts that read nearly the same: their prints, and the stories that they make one."""

import time
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import similarity
from tests.kept import Kept
from tests.planet import rss
from tests.server import Server

pytestmark = pytest.mark.both_stores

DAY = timedelta(days=1)

ENGLISH = """The council of the old harbour town voted on Tuesday to keep the ferry running through the winter, after months
of letters from islanders who feared that they would be cut off whenever the causeway flooded. Fares rise by a tenth, and
the last boat will leave an hour earlier on weekdays. The operator had asked for twice as much, and warned that its two
vessels, both built in the seventies, need new engines before the next inspection. A grant from the region may pay for
one of them; for the other there is no money yet. Teachers, nurses and the island's only baker spoke at the hearing,
which lasted until midnight, and several brought children who cross the water every morning to reach their school."""

CHINESE = """老港城的议会周二投票决定，整个冬季继续开行渡轮。几个月来，岛上居民不断来信，担心堤道一旦被淹就会与外界隔绝。票价将上涨一成，
工作日的末班船提前一小时开出。运营方原本要求加倍，并警告说两艘建于七十年代的船在下次检验之前都要换新的发动机。地区的拨款也许够换一台，另一台的钱还没有着落。
教师、护士和岛上唯一的面包师都在听证会上发了言，会议一直开到半夜，好几个人还带来了每天早上渡海上学的孩子。"""

EDITS = [
    (ENGLISH, "The council", "THE  COUNCIL"),
    (ENGLISH, "by a tenth", "by a fifth"),
    (ENGLISH, "school.", "school. Read more."),
    (ENGLISH, "hearing,", "hearing"),
    (CHINESE, "周二", "星期二"),
    (CHINESE, "，", ","),
    (CHINESE, "孩子。", "孩子们。"),
]
"""Texts, and what publishers do to one another's."""


def apart(one: str, other: str) -> int:
    prints = similarity.fingerprint(one), similarity.fingerprint(other)
    assert prints[0] is not None
    assert prints[1] is not None
    return similarity.distance(prints[0], prints[1])


@pytest.mark.parametrize(("before", "old", "new"), EDITS)
def test_an_edit_is_near(before: str, old: str, new: str) -> None:
    assert old in before
    assert apart(before, before.replace(old, new)) <= similarity.NEAR


@pytest.fixture(scope="module")
def posts(request: pytest.FixtureRequest) -> list[str]:
    """The texts of the posts that come with the project, as far as they are long enough."""
    files = sorted((request.config.rootpath / "seeds").rglob("*.md"))
    bodies = [file.read_text("utf-8", errors="replace").split("---", 2)[-1] for file in files]
    return [body for body in bodies if similarity.fingerprint(body) is not None]


def test_real_texts_are_near_after_a_small_edit_and_far_from_each_other(posts: list[str]) -> None:
    """What the limit of 3 bits is worth: most small edits are caught, and other texts are nowhere near."""
    edits = [
        apart(body, edited)
        for body in posts
        for edited in (body.replace("。", ".", 1), body + "\n\n(via)", body.replace(body.split()[-1], "", 1))
    ]
    assert len(posts) > 10
    assert sum(bits <= similarity.NEAR for bits in edits) > 0.75 * len(edits)
    assert min(apart(one, other) for one, other in combinations(posts, 2)) > 3 * similarity.NEAR


def test_the_same_words_about_something_else_are_another_text() -> None:
    """A form that is filled in anew each day is no copy of yesterday's."""
    assert apart(ENGLISH, ENGLISH.replace("ferry", "tram").replace("island", "valley").replace("boat", "car")) > 3


@pytest.mark.parametrize("short", ["", "word " * 49, "好" * 50, "!?" * 500])
def test_short_texts_have_no_print(short: str) -> None:
    assert similarity.fingerprint(short) is None


@pytest.mark.parametrize("long", ["word " * 50, "好" * 51, "x" * 200 + " y" * 49])
def test_texts_of_fifty_shingles_have_one(long: str) -> None:
    assert similarity.fingerprint(long) is not None


@settings(max_examples=50)
@given(st.text(max_size=400), st.integers(0, 2**64 - 1), st.sets(st.integers(0, 63), max_size=3))
def test_prints(any_text: str, one: int, flipped: set[int]) -> None:
    assert similarity.fingerprint(any_text) == similarity.fingerprint(any_text)
    assert similarity.of_keys(similarity.keys(one)) == one
    assert similarity.of_keys(similarity.keys(one)[1:]) is None
    other = one
    for bit in flipped:
        other ^= 1 << bit
    assert similarity.distance(one, other) == len(flipped)
    assert set(similarity.keys(one)) & set(similarity.keys(other))


@pytest.fixture
def planet(tmp_path: Path, store: str) -> Kept:
    planet = Kept(tmp_path, store)
    planet.site["near_duplicates"] = True
    return planet


def tell(planet: Kept, server: Server, number: int, *texts: str, title: str = "The ferry") -> None:
    """A feed whose entries are told by nothing but their texts."""
    url = server.url(f"/{number}", host=f"127.0.0.{number}")
    items = [
        {"guid": f"{url}/{place}", "link": f"https://{number}.example/{place}", "title": title, "description": each}
        for place, each in enumerate(texts)
    ]
    server.put(f"/{number}", rss(items, title=f"Feed {number}"))
    if not any(source["url"] == url for source in planet.sources):
        planet.feed(url)


EDITED = ENGLISH.replace("by a tenth", "by a fifth")


@pytest.mark.parametrize(
    ("texts", "stories"),
    [
        ((ENGLISH, EDITED), 1),
        ((CHINESE, CHINESE.replace("周二", "星期二")), 1),
        ((ENGLISH, CHINESE), 2),
        (("Short", "Short"), 2),  # never by the title alone
        ((ENGLISH[:300], ENGLISH), 2),
    ],
)
def test_near_entries_of_two_sources_are_one_story(
    planet: Kept, server: Server, texts: tuple[str, str], stories: int
) -> None:
    for number, each in enumerate(texts, start=2):
        tell(planet, server, number, each)
    planet.run()
    assert len(planet.titles()) == stories


def test_near_entries_of_one_source_are_two(planet: Kept, server: Server) -> None:
    tell(planet, server, 2, ENGLISH, EDITED)
    planet.run()
    tell(planet, server, 3, EDITED, ENGLISH)
    planet.run()
    assert len(planet.titles()) == 2


@pytest.mark.parametrize(("later", "stories"), [(6, 1), (8, 2)])
def test_a_week_apart_they_are_two(planet: Kept, server: Server, later: int, stories: int) -> None:
    tell(planet, server, 2, ENGLISH)
    planet.run()
    before = planet.ids()
    tell(planet, server, 3, EDITED)
    planet.run(later=later * DAY)
    assert len(planet.titles()) == stories
    assert before["The ferry"] in {entry.id for entry in planet.published().entries}


def test_it_is_off_unless_wanted(planet: Kept, server: Server) -> None:
    """Switched on, it joins what comes from then on to what came within the week; public stories stay as they are."""
    del planet.site["near_duplicates"]
    keys = "select count(*) from item_key where key like 'near:%'"
    for number in (2, 3):
        tell(planet, server, number, ENGLISH.replace("tenth", f"{number} in ten"))
    planet.run()
    assert (len(planet.titles()), planet.rows(keys)) == (2, [(0,)])
    planet.site["near_duplicates"] = True
    tell(planet, server, 4, EDITED)
    planet.run()
    assert (len(planet.titles()), planet.rows(keys)) == (2, [(12,)])
    planet.run(later=8 * DAY)
    assert planet.rows(keys) == [(0,)]
    tell(planet, server, 2, EDITED, CHINESE)
    planet.run(later=DAY)
    assert planet.rows(keys) == [(4,)]
    planet.site["near_duplicates"] = False
    planet.run()
    assert planet.rows(keys) == [(0,)]


def test_an_edit_gives_new_keys(planet: Kept, server: Server) -> None:
    tell(planet, server, 2, CHINESE)
    planet.run()
    tell(planet, server, 2, ENGLISH)
    planet.run(later=DAY)
    tell(planet, server, 3, EDITED)
    planet.run()
    assert len(planet.titles()) == 1


def test_a_print_is_quick() -> None:
    begun = time.perf_counter()
    assert similarity.fingerprint("word " * 2_000_000) is not None
    assert similarity.fingerprint("".join(map(chr, range(0x4E00, 0x9FA5))) * 100) is not None
    assert time.perf_counter() - begun < 5
