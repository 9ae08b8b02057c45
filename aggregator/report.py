"""Reports as people read them on a terminal, and as programs read them. The one door to rich."""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from gettext import gettext as _
from gettext import ngettext, pgettext
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aggregator import dates, phrases, previewing, progress, status, text
from aggregator.explaining import Explanation
from aggregator.keeping import Outcome
from aggregator.model import Catch, Progress
from aggregator.pipeline import Report
from aggregator.previewing import Preview
from aggregator.rehearsal import Difference
from aggregator.sources import find
from aggregator.status import Status
from aggregator.store.sources import Standing
from aggregator.values import span

if TYPE_CHECKING:
    from aggregator.adding import Addition
    from aggregator.adopting import Adoption

_MOST = 20  # lines of one feed in a diff
_ALIKE = 5  # things of a list that are not taken over for the same reason
_COUNTS = ("new", "edited", "removed", "same", "waiting")

_PLAIN: Mapping[str, str] = {}
_NUMBER = re.compile(r"[0-9]+\.[0-9]|[0-9.]+ [kMG]?B")  # as we write them: a text that is a number is none
_WIDEST = 100_000  # columns, where nothing is cut
_COLOURS = dict.fromkeys(("failing", "blocked", "gone"), "red") | {"ok": "green"}
_COLOURS |= dict.fromkeys(("moved", "quiet", "degraded"), "yellow")

# What a terminal obeys: controls (ECMA-48), and marks that turn what follows around (Unicode Standard Annex #9).
_OBEYED = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], " ")


def show_progress() -> AbstractContextManager[Progress]:
    """What hears how far long work is, and shows it on standard error until it ends."""
    return progress.told(sys.stderr, _safe)


def show_run(report: Report, output: str, now: datetime, *, every: bool) -> None:
    """What came in by source (`every` one, or those with news), what failed and why, what was written, what is next.

    With `every`, it ends with each source that was not due, and why.
    """
    good = [outcome for outcome in report.outcomes if not outcome.error]
    told = [outcome for outcome in good if every or _has_news(outcome)]
    if told:
        show_list(
            (_("source"), _("new"), _("edited"), _("removed"), _("same"), _("waiting")),
            [(outcome.title, *_counts(outcome)) for outcome in told],
        )
    show_trouble(report, again=True)
    written, places = len(report.published.written), _many(report.published.channels, "{} category", "{} categories")
    what = _many(written, "{} file written", "{} files written") if written else _("nothing to write")
    after = []
    if quiet := len(good) - len(told):
        after.append(_many(quiet, "{} source with nothing new", "{} sources with nothing new"))
    waiting = [standing for standing in report.skipped if not _is_over(standing)]
    if waiting:
        soonest = min(standing.next_visit for standing in waiting)
        not_due = _many(len(waiting), "{} source not due yet", "{} sources not due yet")
        after.append(_("{}, the next in {}").format(not_due, phrases.length(soonest - now)))
    if same := sum(1 for standing in report.skipped if standing.same_as):
        after.append(_many(same, "{} source the same as another", "{} sources the same as another"))
    if disabled := sum(1 for standing in report.skipped if not standing.enabled):
        after.append(_many(disabled, "{} source disabled", "{} sources disabled"))
    if gone := len(report.skipped) - len(waiting) - same - disabled:
        after.append(_many(gone, "{} source gone for good", "{} sources gone for good"))
    if not report.outcomes and not report.skipped:
        after.append(_("no sources yet: add a [[source]] to the config"))
    console = Console(highlight=False)
    if told or report.failed:
        console.print()
    where = _(" in {}/ ({})").format(_safe(output), places)
    console.print(Text.assemble((what, "bold"), where), soft_wrap=True)
    if after:
        console.print(Text(_("; ").join(after), "dim"), soft_wrap=True)
    sys.stdout.flush()
    if every and report.skipped:
        console.print()
        say = phrases.of_terminal()
        show_list(
            (_("source"), _("due in"), _("why")),
            [_skipped(standing, now, say) for standing in _by_time(report.skipped)],
        )


