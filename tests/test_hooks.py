"""WebSub from end to end over real sockets: a feed, its hub, the public listener, and what is published of it."""

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from aggregator import subscribing
from aggregator.store import history
from aggregator.store import sources as stored
from aggregator.store.engine import reading
from aggregator.store.sources import Standing
from aggregator.web import hooks
from tests.hub import Hub
from tests.listening import Listening, listening
from tests.planet import NOON, Planet, atom
from tests.server import Response, Server

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = NOON + timedelta(seconds=7)  # plans are never for second 0
BACKUP = "hub pushes; backup once a day"


def entry(number: int, age: timedelta = DAY, **more: Any) -> dict[str, Any]:
    return {"id": f"urn:{number}", "title": f"Entry {number}", "date": NOON - age, **more}


OLD = [entry(2), entry(1, 2 * DAY)]
NEW = entry(3, timedelta(0))


@pytest.fixture
def server() -> Iterator[Server]:
    """A server at one address, for the feed and its hub."""
    with Server() as running:
        yield running


@pytest.fixture
def hub(server: Server) -> Hub:
    return Hub(server)


@pytest.fixture
def feed(server: Server, hub: Hub, planet: Planet) -> str:
    """A feed that names that hub, and itself."""
    url = server.url("/feed")
    planet.feed(url)
    planet.now = NOW
    put(server, hub, OLD)
    return url


@pytest.fixture
def daemon(planet: Planet, feed: str) -> Iterator[Listening]:
    with listening(planet) as running:
        running.poll()
        yield running


@pytest.fixture
def subscribed(daemon: Listening) -> Listening:
    """A subscription that was verified, and a poll after it."""
    daemon.tend()
    daemon.later(HOUR)
    daemon.poll()
    assert daemon.held and daemon.held.state == "active"
    return daemon


def document(server: Server, hub: Hub, entries: Sequence[dict[str, Any]]) -> bytes:
    return atom(entries, hub=hub.url, self=server.url("/feed"))


def put(server: Server, hub: Hub, entries: Sequence[dict[str, Any]]) -> None:
    server.put("/feed", document(server, hub, entries), etag=True)


def polls(server: Server) -> int:
    return sum(request.path == "/feed" for request in server.log)


def standing(daemon: Listening) -> Standing:
    with reading(daemon.engine) as db:
        (found,) = stored.standings(db).values()
    return found


# --- Subscribing ----------------------------------------------------------------------------------------------------


def test_a_hub_is_asked_and_answered(daemon: Listening, hub: Hub, server: Server) -> None:
    assert daemon.tend() == ()
    assert hub.answers == [200]
    (form,) = hub.asked
    held = daemon.held
    assert held and (held.state, held.until, held.error) == ("active", NOW + 10 * DAY, "")
    assert form == {
        "hub.mode": "subscribe",
        "hub.topic": server.url("/feed"),
        "hub.callback": f"{daemon.planet.web['public_url']}_/websub/{held.token}",
        "hub.secret": held.secret,
        "hub.lease_seconds": "864000",
    }
    assert len(held.token) > 40 and 40 < len(held.secret.encode()) < 200
    daemon.tend()
    assert len(hub.asked) == 1


def test_what_is_delivered_is_published_without_asking_the_feed(
    subscribed: Listening, hub: Hub, server: Server
) -> None:
    before = polls(server)
    answer = hub.push(document(server, hub, [NEW]))
    (outcome,) = subscribed.take()
    assert (answer.status_code, outcome.counts["new"]) == (202, 1)
    assert subscribed.planet.titles() == ["Entry 3", "Entry 2", "Entry 1"]
    assert polls(server) == before
    put(server, hub, [NEW, *OLD])
    subscribed.later(2 * DAY)
    (outcome,) = subscribed.poll()
    assert (outcome.counts["new"], outcome.counts["edited"], outcome.counts["same"]) == (0, 0, 3)
    assert subscribed.planet.titles() == ["Entry 3", "Entry 2", "Entry 1"]
    assert subscribed.held and subscribed.held.state == "active"


def test_a_feed_whose_hub_delivers_is_asked_once_a_day(subscribed: Listening, server: Server, hub: Hub) -> None:
    now = subscribed.planet.now
    assert (standing(subscribed).next_visit, standing(subscribed).reason) == (now + DAY, BACKUP)
    asked = polls(server)
    for _ in range(20):
        subscribed.later(HOUR)
        hub.push(document(server, hub, [NEW]))
        subscribed.take()
        assert not subscribed.poll()
    assert standing(subscribed).next_visit == now + DAY  # deliveries do not put it off
    subscribed.later(4 * HOUR)
    assert len(subscribed.poll()) == 1
    assert polls(server) == asked + 1


