"""Seed posts: what is found in a folder, and what a post says."""

import asyncio
import os
import pickle
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import FetchError, ParseError, SourceError
from aggregator.model import Document, Enclosure, Found, Item, Limits, Link, Person, Source, Validators
from aggregator.sources import seed
from tests.build import source

BASE = "https://planet.example/blog/"


async def no_network(url: str, known: Validators, limits: Limits) -> Document:
    raise FetchError("no network", url)


def folder(path: Path, **fields: Any) -> Source:
    return source("seed:posts", "seed", options=seed.Options(path.name), root=str(path.parent), base_url=BASE, **fields)


def find(of: Source, known: Mapping[str, Validators] | None = None) -> Found:
    return asyncio.run(seed.documents(of, known or {}, no_network))


def names(found: Found) -> list[str]:
    return [document.name for document in found.changed]


def batch(body: str | bytes, name: str = "post.md", **fields: Any) -> Any:
    raw = body.encode() if isinstance(body, str) else body
    of = source("seed:posts", "seed", options=seed.Options("posts"), **{"base_url": BASE, **fields})
    return seed.read(Document(name=name, url=name, body=raw), of)


def read(fields: str = "", body: str = "Text.", name: str = "post.md", **source_fields: Any) -> Item:
    item = batch(f"---\n{fields}\n---\n{body}", name, **source_fields).items[0]
    assert isinstance(item, Item)
    return item


# --- The folder -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("seeds", "seed:seeds"),
        ("./seeds/", "seed:seeds"),
        ("a//b/./c", "seed:a/b/c"),
        (".", "seed:."),
        ("/x/", "seed:/x"),
    ],
)
def test_key(path: str, key: str) -> None:
    assert seed.key(seed.Options(path)) == key


def test_a_key_needs_a_path() -> None:
    with pytest.raises(ValueError, match="empty"):
        seed.key(seed.Options(" "))


def write(root: Path, name: str, text: str = "---\ntitle: x\n---\ny") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_posts_are_found_in_order_and_others_left_out(tmp_path: Path) -> None:
    root = tmp_path / "posts"
    posts = ["a.md", "b/c.MARKDOWN", "b/d/e.html", "b/新媒体/ .md", "b-x.htm", "directory.md/f.mkd", "z.mdown"]
    for name in [*posts, ".hidden.md", ".git/a.md", "_drafts/a.md", "x/node_modules/a.md", "note.txt", "md", "a.md~"]:
        write(root, name)
    found = find(folder(root))
    assert names(found) == sorted(posts)
    assert not found.warnings
    first = found.changed[0]
    assert (first.name, first.url, first.body) == ("a.md", "a.md", b"---\ntitle: x\n---\ny")


def test_only_what_changed_is_read(tmp_path: Path) -> None:
    root = tmp_path / "posts"
    one, two = write(root, "one.md"), write(root, "two.md")
    known = {document.name: document.validators for document in find(folder(root)).changed}
    assert set(known) == {"one.md", "two.md"}
    again = find(folder(root), known)
    assert (names(again), again.unchanged) == ([], known)
    two.write_text("longer than before, as it happens", encoding="utf-8")
    one.unlink()
    third = find(folder(root), known)
    assert (names(third), third.unchanged) == (["two.md"], {})


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^missing folder: .*nowhere does not exist; create it or mend `path`$"):
        find(folder(tmp_path / "nowhere"))
    write(tmp_path, "file")
    with pytest.raises(SourceError, match="unreadable folder"):
        find(folder(tmp_path / "file"))


def test_what_is_no_post_is_never_opened(tmp_path: Path) -> None:
    """A pipe would hang for ever, /dev/zero never ends, and a link may lead to the password file."""
    root, outside = tmp_path / "posts", write(tmp_path, "secret.md")
    inside = write(root, "good.md")
    write(root, "_drafts/secret.md")
    write(root, "sub/x.md")
    write(tmp_path, "else/x.md")
    os.mkfifo(root / "pipe.md")
    links: dict[str, str | Path] = {
        "out.md": outside, "zero.md": "/dev/zero", "nowhere.md": "gone", "loop.md": "loop.md", "draft.md": "_drafts/secret.md",
        "in.md": inside, "folder.md": tmp_path / "else", "below.md": root / "sub",
    }  # fmt: skip
    for name, target in links.items():
        (root / name).symlink_to(target)
    began = time.monotonic()
    found = find(folder(root))
    assert time.monotonic() - began < 5
    assert names(found) == ["good.md", "in.md", "sub/x.md"]
    assert found.warnings == (
        "posts/below.md: is no regular file; remove it",
        "posts/draft.md: is a link that leads out of the folder of posts; copy the file in",
        "posts/folder.md: is a link that leads out of the folder of posts; copy the file in",
        "posts/loop.md: is a link to nowhere; mend or remove it",
        "posts/nowhere.md: is a link to nowhere; mend or remove it",
        "posts/out.md: is a link that leads out of the folder of posts; copy the file in",
        "posts/pipe.md: is no regular file; remove it",
        "posts/zero.md: is a link that leads out of the folder of posts; copy the file in",
    )


