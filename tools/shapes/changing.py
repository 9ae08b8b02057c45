"""Answers of `once`, and of what changes the config."""

from pydantic import Field

from tools.shapes.base import Path, Shape


class Visit(Shape):
    """A source that was visited."""

    key: str
    """What names the source: its address, or its kind and path."""
    kind: str
    """Its kind."""
    title: str
    """What it is called."""
    new: int
    """Entries that came in."""
    edited: int
    """Entries that have changed."""
    removed: int
    """Entries that went."""
    same: int
    """Entries that are as they were."""
    waiting: int
    """Entries that wait for their day."""
    error: str
    """Why it failed, "" where it did not."""
    warnings: list[str]
    """What should be looked at."""
    seconds: float
    """How long the visit took."""
    next_visit: str | None
    """When it is visited next; null for never."""


class Skipped(Shape):
    """A source that was not due."""

    key: str
    """What names the source."""
    next_visit: str
    """When it is visited next."""
    reason: str
    """Why then."""


class Entry(Shape):
    """An entry that would be published."""

    id: str
    """Its public id."""
    title: str
    """Its title."""
    url: str
    """Its link."""
    source: str
    """The title of its source."""


class Changed(Entry):
    """An entry that would change."""

    what: list[str]
    """What of it would."""


class Difference(Shape):
    """A feed that would change."""

    title: str
    """What the feed is called."""
    files: list[str]
    """Its files, below the output."""
    added: list[Entry]
    """Entries that would come."""
    removed: list[Entry]
    """Entries that would go."""
    changed: list[Changed]
    """Entries that would change."""


class Run(Shape):
    """What a run came to."""

    sources: list[Visit]
    """The sources that were visited."""
    skipped: list[Skipped]
    """Those that were not due."""
    written: list[str]
    """Files that were written, below the output."""
    problems: list[str]
    """What could not be published."""
    notes: list[str]
    """What its owner should know."""
    would_change: list[Difference] = Field(default_factory=list)
    """With `--dry-run`: what would change in which feed."""


# --- The config -------------------------------------------------------------------------------------------------------


class Check(Shape):
    """What is wrong with the config."""

    config: str
    """The file."""
    problems: list[str]
    """Each with file, line and key; the exit code is 2 where there is one."""


class Init(Shape):
    """A new planet."""

    folder: str
    """Where it is."""
    written: list[str]
    """Files that were written."""
    left: list[str]
    """What was there already."""


class Edit(Shape):
    """A change of the config."""

    config: str
    """The file."""
    written: bool
    """Whether it was changed."""
    diff: list[str]
    """The lines of a unified diff, without passwords."""


class EditOfSource(Edit):
    """A change of one source in the config."""

    source: str
    """What names the source."""


class FoundEntry(Shape):
    """One of the newest entries of a feed that was found."""

    title: str
    """Its title."""
    url: str
    """Its link."""
    published: str | None
    """Its date."""


class Add(Edit):
    """A feed that was found and added."""

    url: str
    """Its address."""
    title: str
    """What it calls itself."""
    others: list[str]
    """Other feeds that the page announces."""
    warnings: list[str]
    """What should be looked at."""
    entries: list[FoundEntry]
    """Its newest entries."""


class Feed(Shape):
    """A feed of a list."""

    url: str
    """Its address."""
    title: str
    """What the list calls it."""
    categories: list[Path]
    """Its categories."""


class NotTaken(Shape):
    """What of a list is not taken over."""

    where: str
    """Its place in the list."""
    what: str
    """What it is."""
    why: str
    """Why it is left."""


class Import(Shape):
    """What a list came to."""

    list_: str
    """The list's name."""
    kind: str
    """Its kind."""
    new: list[Feed]
    """Feeds that are added."""
    there: list[Feed]
    """Feeds that the config has already."""
    twice: int
    """How many are listed once more."""
    not_taken: list[NotTaken]
    """What is not taken over."""
    broken: str | None
    """Why the list could not be read to its end."""
    logins: list[str]
    """What has to be set, as no password is written."""
    written: bool
    """Whether the config was changed."""


class Exported(Shape):
    """A feed that is read."""

    url: str
    """Its address."""
    title: str
    """What it is called."""
    category: list[Path]
    """Its categories."""
    language: str
    """Its language."""
    page: str
    """Its web page."""
    description: str
    """What it says of itself."""
    enabled: bool
    """Whether it is visited."""
