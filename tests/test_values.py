"""Durations, sizes, addresses and category paths as people write them."""

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import values

# --- Durations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30s", 30),
        ("15m", 900),
        ("1h", 3600),
        ("2d", 172_800),
        ("1w", 604_800),
        ("1h30m", 5400),
        (" 1 h 30 m ", 5400),
        ("1.5h", 5400),
        ("0s", 0),
        (90, 90),
        (0.5, 0.5),
        (0, 0),
    ],
)
def test_durations(written: object, seconds: float) -> None:
    assert values.duration(written) == timedelta(seconds=seconds)


NO_DURATIONS = ["", "soon", "1", "1y", "1 hour", "-1h", "1h-", "h", "1hh", "٣h", "1e3s", "99999999w", "1,5h"]


@pytest.mark.parametrize("written", [*NO_DURATIONS, -1, 10**9, math.nan, math.inf, True, None, [], {}])
def test_no_durations(written: object) -> None:
    with pytest.raises(ValueError, match="write"):
        values.duration(written)


@given(st.integers(0, 999), st.integers(0, 99), st.integers(0, 99))
@settings(max_examples=30)
def test_durations_add_up(hours: int, minutes: int, seconds: int) -> None:
    found = values.duration(f"{hours}h{minutes}m {seconds}s")
    assert found == timedelta(hours=hours, minutes=minutes, seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (3600, "60 min"),
        (5400, "2 h"),
        (86_400, "24 h"),
        (129_600, "2 d"),
        (864_000, "10 d"),
    ],
)
def test_spans(seconds: float, said: str) -> None:
    assert values.span(timedelta(seconds=seconds)) == said


# --- Sizes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "number"),
    [("10MB", 10_000_000), ("512KiB", 524_288), (" 1 gb ", 10**9), ("7", 7), ("7B", 7), (1, 1), ("1000GB", 10**12)],
)
def test_sizes(written: object, number: int) -> None:
    assert values.size(written) == number


@pytest.mark.parametrize(
    "written",
    ["", "big", "1.5MB", "-1", "10M", "10 MB/s", "٣MB", 0, "0KB", -1, 1.0, True, None, [], 10**13, "1001GB", 10**40],
)
def test_no_sizes(written: object) -> None:
    with pytest.raises(ValueError, match="write"):
        values.size(written)


# --- Addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("localhost:0", "localhost", 0),
        ("[::1]:65535", "::1", 65535),
        ("a-b.example:80", "a-b.example", 80),
    ],
)
def test_addresses(written: str, host: str, port: int) -> None:
    assert values.address(written) == (host, port)


NO_ADDRESSES = [
    "",
    ":80",
    "a",
    "a:",
    "a:65536",
    "a:-1",
    "a:٨٠",
    "::1:80",
    "[::1]",
    "http://a:80",
    "a b:80",
    "a..b:80",
    "a:80/",
]


@pytest.mark.parametrize("written", NO_ADDRESSES)
def test_no_addresses(written: str) -> None:
    with pytest.raises(ValueError, match="write HOST:PORT"):
        values.address(written)


# --- Categories -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "paths"),
    [
        ("tech", [("tech",)]),
        ("tech/python", [("tech", "python")]),
        (" tech / web  standards ", [("tech", "web standards")]),
        (["tech", "TCP/IP"], [("tech", "TCP/IP")]),
        ([["tech"], ["新媒体", "博客"]], [("tech",), ("新媒体", "博客")]),
        ([["tech"], ["tech"]], [("tech",)]),
        ("cafe\u0301", [("café",)]),
        ([], []),
        ([[]], []),
    ],
)
def test_categories(written: object, paths: list[tuple[str, ...]]) -> None:
    assert values.categories(written) == tuple(paths)


@pytest.mark.parametrize(
    "written", ["", "a//b", "/a", [""], [" "], ["a", 5], [["a", 5]], [["a"], "b"], 5, None, {"a": 1}]
)
def test_no_categories(written: object) -> None:
    with pytest.raises(ValueError, match="write"):
        values.categories(written)


@pytest.mark.parametrize("written", [[], [["a"], ["b"]]])
def test_one_category_is_one(written: object) -> None:
    with pytest.raises(ValueError, match="one path"):
        values.one_category(written)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@pytest.mark.parametrize("read", [values.duration, values.size, values.categories, values.one_category])
@given(anything)
@settings(max_examples=50)
def test_nonsense_is_a_value_error(read: Any, written: object) -> None:
    try:
        read(written)
    except ValueError as error:
        assert "\n" not in str(error)


@given(st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=3), max_size=3))
@settings(max_examples=50)
def test_categories_that_were_read_stay_as_they_are(written: list[list[str]]) -> None:
    try:
        found = values.categories(written)
    except ValueError:
        return
    assert values.categories([list(path) for path in found]) == found
