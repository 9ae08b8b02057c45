"""`add`, `remove`, `disable` and `enable`, as their users meet them, with feeds on loopback."""

import base64
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from aggregator import adding, config
from aggregator.adding import same
from aggregator.errors import AggregatorError
from tests.planet import NOON, Planet, rss
from tests.server import Request, Response, Server
from tests.test_languages import run

HOST = "127.0.0.1"
ITEMS = [{"title": f"T{n}", "guid": str(n), "date": NOON.replace(day=n + 1)} for n in range(7)]
PAGE = """<!doctype html><html><head><title>A blog</title>
<link rel=alternate type="application/rss+xml" href="/comments/feed">
<link rel=alternate type="application/rss+xml" href="/feed"><link rel=alternate type="application/atom+xml" href="/atom">
</head><body>Hello</body></html>"""
EARLIER = """# mine
[site]
title = "P"   # the title
base_url = "https://planet.example/"

[fetch]
allow_networks = ["127.0.0.0/8"]
spacing = "0s"

# The first.
[[source]]
url = "https://one.example/feed"
title = "One"

[[source]]
url = "https://two.example/feed"
title = "Two"
category = "a"

# Categories
[[category]]
path = "a"
"""


@pytest.fixture
def file(tmp_path: Path, server: Server) -> Path:
    """A config, and a server with a page, its feeds, and ways to them."""
    server.put("/", PAGE.encode(), headers={"Content-Type": "text/html"})
    server.put("/feed", rss(ITEMS, title="A blog"))
    server.put("/comments/feed", rss([{"title": "c", "guid": "c"}], title="Comments"))
    server.put("/other", rss(ITEMS, title="Another"))
    for path, status in (("/old", 301), ("/now", 302)):
        server.redirect(path, server.url("/feed", HOST), status)
    server.put("/plain", PAGE.partition("<link")[0].encode() + b"</head></html>", headers={"Content-Type": "text/html"})
    server.put("/empty", b"Nothing here", headers={"Content-Type": "text/plain"})
    file = tmp_path / "config" / "aggregator.toml"
    file.parent.mkdir()
    file.write_text(EARLIER, encoding="utf-8")
    return file


def aggregator(file: Path, *arguments: str) -> tuple[int, str, str]:
    """The real command: its code, and what it says."""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "aggregator", *arguments]
    done = subprocess.run(command, cwd=file.parents[1], env=env, text=True, capture_output=True)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def table(*lines: str) -> str:
    return "\n".join(("[[source]]", *lines)) + "\n\n"


def with_block(*lines: str) -> str:
    """The config with one more source where it belongs."""
    head, tail = EARLIER.split("# Categories")
    return f"{head}{table(*lines)}# Categories{tail}"


@pytest.mark.parametrize("path", ["/", "/feed", "/old", ""])
def test_the_feed_is_found_shown_and_added(file: Path, server: Server, path: str) -> None:
    bare = server.url(path, HOST).removeprefix("http://")  # nobody speaks TLS there, so it is asked over http then
    given = bare if path in ("/", "") else server.url(path, HOST)
    code, out, err = aggregator(file, "add", given, "--category", "tech/blogs")
    assert (code, err) == (0, "config/aggregator.toml: written; `aggregator once` visits it\n")
    shown, diff = out.split("--- config/aggregator.toml\n")
    feed = server.url("/feed", HOST)
    assert shown.splitlines()[:6] == [f"A blog  {feed}", *(f"  2026-03-0{n}  T{n - 1}" for n in (7, 6, 5, 4, 3))]
    others = [line.split()[-1] for line in shown.splitlines()[6:]]
    assert others == ([server.url("/atom", HOST), server.url("/comments/feed", HOST)] if path in ("/", "") else [])
    assert [line for line in diff.splitlines() if line[0] in "+-"][1:] == [
        "+[[source]]",
        f'+url = "{feed}"',
        '+category = "tech/blogs"',
        "+",
    ]
    assert file.read_text(encoding="utf-8") == with_block(f'url = "{feed}"', 'category = "tech/blogs"')
    assert [request.path for request in server.log].count("/feed") == 1


