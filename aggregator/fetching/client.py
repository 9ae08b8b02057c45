"""The polite HTTP client: a conditional GET with its own redirects, one deadline, bounded bodies, errors in words."""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import httpcore
import httpx

from aggregator.errors import FetchError
from aggregator.fetching import challenges, freshness, manners, rules
from aggregator.fetching.room import SMALL, Room
from aggregator.fetching.transport import Line, Transport, host_name
from aggregator.fetching.watch import Watch
from aggregator.fetching.wire import Answer, Request, Way, port
from aggregator.fetching.words import BROKEN, in_words
from aggregator.model import Document, HostRule, HostState, Limits, Pace, Validators
from aggregator.text import masked, one_line

_log = logging.getLogger(__name__)
MAX_REDIRECTS = 5
CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 15.0
ERROR_PAGE_SECONDS = 3.0
_ROOM = 2  # documents in memory for each request under way: those who read should have something to do
SPACING = timedelta(seconds=1)
PACE = Pace()
_REDIRECTS = (301, 302, 303, 307, 308)


@asynccontextmanager
async def open_client(
    contact: str,
    allow_networks: tuple[str, ...],
    concurrency: int = 50,
    *,
    hosts: Mapping[str, HostState],
    now: datetime,
    spacing: timedelta = SPACING,
    pace: Pace = PACE,
    host_rules: tuple[HostRule, ...] = (),
) -> AsyncIterator["Client"]:
    """The way to the network, while it is open.

    `contact` (URL or e-mail) goes into User-Agent; `allow_networks` are private networks that may be contacted
    (`rules.parse_network`); `concurrency` is how many hosts are asked at once. `hosts` is what earlier runs learned, by
    host name; `now` when this run begins; `spacing` the least time between two requests to a host; `pace` gives `pause`
    and `pause_cap` for 429 and 503; `host_rules` are the exceptions to all that, by host.

    Raises ValueError for an entry of `allow_networks` that cannot be read.
    """
    allowed = tuple(map(rules.parse_network, allow_networks))
    headers = (
        (b"User-Agent", rules.user_agent(contact).encode()),
        (b"Accept", rules.ACCEPT.encode()),
        (b"Accept-Encoding", b"gzip, deflate"),
        (b"Connection", b"keep-alive"),
    )
    # Not httpx.AsyncClient: it keeps cookies, heeds proxies of the environment, which would do the connecting past our
    # guard, and takes time for each request, for what is not used here.
    async with aclosing(Transport(allowed, concurrency)) as transport:
        yield Client(headers, transport, allowed, concurrency, hosts, now, spacing, pace, host_rules)


