"""`aggregator import`: the subscriptions of a list become sources of the config, and what cannot be is told."""

import asyncio
import base64
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from gettext import gettext as _
from itertools import chain, count
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from aggregator import amending, importing
from aggregator.amending import Edit
from aggregator.config import Config, toml
from aggregator.editing import with_tables
from aggregator.errors import AggregatorError, reason
from aggregator.fetching import loop_factory
from aggregator.importing import Found, Listed
from aggregator.matching import fold_path
from aggregator.model import Limits, Source, Validators
from aggregator.network import network
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, reading, writing
from aggregator.text import masked, one_line

_NAMED = 5
"""Feeds of one login that are named."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What a list comes to: the feeds that are `new`, those that are `there` already, and the edit of the config.

    `logins` says what the owner has to set where an address came with a password, which no config holds, and where one
    is ignored, as the config has the feed without it.
    """

    name: str
    found: Found
    new: tuple[Listed, ...]
    there: tuple[Listed, ...]
    logins: tuple[str, ...]
    edit: Edit


def adopt(config: Config, given: str, now: datetime) -> Adoption:
    """Read a list (a path, a URL, or `-` for standard input), and say what the config would be; nothing is written.

    Raises AggregatorError where the list cannot be had or read, ConfigError where the config would be refused.
    """
    name = _("standard input") if given == "-" else one_line(masked(given), 300)
    found = importing.read(_bytes(config, given, name, now), name)
    if not found.feeds and found.broken:
        raise AggregatorError(_("{name}: {why}").format(name=name, why=found.broken))
    known = {importing.same(_address(source.options) or source.key): source for source in config.sources}
    new = tuple(each for each in found.feeds if importing.same(each.url) not in known)
    there = tuple(each for each in found.feeds if importing.same(each.url) in known)
    names = variables(config, new)
    feeds, shelves = list(map(_table, new, names)), _shelves(config, found, new)
    edit = amending.edit(config.file, lambda text: with_tables(with_tables(text, "source", feeds), "category", shelves))
    ignored = [each.url for each in there if _has_another_login(known[importing.same(each.url)], each)]
    return Adoption(name, found, new, there, (*logins(new, names), *_ignored(ignored)), edit)


def _address(options: Any) -> str:
    return str(getattr(options, "url", ""))


def _has_another_login(source: Source, feed: Listed) -> bool:
    """Whether a feed of the list comes with another login than the config's; one that cannot be had may be the same."""
    access = source.limits.access
    if not feed.login or access.missing:
        return False
    given, own = (":".join(map(unquote, login.partition(":")[::2])) for login in (feed.login, _login(source)))
    sent = {name.lower(): value for name, value in access.headers}.get("authorization", "")
    return own != given and sent != "Basic " + base64.b64encode(given.encode()).decode()


def _login(source: Source) -> str:
    return importing.login(_address(source.options))


def _ignored(urls: Sequence[str]) -> Iterator[str]:
    """One line of those feeds whose login in the list has no effect."""
    if urls:
        more = _(" and {more} more").format(more=len(urls) - _NAMED) if len(urls) > _NAMED else ""
        said = _("the login of {urls}{more} is ignored: the config has the feed already, and its login stays as it is")
        yield said.format(urls=_(", ").join(urls[:_NAMED]), more=more)


