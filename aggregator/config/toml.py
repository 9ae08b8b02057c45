"""The config as a TOML document: read from its file, broken ones explained, and on which line each key stands."""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from gettext import gettext as _
from pathlib import Path
from typing import Any

from aggregator.errors import ConfigError, reason
from aggregator.languages import marked

MOST = 10_000_000
"""Bytes of a config; one with 10,000 sources has about one million."""

KeyPath = tuple[str | int, ...]
"""A key from the top down; tables of an array and entries of a list are counted from 1: ("source", 2, "url")."""


def read(file: Path) -> tuple[str, dict[str, Any]]:
    """The text of a TOML file, and what it says. Raises ConfigError, one line, when it is not there or no TOML."""
    raw = decode(file, read_bytes(file))
    return raw, parse(file, raw)


def parse(file: Path, raw: str) -> dict[str, Any]:
    """What a text says that is in the file, or is to be. Raises ConfigError, one line, when it is no TOML."""
    try:
        return tomllib.loads(raw)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
        line, why = _explain(raw, str(error))
        raise ConfigError(f"{file}:{line}: {why}") from error


def read_bytes(file: Path) -> bytes:
    """What is in a file. Raises ConfigError when there is none that can be read."""
    try:
        with file.open("rb") as opened:  # whatever it is, it may have no end
            data = opened.read(MOST + 1)
        if len(data) > MOST:
            raise ConfigError(
                _("{file}: is larger than {most} MB, which no config is; give the right file").format(
                    file=file, most=MOST // 10**6
                )
            )
        return data
    except FileNotFoundError:
        advice = _("run from the folder that holds config/, or give --config PATH")
        raise ConfigError(_("{file}: there is no such file; {advice}").format(file=file, advice=advice)) from None
    except IsADirectoryError:
        raise ConfigError(
            _("{file}: is a folder; give the file in it, such as {example}").format(
                file=file, example=file / "aggregator.toml"
            )
        ) from None
    except OSError as error:
        raise ConfigError(
            _("{file}: cannot be read ({why}); mend the path or its permissions").format(file=file, why=reason(error))
        ) from error


def decode(file: Path, data: bytes) -> str:
    """The text that a file's bytes are, without a byte order mark. Raises ConfigError when they are none."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(
            _("{file}:{line}: is not UTF-8 (byte {position}); save the file as UTF-8").format(
                file=file, line=line, position=error.start + 1
            )
        ) from error


# --- Where a key stands ---------------------------------------------------------------------------------------------


def lines(raw: str) -> Mapping[KeyPath, int]:
    """The line, from 1, of each key of a TOML document; within a statement of several lines, that of its beginning.

    tomllib does not say, so it is given each statement alone: a statement ends with a line (https://toml.io/en/v1.0.0).
    """
    found: dict[KeyPath, int] = {}
    counts: Counter[KeyPath] = Counter()
    table: KeyPath = ()
    for line, statement, data in statements(raw):
        if statement.lstrip().startswith("["):
            table = _header(data or {}, counts)
            for depth in range(1, len(table) + 1):
                found.setdefault(table[:depth], line)
        else:
            for path in _paths(data or {}):
                found.setdefault(table + path, line)
    return found


def statements(raw: str) -> Iterator[tuple[int, str, dict[str, Any] | None]]:
    """Each statement with its first line and what it says; None at the end stands for what cannot be read."""
    statement, start = "", 1
    for number, line in enumerate(raw.split("\n"), start=1):
        statement += line + "\n"
        try:
            data = tomllib.loads(statement)
        except (ValueError, RecursionError):
            continue
        yield start, statement, data
        statement, start = "", number + 1
    if statement:
        yield start, statement, None


def _header(data: dict[str, Any], counts: Counter[KeyPath]) -> KeyPath:
    """The path of a `[table]` or `[[table]]`; `counts` holds how many tables each array has so far."""
    path: KeyPath = ()
    inner: Any = data
    while isinstance(inner, dict) and inner:
        if path in counts:
            path += (counts[path],)
        name, inner = next(iter(inner.items()))
        path += (name,)
    if isinstance(inner, list):
        counts[path] += 1
        path += (counts[path],)
    return path


def _paths(value: Any, above: KeyPath = ()) -> Iterator[KeyPath]:
    """The path of everything in a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value, 1) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*above, key)
        yield from _paths(each, (*above, key))


