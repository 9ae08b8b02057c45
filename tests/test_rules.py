"""Rules in their order: what is taken, what is changed, and what is said of it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import stripping
from aggregator.html import clean
from aggregator.model import Enclosure, Image, Item, Match, Person, Rule, Tag
from aggregator.rules import LINK_FIELDS, TITLE_FIELDS, Context, Verdict, apply, check_template, steps
from tests.build import DAY, item
from tests.strategies import ITEMS

CONTEXT = Context(DAY, (("Tech", "Python"),), source="Example News", zone="Asia/Shanghai")


def verdict(*rules: Rule, of: Item | None = None, context: Context = CONTEXT) -> Verdict:
    return apply(steps(rules, "source rule"), of or item(1), context)


def include(*title: str) -> Rule:
    return Rule(include=Match(title=title))


def exclude(*title: str) -> Rule:
    return Rule(exclude=Match(title=title))


@pytest.mark.parametrize(
    ("rules", "taken", "said"),
    [
        ([], True, ()),
        ([exclude("ruby")], True, ()),
        ([exclude("story")], False, ("source rule 1 excludes it: its title has `story`",)),
        ([include("story")], True, ("source rule 1 lets it in: its title has `story`",)),
        ([include("ruby")], False, ("no include rule lets it in",)),
        ([include("ruby"), include("story")], True, ("source rule 2 lets it in: its title has `story`",)),
        ([include("story"), exclude("1")], True, ("source rule 1 lets it in: its title has `story`",)),
        ([exclude("1"), include("story")], False, ("source rule 1 excludes it: its title has `1`",)),
        ([exclude("ruby"), include("perl")], False, ("no include rule lets it in",)),
        ([include("ruby"), Rule(exclude=Match(text=("text",)))], False, ("source rule 2 excludes it: its text has `text`",)),
        ([exclude("2"), Rule(include=Match())], True, ("source rule 2 lets it in: it asks for nothing",)),
        ([Rule(title="Ruby"), exclude("ruby")], False, ("source rule 1 changed its title", "source rule 2 excludes it: its title has `ruby`")),
        ([exclude("ruby"), Rule(title="Ruby")], True, ("source rule 2 changed its title",)),
    ],
    ids=str,
)  # fmt: skip
def test_the_first_that_matches_decides(rules: list[Rule], taken: bool, said: tuple[str, ...]) -> None:
    found = verdict(*rules)
    assert (found.item is not None, found.said) == (taken, said)


RICH = item(
    title="A title",
    guid="tag:news.example,2024:1",
    url="https://news.example:8080/a/b?x=1&y=2",
    summary="",
    content='<p>One.</p><figure><img src="https://a.example/1.png"></figure><p>Advertisement: buy</p>',
    authors=(Person("Ada"), Person("Bob")),
    tags=(Tag("t", label="Tag"),),
    language="en",
    image=Image("https://a.example/1.png"),
    enclosures=(
        Enclosure("https://a.example/1.mp3", "audio/mpeg"),
        Enclosure("https://a.example/2.png", medium="image"),
    ),
    published=datetime(2024, 5, 16, 20, tzinfo=UTC),  # the 17th in Shanghai
)
BARE = "<p>One.</p><figure></figure><p>Advertisement: buy</p>"

CHANGES: list[tuple[Rule, dict[str, Any], str]] = [
    (Rule(title="{source}: {title}"), {"title": "Example News: A title"}, "source rule 1 changed its title"),
    (Rule(title="[{category}] {author} {date} {language}"), {"title": "[Tech / Python] Ada, Bob 2024-05-17 en"}, "source rule 1 changed its title"),
    (Rule(title="{title}"), {}, ""),
    (Rule(title="{title}", link="{link}"), {}, ""),
    (Rule(link="https://proxy.example/{host}{path}?{query}"), {"url": "https://proxy.example/news.example:8080/a/b?x=1&y=2"}, "source rule 1 changed its link"),
    (Rule(link="https://go.example/?u={link}"), {"url": "https://go.example/?u=https://news.example:8080/a/b?x=1&y=2"}, "source rule 1 changed its link"),
    (Rule(link="{guid}"), {}, "source rule 1 leaves its link alone: `tag:news.example,2024:1` is no http(s) URL"),
    (Rule(link="/relative"), {}, "source rule 1 leaves its link alone: `/relative` is no http(s) URL"),
    (Rule(strip=("figure",)), {"content": "<p>One.</p><p>Advertisement: buy</p>"}, "source rule 1 stripped its content"),
    (Rule(strip=("p:-soup-contains('Advertisement')", "img[src*='a.example']")), {"content": "<p>One.</p><figure></figure>"}, "source rule 1 stripped its content"),
    (Rule(strip=("table",)), {}, ""),
    (Rule(strip=("p", "figure")), {"content": ""}, "source rule 1 stripped its content"),
    (Rule(content="full"), {}, ""),
    (Rule(content="summary"), {"content": "", "summary": "One. Advertisement: buy"}, "its summary alone is published"),
    (Rule(content="link"), {"content": "", "summary": ""}, "its link alone is published"),
    (Rule(images=False), {"content": BARE, "image": None, "enclosures": RICH.enclosures[:1]}, "its pictures are left out"),
    (Rule(images=True), {}, ""),
    (Rule(route=(("World",), ("Tech",))), {"categories": (("World",), ("Tech",))}, "source rule 1 routes it to World"),
    (Rule(when=Match(title=("ruby",)), title="x", content="link", images=False, route=(("World",),)), {}, ""),
    (Rule(when=Match(within=(("tech",),)), title="x"), {"title": "x"}, "source rule 1 changed its title"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "changed", "said"), CHANGES, ids=str)
def test_every_change(rule: Rule, changed: dict[str, Any], said: str) -> None:
    found = verdict(rule, of=RICH)
    assert found.item == replace(RICH, **changed)
    assert next(iter(found.said), "") == said


def test_a_summary_that_is_there_is_kept() -> None:
    found = verdict(Rule(content="summary"), of=replace(RICH, summary="Mine.")).item
    assert found == replace(RICH, summary="Mine.", content="")


def test_the_last_word_on_content_and_pictures_holds() -> None:
    summary = replace(CONTEXT, content="summary", images=False)
    assert verdict(of=RICH, context=summary).said == ("its summary alone is published", "its pictures are left out")
    assert verdict(Rule(content="full", images=True), of=RICH, context=summary) == Verdict(RICH)
    only_ruby = Rule(when=Match(title=("ruby",)), content="full")
    assert verdict(Rule(content="link"), only_ruby, of=RICH).said == ("its link alone is published",)


def test_text_is_looked_at_before_it_is_left_out() -> None:
    found = verdict(Rule(content="link"), Rule(exclude=Match(text=("advertisement",))), of=RICH)
    assert found.said == ("source rule 2 excludes it: its text has `advertisement`",)


def test_all_routes_count() -> None:
    found = verdict(
        Rule(route=(("A",),)), Rule(route=(("B",), ("A",))), Rule(when=Match(title=("x",)), route=(("C",),))
    )
    assert found.item and found.item.categories == (("A",), ("B",))


@pytest.mark.parametrize("title", ["{title}", "{0.__class__}", "{source.__init__.__globals__}", "%s {}", "{{title}}"])
def test_nothing_in_an_entry_is_a_template(title: str) -> None:
    found = verdict(Rule(title="{source}: {title}"), of=item(title=title)).item
    assert found and found.title == f"Example News: {title}"


@pytest.mark.parametrize("guid", ["javascript:alert(1)", "https://", "//evil.example/", "data:,x", ""])
def test_a_link_is_an_absolute_web_url_or_stays(guid: str) -> None:
    found = verdict(Rule(link="{guid}"), of=item(guid=guid)).item
    assert found and found.url == "https://news.example/1"


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("{sorce}", r"no field \{sorce\}; known are \{source\} \{title\} \{author\}"),
        ("{title", r"no field \{;"),
        ("title}", r"no field \};"),
        ("{}", r"no field \{\};"),
        ("{title.__class__}", "no field"),
        ("{title!r:>5}", "no field"),
        ("{link}", "no field"),
    ],
)
def test_what_is_no_template(template: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        check_template(template, TITLE_FIELDS)


def test_what_is_a_template() -> None:
    check_template("Title: {source} {title}{author}, {category} {language} ({date})", TITLE_FIELDS)
    check_template("https://x.example/{host}{path}?{query}#{guid}{link}", LINK_FIELDS)


@pytest.mark.parametrize(
    ("selector", "error"),
    [
        ("p[", "is no CSS selector"),
        ("", "is no CSS selector"),
        ("p:foo", "is no CSS selector"),
        ("::before", "is no CSS selector"),
        (".ad", "a class or an id, which clean HTML does not have"),
        ("div#ad > p", "a class or an id"),
        ("figure, .ad p", "a class or an id"),
    ],
)
def test_what_is_no_selector(selector: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        stripping.check(selector)


def test_what_is_stripped_is_deep_and_clean() -> None:
    deep = "<div>" * 900 + "<p>x</p>" + "</div>" * 900
    assert clean(deep) == deep
    assert stripping.strip(deep + "<hr>", ["hr"]) == deep
    odd = '<p title="&lt;a &amp;amp; &quot;b&nbsp;">&lt;b&gt; &amp;amp;&nbsp;<br></p>'
    assert clean(odd) == odd
    assert stripping.strip(odd + "<hr>", ["hr"]) == odd


WORDS = st.sampled_from(["a", "b", "/a|c/", "日", "x"])
ASKED = st.builds(
    Match,
    title=st.lists(WORDS, max_size=2).map(tuple),
    text=st.lists(WORDS, max_size=1).map(tuple),
    enclosure=st.none() | st.booleans(),
)
RULES = st.one_of(
    st.builds(lambda match: Rule(include=match), ASKED),
    st.builds(lambda match: Rule(exclude=match), ASKED),
    st.builds(
        Rule,
        when=ASKED,
        title=st.sampled_from(["", "{title} a", "b {author}"]),
        link=st.sampled_from(["", "https://x.example{path}", "{guid}"]),
        strip=st.sampled_from([(), ("img",), ("p",)]),
        content=st.sampled_from([None, "full", "summary", "link"]),
        images=st.none() | st.booleans(),
        route=st.sampled_from([(), (("A",),), (("B", "C"),)]),
    ),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(RULES, max_size=4), ITEMS)
def test_any_rules_for_any_entry(rules: list[Rule], entry: Item) -> None:
    """The same every time; rules behind the one that excludes change nothing; what is published stays clean HTML."""
    entry = replace(entry, content=clean(entry.content))
    found = verdict(*rules, of=entry)
    assert verdict(*rules, of=entry) == found
    if found.item is None and found.said[-1] != "no include rule lets it in":
        number = int(found.said[-1].split()[2])
        assert verdict(*rules[:number], of=entry) == found
        assert verdict(*rules, Rule(include=Match()), of=entry) == found
    elif found.item:
        assert clean(found.item.content) == found.item.content
        assert verdict(*rules, Rule(), of=entry) == found


@given(st.lists(RULES.filter(lambda rule: rule.include is not None or rule.exclude is not None), max_size=5), ITEMS)
def test_the_order_of_deciding(rules: list[Rule], entry: Item) -> None:
    """As a table says it: the first match, else whether nothing is asked to come in."""
    matching = [rule for rule in rules if verdict(Rule(exclude=rule.include or rule.exclude), of=entry).item is None]
    wanted = matching[0].include is not None if matching else all(rule.include is None for rule in rules)
    assert verdict(*rules, of=entry).item == (entry if wanted else None)
