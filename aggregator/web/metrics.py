"""What Prometheus reads: each answer is made anew from the store, so nothing is counted in this process.

Labels have few values each: a state, a class of answers; never a URL or a title. What cannot sink is a counter.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from aggregator import alive
from aggregator.store import board, history, pulse
from aggregator.store.engine import size
from aggregator.store.team import team

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_DAY = timedelta(days=1)


def metrics(db: Connection, now: datetime) -> bytes:
    """The metrics of a store, in the text format, as of `now`."""
    return _text(list(_measured(db, now)))


def nothing() -> bytes:
    """The metrics where there is no store yet."""
    return _text([_gauge("healthy", "Whether all works; see /healthz", 0)])


def _text(found: list[Metric]) -> bytes:

    class Ready(Collector):
        def collect(self) -> Iterable[Metric]:
            return found

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Ready())
    return generate_latest(registry)


def _measured(db: Connection, now: datetime) -> Iterator[Metric]:
    vitals, totals, states = board.vitals(db), board.totals(db), board.states(db)
    yield _gauge("healthy", "Whether all works; see /healthz", float(not board.trouble(db, now)))
    yield _gauge("lag_seconds", "For how long the oldest visit is overdue", alive.lag(vitals, now).total_seconds())
    if vitals.last_success:
        stamp = vitals.last_success.timestamp()
        yield _gauge("last_success_timestamp_seconds", "When a source was last visited with success", stamp)
    by_state = GaugeMetricFamily("aggregator_sources", "Sources of the config by how they stand", labels=["state"])
    for state in board.STATES:
        by_state.add_metric([state], states.get(state, 0))
    yield by_state
    yield _counter("visits", "Visits to sources", totals.visits)
    yield _counter("visits_unchanged", "Visits that found nothing new", totals.unchanged)
    yield _counter("requests", "Requests to publishers", totals.requests)
    yield _counter("received_bytes", "Bytes of documents that publishers sent", totals.received)
    yield _counter("saved_bytes", "Bytes that publishers did not have to send again", totals.saved)
    yield _answers(history.hours(db, now - _DAY), now)
    stored, entries = board.stored(db)
    yield _gauge("items_stored", "Items that are kept", stored)
    yield _gauge("entries_published", "Entries in the feeds and archives of everything", entries)
    yield _gauge("store_size_bytes", "Size of the store on disk", size(db))
    yield _counter("runs", "Runs, and rounds of the daemon", totals.runs)
    if last := history.runs(db, 1):
        yield _gauge("last_run_timestamp_seconds", "When the last run began", last[0].at.timestamp())
        yield _gauge("last_run_duration_seconds", "How long the last run took", last[0].seconds)
    daemon = pulse.pulse(db)
    yield _gauge(
        "daemon_up", "Whether a daemon is at work", float(daemon is not None and alive.ticks(daemon.last_tick, now))
    )
    yield _gauge(
        "config_refused", "Whether the daemon goes on with an old config", float(bool(daemon and daemon.refused))
    )
    yield _counter("daemon_missed", "Rounds that the daemon could not begin in time", daemon.missed if daemon else 0)
    yield _counter(
        "daemon_overlapped", "Rounds that were left out as one was under way", daemon.overlapped if daemon else 0
    )
    if shared := team(db):
        yield _gauge("workers", "Workers at work", len(shared.workers))
        yield _gauge(
            "workers_silent", "Workers with jobs that have not said for 30 seconds that they live", shared.silent
        )
        yield _gauge("shards_doing", "Shards that a worker visits now", shared.doing)
        yield _gauge("shards_waiting", "Shards that have something due, and no worker yet", shared.waiting)
        yield _gauge("categories_waiting", "Categories that are settled and not published yet", shared.unpublished)


def _answers(hours: Iterable[history.Hour], now: datetime) -> Metric:
    """By class of status; a gauge, as hours that are long past are forgotten."""
    found = dict.fromkeys(("2xx", "3xx", "4xx", "5xx", "none"), 0)
    since = int((now - _DAY).timestamp() // 3600)
    for hour in hours:
        if hour.number > since:
            status = f"{hour.status // 100}xx" if 200 <= hour.status < 600 else "none"
            found[status] += hour.requests
    text = "Requests of the last 24 hours by the class of their status"
    family = GaugeMetricFamily("aggregator_day_requests", text, labels=["status"])
    for status, number in found.items():
        family.add_metric([status], number)
    return family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"aggregator_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"aggregator_{name}", text, value=value)
