"""The dashboard's pages: what the store says, looked at, as HTML in the language of the site, whatever the environment
says. Everything in it is escaped, whoever wrote it."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from gettext import NullTranslations
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FunctionLoader, StrictUndefined
from sqlalchemy import Connection

from aggregator import __version__, alive, dates, formats, health, languages, phrases, text
from aggregator.config import Config
from aggregator.placing import categories as titled
from aggregator.placing import published
from aggregator.publish import urls
from aggregator.store import board, channels, history, pulse
from aggregator.store import sources as stored
from aggregator.store.board import Subject
from aggregator.store.history import Day, Hour
from aggregator.store.team import team
from aggregator.values import amount, span
from aggregator.web import plots

AT_ONCE = 200
"""Sources on one page."""

_SPARK, _DAYS, _RUNS, _COMING, _LISTED, _NEWEST = 30, 120, 60, 12, 200, 15
_CLASSES = ("in full", "unchanged", "refused", "broken", "no answer")


def overview(db: Connection, config: Config, now: datetime, start: int = 0) -> str:
    """The page of everything; of the sources those from number `start` on."""
    states, listed = board.states(db), board.subjects(db, start, AT_ONCE)
    vitals, totals, runs, daemon = board.vitals(db), board.totals(db), history.runs(db, _RUNS), pulse.pulse(db)
    hours = history.hours(db, now - timedelta(days=7))
    kept, entries = board.stored(db)
    days = history.days(db, now - timedelta(days=_SPARK - 1), [each.id for each in listed])
    places, counts = channels.places(db), channels.counts(db)
    known, listing = titled(config, places), published(config, places)
    _, catalog = languages.owners(config.site.language)
    values = {
        "states": states,
        "trouble": board.trouble(db, now),
        "lag": alive.lag(vitals, now),
        "vitals": vitals,
        "totals": totals,
        "stored": kept,
        "entries": entries,
        "daemon": daemon,
        "team": team(db),
        "pace": history.pace(db, now),
        "ticks": daemon is not None and alive.ticks(daemon.last_tick, now),
        "runs": runs,
        "run_plot": _run_plot(runs, catalog),
        "traffic": _traffic(hours, now, catalog),
        "subjects": listed,
        "total": sum(states.values()),
        "start": start,
        "at_once": AT_ONCE,
        "sparks": {each.id: _spark(days.get(each.id, ()), now, _SPARK, catalog) for each in listed},
        "coming": board.coming(db, _COMING),
        "categories": [
            (
                known[place.folder],
                counts.get(place.id, 0),
                urls(config.site.base_url, place.folder, _formats(config, place.path)),
            )
            for place in listing[:_LISTED]
        ],
        "more_categories": max(0, len(listing) - _LISTED),
    }
    return _render("overview.html", config, now, "./", values)


def source(db: Connection, config: Config, now: datetime, source_id: int) -> str | None:
    """The page of one source of the config; None when there is none of that number."""
    subject = board.subject(db, source_id)
    if subject is None:
        return None
    days = history.days(db, now - timedelta(days=_DAYS - 1), [source_id]).get(source_id, ())
    of = {source.key: source for source in config.sources}.get(subject.key)
    advice = health.judge(stored.standing(db, source_id), of.limits.timeout).advice if of else ""
    values = {
        "subject": subject,
        "advice": "" if subject.moved_to else advice,
        "plot": _spark(days, now, _DAYS, languages.owners(config.site.language)[1], labelled=True),
        "days": _DAYS,
        "visits": history.visits(db, source_id),
        "incidents": history.incidents(db, source_id=source_id),
        "newest": board.newest(db, source_id, _NEWEST),
    }
    return _render("source.html", config, now, "../", values)


def apology(config: Config, now: datetime, why: str) -> str:
    """The page where there is nothing to be seen yet, or it cannot be read: `why` is "" before the first run."""
    return _render("nothing.html", config, now, "./", {"why": why})


def asset(name: str) -> str:
    """A file that the pages want: style.css or favicon.svg."""
    package = "aggregator.web" if name == "style.css" else "aggregator.formats"
    return (files(package) / "templates" / name).read_text(encoding="utf-8")


# --- What is drawn --------------------------------------------------------------------------------------------------


def _spark(
    days: Sequence[Day], now: datetime, number: int, catalog: NullTranslations, *, labelled: bool = False
) -> str:
    """The new items of each of the last days, today at the end."""
    _ = catalog.gettext
    today = int(now.timestamp() // 86_400)
    first = today - number + 1
    by_day = {day.number: day for day in days}
    counts = [by_day[each].new if each in by_day else 0 for each in range(first, today + 1)]
    title = _("{new} new in {number} days, {most} at most in one")
    title = title.format(new=sum(counts), number=number, most=max(counts))
    label, shown = _("{day}: {number} new"), enumerate(counts) if labelled else ()
    labels = [label.format(day=_day(first + place), number=count) for place, count in shown]
    return plots.bars(counts, title, labels)


def _day(number: int) -> str:
    return f"{datetime.fromtimestamp(number * 86_400, UTC):%Y-%m-%d}"


def _run_plot(runs: Sequence[history.Run], catalog: NullTranslations) -> str:
    """How long each of the last runs took, the last at the end; those with problems stand out."""
    _, say = catalog.gettext, phrases.speaker(catalog)
    shown, label = tuple(reversed(runs)), _("{moment} UTC: {length}, {number} visits")
    labels = [
        label.format(moment=f"{run.at:%Y-%m-%d %H:%M}", length=say(_seconds(run.seconds)), number=run.visits)
        for run in shown
    ]
    bad = {place for place, run in enumerate(shown) if run.problems}
    longest = max((run.seconds for run in runs), default=0.0)
    title = _("{number} runs, at most {length}").format(number=len(runs), length=say(_seconds(longest)))
    return plots.bars([run.seconds for run in shown], title, labels, bad)


def _traffic(hours: Sequence[Hour], now: datetime, catalog: NullTranslations) -> Mapping[str, Any]:
    """The requests of seven days, today the last, by hour and by what was answered."""
    first = (int(now.timestamp() // 86_400) - 6) * 24
    table = [[0] * (7 * 24) for _ in _CLASSES]
    for hour in hours:
        if 0 <= hour.number - first < 7 * 24:
            table[_CLASSES.index(_class(hour.status))][hour.number - first] += hour.requests
    _, names, week = catalog.gettext, _answers(catalog), _week(catalog)
    sums = {name: sum(row) for name, row in zip(names, table, strict=True)}
    labels, label = [], _("{weekday} {hour} UTC: {answers}")
    for place, column in enumerate(zip(*table, strict=True)):
        said = _(", ").join(f"{count} {name}" for name, count in zip(names, column, strict=True) if count)
        when = datetime.fromtimestamp((first + place) * 3600, UTC)
        labels.append(label.format(weekday=week[when.weekday()], hour=f"{when:%H:00}", answers=said or _("none")))
    title = _("Requests of seven days by hour (UTC): {answers}")
    title = title.format(answers=_(", ").join(f"{count} {name}" for name, count in sums.items()))
    return {
        "plot": plots.stacked(table, title, labels),
        "sums": sums,
        "top": max(sum(column) for column in zip(*table, strict=True)),
        "days": [week[(now - timedelta(days=6 - day)).weekday()] for day in range(7)],
    }


def _answers(catalog: NullTranslations) -> tuple[str, ...]:
    """What people are told of each of `_CLASSES`."""
    pgettext = catalog.pgettext
    return (
        pgettext("answer", "in full"),
        pgettext("answer", "unchanged"),
        pgettext("answer", "refused"),
        pgettext("answer", "broken"),
        pgettext("answer", "no answer"),
    )


def _week(catalog: NullTranslations) -> tuple[str, ...]:
    """The days of the week, Monday first."""
    _ = catalog.gettext
    return _("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")


def _class(status: int) -> str:
    """What an answer was to us: a document, 304, no to us (4xx), no to anybody (5xx and the like), or none."""
    if status == 304 or 200 <= status < 300:
        return _CLASSES[status == 304]
    return "no answer" if not status else "refused" if 400 <= status < 500 else "broken"


def _formats(config: Config, path: tuple[str, ...]) -> tuple[str, ...]:
    return formats.chosen(config.site.formats, path)


# --- How it is said --------------------------------------------------------------------------------------------------


def _render(template: str, config: Config, now: datetime, root: str, values: Mapping[str, Any]) -> str:
    """A page whose links begin at `root`, so that a proxy may have it anywhere."""
    language, catalog = languages.owners(config.site.language)
    _, say = catalog.gettext, phrases.speaker(catalog)
    outcomes = {"ok": catalog.pgettext("state", "ok"), "same": _("same")}
    words = {
        "language": language,
        "_": _,
        "ngettext": catalog.ngettext,
        "pgettext": catalog.pgettext,
        "say": say,
        "outcome": lambda name: outcomes.get(name) or say(name),
    }
    site = {"site": config.site.title, "site_url": config.site.base_url, "version": __version__}
    ours = {
        "now": now,
        "root": root,
        "ago": lambda m: _ago(m, now, catalog),
        "ahead": lambda m: _ahead(m, now, catalog),
    }
    return _environment().get_template(template).render({**site, **words, **ours, **values})


@cache
def _environment() -> Environment:
    def load(name: str) -> str:
        return (files("aggregator.web") / "templates" / name).read_text(encoding="utf-8")

    made = Environment(
        autoescape=True, loader=FunctionLoader(load), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {
        "amount": amount,
        "masked": text.masked,
        "name": _name,
        "rfc3339": dates.rfc3339,
        "seconds": _seconds,
        "span": span,
        "thousands": lambda number: f"{number:,}",
        "web": text.http_url,
    }
    return made


def _seconds(length: float) -> str:
    return f"{length:.1f} s" if length < 99.95 else span(timedelta(seconds=length))


def _name(subject: Subject) -> str:
    """What a source is called: its title, else what can be recognised of its address."""
    where = urlsplit(text.http_url(subject.key))
    return subject.title or re.sub(r"^www\.", "", where.hostname or "") + where.path or text.masked(subject.key)


def _ago(moment: datetime | None, now: datetime, catalog: NullTranslations) -> str:
    _, say = catalog.gettext, phrases.speaker(catalog)
    return _("{} ago").format(say(span(now - moment))) if moment else _("never")


def _ahead(moment: datetime, now: datetime, catalog: NullTranslations) -> str:
    _, length = catalog.gettext, phrases.speaker(catalog)(span(abs(moment - now)))
    return _("in {}").format(length) if moment > now else _("{} overdue").format(length)
