"""What every format says of an entry: title, summary, people, categories, links, files. Pure.

The model's values are clean by contract. One bad string would still cost a whole document (lxml refuses control
characters), so all text passes `text.legal`, and URLs, media types and languages are checked once more; what fails is
left out.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from urllib.parse import quote, urlsplit

from aggregator import text
from aggregator.model import Category, Channel, Enclosure, Entry, Feed, Image, Item, Link, Person, Tag

_URI = re.compile(
    r"(?!(?i:https?|javascript|vbscript|data|file):)[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
)
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]*[A-Za-z0-9]")
_RELATIONS = frozenset(("describedby", "license", "payment", "related", "replies", "via"))
"""Relations of an entry's further links (RFC 4287 §4.2.7.2, RFC 4685, RFC 4946); a relation may also be a URI."""

_SOURCES = 1000  # what is the same for all entries of a source is worked out once for so many of these

_TYPES = {
    "avif": "image/avif",
    "epub": "application/epub+zip",
    "flac": "audio/flac",
    "gif": "image/gif",
    "html": "text/html",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "srt": "application/x-subrip",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "vtt": "text/vtt",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
    "zip": "application/zip",
}
"""Media types by extension. Our own: `mimetypes` reads files of the machine and would say different things on two."""


def uri(value: str) -> str:
    """`value` as an absolute URI (RFC 3986), an http(s) one in ASCII; "" when it is none, or a danger."""
    return text.http_url(value) or (value if _URI.fullmatch(value) else "")


def media_type(declared: str, url: str) -> str:
    """The media type of a file: the declared one, else by the extension of `url`, else `application/octet-stream`."""
    extension = urlsplit(url).path.rpartition(".")[2].lower()
    return text.mime_type(declared) or _TYPES.get(extension, "application/octet-stream")


def summary(item: Item) -> str:
    """The item's own summary as plain text, "" when it has none."""
    return text.legal(item.summary).strip()


def content(item: Item) -> str:
    """The item's content as HTML, "" when it has none."""
    return clean(item.content)


def clean(content: str) -> str:
    """The content of an item as HTML that a document may carry."""
    return text.legal(content).strip()


def teaser(entry: Entry) -> str:
    """Plain text that stands for the entry, never empty: its summary, the beginning of its content, or its title."""
    return summary(entry.item) or text.summarise(content(entry.item)) or title(entry)


def head(channel: Channel) -> tuple[str, str]:
    """The channel's title and description as plain text, neither ever empty."""
    site = text.one_line(channel.site)
    name = text.one_line(channel.category.title) or site or "Feed"
    told = text.one_line(channel.category.description, 2000)
    return name, told or f"{name}: entries collected by {site or 'this site'}."


def hubs(channel: Channel) -> list[str]:
    """The WebSub hubs of the channel, each once."""
    return list(dict.fromkeys(filter(None, map(text.http_url, channel.hubs))))


def title(entry: Entry) -> str:
    """The title as plain text, never empty: the item's own, else how it begins, else its source and day."""
    item = entry.item
    return (
        text.one_line(item.title)
        or text.one_line(item.summary, 80)
        or text.summarise(content(item), 80)
        or f"{source(entry).title}, {entry.published.date().isoformat()}"
    )


def _named(feed: Feed, otherwise: str) -> Feed:
    """A feed with a title: its own, else its host, else `otherwise`."""
    title = text.one_line(feed.title) or urlsplit(text.http_url(feed.url or feed.self_url)).netloc or otherwise
    return feed if title == feed.title else replace(feed, title=title)


def sources(entry: Entry) -> list[Feed]:
    """Where the entry is from, with titles: the feed that its own atom:source names, if any; the feed we read it in."""
    read_in = _named(entry.feed, "(untitled)")
    return [_named(entry.item.feed, read_in.title), read_in] if entry.item.feed else [read_in]


def source(entry: Entry) -> Feed:
    """The feed that the entry is from, with a title; one that the entry brought along is kept (RFC 4287 §4.2.11)."""
    return sources(entry)[0]


def authority(channel: Channel) -> str:
    """How all our tag: URIs begin (RFC 4151 §2.1)."""
    return ":".join(channel.id.split(":")[:2])


def source_id(feed: Feed, channel: Channel) -> str:
    """The atom:id of a source (RFC 4287 §4.2.6): its own, else its URL, else a tag: URI of ours made of its title."""
    if known := uri(feed.id.strip()) or text.http_url(feed.self_url):
        return known
    return f"{authority(channel)}:source/{quote(text.slug(feed.title) or feed.title, safe='')}"


