"""The checklist of polite fetching, points 1 to 9, 18 and 19: what one feed's publisher finds in the request log.

Whole runs at moments of our choosing; each test is named after its point and looks at nothing but the server's log.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.planet import NOON, Planet, once, rss
from tests.server import Request, Response, Script, Server

HOST = "127.0.0.2"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STORY = {"guid": "g1", "title": "A story", "link": "https://news.example/1", "description": "What happened."}
FEED = rss([STORY])
DATE = "Sat, 14 Mar 2026 09:00:00 GMT"


@pytest.fixture
def planet(tmp_path: Path, server: Server) -> Planet:
    """A planet with one feed, /feed."""
    made = Planet(tmp_path)
    made.feed(server.url("/feed", HOST))
    return made


def in_turn(*answers: Response) -> Script:
    """Each answer once, and the last one from then on."""
    turns = itertools.chain(answers, itertools.repeat(answers[-1]))
    return lambda request: next(turns)


def ok(**headers: str) -> Response:
    return Response(FEED, headers=named(headers))


def same(**headers: str) -> Response:
    return Response(status=304, headers=named(headers))


def named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def conditions(request: Request) -> tuple[str | None, str | None]:
    return request.headers.get("if-none-match"), request.headers.get("if-modified-since")


def asked(planet: Planet, server: Server, hours: Iterable[float]) -> list[float]:
    """Run at each of these hours after noon: at which of them a request came, never more than one."""
    found = []
    for hour in hours:
        before = len(server.log)
        planet.now = NOON + hour * HOUR
        planet.run()
        assert len(server.log) - before in (0, 1)
        found += [hour] if len(server.log) > before else []
    return found


# --- Validators -----------------------------------------------------------------------------------------------------


def test_01_the_first_request_carries_no_condition(planet: Planet, server: Server) -> None:
    server.put("/feed", FEED, etag=True, last_modified=DATE)
    planet.run(force=True)
    assert [(request.path, *conditions(request)) for request in server.log] == [("/feed", None, None)]


ETAGS = ['"a"', 'W/"a"', 'w/"a"', '"a--gzip"', '"a;gzip"', "bare", '"half', '""', '"a b"', '"\xfc"', "W/bare", "0"]
DATES = [DATE, "Saturday, 14-Mar-26 09:00:00 GMT", "Sat Mar 14 09:00:00 2026", "Sat, 14 Mar 2026 09:00:00 +0100"]
DATES += ["Thu, 01 Jan 1970 00:00:00 GMT", "2026-03-14T09:00:00Z", "yesterday", "0", "-1"]


def echoes(planet: Planet, server: Server, name: str, values: list[str]) -> dict[str, list[Any]]:
    """What three runs send to feeds that give these values: by value, its conditions and the status of each request."""
    planet.sources = []
    for number, value in enumerate(values):
        options: dict[str, Any] = {name: value}
        server.put(f"/{number}", FEED, **options)
        planet.feed(server.url(f"/{number}", f"127.0.1.{number + 1}"))
    for _ in range(3):
        planet.run(later=2 * DAY)
    sent: dict[str, list[Any]] = {}
    for request in server.log:
        sent.setdefault(values[int(request.path[1:])], []).append((*conditions(request), request.status))
    return sent


def test_02_if_none_match_is_the_etag_byte_for_byte(planet: Planet, server: Server) -> None:
    sent = echoes(planet, server, "etag", ETAGS)
    assert sent == {tag: [(None, None, 200), (tag, None, 304), (tag, None, 304)] for tag in ETAGS}


def test_03_if_modified_since_is_echoed_even_malformed(planet: Planet, server: Server) -> None:
    sent = echoes(planet, server, "last_modified", DATES)
    assert sent == {date: [(None, None, 200), (None, date, 304), (None, date, 304)] for date in DATES}


def test_03_both_are_sent_when_both_are_known(planet: Planet, server: Server) -> None:
    server.put("/feed", FEED, etag='"a"', last_modified=DATE)
    planet.run()
    planet.run(later=2 * HOUR)
    assert conditions(server.log[1]) == ('"a"', DATE)


def test_03_nothing_is_invented(planet: Planet, server: Server) -> None:
    server.put("/feed", FEED, headers={"Date": DATE, "Expires": DATE})
    for _ in range(3):
        planet.run(later=2 * DAY)
    assert [conditions(request) for request in server.log] == [(None, None)] * 3


@pytest.mark.parametrize(
    ("second", "then"),
    [
        (ok(), (None, None)),
        (ok(ETag='"b"'), ('"b"', None)),
        (ok(Last_Modified="later"), (None, "later")),
        (Response(rss([STORY, {"guid": "g2", "title": "Another"}])), (None, None)),
    ],
)
def test_04_what_a_200_says_no_more_is_sent_no_more(
    planet: Planet, server: Server, second: Response, then: tuple[str | None, str | None]
) -> None:
    server.script("/feed", in_turn(ok(ETag='"a"', Last_Modified=DATE), second))
    for _ in range(3):
        planet.run(later=2 * DAY)
    assert [conditions(request) for request in server.log] == [(None, None), ('"a"', DATE), then]


@pytest.mark.parametrize("more", [{}, {"Last_Modified": DATE}], ids=["05_equal_body", "06_equal_last_modified"])
def test_05_06_a_new_etag_is_learned_though_nothing_else_changed(
    planet: Planet, server: Server, more: dict[str, str]
) -> None:
    server.script("/feed", in_turn(*(ok(ETag=f'"{number}"', **more) for number in range(4))))
    for _ in range(4):
        planet.run(later=2 * DAY)
    assert [conditions(request)[0] for request in server.log] == [None, '"0"', '"1"', '"2"']
    assert {conditions(request)[1] for request in server.log[1:]} == {more.get("Last_Modified")}


def test_06_a_new_last_modified_is_learned_though_the_body_is_equal(planet: Planet, server: Server) -> None:
    server.script("/feed", in_turn(ok(Last_Modified="one"), ok(Last_Modified="two")))
    for _ in range(3):
        planet.run(later=2 * DAY)
    assert [conditions(request)[1] for request in server.log] == [None, "one", "two"]


@pytest.mark.parametrize(
    ("second", "then"),
    [
        (same(), ('"a"', DATE)),
        (same(ETag='"b"'), ('"b"', DATE)),
        (same(Last_Modified="later"), ('"a"', "later")),
        (same(ETag='W/"b"', Last_Modified="later"), ('W/"b"', "later")),
    ],
)
def test_07_what_a_304_says_replaces_what_was_known(
    planet: Planet, server: Server, second: Response, then: tuple[str, str]
) -> None:
    server.script("/feed", in_turn(ok(ETag='"a"', Last_Modified=DATE), second, same()))
    for _ in range(4):
        planet.run(later=2 * HOUR)
    assert [conditions(request) for request in server.log] == [(None, None), ('"a"', DATE), then, then]


def test_07_a_304_renews_how_long_the_feed_is_fresh(planet: Planet, server: Server) -> None:
    long, short = "max-age=36000", "max-age=7200"
    server.script("/feed", in_turn(ok(ETag='"a"'), same(Cache_Control=long), same(Cache_Control=short), same()))
    assert asked(planet, server, [0, 1.1, 11, 11.2, 13.1, 13.3]) == [0, 1.1, 11.2, 13.3]


@pytest.mark.parametrize("marks", [{"etag": True}, {"last_modified": DATE}, {"etag": 'W/"a"', "last_modified": "x"}])
def test_08_an_unchanged_feed_is_transferred_once(planet: Planet, server: Server, marks: dict[str, Any]) -> None:
    server.put("/feed", FEED, **marks)
    edits: list[dict[str, Any]] = [
        {"title": "Named"},
        {"title": "Named", "category": "a/b"},
        {"category": [["a"], ["c"]], "language": "de", "timezone": "Europe/Vienna"},
        {"interval": "30m", "timeout": "9s", "max_bytes": "1MB"},
    ]
    planet.run()
    for edit in edits:
        planet.sources[0] = {"url": planet.sources[0]["url"], **edit}
        planet.run(later=2 * HOUR)
    planet.site |= {"base_url": "https://elsewhere.example/", "items": 7, "formats": ["atom"], "timezone": "Asia/Tokyo"}
    planet.run(force=True)
    assert Counter(request.status for request in server.log) == {200: 1, 304: len(edits) + 1}


def test_08_also_by_another_process(planet: Planet, server: Server) -> None:
    server.put("/feed", FEED, etag=True)
    for _ in range(2):
        assert once(planet, "--force").returncode == 0
    assert [request.status for request in server.log] == [200, 304]


def test_08_a_feed_that_was_away_and_comes_back_is_not_transferred_again(planet: Planet, server: Server) -> None:
    server.put("/feed", FEED, etag=True)
    planet.run()
    server.put("/feed", status=500)
    planet.run(later=2 * HOUR)
    server.put("/feed", FEED, etag=True)
    planet.run(later=4 * HOUR)
    assert [request.status for request in server.log] == [200, 500, 304]


def test_08_without_validators_once_a_day(planet: Planet, server: Server) -> None:
    server.put("/feed", FEED)
    assert asked(planet, server, [0, 1.1, 12, 23.9, 24.1, 36, 48, 48.3]) == [0, 24.1, 48.3]


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ([ok(ETag='"a"')], [0, 1.1, 25.2, 49.3]),
        ([ok(ETag='"b"', Last_Modified="now")], [0, 1.1, 25.2, 49.3]),
        ([ok(ETag='"a"'), same()], [0, 1.1, 25.2, 26.3, 27.4, 48.1, 49.2, 49.3 + 1]),
        (
            [ok(ETag='"a"'), Response(rss([]), headers={"ETag": '"b"'}), same()],
            [0, 1.1, 25.2, 26.3, 27.4, 48.1, 49.2, 50.3],
        ),
    ],
    ids=["always", "with new validators", "until a 304", "until it changes"],
)
def test_08_a_server_that_ignores_its_own_validators_is_asked_once_a_day(
    planet: Planet, server: Server, then: list[Response], expected: list[float]
) -> None:
    server.script("/feed", in_turn(ok(ETag='"a"'), *then))
    hours = [0, 0.9, 1.1, 2.2, 12, 25, 25.2, 26.3, 27.4, 48.1, 49.2, 49.3, 50.3]
    assert asked(planet, server, hours) == expected
    assert [conditions(request)[0] is None for request in server.log] == [True] + [False] * (len(server.log) - 1)


def test_08_force_asks_at_once_but_conditionally(planet: Planet, server: Server) -> None:
    server.put("/feed", FEED, etag='"a"', last_modified=DATE, headers={"Cache-Control": "max-age=86400"})
    planet.run()
    planet.run(force=True)
    assert [request.status for request in server.log] == [200, 304]
    assert conditions(server.log[1]) == ('"a"', DATE)


# --- How often ------------------------------------------------------------------------------------------------------


FRESH: list[tuple[dict[str, str], list[float], list[float]]] = [
    ({"Cache_Control": "max-age=10800"}, [0, 1.1, 2.9, 3.1], [0, 3.1]),
    ({"Cache_Control": "public; MAX-AGE=10800"}, [0, 1.1, 2.9, 3.1], [0, 3.1]),
    ({"Cache_Control": "max-age=10800", "Age": "3600"}, [0, 1.1, 1.9, 2.1], [0, 2.1]),
    ({"Cache_Control": "max-age=7200", "Expires": "+20"}, [0, 1.1, 1.9, 2.1], [0, 2.1]),
    ({"Expires": "+3"}, [0, 1.1, 2.9, 3.1], [0, 3.1]),
    ({"Expires": "+3", "Age": "3600"}, [0, 1.1, 1.9, 2.1], [0, 2.1]),
    ({"Expires": "0"}, [0, 0.9, 1.1], [0, 1.1]),
    ({"Expires": "-3"}, [0, 0.9, 1.1], [0, 1.1]),
    ({"Cache_Control": "no-cache", "Expires": "+9"}, [0, 0.9, 1.1], [0, 1.1]),
    ({"Cache_Control": "no-store, max-age=9999"}, [0, 0.9, 1.1], [0, 1.1]),
    ({"Cache_Control": "max-age=0"}, [0, 0.9, 1.1], [0, 1.1]),
    ({"Cache_Control": "max-age=60"}, [0, 0.9, 1.1], [0, 1.1]),
    ({"Cache_Control": "max-age=31536000"}, [0, 24, 167, 169], [0, 169]),
    ({"Cache_Control": "max-age=9" + "9" * 30}, [0, 24, 167, 169], [0, 169]),
]
"""What a server says, hours of runs, and at which of them it is asked; in Expires, hours from now."""


def fresh(said: dict[str, str]) -> dict[str, str]:
    """The headers, with Expires by the real clock: that is the one in the server's own Date, and months from ours."""
    hours = said.get("Expires", "0")
    moment = datetime.now(UTC) + float(hours) * HOUR
    return said if hours == "0" else said | {"Expires": format_datetime(moment, usegmt=True)}


