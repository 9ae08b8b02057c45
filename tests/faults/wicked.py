"""A planet whose feeds, posts and servers all carry payloads in every place that somebody may show."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from xml.sax.saxutils import escape, quoteattr

from aggregator.text import legal
from tests.faults.payloads import armed
from tests.planet import NOON, Planet
from tests.server import Response, Script, Server

FIELDS: list[str] = []
"""The places of payloads; a payload's code is its number and that of its place."""


class Codes:
    """Payloads in places: `codes[place]` is this payload, armed for there."""

    def __init__(self, number: int, payload: str, carrier: str) -> None:
        self.number, self.payload, self.carrier = number, payload, carrier

    def __getitem__(self, place: str) -> str:
        name = f"{self.carrier} {place}"
        if name not in FIELDS:
            FIELDS.append(name)
        return armed(self.payload, self.number * 100 + FIELDS.index(name))


def place(code: int) -> tuple[int, str]:
    """The payload's number and the place that a code stands for."""
    return code // 100, FIELDS[code % 100]


def _xml(value: str) -> str:
    return escape(legal(value))


def _attribute(value: str) -> str:
    return quoteattr(legal(value))


Numbered = Sequence[tuple[int, str]]


def rss(payloads: Numbered) -> bytes:
    """A well-formed RSS feed with an item a payload."""
    items = []
    for number, payload in payloads:
        at = Codes(number, payload, "rss")
        items.append(
            f"<item><title>{_xml(at['title'])}</title><guid isPermaLink='false'>{_xml(at['guid'])}</guid>"
            f"<link>https://a.example/r{number}?{_xml(at['link'])}</link><comments>{_xml(at['comments'])}</comments>"
            f"<description>{_xml(at['description'])}</description>"
            f"<content:encoded>{_xml(at['content'])}</content:encoded>"
            f"<dc:creator>{_xml(at['creator'])}</dc:creator><author>{_xml(at['author'])}</author>"
            f"<category domain={_attribute(at['domain'])}>{_xml(at['category'])}</category>"
            f"<enclosure url={_attribute('https://a.example/' + at['enclosure'])} type='audio/mpeg' length='9'/>"
            f"<enclosure url='https://a.example/r{number}.bin' type={_attribute(at['type'])}/>"
            f"<media:thumbnail url={_attribute('https://a.example/' + at['thumbnail'])} width='600'/>"
            f"<media:content url='https://a.example/r{number}.mp4'><media:title>{_xml(at['media title'])}</media:title>"
            f"</media:content><itunes:subtitle>{_xml(at['subtitle'])}</itunes:subtitle>"
            f"<source url={_attribute(at['source url'])}>{_xml(at['source'])}</source>"
            f"<dc:rights>{_xml(at['rights'])}</dc:rights></item>"
        )
    names = (
        ("content", "http://purl.org/rss/1.0/modules/content/"),
        ("dc", "http://purl.org/dc/elements/1.1/"),
        ("media", "http://search.yahoo.com/mrss/"),
        ("itunes", "http://www.itunes.com/dtds/podcast-1.0.dtd"),
    )
    spaces = " ".join(f"xmlns:{prefix}='{uri}'" for prefix, uri in names)
    head = "<title>RSS</title><link>https://a.example/</link><description>x</description>"
    return f"<rss version='2.0' {spaces}><channel>{head}{''.join(items)}</channel></rss>".encode()


def torn(payloads: Numbered) -> bytes:
    """RSS that is no XML: it names a character that XML does not know, and its end is missing."""
    items = []
    for number, payload in payloads:
        at = Codes(number, payload, "torn")
        items.append(
            f"<item><title><![CDATA[{at['title']}]]></title><guid>urn:t{number}</guid>"
            f"<description><![CDATA[{at['description']}]]></description><author><![CDATA[{at['author']}]]></author>"
            f"<category>{escape(at['category'])}</category></item>"
        )
    text = f"<rss version='2.0'><channel><title>Torn&nbsp;feed</title>{''.join(items)}<item><title>x"
    return text.encode("utf-8", "replace")


def atom(payloads: Numbered) -> bytes:
    """A well-formed Atom feed with an entry a payload."""
    entries = []
    for number, payload in payloads:
        at = Codes(number, payload, "atom")
        link = f"<link rel='related' href={_attribute(at['related'])} title={_attribute(at['link title'])}/>"
        entries.append(
            f"<entry><id>urn:a{number}</id><title type='html'>{_xml(at['title'])}</title>"
            f"<updated>{NOON.isoformat()}</updated><link href={_attribute(at['link'])}/>{link}"
            f"<summary type='html'>{_xml(at['summary'])}</summary>"
            + (f"<content type='html'>{_xml(at['content'])}</content>" if number % 2 else "")
            + f"<author><name>{_xml(at['name'])}</name><email>{_xml(at['email'])}</email>"
            f"<uri>{_xml(at['uri'])}</uri></author>"
            f"<category term={_attribute(at['term'])} scheme={_attribute(at['scheme'])} label={_attribute(at['label'])}/>"
            f"<rights type='html'>{_xml(at['rights'])}</rights><source><id>urn:s{number}</id>"
            f"<title type='html'>{_xml(at['source'])}</title><link rel='self' href='https://s.example/{number}'/>"
            f"<link href={_attribute(at['source link'])}/><subtitle>{_xml(at['source subtitle'])}</subtitle></source></entry>"
        )
    head = "<id>urn:atom</id><title>Atom</title><link href='https://a.example/atom/'/>"
    return f"<feed xmlns='http://www.w3.org/2005/Atom'>{head}{''.join(entries)}</feed>".encode()


