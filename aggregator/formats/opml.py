"""OPML 2.0 (http://opml.org/spec2.opml): what the planet reads, and what it publishes, for other readers to import.

Both lists concern the whole planet, so they are documents of the channel of everything alone. `subscriptions.opml` has
the sources that are feeds, `feeds.opml` our feeds; both are nested by category path.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from lxml import etree

from aggregator import __version__, dates, languages, text
from aggregator.formats import find
from aggregator.matching import fold_path
from aggregator.model import Category, CategoryPath, Channel, Overview, Subscription

FILENAME = "subscriptions.opml"
MEDIA_TYPE = "text/x-opml"
OVERVIEW = True
PLANET = True

_FEEDS = ("application/atom+xml", "application/rss+xml", "application/feed+json")

_PAGES = {"subscriptions": "Sources", "feeds": "Feeds"}

_NOTHING: Mapping[CategoryPath, str] = {}

Leaf = dict[str, str]
Listed = Iterable[tuple[CategoryPath, Leaf]]


def documents(channel: Channel) -> Mapping[str, bytes]:
    """Both lists for the channel of everything, nothing for others."""
    if channel.category.path:
        return {}
    overview = channel.overview
    return {FILENAME: render(channel), "feeds.opml": _document(overview, "feeds", _feeds(overview))}


def render(channel: Channel) -> bytes:
    """The sources that are feeds, in UTF-8. Pure: the same overview gives the same bytes."""
    return _document(channel.overview, "subscriptions", _subscriptions(channel.overview))


def subscriptions(overview: Overview) -> bytes:
    """The same list as `aggregator export` writes it: without a channel, and with what is said of categories."""
    said = {each.path: text.one_line(each.description, 1000) for each in overview.categories}
    return _document(overview, "subscriptions", _subscriptions(overview), said)


def _document(overview: Overview, what: str, listed: Listed, said: Mapping[CategoryPath, str] = _NOTHING) -> bytes:
    """A list of leaves in folders, which appear in the order of what is in them; `said` describes these."""
    root = etree.Element("opml", version="2.0")
    root.append(etree.Comment(f" written by aggregator {__version__} "))
    head, body = etree.SubElement(root, "head"), etree.SubElement(root, "body")
    title, what = text.one_line(overview.title), _named(what, overview.language)
    for name, value in (
        ("title", f"{title}: {what}" if title else what),
        ("dateModified", dates.rfc822(overview.updated) if overview.updated else ""),
        ("ownerName", text.one_line(overview.owner)),
    ):
        if value:
            etree.SubElement(head, name).text = value
    folders: dict[CategoryPath, etree._Element] = {(): body}
    for path, leaf in listed:
        etree.SubElement(_folder(folders, path), "outline", {name: value for name, value in leaf.items() if value})
    spelled = {fold_path(path): folder for path, folder in folders.items() if path}  # as the feeds do
    for path, description in said.items():
        if description and (folder := spelled.get(fold_path(path))) is not None:
            folder.set("description", description)
    if not len(body):
        etree.SubElement(body, "outline", text="(none)")  # a body holds at least one outline
    return etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)


def _named(what: str, language: str) -> str:
    """What a list is of, as the pages of that language (BCP 47) call it."""
    said = languages.pages(text.language(language) or "en")
    return said.gettext(_PAGES[what]) if said.info() else what


def _folder(folders: dict[CategoryPath, etree._Element], path: CategoryPath) -> etree._Element:
    """The outline of a path, made with those above it where it is not there yet."""
    if path not in folders:
        parent = _folder(folders, path[:-1])
        folders[path] = etree.SubElement(parent, "outline", text=text.one_line(path[-1]) or "(untitled)")
    return folders[path]


def _subscriptions(overview: Overview) -> Listed:
    """Each source in each of its categories, in the order of these, then by title."""
    order = {category.path: number for number, category in enumerate(overview.categories)}
    found: list[tuple[CategoryPath, Leaf]] = []
    for source in sorted(overview.sources, key=lambda source: (source.title.casefold(), source.title, source.url)):
        if url := source.url if source.url.startswith("rsshub://") else text.http_url(source.url):
            paths = dict.fromkeys(category.path for category in source.categories)
            found += [(path, _subscription(source, url)) for path in paths or [()]]
    return sorted(found, key=lambda one: (order.get(one[0], len(order)), one[0]))


def _subscription(source: Subscription, url: str) -> Leaf:
    return {
        **_leaf(text.one_line(source.title) or url, url, text.http_url(source.page)),
        "language": text.language(source.language),
        "description": text.one_line(source.description, 1000),
        "category": ",".join(filter(None, dict.fromkeys(map(_slashed, source.categories)))),
    }


def _slashed(category: Category) -> str:
    """A category as a slash-delimited path; "" for everything, and where a name is empty or has a delimiter in it."""
    names = [text.one_line(name) for name in category.path]
    return "/" + "/".join(names) if names and not any(not name or set(name) & {"/", ","} for name in names) else ""


def _leaf(title: str, url: str, page: str) -> Leaf:
    """An outline of a feed. Its type is `rss` for Atom too, as all readers expect."""
    return {"type": "rss", "text": title, "title": title, "xmlUrl": url, "htmlUrl": page}


def _feeds(overview: Overview) -> Listed:
    """The feed of each category; of one with others below, it is the first in the folder that holds theirs."""
    types = {text.mime_type(find(name).MEDIA_TYPE): file for name, file in reversed(tuple(overview.names.items()))}
    file = next((types[kind] for kind in _FEEDS if kind in types), "")
    above = {category.path[:-1] for category in overview.categories if category.path}
    for category in overview.categories if file else ():
        page = overview.url + (quote(category.folder) + "/" if category.folder else "")
        title = text.one_line(category.title) or text.one_line(overview.title) or "Feed"
        yield category.path if category.path in above else category.path[:-1], _leaf(title, page + file, page)
