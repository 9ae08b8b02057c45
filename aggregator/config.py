"""`config/aggregator.toml` becomes one frozen Config, or a ConfigError that names every problem at once.

The one door to pydantic for the config. A problem is one line: file, line, the key's path, what is wrong, and the nearest
known key. Tables of an array are counted from 1: `source[2].catgory` is a key of the second `[[source]]`.
"""

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from aggregator import formats, sources, text
from aggregator.errors import ConfigError
from aggregator.model import CategoryPath, Limits, Source
from aggregator.values import categories, duration, one_category, size


def _zone(value: object) -> object:
    if isinstance(value, str):
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError('write a zone such as "UTC" or "Asia/Shanghai"') from error
    return value


def _web_url(value: object) -> object:
    if isinstance(value, str) and not text.http_url(value):
        raise ValueError("write an absolute http:// or https:// URL")
    return value


def _language(value: object) -> object:
    if isinstance(value, str) and not text.language(value):
        raise ValueError('write a language tag such as "en" or "zh-CN"')
    return text.language(value) if isinstance(value, str) else value


def _network(value: object) -> object:
    from aggregator.fetching.rules import parse_network  # kept out of `--help`

    if isinstance(value, str):
        parse_network(value)
    return value


def _format(value: object) -> object:
    if isinstance(value, str):
        try:
            formats.find(value)
        except ModuleNotFoundError as error:
            raise ValueError("there is no such format; known are atom and rss") from error
    return value


