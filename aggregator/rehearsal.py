"""`aggregator once --dry-run`: a whole run on a copy of the store, and what it would change in which feed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from aggregator import channels, text
from aggregator.config import Config, look_at_output
from aggregator.model import Channel, Entry, Item, Progress
from aggregator.pipeline import Report, carry_out
from aggregator.store import channels as shown
from aggregator.store import sources as stored
from aggregator.store.engine import copied, open_store, reading, writing
from aggregator.store.lock import locked
from aggregator.target import sweep


@dataclass(frozen=True, slots=True)
class Difference:
    """What would change in one feed: `changed` are entries as they would be, with the names of what differs.

    `files`, paths below the output, would be written; where no entry differs, it is what the feed says of itself, or
    the format.
    """

    title: str
    files: tuple[str, ...]
    added: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()
    changed: tuple[tuple[Entry, tuple[str, ...]], ...] = ()


def rehearse(
    config: Config, now: datetime, *, force: bool = False, progress: Progress = lambda *_: None
) -> tuple[Report, tuple[Difference, ...]]:
    """What `pipeline.run` would come to, and how the feeds would change, by their folders.

    Sources are asked, as politely as ever. What their hosts want is remembered, as the real run may follow at once;
    nothing else is. Raises as `pipeline.run` does.
    """
    look_at_output(config)
    changed: list[tuple[Channel, tuple[str, ...]]] = []
    with locked(config.store, now, "once --dry-run") as lock:
        if lock.is_broken_off:
            sweep(config)
        real = open_store(config.store, lock.writer, progress)
        try:
            with copied(real) as copy:
                try:
                    report = carry_out(
                        copy, config, now, force=force, progress=progress, rehearse=lambda *told: changed.append(told)
                    )
                finally:
                    with reading(copy) as db:
                        hosts = stored.hosts(db)
                        after = shown.prints(db)
                    with writing(real) as db:
                        stored.save_hosts(db, hosts)
            with reading(real) as db:
                before = shown.prints(db)
            ruled = {
                name
                for name, (rules, look) in after.items()
                if name in before and before[name][0] != rules and before[name][1] != look
            }
            differences = [
                difference(channels.shows(real, config, channel.category.folder), channel, files, ruled)
                for channel, files in changed
            ]
        finally:
            real.dispose()
    return report, tuple(differences)


def difference(
    before: Sequence[Entry], after: Channel, files: tuple[str, ...], ruled: Collection[str] = ()
) -> Difference:
    """How a channel's entries differ from those `before`. Both are as the config's rules have them, and those that it
    had are not known; so `ruled` are the ids of those that its new ones change."""
    old = {entry.id: entry for entry in before}
    new = {entry.id: entry for entry in after.entries}
    changed = []
    for entry in after.entries:
        what = _changes(old.get(entry.id, entry), entry)
        if what or (entry.id in old and entry.id in ruled):
            changed.append((entry, what or ("rules",)))
    return Difference(
        title=after.category.title,
        files=files,
        added=tuple(entry for entry in after.entries if entry.id not in old),
        removed=tuple(entry for entry in before if entry.id not in new),
        changed=tuple(changed),
    )


def _changes(old: Entry, new: Entry) -> tuple[str, ...]:
    """The names of what differs: fields of the item, dates, what its feed says of itself, categories, other copies."""
    own = [each.name for each in fields(Item) if getattr(old.item, each.name) != getattr(new.item, each.name)]
    names = ("published", "updated", "feed", "categories", "also_in")
    outer = [name.replace("_", " ") for name in names if getattr(old, name) != getattr(new, name)]
    return tuple(dict.fromkeys([*(name for name in own if name not in ("published", "updated", "categories")), *outer]))


def as_json(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """Differences for programs."""
    return [
        {
            "title": each.title,
            "files": list(each.files),
            "added": [_entry(entry) for entry in each.added],
            "removed": [_entry(entry) for entry in each.removed],
            "changed": [_entry(entry) | {"what": list(names)} for entry, names in each.changed],
        }
        for each in differences
    ]


def _entry(entry: Entry) -> dict[str, str]:
    return {"id": entry.id, "title": entry.item.title, "url": entry.item.url, "source": text.masked(entry.feed.title)}
