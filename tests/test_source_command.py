"""Programs as sources: what they print, how they are run, and how they end."""

import asyncio
import json
import os
import shlex
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from aggregator import config
from aggregator.cli import cli
from aggregator.errors import ConfigError, ParseError, SourceError
from aggregator.model import Batch, Document, Limits, Source, Validators
from aggregator.sources import command
from aggregator.sources.command import running
from tests import planet as planets
from tests.planet import Planet


def run(tmp_path: Path, script: str, *, seconds: float = 20, most: int = 1_000_000) -> bytes:
    """What a script of the shell prints."""
    limits = Limits(timeout=timedelta(seconds=seconds), max_bytes=most)
    return asyncio.run(running.run(("sh", "-c", script), tmp_path, limits))


def read(body: bytes | str, base_url: str = "") -> Batch:
    options = command.Options(("x", "--token"))
    source = Source(key="command:x", kind="command", options=options, base_url=base_url)
    return command.read(Document(source.key, source.base_url, body.encode() if isinstance(body, str) else body), source)


def is_gone(process: int) -> bool:
    """Whether a process has ended, or does so within five seconds; one that nobody has reaped is a zombie."""
    for _ in range(500):
        try:
            if " Z " in Path(f"/proc/{process}/stat").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


# --- How it is run --------------------------------------------------------------------------------------------------


def test_it_runs_in_the_folder_without_a_shell(tmp_path: Path) -> None:
    limits = Limits(timeout=timedelta(seconds=20))
    assert run(tmp_path, "pwd").decode().strip() == str(tmp_path.resolve())
    assert asyncio.run(running.run(("echo", "$HOME;", "*"), tmp_path, limits)) == b"$HOME; *\n"
    program = tmp_path / "feed.sh"
    program.write_text("#!/bin/sh\necho here", encoding="utf-8")
    program.chmod(0o755)
    assert asyncio.run(running.run(("./feed.sh",), tmp_path, limits)) == b"here\n"


def test_its_environment_is_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEED_TOKEN", "secret")
    monkeypatch.setenv("TZ", "UTC")
    program = (sys.executable, "-c", "import os; print(*sorted(os.environ.items()), sep='\\n')")
    said = asyncio.run(running.run(program, tmp_path, Limits())).decode()
    names = set(running.ENVIRONMENT) | {"LC_CTYPE"}  # which Python sets for itself
    assert "secret" not in said and "('TZ', 'UTC')" in said
    assert {line.split("'")[1] for line in said.splitlines()} <= names


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo a; echo https://ann:pw@x.example >&2; exit 3", "ended with 3: https://***@x.example; run it by hand"),
        ("exit 4", "`sh -c 'exit 4'` ended with 4; run it"),
        ("kill -9 $$", "was ended by SIGKILL"),
        ("kill -40 $$", "was ended by signal 40"),
        ("printf 'one\\033[31m\\ntwo\\n\\n' >&2; false", "ended with 1: two;"),
        ("i=0; while [ $i -lt 3000 ]; do echo 'many words of trouble'; i=$((i+1)); done >&2; echo last >&2; exit 1", ": last; "),
    ],
)  # fmt: skip
def test_a_program_that_fails_says_why(tmp_path: Path, script: str, said: str) -> None:
    with pytest.raises(SourceError) as error:
        run(tmp_path, script)
    assert error.value.kind == "command failed" and said in str(error.value)
    assert "\n" not in str(error.value) and "pw" not in str(error.value).replace("***", "")


def test_one_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"command failed: `nonesuch -x` cannot be run \(No such file"):
        asyncio.run(running.run(("nonesuch", "-x"), tmp_path, Limits()))


def test_a_hanging_one_is_ended_with_its_children(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"timeout: .* takes more than 1 s; if it is only slow, raise timeout: wait"):
        run(
            tmp_path, "sleep 300 & echo $! > child; echo $$ > parent; trap '' TERM; echo wait >&2; sleep 300", seconds=1
        )
    assert time.monotonic() - began < 15
    assert is_gone(int((tmp_path / "child").read_text())) and is_gone(int((tmp_path / "parent").read_text()))


