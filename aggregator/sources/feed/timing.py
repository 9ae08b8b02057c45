"""What a feed says of how often it is worth asking: RSS <ttl>, <skipHours>, <skipDays>, sy:*, and its hub. Pure."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from aggregator.model import Document, Feed, Hints
from aggregator.sources.feed.parts import Said, number, string
from aggregator.text import http_url

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
_PARAMETER = r"""\s*;\s*([\w!#$&+.^`|~*-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*))?"""
_LINK = re.compile(rf"<([^<>]*)>((?:{_PARAMETER})*)", re.ASCII)


def hints(ttl: str, period: str, frequency: str, hours: Iterable[str] = (), days: Iterable[str] = ()) -> Hints:
    """Texts of elements as Hints; what cannot be read is as if absent.

    `ttl` is in minutes; hours are GMT, and 24 is 0, as RSS 0.91 counted from 1; days are English names (RSS 2.0).
    sy:updatePeriod is `daily` by default, sy:updateFrequency is how often in that time, 1 by default (RSS 1.0
    Syndication module).
    """
    minutes, times = _count(ttl), _count(frequency)
    length = _PERIODS.get(period.strip().lower()) or (_PERIODS["daily"] if times and not period.strip() else None)
    return Hints(
        ttl=timedelta(minutes=minutes) if minutes else None,
        period=length / (times or 1) if length else None,
        skip_hours=frozenset(int(hour) % 24 for hour in hours if re.fullmatch(r"\s*(?:[01]?[0-9]|2[0-4])\s*", hour)),
        skip_days=frozenset(_DAYS.index(name) for day in days if (name := day.strip().lower()) in _DAYS),
    )


def guessed(feed: Said) -> Hints:
    """The same from feedparser's feed, for a document that is no well-formed XML; it keeps no lists of elements."""
    return hints(string(feed, "ttl"), string(feed, "sy_updateperiod"), string(feed, "sy_updatefrequency"))


def with_hub(found: Hints, feed: Feed, document: Document) -> Hints:
    """Hints with the first WebSub hub of the feed, and what it is called there: its `self_url` as it is declared.

    What the Link header says of either goes before the links of the document (WebSub §4).
    """
    said = links(document.headers.get("link", ""), document.url)
    hub = said.get("hub") or next((link.href for link in feed.links if link.rel == "hub"), "")
    return replace(found, hub=hub, topic=said.get("self") or feed.self_url if hub else "")


def links(header: str, base: str) -> dict[str, str]:
    """The first http(s) URL for each relation type of a Link header (RFC 8288 §3); those with an anchor are of another
    document."""
    found: dict[str, str] = {}
    for target, parameters, *_ in _LINK.findall(header):
        own = {name.lower(): value.strip('"') for name, value in reversed(re.findall(_PARAMETER, parameters, re.ASCII))}
        if "anchor" not in own and (url := http_url(target, base)):
            for word in own.get("rel", "").lower().split():
                found.setdefault(word, url)
    return found


def _count(value: str) -> int:
    """A whole number, at most a million; 0 for anything else."""
    return min(number(value) or 0, 10**6)
