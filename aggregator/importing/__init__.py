"""Lists of subscriptions as other programs keep them: one module a kind, recognised by what is in it. Pure.

OPML (FreshRSS, Miniflux, newsboat ...), newsboat's urls or a plain list, sfeedrc, planet.ini, osmosfeed.yaml,
routes of RSSHub, and our own JSON
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from gettext import gettext as _

from aggregator.errors import AggregatorError
from aggregator.importing.listed import Described, Each, Listed, Lost, login, lost, same
from aggregator.languages import marked
from aggregator.model import CategoryPath

__all__ = ["MAX_BYTES", "Found", "Listed", "Lost", "login", "read", "same"]

MAX_BYTES = 100_000_000
MAX_FEEDS = 100_000
_MAX_LOST = 10_000
_BEGINNING = 100_000  # characters by which a kind is recognised
_MAX_CHARACTERS = 10_000_000  # of all but OPML: such lists are written by hand

_NAMES = {
    "opml": "OPML",
    "urls": marked("newsboat's urls"),
    "list": marked("a list of addresses"),
    "sfeedrc": "sfeedrc",
    "planet.ini": "planet.ini",
    "osmosfeed": "osmosfeed.yaml",
    "json": "JSON",
    "rsshub": marked("routes of RSSHub"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """What a list has. `kind` is one of those that `export` writes, or `rsshub`; `kind_name` is for people.

    `lost` is all that is not taken over; `twice` counts how often a feed stands there once more. `broken` says from
    where on the list could not be read, "" when all of it was. `said` are descriptions of categories.
    """

    kind: str
    kind_name: str
    feeds: tuple[Listed, ...]
    lost: tuple[Lost, ...] = ()
    twice: int = 0
    broken: str = ""
    said: Mapping[CategoryPath, str] = field(default_factory=dict)


def read(data: bytes, name: str) -> Found:
    """What a list has, its bytes as they came; `name` is for messages. Raises AggregatorError, one line.

    A feed that stands in it twice is there once, with the categories of both.
    """
    from aggregator.sources.feed.decoding import decode

    if len(data) > MAX_BYTES:
        raise AggregatorError(
            _("{name}: has more than {most} MB; that is no list of subscriptions").format(
                name=name, most=MAX_BYTES // 1_000_000
            )
        )
    text = decode(data).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\0", "")
    try:
        kind = _kind(text)
        found, broken = _read(kind, text)
        said: dict[CategoryPath, str] = {}
        feeds, rest, twice = _merged(_without_descriptions(found, said))
    except AggregatorError as error:
        raise AggregatorError(_("{name}: {why}").format(name=name, why=error)) from None
    if kind == "urls" and not any(each.title or each.categories for each in feeds):
        kind = "list"
    return Found(kind, _(_NAMES[kind]), feeds, rest, twice, broken, said)


def _read(kind: str, text: str) -> tuple[Iterable[Each], str]:
    from aggregator.importing import nested, objects, opml, planet, sfeed, urls

    if kind == "opml":
        return opml.read(text)
    if len(text) > _MAX_CHARACTERS:
        raise AggregatorError(_("has more than {most:,} characters; divide it").format(most=_MAX_CHARACTERS))
    if kind in ("osmosfeed", "json"):
        return objects.read(nested.parse(text)), ""
    if kind == "rsshub":
        return _routes(text), ""
    return {"urls": urls.read, "sfeedrc": sfeed.read, "planet.ini": planet.read}[kind](text), ""


def _routes(text: str) -> Iterable[Each]:
    from aggregator.importing import headed, nested, routes

    if headed.is_one(text[:_BEGINNING]):
        return headed.read(text)
    if headed.is_note(text[:_BEGINNING]):
        return headed.read_note(text)
    return routes.read_lines(text) if routes.is_one(next(iter(_lines(text)), "")) else routes.read(nested.parse(text))


def _kind(text: str) -> str:
    """The kind of a list, by its beginning."""
    from aggregator.importing import headed, objects, opml, planet, routes, sfeed, urls

    if headed.is_one(text[:_BEGINNING]) or headed.is_note(text[:_BEGINNING]):
        return "rsshub"
    first = next(iter(_lines(text)), "")
    if first.startswith("<"):
        if opml.is_one(text):
            return "opml"
        raise AggregatorError(_("is XML, but no OPML; a feed or a page is added with `aggregator add`"))
    if re.match(r"\[\s*[\[{\"\]]", text.lstrip()):
        return "json"
    if first.startswith("{"):
        return "json" if re.match(r'\s*\{\s*"(?:sources|feeds)"', text) else "rsshub"
    for kind, is_one in (("sfeedrc", sfeed.is_one), ("osmosfeed", objects.is_one)):
        if any(map(is_one, _lines(text))):
            return kind
    for kind, is_one in (("urls", urls.is_one), ("planet.ini", planet.is_one), ("rsshub", routes.is_one)):
        if is_one(first):
            return kind
    if re.search(r"^[^\s#-][^\n]*:[ ]*(?:#[^\n]*)?$", text[:_BEGINNING], re.MULTILINE):
        return "rsshub"
    if any(map(urls.is_one, _lines(text))):
        return "urls"
    names = _(", ").join(map(_, _NAMES.values()))
    raise AggregatorError(_("is none of the lists that are known: {names}").format(names=names))


def _lines(text: str) -> Iterable[str]:
    """The lines of the beginning that say something, without their indentation."""
    bare = (line.strip() for line in text[:_BEGINNING].split("\n"))
    return (line for line in bare if line and line[0] not in "#;")


def _without_descriptions(found: Iterable[Each], said: dict[CategoryPath, str]) -> Iterator[Listed | Lost]:
    """All the rest; the first description of each category goes to `said`."""
    for each in found:
        if isinstance(each, Described):
            said.setdefault(each.path, each.text)
        else:
            yield each


def _merged(found: Iterable[Listed | Lost]) -> tuple[tuple[Listed, ...], tuple[Lost, ...], int]:
    """Each feed once, what is not taken over, and how many stood there once more.

    Raises AggregatorError where there are far too many feeds.
    """
    feeds: dict[str, Listed] = {}
    rest: list[Lost] = []
    twice = more = 0
    for each in found:
        if isinstance(each, Lost) and len(rest) < _MAX_LOST:
            rest.append(each)
        elif isinstance(each, Lost):
            more += 1
        elif first := feeds.get(key := same(each.url)):
            twice += 1
            feeds[key] = replace(first, categories=tuple(dict.fromkeys(first.categories + each.categories)))
            if each.title and each.title != first.title:
                rest.append(
                    lost(
                        each.where,
                        each.title,
                        _("is the feed of {place}, with another title").format(place=first.where),
                    )
                )
            if each.login != first.login:
                rest.append(
                    lost(
                        each.where, each.url, _("is the feed of {place}, with another login").format(place=first.where)
                    )
                )
        else:
            feeds[key] = each
        if len(feeds) > MAX_FEEDS:
            raise AggregatorError(_("has more than {most:,} feeds; divide it").format(most=MAX_FEEDS))
    if more:
        rest.append(Lost(_("the rest"), _("{more:,} more").format(more=more), _("are not taken over")))
    return tuple(feeds.values()), tuple(rest), twice
