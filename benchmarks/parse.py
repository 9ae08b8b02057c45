"""What it costs to read feeds: parsers, and all of `read` from bytes to clean items, over a folder of real documents.

    python benchmarks/parse.py                 ../shared/corpus/feeds, 5 rounds: about two minutes
    python benchmarks/parse.py --quick         every fifth document, 1 round: seconds, and rough figures
    python benchmarks/parse.py FOLDER --json   another folder; JSON, for machines

How to read it. Within a round the contenders take turns document by document, so that a busy moment of the machine hits
all alike. Figures are of CPU time, the median of the rounds: MB of documents a second, and how many times as fast as
feedparser as it is shipped (`x`). `refused` counts documents that gave an exception, `items` what the others gave.

- feedparser: as shipped (it cleans with its own sanitiser), and with cleaning and resolving switched off
- read by feedparser: all that `read` does (mending, cleaning, summaries, pictures), each document by way of feedparser
- read: the same as it is, by way of our own walk where that is sure of the result
- parse: the part of it up to the parsed document, without any cleaning
- fastfeedparser: where it is installed; it cleans nothing
- lxml, expat: the limits: a tree, and callbacks that do nothing, of documents that came well-formed
"""

import argparse
import contextlib
import io
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock
from xml.parsers import expat

import feedparser
from lxml import etree

from aggregator.model import Document, Source
from aggregator.sources import feed
from aggregator.sources.feed import decoding, jsonfeed, own, xmlfeed

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "feeds"
URL = "https://site.example/feed.xml"
SOURCE = Source(key=URL, kind="feed", options=feed.Options(URL))
HEADERS = {"content-type": "application/xml"}

Contender = Callable[[bytes], int]
"""Reads a document and gives the number of its items."""


def shipped(body: bytes) -> int:
    """feedparser with its defaults."""
    return len(feedparser.parse(io.BytesIO(body), response_headers=HEADERS)["entries"])


def bare(body: bytes) -> int:
    """feedparser without its two passes over HTML."""
    options: Mapping[str, Any] = {"sanitize_html": False, "resolve_relative_uris": False}
    return len(feedparser.parse(io.BytesIO(body), response_headers=HEADERS, **options)["entries"])


def read(body: bytes) -> int:
    """All that we do with a document."""
    return len(feed.read(Document(URL, URL, body), SOURCE).items)


def read_by_feedparser(body: bytes) -> int:
    """The same, but never by our own walk."""
    content = decoding.decode(body)
    if jsonfeed.is_json(content):
        return read(body)
    with mock.patch.object(xmlfeed, "_from_tree", return_value=None):
        return read(body)


def parse(body: bytes) -> int:
    """What we do up to the parsed document."""
    content = decoding.decode(body)
    if jsonfeed.is_json(content):
        return len(json.loads(content)["items"])
    if decoding.is_sound(content):
        root = own.tree(content.encode())
        if root is not None and (parsed := xmlfeed._from_tree(root)):
            return len(parsed.entries)
    xml = decoding.prepare(content)
    root = own.tree(xml.body)
    return len((xmlfeed._from_tree(root) or xmlfeed._from_feedparser(xml, root)).entries)


def lxml_limit(body: bytes) -> int:
    """A tree, and the items in it."""
    root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    return sum(1 for _ in root.iter("{*}item", "{*}entry"))


def expat_limit(body: bytes) -> int:
    """Callbacks, and nothing done in them but to count."""
    count = 0

    def start(name: str, _: object) -> None:
        nonlocal count
        count += name in ("item", "entry")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = parser.CharacterDataHandler = lambda *_: None
    parser.Parse(body, True)
    return count


def contenders() -> dict[str, Contender]:
    """All that there are here, by name."""
    found: dict[str, Contender] = {
        "feedparser": shipped,
        "feedparser, no cleaning": bare,
        "read by feedparser": read_by_feedparser,
        "read": read,
        "parse": parse,
        "lxml": lxml_limit,
        "expat": expat_limit,
    }
    with contextlib.suppress(ImportError):
        import fastfeedparser  # type: ignore[import-untyped, import-not-found, unused-ignore]  # optional

        found["fastfeedparser"] = lambda body: len(fastfeedparser.parse(body).entries)
    return found


def run(bodies: Sequence[bytes], rounds: int) -> dict[str, Any]:
    """All measurements: CPU seconds of each round, items found and documents refused."""
    tried = contenders()
    seconds: dict[str, list[float]] = {name: [0.0] * rounds for name in tried}
    items, refused = dict.fromkeys(tried, 0), dict.fromkeys(tried, 0)
    for number in range(-1, rounds):  # the first one only warms up
        for body in bodies if number >= 0 else bodies[::20]:
            for name, contender in tried.items():
                start = time.process_time()
                count, failed = attempt(contender, body)
                if number >= 0:
                    seconds[name][number] += time.process_time() - start
                if number == 0:
                    items[name] += count
                    refused[name] += failed
    return {
        "machine": machine(),
        "date": datetime.now(UTC).date().isoformat(),
        "documents": len(bodies),
        "megabytes": sum(map(len, bodies)) / 1e6,
        "rounds": rounds,
        "seconds": seconds,
        "items": items,
        "refused": refused,
    }


def attempt(contender: Contender, body: bytes) -> tuple[int, bool]:
    """The number of items, and whether the document was refused."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return contender(body), False
    except Exception:  # each parser has a dozen kinds of its own
        return 0, True


def machine() -> str:
    """What this was measured on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    libraries = ", ".join(f"{name} {version(name)}" for name in ("feedparser", "lxml", "nh3"))
    return f"{cores} cores, {platform.system()} {platform.machine()}, {python}, {libraries}"


def table(found: dict[str, Any]) -> str:
    """The results for people."""
    lines = [
        f"{found['date']}: {found['machine']}",
        f"{found['documents']} documents, {found['megabytes']:.1f} MB; the median of {found['rounds']} rounds",
        "",
        f"{'':26}{'MB/s':>8}{'x':>8}{'items':>8}{'refused':>9}",
    ]
    first = found["seconds"]["feedparser"]
    for name, seconds in found["seconds"].items():
        ratio = median(reference / own for reference, own in zip(first, seconds, strict=True))
        speed = found["megabytes"] / median(seconds)
        lines.append(f"{name:26}{speed:8.1f}{ratio:8.1f}{found['items'][name]:8}{found['refused'][name]:9}")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=CORPUS, help="where the documents are")
    parser.add_argument("--rounds", type=int, help="how often each document is read (5)")
    parser.add_argument("--quick", action="store_true", help="every fifth document, 1 round")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    if not asked.folder.is_dir():
        sys.exit(f"{asked.folder} is no folder of feed documents; name one")
    files = sorted(path for path in asked.folder.iterdir() if path.is_file() and path.suffix != ".tsv")
    bodies = [path.read_bytes() for path in files[:: 5 if asked.quick else 1]]
    if not bodies:
        sys.exit(f"{asked.folder} has no documents")
    found = run(bodies, asked.rounds or (1 if asked.quick else 5))
    print(json.dumps(found, indent=1) if asked.json else table(found))


if __name__ == "__main__":
    main()
