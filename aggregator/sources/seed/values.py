"""The fields of front matter: a block of YAML, TOML or JSON as names and texts. Pure; the door to python-frontmatter.

Whatever the notation, every value comes out as text: YAML would make 1200 of `12_00` and False of `no`. Where a block
is not valid, it is read field by field, and what no parser takes even so is taken by its lines.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import TypeAlias

import yaml
from frontmatter.default_handlers import YAMLHandler

try:
    from yaml import CBaseLoader as TextLoader
except ImportError:  # PyYAML without libyaml
    from yaml import BaseLoader as TextLoader  # type: ignore[assignment]  # the same interface, slower

Value: TypeAlias = str | list["Value"] | dict[str, "Value"]
Problem: TypeAlias = tuple[int, str]

MAX_BLOCK = 64_000
"""Characters of YAML that go to the parser. 30,000 nested `[` overflow libyaml's stack and end the process."""
_MAX_DEPTH, _MAX_BRACKETS = 50, 200
_KNOWN = (
    "title|date|updated|lastmod|categor(?:y|ies)|tags?|authors?|layout|permalink|draft|published|comments|description"
    "|excerpt|summary|slug|url|link|thumbnail|headimg|image|cover|photos|keywords|lang|language|toc"
)
KEYS = {
    # A colon needs a blank behind it, but `title:Foo` and a full-width colon are common slips.
    "yaml": re.compile(rf"([\"']?)(?:(?=(?i:{_KNOWN})[\"']?[ \t]*[:：])|(?=[\w.-]+[\"']?[ \t]*:(?:\s|$)))"
                       r"([^\W\d][\w.-]*)\1[ \t]*[:：](?!//)[ \t]*(.*)"),
    "toml": re.compile(r"[ \t]*([\"']?)([\w.-]+)\1[ \t]*=[ \t]*(.*)"),
    "json": re.compile(r"[ \t]*(\")([^\"]+)\"[ \t]*:[ \t]*(.*)"),
}  # fmt: skip
"""How the line of a field begins: a quote, the name, and what stands behind the colon."""
ITEM = re.compile(r"[ \t]*-(?:[ \t]+(.*)|$)")
_TEXTS = {"title", "author", "authors", "category", "categories", "tag", "tags", "description", "excerpt", "summary"}


@dataclass(frozen=True, slots=True)
class Chunk:
    """The lines of one field: its name, the line it begins on, what stands behind the colon, and the lines below."""

    key: str
    line: int
    first: str
    rest: tuple[str, ...]
    raw: str


def chunks(kind: str, lines: Sequence[str], start: int, end: int) -> list[Chunk]:
    """Cut a block into its fields. A line that begins no field belongs to the one above it."""
    heads: list[tuple[int, re.Match[str]]] = []
    for number in range(start, end):
        if kind == "toml" and lines[number].lstrip().startswith("["):
            end = number  # a table of its own: nothing that we read
            break
        if match := KEYS[kind].match(lines[number]):
            heads.append((number, match))
    found = []
    for (number, match), following in zip(heads, [*(n for n, _ in heads[1:]), end], strict=False):
        rest = tuple(x for x in lines[number + 1 : following] if not x.startswith("#"))
        found.append(Chunk(match[2].lower(), number + 1, match[3].strip(), rest, "\n".join(lines[number:following])))
    return found


def any_known(keys: Iterable[str]) -> bool:
    """Whether one of these names is a usual one of front matter; else it may be any text with a colon."""
    return any(re.fullmatch(_KNOWN, key) for key in keys)


