"""What is decided once for a store and then stays; and what of the config was in force when it was last settled."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, insert, select

from aggregator.store.tables import meta


def set_authority(db: Connection, base_url: str, now: datetime) -> str:
    """What the tag: URIs of this store begin with (RFC 4151 §2.1): `tag:HOST,YEAR:`, from its first run and then for
    ever, so that ids stay when the site moves to another address.
    """
    found: str | None = db.scalar(select(meta.c.value).where(meta.c.key == "authority"))
    if found is None:
        host = (urlsplit(base_url).hostname or "localhost").replace(":", "-")
        found = f"tag:{host},{now:%Y}:"
        db.execute(insert(meta).values(key="authority", value=found))
    return found


def authority(db: Connection) -> str:
    """What `set_authority` chose; a run sets it before it asks."""
    return str(db.scalar(select(meta.c.value).where(meta.c.key == "authority")))


def value(db: Connection, key: str) -> str:
    """What was said last; "" for what was never said."""
    return db.scalar(select(meta.c.value).where(meta.c.key == key)) or ""


def has_changed(db: Connection, key: str, new: str) -> bool:
    """Whether this value is another one than the last time; it is kept."""
    if new == value(db, key):
        return False
    db.execute(delete(meta).where(meta.c.key == key))
    db.execute(insert(meta).values(key=key, value=new))
    return True


def since(db: Connection, key: str, new: str, now: datetime) -> datetime:
    """Since when this value has been the same, as far as this was asked; `now` where it is another one."""
    before, _, stamp = value(db, key).rpartition("@")
    if before == new and stamp:
        return datetime.fromtimestamp(int(stamp), UTC)
    db.execute(delete(meta).where(meta.c.key == key))
    db.execute(insert(meta).values(key=key, value=f"{new}@{int(now.timestamp())}"))
    return now
