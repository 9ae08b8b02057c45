"""The last look before a document takes its place."""

import pytest

from aggregator.formats.checks import problem

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