def test_once_relies_on_no_hub(subscribed: Listening) -> None:
    subscribed.planet.run(later=2 * DAY)
    assert standing(subscribed).reason == "every 1 h"


def test_a_delivery_before_its_time_is_the_plan_of_the_next_visit(daemon: Listening, hub: Hub, server: Server) -> None:
    daemon.tend()
    assert standing(daemon).reason == "every 1 h"
    hub.push(document(server, hub, [NEW]))
    daemon.take()
    assert (standing(daemon).next_visit, standing(daemon).reason) == (NOW + DAY, BACKUP)


def test_the_log_shows_what_was_delivered(subscribed: Listening, hub: Hub, server: Server) -> None:
    body = document(server, hub, [NEW])
    for _ in range(2):
        hub.push(body)
        subscribed.take()
    with reading(subscribed.engine) as db:
        again, delivered = history.visits(db, standing(subscribed).id)[:2]
        (days,) = history.days(db, NOON).values()
    said = (delivered.reason, delivered.outcome, delivered.new, delivered.received)
    assert said == ("delivered by its hub", "ok", 1, len(body))
    assert (again.outcome, again.new) == ("same", 0)
    assert days[-1].new >= 1


@pytest.mark.parametrize(
    ("keys", "links"),
    [
        ({"bearer": "env:TOKEN"}, {}),
        ({}, {"self": ""}),
        ({}, {"hub": ""}),
    ],
    ids=["a feed that needs a login", "a feed without a name", "no hub"],
)
def test_who_is_not_asked(
    keys: dict[str, Any],
    links: dict[str, str],
    server: Server,
    hub: Hub,
    planet: Planet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    named = {"hub": hub.url, "self": server.url("/feed")} | links
    server.put("/feed", atom(OLD, **{rel: url for rel, url in named.items() if url}))
    planet.feed(server.url("/feed"), **keys)
    with listening(planet) as daemon:
        daemon.poll()
        daemon.tend()
        assert (hub.asked, daemon.held) == ([], None)


def test_a_link_header_names_the_hub(server: Server, hub: Hub, planet: Planet) -> None:
    headers = {"Link": f'<{hub.url}>; rel="hub", <{server.url("/named")}>; rel="self"'}
    server.put("/feed", atom(OLD, hub="https://elsewhere.example/"), headers=headers)
    planet.feed(server.url("/feed"))
    with listening(planet) as daemon:
        daemon.poll()
        daemon.tend()
        assert hub.asked[0]["hub.topic"] == server.url("/named")
        assert daemon.held and daemon.held.state == "active"


def test_a_feed_in_trouble_is_not_subscribed(daemon: Listening, hub: Hub, server: Server) -> None:
    server.put("/feed", status=500)
    daemon.later(HOUR)
    daemon.poll()
    daemon.tend()
    assert hub.asked == []


# --- Verifying ------------------------------------------------------------------------------------------------------


def test_the_challenge_comes_back_as_it_is(daemon: Listening, hub: Hub) -> None:
    hub.at_once = False
    daemon.tend()
    answer = hub.verify("<script>1</script> é")
    assert (answer.status_code, answer.text) == (200, "<script>1</script> é")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "changed",
    [
        {"topic": "https://other.example/feed"},
        {"topic": ""},
        {"mode": "unsubscribe"},
        {"mode": "publish"},
        {"mode": ""},
        {"challenge": ""},
        {"challenge": "x" * 5000},
        {"lease_seconds": ""},
        {"lease_seconds": "60"},
        {"lease_seconds": "-1"},
    ],
    ids=str,
)
def test_what_was_not_asked_for_is_not_confirmed(daemon: Listening, hub: Hub, changed: dict[str, str]) -> None:
    hub.at_once = False
    daemon.tend()
    assert hub.verify(**changed).status_code == 404
    daemon.take()
    assert daemon.held and daemon.held.state == "asked"


def test_a_hub_that_does_not_ask_back_is_asked_less_and_less(daemon: Listening, hub: Hub) -> None:
    hub.at_once = False
    asked: list[int] = []
    for hour in range(24):
        daemon.tend()
        asked += [hour] * (len(hub.asked) - len(asked))
        daemon.later(HOUR)
    assert asked == [0, 1, 3, 7, 15]
    assert len({form["hub.callback"] for form in hub.asked}) == 1
    assert standing(daemon).reason == "every 1 h"


