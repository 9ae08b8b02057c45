"""Posts: what we write as front matter and HTML is read by all alike, and by ourselves as the same item."""

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from aggregator import html, matter
from aggregator.formats import post
from aggregator.model import Document, Entry, Feed, Item, Overview, Person, Tag
from aggregator.sources import feed, seed
from aggregator.text import one_line
from tests import build
from tests.strategies import FEEDS, HOSTILE, ITEMS, MOMENTS, WORDS

TEMPLATE = Overview().post_path


def read(data: bytes, name: str = "post.md", **fields: Any) -> Item:
    """The one item that our adapter reads in a post, which it must do without a warning."""
    of = build.source("seed:posts", "seed", options=seed.Options("posts"), **fields)
    batch = seed.read(Document(name=name, url=name, body=data), of)
    assert batch.warnings == ()
    (item,) = batch.items
    return replace(item, origin="")


def republished(entry: Entry, item: Item) -> Entry:
    """The entry as another planet has it, which read the post in a folder of its own."""
    return replace(entry, item=item, feed=build.feed(title="Another planet", id="tag:other.example,2024:feed"))


def check(entry: Entry, name: str = "post.md") -> None:
    """Written, read and written again: the same item, the same bytes, the same path."""
    data = post.post(entry)
    item = read(data, name)
    assert item == post.published(entry)
    again = republished(entry, item)
    assert post.post(again) == data
    assert post.path(again, TEMPLATE) == post.path(entry, TEMPLATE)


def of(**item: Any) -> Entry:
    return build.entry(1, build.item(1, **item))


def name(text: str) -> str:
    """The text in the form that names of categories have."""
    return unicodedata.normalize("NFC", one_line(text))


def front(entry: Entry) -> dict[str, Any]:
    """The front matter as a YAML 1.1 parser takes it, which sees more in a text than the others do."""
    loaded: dict[str, Any] = yaml.safe_load(post.post(entry).split(b"\n---\n")[0])
    return loaded


def body(entry: Entry) -> str:
    return post.post(entry).decode().split("\n---\n", 1)[1]


# --- Front matter -----------------------------------------------------------------------------------------------------

