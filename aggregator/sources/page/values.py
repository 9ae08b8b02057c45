"""What a page says of an item, and the Item that becomes of it. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from aggregator import dates, html, text
from aggregator.dates import Moment
from aggregator.model import Image, Item, Source, Tag
from aggregator.sources.feed import parts
from aggregator.sources.feed.parts import Body


@dataclass(frozen=True, slots=True)
class Raw:
    """An item as it stands on the page. `title`, `author`, `date` and `updated` are plain text, `url` may be relative;
    `image` is a URL or markup; `content` and `summary` are HTML that is not clean."""

    title: str = ""
    url: str = ""
    date: str = ""
    updated: str = ""
    image: str = ""
    content: str = ""
    summary: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()


def merged(raws: list[Raw], page: str, base: str) -> list[Raw]:
    """Items with absolute URLs, each URL once: the first mention leads, later ones fill what it left out.

    A page often links an entry twice, by its picture and by its title. What has neither title nor link is none, and a
    link to the page itself, as buttons have it (href="#"), is no link.
    """
    known: dict[str | int, Raw] = {}
    for number, raw in enumerate(raws):
        url = text.http_url(raw.url, base).removesuffix("#")
        url = "" if url == page or raw.url.strip() == "#" else url
        raw = replace(raw, url=url)
        if old := known.get(url or number):
            gaps = [each.name for each in fields(Raw) if not getattr(old, each.name)]
            known[url] = replace(old, **{name: getattr(raw, name) for name in gaps})
        elif url or raw.title:
            known[url or number] = raw
    return list(known.values())


def made(
    raw: Raw, page: str, base: str, source: Source, language: str, read: Callable[[str], Moment]
) -> tuple[Item, Moment, bool]:
    """The item, its date as it was read, and whether its content had to be cut. `page` is the address of the page;
    `read` is `day` for it.

    What is a place on the page is known by that place, as canonical links have none.
    """
    here = raw.url.partition("#")[0] == page.partition("#")[0]
    body = Body(raw.content) if raw.content else None
    content, summary, cut = parts.texts(body, Body(raw.summary) if raw.summary else None, None, raw.url or base)
    published, updated = read(raw.date), read(raw.updated)
    picture = picture_of(raw.image, base)
    item = Item(
        guid=raw.url if here and "#" in raw.url else "",
        url=raw.url,
        title=text.one_line(raw.title),
        summary=summary,
        content=content,
        authors=parts.people([parts.person(raw.author)] if raw.author else ()),
        tags=parts.tags(Tag(tag) for tag in raw.tags),
        categories=source.categories,
        published=published.when,
        updated=updated.when,
        language=language,
        image=parts.picture([picture] if picture else (), content),
    )
    return item, published, cut


_STYLED = re.compile(r"[\w\s:;-]*\burl\(\s*[\"']?([^\"')]+)")  # style="background-image: url(...)"


def picture_of(image: str, base: str) -> Image | None:
    """A picture out of a URL, of a style that has one, or of markup with one that may be loaded by a script."""
    if image.lstrip().startswith("<"):
        return html.first_image(html.clean(image, base))
    styled = _STYLED.match(image)
    url = text.http_url(styled[1] if styled else image, base)
    return Image(url) if url else None


_WORDS = 30
_LONGEST = 6  # words of a date: `Saturday, 14 March 2026 12:05 UTC`
_DAY = re.compile(r"(?=.*\d)(?!\d{4}$).*[^\W_].*", re.DOTALL)


_SLASHED = re.compile(r"(?<![\d/])(\d{1,2})/(0?[1-9]|1[0-2])/(\d{4})(?![\d/])")
_DAY_FIRST = (
    "AU",
    "BW",
    "GB",
    "HK",
    "IE",
    "IN",
    "JM",
    "KE",
    "MT",
    "MY",
    "NG",
    "NZ",
    "PK",
    "SG",
    "TT",
    "UG",
    "ZA",
    "ZW",
)
_MONTH_FIRST = ("es-PA", "es-PR", "fil", "fil-PH")


def is_day_first(language: str) -> bool:
    """Whether 05/03/2026 is March where that language is written, as Unicode's CLDR has it. Where nothing is said, and
    in English of no country, it is May."""
    name, _, region = language.partition("-")
    return region.upper() in _DAY_FIRST if name in ("", "en") else language not in _MONTH_FIRST


def day(said: str, zone: str, language: str = "") -> Moment:
    """The date in a text: the text itself, or else the longest run of its words that is one.

    `Posted on March 5, 2024 by Ann` is no date to `dates`, which never guesses; here somebody has said that there is
    one. A lone year is none: it may be anything.
    """
    if "/" in said and is_day_first(language):
        said = _SLASHED.sub(r"\1.\2.\3", said[:500])
    found = dates.read(said, zone)
    if found.when:
        return found
    words = re.sub(r"(?<=[^\W\d_])[:：](?=\s|\d)|[|·•()\[\]]", " ", said[:500]).split()[:_WORDS]
    for length in range(min(_LONGEST, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            part = " ".join(words[start : start + length]).strip(",;. ")
            if _DAY.fullmatch(part) and (found := dates.read(part, zone)).when:
                return found
    return Moment()
