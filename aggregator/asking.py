"""What a visit costs others: whether it asked anybody (only one that did not may be tried again at once), how long."""

from dataclasses import dataclass

from aggregator.errors import FetchError
from aggregator.model import Document, Fetch, Limits, Validators


@dataclass(slots=True)
class Asking:
    """A Fetch for one visit, which may make several: for a page's link, or the next mirror.

    `asked` says whether any of them cost somebody a request, `seconds` is the time that all took on their hosts.
    """

    fetch: Fetch
    asked: bool = False
    seconds: float = 0.0

    async def __call__(self, url: str, known: Validators, limits: Limits) -> Document:
        """The document. Raises FetchError."""
        try:
            document = await self.fetch(url, known, limits)
        except FetchError as error:
            self.asked = self.asked or error.asked
            self.seconds += error.seconds
            raise
        self.asked = True
        self.seconds += document.seconds
        return document
