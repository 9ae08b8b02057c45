"""What selectors find on a page: for each item the raw values of its fields. Pure. soupsieve's door for pages."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from gettext import gettext as _

import soupsieve
from bs4 import BeautifulSoup, Tag

from aggregator import text
from aggregator.sources.page.values import Raw

_ATTRIBUTE = re.compile(r"(?P<css>.*?)(?:@(?P<name>[A-Za-z_][\w:.-]*))?", re.DOTALL)
_ITSELF = ("", ":scope")
_LINK = "a[href]:not([href='#'], [href^='javascript:' i])"  # buttons have these
_PICTURE = "img:not(:scope [class*='avatar' i], :scope [class*='author' i], :scope [class*='avatar' i] *)"


@dataclass(frozen=True, slots=True)
class Selector:
    """A CSS selector, and the attribute that is meant of what it finds, "" for what such an element usually says."""

    css: str
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """How items are found, and in them the fields of Raw, each by the first of its selectors that gives anything.

    `border` finds what speaks for itself, as an author's card does: what stands in one is not said of what is around.
    """

    item: str
    fields: Mapping[str, tuple[Selector, ...]] = field(default_factory=dict)
    border: str = ""


USUAL: Mapping[str, tuple[Selector, ...]] = {
    "title": (Selector("h1, h2, h3, h4, h5, h6"), Selector("a[href]"), Selector("")),
    "url": (),
    "date": (Selector("time"),),
    "image": (Selector(_PICTURE),),
}
"""Where fields are that nobody has said anything of; a link is that of the title, or else the first that leads
anywhere, and a picture the first that is not the author's."""


def check(name: str, selector: str) -> None:
    """Raises ValueError when a text is no CSS selector with or without an attribute."""
    parsed = parse(selector)
    if name == "item" and parsed.attribute:
        raise ValueError(
            _("`item` finds elements, and @{attribute} is no element; leave it out").format(attribute=parsed.attribute)
        )
    if name != "item" and parsed.css in _ITSELF:
        return
    try:
        soupsieve.compile(parsed.css)
    except (soupsieve.SelectorSyntaxError, NotImplementedError) as error:
        raise ValueError(
            _("`{name}` is no CSS selector ({why})").format(name=name, why=str(error).splitlines()[0])
        ) from error


def parse(selector: str) -> Selector:
    """`h2 a@href` as the selector `h2 a` and the attribute `href`."""
    found = _ATTRIBUTE.fullmatch(selector.strip())
    return Selector(found["css"].strip(), found["name"] or "") if found else Selector(selector)


def found_by(plan: Plan, page: BeautifulSoup) -> Iterator[Raw]:
    """What each item of a page says, in its order. Where there is a border, an item within another is none."""
    whole = soupsieve.compile(plan.item)
    for element in whole.iselect(page):
        if not plan.border or not any(whole.match(above) for above in element.parents if above.name != page.name):
            yield _raw(plan, element)


def _raw(plan: Plan, item: Tag) -> Raw:
    values: dict[str, str] = {}
    elements: dict[str, Tag] = {}
    for name, selectors in plan.fields.items():
        if name != "tags" and (first := next(_values(plan, item, name, selectors), None)):
            elements[name], values[name] = first
    tags = tuple(value for _, value in _values(plan, item, "tags", plan.fields.get("tags", ())))
    if "url" not in values and not plan.fields.get("url"):
        values["url"] = _link_of(elements.get("title"), item)
    elif "url" not in values and plan.border:  # not the first link of all: it may lead to a tag or an author
        values["url"] = (href(elements["title"]) if "title" in elements else "") or said(item, "href")
    return Raw(**values, tags=tags)


def _values(plan: Plan, item: Tag, name: str, selectors: Iterable[Selector]) -> Iterator[tuple[Tag, str]]:
    """The elements in an item that say something of a field, and what, the best selector first."""
    for selector in selectors:
        found = [item] if selector.css in _ITSELF else soupsieve.compile(selector.css).iselect(item)
        for element in found:
            if _is_own(plan, element, item) and (value := value_of(name, element, selector.attribute)):
                yield element, value


def _is_own(plan: Plan, element: Tag, item: Tag) -> bool:
    """Whether no border stands between an element and the item."""
    if not plan.border or element is item:
        return True
    border = soupsieve.compile(plan.border)
    for above in element.parents:
        if above is item:
            return True
        if border.match(above):
            return False
    return True


def _link_of(title: Tag | None, item: Tag) -> str:
    return (href(title) if title else "") or href(item)


# --- Values ---------------------------------------------------------------------------------------------------------


def value_of(name: str, element: Tag, attribute: str = "") -> str:
    """What an element says for a field of Raw: an attribute, or what such elements say by themselves."""
    if attribute:
        return said(element, attribute)
    if name == "url":
        return href(element)
    if name == "image":
        return _image(element)
    if name in ("date", "updated"):
        return _date(element)
    if name in ("content", "summary"):
        return element.decode_contents() if element.name != "meta" else said(element, "content")
    if name == "author":  # a card, of which the name alone is wanted
        element = element.select_one(".p-name, .fn, [itemprop~=name]") or element
    return text.one_line(said(element, "content") if element.name == "meta" else text.plain(element.decode_contents()))


def said(element: Tag, attribute: str) -> str:
    """The value of an attribute, "" where there is none; of one with several, such as `class`, all of them."""
    value = element.get(attribute) or ""
    return text.legal(value if isinstance(value, str) else " ".join(value)).strip()


def href(element: Tag) -> str:
    """The link that an element is, has in it, or stands in."""
    own = said(element, "href") or (said(element, "content") if element.name == "meta" else "")
    if own and own != "#" and not own.lower().startswith("javascript:"):
        return own
    link = element.select_one(_LINK) or element.find_parent("a", href=True)
    return said(link, "href") if link else ""


def _image(element: Tag) -> str:
    """A picture: the address that an element has, or the markup of the first picture in it."""
    own = said(element, "content") or said(element, "href")
    if own and element.name in ("meta", "link"):
        return own
    found = element if element.name in ("img", "picture") else element.select_one("picture, img")
    return found.decode() if found else ""


def _date(element: Tag) -> str:
    """A date: as machines are told (<time datetime>, <meta content>, <abbr title>), else in words."""
    if element.name not in ("time", "meta", "abbr", "data") and (inner := element.select_one("time, abbr[title]")):
        element = inner
    for attribute in ("datetime", "content", "value", "title"):
        if element.name in ("time", "meta", "abbr", "data", "ins") and (value := said(element, attribute)):
            return value
    return said(element, "datetime") or text.plain(element.decode_contents(), 500)
