"""The command line. Thin: every command reads the config and the clock, makes one call into the floors below, and shows
what came of it. Heavy modules are imported by the command that needs them, so that help is instant.

Exit codes: 0 done, 1 nothing could be done, 2 wrong usage or config, 75 another run holds the lock (EX_TEMPFAIL), 130
and 143 ended by Ctrl-C and SIGTERM.
"""

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import TextIOWrapper
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


def _wishes(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> Wishes:
    """This command's options on top of those that stood before it. Sets the log accordingly."""
    context = click.get_current_context()
    before = context.obj if isinstance(context.obj, Wishes) else Wishes()
    wishes = Wishes(config or before.config, as_json or before.json, verbose + before.verbose, quiet or before.quiet)
    context.obj = wishes
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Masking("%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
    logging.basicConfig(handlers=[handler])
    logging.getLogger().setLevel(logging.INFO if wishes.verbose > 1 else logging.CRITICAL)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return wishes


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True)
@common
@click.version_option(__version__, prog_name="aggregator")
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
    _wishes(config, as_json, verbose, quiet)


@cli.command()
@common
@click.option("--force", is_flag=True, help="Visit every source now, due or not (still politely: conditional GET).")
@click.option("--strict", is_flag=True, help="Exit with 1 when any source failed.")
@click.option("--dry-run", "dry", is_flag=True, help="Keep and write nothing: show what would change in which feed.")
def once(config: Path | None, as_json: bool, verbose: int, quiet: bool, force: bool, strict: bool, dry: bool) -> None:
    """Visit every source that is due and write the feeds that changed.

    Silent when there is no terminal and all is well, so that cron sends mail only when there is something to say.

    \b
      aggregator once                  what cron runs
      aggregator once --force -v       ask every source again, and show the whole summary
      aggregator once --dry-run        what would come in, as a diff of each feed
    """
    wishes = _wishes(config, as_json, verbose, quiet)
    loaded = _load(wishes)
    from aggregator import pipeline, rehearsal, report

    now, logged = datetime.now(UTC), wishes.verbose > 1
    terminal = sys.stdout.isatty()
    differences: tuple[rehearsal.Difference, ...] = ()
    with report.progress(shown=sys.stderr.isatty() and not (wishes.quiet or wishes.json or logged)) as bar:
        progress = _log_step if logged else bar
        if dry:
            result, differences = rehearsal.rehearse(loaded, now, force=force, progress=progress)
        else:
            result = pipeline.run(loaded, now, force=force, progress=progress)
    if wishes.json:
        would = {"would_change": report.rehearsal_as_json(differences, loaded.output)} if dry else {}
        report.show_json(report.run_as_json(result, loaded.output) | would)
    elif dry:
        report.show_trouble(result, quiet=wishes.quiet, again=wishes.verbose > 0)
        report.show_rehearsal(differences)
    elif wishes.verbose or (terminal and not wishes.quiet):
        report.show_run(result, Path(loaded.site.output), now, every=wishes.verbose > 0)
    else:
        report.show_trouble(result, quiet=wishes.quiet)
    if result.nothing_done or (strict and result.failed):
        sys.exit(1)


@cli.command()
@common
def check(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Say all that is wrong with the config.

    Each problem is one line with file, line and key. The folders that the config names are looked at, too. Nothing is
    asked of the network, and nothing is written.
    """
    wishes = _wishes(config, as_json, verbose, quiet)
    problems: tuple[str, ...] = ()
    try:
        loaded = _load(wishes, look=True)
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


@cli.command()
@common
@click.argument("source", nargs=-1, required=True)
def preview(config: Path | None, as_json: bool, verbose: int, quiet: bool, source: tuple[str, ...]) -> None:
    """Show what one SOURCE yields now, after the rules.

    It is visited for that, and nothing is kept.

    \b
      aggregator preview https://example.org/feed.xml   any feed, in the config or not
      aggregator preview Example News                   a source by its title, or a part of its address
    """
    wishes = _wishes(config, as_json, verbose, quiet)
    loaded = _load(wishes)
    from aggregator import previewing, report

    result = previewing.preview(loaded, " ".join(source), datetime.now(UTC))
    if wishes.json:
        report.show_json(previewing.as_json(result))
    else:
        report.show_preview(result)
    if result.visit.error:
        sys.exit(1)


@cli.command()
@common
@click.argument("entry", nargs=-1, required=True)
def explain(config: Path | None, as_json: bool, verbose: int, quiet: bool, entry: tuple[str, ...]) -> None:
    """Tell all that is known of an ENTRY, and why.

    ENTRY is its URL, its id, the path of its post, or words of its title. Told is where it came from, what it
    is recognised by, why it is dated so, which rules touched it, in which feeds it is and why not in others, and every
    copy that was merged into it.
    """
    wishes = _wishes(config, as_json, verbose, quiet)
    loaded = _load(wishes)
    from aggregator import explaining, report

    found = explaining.explain(loaded, " ".join(entry))
    if wishes.json:
        report.show_json([each.values for each in found])
    else:
        report.show_explanations(found)


@cli.command()
@common
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--left", is_flag=True, help="Also forget the sources that have left the config, with all they gave.")
def prune(config: Path | None, as_json: bool, verbose: int, quiet: bool, dry_run: bool, left: bool) -> None:
    """Remove what is older or more than `keep` and `keep_for` allow.

    Every run does that by itself; the next one publishes the feeds without what goes now. It does not come back.

    \b
      aggregator prune --dry-run       what would go?
      aggregator prune --left          and the sources that are no longer in the config
    """
    wishes = _wishes(config, as_json, verbose, quiet)
    loaded = _load(wishes)
    from aggregator import listing, pruning, report

    table = listing.pruned(pruning.prune(loaded, _now(), left=left, dry_run=dry_run))
    if wishes.json:
        report.show_json(table.values)
    elif table.rows and not wishes.quiet:
        report.show_list(table.names, table.rows)
    elif not wishes.quiet:
        click.echo("nothing is beyond its limits", err=True)


@cli.command()
@common
@click.option("--listen", metavar="HOST:PORT", help="Where to listen, instead of the config's `listen` in [web].")
def serve(config: Path | None, as_json: bool, verbose: int, quiet: bool, listen: str | None) -> None:
    """Serve what is published over HTTP, until it is ended.

    Runs go on beside it: a reader gets the old document or the new one, whole. The dashboard is served as well,
    for the owner alone: `dashboard` and `token` in [web] say where, and whom it lets in.

    \b
      aggregator serve                          at http://127.0.0.1:8080/, for a proxy on the same machine
      aggregator serve --listen 0.0.0.0:80 -v   to everyone, with a line for each request
    """
    wishes = _wishes(config, as_json, verbose, quiet)
    loaded = _load(wishes)
    from aggregator import report
    from aggregator.web import server

    ears = server.listen(loaded, listen or "")
    owners = f"{server.url(ears.dashboard)}_/" if ears.dashboard else None
    if wishes.json:
        report.show_json({"url": server.url(ears.public), "dashboard": owners, "output": str(loaded.output)})
    elif not wishes.quiet:
        click.echo(f"serving {loaded.output} at {server.url(ears.public)}", err=True)
        click.echo(f"dashboard at {owners}" if owners else "no dashboard", err=True)
    logging.getLogger("uvicorn.access").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.INFO if wishes.verbose > 1 else logging.ERROR)
    server.serve(loaded, ears, _now, log=wishes.verbose > 0)


@cli.group("list", no_args_is_help=True)
@common
def list_(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Show the sources, categories or items that the store holds.

    A narrow terminal cuts what is long; a pipe gets all of it, and --json more.
    """
    _wishes(config, as_json, verbose, quiet)


@list_.command()
@common
def sources(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Every source: last good visit, next visit, trouble."""
    _list("sources", _wishes(config, as_json, verbose, quiet), now=_now())


@list_.command()
@common
def categories(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Every category: its number of entries, its feed's address.

    The address is that of the first format; --json has all of them.
    """
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


def _load(wishes: Wishes, look: bool = False) -> "Config":
    from aggregator import config

    return config.load(wishes.config, look=look)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _log_step(done: int, total: int, what: str) -> None:
    if what:
        logging.getLogger("aggregator").info("%d of %d: %s", done, total, what)


def _list(what: str, wishes: Wishes, **options: Any) -> None:
    loaded = _load(wishes)
    from aggregator import listing, report

    table = getattr(listing, what)(loaded, **options)
    if wishes.json:
        report.show_json(table.values)
    elif table.rows:
        report.show_list(table.names, table.rows)
    elif not wishes.quiet:
        click.echo("nothing yet; `aggregator once` fills the store", err=True)


def main() -> None:
    """The program. What the world or its user did wrong is one line or more on standard error, never a trace."""
    _open_streams()
    _end_at_sigterm()
    try:
        cli.main(standalone_mode=False)
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
    except OSError as error:  # a full disk, a folder that may not be read: the world's doing, wherever it was met
        logging.getLogger("aggregator").info("this is where", exc_info=True)
        with contextlib.suppress(OSError):  # what could not be written is dropped: Python would try it again at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _fail(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or error, 1)


def _fail(error: object, code: int) -> None:
    for line in str(error).splitlines():
        click.echo(f"aggregator: {line}", err=True)
    sys.exit(code)


def _end_at_sigterm() -> None:
    """Have SIGTERM end the program with 143: nobody is asked any more, and what was saved stays.

    It has a few seconds for that, as threads that wait for a silent name server would hold it up.
    """

    def stop(*_: object) -> None:
        signal.signal(signal.SIGALRM, lambda *_: os._exit(143))
        signal.alarm(5)
        sys.exit(143)

    signal.signal(signal.SIGTERM, stop)


def _open_streams() -> None:
    """Have output and errors take what is written, whatever the locale, and even when the caller has closed them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end
        if isinstance(stream := getattr(sys, name), TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
