"""What a visit costs others: whether it asked anybody (only one that did not may be tried again at once), how long."""

from dataclasses import dataclass

from aggregator.errors import FetchError
from aggregator.model import FREE, Cost, Document, Fetch, Limits, Validators


@dataclass(slots=True)
class Asking:
    """A Fetch for one visit, which may make several: for a page's link, or the next mirror.

    `asked` says whether any of them cost somebody a request, `seconds` is the time that all took on their hosts, `cost`
    what was asked of these.
    """

    fetch: Fetch
    asked: bool = False
    seconds: float = 0.0
    cost: Cost = FREE

    async def __call__(self, url: str, known: Validators, limits: Limits) -> Document:
        """The document. Raises FetchError."""
        try:
            document = await self.fetch(url, known, limits)
        except FetchError as error:
            self.asked = self.asked or error.asked
            self._add(error.seconds, error.cost if error.asked else FREE)
            raise
        self.asked = True
        self._add(document.seconds, document.cost)
        return document

    def _add(self, seconds: float, cost: Cost) -> None:
        self.seconds += seconds
        if cost.requests:
            mine = self.cost
            self.cost = Cost(mine.requests + cost.requests, cost.status, mine.received + cost.received)
