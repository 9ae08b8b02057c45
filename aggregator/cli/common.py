"""What all commands share: the options that each of them has, the config, the clock, and how they fail."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from gettext import gettext, pgettext
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from aggregator import languages

if TYPE_CHECKING:
    from aggregator.config import Config
    from aggregator.model import Progress

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Wishes:
    """What the options that every command has came to."""

    config: Path = Path("config/aggregator.toml")
    json: bool = False
    verbose: int = 0
    quiet: bool = False


class _Masking(logging.Formatter):
    """Log lines, traces included, without the passwords of URLs."""

    def format(self, record: logging.LogRecord) -> str:
        """The line or lines of a record."""
        from aggregator.text import masked

        return masked(super().format(record))


def common(command: _Command) -> _Command:
    """The options that may stand before the command or behind it."""
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
        click.option("-v", "--verbose", count=True, help="Say more; twice for a log of every step."),
        click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs."),
        click.option("--config", type=click.Path(path_type=Path), help="The config  [default: config/aggregator.toml]"),
    ):
        command = option(command)
    return command


class _Formatter(click.HelpFormatter):
    """Help with the marks of its language: click's own are those of English."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, pgettext("help", "Usage: ") if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        self.write(" " * self.current_indent + heading + pgettext("help", ":") + "\n")


class _Context(click.Context):
    formatter_class = _Formatter


def show(error: click.ClickException) -> None:
    """Say a mistake in the use, with the full stop of the language."""
    if isinstance(error, click.MissingParameter):
        message = error.format_message().removesuffix(".") + pgettext("help", ".")
        error = click.UsageError(message, error.ctx)
    error.show()


def translate(command: click.Command) -> None:
    """Put the help of a command, of its options and of all below it into the language that gettext speaks."""
    command.context_class = _Context
    command.help = command.help and gettext(cleandoc(command.help))
    for each in command.params:
        if isinstance(each, click.Option) and each.help:
            each.help = gettext(each.help)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            translate(below)


def wishes_of(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> Wishes:
    """This command's options on top of those that stood before it. Sets the log accordingly."""
    context = click.get_current_context()
    before = context.obj if isinstance(context.obj, Wishes) else Wishes()
    wishes = Wishes(config or before.config, as_json or before.json, verbose + before.verbose, quiet or before.quiet)
    context.obj = wishes
    if wishes.json:
        languages.speak_english()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Masking("%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
    logging.basicConfig(handlers=[handler])
    logging.getLogger().setLevel(logging.INFO if wishes.verbose > 1 else logging.CRITICAL)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # what it cannot put back after SIGTERM it tells as an error, with a trace
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING if wishes.verbose > 1 else logging.CRITICAL)
    return wishes


def load(wishes: Wishes, look: bool = False) -> "Config":
    from aggregator import config

    return config.load(wishes.config, look=look)


def named_kind(kind: str) -> str:
    """A kind of source, in the language of who reads; one of somebody else's as it is."""
    kinds = {
        "command": pgettext("kind", "command"),
        "feed": pgettext("kind", "feed"),
        "page": pgettext("kind", "page"),
        "seed": pgettext("kind", "seed"),
        "sitemap": pgettext("kind", "sitemap"),
    }
    return kinds.get(kind, kind)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@contextmanager
def progress_of(wishes: Wishes) -> "Iterator[Progress]":
    """What hears how far long work is: the log, the terminal, with -v whoever reads instead, or nobody."""
    if wishes.verbose > 1:
        yield _log_step
    elif wishes.quiet or wishes.json or not (wishes.verbose or sys.stderr.isatty()):
        yield lambda *_: None
    else:
        from aggregator import report

        with report.show_progress() as progress:
            yield progress


def _log_step(done: int, total: int, what: str, name: str) -> None:
    logging.getLogger("aggregator").info("%d of %d: %s", done, total, f"{what} {name}".rstrip())


def _as_json(error: object, code: int) -> str:
    """An error for a program that reads standard output."""
    import json

    return json.dumps({"error": str(error), "code": code}, ensure_ascii=False)


def fail(error: object, code: int) -> NoReturn:
    """End with one line or more on standard error. What only came of SIGTERM is no error: that has its own code."""
    from aggregator.errors import SourceError

    within = error
    while isinstance(within, BaseException):
        if isinstance(within, SystemExit):
            sys.exit(within.code)
        within = within.__context__
    if "--json" in sys.argv:
        click.echo(_as_json(error, code))
    said = str(error)
    if isinstance(error, SourceError):  # as the store would keep it
        from aggregator import phrases

        said = phrases.of_terminal()(said)
    for line in said.splitlines():
        click.echo(f"aggregator: {line}", err=True)
    sys.exit(code)


def offer_sources(context: click.Context, argument: click.Parameter, begun: str) -> list[str]:
    """What a shell offers for SOURCE. Where there is no config that can be read, nothing."""
    from aggregator import completing
    from aggregator import config as configs
    from aggregator.errors import AggregatorError

    given = [each.params.get("config") for each in (context, context.parent) if each]
    file = next(filter(None, given), Wishes.config)
    try:
        before = context.params.get(argument.name or "") or ()
        return list(completing.offered(configs.load(file), before, begun, os.environ))
    except (AggregatorError, OSError):
        return []
