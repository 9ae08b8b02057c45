"""Secrets come from the environment and from files, go to the publisher, and are to be seen nowhere else."""

import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from aggregator import config
from aggregator.config import secrets
from aggregator.errors import ConfigError
from aggregator.text import masked
from tests.planet import Planet, rss
from tests.server import Response, Server

# --- Where they are -------------------------------------------------------------------------------------------------


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder and an environment with secrets in them."""
    monkeypatch.setenv("GOOD", " me:pass word é\n")
    monkeypatch.setenv("EMPTY", " ")
    monkeypatch.setenv("LINES", "a\nb")
    monkeypatch.setitem(os.environ, "BYTES", "a\udcff")
    monkeypatch.delenv("MISSING", raising=False)
    (tmp_path / "good").write_text("t0ken\r\n", encoding="utf-8")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def test_a_secret_is_what_stands_there(places: Path) -> None:
    assert secrets.reveal("env:GOOD", places) == "me:pass word é"
    assert secrets.reveal("file:good", places) == "t0ken"
    assert secrets.reveal(f"file:{places / 'good'}", Path("elsewhere")) == "t0ken"
    coded = b64encode("me:pass word é".encode()).decode()
    assert secrets.basic("env:GOOD", places) == ("Authorization", f"Basic {coded}")
    assert secrets.bearer("file:good", places) == ("Authorization", "Bearer t0ken")
    assert secrets.header("X-Key", "file:good", places) == ("X-Key", "t0ken")
    assert secrets.header("X-Key", "as it stands", places) == ("X-Key", "as it stands")


@pytest.mark.parametrize(
    ("value", "said"),
    {
        "env:MISSING": "the environment has no variable MISSING; set it where aggregator runs",
        "env:": 'write "env:NAME" or "file:PATH"',
        "file:": 'write "env:NAME" or "file:PATH"',
        "me:hunter2": 'write "env:NAME" or "file:PATH", where the secret is, and not the secret itself',
        "hunter2": 'write "env:NAME" or "file:PATH"',
        "env:EMPTY": "env:EMPTY holds no secret: write one line of text into it",
        "env:LINES": "env:LINES holds no secret",
        "env:BYTES": "env:BYTES holds no secret",
        "file:missing": "missing cannot be read; write the secret into it",
        "file:bytes": "bytes cannot be read",
        "file:.": "cannot be read",
        "file:pipe": "pipe is no regular file; write the secret into one",
        "file:/dev/zero": "/dev/zero is no regular file; write the secret into one",
    }.items(),
)
def test_what_is_no_secret(places: Path, value: str, said: str) -> None:
    for read in (secrets.reveal, secrets.basic, secrets.bearer):
        with pytest.raises(ValueError) as caught:
            read(value, places)
        assert said in str(caught.value)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [("X Key", "x"), ("", "x"), ("X:", "x"), ("X-Key", "hunter2\r\nY: z")])
def test_what_is_no_header(places: Path, name: str, value: str) -> None:
    with pytest.raises(ValueError) as caught:
        secrets.header(name, value, places)
    assert "hunter2" not in str(caught.value)


def test_a_secret_that_is_not_there_is_a_mistake_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MISSING", raising=False)
    planet = Planet(tmp_path)
    planet.feed("https://news.example/", basic="env:MISSING", headers={}, proxy="env:MISSING")
    planet.feed("https://third.example/", bearer="file:no")
    planet.feed("https://other.example/", basic="me:hunter2")
    with pytest.raises(ConfigError) as caught:
        config.load(planet.write(), look=True)
    keys = [problem.split(": ")[1] for problem in caught.value.problems]
    assert keys == ["source[1].basic", "source[1].proxy", "source[2].bearer", "source[3].basic"]
    assert "hunter2" not in str(caught.value)


LOGIN = {"url": "https://me:hunter2@news.example/"}
ROUTE = {"url": "rsshub://route"}
PLAIN = {"url": "https://news.example/@me"}


@pytest.mark.parametrize(
    ("keys", "places"),
    [
        (LOGIN, {}),
        (LOGIN | {"bearer": "env:TOKEN"}, {"bearer": "the URL"}),
        (LOGIN | {"basic": "env:TOKEN"}, {"basic": "the URL"}),
        (LOGIN | {"headers": {"X-Key": "hunter2", "authorization": "hunter2"}}, {"headers.authorization": "the URL"}),
        (LOGIN | {"url": "https://me@news.example/", "bearer": "env:TOKEN"}, {"bearer": "the URL"}),
        (LOGIN | {"basic": "env:TOKEN", "bearer": "env:TOKEN"}, {"basic": "the URL", "bearer": "the URL"}),
        (PLAIN | {"bearer": "env:TOKEN", "headers": {"X-Key": "hunter2"}}, {}),
        (PLAIN | {"basic": "env:TOKEN", "bearer": "env:TOKEN"}, {"bearer": "basic"}),
        (PLAIN | {"bearer": "env:TOKEN", "headers": {"AUTHORIZATION": "hunter2"}}, {"bearer": "headers.AUTHORIZATION"}),
        (PLAIN | {"basic": "env:TOKEN", "headers": {"Authorization": "hunter2"}}, {"basic": "headers.Authorization"}),
        (ROUTE, {}),
        (ROUTE | {"bearer": "env:TOKEN"}, {"bearer": "the URL"}),
    ],
)
def test_a_login_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: dict[str, Any], places: dict[str, str]
) -> None:
    monkeypatch.setenv("TOKEN", "me:hunter2")
    planet = Planet(tmp_path)
    planet.fetch["rsshub"] = ["https://hub.example/", "https://me:hunter2@hub.example/"]
    planet.sources.append(keys)
    if not places:
        planet.load()
        return
    with pytest.raises(ConfigError) as caught:
        planet.load()
    said = [problem.split(": ", 1)[1] for problem in caught.value.problems]
    assert said == [f"source[1].{place}: {by} brings a login already; say it once" for place, by in places.items()]


# --- Where they are shown: nowhere ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "shown"),
    {
        "https://me:word@news.example/@you": "https://***@news.example/@you",
        "https://me@news.example": "https://***@news.example",
        "a https://me:w@a.example/ and (http://me:w@b.example)": "a https://***@a.example/ and (http://***@b.example)",
        "https://a.example/?u=http://me:word@b.example/": "https://a.example/?u=http://***@b.example/",
        "http://me:wo/rd@news.example/": "http://***@news.example/",
        "http://me:wo rd@news.example/": "http://***@news.example/",
        "https://news.example/@you": "",
        "http://[::1]:80/@you": "",
        "http://news.example:8080/@you": "",
        "http://news.example: no answer, says @you": "",
        "(http://news.example:80), says you@news.example": "",
        "me@news.example": "",
        "": "",
    }.items(),
)
def test_a_masked_line(line: str, shown: str) -> None:
    assert masked(line) == (shown or line)
    assert masked(masked(line)) == masked(line)


SECRETS = ("pass%40word", "b4sic", "b3arer", "h3ader", "l1teral", "pr0xy", "pr1vate")
OWN = """
import dataclasses
from aggregator.model import Batch, Document, Found, Item
REMOTE = True
@dataclasses.dataclass(frozen=True)
class Options:
    url: str
