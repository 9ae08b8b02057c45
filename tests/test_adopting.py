"""`aggregator import` and `export` as commands: what they print and write, over real files, pipes and a real server."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator import adopting, config, importing
from tests.planet import Planet
from tests.server import Server

ROOT = Path(__file__).parents[1]
TOML = """# my own words
[site]
title = "P"
base_url = "https://p.example/"

[fetch]
allow_networks = ["127.0.0.0/8"]

[[source]]
url = "http://old.example/feed/"   # kept as it is
"""
OPML = """<?xml version="1.0"?><opml version="2.0"><head/><body>
<outline text="Tech"><outline text="New &amp; shiny" xmlUrl="https://new.example/feed" language="en"/>
<outline text="Old" xmlUrl="https://old.example/feed"/></outline>
<outline text="Closed" xmlUrl="https://me:hunter2@closed.example/feed"/>
<outline text="Birds" xmlUrl="|~/birds.py"/>
</body></opml>
"""
ADDED = """
[[source]]
url = "https://new.example/feed"
title = "New & shiny"
category = ["Tech"]
language = "en"

[[source]]
url = "https://closed.example/feed"
title = "Closed"
basic = "env:LOGIN_CLOSED_EXAMPLE"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "config" / "aggregator.toml"
    file.parent.mkdir()
    file.write_text(TOML, encoding="utf-8")
    (tmp_path / "list.opml").write_text(OPML, encoding="utf-8")
    return file


def aggregator(folder: Path, *arguments: str, given: bytes = b"") -> tuple[int, str, str]:
    command = [sys.executable, "-m", "aggregator", *arguments]
    done = subprocess.run(command, cwd=folder, input=given, capture_output=True, env={"PYTHONPATH": str(ROOT)})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_the_feeds_of_a_list_are_added_and_the_rest_is_said(file: Path, tmp_path: Path) -> None:
    code, out, err = aggregator(tmp_path, "import", "list.opml")
    assert code == 0
    assert file.read_text(encoding="utf-8") == TOML + ADDED
    assert '+title = "New & shiny"' in out.splitlines()
    assert out.splitlines()[-1] == "list.opml (OPML): 2 feeds added to config/aggregator.toml; 1 there already"
    assert [" ".join(line.split()) for line in err.splitlines()] == [
        "left line 5: Birds |~/birds.py: its address is no http:// or https://",
        "note the login of https://closed.example/feed is not written into the config: set LOGIN_CLOSED_EXAMPLE to user:password where"
        " aggregator runs; in a shell: export LOGIN_CLOSED_EXAMPLE='user:password'; cron or the service needs it, too",
    ]
    assert "hunter2" not in out + err
    assert len(config.load(file).sources) == 3

    code, out, err = aggregator(tmp_path, "import", "list.opml")
    assert (code, out.splitlines()) == (0, ["list.opml (OPML): 0 feeds added to config/aggregator.toml; 3 there already"])  # fmt: skip
    assert file.read_text(encoding="utf-8") == TOML + ADDED


def test_each_login_of_a_host_has_a_variable_of_its_own(file: Path, tmp_path: Path) -> None:
    earlier = '\n[[source]]\nurl = "https://a.example/0"\nbasic = "env:LOGIN_A_EXAMPLE"\n'
    file.write_text(TOML + earlier, encoding="utf-8")
    (tmp_path / "list").write_text(
        "".join(f"https://{who}@a.example/{n}\n" for n, who in enumerate(("x:1", "y:2", "x:1"), 1))
    )
    code, _, err = aggregator(tmp_path, "import", "list")
    assert code == 0
    names = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("basic")]
    assert names == [f'basic = "env:LOGIN_A_EXAMPLE{end}"' for end in ("", "_2", "_3", "_2")]
    told = [" ".join(line.split()) for line in err.splitlines()]
    assert told[0].startswith("note the login of https://a.example/1, https://a.example/3 is not written")
    assert "set LOGIN_A_EXAMPLE_3 to" in told[1]


