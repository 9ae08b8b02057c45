"""What the store holds of a category as a channel: its entries as the rules show them, its titles and addresses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import quote, urlsplit

from sqlalchemy import Connection

from aggregator.config import Config
from aggregator.formats import chosen
from aggregator.model import Category, CategoryPath, Channel, Entry, Feed, Item
from aggregator.placing import categories, shelf
from aggregator.publish import page, urls
from aggregator.store import channels
from aggregator.store.channels import Place, Shown
from aggregator.text import http_url
from aggregator.views import View, view


@dataclass(frozen=True, slots=True)
class Planet:
    """What all channels share. `categories` are by their folders, `titles` by their paths; `rules` say how entries are
    shown; `authority` begins our tag: URIs (RFC 4151)."""

    config: Config
    authority: str
    categories: Mapping[str, Category]
    titles: Mapping[CategoryPath, str]
    rules: View


def planet(config: Config, authority: str, places: Iterable[Place]) -> Planet:
    """What the channels of these categories share."""
    known = categories(config, places)
    return Planet(config, authority, known, {each.path: each.title for each in known.values()}, view(config))


def folder(place: Place, archive: int) -> str:
    """Where documents stand below the output: those of a category, or of one of its archives."""
    return "/".join(filter(None, (place.folder, f"archive-{archive}" if archive else "")))


def archive_size(config: Config) -> int:
    """How many entries an archive document has; 0 where there are none, as no format writes them."""
    return config.site.archive if chosen(config.site.formats, (), archive=True) else 0


def shown(db: Connection, config: Config, number: int, path: CategoryPath) -> tuple[Shown, ...]:
    """The entries of a category's current document: what is in no archive, or without archives the newest.

    Before the run that closes what is too much, it is the newest of these. `number` is the category's.
    """
    own, size = shelf(config, path), archive_size(config)
    limit = (own.items or 0) + max(size - 1, 0)
    return channels.recent(db, number, limit, own.max_per_source, is_open=size > 0)


def channel(planet: Planet, place: Place, shown: Iterable[Shown], archive: int = 0) -> Channel:
    """A category's current document, or one of its archives, with these entries."""
    site, known, authority = planet.config.site, planet.categories, planet.authority
    above = " / ".join(planet.titles[place.path[: depth + 1]] for depth in range(len(place.path)))
    title = f"{above} · {site.title}" if place.path else site.title
    own = known[place.folder]
    shows = entries(planet, place.path, shown)
    names = chosen(site.formats, place.path, archive=archive > 0)
    return Channel(
        id=f"{authority}feed/" + "/".join(quote(name, safe="") for name in place.path),
        category=replace(own, title=title, description=own.description or title),
        site=site.title,
        site_url=site.base_url,
        page=page(site.base_url, place.folder),
        urls=urls(site.base_url, folder(place, archive), names),
        scheme=f"{authority}categories",
        language=site.language,
        updated=max((entry.updated for entry in shows), default=place.created),
        ttl=max(1, round(planet.config.pace.interval.total_seconds() / 60)),
        entries=shows,
        hubs=() if archive else site.hubs,
        stylesheet=_stylesheet(folder(place, archive)) if "html" in site.formats else "",
        archive=archive,
    )


def _stylesheet(folder: str) -> str:
    """The way from a folder to the stylesheet of feeds: relative, as browsers take none from another address."""
    return "../" * len(folder.split("/")) * bool(folder) + "feed.css"


def entries(planet: Planet, path: CategoryPath, shown: Iterable[Shown], *, excluded: bool = False) -> tuple[Entry, ...]:
    """Entries as a category shows them; with `excluded` also those that new rules exclude, as they came."""
    items = ((each, as_shown(planet.rules, path, each) or (each.item if excluded else None)) for each in shown)
    return tuple(_entry(planet, each, item) for each, item in items if item is not None)


def as_shown(rules: View, path: CategoryPath, shown: Shown) -> Item | None:
    """An entry's item after the rules of its source and of a category; settling saw to it that none is excluded."""
    item = rules.item(shown.source, shown.item, shown.seen, shown.feed.title)
    return rules.entry(path, item, shown.seen) if item else None


def _entry(planet: Planet, shown: Shown, item: Item) -> Entry:
    """An entry as `item` shows it."""
    feed = _described(planet.authority, planet.config.site.title, shown.source, shown.feed)
    if not item.language and feed.language:
        item = replace(item, language=feed.language)
    categories = tuple(planet.categories[folder] for folder in shown.folders)
    also_in = tuple(link if link.title else replace(link, title=planet.config.site.title) for link in shown.also_in)
    zone = day_zone(planet.rules, shown)
    return Entry(shown.id, item, feed, shown.published, shown.updated, categories, also_in, zone)


def day_zone(rules: View, shown: Shown) -> str:
    """Where the day of an entry is the one to show; one dated by another copy has a clock, as far as we know."""
    return rules.zone_of(shown.source, shown.item) if shown.published == shown.item.published else rules.zone


def zones(config: Config) -> list[tuple[str, str]]:
    """The time zones that days on pages depend on: that of the site ("") unless it is UTC, and those of sources that
    have another."""
    site = config.site.timezone
    own = [(source.key, source.zone) for source in config.sources if source.zone != site]
    return sorted(own + ([("", site)] if site != "UTC" else []))


@lru_cache(maxsize=5000)
def _described(authority: str, site: str, source: str, feed: Feed) -> Feed:
    """What a source says of itself, filled up so that every entry has an author and an origin.

    The source's key may be a URL with a password, which http_url leaves out.
    """
    remote = source.startswith(("http://", "https://"))
    title = feed.title or (urlsplit(source).hostname if remote else "") or site
    return replace(
        feed,
        id=feed.id if remote else f"{authority}source/{quote(source)}",
        title=title,
        self_url=(feed.self_url or http_url(source)) if remote else "",
    )
