"""A planet whose sources and categories have wishes of their own, whatever the config's keys for them are called."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import text

from aggregator.config import Config
from aggregator.model import CategoryPath, Policy, Retention, Shelf
from aggregator.store.engine import open_store, reading
from tests.planet import Planet


class Kept(Planet):
    """`policies` go by the sources' order, `shelves` by path."""

    def __init__(self, root: Path, store: str = "") -> None:
        super().__init__(root, store)
        self.fetch["unvalidated"] = "1h"
        self.policies: dict[int, Policy] = {}
        self.shelves: dict[CategoryPath, Shelf] = {}

    def load(self) -> Config:
        """The config with these."""
        config = super().load()
        sources = [replace(each, policy=self.policies.get(n, each.policy)) for n, each in enumerate(config.sources)]
        return replace(config, sources=tuple(sources), shelves=self.shelves)

    def policy(self, number: int, **wishes: Any) -> None:
        """What is wanted of a source."""
        self.policies[number] = Policy(**wishes)

    def keep(self, *path: str, **limits: Any) -> None:
        """How long a category's entries stay."""
        self.shelves[path] = Shelf(path, retention=Retention(**limits))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the store answers."""
        store = open_store(super().load().store)
        try:
            with reading(store) as db:
                return [tuple(row) for row in db.execute(text(query))]
        finally:
            store.dispose()
