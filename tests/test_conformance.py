"""The conformance checker catches every defect that it claims to catch: each is planted in a good document."""

import inspect
import re

import pytest

from tests import conformance, conformance_values
from tests.conformance import check

LOCATION = {"rss": "https://planet.example/rss.xml", "atom": "https://planet.example/atom.xml"}

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<?xml-stylesheet type="text/css" href="https://planet.example/feed.css"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/"
  xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"
  xmlns:fh="http://purl.org/syndication/history/1.0" xmlns:media="http://search.yahoo.com/mrss/"
  xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:podcast="https://podcastindex.org/namespace/1.0">
<channel>
<title>Planet</title>
<link>https://planet.example/</link>
<description>Salt &#x26; pepper</description>
<language>en-GB</language>
<managingEditor>ann@planet.example (Ann)</managingEditor>
<lastBuildDate>Fri, 17 May 2024 08:30:00 GMT</lastBuildDate>
<ttl>60</ttl>
<atom:link rel="self" href="https://planet.example/rss.xml" type="application/rss+xml"/>
<atom:link rel="alternate" href="https://planet.example/atom.xml" type="application/atom+xml"/>
<atom:link rel="alternate" href="https://planet.example/feed.json" type="application/feed+json"/>
<atom:link rel="current" href="https://planet.example/new.xml"/>
<atom:link rel="hub" href="https://hub.example/"/>
<atom:link rel="hub" href="https://hub2.example/"/>
<atom:link rel="prev-archive" href="https://planet.example/1.xml"/>
<fh:archive/>
<sy:updatePeriod>hourly</sy:updatePeriod>
<sy:updateFrequency>2</sy:updateFrequency>
<item>
<title>AT&#x26;T</title>
<link>https://news.example/1</link>
<description>Five &amp;lt; six</description>
<content:encoded>&lt;p&gt;&lt;a href="https://news.example/a"&gt;Five&lt;/a&gt; &amp;lt; six&lt;/p&gt;</content:encoded>
<guid isPermaLink="true">https://news.example/1</guid>
<category domain="https://planet.example/">tech</category>
<category>tech</category>
<comments>https://news.example/1#comments</comments>
<enclosure url="https://news.example/1.mp3" length="123" type="audio/mpeg"/>
<pubDate>Fri, 17 May 2024 08:30:00 GMT</pubDate>
<source url="https://news.example/rss.xml">News</source>
<dc:creator>Ann</dc:creator>
<dc:language>en</dc:language>
<atom:updated>2024-05-17T08:30:00Z</atom:updated>
<atom:link rel="license" href="https://licence.example/" hreflang="en"/>
<media:group>
<media:content url="https://news.example/1.mp3" medium="audio" fileSize="123" duration="61" isDefault="true"/>
<media:content url="https://news.example/1.ogg"/>
</media:group>
<media:thumbnail url="https://news.example/1.jpg" width="10"/>
<itunes:duration>1:01</itunes:duration>
<itunes:season>1</itunes:season>
<itunes:episodeType>full</itunes:episodeType>
<itunes:explicit>false</itunes:explicit>
<itunes:subtitle>One</itunes:subtitle>
<podcast:transcript url="https://news.example/1.vtt" type="text/vtt"/>
</item>
<item>
<title>Second</title>
<guid isPermaLink="false">tag:news.example,2024:2</guid>
<pubDate>Thu, 16 May 2024 08:30:00 GMT</pubDate>
</item>
</channel>
</rss>
"""

ATOM = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:fh="http://purl.org/syndication/history/1.0" xml:lang="en">
<id>tag:planet.example,2024:all</id>
<title>Planet</title>
<updated>2024-05-17T08:30:00Z</updated>
<link rel="self" href="https://planet.example/atom.xml" type="application/atom+xml"/>
<link href="https://planet.example/" type="text/html"/>
<link rel="current" href="https://planet.example/new.xml"/>
<link rel="prev-archive" href="https://planet.example/1.xml"/>
<fh:archive/>
<entry>
<id>https://news.example/1</id>
<title type="html">AT&amp;amp;T</title>
<updated>2024-05-17T08:30:00Z</updated>
<published>2024-05-16T10:30:00+02:00</published>
<author><name>Ann</name><email>ann@news.example</email><uri>https://ann.example/é</uri></author>
<link href="https://news.example/é" type="text/html"/>
<link rel="enclosure" href="https://news.example/1.mp3" length="123" type="audio/mpeg" title="One"/>
<summary>Five and six</summary>
<content type="html">&lt;p&gt;&lt;img src="https://news.example/1.png" alt="x &amp;lt; y"&gt; Five&lt;/p&gt;</content>
<category term="tech" scheme="https://planet.example/"/>
<category term="tech" label="Tech"/>
<source xml:lang="de">
<id>https://news.example/</id>
<title>News</title>
<updated>2024-05-17T08:30:00Z</updated>
<link rel="self" href="https://news.example/atom.xml"/>
<icon>https://news.example/icon.png</icon>
</source>
</entry>
<entry>
<id>urn:uuid:00000000-0000-4000-8000-000000000002</id>
<title>Second</title>
<updated>2024-05-15T08:30:00Z</updated>
<link href="https://news.example/2"/>
<summary>Two</summary>
<source>
<id>tag:other.example,2024:feed</id>
<title>Other</title>
<updated>2024-05-15T08:30:00Z</updated>
<author><name>Bob</name></author>
</source>
</entry>
</feed>
"""
GOOD = {"rss": RSS, "atom": ATOM}

