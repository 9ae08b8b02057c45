"""`aggregator serve` over real sockets: what a path and its headers are answered, and how it begins and ends."""

import gzip
import hashlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregator import publish
from tests.conftest import needs
from tests.planet import Planet, rss

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FUTURE = "Fri, 01 Jan 2100 00:00:00 GMT"
PAST = "Sun, 06 Nov 1994 08:49:37 GMT"


@dataclass(frozen=True)
class Running:
    """A server at work, and the file of its standard error."""

    process: "subprocess.Popen[str]"
    url: str
    log: Path
    dashboard: str = ""

    def ask(self, target: str = "/rss.xml", method: str = "GET", **headers: str) -> httpx.Response:
        """One request on a connection of its own; `target` goes out as it stands, `accept_encoding` is a header."""
        sent = {"accept-encoding": "", "accept": "*/*"} | {key.replace("_", "-"): each for key, each in headers.items()}
        with httpx.Client(trust_env=False) as client:
            return client.request(method, self.url, headers=sent, extensions={"target": target.encode()})

    def end(self, sign: signal.Signals) -> tuple[int, float]:
        """Send a signal; the exit code, and the seconds that it took."""
        begin = time.monotonic()
        self.process.send_signal(sign)
        return self.process.wait(15), time.monotonic() - begin


@contextmanager
def serving(planet: Planet, *options: str, program: str = "") -> Iterator[Running]:
    """A server for a planet, as a process of its own at a free port; or `program`, which begins one."""
    planet.web = {"dashboard": "127.0.0.1:0", **planet.web}
    planet.write()
    log = planet.root / "log"
    what = ["-c", program] if program else ["-m", "aggregator"]
    command = [sys.executable, *what, "serve", "--listen", "127.0.0.1:0", "--json", *options]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            command, cwd=planet.root, env=env, text=True, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        try:
            assert process.stdout
            said = "".join(itertools.takewhile(lambda line: line != "}\n", process.stdout))  # or to its end
            found = json.loads(said + "}")
            yield Running(process, found["url"], log, found["dashboard"] or "")
        finally:
            process.kill()


@pytest.fixture(scope="module")
def planet(tmp_path_factory: pytest.TempPathFactory) -> Planet:
    """A planet whose output holds what a run wrote, and what others may put there."""
    planet = Planet(tmp_path_factory.mktemp("served"))
    planet.fetch["interval"] = "2h"
    planet.seeds()
    for name, category in (("a.md", "Tech"), ("b.md", "最新"), ("c.md", "Café")):
        planet.post(name, "Words. " * 300, title=f"A post in {category}", categories=[category])
    planet.run()
    feeds = planet.root / "feeds"
    for path, text in {
        "index.html": "<!doctype html><title>All</title>" + " " * 2000,
        "tech/index.html": "<!doctype html><title>Tech</title>",
        "subscriptions.opml": "<opml/>",
        "feed.json": "{}",
        "style.css": "p{}",
        "icon.png": "png",
        "a b:c/index.html": "odd",
        ".aggregator-1": "half a file",
        ".git/config": "secret",
    }.items():
        (feeds / path).parent.mkdir(exist_ok=True)
        (feeds / path).write_text(text, encoding="utf-8")
    (planet.root / "outside.xml").write_text("secret", encoding="utf-8")
    (feeds / "leads-out.xml").symlink_to(planet.root / "outside.xml")
    (feeds / "out").symlink_to(planet.root)
    (feeds / "hidden.xml").symlink_to(".aggregator-1")
    (feeds / "inside.xml").symlink_to("rss.xml")
    (feeds / "loop.xml").symlink_to("loop.xml")
    os.mkfifo(feeds / "pipe.xml")
    return planet


@pytest.fixture(scope="module")
def running(planet: Planet) -> Iterator[Running]:
    with serving(planet, "-v") as running:
        yield running


# --- Which document -------------------------------------------------------------------------------------------------

FOUND = {
    "/rss.xml": "rss.xml",
    "/rss.xml?utm_source=x": "rss.xml",
    "/%72ss%2Exml": "rss.xml",
    "/tech/atom.xml": "tech/atom.xml",
    "/%E6%9C%80%E6%96%B0/rss.xml": "最新/rss.xml",
    "/caf%C3%A9/rss.xml": "café/rss.xml",
    "/cafe%CC%81/rss.xml": "café/rss.xml",  # as macOS writes it
    "/": "index.html",
    "/tech/": "tech/index.html",
    "/a%20b:c/": "a b:c/index.html",
    "/inside.xml": "rss.xml",
}