def _bytes(config: Config, given: str, name: str, now: datetime) -> bytes:
    """What is in a list, a little more than is allowed at most."""
    if given == "-":
        return sys.stdin.buffer.read(importing.MAX_BYTES + 1)
    if re.match(r"https?://", given, re.IGNORECASE):
        return fetched(config, given, now)
    try:
        with Path(given).open("rb") as file:
            return file.read(importing.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else _("is no path")
        raise AggregatorError(
            _("{name}: cannot be read ({why}); give the path or the URL of a list, or -").format(name=name, why=why)
        ) from None


def fetched(config: Config, url: str, now: datetime) -> bytes:
    """A document, asked for as politely as any feed: what its host wants is heeded and kept. Raises FetchError."""
    engine = open_store(config.store)

    async def ask() -> bytes:
        async with network(config, hosts, now, remote=True) as (fetch, learned, _):
            try:
                limits = Limits(config.fetch.timeout, importing.MAX_BYTES)
                return (await fetch(url, Validators(), limits)).body
            finally:
                with writing(engine) as db:
                    stored.save_hosts(db, learned())

    try:
        with reading(engine) as db:
            hosts = stored.hosts(db)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(ask())
    finally:
        engine.dispose()


def _table(feed: Listed, variable: str) -> dict[str, object]:
    """The `[[source]]` of a feed, with what the list says of it and no more."""
    paths = [list(path) for path in feed.categories]
    table: dict[str, object] = {
        "url": feed.url,
        "title": feed.title,
        "category": paths[0] if len(paths) == 1 else paths,
        "language": feed.language,
        "user_agent": feed.user_agent,
        "basic": f"env:{variable}" if variable else "",
    }
    return {key: value for key, value in table.items() if value} | ({} if feed.enabled else {"enabled": False})


def _shelves(config: Config, found: Found, new: Sequence[Listed]) -> list[dict[str, object]]:
    """A `[[category]]` for those that the list describes, hold something new, and have none yet."""
    used = {fold_path(path[:depth]) for feed in new for path in feed.categories for depth in range(1, len(path) + 1)}
    used -= {fold_path(path) for path in config.categories}
    return [{"path": list(path), "description": said} for path, said in found.said.items() if fold_path(path) in used]


def variables(config: Config, feeds: Iterable[Listed]) -> list[str]:
    """For each feed the environment variable that is to hold its login, "" where it has none.

    One for each login of a host; none that the config names already, as nobody knows what that one holds.
    """
    taken = set(re.findall(r"env:(\w+)", toml.decode(config.file, toml.read_bytes(config.file))))
    given: dict[tuple[str, str], str] = {}
    names = []
    for feed in feeds:
        stem = "LOGIN_" + re.sub(r"[^A-Z0-9]+", "_", (urlsplit(feed.url).hostname or "").upper())
        if feed.login and (stem, feed.login) not in given:
            numbered = chain([stem], (f"{stem}_{number}" for number in count(2)))
            given[stem, feed.login] = name = next(each for each in numbered if each not in taken)
            taken.add(name)
        names.append(given[stem, feed.login] if feed.login else "")
    return names


def logins(feeds: Sequence[Listed], names: Sequence[str]) -> tuple[str, ...]:
    """What the owner has to set, for each of the `variables` a line."""
    told = []
    for name in dict.fromkeys(filter(None, names)):
        urls = [feed.url for feed, own in zip(feeds, names, strict=True) if own == name]
        more = _(" and {more} more").format(more=len(urls) - _NAMED) if len(urls) > _NAMED else ""
        coded = any("%" in feed.login for feed, own in zip(feeds, names, strict=True) if own == name)
        told.append(
            _(
                "the login of {urls}{more} is not written into the config: set {name} to user:password"
                " where aggregator runs"
            ).format(urls=_(", ").join(urls[:_NAMED]), more=more, name=name)
            + (_(", with what stands there as %40 written as @") if coded else "")
            + _("; in a shell: export {name}='user:password'; cron or the service needs it, too").format(name=name)
        )
    return tuple(told)


def as_json(made: Adoption, *, written: bool) -> dict[str, Any]:
    """The same for programs."""
    return {
        "list": made.name,
        "kind": made.found.kind,
        "new": [_shown(each) for each in made.new],
        "there": [_shown(each) for each in made.there],
        "twice": made.found.twice,
        "not_taken": [{"where": each.where, "what": each.what, "why": each.why} for each in made.found.lost],
        "broken": made.found.broken or None,
        "logins": list(made.logins),
        "written": written,
    }


def _shown(feed: Listed) -> dict[str, Any]:
    return {"url": feed.url, "title": feed.title, "categories": [list(path) for path in feed.categories]}
