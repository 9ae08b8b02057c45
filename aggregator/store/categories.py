"""Categories and their folders. A category's folder is chosen once, is safe on any file system, and is never shared."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from itertools import chain, count
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from aggregator import text
from aggregator.matching import fold_path
from aggregator.model import CategoryPath
from aggregator.store.tables import category, file
from aggregator.store.values import dump_path, load_path, seconds

_ARCHIVE = re.compile(r"archive-[0-9]+")


def place(
    db: Connection, paths: Collection[CategoryPath], slugs: Mapping[CategoryPath, str], now: datetime
) -> Mapping[CategoryPath, int]:
    """The ids of these categories and of all above them, made where they are new, each with a folder of its own.

    Paths that differ in case or width alone have one id. What is there keeps its spelling; of a store that has twins
    from earlier days the older is used. New ones are placed in sorted order, those whose `slugs` the config gives
    first, so that the same config and posts give the same folders.
    """
    wanted = {path[:depth] for path in paths for depth in range(len(path) + 1)} | {()}
    rows = db.execute(select(category)).all()
    known = _by_fold(rows)
    taken = {row.folder.casefold() for row in rows}
    ids: dict[CategoryPath, int] = {}
    for path in sorted(wanted, key=lambda path: (len(path), path not in slugs, path)):
        folded = fold_path(path)
        if folded not in known:
            above = known[folded[:-1]] if path else None
            folder = _folder(path, above.folder, slugs.get(path, ""), taken) if above else ""
            spelled = (*load_path(above.path), path[-1]) if above else ()
            values = {"path": dump_path(spelled), "folder": folder, "created": seconds(now)}
            new = insert(category).values(values | {"revision": 0, "rendered": ""}).returning(category)
            known[folded] = db.execute(new).one()
            taken.add(folder.casefold())
        ids[path] = known[folded].id
    return ids


def known(db: Connection, paths: Collection[CategoryPath]) -> Mapping[CategoryPath, int]:
    """The ids of those of these categories that are there already."""
    rows = _by_fold(db.execute(select(category)).all()) if paths else {}
    return {path: rows[fold_path(path)].id for path in paths if fold_path(path) in rows}


def rename(db: Connection, slugs: Mapping[CategoryPath, str]) -> tuple[str, ...]:
    """Follow folder names that the config changed. Returns a line for each move; the old folder is left where it is."""
    moves = []
    for path, wish in sorted(slugs.items()):
        rows = db.execute(select(category)).all()
        known = _by_fold(rows)
        mine = known[fold_path(path)]
        old = mine.folder
        if not path or text.slug(wish) == old.rpartition("/")[2]:
            continue
        others = {row.folder.casefold() for row in rows if row.id != mine.id}
        new = _folder(path, known[fold_path(path[:-1])].folder, wish, others)
        if new == old:
            continue
        own = load_path(mine.path)
        for row in rows:
            if load_path(row.path)[: len(path)] == own:
                values = {"folder": new + row.folder[len(old) :], "rendered": "", "archives": ""}
                db.execute(update(category).where(category.c.id == row.id).values(values))
                db.execute(delete(file).where(file.c.category_id == row.id))
        moves.append(f"category {' / '.join(path)} has moved from {old}/ to {new}/; the old folder stays as it was")
    return tuple(moves)


def _by_fold(rows: Iterable[Row[Any]]) -> dict[CategoryPath, Row[Any]]:
    """Categories by their folded paths; of twins the oldest."""
    return {fold_path(load_path(row.path)): row for row in sorted(rows, key=lambda row: row.id, reverse=True)}


def bump(db: Connection, ids: Collection[int]) -> None:
    """Note that what these categories' documents show has changed."""
    every = sorted(ids)
    for start in range(0, len(every), 500):
        some = category.c.id.in_(every[start : start + 500])
        db.execute(update(category).where(some).values(revision=category.c.revision + 1))


def _folder(path: CategoryPath, parent: str, wish: str, taken: Collection[str]) -> str:
    """A folder below the parent's. Where two names would share one, the later gets a mark made from its name; so does
    one that is called as the folder of an archive document.
    """
    slug = text.slug(wish or path[-1])
    mark = hashlib.sha256("\0".join(path).encode("utf-8", "surrogatepass")).hexdigest()
    for end in chain(("", "-" + mark[:6]), (f"-{mark}-{number}" for number in count(1))):
        name = (slug + end).lstrip("-")
        folder = f"{parent}/{name}" if parent else name
        if name and folder.casefold() not in taken and not _ARCHIVE.fullmatch(name.casefold()):
            return folder
    raise AssertionError("there is always another number")
