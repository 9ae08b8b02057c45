"""Write all documents that are made of the program; tests/test_documents.py says which of them are stale."""

from pathlib import Path

from tools.documents import DOCUMENTS

for name, make in DOCUMENTS.items():
    (Path(__file__).parents[1] / name).write_text(make(), encoding="utf-8", newline="\n")
