"""Who is let in to the dashboard, by the headers of a request."""

import pytest

from aggregator.web import gate
from aggregator.web.gate import Gate

OPEN = Gate(8081)
TOKEN = "correct-horse-battery"
CLOSED = Gate(8081, TOKEN)
HERE = {"host": "127.0.0.1:8081"}


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8081", "localhost:8081", "LOCALHOST:8081", "[::1]:8081", "127.9.9.9:8081"],
)
def test_this_machine_is_let_in(host: str) -> None:
    assert gate.refusal(OPEN, {"host": host}) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8081",
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:8080",
        "127.0.0.1.evil.example:8081",
        "localhost.evil.example:8081",
        "192.168.1.5:8081",
        "0.0.0.0:8081",
        "[::]:8081",
        "2130706433:8081",
        "0x7f.1:8081",
        "127.0.0.1:8081:8081",
        "me@127.0.0.1:8081",
        "127.0.0.1:08081x",
        "127.0.0.1:８０８１",
        "",
    ],
)
def test_a_name_that_somebody_else_chose_is_not(host: str) -> None:
    refused = gate.refusal(OPEN, {"host": host})
    assert refused and refused.status == 403


@pytest.mark.parametrize("name", ["forwarded", "x-forwarded-for", "via", "x-real-ip", "x-forwarded-host"])
def test_what_comes_through_a_proxy_is_not(name: str) -> None:
    refused = gate.refusal(OPEN, {**HERE, name: ""})
    assert refused and refused.status == 403


PROOF = gate.proof(CLOSED)


@pytest.mark.parametrize(
    ("asked", "is_in"),
    [
        ({}, False),
        ({"authorization": f"Bearer {TOKEN}"}, True),
        ({"authorization": f"bearer  {TOKEN}"}, True),
        ({"authorization": f"Basic {TOKEN}"}, False),
        ({"authorization": TOKEN}, False),
        ({"authorization": "Bearer"}, False),
        ({"authorization": f"Bearer {TOKEN}x"}, False),
        ({"authorization": "Bearer \udcff é"}, False),
        ({"cookie": f"aggregator={PROOF}"}, True),
        ({"cookie": f"a=b; aggregator={PROOF}; c=d"}, True),
        ({"cookie": f"aggregator={TOKEN}"}, False),
        ({"cookie": f"other={PROOF}"}, False),
        ({"cookie": "aggregator="}, False),
        ({"cookie": 'aggregator="\x00;='}, False),
    ],
)
def test_a_token_decides_whatever_the_name_and_the_way(asked: dict[str, str], is_in: bool) -> None:
    for way in (HERE, {"host": "planet.example", "x-forwarded-for": "192.0.2.1"}):
        refused = gate.refusal(CLOSED, {**way, **asked})
        assert (refused is None) == is_in
        assert refused is None or refused.status == 401


def test_the_cookie_does_not_give_the_token_away() -> None:
    assert TOKEN not in PROOF and TOKEN not in repr(CLOSED)
    assert gate.proof(Gate(8081, TOKEN + "x")) != PROOF
    assert not gate.fits(OPEN, "")  # where there is none, none fits