def read(kind: str, block: str, start: int, found: Sequence[Chunk]) -> tuple[dict[str, Value] | None, Problem]:
    """The fields of a block, or None when it is no front matter; and what is wrong with it, or "".

    `start` is the line of the file that the block begins on, `found` are its `chunks`.
    """
    try:
        loaded = _load(kind, block)
        line, why = 0, "no list of `key: value`" if loaded else ""
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        loaded, (line, why) = None, _reason(error)
    if isinstance(loaded, dict):
        fields = {key.lower(): value for key, value in loaded.items()}
        if kind == "yaml":
            fields |= {chunk.key: _mended(chunk, fields[chunk.key]) for chunk in found if chunk.key in fields}
        return fields, (start, "")
    if any_known(chunk.key for chunk in found):
        alone = [(chunk, _alone(kind, chunk, len(block))) for chunk in found]
        where = next((chunk.line for chunk, value in alone if value is None), start + line)
        fields = {chunk.key: _by_lines(chunk) if value is None else value for chunk, value in alone}
        return fields, (where, f"the front matter is not valid {kind.upper()} ({why}); read line by line")
    if why:
        return None, (start + line, f"what stands between the fences is no front matter ({why}); it is read as text")
    return {}, (start, "")


def json_object(text: str) -> tuple[dict[str, Value] | None, int]:
    """The fields of the JSON object that a text begins with, and where it ends; (None, 0) when there is none."""
    blank = len(text) - len(text.lstrip())
    try:
        loaded, end = _JSON.raw_decode(text, blank)
        fields = _text(loaded)
    except (ValueError, RecursionError):
        return None, 0
    return ({key.lower(): value for key, value in fields.items()}, end) if isinstance(fields, dict) else (None, 0)


# --- Parsers --------------------------------------------------------------------------------------------------------

_DEEP = re.compile(r"(?:[-?:][ \t]++){30}")
# An anchor, an alias or a tag where a value begins: almost always a name such as `&Co`, which YAML would swallow.
_INDICATED = re.compile(r"^[ \t]*+(?:-[ \t]++)*+(?:[^\s:#\"']++:[ \t]++)?[\[{ \t]*+[&*!][^\s]", re.MULTILINE)
_ANCHOR, _ALIAS = re.compile(r"[\s\[{,:]&[^\s,\[\]{}]"), re.compile(r"[\s\[{,:]\*[^\s,\[\]{}]")


_JSON = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def _load(kind: str, block: str) -> Value | None:
    """A whole block by its parser. Raises ValueError, RecursionError or YAMLError."""
    if kind == "yaml":
        return _yaml(block)
    if kind == "toml":
        return _text(tomllib.loads(block, parse_float=str))
    braces = block if block.lstrip().startswith("{") else f"{{{block.rstrip().rstrip(',')}}}"
    return _text(_JSON.decode(braces))


def _yaml(block: str) -> Value | None:
    """YAML with every scalar as text. What would harm the parser or hide text is refused with ValueError before."""
    if len(block) > MAX_BLOCK:
        raise ValueError(f"more than {MAX_BLOCK:,} characters")
    if block.count("[") + block.count("{") > _MAX_BRACKETS or _DEEP.search(block):
        raise ValueError("nested too deeply")
    if _INDICATED.search(block) or (_ANCHOR.search(block) and _ALIAS.search(block)):
        raise ValueError("anchors, aliases and tags are not supported")
    return _text(YAMLHandler().load(block, Loader=TextLoader))


def _text(value: object, depth: int = 0) -> Value | None:
    """What a parser gave, with text for every scalar; an empty block stays None. Raises ValueError when it is deep."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        return {str(key): _text(each, depth + 1) or "" for key, each in value.items()}
    if isinstance(value, list):
        return [_text(each, depth + 1) or "" for each in value]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):
        return value.isoformat()
    return None if value is None else str(value)


def _reason(error: Exception) -> tuple[int, str]:
    """The line within the block (from 0) and the words of a parser's error."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return error.problem_mark.line, error.problem or error.context or "broken"
    if isinstance(error, json.JSONDecodeError):
        return error.lineno - 1, error.msg
    if isinstance(error, RecursionError):
        return 0, "nested too deeply"
    line = re.search(r" \(at line (\d+), column \d+\)", str(error))
    return int(line[1]) - 1 if line else 0, str(error).partition("\n")[0].partition(" (at ")[0]


