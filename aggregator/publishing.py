"""When the daemon publishes: soon after something new was kept, and never for more than half of the time."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from aggregator.channels import Published
from aggregator.config import Config
from aggregator.keeping import Outcome
from aggregator.logs import say
from aggregator.pipeline import publish, tell_hubs
from aggregator.store import history
from aggregator.store.engine import writing
from aggregator.text import masked
from aggregator.visiting import InThread

_log = logging.getLogger(__name__)

AGAIN = 60.0  # seconds until what failed is tried again, and at most for what is no news


@dataclass(slots=True)
class Kept:
    """What was kept since the last publishing began: visits, of these failed ones, new entries.

    `is_news` says that something of it is to be seen in a feed.
    """

    visits: int = 0
    failed: int = 0
    new: int = 0
    is_news: bool = False


@dataclass(slots=True)
class Publishing:
    """What is to be published, and how it went."""

    engine: Engine
    clock: Callable[[], datetime]
    write: InThread
    kept: Kept = field(default_factory=lambda: Kept(is_news=True))
    _rests_until: float = 0.0  # times of the loop
    _last: float = 0.0
    _problems: tuple[str, ...] = ()

    def news(self) -> None:
        """There is something to be published, whatever it is."""
        self.kept.is_news = True

    def visited(self, outcome: Outcome) -> None:
        """Hear of a visit."""
        self.kept.visits += 1
        self.kept.failed += bool(outcome.error)
        self.kept.new += outcome.counts.get("new", 0)
        if any(outcome.counts.get(each) for each in ("new", "edited", "removed")):
            self.news()

    @property
    def is_time(self) -> bool:
        """Whether to publish now: there is news, or there was a visit that pages about sources may tell of."""
        now = asyncio.get_running_loop().time()
        waits = self.kept.visits and now >= self._last + AGAIN
        return now >= self._rests_until and bool(self.kept.is_news or waits)

    async def publish(self, config: Config) -> tuple[str, ...]:
        """Write the feeds that have changed, log what came of it, and return their URLs. Raises nothing: what fails is
        tried again."""
        loop, kept, self.kept = asyncio.get_running_loop(), self.kept, Kept()
        began, now = loop.time(), self.clock().replace(microsecond=0)
        try:
            published = await self.write(publish, self.engine, config, now)
            self._last = loop.time()
            self._rests_until = self._last + self._last - began
            self._tell(published, self._last - began)
        except Exception as error:  # a border: a full disk, a bug; what was kept is still to be published
            self.news()
            self._rests_until = loop.time() + AGAIN
            why = f"{type(error).__name__}: {error}"
            say(_log, "publish", f"{why}; tried again in a minute", logging.ERROR)
            _log.info("this is where", exc_info=True)
            published = Published((), 0, (why,))
        if published.written or published.problems or kept.new:
            await self._note(_run(now, loop.time() - began, kept, published), kept)
        return published.topics

    async def _note(self, run: history.Run, kept: Kept) -> None:
        """Keep a run in the log; where that fails, what was kept counts for the next one."""
        try:
            await self.write(_log_run, self.engine, run)
        except Exception as error:  # a border: a full disk
            self.kept.visits += kept.visits
            self.kept.failed += kept.failed
            self.kept.new += kept.new
            say(_log, "publish", f"the run cannot be logged: {type(error).__name__}: {error}", logging.ERROR)

    def _tell(self, published: Published, took: float) -> None:
        for problem in published.problems:
            if problem not in self._problems:
                say(_log, "publish", problem, logging.WARNING)
        self._problems = published.problems
        if published.problems:
            self.kept.visits += 1  # so that it is tried again in a while
        if files := published.written:
            shown = ", ".join(files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
            say(_log, "publish", f"{shown} ({took:.1f} s)", files=len(files), seconds=round(took, 3))


async def tell(config: Config, topics: tuple[str, ...]) -> None:
    """Tell the hubs which feeds have changed, and the log which of them did not take it."""
    for note in await tell_hubs(config, topics):
        say(_log, "hub", note, logging.WARNING)


def _run(at: datetime, seconds: float, kept: Kept, published: Published) -> history.Run:
    return history.Run(
        at=at,
        seconds=seconds,
        by="daemon",
        visits=kept.visits,
        failed=kept.failed,
        new=kept.new,
        written=len(published.written),
        problems=masked("\n".join(published.problems)),
    )


def _log_run(engine: Engine, done: history.Run) -> None:
    with writing(engine) as db:
        history.log_run(db, done)
