"""What settling and publishing ask of the owner's rules, as a protocol: the store knows neither rules nor config."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aggregator.model import CategoryPath, Item


class View(Protocol):
    """What the owner's rules make of entries. Pure; a print changes when what it stands for may come out differently.

    `first_seen` is when this copy was first seen.
    """

    @property
    def routing_print(self) -> str:
        """The print of all that `places` and `entry` depend on."""

    def source_print(self, source_key: str) -> str:
        """The print of all that `item` depends on for this source."""

    def item(self, source_key: str, item: Item, first_seen: datetime, title: str = "") -> Item | None:
        """An item after the rules of its source, whose feed has this title; None when they exclude it."""

    def places(self, item: Item, paths: frozenset[CategoryPath], first_seen: datetime) -> Mapping[CategoryPath, bool]:
        """The categories that a story is in, those above and virtual ones too, and whether it was put there itself.

        `paths` are those of all its copies, `item` is the copy that is shown.
        """

    def entry(self, path: CategoryPath, item: Item, first_seen: datetime) -> Item:
        """An item as this category shows it."""


@dataclass(frozen=True, slots=True)
class _Plain:
    """Everything as it is."""

    routing_print: str = ""

    def source_print(self, source_key: str) -> str:
        return ""

    def item(self, source_key: str, item: Item, first_seen: datetime, title: str = "") -> Item | None:
        return item

    def places(self, item: Item, paths: frozenset[CategoryPath], first_seen: datetime) -> Mapping[CategoryPath, bool]:
        return {path[:depth]: path[:depth] in paths for path in paths | {()} for depth in range(len(path) + 1)}

    def entry(self, path: CategoryPath, item: Item, first_seen: datetime) -> Item:
        return item


plain: View = _Plain()
"""The view of an owner without rules."""
