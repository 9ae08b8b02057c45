"""Days as people write them in their language. The one door to Babel, which knows that from Unicode's CLDR."""

from datetime import UTC, date, datetime
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date

from aggregator import dates


def day(moment: object, language: str, zone: str = "UTC") -> str:
    """A day in words: `17. Mai 2024`. `moment` is a date, or a datetime (UTC) whose day in `zone` (an IANA name) is
    meant, or either as text (RFC 3339)."""
    said = str(moment)
    found = date.fromisoformat(said) if len(said) == 10 else dates.day(_moment(said), zone)
    return format_date(found, "long", _locale(language))


def _moment(said: str) -> datetime:
    moment = datetime.fromisoformat(said)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


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
