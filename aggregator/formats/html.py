"""A planet as web pages: one a category, with its archive, and one of the sources. No script, no foreign style or font.

The templates and style sheets are in templates/; `Overview.templates` replaces any of them by its name, and ours stay
in reach as `ours/NAME`. All text is escaped; the one thing that is not is an entry's content, which is clean.
Links between our pages are relative: the tree may be moved, and opens from a disk. Every day is shown
as it is in the site's time zone, and as its language writes it; what programs read is in UTC.
"""

import posixpath
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FunctionLoader, StrictUndefined

from aggregator import __version__, dates, languages, text
from aggregator.errors import AggregatorError
from aggregator.formats import find, posts
from aggregator.formats.days import day
from aggregator.model import Category, CategoryPath, Channel

FILENAME = "index.html"
MEDIA_TYPE = "text/html"
ARCHIVES = True
OVERVIEW = True

_SOURCES = "sources.html"
_ASSETS = ("style.css", "feed.css", "favicon.svg")
_FEEDS = {
    "application/rss+xml": "RSS",
    "application/atom+xml": "Atom",
    "application/feed+json": "JSON Feed",
    "text/x-opml": "OPML",
}


def render(channel: Channel) -> bytes:
    """The page of a category: its newest entries, or those of an archive document. Raises AggregatorError."""
    here = channel.urls.get("html") or channel.page + FILENAME
    return _page("category.html", channel, here, {"posts": [posts.post(entry) for entry in channel.entries]})


def documents(channel: Channel) -> Mapping[str, bytes]:
    """The page of a category; with the page of everything also that of the sources, style sheets and favicon."""
    pages = {FILENAME: render(channel)}
    if not channel.category.path and not channel.archive:
        own = channel.overview.templates
        pages[_SOURCES] = _page(_SOURCES, channel, channel.page + _SOURCES, {})
        pages |= {name: (own.get(name) or _ours(name) or "").encode() for name in _ASSETS}
    return pages


@dataclass(frozen=True, slots=True)
class Node:
    """A category in the tree of them all, with those below it that are shown."""

    category: Category
    below: tuple["Node", ...]


def _page(template: str, channel: Channel, here: str, more: Mapping[str, Any]) -> bytes:
    """A page at the URL `here`: what templates know, besides what is in `more`."""
    folder, overview, path = channel.category.folder, channel.overview, channel.category.path
    root = channel.page.removesuffix(f"{quote(folder)}/" if folder else "")
    language = text.language(channel.language) or "en"
    said = languages.pages(language)
    known = {category.path: category for category in overview.categories}
    known[()] = Category((), "", said.gettext("Everything"))
    link = partial(relative, here=here)
    ways = {"newer": channel.next, "older": channel.previous, "newest": channel.current}
    values = {
        "channel": channel,
        "overview": overview,
        "version": __version__,
        "site": text.one_line(overview.title or channel.site),
        "name": known[path].title if path in known else path[-1],
        "_": said.gettext,
        "pgettext": said.pgettext,
        "day": partial(day, language=language, zone=overview.zone),
        "language": language,
        "direction": posts.direction(language),
        "template": template,
        "updated": dates.rfc3339((template == _SOURCES and overview.updated) or channel.updated),
        "address": channel.page if here == channel.page + FILENAME else here,
        "above": [known[path[:depth]] for depth in range(1, len(path)) if path[:depth] in known],
        "below": [category for category in overview.categories if path and category.path[:-1] == path],
        "tree": tree(overview.categories, path),
        "feeds": [(link(url), kind, _FEEDS[kind]) for url, kind in _feeds(channel)],
        "asset": lambda name: link(root + name),
        "way": {name: link(urls["html"]) for name, urls in ways.items() if "html" in urls},
        "href": lambda folder: link(root + (f"{quote(folder)}/" if folder else "") + FILENAME),
        "web": text.http_url,
    }
    return text.legal(_run(template, overview.templates, {**values, **more})).encode()


def relative(target: str, here: str) -> str:
    """The way from the page `here` to the URL `target`; `target` itself where that is another site (RFC 3986 §4.2)."""
    to, start = urlsplit(target), urlsplit(here)
    if to[:2] != start[:2]:
        return target
    folder, name = posixpath.split(to.path or "/")
    way = posixpath.relpath(folder, posixpath.dirname(start.path) or "/")
    path = name if way == "." else f"{way}/{name}"
    return path if path and ":" not in path.partition("/")[0] else f"./{path}"


def _feeds(channel: Channel) -> Iterable[tuple[str, str]]:
    """The URLs to subscribe to, with their media types; an archive document is none of them."""
    for name, url in (channel.current if channel.archive else channel.urls).items():
        if (kind := find(name).MEDIA_TYPE) in _FEEDS:
            yield url, kind


def tree(categories: Iterable[Category], path: CategoryPath) -> tuple[Node, ...]:
    """The top categories, and along `path` those below; for () all that there are."""
    children: dict[CategoryPath, list[Category]] = {}
    for category in categories:
        above = category.path[:-1]
        if category.path and (not path or above == path[: len(above)]):
            children.setdefault(above, []).append(category)

    def nodes(above: CategoryPath) -> tuple[Node, ...]:
        return tuple(Node(category, nodes(category.path)) for category in children.get(above, ()))

    return nodes(())


# --- Templates ------------------------------------------------------------------------------------------------------


@cache
def _ours(name: str) -> str | None:
    """A template or other document of ours, None when there is none of that name."""
    file = files("aggregator.formats") / "templates" / name
    return file.read_text(encoding="utf-8") if file.is_file() else None


@lru_cache(maxsize=4)
def _environment(own: tuple[tuple[str, str], ...]) -> Environment:
    """Jinja with these templates of the owner before ours."""
    sources = dict(own)

    def load(name: str) -> tuple[str, str, None] | None:
        source = sources.get(name) or _ours(name.removeprefix("ours/"))
        return None if source is None else (source, f"templates/{name}", None)

    return Environment(
        autoescape=True, loader=FunctionLoader(load), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _run(template: str, own: Mapping[str, str], values: Mapping[str, Any]) -> str:
    """What a template makes of values. Raises AggregatorError for a mistake in one of the owner's."""
    try:
        return _environment(tuple(sorted(own.items()))).get_template(template).render(values)
    except Exception as error:  # a border: the owner's templates may do anything
        places = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename[:10] == "templates/"]
        place = f"{places[-1].filename}:{places[-1].lineno}" if places else f"templates/{template}"
        if not own:
            raise
        raise AggregatorError(f"{place}: {type(error).__name__}: {text.one_line(error)}; mend or remove it") from error
