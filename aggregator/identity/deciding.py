"""What a visit means: which entries are new, changed, the same or gone, and what their dates are. Pure."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from aggregator.identity.keys import print_of, signs, stored
from aggregator.identity.learning import learn, reidentified
from aggregator.identity.recognising import adopt
from aggregator.identity.values import Change, Decision, Habits, Known, Met
from aggregator.model import Item, Signs
from aggregator.policy import Future, Identity, Policy

_PLAIN, _UNKNOWN = Policy(), Habits()
_DAY = timedelta(days=1)
_SHORT_DAY = timedelta(hours=23) - timedelta(seconds=1)  # so long a day is at least, when summer time begins
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_NO_NAMES = ("path:", "tail:", "title:")  # what an item is not called after: they may be another's one day


def decide(
    items: Sequence[Item],
    known: Sequence[Known],
    now: datetime,
    *,
    remote: bool,
    policy: Policy = _PLAIN,
    habits: Habits = _UNKNOWN,
    held: Collection[str] = frozenset(),
    part: bool = False,
    ready: Sequence[Signs] | None = None,
) -> Decision:
    """What a visit means for one source, in an order that does not depend on the order of `items`.

    `known` holds every item of the source that shares a key with one of `items`, and, for local posts, every item of a
    file that was read again or is gone. `held` names the files that stand as they were, whose items nobody may adopt.
    A local item that is known and not met again is removed; a feed only lists its newest, so from absence nothing
    follows. `habits` are what earlier visits taught; what the owner says of `policy.identity` goes before. Posts are
    always recognised by all that they have. What is but a `part` of a feed, as hubs deliver it, teaches nothing of its
    habits, and takes more to look like a feed with new ids. `ready` are the signs of `items` that were made already.
    """
    learned = policy.identity == "auto"
    mode = (habits.mode if learned else policy.identity) if remote else "auto"
    ready = [signs(item) for item in items] if ready is None else ready
    met = [_meet(item, own, mode, learned=learned) for item, own in zip(items, ready, strict=True)]
    incoming = _distinct(met, remote, strict=not learned and remote)
    rows = [row for row in sorted(known, key=lambda row: row.id) if row.origin not in held or remote]
    adopted = adopt(incoming, rows, mode, learned=learned)
    warning = ""
    if remote and learned:
        hinted, warning = reidentified(incoming, rows, adopted, part=part)
        adopted |= hinted
    learnt = learn(habits, incoming, adopted) if remote and learned and not part else habits
    future = policy.future or ("clamp" if remote else "hide")
    revise = partial(_revise, now=now, future=future, policy=policy)
    repeated = Counter(key for each in incoming for key in each.stored)
    used = {key for row in known for key in row.keys}
    changes: list[Change] = []
    dropped: set[str] = set()
    for number, each in enumerate(incoming):
        if number in adopted:
            changes.append(revise(each, adopted[number][0]))
        elif future == "drop" and _lies_ahead(each.item, now):
            dropped.add(each.item.origin)
        else:
            free = [key for key in each.stored if repeated[key] == 1 and key not in used]
            free = [key for key in free if not key.startswith(_NO_NAMES)]
            changes.append(_new(each, free[0] if free else "all:" + print_of("\0".join(each.stored)), now, future))
    if not remote:
        taken = {row.id for row, _ in adopted.values()}
        changes += [_removed(row, now) for row in rows if row.id not in taken and not row.removed]
    notes = ("" if mode == "content" else warning, _told(habits, learnt))  # there, new links are no news
    return Decision(tuple(changes), tuple(filter(None, notes)), learnt, frozenset(dropped))


def _told(before: Habits, after: Habits) -> str:
    return f"is recognised by {after.mode} from now on: {after.why}" if after.mode != before.mode else ""


def _meet(item: Item, own: Signs, mode: Identity, *, learned: bool) -> Met:
    """An item of a visit; a guid that nobody trusts is left out, lest it count as an edit."""
    if item.guid and mode not in ("auto", "guid"):
        item = replace(item, guid="")
        own = signs(item)
    return Met(item, own.keys, stored(own.keys, mode, learned=learned), own.digest, own.words)


def _distinct(every: Sequence[Met], remote: bool, *, strict: bool) -> list[Met]:
    """What was met, sorted. What a feed lists twice is one: guid, link and words are equal, without a guid the day too.

    Where the owner says what decides, that alone is compared, and of two the later is taken. Two files are always two.
    """
    every = _sorted(every)
    if not remote:
        return every
    if strict:
        every = sorted(every, key=lambda each: each.item.updated or each.item.published or _LONG_AGO, reverse=True)
    seen: dict[tuple[str, ...], Met] = {}
    for each in every:
        names = tuple(key for key in each.keys if key.startswith(("guid:", "link:", "path:")))
        said = each.words if each.item.guid else each.keys[-1]
        seen.setdefault(each.stored[:1] if strict else (*names, said), each)
    return _sorted(seen.values()) if strict else list(seen.values())


def _sorted(every: Collection[Met]) -> list[Met]:
    """In an order that does not depend on the one they came in."""
    if len({each.keys for each in every}) == len(every):
        return sorted(every, key=lambda each: each.keys)
    return sorted(every, key=lambda each: (each.keys, repr(each.item)))


def _new(each: Met, identity: str, now: datetime, future: Future) -> Change:
    published, updated = _dates(each.item, now, future)
    waits = _waits(published, now, future)
    said = each.stored, identity, each.digest, each.words, published, updated
    return Change("new", each.item, None, *said, waits=waits)


def _lies_ahead(item: Item, now: datetime) -> bool:
    return item.published is not None and item.published > now


def _dates(item: Item, now: datetime, future: Future) -> tuple[datetime | None, datetime]:
    """Published and updated at first sight. Where upstream says only when it was updated, as Atom may, that is both.

    A day that has begun gets the time of day at which the entry was first seen.
    """
    published = item.published or (min(item.updated, now) if item.updated else None)
    if published and item.published and item.day_only and published <= now:
        clock = (now - published) % _DAY
        published += clock if now - published < _DAY else min(clock, _SHORT_DAY)
    published = min(published, now) if future == "clamp" and published else published
    shown = published or now
    return published, max(shown, min(item.updated, now) if item.updated else shown)


def _revise(each: Met, row: Known, *, now: datetime, future: Future, policy: Policy) -> Change:
    """A known item again. `published` stays; `updated` moves only when the words did (RFC 4287 §4.2.15).

    A post whose file was renamed is taken as it is now, whatever the policy: its file has to be known.
    """
    change = Change("same", each.item, row, each.stored, "", row.digest, row.words, row.published, row.updated)
    change = replace(change, waits=_waits(row.published, now, future))
    here = each.item.origin == row.origin
    ignored = policy.updates == "ignore" and here and not row.removed and not change.waits
    ahead = future == "drop" and _lies_ahead(each.item, now) and (here or row.removed)
    if row.final or ignored or ahead:
        return change
    published, updated, meant = row.published, row.updated, not change.waits and each.words != row.words
    if change.waits:  # its owner may move its day
        published, updated = _dates(each.item, now, future)
    elif meant and policy.updates != "silent":
        said = each.item.updated
        updated = said if said and row.updated < said <= now else now
    if each.digest == row.digest and not row.removed and published == row.published:
        return change
    change = replace(change, what="edited", digest=each.digest, words=each.words, published=published, updated=updated)
    return replace(change, meant=meant, waits=_waits(published, now, future))


def _waits(published: datetime | None, now: datetime, future: Future) -> bool:
    return future == "hide" and published is not None and published > now


def _removed(row: Known, now: datetime) -> Change:
    return Change("removed", None, row, (), "", row.digest, row.words, row.published, now)
