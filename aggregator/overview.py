"""The planet as a whole, for the formats that show it: its categories and its sources.

The channel of everything holds all of it; every other one the top categories, those beside it and above it, and its
own children, so that a new category elsewhere does not render it anew. Nothing moves by a visit without news.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from aggregator import sources
from aggregator.composing import Planet
from aggregator.config import Config
from aggregator.formats import find, says
from aggregator.health import is_failing
from aggregator.matching import fold_path
from aggregator.model import Category, CategoryPath, Overview, Source, Subscription
from aggregator.store.channels import Place
from aggregator.store.sources import Standing
from aggregator.text import http_url, masked, one_line
from aggregator.views import view


@dataclass(frozen=True, slots=True)
class Scene:
    """All of an overview but what only news can change; `children` are categories by the path above them, `named` by
    their own.

    `prints` are of the children's names and folders, `all` of everything; they are "" where no format shows them.
    """

    overview: Overview
    keys: Mapping[str, Subscription]
    children: Mapping[CategoryPath, tuple[Category, ...]]
    named: Mapping[CategoryPath, Category]
    prints: Mapping[CategoryPath, str]
    all: str


def is_shown(config: Config) -> bool:
    """Whether a format shows the overview; without one nobody asks how the sources stand."""
    return any(says(name, "OVERVIEW") for name in config.site.formats)


def scene(planet: Planet, published: Sequence[Place], standings: Mapping[str, Standing]) -> Scene:
    """What there is to be shown. `published` are the categories in their order; `standings` may be left empty where
    the overview is not shown, and then it names no sources."""
    config = planet.config
    listed = tuple(planet.categories[place.folder] for place in published)
    paths = {fold_path(each.path): each for each in reversed(listed)}
    children: dict[CategoryPath, tuple[Category, ...]] = {}
    for each in listed:
        if each.path:
            children[each.path[:-1]] = (*children.get(each.path[:-1], ()), each)
    meant = view(config).meant  # a source's category may be written as an alias
    known = {
        source.key: _subscription(
            source,
            standings[source.key],
            tuple(paths[fold_path(meant(path))] for path in source.categories if fold_path(meant(path)) in paths),
            config.site.title,
        )
        for source in config.sources
        if source.enabled and source.key in standings and not standings[source.key].same_as
    }
    names = {name: find(name).FILENAME for name in config.site.formats}
    overview = Overview(
        title=config.site.title,
        url=config.site.base_url,
        language=config.site.language,
        owner=config.site.title,
        categories=listed,
        sources=tuple(known.values()),
        names={name: file for name, file in names.items() if file},
        templates=config.templates,
        post_path=config.site.post_path,
        zone=config.site.timezone,
    )
    named = {each.path: each for each in listed}
    if not is_shown(config):
        return Scene(overview, known, children, named, {}, "")
    prints = {path: _print(below) for path, below in children.items()}
    return Scene(overview, known, children, named, prints, _print((listed, known)))


def print_of(scene: Scene, path: CategoryPath) -> str:
    """A print of what a channel's overview holds, as far as it may change without the channel."""
    return scene.all if not path else _print([scene.prints.get(above, "") for above in _above(path)])


def of(scene: Scene, path: CategoryPath) -> Overview:
    """The overview of one channel; that of everything is `whole`."""
    wanted = {each.path for above in _above(path) for each in scene.children.get(above, ())} | {()}
    listed = tuple(each for each in scene.overview.categories if each.path in wanted)
    return replace(scene.overview, categories=listed, sources=())


def lineage(scene: Scene, path: CategoryPath) -> Overview:
    """The overview of an archive, which is written once: the channel's own category and those above it."""
    own = (path[:depth] for depth in range(len(path) + 1))
    listed = tuple(scene.named[each] for each in own if each in scene.named)
    return replace(scene.overview, categories=listed, sources=())


def whole(scene: Scene, tally: Mapping[str, tuple[int, datetime]], updated: datetime) -> Overview:
    """The overview of everything, with what news change: `tally` is the number of entries and the newest by source."""
    listed = []
    for key, each in scene.keys.items():
        entries, newest = tally.get(key, (0, None))
        listed.append(replace(each, entries=entries, newest=newest))
    return replace(scene.overview, sources=tuple(listed), updated=updated)


def _above(path: CategoryPath) -> Iterable[CategoryPath]:
    return (path[:depth] for depth in range(len(path) + 1))


def _subscription(source: Source, standing: Standing, categories: tuple[Category, ...], site: str) -> Subscription:
    """A source as the public may see it: no secret, and of an error nothing but its class."""
    feed, is_feed = standing.feed, sources.find(source.kind).REMOTE and source.kind not in ("page", "sitemap")
    url = http_url(source.key) if is_feed else ""
    found = Subscription(
        title=source.title or feed.title or urlsplit(url).hostname or site,
        url=url,
        page=http_url(feed.url or source.base_url),
        categories=tuple(dict.fromkeys(categories)),
        language=source.language or feed.language,
        description=feed.subtitle,
    )
    if standing.gone:
        return replace(found, state="gone", since=standing.gone_since)
    if is_failing(standing):
        error = one_line(masked(standing.error.partition(":")[0]), 60)
        return replace(found, state="failing", since=standing.last_success, error=error)
    return replace(found, state="ok" if standing.last_visit else "new")


def _print(value: object) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()[:16]
