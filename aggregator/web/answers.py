"""What a request for a document is answered, by what it says that it has and takes. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime

from aggregator import media
from aggregator.web.documents import Document

_SHOWN = ("application/rss+xml", "application/atom+xml")
"""Feeds that a browser shows with their stylesheet when they are called application/xml, and else offers to save."""
_FEEDS = (*_SHOWN, "application/feed+json")
_OPEN = (*_FEEDS, "text/x-opml")
"""What pages of other sites may read (https://fetch.spec.whatwg.org/#cors-protocol)."""


METHODS = ("GET", "HEAD", "OPTIONS")
_ARCHIVE = re.compile(r"(?:.*/)?archive-[0-9]+/[^/]*")  # as output names them; no category can


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for the whole tree: the media types of documents by their file names, the public URL of the tree with
    a slash at its end, for how many seconds an answer stays fresh, the URLs of WebSub hubs, and what is said of a
    document that is `missing`."""

    types: Mapping[str, str]
    base_url: str
    max_age: int
    hubs: tuple[str, ...] = ()
    missing: str = "There is no such document."

    def media_type(self, name: str) -> str:
        """The media type of a file."""
        return media.media_type(name, self.types)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; one to HEAD is the same without its body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def answer(document: Document, path: str, asked: Mapping[str, str], terms: Terms) -> Answer:
    """200 with the document, or 304; `path` is its URL below the tree, `asked` the request's headers in lower case.

    Each form in which a document is sent has an ETag of its own (RFC 9110 §8.8.3.3).
    """
    media_type = terms.media_type(path.rpartition("/")[2])
    vary = []
    tag = document.digest
    sent = media_type
    if media_type in _SHOWN:
        vary.append("Accept")
        if _is_browser(asked.get("accept", ""), media_type):
            sent, tag = "application/xml", f"{tag}-xml"
    gzipped = False
    if document.gzipped:
        vary.append("Accept-Encoding")
        gzipped = _takes_gzip(asked.get("accept-encoding", ""))
        tag = f"{tag}-gzip" if gzipped else tag
    headers = {
        "ETag": f'"{tag}"',
        "Last-Modified": formatdate(document.modified, usegmt=True),
        "Cache-Control": media.cache_control(terms.max_age),
        "X-Content-Type-Options": "nosniff",
    }
    if vary:
        headers["Vary"] = ", ".join(vary)
    if media_type in _OPEN:
        headers["Access-Control-Allow-Origin"] = "*"
    if media_type in _FEEDS and terms.hubs and not _ARCHIVE.fullmatch(path):  # WebSub §4; an archive never changes
        links = [f'<{hub}>; rel="hub"' for hub in terms.hubs]
        headers["Link"] = ", ".join([*links, f'<{terms.base_url}{path}>; rel="self"'])
    if _has_it(asked, tag, document.modified):
        return Answer(304, headers)
    headers["Content-Type"] = media.content_type(sent)
    if gzipped:
        headers["Content-Encoding"] = "gzip"
    return Answer(200, headers, document.gzipped if gzipped else document.data)


def permitted(path: str, terms: Terms) -> Answer:
    """What may be done with a document (RFC 9110 §9.3.7); of feeds that other sites' pages may ask, too, with headers
    such as If-None-Match (https://fetch.spec.whatwg.org/#cors-preflight-fetch)."""
    headers = {"Allow": ", ".join(METHODS), "X-Content-Type-Options": "nosniff"}
    if terms.media_type(path.rpartition("/")[2]) in _OPEN:
        headers["Access-Control-Allow-Origin"] = "*"
        headers["Access-Control-Allow-Methods"] = headers["Allow"]
        headers["Access-Control-Allow-Headers"] = "*"
        headers["Access-Control-Max-Age"] = "86400"
    return Answer(204, headers)


def _has_it(asked: Mapping[str, str], tag: str, modified: int) -> bool:
    """Whether the one who asks has this already. A date counts only where no tag is given (RFC 9110 §13.2.2)."""
    if "if-none-match" in asked:
        match = asked["if-none-match"]
        return match.strip() == "*" or tag in re.findall(r'"([^"]*)"', match)  # W/ makes no difference (§13.1.2)
    try:
        since = parsedate_to_datetime(asked.get("if-modified-since", ""))
        return modified <= (since if since.tzinfo else since.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):  # no date is as none given (§13.1.3)
        return False


def _is_browser(accept: str, media_type: str) -> bool:
    """Whether someone wants to look at a feed rather than to read it: asks for web pages, and not for such feeds."""
    wanted = dict(_qualities(accept))
    return wanted.get("text/html", 0) > 0 and not wanted.get(media_type)


def _takes_gzip(accept: str) -> bool:
    """Whether gzip is taken, and liked no less than none (RFC 9110 §12.5.3); where nothing is said, it is not sent."""
    wanted = dict(_qualities(accept))
    quality = wanted.get("gzip", wanted.get("x-gzip", wanted.get("*", 0.0)))
    return quality > 0 and quality >= wanted.get("identity", 0.0)


def _qualities(header: str) -> Iterator[tuple[str, float]]:
    """The values of a list with their weights, 1 where none is given, 0 where it is none (RFC 9110 §12.4.2)."""
    for part in header.lower().split(","):
        value, *parameters = (each.strip() for each in part.split(";"))
        weights = [each.partition("=")[2].strip() for each in parameters if re.match(r"q\s*=", each)]
        valid = re.fullmatch(r"0(\.\d{0,3})?|1(\.0{0,3})?", weights[0], re.ASCII) if weights else None
        yield value, 1.0 if not weights else float(weights[0]) if valid else 0.0
