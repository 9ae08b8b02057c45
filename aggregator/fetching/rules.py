"""The rules of fetching, apart from every socket: advice, allowed networks, headers, validators, codings. Pure."""

import re
import zlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from gettext import gettext as _
from hashlib import sha256
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote

from aggregator import __version__
from aggregator.errors import FetchError
from aggregator.model import Access, Validators
from aggregator.text import one_line

Address = IPv4Address | IPv6Address
RawHeaders = Iterable[tuple[bytes, bytes]]

ACCEPT = (
    "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json,"
    " application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.1"
)
ADVICE = {
    "bad encoding": "tell the publisher: the server is set up wrongly",
    "bad header": "look at headers and user_agent in the config",
    "bad redirect": "look in a browser where the feed has gone",
    "bad response": "tell the publisher if it lasts: the server is broken",
    "bad url": "mend it in the config; write spaces and the like with %",
    "blocked": "ask the publisher to let feeds through to robots, or set user_agent or the site's contact",
    "disk": "make room where temporary files are, or set TMPDIR",
    "dns": "is the name right?",
    "paused": "nothing to do: it is asked again after that",
    "private address": 'if it is meant, add "{entry}" to allow_networks in [fetch]',
    "proxy": "look at proxy in the config",
    "redirect loop": "look in a browser where the feed has gone; some servers loop for clients without cookies",
    "refused": "is the port right, and does the server run?",
    "reset": "if it lasts, the server is in trouble or does not like us",
    "secret": "set the variable, or write the file, that the config names, for cron or the service as well",
    "timeout": "if it is only slow, raise timeout",
    "tls": "if the certificate is meant to be so, set verify = false for this source",
    "too large": "if it is meant, raise max_bytes",
    "http 2xx": "there is no feed in the answer: look at the URL in a browser",
    "http 3xx": "look in a browser where the feed has gone",
    "http 304": "though it was not asked whether anything changed",
    "http 401": "it wants a login: set one for this source",
    "http 401 elsewhere": "if its login is meant for that host too, write the new address as url",
    "http 403": "the server does not want us: ask the publisher, or set user_agent or a login",
    "http 403 elsewhere": "if its login is meant for that host too, write the new address as url",
    "http 404": "gone or moved: look at the site for the feed's new address",
    "http 407": "the proxy wants a login: put it into proxy",
    "http 410": "the publisher has removed it for good: look at the site for another feed, or remove the source",
    "http 410 elsewhere": "what it leads to for now was removed for good: look at the site for the feed's new address",
    "http 429": "it is asked too often: raise the interval",
    "http 451": "it may not be shown where we are",
    "http 4xx": "the server does not like the request: look at the URL",
    "http 5xx": "the server is in trouble: it is asked again later",
}
"""What to do about each class of trouble; `http 5xx` is for all of its hundred without a line of their own."""

_UNASKED = ("bad url", "paused", "private address")  # known before the request in question would be sent


def trouble(
    kind: str, what: str, *, retry_after: timedelta | None = None, host: str = "", **values: object
) -> FetchError:
    """A FetchError of a kind that says what happened, and what to do about it. `values` fill the advice."""
    message = "; ".join(filter(None, (what, advice(kind).format(**values))))
    return FetchError(kind, message, retry_after, host, asked=kind not in _UNASKED)


def advice(kind: str) -> str:
    """What to do about a class of trouble, "" where nobody knows."""
    return ADVICE.get(kind) or ADVICE.get(f"{kind[:-2]}xx", "")


# --- Addresses ------------------------------------------------------------------------------------------------------

_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291 §2.4: all that IANA has handed out
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1
_IPV4_COMPATIBLE = IPv6Network("::/96")  # RFC 4291 §2.5.5.1
# What `is_global` of Python 3.11 lets through: 6to4 relays (RFC 7526), documentation (RFC 9637).
_NOT_PUBLIC = (IPv4Network("192.88.99.0/24"), IPv6Network("3fff::/20"))

_HOST_AND_PORT = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<host>[^\[\]:/]+))(?::(?P<port>[0-9]{1,5}))?")
_HOST_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]*[a-z_-][a-z0-9_-]*\.?")


@dataclass(frozen=True, slots=True)
class AllowedNetwork:
    """An entry of `allow_networks`: addresses, or (None) a host name in lower case; on one port, or (None) on all."""

    network: IPv4Network | IPv6Network | None
    host: str
    port: int | None


