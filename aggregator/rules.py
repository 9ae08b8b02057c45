"""Rules, step by step: which entries are taken, and what is changed of them. Pure.

Of `include` and `exclude` the first that matches decides; where there is an `include` and nothing decides, the entry is
not taken. The other steps change it, and what comes behind them sees it changed. How much is published, whether with
pictures, and where it goes is settled at the end: of `content` and `images` the last word holds, of `route` every one.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from gettext import gettext as _
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aggregator.matching import spelled, why
from aggregator.model import CategoryPath, Item, Rule
from aggregator.policy import Content
from aggregator.text import http_url, one_line, summarise

Step = tuple[str, Rule]
"""A rule, and what people are told it is: "source rule 2"."""

TITLE_FIELDS = ("source", "title", "author", "category", "language", "date")
LINK_FIELDS = ("link", "guid", "host", "path", "query")


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may ask besides the entry. `paths` are the categories of ours that it is in; `zone` is the IANA name
    for `{date}`; `content` and `images` hold where no rule says otherwise."""

    first_seen: datetime
    paths: tuple[CategoryPath, ...] = ()
    source: str = ""
    zone: str = "UTC"
    content: Content = "full"
    images: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """The entry as the rules leave it, None when they do not take it; and what they did, in words."""

    item: Item | None
    said: tuple[str, ...] = ()


def steps(rules: Iterable[Rule], name: str, of: str = "") -> tuple[Step, ...]:
    """Rules with what they are called: `name`, the number that each has in the config, and `of`."""
    return tuple((f"{name} {number}{of}", rule) for number, rule in enumerate(rules, start=1))


def decides(rule: Rule) -> bool:
    """Whether a rule says what is taken; the others change what is."""
    return rule.include is not None or rule.exclude is not None


def apply(order: Iterable[Step], item: Item, context: Context) -> Verdict:
    """What the rules make of an entry."""
    said: list[str] = []
    decided, included = False, False
    content, images = context.content, context.images
    routes: dict[CategoryPath, None] = {}
    for name, rule in order:
        included |= rule.include is not None
        asked = rule.include or rule.exclude or rule.when
        if decides(rule) and decided:
            continue
        reason = why(asked, item, context.first_seen, context.paths)
        if reason is None:
            continue
        if rule.exclude is not None:
            return Verdict(None, (*said, f"{name} excludes it: {reason}"))
        if rule.include is not None:
            decided = True
            said.append(f"{name} lets it in: {reason}")
            continue
        item, done = _change(rule, item, context)
        content, images = rule.content or content, images if rule.images is None else rule.images
        routes |= dict.fromkeys(rule.route)
        done += tuple(f"routes it to {spelled(path)}" for path in rule.route)
        said.extend(f"{name} {each}" for each in done)
    if included and not decided:
        return Verdict(None, (*said, "no include rule lets it in"))
    item, done = _publish(item, content, images)
    if routes:
        item = replace(item, categories=tuple(routes))
    return Verdict(item, (*said, *done))


# --- Changes --------------------------------------------------------------------------------------------------------


def _change(rule: Rule, item: Item, context: Context) -> tuple[Item, tuple[str, ...]]:
    """An entry with the title, link and content that a rule gives it, and what that was, in words."""
    said = []
    if rule.title:
        title = one_line(_fill(rule.title, _title_fields(item, context)))
        if title and title != item.title:
            item = replace(item, title=title)
            said.append("changed its title")
    if rule.link:
        made = _fill(rule.link, _link_fields(item))
        url = http_url(made)
        if not url:
            said.append(f"leaves its link alone: `{one_line(made, 80)}` is no http(s) URL")
        elif url != item.url:
            item = replace(item, url=url)
            said.append("changed its link")
    if rule.strip and item.content:
        from aggregator.stripping import strip  # only who strips pays for it

        content = strip(item.content, rule.strip)
        if content != item.content:
            item = replace(item, content=content)
            said.append("stripped its content")
    return item, tuple(said)


def _publish(item: Item, content: Content, images: bool) -> tuple[Item, tuple[str, ...]]:
    """An entry with as much of it as is to be published."""
    said = []
    if content == "summary" and item.content:
        item = replace(item, summary=item.summary or summarise(item.content), content="")
        said.append("its summary alone is published")
    if content == "link" and (item.content or item.summary):
        item = replace(item, summary="", content="")
        said.append("its link alone is published")
    if not images:
        files = tuple(each for each in item.enclosures if not (each.medium == "image" or each.type[:6] == "image/"))
        from aggregator.html import without_pictures  # and who takes pictures away

        bare = replace(item, content=without_pictures(item.content), image=None, enclosures=files)
        if bare != item:
            item = bare
            said.append("its pictures are left out")
    return item, tuple(said)


# --- Templates ------------------------------------------------------------------------------------------------------

_FIELD = re.compile(r"\{([^{}]*)\}|[{}]")


def check_template(template: str, known: Iterable[str]) -> None:
    """Raises ValueError when a template has a field that is not known, or a brace that is none of a field's."""
    known = tuple(known)
    for found in _FIELD.finditer(template):
        if found[1] not in known:
            fields = " ".join(f"{{{name}}}" for name in known)
            raise ValueError(_("there is no field {field}; known are {fields}").format(field=found[0], fields=fields))


def _fill(template: str, values: Mapping[str, str]) -> str:
    """A template with its fields replaced, once: nothing in a value is looked at. What is no field stays."""
    return _FIELD.sub(lambda found: values.get(found[1] or "", found[0]), template)


def _title_fields(item: Item, context: Context) -> dict[str, str]:
    paths = [spelled(path) for path in context.paths if path]
    when = (item.published or item.updated or context.first_seen).astimezone(ZoneInfo(context.zone))
    return {
        "source": context.source,
        "title": item.title,
        "author": ", ".join(author.name for author in item.authors),
        "category": next(iter((*paths, *(tag.label or tag.term for tag in item.tags))), ""),
        "language": item.language,
        "date": when.date().isoformat(),
    }


def _link_fields(item: Item) -> dict[str, str]:
    parts = urlsplit(item.url)
    return {"link": item.url, "guid": item.guid, "host": parts.netloc, "path": parts.path, "query": parts.query}