@pytest.mark.parametrize("target", FOUND)
def test_a_path_gives_its_document(running: Running, planet: Planet, target: str) -> None:
    answer = running.ask(target)
    assert (answer.status_code, answer.content) == (200, planet.files()[FOUND[target]])


@pytest.mark.parametrize(
    "target",
    [
        "/nothing.xml",
        "/rss.xml/",
        "/rss.xml/x",
        "/%E6%9C%80%E6%96%B0/",  # no index.html
        "/%E6%9C%80%E6%96%B0",
        "//rss.xml",
        "/tech//rss.xml",
        "/../outside.xml",
        "/tech/../rss.xml",
        "/%2e%2e/outside.xml",
        "/..%2foutside.xml",
        "/%252e%252e%252foutside.xml",
        "/..%5coutside.xml",
        "/tech%5Crss.xml",
        "/rss.xml%00",
        "/rss.xml%0A",
        "/%FF.xml",
        "/%ED%B2%80",
        "/.aggregator-1",
        "/.git/config",
        "/%2Egit/config",
        "/leads-out.xml",
        "/out/outside.xml",
        "/out/feeds/rss.xml/..",
        "/hidden.xml",
        "/loop.xml",
        "/pipe.xml",
        "/" + "x" * 300,
        "/x" * 3000,
    ],
)
def test_nothing_else_is_given(running: Running, target: str) -> None:
    answer = running.ask(target)
    assert answer.status_code == 404
    assert "secret" not in answer.text and "half" not in answer.text


def test_a_link_into_the_tree_by_another_way_is_fine(running: Running) -> None:
    assert running.ask("/out/feeds/rss.xml").status_code == 200


@pytest.mark.parametrize(("target", "location"), [("/tech", "./tech/"), ("/a%20b:c", "./a%20b%3Ac/")])
def test_a_folder_without_its_slash_is_led_there(running: Running, target: str, location: str) -> None:
    answer = running.ask(target)
    assert (answer.status_code, answer.headers["location"]) == (301, location)
    assert httpx.get(running.url.rstrip("/") + target, follow_redirects=True, trust_env=False).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE", "PATCH", "BREW"])
def test_it_is_only_read(running: Running, method: str) -> None:
    answer = running.ask(method=method)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize(("target", "origin"), [("/rss.xml", "*"), ("/x/archive-1/atom.xml", "*"), ("/icon.png", None)])
