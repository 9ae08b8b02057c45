"""Which sources are one worker's business at a time, where several share the work."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the shard; the next run that brings the store in line with the config fills it."""
    op.add_column("source", sa.Column("shard", sa.Integer, nullable=False, server_default="0"))
    op.create_index("source_by_shard", "source", ["shard", "next_visit"])
