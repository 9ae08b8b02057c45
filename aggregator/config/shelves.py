"""From `[[category]]` to what is wanted of each category, and what is wrong between two of them."""

from collections.abc import Collection, Iterator, Mapping
from gettext import gettext as _

from aggregator.config.problems import Problem, shown
from aggregator.config.tables import CategorySettings
from aggregator.config.toml import KeyPath
from aggregator.matching import fold_path, spelled
from aggregator.model import CategoryPath, Retention, Shelf, Source

Settings = Mapping[CategoryPath, CategorySettings]


def shelves(settings: Settings) -> Mapping[CategoryPath, Shelf]:
    """What the config wants of each category that has a `[[category]]`."""
    return {
        path: Shelf(
            path,
            aliases=each.aliases,
            of=each.of,
            rules=tuple(rule.rule() for rule in each.rule),
            retention=Retention(each.keep, each.keep_for),
            max_per_source=each.max_per_source,
            items=each.items,
            content=each.content,
        )
        for path, each in settings.items()
    }


def problems(
    settings: Settings, places: Mapping[CategoryPath, KeyPath], sources: Collection[Source], *, all_known: bool
) -> list[Problem]:
    """What cannot be meant: aliases that mean two categories, and virtual ones of what is not there or virtual itself.

    `places` is where each category stands in the file. Where not all categories are known, as lists that others write
    may have further ones, none is missed.
    """
    return [*_aliases(settings, places), *_virtual(settings, places, sources, all_known=all_known)]


def _aliases(settings: Settings, places: Mapping[CategoryPath, KeyPath]) -> Iterator[Problem]:
    meant = {fold_path(path): path for path in settings}
    for path, each in settings.items():
        for number, alias in enumerate(each.aliases, start=1):
            other = meant.setdefault(fold_path(alias), path)
            if other != path:
                yield (
                    (*places[path], "aliases", number),
                    _("{alias} means {category} already").format(alias=shown("/".join(alias)), category=spelled(other)),
                )


def _virtual(
    settings: Settings, places: Mapping[CategoryPath, KeyPath], sources: Collection[Source], *, all_known: bool
) -> Iterator[Problem]:
    virtual = {fold_path(path) for path, each in settings.items() if each.of}
    named = {*settings, *(path for source in sources for path in source.categories)}
    named |= {path for source in sources for rule in source.policy.rules for path in rule.route}
    known = {fold_path(path)[:depth] for path in named for depth in range(len(path) + 1)} | {()}
    for path, each in settings.items():
        for number, shown_path in enumerate(each.of, start=1):
            place = (*places[path], "of", number)
            if fold_path(shown_path) in virtual:
                yield (
                    place,
                    _("{category} is virtual itself; name the categories that it shows").format(
                        category=spelled(shown_path)
                    ),
                )
            elif all_known and fold_path(shown_path) not in known:
                yield (
                    place,
                    _("there is no category {category}; mend the path, or write a [[category]] for it").format(
                        category=spelled(shown_path)
                    ),
                )
