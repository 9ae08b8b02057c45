"""Feeds read from the tree say what they say by way of feedparser: the same Feed, Items, Hints and warnings."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from aggregator.errors import ParseError
from aggregator.model import Batch, Document
from aggregator.sources import feed
from aggregator.sources.feed import decoding, walk, xmlfeed
from aggregator.sources.feed.context import OddError
from aggregator.sources.feed.own import tree
from tests.test_feed import URL, read, source

NAMESPACES = {
    "a": "http://www.w3.org/2005/Atom",
    "cc": "http://web.resource.org/cc/",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "creativeCommons": "http://backend.userland.com/creativeCommonsRssModule",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "enc": "http://purl.oclc.org/net/rss_2.0/enc#",
    "feedburner": "http://rssnamespace.org/feedburner/ext/1.0",
    "geo": "http://www.w3.org/2003/01/geo/wgs84_pos#",
    "georss": "http://www.georss.org/georss",
    "gml": "http://www.opengis.net/gml",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "o": "https://other.example/ns",
    "podcast": "https://podcastindex.org/namespace/1.0",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "thr": "http://purl.org/syndication/thread/1.0",
    "webfeeds": "http://webfeeds.org/rss/1.0",
    "wfw": "http://wellformedweb.org/CommentAPI/",
    "x": "http://www.w3.org/1999/xhtml",
    "subject": "http://purl.org/dc/elements/1.1/",
}
SPACES = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
RSS = f'<rss version="2.0" {SPACES}><channel>{{head}}{{items}}</channel></rss>'
ATOM = f'<feed xmlns="http://www.w3.org/2005/Atom" {SPACES}>{{head}}{{items}}</feed>'
ATOM_03 = f'<feed version="0.3" xmlns="http://purl.org/atom/ns#" {SPACES}>{{head}}{{items}}</feed>'
RDF = (
    f'<rdf:RDF xmlns="http://purl.org/rss/1.0/" {SPACES}><channel rdf:about="/c">{{head}}</channel>{{items}}</rdf:RDF>'
)
KINDS = {"rss": (RSS, "item"), "atom": (ATOM, "entry"), "atom 0.3": (ATOM_03, "entry"), "rdf": (RDF, "item")}

NAMED = "<title>T</title><link>https://site.example/</link>"
# What stands in an item, or in the feed itself, as many publishers write it.
SAID = """
<title>Plain</title>
<title>A &amp; B &lt;b&gt;c&lt;/b&gt; &amp;amp; d</title>
<title type="html">A &amp;amp; &lt;i&gt;b&lt;/i&gt;</title>
<title type="text/html" mode="escaped">A &amp;amp; B</title>
<title><![CDATA[A <b>b</b> & c]]></title>
<title>one<!-- no --> two<?pi no?> three</title>
<title/><title>second</title>
<title>first</title><title>second</title>
<title>own</title><media:title>photo</media:title>
<media:title>photo</media:title><title>own</title>
<media:content url="/p.jpg"><media:title>photo</media:title></media:content>
<media:title>one</media:title><media:title>two</media:title>
<dc:title>dc</dc:title>
<dc:title>dc</dc:title><title>own</title>
<image><title>logo</title><url>/l.png</url><link>/</link></image><title>own</title>
<title>own</title><image><title>logo</title><url>/l.png</url><link>/</link><width>1</width></image>
<image>/l.png</image>
<itunes:image href="/i.png"/><image><url>/l.png</url></image>
<image><url>/l.png</url></image><itunes:image href="/i.png"/>
<itunes:image url="/i.png"/>
<textInput><title>search</title><description>d</description><name>q</name><link>/s</link></textInput><title>t</title>
<link>/relative</link>
<link/>
<link> https://site.example/a </link><guid>https://site.example/g</guid>
<guid isPermaLink="false">g</guid>
<guid isPermaLink="true">/g</guid>
<guid>https://site.example/g</guid>
<id>tag:site.example,2020:1</id>
<a:link rel="self" href="/self.xml"/><link>/a</link>
<a:link rel="hub" href="https://hub.example/"/><a:link rel="license" href="https://cc.example/"/>
<link rel="alternate" type="text/html" href="/a"/><link rel="via" href="/v" title="V &amp; W" hreflang="de"/>
<link rel="REPLIES" type="TEXT/HTML" href="/r"/><link rel="related" href="/o"/><link rel="edit" href="/e"/>
<link rel="http://www.iana.org/assignments/relation/via" href="/v"/>
<link rel="enclosure" href="/e.mp3" type="audio/mpeg" length="12"/>
<link href="http:///three.example/"/>
<link href=""/>
<link href="/1"><o:title>t</o:title><category>c</category></link>
<link rel="via" href=""/>
<x:link rel="via" href="/not-ours"/>
<description>text</description>
<description>&lt;p&gt;html &lt;img src="/p.png"&gt;&lt;/p&gt;</description>
<description>raw <b>markup</b> here</description>
<description/><description>second</description>
<description>one</description><description>two</description>
<description>d</description><content:encoded><![CDATA[<p>whole</p>]]></content:encoded>
<content:encoded><![CDATA[<p>a</p>]]></content:encoded><content:encoded><![CDATA[<p>longer</p>]]></content:encoded>
<summary>s</summary><content type="html">&lt;p&gt;c&lt;/p&gt;</content>
<summary type="html">&lt;p&gt;s&lt;/p&gt;</summary>
<content type="xhtml"><x:div>a &lt; b <x:a href="/l">l</x:a><x:br/></x:div></content>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>p</p></div></content>
<content type="text">plain &lt;b&gt;</content>
<content type="image/png" mode="base64">AAAA</content>
<content mode="base64" type="text/html">PGI+eDwvYj4=</content>
<content src="/elsewhere" type="text/html"/>
<x:body><x:p>x</x:p></x:body>
<dc:description>dc</dc:description>
<itunes:summary>notes</itunes:summary><description>d</description>
<itunes:subtitle>sub</itunes:subtitle>
<subtitle type="html">&lt;b&gt;s&lt;/b&gt;</subtitle>
<tagline>t</tagline>
<media:description>caption</media:description>
<media:group><media:content url="/a.mp4" type="video/mp4"/><media:thumbnail url="/t.jpg" width="5"/></media:group>
<media:content url="/a.jpg" medium="image"><media:title>A</media:title><media:credit>C</media:credit></media:content>
<media:content url="/a.jpg" medium="image"/><media:content url="/b.jpg" medium="image" width="9px"/>
<media:content o:url="/other.jpg" fileSize="9" duration="61" type="video/mp4"/>
<media:thumbnail url="/t.jpg"/><media:thumbnail>/u.jpg</media:thumbnail>
<media:category>no</media:category><media:keywords>a, b</media:keywords>
<media:player url="/p"/><media:rating>x</media:rating><media:copyright url="/c">c</media:copyright>
<enclosure url="/e.mp3" length="12" type="audio/mpeg"/><enclosure url="/f.mp3" length="x" type="AUDIO/MPEG"/>
<enclosure url="/e.mp3"/><media:content url="/e.mp3" duration="9" type="audio/mpeg"/>
<enclosure/>
<enc:enclosure rdf:resource="/e.pdf" enc:type="application/pdf" enc:length="5"/>
<category>One</category><category domain="https://d.example/">Two</category><category>One</category><category/>
<category domain="d"/><category>taken</category>
<category term="t" scheme="s" label="L"/><category term="t" scheme="s" label="L"/>
<category term="t">and text</category>
<dc:subject>a</dc:subject><subject:subject>b</subject:subject>
<itunes:category text="Arts"><itunes:category text="Books"/></itunes:category><itunes:keywords>a,b</itunes:keywords>
<keywords>k</keywords><tags>a, b</tags>
<author>m@x.example (A)</author><dc:creator>B</dc:creator>
<author><name>A</name><email>a@x.example</email><uri>/a</uri></author><contributor><name>C</name></contributor>
<itunes:author>I</itunes:author><itunes:owner><itunes:name>O</itunes:name></itunes:owner>
<managingEditor>m@x.example</managingEditor><webMaster>w</webMaster><dc:publisher>p</dc:publisher>
<pubDate>Mon, 02 Jan 2023 03:04:05 GMT</pubDate>
<pubDate>2005-11-9</pubDate><dc:date>2005-11-10</dc:date>
<pubDate>Mon, 02 Jan 2023 03:04:05 GMT</pubDate><pubDate>Tue, 03 Jan 2023 03:04:05 GMT</pubDate>
<pubDate/><lastBuildDate>Mon, 02 Jan 2023 03:04:05 EST</lastBuildDate>
<published>2023-01-02T03:04:05Z</published><updated>2023-01-03T03:04:05+02:00</updated>
<issued>2023-01-02T03:04:05Z</issued><modified>2023-01-03</modified><created>2020-01-01</created>
<dcterms:issued>2023-01-02</dcterms:issued><dcterms:modified>2024-01-02</dcterms:modified>
<dcterms:created>2023-01-02</dcterms:created>
<date>2023-01-02</date>
<o:date>2023-01-02</o:date>
<dc:date>2023-01-02T03:04:05Z</dc:date>
<copyright>c</copyright><rights type="html">&amp;copy; r</rights><dc:rights>d</dc:rights>
<language>de_at</language><dc:language>fr</dc:language>
<comments>/1#c</comments><wfw:commentRss>/1/feed</wfw:commentRss><slash:comments>3</slash:comments>
<comments>12</comments>
<comments o:a="b">/1#c</comments>
<thr:total>3</thr:total>
<source url="https://b.example/rss">B &amp; C</source>
<source url="">B</source><title>after</title>
<creativeCommons:license>https://cc.example/by</creativeCommons:license>
<cc:license rdf:resource="https://cc.example/by"/>
<feedburner:origLink>https://a.example/1</feedburner:origLink><link>https://p.example/</link>
<georss:point>45.2 -71.9</georss:point><geo:lat>1</geo:lat>
<georss:where><gml:Point><gml:pos>45.2 -71.9</gml:pos></gml:Point></georss:where>
<itunes:duration>1:02</itunes:duration><itunes:explicit>yes</itunes:explicit><itunes:season>2</itunes:season>
<itunes:block>yes</itunes:block><itunes:episodeType>Full</itunes:episodeType>
<podcast:transcript url="/t.vtt" type="text/vtt"/><podcast:chapters url="/c.json" type="application/json+chapters"/>
<podcast:person role="host">P</podcast:person><podcast:season name="x">3</podcast:season>
<o:more><o:deep>x</o:deep></o:more>
<o:more><link>https://b.example/</link><title>deep</title></o:more><title>own</title>
<o:more><category>deep</category><pubDate>2023-01-02</pubDate></o:more><pubDate>2023-01-03</pubDate>
<pubDate>2023-01-03</pubDate><o:more><pubDate>2023-01-02</pubDate></o:more>
<generator uri="/g" version="1">G</generator><cloud domain="d"/><docs>/d</docs><rating>r</rating>
<ttl>60</ttl><sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>
<skipHours><hour>1</hour><hour>24</hour></skipHours><skipDays><day>Monday</day></skipDays>
<icon>/i.ico</icon><logo>/l.png</logo><webfeeds:icon>/w.png</webfeeds:icon><webfeeds:logo>/wl.png</webfeeds:logo>
<TITLE>shouted</TITLE><PubDate>2023-01-02</PubDate>
<unknown>u</unknown><unknown a="b">u</unknown>
<title>Caf\u00e9 \u2013 \u4e2d\u6587</title><description>caf\u00c3\u00a9 \u0093x\u0094</description>
<title xml:lang="de">d</title><content xml:lang="fr">c</content>
<title>  two
 lines </title>
