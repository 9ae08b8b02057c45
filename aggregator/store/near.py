"""Entries of several sources that read nearly the same, when the owner wants them to be one story.

Their keys are kept for as long as others may be joined to them, and only while the option is on.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, exists, insert, select

from aggregator.model import Item
from aggregator.store import meta
from aggregator.store.engine import insert_new
from aggregator.store.showing import Sight
from aggregator.store.tables import item, item_key, pending
from aggregator.store.values import load, seconds

_APART = timedelta(days=7)
_ANY = (item_key.c.key >= "near:") & (item_key.c.key < "near;")


def switch(db: Connection, now: datetime, *, on: bool) -> None:
    """Follow the option, and forget the keys that nobody may be joined by any more."""
    recent = select(item.c.id).where(item.c.first_seen >= seconds(now - _APART))
    if meta.has_changed(db, "near", "on" if on else ""):
        db.execute(delete(item_key).where(_ANY))
        if on:
            db.execute(insert_new(db, pending).from_select(["item_id"], recent.where(item.c.removed.is_(None))))
    elif on:
        old = exists().where(item.c.id == item_key.c.item_id, item.c.first_seen < seconds(now - _APART))
        db.execute(delete(item_key).where(_ANY, old))


def remember(db: Connection, ids: Sequence[int], now: datetime) -> None:
    """Give pending items their keys anew, as their texts may have changed."""
    from aggregator import similarity, text

    db.execute(delete(item_key).where(_ANY, item_key.c.item_id.in_(ids)))
    live = select(item.c.id, item.c.source_id, item.c.data).where(item.c.id.in_(ids), item.c.removed.is_(None))
    rows = []
    for row in db.execute(live.where(item.c.first_seen >= seconds(now - _APART))):
        came = load(Item, row.data)
        print_ = similarity.fingerprint(text.plain(came.content) or came.summary)
        keys = similarity.keys(print_) if print_ is not None else ()
        rows += [{"item_id": row.id, "source_id": row.source_id, "key": key} for key in keys]
    if rows:
        db.execute(insert(item_key), rows)


def story_of(db: Connection, each: Sight, keys: Sequence[str]) -> int | None:
    """The story whose text is nearest to that of an item; of several the oldest.

    It has to be near, of the same days, and without a copy of the item's source.
    """
    from aggregator import similarity

    print_ = similarity.of_keys(keys)
    if print_ is None:
        return None
    band, twin = item_key.alias(), item.alias()
    meets = exists().where(band.c.item_id == item.c.id, band.c.key.in_(similarity.keys(print_)))
    mine = exists().where(
        twin.c.story_id == item.c.story_id, twin.c.source_id == each.source_id, twin.c.removed.is_(None)
    )
    found = select(item.c.story_id, item.c.first_seen, item_key.c.key, item.c.id)
    found = found.join(item_key, item_key.c.item_id == item.c.id)
    found = found.where(_ANY, meets, item.c.story_id.is_not(None), item.c.removed.is_(None), ~mine)
    others: dict[tuple[int, int, int], list[str]] = {}
    for row in db.execute(found):
        if abs(row.first_seen - each.first_seen) <= _APART.total_seconds():
            others.setdefault((row.first_seen, row.story_id, row.id), []).append(row.key)
    near = []
    for (first_seen, story_id, _), bands_ in others.items():
        other = similarity.of_keys(bands_)
        if other is not None and (apart := similarity.distance(print_, other)) <= similarity.NEAR:
            near.append((apart, first_seen, story_id))
    return min(near)[2] if near else None
