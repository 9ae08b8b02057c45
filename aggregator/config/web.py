"""What `[web]` says of the dashboard's door: who is behind it without being asked, and the token of all others."""

from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path

from aggregator.config import secrets
from aggregator.config.problems import Problem
from aggregator.config.tables import Web
from aggregator.languages import marked
from aggregator.values import address, is_loopback

_SHORT = 16  # characters; whoever finds the port may try as often as he likes


def is_local(web: Web) -> bool:
    """Whether the dashboard can be reached from this machine alone."""
    return is_loopback(address(web.dashboard)[0])


def token(web: Web, root: Path) -> str:
    """The token itself, "" where none is asked for. Raises ValueError, MissingError when there is no good one."""
    found = secrets.reveal(web.token, root) if web.token else ""
    if found and (len(found) < _SHORT or not found.isascii()):
        raise secrets.MissingError(
            marked("{place} is too easy to guess; write {least} or more ASCII characters"),
            place=web.token,
            least=_SHORT,
        )
    return found


def check(web: Web, root: Path, missing: list[Problem]) -> Iterator[Problem]:
    """What is wrong with them; a secret that is not there goes to `missing`."""
    if web.dashboard and not web.token and not is_local(web):
        advice = _('write a token ("env:NAME" or "file:PATH") below [web], or listen at 127.0.0.1')
        yield (
            ("web", "dashboard"),
            _("shows everything to everyone who can reach {place}; {advice}").format(
                place=web.dashboard, advice=advice
            ),
        )
    try:
        token(web, root)
    except secrets.MissingError as error:
        missing.append((("web", "token"), str(error)))
    except ValueError as error:
        yield ("web", "token"), str(error)
