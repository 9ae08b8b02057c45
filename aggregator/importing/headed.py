"""Lists of RSSHub's routes below headings: category, source, and name of each route. Pure.

So does the system keep them whose posts are our seeds: in YAML whose comments are the headings, and in the Markdown of
RSSHub's own documentation, where each route has an example.

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

from aggregator.importing.listed import Each, lost
from aggregator.importing.routes import feed_of

_HEADING = re.compile(r"(#{1,3})(?!#)\s*(\S.*)")
_TAG = re.compile(r"^[ \t]*<Route\s", re.MULTILINE)
_EXAMPLE = re.compile(r"\bexample[\"']?\s*[:=]\s*[\"']([^\"']+)[\"']")
_MARKUP = re.compile(r"<[^<>]*>|\[([^\[\]]*)\]\([^()]*\)")


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