class Client:
    """A `model.Fetch` that remembers what hosts want: an object, because that is learned while it works."""

    def __init__(
        self,
        headers: tuple[tuple[bytes, bytes], ...],
        transport: Transport,
        allowed: tuple[rules.AllowedNetwork, ...],
        concurrency: int,
        hosts: Mapping[str, HostState],
        now: datetime,
        spacing: timedelta,
        pace: Pace,
        host_rules: tuple[HostRule, ...],
    ) -> None:
        self._headers = headers
        self._transport = transport
        self._allowed = allowed
        self._remembered = hosts
        self._learned: dict[str, HostState] = {}
        self._news: dict[str, HostState] = {}
        self._spacing = spacing
        self._pace = pace
        self._host_rules = host_rules
        self._began = now
        self._began_ticks = asyncio.get_running_loop().time()
        self._room = Room(_ROOM * concurrency)
        self._waiting: set[asyncio.Task[Any] | None] = set()
        self._hushed = False

    @property
    def hosts(self) -> Mapping[str, HostState]:
        """The state of every host that was asked, by name: what to keep for the next run."""
        return self._learned

    def news(self) -> Mapping[str, HostState]:
        """Of `hosts`, what is new since the last call."""
        news, self._news = self._news, {}
        return news

    def _learn(self, host: str, state: HostState) -> None:
        self._learned[host] = self._news[host] = state

    def hush(self) -> None:
        """Begin no request any more. Who is asked now may answer; visits (each is a task) that wait for their turn, or
        would come to ask, are cancelled."""
        self._hushed = True
        for task in self._waiting:
            if task is not None:
                task.cancel()

    @asynccontextmanager
    async def _turn(self, rule: HostRule) -> AsyncIterator[Line]:
        """A turn at a host; until it asks, the visit is among those that `hush` cancels."""
        if self._hushed:
            raise asyncio.CancelledError
        task = asyncio.current_task()
        self._waiting.add(task)
        try:
            async with self._transport.turn(rule.name, rule.concurrency) as line:
                yield line
        finally:
            self._waiting.discard(task)

    async def __call__(self, url: str, known: Validators, limits: Limits) -> Document:
        """Ask `url`, and then where it redirects to (RFC 9110 §15.4), until there is a document.

        Validators go to the URL that gave them, wherever in the chain it is, and to no other. What is private to the
        source goes to its own origin only, and no longer once that was left; so does trust in any certificate. The
        deadline is the sum of the time spent on hosts; waiting for our own turn does not count.

        Raises FetchError.
        """
        watch = Watch(limits.timeout.total_seconds())
        try:
            return replace(await self._follow(url, known, limits, watch), seconds=watch.took, cost=watch.cost)
        except FetchError as error:
            error.seconds, error.cost = watch.took, watch.cost
            raise

    async def _follow(self, url: str, known: Validators, limits: Limits, watch: Watch) -> Document:
        here, private, login = _start(url, limits)
        # An address for the future has to work without the login that the URL brings.
        permanent, moved_to, withheld = not login, "", ""
        for_good = False
        visited: set[str] = set()
        while True:
            place = str(here) if not visited else f"{here} (redirected from {one_line(masked(url))})"
            with in_words(place, redirected=bool(visited)), SpooledTemporaryFile(SMALL) as raw:
                _may_visit(here, visited)
                visited.add(str(here))
                self._room.leave()
                rule = self._rule(here)
                async with self._turn(rule) as line:
                    if rule.concurrency == 1:
                        await self._be_welcome(rule)
                    await self._room.enter()
                    async with self._transport.places:
                        if rule.concurrency > 1:  # several would come at once, after they have waited for room
                            await self._be_welcome(rule)
                        request = self._request(here, known, private, limits)  # here, as a thousand may wait
                        with watch.running(raw) as deadline:
                            answer = await self._ask(line, request, rule, raw, limits.max_bytes, deadline)
                        watch.hear(answer.status)
                    wait = self._heed(answer, rule)
                there = _leads_to(answer)
                if there is None:
                    document = _document(url, known, limits, answer, raw, moved_to, wait, withheld)
                    if len(document.body) > SMALL:
                        del document  # it is made again when there is room for it
                        await self._room.enter_large()
                        document = _document(url, known, limits, answer, raw, moved_to, wait, withheld)
                    return replace(document, withheld=withheld if for_good else "") if withheld else document
            if not (at_home := _origin(here) == _origin(there)):
                limits = replace(limits, access=replace(limits.access, verify=True))
            if private and not at_home:
                withheld, for_good = str(here.copy_with(raw_path=b"/")), answer.status in (301, 308)
            permanent = permanent and answer.status in (301, 308) and (at_home or not private)
            if permanent := permanent and (here.scheme, there.scheme) != ("https", "http"):
                moved_to = str(there)
            here, private = there, private if at_home else []

    def _request(
        self, url: httpx.URL, known: Validators, private: list[tuple[bytes, bytes]], limits: Limits
    ) -> Request:
        access, seconds = limits.access, limits.timeout.total_seconds()
        own = [(b"User-Agent", access.user_agent.encode())] if access.user_agent else []
        own += rules.conditions(known) if rules.belong(known, str(url)) else []
        own += private
        instead = {name.lower() for name, _ in own}
        headers = [(name, value) for name, value in self._headers if name.lower() not in instead] + own
        if b"host" not in instead:
            headers.insert(0, (b"Host", url.netloc))
        silence = max(seconds / 2, min(seconds, SILENCE_SECONDS))  # in the middle: 15 s of 30 s
        connect, way = min(CONNECT_SECONDS, seconds), Way(access.proxy, access.verify)
        return Request(url, headers, connect, silence, way)

    def _now(self) -> datetime:
        return self._began + timedelta(seconds=asyncio.get_running_loop().time() - self._began_ticks)

    def _rule(self, url: httpx.URL) -> HostRule:
        return manners.rule(self._host_rules, host_name(url))

    def _state(self, host: str) -> HostState:
        return self._learned.get(host) or self._remembered.get(host) or HostState()

    async def _be_welcome(self, rule: HostRule) -> None:
        """Wait until the host may be asked. Raises FetchError when it wants silence."""
        host, spacing = rule.name, self._spacing if rule.spacing is None else rule.spacing
        waited_for = None
        while True:
            state, now = self._state(host), self._now()
            if until := manners.silent_until(state, now, manners.pace(self._pace, rule).pause_cap):
                what = manners.words(host, state, until, now)
                raise rules.trouble("paused", what, retry_after=until - now, host=host)
            left = manners.spacing_left(state, now, spacing)
            if not left or state.last_request == waited_for:
                break
            await asyncio.sleep(left.total_seconds())
            waited_for = state.last_request
        # Others may have a turn at the host as well: they wait for this one.
        self._learn(host, manners.asked(state, now))

    async def _ask(
        self, line: Line, request: Request, rule: HostRule, raw: IO[bytes], limit: int, deadline: float
    ) -> Answer:
        """One request, done by `deadline` (loop time). A document goes to `raw`, as it is on the wire; of an error page
        the beginning where it may be a challenge, if that comes quickly: the status is what counts."""
        loop, host = asyncio.get_running_loop(), rule.name
        self._waiting.discard(asyncio.current_task())
        self._learn(host, manners.asked(self._state(host), self._now()))
        try:
            async with asyncio.timeout_at(deadline):
                answer = await self._transport.ask(line, request)
            if _log.isEnabledFor(logging.INFO):
                _log.info("GET %s: HTTP %d", masked(str(request.url)), answer.status)
        finally:  # it takes a while until a request arrives, and its arrival is what the host's log shows
            self._learn(host, manners.asked(self._state(host), self._now()))
        try:
            if answer.status == HTTPStatus.OK:
                async with asyncio.timeout_at(deadline):
                    await _read(answer, raw, limit)
            elif answer.status in challenges.STATUSES:
                with contextlib.suppress(TimeoutError, httpcore.TimeoutException, *BROKEN):
                    async with asyncio.timeout_at(min(deadline, loop.time() + ERROR_PAGE_SECONDS)):
                        await _glimpse(answer, raw)
            return answer
        finally:
            await answer.close()

    def _heed(self, answer: Answer, rule: HostRule) -> timedelta | None:
        """Keep what the answer means for the host, and say how long it wants to hear nothing of this document.

        A server of the operator's own is never silent as a whole.
        """
        status, now, pace = answer.status, self._now(), manners.pace(self._pace, rule)
        said, date = (answer.headers.get(name, "") for name in ("retry-after", "date"))
        wait = freshness.retry_after(said, date, now) if said else None
        wait = None if wait is None else min(wait, pace.pause_cap)
        if status in manners.ASK_FOR_SILENCE and rules.is_own(self._allowed, host_name(answer.url), port(answer.url)):
            return wait
        state = manners.after(self._state(rule.name), status, wait, now, pace)
        self._learn(rule.name, state)
        # Also a silence that is of our own making: the source then waits for as long as its host.
        return state.not_before - now if status in manners.ASK_FOR_SILENCE and state.not_before else wait


