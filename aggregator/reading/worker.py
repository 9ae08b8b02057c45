"""The process that reads documents: one after another, as it is told, until the one who tells is gone. What can be said
of an item by itself, its signs, is made here as well: the one who tells has all the rest to do.

It has a limit of memory, and ends itself when a document takes far too long and nobody is left to end it.
"""

import contextlib
import copyreg
import pickle
import resource
import signal
import time
import traceback
from dataclasses import dataclass, fields, replace
from multiprocessing.connection import Connection
from operator import attrgetter
from pathlib import Path
from typing import Any

from aggregator import __version__, brief, sources
from aggregator.errors import ParseError
from aggregator.identity import PRINTS, signs
from aggregator.model import Batch, Document, Enclosure, Image, Item, Link, Person, Signs, Source, Tag, Validators

MEMORY = 1_000_000_000
"""Bytes of address space (RLIMIT_AS); a usual document needs a third of it, libraries included."""
SECONDS = 20.0
"""For one document. A feed of 10 MB, the largest there may be, takes a quarter of that on a slow machine."""
GROWTH, ALLOWED = 4, 16_000_000
"""What was read may have so many times the bytes of its document, and so many more: 10,000 short items need 2 MB, and
as many of a news sitemap, which is gzipped, 10 MB. A long `xml:base`, which is written out in each link, would make
hundreds of megabytes of a few hundred kilobytes."""
LARGE, QUICK = 1_000_000, 0.5
"""Bytes of a document, and seconds of computing that it may take, for its entries to be remembered, and left in brief:
it is held until its visit is saved, and may have to be read in full then, while all others wait to be saved."""
_loaded: set[str] = set()  # kinds that have read here: before, to load what they need takes longer than a document


@dataclass(frozen=True, slots=True)
class Mistake:
    """A bug of ours that a document has shown: `what` in one line, and the trace."""

    what: str
    trace: str


def main(descriptor: int) -> None:
    """Read what comes in on a socket, and answer each."""
    with contextlib.suppress(OSError):  # where memory runs out, Linux is to end this one and no other
        Path("/proc/self/oom_score_adj").write_text("1000")
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, MEMORY)
    for kind in (Batch, Enclosure, Image, Item, Link, Person, Signs, Tag):  # those that there are many of
        pickle_by_fields(kind)
    with Connection(descriptor) as line, contextlib.suppress(EOFError, ConnectionError):
        while True:
            kind, document, source = pickle.loads(line.recv_bytes())  # noqa: S301 - our own process wrote it
            document = replace(document, body=line.recv_bytes())
            signal.setitimer(signal.ITIMER_REAL, 2 * SECONDS)  # SIGALRM ends a process that does not heed it
            line.send_bytes(_answer(kind, document, source))
            signal.setitimer(signal.ITIMER_REAL, 0)


def pickle_by_fields(kind: type[Any]) -> None:
    """From now on this process pickles values of a dataclass as its arguments: that is much faster, to make them again
    as well, than the state by name that `dataclass` writes for frozen classes with slots."""
    taken = attrgetter(*(field.name for field in fields(kind)))
    copyreg.pickle(kind, lambda value: (kind, taken(value)))


def _answer(kind: str, document: Document, source: Source) -> bytes:
    made: Batch | ParseError | Mistake
    try:
        made = _read(kind, document, source)
    except ParseError as error:
        made = error
    except MemoryError:
        made = ParseError("too expensive", f"{document.name}: reading it takes more than 1 GB of memory; given up")
    except Exception as error:  # a border: a bug is said, and the next document is read
        made = Mistake(f"{type(error).__name__}: {error}", traceback.format_exc())
    answer = pickle.dumps(made)
    if len(answer) > GROWTH * len(document.body) + ALLOWED:
        what = f"{document.name}: what it holds has {len(answer):,} bytes when it is read; given up"
        return pickle.dumps(ParseError("too expensive", what))
    return answer


def _read(kind: str, document: Document, source: Source) -> Batch:
    """What a document holds, with the signs of its items. Where these do not tell all apart, it takes whole items to
    put them in order."""
    began, is_small = time.process_time(), len(document.body) <= LARGE
    stamp = brief.stamp(__version__, PRINTS)
    if not (is_small and document.validators.entries.startswith(stamp)):
        document = replace(document, validators=Validators())
    batch = sources.find(kind).read(document, source)
    known = brief.unpacked(document.validators.entries)
    prints = batch.prints or (b"",) * len(batch.items)
    own = tuple(signs(item, known.get(each)) for item, each in zip(batch.items, prints, strict=True))
    in_brief = frozenset(item for item, each in zip(batch.items, prints, strict=True) if each in known)
    is_quick = kind not in _loaded or time.process_time() - began <= QUICK
    _loaded.add(kind)
    entries = brief.packed(stamp, prints, own) if is_small and is_quick else b""
    if in_brief and not entries:
        return _read(kind, replace(document, validators=Validators()), source)
    return replace(batch, signs=own, prints=(), entries=entries, brief=in_brief)


def _limit(what: int, most: int) -> None:
    """Lower a limit, where the system lets us."""
    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
