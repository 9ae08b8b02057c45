"""What politeness has to remember: hosts that want silence, publishers' hints, redirects, feeds that are gone,
and which address gave the validators."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add a table of hosts and four columns of sources."""
    op.create_table(
        "host",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("last_request", sa.BigInteger),
        sa.Column("not_before", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("pauses", sa.Integer, nullable=False),
    )
    op.add_column("document", sa.Column("url", sa.Text, nullable=False, server_default=""))
    op.add_column("source", sa.Column("hints", sa.Text, nullable=False, server_default="{}"))
    op.add_column("source", sa.Column("gone_since", sa.BigInteger))
    op.add_column("source", sa.Column("gone", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("source", sa.Column("move", sa.Text, nullable=False, server_default=""))
