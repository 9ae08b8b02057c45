"""What publishing has to remember: the files that were written, and which entries are in which archive document."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables of files and archives."""
    op.create_table(
        "file",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("category_id", sa.Integer, sa.ForeignKey("category.id"), nullable=False),
    )
    op.create_table(
        "archive",
        sa.Column("category_id", sa.Integer, sa.ForeignKey("category.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("rendered", sa.Text, nullable=False),
    )
    op.create_table(
        "archived",
        sa.Column("category_id", sa.Integer, sa.ForeignKey("category.id"), primary_key=True),
        sa.Column("story_id", sa.Integer, sa.ForeignKey("story.id"), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
    )
    op.create_index("archived_by_number", "archived", ["category_id", "number"])
    op.create_index("archived_by_story", "archived", ["story_id"])
