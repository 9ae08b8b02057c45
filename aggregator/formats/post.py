"""Format `post`: entries as posts with front matter, for Hexo, Hugo and Jekyll, and for our own `seed` sources.

A post says what the entry is for the world: its public id, its dates, its categories. Read again, that is the item, and
written again, the same bytes. Front matter is YAML in the part that all of their parsers read alike: block style,
every text in double quotes. The body is HTML that Markdown and template languages leave alone.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from gettext import gettext as _
from typing import Any

from aggregator import matter, text
from aggregator.formats import fields
from aggregator.matter import Plain
from aggregator.model import Category, Channel, Entry, Item

FILENAME = ""  # no document of a channel's own
MEDIA_TYPE = "text/markdown"
PLANET = True
FOLDER = "posts"

PATH_FIELDS = ("category", "source", "slug", "date", "year", "month", "day", "id")
_ENDINGS = (".md", ".markdown", ".html", ".htm")
_FIELD = re.compile(r"\{([^{}]*)\}")
_MAX_NAME = 255  # bytes that file systems give a name
_MAX_FRONT = 60_000  # characters; our own reader takes 64,000
_LONG = ("authors", "tags", "categories", "enclosures", "links", "podcast", "feed")


def documents(channel: Channel) -> Mapping[str, bytes]:
    """A post for each entry of the channel of everything, below `posts/`; nothing for other channels."""
    if channel.category.path or channel.archive:
        return {}
    template = checked(channel.overview.post_path)
    return {f"{FOLDER}/{path(entry, template)}": post(entry) for entry in channel.entries}


def post(entry: Entry) -> bytes:
    """An entry as a post."""
    item = published(entry)
    body = f"{_OPEN}{_body(item.content)}{_CLOSE}" if item.content else ""
    return f"---\n{_front(item)}\n---\n\n{body}".encode()


def published(entry: Entry) -> Item:
    """The item that an entry is for the world: its public id, dates and categories, and where it is from.

    This is what a reader of the post gets, but for `origin`; also where it says too much for one (see `_fitting`).
    """
    own = replace(
        entry.item,
        guid=entry.id,
        summary=fields.summary(entry.item) or text.summarise(fields.content(entry.item)),
        categories=tuple(category.path for category in _categories(entry)),
        published=entry.published,
        updated=entry.updated,
        feed=fields.source(entry),
    )
    return _fitting(replace(matter.item(matter.fields(own)), content=fields.content(entry.item)))


# --- Paths ----------------------------------------------------------------------------------------------------------


def checked(template: str) -> str:
    """A template of paths such as `{category}/{source}/{slug}.md`, if it is one. Raises ValueError with advice."""
    if unknown := set(_FIELD.findall(template)) - set(PATH_FIELDS):
        raise ValueError(
            _("`{{{name}}}` is no field of a path; known are {fields}").format(
                name=min(unknown), fields=_(", ").join(PATH_FIELDS)
            )
        )
    if "{slug}" not in template and "{id}" not in template:
        raise ValueError(_("has neither {slug} nor {id}; without one of them posts would overwrite each other"))
    if not template.endswith(_ENDINGS):
        raise ValueError(_("must end in one of {endings}").format(endings=_(", ").join(_ENDINGS)))
    for name in _FIELD.sub("x", template).split("/"):
        if not name or name.startswith(".") or re.search(r'[\\{}<>:"|?*\x00-\x1f\x7f]', name) or name != name.strip():
            raise ValueError(_("`{template}` is no relative path of plain names").format(template=template))
    return template


def path(entry: Entry, template: str) -> str:
    """The path of an entry's post. It depends on this entry alone, so it stays when others come and go.

    A category is its folder, all levels of it; every other value is one name. Titles repeat (`2019`, "Links", none at
    all), so `{slug}` always ends in a part of the id's hash.
    """
    mark = hashlib.sha256(entry.id.encode(errors="replace")).hexdigest()[:12]
    moment = entry.published.astimezone(UTC)
    values = {
        "category": _folder(entry),
        "source": text.slug(fields.source(entry).title) or "source",
        "slug": "-".join(filter(None, (text.slug(fields.title(entry)), mark))),
        "date": f"{moment:%Y-%m-%d}",
        "year": f"{moment:%Y}",
        "month": f"{moment:%m}",
        "day": f"{moment:%d}",
        "id": mark,
    }
    names = _FIELD.sub(lambda found: values[found[1]], template).split("/")
    return "/".join(name if len(name.encode()) <= _MAX_NAME else _short(name, mark) for name in names)


def _categories(entry: Entry) -> list[Category]:
    """The entry's categories: those of the copy that is shown in its order, then those that only other copies have."""
    rank = {path: number for number, path in enumerate(entry.item.categories)}
    return sorted((each for each in entry.categories if each.path), key=lambda each: rank.get(each.path, len(rank)))


