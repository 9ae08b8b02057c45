"""The files that we wrote, so that what is no longer wanted goes, and what is somebody else's stays."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, literal_column, select, update

from aggregator.store.engine import insert_new, portions
from aggregator.store.tables import file


def written(db: Connection) -> Mapping[int, frozenset[str]]:
    """The paths of our current documents below the output, by the number of the category that they are of. Those of
    archives, of which there may be very many, are not among them."""
    found: dict[int, set[str]] = {}
    for row in db.execute(select(file.c.category_id, file.c.path).where(literal_column("file.archive = 0"))):
        found.setdefault(row.category_id, set()).add(row.path)
    return {number: frozenset(paths) for number, paths in found.items()}


def archived(db: Connection, category_id: int, number: int | None = None) -> Mapping[int, frozenset[str]]:
    """The paths of our files of a category's archives, or of one of them, by their numbers."""
    wanted = select(file.c.archive, file.c.path).where(file.c.category_id == category_id)
    found: dict[int, set[str]] = {}
    for row in db.execute(wanted.where(file.c.archive > 0 if number is None else file.c.archive == number)):
        found.setdefault(row.archive, set()).add(row.path)
    return {number: frozenset(paths) for number, paths in found.items()}


def after(db: Connection, path: str, limit: int) -> Sequence[tuple[str, int]]:
    """Our files of archives whose paths come after this one, each with the number of its category, in order."""
    wanted = select(file.c.path, file.c.category_id).where(file.c.path > path, file.c.archive > 0)
    return [(row.path, row.category_id) for row in db.execute(wanted.order_by(file.c.path).limit(limit))]


def owners(db: Connection, paths: Collection[str]) -> Mapping[str, int]:
    """The numbers of the categories that files of ours are of, by their paths."""
    found: dict[str, int] = {}
    for some in portions(sorted(paths)):
        rows = db.execute(select(file.c.path, file.c.category_id).where(file.c.path.in_(some)))
        found |= {row[0]: row[1] for row in rows}
    return found


def sent(db: Connection, paths: Collection[str]) -> Mapping[str, str]:
    """What was sent of files of ours to an object store, by their paths: a print of ours and the ETag."""
    found: dict[str, str] = {}
    for some in portions(sorted(paths)):
        rows = db.execute(select(file.c.path, file.c.sent).where(file.c.path.in_(some), file.c.sent != ""))
        found |= {row[0]: row[1] for row in rows}
    return found


def note_sent(db: Connection, sent: Mapping[str, str]) -> None:
    """Note what was sent of files of ours."""
    if sent:
        rows = [{"of": path, "now": what} for path, what in sorted(sent.items())]
        db.execute(update(file).where(file.c.path == bindparam("of")).values(sent=bindparam("now")), rows)


def every(db: Connection) -> Sequence[str]:
    """The paths of all our files."""
    return db.scalars(select(file.c.path)).all()


def claim(db: Connection, category_id: int, paths: Mapping[str, int]) -> None:
    """Note files of a category as ours, before they are written, each with the number of its archive (0: current)."""
    if paths:
        rows = [{"path": path, "category_id": category_id, "archive": number} for path, number in sorted(paths.items())]
        db.execute(insert_new(db, file), rows)


def forget(db: Connection, paths: Collection[str]) -> None:
    """Files are no longer ours."""
    for some in portions(sorted(paths)):
        db.execute(delete(file).where(file.c.path.in_(some)))
