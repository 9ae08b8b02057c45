"""What an entry must have for a rule: every field, words in every script, and expressions that cannot be slow."""

import random
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator.matching import check, fold, fold_path, why
from aggregator.model import Enclosure, Item, Match, Person, Tag
from tests.build import DAY, item

PATHS = (("新媒体", "快科技"), ("Tech",))
ENTRY = item(
    title="Rust 1.80 发布，Python 也来了",
    content="<p>Sponsored by <b>Example&amp;Co</b>.</p><p>한국어는 삼성은 이다</p>",
    authors=(Person("Ada Lovelace"), Person("José")),
    tags=(Tag("prog-lang", label="Programming"), Tag("ＡＩ")),
    url="https://news.example/2024/caf%C3%A9?ref=rss",
    language="zh-CN",
    enclosures=(Enclosure("https://news.example/1.mp3"),),
)

MATCHES: list[tuple[dict[str, Any], str | None]] = [
    ({}, "it asks for nothing"),
    ({"title": ("rust",)}, "its title has `rust`"),
    ({"title": ("ruby", "RUST")}, "its title has `RUST`"),
    ({"title": ("rus",)}, None),
    ({"title": ("python",)}, "its title has `python`"),
    ({"title": ("/^rust [0-9.]+ /",)}, "its title has `/^rust [0-9.]+ /`"),
    ({"title": ("/^python/",)}, None),
    ({"text": ("sponsored",)}, "its text has `sponsored`"),
    ({"text": ("example&co",)}, "its text has `example&co`"),
    ({"text": ("삼성",)}, "its text has `삼성`"),
    ({"text": ("b",)}, None),
    ({"author": ("lovelace",)}, "its author has `lovelace`"),
    ({"author": ("jose\u0301",)}, "its author has `jose\u0301`"),
    ({"author": ("Grace",)}, None),
    ({"category": ("PROGRAMMING",)}, "its category is `PROGRAMMING`"),
    ({"category": ("prog-lang",)}, "its category is `prog-lang`"),
    ({"category": ("prog",)}, None),
    ({"category": ("/^prog/",)}, "its category is `/^prog/`"),
    ({"category": ("ai",)}, "its category is `ai`"),
    ({"category": ("tech",)}, "its category is `tech`"),
    ({"category": ("快科技",)}, "its category is `快科技`"),
    ({"category": ("科技",)}, None),
    ({"category": ("新媒体/快科技",)}, "its category is `新媒体/快科技`"),
    ({"link": ("news.example",)}, "its link has `news.example`"),
    ({"link": ("café",)}, "its link has `café`"),
    ({"link": ("/[?&]ref=/",)}, "its link has `/[?&]ref=/`"),
    ({"link": ("ample",)}, None),
    ({"language": ("zh",)}, "its language is `zh`"),
    ({"language": ("ZH-cn",)}, "its language is `ZH-cn`"),
    ({"language": ("z", "zh-TW", "en")}, None),
    ({"within": (("新媒体",),)}, "it is in 新媒体"),
    ({"within": (("tech",),)}, "it is in tech"),
    ({"within": (("tech", "python"),)}, None),
    ({"within": (("快科技",),)}, None),
    ({"older": timedelta(days=2)}, "it was too old when it was first seen"),
    ({"older": timedelta(days=3)}, None),
    ({"younger": timedelta(days=4)}, "it was young when it was first seen"),
    ({"younger": timedelta(days=3)}, None),
    ({"enclosure": True}, "it has an enclosure"),
    ({"enclosure": False}, None),
    ({"title": ("rust",), "language": ("zh",)}, "its language is `zh` and its title has `rust`"),
    ({"title": ("rust",), "language": ("en",)}, None),
]


@pytest.mark.parametrize(("asked", "reason"), MATCHES, ids=str)
def test_every_field(asked: dict[str, Any], reason: str | None) -> None:
    assert why(Match(**asked), ENTRY, DAY + timedelta(days=3), PATHS) == reason


def test_an_entry_without_a_date_was_new() -> None:
    undated = item(published=None)
    assert why(Match(older=timedelta(0)), undated, DAY, ()) is None
    assert why(Match(younger=timedelta(seconds=1)), undated, DAY, ())


def test_the_text_of_an_entry_without_content_is_its_summary() -> None:
    assert why(Match(text=("short",)), item(content="", summary="In short."), DAY, ())


