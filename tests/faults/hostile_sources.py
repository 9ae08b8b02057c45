"""Hostile sources of every kind but for broken transport (tests/test_safety_bodies.py has that): what is served, and
what a run makes of it.

A table is names with what is served, and how that ends: in a class of trouble, or in so many entries.
"""

import json
from collections.abc import Mapping
from typing import Any

from tests.server import Raw, Response, Server

Ends = str | int
Table = Mapping[str, tuple[Response | Raw, Ends]]

XML = '<?xml version="1.0" encoding="utf-8"?>\n'
SECRET = "root:x:0:0:"
"""How a file begins that no feed may show: /etc/passwd."""


def rss(inner: str, head: str = "", root: str = 'rss version="2.0"', prolog: str = XML) -> str:
    """An RSS feed of what is written out."""
    return f"{prolog}<{root}><channel><title>Hostile</title>{head}{inner}</channel></{root.partition(' ')[0]}>"


def item(inner: str = "", number: int = 1) -> str:
    """One item of such a feed."""
    title = "" if "<title" in inner else f"<title>Hostile {number}</title>"
    return f"<item><guid>urn:hostile:{number}</guid>{title}{inner}</item>"


def served(body: str | bytes, kind: str = "application/xml", **headers: str) -> Response:
    """A document as HTTP has it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    return Response(raw, 200, {"Content-Type": kind} | named)


def written(html: str) -> Response:
    """A feed of one item with this HTML."""
    return served(rss(item(f"<description><![CDATA[{html}]]></description>")))


def xml(canary: str) -> Table:
    """Documents that blow up, never end, or lead parsers elsewhere; `canary` is a URL that nobody may ask for."""
    laughs = '<!ENTITY l0 "ha">' + "".join(f'<!ENTITY l{n} "' + f"&l{n - 1};" * 10 + '">' for n in range(1, 10))
    quadratic = f'<!DOCTYPE rss [<!ENTITY a "{"x" * 100_000}">]>'
    title = "<title>&{};</title>"

    def doctype(subset: str, entity: str = "l9", before: str = "") -> str:
        return rss(item(title.format(entity)), prolog=f"{XML}{before}<!DOCTYPE rss [{subset}]>")

    def external(url: str) -> str:
        return doctype(f'<!ENTITY x SYSTEM "{url}">', "x")

    include = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{}" parse="text"/>'
    deep = 40_000
    return {
        "entities, billion laughs": (served(doctype(laughs)), 1),
        "entities behind a comment": (served(doctype(laughs, before="<!-- <x -->")), 1),
        "entities behind two instructions": (served(doctype(laughs, before="<?x <!DOCTYPE a>?><?y ]>?>")), 1),
        "entities behind 100 kB of blanks": (served(doctype(laughs, before="\n" * 100_000)), 1),
        "entities in UTF-16": (served(doctype(laughs).replace("utf-8", "utf-16").encode("utf-16")), 1),
        "entities in an attribute": (
            served(rss(item(), head='<link href="&l9;"/>', prolog=f"<!DOCTYPE rss [{laughs}]>")),
            1,
        ),
        "entities, quadratic": (served(rss(item(title.format("a" + ";&a" * 5000)), prolog=quadratic)), 1),
        "entities, short and many": (
            served(rss(item(title.format("a" + ";&a" * 9000)), prolog=f'<!DOCTYPE rss [<!ENTITY a "{"x" * 190}">]>')),
            "entities",
        ),
        "entities of parameters": (served(doctype('<!ENTITY % p "<!ENTITY l9 \'x\'>"> %p;')), 1),
        "entities without end": (served(f"{XML}<!DOCTYPE rss [" + "<!ENTITY a 'b'>" * 50_000), "not a feed"),
        "an entity of itself": (served(doctype('<!ENTITY a "&b;"><!ENTITY b "&a;">', "a")), 1),
        "an entity from a file": (served(external("file:///etc/passwd")), 1),
        "an entity from the canary": (served(external(canary)), 1),
        "a parameter entity from the canary": (served(doctype(f'<!ENTITY % p SYSTEM "{canary}"> %p;', "p")), 1),
        "a DTD of the canary": (served(rss(item(), prolog=f'<!DOCTYPE rss SYSTEM "{canary}">')), 1),
        "a style sheet of the canary": (served(rss(item(), prolog=f'<?xml-stylesheet href="{canary}"?>')), 1),
        "XInclude of a file": (served(rss(item(f"<title>{include.format('file:///etc/passwd')}</title>"))), 1),
        "XInclude of the canary": (served(rss(item(f"<description>{include.format(canary)}</description>"))), 1),
        "a schema of the canary": (
            served(rss(item(), root=f'rss version="2.0" xmlns:s="{canary}" s:schemaLocation="{canary} {canary}"')),
            1,
        ),
        "a body that is a path": (served("/etc/passwd", "text/plain"), "not a feed"),
        "a body that is a URL": (served(canary, "text/plain"), "not a feed"),
        "1 MB of newlines before the root": (served(rss(item(), prolog="\n" * 1_000_000)), 1),
        "1 MB of blanks in the declaration": (served(rss(item(), prolog=f"<?xml{' ' * 1_000_000}version='1.0'?>")), 1),
        "1 MB of comments before the root": (served(rss(item(), prolog="<!-- x -->\n" * 90_000)), 1),
        "a comment without end": (served(f"{XML}<!--" + "-" * 1_000_000), "not a feed"),
        "a DOCTYPE of brackets": (served(f"{XML}<!DOCTYPE rss " + "[" * 500_000), "not a feed"),
        "CDATA without end": (served(f"{XML}<rss><channel><item><title><![CDATA[" + "]" * 1_000_000), 0),
        "40,000 elements deep": (served(rss(item("<x>" * deep + "</x>" * deep))), 1),
        "40,000 open elements": (served(rss(item("<x>" * deep))), 1),
        "20,000 items in each other": (served(f"{XML}<rss><channel>" + "<item>" * 20_000), 1),
        "XHTML 40,000 deep": (
            served(f"""{XML}<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title><entry><id>urn:x:1</id><title>t
            </title><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">{"<b>" * deep}x{"</b>" * deep}</div>
            </content></entry></feed>"""),
            1,
        ),
        "an attribute of 9 MB": (served(rss(item(f'<x y="{"z" * 9_000_000}"/>'))), 1),
        "40,000 attributes": (served(rss(item("<x " + " ".join(f"a{n}=''" for n in range(deep)) + "/>"))), 1),
        "20,000 namespaces": (
            served(rss(item(), root='rss version="2.0" ' + " ".join(f'xmlns:n{n}="urn:{n}"' for n in range(20_000)))),
            1,
        ),
        "a name of 1 MB": (served(rss(item(f"<{'x' * 1_000_000}/>"))), 1),
        "a prefix without a namespace": (served(rss(item("<y:z>x</y:z>"))), 1),
        "namespaces taken away": (served(rss(item(), root='rss version="2.0" xmlns="" xmlns:media=""')), 1),
        "NUL and controls": (served(rss(item("<title>a\0\1\x0b\x1b[31mb\x7f\ufffe\uffff</title>"))), 1),
        "references to no character": (served(rss(item("<title>&#0;&#xD800;&#x110000;&#xFFFE;x</title>"))), 1),
        "references of a million digits": (served(rss(item(f"<title>&#{'9' * 1_000_000};x</title>"))), 1),
        "ampersands without number": (served(rss(item(f"<description>{'&' * 300_000}x</description>"))), 1),
        "nothing at all": (served(b""), "empty"),
        "blanks": (served(b" \n\t\0" * 100_000), "empty"),
        "a picture": (served(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 400, "image/png"), "not a feed"),
        "a PDF": (served(b"%PDF-1.7\n" + bytes(range(256)) * 400, "application/pdf"), "not a feed"),
        "some other XML": (served(f"{XML}<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"), "not a feed"),
        "half of a feed": (served(rss(item() + item(number=2))[:-80]), 1),
    }  # fmt: skip


def sizes() -> Table:
    """What is far too much of something that is allowed."""
    base = f"https://base.example/{'b' * 1900}/"
    return {
        "a title of 5 MB": (served(rss(item(f"<title>{'x' * 5_000_000}</title>"))), 1),
        "a title of the feed of 200 kB": (served(rss(item(), head=f"<title>{'<b>' * 70_000}x</title>")), 1),
        "20,000 categories": (served(rss(item("".join(f"<category>c{n}</category>" for n in range(20_000))))), 1),
        "20,000 authors": (served(rss(item("".join(f"<author>a{n}@x.example</author>" for n in range(20_000))))), 1),
        "an author of 1 MB": (served(rss(item(f"<author>{'a@' * 500_000}</author>"))), 1),
        "a guid of 1 MB": (served(rss(f"<item><guid>{'g' * 1_000_000}</guid><title>x</title></item>")), 1),
        "a link of 1 MB": (served(rss(item(f"<link>https://x.example/{'%' * 1_000_000}</link>"))), 1),
        "50,000 enclosures": (
            served(rss(item("".join(f'<enclosure url="https://x.example/{n}"/>' for n in range(50_000))))),
            1,
        ),
        "an enclosure of 10^400 bytes": (
            served(rss(item(f'<enclosure url="https://x.example/1" length="1{"0" * 400}"/>'))),
            1,
        ),
        "100,000 items": (served(rss("".join(f"<item><guid>urn:{n}</guid></item>" for n in range(100_000)))), 10_000),
        "one item 20,000 times": (served(rss(item() * 20_000)), 1),
        "a text of 9 MB": (written("<p>word " * 1_100_000), 1),
        "ten texts of 900 kB": (
            served(rss("".join(item(f"<description>{'word ' * 180_000}</description>", n) for n in range(10)))),
            10,
        ),
        "a base that each link repeats": (
            served(rss(item(f"<description>{'&lt;a href=a>x' * 15_000}</description>"), root=f'rss xml:base="{base}"')),
            "too expensive",
        ),
        "a base that each file repeats": (
            served(
                rss(
                    "".join(item("".join(f'<enclosure url="{i}"/>' for i in range(7)), n) for n in range(1000)),
                    root=f'rss xml:base="{base}"',
                )
            ),
            "too expensive",
        ),
    }


def html() -> Table:
    """HTML that is slow to clean, or that is not to be shown."""
    return {
        "comments that do not end": (written("<!--" * 50_000), 1),
        "tags that do not end": (written("<a " * 100_000), 1),
        "quotes that do not end": (written("<a href='x" * 100_000), 1),
        "divs 40,000 deep": (written("<div>" * 40_000 + "x"), 1),
        "divs 900 deep, often": (written(("<div>" * 900 + "x" + "</div>" * 900) * 20), 1),
        "bold that begins again": (written("".join(f"<b title={n}>" for n in range(900)) + "<p>x" * 900), 1),
        "tables in tables": (written("<table><tr><td>" * 300 + "x" * 1000 + "<table>x" * 20_000), 1),
        "lists without end": (written("<ul><li>" * 450 + "<li>x" * 30_000), 1),
        "a style of urls": (written(f'<p style="{"url(" * 30_000}">x</p>'), 1),
        "a srcset of commas": (written(f'<img src="https://x.example/1.png" srcset="{"," * 300_000}">'), 1),
        "noscript without end": (written("<noscript><img " * 20_000 + "x"), 1),
        "svg and math in each other": (written("<svg><math><mtext>" * 20_000 + "x"), 1),
        "templates": (written("<template>" * 50_000 + "x"), 1),
        "brackets of ]]>": (written("]]&gt;" * 50_000 + "<p>x"), 1),
        "scripts everywhere": (
            served(
                rss(
                    item(
                        "<title>&lt;script>alert(1)&lt;/script>&lt;img src=x onerror=alert(1)></title>"
                        "<link>javascript:alert(1)</link><comments>javascript:alert(2)</comments>"
                        "<author>&lt;svg/onload=alert(1)></author><category>&lt;script>alert(1)&lt;/script></category>"
                        '<enclosure url="javascript:alert(1)" type="text/html&quot;>&lt;script>"/>'
                        "<description>&lt;a href=' java&amp;Tab;script:alert(1)'>x&lt;/a>&lt;img src=x onerror=a()>"
                        "&lt;form action=javascript:a()>&lt;button>x&lt;/form>&lt;svg>&lt;animate onbegin=a()>&lt;/svg>"
                        "&lt;iframe srcdoc='&lt;script>a()&lt;/script>'>&lt;/iframe>&lt;meta http-equiv=refresh"
                        " content='0;url=javascript:a()'>&lt;base href=javascript:a()>&lt;object data=data:text/html,x>"
                        "&lt;img src=data:text/html,x>&lt;a href=file:///etc/passwd>y&lt;/a></description>"
                    ),
                    head="<title>&lt;script>alert(1)&lt;/script></title><link>javascript:alert(1)</link>",
                )
            ),
            1,
        ),
        "bases that are no places": (
            served(rss(item("<link>x</link><description>&lt;a href=y>y&lt;/a></description>")
            + item("<link>/etc/passwd</link>", 2), root='rss version="2.0" xml:base="file:///etc/"')),
            2,
        ),
        "marks that turn text around": (
            served(rss(item(f"<title>a{chr(0x202E)}{chr(0x2066)}b{chr(0x200D) * 5000}c{chr(0x301) * 5000}</title>"))),
            1,
        ),
    }  # fmt: skip


_DATES = (
    "Fri, 31 Dec 9999 23:59:59 -2359", "Sat, 01 Jan 10000 00:00:00 GMT", "-0001-01-01T00:00:00Z", "0000-00-00", "NaN",
    "Infinity", "1e400", "9" * 5000, "2026-02-30T25:61:61Z", "1969-12-31T23:59:60Z", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", "Thu, 01 Jan 1970 00:00:00 +9999", "x" * 1_000_000, "2026-03-01T00:00:00" + "0" * 5000,
    "٢٠٢٦-٠٣-٠١", "1" * 18,
)  # fmt: skip


def dates() -> Table:
    """Dates that no calendar has; entries come in all the same."""
    each = {f"the date {date[:30]}": (served(rss(item(f"<pubDate>{date}</pubDate>"))), 1) for date in _DATES}
    many = "".join(item(f"<pubDate>{date}</pubDate>", n) for n, date in enumerate(_DATES))
    return {**each, "all bad dates at once": (served(rss(many)), len(_DATES))}


_LABELS = (
    "punycode", "undefined", "idna", "utf-7", "unicode_escape", "raw_unicode_escape", "hex", "zlib", "rot13", "base64",
    "bz2", "mbcs", "cp037", "no-such-thing", "x" * 30, "utf-8\0", "utf-32", "utf-16", "../../etc/passwd", "hz",
)  # fmt: skip


def encodings() -> Table:
    """Encodings that lie, that are none, and that are rare."""
    text = "新媒体，真的很快"
    plain = rss(item(f"<title>{text}</title>"), prolog="")
    label = "<?xml version='1.0' encoding='{}'?>"
    named = {
        f"the encoding {name}": (served(label.format(name).encode() + plain.encode()), 1)
        for name in _LABELS
        if "\0" not in name
    }
    charsets = {f"the charset {name!r}": (served(plain, f"application/xml; charset={name}"), 1) for name in _LABELS[:9]}
    real = {
        f"real {name}": (served(label.format(said).encode(name) + plain.encode(name)), 1)
        for name, said in (
            ("utf-16", "utf-16"), ("utf-16-le", "utf-16"), ("utf-16-be", "utf-8"), ("utf-32", "utf-32"),
            ("utf-32-be", "utf-8"), ("gbk", "gb2312"), ("gb18030", "gb18030"), ("big5", "utf-8"), ("utf-8-sig", "gbk"),
        )
    }  # fmt: skip
    return {
        **named,
        **charsets,
        **real,
        "half a UTF-16": (served(plain.encode("utf-16")[:-21]), 1),
        "no UTF-8": (served(plain.encode().replace("体".encode(), b"\xe4\xbd\xff\xfe\x80")), 1),
        "surrogates in UTF-8": (served(plain.encode().replace("体".encode(), b"\xed\xa0\x80")), 1),
        "three byte order marks": (served(b"\xef\xbb\xbf" * 3 + plain.encode()), 1),
    }


def jsons() -> Table:
    """JSON Feeds."""
    version = "https://jsonfeed.org/version/1.1"

    def feed(*items: Any, **more: Any) -> Response:
        said = {"version": version, "title": "Hostile", "items": items} | more
        return served(json.dumps(said), "application/feed+json")

    def raw(items: str) -> Response:
        return served(f'{{"version": "{version}", "title": "Hostile", "items": {items}}}', "application/feed+json")

    one = {"id": "urn:json:1", "title": "x"}
    return {
        "brackets 100,000 deep": (raw("[" * 100_000), "broken feed"),
        "objects 100,000 deep": (raw('{"a":' * 100_000), "broken feed"),
        "brackets alone": (served("[" * 1_000_000), "not a feed"),
        "a number of 100,000 digits": (raw(f'[{{"id": {"9" * 100_000}}}]'), "broken feed"),
        "NaN and infinity": (raw('[{"id": NaN, "title": "x"}, {"id": -Infinity}, {"id": 1e999}]'), 3),
        "lone surrogates": (raw(r'[{"id": "\ud800", "title": "a\udfffb", "content_text": "\ud83dx"}]'), 1),
        "the same key twice": (raw('[{"id": "1", "id": "2", "title": "x", "title": ["y"]}]'), 1),
        "a title that is a list": (feed({"id": ["x"], "title": [1], "content_html": {"a": 1}}, one), 2),
        "items that are none": (feed(1, None, "x", [], one), 1),
        "items that are an object": (raw('{"a": 1}'), 0),
        "a title that is a number": (feed(one, title=10**300, authors="x", hubs=[1, {"url": ["x"]}]), 1),
        "another version": (feed(one, version="https://x.example/1"), "not a feed"),
        "a version that is a list": (feed(one, version=[version]), "not a feed"),
        "links that are scripts": (
            feed({**one, "url": "javascript:a()", "external_url": "data:,x", "image": "javascript:a()",
                  "attachments": [{"url": "file:///etc/passwd", "mime_type": "x"}, {"url": "data:,x"}]}),
            1,
        ),
        "50,000 files": (feed({**one, "attachments": [{"url": f"https://x.example/{n}"} for n in range(50_000)]}), 1),
        "20,000 entries": (feed(*({"id": f"urn:json:{n}", "title": "x"} for n in range(20_000))), 10_000),
        "half of JSON": (served(raw(json.dumps([one])).body[:-5], "application/feed+json"), "broken feed"),
        "dates that are none": (
            feed(*({**one, "id": f"urn:json:{n}", "date_published": d} for n, d in enumerate((*_DATES, 10**30, -1, [])))),
            len(_DATES) + 3,
        ),
    }  # fmt: skip


def headers() -> Table:
    """Headers beside a feed that is good."""
    good = rss(item()).encode()

    def sent(head: bytes) -> Raw:
        return Raw([b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n\r\n" % (len(good), head), good])

    return {
        "a cookie": (served(good, Set_Cookie="session=canary; Domain=127.0.0.1; Path=/"), 1),
        "an ETag with a line break": (sent(b'ETag: "a\r\n b"'), 1),
        "an ETag with NUL": (sent(b'ETag: "a\0b"'), "bad response"),
        "an ETag of 50 kB": (sent(b'ETag: "%b"' % (b"x" * 50_000)), 1),
        "an ETag in Latin-1": (sent(b'ETag: "\xe9\xff "'), 1),
        "a date of change that is none": (sent(b"Last-Modified: \x80 yesterday\x7f"), 1),
        "fresh for ever": (sent(b"Cache-Control: max-age=" + b"9" * 5000), 1),
        "an age of the universe": (sent(b"Age: -1\r\nExpires: Sat, 01 Jan 10000 00:00:00 GMT\r\nDate: x"), 1),
        "a type that is no type": (sent(b"Content-Type: " + b";" * 20_000), 1),
        "a type of a picture": (sent(b"Content-Type: image/png"), 1),
        "a refresh to a script": (sent(b"Refresh: 0; url=javascript:a()\r\nContent-Location: file:///etc/passwd"), 1),
        "links to no hubs": (sent(b'Link: <javascript:a()>; rel=hub, <file:///x>; rel="self' + b"<" * 20_000), 1),
        "wait for ever": (Response(b"", 503, {"Retry-After": "9" * 5000}), "http 503"),
        "wait until 9999": (Response(b"", 429, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}), "http 429"),
        "the status 999": (Raw([b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n"]), "http 999"),
        "the status 200 of nobody": (Raw([b"HTTP/1.1 204 No Content\r\n\r\n"]), "http 204"),
        "unchanged, though new": (Response(b"", 304), "http 304"),
        "gone": (Response(b"", 410), "http 410"),
        "a challenge": (
            Response(b"<html><title>Just a moment...</title>", 403, {"cf-mitigated": "challenge"}), "blocked",
        ),
        "a page of RSSHub's": (served(_RSSHUB, "text/html"), "not a feed"),
        "a page of RSSHub's, 503": (Response(_RSSHUB.encode(), 503, {"Content-Type": "text/html"}), "http 503"),
        "a login": (served("<html><body><form action=javascript:a()><input type=password>"), "not a feed"),
    }  # fmt: skip


_RSSHUB = (
    "<html><title>Welcome to RSSHub!</title><h1>Looks like something went wrong</h1><code>NotFoundError</code></html>"
)

PLACES = (
    "http://{n}:{port}/", "http://0x{n:08x}:{port}/", "http://0{n:o}:{port}/", "http://127.{low}:{port}/",
    "http://127.9.{last}:{port}/", "http://[::ffff:127.9.9.9]:{port}/", "http://[::127.9.9.9]:{port}/",
    "http://[64:ff9b::127.9.9.9]:{port}/", "http://[2002:7f09:909::1]:{port}/",
    "http://me@127.9.9.9:{port}/", "http://LOCALHOST:{port}/", "http://0:{port}/", "http://[::]:{port}/",
    "//127.9.9.9:{port}/", "http://example.org@127.9.9.9:{port}/", "http://127.9.9.9:{port}",
)  # fmt: skip
"""Ways to write the address of the canary, which nobody allows: 127.9.9.9, or any of loopback, on its port."""
_FAR = (
    "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://10.255.255.1/", "http://192.168.257/",
    "http://100.64.0.1/", "http://[fe80::1%25lo]/", "http://255.255.255.255/", "http://224.0.0.1/",
)  # fmt: skip
_NO_PLACES = {
    "file:///etc/passwd": "bad redirect", "gopher://127.9.9.9/_x": "bad redirect", "ftp://127.9.9.9/": "bad redirect",
    "data:application/xml,<rss/>": "bad redirect", "javascript:alert(1)": "bad redirect",
    "http://xn--a/": "bad redirect", "http://a..b/": "dns", "http://１２７.9.9.9/": "bad redirect", "http://127.9.9.9:99999/": "bad redirect",
    "http://[::1/": "bad redirect", "ws://127.9.9.9/": "bad redirect", "dict://127.9.9.9:11211/stat": "bad redirect",
    "http://" + "a" * 300 + "/": "dns", "///127.9.9.9/x": "http 404",
    "jar:http://127.9.9.9!/": "bad redirect", "\\\\127.9.9.9\\x": "http 404",
}  # fmt: skip


def _to(where: str, status: int = 302) -> Response:
    return Response(b"", status, {"Location": where.encode("utf-8", "replace").decode("latin-1")})


def redirects(port: int) -> Table:
    """Redirects to where nobody may go; the canary listens on `port`. What is relative stays at home, and is not there."""
    number = 0x7F090909
    places = [each.format(n=number, low=number & 0xFFFFFF, last=number & 0xFFFF, port=port) for each in PLACES]
    page = "<html><link rel=alternate type=application/rss+xml href='{}'>"
    return {
        "to itself": (_to("", 301), "redirect loop"),
        **{f"to {where}": (_to(where, 301 + n % 2), "private address") for n, where in enumerate((*places, *_FAR))},
        **{f"to {where[:40]}": (_to(where, 307), ends) for where, ends in _NO_PLACES.items()},
        "to nowhere": (Response(b"", 302), "bad redirect"),
        "to a line break": (Raw([b"HTTP/1.1 302 x\r\nLocation: /a\r\n\tb\r\nContent-Length: 0\r\n\r\n"]), "http 404"),
        "to a page, with a cookie": (
            Response(b"", 302, {"Location": "/none", "Set-Cookie": "a=b; Path=/"}),
            "http 404",
        ),
        "to 100 kB": (_to("/" + "x" * 60_000), "http 404"),
        "announces the canary": (served(page.format(f"http://127.9.9.9:{port}/"), "text/html"), "private address"),
        "announces a file": (served(page.format("file:///etc/passwd"), "text/html"), "not a feed"),
    }


def endless(server: Server, path: str) -> str:
    """Have redirects at a path that lead on and on. Returns how that ends."""
    for number in range(10):
        server.script(path + "x" * number, lambda request: _to(f"{request.path}x"))
    return "redirect loop"
