"""docs/ and README.md lead somewhere, name what there is, and make a site."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
import yaml

from aggregator import config, health
from aggregator.cli import cli
from aggregator.config import tables
from tests import commands
from tests.pages import PAGES, ROOT, block, codes, page, section
from tests.planet import Planet
from tests.test_architecture import FLOORS

DOCS = ROOT / "docs"
NAMES = [each.relative_to(ROOT).as_posix() for each in PAGES]


def without_blocks(text: str) -> str:
    """A page without its blocks of code, and without what is code in its lines."""
    return re.sub(r"`[^`\n]+`", "`", re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE))


def anchors(text: str) -> set[str]:
    """What headings can be reached by, as GitHub and MkDocs agree for ASCII."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    found = (re.sub(r"[^\w\s-]", "", each.lower()).strip() for each in re.findall(r"^#+ (.*)$", prose, re.MULTILINE))
    return {re.sub(r"\s", "-", each) for each in found}


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    text = without_blocks(page(name))
    for target in re.findall(r"\]\(([^)]+)\)|(?:src|href)=\"([^\"]+)\"", text):
        path, _, anchor = "".join(target).partition("#")
        if "://" in path:
            continue
        file = (ROOT / name).parent / unquote(path) if path else ROOT / name
        assert file.exists(), f"{name}: {path}"
        assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), f"{name}: #{anchor}"


def test_every_page_can_be_found() -> None:
    """In the navigation of the site, from its first page, and from the README."""
    pages = {each.name for each in DOCS.glob("*.md")}
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert pages == set(leaves(settings["nav"]))
    assert pages - {"README.md"} == set(re.findall(r"\((\w+\.md)\)", page("docs/README.md")))
    assert pages - {"README.md"} <= set(re.findall(r"\(docs/(\w+\.md)", page("README.md")))


def leaves(tree: object) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict | list):
        for each in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves(each)


def test_they_make_a_site(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for each in DOCS.glob("*.md"):
        made = tmp_path / ("index.html" if each.name == "README.md" else f"{each.stem}.html")
        html = made.read_text(encoding="utf-8")
        assert "```" not in html, each.name  # a block that was not understood
        assert html.count("<table") == len(
            re.findall(r"^\|[-: ]*-[-:| ]*\|$", each.read_text(encoding="utf-8"), re.MULTILINE)
        )


@pytest.mark.parametrize("name", NAMES)
def test_every_command_and_option_exists(name: str) -> None:
    text = page(name)
    told = re.findall(r"^ *(?:\$ )?aggregator (\w+.*?)(?:  .*)?$", text, re.MULTILINE)
    told += [each.removeprefix("aggregator ") for each in codes(text) if re.match(r"aggregator [a-z]", each)]
    for line in told:
        command: click.Command = cli
        words = line.split()
        while isinstance(command, click.Group) and words:
            assert words[0] in command.commands, f"{name}: aggregator {line}"
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if re.match("-+[a-z]", word)} <= options, f"{name}: aggregator {line}"


def test_the_page_of_commands_is_what_the_program_says() -> None:
    assert page("docs/commands.md") == commands.page(), "the commands have changed: python -m tests.commands"


def test_the_overview_of_commands_has_all() -> None:
    shown = set(
        re.findall(r"^aggregator ((?:list )?[a-z][\w-]*)", section("docs/commands.md", "# Commands"), re.MULTILINE)
    )
    assert shown == {" ".join(words) for words in every(cli)}


def every(group: click.Group) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from ((name, *words) for words in every(command))
        else:
            yield (name,)


def test_the_house_has_all_its_rooms() -> None:
    """The floors in docs/design.md are those of the table."""
    plan = section("docs/design.md", "# Design").split("\n    5  ")[1].split("\n\n")[0]
    assert {*re.findall(r"\w+", plan)} >= FLOORS.keys()


def test_every_state_of_a_source_is_explained() -> None:
    rows = re.findall(r"^\| (`.*?) \|", page("docs/health.md"), re.MULTILINE)
    assert {*health.STATES} == {state for row in rows for state in codes(row)}


def test_the_example_of_a_format_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "mine" / "titles.py"
    module.parent.mkdir()
    module.write_text(block("docs/publishing.md", "format"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    planet = Planet(tmp_path)
    planet.site["formats"] = ["rss", "mine.titles"]
    planet.seeds()
    planet.post("a.md", title="A title", date="2026-01-31T12:00:00Z", categories=["news"])
    planet.run()
    written = planet.files()
    assert written["titles.txt"] == written["news/titles.txt"] == b"2026-01-31  A title\n"


def test_what_becomes_of_a_planet_is_a_key() -> None:
    known = {*config.Site.model_fields, *config.Fetching.model_fields, *tables.CommonSource.model_fields}
    known |= {
        "[site]",
        "[fetch]",
        "include",
        "exclude",
        "text",
        "strip",
        "link",
        '"command"',
        '"html"',
        "quiet",
        "[[list]]",
    }
    rows = section("docs/moving.md", "## From Planet or Venus").split("|---|---|\n")[1].split("\n\n")[0]
    named = {code for row in rows.splitlines() for code in codes(row.split("|")[2])}
    assert named <= known
    assert len(named) > 10
