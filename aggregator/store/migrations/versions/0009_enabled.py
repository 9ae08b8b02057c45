"""Sources that their owner has switched off: not visited, but as much there as ever."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """All are on."""
    op.add_column("source", sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()))
