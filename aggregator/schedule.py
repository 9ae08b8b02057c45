"""When to come again, and why. Pure: the same visit gives the same answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from aggregator import rhythm as rhythms
from aggregator.cron import following
from aggregator.model import Cron, Hints, Pace, Trouble
from aggregator.rhythm import UNKNOWN, Rhythm

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=36500)  # longer than any plan, short enough to be added to any date
_WEEK_IN_HOURS = 7 * 24
_BACKUP = _DAY  # between visits to what a hub delivers
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EVERY, _POSTS, _AT = "every ", "posts ", "scheduled at "
_UNVALIDATED = "always sent in full: "
_SOONER = "sooner by the config: "
_OWN = (_EVERY, _POSTS, _AT, UNKNOWN, _UNVALIDATED)  # how the reasons begin of what was planned after a success
_WISHES = ("publisher says ", "ttl ", "updates ")
_NO_RHYTHM = Rhythm()
_REFUSED = ("http 401", "http 401 elsewhere", "http 403", "http 403 elsewhere", "blocked")
_OURS = ("no match",)  # the server is well; the owner mends the config, and should see soon that it works
_BUSY = ("http 429", "http 503", "paused")  # paused: another feed of the host met one of these


@dataclass(frozen=True, slots=True)
class Due:
    """The next visit: the moment (UTC, whole seconds, as the store keeps them), and in words what decided it.

    `gone` means that the publisher has removed the document for good (410, RFC 9110 §15.5.11), and is believed.
    """

    when: datetime
    reason: str
    gone: bool = False


def next_visit(
    now: datetime,
    key: str,
    pace: Pace,
    hints: Hints,
    *,
    validated: bool,
    failures: int = 0,
    trouble: Trouble | None = None,
    gone_since: datetime | None = None,
    last_full: datetime | None = None,
    rhythm: Rhythm = _NO_RHYTHM,
    stretch: float = 1.0,
    pushed: bool = False,
) -> Due:
    """The visit after one to the source `key` that began at `now`.

    `hints` are what the publisher is known to ask for; they are floors, within the caps of `pace`. `validated` False
    says that a server gave neither ETag nor Last-Modified, or ignores them, so that each visit transfers everything
    again. `failures`
    counts the failed visits in a row, this one included; `trouble` is what this one was about; `gone_since` is when the
    first 410 in a row was met, None if this is the first; `last_full` is when the document was transferred last, which
    holds without validators for a failed visit too. `rhythm` is when the source posts, and `stretch` what budgets make
    of its waits (see `stretched`). A source in trouble is asked less and less, but never given up,
    unless it is gone. `pushed` says that a hub delivers what is new, so that a visit a day makes sure of that.
    """
    gone = False
    own, reason = _own(now, pace, rhythm, stretch)
    if failures > 0 or trouble:
        scheduled, at = own, reason
        own, reason, gone = _after_failure(now, pace, max(failures, 1), trouble or Trouble(""), gone_since)
        if isinstance(pace.schedule, Cron) and scheduled > own:
            own, reason = scheduled, f"{reason}; {at}"
        rest = pace.unvalidated - max(now - last_full, timedelta(0)) if last_full and not validated else own
        if rest > own:
            own, reason = rest, f"{reason}; {_no_validators(pace)}"
    elif _is_unvalidated(pace, own, validated=validated):
        own, reason = pace.unvalidated, _no_validators(pace)
    elif pushed and not pace.schedule and own < _BACKUP:
        own, reason = _BACKUP, "hub pushes; backup once a day"
    owed, wish = max(((own, ""), *_wishes(pace, hints)), key=lambda floor: floor[0])
    if wish:
        reason = f"{reason}; {wish}" if failures or trouble or reason.startswith((_POSTS, _AT)) else wish
    planned = _drifted(now, min(owed, _LONGEST), _jitter(pace, owed, wish), _chance(key, now))
    when = _outside(planned, hints, pace.skip_cap)
    return Due(when, f"{reason}; {_skips(hints)}" if when != planned else reason, gone)


def _own(now: datetime, pace: Pace, rhythm: Rhythm, stretch: float) -> tuple[timedelta, str]:
    """The wait after a visit at `now` when all is well and the publisher has no wish, and its reason."""
    if isinstance(pace.schedule, Cron):
        return following(pace.schedule, now) - now, f"{_AT}{pace.schedule.expression} ({pace.schedule.zone})"
    least = min(pace.interval, _LONGEST)
    if pace.schedule or (pace.interval_cap <= pace.interval and stretch <= 1):
        return least, f"{_EVERY}{_text(pace.interval)}"
    reason = rhythms.words(rhythm)
    if stretch >= 1.05:
        reason += f"; waits are {stretch:.1f} times as long to keep to max_requests_per_hour"
    return rhythms.wait(rhythm, now, least, min(pace.interval_cap, _LONGEST), stretch), reason


def _is_unvalidated(pace: Pace, own: timedelta, *, validated: bool) -> bool:
    """Whether it is the missing validators that decide; a schedule is the owner's last word on what is not a wish."""
    return not validated and not pace.schedule and pace.unvalidated > own


