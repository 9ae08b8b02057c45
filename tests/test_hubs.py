"""When hubs are asked, renewed, relied on and left, as tables; and what may stand in what they say."""

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import hubs
from aggregator.hubs import Subscription

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
HUB, TOPIC = "https://hub.example/", "https://news.example/feed"
HELD = Subscription(1, TOPIC, HUB, TOPIC, "token", "secret", "active", NOW, since=NOW, until=NOW + 9 * DAY)


def ago(asked: timedelta, **changed: Any) -> Subscription:
    """That subscription, when its hub was asked so long ago."""
    return replace(HELD, **{"asked": NOW - asked, "since": NOW - asked, "until": NOW - asked + 9 * DAY} | changed)


STEPS: list[tuple[str, Subscription | None, str, str]] = [
    ("new", None, HUB, "subscribe"),
    ("no hub", None, "", ""),
    ("asked just now", ago(HOUR - SECOND, state="asked", failures=1), HUB, ""),
    ("no answer for an hour", ago(HOUR, state="asked", failures=1), HUB, "subscribe"),
    ("none the second time", ago(2 * HOUR - SECOND, state="asked", failures=2), HUB, ""),
    ("two hours after it", ago(2 * HOUR, state="asked", failures=2), HUB, "subscribe"),
    ("never any", ago(7 * DAY - SECOND, state="asked", failures=999), HUB, ""),
    ("never any, a week", ago(7 * DAY, state="asked", failures=999), HUB, "subscribe"),
    ("active", ago(6 * DAY - SECOND), HUB, ""),
    ("two thirds of the lease", ago(6 * DAY), HUB, "subscribe"),
    ("the same while silent", ago(6 * DAY, state="silent"), HUB, "subscribe"),
    ("renewal without an answer", ago(HOUR, failures=1, until=NOW + DAY), HUB, "subscribe"),
    ("renewal just asked", ago(HOUR - SECOND, failures=1, until=NOW + DAY), HUB, ""),
    ("its end", ago(9 * DAY), HUB, "lapse"),
    ("its end, while silent", ago(9 * DAY, state="silent"), HUB, "lapse"),
    ("never verified, so no end", ago(SECOND, until=None, state="asked", failures=1), HUB, ""),
    ("denied", ago(7 * DAY - SECOND, state="denied", until=None), HUB, ""),
    ("denied a week ago", ago(7 * DAY, state="denied", until=None), HUB, "subscribe"),
    ("the feed has no hub any more", ago(HOUR), "", "unsubscribe"),
    ("another hub", ago(HOUR), "https://other.example/", "unsubscribe"),
    ("asked, and no hub any more", ago(HOUR, state="asked", failures=1), "", "unsubscribe"),
    ("denied, and no hub any more", ago(HOUR, state="denied"), "", "forget"),
    ("leaving", ago(DAY - SECOND, state="leaving"), "", ""),
    ("leaving, and wanted again", ago(DAY - SECOND, state="leaving"), HUB, ""),
    ("leaving without an answer", ago(DAY, state="leaving"), HUB, "forget"),
]


@pytest.mark.parametrize(("held", "hub", "step"), [row[1:] for row in STEPS], ids=[row[0] for row in STEPS])
def test_steps(held: Subscription | None, hub: str, step: str) -> None:
    assert hubs.step(held, hub, TOPIC if hub else "", NOW, healthy=True) == step
    ill = hubs.step(held, hub, TOPIC if hub else "", NOW, healthy=False)
    assert ill == ("" if step == "subscribe" else step)


def test_another_name_of_the_feed_is_another_subscription() -> None:
    assert hubs.step(HELD, HUB, TOPIC + "?new", NOW, healthy=True) == "unsubscribe"


@pytest.mark.parametrize(
    ("state", "until", "pushed"),
    [
        ("active", HOUR, True),
        ("active", timedelta(0), False),
        ("active", None, False),
        ("silent", HOUR, False),
        ("asked", HOUR, False),
        ("denied", HOUR, False),
        ("leaving", HOUR, False),
    ],
)
def test_what_is_relied_on(state: hubs.State, until: timedelta | None, pushed: bool) -> None:
    held = replace(HELD, state=state, until=None if until is None else NOW + until)
    assert hubs.is_pushed(held, NOW) == pushed