def test_a_path_that_no_store_can_hold_is_told(tmp_path: Path) -> None:
    root = tmp_path / "posts"
    write(root, "good.md")
    write(root, "/".join("d" * 200 for _ in range(10)) + "/post.md")
    found = find(folder(root))
    assert names(found) == ["good.md"]
    assert [each.rpartition("/")[2] for each in found.warnings] == [
        "post.md: has a path of more than 2,000 bytes; shorten it"
    ]


def test_a_known_post_that_cannot_be_read_is_not_lost(tmp_path: Path) -> None:
    root = tmp_path / "posts"
    write(root, "post.md").unlink()
    os.mkfifo(root / "post.md")
    known = {"post.md": Validators(stamp="1-1")}
    found = find(folder(root), known)
    assert (names(found), found.unchanged) == ([], known)
    assert len(found.warnings) == 1


def test_no_permission(nobodys_folder: Path) -> None:
    root = nobodys_folder / "posts"
    write(root, "good.md")
    write(root, "post.md").chmod(0)
    write(root, "sub/deep.md").parent.chmod(0)
    known = {"post.md": Validators(stamp="1-1"), "sub/deep.md": Validators(stamp="1-1")}
    found = find(folder(root), known)
    (root / "sub").chmod(0o700)
    assert (names(found), found.unchanged) == (["good.md"], known)
    assert [warning.partition(";")[0] for warning in found.warnings] == [
        "posts/post.md: cannot be read (Permission denied)",
        "posts/sub: cannot be listed (Permission denied)",
    ]


def test_a_post_that_is_too_large_is_left_out(tmp_path: Path) -> None:
    root = tmp_path / "posts"
    write(root, "big.md", "x" * 1001)
    write(root, "fits.md", "x" * 1000)
    found = find(folder(root, limits=Limits(max_bytes=1000)))
    assert names(found) == ["fits.md"]
    assert found.warnings == ("posts/big.md: has more than 1,000 bytes; shorten it or raise `max_bytes`",)


def test_odd_file_names(tmp_path: Path) -> None:
    root = tmp_path / "posts"
    root.mkdir()
    (root / "two\nlines.md").write_text("x", encoding="utf-8")
    try:
        Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.md")).write_text("x", encoding="utf-8")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    found = find(folder(root))
    assert names(found) == ["caf\\xe9.md", "two\\x0alines.md"]
    assert all(seed.read(document, folder(root)).items for document in found.changed)


def test_one_bad_post_among_good_ones(tmp_path: Path) -> None:
    root = tmp_path / "posts"
    write(root, "a.md", "---\ntitle: A\n---\n")
    write(root, "b.md").write_bytes(bytes(range(256)) * 8)
    write(root, "c.md", "---\ntitle: C\n---\n")
    titles, errors = [], []
    for document in find(folder(root)).changed:
        try:
            titles += [item.title for item in seed.read(document, folder(root)).items]
        except ParseError as error:
            errors.append(str(error))
    assert titles == ["A", "C"]
    assert errors == ["not text: posts/b.md:1: is a binary file, not text; give it another ending, or save it as UTF-8"]


# --- A post -----------------------------------------------------------------------------------------------------------


def test_a_whole_post() -> None:
    item = read(
        "title: 'Tea & <b>cake</b>'\ncategories:\n - 新媒体\n - 'Café （x）'\nheadimg: /img/a.png\nauthor: Ann\ntags: [x, 'y z', x]\n"
        "comments: https://c.example/1\ndate: Sun, 26 Sep 2021 12:05:14 GMT\nlastmod: 2021-09-27\npermalink: /2021/tea/\n"
        "id: tag:x,2021:1\nlang: zh_cn\nlicense: CC-BY\n",
        "Some *tea*,\n![](cup.png)\n",
        "a/b.md",
    )
    assert item == Item(
        guid="tag:x,2021:1",
        url="https://planet.example/2021/tea/",
        title="Tea & cake",
        summary="Some tea,",
        content=item.content,
        authors=(Person("Ann"),),
        tags=item.tags,
        categories=(("新媒体", "Café （x）"),),
        published=datetime(2021, 9, 26, 12, 5, 14, tzinfo=UTC),
        updated=datetime(2021, 9, 27, tzinfo=UTC),
        language="zh-CN",
        rights="CC-BY",
        image=item.image,
        links=(Link("https://c.example/1", "replies"),),
        origin="a/b.md",
    )
    assert item.content.startswith("<p>Some <em>tea</em>,\n<img ")
    assert 'src="https://planet.example/2021/tea/cup.png"' in item.content
    assert [tag.term for tag in item.tags] == ["x", "y z"]
    assert item.image
    assert item.image.url == "https://planet.example/img/a.png"


