"""The planet of the README's pictures: entries in several languages, with pictures that are drawn here."""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aggregator.formats import html
from aggregator.model import Channel, Entry, Image, Link, Overview, Person, Tag
from tests import build
from tests.test_pages import BASE, channel

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES = "https://pictures.example/"
DRAWN = {
    "evening": ("#1f2d55", "#c96f40", "#fbd07c", (123, 38, 22)),
    "meadow": ("#2f6653", "#a5c98d", "#f1efdc", (123, 38, 35)),
    "dusk": ("#4b2146", "#c9838a", "#fde6d8", (123, 40, 20)),
}
"""By name: the colours above and below, that of the sun, and where it is: its middle and how large it is."""

TREE = (
    build.category(),
    build.category("Technology"),
    build.category("Technology", "Python"),
    build.category("Technology", "Web standards"),
    build.category("Technology", "Web standards", "Feeds & formats"),
    build.category("Technology", "C++"),
    build.category("Science"),
    build.category("新媒体"),
    build.category("新媒体", "数码（示例）"),
    build.category("World"),
    build.category("World", "العربية"),
    build.category("Podcasts"),
)


def drawn(name: str) -> str:
    """A picture, as SVG."""
    above, below, sun, (x, y, size) = DRAWN[name]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 176 110"><linearGradient id="sky" x2="1" y2="1">'
        f'<stop stop-color="{above}"/><stop offset="1" stop-color="{below}"/></linearGradient>'
        f'<path fill="url(#sky)" d="M0 0h176v110H0z"/><circle cx="{x}" cy="{y}" r="{size}" fill="{sun}"/></svg>'
    )


def shoot(page: "Page", folder: Path, name: str) -> None:
    """Take a picture of a page, into a folder or that of AGGREGATOR_SHOTS: docs/screenshots/, to renew those there."""
    made = page.screenshot(path=Path(os.environ.get("AGGREGATOR_SHOTS", folder)) / f"{name}.png")
    assert len(made) > 10_000, "an empty page is smaller"


def documents() -> Mapping[str, bytes]:
    """The pages of everything, by their names."""
    entries = (
        _entry(
            *(1, 14, "Feeds, quietly", "Ann Smith", "How to ask for a feed without annoying anybody", "evening"),
            "Most requests that feed readers send need not have been sent. What conditional requests, Cache-Control and"
            " Retry-After are for, with numbers from a year of logs of a small server.",
            categories=TREE[4:5],
            also_in=(
                Link("https://harbour.example/1", "related", title="Link Harbour"),
                Link("https://patch.example/1", "related", title="Nightly Patch"),
            ),
            content="<p>" + "A server has a bad day now and then. " * 40 + "</p>",
            tags=("HTTP", "caching", "RFC 9110"),
        ),
        _entry(
            *(2, 14, "数码笔记", "张三", "为什么旧相机的照片看起来更有温度？", "meadow"),
            "传感器更小、像素更少，颜色却更讨人喜欢。我们用三台十五年前的相机，重新拍了一遍同一条街。",
            categories=TREE[8:9],
            language="zh",
            tags=("摄影", "旧物"),
        ),
        _entry(
            *(
                3,
                13,
                "أخبار العالم",
                "ليلى حسن",
                "علماء يكتشفون نوعًا جديدًا من الكائنات البحرية في أعماق المحيط",
                "dusk",
            ),
            "أعلن فريق من الباحثين اليوم عن اكتشاف نوع جديد من الكائنات البحرية التي تعيش في أعماق المحيط.",
            categories=TREE[10:11],
            language="ar",
        ),
    )
    return html.documents(_everything(*entries))


def _everything(*entries: Entry) -> Channel:
    overview = Overview("Planet Example", BASE, "en", "", build.DAY, TREE, ())
    made = channel(*entries, number=0, overview=overview)
    urls = {name: BASE + file for name, file in (("html", "index.html"), ("rss", "rss.xml"), ("atom", "atom.xml"))}
    return replace(made, category=TREE[0], urls=urls)


def _entry(
    number: int, day: int, feed: str, author: str, title: str, picture: str, summary: str, **fields: Any
) -> Entry:
    item = build.item(
        number,
        title=title,
        summary=summary,
        content=fields.pop("content", ""),
        authors=(Person(author),),
        language=fields.pop("language", ""),
        image=Image(f"{PICTURES}{picture}.svg"),
        tags=tuple(map(Tag, fields.pop("tags", ()))),
    )
    seen = datetime(2026, 3, day, 9, tzinfo=UTC)
    return build.entry(number, item, feed=build.feed(title=feed), published=seen, updated=seen, **fields)
