"""`config/aggregator.toml` becomes one frozen Config, or a ConfigError that names every problem at once.

A problem is one line: file, line, the key's path, what is wrong, and what to do or the nearest known key. Tables of an
array are counted from 1: `source[2].catgory` is a key of the second `[[source]]`.
"""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from gettext import gettext as _
from pathlib import Path
from typing import Any

from aggregator import text
from aggregator.config import entries, problems, reach, shelves, templates, toml
from aggregator.config import lists as followed
from aggregator.config import web as webs
from aggregator.config.modules import find_format
from aggregator.config.problems import Problem
from aggregator.config.reach import store_file
from aggregator.config.tables import CategorySettings, Fetching, Host, Site, Web
from aggregator.config.toml import KeyPath
from aggregator.config.types import is_bucket, store_url
from aggregator.errors import ConfigError
from aggregator.matching import fold_path, spelled
from aggregator.model import CategoryPath, HostRule, Pace, Shelf, Source

__all__ = ["CategorySettings", "Config", "Fetching", "Site", "Web", "load"]


@dataclass(frozen=True, slots=True)
class Config:
    """The whole config, checked. `root` is the folder that relative paths start from; `file` is the config's path.

    `templates` are the owner's own, by name; `serves` says whether there is a [web] table, so that the daemon serves.
    `lists` are those whose feeds are among the `sources`; `notes` are what the owner should know of them.
    """

    file: Path
    root: Path
    site: Site
    fetch: Fetching
    hosts: tuple[HostRule, ...]
    sources: tuple[Source, ...]
    categories: Mapping[CategoryPath, CategorySettings]
    shelves: Mapping[CategoryPath, Shelf]
    templates: Mapping[str, str]
    web: Web
    serves: bool = False
    lists: tuple[followed.SourceList, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def watched(self) -> tuple[Path, ...]:
        """The files beside the config that are as good as a part of it: see `stamp`."""
        return tuple(each.file or each.copy for each in self.lists)

    @property
    def output(self) -> Path:
        """The folder that is published. Raises ConfigError where that is an object store: who needs a folder cannot go
        on."""
        if self.bucket:
            why = _(
                "{bucket} is no folder; serve it from where it is, or by a CDN, or write the path of a folder"
            ).format(bucket=self.bucket)
            raise ConfigError(f"{self.file}: site.output: {why}")
        return self.root / self.site.output

    @property
    def bucket(self) -> str:
        """The URL of the objects that are published, `s3://bucket/prefix`; "" where there is a folder for that."""
        return self.site.output if is_bucket(self.site.output) else ""

    @property
    def pace(self) -> Pace:
        """How often sources are visited that say nothing of it themselves."""
        return self.fetch.pace(Pace())

    @property
    def store(self) -> str:
        """The store's URL, its path made absolute."""
        file = store_file(self.root, self.site.store)
        return f"sqlite:///{file}" if file else self.site.store


def load(file: Path, *, look: bool = False) -> Config:
    """Read and check a config file; with `look`, also whether the folders that it names can be read and written,
    and the secrets are there.

    Raises ConfigError with all its problems, each one line.
    """
    return check(file, toml.decode(file, toml.read_bytes(file)), look=look)


def check(file: Path, raw: str, *, look: bool = False) -> Config:
    """The same, of a text that is in the file, or is to be. Raises ConfigError."""
    data = toml.parse(file, raw)
    folder = file.absolute().parent
    found: list[Problem] = []
    config = _read(file, folder.parent if folder.name == "config" else folder, data, found, look)
    if found or not config:
        raise ConfigError(*(f"{file}:{line}" for line in problems.lines(found, toml.lines(raw))))
    return config


Stamp = tuple[tuple[object, ...], ...]


def again(config: Config, seen: Stamp) -> tuple[Config, Stamp]:
    """The config as it stands now, and its stamp: the one that was `seen`, or, where it watches other files by now,
    another. Raises ConfigError, also where the store is another one."""
    new, watched = load(config.file), config.watched
    while new.watched != watched:  # and read once more, as they may have changed before this look
        watched = new.watched
        seen, new = stamp(new.file, watched), load(new.file)
    if new.store != config.store:
        raise ConfigError(_("{file}: site.store: has changed; that needs a restart").format(file=config.file))
    return new, seen


def stamp(file: Path, watched: tuple[Path, ...] = ()) -> Stamp:
    """What changes whenever somebody changes the config, a template beside it or a file that is `watched`: each file's
    place, size and time. () while there is no config."""
    found: list[tuple[object, ...]] = []
    if not file.exists():
        return ()
    for path in (file, *templates.files(file.absolute().parent / "templates"), *watched):
        with contextlib.suppress(OSError):
            seen = path.stat()
            found.append((path.name, seen.st_ino, seen.st_size, seen.st_mtime_ns))
    return tuple(found)


def source(config: Config, url: str, select: Mapping[str, str] | None = None) -> Source:
    """A feed that the config does not have, or with `select` a page, as if it had it without any further key.

    Raises ConfigError.
    """
    found: list[Problem] = []
    keys = {"kind": "page", "url": url, "select": dict(select)} if select else {"url": url}
    listed = entries.read([(("source", 1), keys)], found)
    made = entries.made(listed, config.site, config.fetch, config.root, found, found)
    if found or not made:
        raise ConfigError(*(f"{problems.dotted(path)}: {why}" for path, why in found))
    return made[0]


def tables_of(file: Path, key: str) -> tuple[int, ...]:
    """The numbers, from 1, of the `[[source]]` tables in the file that make the source of this key."""
    _, data = toml.read(file)
    return tuple(number for number, each in enumerate(data.get("source", []), 1) if entries.key(each) == key)


def other_store(config: Config, given: str) -> str:
    """The URL of a store that is given as in the config, or by its path. Raises ConfigError."""
    is_path = not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://|sqlite:", given)
    if is_path and (begin := re.match(r"[^/:@]*(?=[:@])", given)):  # what comes then may be a password
        raise ConfigError(
            _(
                "{begin}…: begins as no address of a store does; write postgresql+psycopg:// before that of a "
                "database, or ./ before a path"
            ).format(begin=begin[0])
        )
    try:
        url = store_url(f"sqlite:///{Path(given).absolute()}" if is_path else given)
    except ValueError as error:
        raise ConfigError(f"{text.masked(given).partition('?')[0]}: {error}") from error
    file = store_file(config.root, url)
    if file and not config.bucket and file.resolve().is_relative_to(config.output.resolve()):
        raise ConfigError(
            _("{given}: stands in the output, where it would be published; give another path").format(given=given)
        )
    return f"sqlite:///{file}" if file else url


def place(config: Config, key: KeyPath, why: str) -> str:
    """Where a key stands in the config, or belongs, and what to do about it: `file:line: key: why`."""
    raw, _ = toml.read(config.file)
    return f"{config.file}:{problems.lines([(key, why)], toml.lines(raw))[0]}"


def look_at_output(config: Config) -> None:
    """Raises ConfigError where something that is no folder stands in the way of the output."""
    if config.bucket:
        return
    there = next(each for each in (config.output, *config.output.parents) if os.path.lexists(each))
    if not there.is_dir():
        why = _("{folder} is no folder; mend that or write another path").format(folder=there)
        raise ConfigError(place(config, ("site", "output"), why))


def _read(file: Path, root: Path, data: dict[str, Any], found: list[Problem], look: bool) -> Config | None:
    """The config that the tables make; what is wrong goes to `found`, and then there may be none."""
    found.extend(_misplaced(data))
    site = problems.validate(Site, data.get("site", {}), ("site",), found)
    fetch = problems.validate(Fetching, data.get("fetch", {}), ("fetch",), found)
    web = problems.validate(Web, data.get("web", {}), ("web",), found)
    hosts = _hosts(data, found)
    settings, places = _categories(data, found)
    listed = entries.read(_tables(data, "source", found), found)
    if site:
        found.extend(_entangled(root, site, listed))
        found.extend(_twice(site, web))
        found.extend(_forbidden(site, listed))
    if look:
        found.extend(reach.out_of_reach(root, site, listed))
        found.extend(reach.refused(fetch, listed) if fetch else ())
    if not (site and fetch and web):
        return None
    lists = _lists(data, root, site, listed, found)
    listed = [*listed, *entries.read(lists.tables, found)]
    missing: list[Problem] = []
    sources = entries.made(listed, site, fetch, root, found, missing)
    found.extend(webs.check(web, root, missing))
    if "web" in data and is_bucket(site.output):
        found.append(
            (("web",), _("serves a folder, and `output` is none; remove [web], or write the path of a folder"))
        )
    found.extend(missing if look else ())
    found.extend(shelves.problems(settings, places, sources, all_known=not lists.lists))
    own = templates.read(file.absolute().parent / "templates", found)
    kept = (lists.lists, lists.notes)
    shelved = shelves.shelves(settings)
    return Config(file, root, site, fetch, hosts, sources, settings, shelved, own, web, "web" in data, *kept)


def _lists(
    data: dict[str, Any], root: Path, site: Site, listed: Iterable[entries.Entry], found: list[Problem]
) -> followed.Read:
    """The lists that are followed. Their copies stand beside the store, or in var/ where that is on a server."""
    store = store_file(root, site.store)
    folder = (store.parent if store else root / "var") / "lists"
    taken = [str(getattr(each.options, "url", "")) for each in listed]
    return followed.read(_tables(data, "list", found), root, folder, taken, found)


def _misplaced(data: dict[str, Any]) -> Iterator[Problem]:
    """What stands outside of our tables."""
    known = ("site", "fetch", "web", "host", "source", "list", "category")
    for key in data:
        if key in Site.model_fields:
            yield (key,), _("stands outside of the tables; move it below [site]")
        elif key not in known:
            yield (key,), _("unknown key; {advice}").format(advice=problems.nearest(key, known))


def _tables(data: dict[str, Any], name: str, found: list[Problem]) -> Iterator[tuple[KeyPath, Any]]:
    tables = data.get(name, [])
    if isinstance(tables, list):
        yield from (((name, number), table) for number, table in enumerate(tables, start=1))
    else:
        found.append(((name,), _("write [[{name}]] in two brackets, once for each {name}").format(name=name)))


def _hosts(data: dict[str, Any], found: list[Problem]) -> tuple[HostRule, ...]:
    known: dict[str, HostRule] = {}
    for path, values in _tables(data, "host", found):
        host = problems.validate(Host, values, path, found)
        if host and host.name in known:
            found.append((path, _("{host} has a [[host]] already; keep one").format(host=host.name)))
        elif host:
            known[host.name] = host.rule()
    return tuple(known.values())


def _categories(
    data: dict[str, Any], found: list[Problem]
) -> tuple[Mapping[CategoryPath, CategorySettings], Mapping[CategoryPath, KeyPath]]:
    """The settings of each category, and where they stand. `Tech` and `tech` are one category."""
    known: dict[CategoryPath, CategorySettings] = {}
    places: dict[CategoryPath, KeyPath] = {}
    folded: set[CategoryPath] = set()
    for path, values in _tables(data, "category", found):
        settings = problems.validate(CategorySettings, values, path, found)
        if settings and fold_path(settings.path) in folded:
            found.append(
                (path, _("{category} has a [[category]] already; keep one").format(category=spelled(settings.path)))
            )
        elif settings:
            known[settings.path], places[settings.path] = settings, path
            folded.add(fold_path(settings.path))
    return known, places


def _forbidden(site: Site, listed: Iterable[entries.Entry]) -> Iterator[Problem]:
    """Programs that nobody has allowed, as a source out of somebody else's list must not run one; and sitemaps whose
    absent pages are to go, as of an index only a part is read."""
    for entry in listed:
        if entry.common.kind == "sitemap" and entry.common.on_vanish == "drop":
            yield (*entry.path, "on_vanish"), _("a visit to a sitemap does not see all that it lists; remove this key")
        if entry.common.kind == "command" and not site.allow_commands:
            yield (
                (*entry.path, "command"),
                _("runs a program; if that is meant, write allow_commands = true below [site]"),
            )


def _twice(site: Site, web: Web | None) -> Iterator[Problem]:
    """One name for two files, one place for two listeners."""
    if site.failures and site.failures in [find_format(name).FILENAME for name in site.formats]:
        yield (
            ("site", "failures"),
            _("{name} is what a format writes; write another name").format(name=site.failures),
        )
    if web and web.listen == web.dashboard and not web.listen.endswith(":0"):
        yield (
            ("web", "dashboard"),
            _("{place} is where `listen` is; write another port").format(place=web.dashboard),
        )


def _entangled(root: Path, site: Site, listed: Iterable[entries.Entry]) -> Iterator[Problem]:
    """An output that is no folder of its own: what is ours to write and sweep there would be somebody's."""
    if is_bucket(site.output):
        return
    output = (root / site.output).resolve()
    if root.resolve().is_relative_to(output):
        yield (
            ("site", "output"),
            _("{folder} holds the whole project; write a folder of its own").format(folder=site.output),
        )
        return
    file = store_file(root, site.store)
    if file and file.resolve().is_relative_to(output):
        yield ("site", "store"), _("stands in the output, where it would be published; write another path")
    for entry in listed:
        if entry.common.kind == "seed":
            folder = (root / entry.options.path).resolve()
            if folder.is_relative_to(output) or output.is_relative_to(folder):
                yield (
                    ("site", "output"),
                    _("and the posts in {folder} share a folder; write another one").format(folder=entry.options.path),
                )
