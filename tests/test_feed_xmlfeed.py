"""RSS and Atom to items: one small document for each thing that parsers get wrong."""

import io
from datetime import UTC, datetime
from typing import Any

import feedparser
import pytest

from aggregator.model import Feed, Item, Link, Person, Tag
from tests.test_feed import ATOM, RSS, URL, read

SPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "atom": "http://www.w3.org/2005/Atom",
        "content": "http://purl.org/rss/1.0/modules/content/",
        "dc": "http://purl.org/dc/elements/1.1/",
        "dcterms": "http://purl.org/dc/terms/",
        "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
        "media": "http://search.yahoo.com/mrss/",
        "podcast": "https://podcastindex.org/namespace/1.0",
        "wfw": "http://wellformedweb.org/CommentAPI/",
        "creativeCommons": "http://backend.userland.com/creativeCommonsRssModule",
        "feedburner": "http://rssnamespace.org/feedburner/ext/1.0",
        "other": "https://other.example/ns",
    }.items()
)
RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://site.example/"><title>T</title>'
    "<link>https://site.example/</link></channel>{}</rdf:RDF>"
)


def of_rss(inside: str) -> Item:
    [item] = read(RSS.replace("<rss ", f"<rss {SPACES} ").format(f"<item>{inside}</item>")).items
    return item


def of_atom(inside: str) -> Item:
    [item] = read(ATOM.replace("<feed ", f"<feed {SPACES} ").format(f"<entry>{inside}</entry>")).items
    return item


def of_rdf(inside: str) -> Item:
    [item] = read(RDF.format(f'<item rdf:about="https://site.example/1">{inside}</item>')).items
    return item


CONTENT = "<content:encoded>&lt;p&gt;Whole&lt;/p&gt;</content:encoded>"
DESCRIPTION = "<description>Teaser</description>"
CAPTION = "<media:description>A photo</media:description>"
NOTES = "<itunes:summary>Notes</itunes:summary>"


