"""Lists of RSSHub's routes below headings: category, source, and name of each route. Pure.

So does the system keep them whose posts are our seeds: in YAML whose comments are the headings, and in the Markdown of
RSSHub's own documentation, where each route has an example; and so do people write them down in Markdown of their own
(`is_note`), with other addresses among them.

    slect:                                   # 新媒体
    #新媒体
    ##快科技（原驱动之家）                   ## 快科技（原驱动之家） <Site url="mydrivers.com"/>
    ###最新新闻                              ### 最新新闻
     - /kkj/news                             <Route author="A" example="/kkj/news" path="/kkj/:of?"/>
    # - /kkj/hot
"""

import html
import re
from collections.abc import Iterator
from gettext import gettext as _

from aggregator.importing.listed import Each, Listed, listed, lost
from aggregator.importing.routes import feed_of

_HEADING = re.compile(r"(#{1,3})(?!#)\s*(\S.*)")
_TAG = re.compile(r"^[ \t]*<Route\s", re.MULTILINE)
_EXAMPLE = re.compile(r"\bexample[\"']?\s*[:=]\s*[\"']([^\"']+)[\"']")
_NESTED = re.compile(r"^##[ \t]+\S", re.MULTILINE)
_NOTED = re.compile(r"(#+)[ \t]+(\S.*)")  # a heading of Markdown; without a blank it is none
_ENTRY = re.compile(
    r"(?:[-*+]\s+|\d+[.)]\s+)?(?:(?:路由|route)\s*[:：]\s*)?([`'\"]?)"
    r"((?P<route>/\w|rsshub://|https?://rsshub\.app/)?(?(route)|https?://)[^\s`'\"]*)\1(?:\s+#.*)?",
    re.IGNORECASE,
)
"""A line of a note: a route, or an address, with what people write before it."""
_LINK = re.compile(r"\[([^\[\]]*)\]\(([^\s()]+)\)")
_MARKUP = re.compile(r"<[^<>]*>|\[([^\[\]]*)\]\([^()]*\)")


def nests(text: str) -> bool:
    """Whether there are headings of Markdown below others; a mere `# text` may be a comment."""
    return _NESTED.search(text) is not None


def heading(line: str) -> tuple[int, str]:
    """The level of a line that is a heading of Markdown, and what it says; 0 for what is none, or is commented out."""
    found = _NOTED.fullmatch(line)
    name = _MARKUP.sub(r"\1", found[2]).strip() if found else ""
    is_one = found and re.search(r"\w", name) and not _ENTRY.match(name) and not _item(name)
    return (len(found[1]), name) if found and is_one else (0, "")


def _entry(row: str) -> tuple[str, re.Match[str]] | None:
    """The name of a line's link, "" where it has none, and the line as `_ENTRY` has it; None for another line."""
    link = _LINK.search(row)
    found = _ENTRY.fullmatch(row[: link.start()] + link[2] + row[link.end() :] if link else row)
    return (link[1] if link else "", found) if found else None


def is_note(text: str) -> bool:
    """Whether a document is such a list in Markdown: at least half of what stands below the headings are routes and
    addresses, alone on their lines or links there, and one is a route. newsboat's tags behind addresses make it none.
    Where no heading is below another, what begins with `#` may be comments on bare addresses, so one route is none."""
    is_nested = nests(text)
    if not is_nested and not any(heading(line.strip()[:10_000])[0] for line in text.split("\n")):
        return False
    rows = [line.strip()[:10_000] for line in text.split("\n") if re.search(r"\w", line) and line.lstrip()[0] != "#"]
    entries = [(row, found[1]) for row in rows if (found := _entry(row))]
    is_plain = not any(
        re.match(r"\S+://\S+\s", row) or re.search(r":(\s|$)", row) for row in rows if not _entry(row)
    )  # else the names are those of a mapping, or there are tags
    has_route = any(found["route"] and (is_nested or not re.match(r"\w+://", row)) for row, found in entries)
    return is_plain and has_route and 2 * len(entries) >= len(rows)


def read_note(text: str) -> Iterator[Each]:
    """What each line of Markdown has. The title of what is neither a route nor a link is that of the feed."""
    names = ["", "", ""]
    place = _("line {number}")
    for number, row in enumerate(text.split("\n"), start=1):
        where, line = place.format(number=number), row.strip()[:10_000]
        level, name = heading(line)
        if level > len(names):
            yield lost(where, line, _("is a heading below three others; categories have three levels here"))
        elif level:
            names[level - 1 :] = [name, *[""] * (len(names) - level)]
        elif line.startswith("#") or not re.search(r"\w", line):
            continue
        elif not (found := _entry(line)):
            yield lost(where, line, _("is no route"))
        elif found[1]["route"]:
            yield feed_of(where, list(filter(None, names)), found[1][2], found[0].strip())
        else:
            yield listed(Listed(where, found[1][2], found[0], categories=(tuple(names),)))


def is_one(text: str) -> bool:
    """Whether a document can only be such a list: one of routes, and with no other levels than headings."""
    if not re.search(r"^##[^#]", text, re.MULTILINE):
        return False
    if _TAG.search(text):
        return True
    first, *others = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")] or [""]
    is_flat = not any(re.search(r":(\s|$)", line) for line in others)  # else the names are those of a mapping
    is_listed = any(_item(line).startswith(("/", "rsshub://")) for line in others)
    return is_flat and is_listed and re.fullmatch(r"\w+:\s*", first) is not None


def read(text: str) -> Iterator[Each]:
    """What each line has; what is commented out is passed over, as is the prose of Markdown."""
    names = ["", "", ""]
    is_markdown = _TAG.search(text) is not None
    place = _("line {number}")
    for number, line in enumerate(text.split("\n"), start=1):
        where, line = place.format(number=number), line[:100_000]
        if heading := _HEADING.fullmatch(line):
            level, name = len(heading[1]), _MARKUP.sub(r"\1", heading[2]).strip()
            if re.search(r"\w", name) and not _item(name):
                names[level - 1 :] = [name, *[""] * (3 - level)]
        elif is_markdown and _TAG.match(line):
            example = _EXAMPLE.search(line)
            written = list(filter(None, names))
            if example:
                yield feed_of(where, written, html.unescape(example[1]))
            else:
                yield lost(where, line, _("has no example"))
        elif is_markdown or not line.strip() or re.fullmatch(r"#.*|\w+:\s*", line):
            continue
        elif item := _item(line):
            yield feed_of(where, list(filter(None, names)), item)
        else:
            yield lost(where, line, _("is no route"))


def _item(line: str) -> str:
    """What a line is that is an item of a list, without quotes and a comment; "" for another."""
    bare = line.strip()
    if not bare.startswith(("- ", "-\t")):
        return ""
    value = bare[1:].partition(" #")[0].strip()
    return value[1:-1] if len(value) > 1 and value[0] in "'\"" and value[0] == value[-1] else value
