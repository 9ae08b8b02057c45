"""Answers of what looks at entries, sources and categories."""

from typing import Any

from tools.shapes.base import Path, Shape


class Catch(Shape):
    """What a selector of a page caught."""

    name: str
    """Its key in `select`."""
    selector: str
    """The selector, "" for the usual place."""
    found: int
    """In how many entries it found something."""
    of: int
    """How many there are."""
    missed: list[str]
    """The first entries in which it did not."""


class Previewed(Shape):
    """What becomes of an entry."""

    excluded: bool
    """Whether a rule keeps it out."""
    known: bool
    """Whether the store has it already."""
    rules: list[str]
    """Which rules touched it."""
    item: dict[str, Any]
    """The entry whole, as it would be published; what is absent is left out."""


class Preview(Shape):
    """What a source yields."""

    source: str
    """What names the source."""
    title: str
    """What it is called."""
    error: str
    """Why it failed, "" where it did not."""
    warnings: list[str]
    """What should be looked at."""
    selectors: list[Catch]
    """Of a page: what its selectors caught."""
    items: list[Previewed]
    """Its entries, in its order."""


class Copy(Shape):
    """One source's copy of an entry."""

    source: str
    """What names the source."""
    active: bool
    """Whether the config still has it."""
    shown: bool
    """Whether this copy is the one that is shown."""
    url: str
    """Its link."""
    guid: str
    """The id that its feed gives it."""
    file: str
    """Of a post: its path."""
    keys: list[str]
    """What it is recognised by."""
    upstream_published: str | None
    """The date that its feed gives it now."""
    published: str | None
    """The date that it has."""
    first_seen: str
    """When it was first seen."""
    updated: str
    """Its date of update."""
    edits: int
    """How often it was edited."""
    edited: str | None
    """When it was edited last."""
    removed: str | None
    """When it was removed."""
    why: str
    """Why it was."""
    waits_until: str | None
    """The day that it waits for."""
    rules: list[str]
    """Which rules touch it."""


class Line(Shape):
    """One thing that is told of an entry."""

    about: str
    """What it is about."""
    text: str
    """The line."""


class Explained(Shape):
    """An entry that was asked about."""

    id: str
    """Its public id, "" where it has none."""
    title: str
    """Its title."""
    published: str | None
    """Its date."""
    updated: str | None
    """Its date of update."""
    copies: list[Copy]
    """All its copies, the shown one first."""
    feeds: list[Path]
    """The categories in whose feeds it is."""
    lines: list[Line]
    """What people are told."""


class Move(Shape):
    """Where a source says that it has moved."""

    url: str
    """The new address."""
    visits: int
    """At how many visits in a row it was met; 0: another feed was there at the first of them."""
    since: str
    """Since when."""
    believed: bool
    """Whether it is followed."""


class Identity(Shape):
    """What the entries of a source are recognised by."""

    mode: str
    """As in the config's `identity`."""
    why: str
    """Why so."""


class ListedSource(Shape):
    """A source of the config."""

    key: str
    """What names it."""
    kind: str
    """Its kind."""
    title: str
    """What it is called."""
    enabled: bool
    """Whether it is visited."""
    categories: list[Path]
    """Its categories."""
    last_visit: str | None
    """When it was visited last."""
    last_success: str | None
    """When that succeeded last."""
    next_visit: str | None
    """When it is visited next; null for never, or not known yet."""
    reason: str
    """Why then."""
    failures: int
    """Failures in a row."""
    error: str
    """Why the last visit failed."""
    warnings: list[str]
    """What should be looked at."""
    gone: bool
    """Whether it was removed for good."""
    moved_to: Move | None
    """Where it has moved."""
    same_as: str | None
    """The source at whose address it is now."""
    paused_until: str | None
    """Until when its host wants silence."""
    hub: str
    """Its WebSub hub."""
    identity: Identity
    """What its entries are recognised by."""


class ListedCategory(Shape):
    """A category."""

    path: Path
    """Its names from the top down; [] is everything."""
    title: str
    """What it is called."""
    folder: str
    """Its folder, below the output."""
    entries: int
    """How many entries it has, archives and all."""
    url: str
    """The address of its folder."""
    urls: dict[str, str]
    """The addresses of its documents, by their formats."""


class CopyOfItem(Shape):
    """Where a copy of an item is from."""

    source: str
    """What names the source."""
    guid: str
    """The id that its feed gives it."""
    url: str
    """Its link."""
    file: str
    """Of a post: its path."""


class Link(Shape):
    """A page of another copy."""

    url: str
    """Its address."""
    title: str
    """The title of its source."""


class ListedItem(Shape):
    """An item that is published."""

    id: str
    """Its public id."""
    title: str
    """Its title."""
    url: str
    """Its link."""
    published: str
    """Its date."""
    updated: str
    """Its date of update."""
    first_seen: str
    """When it was first seen."""
    source: str
    """What names the source whose copy is shown."""
    folders: list[str]
    """The folders of its categories."""
    copies: list[CopyOfItem]
    """All its copies."""
    also_in: list[Link]
    """The pages of the others."""
