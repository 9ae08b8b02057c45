"""`[[source.rule]]` and `[[category.rule]]`: what may stand in a rule, checked so that it cannot fail later."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from aggregator import matching, stripping, text
from aggregator.model import CategoryPath, Match, Rule
from aggregator.policy import Content
from aggregator.rules import LINK_FIELDS, TITLE_FIELDS, check_template
from aggregator.values import duration, paths


class Table(BaseModel):
    """What all tables have in common: no other keys, no changes, no guessing of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


def tables(value: object) -> object:
    """Raises ValueError where a table stands that has one bracket too few."""
    if isinstance(value, dict):
        raise ValueError("write [[...]] in two brackets, once for each rule")
    return value


def _several(value: object) -> object:
    """One text is a list of one."""
    return [value] if isinstance(value, str) else value


def _checked(check: Callable[[str], None]) -> AfterValidator:
    def checked(value: str) -> str:
        check(value)
        return value

    return AfterValidator(checked)


def _language(value: str) -> str:
    if not text.language(value):
        raise ValueError('write a language tag such as "en" or "zh-CN"')
    return text.language(value)


def _template(known: tuple[str, ...]) -> AfterValidator:
    return _checked(lambda template: check_template(template, known))


Paths = Annotated[tuple[CategoryPath, ...], BeforeValidator(paths)]
_Texts = Annotated[tuple[Annotated[str, _checked(matching.check)], ...], BeforeValidator(_several), Field(strict=False)]
_Selectors = Annotated[
    tuple[Annotated[str, _checked(stripping.check)], ...], BeforeValidator(_several), Field(strict=False)
]
_Languages = Annotated[
    tuple[Annotated[str, AfterValidator(_language)], ...], BeforeValidator(_several), Field(strict=False)
]
_Duration = Annotated[timedelta, BeforeValidator(duration)]


class MatchTable(Table):
    """`include`, `exclude` and `when` (`model.Match`)."""

    title: _Texts = ()
    text: _Texts = ()
    author: _Texts = ()
    category: _Texts = ()
    link: _Texts = ()
    language: _Languages = ()
    within: Paths = ()
    older: _Duration | None = None
    younger: _Duration | None = None
    enclosure: bool | None = None

    def match(self) -> Match:
        """As the rules want it."""
        return Match(**dict(self))


class CategoryRule(Table):
    """A rule of a category (`model.Rule`). Whose copy a story shows may change, so it does not know the source."""

    include: MatchTable | None = None
    exclude: MatchTable | None = None
    when: MatchTable | None = None
    title: Annotated[str, _template(tuple(field for field in TITLE_FIELDS if field != "source"))] = ""
    link: Annotated[str, _template(LINK_FIELDS)] = ""
    strip: _Selectors = ()
    content: Content | None = None
    images: bool | None = None

    @model_validator(mode="after")
    def _one_step(self) -> "CategoryRule":
        """A rule lets in, or keeps out, or changes: what it would do besides would never be done."""
        said = [key for key, value in self if value not in (None, "", ())]
        deciding = [key for key in said if key in ("include", "exclude")]
        if deciding and len(said) > 1:
            others = " and ".join(f"`{key}`" for key in said if key != deciding[0])
            raise ValueError(f"has `{deciding[0]}` and {others}; write one rule for each")
        if not said or said == ["when"]:
            raise ValueError("does nothing; write include, exclude, or what to change")
        return self

    def rule(self) -> Rule:
        """As the rules want it."""
        values: dict[str, Any] = dict(self)
        for key in ("include", "exclude", "when"):
            match = values.pop(key)
            if match is not None:
                values[key] = match.match()
        return Rule(**values)


class SourceRule(CategoryRule):
    """A rule of a source, which may also say where an entry goes."""

    title: Annotated[str, _template(TITLE_FIELDS)] = ""
    route: Paths = ()
