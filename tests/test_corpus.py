"""Every real document of the corpus at once: served over loopback, taken in by one run, published, and read back."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import feedparser
import pytest
from lxml import etree

from aggregator import listing
from aggregator.pipeline import Report
from tests.conformance import check
from tests.planet import Planet
from tests.server import Server


@dataclass
class Run:
    """What one run over the whole corpus left behind, and a second one after it."""

    planet: Planet
    first: Report
    second: Report
    before: dict[str, int]
    statuses: Counter[int]
    feeds: dict[str, dict[str, str]]
    url: str


@pytest.fixture(scope="module")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with (corpus / "feeds" / "manifest.tsv").open(encoding="utf-8") as file:
        feeds = {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}
    planet = Planet(tmp_path_factory.mktemp("corpus"))
    planet.now = datetime(2026, 11, 22, tzinfo=UTC)  # the newest of the posts is of that autumn
    planet.site["items"] = 100_000
    planet.fetch["timeout"] = "60s"
    planet.sources.append({"kind": "seed", "path": str(corpus / "seeds")})
    with Server() as server:
        for name in feeds:
            server.put(f"/{name}", (corpus / "feeds" / name).read_bytes(), etag=True)
            planet.feed(server.url(f"/{name}"))
        first = planet.run()
        before = planet.times()
        second = planet.run(force=True)
        yield Run(planet, first, second, before, Counter(r.status for r in server.log), feeds, server.url("/"))


@pytest.fixture(scope="module")
def listed(run: Run) -> list[dict[str, Any]]:
    return list(listing.items(run.planet.load(), None, None, None).values)


def distinct(path: Path) -> int:
    """How many entries of a feed do not say the very same as another of them, by feedparser's count."""
    entries = feedparser.parse(io.BytesIO(path.read_bytes())).entries
    names = ("id", "link", "title", "summary")
    return len({tuple(str(entry.get(name)) for name in names) for entry in entries})


def test_no_source_fails(run: Run) -> None:
    assert [outcome.error for outcome in run.first.failed] == []
    assert run.first.published.problems == ()


def test_every_entry_of_every_feed_is_in_the_store(run: Run, corpus: Path) -> None:
    got = {outcome.source.key.removeprefix(run.url): outcome.counts["new"] for outcome in run.first.outcomes}
    less = {name: got[name] for name, row in run.feeds.items() if got[name] != int(row["items"])}
    assert less == {name: distinct(corpus / "feeds" / name) for name in less}, "only exact repetitions are left out"
    assert len(less) < 10


def test_every_post_is_in_the_store(run: Run, corpus: Path) -> None:
    posts = sum(1 for _ in (corpus / "seeds").rglob("*.md"))
    assert {outcome.counts["new"] for outcome in run.first.outcomes if outcome.source.kind == "seed"} == {posts}


def test_every_item_of_the_store_is_published(run: Run, listed: list[dict[str, Any]]) -> None:
    ids = [entry["id"] for entry in listed]
    assert len(ids) == len(set(ids))
    stored = sum(outcome.counts["new"] for outcome in run.first.outcomes)
    assert sum(len(entry["copies"]) for entry in listed) == stored
    for name in ("rss.xml", "atom.xml"):
        assert [entry.id for entry in run.planet.published(name).entries] == ids


def test_what_is_published_is_valid(run: Run) -> None:
    for name, data in run.planet.files().items():
        kind = "rss" if name.endswith("rss.xml") else "atom"
        assert check(data, kind, "https://planet.example/feeds/" + quote(name))[:5] == [], name


def test_nothing_is_fetched_or_written_twice(run: Run) -> None:
    assert run.statuses == {200: len(run.feeds), 304: len(run.feeds)}
    assert run.second.published.written == ()
    assert run.planet.times() == run.before
    assert not run.second.failed


def test_warnings_name_their_document(run: Run) -> None:
    for outcome in run.first.outcomes:
        for warning in outcome.warnings:
            named = outcome.source.key in warning or any(part.endswith(".md") for part in warning.split(":"))
            assert named, warning
            assert "\n" not in warning


def test_what_is_really_broken_is_named(run: Run, corpus: Path) -> None:
    """A strict parser refuses some of the documents (for their bytes, their entities, their tags): each has a warning."""
    warned = {outcome.source.key.removeprefix(run.url) for outcome in run.first.outcomes if outcome.warnings}
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    for name, row in run.feeds.items():
        if row["format"] == "json1":
            continue
        try:
            etree.fromstring((corpus / "feeds" / name).read_bytes(), parser)
        except etree.XMLSyntaxError as error:
            borderline = "Invalid bytes" in str(error) or "is not a valid URI" in str(error)  # libxml2 alone minds
            assert name in warned or borderline, f"{name}: {error}"
