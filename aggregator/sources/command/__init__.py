"""The kind `command`: a program of the owner's that prints a feed, or JSON lines: one entry a line.

It is run like any other source is asked: when it is due. `[site] allow_commands` has to let it.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from gettext import gettext as _
from hashlib import sha256
from pathlib import Path

from aggregator import text
from aggregator.errors import ParseError
from aggregator.model import Batch, Document, Fetch, Found, Source, Validators

REMOTE = True  # it is planned as those of other people are, and may be absent for a while without losing its entries

ADVICE = {
    "command failed": "run it by hand in the folder that paths start from",
    "bad output": "it has to print a feed, or lines that are JSON objects",
}
_SHOWN = 60  # characters of a command line in messages


@dataclass(frozen=True, slots=True)
class Options:
    """`command` is the program and its arguments, as they are: no shell looks at them. A relative path starts at
    `Source.root`, where the program runs."""

    command: tuple[str, ...] = field(repr=False)
    """The program and its arguments, as they are; a relative path starts where the config's paths do.
    Example: `["./tools/minutes.py", "--since", "30d"]`."""


def key(options: Options) -> str:
    """`command:` and the command line. Raises ValueError for none, and one that no index could hold."""
    if not options.command or not options.command[0].strip():
        raise ValueError(_('`command` is empty; write a list: ["PROGRAM", "ARGUMENT"]'))
    line = text.single_spaced(shlex.join(options.command))
    if len(line.encode()) > text.LONGEST_URL:
        raise ValueError(
            _("`command` has more than {most:,} bytes; put it into a script").format(most=text.LONGEST_URL)
        )
    return f"command:{line}"


async def documents(source: Source, known: Mapping[str, Validators], fetch: Fetch) -> Found:
    """What the program prints now; the same bytes as last time are unchanged. Raises SourceError: `command failed`,
    `timeout`, `too large`."""
    from aggregator.sources.command import running  # the config needs Options only

    body = await running.run(source.options.command, Path(source.root), source.limits)
    validators = Validators(etag=sha256(body).hexdigest())  # so the schedule knows that we see what is new
    if known.get(source.key) == validators:
        return Found(unchanged={source.key: validators})
    return Found(changed=(Document(source.key, source.base_url, body, validators=validators),))


def read(document: Document, source: Source) -> Batch:
    """The entries of what was printed. Raises ParseError (`bad output`)."""
    from aggregator.sources import feed

    lines, strange = _lines(document.body)
    if lines:
        listed = {"version": "https://jsonfeed.org/version/1.1", "items": lines}
        document = replace(document, body=json.dumps(listed).encode())
    try:
        batch = feed.read(document, source)
    except ParseError as problem:
        why = problem.message.removeprefix(f"{document.url}: ").partition("; ")[0]
        raise ParseError("bad output", f"{shown(source.options.command)}: {why}; {ADVICE['bad output']}") from None
    said = (each.removeprefix(f"{document.url}: ") for each in (*batch.warnings, *strange))
    return replace(batch, warnings=tuple(f"{shown(source.options.command)}: {each}" for each in said))


def shown(command: tuple[str, ...]) -> str:
    """A command line for a message."""
    return f"`{text.one_line(text.masked(shlex.join(command)), _SHOWN)}`"


def _lines(body: bytes) -> tuple[list[object], tuple[str, ...]]:
    """The objects of JSON lines (https://jsonlines.org), and a warning for lines that are none; nothing for what is
    none of that, such as a JSON Feed. A member of an entry is that of an item in JSON Feed 1.1."""
    found: list[object] = []
    strange: list[int] = []
    for number, line in enumerate(body.decode("utf-8-sig", "replace").split("\n"), 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line, strict=False)
        except (ValueError, RecursionError):
            said = None
        if isinstance(said, dict) and "items" not in said:
            found.append(said)
        elif not found:
            return [], ()
        else:
            strange.append(number)
    many = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
    return found, (f"line {strange[0]}{many}: is no JSON object, so it is left out",) if strange else ()
