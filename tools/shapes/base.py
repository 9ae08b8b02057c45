"""What all answers have in common, and the one of a command that cannot do what it was asked."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["failing", "blocked", "gone", "moved", "quiet", "degraded", "new", "ok", "disabled"]
Path = list[str]


class Shape(BaseModel):
    """An object with these keys and no others; one with a default may be absent. A `_` at their end is no part."""

    model_config = ConfigDict(extra="forbid", alias_generator=lambda name: name.rstrip("_"))


class Error(Shape):
    """Any command that could not do what it was asked."""

    error: str
    """What was wrong, a line each."""
    code: int
    """What it exits with."""
