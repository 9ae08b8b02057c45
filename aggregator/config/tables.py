"""The tables of a config and what may stand in each. What is wrong with a value is said so that it ends the line."""

import re
from dataclasses import fields, replace
from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from aggregator import text
from aggregator.config.modules import find_format
from aggregator.config.rules import CategoryRule, Paths, SourceRule, Table, tables
from aggregator.model import CategoryPath, HostRule, Pace, Policy, Retention
from aggregator.policy import Content, Future, Identity, Updates, Vanish
from aggregator.values import address, categories, duration, one_category, paths, size


def _name(value: str) -> str:
    if not text.one_line(value):
        raise ValueError("is empty; write a name")
    return text.one_line(value)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError('write a zone such as "UTC" or "Asia/Shanghai"') from error
    return value


def _web_url(value: str) -> str:
    if not text.http_url(value):
        raise ValueError("write an absolute http:// or https:// URL")
    return value


def _feed_url(value: str) -> str:
    return value if re.fullmatch(r"rsshub://[^\s]+", value) else _web_url(value)


def _base_url(value: str) -> str:
    if "?" in value or "#" in value:
        raise ValueError("write the URL of the folder alone, without ? and #")
    return text.http_url(_web_url(value)).rstrip("/") + "/"


def _public_url(value: str) -> str:
    return _base_url(value) if value else ""


def _language(value: str) -> str:
    if not text.language(value):
        raise ValueError('write a language tag such as "en" or "zh-CN"')
    return text.language(value)


def _category(value: object) -> CategoryPath:
    return () if value == [] else one_category(value)


def _shown(value: object) -> tuple[CategoryPath, ...]:
    """What a virtual category shows; `[]` is everything."""
    return ((),) if isinstance(value, list) and [] in value else paths(value)


def _folder(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; write the path of a folder")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", value):
        if not re.fullmatch(r"s3://[A-Za-z0-9][A-Za-z0-9._-]+(/(?!\.{1,2}(/|$))[^/?#@\\]+)*/?", value):
            raise ValueError("write the path of a folder, or s3://BUCKET/PREFIX; its keys are in the environment")
        return value.rstrip("/")
    return value


def is_bucket(output: str) -> bool:
    """Whether an `output` is an object store."""
    return output.startswith("s3://")


_AT_SERVER = '"postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"'
_SERVER = r"postgresql\+psycopg://([^:@/?#\s]*(:[^:@/?#\s]*)?@)?(\[[0-9a-fA-F:.]+\]|[^:@/?#\s]*)"
_DATABASE = re.compile(_SERVER + r"(:[0-9]+)?/[^@/?#\s]+(\?\S*)?")
_NO_DATABASE = re.compile(_SERVER + r"(:[0-9]+)?/?(\?[^@\s]*)?")
_NO_PORT = re.compile(_SERVER + r":[^:@/?#\s]*(/[^@/?#\s]*)?(\?[^@\s]*)?")


def store_url(value: str) -> str:
    """The address of a store. Raises ValueError."""
    if value.startswith("postgresql+psycopg:"):
        if not _DATABASE.fullmatch(value):
            raise ValueError(_what_is_wrong(value))
    elif re.match(r"postgres(ql)?:", value):
        raise ValueError(f'lacks "+psycopg"; write {_AT_SERVER}')
    elif value == "sqlite:///:memory:":
        raise ValueError('would be forgotten after each run; write "sqlite:///PATH"')
    elif not re.fullmatch(r"sqlite:///[^?]+", value):
        raise ValueError(f'write "sqlite:///PATH", without "?", or {_AT_SERVER}')
    return value


def _what_is_wrong(address: str) -> str:
    """Why one of a database is none."""
    if _NO_DATABASE.fullmatch(address):
        return f"lacks the name of the database; write {_AT_SERVER}"
    if _NO_PORT.fullmatch(address):
        return f"has a port that is no number; write {_AT_SERVER}"
    return f"write {_AT_SERVER}, in the password %40 for @, %2F for /, %3A for :, %3F for ?, %23 for #, %25 for %"


def _network(value: str) -> str:
    from aggregator.fetching.rules import parse_network  # only who writes one pays for it

    parse_network(value)
    return value


def _host(value: str) -> str:
    url = text.http_url(f"http://{value}/") if re.fullmatch(r"\[[^]]*\]|[^:/?#@*\\\s]+", value) else ""
    if not url:
        raise ValueError('write the name of a host alone, such as "example.com"; it holds for all names below it, too')
    return url[7:-1].strip("[].")


def _format(value: str) -> str:
    find_format(value)
    return value


def _post_path(value: str) -> str:
    from aggregator.formats.post import checked  # only who writes one pays for it

    return checked(value)


