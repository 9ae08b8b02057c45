"""Dates: one table of what must be read and one of what must not, and what holds for any text."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator import dates

READ = {
    # RFC 822, 2822, 5322
    "Sun, 26 Sep 2021 12:05:14 GMT": "2021-09-26T12:05:14Z",
    "Sun, 26 Sep 2021 12:05:14 -0000": "2021-09-26T12:05:14Z",
    "sun,26 sep 2021 12:05:14 z": "2021-09-26T12:05:14Z",
    "Sun, 26 Sep 2021 12:05:14": "2021-09-26T12:05:14Z",
    "26 Sep 21 12:05 +0200": "2021-09-26T10:05:00Z",
    "26 Sep 3 12:05:14 UT": "2003-09-26T12:05:14Z",
    "26 Sep 104 12:05:14 UT": "2004-09-26T12:05:14Z",
    "1 Feb 99 00:00 GMT": "1999-02-01T00:00:00Z",
    "Sun, 26-Sep-2021 12:05:14 EST": "2021-09-26T17:05:14Z",
    "Sun, 26 Sep 2021 12:05:14 PDT": "2021-09-26T19:05:14Z",
    "Sun, 26 Sep 2021 12:05:14 BST": "2021-09-26T11:05:14Z",
    "Sun, 26 Sep 2021 12:05:14 AEST": "2021-09-26T02:05:14Z",
    "Sun, 26 Sep 2021 12:05:14 ACST": "2021-09-26T02:35:14Z",
    "Sun, 26 Sep 2021 12:05:14 CEST": "2021-09-26T10:05:14Z",
    "Sun, 26 Sep 2021 12:05:14 JST": "2021-09-26T03:05:14Z",
    "Sun, 26 Sep 2021 12:05:14 IST": "2021-09-26T06:35:14Z",
    "Sun, 26 Sep 2021 12:05:14 NST": "2021-09-26T15:35:14Z",
    "Sun, 26 Sep 2021 12:05:14 GMT+8": "2021-09-26T04:05:14Z",
    "Sun, 26 Sep 2021 12:05:14 GMT-03:30": "2021-09-26T15:35:14Z",
    "Sun, 26 Sep 2021 12:05:14 +9:00": "2021-09-26T03:05:14Z",
    "Sun, 26 Sep 2021 12:05:14 -0500 (EST)": "2021-09-26T17:05:14Z",
    "Sun, 26 Sep 2021 12:05:14 (PDT)": "2021-09-26T19:05:14Z",
    "Sun, 26 Sep 2021 12:05:14 -0500 EST": "2021-09-26T17:05:14Z",
    "Sun, 26 Sep 2021 12:05:14 Asia/Tokyo": "2021-09-26T03:05:14Z",
    "Sun, 26 Sep 2021 12:05:14 No/Where": "2021-09-26T12:05:14Z",
    "Sun, 26 Sep 2021 12:05:14 XYZ": "2021-09-26T12:05:14Z",
    "Thu, 01 Jan 2015 00:00:00 -0800": "2015-01-01T08:00:00Z",
    "Tue, 31 Dec 2024 24:00:00 GMT": "2025-01-01T00:00:00Z",
    "Sat, 31 Dec 2016 23:59:60 GMT": "2017-01-01T00:00:00Z",
    "Mon, 26 Sep 2021 12:05:14 GMT": "2021-09-26T12:05:14Z",  # it was a Sunday; the number counts
    # asctime, date(1), JavaScript, and other people's habits
    "Sun Sep 26 12:05:14 2021": "2021-09-26T12:05:14Z",
    "Thu Jan  1 19:48:21 EST 2004": "2004-01-02T00:48:21Z",
    "Sun Sep 26 2021 12:05:14 GMT+0100 (Central European Standard Time)": "2021-09-26T11:05:14Z",
    "Sep 26, 2021 3:05 PM": "2021-09-26T15:05:00Z",
    "September 26th, 2021 12:05 a.m.": "2021-09-26T00:05:00Z",
    "Sunday, September 26, 2021 at 12:05 PM ET": "2021-09-26T16:05:00Z",
    "Sunday, December 26, 2021 at 12:05 PM ET": "2021-12-26T17:05:00Z",
    "Dec 27 2005 13:08:54+0900": "2005-12-27T04:08:54Z",
    "Fri, 2006/09/15 08:19:53 EDT": "2006-09-15T12:19:53Z",
    "12:05, 26 September 2021": "2021-09-26T12:05:00Z",
    "12:05 May 26 2021": "2021-05-26T12:05:00Z",
    "September 2021": "2021-09-01T00:00:00Z",
    # ISO 8601, RFC 3339, W3CDTF
    "2021-09-26T12:05:14Z": "2021-09-26T12:05:14Z",
    "2021-09-26t12:05:14z": "2021-09-26T12:05:14Z",
    "2021-09-26T12:05:14.987654321Z": "2021-09-26T12:05:14Z",
    "2021-09-26T12:05:14,5+02:00": "2021-09-26T10:05:14Z",
    "2021-09-26T12:05−04:00": "2021-09-26T16:05:00Z",
    "2021-09-26T12:05:14+0200[Europe/Paris]": "2021-09-26T10:05:14Z",
    "2021-09-26+02:00": "2021-09-25T22:00:00Z",
    "2021-09-26Z": "2021-09-26T00:00:00Z",
    "2021-09-26 12:05:14.0": "2021-09-26T12:05:14Z",
    "2021-09-26 12:05:14 UTC": "2021-09-26T12:05:14Z",
    "20210926T120514Z": "2021-09-26T12:05:14Z",
    "20210926T1205+02": "2021-09-26T10:05:00Z",
    "20210926120514": "2021-09-26T12:05:14Z",
    "2021-09-26T12Z": "2021-09-26T12:00:00Z",
    "2021-W38-7": "2021-09-26T00:00:00Z",
    "2021W387T12:05Z": "2021-09-26T12:05:00Z",
    "2021-269": "2021-09-26T00:00:00Z",
    "2021269": "2021-09-26T00:00:00Z",
    "2003-12-31T24:00:00Z": "2004-01-01T00:00:00Z",
    "2016-12-31T23:59:60Z": "2017-01-01T00:00:00Z",
    "2021": "2021-01-01T00:00:00Z",
    "2021-09": "2021-09-01T00:00:00Z",
    "20210926": "2021-09-26T00:00:00Z",
    "2005-11-9": "2005-11-09T00:00:00Z",
    "2020/1/10 14:33:00": "2020-01-10T14:33:00Z",
    "2006. 01. 04. 17:48:45": "2006-01-04T17:48:45Z",
    "2024-12-17 02:00:30:00 +0900": "2024-12-16T17:00:30Z",
    # numbers only
    "26.9.2021": "2021-09-26T00:00:00Z",
    "03.04.2021, 16.42 Uhr": "2021-04-03T16:42:00Z",
    "03-04-2021": "2021-04-03T00:00:00Z",
    "09-26-2021": "2021-09-26T00:00:00Z",
    "03/04/2021": "2021-03-04T00:00:00Z",
    "26/09/2021 12:05": "2021-09-26T12:05:00Z",
    "1632657914": "2021-09-26T12:05:14Z",
    "1632657914.25": "2021-09-26T12:05:14Z",
    "1632657914999": "2021-09-26T12:05:14Z",
    "999999999": "2001-09-09T01:46:39Z",
    # other languages
    "So, 26. September 2021 12:05 Uhr": "2021-09-26T12:05:00Z",
    "Mi, 03 Mär 2021 12:05:14 +0100": "2021-03-03T11:05:14Z",
    "dimanche 1er août 2021 à 16h42": "2021-08-01T16:42:00Z",
    "sáb, 02 ene 2021 12:05:14 +0000": "2021-01-02T12:05:14Z",
    "2 de outubro de 2021 às 13:00": "2021-10-02T13:00:00Z",
    "lun, 27 settembre 2021 12:05:14 +0200": "2021-09-27T10:05:14Z",
    "zondag 3 maart 2021, 12:05 uur": "2021-03-03T12:05:00Z",
    "26 września 2021 r. 12:05": "2021-09-26T12:05:00Z",
    "2021. szeptember 26. 9:15": "2021-09-26T09:15:00Z",
    "2004-július-13T9:15-05:00": "2004-07-13T14:15:00Z",
    "26 мая 2021 г., 12:05": "2021-05-26T12:05:00Z",
    "Κυρ, 11 Ιούλ 2004 12:00:00 EST": "2004-07-11T17:00:00Z",
    "2021年3月21日 16:42": "2021-03-21T16:42:00Z",
    "2021年3月21日（日）16時42分05秒": "2021-03-21T16:42:05Z",
    "２０２１年３月２１日": "2021-03-21T00:00:00Z",
    "2021年3月21日 星期日 下午4:42": "2021-03-21T16:42:00Z",
    "2021-03-21星期日(Sunday)晴": "2021-03-21T00:00:00Z",
    "2021년 3월 21일 일요일 오전 12:05:09": "2021-03-21T00:05:09Z",
    "2021년 3월 21일 16시 42분 5초": "2021-03-21T16:42:05Z",
}

NOT_READ = (
    *(
        "",
        " ",
        "Invalid Date",
        "null",
        "undefined",
        "now",
        "today",
        "tomorrow 10:00",
        "1 hour ago",
        "5",
        "12:30",
        "noon",
    ),
    *("Copyright 2021", "2021 12:05", "September", "26 September", "10 May", "Sun, 10:00", "2021-09-26 and more"),
    *("2024-02-30", "31 Jun 2021", "2023-02-29", "32 Jan 2021", "2021-13-01", "2021-00-00", "13/13/2021", "2021-366"),
    *(
        "2021-W60-1",
        "2021-09-26T25:00:00Z",
        "2021-09-26T12:61:00Z",
        "2021-09-26T24:00:01Z",
        "2021-09-26T12:05:14+99:00",
    ),
    *("0000-00-00 00:00:00", "0001-01-01T00:00:00Z", "Mon, 01 Jan 0001 00:00:00 +0000", "1989-12-31", "9999-12-31"),
    *("1970-01-01T00:00:00Z", "0", "123456789", "99999999999999999999", "-1632657914", "12345678901", "26 Foo 2021"),
    *("<b>2021-09-26</b>", "2021-09-26" * 20, "\x00", "١٢/٣/٢٠٢١ x", "1e9", "nan", "inf", "True"),
)


@pytest.mark.parametrize(("text", "moment"), READ.items())
def test_read(text: str, moment: str) -> None:
    found = dates.parse(text)
    assert found is not None
    assert dates.rfc3339(found) == moment


@pytest.mark.parametrize("text", NOT_READ)
def test_not_read(text: str) -> None:
    assert dates.parse(text) is None


DAYS = {
    *("September 2021", "2021", "2021-09", "20210926", "2005-11-9", "2021-W38-7", "2021-269", "2021269"),
    *("2021-09-26+02:00", "2021-09-26Z", "26.9.2021", "03-04-2021", "09-26-2021", "03/04/2021"),
    *("２０２１年３月２１日", "2021-03-21星期日(Sunday)晴"),
}
MIDNIGHTS = {
    *("1 Feb 99 00:00 GMT", "Thu, 01 Jan 2015 00:00:00 -0800", "Tue, 31 Dec 2024 24:00:00 GMT"),
    *("2003-12-31T24:00:00Z", "Sat, 31 Dec 2016 23:59:60 GMT", "2016-12-31T23:59:60Z"),
}


def test_which_notations_have_no_clock() -> None:
    read = {text: dates.read(text) for text in READ}
    assert {text for text, moment in read.items() if moment.day_only} == DAYS
    assert {text for text, moment in read.items() if moment.midnight} == DAYS | MIDNIGHTS


@pytest.mark.parametrize(
    ("value", "day_only", "midnight"),
    [
        (date(2024, 5, 1), True, True),
        (20240501, True, True),
        ("2024年3月21日", True, True),
        ("Wed, 01 May 2024", True, True),
        ("2024-05-01T00:00:00Z", False, True),
        ("2024-05-01 00:00", False, True),
        ("2024-05-01T00:00:01Z", False, False),
        (datetime(2024, 5, 1, tzinfo=UTC), False, True),
        ("Tue, 30 Apr 2024 16:00:00 GMT", False, True),  # it is midnight in Shanghai
        (1714492800, False, True),  # the same
        ("Tue, 30 Apr 2024 16:00:01 GMT", False, False),
        ("2024-02-30", False, False),
        ("", False, False),
        (None, False, False),
    ],
)
def test_days_and_midnights(value: object, day_only: bool, midnight: bool) -> None:
    found = dates.read(value, "Asia/Shanghai")
    assert (found.day_only, found.midnight) == (day_only, midnight)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (date(2021, 9, 26), "2021-09-25T16:00:00Z"),
        (datetime(2021, 9, 26, 12, 5, 14, 999), "2021-09-26T04:05:14Z"),  # noqa: DTZ001 (naive is the case)
        (datetime(2021, 9, 26, 12, tzinfo=timezone(timedelta(hours=2))), "2021-09-26T10:00:00Z"),
        (1632657914, "2021-09-26T12:05:14Z"),
        (20210926, "2021-09-25T16:00:00Z"),
        ("2021-09-26 12:05", "2021-09-26T04:05:00Z"),
        ("Sun Sep 26 12:05:14 CST 2021", "2021-09-26T04:05:14Z"),  # China's here, not Chicago's
        ("Sun Sep 26 12:05:14 EST 2021", "2021-09-26T17:05:14Z"),
    ],
)
def test_local_time(value: object, moment: str) -> None:
    found = dates.parse(value, "Asia/Shanghai")
    assert found is not None
    assert dates.rfc3339(found) == moment


def test_summer_time() -> None:
    assert dates.parse("2021-07-01 12:00", "Europe/Berlin") == datetime(2021, 7, 1, 10, tzinfo=UTC)
    assert dates.parse("2021-12-01 12:00", "Europe/Berlin") == datetime(2021, 12, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, True, [], {"a": 1}, float("nan"), b"2021-09-26", date.min, date.max])
def test_no_date(value: object) -> None:
    assert dates.parse(value) is None


@pytest.mark.parametrize("zone", ["", "No/Where", "../etc/passwd", "/etc/passwd", "Europe", "a\0b"])
def test_unknown_zone(zone: str) -> None:
    assert dates.parse("2021-09-26", zone) is None


MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 (as Hypothesis wants)


@given(MOMENTS)
def test_what_we_write_we_read(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    assert dates.read(f"{moment:%Y-%m-%d}") == (whole.replace(hour=0, minute=0, second=0), True, True)
    assert dates.read(dates.rfc3339(moment)) == (whole, False, moment.strftime("%T") == "00:00:00")
    assert dates.parse(dates.rfc822(moment)) == dates.parse(dates.rfc3339(moment)) == whole
    assert dates.parse(moment.isoformat()) == dates.parse(moment.ctime()) == whole
    assert dates.parse(f"{moment:%d %B %Y %I:%M:%S %p}") == dates.parse(f"{moment:%Y%m%d%H%M%S}") == whole


@settings(max_examples=300)
@given(st.text() | st.text("0123456789 -:./,+TZWadegijmnpstuvy年月日時分오후()[]", max_size=40))
@example("9" * 5000)
@example("0:" * 50)
@example("(" * 100)
def test_any_text(text: str) -> None:
    found, day_only, midnight = dates.read(text)
    assert found == dates.parse(text)
    assert found is None or (1990 <= found.year <= 9998 and found.tzinfo is UTC and found.microsecond == 0)
    assert midnight >= day_only
    assert not midnight or found
