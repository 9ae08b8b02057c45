"""Front matter: the fields at the head of a post, as Hexo, Hugo and Jekyll write them. Pure, never raises.

YAML between `---` (Hexo also without the first fence), TOML between `+++`, JSON as `{ ... }` or before `;;;`. Whatever
the notation, every value comes out as text: YAML would make 1200 of `12_00` and False of `no`. Where a block is not
valid, it is read field by field, and what no parser takes even so is taken by its lines.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
_MAX_LINES = 5_000
_FENCES = {
    "yaml": re.compile(r"(?:-{3,}|\.\.\.)\s*$"),
    "toml": re.compile(r"\+{3,}\s*$"),
    "json": re.compile(r";{3,}\s*$"),
}
_KNOWN = (
    "title|date|updated|lastmod|categor(?:y|ies)|tags?|authors?|layout|permalink|draft|published|comments|description"
    "|excerpt|summary|slug|url|link|thumbnail|headimg|image|cover|photos|keywords|lang|language|toc"
)
_KEYS = {
    # A colon needs a blank behind it, but `title:Foo` and a full-width colon are common slips.
    "yaml": re.compile(rf"([\"']?)(?:(?=(?i:{_KNOWN})[\"']?[ \t]*[:：])|(?=[\w.-]+[\"']?[ \t]*:(?:\s|$)))"
                       r"([a-zA-Z_][\w.-]*)\1[ \t]*[:：](?!//)[ \t]*(.*)", re.ASCII),
    "toml": re.compile(r"[ \t]*([\"']?)([\w.-]+)\1[ \t]*=[ \t]*(.*)"),
    "json": re.compile(r"[ \t]*(\")([^\"]+)\"[ \t]*:[ \t]*(.*)"),
}  # fmt: skip
_ITEM = re.compile(r"[ \t]*-(?:[ \t]+(.*)|$)")
_TEXTS = {"title", "author", "authors", "category", "categories", "tag", "tags", "description", "excerpt", "summary"}


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The head of a post and the rest of it.

    `kind` is "yaml", "toml", "json", or "" for a post without any. `fields` have lower-case names; `lines` says on
    which line of the file (from 1) a field begins. A problem is (line, what is wrong).
    """

    kind: str = ""
    fields: Mapping[str, Value] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    body: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The lines of one field: its name, the line it begins on, what stands behind the colon, and the lines below."""

    key: str
    line: int
    first: str
    rest: tuple[str, ...]
    raw: str


def parse(text: str) -> FrontMatter:
    """The fields and the body of a post. `text` is decoded, has no byte order mark, and LF for line ends."""
    lines = text.split("\n")
    start = next((n for n, line in enumerate(lines) if line.strip()), 0)
    opening = lines[start]
    if opening.lstrip().startswith("{"):
        return _json_object(text, start)
    kind = next((kind for kind, fence in _FENCES.items() if fence.match(opening) and opening[0] != "."), "")
    if kind:
        close = _closing(lines, start + 1, kind)
        if close:
            return _without_twin(_block(kind, lines, start + 1, close, close + 1), close + 2)
        end = _end_of_fields(lines, start + 1, kind)
        front = _block(kind, lines, start + 1, end, end)
        problem = (start + 1, f"the front matter has no closing `{opening.strip()}`; add it below the last field")
        if _any_known(front.fields):
            return replace(front, problems=(problem, *front.problems))
        return FrontMatter(body=text)  # a line drawn above a text, not a fence
    for kind in ("yaml", "json"):
        close = _closing(lines, start, kind)
        if close and not "".join(lines[_end_of_fields(lines[:close], start, kind) : close]).strip():
            return _block(kind, lines, start, close, close + 1)
    return FrontMatter(body=text)


def _closing(lines: Sequence[str], start: int, kind: str) -> int:
    """The number of the closing fence, or 0."""
    fence = _FENCES[kind]
    return next((n for n in range(start, min(len(lines), start + _MAX_LINES)) if fence.match(lines[n])), 0)


def _end_of_fields(lines: Sequence[str], start: int, kind: str) -> int:
    """The first line that cannot belong to the fields that begin at `start`: where an unfenced block ends."""
    pattern, known = _KEYS[kind], re.compile(rf"[\"']?(?i:{_KNOWN})\b")
    end, blank = start, False
    for number in range(start, min(len(lines), start + _MAX_LINES)):
        line = lines[number]
        if not line.strip():
            blank = True
            continue
        key = pattern.match(line)
        below = end > start and (line[0] in " \t#]}" or _ITEM.match(line))
        if (
            not (key or below)
            or (blank and not (key and known.match(line)))
            or (end == start and not known.match(line))
        ):
            break
        end, blank = number + 1, False
    return end


def _block(kind: str, lines: Sequence[str], start: int, end: int, body: int) -> FrontMatter:
    """Read lines[start:end] as fields; the body begins at lines[body]."""
    block = "\n".join(lines[start:end])
    chunks = _chunks(kind, lines, start, end)
    fields: dict[str, Value] = {}
    problems: list[Problem] = []
    try:
        loaded = _load(kind, block)
        line, why = 1, "no list of `key: value`" if loaded else ""
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        loaded, (line, why) = None, _reason(error)
    if isinstance(loaded, dict):
        fields |= {key.lower(): value for key, value in loaded.items()}
        fields |= {c.key: _mended(c, fields[c.key]) for c in chunks if c.key in fields and kind == "yaml"}
    elif _any_known(chunk.key for chunk in chunks):
        values = [(chunk, _alone(kind, chunk, len(block))) for chunk in chunks]
        fields |= {chunk.key: _by_lines(chunk) if value is None else value for chunk, value in values}
        where = next((chunk.line for chunk, value in values if value is None), start + line)
        problems.append((where, f"the front matter is not valid {kind.upper()} ({why}); read line by line"))
    elif why:
        why = f"what stands between the fences is no front matter ({why}); it is read as text"
        return FrontMatter(body="\n".join(lines[max(start - 1, 0) :]), problems=((start + line, why),))
    return _finished(kind, fields, chunks, "\n".join(lines[body:]), problems)


def _finished(
    kind: str, fields: dict[str, Value], chunks: list[_Chunk], body: str, problems: list[Problem]
) -> FrontMatter:
    """Say where the fields stand, and which stand there twice."""
    where = {chunk.key: chunk.line for chunk in chunks}
    if kind != "json" and (twice := [chunk for chunk in chunks if chunk.line != where[chunk.key]]):
        names = ", ".join(f"`{key}`" for key in list(dict.fromkeys(chunk.key for chunk in twice))[:5])
        problems.append((twice[0].line, f"{names} more than once in the front matter; the last one counts"))
    return FrontMatter(kind, fields, where, body, tuple(problems))


def _chunks(kind: str, lines: Sequence[str], start: int, end: int) -> list[_Chunk]:
    """Cut a block into its fields. A line that begins no field belongs to the one above it."""
    heads: list[tuple[int, re.Match[str]]] = []
    for number in range(start, end):
        if kind == "toml" and lines[number].lstrip().startswith("["):
            end = number  # a table of its own: nothing that we read
            break
        if match := _KEYS[kind].match(lines[number]):
            heads.append((number, match))
    chunks = []
    for (number, match), following in zip(heads, [*(n for n, _ in heads[1:]), end], strict=False):
        rest = tuple(x for x in lines[number + 1 : following] if not x.startswith("#"))
        chunks.append(_Chunk(match[2].lower(), number + 1, match[3].strip(), rest, "\n".join(lines[number:following])))
    return chunks


def _any_known(keys: Iterable[str]) -> bool:
    return any(re.fullmatch(_KNOWN, key) for key in keys)


def _without_twin(front: FrontMatter, line: int) -> FrontMatter:
    """Drop a second front matter at the head of the body (on `line`): some editors leave the old one there."""
    lines = front.body.split("\n", 2 * _MAX_LINES)
    if lines[0].strip() != "---" or not (close := _closing(lines, 1, "yaml")):
        return front
    twin = _block("yaml", lines, 1, close, close + 1)
    if not {"title", "date"} <= twin.fields.keys() & front.fields.keys():
        return front
    return replace(front, body=twin.body, problems=(*front.problems, (line, "a second front matter is left out")))


# --- Parsers --------------------------------------------------------------------------------------------------------

_DEEP = re.compile(r"(?:[-?:][ \t]++){30}")
# An anchor, an alias or a tag where a value begins: almost always a name such as `&Co`, which YAML would swallow.
_INDICATED = re.compile(r"^[ \t]*+(?:-[ \t]++)*+(?:[^\s:#\"']++:[ \t]++)?[\[{ \t]*+[&*!][^\s]", re.MULTILINE)
_ANCHOR, _ALIAS = re.compile(r"[\s\[{,:]&[^\s,\[\]{}]"), re.compile(r"[\s\[{,:]\*[^\s,\[\]{}]")


def _load(kind: str, block: str) -> Value | None:
    """A whole block by its parser. Raises ValueError, RecursionError or YAMLError."""
    if kind == "yaml":
        return _yaml(block)
    if kind == "toml":
        return _text(tomllib.loads(block, parse_float=str))
    braces = block if block.lstrip().startswith("{") else f"{{{block.rstrip().rstrip(',')}}}"
    return _text(_JSON.decode(braces))


_JSON = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def _yaml(block: str) -> Value | None:
    """YAML with every scalar as text. What would harm the parser or hide text is refused with ValueError before."""
    if len(block) > MAX_BLOCK:
        raise ValueError(f"more than {MAX_BLOCK:,} characters")
    if block.count("[") + block.count("{") > 200 or _DEEP.search(block):
        raise ValueError("nested too deeply")
    if _INDICATED.search(block) or (_ANCHOR.search(block) and _ALIAS.search(block)):
        raise ValueError("anchors, aliases and tags are not supported")
    return _text(YAMLHandler().load(block, Loader=TextLoader))


def _text(value: object) -> Value | None:
    """What a parser gave, with text for every scalar; None (an empty block) stays."""
    if isinstance(value, dict):
        return {str(key): _text(each) or "" for key, each in value.items()}
    if isinstance(value, list):
        return [_text(each) or "" for each in value]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):
        return value.isoformat()
    return None if value is None else str(value)


def _json_object(text: str, start: int) -> FrontMatter:
    """A post that begins with `{`: JSON front matter as Hugo has it, or a text such as `{% raw %}`."""
    head = text.lstrip()
    before = text[: len(text) - len(head)]
    try:
        loaded, end = _JSON.raw_decode(head)
    except (ValueError, RecursionError):
        lines = text.split("\n")
        close = next((n for n in range(start, min(len(lines), start + _MAX_LINES)) if lines[n].rstrip() == "}"), 0)
        if close and re.match(r'\{\s*"', head):
            return _block("json", lines, start, close + 1, close + 1)
        return FrontMatter(body=text)
    fields = {key.lower(): value for key, value in _text(loaded).items()}  # type: ignore[union-attr]  # `{` gives a dict
    lines = (before + head[:end]).split("\n")
    where = {chunk.key: chunk.line for chunk in _chunks("json", lines, start, len(lines))}
    body = re.sub(r"\A[ \t]*(?:\n;{3,}[ \t]*)?\n?", "", head[end:])
    return FrontMatter("json", fields, where, body)


def _reason(error: Exception) -> tuple[int, str]:
    """The line within the block (from 1) and the words of a parser's error."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return error.problem_mark.line + 1, error.problem or error.context or "broken"
    if isinstance(error, json.JSONDecodeError):
        return error.lineno, error.msg
    if isinstance(error, RecursionError):
        return 1, "nested too deeply"
    line = re.search(r" \(at line (\d+), column \d+\)", str(error))
    return int(line[1]) if line else 1, str(error).partition("\n")[0].partition(" (at ")[0]


# --- Fields of a block that is not valid ----------------------------------------------------------------------------


def _alone(kind: str, chunk: _Chunk, size: int) -> Value | None:
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


def _by_lines(chunk: _Chunk) -> Value:
    """The value of a field that no parser takes: a list where `- ` begins its lines, else its lines as one text."""
    below = [line.strip() for line in chunk.rest if line.strip()]
    if not chunk.first and below and _ITEM.match(below[0]):
        items: list[str] = []
        for line in below:
            if item := _ITEM.match(line):
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


def _mended(chunk: _Chunk, value: Value) -> Value:
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
