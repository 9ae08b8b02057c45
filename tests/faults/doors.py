"""Posts, configs, lists of feeds and requests of HTTP to begin from, and what `mutating` does to them besides."""

import re
from pathlib import Path
from random import Random

from tests.faults import nasty
from tests.faults.mutating import FEW, GENERAL, Mutation, mutated, plant, swap

# --- Posts ----------------------------------------------------------------------------------------------------------

_KEY = re.compile(r"^[ \t]*([\w.-]+)[ \t]*[:=]", re.MULTILINE)
_SCALAR = re.compile(r"(?<=[:=])[ \t]*([^\s#].*)$", re.MULTILINE)
_LINE = re.compile(r"^.*$", re.MULTILINE)
_YAML = (
    *("!!python/object/apply:os.system ['id']", "!!python/name:os.system", "!!binary aGFsbG8=", "!!set {a, b}", "!!omap [a: 1]"),
    *("&a [*a]", "&a {b: *a}", "*nobody", "<<: *x", "[" * 400, "{" * 400, "- " * 300 + "x", "? x", "|", ">-", "%YAML 1.1", "---"),
    *("...", "~", "null", "yes", ".inf", "-.nan", "010", "0x", "1:2:3", "1_000", "9" * 5000, "1e999", "2024-02-30", "\t x", "@x"),
    *('"\\ud800"', '"\\x00"', '"\\U00110000"', '"\\N"', '"', "'", "a: b: c", "[a, [b, {c: d}]]", "{a: 1, a: 2}", "- a\n- b", "''", "`x`"),
    *("1979-05-27T07:32:00Z", "2024-03-01 12:00:00 +99:99", "0001-01-01", "9999-12-31", "[[a, b], c]", "[['/', '..'], ['', ' ']]"),
)  # fmt: skip
_KEYS = (
    "title date updated lastmod categories category tags url permalink link guid id uuid author authors draft published"
    " layout lang language cover image images enclosure audio excerpt description summary slug generator rights aliases"
    ' content feed links podcast handler Title __proto__ title: "title" ｔｉｔｌｅ'
)
_NAMES = ("", "- title", *_KEYS.split())
_MARKDOWN = (
    *(
        "[" * 600,
        "]" * 300,
        ">" * 400 + " x",
        "*" * 501,
        "_a" * 300,
        "`" * 333,
        "![" * 200,
        "<" * 400,
        "(" * 300,
        "|" * 300,
    ),
    *(
        "[x](javascript:alert(1))",
        "[x](<java\tscript:alert(1)>)",
        "![x](data:text/html,x)",
        "<javascript:alert(1)>",
        "[x]: data:x\n[x]",
    ),
    *(
        "[x](https://x.example/\"onmouseover='alert(1))",
        '[x](x "a" onclick=alert(1))',
        "[x][x]\n\n[x]: javascript:alert(1)",
    ),
    *(
        "~~~\nx",
        "```<script>\nx",
        "    <script>",
        "| a |\n|---|\n| <script>alert(1)</script> |",
        "- " * 200 + "x",
        "1. " * 99 + "x",
    ),
    *(
        "# " * 50,
        "===\n---",
        "&lt;script&gt;",
        "<!-- x",
        "<?php",
        "<![CDATA[",
        "<div>\n\n*x*\n\n</div",
        "{% raw %}",
        "<!-- more -->",
    ),
    *(
        "{{< script >}}",
        "{% include_relative /etc/passwd %}",
        "[^1]\n\n[^1]: [^1]",
        "\\" * 301,
        "\ue000\ue001",
        "a\u0000b",
    ),
)
_POSTS = (
    b"---\ntitle: A post\ndate: 2024-03-01 12:00:00\nupdated: 2024-03-02\ncategories:\n  - [Tech, Web]\n  - Notes\ntags: [a, b]\n"
    b'url: "https://own.example/a"\nauthor: Ann <ann@own.example>\ncover: /i.png\n---\n\n# Words\n\nSome *text* with [a link](/x) and'
    b" ![a picture](p.png).\n\n<!-- more -->\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nx < 1\n```\n",
    b'+++\ntitle = "Hugo"\ndate = 2024-03-01T12:00:00+01:00\ndraft = false\ntags = ["a"]\n[taxonomies]\nx = ["y"]\n+++\nText <b>here</b>.\n',
    b'{\n  "title": "JSON",\n  "date": "2024-03-01",\n  "categories": ["a", "b"]\n}\n\nText > *here*.\n',
    b"title: Hexo\ndate: 2024/03/01 8:00\npermalink: /a/b/\nphotos:\n- a.jpg\n- b.jpg\n---\n{% codeblock %}\nx\n{% endcodeblock %}\n",
    b"<!DOCTYPE html><html><head><title>Page</title></head><body><h1>Page</h1><p>Text <a href=x>y</a></p></body></html>\n",
    b"Only text, and a line.\n\n---\n\nMore.\n",
    "---\ntitle: 最新\ndate: 2024年3月1日\ncategories: [新媒体, 最新]\n---\n言葉。\n".encode(),
    b'---\ngenerator: "aggregator"\ntitle: "Ours"\nguid: "tag:own.example,2024:1"\npublished: "2024-03-01T12:00:00Z"\ncategories:\n'
    b'  - - "A"\nfeed:\n  title: "Far"\n  url: "https://far.example/"\nenclosures:\n  - url: "https://far.example/a.mp3"\n'
    b'    length: "5"\n---\n\n<p>Text</p>\n',
)
FOR_POSTS: tuple[Mutation, ...] = (
    *GENERAL,
    *(swap(_SCALAR, _YAML, 1),) * 4,
    *(swap(_KEY, _NAMES, 1),) * 2,
    *(swap(_LINE, _MARKDOWN),) * 2,
    *(
        plant(_MARKDOWN),
        plant(_YAML),
        swap(_SCALAR, nasty.DATES, 1),
        swap(_SCALAR, nasty.URLS, 1),
        swap(_LINE, nasty.MARKUP),
    ),
)
ENDINGS = (".md", ".markdown", ".html", ".htm", ".mdown")