def test_a_redirect_that_may_end_is_not_written(file: Path, server: Server) -> None:
    found = adding.add(config.load(file), server.url("/now", HOST), ("a/b", "c"), "An own name", NOON)
    assert found.edit.after.decode() == with_block(
        f'url = "{server.url("/now", HOST)}"', 'title = "An own name"', 'category = [["a", "b"], ["c"]]'
    )
    assert found.title == "An own name"
    assert file.read_text(encoding="utf-8") == EARLIER


@pytest.mark.parametrize("begins", ["//", "feed://", "feed:https://"])
def test_a_login_is_not_sent_in_the_clear_where_tls_fails(file: Path, server: Server, begins: str) -> None:
    given = server.url("/feed", HOST).replace("http://", f"{begins}me:hunter2@")
    code, out, err = aggregator(file, "add", given)
    assert (code, out, "tls" in err, "hunter2" in err) == (1, "", True, False)
    assert server.log == []
    assert file.read_text(encoding="utf-8") == EARLIER


def test_why_nothing_is_added_is_chinese(file: Path) -> None:
    _, _, err = run(file.parents[1], "add", "http://127.0.0.1:9/")
    assert err == (
        "aggregator: 连接被拒：http://127.0.0.1:9/：无法连接 127.0.0.1（Connection refused）；端口对吗？服务器在运行吗？未添加任何内容\n"
    )


def test_a_password_is_not_written(file: Path, server: Server) -> None:
    code, out, err = aggregator(file, "add", server.url("/feed", HOST).replace("//", "//me:hunter2@"))
    assert code == 0
    assert "set LOGIN_127_0_0_1 to user:password" in " ".join(err.split())
    assert "export LOGIN_127_0_0_1='user:password'; cron" in " ".join(err.split())
    assert "authorization" in server.log[-1].headers
    written = file.read_text(encoding="utf-8")
    assert written == with_block(f'url = "{server.url("/feed", HOST)}"', 'basic = "env:LOGIN_127_0_0_1"')
    assert "hunter2" not in out + err + written


def closed(server: Server, path: str, body: bytes) -> None:
    """Something that only `me` is shown, whose password is `p@ss`."""
    wanted = "Basic " + base64.b64encode(b"me:p@ss").decode()

    def answer(request: Request) -> Response:
        return Response(body) if request.headers.get("authorization") == wanted else Response(status=401)

    server.script(path, answer)


def test_a_closed_page_leads_to_its_closed_feed(file: Path, server: Server) -> None:
    closed(server, "/members", PAGE.encode())
    closed(server, "/feed", rss(ITEMS, title="For members"))
    code, out, err = aggregator(file, "add", server.url("/members", HOST).replace("//", "//me:p%40ss@"))
    assert (code, "For members" in out) == (0, True)
    said = " ".join(err.split())
    assert (
        "set LOGIN_127_0_0_1 to user:password where aggregator runs, with what stands there as %40 written as @" in said
    )
    written = file.read_text(encoding="utf-8")
    assert written == with_block(f'url = "{server.url("/feed", HOST)}"', 'basic = "env:LOGIN_127_0_0_1"')
    assert "p%40ss" not in out + err + written


def test_how_a_login_is_given_is_said(file: Path, server: Server) -> None:
    closed(server, "/members", PAGE.encode())
    code, _, err = aggregator(file, "add", server.url("/members", HOST))
    assert code == 1
    assert 'https://USER:PASSWORD@..., or basic = "env:NAME" into the config; nothing is added' in " ".join(err.split())


def test_a_login_is_for_its_own_origin_alone(file: Path, server: Server) -> None:
    other = server.url("/feed", "127.0.0.2")
    closed(server, "/members", PAGE.replace("/feed", other).encode())
    found = adding.add(config.load(file), server.url("/members", HOST).replace("//", "//me:p%40ss@"), (), "", NOON)
    assert found.url == other
    assert found.edit.after.decode() == with_block(f'url = "{other}"')
    assert "authorization" not in server.log[-1].headers
    assert [each for each in found.warnings if "was not sent to its feed; it is left out" in each]
    server.redirect("/gone", other, 301)
    found = adding.add(config.load(file), server.url("/gone", HOST).replace("//", "//me:p%40ss@"), (), "", NOON)
    assert [
        each
        for each in found.warnings
        if f"was sent to {server.url('/', HOST)} alone, and the source is at {other} now;" in each
    ]


