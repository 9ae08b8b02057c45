"""The pure rules of fetching, as tables."""

import gzip
import time
import zlib
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import __version__
from aggregator.errors import FetchError
from aggregator.fetching import rules
from aggregator.model import Validators
from tests.server import PACKERS

BODY = b"<rss version='2.0'><channel><title>One</title></channel></rss>"
NOTHING = Validators()

# --- Addresses -----------------------------------------------------------------------------------------------

PUBLIC = "8.8.8.8 192.0.0.9 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1"
PRIVATE = """0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 127.8.9.1 169.254.169.254 172.16.0.1 192.0.2.1 192.88.99.1 192.168.1.1
198.18.0.1 224.0.0.251 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::10.0.0.1
64:ff9b:1::808:808 2002:7f00:1::1 2001:db8::1 2001::1 3fff::1 5f00::1 fc00::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1"""


@pytest.mark.parametrize("text", PUBLIC.split())
def test_public_addresses(text: str) -> None:
    assert rules.is_public(ip_address(text))


@pytest.mark.parametrize("text", PRIVATE.split())
def test_private_addresses(text: str) -> None:
    assert not rules.is_public(ip_address(text))


@settings(max_examples=60)
@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_disguise(address: IPv4Address) -> None:
    number = int(address)
    disguises = (0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80, number)
    assert {rules.is_public(IPv6Address(one)) for one in disguises} == {rules.is_public(address)}


@pytest.mark.parametrize(
    ("entry", "host", "address", "port", "allowed"),
    [
        ("127.0.0.0/8", "a.example", "127.9.9.9", 80, True),
        ("127.0.0.0/8", "a.example", "10.0.0.1", 80, False),
        ("10.1.2.3", "a.example", "10.1.2.3", 9999, True),
        ("10.1.2.3", "a.example", "10.1.2.4", 9999, False),
        ("127.0.0.1:8801", "a.example", "127.0.0.1", 8801, True),
        ("127.0.0.1:8801", "a.example", "127.0.0.1", 8802, False),
        ("127.0.0.1", "a.example", "::ffff:127.0.0.1", 80, True),
        ("::1", "a.example", "::1", 80, True),
        ("[::1]", "a.example", "::1", 80, True),
        ("[::1]:80", "a.example", "::1", 80, True),
        ("[::1]:80", "a.example", "::1", 81, False),
        ("fd00::/8", "a.example", "fd12::1", 80, True),
        ("localhost:8000", "localhost", "::1", 8000, True),
        ("localhost:8000", "localhost", "::1", 8001, False),
        ("localhost:8000", "other", "::1", 8000, False),
        ("RSSHub.lan", "rsshub.LAN.", "192.168.0.7", 1200, True),
    ],
)
def test_allowed_networks(entry: str, host: str, address: str, port: int, allowed: bool) -> None:
    assert rules.is_allowed([rules.parse_network(entry)], host, ip_address(address), port) is allowed


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        ("10.1.2.3/8", '"10.0.0.0/8"'),
        *(
            (entry, "is no network")
            for entry in [
                "",
                "*",
                "*.lan",
                "http://a/",
                "10.0.0",
                "1.2.3.999",
                "a:0",
                "a:65536",
                "a:",
                ":80",
                "::1:]",
                "a b",
            ]
        ),
    ],
)
def test_networks_that_cannot_be_read(entry: str, hint: str) -> None:
    with pytest.raises(ValueError, match="is") as caught:
        rules.parse_network(entry)
    assert hint in str(caught.value)


@settings(max_examples=60)
@given(st.text(alphabet="0123456789abc.:/[]%- \n中", max_size=20))
def test_reading_a_network_gives_one_or_a_line(entry: str) -> None:
    try:
        found = rules.parse_network(entry)
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        assert (found.network is None) == (found.host != "")


