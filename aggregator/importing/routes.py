"""Lists of RSSHub's routes, as systems that make posts of them keep them: category, source, route. Pure.

As a mapping in YAML or JSON, from category to source to route, and as lines `category / source / name / route`:

    新媒体:                              编程 / 掘金 / 分类 / /juejin/category/backend
      快科技:                            编程 / Dockone / /dockone/weekly
        最新新闻: /kkj/news

A source may have one route, a list of them, or names with a route each; its route's name is the third level of the
category, and where it has none, the route itself. Below any name may stand lists of routes that name their levels
themselves: `categories`, `source_parent`, `source_child`, `link`. RSSHub's own `routes.json`, by namespace, is read as
well; for routes below headings see headed.py.
"""

import re
from collections.abc import Iterator
from gettext import gettext as _
from urllib.parse import quote

from aggregator.importing.listed import Each, Listed, listed, lost
from aggregator.importing.nested import Nested, Pairs
from aggregator.text import http_url

_PUBLIC = re.compile(r"https?://rsshub\.app/+", re.IGNORECASE)
_PARAMETER = re.compile(r"/:\w")
_AS_IT_IS = "/?#%=&+:;,@!$'()*"  # what may stand in a route, or makes it none
_LEVELS = ("categories", "source_parent", "source_child")


def is_one(line: str) -> bool:
    """Whether a line can only be one of such a list of lines."""
    return line.count(" / ") in (2, 3)


def read_lines(text: str) -> Iterator[Each]:
    """What each line has: `category / source / route`, or with the route's name before it."""
    place = _("line {number}")
    for number, row in enumerate(text.split("\n"), start=1):
        bare, where = row.strip(), place.format(number=number)
        if not bare or bare.startswith("#"):
            continue
        names = [part.strip() for part in bare[:10_000].split(" / ")]
        if len(names) in (3, 4) and names[-1]:
            yield feed_of(where, names[:-1], names[-1])
        else:
            yield lost(where, row, _("is not category / source / route"))


def read(data: Nested) -> Iterator[Each]:
    """What a mapping has. Where something stands is said by the names above it."""
    if not isinstance(data, Pairs):
        yield lost(_("the list"), "", _("is no mapping of categories"))
        return
    for name, value in data.items:
        if isinstance(value, Pairs) and isinstance(value.get("routes"), Pairs):
            yield from _namespace(name, value)
        else:
            yield from _below([name], value)


def _below(names: list[str], value: Nested) -> Iterator[Each]:
    where = " / ".join(names)
    if isinstance(value, str) and value:
        yield feed_of(where, names, value)
    elif isinstance(value, list):
        for each in value:
            yield from _below(names, each)
    elif isinstance(value, Pairs) and isinstance(route := value.get("link"), str) and (own := _own(value)):
        yield feed_of(" / ".join(own), own, route)
    elif isinstance(value, Pairs) and isinstance(route := value.get("route") or value.get("path"), str):
        name = value.get("name") or value.get("title")
        yield feed_of(where, [*names, name] if isinstance(name, str) else names, route)
    elif isinstance(value, Pairs) and len(names) < 3:
        for name, inner in value.items:
            yield from _below([*names, name], inner)
    else:
        yield lost(where, "", _("is nested too deep") if isinstance(value, Pairs) else _("is no route"))


def _own(value: Pairs) -> list[str]:
    """The names that a route itself has, beside its `link`."""
    return [name for level in _LEVELS if isinstance(name := value.get(level), str) and name]


def _namespace(name: str, namespace: Pairs) -> Iterator[Each]:
    """A namespace of RSSHub's `routes.json`: of each route the example, in the first of its categories."""
    site, routes = namespace.get("name"), namespace.get("routes")
    for route, value in routes.items if isinstance(routes, Pairs) else ():
        where = f"{name}{route}"
        if not isinstance(value, Pairs) or not isinstance(value.get("example"), str):
            yield lost(where, "", _("has no example, and parameters that only you can fill in"))
            continue
        categories = value.get("categories")
        first = next((each for each in categories if isinstance(each, str)), "") if isinstance(categories, list) else ""
        yield feed_of(where, [first, str(site or name), str(value.get("name") or "")], str(value.get("example")))


def feed_of(where: str, names: list[str], written: str, name: str = "") -> Each:
    """A route as a feed, in the category of the names above it and of its own `name`. It may be a whole address, and
    have letters of any script, which are escaped."""
    route = _PUBLIC.sub("rsshub://", written.strip())
    bare = route.removeprefix("rsshub://").lstrip("/")
    if _PARAMETER.search("/" + bare):
        return lost(where, route, _("has parameters; write what they stand for instead of them"))
    # without a name, it is what the feed calls itself
    title = f"{names[1]}: {name or names[2]}" if len(names) + bool(name) > 2 else name
    url = f"rsshub://{quote(bare, _AS_IT_IS, errors='replace')}"
    if re.match(r"https?://", route):
        url, bare = route, http_url(route) or bare  # without a login
    return listed(Listed(where, url, title, (tuple(names) if len(names) > 2 else (*names, name or bare),)))