# --- What is wrong with it ------------------------------------------------------------------------------------------

_WORDS = {
    "Invalid value": marked("this value cannot be read; write text in quotes"),
    "Unescaped": marked("a backslash begins an escape; write the text in 'single quotes'"),
    "Illegal character '\\n'": marked("the quotes that open here are not closed"),
    "Found invalid character '\\n'": marked("the quotes that open here are not closed"),
    "Unterminated string": marked("the quotes that open here are not closed"),
    "Expected \"'": marked("the quotes that open here are not closed"),
    "Illegal character": marked("there is a control character; remove it"),
    "Found invalid character": marked("there is a control character; remove it"),
    "Invalid statement": marked("write [table] or KEY = VALUE"),
    "Invalid initial": marked("write a key; a { table } has no line break, and no comma at its end"),
    "Expected '=' after": marked("write KEY = VALUE"),
    "Expected newline": marked("there is more behind the value; write one KEY = VALUE a line, text in quotes"),
    "Expected ']": marked("the bracket that opens here is not closed"),
    "Unclosed array": marked("the list that begins here has no ] at its end"),
    "Unclosed inline table": marked("the table that begins here has no } at its end"),
    "Cannot declare": marked("this table stands here a second time; keep one"),
    "Cannot": marked("this key stands here a second time; keep one"),
    "Exceeds the limit": marked("this number is too long"),
    "maximum recursion": marked("this is nested too deep"),
}
"""What tomllib says, by its beginning, and what that means to a person."""


_AT = re.compile(r"line (\d+), column (\d+)")
_QUOTES = "“”„‟‘’‚‛「」『』«»《》＂＇"
_SIGNS = {"：": "=", "、": ",", "【": "[", "】": "]", "〔": "[", "〕": "]"}
"""What an input method for Chinese or Japanese types, and what is meant; other full-width forms are those of NFKC."""


def _typed(line: str, column: int, said: str) -> str:
    """What to do about a sign that is not ASCII where one of TOML's is expected, "" where it is none such."""
    typed = "" if said.startswith("Unescaped") else line[column - 1 : column]
    if not typed and line.rstrip()[-1:] in _QUOTES and said.startswith(("Unterminated", "Illegal", "Found")):
        typed = line.rstrip()[-1:]  # these close nothing
    if typed and typed in _QUOTES:
        return _('{typed} is no quote here: use straight quotes "..."').format(typed=typed)
    sign = _SIGNS.get(typed) or unicodedata.normalize("NFKC", typed)
    if sign == " " != typed:
        return _("a blank that is not ASCII stands here: write an ordinary one")
    if sign != typed and sign.isascii() and sign.isprintable():
        return _("{typed} stands here: write the ASCII sign {sign}").format(typed=typed, sign=sign)
    return ""


def _explain(raw: str, said: str) -> tuple[int, str]:
    """The line of a mistake in a document that is no TOML, and what it is."""
    said, __, where = said.partition(" (at ")
    at = _AT.match(where)
    begins = next((line for line, __, data in statements(raw) if data is None), None)
    last = len(raw.rstrip().split("\n"))
    line = int(at[1]) if at and not said.startswith("Un") else begins or last
    rows = raw.split("\n")
    place, column = (int(at[1]), int(at[2])) if at else (line, 0)
    if typed := _typed(rows[place - 1], column or len(rows[place - 1]) + 1, said):
        return place, typed
    header = re.match(r"\s*\[+\s*(host|source|list|category)\s*\]", rows[line - 1])
    if header and said.startswith("Cannot"):
        return line, _("write [[{name}]] in two brackets, once for each {name}").format(name=header[1])
    words = next((words for beginning, words in _WORDS.items() if said.startswith(beginning)), "")
    return line, _(words) if words else said
