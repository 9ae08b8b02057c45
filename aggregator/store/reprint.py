"""The prints and keys of what is stored, made anew where a newer version makes them otherwise.

Without that all stored items would look edited to it, and those without guid and link new.
"""

from sqlalchemy import Connection, func, select, update

from aggregator.identity import PRINTS, signs
from aggregator.model import Item, Progress
from aggregator.store import meta
from aggregator.store.items import save_keys
from aggregator.store.tables import item
from aggregator.store.values import load

_PORTION = 500


def reprint(db: Connection, progress: Progress = lambda *_: None) -> None:
    """Make words, digests and keys of all items anew, once for each version of how they are made."""
    if not meta.has_changed(db, "prints", PRINTS):
        return
    last = done = 0
    total = db.scalar(select(func.count()).select_from(item).where(item.c.data != "{}")) or 0
    query = select(item.c.id, item.c.source_id, item.c.data).where(item.c.data != "{}").order_by(item.c.id)
    while rows := db.execute(query.where(item.c.id > last).limit(_PORTION)).all():
        for row in rows:
            own = signs(load(Item, row.data))
            db.execute(update(item).where(item.c.id == row.id).values(words=own.words, digest=own.digest))
            save_keys(db, row.source_id, row.id, own.keys)
        last = rows[-1].id
        done += len(rows)
        progress(done, total, "updating", "")
