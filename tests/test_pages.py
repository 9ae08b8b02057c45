"""The web pages: what is on them, that they are safe whatever is in the feeds, and that they lead to each other."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any
from urllib.parse import quote, unquote, urljoin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from lxml import html as lxml_html

from aggregator import html as cleaner
from aggregator.errors import AggregatorError
from aggregator.formats import days, html, posts
from aggregator.model import Channel, Enclosure, Entry, Image, Item, Link, Overview, Person, Subscription, Tag
from tests import build
from tests.strategies import FEEDS, HOSTILE, ITEMS, LINKS, WORDS

BASE = "https://planet.example/feeds/"
TREE = (
    build.category(),
    build.category("Tech"),
    build.category("Tech", "Web"),
    build.category("Tech", "Web", "Feeds & formats", folder="tech/web/feeds"),
    build.category("新媒体"),
)
SOURCES = (
    Subscription("Works", "https://a.example/feed", "https://a.example/", TREE[:3], state="ok", entries=7),
    Subscription("Broken", state="failing", since=build.DAY, newest=build.DAY, error="timeout: no answer"),
    Subscription("Over", state="gone"),
    Subscription("Fresh", state="new"),
)
OVERVIEW = Overview("Planet", BASE, "en", "Ann", build.DAY, TREE, SOURCES)


def channel(*entries: Entry, number: int = 1, **given: Any) -> Channel:
    """The channel of one of the categories, with its addresses as they are published."""
    category = TREE[number]
    page = BASE + (quote(category.folder) + "/" if category.folder else "")
    urls = {name: page + file for name, file in (("html", "index.html"), ("rss", "rss.xml"), ("atom", "atom.xml"))}
    fields = {"category": category, "page": page, "urls": urls, "overview": OVERVIEW, **given}
    return build.channel(*entries, **fields)


def tree_of(page: bytes) -> etree._Element:
    return lxml_html.document_fromstring(page, lxml_html.HTMLParser(encoding="utf-8"))


def shown(*entries: Entry, **given: Any) -> etree._Element:
    return tree_of(html.render(channel(*entries, **given)))


def articles(page: etree._Element) -> list[etree._Element]:
    return list(page.iter("article"))


def found(page: etree._Element, path: str) -> list[str]:
    """What an XPath finds, as text on one line."""
    some: Any = page.xpath(path)
    return [" ".join((one if isinstance(one, str) else "".join(one.itertext())).split()) for one in some]


class Balance(HTMLParser):
    """Finds tags that are not closed, or closed wrongly."""

    VOID = ("br", "hr", "img", "link", "meta", "source", "track", "wbr", "col")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


# --- Content --------------------------------------------------------------------------------------------------------


def test_an_entry_with_everything() -> None:
    page = shown(*build.rich_channel().entries)
    article = articles(page)[0]
    assert article.get("lang") == "de-DE"
    assert article.get("dir") is None
    assert found(article, "header//a[@class='source']") == ["Example News"]
    assert found(article, "header/p/*[not(@class)]") == ["Ann Smith", "bob", "张三", "May 17, 2024"]
    assert found(article, "header//time/@datetime") == ["2024-05-17T08:30:00Z"]
    assert found(article, "h2|header/h2") == ["AT&T <b>bold</b>, 5 > 4 & ☃"]
    assert found(article, "header/h2/a/@href") == ["https://news.example/1"]
    assert found(article, "img/@*") == ["picture", "https://news.example/1.jpg", "", "lazy", "640", "480"]
    assert found(article, "div[@class='content']/p") == ["One link, 5 < 6."]
    assert found(article, "figure/audio/@preload | figure/video/@preload") == ["none", "none"]
    assert found(article, "figure/figcaption") == ["Part & one · 1:01 · 1 kB", "1.mp4", "1.bin"]
    assert found(article, "footer//li") == ["AI & ML", "AI", "Machine & learning"]
    assert found(article, "footer/p/a/@href") == ["https://news.example/1/comments"]


def test_also_in() -> None:
    copies = (Link("https://b.example/1", "related", title="B & Co"), Link("javascript:x", "related", title="C"))
    page = shown(build.entry(also_in=copies))
    assert found(page, "//article/footer/p") == ["Also in B & Co"]


@pytest.mark.parametrize(
    ("content", "summary", "folded"),
    [
        ("<p>Short.</p>", "", False),
        ("<p>Short.</p>", "A summary of its own.", False),
        ("<p>" + "Long. " * 200 + "</p>", "", True),
        ('<p>Pictures</p><img src="https://x.example/1.png"><img src="https://x.example/2.png">', "", True),
        ("", "A summary alone.", None),
        ("", "", None),
    ],
)
def test_long_content_is_folded_away(content: str, summary: str, folded: bool | None) -> None:
    page = shown(build.entry(1, build.item(content=content, summary=summary)))
    assert len(found(page, "//details/div[@class='content']")) == (folded is True)
    assert len(found(page, "//article/div[@class='content']")) == (folded is False)
    assert len(found(page, "//article/p[@dir]")) == bool(folded or (summary and not content))


def test_content_fits_into_the_page() -> None:
    content = "<h1>A</h1><h2>B</h2><h4>C</h4><main>D</main><nav>E</nav><img src='https://x.example/<h1>.png' title='<img <h1>'>"
    page = shown(build.entry(1, build.item(content=cleaner.clean(content))))
    assert [each.tag for each in page.iter("h1", "h2", "h3", "h4", "main", "nav")] == [
        *("nav", "main", "nav", "h1", "h2", "h3", "h3", "h4", "nav", "h2")
    ]
    assert found(page, "//article//img/@loading") == ["lazy"]


@pytest.mark.parametrize(
    ("zone", "published", "day"),
    [
        ("UTC", datetime(2024, 5, 16, 23, 30, tzinfo=UTC), "2024-05-16"),
        ("Asia/Shanghai", datetime(2024, 5, 16, 16, tzinfo=UTC), "2024-05-17"),
        ("America/New_York", datetime(2024, 5, 17, 3, tzinfo=UTC), "2024-05-16"),
        ("Asia/Shanghai", datetime(9999, 12, 31, 16, tzinfo=UTC), "9999-12-31"),
    ],
)
def test_days(zone: str, published: datetime, day: str) -> None:
    entry = replace(build.entry(1, build.item(published=published), published=published), zone=zone)
    assert posts.post(entry).day == day


@pytest.mark.parametrize(
    ("file", "element", "name", "facts"),
    [
        (Enclosure("https://x.example/a%20b.mp3", "", 48_200_000, 3725), "audio", "a b.mp3", "1:02:05 · 48.2 MB"),
        (Enclosure("https://x.example/", "video/mp4", 12, 59.6), "video", "x.example", "1:00 · 1 kB"),
        (Enclosure("https://x.example/x", medium="audio"), "audio", "x", ""),
        (Enclosure("https://x.example/x.pdf", title="Paper"), "", "Paper", ""),
    ],
)
def test_files(file: Enclosure, element: str, name: str, facts: str) -> None:
    (seen,) = posts.post(build.entry(1, build.item(enclosures=(file,)))).files
    assert (seen.element, seen.name, seen.facts) == (element, name, facts)


@pytest.mark.parametrize(
    ("language", "direction"),
    [
        ("ar", "rtl"),
        ("fa-IR", "rtl"),
        ("he", "rtl"),
        ("ur", "rtl"),
        ("en", "ltr"),
        ("zh-Hant-TW", "ltr"),
        ("", "ltr"),
        ("az-Arab", "rtl"),
        ("pa-Arab-PK", "rtl"),
        ("ur-Latn", "ltr"),
        ("AR", "rtl"),
    ],
)
def test_direction(language: str, direction: str) -> None:
    assert posts.direction(language) == direction


@pytest.mark.parametrize(
    ("site", "entry", "attributes"),
    [
        ("en", "en", {}),
        ("en", "", {}),
        ("en", "ar", {"lang": "ar", "dir": "rtl"}),
        ("ar", "ar", {}),
        ("ar", "de", {"lang": "de", "dir": "ltr"}),
        ("zh-CN", "zh-TW", {"lang": "zh-TW"}),
    ],
)
def test_language_of_an_entry(site: str, entry: str, attributes: dict[str, str]) -> None:
    page = shown(build.entry(1, build.item(language=entry)), language=site)
    assert {str(name): value for name, value in articles(page)[0].attrib.items()} == attributes
    assert (page.get("lang"), page.get("dir")) == (site, "rtl" if site == "ar" else "ltr")


@pytest.mark.parametrize(
    ("language", "empty", "day"),
    [
        ("en", "Nothing here yet.", "May 17, 2024"),
        ("en-GB", "Nothing here yet.", "17 May 2024"),
        ("de-AT", "Hier ist noch nichts.", "17. Mai 2024"),
        ("ja", "まだ何もありません。", "2024年5月17日"),
        ("zh-CN", "这里还没有内容。", "2024年5月17日"),
        ("zh-Hans-CN", "这里还没有内容。", "2024年5月17日"),
        ("sv", "Nothing here yet.", "17 maj 2024"),
        ("tlh", "Nothing here yet.", "May 17, 2024"),
        ("en-x-pirate", "Nothing here yet.", "May 17, 2024"),
    ],
)
def test_our_own_words_and_days(language: str, empty: str, day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "fr")  # the site's language counts, not that of who runs this
    page = shown(language=language, updated=build.DAY)
    assert found(page, "//main/p[last()]") == [empty]
    assert found(page, "//footer//time") == [day]
    assert found(page, "//footer//time/@datetime") == ["2024-05-17T08:30:00Z"]


def test_states_in_words() -> None:
    page = tree_of(html.documents(channel(number=0, language="zh"))["sources.html"])
    assert found(page, "//span[contains(@class, 'state')]") == ["正常", "故障", "已消失", "新加入"]


@given(st.from_regex(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}", fullmatch=True), st.dates())
@settings(max_examples=100)
def test_a_day_in_any_language(language: str, moment: date) -> None:
    assert days.day(moment, language)


# --- Ways -----------------------------------------------------------------------------------------------------------

SEGMENTS = st.lists(st.sampled_from(["a", "b", "%E6%96%B0", "c:d", "x.xml"]), max_size=4).map("/".join)


@given(SEGMENTS, SEGMENTS, st.sampled_from(["", "/"]))
@settings(max_examples=200)
def test_relative_leads_there(target: str, here: str, end: str) -> None:
    url = f"https://x.example/{target}{end if target else ''}"
    page = f"https://x.example/{here}"
    assert urljoin(page, html.relative(url, page)) == url


def test_relative_to_elsewhere() -> None:
    assert html.relative("https://y.example/a", "https://x.example/a") == "https://y.example/a"


def planet() -> dict[str, bytes]:
    """All pages of a planet, by their paths; everything has an archive page."""
    made: dict[str, bytes] = {}
    archive = BASE + "archive/1/index.html"
    for number, category in enumerate(TREE):
        before = {"html": archive, "rss": BASE + "archive/1/rss.xml"} if not number else {}
        documents = html.documents(channel(build.entry(categories=TREE[1:3]), number=number, previous=before))
        made |= {f"{category.folder}/{name}".lstrip("/"): data for name, data in documents.items()}
    now = {"html": BASE + "index.html", "atom": BASE + "atom.xml"}
    old = channel(build.entry(2), number=0, archive=1, urls={"html": archive}, next=now, current=now)
    return made | {"archive/1/index.html": html.render(old)}


def test_every_way_leads_somewhere() -> None:
    pages = planet()
    assert set(pages) == {
        *("index.html", "sources.html", "style.css", "feed.css", "favicon.svg", "archive/1/index.html"),
        *(f"{category.folder}/index.html" for category in TREE[1:]),
    }
    for name, data in pages.items():
        if name.endswith(".html"):
            hrefs = [one for one in found(tree_of(data), "//@href") if not one.startswith("https://")]
            assert hrefs
            for href in hrefs:
                path = unquote(urljoin(BASE + quote(name), href)).removeprefix(BASE).partition("#")[0]
                assert path in pages or path.endswith(("rss.xml", "atom.xml")), (name, href)


def test_ways_of_the_archive() -> None:
    pages = planet()
    assert found(tree_of(pages["index.html"]), "//nav[@class='way']/a/@href") == ["archive/1/index.html"]
    old = tree_of(pages["archive/1/index.html"])
    assert found(old, "//nav[@class='way']/a") == ["Newer", "Newest"]
    assert found(old, "//h1") == ["Everything Archive 1"]
    assert found(old, "//link[@rel='alternate']/@href") == ["../../atom.xml"]
    assert found(old, "//link[@rel='canonical']/@href") == [BASE + "archive/1/index.html"]


def test_head_and_path() -> None:
    page = shown(build.entry(1, build.item(image=Image("https://x.example/1.png"))), number=3)
    assert found(page, "//link[@rel='alternate']/@href") == ["rss.xml", "atom.xml"]
    assert found(page, "//link[@rel='canonical']/@href") == [BASE + "tech/web/feeds/"]
    assert found(page, "//meta[@property='og:image']/@content") == ["https://x.example/1.png"]
    assert found(page, "//nav[@class='path']/a/@href") == ["../../../index.html", "../../index.html", "../index.html"]
    assert found(page, "//h1") == ["Feeds & formats"]
    assert found(page, "//*[@aria-current]") == ["Feeds & formats"]
    assert found(page, "//nav[@id='categories']//a") == ["Everything", "Tech", "Web", "Feeds & formats", "新媒体"]
    assert found(shown(number=4), "//nav[@id='categories']//a") == ["Everything", "Tech", "新媒体"]
    assert found(shown(number=1), "//ul[@class='below']/li/a/@href") == ["web/index.html"]


def test_sources() -> None:
    page = tree_of(html.documents(channel(number=0))["sources.html"])
    rows = found(page, "//tbody/tr")
    assert rows[0] == "Works Feed Tech Web Works 7"
    assert rows[1] == "Broken Failing since May 17, 2024 timeout: no answer May 17, 2024 0"
    assert [row.split()[-2] for row in rows[2:]] == ["Gone", "New"]
    assert found(page, "//*[@aria-current]") == ["Sources"]
    assert found(page, "//tbody/tr[1]/th/a/@href") == ["https://a.example/", "https://a.example/feed"]


# --- Safety ---------------------------------------------------------------------------------------------------------

PLANTED = """<script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)><a href="javascript:alert(1)">x</a>
<a href="https://x.example/" onclick="alert(1)" style="position:fixed">y</a><iframe srcdoc="<script>alert(1)</script>"></iframe>
<math><mtext></table><mglyph><style><img src onerror=alert(1)></style></math><form action="https://x.example/"><input></form>
<base href="https://x.example/"><meta http-equiv=refresh content="0;url=https://x.example/"></div></article></main>
<details open ontoggle=alert(1)><img title="<img src=x onerror=alert(1)>" src="https://x.example/1.png">"""
WICKED = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def wicked() -> Channel:
    """A channel in which everything that comes from outside wants to run."""
    script = "javascript:alert(1)"
    item = Item(
        title=WICKED,
        url=script,
        summary=WICKED,
        content=cleaner.clean(PLANTED, "https://x.example/"),
        authors=(Person(WICKED, uri=script),),
        tags=(Tag(WICKED),),
        language=WICKED,
        image=Image(script),
        enclosures=(Enclosure(script), Enclosure('https://x.example/"onerror=alert(1)', "audio/mpeg", title=WICKED)),
        links=(Link(script, "replies"),),
    )
    copies = (Link("https://x.example/'\"><script>", "related", title=WICKED), Link(script, "related", title=WICKED))
    entry = Entry(
        "urn:x", item, build.feed(title=WICKED, url=script, self_url=script), build.DAY, build.DAY, (), copies
    )
    named = build.category(WICKED, folder="wicked", description=WICKED)
    source = Subscription(WICKED, script, script, (named,), WICKED, WICKED, "failing", error=WICKED)
    overview = replace(OVERVIEW, title=WICKED, owner=WICKED, sources=(source,), categories=(*TREE, named))
    return channel(entry, number=0, site=WICKED, overview=overview)


def assert_harmless(page: bytes) -> None:
    """No element and no attribute can run, and no address leads where a browser runs something."""
    Balance().feed(page.decode())
    for element in tree_of(page).iter(etree.Element):
        assert element.tag not in ("script", "iframe", "object", "embed", "form", "base", "style", "svg", "math")
        for name, value in ((str(name), str(value)) for name, value in element.attrib.items()):
            assert not name.startswith("on") and name not in ("style", "srcdoc"), (element.tag, name)
            if name in ("href", "src", "poster") and ":" in value.partition("/")[0]:
                assert re.match("https?:|mailto:", value), value


def test_nothing_planted_is_left() -> None:
    for name, page in html.documents(wicked()).items():
        if name.endswith(".html"):
            assert_harmless(page)
            assert b"default-src 'none'" in page.partition(b"<title>")[0]


@given(
    st.lists(
        st.builds(build.entry, st.just(1), ITEMS, feed=FEEDS, also_in=st.lists(LINKS, max_size=2).map(tuple)),
        max_size=2,
    ),
    WORDS,
)
@settings(max_examples=60, deadline=None)
def test_any_entry_can_be_shown(entries: list[Entry], word: str) -> None:
    named = channel(*entries, site=word, overview=replace(OVERVIEW, title=word, owner=word))
    page = html.render(named)
    assert_harmless(page)
    assert len(articles(tree_of(page))) == len(entries)
    assert page == html.render(named)


def test_hostile_names() -> None:
    category = build.category(HOSTILE, folder="x", description=HOSTILE)
    page = html.render(channel(category=category, page=BASE + "x/", language=HOSTILE))
    assert_harmless(page)
    assert tree_of(page).get("lang") == "en"


# --- Templates of the owner -----------------------------------------------------------------------------------------


def themed(number: int = 0, **templates: str) -> Channel:
    named = {name.replace("_", "."): source for name, source in templates.items()}
    return channel(build.entry(), number=number, overview=replace(OVERVIEW, templates=named))


def test_templates_can_be_replaced() -> None:
    extended = '{% extends "ours/category.html" %}{% block footer %}<p>Mine, {{ site }} & {{ "<" }}</p>{% endblock %}'
    page = tree_of(html.render(themed(category_html=extended)))
    assert found(page, "//body/footer") == ["Mine, Planet & <"]
    assert found(page, "//article//h2") == ["Story 1"]
    page = tree_of(html.render(themed(entry_html="<article>{{ post.title }}</article>")))
    assert found(page, "//article") == ["Story 1"]
    assert html.documents(themed(style_css="a { color: red }"))["style.css"] == b"a { color: red }"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("a\n{% if %}", "templates/entry.html:2: TemplateSyntaxError: "),
        ("a\n{{ pots.title }}", "templates/entry.html:2: UndefinedError: 'pots' is undefined"),
        ("{{ post.title + 1 }}", "templates/entry.html:1: TypeError: "),
        ('{% include "no.html" %}', "templates/entry.html:1: TemplateNotFound: no.html"),
    ],
)
def test_a_mistake_in_a_template_is_one_line(source: str, told: str) -> None:
    with pytest.raises(AggregatorError) as error:
        html.render(themed(entry_html=source))
    assert str(error.value).startswith(told)
    assert "\n" not in str(error.value)


# --- Style ----------------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", ["style.css", "feed.css"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(name: str, scheme: str) -> None:
    """WCAG 2.2 §1.4.3: at least 4.5 for every colour of text on every colour below it."""
    css = (files("aggregator.formats") / "templates" / name).read_text(encoding="utf-8")
    light, dark, *_ = css.split("@media")
    assert dark.startswith(" (prefers-color-scheme: dark)")
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", light if scheme == "light" else dark))
    grounds = [colours.pop(ground) for ground in ("paper", "tint") if ground in colours]
    colours.pop("line")
    assert len(colours) >= 3
    for text, ground in ((text, ground) for text in colours for ground in grounds):
        dim, bright = sorted((luminance(colours[text]), luminance(ground)))
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, (text, ground)


def test_style_is_small_and_self_contained() -> None:
    css = html.documents(channel(number=0))["style.css"]
    assert len(css) < 8000
    assert not re.search(rb"@import|@font-face|url\(", css)


def test_only_everything_brings_the_common_documents() -> None:
    assert list(html.documents(channel(number=1))) == ["index.html"]
    assert list(html.documents(channel(number=0, archive=2))) == ["index.html"]


def test_every_document_names_us() -> None:
    """So that publishing knows its own documents from those of others."""
    assert all(b"aggregator" in data[:8192] for data in html.documents(channel(number=0)).values())


def test_dates_do_not_depend_on_the_run() -> None:
    later = channel(build.entry(), updated=build.DAY + timedelta(days=1))
    assert found(tree_of(html.render(later)), "//body/footer") == ["Ann · Updated May 18, 2024 · aggregator"]
