"""What a run is going to do: the sources that are due, in the order in which they are asked."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine

from aggregator import schedule, sources
from aggregator.config import Config
from aggregator.fetching import manners
from aggregator.model import CategoryPath, HostRule, HostState, Progress, Source, Validators
from aggregator.moves import is_own_turn
from aggregator.placing import configured, slugs
from aggregator.store import categories, clocks, shards, visits
from aggregator.store import sources as stored
from aggregator.store.clocks import Clock
from aggregator.store.engine import reading, writing
from aggregator.store.fences import alone
from aggregator.store.meta import has_changed
from aggregator.store.reprint import reprint
from aggregator.store.sources import Standing
from aggregator.text import http_url, masked
from aggregator.views import view


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is going to do: `due` goes with what is known of each source's documents. `stretch` is what
    `max_requests_per_hour` makes of all waits."""

    due: Sequence[tuple[Source, Mapping[str, Validators]]]
    standings: Mapping[str, Standing]
    hosts: Mapping[str, HostState]
    stretch: float = 1.0

    @property
    def remote(self) -> set[str]:
        """The keys of what is due and asks other people's servers."""
        return {source.key for source, _ in self.due if sources.find(source.kind).REMOTE}


def align(engine: Engine, config: Config, now: datetime, progress: Progress = lambda *_: None) -> tuple[str, ...]:
    """Bring the store in line with the config. Returns what its owner should know of that, each one line."""
    with writing(engine) as db:
        alone(db)
        reprint(db, progress)
        listed = [(source, sources.find(source.kind).REMOTE) for source in config.sources]
        clock = clocks.settled(db, now, checked(config))
        stored.set_right(db, now)
        is_whole = all(each.known for each in config.lists)
        notes = _doubts(clock, now) + stored.register(db, listed, now, view(config), whole=is_whole)
        shards.place(db, lambda url: shard(url, config.hosts))
        categories.place(db, configured(config), slugs(config), clock.trusted)
        if has_changed(db, "paces", _paces(config)):
            _hasten(db, config, now)
        told = (
            config.notes if has_changed(db, "notes", "\n".join(config.notes)) else ()
        )  # cron would mail them each time
        return (*told, *notes, *categories.rename(db, slugs(config)))


def _paces(config: Config) -> str:
    """A print of how often sources are visited by the config."""
    common = config.pace
    own = [(each.key, each.pace) for each in config.sources if each.pace != common]
    return sha256(repr((common, config.fetch.max_requests_per_hour, own)).encode(errors="replace")).hexdigest()


def _hasten(db: Connection, config: Config, now: datetime) -> None:
    """Plan the visits anew that by the config as it is now would come sooner."""
    standings = stored.standings(db)
    asked = tuple(asked_once(config.sources, stored.same(db), standings))
    stretch = _stretch(config, asked, standings)
    for source in asked:
        stands = standings[source.key]
        if not sources.find(source.kind).REMOTE or stands.gone or stands.last_visit is None:
            continue
        due = schedule.sooner(
            now,
            source.key,
            stands.next_visit,
            stands.hints,
            source.pace,
            last_visit=stands.last_visit,
            reason=stands.reason,
            rhythm=stands.rhythm,
            stretch=stretch,
        )
        if due:
            visits.hasten(db, stands.id, due.when, due.reason)


def checked(config: Config) -> list[str]:
    """The sources whose certificates are checked, by their keys."""
    return [each.key for each in config.sources if each.key.startswith("https:") and each.limits.access.verify]


def _doubts(clock: Clock, now: datetime) -> tuple[str, ...]:
    if clock.doubted is None:
        return ()
    said = f"the clock says {now:%Y-%m-%d %H:%M} UTC, and it said {clock.trusted:%Y-%m-%d} when it was trusted last"
    return (f"{said}: for now nothing is dated by it or removed for its age; set it if it is wrong",)