@pytest.mark.parametrize(("said", "hours", "expected"), FRESH)
def test_09_a_feed_is_left_alone_while_it_is_fresh(
    planet: Planet, server: Server, said: dict[str, str], hours: list[float], expected: list[float]
) -> None:
    server.script("/feed", in_turn(ok(ETag='"a"', **fresh(said))))
    assert asked(planet, server, hours) == expected


@pytest.mark.parametrize(("said", "hours", "expected"), FRESH[::3])
def test_09_also_when_a_304_says_so(
    planet: Planet, server: Server, said: dict[str, str], hours: list[float], expected: list[float]
) -> None:
    server.script("/feed", in_turn(ok(ETag='"a"'), same(**fresh(said))))
    planet.run(later=-2 * HOUR)
    assert asked(planet, server, hours) == expected


def test_09_a_304_that_says_nothing_leaves_the_feed_as_fresh_as_before(planet: Planet, server: Server) -> None:
    server.script("/feed", in_turn(ok(ETag='"a"', Cache_Control="max-age=10800"), same()))
    assert asked(planet, server, [0, 1.1, 2.9, 3.1, 4.2, 6, 6.2, 9.1, 9.3]) == [0, 3.1, 6.2, 9.3]


def test_18_an_hour_at_least_from_visit_to_visit(planet: Planet, server: Server) -> None:
    server.put("/feed", FEED, etag=True)
    assert asked(planet, server, [0, 0.2, 0.5, 0.99, 1.01, 2, 2.02]) == [0, 1.01, 2.02]


