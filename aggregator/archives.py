"""Archive documents (RFC 5005 §4): what is too old for a category's current document, closed in portions for ever.

A closed feed is written again only when one of its entries goes or comes back, the archive before it goes, or the site
is called otherwise; a page also when the archive after it is made, as it leads there.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
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
from aggregator.store import archives, channels, files
from aggregator.store.archives import Archive
from aggregator.store.channels import Place, Shown
from aggregator.store.engine import reading, writing
from aggregator.target import is_there, read

_TOGETHER = 500  # entries of archives that are written together: their documents are in memory
_FAR = 2  # archives on either side: what one shows depends on those beside it


@dataclass(frozen=True, slots=True)
class Chain:
    """What came of a category's archives: the URLs of the newest by format, what was written, our files that are not
    wanted any more. Once these are gone, `done` notes that those that were `due` are as they should be, and the `state`
    of all.
    """

    newest: Mapping[str, str] = field(default_factory=dict)
    written: Written = field(default_factory=Written)
    unwanted: frozenset[str] = frozenset()
    due: tuple[int, ...] = ()
    state: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the chain: an archive between the older and the newer one, and what its feeds and pages depend on."""

    before: Archive | None
    this: Archive
    after: Archive | None
    state: str


def expected(output: Output, planet: Planet, places: Sequence[Place]) -> Mapping[int, int]:
    """About how many archives are to be written of those of these categories in which all are to be, by category."""
    size = composing.archive_size(planet.config)
    anew = [place.id for place in places if size and place.archives != _state(output, planet, place)]
    if not anew:
        return {}
    with reading(output.engine) as db:
        return {number: count // size for number, count in channels.counts(db, anew).items()}


def publish(
    output: Output,
    planet: Planet,
    scene: Scene,
    place: Place,
    terms: Terms,
    heard: Callable[[int], None] = lambda _: None,
) -> Chain:
    """Close what is to be closed, and write the archives of a category that are not as they should be; `heard` is told
    how many are done.

    All are looked at where something is new that all of them show, and where a file is lost; else those whose entries
    have changed, with their neighbours.
    """
    size, own = composing.archive_size(planet.config), shelf(planet.config, place.path)
    terms = replace(terms, max_bytes=None)
    state = _state(output, planet, place) if size else ""
    with writing(output.engine) as db:
        if not size:
            return Chain(unwanted=_paths(files.archived(db, place.id)))
        archives.close(db, place.id, own.items or 1, own.max_per_source, size, _taken(planet.categories, place))
        due = archives.renew(db, place.id)
        if place.archives != state or place.id in output.lacking:
            archives.done(db, place.id, (), "")  # lest it be forgotten when this does not come to its end
            found = list(links(planet, place, archives.live(db, place.id)))
            ours = files.archived(db, place.id)
        else:
            islands = [archives.around(db, place.id, number) for number in due]
            found = _inner(planet, place, islands)
            numbers = {*due, *(link.this.number for link in found)}
            ours = {number: files.archived(db, place.id, number).get(number, frozenset()) for number in numbers}
        newest = archives.newest(db, place.id)
    paths: set[str] = set()
    written = Written()
    some = max(_TOGETHER // size, 1)
    for start in range(0, len(found), some):
        heard(start)
        done, wanted = _write(output, planet, scene, place, terms, found[start : start + some], ours)
        written += done
        paths |= wanted
    urls = _urls(planet, place, newest) if newest else {}
    return Chain(urls, written, _paths(ours) - paths, due, state)


def done(output: Output, place: Place, chain: Chain) -> None:
    """Note that the archives of a category are as they should be."""
    with writing(output.engine) as db:
        archives.done(db, place.id, chain.due, chain.state)


def links(planet: Planet, place: Place, found: Sequence[Archive]) -> Iterator[Link]:
    """Archives in their order, each with its neighbours among them."""
    settings, templates = _settings(planet, place), _looks(planet)
    for before, this, after in zip([None, *found], found, [*found[1:], None], strict=False):
        feeds = _print(settings, this.holds, before and before.number)
        yield Link(before, this, after, f"{feeds}:{_print(feeds, after and after.number, templates)}")


def _inner(planet: Planet, place: Place, islands: Iterable[archives.Island]) -> list[Link]:
    """The links of the chain that some archives are, or that are beside them, where they hold nothing any more."""
    found: dict[int, Link] = {}
    for older, this, newer in islands:
        row = list(links(planet, place, [*older, *([this] if this else []), *newer]))
        inner = row[len(older) == _FAR : len(row) - (len(newer) == _FAR)]  # of the outermost one neighbour is not there
        found |= {link.this.number: link for link in inner}
    return [found[number] for number in sorted(found)]


def _write(
    output: Output,
    planet: Planet,
    scene: Scene,
    place: Place,
    terms: Terms,
    links: Sequence[Link],
    ours: Mapping[int, frozenset[str]],
) -> tuple[Written, Set[str]]:
    """Write what is due of archives, of which these files are `ours`. Returns what was written, and the files that they
    have now."""
    has, due, kept = dict[int, frozenset[str]](), dict[int, tuple[str, ...]](), dict[int, frozenset[str]]()
    for link in links:
        number = link.this.number
        files = ours.get(number, frozenset())
        has[number] = frozenset(path for path in files if terms.gzip or not path.endswith(".gz"))
        due[number], kept[number] = _due(output, planet, place, link, has[number])
    rendered = _rendered(output, planet, scene, place, terms, [(link, due[link.this.number]) for link in links])
    written, wanted = Written(), set[str]()
    if rendered:
        done = put(output, place.id, rendered)
        written = sum(done.values(), written)
        fine = {link.this.number: link.state for link in links if link.this.number in done}
        with writing(output.engine) as db:
            archives.mark_rendered(db, place.id, {n: state for n, state in fine.items() if not done[n].problems})
    for number, made in {**dict.fromkeys(has, Rendered({})), **rendered}.items():
        stays = (kept if made.whole else has)[number]
        copies = _copies(output, stays - made.paths, terms)
        written += put(output, place.id, {number: Rendered(copies)})[number] if copies else Written()
        wanted |= made.paths | stays | copies.keys()
    return written, wanted


def _rendered(
    output: Output,
    planet: Planet,
    scene: Scene,
    place: Place,
    terms: Terms,
    links: Sequence[tuple[Link, tuple[str, ...]]],
) -> Mapping[int, Rendered]:
    """The documents of those of these archives that have formats to be written in, by their numbers."""
    due = [(link, names) for link, names in links if names]
    if not due:
        return {}
    with reading(output.engine) as db:
        shown = channels.closed(db, place.id, [link.this.number for link, _ in due])
    return {
        (number := link.this.number): render(
            _channel(planet, scene, place, link, shown[number]), folder(place, number), names, terms
        )
        for link, names in due
    }


def _due(
    output: Output, planet: Planet, place: Place, link: Link, files: frozenset[str]
) -> tuple[tuple[str, ...], frozenset[str]]:
    """The formats in which an archive has to be written, and those of its `files` that stay as they are."""
    names = chosen(planet.config.site.formats, place.path, archive=True)
    feeds, pages = link.state.split(":")
    before_feeds, _, before_pages = link.this.rendered.partition(":")
    if not _all_there(output, files) or before_feeds != feeds:
        return names, frozenset()
    return tuple(name for name in names if _is_page(name) and before_pages != pages), files


def _channel(planet: Planet, scene: Scene, place: Place, link: Link, shown: Iterable[Shown]) -> Channel:
    """An archive as a channel, with its neighbours; pages lead from the newest on to the current one."""
    number = link.this.number
    after = _urls(planet, place, link.after.number if link.after else 0)
    return replace(
        composing.channel(planet, place, shown, number),
        current=_urls(planet, place, 0),
        previous=_urls(planet, place, link.before.number) if link.before else {},
        next={name: url for name, url in after.items() if _is_page(name)},
        overview=overview.lineage(scene, place.path),
    )


def _copies(output: Output, paths: frozenset[str], terms: Terms) -> Mapping[str, bytes]:
    """The compressed copies that documents lack which stay as they are."""
    there = {path for path in paths if is_there(output.target, path)} if terms.gzip else ()
    lacking = [path for path in there if not path.endswith(".gz") and f"{path}.gz" not in there]
    return {f"{path}.gz": compressed(read(output.target, path)) for path in lacking}


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


def _state(output: Output, planet: Planet, place: Place) -> str:
    """The state of a category's archives: what all of them depend on."""
    return _print(_settings(planet, place), _looks(planet), planet.config.site.gzip, output.target)


def _settings(planet: Planet, place: Place) -> tuple[object, ...]:
    """What an archive shows besides its entries."""
    site, own = planet.config.site, planet.categories[place.folder]
    titles = [each.title for each in planet.categories.values() if each.path == place.path[: len(each.path)]]
    content = shelf(planet.config, place.path).content
    return (planet.authority, site.title, site.base_url, site.language, site.formats, own, titles, content)


def _looks(planet: Planet) -> list[tuple[str, str]]:
    """What pages depend on besides: the templates, and the time zones of the days that they show."""
    return sorted(planet.config.templates.items()) + composing.zones(planet.config)


def _all_there(output: Output, files: Collection[str]) -> bool:
    """Whether there are files, and all of them."""
    return bool(files) and all(is_there(output.target, path) for path in files)


def _paths(files: Mapping[int, frozenset[str]]) -> frozenset[str]:
    return frozenset(path for paths in files.values() for path in paths)


def _print(*value: object) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()[:16]