@pytest.mark.parametrize(
    ("login", "is_ignored"), [("", False), ("me:a%20b@", False), ("me@", True), ("me:other@", True)]
)
@pytest.mark.parametrize(
    "own", ['url = "https://me:a%20b@a.example/"', 'url = "https://a.example/"\nbasic = "file:login"']
)
def test_a_login_beside_that_of_the_config_is_said_to_be_ignored(
    file: Path, tmp_path: Path, own: str, login: str, *, is_ignored: bool
) -> None:
    (tmp_path / "login").write_text("me:a b\n")
    file.write_text(f"{TOML}\n[[source]]\n{own}\n", encoding="utf-8")
    (tmp_path / "list").write_text(f"https://{login}a.example/\n")
    made = adopting.adopt(config.load(file), str(tmp_path / "list"), datetime(2026, 1, 1, tzinfo=UTC))
    said = "the login of https://a.example/ is ignored: the config has the feed already, and its login stays as it is"
    assert (len(made.there), made.logins) == (1, (said,) if is_ignored else ())


def test_a_dry_run_and_json_write_nothing_and_answer(file: Path, tmp_path: Path) -> None:
    code, out, _ = aggregator(tmp_path, "import", "--dry-run", "-", given=OPML.encode())
    assert (code, file.read_text(encoding="utf-8")) == (0, TOML)
    assert out.splitlines()[-1].startswith("standard input (OPML): 2 feeds would be added")
    code, out, err = aggregator(tmp_path, "import", "--dry-run", "--json", "list.opml")
    assert (code, err, file.read_text(encoding="utf-8")) == (0, "", TOML)
    assert json.loads(out) == {
        "list": "list.opml",
        "kind": "opml",
        "new": [
            {"url": "https://new.example/feed", "title": "New & shiny", "categories": [["Tech"]]},
            {"url": "https://closed.example/feed", "title": "Closed", "categories": []},
        ],
        "there": [{"url": "https://old.example/feed", "title": "Old", "categories": [["Tech"]]}],
        "twice": 0,
        "not_taken": [{"where": "line 5", "what": "Birds |~/birds.py", "why": "its address is no http:// or https://"}],
        "broken": None,
        "logins": [
            "the login of https://closed.example/feed is not written into the config: set LOGIN_CLOSED_EXAMPLE to user:password where"
            " aggregator runs; in a shell: export LOGIN_CLOSED_EXAMPLE='user:password'; cron or the service needs it, too"
        ],
        "written": False,
    }


def test_a_list_at_a_url_is_asked_for_politely(file: Path, tmp_path: Path) -> None:
    with Server() as server:
        server.put("/list.opml", OPML.encode())
        code, _, _ = aggregator(tmp_path, "import", "-q", server.url("/list.opml").replace("//", "//me:secret@"))
        assert (code, file.read_text(encoding="utf-8")) == (0, TOML + ADDED)
        assert [request.path for request in server.log][-1] == "/list.opml"
        assert "aggregator" in server.log[-1].headers["user-agent"]
        code, out, err = aggregator(tmp_path, "import", server.url("/gone").replace("//", "//me:secret@"))
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "404" in err
    assert "secret" not in err


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ("nowhere.opml", 1, "nowhere.opml: cannot be read (No such file or directory); give the path"),
        (".", 1, ".: cannot be read (Is a directory)"),
        ("no.list", 1, "no.list: is none of the lists that are known"),
        ("torn.opml", 1, "torn.opml: line 1: not well-formed XML"),
        ("half.opml", 0, "half.opml: line 2: not well-formed XML (no element found); what comes behind that is not read"),
        ("none.opml", 1, ""),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_line(file: Path, tmp_path: Path, given: str, code: int, said: str) -> None:
    (tmp_path / "no.list").write_text("hello\nworld\n")
    (tmp_path / "torn.opml").write_text("<opml><body>")
    (tmp_path / "half.opml").write_text("<opml><body><outline xmlUrl='https://half.example/'/>\n")
    (tmp_path / "none.opml").write_text("<opml><body/></opml>")
    answered, _, err = aggregator(tmp_path, "import", given)
    assert answered == code
    assert said in err
    assert len(err.splitlines()) <= 1
    assert (file.read_text(encoding="utf-8") == TOML) is (code == 1)


