"""`aggregator doctor`: looks at all that a planet needs, judges it, and says what to do, the most useful first.

Nothing is changed. What was seen is values, and what follows from it is decided apart (`judge_...`), so that each
judgement can be tried on any planet.

    ground      the store, rights, room, the clock
    outcome     the output folder, published documents, sources
    reach       the network, and what is served at base_url
    findings    what was found, in order
"""

from collections.abc import Iterator
from datetime import datetime
from gettext import gettext as _
from pathlib import Path

from aggregator import config as configs
from aggregator import phrases, status, target
from aggregator.checkup import ground, outcome, reach
from aggregator.checkup.findings import Finding, as_json, code, note, ok, problem, todo
from aggregator.config import Config
from aggregator.errors import AggregatorError, ConfigError
from aggregator.formats import FEEDS, find
from aggregator.model import Progress
from aggregator.status import Status
from aggregator.store.engine import name_of

__all__ = ["Finding", "as_json", "code", "examine", "todo"]


def examine(
    file: Path, now: datetime, *, offline: bool = False, progress: Progress = lambda *_: None
) -> tuple[Finding, ...]:
    """All that was found of the planet with this config; `offline` asks nobody on the network."""
    try:
        config = configs.load(file)
    except ConfigError as error:
        return tuple(problem("config", each) for each in error.problems)
    found = []
    try:
        for each in _examined(config, now, progress, offline=offline):
            found.append(each)
    except (AggregatorError, OSError) as error:  # what was found before is told, too
        where = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else error
        found.append(problem("store", where))
    return tuple(found)


def _examined(config: Config, now: datetime, progress: Progress, *, offline: bool) -> Iterator[Finding]:
    progress(0, 0, "checking", str(config.file))
    yield from _config(config)
    progress(0, 0, "checking", name_of(config.store))
    store = ground.look_at_store(config)
    yield from ground.judge_store(store)
    yield from ground.judge_rights(ground.look_at_rights(config))
    yield from ground.judge_secrets(ground.look_at_secrets(config))
    yield from ground.judge_room(ground.look_at_room(config), store.size)
    usable = store.is_there and not store.trouble and not store.damage
    found = status.look(config, now) if usable else None
    if found:
        yield from outcome.judge_sources(found, now)
    elif not config.sources:
        yield note("sources", _("there are none yet"), _("`aggregator add URL` adds a feed"))
    progress(0, 0, "checking", config.bucket or str(config.output))
    current: frozenset[str] = frozenset()
    if usable:
        ours, current = outcome.our_files(config)
        yield from _published(config, ours, current)
    progress(0, 0, "checking", "" if offline else config.site.base_url)
    yield from _reached(config, found, current, store, now, offline=offline)


def _config(config: Config) -> Iterator[Finding]:
    """What `check` says: also secrets, and the folders that the config names."""
    try:
        configs.load(config.file, look=True)
        yield ok("config", _("{file}: {number} sources").format(file=config.file, number=len(config.sources)))
    except ConfigError as error:
        yield from (problem("config", each) for each in error.problems)
    yield from (note("config", phrases.of_terminal()(each)) for each in config.notes)


def _published(config: Config, ours: frozenset[str], current: frozenset[str]) -> Iterator[Finding]:
    if config.bucket:
        what = _("{bucket}: what is in an object store is not read here")
        yield note("published", what.format(bucket=config.bucket))
        return
    yield from outcome.judge_folder(outcome.look_at_folder(config, ours, current))
    kinds = [find(name) for name in config.site.formats]
    feeds = {kind.FILENAME: kind.MEDIA_TYPE for kind in kinds if kind.MEDIA_TYPE in FEEDS}
    yield from outcome.judge_documents(tuple(outcome.read(config, current)), config.site.base_url, feeds)


def _reached(
    config: Config, found: Status | None, current: frozenset[str], store: ground.Store, now: datetime, *, offline: bool
) -> Iterator[Finding]:
    """What the network says; our own document is asked for only where it would be at an address of the owner's own."""
    names = [kind.FILENAME for kind in map(find, config.site.formats) if kind.MEDIA_TYPE in FEEDS]
    path, data = next((name for name in names if name in current), ""), b""
    if path:
        try:
            data = b"" if offline else target.read(target.opened(config), path)
        except (AggregatorError, OSError) as error:
            yield problem("published", f"{path}: {error}")
            path = ""
    served = None
    if not offline:
        wanted = reach.hosts(found.rows) if found else ()
        said, served = reach.look(config, wanted, "" if reach.is_example(config.site.base_url) else path, now)
        yield from reach.judge_network(said)
    yield from reach.judge_served(served, data, config.site.base_url)
    told = {reach.name(served): served.date} if served and served.date else {}
    yield from ground.judge_clock(now, store.last_run, told)
