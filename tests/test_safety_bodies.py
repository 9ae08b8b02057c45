"""Hostile bodies: each ends in its class, in time and in little memory, and the sources beside it notice nothing.

The run is a process of its own (`tests.hostile`), so that its memory is its own too.
"""

import gzip
import itertools
import json
import os
import random
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import FEED, SECONDS
from tests.planet import Planet
from tests.server import Raw, Response, Server

GOOD = 20
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def bomb(megabytes: int, wbits: int = zlib.MAX_WBITS | 16) -> bytes:
    """Zeros. Each megabyte is a copy of the first, so the checksum is wrong; nobody comes as far as that."""
    packer = zlib.compressobj(9, wbits=wbits)
    head = packer.flush(zlib.Z_FULL_FLUSH)
    one = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + one * megabytes + packer.flush()


def _endless(head: bytes, piece: bytes) -> Raw:
    return Raw(itertools.chain([head], itertools.repeat(piece)))


def _slow(head: bytes, piece: bytes, pause: float = 0.1) -> Raw:
    return Raw(itertools.chain([head], itertools.repeat(piece)), pause)


def _packed(body: bytes, coding: str, status: int = 200) -> Response:
    return Response(body, status, {"Content-Encoding": coding})


@cache
def bodies() -> dict[str, tuple[Response | Raw, str]]:
    """What is served, by its name, and the class it has to end in."""
    zeros = bomb(1000)
    noise = random.Random(7).randbytes(300_000)
    return {
        "a gzip bomb of 1 GB": (_packed(zeros, "gzip"), "too large"),
        "a zlib bomb": (_packed(bomb(200, zlib.MAX_WBITS), "deflate"), "too large"),
        "a raw deflate bomb": (_packed(bomb(200, -zlib.MAX_WBITS), "deflate"), "too large"),
        "a bomb in a bomb": (_packed(gzip.compress(zeros), "gzip, gzip"), "bad encoding"),
        "a bomb of members": (_packed(gzip.compress(bytes(2_000_000)) * 90, "gzip"), "too large"),
        "many members": (_packed(gzip.compress(b"") * 200_000, "gzip"), "bad encoding"),
        "a bomb as an error page": (_packed(zeros, "gzip", 503), "http 503"),
        "an endless error page": (_endless(b"HTTP/1.1 403 No\r\n\r\n", b"x" * 65536), "http 403"),
        "brotli": (_packed(b"\xcf\xff\xff\x7f\xf8" + bytes(800), "br"), "bad encoding"),
        "zstd": (_packed(b"\x28\xb5\x2f\xfd" + bytes(800), "zstd"), "bad encoding"),
        "noise called gzip": (_packed(noise, "gzip"), "bad encoding"),
        "half a gzip": (_packed(gzip.compress(noise)[:100_000], "gzip"), "bad encoding"),
        "endless": (_endless(OK + b"\r\n", b"x" * 65536), "too large"),
        "endless chunks": (_endless(CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"), "too large"),
        "a chunk of 16 EB": (Raw([CHUNKED + b"ffffffffffffffff\r\n", b"x" * 11_000_000], end="hang"), "too large"),
        "garbage chunks": (Raw([CHUNKED + b"zz\r\nhello\r\n"]), "bad response"),
        "a negative chunk": (Raw([CHUNKED + b"-5\r\nhello\r\n"]), "bad response"),
        "an endless chunk extension": (_endless(CHUNKED + b"5;", b"a" * 65536), "bad response"),
        "endless trailers": (_endless(CHUNKED + b"0\r\n", b"X: y\r\n" * 1000), "bad response"),
        "too long a length": (Raw([OK + b"Content-Length: 999999999999\r\n\r\nx"], end="hang"), "too large"),
        "a length of 5000 digits": (Raw([OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nx"]), "bad response"),
        "a negative length": (Raw([OK + b"Content-Length: -1\r\n\r\nx"]), "bad response"),
        "two lengths": (Raw([OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy"]), "bad response"),
        "a body cut short": (Raw([OK + b"Content-Length: 9999\r\n\r\n<rss>"]), "bad response"),
        "a reset in the body": (Raw([OK + b"Content-Length: 9999\r\n\r\n<rss>"], end="reset"), "reset"),
        "a reset at once": (Raw([], end="reset"), "reset"),
        "nothing": (Raw([]), "bad response"),
        "silence": (Raw([], end="hang"), "timeout"),
        "silence in the body": (Raw([OK + b"Content-Length: 9999\r\n\r\n<rss>"], end="hang"), "timeout"),
        "a slow body": (_slow(OK + b"\r\n", b"x"), "timeout"),
        "slow headers": (_slow(OK, b"x"), "timeout"),
        "slow header lines": (_slow(OK, b"X: y\r\n"), "timeout"),
        "one 103 after another": (_slow(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), "timeout"),
        "a header of 20 MB": (Raw([OK + b"X: ", b"y" * 20_000_000]), "bad response"),
        "an endless header": (_endless(OK + b"X: ", b"y" * 65536), "bad response"),
        "endless headers": (_endless(OK, b"X: y\r\n" * 10_000), "bad response"),
        "a status line without an end": (_endless(b"HTTP/1.1 200 ", b"y" * 65536), "bad response"),
        "no HTTP": (_endless(b"\x00\xff", b"\x00\xff" * 32768), "bad response"),
        "a page before the feed": (Response(b"<html><title>Just a moment...</title>"), "blocked"),
        "HTTP/0.9": (Raw([FEED]), "bad response"),
        "an upgrade": (Raw([b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"], end="hang"), "bad response"),
        # These two keep the processor busy, so they come last.
        "endless tiny chunks": (_endless(CHUNKED, b"1\r\nx\r\n" * 1000), "timeout or too large"),
        "a flood of 103": (_endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100), "timeout"),
    }


@pytest.fixture(scope="module")
def outcome() -> Iterator[tuple[dict[str, Any], dict[str, tuple[str, str]]]]:
    """One run over all of them, and good sources on other hosts, in a process of its own."""
    table = bodies()
    with Server("0.0.0.0") as server:
        server.put("/fine", FEED)
        jobs: dict[str, str] = {}
        for number, (name, (what, _)) in enumerate(table.items(), 1):
            server.script(f"/{number}", lambda _, what=what: what)  # type: ignore[misc]
            jobs[name] = server.url(f"/{number}", f"127.0.1.{number}")
        for number in range(GOOD):
            jobs[f"fine {number}"] = server.url("/fine", f"127.0.2.{number + 1}")
        done = subprocess.run(
            [sys.executable, "-m", "tests.hostile"],
            input=json.dumps(jobs),
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[1],
            timeout=100,
        )
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout), {name: (jobs[name], kind) for name, (_, kind) in table.items()}


@pytest.mark.parametrize("name", bodies().keys())
def test_a_hostile_body_ends_in_its_class_and_in_time(name: str, outcome: Any) -> None:
    (told, table) = outcome
    url, kind = table[name]
    found = told["sources"][name]
    assert found["kind"] in kind.split(" or ")
    assert found["message"].startswith(url)
    assert found["seconds"] < SECONDS + 3, "the machine may be busy, but not for ever"


def test_the_sources_beside_them_notice_nothing(outcome: Any) -> None:
    told, table = outcome
    assert len(table) >= 20
    fine = [told["sources"][f"fine {number}"] for number in range(GOOD)]
    assert {each["kind"] for each in fine} == {"ok"}


def test_all_of_them_together_cost_little_memory(outcome: Any) -> None:
    told, _ = outcome
    assert told["alone"] < told["memory"] < told["alone"] + 60_000_000, told


JUNK = b"x" * 9_900_000  # just within the limit, so it arrives, and is read


def whole(planet: Planet, server: Server, *answers: tuple[str, Callable[[], Response | Raw]]) -> dict[str, Any]:
    """A whole run over these, each a kind of trouble and its cause on a host of its own, and the good ones."""
    planet.sources = []
    for number, (_, answer) in enumerate(answers, 1):
        server.script(f"/{number}", lambda _, answer=answer: answer())  # type: ignore[misc]
        planet.feed(server.url(f"/{number}", f"127.0.1.{number}"))
    server.put("/fine", FEED)
    for number in range(GOOD):
        planet.feed(server.url("/fine", f"127.0.2.{number + 1}"))
    command = [sys.executable, "-m", "tests.hostile", str(planet.write())]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=planet.root, env=env, timeout=100)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["kinds"] == Counter({"ok": GOOD}) + Counter(kind for kind, _ in answers)
    return told


def test_a_run_over_many_large_bodies_at_once_costs_little_memory(planet: Planet, server: Server) -> None:
    planet.fetch["timeout"] = "30s"  # the default, as is `concurrency`: all of them at once
    zeros, packed = _packed(bomb(1000), "gzip"), _packed(gzip.compress(JUNK), "gzip")
    hostile: list[tuple[str, Callable[[], Response | Raw]]] = [
        ("too large", lambda: _endless(OK + b"\r\n", b"x" * 65536)),
        ("too large", lambda: zeros),
        ("not a feed", lambda: Response(JUNK)),
        ("not a feed", lambda: packed),
    ]
    usual = whole(planet, server)["memory"]
    (planet.root / "var" / "aggregator.db").unlink()
    assert usual < whole(planet, server, *hostile * 5)["memory"] < usual + 130_000_000
