"""The commands that help with the others: what an editor knows of the config."""

from pathlib import Path

import click

from aggregator.cli.common import common, wishes_of


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
