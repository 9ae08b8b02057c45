"""`aggregator prune`: what is beyond its limits goes now, not at the next run."""

from dataclasses import replace
from datetime import datetime

from aggregator.config import Config
from aggregator.model import Progress
from aggregator.pipeline import settle
from aggregator.store import retention, sources
from aggregator.store.engine import open_store, writing
from aggregator.store.lock import locked
from aggregator.store.retention import Pruned
from aggregator.target import sweep
from aggregator.views import view


def prune(
    config: Config,
    now: datetime,
    *,
    left: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda *_: None,
) -> Pruned:
    """Remove what is beyond its limits, and with `left` what sources gave that a run found to have left the config.

    The next run publishes without it. `dry_run` counts, and removes nothing. Raises LockedError when a run is at work.
    """
    with locked(config.store, now, "prune") as lock:
        if lock.is_broken_off:
            sweep(config)
        engine = open_store(config.store, lock.writer, progress)
        try:
            with writing(engine) as db:
                configured = {source.key for source in config.sources}
                sources.heed(db, configured, view(config))  # what they exclude takes no room
                found = settle(db, config, now, progress)
                found = replace(found, left=retention.drop_left(db)) if left else found
                if dry_run:
                    db.rollback()
        finally:
            engine.dispose()
    return found
