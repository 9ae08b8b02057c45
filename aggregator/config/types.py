"""What may stand behind a key: the checks of values, and each type with its name and its JSON Schema for editors.

A check raises ValueError, and says what is wrong so that it ends the line. The schemas refuse nothing that the checks
take; some take more, as a pattern cannot say all.
"""

import re
from datetime import timedelta
from gettext import gettext as _
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from aggregator import text
from aggregator.config.modules import find_format
from aggregator.model import CategoryPath
from aggregator.values import address, categories, duration, one_category, paths, size


def _name(value: str) -> str:
    if not text.one_line(value):
        raise ValueError(_("is empty; write a name"))
    return text.one_line(value)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(_('write a zone such as "UTC" or "Asia/Shanghai"')) from error
    return value


def _web_url(value: str) -> str:
    if not text.http_url(value):
        raise ValueError(_("write an absolute http:// or https:// URL"))
    return value


def _web_url_or_not(value: str) -> str:
    return _web_url(value) if value else ""


def _feed_url(value: str) -> str:
    return value if re.fullmatch(r"rsshub://[^\s]+", value) else _web_url(value)


def _base_url(value: str) -> str:
    if "?" in value or "#" in value:
        raise ValueError(_("write the URL of the folder alone, without ? and #"))
    return text.http_url(_web_url(value)).rstrip("/") + "/"


def _public_url(value: str) -> str:
    return _base_url(value) if value else ""


def _language(value: str) -> str:
    if not text.language(value):
        raise ValueError(_('write a language tag such as "en" or "zh-CN"'))
    return text.language(value)


def _category(value: object) -> CategoryPath:
    return () if value == [] else one_category(value)


def _shown(value: object) -> tuple[CategoryPath, ...]:
    """What a virtual category shows; `[]` is everything."""
    return ((),) if isinstance(value, list) and [] in value else paths(value)


def _folder(value: str) -> str:
    if not value.strip():
        raise ValueError(_("is empty; write the path of a folder"))
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", value):
        if not re.fullmatch(r"s3://[A-Za-z0-9][A-Za-z0-9._-]+(/(?!\.{1,2}(/|$))[^/?#@\\]+)*/?", value):
            raise ValueError(_("write the path of a folder, or s3://BUCKET/PREFIX; its keys are in the environment"))
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
        raise ValueError(_('lacks "+psycopg"; write {address}').format(address=_AT_SERVER))
    elif value == "sqlite:///:memory:":
        raise ValueError(_('would be forgotten after each run; write "sqlite:///PATH"'))
    elif not re.fullmatch(r"sqlite:///[^?]+", value):
        raise ValueError(_('write "sqlite:///PATH", without "?", or {address}').format(address=_AT_SERVER))
    return value


def _what_is_wrong(address: str) -> str:
    """Why one of a database is none."""
    if _NO_DATABASE.fullmatch(address):
        return _("lacks the name of the database; write {address}").format(address=_AT_SERVER)
    if _NO_PORT.fullmatch(address):
        return _("has a port that is no number; write {address}").format(address=_AT_SERVER)
    return _(
        "write {address}, in the password %40 for @, %2F for /, %3A for :, %3F for ?, %23 for #, %25 for %"
    ).format(address=_AT_SERVER)


def _network(value: str) -> str:
    from aggregator.fetching.rules import parse_network  # only who writes one pays for it

    parse_network(value)
    return value


def _host(value: str) -> str:
    url = text.http_url(f"http://{value}/") if re.fullmatch(r"\[[^]]*\]|[^:/?#@*\\\s]+", value) else ""
    if not url:
        raise ValueError(
            _('write the name of a host alone, such as "example.com"; it holds for all names below it, too')
        )
    return url[7:-1].strip("[].")


def _format(value: str) -> str:
    find_format(value)
    return value


def _post_path(value: str) -> str:
    from aggregator.formats.post import checked  # only who writes one pays for it

    return checked(value)


def _failures(value: str) -> str:
    if value and not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,80}\.xml", value, re.ASCII | re.IGNORECASE):
        raise ValueError(_('write the name of a file, such as "failures.xml"'))
    return value


