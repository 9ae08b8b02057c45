"""Lines that are kept in English are shown in the reader's language, part by part; what nobody knows stays as it is."""

import re
import string
from datetime import UTC, datetime, timedelta
from gettext import NullTranslations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import alive, collect, health, languages, phrases, schedule
from aggregator.alive import Vitals
from aggregator.fetching import manners, rules
from aggregator.model import Cron, Document, HostState, Pace, Trouble
from aggregator.phrases import known
from aggregator.rhythm import Rhythm
from aggregator.sources import command, feed, page, sitemap
from aggregator.store.lock import Holder
from aggregator.terms import Hints

PACKAGE = Path(__file__).parents[1] / "aggregator"
NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
chinese = phrases.speaker(languages.owners("zh")[1])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("every 3 h", "每 3 小时"),
        ("posts about 3 a day, mostly 09-18 UTC", "每天约 3 篇，多在 09-18 点 (UTC)"),
        ("publisher says max-age 12 h, capped at 6 h", "发布方规定 max-age 12 小时，上限 6 小时"),
        ("failed 3 times in a row (http 404); told to wait 3 h", "连续失败 3 次（HTTP 404）；被要求等待 3 小时"),
        ("always sent in full: every 6 h", "总是完整发送：每 6 小时"),
        ("ttl 1 h; skips hours 0-6, 22 UTC and Saturday, Sunday", "ttl 1 小时；跳过 0-6, 22 点 (UTC) 和周六、周日"),
        (
            "a.example asked for silence until 14:05 UTC (HTTP 429)",
            "a.example 要求在 14:05 UTC 之前不要访问（HTTP 429）",
        ),
        (
            "dns: https://a.example/f: a.example cannot be found (no such host); is the name right?",
            "域名解析失败：https://a.example/f：找不到 a.example（no such host）；名称写对了吗？",
        ),
        (
            'bad encoding: https://a.example/f: the server sent "br"; we asked for gzip or deflate; '
            "tell the publisher: the server is set up wrongly",
            "编码有误：https://a.example/f：服务器发送了“br”；而我们要求的是 gzip 或 deflate；"
            "请告知发布方：服务器配置有误",
        ),
        (
            "/planet/my2.opml: line 1: not well-formed XML (unclosed token); the list is used as it last was",
            "/planet/my2.opml：第 1 行：XML 格式有误（unclosed token）；继续使用列表上次可用的内容",
        ),
        (
            "/a b.txt: lines that are not taken over: 3; `aggregator import '/a b.txt' --dry-run` shows them",
            "/a b.txt：未导入的行数：3；运行 `aggregator import '/a b.txt' --dry-run` 可查看",
        ),
        (
            "secret: https://a.example/f: the environment has no variable A; set it where aggregator runs",
            "缺少密钥：https://a.example/f：环境中没有变量 A；请在运行 aggregator 的环境中设置它",
        ),
        (
            "https://a.example/l: is asked for by the next run; the list has given no sources yet, and until it has no"
            " source leaves",
            "https://a.example/l：下次运行会读取它；该列表还没有给出任何来源，在此之前不会移除来源",
        ),
        ("sooner by the config: every 3 h", "按配置提前：每 3 小时"),
        (
            *collect.withheld(
                Document("", "https://b.example/f", b"", withheld="https://a.example/", moved_to="https://b.example/f")
            ),
            "登录信息（或请求头）只发送给了 https://a.example/，而来源现在位于 https://b.example/f；"
            "如果它也是给那台主机的，请把新地址写成 url；否则请从配置中删去",
        ),
        (
            str(rules.status_trouble(401, withheld="https://a.example/")),
            "别处 HTTP 401：Unauthorized，而此来源的登录信息（或请求头）只发送给了 https://a.example/；"
            "如果它的登录信息也是给那台主机的，请把新地址写成 url",
        ),
        (
            'no match: it is a feed since 4 visits; leave kind = "page" out',
            '没有匹配：连续 4 次访问都发现这是订阅源；请去掉 kind = "page"',
        ),
        ("selector `a; b` matched nothing since 3 visits", "选择器 `a; b` 连续 3 次访问都没有匹配到内容"),
        ("News: today is failing: timeout", "News: today 出现故障：超时"),
        (
            "secret: the environment has no variable LOGIN; set it where aggregator runs",
            "缺少密钥：环境中没有变量 LOGIN；请在运行 aggregator 的环境中设置它",
        ),
        ("secret: env:A holds no secret: write one line of text into it", "缺少密钥：env:A 中没有密钥：请写入一行文本"),
        (
            "a permanent redirect leads to https://b.example/x, where no entry of this feed was found; "
            "if it is meant, write that address as url; else disable or remove the source",
            "永久重定向指向 https://b.example/x，在那里没有找到此订阅源的任何条目；"
            "如果这是有意的，请把该地址写为 url；否则请停用或移除此来源",
        ),
        (
            "secret: a/b is no regular file; write the secret into one",
            "缺少密钥：a/b 不是普通文件；请把密钥写入普通文件",
        ),
        ("secret: a/b cannot be read; write the secret into it", "缺少密钥：无法读取 a/b；请把密钥写入其中"),
        (
            "News: today is failing: timeout\nif it is only slow, raise timeout",
            "News: today 出现故障：超时\n若只是慢，请调大 timeout",
        ),
        (
            "tls: https://a.example/: no secure connection ([SSL: BAD] failed: no (_ssl.c:1)); "
            "if the certificate is meant to be so, set verify = false for this source",
            "TLS 有误：https://a.example/：无法建立安全连接（[SSL: BAD] failed: no (_ssl.c:1)）；"
            "若证书本应如此，请为此来源设置 verify = false",
        ),
        (
            "http 404: https://a.example/f: Not Found; gone or moved: look at the site for the feed's new address "
            "(the feed that https://a.example/ leads to)",
            "HTTP 404：https://a.example/f：Not Found；已消失或搬走：请到网站查找订阅源的新地址（https://a.example/ 所指的订阅源）",
        ),
        (
            "A has moved to https://b.example/, which is a source already",
            "A 已搬到 https://b.example/，那里已是一个来源",
        ),
        (
            "source rule 2 excludes it: its title has `a and b` and it has an enclosure",
            "来源规则 2 排除了它：标题含 `a and b`，且它有附件",
        ),
        (
            "not in everything: rule 1 of tech / python lets it in: it asks for nothing",
            "不在“全部”中：tech / python 的规则 1 放行：没有条件",
        ),
    ],
)
def test_a_line_is_said_part_by_part(line: str, said: str) -> None:
    assert chinese(line) == said