CATEGORIES = {
    "none": ("", ()),
    "blank": ("categories:", ()),
    "one": ("categories: tech", (("tech",),)),
    "a slash is part of a name": ("categories: tech/python", (("tech/python",),)),
    "blanks are part of a name": ("categories: Machine Learning", (("Machine Learning",),)),
    "commas": ("categories: a, b c", (("a",), ("b c",))),
    "singular": ("category: a, b", (("a, b",),)),
    "a list is a path": ("categories: [a, b, c]", (("a", "b", "c"),)),
    "lists in a list": ("categories:\n - [a, b]\n - [c]\n - d", (("a", "b"), ("c",), ("d",))),
    "twice": ("categories: [[a], [a], [b]]", (("a",), ("b",))),
    "empty names": ("categories: ['', a, ' ']", (("a",),)),
    "numbers and words of YAML": ("categories: [2019, no, 1_0]", (("2019", "no", "1_0"),)),
    "a colon in a name": ("categories:\n - GitHub: Issues", (("GitHub: Issues",),)),
    "both forms of é": ("categories: [Cafe\u0301]", (("Café",),)),
    "white space": ("categories:\n - ' a\u3000 b '", (("a b",),)),
    "not a Jekyll post": ("layout: post\ncategories: a b", (("a b",),)),
}


@pytest.mark.parametrize(("fields", "expected"), CATEGORIES.values(), ids=CATEGORIES.keys())
def test_categories(fields: str, expected: object) -> None:
    assert read(f"title: x\n{fields}").categories == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2020-01-02-x.md", (("a", "b"),)),
        ("site/_posts/x.md", (("a", "b"),)),
        ("source/_posts/2020-01-02-x.md", (("a b",),)),
        ("x.md", (("a b",),)),
    ],
)
def test_categories_of_jekyll(name: str, expected: object) -> None:
    assert read("layout: post\ncategories: a b", name=name).categories == expected


def test_categories_of_toml_and_of_the_source() -> None:
    hugo = batch('+++\ntitle = "x"\ncategories = ["a", "b c"]\n+++\ny').items[0]
    assert hugo.categories == (("a",), ("b c",))
    own = (("x",), ("y", "z"))
    assert read("title: a", categories=own).categories == own
    assert read("title: a\ncategories: [b]", categories=own).categories == (("b",),)


TAGS = {
    "list": ("tags: [a, 'b c']", ["a", "b c"]),
    "commas": ("tags: a, b c ,", ["a", "b c"]),
    "one": ("tags: a b", ["a b"]),
    "singular": ("tag: a", ["a"]),
    "null": ("tags: ~", []),
    "number sign": ("tags:\n - C #5", ["C #5"]),
    "not keywords": ("keywords: a", []),
}


@pytest.mark.parametrize(("fields", "terms"), TAGS.values(), ids=TAGS.keys())
def test_tags(fields: str, terms: list[str]) -> None:
    assert [tag.term for tag in read(fields).tags] == terms


AUTHORS = {
    "name": ("author: Ann B", [Person("Ann B")]),
    "list": ("authors: [Ann, Bob]", [Person("Ann"), Person("Bob")]),
    "mail": ("author: Ann <ann@a.example>", [Person("Ann", "ann@a.example")]),
    "mapping": ("author: {Name: Ann, email: ann@a.example, url: 'https://a.example/'}", [Person("Ann", "ann@a.example", "https://a.example/")]),
    "mappings": ("authors:\n - name: Ann\n   link: https://a.example/\n - Bob", [Person("Ann", "", "https://a.example/"), Person("Bob")]),
    "bad mail and page": ("author: {name: Ann, email: 'a b', url: 'javascript:x'}", [Person("Ann")]),
    "at": ("author: @ann", [Person("@ann")]),
    "bracket": ("author: [ann", [Person("[ann")]),
    "star": ("author: *ann*", [Person("*ann*")]),
    "per cent": ("author: %ann", [Person("%ann")]),
    "brace": ("author: {ann}", [Person("{ann}")]),
    "colon": ("author: GitHub: Pull Requests", [Person("GitHub: Pull Requests")]),
    "number": ("author: 1_0", [Person("1_0")]),
    "none": ("author:", []),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "people"), AUTHORS.values(), ids=AUTHORS.keys())
