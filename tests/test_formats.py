"""What we publish is valid, complete, and the same bytes every time."""

import hashlib
import html
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import feedparser
import pytest
from hypothesis import example, given, settings
from lxml import etree

from aggregator import dates
from aggregator.formats import atom, feedgen, fields, find, rss
from aggregator.model import Channel, Enclosure, Entry, Feed, Item, Link, Person, Podcast, Tag
from tests import build, feedgen_entries
from tests.channels import CHANNELS, of
from tests.conformance import check
from tests.strategies import channels

KINDS = ("rss", "atom")
NS = {**feedgen.NAMESPACES, "a": feedgen.NAMESPACES["atom"]}


def findings(channel: Channel) -> list[str]:
    """What is wrong with the channel in any format."""
    return [found for kind in KINDS for found in check(find(kind).render(channel), kind, channel.urls[kind])]


def root(kind: str, *entries: Entry, **channel: Any) -> etree._Element:
    """The parsed document of a channel of these entries."""
    return etree.fromstring(find(kind).render(build.channel(*entries, **channel)))


def texts(tree: etree._Element, path: str) -> list[str]:
    """What an XPath finds in a document, as text."""
    found: Any = tree.xpath(path, namespaces=NS)
    return [str(one if isinstance(one, str) else one.text) for one in found]


# --- Valid ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHANNELS)
def test_valid(name: str) -> None:
    assert findings(CHANNELS[name]) == []


@settings(max_examples=60, deadline=None)
@given(channels(build.channel().urls))
def test_any_items_make_a_valid_document(channel: Channel) -> None:
    assert findings(channel) == []


@settings(max_examples=60, deadline=None)
@given(channels(build.channel().urls))
@example(CHANNELS["rich"])
@example(CHANNELS["hostile"])
def test_what_is_put_together_of_pieces_is_what_feedgen_writes_as_a_whole(channel: Channel) -> None:
    for kind, made in ((rss, feedgen_entries.rss_entry), (atom, feedgen_entries.atom_entry)):
        feed = kind.new_feed(channel)
        for entry in channel.entries:
            feed.add_entry(made(channel, entry), order="append")
        assert kind.render(channel) == (feed.rss_str if kind is rss else feed.atom_str)(pretty=True)


# --- Complete -------------------------------------------------------------------------------------------------------


