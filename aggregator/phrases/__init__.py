"""What is kept in English, said in the reader's language when it is shown: why a source is visited when, how it stands,
what a visit came to, what the rules did.

Whoever makes these lines does not know who will read them: the store, logs and `--json` have them in English. So each
is known here by its pattern, which is a message of the domain `commands`. A line is taken apart at "; ", ": ", " and "
and ", ", what is known of it is said in the other language, and the rest stays as it is.

In a pattern `{number}` and `{all}` are numbers, `{why}` and `{rule}` are phrases themselves, and the others are names,
which are shown as they stand.
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache, lru_cache
from gettext import NullTranslations

from aggregator import languages
from aggregator.phrases import known
from aggregator.text import masked
from aggregator.values import span

JOINTS = ("; ", ": ", " and ", ", ")
_FIELD = re.compile(r"\{([a-z]+)\}")
_WHOLE = frozenset(each for each in known.PATTERNS if not _FIELD.search(each))
_PHRASES, _FREE = ("why", "rule"), ("error", "title", "source")
_FIELDS = dict.fromkeys(("number", "all"), "[0-9][0-9.,]*") | dict.fromkeys(("url", "other"), r"\S+")
_FIELDS |= dict.fromkeys((*_PHRASES, *_FREE), ".+") | {"length": "[0-9]+ [a-z]+"}
_MOST = 16  # joints of a kind in one line, and characters: longer ones are nothing that we would say
_LONGEST = 1_000


def speaker(catalog: NullTranslations) -> Callable[[str], str]:
    """What says a line of ours, or several, in the language of a catalog, without passwords in URLs; where that is
    English, it gives it as it is."""
    if type(catalog) is NullTranslations:
        return lambda line: line
    return lambda line: "\n".join(_said(catalog, each) for each in masked(line).split("\n"))


def of_terminal() -> Callable[[str], str]:
    """What says a line of ours to who reads the terminal."""
    return speaker(languages.terminals())


def length(value: timedelta) -> str:
    """A length of time, as `values.span` has it, for who reads the terminal."""
    return of_terminal()(span(value))


@lru_cache(maxsize=4096)
def _said(catalog: NullTranslations, line: str) -> str:
    return _joined(catalog, line, 0) if len(line) <= _LONGEST else line


def _joined(catalog: NullTranslations, line: str, depth: int) -> str:
    """A line whose parts are said, from one kind of joint on; runs of parts that are known as one, as one."""
    if depth == len(JOINTS):
        return _known(catalog, line) or line
    mark = JOINTS[depth]
    parts = line.split(mark)
    if len(parts) > _MOST:
        return line
    said: list[str] = []
    while parts:
        runs = ((mark.join(parts[:end]), end) for end in range(len(parts), 0, -1))
        whole, end = next(((found, end) for run, end in runs if (found := _known(catalog, run))), ("", 1))
        said.append(whole or _joined(catalog, parts[0], depth + 1))
        parts = parts[end:]
    return line if mark.join(said) == line else languages.joined(catalog.gettext(mark), *said)


def _known(catalog: NullTranslations, line: str) -> str:
    """A line that is one phrase, in the other language; "" for what is none."""
    if line in known.KINDS:
        return catalog.pgettext("trouble", line)
    if line in _WHOLE:
        return catalog.gettext(line)
    for pattern, piece in _patterns():
        if piece in line and (found := _compiled(pattern).fullmatch(line)):
            said = (*_PHRASES, "length")
            values = {n: _joined(catalog, each, 0) if n in said else each for n, each in found.groupdict().items()}
            return catalog.gettext(pattern).format(**values)
    return ""


@cache
def _patterns() -> tuple[tuple[str, str], ...]:
    """The patterns that have fields, that with most words of its own first; each with its longest piece between fields,
    as a regular expression is slow to find that it does not fit."""
    wanted = sorted(set(known.PATTERNS) - _WHOLE, key=lambda each: (-len(_FIELD.sub("", each)), each))
    return tuple((each, max(_FIELD.split(each)[::2], key=len)) for each in wanted)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(_regex(pattern)))


def _regex(pattern: str) -> Iterator[str]:
    """A regular expression, in pieces. A name goes over no joint, unless it is between quotes."""
    before = ""
    for number, part in enumerate(_FIELD.split(pattern)):
        if number % 2 == 0:
            yield re.escape(part)
            before = part[-1:]
        elif before in ("`", '"'):
            yield f"(?P<{part}>[^{before}]+)"
        elif part == "why" and before == "(":
            yield "(?P<why>[^()]+)"
        else:
            yield f"(?P<{part}>{_FIELDS.get(part, '(?:(?!; |: ).)+')})"
