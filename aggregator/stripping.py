"""Elements taken out of clean HTML by CSS selectors. The door to soupsieve; what comes out is clean HTML again."""

from collections.abc import Iterable, Iterator
from gettext import gettext as _
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soupsieve.css_types import Selector, SelectorList


def check(selector: str) -> None:
    """Raises ValueError when a text is no CSS selector, or one that finds nothing in clean HTML."""
    import soupsieve

    try:
        compiled = soupsieve.compile(selector)
    except (soupsieve.SelectorSyntaxError, NotImplementedError) as error:
        raise ValueError(_("is no CSS selector ({why})").format(why=str(error).splitlines()[0])) from error
    if any(each.ids or each.classes for each in _parts(compiled.selectors)):
        instead = _("ask for elements, attributes or text: figure, a[href*='/ads/'], p:-soup-contains('Advertisement')")
        raise ValueError(
            _("asks for a class or an id, which clean HTML does not have; {instead}").format(instead=instead)
        )


def _parts(selectors: "SelectorList") -> "Iterator[Selector]":
    """The selectors that have to be met, with those of the elements that they stand in or behind."""
    from soupsieve.css_types import Selector

    for each in selectors:
        if isinstance(each, Selector):
            yield each
            yield from _parts(each.relation)


def strip(html: str, selectors: Iterable[str]) -> str:
    """Clean HTML without the elements that one of the selectors finds; where none is found, unchanged."""
    if "<" not in html:
        return html
    from bs4 import BeautifulSoup

    from aggregator.html import clean  # the config, which only checks selectors, should not pay for it

    soup = BeautifulSoup(html, "html.parser")  # what nh3 wrote is regular, and lxml stops at a depth of 256
    found = [element for selector in selectors for element in soup.select(selector)]
    if not found:
        return html
    for element in found:
        element.extract()
    return clean(str(soup))
