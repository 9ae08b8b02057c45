"""What a planet stands on: the store, the right to use it, room on the disk, and the clock."""

import os
import shlex
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from gettext import gettext as _
from pathlib import Path
from typing import Any

from aggregator import phrases
from aggregator.checkup.findings import Finding, note, ok, problem
from aggregator.config import Config, toml
from aggregator.errors import AggregatorError
from aggregator.store import history
from aggregator.store.engine import damage, is_there, looking, name_of, size
from aggregator.store.lock import holder
from aggregator.values import amount

_LEAST = 100_000_000  # bytes that should be free
_FEW = 1000  # files that may still be made
_OFF = timedelta(minutes=2)  # by which clocks of well kept machines never differ


@dataclass(frozen=True, slots=True)
class Store:
    """What was seen of a store: why it cannot be used (`trouble`), what is damaged, who has its lock, the last run."""

    name: str
    is_there: bool = True
    trouble: str = ""
    size: int = 0
    damage: str = ""
    holder: str = ""
    last_run: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rights:
    """Who owns a file and who asks, as numbers of users, and what he may not do with which path."""

    owner: int
    user: int
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Room:
    """What is free on the disk of a folder: bytes, and files that may still be made (None: the system does not say)."""

    folder: str
    free: int
    files: int | None = None


# --- Looking --------------------------------------------------------------------------------------------------------


def look_at_store(config: Config) -> Store:
    """The store as it is; nothing is made, migrated or kept waiting."""
    name = name_of(config.store)
    try:
        if not is_there(config.store):
            return Store(name, is_there=False)
        with looking(config.store) as db:
            run = history.last_run(db)
            found = Store(name, size=size(db), damage=damage(db), last_run=run.at if run else None)
    except (AggregatorError, OSError) as error:
        return Store(name, trouble=str(error))
    return Store(name, True, "", found.size, found.damage, str(holder(config.store) or ""), found.last_run)


def look_at_rights(config: Config) -> Rights | None:
    """What we may do with the store's file and the folder that it is in; None where it is on a server, or not there."""
    file = Path(config.store.removeprefix("sqlite:///"))
    if not config.store.startswith("sqlite:///") or not file.exists():
        return None
    needed = {file: os.R_OK | os.W_OK, file.parent: os.R_OK | os.W_OK | os.X_OK}
    refused = tuple(str(path) for path, how in needed.items() if not os.access(path, how, effective_ids=_EFFECTIVE))
    return Rights(file.stat().st_uid, os.geteuid(), refused)


_EFFECTIVE = os.access in os.supports_effective_ids


def look_at_secrets(config: Config) -> tuple[str, ...]:
    """The files that the config names as secrets, `file:PATH`, and that every user of this machine may read."""
    _, data = toml.read(config.file)
    found = []
    for path in sorted({config.root / each.removeprefix("file:") for each in _texts(data) if each.startswith("file:")}):
        with suppress(OSError, ValueError):  # it is not there, or not ours to look at
            mode, way = path.stat().st_mode, [each.stat().st_mode for each in path.resolve().parents]
            is_open = mode & stat.S_IROTH and all(each & stat.S_IXOTH for each in way)  # a home may be shut
            found += [str(path)] if stat.S_ISREG(mode) and is_open else []
    return tuple(found)


def _texts(value: Any) -> Iterator[str]:
    """All texts in a value of TOML."""
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(each)


def look_at_room(config: Config) -> tuple[Room, ...]:
    """What is free where the store, the output and temporary files are; each disk once."""
    folders = [Path(tempfile.gettempdir())]
    if config.store.startswith("sqlite:///"):
        folders.insert(0, Path(config.store.removeprefix("sqlite:///")).parent)
    if not config.bucket:
        folders.insert(0, config.output)
    found: dict[int, Room] = {}
    for folder in folders:
        there = next(each for each in (folder, *folder.parents) if each.exists())
        said = os.statvfs(there)
        free = shutil.disk_usage(there).free
        found.setdefault(there.stat().st_dev, Room(str(there), free, said.f_favail if said.f_files else None))
    return tuple(found.values())


