"""The JSON Schema of the config: every key is described, its examples are right, and it agrees with `check`."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from aggregator import config, starting, values
from aggregator.cli import cli
from aggregator.config import lists, rules, schema, tables, types
from aggregator.errors import ConfigError
from aggregator.model import Pace

ROOT = Path(__file__).parents[1]
TAPLO = Path(sys.executable).with_name("taplo")
MADE = schema.schema()
VALIDATOR = Draft202012Validator(MADE)
SITE = '[site]\ntitle = "P"\nbase_url = "https://p.example/"\n'

TABLES: dict[str, tuple[type[BaseModel], dict[str, object]]] = {
    "site": (tables.Site, {"title": "P", "base_url": "https://p.example/"}),
    "fetch": (tables.Fetching, {}),
    "web": (tables.Web, {}),
    "host": (tables.Host, {"name": "a.example"}),
    "list": (lists.List, {}),
    "category": (tables.CategorySettings, {"path": "tech"}),
    "source": (tables.CommonSource, {}),
    "category.rule": (rules.CategoryRule, {}),
    "source.rule": (rules.SourceRule, {}),
    "match": (rules.MatchTable, {}),
}
"""Each table that there is, and what of it must be given."""
for _kind, _table in schema.of_kinds().items():
    TABLES[_kind] = (_table, {"url": "https://a.example/"} if "url" in _table.model_fields else {})


KEYS = [(name, key) for name, (table, _) in TABLES.items() for key in table.model_fields]


def described(table: type[BaseModel], key: str) -> dict[str, Any]:
    found: dict[str, Any] = schema.of_table(table, {})["properties"][key]
    return found


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_every_key_is_described_in_its_class_and_shows_a_value(name: str, key: str) -> None:
    """The text stands below the key: see aggregator/config/tables.py. A key without a default says `Example: `...`."""
    found = described(TABLES[name][0], key)
    assert found.get("description", "").endswith((".", "...")), f"write what `{key}` is for below it, as a text"
    common = name == "source" and key in tables.Pacing.model_fields  # as in [fetch]
    assert common or "default" in found or "examples" in found, f"write an example of `{key}`: Example: `VALUE`."


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_defaults_and_examples_are_values_of_their_keys(name: str, key: str) -> None:
    table, required = TABLES[name]
    found = described(table, key)
    for value in (*found.get("examples", ()), *([found["default"]] if "default" in found else ())):
        if not (name.endswith("rule") and key == "when"):  # which does nothing alone
            table.model_validate({**required, key: value})


@pytest.mark.parametrize("name", ["site", "fetch", "web", "host", "source", "category"])
def test_the_default_is_what_holds(name: str) -> None:
    table, required = TABLES[name]
    shown = {key: described(table, key).get("default") for key in table.model_fields}
    said = table.model_validate({**required, **{key: value for key, value in shown.items() if value is not None}})
    silent = table.model_validate(required)
    for key in table.model_fields:
        held = getattr(silent, key)
        if held is None and name == "fetch":
            held = getattr(Pace(), key, None)
        assert getattr(said, key) == held, key
        assert key in required or (shown[key] is None) == (held in (None, "", (), {})), (
            f"{key}: its default is not shown"
        )


# --- It agrees with `check` -----------------------------------------------------------------------------------------


def blocks() -> list[str]:
    """Every config in our documents."""
    found = []
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))):
        found += re.findall(r"```toml\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL)
    return found


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(MADE)


def test_the_command_prints_it() -> None:
    assert json.loads(CliRunner().invoke(cli, ["schema"]).output) == MADE


def test_the_configs_that_we_show_pass() -> None:
    shown = [(ROOT / "config" / "aggregator.toml").read_text(encoding="utf-8"), *blocks()]
    shown.append(starting._CONFIG.format_map({key: f'"{value}"' for key, value in starting.DEFAULTS.items()}))
    for text in shown:
        data = tomllib.loads(text)
        data.setdefault("site", TABLES["site"][1])
        if isinstance(data.get("source"), dict):  # a rule that is shown without its source
            data["source"] = [{"url": "https://a.example/", **data["source"]}]
        VALIDATOR.validate(data)


