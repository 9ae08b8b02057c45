"""Days as people write them in their language. The one door to Babel, which knows that from Unicode's CLDR."""

from datetime import date
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date


def day(moment: object, language: str) -> str:
    """A day in words: `17. Mai 2024`. `moment` is a date or datetime (UTC), or either as text (RFC 3339)."""
    return format_date(date.fromisoformat(str(moment)[:10]), "long", _locale(language))


@lru_cache(maxsize=8)
def _locale(language: str) -> Locale:
    """What CLDR knows of a language tag (BCP 47), or of as much of its beginning as it knows; else English."""
    parts = language.split("-")
    for end in range(len(parts), 0, -1):
        try:
            return Locale.parse("-".join(parts[:end]), sep="-")
        except (ValueError, UnknownLocaleError):  # an extension or a private subtag; a language without data
            continue
    return Locale("en")