def test_authors(fields: str, people: list[Person]) -> None:
    assert list(read(f"title: x\n{fields}").authors) == people


DATES = {
    "naive, in the source's zone": ("date: 2021-03-21 16:42:51", (2021, 3, 21, 8, 42, 51)),
    "with an offset": ("date: 2024-12-17 02:00:30:00 +0900", (2024, 12, 16, 17, 0, 30)),
    "day": ("publishDate: 2021-03-21", (2021, 3, 20, 16)),
    "published is true": ("published: true\npubDate: 2021-03-21 08:00:00", (2021, 3, 21)),
    "published is a date": ("published: 2021-03-21 08:00:00", (2021, 3, 21)),
    "null": ("date: null", None),
    "none": ("", None),
}


@pytest.mark.parametrize(("fields", "moment"), DATES.values(), ids=DATES.keys())
def test_dates(fields: str, moment: tuple[int, ...] | None) -> None:
    read_back = batch(f"---\ntitle: x\n{fields}\n---\n", zone="Asia/Shanghai")
    assert read_back.items[0].published == (datetime(*moment, tzinfo=UTC) if moment else None)  # type: ignore[misc,arg-type]  # up to six ints
    assert not read_back.warnings


@pytest.mark.parametrize("date", ["Invalid Date", "2024-02-30 10:00:00", "yesterday"])
def test_a_date_that_is_none_is_a_warning(date: str) -> None:
    got = batch(f"\n---\ntitle: x\ndate: {date}\nupdated: {date}\n---\n", "a/b.md")
    assert (got.items[0].published, got.items[0].updated) == (None, None)
    assert got.warnings == (
        f"posts/a/b.md:4: date `{date}` is no date; the time of first sight is used",
        f"posts/a/b.md:5: updated `{date}` is no date; it is left out",
    )


@pytest.mark.parametrize("dates", ["[2024-01-01, 2024-01-02]", "{day: 1}"])
def test_several_dates_are_none_and_a_warning(dates: str) -> None:
    got = batch(f"---\ntitle: x\ndate: {dates}\n---\n", "a/b.md")
    assert got.items[0].published is None
    assert got.warnings == (
        "posts/a/b.md:3: date holds several values, and is no date; the time of first sight is used",
    )


def test_a_dated_file_name_helps_out() -> None:
    assert read("title: x", name="_posts/2020-01-02-x.md").published == datetime(2020, 1, 2, tzinfo=UTC)
    got = batch("---\ndate: Invalid Date\n---\ny", "2020-01-02-x.md")
    assert got.items[0].published == datetime(2020, 1, 2, tzinfo=UTC)
    assert got.warnings == ("posts/2020-01-02-x.md:2: date `Invalid Date` is no date; the file name's is used",)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ("draft: true", "a.md"),
        ("Draft: Yes", "a.md"),
        ("published: false", "a.md"),
        ("published: 0", "a.md"),
        ("headless: on", "a.md"),
        ("layout: draft", "a.md"),
        ("title: x", "site/_drafts/a.md"),
        ("draft: true\ntitle: @x\ndate: Invalid Date", "a.md"),
    ],
)
def test_drafts_give_nothing(fields: str, name: str) -> None:
    got = batch(f"---\n{fields}\n---\n", name)
    assert (got.items, got.warnings) == ((), ())


def test_a_draft_no_more() -> None:
    assert read("draft: false\npublished: true").content