@pytest.mark.parametrize(
    ("inside", "content", "summary"),
    [
        (DESCRIPTION, "Teaser", "Teaser"),
        (CONTENT + DESCRIPTION, "<p>Whole</p>", "Teaser"),
        (DESCRIPTION + CONTENT, "<p>Whole</p>", "Teaser"),
        (CONTENT + DESCRIPTION + CAPTION, "<p>Whole</p>", "Teaser"),
        (CAPTION + DESCRIPTION + CONTENT, "<p>Whole</p>", "Teaser"),
        (CONTENT + CAPTION, "<p>Whole</p>", "Whole"),
        (DESCRIPTION + CAPTION, "Teaser", "Teaser"),
        (CAPTION + DESCRIPTION, "Teaser", "Teaser"),
        (NOTES + DESCRIPTION, "Teaser", "Teaser"),
        (DESCRIPTION + NOTES, "Teaser", "Teaser"),
        (NOTES, "<p>Notes</p>", "Notes"),
        (f"<media:group>{CAPTION}</media:group>", "<p>A photo</p>", "A photo"),
        ("<content:encoded> </content:encoded>" + DESCRIPTION, "Teaser", "Teaser"),
        ("<content:encoded>&lt;script&gt;1&lt;/script&gt;</content:encoded>" + DESCRIPTION, "Teaser", "Teaser"),
        ("<description>a <em>b</em> c</description>", "a <em>b</em> c", "a b c"),
        ('<xhtml:body xmlns:xhtml="http://www.w3.org/1999/xhtml"><xhtml:p>x</xhtml:p></xhtml:body>', "<p>x</p>", "x"),
        ("<dc:description>d</dc:description>", "d", "d"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_the_content_of_an_rss_item_is_its_own(inside: str, content: str, summary: str) -> None:
    item = of_rss(inside)
    assert (item.content, item.summary) == (content, summary)


XHTML = 'type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">'


def test_a_namespace_may_have_braces() -> None:
    braced = RDF.replace("http://www.w3.org/1999/02/22-rdf-syntax-ns#", "https://[::{{}}]:80/a")
    (item,) = read(braced.format("<item><title>One</title></item>")).items
    assert item.title == "One"


@pytest.mark.parametrize(
    ("inside", "content", "summary"),
    [
        ('<content type="html">&lt;b&gt;x&lt;/b&gt;</content><summary>s</summary>', "<b>x</b>", "s"),
        (f"<content {XHTML}a &lt; b<br/><i>c</i></div></content>", "<div>a &lt; b<br><i>c</i></div>", "a < b c"),
        ('<content type="html"><div>&lt;b&gt;x&lt;/b&gt;</div></content>', "<b>x</b>", "x"),
        ("<content>a &lt; b\n\nc</content>", "<p>a &lt; b</p><p>c</p>", "a < b c"),
        ("<content>&lt;p&gt;said to be text&lt;/p&gt;</content>", "<p>said to be text</p>", "said to be text"),
        ('<content type="image/png">AAAA</content><summary>s</summary>', "<p>s</p>", "s"),
        ('<content mode="base64" type="text/html">PGI+eDwvYj4=</content>', "<b>x</b>", "x"),
        (f"<summary>s</summary><media:group>{CAPTION}</media:group>", "<p>s</p>", "s"),
        (
            f'<x:y xmlns:x="https://[{{}}]:80/"/><content {XHTML}<p xmlns:x="{{}}" x:z="">c</p></div></content>',
            "<p>c</p>",
            "c",
        ),
        ("<content/><summary/>", "", ""),
    ],
)
def test_the_content_of_an_atom_entry_is_as_its_type_says(inside: str, content: str, summary: str) -> None:
    item = of_atom(inside)
    assert (item.content, item.summary) == (content, summary)


@pytest.mark.parametrize(
    ("inside", "guid", "url"),
    [
        ("<link> https://a.example/1 </link><guid>g</guid>", "g", "https://a.example/1"),
        ("<link>/1?a=1&amp;b</link>", "", "https://site.example/1?a=1&b"),
        ("<guid>https://a.example/1</guid>", "https://a.example/1", "https://a.example/1"),
        ('<guid isPermalink="false">https://a.example/1</guid>', "https://a.example/1", ""),
        ("<guid> not a link </guid>", "not a link", ""),
        ("<link>https://a.example/1</link><other:more><link>https://b.example/</link></other:more>", "", "https://a.example/1"),
        ("<link>https://a.example/1</link><atom:link href='https://b.example/' rel='related'/>", "", "https://a.example/1"),
        ("<atom:link href='https://a.example/1'/>", "", "https://a.example/1"),
        ("<link>https://p.example/r</link><feedburner:origLink>https://a.example/1</feedburner:origLink>", "", "https://a.example/1"),
        ("<link>javascript:alert(1)</link>", "", ""),
        ("", "", ""),
    ],
)  # fmt: skip
def test_the_link_of_an_rss_item_is_its_own(inside: str, guid: str, url: str) -> None:
    item = of_rss(inside)
    assert (item.guid, item.url) == (guid, url)


@pytest.mark.parametrize(
    ("inside", "guid", "url"),
    [
        ("<id>tag:a</id><link href='/1'/>", "tag:a", "https://site.example/1"),
        ("<id>https://a.example/../1</id>", "https://a.example/../1", "https://a.example/../1"),
        ("<id>1</id><link rel='self' href='/s'/><link rel='alternate' type='text/html' href='1'/>", "1", "https://site.example/feeds/1"),
        ("<link type='application/pdf' href='/p'/><link href='/h'/><link href='/h2'/>", "", "https://site.example/h"),
        ("<link xml:base='https://b.example/x/' href='1'/>", "", "https://b.example/x/1"),
    ],
)  # fmt: skip
def test_the_link_of_an_atom_entry_is_its_alternate(inside: str, guid: str, url: str) -> None:
    item = of_atom(inside)
    assert (item.guid, item.url) == (guid, url)


def test_relative_links_in_content_start_at_the_item() -> None:
    link = "<description>&lt;a href='x'&gt;y&lt;/a&gt;</description>"
    assert 'href="https://a.example/b/x"' in of_rss("<link>https://a.example/b/c</link>" + link).content
    body = "<content type='html' xml:base='https://b.example/d/'>&lt;a href='x'&gt;y&lt;/a&gt;</content>"
    assert 'href="https://b.example/d/x"' in of_atom("<link href='https://a.example/b/c'/>" + body).content


@pytest.mark.parametrize(
    ("read_one", "inside", "published", "updated"),
    [
        (of_rss, "<pubDate>Mon, 02 Jan 2023 03:04:05 +0100</pubDate>", "2023-01-02 02:04:05", ""),
        (of_rss, "<dc:date>2023-01-02</dc:date>", "2023-01-02 00:00:00", ""),
        (of_rdf, "<dc:date>2023-01-02T03:04:05Z</dc:date>", "2023-01-02 03:04:05", ""),
        (of_rss, "<pubDate>2005-11-9</pubDate><dc:date>2005-11-10</dc:date>", "2005-11-09 00:00:00", "2005-11-10 00:00:00"),
        (of_rss, "<pubDate>2005-11-9</pubDate><dc:date>2005-11-08</dc:date>", "2005-11-09 00:00:00", ""),
        (of_rss, "<pubDate><time datetime='2019-05-03T19:21:28Z'>Fri, 05/03</time></pubDate>", "2019-05-03 19:21:28", ""),
        (of_rss, "<pubDate>Mon, 01 Jan 0001 00:00:00 +0000</pubDate>", "", ""),
        (of_rss, "<pubDate>soon</pubDate>", "", ""),
        (of_atom, "<updated>2023-01-02T03:04:05Z</updated>", "", "2023-01-02 03:04:05"),
        (of_atom, "<published>2023-01-02T03:04:05Z</published><updated>2022-01-01</updated>", "2023-01-02 03:04:05", "2022-01-01 00:00:00"),
        (of_atom, "<published>2023-01-02T03:04:05Z</published>", "2023-01-02 03:04:05", ""),
    ],
)  # fmt: skip
def test_dates(read_one: Any, inside: str, published: str, updated: str) -> None:
    item = read_one(inside)
    told = [moment.strftime("%Y-%m-%d %H:%M:%S") if moment else "" for moment in (item.published, item.updated)]
    assert told == [published, updated]


def test_a_date_without_an_offset_is_in_the_zone_of_the_source() -> None:
    document = RSS.format("<item><pubDate>2023-01-02 08:00:00</pubDate></item>")
    assert read(document, zone="Asia/Shanghai").items[0].published == datetime(2023, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("read_one", "inside", "title"),
    [
        (of_rss, "<title>AT&amp;amp;T &lt;b&gt;x&lt;/b&gt;</title>", "AT&T x"),
        (of_rss, "<title>The &lt;video&gt; element</title>", "The <video> element"),
        (of_rss, "<title>Own</title><media:title>Photo</media:title>", "Own"),
        (of_rss, "<title>Own</title><image><title>Logo</title></image>", "Own"),
        (of_atom, "<title>a &lt; b</title>", "a < b"),
        (of_atom, '<title type="html">&lt;i&gt;x&lt;/i&gt; &amp;lt;T&amp;gt;</title>', "x <T>"),
        (of_atom, '<title type="html">&amp;amp;lt;T&amp;amp;gt;</title>', "&lt;T&gt;"),
        (of_atom, f"<title {XHTML}a <b>b</b></div></title>", "a b"),
        (of_rss, "<title>one\n  two</title>", "one two"),
    ],
)
def test_titles_are_plain_text(read_one: Any, inside: str, title: str) -> None:
    assert read_one(inside).title == title


@pytest.mark.parametrize(
    ("read_one", "inside", "authors"),
    [
        (of_rss, "<author>mail@x.example (A Name)</author>", [Person("A Name", "mail@x.example")]),
        (of_rss, "<author>A Name &lt;mail@x.insurance&gt;</author>", [Person("A Name", "mail@x.insurance")]),
        (of_rss, "<author>mail@x.example</author>", [Person("mail", "mail@x.example")]),
        (of_rss, "<author>&lt;a href='/'&gt;A&lt;/a&gt; (CNN)</author>", [Person("A (CNN)")]),
        (of_rss, "<author><a href='/'>A</a></author>", [Person("A")]),
        (of_rss, "<dc:creator>A</dc:creator><dc:creator>B</dc:creator><dc:creator>a</dc:creator>", [Person("A"), Person("B")]),
        (of_rss, "<author>m@x.example (A)</author><dc:creator>A</dc:creator>", [Person("A", "m@x.example")]),
        (of_rss, "<itunes:author>Show</itunes:author><author>A</author>", [Person("A")]),
        (of_rss, "<itunes:author>Show</itunes:author>", [Person("Show")]),
        (of_rss, "<author/><dc:creator> </dc:creator>", []),
        (of_atom, "<author><name>A</name><uri>https://a.example/</uri><email>m@x.example</email></author>", [Person("A", "m@x.example", "https://a.example/")]),
        (of_atom, "<author><name>A</name></author><author><email>m@x.example</email></author>", [Person("A"), Person("m", "m@x.example")]),
    ],
)  # fmt: skip
def test_authors(read_one: Any, inside: str, authors: list[Person]) -> None:
    assert list(read_one(inside).authors) == authors


def test_tags() -> None:
    item = of_rss(
        "<category>One</category><category domain='https://d.example/'>Two</category><category>One</category><category/>"
        "<dc:subject>Three</dc:subject><itunes:keywords>no</itunes:keywords><media:category>no</media:category>"
    )
    assert item.tags == (Tag("One"), Tag("Two", "https://d.example/"), Tag("Three"))
    assert of_atom("<category term='t' scheme='s' label='A &lt;b&gt;L&lt;/b&gt;'/>").tags == (Tag("t", "s", "A L"),)
    assert len(of_rss("".join(f"<category>{n}</category>" for n in range(60))).tags) == 50


def test_links_other_than_the_page() -> None:
    rss = of_rss(
        "<link>https://a.example/1</link><comments>/1#c</comments><wfw:commentRss>https://a.example/1/feed</wfw:commentRss>"
        "<source url='https://b.example/rss'>B</source>"
        "<creativeCommons:license>https://cc.example/by</creativeCommons:license>"
    )
    assert set(rss.links) == {
        Link("https://a.example/1#c", "replies", "text/html"),
        Link("https://a.example/1/feed", "replies", "application/rss+xml"),
        Link("https://b.example/rss", "via", "", "B"),
        Link("https://cc.example/by", "license"),
    }
    atom = of_atom(
        "<link href='/1'/><link rel='via' href='/v' title='V'/><link rel='replies' type='text/html' href='/r'/>"
        "<link rel='edit' href='/e'/><link rel='related' href='/o' hreflang='DE'/><link rel='via' href='/v'/>"
    )
    assert atom.links == (
        Link("https://site.example/v", "via", "text/html", "V"),
        Link("https://site.example/r", "replies", "text/html"),
        Link("https://site.example/o", "related", "text/html", "", "de"),
    )
    assert of_rss("<comments>12</comments>").links == ()


def test_rights_and_language() -> None:
    item = of_rss("<dc:rights>© A</dc:rights><dc:language>zh_cn</dc:language>")
    assert (item.rights, item.language) == ("© A", "zh-CN")
    assert of_atom("<rights type='html'>&amp;copy; A</rights><content xml:lang='de'>x</content>").rights == "© A"
    assert of_atom("<content xml:lang='de'>x</content>").language == "de"
    assert read(ATOM.replace("<feed ", "<feed xml:lang='fr' ").format("<entry/>")).items[0].language == "fr"


def test_an_entrys_own_source_is_kept() -> None:
    item = of_atom(
        "<title>E</title><source><id>tag:s</id><title>S</title><updated>2023-01-02T03:04:05Z</updated><icon>/i.png</icon>"
        "<link href='https://s.example/'/><link rel='self' href='https://s.example/atom'/><rights>R</rights>"
        "<author><name>A</name></author></source><id>tag:e</id>"
    )
    assert (item.guid, item.title) == ("tag:e", "E")
    assert item.feed == Feed(
        id="tag:s",
        title="S",
        url="https://s.example/",
        self_url="https://s.example/atom",
        authors=(Person("A"),),
        rights="R",
        icon="https://site.example/i.png",
        updated=datetime(2023, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    assert of_rss("<source url='https://s.example/rss'>S</source>").feed is None


def test_what_a_feed_says_of_itself() -> None:
    rss = read(
        f"<rss version='2.0' {SPACES}><channel><title>T &amp;amp; T</title><atom:link rel='self' href='/real.xml'/>"
        "<link>https://site.example/</link><description>&lt;b&gt;About&lt;/b&gt;</description><language>en_us</language>"
        "<managingEditor>boss@x.example (Boss)</managingEditor><webMaster>tech@x.example</webMaster><copyright>C</copyright>"
        "<itunes:owner><itunes:name>Owner</itunes:name><itunes:email>o@x.example</itunes:email></itunes:owner>"
        "<itunes:subtitle>Sub</itunes:subtitle><image><url>/logo.png</url><link>https://b.example/</link></image>"
        "<atom:link rel='hub' href='https://hub.example/'/><lastBuildDate>Mon, 02 Jan 2023 03:04:05 GMT</lastBuildDate>"
        "<category>News</category></channel></rss>"
    ).feed
    assert rss == Feed(
        title="T & T",
        subtitle="About",
        url="https://site.example/",
        self_url="https://site.example/real.xml",
        authors=(Person("Owner", "o@x.example"),),
        rights="C",
        logo="https://site.example/logo.png",
        language="en-US",
        updated=datetime(2023, 1, 2, 3, 4, 5, tzinfo=UTC),
        tags=(Tag("News"),),
        links=(Link("https://hub.example/", "hub"),),
    )
    atom = read(
        ATOM.replace("<feed ", "<feed xml:lang='de' xml:base='https://b.example/x/' ").format(
            "<id>tag:f</id><subtitle>About</subtitle><author><name>A</name></author><icon>i.ico</icon><logo>l.png</logo>"
            "<link href='.'/><updated>2023-01-02T03:04:05Z</updated>"
        )
    ).feed
    assert atom == Feed(
        id="tag:f",
        title="T",
        subtitle="About",
        url="https://b.example/x/",
        self_url=URL,
        authors=(Person("A"),),
        icon="https://b.example/x/i.ico",
        logo="https://b.example/x/l.png",
        language="de",
        updated=datetime(2023, 1, 2, 3, 4, 5, tzinfo=UTC),
    )


def test_a_broken_document_is_read_as_well_as_can_be() -> None:
    good = (
        "<title>A</title><link>https://a.example/1</link><guid>g1</guid><pubDate>Mon, 02 Jan 2023 03:04:05 GMT</pubDate>"
        "<description>Teaser</description><content:encoded>&lt;p&gt;Whole&lt;/p&gt;</content:encoded>"
        "<media:description>A photo</media:description><author>mail@x.insurance (A)</author><category>c</category>"
        "<enclosure url='https://a.example/a.mp3' type='audio/mpeg' length='9'/><itunes:duration>60</itunes:duration>"
    )
    whole = RSS.replace("<rss ", f"<rss {SPACES} ").format(f"<item>{good}</item>")
    broken = read(whole.replace("</channel>", "</oops></channel>"))
    [item] = broken.items
    [expected] = read(whole).items
    assert len(broken.warnings) == 1
    for name in ("guid", "url", "title", "content", "published", "authors", "tags", "enclosures", "podcast"):
        assert getattr(item, name) == getattr(expected, name), name


def test_what_makes_feedparser_raise_is_hidden_from_it() -> None:
    trap = '<psc:chapters xmlns:psc="http://podlove.org/simple-chapters"><psc:chapter/></psc:chapters>'
    document = RSS.format(f"<item><title>t</title>{trap}<description><![CDATA[<u>x</u>]]></description></item>")
    with pytest.raises(TypeError):
        feedparser.parse(io.BytesIO(document.encode()))
    [item] = read(document).items
    assert (item.title, item.content) == ("t", "<u>x</u>")


def test_shouting_cdf_is_read() -> None:
    [item] = read(
        '<CHANNEL HREF="https://site.example/"><ITEM HREF="https://a.example/1"><TITLE>x</TITLE></ITEM></CHANNEL>'
    ).items
    assert (item.title, item.url) == ("x", "https://a.example/1")
