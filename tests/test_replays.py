"""Every real feed of the corpus is served again, changed in a way that says nothing new; no reader may see a change.

One run takes in all of them, then each comes back as one of the variants. What is published must stay as it is, byte
for byte, dates too: `published` is what was said at first sight, `updated` moves only when the words do.
"""

import csv
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pytest
from lxml import etree

from aggregator import listing
from tests.planet import Planet
from tests.server import Server
from tests.variants import VARIANTS, Feed

SHIFT = 0
"""Which variant the first document gets; with 1 to 5 the others get their turn."""

SPARED = {
    "other dates": {
        # No guid and no page of their own: the day is all that tells two entries of one title apart, or a daily report.
        "chardet__KOI8-R_koi.kinder.ru.xml",
        "feedjira__RSSWithComments.xml",
        "rss2email__data_disqus_feed.rss",
    },
    "half": {
        # Its text was encoded twice, which is told by all of a document: without half of it, it reads otherwise.
        "codehollow__Rss20ThomasMaurer.xml",
        # It lists an entry twice, in two categories: half of it has the other one.
        "sismics__feed_rss2_nova.xml",
    },
}
"""Documents that a variant does say something new of; they get the next one."""


@dataclass
class Replays:
    """What all documents gave at first, and what each variant of them made of that."""

    before: dict[str, bytes] = field(default_factory=dict)
    after: dict[str, bytes] = field(default_factory=dict)
    halved: dict[str, bytes] = field(default_factory=dict)
    variants: dict[str, str] = field(default_factory=dict)
    """Documents, and the variant that each of them came back as."""
    changed: dict[str, int] = field(default_factory=dict)
    """Documents, and how many entries the variant changed."""
    entries: dict[str, int] = field(default_factory=dict)
    unusable: list[str] = field(default_factory=list)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    """Documents, and what the decisions were when they came back."""
    errors: list[str] = field(default_factory=list)
    sources: dict[str, set[str]] = field(default_factory=dict)
    """Public ids, and the documents that have such an entry."""

    @cached_property
    def shown(self) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """The entries that were published at first and in the end, by their ids, in order."""
        return entries(self.before["atom.xml"]), entries(self.after["atom.xml"])


@pytest.fixture(scope="module")
def replays(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Replays:
    return replay(corpus, Planet(tmp_path_factory.mktemp("replays")), SHIFT)


def replay(corpus: Path, planet: Planet, shift: int) -> Replays:
    with (corpus / "feeds" / "manifest.tsv").open(encoding="utf-8") as file:
        names = [row["file"] for row in csv.DictReader(file, delimiter="\t")]
    planet.now = datetime(2026, 11, 22, tzinfo=UTC)
    planet.site["items"] = 100_000
    planet.fetch["timeout"] = "60s"
    done = Replays()
    whole: dict[str, bytes] = {}
    with Server() as server:
        for number, name in enumerate(names):
            feed = Feed.of((corpus / "feeds" / name).read_bytes())
            if feed is None:
                done.unusable.append(name)
                continue
            done.variants[name] = next(
                variant
                for turn in range(len(VARIANTS))
                if name not in SPARED.get(variant := list(VARIANTS)[(number + shift + turn) % len(VARIANTS)], ())
            )
            done.entries[name] = len(feed.entries())
            whole[name] = feed.bytes()
            server.put(f"/{name}", whole[name], etag=True)
            planet.feed(server.url(f"/{name}"))
        _run(planet, done, server.url("/"))
        done.before = planet.files()
        for entry in listing.items(planet.load(), None, None, None).values:
            done.sources[entry["id"]] = {copy["source"].removeprefix(server.url("/")) for copy in entry["copies"]}
        done.counts.clear()
        for name, variant in done.variants.items():
            feed = Feed.of(whole[name])
            assert feed
            done.changed[name] = VARIANTS[variant](feed)
            server.put(f"/{name}", feed.bytes(), etag=True)
        _run(planet, done, server.url("/"))
        done.halved = planet.files()
        for name in (name for name, variant in done.variants.items() if variant == "half"):
            server.put(f"/{name}", whole[name], etag=True)
        _run(planet, done, server.url("/"))
        done.after = planet.files()
    return done


def _run(planet: Planet, done: Replays, url: str) -> None:
    planet.now += timedelta(hours=7)
    report = planet.run(force=True)
    for outcome in report.outcomes:
        done.counts.setdefault(outcome.source.key.removeprefix(url), Counter()).update(outcome.counts)
    done.errors += [outcome.error for outcome in report.failed] + list(report.published.problems)


def entries(document: bytes) -> dict[str, bytes]:
    """The entries of a published Atom document, by their ids."""
    atom = "{http://www.w3.org/2005/Atom}"
    root = etree.fromstring(document)
    return {str(each.findtext(f"{atom}id")): etree.tostring(each) for each in root.iter(f"{atom}entry")}


def test_nearly_all_documents_and_entries_can_be_changed(replays: Replays) -> None:
    """What cannot be: entries without a guid, a link or a date, and feeds of a single entry, have some variants less."""
    assert len(replays.unusable) < 5, replays.unusable
    assert replays.errors == []
    for variant, share in {"new guids": 0.7, "other scheme": 0.9, "tracking": 0.9, "other dates": 0.7}.items():
        mine = [name for name, each in replays.variants.items() if each == variant]
        changed = sum(replays.changed[name] for name in mine)
        assert changed >= share * sum(replays.entries[name] for name in mine), variant
    assert sum(count > 0 for count in replays.changed.values()) >= 0.8 * len(replays.changed)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_brings_no_new_item(replays: Replays, variant: str) -> None:
    mine = (name for name, each in replays.variants.items() if each == variant)
    assert {name: count for name in mine if (count := replays.counts[name]["new"])} == {}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_changes_no_entry(replays: Replays, variant: str) -> None:
    before, after = replays.shown
    mine = {name for name, each in replays.variants.items() if each == variant}
    of = {public: names for public, names in replays.sources.items() if names <= mine}  # or it is two variants' story
    different = [public for public in of if before[public] != after.get(public)]
    assert Counter(name for public in different for name in of[public]) == {}


def test_the_order_stays(replays: Replays) -> None:
    before, after = replays.shown
    assert [public for public in after if public in before] == list(before)


def test_all_bytes_are_the_same(replays: Replays) -> None:
    assert [name for name, data in replays.before.items() if replays.halved[name] != data] == []
    assert [name for name, data in replays.before.items() if replays.after[name] != data] == []
    assert replays.after.keys() == replays.before.keys()
