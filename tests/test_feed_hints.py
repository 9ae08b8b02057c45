"""What feeds say of how often they are worth asking: RSS <ttl>, <skipHours>, <skipDays>, sy:*, hubs."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import Hints
from aggregator.sources.feed.timing import links
from tests.test_feed import ATOM, JSON, RSS, read

SY = 'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ITEM = "<item><title>I</title><guid>1</guid><ttl>5</ttl></item>"


def of_rss(inside: str, after: str = ITEM) -> Hints | None:
    return read(RSS.replace("<rss ", f"<rss {SY} ").format(inside + after)).hints


@pytest.mark.parametrize(
    ("ttl", "minutes"),
    [
        ("60", 60),
        (" 60\n", 60),
        ("<![CDATA[60]]>", 60),
        ("60.0", 60),
        ("1", 1),
        ("0", None),
        ("-5", None),
        ("", None),
        ("often", None),
        ("PT1H", None),
        ("9" * 15, 10**6),
        ("9" * 5000, None),
        ("1" + " " * 100_000 + "x", None),
    ],
)
def test_ttl(ttl: str, minutes: int | None) -> None:
    assert of_rss(f"<ttl>{ttl}</ttl>") == Hints(ttl=timedelta(minutes=minutes) if minutes else None)


@pytest.mark.parametrize(
    ("inside", "period"),
    [
        ("<sy:updatePeriod>hourly</sy:updatePeriod>", HOUR),
        ("<sy:updatePeriod>\n\thourly\t</sy:updatePeriod><sy:updateFrequency>\n1 </sy:updateFrequency>", HOUR),
        ("<sy:updatePeriod>Hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>", HOUR / 2),
        ("<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>", 6 * HOUR),
        ("<sy:updatePeriod>weekly</sy:updatePeriod>", 7 * DAY),
        ("<sy:updatePeriod>monthly</sy:updatePeriod>", 30 * DAY),
        ("<sy:updatePeriod>yearly</sy:updatePeriod>", 365 * DAY),
        ("<sy:updateFrequency>2</sy:updateFrequency>", 12 * HOUR),  # daily, by default
        ("<sy:updatePeriod/><sy:updateFrequency>2</sy:updateFrequency>", 12 * HOUR),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", HOUR),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>x</sy:updateFrequency>", HOUR),
        ("<sy:updatePeriod>always</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>", None),
        ("<sy:updatePeriod></sy:updatePeriod>", None),
        ("<sy:updateFrequency>x</sy:updateFrequency>", None),
        ('<s:updatePeriod xmlns:s="http://purl.org/rss/1.0/modules/syndication/">hourly</s:updatePeriod>', HOUR),
        ("<sy:updateBase>2000-01-01T12:00+00:00</sy:updateBase>", None),
    ],
)
def test_syndication(inside: str, period: timedelta | None) -> None:
    assert of_rss(inside) == Hints(period=period)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ("0 1 23", {0, 1, 23}),
        ("24", {0}),
        ("00 07 7", {0, 7}),
        ("25 -1 99 noon 1.5 1:00 , 5", {5}),
        ("", set()),
        (" ".join(map(str, range(24))), set(range(24))),
    ],
)
def test_skip_hours(hours: str, expected: set[int]) -> None:
    inside = "".join(f"<hour>\n {hour} </hour>" for hour in hours.split())
    assert of_rss(f"<skipHours>{inside}</skipHours>") == Hints(skip_hours=frozenset(expected))


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("Monday Sunday", {0, 6}),
        ("Tuesday Wednesday Thursday Friday Saturday", {1, 2, 3, 4, 5}),
        ("SATURDAY sunday", {5, 6}),
        ("Caturday 6 Sonntag", set()),
        ("", set()),
    ],
)
def test_skip_days(days: str, expected: set[int]) -> None:
    inside = "".join(f"<day> {day}\n</day>" for day in days.split())
    assert of_rss(f"<skipDays>{inside}</skipDays>") == Hints(skip_days=frozenset(expected))


def test_junk_in_the_lists() -> None:
    inside = "<skipHours>5<x>6</x><day>Monday</day><hour/><!-- 7 --><hour>8</hour></skipHours><hour>9</hour>"
    assert of_rss(inside) == Hints(skip_hours=frozenset({8}))


def test_hints_may_come_after_the_items() -> None:
    assert of_rss("", ITEM + "<ttl>90</ttl>") == Hints(ttl=timedelta(minutes=90))


def test_a_feed_that_says_nothing_takes_back_what_it_said() -> None:
    """None would mean that nothing was read."""
    for body in (RSS.format(ITEM), ATOM.format(""), JSON.format("")):
        assert read(body).hints == Hints()


def test_rss_1_and_atom() -> None:
    rdf = (
        f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" {SY}>'
        "<channel><title>T</title><sy:updatePeriod>daily</sy:updatePeriod></channel><item><title>I</title></item>"
        "</rdf:RDF>"
    )
    assert read(rdf).hints == Hints(period=DAY)
    atom = ATOM.replace("<feed ", f"<feed {SY} ").format("<sy:updatePeriod>daily</sy:updatePeriod>")
    assert read(atom).hints == Hints(period=DAY)


def test_hubs_are_noted() -> None:
    atom = ATOM.format('<link rel="hub" href="/hub"/><link rel="hub" href="https://two.example/"/>')
    assert read(atom).hints == Hints(hub="https://site.example/hub")
    rss = '<a:link xmlns:a="http://www.w3.org/2005/Atom" rel="hub" href="https://hub.example/"/>'
    assert of_rss(rss + "<ttl>60</ttl>") == Hints(ttl=HOUR, hub="https://hub.example/")
    json = JSON.format("").replace('"items"', '"hubs": [{"type": "WebSub", "url": "https://hub.example/"}], "items"')
    assert read(json).hints == Hints(hub="https://hub.example/")


HUB, SELF = '<https://hub.example/>; rel="hub"', '<https://site.example/feed?a>; rel="self"'


@pytest.mark.parametrize(
    ("header", "hub", "topic"),
    [
        ("", "https://in.example/hub", "https://in.example/feed"),
        (f"{HUB}, {SELF}", "https://hub.example/", "https://site.example/feed?a"),
        (HUB, "https://hub.example/", "https://in.example/feed"),
        (SELF, "https://in.example/hub", "https://site.example/feed?a"),
        ('</h>; rel="a HUB b", <x:y>;rel=self', "https://site.example/h", "https://in.example/feed"),
        ("</h>;REL = hub , <https://two.example/>; rel=hub", "https://site.example/h", "https://in.example/feed"),
        ('</h>; title="a, b; rel=no"; rel=hub', "https://site.example/h", "https://in.example/feed"),
        ('<h>; rel="hub"; anchor="/other"', "https://in.example/hub", "https://in.example/feed"),
        ('<javascript:x>; rel="hub", <https://[>; rel=hub', "https://in.example/hub", "https://in.example/feed"),
        ("<" * 50_000 + '<x>; rel="hub', "https://in.example/hub", "https://in.example/feed"),
    ],
)
def test_a_link_header_goes_before_the_document(header: str, hub: str, topic: str) -> None:
    own = '<link rel="hub" href="https://in.example/hub"/><link rel="self" href="https://in.example/feed"/>'
    assert read(ATOM.format(own), headers={"link": header}).hints == Hints(hub=hub, topic=topic)


def test_a_feed_that_names_no_hub_has_no_topic() -> None:
    assert read(ATOM.format('<link rel="self" href="https://in.example/feed"/>')).hints == Hints()
    assert read(ATOM.format(""), headers={"link": SELF}).hints == Hints()


@given(st.text(st.sampled_from('<>;,="\\ relhubanchoszw:/.'), max_size=60))
@settings(max_examples=300)
def test_any_link_header_gives_web_addresses(header: str) -> None:
    assert all(url.startswith("http") for url in links(header, "https://site.example/").values())


def test_broken_xml_keeps_what_can_be_told_apart() -> None:
    broken = "<ttl>60</ttl><sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>"
    batch = read(RSS.replace("<rss ", f"<rss {SY} ").format(broken + ITEM.replace("<ttl>5</ttl>", "<b>")))
    assert batch.warnings
    assert batch.hints
    assert (batch.hints.ttl, batch.hints.period) == (HOUR, 12 * HOUR)
