"""Hubs are told which feeds have changed; one that fails is a line and harms nobody."""

import asyncio
from urllib.parse import parse_qs

import pytest

from aggregator.fetching.websub import ping
from tests.server import Response, Server

TOPICS = ("https://planet.example/feeds/rss.xml", "https://planet.example/feeds/技术/atom.xml")
LOOPBACK = ("127.0.0.0/8",)


def told(*hubs: str, networks: tuple[str, ...] = LOOPBACK) -> tuple[str, ...]:
    return asyncio.run(ping(hubs, TOPICS, "https://planet.example/about", networks))


def test_a_hub_gets_all_topics_in_one_request() -> None:
    with Server() as server:
        server.script("/hub?key=1", lambda request: Response(status=204))
        assert told(server.url("/hub?key=1")) == ()
        (request,) = server.log
    form = parse_qs(request.body.decode())
    assert (request.method, request.headers["content-type"]) == ("POST", "application/x-www-form-urlencoded")
    assert form["hub.mode"] == ["publish"]
    assert form["hub.url"] == form["hub.topic"] == list(TOPICS)
    assert "https://planet.example/about" in request.headers["user-agent"]
    assert "cookie" not in request.headers


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_every_2xx_is_a_yes(status: int) -> None:
    with Server() as server:
        server.script("/", lambda request: Response(status=status))
        assert told(server.url("/")) == ()


def test_hubs_that_fail_are_named_and_the_others_are_told() -> None:
    with Server() as server:
        server.script("/full", lambda request: Response(status=503))
        server.script("/moved", lambda request: Response(status=301, headers={"Location": server.url("/good")}))
        server.script("/good", lambda request: Response())
        nobody = "http://127.0.0.1:1/"
        found = told(server.url("/full"), nobody, "http://[", server.url("/moved"), server.url("/good"))
        assert [request.path for request in server.log if request.path == "/good"] == ["/good"]
        assert found[0] == f"hub {server.url('/full')}: HTTP 503"
        assert found[1].startswith(f"hub {nobody}: refused: ")
        assert found[2].startswith("hub http://[: ")
        assert found[3] == f"hub {server.url('/moved')}: HTTP 301"
        assert len(found) == 4


def test_a_private_address_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    with Server() as server:
        (line,) = told(server.url("/hub"), networks=())
        assert server.connections == 0
    assert "private address" in line


def test_passwords_are_masked() -> None:
    (line,) = told("http://me:word@127.0.0.1:1/")
    assert "word" not in line
