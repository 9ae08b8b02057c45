"""The command line as its users meet it: exit codes, silence, JSON, and one line for a mistake, never a trace."""

import contextlib
import fcntl
import json
import logging
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aggregator import __version__
from aggregator.cli import cli, main
from aggregator.cli.common import fail
from aggregator.errors import AggregatorError, ConfigError
from tests.planet import Planet, rss
from tests.server import Server

HEAVY = "alembic apscheduler bs4 feedgen feedparser frontmatter httpx lxml markdown_it nh3 pydantic rich sqlalchemy starlette uvicorn"


@pytest.fixture
def planet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planet:
    """A planet with one post, which is the current folder."""
    planet = Planet(tmp_path)
    planet.post("a.md", title="The first post", date="2026-03-01T00:00:00Z", categories=["Tech"])
    planet.seeds(title="Our posts")
    planet.load()
    monkeypatch.chdir(tmp_path)
    return planet


@pytest.fixture
def nobody() -> str:
    """A URL on loopback where nobody listens."""
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{used.getsockname()[1]}/feed.xml"


Said = tuple[int | str | None, str, str]


class Shell:
    """The program in this process: what it exits with, and what it writes to standard output and error."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capsys, self.monkeypatch = capsys, monkeypatch

    def __call__(self, *args: str) -> Said:
        self.monkeypatch.setattr(sys, "argv", ["aggregator", *args])
        code: int | str | None = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        out, err = self.capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    def json(self, *args: str) -> Any:
        """What it answers with --json."""
        code, out, err = self(*args, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    level = logging.getLogger().level
    yield Shell(capsys, monkeypatch)
    logging.getLogger().setLevel(level)


def program(*args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The program as a process of its own."""
    command = [sys.executable, "-m", "aggregator", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


# --- Help -----------------------------------------------------------------------------------------------------------


def test_help_is_instant() -> None:
    def seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    best = 9.0
    for _ in range(5):
        before = seconds()
        assert program("--help").returncode == 0
        best = min(best, seconds() - before)
    assert best < 0.2


def test_help_loads_no_heavy_library() -> None:
    code = f"""
import sys
sys.argv = ["aggregator", "--help"]
from aggregator.cli import main
try:
    main()
except SystemExit:
    pass
print("loaded:", *(name for name in {HEAVY.split()!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_a_run_with_nothing_due_loads_only_what_it_needs(planet: Planet) -> None:
    """No client, no parser, no rich, no migrations: these are half of what a run from cron would cost."""
    needed = ("feedgen", "lxml", "pydantic", "sqlalchemy")
    ours = (
        "aggregator.collect",
        "aggregator.keeping",
        "aggregator.network",
        "aggregator.report",
        "aggregator.rehearsal",
    )
    theirs = ("multiprocessing", "pygments", "sqlalchemy.dialects.postgresql")
    idle = [name for name in (*HEAVY.split(), *theirs, *ours) if name not in needed]
    code = f"""
import sys
from aggregator.cli import main
sys.argv = ["aggregator", "once"]
try:
    main()
except SystemExit as ended:
    assert not ended.code
print("loaded:", *(name for name in {idle!r} if name in sys.modules))
"""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", code]
    planet.sources.clear()
    with Server() as server:
        server.put("/feed.xml", rss([{"title": "One", "guid": "1"}]), etag=True)
        planet.feed(server.url("/feed.xml"))
        planet.load()
        said = [
            subprocess.run(command, cwd=planet.root, env=env, capture_output=True, text=True, check=True).stdout
            for _ in range(2)
        ]
        assert len(server.log) == 1
    assert "httpx" in said[0]  # the first run asked, so the list is able to show something
    assert said[1] == "loaded:\n"


@pytest.mark.parametrize(
    "command",
    ["", "once", "daemon", "check", "list", "list sources", "list categories", "list items", "prune", "migrate-store"],
)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(cli, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")
    assert "--config PATH" in result.output
    listed = result.output.partition("Commands:")[2]
    assert "..." not in listed, "the first sentence of a command's help must fit"


def test_version(shell: Shell) -> None:
    assert shell("--version") == (0, f"aggregator, version {__version__}\n", "")


@pytest.mark.parametrize(
    "args", ["", "list", "nonsense", "once --nonsense", "list nonsense", "list items --limit 0", "--config"]
)
def test_wrong_usage(shell: Shell, args: str) -> None:
    code, out, err = shell(*args.split())
    assert (code, out) == (2, "")
    assert "Usage: " in err or "Error: " in err


# --- once -----------------------------------------------------------------------------------------------------------


def test_once_is_silent_when_all_is_well(planet: Planet) -> None:
    done = program("once", cwd=planet.root)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert planet.titles() == ["The first post"]


def test_once_tells_what_came_in(planet: Planet, shell: Shell) -> None:
    code, out, err = shell("once", "-v")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].split() == ["Our", "posts", "1", "0", "0", "0", "0"]
    assert out.splitlines()[-1] == "4 files written in feeds/ (2 categories)"
    assert shell("-v", "once")[1].splitlines()[-1] == "nothing to write in feeds/ (2 categories)"


def test_a_failing_source_is_reported_and_not_fatal(planet: Planet, shell: Shell, nobody: str) -> None:
    planet.feed(nobody, title="Nobody")
    planet.load()
    code, out, err = shell("once")
    assert (code, out) == (0, "")
    assert err.startswith("failed  Nobody: refused: ")
    assert err.count("\n") == 1
    assert planet.titles() == ["The first post"]
    assert shell("once", "--force", "-q")[2].startswith("failed  Nobody: refused: ")
    assert shell("once")[2] == "", "it is not due yet"


def test_strict_makes_any_failure_count(planet: Planet, shell: Shell, nobody: str) -> None:
    planet.feed(nobody)
    planet.load()
    assert shell("once", "--strict")[0] == 1
    assert planet.titles() == ["The first post"]


def test_nothing_could_be_done(planet: Planet, shell: Shell, nobody: str) -> None:
    planet.sources.clear()
    planet.feed(nobody)
    planet.load()
    code, out, err = shell("once", "--quiet")
    assert (code, out) == (1, "")
    assert err.startswith("failed  refused: ")


def test_force_asks_what_is_not_due(planet: Planet, shell: Shell) -> None:
    with Server() as server:
        server.put("/feed.xml", rss([{"title": "One", "guid": "1"}]), etag=True)
        planet.feed(server.url("/feed.xml"))
        planet.load()
        for args in ((), (), ("--force",)):
            assert shell("once", *args) == (0, "", "")
        assert [request.status for request in server.log] == [200, 304]


def test_once_for_programs(planet: Planet, shell: Shell, nobody: str) -> None:
    planet.feed(nobody)
    planet.load()
    result = shell.json("once")
    assert list(result) == ["sources", "skipped", "written", "problems", "notes"]
    failed, posts = result["sources"]
    assert " ".join(posts) == "key kind title new edited removed same waiting error warnings seconds next_visit"
    assert (posts["key"], posts["new"], posts["error"]) == ("seed:seeds", 1, "")
    assert (failed["key"], failed["new"], failed["error"][:8]) == (nobody, 0, "refused:")
    assert sorted(result["written"]) == ["atom.xml", "rss.xml", "tech/atom.xml", "tech/rss.xml"]
    again = shell.json("once")
    assert [each["key"] for each in again["skipped"]] == [nobody]
    assert again["written"] == []


def test_a_log_line_for_every_step(planet: Planet) -> None:
    with Server() as server:
        server.put("/feed.xml", rss([{"title": "One", "guid": "1"}]))
        planet.feed(server.url("/feed.xml"))
        planet.load()
        done = program("once", "-vv", cwd=planet.root)
    assert done.returncode == 0
    assert f"aggregator.fetching.client: GET {server.url('/feed.xml')}: HTTP 200" in done.stderr
    assert "aggregator: 2 of 2: " in done.stderr
    assert len(done.stderr.splitlines()) < 12


def test_one_run_at_a_time(planet: Planet, shell: Shell) -> None:
    shell("once")
    with (planet.root / "var" / "aggregator.db.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(json.dumps({"pid": os.getpid(), "since": "2026-03-14T12:00:00Z"}))
        lock.flush()
        code, out, err = shell("once", "--json")
        assert code == 75
        assert json.loads(out)["code"] == 75
        assert err.startswith(f"aggregator: another run is at work (process {os.getpid()}, since 2026-03-14T12:00:00Z)")
        assert shell("list", "sources")[0] == 0, "looking is always allowed"
    assert shell("once")[0] == 0


# --- check ----------------------------------------------------------------------------------------------------------


def test_check_when_all_is_well(planet: Planet, shell: Shell) -> None:
    assert shell("check") == (0, "config/aggregator.toml: all is well; sources: 1 of kind seed\n", "")
    assert shell("check", "-q") == (0, "", "")
    assert shell.json("check") == {"config": "config/aggregator.toml", "problems": []}
    assert not (planet.root / "var").exists()
    assert not (planet.root / "feeds").exists()


def test_check_says_all_that_is_wrong(planet: Planet, shell: Shell) -> None:
    planet.site["titel"] = "x"
    planet.sources.append({"kind": "seed", "path": "none"})
    with contextlib.suppress(ConfigError):
        planet.load()
    code, out, err = shell("check")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        'aggregator: config/aggregator.toml:4: site.titel: unknown key; did you mean "title"?',
        f"aggregator: config/aggregator.toml:18: source[2].path: {planet.root}/none does not exist; "
        "create the folder or mend the path",
    ]
    code, out, err = shell("--json", "check")
    assert (code, err) == (2, "")
    assert [problem.split(": ")[1] for problem in json.loads(out)["problems"]] == ["site.titel", "source[2].path"]


def test_check_names_addresses_that_would_be_refused(planet: Planet, shell: Shell) -> None:
    urls = ("http://10.0.0.7/feed", "https://localhost/feed", "http://[::1]:81/feed", "http://me:word@192.168.1.1/")
    fine = ("http://127.0.0.1/", "http://10.0.0.8:8080/feed", "https://news.example/", "http://8.8.8.8/feed")
    for url in (*urls, *fine):
        planet.feed(url)
    planet.feed("http://10.0.0.9/", enabled=False)
    planet.fetch["allow_networks"] = ["127.0.0.1:80", "10.0.0.8:8080"]
    planet.write()
    code, _, err = shell("check")
    lines = err.splitlines()
    assert (code, len(lines)) == (2, len(urls))
    wanted = ("10.0.0.7:80", "127.0.0.1:443", "[::1]:81", "192.168.1.1:80")
    for number, (line, entry) in enumerate(zip(lines, wanted, strict=True), 2):
        assert f"source[{number}].url: private address: " in line
        assert line.endswith(f'if it is meant, add "{entry}" to allow_networks in [fetch]')
    assert "word" not in err
    assert planet.load().sources  # a run goes on with the others


# --- list -----------------------------------------------------------------------------------------------------------


def test_lists_before_the_first_run(planet: Planet, shell: Shell) -> None:
    _, source = shell("list", "sources")[1].splitlines()
    assert source.split("  ")[0] == "Our posts"
    assert source.split()[2:] == ["never", "every", "run"]
    for what in ("categories", "items"):
        assert shell("list", what) == (0, "", "nothing yet; `aggregator once` fills the store\n")
        assert shell.json("list", what) == []


def test_list_sources(planet: Planet, shell: Shell, nobody: str) -> None:
    planet.feed(nobody, title="Nobody", category="Tech")
    planet.load()
    shell("once")
    header, posts, remote = shell("list", "sources")[1].splitlines()
    assert header.split() == ["source", "last", "success", "next", "visit", "trouble"]
    assert posts.split()[-3:] == ["ago", "every", "run"]
    assert re.match(r"Nobody +never +in 6\d min ", remote)
    assert nobody in remote
    first, second = shell.json("list", "sources")
    assert list(first)[:10] == [
        "key",
        "kind",
        "title",
        "enabled",
        "categories",
        "last_visit",
        "last_success",
        "next_visit",
        "reason",
        "failures",
    ]
    assert list(first)[10:] == ["error", "warnings", "gone", "moved_to", "same_as", "paused_until", "hub", "identity"]
    assert (first["key"], first["failures"], first["last_visit"]) == ("seed:seeds", 0, first["last_success"])
    assert (second["categories"], second["failures"], second["last_success"]) == ([["Tech"]], 1, None)


def test_list_categories(planet: Planet, shell: Shell) -> None:
    planet.post("b.md", title="第二", date="2026-03-02", categories=["新媒体", "博客"])
    shell("once")
    lines = shell("list", "categories")[1].splitlines()
    assert [line.split()[-1] for line in lines[1:]] == [
        "https://planet.example/feeds/rss.xml",
        "https://planet.example/feeds/tech/rss.xml",
        "https://planet.example/feeds/新媒体/rss.xml",
        "https://planet.example/feeds/新媒体/博客/rss.xml",
    ]
    assert lines[1].split()[:2] == ["(everything)", "2"]
    last = shell.json("list", "categories")[-1]
    page = "https://planet.example/feeds/%E6%96%B0%E5%AA%92%E4%BD%93/%E5%8D%9A%E5%AE%A2/"
    assert last == {
        "path": ["新媒体", "博客"],
        "title": "博客",
        "folder": "新媒体/博客",
        "entries": 1,
        "url": page,
        "urls": {"rss": page + "rss.xml", "atom": page + "atom.xml"},
    }


def test_prune(planet: Planet, shell: Shell) -> None:
    shell("once")
    assert shell("prune") == (0, "", "nothing is beyond its limits\n")
    assert shell("prune", "-q", "--left") == (0, "", "")
    planet.sources.clear()
    planet.load()
    shell("once")
    assert shell.json("prune") == []
    gone = [{"why": "left", "name": "seed:seeds", "entries": 1}]
    assert shell.json("prune", "--left", "--dry-run") == gone
    code, out, err = shell("prune", "--left")
    assert (code, [line.split() for line in out.splitlines()], err) == (
        0,
        [["why", "entries", "name"], ["left", "1", "seed:seeds"]],
        "",
    )
    assert shell.json("prune", "--left") == []


def test_list_items(planet: Planet, shell: Shell) -> None:
    planet.post("b.md", title="The second post", date="2026-03-02", categories=["新媒体", "博客"])
    shell("once")
    out = shell("list", "items")[1]
    assert [line.split("  ")[0::2][:1] for line in out.splitlines()[1:]] == [["2026-03-02"], ["2026-03-01"]]
    for args, titles in {
        (): ["The second post", "The first post"],
        ("--limit", "1"): ["The second post"],
        ("--category", "新媒体"): ["The second post"],
        ("--category", " 新媒体 / 博客"): ["The second post"],
        ("--category", ""): ["The second post", "The first post"],
        ("--source", "seed:seeds", "--category", "Tech"): ["The first post"],
    }.items():
        assert [item["title"] for item in shell.json("list", "items", *args)] == titles
    (item,) = shell.json("list", "items", "--category", "Tech")
    assert list(item)[:8] == ["id", "title", "url", "published", "updated", "first_seen", "source", "folders"]
    assert list(item)[8:] == ["copies", "also_in"]
    assert (item["published"], item["folders"]) == ("2026-03-01T00:00:00Z", ["tech"])
    assert [copy["file"] for copy in item["copies"]] == ["a.md"]


@pytest.mark.parametrize("args", [("--category", "Tech/none"), ("--source", "seed:none")])
def test_list_items_of_what_is_not_there(planet: Planet, shell: Shell, args: tuple[str, str]) -> None:
    shell("once")
    code, out, err = shell("list", "items", *args)
    assert (code, out) == (1, "")
    assert err.startswith(f"aggregator: there is no {args[0][2:]} ")


@pytest.mark.parametrize("args", ["--json list sources", "list --json sources", "list sources --json"])
def test_options_may_stand_anywhere(planet: Planet, shell: Shell, args: str) -> None:
    assert [source["key"] for source in json.loads(shell(*args.split())[1])] == ["seed:seeds"]
    assert json.loads(shell("--config", "config/aggregator.toml", *args.split())[1])


# --- Mistakes and bad luck ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("once",), ("list", "items"), ("check",)])
def test_no_config(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = shell(*command)
    assert (code, out) == (2, "")
    assert err == (
        "aggregator: config/aggregator.toml: there is no such file; "
        "run from the folder that holds config/, or give --config PATH\n"
    )


@pytest.mark.parametrize(
    ("site", "code", "said"),
    [
        ({"output": "file"}, 2, "aggregator: config/aggregator.toml:4: site.output: {root}/file is no folder"),
        ({"store": "sqlite:///file/a.db"}, 1, "aggregator: {root}/file/a.db.lock: the lock cannot be made: "),
        ({"store": "sqlite:///seeds"}, 1, "aggregator: {root}/seeds: the store cannot be opened: "),
        ({"store": "sqlite:///file"}, 1, "aggregator: {root}/file: the store cannot be opened: file is not a database"),
        ({"store": "postgres://u@h/x"}, 2, "aggregator: config/aggregator.toml:4: site.store: lacks "),
        ({"title": ""}, 2, "aggregator: config/aggregator.toml:2: site.title: is empty"),
    ],
)
def test_places_that_cannot_be_used(planet: Planet, shell: Shell, site: dict[str, str], code: int, said: str) -> None:
    (planet.root / "file").write_text("This is no folder, and no database.")
    planet.site |= site
    with contextlib.suppress(ConfigError):
        planet.load()
    found, out, err = shell("once")
    assert (found, out) == (code, "")
    assert err.splitlines()[0].startswith(said.format(root=planet.root))


@pytest.mark.parametrize("words", [("once", "--dry-run"), ("daemon",), ("worker",)], ids=" ".join)
def test_an_output_that_is_no_folder_is_told_before_anybody_is_asked(planet: Planet, words: tuple[str, ...]) -> None:
    (planet.root / "file").write_text("mine")
    planet.site["output"] = "file/feeds"
    planet.write()
    done = program(*words, cwd=planet.root, timeout=20)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"site.output: {planet.root}/file is no folder; mend that" in done.stderr
    assert not list(planet.root.rglob("*.db"))


def test_folders_with_odd_names(tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "a b's #1 新"
    root.mkdir()
    planet = Planet(root)
    planet.post("a.md", title="x")
    planet.seeds()
    planet.load()
    monkeypatch.chdir(root)
    assert shell("once") == (0, "", "")
    assert (root / "var" / "aggregator.db").is_file()


def test_a_locale_without_our_letters(planet: Planet, shell: Shell) -> None:
    planet.post("b.md", title="第二 📡", date="2026-03-02")
    shell("once")
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = program("list", "items", cwd=planet.root, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u7b2c\\u4e8c \\U0001f4e1" in done.stdout
    done = program("list", "items", "--json", cwd=planet.root, env=env)
    assert json.loads(done.stdout)[0]["title"] == "第二 📡"


@pytest.mark.parametrize("command", ["list items", "list items --json", "--help"])
@pytest.mark.parametrize("sink", ["/dev/full", "true |", ">&-"])
def test_nobody_takes_the_output(planet: Planet, shell: Shell, command: str, sink: str) -> None:
    if sink == "/dev/full" and not Path(sink).exists():
        pytest.skip("this system has no /dev/full")
    shell("once")
    line = f"{sys.executable} -m aggregator {command}"
    line = {"/dev/full": f"{line} >/dev/full", "true |": f"{line} | true", ">&-": f"{line} >&-"}[sink]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False, env=env)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_program_loads_leaves_no_trace(sign: signal.Signals) -> None:
    finder = (
        f"type('', (), {{'find_spec': lambda name, *_: name == 'click' and signal.raise_signal({sign:d}) or None}})"
    )
    code = f"import signal, sys; sys.meta_path.insert(0, {finder}); from aggregator.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-sign, "", "")


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_that_a_library_takes_for_its_own_trouble(sign: signal.Signals, code: int) -> None:
    program = f"""
import signal
from aggregator import cli

def busy(**_):
    try:
        signal.raise_signal({sign:d})
    except BaseException as error:
        raise ValueError(f"cannot be built: {{error!r}}") from None

cli.cli.main = busy
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_trouble_that_came_of_sigterm_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """A connection that is cut in the middle by SystemExit may fail once more while it is closed."""
    try:
        try:
            raise SystemExit(143)
        except SystemExit:
            raise ValueError("closed in the middle") from None
    except ValueError as error:
        told = AggregatorError("the store cannot be used")
        told.__context__ = error
    with pytest.raises(SystemExit) as end:
        fail(told, 1)
    assert (end.value.code, capsys.readouterr().err) == (143, "")
    with pytest.raises(SystemExit) as end:
        fail(AggregatorError("the store cannot be used"), 1)
    assert (end.value.code, capsys.readouterr().err) == (1, "aggregator: the store cannot be used\n")
