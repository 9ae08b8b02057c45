"""Entries as the templates of formats/html.py see them: every value checked, so that it may be shown as it is. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from markupsafe import Markup

from aggregator import dates, text
from aggregator.formats import fields
from aggregator.model import Category, Enclosure, Entry, Image, Link, Person

_LONG = 500  # characters of text; more is folded away
_RIGHT_TO_LEFT = {
    "ar",
    "arc",
    "ckb",
    "dv",
    "fa",
    "he",
    "iw",
    "ji",
    "ks",
    "nqo",
    "pnb",
    "ps",
    "sd",
    "syr",
    "ug",
    "ur",
    "yi",
}
_SCRIPTS = {"adlm", "arab", "aran", "hebr", "mand", "nkoo", "rohg", "samr", "syrc", "thaa"}
_HEADING = re.compile(r"<(/?)h[12](?=[ >])")
_LANDMARK = re.compile(r"<(/?)(?:main|nav)(?=[ >])")


@dataclass(frozen=True, slots=True)
class File:
    """A file of an entry. `element` plays it: `audio`, `video` or "" for none; `facts` are its length and size."""

    url: str
    name: str
    element: str
    facts: str
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Post:
    """An entry. `content` is HTML; when it is `long`, `teaser` stands for it and it is folded away.

    URLs may be "", `image` and `language` too; `authors` leaves out who is called as the source is. `day` is that of
    publication, YYYY-MM-DD, `published` the moment (RFC 3339).
    """

    title: str
    url: str
    source: str
    source_url: str
    authors: tuple[Person, ...]
    day: str
    published: str
    teaser: str
    content: Markup
    long: bool
    image: Image | None
    files: tuple[File, ...]
    also_in: tuple[Link, ...]
    comments: str
    categories: tuple[Category, ...]
    tags: tuple[str, ...]
    language: str
    direction: str


def post(entry: Entry) -> Post:
    """What a page shows of an entry."""
    item, source = entry.item, fields.source(entry)
    title, html, language = fields.title(entry), _calm(fields.content(item)), fields.language(entry)
    long = len(text.plain(html, _LONG)) == _LONG or html.count("<img ") > 1
    teaser = text.one_line(fields.teaser(entry), _LONG) if long or not html else ""
    image = fields.image(item)
    links = fields.links(item.links)
    return Post(
        title=title,
        url=text.http_url(item.url),
        source=source.title,
        source_url=text.http_url(source.url) or text.http_url(source.self_url),
        authors=tuple(person for person in fields.authors(entry) if person.name != source.title),
        day=dates.day(entry.published, entry.zone).isoformat(),
        published=dates.rfc3339(entry.published),
        teaser="" if teaser == title else teaser,
        content=Markup(html),  # noqa: S704 - clean HTML by contract (model.py), cleaned when it came in
        long=long,
        image=None if "<img " in html and not long else image,
        files=tuple(map(_file, fields.enclosures(item))),
        also_in=tuple(link for link in fields.links(entry.also_in) if link.title),
        comments=next((link.href for link in links if link.rel == "replies" and "xml" not in link.type), ""),
        categories=tuple(category for category in entry.categories if category.path),
        tags=tuple(tag.label or tag.term for tag in fields.tags(item.tags)),
        language=language,
        direction=direction(language) if language else "",
    )


def direction(language: str) -> str:
    """Which way a language is written (BCP 47): `rtl` or `ltr`, by its script where it names one (RFC 5646 §2.2.3)."""
    first, *rest = language.lower().split("-")
    script = next((part for part in rest if len(part) == 4 and part.isalpha()), "")
    return "rtl" if script in _SCRIPTS or (not script and first in _RIGHT_TO_LEFT) else "ltr"


def _calm(html: str) -> str:
    """Clean HTML as a part of a page: media wait until they are wanted, headings and landmarks do not disturb ours.

    nh3 may leave "<" in an attribute's value; there the replacements do no harm, as they add no quote.
    """
    html = html.replace("<img ", "<img loading=lazy ").replace("<audio ", "<audio preload=none ")
    html = html.replace("<video ", "<video preload=none ")
    return _LANDMARK.sub(r"<\1div", _HEADING.sub(r"<\1h3", html))


def _file(file: Enclosure) -> File:
    """A file with a name: its title, else what its URL ends in."""
    parts = urlsplit(file.url)
    kind = file.type.partition("/")[0]
    kind = file.medium if kind == "application" else kind
    name = file.title or text.one_line(unquote(parts.path.rpartition("/")[2]), 80) or parts.netloc
    facts = " · ".join(filter(None, (_length(file.duration), _size(file.length))))
    return File(file.url, name, kind if kind in ("audio", "video") else "", facts, file.width, file.height)


def _length(seconds: float | None) -> str:
    """A length of time as h:mm:ss."""
    if not seconds:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def _size(size: int | None) -> str:
    """A number of bytes, as people say it."""
    if not size:
        return ""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"
