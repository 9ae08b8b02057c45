"""What a reader of the published files may see: the old document or the new one, whole, and nothing else."""

import os
import resource
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL

import pytest

from aggregator import publish
from aggregator.errors import AggregatorError

NAMES = ("rss", "atom")
LONG_AGO = 1_000_000_000


def age(path: Path) -> None:
    """Have a file look old, so that any writing shows."""
    os.utime(path, (LONG_AGO, LONG_AGO))


def is_untouched(path: Path) -> bool:
    return path.stat().st_mtime == LONG_AGO


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- One file -------------------------------------------------------------------------------------------------------


def test_a_file_is_written_with_its_folders_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "新媒体" / "最新新闻" / "rss.xml"
    assert publish.write(path, b"one")
    assert files(tmp_path) == {"新媒体/最新新闻/rss.xml": b"one"}
    assert publish.write(path, b"two")
    assert files(tmp_path) == {"新媒体/最新新闻/rss.xml": b"two"}


def test_a_folder_that_cannot_be_brought_to_the_disk_is_said(tmp_path: Path) -> None:
    publish.settle(tmp_path)
    with pytest.raises(AggregatorError, match="gone: cannot be brought to the disk: No such file"):
        publish.settle(tmp_path / "gone")


def test_the_same_bytes_touch_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rss.xml"
    publish.write(path, b"one")
    age(path)
    before = path.stat()
    assert not publish.write(path, b"one")
    assert (path.stat().st_ino, path.stat().st_ctime_ns) == (before.st_ino, before.st_ctime_ns)
    assert is_untouched(path)
    assert publish.write(path, b"one\n")
    assert not is_untouched(path)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_says_who_may_read(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        for data in (b"one", b"two"):
            publish.write(tmp_path / "rss.xml", data)
            assert stat.S_IMODE((tmp_path / "rss.xml").stat().st_mode) == mode
        assert os.umask(umask) == umask, "it is left as it was"
    finally:
        os.umask(before)


def test_a_link_is_replaced_and_what_it_leads_to_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "rss.xml").symlink_to(tmp_path / "precious")
    assert publish.write(tmp_path / "rss.xml", b"new")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / "rss.xml").read_bytes() == b"new"


def test_what_is_in_the_way_is_said_with_its_path_and_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a file")
    (tmp_path / "rss.xml").mkdir()
    (tmp_path / "rss.xml" / "inside").write_bytes(b"inside")
    before = files(tmp_path)
    for path in (tmp_path / "file" / "rss.xml", tmp_path / "file" / "deep" / "rss.xml", tmp_path / "rss.xml"):
        with pytest.raises(AggregatorError) as caught:
            publish.write(path, b"new")
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)
    with pytest.raises(AggregatorError, match="too long"):
        publish.write(tmp_path / ("x" * 300) / "rss.xml", b"new")
    assert files(tmp_path) == before


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """As on a disk that is full: no file may grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_old_file_and_no_half_one(tmp_path: Path) -> None:
    path = tmp_path / "rss.xml"
    publish.write(path, b"old" * 100)
    age(path)
    with largest_file(10_000), pytest.raises(AggregatorError, match="the old file stays"):
        publish.write(path, b"new" * 10_000)
    assert files(tmp_path) == {"rss.xml": b"old" * 100}
    assert is_untouched(path)
    assert publish.write(path, b"new" * 10_000)


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rss.xml"
    whole = {bytes([letter]) * size for letter, size in ((97, 200_000), (98, 300_000), (99, 10))}
    publish.write(path, min(whole))
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(2000):
            for data in whole:
                publish.write(path, data)
            if turn > 15 and len(seen) >= len(whole):
                break
    finally:
        done.set()
        reader.join()
    assert seen == whole


# --- What a killed run leaves ---------------------------------------------------------------------------------------

WRITER = """
import itertools, sys
from pathlib import Path
from aggregator.publish import write
for number in itertools.count():
    write(Path(sys.argv[1]) / f"{number % 7}" / "rss.xml", b"%d " % number * 100_000)
    print(flush=True)
"""


def test_a_run_that_is_killed_leaves_whole_files_and_is_swept_up_after(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE) as process:
        assert process.stdout
        for _ in range(20):
            process.stdout.readline()
        process.send_signal(SIGKILL)
    for name, data in files(tmp_path).items():
        number = data.split(b" ", 1)[0]
        assert data == number + (b" " + number) * 99_999 + b" " or "/.aggregator-" in name
    publish.sweep(tmp_path)
    assert {Path(name).name for name in files(tmp_path)} == {"rss.xml"}


def test_what_cannot_be_removed_is_said(nobodys_folder: Path) -> None:
    for name in ("free/1", "kept/1", "shut/1"):
        publish.write(nobodys_folder / name, b"ours")
    (nobodys_folder / "gone" / "1").mkdir(parents=True)
    (nobodys_folder / "kept").chmod(0o500)
    (nobodys_folder / "shut").chmod(0)
    try:
        assert not publish.holds(nobodys_folder / "shut" / "1", b"ours"), "nobody can tell"
        left = publish.remove(nobodys_folder, ["free/1", "free/2", "kept/1", "shut/1", "gone/1"])
    finally:
        for name in ("kept", "shut"):
            (nobodys_folder / name).chmod(0o700)
    assert left == {
        name: f"{nobodys_folder / name}: cannot be removed: Permission denied; it is still published"
        for name in ("kept/1", "shut/1")
    }
    assert files(nobodys_folder).keys() == left.keys()
    assert publish.remove(nobodys_folder, left) == {}
    assert files(nobodys_folder) == {}


def test_sweeping_removes_our_temporary_files_only(tmp_path: Path) -> None:
    kept = ["rss.xml", ".hidden", "a/.htaccess", "a/b/aggregator-x", ".well-known/x"]
    for name in (*kept, ".aggregator-1", "a/.aggregator-abc", "a/b/.aggregator-x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "a" / ".aggregator-folder").mkdir()
    publish.sweep(tmp_path)
    assert sorted(files(tmp_path)) == sorted(kept)


def test_sweeping_beside_others_leaves_what_is_young(tmp_path: Path) -> None:
    now = time.time()
    for name, age in ((".aggregator-old", 7200), (".aggregator-young", 60)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now - age, now - age))
    publish.sweep(tmp_path, now - 3600)
    assert [path.name for path in tmp_path.iterdir()] == [".aggregator-young"]


def test_sweeping_what_is_not_there_is_fine(tmp_path: Path) -> None:
    publish.sweep(tmp_path / "never" / "made")


def test_sweeping_does_not_leave_the_output(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / ".aggregator-x").write_bytes(b"")
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "link").symlink_to(tmp_path / "elsewhere")
    publish.sweep(tmp_path / "feeds")
    assert (tmp_path / "elsewhere" / ".aggregator-x").exists()


# --- Addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("", "https://planet.example/feeds/"),
        ("tech", "https://planet.example/feeds/tech/"),
        ("新媒体/最新", "https://planet.example/feeds/%E6%96%B0%E5%AA%92%E4%BD%93/%E6%9C%80%E6%96%B0/"),
        ("a/c-plus-plus", "https://planet.example/feeds/a/c-plus-plus/"),
    ],
)
def test_addresses(folder: str, expected: str) -> None:
    assert publish.page("https://planet.example/feeds/", folder) == expected
    assert publish.urls("https://planet.example/feeds/", folder, NAMES) == {
        "rss": expected + "rss.xml",
        "atom": expected + "atom.xml",
    }