def test_a_question_has_its_own_mark() -> None:
    line = "dns: a.example cannot be found (no such host); is the name right?; given up: is the name right?: given up"
    assert chinese(line).endswith("；名称写对了吗？已放弃：名称写对了吗？已放弃")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "something that nobody says",
        "{why} and {0.__class__}",
        "; : ; ",
        "a; " * 1000 + "timeout",
        "timeout " * 500,
    ],
)
def test_what_is_not_known_stays(line: str) -> None:
    assert chinese(line) == line


def test_a_name_with_braces_is_a_name() -> None:
    assert chinese("{why} {0.__class__} works again") == "{why} {0.__class__} 恢复正常"


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in chinese("dns: https://me:hunter2@a.example/f: it cannot be read; is the name right?")


@settings(max_examples=100)
@given(st.text() | st.lists(st.sampled_from(known.PATTERNS)).map("".join))
def test_in_english_everything_stays(line: str) -> None:
    assert phrases.speaker(NullTranslations())(line) == line


@settings(max_examples=200)
@given(st.lists(st.sampled_from([*known.PATTERNS, *known.KINDS, "; ", ": ", "x{", "`"]), max_size=30).map("".join))
def test_no_line_is_too_much(line: str) -> None:
    assert isinstance(chinese(line), str)


# --- Whatever is said is known --------------------------------------------------------------------------------------

WORDS = "UTC ttl max age min HTTP Retry After hub max_requests_per_hour Europe Berlin TLS"
NAMES = set(WORDS.split())


def left(line: str) -> set[str]:
    """The English words in what is said in Chinese."""
    return set(re.findall(r"[A-Za-z_]{2,}", chinese(line))) - NAMES