def test_a_denial_ends_it_for_a_week(subscribed: Listening, hub: Hub) -> None:
    said = hub.verify(mode="denied", reason="no <b>room</b>\n for https://me:word@x.example/")
    assert said.status_code == 200
    subscribed.take()
    held = subscribed.held
    assert held and (held.state, held.error) == ("denied", "denied: no <b>room</b> for https://***@x.example/")
    assert standing(subscribed).next_visit <= subscribed.planet.now + HOUR
    subscribed.later(6 * DAY)
    subscribed.tend()
    assert len(hub.asked) == 1
    subscribed.later(DAY)
    subscribed.tend()
    assert len(hub.asked) == 2
    assert subscribed.held and subscribed.held.state == "active"


def test_a_denial_of_another_topic_is_none(subscribed: Listening, hub: Hub) -> None:
    assert hub.verify(mode="denied", topic="https://other.example/").status_code == 404
    subscribed.take()
    assert subscribed.held and subscribed.held.state == "active"


# --- Delivering -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how",
    [
        {"secret": ""},
        {"secret": "another"},
        {"x_hub_signature": "sha256=" + "0" * 64},
        {"x_hub_signature": "sha256"},
        {"method": "md5"},
        {"method": "sha224"},
    ],
    ids=str,
)
def test_forged_deliveries_are_ignored_and_counted(
    subscribed: Listening, hub: Hub, server: Server, how: dict[str, str]
) -> None:
    assert hub.push(document(server, hub, [NEW]), **how).status_code == 202  # as to a right one
    assert subscribed.take() == ()
    assert subscribed.planet.titles() == ["Entry 2", "Entry 1"]
    assert subscribed.held and (subscribed.held.ignored, subscribed.held.delivered) == (1, None)


@pytest.mark.parametrize("method", ["sha1", "sha384", "sha512"])
def test_other_signatures(subscribed: Listening, hub: Hub, server: Server, method: str) -> None:
    hub.push(document(server, hub, [NEW]), method=method)
    subscribed.take()
    assert subscribed.planet.titles()[0] == "Entry 3"


def test_a_replay_is_harmless(subscribed: Listening, hub: Hub, server: Server) -> None:
    first = document(server, hub, [entry(3, text="First."), *OLD])
    hub.push(first)
    subscribed.take()
    files, ids = subscribed.planet.files(), subscribed.planet.ids()
    for _ in range(3):
        hub.push(first)
    outcomes = subscribed.take()
    assert [outcome.counts["new"] + outcome.counts["edited"] for outcome in outcomes] == [0, 0, 0]
    assert (subscribed.planet.files(), subscribed.planet.ids()) == (files, ids)


def test_an_old_version_does_not_come_back(subscribed: Listening, hub: Hub, server: Server) -> None:
    first = document(server, hub, [entry(3, timedelta(0), text="First."), *OLD])
    second = document(server, hub, [entry(3, -HOUR, text="Second."), *OLD])
    subscribed.later(HOUR)
    for body in (first, second, first):
        hub.push(body)
        subscribed.take()
    assert b"Second." in subscribed.planet.files()["atom.xml"]
    assert standing(subscribed).reason == "its hub delivered an older version"


def test_a_part_removes_nothing(planet: Planet, feed: str, server: Server, hub: Hub) -> None:
    planet.sources[0]["on_vanish"] = "drop"
    with listening(planet) as daemon:
        daemon.poll()
        daemon.tend()
        for number in range(3):
            hub.push(document(server, hub, [entry(1, 2 * DAY), entry(10 + number, timedelta(0))]))
            daemon.later(HOUR)
            daemon.take()
        assert sorted(planet.titles()) == ["Entry 1", "Entry 10", "Entry 11", "Entry 12", "Entry 2"]
        daemon.later(2 * DAY)
        daemon.poll()  # a 304: nothing was missing in what was read
        assert len(planet.titles()) == 5


