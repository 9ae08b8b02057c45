"""The nouns that everything speaks: frozen values, standard library only.

Said once, for the whole project: every datetime is aware and in UTC; every str is free of characters that XML 1.0
forbids and of lone surrogates; every URL is absolute http(s) unless its field says otherwise; "" and None mean absent.
Names and titles are plain text, never HTML; only `Item.content` holds HTML, and that is already clean.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from aggregator.policy import CategoryPath as CategoryPath
from aggregator.policy import Match as Match
from aggregator.policy import Policy as Policy
from aggregator.policy import Retention as Retention
from aggregator.policy import Rule as Rule
from aggregator.policy import Shelf as Shelf
from aggregator.terms import FREE as FREE
from aggregator.terms import Access as Access
from aggregator.terms import Catch as Catch
from aggregator.terms import Cost as Cost
from aggregator.terms import Cron as Cron
from aggregator.terms import Hints as Hints
from aggregator.terms import HostRule as HostRule
from aggregator.terms import HostState as HostState
from aggregator.terms import Limits as Limits
from aggregator.terms import Move as Move
from aggregator.terms import Pace as Pace
from aggregator.terms import Progress as Progress
from aggregator.terms import Signs as Signs
from aggregator.terms import Trouble as Trouble
from aggregator.terms import Work as Work


@dataclass(frozen=True, slots=True)
class Person:
    """An author or contributor (RFC 4287 §3.2)."""

    name: str
    email: str = ""
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Tag:
    """A category as upstream gave it (RFC 4287 §4.2.2); not one of our category paths."""

    term: str
    scheme: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link other than the item's own page and its enclosures: rel is `via`, `replies`, `related`, `license` ...

    `replies` covers RSS <comments> (RFC 4685 §3), `license` is RFC 4946. On a Feed also `hub` (WebSub §4).
    """

    href: str
    rel: str
    type: str = ""
    title: str = ""
    hreflang: str = ""


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that belongs to an item (RSS <enclosure>, media:content); `length` is bytes, `duration` seconds."""

    url: str
    type: str = ""
    length: int | None = None
    duration: float | None = None
    title: str = ""
    medium: str = ""
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A picture; width and height in pixels."""

    url: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Podcast:
    """The essentials of itunes:* and podcast:* of an episode. `duration` is seconds."""

    duration: int | None = None
    season: int | None = None
    episode: int | None = None
    episode_type: str = ""
    explicit: bool | None = None
    subtitle: str = ""
    transcripts: tuple[Link, ...] = ()
    chapters: Link | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed says of itself, for atom:source (RFC 4287 §4.2.11). `url` is its page, `self_url` the feed."""

    id: str = ""
    title: str = ""
    subtitle: str = ""
    url: str = ""
    self_url: str = ""
    authors: tuple[Person, ...] = ()
    rights: str = ""
    icon: str = ""
    logo: str = ""
    language: str = ""
    updated: datetime | None = None
    tags: tuple[Tag, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One entry. `guid` is upstream's own id, verbatim ("" for none); `summary` is plain text, `content` clean HTML.

    `categories` are our category paths (of the post or its source); `tags` are upstream's words.
    `origin` is the document it came from within its source: a post's path below the seed folder, "" for a feed.
    `feed` is set only when upstream's entry brought an atom:source of its own, which is kept. `day_only` says that
    `published` is a day without a time: midnight in the zone of the source.
    """

    guid: str = ""
    url: str = ""
    title: str = ""
    summary: str = ""
    content: str = ""
    authors: tuple[Person, ...] = ()
    tags: tuple[Tag, ...] = ()
    categories: tuple[CategoryPath, ...] = ()
    published: datetime | None = None
    updated: datetime | None = None
    language: str = ""
    rights: str = ""
    image: Image | None = None
    enclosures: tuple[Enclosure, ...] = ()
    links: tuple[Link, ...] = ()
    podcast: Podcast | None = None
    feed: Feed | None = None
    origin: str = ""
    day_only: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where entries come from, as the config says. `options` is the frozen Options of its kind.

    `key` names it for ever (a feed's URL, a seed folder's path); as a URL may hold a password, it goes through
    `text.masked` to be shown. `categories` are for all its items (for posts: for those that name none); `zone` is the
    IANA name for dates without an offset; `base_url` resolves a post's relative links, `root` the paths in `options`.
    One that is not `enabled` is not visited; what it gave stays.
    """

    key: str = field(repr=False)
    kind: str
    options: Any = field(repr=False)
    title: str = ""
    categories: tuple[CategoryPath, ...] = ()
    language: str = ""
    zone: str = "UTC"
    base_url: str = ""
    root: str = ""
    limits: Limits = field(default_factory=Limits)
    pace: Pace = field(default_factory=Pace)
    policy: Policy = field(default_factory=Policy)
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Validators:
    """What lets a document answer "not changed", byte for byte (RFC 9110 §8.8). `url` gave it; `stamp` is a file's.

    `print` is of the document itself, for servers that never say "not changed"; `entries` are those of its entries
    (`brief.packed`), as they were when it was last read. Neither is ever sent.
    """

    etag: str = ""
    last_modified: str = ""
    stamp: str = ""
    url: str = ""
    print: str = ""
    entries: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes of a visit. `name` is what the source calls it (the URL asked for; a post's path below its folder);
    `url` is the final URL after redirects (for a post: the same as `name`); header names are lower case.
    `not_modified` is "304 Not Modified": the body is empty, `validators` are what the 304 said or else the known
    ones; or, where `repeated`, a 200 that sent once more what we have, with the body left out. `moved_to` is where the
    permanent redirects at the beginning of the chain led (RFC 9110 §15.4.2), "" for none. `withheld` is the origin
    beyond which a permanent redirect led without what is private to the source, "" for none.
    `seconds` is the time spent on hosts: connecting, waiting for the answer, reading it; not waiting for our turn.
    `cost` is what was asked of them.
    """

    name: str = field(repr=False)  # a source's key may hold a password
    url: str
    body: bytes
    not_modified: bool = False
    repeated: bool = False
    moved_to: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    validators: Validators = Validators()
    seconds: float = 0.0
    cost: Cost = FREE
    withheld: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a source's documents look like now: those to read, those `unchanged`, with the validators to keep, and those
    that were `lost`, each with why. `answer` is a server's last one, 200 or 304, for what it teaches."""

    changed: tuple[Document, ...] = ()
    unchanged: Mapping[str, Validators] = field(default_factory=dict, repr=False)
    answer: Document | None = None
    warnings: tuple[str, ...] = ()
    lost: Mapping[str, str] = field(default_factory=dict)


