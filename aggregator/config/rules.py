"""`[[source.rule]]` and `[[category.rule]]`: what may stand in a rule, checked so that it cannot fail later."""

from collections.abc import Callable
from gettext import gettext as _
from gettext import pgettext
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from aggregator import matching, stripping
from aggregator.config import types
from aggregator.model import Match, Rule
from aggregator.policy import Content
from aggregator.rules import LINK_FIELDS, TITLE_FIELDS, check_template


class Table(BaseModel):
    """What all tables have in common: no other keys, no changes, no guessing of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


def tables(value: object) -> object:
    """Raises ValueError where a table stands that has one bracket too few."""
    if isinstance(value, dict):
        raise ValueError(_("write [[...]] in two brackets, once for each rule"))
    return value


def _several(value: object) -> object:
    """One text is a list of one."""
    return [value] if isinstance(value, str) else value


def _checked(check: Callable[[str], None]) -> AfterValidator:
    def checked(value: str) -> str:
        check(value)
        return value

    return AfterValidator(checked)


def _template(known: tuple[str, ...]) -> AfterValidator:
    return _checked(lambda template: check_template(template, known))


_SEVERAL = WithJsonSchema({"title": "text, or list of texts", **types.TEXTS})
_Texts = Annotated[
    tuple[Annotated[str, _checked(matching.check)], ...], BeforeValidator(_several), Field(strict=False), _SEVERAL
]
_Selectors = Annotated[
    tuple[Annotated[str, _checked(stripping.check)], ...], BeforeValidator(_several), Field(strict=False), _SEVERAL
]
_Languages = Annotated[tuple[types.Language, ...], BeforeValidator(_several), Field(strict=False), _SEVERAL]


class MatchTable(Table):
    """`include`, `exclude` and `when` (`model.Match`)."""

    title: _Texts = ()
    """Words of the title, or a regular expression. Example: `["sponsored", "/^ad:/"]`."""
    text: _Texts = ()
    """Words of its text. Example: `"in brief"`."""
    author: _Texts = ()
    """Words of the names of its authors. Example: `"Ann"`."""
    category: _Texts = ()
    """A whole tag of the feed, or a whole name of one of our categories. Example: `"python"`."""
    link: _Texts = ()
    """Words of its link. Example: `"/[.]pdf$/"`."""
    language: _Languages = ()
    """Its language; `"zh"` is also `"zh-CN"`. Example: `["en", "zh"]`."""
    within: types.Paths = ()
    """It is in one of these categories, or below. Example: `["tech"]`."""
    older: types.Duration | None = None
    """It was older than that when it was first seen. Example: `"365d"`."""
    younger: types.Duration | None = None
    """It was younger than that when it was first seen. Example: `"30d"`."""
    enclosure: bool | None = None
    """Whether it has an enclosure. Example: `true`."""

    def match(self) -> Match:
        """As the rules want it."""
        return Match(**dict(self))


class CategoryRule(Table):
    """A rule of a category (`model.Rule`). Whose copy a story shows may change, so it does not know the source."""

    include: MatchTable | None = None
    """Takes what matches; where there is an `include`, one must. Example: `{ language = "en" }`."""
    exclude: MatchTable | None = None
    """Leaves out what matches; of `include` and `exclude` the first that matches decides.
    Example: `{ title = "sponsored" }`."""
    when: MatchTable | None = None
    """What is changed; without it, every entry. Example: `{ enclosure = true }`."""
    title: Annotated[str, _template(tuple(field for field in TITLE_FIELDS if field != "source"))] = ""
    """A template of the title, of `{title}`, `{author}`, `{category}`, `{language}`, `{date}`, and in rules of sources
    `{source}`. Example: `"{author}: {title}"`."""
    link: Annotated[str, _template(LINK_FIELDS)] = ""
    """A template of the link, of `{link}`, `{guid}`, `{host}`, `{path}`, `{query}`.
    Example: `"https://{host}{path}"`."""
    strip: _Selectors = ()
    """CSS selectors of elements to take out. Example: `"p:-soup-contains('Advertisement')"`."""
    content: Content | None = None
    """How much is published. Example: `"summary"`."""
    images: bool | None = None
    """With false pictures are left out. Example: `false`."""

    @model_validator(mode="after")
    def _one_step(self) -> "CategoryRule":
        """A rule lets in, or keeps out, or changes: what it would do besides would never be done."""
        said = [key for key, value in self if value not in (None, "", ())]
        deciding = [key for key in said if key in ("include", "exclude")]
        if deciding and len(said) > 1:
            others = pgettext("of names", " and ").join(f"`{key}`" for key in said if key != deciding[0])
            raise ValueError(
                _("has `{key}` and {others}; write one rule for each").format(key=deciding[0], others=others)
            )
        if not said or said == ["when"]:
            raise ValueError(_("does nothing; write include, exclude, or what to change"))
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
    """A template of the title, of `{source}`, `{title}`, `{author}`, `{category}`, `{language}`, `{date}`.
    Example: `"{source}: {title}"`."""
    route: types.Paths = ()
    """The categories that it goes to, instead of its own. Example: `["Podcasts", "tech/python"]`."""
