"""What people read after a run, and what programs read."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from aggregator import report
from aggregator.channels import Published
from aggregator.keeping import Outcome
from aggregator.model import Feed, Hints
from aggregator.pipeline import Report
from aggregator.store.sources import Standing
from tests.build import source

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
FEEDS = Path("feeds")
LONG = "A title that is really long and goes on until it is longer than the widest of terminals is wide"
CJK = "这是一个非常长的标题，用来看看各列是否仍然对齐，以及终端变窄时会怎样"


def outcome(
    title: str = "Example News",
    error: str = "",
    warnings: tuple[str, ...] = (),
    told: frozenset[str] = frozenset(),
    **counts: int,
) -> Outcome:
    return Outcome(source(), title, counts, warnings, told, error, 0.25, NOW + timedelta(hours=2))


def standing(minutes: int) -> Standing:
    later = NOW + timedelta(minutes=minutes)
    return Standing(
        1,
        "https://later.example/",
        "feed",
        "",
        Feed(),
        None,
        None,
        later,
        "every 1 h",
        0,
        "",
        (),
        Hints(),
        None,
        False,
        None,
        0.0,
    )


def run(*outcomes: Outcome, skipped: tuple[Standing, ...] = (), written: int = 0, **published: Any) -> Report:
    files = tuple(f"{number}.xml" for number in range(written))
    notes = published.pop("notes", ())
    return Report(outcomes, skipped, Published(files, **{"channels": 3, "problems": (), **published}), notes)


def said(capsys: pytest.CaptureFixture[str], *shown: Report, every: bool = False) -> tuple[list[str], list[str]]:
    """The lines of the summary on standard output, and those on standard error."""
    for each in shown:
        report.show_run(each, str(FEEDS), NOW, every=every)
    out, err = capsys.readouterr()
    return out.splitlines(), err.splitlines()


# --- A run ----------------------------------------------------------------------------------------------------------


def test_a_run_with_news(capsys: pytest.CaptureFixture[str]) -> None:
    news = outcome(new=12, edited=1, same=30)
    out, err = said(capsys, run(news, outcome("Quiet", same=5), skipped=(standing(58), standing(90)), written=2))
    assert err == []
    assert out == [
        "source        new  edited  removed  same  waiting",
        "Example News   12       1        0    30        0",
        "",
        "2 files written in feeds/ (3 categories)",
        "1 source with nothing new; 2 sources not due yet, the next in 58 min",
    ]


def test_every_source_is_shown_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, run(outcome("Quiet", same=5)), every=True)
    assert out[1] == "Quiet     0       0        0     5        0"


def test_every_source_that_is_not_due_is_told_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    gone = replace(standing(5), title="Old", gone=True, reason="gone for good (http 410)")
    late = replace(standing(-5), key="https://me:word@late.example/", reason="skips hours 0-6 UTC")
    feed = replace(standing(90), feed=Feed(title="A feed"))
    skipped = (gone, feed, standing(58), late)
    out, _ = said(capsys, run(skipped=skipped), every=True)
    assert out == [
        "nothing to write in feeds/ (3 categories)",
        "3 sources not due yet, the next in 0 s; 1 source gone for good",
        "",
        "source                     due in  why",
        "https://***@late.example/  0 s     skips hours 0-6 UTC",
        "https://later.example/     58 min  every 1 h",
        "A feed                     2 h     every 1 h",
        "Old                        never   gone for good (http 410)",
    ]
    out, _ = said(capsys, run(skipped=skipped))
    assert len(out) == 2
    out, _ = said(capsys, run(skipped=(gone,)))
    assert out[-1] == "1 source gone for good"


def test_passwords_of_urls_are_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    url = "http://me:word@a.example/"
    bad = outcome(url, error=f"refused: {url}", warnings=(url,))
    bad = replace(bad, source=source(url))
    skipped = (replace(standing(5), key=url),)
    every = run(bad, outcome(url, warnings=(url,), new=1), skipped=skipped, notes=(url,), problems=(url,))
    out, err = said(capsys, every, every=True)
    shown = "\n".join((*out, *err)) + json.dumps(report.run_as_json(every))
    assert shown.count("***@a.example") >= 10
    assert "word" not in shown


def test_a_run_without_news(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, run(outcome(same=5))) == (
        ["nothing to write in feeds/ (3 categories)", "1 source with nothing new"],
        [],
    )


def test_a_run_without_sources(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, run())
    assert out[-1] == "no sources yet: add a [[source]] to the config"


def test_trouble_is_told_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    url = "https://bare.example/feed"
    failed = (outcome(error="timeout: no answer"), outcome(url, error=f"refused: {url}: no connection"))
    good = outcome("Posts", warnings=("a.md:3: no date",), same=1)
    _, err = said(capsys, run(*failed, good, problems=("feeds/rss.xml: cannot be written",), notes=("moved",)))
    assert err == [
        "failed  Example News: timeout: no answer (next try 2026-03-14 14:00 UTC)",
        f"failed  refused: {url}: no connection (next try 2026-03-14 14:00 UTC)",
        "failed  feeds/rss.xml: cannot be written",
        "warning a.md:3: no date",
        "note    moved",
    ]


def test_quiet_means_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    report.show_trouble(
        run(outcome(error="timeout"), outcome(warnings=("a.md:3: no date",)), notes=("moved",)), quiet=True
    )
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split()[0] for line in err.splitlines()] == ["failed"]


def test_local_posts_are_tried_again_by_every_run(capsys: pytest.CaptureFixture[str]) -> None:
    posts = Outcome(source("seed:posts", "seed"), "Posts", error="missing folder", next_visit=NOW)
    report.show_trouble(run(posts))
    assert capsys.readouterr().err == "failed  Posts: missing folder\n"


def test_outside_text_cannot_command_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b[31mred\x9b31m \u202etxet\nnext line [bold]not markup[/bold] :smile:"
    out, err = said(capsys, run(outcome(evil, new=1), outcome("x", error=evil), problems=(evil,)))
    for line in (*out, *err):
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", line)
    assert "[bold]not markup[/bold] :smile:" in out[1]
    assert len(err) == 2


def test_a_run_for_programs() -> None:
    result = run(
        outcome(new=1, warnings=("w",)), outcome("B", error="timeout"), skipped=(standing(58),), written=1, notes=("n",)
    )
    assert report.run_as_json(result) == {
        "sources": [
            {
                "key": "https://news.example/feed.xml",
                "kind": "feed",
                "title": "Example News",
                "new": 1,
                "edited": 0,
                "removed": 0,
                "same": 0,
                "waiting": 0,
                "error": "",
                "warnings": ["w"],
                "seconds": 0.25,
                "next_visit": "2026-03-14T14:00:00Z",
            },
            {
                "key": "https://news.example/feed.xml",
                "kind": "feed",
                "title": "B",
                "new": 0,
                "edited": 0,
                "removed": 0,
                "same": 0,
                "waiting": 0,
                "error": "timeout",
                "warnings": [],
                "seconds": 0.25,
                "next_visit": "2026-03-14T14:00:00Z",
            },
        ],
        "skipped": [{"key": "https://later.example/", "next_visit": "2026-03-14T12:58:00Z", "reason": "every 1 h"}],
        "written": ["0.xml"],
        "problems": [],
        "notes": ["n"],
    }


# --- Lists ----------------------------------------------------------------------------------------------------------

NAMES = ("source", "next visit", "trouble")
ROWS = ((LONG, "in 58 min", ""), (CJK, "now", f"timeout: {LONG}"), ("xkcd", "every run", "refused"))


def test_nothing_is_cut_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report.show_list(NAMES, ROWS)
    header, *lines = capsys.readouterr().out.splitlines()
    for line, cells in zip(lines, ROWS, strict=True):
        assert line == line.rstrip()
        assert re.split(" {2,}", line) == [cell for cell in cells if cell]
        assert cell_len(line[: line.index(cells[1])]) == header.index("next visit")


def test_numbers_stand_to_the_right_and_texts_to_the_left(capsys: pytest.CaptureFixture[str]) -> None:
    report.show_list(("title", "entries"), (("2024", 5), ("7", 120)))
    assert capsys.readouterr().out.splitlines() == ["title  entries", "2024         5", "7          120"]


def on_terminal(code: str, columns: int, **env: str) -> str:
    """What a program in Python shows on a terminal of so many columns."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", **env}
    root = Path(__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=root
    ) as child:
        os.close(theirs)
        data = b""
        while chunk := _read(ours):
            data += chunk
        os.close(ours)
    assert child.returncode == 0, data.decode()
    return data.decode().replace("\r\n", "\n")


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, 65536)
    except OSError:  # the way Linux says that the other end is closed
        return b""


