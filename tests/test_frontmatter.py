"""Front matter: what a post's head says, however it is written and however badly."""

import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aggregator.sources.seed.frontmatter import FrontMatter, parse
from aggregator.sources.seed.values import MAX_BLOCK


def yaml(block: str, body: str = "Body.\n") -> FrontMatter:
    return parse(f"---\n{block}\n---\n{body}")


SOUND = {
    "text stays text": ("title: 12_00\nyear: 1936\nno: no\nday: 2019-01-17\nv: 1.10\nhex: 0x10", {
        "title": "12_00", "year": "1936", "no": "no", "day": "2019-01-17", "v": "1.10", "hex": "0x10",
    }),
    "keys in any case": ("Title: A\nTAGS: [x, y]", {"title": "A", "tags": ["x", "y"]}),
    "list": ("categories:\n  - a\n  - b c", {"categories": ["a", "b c"]}),
    "list at the margin": ("categories:\n- a\n- b", {"categories": ["a", "b"]}),
    "lists in a list": ("categories:\n  - [a, b]\n  - c", {"categories": [["a", "b"], "c"]}),
    "mapping": ("author:\n  name: Ann\n  email: a@example.org", {"author": {"name": "Ann", "email": "a@example.org"}}),
    "over lines": ("title: one\n        two\n\n  three\ndate: x", {"title": "one two\nthree", "date": "x"}),
    "blank": ("title: \nthumbnail: ''\ntags:", {"title": "", "thumbnail": "", "tags": ""}),
    "quotes": ("title: 'it''s'\nsub: \"a \\\"b\\\"\"", {"title": "it's", "sub": 'a "b"'}),
    "block text": ("description: >\n  one\n  two", {"description": "one two"}),
    "comment": ("title: A # really\n# all of it\ndate: x", {"title": "A", "date": "x"}),
    "emoji": ("title: '📱 x'", {"title": "📱 x"}),
    "a number sign is no comment": ("title: Fix bug #12 now", {"title": "Fix bug #12 now"}),
    "a number sign in front": ("title: #12", {"title": "#12"}),
    "a number sign in a list": ("tags:\n - #go\n - c #x", {"tags": ["#go", "c #x"]}),
    "brackets in a title": ("title: [Draft]", {"title": "[Draft]"}),
    "braces in a title": ("title: {{ x }}", {"title": "{{ x }}"}),
    "braces in an author": ("author: {me}", {"author": "{me}"}),
    "list of names that look like mappings": ("categories:\n - GitHub: Issues", {"categories": [{"GitHub": "Issues"}]}),
}  # fmt: skip


@pytest.mark.parametrize(("block", "fields"), SOUND.values(), ids=SOUND.keys())
def test_yaml_that_is_valid(block: str, fields: object) -> None:
    front = yaml(block)
    assert front.kind == "yaml"
    assert front.fields == fields
    assert front.body == "Body.\n"
    assert not [problem for problem in front.problems if "{{" not in block]


BROKEN = {
    "wrapped seven times": ('"""""""\'P1. Title _ Site\'"""""""', "P1. Title _ Site"),
    "wrapped twice": ('""\'2019\'""', "2019"),
    "reserved at": ("@Async, explained", "@Async, explained"),
    "backtick": ("`code` first", "`code` first"),
    "per cent": ("%d of 5", "%d of 5"),
    "star": ("*important* news", "*important* news"),
    "ampersand": ("&Co", "&Co"),
    "exclamation": ("!Kung", "!Kung"),
    "bracket": ("[2024] A year", "[2024] A year"),
    "brace": ("{a} b", "{a} b"),
    "colon": ("Part 2: the end", "Part 2: the end"),
    "colon in brackets": ("[new] Part: one", "[new] Part: one"),
    "apostrophe within quotes": ("'it's fine'", "it's fine"),
    "quotes within quotes": ('"he said "no" twice"', 'he said "no" twice'),
    "Chinese quotes within quotes": ("'说'好'了'", "说'好'了"),
    "two quoted parts": ('"A" and "B"', '"A" and "B"'),
    "quote not closed": ("'open", "'open"),
    "tab": ("\tx: y", "x: y"),
    "list sign": ("- x", "- x"),
    "question mark": ("? really", "? really"),
}


