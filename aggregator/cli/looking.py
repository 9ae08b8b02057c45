"""The commands that look: sources, entries and categories, how they stand and why. They change nothing."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from gettext import gettext as _
from pathlib import Path
from typing import Any, TypeVar

import click

from aggregator.cli.common import Wishes, common, fail, load, now, offer_sources, wishes_of
from aggregator.errors import AggregatorError

_Command = TypeVar("_Command", bound=Callable[..., Any])

_SELECTORS = {
    "item": "Of a page: what is an entry.",
    "title": "Within an entry: its title.",
    "link": "Its link; CSS@NAME is an attribute.",
    "date": "Its date.",
    "image": "Its picture.",
    "content": "Its text.",
    "author": "Its author.",
}


def _selectors(command: _Command) -> _Command:
    """An option for each selector of a page."""
    for name in reversed(_SELECTORS):
        command = click.option(f"--{name}", metavar="CSS", help=_SELECTORS[name])(command)
    return command


@click.command()
@common
@_selectors
@click.argument("source", nargs=-1, required=True, metavar="SOURCE", shell_complete=offer_sources)
def preview(
    config: Path | None, as_json: bool, verbose: int, quiet: bool, source: tuple[str, ...], **selectors: str | None
) -> None:
    """Show what one SOURCE yields now, after the rules.

    It is visited for that, and nothing is kept. Of a page it is shown what its selectors catch; with --item and the
    like, SOURCE is the address of any page, and these are the `select` that it would have in the config.

    \b
      aggregator preview https://example.org/feed.xml   any feed, in the config or not
      aggregator preview Example News                   a source by its title, or a part of its address
      aggregator preview https://example.org/news --item article --title h2 --date time
    """
    wishes = wishes_of(config, as_json, verbose, quiet)
    loaded = load(wishes)
    from aggregator import previewing, report

    select = {name: selector for name, selector in selectors.items() if selector}
    result = previewing.preview(loaded, " ".join(source), datetime.now(UTC), select)
    if wishes.json:
        report.show_json(previewing.as_json(result))
    else:
        report.show_preview(result, loaded.site.timezone)
    if result.visit.error:
        sys.exit(1)


@click.command()
@common
@click.argument("entry", nargs=-1, required=True)
def explain(config: Path | None, as_json: bool, verbose: int, quiet: bool, entry: tuple[str, ...]) -> None:
    """Tell all that is known of an ENTRY, and why.

    ENTRY is its URL, its id, the path of its post, or words of its title. Told is where it came from, what it
    is recognised by, why it is dated so, which rules touched it, in which feeds it is and why not in others, and every
    copy that was merged into it.
    """
    wishes = wishes_of(config, as_json, verbose, quiet)
    loaded = load(wishes)
    from aggregator import explaining, report

    found, more = explaining.explain(loaded, " ".join(entry))
    if wishes.json:
        report.show_json([each.values for each in found])
    else:
        report.show_explanations(found)
    if more and not wishes.quiet:
        click.echo(_("{number} more of that name; write more of it").format(number=more), err=True)


@click.group("list", no_args_is_help=True)
@common
def list_(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Show the sources, categories or items that the store holds.

    A narrow terminal cuts what is long; a pipe gets all of it, and --json more.
    """
    wishes_of(config, as_json, verbose, quiet)


@list_.command()
@common
def sources(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Every source: last good visit, next visit, trouble."""
    _list("sources", wishes_of(config, as_json, verbose, quiet), now=now())


@list_.command()
@common
def categories(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Every category: its number of entries, its feed's address.

    The address is that of the first format; --json has all of them.
    """
    _list("categories", wishes_of(config, as_json, verbose, quiet))


@list_.command()
@common
@click.option("--category", metavar="A/B", help="Only items of this category and those below it.")
@click.option("--source", metavar="SOURCE", help="Only items of this source, which is named as for `status`.")
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
    wishes = wishes_of(config, as_json, verbose, quiet)
    _list("items", wishes, category=category, source=source, limit=limit)


@click.command()
@common
@click.argument("source", nargs=-1, metavar="[SOURCE]", shell_complete=offer_sources)
def status(config: Path | None, as_json: bool, verbose: int, quiet: bool, source: tuple[str, ...]) -> None:
    """How every source stands, the worst first; or all about one.

    Exits as monitoring wants it: 0 all is well, 1 a source wants attention (failing, blocked, gone or moved), 2 nothing
    has succeeded for too long, or the config or the store cannot be read. -q prints the last line alone.

    \b
      aggregator status                every source, and when it is next due
      aggregator status Example News   its visits, incidents, warnings, and what to do
    """
    wishes = wishes_of(config, as_json, verbose, quiet)
    loaded = load(wishes)
    from aggregator import report
    from aggregator import status as looked

    moment = now()
    try:
        found = looked.look(loaded, moment)
        one = looked.one(loaded, found, " ".join(source), moment) if source else None
    except AggregatorError as error:
        fail(error, 2)
    told, log, code = one or (None, None, found.code)
    if wishes.json:
        report.show_json(told.values if told else looked.as_json(found))
    elif told and log:
        report.show_explanations([told])
        if log.rows:
            click.echo()
            report.show_list(log.names, log.rows)
    else:
        report.show_status(found, moment, quiet=wishes.quiet)
    sys.exit(code)


def _list(what: str, wishes: Wishes, **options: Any) -> None:
    loaded = load(wishes)
    from aggregator import listing, report

    table = getattr(listing, what)(loaded, **options)
    if wishes.json:
        report.show_json(table.values)
    elif table.rows:
        report.show_list(table.names, table.rows)
    elif not wishes.quiet:
        click.echo(_("nothing yet; `aggregator once` fills the store"), err=True)
