"""The written pages: README.md and docs/, as the tests read them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def page(name: str) -> str:
    """A page by its path below the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def block(name: str, marker: str) -> str:
    """The code block that follows a marker."""
    found = blocks(name, marker)
    assert len(found) == 1, f"{name} has {len(found)} blocks marked {marker}"
    return found[0]


def blocks(name: str, marker: str = "") -> list[str]:
    """The code blocks of a page that follow a marker, in their order."""
    return re.findall(rf"<!-- {marker} -->\n```\w*\n(.*?)```", page(name), re.DOTALL)


def section(name: str, heading: str) -> str:
    """What stands below a heading, up to the next that is not below it."""
    level = heading.split()[0]
    return re.split(
        rf"^#{{1,{len(level)}}} ", f"\n{page(name)}".split(f"\n{heading}\n")[1], maxsplit=1, flags=re.MULTILINE
    )[0]


def codes(text: str) -> list[str]:
    """What stands as code in a text, its blocks apart."""
    return re.findall(r"(?<!`)`([^`]+)`(?!`)", text)
