"""Whether a permanent redirect is to be believed, and what of it where that leads to another source. Pure.

RFC 9110 §15.4.2 lets a client use the new address at once; but publishers redirect to maintenance pages and come back,
so aggregators have always waited for confirmations.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from aggregator.model import Move, Pace
from aggregator.text import LONGEST_URL, http_url, masked


def moved(history: Move | None, url: str, seen: str, pace: Pace, now: datetime, *, overlap: bool | None) -> Move | None:
    """What is known after a visit at `now` of the document that the config has at `url`.

    A move that is `believed` is asked at its own `url`; one that is not, at the config's. `seen` is `Document.moved_to`
    of that answer: "" when a document or something temporary answered first, which ends a move that is not believed, as
    another target does. `overlap` says that the target is the same feed, for it had items that were known already, or
    answered 304 to validators that it gave itself; a visit without counts for nothing. A target that was another feed
    when first met never counts, its `visits` stay 0: later its own items are known. With None nobody can tell, as it
    had no items: it is not met yet. Nor does a step from https down to http, or to an
    address that is too long to be kept. A visit that failed, or the very first one, says nothing: leave the history as
    it is.
    """
    settled = history if history and history.believed else None
    asked = settled.url if settled else url
    if seen in ("", asked) or len(seen) > LONGEST_URL or (_is_secure(asked) and not _is_secure(seen)):
        return settled
    is_first = not history or history.url != seen
    if is_first and overlap is None:
        return settled
    if not history or is_first:
        history = Move(seen, 0, now)
    if not overlap or (history.visits == 0 and not is_first):
        return settled or history
    visits, since = history.visits + 1, min(history.since, now)  # a clock that was wrong must not hold it up
    believed = visits >= pace.move_visits and now - since >= pace.move_after
    return replace(history, visits=visits, since=since, believed=believed)


def strange(move: Move | None) -> str:
    """What the owner should know of a permanent redirect that is followed and never believed; "" for any other."""
    if move is None or move.believed or move.visits:
        return ""
    advice = "if it is meant, write that address as url; else disable or remove the source"
    return f"a permanent redirect leads to {masked(move.url)}, where no entry of this feed was found; {advice}"


def twins(moves: Mapping[str, Move | None], failing: Collection[str] = ()) -> Mapping[str, str]:
    """The sources that need not be asked, as they have moved to where another one is: their keys, each with that one's.

    `moves` is what is known of all sources of the config, by key. One that has moved away itself, or that is `failing`
    (maybe by what is in the config for it alone), takes nobody's place.
    """
    gone = {key: http_url(move.url) for key, move in moves.items() if move and move.believed}
    there = {http_url(key): key for key in sorted(moves.keys() - gone.keys() - set(failing)) if http_url(key)}
    return {key: there[url] for key, url in gone.items() if url in there}


def is_own_turn(failures: int, pace: Pace) -> bool:
    """Whether, after so many `failures` in a row, a source is asked at the config's own address, and not where it moved
    to or where its feed was found.

    From `pace.move_visits` on that is every other visit: nobody knows which of the two comes back. Our own rule.
    """
    over = failures - max(pace.move_visits, 1)
    return over >= 0 and over % 2 == 0


def _is_secure(url: str) -> bool:
    return url[:6].lower() == "https:"
