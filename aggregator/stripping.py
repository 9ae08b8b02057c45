"""Elements taken out of clean HTML by CSS selectors. The door to soupsieve; what comes out is clean HTML again."""

from collections.abc import Iterable

from aggregator.html import clean


def check(selector: str) -> None:
    """Raises ValueError when a text is no CSS selector."""
    import soupsieve

    try:
        soupsieve.compile(selector)
    except (soupsieve.SelectorSyntaxError, NotImplementedError) as error:
        raise ValueError(f"is no CSS selector ({str(error).splitlines()[0]})") from error


def strip(html: str, selectors: Iterable[str]) -> str:
    """Clean HTML without the elements that one of the selectors finds; where none is found, unchanged."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")  # what nh3 wrote is regular, and lxml stops at a depth of 256
    found = [element for selector in selectors for element in soup.select(selector)]
    if not found:
        return html
    for element in found:
        element.extract()
    return clean(str(soup))
