"""contrib/aggregator.1: the manual page, from the help of the commands (man(7) of groff and mandoc)."""

import inspect
import re
from collections.abc import Iterator

import click

from aggregator import __version__
from aggregator.cli import cli

_FILES = """\
.SH FILES
.TP
\\fIconfig/aggregator.toml\\fR
The config. Paths in it start at the folder that holds config/. docs/configuration.md has all its keys.
.TP
\\fIvar/aggregator.db\\fR
The store, what is remembered between runs: the one file that cannot be had again.
.TP
\\fIfeeds/\\fR
What is published.
.SH SEE ALSO
README.md and docs/ of the project.
"""


def document() -> str:
    """The whole page."""
    context = click.Context(cli, info_name="aggregator")
    name, what = "aggregator", _lines(cli.help or "")
    head = f'.TH AGGREGATOR 1 "" "aggregator {__version__}" "User Commands"\n.SH NAME\n{name} \\- '
    parts = [head, f"{_escaped(cli.get_short_help_str(200).rstrip('.'))}\n"]
    parts += [".SH SYNOPSIS\n.B aggregator\n[\\fIOPTION\\fR]... \\fICOMMAND\\fR [\\fIARGUMENT\\fR]...\n"]
    parts += [".SH DESCRIPTION\n", *what, ".SH OPTIONS\nThese may stand before or behind the command.\n"]
    parts += _options(cli, context)
    parts += [".SH COMMANDS\n", *_commands(cli, context), _FILES]
    return "".join(parts)


def _commands(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in sorted(group.commands):
        command = group.commands[name]
        inner = click.Context(command, info_name=name, parent=context)
        words = inner.command_path.removeprefix("aggregator ")
        usage = " ".join(piece for piece in command.collect_usage_pieces(inner) if piece != "[OPTIONS]")
        yield f".SS {_escaped(f'{words} {usage}'.strip())}\n"
        yield from _lines(command.help or "")
        yield from _options(command, inner, common=False)
        if isinstance(command, click.Group):
            yield from _commands(command, inner)


def _options(command: click.Command, context: click.Context, *, common: bool = True) -> Iterator[str]:
    """The options of a command, each with its help; those that all have only where they are wanted."""
    shared = {each.name for each in cli.params}
    for each in command.params:
        record = each.get_help_record(context) if isinstance(each, click.Option) else None
        if record and (common or each.name not in shared):
            yield f".TP\n\\fB{_escaped(record[0])}\\fR\n{_escaped(record[1])}\n"


def _lines(text: str) -> Iterator[str]:
    """A help text; what stands behind \\b keeps its lines."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", inspect.cleandoc(text))):
        before = ".PP\n" if number else ""
        if paragraph.startswith("\b"):
            yield f"{before}.nf\n{_escaped(paragraph[1:].strip(chr(10)))}\n.fi\n"
        else:
            yield f"{before}{_escaped(' '.join(paragraph.split()))}\n"


def _escaped(text: str) -> str:
    """A text that is nothing but itself to troff."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.MULTILINE)
