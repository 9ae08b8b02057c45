"""What a person is told is found by the catalogs, and errors speak his language; what is kept and logged does not."""

import ast
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from gettext import textdomain
from pathlib import Path

import pytest

from aggregator import config, following, importing, languages, starting
from aggregator.errors import AggregatorError, ConfigError, reason
from tests import messages
from tests.planet import Planet
from tests.running import running
from tests.server import Server
from tests.test_following import load
from tests.test_languages import run

ALWAYS = {"ConfigError", "LockedError", "StoreError", "MissingError", "UsageError", "BadParameter", "ClickException"}
"""Errors that only a person meets, wherever they are raised."""
KEPT = {
    # in these modules what is raised is kept or logged first
    *("archives", "channels", "daemon", "documents", "html", "objects", "publish", "target"),
    # and these say in English what is said in other words where it is shown
    *("explaining", "failures", "following", "listing", "status"),
}
ROOMS = ("config", "importing")
MODULES = ("adding", "adopting", "amending", "editing", "exporting", "previewing", "starting", "transferring", "values")
"""Where every sentence is for a person."""
PLAIN = {
    "The config of aggregator",  # in the JSON Schema
    "Bearer {}",
    "it has no {}",  # of a module, within the name of an exception
    "# feed NAME URL [PAGE]",
    "looking at",  # of the progress
    "{}: is asked for by the next run",  # notes of lists, which are kept
    "{}; the list has given no sources yet, and until it has no source leaves",
    "{}; the list is used as it last was",
    "{}: lines that are not taken over: {}; `{}` shows them",
    "aggregator import {} --dry-run",
}
"""What looks like a sentence there, and is none for the catalogs."""
MARKS = {"_", "marked", "ngettext", "pgettext", "_many", "WithJsonSchema", "_texts"}


