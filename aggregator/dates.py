"""Dates from outside: every notation that real feeds and posts use, as aware UTC, or nothing. Pure, no clock.

A text is taken apart in three steps, each a table below: the time of day with its zone is cut out, then a weekday and
words such as "de" or "um", and what is left must be a date from end to end.
"""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

# English, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Hungarian, Russian and Greek, as `_fold` leaves
# them (lower case, no accents); both cases where a language has two.
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janner januari janvier janv enero ene janeiro gennaio gen styczen stycznia sty"
            " январь января янв ιανουαριος ιανουαριου ιαν",
            "feb february februar febr februari februarius fevrier fevr fev febrero fevereiro febbraio luty lutego lut"
            " февраль февраля фев февр φεβρουαριος φεβρουαριου φεβ",
            "mar march marz maerz mrz mars marzo marco maart mrt marzec marca marcius marc"
            " март марта мар μαρτιος μαρτιου μαρ",
            "apr april aprilis avril avr abril abr aprile kwiecien kwietnia kwi"
            " апрель апреля апр απριλιος απριλιου απρ",
            "may mai mayo maio mag maggio mei maj maja majus маи мая μαιος μαιου μαι",
            "jun june juni junius juin junio junho giugno giu czerwiec czerwca cze июнь июня июн ιουνιος ιουνιου ιουν",
            "jul july juli julius juillet juil julio julho luglio lug lipiec lipca lip"
            " июль июля июл ιουλιος ιουλιου ιουλ",
            "aug august augustus augusztus aout agosto ago sierpien sierpnia sie"
            " август августа авг αυγουστος αυγουστου αυγ",
            "sep sept september szeptember szept septembre septiembre setiembre setembro set settembre wrzesien"
            " wrzesnia wrz сентябрь сентября сен сент σεπτεμβριος σεπτεμβριου σεπ σεπτ",
            "oct october oktober okt octobre octubre outubro out ottobre ott pazdziernik pazdziernika paz"
            " октябрь октября окт οκτωβριος οκτωβριου οκτ",
            "nov november novembre noviembre novembro listopad listopada lis"
            " ноябрь ноября ноя нояб νοεμβριος νοεμβριου νοε",
            "dec december dez dezember decembre diciembre dic dezembro dicembre grudzien grudnia gru"
            " декабрь декабря дек δεκεμβριος δεκεμβριου δεκ",
        ),
        start=1,
    )
    for name in names.split()
}

# Minutes east of Greenwich: RFC 822 §5.1 first (so CST is America's), then what else is seen in feeds.
_ZONES = {
    name: minutes
    for minutes, names in {
        -600: "hst hast",
        -540: "akst",
        -480: "pst akdt",
        -420: "mst pdt",
        -360: "cst mdt",
        -300: "est cdt",
        -240: "edt ast clt",
        -210: "nst",
        -180: "adt brt art clst",
        -150: "ndt",
        0: "z ut utc gmt wet",
        60: "bst cet mez west",
        120: "cest mesz eet sast",
        180: "eest msk trt",
        240: "msd",
        300: "pkt",
        330: "ist",
        420: "wib",
        480: "awst hkt sgt pht",
        540: "jst kst",
        570: "acst",
        600: "aest",
        630: "acdt",
        660: "aedt",
        720: "nzst",
        780: "nzdt",
    }.items()
    for name in names.split()
}
_AMERICAN = {
    "et": "America/New_York",
    "ct": "America/Chicago",
    "mt": "America/Denver",
    "pt": "America/Los_Angeles",
}

