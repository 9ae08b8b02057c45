"""What the program says in other languages than English: catalogs of gettext, LANGUAGE/LC_MESSAGES/DOMAIN.po and .mo.

`pages` are the web pages' own words, in the language of the site; `commands` is what the owner reads: on a terminal in
the language of who reads it, on the dashboard and in the feed of failures in that of the site. What programs read
(`--json`, logs, the store) is English. The .mo are made from the .po, and kept beside them, so that a clone speaks
without a build: `python -m tests.messages` makes both anew.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from gettext import NullTranslations, bindtextdomain, textdomain, translation
from pathlib import Path

FOLDER = Path(__file__).parent

_ENDS = ("？", "。", "！")


@lru_cache(maxsize=8)
def pages(language: str) -> NullTranslations:
    """The pages' words in a language (BCP 47), whatever the environment says; English for one that we do not speak."""
    return translation("pages", FOLDER, [language.replace("-", "_"), language.partition("-")[0]], fallback=True)


@lru_cache(maxsize=8)
def owners(language: str) -> tuple[str, NullTranslations]:
    """The words for the owner of a site in this language (BCP 47), whatever the environment says, and the language that
    they are in: English where we do not speak it."""
    found = translation("commands", FOLDER, [language.replace("-", "_"), language.partition("-")[0]], fallback=True)
    return found.info().get("language", "en"), found


def terminals() -> NullTranslations:
    """The words for who reads the terminal, in the language that `speak` has found; English without it."""
    return translation(textdomain(), FOLDER, fallback=True)


def of_commands(environ: Mapping[str, str]) -> str:
    """The language that a terminal's owner wants commands to speak, "" for English: the first of `LANGUAGE` that we
    speak, unless English comes before it, where LC_ALL, LC_MESSAGES or LANG name any (GNU gettext manual §2.3)."""
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "C")
    if locale.partition(".")[0] in ("C", "POSIX"):
        return ""
    for each in (environ.get("LANGUAGE") or locale).split(":"):
        tag = re.split(r"[_.@]", each.lower())[0]
        if tag == "en" or (tag.isalpha() and (FOLDER / tag / "LC_MESSAGES" / "commands.mo").is_file()):
            return tag if tag != "en" else ""
    return ""


def reader(environ: Mapping[str, str]) -> str:
    """The tag (BCP 47) of the language that `of_commands` finds, with the country that the environment names: `zh-TW`;
    "" for English. Chinese without one is that of the mainland, in whose script we write."""
    tag = of_commands(environ)
    said = ":".join(environ.get(name, "") for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"))
    country = re.search(rf"(?:^|:){tag}_([A-Z]{{2}})(?![A-Za-z])", said) if tag else None
    return f"{tag}-{country[1]}" if country else {"zh": "zh-CN"}.get(tag, tag)


def speak() -> None:
    """Have gettext, which click uses as well, find what commands say in the environment's language (`of_commands`)."""
    bindtextdomain("commands", str(FOLDER))
    textdomain("commands")


def marked(message: str) -> str:
    """A message as it is, for `_` to look up later: one that stands in a table, or is told in English as well."""
    return message


def joined(mark: str, *parts: str) -> str:
    """Parts of a line with a mark between them, but for a part that ends a sentence of Chinese, which has its own."""
    return "".join(f"{each}{'' if each.endswith(_ENDS) else mark}" for each in parts[:-1]) + "".join(parts[-1:])


def speak_english() -> None:
    """No longer do as `speak` said: what follows is logged, or kept."""
    textdomain("messages")


@contextmanager
def in_english() -> Iterator[None]:
    """What is said within is kept, so it is English; then all is as before."""
    before = textdomain()
    speak_english()
    try:
        yield
    finally:
        textdomain(before)
