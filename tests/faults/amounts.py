"""How much of each fault: a little in every run of the tests, half of it in CI, which has 20 minutes for everything, and
all of it where FAULTS=full asks for it.

Where FIGURES names a file, each test adds what it met as a line of JSON: docs/reliability.md has those of the last full
run.
"""

import json
import os
from pathlib import Path

AMOUNT = os.environ.get("FAULTS", "half" if os.environ.get("CI") else "little")


def much(little: int, full: int) -> int:
    """The amount of a fault, or the step between those that are tried, for this run."""
    return {"full": full, "half": max((little + full) // 2, 1)}.get(AMOUNT, little)


def told(fault: str, **figures: int | float | str) -> None:
    """Write down what a test met."""
    if file := os.environ.get("FIGURES"):
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"fault": fault, "amount": AMOUNT} | figures, ensure_ascii=False) + "\n")