def test_a_dry_run_writes_nothing(file: Path, server: Server) -> None:
    code, out, err = aggregator(file, "add", server.url("/feed", HOST), "--dry-run")
    assert (code, err) == (0, "nothing is written\n")
    assert "\n+[[source]]\n" in out
    assert file.read_text(encoding="utf-8") == EARLIER


@pytest.mark.parametrize("path", ["/feed?utm_source=x", "/feed", "/old", "/now", "/"])
def test_what_is_there_already_is_not_added_again(file: Path, server: Server, path: str) -> None:
    file.write_text(EARLIER + table(f'url = "{server.url("/feed", HOST)}"', "enabled = false"), encoding="utf-8")
    with pytest.raises(
        AggregatorError, match=r"/feed\S* is in the config already.*it is disabled: `aggregator enable "
    ):
        adding.add(config.load(file), server.url(path, HOST), (), "", NOON)
    assert len(server.log) == {"/feed": 0, "/feed?utm_source=x": 0}.get(path, 2)


def test_nor_what_a_source_has_led_to(planet: Planet, server: Server) -> None:
    """The config has the page, or the old address, and the store knows where it led to."""
    server.put("/page", PAGE.encode(), headers={"Content-Type": "text/html"})
    server.put("/feed", rss(ITEMS))
    server.put("/comments/feed", rss(ITEMS))
    server.redirect("/old", server.url("/new", HOST), 301)
    server.put("/new", rss(ITEMS))
    planet.feed(server.url("/page", HOST))
    planet.feed(server.url("/old", HOST))
    planet.run()
    server.log.clear()
    for path, first in (("/feed", "/page"), ("/new", "/old")):
        with pytest.raises(AggregatorError, match=f"{path} is in the config already, as .*{first}"):
            adding.add(planet.load(), server.url(path, HOST), (), "", NOON)
    assert server.log == []


