"""`aggregator doctor`: every check on a planet that is broken so, and what follows from what was seen."""

import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from aggregator import checkup, publish, status
from aggregator.checkup import findings, ground, outcome, reach
from aggregator.checkup.findings import Finding, note, ok, problem
from aggregator.cli import main
from aggregator.store.engine import open_store
from aggregator.store.lock import locked
from tests.buckets import Objects
from tests.planet import Planet, atom
from tests.server import Response, Server

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

Levels = list[tuple[str, str]]


# --- Whole planets --------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that only this machine's own address leads to."""
    with Server() as running:
        yield running


@pytest.fixture
def planet(tmp_path: Path, server: Server) -> Planet:
    """A planet where all is well, served by the server."""
    made = Planet(tmp_path)
    made.now = datetime.now(UTC).replace(microsecond=0)
    entry = {"id": "urn:1", "title": "One", "date": made.now - HOUR}
    server.put("/news", atom([entry], "News", self=server.url("/news")), etag=True)
    serve(server, made.root / "feeds" / "rss.xml")
    made.site |= {"base_url": server.url("/feeds/"), "formats": ["rss", "atom", "json", "html"]}
    made.feed(server.url("/news"), category="tech")
    made.run()
    return made


def serve(server: Server, file: Path, kind: str = "application/rss+xml") -> None:
    """Have the server send a file as it is then."""
    server.script("/feeds/rss.xml", lambda request: Response(file.read_bytes(), 200, {"Content-Type": kind}))


def examine(planet: Planet, *, offline: bool = False, later: timedelta = timedelta()) -> dict[str, list[Finding]]:
    """What is no `ok`, by its part."""
    found: dict[str, list[Finding]] = {}
    for each in checkup.examine(planet.write(), planet.now + later, offline=offline):
        if each.level != "ok":
            found.setdefault(each.part, []).append(each)
    return found


def test_nothing_is_wrong_with_a_planet_that_is_well(planet: Planet, server: Server) -> None:
    before = planet.files(), len(server.log)
    found = checkup.examine(planet.write(), planet.now)
    assert [each for each in found if each.level != "ok"] == []
    assert {each.part for each in found} == set(findings.PARTS)
    assert checkup.code(found) == 0
    assert checkup.todo(found) == ()
    assert [request.path for request in server.log[before[1] :]] == ["/feeds/rss.xml"]  # no source is asked
    assert planet.files() == before[0]


def test_folders_of_any_language_say_where_they_are(planet: Planet, server: Server) -> None:
    """Their addresses are percent-encoded (RFC 3986 §2.1), their names on the disk are not."""
    planet.feed(server.url("/news"), category="生活/50% off")
    planet.sources = planet.sources[-1:]
    planet.run()
    assert any(not path.isascii() for path in planet.files())
    assert examine(planet, offline=True) == {}


@pytest.mark.parametrize("folder", ["博客", "a b", "50%", "50%25"])
def test_a_document_in_any_folder_is_asked_for_its_public_address(folder: str) -> None:
    base, path = "https://p.test/", f"{folder}/atom.xml"
    right = outcome.Read(path, says=publish.urls(base, folder, ("atom",))["atom"])
    wrong = outcome.Read(path, says=f"{base}elsewhere/atom.xml")
    assert [each.level for each in outcome.judge_documents((right,), base, {})] == ["ok"]
    assert [each.level for each in outcome.judge_documents((wrong,), base, {})] == ["problem"]


def test_offline_asks_nobody(planet: Planet, server: Server) -> None:
    asked, connected = len(server.log), server.connections
    assert examine(planet, offline=True) == {}
    assert (len(server.log), server.connections) == (asked, connected)


def broken_config(planet: Planet, server: Server) -> None:
    planet.site["titel"] = "x"


def missing_secret(planet: Planet, server: Server) -> None:
    planet.sources[0]["bearer"] = "file:no/such/secret"


def damaged(planet: Planet, server: Server) -> None:
    file = planet.root / "var" / "aggregator.db"
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    data = bytearray(file.read_bytes())
    for start in range(40 * 4096, len(data) - 4096, 4096):
        data[start : start + 2048] = b"\xa5" * 2048
    file.write_bytes(data)