# finding, kind, what stands in the good document, what is planted in its place
PLANTS = [
    # any XML
    ("NotWellFormed", "rss", "</rss>", ""),
    ("NotWellFormed", "atom", "<title>Planet", "<title>Planet\x0b"),
    ("NotWellFormed", "rss", "<title>Planet", "<title>&nbsp;Planet"),
    ("NotUTF8", "rss", 'encoding="UTF-8"', 'encoding="ISO-8859-1"'),
    ("InvalidDoctype", "rss", "<rss ", '<!DOCTYPE rss [<!ENTITY x "y">]><rss '),
    ("InvalidLanguage", "atom", 'xml:lang="en"', 'xml:lang="en_GB"'),
    # RSS: the channel
    ("InvalidRSSVersion", "rss", 'version="2.0"', 'version="0.91"'),
    ("MissingElement", "rss", "<title>Planet</title>", ""),
    ("MissingElement", "rss", "<link>https://planet.example/</link>", ""),
    ("MissingElement", "rss", "<description>Salt &#x26; pepper</description>", ""),
    ("DuplicateElement", "rss", "<ttl>60</ttl>", "<ttl>60</ttl><ttl>60</ttl>"),
    ("InvalidURI", "rss", "<link>https://planet.example/</link>", "<link>/</link>"),
    ("InvalidURI", "rss", "https://planet.example/</link>", "https:///</link>"),
    ("InvalidURI", "rss", "https://planet.example/</link>", "https://planet.example/a b|c</link>"),
    ("InvalidURI", "rss", "https://planet.example/</link>", "https://planet.example/%zz</link>"),
    ("UriNotIri", "rss", "https://planet.example/</link>", "https://planet.example/é</link>"),
    ("SecurityRiskURL", "rss", "https://planet.example/</link>", "javascript:alert(1)</link>"),
    ("NotBlank", "rss", "<description>Salt &#x26; pepper", "<description>"),
    ("InvalidLanguage", "rss", "en-GB", "en_GB"),
    ("InvalidContact", "rss", "ann@planet.example (Ann)", "Ann"),
    ("InvalidPositiveInteger", "rss", "<ttl>60", "<ttl>0"),
    ("MissingSelf", "rss", 'rel="self"', 'rel="related"'),
    (
        "SelfDoesntMatchLocation",
        "rss",
        'rel="self" href="https://planet.example/rss.xml"',
        'rel="self" href="https://x.example/"',
    ),
    ("SelfNotAtom", "rss", '"application/rss+xml"', '"text/html"'),
    ("DuplicateAtomLink", "rss", '"application/feed+json"', '"application/atom+xml"'),
    ("MissingCurrentInArchive", "rss", 'rel="current"', 'rel="related"'),
    ("ArchiveIncomplete", "rss", "<fh:archive/>", "<fh:archive/><fh:complete/>"),
    ("DuplicatePage", "rss", 'rel="current"', 'rel="prev-archive"'),
    (
        "SamePage",
        "rss",
        'rel="current" href="https://planet.example/new.xml"',
        'rel="current" href="https://planet.example/1.xml"',
    ),
    ("MissingArchive", "rss", "<fh:archive/>", ""),
    ("InvalidHub", "rss", 'rel="hub" href="https:', 'rel="hub" href="ftp:'),
    ("InvalidStylesheet", "rss", 'type="text/css"', 'type="text/xsl"'),
    ("InvalidStylesheet", "rss", 'href="https://planet.example/feed.css"', 'href="feed style.css"'),
    ("UndefinedElement", "rss", "sy:updatePeriod>hourly</sy:updatePeriod>", "sy:UpdatePeriod>hourly</sy:UpdatePeriod>"),
    ("InvalidUpdatePeriod", "rss", "hourly", "always"),
    ("InvalidPositiveInteger", "rss", "<sy:updateFrequency>2", "<sy:updateFrequency>None"),
    ("UnknownNamespace", "rss", "<ttl>60</ttl>", '<x:ttl xmlns:x="https://x.example/">60</x:ttl>'),
    ("MisplacedItem", "rss", "</channel>", "<docs>https://planet.example/docs</docs></channel>"),
    ("MissingElement", "rss", "<lastBuildDate>Fri, 17 May 2024 08:30:00 GMT</lastBuildDate>", ""),
    ("FeedOlderThanEntry", "rss", "<lastBuildDate>Fri, 17 May", "<lastBuildDate>Thu, 16 May"),
    ("NowDate", "rss", "<lastBuildDate>Fri, 17 May", "<lastBuildDate>Sat, 18 May"),
    ("NotNewestFirst", "rss", "Thu, 16 May 2024 08:30:00", "Fri, 17 May 2024 08:30:01"),
    # RSS: dates
    ("InvalidRFC2822Date", "rss", "<pubDate>Fri, 17 May 2024 08:30:00 GMT", "<pubDate>2024-05-17T08:30:00Z"),
    ("InvalidRFC2822Date", "rss", "<pubDate>Fri, 17 May 2024", "<pubDate>Fr, 17 Mai 2024"),
    ("IncorrectDOW", "rss", "<pubDate>Fri, 17", "<pubDate>Sat, 17"),
    ("ImpossibleDate", "rss", "<pubDate>Fri, 17 May", "<pubDate>31 Feb"),
    ("ImplausibleDate", "rss", "Thu, 16 May 2024", "Thu, 01 Jan 1970"),
    # RSS: an item
    ("ItemMustContainTitleOrDescription", "rss", "<title>Second</title>", ""),
    ("NotBlank", "rss", "Second", " "),
    ("UnexpectedWhitespace", "rss", "Second", "\nSecond"),
    ("ContainsHTML", "rss", "Second", "&lt;b>Second&lt;/b>"),
    ("ContainsHTML", "rss", "Second", "<![CDATA[<i>Second</i>]]>"),
    ("CharacterData", "rss", "Second", "AT&amp;T"),
    ("CharacterData", "rss", "Second", "1 &lt; 2"),
    ("CharacterData", "rss", ">News<", ">N&amp;ws<"),
    ("UndefinedElement", "rss", "<title>Second", "<b>x</b><title>Second"),
    ("UndefinedElement", "rss", "<dc:creator>", "<atom:source><atom:title>x</atom:title></atom:source><dc:creator>"),
    ("MissingGuid", "rss", '<guid isPermaLink="false">tag:news.example,2024:2</guid>', ""),
    ("DuplicateGuid", "rss", "tag:news.example,2024:2", "https://news.example/1"),
    ("InvalidPermalink", "rss", 'isPermaLink="false"', 'isPermaLink="true"'),
    ("InvalidPermalink", "rss", ' isPermaLink="false"', ""),
    ("InvalidBooleanAttribute", "rss", 'isPermaLink="false"', 'isPermaLink="False"'),
    ("NotSufficientlyUnique", "rss", "tag:news.example,2024:2", "1234"),
    ("NeedDescriptionBeforeContent", "rss", "<description>Five &amp;lt; six</description>\n", ""),
    ("DuplicateItemSemantics", "rss", "<dc:creator>", "<author>a@b.example (A)</author><dc:creator>"),
    ("InvalidContact", "rss", "<dc:creator>", "<author>Ann</author><dc:creator>"),
    ("DuplicateCategory", "rss", "<category>tech</category>", "<category>tech</category><category>tech</category>"),
    ("MissingAttribute", "rss", ' length="123"', ""),
    ("InvalidLength", "rss", 'length="123"', 'length="None"'),
    ("InvalidMIMEType", "rss", 'type="audio/mpeg"', 'type="mp3"'),
    ("InvalidURLAttribute", "rss", 'enclosure url="https:', 'enclosure url="ftp:'),
    (
        "DuplicateEnclosure",
        "rss",
        "<pubDate>Fri",
        '<enclosure url="https://x.example/" length="0" type="a/b"/><pubDate>Fri',
    ),
    ("MissingAttribute", "rss", '<source url="https://news.example/rss.xml">', "<source>"),
    ("NotBlank", "rss", ">News<", "><"),
    ("InvalidRFC3339Date", "rss", "<atom:updated>2024-05-17T08:30:00Z", "<atom:updated>Fri, 17 May 2024"),
    ("InvalidLanguage", "rss", "<dc:language>en", "<dc:language>English (UK)"),
    ("InvalidLanguage", "rss", 'hreflang="en"', 'hreflang="en_GB"'),
    ("MediaGroupWithoutAlternatives", "rss", '<media:content url="https://news.example/1.ogg"/>', ""),
    ("InvalidPositiveInteger", "rss", 'fileSize="123"', 'fileSize="-1"'),
    ("InvalidPositiveInteger", "rss", 'width="10"', 'width="10px"'),
    ("InvalidFloat", "rss", 'duration="61"', 'duration="1:01"'),
    ("InvalidTrueFalse", "rss", 'isDefault="true"', 'isDefault="1"'),
    ("InvalidMediaMedium", "rss", 'medium="audio"', 'medium="sound"'),
    ("InvalidDuration", "rss", "1:01", "61.4"),
    ("InvalidPositiveInteger", "rss", "<itunes:season>1", "<itunes:season>0"),
    ("InvalidItunesEpisodeType", "rss", ">full<", ">Full<"),
    ("InvalidTrueFalse", "rss", "<itunes:explicit>false", "<itunes:explicit>clean"),
    ("TooLong", "rss", "<itunes:subtitle>One", "<itunes:subtitle>" + 256 * "1"),
    ("MissingAttribute", "rss", ' type="text/vtt"', ""),
    # HTML in either
    ("SecurityRisk", "rss", "&lt;p&gt;", "&lt;script&gt;x&lt;/script&gt;"),
    ("SecurityRisk", "atom", "&lt;p&gt;", '&lt;iframe src="https://x.example/"&gt;&lt;/iframe&gt;'),
    ("SecurityRiskAttr", "rss", "&lt;a href", "&lt;a onclick=x href"),
    ("DangerousStyleAttr", "atom", "&lt;img src", '&lt;img style="position:fixed" src'),
    ("SecurityRiskURL", "rss", 'href="https://news.example/a"&gt;', 'href=" javascript:x"&gt;'),
    ("ContainsRelRef", "rss", 'href="https://news.example/a"&gt;', 'href="/a"&gt;'),
    ("ContainsRelRef", "atom", 'src="https://news.example/1.png"', 'src="//news.example/1.png"'),
    ("ContainsRelRef", "atom", 'src="https://news.example/1.png"', 'srcset="https://x.example/1.png 1x, 2.png 2x"'),
    ("NotBlank", "rss", "<description>Five &amp;lt; six", "<description>"),
    # Atom: the feed
    ("InvalidNamespace", "atom", "http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#"),
    ("MissingElement", "atom", "<id>tag:planet.example,2024:all</id>", ""),
    ("MissingElement", "atom", "<title>Planet</title>", ""),
    (
        "MissingElement",
        "atom",
        "<title>Planet</title>\n<updated>2024-05-17T08:30:00Z</updated>",
        "<title>Planet</title>",
    ),
    ("DuplicateElement", "atom", "<title>Planet</title>", "<title>Planet</title><title>Planet</title>"),
    ("InvalidIRI", "atom", "tag:planet.example,2024:all", "planet"),
    ("InvalidIRI", "atom", "tag:planet.example,2024:all", "http://"),
    ("InvalidIRI", "atom", "tag:planet.example,2024:all", " tag:planet.example,2024:all"),
    ("MissingSelf", "atom", 'rel="self"', 'rel="related"'),
    (
        "SelfDoesntMatchLocation",
        "atom",
        'rel="self" href="https://planet.example/atom.xml"',
        'rel="self" href="https://x.example/"',
    ),
    ("SelfNotAtom", "atom", '"application/atom+xml"', '"application/rss+xml"'),
    ("DuplicateAtomLink", "atom", "<fh:archive/>", '<link href="https://x.example/" type="text/html"/>'),
    ("MissingCurrentInArchive", "atom", 'rel="current"', 'rel="related"'),
    ("MisplacedMetadata", "atom", "</feed>", "<generator>x</generator></feed>"),
    ("UndefinedElement", "atom", "<fh:archive/>", "<description>x</description>"),
    (
        "FeedOlderThanEntry",
        "atom",
        "<title>Planet</title>\n<updated>2024-05-17",
        "<title>Planet</title>\n<updated>2024-05-16",
    ),
    ("NowDate", "atom", "<title>Planet</title>\n<updated>2024-05-17", "<title>Planet</title>\n<updated>2024-05-18"),
    ("NowDate", "atom", "<updated>2024-05-17T08:30:00Z", "<updated>2024-05-17T08:30:00.123456Z"),
    ("NotNewestFirst", "atom", "<updated>2024-05-15T08:30:00Z", "<updated>2024-05-16T09:30:00Z"),
    # Atom: an entry
    ("InvalidRFC3339Date", "atom", "2024-05-16T10:30:00+02:00", "2024-05-16 10:30:00"),
    ("InvalidRFC3339Date", "atom", "2024-05-16T10:30:00+02:00", "2024-05-16T10:30:00"),
    ("ImpossibleDate", "atom", "2024-05-16T10:30:00+02:00", "2024-02-30T10:30:00Z"),
    ("MissingElement", "atom", "<id>https://news.example/1</id>", ""),
    ("DuplicateId", "atom", "urn:uuid:00000000-0000-4000-8000-000000000002", "https://news.example/1"),
    ("InvalidTextType", "atom", "<summary>", '<summary type="text/plain">'),
    ("ContainsHTML", "atom", "Five and six", "Five &lt;b>and&lt;/b> six"),
    ("ContainsHTML", "atom", '<title type="html">AT&amp;amp;T', '<title type="html">&lt;b>AT&lt;/b>'),
    ("NotBlank", "atom", "Five and six", ""),
    ("InvalidMIMEType", "atom", '<content type="html">', '<content type="CDATA">'),
    ("ContainsHTML", "atom", '<content type="html">', "<content>"),
    ("MissingContentOrAlternate", "atom", '<link href="https://news.example/2"/>', ""),
    ("MissingTextualContent", "atom", "<summary>Two</summary>", ""),
    ("MissingAuthor", "atom", "<author><name>Bob</name></author>", ""),
    ("MissingElement", "atom", "<name>Bob</name>", "<email>bob@x.example</email>"),
    ("InvalidAddrSpec", "atom", "ann@news.example", "ann at news"),
    ("InvalidIRI", "atom", "https://ann.example/é", "ann.example/é"),
    ("MissingHref", "atom", '<link href="https://news.example/é" ', "<link "),
    ("InvalidIRI", "atom", "https://news.example/é", "https://news.example/a b"),
    ("InvalidIRI", "atom", "https://news.example/é", "/é"),
    ("SecurityRiskURL", "atom", "https://news.example/é", "javascript:x"),
    ("UnregisteredAtomLinkRel", "atom", 'rel="enclosure"', 'rel="file"'),
    ("FeedHistoryRelInEntry", "atom", 'rel="enclosure"', 'rel="next"'),
    ("InvalidMIMEType", "atom", '"audio/mpeg"', '"mp3"'),
    ("InvalidLength", "atom", 'length="123"', 'length="1 KB"'),
    ("AttrNotBlank", "atom", 'title="One"', 'title=""'),
    (
        "AtomLinkNotEmpty",
        "atom",
        '<link href="https://news.example/2"/>',
        '<link href="https://news.example/2">x</link>',
    ),
    ("MissingAttribute", "atom", 'term="tech" label', 'term="" label'),
    ("InvalidIRI", "atom", 'scheme="https://planet.example/"', 'scheme="planet"'),
    ("AttrNotBlank", "atom", 'label="Tech"', 'label=" "'),
    ("DuplicateCategory", "atom", ' scheme="https://planet.example/"', ""),
    ("DuplicateElement", "atom", "<source>", "<source/><source>"),
    ("MissingSourceElement", "atom", "<id>https://news.example/</id>", ""),
    ("MissingSourceElement", "atom", "<title>News</title>", ""),
    (
        "MissingSourceElement",
        "atom",
        "<title>Other</title>\n<updated>2024-05-15T08:30:00Z</updated>",
        "<title>Other</title>",
    ),
    ("InvalidIRI", "atom", "https://news.example/icon.png", "/icon.png"),
]