def parse_network(entry: str) -> AllowedNetwork:
    """Read `10.0.0.0/8`, `10.1.2.3`, `10.1.2.3:8801`, `::1`, `[::1]:80`, `fd00::/8`, `localhost` or `localhost:8000`.

    Raises ValueError with one line that says what to write.
    """
    if network := _network(entry):
        return AllowedNetwork(network, "", None)
    match = _HOST_AND_PORT.fullmatch(entry)
    port = int(match["port"]) if match and match["port"] else None
    if match and (port is None or 1 <= port <= 65535):
        name = match["v6"] or match["host"] or ""
        if network := _network(name):
            return AllowedNetwork(network, "", port)
        if match["host"] and _HOST_NAME.fullmatch(name.lower()):
            return AllowedNetwork(None, name.lower().rstrip("."), port)
    raise ValueError(
        _(
            '"{entry}" is no network: write one such as "10.0.0.0/8", "10.1.2.3", "127.0.0.1:8801", '
            '"[::1]:80" or "localhost:8000"'
        ).format(entry=one_line(entry, 100))
    )


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        wide = ip_network(text, strict=False)
    except ValueError:
        return None
    raise ValueError(
        _('"{address}" is an address, not a network: write "{wide}", or "{alone}" for that one').format(
            address=text, wide=wide, alone=text.partition("/")[0]
        )
    )


def is_allowed(allowed: Iterable[AllowedNetwork], host: str, address: Address, port: int) -> bool:
    """Whether the operator lets us contact `address`, which `host` (as the URL has it) resolved to, on `port`."""
    name = host.lower().rstrip(".")
    addresses = (address, embedded(address))
    return any(
        entry.port in (None, port)
        and (name == entry.host if entry.network is None else any(a in entry.network for a in addresses))
        for entry in allowed
    )


def embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (mapped, compatible, NAT64, 6to4), or else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64 or address in _IPV4_COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet: unicast and global (IANA special-purpose registries, RFC 6890)."""
    address = embedded(address)
    if address.is_multicast or not address.is_global or any(address in network for network in _NOT_PUBLIC):
        return False
    return isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST


def check_addresses(host: str, port: int, found: Iterable[str], allowed: tuple[AllowedNetwork, ...]) -> None:
    """Refuse a host when any of the addresses it resolved to is neither public nor allowed. Raises FetchError."""
    for text in found:
        address = ip_address(text)
        if not is_public(address) and not is_allowed(allowed, host, address, port):
            literal = f"[{text}]:{port}" if address.version == 6 else f"{text}:{port}"
            raise trouble("private address", f"{text} is not on the public internet", entry=literal)


def is_own(allowed: Iterable[AllowedNetwork], host: str, port: int) -> bool:
    """Whether the operator allows just this `host:port`, written as in the URL: a server of their own, such as RSSHub.

    Such a server passes on what many others say, so its 429 or 503 is about one route and silences none of the others.
    """
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return any(entry.port == port and entry.host == host.lower().rstrip(".") for entry in allowed)
    return any(entry.port == port and entry.network == ip_network(address) for entry in allowed)


# --- Requests -------------------------------------------------------------------------------------------------------


def user_agent(contact: str) -> str:
    """`aggregator/1.2 (+contact)` (RFC 9110 §10.1.5); what a header or its comment cannot hold is percent-encoded."""
    name = f"aggregator/{__version__}"
    contact = quote(contact.strip(), safe="!#$%&'*+,-./:;=?@[]_~ ")
    return f"{name} (+{contact})" if contact else name


def belong(known: Validators, url: str) -> bool:
    """Whether `url`, its query aside, gave these validators: a stranger could answer 304 to anything."""
    return not known.url or known.url.partition("?")[0] == url.partition("?")[0]


def conditions(known: Validators) -> list[tuple[bytes, bytes]]:
    """If-None-Match and If-Modified-Since, byte for byte as the server gave them (RFC 9110 §13.1.2, §13.1.3)."""
    pairs = ((b"If-None-Match", known.etag), (b"If-Modified-Since", known.last_modified))
    return [(name, value.encode("latin-1")) for name, value in pairs if _is_validator(value)]


def private_headers(access: Access, user: str = "", password: str = "") -> list[tuple[bytes, bytes]]:
    """Headers for a source's own origin: those of the config, and Basic authentication (RFC 7617) as UTF-8."""
    pairs = [(name.encode(), value.encode()) for name, value in access.headers]
    if user or password:
        pairs.append((b"Authorization", b"Basic " + b64encode(f"{user}:{password}".encode())))
    return pairs


# --- Responses ------------------------------------------------------------------------------------------------------


def header_map(raw: RawHeaders) -> dict[str, str]:
    """Headers by lower-case name; bytes are latin-1, repeated ones are joined by commas (RFC 9110 §5.2, §5.5)."""
    values: dict[str, list[str]] = {}
    for name, value in raw:
        values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return {name: ", ".join(each) for name, each in values.items()}


