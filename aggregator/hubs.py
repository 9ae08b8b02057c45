"""When to subscribe at a feed's WebSub hub, renew, give up for a while and leave, and when to rely on it. Pure.

Section numbers are those of W3C WebSub (https://www.w3.org/TR/websub/).
"""

import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

State = Literal["asked", "active", "silent", "denied", "leaving"]
Step = Literal["", "subscribe", "unsubscribe", "lapse", "forget"]

LEASE = timedelta(days=10)
"""What is asked for; the hub decides."""
_SHORTEST, _LONGEST = timedelta(hours=1), timedelta(days=30)
_FIRST_WAIT, _LONGEST_WAIT = timedelta(hours=1), timedelta(days=7)
_LEAVE = timedelta(days=1)  # so long a hub has to verify that we leave
_LATE = timedelta(hours=1)  # what is older than that when a poll finds it, should have been delivered
_METHODS = ("sha1", "sha256", "sha384", "sha512")


@dataclass(frozen=True, slots=True)
class Subscription:
    """The subscription of the source `key`.

    `asked` is when its hub was asked or answered last, `failures` how often it was asked since it answered, `since`
    when it was verified first, `until` when its lease ends. `ignored` counts deliveries that were not signed as they
    should be.
    """

    source_id: int
    key: str = field(repr=False)
    hub: str = field(repr=False)
    topic: str = field(repr=False)
    token: str = field(repr=False)
    secret: str = field(repr=False)
    state: State
    asked: datetime
    since: datetime | None = None
    until: datetime | None = None
    delivered: datetime | None = None
    failures: int = 0
    error: str = ""
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A hub asked whether we meant it (§5.3), and was told yes: a subscription for `lease`, or, None, leaving it."""

    token: str = field(repr=False)
    lease: timedelta | None


@dataclass(frozen=True, slots=True)
class Denied:
    """A hub does not want the subscription (§5.2), or no longer."""

    token: str = field(repr=False)
    reason: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A document from a hub (§7) whose signature is right."""

    token: str = field(repr=False)
    body: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A delivery without a right signature: it was answered as others are, and is not looked at (§8)."""

    token: str = field(repr=False)


Event = Confirmed | Denied | Delivered | Ignored
Tell = Callable[[Event], bool]
"""Hands an event to the daemon, from any thread. False: it has too much to do, so the hub has to come again."""


# --- What to do -----------------------------------------------------------------------------------------------------


def step(held: Subscription | None, hub: str, topic: str, now: datetime, *, healthy: bool) -> Step:
    """What to do about a source whose feed names `hub` and `topic`, both "" when it names none or is no longer wanted.

    A `healthy` source is asked for as long as its hub does not answer, less and less. What it has at another hub, or
    under another name, is left before: a token is for one topic. `lapse` says that a lease has ended.
    """
    if held is None:
        return "subscribe" if hub and topic and healthy else ""
    waited = now - held.asked
    if held.state == "leaving":
        return "forget" if waited >= _LEAVE else ""
    if (held.hub, held.topic) != (hub, topic):
        return "unsubscribe" if is_held(held) or held.state == "asked" else "forget"
    if is_held(held) and not (held.until and now < held.until):
        return "lapse"
    return "subscribe" if healthy and waited >= _wait(held) else ""


def _wait(held: Subscription) -> timedelta:
    """How long after `asked` to ask: at two thirds of the lease; after a silence an hour, then twice as long."""
    if held.state == "denied":
        return _LONGEST_WAIT
    if not held.failures and held.until:
        return (held.until - held.asked) * 2 / 3
    doubled: int = 2 ** min(max(held.failures, 1) - 1, 20)
    return min(_FIRST_WAIT * doubled, _LONGEST_WAIT)


def is_down(held: Subscription, now: datetime) -> bool:
    """Whether a request has shown within the last hour that a hub answers nobody, or wants silence (429)."""
    refused = held.state == "denied" or re.match("HTTP 4(?!29)", held.error)
    return bool(held.failures and held.error) and not refused and now - held.asked < _FIRST_WAIT


def is_held(held: Subscription) -> bool:
    """Whether the hub has said that it has the subscription."""
    return held.state in ("active", "silent")


def is_pushed(held: Subscription, now: datetime) -> bool:
    """Whether its hub can be relied on, so that asking the feed itself once a day is enough."""
    return held.state == "active" and held.until is not None and now < held.until


def has_missed(held: Subscription, before: datetime | None, found: Iterable[datetime | None], now: datetime) -> bool:
    """Whether a poll at `now` found what the hub should have delivered since the poll `before`: `found` are the dates
    of the new entries. What is an hour old may be under way still."""
    if not (before and held.since and held.since <= before):
        return False
    return any(published is None or published <= now - _LATE for published in found)


# --- What hubs say ----------------------------------------------------------------------------------------------------


def expects(held: Subscription, mode: str, topic: str) -> bool:
    """Whether a hub's request to verify (§5.3), by its hub.mode and hub.topic, is about what we want."""
    wanted = "unsubscribe" if held.state == "leaving" else "subscribe"
    return mode == wanted and topic == held.topic


def lease(said: str) -> timedelta | None:
    """The lease that a hub gives in seconds, 30 days at most; None for one that is none, or less than an hour, for
    which it is not worth the trouble."""
    if not re.fullmatch(r"[0-9]{1,12}", said):
        return None
    given = min(timedelta(seconds=min(int(said), 10**9)), _LONGEST)
    return given if given >= _SHORTEST else None


def is_signed(secret: str, body: bytes, signature: str) -> bool:
    """Whether an X-Hub-Signature (§7.1), `method=hexadecimal`, is that of a body; it takes as long to say no as yes."""
    method, _, said = signature.strip().partition("=")
    if method.lower() not in _METHODS or not said.isascii():
        return False
    return hmac.compare_digest(hmac.new(secret.encode(), body, method.lower()).hexdigest(), said.strip().lower())
