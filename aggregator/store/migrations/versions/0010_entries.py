"""The prints of the entries of each document, so that those that stay as they were are not cleaned again."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """None is known until a document is read again."""
    op.add_column("document", sa.Column("entries", sa.LargeBinary))
