"""The fields of the posts that we write (front matter), and the item that they say: one the inverse of the other. Pure.

Names that Hexo, Hugo, Jekyll and their themes know stand at the top; what none of them knows is nested below names of
our own. `generator` marks a post as ours: its texts are what they are, nothing in them is decoded or guessed.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from aggregator import dates, text
from aggregator.model import CategoryPath, Enclosure, Feed, Image, Item, Link, Person, Podcast, Tag

Plain: TypeAlias = str | int | float | bool | list["Plain"] | dict[str, "Plain"]
GENERATOR = "aggregator"
_MAX_URL = 4000
_Part = TypeVar("_Part")
_Reader: TypeAlias = Callable[[Any], Any]


def is_ours(said: Mapping[str, Any]) -> bool:
    """Whether front matter is of a post that we wrote."""
    return said.get("generator") == GENERATOR


# --- One value out of whatever stands there -------------------------------------------------------------------------


def _scalar(value: Any) -> str:
    """A text, or a number or truth value as text; "" for anything else."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else ""


def _line(value: Any) -> str:
    return text.one_line(_scalar(value), 2000)


def _name(value: Any) -> str:
    """A category's name, in the form in which they are compared."""
    return unicodedata.normalize("NFC", text.one_line(_scalar(value)))


def _id(value: Any) -> str:
    return text.legal(_scalar(value)).strip()


def _url(value: Any) -> str:
    url = text.http_url(_scalar(value))
    return url if len(url) <= _MAX_URL else ""


def _mail(value: Any) -> str:
    mail = _line(value)
    return mail if re.fullmatch(r"[^\s@<>]{1,64}@[^\s@<>]{1,253}", mail) else ""


def _mime(value: Any) -> str:
    return text.mime_type(_scalar(value))


def _language(value: Any) -> str:
    return text.language(_scalar(value))


def _count(value: Any) -> int | None:
    digits = _scalar(value)
    return int(digits) if re.fullmatch(r"[0-9]{1,15}", digits) else None


def _number(value: Any) -> float | None:
    """A number that is not negative; a whole one as such, so that 61 and 61.0 are written alike."""
    try:
        number = float(_scalar(value))
    except ValueError:
        return None
    if not (math.isfinite(number) and 0 <= number < 2**53):
        return None
    return int(number) if number.is_integer() else number


