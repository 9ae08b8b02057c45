"""Nasty names of categories, sources, posts and titles: what is published lies inside the folder, apart, and stays."""

import json
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal
from unicodedata import category, normalize

import pytest

from tests.faults.amounts import much, told
from tests.planet import NOON, Planet, rss
from tests.server import Request, Response, Server

NASTY = (
    "../../etc/passwd", "/etc/passwd", "..", ".", "...", "~", "a/b", "a\\b", "C:\\x", "CON", "nul", "com1.md", "aux.xml",
    "con.", "archive-1", "index", "atom.xml", ".hidden", "-rf", "a\0b", "a\nb", "\x1b[31mred", "\ud800", "\ufffe",
    "Tech", "tech", "ＴＥＣＨ", "cafe\u0301", "café", "straße", "STRASSE", "İstanbul", "ﬁle", "file", "x" * 300, "新" * 300,
    "🎉", "🎉🎉", "a" + "\u0301" * 300, "\u202egnp.exe", "\u200bzero", "a\u200db", "<script>alert(1)</script>",
    "'; drop table item; --", "$(touch made)", "`touch made`", "%2e%2e%2f", "{{ 7 * 7 }}", "a b", "a  b ", "a-b", "ΑΣ", "ας",
)  # fmt: skip
"""Names that have harmed others."""
_DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))}
_BLOCKS = ((0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x5FF), (0x600, 0x6FF), (0x900, 0xDFF), (0x1100, 0x11FF),
           (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2100, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xD7B0, 0xDFFF),
           (0xF900, 0xFFFF), (0x1D400, 0x1D7FF), (0x1F300, 0x1FAFF), (0xE0000, 0xE01EF))  # fmt: skip
_FORMS: tuple[Callable[[str], str], ...] = (
    str.upper, str.casefold, str.title, partial(normalize, "NFD"), partial(normalize, "NFKC"),
)  # fmt: skip


def names() -> list[str]:
    """All of them, and random ones: of one script or of many, and twins of these that differ in case or form alone."""
    lot = random.Random(9)
    found: list[str] = []
    for number in range(much(12, 200)):
        blocks = lot.choices(_BLOCKS, k=lot.choice((1, 3)))
        made = "".join(chr(lot.randint(*lot.choice(blocks))) for _ in range(lot.choice((1, 2, 5, 20, 100))))
        found.append(lot.choice(_FORMS)(lot.choice(found)) if number % 4 == 3 else made)
    return [*NASTY, *found]


def planet_of(root: Path, server: Server, every: Sequence[str], lot: random.Random) -> Planet:
    """A planet of posts and feeds with these names, made and answered in an order of their own."""
    root.mkdir()
    planet = Planet(root)
    planet.site |= {"formats": ["atom", "post"], "items": 5000, "archive": 40, "gzip": True}
    planet.seeds()
    order = list(enumerate(every))
    lot.shuffle(order)
    for number, name in order:
        file = root / "seeds" / str(number) / f"{_file(name)}.md"
        file.parent.mkdir()
        said = {"title": name, "date": str(NOON), "categories": [[name], [name, every[number // 2]], ["all"]]}
        front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in said.items())
        file.write_text(f"---\n{front}\n---\n\nPost {number}.\n", encoding="utf-8")
    for number, name in order[: much(12, 250)]:
        shown = name.encode("utf-8", "replace").decode()
        feed = rss([{"guid": f"urn:{number}", "title": shown, "date": NOON}], title=shown)
        pause = lot.random() / 20

        def answer(request: Request, feed: bytes = feed, pause: float = pause) -> Response:
            server.closing.wait(pause)
            return Response(feed)

        server.script(f"/{number}", answer)
        planet.feed(server.url(f"/{number}", f"127.0.{1 + number // 200}.{1 + number % 200}"))
    return planet


def _file(name: str) -> str:
    """As much of a name as the file of a post may have; one that begins with a dot is hidden."""
    spelled = name.encode("utf-8", "replace").replace(b"\0", b"0").replace(b"/", b"\\")
    return ("_" if spelled.startswith(b".") else "") + spelled[:240].decode(errors="ignore")


@pytest.fixture(scope="module")
def planets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Planet, Planet]:
    """Two planets of the same names that came in another order; each has had two runs."""
    root = tmp_path_factory.mktemp("names")
    every = names()
    with Server("0.0.0.0") as server:
        first, second = (planet_of(root / name, server, every, random.Random(name)) for name in ("one", "two"))
        second.sources = [*second.sources[:1], *sorted(first.sources[1:], key=lambda source: source["url"][::-1])]
        for planet in (first, second):
            assert not planet.run().failed
            before = planet.files()
            assert planet.run(force=True).published.written == ()
            assert planet.files() == before, "in a second run all stays"
    told("names", names=len(every), paths=len(first.files()))
    return first, second


def test_every_path_is_inside_and_of_names_that_all_systems_take(planets: tuple[Planet, Planet]) -> None:
    for planet in planets:
        assert {path.name for path in planet.root.iterdir()} == {"config", "feeds", "seeds", "var"}
        for path in planet.files():
            assert (planet.root / "feeds" / path).resolve().is_relative_to(planet.root / "feeds")
            assert len(path) < 2000
            for name in PurePosixPath(path).parts:
                assert 0 < len(name.encode()) <= 255
                assert name[0] not in ".-~ "
                assert name[-1] not in ". "
                assert not set(name) & set('<>:"\\|?*')
                assert all(category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn") for char in name)
                assert name.partition(".")[0].casefold() not in _DEVICES


@pytest.mark.parametrize("form", ["NFC", "NFKC", "NFD"])
def test_paths_are_apart_where_case_and_form_do_not_count(
    form: Literal["NFC", "NFKC", "NFD"], planets: tuple[Planet, Planet]
) -> None:
    for planet in planets:
        files = list(planet.files())
        folded = {normalize(form, normalize(form, path).casefold()) for path in files}
        assert len(folded) == len(files)


def test_paths_do_not_depend_on_the_order_of_arrival(planets: tuple[Planet, Planet]) -> None:
    first, second = planets
    assert first.files().keys() == second.files().keys()
    assert first.files()["atom.xml"] == second.files()["atom.xml"]


def test_every_post_is_in_a_folder_of_its_own_category(planets: tuple[Planet, Planet]) -> None:
    first, _ = planets
    every = names()
    posts = [text for path, text in first.files().items() if path.startswith("posts/") and path.endswith(".md")]
    assert len([text for text in posts if b"Post " in text]) == len(every)
    feeds = [data.decode() for path, data in first.files().items() if path.endswith("/atom.xml")]
    told_in = [sum(f"Post {number}." in feed for feed in feeds) for number in range(len(every))]
    assert min(told_in) >= 2, "in its own category, and in that of all"