def posts(corpus: Path) -> tuple[bytes, ...]:
    """Posts of all shapes; some of the corpus where it is."""
    real = sorted((corpus / "seeds").rglob("*.md")) if corpus.is_dir() else []
    return (*_POSTS, *(each for each in (path.read_bytes() for path in real) if len(each) < 4000))


# --- Configs --------------------------------------------------------------------------------------------------------

_CONFIG = b"""[site]
title = "Planet"
base_url = "https://planet.example/feeds/"
language = "en"
timezone = "Europe/Berlin"
output = "feeds"
store = "sqlite:///var/aggregator.db"
contact = "https://planet.example/contact"
items = 100
archive = 50
max_per_source = 20
keep = 1000
keep_for = "90d"
formats = ["rss", "atom", "json", "html", "opml", "post"]
hubs = ["https://hub.example/"]
max_feed_bytes = "250KB"
post_path = "{category}/{slug}.md"
failures = "failures.xml"

[fetch]
interval = "1h"
timeout = "30s"
max_bytes = "10MB"
jitter = 0.1
spacing = "1s"
concurrency = 50
max_requests_per_hour = 1000
rsshub = ["https://rsshub.example"]
allow_networks = ["127.0.0.1:8801", "10.0.0.0/8", "fc00::/7"]

[web]
listen = "127.0.0.1:8080"
dashboard = "localhost:8081"
token = "env:TOKEN"
public_url = "https://hooks.example/"

[[host]]
name = "host.example"
spacing = "5s"
concurrency = 2

[[source]]
kind = "seed"
path = "seeds"
timezone = "Asia/Shanghai"

[[source]]
url = "https://news.example/feed"
title = "News"
category = [["tech", "Web"], ["Other"]]
schedule = "0 8 * * 1-5"
headers = { "X-Key" = "env:KEY" }
basic = "env:BASIC"
proxy = "env:PROXY"
identity = "link+date"
updates = "silent"
on_vanish = "drop"
future = "hide"
priority = 5
first_import = 10
content = "summary"

[[source.rule]]
exclude = { title = ["sponsored", "/^ad:/"], older = "30d" }

[[source.rule]]
when = { enclosure = true, language = ["en", "zh"] }
title = "{source}: {title}"
link = "https://{host}{path}"
strip = ["p > a", "p:-soup-contains('x')"]
route = ["Podcasts"]

[[source]]
url = "rsshub://github/issue/a/b"

[[category]]
path = "Technology"
title = "Technology"
slug = "tech"
aliases = ["tech", "\xe7\xa7\x91\xe6\x8a\x80"]
order = 1
rule = [{ include = { text = "/x+/" } }]

[[category]]
path = "Long"
of = ["Technology", []]
"""
_TOML = (
    *('""', '" "', '"x"', "'x'", '"""x"""', "0", "-1", "9" * 400, "1e999", "inf", "nan", "0x1F", "1_0", "true", "[]", "{}", "[[]]"),
    *('["x", 1]', "{ x = 1 }", "[{}]", "1979-05-27T07:32:00Z", "1979-05-27", "07:32:00", '"\\u0000"', '"\\uD800"', '"a\\nb"', '"', "[" * 300),
    *('"../../.."', '"/"', '"/etc"', '"feeds/../seeds"', '"."', '"~"', '"C:\\\\x"', '"\\\\\\\\x"', '"seeds/\\u202e"', f'"{"x" * 5000}"'),
    *('"sqlite:///x.db"', '"sqlite://"', '"postgresql://u:hunter2@[::1"', '"mysql://x"', '"s3://b/p"', '"s3://"', '"https://me:hunter2@x.example/"'),
    *('"1h"', '"0s"', '"-1s"', '"1e9d"', '"99999999999d"', '"1 fortnight"', '"１h"', '"10MB"', '"9e99GB"', '"* * * * *"', '"60 25 * * *"', '"0 0 31 2 *"'),
    *('"env:"', '"env:HOME"', '"env:\\u0000"', '"file:/dev/null"', '"file:/etc/shadow"', '"file:."', '"127.0.0.1:99999"', '"[::1]:x"', '":0"', '"0/0"'),
    *('"/(/"', '"/(?=x)/"', '"/x{1,9999}/"', '"/\\\\p{X}/"', '"//"', '"{title"', '"{}"', '"{0.__class__}"', '"{title!r:>99999999}"', '"p:has("', '"a" * 9'),
    *('"feed"', '"seed"', '"json"', '"no.such.module"', '"aggregator.cli"', '"os.path"', '"tests.kinds"', '"en"', '"x-<y>"', '"Mars/Phobos"', '"localtime"'),
    *('[["a", "b"], ["A", "B"]]', '["", " "]', '["/", ".."]', '[[]]', '["a/b/c/d"]', f'[{", ".join(["[]"] * 99)}]', '["Technology"]', '[["Long"]]'),
)  # fmt: skip
_HEADERS = (
    *(
        "[site]",
        "[[site]]",
        "[fetch]",
        "[web]",
        "[host]",
        "[[host]]",
        "[source]",
        "[[source]]",
        "[[source.rule]]",
        "[source.rule]",
    ),
    *(
        "[[category]]",
        "[[category.rule]]",
        "[x]",
        "[[x.y]]",
        "[site.x]",
        "[source.headers]",
        "[]",
        "[[]]",
        '[""]',
        "[[source]",
        "[a.a.a.a]",
    ),
)
_HEADER = re.compile(r"^\[.*$", re.MULTILINE)
FOR_CONFIGS: tuple[Mutation, ...] = (
    *GENERAL,
    *(swap(_SCALAR, _TOML, 1),) * 8,
    *(swap(_HEADER, _HEADERS),) * 2,
    *(
        swap(_LINE, _HEADERS),
        swap(_LINE, ("", "x", "x = 1", "# \x01", "= 1", '"" = 1', "a.b = 1", "site.title = 1", "title = 1")),
    ),
)