# --- Fields of a block that is not valid ----------------------------------------------------------------------------


def _alone(kind: str, chunk: Chunk, size: int) -> Value | None:
    """One field by its parser, where it is valid on its own. The lists and texts of TOML and JSON are also YAML's."""
    if kind != "yaml":
        text = " ".join((chunk.first, *(line.strip() for line in chunk.rest)))
        return _scalar(text.rstrip(" ,}" if kind == "json" else " "))
    try:
        loaded = _yaml(chunk.raw) if size <= MAX_BLOCK else None
    except (ValueError, RecursionError, yaml.YAMLError):
        loaded = None
    if isinstance(loaded, dict) and len(loaded) == 1:
        return _mended(chunk, next(iter(loaded.values())))
    return None


def _by_lines(chunk: Chunk) -> Value:
    """The value of a field that no parser takes: a list where `- ` begins its lines, else its lines as one text."""
    below = [line.strip() for line in chunk.rest if line.strip()]
    if not chunk.first and below and ITEM.match(below[0]):
        items: list[str] = []
        for line in below:
            if item := ITEM.match(line):
                items.append(item[1] or "")
            else:
                items[-1] += " " + line
        return [_scalar(item) for item in items]
    first = "" if re.fullmatch(r"[|>][+-]?", chunk.first) else chunk.first
    text = " ".join((first, *below)).strip()
    return _unquote(text) if chunk.key == "title" else _scalar(text)


def _scalar(text: str) -> Value:
    """A value on one line: a quoted text, a list or mapping in brackets, or the text as it stands."""
    if text[:1] in ("'", '"', "[", "{"):
        try:
            return _yaml(text) or ""
        except (ValueError, RecursionError, yaml.YAMLError):
            pass
    return _unquote(text)


def _unquote(text: str) -> str:
    """Take quotes off that only wrap, however many: `\"\"'x'\"\"` is x, `'it's'` is it's; `"a" or "b"` stays."""
    for _ in range(60):
        if len(text) < 2 or text[0] != text[-1] or text[0] not in "\"'" or not _wraps(text[0], text[1:-1]):
            break
        text = text[1:-1].strip()
    return "" if text in ('"', "'") else text


def _wraps(quote: str, inner: str) -> bool:
    """Whether quotes around `inner` belong together; they do not when one within already closes the first."""
    at = inner.find(quote)
    if at < 1 or inner[-1] in "\"'" or inner.count(quote) % 2:
        return True
    return inner[at - 1].isspace() or inner[at + 1].isalnum()


def _mended(chunk: Chunk, value: Value) -> Value:
    """Text that YAML takes for something else: `title: [Draft]`, `author: {me}`, and `#5` in `Issue #5` (a comment)."""
    flow = chunk.first[:1] in ("[", "{")
    if (chunk.key == "title" and not isinstance(value, str)) or (
        chunk.key in ("author", "description") and isinstance(value, dict) and flow and not any(value.values())
    ):
        return _unquote(" ".join((chunk.first, *(line.strip() for line in chunk.rest))).strip())
    if chunk.key in _TEXTS and re.search(r"(?:^|\s)#[^\s#]", "\n".join((chunk.first, *chunk.rest)), re.MULTILINE):
        return _uncommented(value, _by_lines(chunk), chunk.key == "title")
    return value


def _uncommented(value: Value, line: Value, whole: bool) -> Value:
    """`value` with the end that YAML took for a comment, when that is all that `line` has more."""
    if isinstance(value, list) and isinstance(line, list) and len(value) == len(line):
        return [_uncommented(each, other, True) for each, other in zip(value, line, strict=True)]
    if isinstance(value, str) and isinstance(line, str) and (value or whole) and line.startswith(value):
        return line if re.match(r"\s*#[^\s#]", line[len(value) :]) else value
    return value
