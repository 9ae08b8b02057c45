"""What was sent of a file to an object store, so that the same is not sent twice and what is another's is known."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Nothing was sent anywhere."""
    op.add_column("file", sa.Column("sent", sa.Text, nullable=False, server_default=""))
