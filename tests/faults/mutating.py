"""Documents that are broken in all sorts of ways, each made again from its number. Pure.

    mutant(17, bases)      # always the same, for the same bases

A document is changed as a str of its bytes (latin-1), so that every byte can be anything.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.faults import nasty

Mutation = Callable[[Random, str, Sequence[str]], str]
"""How a document becomes another; the last argument are documents to take pieces of."""

_TAG = re.compile(r"</?([A-Za-z][\w:.-]*)")
_START = re.compile(r"<[A-Za-z][\w:.-]*")
_ATTRIBUTE = re.compile(r"([\w:]+)=(\"[^\"<]*\"|'[^'<]*')")
_TEXT = re.compile(r">([^<>]+)<|\"([^\"<>{}\[\]:,]{2,})\"")
_URL = re.compile(r"(?:https?|tag|urn|mailto):[^\s\"'<>\]]+")
_DATE = re.compile(r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{2,4}[ \d:+A-Z-]*|\d{4}-\d\d-\d\d[T \d:.+Z-]*")
_NAMESPACE = re.compile(r"xmlns(?::\w+)?=[\"']([^\"']*)[\"']")
_CHARSET = re.compile(r"encoding=[\"']([^\"']*)[\"']")
_VALUE = re.compile(r"(?<=[:\[,])\s*(?:\"(?:[^\"\\]|\\.)*\"|[-\d.eE]+|true|false|null)")
_ENTRY = re.compile(r"<(item|entry)\b.*?</\1>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A document as a server would send it."""

    number: int
    body: bytes
    content_type: str


def mutant(number: int, bases: Sequence[bytes]) -> Mutant:
    """The document of a number; neighbours have different bases."""
    chance = Random(number)
    body = mutated(chance, bases[number % len(bases)], bases, FOR_FEEDS)
    return Mutant(number, body, chance.choice(_TYPES).replace("*", _wire(chance.choice(nasty.CHARSETS))))


MANY = (1, 1, 2, 2, 3, 5, 8)
FEW = (1, 1, 1, 2, 3)


def mutated(
    chance: Random, body: bytes, others: Sequence[bytes], mutations: Sequence[Mutation], counts: Sequence[int] = MANY
) -> bytes:
    """A document after one or some mutations, of which there are as many as one of `counts` says."""
    text = body.decode("latin-1")
    for mutation in chance.choices(mutations, k=chance.choice(counts)):
        text = mutation(chance, text, [chance.choice(others).decode("latin-1")])[:100_000]
    return text.encode("latin-1")


_TYPES = (
    *("application/rss+xml", "application/atom+xml; charset=utf-8", "text/xml", "", "application/feed+json"),
    *("text/html; charset=*", "text/xml; charset=*", "application/xml;charset='*", "*", "image/png", "; ; charset==;"),
)


def _wire(text: str) -> str:
    """A nasty value as the bytes that a document holds."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _at(chance: Random, text: str) -> int:
    return chance.randint(0, len(text))


def _put(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _found(chance: Random, pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Some place of a pattern: the first one behind a point of chance."""
    return pattern.search(text, _at(chance, text)) or pattern.search(text)


def swap(pattern: re.Pattern[str], values: Sequence[str], group: int = 0) -> Mutation:
    """A place of a pattern gets another value."""

    def swap(chance: Random, text: str, _: Sequence[str]) -> str:
        found = _found(chance, pattern, text)
        return _put(text, *found.span(group), _wire(chance.choice(values))) if found else text

    return swap


def plant(values: Sequence[str]) -> Mutation:
    """A value anywhere within a text or a JSON string: as it is, escaped, in CDATA."""

    def plant(chance: Random, text: str, _: Sequence[str]) -> str:
        found = _found(chance, _TEXT, text)
        at = chance.randint(*found.span(1 if found[1] else 2)) if found else _at(chance, text)
        value = chance.choice(values)
        match chance.randrange(4):
            case 0:
                value = f"<![CDATA[{value}]]>"
            case 1:
                value = value.replace("&", "&amp;").replace("<", "&lt;")
            case 2:
                value = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return _put(text, at, at, _wire(value))

    return plant


# --- Bytes and pieces -----------------------------------------------------------------------------------------------


def flip(chance: Random, text: str, _: Sequence[str]) -> str:
    """Some bytes become others."""
    for _number in range(chance.choice((1, 1, 3, 20))):
        at = _at(chance, text)
        text = _put(text, at, at + 1, chr(chance.randrange(256)))
    return text


def insert(chance: Random, text: str, _: Sequence[str]) -> str:
    """Bytes that are no UTF-8, or only look so."""
    at = _at(chance, text)
    return _put(text, at, at, chance.choice(nasty.RAW).decode("latin-1"))


def cut(chance: Random, text: str, _: Sequence[str]) -> str:
    """A piece is gone: a few bytes, or all to the end."""
    at = _at(chance, text)
    return _put(text, at, at + chance.choice((1, 5, 50, 500, len(text))), "")


