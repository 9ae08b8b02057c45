"""What recognising entries has to remember: how a source's are told apart, edits, and what was removed and why; and how
long a source's server took to answer, and the print of what it sent."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns to sources, documents, stories and items."""
    op.add_column("source", sa.Column("seconds", sa.Float))
    op.add_column("source", sa.Column("identity", sa.Text, nullable=False, server_default=""))
    op.add_column("source", sa.Column("rules", sa.Text, nullable=False, server_default=""))
    op.add_column("source", sa.Column("priority", sa.Integer, nullable=False, server_default="0"))
    op.add_column("document", sa.Column("print", sa.Text, nullable=False, server_default=""))
    op.add_column("story", sa.Column("also", sa.Text, nullable=False, server_default="[]"))
    op.add_column("item", sa.Column("edited", sa.BigInteger))
    op.add_column("item", sa.Column("why", sa.Text, nullable=False, server_default=""))
    op.add_column("item", sa.Column("seen", sa.BigInteger))
    op.add_column("item", sa.Column("missing", sa.BigInteger))
    op.create_index("item_by_age", "item", ["source_id", "removed", "published", "first_seen"])
