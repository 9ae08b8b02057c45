"""What is decided once for a store and then stays."""

from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection, insert, select

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