_FORENOON = "上午|午前|오전"
_AFTERNOON = "下午|午後|오후"
_COMPACT_TIME = re.compile(r"(?:(?<=\d)t|(?<=^\d{8}))(\d\d)(\d\d)?(\d\d)?(?![\d:])")
_TIME = re.compile(
    rf"(?P<before>{_FORENOON}|{_AFTERNOON})? ?"
    r"(?<![\d:])(?P<hour>\d{1,2})(?: ?[:h時时시] ?|\.(?=\d\d ?uhr))(?P<minute>\d{1,2})[分분]?"
    r"(?:[: ]?(?P<second>(?<=:)\d{1,2}|\d{1,2}(?=[秒초]))[秒초]?(?:[.,:]\d+)?)?(?![\d:])"
    r"(?: ?(?P<after>[ap])\.? ?m(?:\.|\b))?"
    r"(?: ?\(?(?:(?P<zone>(?:gmt|utc|ut|z)? ?[+-]\d{1,2}(?::?\d{2})?(?!\d))(?: ?[a-z]{1,5}(?![^\W\d]))?"
    r"|(?P<name>[a-z]+/[a-z_/]+|[a-z]{1,5}(?![^\W\d])))\)?)?"
)
_COMMENT = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_EAST_ASIAN_WEEKDAY = re.compile(
    r"(?:星期|[周週])[一二三四五六日天](?: ?[晴阴陰雨雪云雲])?|[月火水木金土日]曜日?|[월화수목금토일]요일"
)
_FILLER = re.compile(
    r"\b(?:de|del|of|the|at|a|um|uhr|alle|ore|las|kl|om|as|o|godz|r|в|г|στις)\b\.?|(?<=\d)(?:st|nd|rd|th|er)\b"
)

_WHOLE = tuple(map(re.compile, (r"(?P<y>\d{4})(?:-(?P<m>\d\d))?", r"(?P<name>[^\W\d]+)\.? (?P<y>\d{4})")))
_DATES = tuple(
    map(
        re.compile,
        (
            r"(?P<y>\d{4})(?P<sep>[-/.]) ?(?P<m>\d{1,2})(?P=sep) ?(?P<d>\d{1,2})\.?",
            r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)",
            r"(?P<y>\d{4})-?(?P<nth>\d{3})",
            r"(?P<y>\d{4})-?w(?P<week>\d\d)(?:-?(?P<weekday>[1-7]))?",
            r"(?P<y>\d{4}) ?[年년] ?(?P<m>\d{1,2}) ?[月월] ?(?P<d>\d{1,2}) ?[日일号號]?",
            r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})",  # slashes are American
            r"(?P<d>\d{1,2})(?P<sep>[-/.]) ?(?P<m>\d{1,2})(?P=sep) ?(?P<y>\d{4})",
            r"(?P<m>\d{1,2})-(?P<d>\d{1,2})-(?P<y>\d{4})",
            r"(?P<d>\d{1,2})[ .,/-]*(?P<name>[^\W\d]+)[ .,/-]*(?P<y>\d{1,4})",
            r"(?P<name>[^\W\d]+)[ .,/-]*(?P<d>\d{1,2})[ .,/-]+(?P<y>\d{1,4})",
            r"(?P<y>\d{4})[ .,/-]*(?P<name>[^\W\d]+)[ .,/-]*(?P<d>\d{1,2})\.?",
        ),
    )
)


def _fold(text: str) -> str:
    """Lower case, no accents, single spaces, full-width digits as ASCII: what the tables are written in."""
    text = unicodedata.normalize("NFKD", text.replace("\u2212", "-").casefold())
    text = "".join(char for char in text if not unicodedata.combining(char))
    return " ".join(unicodedata.normalize("NFKC", text).split())