def test_pages_of_other_sites_may_ask_for_feeds(running: Running, target: str, origin: str | None) -> None:
    asked = {"origin": "https://other.example", "access_control_request_headers": "if-none-match"}
    answer = running.ask(target, "OPTIONS", access_control_request_method="GET", **asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert answer.headers.get("access-control-allow-origin") == origin
    assert answer.headers.get("access-control-allow-headers") == origin


# --- With which headers ---------------------------------------------------------------------------------------------

FEED = {
    "cache-control": "public, max-age=7200",
    "vary": "Accept, Accept-Encoding",
    "access-control-allow-origin": "*",
    "x-content-type-options": "nosniff",
    "link": None,
    "content-encoding": None,
    "server": None,
}
PAGE = {"content-type": "text/html; charset=utf-8", "vary": "Accept-Encoding", "access-control-allow-origin": None}
TYPES: dict[tuple[str, str], dict[str, str | None]] = {
    ("/rss.xml", "*/*"): FEED | {"content-type": "application/rss+xml; charset=utf-8"},
    ("/rss.xml", ""): {"content-type": "application/rss+xml; charset=utf-8"},
    ("/rss.xml", BROWSER): FEED | {"content-type": "application/xml; charset=utf-8"},
    ("/rss.xml", "text/html;q=0, */*"): {"content-type": "application/rss+xml; charset=utf-8"},
    ("/rss.xml", "application/rss+xml, text/html;q=0.5"): {"content-type": "application/rss+xml; charset=utf-8"},
    ("/tech/atom.xml", "*/*"): FEED | {"content-type": "application/atom+xml; charset=utf-8"},
    ("/tech/atom.xml", BROWSER): FEED | {"content-type": "application/xml; charset=utf-8"},
    ("/inside.xml", BROWSER): {"content-type": "application/xml; charset=utf-8", "access-control-allow-origin": None},
    ("/", BROWSER): PAGE,
    ("/tech/", "*/*"): PAGE | {"vary": None},  # short
    ("/subscriptions.opml", "*/*"): {"content-type": "text/x-opml; charset=utf-8", "access-control-allow-origin": "*"},
    ("/feed.json", "*/*"): {
        "content-type": "application/json; charset=utf-8",
        "vary": None,
    },  # no format of this planet
    ("/style.css", "*/*"): {"content-type": "text/css; charset=utf-8"},
    ("/icon.png", "*/*"): {"content-type": "image/png", "x-content-type-options": "nosniff"},
    ("/nothing", "*/*"): {"content-type": "text/plain; charset=utf-8", "cache-control": None, "etag": None},
}


@pytest.mark.parametrize(("target", "accept"), TYPES)
def test_headers_are_those_of_the_document(running: Running, target: str, accept: str) -> None:
    got, head = running.ask(target, accept=accept), running.ask(target, "HEAD", accept=accept)
    wanted = TYPES[target, accept]
    assert {name: got.headers.get(name) for name in wanted} == wanted
    same = [{k: v for k, v in each.headers.items() if k != "date"} for each in (got, head)]
    assert same[0] == same[1]
    assert (head.status_code, head.content) == (got.status_code, b"")


def test_each_form_of_a_document_has_its_own_strong_etag(running: Running) -> None:
    forms = [
        running.ask(accept=accept, accept_encoding=encoding) for accept in ("*/*", BROWSER) for encoding in ("", "gzip")
    ]
    digest = hashlib.sha256(forms[0].content).hexdigest()[:32]
    tags = [form.headers["etag"] for form in forms]
    assert tags == [f'"{digest}"', f'"{digest}-gzip"', f'"{digest}-xml"', f'"{digest}-xml-gzip"']
    assert len({form.content for form in forms}) == 1


@pytest.mark.parametrize(
    ("accept", "encoded"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0.001", True),
        ("identity;q=0.5, gzip", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
        ("identity, gzip;q=0.5", False),
        ("gzip;q=9", False),
        ("gzip;q=x", False),
    ],
)
def test_text_is_compressed_for_those_who_want_it(running: Running, planet: Planet, accept: str, encoded: bool) -> None:
    whole = (planet.root / "feeds" / "rss.xml").read_bytes()
    answer = running.ask(accept_encoding=accept)
    assert answer.headers.get("content-encoding") == ("gzip" if encoded else None)
    assert answer.content == whole
    assert int(answer.headers["content-length"]) == len(gzip.compress(whole, 9, mtime=0) if encoded else whole)


# --- What one has already -------------------------------------------------------------------------------------------

CONDITIONS: dict[str, tuple[Callable[[str, str], dict[str, str]], int]] = {
    "its tag": (lambda tag, date: {"if_none_match": tag}, 304),
    "its tag, made weak by a proxy": (lambda tag, date: {"if_none_match": f"W/{tag}"}, 304),
    "a list": (lambda tag, date: {"if_none_match": f'"x, y",W/"z" ,{tag}'}, 304),
    "any": (lambda tag, date: {"if_none_match": "*"}, 304),
    "another tag": (lambda tag, date: {"if_none_match": '"x"'}, 200),
    "the tag of another form": (lambda tag, date: {"if_none_match": tag, "accept_encoding": "gzip"}, 200),
    "a part of it": (lambda tag, date: {"if_none_match": tag[:9] + '"'}, 200),
    "no tag": (lambda tag, date: {"if_none_match": tag.strip('"')}, 200),
    "nothing": (lambda tag, date: {"if_none_match": ""}, 200),
    "its date": (lambda tag, date: {"if_modified_since": date}, 304),
    "a later date": (lambda tag, date: {"if_modified_since": FUTURE}, 304),
    "a later date, as of old": (lambda tag, date: {"if_modified_since": "Friday, 01-Jan-60 00:00:00 GMT"}, 304),
    "a later date, as C writes it": (lambda tag, date: {"if_modified_since": "Fri Jan  1 00:00:00 2100"}, 304),
    "an earlier date": (lambda tag, date: {"if_modified_since": PAST}, 200),
    "no date": (lambda tag, date: {"if_modified_since": "yesterday"}, 200),
    "a year without end": (lambda tag, date: {"if_modified_since": f"Fri, 01 Jan {'9' * 99} 00:00:00 GMT"}, 200),
    "another tag and its date": (lambda tag, date: {"if_none_match": '"x"', "if_modified_since": date}, 200),
    "its tag and an earlier date": (lambda tag, date: {"if_none_match": tag, "if_modified_since": PAST}, 304),
}


@pytest.mark.parametrize("has", CONDITIONS)
def test_what_one_has_is_not_sent_again(running: Running, has: str) -> None:
    first = running.ask()
    condition, status = CONDITIONS[has]
    headers = condition(first.headers["etag"], first.headers["last-modified"])
    for method in ("GET", "HEAD"):
        answer = running.ask(method=method, **headers)
        assert answer.status_code == status
        if status == 304:
            assert answer.content == b""
            kept = ("etag", "last-modified", "cache-control", "vary", "access-control-allow-origin")
            assert [answer.headers[name] for name in kept] == [first.headers[name] for name in kept]


# --- Beside runs ----------------------------------------------------------------------------------------------------


def test_readers_get_whole_documents_while_they_are_replaced(tmp_path: Path) -> None:
    versions = [rss([{"title": f"{word} {n}"} for n in range(4000)]) for word in ("one", "three")]
    path = tmp_path / "feeds" / "rss.xml"
    publish.write(path, versions[0])
    over = threading.Event()
    writes: list[bool] = []

    def run() -> None:
        while not over.is_set():
            writes.append(publish.write(path, versions[len(writes) % 2]))

    writer = threading.Thread(target=run)
    with serving(Planet(tmp_path)) as running, httpx.Client(trust_env=False) as client:
        writer.start()
        try:
            answers = [client.get(f"{running.url}rss.xml") for _ in range(200)]
        finally:
            over.set()
            writer.join()
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.content for answer in answers} == set(versions)
    for answer in answers:
        assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()[:32]}-gzip"'