def prepare(
    engine: Engine,
    config: Config,
    now: datetime,
    *,
    force: bool = False,
    among: Collection[str] | None = None,
    stretch: float | None = None,
) -> Plan:
    """Ask the store what is due: of all sources, or only `among` those with these keys.

    Local posts always are: looking costs nobody. `force` makes due what may be asked at all. `stretch` is that of an
    earlier plan over all sources, and has to be given where this one is not.
    """
    with reading(engine) as db:
        standings = stored.standings(db, among)
        hosts = stored.hosts(db) if among is None else {}
        same = {key: each.same_as for key, each in standings.items() if each.same_as}
        once = tuple(asked_once(config.sources, same if among is None else stored.same(db), standings))
        stretch = _stretch(config, once, standings) if stretch is None else stretch
        due = [source for source in once if force or _is_due(source, standings[source.key], now, stretch)]
        due.sort(key=lambda source: _rank(standings[source.key], now))
        documents = visits.validators_of(db, [standings[source.key].id for source in due])
    known = [(source, _known(source, standings[source.key], documents)) for source in due]
    return Plan(known, standings, hosts, stretch)


def asked_once(configured: Sequence[Source], same: Mapping[str, str], wanted: Collection[str]) -> Iterator[Source]:
    """The `wanted` sources that are enabled, without those that are the `same` as another by now: its entries are in
    the categories of both."""
    more: dict[str, tuple[CategoryPath, ...]] = {}
    for source in configured if same else ():
        if same_as := same.get(source.key):
            more[same_as] = more.get(same_as, ()) + source.categories
    for source in configured:
        if source.enabled and source.key in wanted and source.key not in same:
            others = more.get(source.key, ())
            paths = tuple(dict.fromkeys(source.categories + others))
            yield replace(source, categories=paths) if others else source


def host(key: str, rules: tuple[HostRule, ...]) -> str:
    """What a source shares its turns with others by: see `manners.rule`."""
    try:
        return manners.rule(rules, (urlsplit(key).hostname or "").rstrip(".")).name
    except ValueError:
        return masked(key)


def shard(key: str, rules: tuple[HostRule, ...]) -> int:
    """Which part of all sources one is in: all of a host are in the same one. Local posts are by their own names."""
    return shards.number(host(key, rules) or key)


def _rank(standing: Standing, now: datetime) -> tuple[int, bool, int, datetime]:
    """The order of visits: a host may want silence after one that failed before, so it comes after those that do well.

    Of these new ones are first, then those that took longest last time, as the run is as long as what begins last. That
    counts in whole seconds: among those that are quick it is the turn of the one that was visited least recently.
    """
    slow = 0 if standing.failures else round(standing.seconds)
    return standing.failures, standing.last_visit is not None, -slow, standing.last_visit or now


def _known(
    source: Source, standing: Standing, documents: Mapping[int, Mapping[str, Validators]]
) -> Mapping[str, Validators]:
    """What is known of a source's documents; when its own address has its turn, nothing of the feed's other one."""
    known = documents[standing.id]
    if http_url(source.key) and is_own_turn(standing.failures, source.pace):  # a folder or an RSSHub route has no other
        known = {name: kept for name, kept in known.items() if name == source.key}
    return known


def _is_due(source: Source, standing: Standing, now: datetime, stretch: float) -> bool:
    """Local posts always are; what a publisher removed for good never is."""
    if not sources.find(source.kind).REMOTE:
        return True
    return not standing.gone and schedule.is_due(
        now,
        standing.next_visit,
        standing.hints,
        source.pace,
        last_visit=standing.last_visit,
        reason=standing.reason,
        rhythm=standing.rhythm,
        stretch=stretch,
    )


def _stretch(config: Config, asked: Sequence[Source], standings: Mapping[str, Standing]) -> float:
    """What the budget of requests, where there is one, makes of the waits."""
    if config.fetch.max_requests_per_hour is None:
        return 1.0
    remote = [each for each in asked if sources.find(each.kind).REMOTE and not standings[each.key].gone]
    paced = [(each.pace, standings[each.key].hints, standings[each.key].rhythm) for each in remote]
    return schedule.stretched(paced, config.fetch.max_requests_per_hour)