def show_trouble(report: Report, *, quiet: bool = False, again: bool = False) -> None:
    """One line for everything that went wrong (`quiet`: only that) or should be looked at; nothing when all is well.

    A warning that the visit before gave as well is told only `again`: a publisher's broken feed is no news every hour.
    """
    console, say = Console(stderr=True, highlight=False), phrases.of_terminal()
    for outcome in report.failed:
        _line(console, "failed", "red", _failure(outcome, say))
    for problem in report.published.problems:
        _line(console, "failed", "red", say(problem))
    if quiet:
        return
    for outcome in report.outcomes:
        for warning in outcome.warnings:
            if again or warning not in outcome.told:
                _line(console, "warning", "yellow", say(warning))
    for note in report.notes:
        _line(console, "note", "yellow", say(note))


def run_as_json(report: Report) -> dict[str, Any]:
    """A run for programs: times are RFC 3339 in UTC, files are paths below the output."""
    return {
        "sources": [
            {
                "key": text.masked(outcome.source.key),
                "kind": outcome.source.kind,
                "title": text.masked(outcome.title),
                **{name: outcome.counts.get(name, 0) for name in _COUNTS},
                "error": text.masked(outcome.error),
                "warnings": [text.masked(warning) for warning in outcome.warnings],
                "seconds": round(outcome.seconds, 3),
                "next_visit": outcome.next_visit and dates.rfc3339(outcome.next_visit),
            }
            for outcome in report.outcomes
        ],
        "skipped": [
            {
                "key": text.masked(standing.key),
                "next_visit": dates.rfc3339(standing.next_visit),
                "reason": standing.reason,
            }
            for standing in report.skipped
        ],
        "written": list(report.published.written),
        "problems": [text.masked(problem) for problem in report.published.problems],
        "notes": [text.masked(note) for note in report.notes],
    }


def show_list(names: Sequence[str], rows: Sequence[Sequence[str | int]], colours: Mapping[str, str] = _PLAIN) -> None:
    """Rows under their names, aligned, numbers to the right; `colours` are those of words in the first column.

    Where a terminal is too narrow the widest columns give way: cells are cut, those of the last column folded.
    Elsewhere nothing is.
    """
    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(names):
        cells = [row[number] for row in rows]
        numeric = bool(cells) and all(isinstance(cell, int) or _NUMBER.fullmatch(cell) for cell in cells)
        table.add_column(name, justify="right" if numeric else "left")
    for row in rows:
        *cut, last = (Text(_safe(str(cell)), style="dim" if cell == 0 else "") for cell in row)
        for first in cut[:1]:
            first.stylize(colours.get(first.plain, ""))
        for cell in cut:
            cell.no_wrap, cell.overflow = True, "ellipsis"
        last.overflow = "fold"
        table.add_row(*cut, last)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDEST)
    with console.capture() as captured:
        console.print(table)
    print(*(line.rstrip() for line in captured.get().splitlines()), sep="\n", flush=True)


def show_status(found: Status, now: datetime, *, quiet: bool = False) -> None:
    """All sources, the worst first, and a last line that sums up; `quiet`: only that.

    A terminal that is too narrow for all columns has those that matter most.
    """
    console = Console(highlight=False)
    told = status.table(found, now)
    width = console.width if sys.stdout.isatty() else _WIDEST
    kept = [number for number, (_name, needed) in enumerate(status.columns()) if needed <= width]
    if told.rows and not quiet:
        colours = {status.states()[state]: colour for state, colour in _COLOURS.items()}
        show_list([told.names[n] for n in kept], [[row[n] for n in kept] for row in told.rows], colours)
        console.print()
    colour = ("green", "yellow", "red")[found.code]
    console.print(Text(_safe(status.summary(found, now)), colour), soft_wrap=True)
    sys.stdout.flush()


def show_rehearsal(differences: Sequence[Difference]) -> None:
    """What would change in which feed, as a diff: `+` comes, `-` goes, `~` changes."""
    console = Console(highlight=False)
    told = [each for each in differences if each.added or each.removed or each.changed]
    quiet = len(differences) - len(told)
    for each in told:
        console.print(Text(_safe(each.title), "bold"), soft_wrap=True)
        lines = [("+", "green", entry, "") for entry in each.added]
        lines += [("-", "red", entry, "") for entry in each.removed]
        lines += [("~", "yellow", entry, _(", ").join(names)) for entry, names in each.changed]
        for sign, colour, entry, what in lines[:_MOST]:
            title = entry.item.title or entry.item.url or entry.id
            where = _("  ({})").format(_(": ").join(filter(None, (_safe(entry.feed.title), what))))
            line = f" {_day(entry.published, entry.zone)}  {_safe(title)}{where}"
            console.print(Text.assemble("  ", (sign, colour), line), soft_wrap=True)
        if len(lines) > _MOST:
            console.print(Text("    " + _("and {} more").format(len(lines) - _MOST), "dim"), soft_wrap=True)
    if quiet:
        what = _("{} would be written anew with the same entries, as what stands around them changed")
        line = what.format(_many(quiet, "{} category", "{} categories"))
        console.print(Text(line, "dim"), soft_wrap=True)
    if not differences:
        console.print(Text(_("no feed would change"), "dim"), soft_wrap=True)
    sys.stdout.flush()


