"""The kind `feed`: one conditional GET, and documents of every make to items, or to one clear line."""

import asyncio
import csv
import pickle
import random
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aggregator import text
from aggregator.errors import ParseError
from aggregator.model import Batch, Document, Feed, Hints, Item, Limits, Source, Validators
from aggregator.sources import Kind, feed, find

URL = "https://site.example/feeds/all.xml"
RSS = '<rss version="2.0"><channel><title>T</title><link>https://site.example/</link>{}</channel></rss>'
ATOM = '<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title>{}</feed>'
JSON = '{{"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": [{}]}}'


def source(**given: Any) -> Source:
    return Source(key=URL, kind="feed", options=feed.Options(URL), **given)


def read(body: str | bytes, content_type: str = "", headers: Mapping[str, str] | None = None, **given: Any) -> Batch:
    headers = {"content-type": content_type, **(headers or {})}
    body = body if isinstance(body, bytes) else body.encode()
    return feed.read(Document(URL, URL, body, headers=headers), source(**given))


@pytest.mark.parametrize(
    ("said", "own", "config", "expected"),
    [
        ("", "", "", ("", "")),
        ("en", "", "", ("en", "en")),
        ("en", "de", "", ("en", "de")),
        ("en", "", "zh", ("zh", "zh")),
        ("en", "de", "zh", ("zh", "zh")),
        ("", "", "zh", ("zh", "zh")),
    ],
)
def test_the_language_of_entries(said: str, own: str, config: str, expected: tuple[str, str]) -> None:
    """Rules ask for it, so an entry has that of its feed; the config's counts instead."""
    entry = f'{{"id": "1", "title": "T", "language": "{own}"}}'
    batch = read(JSON.format(entry).replace('"title": "T", "items"', f'"language": "{said}", "items"'), language=config)
    assert batch.feed
    assert (batch.feed.language, batch.items[0].language) == expected


def test_the_kind_is_found_by_its_name() -> None:
    kind: Kind = find("feed")
    assert kind.REMOTE
    assert kind.key(feed.Options(URL)) == URL


@pytest.mark.parametrize("not_modified", [False, True])
def test_documents_is_one_conditional_get(not_modified: bool) -> None:
    asked = []
    kept = Validators(etag='"a"')

    async def fetch(url: str, known: Validators, limits: Limits) -> Document:
        asked.append((url, known, limits))
        return Document("other", URL + "?moved", b"", not_modified=not_modified, validators=kept)

    limits = Limits(max_bytes=7)
    found = asyncio.run(feed.documents(source(limits=limits), {URL: kept}, fetch))
    assert asked == [(URL, kept, limits)]
    if not_modified:
        assert (found.changed, found.unchanged) == ((), {URL: kept})
    else:
        assert [(document.name, document.url) for document in found.changed] == [(URL, URL + "?moved")]
        assert not found.unchanged


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"", "empty", "empty document"),
        (b" \r\n\0", "empty", "empty document"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not a feed", "it is image/png without any XML"),
        (b"<!DOCTYPE html><html><body>Hello</body></html>", "not a feed", 'page (with kind = "page" it can be'),
        (
            b"<html><link href='/rss?a&amp;b' rel=alternate><link type='application/rss+xml' rel='alternate' href='/rss?a&amp;b'>",
            "not a feed",
            "it is a web page; its feed is https://site.example/rss?a&b",
        ),
        (b'<urlset><url/></urlset>', "not a feed", "<urlset>"),
        (b'{"items": []}', "not a feed", "not a JSON Feed"),
        (b"{oh", "not a feed", "broken JSON"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": [{', "broken feed", "broken JSON"),
        (b"[" * 100_000, "not a feed", "broken JSON"),
        (b"\n<rss><channel><title>T</title>\n<oops", "broken feed", "line 3: "),
        (
            b"<!DOCTYPE rss [<!ENTITY a '" + b"b" * 200 + b"'>]><rss>" + b"&a;" * 6_000 + b"</rss>",
            "entities",
            "much larger",
        ),
    ],
)  # fmt: skip
def test_what_is_no_feed_is_one_clear_line(body: bytes, kind: str, words: str) -> None:
    with pytest.raises(ParseError) as caught:
        read(body, "image/png")
    assert caught.value.kind == kind
    assert caught.value.message.startswith(URL + ": ")
    assert words in caught.value.message
    assert "\n" not in caught.value.message


def test_a_broken_feed_gives_its_items_and_one_warning() -> None:
    batch = read(RSS.format("\n<item><title>a & b</title></item>\n<item><title>c</title></oops></item>"))
    assert [item.title for item in batch.items] == ["a & b", "c"]
    [warning] = batch.warnings
    assert warning.startswith(URL + ": it is not well-formed XML")
    assert "line 3: mismatched tag" in warning


