"""When a source posts, as far as its entries tell, and how long to wait for the next one. Pure; all moments in UTC.

Where entries come at random, `rate` a day, visits `T` apart find them `T/2` late: a cost of `rate * T / 2`, while each
visit costs the same, so `1 / T`. The sum is least where `T` is in proportion to `1 / sqrt(rate)`; and as the rate is
another at each hour of the day, so is the wait.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import log, sqrt

_HALF_LIFE = 14.0  # days
_PRIOR = (0.25, 1.0)  # entries in days, as if seen before anything was: a source starts at a wait of about five hours
_FIRST = 2.4  # hours to wait for a source of one entry a day; ten visits for each of its entries
_BLUR = 12.0  # entries' worth of "any hour alike" in the profile, so that a few entries make no habit
_MOST = 876_000.0  # hours: a hundred years, which can still be added to any date
UNKNOWN = "not known yet how often it posts"
_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_LASTING = 16  # days with entries that the usual gap looks back on
_FADING = 0.95  # of the longest gap is left, with each day of entries after it


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a source posts. What is years ago counts for nothing: `count` entries were seen in `days` that were watched,
    `hours` of them in each hour of the day (UTC); all three have been halved every fourteen days, up to `until` (None:
    never visited).

    What lasts: `newest` is when the last entry came (None: none that tells its date). `gap` is the usual time from a
    day with entries to the next such day, in days, over the last sixteen of them; `longest` the longest such time, of
    which a twentieth fades with each day of entries; `gaps` how many there were (0: the others say nothing).
    """

    count: float = 0.0
    days: float = 0.0
    hours: tuple[float, ...] = ()
    until: datetime | None = None
    newest: datetime | None = None
    gap: float = 0.0
    longest: float = 0.0
    gaps: int = 0


def learn(rhythm: Rhythm, dates: Iterable[datetime | None], now: datetime) -> Rhythm:
    """The rhythm after a visit at `now` that brought entries of these `dates` (None: not said), which are new.

    The first visit to a source brings all that it lists: it was watched since the oldest of them, as it were. Dates
    ahead, and dates that are all the same, tell nothing there. Later an entry without a believable date came now.
    """
    if rhythm.until is None:
        came = sorted(date for date in dates if date is not None and date <= now)
        if len(came) > 1 and came[0] == came[-1]:
            came = []
        watched, kept = (now - came[0] if came else timedelta(0)), 1.0
        counted = [(date, None if _is_midnight(date) else date.astimezone(UTC).hour) for date in came[1:]]
    else:
        watched = max(now - rhythm.until, timedelta(0))
        kept = _left(watched)
        came = sorted(date if date is not None and date <= now else now for date in dates)
        late = rhythm.until  # what was not there by then, and is dated so, came after its date
        counted = [(date, date.astimezone(UTC).hour if date >= late else now.hour) for date in came]
    hours = [each * kept for each in rhythm.hours] or [0.0] * 24
    for date, hour in counted:
        weight = _left(now - date)
        if hour is None:
            hours = [each + weight / 24 for each in hours]
        else:
            hours[hour] += weight
    learned = Rhythm(
        count=round(rhythm.count * kept + sum(_left(now - date) for date, _ in counted), 4),
        days=round(rhythm.days * kept + (1 - _left(watched)) * _HALF_LIFE / log(2), 4),
        hours=tuple(round(each, 4) for each in hours),
        until=now,
        newest=rhythm.newest,
        gap=rhythm.gap,
        longest=rhythm.longest,
        gaps=rhythm.gaps,
    )
    return _with_gaps(learned, came) if came else learned


def rate(rhythm: Rhythm) -> float:
    """Entries a day, as far as is known; never 0."""
    entries, days = _PRIOR
    return (rhythm.count + entries) / (rhythm.days + days)


def waits(rhythm: Rhythm, least: timedelta, most: timedelta, stretch: float = 1.0) -> list[float]:
    """For each hour of the day (UTC), how many hours apart visits are to be while it lasts: at least `least`, and at
    most `most` before all waits are multiplied by `stretch`."""
    low, high = (max(each, _SECOND) / _HOUR for each in (least, max(most, least)))
    first = _FIRST / sqrt(rate(rhythm))
    return [max(low, min(stretch * min(first / sqrt(part), high), _MOST)) for part in _profile(rhythm)]


