"""docs/json.md and docs/json.schema.json: what commands answer with `--json`, from shapes/."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from aggregator.config.schema import texts
from tools import shapes

_BEGIN = """\
# Answers for programs

Made by `python -m tools`; do not edit it here. With `--json` a command prints one JSON document on standard output;
what it says to people is on standard error, and exit codes are as without. Moments are RFC 3339 in UTC, lengths of time
seconds, sizes bytes. Passwords in URLs are masked. New keys may come: pass over those that you do not know.
[json.schema.json](json.schema.json) is the same as a JSON Schema; `#/$defs/once` in it is what `once` answers.

`daemon` and `worker` log instead: a line of JSON for each event on standard error, with `time`, `level`, `event`,
`message` and what belongs to it. `schema` prints a JSON Schema, `completion` a script. What cannot be done is `error`
and `code`, with any command.
"""


class _Generator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        """The keys speak for themselves."""
        return False

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        """A shape with the texts that stand below its keys."""
        made = super().model_schema(schema)
        if "properties" in made:
            found = _texts(schema["cls"])
            made.pop("title", None)
            for name, values in made["properties"].items():
                values.pop("default", None)
                values["description"] = found.get(name) or found[f"{name}_"]
        return made


def _texts(shape: type[object]) -> Mapping[str, str]:
    ours = [each for each in reversed(shape.__mro__) if each.__module__.startswith(shapes.__name__)]
    return {key: text for each in ours for key, text in texts(each.__module__).get(each.__name__, {}).items()}


def schema(*, strict: bool = False) -> dict[str, Any]:
    """A JSON Schema with a definition for each command, by its name; a `strict` one has no room for new keys."""
    inner: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for command, shape in shapes.ANSWERS.items():
        made = shape.model_json_schema(schema_generator=_Generator, ref_template="#/$defs/{model}")
        inner |= made.pop("$defs", {})
        own[command] = {key: value for key, value in made.items() if key != "title"}
    for each in () if strict else (*own.values(), *inner.values()):
        if each.get("additionalProperties") is False:
            del each["additionalProperties"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What aggregator answers with --json",
        "$defs": {**own, **dict(sorted(inner.items()))},
    }


def schema_document() -> str:
    """The schema as a file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def document() -> str:
    """All of it for people."""
    known = schema()["$defs"]
    parts = [_BEGIN]
    for command in shapes.ANSWERS:
        values = known[command]
        title = f"`aggregator {command} --json`" if command != "any that fails" else "Any command that fails"
        parts += [f"\n## {title}\n\n"]
        if values.get("type") == "array":
            name = _name(values["items"])
            parts += [f"A list of [{_spaced(name)}](#{_anchor(name)}).\n"]
        else:
            parts += [f"{_sentence(values)}\n\n", *_rows(values)]
    parts += ["\n## What is in them\n"]
    for name in (each for each in known if each not in shapes.ANSWERS):
        parts += [f"\n### {_spaced(name)}\n\n{_sentence(known[name])}\n\n", *_rows(known[name])]
    return "".join(parts)


def _rows(values: Mapping[str, Any]) -> Iterator[str]:
    yield "| key | | |\n|---|---|---|\n"
    for key, each in values["properties"].items():
        absent = "" if key in values.get("required", ()) else ", may be absent"
        yield f"| `{key}` | {_type(each)}{absent} | {each['description']} |\n"


def _type(values: Mapping[str, Any]) -> str:
    if "anyOf" in values:
        return " or ".join(_type(each) for each in values["anyOf"])
    if "$ref" in values:
        return f"[{_spaced(_name(values))}](#{_anchor(_name(values))})"
    if "enum" in values:
        return ", ".join(f"`{json.dumps(each)}`" for each in values["enum"])
    if values.get("type") == "array":
        return f"list of {_type(values['items'])}".replace("list of string", "list of strings")
    if values.get("type") == "object" and isinstance(values.get("additionalProperties"), dict):
        return f"object of {_type(values['additionalProperties'])}"
    kind = str(values["type"])
    return {"integer": "whole number", "boolean": "true or false"}.get(kind, kind)


def _name(values: Mapping[str, Any]) -> str:
    return str(values["$ref"]).rpartition("/")[2]


def _spaced(name: str) -> str:
    """`ListedSource` as `Listed source`."""
    return name[0] + "".join(f" {char.lower()}" if char.isupper() else char for char in name[1:])


def _anchor(name: str) -> str:
    return _spaced(name).lower().replace(" ", "-")


def _sentence(values: Mapping[str, Any]) -> str:
    return str(values.get("description", ""))
