"""What only the network knows: whether names can be resolved and hosts reached, and what is served at `base_url`.

At most three hosts of the config are connected to, and none is asked for anything; what is asked for is one document of
our own.
"""

import asyncio
import socket
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from gettext import gettext as _
from urllib.parse import urlsplit

from aggregator import phrases
from aggregator.checkup.findings import Finding, note, ok, problem
from aggregator.config import Config
from aggregator.errors import FetchError
from aggregator.fetching import loop_factory, rules
from aggregator.model import Limits, Validators
from aggregator.network import network
from aggregator.status import Row

_HOSTS = 3
_SECONDS = 5.0
_EXAMPLES = ("example.com", "example.org", "example.net")  # RFC 2606 §3
_LIMITS = Limits(timedelta(seconds=15), 100_000_000)


@dataclass(frozen=True, slots=True)
class Served:
    """What came from `url` when it was asked for: an error in words, or the bytes, their type, where they came from at
    last, and the server's clock."""

    url: str
    error: str = ""
    data: bytes = field(default=b"", repr=False)
    media_type: str = ""
    final: str = ""
    date: datetime | None = None


# --- Looking --------------------------------------------------------------------------------------------------------


def hosts(rows: Iterable[Row]) -> tuple[tuple[str, int], ...]:
    """A few hosts of sources that are asked without a proxy, with their ports: first those that answered last."""
    asked = [row for row in rows if row.source.enabled and not row.source.limits.access.proxy]
    asked.sort(
        key=lambda row: -row.standing.last_success.timestamp() if row.standing and row.standing.last_success else 0
    )
    found: dict[tuple[str, int], None] = {}
    for row in asked:
        url = urlsplit(str(getattr(row.source.options, "url", "")))
        if url.scheme in ("http", "https") and url.hostname:
            found[url.hostname, url.port or (443 if url.scheme == "https" else 80)] = None
    return tuple(found)[:_HOSTS]


def look(
    config: Config, wanted: Collection[tuple[str, int]], path: str, now: datetime
) -> tuple[Mapping[str, str], Served | None]:
    """Why each of the wanted hosts cannot be reached, "" where it can; and what is served at `base_url` as our document
    at this path, None for no path."""

    async def looked() -> tuple[Mapping[str, str], Served | None]:
        allowed = tuple(map(rules.parse_network, config.fetch.allow_networks))
        said = await asyncio.gather(*(_reached(host, port, allowed) for host, port in wanted))
        served = await _served(config, config.site.base_url + path, now) if path else None
        return dict(zip((host for host, _port in wanted), said, strict=True)), served

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(looked())


async def _reached(host: str, port: int, allowed: tuple[rules.AllowedNetwork, ...]) -> str:
    """Connect to a host, as a visit would, and say nothing there."""
    try:
        async with asyncio.timeout(_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = [str(each[4][0]) for each in found]
            rules.check_addresses(host, port, addresses, allowed)
            _reader, writer = await asyncio.open_connection(addresses[0], port)
            writer.close()
    except socket.gaierror:
        return _("its name cannot be resolved")
    except FetchError as error:
        return phrases.of_terminal()(str(error))
    except TimeoutError:
        return _("it does not answer within {number:.0f} s").format(number=_SECONDS)
    except OSError as error:
        return error.strerror or str(error)
    return ""


async def _served(config: Config, url: str, now: datetime) -> Served:
    async with network(config, {}, now, remote=True) as (fetch, _hosts, _more):
        try:
            found = await fetch(url, Validators(), _LIMITS)
        except FetchError as error:
            return Served(url, str(error))
    return Served(
        url,
        data=found.body,
        media_type=found.headers.get("content-type", "").partition(";")[0].strip().lower(),
        final=found.url,
        date=_date(found.headers),
    )


def _date(headers: Mapping[str, str]) -> datetime | None:
    """What the server's clock says, by Date; what a cache had for a while is so much older (RFC 9111 §5.1)."""
    try:
        said = parsedate_to_datetime(headers.get("date", "")).replace(tzinfo=UTC)  # it is always GMT (RFC 9110 §5.6.7)
        age = headers.get("age", "")
        return said + timedelta(seconds=int(age) if age.isdecimal() and len(age) < 9 else 0)
    except (ValueError, OverflowError):
        return None


def name(seen: Served) -> str:
    """The host that was asked."""
    return urlsplit(seen.final or seen.url).hostname or ""


# --- Judging --------------------------------------------------------------------------------------------------------


def judge_network(said: Mapping[str, str]) -> Iterator[Finding]:
    """Whether this machine is online: one host alone may have troubles of its own."""
    failed = {host: why for host, why in said.items() if why}
    if said and len(failed) == len(said):
        host, why = next(iter(failed.items()))
        many = _("none of {hosts} can be reached ({why})")
        what = (many if len(said) > 1 else _("{hosts} cannot be reached ({why})")).format(
            hosts=", ".join(said), why=why
        )
        yield problem("network", what, _("look whether this machine is online, and at its DNS and firewall"))
        return
    for host, why in failed.items():
        yield note("network", f"{host}: {why}")
    if said:
        reached = ", ".join(host for host in said if host not in failed)
        yield ok("network", _("{hosts} can be reached").format(hosts=reached))


def is_example(base_url: str) -> bool:
    """Whether a URL is that of an example still."""
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    return any(host == each or host.endswith(f".{each}") for each in _EXAMPLES)


def judge_served(seen: Served | None, ours: bytes, base_url: str) -> Iterator[Finding]:
    """Whether readers get at `base_url` what is in the output; None where that was not asked for."""
    say = phrases.of_terminal()
    if is_example(base_url):
        advice = _("write the URL at which the folder `output` is served, before anybody subscribes")
        yield problem("served", _("base_url is still that of the example, {url}").format(url=base_url), advice)
    elif seen is None:
        return
    elif seen.error.startswith("private address: "):  # it was not asked, so nobody knows how it is served
        what, _mark, advice = seen.error.rpartition("; ")
        yield problem("served", say(what), say(advice))
    elif seen.error:
        yield problem("served", say(seen.error), _("serve the output there (README, Recipes), or mend base_url"))
    elif seen.data != ours:
        what = _("{url} is another document than the one in the output").format(url=seen.url)
        advice = _("bring the output there, or wait for the caches between; then look at base_url")
        yield problem("served", what, advice)
    elif seen.media_type in ("", "text/html", "application/octet-stream"):
        what = _("{url} is served as {type}") if seen.media_type else _("{url} is served as no type at all")
        advice = _("have the web server send application/xml or the feed's own type")
        yield problem("served", what.format(url=seen.url, type=seen.media_type), advice)
    elif seen.final and seen.final != seen.url:
        what = _("{url} leads to {final}").format(url=seen.url, final=seen.final)
        yield note("served", what, _("write that address as base_url if it is meant to stay"))
    else:
        yield ok("served", _("{url} is what is in the output").format(url=seen.url))
