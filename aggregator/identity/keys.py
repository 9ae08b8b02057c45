"""What an entry is recognised by. Pure.

A key is a string with its kind in front, strongest first: `guid:` (upstream's id, verbatim), `tail:` (that id, or else
the link, without scheme and host), `link:` (canonical URL), `path:` (a post's file), `date:` (link and day), `body:`
(title and text), `title:` and `text:` (title, day and text).
"""

import hashlib
import re
import string
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from aggregator import text
from aggregator.model import Item, Signs
from aggregator.policy import Identity

_TRACKING = re.compile(
    r"utm_.*|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|twclid|ttclid|igshid?|srsltid|mc_[ce]id|_hs(enc|mi)|mkt_tok|"
    r"(pk|mtm|piwik|matomo)_.*|wt\.[a-z_]+|ref_src|ref_url|at_medium|at_campaign|cmpid|ocid|spm|xtor|rss|_g[al]|"
    r"wickedid|vero_id|oly_(anon|enc)_id|guccounter|guce_referrer(_sig)?|jsessionid|phpsessid",
    re.IGNORECASE,
)
_INDEX = re.compile(r"index\.(?:html?|php)", re.IGNORECASE)
_TOKEN = re.compile(
    r"(?:x-(?:amz|goog)-[^=]*|token|sig(?:nature)?|expires?|policy|key-pair-id|hash|auth)=.*"
    r"|[^=]*=(?:1\d{9}(?:\d{3})?|(?=.*\d)[\w+/%=-]{24,})",  # a moment as Unix counts it; a long random word
    re.IGNORECASE | re.DOTALL,
)
PRINTS = "2"
"""Which way of making words, digests and keys this is: another number whenever they come out otherwise for an item."""

_URL = re.compile(r"https?://([^\s\"'<>\\]+)")
_SIMPLE = re.compile(
    r"https?://([a-z0-9.-]*[a-z0-9])((?:/[\w.~/-]*)?)", re.ASCII
)  # nothing to leave out but at the end
_ESCAPE = re.compile("%([0-9a-fA-F]{2})")
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")
_GLOBAL_GUID = re.compile(
    r"https?://[^/?#\s]+/[^\s]+|https?://[^/?#\s]+/?\?[^\s]+|tag:[^\s]+,\d{4}[^\s]*:.+|urn:[a-z0-9-]+:.+"
)
_ALL = ("guid:", "tail:", "link:", "path:", "title:", "text:")
_LEARNED: dict[Identity, tuple[str, ...]] = {
    "link": ("tail:", "link:", "title:", "text:"),
    "content": ("body:", "title:", "text:"),
}
DECIDING: dict[Identity, tuple[str, ...]] = {
    "guid": ("guid:", "link:"),
    "link": ("link:",),
    "link+date": ("date:",),
    "content": ("body:",),
}
"""What decides alone where the owner says so, and what does for an entry that has none of that; `text:` comes last."""


def canonical_url(url: str) -> str:
    """A URL as it is compared, never published: host, path and sorted query, without scheme, default port, fragment,
    tracking parameters, last slash, index page and session; escapes in the one spelling of RFC 3986 §6.2.2.

    "" for what names no page of its own: the root of a host without a query.
    """
    host, rest = _split(url)
    return host + rest if rest else ""


def _split(url: str) -> tuple[str, str]:
    """Host with port, and path with query; ("", "") for what is no URL with a host."""
    if found := _SIMPLE.fullmatch(url):
        return found[1], _plain_path(found[2])
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port if parts.port not in (80, 443) else None
    except ValueError:
        return "", ""
    if not host:
        return "", ""
    query = sorted(pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.fullmatch(pair[0]))
    path = quote(unicodedata.normalize("NFC", parts.path), safe="/%:@!$&'()*+,;=~-._")
    path = _plain_path(_ESCAPE.sub(_spelled, path))
    return host + (f":{port}" if port else ""), path + (f"?{urlencode(query)}" if query else "")


def _plain_path(path: str) -> str:
    """A path without its last slash, the session in its last part, and the name of an index page."""
    head, slash, last = path.removesuffix("%20").rstrip("/").rpartition("/")
    last = last.partition(";jsessionid=")[0]
    return (head if _INDEX.fullmatch(last) else head + slash + last).rstrip("/")


def _spelled(escape: re.Match[str]) -> str:
    char = chr(int(escape[1], 16))
    return char if char in _UNRESERVED else escape[0].upper()


