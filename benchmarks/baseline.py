"""What one would write: threads, httpx, feedparser, feedgen. No store, no cleaning, no checks.

    python -m benchmarks.baseline feeds.tsv OUTPUT

Reads every feed, and writes the newest 100 entries of each category as RSS and Atom.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import feedparser
import httpx
from feedgen.feed import FeedGenerator

NEWEST = 100
_OLD = (1970, 1, 1, 0, 0, 0, 0, 1, 0)


def main() -> None:
    """Read, merge, write."""
    rows = [line.split("\t") for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    output = Path(sys.argv[2])
    with httpx.Client(follow_redirects=True, timeout=30) as client, ThreadPoolExecutor(50) as threads:

        def fetch(url: str) -> Any:
            response = client.get(url)
            response.raise_for_status()
            return feedparser.parse(response.content)

        parsed = list(threads.map(fetch, (url for url, _ in rows)))
    merged: dict[str, list[tuple[Any, Any]]] = {}
    for (_, category), found in zip(rows, parsed, strict=True):
        merged.setdefault(category, []).extend((found.feed, entry) for entry in found.entries)
    for category, entries in merged.items():
        entries.sort(key=lambda each: date(each[1]), reverse=True)
        write(output / category, category, entries[:NEWEST])


def date(entry: Any) -> Any:
    """When it was published, as feedparser has it."""
    return entry.get("published_parsed") or entry.get("updated_parsed") or _OLD


def write(folder: Path, category: str, entries: list[tuple[Any, Any]]) -> None:
    """rss.xml and atom.xml of a category."""
    made = FeedGenerator()
    made.id(f"https://planet.example/feeds/{category}/")
    made.title(category)
    made.description(category)
    made.link(href=f"https://planet.example/feeds/{category}/")
    for _, entry in entries:
        one = made.add_entry(order="append")
        when = datetime(*date(entry)[:6], tzinfo=UTC)  # type: ignore[misc]  # the six are no microseconds, and no zone
        one.id(entry.get("id") or entry.link)
        one.title(entry.title)
        one.link(href=entry.link)
        one.published(when)
        one.updated(when)
        if entry.get("author"):
            one.author(name=entry.author)
        for tag in entry.get("tags", ()):
            one.category(term=tag.term)
        for enclosure in entry.get("enclosures", ()):
            one.enclosure(enclosure.href, enclosure.get("length", "0"), enclosure.get("type", ""))
        one.content(entry.content[0].value if entry.get("content") else entry.get("summary", ""), type="html")
    folder.mkdir(parents=True, exist_ok=True)
    made.rss_file(str(folder / "rss.xml"), pretty=False)
    made.atom_file(str(folder / "atom.xml"), pretty=False)


if __name__ == "__main__":
    main()
