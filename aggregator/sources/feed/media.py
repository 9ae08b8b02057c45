"""The files and pictures of an item, from feedparser's entry. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from aggregator import text
from aggregator.model import Enclosure, Image, Podcast
from aggregator.sources.feed.own import Own
from aggregator.sources.feed.parts import Said, inner, merged, number, objects, seconds, string


class Files(NamedTuple):
    """An item's files: those that are called enclosures, and Media RSS contents."""

    enclosures: list[Enclosure]
    media: list[Enclosure]


def files(entry: Said, titles: Mapping[str, str], base: str) -> Files:
    """All files that an item names; `titles` are those of Media RSS contents, by address."""
    media = [
        _file({**attributes, "title": titles.get(string(attributes, "url").strip())}, base)
        for attributes in objects(entry, "media_content")
    ]
    return Files(_files(entry, base), media)


def enclosures(found: Files, podcast: Podcast | None, content: str) -> tuple[Enclosure, ...]:
    """The item's files: enclosures, and Media RSS content, of pictures only a gallery that `content` does not show."""
    media = found.media
    pictures = [file for file in media if _is_picture(file) and _address(file) not in content]
    gallery = pictures if len({_address(file) for file in pictures}) > 1 else []  # one picture in two sizes is none
    others = (file for file in media if not _is_picture(file))
    files = merged(
        file for file in (*found.enclosures, *others, *gallery) if file.type != "application/x-shockwave-flash"
    )
    if podcast and podcast.duration and files and files[0].duration is None:
        files = (replace(files[0], duration=float(podcast.duration)), *files[1:])
    return files


def _files(entry: Said, base: str) -> list[Enclosure]:
    """The files that are called enclosures: RSS 2.0's, Atom's, and RSS 1.0's (mod_enclosure)."""
    links = [link for link in objects(entry, "links") if link.get("rel") == "enclosure"]
    if rdf := inner(entry, "enc_enclosure"):
        links.append({**rdf, "href": string(rdf, "rdf:resource", "resource")})
    return [_file(link, base) for link in links]


def _file(attributes: Said, base: str) -> Enclosure:
    """An <enclosure>, a link of rel=enclosure, or a media:content (Media RSS 1.5.1)."""
    medium = string(attributes, "medium").strip().lower()
    return Enclosure(
        url=text.http_url(string(attributes, "href", "url"), base),
        type=text.mime_type(string(attributes, "type")),
        length=number(string(attributes, "length", "filesize")) or None,
        duration=seconds(string(attributes, "duration")),
        title=text.plain(string(attributes, "title"), 200),
        medium=medium if medium in ("image", "audio", "video", "document", "executable") else "",
        width=number(string(attributes, "width")),
        height=number(string(attributes, "height")),
    )


def _address(file: Enclosure) -> str:
    return file.url.partition("?")[0]


def _is_picture(file: Enclosure) -> bool:
    if file.medium or file.type:
        return file.medium == "image" or file.type.startswith("image/")
    return bool(re.search(r"\.(?:jpe?g|png|gif|webp|avif)$", _address(file), re.IGNORECASE))


def pictures(entry: Said, found: Files, own: Own, base: str) -> Iterable[Image]:
    """Candidates for the item's picture, best first; for an episode that is what its show says."""
    if own.podcast and own.image:
        yield Image(text.http_url(own.image, base))
    thumbnails = [_file(attributes, base) for attributes in objects(entry, "media_thumbnail")]
    for group in (thumbnails, [file for file in found.media if _is_picture(file)]):
        for file in sorted(group, key=lambda file: -(file.width or 0)):
            yield Image(file.url, file.width, file.height)
    for url in (string(inner(entry, "image"), "href"), own.image):  # <itunes:image>, RSS <image>
        if url:
            yield Image(text.http_url(url, base))
    for file in found.enclosures:
        if _is_picture(file):
            yield Image(file.url, file.width, file.height)