WRONG = {
    "another scheme": (["ftp://a.example/"], "ftp://a.example/ is no address of a feed; write one such as"),
    "no address": (["a b"], "a b is no address of a feed"),
    "a script": (["javascript:alert(1)"], "is no address of a feed"),
    "a mail address": (["me@a.example"], "is no address of a feed"),
    "a control character": (["https://a.example/\x1b[31m"], "is no address of a feed"),
    "a category": (["https://a.example/", "--category", "a//b"], "--category a//b: a category's name is empty"),
    "nothing there": (["{nothing}"], "/nothing answered 404, there is nothing at that address; try http://127.0.0.1:"),
    "no feed there, but a page": (["{plain}"], 'with kind = "page" it can be a source itself: `aggregator preview URL'),
    "a site whose feed is gone": (
        ["{root}"],
        "/ answered 404, there is nothing at that address; look at it in a browser;",
    ),
    "no feed there": (["{empty}"], "not a feed: "),
    "a password": (["https://me:secret@a b/"], "https://***@a b/ is no address"),
    "a network of its own": (["10.0.0.1"], "private address: https://10.0.0.1"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    file: Path, server: Server, arguments: list[str], said: str
) -> None:
    urls = {name: server.url(f"/{name}", HOST) for name in ("nothing", "empty", "plain")} | {
        "root": server.url("/", HOST)
    }
    for path in ("/", "/feed"):
        server.put(path, status=404)
    code, out, err = aggregator(file, "add", *(each.format(**urls) for each in arguments))
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith("aggregator: ")
    assert said in err
    assert "\x1b" not in err
    assert file.read_text(encoding="utf-8") == EARLIER


@pytest.mark.parametrize("wanted", ["https://one.example/feed", "http://one.example/feed/", "one", "ONE.example"])
def test_a_source_is_removed_by_any_of_its_names(file: Path, wanted: str) -> None:
    _, edit = adding.remove(config.load(file), wanted)
    first = '# The first.\n[[source]]\nurl = "https://one.example/feed"\ntitle = "One"\n\n'
    assert edit.after.decode() == EARLIER.replace(first, "")


def test_a_source_of_a_list_is_said_to_be_in_it(file: Path) -> None:
    (file.parent.parent / "friends.txt").write_text("https://three.example/feed\n", encoding="utf-8")
    file.write_text(EARLIER + '\n[[list]]\npath = "friends.txt"\n', encoding="utf-8")
    for change in (adding.remove, partial(adding.switch, on=False)):
        with pytest.raises(AggregatorError, match=r"stands in the list .*friends\.txt; take it out there, or"):
            change(config.load(file), "three")


def test_a_source_of_a_list_is_enabled_there(file: Path) -> None:
    listed = '[{"url": "https://three.example/feed", "enabled": false}, {"url": "https://four.example/feed"}]'
    (file.parent.parent / "friends.json").write_text(listed, encoding="utf-8")
    file.write_text(EARLIER + '\n[[list]]\npath = "friends.json"\n', encoding="utf-8")
    with pytest.raises(
        AggregatorError, match=r"friends\.json; enable it there, or write a \[\[source\]\] of that url$"
    ):
        adding.switch(config.load(file), "three", on=True)
    assert aggregator(file, "enable", "four") == (0, "", "https://four.example/feed is not disabled\n")
    assert aggregator(file, "disable", "three", "--dry-run")[2] == "https://three.example/feed is disabled already\n"


def test_a_source_that_is_listed_twice_is_removed_and_disabled_as_a_whole(file: Path) -> None:
    again = table('url = "https://two.example/feed"', 'title = "Two"', 'category = "b"')
    file.write_text(EARLIER + again, encoding="utf-8")
    assert [each.title for each in adding.remove(config.load(file), "two")[1].config.sources] == ["One"]
    assert not adding.switch(config.load(file), "two", on=False)[1].config.sources[1].enabled


def test_the_commands_change_one_source_after_another(file: Path) -> None:
    code, out, err = aggregator(file, "disable", "Two")
    assert (code, err) == (0, "config/aggregator.toml: written; it is not visited any more; its entries stay\n")
    assert [line for line in out.splitlines() if line[0] in "+-"][2:] == ["+enabled = false"]
    assert aggregator(file, "disable", "Two") == (0, "", "Two is disabled already\n")
    assert aggregator(file, "enable", "Two", "-q") == (0, "", "")
    assert file.read_text(encoding="utf-8") == EARLIER
    assert aggregator(file, "remove", "Two", "--json")[0] == 0
    assert [source.title for source in config.load(file).sources] == ["One"]


def test_several_that_may_be_meant_are_named_and_none_is_changed(file: Path) -> None:
    for command in ("remove", "disable", "enable"):
        code, _, err = aggregator(file, command, "example")
        assert code == 1
        assert "may be any of https://one.example/feed, https://two.example/feed" in err
    assert "is not in the config" in aggregator(file, "remove", "https://three.example/")[2]
    assert file.read_text(encoding="utf-8") == EARLIER


def test_a_password_is_not_shown(file: Path) -> None:
    file.write_text(EARLIER + table('url = "https://me:secret@three.example/"'), encoding="utf-8")
    for options in ((), ("--json",)):
        code, out, err = aggregator(file, "disable", "three.example", "--dry-run", *options)
        assert code == 0
        assert "three.example" in out
        assert "secret" not in out + err


HEADERS = (
    'headers = { Authorization = "Bearer t0ken-1", X-From = "env:T0KEN" }',
    "headers.X-Key = 't0ken-2'",
    """headers = { X-Key = "t0ken\\u002d3" }""",
    'headers = {"X" = """\nt0ken-4"""}',
    '[source.headers]\nX-Key = "t0ken-5" # mine',
    "[source . 'headers' ]\n'X' = \"t0ken-6\"",
)


@pytest.mark.parametrize("headers", HEADERS)
def test_a_token_in_a_header_is_not_shown_and_stays(file: Path, headers: str) -> None:
    before = EARLIER + table('url = "https://three.example/"', headers).rstrip() + "\n"
    file.write_text(before, encoding="utf-8")
    edit = adding.switch(config.load(file), "three.example", on=False)[1]
    for changed in (edit, adding.remove(config.load(file), "three.example")[1]):
        shown = "\n".join(changed.diff())
        assert ("***" in shown, "t0ken" in shown, "env:T0KEN" in shown) == (True, False, "env:" in headers), shown
    assert all(line in edit.after.decode() for line in headers.splitlines())
    assert 'title = "Two"' in "".join(adding.remove(config.load(file), "two")[1].diff())


def test_addresses_of_the_same() -> None:
    assert same("http://a.example") == same("https://A.example/") != same("https://b.example/")
    assert same("https://a.example/feed/") == same("http://a.example/feed?utm_source=b#c")
    assert same("rsshub://a/b") == "rsshub://a/b"
