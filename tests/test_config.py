"""The config: what it comes to, and what is said about every mistake: file, line, key, and what to do."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator import config
from aggregator.config import toml
from aggregator.errors import ConfigError
from aggregator.model import HostRule, Match, Policy, Retention, Rule, Shelf

SITE = '[site]\ntitle = "Planet"\nbase_url = "https://planet.example/"\n'  # three lines, so that what follows begins on line 4


def write(folder: Path, text: str | bytes) -> Path:
    """A config in a folder `config/`, as it usually stands."""
    file = folder / "config" / "aggregator.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def problems(folder: Path, text: str | bytes, *, look: bool = False) -> list[tuple[int, str]]:
    """The problems of a config: the line of each, and what is said. Each names the file and is one line."""
    file = write(folder, text)
    with pytest.raises(ConfigError) as caught:
        config.load(file, look=look)
    found = [re.fullmatch(rf"{re.escape(str(file))}:(\d+): (.*)", problem) for problem in caught.value.problems]
    return [(int(match[1]), match[2]) for match in found if match or pytest.fail(str(caught.value))]


# --- What it comes to -----------------------------------------------------------------------------------------------


def test_the_least_that_must_be_said(tmp_path: Path) -> None:
    loaded = config.load(write(tmp_path, SITE))
    assert loaded.root == tmp_path
    assert loaded.output == tmp_path / "feeds"
    assert loaded.store == f"sqlite:///{tmp_path}/var/aggregator.db"
    assert loaded.site.formats == ("rss", "atom")
    assert loaded.sources == ()
    assert loaded.categories == {}


def test_paths_start_at_the_folder_that_holds_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, SITE)
    elsewhere = tmp_path / "planet.toml"
    elsewhere.write_bytes(file.read_bytes())
    assert config.load(elsewhere).root == tmp_path
    monkeypatch.chdir(tmp_path / "config")
    assert config.load(Path("aggregator.toml")).root == tmp_path
    monkeypatch.chdir(tmp_path)
    assert config.load(Path("config/aggregator.toml")).root == tmp_path
    assert config.load(Path("planet.toml")).root == tmp_path


def test_absolute_paths_stay(tmp_path: Path) -> None:
    loaded = config.load(write(tmp_path, SITE + 'output = "/srv/feeds"\nstore = "sqlite:////srv/a.db"'))
    assert loaded.output == Path("/srv/feeds")
    assert loaded.store == "sqlite:////srv/a.db"


def test_a_store_on_a_server_stays_and_is_not_shown(tmp_path: Path) -> None:
    url = "postgresql+psycopg://me:secret@db/x"
    loaded = config.load(write(tmp_path, SITE + f'store = "{url}"'), look=True)
    assert loaded.store == url
    assert "secret" not in repr(loaded)


@pytest.mark.parametrize(
    "base_url", ["https://planet.example/a", "https://planet.example/a/", "HTTPS://Planet.Example/a//"]
)
def test_base_url_ends_with_one_slash(tmp_path: Path, base_url: str) -> None:
    loaded = config.load(write(tmp_path, f'[site]\ntitle = "P"\nbase_url = "{base_url}"'))
    assert loaded.site.base_url.lower() == "https://planet.example/a/"


def test_a_source_has_what_it_says_and_else_the_defaults(tmp_path: Path) -> None:
    text = """
        timezone = "Asia/Shanghai"
        [fetch]
        interval = "2h"
        timeout = 10
        max_bytes = "1MB"
        [[source]]
        kind = "seed"
        path = "posts"
        [[source]]
        url = "https://news.example/feed"
        category = "tech/python"
        title = " Example   News "
        language = "zh_cn"
        timezone = "Europe/Paris"
        base_url = "https://news.example/"
        interval = 0
        timeout = "1m"
        max_bytes = 500
        """
    seed, feed = config.load(write(tmp_path, SITE + text)).sources
    assert (seed.kind, seed.key, seed.root) == ("seed", "seed:posts", str(tmp_path))
    assert (seed.zone, seed.base_url, seed.categories) == ("Asia/Shanghai", "https://planet.example/", ())
    assert (seed.pace.interval, seed.limits.max_bytes) == (timedelta(hours=2), 1_000_000)
    assert (feed.kind, feed.key) == ("feed", "https://news.example/feed")
    assert (feed.title, feed.language, feed.zone) == ("Example News", "zh-CN", "Europe/Paris")
    assert (feed.base_url, feed.categories) == ("https://news.example/", (("tech", "python"),))
    limits = (feed.pace.interval, feed.limits.timeout, feed.limits.max_bytes)
    assert limits == (timedelta(0), timedelta(minutes=1), 500)


def test_a_source_listed_twice_is_in_the_categories_of_both(tmp_path: Path) -> None:
    one = '[[source]]\nurl = "https://news.example/feed"\ntitle = "News"\ncategory = '
    loaded = config.load(write(tmp_path, f'{SITE}{one}"a"\n{one}[["b"], ["a"]]\n'))
    assert [source.categories for source in loaded.sources] == [(("a",), ("b",))]


def test_hosts_have_what_they_say(tmp_path: Path) -> None:
    text = """
        [[host]]
        name = "Bücher.Example."
        spacing = "2s"
        pause = 0
        [[host]]
        name = "[::1]"
        pause_cap = "2d"
        concurrency = 4
        """
    assert config.load(write(tmp_path, SITE + text)).hosts == (
        HostRule("xn--bcher-kva.example", timedelta(seconds=2), timedelta(0)),
        HostRule("::1", concurrency=4, pause_cap=timedelta(days=2)),
    )
    assert config.load(write(tmp_path, SITE)).hosts == ()


def test_categories_are_found_by_their_path(tmp_path: Path) -> None:
    text = '[[category]]\npath = "新媒体/博客"\nslug = "blogs"\norder = -1\ndescription = "One.\\nTwo."'
    (path, category), *others = config.load(write(tmp_path, SITE + text)).categories.items()
    assert (path, others) == (("新媒体", "博客"), [])
    assert (category.slug, category.order, category.description) == ("blogs", -1, "One.\nTwo.")


def test_a_source_says_what_is_wanted_of_its_entries(tmp_path: Path) -> None:
    text = """
        keep = 500
        keep_for = "90d"
        [[source]]
        url = "https://news.example/feed"
        [[source]]
        url = "https://news.example/two"
        identity = "link+date"
        updates = "silent"
        on_vanish = "drop"
        future = "hide"
        priority = -3
        first_import = 0
        keep = 9
        content = "link"
        images = false
        [[source.rule]]
        include = { title = "a", language = ["zh_cn", "EN"], within = ["x/y", ["z"]], enclosure = false }
        [[source.rule]]
        when.older = "2d"
        title = "{source}: {title}"
        strip = "figure"
        route = "a/b"
        """
    one, two = config.load(write(tmp_path, SITE + text)).sources
    assert one.policy == Policy(retention=Retention(500, timedelta(days=90)))
    rules = (
        Rule(include=Match(title=("a",), language=("zh-CN", "en"), within=(("x", "y"), ("z",)), enclosure=False)),
        Rule(
            when=Match(older=timedelta(days=2)),
            title="{source}: {title}",
            strip=("figure",),
            route=(("a", "b"),),
        ),
    )
    kept = Retention(9, timedelta(days=90))
    assert two.policy == Policy("link+date", "silent", "drop", "hide", -3, 0, kept, "link", False, rules)


def test_a_category_says_what_is_wanted_of_it(tmp_path: Path) -> None:
    text = """
        max_per_source = 7
        near_duplicates = true
        [[category]]
        path = []
        description = "All there is"
        rule = [{ exclude = { title = "/^ad:/" } }]
        [[category]]
        path = "a"
        aliases = ["x", "y/z", ["T/S"]]
        keep = 5
        keep_for = "1d"
        max_per_source = 3
        [[category]]
        path = "b"
        of = ["A", "c/d"]
        [[category]]
        path = "e"
        of = ["c", []]
        [[source]]
        url = "https://news.example/feed"
        rule = [{ route = ["C/D"] }]
        """
    loaded = config.load(write(tmp_path, SITE + text))
    assert (loaded.site.max_per_source, loaded.site.near_duplicates) == (7, True)
    assert loaded.shelves == {
        (): Shelf((), rules=(Rule(exclude=Match(title=("/^ad:/",))),)),
        ("a",): Shelf(("a",), (("x",), ("y", "z"), ("T/S",)), (), (), Retention(5, timedelta(days=1)), 3),
        ("b",): Shelf(("b",), of=(("A",), ("c", "d"))),
        ("e",): Shelf(("e",), of=((),)),
    }


@pytest.mark.parametrize(
    "raw", [b"\xef\xbb\xbf" + SITE.encode(), SITE.replace("\n", "\r\n").encode()], ids=["BOM", "CRLF"]
)
def test_files_of_other_systems(tmp_path: Path, raw: bytes) -> None:
    assert config.load(write(tmp_path, raw)).site.title == "Planet"


def test_kinds_and_formats_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_kind.py").write_text(
        "import dataclasses\nREMOTE = True\nkey = lambda options: f'own:{options.depth}'\n"
        "@dataclasses.dataclass(frozen=True)\nclass Options:\n    depth: int\n    deep: bool = False\n"
        "    names: tuple[str, ...] = ()\n    rate: float = 1.0\n"
    )
    (tmp_path / "own_format.py").write_text("FILENAME = 'own.txt'\n")
    package = tmp_path / "mine"
    package.mkdir()
    for name in ("own_kind.py", "own_format.py"):
        (tmp_path / name).rename(package / name)
    monkeypatch.syspath_prepend(tmp_path)
    text = SITE + 'formats = ["rss", "mine.own_format"]\n[[source]]\nkind = "mine.own_kind"\n'
    loaded = config.load(write(tmp_path, text + "depth = 3\n"))
    assert loaded.site.formats == ("rss", "mine.own_format")
    assert [source.key for source in loaded.sources] == ["own:3"]
    assert problems(tmp_path, text + 'depth = "x"\ndeep = 1\nnames = "a"\nrate = "b"\n') == [
        (7, 'source[1].depth: write a whole number (it is "x")'),
        (8, "source[1].deep: write true or false (it is 1)"),
        (9, 'source[1].names: write a list in brackets (it is "a")'),
        (10, 'source[1].rate: write a number (it is "b")'),
    ]


def test_the_example_is_right() -> None:
    loaded = config.load(Path(__file__).parents[1] / "config" / "aggregator.toml")
    assert {"feed", "seed"} == {source.kind for source in loaded.sources}


# --- Mistakes in keys and values ------------------------------------------------------------------------------------

FEED = '[[source]]\nurl = "https://news.example/feed"\n'

MISTAKES = {
    # A key that is not known, at every level.
    "titel = 1": (4, 'site.titel: unknown key; did you mean "title"?'),
    "Items = 1": (4, 'site.Items: unknown key; did you mean "items"?'),
    "xyzzy = 1": (4, "site.xyzzy: unknown key; known are allow_commands, archive, base_url, contact, content, "),
    '"a\\nb\\u001b" = 1': (4, 'site."a\\nb\\u001b": unknown key; known are '),
    "[sites]": (4, 'sites: unknown key; did you mean "site"?'),
    "[[sources]]\nx = 1": (4, 'sources: unknown key; did you mean "source"?'),
    "[fetch]\nintervall = 1": (5, 'fetch.intervall: unknown key; did you mean "interval"?'),
    "[[category]]\npath = 'a'\nslog = 'b'": (6, 'category[1].slog: unknown key; did you mean "slug"?'),
    f"{FEED}{FEED.replace('feed', 'two')}catgory = 'x'": (
        8,
        'source[2].catgory: unknown key; did you mean "category"?',
    ),
    f"{FEED}catgory = 'x'  # a = 1": (6, 'source[1].catgory: unknown key; did you mean "category"?'),
    f"{FEED}pause = '5m'": (
        6,
        "source[1].pause: unknown key; it belongs to the host: write it into a [[host]] with its",
    ),
    f"{FEED}pause_cap = '5m'": (6, "source[1].pause_cap: unknown key; it belongs to the host: "),
    f"{FEED}[source.more]\nx = 1": (6, "source[1].more: unknown key; "),
    "[site.extra]\nx = 1": (4, "site.extra: unknown key; "),
    # A value that must be there.
    "[[source]]": (4, "source[1].url: is missing; write it below [[source]]"),
    "[[source]]\nkind = 'seed'": (4, "source[1].path: is missing; write it below [[source]]"),
    "[[category]]\ntitle = 'x'": (4, "category[1].path: is missing; write it below [[category]]"),
    # The wrong type.
    "contact = 5": (4, "site.contact: write text in quotes (it is 5)"),
    "contact = 2024-05-17": (4, 'site.contact: write text in quotes (it is "2024-05-17")'),
    "language = true": (4, "site.language: write text in quotes (it is true)"),
    "items = 'ten'": (4, 'site.items: write a whole number (it is "ten")'),
    "items = 1.5": (4, "site.items: write a whole number (it is 1.5)"),
    "items = true": (4, "site.items: write a whole number (it is true)"),
    "formats = 'rss'": (4, 'site.formats: write a list in brackets (it is "rss")'),
    "formats = [\n 'rss',\n 5\n]": (4, "site.formats[2]: write text in quotes (it is 5)"),
    "[fetch]\nallow_networks = '::1'": (5, 'fetch.allow_networks: write a list in brackets (it is "::1")'),
    "[[category]]\npath = 'a'\norder = 'b'": (6, 'category[1].order: write a whole number (it is "b")'),
    "[web]\nlisten = 8080": (5, "web.listen: write text in quotes (it is 8080)"),
    "[web]\nlisten = ':8080'": (
        5,
        'web.listen: write HOST:PORT, such as "127.0.0.1:8080" or "[::1]:8080" (it is ":8080")',
    ),
    "[web]\npublic_url = 'example.org'": (5, "web.public_url: write an absolute http:// or https:// URL"),
    "[web]\npublic_url = 'https://example.org/?a'": (
        5,
        "web.public_url: write the URL of the folder alone, without ? and #",
    ),
    "[web]\nlissen = 'x'": (5, 'web.lissen: unknown key; did you mean "listen"?'),
    "[[web]]\nlisten = 'x'": (4, "web: write it as a table, [web]"),
    "[[source]]\nurl = ['https://news.example/']": (5, "source[1].url: write text in quotes (it is ["),
    "[[source]]\nkind = 5": (5, "source[1].kind: write text in quotes (it is 5)"),
    "[source]\nurl = 'x'": (4, "source: write [[source]] in two brackets, once for each source"),
    "[host]\nname = 'x'": (4, "host: write [[host]] in two brackets, once for each host"),
    "[category]\npath = 'x'": (4, "category: write [[category]] in two brackets, once for each category"),
    # A value that makes no sense.
    "items = -5": (4, "site.items: write 1 or more (it is -5)"),
    "items = 99999999999999999999": (4, "site.items: write 1000000 or less (it is 99999999999999999999)"),
    "formats = []": (4, "site.formats: is empty; write at least one (it is [])"),
    "formats = ['atm']": (4, 'site.formats[1]: there is no format "atm"; did you mean "atom"?'),
    "formats = ['feedgen']": (4, 'site.formats[1]: there is no format "feedgen"; known are atom, '),
    "formats = ['no.such']": (4, 'site.formats[1]: format "no.such" cannot be loaded (ModuleNotFoundError: '),
    "output = ' '": (4, 'site.output: is empty; write the path of a folder (it is " ")'),
    "output = 's3:bkt/p'": (4, "site.output: write the path of a folder, or s3://BUCKET/PREFIX; "),
    "output = 'file:out'": (4, "site.output: write the path of a folder, or s3://BUCKET/PREFIX; "),
    "store = 'postgres://me:secret@db/x'": (4, 'site.store: lacks "+psycopg"; write "postgresql+psycopg://'),
    "store = 'postgresql+psycopg://me:sec/secret@db/x'": (4, 'site.store: write "postgresql+psycopg://USER:PASSWORD@'),
    "store = 'postgresql://me:secret@db/x'": (4, 'site.store: lacks "+psycopg"; write "postgresql+psycopg://'),
    "store = 'postgresql+psycopg://me:secret?secret@db/x'": (
        4,
        'site.store: write "postgresql+psycopg://USER:PASSWORD@',
    ),
    "store = 'postgresql+psycopg://me:12?secret@db/x'": (4, 'site.store: write "postgresql+psycopg://USER:PASSWORD@'),
    "store = 'postgresql+psycopg://me:12/secret@db'": (4, 'site.store: write "postgresql+psycopg://USER:PASSWORD@'),
    "store = 'postgresql+psycopg://me:secret@db:port/x'": (4, "site.store: has a port that is no number; write "),
    "store = 'postgresql+psycopg://me:secret@db:/x'": (4, "site.store: has a port that is no number; write "),
    "store = 'postgresql+psycopg://me:secret@db'": (4, "site.store: lacks the name of the database; write "),
    "store = 'postgresql+psycopg://me:secret@db:1/?sslmode=require'": (
        4,
        "site.store: lacks the name of the database; ",
    ),
    "store = 'sqlite:///:memory:'": (4, 'site.store: would be forgotten after each run; write "sqlite:///PATH"'),
    "store = 'postgresql+psycopg://me:secret@[::1]:5433/x?sslmode=require'": (0, ""),
    "store = 'postgresql+psycopg:///x?host=/run/postgresql'": (0, ""),
    "store = 'var/a.db'": (4, 'site.store: write "sqlite:///PATH"'),
    "timezone = 'Mars'": (4, 'site.timezone: write a zone such as "UTC" or "Asia/Shanghai" (it is "Mars")'),
    "timezone = '../../../etc/passwd'": (4, "site.timezone: write a zone such as "),
    "timezone = ''": (4, "site.timezone: write a zone such as "),
    "language = 'english!'": (4, 'site.language: write a language tag such as "en" or "zh-CN" (it is "english!")'),
    "contact = '\\u0000'": (0, ""),  # single quotes: no escape, so nothing wrong
    'contact = "\\u0000"': (4, "site.contact: has a control character; remove it"),
    'formats = ["rss\\u0007"]': (4, "site.formats[1]: "),
    "[fetch]\nmax_requests_per_hour = 0": (
        5,
        "fetch.max_requests_per_hour: write 1 or more (it is 0)",
    ),
    "[[source]]\nurl = 'https://a.example/'\nschedule = '0 25 * * *'": (
        6,
        'source[1].schedule: bad hour; write minute, hour, day, month and weekday, such as "0 7 * * *" (it is "0 25 * * *")',
    ),
    "[[source]]\nurl = 'https://a.example/'\nschedule = '0 7 * *'": (
        6,
        "source[1].schedule: a cron expression has five fields; write minute, hour, day, month and weekday, "
        'such as "0 7 * * *" (it is "0 7 * *")',
    ),
    "[[source]]\nurl = 'https://a.example/'\nschedule = 'daily'": (
        6,
        'source[1].schedule: write a length such as "6h", or a cron expression such as "0 7 * * *" (it is "daily")',
    ),
    "[[source]]\nurl = 'https://a.example/'\nschedule = '0s'": (
        6,
        'source[1].schedule: write "1s" or more (it is "0s")',
    ),
    "[fetch]\ninterval = 'soon'": (
        5,
        'fetch.interval: write a duration such as "30s", "15m", "1h" or "2d" (it is "soon")',
    ),
    "[fetch]\ntimeout = 0": (5, 'fetch.timeout: write "1s" or more (it is 0)'),
    "[fetch]\nmax_bytes = 'big'": (5, 'fetch.max_bytes: write a size such as "10MB" or "512KiB" (it is "big")'),
    "[fetch]\nallow_networks = ['x y']": (5, 'fetch.allow_networks[1]: "x y" is no network: write one such as '),
    "[fetch]\nallow_networks = ['10.0.0.1/8']": (
        5,
        'fetch.allow_networks[1]: "10.0.0.1/8" is an address, not a network: ',
    ),
    "[[source]]\nkind = 'seeds'\npath = 'x'": (5, 'source[1].kind: there is no kind "seeds"; did you mean "seed"?'),
    "[[source]]\nkind = 'feeed'": (5, 'source[1].kind: there is no kind "feeed"; did you mean "feed"?'),
    "[[source]]\nkind = 'https://me:hunter2@x.example/'": (
        5,
        'source[1].kind: kind "https://***@x.example/" cannot be loaded (ModuleNotFoundError: No module named \'https://***@x',
    ),
    "[[source]]\nkind = '..'": (5, 'source[1].kind: kind ".." cannot be loaded (TypeError: '),
    "[[source]]\nkind = 'json.tool'": (5, 'source[1].kind: kind "json.tool" cannot be loaded (AttributeError: '),
    "[[source]]\npath = 'seeds'": (5, 'source[1].path: this key needs kind = "seed"'),
    "[[source]]\nkind = 'seed'\npath = ''": (4, "source[1]: `path` is empty"),
    "[[source]]\nurl = 'news.example/feed'": (5, "source[1].url: write an absolute http:// or https:// URL (it is "),
    "[[source]]\nurl = 'ftp://me:secret@news.example/'": (
        5,
        "source[1].url: write an absolute http:// or https:// URL (it is ",
    ),
    f"{FEED}title = 'a'\n{FEED}title = 'b'": (
        7,
        'source[2]: "https://news.example/feed" is source[1] already, with other',
    ),
    f"{FEED}category = 5": (
        6,
        'source[1].category: write "a/b", ["a", "b"], or [["a", "b"], ["c"]] for several (it is 5)',
    ),
    f"{FEED}category = 'a//b'": (
        6,
        "source[1].category: a category's name is empty; write one, or leave the key out (it is ",
    ),
    # A value that may be a secret is not shown.
    f"{FEED}headers = 'X-Key: secret'": (6, "source[1].headers: write a table such as { NAME = "),
    f"{FEED}headers = {{ X-Key = ['secret'] }}": (6, "source[1].headers.X-Key: write text in quotes"),
    f"{FEED}bearer = ['secret']": (6, "source[1].bearer: write text in quotes"),
    f"{FEED}proxy = {{ url = 'secret' }}": (6, "source[1].proxy: write text in quotes"),
    "[[source]]\nurl = 'http://me:secret/@news.example/'": (5, "source[1].url: write an absolute http:// or https://"),
    "[fetch]\nrsshub = ['http://me:secret@']": (5, "fetch.rsshub[1]: write an absolute http:// or https:// URL"),
    "[[host]]\nspacing = 5": (4, "host[1].name: is missing; write it below [[host]]"),
    "[[host]]\nname = 'news.example:80'": (5, 'host[1].name: write the name of a host alone, such as "example.com"; '),
    "[[host]]\nname = 'https://news.example/'": (5, "host[1].name: write the name of a host alone"),
    "[[host]]\nname = '*.news.example'": (5, "host[1].name: write the name of a host alone"),
    "[[host]]\nname = ''": (5, "host[1].name: write the name of a host alone"),
    "[[host]]\nname = 'a.example'\nspacng = 5": (6, 'host[1].spacng: unknown key; did you mean "spacing"?'),
    "[[host]]\nname = 'a.example'\nconcurrency = 0": (6, "host[1].concurrency: write 1 or more (it is 0)"),
    "[[host]]\nname = 'a.example'\n[[host]]\nname = 'A.example.'": (6, "host[2]: a.example has a [[host]] already;"),
    "[[category]]\npath = [['a'], ['b']]": (5, 'category[1].path: write one path, such as ["tech", "python"] (it is '),
    "[[category]]\npath = 'a'\n[[category]]\npath = ['a']": (6, "category[2]: a has a [[category]] already; keep one"),
    "[[category]]\npath = 'a'\nslug = '!!'": (6, "category[1].slug: cannot be the name of a folder; "),
    # What is wanted of entries.
    f"{FEED}identity = 'gid'": (
        6,
        "source[1].identity: write 'auto', 'guid', 'link', 'link+date' or 'content' (it is ",
    ),
    f"{FEED}future = 'never'": (6, "source[1].future: write 'clamp', 'hide', 'keep' or 'drop' (it is "),
    f"{FEED}content = 'short'": (6, "source[1].content: write 'full', 'summary' or 'link' (it is "),
    f"{FEED}images = 'no'": (6, 'source[1].images: write true or false (it is "no")'),
    f"{FEED}first_import = -1": (6, "source[1].first_import: write 0 or more (it is -1)"),
    f"{FEED}keep = 0": (6, "source[1].keep: write 1 or more (it is 0)"),
    "keep_for = '5m'": (4, 'site.keep_for: write "1h" or more (it is "5m")'),
    "near_duplicates = 1": (4, "site.near_duplicates: write true or false (it is 1)"),
    "[[category]]\npath = 'a'\nmax_per_source = 0": (6, "category[1].max_per_source: write 1 or more (it is 0)"),
    "[[category]]\npath = 'a'\n[[category]]\npath = 'b'\nof = ['a']\nkeep = 5": (
        6,
        "category[2]: is virtual, so it keeps nothing; write `keep` for the categories that it shows",
    ),
    # What is published.
    "archive = -1": (4, "site.archive: write 0 or more (it is -1)"),
    "content = 'link'": (4, "site.content: write 'full' or 'summary' (it is \"link\")"),
    "max_feed_bytes = 'big'": (4, 'site.max_feed_bytes: write a size such as "10MB" or "512KiB" (it is "big")'),
    "gzip = 1": (4, "site.gzip: write true or false (it is 1)"),
    "hubs = ['hub.example']": (4, "site.hubs[1]: write an absolute http:// or https:// URL"),
    "post_path = '{titel}.md'": (4, "site.post_path: `{titel}` is no field of a path; known are category, source, "),
    "[[category]]\npath = 'a'\nitems = 0": (6, "category[1].items: write 1 or more (it is 0)"),
    "[[category]]\npath = 'a'\ncontent = 'all'": (6, "category[1].content: write 'full' or 'summary' (it is "),
    # Rules.
    f"{FEED}{FEED.replace('feed', 'two')}[[source.rule]]\n[source.rule.include]\ntitel = 'x'": (
        10,
        'source[2].rule[1].include.titel: unknown key; did you mean "title"?',
    ),
    f"{FEED}[[source.rule]]\nexclude = {{}}\n[[source.rule]]\nrout = 'x'": (
        9,
        'source[1].rule[2].rout: unknown key; did you mean "route"?',
    ),
    f"{FEED}[[source.rule]]\nexclude.title = ['a', '/(/']": (
        7,
        "source[1].rule[1].exclude.title[2]: is no regular expression of RE2 (missing ): (); mend it (it is ",
    ),
    f"{FEED}[[source.rule]]\nexclude.text = ''": (7, "source[1].rule[1].exclude.text: is empty; write a word, or a "),
    f"{FEED}[[source.rule]]\nexclude.title = 5": (7, "source[1].rule[1].exclude.title: write a list in brackets (it "),
    f"{FEED}[[source.rule]]\nwhen.language = 'x!'\nimages = true": (
        7,
        'source[1].rule[1].when.language: write a language tag such as "en" or "zh-CN" (it is "x!")',
    ),
    f"{FEED}[[source.rule]]\nwhen.older = 'x'\nimages = true": (7, "source[1].rule[1].when.older: write a duration"),
    f"{FEED}[[source.rule]]\nwhen.within = 5\nimages = true": (7, "source[1].rule[1].when.within: write a list of cat"),
    f"{FEED}[[source.rule]]\nroute = [5]": (7, 'source[1].rule[1].route: write a list of categories, each "a/b" or ['),
    f"{FEED}[[source.rule]]\ntitle = '{{sorce}}: x'": (
        7,
        "source[1].rule[1].title: there is no field {sorce}; known are {source} {title} {author} {category} ",
    ),
    f"{FEED}[[source.rule]]\nlink = '{{title}}'": (
        7,
        "source[1].rule[1].link: there is no field {title}; known are {link} {guid} {host} {path} {query} (it is ",
    ),
    f"{FEED}[[source.rule]]\nstrip = ['p', 'p[']": (7, "source[1].rule[1].strip[2]: is no CSS selector (Malformed"),
    f"{FEED}[[source.rule]]\nstrip = '.ad'": (
        7,
        "source[1].rule[1].strip: asks for a class or an id, which clean HTML ",
    ),
    f"{FEED}[[source.rule]]": (
        6,
        "source[1].rule[1]: does nothing; write include, exclude, or what to change (it is {})",
    ),
    f"{FEED}[[source.rule]]\nwhen.title = 'x'": (6, "source[1].rule[1]: does nothing; "),
    f"{FEED}[[source.rule]]\ninclude.title = 'x'\ntitle = 'y'": (
        6,
        "source[1].rule[1]: has `include` and `title`; write one rule for each (it is ",
    ),
    f"{FEED}[source.rule]\ntitle = 'x'": (
        6,
        "source[1].rule: write [[...]] in two brackets, once for each rule (it is ",
    ),
    f"{FEED}rule = [5]": (6, "source[1].rule[1]: write it as a table (it is 5)"),
    "[[category]]\npath = 'a'\n[[category.rule]]\ntitle = '{source}'": (
        7,
        "category[1].rule[1].title: there is no field {source}; known are {title} {author} {category} ",
    ),
    "[[category]]\npath = 'a'\n[[category.rule]]\nroute = 'b'": (7, "category[1].rule[1].route: unknown key; "),
    # Categories that do not go together.
    "[[category]]\npath = 'a'\nof = 'b'": (
        6,
        "category[1].of[1]: there is no category b; mend the path, or write a [[",
    ),
    "[[category]]\npath = 'a'\nof = ['a']": (6, "category[1].of[1]: a is virtual itself; name the categories that it "),
    "[[category]]\npath = 'a'\n[[category]]\npath = 'b'\nof = 'A'\n[[category]]\npath = 'c'\nof = ['a', 'b']": (
        11,
        "category[3].of[2]: b is virtual itself; ",
    ),
    "[[category]]\npath = 'a'\naliases = ['x', 'y']\n[[category]]\npath = 'b'\naliases = ['z', 'Y']": (
        9,
        'category[2].aliases[2]: "Y" means a already',
    ),
    "[[category]]\npath = 'a'\naliases = 'B'\n[[category]]\npath = 'b'": (
        6,
        'category[1].aliases[1]: "B" means b already',
    ),
    "[[category]]\npath = 'a'\naliases = 5": (6, 'category[1].aliases: write a list of categories, each "a/b" or ["a"'),
    "[[category]]\npath = 'a'\n[[category]]\npath = 'Ａ'": (6, "category[2]: Ａ has a [[category]] already; keep one"),
    "[[category]]\npath = []\nslug = 'x'": (
        4,
        "category[1]: everything, the path [], has no `slug`; leave it out (it is",
    ),
    # Other ways to write a table.
    f"{FEED}\n\n\n['fetch']\n'timeout'='x'": (10, "fetch.timeout: write a duration"),
    f"{FEED}[ fetch ]  # [site]\ntimeout = 'x'": (7, "fetch.timeout: write a duration"),
    "contact = '''\n[fetch]\ntimeout = 1\n'''\nitems = 0": (8, "site.items: write 1 or more"),
}


def test_a_mistyped_kind_hides_no_other_mistake_of_its_table(tmp_path: Path) -> None:
    table = "[[source]]\nurl = 'x'\nkind = 'paeg'\nintreval = 5\ntitle = 5\nselect = 1\n"
    keys = [why.partition(":")[0] for _, why in problems(tmp_path, SITE + table)]
    assert keys == [f"source[1].{key}" for key in ("url", "kind", "intreval", "title", "select")]


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, text: str) -> None:
    line, said = MISTAKES[text]
    if not line:
        config.load(write(tmp_path, SITE + text))
        return
    (found,) = problems(tmp_path, SITE + text)
    assert found[0] == line
    assert found[1].startswith(said)
    assert "secret" not in found[1]


WHOLE = {
    "": [(1, "site.title: is missing; write it below [site]"), (1, "site.base_url: is missing; write it below [site]")],
    "[[site]]\ntitle = 'x'": [(1, "site: write it as a table, [site]")],
    "site = 5": [(1, "site: write it as a table, [site]")],
    "source = [5]\n" + SITE: [(1, "source[1]: write it as a table, [[source]]")],
    "source = 5\n" + SITE: [(1, "source: write [[source]] in two brackets, once for each source")],
    "title = 'x'\n" + SITE: [(1, "title: stands outside of the tables; move it below [site]")],
    SITE.replace("planet.example/", "planet.example/?a=1"): [
        (3, 'site.base_url: write the URL of the folder alone, without ? and # (it is "https://planet.example/?a=1")')
    ],
    SITE.replace('"Planet"', '" "'): [(2, 'site.title: is empty; write a name (it is " ")')],
    "site.title = 'x'\nsite.base_url = 'https://planet.example/'\n\nsite.itmes = 3\nfetch . timeout = 0\n": [
        (4, 'site.itmes: unknown key; did you mean "items"?'),
        (5, 'fetch.timeout: write "1s" or more (it is 0)'),
    ],
    "source = [\n{url = 'https://news.example/', catgory = 'x'},\n]\n" + SITE + "itmes = 3\n": [
        (1, 'source[1].catgory: unknown key; did you mean "category"?'),
        (7, 'site.itmes: unknown key; did you mean "items"?'),
    ],
    f"{SITE}{FEED}[[source.more]]\nx = 1\n{FEED.replace('feed', 'two')}ulr = 1": [
        (6, "source[1].more: unknown key; "),
        (10, 'source[2].ulr: unknown key; did you mean "url"?'),
    ],
    f"{FEED}bad1 = 1\n[[category]]\npath = 'a'\nbad2 = 1\n[site]\n{SITE[7:]}bad3 = 1\n{FEED.replace('feed', 'two')}bad4 = 1\n"
    "[[category]]\npath = 'b'\nbad5 = 1\n": [
        (3, "source[1].bad1: "),
        (6, "category[1].bad2: "),
        (10, "site.bad3: "),
        (13, "source[2].bad4: "),
        (16, "category[2].bad5: "),
    ],
}


@pytest.mark.parametrize("text", WHOLE)
def test_all_problems_are_told_at_once_in_the_order_of_the_lines(tmp_path: Path, text: str) -> None:
    found = problems(tmp_path, text)
    assert [line for line, _ in found] == [line for line, _ in WHOLE[text]]
    for (_, said), (_, wanted) in zip(found, WHOLE[text], strict=True):
        assert said.startswith(wanted)


# --- Mistakes in TOML -----------------------------------------------------------------------------------------------

BROKEN = {
    "title = Planet": (1, "this value cannot be read; write text in quotes"),
    "title = “Planet”": (1, '“ is no quote here: use straight quotes "..."'),
    "title = 「星球」": (1, '「 is no quote here: use straight quotes "..."'),
    "x = [\n “a”]": (2, '“ is no quote here: use straight quotes "..."'),
    'x = 1\ntitle = "星球”\ny = 2': (2, '” is no quote here: use straight quotes "..."'),
    'title ＝ "x"': (1, "＝ stands here: write the ASCII sign ="),
    'title： "x"': (1, "： stands here: write the ASCII sign ="),
    'x = ["a"，"b"]': (1, "， stands here: write the ASCII sign ,"),
    "\n【site】": (2, "【 stands here: write the ASCII sign ["),
    "x = 1 ＃ c": (1, "＃ stands here: write the ASCII sign #"),
    'title　= "x"': (1, "a blank that is not ASCII stands here: write an ordinary one"),
    'x = "\\："': (1, "a backslash begins an escape; write the text in 'single quotes'"),
    "title = é": (1, "this value cannot be read; write text in quotes"),
    'path = "C:\\posts"': (1, "a backslash begins an escape; write the text in 'single quotes'"),
    '\ntitle = "Planet\nx = 1': (2, "the quotes that open here are not closed"),
    "\ntitle = 'Planet\nx = 1": (2, "the quotes that open here are not closed"),
    "x = 1\ntitle = 'Planet": (2, "the quotes that open here are not closed"),
    "x = 1\ntitle = '''Planet\n\n[fetch]\n": (2, "the quotes that open here are not closed"),
    "x = 1\nformats = ['rss'\n[fetch]\ny = 2\n": (2, "the list that begins here has no ] at its end"),
    "x = 1\nformats = ['rss',\n'atom'": (2, "the list that begins here has no ] at its end"),
    "x = {a = 1": (1, "the table that begins here has no } at its end"),
    "x = {a = 1,}": (1, "write a key; a { table } has no line break, and no comma at its end"),
    "\ntitle: 'x'": (2, "write KEY = VALUE"),
    '{"site": {}}': (1, "write [table] or KEY = VALUE"),
    "[site\ntitle = 'x'": (1, "the bracket that opens here is not closed"),
    "title = 'x' 'y'": (1, "there is more behind the value; "),
    "a = 1\n\na = 2\nb = 3": (3, "this key stands here a second time; keep one"),
    "a = 1\n\na = 2": (3, "this key stands here a second time; keep one"),
    "[site]\n[site]": (2, "this table stands here a second time; keep one"),
    "[source]\n[source]": (2, "write [[source]] in two brackets, once for each source"),
    "[[source]]\n[source]": (2, "write [[source]] in two brackets, once for each source"),
    "[category]\n[[category]]": (2, "write [[category]] in two brackets, once for each category"),
    "title = 'a\x07'": (1, "there is a control character; remove it"),
    "# \x00": (1, "there is a control character; remove it"),
    f"x = {'9' * 5000}": (1, "this number is too long"),
    f"x = {'[' * 5000}": (1, "this is nested too deep"),
}


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: text[:30])
def test_what_is_no_toml_is_explained(tmp_path: Path, text: str) -> None:
    ((line, said),) = problems(tmp_path, text)
    assert line == BROKEN[text][0]
    assert said.startswith(BROKEN[text][1])


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (SITE.encode() + b'contact = "\xff"', ":4: is not UTF-8 (byte 73); save the file as UTF-8"),
        (SITE.encode("utf-16"), ":1: is not UTF-8 (byte 1); save the file as UTF-8"),
    ],
)
def test_what_is_no_utf8(tmp_path: Path, raw: bytes, said: str) -> None:
    file = write(tmp_path, raw)
    with pytest.raises(ConfigError) as caught:
        config.load(file)
    assert caught.value.problems == (f"{file}{said}",)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"nowhere\.toml: there is no such file; run from the folder that holds config/"
    ):
        config.load(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match=r"is a folder; give the file in it, such as .*aggregator\.toml"):
        config.load(tmp_path)
    with pytest.raises(ConfigError, match=r"cannot be read \(Not a directory\)"):
        config.load(write(tmp_path, SITE) / "x")


# --- What the disk says ---------------------------------------------------------------------------------------------


def test_look_finds_folders_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "other").touch()
    (tmp_path / "folder.db").mkdir()
    text = 'output = "file/feeds"\nstore = "sqlite:///folder.db"\n'
    text += "".join(f'[[source]]\nkind = "seed"\npath = "{path}"\n' for path in ("none", "other", "config"))
    assert problems(tmp_path, SITE + text, look=True) == [
        (4, f"site.output: {tmp_path}/file is no folder; mend that or write another path"),
        (
            5,
            f"site.store: {tmp_path}/folder.db is no file that can be read and written; mend that or write another path",
        ),
        (8, f"source[1].path: {tmp_path}/none does not exist; create the folder or mend the path"),
        (11, f"source[2].path: {tmp_path}/other is no folder; create the folder or mend the path"),
    ]
    config.load(write(tmp_path, SITE + text))  # without looking, all is well


def test_look_comes_with_the_other_problems(tmp_path: Path) -> None:
    text = 'itmes = 3\n[[source]]\nkind = "seed"\npath = "none"\n[[source]]\nkind = "seed"\npath = "a\\u0000b"\n'
    assert [line for line, _ in problems(tmp_path, SITE + text, look=True)] == [4, 7, 10]


def test_look_finds_folders_that_may_not_be_written(nobodys_folder: Path) -> None:
    file = write(nobodys_folder, SITE + '[[source]]\nkind = "seed"\npath = "config"\n')
    nobodys_folder.chmod(0o555)
    file.parent.chmod(0o333)
    try:
        found = problems_of(file)
    finally:
        nobodys_folder.chmod(0o755)
        file.parent.chmod(0o755)
    assert ["cannot be written" in said for said in found] == [True, True, False]
    assert "cannot be read" in found[2]


def problems_of(file: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        config.load(file, look=True)
    return caught.value.problems


def test_looking_writes_nothing(tmp_path: Path) -> None:
    file = write(tmp_path, SITE)
    config.load(file, look=True)
    assert sorted(tmp_path.rglob("*")) == [file.parent, file]


# --- Anything at all ------------------------------------------------------------------------------------------------

words = st.text("abxyz é新", max_size=6)
simple = st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | words
values = st.recursive(simple, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
KEYS = {
    "site": "title base_url language timezone output store contact items formats keep keep_for nonsense",
    "fetch": "interval timeout max_bytes allow_networks nonsense",
    "web": "listen nonsense",
    "source": "kind path url category title language timezone base_url interval max_bytes identity content rule nonsense",
    "category": "path title slug description order aliases of keep rule nonsense",
}
tables = st.sampled_from(sorted(KEYS)).flatmap(
    lambda name: st.tuples(st.just(name), st.dictionaries(st.sampled_from(KEYS[name].split()), values, max_size=4))
)


def as_toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


@given(st.lists(tables, max_size=5), st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_values_each_problem_has_the_line_of_its_key(
    tmp_path: Path, parts: list[Any], data: st.DataObject
) -> None:
    wanted: dict[str, int] = {}
    lines = ["# a comment"]
    counts = {"source": 0, "category": 0}
    for name, keys in parts:
        if name in counts:
            counts[name] += 1
            place = f"{name}[{counts[name]}]"
        elif name in wanted:
            continue
        else:
            place = name
        lines += [*data.draw(st.sampled_from([[], ["", "# [site]"]])), f"[[{name}]]" if name in counts else f"[{name}]"]
        wanted[place] = len(lines)
        for key, value in keys.items():
            written = [
                f"{key} = {as_toml(value)}",
                f'"{key}" = {as_toml(value)} # x = [',
                f"{key} = [\n{as_toml(value)},\n]",
            ]
            lines += data.draw(st.sampled_from(written)).split("\n")
            wanted[f"{place}.{key}"] = len(lines) - (2 if lines[-1] == "]" else 0)
    file = write(tmp_path, "\n".join(lines))
    try:
        config.load(file)
    except ConfigError as error:
        for problem in error.problems:
            line, key = problem.removeprefix(f"{file}:").split(": ")[:2]
            table_or_key = re.sub(r"(?<=[a-z])(\[\d+\])+$", "", key) if "." in key else key
            missing = wanted.get(table_or_key.rpartition(".")[0], 1)
            assert int(line) == wanted.get(table_or_key, missing), problem
            assert "Input" not in problem


@given(st.text(max_size=200) | st.text("[]{}=.,'\"\\\n #ab1-", max_size=60))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_is_too_odd_to_be_explained(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError) as caught:
        config.load(file)
    for problem in caught.value.problems:
        assert problem.startswith(f"{file}:")
        assert problem.isprintable()


def test_lines_of_all_ways_to_write_a_key() -> None:
    raw = "a.b = 1\n\n[[c]]\nd = [\n  1,\n  {e = 2},\n]\n[[c]]\n[c.f]\ng = '''\n[h]\n'''\n[[c.i]]\nj = 1\n[[c.i]]\n['k'.\"l m\"]\n"
    assert toml.lines(raw) == {
        ("a",): 1,
        ("a", "b"): 1,
        ("c",): 3,
        ("c", 1): 3,
        ("c", 1, "d"): 4,
        ("c", 1, "d", 1): 4,
        ("c", 1, "d", 2): 4,
        ("c", 1, "d", 2, "e"): 4,
        ("c", 2): 8,
        ("c", 2, "f"): 9,
        ("c", 2, "f", "g"): 10,
        ("c", 2, "i"): 13,
        ("c", 2, "i", 1): 13,
        ("c", 2, "i", 1, "j"): 14,
        ("c", 2, "i", 2): 15,
        ("k",): 16,
        ("k", "l m"): 16,
    }


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('output = "."', "site.output"),
        ('output = ".."', "site.output"),
        ('output = "seeds"', "site.output"),
        ('output = "seeds/feeds"', "site.output"),
        ('output = "public"\nstore = "sqlite:///public/a.db"', "site.store"),
    ],
)
def test_the_output_is_a_folder_of_its_own(tmp_path: Path, text: str, key: str) -> None:
    source = '\n[[source]]\nkind = "seed"\npath = "seeds"\n'
    assert [said.split(":")[0] for _, said in problems(tmp_path, SITE + text + source)] == [key]


def test_a_category_has_at_most_twelve_levels(tmp_path: Path) -> None:
    text = '[[source]]\nurl = "https://a.example/"\ncategory = "{}"\n'
    assert "at most 12 levels" in problems(tmp_path, SITE + text.format("/".join("abcdefghijklm")))[0][1]
    config.load(write(tmp_path, SITE + text.format("/".join("abcdefghijkl"))))


def test_a_route_may_have_mirrors_of_its_own(tmp_path: Path) -> None:
    text = '[fetch]\nrsshub = ["https://one.example"]\n[[source]]\nurl = "rsshub://a/b"\n'
    text += '[[source]]\nurl = "rsshub://c/d"\nmirrors = ["https://two.example", "https://three.example"]\n'
    first, second = config.load(write(tmp_path, SITE + text)).sources
    assert first.options.mirrors == ("https://one.example",)
    assert second.options.mirrors == ("https://two.example", "https://three.example")


def test_templates_of_ones_own(tmp_path: Path) -> None:
    file = write(tmp_path, SITE)
    assert config.load(file).templates == {}
    folder = file.parent / "templates"
    folder.mkdir()
    (folder / "entry.html").write_text("\ufeff<p>新</p>", encoding="utf-8")
    (folder / "style.css").write_text("p {}")
    for other in ("notes.txt", ".hidden.html", "entry.html~"):
        (folder / other).write_bytes(b"\xff")
    assert config.load(file).templates == {"entry.html": "<p>新</p>", "style.css": "p {}"}
    (folder / "more.html").write_bytes(b"ab\xff")
    with pytest.raises(ConfigError) as caught:
        config.load(file)
    (problem,) = caught.value.problems
    assert problem.endswith('"templates/more.html": is not UTF-8 (byte 3); save the file as UTF-8')