def test_what_was_learned_of_the_feed_stays(subscribed: Listening, hub: Hub, server: Server) -> None:
    before = standing(subscribed)
    other = [entry(20 + number, DAY, title=f"Entry {1 + number % 2}") for number in range(4)]
    hub.push(atom(other, title="Another feed", hub="https://evil.example/", self="https://evil.example/feed"))
    subscribed.take()
    after = standing(subscribed)
    assert (after.feed, after.hints, after.habits) == (before.feed, before.hints, before.habits)
    assert (after.last_visit, after.last_success, after.warnings) == (
        before.last_visit,
        before.last_success,
        before.warnings,
    )
    put(server, hub, OLD)
    subscribed.later(2 * DAY)
    subscribed.poll()
    assert [request.status for request in server.log if request.path == "/feed"][-1] == 304


def test_an_entry_that_looks_like_another_is_one_of_its_own(subscribed: Listening, hub: Hub, server: Server) -> None:
    """As a robot posts them; the other one is in the feed still, but not in what is delivered."""
    twin = entry(30, 2 * DAY, title="Entry 1", text="Another text.")
    hub.push(document(server, hub, [twin]))
    (outcome,) = subscribed.take()
    assert outcome.counts["new"] == 1
    put(server, hub, [twin, *OLD])
    subscribed.later(2 * DAY)
    subscribed.poll()
    assert sorted(subscribed.planet.titles()) == ["Entry 1", "Entry 1", "Entry 2"]


def test_new_ids_for_all_entries_are_recognised_in_a_delivery(
    planet: Planet, feed: str, server: Server, hub: Hub
) -> None:
    every = [entry(number, number * DAY) for number in (1, 2, 3, 4)]
    put(server, hub, every)
    with listening(planet) as daemon:
        daemon.poll()
        daemon.tend()
        ids = planet.ids()
        hub.push(document(server, hub, [each | {"id": each["id"] + "0"} for each in every]))
        (outcome,) = daemon.take()
        assert outcome.counts["new"] == 0
        assert planet.ids() == ids
        assert standing(daemon).habits.visits == 0


@pytest.mark.parametrize("body", [b"", b"<html><p>no feed</p></html>", b"\xff\x00", b"{}", b"<feed"])
def test_what_cannot_be_read_is_told_and_the_feed_asked_soon(subscribed: Listening, hub: Hub, body: bytes) -> None:
    subscribed.later(2 * HOUR)
    hub.push(body)
    (outcome,) = subscribed.take()
    (warning,) = outcome.warnings
    assert warning.startswith("what its hub delivered cannot be read: ")
    assert subscribed.held and subscribed.held.error == warning
    assert standing(subscribed).next_visit == subscribed.planet.now
    assert subscribed.poll()


def test_what_is_too_large_is_refused(subscribed: Listening, hub: Hub) -> None:
    assert hub.push(b"x" * 100_001).status_code == 413
    parts = (b"x" * 10_000 for _ in range(1000))  # without a Content-Length
    callback = hub.asked[-1]["hub.callback"]
    with contextlib.suppress(httpx.WriteError):  # it may be cut off before it has said all
        assert httpx.post(callback, content=parts, trust_env=False).status_code == 413
    assert subscribed.inbox.empty()


def test_a_compressed_body_is_refused(subscribed: Listening, hub: Hub) -> None:
    assert hub.push(b"x", content_encoding="gzip").status_code == 415
    assert subscribed.inbox.empty()


def test_one_delivery_of_a_subscription_is_read_at_a_time(subscribed: Listening, hub: Hub, server: Server) -> None:
    place = urlsplit(hub.asked[-1]["hub.callback"])
    with socket.create_connection((place.hostname, place.port), 10) as slow:
        slow.sendall(f"POST {place.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx".encode())
        deadline = time.monotonic() + 10
        while (answer := hub.push(document(server, hub, [NEW]))).status_code != 503:
            assert time.monotonic() < deadline
        assert answer.headers["retry-after"] == "60"
    deadline = time.monotonic() + 10
    while hub.push(document(server, hub, [NEW])).status_code != 202:
        assert time.monotonic() < deadline


def test_a_slow_delivery_is_ended(subscribed: Listening, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "_SECONDS", 0.2)
    place = urlsplit(hub.asked[-1]["hub.callback"])
    with socket.create_connection((place.hostname, place.port), 10) as slow:
        slow.sendall(f"POST {place.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx".encode())
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")
    assert subscribed.inbox.empty()


