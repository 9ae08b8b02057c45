"""Which entry of a visit is which known one. Each known one is given once, by the surest sign. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from aggregator.identity.keys import DECIDING, folded
from aggregator.identity.values import Known, Met
from aggregator.policy import Identity

_CROWD = 100  # what so many entries of one source have tells nothing, and to compare all with all would take too long
_DAY = timedelta(days=1)

Adopted = dict[int, tuple[Known, str]]
"""By the number of the incoming entry: whom it is, and the sign by which that was seen, in words."""
_Fits = Callable[[Met, Known], bool]
_Pass = tuple[str, tuple[str, ...], str, _Fits]  # in words; kinds of keys; which are barred; what else must hold


def adopt(incoming: Sequence[Met], rows: Sequence[Known], mode: Identity, *, learned: bool) -> Adopted:
    """Which incoming entry (by its number) is which known one, by the signs that a mode trusts."""
    if mode == "auto" or learned:
        passes = _CONTENT if mode == "content" else _AUTO
        return _adopt(incoming, rows, passes)
    return _adopt(incoming, rows, _STRICT[mode])


def adopt_by_hints(incoming: Sequence[Met], rows: Sequence[Known], met: Adopted) -> Adopted:
    """Who the entries may be that nobody knows, if their feed has given all of them new ids.

    Weaker signs than usual, but each only where it leaves no other choice, on both sides.
    """
    found: Adopted = {}
    for how, kind, fits in _HINTS:
        taken = {row.id for row, _ in (*met.values(), *found.values())}
        left = [number for number in range(len(incoming)) if number not in met and number not in found]
        free = _by_key(row for row in rows if row.id not in taken)
        pairs = [(number, row) for number in left for row in _alike(incoming[number], kind, free, fits)]
        choices = Counter(number for number, _ in pairs)
        chosen = Counter(row.id for _, row in pairs)
        found |= {number: (row, how) for number, row in pairs if choices[number] == 1 and chosen[row.id] == 1}
    return found


def _alike(each: Met, kind: str, free: dict[str, list[Known]], fits: _Fits) -> list[Known]:
    holders = [row for key in each.keys if key.startswith(kind) for row in free.get(key, [])]
    return [row for row in holders if fits(each, row)] if len(holders) <= _CROWD else []


def _adopt(incoming: Sequence[Met], rows: Sequence[Known], passes: Sequence[_Pass]) -> Adopted:
    """A guid or link that several incoming entries have, or several known ones, does not tell them apart: then the text
    has to agree, or at least the title.
    """
    if not rows:
        return {}
    names = [{*each.keys, *_titled(each.keys, each.item.title), *_dated(each)} for each in incoming]
    by_key = _by_key(rows)
    repeated = {key for key, count in Counter(key for own in names for key in own).items() if count > 1}
    vague = repeated | {key for key, held in by_key.items() if len(held) > 1}
    crowd = {key for key, held in by_key.items() if len(held) > _CROWD}
    bars: dict[str, Collection[str]] = {"": (), "vague": vague, "crowd": crowd, "crowd or repeated": crowd | repeated}
    adopted: Adopted = {}
    taken: set[int] = set()
    for how, kinds, barred, fits in passes:
        for number, each in enumerate(incoming):
            if number in adopted:
                continue
            hits = [by_key.get(key, []) for key in names[number] if key.startswith(kinds) and key not in bars[barred]]
            fitting = [row for row in min(hits, key=len, default=[]) if row.id not in taken and fits(each, row)]
            if fitting:
                best = max(fitting, key=partial(_likeness, each))
                adopted[number] = best, how
                taken.add(best.id)
    return adopted


def _by_key(rows: Iterable[Known]) -> dict[str, list[Known]]:
    found: dict[str, list[Known]] = defaultdict(list)
    for row in rows:
        for key in {*row.keys, *_titled(row.keys, row.title), *_dated(row)}:
            found[key].append(row)
    return found


def _likeness(each: Met, row: Known) -> tuple[int, int]:
    """How many keys both have; among equals the newest is the likeliest."""
    return len(row.keys.intersection(each.keys)), row.id


def _titled(keys: Iterable[str], title: str) -> set[str]:
    """Guids and links with the title beside them, for those that alone do not tell."""
    return {f"titled {key} {title}" for key in keys if title and key.startswith(("guid:", "link:"))}


def _dated(post: Met | Known) -> set[str]:
    """A post's title and date: what it still has after it was renamed and mended in one go."""
    value = post.item if isinstance(post, Met) else post
    return {f"dated {value.title}"} if value.origin and value.title and value.published else set()


# --- What else must hold --------------------------------------------------------------------------------------------


def _any(each: Met, row: Known) -> bool:
    return True


def _has(found: Iterable[str], *kinds: str) -> bool:
    return any(key.startswith(kinds) for key in found)


def _whole(each: Met, row: Known) -> bool:
    return all(key in row.keys for key in each.keys if key.startswith(("guid:", "link:", "path:", "text:")))


def _all_but_guid(each: Met, row: Known) -> bool:
    """Page and text are the same, so the guid is what has changed, even to that of another entry."""
    own = [key for key in each.keys if key.startswith(("link:", "text:"))]
    return len(own) == 2 and row.keys.issuperset(own) and not each.item.origin


def _moved(each: Met, row: Known) -> bool:
    """The same id or address but for scheme and host: surely where only the scheme changed, else when title or date
    bear it out, as two sites in one feed may well have a page of the same name."""
    scheme, mark, rest = each.item.guid.partition("://")
    if mark and f"guid:{'https' if scheme == 'http' else 'http'}://{rest}" in row.keys:
        return True
    unseen = not each.item.guid or "guid:" + each.item.guid not in row.keys
    return unseen and (_same_second(each, row) or (_same_title(each, row) and _same_day(each, row)))


