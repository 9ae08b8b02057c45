"""The catalogs hold a translation for every message, and who wants it in his language gets it so."""

import json
import os
import re
import subprocess
import sys
from gettext import GNUTranslations
from pathlib import Path
from typing import Any

import pytest

from aggregator import languages
from tests import messages

BOTH = [(domain, language) for domain, languages in messages.LANGUAGES.items() for language in languages]


@pytest.mark.parametrize(("domain", "language"), BOTH)
def test_every_message_has_its_translation(domain: str, language: str) -> None:
    known = messages.read(domain, language)
    for context, message in messages.wanted(domain):
        first = message if isinstance(message, str) else message[0]
        found = known.get(first, context or None)
        assert found, f"{domain}/{language} lacks {first!r}: run `python -m tests.messages`, and translate it"
        said = messages.said(found)
        assert all(said), f"{first!r} has no translation in {domain}/{language}"
        assert not found.fuzzy
        for each in said:
            assert _holes(each) == _holes(first), f"{first!r} has other placeholders in {domain}/{language}"
            assert each.count("\b") >= first.count("\b"), f"{first!r}: what is not to be wrapped would be"


@pytest.mark.parametrize(("domain", "language"), BOTH)
def test_nothing_is_translated_that_nobody_says(domain: str, language: str) -> None:
    wanted = {(context, each if isinstance(each, str) else each[0]) for context, each in messages.wanted(domain)}
    known = {
        (each.context or "", each.id if isinstance(each.id, str) else each.id[0])
        for each in messages.read(domain, language)
        if each.id and "click" not in each.auto_comments
    }
    assert known <= wanted


@pytest.mark.parametrize(("domain", "language"), BOTH)
def test_the_compiled_catalog_is_that_of_the_text(domain: str, language: str) -> None:
    with messages.path_of(domain, language, ".mo").open("rb") as file:
        compiled = GNUTranslations(file)
    for each in messages.read(domain, language):
        if isinstance(each.id, str) and each.id:
            said = compiled.pgettext(each.context, each.id) if each.context else compiled.gettext(each.id)
            assert [said] == messages.said(each), "run `python -m tests.messages`"
        elif each.id:
            one, many = each.id
            assert {compiled.ngettext(one, many, number) for number in range(200)} == set(messages.said(each))


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, ""),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh"}, "zh"),
        ({"LANG": "ZH_tw.Big5@x"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, ""),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, ""),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, ""),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "C", "LANGUAGE": "zh"}, ""),
        ({"LANGUAGE": "zh"}, ""),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "de:zh_CN:en"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "en_US:zh"}, ""),
        ({"LANG": "../zh", "LANGUAGE": ":/:..:"}, ""),
    ],
)
def test_who_hears_which_language(environ: dict[str, str], language: str) -> None:
    assert languages.of_commands(environ) == language


def run(folder: Path, *arguments: str, locale: str = "zh_CN.UTF-8") -> tuple[int, str, str]:
    """What a command says on a terminal with that locale, which this machine need not have."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    command = [sys.executable, "-m", "aggregator", *arguments]
    environ |= {"LANG": locale, "PYTHONUTF8": "1"}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, encoding="utf-8")
    return done.returncode, done.stdout, done.stderr


def test_commands_speak_chinese(tmp_path: Path) -> None:
    assert "已写入    config/aggregator.toml" in run(tmp_path, "init", "--yes")[1]
    assert "一切正常；来源：本地文章 1 个" in run(tmp_path, "check")[1]
    assert "没有要写的内容" in run(tmp_path, "once", "-v")[1] + run(tmp_path, "once", "-v")[1]
    assert "1 个正常" in run(tmp_path, "status")[1]
    assert run(tmp_path, "onze")[2].endswith("错误：没有命令 'onze'。 是否想写 'once'？\n")
    assert "   把列表中的订阅源加入配置。\n" in run(tmp_path, "--help")[1]


def test_programs_and_readers_are_told_the_same_in_any_language(tmp_path: Path) -> None:
    """What is published and what `--json` says depend on the config alone."""
    told: list[list[Any]] = []
    for locale in ("zh_CN.UTF-8", "en_GB.UTF-8"):
        folder = tmp_path / locale
        folder.mkdir()
        run(folder, "init", "--yes", locale="en_GB.UTF-8")  # what it proposes is in the reader's language
        (folder / "seeds" / "hello.md").write_text(
            "---\ntitle: One\ndate: 2026-01-02T10:00:00Z\n---\nText.\n", encoding="utf-8"
        )
        _, once, _ = run(folder, "once", "--json", locale=locale)
        _, status, _ = run(folder, "status", "--json", locale=locale)
        pages = [path.read_bytes() for path in sorted((folder / "feeds").rglob("index.html"))]
        told.append([json.loads(once)["written"], json.loads(status)["sources"][0]["state"], pages])
        assert pages
        assert b"January 2, 2026" in pages[0]
        assert json.loads(run(folder, "list", "categories", "--json", locale=locale)[1])[0]["path"] == []
    assert told[0] == told[1]


def _holes(text: str) -> list[str]:
    """The placeholders of a message, in any order."""
    return sorted(re.findall(r"\{[^{}]*\}|%\([a-z]+\)s", text))


def test_marks_are_those_of_the_language(tmp_path: Path) -> None:
    run(tmp_path, "init", "--yes")
    code, _, err = run(tmp_path, "add")
    assert (code, err.splitlines()[0][:9]) == (2, "用法：python")
    assert err.rstrip().endswith("错误：缺少参数 'URL'。")
    assert "\n选项：\n" in run(tmp_path, "add", "--help")[1]
    assert "个文件（feeds/，" in run(tmp_path, "once", "-v")[1]
    (tmp_path / "l.txt").write_text("https://a.example/f\nftp://b.example/\n", encoding="utf-8")
    _, out, err = run(tmp_path, "import", "l.txt", "--dry-run")
    assert out.splitlines()[-1].startswith("l.txt（")
    assert re.search("未收 +第 2 行：ftp://b.example/：", err)


def test_marks_stay_in_english(tmp_path: Path) -> None:
    run(tmp_path, "init", "--yes")
    _, _, err = run(tmp_path, "add", locale="en_GB.UTF-8")
    assert err.startswith("Usage: python -m aggregator add ")
    assert err.endswith("Error: Missing argument 'URL'.\n")