def test_a_feed_without_items_is_no_trouble() -> None:
    assert read(RSS.format("")) == Batch(feed=Feed(title="T", url="https://site.example/", self_url=URL), hints=Hints())


def test_the_sources_categories_are_the_items() -> None:
    paths = (("news", "world"), ("all",))
    for document in (RSS.format("<item/>"), ATOM.format("<entry/>"), JSON.format("{}")):
        assert [item.categories for item in read(document, categories=paths).items] == [paths]
        assert [item.categories for item in read(document).items] == [()]


def test_too_much_is_cut_with_a_warning() -> None:
    many = read(RSS.format("<item/>" * 10_002))
    assert len(many.items) == 10_000
    assert many.warnings == (URL + ": it has 10002 items; only the first 10000 are read",)
    for document in (
        RSS.format(f"<item><description>{'long ' * 300_000}</description></item>"),
        JSON.format('{"content_text": "%s"}' % ("long " * 300_000)),
    ):
        long = read(document)
        assert len(long.items[0].content) <= 500_100  # and the end tags
        assert len(long.warnings) == 1
        assert "is cut to 500000 characters" in long.warnings[0]


# --- Anything may come ----------------------------------------------------------------------------------------------

STRANGE = (
    b"<item>", b"</item>", b"<entry>", b"<![CDATA[", b"]]>", b"<!--", b"<?", b"&#xD800;", b"&#9999999999;", b"&bogus;", b"\0", b"\xff",
    b"<width>x</width>", b"<georss:point>a</georss:point>", b"<creativeCommons:license/>", b"<links a='b'/>", b"<tags x='y'/>",
    b"<time>z</time>", b"<authors>y</authors>", b"<media_content b='y'/>", b"<published_parsed>q</published_parsed>", b"<source/>",
    b"<image><url>u</url></image>", b"<title type='xhtml'>", b" xmlns=''", b"<summary_detail>x</summary_detail>", b"<guid>",
    b'encoding="punycode"', b"<content src='x'/>", b"<enclosure/>", b"<category a='b'/>", b"[", b"null", b"<dc:date>x</dc:date>",
)  # fmt: skip


