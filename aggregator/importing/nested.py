"""YAML and JSON as nested lists, pairs and texts, and nothing else: no tags, no references, no depth. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from gettext import gettext as _
from typing import Any, TypeAlias

from aggregator.errors import AggregatorError

_DEEPEST = 30


@dataclass(slots=True)
class Pairs:
    """A mapping in its order; a key may stand in it more than once."""

    items: list[tuple[str, "Nested"]] = field(default_factory=list)

    def get(self, name: str) -> "Nested | None":
        """The first value of a name."""
        return next((value for key, value in self.items if key == name), None)


Nested: TypeAlias = "str | list[Nested] | Pairs"


def parse(text: str) -> Nested:
    """A document; what is no text in it is as it is written. Raises AggregatorError, one line."""
    return _json(text) if text.lstrip()[:1] in ("{", "[") else _yaml(text)


def _json(text: str) -> Nested:
    try:
        return _plain(json.loads(text, object_pairs_hook=_pairs, parse_int=str, parse_float=str))
    except (ValueError, RecursionError) as error:
        why = _("nested too deep")
        if isinstance(error, json.JSONDecodeError):
            why = _("line {number}: {why}").format(number=error.lineno, why=error.msg)
        raise AggregatorError(_("is not valid JSON ({why})").format(why=why)) from None


def _pairs(items: list[tuple[str, Any]]) -> Pairs:
    return Pairs(items)


def _plain(value: Any, depth: int = 0) -> Nested:
    """What JSON gave, with everything that is neither list nor mapping as text."""
    if depth > _DEEPEST:
        raise RecursionError
    if isinstance(value, Pairs):
        return Pairs([(key, _plain(each, depth + 1)) for key, each in value.items])
    if isinstance(value, list):
        return [_plain(each, depth + 1) for each in value]
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _yaml(text: str) -> Nested:
    import yaml  # only who has such a list pays for it

    try:
        events = iter(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        return _node(events, next(e for e in events if isinstance(e, yaml.NodeEvent)), 0)
    except StopIteration:
        raise AggregatorError(_("is empty")) from None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        why = " ".join(str(getattr(error, "problem", None) or _("not readable")).split())
        why = _("line {number}: {why}").format(number=mark.line + 1, why=why) if mark else why
        raise AggregatorError(_("is not valid YAML ({why})").format(why=why)) from None


def _node(events: Iterator[Any], event: object, depth: int) -> Nested:
    """The value that begins with an event."""
    import yaml

    if depth > _DEEPEST:
        raise AggregatorError(_("is nested too deep"))
    if isinstance(event, yaml.AliasEvent):
        raise AggregatorError(
            _("refers to another part of the file ({name}); write it out").format(name=f"*{event.anchor}")
        )
    if isinstance(event, yaml.SequenceStartEvent):
        found: list[Nested] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            found.append(_node(events, event, depth + 1))
        return found
    if isinstance(event, yaml.MappingStartEvent):
        pairs: list[tuple[str, Nested]] = []
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = _node(events, event, depth + 1)
            value = _node(events, next(events), depth + 1)
            pairs.append((key if isinstance(key, str) else "", value))
        return Pairs(pairs)
    return _scalar(event)


def _scalar(event: Any) -> str:
    """The text of a scalar; what YAML calls null is none."""
    value: str = event.value
    return "" if event.implicit[0] and value in ("~", "null", "Null", "NULL") else value
