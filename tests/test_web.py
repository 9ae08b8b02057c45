"""The rules of `serve`, without a socket: paths, links to hubs, what is kept in memory."""

import os
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator.web import app, tree
from aggregator.web.answers import Terms, answer
from aggregator.web.documents import Document, Shelf
from tests.planet import Planet

PIECES = [
    "..",
    ".",
    "/",
    "\\",
    "%2e",
    "%2E%2e",
    "%2f",
    "%5c",
    "%00",
    "%25",
    "%252e",
    "\0",
    "%c0%ae",
    "%u002e",
    "~",
    ":",
]
TARGETS = st.lists(st.sampled_from([*PIECES, "a", "rss.xml", "é", "%FF", "．．", "%EF%BC%8F"]) | st.text(max_size=3))


# --- Paths ----------------------------------------------------------------------------------------------------------


@given(TARGETS.map(lambda parts: ("/" + "".join(parts)).encode("utf-8", "surrogatepass")) | st.binary(max_size=40))
@settings(max_examples=1000, deadline=None)
@example(b"/%2e%2e/x")
@example(b"/..%2fx")
@example(b"/a/%2e%2e%5c..")
def test_no_path_leads_out_of_the_tree(raw: bytes) -> None:
    names = tree.names(raw)
    if names is None:
        return
    path = os.path.normpath("/".join(("/tree", *names)))
    assert path == "/tree" or path.startswith("/tree/")
    assert path.rstrip("/").count("/") == len([name for name in names if name]) + 1
    assert not {"\0", "\\"} & set(path)
    assert not any(name.startswith(".") for name in names)


@given(st.lists(st.text(st.characters(exclude_characters="/\\\0", codec="utf-8"), min_size=1), min_size=1))
@settings(max_examples=100)
def test_a_name_is_found_as_it_was_encoded(names: list[str]) -> None:
    raw = "".join("/" + "".join(f"%{byte:02X}" for byte in name.encode()) for name in names)
    hidden = any(name.startswith(".") for name in names)
    assert tree.names(raw.encode()) == (None if hidden else tuple(names))


@given(TARGETS)
@settings(max_examples=100, deadline=None)
def test_no_answer_shows_what_is_outside(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    base = tmp_path_factory.getbasetemp()
    (base / "tree" / "a").mkdir(parents=True, exist_ok=True)
    (base / "tree" / "rss.xml").write_bytes(b"inside")
    (base / "rss.xml").write_bytes(b"outside")
    raw = ("/" + "".join(parts)).encode("utf-8", "surrogatepass")
    found = app.respond(base / "tree", Shelf(), Terms({}, "https://p.example/", 60), raw, {})
    assert (found.status, found.body == b"inside") in [(200, True), (404, False)]


@pytest.mark.parametrize(
    ("language", "said"),
    [("de", "Dieses Dokument gibt es nicht."), ("zh-CN", "没有这个文档。"), ("nb", "There is no such document.")],
)
@pytest.mark.parametrize("raw", [b"/nothing.xml", b"/../x"])
def test_what_is_missing_is_said_in_the_language_of_the_site(
    tmp_path: Path, language: str, said: str, raw: bytes
) -> None:
    planet = Planet(tmp_path)
    planet.site["language"] = language
    config = planet.load()
    found = app.respond(config.output, Shelf(), app.terms(config), raw, {})
    assert (found.status, found.body.decode()) == (404, f"{said}\n")


# --- Headers --------------------------------------------------------------------------------------------------------


def test_feeds_name_their_hubs_and_themselves() -> None:
    types = {"atom.xml": "application/atom+xml", "feed.json": "application/feed+json", "index.html": "text/html"}
    hubs = ("https://hub.example/", "https://two.example/?a=b")
    terms = Terms(types, "https://p.example/feeds/", 60, hubs)
    document = Document(b"x", b"", "d", 0)
    link = (
        '<https://hub.example/>; rel="hub", <https://two.example/?a=b>; rel="hub", '
        '<https://p.example/feeds/%E6%9C%80/{}>; rel="self"'
    )
    for name in ("atom.xml", "feed.json"):
        for asked, status in (({}, 200), ({"if-none-match": "*"}, 304)):
            found = answer(document, f"%E6%9C%80/{name}", asked, terms)
            assert (found.status, found.headers["Link"]) == (status, link.format(name))
    for path in (
        "index.html",
        "archive-7/atom.xml",
        "%E6%9C%80/archive-12/atom.xml",
    ):  # what is closed says nothing new
        assert "Link" not in answer(document, path, {}, terms).headers
    assert "Link" in answer(document, "my-archive-7/atom.xml", {}, terms).headers
    assert "Link" not in answer(document, "atom.xml", {}, Terms(types, "https://p.example/", 60)).headers


def test_terms_are_those_of_the_config(tmp_path: Path) -> None:
    planet = Planet(tmp_path)
    planet.fetch["interval"] = "1s"
    terms = app.terms(planet.load())
    assert terms.max_age == 60
    assert terms.types == {"rss.xml": "application/rss+xml", "atom.xml": "application/atom+xml"}
    assert terms.base_url == planet.site["base_url"]


# --- Memory ---------------------------------------------------------------------------------------------------------


def test_a_document_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    path, shelf = tmp_path / "rss.xml", Shelf()
    path.write_bytes(b"one" * 1000)
    first = shelf.read(str(path), text=True)
    assert first is not None
    assert shelf.read(str(path), text=True) is first
    new = tmp_path / "new"
    new.write_bytes(b"two" * 1000)
    os.utime(new, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))  # as a copy that keeps times does
    new.replace(path)
    second = shelf.read(str(path), text=True)
    assert second is not None
    assert (second.data, second.modified) == (b"two" * 1000, first.modified)
    assert second.digest != first.digest


def test_memory_has_a_limit(tmp_path: Path) -> None:
    shelf = Shelf(budget=25_000)
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path in paths:
        path.write_bytes(os.urandom(10_000))
    a, b, c = (str(path) for path in paths)
    kept = shelf.read(a, text=False)
    other = shelf.read(b, text=False)
    assert shelf.read(a, text=False) is kept
    shelf.read(c, text=False)  # b was asked for longest ago
    assert shelf.read(a, text=False) is kept
    assert shelf.read(b, text=False) == other
    assert shelf.read(b, text=False) is not other
    paths[0].write_bytes(os.urandom(50_000))  # more than there is room for
    large = shelf.read(a, text=False)
    assert large == shelf.read(a, text=False)
    assert large is not shelf.read(a, text=False)
