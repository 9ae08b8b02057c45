"""What a run writes below the output: documents that are ours, over files that are; what is somebody else's stays."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from aggregator.config import Config
from aggregator.documents import Rendered
from aggregator.errors import AggregatorError
from aggregator.formats import chosen, find
from aggregator.publish import holds, is_foreign, is_there, remove, settle, write
from aggregator.store import files, meta
from aggregator.store.channels import Place
from aggregator.store.engine import writing


@dataclass(frozen=True, slots=True)
class Output:
    """Where a run writes. `ours` are the paths of our files by the number of their category, as the run found them.

    `missing` are those of them that are not there. With `dry` nothing is written, and the rest is as if it were.
    """

    engine: Engine
    folder: Path
    ours: Mapping[int, frozenset[str]]
    missing: frozenset[str]
    dry: bool


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it: `paths` were written, `problems` has a line for each document that was not."""

    paths: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __add__(self, other: "Written") -> "Written":
        return Written(self.paths + other.paths, self.problems + other.problems)


def opened(engine: Engine, config: Config, places: Sequence[Place], *, dry: bool) -> Output:
    """The output as it is. What we wrote for a category into another folder, before it moved, is left as it is; what
    stands where it was written before we kept account of files, or the whole output was moved, and names us, is ours.
    """
    folders = {place.id: place.folder for place in places}
    with writing(engine) as db:
        if meta.has_changed(db, "output", config.site.output):
            elsewhere = {path for paths in files.written(db).values() for path in paths}
            files.forget(db, [path for path in elsewhere if not _is_marked(config.output / path)])
        written = files.written(db)
        left = [path for number, paths in written.items() for path in paths if not _below(path, folders[number])]
        files.forget(db, left)
        unknown = [place for place in places if place.rendered and place.id not in written]
        for place in unknown:
            files.claim(db, place.id, _marked(config, place))
        written = files.written(db) if unknown else written
    ours = {number: paths.difference(left) for number, paths in written.items()}
    missing = {path for paths in ours.values() for path in paths if not is_there(config.output / path)}
    return Output(engine, config.output, ours, frozenset(missing), dry)


def put(output: Output, category_id: int, rendered: Rendered) -> Written:
    """Write the documents of a category where the bytes differ; no compressed copy of what could not be written."""
    problems: list[str] = list(rendered.problems)
    failed: set[str] = set()
    for path, data in rendered.documents.items():
        if why := _hindrance(output, category_id, path, data):
            problems.append(f"{output.folder / path}: {why}")
            failed.add(path)
    fine = {path: data for path, data in rendered.documents.items() if not {path, path.removesuffix(".gz")} & failed}
    with writing(output.engine) as db:
        files.claim(db, category_id, fine.keys() - output.ours.get(category_id, frozenset()))
    written = []
    for path, data in fine.items():
        if path.removesuffix(".gz") in failed:
            continue
        try:
            if not holds(output.folder / path, data) if output.dry else write(output.folder / path, data):
                written.append(path)
        except AggregatorError as error:
            problems.append(str(error))
            failed.add(path)
    for folder in {} if output.dry else {(output.folder / path).parent: None for path in written}:
        try:
            settle(folder)
        except AggregatorError as error:
            problems.append(str(error))
    return Written(tuple(written), tuple(problems))


def discard(output: Output, category_id: int, wanted: Iterable[str]) -> tuple[tuple[str, ...], Written]:
    """Remove the files of a category that are not `wanted` any more: their paths, and a problem for each that stays."""
    unwanted = sorted(output.ours.get(category_id, frozenset()).difference(wanted))
    left = remove(output.folder, unwanted) if not output.dry else {}
    gone = [path for path in unwanted if path not in left]
    if gone:
        with writing(output.engine) as db:
            files.forget(db, gone)
    return tuple(gone), Written(problems=tuple(left.values()))


def _hindrance(output: Output, category_id: int, path: str, data: bytes) -> str:
    """Why a document must not take its place, or ""."""
    if path in output.ours.get(category_id, ()):
        return ""
    if any(path in paths for paths in output.ours.values()):
        return "is a document of another category; give one of them another `slug`"
    if is_foreign(output.folder / path, data):
        return "was not written by aggregator; move it away, or choose another `output`"
    return ""


def _marked(config: Config, place: Place) -> list[str]:
    """The documents of a category that are there and name us."""
    names = [find(name).FILENAME for name in chosen(config.site.formats, place.path)]
    paths = ["/".join(filter(None, (place.folder, name))) for name in names if name]
    return [path for path in paths if _is_marked(config.output / path)]


def _is_marked(path: Path) -> bool:
    return is_there(path) and not is_foreign(path, b"")


def _below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")