def _jitter(pace: Pace, owed: timedelta, wish: str) -> float:
    """The share of a wait to drift by; times of a schedule are kept to the minute, and a wish later than one too."""
    if isinstance(pace.schedule, Cron):
        return 0.0 if wish else min(pace.jitter, _MINUTE / max(owed, _MINUTE))
    return pace.jitter


def stretched(paced: Sequence[tuple[Pace, Hints, Rhythm]], an_hour: float) -> float:
    """What the waits of all these sources have to be multiplied by, 1 or more, so that the visits to all of them are at
    most `an_hour` (more than 0) as far as can be expected.

    No wait is shorter than its `interval`, and the budget goes before `interval_cap`. Sources with a `schedule` are not
    counted, and neither is what failures add: those have their own back-off.
    """
    adaptive = [each for each in paced if not each[0].schedule]
    factor = 1.0
    while (expected := sum(_an_hour(*each, factor) for each in adaptive)) > an_hour:
        factor *= max(expected / an_hour, 1.001)
    return factor


def _an_hour(pace: Pace, hints: Hints, rhythm: Rhythm, stretch: float) -> float:
    """How many visits an hour are to be expected."""
    visits = rhythms.visits_a_day(rhythm, min(pace.interval, _LONGEST), min(pace.interval_cap, _LONGEST), stretch) / 24
    floors = [least for least, _ in _wishes(pace, hints)] + ([] if hints.validated else [pace.unvalidated])
    return min([visits, *(_HOUR / least for least in floors if least > timedelta(0))])


def after_pause(now: datetime, key: str, pace: Pace, wait: timedelta) -> datetime:
    """When to come to the source `key`, which was not asked at `now` as its host wants silence for `wait`.

    It drifts by less than a minute, so that the sources of the host do not all come at the same second.
    """
    most = _MINUTE / max(wait, _MINUTE)
    return _drifted(now, min(wait, _LONGEST), min(pace.jitter, most), _chance(key, now))


def _wishes(pace: Pace, hints: Hints) -> Iterator[tuple[timedelta, str]]:
    """What the publisher asks for: the least wait, and its words.

    RSS 2.0 <ttl>; sy:* is a floor and no ceiling, as WordPress says "hourly" for everybody.
    """
    for said, cap, words in (
        (hints.fresh_for, pace.freshness_cap, f"publisher says max-age {_text(hints.fresh_for)}"),
        (hints.ttl, pace.ttl_cap, f"ttl {_text(hints.ttl)}"),
        (hints.period, pace.ttl_cap, f"updates {_often(hints.period, 'daily')}"),
    ):
        if said is not None:
            yield min(said, cap), f"{words}, capped at {_text(cap)}" if said > cap else words


def _after_failure(
    now: datetime, pace: Pace, failures: int, trouble: Trouble, gone_since: datetime | None
) -> tuple[timedelta, str, bool]:
    """The wait after a failed visit, the reason, and whether the source is gone."""
    cap = min(max(pace.backoff_cap, pace.interval), _LONGEST)
    reason = f"failed {failures} times in a row" if failures > 1 else "failed last time"
    if trouble.kind:
        reason += f" ({trouble.kind})"
    if trouble.kind == "http 410":
        met = max(now - gone_since, timedelta(0)) if gone_since else timedelta(0)
        if gone_since and met >= pace.gone_after:
            return cap, "gone for good (http 410)", True
        rest = max(pace.gone_after - met, pace.interval)
        return min(rest, cap), f"{reason}; gone for good if it says so again", False
    if trouble.kind in _REFUSED:
        wait = _doubled(max(pace.refused_wait, pace.interval), failures, cap)
    elif trouble.kind in _BUSY:
        wait = _doubled(max(pace.pause, pace.interval), failures, cap)
    elif trouble.kind in _OURS:
        wait = _doubled(pace.interval, failures, min(max(pace.interval_cap, pace.interval), cap))
    else:
        wait = _doubled(pace.interval, failures, cap)
    if trouble.retry_after is not None:  # also lawful with other statuses, which then wait for both
        asked = min(trouble.retry_after, pace.pause_cap)
        if trouble.kind in _BUSY or asked > wait:
            return max(asked, pace.interval), f"{reason}; told to wait {_text(asked)}", False
    return wait, reason, False


