"""What the tests of faults share."""

from collections.abc import Iterator

import pytest

from aggregator.reading import pool


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a library warns of is an error, in the readers as well: its owner would see it."""
    pool.end()
    monkeypatch.setenv("PYTHONWARNINGS", "error::UserWarning")
    yield
    pool.end()
