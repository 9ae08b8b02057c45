"""What every command answers with `--json` is what docs/json.md says, and no more."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from aggregator.cli import cli, main
from aggregator.publish import is_there
from tests.planet import Planet, atom, rss
from tests.server import Server
from tools import answers, shapes

ROOT = Path(__file__).parents[1]
STRICT = answers.schema(strict=True)
DAY = timedelta(days=1)

UNMET = {"Shards"}
"""Shapes that no command below answers: those of workers, which need PostgreSQL (see test_cluster.py)."""


def validate(command: str, value: Any) -> None:
    Draft202012Validator({**STRICT, "$ref": f"#/$defs/{command}"}).validate(value)


def met(value: Any, schema: dict[str, Any]) -> Iterator[str]:
    """The names of the shapes that a value has in it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield name
        yield from met(value, STRICT["$defs"][name])
    for each in schema.get("anyOf", ()):
        if Draft202012Validator({**STRICT, **each}).is_valid(value):
            yield from met(value, each)
    if isinstance(value, list):
        for each in value:
            yield from met(each, schema.get("items", {}))
    elif isinstance(value, dict):
        for key, inner in schema.get("properties", {}).items():
            if key in value:
                yield from met(value[key], inner)


@pytest.fixture
def planet(tmp_path: Path) -> Iterator[Planet]:
    """A planet with all that answers tell of: two that carry one story, one that fails, one that has moved, a page."""
    with Server() as server:
        made = Planet(tmp_path)
        made.now = datetime.now(UTC).replace(microsecond=0) - 5 * DAY
        made.site["allow_commands"] = True
        one = {"id": "https://a.example/1", "title": "One", "date": made.now}
        old, two = {**one, "id": "urn:2", "title": "Old"}, {**one, "id": "urn:3", "title": "Two"}
        server.put("/a", atom([one, old, two], "A", self=server.url("/a")))
        server.put(
            "/b", rss([{"guid": str(one["id"]), "link": "https://b.example/", "title": "One", "date": made.now}])
        )
        server.put("/page", b"<ul><li><a href='/x'>X</a></li><li>none</li></ul>", headers={"Content-Type": "text/html"})
        server.redirect("/moving", "/c", status=301)
        server.put("/c", atom([{"id": "urn:c", "title": "C", "date": made.now}], "C", self=server.url("/c")))
        server.put("/new", atom([{"id": "urn:n", "title": "N", "date": made.now}], "New", self=server.url("/new")))
        made.feed(server.url("/a"), category="tech", rule=[{"exclude": {"title": "old"}}])
        made.feed(server.url("/b"))
        made.feed(server.url("/moving"), title="Moving")
        made.feed(server.url("/lost"), title="Lost")
        made.sources.append({"kind": "page", "url": server.url("/page"), "title": "Page", "select": {"item": "li"}})
        made.run()
        made.run(force=True, later=2 * DAY)
        server.put(
            "/a",
            atom([{**one, "text": "New words."}, {**one, "id": "urn:4", "title": "3"}], "A", self=server.url("/a")),
        )
        made.site["keep"] = 1
        made.write()
        (tmp_path / "list.opml").write_text(
            "<opml><body><outline xmlUrl='https://new.example/'/><outline xmlUrl='https://new2.example/'/>"
            f"<outline xmlUrl='{server.url('/a')}'/><outline xmlUrl='ftp://a.example/'/></body></opml>"
        )
        made.site["served by"] = server.url("")
        yield made


def answered(
    planet: Planet, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: list[str]
) -> Any:
    """What a command prints, as JSON."""
    monkeypatch.chdir(planet.root)
    monkeypatch.setattr(sys, "argv", ["aggregator", *words, "--json"])
    capfd.readouterr()
    try:
        main()
    except SystemExit as ended:
        assert ended.code in (0, 1, 2)
    return json.loads(capfd.readouterr().out)


def test_every_command_answers_as_it_is_documented(
    planet: Planet, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    url = planet.site.pop("served by")
    commands: list[tuple[str, list[str]]] = [
        ("list items", ["list", "items"]),
        ("prune", ["prune", "--dry-run"]),
        ("once", ["once", "--dry-run", "--force"]),
        ("once", ["once"]),
        ("once", ["once"]),
        ("check", ["check"]),
        ("preview", ["preview", "Page"]),
        ("preview", ["preview", f"{url}/a"]),
        ("explain", ["explain", "One"]),
        ("list sources", ["list", "sources"]),
        ("list categories", ["list", "categories"]),
        ("list items", ["list", "items"]),
        ("status", ["status"]),
        ("status SOURCE", ["status", "Lost"]),
        ("doctor", ["doctor", "--offline"]),
        ("export", ["export"]),
        ("import", ["import", "list.opml"]),
        ("add", ["add", f"{url}/new"]),
        ("status", ["status"]),
        ("disable", ["disable", "Lost"]),
        ("enable", ["enable", "Lost"]),
        ("remove", ["remove", "Lost"]),
        ("init", ["init", "new", "--yes"]),
        ("migrate-store", ["migrate-store", "var/aggregator.db", "var/other.db"]),
        ("any that fails", ["status", "nothing of that name"]),
        ("any that fails", ["explain", "nothing of that name"]),
    ]
    seen: set[str] = set()
    for command, words in commands:
        value = answered(planet, monkeypatch, capfd, words)
        validate(command, value)
        seen |= {*met(value, STRICT["$defs"][command])}
    assert {command for command, _ in commands} == shapes.ANSWERS.keys() - {"serve"}
    assert STRICT["$defs"].keys() - shapes.ANSWERS.keys() - seen == UNMET


def test_a_broken_config_is_answered_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    planet = Planet(tmp_path)
    planet.site["titel"] = "x"
    planet.write()
    for command, words in (("check", ["check"]), ("doctor", ["doctor"]), ("any that fails", ["once"])):
        validate(command, answered(planet, monkeypatch, capfd, words))


def test_serve_says_where(planet: Planet) -> None:
    del planet.site["served by"]
    planet.web = {"listen": "127.0.0.1:0"}
    command = [sys.executable, "-m", "aggregator", "serve", "--json", "--config", str(planet.write())]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=planet.root, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(5)]
        process.terminate()
    validate("serve", json.loads("".join(lines)))
    assert is_there(planet.root / "feeds" / "rss.xml")


def test_every_command_is_documented_or_said_not_to_be() -> None:
    said = (ROOT / "docs" / "json.md").read_text(encoding="utf-8").split("\n## ")[0]
    documented = {words.split()[0] for words in shapes.ANSWERS}
    assert {name for name in cli.commands if name not in documented and f"`{name}`" not in said} == set()


def test_a_new_key_is_found() -> None:
    with pytest.raises(Exception, match="unexpected"):
        validate("check", {"config": "a", "problems": [], "more": 1})
    Draft202012Validator({**answers.schema(), "$ref": "#/$defs/check"}).validate(
        {"config": "a", "problems": [], "x": 1}
    )