def double(chance: Random, text: str, _: Sequence[str]) -> str:
    """A piece stands there twice, or somewhere else as well."""
    at = _at(chance, text)
    piece = text[at : at + chance.choice((1, 10, 100, 1000))]
    where = chance.choice((at, _at(chance, text)))
    return _put(text, where, where, piece * chance.choice((1, 1, 2, 9)))


def splice(chance: Random, text: str, others: Sequence[str]) -> str:
    """It goes on as another document, anywhere or at a tag."""
    if not others:
        return text
    other = chance.choice(others)
    here, there = _at(chance, text), _at(chance, other)
    if chance.random() < 0.7:
        here, there = text.find("<", here), other.find("<", there)
    return text[:here] + other[there:]


def graft(chance: Random, text: str, others: Sequence[str]) -> str:
    """An entry, or any other piece, of another document within this one."""
    if not others:
        return text
    other = chance.choice(others)
    found = _found(chance, _ENTRY, other) or _found(chance, _ATTRIBUTE, other)
    place = _found(chance, chance.choice((_ENTRY, _START)), text)
    at = place.start() if place else _at(chance, text)
    return _put(text, at, at, found[0]) if found else text


# --- Markup ---------------------------------------------------------------------------------------------------------


def rename(chance: Random, text: str, _: Sequence[str]) -> str:
    """A tag, or all of its name, has another name."""
    found = _found(chance, _TAG, text)
    if not found:
        return text
    new = _wire(chance.choice(nasty.TAGS))
    if chance.random() < 0.5:
        return _put(text, *found.span(1), new)
    return re.sub(rf"(</?){re.escape(found[1])}(?=[\s/>])", lambda each: each[1] + new, text)


def unclose(chance: Random, text: str, _: Sequence[str]) -> str:
    """A tag is gone, or there is one more."""
    found = _found(chance, re.compile(r"<[^<>]*>"), text)
    return _put(text, *found.span(), chance.choice(("", found[0] * 2, found[0] * 300))) if found else text


def dress(chance: Random, text: str, _: Sequence[str]) -> str:
    """An element has one more attribute."""
    found = _found(chance, _START, text)
    return _put(text, found.end(), found.end(), " " + chance.choice(nasty.ATTRIBUTES)) if found else text


def undress(chance: Random, text: str, _: Sequence[str]) -> str:
    """An attribute is gone, or loses its quotes."""
    found = _found(chance, _ATTRIBUTE, text)
    return _put(text, *found.span(), chance.choice(("", found[1], f"{found[1]}={found[2][1:-1]}"))) if found else text


def comment(chance: Random, text: str, _: Sequence[str]) -> str:
    """A comment, section or instruction begins, or ends, or both."""
    at = _at(chance, text)
    marks = ("<!--", "-->", "<!-- <x -->", "<![CDATA[", "]]>", "<?x", "?>", "<!x", "<!DOCTYPE x>", "<![x[")
    return _put(text, at, at, chance.choice(marks))


def prolog(chance: Random, text: str, _: Sequence[str]) -> str:
    """Something in front of it, or instead of its declaration."""
    at = text.find("?>") + 2 if chance.random() < 0.7 and "?>" in text[:200] else 0
    return _wire(chance.choice(nasty.PROLOGS)) + (text[at:] if chance.random() < 0.5 else text)


def recode(chance: Random, text: str, _: Sequence[str]) -> str:
    """All of it in another encoding, whatever it says of that."""
    codec = chance.choice(("utf-16", "utf-16-be", "utf-32", "utf-8", "utf-8-sig", "gb18030", "cp037", "utf-7"))
    known = text.encode("latin-1").decode("utf-8", "replace")
    return known.encode(codec, "replace").decode("latin-1")


def empty(chance: Random, text: str, _: Sequence[str]) -> str:
    """A text is gone, or there for hundreds."""
    found = _found(chance, _TEXT, text)
    if not found:
        return text
    group = 1 if found[1] else 2
    return _put(text, *found.span(group), chance.choice(("", " ", found[group] * 50)))


GENERAL: tuple[Mutation, ...] = (
    *(flip, insert, cut, double, splice),
    plant(nasty.CHARACTERS),
    plant(nasty.MARKUP),
    swap(_URL, nasty.URLS),
    swap(_DATE, nasty.DATES),
)
"""What harms any text."""

FOR_FEEDS: tuple[Mutation, ...] = (
    *GENERAL,
    *(graft, rename, unclose, dress, undress, comment, prolog, recode, empty),
    *(plant(nasty.MARKUP),) * 3,
    *(plant(nasty.REFERENCES),) * 2,
    *(swap(_URL, nasty.URLS),) * 2,
    swap(_DATE, nasty.DATES),
    swap(_NAMESPACE, nasty.NAMESPACES, 1),
    swap(_CHARSET, nasty.CHARSETS, 1),
    swap(_TEXT, nasty.NUMBERS, 1),
    swap(_ATTRIBUTE, nasty.ATTRIBUTES),
    swap(_VALUE, nasty.JSON),
)
