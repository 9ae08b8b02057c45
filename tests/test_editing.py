"""Edits of a config's text: what the owner wrote stays, byte for byte, and what comes out says what is meant."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import config
from aggregator.editing import with_key, with_tables, without_tables
from aggregator.errors import ConfigError

NEW = {"url": "https://new.example/feed", "category": ["a", "b"]}
BLOCK = '[[source]]\nurl = "https://new.example/feed"\ncategory = ["a", "b"]\n'

SITE = '[site]\ntitle = "P"\n'
ONE = '[[source]]\nurl = "https://one.example/"   # the first\n'
TWO = '[[source]]\nurl = "https://two.example/"\n'
CATEGORY = '[[category]]\npath = "a"\n'

APPENDED = {
    "nothing": ("", BLOCK),
    "a blank line comes between": (SITE, f"{SITE}\n{BLOCK}"),
    "one is there already": (f"{SITE}\n\n", f"{SITE}\n\n{BLOCK}"),
    "no newline at the end": (SITE.rstrip(), f"{SITE}\n{BLOCK}"),
    "behind the last source": (f"{ONE}\n{TWO}", f"{ONE}\n{TWO}\n{BLOCK}"),
    "before what follows the sources": (f"{ONE}\n# Categories\n{CATEGORY}", f"{ONE}\n{BLOCK}\n# Categories\n{CATEGORY}"),
    "no blank line before what follows": (f"{ONE}{CATEGORY}", f"{ONE}\n{BLOCK}\n{CATEGORY}"),
    "a comment that belongs to the last": (f"{ONE}# mine\n\n{CATEGORY}", f"{ONE}# mine\n\n{BLOCK}\n{CATEGORY}"),
    "a comment that belongs to the next": (f"{ONE}# next\n{CATEGORY}", f"{ONE}\n{BLOCK}\n# next\n{CATEGORY}"),
    "only comments behind the last": (f"{ONE}\n# more below\n", f"{ONE}\n# more below\n\n{BLOCK}"),
    "tables of the last": (
        f"{ONE}[source.headers]\nX = '1'\n[[source.rule]]\ntitle = 't'\n\n{CATEGORY}",
        f"{ONE}[source.headers]\nX = '1'\n[[source.rule]]\ntitle = 't'\n\n{BLOCK}\n{CATEGORY}",
    ),
    "a text that looks like a table": (f'{SITE}x = """\n[[source]]\n"""\n', f'{SITE}x = """\n[[source]]\n"""\n\n{BLOCK}'),
    "quoted and spaced headers": (f"[[ 'source' ]]\nurl='x'\n\n{CATEGORY}", f"[[ 'source' ]]\nurl='x'\n\n{BLOCK}\n{CATEGORY}"),
    "dotted keys at the top": ("site.title = 'P'\n", f"site.title = 'P'\n\n{BLOCK}"),
    "an array in a line": (
        "source = [{url = 'x'}] # all\n[site]\n",
        "source = [{url = 'x'}, { url = \"https://new.example/feed\", category = [\"a\", \"b\"] }] # all\n[site]\n",
    ),
    "an empty array": (
        "source = []\n",
        'source = [{ url = "https://new.example/feed", category = ["a", "b"] }]\n',
    ),
    "an array of lines": (
        "source = [\n  {url = 'x'}, # one\n  {url = 'y'}, # two\n]\n",
        "source = [\n  {url = 'x'}, # one\n  {url = 'y'}, # two\n"
        '  { url = "https://new.example/feed", category = ["a", "b"] },\n]\n',
    ),
    "an array with comments behind its last": (
        "source = [\n  {url = 'x'},\n\n  # y ]\n  {url = 'y'}\n  # end }\n]# all ]\n[site]\n",
        "source = [\n  {url = 'x'},\n\n  # y ]\n  {url = 'y'},\n  # end }\n"
        '  { url = "https://new.example/feed", category = ["a", "b"] },\n]# all ]\n[site]\n',
    ),
    "an array with two in a line": (
        "source = [\n  {url = 'x'}, {url = 'y'}, # two\n]\n",
        "source = [\n  {url = 'x'}, {url = 'y'}, # two\n"
        '  { url = "https://new.example/feed", category = ["a", "b"] },\n]\n',
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), APPENDED.values(), ids=APPENDED)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_source_is_added(before: str, after: str, newline: str) -> None:
    assert with_tables(before.replace("\n", newline), "source", [NEW]).replace("\r\n", "\n") == after
    if newline in before and newline == "\r\n":
        assert "\n" not in with_tables(before.replace("\n", newline), "source", [NEW]).replace("\r\n", "")


REMOVED = {
    "the last": (f"{SITE}\n{ONE}\n{TWO}", [2], f"{SITE}\n{ONE}"),
    "the first": (f"{SITE}\n{ONE}\n{TWO}", [1], f"{SITE}\n{TWO}"),
    "all": (f"{SITE}\n{ONE}\n{TWO}", [1, 2], SITE),
    "with its own comments": (f"{SITE}\n# of one\n{ONE}# mine\n\n# of two\n{TWO}", [1], f"{SITE}\n# of two\n{TWO}"),
    "headings stay": (f"{SITE}\n# News\n\n{ONE}\n# Blogs\n\n{TWO}", [1], f"{SITE}\n# News\n\n# Blogs\n\n{TWO}"),
    "with its tables": (f"{ONE}[source.headers]\nX = '1'\n\n{TWO}", [1], TWO),
    "with those that stand elsewhere": (f"{ONE}\n{SITE}\n[source.headers]\nX = '1'\n", [1], SITE),
    "of an array": ("source = [{url = 'x'}, {url = 'y'}]\n", [1], "source = [{url = 'y'}]\n"),
    "of an array of lines": ("source = [\n  {url = 'x'},\n  {url = 'y'},\n]\n", [2], "source = [\n  {url = 'x'},\n]\n"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "numbers", "after"), REMOVED.values(), ids=REMOVED)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_sources_are_removed(before: str, numbers: list[int], after: str, newline: str) -> None:
    assert without_tables(before.replace("\n", newline), "source", numbers) == after.replace("\n", newline)


KEYS = {
    "a new key": (f"{ONE}\n{TWO}", [2], False, f"{ONE}\n{TWO}enabled = false\n"),
    "a key that is there": ("[[source]]\nenabled = true # why\nurl = 'x'", [1], False, "[[source]]\nenabled = false # why\nurl = 'x'"),
    "no key": ("[[source]]\nurl = 'x'\nenabled = false # why\n", [1], None, "[[source]]\nurl = 'x'\n"),
    "a key of several": (f"{ONE}{TWO}", [1, 2], False, f"{ONE}enabled = false\n{TWO}enabled = false\n"),
    "in nothing": ("[[source]]\n\n# next\n[site]\n", [1], False, "[[source]]\nenabled = false\n\n# next\n[site]\n"),
    "not that of a table below": (
        "[[source]]\nurl = 'x'\n\n[source.headers]\nenabled = 'x'\n", [1], False,
        "[[source]]\nurl = 'x'\nenabled = false\n\n[source.headers]\nenabled = 'x'\n",
    ),
    "behind a value of lines": (
        "[[source]]\nrule = [\n  {title = 't'},\n]\n# more\n", [1], False,
        "[[source]]\nrule = [\n  {title = 't'},\n]\nenabled = false\n# more\n",
    ),
    "in an array": ("source = [{url = 'x'}, {url = 'y', enabled = true}]\n", [2], False, "source = [{url = 'x'}, {url = 'y', enabled = false}]\n"),
    "no longer in an array": ("source = [{url = 'x', enabled = false}]\n", [1], None, "source = [{url = 'x' }]\n"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "numbers", "value", "after"), KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_key_is_set(before: str, numbers: list[int], value: bool | None, after: str, newline: str) -> None:
    changed = with_key(before.replace("\n", newline), "source", numbers, "enabled", value)
    assert changed == after.replace("\n", newline)


def test_what_cannot_be_written_is_refused() -> None:
    for toml, table in (
        ("source = 1\n", NEW),
        ("source = [1]\n", NEW),
        ("", {"url": "\ud800"}),
        ("[source]\nurl = 'x'\n", NEW),
    ):
        with pytest.raises(ConfigError, match="by hand"):
            with_tables(toml, "source", [table])


# --- Any text -------------------------------------------------------------------------------------------------------

PIECES = ["", "# a comment", "   # another", ONE, TWO, SITE, "[source.headers]\nX = '''\n[[source]]\n'''", CATEGORY]
PIECES += [
    "[[source]]\nurl = 'x'\nrule = [\n  { title = 't' }, # one\n]\nheaders.A = 'b'",
    '[[source.rule]]\ntitle = "t"',
]
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.text(st.characters(codec="utf-8"), max_size=8), st.booleans(), st.integers(-(2**60), 2**60)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text("aé .\"'", max_size=3), inner, max_size=2)),
    max_leaves=5,
)  # fmt: skip
TABLES = st.dictionaries(st.text("aé .\"'-", max_size=4), VALUES, max_size=4)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A TOML document with sources, comments and blank lines in any order."""
    text = draw(st.sampled_from(["\n", "\r\n"])).join(draw(st.lists(st.sampled_from(PIECES), max_size=8)))
    text += draw(st.sampled_from(["", "\n", "\n\n"]))
    try:
        is_array = isinstance(tomllib.loads(text).get("source", []), list)
    except ValueError:
        is_array = False
    if not is_array:
        return draw(st.sampled_from([SITE, ONE, CATEGORY]))
    return text