@pytest.mark.parametrize(
    ("word", "title", "there"),
    [
        ("art", "Art, state of the", True),
        ("art", "state-of-the-art", True),
        ("art", "Start smart parties", False),
        ("art", "Artù", False),
        ("café", "CAFE\u0301 opens", True),
        ("cafe", "cafe\u0301", False),
        ("open source", "the  Open\u00a0Source way", True),
        ("a a", "ba a a", True),
        ("c++", "C++20 is out", True),
        ("c++", "On C++, again", True),
        ("#ad", "x #Ad", True),
        (".net", "asp.net", True),
        ("strasse", "Straße", True),
        ("ΌΣΟΣ", "όσος", True),
        ("iphone", "新iPhone发布", True),
        ("ｉＰｈｏｎｅ", "iPhone 99", True),
        ("发布", "新iPhone发布会", True),
        ("發布", "发布", False),
        ("รถ", "ซื้อรถใหม่", True),
        ("हिन्द", "हिन्दी", False),
        ("हिन्दी", "हिन्दी भाषा", True),
        ("sponsored", "spon\u00adsor\u200bed", True),
        ("привет", "ПРИВЕТ!", True),
        ("привет", "приветик", False),
        ("/", "a / b", True),
        ("//", "https://", True),
        ("/ВЕТ/", "привет", True),
        ("/第[０-９]+章/", "第12章", True),
        ("/（x）/", "a（x）", True),
        ("/a.c/", "a\u200bbc", True),
        ("/cafe\u0301/", "Café", True),
    ],
)
def test_words(word: str, title: str, there: bool) -> None:
    assert bool(why(Match(title=(word,)), Item(title=title), DAY, ())) is there


@given(st.text(max_size=30), st.text(max_size=8))
@example("\u1e9e", "ss")
@example("ΐ", "\u0345")
def test_folding_is_stable_and_a_whole_text_is_a_word_of_itself(title: str, word: str) -> None:
    assert fold(fold(title)) == fold(title)
    assert fold_path((title, word)) == (fold(title), fold(word))
    if fold(title) and not (title[0] == title[-1] == "/"):
        assert why(Match(title=(title,)), Item(title=f"{word} {title} {word}"), DAY, ())


@given(st.text("ab", min_size=1, max_size=4), st.lists(st.text("ab", min_size=1, max_size=4), max_size=6))
def test_whole_words_are_those_between_spaces(word: str, title: list[str]) -> None:
    assert bool(why(Match(title=(word,)), Item(title=" ".join(title)), DAY, ())) is (word in title)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("", "is empty"),
        (" \u200b", "is empty"),
        ("/(/", r"is no regular expression of RE2 \(missing \)"),
        (r"/(a)\1/", "invalid escape sequence"),
        ("/(?=a)/", "invalid perl operator"),
        ("/a{2000}/", "invalid repetition size"),
        (r"/(?:\pL{1,100}){10}/", "pattern too large"),
    ],
)
def test_what_is_no_word(said: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        check(said)


RANDOM = "".join(random.Random(1).choices("ab", k=1_000_000))
SLOW = [
    "(a+)+$",
    "(a|a)*c",
    "(x+x+)+y",
    "(.*a){20}c",
    "(a?){30}a{30}c",
    "[ab]*a[ab]{300}c",
    r"(\w*)*z",
    ".*.*.*=",
    "([a-z]+)*!",
]


@pytest.mark.parametrize("pattern", SLOW)
def test_no_expression_is_slow(pattern: str) -> None:
    """These take a backtracking engine longer than the universe has been there."""
    check(f"/{pattern}/")
    started = time.process_time()
    for title in ("a" * 1_000_000, RANDOM):
        why(Match(title=(f"/{pattern}/",)), Item(title=title), DAY, ())
    assert time.process_time() - started < 6


@pytest.mark.parametrize("word", ["a", "a" * 100, "a a", "ab", "हि"])
def test_no_word_is_slow(word: str) -> None:
    started = time.process_time()
    for title in ("a" * 1_000_000, "ab a" * 250_000, "हिा" * 300_000):
        why(Match(title=(word,)), Item(title=title), DAY, ())
    assert time.process_time() - started < 6


@settings(max_examples=60)
@given(st.text(max_size=12), st.text(max_size=30))
def test_any_expression_is_refused_or_answers(pattern: str, title: str) -> None:
    try:
        check(f"/{pattern}/")
    except ValueError as error:
        assert str(error)
        return
    reason = why(Match(title=(f"/{pattern}/",)), Item(title=title), DAY, ())
    assert reason is None or reason.startswith("its title has `/")


@given(st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=8))
def test_an_expression_finds_what_it_says_in_any_script(said: str) -> None:
    assert why(Match(title=(f"/{re.escape(said)}/",)), Item(title=f"x {said} y"), DAY, ())
