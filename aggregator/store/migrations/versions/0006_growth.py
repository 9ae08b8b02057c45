"""What spares a run a look at all that is stored: which entries are in no archive, which archives have changed."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add what is asked for in place of counts and comparisons, and fill it by what is there."""
    for table, column in (
        ("source", sa.Column("entries", sa.Integer)),
        ("source", sa.Column("newest_entry", sa.BigInteger)),
        ("category", sa.Column("archives", sa.Text, nullable=False, server_default="")),
        ("story_category", sa.Column("open", sa.Boolean, nullable=False, server_default=sa.true())),
        ("file", sa.Column("archive", sa.Integer, nullable=False, server_default="0")),
        ("archive", sa.Column("holds", sa.Text, nullable=False, server_default="")),
        ("archive", sa.Column("due", sa.Boolean, nullable=False, server_default=sa.true())),
    ):
        op.add_column(table, column)
    op.execute(
        "UPDATE story_category SET open = false WHERE EXISTS (SELECT 1 FROM archived"
        " WHERE archived.category_id = story_category.category_id AND archived.story_id = story_category.story_id)"
    )
    _number_files()
    op.create_index("file_by_archive", "file", ["category_id", "archive"])
    for name, table, columns, which in (
        ("item_missing", "item", ["source_id", "missing"], "missing IS NOT NULL"),
        ("story_category_open", "story_category", ["category_id", "published", "first_seen", "story_id"], "open"),
        ("file_current", "file", ["category_id", "path"], "archive = 0"),
        ("archive_due", "archive", ["category_id", "number"], "due"),
        ("archive_live", "archive", ["category_id", "number"], "holds <> ''"),
    ):
        op.create_index(name, table, columns, sqlite_where=sa.text(which), postgresql_where=sa.text(which))


def _number_files() -> None:
    """The number of a file's archive is in its path, below the folder of its category."""
    db = op.get_bind()
    rows = db.execute(sa.text("SELECT file.path, folder FROM file JOIN category ON category.id = category_id")).all()
    named = ((row.path, re.match(r"archive-([0-9]+)/", row.path.removeprefix(f"{row.folder}/"))) for row in rows)
    numbered = [{"of": path, "number": int(found[1])} for path, found in named if found]
    if numbered:
        db.execute(sa.text("UPDATE file SET archive = :number WHERE path = :of"), numbered)
