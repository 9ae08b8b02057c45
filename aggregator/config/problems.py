"""What is wrong with a config, in the words of the person who wrote it."""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from gettext import gettext as _
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from aggregator import text
from aggregator.config.toml import KeyPath
from aggregator.languages import marked

Problem = tuple[KeyPath, str]
"""The key, and what to do about it."""

_Model = TypeVar("_Model", bound=BaseModel)

_WORDS = {
    "string_type": marked("write text in quotes"),
    "int_type": marked("write a whole number"),
    "float_type": marked("write a number"),
    "bool_type": marked("write true or false"),
    "tuple_type": marked("write a list in brackets"),
    "list_type": marked("write a list in brackets"),
    "model_type": marked("write it as a table"),
    "dict_type": marked('write a table such as {{ NAME = "value" }}'),
    "greater_than_equal": marked("write {ge} or more"),
    "less_than_equal": marked("write {le} or less"),
    "literal_error": marked("write {expected}"),
}
"""What pydantic finds, by its type, and what to do about it."""


def validate(model: type[_Model], values: Any, path: KeyPath, found: list[Problem]) -> _Model | None:
    """One table checked against its model; what is wrong goes to `found`."""
    header = f"[[{path[0]}]]" if len(path) > 1 else f"[{path[0]}]"
    if not isinstance(values, dict):
        found.append((path, _("write it as a table, {header}").format(header=header)))
        return None
    illegal = list(_illegal(values))
    found.extend((path + key, _("has a control character; remove it")) for key in illegal)
    try:
        table = model.model_validate(values)
    except ValidationError as error:
        problems = {_place(each["loc"], values): dict(each) for each in error.errors(include_url=False)}
        found.extend(
            (path + key, _message(each, model, header)) for key, each in problems.items() if key not in illegal
        )
        return None
    return None if illegal else table


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that helps with a word which is not one of the known."""
    known = sorted(known)
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return (
        _('did you mean "{word}"?').format(word=near[0])
        if near
        else _("known are {known}").format(known=_(", ").join(known))
    )


def lines(problems: Iterable[Problem], places: Mapping[KeyPath, int]) -> tuple[str, ...]:
    """Each problem as `line: key: what to do`, in the order of lines. A key that is missing has its table's line."""
    numbered = sorted((_line(places, path), n, dotted(path), why) for n, (path, why) in enumerate(problems))
    return tuple(f"{line}: {_printable(f'{key}: {why}')}" for line, _, key, why in numbered)


def _line(places: Mapping[KeyPath, int], path: KeyPath) -> int:
    while path and path not in places:
        path = path[:-1]
    return places.get(path, 1)


def _printable(line: str) -> str:
    """A line with nothing in it that a terminal would obey."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in line)


def dotted(path: KeyPath) -> str:
    """`("source", 2, "url")` as `source[2].url`."""
    keys = (part if isinstance(part, int) or re.fullmatch(r"[\w-]+", part) else shown(part) for part in path)
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")


def shown(value: object) -> str:
    """A value nearly as TOML writes it, in at most 60 characters, without the user and password of a URL."""
    line = text.masked(json.dumps(value, ensure_ascii=False, default=str))
    return line if len(line) <= 60 else f"{line[:59]}…"


def _place(loc: tuple[str | int, ...], values: Any) -> KeyPath:
    """Where in the values a finding of pydantic's is; its own words for what it tried there are left out."""
    path: KeyPath = ()
    for part in loc:
        if isinstance(values, dict):
            path += (part,)
            values = values.get(part)
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            path += (part + 1,)
            values = values[part]
    return path


def _table(model: type[BaseModel], loc: tuple[str | int, ...]) -> type[BaseModel]:
    """The model of a table within a table: `rule`, 0, `include`."""
    for name in (part for part in loc if isinstance(part, str)):
        field = model.model_fields.get(name)
        hints = [field.annotation] if field else []
        hints += [inner for hint in hints for inner in get_args(hint)]
        model = next((hint for hint in hints if isinstance(hint, type) and issubclass(hint, BaseModel)), model)
    return model


def _message(error: dict[str, Any], model: type[BaseModel], header: str) -> str:
    if error["type"] == "extra_forbidden":
        return _("unknown key; {advice}").format(
            advice=nearest(str(error["loc"][-1]), _table(model, error["loc"][:-1]).model_fields)
        )
    if error["type"] == "missing":
        return _("is missing; write it below {header}").format(header=header)
    if error["type"] == "value_error":
        why = text.one_line(error["ctx"]["error"])
    elif words := _WORDS.get(error["type"]):
        context = {key: str(value).replace(" or ", _(" or ")) for key, value in error.get("ctx", {}).items()}
        why = _(words).format(**context)
    else:
        why = error["msg"]
    field = model.model_fields.get(str(error["loc"][0])) if error["loc"] else None
    value = shown(error["input"]) if field is None or field.repr else ""
    return why if value in why else _("{why} (it is {value})").format(why=why, value=value)


def _illegal(value: Any, above: KeyPath = ()) -> Iterator[KeyPath]:
    """The texts in a value with characters that cannot be published: NUL and other controls."""
    if isinstance(value, str) and text.legal(value) != value:
        yield above
    inner = value.items() if isinstance(value, dict) else enumerate(value, 1) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _illegal(each, (*above, key))