TITLES = {
    "markup": ("title: '<i>A</i> &amp; B'", "x", "p.md", "A & B"),
    "braces": ("title: 'a &#123;b&#125;'", "x", "p.md", "a {b}"),
    "over lines": ("title: 00_1\n\n      x\ndate: 2020-01-01", "y", "p.md", "00_1 x"),
    "blank stays blank": ("title:", "# Heading", "words.md", ""),
    "missing: heading": ("date: 2020-01-01", "text\n\n## The *first* one\n\n# Two", "words.md", "The first one"),
    "missing: words of a slug": ("date: 2020-01-01", "text", "2020-01-02-on-feeds.md", "On Feeds"),
    "missing: words of a name": ("date: 2020-01-01", "text", "a/What is RSS？.md", "What is RSS？"),
    "missing: a name in capitals": ("date: 2020-01-01", "text", "OPML_and-RSS.md", "OPML and RSS"),
    "missing: bundle": ("date: 2020-01-01", "text", "posts/my-trip/index.md", "My Trip"),
    "missing: nothing to say": ("date: 2020-01-01", "text", "20190117.md", ""),
    "colon came back": ("title: 'Part 2_ the end'", "<h1>Part 2: the end</h1>", "p.md", "Part 2: the end"),
    "quotes came back": ("title: 'All _new_ things, said he'", "All “new” things, said he. And more.", "p.md", "All “new” things, said he"),
    "cut title": ("title: 'Is it _ he asked, and w...'", "Is it / he asked, and went", "p.md", "Is it / he asked, and w..."),
    "not the same words": ("title: 'Part 2_ the end _ Site'", "<h1>Part 2: the end</h1>", "p.md", "Part 2_ the end _ Site"),
    "true underscore": ("title: snake_case", "snake_case is", "p.md", "snake_case"),
    "too short to tell": ("title: 'a_b'", "a/b", "p.md", "a_b"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "body", "name", "title"), TITLES.values(), ids=TITLES.keys())
def test_titles(fields: str, body: str, name: str, title: str) -> None:
    assert read(fields, body, name).title == title


IMAGES = {
    "order": ("thumbnail: /t.png\nheadimg: /h.png", "https://planet.example/h.png"),
    "backslashes": (r"photos: \img\a.png", "https://planet.example/img/a.png"),
    "list": ("images: [x.png, y.png]", "https://planet.example/blog/x.png"),
    "mapping": ("cover: {image: x.png, alt: y}", "https://planet.example/blog/x.png"),
    "deeper": ("header: {Teaser: /x.png}", "https://planet.example/x.png"),
    "switch": ("cover: false\nimage: /x.png", "https://planet.example/x.png"),
    "colour": ("cover: '#fff'", "https://b.example/body.png"),
    "no picture": ("thumbnail: https://a.example/undefined", "https://b.example/body.png"),
    "random picture": ("headimg: 'https://picsum.photos/400/300?random=81'", "https://b.example/body.png"),
    "quote inside": ("headimg: 'https://a.example/it's.png'", "https://a.example/it's.png"),
    "script": ("headimg: 'javascript:alert(1)//x.png'", "https://b.example/body.png"),
    "none": ("thumbnail:", "https://b.example/body.png"),
}


@pytest.mark.parametrize(("fields", "url"), IMAGES.values(), ids=IMAGES.keys())
def test_image(fields: str, url: str) -> None:
    image = read(fields, "![x](https://b.example/body.png)").image
    assert image
    assert image.url == url


PAGES = {
    "absolute": ("permalink: https://a.example/x/", "https://a.example/x/", "https://a.example/x/y"),
    "relative": ("url: /x/", "https://planet.example/x/", "https://planet.example/x/y"),
    "pattern": ("permalink: /:year/:title/", "", "https://planet.example/blog/y"),
    "link elsewhere": ("external_link: https://a.example/x/", "https://a.example/x/", "https://planet.example/blog/y"),
    "script": ("link: javascript:alert(1)", "", "https://planet.example/blog/y"),
    "none": ("", "", "https://planet.example/blog/y"),
}


@pytest.mark.parametrize(("fields", "url", "link"), PAGES.values(), ids=PAGES.keys())
def test_page_and_links(fields: str, url: str, link: str) -> None:
    item = read(f"title: x\n{fields}", "[a](y)")
    assert item.url == url
    assert f'href="{link}"' in item.content


def test_without_a_base_relative_addresses_go() -> None:
    item = read("permalink: /x/\nheadimg: /x.png", "[a](y)", base_url="")
    assert (item.url, item.image) == ("", None)
    assert "href" not in item.content


ENCLOSURES = {
    "mapping": ("enclosure: {url: /a.mp3, length: 1_2, type: AUDIO/MPEG}", Enclosure("https://planet.example/a.mp3", "audio/mpeg")),
    "length": ("enclosure: {url: /a.bin, length: '12,345'}", Enclosure("https://planet.example/a.bin", "", 12345)),
    "address": ("audio: https://a.example/b.ogg?x=1", Enclosure("https://a.example/b.ogg?x=1", "audio/ogg")),
    "list": ("enclosures:\n - url: /a.mp3\n - /a.mp3", Enclosure("https://planet.example/a.mp3", "audio/mpeg")),
    "switch": ("podcast: true", None),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "enclosure"), ENCLOSURES.values(), ids=ENCLOSURES.keys())
