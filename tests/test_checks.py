"""The last look before a document takes its place."""

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aggregator.formats import checks, find, is_framed, joined
from aggregator.formats.checks import problem, problem_of
from aggregator.model import Channel
from tests import build
from tests.strategies import channels

RSS = (
    '<rss version="2.0"><channel><title>T</title><link>https://a.example/</link><description>D</description>{}'
    "</channel></rss>"
)
ITEM = "<item><title>One</title><guid>{}</guid><pubDate>Sat, 14 Mar 2026 12:00:00 GMT</pubDate></item>"
ATOM = '<feed xmlns="http://www.w3.org/2005/Atom"><id>i</id><title>T</title><updated>2026-03-14T12:00:00Z</updated>{}</feed>'
ENTRY = "<entry><id>{}</id><title>One</title><updated>2026-03-14T12:00:00Z</updated></entry>"
JSON = '{{"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": [{}]}}'
OPML = '<opml version="2.0"><head/><body/></opml>'
PAGE = "<!DOCTYPE html>\n<html lang='en'><title>T</title></html>"

CASES = [
    ("application/rss+xml", RSS.format(ITEM.format(1) + ITEM.format(2)), ""),
    ("application/rss+xml", RSS.format(""), ""),
    ("application/rss+xml", RSS.format(ITEM.format(1) + ITEM.format(1)), "the id 1 stands twice"),
    ("application/rss+xml", RSS.format(ITEM.format("")), "<item> has no <guid>"),
    ("application/rss+xml", RSS.format("").replace("<title>T</title>", "<title> </title>"), "<channel> has no <title>"),
    ("application/rss+xml", RSS.format("")[:-3], "it cannot be read: "),
    ("application/rss+xml", ATOM.format(""), "it is no RSS"),
    ("application/atom+xml", ATOM.format(ENTRY.format("a") + ENTRY.format("b")), ""),
    ("application/atom+xml", ATOM.format(ENTRY.format("a") * 2), "the id a stands twice"),
    ("application/atom+xml", ATOM.format(ENTRY.replace("updated>", "published>")), "<entry> has no <updated>"),
    ("application/atom+xml", RSS.format(""), "it is no Atom"),
    ("application/atom+xml", ATOM.format("&bomb;"), "it cannot be read: "),
    ("application/feed+json", JSON.format('{"id": "1", "content_text": ""}'), ""),
    ("application/feed+json", JSON.format('{"id": "1"}'), "an item has no id or no content"),
    (
        "application/feed+json",
        JSON.format('{"id": "1", "content_text": "x"}, {"id": "1", "content_text": "y"}'),
        "the id 1",
    ),
    ("application/feed+json", '{"title": "T"}', "it is no JSON Feed"),
    ("application/feed+json", "{", "it cannot be read: "),
    ("text/x-opml", OPML, ""),
    ("text/x-opml", "<opml/>", "it is no OPML"),
    ("text/html", PAGE, ""),
    ("text/html", PAGE[:-4], "it is no whole HTML page"),
    ("text/html", "", "it is no whole HTML page"),
    ("text/markdown", "anything", ""),
]


@pytest.mark.parametrize(("media_type", "document", "expected"), CASES)
def test_what_is_said_of_a_document(media_type: str, document: str, expected: str) -> None:
    found = problem(media_type, document.encode())
    assert found.startswith(expected) if expected else found == ""


def test_bytes_that_are_no_text_are_a_problem_and_no_exception() -> None:
    for media_type in ("application/rss+xml", "application/feed+json", "text/html"):
        assert problem(media_type, b"\xff\xfe\x00") != ""


# --- In pieces ------------------------------------------------------------------------------------------------------

HELD = RSS.replace("{}", ITEM.format(1) + "{}")
MEDIA = ' xmlns:media="http://search.yahoo.com/mrss/"'
FRAMES = {
    "application/rss+xml": (
        RSS,
        RSS.replace("<rss", f"<rss{MEDIA}"),
        RSS.replace("<link>", "<no>"),
        RSS[:-3],
        ATOM,
        HELD,
    ),
    "application/atom+xml": (ATOM, ATOM.replace("<feed", f"<feed{MEDIA}"), ATOM.replace("<id>i</id>", ""), RSS),
}
ENTRIES = {"application/rss+xml": ("item", ITEM), "application/atom+xml": ("entry", ENTRY)}


