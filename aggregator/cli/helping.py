"""The commands that help with the others: what is wrong with a planet, what shells and editors know."""

import sys
from collections.abc import Mapping
from gettext import gettext as _
from gettext import pgettext
from pathlib import Path

import click

from aggregator.cli.common import common, now, progress_of, wishes_of

_MENDED = {
    "IFS=',' read type": "IFS=',' read -r type",  # bash: a backslash is one
    "COMPREPLY+=($value)": 'COMPREPLY+=("$value")',  # and a `*` no name of a file
    'string split ","': 'string split -m 1 ","',  # fish: a name may have a comma
}
"""What is wrong in the scripts of click for names such as ours."""
_COLOURS = {"problem": "red", "note": "yellow", "ok": "green"}


@click.command()
@common
def schema(config: Path | None, as_json: bool, verbose: int, quiet: bool) -> None:
    """Print a JSON Schema of the config, for editors.

    With the line `#:schema ./aggregator.schema.json` at its beginning, editors that know taplo complete the config's
    keys, explain them, and underline mistakes.

    \b
      aggregator schema > config/aggregator.schema.json
    """
    wishes_of(config, as_json, verbose, quiet)
    from aggregator import report
    from aggregator.config import schema as schemas

    report.show_json(schemas.schema())


@click.command()
@common
@click.option("--offline", is_flag=True, help="Ask nobody on the network.")
def doctor(config: Path | None, as_json: bool, verbose: int, quiet: bool, offline: bool) -> None:
    """Look at everything, and say what to do.

    Looked at are the config, the store, permissions, disk, clock, network, the sources, and the published feeds as
    readers see them. Nothing is changed. At most three hosts of the config are connected to, and one document is asked
    for, at `base_url`. Exits with 1 when there is a problem.

    \b
      aggregator doctor                what is wrong, the most useful advice first
      aggregator doctor --offline      without the network
    """
    wishes = wishes_of(config, as_json, verbose, quiet)
    from aggregator import checkup, report

    with progress_of(wishes) as progress:
        found = checkup.examine(wishes.config, now(), offline=offline, progress=progress)
    advice = checkup.todo(found)
    if wishes.json:
        report.show_json(checkup.as_json(found))
    else:
        shown = [each for each in found if each.level == "problem"] if wishes.quiet else found
        if shown:
            levels, parts = _levels(), _parts()
            colours = {levels[level]: colour for level, colour in _COLOURS.items()}
            rows = [(levels[each.level], parts[each.part], each.what) for each in shown]
            report.show_list(("", _("part"), _("what")), rows, colours)
        if advice and not wishes.quiet:
            click.echo()
            names = ("", _("what to do, the most useful first"))
            report.show_list(names, [(f"{number}.", each) for number, each in enumerate(advice, 1)])
        elif not wishes.quiet:
            click.echo("\n" + _("all is well"))
    sys.exit(checkup.code(found))


def _levels() -> Mapping[str, str]:
    return {"problem": _("problem"), "note": _("note"), "ok": pgettext("state", "ok")}


def _parts() -> Mapping[str, str]:
    """What the doctor looks at, as people read it."""
    return {
        "config": pgettext("part", "config"),
        "store": pgettext("part", "store"),
        "permissions": pgettext("part", "permissions"),
        "disk": pgettext("part", "disk"),
        "output": pgettext("part", "output"),
        "clock": pgettext("part", "clock"),
        "network": pgettext("part", "network"),
        "sources": pgettext("part", "sources"),
        "published": pgettext("part", "published"),
        "served": pgettext("part", "served"),
    }


@click.command()
@common
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(config: Path | None, as_json: bool, verbose: int, quiet: bool, shell: str) -> None:
    """Print a script that completes words in a shell.

    Completed are commands, options and, in place of SOURCE, what the config reads.

    \b
      aggregator completion bash > ~/.local/share/bash-completion/completions/aggregator
      aggregator completion zsh > ~/.zfunc/_aggregator        with fpath+=~/.zfunc before compinit
      aggregator completion fish > ~/.config/fish/completions/aggregator.fish
    """
    wishes_of(config, as_json, verbose, quiet)
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    kind = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}[shell]
    made = kind(click.get_current_context().find_root().command, {}, "aggregator", "_AGGREGATOR_COMPLETE")
    script = made.source_template % made.source_vars()
    for wrong, right in _MENDED.items():
        script = script.replace(wrong, right)
    click.echo(script)