def _document(
    url: str,
    known: Validators,
    limits: Limits,
    answer: Answer,
    spool: IO[bytes],
    moved_to: str,
    wait: timedelta | None,
    withheld: str,
) -> Document:
    spool.seek(0)
    raw = spool.read()
    sent, headers = answer.sent, answer.headers
    status, final = answer.status, str(answer.url)
    if status == HTTPStatus.NOT_MODIFIED and rules.belong(known, final) and rules.conditions(known):
        kept = replace(rules.refreshed(known, sent), url=final)
        return Document(url, final, b"", True, moved_to=moved_to, headers=headers, validators=kept)
    host = host_name(answer.url)
    coding = headers.get("content-encoding", "")
    if who := challenges.found(status, headers, rules.beginning(raw, coding, challenges.GLIMPSE)):
        what = f"HTTP {status}, a page of {who} against robots instead of the feed"
        raise rules.trouble("blocked", what, retry_after=wait, host=host)
    if status != HTTPStatus.OK:
        if status in _REDIRECTS:
            raise rules.trouble("bad redirect", f"HTTP {status} without an address")
        if status == HTTPStatus.GONE and final not in (moved_to, str(_bare(httpx.URL(url)))):
            raise rules.trouble("http 410 elsewhere", "Gone", retry_after=wait, host=host if wait is not None else "")
        raise rules.status_trouble(status, wait, host if wait is not None else "", withheld)
    body = rules.decode(raw, rules.content_coding(coding), limits.max_bytes)
    new = replace(rules.validators(sent), url=final, print=rules.print_of(body, headers), entries=known.entries)
    is_same = rules.belong(known, final) and new.print == known.print
    return Document(url, final, b"" if is_same else body, is_same, is_same, moved_to, headers, new)


