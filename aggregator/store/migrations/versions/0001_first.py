"""The first tables: sources and their documents, items and their keys, stories, categories."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables and their indexes."""
    op.create_table(
        "meta",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "source",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("remote", sa.Boolean, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("categories", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("feed", sa.Text, nullable=False),
        sa.Column("last_visit", sa.BigInteger),
        sa.Column("last_success", sa.BigInteger),
        sa.Column("next_visit", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("warnings", sa.Text, nullable=False),
    )
    op.create_table(
        "document",
        sa.Column("source_id", sa.Integer, sa.ForeignKey("source.id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("last_modified", sa.Text, nullable=False),
        sa.Column("stamp", sa.Text, nullable=False),
    )
    op.create_table(
        "story",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("public_id", sa.Text, nullable=False, unique=True),
        sa.Column("item_id", sa.Integer),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("published", sa.BigInteger, nullable=False),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "item",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("source_id", sa.Integer, sa.ForeignKey("source.id"), nullable=False),
        sa.Column("story_id", sa.Integer, sa.ForeignKey("story.id")),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("published", sa.BigInteger),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("feed_updated", sa.BigInteger),
        sa.Column("edits", sa.Integer, nullable=False),
        sa.Column("removed", sa.BigInteger),
        sa.UniqueConstraint("source_id", "identity"),
    )
    op.create_table(
        "item_key",
        sa.Column("item_id", sa.Integer, sa.ForeignKey("item.id"), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("source_id", sa.Integer, nullable=False),
    )
    op.create_table(
        "category",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("path", sa.Text, nullable=False, unique=True),
        sa.Column("folder", sa.Text, nullable=False, unique=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("rendered", sa.Text, nullable=False),
    )
    op.create_table(
        "story_category",
        sa.Column("category_id", sa.Integer, sa.ForeignKey("category.id"), primary_key=True),
        sa.Column("story_id", sa.Integer, sa.ForeignKey("story.id"), primary_key=True),
        sa.Column("leaf", sa.Boolean, nullable=False),
        sa.Column("published", sa.BigInteger, nullable=False),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "pending",
        sa.Column("item_id", sa.Integer, sa.ForeignKey("item.id"), primary_key=True),
    )
    op.create_table(
        "waiting",
        sa.Column("item_id", sa.Integer, sa.ForeignKey("item.id"), primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_index("item_by_origin", "item", ["source_id", "origin"])
    op.create_index("ix_item_story_id", "item", ["story_id"])
    op.create_index("item_key_by_key", "item_key", ["key", "source_id"])
    op.create_index("story_category_newest", "story_category", ["category_id", "published", "first_seen"])
    op.create_index("story_category_by_story", "story_category", ["story_id"])
