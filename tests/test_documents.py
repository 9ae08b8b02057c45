"""Documents that are made of the program say what it is now."""

from pathlib import Path

import pytest

from tools.documents import DOCUMENTS

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_not_stale(name: str) -> None:
    written = (ROOT / name).read_text(encoding="utf-8")
    assert written == DOCUMENTS[name](), f"{name} is stale: run `python -m tools` in the clone, and commit it"
