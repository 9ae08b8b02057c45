"""`aggregator init`: what it writes is right, publishes its post, and nothing that was there is touched."""

import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import feedparser
import pytest

from aggregator import config, starting
from aggregator.errors import AggregatorError
from tests.planet import NOON

FILES = {"config/aggregator.toml", "seeds/hello.md", ".gitignore"}


def aggregator(folder: Path, *arguments: str, typed: str | None = None) -> tuple[int, str, str]:
    """The real command, at a terminal where something is typed."""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "aggregator", *arguments]
    keyboard, terminal = pty.openpty()
    try:
        os.write(keyboard, (typed or "").encode())
        stdin = subprocess.DEVNULL if typed is None else terminal
        done = subprocess.run(command, cwd=folder, env=env, text=True, capture_output=True, stdin=stdin, timeout=60)
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def files(folder: Path) -> set[str]:
    return {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}


def test_what_it_writes_passes_the_check_and_publishes_its_post(tmp_path: Path) -> None:
    code, out, err = aggregator(tmp_path, "init", "my planet", "--yes")
    folder = tmp_path / "my planet"
    assert (code, err) == (0, "")
    assert files(folder) == FILES
    assert "  cd 'my planet'\n" in out
    assert aggregator(folder, "check")[::2] == (0, "")
    assert aggregator(folder, "once")[::2] == (0, "")
    parsed = feedparser.parse(folder / "feeds" / "rss.xml")
    assert [entry.title for entry in parsed.entries] == ["Hello, planet"]
    assert parsed.feed.title == "My planet"
    assert (folder / "feeds" / "news" / "atom.xml").exists()
    assert set((folder / ".gitignore").read_text(encoding="utf-8").split()) >= {"var/", "feeds/", "secrets/"}


def test_the_config_leads_to_what_is_there(tmp_path: Path) -> None:
    """A planet has no docs/ of ours; the command that it names has every key."""
    starting.start(tmp_path, starting.DEFAULTS, NOON)
    text = (tmp_path / "config" / "aggregator.toml").read_text(encoding="utf-8")
    assert "docs/" not in text
    assert "`aggregator schema`" in text
    schema = json.loads(aggregator(tmp_path, "schema")[1])
    assert "description" in schema["properties"]["site"]["properties"]["keep_for"]


def test_all_that_is_written_as_a_comment_may_be_used(tmp_path: Path) -> None:
    """The keys that wait behind a `# ` are right as they stand."""
    starting.start(tmp_path, starting.DEFAULTS, NOON)
    file = tmp_path / "config" / "aggregator.toml"
    lines = file.read_text(encoding="utf-8").splitlines()
    used = [line.removeprefix("# ") if " = " in line or "[[" in line else line for line in lines]
    file.write_text("\n".join(used), encoding="utf-8")
    loaded = config.load(file, look=True)
    assert [each.kind for each in loaded.sources] == ["feed", "seed"]
    assert (loaded.site.contact, loaded.site.items, len(loaded.categories)) == ("https://example.org/contact", 100, 1)


def test_a_terminal_is_asked_until_the_answers_are_right(tmp_path: Path) -> None:
    typed = 'A "planet"\nnews\nhttps://a.example/feeds\n\n'
    code, out, err = aggregator(tmp_path, "init", typed=typed)
    assert code == 0, err
    assert "Error: write an absolute http:// or https:// URL" in err
    site = config.load(tmp_path / "config" / "aggregator.toml").site
    assert (site.title, site.base_url, site.language) == ('A "planet"', "https://a.example/feeds/", "en")
    assert "cd " not in out


def test_nothing_is_asked_without_a_terminal(tmp_path: Path) -> None:
    code, out, err = aggregator(tmp_path, "init")
    assert (code, out) == (2, "")
    assert "give --yes" in err
    assert not files(tmp_path)


def test_what_is_there_stays(tmp_path: Path) -> None:
    mine = {"config/aggregator.toml": "mine", "seeds/my post.md": "mine", ".gitignore": "mine"}
    for name, content in mine.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    code, out, _ = aggregator(tmp_path, "init", "--json")  # nothing is left to be asked
    assert (code, json.loads(out)["written"]) == (0, [])
    assert json.loads(out)["left"] == ["config/aggregator.toml", "seeds/", ".gitignore"]
    assert {name: (tmp_path / name).read_text(encoding="utf-8") for name in files(tmp_path)} == mine


@pytest.mark.parametrize("name", [".gitignore", "config/aggregator.toml"])
def test_not_even_a_broken_link_is_written_through(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    assert name in starting.start(tmp_path, starting.DEFAULTS, NOON).left
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "de_AT.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "zh_CN"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh-CN"),
        ({"LANG": "zh_TW.UTF-8"}, "zh-TW"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_TW:zh"}, "zh-TW"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh"}, "zh-CN"),
    ],
)
def test_the_language_that_is_proposed(environ: dict[str, str], language: str, tmp_path: Path) -> None:
    assert starting.proposed(environ, tmp_path / "none")["language"] == language


@pytest.mark.parametrize(
    ("environ", "link", "zone"),
    [
        ({}, "/usr/share/zoneinfo/Asia/Shanghai", "Asia/Shanghai"),
        ({}, "../usr/share/zoneinfo/Etc/UTC", "UTC"),
        ({}, "/srv/mine", "UTC"),
        ({}, "", "UTC"),
        ({"TZ": "Europe/Berlin"}, "/usr/share/zoneinfo/Asia/Shanghai", "Europe/Berlin"),
        ({"TZ": ":Europe/Berlin"}, "", "Europe/Berlin"),
        ({"TZ": "CST-8"}, "/usr/share/zoneinfo/Asia/Shanghai", "UTC"),
        ({"TZ": ""}, "/usr/share/zoneinfo/Asia/Shanghai", "UTC"),
        ({"TZ": "../../etc/passwd"}, "", "UTC"),
    ],
)
def test_the_time_zone_that_is_proposed(environ: dict[str, str], link: str, zone: str, tmp_path: Path) -> None:
    localtime = tmp_path / "localtime"
    if link:
        localtime.symlink_to(link)
    assert starting.proposed(environ, localtime)["timezone"] == zone


def test_a_chinese_planet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LC_ALL": "zh_CN.UTF-8", "LANGUAGE": "zh_CN", "TZ": "Asia/Shanghai"}.items():
        monkeypatch.setenv(name, value)
    assert aggregator(tmp_path, "init", "--yes")[0] == 0
    site = config.load(tmp_path / "config" / "aggregator.toml").site
    assert (site.title, site.language, site.timezone) == ("我的星球", "zh-CN", "Asia/Shanghai")
    assert "categories: [随笔]" in (tmp_path / "seeds" / "hello.md").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file", encoding="utf-8")
    with pytest.raises(AggregatorError, match=r"config.*: cannot be written"):
        starting.start(tmp_path, starting.DEFAULTS, datetime.now(UTC))
