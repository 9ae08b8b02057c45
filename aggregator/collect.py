"""Visit sources side by side. A source's failure becomes a value in its Visit and touches no other source.

This is the one place that decides where reading runs: in guarded processes, told by threads beside the event loop.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice

from aggregator import sources
from aggregator.asking import Asking
from aggregator.errors import FetchError, ParseError, SourceError
from aggregator.model import Catch, Document, Feed, Fetch, Found, Hints, Item, Signs, Source, Trouble, Validators, Visit
from aggregator.reading import pool

_log = logging.getLogger(__name__)
_AT_ONCE = 50
_MANY = 100  # documents of one source: a folder of posts may have thousands, a feed has one
_threads = ThreadPoolExecutor(pool.WAITING, "reader")  # they wait for processes, and take no time themselves

Heard = Callable[[str, int, int], None]
"""Hears, in threads, of a source with this key how many of its documents are read, of how many."""


async def collect(
    due: Sequence[tuple[Source, Mapping[str, Validators]]],
    fetch: Fetch,
    at_once: int = _AT_ONCE,
    heard: Heard = lambda *_: None,
) -> AsyncIterator[Visit]:
    """Visit each source, `at_once` side by side; yield each Visit as it ends. `heard` is told of long ones before."""
    waiting, under_way = iter(due), set[asyncio.Task[Visit]]()
    ended: asyncio.Queue[asyncio.Task[Visit]] = asyncio.Queue()
    try:
        for _ in due:
            for source, known in islice(waiting, at_once - len(under_way)):
                task = asyncio.create_task(visit(source, known, fetch, heard))
                under_way.add(task)
                task.add_done_callback(under_way.discard)  # what it found is not kept once it is handed over
                task.add_done_callback(ended.put_nowait)
            yield (await ended.get()).result()
    finally:
        if not all(task.done() for task in under_way):
            pool.end()  # nobody waits for what is being read
        for task in under_way:
            task.cancel()


async def visit(source: Source, known: Mapping[str, Validators], fetch: Fetch, heard: Heard = lambda *_: None) -> Visit:
    """One attempt at a source. Raises nothing but cancellation: whatever goes wrong is in the Visit."""
    asking = Asking(fetch)
    try:
        if missing := source.limits.access.missing:
            raise SourceError("secret", missing)
        kind = sources.find(source.kind)
        found = await kind.documents(source, known, asking)
        if found.changed:
            result = await asyncio.get_running_loop().run_in_executor(_threads, _read, source, found, heard)
        else:
            result = _read(source, found, heard)  # as mostly: nothing is read, and no thread is asked
    except SourceError as error:
        retry_after = error.retry_after if isinstance(error, FetchError) else None
        result = Visit(source, error=str(error), trouble=Trouble(error.kind, retry_after, asking.asked))
    except Exception as error:  # a border: a bug in one adapter must not cost the other sources their visit
        result = _mistaken(source, error)
    return replace(result, seconds=asking.seconds, cost=asking.cost)


async def read(source: Source, document: Document) -> Visit:
    """What a document is that nobody was asked for, as its hub delivered it. Raises ParseError."""
    batch = await asyncio.get_running_loop().run_in_executor(_threads, pool.read, source.kind, document, source)
    return Visit(source, batch.items, batch.feed, said={document.name: batch.warnings}, signs=batch.signs)


def withheld(answer: Document | None) -> tuple[str, ...]:
    """What the owner should know of a login that was not sent on to where a source has moved."""
    if not (answer and answer.withheld):
        return ()
    advice = "if it is meant for that host too, write the new address as url; else take it out of the config"
    return (
        f"the login (or headers) was sent to {answer.withheld} alone, and the source is at {answer.url} now; {advice}",
    )


def _read(source: Source, found: Found, heard: Heard = lambda *_: None, *, urgent: bool = False) -> Visit:
    """Read the documents that changed.

    One that cannot be read, or was lost, is a warning, or, when it was all there is, the error. What led to it, an
    index, is asked for in full again.
    """
    items: list[Item] = []
    signs: list[Signs] = []
    catches: tuple[Catch, ...] = ()
    feed: Feed | None = None
    hints: Hints | None = None
    answer = found.answer and replace(found.answer, body=b"")
    read: dict[str, Validators] = {}
    broken = dict(found.lost)
    said = {"": (*found.warnings, *withheld(found.answer))}
    in_brief: frozenset[Item] = frozenset()
    for number, document in enumerate(found.changed):
        if number % _MANY == 0 < number:
            heard(source.key, number, len(found.changed))
        try:
            batch = pool.read(source.kind, document, source, urgent=urgent)
        except ParseError as error:
            broken[document.name] = str(error)
            catches += error.catches
            continue
        items += batch.items
        signs += batch.signs
        feed = batch.feed or feed
        hints = batch.hints or hints
        catches += batch.catches
        said[document.name] = batch.warnings
        read[document.name] = replace(document.validators, entries=batch.entries)
        in_brief |= batch.brief
    if len(found.changed) > _MANY:
        heard(source.key, len(found.changed), len(found.changed))
    led = found.answer.name if found.answer and broken else ""
    held = {name: validators for name, validators in found.unchanged.items() if name != led}
    if broken and not (read or held):
        (_, first), *others = broken.items()
        said |= {name: (what,) for name, what in others}
        return Visit(
            source, error=first, trouble=Trouble(first.partition(":")[0]), said=said, answer=answer, catches=catches
        )
    return Visit(
        source=source,
        items=tuple(items),
        feed=feed,
        documents=read,
        held=held,
        broken=frozenset(broken),
        said=said | {name: (what,) for name, what in broken.items()},
        answer=answer,
        hints=hints,
        signs=tuple(signs),
        catches=catches,
        brief=in_brief,
        whole=partial(_read_in_full, source, found) if in_brief else None,
    )


def _read_in_full(source: Source, found: Found) -> Visit:
    """Read the documents with nothing known of their entries, at once, as others wait for it. Raises nothing."""
    changed = (replace(each, validators=replace(each.validators, entries=b"")) for each in found.changed)
    try:
        return _read(source, replace(found, changed=tuple(changed)), urgent=True)
    except Exception as error:  # a border, as in `visit`
        return _mistaken(source, error)


def _mistaken(source: Source, error: Exception) -> Visit:
    """What a bug of ours leaves of a visit; called where it is caught."""
    _log.error("%s: a mistake in aggregator itself", source.key, exc_info=error)
    what = f"internal error: {type(error).__name__}: {error}; please report it"
    return Visit(source, error=what, trouble=Trouble("internal error"))
