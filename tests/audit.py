"""What pip-audit knows of the installed libraries: `python -m tests.audit`, a line or some. It fails where a library that
is needed at run time has a known hole; those of the tools of the tests are told. Without a network it says so."""

import json
import subprocess
import sys
from collections.abc import Collection

from tests import licences

_SECONDS = 120


def asked() -> str:
    """The report of pip-audit in JSON; "" where it could not be made. A service that is away is not waited for long."""
    command = [sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner", "off", "--timeout", "5"]
    try:
        done = subprocess.run(
            [*command, "--format", "json"], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def judged(report: str, needed: Collection[str]) -> tuple[list[str], bool]:
    """What a report says, in lines, and whether a library that is `needed` has a hole."""
    try:
        libraries = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return ["audit: nothing could be asked: is there a network, and pip-audit?"], False
    known = [each for each in libraries if "vulns" in each]
    if not known:
        return [f"audit: none of {len(libraries)} libraries could be looked up: the database was not reached"], False
    lines, is_bad = [f"audit: {len(known)} of {len(libraries)} libraries are known to the database of holes"], False
    for each in known:
        for hole in each["vulns"]:
            better = ", ".join(hole.get("fix_versions", [])) or "none yet"
            lines.append(f"audit: {each['name']} {each['version']}: {hole['id']}; mended in: {better}")
            is_bad |= each["name"] in needed
    return lines, is_bad


if __name__ == "__main__":
    told, fails = judged(asked(), licences.needed())
    print("\n".join(told))
    sys.exit(fails)
