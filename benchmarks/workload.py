"""Feeds to measure with: many, of all sorts, the same for the same seed.

    python -m benchmarks.workload FOLDER --feeds 1000 --entries 20 --categories 10

Writes `www/0000.xml` ... (RSS, Atom and RDF in several scripts, about 2.5 KB an entry: HTML with pictures and links,
authors, tags, enclosures), `config/aggregator.toml`, `feeds.tsv` (URL and category of each), and for peers `urls`
(newsboat) and `sfeedrc`. Each feed has a host of its own, 127.1.0.1, 127.1.0.2 ..., as feeds have in the world.
"""

import argparse
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from xml.sax.saxutils import escape

NEWEST = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
ENTRY_BYTES = 1650  # of HTML; what stands around it is the rest
SCRIPTS = {  # tag of the language: first and last letter, length of words, what is between them
    "en": ("az", (2, 9), " "),
    "fr": ("aé", (2, 9), " "),
    "zh": ("一龥", (1, 4), ""),
    "ar": ("غي", (2, 8), " "),
    "ja": ("ぁん", (2, 6), ""),
    "ru": ("ая", (2, 10), " "),
    "hi": ("कह", (2, 7), " "),
}
KINDS = ("rss", "atom", "rss", "rss", "atom", "rss", "rdf", "rss", "atom", "rss")


@dataclass(frozen=True, slots=True)
class Workload:
    """What was made, and where."""

    folder: Path
    feeds: int
    entries: int
    categories: int
    port: int
    seed: int = 1

    def url(self, number: int) -> str:
        """The address of a feed."""
        return f"http://{IPv4Address('127.1.0.1') + number}:{self.port}/{number:04}.xml"

    def category(self, number: int) -> str:
        """The category of a feed. Kinds and scripts repeat every 10 and 7 feeds, so this goes by blocks."""
        return f"topic-{number * self.categories // self.feeds}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the three formats say in their own words."""

    link: str
    title: str
    html: str
    summary: str
    author: str
    tags: tuple[str, ...]
    date: datetime
    enclosure: str


def make(load: Workload) -> None:
    """Write all files."""
    www = load.folder / "www"
    www.mkdir(parents=True, exist_ok=True)
    for number in range(load.feeds):
        _write(load, number, 0)
    rows = [(load.url(number), load.category(number)) for number in range(load.feeds)]
    (load.folder / "feeds.tsv").write_text("".join(f"{url}\t{category}\n" for url, category in rows))
    (load.folder / "urls").write_text("".join(f'{url} "{category}"\n' for url, category in rows))
    calls = "".join(f'\tfeed "{category}.{n:04}" "{url}"\n' for n, (url, category) in enumerate(rows))
    (load.folder / "sfeedrc").write_text(f'sfeedpath="$PWD/sfeed"\nmaxjobs=16\nfeeds() {{\n{calls}}}\n')
    (load.folder / "config").mkdir(exist_ok=True)
    (load.folder / "config" / "aggregator.toml").write_text(config(rows))