def _doubled(first: timedelta, failures: int, cap: timedelta) -> timedelta:
    """`first`, doubled with every failure after the first, up to `cap`; in floats, as a timedelta overflows."""
    return timedelta(seconds=min(first.total_seconds() * 2.0 ** min(failures - 1, 60), cap.total_seconds()))


def is_due(
    now: datetime,
    next_visit: datetime,
    hints: Hints,
    pace: Pace,
    *,
    last_visit: datetime | None = None,
    reason: str = "",
    rhythm: Rhythm = _NO_RHYTHM,
    stretch: float = 1.0,
) -> bool:
    """Whether a visit planned for `next_visit` may be made at `now`: a run may come late, in an hour that is skipped.

    It then waits for a later run, until it is `pace.skip_cap` late: with runs once a day all might be in that hour.
    What was planned for a skipped hour has waited long enough.

    A plan a day further ahead than any can be was made while a clock was wrong, and does not count. Where no failure
    was the `reason`, one that was made at `last_visit` ends when one of the present pace would; and where there is a
    schedule by now that it was not made for, the time of that counts instead.
    """
    ahead = next_visit - now
    if ahead > _DAY and ahead > _at_most(_longest(now, pace, stretch), hints, pace) + _DAY:
        return True
    is_young = last_visit and now - last_visit < min(pace.interval, _LONGEST)
    if ahead > timedelta(0) and is_young and not isinstance(pace.schedule, Cron):
        return False  # no wait is below the interval: nothing has to be reckoned
    late = -ahead
    if isinstance(pace.schedule, Cron):
        reason = reason.removeprefix(_SOONER)  # else it stays: what is spread over an hour would be due at once
    is_wish = bool(pace.schedule) and reason.startswith(_WISHES)
    if last_visit and (reason.startswith(_OWN) or _AT in reason or is_wish):
        own, words = _own(last_visit, pace, rhythm, stretch)
        if reason.startswith(_UNVALIDATED) and not pace.schedule:
            own = max(own, pace.unvalidated)
        owed = max(own, *(least for least, _ in _wishes(pace, hints)), timedelta(0))
        if not isinstance(pace.schedule, Cron):
            late = max(late, now - last_visit - _at_most(owed, hints, pace))
        elif words not in reason:
            late = now - last_visit - owed
    is_long = late >= pace.skip_cap or _is_skipped(next_visit, hints)
    return late >= timedelta(0) and (is_long or not _is_skipped(now, hints))


def sooner(
    now: datetime,
    key: str,
    planned: datetime,
    hints: Hints,
    pace: Pace,
    *,
    last_visit: datetime,
    reason: str,
    rhythm: Rhythm = _NO_RHYTHM,
    stretch: float = 1.0,
) -> Due | None:
    """The visit to the source `key` in place of one that was `planned` for this `reason`, where by a `pace` that is new
    it would come sooner; None where it stays as it is, as after a failure, or where a cron expression decides.

    What would be over by now comes within the hour, each source at a moment of its own, so that a config which makes
    all of them due does not have all of them asked at once.
    """
    said = reason.removeprefix(_SOONER)
    is_ours = said.startswith((*_OWN, *_WISHES)) and not isinstance(pace.schedule, Cron)
    if planned <= now or not is_ours:
        return None
    own, words = _own(last_visit, pace, rhythm, stretch)
    validated = hints.validated and not said.startswith(_UNVALIDATED)
    if _is_unvalidated(pace, own, validated=validated):
        own, words = pace.unvalidated, _no_validators(pace)
    owed, wish = max(((own, ""), *_wishes(pace, hints)), key=lambda floor: floor[0])
    if last_visit + _at_most(owed, Hints(), pace) >= planned:
        return None
    when = _drifted(last_visit, min(owed, _LONGEST), _jitter(pace, owed, wish), _chance(key, last_visit))
    if when <= now:
        when = (now + min(owed, _HOUR) * _chance(key, now)).replace(microsecond=0) + timedelta(seconds=1)
    when = _outside(when, hints, pace.skip_cap)
    return Due(when, f"{_SOONER}{wish or words}") if when < planned else None


