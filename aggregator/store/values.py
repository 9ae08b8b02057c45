"""Values of the model as text in a column, and moments as numbers; and back. The one door to pydantic for the store."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar, cast, overload

from pydantic import TypeAdapter

from aggregator.identity import Habits
from aggregator.model import CategoryPath, Feed, Hints, Item, Move
from aggregator.rhythm import Rhythm

_KINDS = {"Feed": Feed, "Habits": Habits, "Hints": Hints, "Item": Item, "Move": Move, "Rhythm": Rhythm}
_Value = TypeVar("_Value", Feed, Habits, Hints, Item, Move, Rhythm)


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_KINDS[kind])


@cache
def _reader(kind: str) -> Callable[[str], Any]:
    """What reads a kind, without a layer that is there for options: every row goes through it."""
    read: Callable[[str], Any] = _adapter(kind).validator.validate_json
    return read


def dump(value: Feed | Habits | Hints | Item | Move | Rhythm) -> str:
    """A value as JSON; what is absent is left out."""
    return _adapter(type(value).__name__).dump_json(value, exclude_defaults=True).decode()


def load(kind: type[_Value], data: str) -> _Value:
    """What `dump` wrote."""
    return cast("_Value", _reader(kind.__name__)(data))


def dump_path(path: CategoryPath) -> str:
    """A category path as it is stored and compared."""
    return json.dumps(path, ensure_ascii=False)


def load_path(data: str) -> CategoryPath:
    """What `dump_path` wrote."""
    return tuple(json.loads(data))


def dump_said(said: Mapping[str, tuple[str, ...]]) -> str:
    """Warnings by the name of their document, as JSON."""
    return json.dumps({name: warnings for name, warnings in said.items() if warnings}, ensure_ascii=False)


def load_said(data: str) -> Mapping[str, tuple[str, ...]]:
    """What `dump_said` wrote; a list, as earlier stores have it, is of no document."""
    if data == "{}":  # nearly all
        return {}
    said = json.loads(data)
    named = said if isinstance(said, dict) else {"": said}
    return {name: tuple(warnings) for name, warnings in named.items()}


@overload
def seconds(moment: datetime) -> int: ...
@overload
def seconds(moment: None) -> None: ...
@overload
def seconds(moment: datetime | None) -> int | None: ...
def seconds(moment: datetime | None) -> int | None:
    """A moment as whole seconds since 1970."""
    return None if moment is None else int(moment.timestamp())


@overload
def moment(stamp: int) -> datetime: ...
@overload
def moment(stamp: None) -> None: ...
@overload
def moment(stamp: int | None) -> datetime | None: ...
def moment(stamp: int | None) -> datetime | None:
    """Whole seconds since 1970 as an aware moment in UTC."""
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC)