def test_a_daemon_with_too_much_to_do_says_so(subscribed: Listening, hub: Hub, server: Server) -> None:
    subscribed.full = True
    assert hub.push(document(server, hub, [NEW])).status_code == 503
    assert hub.verify().status_code == 503


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "unknown", 410),
        ("POST", "%00", 410),
        ("POST", "%C3%A9", 410),
        ("GET", "unknown", 404),
        ("POST", "", 405),
        ("POST", "a/b", 405),
        ("PUT", "{token}", 405),
        ("HEAD", "{token}", 405),
        ("GET", "{token}", 404),
    ],
)
def test_who_does_not_know_the_token(subscribed: Listening, method: str, path: str, status: int) -> None:
    assert subscribed.held
    url = subscribed.planet.web["public_url"] + "_/websub/" + path.format(token=subscribed.held.token)
    assert httpx.request(method, url, trust_env=False).status_code == status
    assert subscribed.inbox.empty()


def test_the_tree_is_served_beside_it(subscribed: Listening) -> None:
    url = subscribed.planet.web["public_url"]
    assert httpx.get(url + "atom.xml", trust_env=False).content == subscribed.planet.files()["atom.xml"]


# --- Staying, and leaving -------------------------------------------------------------------------------------------


def test_a_lease_is_renewed_before_it_ends(subscribed: Listening, hub: Hub) -> None:
    first = hub.asked[0]
    subscribed.later(6 * DAY)
    subscribed.tend()
    assert len(hub.asked) == 1
    subscribed.later(DAY)
    subscribed.tend()
    assert hub.asked == [first, first]  # the same token and secret
    held = subscribed.held
    assert held and (held.state, held.until, held.since) == ("active", subscribed.planet.now + 10 * DAY, NOW)


def test_where_no_renewal_comes_the_feed_is_asked_as_before(subscribed: Listening, hub: Hub) -> None:
    hub.at_once = False
    subscribed.later(7 * DAY)
    subscribed.poll()
    assert standing(subscribed).reason == BACKUP
    subscribed.tend()
    assert subscribed.held and subscribed.held.state == "active"
    subscribed.later(3 * DAY - 2 * HOUR)
    subscribed.poll()
    subscribed.later(2 * HOUR)
    subscribed.tend()
    assert subscribed.held and (subscribed.held.state, subscribed.held.error) == ("asked", "its lease has ended")
    assert standing(subscribed).next_visit == subscribed.planet.now
    subscribed.poll()
    assert standing(subscribed).reason == "every 1 h"


def test_a_hub_that_goes_silent_is_not_relied_on_until_it_delivers(
    subscribed: Listening, hub: Hub, server: Server
) -> None:
    put(server, hub, [NEW, *OLD])
    subscribed.later(DAY)
    subscribed.poll()
    held = subscribed.held
    assert held and (held.state, held.error) == ("silent", "it did not deliver what was found in the feed")
    assert standing(subscribed).reason == "every 1 h"
    subscribed.later(HOUR)
    assert len(subscribed.poll()) == 1
    hub.push(document(server, hub, [entry(4, timedelta(0))]))
    subscribed.take()
    held = subscribed.held
    assert held and (held.state, held.error) == ("active", "")
    assert standing(subscribed).reason == BACKUP


def test_a_daemon_that_begins_asks_the_feeds_again(subscribed: Listening) -> None:
    subscribed.later(3 * HOUR)
    subscribing.resume(subscribed.engine, subscribed.planet.load(), subscribed.planet.now)
    assert len(subscribed.poll()) == 1
    assert standing(subscribed).reason == BACKUP


def test_a_source_that_leaves_the_config_is_unsubscribed(subscribed: Listening, hub: Hub, server: Server) -> None:
    subscribed.planet.sources.clear()
    subscribed.poll()
    assert subscribed.held
    callback = hub.asked[0]["hub.callback"]
    subscribed.tend()
    assert hub.asked[1] == {"hub.mode": "unsubscribe", "hub.topic": server.url("/feed"), "hub.callback": callback}
    assert subscribed.held is None
    assert hub.answers == [200, 200]
    assert hub.push(document(server, hub, [NEW])).status_code == 410


def test_a_hub_that_does_not_answer_a_farewell_is_forgotten(subscribed: Listening, hub: Hub, server: Server) -> None:
    hub.at_once = False
    subscribed.planet.sources.clear()
    subscribed.poll()
    subscribed.tend()
    assert subscribed.held and subscribed.held.state == "leaving"
    assert hub.push(document(server, hub, [NEW])).status_code == 410
    assert hub.verify(mode="subscribe", lease_seconds="864000").status_code == 404
    subscribed.later(DAY)
    subscribed.tend()
    assert subscribed.held is None
    assert len(hub.asked) == 2