spans = st.sampled_from([timedelta(seconds=40), timedelta(minutes=7), HOUR, 6 * HOUR, DAY, 20 * DAY])
hints = st.builds(
    Hints,
    fresh_for=st.none() | spans,
    ttl=st.none() | spans,
    period=st.none() | spans,
    skip_hours=st.frozensets(st.integers(0, 23), max_size=23),
    skip_days=st.frozensets(st.integers(0, 6), max_size=6),
)
rhythm = st.builds(
    Rhythm,
    count=st.floats(0, 500),
    days=st.floats(0, 30),
    hours=st.just(()) | st.integers(0, 23).map(lambda hour: tuple(9.0 * (each == hour) for each in range(24))),
)
paces = st.builds(
    Pace,
    interval=spans,
    interval_cap=spans,
    schedule=st.none() | st.just(Cron("0 6 * * *", "Europe/Berlin")),
    unvalidated=spans,
)


@settings(max_examples=300, deadline=None)
@given(
    paces,
    hints,
    rhythm,
    st.booleans(),
    st.booleans(),
    st.integers(0, 4),
    st.sampled_from([1.0, 2.5]),
    st.none()
    | st.builds(Trouble, st.sampled_from([*known.KINDS, "http 404", "http 410", "http 503"]), st.none() | spans),
)
def test_every_reason_of_a_visit_is_known(
    pace: Pace,
    wishes: Hints,
    habit: Rhythm,
    validated: bool,
    pushed: bool,
    failures: int,
    stretch: float,
    trouble: Trouble | None,
) -> None:
    due = schedule.next_visit(
        NOW,
        "k",
        pace,
        wishes,
        validated=validated,
        failures=failures,
        trouble=trouble,
        gone_since=NOW - 5 * DAY if failures > 2 else None,
        last_full=NOW - HOUR,
        rhythm=habit,
        stretch=stretch,
        pushed=pushed,
    )
    assert left(due.reason) == set()


@pytest.mark.parametrize("state", health.STATES)
@pytest.mark.parametrize("before", ["", *health.STATES])
def test_all_news_are_known(before: str, state: health.State) -> None:
    why = "to x, which is a source already" if state == "moved" else "timeout"
    told = health.news(before, health.Health(state, why, "is the name right?"), "News")
    assert left(told) <= {"News"}


@pytest.mark.parametrize(
    "line",
    [
        manners.words("h", HostState(reason="HTTP 429 with Retry-After"), NOW + 9 * DAY, NOW),
        manners.words("h", HostState(), NOW + HOUR, NOW),
        alive.trouble(Vitals(sources=1, failing=1), (), NOW),
        alive.trouble(Vitals(sources=1, failing=1, last_success=NOW - 9 * DAY), (), NOW),
        str(Holder(1, "2026-03-14")),
        str(Holder(1, "2026-03-14", "", "h")),
        str(Holder(1, "2026-03-14", "")),
    ],
)
def test_what_is_said_of_hosts_and_of_the_whole_is_known(line: str) -> None:
    assert line
    assert left(line) == set()


def test_every_class_of_trouble_is_known() -> None:
    said = {kind for each in (rules, command, feed, page, sitemap) for kind in each.ADVICE}
    assert {kind for kind in said if not kind.startswith("http ")} <= set(known.KINDS)
    assert len(set(known.KINDS)) == len(known.KINDS)


COMPOSED = {
    *("{title} is failing: {why}", "{title} is blocked: {why}", "updates daily", "updates every {length}"),
    f"it is a web page{feed.ITSELF}",
    *known.SINCE,
}


def test_nothing_is_known_that_nobody_says() -> None:
    """Each pattern's longest piece stands somewhere in the code, but for those that are made up of several."""
    files = [each for each in PACKAGE.rglob("*.py") if each.parent.name != "phrases"]
    code = "\n".join(each.read_text(encoding="utf-8") for each in files).replace('\\"', '"')
    code = code.replace("\\ufffd", "\ufffd")
    pieces = {
        pattern: max(
            (piece for piece, *_ in string.Formatter().parse(pattern.replace("everything", "{path}"))), key=len
        )
        for pattern in set(known.PATTERNS) - COMPOSED
    }
    assert [pattern for pattern, piece in pieces.items() if piece.strip(" (:;,`<>") not in code] == []