class Fetch(Protocol):
    """The one way to the network: a conditional GET (RFC 9110 §13) of `url`. Raises FetchError."""

    async def __call__(self, url: str, known: Validators, limits: Limits) -> Document: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """What reading one document gave. A draft gives no items and no warning; what cannot be read raises ParseError.

    `signs` are those of the items, one by one; whoever has documents read adds them. `catches` are for `preview` alone.
    `prints` are those of the items as well, or there are none at all; whoever has documents read makes `entries` of
    them, for the next time (see `brief`), and says which items are in `brief`.
    """

    items: tuple[Item, ...] = ()
    feed: Feed | None = None
    hints: Hints | None = None
    warnings: tuple[str, ...] = ()
    signs: tuple[Signs, ...] = ()
    catches: tuple[Catch, ...] = ()
    prints: tuple[bytes, ...] = field(default=(), repr=False, compare=False)
    entries: bytes = field(default=b"", repr=False, compare=False)
    brief: frozenset[Item] = frozenset()


@dataclass(frozen=True, slots=True)
class Category:
    """A category that is published: `folder` is its place below the output ("" for everything), not URL-encoded."""

    path: CategoryPath
    folder: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An item as it is published. `id` is the public id, a URI that never changes; `published` and `updated` are
    always set.

    `feed` describes the source it came from: its title is never empty and its self_url is set for a remote feed.
    `also_in` are other sources' copies of the same story: their pages (rel `related`), titled with the source's title.
    `zone` (an IANA name) is where the day of publication is the one that people are shown.
    """

    id: str
    item: Item
    feed: Feed
    published: datetime
    updated: datetime
    categories: tuple[Category, ...] = ()
    also_in: tuple[Link, ...] = ()
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A source as the public sees it. `url` is the feed's ("" for posts), without any secret; `page` its web page.

    `state` is how it stands, and `since` when that began; `newest` is the date of its newest entry. None of them moves
    while nothing happens, so that a visit without news changes no page.
    """

    title: str
    url: str = ""
    page: str = ""
    categories: tuple[Category, ...] = ()
    language: str = ""
    description: str = ""
    state: Literal["ok", "new", "failing", "gone"] = "ok"
    since: datetime | None = None
    newest: datetime | None = None
    entries: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole planet: all published categories in their order, and all sources. `updated` is when these changed.

    `templates` are the owner's own, by name ("category.html"), instead of ours. `names` maps each format that is
    published to its file name, such as {"rss": "rss.xml"}. `post_path` is the template of the paths of posts, `zone`
    (an IANA name) where the days are those that pages show.
    """

    title: str = ""
    url: str = ""
    language: str = ""
    owner: str = ""
    updated: datetime | None = None
    categories: tuple[Category, ...] = ()
    sources: tuple[Subscription, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)
    post_path: str = "{category}/{source}/{slug}.md"
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Channel:
    """What is published for one category. Entries are in their final order, newest first.

    `id` is a permanent tag: URI (RFC 4151); `page` the HTML page's URL; `urls` maps each format's name to the public
    URL of this channel in it; `site` and `site_url` name the publisher; `scheme` is the URI of our category taxonomy.
    `hubs` are WebSub hubs; `stylesheet` is a CSS for browsers that open the feed: its URL, or the
    way to it.

    RFC 5005 §4: `archive` 0 is the current document, else the number of a closed archive document, whose `urls` are its
    own; `current`, `previous` and `next` map formats to the URLs of the current, the next older and the next newer one.
    """

    id: str
    category: Category
    site: str
    site_url: str
    page: str
    urls: Mapping[str, str]
    scheme: str
    language: str
    updated: datetime
    ttl: int
    entries: tuple[Entry, ...] = ()
    hubs: tuple[str, ...] = ()
    stylesheet: str = ""
    archive: int = 0
    current: Mapping[str, str] = field(default_factory=dict)
    previous: Mapping[str, str] = field(default_factory=dict)
    next: Mapping[str, str] = field(default_factory=dict)
    overview: Overview = Overview()


@dataclass(frozen=True, slots=True)
class Visit:
    """One attempt at a source, with its outcome; `signs` are those of the `items`, one by one.

    `documents` were read now, `held` stand as they were (their validators may have been renewed), `broken` could not be
    read, so what they gave before still counts. `error` is one line, with its class in front, when the visit failed as
    a whole, and `trouble` what the schedule makes of it; then nothing else is to be learned. `answer` is the server's
    last one (its body left out), `hints` what the document says of the next visit (None: it was not read). `seconds` is
    the time that hosts took for it (see Document), 0 for a visit of posts, `cost` all that was asked of them. `said`
    are the warnings by the name of the document that they are about, "" for none. `catches` are as in Batch.
    Where items are in `brief` (see there), without what they say, `whole` reads the documents again, and in full.
    """

    source: Source
    items: tuple[Item, ...] = ()
    feed: Feed | None = None
    documents: Mapping[str, Validators] = field(default_factory=dict, repr=False)
    held: Mapping[str, Validators] = field(default_factory=dict, repr=False)
    broken: frozenset[str] = frozenset()
    said: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    answer: Document | None = None
    hints: Hints | None = None
    error: str = ""
    trouble: Trouble | None = None
    seconds: float = 0.0
    cost: Cost = FREE
    signs: tuple[Signs, ...] = ()
    catches: tuple[Catch, ...] = ()
    brief: frozenset[Item] = field(default=frozenset(), repr=False)
    whole: "Callable[[], Visit] | None" = field(default=None, repr=False, compare=False)

    @property
    def warnings(self) -> tuple[str, ...]:
        """All that was said, whatever it is about."""
        return tuple(warning for said in self.said.values() for warning in said)
