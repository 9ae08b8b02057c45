"""A planet of one's own for a test: a config, posts and feeds in a temporary folder, runs at a moment of one's choosing."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import feedparser

from aggregator import config, pipeline
from aggregator.pipeline import Report
from tests.server import Server

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


class Planet:
    """`site`, `fetch` and `sources` are written to the config as they stand when `run` is called.

    There are no archives where `site` does not say so, so that a feed has exactly `items` entries; and no rhythm makes
    visits rarer than once an hour where `fetch` does not, so that plans are exact. `store` is the URL of its store, ""
    for that of every planet.
    """

    def __init__(self, root: Path, store: str = "") -> None:
        self.root = root
        self.site: dict[str, Any] = {"title": "Planet Test", "base_url": "https://planet.example/feeds/"}
        self.site |= {"store": store} if store else {}
        self.fetch: dict[str, Any] = {
            "allow_networks": ["127.0.0.0/8"],
            "timeout": "5s",
            "spacing": "0s",
            "interval_cap": "1h",
            "jitter": 0.0,
        }
        self.web: dict[str, Any] = {}
        self.hosts: list[dict[str, Any]] = []
        self.sources: list[dict[str, Any]] = []
        self.categories: list[dict[str, Any]] = []
        self.now = NOON

    def post(self, name: str, text: str = "", /, **front: Any) -> Path:
        """Write a post below seeds/, with front matter from the keywords."""
        path = self.root / "seeds" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()]
        path.write_text("\n".join(["---", *lines, "---", "", text or "Some text.", ""]), encoding="utf-8")
        return path

    def seeds(self, **keys: Any) -> None:
        """Have a folder of posts as a source."""
        (self.root / "seeds").mkdir(exist_ok=True)
        self.sources.append({"kind": "seed", "path": "seeds", **keys})

    def feed(self, url: str, **keys: Any) -> None:
        """Have a feed as a source."""
        self.sources.append({"url": url, **keys})

    def load(self) -> config.Config:
        """Write the config and read it."""
        return config.load(self.write())

    def write(self) -> Path:
        """Write the config."""
        file = self.root / "config" / "aggregator.toml"
        file.parent.mkdir(exist_ok=True)
        tables = [("[site]", {**self.site, "archive": self.site.get("archive", 0)}), ("[fetch]", self.fetch)]
        tables += [("[web]", {"dashboard": "", **self.web})] if self.web else []  # else all tests had one port
        tables += [("[[host]]", each) for each in self.hosts]
        tables += [("[[source]]", each) for each in self.sources] + [("[[category]]", each) for each in self.categories]
        lines = []
        for header, values in tables:
            lines += [header, *(f"{key} = {_toml(value)}" for key, value in values.items())]
        file.write_text("\n".join(lines), encoding="utf-8")
        return file

    def run(self, *, force: bool = False, later: timedelta = timedelta()) -> Report:
        """One run, `later` than the last."""
        self.now += later
        return pipeline.run(self.load(), self.now, force=force)

    def published(self, name: str = "atom.xml") -> Any:
        """A published document as feedparser reads it."""
        parsed = feedparser.parse(io.BytesIO((self.root / "feeds" / name).read_bytes()))
        assert not parsed.bozo, parsed.get("bozo_exception")
        return parsed

    def titles(self, name: str = "atom.xml") -> list[str]:
        """The titles of a published document, in order."""
        return [entry.title for entry in self.published(name).entries]

    def ids(self, name: str = "atom.xml") -> dict[str, str]:
        """The public ids of a published document, by title."""
        return {entry.title: entry.id for entry in self.published(name).entries}

    def files(self) -> dict[str, bytes]:
        """All that is published, by its path."""
        folder = self.root / "feeds"
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def times(self) -> dict[str, int]:
        """When each published file was written, in nanoseconds."""
        folder = self.root / "feeds"
        return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*.xml")}


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def once(planet: Planet, *options: str) -> "subprocess.CompletedProcess[str]":
    """`aggregator once` as a process of its own, by the real clock."""
    with started(planet, *options) as process:
        out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def started(planet: Planet, *options: str) -> "subprocess.Popen[str]":
    """The same, while it runs."""
    planet.load()
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "aggregator", "once", *options]
    return subprocess.Popen(
        command, cwd=planet.root, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def places(server: Server) -> list[str]:
    """Host and path of every request, in order: `127.0.0.2/feed`."""
    return [request.headers["host"].partition(":")[0] + request.path for request in server.log]


def atom(entries: Iterable[Mapping[str, Any]], title: str = "A feed", **links: str) -> bytes:
    """An Atom feed with links by their relation; an entry's keys are `id`, `title`, `date`, and `text`."""
    head = "".join(f'<link rel="{rel}" href="{escape(href)}"/>' for rel, href in links.items())
    parts = [
        f"<entry><id>{each['id']}</id><title>{escape(each['title'])}</title><updated>{each['date'].isoformat()}</updated>"
        f"<published>{each['date'].isoformat()}</published><link href='https://news.example/{each['id']}'/>"
        f"<content>{escape(each.get('text', 'Some text.'))}</content></entry>"
        for each in entries
    ]
    body = f"<id>urn:feed</id><title>{escape(title)}</title>{head}{''.join(parts)}"
    return f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">{body}</feed>'.encode()


def rss(items: Iterable[Mapping[str, Any]], title: str = "A feed", **channel: str) -> bytes:
    """An RSS feed; an item's keys are element names, `date` an aware moment."""
    parts = [f"<{name}>{escape(value)}</{name}>" for name, value in channel.items()]
    for item in items:
        fields = {name: value for name, value in item.items() if name != "date"}
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
        if "date" in item:
            inner += f"<pubDate>{format_datetime(item['date'])}</pubDate>"
        parts.append(f"<item>{inner}</item>")
    head = f"<title>{escape(title)}</title><link>https://news.example/</link>"
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{"".join(parts)}</channel></rss>'.encode()
