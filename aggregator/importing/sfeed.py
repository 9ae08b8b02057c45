"""sfeed's `sfeedrc` (https://codemadness.org/sfeed.html): a shell script whose function `feeds` names them. Pure.

It is read, never run: what is no plain line `feed NAME URL [PAGE [ENCODING]]` is told.
"""

import re
import shlex
from collections.abc import Iterator
from gettext import gettext as _

from aggregator.importing.listed import Each, Listed, listed, lost

_FUNCTION = re.compile(r"\s*(?:function\s+)?([\w-]+)\s*\(\s*\)\s*(.*)")

_QUOTED = re.compile(r"""'[^']*'|"[^"$`\\]*\"""")  # what the shell leaves as it is


def is_one(line: str) -> bool:
    """Whether a line can only be one of such a file."""
    return re.match(r"feeds\s*\(\s*\)|feed\s+[\"'\w]", line) is not None


def read(text: str) -> Iterator[Each]:
    """What each line has; of another function its name."""
    inside = ""  # the name of the function whose body this is
    place = _("line {number}")
    for number, line in enumerate(text.split("\n"), start=1):
        where, bare = place.format(number=number), line.strip()
        if function := _FUNCTION.fullmatch(line):
            inside, rest = function[1], function[2].strip().removeprefix("{").strip()
            if inside != "feeds":
                yield lost(where, f"{inside}()", _("is a function of the shell, which is not run"))
            elif rest and not rest.startswith("#"):
                yield lost(where, line, _("is no plain line of a feed"))
        elif not bare or bare.startswith("#") or bare == "{":
            continue
        elif line.startswith("}") or (bare == "}" and inside == "feeds"):
            inside = ""
        elif inside in ("feeds", "") and re.match(r"feed\s", bare):
            yield from _feed(where, bare)
        elif inside in ("feeds", ""):
            yield lost(where, line, _("is no plain line of a feed"))


def _feed(where: str, line: str) -> Iterator[Each]:
    words = _words(line)
    if not 3 <= len(words) <= 5:
        yield lost(where, line, _("is no plain line of a feed"))
        return
    __, name, url, *rest = words
    made = listed(Listed(where, url, name, page=rest[0] if rest else ""))
    yield made
    if isinstance(made, Listed) and rest[1:]:
        yield lost(where, made.title, _("its encoding is not taken over; it is found out with each visit"))


def _words(line: str) -> list[str]:
    """The words of a command without anything that the shell would replace; none for another."""
    if len(line) > 10_000 or re.search(r"[$`\\]", _QUOTED.sub("", line)):
        return []
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, "#"
    try:
        words = list(lexer)
    except ValueError:  # a quote that is not closed
        return []
    return words if not any(set(word) <= set("();<>|&") for word in words if word) else []
