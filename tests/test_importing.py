"""Lists of other programs: each kind is recognised and read, what is not taken over is told, hostile ones do no harm."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator import importing
from aggregator.errors import AggregatorError
from aggregator.importing import Found, Listed, read
from aggregator.values import MAX_LEVELS

FIXTURES = Path(__file__).parent / "fixtures" / "importing"


def brief(found: Found) -> list[tuple[Any, ...]]:
    """What each feed has, as far as it has it: address, title, categories as `a/b`, then the rest by name."""
    rest = ("language", "page", "description", "user_agent")
    return [
        (
            each.url,
            each.title,
            ["/".join(path) for path in each.categories],
            {name: getattr(each, name) for name in rest if getattr(each, name)}
            | ({} if each.enabled else {"enabled": False})
            | ({"login": each.login} if each.login else {}),
        )
        for each in found.feeds
    ]


def told(found: Found) -> list[str]:
    return [f"{each.where}: {each.what}: {each.why}" for each in found.lost]


LISTS: dict[str, tuple[str, list[tuple[Any, ...]], list[str]]] = {
    "freshrss.opml": (
        "opml",
        [
            (
                "https://forge.example/releases.atom",
                "Releases",
                ["Uncategorized"],
                {"page": "https://forge.example/", "description": "What is new & why"},
            ),
            ("https://quiet.example/feed", "Quiet", ["新媒体"], {"user_agent": "Mozilla/5.0 (me)"}),
            ("https://json.example/feed.json", "A JSON Feed", ["新媒体"], {}),
        ],
        [
            "line 12: Quiet: frss:priority is not taken over",
            "line 12: Quiet: frss:filtersActionRead is not taken over",
            "line 13: Scraped https://scraped.example/page.html: reads a page by XPath or JSON paths; a [[source]] of"
            ' kind = "page" may stand for it',
            "line 16: Friends https://friends.example/blogroll.opml: is a list that is read again and again; write a"
            " [[list]] with its address for that",
        ],
    ),
    "miniflux.opml": (
        "opml",
        [
            (
                "https://example.org/feed.xml",
                "Example",
                ["All"],
                {"page": "https://example.org/", "user_agent": "My reader"},
            ),
            ("https://asleep.example/rss", "Asleep", ["All"], {"page": "https://asleep.example/", "enabled": False}),
        ],
        [
            "line 9: Example: miniflux:crawler is not taken over",
            "line 10: Asleep: miniflux:blocklistRules is not taken over",
        ],
    ),
    "newsboat.opml": (
        "opml",
        [
            ("http://business.example/rss.xml?edition=int", "", ["tag one", "tag_two", "tag/three"], {}),
            ("https://firehose.example/", "Firehose", [], {}),
        ],
        [
            "line 8: Firehose: filtercmd is not taken over",
            "line 9: Birds |~/fetch_birds.py: its address is no http:// or https://",
        ],
    ),
    "old.opml": (
        "opml",
        [
            ("https://blogs.example.com/~john/posts.rss", "John's musings", ["Blogs"], {}),
            ("http://blogs.example.com/~mike/.rss", "Mike & Jane", ["Blogs/friends"], {"language": "en-US"}),
        ],
        [
            "line 11: A page https://page.example/: is of type link, a page; import or add it by itself",
            "line 12: More https://more.example/list.opml: is of type include, a list of its own; import or add it by"
            " itself",
            "line 13: Off https://off.example/: is commented out",
            "line 14: John again: is the feed of line 6, with another title",
        ],
    ),
    "newsboat-urls": (
        "urls",
        [
            ("https://blog.example/rss.xml?html", "", ["interesting", "news", "cool stuff"], {}),
            ("https://orf.example/news.xml", 'An "own" title', ["tech/python"], {}),
            ("https://hidden.example/feed", "", ["news"], {}),
            ("https://closed.example/feed.rss", "", [], {"login": "username:pass%40word"}),
        ],
        [
            "line 4: https://hidden.example/feed: is hidden there; here its entries are shown",
            r'line 5: "query:Unread Articles:unread = \"yes\"": is a query; a [[category]] with `of` and rules may'
            " stand for it",
            'line 6: exec:~/bin/make-a-feed.sh: runs a program; a [[source]] of kind = "command" may do that',
            "line 7: filter:~/bin/strip.sh:https://example.org/feed: is changed by a program; rules may do that, or a"
            ' [[source]] of kind = "command"',
            "line 9: file:///var/log/events.xml: its address is no http:// or https://",
        ],
    ),
    "list.txt": (
        "list",
        [("https://one.example/feed", "", [], {}), ("https://two.example/feed", "", [], {})],
        ["line 5: javascript:alert(1): is no address"],
    ),
    "sfeedrc": (
        "sfeedrc",
        [
            ("https://www.codemadness.example/atom.xml", "codemadness", [], {}),
            ("http://feeds.example/tweakers/mixed", "tweakers $1", [], {"page": "http://tweakers.example"}),
        ],
        [
            "line 2: maxjobs=8: is no plain line of a feed",
            "line 8: tweakers $1: its encoding is not taken over; it is found out with each visit",
            'line 9: feed "mine" "$HOME/feed.xml": is no plain line of a feed',
            'line 10: feed "two" https://two.example/feed; feed "three" "https://three.example/": is no plain line of a'
            " feed",
            'line 11: . "$HOME/.sfeed/more": is no plain line of a feed',
            "line 15: fetch(): is a function of the shell, which is not run",
        ],
    ),
    "sfeedrc-plain": (
        "sfeedrc",
        [
            ("https://video.example/feeds/videos.xml?channel_id=UCJn&a=1", "linuxtips", [], {}),
            ("https://suckless.example/atom.xml", "suckless", [], {}),
        ],
        [],
    ),
    "venus.ini": (
        "planet.ini",
        [
            ("http://www.janet.example/blog/index.rss", "Janet % Weiss", [], {"language": "de"}),
            ("http://brad.example/feed", "", [], {"language": "de"}),
        ],
        [
            "line 3: name = Planet Example: is for you to write: `title` in [site]",
            "line 4: link = http://planet.example/: is for you to write: `base_url` in [site]",
            "line 5: output_theme = classic_fancy: is about templates, which are not taken over; your own go into"
            " config/templates/",
            "line 6: items_per_page = 60: is for you to write: `items` in [site]",
            "line 7: filters = excerpt.py: filters is not taken over",
            "line 8: bill_of_materials =: is about templates, which are not taken over; your own go into"
            " config/templates/",
            "line 12: facewidth = 65: facewidth is not taken over",
            "line 15: [excerpt.py]: is no address of a feed; filters and templates are not taken over",
            "line 20: Janet % Weiss: janet.png: face is not taken over",
            "line 27: http://lists.example/top.opml: is a list of its own (opml); import it by itself, or write a"
            " [[list]]",
        ],
    ),
    "pluto.ini": (
        "planet.ini",
        [
            (
                "https://team.example/feed.xml",
                "The team: its blog",
                [],
                {"language": "pt", "page": "https://team.example/blog/"},
            )
        ],
        [
            "line 1: title = Planet Example: is for you to write: `title` in [site]",
            "line 8: The team: its blog: team.png: avatar is not taken over",
            "line 10: [nothing]: is no address of a feed; filters and templates are not taken over",
        ],
    ),
    "osmosfeed.yaml": (
        "osmosfeed",
        [("https://github.example/releases.atom", "", [], {}), ("https://css.example/feed/", "", [], {})],
        [
            "cacheUrl: https://me.example/feeds/cache.json: cacheUrl is not taken over",
            "source 2: https://css.example/feed/: weight is not taken over",
            "siteTitle: me::feed: is for you to write: `title` in [site]",
            "timezone: Europe/London: is for you to write: `timezone` in [site]",
        ],
    ),
    "osmosfeed-plain.yaml": (
        "osmosfeed",
        [
            ("https://blog.example/?format=rss", "", [], {}),
            ("https://video.example/feeds/videos.xml?channel_id=UCQ4", "", [], {}),
        ],
        [],
    ),
    "rsshub.yaml": (
        "rsshub",
        [
            ("rsshub://kkj/news", "快科技（原驱动之家）: 最新新闻", ["新媒体/快科技（原驱动之家）/最新新闻"], {}),
            ("rsshub://36kr/newsflashes", "", ["新媒体/36氪/36kr/newsflashes"], {}),
            ("rsshub://36kr/hot-list", "", ["新媒体/36氪/36kr/hot-list"], {}),
            ("rsshub://juejin/category/backend", "掘金: 分类", ["编程/掘金/分类"], {}),
            ("https://hub.example/own/route", "", ["编程/Own/https://hub.example/own/route"], {}),
        ],
        [
            "新媒体 / 快科技（原驱动之家） / 分类: /kkj/:category: has parameters; write what they stand for instead"
            " of them"
        ],
    ),
    "rsshub.txt": (
        "rsshub",
        [
            ("rsshub://juejin/category/backend", "掘金: 分类", ["编程/掘金/分类"], {}),
            ("rsshub://dockone/weekly", "", ["编程/Dockone/dockone/weekly"], {}),
        ],
        ["line 4: 编程 / Dockone: is not category / source / route"],
    ),
    "rsshub-headings.yml": (
        "rsshub",
        [
            ("rsshub://sspai/index", "少数派 sspai: 首页", ["新媒体/少数派 sspai/首页"], {}),
            ("rsshub://sspai/author/%E6%97%A9%E6%8A%A5", "少数派 sspai: 作者", ["新媒体/少数派 sspai/作者"], {}),
            ("rsshub://data/index", "", ["新媒体/数据/data/index"], {}),
            ("rsshub://bare", "", ["编程/bare"], {}),
        ],
        [
            "line 15: /data/:id: has parameters; write what they stand for instead of them",
            "line 18: nothing: is no route",
        ],
    ),
    "rsshub-own.yml": ("rsshub", [("rsshub://one", "One: 最新", ["自定义/One/最新"], {})], []),
    "rsshub-docs.md": (
        "rsshub",
        [
            ("rsshub://sspai/index", "少数派 sspai: 首页", ["📱 新媒体/少数派 sspai/首页"], {}),
            ("rsshub://sspai/tag/apple?a=1&b=2", "少数派 sspai: 标签", ["📱 新媒体/少数派 sspai/标签"], {}),
        ],
        [
            'line 23: <Route namespace="other" :data=\'{"path":"/topic/:id"}\' />: has no example',
        ],
    ),
    "rsshub-routes.json": (
        "rsshub",
        [("rsshub://36kr/hot-list", "36氪: 资讯热榜", ["new-media/36氪/资讯热榜"], {})],
        ["36kr/search/:word: : has no example, and parameters that only you can fill in"],
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_and_nothing_is_lost_unsaid(name: str) -> None:
    kind, feeds, lost = LISTS[name]
    found = read((FIXTURES / name).read_bytes(), name)
    assert (found.kind, found.broken) == (kind, "")
    assert brief(found) == feeds
    assert told(found) == lost


@pytest.mark.parametrize(
    ("text", "categories"),
    [
        ("## mine\n新媒体:\n  36氪: [/36kr/news]\n", ["新媒体/36氪/36kr/news"]),
        ("## mine\n新媒体:\n  36氪:\n   - /36kr/news\n", ["新媒体/36氪/36kr/news"]),
        ("x:\n## 36氪\n - /36kr/news\n", ["36氪/36kr/news"]),
        ("x:\n# 新媒体\n## 36氪\n### News\n - /36kr/news # daily\n", ["新媒体/36氪/News"]),
        ('{"a": {"b": {"c": "/x/\\ud800"}}}', ["a/b/c"]),
        ("## my feeds\nsources:\n - https://a.example/36kr/news\n", []),
    ],
)
def test_comments_are_headings_where_nothing_else_names_a_route(text: str, categories: list[str]) -> None:
    assert ["/".join(path) for each in read(text.encode(), "x").feeds for path in each.categories] == categories


@pytest.mark.parametrize(
    ("below", "feeds"),
    [
        ("/zhihu/hotlist", ["rsshub://zhihu/hotlist 新媒体/知乎/热榜"]),
        ("- /zhihu/hotlist", ["rsshub://zhihu/hotlist 新媒体/知乎/热榜"]),
        ("路由：`/zhihu/hotlist`", ["rsshub://zhihu/hotlist 新媒体/知乎/热榜"]),
        ("1. route: /zhihu/hotlist # daily", ["rsshub://zhihu/hotlist 新媒体/知乎/热榜"]),
        ("* https://rsshub.app/zhihu/hotlist", ["rsshub://zhihu/hotlist 新媒体/知乎/热榜"]),
        ("rsshub://zhihu/hotlist", ["rsshub://zhihu/hotlist 新媒体/知乎/热榜"]),
        (
            "## 36氪\n\n- /36kr/news\n- https://a.example/x",
            ["rsshub://36kr/news 新媒体/36氪/36kr/news", "https://a.example/x 新媒体/36氪"],
        ),
        ("- [日报](/zhihu/daily)", ["rsshub://zhihu/daily 新媒体/知乎/热榜"]),
        (
            "## 36氪\n- [快讯](/36kr/news)\n* [x](https://rsshub.app/x) # old\n- [Blog](https://a.example/x)",
            [
                "rsshub://36kr/news 新媒体/36氪/快讯",
                "rsshub://x 新媒体/36氪/x",
                "https://a.example/x 新媒体/36氪",
            ],
        ),
        ("# /zhihu/daily\n#/a/b\n```\n/a/c\n```", ["rsshub://a/c 新媒体/知乎/热榜"]),
    ],
)
def test_headings_of_markdown_are_levels_of_routes_and_addresses(below: str, feeds: list[str]) -> None:
    found = read(f"# 新媒体\n## 知乎\n### 热榜\n\n{below}\n".encode(), "x")
    assert (found.kind, told(found)) == ("rsshub", [])
    assert [f"{each.url} {'/'.join(*each.categories)}" for each in found.feeds] == feeds


@pytest.mark.parametrize(
    ("text", "feeds"),
    [
        ("# 新媒体\n- /zhihu/hotlist\n\n/a/b", [("", "新媒体/zhihu/hotlist"), ("", "新媒体/a/b")]),
        ("# 新媒体\n- [热榜](/zhihu/hotlist)\n# 编程\n- /a", [("热榜", "新媒体/热榜"), ("", "编程/a")]),
        ("# 新媒体\n- rsshub://zhihu/hotlist", [("", "新媒体/zhihu/hotlist")]),
        ("# 新媒体\n- [热榜](https://rsshub.app/zhihu/hotlist)", [("热榜", "新媒体/热榜")]),
        ("# 新媒体\n## 知乎\n- [热榜](/zhihu/hotlist)", [("知乎: 热榜", "新媒体/知乎/热榜")]),
        ("# A\n## B\n### C\n- [D](/d)\n- [E](https://a.example/e)", [("B: D", "A/B/C"), ("E", "A/B/C")]),
    ],
)
def test_names_of_links_are_names_of_routes(text: str, feeds: list[tuple[str, str]]) -> None:
    found = read(text.encode(), "x")
    assert (found.kind, told(found)) == ("rsshub", [])
    assert [(each.title, "/".join(*each.categories)) for each in found.feeds] == feeds


@pytest.mark.parametrize(
    ("text", "kind", "lost"),
    [
        ("# a comment\nrsshub://a/b\n", "list", []),
        ("# one\n#two\n##three\n# https://a.example/old\nhttps://a.example/\n", "list", []),
        ("## News\n# https://a.example/old\nhttps://a.example/ tag\nrsshub://a/b\n", "urls", ["line 1: ## News"]),
        ("# Mine\n## News\nhttps://a.example/\n", "list", ["line 1: # Mine", "line 2: ## News"]),
        ("## A\n#### too deep\n/a/b\nprose\n", "rsshub", ["line 2: #### too deep", "line 4: prose"]),
    ],
)
def test_a_heading_that_is_not_taken_over_is_told(text: str, kind: str, lost: list[str]) -> None:
    found = read(text.encode(), "x")
    assert (found.kind, [f"{each.where}: {each.what}" for each in found.lost]) == (kind, lost)
    assert not any(path[0] in ("Mine", "News") for each in found.feeds for path in each.categories)


def test_every_fixture_is_read() -> None:
    assert {each.name for each in FIXTURES.iterdir()} == {*LISTS, "README.md"}


OUTLINE = '<outline text="A" xmlUrl="https://a.example/"/>'
SHELL = '<?xml version="1.0"?><opml version="2.0"><head/><body>\n{}\n</body></opml>'


def opml(body: str) -> Found:
    return read(SHELL.format(body).encode(), "list")


@pytest.mark.parametrize(
    ("outline", "feeds", "lost"),
    [
        ('<outline xmlUrl="javascript:alert(1)" text="x"/>', [], ["its address is no http:// or https://"]),
        ('<outline xmlUrl="https://u:p@a.example/" text="x"/>', ["https://a.example/"], []),
        ('<outline xmlUrl="file://u:secret@a/etc/passwd" text="x"/>', [], ["its address is no http:// or https://"]),
        (f'<outline xmlUrl="https://a.example/{"x" * 3000}" text="x"/>', [], ["its address is too long"]),
        ('<outline xmlUrl="feed:https://a.example/é" text="x"/>', ["https://a.example/%C3%A9"], []),
        ('<outline xmlUrl="feed://a.example/" text="x"/>', ["http://a.example/"], []),
        ('<outline xmlUrl="rsshub:///a/b?limit=5" text="x"/>', ["rsshub://a/b?limit=5"], []),
        ('<outline xmlUrl="rsshub://a b" text="x"/>', [], ["its address is no http:// or https://"]),
        ('<outline xmlUrl="https://a.example/&#10;[[source]]" text="x"/>', ["https://a.example/%20%5B%5Bsource%5D%5D"], []),
        ('<outline xmlUrl="https://a.example/" text="x" type="weird"/>', ["https://a.example/"], ["is of type weird; taken for a feed"]),
        ('<outline type="rss" url="https://a.example/" text="x"/>', ["https://a.example/"], []),
        ('<outline text="no feed"/>', [], []),
        ('<outline type="rss" text="x"/>', [], ["has no address"]),
        ('<outline text="x" xmlUrl=""/>', [], ["has no address"]),
        ('<outline text="x" type="rss" xmlUrl=""><outline xmlUrl="https://a.example/"/></outline>', ["https://a.example/"], []),
    ],
)  # fmt: skip
def test_an_outline(outline: str, feeds: list[str], lost: list[str]) -> None:
    found = opml(outline)
    assert [each.url for each in found.feeds] == feeds
    assert [each.why for each in found.lost] == lost
    assert "secret" not in repr(found)
    assert "u:p" not in repr(found)


def test_what_a_terminal_would_obey_is_in_no_text() -> None:
    evil = "a\x1b[31m&#27;[32m&#x9b;31m\x7f\u202eb\x00"
    found = opml(f'<outline text="{evil}"><outline xmlUrl="https://a.example/" text="{evil}" frss:x="1"/></outline>')
    (feed,) = found.feeds
    assert feed.title == feed.categories[0][0]
    assert all(char.isprintable() for each in (feed.title, *told(found)) for char in each)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "none of the lists that are known"),
        (b"\x00\x01\x02", "none of the lists that are known"),
        (b"Dear reader,\nhow are you", "none of the lists that are known"),
        (b"<rss version='2.0'><channel/></rss>", "is XML, but no OPML"),
        (b"<!DOCTYPE html><p>hello", "is XML, but no OPML"),
        (b'<!DOCTYPE opml [<!ENTITY a "b">]><opml><body><outline text="&a;"/></body></opml>', "declares entities"),
        (b'<!DOCTYPE opml [<!ENTITY % a SYSTEM "file:///etc/passwd">%a;]><opml/>', "declares entities"),
        (b"[" * 100_000, "none of the lists|nested too deep"),
        (b'{"a": ' * 100_000, "nested too deep"),
        (b'{"a": }', "not valid JSON"),
        (b"a:\n  b: [", "not valid YAML"),
        (b"sources:\n- &x [a]\n- *x\n", "refers to another part of the file"),
        (b"sources:\n" + b"- - - - " * 20 + b"a\n", "nested too deep"),
        (b"sources: !!python/object/apply:os.system [id]\n- x", "not valid YAML"),
    ],
)
def test_what_is_no_list_is_one_line(body: bytes, why: str) -> None:
    with pytest.raises(AggregatorError, match=f"^my list: .*(?:{why})") as caught:
        read(body, "my list")
    assert "\n" not in str(caught.value)


def test_a_tag_of_yaml_runs_nothing() -> None:
    found = read(b"sources:\n- !!python/object/apply:os.system [touch x]\n- https://a.example/\n", "list")
    assert [each.url for each in found.feeds] == ["https://a.example/"]


def test_a_torn_list_gives_what_was_read_and_says_so() -> None:
    found = read(f"<opml><body>{OUTLINE}\n<outline text='b' xmlUrl='https://b.ex".encode(), "list")
    assert [each.url for each in found.feeds] == ["https://a.example/"]
    assert found.broken.startswith("line 2: not well-formed XML")


def test_what_is_listed_more_than_once_is_one_feed_in_all_its_categories() -> None:
    again = '<outline text="{}"><outline text="A" xmlUrl="{}"/></outline>'
    found = opml(OUTLINE + again.format("x", "http://a.example") + again.format("y", "https://a.example/#top"))
    assert brief(found) == [("https://a.example/", "A", ["x", "y"], {})]
    assert (found.twice, told(found)) == (2, [])


def test_deep_and_wide_lists_are_read_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = 200_000
    found = opml("<outline text='a'>" * deep + OUTLINE + "</outline>" * deep)
    assert found.feeds[0].categories == (("a",) * MAX_LEVELS,)
    monkeypatch.setattr(importing, "MAX_FEEDS", 1000)
    wide = "".join(f'<outline xmlUrl="https://a.example/{n}"/>' for n in range(1001))
    with pytest.raises(AggregatorError, match="has more than 1,000 feeds"):
        opml(wide)
    assert len(opml(wide.replace("/1000", "/0")).feeds) == 1000
    monkeypatch.setattr(importing, "MAX_BYTES", 1000)
    with pytest.raises(AggregatorError, match="MB; that is no list"):
        opml(wide)


def test_a_million_things_that_are_lost_are_told_in_bounds() -> None:
    found = read(b"https://a.example/\n" + b"x\n" * 20_000, "list")
    assert len(found.feeds) == 1
    assert (len(found.lost), found.lost[-1].what) == (10_001, "10,000 more")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_any_encoding(encoding: str) -> None:
    declared = SHELL.replace("?>", f' encoding="{encoding.removesuffix("-sig")}"?>', 1)
    document = declared.format('<outline text="新媒体与博客的订阅" xmlUrl="https://a.example/"/>')
    assert read(document.encode(encoding), "list").feeds[0].title == "新媒体与博客的订阅"


@settings(max_examples=150, deadline=None)
@example(b"feeds() {\nfeed 'x\n}")
@example(b"; comments alone:\n# yes:")
@example(b"\xff\xfe<\x00")
@given(
    st.binary(max_size=200)
    | st.text(st.sampled_from("[]{}()<>:=/\"'\\#;~! \nafeds.http"), max_size=80).map(str.encode)
    | st.recursive(st.text("ab/:", max_size=4) | st.none() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text("ab/", max_size=3), x), max_leaves=12).map(lambda x: json.dumps(x).encode())
)  # fmt: skip
def test_no_bytes_do_harm(data: bytes) -> None:
    try:
        found = read(data, "list")
    except AggregatorError as error:
        assert "\n" not in str(error)
        return
    assert all(isinstance(each, Listed) and each.url for each in found.feeds)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("http://h.example:80/x", "http://h.example/x", True),
        ("https://h.example:443/x/", "http://h.example/x", True),
        ("https://h.example:80/x", "https://h.example/x", False),
        ("http://h.example:443/x", "https://h.example/x", False),
        ("http://h.example:8080/x", "http://h.example/x", False),
        ("http://[::1]:80?a", "http://[::1]?a", True),
        ("http://h.example/:80", "http://h.example/", False),
    ],
)
def test_a_schemes_own_port_tells_no_feeds_apart(one: str, other: str, alike: bool) -> None:
    assert (importing.same(one) == importing.same(other)) is alike


@pytest.mark.parametrize(
    ("text", "title", "category"),
    [
        ("x:\n## Blogs\n- /b\n- https://me:hunter2@a.example/f\n", "", ("Blogs", "https://a.example/f")),
        ("Blogs:\n  https://me:hunter2@b.example/: https://me:hunter2@a.example/f\n", None, ("Blogs",)),
        ('<opml><outline text="https://me:hunter2@a.example/f" xmlUrl="https://a.example/f"/></opml>', "", ()),
        (
            '<opml><outline text="Of https://me:hunter2@b.example/" xmlUrl="https://a.example/f"/></opml>',
            "Of https://***@b.example/",
            (),
        ),
        ('https://a.example/f "https://me:hunter2@b.example/y" "~T"', "T", ("https:", "***@b.example", "y")),
    ],
)
def test_a_login_in_a_name_is_not_taken_over(text: str, title: str | None, category: tuple[str, ...]) -> None:
    """Titles and categories are published."""
    *_, feed = read(text.encode(), "x").feeds
    assert (feed.url, "hunter2" in str(feed)) == ("https://a.example/f", False)
    assert feed.title == title or title is None
    assert [path[: len(category)] for path in feed.categories] == ([category] if category else [])


def test_a_login_in_a_name_is_not_told() -> None:
    found = read(b"Blogs:\n  https://me:hunter2@b.example/: [3, /a/:b, /a/b]\n", "x")
    assert (len(found.feeds), len(found.lost), "hunter2" in str(found)) == (2, 1, False)