def test_one_private_address_among_public_ones_is_enough() -> None:
    rules.check_addresses("a.example", 80, ["8.8.8.8", "2606:4700::1"], ())
    with pytest.raises(FetchError, match=r'private address.*add "\[fd00::7\]:80"'):
        rules.check_addresses("a.example", 80, ["8.8.8.8", "fd00::7"], ())


# --- Headers and codings -------------------------------------------------------------------------------------

ETAGS = [b'"x"', b'W/"x"', b"unquoted", b'"a--gzip"', b'"a, b"', b'"\xe9\xff\x80"', '"快"'.encode(), b"x" * 1024]


@pytest.mark.parametrize("value", ETAGS)
def test_validators_keep_their_bytes(value: bytes) -> None:
    known = rules.validators([(b"ETag", value), (b"Last-Modified", b"yesterday, about noon")])
    assert rules.conditions(known) == [
        (b"If-None-Match", value),
        (b"If-Modified-Since", b"yesterday, about noon"),
    ]


@pytest.mark.parametrize("value", [b"", b"*", b"a\x01", b"a\tb", b"a\x7f", b" a", b"x" * 1025])
def test_validators_that_are_not_kept(value: bytes) -> None:
    assert rules.validators([(b"etag", value)]) == NOTHING
    assert rules.conditions(Validators(etag=value.decode("latin-1"))) == []


def test_validators_that_contradict_each_other_are_not_kept() -> None:
    assert rules.validators([(b"etag", b'"a"'), (b"ETag", b'"b"')]) == NOTHING
    assert rules.validators([(b"etag", b'"a"'), (b"ETag", b'"a"')]).etag == '"a"'


def test_conditions_leave_out_what_is_no_header_value() -> None:
    assert rules.conditions(Validators(etag="快", last_modified="a\r\nCookie: x", stamp="1-2")) == []


@pytest.mark.parametrize(
    ("contact", "agent"),
    [
        ("https://example.org/~me?a=b", f"aggregator/{__version__} (+https://example.org/~me?a=b)"),
        ("me@example.org", f"aggregator/{__version__} (+me@example.org)"),
        ("", f"aggregator/{__version__}"),
        ("a)\r\nX: 快", f"aggregator/{__version__} (+a%29%0D%0AX: %E5%BF%AB)"),
    ],
)
def test_user_agent(contact: str, agent: str) -> None:
    assert rules.user_agent(contact) == agent


@settings(max_examples=25)
@given(st.sampled_from(sorted(PACKERS)), st.binary(max_size=300))
def test_decoding_undoes_the_coding_up_to_the_limit(name: str, data: bytes) -> None:
    coding, pack = PACKERS[name]
    assert rules.decode(pack(data), coding, len(data)) == data
    if coding and data:
        with pytest.raises(FetchError, match="too large"):
            rules.decode(pack(data), coding, len(data) - 1)


@settings(max_examples=60)
@given(st.sampled_from(["gzip", "deflate"]), st.binary(max_size=40), st.integers(0, 40))
def test_damaged_bodies_are_a_fetch_error(coding: str, noise: bytes, at: int) -> None:
    good = gzip.compress(BODY) if coding == "gzip" else zlib.compress(BODY)
    try:
        rules.decode(good[:at] + noise, coding, 1000)
    except FetchError as error:
        assert error.kind in ("bad encoding", "too large")


def test_many_tiny_members_end_soon() -> None:
    started = time.perf_counter()
    with pytest.raises(FetchError, match="members"):
        rules.decode(gzip.compress(b"") * 200_000, "gzip", 1000)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("header", "coding"), [("", ""), ("identity", ""), ("GZIP", "gzip"), ("x-gzip", "gzip"), (" deflate ", "deflate")]
)
def test_content_codings(header: str, coding: str) -> None:
    assert rules.content_coding(header) == coding


@pytest.mark.parametrize("header", ["br", "zstd", "gzip, gzip", "gzip,br", "compress", "utf-8"])
def test_content_codings_that_are_refused(header: str) -> None:
    with pytest.raises(FetchError, match="bad encoding"):
        rules.content_coding(header)
