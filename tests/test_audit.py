"""What the gate makes of a report of pip-audit."""

import json
from typing import Any

import pytest

from tests.audit import judged

HOLE = {"id": "PYSEC-2020-1", "fix_versions": ["5.4"], "description": "..."}


def report(**libraries: Any) -> str:
    said = [{"name": name} | found for name, found in libraries.items()]
    return json.dumps({"dependencies": said, "fixes": []})


@pytest.mark.parametrize(
    ("said", "fails", "line"),
    [
        (report(pyyaml={"version": "5.3", "vulns": [HOLE]}), True, "pyyaml 5.3: PYSEC-2020-1; mended in: 5.4"),
        (report(pip={"version": "1", "vulns": [HOLE | {"fix_versions": []}]}), False, "pip 1: PYSEC-2020-1; mended in: none yet"),
        (report(pyyaml={"version": "6", "vulns": []}, pip={"skip_reason": "away"}), False, "1 of 2 libraries are known"),
        (report(pyyaml={"skip_reason": "away"}), False, "none of 1 libraries could be looked up"),
        ("", False, "nothing could be asked"),
        ("[]", False, "nothing could be asked"),
    ],
)  # fmt: skip
def test_a_hole_in_what_is_needed_fails(said: str, fails: bool, line: str) -> None:
    lines, found = judged(said, {"pyyaml"})
    assert found is fails
    assert line in lines[-1]
