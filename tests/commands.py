"""The second half of docs/commands.md: every command with its help and options. `python -m tests.commands` writes it anew."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from aggregator.cli import cli

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
MARK = "<!-- made by python -m tests.commands; what stands below is not to be edited -->\n"


def page() -> str:
    """The page as it should be: what is there above the mark, and what the program says of itself below it."""
    return f"{PAGE.read_text(encoding='utf-8').split(MARK)[0]}{MARK}\n" + "\n".join(_every(cli, "aggregator"))


def _every(group: click.Group, name: str) -> Iterator[str]:
    for word, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _every(command, f"{name} {word}")
        else:
            yield from _one(command, f"{name} {word}")


def _one(command: click.Command, name: str) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    arguments = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    yield f"### {name}\n"
    yield f"`{' '.join((name, *arguments))}`\n"
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield f"```sh\n{_dedented(paragraph)}\n```\n" if paragraph.startswith("\b") else f"{_plain(paragraph)}\n"
    shared = {each.name for each in cli.params}
    own = [each for each in command.params if isinstance(each, click.Option) and each.name not in shared]
    if own:
        yield "| option | |\n|---|---|"
        for option in own:
            names, help_text = option.get_help_record(context) or ("", "")
            yield f"| `{_cell(names)}` | {_cell(_plain(help_text))} |"
        yield ""


def _dedented(paragraph: str) -> str:
    return inspect.cleandoc(paragraph.removeprefix("\b\n"))


def _plain(text: str) -> str:
    """Words between angle brackets would be HTML."""
    return text.replace("<", "&lt;")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
