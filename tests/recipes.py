"""Where the recipes are, and what stands in docs/recipes.md as code."""

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONTRIB = ROOT / "contrib"
RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")

_SITE = '[site]\ntitle = "P"\nbase_url = "https://planet.example/"\n'


def block(marker: str) -> str:
    """The code block that follows a marker."""
    found = re.search(rf"<!-- {marker} -->\n```\w*\n(.*?)```", RECIPES, re.DOTALL)
    assert found, f"docs/recipes.md has no block marked {marker}"
    return found[1]


def text(marker: str, replaced: Mapping[str, str] | None = None) -> str:
    """A block that is a config, with what it leaves out, and with other words where a test has other places."""
    made = block(marker)
    made = made if "[site]" in made else _SITE + made
    for old, new in (replaced or {}).items():
        assert old in made, old
        made = made.replace(old, new)
    return made
