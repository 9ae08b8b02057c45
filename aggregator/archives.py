"""Archive documents (RFC 5005 §4): what is too old for a category's current document, closed in portions for ever.

A closed feed is written again only when one of its entries goes or comes back, the archive before it goes, or the site
is called otherwise; a page also when the archive after it is made, as it leads there.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from aggregator import composing, overview
from aggregator.composing import Planet, folder
from aggregator.documents import Rendered, Terms, compressed, render
from aggregator.formats import chosen, find
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


def publish(output: Output, planet: Planet, scene: Scene, place: Place, terms: Terms) -> Chain:
    """Close what is to be closed, and write the archives of a category that are not as they should be."""
    size, own = composing.archive_size(planet.config), shelf(planet.config, place.path)
    if not size:
        return Chain()
    with writing(output.engine) as db:
        archives.close(db, place.id, own.items or 1, own.max_per_source, size, _taken(planet.categories, place))
        found = [each for each in archives.archives(db, place.id) if each.holds]
    chain = Chain()
    for around in zip([None, *found], found, [*found[1:], None], strict=False):
        paths, written = _one(output, planet, scene, place, around, terms)
        chain = replace(chain, paths=chain.paths | paths, written=chain.written + written)
    newest = _urls(planet, place, found[-1].number) if found else {}
    return replace(chain, newest=newest)


def _one(
    output: Output,
    planet: Planet,
    scene: Scene,
    place: Place,
    around: tuple[Archive | None, Archive, Archive | None],
    terms: Terms,
) -> tuple[frozenset[str], Written]:
    """Write one archive as far as it has to be; return the paths of all its documents."""
    before, this, after = around
    here = folder(place, this.number)
    mine = frozenset(path for path in output.ours.get(place.id, ()) if path.startswith(f"{here}/"))
    mine = mine if terms.gzip else frozenset(path for path in mine if not path.endswith(".gz"))
    feeds = _print(_settings(planet, place), this.holds, before and before.number)
    pages = _print(feeds, after and after.number, sorted(planet.config.templates.items()))
    names = chosen(planet.config.site.formats, place.path, archive=True)
    if mine and not mine & output.missing and this.rendered.startswith(f"{feeds}:"):
        names = () if this.rendered == f"{feeds}:{pages}" else tuple(name for name in names if _is_page(name))
        kept = mine
    else:
        kept = frozenset()
    if not names:
        return _with_copies(output, place, mine, terms)
    with reading(output.engine) as db:
        shown = channels.recent(db, place.id, None, archive=this.number)
    channel = replace(
        composing.channel(planet, place, shown, this.number),
        current=_urls(planet, place, 0),
        previous=_urls(planet, place, before.number) if before else {},
        next={name: url for name, url in _urls(planet, place, after.number if after else 0).items() if _is_page(name)},
        overview=overview.lineage(scene, place.path),
    )
    rendered = render(channel, here, names, replace(terms, max_bytes=None))
    written = put(output, place.id, rendered)
    if not written.problems:
        with writing(output.engine) as db:
            archives.mark_rendered(db, place.id, this.number, f"{feeds}:{pages}")
    stay, copied = _with_copies(output, place, (kept if rendered.whole else mine) - rendered.paths, terms)
    return rendered.paths | stay, written + copied


def _with_copies(output: Output, place: Place, paths: frozenset[str], terms: Terms) -> tuple[frozenset[str], Written]:
    """The documents of an archive that stay as they are, with compressed copies where these are wanted now."""
    lacking = [path for path in paths if f"{path}.gz" not in paths and not path.endswith(".gz")] if terms.gzip else []
    copies = {f"{path}.gz": compressed((output.folder / path).read_bytes()) for path in lacking}
    written = put(output, place.id, Rendered(copies)) if copies else Written()
    return paths | copies.keys(), written


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
