"""Reports as people read them on a terminal, and as programs read them. The one door to rich."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from aggregator import dates
from aggregator.pipeline import Outcome, Report

_COUNTS = ("new", "edited", "removed", "same", "waiting")


@contextmanager
def progress(shown: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A line on the terminal that says how far a run is, gone when it ends; nothing where `shown` is False."""
    if not shown:
        yield lambda done, total, what: None
        return
    columns = (SpinnerColumn(), BarColumn(20), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, what: bar.update(task, completed=done, total=total, description=what[:60])


def show_run(report: Report, output: Path, now: datetime) -> None:
    """What came in by source, what failed and why, what was written, and what comes next."""
    console = Console(highlight=False)
    rows = [(each.title, *_counts(each)) for each in report.outcomes if not each.error]
    if rows:
        console.print(_table(("source", *_COUNTS), rows))
    show_trouble(report)
    written, places = len(report.published.written), report.published.channels
    what = f"{_many(written, 'file')} written" if written else "nothing to write"
    console.print(Text.assemble("\n", (what, "bold"), f" for {_many(places, 'category', 'categories')} in {output}/"))
    if report.skipped:
        soonest = min(report.skipped, key=lambda standing: standing.next_visit)
        span = _span(soonest.next_visit, now)
        console.print(f"{_many(len(report.skipped), 'source')} not due yet, the next in {span}", style="dim")


def show_trouble(report: Report, *, quiet: bool = False) -> None:
    """One line for everything that went wrong (`quiet`: only that) or should be looked at; nothing when all is well."""
    console = Console(stderr=True, highlight=False)
    for outcome in report.failed:
        retry = f" (next try {dates.rfc3339(outcome.next_visit)})" if outcome.next_visit else ""
        _line(console, "failed", "red", f"{outcome.title}: {outcome.error}{retry}")
    for problem in report.published.problems:
        _line(console, "failed", "red", problem)
    if quiet:
        return
    for outcome in report.outcomes:
        for warning in outcome.warnings:
            _line(console, "warning", "yellow", warning)
    for note in report.notes:
        _line(console, "note", "yellow", note)


def run_as_json(report: Report, output: Path) -> dict[str, Any]:
    """A run for programs: times are RFC 3339 in UTC, files are relative to the output folder."""
    return {
        "sources": [
            {
                "key": outcome.source.key,
                "kind": outcome.source.kind,
                "title": outcome.title,
                **{name: outcome.counts.get(name, 0) for name in _COUNTS},
                "error": outcome.error,
                "warnings": list(outcome.warnings),
                "seconds": round(outcome.seconds, 3),
                "next_visit": outcome.next_visit and dates.rfc3339(outcome.next_visit),
            }
            for outcome in report.outcomes
        ],
        "skipped": [
            {"key": standing.key, "next_visit": dates.rfc3339(standing.next_visit), "reason": standing.reason}
            for standing in report.skipped
        ],
        "written": [path.relative_to(output).as_posix() for path in report.published.written],
        "problems": list(report.published.problems),
        "notes": list(report.notes),
    }


def show_list(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under their names, aligned."""
    Console(highlight=False).print(_table(names, rows))


def show_json(value: Any) -> None:
    """A value for programs, on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Columns as wide as they need; the first gives way where the terminal is narrow. Numbers stand to the right."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(names):
        right = bool(rows) and all(row[number].isdigit() for row in rows)
        table.add_column(name, justify="right" if right else "left", overflow="ellipsis", no_wrap=True)
    for row in rows:
        table.add_row(*[Text(cell, style="dim" if cell == "0" else "") for cell in row])
    return table


def _counts(outcome: Outcome) -> tuple[str, ...]:
    return tuple(str(outcome.counts.get(name, 0)) for name in _COUNTS)


def _line(console: Console, label: str, colour: str, message: str) -> None:
    console.print(Text.assemble((f"{label:8}", colour), message), soft_wrap=True)


def _many(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"


def _span(until: datetime, now: datetime) -> str:
    seconds = max(0, int((until - now).total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{round(seconds / 3600)} h"