def test_a_flood_is_cut(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"too large: .* prints more than 1,000,000 bytes"):
        run(tmp_path, "echo $$ > parent; yes")
    assert is_gone(int((tmp_path / "parent").read_text()))


def test_a_flood_of_complaints_costs_no_memory(tmp_path: Path) -> None:
    assert run(tmp_path, "head -c 3000000 /dev/zero >&2; echo fine") == b"fine\n"


def test_what_it_leaves_behind_is_ended_and_not_waited_for(tmp_path: Path) -> None:
    began = time.monotonic()
    assert run(tmp_path, "sleep 300 & echo $! > child; echo done") == b"done\n"
    assert time.monotonic() - began < 15 and is_gone(int((tmp_path / "child").read_text()))


def test_one_that_forks_without_end_is_ended(tmp_path: Path) -> None:
    script = "f() { if [ $(ls -1 pids | wc -l) -lt 40 ]; then : > pids/$1; f $1a & f $1b & fi; wait; sleep 300; }"
    (tmp_path / "pids").mkdir()
    with pytest.raises(SourceError, match="timeout"):
        run(tmp_path, f"echo $$ > parent; {script}; f x", seconds=2)
    group = int((tmp_path / "parent").read_text())
    for _ in range(500):
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(0.01)
    raise AssertionError("its group lives on")


def test_whoever_is_cancelled_ends_it(tmp_path: Path) -> None:
    async def begin() -> None:
        task = asyncio.create_task(running.run(("sh", "-c", "echo $$ > parent; sleep 300"), tmp_path, Limits()))
        while not (tmp_path / "parent").exists() or not (tmp_path / "parent").read_text():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    began = time.monotonic()
    asyncio.run(begin())
    assert time.monotonic() - began < 15 and is_gone(int((tmp_path / "parent").read_text()))


# --- What it prints -------------------------------------------------------------------------------------------------

LINES = (
    '{"id": "1", "title": "One", "url": "https://x.example/1", "date_published": "2026-03-14T09:30:00Z",'
    ' "content_html": "<p>Hi<script>x()</script></p>", "tags": ["a"], "author": {"name": "Ann"}, "image": "/1.png"}\n'
    '\n{"title": "Two", "content_text": "Plain & simple"}\r\n'
)


def test_lines_of_json_are_entries() -> None:
    one, two = read(LINES, base_url="https://x.example/").items
    assert (one.guid, one.title, one.content, one.tags[0].term) == ("1", "One", "<p>Hi</p>", "a")
    assert one.published and one.authors[0].name == "Ann"
    assert one.image and one.image.url == "https://x.example/1.png"
    assert (two.title, two.content) == ("Two", "<p>Plain &amp; simple</p>")


def test_a_line_that_is_none_costs_itself_alone() -> None:
    found = read(LINES + "oops\n[]\n" + '{"title": "Three"}')
    assert [item.title for item in found.items] == ["One", "Two", "Three"]
    assert found.warnings == ("`x --token`: line 4 and 1 more: is no JSON object, so it is left out",)


@pytest.mark.parametrize(
    "body",
    [
        planets.rss([{"title": "One", "link": "https://x.example/1"}]),
        planets.atom([{"id": "urn:1", "title": "One", "date": planets.NOON}]),
        b'{"version": "https://jsonfeed.org/version/1.1", "title": "F", "items": [{"id": "1", "title": "One"}]}',
        b'{\n"version": "https://jsonfeed.org/version/1.1",\n"title": "F", "items": [{"id": "1", "title": "One"}]}',
    ],
)
def test_any_feed_is_read(body: bytes) -> None:
    assert [item.title for item in read(body).items] == ["One"]


@pytest.mark.parametrize(
    "body", [b"", b"garbage", b"<html><body>x", b"\0\xff\xfe", b"[1]", b"{", b'"x"', b"<rss", b"[" * 100_000]
)
def test_garbage_is_told_in_one_line(body: bytes) -> None:
    with pytest.raises(ParseError) as error:
        read(body)
    assert str(error.value).startswith("bad output: `x --token`: ") and "\n" not in str(error.value)


