"""The tables. Moments are whole seconds since 1970 in UTC; values of the model are JSON.

`pending` names the items whose story has to be looked at again, `waiting` the posts whose day has not come; both are
written in the transaction that makes them true, so that a crash forgets nothing. Of an item, `edits` counts the changes
of its words and `edited` is the last one; `why` says why it was `removed`; `seen` is when upstream listed it last after
that, `missing` since when a feed no longer lists what it should. Of a source, `seconds` is what its last visit took on
its host, `identity` what was learned about telling its entries apart, `warnings` those of each document by its name,
`rules` the print of the rules in force. Of a story, `also` are the pages of its other copies, each with its source's
title, as JSON.

Health is data as well. Of a source, `rhythm` is when it posts (what the schedule learned), `state` how it stands since
`state_since` (see health), `newest` the day of its newest entry and `patience` after how many days without another it
is quiet, and the totals of its visits: `visits`, `requests`, `unchanged` (304 and documents sent
again), bytes `received` and `saved`; `size` is that of the last full document. `visit` is the log of the last visits,
`day` the sums of each day (its number since 1970, UTC; new entries on the day of their date), `traffic` those of each
hour by status (0: no answer), `run` the last runs, `incident` each change of a source's state that an owner wants to
hear of, `hub` the WebSub subscription of a source.

`file` names what we wrote, by its path below the output, with the number of its `archive`, 0 for what is in none;
`sent` is what an object store was sent of it: a print of ours, a space, its ETag.
`archived` says which archive document of a category a story is in, also while it is not published; what is in none is
`open`. Of an `archive`, `rendered` is the state in which its documents were written, `holds` a print of what it shows;
`due` says that this may have changed since. Of a category, `archives` is the state in which all of them were looked at.

What a run asks is answered by the least of it, however much there is: so there are indexes of what is open, due and
missing alone. `entries` and `newest_entry` of a source are counted when somebody asks, None when they are to be again.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy import Integer as _Integer

metadata = MetaData()

Integer = _Integer().with_variant(BigInteger(), "postgresql")  # SQLite numbers rows by this type alone


def _some(name: str, which: str, *columns: str) -> Index:
    """An index of some rows alone. That of PostgreSQL is in the migrations: to name it here would load its dialect."""
    return Index(name, *columns, sqlite_where=text(which))


meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

source = Table(
    "source",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("remote", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("title", Text, nullable=False),
    Column("categories", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("feed", Text, nullable=False),
    Column("last_visit", BigInteger),
    Column("last_success", BigInteger),
    Column("next_visit", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("warnings", Text, nullable=False),
    Column("hints", Text, nullable=False, server_default="{}"),
    Column("gone_since", BigInteger),
    Column("gone", Boolean, nullable=False, server_default=false()),
    Column("move", Text, nullable=False, server_default=""),
    Column("seconds", Float),
    Column("identity", Text, nullable=False, server_default=""),
    Column("rules", Text, nullable=False, server_default=""),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("rhythm", Text, nullable=False, server_default=""),
    Column("state", Text, nullable=False, server_default=""),
    Column("state_since", BigInteger),
    Column("newest", BigInteger),
    Column("patience", Integer),
    Column("visits", Integer, nullable=False, server_default="0"),
    Column("requests", Integer, nullable=False, server_default="0"),
    Column("unchanged", Integer, nullable=False, server_default="0"),
    Column("received", BigInteger, nullable=False, server_default="0"),
    Column("saved", BigInteger, nullable=False, server_default="0"),
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column("entries", Integer),
    Column("newest_entry", BigInteger),
    Column("shard", Integer, nullable=False, server_default="0"),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Index("source_by_next_visit", "next_visit"),
    Index("source_by_shard", "shard", "next_visit"),
)

host = Table(
    "host",
    metadata,
    Column("name", Text, primary_key=True),
    Column("last_request", BigInteger),
    Column("not_before", BigInteger),
    Column("reason", Text, nullable=False),
    Column("pauses", Integer, nullable=False),
)

document = Table(
    "document",
    metadata,
    Column("source_id", Integer, ForeignKey("source.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("etag", Text, nullable=False),
    Column("last_modified", Text, nullable=False),
    Column("stamp", Text, nullable=False),
    Column("url", Text, nullable=False, server_default=""),
    Column("print", Text, nullable=False, server_default=""),
    Column("entries", LargeBinary),
)

story = Table(
    "story",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("public_id", Text, nullable=False, unique=True),
    Column("item_id", Integer),
    Column("digest", Text, nullable=False),
    Column("published", BigInteger, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("also", Text, nullable=False, server_default="[]"),
)

item = Table(
    "item",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", Integer, ForeignKey("source.id"), nullable=False),
    Column("story_id", Integer, ForeignKey("story.id"), index=True),
    Column("identity", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("published", BigInteger),
    Column("first_seen", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("feed_updated", BigInteger),
    Column("edits", Integer, nullable=False),
    Column("removed", BigInteger),
    Column("edited", BigInteger),
    Column("why", Text, nullable=False, server_default=""),
    Column("seen", BigInteger),
    Column("missing", BigInteger),
    UniqueConstraint("source_id", "identity"),
    Index("item_by_origin", "source_id", "origin"),
    Index("item_by_age", "source_id", "removed", "published", "first_seen"),
    _some("item_missing", "missing IS NOT NULL", "source_id", "missing"),
)

item_key = Table(
    "item_key",
    metadata,
    Column("item_id", Integer, ForeignKey("item.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("source_id", Integer, nullable=False),
    Index("item_key_by_key", "key", "source_id"),
)

category = Table(
    "category",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False, unique=True),
    Column("folder", Text, nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("rendered", Text, nullable=False),
    Column("archives", Text, nullable=False, server_default=""),
)

story_category = Table(
    "story_category",
    metadata,
    Column("category_id", Integer, ForeignKey("category.id"), primary_key=True),
    Column("story_id", Integer, ForeignKey("story.id"), primary_key=True),
    Column("leaf", Boolean, nullable=False),
    Column("published", BigInteger, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("open", Boolean, nullable=False, server_default=true()),
    Index("story_category_newest", "category_id", "published", "first_seen"),
    _some("story_category_open", "open", "category_id", "published", "first_seen", "story_id"),
    Index("story_category_by_story", "story_id"),
)

pending = Table("pending", metadata, Column("item_id", Integer, ForeignKey("item.id"), primary_key=True))

waiting = Table(
    "waiting",
    metadata,
    Column("item_id", Integer, ForeignKey("item.id"), primary_key=True),
    Column("until", BigInteger, nullable=False),
)

file = Table(
    "file",
    metadata,
    Column("path", Text, primary_key=True),
    Column("category_id", Integer, ForeignKey("category.id"), nullable=False),
    Column("archive", Integer, nullable=False, server_default="0"),
    Column("sent", Text, nullable=False, server_default=""),
    Index("file_by_archive", "category_id", "archive"),
    _some("file_current", "archive = 0", "category_id", "path"),
)

archive = Table(
    "archive",
    metadata,
    Column("category_id", Integer, ForeignKey("category.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("rendered", Text, nullable=False),
    Column("holds", Text, nullable=False, server_default=""),
    Column("due", Boolean, nullable=False, server_default=true()),
    _some("archive_due", "due", "category_id", "number"),
    _some("archive_live", "holds <> ''", "category_id", "number"),
)

archived = Table(
    "archived",
    metadata,
    Column("category_id", Integer, ForeignKey("category.id"), primary_key=True),
    Column("story_id", Integer, ForeignKey("story.id"), primary_key=True),
    Column("number", Integer, nullable=False),
    Index("archived_by_number", "category_id", "number"),
    Index("archived_by_story", "story_id"),
)

visit = Table(
    "visit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", Integer, ForeignKey("source.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("new", Integer, nullable=False),
    Column("edited", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("next_visit", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Index("visit_by_source", "source_id", "id"),
)

day = Table(
    "day",
    metadata,
    Column("source_id", Integer, ForeignKey("source.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("visits", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("new", Integer, nullable=False),
    Index("day_by_number", "number"),
)

traffic = Table(
    "traffic",
    metadata,
    Column("hour", Integer, primary_key=True),
    Column("status", Integer, primary_key=True),
    Column("requests", Integer, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("saved", BigInteger, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("by", Text, nullable=False),
    Column("visits", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("new", Integer, nullable=False),
    Column("written", Integer, nullable=False),
    Column("problems", Text, nullable=False),
)

incident = Table(
    "incident",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", Integer, ForeignKey("source.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("before", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("incident_by_source", "source_id", "id"),
)

hub = Table(
    "hub",
    metadata,
    Column("source_id", Integer, ForeignKey("source.id"), primary_key=True),
    Column("hub", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("token", Text, nullable=False, unique=True),
    Column("secret", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("since", BigInteger),
    Column("until", BigInteger),
    Column("delivered", BigInteger),
    Column("failures", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("ignored", Integer, nullable=False),
)
