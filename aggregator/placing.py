"""Which categories are published, in which order, what they are called, and what the config wants of each."""

from collections.abc import Iterable, Mapping
from functools import cache

from aggregator.collation import Key, order
from aggregator.config import Config
from aggregator.matching import fold_path
from aggregator.model import Category, CategoryPath, Shelf
from aggregator.store.channels import Place
from aggregator.views import view


def slugs(config: Config) -> Mapping[CategoryPath, str]:
    """The folder names that the config gives to categories."""
    return {path: settings.slug for path, settings in config.categories.items() if settings.slug}


def configured(config: Config) -> frozenset[CategoryPath]:
    """The categories that are published even while they are empty: those that the config names, and all above them.

    Of a name that is another's alias it is that one."""
    meant = view(config).meant
    named = {meant(path) for source in config.sources for path in source.categories} | set(config.categories)
    return frozenset(path[:depth] for path in named for depth in range(len(path) + 1)) | {()}


def spellings(config: Config, places: Iterable[Place]) -> Mapping[CategoryPath, CategoryPath]:
    """How each category is spelled, by its path as it is compared: as the store has it, else as the config's
    `[[category]]`, else as the first in sorted order."""
    known = {fold_path(each.path): each.path for each in sorted(places, key=lambda each: each.id, reverse=True)}
    named = configured(config) | {path for source in config.sources for path in source.categories}
    every = {path[:depth] for path in named for depth in range(len(path) + 1)}
    for path in sorted(every, key=lambda path: (len(path), path not in config.categories, path)):
        folded = fold_path(path)
        known.setdefault(folded, (*known[folded[:-1]], path[-1]) if path else ())
    return known


def unused(config: Config, places: Iterable[Place]) -> frozenset[int]:
    """The categories that are not published: empty, and not named by the config, or by that of an older twin."""
    wanted = set(map(fold_path, configured(config)))
    named: dict[CategoryPath, int] = {}
    for place in sorted(places, key=lambda place: place.id):
        named.setdefault(fold_path(place.path), place.id)
    return frozenset(
        place.id
        for place in places
        if place.is_empty and not (fold_path(place.path) in wanted and named[fold_path(place.path)] == place.id)
    )


def published(config: Config, places: Iterable[Place]) -> tuple[Place, ...]:
    """The categories that are published: at each level by the config's `order`, then as the site's language orders what
    they are called."""
    places = tuple(places)
    named = {fold_path(path): settings for path, settings in sorted(config.categories.items(), reverse=True)}
    nowhere, key = unused(config, places), order(config.site.language)

    @cache
    def rank(path: CategoryPath) -> tuple[int, Key, str]:
        settings = named.get(fold_path(path))
        return settings.order if settings else 0, key((settings.title if settings else "") or path[-1]), path[-1]

    return tuple(
        sorted(
            (place for place in places if place.id not in nowhere),
            key=lambda place: tuple(rank(place.path[: depth + 1]) for depth in range(len(place.path))),
        )
    )


def categories(config: Config, places: Iterable[Place]) -> Mapping[str, Category]:
    """Categories by their folders, with the titles and descriptions that the config gives them."""
    named = {fold_path(path): settings for path, settings in sorted(config.categories.items(), reverse=True)}
    found: dict[str, Category] = {}
    for place in places:
        settings = config.categories.get(place.path) or named.get(fold_path(place.path))
        found[place.folder] = Category(
            path=place.path,
            folder=place.folder,
            title=(settings.title if settings else "") or (place.path[-1] if place.path else config.site.title),
            description=settings.description if settings else "",
        )
    return found


def shelf(config: Config, path: CategoryPath) -> Shelf:
    """What is wanted of a category: its own, and where it is silent what `[site]` says."""
    own = [each for _, each in sorted(config.shelves.items()) if fold_path(each.path) == fold_path(path)]
    site = config.site
    return Shelf(
        path,
        items=next((each.items for each in own if each.items is not None), site.items),
        max_per_source=next(
            (each.max_per_source for each in own if each.max_per_source is not None), site.max_per_source
        ),
        content=next((each.content for each in own if each.content is not None), site.content),
    )
