"""What a shell may offer for the word SOURCE: titles and addresses of sources, word by word.

Titles come from outside, and what is offered goes into a command line: bash takes it as it is, so words with anything
in them that it could take for more than a letter are quoted here; zsh and fish quote by themselves.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.store import sources as stored
from aggregator.store.engine import looking

_HARMLESS = re.compile(r"[\w.,+%/][\w.,+%/-]*|-")
_OPTION = re.compile(r" (?: |-[^ ])")
_ACTIVE = {"'": "'", '"': '"$`\\!'}
"""What ends an open quote of bash, or is more than a letter within it."""


def offered(config: Config, before: Sequence[str], begun: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """What may follow the words `before` where the next one has `begun` so, for the shell that `environ` tells of."""
    found = following(names(config), before, begun)
    is_bash = environ.get("_AGGREGATOR_COMPLETE", "").startswith("bash")
    return tuple(for_bash(found, _open_quote(environ))) if is_bash else found


def names(config: Config) -> tuple[str, ...]:
    """What the sources are called: their titles, and their addresses without a scheme."""
    try:
        with looking(config.store) as db:
            titles = {key: each.feed.title for key, each in stored.standings(db).items()}
    except AggregatorError:  # no store yet, or not now
        titles = {}
    own = (each.title or titles.get(each.key, "") for each in config.sources)
    return (*own, *(re.sub(r"^\w+:(//)?", "", each.key) for each in config.sources))


def following(names: Iterable[str], before: Sequence[str], begun: str) -> tuple[str, ...]:
    """What is left of each name that begins with these words and the beginning of one, from that one on.

    Left out are names that a terminal could not show, or that come back otherwise: a word of theirs is an option.
    Case counts where any has it so: a zsh replaces what was typed by what all have in common, be it nothing.
    """
    typed = " ".join([*before, begun]).casefold()
    start = sum(len(word) + 1 for word in before)
    fitting = {name for name in names if name.casefold().startswith(typed) and len(name) > start}
    shown = (name for name in fitting if name.isprintable() and not _OPTION.search(f" {name} "))
    rests = sorted(name[start:] for name in shown)
    return tuple([rest for rest in rests if rest.startswith(begun)] or rests)


def for_bash(names: Iterable[str], opened: str = "") -> Iterator[str]:
    """The names as words of bash: each quoted where it has to be, or all within the quote that is `opened` already."""
    for name in names:
        if not opened:
            yield " ".join(map(_quoted, name.split(" ")))
        elif not set(name) & set(_ACTIVE[opened]):
            yield name


def _quoted(word: str) -> str:
    if _HARMLESS.fullmatch(word):
        return word
    return shlex.quote(word) if "'" not in word or set(word) & set(_ACTIVE['"']) else f'"{word}"'


def _open_quote(environ: Mapping[str, str]) -> str:
    """The quote that the word at the cursor has begun with in bash, "" for none."""
    words, at = environ.get("COMP_WORDS", "").split("\n"), environ.get("COMP_CWORD", "")
    word = words[int(at)] if at.isdecimal() and int(at) < len(words) else ""
    return word[0] if word[:1] in ("'", '"') and word.count(word[0]) % 2 else ""
