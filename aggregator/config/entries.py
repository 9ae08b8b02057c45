"""`[[source]]`: the keys that all sources share, and those that its kind's own module names."""

import dataclasses
import difflib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any, cast, get_origin, get_type_hints
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, create_model

from aggregator import sources, text
from aggregator.config import secrets
from aggregator.config.modules import fields, find_kind, kinds
from aggregator.config.problems import Problem, dotted, nearest, shown, validate
from aggregator.config.rules import Table
from aggregator.config.tables import CommonSource, Fetching, Host, Site
from aggregator.config.toml import KeyPath
from aggregator.config.types import FeedUrl
from aggregator.model import Access, Cron, Limits, Pace, Source


@dataclass(frozen=True, slots=True)
class Entry:
    """A `[[source]]` whose keys are right, and where it stands."""

    path: KeyPath
    kind: sources.Kind
    key: str
    options: Any
    common: CommonSource


def read(tables: Iterable[tuple[KeyPath, Any]], found: list[Problem]) -> Collection[Entry]:
    """Each source once: one that is listed twice with the same settings is in the categories of both."""
    known: dict[str, Entry] = {}
    for path, values in tables:
        entry = _entry(values, path, found)
        twin = known.get(entry.key) if entry else None
        if entry and twin:
            both = {"category": tuple(dict.fromkeys(twin.common.category + entry.common.category))}
            common = twin.common.model_copy(update=both)
            if common != entry.common.model_copy(update=both) or twin.options != entry.options:
                found.append(
                    (
                        path,
                        _("{source} is {place} already, with other settings; keep one").format(
                            source=shown(entry.key), place=dotted(twin.path)
                        ),
                    )
                )
            entry = replace(twin, common=common)
        if entry:
            known[entry.key] = entry
    return known.values()


def key(values: Any) -> str:
    """The key of the source that a `[[source]]` makes, "" where it makes none."""
    entry = _entry(values, ("source", 1), [])
    return entry.key if entry else ""


def made(
    listed: Iterable[Entry], site: Site, fetch: Fetching, root: Path, found: list[Problem], missing: list[Problem]
) -> tuple[Source, ...]:
    """The sources, with what `[site]` and `[fetch]` say where they are silent.

    Secrets that are not there go to `missing`, as they are no reason to leave the other sources alone. Nobody misses
    those of a source that is not enabled.
    """
    pace = fetch.pace(Pace())
    return tuple(
        _source(entry, site, fetch, pace, root, found, missing if entry.common.enabled else []) for entry in listed
    )


def _source(
    entry: Entry, site: Site, fetch: Fetching, pace: Pace, root: Path, found: list[Problem], missing: list[Problem]
) -> Source:
    common = entry.common
    zone = common.timezone or site.timezone
    limits = Limits(
        timeout=common.timeout or fetch.timeout,
        max_bytes=common.max_bytes or fetch.max_bytes,
        access=_access(entry, root, found, missing),
    )
    options = entry.options
    if "mirrors" in fields(type(options)) and not options.mirrors:
        options = replace(options, mirrors=fetch.rsshub)
    found.extend(_logins(entry, options))
    return Source(
        key=entry.key,
        kind=common.kind,
        options=options,
        title=common.title,
        categories=common.category,
        language=common.language,
        zone=zone,
        base_url=common.base_url or ("" if entry.kind.REMOTE else site.base_url),
        root=str(root),
        limits=limits,
        pace=_scheduled(common.pace(pace), common.schedule, zone),
        policy=common.policy(site),
        enabled=common.enabled,
    )


def _scheduled(pace: Pace, schedule: timedelta | str | None, zone: str) -> Pace:
    if isinstance(schedule, timedelta):
        return replace(pace, interval=schedule, schedule=schedule)
    return replace(pace, schedule=Cron(schedule, zone)) if schedule else pace


def _logins(entry: Entry, options: Any) -> Iterator[Problem]:
    """Logins beside another: a request has one Authorization (RFC 9110 §11.6.2), so one of them would not be sent."""
    url = getattr(options, "url", "")
    urls = options.mirrors if url.startswith("rsshub://") else (url,)  # only a route is asked of the mirrors
    own: list[KeyPath] = [("headers", name) for name in entry.common.headers if name.lower() == "authorization"]
    own += [(key,) for key in ("basic", "bearer") if getattr(entry.common, key)]
    if any("@" in url and urlsplit(url).username is not None for url in urls):
        first = _("the URL")
    else:
        first, own = (dotted(own[0]) if own else ""), own[1:]
    for where in own:
        yield (*entry.path, *where), _("{first} brings a login already; say it once").format(first=first)


