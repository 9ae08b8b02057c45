"""A small world of feeds that post, move, break, recover and go away, for a daemon to live in for a while."""

import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from tests.server import Request, Response, Server


@dataclass
class Site:
    """One publisher: a feed on a host of its own, its entries with the moments (monotonic) at which they were posted.

    `fate` is what it does besides posting: nothing, or move, break, recover, vanish at some time.
    """

    number: int
    fate: str
    posts: list[tuple[str, float]] = field(default_factory=list)
    broken: bool = False
    moved: bool = False
    gone: bool = False

    @property
    def host(self) -> str:
        return f"127.0.{1 + self.number // 200}.{1 + self.number % 200}"

    def post(self) -> None:
        """Publish one more entry."""
        self.posts.append((f"Site {self.number} post {len(self.posts) + 1}", time.monotonic()))

    def answer(self, request: Request) -> Response:
        """What a request for its feed is answered."""
        moved_here = request.path.startswith("/moved")
        if self.gone:
            return Response(b"", 410)
        if self.broken:
            return Response(b"<html>broken", 500)
        if self.moved and not moved_here:
            return Response(b"", 301, {"Location": request.path.replace("/feed", "/moved")})
        tag = f'"{len(self.posts)}"'
        if request.headers.get("if-none-match") == tag:
            return Response(b"", 304, {"ETag": tag})
        return Response(self.feed(), 200, {"ETag": tag, "Content-Type": "application/rss+xml"})

    def feed(self) -> bytes:
        """Its feed: the newest twenty entries."""
        began = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
        items = "".join(
            f"<item><title>{title}</title><guid>https://{self.host}/{number}</guid>"
            f"<link>https://{self.host}/{number}</link>"
            f"<pubDate>{format_datetime(datetime.fromtimestamp(began + at, UTC))}</pubDate></item>"
            for number, (title, at) in list(enumerate(self.posts))[-20:][::-1]
        )
        head = f"<title>Site {self.number}</title><link>https://{self.host}/</link>"
        return f'<rss version="2.0"><channel>{head}{items}</channel></rss>'.encode()


FATES = ("steady",) * 12 + ("moves",) * 3 + ("breaks",) * 3 + ("goes",) * 2


class World:
    """So many sites, and the thread that lets things happen to them, by a lot that `seed` draws."""

    def __init__(self, server: Server, sites: int, seed: int = 1) -> None:
        self.server = server
        self.lot = random.Random(seed)
        self.sites = [Site(number, FATES[number % len(FATES)]) for number in range(sites)]
        for site in self.sites:
            site.post()
            server.script(f"/feed/{site.number}", site.answer)
            server.script(f"/moved/{site.number}", site.answer)
        self.quiet = threading.Event()

    def url(self, site: Site) -> str:
        """The address of a site's feed."""
        return self.server.url(f"/feed/{site.number}", site.host)

    def live(self, seconds: float, posts: float) -> None:
        """Let time pass: about `posts` entries a second, all in all; in the middle some break, in the end they mend."""
        begin = time.monotonic()
        while (part := (time.monotonic() - begin) / seconds) < 1:
            self.lot.choice([site for site in self.sites if not site.gone]).post()
            for site in self.sites:
                self._befall(site, part)
            time.sleep(self.lot.expovariate(posts))
        for site in self.sites:
            self._befall(site, 1)

    def _befall(self, site: Site, part: float) -> None:
        when = 0.2 + 0.3 * (site.number % 7) / 7
        if site.fate == "moves":
            site.moved = part >= when
        elif site.fate == "breaks":
            site.broken = when <= part < when + 0.2
        elif site.fate == "goes":
            site.gone = part >= when + 0.3
