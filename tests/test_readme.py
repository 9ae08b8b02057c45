"""The README is tested: its config is read, its output is what the example prints. So are the examples of docs/."""

import itertools
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import get_args

import click
import pytest

from aggregator import config, exporting, formats, sources, views
from aggregator.cli import cli
from aggregator.config import rules, schema, tables
from aggregator.config.modules import kinds
from aggregator.model import Enclosure, Item, Pace, Tag
from aggregator.rules import LINK_FIELDS, TITLE_FIELDS
from tests import build
from tests.pages import ROOT, block, codes, page, section

README = page("README.md")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a new user has, without the network's part: the example, beside an installed program."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("config", "seeds"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def aggregator(clone: Path, *arguments: str) -> tuple[str, str]:
    """What a command prints, and says of trouble, where no feed can be reached."""
    file = clone / "config" / "aggregator.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r'url( *)= "https://[^/"]+', r'url\1= "http://127.0.0.1:9', text), encoding="utf-8")
    command = [sys.executable, "-m", "aggregator", *arguments]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_the_two_commands_are_one_line_each() -> None:
    for marker in ("try", "test"):
        assert len(block("README.md", marker).strip().splitlines()) == 1
        assert block("README.md", marker).startswith("python3 -m venv .venv && .venv/bin/pip install")


def test_the_first_command_prints_what_the_readme_shows(clone: Path) -> None:
    arguments = shlex.split(block("README.md", "try").split("&&")[-1])
    assert arguments[0] == ".venv/bin/aggregator"
    printed, trouble = aggregator(clone, *arguments[1:])

    def lines(output: str) -> list[str]:
        return [" ".join(line.split()) for line in output.splitlines() if line]

    shown = lines(block("README.md", "output"))
    assert [line for line in shown if not line.startswith(("failed", "warning"))] == lines(printed)
    assert [line for line in shown if line.startswith("warning")] == [
        line for line in lines(trouble) if line.startswith("warning")
    ]
    assert any(line.startswith("failed") for line in shown)
    assert any(line.startswith("failed") for line in lines(trouble))


def test_the_tree_is_what_is_written(clone: Path) -> None:
    shown = {line.split()[0] for line in block("README.md", "tree").splitlines() if line.strip()}
    aggregator(clone, "once")
    feeds = clone / "feeds"
    written = {path.relative_to(clone).as_posix() for path in feeds.rglob("*")}
    assert {name.rstrip("/") for name in shown} <= written


def test_the_example_config_is_read(tmp_path: Path) -> None:
    file = tmp_path / "config" / "aggregator.toml"
    file.parent.mkdir()
    file.write_text(block("README.md", "config"), encoding="utf-8")
    loaded = config.load(file)
    assert [source.kind for source in loaded.sources] == ["seed", "feed"]
    assert loaded.sources[1].categories == (("新媒体", "快科技（原驱动之家）", "最新新闻"),)


def test_the_example_of_lists_is_followed(tmp_path: Path) -> None:
    file = tmp_path / "aggregator.toml"
    file.write_text(
        '[site]\ntitle = "P"\nbase_url = "https://p.example/"\n' + block("docs/sources.md", "list"), encoding="utf-8"
    )
    (tmp_path / "friends.opml").write_text("<opml><body><outline xmlUrl='https://a.example/'/></body></opml>")
    loaded = config.load(file)
    assert [(each.key, each.categories) for each in loaded.sources] == [("https://a.example/", (("Friends",),))]
    assert [each.name for each in loaded.lists] == [str(tmp_path / "friends.opml"), "https://example.org/blogroll.opml"]


def test_every_kind_of_list_is_documented() -> None:
    assert {*exporting.KINDS} <= {*codes(section("docs/moving.md", "## Your list of feeds"))}
    (offered,) = (each.type for each in cli.commands["export"].params if each.name == "kind")
    assert isinstance(offered, click.Choice)
    assert tuple(offered.choices) == exporting.KINDS