def validators(raw: RawHeaders) -> Validators:
    """The validators of an answer, as latin-1; without one that is contradictory, over 1 kB or not printable."""
    raw = tuple(raw)
    return Validators(_validator(raw, b"etag"), _validator(raw, b"last-modified"))


def refreshed(known: Validators, raw: RawHeaders) -> Validators:
    """What a 304 leaves: the validators that it carries, and the known ones where it is silent (RFC 9111 §4.3.4)."""
    new = validators(raw)
    return replace(known, etag=new.etag or known.etag, last_modified=new.last_modified or known.last_modified)


def print_of(body: bytes, headers: Mapping[str, str]) -> str:
    """What tells one document from another: of the decoded body, and of the header that says how it is to be read."""
    made = sha256(headers.get("content-type", "").encode() + b"\n")
    made.update(body)
    return made.hexdigest()


def _validator(raw: RawHeaders, wanted: bytes) -> str:
    values = {value.decode("latin-1") for name, value in raw if name.lower() == wanted}
    value = values.pop() if len(values) == 1 else ""
    return value if _is_validator(value) else ""


def _is_validator(value: str) -> bool:
    """`*` is refused: as If-None-Match it would mean "any version", and freeze the feed for ever."""
    printable = re.fullmatch(r"[\x20-\x7e\x80-\xff]{1,1024}", value)
    return printable is not None and value != "*" and value == value.strip(" ")


def status_trouble(status: int, retry_after: timedelta | None = None, host: str = "", withheld: str = "") -> FetchError:
    """An answer that is no document, as an error. `withheld` is the origin that alone was shown what is private to the
    source, where a redirect led on from it."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "no document"
    kind = f"http {status}"
    if withheld and status in (401, 403):
        phrase += f", and the source's login (or headers) was sent to {withheld} alone"
        kind += " elsewhere"
    return trouble(kind, phrase, retry_after=retry_after, host=host)


def too_large(limit: int) -> FetchError:
    """The error for a document over `limit` bytes."""
    return trouble("too large", f"more than {limit:,} bytes")


# --- Content codings ------------------------------------------------------------------------------------------------


def content_coding(value: str) -> str:
    """`gzip`, `deflate` or "" from a Content-Encoding header (RFC 9110 §8.4). Raises FetchError for every other.

    Others are refused because they cannot be bounded while they decode: 800 bytes of brotli are a gigabyte.
    """
    codings = [word for part in value.lower().split(",") if (word := part.strip()) not in ("", "identity")]
    coding = ", ".join(codings).removeprefix("x-")
    if coding not in ("", "gzip", "deflate"):
        raise trouble("bad encoding", f'the server sent "{one_line(value, 80)}"; we asked for gzip or deflate')
    return coding


def decode(body: bytes, coding: str, limit: int) -> bytes:
    """Undo a content coding; never makes more than `limit` + 1 bytes, whatever the body says. Raises FetchError.

    `deflate` is zlib (RFC 1950) as the RFC has it, or raw (RFC 1951) as some servers do; gzip may have several members
    (RFC 1952 §2.2), and what follows the last one is ignored.
    """
    if not coding or not body:
        return body
    if coding == "deflate":
        is_zlib = body[0] & 15 == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0
        return _inflate(body, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS, limit, limit)[0]
    decoded, rest = _inflate(body, zlib.MAX_WBITS | 16, limit, limit)
    for __ in range(100):  # each member copies the rest, so a body of tiny ones must not run on
        if not rest.startswith(b"\x1f\x8b"):
            return decoded
        more, rest = _inflate(rest, zlib.MAX_WBITS | 16, limit - len(decoded), limit)
        decoded += more
    raise trouble("bad encoding", "the gzip body has more than 100 members")


def beginning(body: bytes, value: str, limit: int) -> bytes:
    """Up to `limit` bytes of what `body`, which may be cut off, begins with; b"" if its coding `value` is not ours."""
    try:
        coding = content_coding(value)
        wbits = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
        return zlib.decompressobj(wbits[coding]).decompress(body, limit) if coding else body[:limit]
    except (FetchError, zlib.error):
        return b""


def _inflate(data: bytes, wbits: int, room: int, limit: int) -> tuple[bytes, bytes]:
    stream = zlib.decompressobj(wbits)
    try:
        decoded = stream.decompress(data, room + 1)
    except zlib.error as error:
        raise trouble("bad encoding", f"the compressed body is damaged ({error})") from error
    if len(decoded) > room:
        raise too_large(limit)
    if not stream.eof:
        raise trouble("bad encoding", "the compressed body is cut short")
    return decoded, stream.unused_data