def test_18_feeds_that_were_added_together_drift_apart(planet: Planet, server: Server) -> None:
    planet.fetch["jitter"] = 0.1
    planet.sources = []
    for number in range(40):
        server.put(f"/{number}", rss([{"guid": f"{number}", "title": "T"}]), etag=True)
        planet.feed(server.url(f"/{number}", f"127.0.1.{number + 1}"))
    planet.run()
    counts = []
    for minutes in (*range(59, 68), 120):
        server.log.clear()
        planet.now = NOON + timedelta(minutes=minutes)
        planet.run()
        counts.append(len(server.log))
    assert counts[:2] == [0, 0]  # not yet; and never at second 0, when all the world's cron jobs run
    assert sum(counts[:8]) == 40
    assert max(counts[:8]) < 20
    assert sum(1 for count in counts if count) >= 5


@pytest.mark.parametrize("jitter", [0, 0.1])
def test_18_no_visit_is_planned_for_second_0(planet: Planet, server: Server, jitter: float) -> None:
    server.put("/feed", FEED, etag=True)
    planet.fetch["jitter"] = jitter
    for _ in range(4):
        [outcome] = planet.run(later=2 * HOUR).outcomes
        assert outcome.next_visit
        assert outcome.next_visit.second


def feed_with(inner: str) -> bytes:
    space = b' xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">'
    return FEED.replace(b"<item>", inner.encode() + b"<item>").replace(b">", space, 2).replace(space, b">", 1)


