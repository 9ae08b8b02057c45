"""/metrics as Prometheus reads it: names, units, bounded labels, and the numbers of the store."""

import re
from collections.abc import Iterator
from datetime import timedelta

import prometheus_client
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from aggregator.store import board, history
from aggregator.store.engine import looking
from aggregator.web.metrics import metrics
from tests import demo
from tests.demo import Planted
from tests.planet import NOON, Planet

NUMBER = 24


@pytest.fixture(scope="module")
def planet(tmp_path_factory: pytest.TempPathFactory) -> Planet:
    planet = Planet(tmp_path_factory.mktemp("measured"))
    demo.fill(planet, NOON, [Planted('A title"} 1\nwith{lines="', "parse: bad")], number=NUMBER)
    return planet


@pytest.fixture
def families(planet: Planet) -> Iterator[dict[str, Metric]]:
    store = planet.load().store
    with looking(store) as db:
        text = metrics(db, NOON).decode()
    assert text.count("\n") < 120
    yield {family.name: family for family in text_string_to_metric_families(text)}


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    family = families[f"aggregator_{name}"]
    return next(each.value for each in family.samples if each.labels == labels)


def test_the_numbers_are_those_of_the_store(planet: Planet, families: dict[str, Metric]) -> None:
    with looking(planet.load().store) as db:
        totals, states, last = board.totals(db), board.states(db), history.runs(db, 1)[0]
        stored, entries = board.stored(db)
    for state in board.STATES:
        assert value(families, "sources", state=state) == states.get(state, 0)
    assert sum(each.value for each in families["aggregator_sources"].samples) == NUMBER + 1
    for name in ("visits", "requests", "received_bytes", "saved_bytes", "runs"):
        assert value(families, name) == getattr(totals, name.removesuffix("_bytes")) > 0
    assert (value(families, "items_stored"), value(families, "entries_published")) == (stored, entries)
    assert value(families, "last_run_duration_seconds") == last.seconds
    assert value(families, "healthy") == 1
    assert value(families, "daemon_up") == 0
    assert value(families, "store_size_bytes") > 100_000
    success = NOON.timestamp() - value(families, "last_success_timestamp_seconds")
    assert 0 <= success < timedelta(hours=1).total_seconds()


def test_requests_of_a_day_are_by_class(planet: Planet, families: dict[str, Metric]) -> None:
    with looking(planet.load().store) as db:
        hours = history.hours(db, NOON - timedelta(hours=23))
    found = {each.labels["status"]: each.value for each in families["aggregator_day_requests"].samples}
    assert found.keys() == {"2xx", "3xx", "4xx", "5xx", "none"}
    assert found["3xx"] == sum(hour.requests for hour in hours if hour.status == 304) > 0
    assert found["4xx"] == sum(hour.requests for hour in hours if hour.status in (403, 410)) > 0
    assert found["none"] == sum(hour.requests for hour in hours if hour.status == 0) > 0


def test_names_and_labels_are_as_prometheus_wants_them(families: dict[str, Metric]) -> None:
    for name, family in families.items():
        assert re.fullmatch(r"aggregator_[a-z_]+", name)
        assert family.documentation and not family.documentation.endswith(".")
        assert family.type in ("gauge", "counter")
        for sample in family.samples:
            assert sample.name == name + ("_total" if family.type == "counter" else "")
            assert set(sample.labels) <= {"state", "status"}
            assert all(re.fullmatch(r"[a-z0-9]+", each) for each in sample.labels.values())


def test_nothing_is_left_in_the_process(planet: Planet) -> None:
    before = set(prometheus_client.REGISTRY._names_to_collectors)
    store = planet.load().store
    with looking(store) as db:
        first = metrics(db, NOON)
        assert first == metrics(db, NOON)
    assert set(prometheus_client.REGISTRY._names_to_collectors) == before
