"""What a visit teaches of a feed's ids: whether all are new ones, and whether they are worth anything. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from aggregator.identity.recognising import Adopted, adopt_by_hints
from aggregator.identity.values import Habits, Known, Met

_FEW = 3  # so many entries are evidence
_VISITS = 2  # a feed may change its software once


def reidentified(incoming: Sequence[Met], rows: Sequence[Known], met: Adopted, *, part: bool) -> tuple[Adopted, str]:
    """Whom to adopt besides, as the feed has given its entries new ids, and a line that says so; or nothing.

    It has when most of its entries have an id that is new and are known by other signs. Of fewer than three, all have
    to be known, and by title and second; in a `part` of a feed that is not enough, as what they are mistaken for may
    just not be listed.
    """
    if not rows:
        return {}, ""
    own = sum(not _is_renamed(incoming[number], row) for number, (row, _) in met.items())
    renamed = {number: how for number, (row, how) in met.items() if _is_renamed(incoming[number], row)}
    hinted = adopt_by_hints(incoming, rows, met) if len(met) < len(incoming) else {}
    known, unsure = len(renamed) + len(hinted), len(incoming) - own
    few_are_enough = not part and hinted and known == unsure == len(incoming) and _all_surely(incoming, hinted)
    if known < _FEW and not few_are_enough:
        return {}, ""
    if known * 2 < unsure or unsure <= own:
        return {}, ""
    signs = Counter([*renamed.values(), *(how for _, how in hinted.values())])
    by = ", ".join(sign for sign, _ in sorted(signs.items(), key=lambda each: (-each[1], each[0])))
    return hinted, f"has given its entries new ids: {known} of {unsure} were recognised by {by}"


def _all_surely(incoming: Sequence[Met], hinted: Adopted) -> bool:
    return all(
        each.item.published == row.published is not None and each.item.title == row.title
        for each, row in ((incoming[number], row) for number, (row, _) in hinted.items())
    )


def _is_renamed(each: Met, row: Known) -> bool:
    """Whether its guid, or without one its link, was never seen, though the known one had such a key as well."""
    kind, own = next(
        ((kind, key) for kind in ("guid:", "link:") for key in each.keys if key.startswith(kind)), ("", "")
    )
    return bool(own) and own not in row.keys and any(key.startswith(kind) for key in row.keys)


def learn(habits: Habits, incoming: Sequence[Met], met: Adopted) -> Habits:
    """What is known of a feed's habits after a visit, from who was adopted by whom.

    Guids that most of its entries share, with links of their own, tell nothing. Nor do those that are new at two visits
    in a row for all entries that are met again.
    """
    if habits.mode != "auto":
        return habits
    guids = Counter(each.item.guid for each in incoming if each.item.guid)
    shared = sum(count for count in guids.values() if count > 1)
    if len(incoming) >= _FEW and shared * 2 > len(incoming) and _links_tell(incoming):
        return Habits("link", f"{shared} of its {len(incoming)} entries share their guid with others")
    pairs = [(incoming[number], row) for number, (row, _) in met.items() if incoming[number].item.guid]
    pairs = [(each, row) for each, row in pairs if any(key.startswith("guid:") for key in row.keys)]
    if not pairs:
        return habits
    if not all(_is_renamed(each, row) for each, row in pairs):
        return Habits()
    seen = replace(habits, visits=habits.visits + 1, met=habits.met + len(pairs))
    if seen.visits < _VISITS or seen.met < _FEW:
        return seen
    by_link = _links_tell(incoming) and all(_has_link_of(each, row) for each, row in pairs)
    why = f"all guids were new at {seen.visits} visits in a row, to {seen.met} entries that were known"
    return Habits("link" if by_link else "content", why)


def _links_tell(incoming: Iterable[Met]) -> bool:
    """Whether every entry has a link, and none has that of another."""
    links = [key for each in incoming for key in (*each.keys, "") if key.startswith("link:")]
    return len(links) == len(set(links)) == len(list(incoming))


def _has_link_of(each: Met, row: Known) -> bool:
    return any(key.startswith("link:") and key in row.keys for key in each.keys)
