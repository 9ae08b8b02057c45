"""Edits of the config's text that keep what its owner wrote: comments, order, blank lines, quotes and newlines.

Text to text, no file is touched. Tables of an array are counted from 1, as in messages: `source[2]` is the second
`[[source]]`. All that is added or taken away are whole lines; only where the owner wrote the array as a value,
`source = [{ ... }]`, the value itself is edited, by tomlkit. What comes out is read again, and says exactly what is
meant, or else ConfigError is raised. Texts are TOML, without a byte order mark.
"""

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from gettext import gettext as _
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from aggregator.config.toml import statements
from aggregator.errors import ConfigError

_TRIED = 20  # brackets and braces


def with_tables(toml: str, name: str, tables: Sequence[Mapping[str, object]]) -> str:
    """The text with further `[[name]]` tables behind those that are there, or at its end. Nothing else changes.

    A table's values are texts, numbers, bools, and lists and mappings of these: `{"url": "https://a.example/feed",
    "category": [["a", "b"], ["c"]]}`. They are written in their order. Raises ConfigError.
    """
    if not tables:
        return toml
    data = _said(toml)
    meant = data | {name: [*_listed(data, name), *map(_plain, tables)]}
    there = _tables(toml, name)
    if name in data and not there:
        try:
            return _checked(
                _in_array(toml, name, lambda array: [array.append(_inline(each)) for each in tables]), meant
            )
        except ConfigError:  # tomlkit puts commas into comments that stand behind the last table
            return _checked(_with_lines(toml, name, tables), meant)
    newline = "\r\n" if "\r\n" in toml else "\n"
    at = _end(toml, there)
    head, tail = toml[:at], toml[at:]
    before = "" if not head or head.endswith(("\n\n", "\n\r\n")) else newline
    before = before if not head or head.endswith("\n") else newline * 2
    after = newline if tail.strip("\r\n") and not tail.startswith(("\n", "\r\n")) else ""
    blocks = [newline.join(_block(name, each)) + newline for each in tables]
    return _checked(head + before + newline.join(blocks) + after + tail, meant)


def without_tables(toml: str, name: str, numbers: Collection[int]) -> str:
    """The text without these tables of an array: with the comments that stand in them or, without a blank line between,
    above them. Raises ConfigError."""
    data = _said(toml)
    kept = [each for number, each in enumerate(_listed(data, name), 1) if number not in numbers]
    meant = data | {name: kept}
    there = _tables(toml, name)
    if there:
        lines = _lines(toml)
        cut = [each for number in numbers for each in there[number - 1].ranges]
        for start, end in sorted(cut, reverse=True):
            _cut(lines, start, end)
        meant = meant if kept else {key: each for key, each in meant.items() if key != name}
        return _checked("".join(lines), meant)

    def remove(array: Any) -> None:
        for number in sorted(numbers, reverse=True):
            del array[number - 1]

    return _checked(_in_array(toml, name, remove), meant)


def with_key(toml: str, name: str, numbers: Collection[int], key: str, value: object) -> str:
    """The text with a key of these tables set to a value, or, where that is None, without it. Raises ConfigError."""
    data = _said(toml)
    meant = data | {name: [dict(each) for each in _listed(data, name)]}
    for number in numbers:
        meant[name][number - 1].pop(key, None)
        meant[name][number - 1] |= {} if value is None else {key: value}
    there = _tables(toml, name)
    if there:
        lines = _lines(toml)
        for number in sorted(numbers, reverse=True):
            _set(lines, there[number - 1], key, value)
        return _checked("".join(lines), meant)

    def change(array: Any) -> None:
        for number in numbers:
            if value is not None:
                array[number - 1][key] = value
            elif key in array[number - 1]:
                del array[number - 1][key]

    return _checked(_in_array(toml, name, change), meant)


# --- Where tables stand ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Table:
    """A `[[name]]` in the lines of a text, counted from 0: its header, its own keys, and all its lines, from-to.

    There may be several ranges, as `[name.sub]` may stand elsewhere.
    """

    header: int
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    ranges: list[tuple[int, int]] = field(default_factory=list)


def _tables(toml: str, name: str) -> list[_Table]:
    """The tables of an array that have headers of their own, in their order."""
    found: list[_Table] = []
    if not re.search(rf"^\s*\[\[.*{name}", toml, re.MULTILINE):
        return found  # a value of a thousand lines would be read a thousand times
    above = 0  # the first of the comments that touch what comes next
    ours = own = False  # whether this is in one of the tables; and in no table below it
    for line, statement, data in statements(toml):
        start, end = line - 1, line - 1 + statement.count("\n")
        said = statement.strip()
        if said.startswith("["):
            inner = (data or {}).get(name)
            own = isinstance(inner, list)
            ours = own or (inner is not None and bool(found))
            if own:
                found.append(_Table(start))
            if ours:
                found[-1].ranges.append((above, end))
        elif said and not said.startswith("#") and ours:
            found[-1].ranges[-1] = (found[-1].ranges[-1][0], end)
            if own:
                found[-1].keys |= dict.fromkeys(data or {}, (start, end))
        elif not said and ours and found[-1].ranges[-1][1] == above:  # comments that touch what is above them alone
            found[-1].ranges[-1] = (found[-1].ranges[-1][0], start)
        if not said.startswith("#"):
            above = end
    return found


