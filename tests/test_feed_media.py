"""The files, pictures and podcast elements of an item."""

import pytest

from aggregator.model import Enclosure, Image, Link, Podcast
from tests.test_feed_xmlfeed import of_atom, of_rdf, of_rss


@pytest.mark.parametrize(
    ("inside", "image", "files"),
    [
        ("<enclosure url='/a.mp3' length='9' type='audio/mpeg'/><itunes:duration>1:02</itunes:duration>", "", [("a.mp3", "audio/mpeg", 9, 62.0)]),
        ("<enclosure url='/a.mp3' length='' type='mp3'/>", "", [("a.mp3", "", None, None)]),
        (
            "<enclosure url='/a.mp4' type='video/mp4'/><media:content url='/a.mp4' fileSize='7' duration='60'/>",
            "",
            [("a.mp4", "video/mp4", 7, 60.0)],
        ),
        ("<media:thumbnail url='/s.jpg' width='75'/><media:thumbnail url='/l.jpg' width='750'/>", "l.jpg", []),
        ("<media:content url='/p.jpg' medium='image' width='5'/>", "p.jpg", []),
        ("<media:content url='/p.jpg?w=1' type='image/jpeg'/><media:content url='/p.jpg?w=2' width='9'/>", "p.jpg?w=2", []),
        (
            "<media:group><media:content url='/p.jpg' type='image/jpeg'/><media:content url='/q.jpg'/></media:group>",
            "p.jpg",
            [("p.jpg", "image/jpeg", None, None), ("q.jpg", "", None, None)],
        ),
        ("<enclosure url='/p.jpg' type='image/jpeg'/>", "p.jpg", [("p.jpg", "image/jpeg", None, None)]),
        ("<itunes:image href='/i.jpg'/>", "i.jpg", []),
        ("<image><url>/u.jpg</url></image>", "u.jpg", []),
        ("<image>/u.jpg</image>", "u.jpg", []),
        ("<media:thumbnail url='/undefined'/><description>&lt;img src='/d.jpg'&gt;</description>", "d.jpg", []),
        ("<enclosure url='file:///x' type='a/b'/><enclosure/>", "", []),
    ],
)  # fmt: skip
def test_files_and_the_picture(inside: str, image: str, files: list[tuple[str, str, int | None, float | None]]) -> None:
    item = of_rss(inside)
    site = "https://site.example/"
    assert (item.image.url if item.image else "") == (site + image if image else "")
    assert [(file.url.removeprefix(site), file.type, file.length, file.duration) for file in item.enclosures] == files


def test_files_of_atom_and_rdf() -> None:
    atom = of_atom("<link rel='enclosure' href='/a.ogg' length='5' type='audio/ogg' title='A'/>")
    assert atom.enclosures == (Enclosure("https://site.example/a.ogg", "audio/ogg", 5, title="A"),)
    picture = '<e:enclosure xmlns:e="http://purl.oclc.org/net/rss_2.0/enc#" resource="/a.png" type="image/png"/>'
    assert of_rdf(picture.replace("e:", "enc:").replace(":e=", ":enc=")).image == Image("https://site.example/a.png")


def test_titles_of_files() -> None:
    item = of_rss(
        "<title>The item</title><enclosure url='/a.mp3' length='1' type='audio/mpeg'/><media:group>"
        "<media:content url='/a.mp3'><media:title>A &amp;amp; b</media:title></media:content>"
        "<media:content url='/b.mp4' type='video/mp4'/></media:group>"
        "<media:content url='/c.mp4' type='video/mp4'><media:title>C</media:title></media:content>"
    )
    assert (item.title, [file.title for file in item.enclosures]) == ("The item", ["A & b", "", "C"])


def test_podcasts() -> None:
    item = of_rss(
        "<enclosure url='/a.mp3' type='audio/mpeg'/><itunes:duration>01:00:01</itunes:duration><itunes:season>2</itunes:season>"
        "<podcast:episode>3.0</podcast:episode><itunes:episodeType>Bonus</itunes:episodeType><itunes:explicit>no</itunes:explicit>"
        "<itunes:subtitle>&lt;p&gt;A &amp;amp; &amp;lt;sweet&amp;gt;&lt;/p&gt;</itunes:subtitle><podcast:chapters url='/c.json' type='application/json+chapters'/>"
        "<podcast:transcript url='/t.vtt' type='text/vtt' language='en_us'/><podcast:transcript url='/t.srt'/>"
    )
    site = "https://site.example/"
    assert item.podcast == Podcast(
        duration=3601,
        season=2,
        episode=3,
        episode_type="bonus",
        explicit=False,
        subtitle="A & <sweet>",
        transcripts=(
            Link(site + "t.vtt", "transcript", "text/vtt", "", "en-US"),
            Link(site + "t.srt", "transcript"),
        ),
        chapters=Link(site + "c.json", "chapters", "application/json+chapters"),
    )
    assert of_rss("<itunes:author>A</itunes:author><itunes:summary>x</itunes:summary>").podcast is None
