"""`aggregator export`: what the config reads, as a list that another program takes. It only looks."""

import json
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from gettext import gettext as _
from typing import Any

from aggregator import text
from aggregator.config import Config, toml
from aggregator.formats import opml
from aggregator.importing import Listed
from aggregator.languages import marked
from aggregator.matching import fold_path
from aggregator.model import Category, CategoryPath, Overview, Source, Subscription
from aggregator.placing import spellings
from aggregator.store import channels
from aggregator.store import sources as stored
from aggregator.store.channels import Place
from aggregator.store.engine import is_there, looking
from aggregator.store.sources import Standing

_HELD = {"kind", "url", "path", "title", "category"}
_HOLDS: Mapping[str, frozenset[str]] = {
    "opml": frozenset(("title", "categories", "language", "page", "description")),
    "urls": frozenset(("title", "categories")),
    "sfeedrc": frozenset(("title", "page")),
    "planet.ini": frozenset(("title", "page")),
    "osmosfeed": frozenset(),
    "list": frozenset(),
    "json": frozenset(("title", "categories", "language", "page", "description", "disabled")),
}
"""What each kind of list holds of a source, beside its address."""

KINDS = tuple(_HOLDS)


def export(config: Config, kind: str) -> tuple[bytes, tuple[str, ...]]:
    """The list in one of KINDS, in UTF-8, and a line for all that it cannot hold.

    What feeds say of themselves is in it where the store knows it; there need not be one.
    """
    standings: Mapping[str, Standing] = {}
    places: tuple[Place, ...] = ()
    if is_there(config.store):
        with looking(config.store) as db:
            standings, places = stored.standings(db), tuple(channels.places(db))
    known = spellings(config, places)
    feeds, notes = [], []
    for source in config.sources:
        feed, why = _feed(source, standings.get(source.key), own=kind in ("opml", "list", "json"))
        if feed:
            ours = (known.get(fold_path(path), path) for path in feed.categories)
            feeds.append(replace(feed, categories=tuple(dict.fromkeys(ours))))
        if why:
            notes.append(_("{name}: {why}").format(name=text.masked(source.key), why=why))
    return _WRITERS[kind](config, feeds), (*notes, *_missing(config, kind, feeds), *_other_keys(config))


def _feed(source: Source, standing: Standing | None, *, own: bool) -> tuple[Listed | None, str]:
    """A source as a list has it, or None, and what of it is not there; `own` lists may have `rsshub://`."""
    url = str(getattr(source.options, "url", ""))
    if source.kind != "feed":
        return None, _("is of kind {kind}, no feed; left out").format(kind=source.kind)
    why = _("its login is left out") if text.masked(url) != url else ""
    if url.startswith("rsshub://") and not own:
        mirror = next((text.http_url(each) for each in source.options.mirrors), "")
        if not mirror:
            return None, _("only we know rsshub://; name an instance in [fetch] rsshub; left out")
        url = f"{mirror.rstrip('/')}/{url[9:].lstrip('/')}"
        why = _("stands there as a route of {mirror}").format(mirror=mirror)
    elif not url.startswith("rsshub://"):
        url = text.http_url(url)
    feed = standing.feed if standing else None
    listed = Listed(
        "",
        url,
        source.title or (feed.title if feed else ""),
        source.categories,
        source.language or (feed.language if feed else ""),
        feed.url if feed else "",
        feed.subtitle if feed else "",
        enabled=source.enabled,
    )
    return listed, why


def _missing(config: Config, kind: str, feeds: Sequence[Listed]) -> tuple[str, ...]:
    """What this kind of list cannot hold at all, as far as the feeds have it, and their categories."""
    counts = Counter(
        name for feed in feeds for name, value in _values(feed).items() if value and name not in _HOLDS[kind]
    )
    if kind != "opml" and (described := sum(bool(each.description) for each in config.categories.values())):
        counts[marked("descriptions of categories")] = described
    said = _(", ").join(_("{what} of {count}").format(what=_(name), count=count) for name, count in counts.items())
    notes = [_("{kind} cannot hold: {what}").format(kind=kind, what=said)] if said else []
    slashed = sorted({name for feed in feeds for path in feed.categories for name in path if "/" in name})
    if kind == "urls" and slashed:
        names = _(", ").join(slashed[:5])
        if more := len(slashed) - 5 if len(slashed) > 5 else 0:
            names += _(" and {more} more").format(more=more)
        notes.append(_("urls: who reads it takes the slash in {names} for a level of its own").format(names=names))
    return tuple(notes)


