"""Small documents of all shapes to begin from: some written for this, some of the benchmark's feeds, and, where the
corpus of real feeds is, these, cut to their first entries."""

import json
import re
import sys
from pathlib import Path

from benchmarks import workload
from tests.conftest import CORPUS
from tests.faults.mutating import mutant

_FULL_RSS = b"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"
 xmlns:media="http://search.yahoo.com/mrss/" xmlns:podcast="https://podcastindex.org/namespace/1.0"
 xmlns:slash="http://purl.org/rss/1.0/modules/slash/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"
 xmlns:georss="http://www.georss.org/georss" xmlns:gml="http://www.opengis.net/gml" xmlns:thr="http://purl.org/syndication/thread/1.0">
<channel><title>A show</title><link>https://show.example/</link><description>All &amp; everything</description>
<language>en-gb</language><copyright>2024 Me</copyright><managingEditor>me@show.example (Me)</managingEditor>
<pubDate>Fri, 01 Mar 2024 12:00:00 GMT</pubDate><lastBuildDate>Fri, 01 Mar 2024 12:00:00 GMT</lastBuildDate>
<category domain="https://show.example/c">Arts</category><ttl>60</ttl><cloud domain="x.example" port="80" path="/" registerProcedure="" protocol="xml-rpc"/>
<image><url>https://show.example/i.png</url><title>A show</title><link>https://show.example/</link><width>144</width></image>
<skipHours><hour>3</hour></skipHours><skipDays><day>Sunday</day></skipDays>
<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>
<atom:link rel="self" href="https://show.example/feed"/><atom:link rel="hub" href="https://hub.example/"/>
<itunes:author>Me</itunes:author><itunes:image href="https://show.example/i.jpg"/><itunes:category text="Arts"><itunes:category text="Books"/></itunes:category>
<item><title>One</title><link>https://show.example/1</link><guid isPermaLink="false">show-1</guid><dc:creator>Ann</dc:creator>
<pubDate>Fri, 01 Mar 2024 12:00:00 +0100</pubDate><description>Short &lt;b&gt;words&lt;/b&gt;.</description>
<content:encoded><![CDATA[<p>Long <a href="/rel">words</a> <img src="a.png" srcset="b.png 2x"></p>]]></content:encoded>
<enclosure url="https://show.example/1.mp3" length="123456" type="audio/mpeg"/><itunes:duration>1:02:03</itunes:duration>
<itunes:season>1</itunes:season><itunes:episode>2</itunes:episode><itunes:explicit>no</itunes:explicit><itunes:episodeType>full</itunes:episodeType>
<podcast:transcript url="https://show.example/1.vtt" type="text/vtt"/><podcast:chapters url="https://show.example/1.json" type="application/json"/>
<category><![CDATA[Books & more]]></category><comments>https://show.example/1#comments</comments><slash:comments>3</slash:comments></item>
<item><title>Two</title><link>https://show.example/2</link><guid>https://show.example/2</guid><author>bob@show.example (Bob)</author>
<pubDate>Thu, 29 Feb 2024 08:00:00 EST</pubDate><description><![CDATA[<table><tr><td>x</td></tr></table><iframe src="https://www.youtube.com/embed/abcdefghijk"></iframe>]]></description>
<media:group><media:content url="https://show.example/2.mp4" fileSize="99" type="video/mp4" medium="video" duration="61" width="640" height="360"><media:title>V</media:title></media:content>
<media:content url="https://show.example/2.webm" type="video/webm"/><media:thumbnail url="https://show.example/2.jpg" width="9" height="9"/></media:group>
<source url="https://other.example/rss">Other</source><georss:point>45.256 -71.92</georss:point><gml:Point><gml:pos>1 2</gml:pos></gml:Point></item>
</channel></rss>
"""
_FULL_ATOM = b"""<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:thr="http://purl.org/syndication/thread/1.0" xmlns:media="http://search.yahoo.com/mrss/"
 xmlns:yt="http://www.youtube.com/xml/schemas/2015" xml:lang="fr" xml:base="https://blog.example/">
