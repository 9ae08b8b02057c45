"""What one would write around lemon24/reader: it keeps the feeds, and a category that changed is published by feedgen.

    python -m benchmarks.with_reader feeds.tsv OUTPUT DATABASE

Needs `reader` and `feedgen`; entries are published as reader stores them, without cleaning.
"""

import sys
from pathlib import Path

from feedgen.feed import FeedGenerator
from reader import make_reader

NEWEST = 100


def main() -> None:
    """Update, and publish what changed."""
    rows = [line.split("\t") for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    output, categories = Path(sys.argv[2]), dict(rows)
    reader = make_reader(sys.argv[3])
    known = {feed.url for feed in reader.get_feeds()}
    for url, category in rows:
        if url not in known:
            reader.add_feed(url)
            reader.set_tag(url, category)
    changed = {
        categories[result.url]
        for result in reader.update_feeds_iter(scheduled=False, workers=20)  # all, as the others do
        if (value := result.value) is not None and not isinstance(value, Exception) and (value.new or value.modified)
    }
    for category in sorted(changed):
        write(output / category, category, list(reader.get_entries(feed_tags=[category], limit=NEWEST)))


def write(folder: Path, category: str, entries: list) -> None:  # type: ignore[type-arg]  # reader may be missing
    """rss.xml and atom.xml of a category."""
    made = FeedGenerator()
    made.id(f"https://planet.example/feeds/{category}/")
    made.title(category)
    made.description(category)
    made.link(href=f"https://planet.example/feeds/{category}/")
    for entry in entries:
        one = made.add_entry(order="append")
        one.id(entry.id)
        one.title(entry.title)
        one.link(href=entry.link)
        one.published(entry.published or entry.updated or entry.added)
        one.updated(entry.updated or entry.published or entry.added)
        if entry.authors_str:
            one.author(name=entry.authors_str)
        for enclosure in entry.enclosures:
            one.enclosure(enclosure.href, str(enclosure.length or 0), enclosure.type or "")
        content = entry.get_content()
        one.content(content.value if content else entry.summary or "", type="html")
    folder.mkdir(parents=True, exist_ok=True)
    made.rss_file(str(folder / "rss.xml"), pretty=False)
    made.atom_file(str(folder / "atom.xml"), pretty=False)


if __name__ == "__main__":
    main()
