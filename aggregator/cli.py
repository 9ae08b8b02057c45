"""The command line. Thin: every command reads the config and the clock, makes one call into the floors below, and shows
what came of it. Heavy modules are imported by the command that needs them, so that help is instant.

Exit codes: 0 done, 1 nothing could be done, 2 wrong usage or config, 75 another run holds the lock (EX_TEMPFAIL).
"""

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aggregator import __version__
from aggregator.errors import AggregatorError, ConfigError, LockedError

if TYPE_CHECKING:
    from aggregator.config import Config

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Wishes:
    """What the options that every command has came to."""

    config: Path = Path("config/aggregator.toml")
    json: bool = False
    verbose: int = 0
    quiet: bool = False


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


def _wishes(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> Wishes:
    """This command's options on top of those that stood before it."""
    context = click.get_current_context()
    before = context.obj if isinstance(context.obj, Wishes) else Wishes()
    wishes = Wishes(config or before.config, as_json or before.json, verbose + before.verbose, quiet or before.quiet)
    context.obj = wishes
    return wishes


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True)
@common
@click.version_option(__version__)
def cli(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Merge local posts and remote feeds into one clean RSS and Atom feed per category.

    \b
    Start with the example in config/aggregator.toml:
      aggregator check                 is the config right? says all that is wrong at once
      aggregator once                  visit what is due, write feeds/; this is what cron runs
      aggregator list categories       which feeds there are, and their addresses

    \b
    Exit codes: 0 done (a failing source is reported, and no failure)
                1 nothing could be done        2 wrong usage or config
                75 another run is at work
    """
    wishes = _wishes(config, as_json, verbose, quiet)
    level = logging.DEBUG if wishes.verbose > 1 else logging.CRITICAL
    logging.basicConfig(level=level, format="%(name)s: %(message)s", stream=sys.stderr)


@cli.command()
@common
@click.option("--force", is_flag=True, help="Visit every source now, due or not (still politely: conditional GET).")
@click.option("--strict", is_flag=True, help="Exit with 1 when any source failed.")
def once(config: Path | None, as_json: bool, verbose: int, quiet: bool, force: bool, strict: bool) -> None:
    """Visit every source that is due and write the feeds that changed.

    Silent when there is no terminal and nothing went wrong, so that cron sends mail only when there is something to say.

    \b
      aggregator once                  what cron runs
      aggregator once --force -v       ask every source again, and show the whole summary
    """
    wishes = _wishes(config, as_json, verbose, quiet)
    loaded = _load(wishes)
    from aggregator import pipeline, report

    now = datetime.now(UTC).replace(microsecond=0)
    terminal = sys.stdout.isatty()
    with report.progress(shown=sys.stderr.isatty() and not wishes.quiet and not wishes.json) as progress:
        result = pipeline.run(loaded, now, force=force, progress=progress)
    if wishes.json:
        report.show_json(report.run_as_json(result, loaded.output))
    elif wishes.verbose or (terminal and not wishes.quiet):
        report.show_run(result, Path(loaded.site.output), now)
    else:
        report.show_trouble(result, quiet=wishes.quiet)
    if result.nothing_done or (strict and result.failed):
        sys.exit(1)


@cli.command()
@common
def check(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Read the config and say all that is wrong with it, each in one line with file, line and key. Asks no network."""
    wishes = _wishes(config, as_json, verbose, quiet)
    problems: tuple[str, ...] = ()
    try:
        loaded = _load(wishes)
    except ConfigError as error:
        problems = error.problems
    if wishes.json:
        from aggregator import report

        report.show_json({"config": str(wishes.config), "problems": list(problems)})
    elif problems:
        raise ConfigError(*problems)
    elif not wishes.quiet:
        kinds = [source.kind for source in loaded.sources]
        counted = ", ".join(f"{kinds.count(kind)} of kind {kind}" for kind in sorted(set(kinds))) or "none yet"
        click.echo(f"{wishes.config}: all is well; sources: {counted}")
    if problems:
        sys.exit(2)


@cli.group("list", no_args_is_help=True)
def list_() -> None:
    """Show what the store holds: sources, categories with their feeds' addresses, or items."""


@list_.command()
@common
def sources(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Every source: its last visit, its next one and why then, and its trouble."""
    _list("sources", _wishes(config, as_json, verbose, quiet))


@list_.command()
@common
def categories(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Every category: its path, its folder, how many entries it has, and the addresses of its feeds."""
    _list("categories", _wishes(config, as_json, verbose, quiet))


@list_.command()
@common
@click.option("--category", metavar="A/B", help="Only items of this category and those below it.")
@click.option("--source", metavar="KEY", help="Only items of this source (its key: a feed's URL, or seed:PATH).")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many, newest first.")
def items(
    config: Path | None,
    as_json: bool,
    verbose: int,
    quiet: bool,
    category: str | None,
    source: str | None,
    limit: int | None,
) -> None:
    """Every item that is published, newest first."""
    wishes = _wishes(config, as_json, verbose, quiet)
    _list("items", wishes, category=category, source=source, limit=limit)


def _load(wishes: Wishes) -> "Config":
    from aggregator import config

    return config.load(wishes.config)


def _list(what: str, wishes: Wishes, **options: Any) -> None:
    loaded = _load(wishes)
    from aggregator import listing, report

    table = getattr(listing, what)(loaded, **options)
    if wishes.json:
        report.show_json(table.values)
    else:
        report.show_list(table.names, table.rows)


def main() -> None:
    """The program. An error that is not a bug is one line or more on standard error, never a trace."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except LockedError as error:
        _fail(error, 75)
    except ConfigError as error:
        _fail(error, 2)
    except AggregatorError as error:
        _fail(error, 1)


def _fail(error: AggregatorError, code: int) -> None:
    for line in str(error).splitlines():
        click.echo(f"aggregator: {line}", err=True)
    sys.exit(code)
