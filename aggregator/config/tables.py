"""The tables of a config and what may stand in each.

The text below a key is its description: `aggregator schema` and docs/configuration.md have it from here (schema.py).
Behind `Example:` stands a value of it in TOML. A key without a description fails a test.
"""

from dataclasses import fields, replace
from datetime import timedelta
from gettext import gettext as _
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from aggregator.config import types
from aggregator.config.rules import CategoryRule, SourceRule, Table, tables
from aggregator.model import HostRule, Pace, Policy, Retention
from aggregator.policy import Content, Future, Identity, Updates, Vanish

_PACE = frozenset(each.name for each in fields(Pace)) - {"schedule"}


class Site(Table):
    """`[site]`: who publishes, where, and how much. `base_url` becomes an ASCII URI with a slash at its end."""

    title: types.Name
    """The name of the planet, in every feed. Example: `"My planet"`."""
    base_url: types.BaseUrl
    """The URL at which the folder `output` is served. Example: `"https://example.org/feeds/"`."""
    language: types.Language = "en"
    """The language of the feeds; entries keep their own. Example: `"zh-CN"`."""
    timezone: types.Zone = "UTC"
    """For dates of posts and feeds that have no offset. Example: `"Asia/Shanghai"`."""
    output: types.Folder = "feeds"
    """The folder to write, or an object store, `s3://BUCKET/PREFIX`. Example: `"s3://planet/feeds"`."""
    store: types.StoreUrl = Field("sqlite:///var/aggregator.db", repr=False)  # has a password
    """What is remembered between runs; on a server `postgresql+psycopg://USER:PASSWORD@HOST/DATABASE`, in the password
    `%25` for `%`, `%3F` for `?`, `%23` for `#`, `%2F` for `/`, `%40` for `@`, `%3A` for `:`.
    Example: `"postgresql+psycopg://planet@db.example/planet"`."""
    contact: str = ""
    """A URL or an address for the User-Agent, so that publishers can reach you.
    Example: `"https://example.org/about"`."""
    items: int = Field(100, ge=1, le=1_000_000)
    """Entries a feed, the newest."""
    max_per_source: types.Count | None = None
    """Of these, entries of one source; without it, any number. What is left out goes into the archive at once.
    Example: `20`."""
    keep: types.Count | None = None
    """The newest entries of a source stay, so many; without it, all. What its rules exclude takes none of that room.
    Example: `1000`."""
    keep_for: types.Age | None = None
    """Entries stay for so long; without it, for ever. Example: `"365d"`."""
    near_duplicates: bool = False
    """Take what other sources brought within a week for one story when it reads nearly the same, too."""
    formats: types.Formats = Field(("rss", "atom"), strict=False)
    """What is written: `"rss"`, `"atom"`, `"json"`, `"opml"`, `"html"` (web pages), `"post"` (all below), or the dotted
    path of a module of your own. Example: `["rss", "atom", "html"]`."""
    archive: int = Field(50, ge=0, le=1_000_000)
    """Entries an archive document, closed when there are so many more than `items`; 0 for no archives."""
    content: types.Shown = "full"
    """How much of each entry is published."""
    max_feed_bytes: types.Size = 250_000
    """A larger feed has summaries of its oldest entries; none is left out."""
    gzip: bool = False
    """Write a compressed copy beside each file, `rss.xml.gz`, for web servers that send it as it is."""
    hubs: tuple[types.WebUrl, ...] = Field((), strict=False)
    """WebSub hubs: named in the feeds, and told which of them changed.
    Example: `["https://pubsubhubbub.appspot.com/"]`."""
    post_path: types.PostPath = "{category}/{source}/{slug}.md"
    """Where the files of the format `"post"` stand."""
    failures: types.Failures = ""
    """The name of a file in `output`: a feed of what went wrong; all who know its address can read it.
    Example: `"failures.xml"`."""
    allow_commands: bool = False
    """Whether sources of the kind `"command"` may run programs."""


