"""Shell completion: what is offered, that it is harmless, and that a real bash takes it. The manual page: troff reads it."""

import contextlib
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
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
    "other.example/",
    "Ex $(touch x)",
    "-rf",
    "Ex`id`",
    "Ex -rf",
    "Ex\x1b[2J",
    "Tom & Jerry - all",
)


@pytest.mark.parametrize(
    ("before", "begun", "expected"),
    [
        ((), "exa", ("Example News", "Example Notes")),
        ((), "ex", ("Ex $(touch x)", "Ex`id`", "Example News", "Example Notes")),
        (("Tom", "&"), "J", ("Jerry - all",)),
        (("Example",), "", ("News", "Notes")),
        (("example",), "ne", ("News",)),
        ((), "news.", ("news.example/feed.xml",)),
        ((), "o", ("other.example/",)),
        ((), "O", ("Other",)),
        ((), "OTH", ("Other", "other.example/")),
        (("Example", "News"), "", ()),
        ((), "x", ()),
    ],
)
def test_what_follows(before: tuple[str, ...], begun: str, expected: tuple[str, ...]) -> None:
    assert completing.following(NAMES, before, begun) == expected


_TITLES = st.text() | st.text("a$`\\;&|<>(){}[]*?!#~'\" \n-", max_size=8)


@given(_TITLES)
def test_no_shell_heeds_what_is_quoted_for_bash(title: str) -> None:
    for offered in completing.for_bash(completing.following([title], (), "")):
        assert shlex.split(offered) == title.split()  # POSIX: what is unquoted and active would be there, or an error
        unquoted = re.sub(r"'[^']*'|\"[^\"$`\\!]*\"", "", offered)
        assert not set(unquoted) & set("$`\\;&|<>(){}[]*?!#~'\"\n\r\t=:")
        assert not any(re.match("-.", word) for word in offered.split(" "))


@given(_TITLES, st.sampled_from("'\""))
def test_within_an_open_quote_nothing_ends_it(title: str, opened: str) -> None:
    for offered in completing.for_bash([title], opened):
        assert shlex.split(f"{opened}{offered}{opened}") == [title]
        assert opened == "'" or not set(offered) & set("$`!")


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


def program(folder: Path) -> Path:
    """The program by its name, in bin/ of a folder."""
    path = folder / "bin" / "aggregator"
    path.parent.mkdir(exist_ok=True)
    code = "import sys; sys.argv[0] = 'aggregator'; from aggregator.__main__ import main; main()"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n')
    path.chmod(0o755)
    return path


def environment(folder: Path) -> dict[str, str]:
    """An environment that has it."""
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}


def shell(planet: Planet, tmp_path: Path, *command: str) -> str:
    """What a real shell prints that finds the program by its name."""
    program(tmp_path)
    env = environment(tmp_path) | {"HOME": str(tmp_path), "TERM": "dumb"}
    done = subprocess.run(command, cwd=planet.root, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def bash(planet: Planet, tmp_path: Path, *words: str) -> list[str]:
    """What a real bash offers for the last word of a command line."""
    line = " ".join(f"'{word}'" for word in ("aggregator", *words))
    script = f'eval "$(aggregator completion bash)"; COMP_WORDS=({line}); COMP_CWORD={len(words)}; '
    script += "_aggregator_completion aggregator; printf '%s\\n' \"${COMPREPLY[@]}\""
    return shell(planet, tmp_path, needs("bash"), "--norc", "-c", script).split("\n")[:-1]


def test_bash_offers_commands_options_and_sources(planet: Planet, tmp_path: Path) -> None:
    assert bash(planet, tmp_path, "sta") == ["status"]
    assert "--offline" in bash(planet, tmp_path, "doctor", "--o")
    assert bash(planet, tmp_path, "status", "Exa") == [
        "Example '$(touch' 'pwned)'",
        "Example News",
        "Example Notes",
    ]
    assert bash(planet, tmp_path, "disable", "Example", "No") == ["Notes"]
    assert not (planet.root / "pwned").exists()


def test_without_a_config_nothing_is_offered_and_nothing_said(tmp_path: Path) -> None:
    assert bash(Planet(tmp_path), tmp_path, "status", "Exa") == [""]


_SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], 'eval "$(aggregator completion bash)"'),
    "zsh": (["-f", "-i"], 'autoload -U compinit; compinit -u -D; eval "$(aggregator completion zsh)"'),
    "fish": (["--no-config", "-i"], "aggregator completion fish | source"),
}
_TITLED = ('Tom & Jerry, "friends"', "What's new?", "Glob * [x] $(touch pwned)", "R&B now", "R&D then", "x\\y \\\\z !1")


