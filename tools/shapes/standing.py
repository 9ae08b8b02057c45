"""Answers of what says how a planet stands, and of what tends its store and serves it."""

from typing import Literal

from pydantic import Field

from tools.shapes.base import Shape, State


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
    warnings: list[str] = Field(default_factory=list)
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