class Pacing(Table):
    """How often a source is visited (`model.Pace`): for all in `[fetch]`, for one in its own table; None is "as in
    `[fetch]`"."""

    interval: types.Duration | None = None
    """The least time between two visits of one source."""
    interval_cap: types.Duration | None = None
    """The most that a source's own rhythm makes of it; where that is no longer than `interval`, visits are always so
    far
    apart."""
    jitter: float | None = Field(None, ge=0, le=1)
    """The share of a wait by which visits drift apart, so that sources do not march in step."""
    unvalidated: types.Duration | None = None
    """The least time where a server gives neither ETag nor Last-Modified, or ignores them: each visit is then sent
    everything."""
    freshness_cap: types.Duration | None = None
    """The most that Cache-Control or Expires may ask for."""
    ttl_cap: types.Duration | None = None
    """The most that a feed may ask for by `ttl` and `sy:*`."""
    skip_cap: types.Duration | None = None
    """The most that a feed may ask for by `skipHours` and `skipDays`."""
    backoff_cap: types.Duration | None = None
    """The longest wait after failures, which doubles from `interval`; only a feed that is gone (410, met twice) is
    given
    up."""
    refused_wait: types.Duration | None = None
    """The first wait after 401, 403 and challenges."""
    gone_after: types.Duration | None = None
    """A 410 is believed when it is met again after this."""
    move_visits: int | None = Field(None, ge=1)
    """A permanent redirect is followed after so many visits ..."""
    move_after: types.Duration | None = None
    """... over so long."""

    def pace(self, common: Pace) -> Pace:
        """These keys, and what `common` says where they are silent."""
        own = {name: getattr(self, name) for name in self.model_fields_set & _PACE}
        return replace(common, **own) if own else common


class Fetching(Pacing):
    """`[fetch]`: what a visit may cost, how often there is one, and which private networks may be contacted."""

    timeout: types.Timeout = timedelta(seconds=30)
    """For one visit as a whole."""
    max_bytes: types.Size = 10_000_000
    """Of one document, on the wire and decoded."""
    pause: types.Duration | None = None
    """Silence of a host after 429 or 503 without Retry-After, doubling."""
    pause_cap: types.Duration | None = None
    """The longest silence of a host."""
    max_requests_per_hour: types.Count | None = None
    """A budget for all visits together: where it would not do, all waits grow alike, beyond `interval_cap` too; without
    it, there is none. Example: `500`."""
    spacing: types.Duration = timedelta(seconds=1)
    """The least time between two requests to one host."""
    concurrency: int = Field(50, ge=1, le=1000)
    """Hosts that are asked at once."""
    rsshub: tuple[types.WebUrl, ...] = Field((), strict=False, repr=False)
    """Instances of RSSHub for `rsshub://route` sources, best first; when one fails, the next is asked, each for
    `timeout`
    at most. Example: `["https://rsshub.example/"]`."""
    allow_networks: tuple[types.Network, ...] = Field((), strict=False)
    """Private networks or `host:port` that may be contacted. Example: `["10.0.0.0/8", "rsshub.lan:1200"]`."""


class Host(Table):
    """`[[host]]`: how one host is treated, with all names below it (`model.HostRule`)."""

    name: types.HostName
    """Its name, which stands for all names below it, too. Example: `"example.com"`."""
    spacing: types.Duration | None = None
    """The least time between two requests to it, instead of that of `[fetch]`. Example: `"5s"`."""
    pause: types.Duration | None = None
    """Its silence after 429 or 503, instead of that of `[fetch]`. Example: `"2h"`."""
    pause_cap: types.Duration | None = None
    """Its longest silence, instead of that of `[fetch]`. Example: `"7d"`."""
    concurrency: int = Field(1, ge=1, le=100)
    """The requests to it at a time: more than one is for servers of your own."""

    def rule(self) -> HostRule:
        """As fetching wants it."""
        return HostRule(self.name, self.spacing, self.pause, self.concurrency, self.pause_cap)


