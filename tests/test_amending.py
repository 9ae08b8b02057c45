"""The config's file changes as a whole or not at all, and only into one that would be read."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from aggregator import amending, config
from aggregator.editing import with_tables
from aggregator.errors import AggregatorError, ConfigError

TOML = '# mine\n[site]\ntitle = "P"\nbase_url = "https://p.example/"\n'
NEW = {"url": "https://new.example/feed"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "config" / "aggregator.toml"
    file.parent.mkdir()
    file.write_text(TOML, encoding="utf-8")
    return file


def added(toml: str) -> str:
    return with_tables(toml, "source", [NEW])


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_change_is_shown_and_then_made(file: Path, mark: bytes, newline: str) -> None:
    before = mark + TOML.replace("\n", newline).encode()
    file.write_bytes(before)
    file.chmod(0o640)
    edit = amending.edit(file, added)
    assert file.read_bytes() == before
    assert [line for line in edit.diff() if line[0] in "+-"][2:] == ["+", "+[[source]]", f'+url = "{NEW["url"]}"']
    assert [each.key for each in edit.config.sources] == [NEW["url"]]
    amending.make(edit)
    assert file.read_bytes() == mark + added(TOML.replace("\n", newline)).encode()
    assert file.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in file.parent.iterdir()] == [file.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder to any group")
def test_a_folder_gives_the_file_no_group_of_its_own(file: Path) -> None:
    file.chmod(0o640)
    os.chown(file.parent, -1, 12345)
    file.parent.chmod(0o2755)  # setgid: what is made in it has its group
    amending.make(amending.edit(file, added))
    assert file.stat().st_gid == os.getegid()


def test_a_link_is_followed(file: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    file.rename(real)
    file.symlink_to(real)
    amending.make(amending.edit(file, added))
    assert file.is_symlink()
    assert real.read_text(encoding="utf-8") == added(TOML)


def test_what_would_not_be_read_is_not_made(file: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"aggregator.toml:7: source\[1\].url: .*\(as it would be; nothing is changed\)"
    ):
        amending.edit(file, lambda toml: with_tables(toml, "source", [{"url": "news"}]))
    assert file.read_text(encoding="utf-8") == TOML


def test_a_config_that_is_wrong_already_is_said_to_be(file: Path) -> None:
    for broken in ("[site]\n", "[site\n"):
        file.write_text(broken, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"aggregator\.toml:1") as error:
            amending.edit(file, added)
        assert "as it would be" not in str(error.value)


def test_a_file_that_changed_meanwhile_stays(file: Path) -> None:
    edit = amending.edit(file, added)
    file.write_text(f"{TOML}# and more\n", encoding="utf-8")
    with pytest.raises(AggregatorError, match="meanwhile"):
        amending.make(edit)
    assert file.read_text(encoding="utf-8") == f"{TOML}# and more\n"


def test_a_file_that_cannot_be_written_stays(nobodys_folder: Path) -> None:
    file = nobodys_folder / "aggregator.toml"
    file.write_text(TOML, encoding="utf-8")
    edit = amending.edit(file, added)
    nobodys_folder.chmod(0o500)
    try:
        with pytest.raises(AggregatorError, match="cannot be written: Permission denied"):
            amending.make(edit)
        assert [*nobodys_folder.iterdir()] == [file]
    finally:
        nobodys_folder.chmod(0o700)


def test_of_many_changes_at_a_time_none_is_lost_without_a_word(file: Path) -> None:
    def change(number: int) -> str:
        url = f"https://{number}.example/"
        edit = amending.edit(file, lambda toml: with_tables(toml, "source", [{"url": url}]))
        start.wait()
        try:
            amending.make(edit)
        except AggregatorError:
            return ""
        return url

    start = Barrier(6)
    with ThreadPoolExecutor(6) as pool:
        made = {url for url in pool.map(change, range(6)) if url}
    assert len(made) == 1  # the others had not seen it
    assert {each.key for each in config.load(file).sources} == made
    assert [each.name for each in file.parent.iterdir()] == [file.name]
