"""Functions that take a short way with what is plain give what their long way gives."""

import re
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from html import escape

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import dates, html, text
from aggregator.identity.keys import _split, canonical_url
from aggregator.sources.feed import decoding, own
from tests.test_html import PIECES

ZONES = ("UTC", "Asia/Shanghai", "Europe/London", "America/St_Johns", "Africa/Abidjan")
MOMENTS = st.builds(
    lambda seconds, minutes: datetime.fromtimestamp(seconds, timezone(timedelta(minutes=minutes))),
    st.integers(315532800, 4102444800),
    st.integers(-16 * 60, 16 * 60),
)


@given(MOMENTS, st.sampled_from(ZONES), st.booleans())
def test_exact_dates(moment: datetime, zone: str, name_the_day: bool) -> None:
    rfc822 = moment.strftime("%a, %d %b %Y %H:%M:%S %z" if name_the_day else "%d %b %Y %H:%M:%S %z")
    assert dates.read(rfc822, zone) == dates.read(rfc822.replace(" ", "  "), zone)
    gmt = moment.strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert dates.read(gmt, zone) == dates.read(gmt.lower(), zone)
    rfc3339 = moment.isoformat()
    assert dates.read(rfc3339, zone) == dates.read(rfc3339.replace("T", "t"), zone)
    assert dates.read(moment.strftime("%Y-%m-%dT%H:%M:%SZ"), zone) == dates.read(
        moment.strftime("%Y-%m-%dt%H:%M:%Sz"), zone
    )


@pytest.mark.parametrize(
    "written",
    [
        "Sun, 31 Feb 2021 10:00:00 GMT",
        "2021-02-31T10:00:00Z",
        "1 Xyz 2021 10:00:00 +0000",
        "Mon, 02 Jan 2023 24:00:00 GMT",
        "2023-01-02T03:04:60Z",
        "2023-01-02T03:04:05.123456789Z",
        "2023-01-02T03:04:05+1559",
        "2023-01-02T03:04:05-00:00",
        "Mon, 2 Jan 0023 03:04:05 GMT",
    ],
)
def test_dates_at_the_edge(written: str) -> None:
    assert dates.read(written) == dates.read(f" {written.lower()} ".replace(" ", "  "))


URLS = st.from_regex(
    r"https?://[a-zA-Z0-9.:_@%-]{0,12}(/[\w%~ .\\-]{0,8})?(\?[\w%&=\[\]?]{0,8})?(#[\w%#]{0,5})?", fullmatch=True
)


@given(URLS)
def test_urls(url: str) -> None:
    assert text.http_url(url) == text.http_url(f" {url}")


@given(URLS | st.from_regex(r"https?://[a-z0-9.-]{1,9}(/(index\.html?|[\w.~-]{0,5}/{0,2})){0,3}", fullmatch=True))
def test_urls_as_they_are_compared(url: str) -> None:
    assert canonical_url(url) == canonical_url(url.replace("http", "HTTP", 1))
    assert _split(url) == _split(url.replace("http", "HTTP", 1))


@given(st.text() | st.text("ab \n\t\x1f\x85\xa0\u2003\u200b\u3000"))
def test_single_spaces(raw: str) -> None:
    assert text.single_spaced(raw) == " ".join(raw.split())


@given(st.text() | st.text("ab \n\t\r\x00\x85\ufeff\ud800&;amp<"))
def test_plain_text(raw: str) -> None:
    assert text.legal(raw) == re.sub(
        "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", raw.replace("\r\n", "\n").replace("\r", "\n")
    )
    assert text.plain(raw + "<br>") == " ".join("".join(text._pieces(raw + "<br>")).split())
    if "<" not in raw:
        assert text.plain(raw) == text.plain(raw + "<!---->")
        assert text.plain_title(raw) == text.plain_title(raw + "<wbr>")


@given(st.text(st.characters(max_codepoint=0x17F) | st.sampled_from("\u20ac\u201c\u4e2d")), st.booleans())
def test_what_was_encoded_twice(raw: str, is_twice: bool) -> None:
    raw = raw.encode().decode("cp1252", "replace") if is_twice else raw

    def long_way() -> str:
        if not raw.isascii() and sum(byte > 127 for byte in raw.encode()) >= decoding._SURE:
            with suppress(UnicodeError):
                return raw.translate(decoding._C1).encode("latin-1").decode()
        return raw

    assert decoding._once(raw) == long_way()


FRAGMENTS = st.lists(PIECES | st.sampled_from(["&am", "p;", "\r", "\n", "</P", "<!-->", "<K>"]), max_size=15).map(
    "".join
)


@given(FRAGMENTS, st.integers(1, 60))
def test_plain_text_of_markup(fragment: str, limit: int) -> None:
    whole = " ".join("".join(text._pieces(fragment)).split())
    assert text.plain(fragment) == whole
    assert text.plain(fragment, limit) == text.one_line(whole, limit)
    assert text.summarise(fragment, limit) == text.summarise(escape(whole, quote=False), limit)


@given(st.text(st.characters(max_codepoint=0x17F) | st.sampled_from("\x80\xa0\xbf\xc2\xc3\u20ac\u4e2d"), max_size=20))
def test_what_was_mangled(raw: str) -> None:
    for value in (raw, raw.encode().decode("latin-1")):
        right = value
        with suppress(UnicodeError):
            right = value.encode("latin-1").decode()
        assert own.unmangled(value) == own._C1.sub(
            lambda found: found[0].encode("latin-1").decode("cp1252", "ignore"), right
        )


@pytest.mark.parametrize("base", ["", "https://site.example/a/b", "http://256.1.1.1/"])
@given(fragment=st.lists(PIECES, max_size=15).map("".join))
def test_rules_that_are_handed_over_once(base: str, fragment: str) -> None:
    fragment = text.legal(fragment)
    try:
        rules = {**html._RULES, "url_relative": ("rewrite_with_base", base) if base else "deny"}
        long_way = nh3.clean(fragment, **rules)
    except ValueError:
        long_way = nh3.clean(fragment, **html._RULES, url_relative="deny")
    assert html._sanitise(fragment, base) == text.legal(long_way)


@given(st.text() | st.text("ab> \xa0\n\t\r\x00\u200b"))
def test_text_is_cleaned_as_markup_is(raw: str) -> None:
    if "<" not in raw and "&" not in raw:
        assert html.clean(raw) == html.clean(raw + "<wbr>").replace("<wbr>", "").strip()
