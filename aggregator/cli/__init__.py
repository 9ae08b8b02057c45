"""The command line. Thin: every command reads the config and the clock, makes one call into the floors below, and shows
what came of it. Heavy modules are imported by the command that needs them, so that help is instant.

Exit codes: 0 done, 1 nothing could be done, 2 wrong usage or config, 75 another run holds the lock (EX_TEMPFAIL), 130
and 143 ended by Ctrl-C and SIGTERM.
"""

import contextlib
import logging
import os
import sys
from datetime import UTC, datetime
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator import __version__, languages
from aggregator.cli import changing, helping, lists, looking
from aggregator.cli.common import common, fail, load, named_kind, now, progress_of, show, translate, wishes_of
from aggregator.errors import AggregatorError, ConfigError, LockedError, reason
from aggregator.process import collect_seldom, heed_signals, load_no_plugins, open_streams

if TYPE_CHECKING:
    from aggregator.rehearsal import Difference


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True)
@common
@click.version_option(__version__, prog_name="aggregator")
def cli(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Merge local posts and remote feeds into one clean RSS and Atom feed per category.

    \b
    Start here:
      aggregator init                  a planet of your own in this folder
      aggregator add example.org       read the feed of that site, too
      aggregator check                 is the config right? says all that is wrong at once
      aggregator once                  visit what is due, write feeds/; this is what cron runs
      aggregator status                how every source stands, the worst first
      aggregator doctor                something is wrong? looks at everything, and says what to do
      aggregator list categories       which feeds there are, and their addresses

    \b
    Exit codes: 0 done (a failing source is reported, and no failure)
                1 nothing could be done        2 wrong usage or config
                75 another run is at work
    """
    wishes_of(config, as_json, verbose, quiet)


@cli.command()
@common
@click.option("--force", is_flag=True, help="Visit every source now, due or not (still politely: conditional GET).")
@click.option("--strict", is_flag=True, help="Exit with 1 when any source failed.")
@click.option("--dry-run", "dry", is_flag=True, help="Keep and write nothing: show what would change in which feed.")
def once(config: Path | None, as_json: bool, verbose: int, quiet: bool, force: bool, strict: bool, dry: bool) -> None:
    """Visit what is due and write the feeds that changed.

    Silent when there is no terminal and all is well, so that cron sends mail only when there is something to say.

    \b
      aggregator once                  what cron runs
      aggregator once --force -v       ask every source again, and show the whole summary
      aggregator once --dry-run        what would come in, as a diff of each feed
    """
    wishes = wishes_of(config, as_json, verbose, quiet)
    loaded = load(wishes)
    from aggregator import pipeline

    now, terminal = datetime.now(UTC), sys.stdout.isatty()
    if loaded.lists and not dry:
        from aggregator import following

        loaded = load(wishes) if following.follow(loaded, now) else loaded
    differences: tuple[Difference, ...] = ()
    with progress_of(wishes) as progress:
        if dry:
            from aggregator import rehearsal

            result, differences = rehearsal.rehearse(loaded, now, force=force, progress=progress)
        else:
            result = pipeline.run(loaded, now, force=force, progress=progress)
    if result.is_well and not (wishes.json or dry or wishes.verbose or terminal):
        return  # what cron runs: nothing to say, so nothing is loaded to say it with
    from aggregator import report

    if wishes.json:
        would = {"would_change": rehearsal.as_json(differences)} if dry else {}
        report.show_json(report.run_as_json(result) | would)
    elif dry:
        report.show_trouble(result, quiet=wishes.quiet, again=wishes.verbose > 0)
        report.show_rehearsal(differences)
    elif wishes.verbose or (terminal and not wishes.quiet):
        report.show_run(result, loaded.bucket or str(Path(loaded.site.output)), now, every=wishes.verbose > 0)
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
    wishes = wishes_of(config, as_json, verbose, quiet)
    problems: tuple[str, ...] = ()
    try:
        loaded = load(wishes, look=True)
    except ConfigError as error:
        problems = error.problems
    if wishes.json:
        from aggregator import report

        report.show_json({"config": str(wishes.config), "problems": list(problems)})
    elif problems:
        raise ConfigError(*problems)
    elif not wishes.quiet:
        kinds = [source.kind for source in loaded.sources]
        each = [
            _("{number} of kind {kind}").format(number=kinds.count(kind), kind=named_kind(kind))
            for kind in sorted(set(kinds))
        ]
        counted = _(", ").join(each) or _("none yet")
        disabled = sum(not source.enabled for source in loaded.sources)
        counted += _("; ") + _("{} of them disabled").format(disabled) if disabled else ""
        click.echo(_("{}: all is well; sources: {}").format(wishes.config, counted))
        from aggregator import phrases

        for note in loaded.notes:
            click.echo(_("note: {}").format(phrases.of_terminal()(note)), err=True)
    if problems:
        sys.exit(2)


@cli.command()
@common
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--left", is_flag=True, help="Also forget the sources that have left the config, with all they gave.")
def prune(config: Path | None, as_json: bool, verbose: int, quiet: bool, dry_run: bool, left: bool) -> None:
    """Remove what is beyond `keep` and `keep_for`.

    Every run does that by itself; the next one publishes the feeds without what goes now. It does not come back.

    \b
      aggregator prune --dry-run       what would go?
      aggregator prune --left          and the sources that are no longer in the config
    """
    wishes = wishes_of(config, as_json, verbose, quiet)
    loaded = load(wishes)
    from aggregator import listing, pruning, report

    with progress_of(wishes) as progress:
        found = pruning.prune(loaded, now(), left=left, dry_run=dry_run, progress=progress)
    table = listing.pruned(found)
    if wishes.json:
        report.show_json(table.values)
    elif table.rows and not wishes.quiet:
        report.show_list(table.names, table.rows)
    elif not wishes.quiet:
        click.echo(_("nothing is beyond its limits"), err=True)


@cli.command("migrate-store")
@common
@click.argument("old", metavar="FROM")
@click.argument("new", metavar="TO")
def migrate_store(config: Path | None, as_json: bool, verbose: int, quiet: bool, old: str, new: str) -> None:
    """Move a store to another database, or another file.

    FROM and TO are paths, or what `store` in the config may be. All goes into TO, which is empty; FROM stays as it is.
    Both are locked meanwhile. When it is broken off, give the same command again: it goes on where it was. The config
    is yours to change at the end; the last line says where.

    \b
      aggregator migrate-store var/aggregator.db postgresql+psycopg://USER:PASSWORD@HOST/DATABASE
      aggregator migrate-store postgresql+psycopg://USER@HOST/DATABASE var/back.db
    """
    wishes = wishes_of(config, as_json, verbose, quiet)
    loaded = load(wishes)
    from aggregator import config as configs
    from aggregator import report, transferring

    urls = [configs.other_store(loaded, each) for each in (old, new)]
    with progress_of(wishes) as progress:
        moved = transferring.move(loaded, urls[0], urls[1], now(), progress)
    advice = transferring.advice(loaded, urls[1])
    if wishes.json:
        values = {"from": moved.old, "to": moved.new, "rows": moved.rows, "resumed": moved.resumed}
        report.show_json({**values, "tables": moved.tables, "config": advice or None})
    elif not wishes.quiet:
        click.echo(_("{} rows moved from {} to {}; both are equal").format(moved.rows, moved.old, moved.new))
        click.echo(advice or _("{} has that store already").format(loaded.file))


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
    wishes = wishes_of(config, as_json, verbose, quiet)
    loaded = load(wishes)
    from aggregator import report
    from aggregator.web import server

    ears = server.listen(loaded, listen or "")
    owners = f"{server.url(ears.dashboard)}_/" if ears.dashboard else None
    if wishes.json:
        report.show_json({"url": server.url(ears.public), "dashboard": owners, "output": str(loaded.output)})
    elif not wishes.quiet:
        click.echo(_("serving {} at {}").format(loaded.output, server.url(ears.public)), err=True)
        click.echo(_("dashboard at {}").format(owners) if owners else _("no dashboard"), err=True)
    logging.getLogger("uvicorn.access").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.INFO if wishes.verbose > 1 else logging.ERROR)
    server.serve(loaded, ears, now, log=wishes.verbose > 0)


@cli.command()
@common
def daemon(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Keep all feeds current until it is ended.

    Sources are visited as they become due. SIGTERM ends it within seconds; SIGHUP, or a change of the config, has it go
    on with the new one. Where the config has a [web], it serves what it publishes, too.

    \b
      aggregator daemon                what systemd runs: see contrib/
      aggregator daemon -v             with a line for each request
    """
    wishes = wishes_of(config, as_json, verbose, quiet)
    loaded = load(wishes)
    from aggregator import cli_daemon

    cli_daemon.daemon(loaded, as_json=wishes.json, verbose=wishes.verbose, quiet=wishes.quiet)


@cli.command()
@common
def worker(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Share the work with other workers, until it is ended.

    There may be any number of them, on any number of machines.

    Needs a store on PostgreSQL, and the extra aggregator[cluster]. What is due is handed out among all workers with
    that store; no host is asked by two of them at a time. SIGTERM ends it within seconds, and others go on.

    \b
      aggregator worker                as many as there is work for: see docs/scaling.md
    """
    wishes = wishes_of(config, as_json, verbose, quiet)
    loaded = load(wishes)
    from aggregator import cli_worker

    cli_worker.worker(loaded, as_json=wishes.json, verbose=wishes.verbose, quiet=wishes.quiet)


for _command in (
    *(changing.add, changing.disable, changing.enable, changing.init, changing.remove),
    *(lists.export, lists.import_),
    *(looking.explain, looking.list_, looking.preview, looking.status),
    *(helping.completion, helping.doctor, helping.schema),
):
    cli.add_command(_command)


def main() -> None:
    """The program. What the world or its user did wrong is one line or more on standard error, never a trace."""
    collect_seldom()
    load_no_plugins()
    open_streams()
    told = heed_signals()
    if languages.of_commands(os.environ) and "--json" not in sys.argv:  # what programs read is English
        languages.speak()
        translate(cli)
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        show(error)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except LockedError as error:
        fail(error, 75)
    except ConfigError as error:
        fail(error, 2)
    except AggregatorError as error:
        fail(error, 1)
    except OSError as error:  # a full disk, a folder that may not be read: the world's doing, wherever it was met
        logging.getLogger("aggregator").info("this is where", exc_info=True)
        with contextlib.suppress(OSError):  # what could not be written is dropped: Python would try it again at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        fail(f"{error.filename}: {reason(error)}" if error.filename else reason(error), 1)
    except Exception:
        if told:  # a library was in the middle of something, and takes the signal for its own trouble
            sys.exit(told[0])
        raise
