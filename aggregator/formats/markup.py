"""What RSS and Atom say of an entry, as text: an element a line, the very bytes that lxml would write of a tree. Pure.

Names have the prefixes of `feedgen.NAMESPACES`, which the root of the document declares. Values are `text.legal`.
"""

import html
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from aggregator import text
from aggregator.formats import fields
from aggregator.model import Enclosure, Item, Link

Spell = Callable[[str], str]

_IN_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
_IS_SPELLED = re.compile("[^{}]*".format(re.escape("".join(map(chr, _IN_ATTRIBUTE)))))  # most values are


def spelled(value: str) -> str:
    """Text as it stands in an element (XML 1.0 §2.4)."""
    return html.escape(value, quote=False)


@lru_cache(maxsize=100)
def content(item_content: str) -> str:
    """An item's content as it stands in an element, "" when it has none: RSS and then Atom say it of an entry."""
    return spelled(fields.clean(item_content))


def opening(depth: int, name: str, **attributes: object) -> str:
    """`<name attributes` in its place, without the end of the tag; attributes without a value are left out."""
    start = f"{'  ' * depth}<{name}"
    for key, value in attributes.items():
        if value:
            said = str(value)
            start += f' {key}="{said if _IS_SPELLED.fullmatch(said) else said.translate(_IN_ATTRIBUTE)}"'
    return start


def element(depth: int, name: str, value: str = "", spell: Spell = spelled, **attributes: object) -> str:
    """An element that holds text, or nothing."""
    start = opening(depth, name, **attributes) if attributes else f"{'  ' * depth}<{name}"
    return f"{start}>{spell(value)}</{name}>\n" if value else f"{start}/>\n"


def holder(depth: int, name: str, inner: str, **attributes: object) -> str:
    """An element that holds others, "" for none."""
    start = opening(depth, name, **attributes)
    return f"{start}>\n{inner}{'  ' * depth}</{name}>\n" if inner else f"{start}/>\n"


def links(depth: int, name: str, found: Iterable[Link]) -> str:
    """Atom links as `name`: `link` in Atom, `atom:link` in RSS."""
    return "".join(
        element(depth, name, href=each.href, rel=each.rel, type=each.type, hreflang=each.hreflang, title=each.title)
        for each in found
    )


def media(depth: int, files: tuple[Enclosure, ...], spell: Spell) -> str:
    """Media RSS contents; several stand in one group, the first is the default (a group of one is invalid)."""
    several = len(files) > 1
    depth += several
    contents = "".join(
        holder(
            depth,
            "media:content",
            element(depth + 1, "media:title", file.title, spell, type="plain") if file.title else "",
            url=file.url,
            type=file.type,
            medium=file.medium,
            fileSize=file.length,
            duration=file.duration,
            width=file.width,
            height=file.height,
            isDefault="true" if several and not number else "",
        )
        for number, file in enumerate(files)
    )
    return holder(depth - 1, "media:group", contents) if several else contents


def thumbnail(depth: int, item: Item) -> str:
    """The item's picture (Media RSS); outside of a group, where it would belong to the files."""
    image = fields.image(item) if item.image else None
    return element(depth, "media:thumbnail", url=image.url, width=image.width, height=image.height) if image else ""


def podcast(depth: int, item: Item, spell: Spell) -> str:
    """itunes:* and podcast:* of an episode. Apple takes JPEG and PNG artwork only, told by the extension."""
    if not (show := item.podcast):
        return ""
    texts = {
        "duration": fields.count(show.duration),
        "season": fields.count(show.season),
        "episode": fields.count(show.episode),
        "episodeType": show.episode_type if show.episode_type in ("full", "trailer", "bonus") else "",
        "explicit": "" if show.explicit is None else str(show.explicit).lower(),
    }
    made = [element(depth, f"itunes:{name}", str(value)) for name, value in texts.items() if value]
    if subtitle := text.one_line(show.subtitle, 255):
        made.append(element(depth, "itunes:subtitle", subtitle, spell))
    image = fields.image(item)
    if image and urlsplit(image.url).path.lower().endswith((".jpg", ".jpeg", ".png")):
        made.append(element(depth, "itunes:image", href=image.url))
    for link in show.transcripts:
        if url := text.http_url(link.href):
            kind, language = fields.media_type(link.type, url), text.language(link.hreflang)
            made.append(element(depth, "podcast:transcript", url=url, type=kind, language=language))
    if show.chapters and (url := text.http_url(show.chapters.href)):
        kind = fields.media_type(show.chapters.type, url)
        made.append(element(depth, "podcast:chapters", url=url, type=kind))
    return "".join(made)