def _same_page(each: Met, row: Known) -> bool:
    """A link alone is not enough when both have guids and these differ: some feeds give all entries one page."""
    return row.title == each.item.title or _same_guid(each, row) or _same_second(each, row)


def _same_guid(each: Met, row: Known) -> bool:
    """The guids do not speak against it."""
    return not each.item.guid or each.keys[0] in row.keys or not _has(row.keys, "guid:")


def _certain(each: Met, row: Known) -> bool:
    """The same text, and another key besides."""
    return any(key in row.keys for key in each.keys if key.startswith(("guid:", "link:", "path:")))


def _no_two_pages(each: Met, row: Known) -> bool:
    """Equal text decides unless both have pages, and so different ones: two commits may well read the same. But not
    in the same second."""
    if not _has(each.keys, "link:") or not _has(row.keys, "link:", "date:"):
        return True
    return _same_second(each, row)


def _is_nameless(each: Met, row: Known) -> bool:
    """Neither has a name that could speak against it, and the known one was not removed before."""
    return not row.removed and _same_moment(each, row) and not _has((*each.keys, *row.keys), "guid:", "link:")


def _is_there(each: Met, row: Known) -> bool:
    """A file that comes back with another text is another post, though it has the name of one that was removed; but
    what was removed for good, its file was there all the time."""
    still = row.final and (_same_title(each, row) or _same_moment(each, row))
    return not row.removed or still


def _from_before(kind: str, each: Met, row: Known) -> bool:
    """One of the two has not what decides now: it was stored in another mode, or upstream gave none."""
    return not _has(each.keys, kind) or not _has(row.keys, kind)


def _from_before_and_day(kind: str, each: Met, row: Known) -> bool:
    return _from_before(kind, each, row) and _same_day(each, row)


# --- Titles and dates -----------------------------------------------------------------------------------------------


def _same_title(each: Met, row: Known) -> bool:
    return bool(row.title) and folded(row.title) == folded(each.item.title)


def _date(each: Met) -> datetime | None:
    return each.item.published or each.item.updated


def _same_moment(each: Met, row: Known) -> bool:
    """To the second; of a day without a time, that day."""
    date = _date(each)
    if not date or not row.published:
        return False
    if each.item.day_only:
        return timedelta() <= row.published - date < _DAY
    return date.replace(microsecond=0) == row.published


def _same_second(each: Met, row: Known) -> bool:
    """The same moment, where that is one of the day and not the day alone."""
    return _same_moment(each, row) and not each.item.day_only and _has_time(_date(each))


def _has_time(date: datetime | None) -> bool:
    return bool(date and (date.hour or date.minute or date.second))


def _same_day(each: Met, row: Known) -> bool:
    """The same day of UTC, or no day on either side."""
    date = _date(each)
    if not date or not row.published:
        return not date and not row.published
    return date.date() == row.published.date() or _same_moment(each, row)


def _title_and_day(each: Met, row: Known) -> bool:
    """On one day, and not with another text at another time of it, as an hourly report would be."""
    date = _date(each)
    if not date or not row.published or not _same_day(each, row):
        return False
    exact = _has_time(date) and _has_time(row.published) and not each.item.day_only
    return not exact or _same_moment(each, row) or each.words == row.words


def _title_alone(each: Met, row: Known) -> bool:
    """The dates do not speak against it, or the text bears it out."""
    return not _date(each) or not row.published or each.words == row.words


_AUTO: tuple[_Pass, ...] = (
    ("guid", ("guid:", "link:", "path:", "text:"), "", _whole),
    ("link and text", ("link:",), "vague", _all_but_guid),
    ("guid", ("guid:",), "vague", _any),
    ("address without host", ("tail:",), "vague", _moved),
    ("link", ("link:",), "vague", _same_page),
    ("text", ("text:",), "crowd", _certain),
    ("guid and title", ("titled guid:",), "crowd", _any),
    ("link and title", ("titled link:",), "crowd or repeated", _same_guid),
    ("link and day", ("date:",), "vague", _any),
    ("text", ("text:",), "crowd", _no_two_pages),
    ("text", ("body:",), "vague", _any),
    ("title and day", ("dated ",), "vague", _is_nameless),
    ("file", ("path:",), "", _is_there),
)
_CONTENT: tuple[_Pass, ...] = (
    ("text", ("text:",), "crowd", _any),
    ("text", ("body:",), "vague", _any),
    ("title and day", ("title:",), "vague", _same_day),
)
_HINTS: tuple[tuple[str, str, _Fits], ...] = (
    ("address without host", "tail:", _any),
    ("link", "link:", _any),
    ("text", "text:", _any),
    ("title and day", "title:", _title_and_day),
    ("title", "title:", _title_alone),
)


def _strictly(mode: Identity) -> tuple[_Pass, ...]:
    """One kind of key decides; what was stored in another mode is still met by its link or its text."""
    kind, *instead = DECIDING[mode]
    link: _Fits = partial(_from_before, kind)
    if mode == "link+date":
        link, instead = partial(_from_before_and_day, kind), ["link:"]
    return (
        (mode, (kind,), "", _any),
        *(("link", (other,), "vague", link) for other in instead),
        ("text", ("text:",), "crowd", partial(_from_before, kind)),
    )


_STRICT: dict[Identity, tuple[_Pass, ...]] = {mode: _strictly(mode) for mode in DECIDING}
