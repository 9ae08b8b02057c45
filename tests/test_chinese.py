"""The state of a planet in Chinese, end to end: all that its owner is told, and that programs are told the same."""

import gettext
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from aggregator import collect, failures, health, languages, status
from aggregator.model import Document, Source
from aggregator.status import Row, Status
from aggregator.store.engine import looking
from aggregator.web import pages
from tests.planet import NOON, Planet, atom
from tests.server import Server
from tests.test_health import FINE
from tests.test_languages import run

DAY = timedelta(days=1)
ENGLISH, CHINESE = "en_GB.UTF-8", "zh_CN.UTF-8"

WORDS = """
UTC HTTP URL GET max age min guid link tail text title body file once daemon base_url aggregator status add prune doctor
preview list sources json cron systemd timer user_agent contact interval url select timeout http https allow_networks
fetch Connection refused RSS Atom Errno atom rss date seed seeds tag planet example Not Found Forbidden Too Many Requests
Retry After Well Broken Gone Refused Paused Moved Quiet Page Off Nowhere Posts Planet Test Kept Dropped Entry tech
"""
NAMES = set(WORDS.split())


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("0.0.0.0") as running:
        yield running


@pytest.fixture(scope="module")
def planet(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Planet:
    """A planet with a source in each state, after a few days."""
    made = Planet(tmp_path_factory.mktemp("planet"))
    made.now = datetime.now(UTC).replace(microsecond=0) - 5 * DAY
    daily = [{"id": f"q{day}", "title": f"Entry {day}", "date": made.now - day * DAY} for day in range(20, 32)]
    kept = [
        {"id": f"w{number}", "title": title, "date": made.now - DAY} for number, title in enumerate(("Kept", "Dropped"))
    ]
    server.put("/well", atom(kept, "Well"), etag=True)
    server.put("/quiet", atom(daily, "Quiet"), etag=True)
    server.put("/gone", b"", status=410)
    server.put("/refused", b"", status=403)
    server.put("/page", b"<html><body><p>none</p></body></html>", headers={"Content-Type": "text/html"})
    server.redirect("/moved", "/moved-here", 301)
    server.put("/moved-here", atom(daily[:1], "Moved"), etag=True)
    server.put("/paused", atom([], "Paused"))
    made.feed(
        server.url("/well", "127.0.0.1"), title="Well", category="tech", rule=[{"exclude": {"title": ["Dropped"]}}]
    )
    for number, name in enumerate(("broken", "gone", "refused", "paused", "moved", "quiet"), 2):
        made.feed(server.url(f"/{name}", f"127.0.0.{number}"), title=name.capitalize())
    made.feed(server.url("/page", "127.0.0.1"), title="Page", kind="page", select={"item": "article.post"})
    made.feed("http://127.0.0.1:9/nothing", title="Nowhere")
    made.feed(server.url("/off", "127.0.0.1"), title="Off", enabled=False)
    made.seeds(title="Posts")
    made.post("bad.md", "Text.", title="Entry", date="soon")
    for _ in range(4):
        made.run(force=True, later=DAY)
    server.put("/paused", b"", status=429, headers={"Retry-After": "86400"})
    made.run(force=True, later=DAY - timedelta(hours=1))
    return made


def english(text: str) -> set[str]:
    """The words in what is said in Chinese that are neither names nor addresses."""
    text = re.sub(r"`[^`]*`|https?://\S+|[\w.-]*/[\w./-]*|\S+\.(?:db|md|toml|xml)\S*|[0-9a-f]{32}", " ", text)
    return set(re.findall(r"[A-Za-z_]{3,}", text)) - NAMES


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("status",), ("故障", "被拒", "已消失", "已搬家", "沉寂", "已停用", "自 ", "没有新内容", "连接被拒")),
        (("status", "Broken"), ("HTTP 404", "已消失或搬走：请到网站查找订阅源的新地址", "连续失败 5 次")),
        (("status", "Gone"), ("发布方已永久移除", "从不")),
        (("status", "Refused"), ("服务器拒绝我们", "被拒：HTTP 403")),
        (("status", "Paused"), ("欠佳", "被要求等待 1 天", "访问太频繁")),
        (("status", "Moved"), ("已搬家", '请在配置中写 url = "')),
        (("status", "Quiet"), ("请查看该网站：它可能已停止更新", "沉寂了")),
        (("status", "Page"), ("选择器 `article.post` 连续 5 次访问都没有匹配到内容", "请查看网页并修正选择器")),
        (("status", "Nowhere"), ("无法连接 127.0.0.1", "端口对吗？")),
        (("status", "Off"), ("已停用：按配置不访问", "已在配置中停用")),
        (("status", "Posts"), ("`soon` 不是日期；采用首次见到的时间", "每次运行")),
        (("list", "sources"), ("HTTP 404", "已消失（410）", "已搬到")),
        (("list", "categories"), ("（全部）", "订阅源")),
        (("list", "items"), ("发布", "标题")),
        (("explain", "Kept"), ("按上游所说", "内容从未改动", "在“全部”中：它在 tech 中", "第 1 篇")),
        (("explain", "Dropped"), ("被规则排除", "来源规则 1 排除了它：标题含 `Dropped`")),
        (
            ("doctor", "--offline"),
            ("问题  来源", "该做什么，最有用的在前", "Broken：故障（HTTP 404）：", "存储库属于你"),
        ),
        (("once", "-v"), ("到期", "被要求等待 1 天", "已在配置中停用")),
    ],
    ids=lambda words: "-".join(words) if isinstance(words, tuple) and words[0].isascii() else "",
)
def test_all_of_it_is_chinese(planet: Planet, words: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    _, out, err = run(planet.root, *words, locale=CHINESE)
    told = out + err
    assert [each for each in wanted if each not in told] == [], told
    assert english(told) == set()


def test_what_is_nowhere_is_said_in_chinese(planet: Planet) -> None:
    _, _, err = run(planet.root, "explain", planet.sources[1]["url"] + "x", locale=CHINESE)
    assert "没有关于 " in err
    assert "上次访问失败（HTTP 404：" in err


def cells(line: str) -> str:
    """A line with a mark behind each character that takes two columns, so that columns are places in it."""
    return "".join(each + ("\0" if unicodedata.east_asian_width(each) in "WF" else "") for each in line)


@pytest.mark.parametrize("words", [("status",), ("list", "sources"), ("doctor", "--offline")], ids="-".join)
def test_columns_are_aligned(planet: Planet, words: tuple[str, ...]) -> None:
    head, *rows = map(cells, run(planet.root, *words, locale=CHINESE)[1].partition("\n\n")[0].splitlines())
    starts = [found.start() for found in re.finditer(r"(?<=  )[^ ]", head)]
    assert len(starts) > 1
    assert len(rows) > 5
    for start in (starts[0], starts[-1]):  # those between have numbers, which stand at the right
        assert [row for row in rows if row[start - 2 : start].strip(" ")] == []
        assert any(row[start : start + 1].strip(" ") for row in rows)


@pytest.mark.parametrize(
    "words",
    [
        *(("status",), ("status", "Page"), ("list", "sources"), ("explain", "Dropped"), ("doctor", "--offline")),
    ],
    ids="-".join,
)
def test_programs_are_told_the_same(planet: Planet, words: tuple[str, ...]) -> None:
    """But for what the clock says."""
    told = [run(planet.root, *words, "--json", locale=locale) for locale in (ENGLISH, CHINESE)]
    assert re.sub(r"[0-9]+", "0", told[0][1]) == re.sub(r"[0-9]+", "0", told[1][1])
    assert told[0][0] == told[1][0]
    assert not re.search("[\u4e00-\u9fff]", told[1][1])


def test_a_long_warning_is_cut_when_it_is_said(speaking: None) -> None:
    moved = "https://b.example/" + "long/" * 20
    (warning,) = collect.withheld(Document("", moved, b"", withheld="https://a.example/", moved_to=moved))
    standing = replace(FINE, warnings=(warning,))
    row = Row(Source(FINE.key, "feed", None), standing, health.judge(standing, DAY), NOON, 1.0)
    for said in (
        status.table(Status((row,), None, "", ""), NOON).rows[0][-1],
        dict(status._lines(row, (), NOON))["状态"],
    ):
        assert "登录信息（或请求头）只发送给了 https://a.example/" in str(said)
        assert len(str(said)) < 300


# --- Published: in the language of the site -------------------------------------------------------------------------


@pytest.fixture
def speaking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An environment that is Chinese, and has gettext speak so."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", CHINESE)
    languages.speak()
    assert gettext.gettext("source") == "来源"
    yield
    languages.speak_english()