def strings(value: Any) -> list[str]:
    """Every string in a value of the model."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [found for one in value for found in strings(one)]
    names = getattr(value, "__slots__", ())
    return [found for name in names for found in strings(getattr(value, name))]


def addresses(item: Item) -> list[str]:
    found = [item.url, *(link.href for link in item.links), *(file.url for file in item.enclosures)]
    return [*found, *(person.uri for person in item.authors), *([item.image.url] if item.image else [])]


def assert_lawful(batch: Batch) -> None:
    assert pickle.loads(pickle.dumps(batch)) == batch
    for value in strings((batch.items, batch.feed, batch.warnings)):
        assert value == text.legal(value)
    for item in batch.items:
        assert all(url == text.http_url(url) for url in addresses(item))
        assert len(item.title) <= 500
        assert max(len(item.tags), len(item.enclosures), len(item.authors), len(item.links)) <= 50
        assert all(moment.utcoffset() is not None for moment in (item.published, item.updated) if moment)


def mutations(seed: int, count: int) -> list[bytes]:
    chance = random.Random(seed)
    whole = [
        RSS.format(
            '<item><title>One &amp; a</title><guid isPermaLink="false">1</guid><link>/1</link><pubDate>Mon, 02 Jan 2023 '
            "03:04:05 GMT</pubDate><description>&lt;p>Text&lt;/p></description><category>c</category><author>a@b.example "
            '(A)</author><enclosure url="/a.mp3" length="9" type="audio/mpeg"/></item>' * 3
        ),
        ATOM.format(
            '<entry><id>tag:a</id><title type="html">&lt;b>x&lt;/b></title><updated>2023-01-02T03:04:05Z</updated>'
            '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">x</div></content><author><name>A</name></author>'
            '<link href="/x"/><source><id>tag:s</id><title>S</title></source></entry>' * 3
        ),
        JSON.format(
            '{"id": 1, "content_text": "x", "tags": ["a", 1], "authors": [{"name": "A"}], "attachments": [{}]}'
        ),
    ]
    found = []
    for _ in range(count):
        body = bytearray(chance.choice(whole).encode())
        for _ in range(chance.choice((1, 2, 8))):
            at = chance.randrange(len(body) + 1)
            match chance.randrange(4):
                case 0:
                    body[at : at + 1] = bytes([chance.randrange(256)])
                case 1:
                    del body[at : at + chance.choice((1, 9, 90))]
                case 2:
                    body[at:at] = body[: chance.choice((9, 300))]
                case _:
                    body[at:at] = chance.choice(STRANGE)
        found.append(bytes(body))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_gives_a_batch_or_a_parse_error(seed: int) -> None:
    read_well = 0
    for body in mutations(seed, 300):
        try:
            assert_lawful(read(body))
            read_well += 1
        except ParseError as problem:
            assert problem.message.startswith(URL)
    assert read_well > 150


# --- The corpus -----------------------------------------------------------------------------------------------------


def test_every_real_document_gives_all_of_its_items(corpus: Path) -> None:
    with (corpus / "feeds" / "manifest.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    wrong, untitled, undated = [], 0, 0
    for row in rows:
        batch = read((corpus / "feeds" / row["file"]).read_bytes())
        assert_lawful(batch)
        if len(batch.items) < int(row["items"]):
            wrong.append((row["file"], row["items"], len(batch.items)))
        untitled += sum(not (item.title or item.summary) for item in batch.items)
        undated += sum(not (item.published or item.updated) for item in batch.items)
    assert wrong == []
    assert len(rows) > 300
    assert untitled < 20
    assert undated < 700


# Documents whose encoding is said wrong, or holds one bad byte, and the script that they are in.
SCRIPTS = {
    "chardet__CP949_ricanet.com.xml": "[가-힣]",
    "chardet__Big5_coolloud.org.tw.xml": "[一-鿿]",
    "puzzlet__GB2312_www2.tianyablog.com.xml": "[一-鿿]",
    "chardet__TIS-620_pharmacy.kku.ac.th.centerlab.xml": "[ก-๛]",
    "codehollow__Rss20FazNet.xml": "[äöüß]",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_real_text_is_readable(corpus: Path, name: str) -> None:
    items = read((corpus / "feeds" / name).read_bytes()).items
    words = " ".join(item.title + item.summary for item in items)
    assert len(re.findall(SCRIPTS[name], words)) > 50
    assert len(re.findall("\ufffd|[Ã±¸»]", words)) < 5


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('<?xml version="1.0"?><rss><channel><item><title>a</title></item></channel></rss>', ""),
        ('\n<?xml version="1.0"?><rss><channel><item><title>a</title></item></channel></rss>', "line 2: "),
        ("<rss><channel>\n\n<item><title>a & b</title></item></channel></rss>", "line 3: not well-formed"),
        ("<rss><channel><item><title>a &nbsp; b</title></item></channel></rss>", "line 1: undefined entity"),
        ("<rss><channel><item><title>a</title></item></channel></rss>\n<script/>", "line 2: junk after document"),
    ],
)
def test_a_document_that_had_to_be_mended_is_named(body: str, said: str) -> None:
    batch = read(body)
    assert len(batch.items) == 1
    assert len(batch.warnings) == bool(said)
    assert said in "".join(batch.warnings)


def test_bytes_that_fit_no_encoding_are_named() -> None:
    text = "<?xml version='1.0' encoding='utf-8'?><rss><channel><item><title>äöüäöüäöüäöüäöü{}</title></item></channel></rss>"
    batch = read(text.encode().replace(b"{}", b"\xff"))
    assert batch.items[0].title == "äöüäöüäöüäöüäöü\ufffd"
    assert ["1 characters are in no encoding" in warning for warning in batch.warnings] == [True]


def test_hundreds_of_attributes_hold_nobody_up() -> None:
    many = " ".join(f'a{number}="x"' for number in range(40_000))
    start = time.process_time()
    batch = read(f"<rss><channel><item {many}><title>a</title><link>https://a.example/1</link></item></channel></rss>")
    assert [item.title for item in batch.items] == ["a"]
    assert time.process_time() - start < 2


def test_a_feed_that_ends_within_an_entry_gives_no_half_entry() -> None:
    whole = "<rss><channel><title>F</title><item><title>One</title><guid>1</guid></item><item><title>Two</title><guid>2</guid></item></channel></rss>"
    for end in range(whole.index("<item><title>Two"), whole.index("<guid>2")):
        batch = read(whole[:end])
        assert [item.title for item in batch.items] == ["One"], whole[:end]
    assert [item.guid for item in read(whole[: whole.index("</item></channel>")]).items] == ["1", "2"]


def test_a_guid_that_is_no_address_is_no_link_however_broken_the_feed() -> None:
    body = (
        "<rss><channel><item><title>One</title><guid>news/2</guid></item><item><title>x</titl></item></channel></rss>"
    )
    assert next(item.url for item in read(body).items) == ""