def _folder(entry: Entry) -> str:
    """The folder of the entry's first category."""
    names = [name for category in _categories(entry)[:1] for name in category.folder.split("/")]
    return "/".join(filter(None, map(text.slug, names))) or "uncategorized"  # Hexo's name for none


def _short(name: str, mark: str) -> str:
    """A name that is too long, cut; the hash of the id takes the place of what is gone."""
    stem, dot, ending = name.rpartition(".")
    return (
        f"{(stem or ending).encode()[:200].decode(errors='ignore')}-{mark}{dot if stem else ''}{ending if stem else ''}"
    )


# --- Front matter ---------------------------------------------------------------------------------------------------


def _fitting(item: Item) -> Item:
    """An item whose front matter our reader takes: where there is far too much, the longest list loses its end."""
    while len(_front(item)) > _MAX_FRONT:
        longest = max(_LONG, key=lambda name: len(repr(getattr(item, name))))
        value = getattr(item, longest)
        less: Any = value[: len(value) // 2] if isinstance(value, tuple) else None
        item = replace(item, **{longest: less})
    return item


def _front(item: Item) -> str:
    """The fields of an item as YAML."""
    block = "\n".join(_yaml(matter.fields(item)))
    if block.count("[") + block.count("{") > _MAX_BRACKETS:  # a reader may take them for nesting
        block = re.sub(r"[\[{]", _escape, block)
    return block


def _yaml(value: Plain) -> list[str]:
    """The lines of a list or a mapping in block style."""
    lines = []
    if isinstance(value, dict):
        for name, each in value.items():
            if isinstance(each, dict | list):
                lines += [f"{name}:", *(f"  {line}" for line in _yaml(each))]
            else:
                lines.append(f"{name}: {_quoted(each)}")
    elif isinstance(value, list):
        for each in value:
            first, *rest = _yaml(each) if isinstance(each, dict | list) else [_quoted(each)]
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
    return lines


_MAX_BRACKETS = 150
# What a quoted text must not hold as it stands: controls and line ends of YAML 1.1 §5; `*` and `- - -` only because
# our own reader, which looks before it parses, takes them for an alias and for deep nesting.
_ESCAPED = re.compile(
    r"""["\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]|(?<=[\s\[{,:])\*|(?<=[-?:])[ ](?=[-?:][ ])""", re.VERBOSE
)


def _quoted(value: str | int | float | bool) -> str:
    """A scalar: numbers and truth values plain, any text in double quotes, so that `no` and dates stay texts."""
    if isinstance(value, str):
        return f'"{_ESCAPED.sub(_escape, value)}"'
    return str(value).lower()


def _escape(found: re.Match[str]) -> str:
    return f"\\{found[0]}" if found[0] in '"\\' else f"\\u{ord(found[0]):04x}"


# --- Body -----------------------------------------------------------------------------------------------------------

# The wrapper makes all of it one block of HTML to Markdown, which only a blank line would end (CommonMark §4.6).
# h-entry (microformats.org) calls the content of an entry so, and our reader takes the wrapper off.
_OPEN, _CLOSE = '<div class="e-content">\n', "\n</div>\n"
_SPECIAL = re.compile(r"[{}]|`(?=``)|~(?=~~)|\ufffc|\n(?=[ \t]*\n)")


def _body(content: str) -> str:
    """Clean HTML with references for what a generator would take for its own.

    Braces make tags of Liquid, Nunjucks (where a mere `#}` is an error) and Hugo; Hexo looks for fences of code in
    HTML, too, and uses U+FFFC as a mark of its own.
    """
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", content)
