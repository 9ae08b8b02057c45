"""What the owner wants done with entries: which to take, how to date them, how long to keep them, where to put them.

Part of the model, and found there too: frozen values, standard library only.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

CategoryPath = tuple[str, ...]
"""Names from the top down, such as ("新媒体", "快科技", "最新新闻"); () is "everything"."""

Identity = Literal["auto", "guid", "link", "link+date", "content"]
Updates = Literal["bump", "silent", "ignore"]
Vanish = Literal["keep", "drop"]
Future = Literal["clamp", "hide", "keep", "drop"]
Content = Literal["full", "summary", "link"]


@dataclass(frozen=True, slots=True)
class Match:
    """What a rule asks of an entry: all that is given must hold, and of several values one.

    Texts are words, or a regular expression between slashes: `/re/`; case and width of letters make no difference.
    `category` is a whole tag of upstream or a whole name of one of our categories; `within` are our category paths,
    with all below. `language` is a range: "zh" is also "zh-CN". `older` and `younger` compare how old the entry was
    when it was first seen.
    """

    title: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    link: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    within: tuple[CategoryPath, ...] = ()
    older: timedelta | None = None
    younger: timedelta | None = None
    enclosure: bool | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One step. Of `include` and `exclude` the first that matches decides; where there is an include, one must.

    The others change an entry that `when` matches (an empty one matches all): `title` and `link` are templates such as
    `{source}: {title}`, `strip` are CSS selectors of elements to remove, `content` is how much is published, `images`
    False removes pictures, `route` are the categories it goes to instead of its own.
    """

    include: Match | None = None
    exclude: Match | None = None
    when: Match = Match()
    title: str = ""
    link: str = ""
    strip: tuple[str, ...] = ()
    content: Content | None = None
    images: bool | None = None
    route: tuple[CategoryPath, ...] = ()


@dataclass(frozen=True, slots=True)
class Retention:
    """How long entries stay: the newest `keep`, and those not older than `keep_for`; None is without limit."""

    keep: int | None = None
    keep_for: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What is wanted of one source's entries.

    `identity` says what its entries are recognised by; `updates` what an edit does to an entry: `bump` also its date of
    update, `silent` the entry alone, `ignore` nothing; `on_vanish` what happens to an entry that a feed takes back;
    `future` how one dated in the future is treated: None is `clamp` (counts as first seen) for feeds, `hide` (until its
    day) for posts. `priority` decides whose copy of a story is shown, the highest first. Of the first visit to a feed
    the newest `first_import` entries are taken, None is all. `content` and `images` hold where no rule says otherwise.
    """

    identity: Identity = "auto"
    updates: Updates = "bump"
    on_vanish: Vanish = "keep"
    future: Future | None = None
    priority: int = 0
    first_import: int | None = None
    retention: Retention = Retention()
    content: Content = "full"
    images: bool = True
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is wanted of one category, besides its name.

    `aliases` are words of upstream and other paths that mean this category. A category with `of` is virtual: it shows
    what is in these and below them, as far as its `rules` let it in. Rules hold for a category and all below it.
    `items` is how many entries its feeds show, `max_per_source` how many of one source, `content` how much of each;
    None is as `[site]` says.
    """

    path: CategoryPath
    aliases: tuple[CategoryPath, ...] = ()
    of: tuple[CategoryPath, ...] = ()
    rules: tuple[Rule, ...] = ()
    retention: Retention = Retention()
    max_per_source: int | None = None
    items: int | None = None
    content: Content | None = None
