"""The tools that measure: the feeds are what they should be, and a program that does not do its work is found out."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from aggregator import sources
from aggregator.model import Document, Source, Validators
from benchmarks import floor, growth, latency, run, showing, workload
from benchmarks.programs import Program
from benchmarks.workload import Workload

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("number", range(len(workload.KINDS)))
def test_a_feed_is_the_same_each_time_and_gives_all_its_entries(number: int) -> None:
    body = workload.feed(number, 5)
    assert body == workload.feed(number, 5)
    assert body != workload.feed(number, 5, seed=2)
    before, after = (_links(number, workload.feed(number, 5, extra)) for extra in (0, 1))
    assert len(before) == len(set(before)) == 5
    assert after[1:] == before
    assert after[0].endswith(f"/{number}-9/")


def test_a_feed_is_as_large_as_is_said() -> None:
    sizes = [len(workload.feed(number, 20)) for number in range(20)]
    assert 40_000 < sum(sizes) / len(sizes) < 60_000


def test_news_change_as_many_feeds_as_asked(tmp_path: Path) -> None:
    load = Workload(tmp_path, feeds=7, entries=2, categories=2, port=1)
    workload.make(load)
    before = {path: (path.read_bytes(), path.stat().st_mtime) for path in (tmp_path / "www").iterdir()}
    workload.news(load, 3)
    changed = [path for path, (body, when) in before.items() if path.read_bytes() != body]
    assert len(changed) == 3
    assert all(path.stat().st_mtime > before[path][1] for path in changed)


@pytest.mark.parametrize(
    ("phase", "asked", "published", "complaint"),
    [
        ("cold", {"200": 2}, "<item ><link>https://a/1-10/</link></item >" * 2, None),
        ("tenth", {"200": 1, "304": 1}, "<item ><link>https://a/1-9/</link></item >" + "<item />" * 2, None),
        ("tenth", {"304": 2}, "<item />" * 3, "0 of 1 new entries"),
        ("cold", {"200": 2}, "<item />", "too few"),
        ("cold", {"200": 1}, "<item />" * 2, "should have been asked for"),
        ("304", {}, "<item />" * 2, "should have been asked for"),
        ("cold", {"200": 2, "404": 1}, "<item />" * 2, "should have been asked for"),
    ],
)
def test_who_does_not_do_the_work_is_not_measured(
    tmp_path: Path, phase: str, asked: dict[str, int], published: str, complaint: str | None
) -> None:
    load = Workload(tmp_path, feeds=2, entries=1, categories=1, port=1)
    program = Program("lazy", "1", lambda *_: None, lambda _: (), "{}.xml")
    (tmp_path / "topic-0.xml").write_text(published)
    if complaint is None:
        run.check(program, load, tmp_path, phase, asked)
    else:
        with pytest.raises(SystemExit, match=complaint):
            run.check(program, load, tmp_path, phase, asked)


@pytest.mark.skipif(sys.platform != "linux", reason="needs all of 127.0.0.0/8, and /proc")
def test_we_and_the_baseline_are_measured_at_the_same_work(tmp_path: Path) -> None:
    options = "--feeds 10 --entries 3 --categories 2 --rounds 1 --phases cold,304,tenth,start,latency --only aggregator,baseline"
    command = [sys.executable, "-m", "benchmarks.run", *options.split(), "--folder", str(tmp_path), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    asked = {
        (phase, name): (costs[0].get("full"), costs[0].get("unchanged"))
        for phase, by_name in found["costs"].items()
        for name, costs in by_name.items()
    }
    assert asked == {
        ("cold", "aggregator"): (10, 0),
        ("cold", "baseline"): (10, 0),
        ("304", "aggregator"): (0, 10),
        ("304", "baseline"): (10, 0),
        ("tenth", "aggregator"): (1, 9),
        ("tenth", "baseline"): (10, 0),
        ("start", "aggregator"): (None, None),
    }
    state = tmp_path / "state"
    for name in ("topic-0", "topic-1"):
        ours, theirs = ((state / path / name / "rss.xml").read_bytes() for path in ("aggregator/feeds", "baseline/out"))
        assert ours.count(b"<item>") == theirs.count(b"<item>") > 0
    costs = [cost for by_name in found["costs"].values() for rounds in by_name.values() for cost in rounds]
    assert {name: len(tries) for name, tries in found["latency"].items()} == {"aggregator": 5, "baseline": 5}
    assert all(0 < took < 60 for tries in found["latency"].values() for took in tries)
    assert all(0 < cost["main"] <= cost["cpu"] and cost["rss"] > 0 for cost in costs)
    showing.write(found, tmp_path)
    assert "| baseline | " in (tmp_path / "performance.md").read_text()
    assert (tmp_path / "performance.svg").read_text().startswith("<svg")


def test_the_floor_is_of_the_same_documents_and_rows(tmp_path: Path) -> None:
    """All texts of all formats are cleaned, and a store is filled with all that was in the other."""
    load = Workload(tmp_path / "load", feeds=10, entries=3, categories=2, port=1)
    workload.make(load)
    texts = floor.texts(path.read_bytes() for path in (load.folder / "www").iterdir())
    assert len(texts) == 30
    assert all("<p>" in each and len(each) > 500 for each in texts)
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    with closing(sqlite3.connect(old)) as db:
        db.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, words TEXT)")
        db.execute("CREATE INDEX by_words ON entry (words)")
        db.executemany("INSERT INTO entry VALUES (?, ?)", [(number, f"{number}") for number in range(5000)])
        db.commit()
        before = list(db.iterdump())
    store = floor.stored(old, new)
    for _ in range(2):
        store()
    with closing(sqlite3.connect(new)) as db:
        assert list(db.iterdump()) == before


@pytest.mark.skipif(sys.platform != "linux", reason="needs all of 127.0.0.0/8, and /proc")
def test_growth_is_that_of_stores_which_are_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "FEEDS", 10)
    found = growth.run(tmp_path, (400, 1200), 1)
    assert {size: [len(costs[what]) for what in growth.WHAT] for size, costs in found.items()} == {
        400: [1, 1],
        1200: [1, 1],
    }
    stored = {}
    for size in found:
        with closing(sqlite3.connect(tmp_path / str(size) / "var" / "aggregator.db")) as db:
            stored[size] = db.execute("SELECT count(*) FROM item").fetchone()[0]
    assert stored == {400: 401, 1200: 1201}  # and the one that was new


@pytest.mark.skipif(sys.platform != "linux", reason="needs all of 127.0.0.0/8, and /proc")
def test_the_floor_is_the_sum_of_its_parts() -> None:
    command = [sys.executable, "-m", "benchmarks.floor", "--feeds", "5", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    costs = {name: float(seconds) for name, seconds, _ in rows}
    *parts, whole, ours = costs.values()
    assert len(parts) == 8
    assert whole == pytest.approx(sum(parts), abs=0.05)
    assert 0 < whole < ours


def test_new_figures_take_the_place_of_old_ones(tmp_path: Path) -> None:
    cost = {"cpu": 1.0, "main": 1.0, "wall": 2.0, "rss": 3.0, "all_rss": 4.0}
    found = {
        "date": "2026-01-01",
        "machine": "a machine",
        "server": "a server",
        "command": "a command",
        "workload": {"feeds": 1, "entries": 1, "categories": 1, "rounds": 1, "mb": 1.0},
        "versions": {},
        "costs": {"cold": {"aggregator": [cost], "baseline": [cost | {"cpu": 4.0}]}},
        "latency": {"aggregator": [1.0, 2.0, 3.0], "baseline": [4.0, 4.0, 4.0]},
        "growth": {},
    }
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{showing.BEGIN}\nstale figures\n{showing.END}\nafter\n")
    showing.write(found, tmp_path)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "stale figures" not in text
    assert "| aggregator | 1.00 | 0.250 |" in text
    assert "| aggregator | 2.00 | 0.500 | 2.90 | 0.725 |" in text


def test_an_entry_that_is_never_published_is_found_out(tmp_path: Path) -> None:
    document = tmp_path / "rss.xml"
    write = (sys.executable, "-c", "import time; open('rss.xml', 'w').write('new'); time.sleep(0.3)")
    document.write_text("old")
    assert 0 < latency.until(write, tmp_path, document, "new") < 60
    for command in (("true",), ("false",), write):  # the last one writes what was sought before
        with pytest.raises(SystemExit, match="newer is not in"):
            latency.until(command, tmp_path, document, "newer")


def _links(number: int, body: bytes) -> list[str]:
    source = Source(key="https://a.example/", kind="feed", options=None)
    document = Document(name=source.key, url=source.key, body=body, validators=Validators())
    return [item.url for item in sources.find("feed").read(document, source).items]