def news(load: Workload, count: int, extra: int = 1) -> None:
    """Give `count` feeds, spread over all, `extra` entries that they did not have at first, newer than all others."""
    for part in range(count):
        _write(load, part * load.feeds // count, extra)


def _write(load: Workload, number: int, extra: int) -> None:
    """Replace a feed; its time says which state it has, so that validators differ, however quick this is."""
    path = load.folder / "www" / f"{number:04}.xml"
    part = path.with_suffix(".part")
    part.write_bytes(feed(number, load.entries, extra, load.seed))
    when = (NEWEST + timedelta(days=1, minutes=extra)).timestamp()
    os.utime(part, (when, when))
    part.replace(path)


def config(rows: list[tuple[str, str]]) -> str:
    """Our config: as it comes, but for hosts that are local and asked without pause."""
    head = """[site]
title = "Benchmark"
base_url = "https://planet.example/feeds/"
formats = ["rss", "atom"]

[fetch]
allow_networks = ["127.0.0.0/8"]
spacing = "0s"
interval = "1h"
jitter = 0.0
"""
    return head + "".join(f'\n[[source]]\nurl = "{url}"\ncategory = "{category}"\n' for url, category in rows)


def feed(number: int, entries: int, extra: int = 0, seed: int = 1) -> bytes:
    """A document: its `entries`, and before them `extra` that are new."""
    language = list(SCRIPTS)[number % len(SCRIPTS)]
    found = [entry(number, place, language, seed) for place in range(-extra, entries)]
    title = _words(_chance(seed, number, "title"), language, 3)
    render: dict[str, Callable[..., str]] = {"rss": _rss, "atom": _atom, "rdf": _rdf}
    return render[KINDS[number % len(KINDS)]](number, title, language, found).encode()


def entry(number: int, place: int, language: str, seed: int) -> Entry:
    """The entry at a place of a feed: from 0 down to the oldest, below 0 those that come later."""
    chance = _chance(seed, number, place)
    site = f"https://news{number}.example"
    link = f"{site}/{2026 - (place > 15)}/{chance.randrange(10**9)}/{number}-{place + 10}/"
    paragraphs: list[str] = []
    size = 0
    while size < ENTRY_BYTES:
        words = chance.choice(_sentences(language, seed))
        near, far = (
            f"{site}/about/{chance.randrange(999)}",
            f"https://other.example/{chance.randrange(10**6)}?a=1&amp;b=2",
        )
        shape = chance.randrange(6)
        if shape == 0:
            made = f'<p><img src="{site}/pictures/{chance.randrange(10**6)}.jpg" alt="{words[:40]}" width="640"></p>'
        elif shape == 1:
            made = f'<ul><li>{words}</li><li><a href="{far}">{words[:30]}</a></li></ul>'
        elif shape == 2:
            made = f'<h3 class="wp-heading" style="color: red">{words[:50]}</h3><blockquote>{words}</blockquote>'
        else:
            anchor = f'<a href="{near}" onclick="follow()">{words[:20]}</a>'
            made = f"<p>{words} {anchor}, <em>{words[-20:]}</em>.<br>{words}</p>"
        paragraphs.append(made)
        size += len(made.encode())
    return Entry(
        link=link,
        title=f"{_words(chance, language, 5)} {number}.{place + 10}",
        html="\n".join(paragraphs),
        summary=chance.choice(_sentences(language, seed)),
        author=_words(chance, language, 2),
        tags=tuple(_words(chance, language, 1) for _ in range(chance.randrange(4))),
        date=NEWEST - timedelta(hours=7 * place, minutes=chance.randrange(300), seconds=number % 60),
        enclosure=f"{site}/audio/{place + 10}.mp3" if chance.random() < 0.15 else "",
    )


def _chance(*what: object) -> random.Random:
    return random.Random(repr(what))  # noqa: S311 - nothing to guess


def _words(chance: random.Random, language: str, count: int) -> str:
    ends, lengths, between = SCRIPTS[language]
    letters = range(ord(ends[0]), ord(ends[1]) + 1) if language != "fr" else [*range(97, 123), 224, 231, 232, 233]
    return between.join("".join(map(chr, chance.choices(letters, k=chance.randint(*lengths)))) for _ in range(count))


@cache
def _sentences(language: str, seed: int) -> tuple[str, ...]:
    """Enough that no two entries are alike."""
    chance = _chance(seed, language)
    return tuple(_words(chance, language, chance.randint(8, 24)) for _ in range(2000))


# --- Formats --------------------------------------------------------------------------------------------------------

_SPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"'
)
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def _rss(number: int, title: str, language: str, entries: list[Entry]) -> str:
    """RSS 2.0, as WordPress writes it."""
    items = []
    for each in entries:
        tags = "".join(f"<category><![CDATA[{tag}]]></category>" for tag in each.tags)
        sound = f'<enclosure url="{each.enclosure}" length="123456" type="audio/mpeg"/>' if each.enclosure else ""
        items.append(
            f"<item><title>{escape(each.title)}</title><link>{each.link}</link>"
            f"<dc:creator><![CDATA[{each.author}]]></dc:creator><pubDate>{format_datetime(each.date)}</pubDate>{tags}"
            f'<guid isPermaLink="false">{each.link}?p</guid><description><![CDATA[{each.summary}]]></description>'
            f"<content:encoded><![CDATA[{each.html}]]></content:encoded>{sound}</item>\n"
        )
    return (
        f'{_HEAD}<rss version="2.0" {_SPACES}><channel><title>{escape(title)}</title>'
        f"<link>https://news{number}.example/</link><description>{escape(title)}</description>"
        f"<language>{language}</language><generator>WordPress</generator>\n{''.join(items)}</channel></rss>\n"
    )


def _atom(number: int, title: str, language: str, entries: list[Entry]) -> str:
    """Atom 1.0, with its HTML escaped."""
    items = []
    for each in entries:
        tags = "".join(f'<category term="{escape(tag)}"/>' for tag in each.tags)
        sound = f'<link rel="enclosure" href="{each.enclosure}" type="audio/mpeg"/>' if each.enclosure else ""
        date = each.date.isoformat()
        items.append(
            f'<entry><id>{each.link}</id><title type="text">{escape(each.title)}</title><link href="{each.link}"/>'
            f"<published>{date}</published><updated>{date}</updated><author><name>{escape(each.author)}</name></author>"
            f'{tags}{sound}<summary>{escape(each.summary)}</summary><content type="html">{escape(each.html)}</content>'
            "</entry>\n"
        )
    return (
        f'{_HEAD}<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{language}"><title>{escape(title)}</title>'
        f"<id>https://news{number}.example/</id><updated>{entries[0].date.isoformat()}</updated>"
        f'<link href="https://news{number}.example/"/>\n{"".join(items)}</feed>\n'
    )


def _rdf(number: int, title: str, language: str, entries: list[Entry]) -> str:
    """RSS 1.0."""
    names = "".join(f'<rdf:li rdf:resource="{each.link}"/>' for each in entries)
    items = "".join(
        f'<item rdf:about="{each.link}"><title>{escape(each.title)}</title><link>{each.link}</link>'
        f"<dc:creator>{escape(each.author)}</dc:creator><dc:date>{each.date.isoformat()}</dc:date>"
        f"<description>{escape(each.summary)}</description>"
        f"<content:encoded>{escape(each.html)}</content:encoded></item>\n"
        for each in entries
    )
    about = f"https://news{number}.example/"
    return (
        f'{_HEAD}<rdf:RDF xmlns="http://purl.org/rss/1.0/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
        f' {_SPACES}><channel rdf:about="{about}"><title>{escape(title)}</title><link>{about}</link>'
        f"<description>{escape(title)}</description><dc:language>{language}</dc:language>"
        f"<items><rdf:Seq>{names}</rdf:Seq></items></channel>\n{items}</rdf:RDF>\n"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--feeds", type=int, default=1000)
    parser.add_argument("--entries", type=int, default=20)
    parser.add_argument("--categories", type=int, default=10)
    parser.add_argument("--port", type=int, default=8099, help="of the server that will serve www/ (8099)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--news", type=int, default=0, metavar="N", help="give N of the feeds a new entry")
    asked = parser.parse_args()
    load = Workload(asked.folder, asked.feeds, asked.entries, asked.categories, asked.port, asked.seed)
    make(load)
    if asked.news:
        news(load, asked.news)


if __name__ == "__main__":
    main()
