"""Categories and their folders. A category's folder is chosen once, is safe on any file system, and is never shared."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import chain, count

from sqlalchemy import Connection, insert, select, update

from aggregator import text
from aggregator.model import CategoryPath
from aggregator.store.tables import category
from aggregator.store.values import dump_path, load_path, seconds


def place(
    db: Connection, paths: Collection[CategoryPath], slugs: Mapping[CategoryPath, str], now: datetime
) -> Mapping[CategoryPath, int]:
    """The ids of these categories and of all above them, made where they are new, each with a folder of its own.

    New ones are placed in sorted order, those whose `slugs` the config gives first, so that the same config and posts
    give the same folders.
    """
    wanted = {path[:depth] for path in paths for depth in range(len(path) + 1)} | {()}
    rows = db.execute(select(category)).all()
    ids = {load_path(row.path): row.id for row in rows}
    folders = {load_path(row.path): row.folder for row in rows}
    taken = {row.folder.casefold() for row in rows}
    for path in sorted(wanted - ids.keys(), key=lambda path: (len(path), path not in slugs, path)):
        folder = _folder(path, folders[path[:-1]], slugs.get(path, ""), taken) if path else ""
        values = {"path": dump_path(path), "folder": folder, "created": seconds(now), "revision": 0, "rendered": ""}
        ids[path] = db.execute(insert(category).values(values).returning(category.c.id)).scalar_one()
        folders[path] = folder
        taken.add(folder.casefold())
    return ids


def rename(db: Connection, slugs: Mapping[CategoryPath, str]) -> tuple[str, ...]:
    """Follow folder names that the config changed. Returns a line for each move; the old folder is left where it is."""
    moves = []
    for path, wish in sorted(slugs.items()):
        rows = {load_path(row.path): row for row in db.execute(select(category))}
        old = rows[path].folder
        if not path or text.slug(wish) == old.rpartition("/")[2]:
            continue
        others = {row.folder.casefold() for other, row in rows.items() if other != path}
        new = _folder(path, rows[path[:-1]].folder, wish, others)
        if new == old:
            continue
        for below, row in rows.items():
            if below[: len(path)] == path:
                values = {"folder": new + row.folder[len(old) :], "rendered": ""}
                db.execute(update(category).where(category.c.id == row.id).values(values))
        moves.append(f"category {' / '.join(path)} has moved from {old}/ to {new}/; the old folder stays as it was")
    return tuple(moves)


def bump(db: Connection, ids: Collection[int]) -> None:
    """Note that what these categories' documents show has changed."""
    every = sorted(ids)
    for start in range(0, len(every), 500):
        some = category.c.id.in_(every[start : start + 500])
        db.execute(update(category).where(some).values(revision=category.c.revision + 1))


def _folder(path: CategoryPath, parent: str, wish: str, taken: Collection[str]) -> str:
    """A folder below the parent's. Where two names would share one, the later gets a mark made from its name."""
    slug = text.slug(wish or path[-1])
    mark = hashlib.sha256("\0".join(path).encode("utf-8", "surrogatepass")).hexdigest()
    for end in chain(("", "-" + mark[:6]), (f"-{mark}-{number}" for number in count(1))):
        name = (slug + end).lstrip("-")
        folder = f"{parent}/{name}" if parent else name
        if name and folder.casefold() not in taken:
            return folder
    raise AssertionError("there is always another number")