@pytest.mark.parametrize(("value", "title"), BROKEN.values(), ids=BROKEN.keys())
def test_titles_that_are_not_valid_yaml(value: str, title: str) -> None:
    front = parse(
        f"\n---\ntitle: {value}\ncategories: \n    - a\n    - b - c\n\nauthor: Ann\ndate: 2020-01-01\n---\n\nBody."
    )
    assert front.fields == {"title": title, "categories": ["a", "b - c"], "author": "Ann", "date": "2020-01-01"}
    assert front.body == "\nBody."
    ((line, problem),) = front.problems
    assert line == 3
    assert "not valid YAML" in problem
    assert "read line by line" in problem


def test_one_bad_field_leaves_the_others_as_they_are() -> None:
    front = yaml(
        "author:\n  - name: Ann\n    url: https://a.example/\ntitle: @x\ntags: ['a, b', c]\ncategories: [[a, b], [c]]"
    )
    assert front.fields == {
        "author": [{"name": "Ann", "url": "https://a.example/"}],
        "title": "@x",
        "tags": ["a, b", "c"],
        "categories": [["a", "b"], ["c"]],
    }


def test_bad_items_of_a_list() -> None:
    front = yaml("title: x\ncategories:\n - @home\n - 'it's'\n - [a, b\n   c\n - &co")
    assert front.fields["categories"] == ["@home", "it's", "[a, b c", "&co"]


def test_colon_slips() -> None:
    front = yaml("title:Foo\ndate：2020-01-01\n标签: y\ntags: x")
    assert front.fields == {"title": "Foo", "date": "2020-01-01", "标签": "y", "tags": "x"}


def test_title_over_lines_in_a_broken_block() -> None:
    front = yaml("title: 00: x\n\n     @next\ndate: x")
    assert front.fields == {"title": "00: x @next", "date": "x"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("---\n# why\n\ntitle: x\nauthor: @me\n---\n", 5),
        ("\n---\n- a\n- b\n---\n", 3),
        ("+++\ntitle = 'a'\ntags = x\n+++\n", 3),
        (';;;\n{"title": "a",\n"date" "b"}\n;;;\n', 3),
        ("---\ntitle: x\n\nBody", 1),
    ],
)
def test_a_problem_names_its_line(text: str, line: int) -> None:
    assert [number for number, _ in parse(text).problems] == [line]


def test_a_key_twice_last_wins() -> None:
    front = yaml("title: a\ntags: x\nTitle: b")
    assert front.fields == {"title": "b", "tags": "x"}
    assert front.problems == ((2, "`title` more than once in the front matter; the last one counts"),)


def test_lines_count_from_the_top_of_the_file() -> None:
    front = parse("\n\n---\ntitle: a\n\ndate: x\n---\nBody")
    assert front.lines == {"title": 4, "date": 6}


OTHER = {
    "toml": ("+++\ntitle = '1_0'\nn = 1\ndraft = true\ndate = 2020-01-02T03:04:05Z\ntags = ['a']\n[x]\ny = 1\n+++\nBody", "toml", {
        "title": "1_0", "n": "1", "draft": "true", "date": "2020-01-02T03:04:05+00:00", "tags": ["a"], "x": {"y": "1"},
    }),
    "json in braces": ('{\n  "title": "a",\n  "n": 1.10,\n  "none": null,\n  "tags": ["x"]\n}\nBody', "json", {
        "title": "a", "n": "1.10", "none": "", "tags": ["x"],
    }),
    "json on one line": ('{"title": "a } b"}\nBody', "json", {"title": "a } b"}),
    "json above semicolons": ('"title": "a",\n"date": "x"\n;;;\nBody', "json", {"title": "a", "date": "x"}),
    "json between semicolons": (';;;\n{"title": "a"}\n;;;\nBody', "json", {"title": "a"}),
    "no opening fence": ("title: a\ntags:\n- x\n---\nBody", "yaml", {"title": "a", "tags": ["x"]}),
    "long fences": ("-----\ntitle: a\n-----\nBody", "yaml", {"title": "a"}),
    "document end": ("---\ntitle: a\n...\nBody", "yaml", {"title": "a"}),
    "empty": ("---\n---\nBody", "yaml", {}),
    "only comments": ("---\n# nothing\n---\nBody", "yaml", {}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "fields"), OTHER.values(), ids=OTHER.keys())
def test_other_notations(text: str, kind: str, fields: object) -> None:
    front = parse(text)
    assert (front.kind, front.fields, front.body, front.problems) == (kind, fields, "Body", ())


