"""What all tests share."""

from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real feeds and posts that stands beside a developer's checkout."""
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real feeds and posts (../shared/corpus) is not here")
    return CORPUS
