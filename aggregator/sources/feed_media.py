"""The files and pictures of an item, from feedparser's entry. Not a kind of source: part of `feed`. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from aggregator import text
from aggregator.model import Enclosure, Image, Podcast
from aggregator.sources import feed_parts
from aggregator.sources.feed_own import Own


def enclosures(entry: Mapping[str, Any], base: str, podcast: Podcast | None, content: str) -> tuple[Enclosure, ...]:
    """The item's files: enclosures, and Media RSS content, of pictures only a gallery that `content` does not show."""
    links = [link for link in entry.get("links") or () if link.get("rel") == "enclosure"]
    if "enc_enclosure" in entry:  # RSS 1.0's mod_enclosure
        said = entry["enc_enclosure"]
        links.append({**said, "href": said.get("rdf:resource") or said.get("resource")})
    found = [_file(link, base) for link in links]
    media = [_file(attributes, base) for attributes in entry.get("media_content") or ()]
    pictures = {address for file in media if _is_picture(file) and (address := file.url.partition("?")[0]) not in content}
    found += [file for file in media if not _is_picture(file) or (len(pictures) > 1 and file.url.partition("?")[0] in pictures)]
    files = feed_parts.merged(file for file in found if file.type != "application/x-shockwave-flash")
    if podcast and podcast.duration and files and files[0].duration is None:
        files = (replace(files[0], duration=float(podcast.duration)), *files[1:])
    return files


def _file(attributes: Mapping[str, Any], base: str) -> Enclosure:
    """An <enclosure>, a link of rel=enclosure, or a media:content (Media RSS 1.5.1)."""
    said = {name: str(value or "") for name, value in attributes.items()}
    return Enclosure(
        url=text.http_url(said.get("href") or said.get("url", ""), base),
        type=text.mime_type(said.get("type", "")),
        length=feed_parts.number(said.get("length") or said.get("filesize")) or None,
        duration=feed_parts.seconds(said.get("duration")),
        title=text.plain(said.get("title", ""), 200),
        medium=said.get("medium", "").lower() if said.get("medium", "").isalpha() else "",
        width=feed_parts.number(said.get("width")),
        height=feed_parts.number(said.get("height")),
    )


def _is_picture(file: Enclosure) -> bool:
    if file.medium or file.type:
        return file.medium == "image" or file.type.startswith("image/")
    return bool(re.search(r"\.(?:jpe?g|png|gif|webp|avif)$", file.url.partition("?")[0], re.IGNORECASE))


def pictures(entry: Mapping[str, Any], own: Own, base: str) -> Iterable[Image]:
    """Candidates for the item's picture, best first."""
    thumbnails = [_file(attributes, base) for attributes in entry.get("media_thumbnail") or ()]
    media = [_file(attributes, base) for attributes in entry.get("media_content") or ()]
    files = [_file(link, base) for link in entry.get("links") or () if link.get("rel") == "enclosure"]
    for group in (thumbnails, [file for file in media if _is_picture(file)]):
        for file in sorted(group, key=lambda file: -(file.width or 0)):
            yield Image(file.url, file.width, file.height)
    itunes = entry.get("image")
    yield Image(text.http_url(str(itunes.get("href") or "") if isinstance(itunes, dict) else "", base))
    yield Image(text.http_url(own.image, base))
    for file in files:
        if _is_picture(file):
            yield Image(file.url, file.width, file.height)


