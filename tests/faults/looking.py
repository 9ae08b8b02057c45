"""What a published document must never hold, looked for with lxml, which has no part in cleaning."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote

from lxml import etree, html

from tests import conformance_json, conformance_opml
from tests.conformance import check

SCHEMES = ("http", "https", "mailto")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER = _names(
    "script style iframe frame frameset object embed applet base link meta form input button textarea select option"
    " svg math template noscript title body head html plaintext xmp noembed noframes portal dialog slot"
)
_OURS = _names("html head body title meta link")
_ADDRESSES = _names("href src poster cite action formaction background data longdesc ping manifest usemap")
_STRANGE = _names("style srcdoc http-equiv")
_ODD = re.compile("[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\ufeff]+")
_ATOM = "{http://www.w3.org/2005/Atom}"
_HTML = ("description", "{http://purl.org/rss/1.0/modules/content/}encoded", f"{_ATOM}content")


def dangers(fragment: str) -> Iterator[str]:
    """What a browser could run, submit or load in HTML that stands in a page of somebody else."""
    if "<" in fragment:
        try:
            root = html.fragment_fromstring(fragment, create_parent="div")
        except (etree.ParserError, ValueError) as error:
            yield f"unreadable: {error}"
            return
        yield from _within(root, frozenset())


def _within(root: etree._Element, ours: frozenset[str]) -> Iterator[str]:
    """The same in a tree; `ours` are elements that our own pages have, whose addresses may be relative."""
    for element in root.iter():
        if not isinstance(element.tag, str):
            yield f"<!{str(element.text)[:40]!r}"
            continue
        if ":" in element.tag or element.tag in _NEVER - ours:
            yield f"<{element.tag}>"
        for name, value in ((str(name).lower(), str(value)) for name, value in element.items()):
            strange = name.startswith("on") or (name in _STRANGE and element.tag not in ours)
            addresses = [value] if name.rpartition(":")[2] in _ADDRESSES else value.split(", ") * (name == "srcset")
            if strange or not all(_is_fine(each, relative=bool(ours)) for each in addresses):
                yield f"<{element.tag} {name}={value[:60]!r}>"


def _is_fine(value: str, *, relative: bool) -> bool:
    """Whether an address leads to the web, as the laxest of browsers would read it."""
    scheme, colon, _ = _ODD.sub("", value).partition(":")
    return scheme.lower() in SCHEMES if colon and re.fullmatch(r"[^/?#]*", scheme) else relative


# --- Whole documents ------------------------------------------------------------------------------------------------


def feed(data: bytes, kind: str, url: str) -> list[str]:
    """RSS or Atom."""
    found = check(data, kind, url)
    if found and found[0].startswith("NotWellFormed"):
        return found
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    said = {each.text or "" for each in root.iter(*_HTML) if _is_html(each)}
    return found + [why for each in said for why in dangers(each)]


def _is_html(element: etree._Element) -> bool:
    """Whether a text is HTML: not where Atom says otherwise, and not what a channel says of itself."""
    parent = element.getparent()
    return element.get("type", "html") == "html" and parent is not None and parent.tag != "channel"


def json_feed(data: bytes, url: str) -> list[str]:
    """JSON Feed."""
    found = conformance_json.check(data, url)
    return found + [why for each in json.loads(data)["items"] for why in dangers(each.get("content_html", ""))]


def page(data: bytes, _: str = "") -> list[str]:
    """A page of ours, which has a head of its own."""
    root = html.document_fromstring(data.decode())
    policies = [each.get("content") or "" for each in root.iter("meta") if each.get("http-equiv")]
    bad = [] if len(policies) == 1 and "default-src 'none'" in policies[0] else ["no policy"]
    return bad + [why for why in _within(root, _OURS) if "http-equiv" not in why]


def post(data: bytes, _: str = "") -> list[str]:
    """A post: front matter whose values are all quoted, and HTML."""
    found = re.fullmatch(r"---\n(.*?\n)---\n\n(.*)", data.decode(), re.DOTALL)
    return list(dangers(re.sub(r"\{%.*?%\}", "", found[2]))) if found else [f"no front matter: {data[:80]!r}"]


CHECKS: Mapping[str, Callable[[bytes, str], list[str]]] = {
    "rss.xml": lambda data, url: feed(data, "rss", url),
    "atom.xml": lambda data, url: feed(data, "atom", url),
    "feed.json": json_feed,
    ".opml": lambda data, _: conformance_opml.check(data),
    ".html": page,
    ".md": post,
}


def problems(files: Mapping[str, bytes], base_url: str) -> list[str]:
    """Everything that is wrong with a published tree, each with its document."""
    judged = [(name, judge) for name in files for end, judge in CHECKS.items() if name.endswith(end)]
    return [f"{name}: {why}" for name, judge in judged for why in judge(files[name], base_url + quote(name))]
