"""What XML and JSON feeds have in common: people, texts, files, numbers. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from html import escape
from typing import Any

from aggregator import html, text
from aggregator.dates import Moment
from aggregator.model import Enclosure, Image, Item, Person, Tag

MAX_ITEMS = 10_000
MAX_LIST = 50  # tags, people, links, enclosures of one item
MAX_CONTENT = 500_000  # characters of HTML
MAX_SUMMARY = 1_000

Said = Mapping[str, Any]
"""What a feed, an item, or a part of one says: JSON's object or feedparser's entry. Any value may be of any type."""


def string(said: Said, *names: str) -> str:
    """The first of these members that is text or a number, and not empty; lawful characters, else verbatim."""
    for name in names:
        value = said.get(name)
        if type(value) is str:
            if value:
                return text.legal(value)
        elif value is not None and isinstance(value, str | int | float) and not isinstance(value, bool):
            return text.legal(str(value))
    return ""


def objects(said: Said, name: str) -> list[Said]:
    """The objects in the list under a name."""
    value = said.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def inner(said: Said, name: str) -> Said:
    """The object under a name, or an empty one."""
    value = said.get(name)
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Body:
    """A text of an item as it came: HTML, or text that may be HTML all the same. `base` is its xml:base, if any."""

    value: str
    is_html: bool = True
    base: str = ""

    @property
    def html(self) -> str:
        """The text as HTML that is not clean yet."""
        return self.value if self.is_html or _LOOKS_HTML.search(self.value) else paragraphs(self.value)


_LOOKS_HTML = re.compile(
    r"</(?:a|b|blockquote|div|em|h[1-6]|i|li|ol|p|pre|span|strong|table|td|ul)\s*>|<(?:br|hr|p)\s*/?>|<img\s",
    re.IGNORECASE,
)


def paragraphs(plain: str) -> str:
    """Plain text as HTML: blank lines part paragraphs, other line breaks stay."""
    blocks = re.split(r"\n\s*\n", text.legal(plain).strip())
    return "".join(
        f"<p>{escape(block.strip(), quote=False)}</p>".replace("\n", "<br>") for block in blocks if block.strip()
    )


_EMPTY = re.compile(r"\(\s*\)|<\s*>|\[\s*\]|&lt;\s*&gt;")
_MAIL = re.compile(r"(?:mailto:)?([\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[a-zA-Z]{2,24})")


def person(name: str, email: str = "", uri: str = "") -> Person | None:
    """A person out of what feeds write: `Name`, `mail@x (Name)` (RSS 2.0 <author>), `Name <mail@x>`, or a mere address.

    A mere address gives its local part as the name (RFC 4287 §3.2.1 requires one). None when nothing is said.
    """
    raw = text.legal(name)[:1000]
    found = _MAIL.search(raw) if "@" in raw else None
    if found:
        email = email or found[1]
        raw = f"{raw[: found.start()]} {raw[found.end() :]}"
    raw = _EMPTY.sub(" ", raw).strip(" \t\n,;:\"'")
    if raw.startswith("(") and raw.endswith(")"):
        raw = raw[1:-1]
    mail = _MAIL.fullmatch(text.one_line(email)) if email else None
    shown = text.plain(raw, 200) or (mail[1].partition("@")[0] if mail else "")
    return Person(shown, mail[1] if mail else "", text.http_url(uri)) if shown else None


def people(found: Iterable[Person | None]) -> tuple[Person, ...]:
    """Each person once, by name; what another mention adds (an address) is kept."""
    known: dict[str, Person] = {}
    for one in found:
        if one and len(known) < MAX_LIST:
            old = known.get(one.name.casefold(), one)
            known[one.name.casefold()] = Person(old.name, old.email or one.email, old.uri or one.uri)
    return tuple(known.values())


def tags(found: Iterable[Tag]) -> tuple[Tag, ...]:
    """Tags in plain text, each once; those without a term or a label are none."""
    known: dict[Tag, None] = {}
    for tag in map(_tag, found):
        if tag.term:
            known.setdefault(tag)
        if len(known) == MAX_LIST:
            break
    return tuple(known)


def _tag(tag: Tag) -> Tag:
    label = text.plain(tag.label, 200)
    return Tag(text.plain(tag.term, 200) if tag.term else label, text.one_line(tag.scheme), label)


_NUMBER = re.compile(r"\s*\+?([0-9]{1,18})(?:\.[0-9]*)?(?:px)?\s*")


def number(value: str) -> int | None:
    """A count, a size, or a width such as `640` or `640px`; None for anything else, and for what no column can hold."""
    found = _NUMBER.fullmatch(value) if value else None
    return int(found[1]) if found else None


_SECONDS = re.compile(r"\s*(?:[0-9]{1,6}:){0,2}[0-9]{1,9}(?:\.[0-9]{0,9})?\s*")


def seconds(value: str) -> float | None:
    """A duration: seconds, `MM:SS` or `HH:MM:SS` (Apple's itunes:duration); None for anything else, and for nothing."""
    if not value or not _SECONDS.fullmatch(value):
        return None
    total = 0.0
    for part in value.split(":"):
        total = total * 60 + float(part)
    return total or None


def merged(found: Iterable[Enclosure]) -> tuple[Enclosure, ...]:
    """Each file once, by URL: the first mention leads, later ones fill what it left out."""
    known: dict[str, Enclosure] = {}
    for one in found:
        if one.url in known:
            old = known[one.url]
            gaps = [f.name for f in fields(Enclosure) if getattr(old, f.name) in ("", None)]
            known[one.url] = replace(old, **{name: getattr(one, name) for name in gaps})
        elif one.url and len(known) < MAX_LIST:
            known[one.url] = one
    return tuple(known.values())


def picture(found: Iterable[Image], content: str) -> Image | None:
    """The item's picture: the first of `found` that is one, else the first in its clean HTML."""
    for one in found:  # WordPress gives the author's face as the first of them
        if one.url and html.usable_image(one.url) and "gravatar.com/avatar/" not in one.url:
            return one
    return html.first_image(content)


def texts(content: Body | None, summary: Body | None, caption: Body | None, base: str) -> tuple[str, str, bool]:
    """An item's clean HTML, its plain summary, and whether the HTML had to be cut. `base` is for bodies without one.

    The content is the first of the three with anything to show; a summary that is not the content stays one.
    """
    clean, main = "", None
    for main in (content, summary, caption):
        raw = main.html if main else ""
        clean = html.clean(raw[:MAX_CONTENT], text.http_url(main.base, base) or base) if main else ""
        if clean:
            break
    short = text.summarise(summary.html, MAX_SUMMARY) if summary and main is content else ""
    return clean, short or text.summarise(clean), len(raw) > MAX_CONTENT


def capped(items: Sequence[Any]) -> tuple[Sequence[Any], list[str]]:
    """At most MAX_ITEMS of a document's raw items, and a warning when there were more."""
    over = len(items) > MAX_ITEMS
    return items[:MAX_ITEMS], [f"it has {len(items)} items; only the first {MAX_ITEMS} are read"] if over else []


_DAYS = 3


def whole_days(read: Sequence[tuple[Item, Moment]]) -> tuple[Item, ...]:
    """The items of a feed, each given with its `published` as it was read, knowing which dates are days alone.

    Many feeds have no clock and write 00:00:00. All dates of a feed at midnight, on three days or more, are no chance.
    """
    dated = [moment for _, moment in read if moment.when]
    days = {moment.when for moment in dated}
    no_clock = len(days) >= _DAYS and all(moment.midnight for moment in dated)
    days_only = (moment.day_only or (no_clock and moment.midnight) for _, moment in read)
    return tuple(
        replace(item, day_only=True) if is_day else item for (item, _), is_day in zip(read, days_only, strict=True)
    )
