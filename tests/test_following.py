"""Lists that are followed: their feeds are sources while they have them, and a list in trouble takes none away."""

import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator import config, following, pipeline, pruning
from aggregator.config import Config
from aggregator.config.lists import MOST
from aggregator.errors import ConfigError
from tests.planet import Planet, atom
from tests.running import running, until
from tests.server import Request, Response, Server

HOUR = timedelta(hours=1)


def opml(*feeds: tuple[str, str]) -> bytes:
    """A list of feeds: each its address and the name of its folder."""
    rows = (f"<outline text='{name}'><outline text='A feed' xmlUrl='{url}'/></outline>" for url, name in feeds)
    return f"<opml version='2.0'><head/><body>{''.join(rows)}</body></opml>".encode()


ONE, TWO = "https://one.example/feed", "https://two.example/feed"


def load(planet: Planet, *lists: Mapping[str, Any]) -> Config:
    """The planet's config with these lists."""
    file = planet.write()
    with file.open("a", encoding="utf-8") as opened:
        for each in lists:
            opened.write("\n[[list]]\n" + "".join(f'{key} = "{value}"\n' for key, value in each.items()))
    return config.load(file)


def brief(loaded: Config) -> dict[str, list[str]]:
    return {each.key: ["/".join(path) for path in each.categories] for each in loaded.sources}


@pytest.fixture
def planet(tmp_path: Path) -> Planet:
    return Planet(tmp_path)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as serving:
        yield serving


def test_the_feeds_of_a_list_are_sources_below_its_category(planet: Planet) -> None:
    planet.feed("http://one.example/feed/", title="My own words for it")
    (planet.root / "a.opml").write_bytes(opml((ONE, "x"), (TWO, "y/z")))
    (planet.root / "b.txt").write_text(f"{TWO} tag\nhttps://me:secret@three.example/\n")
    loaded = load(planet, {"path": "a.opml", "category": "Friends"}, {"path": "b.txt"})
    assert brief(loaded) == {
        "http://one.example/feed/": [],
        TWO: ["Friends/y/z", "tag"],
        "https://three.example/": [],
    }
    assert [each.title for each in loaded.sources] == ["My own words for it", "A feed", ""]
    assert loaded.watched == (planet.root / "a.opml", planet.root / "b.txt")
    assert "secret" not in repr(loaded)


def test_a_list_that_is_far_too_long_is_refused_and_takes_nothing_away(planet: Planet) -> None:
    file = planet.root / "a.txt"
    file.write_text("".join(f"https://a.example/{number}\n" for number in range(MOST + 1)))
    with pytest.raises(ConfigError, match=r"has 5,001 feeds, and a \[\[list\]\] may have 5,000; `aggregator import`"):
        load(planet, {"path": "a.txt"})
    short = "".join(f"https://a.example/{number}\n" for number in range(MOST))
    file.write_text(short)
    following.follow(load(planet, {"path": "a.txt"}), planet.now)
    file.write_text(short + "https://a.example/more\n")
    loaded = load(planet, {"path": "a.txt"})
    assert len(loaded.sources) == MOST
    assert "the list is used as it last was" in loaded.notes[0]


@pytest.mark.parametrize("trouble", [b"<opml><body><outline", b"<opml><body/></opml>", b"hello", b"", None])
def test_a_list_in_trouble_takes_nothing_away(planet: Planet, trouble: bytes | None) -> None:
    file = planet.root / "a.opml"
    file.write_bytes(opml((ONE, "x")))
    following.follow(load(planet, {"path": "a.opml"}), planet.now)
    file.unlink() if trouble is None else file.write_bytes(trouble)
    loaded = load(planet, {"path": "a.opml"})
    assert brief(loaded) == {ONE: ["x"]}
    (note,) = loaded.notes
    assert note.startswith(f"{file}: ")
    assert note.endswith("; the list is used as it last was")
    assert not following.follow(loaded, planet.now)  # the copy stays what it is
    assert brief(load(planet, {"path": "a.opml"})) == {ONE: ["x"]}
    file.write_bytes(opml((TWO, "x")))
    loaded = load(planet, {"path": "a.opml"})
    assert (brief(loaded), loaded.notes) == ({TWO: ["x"]}, ())