def shown(planet: Planet, language: str) -> list[bytes]:
    """The pages of the dashboard and the feed of failures of a planet in a language."""
    planet.site["language"] = language
    config = planet.load()
    with looking(config.store) as db:
        made = [pages.overview(db, config, planet.now), pages.apology(config, planet.now, "")]
        made += [pages.source(db, config, planet.now, number) or "" for number in range(1, len(config.sources) + 1)]
        return [*(each.encode() for each in made), failures.failures(db, config, "https://planet.example/f.xml")]


def plain(page: bytes) -> str:
    soup = BeautifulSoup(page, "lxml")
    return soup.get_text(" ") + " ".join(str(each["aria-label"]) for each in soup.select("[aria-label]"))


def test_the_dashboard_speaks_the_language_of_the_site(planet: Planet, tmp_path: Path) -> None:
    overview, apology, *sources, feed = shown(planet, "zh-CN")
    assert b'<html lang="zh">' in overview
    assert "来源中有" in plain(overview)
    for page in (overview, apology, *sources):
        assert english(plain(page)) == set()
    assert 'xml:lang="zh"' in feed.decode()
    assert "<title>Gone 已永久消失：HTTP 410</title>" in feed.decode()
    assert "发布方已永久移除" in feed.decode()


def test_the_environment_changes_nothing_that_is_published(planet: Planet, request: pytest.FixtureRequest) -> None:
    before = {language: shown(planet, language) for language in ("zh", "en", "de", "zh-TW")}
    request.getfixturevalue("speaking")
    assert {language: shown(planet, language) for language in before} == before
    assert b'<html lang="en">' in before["de"][0]
    assert before["de"] == before["en"]
