"""`aggregator status`: what it shows to people, to programs and to monitoring, and that it only looks."""

import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator import status
from aggregator.cli import main
from aggregator.errors import AggregatorError
from aggregator.store import engine as engines
from aggregator.store import history
from aggregator.store.engine import looking
from aggregator.store.history import Run
from aggregator.store.lock import locked
from tests.pages import page
from tests.planet import NOON, Planet, rss
from tests.server import Server

pytestmark = pytest.mark.both_stores

HOST = "127.0.0.1"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Shell = Callable[..., tuple[int | str | None, str, str]]


@pytest.fixture
def planet(tmp_path: Path, store: str, server: Server) -> Planet:
    """A planet with a feed that works and one that is not there, which a run has visited."""
    made = Planet(tmp_path, store)
    server.put("/good", rss([{"guid": "1", "title": "One", "date": NOON}], title="Good \u202e<b>news</b>"), etag=True)
    made.feed(server.url("/good", HOST).replace("http://", "http://user:secret@"))
    made.feed(server.url("/bad", HOST), title="Bad news")
    made.seeds(title="Our posts")
    made.run()
    return made


@pytest.fixture
def shell(planet: Planet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """`aggregator` in the planet's folder: what it exits with, and what it writes."""
    monkeypatch.chdir(planet.root)

    def run(*words: str) -> tuple[int | str | None, str, str]:
        monkeypatch.setattr(sys, "argv", ["aggregator", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return run


def states(planet: Planet) -> list[tuple[str, str]]:
    found = status.look(planet.load(), planet.now)
    return [(row.health.state, status.title(row)) for row in found.rows]


def test_the_worst_come_first_then_by_title(planet: Planet) -> None:
    planet.feed("http://127.0.0.1:9/a", title="A later one")
    assert [state for state, _ in states(planet)] == ["failing", "new", "ok", "ok"]
    assert [title for _, title in states(planet)][:2] == ["Bad news", "A later one"]


def test_the_table_says_what_matters(planet: Planet) -> None:
    later = planet.now + 2 * HOUR
    found = status.look(planet.load(), later)
    told = status.table(found, later)
    rows = [dict(zip(told.names, row, strict=True)) for row in told.rows]
    assert rows[0] == {
        "state": "failing",
        "source": "Bad news",
        "since": "2 h",
        "last success": "never",
        "next visit": "now",
        "every": "60 min",
        "requests": 1,
        "saved": "0 B",
        "a week": "0.0",
        "why": "http 404",
    }
    assert {row["source"]: row["next visit"] for row in rows}["Our posts"] == "every run"
    assert status.summary(found, later).startswith("2 ok, 1 failing; last run 2 h ago (once, ")


def test_a_304_is_seen_as_saved(planet: Planet) -> None:
    planet.run(later=DAY)
    good = next(row for row in status.look(planet.load(), planet.now).rows if "Good" in status.title(row))
    assert good.standing and good.standing.saved == good.standing.received > 0
    assert good.weekly == 0.25


@pytest.mark.parametrize(
    ("every", "number", "words"),
    [
        (HOUR * 8, 10, "posts about 3 a day"),  # since three days
        (DAY * 3, 4, "posts about 2 a week"),  # since nine days
        (DAY * 6, 30, "posts about 1 a week"),
        (DAY * 20, 10, "posts about 1 a month"),
    ],
)
def test_entries_a_week_are_what_the_reason_says(
    planet: Planet, server: Server, every: timedelta, number: int, words: str
) -> None:
    """Also of a feed that is younger than the weeks that are looked at."""
    items = [{"guid": f"{n}", "title": f"{n}", "date": planet.now - n * every} for n in range(1, number + 1)]
    server.put("/young", rss(items, title="Young"), etag=True)
    planet.fetch["interval_cap"] = "7d"
    planet.feed(server.url("/young", HOST))
    planet.run(later=HOUR)
    row = next(row for row in status.look(planet.load(), planet.now).rows if status.title(row) == "Young")
    assert row.standing and row.standing.reason.startswith(words)
    often, unit = words.split()[2], words.split()[-1]
    assert round(row.weekly / {"day": 7, "week": 1, "month": 7 / 30}[unit]) == int(often)


@pytest.mark.parametrize(
    ("days", "sources", "code"),
    [
        (0, "good bad", 1),
        (0, "good", 0),
        (0, "bad", 1),
        (10, "bad", 2),
        (10, "good", 2),
        (10, "seeds", 2),
        (1, "good", 0),
    ],
)
def test_monitoring_gets_its_codes(planet: Planet, server: Server, days: int, sources: str, code: int) -> None:
    planet.run(later=DAY)  # so that there are two runs, a day apart
    planet.sources = [each for each in planet.sources if any(name in str(each) for name in sources.split())]
    assert status.look(planet.load(), planet.now + days * DAY).code == code


def test_what_cannot_be_published_is_seen(planet: Planet) -> None:
    (planet.root / "feeds" / "new").write_text("a file where a folder should be")
    planet.post("a.md", title="New", categories=["new"])
    planet.run(later=HOUR)
    found = status.look(planet.load(), planet.now)
    assert "; publishing has problems: " in status.summary(found, planet.now)
    assert "/feeds/new/" in status.summary(found, planet.now)
    assert len(status.as_json(found)["last_run"]["problems"]) == 2
    (planet.root / "feeds" / "new").unlink()
    planet.run(later=HOUR)
    assert "problems" not in status.summary(status.look(planet.load(), planet.now), planet.now)


def test_an_output_that_cannot_be_reached_is_seen(planet: Planet, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "wrong")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    planet.site["output"] = "s3://bucket/site"
    with pytest.raises(AggregatorError, match="s3://bucket/site"):
        planet.run(later=DAY)
    found = status.look(planet.load(), planet.now)
    assert found.run and (found.run.at, found.run.visits) == (planet.now, 3)
    assert "; publishing has problems: s3://bucket/site" in status.summary(found, planet.now)


def test_problems_of_workers_are_told_until_all_is_well(planet: Planet) -> None:
    """They log each category by itself; one that is well does not hide another."""
    engine = engines.open_store(planet.load().store)

    def log(second: int, written: int, problems: str = "") -> str:
        at = NOON + HOUR + timedelta(seconds=second)
        with engines.writing(engine) as db:
            history.log_run(db, Run(at, 0.1, "worker", 0, 0, 0, written, problems))
        with engines.reading(engine) as db:
            found = history.last_run(db)
        assert found and found.at == at
        return found.problems

    assert log(0, 1) == ""
    assert log(1, 0, "a: no\nb: no") == "a: no\nb: no"
    assert log(2, 1) == "a: no\nb: no"
    assert log(3, 0) == "", "all is well"
    assert log(4, 1) == ""
    assert log(5, 0, "c: no") == "c: no"
    assert log(200, 1) == "", "it was tried again, long since"
    engine.dispose()


def test_programs_get_all_of_it(planet: Planet, shell: Shell) -> None:
    code, out, _ = shell("status", "--json")
    found = json.loads(out)
    assert code in (1, 2)  # by the real clock the planet has been left alone for long
    assert found["code"] == code
    assert found["states"]["failing"] == 1
    assert found["last_run"]["visits"] == 3
    bad = found["sources"][0]
    assert (bad["state"], bad["why"], bad["since"]) == ("failing", "http 404", "2026-03-14T12:00:00Z")
    assert bad["advice"].startswith("gone or moved")
    assert (round(bad["interval"], -1), bad["requests"], bad["failures"]) == (3600, 1, 1)
    assert "secret" not in out


@pytest.mark.parametrize(
    ("words", "said"), [("Bad news", "Bad news"), ("/bad", "Bad news"), ("our posts", "Our posts")]
)
def test_one_source_is_named_as_for_preview(planet: Planet, shell: Shell, words: str, said: str) -> None:
    _, out, _ = shell("status", *words.split())
    assert out.splitlines()[0] == said


def test_one_source_tells_everything(planet: Planet, shell: Shell) -> None:
    code, out, _ = shell("status", "bad")
    assert code == 1
    for words in (
        "state     failing since 2026-03-14 12:00 UTC: http 404",
        "advice    gone or moved: look at the site for the feed's new address",
        "error     http 404: http://127.0.0.1:",
        "incident  2026-03-14 12:00 UTC  Bad news is failing: http 404; gone or moved",
        "2026-03-14 12:00  404     http 404",
    ):
        assert words in out
    code, out, _ = shell("status", "--json", "/good")
    found = json.loads(out)
    assert (code, found["state"], found["incidents"]) == (0, "ok", [])
    assert [(each["status"], each["outcome"], each["new"]) for each in found["log"]] == [(200, "ok", 1)]


def test_what_comes_from_outside_commands_no_terminal(planet: Planet, shell: Shell) -> None:
    for words in ((), ("/good",)):
        _, out, err = shell("status", *words)
        assert not {"\x1b", "\u202e"} & {*out, *err}
        assert "Good" in out
        assert "secret" not in out + err


@pytest.mark.parametrize("words", [["nothing like it"], ["http://127.0.0.1:9/elsewhere"], ["news"]])
def test_a_source_that_is_not_there_is_one_line(planet: Planet, shell: Shell, words: list[str]) -> None:
    code, out, err = shell("status", *words)
    assert (code, out, len(err.splitlines())) == (2, "", 1)


def test_quiet_prints_the_last_line_alone(planet: Planet, shell: Shell) -> None:
    _, out, _ = shell("status", "-q")
    assert [line.partition(";")[0] for line in out.splitlines()] == ["2 ok, 1 failing"]


@pytest.mark.sqlite_alone
def test_who_holds_the_lock_is_said_while_it_lives(planet: Planet) -> None:
    config = planet.load()
    with locked(config.store, NOON):
        found = status.look(config, planet.now)
    assert "since 2026-03-14T12:00:00Z" in found.holder
    assert found.holder in status.summary(found, planet.now)
    lock = Path(config.store.removeprefix("sqlite:///") + ".lock")
    for left in ('{"pid": 99999999, "since": "x"}', "", "[]", '{"pid": "x"}'):
        lock.write_text(left)
        assert status.look(config, planet.now).holder == ""


@pytest.mark.sqlite_alone
def test_it_makes_no_store_and_migrates_none(planet: Planet, shell: Shell) -> None:
    store = planet.root / "var" / "aggregator.db"
    with sqlite3.connect(store) as db:
        db.execute("UPDATE alembic_version SET version_num = '0004'")
    db.close()
    assert "`aggregator once` brings it up to date" in shell("status")[2]
    with sqlite3.connect(store) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchall() == [("0004",)]
    db.close()
    store.write_bytes(b"no database, but long enough to be looked at" * 100)
    for beside in ("-wal", "-shm"):
        Path(f"{store}{beside}").unlink(missing_ok=True)
    code, _, err = shell("status")
    assert (code, "the store cannot be read" in err, len(err.splitlines())) == (2, True, 1)
    store.unlink()
    code, _, err = shell("status")
    assert (code, store.exists()) == (2, False)
    assert "there is no store yet" in err
    (planet.root / "config" / "aggregator.toml").unlink()
    assert shell("status")[0] == 2


def test_what_looks_cannot_write(planet: Planet) -> None:
    with pytest.raises(AggregatorError, match=r"read-?only"), looking(planet.load().store) as db:
        db.exec_driver_sql("DELETE FROM source")


@pytest.mark.sqlite_alone
def test_it_looks_beside_a_run_that_writes(planet: Planet) -> None:
    config = planet.load()
    writer = sqlite3.connect(config.store.removeprefix("sqlite:///"), isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE source SET title = 'half done'")
    assert ("failing", "Bad news") in states(planet)
    writer.execute("ROLLBACK")
    writer.close()


def test_a_narrow_terminal_gets_fewer_columns(planet: Planet, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[int, Any] = {}
    for width in (70, 200):
        shown[width] = on_a_terminal(planet, width)
    assert "requests" in shown[200].splitlines()[0]
    assert "requests" not in shown[70].splitlines()[0]
    assert max(map(len, shown[70].splitlines()[:4])) <= 70
    assert "why" in shown[70].splitlines()[0]


def on_a_terminal(planet: Planet, width: int) -> str:
    """What `status` writes to a terminal so wide, without colours."""
    main_end, end = pty.openpty()
    env = os.environ | {
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "COLUMNS": str(width),
        "NO_COLOR": "1",
        "TERM": "xterm",
    }
    command = [sys.executable, "-m", "aggregator", "status"]
    with subprocess.Popen(command, cwd=planet.root, env=env, stdout=end, stderr=end, stdin=end) as process:
        os.close(end)
        data = b""
        try:
            while more := os.read(main_end, 65536):
                data += more
        except OSError:  # Linux says so at the end of a terminal
            pass
        process.wait()
    os.close(main_end)
    return re.sub(r"\x1b\[[0-9;]*m", "", data.decode()).replace("\r\n", "\n")


def test_what_programs_get_is_documented(planet: Planet, shell: Shell) -> None:
    told = set(re.findall(r"`(\w+)`", page("docs/health.md")))
    everything = json.loads(shell("status", "--json")[1])
    assert keys(everything) | keys(json.loads(shell("status", "--json", "bad")[1])) <= told


def keys(value: Any) -> set[str]:
    """The names of all members, at every depth."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def test_a_program_is_told_in_json_what_cannot_be_done(planet: Planet) -> None:
    file = planet.write()
    file.write_text(file.read_text(encoding="utf-8") + "\nbroken = [", encoding="utf-8")
    command = [sys.executable, "-m", "aggregator", "status", "--json", "--config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    said = json.loads(done.stdout)
    assert said["code"] == 2
    assert str(file) in said["error"] and said["error"] in done.stderr.replace("aggregator: ", "")