@given(documents(), st.lists(TABLES, max_size=3))
@settings(max_examples=150)
def test_an_addition_is_one_insertion_and_says_what_is_meant(toml: str, tables: list[dict[str, Any]]) -> None:
    longer = with_tables(toml, "source", tables)
    same = next((at for at, (old, new) in enumerate(zip(toml, longer, strict=False)) if old != new), len(toml))
    assert any(longer.startswith(toml[:at]) and longer.endswith(toml[at:]) for at in range(same + 1))
    old, new = tomllib.loads(toml), tomllib.loads(longer)
    assert new.get("source", []) == old.get("source", []) + tables
    assert {key: each for key, each in new.items() if key != "source"} == {
        key: each for key, each in old.items() if key != "source"
    }


CONFIG = '[site]\ntitle = "P"\nbase_url = "https://planet.example/"\n'
FEEDS = st.lists(
    st.fixed_dictionaries(
        {"url": st.integers(1, 9).map(lambda n: f"https://new.example/{n}")},
        optional={
            "title": st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=9),
            "category": st.sampled_from(["a/b", ["a", "新媒体"], [["a"], ['"b"', "c\\d"]]]),
            "enabled": st.booleans(),
        },
    ),
    max_size=3,
    unique_by=lambda each: each["url"],
)


