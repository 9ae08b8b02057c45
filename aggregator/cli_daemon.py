"""The command `daemon`: brings together the daemon, the web server and the log."""

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from aggregator import languages
from aggregator.config import Config, look_at_output
from aggregator.daemon import Deliver, run
from aggregator.logs import say, set_up
from aggregator.process import collect_often
from aggregator.subscribing import telling

_log = logging.getLogger(__name__)


def daemon(config: Config, *, as_json: bool, verbose: int, quiet: bool) -> None:
    """Keep everything current until a signal ends it; raises what `daemon.run` does. The log goes to standard error:
    for people on a terminal, else as JSON."""
    look_at_output(config)
    collect_often()
    languages.speak_english()  # from here on it logs
    set_up(sys.stderr, human=sys.stderr.isatty() and not as_json, verbose=verbose, quiet=quiet)

    @contextmanager
    def serve(config: Config, deliver: Deliver) -> Iterator[None]:
        if not config.serves:
            yield
            return
        from aggregator.web import server
        from aggregator.web.hooks import opened

        ears = server.listen(config)
        url, owners = server.url(ears.public), server.url(ears.dashboard) if ears.dashboard else ""
        hooked = opened(config, telling(deliver))
        with hooked as hooks, server.serving(config, ears, _now, log=verbose > 0, hooks=hooks):
            say(_log, "web", f"serving {config.output} at {url}", url=url)
            if owners:
                say(_log, "web", f"dashboard at {owners}_/", dashboard=f"{owners}_/")
            yield

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # while it waits for its turn it notices a changed config all the same
    run(config, _now, serve)


def _now() -> datetime:
    return datetime.now(UTC)
