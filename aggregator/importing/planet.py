"""`planet.ini` of Planet and Venus (https://intertwingly.net/code/venus/docs/config.html), and that of Pluto. Pure.

A section is the address of a feed; Pluto writes it as `feed` below a short name. All else is for templates and filters.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from gettext import gettext as _

from aggregator import text
from aggregator.importing.listed import Each, Listed, address, listed, lost

_SECTION = re.compile(r"\s*\[(.*)\]\s*(?:[#;].*)?")
_OPTION = re.compile(r"(\s*)([\w.-]+)\s*[=:]\s*(.*)")
_TAKEN = ("name", "title", "feed", "link", "location", "language")
_SITE = {"name": "title", "title": "title", "owner_email": "contact", "link": "base_url", "items_per_page": "items"}


@dataclass(slots=True)
class _Section:
    name: str
    line: int
    options: dict[str, tuple[int, str]] = field(default_factory=dict)


def is_one(line: str) -> bool:
    """Whether a line can only be one of such a file."""
    return _SECTION.fullmatch(line) is not None or re.match(r"\w+\s*=\s", line) is not None


def read(document: str) -> Iterator[Each]:
    """What each section has."""
    place = _("line {number}")
    sections, odd = _sections(document, place)
    yield from odd
    common = next((each.options for each in sections if each.name == "DEFAULT"), {})
    for section in sections:
        if section.name.lower() in ("", "planet", "default"):
            yield from _options(section, place)
        else:
            yield from _section(section, common, place)


def _sections(document: str, place: str) -> tuple[list[_Section], list[Each]]:
    """The sections with their options, and the lines that belong to neither. A line that is indented goes on."""
    sections, odd, depth = [_Section("", 1)], list[Each](), -1
    for number, line in enumerate(document.split("\n"), start=1):
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        indent = len(line) - len(line.lstrip())
        if found := _SECTION.fullmatch(line):
            sections.append(_Section(found[1].strip(), number))
            depth = -1
        elif depth >= 0 and indent > depth:
            continue  # more of a value; those that we take have one line
        elif option := _OPTION.fullmatch(line):
            sections[-1].options[option[2].lower()] = (number, option[3].strip().replace("%%", "%"))
            depth = indent
        else:
            odd.append(lost(place.format(number=number), line, _("is neither [section] nor NAME = VALUE")))
    return sections, odd


def _options(section: _Section, place: str) -> Iterator[Each]:
    """The options of the whole planet: none is taken, some have a key in [site] that stands for them."""
    for name, (number, value) in section.options.items():
        why = _("{name} is not taken over").format(name=name)
        if re.search("template|theme|bill_of_materials", name):
            why = _("is about templates, which are not taken over; your own go into config/templates/")
        elif name in _SITE and section.name != "DEFAULT":
            why = _("is for you to write: `{key}` in [site]").format(key=_SITE[name])
        elif section.name == "DEFAULT" and name in _TAKEN:
            continue  # it is taken with each section
        yield lost(place.format(number=number), f"{name} = {value}", why)


def _section(section: _Section, common: dict[str, tuple[int, str]], place: str) -> Iterator[Each]:
    said = {name: value for name, (__, value) in (common | section.options).items()}
    where = place.format(number=section.line)
    url = said.get("feed") or section.name
    if said.get("content_type") in ("opml", "foaf", "csv", "config"):
        why = _("is a list of its own ({kind})")
        if said["content_type"] == "opml":
            why = _("is a list of its own ({kind}); import it by itself, or write a [[list]]")
        yield lost(where, url, why.format(kind=said["content_type"]))
        return
    if not address(url) and not re.match(r"[a-z]+://", url):
        yield lost(where, f"[{section.name}]", _("is no address of a feed; filters and templates are not taken over"))
        return
    name, language = said.get("name") or said.get("title", ""), said.get("language") or said.get("location", "")
    made = listed(Listed(where, url, name, language=text.language(language), page=said.get("link", "")))
    yield made
    if isinstance(made, Listed):
        for option, (number, value) in section.options.items():
            if option not in _TAKEN and value:
                why = _("{name} is not taken over").format(name=option)
                yield lost(place.format(number=number), f"{made.title or made.url}: {value}", why)
