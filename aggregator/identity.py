"""Who is who: what an item is recognised by, and what a fetched item means for what the store already knows. Pure.

A key is a string with its kind in front. Strongest first: `guid:` (upstream's id, verbatim), `link:` (canonical URL),
`path:` (a post's file), `text:` (title, day and text). A key that hits adopts the known item, so that its public id stays.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from aggregator import text
from aggregator.model import Item

_TRACKING = re.compile(
    r"utm_.*|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|mc_[ce]id|igshid|_hs(enc|mi)|mkt_tok|"
    r"wt\.[a-z_]+|ref_src|at_medium|at_campaign|cmpid|ocid|spm|xtor|rss",
    re.IGNORECASE,
)
_GLOBAL_GUID = re.compile(
    r"https?://[^/?#\s]+/[^\s]+|https?://[^/?#\s]+/?\?[^\s]+|tag:[^\s]+,\d{4}[^\s]*:.+|urn:[a-z0-9-]+:.+"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What deciding needs of an item that the store holds. `words` is the print of title and text, `digest` of all of it."""

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
    """A URL as it is compared, never published: no scheme, default port, fragment, tracking parameters or last slash; sorted query.

    "" for what names no page of its own: the root of a host without a query.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port if parts.port not in (80, 443) else None
    except ValueError:
        return ""
    query = sorted(pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.fullmatch(pair[0]))
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._").rstrip("/")
    if not host or not (path or query):
        return ""
    return host + (f":{port}" if port else "") + path + (f"?{urlencode(query)}" if query else "")


def words(item: Item) -> str:
    """The print of what a reader reads: title and text without markup, white space and case, and the enclosures."""
    body = text.plain(item.content) or item.summary
    parts = (item.title, body, *(enclosure.url for enclosure in item.enclosures))
    return _print("\0".join(" ".join(part.split()).casefold() for part in parts))


def keys(item: Item) -> tuple[str, ...]:
    """What an item is recognised by, strongest first; there is always the last, `text:`."""
    day = f"{item.published:%Y-%m-%d}" if item.published else ""
    link = canonical_url(item.url)
    found = (
        item.guid and "guid:" + item.guid,
        link and "link:" + link,
        item.origin and "path:" + item.origin,
        "text:" + _print(words(item) + day),
    )
    return tuple(key if len(key) <= 300 else key[:200] + _print(key) for key in found if key)


def story_keys(item: Item, known_as: Iterable[str]) -> tuple[str, ...]:
    """Those of an item's keys that mean the same in every source (RSS guids are unique within one feed only).

    A guid counts when it is a URI; the text counts only for an item that has neither guid nor link.
    """
    found = tuple(known_as)
    strong = tuple(
        key for key in found if key.startswith("link:") or (key.startswith("guid:") and _GLOBAL_GUID.match(key[5:]))
    )
    weak = () if item.guid or item.url else tuple(key for key in found if key.startswith("text:"))
    return strong + weak


def decide(
    items: Sequence[Item], known: Sequence[Known], now: datetime, *, remote: bool, held: Collection[str] = frozenset()
) -> tuple[Change, ...]:
    """What a visit means for one source, in an order that does not depend on the order of `items`.

    `known` holds every item of the source that shares a key with one of `items`, and, for local posts, every item of a file
    that was read again or is gone. `held` names the files that stand as they were, whose items nobody may adopt.
    A local item that is known and not met again is removed; a feed only lists its newest, so nothing follows from absence.
    """
    incoming = _distinct(items, remote)
    rows = [row for row in sorted(known, key=lambda row: row.id) if row.origin not in held or remote]
    adopted = _adopt(incoming, rows)
    taken = {row.id for row in adopted.values()}
    repeated = Counter(key for _, own in incoming for key in own)
    used = {key for row in known for key in row.keys}
    changes = []
    for number, (item, own) in enumerate(incoming):
        if row := adopted.get(number):
            changes.append(_revise(item, own, row, now))
        else:
            free = [key for key in own if repeated[key] == 1 and key not in used and not key.startswith("path:")]
            changes.append(_new(item, own, free[0] if free else "all:" + _print("\0".join(own)), now, remote=remote))
    if not remote:
        changes += [_removed(row, now) for row in rows if row.id not in taken and not row.removed]
    return tuple(changes)


def digest(item: Item) -> str:
    """The print of everything in an item that would be published, its dates aside: those are fixed at first sight."""
    return _print(repr(replace(item, published=None, updated=None)))


def _distinct(items: Sequence[Item], remote: bool) -> list[tuple[Item, tuple[str, ...]]]:
    """Items with their keys, sorted. An entry that a feed lists twice, all keys equal, is one; two files are always two."""
    pairs = sorted(((item, keys(item)) for item in items), key=lambda pair: (pair[1], digest(pair[0])))
    seen: dict[tuple[str, ...], tuple[Item, tuple[str, ...]]] = {}
    for pair in pairs:
        seen.setdefault(pair[1], pair)
    return list(seen.values()) if remote else pairs


def _adopt(incoming: Sequence[tuple[Item, tuple[str, ...]]], rows: Sequence[Known]) -> dict[int, Known]:
    """Which incoming item (by its number) is which known one; each known item is given at most once, surest matches first."""
    by_key: dict[str, list[Known]] = defaultdict(list)
    for row in rows:
        for key in row.keys:
            by_key[key].append(row)
    repeated = Counter(key for _, own in incoming for key in own)
    adopted: dict[int, Known] = {}
    taken: set[int] = set()
    for kind, fits in _PASSES:
        for number, (item, own) in enumerate(incoming):
            key = next((key for key in own if key.startswith(kind)), "")
            if number in adopted or not key or (repeated[key] > 1 and kind != "text:"):
                continue
            fitting = [row for row in by_key.get(key, ()) if row.id not in taken and fits(item, own, row)]
            if fitting:
                best = max(fitting, key=lambda row: (len(row.keys & set(own)), row.title == item.title, row.id))
                adopted[number] = best
                taken.add(best.id)
    return adopted


def _certain(item: Item, own: tuple[str, ...], row: Known) -> bool:
    """The same text, and another key besides (or none to compare)."""
    return len(own) == 1 or any(key in row.keys for key in own[:-1])


def _same_page(item: Item, own: tuple[str, ...], row: Known) -> bool:
    """A link alone is not enough when both have guids and these differ: some feeds give one page to all their entries."""
    return row.title == item.title or not item.guid or not any(key.startswith("guid:") for key in row.keys)


def _nameless(item: Item, own: tuple[str, ...], row: Known) -> bool:
    """Equal text decides only where one of the two has neither guid nor link: two commits may well read the same."""
    return not (item.guid or item.url) or not any(key.startswith(("guid:", "link:")) for key in row.keys)


def _any(item: Item, own: tuple[str, ...], row: Known) -> bool:
    return True


_PASSES: tuple[tuple[str, Callable[[Item, tuple[str, ...], Known], bool]], ...] = (
    ("text:", _certain),
    ("guid:", _any),
    ("link:", _same_page),
    ("text:", _nameless),
    ("path:", _any),
)


def _new(item: Item, own: tuple[str, ...], identity: str, now: datetime, *, remote: bool) -> Change:
    """A first sight. A feed's date in the future is a mistake, so it counts as now; a post's is a wish to wait."""
    published = item.published
    if remote and published and published > now:
        published = now
    shown = published or now
    updated = min(item.updated, now) if item.updated else shown
    return Change("new", item, None, own, identity, digest(item), words(item), published, max(shown, updated))


def _revise(item: Item, own: tuple[str, ...], row: Known, now: datetime) -> Change:
    """A known item again. `published` stays; `updated` moves only when the words did (RFC 4287 §4.2.15)."""
    new_digest, new_words = digest(item), words(item)
    same = new_digest == row.digest and not row.removed
    updated = row.updated
    if new_words != row.words:
        said = item.updated if item.updated and row.updated < item.updated <= now else now
        updated = said
    published = row.published
    if published and published > now and item.published:  # still waiting for its day: its owner may move it
        published, updated = item.published, max(item.published, updated)
        same = same and published == row.published
    what: Literal["same", "edited"] = "same" if same else "edited"
    return Change(what, item, row, own, "", new_digest, new_words, published, updated)


def _removed(row: Known, now: datetime) -> Change:
    return Change("removed", None, row, (), "", row.digest, row.words, row.published, now)


def _print(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]