@pytest.mark.parametrize("columns", [60, 80, 110])
def test_a_narrow_terminal_cuts_titles_and_folds_the_last_column(columns: int) -> None:
    shown = on_terminal(f"from aggregator import report; report.show_list({NAMES!r}, {ROWS!r})", columns)
    header, *lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert all(cell_len(line) <= columns for line in lines)
    at = header.index("next visit")
    assert at >= columns // 3
    starts = [line for line in lines if not line.startswith(" ")]
    assert len(starts) == len(ROWS)
    for line, (title, when, _) in zip(starts, ROWS, strict=True):
        assert cell_len(line[: line.index(when)]) == at
        assert title.startswith(line[: line.index(when)].strip().removesuffix("…").strip())
    trouble = " ".join(line[-(columns - header.index("trouble")) :].strip() for line in lines[1:-1])
    assert LONG in re.sub(r".*(timeout: )", r"\1", trouble)


def test_colour_is_for_those_who_want_it() -> None:
    code = "from tests.test_report import *; report.show_trouble(run(outcome(error='x'), outcome(warnings=('y',))))"
    assert "\x1b[31m" in on_terminal(code, 80)
    assert "\x1b[3" not in on_terminal(code, 80, NO_COLOR="1")


def test_a_warning_of_the_visit_before_is_told_only_again(capsys: pytest.CaptureFixture[str]) -> None:
    broken = outcome(warnings=("old trouble", "new trouble"), told=frozenset({"old trouble"}))
    report.show_trouble(run(broken))
    assert "new trouble" in (said := capsys.readouterr().err)
    assert "old trouble" not in said
    report.show_trouble(run(broken), again=True)
    assert "old trouble" in capsys.readouterr().err