@lru_cache(maxsize=256)
def _iana(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # malformed, a directory, unknown
        return None


def _year(digits: str) -> int:
    """The year of one to four digits (RFC 5322 §4.3: 0 to 49 are this century's, three digits count from 1900)."""
    year = int(digits)
    return year if len(digits) == 4 else year + (2000 if year < 50 else 1900)


def _day(text: str, patterns: tuple[re.Pattern[str], ...] = _DATES) -> date | None:
    """The first reading of `text` that is a day of the calendar."""
    for pattern in patterns:
        found = pattern.fullmatch(text)
        if not found:
            continue
        part = found.groupdict()
        year = _year(part["y"])
        try:
            if part.get("week"):
                return date.fromisocalendar(year, int(part["week"]), int(part["weekday"] or 1))
            if part.get("nth"):
                day = date(year, 1, 1) + timedelta(days=int(part["nth"]) - 1)
                if day.year != year:
                    continue
                return day
            month = _MONTHS.get(part["name"], 0) if part.get("name") else int(part.get("m") or 1)
            return date(year, month, int(part.get("d") or 1))
        except ValueError:
            continue
    return None


def _clock(found: re.Match[str]) -> timedelta:
    """The time of day in a match of `_TIME`, since midnight. 24:00 (ISO 8601) and :60 (RFC 3339 §5.6) are real."""
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    half = found["after"] or (found["before"] and ("a" if re.fullmatch(_FORENOON, found["before"]) else "p"))
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    if (hour, minute, second) != (24, 0, 0) and not (hour < 24 and minute < 60 and second <= 60):
        raise ValueError("not a time of day")
    return timedelta(hours=hour, minutes=minute, seconds=second)


def _zone(name: str, local: datetime) -> tzinfo | None:
    """The zone called `name` (`+0900`, `gmt+8`, `est`) at the time `local`; an unknown word changes nothing."""
    offset = re.fullmatch(r"(?:gmt|utc|ut|z)?([+-])(\d{1,2}):?(\d{2})?", name.replace(" ", ""))
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        if minutes > 15 * 60:
            raise ValueError("no zone is that far from Greenwich")
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    if name == (local.tzname() or "").casefold():  # so CST is China's where the source is Chinese
        return local.tzinfo
    if name in _AMERICAN:
        return _iana(_AMERICAN[name])
    if name in _ZONES:
        return timezone(timedelta(minutes=_ZONES[name]))
    return (_iana(name.title()) if "/" in name else None) or local.tzinfo


# RFC 5322 §3.3 and RFC 3339 §5.6 as nearly all feeds write them; the rest is left to the tables above.
_CLOCK = r"(?P<h>[01]\d|2[0-3]):(?P<min>[0-5]\d):(?P<s>[0-5]\d)"
_OFFSET = r"(?P<sign>[+-])(?P<zh>0\d|1[0-4]):?(?P<zm>[0-5]\d)"
_EXACT = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?(?P<d>\d\d?) (?P<name>[A-Z][a-z]{2}) (?P<y>\d{4}) "
    rf"{_CLOCK} (?:GMT|{_OFFSET})|"
    + rf"(?P<y>\d{{4}})-(?P<m>\d\d)-(?P<d>\d\d)T{_CLOCK}(?:\.\d{{1,9}})?(?:Z|{_OFFSET})".replace("?P<", "?P<x"),
    re.ASCII,
)
_SHORT = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
_ENGLISH = {name: n for n, name in enumerate(_SHORT.split(), 1)}


def _exact(text: str) -> datetime | None:
    """The moment of a text that is exactly what the two standards say; None for all others."""
    found = _EXACT.fullmatch(text)
    if not found:
        return None
    if found["y"]:
        year, month, day = found["y"], _ENGLISH.get(found["name"], 0), found["d"]
        clock, offset = found.group("h", "min", "s"), found.group("sign", "zh", "zm")
    else:
        year, month, day = found["xy"], int(found["xm"]), found["xd"]
        clock, offset = found.group("xh", "xmin", "xs"), found.group("xsign", "xzh", "xzm")
    hour, minute, second = map(int, clock)
    try:
        return datetime(int(year), month, int(day), hour, minute, second, tzinfo=_fixed(*offset))
    except ValueError:
        return None


@lru_cache(maxsize=200)
def _fixed(sign: str | None, hours: str | None, minutes: str | None) -> timezone:
    east = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return timezone(-east if sign == "-" else east)


