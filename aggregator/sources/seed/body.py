"""The body of a post, Markdown or HTML, becomes clean HTML; with what else it tells: a title, an excerpt. Pure."""

import re
from functools import cache
from html import escape

from markdown_it import MarkdownIt

from aggregator import html, text

_BLOCK = re.compile(
    r"\s*<(address|article|aside|blockquote|center|details|div|dl|figure|footer|h[1-6]|header|main|nav|ol|p|pre|section"
    r"|table|ul)(?=[\s>])([^>]*)>",
    re.IGNORECASE,
)
_MARKDOWN_INSIDE = re.compile(r"[ \t]*\n[ \t]*\n {0,3}(?:#{1,6} |[-*+] |\d{1,9}[.)] |>|```|~~~|\*\*|!?\[)")
_RAW = r"\{%-?[ \t]*(?:end)?raw[ \t]*-?%\}"
_RAW_LINE, _RAW_TAG = re.compile(rf"^[ \t]*+{_RAW}[ \t]*\n", re.MULTILINE), re.compile(_RAW)
_ENTRY = re.compile(r"\s*<div class=\"e-content\">(.*)</div>\s*", re.DOTALL)
_MORE = re.compile(r"<!--[ \t]{0,9}more[ \t]{0,9}-->", re.IGNORECASE)
_HEADING = re.compile(r"<h([1-6])(?: [^>]*)?>(.*?)</h\1>", re.DOTALL)
_PAGE_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,1000})", re.IGNORECASE)
_MASKED = str.maketrans(dict.fromkeys('\\:/?|“”<>*"', "_"))
_DATA = re.compile(r"data:[a-z]+/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=]*+")
_TOO_LONG, _BRACKETS = 500_000, 5_000


def render(body: str, base: str = "", is_html: bool = False) -> tuple[str, str]:
    """The body as clean HTML, and the beginning above `<!-- more -->` as plain text ("" without that mark).

    `base` resolves relative links and pictures. `is_html` says that the file is no Markdown. Markdown is CommonMark
    with tables and strikethrough. The tags `{% raw %}` and `{% endraw %}` vanish, others stay as text. A `<div>` of
    class e-content around all of it (microformats.org, h-entry), as our own posts have it, is no part of the content.
    """
    if "{%" in body:
        body = _RAW_TAG.sub("", _RAW_LINE.sub("", body))
    as_html = is_html or _is_html(body)
    if as_html and (entry := _ENTRY.fullmatch(body)):
        body = entry[1]
    more = _MORE.search(body)
    excerpt = ""
    if more:
        before = body[: more.start()]
        excerpt = text.summarise(before if as_html else _markdown(before), 1000)
    return html.clean(body if as_html else _markdown(body), base), excerpt


def _is_html(body: str) -> bool:
    """Whether the body of a Markdown post is one piece of HTML from its first tag to its last.

    In CommonMark a blank line ends an HTML block, and deeply indented HTML below it would come out as a block of code.
    """
    first = _BLOCK.match(body)
    if not first or not body.rstrip()[-20:].lower().endswith(f"</{first[1].lower()}>"):
        return False
    if "markdown" in first[2] or _MARKDOWN_INSIDE.match(body, first.end()):
        return False
    depth = 0
    for tag in re.finditer(rf"<(/?){first[1]}(?=[\s>])[^>]*>", body, re.IGNORECASE):
        depth = max(0, depth - 1) if tag[1] else depth + 1
        if depth == 0 and not re.compile(r"\s*+(?:<|\Z)").match(body, tag.end()):
            return False
    return True


@cache
def _commonmark() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).enable(["table", "strikethrough"])


def is_heavy(body: str) -> bool:
    """Whether a body costs too much as Markdown: that takes seconds for a megabyte, and quadratic time for `[`.

    Pictures as data: URIs, which some editors write, cost next to nothing.
    """
    long = len(body) > _TOO_LONG and len(_DATA.sub("", body)) > _TOO_LONG
    many = body.count("[") > _BRACKETS and any(part.count("[") > _BRACKETS for part in body.split("\n\n"))
    return (long or many) and not _is_html(body)


def _markdown(body: str) -> str:
    """Markdown as HTML, not yet clean; a body that is too heavy comes out as the paragraphs of its text."""
    if is_heavy(body):
        return "".join(f"<p>{escape(part, quote=False)}</p>\n" for part in body.split("\n\n"))
    return str(_commonmark().render(body))


def heading(content: str) -> str:
    """The first heading of clean HTML as plain text, or ""."""
    found = _HEADING.search(content) if "<h" in content else None
    return text.plain(found[2], 500) if found else ""


def page_title(body: str) -> str:
    """The <title> of an HTML page as plain text, or ""."""
    found = _PAGE_TITLE.search(body[:20_000])
    return text.plain_title(found[1]) if found else ""


def restore_title(title: str, content: str) -> str:
    """Undo `_` for `: / ? | “ ”` in a title, as some generators write it, when the content says what stood there.

    It does when its first heading or its first words are the title but for those characters, else the title stays.
    A title that was cut ("...") keeps its cut.
    """
    stem = title.rstrip(".… ")
    if "_" not in title or len(stem.replace("_", "")) < 4:
        return title
    first = heading(content)
    if first.translate(_MASKED) == title:
        return first
    begins = text.plain(content[: 20 * len(title) + 2000], len(title) + 100)[: len(stem)]
    return begins + title[len(stem) :] if begins.translate(_MASKED) == stem else title