def feed_json(payloads: Numbered) -> bytes:
    """A JSON Feed with an item a payload, each with all its characters, lawful or not."""
    items = []
    for number, payload in payloads:
        at = Codes(number, payload, "json")
        file = {"url": "https://a.example/" + at["file"], "mime_type": "video/mp4", "title": at["file title"]}
        items.append(
            {
                "id": f"urn:j{number}",
                "url": f"https://a.example/j{number}",
                "title": at["title"],
                "content_html": at["content"],
                "summary": at["summary"],
                "image": "https://a.example/" + at["image"],
                "authors": [{"name": at["author"], "url": at["author url"]}],
                "tags": [at["tag"]],
                "attachments": [file],
            }
        )
    said = {"version": "https://jsonfeed.org/version/1.1", "title": "JSON", "items": items}
    return json.dumps(said).encode()


def named(number: int, payload: str) -> bytes:
    """A feed that has a payload in its own names; its one entry has it in its title."""
    at = Codes(number, payload, "feed")
    return (
        f"<feed xmlns='http://www.w3.org/2005/Atom'><id>urn:n{number}</id>"
        f"<title type='html'>{_xml(escape(at['title']))}</title><subtitle>{_xml(at['subtitle'])}</subtitle>"
        f"<link href={_attribute(at['link'])}/><logo>{_xml(at['logo'])}</logo><icon>{_xml(at['icon'])}</icon>"
        f"<author><name>{_xml(at['author'])}</name></author><rights>{_xml(at['rights'])}</rights>"
        f"<entry><id>urn:n{number}</id><title>{_xml(at['entry'])}</title><updated>{NOON.isoformat()}</updated>"
        f"<link href='https://a.example/n{number}'/><content>A text.</content></entry></feed>"
    ).encode()


def failing(number: int, payload: str, url: str) -> Response:
    """What a server says that has its payload in what goes into our words for a failure, in one of eight ways."""
    at = Codes(number, payload, "error")
    line = "".join(char if "\x20" <= char <= "\x7e" else "?" for char in at["line"])
    body = at["body"].encode("utf-8", "replace")
    ways = (
        Response(b"<html><title>" + body + b"</title>", 404, {"Content-Type": "text/html"}),
        Response(b"", 302, {"Location": line}),
        Response(b"", 301, {"Location": f"{url}/moved?{line}"}),
        Response(b"no feed", 200, {"Content-Type": line}),
        Response(b"<" + body.lstrip(b"</") + b"><x></x>", 200, {"Content-Type": "text/xml"}),
        Response(
            b"<html><head><title>" + body + b"</title><link rel=alternate type=application/rss+xml href='"
            b"https://a.example/" + body.replace(b"'", b"") + b"'></head><body>" + body,
            200,
            {"Content-Type": "text/html"},
        ),
        Response(
            b"<rss><channel><item><title>" + body + b"&x;</tit", 200, {"Content-Type": f"text/xml; charset={line}"}
        ),
        Response(body, 503, {"Retry-After": line, "Content-Encoding": line, "Content-Type": "text/html"}),
    )
    return ways[number % len(ways)]


def posts(planet: Planet, payloads: Numbered) -> None:
    """Posts with payloads in their front matter, their categories and their text."""
    for number, payload in payloads:
        at = Codes(number, payload, "post")
        front = {
            "title": at["title"],
            "author": at["author"],
            "categories": [f"{number}", at["category"]],
            "tags": [at["tag"]],
            "headimg": "https://a.example/" + at["picture"],
            "permalink": "https://a.example/" + at["link"],
            "excerpt": at["excerpt"],
            "lang": at["language"],
            "rights": at["rights"],
        }
        planet.post(f"{number}.{'html' if number % 2 else 'md'}", at["text"], **front)


def fill(planet: Planet, server: Server, payloads: Numbered) -> None:
    """Have all of it go through runs: what can be read comes in, and then the servers of the named feeds fail, often
    enough that they are in trouble."""
    planet.site |= {
        "formats": ["rss", "atom", "json", "html", "opml", "post"],
        "failures": "failures.xml",
        "items": 3000,
        "max_feed_bytes": "90MB",
    }
    planet.seeds()
    for name, made in (("rss", rss), ("torn", torn), ("atom", atom), ("json", feed_json)):
        server.put(f"/{name}", made(payloads))
        planet.feed(server.url(f"/{name}", host="127.0.1.1"), category=name)
    for host, (number, payload) in _hosts(payloads):
        server.put(f"/named/{number}", named(number, payload))
        planet.feed(server.url(f"/named/{number}", host=host), category="named")
    posts(planet, payloads)
    planet.run()
    for host, (number, payload) in _hosts(payloads):
        answer = failing(number, payload, server.url("", host=host))
        server.script(f"/named/{number}", _always(answer))
    for _ in range(3):
        planet.run(force=True, later=timedelta(days=1))


def _always(answer: Response) -> Script:
    return lambda request: answer


def _hosts(payloads: Numbered) -> Iterator[tuple[str, tuple[int, str]]]:
    """Each payload with a host of its own for its feed."""
    for each in payloads:
        yield f"127.1.{each[0] // 200}.{1 + each[0] % 200}", each