HALF = {
    "toml": (
        "+++\ntitle = \"it\"s\"\ntags = ['a', 'b']\n[x]\ntitle = 'z'\n+++\nBody",
        {"title": 'it"s', "tags": ["a", "b"]},
    ),
    "json": ('{\n  "title": "a",\n  "tags": ["x",\n  "y"],\n}\nBody', {"title": "a", "tags": ["x", "y"]}),
    "no closing fence": ("---\ntitle: a: b\n\ndate: x\n\nBody", {"title": "a: b", "date": "x"}),
}


@pytest.mark.parametrize(("text", "fields"), HALF.values(), ids=HALF.keys())
def test_broken_notations_keep_their_fields(text: str, fields: object) -> None:
    front = parse(text)
    assert (front.fields, front.body.strip()) == (fields, "Body")
    assert front.problems


@pytest.mark.parametrize(
    "text",
    [
        "Just text.",
        "",
        "\n\n",
        "# Heading\n\n---\n\ntext",
        "---\n\nA line is drawn above this.\n\n---\n\nand below.",
        "Note: a heading\n---\n\ntext",
        "{% raw %}x{% endraw %}",
        "{not json}",
        "+++\n\ntext\n",
        "- a list\n- of two\n---\ntext",
    ],
)
def test_texts_without_front_matter_stay_whole(text: str) -> None:
    front = parse(text)
    assert not front.fields
    assert front.body == text


def test_a_second_front_matter_is_left_out() -> None:
    front = parse("---\ntitle: a\ndate: x\n---\n---\ntitle: b\ndate: x\n---\nBody")
    assert (front.fields["title"], front.body) == ("a", "Body")
    assert front.problems == ((5, "a second front matter is left out"),)


BOMBS = {
    "nested brackets": "x: " + "[" * 30_000,
    "nested braces, closed": "x: " + "{a: " * 9_000 + "}" * 9_000,
    "nested dashes": "x:\n  " + "- " * 30_000,
    "nested questions": "x:\n  " + "? " * 20_000,
    "nested by indentation": "".join(" " * depth + "a:\n" for depth in range(350)),
    "aliases": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\ncategories: [*c, *c]",
    "itself": "a: &a [*a]",
    "python": "x: !!python/object/apply:os.system [ls]",
    "too large": "x: " + "y" * MAX_BLOCK,
    "quotes": "x: " + '"' * 60_000,
    "blanks": "x: y\n" + " " * 60_000,
    "hashes": "tags: " + "#a " * 20_000,
    "keys": "\n".join(f"k{number}: [" for number in range(4_000)),
    "lines": "\n" * 60_000,
}


@pytest.mark.parametrize("block", BOMBS.values(), ids=BOMBS.keys())
def test_bombs_do_no_harm_and_lose_no_title(block: str) -> None:
    began = time.monotonic()
    front = parse(f"---\ntitle: safe\n{block}\n---\nBody")
    assert front.fields["title"] == "safe"
    assert front.body.endswith("Body")
    assert time.monotonic() - began < 2


PIECES = st.one_of(
    st.sampled_from("\n\n\n :-=#&*[]{}@!%|>,?'\"\\\t0x世"),
    st.sampled_from(
        ["---\n", "+++\n", ";;;\n", "...\n", "\n- ", "title: ", "tags", "date = ", '"title": ', "&a", "*a", "{%"]
    ),
)


@pytest.mark.parametrize("depth", [30, 60, 300, 600, 5_000])
def test_nested_json_and_toml(depth: int) -> None:
    nested = "[" * depth + "]" * depth
    assert parse(f'{{"title": "safe", "x": {nested}}}\nBody').body.endswith("Body")
    assert parse(f"+++\ntitle = 'safe'\nx = {nested}\n+++\nBody").fields["title"] == "safe"


@settings(max_examples=300, deadline=1000)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_parse_never_raises(text: str) -> None:
    for whole in (text, f"---\n{text}\n---\nBody", f"+++\n{text}\n+++\nBody", f'{{"title": {text}'):
        front = parse(whole)
        assert all(key == key.lower() for key in front.fields)
        assert all("\n" not in problem and line > 0 for line, problem in front.problems)


@settings(max_examples=200)
@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=60).map(str.strip))
def test_an_unescaped_title_in_quotes_comes_back(title: str) -> None:
    """What a generator does that escapes nothing: quotes around whatever the title is."""
    assume("'" not in title)
    value = yaml(f"title: '{title}'").fields["title"]
    assert isinstance(value, str)
    assert value.split() == title.split()