def test_enclosures(fields: str, enclosure: Enclosure | None) -> None:
    assert read(f"title: x\n{fields}").enclosures == ((enclosure,) if enclosure else ())


RIGHTS = {
    "text": ("copyright: © Ann", "© Ann", ()),
    "switch": ("copyright: true", "", ()),
    "address": ("license: https://l.example/by/4.0/", "", (Link("https://l.example/by/4.0/", "license"),)),
    "comments off": ("comments: false", "", ()),
}


@pytest.mark.parametrize(("fields", "rights", "links"), RIGHTS.values(), ids=RIGHTS.keys())
def test_rights_and_links(fields: str, rights: str, links: tuple[Link, ...]) -> None:
    item = read(f"title: x\n{fields}")
    assert (item.rights, item.links) == (rights, links)


SUMMARIES = {
    "excerpt": ("excerpt: Short <b>one</b>\ndescription: x", "Body", "Short one"),
    "description": ("description: Short", "Body", "Short"),
    "more": ("title: x", "# A\n\nabove\n\n<!-- more -->\n\nbelow", "A above"),
    "more in HTML": ("title: x", "<div>\n<p>above<!--more--></p>\n\n<p>below</p></div>", "above"),
    "body": ("excerpt:", "Body *text*", "Body text"),
}


@pytest.mark.parametrize(("fields", "body", "summary"), SUMMARIES.values(), ids=SUMMARIES.keys())
def test_summaries(fields: str, body: str, summary: str) -> None:
    assert read(fields, body).summary == summary


# --- The body ---------------------------------------------------------------------------------------------------------

BODIES = {
    "Markdown": ("# A\n\n- x\n- ~~y~~\n\n|a|b|\n|-|-|\n|c|d|\n", ["<h1>A</h1>", "<li>x</li>", "<s>y</s>", "<td>c</td>"]),
    "code": ("```html\n<b>&#123;x</b>\n```\n", ["&lt;b&gt;", "x&lt;/b&gt;"]),
    "indented code in Markdown": ("text\n\n    a < b\n", ["<pre><code>a &lt; b\n</code></pre>"]),
    "deep HTML below a blank line": (
        "<div>   \n<p>a</p>\n\n            <p>b</p>\n\n\n                <ul><li>c</li></ul>\n</div>\n            ",
        ["<p>a</p>", "<p>b</p>", "<li>c</li>"],
    ),
    "HTML without a frame": ("<p>a</p>\n\n        <p>b</p>\n", ["<p>a</p>", "<p>b</p>"]),
    "HTML that is not closed": ("<div>\n<div>\n\n      <p>b</p>\n</div>", ["<p>b</p>"]),
    "Markdown between HTML": ("<p>a</p>\n\n## b\n\n<p>c</p>", ["<h2>b</h2>", "<p>c</p>"]),
    "Markdown within HTML": ("<div>\n\n## b\n\n</div>", ["<h2>b</h2>"]),
    "raw": ("{% raw %}\n<div>\n{% endraw %}\n<p>a</p>\n</div>\n{%- raw -%}b{% endraw %}", ["<p>a</p>", "b"]),
    "other tags stay": ("{{< youtube id >}}", ["{{&lt; youtube id &gt;}}"]),
    "coded braces": ("<div>\na &#123;b&#125;\n</div>", ["a {b}"]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "parts"), BODIES.values(), ids=BODIES.keys())
def test_bodies(body: str, parts: list[str]) -> None:
    content = read("title: x", body).content
    assert all(part in content for part in parts), content
    assert "&lt;p" not in content
    assert "raw %" not in content


def test_scripts_go() -> None:
    content = read("title: x", "<script>alert(1)</script>a <b onclick=x>b</b> [c](javascript:x)").content
    assert "alert" not in content
    assert "onclick" not in content
    assert 'href="javascript' not in content


def test_html_files() -> None:
    page = "<!doctype html><html><head><title>A &amp; B</title><style>x</style></head><body># a\n\n    <p>b</p></body></html>"
    item = batch(page, "p.html").items[0]
    assert (item.title, item.summary) == ("A & B", "# a b")
    assert batch("---\ntitle: T\n---\n<p>a</p>", "p.htm").items[0].title == "T"


def test_no_front_matter_is_no_fault() -> None:
    got = batch("# A post\n\ntext", "p.md")
    assert (got.items[0].title, got.warnings) == ("A post", ())


