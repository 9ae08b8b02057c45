"""What the program needs at run time, from what is installed: `python -m tests.licences` writes docs/licences.md."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
FILE = PROJECT.parent / "docs" / "licences.md"
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
    r"\bgpl|(?<!lesser )(?<!affero )general public": "GPL",
}


@dataclass
class Library:
    """What is needed at run time, and `why`: what pyproject.toml says of it, or which libraries want it."""

    own: Distribution
    why: set[str] = field(default_factory=set)


def needed() -> dict[str, Library]:
    """All that is needed at run time, by name. Raises PackageNotFoundError where something of it is not installed; what
    only an extra wants may be missing, as not every machine can have it."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    extras = [(each, extra) for extra in EXTRAS for each in project["optional-dependencies"][extra]]
    waiting = [(Requirement(each), "") for each in project["dependencies"]]
    waiting += [(Requirement(each), f" (extra `{extra}`)") for each, extra in extras]
    found: dict[str, Library] = {}
    own = {canonicalize_name(each.name): _why(each.name) + extra for each, extra in waiting}
    met: set[tuple[str, str]] = set()
    while waiting:
        wanted, extra = waiting.pop()
        name = canonicalize_name(wanted.name)
        try:
            library = found.setdefault(name, Library(distribution(name)))
        except PackageNotFoundError:
            if extra:
                continue
            raise
        library.why |= {own[name]} if name in own else set()
        for each in ("", *sorted(wanted.extras)):
            if (name, each) not in met:
                met.add((name, each))
                waiting += [(more, extra) for more in _wants(library.own, each)]
    for by, library in found.items():
        for more in (each for extra in _extras(met, by) for each in _wants(library.own, extra)):
            other = canonicalize_name(more.name)
            if other in found and other not in own:
                found[other].why.add(by)
    return found


def _extras(met: Iterable[tuple[str, str]], name: str) -> list[str]:
    return [extra for each, extra in met if each == name]


def _wants(own: Distribution, extra: str) -> list[Requirement]:
    """What a distribution requires on this machine, with an extra of it or without any."""
    every = map(Requirement, own.requires or ())
    return [each for each in every if each.marker is None or each.marker.evaluate({"extra": extra})]


def _why(name: str) -> str:
    """The words beside a library in pyproject.toml."""
    found = re.search(rf'"{re.escape(name)}\b[^#\n]*# (.*)', PROJECT.read_text(encoding="utf-8"))
    return found[1] if found else ""


def licences(own: Distribution) -> tuple[str, ...]:
    """The licences that a distribution names: as an expression, by classifiers, or in words; without any of these, ()."""
    expression, plain = ((own.metadata.get_all(each) or [""])[0] for each in ("License-Expression", "License"))
    classified = [each for each in own.metadata.get_all("Classifier") or () if each.startswith("License :: ")]
    for words in (expression, "; ".join(classified), plain[:200]):
        if found := [name for pattern, name in _NAMES.items() if re.search(pattern, words, re.IGNORECASE)]:
            return tuple(found)
    return ()


HEAD = """# Licences of what it needs

All libraries that are needed at run time, with those of the extras `cluster`, `fast` and `s3`, as they say it themselves.
Written by `python -m tests.licences`; a test fails when one is missing here, or has a licence other than
{allowed}.
Where a library names several, one of these is enough. `.ci/run` asks pip-audit which of them have known holes.

| library | licence | why |
| --- | --- | --- |
"""


def rows() -> dict[str, str]:
    """A line of the list for each library, by name. There are no versions in it: these change."""
    return {
        name: f"| {name} | {', '.join(licences(each.own))} | {'; '.join(sorted(each.why))} |"
        for name, each in sorted(needed().items())
    }


if __name__ == "__main__":
    before = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    kept = {name: line for line, name in re.findall(r"^(\| ([\w-]+) .*)$", before, re.MULTILINE) if _why(name)}
    lines = dict(sorted((kept | rows()).items()))  # an extra that this machine does not have stays as it was
    FILE.write_text(HEAD.format(allowed=", ".join(ALLOWED)) + "\n".join(lines.values()) + "\n", encoding="utf-8")