def _moment(text: str, local: tzinfo) -> tuple[datetime, bool] | None:
    """The moment that a text names, and whether it is a day alone. Raises ValueError, OverflowError for some others."""
    if exact := _exact(text):
        return exact, False
    text = _fold(text)
    if stamp := re.fullmatch(r"(\d{9,13})(?:\.\d*)?", text):
        return datetime.fromtimestamp(int(stamp[1]) // (1 if len(stamp[1]) < 11 else 1000), UTC), False
    if day := _day(text, _WHOLE):
        return datetime.combine(day, time(), local), True
    text = _COMPACT_TIME.sub(lambda found: f" {found[1]}:{found[2] or '00'}:{found[3] or '00'}", text)
    text = re.sub(r"(?<=\d)t(?=\d)", " ", text)
    text, zoned = re.subn(r"(?<=^\d{4}-\d\d-\d\d)(?=z|[+-]\d\d:)", " 00:00", text)  # XML Schema's date
    clock, name = timedelta(), ""
    if found := _TIME.search(text):
        clock, name = _clock(found), found["zone"] or found["name"] or ""
        end = found.start("name") if name in _MONTHS else found.end()
        text = f"{text[: found.start()]} {text[end:]}"
    text = _EAST_ASIAN_WEEKDAY.sub(" ", _COMMENT.sub(" ", text))
    text = " ".join(_FILLER.sub(" ", text).split()).strip(" ,;|·-")
    word = re.match(r"([^\W\d]+)[., ]+", text)
    if word and word[1] not in _MONTHS:  # a weekday, in whatever language
        text = text[word.end() :]
    day = _day(text)
    if not day:
        return None
    moment = datetime.combine(day, time(), local)
    return moment.replace(tzinfo=_zone(name, moment + clock)) + clock, bool(zoned) or not found


class Moment(NamedTuple):
    """What a date says: `when` is aware, in UTC and whole seconds, or None where there is none.

    `day_only` says that it names a day (or a month, a year) and no clock, so `when` is the midnight it begins with;
    `midnight` that its clock is 00:00:00, as it is written or in the zone that was asked for.
    """

    when: datetime | None = None
    day_only: bool = False
    midnight: bool = False


def _is_midnight(moment: datetime) -> bool:
    return not (moment.hour or moment.minute or moment.second)


def read(value: object, zone: str = "UTC") -> Moment:
    """A date in any notation. Never a guess, never an exception.

    `value` is text, a number, a datetime or a date; what has no offset is local time in `zone` (an IANA name). Texts:

    - RFC 822 and 5322, with names of zones (EST, PDT, BST, AEST, CET, JST ...; one that `zone` itself uses is that
      zone's), `GMT+8`, years of one to four digits; asctime and Unix `date`;
    - RFC 3339, W3CDTF and ISO 8601: `2024`, `2024-05`, `20240501`, weeks, ordinal days, `24:00`; also `2005-11-9`,
      `2020/1/10 14:33:00`, `2024-12-17 02:00:30:00 +0900`; XML Schema's date with a zone, `2024-05-01+02:00`;
    - `21.3.2021`, `21-3-2021` (day first) and `3/21/2021` (month first), the other way round where that is impossible;
    - month names of eleven European languages, `2021年3月21日 16:42`, `2021년 3월 21일 오후 3:05`;
    - Unix time: 9 or 10 digits of seconds, 12 or 13 of milliseconds.

    Anything else is none, and so is a day that no calendar has, an unknown `zone`, a year before 1990 or after 9998.
    """
    local = None if value == "" else _iana(zone)
    if not local:
        return Moment()
    try:
        if isinstance(value, datetime):
            found: tuple[datetime, bool] | None = (
                (value.replace(tzinfo=local) if value.utcoffset() is None else value),
                False,
            )
        elif isinstance(value, date):
            found = datetime.combine(value, time(), local), True
        else:  # a list or a mapping out of YAML may be too large to print
            found = _moment(str(value)[:100], local) if isinstance(value, str | int | float) else None
        if not found:
            return Moment()
        written, day_only = found
        midnight = _is_midnight(written) or _is_midnight(written.astimezone(local))
        when = written.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError, OSError):
        return Moment()
    return Moment(when, day_only, midnight) if 1990 <= when.year <= 9998 else Moment()


def parse(value: object, zone: str = "UTC") -> datetime | None:
    """When a date is, as `read` has it: aware, in UTC, in whole seconds; None where there is none."""
    return read(value, zone).when


def day(moment: datetime, zone: str) -> date:
    """The day of an aware moment where `zone` (an IANA name) is the time."""
    try:
        return moment.astimezone(_iana(zone) or UTC).date()
    except OverflowError:  # at the ends of the calendar
        return moment.date()


def rfc822(moment: datetime) -> str:
    """An aware datetime as RSS 2.0 wants it (RFC 822, year in full), in any locale: `Sun, 26 Sep 2021 12:05:14 GMT`."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def rfc3339(moment: datetime) -> str:
    """An aware datetime as RFC 3339 in UTC, whole seconds: `2021-09-26T12:05:14Z`."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