def names(document: str, kind: str) -> set[str]:
    """The names of what is found."""
    return {found.partition(":")[0] for found in check(document.encode(), kind, LOCATION[kind])}


@pytest.mark.parametrize("kind", GOOD)
def test_nothing_is_found_in_a_good_document(kind: str) -> None:
    assert check(GOOD[kind].encode(), kind, LOCATION[kind]) == []
    assert check(GOOD[kind].encode(), kind) == []


@pytest.mark.parametrize(("name", "kind", "good", "bad"), PLANTS)
def test_a_planted_defect_is_found(name: str, kind: str, good: str, bad: str) -> None:
    assert good in GOOD[kind]
    assert name in names(GOOD[kind].replace(good, bad, 1), kind)


def test_a_finding_says_what_and_where() -> None:
    found = check(RSS.replace("<ttl>60", "<ttl>soon").encode(), "rss")
    assert found == ["InvalidPositiveInteger: <ttl> in line 14 'soon'"]


def test_every_rule_has_a_plant() -> None:
    """The names in the checker's source are those that are planted, so that no rule can be added without its defect."""
    sources = inspect.getsource(conformance) + inspect.getsource(conformance_values)
    named = set(re.findall(r'"([A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+)(?=[":])', sources))
    assert named == {name for name, *_ in PLANTS}