@given(st.permutations([CONFIG, ONE, TWO, CATEGORY, "# a comment\n", "\n"]), FEEDS)
@settings(max_examples=50)
def test_the_config_differs_by_exactly_the_sources(pieces: list[str], feeds: list[dict[str, Any]]) -> None:
    file, toml = Path("config/aggregator.toml"), "".join(pieces)
    before, after = config.check(file, toml), config.check(file, with_tables(toml, "source", feeds))
    assert replace(after, sources=before.sources) == before
    added = after.sources[len(before.sources) :]
    assert after.sources[: len(before.sources)] == before.sources
    assert [(each.key, each.title, each.enabled) for each in added] == [
        (each["url"], each.get("title", ""), each.get("enabled", True)) for each in feeds
    ]


@given(documents(), st.data())
@settings(max_examples=150)
def test_what_was_added_can_be_taken_away(toml: str, data: st.DataObject) -> None:
    count = len(tomllib.loads(toml).get("source", []))
    less = without_tables(with_tables(toml, "source", [NEW]), "source", [count + 1])
    assert [line for line in less.splitlines() if line.strip()] == [line for line in toml.splitlines() if line.strip()]
    if count:
        numbers = data.draw(st.sets(st.integers(1, count), min_size=1))
        left = tomllib.loads(without_tables(toml, "source", numbers)).get("source", [])
        every = tomllib.loads(toml)["source"]
        assert left == [each for number, each in enumerate(every, 1) if number not in numbers]
        off = with_key(toml, "source", numbers, "enabled", False)
        assert with_key(off, "source", numbers, "enabled", None) == toml