_Duration = Annotated[timedelta, BeforeValidator(duration)]
_Size = Annotated[int, BeforeValidator(size), Field(ge=1)]
_Zone = Annotated[str, BeforeValidator(_zone)]
_WebUrl = Annotated[str, BeforeValidator(_web_url)]
_Language = Annotated[str, BeforeValidator(_language)]
_Paths = Annotated[tuple[CategoryPath, ...], BeforeValidator(categories)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Site(_Table):
    """`[site]`: who publishes, where, and how much."""

    title: str = Field(min_length=1)
    base_url: _WebUrl
    language: _Language = "en"
    timezone: _Zone = "UTC"
    output: str = Field("feeds", min_length=1)
    store: str = "sqlite:///var/aggregator.db"
    contact: str = ""
    items: int = Field(100, ge=1)
    formats: tuple[Annotated[str, BeforeValidator(_format)], ...] = Field(("rss", "atom"), strict=False)


class Fetching(_Table):
    """`[fetch]`: what a visit may cost, and which private networks may be contacted."""

    interval: _Duration = timedelta(hours=1)
    timeout: _Duration = timedelta(seconds=30)
    max_bytes: _Size = 10_000_000
    allow_networks: tuple[Annotated[str, BeforeValidator(_network)], ...] = Field((), strict=False)


class CategorySettings(_Table):
    """`[[category]]`: what a category is called, where it stands, and what is said about it. `order` sorts lists of categories."""

    path: Annotated[CategoryPath, BeforeValidator(one_category)]
    title: str = ""
    slug: str = ""
    description: str = ""
    order: int = 0


class _CommonSource(_Table):
    """The keys that every `[[source]]` may have, whatever its kind."""

    kind: str = "feed"
    title: str = ""
    category: _Paths = ()
    language: _Language = ""
    timezone: _Zone | None = None
    base_url: _WebUrl | None = None
    interval: _Duration | None = None
    timeout: _Duration | None = None
    max_bytes: _Size | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """The whole config, checked. `root` is the folder that relative paths start from; `file` is the config's path."""

    file: Path
    root: Path
    site: Site
    fetch: Fetching
    sources: tuple[Source, ...]
    categories: Mapping[CategoryPath, CategorySettings]

    @property
    def output(self) -> Path:
        """The folder that is published."""
        return self.root / self.site.output

    @property
    def store(self) -> str:
        """The store's URL; a relative SQLite path is made absolute from the root."""
        prefix = "sqlite:///"
        if self.site.store.startswith(prefix):
            return prefix + str(self.root / self.site.store.removeprefix(prefix))
        return self.site.store


def load(file: Path) -> Config:
    """Read and check a config file. Raises ConfigError with all its problems, each one line."""
    try:
        raw = file.read_bytes().decode("utf-8-sig")
        data = tomllib.loads(raw)
    except FileNotFoundError:
        advice = "run from the folder that holds config/, or give --config PATH"
        raise ConfigError(f"{file}: there is no such file; {advice}") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{file}:{line[1]}" if line else f"{file}"
        raise ConfigError(f"{where}: is not valid TOML: {error}") from error
    folder = file.resolve().parent
    found: list[Problem] = []
    config = _read(file, folder.parent if folder.name == "config" else folder, data, found)
    if found or not config:
        numbered = sorted((_line_of(raw, path), n, _dotted(path), why) for n, (path, why) in enumerate(found))
        raise ConfigError(*(f"{file}:{line}: {key}: {why}" for line, _, key, why in numbered))
    return config


KeyPath = tuple[str | int, ...]
Problem = tuple[KeyPath, str]
_Model = TypeVar("_Model", bound=BaseModel)


def _read(file: Path, root: Path, data: dict[str, Any], found: list[Problem]) -> Config | None:
    known = ("site", "fetch", "source", "category")
    found.extend(((key,), _unknown(key, known)) for key in data if key not in known)
    site = _table(Site, data.get("site", {}), ("site",), found)
    fetch = _table(Fetching, data.get("fetch", {}), ("fetch",), found)
    settings = [_table(CategorySettings, each, path, found) for path, each in _tables(data, "category", found)]
    if site and not re.match(r"sqlite:///.", site.store):
        found.append((("site", "store"), 'write "sqlite:///PATH"; other stores are not supported yet'))
    sources: dict[str, Source] = {}
    for path, each in _tables(data, "source", found):
        source = _source(site, fetch, root, each, path, found)
        if source and (twin := sources.get(source.key)):
            both = tuple(dict.fromkeys(twin.categories + source.categories))
            if replace(twin, categories=both) != replace(source, categories=both):
                found.append((path, f"{source.key} is listed twice, with different settings; keep one"))
            source = replace(twin, categories=both)
        if source:
            sources[source.key] = source
    categories = {each.path: each for each in settings if each}
    if len(categories) < sum(each is not None for each in settings):
        found.append((("category",), "two [[category]] tables have the same path; keep one"))
    if not (site and fetch):
        return None
    site = site.model_copy(update={"base_url": text.http_url(site.base_url).rstrip("/") + "/"})
    return Config(file, root, site, fetch, tuple(sources.values()), categories)


def _tables(data: dict[str, Any], name: str, found: list[Problem]) -> Iterator[tuple[KeyPath, Any]]:
    entries = data.get(name, [])
    if not isinstance(entries, list):
        found.append(((name,), f"write it as [[{name}]], once for each"))
        return
    for number, entry in enumerate(entries, start=1):
        yield (name, number), entry


def _table(model: type[_Model], values: Any, path: KeyPath, found: list[Problem]) -> _Model | None:
    """One table checked against its model; what is wrong goes to `found`."""
    if not isinstance(values, dict):
        found.append((path, f"write it as a table, [{path[0]}]"))
        return None
    try:
        return model.model_validate(values)
    except ValidationError as error:
        known = _keys(model)
        for each in error.errors(include_url=False):
            key = tuple(part for part in each["loc"] if part not in ("function-before", "tuple[str, ...]"))
            found.append((path + key, _message(dict(each), known)))
        return None


def _source(
    site: Site | None, fetch: Fetching | None, root: Path, values: Any, path: KeyPath, found: list[Problem]
) -> Source | None:
    """One `[[source]]`: the common keys, and those of its kind, which the kind's own module names."""
    if not isinstance(values, dict):
        found.append((path, "write it as [[source]]"))
        return None
    try:
        kind = sources.find(str(values.get("kind", "feed")))
        own = _keys(kind.Options)
    except (ModuleNotFoundError, AttributeError):
        found.append(((*path, "kind"), f"there is no kind {values.get('kind')!r}; known are feed and seed"))
        return None
    common_keys = _keys(_CommonSource)
    before = len(found)
    for key in values.keys() - set(own) - set(common_keys):
        found.append(((*path, key), _unknown(key, (*own, *common_keys))))
    common = _table(_CommonSource, {k: v for k, v in values.items() if k in common_keys}, path, found)
    checked = _table(_table_of(kind.Options), {k: v for k, v in values.items() if k in own}, path, found)
    if not (site and fetch and common and checked) or len(found) > before:
        return None
    try:
        options = kind.Options(**dict(checked))
        key = kind.key(options)
    except ValueError as error:
        found.append((path, str(error)))
        return None
    limits = Limits(
        timeout=common.timeout or fetch.timeout,
        max_bytes=common.max_bytes or fetch.max_bytes,
        interval=common.interval if common.interval is not None else fetch.interval,
    )
    return Source(
        key=key,
        kind=common.kind,
        options=options,
        title=text.one_line(common.title),
        categories=common.category,
        language=common.language,
        zone=common.timezone or site.timezone,
        base_url=common.base_url or ("" if kind.REMOTE else site.base_url),
        root=str(root),
        limits=limits,
    )


def _table_of(options: type[Any]) -> type[BaseModel]:
    """The table that a kind's Options stand for: the same fields, checked as strictly as our own."""
    hints = get_type_hints(options)
    fields: dict[str, Any] = {
        each.name: (hints[each.name], ... if each.default is dataclasses.MISSING else each.default)
        for each in dataclasses.fields(options)
    }
    return create_model("Options", __config__=_Table.model_config, **fields)


def _keys(model: type[Any]) -> tuple[str, ...]:
    if dataclasses.is_dataclass(model):
        return tuple(each.name for each in dataclasses.fields(model))
    return tuple(model.model_fields)


def _unknown(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
    return f'unknown key; did you mean "{near[0]}"?' if near else f"unknown key; known are {', '.join(known)}"


def _message(error: dict[str, Any], known: tuple[str, ...]) -> str:
    """pydantic's finding in the words of the person who wrote the file."""
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return _unknown(str(error["loc"][-1]), known)
    if error["type"] in ("missing", "missing_argument"):
        return "is missing; add it"
    if error["type"] == "value_error":
        return f"{error['ctx']['error']} (it is {error['input']!r:.80})"
    return f"{error['msg']} (it is {error['input']!r:.80})"


def _dotted(path: KeyPath) -> str:
    """`("source", 2, "url")` as `source[2].url`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _line_of(raw: str, path: KeyPath) -> int:
    """The line of a key, or else of its table's header, or else 1. TOML's parser does not say, so look for it."""
    name, nth = str(path[0]), path[1] if len(path) > 1 and isinstance(path[1], int) else 1
    key = next((str(part) for part in path[1:] if isinstance(part, str)), "")
    start, seen = 1, 0
    for number, line in enumerate(raw.splitlines(), start=1):
        header = re.match(r"\s*\[+\s*([\w.-]+)\s*\]+", line)
        if header and seen == nth:
            break
        if header and header[1] == name:
            seen += 1
            start = number
        wanted = key if seen == nth else name if not seen and len(path) == 1 else ""
        if wanted and re.match(rf"""\s*["']?{re.escape(wanted)}["']?\s*=""", line):
            return number
    return start if seen >= nth else 1
