"""What all tests share."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real feeds and posts that stands beside a developer's checkout."""
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real feeds and posts (../shared/corpus) is not here")
    return CORPUS


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """An empty folder, while the test runs as a user whom permissions stop: root, as in CI, becomes "nobody" for it."""
    folder = Path(tempfile.mkdtemp())
    if os.geteuid() != 0:
        yield folder
    else:
        nobody = 65534
        os.chown(folder, nobody, nobody)
        os.setresuid(nobody, nobody, 0)
        try:
            yield folder
        finally:
            os.setresuid(0, 0, 0)
    shutil.rmtree(folder)