def words(item: Item) -> str:
    """The print of what a reader reads: title and text without markup, white space and case, and the enclosures.

    Of an item that has neither, a picture alone, it is the markup.
    """
    body = text.plain(item.content) or item.summary or ("" if item.title else item.content)
    parts = (item.title, body, *(_file(enclosure.url) for enclosure in item.enclosures))
    return print_of("\0".join(map(folded, parts)))


def _file(url: str) -> str:
    """An enclosure without its scheme and what changes with each fetch: signatures and times of expiry in its query."""
    address, _, query = url.partition("?")
    stays = [pair for pair in query.split("&") if not _TOKEN.fullmatch(pair) and not _TRACKING.fullmatch(pair)]
    return address.partition("://")[2] + "?" + "&".join(stays)


def folded(value: str) -> str:
    """Text as it is compared: one spelling of each character, no case, single spaces."""
    return text.single_spaced(unicodedata.normalize("NFKC", value).casefold())


def digest(item: Item) -> str:
    """The print of everything in an item whose change is an edit. Not dates, which are fixed at first sight; of a URL,
    wherever it stands, not the scheme, a slash at its end and tracking parameters.
    """
    feed = item.feed and replace(item.feed, updated=None)
    said = (  # the repr of the item without its dates, which digests that are stored were made of
        f"Item(guid={item.guid!r}, url={item.url!r}, title={item.title!r}, summary={item.summary!r}, "
        f"content={item.content!r}, authors={item.authors!r}, tags={item.tags!r}, categories={item.categories!r}, "
        f"published=None, updated=None, language={item.language!r}, rights={item.rights!r}, image={item.image!r}, "
        f"enclosures={item.enclosures!r}, links={item.links!r}, podcast={item.podcast!r}, feed={feed!r}, "
        f"origin={item.origin!r}, day_only=False)"
    )
    return print_of(_URL.sub(_bare, said))


def _bare(url: re.Match[str]) -> str:
    """A URL without what a publisher may change of it while it stays the same page; escapes of HTML are borne with."""
    address, mark, fragment = url[1].partition("#")
    address, _, query = address.partition("?")
    if query:
        pairs = re.split("&amp;|&", query)
        query = "&".join(pair for pair in pairs if pair and not _TRACKING.fullmatch(pair.partition("=")[0]))
    return address.rstrip("/") + ("?" + query if query else "") + mark + fragment


def keys(item: Item) -> tuple[str, ...]:
    """All that an item may be recognised by, strongest first; there is always the last, `text:`."""
    return signs(item).keys


def signs(item: Item, prints: tuple[str, str] | None = None) -> Signs:
    """All that can be said of an item by itself. It takes a while, so whoever reads documents has it made.

    `prints` are the words and the digest of an item that has a title, where these are known: then it may be in brief.
    """
    said, whole = prints or (words(item), digest(item))
    day = f"{item.published:%Y-%m-%d}" if item.published else ""
    host, page = _split(item.url)
    link, tail = host + page if page else "", (page if item.guid == item.url else _split(item.guid)[1]) or page
    title = folded(item.title) or folded(text.plain(item.content, 80) or item.summary[:80])
    found = (
        item.guid and "guid:" + item.guid,
        tail and "tail:" + tail,
        link and "link:" + link,
        item.origin and "path:" + item.origin,
        link and f"date:{day} {link}",
        "body:" + said,
        title and "title:" + print_of(title),
        "text:" + print_of(said + day),
    )
    own = tuple(key if len(key) <= 300 else key[:200] + print_of(key) for key in found if key)
    return Signs(own, said, whole)


def stored(found: tuple[str, ...], mode: Identity, *, learned: bool) -> tuple[str, ...]:
    """Those of an item's keys that are trusted in a mode, and so remembered; `text:` always is, it stands for a story.

    `learned` is a mode that was found out, which still takes hints; what the owner set decides alone.
    """
    if mode == "auto" or learned:
        kinds = _LEARNED.get(mode, _ALL)
        return tuple(key for key in found if key.startswith(kinds))
    deciding = [key for kind in DECIDING[mode] for key in found if key.startswith(kind)][:1]
    pages = [key for key in found if key.startswith("link:")] if mode == "link+date" else []  # for stories as well
    return (*deciding, *pages, found[-1])


def story_keys(known_as: Iterable[str]) -> tuple[str, ...]:
    """Those of an item's keys by which other sources may know it, strongest first; the last is its text."""
    return tuple(sorted(key for key in known_as if key.startswith(("guid:", "link:", "text:"))))


def is_global(key: str) -> bool:
    """Whether a key means the same in every source: an RSS guid that is no URI is unique within its feed only."""
    return not key.startswith("guid:") or _GLOBAL_GUID.match(key[5:]) is not None


def print_of(value: str) -> str:
    """A short print of a text."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]