def _some(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError(_("is empty; write at least one"))
    return names


def _slug(value: str) -> str:
    if value and (not text.slug(value) or "/" in value or "\\" in value or value.startswith(".")):
        raise ValueError(_('cannot be the name of a folder; write a word such as "news"'))
    return value


def _listen(value: str) -> str:
    address(value)
    return value


def _listen_or_not(value: str) -> str:
    return _listen(value) if value else ""


def _timeout(value: object) -> timedelta:
    if duration(value) < timedelta(seconds=1):
        raise ValueError(_('write "1s" or more'))
    return duration(value)


def _schedule(value: object) -> timedelta | str:
    """A length of time, or a cron expression with one blank between its fields."""
    if isinstance(value, str) and re.search(r"\S\s+\S+\s+\S", value):
        from aggregator.cron import checked  # only who writes one pays for it

        try:
            return checked(value)
        except ValueError as error:
            raise ValueError(
                _('{why}; write minute, hour, day, month and weekday, such as "0 7 * * *"').format(why=error)
            ) from error
    try:
        length = duration(value)
    except ValueError as error:
        raise ValueError(_('write a length such as "6h", or a cron expression such as "0 7 * * *"')) from error
    if length < timedelta(seconds=1):
        raise ValueError(_('write "1s" or more'))
    return length


def _age(value: object) -> timedelta:
    if duration(value) < timedelta(hours=1):
        raise ValueError(_('write "1h" or more'))
    return duration(value)


def _texts(title: str, **more: object) -> WithJsonSchema:
    return WithJsonSchema({"title": title, "type": "string", **more})


TEXTS = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_PATH = WithJsonSchema({"title": "category", "oneOf": [{"type": "string"}, {"type": "array"}]})
_PATHS = WithJsonSchema(
    {"title": "categories", "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": ["string", "array"]}}]}
)
_LENGTH = WithJsonSchema(
    {
        "title": "length of time",
        "type": ["string", "number"],
        "pattern": r"^\s*([0-9]{1,9}(\.[0-9]{1,3})?\s*[smhdw]\s*)+$",
        "minimum": 0,
    }
)
_SIZE = WithJsonSchema(
    {
        "title": "size",
        "type": ["string", "integer"],
        "pattern": r"^\s*[0-9]{1,15}\s*([KMGkmg]?[Bb]|[KMGkmg][Ii][Bb])?\s*$",
        "minimum": 1,
    }
)
_SCHEDULE = WithJsonSchema({"title": "length of time, or cron expression", "type": ["string", "number"]})
_URL = _texts("URL", pattern="^[Hh][Tt][Tt][Pp][Ss]?://")
_LISTENER = _texts("host and port", pattern="^(.+:[0-9]{1,5})?$")

Line = Annotated[str, AfterValidator(text.one_line)]
Name = Annotated[str, AfterValidator(_name), _texts("text", minLength=1)]
Duration = Annotated[timedelta, BeforeValidator(duration), _LENGTH]
Timeout = Annotated[timedelta, BeforeValidator(_timeout), _LENGTH]
Age = Annotated[timedelta, BeforeValidator(_age), _LENGTH]
Schedule = Annotated[timedelta | str | None, BeforeValidator(_schedule), _SCHEDULE]
Count = Annotated[int, Field(ge=1)]
Shown = Literal["full", "summary"]
Size = Annotated[int, BeforeValidator(size), _SIZE]
Zone = Annotated[str, AfterValidator(_zone), _texts("time zone")]
Language = Annotated[str, AfterValidator(_language), _texts("language tag")]
Formats = Annotated[tuple[Annotated[str, AfterValidator(_format)], ...], AfterValidator(_some)]
Path = Annotated[CategoryPath, BeforeValidator(_category), _PATH]
OnePath = Annotated[CategoryPath, BeforeValidator(one_category), _PATH]
Paths = Annotated[tuple[CategoryPath, ...], BeforeValidator(paths), _PATHS]
Belongs = Annotated[tuple[CategoryPath, ...], BeforeValidator(categories), _PATHS]
Virtual = Annotated[tuple[CategoryPath, ...], BeforeValidator(_shown), _PATHS]
WebUrl = Annotated[str, AfterValidator(_web_url), _URL]
WebUrlOrNot = Annotated[str, AfterValidator(_web_url_or_not), _texts("URL", pattern="^([Hh][Tt][Tt][Pp][Ss]?://|$)")]
FeedUrl = Annotated[str, AfterValidator(_feed_url), _texts("URL", pattern="^([Hh][Tt][Tt][Pp][Ss]?|rsshub)://")]
BaseUrl = Annotated[str, AfterValidator(_base_url), _texts("URL", pattern="^[Hh][Tt][Tt][Pp][Ss]?://[^?#]*$")]
PublicUrl = Annotated[str, AfterValidator(_public_url), _texts("URL", pattern="^([Hh][Tt][Tt][Pp][Ss]?://[^?#]*)?$")]
Folder = Annotated[str, AfterValidator(_folder), _texts("folder", minLength=1)]
StoreUrl = Annotated[str, AfterValidator(store_url), _texts("address of a store", pattern="^(sqlite|postgresql)")]
Network = Annotated[str, AfterValidator(_network), _texts("network")]
HostName = Annotated[str, AfterValidator(_host), _texts("name of a host", minLength=1)]
PostPath = Annotated[str, AfterValidator(_post_path), _texts("template of a path")]
Failures = Annotated[str, AfterValidator(_failures), _texts("name of a file", pattern=r"^([^/]+\.[Xx][Mm][Ll])?$")]
Slug = Annotated[str, AfterValidator(_slug), _texts("name of a folder")]
Listener = Annotated[str, AfterValidator(_listen), _LISTENER]
ListenerOrNot = Annotated[str, AfterValidator(_listen_or_not), _LISTENER]
