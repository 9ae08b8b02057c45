"""`[[list]]`: a list of subscriptions that is kept elsewhere. Its feeds are sources for as long as it has them.

What was last good of it is kept beside the store, so that a list which is away, broken or empty takes no source away;
`following` brings these copies up to date. The config itself is read without any network.
"""

import hashlib
import json
import os
import shlex
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from gettext import gettext as _
from pathlib import Path
from typing import Any

from pydantic import Field

from aggregator import disk, importing
from aggregator.config import types
from aggregator.config.problems import Problem, validate
from aggregator.config.rules import Table
from aggregator.config.toml import KeyPath
from aggregator.errors import AggregatorError, reason
from aggregator.importing import Found, Listed
from aggregator.languages import in_english
from aggregator.model import CategoryPath
from aggregator.text import masked
from aggregator.values import MAX_LEVELS

MOST = 5000
"""Feeds of one list: nobody is asked before they are visited."""


class List(Table):
    """`[[list]]`: where the list is, `url` or `path`, and the category that all its feeds are below."""

    url: types.WebUrlOrNot = Field("", repr=False)
    """Where the list is; asked for once an `interval` of `[fetch]`. Example: `"https://example.org/blogroll.opml"`."""
    path: str = ""
    """The file that the list is; read again when it changes. Example: `"friends.opml"`."""
    category: types.OnePath = ()
    """The category that all its feeds are below. Example: `"Friends"`."""


@dataclass(frozen=True, slots=True)
class SourceList:
    """A list that is followed: at `url`, or in `file`. `copy` is where the last good state of it is kept.

    `digest` is that of the file as it is now, "" where that is no good, or not ours to read. Of one that is not `known`
    there is no copy either, so nobody knows which sources it has.
    """

    url: str = field(repr=False)
    file: Path | None
    copy: Path
    digest: str = ""
    known: bool = True

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return masked(self.url) or (_shown(self.file) if self.file else "")

    @property
    def memory(self) -> Path:
        """Where it is kept what the server said of it."""
        return self.copy.with_suffix(".json")


@dataclass(frozen=True, slots=True)
class Read:
    """What all lists give: `tables` as of `[[source]]`, with the place of their list; `notes` are for the owner."""

    lists: tuple[SourceList, ...]
    tables: tuple[tuple[KeyPath, dict[str, Any]], ...]
    notes: tuple[str, ...]


def read(
    tables: Iterable[tuple[KeyPath, Any]], root: Path, folder: Path, taken: Collection[str], found: list[Problem]
) -> Read:
    """The feeds of all lists, but for those whose address is `taken` by a `[[source]]`; `folder` has the copies.

    A feed of several lists is in the categories of all of them.
    """
    tables = tuple(tables)
    if not tables:
        return Read((), (), ())
    known: dict[str, tuple[KeyPath, dict[str, Any]]] = {}
    lists: list[SourceList] = []
    notes: list[str] = []
    own = {importing.same(each) for each in taken}
    for path, values in tables:
        table = validate(List, values, path, found)
        if not table:
            continue
        if bool(table.url) == bool(table.path):
            found.append((path, _("write where the list is: either url, or path")))
            continue
        followed, listed = _one(table, path, root, folder, notes, found)
        lists.append(followed)
        if listed and listed.lost:
            notes.append(_not_taken(followed, len(listed.lost)))
        for feed in listed.feeds if listed else ():
            key = importing.same(feed.url)
            paths = _below(table.category, feed)
            if key in known:
                paths = [*known[key][1]["category"], *paths]
            if key not in own:
                known[key] = known.get(key, (path, _table(feed)))
                known[key][1]["category"] = paths
    return Read(tuple(lists), tuple(known.values()), tuple(notes))