def config(chance: Random) -> bytes:
    """A config after mutations; some keys change their names for those of others."""
    names = [found[1].decode() for found in re.finditer(rb"^(\w+) =", _CONFIG, re.MULTILINE)]
    return mutated(chance, _CONFIG, [_CONFIG], (*FOR_CONFIGS, swap(_KEY, (*names, *_NAMES), 1)), FEW)


# --- Lists of feeds -------------------------------------------------------------------------------------------------

_OPML = b"""<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0" xmlns:frss="https://freshrss.org/opml"><head><title>Mine</title><dateCreated>Fri, 01 Mar 2024 12:00:00 GMT</dateCreated></head>
<body><outline text="Tech"><outline text="Web" title="Web"><outline type="rss" text="A" title="A" xmlUrl="https://a.example/feed" htmlUrl="https://a.example/"
 language="en" description="All of it" category="/Tech/Web,/Other"/></outline></outline><outline type="rss" text="B" xmlUrl="http://me:hunter2@b.example/rss"/>
<outline type="HTML+XPath" text="C" xmlUrl="https://c.example/" frss:xPathItem="//article" frss:priority="important"/></body></opml>
"""
_LISTS = (
    _OPML,
    b'https://a.example/feed "Tech" "~A title"\nhttps://b.example/rss !hidden\n"query:New:unread = \\"yes\\""\n"exec:~/x.sh" x\n# a comment\n',
    b"https://a.example/feed\nhttps://b.example/rss\n",
    b'sfeedpath="$HOME/.sfeed/feeds"\nfeeds() {\n\tfeed "A" "https://a.example/feed" "https://a.example/" "utf-8"\n\tfeed x\n}\n',
    b"[Planet]\nname = Mine\nlink = https://mine.example/\ntemplate_files = x.tmpl\n[DEFAULT]\nfacewidth = 64\n[https://a.example/feed]\nname = A\n",
    b"sources:\n  - href: https://a.example/feed\n  - href: https://b.example/rss\nsite:\n  title: Mine\ncacheMaxDays: 30\n",
    b"news:\n  example:\n    - /github/issue/a/b\n    - https://a.example/feed\n",
    b'{"news": {"example": ["/github/issue/a/b"]}}\n',
    b"news / example / /github/issue/a/b\n",
    b'{"sources": [{"url": "https://a.example/feed", "title": "A", "category": [["Tech"]]}]}\n',
)