def test_the_same_output_is_unchanged(tmp_path: Path) -> None:
    source = Source(key="command:x", kind="command", options=command.Options(("echo", "x")), root=str(tmp_path))

    async def fetch(url: str, known: Validators, limits: Limits) -> Document:
        raise AssertionError("a program asks no server through us")

    first = asyncio.run(command.documents(source, {}, fetch))
    again = asyncio.run(command.documents(source, {"command:x": first.changed[0].validators}, fetch))
    assert first.changed[0].body == b"x\n"
    assert not again.changed and again.unchanged == {"command:x": first.changed[0].validators}


# --- The config, and a planet that runs one -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "keys", "said"),
    [
        ("", 'command = ["echo"]', "source[1].command: runs a program; if that is meant, write allow_commands = true"),
        ("allow_commands = true", "command = []", "source[1]: `command` is empty; write a list"),
        ("allow_commands = true", 'command = "echo x"', "source[1].command: write a list in brackets"),
        ("allow_commands = true", 'command = ["echo", 3]', "source[1].command[2]: write text in quotes"),
        ("allow_commands = true", 'command = ["nonesuch"]', "source[1].command: there is no such program"),
        ("allow_commands = true", 'command = ["./feed"]', "source[1].command: there is no such program"),
        ("allow_commands = true", "", "source[1].command: is missing"),
        (
            "allow_commands = true",
            f'command = ["echo", "{"x" * 2001}"]',
            "source[1]: `command` has more than 2,000 bytes",
        ),
    ],
)
def test_what_the_config_may_say(tmp_path: Path, site: str, keys: str, said: str) -> None:
    file = tmp_path / "aggregator.toml"
    head = f'[site]\ntitle = "P"\nbase_url = "https://p.example/"\n{site}\n'
    file.write_text(f'{head}[[source]]\nkind = "command"\n{keys}\n', encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        config.load(file, look=True)
    assert error.value.problems[0].partition(": ")[2].startswith(said)


def test_a_program_is_a_source_like_any_other(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    planet.site["allow_commands"] = True
    lines = tmp_path / "lines"
    lines.write_text('{"id": "1", "title": "One"}\n', encoding="utf-8")
    planet.sources.append({"kind": "command", "command": ["cat", "lines"], "title": "Lines", "category": "Sea"})
    assert [outcome.counts["new"] for outcome in planet.run().outcomes] == [1]
    ids = planet.ids()
    assert not planet.run(later=timedelta(minutes=10)).outcomes  # it is not due yet
    lines.write_text('{"id": "1", "title": "One"}\n{"id": "2", "title": "Two"}\n', encoding="utf-8")
    planet.run(later=timedelta(hours=2))
    lines.unlink()
    (failed,) = planet.run(later=timedelta(hours=2)).failed
    assert failed.error.startswith("command failed: `cat lines` ended with 1: cat:")
    assert sorted(planet.titles()) == ["One", "Two"] == sorted(planet.titles("sea/atom.xml"))
    assert planet.ids()["One"] == ids["One"]
    file = str(planet.write())
    state = json.loads(CliRunner().invoke(cli, ["status", "--config", file, "--json"]).output)["sources"][0]
    assert (state["state"], state["why"]) == ("degraded", "command failed")
    lines.write_text('{"id": "3", "title": "Three", "url": "https://x.example/3"}\n', encoding="utf-8")
    shown = CliRunner().invoke(cli, ["preview", "--config", file, "Lines"])
    assert "Three" in shown.output and "https://x.example/3" in shown.output


def test_one_that_hangs_keeps_nobody_else_waiting_for_ever(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    planet.site["allow_commands"] = True
    planet.post("a.md", title="A post")
    planet.seeds()
    planet.sources.append({"kind": "command", "command": shlex.split("sleep 300"), "timeout": "1s"})
    (failed,) = planet.run().failed
    assert failed.error.startswith("timeout: `sleep 300` takes more than 1 s") and planet.titles() == ["A post"]