class Web(Table):
    """`[web]`: where the published tree is served, and where, for the owner alone, the dashboard ("" for nowhere).

    `token` says where the secret is that the dashboard asks for; `public_url` at which URL the internet reaches the
    tree ("" for not at all).
    """

    listen: types.Listener = "127.0.0.1:8080"
    """Where `aggregator serve` listens, and the daemon where there is a `[web]`."""
    dashboard: types.ListenerOrNot = "127.0.0.1:8081"
    """Where the dashboard listens, for you alone; "" for none. Anywhere but at this machine it needs a `token`."""
    token: str = Field("", repr=False)
    """What the dashboard asks for: where the secret is, of 16 characters or more, `env:NAME` or `file:PATH`.
    Example: `"env:DASHBOARD"`."""
    public_url: types.PublicUrl = ""
    """The URL at which the internet reaches `listen`: the daemon then subscribes at the WebSub hubs of feeds, whose
    deliveries come to `_/websub/` below it. Example: `"https://example.org/"`."""


class CategorySettings(Table):
    """`[[category]]`: what a category is called, where it stands, and what is said about it (`model.Shelf`)."""

    path: types.Path
    """Which category: its names from the top down; `[]` is everything. Example: `["tech", "python"]`."""
    title: types.Line = ""
    """What it is called in feeds, instead of its name. Example: `"Technology"`."""
    slug: types.Slug = ""
    """Its folder; without it, the name as far as it is safe. Example: `"new-media"`."""
    description: str = ""
    """What is said about it in its feeds. Example: `"What the press writes"`."""
    order: int = 0
    """Where it stands in lists: lower comes first. Example: `1`."""
    aliases: types.Paths = ()
    """Tags and other paths that mean it. Example: `["tech", "科技"]`."""
    of: types.Virtual = ()
    """Makes it virtual: it shows what is in these categories and below, as far as its rules let it in; `[[]]` is
    everything. Example: `["Technology"]`."""
    keep: types.Count | None = None
    """The newest entries of it stay, so many, instead of what `[site]` says. Example: `200`."""
    keep_for: types.Age | None = None
    """Its entries stay for so long, instead of what `[site]` says. Example: `"90d"`."""
    items: int | None = Field(None, ge=1, le=1_000_000)
    """Entries in its feeds, instead of those of `[site]`. Example: `200`."""
    max_per_source: types.Count | None = None
    """Of these, entries of one source, instead of what `[site]` says. Example: `10`."""
    content: types.Shown | None = None
    """How much of each entry its feeds have, instead of what `[site]` says. Example: `"summary"`."""
    rule: Annotated[tuple[CategoryRule, ...], BeforeValidator(tables), Field(strict=False)] = ()
    """Which entries it takes, and how they are shown, in it and all below: `[[category.rule]]`.
    Example: `[{ exclude = { text = "in brief" } }]`."""

    @model_validator(mode="after")
    def _everything_has_its_place(self) -> "CategorySettings":
        said = [key for key in ("slug", "of", "aliases") if not self.path and getattr(self, key)]
        if said:
            raise ValueError(_("everything, the path [], has no `{key}`; leave it out").format(key=said[0]))
        kept = [key for key in ("keep", "keep_for") if self.of and getattr(self, key)]
        if kept:
            raise ValueError(
                _("is virtual, so it keeps nothing; write `{key}` for the categories that it shows").format(key=kept[0])
            )
        return self