def odd(media_type: str) -> list[str]:
    """Pieces, most of which must not be published."""
    name, entry = ENTRIES[media_type]
    holder = "channel" if name == "item" else "feed"
    whole = entry.format(1)
    return [
        whole,
        entry.format(2),
        entry.format(3).replace(">One<", "><"),
        entry.format(""),
        entry.format("&amp;"),
        entry.format("&bomb;"),
        entry.format("]]>"),
        entry.format("\x01"),
        whole.replace(f"<{name}>", f'<{name}><media:title type="plain">x</media:title>'),
        whole.replace(f"<{name}>", f'<{name} xmlns:media="urn:other"><media:title/>'),
        whole.removesuffix(f"</{name}>"),
        whole.removeprefix(f"<{name}>"),
        f"{whole}<{name}>",
        f"</{name}>{whole}",
        f"</{holder}><{holder}>{whole}",
        f"{whole}</{holder}><{holder}>",
        f"{whole}<?mark?>{entry.format(4)}",
        whole + entry.format(5),
        f"{whole} text ",
        f"<!-- {whole} -->",
        f"<!-- {whole}",
        f"{whole} -->",
        f"<![CDATA[{whole}",
        "]]>",
        whole.replace("<title>One", "<title/><title>One"),
        whole.replace("</title>", "</title><title/>"),
        whole.replace("<title>", "<title><b/>"),
        whole.replace("<title>", "<no><title>").replace("</title>", "</title></no>"),
        whole.replace(">One<", ">\u00a0<"),
        "<other/>",
        "",
    ]


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    yield
    checks.forget()


def same(media_type: str, frame: tuple[bytes, bytes, bytes], pieces: list[bytes]) -> None:
    """Check that what is said of pieces is what is said of the whole, whatever was looked at before."""
    assert problem_of(media_type, frame, pieces) == problem(media_type, joined(frame, pieces))


@pytest.mark.parametrize("media_type", FRAMES)
def test_what_is_said_of_each_odd_piece(media_type: str) -> None:
    before, after = FRAMES[media_type][0].encode().split(b"{}")
    pieces = [piece.encode() for piece in odd(media_type)]
    for first in pieces:
        for second in pieces:
            checks.forget()
            for document in ([first, second], [first], [second], [second, first], [pieces[1], first, pieces[4]]):
                same(media_type, (before, b"", after), document)


@given(st.data())
def test_what_is_said_of_pieces_is_what_is_said_of_the_whole(data: st.DataObject) -> None:
    media_type = data.draw(st.sampled_from(list(FRAMES)))
    pieces = st.sampled_from([piece.encode() for piece in odd(media_type)])
    for _ in range(4):
        before, after = data.draw(st.sampled_from(FRAMES[media_type])).encode().split(b"{}")
        same(media_type, (before, data.draw(st.sampled_from([b"", b"", b"\n"])), after), data.draw(st.lists(pieces)))


@given(channels(build.channel().urls), st.permutations(range(3)))
@example(build.rich_channel(), [1, 0])
def test_what_we_make_is_fine_and_read_once(channel: Channel, order: list[int]) -> None:
    for name in ("rss", "atom"):
        kind = find(name)
        assert is_framed(kind)
        frame, pieces = kind.frame(channel), [kind.piece(channel, entry) for entry in channel.entries]
        again = [pieces[number] for number in order if number < len(pieces)]
        for document in (pieces, again, pieces):
            assert checks._is_fine(kind.MEDIA_TYPE, frame, document)
            same(kind.MEDIA_TYPE, frame, document)
        known = {each for found in checks._fine.values() for each in found}
        assert {hash(piece) for piece in pieces} <= known


def test_no_more_is_known_than_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MOST", 10)
    before, after = RSS.encode().split(b"{}")
    for number in range(50):
        same("application/rss+xml", (before, b"", after), [ITEM.format(number).encode()])
        assert sum(map(len, checks._fine.values())) <= 11
