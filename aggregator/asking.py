"""Whether a visit has asked anybody: only one that has not may be tried again at once."""

from dataclasses import dataclass

from aggregator.errors import FetchError
from aggregator.model import Document, Fetch, Limits, Validators


@dataclass(slots=True)
class Asking:
    """A Fetch for one visit, which may make several: for a page's link, or the next mirror.

    `asked` says whether any of them cost somebody a request.
    """

    fetch: Fetch
    asked: bool = False

    async def __call__(self, url: str, known: Validators, limits: Limits) -> Document:
        """The document. Raises FetchError."""
        try:
            document = await self.fetch(url, known, limits)
        except FetchError as error:
            self.asked = self.asked or error.asked
            raise
        self.asked = True
        return document