def no_database(planet: Planet, server: Server) -> None:
    (planet.root / "var" / "aggregator.db").write_bytes(b"no database at all" * 500)


def old_store(planet: Planet, server: Server) -> None:
    with sqlite3.connect(planet.root / "var" / "aggregator.db") as db:
        db.execute("UPDATE alembic_version SET version_num = '0001'")
    db.close()


def lost_document(planet: Planet, server: Server) -> None:
    (planet.root / "feeds" / "tech" / "atom.xml").unlink()


def cut_document(planet: Planet, server: Server) -> None:
    file = planet.root / "feeds" / "tech" / "atom.xml"
    file.write_bytes(file.read_bytes()[:300])


def other_address(planet: Planet, server: Server) -> None:
    planet.site["base_url"] = server.url("/elsewhere/")


def silent_template(planet: Planet, server: Server) -> None:
    (planet.root / "feeds" / "index.html").write_text("<!doctype html><html><title>Mine</title></html>")


def not_served(planet: Planet, server: Server) -> None:
    server.put("/feeds/rss.xml", b"", status=404)


def private_address(planet: Planet, server: Server) -> None:
    planet.fetch["allow_networks"] = []


def stale_cache(planet: Planet, server: Server) -> None:
    server.put("/feeds/rss.xml", b"<rss/>")


def served_as_page(planet: Planet, server: Server) -> None:
    serve(server, planet.root / "feeds" / "rss.xml", kind="text/html; charset=utf-8")


def example_address(planet: Planet, server: Server) -> None:
    planet.site["base_url"] = "https://planet.example.org/feeds/"


def clock_of_server(planet: Planet, server: Server) -> None:
    date = format_datetime(datetime.now(UTC) + 3 * HOUR, usegmt=True)
    head = f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Type: text/xml\r\n\r\n"
    server.raw("/feeds/rss.xml", head.encode(), (planet.root / "feeds" / "rss.xml").read_bytes())


def failing_source(planet: Planet, server: Server) -> None:
    planet.feed(server.url("/gone"))
    planet.run(later=timedelta(seconds=1))


def unpublishable(planet: Planet, server: Server) -> None:
    planet.site["failures"] = "failures.xml"
    (planet.root / "feeds" / "failures.xml").write_text("mine")
    planet.run(later=timedelta(seconds=1))


BROKEN: dict[Callable[[Planet, Server], None], tuple[str, str, str]] = {
    broken_config: ("config", "titel", ""),
    missing_secret: ("config", "cannot be read; write the secret into it", ""),
    damaged: ("store", "", ""),
    no_database: ("store", "file is not a database", ""),
    old_store: ("store", "of another version; `aggregator once`", ""),
    lost_document: ("output", "1 documents are not where they were written, such as tech/atom.xml", "aggregator once"),
    cut_document: ("published", "tech/atom.xml: it cannot be read", "remove it"),
    other_address: ("published", "says that it is http", "aggregator once"),
    silent_template: ("published", "index.html does not announce rss.xml", "template"),
    not_served: ("served", "http 404", "serve the output"),
    private_address: ("served", "private address: ", "if it is meant, add "),
    stale_cache: ("served", "is another document than the one in the output", "caches"),
    served_as_page: ("served", "is served as text/html", "web server"),
    example_address: ("served", "base_url is still that of the example", "before anybody subscribes"),
    clock_of_server: ("clock", "behind that of 127.0.0.1", "set the clock"),
    failing_source: ("sources", "is failing (http 404)", "new address"),
    unpublishable: ("published", "the last run could not publish all", ""),
}


@pytest.mark.parametrize("break_it", BROKEN, ids=lambda each: each.__name__)
def test_what_is_broken_is_found(planet: Planet, server: Server, break_it: Callable[[Planet, Server], None]) -> None:
    part, what, advice = BROKEN[break_it]
    break_it(planet, server)
    found = examine(planet, offline=part not in ("served", "clock"))
    told = [each for each in found.get(part, ()) if what in each.what]
    assert told, found
    assert all(each.level == "problem" and advice in each.advice for each in told)
    assert not any("allow_networks" in each.what + each.advice and "mend base_url" in each.advice for each in told)


