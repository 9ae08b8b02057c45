"""What the program says in other languages than English: catalogs of gettext, LANGUAGE/LC_MESSAGES/DOMAIN.po and .mo.

`pages` are the web pages' own words, in the language of the site; `commands` is what commands say on a terminal, in the
language of who reads it. What programs read (`--json`, logs, the store) is English. The .mo are made from the .po, and
kept beside them, so that a clone speaks without a build: `python -m tests.messages` makes both anew.
"""

from functools import lru_cache
from gettext import NullTranslations, translation
from pathlib import Path

FOLDER = Path(__file__).parent


@lru_cache(maxsize=8)
def pages(language: str) -> NullTranslations:
    """The pages' words in a language (BCP 47), whatever the environment says; English for one that we do not speak."""
    return translation("pages", FOLDER, [language.replace("-", "_"), language.partition("-")[0]], fallback=True)