def test_many_alike_are_told_as_one(file: Path, tmp_path: Path) -> None:
    rows = "".join(f"<outline xmlUrl='https://a.example/{n}' text='{n}' frss:priority='x'/>\n" for n in range(50))
    (tmp_path / "many.opml").write_text(f"<opml><body>{rows}</body></opml>")
    _, _, err = aggregator(tmp_path, "import", "many.opml")
    assert len(err.splitlines()) == 6
    assert "and 44 like it (--json has all): frss:priority is not taken over" in err


def test_a_config_whose_source_is_a_value_is_edited_too(file: Path, tmp_path: Path) -> None:
    plain = TOML[: TOML.index("[[source]]")]
    file.write_text('source = [{ url = "https://old.example/feed" }]\n' + plain, encoding="utf-8")
    assert aggregator(tmp_path, "import", "list.opml")[0] == 0
    assert len(config.load(file).sources) == 3


def test_what_a_list_says_of_categories_is_kept_where_nothing_is_said_yet(file: Path, tmp_path: Path) -> None:
    file.write_text(TOML + '\n[[category]]\npath = "tech"\n', encoding="utf-8")
    inner = "<outline text='Web' description='All of it'><outline xmlUrl='https://a.example/'/></outline>"
    empty = "<outline text='Empty' description='Nothing'/>"
    body = f"<outline text='Tech' description='Not this'>{inner}</outline>{empty}"
    (tmp_path / "said.opml").write_text(f"<opml><body>{body}</body></opml>")
    assert aggregator(tmp_path, "import", "said.opml")[0] == 0
    said = {path: each.description for path, each in config.load(file).categories.items()}
    assert said == {("tech",): "", ("Tech", "Web"): "All of it"}
    assert b'text="Web" description="All of it"' in aggregator(tmp_path, "export")[1].encode()


def test_what_is_exported_is_on_standard_output_alone(file: Path, tmp_path: Path) -> None:
    aggregator(tmp_path, "import", "-q", "list.opml")
    code, out, err = aggregator(tmp_path, "export", "--as", "urls")
    assert code == 0
    assert out == (
        'http://old.example/feed/\nhttps://new.example/feed "~New & shiny" "Tech"\n'
        'https://closed.example/feed "~Closed"\n'
    )
    assert err.splitlines() == [
        "note urls cannot hold: language of 1",
        "note these keys stay in the config alone: basic",
    ]
    assert importing.read(aggregator(tmp_path, "export")[1].encode(), "x").kind == "opml"
    assert json.loads(aggregator(tmp_path, "export", "--json")[1])[1]["title"] == "New & shiny"


def test_a_planet_moves_as_a_whole(tmp_path: Path) -> None:
    """From one config to another by OPML: the sources are the same, key by key."""
    old = Planet(tmp_path / "old")
    (tmp_path / "old").mkdir()
    old.feed("https://a.example/feed", title="A", category=[["x", "y"], ["z"]], language="de")
    old.feed("rsshub://b/c", title="B & co")
    old.write()
    new = Planet(tmp_path / "new")
    (tmp_path / "new").mkdir()
    new.write()
    _, out, _ = aggregator(old.root, "export")
    assert aggregator(new.root, "import", "-", given=out.encode())[0] == 0
    moved = {each.key: each for each in config.load(new.root / "config" / "aggregator.toml").sources}
    for source in old.load().sources:
        there = moved[source.key]
        assert (there.title, set(there.categories), there.language) == (
            source.title,
            set(source.categories),
            source.language,
        )
