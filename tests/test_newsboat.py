"""A real reader, newsboat, subscribes to what is published: every title in its order, nothing twice, every recording."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from email.utils import formatdate
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from tests.conftest import needs
from tests.planet import Planet, once
from tests.server import Server

TITLES = {  # as the author writes them, and as a reader shows them
    "中文标题：聚合器的“新”消息": "中文标题：聚合器的“新”消息",
    "عنوان المقال الأول": "عنوان المقال الأول",
    "Emoji 🦊 👩‍👩‍👧 🇩🇪": "Emoji 🦊 👩‍👩‍👧 🇩🇪",
    "The <b> element & <script>alert(1)</script>": "The <b> element & <script>alert(1)</script>",
    "Salt &amp; pepper &lt;i&gt;": "Salt & pepper <i>",  # HTML's spelling, which blogs mean as HTML
    "AT&T: 1 < 2 > 0 && \\n %s": "AT&T: 1 < 2 > 0 && \\n %s",
    "\"Double\", 'single' and “curly” quotes": "\"Double\", 'single' and “curly” quotes",
}


class Newsboat:
    """A subscription to one address, with all that newsboat keeps in a folder of its own."""

    def __init__(self, home: Path, url: str) -> None:
        self.program = needs("newsboat")
        self.home = home
        home.mkdir()
        (home / "urls").write_text(f"{url}\n")
        (home / "config").touch()

    def run(self, command: str) -> str:
        """What `newsboat -x command` prints."""
        files = [part for key, name in (("-u", "urls"), ("-C", "config"), ("-c", "cache")) for part in (key, name)]
        env = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}  # no proxy, nobody's settings
        done = subprocess.run(
            [self.program, *files, "-x", command], cwd=self.home, env=env, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def sync(self) -> int:
        """Ask for the feed; how many articles are new to the reader, who then has read them all."""
        self.run("reload")
        unread = int(self.run("print-unread").split()[0])
        self.articles("UPDATE rss_item SET unread = 0")
        return unread

    def articles(self, statement: str) -> list[tuple[str, ...]]:
        """The rows that a statement finds in its cache."""
        with closing(sqlite3.connect(self.home / "cache", isolation_level=None)) as cache:
            return cache.execute(statement).fetchall()


def serve(planet: Planet, server: Server) -> None:
    """Serve feeds/ as it stands; the validators are nginx's."""
    for name in planet.files():
        file = planet.root / "feeds" / name
        written = file.stat().st_mtime
        tag = f'"{int(written):x}-{file.stat().st_size:x}"'
        server.put(f"/{name}", file.read_bytes(), etag=tag, last_modified=formatdate(written, usegmt=True))


@pytest.fixture
def web() -> Iterator[Server]:
    """Where the planet's feeds are served."""
    with Server() as running:
        yield running


@pytest.fixture
def readers(planet: Planet, web: Server) -> dict[str, Newsboat]:
    """One subscribed to the category `tech` by RSS, and one by Atom; by the name of the document."""
    names = ("tech/rss.xml", "tech/atom.xml")
    return {name: Newsboat(planet.root / Path(name).stem, web.url(f"/{name}")) for name in names}


def test_every_title_in_its_order_and_nothing_twice(planet: Planet, web: Server, readers: dict[str, Newsboat]) -> None:
    def post(name: str, title: str, day: int) -> None:
        planet.post(f"{name}.md", title=title, date=f"2024-05-{day:02}T12:00:00Z", categories=["tech"])

    planet.seeds()
    titles = list(TITLES.values())
    for number, title in enumerate(TITLES):
        post(str(number), title, 31 - number)
    for number in range(3):
        post(f"same-{number}", f"At the same moment {number}", 1)
    # newsboat 2.21 has no place for the validators of its first answer, so its second question is not conditional.
    for new, statuses in ((len(TITLES) + 3, {200}), (0, {200, 304}), (0, {304}), (1, {200})):
        if new == 1:
            titles = ["Edited", *titles[1:], "New"]
            post("0", "Edited", 31)
            post("new", "New", 20)
        assert once(planet, "--force").returncode == 0
        serve(planet, web)
        for name, reader in readers.items():
            assert (reader.sync(), web.log[-1].path) == (new, f"/{name}")
            assert web.log[-1].status in statuses
            # As its list of articles shows them: the query is newsboat's own.
            listed = reader.articles("SELECT guid, title FROM rss_item ORDER BY pubDate DESC, id DESC")
            assert [guid for guid, _ in listed] == [entry.id for entry in planet.published(name).entries]
            assert [title for _, title in listed][: len(titles)] == titles


def test_recordings_arrive_with_their_type(planet: Planet, web: Server, readers: dict[str, Newsboat]) -> None:
    audio, video = "https://cdn.example/1.mp3?a=1&b=2", "https://cdn.example/2.mp4"
    episodes = [("One", audio, "audio/mpeg"), ("Two", video, "video/mp4")]
    items = (
        f"<item><title>{title}</title><guid isPermaLink='false'>{title}</guid>"
        f"<pubDate>Mon, 13 May 2024 1{number}:00:00 GMT</pubDate>"
        f"<enclosure url='{escape(url)}' length='1234' type='{mime}'/></item>"
        for number, (title, url, mime) in enumerate(episodes)
    )
    web.put("/podcast", f"<rss version='2.0'><channel><title>P</title>{''.join(items)}</channel></rss>".encode())
    planet.feed(web.url("/podcast"), category="tech")
    assert once(planet).returncode == 0
    serve(planet, web)
    for reader in readers.values():
        assert reader.sync() == 2
        assert reader.articles("SELECT title, enclosure_url, enclosure_type FROM rss_item ORDER BY pubDate") == episodes
