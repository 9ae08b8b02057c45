"""`aggregator preview`: what one source yields after the rules, with nothing kept but what its host wants."""

import asyncio
import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from gettext import gettext as _
from typing import Any

from sqlalchemy import Engine

from aggregator import config as configs
from aggregator import views
from aggregator.collect import visit
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.fetching import loop_factory
from aggregator.identity import decide, signs
from aggregator.model import Document, HostState, Item, Limits, Source, Validators, Visit
from aggregator.network import network
from aggregator.sources import find
from aggregator.store import sources as stored
from aggregator.store import visits
from aggregator.store.engine import open_store, reading, writing
from aggregator.store.sources import Standing
from aggregator.store.values import dump
from aggregator.text import masked, one_line


@dataclass(frozen=True, slots=True)
class Preview:
    """A visit, and for each of its items in the feed's order: what becomes of it (None: excluded), and why.

    `known` are the places of those that the store has already."""

    visit: Visit
    items: tuple[tuple[Item, Item | None, tuple[str, ...]], ...]
    known: frozenset[int] = frozenset()


def preview(config: Config, wanted: str, now: datetime, select: Mapping[str, str] | None = None) -> Preview:
    """Visit one source: one of the config, by its key, title or a part of these, or the address of any feed; with
    `select`, selectors by their names, that of any page.

    It is asked unconditionally, as nothing of it is kept. Raises AggregatorError when no source is meant, or several.
    """
    engine = open_store(config.store)
    try:
        with reading(engine) as db:
            hosts = stored.hosts(db)
            standings = stored.standings(db)
        titles = {key: each.feed.title for key, each in standings.items()}
        source = configs.source(config, wanted, select) if select else named(config, wanted, titles)
        met = ask(config, engine, source, hosts, now)
        known = _known(engine, met, standings[source.key], now) if source.key in standings else frozenset()
    finally:
        engine.dispose()
    rules = views.view(config)
    told = (now, met.feed.title if met.feed else "")
    items = [
        (item, rules.item(source.key, item, *told), rules.explain_item(source.key, item, *told)) for item in met.items
    ]
    return Preview(met, tuple(items), known)


def _known(engine: Engine, met: Visit, standing: Standing, now: datetime) -> frozenset[int]:
    """Which items of a visit the store has, as a run would recognise them."""
    remote = find(met.source.kind).REMOTE
    every = [signs(item) for item in met.items]
    with reading(engine) as db:
        known = visits.known(db, standing.id, {key for each in every for key in each.keys}, ())
    policy, habits = met.source.policy, standing.habits
    found = decide(met.items, known, now, remote=remote, policy=policy, habits=habits, ready=every)
    there = {_face(each.item) for each in found.changes if each.item and each.known}
    return frozenset(place for place, item in enumerate(met.items) if _face(item) in there)


def hint(preview: Preview) -> str:
    """What to try where the selectors of a page catch nothing, "" elsewhere."""
    met = preview.visit
    if not (met.error and met.catches):
        return ""
    advice = _("try other selectors: `aggregator preview {url} --item CSS --title CSS` shows what they catch")
    return advice.format(url=shlex.quote(masked(met.source.key)))


def _face(item: Item) -> tuple[object, ...]:
    return item.title, item.url, item.origin, item.published


def ask(
    config: Config,
    engine: Engine,
    source: Source,
    hosts: Mapping[str, HostState],
    now: datetime,
    heard: Callable[[Document], object] = lambda document: None,
) -> Visit:
    """Visit a source unconditionally, whether the config has it or not, and keep what its host wants, no more.

    `heard` is told each document that comes, as it comes.
    """

    async def visited() -> Visit:
        async with network(config, hosts, now, remote=find(source.kind).REMOTE) as (fetch, learned, _):

            async def told(url: str, known: Validators, limits: Limits) -> Document:
                document = await fetch(url, known, limits)
                heard(document)
                return document

            try:
                return await visit(source, {}, told)
            finally:
                with writing(engine) as db:
                    stored.save_hosts(db, learned())

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(visited())


def named(config: Config, wanted: str, titles: Mapping[str, str]) -> Source:
    """The source that somebody means; `titles` are what feeds call themselves, by key. A whole URL means itself."""
    folded, is_url = wanted.casefold(), wanted.startswith(("http://", "https://", "rsshub://"))
    named = {each.key: {each.title.casefold(), titles.get(each.key, "").casefold()} - {""} for each in config.sources}
    exact = [each for each in config.sources if wanted in (each.key, masked(each.key)) or folded in named[each.key]]
    near = [
        each
        for each in config.sources
        if folded in each.key.casefold() or any(folded in title for title in named[each.key])
    ]
    found = exact or ([] if is_url else near)
    if len(found) == 1:
        return found[0]
    if found:
        names = _(", ").join(masked(each.key) for each in found[:5])
        raise AggregatorError(
            _("{given} may be any of {names}; write more of it").format(
                given=one_line(masked(wanted), 100), names=names
            )
        )
    if is_url:
        return configs.source(config, wanted)
    raise AggregatorError(
        _('there is no source "{given}"; see `aggregator list sources`').format(given=one_line(masked(wanted), 100))
    )


def as_json(preview: Preview) -> dict[str, Any]:
    """A preview for programs: every item whole, as it would be published; what is absent is left out."""
    met = preview.visit
    return {
        "source": masked(met.source.key),
        "title": met.source.title or (met.feed.title if met.feed else ""),
        "error": masked(met.error),
        "warnings": [masked(warning) for warning in met.warnings],
        "selectors": [
            {
                "name": each.name,
                "selector": each.selector,
                "found": each.found,
                "of": each.of,
                "missed": list(each.missed),
            }
            for each in met.catches
        ],
        "items": [
            {
                "excluded": kept is None,
                "known": place in preview.known,
                "rules": list(said),
                "item": json.loads(dump(kept or item)),
            }
            for place, (item, kept, said) in enumerate(preview.items)
        ],
    }