# --- Judging --------------------------------------------------------------------------------------------------------


def judge_store(seen: Store) -> Iterator[Finding]:
    """Whether the store opens, is of this version, and is whole."""
    if not seen.is_there:
        what = _("{store}: there is none yet").format(store=seen.name)
        yield note("store", what, _("run `aggregator once`, which makes it"))
    elif seen.trouble:
        yield problem("store", seen.trouble)
    elif seen.damage:
        yield problem(
            "store",
            _("{store} is damaged ({damage})").format(store=seen.name, damage=seen.damage),
            _('stop what uses it, keep a copy, and put back a backup, or try `sqlite3 FILE ".recover" | sqlite3 NEW`'),
        )
    else:
        yield ok("store", _("{store}: {size}, whole").format(store=seen.name, size=amount(seen.size)))
    if seen.holder:
        yield note("store", _("at work: {}").format(phrases.of_terminal()(seen.holder)))


def judge_rights(seen: Rights | None) -> Iterator[Finding]:
    """Whether who asks may use the store, and is the one who does so usually."""
    if seen is None:
        return
    for path in seen.refused:
        what = _("{path} may not be written by you").format(path=path)
        yield problem("permissions", what, _("run as its owner, or mend its permissions"))
    if seen.owner != seen.user:
        what = _("the store belongs to user {owner}, and you are user {user}")
        advice = _("run aggregator as one user always, as with sudo -u; else files become mixed")
        yield problem("permissions", what.format(owner=seen.owner, user=seen.user), advice)
    if not seen.refused and seen.owner == seen.user:
        yield ok("permissions", _("the store is yours and can be written"))


def judge_secrets(open_to_all: tuple[str, ...]) -> Iterator[Finding]:
    """Whether secrets are kept from others; who has a machine of his own, as in a container, may not mind."""
    for path in open_to_all:
        what = _("{path} holds a secret, and every user of this machine may read it").format(path=path)
        yield note("permissions", what, f"chmod 600 {shlex.quote(path)}")


def judge_room(rooms: tuple[Room, ...], store: int) -> Iterator[Finding]:
    """Whether there is room for the store (so many bytes) to grow, and to be copied when a newer version changes it."""
    needed = max(_LEAST, store)
    for room in rooms:
        if room.free < needed:
            what = _("{folder}: {free} are free, and {needed} should be")
            what = what.format(folder=room.folder, free=amount(room.free), needed=amount(needed))
            yield problem("disk", what, _("make room, or set `keep_for` below [site] and run `aggregator prune`"))
        elif room.files is not None and room.files < _FEW:
            what = _("{folder}: only {number} more files can be made").format(folder=room.folder, number=room.files)
            yield problem("disk", what, _("remove files there"))
        else:
            yield ok("disk", _("{folder}: {free} free").format(folder=room.folder, free=amount(room.free)))


def judge_clock(now: datetime, last_run: datetime | None, told: Mapping[str, datetime]) -> Iterator[Finding]:
    """Whether the clock can be right: no run was later than now, and servers, by their names, say the same time."""
    advice = _("set the clock (timedatectl set-ntp true): ids, dates and waits depend on it")
    wrong = False
    if last_run and last_run > now + _OFF:
        wrong = True
        what = _("the last run was {length} from now; the clock is or was wrong").format(
            length=phrases.length(last_run - now)
        )
        yield problem("clock", what, advice)
    for host, moment in told.items():
        if abs(moment - now) > _OFF:
            wrong = True
            ahead = _("this clock is {length} ahead of that of {host}")
            what = ahead if now > moment else _("this clock is {length} behind that of {host}")
            yield problem("clock", what.format(length=phrases.length(abs(moment - now)), host=host), advice)
    if not wrong:
        agrees = _("agrees with {hosts}").format(hosts=", ".join(told))
        yield ok("clock", agrees if told else _("is not behind the last run"))