""".strip()
LINES = SAID.replace("\n lines", "\u0001 lines").split("\n")
LINES = [line.replace("\u0001", "\n") for line in LINES]


def old(body: bytes) -> Batch | ParseError:
    """By way of feedparser alone."""
    document, src = Document(URL, URL, body), source()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xmlfeed, "_from_tree", lambda _: None)
        return read_or_error(document, src)


def read_or_error(document: Document, src: object) -> Batch | ParseError:
    try:
        return feed.read(document, src)  # type: ignore[arg-type]
    except ParseError as error:
        return error


def same(body: str) -> None:
    """Both ways say the same."""
    one = read_or_error(Document(URL, URL, body.encode()), source())
    other = old(body.encode())
    if isinstance(one, Batch) and isinstance(other, Batch):
        assert one == other
    else:
        assert (type(one), str(one)) == (type(other), str(other))


def walkable(body: str) -> bool:
    root = tree(body.encode())
    try:
        return root is not None and bool(walk.walked(root))
    except OddError:
        return False


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("said", LINES)
def test_an_item_says_the_same_both_ways(said: str, kind: str) -> None:
    frame, name = KINDS[kind]
    first, second = f'<{name} rdf:about="/x">{said}</{name}>', f"<{name}>{said}<title>more</title></{name}>"
    same(frame.format(head=NAMED, items=first + second))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("said", LINES)
def test_a_feed_says_the_same_both_ways(said: str, kind: str) -> None:
    frame, name = KINDS[kind]
    item = f"<{name}><title>item</title><link>/1</link></{name}>"
    same(frame.format(head=said + NAMED, items=item))
    same(frame.format(head=NAMED, items=item + said))


@settings(max_examples=150)
@given(st.sampled_from(sorted(KINDS)), st.lists(st.sampled_from(LINES), max_size=6), st.lists(st.sampled_from(LINES)))
def test_any_mixture_says_the_same_both_ways(kind: str, head: list[str], said: list[str]) -> None:
    frame, name = KINDS[kind]
    items = "".join(f"<{name}>{''.join(said[n:])}</{name}>" for n in range(0, len(said) + 1, 3))
    same(frame.format(head="".join(head), items=items))


def test_every_real_document_says_the_same_both_ways(corpus: Path) -> None:
    walked = 0
    for path in sorted((corpus / "feeds").iterdir()):
        body = path.read_bytes()
        one, other = read_or_error(Document(URL, URL, body), source()), old(body)
        assert one == other or str(one) == str(other), path.name
        content = decoding.decode(body)
        walked += decoding.is_sound(content) and walkable(content)
    assert walked > 320, "nearly all of them are read from the tree"


@pytest.mark.parametrize(
    "body",
    [
        RSS.format(head="<item><title>a</title></item><x:p><item><title>b</title></item></x:p>", items=""),
        RSS.format(head=NAMED, items="<item><title>a</title><item><title>b</title></item></item>"),
        RSS.format(head=NAMED, items="<item><title>a <b>b</b></title></item>"),
        RSS.format(head=NAMED, items="<item><description>a <title>b</title></description><link>/1</link></item>"),
        RSS.format(head=NAMED, items="<item><pubDate><time datetime='2019-05-03T19:21:28Z'>x</time></pubDate></item>"),
        RSS.format(head=NAMED, items="<item href='/cdf' lastmod='2020-01-01'><title>a</title></item>"),
        RSS.format(head=NAMED, items="<item><links>a</links></item>"),
        RSS.format(head="<image><url>/l.png</url><alt>x</alt></image>" + NAMED, items=""),
        ATOM.format(head=NAMED, items='<entry><title type="xhtml"><x:div>a <x:b>b</x:b></x:div></title></entry>'),
        ATOM.format(head=NAMED, items="<entry><source><id>s</id><title>S</title></source><title>a</title></entry>"),
        ATOM.format(head=NAMED, items='<entry><title mode="base64">QQ==</title></entry>'),
        f"<rss {SPACES}><channel>{NAMED}</channel><channel>{NAMED}</channel></rss>",
        f"<rss {SPACES} xmlns:dc2='http://purl.org/dc/terms/'><item><dc2:issued>2020</dc2:issued></item></rss>",
        "<channel><item><title>a</title></item></channel>",
        "<RSS><CHANNEL><ITEM><TITLE>a</TITLE></ITEM></CHANNEL></RSS>",
        "<rss><channel>"
        + "<o>" * 100
        + "<title>deep</title>"
        + "</o>" * 100
        + "<item><title>a</title></item></channel></rss>",
        '<!DOCTYPE rss [<!ENTITY a "b">]><rss><channel><item><title>&a;</title></item></channel></rss>',
        "<rss><channel><item><title>a &nbsp; b</title></item></channel></rss>",
        "<rss><channel><item><title>a & b</title></item></channel></rss>",
        "<rss><channel><item><title>a</title></item>",
        "<rss><channel><title>a</title></channel></rss>\n<script/>",
        "<html><body>x</body></html>",
        "<urlset><url/></urlset>",
    ],
)
def test_what_is_odd_goes_to_feedparser_and_says_the_same(body: str) -> None:
    same(body)


@pytest.mark.parametrize(
    ("item", "link"),
    [
        # feedparser forgets to leave an xml:base where there was none before, so it counts for all that follows.
        ("<dc:title xml:base='https://b.example/'>t</dc:title><comments>/c</comments>", "https://site.example/c"),
    ],
)
def test_where_feedparser_is_wrong(item: str, link: str) -> None:
    body = RSS.format(head=NAMED, items=f"<item>{item}</item>")
    assert read(body).items[0].links[0].href == link
    wrong = old(body.encode())
    assert isinstance(wrong, Batch)
    assert wrong.items[0].links[0].href != link


@pytest.mark.parametrize("frame", [RSS, ATOM])
@pytest.mark.parametrize("place", ["{0}", "{1}", "{2}"])
@pytest.mark.parametrize("base", ["https://b.example/d/", "d/", "//b.example/", "ftp://b.example/", "javascript:x", ""])
def test_a_base_counts_for_what_it_is_around(frame: str, place: str, base: str) -> None:
    around = " xml:base='https://around.example/r/'"  # without it feedparser would not leave the inner one again
    spots = [around, "", ""]
    spots[int(place[1])] = f" xml:base='{base}'"
    name = "item" if frame == RSS else "entry"
    inside = "<link rel='via' href='v'{2}/><comments>c</comments><id>1</id><title>t</title>".replace("{2}", spots[2])
    body = frame.format(head="<icon>i.png</icon><id>1</id>", items=f"<{name}{spots[1]}>{inside}</{name}>")
    same(body.replace(" xmlns:a=", f"{spots[0]} xmlns:a=", 1))


def test_a_document_of_many_elements_stays_linear() -> None:
    """The tags of an item are not compared each with each."""
    many = "".join(f"<category>{n}</category>" for n in range(100_000))
    [item] = read(RSS.format(head=NAMED, items=f"<item>{many}</item>")).items
    assert len(item.tags) == 50


def test_no_entity_is_resolved_and_no_depth_is_followed() -> None:
    assert tree(b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]><r>&a;</r>').text is None  # type: ignore[union-attr]
    assert not decoding.is_sound('<!DOCTYPE rss [<!ENTITY a "b">]><rss/>')
    deep = "<rss><channel>" + "<o>" * 200 + "</o>" * 200 + "</channel></rss>"
    assert not walkable(deep)
    assert isinstance(tree(b"<rss/>"), etree._Element)
    assert tree(b"<o>" * 10_000 + b"</o>" * 10_000) is None, "libxml2's own limits are on"