def test_lines_of_a_list_that_are_not_taken_over_are_told_once(planet: Planet) -> None:
    file = planet.root / "my friends.txt"
    file.write_text(f"{ONE}\nno address\n")
    (planet.root / "planet").mkdir()
    loaded = load(planet, {"path": "planet/../my friends.txt"})
    note = f"{file}: lines that are not taken over: 1; `aggregator import '{file}' --dry-run` shows them"
    assert (list(brief(loaded)), loaded.notes) == ([ONE], (note,))
    assert [pipeline.run(loaded, planet.now).notes for _ in range(2)] == [(note,), ()]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "list[1]: write where the list is: either url, or path"),
        ({"url": "https://a.example/", "path": "a"}, "list[1]: write where the list is: either url, or path"),
        ({"url": "ftp://a.example/"}, "list[1].url: write an absolute http:// or https:// URL"),
        ({"path": "nowhere.opml"}, "nowhere.opml: cannot be read (No such file or directory); mend it or write another path"),
        ({"path": "pipe"}, "pipe: cannot be read (is no regular file); mend it or write another path"),
        ({"path": "/dev/zero"}, "/dev/zero: cannot be read (is no regular file); mend it or write another path"),
        ({"path": "torn"}, "torn: line 1: not well-formed XML (no element found); mend it or write another path"),
        ({"pth": "torn"}, 'list[1].pth: unknown key; did you mean "path"?'),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(planet: Planet, given: dict[str, str], why: str) -> None:
    (planet.root / "torn").write_bytes(b"<opml><body>")
    os.mkfifo(planet.root / "pipe")
    with pytest.raises(ConfigError) as caught:
        load(planet, given)
    assert len(caught.value.problems) == 1
    assert why in str(caught.value)


def test_a_category_that_a_list_may_bring_is_not_missed(planet: Planet, server: Server) -> None:
    """Else a list that drops a folder, or was never asked for, would keep the config from being read."""
    planet.categories.append({"path": "Best", "of": ["Friends/x"]})
    with pytest.raises(ConfigError, match="there is no category"):
        load(planet)
    url = server.url("/list.opml")
    server.put("/list.opml", opml((ONE, "x")))
    loaded = load(planet, {"url": url, "category": "Friends"})
    assert not pipeline.run(loaded, planet.now).published.problems
    assert following.follow(loaded, planet.now)
    assert brief(load(planet, {"url": url, "category": "Friends"})) == {ONE: ["Friends/x"]}


