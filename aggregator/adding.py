"""`aggregator add`, `remove`, `disable` and `enable`: what they come to, as a change of the config that is not made."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from gettext import gettext as _
from gettext import pgettext
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine

from aggregator import adopting, amending, editing, identity, phrases, previewing
from aggregator import config as configs
from aggregator.amending import Edit
from aggregator.collect import withheld
from aggregator.config import Config, lists
from aggregator.dates import rfc3339
from aggregator.errors import AggregatorError
from aggregator.importing import Listed, login
from aggregator.languages import joined, marked
from aggregator.model import Document, Item, Source, Visit
from aggregator.sources import find
from aggregator.sources.feed import discovery
from aggregator.store import sources as stored
from aggregator.store import visits
from aggregator.store.engine import looking, open_store, reading
from aggregator.text import http_url, masked, one_line
from aggregator.values import one_category

_NEWEST = 5
_NOT_THERE = marked("take it out there, or write a [[source]] of that url with enabled = false")
_UNHEARD = ("bad response", "connect", "refused", "reset", "tls")
"""What a server that does not speak TLS may give."""


@dataclass(frozen=True, slots=True)
class Addition:
    """A feed that was found, and how the config would have it. `others` are further feeds that the page announces."""

    url: str = field(repr=False)
    title: str
    newest: tuple[Item, ...]
    others: tuple[str, ...]
    warnings: tuple[str, ...]
    edit: Edit


def add(config: Config, given: str, categories: Sequence[str], title: str, now: datetime) -> Addition:
    """What comes of adding an address: of a feed, or of a page that announces one; https:// may be left out.

    `categories` are as `a/b`. The feed is asked once. Raises AggregatorError: when the config has it already, nothing
    was found, or the config would not be right.
    """
    asked, *others = tries = _addresses(given)
    _check(categories)
    engine = open_store(config.store)
    try:
        known = _known(engine, config)
        for url in tries:
            _refuse_twice(known, url)
        met, documents = _ask(config, engine, asked, now)
        if met.trouble and met.trouble.kind in _UNHEARD and others:
            other, documents = _ask(config, engine, others[0], now)
            met, asked = (met, asked) if other.error else (other, others[0])
    finally:
        engine.dispose()
    found = next(iter(met.documents), "")
    if met.trouble and met.trouble.kind == "http 404" and http_url(asked) and not documents:
        raise AggregatorError(_not_there(asked))
    if met.error or not found:
        why = phrases.of_terminal()(masked(met.error)) or _("nothing was found")
        more = [_('write it into the address, https://USER:PASSWORD@..., or basic = "env:NAME" into the config')]
        wanted = more if met.trouble and met.trouble.kind == "http 401" else []
        raise AggregatorError(joined(_("; "), why, *wanted, _("nothing is added")))
    answer = met.answer.url if met.answer else ""
    moved = met.answer.moved_to if met.answer and http_url(found) else ""
    for each in (found, answer, moved):
        _refuse_twice(known, each)
    secret = login(asked)
    feed = Listed("", http_url(moved or found) if secret else moved or found, login=secret)
    strange = bool(secret) and discovery.origin(feed.url) != discovery.origin(asked)
    if strange:
        feed = replace(feed, login="")
    names = adopting.variables(config, [feed])
    table: dict[str, object] = {"url": feed.url}
    table |= {"basic": f"env:{names[0]}"} if names[0] else {}
    table |= {"title": title} if title else {}
    table |= {"category": _as_written(categories)} if categories else {}
    edit = amending.edit(config.file, partial(editing.with_tables, name="source", tables=[table]))
    return Addition(
        feed.url,
        title or (met.feed.title if met.feed else ""),
        tuple(sorted(met.items, key=_when, reverse=True)[:_NEWEST]),
        _others(documents, {found, answer, moved}),
        (
            *(each for name, said in met.said.items() if name for each in said),  # "" is about what we have mended
            *withheld(met.answer),
            *((_elsewhere(asked),) if strange else ()),
            *adopting.logins([feed], names),
        ),
        edit,
    )


def _elsewhere(url: str) -> str:
    return _("the login is for {url} and was not sent to its feed; it is left out").format(url=http_url(url))


def _not_there(url: str) -> str:
    """What to try where an address has answered 404."""
    parts = urlsplit(http_url(url))
    site = f"{parts.scheme}://{parts.netloc}/"
    advice = _("look at it in a browser")
    if parts.path.strip("/"):
        advice = _("try {site}: its feed is looked for there").format(site=site)
    said = _("{url} answered 404, there is nothing at that address").format(url=masked(url))
    return joined(_("; "), said, advice, _("nothing is added"))


def as_json(found: Addition) -> dict[str, Any]:
    """What was found, for programs."""
    return {
        "url": masked(found.url),
        "title": found.title,
        "others": list(found.others),
        "warnings": [masked(each) for each in found.warnings],
        "entries": [
            {"title": each.title, "url": each.url, "published": rfc3339(each.published) if each.published else None}
            for each in found.newest
        ],
    }


def remove(config: Config, wanted: str) -> tuple[Source, Edit]:
    """The source that is meant, and the config without it. Raises AggregatorError."""
    source = _meant(config, wanted)
    numbers = _numbers(config, source, _(_NOT_THERE))
    return source, amending.edit(config.file, partial(editing.without_tables, name="source", numbers=numbers))


def switch(config: Config, wanted: str, *, on: bool) -> tuple[Source, Edit]:
    """The source that is meant, and the config with it enabled or disabled; where it is so already, the same config.

    Raises AggregatorError.
    """
    source = _meant(config, wanted)
    value = None if on else False
    if source.enabled == on:
        return source, amending.edit(config.file, lambda toml: toml)
    numbers = _numbers(config, source, _("enable it there, or write a [[source]] of that url") if on else _(_NOT_THERE))
    change = partial(editing.with_key, name="source", numbers=numbers, key="enabled", value=value)
    return source, amending.edit(config.file, change)


def same(url: str) -> str:
    """What is equal for addresses of the same thing."""
    whole = http_url(url)
    return (identity.canonical_url(url) or whole.partition("://")[2].rstrip("/")) if whole else url


# --- The address ------------------------------------------------------------------------------------------------------


def _addresses(given: str) -> tuple[str, ...]:
    """What is to be asked, in its order: over https, and else over http, where nothing is said of that; with a login
    over https alone."""
    given = re.sub(r"^feed:(//)?(?=https?://)|^feed:(?=//)", "", given.strip())
    if re.fullmatch(r"rsshub://\S+", given):
        return (given,)
    begins = re.match(r"https?://|//", given, re.IGNORECASE)
    bare = given[begins.end() :] if begins else given
    is_url = (
        not re.search(r"\s", given)
        and given.isprintable()
        and ("://" not in given or begins)
        and http_url(f"https://{bare}")
    )
    if not is_url or (not begins and "@" in bare.partition("/")[0]):
        shown = one_line(masked(given), 100)
        raise AggregatorError(
            _("{given} is no address of a feed; write one such as https://example.org/feed.xml").format(given=shown)
        )
    if begins and begins[0] != "//":
        return (given,)
    # Whoever can break a connection could have a login sent in the clear.
    return (f"https://{bare}",) if login(f"https://{bare}") else (f"https://{bare}", f"http://{bare}")


def _check(categories: Collection[str]) -> None:
    for each in categories:
        try:
            one_category(each)
        except ValueError as error:
            raise AggregatorError(
                _("{name}: {why}").format(name=f"--category {one_line(each, 100)}", why=error)
            ) from error


def _as_written(categories: Sequence[str]) -> object:
    """Category paths as a config has them: one as a text, several as lists."""
    return categories[0] if len(categories) == 1 else [list(one_category(each)) for each in categories]


# --- What the config has ----------------------------------------------------------------------------------------------


def _known(engine: Engine, config: Config) -> Mapping[str, Source]:
    """The remote sources of the config by all addresses that they are known to have."""
    with reading(engine) as db:
        standings = stored.standings(db)
        documents = visits.validators_of(db, [each.id for each in standings.values()])
    known: dict[str, Source] = {}
    for source in (each for each in config.sources if find(each.kind).REMOTE):
        if standing := standings.get(source.key):
            held = documents.get(standing.id, {})
            led = {*held, *(each.url for each in held.values()), standing.move.url if standing.move else ""}
            known |= {same(url): source for url in led - {""}}
    return known | {same(each.key): each for each in config.sources}


def _refuse_twice(known: Mapping[str, Source], url: str) -> None:
    """Raises AggregatorError where the config has this address, or one that leads to it."""
    if url and (source := known.get(same(url))):
        key, shown = masked(source.key), masked(url)
        where = "" if same(url) == same(source.key) else _(", as {key}").format(key=key)
        off = _("; it is disabled: `aggregator enable {key}`").format(key=key) if not source.enabled else ""
        raise AggregatorError(
            _("{given} is in the config already{where}{off}").format(given=shown, where=where, off=off)
        )


def _meant(config: Config, wanted: str) -> Source:
    """The source of the config that somebody means."""
    alike = [each for each in config.sources if http_url(wanted) and same(each.key) == same(wanted)]
    source = alike[0] if len(alike) == 1 else previewing.named(config, wanted, _titles(config))
    if source.key not in {each.key for each in config.sources}:
        raise AggregatorError(
            _("{key} is not in the config; see `aggregator list sources`").format(key=masked(source.key))
        )
    return source


def _numbers(config: Config, source: Source, advice: str) -> tuple[int, ...]:
    """The numbers of its tables in the config's file. Where it has none, `advice` is for one of a list."""
    numbers = configs.tables_of(config.file, source.key)
    if not numbers:
        names = lists.holders(config.lists, source.key)
        why = _("{source} has no [[source]] of its own in {file}; change it by hand")
        if names:
            why = _("{source} has no [[source]] of its own in {file}: it stands in the list {lists}; {advice}")
        held = pgettext("of names", " and ").join(names)
        raise AggregatorError(why.format(source=masked(source.key), file=config.file, lists=held, advice=advice))
    return numbers


def _titles(config: Config) -> Mapping[str, str]:
    """What feeds call themselves, by key; nothing where there is no store yet."""
    try:
        with looking(config.store) as db:
            return {key: each.feed.title for key, each in stored.standings(db).items()}
    except AggregatorError:
        return {}


# --- The feed ---------------------------------------------------------------------------------------------------------


def _ask(config: Config, engine: Engine, url: str, now: datetime) -> tuple[Visit, list[Document]]:
    """A visit, and all documents that came in it."""
    documents: list[Document] = []
    source = configs.source(config, url)
    with reading(engine) as db:
        hosts = stored.hosts(db)
    return previewing.ask(config, engine, source, hosts, now, documents.append), documents


def _others(documents: Sequence[Document], taken: Collection[str]) -> tuple[str, ...]:
    """The feeds that the page announces which was met first, but for the one that is taken."""
    announced = discovery.announced_by(documents[0]) if len(documents) > 1 else ()
    return tuple(each for each in announced if same(each) not in {same(url) for url in taken})


def _when(item: Item) -> datetime:
    return item.published or item.updated or datetime.min.replace(tzinfo=UTC)
