"""Who may look at the dashboard: whoever shows the token, and where there is none, whoever sits at this machine.

A page of the web can make a browser at this machine ask us, too, under a name of its own that it points at 127.0.0.1
(DNS rebinding): the Host header gives that away. What came through a proxy may come from anywhere. Pure.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

from aggregator.values import address, is_loopback

COOKIE = "aggregator"
_BY_PROXIES = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


@dataclass(frozen=True, slots=True)
class Gate:
    """What is asked of a request to `port`: the `token`; where that is "", to come from this machine."""

    port: int
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why someone is kept out: the status (401: show the token; 403: not in this way) and a line that says so."""

    status: int
    why: str


def refusal(gate: Gate, asked: Mapping[str, str]) -> Refusal | None:
    """Why a request with these headers (names in lower case) is kept out; None for one that is let in."""
    if gate.token:
        scheme, _, shown = asked.get("authorization", "").partition(" ")
        by_header = scheme.lower() == "bearer" and fits(gate, shown.strip())
        if by_header or _same(_cookie(asked.get("cookie", "")), proof(gate)):
            return None
        return Refusal(401, "show the token: `Authorization: Bearer TOKEN`, or in a browser once `?token=TOKEN`")
    if not _means_us(asked.get("host", ""), gate.port):
        return Refusal(403, f"this is the dashboard at localhost:{gate.port}; any other name needs a `token` in [web]")
    if any(name in asked for name in _BY_PROXIES):
        return Refusal(403, "what comes through a proxy needs a `token` in [web]")
    return None


def fits(gate: Gate, shown: str) -> bool:
    """Whether this is the token, in the same time for all that it is not."""
    return bool(gate.token) and _same(shown, gate.token)


def proof(gate: Gate) -> str:
    """What the cookie holds: it proves that the token was known, and does not give it away."""
    return hmac.new(gate.token.encode(), b"aggregator dashboard", "sha256").hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode())


def _cookie(header: str) -> str:
    try:
        return SimpleCookie(header)[COOKIE].value
    except (CookieError, KeyError):
        return ""


def _means_us(host: str, port: int) -> bool:
    """Whether a Host header (RFC 9110 §7.2) is this machine by its own names, at this port."""
    try:
        name, number = address(host if re.search(r":[0-9]+$", host) else f"{host}:80")
    except ValueError:
        return False
    return is_loopback(name) and number == port
