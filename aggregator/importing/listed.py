"""What every reader of lists gives: subscriptions, and what is not taken over. Everything in them is hostile. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from gettext import gettext as _

from aggregator import text
from aggregator.model import CategoryPath
from aggregator.values import MAX_LEVELS


@dataclass(frozen=True, slots=True)
class Listed:
    """One subscription. `url` is http(s) or `rsshub://`, without a login; `where` is its place in the list.

    `login` is what its address came with, as it stood there: it only tells logins apart, and is nowhere kept. `page`
    and `description` are what the list says of the feed, which says the same itself once it is visited.
    """

    where: str
    url: str
    title: str = ""
    categories: tuple[CategoryPath, ...] = ()
    language: str = ""
    page: str = ""
    description: str = ""
    user_agent: str = ""
    enabled: bool = True
    login: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Lost:
    """What is not taken over: where it stands, what it is (one line, without passwords), and why, or what to do."""

    where: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Described:
    """What a list says of a category."""

    path: CategoryPath
    text: str


Each = Listed | Lost | Described

_TERMINAL = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # what a terminal obeys and XML allows
_FEED_SCHEME = re.compile(r"(?:feed|itpc|pcast|podcast|rss)(?::(?=https?://)|(?=://))", re.IGNORECASE)
_LOGIN = re.compile(r"(?:[a-z]+:(?=https?:))?(?!rsshub:)[a-z]+:[/\\]*([^/\\?#]*)@", re.IGNORECASE)
_OWN_PORT = re.compile(r"^(?:(http://[^/?#]*):80|(https://[^/?#]*):443)(?=[/?#]|$)")
_ROUTE = re.compile(r"rsshub://[\w.@~%+=,:;!$&'()*-][\w.@~%+=,:;!$&'()*/?-]*", re.ASCII)


def line(value: object, limit: int = 300) -> str:
    """A value from outside as plain text on one line."""
    return text.one_line(_TERMINAL.sub(" ", str(value or "")), limit)


def public(value: object, limit: int = 300) -> str:
    """The same of what is published: an address may stand as a name, and its login is nobody's business."""
    return line(text.masked(line(value, 10_000)), limit)


def path(names: Iterable[object]) -> CategoryPath:
    """Names as a category path, those that are empty left out; what is too deep for us ends at the deepest level."""
    cleaned = (unicodedata.normalize("NFC", public(name)) for name in names)
    return tuple(name for name in cleaned if name)[:MAX_LEVELS]


def slashed(value: str) -> CategoryPath:
    """`/a/b` or `a/b` as a category path."""
    return path(text.masked(value[:10_000]).split("/"))


def address(url: str) -> str:
    """The address of a feed as it is written into the config, "" for what is none. `feed:` is http(s)."""
    url = line(url, 10_000)
    if url.lower().startswith("rsshub://"):
        route = "rsshub://" + url[9:].lstrip("/")
        return route if len(route) <= text.LONGEST_URL and _ROUTE.fullmatch(route) else ""
    found = text.http_url(_FEED_SCHEME.sub(lambda m: "" if m[0].endswith(":") else "http", url, count=1))
    return found if len(found) <= text.LONGEST_URL else ""


def login(url: str) -> str:
    """The user and password of an address, as they stand there; "" where there are none."""
    found = _LOGIN.match(line(url, 10_000))
    return found[1] if found else ""


def listed(one: Listed) -> Listed | Lost:
    """One subscription with all its texts and addresses made harmless; Lost where its address is none of a feed.

    Whatever `one` has may be as the list has it.
    """
    url = address(one.url)
    if not url:
        what = line(text.masked(f"{line(one.title)} {one.url}".strip()), 200)
        is_long = len(one.url) > text.LONGEST_URL
        why = _("its address is too long") if is_long else _("its address is no http:// or https://")
        return Lost(text.masked(one.where), what, why)
    return replace(
        one,
        where=text.masked(one.where),
        url=url,
        title="" if address(one.title) == url else public(one.title),
        categories=tuple(dict.fromkeys(filter(None, map(path, one.categories)))),
        language=text.language(one.language),
        page=text.http_url(one.page),
        description=public(one.description, 1000),
        user_agent=line(one.user_agent) if one.user_agent.isascii() else "",
        login=login(one.url),
    )


def lost(where: str, what: object, why: str) -> Lost:
    """Something that is not taken over, made harmless."""
    return Lost(text.masked(where), line(text.masked(line(what, 1000)), 200), why)


def same(url: str) -> str:
    """What two addresses of one feed have in common: the scheme, its own port, a final slash, a fragment tell nothing.

    `identity.canonical_url` leaves out more, such as `?rss`: right for pages, but of feeds it would lose some.
    """
    whole = _OWN_PORT.sub(lambda found: found[1] or found[2], text.http_url(url))
    return whole.partition("://")[2].partition("#")[0].rstrip("/") or url.rstrip("/")
