"""The files that we wrote, so that what is no longer wanted goes, and what is somebody else's stays."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, select

from aggregator.store.engine import insert_new, portions
from aggregator.store.tables import file


def written(db: Connection) -> Mapping[int, frozenset[str]]:
    """The paths of our files below the output, by the number of the category that they are of."""
    found: dict[int, set[str]] = {}
    for row in db.execute(select(file)):
        found.setdefault(row.category_id, set()).add(row.path)
    return {number: frozenset(paths) for number, paths in found.items()}


def claim(db: Connection, category_id: int, paths: Collection[str]) -> None:
    """Note files as ours, before they are written."""
    if paths:
        rows = [{"path": path, "category_id": category_id} for path in sorted(paths)]
        db.execute(insert_new(db, file), rows)


def forget(db: Connection, paths: Collection[str]) -> None:
    """Files are no longer ours."""
    for some in portions(sorted(paths)):
        db.execute(delete(file).where(file.c.path.in_(some)))
