"""The fields of a post's front matter in the words of our model: categories, authors, dates, pictures, files. Pure.

Hexo, Hugo, Jekyll and their themes give one thing many names; the tuples list them, the most telling first.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import PurePosixPath

from aggregator import dates, html, text
from aggregator.dates import Moment
from aggregator.model import CategoryPath, Enclosure, Image, Link, Person, Tag
from aggregator.sources.seed.frontmatter import FrontMatter
from aggregator.sources.seed.values import Problem, Value

_PUBLISHED = ("date", "publishdate", "pubdate", "published", "created")
_UPDATED = ("updated", "lastmod", "last_modified_at", "modified")
_PAGES = ("permalink", "url", "link", "external_link", "external_url", "canonical_url")
_PICTURES = (
    "headimg", "thumbnail", "cover", "image", "featured_image", "featuredimage", "cover_image", "banner", "photos",
    "images", "header", "feature", "og_image", "top_img", "index_img", "banner_img",
)  # fmt: skip
_PICTURE_KEYS = ("url", "image", "src", "path", "feature", "teaser", "overlay_image", "thumbnail")
_FILES = ("enclosure", "enclosures", "audio", "podcast", "audio_url", "audio_file", "video_url")
_MEDIA_TYPES = {
    "aac": "audio/aac", "flac": "audio/flac", "m4a": "audio/mp4", "mp3": "audio/mpeg", "oga": "audio/ogg",
    "ogg": "audio/ogg", "opus": "audio/opus", "wav": "audio/wav", "m4v": "video/mp4", "mov": "video/quicktime",
    "mp4": "video/mp4", "webm": "video/webm", "pdf": "application/pdf", "epub": "application/epub+zip",
}  # fmt: skip
_YES, _NO = ("true", "yes", "on", "1", "y"), ("false", "no", "off", "0", "n")
_ABSENT = ("", "~", "null", "none")
_DATED = re.compile(r"(\d{4}-\d{1,2}-\d{1,2})[-_ ]?(.*)", re.DOTALL)


def scalar(fields: Mapping[str, Value], *names: str) -> str:
    """The first of these fields that holds text, stripped; "" when none does. `~` and `null` hold none."""
    values = (fields.get(name, "") for name in names)
    return next((v.strip() for v in values if isinstance(v, str) and v.strip().lower() not in _ABSENT), "")


def is_draft(front: FrontMatter, name: str) -> tuple[bool, Problem]:
    """Whether a post is not published: in `_drafts/`, `published: false` (Jekyll), `draft` or `headless` (Hugo).

    What is neither yes nor no (`draft: ture`) keeps the post back, with a problem: to publish a draft is worse.
    """
    said = {key: scalar(front.fields, key).strip().lower() for key in ("draft", "published", "headless", "layout")}
    drafted = said["draft"] in _YES or said["headless"] in _YES or said["layout"] == "draft"
    if drafted or said["published"] in _NO or "_drafts" in PurePosixPath(name).parts:
        return True, (1, "")
    known = (*_YES, *_NO, "", "null", "~")
    for key in ("draft", "published"):
        if said[key] not in known and not (key == "published" and dates.parse(said[key])):
            return True, (front.lines.get(key, 1), f"{key} `{said[key]:.80}` is neither yes nor no; the post stays out")
    return False, (1, "")


def is_jekyll(fields: Mapping[str, Value], name: str) -> bool:
    """Whether a post looks like Jekyll's: a `layout`, and a dated name or `_posts/`, but not Hexo's `source/`."""
    path = PurePosixPath(name)
    hexo = "source" in path.parts or "updated" in fields or "headimg" in fields
    return "layout" in fields and not hexo and bool(_DATED.match(path.name) or "_posts" in path.parts)


# --- Names ----------------------------------------------------------------------------------------------------------


def _names(value: Value) -> Iterator[str]:
    """The names in a value, one line and NFC each; `- GitHub: Issues` is a mapping to YAML and a name to us."""
    if isinstance(value, list):
        for each in value:
            yield from _names(each)
    elif isinstance(value, dict):
        yield from _names([f"{key}: {text}" if isinstance(text, str) else key for key, text in value.items()])
    elif name := unicodedata.normalize("NFC", text.one_line(value)):
        yield name


def _split(value: str, on_spaces: bool) -> list[Value]:
    return [*value.split(",")] if "," in value else [*value.split()] if on_spaces else [value]


def categories(front: FrontMatter, name: str) -> tuple[CategoryPath, ...]:
    """The category paths of a post, in its order, each once.

    Hexo's rules: a list is one path, a list that holds lists is several paths. A text is one name; with commas it is
    several categories. In TOML (Hugo, which knows no paths) a list is several categories. A text with blanks is a path
    only where the post looks like Jekyll's: elsewhere it is a name such as `Machine Learning`.
    """
    value = front.fields.get("categories") or front.fields.get("category") or ""
    paths: list[Value]
    if isinstance(value, str):
        if value.strip().lower() in _ABSENT:
            paths = []
        elif not front.fields.get("categories"):
            paths = [value]
        else:
            words = _split(value, is_jekyll(front.fields, name))
            paths = words if "," in value else [words]
    elif isinstance(value, list):
        paths = value if front.kind == "toml" or any(isinstance(each, list) for each in value) else [value]
    else:
        paths = [value]
    found = (tuple(_names(path)) for path in paths)
    return tuple(dict.fromkeys(path for path in found if path))


def tags(front: FrontMatter, name: str) -> tuple[Tag, ...]:
    """`tags` or `tag`: a list, or a text with commas (with blanks where the post looks like Jekyll's)."""
    value = front.fields.get("tags") or front.fields.get("tag") or ""
    if isinstance(value, str):
        value = [] if value.strip().lower() in _ABSENT else _split(value, is_jekyll(front.fields, name))
    return tuple(Tag(term) for term in dict.fromkeys(_names(value)))


def authors(fields: Mapping[str, Value]) -> tuple[Person, ...]:
    """`authors` or `author`: a name, `Name <mail>`, a mapping with `name`, `email`, `url`, or a list of these."""
    value = fields.get("authors") or fields.get("author") or ""
    people = (_person(each) for each in (value if isinstance(value, list) else [value]))
    return tuple(dict.fromkeys(person for person in people if person.name))


def _person(value: Value) -> Person:
    if isinstance(value, dict):
        known = {key.lower(): each for key, each in value.items()}
        name = text.one_line(scalar(known, "name", "display_name"))
        if name:
            uri = text.http_url(scalar(known, "uri", "url", "link", "website", "homepage"))
            return Person(name, _mail(scalar(known, "email", "mail")), uri)
    name = ", ".join(_names(value))
    if found := re.fullmatch(r"([^<>]+?) <([^<>\s]+@[^<>\s]+)>", name):
        return Person(found[1], _mail(found[2]))
    return Person("" if name in _ABSENT else name)


def _mail(value: str) -> str:
    return value if re.fullmatch(r"[^\s@<>\"',;:]{1,64}@[\w.-]{1,253}", value) else ""


# --- Dates and titles from file names -------------------------------------------------------------------------------


def published(front: FrontMatter, name: str, zone: str) -> tuple[Moment, Problem]:
    """The date of a post, and what is wrong with it, or "". Naive dates are in `zone` (IANA).

    Without a field the file name says it, as Jekyll does (`2019-01-17-title.md`).
    """
    key, value = _first(front.fields, _PUBLISHED)
    said = dates.read(value, zone)
    dated = _DATED.match(PurePosixPath(name).name)
    moment = said if said.when or not dated else dates.read(dated[1], zone)
    instead = "the file name's is used" if moment.when else "the time of first sight is used"
    if not value and (
        odd := next((name for name in _PUBLISHED if isinstance(front.fields.get(name), list | dict)), "")
    ):
        return moment, (front.lines.get(odd, 1), f"{odd} holds several values, and is no date; {instead}")
    if not value or said.when:
        return moment, (1, "")
    return moment, (front.lines.get(key, 1), f"{key} `{text.one_line(value, 80)}` is no date; {instead}")


def updated(front: FrontMatter, zone: str) -> tuple[datetime | None, Problem]:
    """The date of the last change (UTC), and what is wrong with it, or ""."""
    key, value = _first(front.fields, _UPDATED)
    moment = dates.parse(value, zone) if value else None
    if moment or not value:
        return moment, (1, "")
    return None, (front.lines.get(key, 1), f"{key} `{text.one_line(value, 80)}` is no date; it is left out")


def _first(fields: Mapping[str, Value], names: tuple[str, ...]) -> tuple[str, str]:
    """The first of these fields that says something but yes or no (Jekyll's `published: true` is no date)."""
    values = ((name, scalar(fields, name)) for name in names)
    return next(((name, value) for name, value in values if value and value.lower() not in _YES + _NO), ("", ""))


def name_title(name: str) -> str:
    """The title that a file name gives, "" when it says nothing (`20190117.md`).

    As Jekyll makes it of a slug: `2019-01-17-on-feeds.md` is "On Feeds". `index.md` (Hugo's bundles) has its folder's.
    """
    path = PurePosixPath(name)
    stem = path.parent.name if path.stem.lower() in ("index", "_index", "readme") else path.stem
    if dated := _DATED.fullmatch(stem):
        stem = dated[2]
    if not any(char.isalpha() for char in stem):
        return ""
    if " " in stem:
        return text.one_line(stem)
    words = re.sub(r"[-_]+", " ", stem).split()
    return text.one_line(" ".join(word[:1].upper() + word[1:] if stem.islower() else word for word in words))


# --- Links, pictures, files -----------------------------------------------------------------------------------------


def page(fields: Mapping[str, Value], base: str) -> tuple[str, str]:
    """The post's page, and the base for its relative links: the page itself where the post gives its own address.

    Permalink patterns (`/:year/:title/`) are no addresses.
    """
    for name in _PAGES:
        value = scalar(fields, name)
        if value and not re.search(r"/:[a-z]", value) and (url := text.http_url(value, base)):
            return url, url if name in ("permalink", "url") else base
    return "", base


def links(fields: Mapping[str, Value], base: str) -> tuple[Link, ...]:
    """`comments: https://...` as rel=replies (RFC 4685), `license: https://...` as rel=license (RFC 4946)."""
    found = []
    for rel, value in (
        ("replies", scalar(fields, "comments")),
        ("license", scalar(fields, "license", "licence", "rights")),
    ):
        if value.startswith(("http://", "https://")) and (url := text.http_url(value, base)):
            found.append(Link(url, rel))
    return tuple(found)


def rights(fields: Mapping[str, Value]) -> str:
    """`rights`, `copyright` or `license` as text; a bare address is a link and not repeated here."""
    value = text.one_line(scalar(fields, "rights", "copyright", "license", "licence"))
    return "" if value.lower() in _YES + _NO or text.http_url(value) else value


def image(fields: Mapping[str, Value], base: str) -> Image | None:
    """The picture that the post names and that can be one; `cover: false` and colours name none."""
    for name in _PICTURES:
        for value in _addresses(fields.get(name, ""), _PICTURE_KEYS):
            url = text.http_url(value.replace("\\", "/"), base) if re.search(r"[./\\]", value) else ""
            if url and html.usable_image(url):
                return Image(url)
    return None


def _addresses(value: Value, keys: tuple[str, ...]) -> Iterator[str]:
    """The texts of a value that is an address, a list of addresses, or a mapping that holds one under one of `keys`."""
    if isinstance(value, list):
        for each in value:
            yield from _addresses(each, keys)
    elif isinstance(value, dict):
        known = {key.lower(): each for key, each in value.items()}
        yield from (address for key in keys if isinstance(address := known.get(key, ""), str) and address)
    elif value.strip():
        yield value.strip()


def enclosures(fields: Mapping[str, Value], base: str) -> tuple[Enclosure, ...]:
    """Files that belong to the post, as Jekyll's podcasters write them: an address, or `url`, `length`, `type`."""
    found: dict[str, Enclosure] = {}
    for name in _FILES:
        value = fields.get(name, "")
        for each in value if isinstance(value, list) else [value]:
            known = {k.lower(): v for k, v in each.items()} if isinstance(each, dict) else {"url": each}
            address = scalar(known, "url", "src", "file", "href")
            url = text.http_url(address, base) if re.search(r"[./]", address) else ""
            if url:
                ending = PurePosixPath(url.partition("?")[0].partition("#")[0]).suffix.lower().lstrip(".")
                length = scalar(known, "length", "size", "bytes").replace(",", "")
                mime = text.mime_type(scalar(known, "type", "mime_type")) or _MEDIA_TYPES.get(ending, "")
                size = int(length) if re.fullmatch(r"[0-9]{1,15}", length) else None
                found.setdefault(url, Enclosure(url, mime, size, title=text.one_line(scalar(known, "title"))))
    return tuple(found.values())