def show_preview(preview: Preview, zone: str = "UTC") -> None:
    """What becomes of each item of one source: how it would be published, or why not; of a page before that what its
    selectors have caught, and of all that is no feed link and picture as well. Days are those of `zone`."""
    rows = []
    met, say = preview.visit, phrases.of_terminal()
    links = met.source.kind in ("command", "page", "sitemap")
    for place, (item, kept, said) in enumerate(preview.items):
        shown = kept or item
        where = _("; ").join(" / ".join(path) for path in shown.categories)
        day = _day(shown.published, met.source.zone if shown.day_only else zone)
        comes = _("is in already") if place in preview.known else _("comes in")
        what = _("; ").join(map(say, said)) or (comes if kept else _("excluded"))
        more = (shown.url, shown.image.url if shown.image else "") if links else ()
        rows.append((day, shown.title or shown.url or shown.guid, *more, where or _("(everything)"), what))
    if met.answer and not met.error:
        console = Console(highlight=False)
        title = met.source.title or (met.feed.title if met.feed else "")
        console.print(Text.assemble((_safe(title), "bold"), _safe(f"  {met.answer.url}")), soft_wrap=True)
        sys.stdout.flush()
    if met.catches:
        caught = [
            (c.name, c.selector or _("(where it usually is)"), _caught(c), _("; ").join(c.missed)) for c in met.catches
        ]
        show_list((_("selector"), "", _("found"), _("first missed in")), caught)
        print(flush=True)
    if rows:
        also = (_("link"), _("picture")) if links else ()
        show_list((_("published"), _("title"), *also, _("category"), _("what becomes of it")), rows)
    elif not met.error:
        print(_("no entries"), flush=True)
    errors = Console(stderr=True, highlight=False)
    for warning in met.warnings:
        _line(errors, "warning", "yellow", say(warning))
    if met.error:
        _line(errors, "failed", "red", say(met.error))
    if hint := previewing.hint(preview):
        _line(errors, "note", "yellow", hint)


def show_addition(found: "Addition", zone: str = "UTC") -> None:
    """A feed that was found: its title and address, its newest entries with their days in `zone`, what else its page
    announces."""
    console = Console(highlight=False)
    console.print(
        Text.assemble((_safe(found.title or _("(no title)")), "bold"), _safe(f"  {found.url}")), soft_wrap=True
    )
    for each in found.newest:
        day = _day(each.published, zone)
        console.print(Text(f"  {day:10}  {_safe(each.title or each.url or each.guid)}"), soft_wrap=True)
    if not found.newest:
        console.print(Text("  " + _("no entries yet"), "dim"), soft_wrap=True)
    for url in found.others:
        console.print(Text(_safe("  " + _("the page has another feed: {}").format(url)), "dim"), soft_wrap=True)
    sys.stdout.flush()
    errors = Console(stderr=True, highlight=False)
    for warning in found.warnings:
        _line(errors, "warning", "yellow", phrases.of_terminal()(warning))


def show_diff(lines: Sequence[str]) -> None:
    """A unified diff of the config, without the passwords in it."""
    console = Console(highlight=False)
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines:
        console.print(Text(_safe(line), colours.get(line[:1], "")), soft_wrap=True)
    sys.stdout.flush()


def _day(published: datetime | None, zone: str) -> str:
    return dates.day(published, zone).isoformat() if published else _("no date")


def _caught(catch: Catch) -> str:
    return _("{} of {}").format(catch.found, catch.of) if catch.name != "item" else str(catch.found)


