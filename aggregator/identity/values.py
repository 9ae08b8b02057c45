"""The nouns of recognising: what is known, what was met, what that changes, and what it teaches."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aggregator.model import Item
from aggregator.policy import Identity


@dataclass(frozen=True, slots=True)
class Known:
    """What deciding needs of an item that the store holds. `words` is the print of title and text, `digest` of all.

    `final` is one that was removed for good, by retention or at the first import: it stays so when it is met again.
    """

    id: int
    keys: frozenset[str]
    digest: str
    words: str
    title: str
    origin: str
    published: datetime | None
    updated: datetime
    removed: bool
    final: bool = False


@dataclass(frozen=True, slots=True)
class Met:
    """An item of a visit, with all it may be recognised by (`keys`), what of that is remembered, and its prints."""

    item: Item
    keys: tuple[str, ...]
    stored: tuple[str, ...]
    digest: str
    words: str


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one item: `known` is None for a new one, `item` is None for a removed one.

    `identity` is unique within the source and fixed for a new item; `updated` is when its text last changed. `meant` is
    an edit of what a reader reads. `waits` is an item that is kept back until it is `published`.
    """

    what: Literal["new", "edited", "same", "removed"]
    item: Item | None
    known: Known | None
    keys: tuple[str, ...]
    identity: str
    digest: str
    words: str
    published: datetime | None
    updated: datetime
    meant: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Habits:
    """What visits taught of how a feed's entries are to be told apart, and `why`: `auto` until there is evidence.

    `visits` in a row brought none but new guids, to `met` entries that were known by other signs.
    """

    mode: Identity = "auto"
    why: str = ""
    visits: int = 0
    met: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What a visit means for one source. `dropped` are the documents of entries that were not taken as their date lies
    ahead: these have to be read again."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()
    habits: Habits = Habits()
    dropped: frozenset[str] = frozenset()
