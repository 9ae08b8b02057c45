"""How much of each fault: a little in every run of the tests; all of it in CI, and where FAULTS=full asks for it.

Where FIGURES names a file, each test adds what it met as a line of JSON: docs/reliability.md has those of the last full
run.
"""

import json
import os
from pathlib import Path

FULL = os.environ.get("FAULTS", "full" if os.environ.get("CI") else "") == "full"


def much(little: int, full: int) -> int:
    """The amount of a fault for this run."""
    return full if FULL else little


def told(fault: str, **figures: int | float | str) -> None:
    """Write down what a test met."""
    if file := os.environ.get("FIGURES"):
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"fault": fault, "full": FULL} | figures, ensure_ascii=False) + "\n")