@pytest.mark.both_stores
def test_either_store_is_looked_at(tmp_path: Path, store: str) -> None:
    planet = Planet(tmp_path, store)
    planet.now = datetime.now(UTC).replace(microsecond=0)
    planet.site["base_url"] = "http://127.0.0.1:9/feeds/"
    planet.post("a.md", title="A", date="2026-03-01", categories=["tech"])
    planet.seeds()
    planet.run()
    found = checkup.examine(planet.write(), planet.now, offline=True)
    assert {each.part for each in found if each.level == "ok"} >= {"config", "store", "output", "sources", "published"}
    assert checkup.code(found) == 0


def test_an_object_store_is_looked_at(
    tmp_path: Path, rclone: Objects, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    planet = Planet(tmp_path)
    planet.now = datetime.now(UTC).replace(microsecond=0)
    for name, value in rclone.environment().items():
        monkeypatch.setenv(name, value)
    bucket = rclone.bucket()
    planet.site |= {"output": f"s3://{bucket}/site", "base_url": server.url("/feeds/")}
    planet.post("a.md", title="A", date="2026-03-01")
    planet.seeds()
    planet.run()
    sent = rclone.all(bucket)["site/rss.xml"].data
    server.put("/feeds/rss.xml", sent, headers={"Content-Type": "application/rss+xml"})
    assert [each.what for each in checkup.examine(planet.write(), planet.now) if each.level == "problem"] == []
    server.put("/feeds/rss.xml", sent + b" ", headers={"Content-Type": "application/rss+xml"})
    assert "is another document" in examine(planet)["served"][0].what


def test_a_planet_before_its_first_run(tmp_path: Path) -> None:
    new = Planet(tmp_path)
    new.site["base_url"] = "http://127.0.0.1:9/feeds/"
    found = checkup.examine(new.write(), NOW)
    assert checkup.code(found) == 0
    assert any("run `aggregator once`" in line for line in checkup.todo(found))


def test_no_config_at_all(tmp_path: Path) -> None:
    (found,) = checkup.examine(tmp_path / "none.toml", NOW)
    assert (found.part, found.level) == ("config", "problem")
    assert "there is no such file" in found.what


def test_who_is_at_work_is_named(planet: Planet) -> None:
    with locked(planet.load().store, planet.now, "daemon"):
        (told,) = examine(planet, offline=True)["store"]
    assert told.level == "note"
    assert f"aggregator daemon, process {os.getpid()}" in told.what


def test_files_of_others_are_named_and_are_no_problem(planet: Planet) -> None:
    (planet.root / "feeds" / "CNAME").write_text("planet.example")
    (told,) = examine(planet, offline=True)["output"]
    assert told.level == "note"
    assert told.what.startswith("1 files in ")
    assert told.what.endswith("such as CNAME")


def test_a_run_in_the_future_is_a_wrong_clock(planet: Planet) -> None:
    assert "the last run was" in examine(planet, offline=True, later=-HOUR)["clock"][0].what


def test_nobody_visits_any_more(planet: Planet) -> None:
    assert any(
        "nothing has been visited for 3 d" in each.what
        for each in examine(planet, offline=True, later=3 * DAY)["sources"]
    )


def test_what_may_not_be_written_is_found(nobodys_folder: Path) -> None:
    planet = Planet(nobodys_folder)
    (nobodys_folder / "var").mkdir()
    (nobodys_folder / "feeds" / "tech").mkdir(parents=True)
    config = planet.load()
    open_store(config.store).dispose()
    for name in ("feeds/tech", "var"):
        (nobodys_folder / name).chmod(0o555)
    seen, rights = outcome.look_at_folder(config, frozenset(), frozenset()), ground.look_at_rights(config)
    assert seen.refused == ("tech",)
    assert rights and rights.refused == (str(nobodys_folder / "var"),)
    assert "tech may not be written by you" in next(outcome.judge_folder(seen)).what


def test_secrets_stay_secret(planet: Planet, server: Server) -> None:
    planet.feed(server.url("/gone").replace("http://", "http://user:hunter2@"))
    planet.run(later=timedelta(seconds=1))
    assert "hunter2" not in str(checkup.as_json(checkup.examine(planet.write(), planet.now)))


# --- What follows from what was seen ----------------------------------------------------------------------------------

STORE = ground.Store("s.db", size=10**6)


def levels(found: Any) -> Levels:
    return [(each.part, each.level) for each in found]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (STORE, ["ok"]),
        (ground.Store("s.db", is_there=False), ["note"]),
        (ground.Store("s.db", trouble="cannot be opened"), ["problem"]),
        (ground.Store("s.db", damage="row 3 missing"), ["problem"]),
        (ground.Store("s.db", holder="aggregator once, process 1"), ["ok", "note"]),
    ],
)
def test_a_store(seen: ground.Store, expected: list[str]) -> None:
    assert levels(ground.judge_store(seen)) == [("store", level) for level in expected]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (None, []),
        (ground.Rights(7, 7), ["ok"]),
        (ground.Rights(7, 0), ["problem"]),
        (ground.Rights(7, 7, ("s.db",)), ["problem"]),
    ],
)
def test_rights(seen: ground.Rights | None, expected: list[str]) -> None:
    assert [level for _, level in levels(ground.judge_rights(seen))] == expected