def _values(feed: Listed) -> dict[str, Any]:
    return {
        marked("title"): feed.title,
        marked("categories"): feed.categories,
        marked("language"): feed.language,
        marked("page"): feed.page,
        marked("description"): feed.description,
        marked("disabled"): not feed.enabled,
    }


def _other_keys(config: Config) -> tuple[str, ...]:
    """The keys of sources that no list of subscriptions has."""
    __, data = toml.read(config.file)
    tables = [each for each in data.get("source", []) if each.get("kind", "feed") == "feed"]
    names = sorted({key for each in tables for key in each} - _HELD - {"language", "enabled"})
    return (_("these keys stay in the config alone: {keys}").format(keys=_(", ").join(names)),) if names else ()


# --- One function a kind --------------------------------------------------------------------------------------------


def _opml(config: Config, feeds: Sequence[Listed]) -> bytes:
    said = {path: each.description for path, each in config.categories.items()}
    return opml.subscriptions(overview(feeds, config.site.title, said))


def overview(feeds: Iterable[Listed], title: str, said: Mapping[CategoryPath, str]) -> Overview:
    """The feeds as formats/opml.py has them, and what is said of their categories."""
    listed = (
        Subscription(
            each.title,
            each.url,
            each.page,
            tuple(Category(path, "", "") for path in each.categories),
            each.language,
            each.description,
        )
        for each in feeds
    )
    described = tuple(Category(path, "", "", description) for path, description in said.items())
    return Overview(title=title, owner=title, categories=described, sources=tuple(listed))


def _urls(config: Config, feeds: Sequence[Listed]) -> bytes:
    def line(feed: Listed) -> str:
        words = [f"~{feed.title}"] if feed.title else []
        tags = ("/".join(path) for path in feed.categories)
        words += [f"/{tag}" if tag[0] in "!~" else tag for tag in tags]  # with these it would be no tag
        quoted = (re.sub(r'(["\\])', r"\\\1", word) for word in words)
        return " ".join([feed.url, *(f'"{word}"' for word in quoted)])

    return _lines(map(line, feeds))


def _sfeedrc(config: Config, feeds: Sequence[Listed]) -> bytes:
    rows = (["feed", each.title or each.url, each.url, *([each.page] if each.page else [])] for each in feeds)
    body = [f"\t{shlex.join(row)}" for row in rows] or ["\t:"]  # the shell wants one command at least
    return _lines(["# feed NAME URL [PAGE]", "feeds() {", *body, "}"])


def _planet(config: Config, feeds: Sequence[Listed]) -> bytes:
    lines = ["[Planet]", f"name = {_percent(config.site.title)}", f"link = {_percent(config.site.base_url)}"]
    for each in feeds:
        lines += ["", f"[{each.url}]", f"name = {_percent(each.title or each.url)}"]
        lines += [f"link = {_percent(each.page)}"] if each.page else []
    return _lines(lines)


def _percent(value: str) -> str:
    """A value as Python's configparser reads it, to which % begins a reference."""
    return value.replace("%", "%%")


def _osmosfeed(config: Config, feeds: Sequence[Listed]) -> bytes:
    title = json.dumps(config.site.title, ensure_ascii=False)
    return _lines([f"siteTitle: {title}", "sources:", *(f"  - href: {json.dumps(each.url)}" for each in feeds)])


def _list(config: Config, feeds: Sequence[Listed]) -> bytes:
    return _lines(each.url for each in feeds)


def _json(config: Config, feeds: Sequence[Listed]) -> bytes:
    values = [
        {
            "url": each.url,
            "title": each.title,
            "category": [list(path) for path in each.categories],
            "language": each.language,
            "page": each.page,
            "description": each.description,
            "enabled": each.enabled,
        }
        for each in feeds
    ]
    return (json.dumps(values, ensure_ascii=False, indent=2) + "\n").encode()


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


_WRITERS: Mapping[str, Callable[[Config, Sequence[Listed]], bytes]] = {
    "opml": _opml,
    "urls": _urls,
    "sfeedrc": _sfeedrc,
    "planet.ini": _planet,
    "osmosfeed": _osmosfeed,
    "list": _list,
    "json": _json,
}
