"""Hypothesis strategies for values of the model: any Unicode, any URL, any number, any field missing."""

import html
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from aggregator.model import Channel, Enclosure, Entry, Feed, Image, Item, Link, Person, Podcast, Tag
from tests import build

HOSTILE = "\x00\x0b\ud800\ufffe</title><script>alert(1)</script>]]><!-- & &nbsp; &#x26; \u202e\ue000\ue001"

WORDS = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["", " ", "AT&T", "<b>x</b>", "]]>", HOSTILE, "&amp;", "日本"]
)
URLS = WORDS | st.sampled_from(
    [
        "https://x.example/a b|[c]?q=é#f",
        "http://例え.jp/路",
        "//x.example/",
        "/a",
        "http://[::1]:80/",
        "mailto:a@b.example",
        "http://",
    ]
)
COUNTS = st.none() | st.integers() | st.integers(1, 9)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=365 * 8000)).map(datetime(1990, 1, 1, tzinfo=UTC).__add__)
LINKS = st.builds(
    Link, URLS, st.sampled_from(["via", "replies", "license", "self", "next"]) | URLS, WORDS, WORDS, WORDS
)
COPIES = st.lists(st.builds(Link, URLS, st.just("related"), st.just(""), WORDS), max_size=2).map(tuple)
PEOPLE = st.lists(st.builds(Person, WORDS, WORDS | st.just("a@b.example"), URLS), max_size=2).map(tuple)
TAGS = st.lists(st.builds(Tag, WORDS, URLS, WORDS), max_size=3).map(tuple)
FEEDS = st.builds(
    Feed,
    id=URLS,
    title=WORDS,
    subtitle=WORDS,
    url=URLS,
    self_url=URLS,
    authors=PEOPLE,
    rights=WORDS,
    icon=URLS,
    logo=URLS,
    language=WORDS,
    updated=st.none() | MOMENTS,
    tags=TAGS,
    links=st.lists(LINKS, max_size=2).map(tuple),
)
FILES = st.builds(
    Enclosure, URLS, WORDS, COUNTS, st.none() | st.floats(), WORDS, WORDS | st.just("audio"), COUNTS, COUNTS
)
EPISODES = st.builds(
    Podcast,
    duration=COUNTS,
    season=COUNTS,
    episode=COUNTS,
    episode_type=WORDS | st.just("bonus"),
    explicit=st.none() | st.booleans(),
    subtitle=WORDS,
    transcripts=st.lists(LINKS, max_size=2).map(tuple),
    chapters=st.none() | LINKS,
)
ITEMS = st.builds(
    Item,
    url=URLS,
    title=WORDS,
    summary=WORDS,
    content=WORDS.map(html.escape) | st.just('<p><img src="https://x.example/1.png"></p>'),  # clean HTML, by contract
    authors=PEOPLE,
    tags=TAGS,
    language=WORDS | st.sampled_from(["en_GB", "zh-Hans"]),
    rights=WORDS,
    image=st.none() | st.builds(Image, URLS, COUNTS, COUNTS),
    enclosures=st.lists(FILES, max_size=3).map(tuple),
    links=st.lists(LINKS, max_size=3).map(tuple),
    podcast=st.none() | EPISODES,
    feed=st.none() | FEEDS,
)


@st.composite
def channels(draw: st.DrawFn, urls: Mapping[str, str]) -> Channel:
    """Channels at these URLs: any entries, newest first; current ones and archives, with hubs and a stylesheet."""
    word, other = draw(WORDS), draw(WORDS)
    drawn = draw(st.lists(st.tuples(ITEMS, FEEDS, MOMENTS, MOMENTS, COPIES), max_size=3))
    drawn.sort(key=lambda one: one[2], reverse=True)
    entries = [
        Entry(f"tag:x.example,2024:{number}", item, feed, published, updated, (build.category(word),), copies)
        for number, (item, feed, published, updated, copies) in enumerate(drawn)
    ]
    archive = draw(st.integers(0, 3))
    return build.channel(
        *entries,
        site=word,
        language=other,
        ttl=draw(st.integers(-1, 10**6)),
        category=build.category(word, description=other),
        urls={name: f"{url}?archive" for name, url in urls.items()} if archive else urls,
        hubs=tuple(draw(st.lists(URLS, max_size=2))),
        stylesheet=draw(URLS),
        archive=archive,
        current=urls if archive else {},
        previous={name: f"{url}?older" for name, url in urls.items()} if draw(st.booleans()) else {},
        next={name: f"{url}?newer" for name, url in urls.items()} if archive and draw(st.booleans()) else {},
    )
