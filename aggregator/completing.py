"""What a shell may offer for the word SOURCE: titles and addresses of sources, word by word.

What is offered goes into a command line as it is, and titles come from outside: those with anything in them that a
shell could take for more than a letter are left out.
"""

import re
from collections.abc import Iterable, Sequence

from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.store import sources as stored
from aggregator.store.engine import looking

_WORD = r"[\w.,+%/][\w.,+%/-]*"
_HARMLESS = re.compile(rf"{_WORD}( {_WORD})*")


def offered(config: Config, before: Sequence[str], begun: str) -> tuple[str, ...]:
    """What may follow the words `before` where the next one has `begun` so."""
    return following(names(config), before, begun)


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
    """What is left of each harmless name that begins with these words and the beginning of one, from that one on.

    Case counts where any has it so: a zsh replaces what was typed by what all have in common, be it nothing.
    """
    typed = " ".join([*before, begun]).casefold()
    start = sum(len(word) + 1 for word in before)
    fitting = (name for name in names if name.casefold().startswith(typed) and _HARMLESS.fullmatch(name))
    rests = sorted({name[start:] for name in fitting if len(name) > start})
    return tuple([rest for rest in rests if rest.startswith(begun)] or rests)
