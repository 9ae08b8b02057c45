"""The terms on which sources are visited: what a visit may cost, how often there is one, and what hosts have asked for;
how the selectors of a page fared, what an item is recognised by, and how far long work is.

Part of the model, and found there too: frozen values, standard library only.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class Access:
    """How one source is asked, beyond what all are. Its secrets never appear in a repr.

    `headers` are sent to the source's own origin only; `user_agent` and `proxy` ("" for none) are instead of the common
    ones; `verify` False accepts any certificate; `missing` says which secrets are not there: then nobody can be asked.
    """

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    user_agent: str = ""
    proxy: str = field(default="", repr=False)
    verify: bool = True
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one visit may cost, and how it is made."""

    timeout: timedelta = timedelta(seconds=30)
    max_bytes: int = 10_000_000
    access: Access = Access()


@dataclass(frozen=True, slots=True)
class Cron:
    """Times of the day, the week or the month: five fields as cron has them, in an IANA zone."""

    expression: str
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a source is visited: keys of `[fetch]` and, but for the pauses, of `[[source]]`.

    `interval` is the least time between two visits, `interval_cap` the most that a source's own rhythm makes of it,
    where it is longer. With a `schedule` neither counts, but its times; or, where it is a length, that, and `interval`
    is the same. `jitter` is the share of a wait by which visits drift apart; `unvalidated` the least time where every
    visit gets the whole document. `freshness_cap`, `ttl_cap` and `skip_cap` bound what a publisher may ask for: by
    cache headers, by ttl and sy:*, by skipHours and skipDays. `backoff_cap` bounds the wait after failures,
    `refused_wait` is the first one after 401 and 403. `pause` is the first silence of a host after 429 or 503 without
    Retry-After, doubling up to `pause_cap`, which bounds Retry-After as well. A 410 is believed the second time, when
    `gone_after` has passed since the first; a permanent redirect after `move_visits` visits over at least `move_after`.
    """

    interval: timedelta = timedelta(hours=1)
    interval_cap: timedelta = timedelta(days=1)
    schedule: timedelta | Cron | None = None
    jitter: float = 0.1
    unvalidated: timedelta = timedelta(days=1)
    freshness_cap: timedelta = timedelta(days=7)
    ttl_cap: timedelta = timedelta(days=1)
    skip_cap: timedelta = timedelta(days=1)
    backoff_cap: timedelta = timedelta(days=7)
    refused_wait: timedelta = timedelta(hours=4)
    pause: timedelta = timedelta(hours=1)
    pause_cap: timedelta = timedelta(days=30)
    gone_after: timedelta = timedelta(days=1)
    move_visits: int = 3
    move_after: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hints:
    """What a publisher says about when to come again.

    `fresh_for` comes from Cache-Control or Expires of the last answer, 304 included (RFC 9111 §4.2), its age already
    taken off; `ttl` from RSS <ttl>; `period` from sy:updatePeriod and sy:updateFrequency; `skip_hours` (0 to 23) and
    `skip_days` (0 is Monday) from RSS, in UTC; `hub` is a WebSub hub, `topic` what the feed is called there ("": it
    does not say); `validated` False: the server gives no ETag and no date, or ignores them.
    """

    fresh_for: timedelta | None = None
    ttl: timedelta | None = None
    period: timedelta | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()
    hub: str = ""
    topic: str = ""
    validated: bool = True


@dataclass(frozen=True, slots=True)
class Move:
    """A permanent redirect: where to, at how many visits in a row it was met, since when, and whether it is followed.

    0 visits: another feed was there when it was met first.
    """

    url: str
    visits: int
    since: datetime
    believed: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a failed visit was about: its class (`http 404`, `dns` ...), Retry-After, whether anybody was `asked`."""

    kind: str
    retry_after: timedelta | None = None
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Cost:
    """What was asked of hosts: how many requests, the HTTP status of the last answer (0: there was none), and the bytes
    of bodies that arrived, as they are on the wire."""

    requests: int = 0
    status: int = 0
    received: int = 0


FREE = Cost()
"""Nobody was asked anything."""


@dataclass(frozen=True, slots=True)
class HostState:
    """What is remembered of a host across runs: when it was asked last, and until when it wants silence, and why.

    `pauses` counts the times in a row that it asked for silence without saying how long.
    """

    last_request: datetime | None = None
    not_before: datetime | None = None
    reason: str = ""
    pauses: int = 0


@dataclass(frozen=True, slots=True)
class HostRule:
    """What the config says of one host: `name` (ASCII, lower case) and all names below it, which count as one host.

    `spacing` (the least time from one request to the next), `pause` and `pause_cap` (as in Pace) are None where the
    common ones hold; `concurrency` is how many connections and requests at a time it gets.
    """

    name: str
    spacing: timedelta | None = None
    pause: timedelta | None = None
    concurrency: int = 1
    pause_cap: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Catch:
    """What a selector of a page has caught, for its owner to see: the `name` of its field, the selector ("" for the
    usual place), in how many `of` so many items it found something, and the first items in which it did not."""

    name: str
    selector: str
    found: int
    of: int
    missed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signs:
    """What an item is recognised by, and its prints (identity.signs): of its `words` and, as a `digest`, of all."""

    keys: tuple[str, ...]
    words: str
    digest: str


Work = Literal[
    "checking", "comparing", "copying", "grouping", "reading", "removing", "sorting", "updating", "visiting", "writing"
]
Progress = Callable[[int, int, Work, str], None]
"""Hears how far long work is: how many are done, of how many (0: nobody knows), the work, the name of what it is at."""