class Terminal:
    """A real shell at a terminal of its own, in which `aggregator status` writes down what words it got."""

    def __init__(self, shell: str, folder: Path, home: Path) -> None:
        path, self.got = program(home), home / "got"
        code = path.read_text().partition("\n")[2]
        caught = f"printf '%s\\n' \"$@\" > {self.got}.new; mv {self.got}.new {self.got}; exit"
        path.write_text(f'#!/bin/sh\nif [ "$1" = status ]; then {caught}; fi\n{code}')
        options, setup = _SHELLS[shell]
        self.pid, self.end = pty.fork()
        if not self.pid:
            os.chdir(folder)
            os.execve(needs(shell), [shell, *options], environment(home) | {"TERM": "xterm", "HOME": str(home)})
        threading.Thread(target=self._read, daemon=True).start()
        os.write(self.end, f"{setup}; aggregator status ready\n".encode())
        assert self.words() == ["status", "ready"]

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while os.read(self.end, 4096):
                pass

    def words(self) -> list[str]:
        """The words of the next command, once it was given."""
        deadline = time.monotonic() + 30
        while not self.got.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        words = self.got.read_text().splitlines()
        self.got.unlink()
        return words

    def typed(self, line: str) -> str:
        """What the command is asked for by a line that is typed, with its tabs."""
        os.write(self.end, f"aggregator status {line}\n".encode())
        return " ".join(self.words()[1:])

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@pytest.mark.parametrize("shell", _SHELLS)
def test_names_reach_the_command_as_they_are(tmp_path: Path, shell: str) -> None:
    planet = Planet(tmp_path)
    for number, title in enumerate(_TITLED):
        planet.feed(f"https://c{number}.example/?a=1&b=2", title=title)
    planet.write()
    needs(shell)
    terminal = Terminal(shell, tmp_path, tmp_path)
    try:
        for line in ("To\t", "Tom \\& \t", "'Tom & J\t"):
            assert terminal.typed(line) == _TITLED[0]
        assert terminal.typed("Wh\t") == _TITLED[1]
        assert terminal.typed("Glo\t") == _TITLED[2]
        assert terminal.typed("R\tB\t") == _TITLED[3]
        assert terminal.typed("x\t") == _TITLED[5]
        assert terminal.typed("c0\t") == "c0.example/?a=1&b=2"
    finally:
        terminal.close()
    assert not (tmp_path / "pwned").exists()


def test_fish_offers_commands_options_and_sources(planet: Planet, tmp_path: Path) -> None:
    """From the file that the help names."""
    lines = ["statu", "doctor --o", "status Exa", "disable Example No"]
    script = "mkdir -p ~/.config/fish/completions\n"
    script += "aggregator completion fish > ~/.config/fish/completions/aggregator.fish\n"
    script += "\n".join(f"complete -C 'aggregator {line}'; echo" for line in lines)
    offered = shell(planet, tmp_path, needs("fish"), "-c", script).split("\n\n")
    assert [[each.split("\t")[0] for each in part.split("\n")] for part in offered[:-1]] == [
        ["status"],
        ["--offline"],
        ["Example $(touch pwned)", "Example News", "Example Notes"],
        ["Notes"],
    ]
    assert not (planet.root / "pwned").exists()


ZSH = r"""
zmodload zsh/zpty
mkdir -p ~/.zfunc
aggregator completion zsh > ~/.zfunc/_aggregator
for line in 'doctor --off' 'status Oth' 'disable Example No'; do
  zpty shell zsh -f -i
  zpty -w shell "fpath+=~/.zfunc; autoload -Uz compinit; compinit -u -D"
  zpty -w shell "show() { print -r -- \"<\$BUFFER>\" }; zle -N show; bindkey '^X' show; PS1=READ; PS1+=Y"
  zpty -r -m shell answer '*READY*'
  zpty -w -n shell "aggregator $line"$'\t\x18'
  zpty -r -m shell answer '*<aggregator *>*'
  print -r -- "${${answer##*<}%%>*}"
  zpty -d shell
done
"""


def test_zsh_completes_options_and_sources(planet: Planet, tmp_path: Path) -> None:
    """Its line editor completes, at a terminal of its own, and a key shows the line as it is then."""
    planet.feed("https://other.example/", title="Other", enabled=False)
    planet.write()
    assert shell(planet, tmp_path, needs("zsh"), "-f", "-c", ZSH).split("\n")[:-1] == [
        "aggregator doctor --offline ",
        "aggregator status Other ",
        "aggregator disable Example Notes ",
    ]
    assert not (planet.root / "pwned").exists()


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
