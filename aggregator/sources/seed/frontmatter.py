"""Front matter: the fields at the head of a post, as Hexo, Hugo and Jekyll write them. Pure, never raises.

YAML between `---` (Hexo also without the first fence), TOML between `+++`, JSON as `{ ... }` or before `;;;`.
This module finds where it begins and ends; values.py says what stands in it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from aggregator.sources.seed import values
from aggregator.sources.seed.values import ITEM, KEYS, Problem, Value

_MAX_LINES = 5_000
_FENCES = {
    "yaml": re.compile(r"(?:-{3,}|\.\.\.)\s*$"),
    "toml": re.compile(r"\+{3,}\s*$"),
    "json": re.compile(r";{3,}\s*$"),
}


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
        if values.any_known(front.fields):
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
    end, blank = start, False
    for number in range(start, min(len(lines), start + _MAX_LINES)):
        line = lines[number]
        if not line.strip():
            blank = True
            continue
        key = KEYS[kind].match(line)
        if blank or end == start:
            belongs = key is not None and values.any_known([key[2].lower()])
        else:
            belongs = bool(key or line[0] in " \t#]}" or ITEM.match(line))
        if not belongs:
            break
        end, blank = number + 1, False
    return end


def _block(kind: str, lines: Sequence[str], start: int, end: int, body: int) -> FrontMatter:
    """Read lines[start:end] as fields; the body begins at lines[body]."""
    chunks = values.chunks(kind, lines, start, end)
    fields, problem = values.read(kind, "\n".join(lines[start:end]), start + 1, chunks)
    problems = [problem] if problem[1] else []
    if fields is None:
        return FrontMatter(body="\n".join(lines[max(start - 1, 0) :]), problems=tuple(problems))
    where = {chunk.key: chunk.line for chunk in chunks}
    if kind != "json" and (twice := [chunk for chunk in chunks if chunk.line != where[chunk.key]]):
        names = ", ".join(f"`{key}`" for key in list(dict.fromkeys(chunk.key for chunk in twice))[:5])
        problems.append((twice[0].line, f"{names} more than once in the front matter; the last one counts"))
    return FrontMatter(kind, fields, where, "\n".join(lines[body:]), tuple(problems))


def _without_twin(front: FrontMatter, line: int) -> FrontMatter:
    """Drop a second front matter at the head of the body (on `line`): some editors leave the old one there."""
    lines = front.body.split("\n", 2 * _MAX_LINES)
    if lines[0].strip() != "---" or not (close := _closing(lines, 1, "yaml")):
        return front
    twin = _block("yaml", lines, 1, close, close + 1)
    if not {"title", "date"} <= twin.fields.keys() & front.fields.keys():
        return front
    return replace(front, body=twin.body, problems=(*front.problems, (line, "a second front matter is left out")))


def _json_object(text: str, start: int) -> FrontMatter:
    """A post that begins with `{`: JSON front matter as Hugo has it, or a text such as `{% raw %}`."""
    lines = text.split("\n")
    fields, end = values.json_object(text)
    if fields is None:
        close = next((n for n in range(start, min(len(lines), start + _MAX_LINES)) if lines[n].rstrip() == "}"), 0)
        if close and re.match(r'\s*\{\s*"', text):
            return _block("json", lines, start, close + 1, close + 1)
        return FrontMatter(body=text)
    chunks = values.chunks("json", lines, start, text.count("\n", 0, end) + 1)
    body = re.sub(r"\A[ \t]*(?:\n;{3,}[ \t]*)?\n?", "", text[end:])
    return FrontMatter("json", fields, {chunk.key: chunk.line for chunk in chunks}, body)