def lists(folder: Path) -> tuple[bytes, ...]:
    """Lists of all kinds; those of the fixtures where they are."""
    real = sorted(folder.iterdir()) if folder.is_dir() else []
    return (*_LISTS, *(path.read_bytes() for path in real if path.suffix != ".md" and path.stat().st_size < 8000))


FOR_LISTS: tuple[Mutation, ...] = (
    *GENERAL,
    *(swap(_SCALAR, _YAML, 1), swap(_LINE, (*_YAML, *_HEADERS)), plant(_YAML)),
    *(plant(nasty.REFERENCES), plant(nasty.PROLOGS), swap(re.compile(r"\w+=\"[^\"]*\""), nasty.ATTRIBUTES)),
)

# --- Requests -------------------------------------------------------------------------------------------------------

_TARGET = re.compile(r"(?<= )\S*(?= HTTP)")
_METHOD = re.compile(r"\A\S+")
_FIELD = re.compile(r"(?<=\n)[^\r\n]+")
_PATHS = (
    *(
        "/",
        "//",
        "/rss.xml",
        "/rss.xml/",
        "/rss.xml%00",
        "/%00",
        "/..",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc",
    ),
    *(
        "/%c0%ae%c0%ae/",
        "/\\..\\..",
        "/.git/config",
        "/.aggregator-1",
        "/~",
        "/rss.xml?" + "a=b&" * 900,
        "/" + "a/" * 900,
        "/" + "%41" * 900,
    ),
    *(
        "*",
        "http://x/",
        "https://[::1/",
        "//evil.example/",
        "/%",
        "/%zz",
        "/%ff%fe",
        "/\u202e",
        "/rss.xml#f",
        "/con",
        "/a:b",
        "/index.html;x",
    ),
    *(
        "/healthz",
        "/healthz/",
        "/metrics",
        "/_/websub/",
        "/_/websub/x",
        "/_/websub/%00",
        "/_/websub/" + "a" * 5000,
        "/_/source/1",
        "/_/source/-1",
    ),
    *(
        "/_/source/99999999999999999999",
        "/_/source/1e9",
        "/_/source/\u0661",
        "/?state=x&sort=;&page=-1",
        "/?page=99999999999999999999",
        "/?q=%ff",
    ),
    *(
        "/?token=x",
        "/?q=" + "%27" * 300,
        "/api",
        "/style.css",
        "/favicon.ico",
        "/docs",
        "/openapi.json",
        ":80",
        "x",
        "\x01",
    ),
)
_METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PATCH",
    "PRI",
    "get",
    "G" * 3000,
    "",
    "\x01",
    "é",
    "GET GET",
)
_FIELDS = (
    *(
        "Host: x",
        "Host:",
        "Host: a\r\nHost: b",
        "Host: [::1",
        "Host: \x01",
        "Host: localhost:99999",
        "Host: " + "x" * 5000,
        "X" * 9000 + ": y",
    ),
    *(
        "If-None-Match: *",
        'If-None-Match: "x',
        "If-None-Match: " + '"a",' * 900,
        "If-Modified-Since: x",
        "If-Modified-Since: Mon, 99 Foo 0000",
    ),
    *(
        "If-Modified-Since: Fri, 31 Dec 99999 23:59:59 GMT",
        "Range: bytes=0-",
        "Range: bytes=-1",
        "Range: bytes=9-1",
        "Range: bytes=" + "0-1," * 900,
    ),
    *(
        "Range: x=1-2",
        "If-Range: x",
        "Accept-Encoding: gzip;q=nan",
        "Accept-Encoding: gzip;q=1e999",
        "Accept-Encoding: *;q=0",
        "Accept: \x80",
    ),
    *(
        "Content-Length: -1",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 99999999999999999999",
        "Content-Length: 1e3",
        "Content-Length: \u0661",
    ),
    *(
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Expect: 100-continue",
    ),
    *(
        "Connection: upgrade\r\nUpgrade: websocket",
        "Upgrade: h2c",
        "Connection: close, x",
        "X-Forwarded-For: x",
        "Forwarded: for=\x01",
        "Via: 1.1 x",
    ),
    *(
        "Authorization: Bearer \x80",
        "Authorization: Basic !!!",
        "Authorization: " + "x" * 5000,
        "Cookie: aggregator=\x80",
        'Cookie: aggregator="',
        "Cookie: a;b;=c",
    ),
    *(
        "Cookie: " + "a=b;" * 900,
        "X-Hub-Signature: sha256=",
        "X-Hub-Signature: md5=x",
        "X-Hub-Signature: sha512=\u0661",
        "Content-Encoding: gzip",
    ),
    *(
        "Content-Type: \x00",
        "Content-Type: text/xml; charset=undefined",
        " folded",
        "\tfolded",
        "no colon",
        ": x",
        "a b: c",
        "a\x00: b",
        "a: b\x00",
    ),
)
FOR_REQUESTS: tuple[Mutation, ...] = (
    *GENERAL,
    *(swap(_TARGET, _PATHS),) * 4,
    *(
        swap(_METHOD, _METHODS),
        swap(re.compile(r"HTTP/1\.1"), ("HTTP/1.0", "HTTP/0.9", "HTTP/2", "HTTP/9.9", "http/1.1", "", "HTTP/1.1 x")),
    ),
    *(swap(_FIELD, _FIELDS),) * 4,
    swap(re.compile(r"\r\n"), ("\n", "\r", "\r\n\r\n", "", "\r\r\n", "\x00\r\n")),
)


def requests(paths: tuple[str, ...], host: str) -> tuple[bytes, ...]:
    """Good requests for these paths."""
    head = f"Host: {host}\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nUser-Agent: x\r\n"
    asked = 'If-None-Match: "x"\r\nIf-Modified-Since: Fri, 01 Mar 2024 12:00:00 GMT\r\nRange: bytes=0-99\r\n'
    body = "hub.mode=subscribe&hub.topic=https://x.example/&hub.challenge=x&hub.lease_seconds=9"
    made = [f"GET {path} HTTP/1.1\r\n{head}{more}\r\n" for path in paths for more in ("", asked)]
    made += [f"GET {path}?{body} HTTP/1.1\r\n{head}\r\n" for path in paths]
    made += [
        f"POST {path} HTTP/1.1\r\n{head}X-Hub-Signature: sha256={'0' * 64}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        for path in paths
    ]
    chunked = f"{len(body):x}\r\n{body}\r\n0\r\n\r\n"
    made += [f"POST {path} HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n{chunked}" for path in paths]
    return tuple(each.encode() for each in made)
