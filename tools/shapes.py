"""What each command answers with `--json`, key by key: the one place that says so.

docs/json.md and docs/json.schema.json are made of it, and tests/test_json.py holds what the commands print against it.
The text below a key is its description, as in the tables of the config. Moments are RFC 3339 in UTC.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, RootModel

State = Literal["failing", "blocked", "gone", "moved", "quiet", "degraded", "new", "ok", "disabled"]
Path = list[str]


class Shape(BaseModel):
    """An object with these keys and no others; one with a default may be absent. A `_` at their end is no part."""

    model_config = ConfigDict(extra="forbid", alias_generator=lambda name: name.rstrip("_"))


class Error(Shape):
    """Any command that could not do what it was asked."""

    error: str
    """What was wrong, a line each."""
    code: int
    """What it exits with."""


# --- once -------------------------------------------------------------------------------------------------------------


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
    would_change: list[Difference] = []
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


# --- Looking ----------------------------------------------------------------------------------------------------------


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


class LastRun(Shape):
    """The last run."""

    at: str
    """When it was."""
    seconds: float
    """How long it took."""
    by: str
    """The command that made it."""
    visits: int
    """How many sources were visited."""
    failed: int
    """How many of these failed."""
    new: int
    """How many entries came in."""
    written: int
    """How many files were written."""
    problems: list[str]
    """What could not be published."""


class Shards(Shape):
    """What workers have to do."""

    doing: int
    """Shards under way."""
    waiting: int
    """Shards that wait."""
    unpublished: int
    """Categories to be written."""


class Standing(Shape):
    """How a source stands. What visits told is absent before the first run."""

    key: str
    """What names it."""
    kind: str
    """Its kind."""
    title: str
    """What it is called."""
    state: State
    """How it stands."""
    since: str | None
    """Since when."""
    why: str
    """Why."""
    advice: str
    """What to do."""
    entries_a_week: float
    """How much it posts."""
    last_visit: str | None = None
    """When it was visited last."""
    last_success: str | None = None
    """When that succeeded last."""
    next_visit: str | None = None
    """When it is visited next; null for never."""
    reason: str = ""
    """Why then."""
    interval: float | None = None
    """Seconds between two visits as planned now."""
    failures: int = 0
    """Failures in a row."""
    error: str = ""
    """Why the last visit failed."""
    warnings: list[str] = []
    """What should be looked at."""
    moved_to: str | None = None
    """Where it has moved, where that is followed."""
    same_as: str | None = None
    """The source at whose address it is now."""
    newest: str | None = None
    """The day of its newest entry."""
    quiet_after: float | None = None
    """Seconds without another after which it counts as quiet."""
    visits: int = 0
    """Visits so far."""
    unchanged: int = 0
    """Of these, without change."""
    requests: int = 0
    """Requests so far."""
    received: int = 0
    """Bytes so far."""
    saved: int = 0
    """Bytes that did not have to be sent."""


class Status(Shape):
    """How all sources stand, the worst first."""

    code: int
    """What it exits with: 0 all is well, 1 a source wants attention, 2 nothing works any more."""
    states: dict[State, int]
    """How many sources are in each state."""
    stuck: str | None
    """Why nothing works any more; null while something does."""
    last_run: LastRun | None
    """The last run."""
    lock: str | None
    """Who is at work."""
    lag: int
    """Seconds by which the visit that has waited longest is overdue."""
    requests_a_minute: float
    """Requests in this hour and the last."""
    workers: list[str] | None
    """The workers; null where there are none."""
    shards: Shards | None
    """What they have to do."""
    sources: list[Standing]
    """All sources."""


class Logged(Shape):
    """A visit of a source."""

    at: str
    """When it was."""
    status: int
    """The status of HTTP, 0 for none."""
    outcome: str
    """What it came to."""
    new: int
    """Entries that came in."""
    edited: int
    """Entries that have changed."""
    seconds: float
    """How long it took."""
    received: int
    """Bytes that came."""
    error: str
    """Why it failed."""
    next_visit: str
    """When the next one was planned."""
    reason: str
    """Why then."""


class Incident(Shape):
    """What its owner wants to hear of, once."""

    at: str
    """When it was."""
    before: str
    """How the source stood before."""
    state: str
    """How it stood then."""
    text: str
    """What was told."""


class StatusOfSource(Standing):
    """All about one source."""

    log: list[Logged]
    """Its visits, the newest first."""
    incidents: list[Incident]
    """Its incidents, the newest first."""


class Finding(Shape):
    """One thing that was looked at."""

    part: str
    """What: config, store, permissions, disk, output, clock, network, sources, published, served."""
    level: Literal["problem", "note", "ok"]
    """How it is."""
    what: str
    """What was found."""
    advice: str
    """What to do."""


class Doctor(Shape):
    """What is wrong with a planet."""

    code: int
    """What it exits with: 1 where there is a problem."""
    findings: list[Finding]
    """All that was found."""
    todo: list[str]
    """What to do, the most useful first."""


# --- The store, and serving -------------------------------------------------------------------------------------------


class Pruned(Shape):
    """What was removed."""

    why: Literal["source", "category", "left"]
    """Whose limit it was."""
    name: str
    """The source or category."""
    entries: int
    """How many entries went."""


class Moved(Shape):
    """A store that was moved; `from` and `to` are its addresses without passwords."""

    from_: str
    """Where it was."""
    to: str
    """Where it is."""
    rows: int
    """How many rows it has."""
    resumed: int
    """How many of these an earlier move had brought."""
    tables: dict[str, int]
    """The rows of each table."""
    config: str | None
    """What to change in the config; null for nothing."""


class Serving(Shape):
    """Where is served; printed when it begins."""

    url: str
    """The published tree."""
    dashboard: str | None
    """The dashboard; null for none."""
    output: str
    """The folder."""


def _many(shape: type[Shape]) -> type[BaseModel]:
    return RootModel[list[shape]]  # type: ignore[valid-type]  # it is a value here, and pydantic takes it


ANSWERS: dict[str, type[BaseModel]] = {
    "add": Add,
    "check": Check,
    "disable": EditOfSource,
    "doctor": Doctor,
    "enable": EditOfSource,
    "explain": _many(Explained),
    "export": _many(Exported),
    "import": Import,
    "init": Init,
    "list categories": _many(ListedCategory),
    "list items": _many(ListedItem),
    "list sources": _many(ListedSource),
    "migrate-store": Moved,
    "once": Run,
    "preview": Preview,
    "prune": _many(Pruned),
    "remove": EditOfSource,
    "serve": Serving,
    "status": Status,
    "status SOURCE": StatusOfSource,
    "any that fails": Error,
}
"""By the command what it answers. `daemon` and `worker` log, `schema` prints a schema, `completion` a script."""
