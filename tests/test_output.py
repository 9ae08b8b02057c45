"""Which documents reach the output, and which files leave it: only what is fine is written, only what is ours goes."""

import gzip
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from aggregator import rehearsal
from aggregator.documents import Terms, compressed, render
from aggregator.publish import is_foreign
from aggregator.store.engine import open_store, writing
from aggregator.store.tables import file
from tests import build
from tests.planet import NOON, Planet, rss
from tests.server import Response, Server

pytestmark = pytest.mark.both_stores

_opened: list[str] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("os.rename", "open") and isinstance(arguments[0], str | os.PathLike):
        _opened.append(f"{event} {os.fspath(arguments[1 if event == 'os.rename' else 0])!s}")


sys.addaudithook(_hook)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

COUNTED = '''
"""A format that notes each of its renderings."""

from pathlib import Path

FILENAME = "counted.txt"
MEDIA_TYPE = "text/plain"
ARCHIVES = OVERVIEW = True


def render(channel):
    with (Path(__file__).parent / "renders").open("a") as file:
        file.write(f"{channel.category.folder or '.'}\\n")
    return f"aggregator: {[entry.item.title for entry in channel.entries]}".encode()
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Makes a format of one's own of the text of its module; returns its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(text: str) -> str:
        package = tmp_path / f"of_{tmp_path.name}"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "format.py").write_text(text)
        return f"{package.name}.format"

    return make


def renders(planet: Planet) -> list[str]:
    """What was rendered since this was asked last."""
    file = planet.root / f"of_{planet.root.name}" / "renders"
    found = file.read_text().split() if file.exists() else []
    file.unlink(missing_ok=True)
    return sorted(found)


def post(planet: Planet, number: int, *path: str, **more: object) -> None:
    categories = [list(path)] if path else []
    planet.post(f"{number}.md", title=f"Post {number}", date=str(NOON - number * DAY), categories=categories, **more)


# --- Work in proportion to change ------------------------------------------------------------------------------------


def test_only_what_changed_is_rendered(planet: Planet, own: Callable[[str], str]) -> None:
    planet.site |= {"formats": ["rss", own(COUNTED)], "items": 2, "archive": 2}
    planet.seeds()
    post(planet, 1, "tech", "python")
    post(planet, 2, "music")
    post(planet, 3, "tech", "c")
    planet.run()
    assert renders(planet) == sorted([".", "music", "tech", "tech/python", "tech/c"])
    planet.run(later=HOUR)
    assert renders(planet) == [], "nothing new"
    post(planet, 4, "tech", "c")
    planet.run(later=HOUR)
    assert renders(planet) == sorted([".", ".", "tech", "tech/c"]), "once as an archive"
    post(planet, 5, "music")
    planet.run(later=HOUR)
    assert renders(planet) == sorted([".", "music"]), "the archive is not rendered again"
    post(planet, 6, "tech", "rust")
    planet.run(later=HOUR)
    found = renders(planet)
    assert "music" not in found, "a new category below another one is nothing to it"
    assert {"tech/c", "tech/rust"} <= set(found), "those beside it lead to it"
    post(planet, 7, "new")
    planet.run(later=HOUR)
    assert {"music", "new", "tech", "tech/c"} <= set(renders(planet)), "a new one at the top is shown by all"
    (planet.root / "feeds" / "music" / "rss.xml").unlink()
    planet.run(later=HOUR)
    assert renders(planet) == ["music"]
    assert (planet.root / "feeds" / "music" / "rss.xml").is_file()


# --- What is not fine is not written ----------------------------------------------------------------------------------

BROKEN = """
FILENAME = "broken.xml"
MEDIA_TYPE = "application/rss+xml"


def render(channel):
    if any("raise" in entry.item.title for entry in channel.entries):
        raise ValueError("no")
    titles = "".join(entry.item.title for entry in channel.entries)
    head = "<title>aggregator</title><link>x</link><description>y</description>"
    return f"<rss><channel>{head}<!--{titles}--></channel></rss>".encode()
"""


@pytest.mark.parametrize(
    ("title", "why"), [("a -- b", "it cannot be read"), ("raise", "internal error: ValueError: no; please report it")]
)
def test_a_broken_document_is_not_written_and_tried_again(
    planet: Planet, own: Callable[[str], str], title: str, why: str
) -> None:
    planet.site["formats"] = [own(BROKEN), "rss"]
    planet.seeds()
    post(planet, 1)
    planet.run()
    good = (planet.root / "feeds" / "broken.xml").read_bytes()
    planet.post("2.md", title=title, date=str(NOON - 2 * DAY))
    for _ in range(2):
        report = planet.run(later=HOUR)
        (problem,) = report.published.problems
        assert why in problem
        assert (planet.root / "feeds" / "broken.xml").read_bytes() == good, "the last good one stays"
        assert planet.titles("rss.xml") == ["Post 1", title], "the others are written"
        assert (report.published.failed, report.published.channels) == (1, 1)
    (planet.root / "seeds" / "2.md").unlink()
    assert planet.run(later=HOUR).published.problems == ()


def test_a_mistake_in_a_template_of_ones_own_is_a_line(planet: Planet) -> None:
    planet.site["formats"] = ["html", "atom"]
    planet.seeds()
    post(planet, 1, "tech")
    folder = planet.root / "config" / "templates"
    folder.mkdir(parents=True)
    (folder / "entry.html").write_text("<p>{{ post.titel }}</p>")
    report = planet.run()
    assert all("templates/entry.html:1" in problem for problem in report.published.problems)
    assert report.published.failed == 2
    assert planet.titles("tech/atom.xml") == ["Post 1"]
    (folder / "entry.html").write_text("<p>Mine: {{ post.title }}</p>")
    assert planet.run(later=HOUR).published.problems == ()
    assert b"<p>Mine: Post 1</p>" in planet.files()["tech/index.html"]
    (folder / "entry.html").unlink()
    planet.run(later=HOUR)
    assert b"Mine" not in planet.files()["tech/index.html"]


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a//b", "", ".", "a\\b", "a\nb"])
def test_a_format_cannot_write_elsewhere(own: Callable[[str], str], path: str) -> None:
    documents = f"def documents(channel):\n    return {{{path!r}: b'x', 'wild': b'y'}}"
    name = own(f"FILENAME, MEDIA_TYPE = 'wild', 'text/plain'\n{documents}")
    found = render(build.channel(), "tech", (name,), Terms())
    assert dict(found.documents) == {"tech/wild": b"y"}
    assert "is no path below the output" in found.problems[0]


def test_two_formats_cannot_write_one_file() -> None:
    found = render(build.channel(), "", ("rss", "rss"), Terms())
    assert not found.documents
    assert found.held == {"rss.xml"}


# --- Whose file it is -------------------------------------------------------------------------------------------------


def test_what_we_wrote_goes_when_it_is_not_wanted_any_more(planet: Planet) -> None:
    planet.site |= {"formats": ["rss", "atom", "json", "opml", "post"], "gzip": True}
    planet.seeds()
    post(planet, 1, "tech")
    post(planet, 2)
    planet.run()
    (planet.root / "feeds" / "tech" / "notes.txt").write_text("somebody's")
    (planet.root / "feeds" / "atom.html").write_text("aggregator, but nobody has it in an account")
    before = planet.files()
    assert {"posts/tech/planet-test/" in path for path in before} == {True, False}
    assert {"subscriptions.opml", "feeds.opml.gz", "tech/feed.json.gz"} <= before.keys()
    assert "tech/subscriptions.opml" not in before
    (planet.root / "seeds" / "1.md").unlink()
    planet.site |= {"formats": ["rss", "post"], "gzip": False}
    planet.run(later=HOUR)
    after = planet.files()
    assert {path.partition("/")[0] for path in after} == {"tech", "atom.html", "rss.xml", "posts"}
    assert [path for path in after if path.startswith("tech/")] == ["tech/notes.txt"]
    (written,) = (path for path in after if path.startswith("posts/"))
    assert written.startswith("posts/uncategorized/")
    assert not (planet.root / "feeds" / "posts" / "tech").exists()


def test_a_store_without_an_account_of_files_knows_them_by_our_name(planet: Planet) -> None:
    planet.seeds()
    post(planet, 1, "tech")
    post(planet, 2)
    planet.run()
    store = open_store(planet.load().store)
    with writing(store) as db:
        db.execute(delete(file))
    store.dispose()
    (planet.root / "feeds" / "tech" / "atom.xml").write_text("somebody's")
    (planet.root / "seeds" / "1.md").unlink()
    planet.run(later=HOUR)
    assert {path for path in planet.files() if "/" in path} == {"tech/atom.xml"}


def test_a_category_that_moves_leaves_its_old_folder(planet: Planet) -> None:
    planet.site |= {"items": 1, "archive": 1}
    planet.seeds()
    post(planet, 1, "tech")
    post(planet, 2, "tech")
    planet.run()
    before = planet.files()
    planet.categories.append({"path": ["tech"], "slug": "new"})
    planet.run(later=HOUR)
    after = planet.files()
    assert {path: after[path] for path in before if path.startswith("tech/")} == {
        path: data for path, data in before.items() if path.startswith("tech/")
    }
    assert {"new/atom.xml", "new/archive-1/atom.xml"} <= after.keys()
    post(planet, 3, "tech")
    planet.run(later=HOUR)
    assert planet.files()["tech/atom.xml"] == before["tech/atom.xml"]


def test_what_is_somebody_elses_is_never_touched(planet: Planet) -> None:
    planet.site |= {"formats": ["html", "rss"]}
    planet.seeds()
    post(planet, 1)
    (planet.root / "feeds").mkdir()
    mine = b"<!doctype html><title>My page</title>Feeds by aggregator, written by aggregator: do subscribe!"
    (planet.root / "feeds" / "index.html").write_bytes(mine)
    (planet.root / "feeds" / "rss.xml").write_text("<rss><generator>aggregator 0.1.0</generator></rss>")
    for _ in range(2):
        report = planet.run(later=HOUR)
        (problem,) = report.published.problems
        assert problem.endswith(
            "feeds/index.html: was not written by aggregator; move it away, or choose another `output`"
        )
        assert planet.files()["index.html"] == mine
    assert planet.titles("rss.xml") == ["Post 1"], "what names us is adopted"
    (planet.root / "feeds" / "index.html").unlink()
    assert planet.run(later=HOUR).published.problems == ()
    planet.site["output"] = "www"
    (planet.root / "www").mkdir()
    (planet.root / "www" / "index.html").write_text("<!doctype html>Another page")
    assert len(planet.run(later=HOUR).published.problems) == 1, "what we wrote elsewhere says nothing of this one"


@pytest.mark.parametrize(
    ("there", "foreign"),
    [
        (b"<!-- aggregator -->", False),
        (b"/* aggregator: colours */", False),
        (b'---\ngenerator: "aggregator"\n---\n', False),
        (b"<generator>aggregator 0.1.0</generator>", False),
        (b'<generator version="0.1.0">aggregator</generator>', False),
        (b'<meta name="generator" content="aggregator 0.1.0">', False),
        (b"<!-- written by aggregator 0.1.0 -->", False),
        (b"made with aggregator", True),
        (b"x" * 9000 + b"<generator>aggregator</generator>", True),
        (b"mine", True),
        (b"the same", False),
        (compressed(b"<!-- aggregator -->"), False),
        (compressed(b"by me"), True),
        (b"\x1f\x8bnot really", True),
        (None, False),
    ],
)
def test_who_wrote_a_file(tmp_path: Path, there: bytes | None, foreign: bool) -> None:
    if there is not None:
        (tmp_path / "file").write_bytes(there)
    assert is_foreign(tmp_path / "file", b"the same") is foreign


@pytest.fixture
def warm(tmp_path: Path) -> bytes:
    """What a run reads of the project is read, as "nobody" may not be able to: its modules, and the migrations; the
    file of an empty store."""
    planet = Planet(tmp_path / "warm")
    planet.root.mkdir()
    planet.seeds()
    post(planet, 1, "tech")
    planet.run()
    open_store(f"sqlite:///{tmp_path}/empty.db").dispose()
    return (tmp_path / "empty.db").read_bytes()


def test_a_folder_that_may_not_be_touched_harms_nothing_else(warm: bytes, nobodys_folder: Path) -> None:
    planet = Planet(nobodys_folder)
    (nobodys_folder / "var").mkdir()
    (nobodys_folder / "var" / "aggregator.db").write_bytes(warm)
    planet.seeds()
    post(planet, 1, "tech")
    post(planet, 2)
    planet.run()
    tech = nobodys_folder / "feeds" / "tech"
    try:
        tech.chmod(0)
        report = planet.run(later=HOUR)
        assert [problem.partition("/tech/")[2] for problem in report.published.problems] == [
            f"{name}: cannot be written: Permission denied; the old file stays" for name in ("rss.xml", "atom.xml")
        ]
        tech.chmod(0o500)
        (nobodys_folder / "seeds" / "1.md").unlink()
        report = planet.run(later=HOUR)
        assert [problem.partition("/tech/")[2] for problem in report.published.problems] == [
            f"{name}: cannot be removed: Permission denied; it is still published" for name in ("atom.xml", "rss.xml")
        ]
        assert planet.titles() == ["Post 2"]
    finally:
        tech.chmod(0o700)
    assert planet.run(later=HOUR).published.problems == ()
    assert not tech.exists()


@pytest.mark.parametrize("output", ["./feeds", "feeds/", "www"])
def test_an_output_that_is_moved_with_its_files_stays_ours(planet: Planet, output: str) -> None:
    planet.site |= {"formats": ["rss", "post"]}
    planet.seeds()
    post(planet, 1, "tech")
    post(planet, 2)
    planet.run()
    (planet.root / "feeds").rename(planet.root / output)
    planet.site["output"] = output
    (planet.root / "seeds" / "1.md").unlink()
    planet.run(later=HOUR)
    files = (path for path in (planet.root / output).rglob("*") if path.is_file())
    assert sorted(path.name.partition("-")[0] for path in files) == ["post", "rss.xml"]


def test_a_store_that_is_lost_knows_all_that_we_wrote(planet: Planet) -> None:
    planet.site |= {"formats": ["rss", "atom", "json", "opml", "html", "post"], "gzip": True}
    planet.seeds()
    post(planet, 1)
    planet.run()
    assert [path for path in planet.files() if is_foreign(planet.root / "feeds" / path, b"")] == []


def test_a_folder_is_brought_to_the_disk_once_behind_all_its_files(planet: Planet) -> None:
    planet.seeds()
    post(planet, 1)
    _opened.clear()
    planet.run()
    feeds = str(planet.root / "feeds")
    seen = [
        each for each in _opened if each in (f"open {feeds}", *(f"os.rename {feeds}/{n}.xml" for n in ("rss", "atom")))
    ]
    renamed = {f"os.rename {feeds}/rss.xml", f"os.rename {feeds}/atom.xml"}  # they go side by side
    assert (set(seen[:-1]), seen[2:]) == (renamed, [f"open {feeds}"])


def test_compressed_copies_are_the_same_for_ever(planet: Planet) -> None:
    planet.site |= {"gzip": True}
    planet.seeds()
    post(planet, 1)
    planet.run()
    files = planet.files()
    assert gzip.decompress(files["rss.xml.gz"]) == files["rss.xml"]
    assert files["rss.xml.gz"][4:8] == bytes(4), "no time"
    (planet.root / "feeds" / "rss.xml.gz").unlink()
    assert [path.rpartition("/")[2] for path in planet.run(later=DAY).published.written] == ["rss.xml.gz"]
    assert planet.files() == files


def test_there_is_no_compressed_copy_of_what_is_not_ours(planet: Planet) -> None:
    """A web server would send ours in the place of theirs."""
    planet.site |= {"gzip": True, "formats": ["rss", "atom"]}
    planet.seeds()
    post(planet, 1)
    (planet.root / "feeds" / "rss.xml").mkdir(parents=True)
    (planet.root / "feeds" / "atom.xml").write_text("mine")
    assert len(planet.run().published.problems) == 2
    assert planet.files() == {"atom.xml": b"mine"}
    (planet.root / "feeds" / "atom.xml").unlink()
    planet.run(later=HOUR)
    assert planet.files().keys() == {"atom.xml", "atom.xml.gz"}


def test_a_feed_that_is_too_large_has_summaries_of_its_oldest_entries(planet: Planet) -> None:
    planet.site |= {"max_feed_bytes": "30KB", "archive": 3, "items": 6}
    planet.seeds()
    for number in range(1, 12):
        planet.post(f"{number:02}.md", "Long. " * 1000, title=f"Post {number}", date=str(NOON - number * DAY))
    planet.run()
    files = planet.files()
    assert len(files["rss.xml"]) < 30_000 < len(planet.published("rss.xml").entries[0].content[0].value) * 8
    sizes = ["content" in entry for entry in planet.published("rss.xml").entries]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] and not sizes[-1]
    assert all("content" in entry for entry in planet.published("archive-1/atom.xml").entries), "archives are whole"


def test_a_category_has_summaries_or_fewer_entries(planet: Planet) -> None:
    planet.categories.append({"path": ["tech"], "content": "summary", "items": 1})
    planet.seeds()
    for number in (1, 2):
        planet.post(
            f"{number}.md", "Long. " * 200, title=f"Post {number}", date=str(NOON - number * DAY), categories=["Tech"]
        )
    planet.run()
    assert ["content" in entry for entry in planet.published("rss.xml").entries] == [True, True]
    assert ["content" in entry for entry in planet.published("tech/rss.xml").entries] == [False]


# --- Rehearsal, hubs --------------------------------------------------------------------------------------------------


def test_a_rehearsal_writes_nothing_and_tells_files(planet: Planet, server: Server) -> None:
    planet.site |= {
        "formats": ["rss", "html"],
        "items": 2,
        "archive": 2,
        "hubs": [server.url("/hub", host="127.0.0.9")],
    }
    planet.seeds()
    for number in (1, 2, 3):
        post(planet, number)
    planet.run()
    before, asked = planet.files(), len(server.log)
    post(planet, 4)
    planet.site["formats"] = ["rss"]
    report, (difference,) = rehearsal.rehearse(planet.load(), planet.now)
    told = set(difference.files)
    assert {"rss.xml", "archive-1/rss.xml", "index.html", "style.css"} <= told
    assert (planet.files(), len(server.log), report.notes) == (before, asked, ())
    planet.run(later=HOUR)
    assert set(planet.files()) == {"rss.xml", "archive-1/rss.xml"}


def test_hubs_are_told_what_changed_and_nothing_else(planet: Planet, server: Server) -> None:
    hub, broken = (server.url(path, host="127.0.0.9") for path in ("/hub", "/broken"))
    planet.site |= {"formats": ["rss", "json", "html"], "hubs": [hub, broken]}
    server.put("/feed", rss([{"title": "One", "guid": "1"}]), etag=True)
    server.script("/hub", lambda request: Response(status=204))
    planet.feed(server.url("/feed", host="127.0.0.2"), category="news")
    planet.seeds(category="posts")
    post(planet, 1)

    def asked() -> list[str]:
        found = [request.body.decode() for request in server.log if request.path == "/hub"]
        server.log.clear()
        return found

    report = planet.run()
    (body,) = asked()
    assert body.count("hub.url=") == 6, "three categories in two formats, in one request"
    assert report.notes == (f"hub {broken}: HTTP 404",)
    assert not report.nothing_done
    report = planet.run(force=True, later=DAY)
    assert (asked(), report.notes) == ([], ()), "no news"
    post(planet, 2)
    planet.run(later=DAY)
    (body,) = asked()
    assert "feeds%2Fposts%2Ffeed.json" in body
    assert "news" not in body
    assert "index.html" not in body
