"""The messages that are to be translated, found where they stand, and the catalogs that hold them.

`python -m tests.messages` brings aggregator/languages/ up to date: what is new stands in the .po with an empty msgstr,
what is gone is gone, and the .mo are made anew. Translate, and run it again.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from inspect import cleandoc
from io import BytesIO
from pathlib import Path

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from aggregator import phrases
from aggregator.cli import cli
from aggregator.languages import FOLDER
from aggregator.phrases import known as sayings

PACKAGE = FOLDER.parent
LANGUAGES = {"pages": ("ar", "de", "es", "fr", "ja", "zh"), "commands": ("zh",)}
"""Which languages each domain speaks, besides English."""

Id = tuple[str, str | tuple[str, ...]]
"""The context of a message ("" for none), and its text, or those of one and of many."""

_KEYWORDS: Mapping[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "_many": (2, 3),
    "marked": None,
}


def wanted(domain: str) -> list[Id]:
    """All messages of a domain, in the order of the files."""
    if domain == "pages":
        with (PACKAGE / "web" / "app.py").open("rb") as file:
            missing = list(_found(extract("python", file, {"gettext": None})))
        return list(dict.fromkeys([*_in_templates("formats"), *missing]))
    ours = [*_in_modules(PACKAGE), *_in_help(cli), *_in_templates("web"), *_in_phrases()]
    return list(dict.fromkeys(ours))


def welcome(domain: str) -> list[Id]:
    """Messages that may be translated and need not be: those of click, which are not the same in each of its versions."""
    return list(dict.fromkeys(_in_modules(Path(click.__file__).parent))) if domain == "commands" else []


def _in_templates(room: str) -> Iterable[Id]:
    for path in sorted((PACKAGE / room / "templates").glob("*.html")):
        with path.open("rb") as file:
            yield from _found(extract("jinja2.ext:babel_extract", file, _KEYWORDS, options={"silent": "false"}))


def _in_modules(package: Path) -> Iterable[Id]:
    for path in sorted(package.rglob("*.py")):
        with path.open("rb") as file:
            yield from _found(extract("python", file, _KEYWORDS))


def _in_help(command: click.Command) -> Iterable[Id]:
    """What `cli.common.translate` puts into another language."""
    helps = [
        command.help and cleandoc(command.help),
        *(each.help for each in command.params if isinstance(each, click.Option)),
    ]
    yield from (("", text) for text in helps if text)
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        yield from _in_help(below)


def _in_phrases() -> Iterable[Id]:
    """What `phrases` knows, and the classes of trouble."""
    yield from (("", pattern) for pattern in (*phrases.JOINTS, *sayings.PATTERNS))
    yield from (("trouble", kind) for kind in sayings.KINDS)


def _found(messages: Iterable[tuple[int, str | tuple[str, ...], list[str], str | None]]) -> Iterable[Id]:
    for _, message, _, context in messages:
        yield context or "", message


def path_of(domain: str, language: str, end: str = ".po") -> Path:
    return FOLDER / language / "LC_MESSAGES" / f"{domain}{end}"


def read(domain: str, language: str) -> Catalog:
    """The catalog as it is in its .po; an empty one where there is none."""
    path = path_of(domain, language)
    content = path.read_bytes() if path.exists() else b""
    return read_po(BytesIO(content), locale=language, abort_invalid=True)


def update(domain: str, language: str) -> int:
    """Bring a .po and its .mo up to date. Gives how many messages have no translation yet."""
    known, made = read(domain, language), Catalog(locale=language)
    ours = wanted(domain)
    for context, message in dict.fromkeys([*ours, *welcome(domain)]):
        old = known.get(message if isinstance(message, str) else message[0], context or None)
        if not old and (context, message) not in ours:
            continue
        made.add(
            message,
            old.string if old else None,
            context=context or None,
            flags=old.flags if old else (),
            auto_comments=() if (context, message) in ours else ("click",),
        )
    po, mo = BytesIO(), BytesIO()
    head = f"Language: {language}", "Content-Type: text/plain; charset=UTF-8", f"Plural-Forms: {made.plural_forms}"
    po.write(("\n".join(['msgid ""', 'msgstr ""', *(f'"{line}\\n"' for line in head)]) + "\n\n").encode())
    write_po(po, made, width=110, no_location=True, omit_header=True)
    made.creation_date = made.revision_date = datetime(2000, 1, 1, tzinfo=UTC)  # the same bytes whenever it is made
    write_mo(mo, made)
    path_of(domain, language).parent.mkdir(parents=True, exist_ok=True)
    path_of(domain, language).write_bytes(po.getvalue().rstrip() + b"\n")
    path_of(domain, language, ".mo").write_bytes(mo.getvalue())
    return sum(not all(said(message)) for message in made if message.id)


def said(message: Message) -> list[str]:
    """The translation of a message, or its translations for the numbers that a language tells apart."""
    return [message.string] if isinstance(message.string, str) else list(message.string or [""])


if __name__ == "__main__":
    for domain, languages in LANGUAGES.items():
        for language in languages:
            print(f"{language}/{domain}: {update(domain, language)} without a translation")
