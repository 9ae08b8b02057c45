"""Runs over the sources of test_safety_bodies, each a process that says in JSON what it came to and how much memory it took.

Without an argument, URLs by name come in as JSON, and the client alone asks them; with a config's path it is a whole run.
"""

import asyncio
import json
import os
import resource
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aggregator import config, pipeline
from aggregator.errors import FetchError
from aggregator.fetching.client import open_client
from aggregator.model import Limits, Validators

SECONDS = 3.0
FEED = b"<rss version='2.0'><channel><title>Fine</title></channel></rss>"


def _peak() -> int:
    """The most memory this process ever had, in bytes. On Linux not by getrusage: that goes on from the parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


async def _run(jobs: dict[str, str]) -> dict[str, Any]:
    limits = Limits(timedelta(seconds=SECONDS))
    sources: dict[str, Any] = {}
    now = datetime(2026, 3, 14, 12, tzinfo=UTC)
    async with open_client("", ("127.0.0.0/8",), 8, hosts={}, now=now, spacing=timedelta()) as client:
        waiting: dict[str, float] = {}

        async def one(name: str, url: str) -> None:
            waiting[name] = time.monotonic()
            try:
                document = await client(url, Validators(), limits)
                kind, message = ("ok" if document.body == FEED else "another body"), ""
            except FetchError as error:
                kind, message = error.kind, error.message
            sources[name] = {"kind": kind, "message": message, "seconds": time.monotonic() - waiting[name]}

        # Four and two good ones at a time, as a visit's seconds would count the wait for a place otherwise.
        bad, good = ([job for job in jobs.items() if job[0].startswith("fine") is fine] for fine in (False, True))
        while bad or good:
            await asyncio.gather(*(one(*job) for job in bad[:4] + good[:2]))
            bad, good = bad[4:], good[2:]
    return sources


def _whole(file: str) -> dict[str, Any]:
    report = pipeline.run(config.load(Path(file)), datetime(2026, 3, 14, 12, tzinfo=UTC))
    kinds = Counter(outcome.error.partition(":")[0] or "ok" for outcome in report.outcomes)
    return {"kinds": kinds, "memory": _peak()}


if __name__ == "__main__":
    if sys.argv[1:]:
        json.dump(_whole(sys.argv[1]), sys.stdout)
        sys.exit()
    before = _peak()
    told = asyncio.run(_run(json.loads(sys.stdin.read())))
    json.dump({"sources": told, "memory": _peak(), "alone": before}, sys.stdout)
    sys.stdout.flush()
    os._exit(0)
