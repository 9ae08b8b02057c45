"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/). Pure.

Every value may be of any type, whatever the specification says; one that cannot be used is as if absent.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from aggregator import dates, text
from aggregator.errors import ParseError
from aggregator.model import Batch, Document, Enclosure, Feed, Hints, Image, Item, Link, Person, Source, Tag
from aggregator.sources.feed import parts
from aggregator.sources.feed.parts import Body, Said, inner, objects, string
from aggregator.sources.feed.timing import with_hub


def is_json(content: str) -> bool:
    """Whether a document can only be JSON: it begins with a bracket, whatever its type is called."""
    return content.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def read(content: str, document: Document, source: Source) -> Batch:
    """The items and the feed of a JSON Feed. Raises ParseError without the document's name."""
    said = _load(content)
    title = text.http_url(string(said, "home_page_url"), document.url)
    base = title or text.http_url(string(said, "feed_url"), document.url) or document.url
    raw, warnings = parts.capped(_list(said.get("items")))
    items = []
    for number, one in enumerate(raw, 1):
        if isinstance(one, dict):
            published = dates.read(string(one, "date_published"), source.zone)
            item, cut = _item(one, base, published, source)
            items.append((item, published))
            if cut:
                warnings.append(f"the content of item {number} is cut to {parts.MAX_CONTENT} characters")
        else:
            warnings.append(f"item {number} is not an object, so it is left out")
    feed = _feed(said, base, document)
    hints = with_hub(Hints(), feed, document)
    feed = replace(feed, self_url=feed.self_url or text.http_url(document.name))
    return Batch(parts.whole_days(items), feed, hints, tuple(warnings))


def _load(content: str) -> Said:
    """The feed's object. Raises ParseError."""
    ours = "jsonfeed.org" in content
    try:
        said = json.loads(content.lstrip("\ufeff"), strict=False)
    except (ValueError, RecursionError) as problem:
        raise ParseError("broken feed" if ours else "not a feed", f"it is broken JSON: {problem}") from None
    if not isinstance(said, dict) or "jsonfeed.org" not in string(said, "version"):
        raise ParseError("not a feed", "it is JSON, but not a JSON Feed (its `version` does not say so)")
    return said


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _item(said: Said, base: str, published: dates.Moment, source: Source) -> tuple[Item, bool]:
    """One item, and whether its content had to be cut."""
    url = text.http_url(string(said, "url"), base)
    outside = text.http_url(string(said, "external_url"), base)
    html, plain, summary = (string(said, name) for name in ("content_html", "content_text", "summary"))
    body = Body(html) if html.strip() else Body(parts.paragraphs(plain)) if plain.strip() else None
    content, short, cut = parts.texts(body, Body(summary, is_html=False) if summary else None, None, url or base)
    pictures = (Image(text.http_url(string(said, name), base)) for name in ("image", "banner_image"))
    item = Item(
        guid=string(said, "id").strip(),
        url=url or outside,
        title=text.plain_title(string(said, "title")),
        summary=short,
        content=content,
        authors=_authors(said, base),
        tags=parts.tags(Tag(string({"tag": tag}, "tag")) for tag in _list(said.get("tags"))),
        categories=source.categories,
        published=published.when,
        updated=dates.parse(string(said, "date_modified"), source.zone),
        language=text.language(string(said, "language")),
        image=parts.picture(pictures, content),
        enclosures=parts.merged(_attachments(said, base)),
        links=(Link(outside, "related"),) if outside and url and outside != url else (),
        feed=_own_feed(inner(said, "_source"), base),
    )
    return item, cut


def _authors(said: Said, base: str) -> tuple[Person, ...]:
    """`authors` of 1.1, else `author` of 1.0."""
    found = _list(said.get("authors")) or [said.get("author")]
    found = [{"name": one} if isinstance(one, str) else one for one in found]
    return parts.people(
        parts.person(string(one, "name"), "", text.http_url(string(one, "url"), base))
        for one in found
        if isinstance(one, dict)
    )


def _attachments(said: Said, base: str) -> Iterable[Enclosure]:
    for one in objects(said, "attachments"):
        yield Enclosure(
            url=text.http_url(string(one, "url"), base),
            type=text.mime_type(string(one, "mime_type")),
            length=parts.number(string(one, "size_in_bytes")) or None,
            duration=parts.seconds(string(one, "duration_in_seconds")),
            title=text.plain(string(one, "title"), 200),
        )


def _own_feed(said: Said, base: str) -> Feed | None:
    """The feed that an aggregator says the item is from, as our own does (formats/json.py); None where it has no id."""
    if not string(said, "id").strip():
        return None
    return Feed(
        id=string(said, "id").strip(),
        title=text.plain_title(string(said, "title")),
        url=text.http_url(string(said, "url"), base),
        self_url=text.http_url(string(said, "feed_url"), base),
        rights=text.plain(string(said, "rights"), 1000),
    )


def _feed(said: Said, base: str, document: Document) -> Feed:
    """What the feed says of itself; its feed_url is its id ("serves as the unique identifier")."""
    address = text.http_url(string(said, "feed_url"), document.url)
    hubs = (text.http_url(string(hub, "url"), base) for hub in objects(said, "hubs"))
    return Feed(
        id=address,
        title=text.plain_title(string(said, "title")),
        subtitle=text.one_line(string(said, "description"), 1000),
        url=text.http_url(string(said, "home_page_url"), document.url),
        self_url=address,
        authors=_authors(said, base),
        icon=text.http_url(string(said, "favicon"), base),
        logo=text.http_url(string(said, "icon"), base),
        language=text.language(string(said, "language")),
        links=tuple(Link(hub, "hub") for hub in dict.fromkeys(hubs) if hub),
    )
