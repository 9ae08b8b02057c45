"""docs/configuration.md: every key of the config, from its JSON Schema."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from aggregator.config import schema
from aggregator.config.tables import Pacing

_BEGIN = """\
# Every key of the config

Made by `python -m tools` of what stands below each key in the program; do not edit it here. A mistake in a config is
one line with
its place and the nearest key that exists; `aggregator check` says all of them at once.

**In your editor.** `aggregator schema > config/aggregator.schema.json` writes the same as a JSON Schema. With this
first line
in the config, editors that know taplo (VS Code with "Even Better TOML", Helix, Zed, Neovim, ...) complete keys, say
what they are for, and underline mistakes:

```toml
#:schema ./aggregator.schema.json
```

**How values are written**

- A *length of time* is numbers with `s`, `m`, `h`, `d` or `w`: `"90s"`, `"1h30m"`; a number alone is seconds.
- A *size* is a number with `KB`, `MB`, `GB` (thousands) or `KiB`, `MiB`, `GiB`: `"10MB"`; a number alone is bytes.
- A *category* is its names from the top down: `["tech", "python"]`, or `"tech/python"`. *Categories* are a list of
  such;
  `category` of a source takes one, `["tech", "python"]`, or several, `[["tech", "python"], ["news"]]`.
- A secret is never in the config: where it is said to be elsewhere, `"env:NAME"` is a variable of the environment, and
  `"file:PATH"` a file.
- Paths start from the folder that holds `config/`, or from the config's own folder where that has another name.
- In rules, a text is a word, found as a whole word where the script has spaces, or a regular expression of RE2,
  `"/^ad:/"`.
  Case and width of letters make no difference. Of several values one must match, and of several keys all.
"""

_SECTIONS = {
    "site": ("[site]", "Who publishes, where, and how much."),
    "fetch": ("[fetch]", "What a visit may cost, how often there is one, and which private networks may be contacted."),
    "web": ("[web]", "Where `aggregator serve` and the daemon serve what is published, and the dashboard."),
    "host": ("[[host]]", "How one host is treated, with all names below it."),
    "source": ("[[source]]", "What is read: a feed, posts of your own, a page without a feed."),
    "list": (
        "[[list]]",
        "A list that is kept elsewhere, whose feeds are read for as long as it has them: `url` or `path`.",
    ),
    "category": (
        "[[category]]",
        "What a category is called, and what is in it. Those without a table of their own exist, too.",
    ),
}


def document() -> str:
    """The whole document."""
    made = schema.schema()
    parts = [_BEGIN]
    for name, (header, what) in _SECTIONS.items():
        values = made["properties"][name]
        table = values.get("items", values) if values.get("type") == "array" else values
        parts += [f"\n## `{header}`\n\n{what}\n", *(_source(table, made) if name == "source" else _rows(table))]
        if name == "category":
            parts += ["\n### `[[category.rule]]`\n\nAs for a source, without `route` and `{source}`.\n"]
    return "".join(parts)


def _source(table: Mapping[str, Any], made: Mapping[str, Any]) -> Iterable[str]:
    own = {key for kind in schema.of_kinds().values() for key in kind.model_fields}
    pace = [key for key in Pacing.model_fields if key in table["properties"]]
    yield "\nKeys of all kinds:\n"
    yield from _rows(table, [key for key in table["properties"] if key not in own and key not in pace])
    yield f"\n{', '.join(f'`{key}`' for key in pace)} are as in [`[fetch]`](#fetch), for this source alone.\n"
    yield "\nKeys of some kinds:\n"
    yield from _rows(table, [key for key in table["properties"] if key in own])
    yield "\n### `[source.select]`\n\nCSS selectors, all but `item` within an entry; `SELECTOR@NAME` is an attribute.\n"
    yield from _rows(made["$defs"]["Select"])
    yield "\n### `[[source.rule]]`\n\nRules are tried in their order; each lets in, or keeps out, or changes.\n"
    yield from _rows(made["$defs"]["SourceRule"])
    yield "\n`include`, `exclude` and `when` are tables of what must hold:\n"
    yield from _rows(made["$defs"]["MatchTable"])


def _rows(table: Mapping[str, Any], keys: Iterable[str] = ()) -> Iterable[str]:
    yield "\n| key | value | default | |\n|---|---|---|---|\n"
    for key in keys or table["properties"]:
        values = table["properties"][key]
        default = f"`{_written(values['default'], values)}`" if "default" in values else ""
        default = "must be given" if key in table.get("required", ()) else default
        example = f" Such as `{_written(values['examples'][0], values)}`." if "examples" in values else ""
        yield f"| `{key}` | {_type(values)} | {default} | {values.get('description', '')}{example} |\n"


def _type(values: Mapping[str, Any]) -> str:
    """What is written there, in words."""
    if "enum" in values:
        return ", ".join(f"`{_written(each)}`" for each in values["enum"])
    if values.get("type") == "array":
        if "$ref" in values["items"]:
            return "list of tables"
        return f"list of {_type(values['items'])}s".replace("texts", "text")
    if values.get("type") in ("integer", "number") and "title" not in values:
        what = "whole number" if values["type"] == "integer" else "number"
        low, high = values.get("minimum"), values.get("maximum")
        if high is not None:
            return f"{what}, {low:,} to {high:,}"
        return what if low is None else f"{what}, {low} or more"
    words = {"boolean": "`true` or `false`", "object": "table", "string": "text"}
    return str(values.get("title") or ("table" if "$ref" in values else words[values["type"]]))


def _written(value: Any, values: Mapping[str, Any] | None = None) -> str:
    """A value as TOML has it, in one line."""
    if values and values.get("title") == "size" and isinstance(value, int):
        return f'"{value // 10**6}MB"' if value % 10**6 == 0 else f'"{value // 1000}KB"'
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_written(each)}' for key, each in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(_written(each) for each in value)}]"
    return json.dumps(value, ensure_ascii=False)
