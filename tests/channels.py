"""Channels that every format is tried on, by what is odd about them."""

from datetime import timedelta
from typing import Any

from aggregator.model import Enclosure, Entry, Feed, Image, Item, Link, Person, Podcast, Tag
from tests import build
from tests.strategies import HOSTILE


def of(**item: Any) -> Entry:
    """An entry whose item has no more than these fields."""
    return build.entry(1, Item(**item))


AUDIO = Enclosure("https://news.example/1.mp3", "audio/mpeg", 5)
CHANNELS = {
    "rich": build.rich_channel(),
    "empty": build.channel(),
    "nothing said": build.channel(of(), site="", site_url="", language="Klingon!", ttl=0, category=build.category()),
    "hostile": build.channel(
        of(
            title=HOSTILE,
            summary=HOSTILE,
            rights=HOSTILE,
            url="javascript:x",
            language=HOSTILE,
            authors=(Person(HOSTILE),),
            tags=(Tag(HOSTILE, HOSTILE, HOSTILE),),
            links=(Link(HOSTILE, HOSTILE), Link("https://x.example/", HOSTILE)),
            enclosures=(
                Enclosure(HOSTILE),
                Enclosure("https://x.example/<\ud800>", HOSTILE, -1, float("nan"), HOSTILE, HOSTILE),
            ),
            image=Image("data:image/png,x"),
            podcast=Podcast(-1, 0, 10**5000, HOSTILE, None, HOSTILE, (Link(HOSTILE, ""),)),
        ),
        site=HOSTILE,
        category=build.category(HOSTILE, description=HOSTILE),
    ),
    "scripts": build.channel(
        of(title="快科技：新媒体", content="<p>最新新闻。</p>", language="zh_CN"),
        build.entry(2, build.item(2, title="مرحبا بالعالم", summary="نص قصير", language="ar")),
        build.entry(3, build.item(3, title="👩‍👩‍👧 🏳️‍🌈", content="<p>👍</p>")),
        category=build.category("新媒体", "快科技"),
        page="https://planet.example/新媒体/",
        urls={"rss": "https://planet.example/%E6%96%B0/rss.xml", "atom": "https://planet.example/%E6%96%B0/atom.xml"},
    ),
    "one enclosure": build.channel(of(title="x", enclosures=(AUDIO,))),
    "one with a duration": build.channel(
        of(title="x", enclosures=(Enclosure("https://x.example/a.mp3", duration=9.0),))
    ),
    "only a picture": build.channel(of(url="https://x.example/", content='<img src="https://x.example/1.png">')),
    "only a summary": build.channel(of(summary="A note.")),
    "a source of its own": build.channel(build.entry(1, build.item(feed=Feed(title="Origin", id="urn:x-origin:1")))),
    "a nameless source": build.channel(build.entry(1, build.item(feed=Feed()), feed=Feed())),
    "300 categories": build.channel(of(title="x", tags=tuple(Tag(f"tag {number}") for number in range(300)))),
    "huge": build.channel(of(title="x" * 100_000, content="<p>" + "y" * 2_000_000 + "</p>", summary="z" * 100_000)),
    "one second": build.channel(*(build.entry(number) for number in range(50))),
    "a clock's dates": build.channel(build.entry(updated=build.DAY + timedelta(microseconds=5))),
}
