"""Every real document of the corpus at once: served over loopback, taken in by one run, published, and read back."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import feedparser
import pytest
from lxml import etree, html

from aggregator import listing
from aggregator.pipeline import Report
from tests import conformance_json, conformance_opml
from tests.conformance import check
from tests.planet import Planet
from tests.server import Server
from tests.test_markup import same_of

FORMATS = ["rss", "atom", "json", "opml", "html"]
CHECKS: dict[str, Callable[[bytes, str], list[str]]] = {
    "rss.xml": lambda data, url: check(data, "rss", url),
    "atom.xml": lambda data, url: check(data, "atom", url),
    "feed.json": conformance_json.check,
    "subscriptions.opml": lambda data, _: conformance_opml.check(data),
    "feeds.opml": lambda data, _: conformance_opml.check(data),
    "index.html": lambda data, _: dangers(data),
    "sources.html": lambda data, _: dangers(data),
}
STYLES = {"favicon.svg", "feed.css", "style.css"}


def dangers(page: bytes) -> list[str]:
    """What a browser could run or load in a page that is not ours."""
    root = html.document_fromstring(page)
    found = [name for name in NOT_OURS for _ in root.iter(name)]
    for element in root.iter(etree.Element):
        for name, value in ((str(name), str(value)) for name, value in element.items()):
            scheme = value.strip().partition(":")[0].lower()
            if name in ("href", "src", "poster", "data") and ":" in value and scheme not in SCHEMES:
                found.append(f"{name}={value!r:.80}")
            elif name.startswith("on") or name == "style":
                found.append(name)
    policies = [each.get("content") or "" for each in root.iter("meta") if each.get("http-equiv")]
    return found if len(policies) == 1 and "default-src 'none'" in policies[0] else [*found, "no policy"]


NOT_OURS = ("script", "iframe", "object", "embed", "base", "form", "svg", "math")
SCHEMES = ("http", "https", "mailto")


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
    planet.site |= {"items": 100_000, "max_feed_bytes": "1000MB", "formats": FORMATS}
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
    assert [item["id"] for item in json.loads(run.planet.files()["feed.json"])["items"]] == ids
    page = html.document_fromstring(run.planet.files()["index.html"])
    assert sum(next(each.iterancestors("article"), None) is None for each in page.iter("article")) == len(ids)


def test_what_is_published_is_valid(run: Run) -> None:
    files = run.planet.files()
    assert {name.rpartition("/")[2] for name in files} == CHECKS.keys() | STYLES
    for name, data in files.items():
        judge = CHECKS.get(name.rpartition("/")[2])
        assert not judge or judge(data, "https://planet.example/feeds/" + quote(name))[:5] == [], name


def test_what_is_written_as_text_is_what_feedgen_writes(run: Run, listed: list[dict[str, Any]]) -> None:
    assert len(same_of(run.planet)) >= 0.9 * len(listed)


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