# --- Bytes ------------------------------------------------------------------------------------------------------------

POST = "---\ntitle: 标题\ncategories: 新媒体\n---\n正文，很多字。"
BYTES = {
    "UTF-8 with a mark": (POST.encode("utf-8-sig"), ""),
    "CRLF": (POST.replace("\n", "\r\n").encode(), ""),
    "CR": (POST.replace("\n", "\r").encode(), ""),
    "GB18030": (POST.encode("gb18030"), "is not UTF-8, read as GB18030; save it as UTF-8"),
    "UTF-16": (POST.encode("utf-16"), "is not UTF-8, read as UTF-16-LE; save it as UTF-8"),
    "UTF-16 the other way": (b"\xfe\xff" + POST.encode("utf-16-be"), "is not UTF-8, read as UTF-16-BE; save it as UTF-8"),
    "one broken byte": (POST.encode()[:-1], "has 1 broken characters; they are replaced"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "warning"), BYTES.values(), ids=BYTES.keys())
def test_encodings(raw: bytes, warning: str) -> None:
    got = batch(raw)
    assert (got.items[0].title, got.items[0].categories) == ("标题", (("新媒体",),))
    assert got.items[0].content.startswith("<p>正文，很多字")
    assert len(got.warnings) == bool(warning)
    assert all(warning in line and line.startswith("posts/post.md:1: ") for line in got.warnings)


@pytest.mark.parametrize(
    ("text", "encoding", "head"),
    [
        ("Grüße aus Köln und café", "cp1252", ""),
        ("日本語のテキスト", "cp932", "lang: ja\n"),
        ("안녕하세요 세계", "cp949", "lang: ko-KR\n"),
        ("Привет, мир", "cp1251", "lang: ru\n"),
        ("標題與內容", "big5", "lang: zh-TW\n"),
    ],
)
def test_encodings_that_the_file_hints_at(text: str, encoding: str, head: str) -> None:
    assert batch(f"---\n{head}title: {text}\n---\n".encode(encoding)).items[0].title == text


def test_encodings_that_the_source_hints_at() -> None:
    raw = "---\ntitle: 안녕하세요\n---\n세계".encode("cp949")
    assert batch(raw, language="ko").items[0].title == "안녕하세요"
    page = '<meta charset="euc-jp"><title>日本語</title><p>本文'.encode("euc-jp")
    assert batch(page, "p.html").items[0].title == "日本語"


BINARY = {
    "picture": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(200),
    "zeros": bytes(1000),
    "random": random.Random(1).randbytes(5000),
    "Cyrillic without a hint": "Привет, мир, как дела".encode("koi8-r"),
}


@pytest.mark.parametrize("raw", BINARY.values(), ids=BINARY.keys())
def test_what_is_no_text(raw: bytes) -> None:
    with pytest.raises(ParseError, match=r"^not text: posts/a/b\.md:1: .*save it as UTF-8$"):
        batch(raw, "a/b.md")


@pytest.mark.parametrize("raw", [b"", b"\n \n", b"---\n---\n", b"---\ndate: 2020-01-01\n---\n<script>x</script>"])
def test_what_says_nothing(raw: bytes) -> None:
    with pytest.raises(ParseError, match=r"^empty: posts/a/b\.md:1: "):
        batch(raw, "a/b.md")


def test_zeros_in_a_text_are_dropped() -> None:
    assert read("title: a\x00b\x0b\ufffe", "x\x00y").title == "ab"


# --- Much, odd, and real ----------------------------------------------------------------------------------------------


HEAVY = {
    "brackets": "[" * 1_000_000,
    "pictures": "![" * 400_000,
    "quotes": "> " * 20_000 + "x",
    "frames": "<div>\n\n" * 50_000 + "x</div>",
    "open tags": "<div " * 100_000 + "></div>",
    "rules": "---\n" * 500_000,
    "paragraphs": "Some *words*, `code`.\n\n" * 100_000,
    "template tags": "{% " + " " * 100_000 + "{% raw" * 10_000,
}


@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY.keys())
def test_heavy_bodies_are_quick(body: str) -> None:
    began = time.process_time()
    got = batch(f"---\ntitle: x\n---\n{body}")
    assert got.items[0].title == "x"
    assert time.process_time() - began < 4


def test_a_heavy_body_keeps_its_text() -> None:
    got = batch("[" * 6_000 + "\n\n<b>")
    assert "&lt;b&gt;" in got.items[0].content
    assert got.warnings == ("posts/post.md:1: is too long for Markdown; its text is kept as it stands",)


