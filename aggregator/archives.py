"""Archive documents (RFC 5005 §4): what is too old for a category's current document, closed in portions for ever.

A closed feed is written again only when one of its entries goes or comes back, the archive before it goes, or the site
is called otherwise; a page also when the archive after it is made, as it leads there.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aggregator import composing, overview
from aggregator.composing import Planet, folder
from aggregator.documents import Rendered, Terms, compressed, render
from aggregator.formats import chosen, find
from aggregator.model import Channel
from aggregator.output import Output, Written, put
from aggregator.overview import Scene
from aggregator.placing import shelf
from aggregator.publish import urls
from aggregator.store import archives, channels
from aggregator.store.archives import Archive
from aggregator.store.channels import Place
from aggregator.store.engine import reading, writing


@dataclass(frozen=True, slots=True)
class Chain:
    """The archives of a category: all their paths, the URLs of the newest by format, and what came of writing them."""

    paths: frozenset[str] = frozenset()
    newest: Mapping[str, str] = field(default_factory=dict)
    written: Written = field(default_factory=Written)


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the chain: an archive between the older and the newer one, and what its feeds and pages depend on."""

    before: Archive | None
    this: Archive
    after: Archive | None
    state: str


def publish(output: Output, planet: Planet, scene: Scene, place: Place, terms: Terms) -> Chain:
    """Close what is to be closed, and write the archives of a category that are not as they should be."""
    size, own = composing.archive_size(planet.config), shelf(planet.config, place.path)
    if not size:
        return Chain()
    terms = replace(terms, max_bytes=None)
    with writing(output.engine) as db:
        archives.close(db, place.id, own.items or 1, own.max_per_source, size, _taken(planet.categories, place))
        found = [each for each in archives.archives(db, place.id) if each.holds]
    files = _files(output, place, terms)
    paths: set[str] = set()
    written = Written()
    for link in _chain(planet, place, found):
        names, kept = _due(output, planet, place, link, files.get(link.this.number, frozenset()))
        if names:
            rendered = render(
                _channel(output, planet, scene, place, link), folder(place, link.this.number), names, terms
            )
            done = put(output, place.id, rendered)
            if not done.problems:
                with writing(output.engine) as db:
                    archives.mark_rendered(db, place.id, link.this.number, link.state)
            written += done
            paths |= rendered.paths
            kept = kept if rendered.whole else files.get(link.this.number, frozenset())
        copies = _copies(output, kept - paths, terms)
        written += put(output, place.id, Rendered(copies)) if copies else Written()
        paths |= kept | copies.keys()
    return Chain(frozenset(paths), _urls(planet, place, found[-1].number) if found else {}, written)


def _chain(planet: Planet, place: Place, found: Sequence[Archive]) -> Iterator[Link]:
    settings, templates = _settings(planet, place), sorted(planet.config.templates.items())
    for before, this, after in zip([None, *found], found, [*found[1:], None], strict=False):
        feeds = _print(settings, this.holds, before and before.number)
        yield Link(before, this, after, f"{feeds}:{_print(feeds, after and after.number, templates)}")


def _due(
    output: Output, planet: Planet, place: Place, link: Link, files: frozenset[str]
) -> tuple[tuple[str, ...], frozenset[str]]:
    """The formats in which an archive has to be written, and those of its `files` that stay as they are."""
    names = chosen(planet.config.site.formats, place.path, archive=True)
    feeds, pages = link.state.split(":")
    before_feeds, _, before_pages = link.this.rendered.partition(":")
    if not files or files & output.missing or before_feeds != feeds:
        return names, frozenset()
    return tuple(name for name in names if _is_page(name) and before_pages != pages), files


def _channel(output: Output, planet: Planet, scene: Scene, place: Place, link: Link) -> Channel:
    """An archive as a channel, with its neighbours; pages lead from the newest on to the current one."""
    number = link.this.number
    with reading(output.engine) as db:
        shown = channels.recent(db, place.id, None, archive=number)
    after = _urls(planet, place, link.after.number if link.after else 0)
    return replace(
        composing.channel(planet, place, shown, number),
        current=_urls(planet, place, 0),
        previous=_urls(planet, place, link.before.number) if link.before else {},
        next={name: url for name, url in after.items() if _is_page(name)},
        overview=overview.lineage(scene, place.path),
    )


def _files(output: Output, place: Place, terms: Terms) -> Mapping[int, frozenset[str]]:
    """Our files of archives by their numbers; compressed copies only where these are wanted."""
    found: dict[int, set[str]] = {}
    for path in output.ours.get(place.id, ()):
        number = re.match(r"archive-([0-9]+)/", path.removeprefix(f"{place.folder}/" if place.folder else ""))
        if number and (terms.gzip or not path.endswith(".gz")):
            found.setdefault(int(number[1]), set()).add(path)
    return {number: frozenset(files) for number, files in found.items()}


def _copies(output: Output, paths: frozenset[str], terms: Terms) -> Mapping[str, bytes]:
    """The compressed copies that documents lack which stay as they are."""
    there = paths - output.missing if terms.gzip else ()
    lacking = [path for path in there if not path.endswith(".gz") and f"{path}.gz" not in there]
    return {f"{path}.gz": compressed((output.folder / path).read_bytes()) for path in lacking}


def _taken(folders: Collection[str], place: Place) -> frozenset[int]:
    """The numbers that a category below this one has in the name of its folder, from days without archives."""
    names = (re.fullmatch(rf"{re.escape(folder(place, 1)[:-1])}([0-9]+)", each, re.IGNORECASE) for each in folders)
    return frozenset(int(name[1]) for name in names if name)


def _urls(planet: Planet, place: Place, number: int) -> Mapping[str, str]:
    """The URLs of an archive's documents, for 0 of the current ones, by those formats that write archives."""
    site = planet.config.site
    return urls(site.base_url, folder(place, number), chosen(site.formats, place.path, archive=True))


def _is_page(name: str) -> bool:
    """Whether a format writes for people, who go forward as well; readers of feeds go back alone."""
    return find(name).MEDIA_TYPE == "text/html"


def _settings(planet: Planet, place: Place) -> tuple[object, ...]:
    """What an archive shows besides its entries."""
    site, own = planet.config.site, planet.categories[place.folder]
    titles = [each.title for each in planet.categories.values() if each.path == place.path[: len(each.path)]]
    content = shelf(planet.config, place.path).content
    return (planet.authority, site.title, site.base_url, site.language, site.formats, own, titles, content)


def _print(*value: object) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()[:16]