@pytest.fixture
def public(tmp_path: Path) -> Iterator[Path]:
    """A folder that every user may come to; those of pytest are shut."""
    with TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_secrets_that_everybody_may_read(public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "b")
    planet = Planet(public)
    (public / "shut").mkdir(0o750)
    (public / "shut" / "open").write_text("me:secret", encoding="utf-8")
    (public / "shut" / "open").chmod(0o644)
    planet.feed("https://a.example/4", basic="file:shut/open")
    for name, mode in (("open", 0o644), ("closed", 0o640), ("of a header", 0o604)):
        (planet.root / name).write_text("me:secret", encoding="utf-8")
        (planet.root / name).chmod(mode)
    planet.feed("https://a.example/1", basic="file:open")
    planet.feed("https://a.example/2", bearer="file:closed", headers={"X-A": "file:of a header", "X-B": "env:A"})
    planet.feed("https://a.example/3", basic="file:not there", enabled=False)
    found = list(ground.judge_secrets(ground.look_at_secrets(planet.load())))
    assert [(each.part, each.level, each.advice) for each in found] == [
        ("permissions", "note", f"chmod 600 '{planet.root}/of a header'"),
        ("permissions", "note", f"chmod 600 {planet.root}/open"),
    ]
    assert [each.what for each in examine(planet, offline=True)["permissions"] if "holds a secret" in each.what]


def test_files_that_are_mounted_one_by_one_are_found() -> None:
    raw = (
        b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n31 22 8:1 /x /srv/my\\040feeds/tech/rss.xml rw - ext4 /dev/sda1 rw\n"
        b"32 22 0:5 / /srv/my\\040feeds rw - tmpfs none rw\n33 22 0:5 / /srv/other rw - tmpfs none rw\nodd\n"
    )
    assert outcome.mounts_below(Path("/srv/my feeds"), raw) == {".", "tech/rss.xml"}
    (found,) = outcome.judge_folder(outcome.Folder("/srv/my feeds", mounted=("tech/rss.xml",)))
    assert (found.level, found.what) == (
        "problem",
        "/srv/my feeds/tech/rss.xml is mounted by itself, so no new one can be put into its place",
    )


@pytest.mark.parametrize(
    ("room", "store", "level"),
    [
        (ground.Room("/a", 10**9, 10**6), 10**6, "ok"),
        (ground.Room("/a", 10**9, None), 10**6, "ok"),
        (ground.Room("/a", 99_000_000, 10**6), 10**6, "problem"),
        (ground.Room("/a", 10**9, 10**6), 2 * 10**9, "problem"),
        (ground.Room("/a", 10**9, 999), 10**6, "problem"),
    ],
)
def test_room(room: ground.Room, store: int, level: str) -> None:
    assert levels(ground.judge_room((room,), store)) == [("disk", level)]