def test_a_feed_that_changes_its_hub_gets_another_token(subscribed: Listening, hub: Hub, server: Server) -> None:
    other = Hub(server, "/other")
    put(server, other, OLD)
    subscribed.later(DAY)
    subscribed.poll()
    subscribed.tend()
    assert [form["hub.mode"] for form in hub.asked] == ["subscribe", "unsubscribe"]
    subscribed.tend()
    (form,) = other.asked
    assert {form["hub.callback"], form["hub.secret"]}.isdisjoint(hub.asked[0].values())
    assert subscribed.held and (subscribed.held.state, subscribed.held.hub) == ("active", other.url)


def test_without_a_public_url_nothing_is_held(subscribed: Listening, hub: Hub, server: Server) -> None:
    subscribed.planet.feed(server.url("/other"))  # which names a hub too, and was never subscribed
    server.put("/other", atom(OLD, hub=hub.url, self=server.url("/other")), etag=True)
    subscribed.poll()
    del subscribed.planet.web["public_url"]
    subscribed.tend()
    assert (subscribed.held, len(hub.asked)) == (None, 1)
    with reading(subscribed.engine) as db:
        plans = {each.next_visit for each in stored.standings(db).values()}
    assert max(plans) <= subscribed.planet.now + HOUR
    subscribed.tend()
    assert len(hub.asked) == 1


def test_who_is_pruned_takes_the_subscription_along(subscribed: Listening) -> None:
    from aggregator import pruning

    subscribed.planet.sources.clear()
    subscribed.poll()
    pruning.prune(subscribed.planet.load(), subscribed.planet.now, left=True)
    assert subscribed.held is None


# --- Hubs in trouble ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Response(b"no such <b>topic</b>\r\nhere", 404, {"Content-Type": "text/plain"}),
            "HTTP 404 (no such <b>topic</b> here)",
        ),
        (Response(b"<html>", 500, {"Content-Type": "text/html"}), "HTTP 500"),
        (Response(b"x" * 10**6, 422, {"Content-Type": "text/plain"}), "HTTP 422 (" + "x" * 199 + "…)"),
        (Response(status=302, headers={"Location": "/hub2"}), "HTTP 302"),
        (Response(status=307, headers={"Location": "ftp://x/"}), "HTTP 307"),
        (Response(status=307, headers={"Location": "/hub"}), "HTTP 307"),
    ],
)
def test_a_hub_that_refuses_is_named(daemon: Listening, hub: Hub, server: Server, answer: Response, said: str) -> None:
    server.script("/hub", lambda request: answer)
    assert daemon.tend() == (f"hub {hub.url}: {said}",)
    assert daemon.held and (daemon.held.state, daemon.held.error) == ("asked", said)
    assert daemon.tend() == ()


@pytest.mark.parametrize("status", [307, 308])
def test_a_hub_may_send_us_on(daemon: Listening, hub: Hub, server: Server, status: int) -> None:
    server.redirect("/hub", "/real", status)
    real = Hub(server, "/real")
    assert daemon.tend() == ()
    assert (len(real.asked), daemon.held and daemon.held.state) == (1, "active")


def test_a_private_address_is_not_asked(planet: Planet, feed: str, hub: Hub, server: Server) -> None:
    put(server, Hub(server, "/other"), OLD)
    with Server("127.0.0.1") as other:
        planet.fetch["allow_networks"] = [f"127.0.0.1:{server.port}"]
        server.put("/feed", atom(OLD, hub=other.url("/hub"), self=feed), etag=True)
        with listening(planet) as daemon:
            daemon.poll()
            (line,) = daemon.tend()
        assert "private address" in line
        assert other.connections == 0


def test_a_hub_that_is_down_is_tried_for_one_feed_an_hour(planet: Planet, server: Server, hub: Hub) -> None:
    for number in range(3):
        planet.feed(server.url(f"/feed{number}"))
        server.put(f"/feed{number}", atom(OLD, hub=hub.url, self=server.url(f"/feed{number}")), etag=True)
    server.script("/hub", lambda request: Response(status=503))
    tried = []
    with listening(planet) as daemon:
        daemon.poll()
        for wait in (timedelta(0), timedelta(0), HOUR, timedelta(0)):
            daemon.later(wait)
            daemon.tend()
            tried.append(sum(request.path == "/hub" for request in server.log))
    assert tried == [1, 1, 2, 2]