def test_the_output_may_come_later_and_be_a_link(tmp_path: Path) -> None:
    with serving(Planet(tmp_path)) as running:
        assert running.ask().status_code == 404
        for name in ("one", "two"):
            publish.write(tmp_path / name / "rss.xml", name.encode())
            (tmp_path / "new").symlink_to(name)
            (tmp_path / "new").replace(tmp_path / "feeds")
            assert running.ask().text == name
        (tmp_path / "feeds" / "rss.xml").unlink()
        assert running.ask().status_code == 404


# --- Beginning and end ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_soon(tmp_path: Path, sign: signal.Signals, code: int) -> None:
    with serving(Planet(tmp_path)) as running, httpx.Client(trust_env=False) as client:
        assert client.get(running.url).status_code == 404  # and the connection stays open
        ended, seconds = running.end(sign)
        assert (ended, running.log.read_text(encoding="utf-8").strip()) == (code, "")
        assert seconds < 3


def test_who_reads_for_ever_does_not_hold_it_up(tmp_path: Path) -> None:
    publish.write(tmp_path / "feeds" / "big.png", os.urandom(20_000_000))
    with serving(Planet(tmp_path)) as running, socket.create_connection(running_address(running)) as reader:
        reader.sendall(b"GET /big.png HTTP/1.1\r\nHost: x\r\n\r\n")
        assert reader.recv(15) == b"HTTP/1.1 200 OK"
        code, seconds = running.end(signal.SIGTERM)
    assert code == 143
    assert seconds < 8


def test_more_readers_than_there_are_descriptors_for_are_sent_away(tmp_path: Path) -> None:
    publish.write(tmp_path / "feeds" / "rss.xml", b"<rss/>")
    with serving(Planet(tmp_path)) as running:
        idle = [socket.create_connection(running_address(running)) for _ in range(500)]
        assert running.ask().status_code == 503
        for connection in idle:
            connection.close()
        assert running.ask().status_code == 200


def running_address(running: Running) -> tuple[str, int]:
    url = httpx.URL(running.url)
    return url.host, url.port or 80


