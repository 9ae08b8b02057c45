"""Does an entry have what a rule asks for? Pure; the one door to RE2, which takes linear time on any text.

Texts are compared folded: NFKC and case fold, without characters that show nothing and that hide a word. A word of a
script with spaces is found as a whole word, one of a script without (Chinese, Japanese, Thai, and Korean, where
particles are joined to words) anywhere.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from gettext import gettext as _
from typing import Any
from urllib.parse import unquote

from aggregator.model import CategoryPath, Item, Match
from aggregator.text import one_line, plain

_HIDING = re.compile("[\xad\u180e\u200b\u2060\ufeff]")
_ENOUGH = 1_000_000  # characters of a text that are looked at


@lru_cache(maxsize=16)
def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", _HIDING.sub("", text))


@lru_cache(maxsize=16)
def fold(text: str) -> str:
    """A text in the form in which it is compared: on one line, case and width of letters make no difference."""
    before = ""
    while text != before:  # casefold undoes NFKC now and then
        before, text = text, _normal(text).casefold()
    return " ".join(text.split())


@lru_cache(maxsize=4096)
def fold_path(path: CategoryPath) -> CategoryPath:
    """A category path in the form in which it is compared."""
    return tuple(fold(name) for name in path)


def spelled(path: CategoryPath) -> str:
    """A category path as people are told it."""
    return " / ".join(path) or "everything"


# --- Words and regular expressions ----------------------------------------------------------------------------------

# Scripts whose words are not set apart: those without spaces, and Hangul, where particles follow a word directly.
_JOINED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\uff00-\uffef\U00020000-\U0003ffff"
)
_LETTER = rf"[^\W{_JOINED}]"
_MEMORY = 1 << 17  # bytes for a compiled expression: bounds its size, and so the time that each character takes


def is_regex(said: str) -> bool:
    """Whether a text of a rule is a regular expression between slashes."""
    return len(said) > 2 and said[0] == said[-1] == "/"


@lru_cache(maxsize=1024)
def _word(word: str) -> re.Pattern[str]:
    """A folded word, not inside another one of its script."""
    left = f"(?<!{_LETTER})" if re.match(_LETTER, word) else ""
    right = f"(?!{_LETTER})" if re.match(_LETTER, word[-1]) else ""
    return re.compile(left + re.escape(word) + right)


def _has_word(text: str, word: str) -> bool:
    """Whether a folded text has a folded word. A mark behind it (a vowel of Hindi) makes it another word."""
    if word not in text:  # much quicker than the pattern
        return False
    pattern, at = _word(word), 0
    while found := pattern.search(text, at):
        after = text[found.end() : found.end() + 1]
        if not after or unicodedata.category(after)[0] != "M" or re.match(f"[{_JOINED}]", after):
            return True
        at = found.start() + 1
    return False


@lru_cache(maxsize=256)
def _regex(said: str) -> Any:
    """`/re/`, compiled; what is not ASCII in it is a letter in the form in which texts are. Raises ValueError."""
    import re2  # only who writes one pays for it

    body = unicodedata.normalize("NFC", said[1:-1])
    body = "".join(char if char.isascii() else re.escape(unicodedata.normalize("NFKC", char)) for char in body)
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(body, options)
    except re2.error as error:
        (why,) = error.args
        raise ValueError(why.decode(errors="replace") if isinstance(why, bytes) else str(why)) from error


def check(said: str) -> None:
    """Raises ValueError when a text of a rule is neither a word nor a regular expression."""
    if not fold(said):
        raise ValueError(_("is empty; write a word, or a regular expression such as '/re/'"))
    if is_regex(said):
        try:
            _regex(said)
        except ValueError as error:
            raise ValueError(_("is no regular expression of RE2 ({why}); mend it").format(why=error)) from error


def _found(said: str, text: str) -> bool:
    text = text[:_ENOUGH]
    if is_regex(said):
        return bool(_regex(said).search(_normal(text).encode(errors="replace")))
    return _has_word(fold(text), fold(said))


def _equal(said: str, name: str) -> bool:
    return _found(said, name) if is_regex(said) else fold(said) == fold(name)


# --- An entry -------------------------------------------------------------------------------------------------------


def why(match: Match, item: Item, first_seen: datetime, paths: Iterable[CategoryPath]) -> str | None:
    """In words, why an entry has all that is asked ("its title has `x`"), or None when something is missing.

    `paths` are the categories of ours that it is in, `first_seen` is when we saw it first. An entry without a date
    counts as new when it was first seen; one that says only when it was updated was published then.
    """
    reasons = []
    for reason in _reasons(match, item, first_seen, tuple(paths)):
        if not reason:
            return None
        reasons.append(reason)
    return " and ".join(reasons) or "it asks for nothing"


def _reasons(match: Match, item: Item, first_seen: datetime, paths: tuple[CategoryPath, ...]) -> Iterator[str]:
    """For each thing that is asked, cheap ones first, how the entry has it, or ""."""
    if match.enclosure is not None:
        said = "it has an enclosure" if match.enclosure else "it has no enclosure"
        yield said if bool(item.enclosures) == match.enclosure else ""
    if match.older is not None or match.younger is not None:
        yield from _ages(match, first_seen - (item.published or item.updated or first_seen))
    if match.language:
        yield next((f"its language is `{each}`" for each in match.language if _speaks(item.language, each)), "")
    if match.within:
        yield next((f"it is in {spelled(each)}" for each in match.within if _is_within(each, paths)), "")
    if match.category:
        names = [name for tag in item.tags for name in (tag.term, tag.label) if name]
        names += [name for path in paths for name in (*path, "/".join(path))]
        yield _first("its category is", match.category, names, _equal)
    if match.title:
        yield _first("its title has", match.title, [item.title])
    if match.author:
        yield _first("its author has", match.author, [author.name for author in item.authors])
    if match.link:
        yield _first("its link has", match.link, [item.url, unquote(item.url)])
    if match.text:
        yield _first("its text has", match.text, [_text(item.content) or item.summary])


@lru_cache(maxsize=4)
def _text(content: str) -> str:
    return plain(content)


def _first(words: str, wanted: Iterable[str], texts: list[str], test: Any = _found) -> str:
    return next((f"{words} `{one_line(each, 80)}`" for each in wanted for text in texts if test(each, text)), "")


def _ages(match: Match, age: timedelta) -> Iterator[str]:
    if match.older is not None:
        yield "it was too old when it was first seen" if age > match.older else ""
    if match.younger is not None:
        yield "it was young when it was first seen" if age < match.younger else ""


def _speaks(language: str, wanted: str) -> bool:
    """Whether a language tag is in a range of languages (basic filtering, RFC 4647 §3.3.1)."""
    return f"{language}-".casefold().startswith(f"{wanted}-".casefold())


def _is_within(above: CategoryPath, paths: Iterable[CategoryPath]) -> bool:
    folded = fold_path(above)
    return any(fold_path(path[: len(above)]) == folded for path in paths)