def _start(url: str, limits: Limits) -> tuple[httpx.URL, list[tuple[bytes, bytes]], bool]:
    """Where to begin, without userinfo and fragment; the headers that are private to that origin; was there a login?"""
    try:
        target = httpx.URL(url)
        # As a header, because a URL's user would show up in messages.
        private = rules.private_headers(limits.access, target.username, target.password)
        here = _bare(target)
    except (httpx.InvalidURL, UnicodeError) as error:
        # Nobody knows where in it a password ends, so all up to the last @ is masked, and httpx's quotes are left out.
        shown = one_line(re.sub("//.*@", "//***@", url, flags=re.DOTALL))
        raise rules.trouble("bad url", f"{shown}: it cannot be read") from error
    if problem := _problem(here):
        raise rules.trouble("bad url", f"{one_line(masked(url))}: {problem}")
    return here, private, bool(target.userinfo)


def _bare(url: httpx.URL) -> httpx.URL:
    if not url.userinfo and "#" not in str(url):
        return url  # as nearly always, and a copy is read anew
    return url.copy_with(userinfo=b"", fragment=None)


def _leads_to(answer: Answer) -> httpx.URL | None:
    """Where a redirect leads, None for all else. Raises httpx.InvalidURL."""
    location = answer.headers.get("location")
    if answer.status not in _REDIRECTS or location is None:
        return None
    with contextlib.suppress(UnicodeDecodeError):
        location = location.encode("latin-1").decode()  # as most servers mean it
    there = httpx.URL(location)
    if there.scheme and not there.host:  # seen in the wild: https:///feed
        there = there.copy_with(host=answer.url.host)
    return _bare(answer.url.join(there) if there.is_relative_url else there)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port  # httpx leaves out a scheme's own port


def _problem(url: httpx.URL) -> str:
    if url.scheme not in ("http", "https"):
        return "only http:// and https:// can be fetched"
    if not url.raw_host:
        return "it names no host"
    return "" if url.port is None or 1 <= url.port <= 65535 else "ports are 1 to 65535"


def _may_visit(url: httpx.URL, visited: set[str]) -> None:
    if visited and (problem := _problem(url)):
        raise rules.trouble("bad redirect", problem)
    if str(url) in visited or len(visited) > MAX_REDIRECTS:
        raise rules.trouble("redirect loop", f"no document after {len(visited)} redirects")


async def _read(answer: Answer, into: IO[bytes], limit: int) -> None:
    rules.content_coding(answer.headers.get("content-encoding", ""))
    length = answer.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise rules.too_large(limit)
    async for chunk in answer.body:
        if into.tell() + len(chunk) > limit:
            raise rules.too_large(limit)
        into.write(chunk)


async def _glimpse(answer: Answer, into: IO[bytes]) -> None:
    async for chunk in answer.body:
        into.write(chunk)
        if into.tell() >= challenges.GLIMPSE:
            return
