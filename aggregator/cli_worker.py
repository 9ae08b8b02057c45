"""The command `worker`: brings together the worker and the log."""

import logging
import sys
from datetime import UTC, datetime
from gettext import gettext as _

from aggregator.config import Config, look_at_output
from aggregator.errors import AggregatorError
from aggregator.logs import set_up
from aggregator.process import collect_often


def worker(config: Config, *, as_json: bool, verbose: int, quiet: bool) -> None:
    """Share the work until a signal ends it; raises what `cluster.run` does. The log goes to standard error: for people
    on a terminal, else as JSON."""
    look_at_output(config)
    collect_often()
    set_up(sys.stderr, human=sys.stderr.isatty() and not as_json, verbose=verbose, quiet=quiet)
    if verbose < 2:
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # of a database that is away we tell ourselves
    try:
        from aggregator.cluster import run
    except ModuleNotFoundError as error:
        raise AggregatorError(
            _("worker: needs the package {package}; install aggregator with its extra: aggregator[cluster]").format(
                package=error.name
            )
        ) from error
    run(config, _now)


def _now() -> datetime:
    return datetime.now(UTC)
