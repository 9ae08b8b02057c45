"""The dashboard over real sockets: what it shows, to whom, and that it never touches the store."""

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup, Tag
from lxml import etree
from sqlalchemy import event

from aggregator import config
from aggregator.errors import AggregatorError, ConfigError
from aggregator.store import pulse
from aggregator.store.engine import SCHEMA, looking, open_store, writing
from aggregator.store.tables import meta
from aggregator.web import dashboard, pages
from aggregator.web.gate import Gate
from tests import demo
from tests.demo import Planted
from tests.planet import NOON, Planet
from tests.test_serve import Running, serving

TOKEN = "correct-horse-battery-staple"
SCRIPT = "<script>document.title = 'ran'</script>"
NUMBER = 24


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def get(url: str, **headers: str) -> httpx.Response:
    """One request; `host` and the like go out as they stand."""
    with httpx.Client(trust_env=False) as client:
        return client.get(url, headers={key.replace("_", "-"): each for key, each in headers.items()})


def beside(running: Running, way: str) -> str:
    """Where a link of the dashboard leads."""
    return str(httpx.URL(running.dashboard).join(way))


def tree(page: str) -> BeautifulSoup:
    return BeautifulSoup(page, "lxml")


def texts(page: str, path: str) -> list[str]:
    return [" ".join(each.get_text().split()) for each in tree(page).select(path)]


def hrefs(where: Tag, path: str) -> list[str]:
    return [str(each["href"]) for each in where.select(path)]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Planet:
    """A planet that has been at work for months."""
    planet = Planet(tmp_path_factory.mktemp("filled"))
    wicked = [Planted(f"{SCRIPT}Wicked", f"parse: {SCRIPT} at https://me:hunter2@x.example/")]
    demo.fill(planet, now(), wicked, number=NUMBER)
    return planet


