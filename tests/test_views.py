"""From a config to how entries are shown: aliases, rules of sources, categories with their rules, virtual categories."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator import config
from aggregator.model import CategoryPath, Item, Match, Policy, Rule, Shelf, Tag
from aggregator.views import View, view
from tests import build
from tests.build import DAY, item, source

URL = "https://news.example/feed"
SITE = '[site]\ntitle = "Planet"\nbase_url = "https://planet.example/"\n'
FEED = f'[[source]]\nurl = "{URL}"\n'


def configured(folder: Path, text: str) -> View:
    """The view of a config with one feed, at `URL`; `text` goes on with its table."""
    file = folder / "aggregator.toml"
    file.write_text(f"{SITE}{FEED}{text}", encoding="utf-8")
    return view(config.load(file))


def shelved(*shelves: Shelf) -> View:
    return View(shelves={shelf.path: shelf for shelf in shelves})


def excluding(*title: str) -> Rule:
    return Rule(exclude=Match(title=title))


def including(*title: str) -> Rule:
    return Rule(include=Match(title=title))


# --- A source's rules -----------------------------------------------------------------------------------------------


def test_without_rules_an_entry_is_shown_as_it_is(tmp_path: Path) -> None:
    plain = configured(tmp_path, "")
    for key in (URL, "https://gone.example/"):
        entry = item(tags=(Tag("a"),), categories=(("A",),))
        assert plain.item(key, entry, DAY) is entry  # the store sees by that that nothing is to be written
        assert plain.explain_item(key, item(), DAY) == ()
        assert plain.source_print(key) == ""
    assert plain.routing_print == ""
    assert plain.places(item(), frozenset(), DAY) == {(): False}
    assert plain.places(item(), frozenset({("A", "B")}), DAY) == {(): False, ("A",): False, ("A", "B"): True}
    assert plain.entry(("A",), item(), DAY) == item()


def test_a_source_has_its_rules(tmp_path: Path) -> None:
    text = """
        images = false
        content = "summary"
        [[source.rule]]
        exclude = { title = ["sponsored", "/^ad:/"] }
        [[source.rule]]
        when = { language = "zh" }
        title = "{source}: {title}"
        link = "https://mirror.example{path}"
        [[source.rule]]
        when.older = "30d"
        route = ["Archive", ["A", "B/C"]]
        """
    ours = configured(tmp_path, text)
    assert ours.item(URL, item(title="Ad: buy"), DAY) is None
    assert ours.item("https://other.example/", item(title="Ad: buy"), DAY)
    assert ours.explain_item(URL, item(title="Sponsored"), DAY) == (
        "source rule 1 excludes it: its title has `sponsored`",
    )
    shown = ours.item(
        URL, item(title="新闻", language="zh-CN", content='<img src="https://a.example/1.png"><p>x</p>'), DAY
    )
    assert shown == item(
        title="news.example: 新闻", language="zh-CN", url="https://mirror.example/1", content="", summary="x"
    )
    old = ours.item(URL, item(), DAY + timedelta(days=31))
    assert old and old.categories == (("Archive",), ("A", "B/C"))


@pytest.mark.parametrize(
    ("own", "feed", "name"),
    [("title = 'Mine'", "", "Mine"), ("", "", "news.example"), ("title = 'Mine'", "Upstream's own", "Upstream's own")],
)
def test_what_a_source_is_called(tmp_path: Path, own: str, feed: str, name: str) -> None:
    ours = configured(tmp_path, f"{own}\n[[source.rule]]\ntitle = '{{source}}'")
    shown = ours.item(URL, item(feed=build.feed(title=feed) if feed else None), DAY)
    assert shown and shown.title == name


# --- Aliases --------------------------------------------------------------------------------------------------------

ALIASES = """
[[category]]
path = "Technology"
aliases = ["Tech", "科技", "IT/Soft", "TCP/IP"]
[[category]]
path = "Technology/AI"
aliases = ["ai", ["Tech", "Artificial Intelligence"]]
[[category]]
path = "World"
"""


@pytest.mark.parametrize(
    ("paths", "tags", "ours"),
    [
        ([], [], []),
        ([("Other",)], [Tag("other")], [("Other",)]),
        ([("tech",)], [], [("Technology",)]),
        ([("ＴＥＣＨ",)], [], [("Technology",)]),
        ([("technology", "Python")], [], [("Technology", "Python")]),
        ([("Tech", "Python")], [], [("Technology", "Python")]),
        ([("Tech", "artificial intelligence", "x")], [], [("Technology", "AI", "x")]),
        ([("IT", "Soft")], [], [("Technology",)]),
        ([("IT",)], [], [("IT",)]),
        ([("科技",), ("Tech",)], [], [("Technology",)]),
        ([("Other",)], [Tag("科技")], [("Other",), ("Technology",)]),
        ([], [Tag("x", label="TECH")], [("Technology",)]),
        ([], [Tag("tcp/ip"), Tag("AI")], [("Technology",), ("Technology", "AI")]),
        ([], [Tag("World"), Tag("technology")], []),
        ([tuple("Tabcdefghijkl")], [Tag("")], [tuple("Tabcdefghijkl")]),
        ([("tech", *"bcdefghijkl")], [], [("Technology", *"bcdefghijkl")]),
    ],
)
def test_aliases(tmp_path: Path, paths: list[CategoryPath], tags: list[Tag], ours: list[CategoryPath]) -> None:
    given = item(categories=tuple(paths), tags=tuple(tags))
    for key in (URL, "https://gone.example/"):
        shown = configured(tmp_path, ALIASES).item(key, given, DAY)
        assert shown and shown.categories == tuple(ours)


def test_rules_see_our_categories_and_routes_are_ours(tmp_path: Path) -> None:
    text = "[[source.rule]]\nwhen.within = 'technology'\nroute = ['WORLD', 'tech/x']\n"
    ours = configured(tmp_path, text + ALIASES)
    routed = ours.item(URL, item(tags=(Tag("科技"),)), DAY)
    assert routed and routed.categories == (("World",), ("Technology", "x"))
    assert ours.explain_item(URL, item(categories=(("Tech",),), tags=(Tag("ai"),)), DAY) == (
        "its category Tech is Technology",
        "its tag `ai` means Technology / AI",
        "source rule 1 routes it to WORLD",
        "source rule 1 routes it to tech / x",
    )


# --- Places ---------------------------------------------------------------------------------------------------------

A, B, AB, ABC, V = ("A",), ("B",), ("A", "B"), ("A", "B", "C"), ("V",)

PLACES: list[tuple[list[Shelf], set[CategoryPath], dict[CategoryPath, bool]]] = [
    # rules of everything, of those above, of its own
    ([Shelf((), rules=(excluding("story"),))], set(), {}),
    ([Shelf((), rules=(excluding("story"),))], {A}, {}),
    ([Shelf((), rules=(including("ruby"),))], {A}, {}),
    ([Shelf(A, rules=(excluding("story"),))], {A}, {}),
    ([Shelf(A, rules=(excluding("story"),))], set(), {(): False}),
    ([Shelf(A, rules=(excluding("story"),))], {AB, B}, {(): False, B: True}),
    ([Shelf(("a",), rules=(excluding("story"),))], {AB, B}, {(): False, B: True}),
    ([Shelf(AB, rules=(excluding("story"),))], {ABC, A}, {(): False, A: True}),
    ([Shelf(AB, rules=(excluding("ruby"),))], {ABC}, {(): False, A: False, AB: False, ABC: True}),
    ([Shelf(B, rules=(Rule(exclude=Match(within=(A,))),))], {A, B}, {(): False, A: True}),
    ([], {(), A}, {(): True, A: True}),
    # virtual ones
    ([Shelf(V, of=(A,))], {AB}, {(): False, A: False, AB: True, V: False}),
    ([Shelf(V, of=(("a", "b"),))], {AB}, {(): False, A: False, AB: True, V: False}),
    ([Shelf(V, of=(AB,))], {A}, {(): False, A: True}),
    ([Shelf(V, of=(B, A), rules=(including("story"),))], {A}, {(): False, A: True, V: False}),
    ([Shelf(V, of=(A,), rules=(excluding("story"),))], {A}, {(): False, A: True}),
    ([Shelf(V, of=(A,)), Shelf(A, rules=(excluding("story"),))], {A, B}, {(): False, B: True}),
    ([Shelf(("B", "V"), of=(A,)), Shelf(B, rules=(excluding("story"),))], {A}, {(): False, A: True, ("B", "V"): False}),
    ([Shelf(V, of=((),))], set(), {(): False, V: False}),
    ([Shelf(V, of=((),)), Shelf((), rules=(excluding("story"),))], {A}, {}),
    ([Shelf(V, of=(A,))], {A, V}, {(): False, A: True, V: True}),
    # aliases mean the same wherever they stand
    ([Shelf(A, aliases=(("x",),)), Shelf(V, of=(("X", "B"),))], {AB}, {(): False, A: False, AB: True, V: False}),
    ([Shelf(A, aliases=(("x",),), rules=(Rule(exclude=Match(within=(("x",),))),))], {A, B}, {(): False, B: True}),
]  # fmt: skip


@pytest.mark.parametrize(("shelves", "paths", "places"), PLACES)
def test_places(shelves: list[Shelf], paths: set[CategoryPath], places: dict[CategoryPath, bool]) -> None:
    ours = shelved(*shelves)
    assert ours.places(item(), frozenset(paths), DAY) == places
    said = ours.explain_places(item(), frozenset(paths), DAY)
    assert sum(line.startswith("in ") for line in said) == len(places)


def test_what_is_said_of_places() -> None:
    ours = shelved(
        Shelf(A, rules=(including("story"),)),
        Shelf(B, rules=(Rule(title="x"), excluding("story"))),
        Shelf(V, of=(A,)),
        Shelf(("W",), of=(A,), rules=(including("ruby"),)),
    )
    assert ours.explain_places(item(), frozenset({AB, ("B", "C")}), DAY) == (
        "not in B / C: B does not take it: rule 2 of B excludes it: its title has `story`",
        "in everything: it is in A / B",
        "in A: it is in A / B",
        "in A / B: it is put there",
        "in V: it is in A",
        "not in W: no include rule lets it in",
    )
    assert shelved().explain_places(item(), frozenset(), DAY) == ("in everything: every entry is",)


PATHS = st.lists(st.sampled_from("AaBC"), max_size=3).map(tuple)
SHELVES = st.builds(
    Shelf,
    PATHS.filter(bool),
    of=st.lists(PATHS, max_size=2).map(tuple),
    rules=st.lists(
        st.sampled_from([excluding("1"), including("story"), including("2"), Rule(title="x")]), max_size=2
    ).map(tuple),
)


@given(st.lists(SHELVES, max_size=4), st.frozensets(PATHS, max_size=4), st.integers(1, 3))
def test_places_are_whole(shelves: list[Shelf], paths: frozenset[CategoryPath], number: int) -> None:
    """Leaves are among those asked for; all above a leaf are there; nothing is anywhere without being in everything."""
    ours = shelved(*shelves)
    places = ours.places(item(number), paths, DAY)
    assert {path for path, leaf in places.items() if leaf} <= paths
    assert all(path[:depth] in places for path, leaf in places.items() if leaf for depth in range(len(path)))
    assert not places or () in places
    virtual = {shelf.path for shelf in ours.shelves.values() if shelf.of}
    assert all(
        leaf or path in virtual or any(each[: len(path)] == path for each in paths) or not path
        for path, leaf in places.items()
    )
    assert places == ours.places(item(number), frozenset(sorted(paths, reverse=True)), DAY)


# --- What a category shows ------------------------------------------------------------------------------------------


def test_a_category_shows_an_entry_in_its_way(tmp_path: Path) -> None:
    text = """
        [[category]]
        path = []
        rule = [{ title = "{title}!" }]
        [[category]]
        path = "A"
        [[category.rule]]
        include = { title = "never" }
        [[category.rule]]
        when = { within = "A/B" }
        title = "{category}: {title}"
        [[category]]
        path = "A/B"
        rule = [{ content = "summary" }]
        """
    ours = configured(tmp_path, text)
    assert ours.item(URL, item(), DAY) == item()
    assert ours.entry((), item(), DAY).title == "Story 1!"
    assert ours.entry(("C",), item(), DAY).title == "Story 1!"
    assert ours.entry(A, item(), DAY).title == "Story 1!"
    below = ours.entry(("A", "B", "C"), item(categories=(("X",),)), DAY)
    assert (below.title, below.content, below.summary) == ("A / B / C: Story 1!", "", "The text of story 1.")


# --- Prints ---------------------------------------------------------------------------------------------------------

BASE = "title = 'T'\ntimezone = 'UTC'\n[[source.rule]]\ntitle = '{source}'\n"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (BASE, BASE, True),
        (BASE, BASE.replace("'T'", "'U'"), False),
        (BASE, BASE.replace("'UTC'", "'Asia/Tokyo'"), True),
        (BASE.replace("{source}", "x"), BASE.replace("{source}", "x").replace("'T'", "'U'"), True),
        (
            BASE.replace("{source}", "{date}"),
            BASE.replace("{source}", "{date}").replace("'UTC'", "'Asia/Tokyo'"),
            False,
        ),
        (BASE, BASE.replace("{source}", "{source} "), False),
        (BASE, f"priority = 5\nkeep = 5\n{BASE}", True),
        ("", "content = 'full'\nimages = true", True),
        ("", "content = 'link'", False),
        ("", "images = false", False),
        (BASE, BASE + "[[source.rule]]\nexclude = {title = 'x'}", False),
    ],
)
def test_a_sources_print_changes_with_what_its_rules_do(tmp_path: Path, one: str, other: str, same: bool) -> None:
    first, second = (configured(tmp_path, text).source_print(URL) for text in (one, other))
    assert (first == second) is same


CATEGORY = "[[category]]\npath = 'A'\n"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (CATEGORY, CATEGORY + "slug = 'x'\ntitle = 'X'\nkeep = 5\nmax_per_source = 3\n", True),
        (CATEGORY, CATEGORY + "rule = [{ title = 'x' }]", True),
        (CATEGORY, CATEGORY + "rule = [{ exclude = { title = 'x' } }]", False),
        (CATEGORY, CATEGORY + "aliases = ['x']", False),
        (CATEGORY + "aliases = ['x', 'y']", CATEGORY + "aliases = ['y', 'x']", True),
        (CATEGORY + "[[category]]\npath = 'B'", "[[category]]\npath = 'B'\n" + CATEGORY, True),
        (CATEGORY + "[[category]]\npath = 'B'", CATEGORY + "[[category]]\npath = 'B'\nof = 'A'", False),
        ("", "content = 'link'", True),
    ],
)
def test_the_print_of_categories_changes_with_places(tmp_path: Path, one: str, other: str, same: bool) -> None:
    first, second = (configured(tmp_path, text).routing_print for text in (one, other))
    assert (first == second) is same


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["A", "a", "B/C", "Tech", "科技", "x"]), unique_by=str.casefold, max_size=3),
    st.text(max_size=5),
)
def test_what_means_a_category_means_it_always(aliases: list[str], tag: str) -> None:
    ours = shelved(Shelf(("Z", "A"), aliases=tuple(tuple(alias.split("/")) for alias in aliases)))
    shown: list[Item | None] = [ours.item("", item(tags=(Tag(alias.upper()), Tag(tag))), DAY) for alias in aliases]
    assert all(each and each.categories == (("Z", "A"),) for each in shown)


def test_a_folder_of_posts_is_called_as_the_site() -> None:
    posts = source("seed:posts", "seed", title="", policy=Policy(rules=(Rule(title="{source}: {title}"),)))
    shown = View({posts.key: posts}, title="Planet").item(posts.key, item(), DAY)
    assert shown and shown.title == "Planet: Story 1"