def _access(entry: Entry, root: Path, found: list[Problem], missing: list[Problem]) -> Access:
    """How the source is asked, with its secrets out of the environment and files."""
    common = entry.common
    wanted: list[tuple[KeyPath, Callable[[], tuple[str, str]]]] = [
        (("headers", name), partial(secrets.header, name, value, root)) for name, value in common.headers.items()
    ]
    for key, read, value in (("basic", secrets.basic, common.basic), ("bearer", secrets.bearer, common.bearer)):
        if value:
            wanted.append(((key,), partial(read, value, root)))
    proxy = common.proxy
    if proxy.startswith(("env:", "file:")):
        wanted.append((("proxy",), lambda: ("", secrets.reveal(proxy, root))))
    made: dict[KeyPath, tuple[str, str]] = {}
    lacking: list[str] = []
    for where, make in wanted:
        try:
            made[where] = make()
        except secrets.MissingError as error:
            missing.append(((*entry.path, *where), str(error)))
            lacking.append(text.one_line(error.plain))
        except ValueError as error:
            found.append(((*entry.path, *where), str(error)))
    _, proxy_url = made.pop(("proxy",), ("", proxy))
    return Access(tuple(made.values()), common.user_agent, proxy_url, common.verify, "; ".join(dict.fromkeys(lacking)))


def _entry(values: Any, path: KeyPath, found: list[Problem]) -> Entry | None:
    if not isinstance(values, dict):
        found.append((path, _("write it as a table, [[source]]")))
        return None
    name = values.get("kind", "feed")
    shared = CommonSource.model_fields
    common = validate(CommonSource, {key: values[key] for key in values if key in shared}, path, found)
    if not isinstance(name, str):
        return None
    try:
        kind = find_kind(name)
    except ValueError as error:
        found.append(((*path, "kind"), text.one_line(error)))
        found.extend(each for each in _as_meant(name, values, path) if each not in found)
        return None
    own = fields(kind.Options)
    strange = [key for key in values if key not in own and key not in shared]
    others = {key: other for other, keys in kinds().items() for key in keys} if strange else {}
    for key in strange:
        why = _("unknown key; {advice}").format(advice=nearest(key, (*own, *shared)))
        if key != "name" and key in Host.model_fields:
            why = _("unknown key; it belongs to the host: write it into a [[host]] with its name")
        found.append(
            ((*path, key), _('this key needs kind = "{kind}"').format(kind=others[key]) if key in others else why)
        )
    if any(key in others for key in strange):
        return None
    checked = validate(table_of(name), {key: values[key] for key in values if key in own}, path, found)
    if not common or not checked:
        return None
    try:
        options = kind.Options(**dict(checked))
        return Entry(path, kind, kind.key(options), options, common)
    except ValueError as error:
        found.append((path, text.one_line(error)))
        return None


def _as_meant(name: str, values: dict[str, Any], path: KeyPath) -> list[Problem]:
    """What is wrong with the keys that a table has, were its kind the one that a mistyped name is near to."""
    meant = difflib.get_close_matches(name.lower(), kinds(), n=1, cutoff=0.5)  # as `problems.nearest`
    problems: list[Problem] = []
    if meant:
        _entry(values | {"kind": meant[0]}, path, problems)
    return [(where, why) for where, why in problems if where[len(path) : len(path) + 1] and where[len(path)] in values]


@cache
def table_of(kind: str) -> type[BaseModel]:
    """The table that a kind's Options stand for."""
    return _model(find_kind(kind).Options)


def _model(options: type[Any]) -> type[BaseModel]:
    """A dataclass as a table: the same fields, checked as strictly as ours. A `url` is http(s); a field that is a
    dataclass itself is a table within the table."""
    hints = get_type_hints(options)
    types: dict[str, Any] = {
        each.name: (
            FeedUrl if each.name == "url" else _inner(hints[each.name]),
            Field(... if each.default is dataclasses.MISSING else each.default, strict=_is_scalar(hints[each.name])),
        )
        for each in dataclasses.fields(options)
    }
    return create_model(options.__name__, __config__=Table.model_config, __module__=options.__module__, **types)


def _inner(hint: Any) -> Any:
    """The type of a field; of a table within the table, one that makes the dataclass, which may check it further."""
    if not dataclasses.is_dataclass(hint):
        return hint
    made = cast("type[Any]", hint)
    return Annotated[_model(made), AfterValidator(lambda table: made(**dict(table)))]


def _is_scalar(hint: object) -> bool:
    """TOML's lists are no tuples, and its tables no models, so what is one has to be made one."""
    return get_origin(hint) is not tuple and not dataclasses.is_dataclass(hint)