@pytest.mark.parametrize(
    ("last_run", "told", "expected"),
    [
        (None, {}, ["ok"]),
        (NOW + HOUR, {}, ["problem"]),
        (NOW - HOUR, {"a": NOW + timedelta(seconds=100)}, ["ok"]),
        (NOW - HOUR, {"a": NOW + HOUR}, ["problem"]),
        (NOW - HOUR, {"a": NOW - HOUR, "b": NOW}, ["problem"]),
    ],
)
def test_a_clock(last_run: datetime | None, told: dict[str, datetime], expected: list[str]) -> None:
    assert [level for _, level in levels(ground.judge_clock(NOW, last_run, told))] == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, []),
        ({"a": ""}, ["ok"]),
        ({"a": "", "b": "refused"}, ["note", "ok"]),
        ({"a": "refused", "b": "refused"}, ["problem"]),
    ],
)
def test_a_network(said: dict[str, str], expected: list[str]) -> None:
    assert [level for _, level in levels(reach.judge_network(said))] == expected


SERVED = reach.Served("https://p.test/rss.xml", data=b"x", media_type="application/xml", final="https://p.test/rss.xml")


@pytest.mark.parametrize(
    ("seen", "base_url", "expected"),
    [
        (None, "https://p.test/", []),
        (None, "https://example.org/feeds/", ["problem"]),
        (None, "https://notexample.org/feeds/", []),
        (SERVED, "https://p.test/", ["ok"]),
        (reach.Served("u", "refused"), "https://p.test/", ["problem"]),
        (reach.Served("u", data=b"y", media_type="text/xml"), "https://p.test/", ["problem"]),
        (reach.Served("u", data=b"x", media_type=""), "https://p.test/", ["problem"]),
        (reach.Served("u", data=b"x", media_type="text/xml", final="v"), "https://p.test/", ["note"]),
    ],
)
def test_what_is_served(seen: reach.Served | None, base_url: str, expected: list[str]) -> None:
    assert [level for _, level in levels(reach.judge_served(seen, b"x", base_url))] == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"date": "Sat, 14 Mar 2026 12:00:00 GMT"}, NOW),
        ({"date": "Sat, 14 Mar 2026 11:00:00 GMT", "age": "3600"}, NOW),
        ({"date": "Sat, 14 Mar 2026 12:00:00 GMT", "age": "9" * 400}, NOW),
        ({"date": "yesterday"}, None),
        ({}, None),
        ({"date": "Sat, 14 Mar 2026 12:00:00"}, NOW),
    ],
)
def test_the_clock_of_a_server(headers: dict[str, str], expected: datetime | None) -> None:
    assert reach._date(headers) == expected


def test_a_host_that_is_private_is_not_connected_to(planet: Planet, server: Server) -> None:
    planet.fetch["allow_networks"] = []
    connected = server.connections
    said, _ = reach.look(planet.load(), [("127.0.0.1", server.port)], "", planet.now)
    assert "not on the public internet" in said["127.0.0.1"]
    assert server.connections == connected


def test_at_most_three_hosts_are_connected_to(planet: Planet) -> None:
    for number in range(9):
        planet.feed(f"http://127.0.0.{number + 2}:9/")
    assert len(reach.hosts(status.look(planet.load(), planet.now).rows)) == 3


def test_causes_come_before_what_may_come_of_them() -> None:
    found = (
        note("store", "n", "a"),
        problem("sources", "s", "b"),
        ok("disk", "d"),
        problem("store", "t"),
        note("output", "o"),
    )
    assert checkup.todo(found) == ("t", "s: b", "n: a")
    assert checkup.code(found) == 1
    assert checkup.code((note("store", "n"),)) == 0


def test_many_of_a_sort_are_told_as_some() -> None:
    broken = tuple(outcome.Read(f"{number}.xml", "cut") for number in range(100))
    assert len(list(outcome.judge_documents(broken, "https://p.test/", {}))) == 5


# --- The command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "code"), [((), 1), (("--json",), 1), (("--offline",), 0)])
def test_the_command(
    planet: Planet,
    server: Server,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
) -> None:
    not_served(planet, server)
    monkeypatch.setattr(sys, "argv", ["aggregator", "doctor", "--config", str(planet.write()), *words])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr().out
    assert ended.value.code == code
    if "--json" in words:
        assert json.loads(printed)["todo"][0].startswith("http 404")
    else:
        assert ("what to do, the most useful first" in printed) == bool(code)
        assert ("all is well" in printed) == (not code)
