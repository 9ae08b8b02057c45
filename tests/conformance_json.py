"""Is a document a valid JSON Feed 1.1, and what a good citizen would publish? For tests of output.

Written from https://www.jsonfeed.org/version/1.1/, which ships no schema, and held against the one that SchemaStore
keeps (extensions are objects; nothing that has no name there may stand), without a look at the writer under test.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from tests.conformance_values import LANGUAGE, MIME, RFC3339, UNSAFE, URI, Html, to_moment

Findings = Iterator[str]
Check = Callable[[Any, str], Findings]

_EXTENSION = re.compile(r"_[A-Za-z][^.]*")


def check(data: bytes, location: str = "") -> list[str]:
    """Everything that is wrong with a document, as "Name: where and what"; [] when it is good.

    `location` is its public URL, "" to leave out the comparison with feed_url.
    """
    try:
        feed = json.loads(data.decode("utf-8"), parse_constant=_no_number, object_pairs_hook=_unique)
    except ValueError as error:
        return [f"NotJSON: {error}"]
    return [*_object(feed, "feed", FEED, required=("version", "title", "items")), *_feed(feed, location)]


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError(f"a name stands twice: {[name for name, _ in pairs]}")
    return dict(pairs)


# --- Values ---------------------------------------------------------------------------------------------------------


def text(value: Any, where: str) -> Findings:
    """A string that says something, without what no reader can show."""
    if not isinstance(value, str):
        yield f"NotString: {where} {value!r}"
    elif not value.strip():
        yield f"NotBlank: {where}"
    elif re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", value):
        yield f"IllegalCharacter: {where} {value[:100]!r}"


def plain(value: Any, where: str) -> Findings:
    """Plain text on one line."""
    yield from text(value, where)
    if isinstance(value, str) and " ".join(value.split()) != value:
        yield f"UnexpectedWhitespace: {where} {value[:100]!r}"


def html(value: Any, where: str) -> Findings:
    """HTML that is safe anywhere."""
    yield from text(value, where)
    if isinstance(value, str):
        yield from (f"{name}: {where} {found[:100]!r}" for name, found in Html(value).found)


def uri(value: Any, where: str) -> Findings:
    """An absolute http(s) URL."""
    if not isinstance(value, str) or UNSAFE.match(value) or not re.match("https?:", value) or not URI.fullmatch(value):
        yield f"InvalidURI: {where} {value!r}"


def matches(pattern: re.Pattern[str], name: str) -> Check:
    """A string of a pattern."""

    def matching(value: Any, where: str) -> Findings:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            yield f"{name}: {where} {value!r}"

    return matching


def date(value: Any, where: str) -> Findings:
    """A date of RFC 3339."""
    moment = to_moment(value) if isinstance(value, str) and RFC3339.fullmatch(value) else None
    if moment is None:
        yield f"InvalidRFC3339Date: {where} {value!r}"
    elif moment.microsecond or moment.year < 1990:
        yield f"ImplausibleDate: {where} {value!r}"


def positive(value: Any, where: str) -> Findings:
    """A number of bytes or seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**53:
        yield f"InvalidNumber: {where} {value!r}"


def truth(value: Any, where: str) -> Findings:
    """true or false."""
    if not isinstance(value, bool):
        yield f"InvalidBoolean: {where} {value!r}"


def several(one: Check) -> Check:
    """A list of them, which is left out when it is empty, and has each only once."""

    def each(value: Any, where: str) -> Findings:
        if not isinstance(value, list) or not value:
            yield f"NotList: {where} {value!r}"
            return
        for number, member in enumerate(value):
            yield from one(member, f"{where}[{number}]")
            if member in value[:number]:
                yield f"DuplicateValue: {where}[{number}] {member!r}"

    return each