<id>tag:blog.example,2024:feed</id><title type="html">Le &lt;i&gt;blog&lt;/i&gt;</title><subtitle>Mots</subtitle><updated>2024-03-01T12:00:00Z</updated>
<author><name>Zo\xc3\xa9</name><uri>https://blog.example/zoe</uri><email>zoe@blog.example</email></author><rights>CC</rights>
<link rel="self" href="/atom"/><link href="/"/><link rel="license" href="https://creativecommons.org/licenses/by/4.0/"/><icon>/i.ico</icon><logo>/l.png</logo>
<entry><id>tag:blog.example,2024:1</id><title>Un</title><link href="1"/><link rel="enclosure" href="1.mp3" type="audio/mpeg" length="5"/>
<link rel="replies" href="1/comments" thr:count="2"/><published>2024-03-01T12:00:00+01:00</published><updated>2024-03-01T13:00:00.5Z</updated>
<category term="a" scheme="https://blog.example/tags" label="A"/><summary type="text">Court</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Long <b>mots</b> <a href="x?a=1&amp;b=2">l\xc3\xa0</a><br/></p><ul><li>x</li></ul></div></content></entry>
<entry xml:base="sub/" xml:lang="en"><id>https://blog.example/2</id><title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Deux <em>fois</em></div></title>
<link rel="alternate" type="text/html" hreflang="en" href="2"/><updated>2024-02-29T00:00:00Z</updated><author><name>Bob</name></author><contributor><name>Eve</name></contributor>
<source><id>https://far.example/feed</id><title>Far</title><updated>2024-01-01T00:00:00Z</updated><link href="https://far.example/"/></source>
<content type="html">&lt;p&gt;Some &lt;a href="../y"&gt;text&lt;/a&gt; &amp;amp; more&lt;/p&gt;&lt;pre&gt;a\n b&lt;/pre&gt;</content>
<media:group><media:title>x</media:title><media:thumbnail url="t.jpg" width="480" height="360"/><media:description>About</media:description></media:group><thr:in-reply-to ref="x"/></entry>
<entry><id>urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a</id><title/><updated>2024-02-28</updated><content src="https://blog.example/3.pdf" type="application/pdf"/></entry>
</feed>
"""
_OLD_ATOM = b"""<?xml version="1.0" encoding="iso-8859-1"?>
<feed version="0.3" xmlns="http://purl.org/atom/ns#" xml:lang="de"><title mode="escaped">Alt</title><tagline>So war es</tagline><modified>2004-03-01T12:00:00Z</modified>
<link rel="alternate" type="text/html" href="http://alt.example/"/><entry><title>Gr\xfc\xdfe</title><link rel="alternate" type="text/html" href="http://alt.example/1"/>
<id>tag:alt.example,2004:1</id><issued>2004-03-01T12:00:00+01:00</issued><modified>2004-03-01T12:00:00Z</modified><created>2004-03-01T12:00:00Z</created>
<author><name>J\xf6rg</name></author><content type="text/html" mode="base64">PHA+SGFsbG88L3A+</content></entry>
<entry><title>Zwei</title><id>x</id><content type="application/xhtml+xml" mode="xml"><p xmlns="http://www.w3.org/1999/xhtml">W\xf6rter</p></content></entry></feed>
"""
_RDF = b"""<?xml version="1.0"?>
<rdf:RDF xmlns="http://purl.org/rss/1.0/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:taxo="http://purl.org/rss/1.0/modules/taxonomy/" xmlns:foaf="http://xmlns.com/foaf/0.1/">
<channel rdf:about="http://rdf.example/"><title>RDF</title><link>http://rdf.example/</link><description>x</description><dc:language>ja</dc:language>
<items><rdf:Seq><rdf:li rdf:resource="http://rdf.example/1"/><rdf:li rdf:resource="http://rdf.example/2"/></rdf:Seq></items><image rdf:resource="http://rdf.example/i.png"/></channel>
<item rdf:about="http://rdf.example/1"><title>\xe6\x9c\x80\xe5\x88\x9d</title><link>http://rdf.example/1</link><description>\xe8\xa8\x80\xe8\x91\x89</description><dc:date>2024-03-01T12:00+09:00</dc:date>
<dc:subject>\xe6\x9c\xac</dc:subject><dc:creator>A</dc:creator><dc:creator>B</dc:creator></item>
<item rdf:about="http://rdf.example/2"><title>2</title><link>http://rdf.example/2</link><dc:date>2024-02-29</dc:date><foaf:maker><foaf:Person><foaf:name>M</foaf:name></foaf:Person></foaf:maker></item>
<textinput rdf:about="http://rdf.example/s"><title>S</title><name>q</name><link>http://rdf.example/s</link></textinput></rdf:RDF>
"""
_FULL_JSON = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "JSON",
        "home_page_url": "https://json.example/",
        "feed_url": "https://json.example/feed.json",
        "description": "All of it",
        "icon": "https://json.example/i.png",
        "language": "en",
        "authors": [{"name": "Jo", "url": "https://json.example/jo", "avatar": "https://json.example/jo.png"}],
        "hubs": [{"type": "WebSub", "url": "https://hub.example/"}],
        "items": [
            {
                "id": "https://json.example/1",
                "url": "https://json.example/1",
                "external_url": "https://far.example/1",
                "title": "First",
                "content_html": "<p>Some <a href='/x'>words</a> &amp; a <img src='p.png'></p>",
                "content_text": "Some words",
                "summary": "Short",
                "image": "https://json.example/1.png",
                "banner_image": "https://json.example/b.png",
                "date_published": "2024-03-01T12:00:00+01:00",
                "date_modified": "2024-03-01T13:00:00Z",
                "tags": ["a", "b"],
                "author": {"name": "Old"},
                "attachments": [
                    {
                        "url": "https://json.example/1.mp3",
                        "mime_type": "audio/mpeg",
                        "title": "Sound",
                        "size_in_bytes": 5,
                        "duration_in_seconds": 61,
                    }
                ],
                "_x": {"about": "y"},
            },
            {"id": 2, "content_text": "Two\n\nlines", "date_published": "2024-02-29T00:00:00Z", "language": "de"},
            {"id": "3", "url": "https://json.example/3", "content_html": "x"},
        ],
    }
).encode()
_PAGES = (
    b"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A page</title><base href="https://page.example/b/">
<link rel="alternate" type="application/rss+xml" title="RSS" href="/feed.xml"><link rel="alternate" type="application/atom+xml" href="atom">
<link rel="stylesheet" href="x.css"></head><body><article><h1>Hello</h1><p>2024-03-01</p></article></body></html>""",
    b"<html><body><h1>404 Not Found</h1><hr><address>nginx</address></body></html>",
    b"<head><link REL='Alternate Feed' TYPE=application/feed+json HREF=//page.example/feed.json>",
    b"<?xml version='1.0'?><opml version='2.0'><head/><body><outline text='x' xmlUrl='https://page.example/'/></body></opml>",
    b"<?xml version='1.0'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>https://page.example/</loc></url></urlset>",
)
_NETSCAPE = b"""<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/publish/formats/rss-0.91.dtd">
<rss version="0.91"><channel><title>Old</title><link>http://old.example/</link><description>x</description><language>en</language>
<item><title>A</title><link>http://old.example/a</link><description>AT&T &eacute;</description></item><item><title>B &lt;b&gt;</title><link>http://old.example/b</link></item></channel></rss>
"""
WRITTEN = (_FULL_RSS, _FULL_ATOM, _OLD_ATOM, _RDF, _FULL_JSON, _NETSCAPE, *_PAGES)
_MOST = 6_000  # bytes, so that thousands can be read
_ENTRIES = 2
_ENTRY = re.compile(rb"<(item|entry)[\s>].*?</\1>", re.DOTALL)


def bases(corpus: Path) -> tuple[bytes, ...]:
    """The documents; some hundreds where the corpus is."""
    made = [workload.feed(number, 2) for number in range(30)]
    real = sorted((corpus / "feeds").iterdir()) if corpus.is_dir() else []
    cut = [_cut(path.read_bytes()) for path in real if path.suffix != ".tsv"]
    return (*WRITTEN, *made, *(each for each in cut if 0 < len(each) < _MOST))


def _cut(body: bytes) -> bytes:
    """A real feed with its first entries, b"" where these cannot be told."""
    if body.lstrip()[:1] == b"{":
        feed = json.loads(body)
        return json.dumps(feed | {"items": feed.get("items", [])[:_ENTRIES]}).encode()
    found = list(_ENTRY.finditer(body))
    if len(found) <= _ENTRIES:
        return body
    return body[: found[_ENTRIES - 1].end()] + body[found[-1].end() :]


if __name__ == "__main__":
    sys.stdout.buffer.write(mutant(int(sys.argv[1]), bases(CORPUS)).body)
