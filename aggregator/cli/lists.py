"""The commands that take lists of subscriptions over from other programs, and hand ours to them."""

import sys
from gettext import gettext as _
from pathlib import Path

import click

from aggregator.cli.common import common, load, now, wishes_of

_KINDS = ("opml", "urls", "sfeedrc", "planet.ini", "osmosfeed", "list", "json")


@click.command("import")
@common
@click.argument("source", metavar="FILE|URL|-")
@click.option("--dry-run", is_flag=True, help="Show the change of the config, and write nothing.")
def import_(config: Path | None, as_json: bool, verbose: int, quiet: bool, source: str, dry_run: bool) -> None:
    """Add the feeds of a list to the config.

    The list's kind is recognised: OPML (FreshRSS, Miniflux, newsboat and nearly every reader write it), newsboat's
    urls, sfeed's sfeedrc, planet.ini of Planet, Venus and Pluto, osmosfeed.yaml, routes of RSSHub by category and
    source, JSON of `export`, or one address a line. What is in the config already stays as it is, and what cannot be
    taken over is said.

    \b
      aggregator import subscriptions.opml
      aggregator import --dry-run ~/.newsboat/urls
    """
    wishes = wishes_of(config, as_json, verbose, quiet)
    loaded = load(wishes)
    from aggregator import adopting, amending, report

    made = adopting.adopt(loaded, source, now())
    if not wishes.json and not wishes.quiet:
        report.show_adoption(made)
    if made.new and not dry_run:
        amending.make(made.edit)
    if wishes.json:
        report.show_json(adopting.as_json(made, written=bool(made.new) and not dry_run))
    elif not wishes.quiet:
        report.show_adopted(made, written=not dry_run)
    if not made.found.feeds:
        sys.exit(1)


@click.command()
@common
@click.option("--as", "kind", type=click.Choice(_KINDS), default="opml", show_default=True, help="The kind of list.")
def export(config: Path | None, as_json: bool, verbose: int, quiet: bool, kind: str) -> None:
    """Write the feeds that are read as a list, to standard output.

    What the kind of list cannot hold is said on standard error. What feeds say of themselves (titles, pages) is in it
    once they have been visited.

    \b
      aggregator export > subscriptions.opml
      aggregator export --as urls > ~/.newsboat/urls
    """
    wishes = wishes_of(config, as_json, verbose, quiet)
    loaded = load(wishes)
    from aggregator import exporting

    document, notes = exporting.export(loaded, "json" if wishes.json else kind)
    sys.stdout.buffer.write(document)
    sys.stdout.flush()
    for note in () if wishes.quiet else notes:
        click.echo(_("note {}").format(note), err=True)
