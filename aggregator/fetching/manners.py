"""What one host is owed: a pause between two requests, and silence where it asks for that. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from aggregator.model import HostRule, HostState, Pace

ASK_FOR_SILENCE = (429, 503)  # RFC 6585 §4, RFC 9110 §15.6.4


def rule(rules: Iterable[HostRule], host: str) -> HostRule:
    """What holds for a host: the rule of the longest name that it has or is below of, or one of its own name alone.

    The rule's name is what the host is known by, so that all below it (blogs of one service) share their turns.
    """
    fitting = (each for each in rules if f".{host}".endswith(f".{each.name}"))
    return max(fitting, key=lambda each: len(each.name), default=HostRule(host))


def pace(common: Pace, rule: HostRule) -> Pace:
    """The pauses of a host: those of its rule, and the common ones where that is silent."""
    if rule.pause is None and rule.pause_cap is None:
        return common
    pause = common.pause if rule.pause is None else rule.pause
    return replace(common, pause=pause, pause_cap=common.pause_cap if rule.pause_cap is None else rule.pause_cap)


def silent_until(state: HostState, now: datetime, cap: timedelta) -> datetime | None:
    """Until when the host wants to hear nothing, or None when it may be asked at `now`.

    No pause is longer than `cap`, also when the clock was put back a little or the cap was lowered. What lies more than
    a day further ahead was written while a clock was wrong: it does not count.
    """
    until = state.not_before
    if until is None or not timedelta() < until - now <= cap + timedelta(days=1):
        return None
    return min(until, now + cap)


def spacing_left(state: HostState, now: datetime, spacing: timedelta) -> timedelta:
    """How long to wait until `spacing` has passed since the last request began; never longer than `spacing`."""
    if state.last_request is None:
        return timedelta()
    return min(max(state.last_request + spacing - now, timedelta()), spacing)


def asked(state: HostState, now: datetime) -> HostState:
    """The host's state when a request to it begins."""
    return replace(state, last_request=now)


def after(state: HostState, status: int, retry_after: timedelta | None, now: datetime, pace: Pace) -> HostState:
    """The host's state after it answered with `status` at `now`; `retry_after` is its Retry-After (RFC 9110 §10.2.3).

    429 and 503 silence it for that long or, when they do not say how long (or say: not at all), for `pace.pause`,
    doubled each time in a row; never for longer than `pace.pause_cap`. A success ends the row.
    """
    if status in ASK_FOR_SILENCE:
        wait = retry_after or pace.pause * 2 ** min(state.pauses, 20)
        return replace(
            state,
            not_before=now + min(wait, pace.pause_cap),
            reason=f"HTTP {status} with Retry-After" if retry_after else f"HTTP {status}",
            pauses=state.pauses if retry_after else state.pauses + 1,
        )
    return replace(state, not_before=None, reason="", pauses=0) if status < 400 else state


def words(host: str, state: HostState, until: datetime, now: datetime) -> str:
    """`news.example asked for silence until 14:05 UTC (HTTP 429)`; with the date when that is not today."""
    moment = until.astimezone(UTC)
    day = "" if moment.date() == now.astimezone(UTC).date() else f"{moment:%Y-%m-%d} "
    return f"{host} asked for silence until {day}{moment:%H:%M} UTC" + (f" ({state.reason})" if state.reason else "")