def _end(toml: str, there: Sequence[_Table]) -> int:
    """Where a further table belongs: behind the last one, or at the end where only comments follow that."""
    lines = _lines(toml)
    last = max((end for each in there for _, end in each.ranges), default=len(lines))
    if all(not line.strip() or line.lstrip().startswith("#") for line in lines[last:]):
        return len(toml)
    return len("".join(lines[:last]))


def _lines(toml: str) -> list[str]:
    """The lines of a text, each with its end."""
    return re.findall(r"[^\n]*\n|[^\n]+", toml)


def _cut(lines: list[str], start: int, end: int) -> None:
    """Take lines out, and the blank ones that stood between them and what follows."""
    above = start == 0 or not lines[start - 1].strip()
    while above and end < len(lines) and not lines[end].strip():
        end += 1
    del lines[start:end]
    while start and start == len(lines) and not lines[-1].strip():  # nothing follows
        start -= 1
        del lines[-1]


def _set(lines: list[str], table: _Table, key: str, value: object) -> None:
    ending = "\r\n" if lines[table.header].endswith("\r\n") else "\n"
    is_ended = lines[-1].endswith("\n")
    lines[-1] += "" if is_ended else ending
    last = max((end for _, end in table.keys.values()), default=table.header + 1)
    start, end = table.keys.get(key, (last, last))
    comment = re.search(r"\s*#.*$", lines[end - 1].rstrip("\r\n")) if start < end and isinstance(value, bool) else None
    said = [] if value is None else [f"{_key(key)} = {written(value)}{comment[0] if comment else ''}{ending}"]
    lines[start:end] = said
    lines[-1] = lines[-1] if is_ended else lines[-1].rstrip("\r\n")


# --- What is written ------------------------------------------------------------------------------------------------


def _block(name: str, table: Mapping[str, object]) -> Iterator[str]:
    yield f"[[{_key(name)}]]"
    for key, value in table.items():
        yield f"{_key(key)} = {written(value)}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else tomlkit.string(name).as_string()


def written(value: object) -> str:
    """A value as TOML, in one line."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {written(each)}" for key, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(written, value))}]"
    return tomlkit.string(value).as_string() if isinstance(value, str) else tomlkit.item(value).as_string()


def _inline(table: Mapping[str, object]) -> Any:
    return tomlkit.value(written(table))


def _said(toml: str) -> dict[str, Any]:
    try:
        return tomllib.loads(toml)
    except (ValueError, RecursionError) as error:
        raise ConfigError(_("the config is no TOML ({why})").format(why=error)) from error


def _listed(data: Mapping[str, Any], name: str) -> list[Any]:
    """The tables of an array, none where it is not there."""
    tables = data.get(name, [])
    if isinstance(tables, list) and all(isinstance(each, dict) for each in tables):
        return tables
    raise ConfigError(_by_hand(name))


def _plain(value: Any) -> Any:
    """A value as tomllib would give it."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _in_array(toml: str, name: str, change: Callable[[Any], object]) -> str:
    """The text with a change of an array that is written as a value."""
    try:
        document = tomlkit.parse(toml)
        change(document[name])
        return tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError, LookupError) as error:
        raise ConfigError(_by_hand(name)) from error


def _with_lines(toml: str, name: str, tables: Sequence[Mapping[str, object]]) -> str:
    """The text with further tables of an array that is written as a value, each on a line of its own before its end.

    Where that is, and the end of its last table, is tried from the right: brackets may stand in comments as well.
    """
    lines = _lines(toml)
    for line, statement, data in statements(toml):
        if not data or [*data] != [name] or statement.lstrip().startswith("["):
            continue
        wanted = [*_listed(data, name), *map(_plain, tables)]
        newline = "\r\n" if "\r\n" in statement else "\n"
        new = "".join(f"  {written(each)},{newline}" for each in tables)
        for close in _from_right(statement, "]"):
            head, tail = statement[:close].rstrip(" \t"), statement[close:]
            head += "" if head.endswith("\n") else newline
            for brace in (None, *_from_right(head, "}")):
                before = head if brace is None else f"{head[: brace + 1]},{head[brace + 1 :]}"
                with suppress(ValueError):
                    if tomllib.loads(before + new + tail) == {name: wanted}:
                        after = lines[line - 1 + statement.count("\n") :]
                        return "".join(lines[: line - 1]) + before + new + tail + "".join(after)
    raise ConfigError(_by_hand(name))


def _from_right(text: str, char: str) -> list[int]:
    """Where a character stands in a text, the last few of its places."""
    return [found.start() for found in re.finditer(re.escape(char), text)][: -1 - _TRIED : -1]


def _checked(toml: str, meant: Mapping[str, Any]) -> str:
    """The text, if it says what is meant."""
    try:
        toml.encode()
        if _said(toml) == meant:
            return toml
    except (ValueError, ConfigError) as error:
        raise ConfigError(f"{_by_hand()} ({error})") from error
    raise ConfigError(_by_hand())


def _by_hand(name: str = "") -> str:
    """That a change of an array, or of the whole config, is not ours to make."""
    what = f"`{name}`" if name else _("the config")
    return _("{what} cannot be edited without touching more of it; change it by hand").format(what=what)