def sentences(node: ast.AST) -> Iterator[str]:
    """The texts of two words or more within a node that no catalog can find; docstrings are none."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
        return
    if isinstance(node, ast.Constant | ast.JoinedStr):
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        text = "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in parts)
        words = [word for word in text.replace("{}", " ").split() if word.strip("`\"',;:()").isalpha()]
        if isinstance(getattr(node, "value", ""), str) and len(words) > 1:
            yield text
        for part in parts:
            if isinstance(part, ast.FormattedValue):
                yield from sentences(part.value)
        return
    for below in ast.iter_child_nodes(node):
        if not (isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)):
            yield from sentences(below)


def raised(tree: ast.AST, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            function = node.exc.func
            if (function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")) in names:
                yield node.exc


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def test_no_error_for_people_is_raised_in_english_alone() -> None:
    for path in sorted(messages.PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = ALWAYS if path.stem in KEPT else ALWAYS | {"AggregatorError"}
        for call in raised(tree, names):
            assert not list(sentences(call)), f"{path.name}:{call.lineno}"


def test_every_sentence_for_people_is_a_message() -> None:
    package = messages.PACKAGE
    paths = [path for room in ROOMS for path in (package / room).glob("*.py")]
    for path in [*paths, *(package / f"{name}.py" for name in MODULES)]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = {text for each in functions(tree) for below in each.body for text in sentences(below)}
        documented = {ast.get_docstring(each, clean=False) for each in functions(tree)}
        assert found - documented <= PLAIN, path.name


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise ConfigError(f'{file}: is no file')", ["{}: is no file"]),
        ("raise ConfigError(_('{file}: is no file').format(file=file))", []),
        ("raise ConfigError(f'{file}: {why}')", []),
        ("raise errors.ConfigError('a' if x else 'b c')", ["b c"]),
        ("raise ConfigError(_('of {what}').format(what=f\"{'no file' if x else y}\"))", ["no file"]),
    ],
)
def test_what_is_no_message_is_seen(code: str, said: list[str]) -> None:
    assert [text for call in raised(ast.parse(code), ALWAYS) for text in sentences(call)] == said


@contextmanager
def chinese(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As `main` does it where the environment asks for Chinese."""
    for name in [each for each in os.environ if each.startswith(("LC_", "LANG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    before = textdomain()
    languages.speak()
    try:
        yield
    finally:
        textdomain(before)


SITE = '[site]\ntitle = "T"\nbase_url = "https://example.org/"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[site]\n", ["1: site.title: 缺少此键；请写在 [site] 之下", "1: site.base_url: 缺少此键；请写在 [site] 之下"]),
        (SITE + "itms = 3\n", ['4: site.itms: 未知的键；是否想写 "items"？']),
        (SITE + "items = 0\n", ["4: site.items: 请写 1 或更大的数（现在是 0）"]),
        (SITE + 'content = "x"\n', ["4: site.content: 请写 'full' 或 'summary'（现在是 \"x\"）"]),
        (SITE + "items = \n", ["4: 无法读取这个值；文本请写在引号中"]),
        (SITE + '[[source]]\nkind = "fed"\n', ['5: source[1].kind: 没有名为 "fed" 的类型；是否想写 "feed"？']),
        (
            SITE + '[[source]]\nurl = "https://a.example/"\nschedule = "0 25 * * *"\n',
            ['6: source[1].schedule: 小时有误；请写分、时、日、月和星期，如 "0 7 * * *"（现在是 "0 25 * * *"）'],
        ),
        (
            SITE + '[[source]]\nurl = "https://a.example/"\n[[source.rule]]\ntitle = "{x}"\n',
            [
                "7: source[1].rule[1].title: 没有字段 {x}；可用的有 {source} {title} {author} {category} {language}"
                ' {date}（现在是 "{x}"）'
            ],
        ),
    ],
)
def test_what_is_wrong_with_a_config(
    text: str, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "aggregator.toml"
    with chinese(monkeypatch), pytest.raises(ConfigError) as met:
        config.check(file, text)
    assert list(met.value.problems) == [f"{file}:{each}" for each in said]


def test_lists_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with chinese(monkeypatch):
        found = importing.read(b"exec:~/bin/x\nhttps://a.example/feed\n", "x")
        with pytest.raises(AggregatorError, match=r"^x：不是有效的 JSON（第 1 行：.*）$"):
            importing.read(b"[[,", "x")
        headed = importing.read(b"x:\n## T\n- /a/b\n- /a/:b\n", "x")
    assert ([each.where for each in headed.feeds], headed.lost[0].where) == (["第 3 行"], "第 4 行")
    assert found.kind_name == "地址列表"
    assert [(each.where, each.why) for each in found.lost] == [
        ("第 1 行", '会运行程序；可改用 kind = "command" 的 [[source]]')
    ]


def test_what_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    with chinese(monkeypatch):
        assert reason(PermissionError(13, "Permission denied")) == "权限不足"
        assert reason(OSError(99, "Odd")) == "Odd"
        assert reason(OSError()) == "OSError"


def test_what_is_kept_stays_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that is not there, and the trouble of a list, are remembered by the store."""
    (tmp_path / "friends.opml").write_text('<opml><outline xmlUrl="https://b.example/feed"/></opml>')
    file = tmp_path / "aggregator.toml"
    file.write_text(
        SITE + '[[source]]\nurl = "https://a.example/"\nbasic = "env:SURELY_NOT"\n[[list]]\npath = "friends.opml"\n'
    )
    copy = config.load(file).lists[0].copy
    copy.parent.mkdir(parents=True)
    (tmp_path / "friends.opml").rename(copy)
    with chinese(monkeypatch):
        loaded = config.load(file)
        with pytest.raises(ConfigError, match="环境中没有变量 SURELY_NOT"):
            config.load(file, look=True)
        assert textdomain() == "commands"
    missing = {each.limits.access.missing for each in loaded.sources}
    assert missing == {"", "the environment has no variable SURELY_NOT; set it where aggregator runs"}
    name = tmp_path / "friends.opml"
    assert loaded.notes == (f"{name}: cannot be read (No such file or directory); the list is used as it last was",)


def test_the_trouble_of_a_list_is_kept_in_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planet = Planet(tmp_path)
    with Server() as server, chinese(monkeypatch):
        server.put("/list", b"nothing that is a list")
        loaded = load(planet, {"url": server.url("/list")})
        assert following.follow(loaded, planet.now)
        (note,) = config.load(loaded.file).notes
        assert "is none of the lists that are known: OPML, newsboat's urls, a list of addresses" in note
        assert textdomain() == "commands"


def test_the_log_of_a_daemon_is_english(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    with running(planet, environment={"LC_ALL": "zh_CN.UTF-8", "LANGUAGE": "zh", "PYTHONUTF8": "1"}) as daemon:
        daemon.wait_for("start")
        (planet.root / "config" / "aggregator.toml").write_text("[sight]\n", encoding="utf-8")
        assert "unknown key; did you mean" in daemon.wait_for("config")["message"]


@pytest.mark.parametrize("language", messages.LANGUAGES["commands"])
def test_the_files_of_a_new_planet_say_the_same(language: str) -> None:
    """Another language changes comments and words, and no key."""
    catalog = messages.read("commands", language)
    texts = dict(starting.TEMPLATES)
    told = {name: str(catalog[text].string) for name, text in texts.items()}
    assert all(told[name] != text for name, text in texts.items())
    answers = {"title": '"T"', "base_url": '"https://example.org/"', "language": '"en"', "timezone": '"UTC"'}
    each = [text["config/aggregator.toml"] for text in (texts, told)]
    assert tomllib.loads(each[0].format_map(answers)) == tomllib.loads(each[1].format_map(answers))
    assert _keys(each[0]) == _keys(each[1])
    assert [line for line in texts[".gitignore"].splitlines() if line[0] != "#"] == [
        line for line in told[".gitignore"].splitlines() if line[0] != "#"
    ]


def _keys(text: str) -> list[str]:
    """What stands before the = of each line, in comments as well."""
    return [line.partition(" = ")[0] for line in text.splitlines() if " = " in line]


def test_commands_fail_in_chinese_and_tell_programs_in_english(tmp_path: Path) -> None:
    """The whole way: a new planet, a change that cannot be, an error for a program."""
    run(tmp_path, "init", "--yes")
    file = tmp_path / "config" / "aggregator.toml"
    assert "# 分类" in file.read_text(encoding="utf-8").replace("--- ", "")
    assert "第一篇文章" in (tmp_path / "seeds" / "hello.md").read_text(encoding="utf-8")
    assert run(tmp_path, "check")[0] == 0
    code, _, told = run(tmp_path, "add", "http://127.0.0.1:9/")
    assert (code, told.strip().endswith("；未添加任何内容")) == (1, True), told
    assert "不在公共互联网上" in told
    code, _, told = run(tmp_path, "import", "http://127.0.0.1:9/")
    assert (code, "不在公共互联网上" in told and "internet" not in told) == (1, True), told
    code, _, told = run(tmp_path, "check", "--frob")
    assert (code, "错误：没有选项 '--frob'。" in told) == (2, True), told
    file.write_text("[site]\n", encoding="utf-8")
    code, _, told = run(tmp_path, "check")
    assert (code, told.splitlines()[0]) == (
        2,
        "aggregator: config/aggregator.toml:1: site.title: 缺少此键；请写在 [site] 之下",
    )
    code, told, _ = run(tmp_path, "status", "--json")
    assert (code, "is missing; write it below [site]" in told) == (2, True), told


def test_what_check_says_of_private_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "aggregator.toml"
    file.write_text(SITE + '[[source]]\nurl = "http://10.0.0.1/x"\n')
    with chinese(monkeypatch), pytest.raises(ConfigError, match=r"内网地址：10\.0\.0\.1 不在公共互联网上；若本应如此"):
        config.load(file, look=True)
