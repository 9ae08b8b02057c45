"""Who is who: what an item is recognised by, and what a fetched item means for what the store already knows. Pure.

A key is a string with its kind in front. Strongest first: `guid:` (upstream's id, verbatim), `link:` (canonical URL),
`path:` (a post's file), `text:` (title, day and text). A key that hits adopts the known item, so that its id stays.
"""

import hashlib
import re
import string
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from aggregator import text
from aggregator.model import Item

_TRACKING = re.compile(
    r"utm_.*|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|mc_[ce]id|igshid|_hs(enc|mi)|mkt_tok|"
    r"wt\.[a-z_]+|ref_src|at_medium|at_campaign|cmpid|ocid|spm|xtor|rss",
    re.IGNORECASE,
)
_ESCAPE = re.compile("%([0-9a-fA-F]{2})")
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")
_CROWD = 100  # what so many entries of one source have tells nothing, and to compare all with all would take too long
_GLOBAL_GUID = re.compile(
    r"https?://[^/?#\s]+/[^\s]+|https?://[^/?#\s]+/?\?[^\s]+|tag:[^\s]+,\d{4}[^\s]*:.+|urn:[a-z0-9-]+:.+"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What deciding needs of an item that the store holds. `words` is the print of title and text, `digest` of all."""

    id: int
    keys: frozenset[str]
    digest: str
    words: str
    title: str
    origin: str
    published: datetime | None
    updated: datetime
    removed: bool


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one item: `known` is None for a new one, `item` is None for a removed one.

    `identity` is unique within the source and fixed for a new item; `updated` is when its text last changed.
    """

    what: Literal["new", "edited", "same", "removed"]
    item: Item | None
    known: Known | None
    keys: tuple[str, ...]
    identity: str
    digest: str
    words: str
    published: datetime | None
    updated: datetime


def canonical_url(url: str) -> str:
    """A URL as it is compared, never published: host, path and sorted query, without scheme, default port, fragment,
    tracking parameters and last slash; escapes in the one spelling of RFC 3986 §6.2.2.

    "" for what names no page of its own: the root of a host without a query.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port if parts.port not in (80, 443) else None
    except ValueError:
        return ""
    query = sorted(pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.fullmatch(pair[0]))
    path = _ESCAPE.sub(_spelled, quote(parts.path, safe="/%:@!$&'()*+,;=~-._")).rstrip("/")
    if not host or not (path or query):
        return ""
    return host + (f":{port}" if port else "") + path + (f"?{urlencode(query)}" if query else "")


def _spelled(escape: re.Match[str]) -> str:
    char = chr(int(escape[1], 16))
    return char if char in _UNRESERVED else escape[0].upper()


def words(item: Item) -> str:
    """The print of what a reader reads: title and text without markup, white space and case, and the enclosures.

    Of an item that has neither, a picture alone, it is the markup.
    """
    body = text.plain(item.content) or item.summary or ("" if item.title else item.content)
    parts = (item.title, body, *(enclosure.url for enclosure in item.enclosures))
    return _print("\0".join(" ".join(part.split()).casefold() for part in parts))


def keys(item: Item) -> tuple[str, ...]:
    """What an item is recognised by, strongest first; there is always the last, `text:`."""
    return _keys(item, words(item))


def story_keys(known_as: Iterable[str]) -> tuple[str, ...]:
    """Those of an item's keys by which other sources may know it, strongest first; the last is its text."""
    return tuple(sorted(key for key in known_as if key.startswith(("guid:", "link:", "text:"))))


def is_global(key: str) -> bool:
    """Whether a key means the same in every source: an RSS guid that is no URI is unique within its feed only."""
    return not key.startswith("guid:") or _GLOBAL_GUID.match(key[5:]) is not None


def decide(
    items: Sequence[Item], known: Sequence[Known], now: datetime, *, remote: bool, held: Collection[str] = frozenset()
) -> tuple[Change, ...]:
    """What a visit means for one source, in an order that does not depend on the order of `items`.

    `known` holds every item of the source that shares a key with one of `items`, and, for local posts, every item of a
    file that was read again or is gone. `held` names the files that stand as they were, whose items nobody may adopt.
    A local item that is known and not met again is removed; a feed only lists its newest, so from absence nothing
    follows.
    """
    incoming = _distinct(items, remote)
    rows = [row for row in sorted(known, key=lambda row: row.id) if row.origin not in held or remote]
    adopted = _adopt(incoming, rows)
    taken = {row.id for row in adopted.values()}
    repeated = Counter(key for each in incoming for key in each.keys)
    used = {key for row in known for key in row.keys}
    changes = []
    for number, each in enumerate(incoming):
        if row := adopted.get(number):
            changes.append(_revise(each, row, now, remote=remote))
        else:
            free = [key for key in each.keys if repeated[key] == 1 and key not in used and not key.startswith("path:")]
            identity = free[0] if free else "all:" + _print("\0".join(each.keys))
            changes.append(_new(each, identity, now, remote=remote))
    if not remote:
        changes += [_removed(row, now) for row in rows if row.id not in taken and not row.removed]
    return tuple(changes)


def digest(item: Item) -> str:
    """The print of everything in an item that would be published, dates aside: those are fixed at first sight."""
    feed = item.feed and replace(item.feed, updated=None)
    return _print(repr(replace(item, published=None, updated=None, day_only=False, feed=feed)))


@dataclass(frozen=True, slots=True)
class _Met:
    """An item of a visit, with what it is recognised and compared by."""

    item: Item
    keys: tuple[str, ...]
    digest: str
    words: str


def _keys(item: Item, said: str) -> tuple[str, ...]:
    day = f"{item.published:%Y-%m-%d}" if item.published else ""
    link = canonical_url(item.url)
    found = (
        item.guid and "guid:" + item.guid,
        link and "link:" + link,
        item.origin and "path:" + item.origin,
        "text:" + _print(said + day),
    )
    return tuple(key if len(key) <= 300 else key[:200] + _print(key) for key in found if key)


def _meet(item: Item) -> _Met:
    said = words(item)
    return _Met(item, _keys(item, said), digest(item), said)


def _distinct(items: Sequence[Item], remote: bool) -> list[_Met]:
    """Items with their keys, sorted. What a feed lists twice is one: all keys are equal, or guid, link and words are.
    Two files are always two.
    """
    every = sorted(map(_meet, items), key=lambda each: (each.keys, repr(each.item)))
    seen: dict[tuple[str, ...], _Met] = {}
    for each in every:
        seen.setdefault((*each.keys[:-1], each.words) if each.item.guid else each.keys, each)
    return list(seen.values()) if remote else every


def _adopt(incoming: Sequence[_Met], rows: Sequence[Known]) -> dict[int, Known]:
    """Which incoming item (by its number) is which known one; each known one is given once, by the surest match.

    A guid or link that several incoming items have, or several known ones, does not tell them apart: then the text has
    to agree, or at least the title.
    """
    names = [{*each.keys, *_titled(each.keys, each.item.title), *_dated(each.item)} for each in incoming]
    by_key = _by_key(rows)
    repeated = {key for key, count in Counter(key for own in names for key in own).items() if count > 1}
    vague = repeated | {key for key, held in by_key.items() if len(held) > 1}
    crowd = {key for key, held in by_key.items() if len(held) > _CROWD}
    passes: tuple[tuple[tuple[str, ...], Collection[str], Callable[[_Met, Known], bool]], ...] = (
        (("guid:", "link:", "path:", "text:"), (), _whole),
        (("guid:",), vague, _any),
        (("link:",), vague, _same_page),
        (("text:",), crowd, _certain),
        (("titled guid:",), crowd, _any),
        (("titled link:",), crowd | repeated, _same_guid),
        (("text:",), crowd, _no_two_pages),
        (("dated ",), vague, _is_nameless),
        (("path:",), (), _is_there),
    )
    adopted: dict[int, Known] = {}
    taken: set[int] = set()
    for kinds, barred, fits in passes:
        for number, each in enumerate(incoming):
            if number in adopted:
                continue
            hits = [by_key.get(key, []) for key in names[number] if key.startswith(kinds) and key not in barred]
            fitting = [row for row in min(hits, key=len, default=[]) if row.id not in taken and fits(each, row)]
            if fitting:
                best = max(fitting, key=partial(_likeness, each))
                adopted[number] = best
                taken.add(best.id)
    return adopted


def _by_key(rows: Iterable[Known]) -> dict[str, list[Known]]:
    found: dict[str, list[Known]] = defaultdict(list)
    for row in rows:
        for key in {*row.keys, *_titled(row.keys, row.title), *_dated(row)}:
            found[key].append(row)
    return found


def _likeness(each: _Met, row: Known) -> tuple[int, int]:
    """How many keys both have; among equals the newest is the likeliest."""
    return len(row.keys.intersection(each.keys)), row.id


def _titled(keys: Iterable[str], title: str) -> set[str]:
    """Guids and links with the title beside them, for those that alone do not tell."""
    return {f"titled {key} {title}" for key in keys if title and key.startswith(("guid:", "link:"))}


def _dated(post: Item | Known) -> set[str]:
    """A post's title and date: what it still has after it was renamed and mended in one go."""
    return {f"dated {post.published} {post.title}"} if post.origin and post.title and post.published else set()


def _whole(each: _Met, row: Known) -> bool:
    return row.keys.issuperset(each.keys)


def _same_page(each: _Met, row: Known) -> bool:
    """A link alone is not enough when both have guids and these differ: some feeds give all entries one page."""
    return row.title == each.item.title or _same_guid(each, row)


def _same_guid(each: _Met, row: Known) -> bool:
    """The guids do not speak against it."""
    return not each.item.guid or each.keys[0] in row.keys or not any(key.startswith("guid:") for key in row.keys)


def _certain(each: _Met, row: Known) -> bool:
    """The same text, and another key besides."""
    return any(key in row.keys for key in each.keys[:-1])


def _no_two_pages(each: _Met, row: Known) -> bool:
    """Equal text decides unless both have pages, and so different ones: two commits may well read the same."""
    return not any(key.startswith("link:") for key in each.keys) or not any(key.startswith("link:") for key in row.keys)


def _is_nameless(each: _Met, row: Known) -> bool:
    """Neither has a name that could speak against it, and the known one was not removed before."""
    return not row.removed and not any(key.startswith(("guid:", "link:")) for key in (*each.keys, *row.keys))


def _is_there(each: _Met, row: Known) -> bool:
    """A file that comes back with another text is another post, though it has the name of one that was removed."""
    return not row.removed


def _any(each: _Met, row: Known) -> bool:
    return True


def _new(each: _Met, identity: str, now: datetime, *, remote: bool) -> Change:
    """A first sight. A feed's date in the future is a mistake, so it counts as now; a post's is a wish to wait."""
    published, updated = _dates(each.item, now, remote=remote)
    return Change("new", each.item, None, each.keys, identity, each.digest, each.words, published, updated)


def _dates(item: Item, now: datetime, *, remote: bool) -> tuple[datetime | None, datetime]:
    """Published and updated at first sight. Where upstream says only when it was updated, as Atom may, that is both."""
    published = item.published or (min(item.updated, now) if item.updated else None)
    published = min(published, now) if remote and published else published
    shown = published or now
    return published, max(shown, min(item.updated, now) if item.updated else shown)


def _revise(each: _Met, row: Known, now: datetime, *, remote: bool) -> Change:
    """A known item again. `published` stays; `updated` moves only when the words did (RFC 4287 §4.2.15)."""
    published, updated = row.published, row.updated
    if not remote and published and published > now:  # still waiting for its day: its owner may move it
        published, updated = _dates(each.item, now, remote=remote)
    elif each.words != row.words:
        said = each.item.updated
        updated = said if said and row.updated < said <= now else now
    same = each.digest == row.digest and not row.removed and published == row.published
    what: Literal["same", "edited"] = "same" if same else "edited"
    return Change(what, each.item, row, each.keys, "", each.digest, each.words, published, updated)


def _removed(row: Known, now: datetime) -> Change:
    return Change("removed", None, row, (), "", row.digest, row.words, row.published, now)


def _print(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]
