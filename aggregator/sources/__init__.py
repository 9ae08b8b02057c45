"""Kinds of source, one module each, found by name: `feed` is `aggregator.sources.feed`, a dotted path any module.

A kind is a module with five names:

    Options                             a frozen dataclass: the keys that `[[source]]` may have for this kind
    REMOTE: bool                        True when a visit asks other people's servers, so politeness applies
    key(options) -> str                 what names the source for ever
    async documents(source, known, fetch) -> Found      get what changed since `known`
    read(document, source) -> Batch     pure: bytes in, picklable values out; raises ParseError
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from aggregator.model import Batch, Document, Fetch, Found, Source, Validators


class Kind(Protocol):
    """The shape of a kind's module."""

    Options: type[Any]
    REMOTE: bool
    key: Callable[[Any], str]
    documents: Callable[[Source, Mapping[str, Validators], Fetch], Awaitable[Found]]
    read: Callable[[Document, Source], Batch]


@cache
def find(kind: str) -> Kind:
    """The module of a kind. Raises ModuleNotFoundError when there is none of that name."""
    return cast("Kind", import_module(kind if "." in kind else f"aggregator.sources.{kind}"))
