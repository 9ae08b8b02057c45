"""What is published is on the disk in an order that survives a power cut, by what strace tells of a real run."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from aggregator.store.engine import open_store, reading, writing
from tests.faults.amounts import told
from tests.faults.order import followed
from tests.faults.strace import Call, needs_strace, parsed, traced
from tests.faults.world import publishers, tell_news
from tests.planet import Planet
from tests.server import Server


def test_what_strace_writes_is_understood() -> None:
    text = r"""
7 mkdir("feeds", 0777) = -1 EEXIST (File exists)
7 openat(AT_FDCWD</p>, "feeds/.a", O_WRONLY|O_CREAT, 0666) = 8</p/feeds/.a>
7 write(8</p/feeds/\346\226\260>, ""..., 5 <unfinished ...>
9 fsync(3</p/a\74b>) = -1 EIO (Input/output error) (INJECTED)
7 <... write resumed>)              = 5
7 rename("feeds/.a", "/x/\"b\"") = 0
7 renameat2(4</p/feeds>, "a", AT_FDCWD</p>, "b", RENAME_NOREPLACE) = 0
7 --- SIGCHLD {si_signo=SIGCHLD} ---
7 +++ exited with 0 +++
"""
    assert [(each.thread, each.name, each.paths, each.error, each.is_ours) for each in parsed(text, "/p")] == [
        (7, "mkdir", ("/p/feeds",), "EEXIST", False),
        (7, "openat", ("/p/feeds/.a",), "", False),
        (9, "fsync", ("/p/a<b",), "EIO", True),
        (7, "write", ("/p/feeds/新",), "", False),
        (7, "rename", ("/p/feeds/.a", '/x/"b"'), "", False),
        (7, "renameat2", ("/p/feeds/a", "/p/b"), "", False),
    ]


GOOD = "write .t; fsync .t; rename .t a; fsync ."


@pytest.mark.parametrize(
    ("calls", "broken"),
    [
        (GOOD, ""),
        (f"mkdir d; fsync .; {GOOD}; unlink a; fsync .; rmdir d; fsync .", ""),
        ("pwrite64 s-wal; fdatasync s-wal; pwrite64 s; fdatasync s; unlink s-wal; unlink s-shm; write s.lock", ""),
        ("write .t; rename .t a; fsync .", "a: takes its place before"),
        ("write .t; fsync .t; write .t; rename .t a; fsync .", "a: takes its place before"),
        (f"pwrite64 s-wal; {GOOD}; fdatasync s-wal", "a: is published before the store"),
        (f"{GOOD}; pwrite64 s-wal; fdatasync s-wal", ""),
        ("write .t; fsync .t; rename .t a; pwrite64 s-wal; fdatasync s-wal; fsync .", "a: the store hears"),
        ("write .t; fsync .t; rename .t a", "a: its name is never"),
        ("mkdir d", "d: its name is never"),
        ("unlink a", "a: its name is never"),
        ("pwrite64 s-wal; pwrite64 s; fdatasync s-wal; fdatasync s", "the store is changed before"),
        ("pwrite64 s; unlink s-wal; fdatasync s", "the log goes before"),
        ("write a", "a: is never on the disk"),
        ("write s.lock; openat .aggregator-1; fsync s.lock", ".aggregator-1: is begun before"),
        ("write s.lock; fsync s.lock; openat .aggregator-1; ftruncate s.lock", ""),
        ("link a b", "link"),
    ],
)
def test_the_rule_finds_what_comes_too_early(calls: str, broken: str) -> None:
    made = []
    for words in calls.split("; "):
        name, *paths = words.split()
        made.append(Call(1, name, tuple("/p" if path == "." else f"/p/{path}" for path in paths), "", "", False))
    found = followed(made, "/p", "/p/s").broken
    assert [each.removeprefix("/p/")[: len(broken)] for each in found] == [broken] * bool(broken)


def order_of(planet: Planet) -> Counter[str]:
    """Run `once`, and see that nothing came too early; how many calls of each kind were looked at."""
    done, calls = traced(planet)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    disk = followed(calls, str(planet.root), str(planet.root / "var" / "aggregator.db"))
    assert disk.broken == []
    return disk.counts


def test_a_run_brings_all_to_the_disk_in_order(tmp_path: Path, server: Server) -> None:
    """A first run, which makes all there is; one that replaces, adds and removes documents and whole folders."""
    needs_strace()
    planet = Planet(tmp_path)
    planet.site |= {"gzip": True, "archive": 3, "items": 3}
    publishers(planet, server)
    first = order_of(planet)
    before = planet.files()
    assert first["rename"] == len(before)
    assert first["mkdir"] >= 7, "var, feeds, and a folder for each category"
    tell_news(server)
    planet.sources.pop()
    second = order_of(planet)
    after = planet.files()
    assert after.keys() - before.keys()
    assert second["rename"] == sum(data != before.get(path) for path, data in after.items())
    assert second["unlink"] >= len(before.keys() - after.keys()) > 0
    assert second["rmdir"] >= 1
    both = first + second
    told("fsync order", renames=both["rename"], folders=both["mkdir"], removed=both["unlink"], broken=0)


def test_a_store_is_opened_to_be_durable(tmp_path: Path) -> None:
    """Its log is written first, a transaction that has ended is on the disk, and who writes has the store at once."""
    file = tmp_path / "store.db"
    engine = open_store(f"sqlite:///{file}")
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
        with writing(engine) as db:
            assert db.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert db.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "FULL"
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        with reading(engine) as db:
            assert db.exec_driver_sql("SELECT count(*) FROM item").scalar() == 0
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
    engine.dispose()
