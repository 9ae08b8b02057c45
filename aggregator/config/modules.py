"""The modules that a config names: kinds of source and formats of output."""

import dataclasses
import pkgutil
from collections.abc import Mapping
from gettext import gettext as _
from types import ModuleType
from typing import Any

from aggregator import formats, sources
from aggregator.config.problems import nearest, shown
from aggregator.languages import marked
from aggregator.text import masked


def find_kind(name: str) -> sources.Kind:
    """The module of a kind of source. Raises ValueError, with the nearest known kind."""
    kind: sources.Kind = _find(sources, name, marked("kind"), "Options")
    return kind


def find_format(name: str) -> formats.Format:
    """The module of a format. Raises ValueError, with the nearest known format."""
    format_: formats.Format = _find(formats, name, marked("format"), "FILENAME")
    return format_


def kinds() -> Mapping[str, tuple[str, ...]]:
    """The kinds that come with us, and the keys of each. It loads them all, so it is for problems only."""
    return {name: fields(module.Options) for name, module in _known(sources, "Options").items()}


def fields(options: type[Any]) -> tuple[str, ...]:
    """The names of a dataclass's fields."""
    return tuple(each.name for each in dataclasses.fields(options))


def _find(package: ModuleType, name: str, what: str, mark: str) -> Any:
    """The module of a name; without `mark` in it, it is another sort of module."""
    try:
        module = package.find(name)
        if not hasattr(module, mark):
            raise AttributeError(f"it has no {mark}")
    except Exception as error:  # a border: a dotted path is a module of the user's own
        if "." in name:
            why = _("{what} {name} cannot be loaded ({error}: {why})").format(
                what=_(what), name=shown(name), error=type(error).__name__, why=masked(str(error))
            )
        else:
            why = _("there is no {what} {name}; {advice}").format(
                what=_(what), name=shown(name), advice=nearest(name, _known(package, mark))
            )
        raise ValueError(why) from error
    return module


def _known(package: ModuleType, mark: str) -> Mapping[str, Any]:
    modules = {each.name: package.find(each.name) for each in pkgutil.iter_modules(package.__path__)}
    return {name: module for name, module in modules.items() if hasattr(module, mark)}