def _person(person: Person) -> Person | None:
    """A person with a name: their own, else what stands before the @ of their address, else their site; or nobody."""
    email = person.email if _EMAIL.fullmatch(person.email) else ""
    url = text.http_url(person.uri)
    name = text.one_line(person.name) or email.partition("@")[0] or urlsplit(url).netloc
    return Person(name, email, url) if name else None


def people(persons: Iterable[Person]) -> tuple[Person, ...]:
    """Each person once, those without any name left out."""
    return _people(tuple(persons))


@lru_cache(maxsize=_SOURCES)
def _people(persons: tuple[Person, ...]) -> tuple[Person, ...]:
    return tuple(dict.fromkeys(filter(None, map(_person, persons))))


def authors(entry: Entry) -> tuple[Person, ...]:
    """Who wrote the entry, never nobody: its authors, else those of its source, else the source itself."""
    return people(entry.item.authors) or people((feed := source(entry)).authors) or (Person(feed.title),)


def _once(tags: Iterable[Tag]) -> list[Tag]:
    """The tags that say something. Of those that look the same in one scheme, by term or by label, the first stays."""
    kept: list[Tag] = []
    seen: set[tuple[str, str]] = set()
    for tag in tags:
        label = text.one_line(tag.label)
        term = text.one_line(tag.term) or label
        looks = {(tag.scheme, unicodedata.normalize("NFKC", word).casefold()) for word in (term, label or term)}
        if term and not looks & seen:
            kept.append(Tag(term, tag.scheme, "" if label == term else label))
            seen |= looks
    return kept


def tags(found: Iterable[Tag]) -> list[Tag]:
    """Upstream's tags, cleaned; a scheme that is no URI is left out (RFC 4287 §4.2.2.2)."""
    return list(_tags(tuple(found)))


@lru_cache(maxsize=_SOURCES)
def _tags(found: tuple[Tag, ...]) -> tuple[Tag, ...]:
    return tuple(_once(Tag(tag.term, uri(tag.scheme), tag.label) for tag in found))


def categories(entry: Entry, channel: Channel) -> list[Tag]:
    """Our categories of the entry, then upstream's tags."""
    return own_categories(entry.categories, channel) + tags(entry.item.tags)


def own_categories(found: Iterable[Category], channel: Channel) -> list[Tag]:
    """Our categories in the scheme of our taxonomy: folder as term, path as label. "Everything" is no category."""
    return list(_own(tuple(found), channel.scheme))


@lru_cache(maxsize=_SOURCES)
def _own(found: tuple[Category, ...], taxonomy: str) -> tuple[Tag, ...]:
    scheme = uri(taxonomy)
    return tuple(_once(Tag(category.folder, scheme, "/".join(category.path)) for category in found if category.path))


def links(found: Iterable[Link]) -> list[Link]:
    """The further links that a feed may carry, cleaned: known relations (or URIs) to http(s) URLs, each once."""
    clean: dict[tuple[str, str], Link] = {}
    for link in found:
        href = text.http_url(link.href)
        rel = link.rel if link.rel in _RELATIONS else uri(link.rel)
        if href and rel:
            kind, language = text.mime_type(link.type), text.language(link.hreflang)
            clean.setdefault((rel, href), Link(href, rel, kind, text.one_line(link.title), language))
    return list(clean.values())


def language(entry: Entry) -> str:
    """The language of the entry's text, else that of its source (BCP 47); "" when nobody says."""
    return text.language(entry.item.language) or text.language(source(entry).language)


def count(value: float | None) -> int | None:
    """A number of bytes, seconds, pixels or episodes as a positive whole number, else None."""
    return round(value) or None if value is not None and 0 < value < 2**53 else None


def enclosures(item: Item) -> tuple[Enclosure, ...]:
    """The item's files, cleaned, each URL once; every one has a media type."""
    clean: dict[str, Enclosure] = {}
    for found in item.enclosures:
        if url := text.http_url(found.url):
            kind = media_type(found.type, url)
            medium = found.medium if found.medium in ("image", "audio", "video", "document", "executable") else ""
            file = Enclosure(url, kind, count(found.length), count(found.duration), text.one_line(found.title), medium)
            clean.setdefault(url, replace(file, width=count(found.width), height=count(found.height)))
    return tuple(clean.values())


def is_media(file: Enclosure) -> bool:
    """Whether the file says what neither RSS <enclosure> nor an enclosure link of Atom can say."""
    return bool(file.duration or file.medium or file.width or file.height)


def image(item: Item) -> Image | None:
    """The picture that stands for the item, cleaned."""
    url = text.http_url(item.image.url) if item.image else ""
    return Image(url, count(item.image.width), count(item.image.height)) if item.image and url else None
