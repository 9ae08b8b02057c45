"""A kind of source whose documents do what they say to the process that reads them. For test_reading."""

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.errors import ParseError
from aggregator.model import Batch, Document, Fetch, Found, Item, Source, Validators

REMOTE = False


@dataclass(frozen=True, slots=True)
class Options:
    """`does` is what each of its documents does."""

    does: tuple[str, ...]


def key(options: Options) -> str:
    """Names the source."""
    return f"kinds:{','.join(options.does)}"


async def documents(source: Source, known: Mapping[str, Validators], fetch: Fetch) -> Found:
    """A document for each word."""
    return Found(tuple(document(what) for what in source.options.does))


def document(what: str) -> Document:
    """A document that does something."""
    return Document(what, what, what.encode())


def read(document: Document, source: Source) -> Batch:
    """Do what the document says."""
    match document.body.decode():
        case "sleep":
            time.sleep(60)
        case "eat":
            return Batch((Item(title=str(len(bytearray(3_000_000_000)))),))
        case "grow":
            return Batch((Item(title="x" * 17_000_000),))
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "leave":
            os._exit(0)
        case "stumble":
            raise ZeroDivisionError("by a mistake")
        case "refuse":
            raise ParseError("not a feed", "it says so")
        case "pid":
            return Batch((Item(title=str(os.getpid())),))
        case "secrets":
            return Batch((Item(title=repr(source.limits.access.headers)),))
    return Batch((Item(title=document.body.decode(), guid=document.name),))
