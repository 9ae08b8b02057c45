"""The commands that write the config: a new one, and changes of what it reads. They show what they change."""

import os
import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli.common import Wishes, common, load, now, offer_sources, wishes_of

if TYPE_CHECKING:
    from aggregator.amending import Edit

_dry_run = click.option("--dry-run", "dry", is_flag=True, help="Only show the change.")


@click.command()
@common
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--yes", is_flag=True, help="Ask nothing: take what is proposed.")
def init(config: Path | None, as_json: bool, verbose: int, quiet: bool, folder: Path, yes: bool) -> None:
    """Begin a planet of your own, in FOLDER or here.

    Written are config/aggregator.toml, which explains itself, a first post in seeds/, and a .gitignore. What is there
    already stays as it is.

    \b
      aggregator init planet           asks for a title, an address and a language
      aggregator init --yes            asks nothing; the config is yours to change
    """
    wishes = wishes_of(config, as_json, verbose, quiet)
    from aggregator import starting

    proposed = starting.proposed(os.environ, Path("/etc/localtime"))
    if starting.has_config(folder) or yes:
        answers = proposed
    elif sys.stdin.isatty():
        asked = {key: _asked(key, question, proposed[key]) for key, question in starting.questions().items()}
        answers = {**proposed, **asked}
    else:
        raise click.UsageError(_("there is no terminal to ask you at; give --yes, and change the config then"))
    made = starting.start(folder, answers, now())
    if wishes.json:
        from aggregator import report

        report.show_json({"folder": str(folder), "written": list(made.written), "left": list(made.left)})
    elif not wishes.quiet:
        for name in made.left:
            click.echo(_("left as it is  {}").format(folder / name))
        for name in made.written:
            click.echo(_("written        {}").format(folder / name))
        _say_next(folder)


def _asked(key: str, question: str, default: str) -> str:
    from aggregator import starting

    def checked(answer: str) -> str:
        if why := starting.problem(key, answer):
            raise click.UsageError(why)
        return answer

    return str(click.prompt(question, default=default, value_proc=checked, err=True))


def _say_next(folder: Path) -> None:
    lines = [] if folder.resolve() == Path.cwd() else [f"cd {shlex.quote(str(folder))}"]
    lines += ["aggregator add https://example.org/   # " + _("a site whose feed you want"), "aggregator check"]
    click.echo("\n" + _("next:"))
    for line in (*lines, "aggregator once                       # " + _("writes feeds/")):
        click.echo(f"  {line}")


@click.command()
@common
@click.argument("url")
@click.option(
    "--category", "categories", metavar="A/B", multiple=True, help="Where its entries belong; may be repeated."
)
@click.option("--title", default="", help="A name of your own, instead of what the feed says.")
@_dry_run
def add(
    config: Path | None,
    as_json: bool,
    verbose: int,
    quiet: bool,
    url: str,
    categories: tuple[str, ...],
    title: str,
    dry: bool,
) -> None:
    """Find the feed at URL and add it to the config.

    URL is a feed's or a web page's address; https:// may be left out. What was found is shown, and how the config
    changes. Comments and layout stay as they are.

    \b
      aggregator add example.org --category tech/python
      aggregator add https://example.org/feed.xml --dry-run
    """
    wishes = wishes_of(config, as_json, verbose, quiet)
    loaded = load(wishes)
    from aggregator import adding, report

    found = adding.add(loaded, url, categories, title, datetime.now(UTC))
    if not (wishes.json or wishes.quiet):
        report.show_addition(found, loaded.site.timezone)
    _make(wishes, found.edit, adding.as_json(found), _("`aggregator once` visits it"), dry=dry)


@click.command()
@common
@click.argument("source", nargs=-1, required=True, metavar="SOURCE", shell_complete=offer_sources)
@_dry_run
def remove(config: Path | None, as_json: bool, verbose: int, quiet: bool, source: tuple[str, ...], dry: bool) -> None:
    """Remove a SOURCE from the config.

    It is named as for `status`. Its entries leave the feeds at the next run; `prune --left` forgets them.

    \b
      aggregator remove https://example.org/feed.xml
      aggregator remove Example News --dry-run
    """
    wishes = wishes_of(config, as_json, verbose, quiet)
    loaded = load(wishes)
    from aggregator import adding, text

    meant, edit = adding.remove(loaded, " ".join(source))
    advice = _("its entries leave the feeds at the next run, and stay in the store: `aggregator prune --left`")
    _make(wishes, edit, {"source": text.masked(meant.key)}, advice, dry=dry)


@click.command()
@common
@click.argument("source", nargs=-1, required=True, metavar="SOURCE", shell_complete=offer_sources)
@_dry_run
def disable(config: Path | None, as_json: bool, verbose: int, quiet: bool, source: tuple[str, ...], dry: bool) -> None:
    """Have a SOURCE not visited any more.

    Its entries stay published. It is named as for `status`; `enable` has it visited again.
    """
    _switch(wishes_of(config, as_json, verbose, quiet), source, on=False, dry=dry)


@click.command()
@common
@click.argument("source", nargs=-1, required=True, metavar="SOURCE", shell_complete=offer_sources)
@_dry_run
def enable(config: Path | None, as_json: bool, verbose: int, quiet: bool, source: tuple[str, ...], dry: bool) -> None:
    """Have a SOURCE that was disabled visited again.

    It is named as for `status`.
    """
    _switch(wishes_of(config, as_json, verbose, quiet), source, on=True, dry=dry)


def _switch(wishes: Wishes, source: tuple[str, ...], *, on: bool, dry: bool) -> None:
    loaded = load(wishes)
    from aggregator import adding, text

    meant, edit = adding.switch(loaded, " ".join(source), on=on)
    advice = _("it is visited again") if on else _("it is not visited any more; its entries stay")
    so = _("{} is not disabled") if on else _("{} is disabled already")
    key = text.masked(meant.key)
    _make(wishes, edit, {"source": key}, advice, dry=dry, unchanged=so.format(text.one_line(meant.title) or key))


def _make(
    wishes: Wishes, edit: "Edit", values: Mapping[str, Any], advice: str, *, dry: bool, unchanged: str = ""
) -> None:
    """Show a change of the config, and make it unless that is `dry`; what is `unchanged` where there is none."""
    from aggregator import amending, report, text

    lines = edit.diff()
    if not (wishes.json or wishes.quiet):
        report.show_diff(lines)
    is_made = bool(lines) and not dry
    if is_made:
        amending.make(edit)
    if wishes.json:
        diff = [text.masked(line) for line in lines]
        report.show_json({**values, "config": str(edit.file), "written": is_made, "diff": diff})
    elif not wishes.quiet:
        told = _("{}: written; {}").format(edit.file, advice) if is_made else _("nothing is written")
        click.echo(told if lines else unchanged, err=True)