def show_explanations(found: Sequence[Explanation]) -> None:
    """Every story under its title, its lines with their labels."""
    console = Console(highlight=False)
    for number, each in enumerate(found):
        if number:
            console.print()
        console.print(Text(_safe(each.title), "bold"), soft_wrap=True)
        before = ""
        for label, line in each.lines:
            shown = set_cell_size("" if label == before else label, max(9, cell_len(label)))
            console.print(Text.assemble("  ", (f"{shown} ", "dim"), _safe(line)), soft_wrap=True)
            before = label
    sys.stdout.flush()


def show_adoption(made: "Adoption") -> None:
    """What a list comes to: the change of the config, and on standard error what is not taken over."""
    show_diff(made.edit.diff())
    console = Console(stderr=True, highlight=False)
    if made.found.broken:
        broken = _("{}: {}; what comes behind that is not read").format(made.name, made.found.broken)
        _line(console, "warning", "yellow", broken)
    whys = Counter(each.why for each in made.found.lost)
    shown: Counter[str] = Counter()
    for each in made.found.lost:
        shown[each.why] += 1
        if shown[each.why] <= _ALIKE or whys[each.why] == _ALIKE + 1:
            _line(console, "left", "yellow", _(": ").join((each.where, each.what, each.why)))
        elif shown[each.why] == _ALIKE + 1:
            more = _("{}, and {} like it (--json has all): {}")
            _line(console, "left", "yellow", more.format(each.where, whys[each.why] - _ALIKE - 1, each.why))
    for login in made.logins:
        _line(console, "note", "yellow", login)


def show_adopted(made: "Adoption", *, written: bool) -> None:
    """The last word on a list."""
    added = _("{} added to {}") if written else _("{} would be added to {}")
    what = added.format(_many(len(made.new), "{} feed", "{} feeds"), made.edit.file)
    rest = [_("{} there already").format(len(made.there))] if made.there else []
    rest += [_("{} listed once more").format(made.found.twice)] if made.found.twice else []
    line = _("{name} ({kind}): {what}").format(
        name=_safe(made.name), kind=made.found.kind_name, what=_("; ").join([what, *rest])
    )
    Console(highlight=False).print(Text(line, "bold"), soft_wrap=True)
    sys.stdout.flush()


def show_json(value: Any) -> None:
    """A value for programs, on standard output."""
    print(json.dumps(value, ensure_ascii=sys.stdout.encoding.lower() != "utf-8", indent=2), flush=True)


def _by_time(standings: Sequence[Standing]) -> list[Standing]:
    """Those that are due first come first; those that never will be stand at the end."""
    return sorted(standings, key=lambda each: (_is_over(each), each.next_visit, each.key))


def _is_over(standing: Standing) -> bool:
    return standing.gone or bool(standing.same_as) or not standing.enabled


def _skipped(standing: Standing, now: datetime, say: Callable[[str], str]) -> tuple[str, str, str]:
    due = _("never") if _is_over(standing) else say(span(max(standing.next_visit - now, timedelta())))
    return standing.title or standing.feed.title or standing.key, due, say(standing.reason)


def _has_news(outcome: Outcome) -> bool:
    return any(outcome.counts.get(name) for name in ("new", "edited", "removed"))


def _counts(outcome: Outcome) -> tuple[int, ...]:
    return tuple(outcome.counts.get(name, 0) for name in _COUNTS)


def _failure(outcome: Outcome, say: Callable[[str], str]) -> str:
    """Who failed, why, and when it is tried again. An error that names its source need not be told whose it is."""
    named = "/" in outcome.title and outcome.title in outcome.error
    who = "" if named else text.one_line(outcome.title, 60) + _(": ")
    again = find(outcome.source.kind).REMOTE and outcome.next_visit  # local posts are looked at by every run
    after = _(" (next try {})").format(f"{again:%Y-%m-%d %H:%M} UTC") if again else ""
    return f"{who}{say(outcome.error)}{after}"


def _line(console: Console, label: str, colour: str, message: str) -> None:
    labels = {"failed": _("failed"), "warning": _("warning"), "left": pgettext("of a list", "left"), "note": _("note")}
    console.print(Text.assemble((set_cell_size(labels[label], 8), colour), _safe(message)), soft_wrap=True)


def _safe(line: str) -> str:
    """Text from outside, with nothing in it that a terminal would obey, and without passwords in URLs."""
    return text.masked(line.translate(_OBEYED))


def _many(number: int, one: str, more: str) -> str:
    return ngettext(one, more, number).format(number)
