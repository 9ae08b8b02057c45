"""Dates from outside: every notation that real feeds and posts use, as aware UTC, or nothing. Pure, no clock."""

from datetime import datetime


def parse(value: object, zone: str = "UTC") -> datetime | None:
    """A date in any notation, in UTC, whole seconds or None: never a guess, never an exception.

    `value` is text, a datetime, or a date; without an offset it is local time in `zone` (IANA name). RFC 822 (with named zones,
    EST, PDT, BST, AEST, CET, JST ..., Z, GMT+8, one- and two-digit years, English month names), RFC 3339 / W3CDTF / ISO 8601 (also `YYYY`, `YYYY-MM`,
    `YYYYMMDD`, week and ordinal dates, `24:00`, `2005-11-9`, `2020/1/10 14:33:00`, `Dec 27 2005 13:08:54+0900`), `2024-12-17 02:00:30:00 +0900`, Unix seconds or
    milliseconds as digits (9 to 13 of them), month and day names in the main European languages (Italian, German, French, Spanish, Portuguese, Dutch, Polish, Hungarian,
    Russian, Greek as feedparser knows some) and `2021年3月21日 16:42`, Korean `2021년 3월 21일`.
    `Invalid Date`, impossible dates (2024-02-30), and everything before 1990 or after 9998 is None.
    """
    raise NotImplementedError


def rfc822(moment: datetime) -> str:
    """RSS 2.0's date: `Sun, 26 Sep 2021 12:05:14 GMT`, the same in every locale."""
    raise NotImplementedError


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC, whole seconds: `2021-09-26T12:05:14Z`."""
    raise NotImplementedError
