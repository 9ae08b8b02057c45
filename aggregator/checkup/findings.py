"""What a check has found, in words without secrets, and what follows from all of it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from gettext import gettext as _
from typing import Any, Literal

from aggregator.languages import joined
from aggregator.text import masked, one_line

Level = Literal["problem", "note", "ok"]

PARTS = ("config", "store", "permissions", "disk", "output", "clock", "network", "sources", "published", "served")
"""What is looked at; what stands first is mended first, as what comes behind may come of it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: a `problem` wants its owner, a `note` is good to know. `advice` says what to do, ""
    where there is nothing."""

    part: str
    level: Level
    what: str
    advice: str = ""


def problem(part: str, what: object, advice: str = "") -> Finding:
    """What has to be mended."""
    return Finding(part, "problem", one_line(masked(str(what))), one_line(masked(advice)))


def note(part: str, what: object, advice: str = "") -> Finding:
    """What its owner should know."""
    return Finding(part, "note", one_line(masked(str(what))), one_line(masked(advice)))


def ok(part: str, what: object) -> Finding:
    """What is as it should be."""
    return Finding(part, "ok", one_line(masked(str(what))))


def code(found: Iterable[Finding]) -> int:
    """What to exit with: 1 where there is a problem."""
    return int(any(each.level == "problem" for each in found))


def todo(found: Sequence[Finding]) -> tuple[str, ...]:
    """What to do, the most useful first: problems before notes, causes before what may come of them."""
    wanted = [each for each in found if each.level != "ok" and (each.advice or each.level == "problem")]
    wanted.sort(key=lambda each: (each.level != "problem", PARTS.index(each.part)))
    return tuple(dict.fromkeys(joined(_(": "), *filter(None, (each.what, each.advice))) for each in wanted))


def as_json(found: Sequence[Finding]) -> dict[str, Any]:
    """All of it for programs."""
    rows = [{"part": each.part, "level": each.level, "what": each.what, "advice": each.advice} for each in found]
    return {"code": code(found), "findings": rows, "todo": list(todo(found))}