def skip(what: str, *values: object) -> str:
    name = what.lower()
    return f"<skip{what}s>" + "".join(f"<{name}>{value}</{name}>" for value in values) + f"</skip{what}s>"


@pytest.mark.parametrize(
    ("inner", "hours", "expected"),
    [
        ("<ttl>180</ttl>", [0, 1.1, 2.9, 3.1, 4.2, 6, 6.2], [0, 3.1, 6.2]),
        ("<ttl>5</ttl>", [0, 0.9, 1.1], [0, 1.1]),
        ("<ttl>soon</ttl>", [0, 0.9, 1.1], [0, 1.1]),
        ("<ttl>999999</ttl>", [0, 12, 23.9, 24.1], [0, 24.1]),
        ("<sy:updatePeriod>daily</sy:updatePeriod>", [0, 12, 23.9, 24.1, 48, 48.2], [0, 24.1, 48.2]),
        (
            "<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>6</sy:updateFrequency>",
            [0, 3.9, 4.1, 8, 8.2],
            [0, 4.1, 8.2],
        ),
        ("<sy:updatePeriod>yearly</sy:updatePeriod>", [0, 23.9, 24.1], [0, 24.1]),
        # It is 12:00 on a Saturday: next is 13:00.
        (skip("Hour", 13, 14, 15), [0, 1.1, 2.1, 3.1, 4.1], [0, 4.1]),
        (skip("Hour", 15, 16), [0, 3.5, 4.5, 5.1], [0, 5.1]),  # runs that come late, in a skipped hour
        (skip("Hour", *range(13, 25)), [0, 1.1, 11.9, 13.1], [0, 13.1]),  # 24 is hour 0
        (skip("Hour", *range(24)), [0, 1.1, 12, 24.9, 25.1], [0, 25.1]),  # a day of it is enough
        (skip("Day", "Saturday"), [0, 1.1, 11.9, 12.1], [0, 12.1]),
        (skip("Day", "Sunday"), [0, 11.5, 12.6, 24, 35.9, 36.6], [0, 11.5, 36.6]),
    ],
)
def test_19_what_the_feed_asks_for_is_kept_after_a_304_as_well(
    planet: Planet, server: Server, inner: str, hours: list[float], expected: list[float]
) -> None:
    server.put("/feed", feed_with(inner), etag=True)
    assert asked(planet, server, hours) == expected
    assert {request.status for request in server.log[1:]} == {304}