def _one(
    table: List, path: KeyPath, root: Path, folder: Path, notes: list[str], found: list[Problem]
) -> tuple[SourceList, Found | None]:
    """A list and what it has, now or when it was last good; None where it never was."""
    copy = folder / f"{hashlib.sha256((table.url or table.path).encode()).hexdigest()[:16]}.list"
    followed = SourceList(table.url, root / table.path if table.path else None, copy)
    told, why = "", said(followed).get("trouble", "")
    why = why if not why or followed.name in why else f"{followed.name}: {why}"
    if followed.file:
        try:
            data, listed = good(followed.file)
            return SourceList("", followed.file, copy, hashlib.sha256(data).hexdigest()), listed
        except AggregatorError as error:
            told, why = str(error), _trouble(followed.file)
    try:
        __, listed = good(copy)
    except AggregatorError:
        if followed.file:
            found.append(((*path, "path"), _("{why}; mend it or write another path").format(why=told)))
        else:
            why = why or f"{followed.name}: is asked for by the next run"
            notes.append(f"{why}; the list has given no sources yet, and until it has no source leaves")
        return replace(followed, known=False), None
    if why:
        notes.append(f"{why}; the list is used as it last was")
    return followed, listed


def _not_taken(followed: SourceList, number: int) -> str:
    """That a list has lines which make no source, in English, as notes are kept."""
    command = f"aggregator import {shlex.quote(followed.name)} --dry-run"
    return f"{followed.name}: lines that are not taken over: {number}; `{command}` shows them"


def _shown(file: Path) -> str:
    """A path as it is shown, without the `..` of a list that stands above the config's folder."""
    return os.path.normpath(file)


def _trouble(file: Path) -> str:
    """What is wrong with a list, in English: notes are kept, so that they are told once."""
    try:
        with in_english():
            good(file)
    except AggregatorError as error:
        return str(error)
    return ""


def good(file: Path) -> tuple[bytes, Found]:
    """The bytes of a list that is whole and not empty, and what it has. Raises AggregatorError, one line."""
    try:
        with disk.opened(file) as opened:
            data = opened.read(importing.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = _("{file}: cannot be read ({why})").format(file=_shown(file), why=reason(error))
        raise AggregatorError(why) from None
    return data, whole(data, _shown(file))


def holders(lists: Iterable[SourceList], url: str) -> list[str]:
    """The names of those lists that have this feed, as they are now or were when they were last good."""
    return [each.name for each in lists if importing.same(url) in {importing.same(feed.url) for feed in _feeds(each)}]


def _feeds(followed: SourceList) -> tuple[Listed, ...]:
    for file in filter(None, (followed.file, followed.copy)):
        with suppress(AggregatorError):
            return good(file)[1].feeds
    return ()


def whole(data: bytes, name: str) -> Found:
    """What a list has that is whole, not empty and not far too long. Raises AggregatorError, one line."""
    found = importing.read(data, name)
    if found.broken:
        raise AggregatorError(_("{name}: {why}").format(name=name, why=found.broken))
    if not found.feeds:
        raise AggregatorError(_("{name}: has no feed in it").format(name=name))
    if len(found.feeds) > MOST:
        raise AggregatorError(
            _(
                "{name}: has {count} feeds, and a [[list]] may have {most}; `aggregator import` takes them all and"
                " shows them first, or divide it into several [[list]]"
            ).format(name=name, count=f"{len(found.feeds):,}", most=f"{MOST:,}")
        )
    return found


def said(followed: SourceList) -> Mapping[str, str]:
    """What is remembered of a list's server; nothing where that cannot be read."""
    try:
        found = json.loads(followed.memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def _table(feed: Listed) -> dict[str, Any]:
    """A `[[source]]` of a feed, without a login: a list that others write names no secret of ours."""
    table: dict[str, Any] = {"url": feed.url, "title": feed.title, "language": feed.language}
    return {key: value for key, value in table.items() if value} | ({} if feed.enabled else {"enabled": False})


def _below(category: CategoryPath, feed: Listed) -> list[list[str]]:
    """The categories of a feed, below that of its list."""
    paths = [list((*category, *path)[:MAX_LEVELS]) for path in feed.categories or ((),)]
    return [path for path in paths if path]
