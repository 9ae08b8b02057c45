"""What a run writes below the output: documents that are ours, over files that are; what is somebody else's stays."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine

from aggregator import target
from aggregator.config import Config
from aggregator.formats import chosen, find
from aggregator.objects import Bucket
from aggregator.store import files, meta
from aggregator.store.channels import Place
from aggregator.store.engine import reading, writing
from aggregator.target import Target, address, holds, is_foreign, is_there, marked, remove, settle, write_all

if TYPE_CHECKING:
    from aggregator.documents import Rendered

_SHARE = 1000  # documents of archives that a run looks for; a look at each of 100,000 would take seconds


@dataclass(frozen=True, slots=True)
class Output:
    """Where a run writes. `ours` are the paths of our current documents by the number of their category, as the run
    found them; those of archives are asked for where they are needed.

    `lacking` are the categories with a file that is not there, as far as files were looked for. With `dry` nothing is
    written, and the rest is as if it were.
    """

    engine: Engine
    target: Target
    ours: Mapping[int, frozenset[str]]
    lacking: frozenset[int]
    dry: bool


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it: `paths` were written, `problems` has a line for each document that was not."""

    paths: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __add__(self, other: "Written") -> "Written":
        return Written(self.paths + other.paths, self.problems + other.problems)


def opened(engine: Engine, config: Config, places: Sequence[Place], *, dry: bool) -> Output:
    """The output as it is. What stands where it was written before we kept account of files, or the whole output was
    moved, and names us, is ours.

    All current documents are looked for, and of those of archives some, a run's share of them in turn.
    """
    goal = target.opened(config)
    with writing(engine) as db:
        if meta.has_changed(db, "output", config.site.output):
            kept = files.every(db)
            _recall(db, goal, kept)
            files.forget(db, set(kept) - set(marked(goal, kept)))
        ours = files.written(db)
        unknown = [place for place in places if place.rendered and place.id not in ours]
        for place in unknown:
            files.claim(db, place.id, dict.fromkeys(_marked(config, goal, place), 0))
        ours = files.written(db) if unknown else ours
        looked = [*_share(db), *((path, number) for number, paths in ours.items() for path in paths)]
    lacking = {number for path, number in looked if not is_there(goal, path)}
    return Output(engine, goal, ours, frozenset(lacking), dry)


def _share(db: Connection) -> Sequence[tuple[str, int]]:
    """The documents of archives that it is the turn of, each with its category; all where they are few."""
    last = meta.value(db, "looked for")
    some = files.after(db, last, _SHARE)
    if last and len(some) < _SHARE:
        some = [*some, *(each for each in files.after(db, "", _SHARE - len(some)) if each[0] <= last)]
    meta.has_changed(db, "looked for", some[-1][0] if len(some) == _SHARE else "")
    return some


def put(output: Output, category_id: int, rendered: "Mapping[int, Rendered]") -> Mapping[int, Written]:
    """Write documents of a category where the bytes differ, 0 the current ones, others of the archive of this number;
    no compressed copy of what could not be written. Returns what came of each."""
    documents = {path: data for each in rendered.values() for path, data in each.documents.items()}
    ours = output.ours.get(category_id, frozenset())
    with writing(output.engine) as db:
        _recall(db, output.target, documents)
        owners = {**dict.fromkeys(ours, category_id), **files.owners(db, documents.keys() - ours)}
        hindered = {
            path: why
            for path, data in documents.items()
            if (why := _hindrance(output, owners.get(path), category_id, path, data))
        }
        fine = documents.keys() - {each for path in hindered for each in (path, f"{path}.gz")}
        new = {path: number for number, each in rendered.items() for path in each.documents}
        files.claim(db, category_id, {path: new[path] for path in fine - owners.keys()})
    done = _put(output, rendered, hindered)
    if isinstance(output.target, Bucket):
        sent = output.target.known.sent
        with writing(output.engine) as db:
            files.note_sent(db, {path: sent[path] for each in done.values() for path in each.paths if path in sent})
    return done


def _put(output: Output, rendered: "Mapping[int, Rendered]", hindered: Mapping[str, str]) -> Mapping[int, Written]:
    """Write documents but for those that are `hindered`, with the reasons; all together, as that takes less time."""
    held = {each for path in hindered for each in (path, f"{path}.gz")}
    fine = {path: data for each in rendered.values() for path, data in each.documents.items() if path not in held}
    if output.dry:
        done = {path: (not holds(output.target, path, data), "") for path, data in fine.items()}
        return {number: _written(output, each, hindered, done, {}) for number, each in rendered.items()}
    done = write_all(output.target, fine)
    # also for what was there: who wrote it may have been killed before its name was on the disk
    unsettled = settle(output.target, [path for path, (_, why) in done.items() if not why])
    return {number: _written(output, each, hindered, done, unsettled) for number, each in rendered.items()}


def _written(
    output: Output,
    rendered: "Rendered",
    hindered: Mapping[str, str],
    done: Mapping[str, tuple[bool, str]],
    unsettled: Mapping[str, str],
) -> Written:
    """What came of documents: those that were hindered, `done`, and `unsettled`."""
    mine = [path for path in rendered.documents if path in done]
    hindrances = [
        f"{address(output.target, path)}: {hindered[path]}" for path in rendered.documents if path in hindered
    ]
    failures = [done[path][1] for path in mine if done[path][1]]
    lost = dict.fromkeys(unsettled[path] for path in mine if path in unsettled)
    return Written(tuple(path for path in mine if done[path][0]), (*rendered.problems, *hindrances, *failures, *lost))


def discard(output: Output, paths: Iterable[str]) -> tuple[tuple[str, ...], Written]:
    """Remove files of ours that are not wanted any more: their paths, and a problem for each that stays."""
    unwanted = sorted(paths)
    if isinstance(output.target, Bucket) and unwanted:
        with reading(output.engine) as db:
            _recall(db, output.target, unwanted)
    left = remove(output.target, unwanted) if not output.dry else {}
    gone = [path for path in unwanted if path not in left]
    if gone:
        with writing(output.engine) as db:
            files.forget(db, gone)
    return tuple(gone), Written(problems=tuple(left.values()))


def _hindrance(output: Output, owner: int | None, category_id: int, path: str, data: bytes) -> str:
    """Why a document must not take its place, which is its `owner`'s, or ""."""
    if owner == category_id:
        return ""
    if owner is not None:
        return "is a document of another category; give one of them another `slug`"
    if is_foreign(output.target, path, data):
        return "was not written by aggregator; move it away, or choose another `output`"
    return ""


def _marked(config: Config, goal: Target, place: Place) -> Collection[str]:
    """The documents of a category that are there and name us."""
    names = [find(name).FILENAME for name in chosen(config.site.formats, place.path)]
    paths = ["/".join(filter(None, (place.folder, name))) for name in names if name]
    return marked(goal, paths)


def _recall(db: Connection, goal: Target, paths: Collection[str]) -> None:
    """Remember what we sent to an object store; what is in a folder is looked at itself."""
    if isinstance(goal, Bucket):
        goal.known.sent.update(files.sent(db, paths))
