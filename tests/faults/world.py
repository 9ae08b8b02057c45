"""Some publishers with news, whose entries all have dates, so that who hears of them when changes no document."""

from datetime import UTC, datetime, timedelta

from tests.planet import Planet, atom
from tests.server import Server

LONG_AGO = datetime(2024, 5, 6, 7, 8, tzinfo=UTC)
_SHELVES = ("Tech", "新闻", "Tech/Deep", "Odd & Ends", "Last")


def publishers(planet: Planet, server: Server, text: str = "Some text.") -> None:
    """Have five feeds with some entries each as the planet's sources, each with a category of its own; the last one has
    nobody else in its."""
    planet.fetch["timeout"] = "60s"  # a busy machine is no fault
    for number, shelf in enumerate(_SHELVES):
        _put(server, number, range(6), text)
        planet.feed(server.url(f"/{number}", f"127.0.0.{number + 1}"), category=shelf)


def tell_news(server: Server, text: str = "Some text.") -> None:
    """All but one of them edit an entry, and have two more."""
    for number in range(len(_SHELVES) - 1):
        _put(server, number, range(8), text, edited=3)


def _put(server: Server, feed: int, entries: range, text: str, edited: int = -1) -> None:
    every = [
        {
            "id": f"https://news.example/{feed}/{number}",
            "title": f"Feed {feed}, entry {number}{', edited' if number == edited else ''}",
            "date": LONG_AGO + timedelta(hours=number, minutes=feed + 30 * (number == edited)),
            "text": f"{text} ({feed}.{number})",
        }
        for number in reversed(entries)
    ]
    server.put(f"/{feed}", atom(every, f"Feed {feed}"), etag=True)