TEXTS = [
    "no", "~", "null", "", "2024-01-01", "12_00", "1e3", "0x1F", ".inf", "=", "<<", "@x", "`x`", "%x", "&x", "*x",
    "!x", "| x", "> x", "- x", "? x", "# x", "a #5 b", "a: b", "a:", "'", '"', '""x""', "it's", 'say "x"', "\\", "\\n",
    "{{ x }}", "{% raw %}", "{{< x >}}", "{{% x %}}", "{#x#}", "[x]", "{x: y}", "---", "+++", "\N{PARTY POPPER}",
    "\u4e16\u754c", "a_b", "AT&amp;T", "&#123;", "<b>x</b>", "<script>alert(1)</script>", "e\u0301", "\x7f", "\u2028x",
    "\ufeffx", "A &B *C", "- - " * 40, "[" * 300, "x" * 500, "Name <a@b.example>", "a, b", HOSTILE,
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_texts_stay_what_they_are(text: str) -> None:
    entry = of(
        title=text,
        summary=text,
        rights=text,
        authors=(Person(text, "a@b.example"), Person(text)),
        tags=(Tag(text), Tag("x", "https://x.example/", text)),
        feed=Feed(title=text, url="https://elsewhere.example/"),
    )
    check(replace(entry, categories=(build.category("Tech", name(text) or "x"), build.category("b"))))
    said = front(entry)
    assert said["title"] == post.published(entry).title
    assert isinstance(said["description"], str)
    assert all(isinstance(term, str) for term in said["tags"])


def test_everything_that_an_item_can_say_comes_back() -> None:
    rich, bare = build.rich_channel().entries
    rich = replace(rich, item=replace(rich.item, content=html.clean(rich.item.content)))
    check(rich)
    check(bare)
    item = read(post.post(rich))
    upstream = replace(rich.item, categories=(("Tech", "AI & ML"),), feed=item.feed, language="de-DE")
    files = (*upstream.enclosures[:2], replace(upstream.enclosures[2], type=""))  # "mp3" is no media type
    assert item == replace(upstream, published=rich.published, enclosures=files)
    assert item.feed == replace(rich.feed, subtitle="", icon="", logo="", updated=None, tags=(), links=())


def test_the_shape_is_that_of_posts() -> None:
    entry = of(title="T", summary="S", authors=(Person("Ann"),), tags=(Tag("x"), Tag("y")))
    said = front(replace(entry, categories=(build.category("a", "b"),)))
    assert said.pop("source")["title"] == "Example News"
    assert said == {
        "generator": "aggregator",
        "title": "T",
        "date": "2024-05-17T08:30:00Z",
        "updated": "2024-05-17T08:30:00Z",
        "categories": ["a", "b"],
        "tags": ["x", "y"],
        "author": "Ann",
        "link": "https://news.example/1",
        "guid": "https://news.example/1",
        "description": "S",
    }
    several = replace(entry, categories=(build.category("a", "b"), build.category(), build.category("c")))
    assert front(several)["categories"] == [["a", "b"], ["c"]]


def test_the_guid_is_the_public_id() -> None:
    entry = build.entry(1, build.item(guid="12345"), id="tag:planet.example,2024:item/1")
    assert read(post.post(entry)).guid == "tag:planet.example,2024:item/1"


def test_too_much_front_matter_is_cut_where_it_is_longest() -> None:
    tags = tuple(Tag(f"{number} {'x' * 400}", "https://x.example/", "y" * 400) for number in range(200))
    entry = of(title="T", tags=tags, rights="R")
    check(entry)
    item = read(post.post(entry))
    assert (item.title, item.rights) == ("T", "R")
    assert 20 < len(item.tags) < 200


CLEAN_ITEMS = ITEMS.map(lambda item: replace(item, content=html.clean(item.content)))
NAMES = WORDS.map(name).filter(bool)
CATEGORIES = st.lists(st.lists(NAMES, min_size=1, max_size=3).map(tuple), max_size=3, unique=True)


@settings(max_examples=100)
@given(CLEAN_ITEMS, FEEDS, CATEGORIES, MOMENTS, MOMENTS)
def test_any_item_comes_back(item: Item, source: Feed, paths: list[Any], one: datetime, two: datetime) -> None:
    check(
        build.entry(
            1, item, feed=source, published=one, updated=two, categories=tuple(build.category(*path) for path in paths)
        )
    )


SCALARS: st.SearchStrategy[Any] = WORDS | st.sampled_from([None, True, -1, 61.5, float("nan"), "1e999", "9" * 5000])
PLAIN = SCALARS | st.lists(
    SCALARS | st.fixed_dictionaries({"url": SCALARS, "href": SCALARS, "rel": SCALARS}), max_size=3
)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from([*matter.fields(build.rich_channel().entries[0].item)]), PLAIN, max_size=6))
def test_no_edit_of_a_post_breaks_reading(said: dict[str, Any]) -> None:
    once = matter.item(said)
    assert matter.item(matter.fields(once)) == once


@pytest.mark.parametrize(
    ("old", "new", "field", "expected"),
    [
        ('title: "T"', "title: A 'new' title", "title", "A 'new' title"),
        ('date: "2024-05-17T08:30:00Z"', "date: 2024-05-18 10:00", "published", datetime(2024, 5, 18, 8, tzinfo=UTC)),
        ('  - "y"\n', "  - z\n", "tags", (Tag("x", "", "X"), Tag("z"))),
        ('description: "S"\n', "", "summary", "The text of story 1."),
        ("</div>\n", "</div>\n\n*So it is.*\n", "content", None),
    ],
)
def test_a_post_may_be_edited(old: str, new: str, field: str, expected: object) -> None:
    text = post.post(of(title="T", summary="S", tags=(Tag("x", "", "X"), Tag("y", "", "Y")))).decode()
    assert old in text
    value = getattr(read(text.replace(old, new).encode(), zone="Europe/Berlin"), field)
    assert value == expected or (expected is None and value.endswith("<p><em>So it is.</em></p>"))