@settings(max_examples=150, deadline=2000)
@given(st.binary(max_size=400))
def test_random_bytes_raise_only_parse_errors(raw: bytes) -> None:
    for body in (raw, b"---\n" + raw, b"---\ntitle: x\n" + raw + b"\n---\ny", b"+++\n" + raw + b"\n+++\n"):
        try:
            batch(body)
        except ParseError as error:
            assert "\n" not in str(error)


KEYS = [
    "title",
    "date",
    "categories",
    "tags",
    "author",
    "cover",
    "permalink",
    "enclosure",
    "comments",
    "lang",
    "excerpt",
]
VALUES = st.recursive(
    st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "url", "image", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=2000)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5), st.sampled_from(["json", "yaml"]))
def test_any_shape_of_any_field_gives_a_sound_item(fields: dict[str, Any], kind: str) -> None:
    import json

    head = json.dumps(fields, ensure_ascii=kind == "json").encode("utf-8", "replace")
    got = batch(head + b"\ntext" if kind == "json" else b"---\n" + head + b"\n---\ntext")
    (item,) = got.items
    assert pickle.loads(pickle.dumps(got)) == got
    assert isinstance(item.title, str)
    assert all(isinstance(name, str) and name for path in item.categories for name in path)
    assert all(person.name for person in item.authors)
    assert item.url == "" or item.url.startswith(("http://", "https://"))


def test_many_posts_are_quick() -> None:
    began = time.process_time()
    for number in range(500):
        read(f"title: Post {number}\ncategories: [a, b]\ndate: 2020-01-01", "<div>\n<p>text</p>\n</div>")
    assert time.process_time() - began < 2


def test_real_posts(corpus: Path) -> None:
    of = folder(corpus / "seeds", zone="Asia/Shanghai")
    found = find(of)
    batches = {document.name: seed.read(document, of) for document in found.changed}
    posts = {name: got.items[0] for name, got in batches.items()}
    ours = {name: item for name, item in posts.items() if "/" not in name}
    assert (len(ours), len(posts), found.warnings) == (44, 51, ())
    assert pickle.loads(pickle.dumps(batches)) == batches

    # A title is text, as it was before a generator wrapped it; the one that is blank stays blank.
    assert [name for name, item in posts.items() if not item.title] == ["002_45f549ae53.md"]
    assert not [item.title for item in posts.values() if '"""' in item.title or item.title.startswith(("'", '"'))]
    titles = {name[:3]: item.title for name, item in ours.items()}
    assert (titles["004"], titles["006"], titles["024"], titles["032"]) == ("12_00", "2019.01.17", "2019", "2019")
    assert titles["022"].startswith("P232. ")
    assert titles["028"].endswith("'The Vaulted Road'")
    assert posts["other/004_70670210669.md"].title.startswith("@Valid")
    assert posts["other/008_2677154917.md"].title.startswith("[")

    # Each generated post stands in one path, of two levels in the older layout and three in the newer.
    depths = [len(path) for item in ours.values() for path in item.categories]
    assert (len(depths), depths.count(2), depths.count(3)) == (44, 15, 29)
    assert all(item.authors and len(item.authors) == 1 for item in ours.values())

    undated = {name for name, item in posts.items() if item.published is None}
    assert len(undated) == 7
    warned = {name for name, got in batches.items() if any("is no date" in warning for warning in got.warnings)}
    assert warned == undated
    broken = {name for name, got in batches.items() if any("not valid YAML" in warning for warning in got.warnings)}
    assert len(broken) == 4

    # The body is HTML and stays so: no tag comes out as text, no lazy picture is lost, no brace stays coded.
    for name, item in posts.items():
        assert "&lt;" not in item.content, name
        assert "<code>&lt;" not in item.content, name
        assert "&#123;" not in item.content, name
        assert "picsum.photos" not in (item.image.url if item.image else ""), name
    lazy = next(item for name, item in ours.items() if name.startswith("068"))
    assert 'src="https://upload-images.jianshu.io/x.png"' in lazy.content


@pytest.mark.parametrize("field", ["draft: ture", "draft: maybe", "published: flase", "published: later"])
def test_what_is_neither_yes_nor_no_keeps_a_post_back(field: str) -> None:
    got = batch(f"---\ntitle: T\n{field}\n---\nText.")
    key, value = field.split(": ")
    assert got.items == ()
    assert got.warnings == (f"posts/post.md:3: {key} `{value}` is neither yes nor no; the post stays out",)
