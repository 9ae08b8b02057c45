"""newsboat's file `urls`, and a plain list of addresses, which is one without tags. Pure.

https://newsboat.org/releases/2.36/docs/newsboat.html: an address and its tags, apart by blanks, in quotes where there
are blanks in them; `~` begins a title, `!` hides a feed, `#` a comment.
"""

import re
from collections.abc import Iterator
from gettext import gettext as _

from aggregator.importing.headed import heading, nests
from aggregator.importing.listed import Each, Listed, listed, lost, slashed
from aggregator.languages import marked

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)"?|([^\s"]\S*)')
_ESCAPE = re.compile(r"\\(.)")
_BEGINNING = re.compile(r'"?(?:(?:https?|feed|file|gopher|rsshub)://|(?:query|exec|filter|feed):)', re.IGNORECASE)
_COMPUTED = {
    "query:": marked("is a query; a [[category]] with `of` and rules may stand for it"),
    "exec:": marked('runs a program; a [[source]] of kind = "command" may do that'),
    "filter:": marked('is changed by a program; rules may do that, or a [[source]] of kind = "command"'),
}


def is_one(line: str) -> bool:
    """Whether a line can only be one of such a list."""
    return _BEGINNING.match(line) is not None


def read(text: str) -> Iterator[Each]:
    """What each line has. Comments are passed over, but those that look like headings below headings are told."""
    place = _("line {number}")
    is_nested = nests(text)
    for number, line in enumerate(text.split("\n"), start=1):
        if is_nested and heading(line.strip()[:10_000])[0]:
            why = _("is a comment there, and makes no category; tags behind the addresses do")
            yield lost(place.format(number=number), line, why)
        tokens = list(_tokens(line.strip()))
        if tokens:
            yield from _line(place.format(number=number), line, tokens)


def _tokens(line: str) -> Iterator[str]:
    for found in _TOKEN.finditer(line[:10_000]):
        if (found[2] or "").startswith("#"):
            return
        yield found[2] or _ESCAPE.sub(r"\1", found[1] or "")


def _line(where: str, line: str, tokens: list[str]) -> Iterator[Each]:
    url, *tags = tokens
    for beginning, why in _COMPUTED.items():
        if url.lower().startswith(beginning):
            yield lost(where, line, _(why))
            return
    if not is_one(url):
        yield lost(where, line, _("is no address"))
        return
    titles = [tag[1:] for tag in tags if tag.startswith("~")]
    categories = tuple(slashed(tag) for tag in tags if tag[:1] not in ("~", "!"))
    made = listed(Listed(where, url, titles[-1] if titles else "", categories))
    yield made
    if isinstance(made, Listed) and any(tag.startswith("!") for tag in tags):
        yield lost(where, made.title or made.url, _("is hidden there; here its entries are shown"))