def test_the_example_of_rules_does_what_it_says(tmp_path: Path) -> None:
    file = tmp_path / "aggregator.toml"
    file.write_text(
        '[site]\ntitle = "P"\nbase_url = "https://p.example/"\n' + block("docs/rules.md", "rules"), encoding="utf-8"
    )
    loaded = config.load(file)
    python = build.item(tags=(Tag("Python"),), language="en", categories=(("tech",),))
    shown = views.view(loaded)

    def come(entry: Item) -> Item | None:
        return shown.item(loaded.sources[0].key, entry, build.DAY)

    taken = come(python)
    assert taken and (taken.categories, taken.content) == ((("Technology",),), "")
    assert come(replace(python, title="Ad: Python")) is None
    assert come(replace(python, language="fr")) is None
    talk = come(replace(python, enclosures=(Enclosure("https://example.com/1.mp3"),)))
    assert talk and talk.title == "example.com: Story 1"
    assert talk.categories == (("Podcasts",), ("Technology", "python"))
    assert ("Long reads",) in shown.places(taken, frozenset(taken.categories), build.DAY)
    assert ("Long reads",) not in shown.places(
        replace(taken, summary="In brief."), frozenset(taken.categories), build.DAY
    )


def table(header: str) -> dict[str, list[str]]:
    """The table whose header begins so: by the key, the further cells of its row."""
    rows = README[README.index(f"| {header}") :].split("\n\n")[0].splitlines()[2:]
    cells = [row.strip("|").split("|") for row in rows]
    return {name: rest for keys, *rest in cells for name in codes(keys)}


def coming_with_us(package: ModuleType, mark: str) -> set[str]:
    """The kinds of source, or the formats, as a config writes them."""
    names = [each.name for each in pkgutil.iter_modules(package.__path__)]
    return {f'"{name}"' for name in names if hasattr(package.find(name), mark)}


def test_every_key_of_a_rule_is_documented() -> None:
    named = {*codes(page("docs/rules.md"))}
    assert {*rules.MatchTable.model_fields, *rules.SourceRule.model_fields} <= named
    assert {f"{{{name}}}" for name in (*TITLE_FIELDS, *LINK_FIELDS)} <= named


@pytest.mark.parametrize(("name", "model"), [("site", config.Site), ("fetch", config.Fetching)])
def test_the_keys_that_most_need_have_their_defaults(name: str, model: type[config.Site | config.Fetching]) -> None:
    """docs/configuration.md has all of them: see test_schema.py."""
    documented = table(f"key of `[{name}]`")
    required = {key: "https://planet.example/" for key, field in model.model_fields.items() if field.is_required()}
    assert required.keys() <= documented.keys() <= model.model_fields.keys()
    shown: dict[str, object] = {}
    for row in {id(cells): cells for cells in documented.values()}.values():
        keys = [key for key, cells in documented.items() if cells is row]
        defaults = [tomllib.loads(f"x = {code}")["x"] for code in codes(row[0])]
        shown |= dict(zip(keys, defaults * len(keys) if len(defaults) == 1 else defaults, strict=bool(defaults)))
    read, silent = model.model_validate(required | shown), model.model_validate(required)
    pace = Pace()
    for key in documented.keys() - required.keys():
        default = getattr(silent, key)
        assert getattr(read, key) == (getattr(pace, key, None) if default is None else default), key
        assert (key in shown) == (getattr(read, key) is not None), key


def test_the_keys_of_a_source_exist_with_all_their_choices() -> None:
    documented = table("key of `[[source]]`")
    assert documented.keys() <= {*tables.CommonSource.model_fields, *itertools.chain(*kinds().values())}
    for key in documented.keys() & tables.CommonSource.model_fields.keys():
        annotation = tables.CommonSource.model_fields[key].annotation
        words = [word for each in (annotation, *get_args(annotation)) for word in get_args(each)]
        choices = {f'"{word}"' for word in words if isinstance(word, str)}
        assert choices <= {*codes(documented[key][0])}, key


def test_every_kind_and_every_format_is_documented() -> None:
    assert coming_with_us(sources, "Options") <= {*codes(table("key of `[[source]]`")["kind"][0])}
    own = coming_with_us(formats, "FILENAME")
    assert own == {*re.findall(r'"\w+"', "".join(table("key of `[site]`")["formats"]))}
    described = schema.said(tables.CommonSource)["kind"] + schema.said(tables.Site)["formats"]
    assert coming_with_us(sources, "Options") | own <= {*codes(described)}