def test_requests_are_logged_when_asked_for(running: Running, tmp_path: Path) -> None:
    running.ask("/tech/rss.xml?%1b[31m")
    lines = running.log.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.endswith('"GET /tech/rss.xml?%1b[31m HTTP/1.1" 200')]
    with serving(Planet(tmp_path)) as silent:
        assert silent.ask("/nothing").status_code == 404
        assert silent.log.read_text(encoding="utf-8") == ""


def test_garbage_is_refused_and_not_logged(tmp_path: Path) -> None:
    with serving(Planet(tmp_path), "-v") as running:
        for garbage in (
            b"\x16\x03\x01 no HTTP\r\n\r\n",
            b"GET /\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n",  # while it is answered
        ):
            with socket.create_connection(running_address(running)) as client:
                client.sendall(garbage)
                assert client.recv(100).startswith(b"HTTP/1.1 400 ")
        with socket.create_connection(running_address(running)) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 405 ")
            client.sendall(b"no length\r\n")  # after it was answered
            assert not client.recv(100).startswith(b"HTTP")
        lines = running.log.read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if "uvicorn.access" not in line] == []


def command(planet: Planet, *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    line = [sys.executable, "-m", "aggregator", "serve", *arguments]
    return subprocess.run(line, cwd=planet.root, env=env, text=True, capture_output=True, timeout=30)


def test_what_cannot_be_is_one_line(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    planet.web["dashboard"] = ""
    planet.write()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        cases: dict[str, tuple[int, str]] = {
            "8080": (2, 'aggregator: --listen: write HOST:PORT, such as "127.0.0.1:8080" or "[::1]:8080"\n'),
            where: (1, f"aggregator: {where}: cannot listen (Address already in use); free it, or choose another "),
            "192.0.2.1:0": (1, "aggregator: 192.0.2.1:0: cannot listen (Cannot assign requested address); "),
            "nowhere.invalid:80": (1, "aggregator: nowhere.invalid:80: cannot listen ("),
        }
        for listen, (code, message) in cases.items():
            done = command(planet, "--listen", listen)
            assert (done.returncode, done.stdout) == (code, "")
            assert done.stderr.startswith(message) and done.stderr.count("\n") == 1


def test_it_listens_where_the_config_says_and_says_so(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    planet.web = {"listen": f"127.0.0.1:{port}", "dashboard": ""}
    planet.write()
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    line = [sys.executable, "-m", "aggregator", "serve"]
    with subprocess.Popen(line, cwd=tmp_path, env=env, text=True, stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr
            assert process.stderr.readline() == f"serving {tmp_path / 'feeds'} at http://127.0.0.1:{port}/\n"
            assert process.stderr.readline() == "no dashboard\n"
            assert httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code == 404
        finally:
            process.terminate()
        assert process.wait(10) == 143


# --- A feed reader --------------------------------------------------------------------------------------------------


def newsboat(folder: Path, url: str) -> None:
    """One sync of newsboat's, with what it remembers in `folder`."""
    (folder / "urls").write_text(f"{url}rss.xml\n{url}tech/atom.xml\n", encoding="utf-8")
    (folder / "config").write_text("", encoding="utf-8")
    line = ["newsboat", "-u", "urls", "-C", "config", "-c", "cache.db", "-x", "reload"]
    env: dict[str, Any] = os.environ | {"HOME": str(folder), "no_proxy": "*"}
    done = subprocess.run(line, cwd=folder, env=env, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_newsboat_is_not_sent_again_what_it_has(planet: Planet, running: Running, tmp_path: Path) -> None:
    needs("newsboat")

    def synced() -> list[str]:
        before = running.log.stat().st_size
        newsboat(tmp_path, running.url)
        lines = running.log.read_bytes()[before:].decode().splitlines()
        return sorted(line.split(' - "')[1] for line in lines)

    feeds = ["GET /rss.xml HTTP/1.1", "GET /tech/atom.xml HTTP/1.1"]
    assert synced() == [f'{feed}" 200' for feed in feeds]
    synced()  # it keeps validators only of feeds that its cache has already: from the second sync on
    assert synced() == [f'{feed}" 304' for feed in feeds]
    line = ["newsboat", "-u", "urls", "-C", "config", "-c", "cache.db", "-x", "print-unread"]
    env: dict[str, Any] = os.environ | {"HOME": str(tmp_path)}
    done = subprocess.run(line, cwd=tmp_path, env=env, text=True, capture_output=True, timeout=60)
    assert done.stdout == "3 unread articles\n"  # one of them is in both feeds
