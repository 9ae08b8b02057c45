"""Shell completion: what is offered, that it is harmless, and that a real bash takes it. The manual page: troff reads it."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import completing
from aggregator.cli import cli
from tests.conftest import needs
from tests.planet import NOON, Planet, atom
from tests.server import Server

ROOT = Path(__file__).parents[1]
NAMES = (
    "Example News",
    "Example Notes",
    "Other",
    "news.example/feed.xml",
    "Ex $(touch x)",
    "-rf",
    "Ex`id`",
    "Ex'it",
    "Ex;it",
)


@pytest.mark.parametrize(
    ("before", "begun", "expected"),
    [
        ((), "", ("Example News", "Example Notes", "Other", "news.example/feed.xml")),
        ((), "ex", ("Example News", "Example Notes")),
        (("Example",), "", ("News", "Notes")),
        (("example",), "ne", ("News",)),
        ((), "news.", ("news.example/feed.xml",)),
        (("Example", "News"), "", ()),
        ((), "x", ()),
    ],
)
def test_what_follows(before: tuple[str, ...], begun: str, expected: tuple[str, ...]) -> None:
    assert completing.following(NAMES, before, begun) == expected


@given(st.text() | st.text("a$`\\;&|<>(){}[]*?!#~'\" \n-", max_size=8))
def test_nothing_is_offered_that_a_shell_would_heed(title: str) -> None:
    for offered in completing.following([title], (), ""):
        assert not set(offered) & set("$`\\;&|<>(){}[]*?!#~'\"\n\r\t=:")
        assert not offered.startswith("-")


@pytest.fixture
def planet(tmp_path: Path, server: Server) -> Planet:
    made = Planet(tmp_path)
    server.put("/a", atom([{"id": "urn:1", "title": "One", "date": NOON}], "Example $(touch pwned)", self=""))
    server.put("/b", atom([{"id": "urn:2", "title": "Two", "date": NOON}], "Example Notes", self=""))
    made.feed(server.url("/a", "127.0.0.1"))
    made.feed(server.url("/b", "127.0.0.1"))
    made.feed("https://c.example/", title="Example News", enabled=False)
    made.run()
    return made


def bash(planet: Planet, tmp_path: Path, *words: str) -> list[str]:
    """What a real bash offers for the last word of a command line."""
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    program = programs / "aggregator"
    code = "import sys; sys.argv[0] = 'aggregator'; from aggregator.__main__ import main; main()"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n')
    program.chmod(0o755)
    line = " ".join(f"'{word}'" for word in ("aggregator", *words))
    script = f'eval "$(aggregator completion bash)"; COMP_WORDS=({line}); COMP_CWORD={len(words)}; '
    script += "_aggregator_completion aggregator; printf '%s\\n' \"${COMPREPLY[@]}\""
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    command = [needs("bash"), "--norc", "-c", script]
    done = subprocess.run(command, cwd=planet.root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_bash_offers_commands_options_and_sources(planet: Planet, tmp_path: Path) -> None:
    assert bash(planet, tmp_path, "sta") == ["status"]
    assert "--offline" in bash(planet, tmp_path, "doctor", "--o")
    assert bash(planet, tmp_path, "status", "Exa") == ["Example News", "Example Notes"]
    assert bash(planet, tmp_path, "disable", "Example", "No") == ["Notes"]
    assert not (planet.root / "pwned").exists()


def test_without_a_config_nothing_is_offered_and_nothing_said(tmp_path: Path) -> None:
    assert bash(Planet(tmp_path), tmp_path, "status", "Exa") == [""]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_of_their_own(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aggregator", "completion", shell], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert f"_AGGREGATOR_COMPLETE={shell}_complete" in done.stdout


# --- The manual page --------------------------------------------------------------------------------------------------


def test_the_manual_page_has_every_command_and_option() -> None:
    page = (ROOT / "contrib" / "aggregator.1").read_text(encoding="utf-8").replace("\\-", "-")
    groups = [cli, *(each for each in cli.commands.values() if isinstance(each, click.Group))]
    for group in groups:
        for name, command in group.commands.items():
            assert f"\n.SS {f'{group.name} ' if group is not cli else ''}{name}" in page
            options = [word for each in command.params if isinstance(each, click.Option) for word in each.opts]
            assert not [word for word in options if word not in page], name


def test_troff_has_nothing_to_say_about_the_manual_page() -> None:
    command = [needs("groff"), "-man", "-Tutf8", "-ww", "-z", str(ROOT / "contrib" / "aggregator.1")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
