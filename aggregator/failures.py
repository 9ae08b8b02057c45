"""The feed of failures: what broke, moved, went quiet or works again, once each, for the owner to subscribe to."""

from collections.abc import Callable
from urllib.parse import urlsplit

from sqlalchemy import Connection

from aggregator import health, languages, phrases
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.formats import atom
from aggregator.model import Category, Channel, Entry, Feed, Item, Tag
from aggregator.sources import find
from aggregator.store import channels, history, meta
from aggregator.store import sources as stored
from aggregator.store.history import Incident
from aggregator.store.sources import Standing
from aggregator.text import http_url

MEDIA_TYPE = atom.MEDIA_TYPE
_NEWEST = 50


def failures(db: Connection, config: Config, url: str) -> bytes:
    """The newest incidents of the sources in the config as an Atom feed at `url` ("" where it has none), in the
    language of the site, whatever the environment says.

    The same store gives the same bytes. Nothing in it is a secret: of an error there is its class.

    Raises AggregatorError before the first run has ended.
    """
    authority, site = meta.authority(db), config.site
    language, catalog = languages.owners(site.language)
    _, say = catalog.gettext, phrases.speaker(catalog)
    standings = stored.standings(db)
    found = [each for each in history.incidents(db, _NEWEST) if each.key in standings]
    entries = tuple(_entry(authority, standings[each.key], each, language, say) for each in found)
    created = next((place.created for place in channels.places(db) if not place.path), None)
    if created is None:
        raise AggregatorError("no run has ended yet, so there is nothing to tell")
    told = _("What broke, moved, went quiet or works again among the sources.")
    channel = Channel(
        id=f"{authority}failures",
        category=Category((), "", _("Failures · {site}").format(site=site.title), told),
        site=site.title,
        site_url=site.base_url,
        page=site.base_url,
        urls={"atom": url} if url else {},
        scheme=f"{authority}categories",
        language=language,
        updated=max((entry.updated for entry in entries), default=created),
        ttl=max(1, round(config.pace.interval.total_seconds() / 60)),
        entries=entries,
    )
    return atom.render(channel)


def _entry(authority: str, standing: Standing, incident: Incident, language: str, say: Callable[[str], str]) -> Entry:
    """An incident as an entry; its number may be another's one day, when its source is forgotten, its time not."""
    title, _, advice = say(incident.text).partition("\n")
    url = http_url(standing.key) if find(standing.kind).REMOTE else ""
    page = http_url(standing.feed.url) or (f"{urlsplit(url).scheme}://{urlsplit(url).netloc}/" if url else "")
    return Entry(
        id=f"{authority}incident/{incident.id}-{incident.at:%Y%m%dT%H%M%SZ}",
        item=Item(url=page, title=title, summary=advice, language=language, tags=(Tag(incident.state),)),
        feed=Feed(title=health.title(standing), url=page, self_url=url),
        published=incident.at,
        updated=incident.at,
    )