def _failures(value: str) -> str:
    if value and not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,80}\.xml", value, re.ASCII | re.IGNORECASE):
        raise ValueError('write the name of a file, such as "failures.xml"')
    return value


def _some(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("is empty; write at least one")
    return names


def _slug(value: str) -> str:
    if value and (not text.slug(value) or "/" in value or "\\" in value or value.startswith(".")):
        raise ValueError('cannot be the name of a folder; write a word such as "news"')
    return value


def _listen(value: str) -> str:
    address(value)
    return value


def _listen_or_not(value: str) -> str:
    return _listen(value) if value else ""


def _timeout(value: object) -> timedelta:
    if duration(value) < timedelta(seconds=1):
        raise ValueError('write "1s" or more')
    return duration(value)


def _schedule(value: object) -> timedelta | str:
    """A length of time, or a cron expression with one blank between its fields."""
    if isinstance(value, str) and re.search(r"\S\s+\S+\s+\S", value):
        from aggregator.cron import checked  # only who writes one pays for it

        try:
            return checked(value)
        except ValueError as error:
            raise ValueError(f'{error}; write minute, hour, day, month and weekday, such as "0 7 * * *"') from error
    try:
        length = duration(value)
    except ValueError as error:
        raise ValueError('write a length such as "6h", or a cron expression such as "0 7 * * *"') from error
    if length < timedelta(seconds=1):
        raise ValueError('write "1s" or more')
    return length


def _age(value: object) -> timedelta:
    if duration(value) < timedelta(hours=1):
        raise ValueError('write "1h" or more')
    return duration(value)


_Line = Annotated[str, AfterValidator(text.one_line)]
_Duration = Annotated[timedelta, BeforeValidator(duration)]
_Timeout = Annotated[timedelta, BeforeValidator(_timeout)]
_Age = Annotated[timedelta, BeforeValidator(_age)]
_Count = Annotated[int, Field(ge=1)]
_Shown = Literal["full", "summary"]
_Size = Annotated[int, BeforeValidator(size)]
_Zone = Annotated[str, AfterValidator(_zone)]
_Language = Annotated[str, AfterValidator(_language)]
_Formats = Annotated[tuple[Annotated[str, AfterValidator(_format)], ...], AfterValidator(_some)]
_Paths = Annotated[tuple[CategoryPath, ...], BeforeValidator(categories)]
_PACE = frozenset(each.name for each in fields(Pace)) - {"schedule"}
WebUrl = Annotated[str, AfterValidator(_web_url)]
FeedUrl = Annotated[str, AfterValidator(_feed_url)]


class Site(Table):
    """`[site]`: who publishes, where, and how much. `base_url` becomes an ASCII URI with a slash at its end."""

    title: Annotated[str, AfterValidator(_name)]
    base_url: Annotated[str, AfterValidator(_base_url)]
    language: _Language = "en"
    timezone: _Zone = "UTC"
    output: Annotated[str, AfterValidator(_folder)] = "feeds"
    store: Annotated[str, AfterValidator(store_url)] = Field(
        "sqlite:///var/aggregator.db", repr=False
    )  # has a password
    contact: str = ""
    items: int = Field(100, ge=1, le=1_000_000)
    max_per_source: _Count | None = None
    keep: _Count | None = None
    keep_for: _Age | None = None
    near_duplicates: bool = False
    formats: _Formats = Field(("rss", "atom"), strict=False)
    archive: int = Field(50, ge=0, le=1_000_000)
    content: _Shown = "full"
    max_feed_bytes: _Size = 250_000
    gzip: bool = False
    hubs: tuple[WebUrl, ...] = Field((), strict=False)
    post_path: Annotated[str, AfterValidator(_post_path)] = "{category}/{source}/{slug}.md"
    failures: Annotated[str, AfterValidator(_failures)] = ""
    allow_commands: bool = False


class Pacing(Table):
    """How often a source is visited (`model.Pace` says what each key means): for all in `[fetch]`, for one in its own
    table; None is "as in `[fetch]`"."""

    interval: _Duration | None = None
    interval_cap: _Duration | None = None
    jitter: float | None = Field(None, ge=0, le=1)
    unvalidated: _Duration | None = None
    freshness_cap: _Duration | None = None
    ttl_cap: _Duration | None = None
    skip_cap: _Duration | None = None
    backoff_cap: _Duration | None = None
    refused_wait: _Duration | None = None
    gone_after: _Duration | None = None
    move_visits: int | None = Field(None, ge=1)
    move_after: _Duration | None = None

    def pace(self, common: Pace) -> Pace:
        """These keys, and what `common` says where they are silent."""
        own = {name: getattr(self, name) for name in self.model_fields_set & _PACE}
        return replace(common, **own) if own else common


class Fetching(Pacing):
    """`[fetch]`: what a visit may cost, how often there is one, and which private networks may be contacted."""

    timeout: _Timeout = timedelta(seconds=30)
    max_bytes: _Size = 10_000_000
    pause: _Duration | None = None
    pause_cap: _Duration | None = None
    max_requests_per_hour: _Count | None = None
    spacing: _Duration = timedelta(seconds=1)
    concurrency: int = Field(50, ge=1, le=1000)
    rsshub: tuple[WebUrl, ...] = Field((), strict=False, repr=False)
    allow_networks: tuple[Annotated[str, AfterValidator(_network)], ...] = Field((), strict=False)


class Host(Table):
    """`[[host]]`: how one host is treated, with all names below it (`model.HostRule`)."""

    name: Annotated[str, AfterValidator(_host)]
    spacing: _Duration | None = None
    pause: _Duration | None = None
    pause_cap: _Duration | None = None
    concurrency: int = Field(1, ge=1, le=100)

    def rule(self) -> HostRule:
        """As fetching wants it."""
        return HostRule(self.name, self.spacing, self.pause, self.concurrency, self.pause_cap)


class Web(Table):
    """`[web]`: where the published tree is served, and where, for the owner alone, the dashboard ("" for nowhere).

    `token` says where the secret is that the dashboard asks for; `public_url` at which URL the internet reaches the
    tree ("" for not at all).
    """

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8080"
    dashboard: Annotated[str, AfterValidator(_listen_or_not)] = "127.0.0.1:8081"
    token: str = Field("", repr=False)
    public_url: Annotated[str, AfterValidator(_public_url)] = ""


class CategorySettings(Table):
    """`[[category]]`: what a category is called, where it stands, and what is said about it. `order` sorts lists.

    For the rest see `model.Shelf`. The path `[]` is everything.
    """

    path: Annotated[CategoryPath, BeforeValidator(_category)]
    title: _Line = ""
    slug: Annotated[str, AfterValidator(_slug)] = ""
    description: str = ""
    order: int = 0
    aliases: Paths = ()
    of: Annotated[tuple[CategoryPath, ...], BeforeValidator(_shown)] = ()
    keep: _Count | None = None
    keep_for: _Age | None = None
    items: int | None = Field(None, ge=1, le=1_000_000)
    max_per_source: _Count | None = None
    content: _Shown | None = None
    rule: Annotated[tuple[CategoryRule, ...], BeforeValidator(tables), Field(strict=False)] = ()

    @model_validator(mode="after")
    def _everything_has_its_place(self) -> "CategorySettings":
        said = [key for key in ("slug", "of", "aliases") if not self.path and getattr(self, key)]
        if said:
            raise ValueError(f"everything, the path [], has no `{said[0]}`; leave it out")
        kept = [key for key in ("keep", "keep_for") if self.of and getattr(self, key)]
        if kept:
            raise ValueError(f"is virtual, so it keeps nothing; write `{kept[0]}` for the categories that it shows")
        return self


class CommonSource(Pacing):
    """The keys that every `[[source]]` may have, whatever its kind. Secrets are `env:NAME` or `file:PATH`.

    What may hold a secret, if only by mistake, has `repr=False`: then no message shows its value either.
    """

    kind: str = "feed"
    enabled: bool = True
    title: _Line = ""
    category: _Paths = ()
    language: _Language = ""
    timezone: _Zone | None = None
    base_url: WebUrl | None = None
    schedule: Annotated[timedelta | str | None, BeforeValidator(_schedule)] = None
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    basic: str = Field("", repr=False)
    bearer: str = Field("", repr=False)
    user_agent: _Line = ""
    proxy: str = Field("", repr=False)
    verify: bool = True
    timeout: _Timeout | None = None
    max_bytes: _Size | None = None
    identity: Identity = "auto"
    updates: Updates = "bump"
    on_vanish: Vanish = "keep"
    future: Future | None = None
    priority: int = Field(0, ge=-1000, le=1000)
    first_import: int | None = Field(None, ge=0)
    keep: _Count | None = None
    keep_for: _Age | None = None
    content: Content = "full"
    images: bool = True
    rule: Annotated[tuple[SourceRule, ...], BeforeValidator(tables), Field(strict=False)] = ()

    def policy(self, site: Site) -> Policy:
        """What is wanted of the source's entries, and what `[site]` says of keeping them where it is silent."""
        return Policy(
            identity=self.identity,
            updates=self.updates,
            on_vanish=self.on_vanish,
            future=self.future,
            priority=self.priority,
            first_import=self.first_import,
            retention=Retention(self.keep or site.keep, self.keep_for or site.keep_for),
            content=self.content,
            images=self.images,
            rules=tuple(rule.rule() for rule in self.rule),
        )
