"""How a source stands, why, and what to do about it. Pure.

A source is judged as its last visit found it: of one that was not asked nobody can say that it is silent. Its trouble
has to last before it counts: once or twice in a row is `degraded`, the third time `failing`, or at once where it has
never worked. What wants its owner is told once, when it begins and when it ends.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from math import ceil
from typing import Literal
from urllib.parse import urlsplit

from aggregator.fetching import rules
from aggregator.store.sources import Standing
from aggregator.text import http_url, masked, one_line

State = Literal["failing", "blocked", "gone", "moved", "quiet", "degraded", "new", "ok", "disabled"]

STATES: tuple[State, ...] = ("failing", "blocked", "gone", "moved", "quiet", "degraded", "new", "ok", "disabled")
"""By trouble, the worst first."""

WANTING: tuple[State, ...] = ("failing", "blocked", "gone", "moved")
"""These want something of the owner. A quiet one may well be silent for ever, and nothing is to be done about that."""

_BROKEN = ("failing", "blocked", "gone")
_REFUSED = ("http 401", "http 401 elsewhere", "http 403", "http 403 elsewhere", "http 429", "blocked")
_ENOUGH = 3  # failures in a row
_SLOW = 0.5  # of the timeout

_HABIT = 6  # days with entries; fewer are no habit
_WEEK, _MONTH = 7, 30


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a source; `why` and `advice` are lines without secrets, "" where there is nothing to say."""

    state: State
    why: str = ""
    advice: str = ""


def judge(standing: Standing, timeout: timedelta) -> Health:
    """How a source stands after its last visit; `timeout` is what a visit may take."""
    if not standing.enabled:
        return Health("disabled", "not visited, as the config wants it")
    kind = one_line(masked(standing.error.partition(": ")[0]), 60)
    if standing.same_as:
        other = masked(standing.same_as)
        return Health("moved", f"to {other}, which is a source already", "remove one of the two from the config")
    if standing.gone:
        return Health("gone", kind, rules.advice("http 410"))
    if is_failing(standing):
        state: State = "blocked" if kind in _REFUSED else "failing"
        return Health(state, _why(standing.error, kind), _advice(kind, standing))
    if standing.last_visit is None:
        return Health("new")
    if standing.move and standing.move.believed:
        new = masked(standing.move.url)
        return Health("moved", f"to {new}", f'write url = "{new}" into the config')
    if standing.newest and standing.patience and standing.last_visit - standing.newest > standing.patience:
        why = f"nothing new since {standing.newest:%Y-%m-%d}"
        return Health("quiet", why, "look at the site: it may have ended, or moved its feed")
    return _degraded(standing, kind, timeout)


def is_failing(standing: Standing) -> bool:
    """Whether a source does not work: one failure alone tells nothing, unless it was never read."""
    return standing.failures >= _ENOUGH or (standing.failures > 0 and not standing.last_success)


def _degraded(standing: Standing, kind: str, timeout: timedelta) -> Health:
    """What works, but not well: it failed last time, there are warnings, or it takes half of the time that it has."""
    if standing.failures:
        return Health("degraded", _why(standing.error, kind), _advice(kind, standing))
    if number := len(standing.warnings):
        many = f"{number} warnings" if number > 1 else one_line(masked(standing.warnings[0]), 1000)
        return Health("degraded", many)
    if standing.seconds > _SLOW * timeout.total_seconds():
        why = f"takes {standing.seconds:.0f} s of {timeout.total_seconds():.0f} s"
        return Health("degraded", why, rules.advice("timeout"))
    return Health("ok")


def _advice(kind: str, standing: Standing) -> str:
    """What to do about a class of trouble. It names no address, as others may read it; the error itself does."""
    from aggregator.sources import command, feed, page, sitemap

    own = (module.ADVICE.get(kind, "") for module in (feed, page, sitemap, command))
    advice = (rules.advice(kind) or next(filter(None, own), "")).format(entry="HOST:PORT")
    if kind == "no match":  # its error does not say so, as `preview` itself shows that
        advice += f": `aggregator preview {shlex.quote(title(standing))}` shows what they catch"
    return advice


# --- Pages that give nothing ------------------------------------------------------------------------------------------

_SINCE = re.compile(r" since (\d+) visits$")
_UNCOUNTED = " (the last visit came before its time, and does not count)"


def counted(error: str, before: str, *, again: bool) -> str:
    """The error of a page on which nothing is found, with the number of visits in a row that say so: "no match:
    selector `a` matched nothing since 3 visits; ...". Others are given back as they are.

    `before` is the error of the visit before, "" for none; `again` False says that this one came before its time, which
    does not count, and is said.
    """
    said, mark, advice = error.partition("; ")
    earlier = before.partition("; ")[0].removesuffix(_UNCOUNTED)
    if not error.startswith("no match: ") or _SINCE.sub("", earlier) != said:
        return error
    found = _SINCE.search(earlier)
    visits = int(found[1] if found else 1) + again
    since, uncounted = f" since {visits} visits" if visits > 1 else "", "" if again else _UNCOUNTED
    return f"{said}{since}{uncounted}{mark}{advice}"


def _why(error: str, kind: str) -> str:
    """The class of trouble; of a page on which nothing is found, what was looked for: it is in the owner's config."""
    if kind != "no match":
        return kind
    return one_line(masked(error.partition(": ")[2].partition("; ")[0]), 200)


# --- Silence ----------------------------------------------------------------------------------------------------------


def patience(days: Sequence[int]) -> int | None:
    """After how many days of silence a source is quiet that had entries on these days (numbers, in order); None where
    that is no habit yet.

    Three times the usual gap between two of them (nine of ten are not longer), and longer than any silence of up to a
    month that it came back from, by a half; a week at least. So a daily one is quiet after a week, one that rests at
    weekends after nine days, a weekly one after three weeks.
    """
    if len(days) < _HABIT:
        return None
    gaps = sorted(later - earlier for earlier, later in pairwise(days))
    usual, longest = gaps[ceil(0.9 * len(gaps)) - 1], gaps[-1]
    return max(_WEEK, 3 * usual, min(ceil(1.5 * longest), _MONTH))


# --- News -------------------------------------------------------------------------------------------------------------


def same_trouble(before: str, state: State) -> bool:
    """Whether nothing has begun or ended: what is blocked today and fails tomorrow is one trouble."""
    return before == state or {before, state} <= {"failing", "blocked"}


def news(before: str, now: Health, title: str) -> str:
    """What the owner should hear of a change of state, with advice on a second line; "" for what is none of that.

    `before` is "" for a source that was never judged.
    """
    if same_trouble(before, now.state):
        return ""
    if now.state in _BROKEN:
        if before == "gone":  # it is asked on request alone, and what it says then is no news
            return ""
        what = f"{title} is gone for good" if now.state == "gone" else f"{title} is {now.state}"
        return _lines(f"{what}: {now.why}", now.advice)
    if before in _BROKEN and now.state == "moved":
        return _lines(f"{title} works again, and has moved {now.why}", now.advice)
    if before in _BROKEN:
        return f"{title} works again"
    if now.state == "moved":
        return _lines(f"{title} has moved {now.why}", now.advice)
    if now.state == "quiet":
        return _lines(f"{title} has gone quiet: {now.why}", now.advice)
    return f"{title} is no longer quiet" if before == "quiet" else ""


def _lines(*lines: str) -> str:
    return "\n".join(filter(None, lines))


def title(standing: Standing) -> str:
    """What a source is called where there may be strangers."""
    named = one_line(masked(standing.title or standing.feed.title), 200)
    return named or urlsplit(http_url(standing.key)).hostname or masked(standing.key)
