"""Lists of subscriptions that are followed (`[[list]]`): their last good state is kept, remote ones are asked for.

A copy that changes is a change of the config: whoever watches that reads it again.
"""

import asyncio
import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from gettext import gettext as _
from pathlib import Path

from aggregator import importing, languages
from aggregator.config import Config
from aggregator.config import lists as listed
from aggregator.config.lists import SourceList
from aggregator.errors import AggregatorError, FetchError, reason
from aggregator.fetching import loop_factory
from aggregator.model import Fetch, Limits, Validators
from aggregator.network import network
from aggregator.store import sources as stored
from aggregator.store.engine import open_store, reading, writing
from aggregator.text import masked, one_line

_DAY = timedelta(days=1)
_DOUBLED = 16  # times at most: then any interval is more than a day
_VALIDATORS = ("etag", "last_modified", "print", "url")


def follow(config: Config, now: datetime) -> bool:
    """Bring the copies of all lists up to date, and say whether any has changed. It takes as long as their hosts do.

    A remote list is asked for once an `interval` of `[fetch]`, less and less often while it is in trouble, down to once
    a day, and only sent when it has changed. Trouble is kept beside the copy, for `Config.notes`.

    Raises AggregatorError when a copy cannot be written.
    """
    try:
        changed = [_remember(each) for each in config.lists if each.digest]
        due = [each for each in config.lists if each.url and _is_due(each, now)]
        return any([*changed, *(_ask(config, due, now) if due else ())])
    except OSError as error:
        raise AggregatorError(
            _("{file}: the copy of a list cannot be written ({why})").format(file=error.filename, why=reason(error))
        ) from error


def _remember(followed: SourceList) -> bool:
    """Keep the state of a local list that was found to be good. Its copy is no news to anybody."""
    if not followed.file:
        return False
    with suppress(FileNotFoundError):
        now, kept = followed.file.stat(), followed.copy.stat()
        if kept.st_mtime_ns > now.st_mtime_ns and kept.st_size == now.st_size:
            return False
    data, _ = listed.good(followed.file)
    if hashlib.sha256(data).hexdigest() == followed.digest and _differs(followed.copy, data):
        _write(followed.copy, data)
    return False


def _is_due(followed: SourceList, now: datetime) -> bool:
    try:
        return datetime.fromisoformat(listed.said(followed).get("next", "")) <= now
    except (TypeError, ValueError):
        return True


def _ask(config: Config, due: Sequence[SourceList], now: datetime) -> list[bool]:
    """Ask for these lists, side by side: which of them have changed."""
    engine = open_store(config.store)

    async def ask() -> list[bool]:
        async with network(config, hosts, now, remote=True) as (fetch, learned, _):
            try:
                return await asyncio.gather(*(_fetched(config, each, fetch, now) for each in due))
            finally:
                with writing(engine) as db:
                    stored.save_hosts(db, learned())

    try:
        with reading(engine) as db:
            hosts = stored.hosts(db)
        with languages.in_english(), asyncio.Runner(loop_factory=loop_factory()) as runner:  # trouble is kept
            return runner.run(ask())
    finally:
        engine.dispose()


async def _fetched(config: Config, followed: SourceList, fetch: Fetch, now: datetime) -> bool:
    """Ask for a list, and keep it when it is whole and not empty; otherwise all stays as it was."""
    before = listed.said(followed)
    known = {name: before.get(name, "") for name in _VALIDATORS} if followed.known and followed.copy.is_file() else {}
    wait, trouble, said, changed = config.pace.interval, "", known, False
    try:
        etag, last_modified, print_, url = (known.get(name, "") for name in _VALIDATORS)
        validators = Validators(etag, last_modified, "", url or followed.url, print_) if known else Validators()
        document = await fetch(followed.url, validators, Limits(config.fetch.timeout, importing.MAX_BYTES))
        if not document.not_modified:
            found = listed.whole(document.body, followed.name)
            changed = _differs(followed.copy, document.body)
            if changed:
                _refuse_other_kind(followed, found)
                _write(followed.copy, document.body)
        said = {name: getattr(document.validators, name) for name in _VALIDATORS}
        if document.url == followed.url or masked(document.url) != document.url:  # else it is behind a redirect
            said["url"] = ""
    except FetchError as error:
        wait, trouble = max(wait, error.retry_after or wait), str(error)
    except AggregatorError as error:
        trouble = str(error)
    times = 1 + _number(before.get("times", "")) if trouble else 0
    wait = max(wait, min(config.pace.interval * 2 ** min(times - 1, _DOUBLED), _DAY)) if trouble else wait
    said = {**said, "next": (now + wait).isoformat(), "trouble": one_line(masked(trouble)), "times": str(times)}
    _write(followed.memory, json.dumps(said).encode())
    return changed or trouble != before.get("trouble", "")


def _number(said: str) -> int:
    return int(said) if re.fullmatch("[0-9]{1,4}", said) else 0


def _refuse_other_kind(followed: SourceList, found: importing.Found) -> None:
    """Raises AggregatorError for a list of another kind than before: a server's error in JSON is not one of routes."""
    try:
        before = importing.read(followed.copy.read_bytes(), followed.name)
    except (OSError, AggregatorError):
        return
    if before.kind != found.kind and {before.kind, found.kind} != {"urls", "list"}:
        why = f"was {before.kind_name}, and is {found.kind_name} now; if that is meant, remove {followed.copy}"
        raise AggregatorError(f"{followed.name}: {why}")


def _differs(file: Path, data: bytes) -> bool:
    try:
        return file.read_bytes() != data
    except FileNotFoundError:
        return True


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}-{secrets.token_hex(8)}")
    try:
        beside.write_bytes(data)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