class CommonSource(Pacing):
    """The keys that every `[[source]]` may have, whatever its kind. Secrets are `env:NAME` or `file:PATH`.

    What may hold a secret, if only by mistake, has `repr=False`: then no message shows its value either.
    """

    kind: str = "feed"
    """What it is: `"feed"`, `"seed"` (a folder of posts), `"page"` (a web page), `"sitemap"`, `"command"` (a program),
    or
    the dotted path of a module of your own."""
    enabled: bool = True
    """With false it is not visited, and all that it gave stays where it is, published, as far as `keep_for` lets it."""
    title: types.Line = ""
    """Its title, instead of what the feed says. Example: `"An own name"`."""
    category: types.Belongs = ()
    """The path of its category, or several; of posts, for those that name none.
    Example: `[["tech", "python"], ["news"]]`."""
    language: types.Language = ""
    """The language of its entries, instead of what the feed says. Example: `"fr"`."""
    timezone: types.Zone | None = None
    """For its dates without an offset, instead of that of `[site]`. Example: `"Europe/Paris"`."""
    base_url: types.WebUrl | None = None
    """Of the site whose posts these are: resolves their relative links and images; the default is that of `[site]`.
    Example: `"https://blog.example/"`."""
    schedule: types.Schedule = None
    """When it is visited, instead of by its rhythm: a length of time, or a cron expression in its `timezone`.
    Example: `"0 7 * * *"`."""
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    """Headers of its requests: where each value is, `env:NAME` or `file:PATH`.
    Example: `{ X-Token = "env:NEWS_TOKEN" }`."""
    basic: str = Field("", repr=False)
    """A login: where `user:password` is, `env:NAME` or `file:PATH`. One login only. Example: `"env:NEWS_LOGIN"`."""
    bearer: str = Field("", repr=False)
    """A login: where the token is, `env:NAME` or `file:PATH`. One login only. Example: `"file:secrets/news"`."""
    user_agent: types.Line = ""
    """Who asks, instead of us. Example: `"Mozilla/5.0"`."""
    proxy: str = Field("", repr=False)
    """Ask through it; with a login, `env:NAME` or `file:PATH`, where its URL is. Private addresses in URLs are refused
    as
    ever; what names stand for is the proxy's job. Example: `"http://proxy.example:3128"`."""
    verify: bool = True
    """With false any certificate is accepted, but of no other server that a redirect leads to."""
    timeout: types.Timeout | None = None
    """For one visit as a whole, instead of that of `[fetch]`. Example: `"60s"`."""
    max_bytes: types.Size | None = None
    """Of one document, instead of that of `[fetch]`. Example: `"20MB"`."""
    identity: Identity = "auto"
    """What its entries are recognised by."""
    updates: Updates = "bump"
    """What an edit does: `"bump"` also the date of update, `"silent"` the entry alone, `"ignore"` nothing."""
    on_vanish: Vanish = "keep"
    """What becomes of an entry that a feed takes back, when two visits in a row have missed it (not of sitemaps)."""
    future: Future | None = None
    """A date ahead: `"clamp"` counts as now (the default of feeds), `"hide"` until then (of posts), `"keep"`, `"drop"`.
    Example: `"hide"`."""
    priority: int = Field(0, ge=-1000, le=1000)
    """Whose copy of a story is shown: the highest."""
    first_import: int | None = Field(None, ge=0)
    """How many entries the first visit to a feed takes; all without it. Example: `20`."""
    keep: types.Count | None = None
    """Its newest entries stay, so many, instead of what `[site]` says. Example: `200`."""
    keep_for: types.Age | None = None
    """Its entries stay for so long, instead of what `[site]` says. Example: `"90d"`."""
    content: Content = "full"
    """How much of its entries is published."""
    images: bool = True
    """With false pictures are left out."""
    rule: Annotated[tuple[SourceRule, ...], BeforeValidator(tables), Field(strict=False)] = ()
    """Which of its entries are taken, and how they are shown: `[[source.rule]]`.
    Example: `[{ exclude = { title = "sponsored" } }]`."""

    def policy(self, site: Site) -> Policy:
        """What is wanted of the source's entries, and what `[site]` says of keeping them where it is silent."""
        return Policy(
            identity=self.identity,
            updates=self.updates,
            on_vanish=self.on_vanish,
            future=self.future,
            priority=self.priority,
            first_import=self.first_import,
            retention=Retention(self.keep or site.keep, self.keep_for or site.keep_for),
            content=self.content,
            images=self.images,
            rules=tuple(rule.rule() for rule in self.rule),
        )