def key(options):
    return options.url
async def documents(source, known, fetch):
    if "broken" in source.key:
        raise LookupError(source.options.url)
    return Found(changed=(Document(source.key, source.key, b"x"),))
def read(document, source):
    return Batch((Item(guid="1", title="Own"),), warnings=(document.name,))
"""


def test_planted_secrets_are_seen_by_the_publisher_only(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    (tmp_path / "token").write_text("b3arer\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own.py").write_text(OWN)
    atom = b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>No address</title><content>Text</content></entry></feed>'
    with Server("0.0.0.0") as server, Server() as proxy:

        def with_login(path: str, number: int) -> str:
            return server.url(path, f"127.0.0.{number}").replace("//", "//me:pass%40word@")

        server.put("/atom", atom, etag=True)
        server.put("/key", atom.replace(b"No address", b"Another"), etag=True)
        server.put("/rss", rss([{"title": "Bare"}]), etag=True)
        server.redirect("/moved", "/rss", 301)
        server.put("/broken", b"<rss><channel><item><title>x</title><link>//me:pr1vate@a.example/</link></item><oops")
        server.put("/page", b'<html><head><link rel="alternate" type="application/rss+xml" href="/rss"></head></html>')
        server.script("/busy", lambda request: Response(b"", 429, {}))
        for number, path in enumerate(("/atom", "/rss", "/moved", "/broken", "/page", "/busy", "/missing"), start=2):
            planet.feed(with_login(path, number), category=path[1:])
        planet.feed(server.url("/key", "127.0.0.10"), basic="env:BASIC", headers={"X-A": "env:H", "X-B": "l1teral"})
        planet.feed(server.url("/rss", "127.0.0.11"), bearer="file:token")
        planet.feed(server.url("/rss", "127.0.0.12"), proxy="env:PROXY")
        for name in ("broken", "own"):
            planet.sources.append({"kind": "mine.own", "url": f"https://me:pr1vate@{name}.example/"})
        planet.feed(with_login("/rss", 13), category="left")
        planet.write()
        env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        env |= {"BASIC": "me:b4sic", "H": "h3ader", "PROXY": proxy.url("/").replace("//", "//me:pr0xy@")}

        def run(*args: str) -> str:
            command = [sys.executable, "-m", "aggregator", *args]
            done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            return done.stdout + done.stderr

        said = {"first": run("once", "-vv")}
        planet.sources.pop()
        planet.write()
        first = planet.sources[0]["url"]
        for name, args in {
            "again": ["once", "-v"],
            "forced": ["once", "-vv", "--force"],
            "json": ["once", "--json", "--force"],
            "cron": ["once", "--force"],
            "table": ["list", "sources"],
            "sources": ["list", "sources", "--json"],
            "items": ["list", "items", "--json"],
            "own": ["list", "items", "--source", first, "--json"],
            "masked": ["list", "items", "--source", masked(first), "--json"],
            "check": ["check", "-vv"],
        }.items():
            said[name] = run(*args)
    headers = " ".join(value for request in server.log for value in request.headers.values())
    assert b64encode(b"me:pass@word").decode() in headers
    assert all(word in headers for word in (b64encode(b"me:b4sic").decode(), "Bearer b3arer", "h3ader", "l1teral"))
    assert b64encode(b"me:pr0xy").decode() in " ".join(str(request.headers) for request in proxy.log)

    coded = [b64encode(f"me:{secret}".encode()).decode() for secret in (*SECRETS, "pass@word")]
    files = {name: data.decode() for name, data in planet.files().items()}
    for place, text in (said | files).items():
        for secret in (*SECRETS, *coded, "pass@word", quote("pass%40word")):
            assert secret not in text, (place, secret)
    # The places that were searched did have something to show.
    assert "a mistake in aggregator itself" in said["first"]
    assert "***@127.0.0.13" in said["again"], "what left the config is told"
    assert "has left the config" in said["again"]
    assert "***@127.0.0.2" in said["again"], "what is not due is listed"
    for name in ("json", "sources", "items", "own", "table"):
        assert "***@127.0.0.2" in said[name], name
    assert said["own"] == said["masked"] != "[]\n"
    assert 'href="https://own.example/"' in files["atom.xml"]
    assert f'href="http://127.0.0.2:{server.port}/atom"' in files["atom/atom.xml"]


def test_nothing_secret_is_in_a_repr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASIC", "me:b4sic")
    monkeypatch.setenv("PROXY", "http://me:pr0xy@127.0.0.1:1/")
    planet = Planet(tmp_path)
    planet.fetch["rsshub"] = ["https://me:pass%40word@hub.example/"]
    keys = {"headers": {"X-Key": "l1teral"}, "proxy": "env:PROXY", "timeout": "1s"}
    planet.feed("http://me:pass%40word@127.0.0.1:1/", **keys)
    planet.feed("http://127.0.0.1:1/", basic="env:BASIC", **keys)
    loaded = planet.load()
    report = planet.run()
    assert [outcome.error.split(":")[0] for outcome in report.failed] == ["refused"] * 2
    found = repr(loaded) + repr(report) + repr(loaded.sources[0].options) + repr(planet.run())
    assert "refused" in found
    for secret in (*SECRETS, b64encode(b"me:b4sic").decode()):
        assert secret not in found