def test_a_list_of_two_brackets_too_few_is_told(planet: Planet) -> None:
    file = planet.write()
    file.write_text(file.read_text() + '\n[list]\npath = "x"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"write \[\[list\]\] in two brackets"):
        config.load(file)


def test_a_remote_list_is_asked_for_once_an_interval_and_conditionally(planet: Planet, server: Server) -> None:
    url = server.url("/list.opml")
    server.put("/list.opml", opml((ONE, "x")), etag=True)
    loaded = load(planet, {"url": url})
    assert (brief(loaded), len(loaded.notes)) == ({}, 1)
    assert following.follow(loaded, planet.now)
    loaded = load(planet, {"url": url})
    assert (brief(loaded), loaded.notes) == ({ONE: ["x"]}, ())
    assert not following.follow(loaded, planet.now + HOUR / 2)
    assert not following.follow(loaded, planet.now + HOUR)
    server.put("/list.opml", opml((ONE, "x"), (TWO, "y")), etag=True)
    assert following.follow(loaded, planet.now + 2 * HOUR)
    assert brief(load(planet, {"url": url})) == {ONE: ["x"], TWO: ["y"]}
    assert [request.status for request in server.log] == [200, 304, 200]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Response(b"gone", 410), "410"),
        (Response(b"wait", 503, {"Retry-After": "7200"}), "503"),
        (Response(b"<html>a login page</html>"), "is XML, but no OPML"),
        (Response(b"<opml><body/></opml>"), "has no feed in it"),
        (Response(opml((TWO, "y"))[:-30]), "not well-formed"),
    ],
)
def test_a_remote_list_in_trouble_takes_nothing_away(
    planet: Planet, server: Server, answer: Response, why: str
) -> None:
    url = server.url("/list.opml").replace("//", "//me:secret@")
    server.put("/list.opml", opml((ONE, "x")), etag=True)
    following.follow(load(planet, {"url": url}), planet.now)

    def wrong(request: Request) -> Response:
        return answer

    server.script("/list.opml", wrong)
    following.follow(load(planet, {"url": url}), planet.now + HOUR)
    loaded = load(planet, {"url": url})
    assert brief(loaded) == {ONE: ["x"]}
    (note,) = loaded.notes
    assert why in note
    assert "secret" not in note
    following.follow(loaded, planet.now + 1.5 * HOUR)
    assert len(server.log) == 2  # it is left alone for an interval, whatever it answered
    server.put("/list.opml", opml((TWO, "x")), etag=True)
    following.follow(loaded, planet.now + 4 * HOUR)
    loaded = load(planet, {"url": url})
    assert (brief(loaded), loaded.notes) == ({TWO: ["x"]}, ())


def test_what_is_remembered_of_a_server_may_be_anything(planet: Planet, server: Server) -> None:
    server.put("/list.opml", opml((ONE, "x")), etag=True)
    lists = {"url": server.url("/list.opml")}
    (followed,) = load(planet, lists).lists
    followed.memory.parent.mkdir(parents=True)
    for odd in (
        b"",
        b"\xff",
        b"[]",
        b'{"next": 5, "times": []}',
        b'{"times": "x"}',
        b'{"next": "soon"}',
        b'{"next": "2026-01-01T00:00:00"}',
    ):
        followed.memory.write_bytes(odd)
        following.follow(load(planet, lists), planet.now)
        assert brief(load(planet, lists)) == {ONE: ["x"]}
    assert len(server.log) == 7


def test_an_entry_of_a_feed_that_left_its_list_stays_in_the_store(planet: Planet, server: Server) -> None:
    for name in ("one", "two"):
        server.put(f"/{name}", atom([{"id": name, "title": name, "date": planet.now}]))
    feeds = [(server.url("/one"), "x"), (server.url("/two"), "y")]
    file = planet.root / "a.opml"
    file.write_bytes(opml(*feeds))
    pipeline.run(load(planet, {"path": "a.opml"}), planet.now)
    ids = planet.ids()
    assert set(ids) == {"one", "two"}
    file.write_bytes(opml(feeds[0]))
    pipeline.run(load(planet, {"path": "a.opml"}), planet.now + HOUR)
    assert planet.titles() == ["one"]
    file.write_bytes(opml(*feeds))
    pipeline.run(load(planet, {"path": "a.opml"}), planet.now + 2 * HOUR)
    assert planet.ids() == ids


def test_a_daemon_goes_on_with_a_list_that_changes(planet: Planet, server: Server) -> None:
    for name in ("one", "two"):
        server.put(f"/{name}", atom([{"id": name, "title": name, "date": planet.now}]))
    server.put("/list.opml", opml((server.url("/two"), "y")), etag=True)
    (planet.root / "a.opml").write_bytes(opml((server.url("/one"), "x")))
    planet.write()
    toml = planet.root / "config" / "aggregator.toml"
    lists = f'\n[[list]]\npath = "a.opml"\n[[list]]\nurl = "{server.url("/list.opml")}"\n'
    with running(planet) as daemon:  # it writes the config, so the lists come as a change of it
        daemon.wait_for("start")
        toml.write_text(toml.read_text(encoding="utf-8") + lists, encoding="utf-8")
        until(lambda: sorted(daemon.titles()) == ["one", "two"], daemon.said, 60)
        beside = planet.root / "b.opml"
        beside.write_bytes(b"<opml><body><out")
        beside.replace(planet.root / "a.opml")
        until(
            lambda: any("is used as it last was" in each["message"] for each in daemon.events("note")), daemon.said, 60
        )
        assert sorted(daemon.titles()) == ["one", "two"]
        beside.write_bytes(opml((server.url("/two"), "y")))
        beside.replace(planet.root / "a.opml")
        until(lambda: daemon.titles() == ["two"], daemon.said, 60)