RIGHT = (
    '[[source]]\nurl = "https://a.example/"',
    '[[source]]\nkind = "feed"\nurl = "rsshub://a/b"\nmirrors = ["https://r.example/"]\nschedule = 3600',
    '[[source]]\nkind = "seed"\npath = "posts"\ncategory = [["a", "b"], ["c"]]\ntimeout = 1.5',
    '[[source]]\nkind = "page"\nurl = "https://a.example/"\n[source.select]\nitem = "li"',
    '[[source]]\nkind = "my.own"\nstrange = 1',
    '[[category]]\npath = []\ncontent = "summary"\nrule = [{ strip = ["p"], when = { older = "1d" } }]',
    '[[category]]\npath = "a/b"\nof = [[]]',
    '[fetch]\ninterval = "1h 30m"\nmax_bytes = "1 kib"\nallow_networks = ["10.0.0.0/8"]',
    '[web]\ndashboard = ""\nlisten = "[::1]:80"',
)


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_passes(text: str, tmp_path: Path) -> None:
    VALIDATOR.validate(tomllib.loads(SITE + text))
    if "my.own" not in text:
        (tmp_path / "c.toml").write_text(SITE + text, encoding="utf-8")
        config.load(tmp_path / "c.toml")


WRONG = (
    "strange = 1",
    "[strange]",
    '[fetch]\ninterval = "soon"',
    "[fetch]\ninterval = -1",
    "[fetch]\nconcurrency = 0",
    '[fetch]\nmax_bytes = "ten"',
    "[web]\nlisten = 80",
    "[[source]]",
    '[[source]]\nkind = "page"',
    '[[source]]\nkind = "seed"\nurl = "https://a.example/"',
    '[[source]]\nurl = "https://a.example/"\npath = "b"',
    '[[source]]\nurl = "https://a.example/"\ncatgory = "b"',
    '[[source]]\nurl = "ftp://a.example/"',
    '[[source]]\nurl = "https://a.example/"\nidentity = "magic"',
    '[[source]]\nurl = "https://a.example/"\nheaders = { a = 1 }',
    '[[source]]\nurl = "https://a.example/"\nrule = [{ exclude = { titel = "a" } }]',
    '[[source]]\nkind = "page"\nurl = "https://a.example/"\nselect = { itme = "a" }',
    '[[category]]\ntitle = "a"',
    '[[category]]\npath = "a"\nrule = [{ route = ["b"] }]',
    '[[host]]\nname = "a.example"\nspacing = true',
    '[[list]]\nurl = "a.example"',
)


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_does_not(text: str, tmp_path: Path) -> None:
    assert not VALIDATOR.is_valid(tomllib.loads(SITE + text))
    (tmp_path / "c.toml").write_text(SITE + text, encoding="utf-8")
    with pytest.raises(ConfigError):
        config.load(tmp_path / "c.toml")


LENGTH = Draft202012Validator(schema.of_table(tables.Fetching, {})["properties"]["interval"])
SIZE = Draft202012Validator(schema.of_table(tables.Fetching, {})["properties"]["max_bytes"])


@settings(max_examples=200, deadline=None)
@given(st.text(" 019.smhdwkKMGiIbB", max_size=8) | st.integers(-2, 10**10) | st.floats(-1, 10, allow_nan=False))
def test_no_length_and_no_size_that_is_right_is_refused(value: object) -> None:
    for check, validator in ((values.duration, LENGTH), (values.size, SIZE)):
        try:
            check(value)
        except ValueError:
            continue
        assert validator.is_valid(value)


def test_every_key_that_types_name_is_used() -> None:
    used = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "aggregator/config").glob("*.py"))
    public = {
        name
        for name in vars(types)
        if name[0].isupper() and getattr(types, name).__class__.__name__ == "_AnnotatedAlias"
    }
    assert public and not [name for name in public if f"types.{name}" not in used and f"import {name}" not in used]


def test_an_editor_finds_the_schema_by_the_line_and_a_mistake_by_the_schema(tmp_path: Path) -> None:
    """taplo is what editors ask. The config is the example, with the line that the docs have."""
    (line,) = re.findall(
        r"^#:schema .*", (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    file = tmp_path / "aggregator.toml"
    (tmp_path / line.split()[1]).write_text(json.dumps(MADE), encoding="utf-8")

    def lint(said: str) -> subprocess.CompletedProcess[str]:
        file.write_text(f"{line}\n{said}", encoding="utf-8")
        return subprocess.run([TAPLO, "lint", file.name], cwd=tmp_path, capture_output=True, text=True)

    right = (ROOT / "config" / "aggregator.toml").read_text(encoding="utf-8")
    assert lint(right).returncode == 0
    wrong = lint(right.replace("\ntitle", "\ntitel", 1))
    assert wrong.returncode == 1
    assert "'titel' was unexpected" in wrong.stderr