@pytest.mark.parametrize(
    ("since", "before", "found", "missed"),
    [
        (DAY, 23 * HOUR, [], False),
        (DAY, 23 * HOUR, [2 * HOUR], True),
        (DAY, DAY, [2 * HOUR], True),
        (DAY, 23 * HOUR, [HOUR - SECOND], False),
        (DAY, 23 * HOUR, [HOUR - SECOND, HOUR], True),
        (DAY, 23 * HOUR, [None], True),
        (DAY, 23 * HOUR, [-DAY], False),
        (DAY, DAY + SECOND, [2 * HOUR], False),  # it may have come before the hub knew of us
        (DAY, None, [2 * HOUR], False),
        (None, DAY, [2 * HOUR], False),
    ],
)
def test_what_a_poll_finds_that_was_not_delivered(
    since: timedelta | None, before: timedelta | None, found: list[timedelta | None], missed: bool
) -> None:
    held = replace(HELD, since=None if since is None else NOW - since)
    dates = [None if age is None else NOW - age for age in found]
    assert hubs.has_missed(held, None if before is None else NOW - before, dates, NOW) == missed


@pytest.mark.parametrize(
    ("said", "lease"),
    [
        ("864000", 10 * DAY),
        ("3600", HOUR),
        ("3599", None),
        ("0", None),
        ("999999999999", 30 * DAY),
        ("", None),
        ("-3600", None),
        ("1e6", None),
        ("3600.5", None),
        ("٣٦٠٠٠", None),
        ("9" * 5000, None),
    ],
)
def test_leases(said: str, lease: timedelta | None) -> None:
    assert hubs.lease(said) == lease


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
@given(body=st.binary(max_size=50), other=st.binary(max_size=50))
@settings(max_examples=30)
def test_signatures(method: str, body: bytes, other: bytes) -> None:
    made = hmac.new(b"secret", body, getattr(hashlib, method)).hexdigest()
    assert hubs.is_signed("secret", body, f"{method}={made}")
    assert hubs.is_signed("secret", body, f" {method.upper()}={made.upper()} ")
    assert hubs.is_signed("secret", other, f"{method}={made}") == (body == other)
    assert not hubs.is_signed("Secret", body, f"{method}={made}")
    assert not hubs.is_signed("secret", body, f"{method}={made[:-1]}")


@pytest.mark.parametrize("method", ["md5", "sha224", "", "shake_128", "blake2b"])
def test_other_methods_do_not_count(method: str) -> None:
    made = hmac.new(b"secret", b"body", "md5").hexdigest()
    assert not hubs.is_signed("secret", b"body", f"{method}={made}")


@given(st.text(max_size=30))
@settings(max_examples=100)
def test_any_other_signature_is_none(said: str) -> None:
    assert not hubs.is_signed("secret", b"body", said)


@pytest.mark.parametrize(
    ("state", "error", "failures", "age", "down"),
    [
        ("asked", "refused: no connection", 1, HOUR - SECOND, True),
        ("asked", "refused: no connection", 1, HOUR, False),
        ("active", "HTTP 503", 1, SECOND, True),
        ("asked", "HTTP 429", 1, SECOND, True),
        ("asked", "HTTP 404 (no such topic)", 1, SECOND, False),
        ("asked", "", 1, SECOND, False),
        ("active", "what its hub delivered cannot be read: x", 0, SECOND, False),
        ("denied", "denied: no", 1, SECOND, False),
    ],
)
def test_a_hub_that_is_down_rests(state: hubs.State, error: str, failures: int, age: timedelta, down: bool) -> None:
    held = replace(HELD, state=state, error=error, failures=failures, asked=NOW - age)
    assert hubs.is_down(held, NOW) == down


def test_secrets_are_in_no_repr() -> None:
    shown = repr(HELD) + repr(hubs.Delivered("token", b"body", "")) + repr(hubs.Ignored("token"))
    assert "secret" not in shown and "token=" not in shown and "'token'" not in shown
