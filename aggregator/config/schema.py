"""The config for editors: a JSON Schema (draft 2020-12) of all its keys, made of the tables themselves.

What a key is for stands as a text below it in its class, for the tables as for the Options of a kind of source, and is
read from the source code, so that it costs nobody else anything. docs/configuration.md is made of this schema.
"""

import ast
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from aggregator.config.entries import table_of
from aggregator.config.lists import List
from aggregator.config.modules import kinds
from aggregator.config.tables import CategorySettings, CommonSource, Fetching, Host, Site, Web
from aggregator.model import Pace

_TABLES: Mapping[str, type[BaseModel]] = {"site": Site, "fetch": Fetching, "web": Web}
_ARRAYS: Mapping[str, type[BaseModel]] = {"host": Host, "list": List, "category": CategorySettings}
_EXAMPLE = re.compile(r"\s*\bExample: `(.+)`\.$")
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def schema() -> dict[str, Any]:
    """The JSON Schema of a whole config. It refuses no config that `check` passes; what only `check` can see, as what
    two keys say together, it lets pass."""
    made: dict[str, Any] = {}
    properties: dict[str, Any] = {name: of_table(model, made) for name, model in _TABLES.items()}
    properties |= {name: {"type": "array", "items": of_table(model, made)} for name, model in _ARRAYS.items()}
    properties["source"] = {"type": "array", "items": _source(made)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The config of aggregator",
        "type": "object",
        "properties": properties,
        "required": ["site"],
        "additionalProperties": False,
        "$defs": made,
    }


def said(table: type[object]) -> Mapping[str, str]:
    """What is said below each key of a class and of what it inherits from; nothing of a key without a text."""
    found: dict[str, str] = {}
    for each in reversed(table.__mro__):
        if each.__module__.startswith("aggregator."):
            found |= texts(each.__module__).get(each.__name__, {})
    return found


def of_kinds() -> Mapping[str, type[BaseModel]]:
    """The tables of the keys that each kind of source has of its own."""
    return {kind: table_of(kind) for kind in sorted(kinds())}


@cache
def texts(module: str) -> Mapping[str, Mapping[str, str]]:
    """By its classes and their keys: the texts that stand below keys in a module."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {each.name: dict(_below_keys(each)) for each in tree.body if isinstance(each, ast.ClassDef)}


def _below_keys(table: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for key, below in zip(table.body, table.body[1:], strict=False):
        match key, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())


class _Generator(GenerateJsonSchema):
    """Pydantic's, with our words."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Titles are names of types here (types.py)."""
        return False

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        """A table, its keys with description, example and default as one would write them."""
        made = super().model_schema(schema)
        table: type[BaseModel] = schema["cls"]
        texts = said(table)
        made.pop("title", None)
        made.pop("description", None)
        made["properties"] = {
            name: _without_null(values) | _words(texts.get(name, "")) | _default(table, name)
            for name, values in made.get("properties", {}).items()
        }
        return made


def of_table(model: type[BaseModel], made: dict[str, Any]) -> dict[str, Any]:
    """The schema of one table; those of the tables within it go to `made`."""
    found = model.model_json_schema(schema_generator=_Generator, ref_template="#/$defs/{model}")
    made |= found.pop("$defs", {})
    return found


def _source(made: dict[str, Any]) -> dict[str, Any]:
    """`[[source]]`: the keys of all sources and of all kinds side by side, so that editors can propose them; and which
    kind has which of them. What keys a module of the owner's own has, nobody knows here."""
    found = of_table(CommonSource, made)
    found.pop("additionalProperties")
    own = {kind: of_table(table, made) for kind, table in of_kinds().items()}
    keys = sorted({key for table in own.values() for key in table["properties"]})
    for key in keys:
        having = {kind: table["properties"][key] for kind, table in own.items() if key in table["properties"]}
        told = " ".join(f'`kind = "{kind}"`: {values["description"]}' for kind, values in having.items())
        found["properties"][key] = {**next(iter(having.values())), "description": told}
    strange = {"properties": {"kind": {"pattern": r"\."}}, "required": ["kind"]}
    rules: list[dict[str, Any]] = [
        {"if": strange, "else": {"propertyNames": {"enum": list(found["properties"])}}},
        *(_kind(kind, table, keys) for kind, table in own.items()),
    ]
    return {**found, "allOf": rules}


def _kind(kind: str, table: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    """What holds for a source of a kind: which of the kinds' keys it must have, and which it cannot have."""
    condition: dict[str, Any] = {"properties": {"kind": {"const": kind}}}
    if kind != CommonSource.model_fields["kind"].default:
        condition["required"] = ["kind"]
    return {
        "if": condition,
        "then": {
            "required": table.get("required", []),
            "properties": {key: False for key in keys if key not in table["properties"]},
        },
    }


def _without_null(values: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null: who means nothing leaves the key out."""
    choices = [each for each in values.get("anyOf", ()) if each != {"type": "null"}]
    rest = {key: value for key, value in values.items() if key not in ("anyOf", "default")}
    if len(choices) == 1:
        return {**choices[0], **rest}
    return {**rest, "anyOf": choices} if choices else rest


def _words(text: str) -> dict[str, Any]:
    example = _EXAMPLE.search(text)
    if not example:
        return {"description": text} if text else {}
    value = tomllib.loads(f"x = {example[1]}")["x"]
    return {"description": _EXAMPLE.sub("", text), "examples": [value]}


def _default(table: type[BaseModel], name: str) -> dict[str, Any]:
    """A key's default as it would be written; none where another table, or nothing, decides."""
    field = table.model_fields[name]
    value = None if field.is_required() else field.get_default()
    if value is None and table is Fetching:
        value = getattr(Pace(), name, None)
    if isinstance(value, timedelta):
        value = _length(value)
    elif isinstance(value, tuple):
        value = list(value)
    plain = isinstance(value, str | int | float | list) and value not in ("", [])
    return {"default": value} if plain else {}


def _length(value: timedelta) -> str:
    seconds = round(value.total_seconds())
    unit, size = next((unit, size) for unit, size in _UNITS.items() if seconds % size == 0 and seconds >= size)
    return f"{seconds // size}{unit}"
