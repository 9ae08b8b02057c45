"""What the program needs at run time, from what is installed: `python -m tests.licences` writes docs/licences.md."""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FILE = Path(__file__).parents[1] / "docs" / "licences.md"
EXTRAS = ("cluster", "fast", "s3")
ALLOWED = ("Apache-2.0", "BSD", "MIT", "MPL-2.0", "PSF-2.0", "LGPL-3.0")
"""Licences under which a library may be used by a program of any licence. LGPL: they are libraries of their own, which
whoever installs the program may replace."""

_NAMES = {
    r"apache": "Apache-2.0",
    r"\bbsd\b|^0bsd": "BSD",
    r"\bmit\b|mit-0": "MIT",
    r"\bmpl|mozilla public": "MPL-2.0",
    r"\bpsf|python software foundation": "PSF-2.0",
    r"\blgpl|lesser general public": "LGPL-3.0",
    r"(?<!l)gpl|(?<!lesser )general public": "GPL",
}


def needed() -> dict[str, tuple[Distribution, set[str]]]:
    """All that is needed at run time, by name, each with those that want it. What an extra wants is there where it is
    installed.

    Raises PackageNotFoundError where what the program itself wants is not.
    """
    found: dict[str, tuple[Distribution, set[str]]] = {}
    waiting = [("aggregator", extra, "aggregator") for extra in ("", *EXTRAS)]
    met = set()
    while waiting:
        name, extra, by = waiting.pop()
        try:
            own = distribution(name)
        except PackageNotFoundError:
            if by == "aggregator" or "[" in by:
                continue  # an extra that is not installed, on this machine
            raise
        if name != "aggregator":
            found.setdefault(name, (own, set()))[1].add(by)
        if (name, extra) in met:
            continue
        met.add((name, extra))
        for each in map(Requirement, own.requires or ()):
            if each.marker is None or each.marker.evaluate({"extra": extra}):
                wants = f"{name}[{extra}]" if extra and each.marker and not each.marker.evaluate({"extra": ""}) else name
                waiting += [(canonicalize_name(each.name), more, wants) for more in ("", *sorted(each.extras))]
    return found


def licences(own: Distribution) -> tuple[str, ...]:
    """The licences that a distribution names: as an expression, by classifiers, or in words; without any of these, ()."""
    said = own.metadata
    classified = [each for each in said.get_all("Classifier") or () if each.startswith("License :: ")]
    for words in (said.get("License-Expression") or "", "; ".join(classified), (said.get("License") or "")[:200]):
        if found := [name for pattern, name in _NAMES.items() if re.search(pattern, words, re.IGNORECASE)]:
            return tuple(found)
    return ()


def listed() -> str:
    """The list as it stands in docs/licences.md, without versions, which change."""
    rows = []
    for name, (own, by) in sorted(needed().items()):
        rows.append(f"| {name} | {', '.join(licences(own))} | {', '.join(sorted(by))} |")
    return "\n".join(("| library | licence | wanted by |", "| --- | --- | --- |", *rows)) + "\n"