def test_a_list_of_which_no_copy_is_left_takes_nothing_away(planet: Planet, server: Server) -> None:
    """As on another machine of a cluster, or after the store alone was brought back."""
    for name in ("one", "two"):
        server.put(f"/{name}", atom([{"id": name, "title": name, "date": planet.now}]))
    lists = {"url": server.url("/list.opml")}
    server.put("/list.opml", opml((server.url("/one"), "x"), (server.url("/two"), "y")), etag=True)
    following.follow(load(planet, lists), planet.now)
    pipeline.run(load(planet, lists), planet.now)
    ids, files = planet.ids(), planet.files()
    shutil.rmtree(planet.root / "var" / "lists")
    (note,) = pipeline.run(load(planet, lists), planet.now + HOUR).notes
    assert "until it has no source leaves" in note
    assert pipeline.run(load(planet, lists), planet.now + HOUR).notes == (), "it is said once, as cron mails it"
    assert not pruning.prune(load(planet, lists), planet.now + HOUR, left=True).left
    assert (planet.ids(), planet.files()) == (ids, files)
    server.put("/list.opml", opml((server.url("/two"), "y")), etag=True)
    following.follow(load(planet, lists), planet.now + HOUR)
    pipeline.run(load(planet, lists), planet.now + HOUR)
    assert planet.ids() == {"two": ids["two"]}


def test_a_list_behind_a_redirect_is_asked_for_conditionally(planet: Planet, server: Server) -> None:
    server.script("/list", lambda request: Response(b"", 302, {"Location": server.url("/real.opml")}))
    server.put("/real.opml", opml((ONE, "x")), etag=True)
    for hours in range(3):
        following.follow(load(planet, {"url": server.url("/list")}), planet.now + hours * HOUR)
    assert [request.status for request in server.log] == [302, 200, 302, 304, 302, 304]


@pytest.mark.parametrize(
    "answer",
    [b'{"message": "Not Found", "documentation_url": "https://docs.example/"}', b"See\nhttps://status.example/"],
)
def test_an_error_that_looks_like_another_kind_of_list_is_none(planet: Planet, server: Server, answer: bytes) -> None:
    lists = {"url": server.url("/list.opml")}
    for hours, body in enumerate((opml((ONE, "x")), answer)):
        server.put("/list.opml", body)
        following.follow(load(planet, lists), planet.now + hours * HOUR)
    loaded = load(planet, lists)
    assert brief(loaded) == {ONE: ["x"]}
    assert "was OPML, and is " in loaded.notes[0]
    loaded.lists[0].copy.unlink()  # as it says
    following.follow(loaded, planet.now + 2 * HOUR)
    assert ONE not in brief(load(planet, lists))


def test_a_list_that_stays_in_trouble_is_asked_for_less_and_less_often(planet: Planet, server: Server) -> None:
    lists = {"url": server.url("/list.opml")}
    server.put("/list.opml", b"<html>", etag=True)
    asked: list[int] = []
    for hour in range(60):
        before = len(server.log)
        following.follow(load(planet, lists), planet.now + hour * HOUR)
        asked += [hour] * (len(server.log) - before)
    assert asked == [0, 1, 3, 7, 15, 31, 55]  # once a day then
    server.put("/list.opml", opml((ONE, "x")))
    for hour in (79, 80):
        following.follow(load(planet, lists), planet.now + hour * HOUR)
    assert len(server.log) == len(asked) + 2  # and at once as before when it is well