@pytest.fixture(scope="module")
def running(filled: Planet) -> Iterator[Running]:
    with serving(filled) as running:
        yield running


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with a token."""
    planet = Planet(tmp_path_factory.mktemp("locked"))
    (planet.root / "token").write_text(TOKEN, encoding="utf-8")
    planet.web["token"] = "file:token"
    with serving(planet, "-v") as running:
        yield running


# --- What it shows --------------------------------------------------------------------------------------------------


def test_the_page_of_everything(running: Running) -> None:
    answer = get(running.dashboard)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = answer.text
    assert texts(page, "h1") == [f"5 of {NUMBER + 1} sources need attention"]
    assert texts(page, ".states li") == ["3 failing", "1 blocked", "1 gone", "1 quiet", f"{NUMBER - 5} ok"]
    states = texts(page, ".sources .state")
    assert states == sorted(states, key=["failing", "blocked", "gone", "quiet", "ok"].index)
    assert len(texts(page, ".sources tbody tr")) == NUMBER + 1
    assert len(texts(page, ".coming li")) == 12
    assert len(texts(page, ".runs tbody tr")) == 6
    assert texts(page, ".published tbody th")[0] == "Everything"
    assert hrefs(tree(page), ".published a")[:2] == [
        "https://planet.example/feeds/rss.xml",
        "https://planet.example/feeds/atom.xml",
    ]
    assert all(re.search(r"Requests of seven days by hour \(UTC\): [1-9]", each) for each in texts(page, ".plot")[:1])


def test_the_page_of_a_source(running: Running) -> None:
    page = get(running.dashboard).text
    links = hrefs(tree(page), ".sources th a")
    failing = get(beside(running, links[0]))
    assert failing.status_code == 200
    assert texts(failing.text, ".over .state") == ["failing"]
    assert "3 visits in a row failed" in texts(failing.text, ".alarm")[0]
    assert len(texts(failing.text, ".visits tbody tr")) >= 50 or "wicked" in failing.text
    for link in links:  # each of them can be made
        assert get(beside(running, link)).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["source/9999", "source/x", "source/-1", "source/" + "9" * 30, "source/" + "9" * 5000, "no.css", "../x", "a/b"],
)
def test_there_is_nothing_else(running: Running, path: str) -> None:
    assert get(running.dashboard + path).status_code == 404


@pytest.mark.parametrize("query", ["from=7", "from=-1", "from=x", "from=" + "9" * 40, "from=٣", "from=1&from=2", "x"])
def test_any_query_is_answered(running: Running, query: str) -> None:
    assert get(f"{running.dashboard}?{query}").status_code == 200


def test_many_sources_are_on_several_pages(filled: Planet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "AT_ONCE", 10)
    loaded = filled.load()
    seen: list[str] = []
    with looking(loaded.store) as db:
        for start in (0, 10, 20):
            page = pages.overview(db, loaded, now(), start)
            seen += texts(page, ".sources th a")
            ways = hrefs(tree(page), ".way a")
            wanted = {0: ["./?from=10#sources"], 10: ["./?from=0#sources", "./?from=20#sources"]}
            assert ways == wanted.get(start, ["./?from=10#sources"])
    assert len(seen) == NUMBER + 1


def test_the_number_of_questions_is_bounded(filled: Planet) -> None:
    loaded, asked = filled.load(), list[str]()
    with looking(loaded.store) as db:
        event.listen(db, "before_cursor_execute", lambda *words: asked.append(words[2]))
        pages.overview(db, loaded, now())
        whole = len(asked)
        pages.source(db, loaded, now(), 1)
    assert whole <= 20 and len(asked) - whole <= 6


def test_nothing_planted_is_markup_and_no_password_is_shown(running: Running) -> None:
    page = get(running.dashboard).text
    wicked = next(each for each in tree(page).select(".sources th") if "Wicked" in each.get_text())
    assert wicked.select("a")[0].string == f"{SCRIPT}Wicked"
    own = get(beside(running, hrefs(wicked, "a")[0])).text
    for each in (page, own):
        assert SCRIPT in tree(each).get_text()
        assert not tree(each).select("script, img, iframe, style, [style], [onerror], [onclick]")
        assert "hunter2" not in each


def test_the_rest_of_the_door(running: Running) -> None:
    assert get(beside(running, "/")).headers["location"] == "./_/"
    assert get(beside(running, "/_")).headers["location"] == "./_/"
    assert get(running.dashboard + "style.css").headers["content-type"] == "text/css; charset=utf-8"
    etree.fromstring(get(running.dashboard + "favicon.svg").content)
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = httpx.request(method, running.dashboard, trust_env=False)
        assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})
    head = httpx.head(running.dashboard, trust_env=False)
    assert (head.status_code, head.content) == (200, b"")


def test_the_feed_of_failures_is_behind_the_gate(filled: Planet) -> None:
    loaded = filled.load()
    made = dashboard.app(loaded, Gate(80), now, lambda db, config, url: f"{config.site.title}|{url}".encode())

    async def ask(host: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url=f"http://{host}") as client:
            return await client.get("/_/failures.xml")

    answer = asyncio.run(ask("localhost"))
    assert (answer.status_code, answer.text) == (200, "Planet Test|")
    assert answer.headers["content-type"] == "application/atom+xml"
    assert asyncio.run(ask("evil.example")).status_code == 403


def test_the_public_has_none_of_it(running: Running) -> None:
    for path in ("_/", "_/style.css", "metrics", "_/source/1"):
        assert get(running.url + path).status_code == 404


# --- To whom --------------------------------------------------------------------------------------------------------

PAGES = ("", "style.css", "source/1", "../metrics", "../healthz", "../", "nothing")


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_is_guarded(running: Running, path: str) -> None:
    for headers in ({}, {"host": "evil.example"}):
        answer = get(beside(running, path), **headers)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers
        assert (answer.status_code == 403) == bool(headers)


def test_it_is_not_led_astray(running: Running) -> None:
    assert get(running.dashboard, host="evil.example").status_code == 403
    assert get(running.dashboard, x_forwarded_for="192.0.2.1").status_code == 403
    assert get(running.dashboard, host=f"localhost:{httpx.URL(running.dashboard).port}").status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_a_token_is_asked_for_everywhere(locked: Running, path: str) -> None:
    answer = get(beside(locked, path))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.text.count("\n") == 1
    assert get(beside(locked, path), authorization=f"Bearer {TOKEN}").status_code != 401


def test_a_token_in_the_address_becomes_a_cookie(locked: Running) -> None:
    with httpx.Client(trust_env=False) as client:
        first = client.get(f"{locked.dashboard}?from=0&token={TOKEN}")
        assert (first.status_code, first.headers["location"]) == (303, "./?from=0")
        cookie = first.headers["set-cookie"]
        assert TOKEN not in cookie and "HttpOnly" in cookie and "samesite=strict" in cookie.lower()
        assert client.get(locked.dashboard).status_code == 200
        assert client.get(locked.dashboard, params={"token": "wrong-horse-battery"}).status_code == 200
        assert client.get(f"{locked.dashboard}source/1?token={TOKEN}").headers["location"] == "./1"
    assert get(f"{locked.dashboard}?token=wrong-horse-battery").status_code == 401
    assert "GET /_/?from=0&token=*** " in _logged(locked)


def test_a_token_at_the_wrong_door_is_not_logged_either(locked: Running) -> None:
    for way in (f"?token={TOKEN}", f"index.html?x=1&Token={TOKEN}&y=2", f"?x=1;token={TOKEN}"):
        get(locked.url + way)
    said = _logged(locked)
    assert (
        "GET /?token=*** " in said and "GET /index.html?x=1&Token=***&y=2 " in said and "GET /?x=1;token=*** " in said
    )


def _logged(running: Running) -> str:
    said = running.log.read_text(encoding="utf-8")
    assert TOKEN not in said and "battery" not in said
    return said


def test_the_public_needs_no_token(locked: Running) -> None:
    assert get(locked.url + "healthz").status_code == 503  # there has been no run


# --- The store is left alone ----------------------------------------------------------------------------------------


def test_before_the_first_run_it_says_so_and_makes_nothing(tmp_path: Path) -> None:
    with serving(Planet(tmp_path)) as running:
        page = get(running.dashboard)
        assert (page.status_code, texts(page.text, "h1")) == (200, ["Nothing yet"])
        assert get(beside(running, "../metrics")).text.endswith("aggregator_healthy 0.0\n")
        assert get(running.url + "healthz").json() == {"status": "failing"}
        assert not (tmp_path / "var").exists()


def test_it_waits_for_nobody_and_sees_what_was_before(filled: Planet, running: Running) -> None:
    engine = open_store(filled.load().store)
    try:
        with pytest.raises(InterruptedError), writing(engine) as db:
            db.execute(meta.insert().values(key="half", value="done"))
            begin = time.monotonic()
            assert get(running.dashboard).status_code == 200
            assert get(running.url + "healthz").status_code == 200
            assert time.monotonic() - begin < 10
            raise InterruptedError
    finally:
        engine.dispose()


def test_it_can_only_look(filled: Planet) -> None:
    with pytest.raises(AggregatorError, match="readonly"), looking(filled.load().store) as db:
        db.execute(meta.insert().values(key="x", value="y"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE alembic_version SET version_num = '0004'", "brings it up to date"),
        ("UPDATE alembic_version SET version_num = '9999'", "the store was written by a newer version (schema 9999)"),
        ("UPDATE alembic_version SET version_num = '0001'", "the store is of another version; `aggregator once`"),
        ("DROP TABLE alembic_version", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, damage: str, said: str) -> None:
    planet = Planet(tmp_path)
    planet.seeds()
    planet.run()
    file = tmp_path / "var" / "aggregator.db"
    if damage:
        with closing(sqlite3.connect(file)) as db:
            db.execute(damage)
            db.commit()
    else:
        for each in file.parent.glob("aggregator.db*"):
            each.write_bytes(b"no database at all " * 100)
    before = file.read_bytes()
    with serving(planet) as running:
        page = get(running.dashboard)
        assert page.status_code == 503
        assert said in texts(page.text, ".alarm")[0]
        assert get(beside(running, "../metrics")).status_code == 503
        assert said in get(beside(running, "../healthz")).json()["why"]
        assert get(running.url + "healthz").json() == {"status": "failing"}
        assert running.ask("/rss.xml").status_code == 200  # what is published is served all the same
    assert file.read_bytes() == before


def test_a_store_that_is_as_it_should_be_is_of_this_schema(filled: Planet) -> None:
    with looking(filled.load().store) as db:
        assert db.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == SCHEMA


# --- Health ---------------------------------------------------------------------------------------------------------


def test_health_is_told_in_full_to_the_owner_alone(filled: Planet, running: Running) -> None:
    public = get(running.url + "healthz")
    assert (public.status_code, public.json()) == (200, {"status": "ok"})
    owners = get(beside(running, "../healthz"))
    assert owners.status_code == 200
    assert owners.json().keys() == {"status", "why", "last_success", "lag_seconds"}
    assert public.headers["cache-control"] == "no-store"


def test_a_planet_that_was_left_alone_is_ill(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    demo.fill(planet, now() - timedelta(days=3), number=6)
    with serving(planet) as running:
        assert get(running.url + "healthz").status_code == 503
        page = get(running.dashboard).text
        assert texts(page, "h1") == ["Nothing comes in"]
        assert texts(page, ".alarm")[0].startswith("No source has answered since ")


# --- The daemon -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("note", "said"),
    [
        ({"tick": 10}, "at work process 7, for 2 h"),
        ({"tick": 10, "missed": 2, "overlapped": 1}, "at work process 7, for 2 h; 2 missed, 1 overlapping rounds"),
        ({"tick": 10, "refused": "a.toml:3: no <b>key</b>"}, "at work process 7, for 2 h"),
        ({"tick": 3600}, "not at work last seen 60 min ago"),
        (None, "none runs are started by others"),
    ],
)
def test_the_daemon_is_told_of(tmp_path: Path, note: dict[str, Any] | None, said: str) -> None:
    planet = Planet(tmp_path)
    planet.seeds()
    planet.run()
    loaded = planet.load()
    if note:
        tick = NOON - timedelta(seconds=note.pop("tick"))
        engine = open_store(loaded.store)
        with writing(engine) as db:
            pulse.save_pulse(db, pulse.Pulse(7, NOON - timedelta(hours=2), tick, **note))
        engine.dispose()
    with looking(loaded.store) as db:
        page = pages.overview(db, loaded, NOON)
    assert " ".join(texts(page, ".tiles > div:nth-of-type(2) > *")) == f"Daemon {said}"
    assert ("no &lt;b&gt;key" in page) == bool(note and "refused" in note)


# --- The config -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("web", "said"),
    [
        ({"dashboard": "0.0.0.0:8081"}, "web.dashboard: shows everything to everyone who can reach 0.0.0.0:8081;"),
        ({"dashboard": "[::]:8081"}, "web.dashboard: shows everything"),
        ({"dashboard": "planet.example:80"}, "web.dashboard: shows everything"),
        ({"dashboard": "8081"}, "web.dashboard: write HOST:PORT"),
        ({"token": "hunter2hunter2hunter2"}, 'web.token: write "env:NAME" or "file:PATH", where the secret is'),
        ({"token": 5}, "web.token: write text in quotes"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, web: dict[str, str], said: str) -> None:
    planet = Planet(tmp_path)
    planet.web = web
    file = planet.write()
    line = (
        file.read_text(encoding="utf-8")
        .splitlines()
        .index(f"{next(iter(web))} = {json.dumps(next(iter(web.values())))}")
    )
    with pytest.raises(ConfigError) as caught:
        planet.load()
    assert str(caught.value).startswith(f"{file}:{line + 1}: {said}")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "web",
    [
        {"dashboard": ""},
        {"dashboard": "127.0.0.9:1"},
        {"dashboard": "[::1]:1"},
        {"dashboard": "localhost:1"},
        {"dashboard": "0.0.0.0:1", "token": "env:X"},
    ],
)
def test_what_is_fine(tmp_path: Path, web: dict[str, str]) -> None:
    planet = Planet(tmp_path)
    planet.web = web
    assert planet.load().web.dashboard == web["dashboard"]  # also where the secret is not there: a run needs none


@pytest.mark.parametrize(("secret", "said"), [(None, "cannot be read"), ("short", "is too easy to guess")])
def test_a_token_that_is_none_is_one_line(tmp_path: Path, secret: str | None, said: str) -> None:
    planet = Planet(tmp_path)
    planet.web["token"] = "file:token"
    if secret:
        (tmp_path / "token").write_text(secret, encoding="utf-8")
    done = serve(planet, "--listen", "127.0.0.1:0")
    assert done.returncode == 2
    assert "web.token: " in done.stderr and said in done.stderr and "short" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("aggregator: ")]) == 1
    with pytest.raises(ConfigError, match=r"web\.token"):
        config.load(planet.write(), look=True)


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    with serving(Planet(tmp_path)) as running:
        planet.web["dashboard"] = f"127.0.0.1:{httpx.URL(running.dashboard).port}"
        done = serve(planet, "--listen", "127.0.0.1:0")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"{planet.web['dashboard']}: cannot listen (Address already in use)" in done.stderr
    assert "choose another with `dashboard` of [web]" in done.stderr


def serve(planet: Planet, *arguments: str) -> "subprocess.CompletedProcess[str]":
    planet.web = {"dashboard": "127.0.0.1:0", **planet.web}
    planet.write()
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    line = [sys.executable, "-m", "aggregator", "serve", *arguments]
    return subprocess.run(line, cwd=planet.root, env=env, text=True, capture_output=True, timeout=30)