def wait(rhythm: Rhythm, now: datetime, least: timedelta, most: timedelta, stretch: float = 1.0) -> timedelta:
    """How long after `now` to come again. Each hour takes its share of the way, and where it is whole is the time; so
    the wait is within `least` and `most`, times `stretch`, too."""
    apart = waits(rhythm, least, most, stretch)
    shares = [1 / each for each in apart]
    whole_days = int(1 / sum(shares) * (1 - 1e-9))
    way, hours = 1 - whole_days * sum(shares), 24.0 * whole_days
    hour, left = now.hour, 1 - (now.minute * 60 + now.second) / 3600  # of this hour
    while way > shares[hour] * left:
        way -= shares[hour] * left
        hours += left
        hour, left = (hour + 1) % 24, 1.0
    return timedelta(hours=min(max(hours + way / shares[hour], min(apart)), max(apart)))


def visits_a_day(rhythm: Rhythm, least: timedelta, most: timedelta, stretch: float = 1.0) -> float:
    """How many visits these waits come to."""
    return sum(1 / each for each in waits(rhythm, least, most, stretch))


def apart(rhythm: Rhythm) -> float | None:
    """How many days there are from one entry to the next, as people are told; None where that is not known yet."""
    if not rhythm.count and rhythm.days < 1:
        return None
    return rhythm.days / rhythm.count if rhythm.count and rhythm.days >= 1 else 1 / rate(rhythm)


def words(rhythm: Rhythm) -> str:
    """`posts about 3 a day, mostly 09-18 UTC`."""
    days = apart(rhythm)
    if days is None:
        return UNKNOWN
    for length, unit in ((1, "day"), (7, "week"), (30, "month")):
        if days <= length * 1.2:
            return f"posts about {round(length / days)} a {unit}{_mostly(rhythm)}"
    return "posts less than once a month"


def _mostly(rhythm: Rhythm) -> str:
    """The shortest run of hours with four fifths of the entries, where it is at most half a day and they are some."""
    until = [0.0, *accumulate(rhythm.hours * 2)]  # the sum of all hours before each, round the clock
    total = sum(rhythm.hours)
    if total < 5:
        return ""
    for length in range(1, 13):
        for start in range(24):
            if until[start + length] - until[start] >= 0.8 * total:
                return f", mostly {start:02}-{(start + length) % 24:02} UTC"
    return ""


def _profile(rhythm: Rhythm) -> list[float]:
    """How busy each hour of the day is; 1 is the mean."""
    hours = rhythm.hours or (0.0,) * 24
    near = [(hours[n - 1] + 2 * hours[n] + hours[(n + 1) % 24]) / 4 for n in range(24)]
    total = sum(near) + _BLUR
    return [(each * 24 + _BLUR) / total for each in near]


def _with_gaps(rhythm: Rhythm, came: Iterable[datetime]) -> Rhythm:
    """The rhythm with what lasts of it, after entries of these moments, in order."""
    newest, gap, longest, gaps = rhythm.newest, rhythm.gap, rhythm.longest, rhythm.gaps
    for date in came:
        if newest:
            days = (date.astimezone(UTC).date() - newest.astimezone(UTC).date()).days
            if days > 0:
                gaps += 1
                gap += (days - gap) / min(gaps, _LASTING)
                longest = max(float(days), longest * _FADING)
        newest = max(newest or date, date)
    return replace(rhythm, newest=newest, gap=round(gap, 2), longest=round(longest, 2), gaps=gaps)


def _left(age: timedelta) -> float:
    """What is left of a weight of 1 after so long; nothing is older than a few lives."""
    return float(0.5 ** min(age / _DAY / _HALF_LIFE, 1000.0))


def _is_midnight(date: datetime) -> bool:
    """Whether a date is a day without a clock, as far as one can see."""
    return (date.hour, date.minute, date.second) == (0, 0, 0)