def _longest(now: datetime, pace: Pace, stretch: float) -> timedelta:
    """The longest wait that is ever planned, before jitter: `refused_wait` and `gone_after` are within these."""
    caps = (pace.freshness_cap, pace.ttl_cap, pace.backoff_cap, pace.pause_cap)
    most = min(max(pace.interval, pace.interval_cap), _LONGEST) / _DAY * max(stretch, 1.0)
    own = following(pace.schedule, now) - now if isinstance(pace.schedule, Cron) else min(most, _LONGEST / _DAY) * _DAY
    return max(own, pace.interval, pace.unvalidated, _BACKUP, *caps)


def _at_most(wait: timedelta, hints: Hints, pace: Pace) -> timedelta:
    """How long after a visit the next one is planned at the latest, where `wait` is what is owed before jitter."""
    wait = min(wait, _LONGEST)
    skipped = min(pace.skip_cap, _WEEK_IN_HOURS * _HOUR) if hints.skip_hours or hints.skip_days else timedelta(0)
    return wait + timedelta(seconds=wait.total_seconds() * min(1.0, max(0.0, pace.jitter))) + skipped + _MINUTE


# --- The clock ------------------------------------------------------------------------------------------------------


def _chance(key: str, now: datetime) -> float:
    """A number from 0 up to 1, by lot, but the same for the same visit."""
    lot = blake2b(f"{now.isoformat()} {key}".encode(errors="replace"), digest_size=6).digest()
    return int.from_bytes(lot, "big") / 2**48


def _drifted(now: datetime, wait: timedelta, jitter: float, chance: float) -> datetime:
    """`now` + `wait` and by chance up to the share `jitter` of it more, so that sources added together drift apart.

    Never at second 0, when everybody's cron jobs run; but waits under a minute, as tests have them, stay as they are.
    """
    room = wait.total_seconds() * min(1.0, max(0.0, jitter))
    when = now + wait
    if when.microsecond:  # the store cuts these off, and then it would be too early
        when = when.replace(microsecond=0) + timedelta(seconds=1)
    when += timedelta(seconds=int(room * chance))
    if wait < _MINUTE:
        return when
    return when.replace(second=max(when.second, 1 + int(min(room, 58) * chance)))


def _outside(when: datetime, hints: Hints, cap: timedelta) -> datetime:
    """The same minute of the next hour that is in no skipped hour or day, at most `cap` later.

    RSS 2.0 <skipHours> and <skipDays>, in UTC. Keeping the minute keeps sources apart.
    """
    for _ in range(min(cap // _HOUR, _WEEK_IN_HOURS)):
        if not _is_skipped(when, hints):
            break
        when += _HOUR
    return when


def _is_skipped(when: datetime, hints: Hints) -> bool:
    return when.hour in hints.skip_hours or when.weekday() in hints.skip_days


# --- Words ----------------------------------------------------------------------------------------------------------


def _skips(hints: Hints) -> str:
    """`skips hours 0-6, 22 UTC and Saturday, Sunday`."""
    runs: list[list[int]] = []
    for hour in sorted(hints.skip_hours):
        if runs and hour == runs[-1][-1] + 1:
            runs[-1].append(hour)
        else:
            runs.append([hour])
    hours = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
    days = ", ".join(name for number, name in enumerate(_DAYS) if number in hints.skip_days)
    return "skips " + " and ".join(filter(None, (hours and f"hours {hours} UTC", days)))


def _no_validators(pace: Pace) -> str:
    return _UNVALIDATED + _often(pace.unvalidated, "once a day")


def _often(period: timedelta | None, daily: str) -> str:
    return daily if period == timedelta(days=1) else f"every {_text(period)}"


def _text(length: timedelta | None) -> str:
    """A length in one unit, exact but for seconds in hours and minutes in days: `90 min`, `3 h`, `7 d`."""
    seconds = round(length.total_seconds()) if length else 0
    for enough, grain in ((86400, 3600), (3600, 60)):
        if seconds >= enough:
            seconds = round(seconds / grain) * grain
            break
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds and seconds % unit == 0:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