# --- Body -------------------------------------------------------------------------------------------------------------

BODIES = [
    "",
    "text",
    "<p>a</p>\n\n<p>b</p>",
    "<pre>a\n\n\n  b\n\n    - c\n</pre>\n\n    text",
    '<p title="a\n\nb">x</p>',
    '<img src="https://x.example/1.png" alt="{{ x }} &lt;!-- more --&gt; &lt;div&gt;">',
    "<div>a</div>\n<div>b</div>",
    "<div>a</div>",
    "</div>",
    "{{ x }} {% raw %} {% endraw %} {# x #} {{&lt; x &gt;}} {{% x %}} {{{{",
    "<p>{<b>{</b> x }}</p>",
    "<pre>```js\nx\n```\n\n~~~\ny\n~~~</pre>",
    "---\ntitle: x\ndate: y\n---\nz",
    "- a\n- b\n\n# c\n\n1. d\n\n> e\n\n\ta\n\n| a | b |\n|---|---|",
    "*a* _b_ [c](d) &amp;amp; &lt;b&gt; \\* https://x.example/ :smile: $$x$$",
    "&lt;!--swig\ufffc0--&gt;",
    "a\x85b\u2028c\u3000\n\u3000\nd",
    "\N{PARTY POPPER} \u4e16\u754c",
]


def check_body(raw: str) -> None:
    """The content survives our adapter, CommonMark, and the template languages, which find nothing of theirs."""
    entry = of(content=html.clean(raw))
    check(entry)
    check(entry, "post.html")
    written = body(entry)
    content = html.clean(entry.item.content)
    assert html.clean(MarkdownIt("commonmark").render(written)) == (content and f"<div>\n{content}\n</div>")
    assert not any(mark in written for mark in ("{", "}", "```", "~~~", "\ufffc", "<!--"))


@pytest.mark.parametrize("raw", BODIES)
def test_bodies_survive(raw: str) -> None:
    check_body(raw)


PIECES = [
    "<p>", "</p>", "<pre>", "</pre>", "<div>", "</div>", "<b>", "</b>", "<ul>", "<li>", "<table>", "<td>", "<hr>",
    "<blockquote>", "<script>", "{{", "}}", "{%", "%}", "{", "```", "~~~", "---", "#", "-", "1.", ">", "|", "*", "_",
    "[", "](", ")", "&", "&amp;", "&lt;", "&#10;", "&nbsp;", "\\", "x", "\u4e16", " ", "\n", "\n\n", "    ",
    '<img src="https://x.example/a" alt="\n\n{{ ',
]  # fmt: skip


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from([*PIECES, " ", "\n", "\n\n", "    ", '<img src="https://x.example/a" alt="\n\n{{ ']),
        max_size=14,
    )
)
@example(["</div>", "\n\n", "<div class='e-content'>"])
def test_any_html_survives(pieces: list[str]) -> None:
    check_body("".join(pieces))


# --- Paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "path"),
    [
        (TEMPLATE, r"tech/ai/example-news/a-title-{mark}.md"),
        ("{year}/{month}/{day}-{slug}.html", "2024/05/17-a-title-{mark}.html"),
        ("_posts/{date}-{slug}.markdown", "_posts/2024-05-17-a-title-{mark}.markdown"),
        ("{slug}/index.md", "a-title-{mark}/index.md"),
        ("{id}.md", "{mark}.md"),
        ("{source}-" * 5 + "{id}.md", None),
    ],
)
def test_paths(template: str, path: str | None) -> None:
    entry = replace(of(title="A Title!"), categories=(build.category(), build.category("Tech", "AI")))
    found = post.path(entry, post.checked(template))
    mark = "f1372b7cd058"
    assert path is None or found == path.replace("{mark}", mark)