def _truth(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(_scalar(value))


# --- Parts of an item, as mappings ----------------------------------------------------------------------------------

_FIELDS: dict[type, dict[str, _Reader]] = {
    Person: {"name": _line, "email": _mail, "uri": _url},
    Tag: {"term": _line, "scheme": _line, "label": _line},
    Link: {"href": _url, "rel": _line, "type": _mime, "title": _line, "hreflang": _language},
    Enclosure: {
        "url": _url, "type": _mime, "length": _count, "duration": _number, "title": _line, "medium": _line,
        "width": _count, "height": _count,
    },
    Podcast: {
        "duration": _count, "season": _count, "episode": _count, "episode_type": _line, "explicit": _truth,
        "subtitle": _line, "transcripts": lambda value: _parts(Link, value),
        "chapters": lambda value: _part(Link, value),
    },
    # Not what moves with every entry of the feed, such as `updated`: the post would be written anew each time.
    Feed: {
        "id": _id, "title": _line, "url": _url, "self_url": _url, "language": _language, "rights": _line,
        "authors": lambda value: _parts(Person, value),
    },
}  # fmt: skip
"""What of each part is written, and how each field is read: `_line` and its like take any value, and never raise."""
_NEEDED = {Person: (), Tag: ("term",), Link: ("href", "rel"), Enclosure: ("url",), Podcast: (), Feed: ()}


def _part(kind: type[_Part], said: Any) -> _Part | None:
    """A part out of its mapping, None when it says nothing, or not what such a part needs."""
    if not isinstance(said, Mapping):
        return None
    values = {name: read(said.get(name)) for name, read in _FIELDS[kind].items()}
    needed = all(values.get(name) for name in _NEEDED[kind])
    return kind(**values) if needed and any(value not in ("", None, ()) for value in values.values()) else None


def _parts(kind: type[_Part], said: Any) -> tuple[_Part, ...]:
    """The parts in a list, each once."""
    found = (_part(kind, each) for each in (said if isinstance(said, list) else [said]))
    return tuple(dict.fromkeys(part for part in found if part))


def _plain(value: Any) -> Plain:
    """A part, or a tuple of parts, with plain values only; what is absent is left out."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if type(value) in _FIELDS:
        said = {name: getattr(value, name) for name in _FIELDS[type(value)]}
        return {name: _plain(each) for name, each in said.items() if each not in ("", None, ())}
    plain: Plain = value
    return plain


# --- An item --------------------------------------------------------------------------------------------------------


def fields(item: Item) -> dict[str, Plain]:
    """The fields of a post for an item, all but its content. What is absent is left out, but for a title."""
    image = item.image
    said: dict[str, Any] = {
        "date": item.published and dates.rfc3339(item.published),
        "updated": item.updated and dates.rfc3339(item.updated),
        "categories": _path_list(item.categories),
        "tags": list(dict.fromkeys(tag.term for tag in item.tags)),
        "topics": _plain(item.tags) if any(tag.scheme or tag.label for tag in item.tags) else None,
        "author": _people(item.authors),
        "headimg": image and image.url,
        "thumbnail": image and image.url,
        "image": _image(image) if image and (image.width or image.height) else None,  # as jekyll-seo-tag has it
        "link": item.url,
        "guid": item.guid,
        "language": item.language,  # not `lang`, which Hugo took for the site's and is giving up (0.144)
        "description": item.summary,
        "rights": item.rights,
        "enclosures": _plain(item.enclosures),
        "links": _plain(item.links),
        "podcast": _plain(item.podcast),
        "source": _plain(item.feed),
    }
    present = {name: value for name, value in said.items() if value not in (None, "", [], {})}
    return {"generator": GENERATOR, "title": item.title, **present}


def item(said: Mapping[str, Any], zone: str = "UTC") -> Item:
    """The item that the fields of a post of ours say, without content and origin. Never raises.

    Its owner may have edited the post: dates without an offset are in `zone` (IANA); what makes no sense is left out.
    """
    return Item(
        guid=_id(said.get("guid")),
        url=_url(said.get("link")),
        title=text.one_line(_scalar(said.get("title"))),
        summary=_line(said.get("description")),
        authors=_authors(said.get("author")),
        tags=_tags(said.get("tags"), _parts(Tag, said.get("topics"))),
        categories=_paths(said.get("categories")),
        published=dates.parse(_scalar(said.get("date")), zone),
        updated=dates.parse(_scalar(said.get("updated")), zone),
        language=_language(said.get("language")),
        rights=_line(said.get("rights")),
        image=_picture(said),
        enclosures=_parts(Enclosure, said.get("enclosures")),
        links=_parts(Link, said.get("links")),
        podcast=_part(Podcast, said.get("podcast")),
        feed=_part(Feed, said.get("source")),
    )


def _path_list(paths: tuple[CategoryPath, ...]) -> list[Any]:
    """Hexo's notation: one path is a list of names, several are a list of such lists."""
    lists = [list(path) for path in paths]
    return lists[0] if len(lists) == 1 else lists


def _paths(said: Any) -> tuple[CategoryPath, ...]:
    names = said if isinstance(said, list) else [said]
    paths = names if any(isinstance(each, list) for each in names) else [names]
    found = (tuple(filter(None, map(_name, path if isinstance(path, list) else [path]))) for path in paths)
    return tuple(dict.fromkeys(path for path in found if path))


def _people(people: tuple[Person, ...]) -> Plain:
    """A mere name as a text, which themes can show, else a mapping; a list where there are several."""
    said: list[Plain] = [each.name if each == Person(each.name) else _plain(each) for each in people]
    return said[0] if len(said) == 1 else said


def _authors(said: Any) -> tuple[Person, ...]:
    several = said if isinstance(said, list) else [said]
    return _parts(Person, [{"name": each} if isinstance(each, str) else each for each in several])


def _tags(said: Any, topics: tuple[Tag, ...]) -> tuple[Tag, ...]:
    """The tags, with what `topics` tells of them besides the term; a term that was taken out of `tags` is gone."""
    terms = dict.fromkeys(filter(None, map(_line, said if isinstance(said, list) else [said])))
    told = tuple(topic for topic in topics if topic.term in terms)
    return (*told, *(Tag(term) for term in terms if term not in {topic.term for topic in told}))


def _image(image: Image) -> Plain:
    said = {"path": image.url, "width": image.width, "height": image.height}
    return {name: value for name, value in said.items() if value}


def _picture(said: Mapping[str, Any]) -> Image | None:
    url = _url(said.get("headimg")) or _url(said.get("thumbnail"))
    more = said.get("image")
    more = more if isinstance(more, Mapping) and _url(more.get("path")) == url else {}
    return Image(url, _count(more.get("width")) or None, _count(more.get("height")) or None) if url else None