def _object(value: Any, where: str, rules: Mapping[str, Check], required: tuple[str, ...] = ()) -> Findings:
    """An object: what it must have, what it may have, and extensions, which are objects with names that begin with _."""
    if not isinstance(value, dict):
        yield f"NotObject: {where} {value!r}"
        return
    yield from (f"MissingMember: {where}.{name}" for name in required if name not in value)
    for name, member in value.items():
        if name in rules:
            yield from rules[name](member, f"{where}.{name}")
        elif not _EXTENSION.fullmatch(name):
            yield f"UndefinedMember: {where}.{name}"
        elif not isinstance(member, dict) or ("about" in member and any(uri(member["about"], where))):
            yield f"InvalidExtension: {where}.{name} {member!r}"


def of(rules: Mapping[str, Check], *required: str) -> Check:
    """An object of these members, which has at least one."""

    def check_object(value: Any, where: str) -> Findings:
        yield from _object(value, where, rules, required)
        if value == {}:
            yield f"EmptyObject: {where}"

    return check_object


# --- What may stand where -------------------------------------------------------------------------------------------

language = matches(LANGUAGE, "InvalidLanguage")
AUTHOR = of({"name": plain, "url": uri, "avatar": uri})
ATTACHMENT = of(
    {
        "url": uri,
        "mime_type": matches(MIME, "InvalidMIMEType"),
        "title": plain,
        "size_in_bytes": positive,
        "duration_in_seconds": positive,
    },
    "url",
    "mime_type",
)
ITEM: Mapping[str, Check] = {
    "id": plain,
    "url": uri,
    "external_url": uri,
    "title": plain,
    "content_html": html,
    "content_text": text,
    "summary": text,
    "image": uri,
    "banner_image": uri,
    "date_published": date,
    "date_modified": date,
    "authors": several(AUTHOR),
    "tags": several(plain),
    "language": language,
    "attachments": several(ATTACHMENT),
}
FEED: Mapping[str, Check] = {
    "version": matches(re.compile(r"https://jsonfeed\.org/version/1\.1"), "InvalidVersion"),
    "user_comment": plain,
    "title": plain,
    "home_page_url": uri,
    "feed_url": uri,
    "description": plain,
    "next_url": uri,
    "icon": uri,
    "favicon": uri,
    "authors": several(AUTHOR),
    "language": language,
    "expired": truth,
    "hubs": several(of({"type": plain, "url": uri}, "type", "url")),
    "items": lambda value, where: iter(()),
}


def _feed(feed: Any, location: str) -> Findings:
    """What holds for the whole document."""
    if not isinstance(feed, dict):
        return
    if next(iter(feed), "") != "version":
        yield "VersionNotFirst: feed"
    yield from (f"MissingMember: feed.{name}" for name in ("home_page_url", "feed_url") if name not in feed)
    if location and feed.get("feed_url") != location:
        yield f"SelfDoesntMatchLocation: {feed.get('feed_url')!r}"
    if "next_url" in feed and feed["next_url"] == feed.get("feed_url"):
        yield f"NextIsSelf: {feed['next_url']!r}"
    items = feed.get("items")
    if not isinstance(items, list):
        yield f"NotList: feed.items {items!r}"
        return
    seen: set[str] = set()
    last: datetime | None = None
    for number, item in enumerate(items):
        where = f"items[{number}]"
        yield from _object(item, where, ITEM, required=("id", "date_published", "authors"))
        if isinstance(item, dict):
            yield from _item(item, where)
            if str(item.get("id")) in seen:
                yield f"DuplicateId: {where} {item.get('id')!r}"
            seen.add(str(item.get("id")))
            moment = to_moment(str(item.get("date_published", "")))
            if last and moment and moment > last:
                yield f"NotNewestFirst: {where}"
            last = moment or last


def _item(item: Mapping[str, Any], where: str) -> Findings:
    """What holds between an item's members."""
    if not {"content_html", "content_text"} & set(item):
        yield f"MissingContent: {where}"
    if "external_url" in item and item["external_url"] == item.get("url"):
        yield f"ExternalIsOwn: {where} {item['external_url']!r}"
