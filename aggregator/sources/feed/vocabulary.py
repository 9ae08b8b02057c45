"""The names that feedparser knows elements by, and what it does on them; walk.py does the same. Pure."""

from functools import lru_cache

# feedparser's names for the namespaces that count, in lower case; "" are those of RSS and Atom themselves.
ATOM, RSS1, RSS09 = (
    "http://www.w3.org/2005/atom",
    "http://purl.org/rss/1.0/",
    "http://my.netscape.com/rdf/simple/0.9/",
)
_SPACES = {
    "": "",
    RSS1: "",
    RSS09: "",
    ATOM: "",
    "http://backend.userland.com/rss": "",
    "http://blogs.law.harvard.edu/tech/rss": "",
    "http://example.com/newformat#": "",
    "http://example.com/necho": "",
    "http://purl.org/echo/": "",
    "uri/of/echo/namespace#": "",
    "http://purl.org/pie/": "",
    "http://purl.org/atom/ns#": "",
    "http://purl.org/rss/1.0/modules/rss091#": "",
    "http://creativecommons.org/ns#license": "cc",
    "http://web.resource.org/cc/": "cc",
    "http://cyber.law.harvard.edu/rss/creativecommonsrssmodule.html": "creativecommons",
    "http://backend.userland.com/creativecommonsrssmodule": "creativecommons",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://rssnamespace.org/feedburner/ext/1.0": "feedburner",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://example.com/dtds/podcast-1.0.dtd": "itunes",
    "http://search.yahoo.com/mrss": "media",
    "http://search.yahoo.com/mrss/": "media",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://wellformedweb.org/commentapi/": "wfw",
    "http://www.w3.org/1999/xhtml": "xhtml",
    "http://www.w3.org/1999/xlink": "xlink",
    "http://www.w3.org/xml/1998/namespace": "xml",
}


@lru_cache(maxsize=500)
def said_name(tag: str, prefix: str | None) -> str:
    """An element's name as feedparser's handlers are called: `title`, `dc_date`."""
    uri, local = tag[1:].rsplit("}", 1) if tag.startswith("{") else ("", tag)
    usual = space(uri)
    usual = (prefix or "") if usual is None else usual
    return f"{usual}_{local}".lower() if usual else local.lower()


def space(uri: str) -> str | None:
    """The usual prefix of a namespace, "" for RSS and Atom; None for one that feedparser does not know."""
    uri = uri.lower()
    return "" if "backend.userland.com/rss" in uri else _SPACES.get(uri)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Elements whose text is kept, under feedparser's name for it.
TEXTS = {
    **dict.fromkeys(("published", "issued", "pubdate", "dcterms_issued"), "published"),
    **dict.fromkeys(("created", "dcterms_created"), "created"),
    **dict.fromkeys(("updated", "modified", "lastbuilddate", "dc_date", "dcterms_modified"), "updated"),
    **dict.fromkeys(("rights", "copyright", "dc_rights"), "rights"),
    **dict.fromkeys(("language", "dc_language"), "language"),
    **dict.fromkeys(("subtitle", "tagline", "itunes_subtitle"), "subtitle"),
    **dict.fromkeys(("id", "guid"), "id"),
}
_BARE = _names(
    "comments enc_enclosure feedburner_origlink icon logo pheedo_origlink time webfeeds_icon webfeeds_logo"
    " wfw_commentrss"
)
# Elements that feedparser has no rule for: their text, or their attributes where they have any.
UNKNOWN = {name: name for name in _BARE} | {"date": "updated"}
RELATIVE = _names("comments icon id logo wfw_commentrss")
TITLES = _names("title dc_title media_title")
DESCRIPTIONS = _names("abstract dc_description description media_description")
SUMMARIES = _names("itunes_summary summary")
_BODIES = _names("body content content_encoded feedburner_browserfriendly fullitem info xhtml_body")
# Elements that may hold markup, which feedparser takes as text.
MARKUP = TITLES | DESCRIPTIONS | SUMMARIES | _BODIES
MARKUP |= _names("copyright dc_rights itunes_subtitle rights subtitle tagline")
CATEGORIES = _names("category dc_subject itunes_category keywords media_category")
# Lists with commas, and the scheme of their tags.
LISTS = {"itunes_keywords": "http://www.itunes.com/", "media_keywords": None, "tags": None}
BOXES = _names("image textinput")
IN_BOX = _names("description height href link name title url width")
# Names that stand for something of feedparser's own.
TRAPS = _names("authors channel contributors entries entry feed item links published_parsed rss updated_parsed")
# Inside of markup feedparser loses its place at the end of these.
HAZARDS = MARKUP | TRAPS | CATEGORIES | BOXES | LISTS.keys()
HAZARDS |= _names("author contributor guid id language source svg")
# Beside the channel, as in RDF, these say nothing.
NOTHING = _names("rdf_bag rdf_description rdf_li rdf_seq rdf_value taxo_topic taxo_topics")