def test_a_path_has_the_first_category_of_the_copy_that_is_shown() -> None:
    categories = (build.category("a"), build.category("b"))
    entry = replace(of(title="T", categories=(("b",),)), categories=categories)
    assert post.path(entry, TEMPLATE).startswith("b/")
    assert post.published(entry).categories == (("b",), ("a",))
    assert post.path(replace(of(), categories=()), TEMPLATE).startswith("uncategorized/")


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{slug}", "must end in"),
        ("{year}.md", "neither"),
        ("{titel}/{slug}.md", "{titel}"),
        ("{slug.__class__}{slug}.md", "no field"),
        ("{slug!r}{id}.md", "no field"),
        ("/{slug}.md", "relative"),
        ("a//{slug}.md", "relative"),
        ("../{slug}.md", "relative"),
        (".{slug}.md", "relative"),
        ("a/ {slug}.md", "relative"),
        ("a\\{slug}.md", "relative"),
        ("{{slug}}.md", "relative"),
        ("a\n{slug}.md", "relative"),
    ],
)
def test_templates_that_are_none(template: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        post.checked(template)


@settings(max_examples=150)
@given(ITEMS, FEEDS, st.text(max_size=300), st.sampled_from([TEMPLATE, "{source}-{slug}-{category}-{slug}-{slug}.md"]))
def test_paths_are_safe(item: Item, source: Feed, title: str, template: str) -> None:
    category = build.category("x", folder=title, path=(title,))
    found = post.path(build.entry(1, replace(item, title=title), feed=source, categories=(category,)), template)
    assert found.endswith(".md")
    for name in found.split("/"):
        assert name
        assert not name.startswith(".")
        assert len(name.encode()) <= 255
        assert not set(name) & set('\\<>:"|?*\x00\n')


# --- Documents --------------------------------------------------------------------------------------------------------


def test_every_entry_has_a_path_that_others_do_not_move() -> None:
    entries = tuple(build.entry(number, build.item(number, title="Links")) for number in range(5))
    everything = build.channel(*entries, category=build.category())
    found = post.documents(everything)
    assert len(found) == 5
    assert all(path.startswith("posts/uncategorized/example-news/links-") for path in found)
    for entry in entries:
        ((path, data),) = post.documents(replace(everything, entries=(entry,))).items()
        assert found[path] == data


def test_only_the_current_channel_of_everything_has_posts() -> None:
    entry = build.entry(1)
    assert post.documents(build.channel(entry)) == {}
    assert post.documents(build.channel(entry, category=build.category(), archive=3)) == {}


# --- The corpus -------------------------------------------------------------------------------------------------------


def real_entries(corpus: Path) -> Iterator[Entry]:
    """All posts of the corpus, and some entries of every sixth feed document."""
    for path in sorted((corpus / "seeds").rglob("*.md")):
        of = build.source("seed:seeds", "seed", options=seed.Options("seeds"))
        for item in seed.read(Document(name=path.name, url=path.name, body=path.read_bytes()), of).items:
            categories = tuple(build.category(*names) for names in item.categories)
            yield build.entry(1, item, id=f"tag:x.example,2024:{path.name}", categories=categories)
    for path in sorted((corpus / "feeds").glob("*__*"))[::6]:
        url = f"https://x.example/{path.name}"
        batch = feed.read(Document(name=url, url=url, body=path.read_bytes()), build.source(url))
        for number, item in enumerate(batch.items[:20]):
            yield build.entry(1, item, id=item.guid or f"{url}#{number}", feed=batch.feed or Feed(title="x"))


def test_the_corpus_comes_back(corpus: Path) -> None:
    count = 0
    for entry in real_entries(corpus):
        check(entry)
        item = post.published(entry)
        said: dict[str, Any] = {
            "guid": item.guid,
            "published": item.published,
            "updated": item.updated,
            "feed": item.feed,
            "day_only": item.day_only,
        }
        assert not item.day_only, "a post says the moment"
        assert replace(entry.item, origin="", **said) == item
        count += 1
    assert count > 300
