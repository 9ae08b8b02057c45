"""What cache headers and Retry-After say about time, as tables; whatever servers write, no exception."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.fetching.freshness import fresh_for, retry_after

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
DATE = "Sat, 14 Mar 2026 10:00:00 GMT"  # the server's clock is two hours slow
LATER = "Sat, 14 Mar 2026 13:00:00 GMT"
CAP = timedelta(days=7)


@pytest.mark.parametrize(
    ("control", "seconds"),
    [
        ("", None),
        ("max-age=3600", 3600),
        ("public, max-age=3600, must-revalidate", 3600),
        ("private,max-age=3600", 3600),
        ("Max-Age=3600", 3600),
        ("max-age = 3600", 3600),
        ('max-age="3600"', 3600),
        ("public; max-age=3600", 3600),
        ("max-age=0003600", 3600),
        ("s-maxage=3600", None),
        ("s-maxage=60, max-age=3600", 3600),
        ("max-age=3600, s-maxage=60", 3600),
        ("x-max-age=3600", None),
        ("max-age=60, max-age=3600", 60),  # the first
        ("max-age=3600, max-age=60", 3600),
        ("max-age=0", None),
        ("max-age=-1", None),
        ("max-age=", None),
        ("max-age", None),
        ("max-age=1.5", None),
        ("max-age=soon", None),
        ("max-age=\u0663\u0666", None),  # Arabic digits
        ("no-cache", None),
        ("no-cache, max-age=3600", None),  # the most restrictive counts
        ("max-age=3600, NO-CACHE", None),
        ("max-age=3600, no-store", None),
        ('no-cache="Set-Cookie", max-age=3600', 3600),  # only of that field
        ('private="a, max-age=5", max-age=3600', 3600),
        ('private="a, max-age=5, max-age=3600', None),  # a quote that never ends
        ("max-age=999999999", 7 * 86400),
        ("max-age=" + "9" * 5000, 7 * 86400),
        (",,, ;=; = , max-age=3600", 3600),
        ("immutable, stale-while-revalidate=86400", None),
    ],
)
def test_max_age(control: str, seconds: int | None) -> None:
    fresh = fresh_for({"cache-control": control, "date": DATE}, CAP)
    assert fresh == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"expires": LATER, "date": DATE}, 3 * 3600),  # after Date, whatever our clock says
        ({"expires": LATER}, None),
        ({"expires": LATER, "date": "now"}, None),
        ({"expires": DATE, "date": DATE}, None),
        ({"expires": DATE, "date": LATER}, None),
        ({"expires": "0", "date": DATE}, None),
        ({"expires": "-1", "date": DATE}, None),
        ({"expires": "3600", "date": DATE}, None),
        ({"expires": "2099", "date": DATE}, None),
        ({"expires": "never", "date": DATE}, None),
        ({"expires": "", "date": DATE}, None),
        ({"expires": "Thu, 01 Jan 1970 00:00:00 GMT", "date": DATE}, None),
        ({"expires": "Saturday, 14-Mar-26 13:00:00 GMT", "date": "Sat Mar 14 10:00:00 2026"}, 3 * 3600),
        ({"expires": "Sat, 14 Mar 2026 13:00:00 +0000", "date": DATE}, 3 * 3600),
        ({"expires": "Thu, 31 Dec 2099 23:59:59 GMT", "date": DATE}, 7 * 86400),
        ({"expires": LATER, "date": DATE, "cache-control": "max-age=60"}, 60),  # max-age over Expires
        ({"expires": LATER, "date": DATE, "cache-control": "max-age=0"}, None),
        ({"expires": LATER, "date": DATE, "cache-control": "max-age=x"}, None),
        ({"expires": LATER, "date": DATE, "cache-control": "no-cache"}, None),
        ({"expires": LATER, "date": DATE, "cache-control": "public, s-maxage=5"}, 3 * 3600),
        ({"expires": LATER, "date": DATE, "age": "3600"}, 2 * 3600),
        ({"cache-control": "max-age=3600", "age": "600"}, 3000),
        ({"cache-control": "max-age=3600", "age": " 600, 0"}, 3000),
        ({"cache-control": "max-age=3600", "age": "3600"}, None),
        ({"cache-control": "max-age=3600", "age": "86400"}, None),
        ({"cache-control": "max-age=3600", "age": "-5"}, 3600),
        ({"cache-control": "max-age=3600", "age": "old"}, 3600),
        ({"cache-control": "max-age=" + "9" * 30, "age": "9" * 30}, None),
        ({"cache-control": "max-age=1000000", "age": "400000"}, 600000),  # the cap comes after the age
        ({"age": "5", "date": DATE}, None),
    ],
)
def test_expires_and_age(headers: dict[str, str], seconds: int | None) -> None:
    assert fresh_for(headers, CAP) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("120", DATE, 120),
        (" 120 ", "", 120),
        ("0", "", 0),
        ("-5", "", 0),
        ("120, 3600", "", 3600),
        ("3600, 120", "", 3600),
        ("9" * 5000, "", 2**31),
        (LATER, DATE, 3 * 3600),  # by the server's clock
        (LATER, "", 3600),  # by ours
        (LATER, "nonsense", 3600),
        (DATE, LATER, 0),
        ("Saturday, 14-Mar-26 13:00:00 GMT", DATE, 3 * 3600),
        ("Sat Mar 14 13:00:00 2026", DATE, 3 * 3600),
        ("", DATE, None),
        ("soon", DATE, None),
        ("1.5", DATE, None),
        ("2 minutes", DATE, None),
        ("Sat, 31 Feb 2026 13:00:00 GMT", DATE, None),
        ("120, soon", DATE, None),
    ],
)
def test_retry_after(value: str, date: str, seconds: int | None) -> None:
    assert retry_after(value, date, NOW) == (None if seconds is None else timedelta(seconds=seconds))


VALUES = st.text() | st.text('0123456789-=,;" \\maxgeno-c:') | st.integers().map(str) | st.sampled_from([DATE, LATER])
HEADERS = st.dictionaries(st.sampled_from(["cache-control", "expires", "date", "age"]), VALUES)


@given(HEADERS, VALUES, VALUES)
def test_whatever_servers_write(headers: dict[str, str], value: str, date: str) -> None:
    fresh = fresh_for(headers, CAP)
    assert fresh is None or timedelta(0) < fresh <= CAP
    wait = retry_after(value, date, NOW)
    assert wait is None or wait >= timedelta(0)


@pytest.mark.parametrize("value", ["0" * 60_000 + "x", "a" + " " * 60_000, 'a="' + "\\" * 60_000, "1," * 30_000 + "x"])
def test_long_headers_take_no_longer(value: str) -> None:
    """Quadratic reading would take minutes."""
    fresh_for({"cache-control": f"max-age={value}", "expires": value, "date": value, "age": value}, CAP)
    fresh_for({"cache-control": value}, CAP)
    retry_after(value, value, NOW)
