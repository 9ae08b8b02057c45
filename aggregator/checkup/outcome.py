"""What comes of a planet: the output folder, the documents in it, and how its sources stand."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from gettext import gettext as _
from pathlib import Path

from aggregator import media, phrases
from aggregator.checkup.findings import Finding, note, ok, problem
from aggregator.config import Config
from aggregator.formats import FEEDS, checks
from aggregator.health import WANTING
from aggregator.model import Document, Source
from aggregator.publish import page
from aggregator.sources import feed
from aggregator.sources.feed.discovery import feeds_of
from aggregator.status import Status, states, title
from aggregator.store import files
from aggregator.store.engine import looking

_MOST = 5  # of one sort are told one by one
_READ = 20  # feeds are read as readers do; the others are only looked at
_SILENT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Folder:
    """The output as it is: which folders in it cannot be written, which of our current files are lost, files that are
    not ours, and those of ours that are `mounted` one by one. All are paths below it."""

    path: str
    is_there: bool = True
    refused: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    mounted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """A published document: what is wrong with it, where it says that it is (None: it was not asked, or has no word for
    it), and the feeds that it announces, where it is a page that has feeds beside it."""

    path: str
    trouble: str = ""
    says: str | None = None
    announced: tuple[str, ...] | None = None


# --- Looking --------------------------------------------------------------------------------------------------------


def look_at_folder(config: Config, ours: frozenset[str], current: frozenset[str]) -> Folder:
    """The output folder; `ours` are all our files, `current` those that are not of archives."""
    output = config.output
    if not output.is_dir():
        above = next(each for each in output.parents if each.exists())
        return Folder(str(output), False, () if os.access(above, os.W_OK | os.X_OK) else (str(above),), (), ())
    refused, there, mounted = [], set(), frozenset[str]()
    for folder, _below, names in os.walk(output):
        below = Path(folder).relative_to(output).as_posix()
        there |= {name if below == "." else f"{below}/{name}" for name in names}
        if not os.access(folder, os.W_OK | os.X_OK):
            refused.append(below)
    foreign = sorted(path for path in there - ours if not path.rpartition("/")[2].startswith("."))
    with suppress(OSError):  # other systems than Linux do not say
        mounted = mounts_below(output.resolve(), Path("/proc/self/mountinfo").read_bytes()) & ours
    return Folder(
        str(output),
        True,
        tuple(sorted(refused)),
        tuple(sorted(current - there)),
        tuple(foreign),
        tuple(sorted(mounted)),
    )


def mounts_below(folder: Path, mountinfo: bytes) -> frozenset[str]:
    """The paths below a folder that are mount points; proc_pid_mountinfo(5) of Linux writes a blank as \\040."""
    points = [words[4] for line in mountinfo.split(b"\n") if len(words := line.split()) > 4]
    said = (re.sub(rb"\\([0-7]{3})", lambda code: bytes([int(code[1], 8)]), point) for point in points)
    paths = (Path(os.fsdecode(each)) for each in said)
    return frozenset(path.relative_to(folder).as_posix() for path in paths if path.is_relative_to(folder))


def our_files(config: Config) -> tuple[frozenset[str], frozenset[str]]:
    """All files that we wrote, and those of them that are not of archives. Raises AggregatorError."""
    with looking(config.store) as db:
        current = frozenset(path for paths in files.written(db).values() for path in paths)
        return frozenset(files.every(db)), current


def read(config: Config, paths: frozenset[str]) -> Iterator[Read]:
    """Each document that is there, as far as we know its type: looked at as before it was published, and some of them
    read as a reader would."""
    types = media.types(config.site.formats)
    left = _READ
    for path in sorted(paths, key=lambda each: (each.count("/"), each)):
        folder, _slash, name = path.rpartition("/")
        kind = types.get(name, "")
        if not kind or not (config.output / path).is_file():
            continue
        try:
            data = (config.output / path).read_bytes()
        except OSError as error:
            yield Read(path, _("it cannot be read: {error}").format(error=error.strerror))
            continue
        trouble = checks.problem(kind, data)
        says = announced = None
        if not trouble and left and kind in FEEDS:
            left -= 1
            says = _self(config, path, data)
        elif not trouble and left and kind == "text/html":
            announced = feeds_of(data.decode("utf-8", "replace"), page(config.site.base_url, folder))
        yield Read(path, trouble, says, announced)


def _self(config: Config, path: str, data: bytes) -> str:
    url = _address(config.site.base_url, path)
    source = Source(key=url, kind="feed", options=feed.Options(url))
    found = feed.read(Document(url, url, data), source)
    return found.feed.self_url if found.feed else ""


def _address(base_url: str, path: str) -> str:
    """The public URL of a file below the output, written as `publish.urls` does."""
    folder, _slash, name = path.rpartition("/")
    return page(base_url, folder) + name


# --- Judging --------------------------------------------------------------------------------------------------------


def judge_folder(seen: Folder) -> Iterator[Finding]:
    """Whether what is published can be written, and is there."""
    for path in seen.refused[:_MOST]:
        where = str(Path(seen.path) / path)
        what = _("{path} may not be written by you").format(path=where)
        yield problem("output", what, _("run as its owner, or mend its permissions"))
    if not seen.is_there:
        what = _("{path} is not there yet").format(path=seen.path)
        yield note("output", what, _("run `aggregator once`, which makes it"))
        return
    if seen.lost:
        what = _("{number} documents are not where they were written, such as {file}")
        what = what.format(number=len(seen.lost), file=seen.lost[0])
        yield problem("output", what, _("run `aggregator once`, which writes them again"))
    for path in seen.mounted[:_MOST]:
        what = _("{path} is mounted by itself, so no new one can be put into its place")
        yield problem("output", what.format(path=Path(seen.path) / path), _("mount the folder that it is in instead"))
    if seen.foreign:
        what = _("{number} files in {path} are not ours and stay, such as {file}")
        yield note("output", what.format(number=len(seen.foreign), path=seen.path, file=seen.foreign[0]))
    if not (seen.refused or seen.lost or seen.mounted):
        yield ok("output", _("{path} can be written, and nothing is missing").format(path=seen.path))


def judge_documents(found: tuple[Read, ...], base_url: str, feeds: Mapping[str, str]) -> Iterator[Finding]:
    """Whether all that is published can be read, says where it is, and can be found; `feeds` are the names of files of
    feeds that there are in each folder with a page, by their media types."""
    broken, say = [each for each in found if each.trouble], phrases.of_terminal()
    for each in broken[:_MOST]:
        advice = _("somebody has changed it: remove it and run `aggregator once`, which writes it again")
        yield problem("published", say(f"{each.path}: {each.trouble}"), advice)
    strange = [each for each in found if each.says is not None and each.says != _address(base_url, each.path)]
    for each in strange[:_MOST]:
        silent = _("{path} does not say where it is, and base_url is {base}")
        what = _("{path} says that it is {url}, and base_url is {base}") if each.says else silent
        what = what.format(path=each.path, url=each.says, base=base_url)
        yield problem("published", what, _("run `aggregator once`"))
    hidden = [(each.path, name) for each in found for name in _hidden(each, base_url, feeds)]
    for path, name in hidden[:_MOST]:
        what = _("{path} does not announce {file}, so readers do not find it").format(path=path, file=name)
        yield problem("published", what, _("look at your template"))
    if found and not (broken or strange or hidden):
        yield ok("published", _("{number} documents can be read").format(number=len(found)))
    elif not found:
        yield note("published", _("there is nothing yet"), _("run `aggregator once`"))


def _hidden(seen: Read, base_url: str, feeds: Mapping[str, str]) -> Iterator[str]:
    """The feeds beside a page that it does not announce."""
    if seen.announced is not None:
        folder = seen.path.rpartition("/")[0]
        yield from (name for name in feeds if page(base_url, folder) + name not in seen.announced)


def judge_sources(found: Status, now: datetime) -> Iterator[Finding]:
    """How sources stand, and whether anybody visits them at all."""
    if not found.rows:
        yield note("sources", _("there are none yet"), _("`aggregator add URL` adds a feed"))
        return
    say = phrases.of_terminal()
    wanting = [row for row in found.rows if row.health.state in WANTING]
    for row in wanting[:_MOST]:
        what = _("{source} is {state} ({why})") if row.health.why else _("{source} is {state}")
        what = what.format(source=title(row), state=states()[row.health.state], why=say(row.health.why))
        yield problem("sources", what, say(row.health.advice))
    if len(wanting) > _MOST:
        what = _("{number} more sources want attention").format(number=len(wanting) - _MOST)
        yield problem("sources", what, _("`aggregator status` has all"))
    if found.run and found.run.problems:
        what = _("the last run could not publish all: {problem}")
        yield problem("published", what.format(problem=say(found.run.problems.splitlines()[0])))
    if found.run and now - found.run.at > _SILENT and not found.holder:
        what = _("nothing has been visited for {length}").format(length=phrases.length(now - found.run.at))
        advice = _("have cron or a systemd timer run `aggregator once`, or keep the daemon running")
        yield problem("sources", what, advice)
    elif found.stuck:
        yield problem("sources", say(found.stuck), _("look at the errors of `aggregator status`"))
    elif not wanting:
        yield ok("sources", _("{number} sources, none wants attention").format(number=len(found.rows)))
