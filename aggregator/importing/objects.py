"""`osmosfeed.yaml` (https://github.com/osmoscraft/osmosfeed), and the JSON of `aggregator export --as json`. Pure.

Both are lists of objects, one for each feed.
"""

import re
from collections.abc import Iterator
from gettext import gettext as _

from aggregator.importing.listed import Each, Listed, line, listed, lost, slashed
from aggregator.importing.nested import Nested, Pairs

_URL = ("href", "url", "feed", "xmlurl", "feedurl", "feed_url")
_TITLE = ("title", "name")
_CATEGORY = ("category", "categories", "tags")
_OTHER = ("language", "page", "description", "enabled")
_SITE = {"sitetitle": "title", "timezone": "timezone"}


def is_one(line: str) -> bool:
    """Whether a line can only be one of osmosfeed's file."""
    return re.match(r"(?:sources|cacheUrl|siteTitle|cacheMaxDays)\s*:", line) is not None


def read(data: Nested) -> Iterator[Each]:
    """What each object has; of a mapping, those below `sources`."""
    if isinstance(data, Pairs):
        for name, value in data.items:
            if name.lower() in ("sources", "feeds") and isinstance(value, list):
                yield from read(value)
            else:
                why = _("{name} is not taken over").format(name=line(name, 50))
                if key := _SITE.get(name.lower()):
                    why = _("is for you to write: `{key}` in [site]").format(key=key)
                yield lost(name, value if isinstance(value, str) else name, why)
        return
    place = _("source {number}")
    for number, each in enumerate(data if isinstance(data, list) else [data], start=1):
        where = place.format(number=number)
        if isinstance(each, Pairs):
            yield from _object(where, each)
        elif isinstance(each, str) and each:
            yield listed(Listed(where, each))
        else:
            yield lost(where, _("a list"), _("is no feed"))


def _object(where: str, given: Pairs) -> Iterator[Each]:
    said = {name.lower(): value for name, value in given.items}
    texts = {name: value for name, value in said.items() if isinstance(value, str)}
    made = listed(
        Listed(
            where,
            next((texts[name] for name in _URL if texts.get(name)), ""),
            next((texts[name] for name in _TITLE if texts.get(name)), ""),
            tuple(path for name in _CATEGORY for path in _paths(said.get(name, ""))),
            language=texts.get("language", ""),
            page=texts.get("page", ""),
            description=texts.get("description", ""),
            enabled=texts.get("enabled", "").lower() != "false",
        )
    )
    yield made
    if isinstance(made, Listed):
        for name in said:
            if name not in (*_URL, *_TITLE, *_CATEGORY, *_OTHER):
                yield lost(where, made.title or made.url, _("{name} is not taken over").format(name=name))


def _paths(value: Nested) -> Iterator[tuple[str, ...]]:
    """`"a/b"`, `["a", "b/c"]` (two) or `[["a", "b"]]` as category paths."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str):
            yield slashed(each)
        elif isinstance(each, list):
            yield tuple(name for name in each if isinstance(name, str))