def plain(detail: Any) -> str:
    """A feedparser detail as plain text, whether it was taken for HTML or not."""
    return html.unescape(detail.value) if detail.type == "text/html" else str(detail.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_gets_everything_back(kind: str) -> None:
    channel = CHANNELS["rich"]
    item, parsed = channel.entries[0].item, feedparser.parse(find(kind).render(channel), sanitize_html=False)
    feed, entry = parsed.feed, parsed.entries[0]
    assert not parsed.bozo
    assert [one.id for one in parsed.entries] == [one.id for one in channel.entries]
    assert (feed.title, plain(feed.subtitle_detail), feed.language) == ("Tech", channel.category.description, "en")
    assert (feed.link, feed.author, feed.rights) == (channel.page, "Planet Example", feedgen.RIGHTS)
    assert feed.updated_parsed[:6] == (2024, 5, 17, 10, 30, 0)
    assert [(link.rel, link.type, link.href) for link in feed.links if link.rel == "self"] == [
        ("self", find(kind).MEDIA_TYPE, channel.urls[kind])
    ]
    assert (plain(entry.title_detail), plain(entry.summary_detail)) == (item.title, item.summary)
    assert entry.content[0].value == item.content
    assert (entry.link, entry.published_parsed[:4], entry.updated_parsed[:4]) == (
        item.url,
        (2024, 5, 17, 8),
        (2024, 5, 17, 10),
    )
    assert [author.name for author in entry.authors] == ["Ann Smith", "bob", "张三"]
    assert [
        (tag.term if kind == "atom" else "", tag.scheme, tag.label or html.unescape(tag.term)) for tag in entry.tags
    ] == [
        ("tech/ai-&-ml" if kind == "atom" else "", channel.scheme, "Tech/AI & ML"),
        ("AI" if kind == "atom" else "", None, "AI"),
        ("ml" if kind == "atom" else "", "https://news.example/tags", "Machine & learning"),
    ]
    assert plain(entry.rights_detail) == item.rights
    files = [(file.href, file.type, file.get("length")) for file in entry.enclosures]
    assert files[0] == ("https://news.example/1.mp3", "audio/mpeg", "1234")
    assert len(files) == (1 if kind == "rss" else 3)
    assert [file["url"] for file in entry.media_content] == [file.url for file in item.enclosures]
    assert entry.media_content[0]["duration"] == "61"
    assert entry.media_thumbnail == [{"url": "https://news.example/1.jpg", "width": "640", "height": "480"}]
    assert {link.rel for link in entry.links} >= {"alternate", "via", "license", "related", "replies"}
    assert (entry.itunes_duration, entry.itunes_season, entry.itunes_episode) == ("61", "2", "7")
    assert html.unescape(entry.source.title) == "Example News"


def test_rss_particulars() -> None:
    tree = root("rss", *CHANNELS["rich"].entries)
    assert texts(tree, "//item[1]/comments") == ["https://news.example/1/comments"]
    assert texts(tree, "//item[1]/atom:link[@rel='replies']/@href") == ["https://news.example/1/comments.xml"]
    assert texts(tree, "//item[1]/source/@url") == ["https://news.example/feed.xml"]
    assert texts(tree, "//item[1]/dc:language") == ["de-DE"]
    assert texts(tree, "//item[1]/media:group/media:content/@isDefault") == ["true"]
    assert texts(tree, "//item[1]/enclosure/@url") == ["https://news.example/1.mp3"]
    assert texts(tree, "//item[1]/podcast:transcript/@type") == ["text/vtt"]
    assert texts(tree, "//item[1]/itunes:explicit") == ["false"]
    assert texts(tree, "//item[1]/atom:link[@rel='license']/@href") == ["https://licence.example/by"]
    assert texts(tree, "//item[2]/source") == []
    assert texts(tree, "//channel/link") == ["https://planet.example/tech/"]
    assert texts(tree, "//channel/atom:link/@href") == [
        "https://planet.example/tech/rss.xml",
        "https://planet.example/tech/",
        "https://planet.example/tech/atom.xml",
    ]


def test_atom_particulars() -> None:
    tree = root("atom", *CHANNELS["rich"].entries)
    assert texts(tree, "//a:entry[1]/a:author/a:email") == ["ann@news.example", "bob@news.example"]
    assert texts(tree, "//a:entry[1]/@xml:lang") == ["de-DE"]
    assert texts(tree, "//a:entry[1]/a:link[@rel='enclosure']/@length") == ["1234"]
    assert texts(tree, "//a:entry[1]/a:source/*[not(*)]/text()") == [
        "tag:news.example,2001:feed",
        "Example News",
        "2024-05-17T09:30:00Z",
        "All of it",
        "https://news.example/icon.png",
        "https://news.example/logo.png",
        "© News &amp; Co",
    ]
    assert texts(tree, "//a:entry[1]/a:source/a:author/a:name") == ["The Editors"]
    assert texts(tree, "//a:entry[1]/a:link[@rel='alternate']/@type") == ["text/html"]
    assert texts(tree, "//a:entry[1]/a:source/a:link/@rel") == ["self", "alternate", "license"]
    assert texts(tree, "//a:entry[1]/a:source/a:category/@term") == ["press"]
    assert texts(tree, "//a:entry[1]/a:source/@xml:lang") == ["de"]
    assert texts(tree, "//a:entry[2]/a:source/a:id") == ["tag:planet.example,2024:source/a-folder"]
    assert texts(tree, "//a:entry[2]/a:source/a:updated") == ["2024-05-17T08:30:00Z"]


@pytest.mark.parametrize(
    "given", ["javascript:alert(1)", "JavaScript:x", "data:text/html,x", "vbscript:x", "file:///x"]
)
def test_the_id_of_a_source_is_no_danger(given: str) -> None:
    tree = etree.fromstring(atom.render(build.channel(build.entry(feed=Feed(id=given, title="News")))))
    assert texts(tree, "//a:source/a:id") == ["tag:planet.example,2024:source/news"]


def test_plain_text_is_spelled_so_that_no_reader_takes_it_for_html() -> None:
    channel = build.channel(of(title="AT&T </b> \ue000", summary="1 < 2"))
    assert "<title>AT&#x26;T &#x3C;/b&#x3E; \ue000</title>".encode() in rss.render(channel)
    assert b"<description>1 &amp;lt; 2</description>" in rss.render(channel)
    assert '<title type="html">AT&amp;amp;T &amp;lt;/b&amp;gt; \ue000</title>'.encode() in atom.render(channel)


@pytest.mark.parametrize(
    ("item", "title"),
    [
        ({"title": " A \n title "}, "A title"),
        ({"title": "", "summary": "word " * 40}, "word " * 15 + "word…"),
        ({"content": "<p>One &amp; two.</p>"}, "One & two."),
        ({"content": '<img src="https://x.example/1.png">'}, "Example News, 2024-05-17"),
    ],
)
def test_titles(item: dict[str, Any], title: str) -> None:
    assert fields.title(of(**item)) == title
    assert texts(root("rss", of(**item)), "//item/title") == [title]


@pytest.mark.parametrize(
    ("url", "expected"),
    [("https://news.example/1", "true"), ("https://news.example/2", "false"), ("", "false")],
)
def test_a_guid_is_a_permalink_only_when_it_is_the_page(url: str, expected: str) -> None:
    tree = root("rss", of(title="x", url=url))
    assert texts(tree, "//guid") == ["https://news.example/1"]
    assert texts(tree, "//guid/@isPermaLink") == [expected]
    assert texts(tree, "//item/link") == ([url] if url else [])


@pytest.mark.parametrize(
    ("item", "content", "summary"),
    [
        ({"url": "https://x.example/", "content": "<p>c</p>", "summary": "s"}, ["<p>c</p>"], ["s"]),
        ({"url": "https://x.example/", "content": "<p>c</p>"}, ["<p>c</p>"], []),
        ({"url": "https://x.example/", "summary": "s"}, [], ["s"]),
        ({"url": "https://x.example/", "title": "t"}, [], ["t"]),
        ({"summary": "s"}, ["s"], []),
        ({"title": "t"}, ["t"], []),
    ],
)
def test_an_atom_entry_has_content_or_a_page_with_a_summary(
    item: dict[str, Any], content: list[str], summary: list[str]
) -> None:
    tree = root("atom", of(**item))
    assert (texts(tree, "//a:entry/a:content"), texts(tree, "//a:entry/a:summary")) == (content, summary)


@pytest.mark.parametrize(
    ("authors", "of_feed", "expected"),
    [
        ((Person("Ann"),), (Person("Bob"),), ["Ann"]),
        ((Person("", "", "https://ann.example/"),), (), ["ann.example"]),
        ((Person(" "), Person("", "not an address")), (Person("Bob"),), ["Bob"]),
        ((), (), ["Example News"]),
        ((Person("Ann"), Person("Ann")), (), ["Ann"]),
    ],
)
def test_authors(authors: tuple[Person, ...], of_feed: tuple[Person, ...], expected: list[str]) -> None:
    entry = build.entry(of=Item(title="x", authors=authors), feed=build.feed(authors=of_feed))
    assert texts(root("rss", entry), "//item/dc:creator") == expected
    assert texts(root("atom", entry), "//a:entry/a:author/a:name") == expected


def test_the_licence_of_an_rss_item_without_one_is_that_of_its_source() -> None:
    entry = build.entry(feed=build.feed(links=(Link("https://licence.example/all", "license"),)))
    assert texts(root("rss", entry), "//item/atom:link/@href") == ["https://licence.example/all"]


def test_tags_that_look_the_same_stand_once() -> None:
    tags = (
        Tag("AI"),
        Tag("ai"),
        Tag("ＡＩ"),
        Tag("AI", "https://x.example/"),
        Tag("", "", "Go"),
        Tag(" "),
        Tag("C", "no URI"),
    )
    assert texts(root("rss", of(title="x", tags=tags)), "//item/category") == ["AI", "AI", "Go", "C"]
    assert texts(root("atom", of(title="x", tags=tags)), "//a:entry/a:category/@term") == ["AI", "AI", "Go", "C"]


def test_a_source_that_the_entry_brought_is_kept() -> None:
    own = Feed(id="urn:x-origin:1", title="Origin", authors=(Person("Olga"),), self_url="https://origin.example/feed")
    entry = build.entry(of=build.item(feed=own))
    assert texts(root("atom", entry), "//a:source/a:title") == ["Origin"]
    assert texts(root("rss", entry), "//source/@url") == ["https://origin.example/feed"]
    assert texts(root("rss", entry), "//dc:creator") == ["Planet Example", "Olga"]
    nowhere = build.entry(of=build.item(feed=Feed(title="Origin")))
    assert texts(root("rss", nowhere), "//source/@url") == ["https://news.example/feed.xml"]


def test_urls_are_uris_and_bad_ones_are_left_out() -> None:
    links = (Link("javascript:x", "via"), Link("https://x.example/a b", "via"), Link("https://x.example/", "canonical"))
    files = (
        Enclosure("ftp://x.example/1.mp3"),
        Enclosure("https://例え.jp/一.MP3"),
        Enclosure("https://例え.jp/一.MP3"),
    )
    tree = root("rss", of(url="https://x.example/路", title="x", links=links, enclosures=files))
    assert texts(tree, "//item/link") == ["https://x.example/%E8%B7%AF"]
    assert texts(tree, "//item/atom:link/@href") == ["https://x.example/a%20b"]
    assert texts(tree, "//enclosure/@url") == ["https://xn--r8jz45g.jp/%E4%B8%80.MP3"]
    assert texts(tree, "//enclosure/@type") == ["audio/mpeg"]
    assert texts(tree, "//enclosure/@length") == ["0"]
    assert texts(tree, "//media:content") == []


@pytest.mark.parametrize(
    ("ttl", "period", "frequency"),
    [
        (1, "hourly", "60"),
        (30, "hourly", "2"),
        (60, "hourly", "1"),
        (61, "daily", "24"),
        (1440, "daily", "1"),
        (1441, "weekly", "7"),
        (10**6, "weekly", "1"),
    ],
)
def test_how_often_the_channel_changes(ttl: int, period: str, frequency: str) -> None:
    tree = root("rss", ttl=ttl)
    assert texts(tree, "//ttl") == [str(ttl)]
    assert texts(tree, "//sy:updatePeriod") + texts(tree, "//sy:updateFrequency") == [period, frequency]


def test_modules_are_declared_where_they_are_used() -> None:
    assert set(root("atom", of(title="x")).nsmap) == {None, "sy"}
    assert set(root("rss", of(title="x")).nsmap) == {"atom", "content", "dc", "sy"}
    assert set(root("rss", of(title="x", podcast=Podcast(1))).nsmap) == {
        "atom",
        "content",
        "dc",
        "sy",
        "itunes",
        "podcast",
    }


# --- The same bytes -------------------------------------------------------------------------------------------------

RENDER = """
import hashlib
from aggregator.formats import find
from tests import build, feedgen_entries
from tests.channels import CHANNELS, of
print([hashlib.sha256(find(kind).render(build.rich_channel())).hexdigest() for kind in ("rss", "atom", "json")])
"""


@pytest.mark.parametrize(
    "environment",
    [
        {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "1", "PYTHONUTF8": "0"},
        {"TZ": "America/St_Johns", "LC_ALL": "de_DE.UTF-8", "PYTHONHASHSEED": "2"},
    ],
)
def test_the_same_bytes_anywhere(environment: dict[str, str]) -> None:
    run = subprocess.run(
        [sys.executable, "-c", RENDER],
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    here = [hashlib.sha256(find(kind).render(build.rich_channel())).hexdigest() for kind in (*KINDS, "json")]
    assert run.stdout == f"{here}\n"


def test_the_order_of_formats_in_the_config_does_not_matter() -> None:
    urls = {**build.channel().urls, "aggregator.formats.atom": "https://planet.example/tech/other.xml"}
    trees = [root("rss", urls=urls), root("rss", urls=dict(reversed(list(urls.items()))))]
    links = [texts(tree, "//atom:link[@type='application/atom+xml']/@href") for tree in trees]
    assert links == 2 * [["https://planet.example/tech/other.xml"]]  # one alternate of a type


def test_feedgen_does_not_change_the_locale_of_the_process() -> None:
    """Its own formatRFC2822 sets it to "C" and back for every date, for all threads."""
    assert all(sys.modules[name].formatRFC2822 is dates.rfc822 for name in ("feedgen.feed", "feedgen.entry"))
